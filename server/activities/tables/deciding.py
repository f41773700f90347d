"""What an ask about seats comes to."""

from __future__ import annotations

from dataclasses import replace

from ..contract import AFact, AnAsk, Moment, Refusal, clean
from . import matching
from .evolving import round_over
from .messages import (
    ApartKept,
    ApartLifted,
    AskForSeating,
    GiveUp,
    KeepApart,
    LiftApart,
    MovePerson,
    MoveUndone,
    NextSeating,
    OfferSeating,
    OrganisationSaid,
    PersonMoved,
    PersonPinned,
    PersonSeatedLate,
    PinPerson,
    PublishSeating,
    RoundBegun,
    SayOrganisation,
    SearchGivenUp,
    SeatingAsked,
    SeatingOffered,
    SeatingPublished,
    SeatLate,
    SetWeights,
    UndoMove,
    WeightsSet,
)
from .state import Asked, State, asking, late, rounds_left, this_round, worked_on

#: Table rounds of one stage; each is a new seating.
MOST = 20
#: Seeds that are drawn stay where every client reads them as the same number.
SEEDS = 2**31
#: Codes of an unusable input that a facilitator can do something about.
SAID = ("too_big", "too_few_seats", "pin_conflict", "apart_impossible")


def decide(state: State, ask: AnAsk, moment: Moment) -> list[AFact] | Refusal:
    match ask:
        case SayOrganisation():
            return _organisation(state, ask, moment)
        case SetWeights(repeat=repeat, colleagues=colleagues):
            same = (repeat, colleagues) == (state.weights.repeat, state.weights.colleagues)
            return [] if same else [WeightsSet(repeat=repeat, colleagues=colleagues)]
        case AskForSeating():
            return _asked(state, ask, moment)
        case OfferSeating():
            return _offered(state, ask)
        case KeepApart(one=one, other=other) | LiftApart(one=one, other=other):
            return _apart(state, one, other, isinstance(ask, KeepApart))
        case PinPerson():
            return _pin(state, ask)
        case MovePerson():
            return _move(state, ask)
        case UndoMove():
            return [MoveUndone()] if state.undos else Refusal("nothing_to_undo")
        case PublishSeating():
            if state.draft is None:
                return [] if state.published is not None else Refusal("nothing_to_publish")
            return [SeatingPublished(round=state.round)]
        case SeatLate():
            return _late(state, ask)
        case NextSeating():
            return _next(state, ask, moment)
        case GiveUp():
            return [SearchGivenUp()] if state.asked is not None else []
    return Refusal("unknown_ask")


def _organisation(state: State, ask: SayOrganisation, moment: Moment) -> list[AFact] | Refusal:
    if not state.asks_organisation or moment.voter is None:
        return Refusal("not_asked")
    said = " ".join(clean(ask.organisation).split())
    if said == state.organisations.get(moment.voter, "") and moment.voter in state.here:
        return []
    return [OrganisationSaid(organisation=said)]


def _asked(state: State, ask: AskForSeating, moment: Moment) -> list[AFact] | Refusal:
    weights = ask.weights or state.weights
    seed = ask.seed if ask.seed is not None else moment.seed % SEEDS
    asked = Asked(state.round, rounds_left(state), "", seed, weights)
    found = _digest(state, asked)
    if isinstance(found, Refusal):
        return found
    if state.asked is not None and state.asked.input == found:
        return []
    if state.offer is not None and state.offer.input == found and state.draft is not None and not state.undos:
        return []
    return [
        SeatingAsked(round=state.round, rounds=asked.rounds, input=found, seed=seed, weights=weights),
    ]


def _digest(state: State, asked: Asked) -> str | Refusal:
    """The digest of a readable input, or in a code why no seating can be found."""
    if not state.here:
        return Refusal("nobody_here")
    try:
        return matching.read(asking(state, asked)).digest
    except matching.Unusable as error:
        # What a room and its setup can really come to has a sentence of its own.
        told = error.code if error.code in SAID else "no_input"
        return Refusal(told, details=error.details)


