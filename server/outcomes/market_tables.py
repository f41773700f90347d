"""The sheets of marketplaces: practices, visits, notes of the stalls, the panel and peer activities; one row for one
thing each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..files.sheets import Cell, Sheet
from .market_report import owners_said, parties_said, practice_said, reason_said, said
from .telling import Telling

Row = list[Cell]
Outcome = Mapping[str, Any]

PRACTICES = (
    "Stage", "Practice", "Title", "Place", "Organisation", "Instrument", "Years", "Problem", "Done", "Results", "Limits",
    "Improvements", "Offers", "Needs", "Conditions", "Source", "Contact Consent",
)  # fmt: skip
VISITS = ("Stage", "Stall", "Title", "Round", "Group", "Visits")
NOTES = ("Stage", "Stall", "Title", "Kind", "Text", "Group")
PANEL = ("Stage", "Kind", "Organisation", "Other", "Mutual", "Status", "Reasons")
PEERS = (
    "Stage", "Peer Activity", "Parties", "Mutual", "Topic", "Format", "Date", "Owners", "First Step", "Status", "Result",
    "Follow Up", "Reasons",
)  # fmt: skip


def sheets(tell: Telling, outcomes: Sequence[Outcome]) -> list[Sheet]:
    """Those that have a row."""
    panels = [one for one in outcomes if one["kind"] == "panel"]
    markets = [one for one in outcomes if one["kind"] == "marketplace"]
    notes = [one for one in outcomes if one["kind"] == "stall_note"]
    found = [
        *practices(tell, [one for one in outcomes if one["kind"] == "practice"]),
        Sheet("Visits", [list(VISITS), *(row for one in markets for row in _visits(tell, one))]),
        Sheet("Stall Notes", [list(NOTES), *(_note(tell, one) for one in notes)]),
        Sheet("Panel", [list(PANEL), *(row for one in panels for row in _panel(tell, one))]),
        *peers(tell, [one for one in outcomes if one["kind"] == "peer_activity"]),
    ]
    return [sheet for sheet in found if len(sheet.rows) > 1]


def practices(tell: Telling, found: Sequence[Outcome], more: Sequence[str] = ()) -> list[Sheet]:
    """more: names of fields that come before, by the names of their columns in small letters."""
    head = [*more, *PRACTICES]
    return [Sheet("Practices", [list(head), *([*_more(one, more), *_practice(tell, one)] for one in found)])]


def peers(tell: Telling, found: Sequence[Outcome], more: Sequence[str] = ()) -> list[Sheet]:
    """As `practices`."""
    head = [*more, *PEERS]
    return [Sheet("Peer Activities", [list(head), *([*_more(one, more), *_peer(tell, one)] for one in found)])]


def _more(one: Outcome, names: Iterable[str]) -> Row:
    return [one.get(name.lower()) for name in names]


def _practice(tell: Telling, one: Outcome) -> Row:
    names = (
        "title", "place", "organisation", "instrument", "years", "problem", "done", "results", "limits", "improvements",
        "offers", "needs", "conditions", "source",
    )  # fmt: skip
    cells = [practice_said(tell, one, name) or None for name in names]
    return [one["stage"], one["practice"], *cells, "yes" if one.get("contact_consent") else "no"]


def _visits(tell: Telling, market: Outcome) -> list[Row]:
    """One row per stall and round, then one per stall and group; an empty group is everybody, an empty round all."""
    rows: list[Row] = []
    for stall in market["stalls"]:
        head: Row = [market["stage"], stall["stall"], said(tell, stall["title"]) or None]
        rows += [[*head, n, None, visits] for n, visits in enumerate(stall["by_round"], 1)]
        rows += [[*head, None, group, visits] for group, visits in (stall.get("by_group") or {}).items()]
    return rows


def _note(tell: Telling, note: Outcome) -> Row:
    practice = said(tell, note["practice"]) or None
    return [note["stage"], note["stall"], practice, note["form"], note["text"], note.get("own_group")]


def _panel(tell: Telling, panel: Outcome) -> list[Row]:
    """`pair` with how far it came, `without` for an organisation that has none, `unoffered` for a need nobody meets."""
    names = {one["id"]: str(one["name"]) for one in panel["organisations"]}
    pairs = {frozenset((pair["a"], pair["b"])): pair for pair in panel["pairs"]}
    rows: list[Row] = []
    for cell in panel["matrix"]:
        pair = pairs.get(frozenset((cell["a"], cell["b"])))
        reasons = [
            reason_said(tell, names.get(one["from"], ""), names.get(one["to"], ""), one["tags"])
            for one in (pair or {}).get("reasons", ())
        ]
        mutual = None if pair is None else "yes" if pair["mutual"] else "no"
        ends = [names.get(cell[end], cell[end]) for end in ("a", "b")]
        rows.append([panel["stage"], "pair", *ends, mutual, cell["status"], " ".join(reasons) or None])
    rows += [[panel["stage"], "without", names.get(id, id), None, None, None, None] for id in panel["without"]]
    rows += [[panel["stage"], "unoffered", None, None, None, None, said(tell, tag)] for tag in panel["unoffered"]]
    return rows


def _peer(tell: Telling, one: Outcome) -> Row:
    names = {party["organisation"]: str(party["name"]) for party in one["parties"]}
    reasons = [
        reason_said(tell, names.get(offers, ""), names.get(needs, ""), [tag])
        for offers, needs, tag in one.get("reasons") or ()
    ]
    return [
        one["stage"],
        one["peer"],
        parties_said(one),
        "yes" if one.get("mutual") else "no",
        one.get("topic"),
        one.get("format"),
        one.get("date"),
        owners_said(tell, one).replace("\n", "; ") or None,
        one.get("first_step"),
        one["status"],
        one.get("result"),
        one.get("follow_up"),
        " ".join(reasons) or None,
    ]
