"""What a seating knows: who is here, who met, which draft lies on the desk, who sits where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from ..contract import Level
from ..contract.tally import bare
from . import matching
from .matching import Event, Person, Weights
from .messages import Setup, Table

#: {person: table}.
Seats = Mapping[str, str]
#: People who sat together once.
Met = tuple[str, ...]

#: Moves that can be taken back.
UNDOS = 50


@dataclass(frozen=True, slots=True)
class Asked:
    round: int
    rounds: int
    input: str
    seed: int
    weights: Weights
    #: Of the fact; whoever asks the same again is answered again.
    number: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """seats: those of the coming round as they were found, before any move. bound: of all its rounds together."""

    round: int
    rounds: int
    input: str
    seed: int
    weights: Weights
    seats: Seats
    cost: int
    bound: int | None
    engine: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Undo:
    """What stood before a move: {person: their table, or None} of those it moved, and all that was held."""

    moved: Mapping[str, str | None]
    held: Seats


@dataclass(frozen=True, slots=True)
class State:
    """tables: by id, in the setup's order, each with a symbol. people: {id: group}, told by the room; None where it never
    told, then whoever said something is here.

    sitting: {person: label of a table} as the session has it now. given: people who met in earlier stages; before: how
    often each two met, earlier rounds of this stage included. pins: who stays at a table in every round; held: who was
    moved by hand in this one. done: the seats of the rounds that are over. published: those of this round, once the room
    saw them.
    """

    setup: Setup
    level: Level = "pseudonym"
    tables: Mapping[str, Table] = field(default_factory=dict)
    people: Mapping[str, str | None] | None = None
    sitting: Seats = field(default_factory=dict)
    given: tuple[Met, ...] = ()
    before: Mapping[matching.Pair, int] = field(default_factory=dict)
    organisations: Mapping[str, str] = field(default_factory=dict)
    speakers: Mapping[str, str | None] = field(default_factory=dict)
    weights: Weights = field(default_factory=Weights)
    apart: tuple[matching.Pair, ...] = ()
    pins: Seats = field(default_factory=dict)
    held: Seats = field(default_factory=dict)
    round: int = 1
    done: tuple[Seats, ...] = ()
    asked: Asked | None = None
    #: The last search came to nothing, through no fault of the room.
    gave_up: bool = False
    offer: Offer | None = None
    draft: Seats | None = None
    published: Seats | None = None
    undos: tuple[Undo, ...] = ()

    @property
    def here(self) -> Mapping[str, str | None]:
        return self.speakers if self.people is None else self.people

    @property
    def asks_organisation(self) -> bool:
        """At level anonymous nobody is asked: a seat is a person's, and so is what it is found by."""
        return self.setup.organisation == "ask" and self.level != "anonymous"


def rounds_left(state: State) -> int:
    """Table rounds to be found now: this one and those still planned after it."""
    return max(1, state.setup.rounds - state.round + 1)


def seated(state: State) -> dict[str, str]:
    """{person: table} of this round as it is in the room: published, and where somebody sat down elsewhere, there."""
    if state.published is None:
        return {}
    known = state.tables
    seats = {}
    for id in state.here:
        table = state.sitting.get(id, state.published.get(id))
        if table is not None and table in known:
            seats[id] = table
    return seats


def worked_on(state: State) -> dict[str, str] | None:
    """The seats that the desk works on: the draft, else what is published; None before there is any."""
    if state.draft is not None:
        return {id: table for id, table in state.draft.items() if id in state.here}
    return seated(state) if state.published is not None else None


def late(state: State) -> list[str]:
    """Who is here and has no seat in what the desk works on."""
    seats = worked_on(state)
    return [] if seats is None else [id for id in state.here if id not in seats]


def met_at(seats: Seats) -> list[Met]:
    """The people of each table, in the order of their ids, tables in the order of theirs."""
    at: dict[str, list[str]] = {}
    for id, table in seats.items():
        at.setdefault(table, []).append(id)
    return [tuple(sorted(at[table])) for table in sorted(at)]


def counted(met: Iterable[Met]) -> dict[matching.Pair, int]:
    """How often each two met."""
    before: dict[matching.Pair, int] = {}
    for people in met:
        for two in combinations(sorted(set(people)), 2):
            before[two] = before.get(two, 0) + 1
    return before


def all_met(given: Iterable[Met], done: Iterable[Seats]) -> list[Met]:
    return [*given, *(people for seats in done for people in met_at(seats))]


def organisation(state: State, person: str) -> str | None:
    """What an organisation counts as: spelling and case make no difference."""
    return bare(state.organisations.get(person, "")) or None


def asking(state: State, asked: Asked) -> dict[str, Any]:
    """The input of the search for what was asked, as the room is now; one that is outdated has another digest."""
    here = state.here
    past = [[id for id in met if id in here] for met in all_met(state.given, state.done)]
    known = state.tables
    return {
        "format": "officina.tables/1",
        "seed": asked.seed,
        "rounds": asked.rounds,
        "tables": [{"id": table.id, "seats": table.seats} for table in known.values()],
        "people": [{"id": id, "group": group, "organisation": organisation(state, id)} for id, group in here.items()],
        "past": [met for met in past if len(met) > 1],
        "apart": [list(two) for two in state.apart if two[0] in here and two[1] in here],
        "pins": [
            {"person": id, "table": table, "round": round}
            for round in range(1, asked.rounds + 1)
            for id, table in ({**state.pins, **state.held} if round == 1 else state.pins).items()
            if id in here and table in known
        ],
        "weights": asked.weights.model_dump(),
        "steps": state.setup.steps,
    }


def this_round(state: State) -> Event:
    """One round with everybody here, for figures, moves and late seats; not made for the search."""
    return Event(
        seed=state.offer.seed if state.offer is not None else 1,
        rounds=1,
        steps=1,
        weights=state.weights,
        people=tuple(Person(id, group, organisation(state, id), (1,)) for id, group in sorted(state.here.items())),
        tables=tuple(
            matching.Table(table.id, table.seats) for table in sorted(state.tables.values(), key=lambda one: one.id)
        ),
        before=state.before,
        apart=tuple(two for two in state.apart if two[0] in state.here and two[1] in state.here),
        pins={},
        digest="",
    )


def only_seated(event: Event, seats: Seats) -> Event:
    """The same round without those who have no seat, so that figures speak of who sits."""
    return replace(event, people=tuple(person for person in event.people if person.id in seats))
