"""The state of a seating after a fact, and after the room has told who is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..contract import Happening, Opening
from .matching import Weights, pair
from .messages import (
    ApartKept,
    ApartLifted,
    MoveUndone,
    OrganisationSaid,
    PersonMoved,
    PersonPinned,
    PersonSeatedLate,
    RoundBegun,
    SearchGivenUp,
    SeatingAsked,
    SeatingOffered,
    SeatingPublished,
    WeightsSet,
)
from .state import UNDOS, Asked, Met, Offer, State, Undo, all_met, counted, seated, worked_on

#: What earlier stages may leave: who stood together at stalls, who sat together at tables.
TAKES = ("visits", "seating")


def opened(state: State, opening: Opening) -> State:
    """Who is here, where they sit, and who met in earlier stages; retold whenever any of it changes."""
    sitting = {id: table for table, people in opening.tables.items() for id in people}
    given = _given(opening)
    before = state.before if given == state.given else counted(all_met(given, state.done))
    return replace(state, people=dict(opening.people), sitting=sitting, given=given, before=before)


def _given(opening: Opening) -> tuple[Met, ...]:
    """The meetings in outcomes {"rounds": [[[ids], ...], ...]}; what has another shape is passed over."""
    met: list[Met] = []
    for left in opening.given.values():
        for outcome in left:
            for round in _list(outcome.get("rounds")):
                for people in _list(round):
                    ids = tuple(id for id in _list(people) if isinstance(id, str))
                    if len(ids) > 1:
                        met.append(ids)
    return tuple(met)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def round_over(state: State) -> State:
    """The next round, nothing found for it yet; where people really sat is what they remember."""
    done = (*state.done, seated(state))
    return replace(
        state,
        round=state.round + 1,
        done=done,
        before=counted(all_met(state.given, done)),
        held={},
        asked=None,
        offer=None,
        draft=None,
        published=None,
        undos=(),
    )


def evolve(state: State, happened: Happening) -> State:
    fact = happened.fact
    match fact:
        case OrganisationSaid(organisation=said):
            voter = happened.voter or ""
            return replace(
                state,
                organisations={**state.organisations, voter: said},
                speakers={**state.speakers, voter: happened.group},
            )
        case WeightsSet(repeat=repeat, colleagues=colleagues):
            return replace(state, weights=Weights(repeat=repeat, colleagues=colleagues))
        case SeatingAsked():
            asked = Asked(fact.round, fact.rounds, fact.input, fact.seed, fact.weights, happened.number)
            return replace(state, asked=asked, weights=fact.weights, gave_up=False)
        case SeatingOffered():
            return _offered(state, fact)
        case SearchGivenUp():
            return replace(state, asked=None, gave_up=True)
        case ApartKept(people=people):
            # Erased, it says nothing any more.
            return replace(state, apart=(*state.apart, pair(people[0], people[1]))) if len(people) == 2 else state
        case ApartLifted(people=people):
            return replace(state, apart=tuple(two for two in state.apart if list(two) != sorted(people)))
        case PersonPinned(person=person, table=table):
            pins = {id: place for id, place in state.pins.items() if id != person}
            return replace(state, pins=pins if table is None else {**pins, person: table})
        case PersonMoved(person=person, table=table, was=was, instead=instead):
            moved = {person: table} | ({instead: was} if instead is not None and was is not None else {})
            seats = worked_on(state) or {}
            undo = Undo({id: seats.get(id) for id in moved}, state.held)
            # What somebody decided by hand stays, also when the search is asked again.
            held = {**state.held, **moved}
            return replace(_with(state, moved), held=held, undos=(*state.undos, undo)[-UNDOS:])
        case MoveUndone():
            if not state.undos:
                return state
            last = state.undos[-1]
            return replace(_with(state, last.moved), held=last.held, undos=state.undos[:-1])
        case PersonSeatedLate(person=person, table=table):
            return _with(state, {person: table})
        case SeatingPublished():
            # Where people sat before is over; the room tells where they sit now.
            return replace(
                state, published=dict(state.draft or {}), draft=None, sitting={}, undos=(), asked=None, held={}
            )
        case RoundBegun():
            return round_over(state)
    return state


def _offered(state: State, fact: SeatingOffered) -> State:
    seats = {id: row[0] for id, row in fact.assignment.items() if row and row[0] is not None}
    rounds = max((len(row) for row in fact.assignment.values()), default=1)
    offer = Offer(fact.round, rounds, fact.input, fact.seed, fact.weights, seats, fact.cost, fact.bound, fact.engine)
    return replace(state, asked=None, offer=offer, draft=seats, undos=())


def _with(state: State, moved: Mapping[str, str | None]) -> State:
    """The seats that the desk works on, with these changed; None takes a seat away."""
    whole = {**(state.draft if state.draft is not None else seated(state)), **moved}
    seats = {id: table for id, table in whole.items() if table is not None}
    if state.draft is not None:
        return replace(state, draft=seats)
    return replace(state, published=seats, sitting={id: at for id, at in state.sitting.items() if id not in moved})
