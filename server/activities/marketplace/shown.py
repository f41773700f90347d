"""What each screen is sent (MATCHING 3.9, 10). No view holds a veto or one person's wish; phones and walls hold no
person at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..contract import Happening, Me, Text
from ..contract.small_cells import OTHER, SMALLEST
from . import messages as m
from . import pairing
from .messages import Card
from .placing import difference, foreseen, held_pins, place_in, reasons, seats
from .state import (
    FREEZE,
    Pairs,
    Peer,
    Plan,
    Stall,
    State,
    group_of,
    here,
    hosts_of,
    is_late,
    kept,
    known_organisations,
    next_round,
    on_the_panel,
    places,
    presented,
    running,
    stall_organisation,
    standing,
    standing_at,
    title_of,
    visiting_round,
    visits,
)
from .tagging import asked_for, offered_by, tags_of, texts

Shown = dict[str, Any]


def view(state: State, screen: str) -> Shown:
    now = running(state)
    last = state.rounds.get(state.round)
    shown: Shown = {
        "level": state.level,
        "phase": state.phase,
        "round": state.round,
        "rounds": state.setup.rounds,
        "state": "running" if now is not None else "over" if last is not None else "waiting",
        "minutes": state.setup.minutes,
        "free": state.free,
        "entry": state.setup.entry,
        "published": state.plan is not None,
        "stalls": [_stall(state, stall, n, screen) for n, stall in enumerate(standing(state), 1)],
        "groups_here": _by_group(state, here(state)),
        "organisations": [{"id": id, "name": name} for id, name in known_organisations(state).items()],
    }
    if now is not None:
        shown["ends_at"] = now.ends_at
        if next_round(state) is not None:
            shown["next_at"] = now.ends_at + state.setup.walk * 1000
    elif last is not None and last.ended_at is not None and next_round(state) is not None and state.setup.walk:
        # People walk to their next stall.
        shown["next_at"] = last.ended_at + state.setup.walk * 1000
    practices = state.setup.practices
    note = state.setup.note or (practices.note if practices else None)
    if note:
        shown["note"] = note
    if practices and practices.credit:
        shown["credit"] = practices.credit
    if state.plan is not None:
        shown["plan"] = {"number": state.plan.number}
    if state.setup.panel:
        shown["panel"] = _panel(state, screen)
    if screen == "wall" and state.phase == "before":
        shown["wished"] = _wished(state)
    return shown | _for_the_desk(state) if screen == "desk" else shown


def _wished(state: State) -> int:
    return sum(person in state.wishes for person in state.people)


def touched(state: State, happened: Happening) -> list[str]:
    """Whose own part of the screen a fact changes beside the asker's: who was seen, and who speaks for the same side."""
    match happened.fact:
        case m.CheckedIn(person=person) if person is not None:
            return [person]
        case m.TagsSaid(organisation=organisation) | m.PeerWanted(organisation=organisation):
            return _speaking_for(state, organisation)
        case m.PeerAvoided(organisation=organisation):
            return _speaking_for(state, organisation)
    return []


def _speaking_for(state: State, organisation: str) -> list[str]:
    return [person for person, said in state.organisation_of.items() if said == organisation and person in state.people]


# Stalls


def _text(words: Mapping[str, str] | None) -> Text | None:
    said = {language: text for language, text in (words or {}).items() if text}
    return Text(said) if said else None


def _stall(state: State, stall: Stall, n: int, screen: str) -> Shown:
    shown: Shown = {
        "id": stall.id,
        "n": n,
        "title": title_of(stall),
        "capacity": stall.capacity,
        "hosts": len(hosts_of(state, stall)),
        "open": list(stall.open or range(1, state.setup.rounds + 1)),
    }
    organisation = stall_organisation(stall)
    for name, value in (
        ("text", _text(stall.text)),
        ("table", stall.table),
        ("organisation", state.names.get(organisation or "") or stall.organisation),
        ("practice", _card(stall.card) or None),
    ):
        if value:
            shown[name] = value
    if state.plan is not None or state.rounds:
        # Two hundred phones are not told each of two hundred check-ins: theirs is the plan, and where a stall is full.
        steady = screen == "phone" and not state.free
        shown["rounds"] = [_load(state, stall, number, steady) for number in range(1, state.setup.rounds + 1)]
    now = visiting_round(state)
    if now is not None and (state.phase == "rounds" or running(state) is not None):
        standing_there = _now(state, stall, now)
        if screen == "phone" and not state.free:
            standing_there = {"full": True} if "full" in standing_there else {}
        shown |= standing_there
    if screen == "desk":
        wished = kept(state, "demand", (state.wishes, state.people), lambda: _demand(state)).get(stall.id, 0)
        shown["demand"] = wished if wished >= SMALLEST else None
        shown["host_persons"] = list(hosts_of(state, stall))
        shown["hosting"] = stall.hosting
        shown["minimum"] = stall.minimum
    return shown


