"""From the state of a marketplace to what is to be placed, and back from a plan that is offered (MATCHING 3.9, 4, 7)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from . import matching, pairing
from .matching.event import duties
from .state import (
    Change,
    Plan,
    State,
    begun_rounds,
    coming_duty,
    coming_places,
    here,
    hosts_of,
    kept,
    may_visit,
    next_round,
    on_the_panel,
    running,
    stall_organisation,
    standing,
    visits,
)
from .tagging import asked_for, offered_by

Document = dict[str, Any]

#: How the mixing slider is shared out: first, second, beyond (MATCHING 2.3).
_MIX = (12, 4, 6)


def weights_of(state: State) -> dict[str, int]:
    said = state.weights
    first, second, over = (said.mixing * part // 12 + (said.mixing * part % 12 * 2 >= 12) for part in _MIX)
    return {
        "interest": said.interest,
        "mix_first": first,
        "mix_second": second,
        "mix_over": over,
        "colleagues": said.colleagues,
        "coverage": said.coverage,
    }


def event_of(state: State, fresh: bool = False) -> Document | None:
    """The input of MATCHING 7 as the state is now; None when no round is left to plan.

    fresh: all new, without the published plan and without what is frozen.
    """
    over = (*_over(state), wishes_for_plan(state))
    return kept(state, f"event {fresh}", over, lambda: _event(state, fresh, wishes=True))


def wishes_for_plan(state: State) -> Mapping[str, Mapping[str, int]]:
    """The wishes that the next plan is made from."""
    asked = state.asked
    return state.wishes if asked is None or asked.wishes is None else asked.wishes


def _over(state: State) -> tuple[Any, ...]:
    """What the input is made from, but for the wishes."""
    return (
        state.setup, state.weights, state.people, state.since, state.away, state.organisation_of, state.stalls,
        state.never, state.turned_away, state.pins, state.round, state.rounds, state.stays, state.frozen, state.plan,
    )  # fmt: skip


def _event(state: State, fresh: bool, wishes: bool) -> Document | None:
    first = next_round(state)
    if first is None:
        return None
    rounds = state.setup.rounds
    stalls = standing(state)
    ids = {stall.id: True for stall in stalls}
    people = here(state)
    present = dict.fromkeys(people, True)
    sticky = not fresh and state.plan is not None
    event: Document = {
        "format": "officina.match/1",
        "seed": state.setup.seed,
        "rounds": rounds,
        "from_round": first,
        "people": [_person(state, person, ids, rounds, wishes) for person in people],
        "stalls": [
            {
                "id": stall.id,
                "organisation": stall_organisation(stall),
                "capacity": stall.capacity,
                "hosts": [host for host in hosts_of(state, stall) if host in present],
                "hosting": stall.hosting,
                "never": sorted({*stall.never, *state.turned_away.get(stall.id, ())}),
            }
            | ({} if stall.open is None else {"open": [number for number in stall.open if number <= rounds]})
            | ({} if stall.minimum is None else {"minimum": min(stall.minimum, stall.capacity)})
            for stall in stalls
        ],
        "past": _past(state, present, ids),
        "weights": weights_of(state),
    }
    event["pins"] = _pins(state, event, first if state.frozen == first and not fresh else None)
    if sticky and state.plan is not None:
        # A plan in use moves as few as it can: its minimums give way first (MATCHING 4).
        least = _minimums(event)
        for one in event["stalls"]:
            one["minimum"] = max(0, least.get(one["id"], 1) - 1)
        event["previous"] = {
            person: [stall if stall in ids else None for stall in route]
            for person, route in sorted(state.plan.assignment.items())
            if person in present
        }
    return event


def _person(state: State, person: str, ids: Mapping[str, bool], rounds: int, wishes: bool) -> Document:
    since = state.since.get(person, 1)
    wished = wishes_for_plan(state).get(person, {}) if wishes else {}
    return {
        "id": person,
        "group": state.people[person],
        "organisation": state.organisation_of.get(person) or None,
        "interests": {stall: level for stall, level in sorted(wished.items()) if level and stall in ids},
        "never": sorted(stall for stall in state.never.get(person, ()) if stall in ids),
    } | ({"rounds": list(range(since, rounds + 1))} if since > 1 else {})


def _past(state: State, present: Mapping[str, bool], ids: Mapping[str, bool]) -> list[Document]:
    found: dict[tuple[str, str], int] = {}
    for number in begun_rounds(state):
        for person, stalls in visits(state, number).items():
            for stall in stalls:
                if person in present and stall in ids:
                    found.setdefault((person, stall), number)
    return [
        {"person": person, "stall": stall} | ({"round": number} if number else {})
        for (person, stall), number in sorted(found.items())
    ]


def _pins(state: State, event: Document, frozen: int | None) -> list[Document]:
    """The facilitator's pins, then the places of a frozen round; what cannot be held is left out without a word.

    Without a word, because a pin that is refused for a veto would tell the veto.
    """
    rules = _Held(state, event)
    for number, pinned in sorted(state.pins.items()):
        for person, stall in sorted(pinned.items()):
            rules.add(person, stall, number)
    if frozen is not None:
        for person, stall in sorted(coming_places(state, frozen).items()):
            rules.add(person, stall, frozen)
    return [{"person": person, "stall": stall, "round": number} for (person, number), stall in rules.pins.items()]


class _Held:
    """Which pins can be held together; the first one told wins."""

    def __init__(self, state: State, event: Document) -> None:
        self.state = state
        self.first: int = event["from_round"]
        self.last: int = event["rounds"]
        self.stalls = {one["id"]: one for one in event["stalls"]}
        self.people = {one["id"]: one for one in event["people"]}
        self.seen = {(one["person"], one["stall"]): True for one in event["past"]}
        self.duty = {number: dict(_duties(event, number)) for number in range(self.first, self.last + 1)}
        self.pins: dict[tuple[str, int], str] = {}
        self.seated: dict[tuple[str, int], int] = {}

    def add(self, person: str, stall: str, number: int) -> None:
        if not self._fits(person, stall, number):
            return
        self.pins[person, number] = stall
        self.seen[person, stall] = True
        self.seated[stall, number] = self.seated.get((stall, number), 0) + 1

    def _fits(self, person: str, stall: str, number: int) -> bool:
        one, who = self.stalls.get(stall), self.people.get(person)
        return (
            one is not None
            and who is not None
            and self.first <= number <= self.last
            and number in who.get("rounds", (number,))
            and number in one.get("open", (number,))
            and (person, number) not in self.pins
            and (person, stall) not in self.seen
            and person not in self.duty[number]
            and self.seated.get((stall, number), 0) < one["capacity"]
            and may_visit(self.state, person, self.state.stalls[stall])
        )


def _duties(event: Document, number: int) -> Iterator[tuple[str, str]]:
    """(person, stall) on duty in a round, as MATCHING 2.1 has it."""
    present = {one["id"]: number in one.get("rounds", (number,)) for one in event["people"]}
    for stall in event["stalls"]:
        hosts = stall["hosts"]
        for step in range(len(hosts)):
            host = hosts[(number - 1 + step) % len(hosts)]
            if present[host]:
                yield host, stall["id"]
                if stall["hosting"] == "turns":
                    break


def _minimums(event: Document) -> dict[str, int]:
    """lo(s) of MATCHING 2.1: what a minimum is where nothing is given."""
    loads = []
    for number in range(event["from_round"], event["rounds"] + 1):
        stands = sum(number in one.get("open", (number,)) for one in event["stalls"])
        on_duty = dict(_duties(event, number))
        free = sum(number in one.get("rounds", (number,)) and one["id"] not in on_duty for one in event["people"])
        if stands:
            loads.append(free // stands)
    least = min(loads, default=0)
    usual = min(least, max(1, 2 * least // 5))
    return {one["id"]: min(one["capacity"], one.get("minimum", usual)) for one in event["stalls"]}


def held_pins(state: State) -> dict[tuple[str, int], str]:
    """{(person, round): stall} of the pins that the next plan will keep."""
    event = event_of(state)
    return {(pin["person"], pin["round"]): pin["stall"] for pin in event["pins"]} if event is not None else {}


# What the next plan would be made from


def read(event: Mapping[str, Any]) -> matching.Event | None:
    try:
        return matching.read(dict(event))
    except matching.Unusable:
        return None


def problem(state: State, fresh: bool = False) -> Document | None:
    """Why nothing can be planned: {"code", ...where}, None where it can."""
    event = event_of(state, fresh)
    if event is None:
        return {"code": "no_rounds"}
    if not event["people"]:
        return {"code": "no_people"}
    if not event["stalls"]:
        return {"code": "no_stalls"}
    try:
        matching.read(event)
    except matching.Unusable as unusable:
        return {"code": unusable.code, **_plain(unusable.details)}
    return None


def _plain(details: Mapping[str, Any]) -> Document:
    return {key: value for key, value in details.items() if isinstance(value, int | str | list)}


def input_hash(state: State, fresh: bool = False) -> str | None:
    """input_sha256 of what the next plan would be made from; None where nothing can be planned."""
    event = event_of(state, fresh)
    if event is None or not event["people"] or not event["stalls"]:
        return None

    def make() -> str | None:
        read_ = read(event)
        return matching.digest(read_) if read_ is not None else None

    return kept(state, f"hash {fresh}", (event,), make)


def _for_the_desk(state: State) -> tuple[Any, ...]:
    """The same, but that people who check in while a round runs are looked at when it ends: there are many of them, and
    what they change can be read then."""
    still = state.stays if running(state) is None else None
    return tuple(still if one is state.stays else one for one in _over(state))


def foreseen(state: State) -> list[Document]:
    """What cannot work, before anybody waits for a plan (MATCHING 2.2, 10).

    Wishes change nothing in it, so it is not worked out anew with every tap of a phone.
    """

    def make() -> list[Document]:
        event = _event(state, fresh=False, wishes=False)
        if event is None or not event["people"] or not event["stalls"]:
            return []
        try:
            return _folded(matching.foreseen(matching.read(event)))
        except matching.Unusable as unusable:
            return [{"code": unusable.code, **_plain(unusable.details)}]

    return kept(state, "foreseen", _for_the_desk(state), make)


def _folded(found: list[Document]) -> list[Document]:
    """Who has too few stalls left may have vetoes, and is therefore counted and not named."""
    few = [one for one in found if one["code"] == "few_allowed"]
    rest = [one for one in found if one["code"] != "few_allowed"]
    return [*rest, {"code": "few_allowed", "people": len(few)}] if few else rest


def seats(state: State) -> list[Document]:
    """[{"round", "people", "seats"}]: visitors against seats in each round that is left."""

    def make() -> list[Document]:
        event = _event(state, fresh=True, wishes=False)
        if event is None:
            return []
        found = []
        for number in range(event["from_round"], event["rounds"] + 1):
            on_duty = dict(_duties(event, number))
            free = sum(number in one.get("rounds", (number,)) and one["id"] not in on_duty for one in event["people"])
            room = sum(one["capacity"] for one in event["stalls"] if number in one.get("open", (number,)))
            found.append({"round": number, "people": free, "seats": room})
        return found

    return kept(state, "seats", _for_the_desk(state), make)


# A plan that is offered


def fault(event: Mapping[str, Any], plan: Mapping[str, Any]) -> str | None:
    """Why a document is no plan of this event, in a word for the log; None when it is one.

    Breaches that it declares itself are told to the facilitator; one that it hides, or a rule that is never relaxed,
    is a fault of whoever made it.
    """
    read_ = read(event)
    if read_ is None:
        return "event"
    wrong = _misshapen(read_, plan)
    if wrong is not None:
        return wrong
    assignment = plan["assignment"]
    breaches = matching.broken(read_, assignment)
    if _as_set(breaches) != _as_set(plan["broken"]):
        return "broken"
    if any(one["rule"] in ("M5", "M6", "M7") for one in breaches):
        return "rule"
    found, told = matching.value(read_, assignment), plan["objective"]
    if told.get("value") != found.value or told.get("parts") != found.as_dict():
        return "value"
    bound = told.get("bound")
    if bound is not None and not breaches and (not _is_int(bound) or bound < found.value):
        return "bound"
    hosting: dict[str, list[str | None]] = {one.id: [None] * read_.rounds for one in read_.people}
    for number in range(read_.from_round, read_.rounds + 1):
        for person, stall in duties(read_, number):
            hosting[person][number - 1] = stall
    return None if plan["hosting"] == hosting else "hosting"


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _misshapen(event: matching.Event, plan: Mapping[str, Any]) -> str | None:
    """A first look at whatever it is that was offered, so that nothing behind it can fail on its shape."""
    assignment, hosting = plan.get("assignment"), plan.get("hosting")
    people = {one.id: True for one in event.people}
    stalls = {one.id: True for one in event.stalls}
    for table in (assignment, hosting):
        if not isinstance(table, dict) or table.keys() != people.keys():
            return "people"
        for route in table.values():
            if not isinstance(route, list) or len(route) != event.rounds:
                return "rounds"
            for number, stall in enumerate(route, 1):
                if stall is not None and (not isinstance(stall, str) or stall not in stalls):
                    return "stalls"
                if stall is not None and number < event.from_round:
                    return "past"
    broken = plan.get("broken")
    if not isinstance(broken, list) or not all(isinstance(one, dict) for one in broken):
        return "broken"
    if not isinstance(plan.get("objective"), dict):
        return "objective"
    engine = plan.get("engine", {})
    if not all(isinstance(part, dict) for part in (engine, plan.get("totals", {}))):
        return "report"
    rows = [plan.get("warnings", []), plan.get("contested", [])]
    return (
        None if all(isinstance(row, list) and all(isinstance(one, dict) for one in row) for row in rows) else "report"
    )


def _as_set(breaches: list[Any]) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True, default=str) for one in breaches)


def outdated(state: State, plan: Plan) -> bool:
    """Whether a plan cannot be published any more: its rounds have begun, a stall has gone or closed, or somebody may
    not be where it puts them."""
    if plan.from_round != next_round(state):
        return True
    for person, route in plan.assignment.items():
        if person not in state.people or person in state.away:
            continue
        for number, id in enumerate(route, 1):
            if id is None:
                continue
            stall = state.stalls.get(id)
            if stall is None or stall.removed or not stall.stands(number) or not may_visit(state, person, stall):
                return True
    held = held_pins(state)
    for number, pinned in state.pins.items():
        for person, id in pinned.items():
            if held.get((person, number)) == id and place_in(plan, person, number) != id:
                return True
    if plan.fresh or state.frozen != plan.from_round:
        return False
    # The coming round was frozen after this plan was made: who was told where to go, and can go there, stays.
    return any(
        change.round == state.frozen and held.get((change.person, change.round), "") == change.before
        for change in difference(state, plan)
    )


def difference(state: State, plan: Plan) -> list[Change]:
    """What a plan would change against the published one, in rounds that have not begun: where people are, visiting or
    presenting; by round, people in the order of the room."""
    before, found = state.plan, []
    if before is None:
        return []
    for number in range(plan.from_round, state.setup.rounds + 1):
        was = {**coming_places(state, number), **coming_duty(state, number)}
        for person in state.people:
            if person in state.away:
                continue
            to = place_in(plan, person, number)
            if was.get(person) != to:
                found.append(Change(person, number, was.get(person), to))
    return found


def place_in(plan: Plan, person: str, number: int) -> str | None:
    """The stall where a plan has a person in a round, as a visitor or on duty."""
    for table in (plan.assignment, plan.hosting):
        route = table.get(person)
        if route is not None and route[number - 1] is not None:
            return route[number - 1]
    return None


def reasons(state: State, person: str) -> list[Any] | None:
    """Why the published plan has a person where it has them, per round (MATCHING 10); None without a plan for them."""
    plan = state.plan
    if plan is None or person not in plan.assignment:
        return None
    read_ = kept(state, "plan event", (plan,), lambda: read(plan.event))
    if read_ is None or all(one.id != person for one in read_.people):
        return None
    ids = {one.id: True for one in read_.stalls}
    known = kept(
        state,
        "plan assignment",
        (plan,),
        lambda: {
            one.id: [stall if stall in ids else None for stall in plan.assignment[one.id]]
            for one in read_.people
            if one.id in plan.assignment
        },
    )
    return [
        told and [_by_hand(state, plan, person, number, one) if one["code"] == "pinned" else one for one in told]
        for number, told in enumerate(matching.why(read_, known, person), 1)
    ]


def _by_hand(state: State, plan: Plan, person: str, number: int, told: Document) -> Document:
    """A place that only stood because the round was frozen was nobody's decision."""
    stall = place_in(plan, person, number)
    if state.pins.get(number, {}).get(person) == stall:
        return told
    wished = next(one["interests"] for one in plan.event["people"] if one["id"] == person)
    level = wished.get(stall, 0)
    return {"code": "rated", "level": level} if level else {"code": "free_seat"}