def _offered(state: State, ask: OfferSeating) -> list[AFact] | Refusal:
    asked = state.asked
    if asked is None:
        offered = state.offer is not None and state.offer.input == ask.input
        return [] if offered else Refusal("plan_outdated")
    try:
        event = matching.read(asking(state, asked))
    except matching.Unusable:
        return Refusal("plan_outdated")
    if event.digest != ask.input:
        return Refusal("plan_outdated")
    broken = matching.broken(event, ask.assignment)
    # Sizes, balance and wishes to be apart may be out of reach where pins contradict them; a seat or a pin never is.
    if any(breach["rule"] in ("T1", "T5") for breach in broken):
        return Refusal("plan_broken")
    told = matching.objective(event, ask.assignment, broken)
    return [
        SeatingOffered(
            round=asked.round,
            input=ask.input,
            seed=asked.seed,
            weights=asked.weights,
            assignment=dict(sorted(ask.assignment.items())),
            cost=told["cost"],
            bound=told["bound"],
            parts=told["parts"],
            engine=ask.engine,
            broken=broken,
        )
    ]


def _apart(state: State, one: str, other: str, keep: bool) -> list[AFact] | Refusal:
    two = matching.pair(one, other)
    if keep and (one not in state.here or other not in state.here):
        return Refusal("unknown_person")
    if one == other:
        return Refusal("same_person")
    if keep:
        return [] if two in state.apart else [ApartKept(people=list(two))]
    return [ApartLifted(people=list(two))] if two in state.apart else []


def _pin(state: State, ask: PinPerson) -> list[AFact] | Refusal:
    if ask.table is None:
        return [PersonPinned(person=ask.person)] if ask.person in state.pins else []
    if ask.person not in state.here:
        return Refusal("unknown_person")
    if ask.table not in state.tables:
        return Refusal("unknown_table")
    if state.pins.get(ask.person) == ask.table:
        return []
    return [PersonPinned(person=ask.person, table=ask.table)]


def _move(state: State, ask: MovePerson) -> list[AFact] | Refusal:
    seats = worked_on(state)
    if seats is None:
        return Refusal("nothing_to_move")
    if ask.person not in state.here:
        return Refusal("unknown_person")
    if ask.table not in state.tables:
        return Refusal("unknown_table")
    was = seats.get(ask.person)
    if ask.instead is not None:
        if seats.get(ask.instead) != ask.table or ask.instead == ask.person:
            return Refusal("sits_elsewhere")
        if was is None:
            return Refusal("sits_nowhere")
    if was == ask.table:
        return []
    if ask.instead is None and _is_full(state, seats, ask.table):
        return Refusal("table_full")
    return [PersonMoved(person=ask.person, table=ask.table, was=was, instead=ask.instead)]


def _is_full(state: State, seats: dict[str, str], table: str) -> bool:
    most = state.tables[table].seats
    return most is not None and sum(place == table for place in seats.values()) >= most


def _late(state: State, ask: SeatLate) -> list[AFact] | Refusal:
    seats = worked_on(state)
    if seats is None:
        return Refusal("nothing_to_move")
    if ask.person not in state.here:
        return Refusal("unknown_person")
    if ask.person not in late(state):
        return []
    if ask.table is not None:
        if ask.table not in state.tables:
            return Refusal("unknown_table")
        if _is_full(state, seats, ask.table):
            return Refusal("table_full")
        return [PersonSeatedLate(person=ask.person, table=ask.table, reasons=[{"code": "chosen"}])]
    seat = matching.seat_for(this_round(state), seats, ask.person)
    if seat is None:
        return Refusal("all_full")
    return [PersonSeatedLate(person=ask.person, table=seat.table, reasons=seat.reasons)]


def _next(state: State, ask: NextSeating, moment: Moment) -> list[AFact] | Refusal:
    if state.published is None:
        return Refusal("not_published")
    if state.round >= MOST:
        return Refusal("last_round")
    after = replace(round_over(state), weights=state.weights)
    asked = _asked(after, AskForSeating(seed=ask.seed), moment)
    # A round begins also where its seating cannot be found yet; the desk then says why when it asks again.
    return [RoundBegun(round=after.round), *(asked if isinstance(asked, list) else [])]