def _demand(state: State) -> dict[str, int]:
    """{stall: people here who would like or must see it}."""
    return _counted(
        stall
        for person, wishes in state.wishes.items()
        if person in state.people
        for stall, level in wishes.items()
        if level >= 2
    )


def _card(card: Card) -> Shown:
    shown: Shown = {}
    for name in ("place", "instrument", "problem", "done", "limits", "improvements", "source"):
        text = _text(getattr(card, name))
        if text is not None:
            shown[name] = text
    if card.years:
        shown["years"] = card.years
    results = [
        {"value": value} | ({"evidence": evidence} if (evidence := _text(one.evidence)) is not None else {})
        for one in card.results or ()
        if (value := _text(one.value)) is not None
    ]
    if results:
        shown["results"] = results
    lists = {
        name: [text for tag in getattr(card, name) or () if (text := _text(tag)) is not None]
        for name in ("offers", "needs", "conditions")
    }
    return shown | lists if shown or any(lists.values()) else {}


def _load(state: State, stall: Stall, number: int, steady: bool = False) -> Shown:
    """steady: as the round began, also while people walk about in it."""
    now = running(state) if number == state.round else None
    if steady and now is not None:
        people = [person for person, id in now.seats.items() if id == stall.id and person in state.people]
    else:
        people = _visitors(state, number).get(stall.id, [])
    free = max(0, stall.capacity - len(people)) if stall.stands(number) else 0
    return {"count": len(people), "by_group": _by_group(state, people), "free": free}


def _visitors(state: State, number: int) -> dict[str, list[str]]:
    """{stall: its visitors in a round}, worked out once for all stalls."""

    def make() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        if number in state.rounds:
            for person, stalls in visits(state, number).items():
                for stall in stalls:
                    found.setdefault(stall, []).append(person)
        else:
            for person, stall in places(state, number).items():
                found.setdefault(stall, []).append(person)
        return found

    over = (state.people, state.gone, state.away, state.stalls, state.plan, state.rounds, state.stays)
    return kept(state, f"visitors {number}", over, make)


def _now(state: State, stall: Stall, number: int) -> Shown:
    """Who checked in, and the seats nobody sits or is expected on. Where nobody planned, only who checked in counts."""
    over = (state.people, state.gone, state.away, state.stalls, state.plan, state.rounds, state.stays)
    there = kept(state, f"standing {number}", over, lambda: standing_at(state, number))
    standing_now = [one for one in there.get(stall.id, ()) if one not in stall.hosts]
    expected = kept(state, f"expected {number}", over, lambda: _counted(places(state, number).values()))
    taken = len(standing_now) if state.free else expected.get(stall.id, 0)
    free = max(0, stall.capacity - taken) if not number or stall.stands(number) else 0
    return {"here": len(standing_now), "free_now": free} | ({"full": True} if not free else {})


def _by_group(state: State, people: Iterable[str]) -> list[Shown]:
    counts: dict[str, int] = {}
    for person in people:
        group = group_of(state, person) or OTHER
        counts[group] = counts.get(group, 0) + 1
    order = [*state.groups, *sorted(group for group in counts if group not in state.groups)]
    return [{"group": group, "count": counts[group]} for group in order if group in counts]


# The desk


