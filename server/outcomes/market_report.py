"""What the report says of a marketplace: its practices as cards, who visited what, what stalls wrote down, the panel of
who with whom, and the activities that organisations prepare together.

Practices and activities are told in the same way of a session and of a path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..activities.contract.peers import Status
from ..files.document import Block, Chapter, Details, Item, Items, Paragraph, Table
from .telling import Telling

#: What a marketplace leaves; those that name nobody else.
KINDS = ("practice", "marketplace", "stall_note", "panel", "peer_activity")
#: Fields of a practice in the order of its card, texts first and then lists of tags.
CARD = ("place", "organisation", "instrument", "years", "problem", "done", "results", "limits", "improvements")
TAGS = ("offers", "needs", "conditions")
#: A matrix of so many organisations has room for words in its cells, of so many for signs; a larger one is a list.
WORDS_FIT, SIGNS_FIT = 5, 14
SIGNS: Mapping[Status, str] = {"proposed": "○", "accepted": "●", "scheduled": "■", "done": "✓", "dropped": "×"}
#: Agreed: both sides have said yes.
AGREED = ("accepted", "scheduled", "done")
#: Columns by round and group beside the total; more of them do not fit a page.
MOST_COLUMNS = 7

Outcome = Mapping[str, Any]


def chapters(tell: Telling, outcomes: Sequence[Outcome]) -> list[Chapter]:
    """One for each marketplace."""
    stages: dict[str, list[Outcome]] = {}
    for one in outcomes:
        if one["kind"] in KINDS:
            stages.setdefault(one["stage"], []).append(one)
    return [_market(tell, found, len(stages) > 1) for found in stages.values()]


def _market(tell: Telling, found: Sequence[Outcome], several: bool) -> Chapter:
    def of(kind: str) -> list[Outcome]:
        return [one for one in found if one["kind"] == kind]

    parts: list[Chapter | None] = []
    blocks: list[Block] = []
    for market in of("marketplace"):
        blocks += _about(tell, market)
        parts.append(_visits(tell, market))
    parts += [practices(tell, of("practice")), _notes(tell, of("stall_note"))]
    parts += [_panel(tell, panel) for panel in of("panel")]
    parts.append(peers(tell, of("peer_activity")))
    title = tell("market.title")
    if several:
        title = tell.listed([title, tell.text(found[0]["stage_title"])], " · ")
    return Chapter(title, tuple(blocks), tuple(part for part in parts if part is not None), apart=True)


def said(tell: Telling, value: Any) -> str:
    """A text by language or a plain one, as files of different ages have it."""
    return tell.text(value) if isinstance(value, Mapping) else str(value or "")


# The rounds


def _about(tell: Telling, market: Outcome) -> list[Block]:
    rows = [
        (tell("market.stalls"), tell.number(len(market["stalls"]))),
        (tell("market.people"), tell.number(market["people"])),
        (tell("market.rounds"), tell.number(market["rounds"])),
    ]
    plan = market.get("plan")
    if plan:
        rows += _plan(tell, plan)
    if market.get("free_circulation"):
        rows.append((tell("market.circulation"), tell("market.circulation_free")))
    rated: dict[str, int] = {}
    for counts in (market.get("ratings") or {}).values():
        for how, n in counts.items():
            rated[how] = rated.get(how, 0) + n
    if rated:
        counted = [tell(f"market.rated_{how}", n=rated[how]) for how in RATINGS if rated.get(how)]
        rows.append((tell("market.rated"), tell.listed(counted, " · ")))
    blocks: list[Block] = []
    lead = said(tell, market.get("practices"))
    if lead:
        blocks.append(Paragraph(lead, "lead", tell.foreign(market["practices"])))
    blocks.append(Details(tuple(rows)))
    if market.get("note"):
        blocks.append(Paragraph(said(tell, market["note"]), "small", tell.foreign(market["note"])))
    return blocks


RATINGS = ("useful", "too_short", "not_for_me", "did_not_take_place")


def _plan(tell: Telling, plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    totals = plan.get("totals") or {}
    rows = []
    if plan.get("quality") is not None:
        rows.append((tell("market.quality"), tell("market.quality_of", share=tell.per_mille(plan["quality"]))))
    top = totals.get("top1") or {}
    if top.get("of"):
        key = "market.top_most" if top.get("most_possible") is not None else "market.top_of"
        most = tell.number(top.get("most_possible") or 0)
        rows.append(
            (tell("market.top"), tell(key, reached=tell.number(top["reached"]), of=tell.number(top["of"]), most=most))
        )
    if totals.get("mix_index") is not None:
        rows.append((tell("market.mix"), tell("market.mix_of", share=tell.per_mille(totals["mix_index"]))))
    if totals.get("people_with_zero_interest_round") is not None:
        n = totals["people_with_zero_interest_round"]
        rows.append((tell("market.bored"), tell("market.bored_n", n=n)))
    if totals.get("colleagues_together") is not None:
        rows.append((tell("market.colleagues"), tell.number(totals["colleagues_together"])))
    return rows


def _visits(tell: Telling, market: Outcome) -> Chapter | None:
    stalls = market["stalls"]
    if not stalls:
        return None
    rounds = max((len(stall["by_round"]) for stall in stalls), default=0)
    groups = list(dict.fromkeys(group for stall in stalls for group in stall.get("by_group") or {}))
    if rounds + len(groups) > MOST_COLUMNS:
        rounds = 0
    head = [tell("market.stall"), tell("market.visits")]
    head += [tell("market.round", n=n) for n in range(1, rounds + 1)]
    head += [tell.group(group) for group in groups]
    rows = []
    for stall in stalls:
        cells = [said(tell, stall["title"]), tell.number(stall["visits"])]
        cells += [tell.number(n) for n in (*stall["by_round"], *[0] * rounds)[:rounds]]
        cells += [tell.number((stall.get("by_group") or {}).get(group, 0)) for group in groups]
        rows.append(tuple(cells))
    widths = (7, 2, *[2] * rounds, *[3] * len(groups))
    blocks: list[Block] = [
        Table(tell("market.visits_caption"), tuple(head), tuple(rows), tuple(range(1, len(head))), widths)
    ]
    if not groups:
        blocks.append(Paragraph(tell("market.no_groups"), "small"))
    return Chapter(tell("market.visits_title"), tuple(blocks))


# Practices


def practices(tell: Telling, found: Sequence[Outcome]) -> Chapter | None:
    """Each as a card, with what it says and nothing for what it does not."""
    if not found:
        return None
    return Chapter(tell("market.practices"), (), tuple(_practice(tell, one) for one in found))


def _practice(tell: Telling, one: Outcome) -> Chapter:
    rows = [(tell(f"market.{name}"), practice_said(tell, one, name)) for name in (*CARD, *TAGS)]
    if one.get("contact_consent"):
        rows.append((tell("market.contact"), tell("market.contact_yes")))
    rows.append((tell("market.source"), practice_said(tell, one, "source")))
    filled = tuple(row for row in rows if row[1])
    title = said(tell, one["title"]) or str(one["practice"])
    blocks = (Details(filled),) if filled else (Paragraph(tell("market.no_card"), "small"),)
    return Chapter(title, blocks, language=tell.foreign(one["title"]))


def practice_said(tell: Telling, one: Outcome, name: str) -> str:
    """A field of a practice in words; "" where it says nothing."""
    value = one.get(name)
    if not value:
        return ""
    if name == "results":
        lines = []
        for result in value:
            what, how = said(tell, result["value"]), said(tell, result.get("evidence"))
            lines.append(tell("market.evidence", what=what, how=how) if how else what)
        return "\n".join(line for line in lines if line)
    if name in TAGS:
        return tell.listed((said(tell, tag) for tag in value), "; ")
    return said(tell, value)


def _notes(tell: Telling, notes: Sequence[Outcome]) -> Chapter | None:
    """What was written at each stall: what was learned first, then questions and notes."""
    if not notes:
        return None
    stalls: dict[str, list[Outcome]] = {}
    for note in notes:
        stalls.setdefault(note["stall"], []).append(note)
    shown = {id for id, _, _ in tell.shown}
    items = []
    for found in stalls.values():
        items.append(Item(said(tell, found[0]["practice"])))
        for note in sorted(found, key=lambda one: FORMS.index(one["form"]) if one["form"] in FORMS else len(FORMS)):
            about = [tell(f"market.form_{note['form']}")] if note["form"] in FORMS else []
            if note.get("own_group") in shown:
                about.append(tell.group(note["own_group"]))
            items.append(Item(str(note["text"]), tell.listed(about, " · "), 1))
    return Chapter(tell("market.notes"), (Items(tuple(items)),))


FORMS = ("learned", "question", "note")


# The panel


def _panel(tell: Telling, panel: Outcome) -> Chapter:
    names = {one["id"]: str(one["name"]) for one in panel["organisations"]}
    parts = [
        _organisations(tell, panel),
        _matrix(tell, panel, names),
        _pairs(tell, panel, names),
        _without(tell, panel, names),
        _unoffered(tell, panel),
    ]
    return Chapter(tell("market.panel"), (), tuple(part for part in parts if part is not None))


def _organisations(tell: Telling, panel: Outcome) -> Chapter | None:
    rows = tuple(
        (
            str(one["name"]),
            *(tell.listed((said(tell, tag) for tag in one.get(name) or ()), "; ") for name in ("offers", "needs")),
        )
        for one in panel["organisations"]
    )
    if not rows:
        return None
    head = (tell("market.organisation"), tell("market.offers"), tell("market.needs"))
    return Chapter(tell("market.organisations"), (Table("", head, rows, (), (3, 5, 5)),))


def _matrix(tell: Telling, panel: Outcome, names: Mapping[str, str]) -> Chapter | None:
    status: dict[tuple[str, str], str] = {}
    for cell in panel["matrix"]:
        status[cell["a"], cell["b"]] = status[cell["b"], cell["a"]] = cell["status"]
    if not status:
        return None
    ids = list(names)
    used = [one for one in SIGNS if one in status.values()]
    title = tell("market.matrix")
    if len(ids) > SIGNS_FIT:
        items = [
            Item(
                names[a],
                tell.listed(f"{names[b]} ({peer_status(tell, status[a, b])})" for b in ids if (a, b) in status),
            )
            for a in ids
            if any((a, b) in status for b in ids)
        ]
        return Chapter(title, (Items(tuple(items)),))
    in_words = len(ids) <= WORDS_FIT
    heads = [names[id] if in_words else str(n) for n, id in enumerate(ids, 1)]
    rows = []
    for n, a in enumerate(ids, 1):
        cells = [names[a] if in_words else f"{n} {names[a]}"]
        for b in ids:
            found = status.get((a, b), "")
            sign = SIGNS.get(found, found)  # type: ignore[call-overload]
            words = f"{sign} {peer_status(tell, found)}" if in_words and found else sign
            cells.append("–" if a == b else words)
        rows.append(tuple(cells))
    key = tell.listed((f"{SIGNS[one]} {peer_status(tell, one)}" for one in used), " · ")
    widths = (3, *[3] * len(ids)) if in_words else (8, *[1] * len(ids))
    table = Table(tell("market.matrix_caption"), (tell("market.organisation"), *heads), tuple(rows), (), widths)
    return Chapter(title, (table, Paragraph(tell("market.matrix_key", signs=key), "small")))


def _pairs(tell: Telling, panel: Outcome, names: Mapping[str, str]) -> Chapter | None:
    items = []
    for pair in panel["pairs"]:
        how = tell("market.mutual" if pair["mutual"] else "market.one_sided")
        items.append(Item(f"{names.get(pair['a'], pair['a'])} – {names.get(pair['b'], pair['b'])}", how))
        for reason in pair["reasons"]:
            items.append(
                Item(
                    reason_said(tell, names.get(reason["from"], ""), names.get(reason["to"], ""), reason["tags"]), "", 1
                )
            )
    return Chapter(tell("market.pairs"), (Items(tuple(items)),)) if items else None


def reason_said(tell: Telling, offers: str, needs: str, tags: Iterable[Any]) -> str:
    return tell("market.reason", offers=offers, needs=needs, what=tell.listed((said(tell, tag) for tag in tags), "; "))


def _without(tell: Telling, panel: Outcome, names: Mapping[str, str]) -> Chapter | None:
    items = [Item(names.get(id, str(id))) for id in panel["without"]]
    return Chapter(tell("market.without"), (Items(tuple(items)),)) if items else None


def _unoffered(tell: Telling, panel: Outcome) -> Chapter | None:
    items = [Item(said(tell, tag)) for tag in panel["unoffered"]]
    lead = Paragraph(tell("market.unoffered_lead"), "small")
    return Chapter(tell("market.unoffered"), (lead, Items(tuple(items)))) if items else None


# What organisations prepare together


def peers(tell: Telling, found: Sequence[Outcome]) -> Chapter | None:
    """Topic, format, date, who looks after it on each side, first step and status; those that were agreed first."""
    if not found:
        return None
    rows = []
    for one in sorted(found, key=lambda one: (STATUSES.index(one["status"]), one.get("date") or "9999")):
        about = [one.get("topic") or "", peer_format(tell, one.get("format"))]
        steps = [one.get("first_step") or ""]
        if one.get("result"):
            steps.append(tell("market.result_is", what=str(one["result"])))
        dates = [tell.partial(one["date"]) if one.get("date") else tell("market.no_date")]
        if one.get("follow_up"):
            dates.append(tell("market.follow_up_on", day=tell.partial(one["follow_up"])))
        rows.append(
            (
                parties_said(one),
                "\n".join(part for part in about if part) or tell("market.no_topic"),
                "\n".join(dates),
                owners_said(tell, one) or tell("market.nobody"),
                "\n".join(part for part in steps if part),
                peer_status(tell, one["status"]),
            )
        )
    head = tuple(tell(f"market.{key}") for key in ("parties", "about", "when", "owners", "first_step", "status"))
    agreed = sum(one["status"] in AGREED for one in found)
    blocks: list[Block] = [Paragraph(tell("market.peers_lead", n=len(found), agreed=tell.number(agreed)))]
    if len(rows) == sum(one["status"] == "proposed" for one in found):
        blocks = [Paragraph(tell("market.peers_proposed", n=len(found)))]
    blocks.append(Table(tell("market.peers_caption"), head, tuple(rows), (), (4, 4, 3, 4, 4, 3)))
    return Chapter(tell("market.peers"), tuple(blocks))


#: What was agreed stands before what was only proposed or given up.
STATUSES: tuple[Status, ...] = ("scheduled", "accepted", "done", "proposed", "dropped")


def parties_said(one: Outcome) -> str:
    return " – ".join(str(party["name"]) for party in one["parties"])


def owners_said(tell: Telling, one: Outcome) -> str:
    """Who looks after it, side by side; "" where nobody was named."""
    return "\n".join(
        tell("market.owner", name=str(party["name"]), owner=str(party["owner"]))
        for party in one["parties"]
        if party.get("owner")
    )


def peer_status(tell: Telling, status: str) -> str:
    key = f"market.status_{status}"
    return tell(key) if tell.words.has(key) else status


def peer_format(tell: Telling, code: str | None) -> str:
    key = f"market.format_{code}"
    return "" if not code else tell(key) if tell.words.has(key) else code


def connections(outcomes: Iterable[Outcome]) -> int:
    """Activities that their parties agreed on."""
    return sum(one["kind"] == "peer_activity" and one["status"] in AGREED for one in outcomes)
