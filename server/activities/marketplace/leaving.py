"""What is left of a marketplace: its practices, who visited what, notes from the stalls, the panel and what was agreed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contract import fold
from ..contract.peers import Party, PeerActivity
from .messages import Card
from .shown import is_mutual, quality_of, totals_of
from .state import (
    Peer,
    Stall,
    State,
    begun_rounds,
    group_of,
    on_the_panel,
    stall_organisation,
    standing,
    title_of,
    visits,
)
from .tagging import asked_for, offered_by, texts

Row = dict[str, Any]


def outcomes(state: State) -> list[Row]:
    """One {"kind": "practice"} for each stall, then marketplace, visits, stall_note, panel and peer_activity, where
    there are any.

    Texts are by language. `visits` names people and is for a later stage of the session only: `internal`.
    """
    left = [_practice(state, stall) for stall in standing(state) if any(title_of(stall).values())]
    if any(_visitors(state).values()):
        left.append(_marketplace(state))
        left.append({"kind": "visits", "internal": True, "rounds": _together(state)})
    left += [
        {
            "kind": "stall_note",
            "stall": note.stall,
            "practice": dict(title_of(state.stalls[note.stall])),
            "form": note.form,
            "text": note.text,
            "own_group": note.own_group,
        }
        for note in state.notes.values()
        if note.text and note.stall in state.stalls
    ]
    if state.pairs is not None or any(not peer.dropped for peer in state.peers.values()):
        left.append(_panel(state))
    left += [_peer(state, peer) for peer in state.peers.values() if not peer.dropped or peer.is_touched]
    return left


def rows(state: State) -> list[Row]:
    """Tables for a file, one dict a row; "sheet" says in which table it stands: practices, stalls, visits (by person and
    round), notes, peer_activities, panel (organisation by organisation)."""
    titles = {stall.id: title_of(stall) for stall in state.stalls.values()}
    table: list[Row] = [
        {"sheet": "practices"} | {key: value for key, value in _practice(state, stall).items() if key != "kind"}
        for stall in standing(state)
    ]
    for n, stall in enumerate(standing(state), 1):
        counts = [sum(stall.id in stalls for stalls in visits(state, number).values()) for number in state.rounds]
        table.append(
            {
                "sheet": "stalls",
                "n": n,
                "stall": stall.id,
                "title": titles[stall.id],
                "organisation": _organisation_name(state, stall),
                "table": stall.table,
                "capacity": stall.capacity,
                "minimum": stall.minimum,
                "open": list(stall.open or range(1, state.setup.rounds + 1)),
                "hosts": len(stall.hosts),
                "visits": sum(counts),
                "by_round": counts,
            }
        )
    for number in begun_rounds(state):
        stood = state.stays.get(number, {})
        for person, stalls in sorted(visits(state, number).items()):
            table += [
                {
                    "sheet": "visits",
                    "round": number,
                    "person": person,
                    "group": group_of(state, person),
                    "stall": stall,
                    "title": titles[stall],
                    # Who was not seen counts where the plan put them.
                    "seen": person in stood,
                    "how": state.ratings.get(number, {}).get(person),
                }
                for stall in stalls
            ]
    table += [
        {"sheet": "notes", "stall": note.stall, "title": titles.get(note.stall), "form": note.form, "text": note.text}
        for note in state.notes.values()
        if note.text
    ]
    table += [
        {"sheet": "peer_activities"} | {key: value for key, value in _peer(state, peer).items() if key != "kind"}
        for peer in state.peers.values()
        if not peer.dropped or peer.is_touched
    ]
    ids = on_the_panel(state)
    matrix = _matrix(state)
    table += [
        {"sheet": "panel", "organisation": state.names.get(a) or a}
        | {"with": {state.names.get(b) or b: matrix.get(frozenset((a, b)), "") for b in ids if b != a}}
        for a in ids
    ]
    return table


def _organisation_name(state: State, stall: Stall) -> str | None:
    return state.names.get(stall_organisation(stall) or "") or stall.organisation


def _practice(state: State, stall: Stall) -> Row:
    """Of the shape of `contract.peers.Practice`, without what nobody filled in."""
    card: Card = stall.card
    row: Row = {"kind": "practice", "practice": stall.id, "title": dict(title_of(stall))}
    for name in ("place", "instrument", "problem", "done", "limits", "improvements", "source"):
        said = _said(getattr(card, name))
        if said:
            row[name] = said
    organisation = _organisation_name(state, stall)
    if organisation:
        row["organisation"] = organisation
    if card.years:
        row["years"] = card.years
    row["results"] = [
        {"value": value} | ({"evidence": evidence} if (evidence := _said(one.evidence)) else {})
        for one in card.results or ()
        if (value := _said(one.value))
    ]
    for name in ("offers", "needs", "conditions"):
        row[name] = [said for tag in getattr(card, name) or () if (said := _said(tag))]
    row["contact_consent"] = bool(card.contact_consent)
    return row


def _said(words: Mapping[str, str] | None) -> dict[str, str]:
    return {language: text for language, text in (words or {}).items() if text}


def _visitors(state: State) -> dict[int, dict[str, tuple[str, ...]]]:
    return {number: visits(state, number) for number in begun_rounds(state)}


def _marketplace(state: State) -> Row:
    """by_group is left out where a group would be too small to stay unknown."""
    by_round = _visitors(state)
    people = {person: True for found in by_round.values() for person in found}
    sizes: dict[str | None, int] = {}
    for person in people:
        group = group_of(state, person)
        sizes[group] = sizes.get(group, 0) + 1
    shown = fold(sizes)
    stalls = []
    for stall in standing(state):
        visitors = [person for found in by_round.values() for person, places in found.items() if stall.id in places]
        row: Row = {
            "stall": stall.id,
            "title": dict(title_of(stall)),
            "visits": len(visitors),
            "by_round": [
                sum(stall.id in places for places in by_round.get(number, {}).values())
                for number in range(1, state.round + 1)
            ],
        }
        groups: dict[str, int] = {}
        for person in visitors:
            group = group_of(state, person)
            if group in shown:
                groups[shown[group]] = groups.get(shown[group], 0) + 1
        if groups:
            row["by_group"] = dict(sorted(groups.items()))
        stalls.append(row)
    left: Row = {
        "kind": "marketplace",
        "stalls": stalls,
        "rounds": state.round,
        "people": len(people),
        "free_circulation": state.free,
        "ratings": {str(number): _counted(rated.values()) for number, rated in sorted(state.ratings.items())},
    }
    practices = state.setup.practices
    if practices is not None:
        left["practices"] = dict(practices.title)
        left |= {name: dict(text) for name in ("credit", "note") if (text := getattr(practices, name))}
    if state.plan is not None:
        totals = totals_of(state.plan)
        told = state.plan.document["objective"]
        left["plan"] = {
            "number": state.plan.number,
            "from_round": state.plan.from_round,
            "quality": quality_of(state.plan),
            "value": told.get("value"),
            "bound": told.get("bound"),
            "totals": {name: part for name, part in totals.items() if name != "coverage"},
        }
        left["mix"] = totals["mix_index"]
    return left


def _counted(values: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return dict(sorted(counts.items()))


def _together(state: State) -> list[list[list[str]]]:
    """[[[who was at one stall], ...] for each round], hosts on duty with their visitors."""
    rounds = []
    for number in begun_rounds(state):
        tables: dict[str, list[str]] = {}
        for person, stalls in visits(state, number).items():
            for stall in stalls:
                tables.setdefault(stall, []).append(person)
        begun = state.rounds.get(number)
        for person, stall in (begun.duty if begun is not None else {}).items():
            if stall in tables and person not in tables[stall]:
                tables[stall].append(person)
        rounds.append([sorted(people) for people in tables.values() if len(people) > 1])
    return rounds


def _matrix(state: State) -> dict[frozenset[str], str]:
    """How far any two organisations came: the status of their activity, else that they were proposed to each other."""
    found: dict[frozenset[str], str] = {}
    if state.pairs is not None:
        for pair in state.pairs.proposal["pairs"]:
            found[frozenset((pair["a"], pair["b"]))] = "proposed"
    for peer in state.peers.values():
        if peer.dropped:
            continue
        for one in peer.parties:
            for other in peer.parties:
                if one < other:
                    found[frozenset((one, other))] = peer.status
    return found


def _panel(state: State) -> Row:
    left: Row = {
        "kind": "panel",
        "organisations": [
            {
                "id": id,
                "name": state.names.get(id) or id,
                "offers": [dict(tag) for tag in texts(state, offered_by(state, id))],
                "needs": [dict(tag) for tag in texts(state, asked_for(state, id))],
            }
            for id in on_the_panel(state)
        ],
        "matrix": [
            {"a": min(pair), "b": max(pair), "status": status}
            for pair, status in sorted(_matrix(state).items(), key=lambda one: sorted(one[0]))
        ],
        "pairs": [],
        "without": [],
        "unoffered": [],
    }
    if state.pairs is not None:
        told = state.pairs.proposal
        left["pairs"] = [
            {
                "a": pair["a"],
                "b": pair["b"],
                "mutual": pair["mutual"],
                "reasons": [
                    {
                        "from": reason["offers"],
                        "to": reason["needs"],
                        "tags": [dict(tag) for tag in texts(state, reason["tags"])],
                    }
                    for reason in pair["reasons"]
                ],
            }
            for pair in told["pairs"]
        ]
        left["without"] = list(told["without"])
        left["unoffered"] = [dict(tag) for tag in texts(state, told["unoffered"])]
    return left


def _peer(state: State, peer: Peer) -> Row:
    reasons = []
    if state.pairs is not None:
        for pair in state.pairs.proposal["pairs"]:
            if {pair["a"], pair["b"]} <= set(peer.parties):
                reasons += [
                    (reason["offers"], reason["needs"], tag)
                    for reason in pair["reasons"]
                    for tag in texts(state, reason["tags"])
                ]
    activity = PeerActivity(
        peer=peer.peer,
        parties=tuple(
            Party(
                organisation=id,
                name=state.names.get(id) or id,
                owner=peer.owners.get(id) or None,
                accepted=id in peer.accepted,
            )
            for id in peer.parties
        ),
        mutual=is_mutual(state, peer),
        topic=peer.topic,
        format=peer.format,
        date=peer.date,
        first_step=peer.first_step,
        status=peer.status,
        reasons=tuple(reasons[:40]),
        versions=dict(sorted(peer.revisions.items())),
    )
    return {"kind": "peer_activity"} | activity.model_dump(mode="json")