def _for_the_desk(state: State) -> Shown:
    shown: Shown = {
        "people": [_person(state, person) for person in state.people],
        "wished": _wished(state),
        "foreseen": foreseen(state),
        "asked": state.asked is not None,
        "weights": state.weights.model_dump(),
        "pins": _pins(state),
        "seats": seats(state),
        "removed": [{"id": stall.id, "title": title_of(stall)} for stall in state.stalls.values() if stall.removed],
        "notes": [
            {"note": note.note, "stall": note.stall, "kind": note.form, "text": note.text}
            | ({"own_group": note.own_group} if note.own_group else {})
            for note in state.notes.values()
            if note.text
        ],
        "ratings": {str(number): _counted(rated.values()) for number, rated in sorted(state.ratings.items())},
    }
    if state.failed is not None:
        shown["failed"] = state.failed
    if state.frozen is not None:
        shown["frozen"] = state.frozen
    now = running(state)
    if now is not None and state.plan is not None and next_round(state) is not None:
        shown["freezes_at"] = now.ends_at - FREEZE
    if state.plan is not None:
        shown["plan"] = _plan(state, state.plan)
    if state.offered is not None:
        shown["offered"] = _offered(state, state.offered)
    round = visiting_round(state)
    if round is not None:
        shown["seen"] = standing_at(state, round)
    return shown


def _person(state: State, person: str) -> Shown:
    organisation = state.organisation_of.get(person)
    shown: Shown = {
        "person": person,
        "wishes": len(state.wishes.get(person, ())),
        "presents": presented(state, person),
        "away": person in state.away,
        "late": is_late(state, person),
    }
    return shown | ({"organisation": organisation} if organisation else {})


def _pins(state: State) -> list[Shown]:
    """held: whether the next plan can keep it; why not is not said, because it might be a veto."""
    if not state.pins:
        return []
    held = held_pins(state)
    return [
        {"person": person, "stall": stall, "round": number, "held": held.get((person, number)) == stall}
        for number, pinned in sorted(state.pins.items())
        for person, stall in pinned.items()
        if number > state.round and person in state.people
    ]


