"""What each screen sees of a seating: the room its tables, a person their own, the desk the draft and its figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..contract import Me
from . import matching
from .matching import Event, pair
from .matching.late import at
from .matching.value import marginal
from .state import (
    Seats,
    State,
    counted,
    late,
    met_at,
    only_seated,
    rounds_left,
    seated,
    this_round,
    worked_on,
)

#: Exchanges with somebody that the desk is offered for one person, the cheapest first.
SWAPS = 12
#: Names that a wall can show in letters that are read from ten metres; more people find their table on the phone.
NAMES = 48


def stands(state: State) -> str:
    """Where this round is: before, asked, draft or published."""
    if state.asked is not None:
        return "asked"
    if state.draft is not None:
        return "draft"
    return "published" if state.published is not None else "before"


def in_room(state: State) -> tuple[int, dict[str, str]]:
    """(round, {person: table}) that the room goes by: the last one that was published, for those who are here."""
    if state.published is not None or not state.done:
        return state.round, seated(state)
    return state.round - 1, {id: table for id, table in state.done[-1].items() if id in state.here}


def view(state: State, screen: str) -> dict[str, Any]:
    """{"state","round","rounds","people","organisation","tables"}; on the wall `board` with people where names stand.

    A table: {"id","symbol","name"?,"host"?,"seats"?}, on the wall and desk with "people" (a number) and "by_group".
    The desk's further keys are those of `_desk`.
    """
    round, seats = in_room(state)
    shown: dict[str, Any] = {
        "state": stands(state),
        "round": state.round,
        "rounds": state.setup.rounds,
        "shown_round": round if seats else None,
        "people": len(state.here),
        "organisation": {"ask": state.asks_organisation, "offered": list(state.setup.organisations)},
    }
    if screen == "desk":
        return shown | _desk(state)
    shown["tables"] = [_table(state, id) for id in state.tables]
    if screen == "wall":
        for row in shown["tables"]:
            here = at(seats, row["id"])
            row |= {"people": len(here), "by_group": _by_group(state, here)}
        if state.setup.wall == "names" and len(seats) <= NAMES:
            shown["board"] = {"rows": [{"person": id, "table": seats[id]} for id in state.here if id in seats]}
    return shown


def _table(state: State, id: str) -> dict[str, Any]:
    table = state.tables[id]
    shown: dict[str, Any] = {"id": id, "symbol": table.symbol}
    if table.name:
        shown["name"] = table.name
    if table.host:
        shown["host"] = table.host
    if table.seats is not None:
        shown["seats"] = table.seats
    return shown


def _by_group(state: State, people: list[str]) -> dict[str, int]:
    """People per group, in the order of the groups' ids; "" are those without one."""
    counts = Counter(state.here.get(id) or "" for id in people)
    return dict(sorted(counts.items()))


def mine(state: State, me: Me) -> dict[str, Any]:
    """{"organisation"?,"table"?,"people"?,"new"?,"round"?,"late"}: where I sit, with how many, how many of them are new."""
    own: dict[str, Any] = {"late": False}
    if state.asks_organisation:
        own["organisation"] = state.organisations.get(me.voter(None), "")
    round, seats = in_room(state)
    table = seats.get(me.person)
    if table is None:
        own["late"] = bool(seats)
        return own
    others = at(seats, table, (me.person,))
    before = state.before if round == state.round else _before(state)
    new = sum(not before.get(pair(me.person, id), 0) for id in others)
    return own | {"table": _table(state, table), "people": len(others), "new": new, "round": round}


def _before(state: State) -> Mapping[matching.Pair, int]:
    """Who had met before the last round that is over, while the next one is not published yet."""
    last = Counter(counted(met_at(state.done[-1])))
    return {two: times - last[two] for two, times in state.before.items()}


# -- the desk


def _desk(state: State) -> dict[str, Any]:
    """{"tables","late","weights","apart","pins","undo","said","asked"?,"gave_up"?,"figures"?,"plan"?}.

    A table's "seated": [{"person","group","met","colleagues","held"}], met: how many of the others were met before.
    figures: of the seats as they lie here, `was`: their cost as they were found. plan: of all rounds that were found.
    """
    seats = worked_on(state) or {}
    whole = this_round(state)
    event = only_seated(whole, seats)
    shown: dict[str, Any] = {
        "tables": [_desk_table(state, event, seats, id) for id in state.tables],
        "late": [{"person": id, "group": state.here[id], "seat": _seat(whole, seats, id)} for id in late(state)],
        "weights": state.weights.model_dump(),
        "apart": [list(two) for two in state.apart if two[0] in state.here and two[1] in state.here],
        "pins": [{"person": id, "table": table} for id, table in state.pins.items() if id in state.here],
        "undo": len(state.undos),
        "said": sum(bool(state.organisations.get(id)) for id in state.here),
        "planned": rounds_left(state),
        "steps": state.setup.steps,
    }
    if state.asked is not None:
        shown["asked"] = {"rounds": state.asked.rounds, "seed": state.asked.seed}
    if state.gave_up:
        shown["gave_up"] = True
    if seats:
        shown["figures"] = figures(state, event, seats)
    offer = state.offer
    if offer is not None:
        shown["plan"] = {
            "rounds": offer.rounds,
            "cost": offer.cost,
            "bound": offer.bound,
            "gap": None if offer.bound is None else offer.cost - offer.bound,
            "proven": offer.cost == offer.bound,
            "seed": offer.seed,
            "stopped": bool(offer.engine.get("stopped")),
            "changed": any(seats.get(id) != offer.seats.get(id) for id in seats),
            "tenths": round(10 * float(offer.engine.get("seconds") or 0)),
        }
    return shown