# The panel


def panel_of(state: State) -> Document:
    """The input of the pairing (MATCHING 5): organisations with offers and needs, what they wish, whom they avoid."""
    ids = on_the_panel(state)
    known = dict.fromkeys(ids, True)
    return {
        "organisations": [
            {"id": id, "offers": list(offered_by(state, id)), "needs": list(asked_for(state, id))} for id in sorted(ids)
        ],
        "wishes": [
            {"by": by, "to": to, "level": want.strength}
            for by, wants in sorted(state.wants.items())
            for to, want in sorted(wants.items())
            if by in known and to in known and want.strength
        ],
        "vetoes": [
            {"by": by, "to": to}
            for by, others in sorted(state.avoids.items())
            for to in sorted(others)
            if by in known and to in known
        ],
        "limit": state.setup.limit,
        "seed": state.setup.seed,
    }


def panel_hash(panel: Mapping[str, Any]) -> str:
    text = json.dumps(panel, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def proposal_of(panel: Mapping[str, Any], proposal: Mapping[str, Any]) -> Document | None:
    """The proposal, worked out anew from its pairs; None when they are no selection of this panel."""
    told = proposal.get("pairs")
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        return None
    pairs = [(one.get("a"), one.get("b")) for one in told]
    if not all(isinstance(a, str) and isinstance(b, str) for a, b in pairs):
        return None
    try:
        asked = pairing.Panel.model_validate(panel)
    except ValidationError:
        return None
    taken = {tuple(sorted(pair)): True for pair in pairs}
    if pairing.broken(asked, [(str(a), str(b)) for a, b in pairs]):
        return None
    chosen = [one for one in pairing.candidates(asked) if (one.a, one.b) in taken]
    if proposal.get("value") != pairing.value(chosen):
        return None
    engine, bound = proposal.get("engine"), proposal.get("bound")
    told_engine = engine if isinstance(engine, dict) else {}
    return pairing.document(asked, chosen, told_engine, bound if _is_int(bound) else None)