def _counted(values: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return dict(sorted(counts.items()))


def per_mille(part: Any, whole: Any) -> int | None:
    """part/whole in thousandths, rounded down; None where that says nothing."""
    if not isinstance(part, int) or not isinstance(whole, int) or whole <= 0:
        return None
    return part * 1000 // whole


def _thousandths(value: Any, times: int) -> int | None:
    return round(value * times) if isinstance(value, int | float) else None


def totals_of(plan: Plan) -> Shown:
    """The totals of MATCHING 7, shares in per mille."""
    said = dict(plan.document.get("totals") or {})
    mix, free = said.pop("mix_index", None), said.pop("free_seats_percent", None)
    return said | {"mix_index": _thousandths(mix, 1000), "free_seats": _thousandths(free, 10)}


def quality_of(plan: Plan) -> int | None:
    """The value in thousandths of the best possible; None without a bound."""
    told = plan.document["objective"]
    return per_mille(told.get("value"), told.get("bound"))


def _plan(state: State, plan: Plan) -> Shown:
    told, engine = plan.document["objective"], plan.document.get("engine") or {}
    value, first = told.get("value"), told.get("first_come")
    warnings = [one for one in plan.document.get("warnings") or [] if isinstance(one, dict)]
    return {
        "number": plan.number,
        "from_round": plan.from_round,
        "assignment": {person: list(route) for person, route in plan.assignment.items() if person in state.people},
        "hosting": {person: list(route) for person, route in plan.hosting.items() if person in state.people},
        "quality": quality_of(plan),
        "value": value,
        "bound": told.get("bound"),
        "proven": bool(told.get("proven_optimal")),
        "gain": per_mille(value - first, first) if isinstance(value, int) and isinstance(first, int) else None,
        "parts": told.get("parts"),
        "totals": totals_of(plan),
        "engine": {
            "name": engine.get("name"),
            "steps": engine.get("steps") or [],
            "stopped": bool(engine.get("stopped")),
            "ms": _thousandths(engine.get("seconds"), 1000) or 0,
        },
        "broken": plan.document["broken"],
        "warnings": [
            one | {"percent": _thousandths(one["percent"], 10)} if "percent" in one else one
            for one in warnings
            if one.get("code") != "contested"
        ],
        "contested": [
            {"stall": one.get("stall"), "worth": one.get("worth")} for one in warnings if one.get("code") == "contested"
        ],
    }


def _offered(state: State, plan: Plan) -> Shown:
    """changes: of those who are told of a change, per round; diff: each of them."""

    def make() -> Shown:
        found = difference(state, plan)
        known = [one for one in found if state.plan is not None and one.person in state.plan.assignment]
        first = {one.person: True for one in known if one.round == plan.from_round}
        later = {one.person: True for one in known if one.round > plan.from_round}
        of = sum(person in state.people for person in state.plan.assignment) if state.plan is not None else 0
        return _plan(state, plan) | {
            "changes": {"next_round": len(first), "later": len(later), "people": len({**first, **later}), "of": of},
            "diff": [{"person": one.person, "round": one.round, "from": one.before, "to": one.after} for one in found],
        }

    return kept(state, "offered", (plan, state.plan, state.people, state.away, state.stalls), make)


# The panel


def _speaking(state: State) -> list[Shown]:
    """The organisations of the panel with their tags."""

    def make() -> list[Shown]:
        return [
            {
                "id": id,
                "name": state.names.get(id) or id,
                "offers": texts(state, offered_by(state, id)),
                "needs": texts(state, asked_for(state, id)),
            }
            for id in on_the_panel(state)
        ]

    over = (
        state.stalls, state.people, state.organisation_of, state.names, state.tags, state.wants, state.peers,
    )  # fmt: skip
    return kept(state, "speaking", over, make)


def _panel(state: State, screen: str) -> Shown:
    shown: Shown = {
        "published": state.pairs is not None,
        "organisations": _speaking(state),
        "peers": [_peer(state, peer) for peer in state.peers.values() if not peer.dropped],
    }
    if state.pairs is not None:
        shown |= _proposal(state, state.pairs, everything=screen == "desk")
    if screen == "desk":
        shown["asked"] = state.pairs_asked is not None
        shown["wants"] = {
            one["id"]: sum(want.strength > 0 for want in state.wants.get(one["id"], {}).values())
            for one in _speaking(state)
        }
        if state.pairs_offered is not None:
            told = state.pairs_offered.proposal
            shown["offered"] = {
                "number": state.pairs_offered.number,
                **_proposal(state, state.pairs_offered, everything=True),
                "value": told["value"],
                "greedy": told["greedy"]["value"],
            }
    return shown


def _proposal(state: State, pairs: Pairs, everything: bool) -> Shown:
    """What the room is shown of a proposal. everything: also what tells a wish of one side alone."""
    told = pairs.proposal
    linked = {frozenset(peer.parties): peer.peer for peer in state.peers.values() if not peer.dropped}
    mutual = {(one["a"], one["b"]) for one in (*told["pairs"], *told["blocking"]) if one["mutual"]}
    return {
        "pairs": [
            {
                "a": one["a"],
                "b": one["b"],
                "mutual": one["mutual"],
                "reasons": [
                    {"from": reason["offers"], "to": reason["needs"], "tags": texts(state, reason["tags"])}
                    for reason in one["reasons"]
                ],
            }
            | ({"peer": linked[pair]} if (pair := frozenset((one["a"], one["b"]))) in linked else {})
            for one in told["pairs"]
        ],
        "without": list(told["without"]),
        "unoffered": texts(state, told["unoffered"]),
        "also": [[one["a"], one["b"]] for one in told["blocking"] if everything or one["mutual"]],
        "threes": [
            list(one["organisations"])
            for one in told["triangles"]
            if everything or all(pair in mutual for pair in _sides(one["organisations"]))
        ],
    }


def _sides(three: list[str]) -> list[tuple[str, str]]:
    a, b, c = three
    return [(a, b), (a, c), (b, c)]


def is_mutual(state: State, peer: Peer) -> bool:
    """Whether every two of its parties had asked for each other.

    Told once the pair was published, or all have said yes: before, it would tell a side what the other one wished.
    """
    published = state.pairs is not None and any(
        {pair["a"], pair["b"]} == set(peer.parties) for pair in state.pairs.proposal["pairs"]
    )
    if not published and len(peer.accepted) < len(peer.parties):
        return False
    return all(
        (want := state.wants.get(one, {}).get(other)) is not None and want.strength > 0
        for one in peer.parties
        for other in peer.parties
        if one != other
    )


def _peer(state: State, peer: Peer) -> Shown:
    shown: Shown = {
        "peer": peer.peer,
        "parties": list(peer.parties),
        "mutual": is_mutual(state, peer),
        "owners": dict(peer.owners),
        "status": peer.status,
        "accepted": list(peer.accepted),
        "refused": list(peer.refused),
        "version": peer.version,
    }
    for name in ("topic", "format", "date", "first_step"):
        if getattr(peer, name):
            shown[name] = getattr(peer, name)
    return shown


# One person's own


def mine(state: State, me: Me) -> Shown:
    person = me.person
    organisation = state.organisation_of.get(person)
    hosted = presented(state, person)
    shown: Shown = {
        "presents": hosted,
        "interests": dict(state.wishes.get(person, {})),
        "never": list(state.never.get(person, ())),
        "turned_away": {id: list(state.turned_away[id]) for id in hosted if id in state.turned_away},
        "brought": [stall.id for stall in standing(state) if stall.by == person],
        "organisation_said": organisation is not None,
        "published": state.plan is not None,
        "away": person in state.away,
        "visits": [
            {"round": number, "stall": stall}
            for number in sorted({*state.rounds, *state.stays})
            if number <= state.round
            for stall in visits(state, number).get(person, ())
        ],
        "ratings": {str(number): rated[person] for number, rated in sorted(state.ratings.items()) if person in rated},
        "notes": [
            {"note": note.note, "stall": note.stall, "kind": note.form, "text": note.text}
            for note in state.notes.values()
            if note.by == person and note.text
        ],
    }
    if organisation:
        shown |= {"organisation": {"id": organisation, "name": state.names.get(organisation) or organisation}}
    if is_late(state, person):
        shown["late"] = True
    now = visiting_round(state)
    stood = state.stays.get(now, {}).get(person) if now is not None else None
    if stood:
        shown["here"] = stood[-1]
    if state.plan is not None and (person in state.plan.assignment or shown["visits"]):
        shown |= _route(state, person)
    return shown | _own_panel(state, organisation)


def _route(state: State, person: str) -> Shown:
    rounds = range(1, state.setup.rounds + 1)
    plan = state.plan
    route, duty = [], []
    for number in rounds:
        begun = state.rounds.get(number)
        if begun is not None:
            route.append(begun.seats.get(person))
            duty.append(begun.duty.get(person))
            continue
        coming = plan is not None and number >= plan.from_round and person not in state.away
        stall = place_in(plan, person, number) if plan is not None and coming else None
        on_duty = plan is not None and coming and (plan.hosting.get(person) or [None] * 12)[number - 1] is not None
        gone = stall is None or state.stalls[stall].removed
        route.append(None if on_duty or gone else stall)
        duty.append(stall if on_duty and not gone else None)
    shown: Shown = {"route": route, "duty": duty}
    why = reasons(state, person)
    if why is not None:
        shown["why"] = why
    changed = [one for one in state.changed.get(person, ()) if one.round > state.round]
    if changed:
        shown["changed"] = [{"round": one.round, "from": one.before, "to": one.after} for one in changed]
    return shown


def _own_panel(state: State, organisation: str | None) -> Shown:
    if not organisation:
        return {"tags": {"offers": [], "needs": []}, "wants": {}, "avoids": [], "told": [], "peers": []}
    own = tags_of(state, organisation)
    told: list[str] = []
    pairs = state.pairs
    if pairs is not None:
        panel = kept(state, "panel", (pairs,), lambda: pairing.Panel.model_validate(pairs.panel))
        told = [one["with"] for one in pairing.seen_by(panel, pairs.proposal["pairs"], organisation)["alone"]]
    return {
        "tags": {
            "offers": [text for tag in own.offers if (text := _text(tag)) is not None],
            "needs": [text for tag in own.needs if (text := _text(tag)) is not None],
        },
        "wants": {
            other: {"strength": want.strength, "kind": want.wants} | ({"topic": want.topic} if want.topic else {})
            for other, want in state.wants.get(organisation, {}).items()
        },
        "avoids": list(state.avoids.get(organisation, ())),
        "told": told,
        "peers": [peer.peer for peer in state.peers.values() if organisation in peer.parties and not peer.dropped],
    }


__all__ = ["is_mutual", "mine", "per_mille", "quality_of", "totals_of", "view"]