def _desk_table(state: State, event: Event, seats: Seats, id: str) -> dict[str, Any]:
    here = at(seats, id)
    own = {person.id: person.organisation for person in event.people}
    rows = []
    for person in here:
        others = [other for other in here if other != person]
        rows.append(
            {
                "person": person,
                "group": state.here[person],
                "met": sum(bool(event.before.get(pair(person, other), 0)) for other in others),
                "colleagues": sum(own[person] is not None and own[other] == own[person] for other in others),
                "held": person in state.pins or person in state.held,
            }
        )
    return _table(state, id) | {"people": len(here), "by_group": _by_group(state, here), "seated": rows}


def _seat(event: Event, seats: Seats, person: str) -> dict[str, Any] | None:
    seat = matching.seat_for(event, seats, person)
    return None if seat is None else {"table": seat.table, "reasons": seat.reasons}


def figures(state: State, event: Event, seats: Seats) -> dict[str, Any]:
    """The seats of this round in numbers, for sentences: integers only, means in tenths."""
    seating = {id: [table] for id, table in seats.items()}
    each = matching.people(event, seating)
    totals = matching.totals(event, seating, each)
    rules = Counter(breach["rule"] for breach in matching.broken(event, seating))
    new = [one["new"] for one in each.values()]
    cost = matching.cost(event, seating)
    found = cost
    if state.offer is not None and state.offer.round == state.round:
        as_found = {id: [table] for id, table in state.offer.seats.items() if id in state.here}
        found = matching.cost(only_seated(this_round(state), state.offer.seats), as_found)
    return {
        "cost": cost,
        "was": found,
        "people": len(seats),
        "repeat_meetings": totals["repeat_meetings"],
        "colleague_pairs": totals["colleague_pairs"],
        "group_spread": totals["group_spread"],
        "size_spread": totals["size_spread"],
        "new_mean10": (20 * sum(new) + len(new)) // (2 * len(new)) if new else 0,
        "new_min": min(new, default=0),
        "all_new": sum(one["new"] == one["met"] for one in each.values()),
        "broken": dict(sorted(rules.items())),
    }


def moves(state: State, of: str) -> dict[str, Any] | None:
    """What moving one person would change: {"person","table","cost","tables":[...],"swaps":[...]}; None: no such one.

    tables: {"table","people","full","change","met","colleagues","uneven"}; change: of the cost. uneven: whether sizes or
    groups would differ by more than they do now. swaps: {"person","table","change"}, the cheapest first.
    """
    seats = worked_on(state)
    if seats is None or of not in state.here:
        return None
    whole = this_round(state)
    event = only_seated(whole, {**seats, of: ""})
    own = {person.id: person.organisation for person in event.people}
    now = len(matching.broken(only_seated(whole, seats), {id: [table] for id, table in seats.items()}))
    rows: list[dict[str, Any]] = []
    swaps: list[dict[str, Any]] = []
    for id, table in state.tables.items():
        if seats.get(of) == id:
            continue
        here = at(seats, id, (of,))
        moved = {one: [place] for one, place in {**seats, of: id}.items()}
        rows.append(
            {
                "table": id,
                "people": len(here),
                "full": table.seats is not None and len(here) >= table.seats,
                "change": matching.change(event, seats, of, id),
                "met": sum(bool(marginal(event.before.get(pair(of, other), 0))) for other in here),
                "colleagues": sum(own[of] is not None and own[other] == own[of] for other in here),
                "uneven": len(matching.broken(event, moved)) > now,
            }
        )
        if of in seats:
            swaps += [
                {"person": other, "table": id, "change": matching.change(event, seats, of, id, other)} for other in here
            ]
    swaps.sort(key=lambda one: (one["change"], state.here[one["person"]] != state.here[of], one["person"]))
    cost = matching.cost(only_seated(whole, seats), {id: [table] for id, table in seats.items()})
    return {"person": of, "table": seats.get(of), "cost": cost, "tables": rows, "swaps": swaps[:SWAPS]}


# -- what is left


def outcomes(state: State) -> list[dict[str, Any]]:
    """`seating`: who sat together, by id, `internal` for later stages; `tables`: how it went, in numbers that name nobody."""
    rounds = [*state.done, *([seated(state)] if state.published is not None else [])]
    if not rounds:
        return []
    met = [met_at(seats) for seats in rounds]
    known = counted_before(state)
    repeats = 0
    for tables_ in met:
        for people in tables_:
            for n, one in enumerate(people):
                for other in people[n + 1 :]:
                    repeats += known[one, other] > 0
                    known[one, other] += 1
    strangers: dict[str, dict[str, bool]] = {}
    for tables_ in met:
        for people in tables_:
            for one in people:
                strangers.setdefault(one, {}).update({other: True for other in people if other != one})
    total = sum(len(others) for others in strangers.values())
    return [
        {"kind": "seating", "internal": True, "rounds": [[list(people) for people in tables_] for tables_ in met]},
        {
            "kind": "tables",
            "rounds": len(rounds),
            "tables": len(state.tables),
            "people": len(strangers),
            "meetings": total // 2,
            "repeat_meetings": repeats,
            "met_mean10": (20 * total + len(strangers)) // (2 * len(strangers)) if strangers else 0,
        },
    ]


def counted_before(state: State) -> Counter[matching.Pair]:
    """How often each two had met when this stage began."""
    return Counter(counted(state.given))


def answered(state: State) -> dict[str, Any] | None:
    """How many said where they work, while that is asked; None otherwise."""
    if not state.asks_organisation or state.round > 1 or stands(state) != "before":
        return None
    said = [id for id in state.here if state.organisations.get(id)]
    return {
        "answered": len(said),
        "by_group": dict(Counter(state.here[id] or "" for id in said)),
        "taking": True,
    }
