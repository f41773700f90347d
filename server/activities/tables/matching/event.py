"""The input of the tables: who is here, which tables stand, who met before; read, checked and put into one digest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MOST_PEOPLE, MOST_TABLES, MOST_ROUNDS = 1_000, 200, 20
STEPS = 400_000
#: Nodes of the proof that people can be kept apart at all; beyond it the search tries and the report tells.
PROOF = 100_000
#: People in that proof; each is one level deeper.
DEEPEST = 300

Id = Annotated[str, Field(min_length=1, max_length=64)]
Weight = Annotated[int, Field(ge=0, le=1_000)]
#: (person, person), ids in order.
Pair = tuple[str, str]


class Unusable(ValueError):
    """An input that no seating can be made from. text: one English sentence that says what to do."""

    def __init__(self, code: str, text: str, **details: Any) -> None:
        super().__init__(text)
        self.code, self.text, self.details = code, text, details


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Weights(_Part):
    """What a repeated meeting and a pair of colleagues at one table cost."""

    repeat: Weight = 10
    colleagues: Weight = 6


class _Person(_Part):
    id: Id
    group: str | None = None
    organisation: str | None = None
    rounds: list[int] | None = None


class _Table(_Part):
    id: Id
    seats: Annotated[int, Field(ge=1, le=MOST_PEOPLE)] | None = None


class _Pin(_Part):
    person: Id
    table: Id
    round: int


class _Input(_Part):
    format: Literal["officina.tables/1"]
    seed: Annotated[int, Field(ge=0)] = 1
    rounds: Annotated[int, Field(ge=1)]
    tables: Annotated[int, Field(ge=1)] | Annotated[list[_Table], Field(min_length=1)]
    people: list[_Person]
    past: list[list[Id]] = []
    apart: list[Annotated[list[Id], Field(min_length=2, max_length=2)]] = []
    pins: list[_Pin] = []
    weights: Weights = Weights()
    steps: Annotated[int, Field(ge=1, le=10_000_000)] = STEPS


@dataclass(frozen=True, slots=True)
class Person:
    """rounds: those in which the person is present, from 1."""

    id: str
    group: str | None
    organisation: str | None
    rounds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """seats: None where there is always one chair more."""

    id: str
    seats: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """A readable input. People and tables stand in the order of their ids, whatever order they came in.

    before: how often two people met, for those who did. pins: {(person, round): table}. digest: SHA-256 of the input.
    """

    seed: int
    rounds: int
    steps: int
    weights: Weights
    people: tuple[Person, ...]
    tables: tuple[Table, ...]
    before: Mapping[Pair, int]
    apart: tuple[Pair, ...]
    pins: Mapping[tuple[str, int], str]
    digest: str

    def present(self, round: int) -> list[Person]:
        return [person for person in self.people if round in person.rounds]

    def in_seeded_order(self, ids: Iterable[str]) -> list[str]:
        """By SHA-256 of "seed:id", so that neither the order of joining nor that of the input favours anybody."""
        return sorted(ids, key=lambda id: sha256(f"{self.seed}:{id}".encode()).digest())


def pair(a: str, b: str) -> Pair:
    return (a, b) if a < b else (b, a)


def digest(data: Mapping[str, Any]) -> str:
    """SHA-256 of the input as canonical JSON: keys, people, tables and all lists of ids in order, no spaces."""
    told = dict(data)
    told["people"] = sorted(
        ({**one, "rounds": sorted(one["rounds"])} if one.get("rounds") else one for one in data["people"]),
        key=lambda one: str(one["id"]),
    )
    if isinstance(data["tables"], list):
        told["tables"] = sorted(data["tables"], key=lambda one: str(one["id"]))
    if "past" in data:
        told["past"] = sorted(sorted(met) for met in data["past"])
    if "apart" in data:
        told["apart"] = sorted(sorted(two) for two in data["apart"])
    if "pins" in data:
        told["pins"] = sorted(data["pins"], key=lambda one: (one["person"], one["table"], one["round"]))
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read(data: Any) -> Event:
    """The input as an event. Raises Unusable with a code; nothing of a readable event can fail later."""
    try:
        told = _Input.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the input"
        raise Unusable("malformed", f"{where}: {first['msg']}. Correct it and try again.", at=where) from None
    for what, n, most in (
        ("people", len(told.people), MOST_PEOPLE),
        ("tables", told.tables if isinstance(told.tables, int) else len(told.tables), MOST_TABLES),
        ("rounds", told.rounds, MOST_ROUNDS),
    ):
        if n > most:
            raise Unusable("too_big", f"There are {n} {what}; at most {most} can be seated.", what=what, most=most)
    tables = _tables(told.tables)
    people = _people(told)
    known = {person.id for person in people}
    for id in [id for met in told.past for id in met] + [id for two in told.apart for id in two]:
        _known(id, known, "person")
    before: dict[Pair, int] = {}
    for met in told.past:
        for a, b in combinations(sorted(set(met)), 2):
            before[a, b] = before.get((a, b), 0) + 1
    event = Event(
        seed=told.seed,
        rounds=told.rounds,
        steps=told.steps,
        weights=told.weights,
        people=people,
        tables=tables,
        before=before,
        apart=tuple(sorted({pair(a, b) for a, b in told.apart})),
        pins=_pins(told, people, tables),
        digest=digest(data),
    )
    _enough_seats(event)
    _can_be_apart(event)
    return event


def _tables(told: int | list[_Table]) -> tuple[Table, ...]:
    if isinstance(told, int):
        return tuple(sorted((Table(f"t{n}", None) for n in range(1, told + 1)), key=lambda one: one.id))
    _no_twice([one.id for one in told], "table")
    return tuple(sorted((Table(one.id, one.seats) for one in told), key=lambda one: one.id))


def _people(told: _Input) -> tuple[Person, ...]:
    _no_twice([one.id for one in told.people], "person")
    people = []
    for one in told.people:
        rounds = range(1, told.rounds + 1) if one.rounds is None else sorted(set(one.rounds))
        for round in rounds:
            if not 1 <= round <= told.rounds:
                text = f"{one.id} is said to be present in round {round}; there are {told.rounds} rounds."
                raise Unusable("malformed", text, person=one.id, round=round)
        people.append(Person(one.id, one.group, one.organisation, tuple(rounds)))
    return tuple(sorted(people, key=lambda one: one.id))


def _pins(told: _Input, people: Sequence[Person], tables: Sequence[Table]) -> dict[tuple[str, int], str]:
    here = {person.id: person.rounds for person in people}
    seats = {table.id: table.seats for table in tables}
    pins: dict[tuple[str, int], str] = {}
    filled: dict[tuple[str, int], int] = {}
    for one in told.pins:
        _known(one.person, here, "person")
        _known(one.table, seats, "table")
        key = (one.person, one.round)
        if not 1 <= one.round <= told.rounds:
            text = f"{one.person} is pinned in round {one.round}; there are {told.rounds} rounds."
            raise Unusable("malformed", text, person=one.person, round=one.round)
        if one.round not in here[one.person]:
            text = f"{one.person} is pinned in round {one.round} but is away then: remove the pin."
            raise Unusable("pin_conflict", text, person=one.person, round=one.round)
        if pins.get(key, one.table) != one.table:
            text = f"{one.person} is pinned to two tables in round {one.round}: keep one of the pins."
            raise Unusable("pin_conflict", text, person=one.person, round=one.round)
        if key in pins:
            continue
        pins[key] = one.table
        filled[one.table, one.round] = filled.get((one.table, one.round), 0) + 1
        most = seats[one.table]
        if most is not None and filled[one.table, one.round] > most:
            text = f"More people are pinned to table {one.table} in round {one.round} than it has seats: {most}."
            raise Unusable("pin_conflict", text, table=one.table, round=one.round, seats=most)
    return pins


def _no_twice(ids: Sequence[str], what: str) -> None:
    seen: set[str] = set()
    for id in ids:
        if id in seen:
            raise Unusable("duplicate_id", f"There are two {what} entries with the id {id}: rename one.", id=id)
        seen.add(id)


def _known(id: str, known: Iterable[str], what: str) -> None:
    if id not in known:
        raise Unusable("unknown_id", f"{id} is not the id of a {what} of this input.", id=id)


def _enough_seats(event: Event) -> None:
    given = [table.seats for table in event.tables if table.seats is not None]
    if len(given) < len(event.tables):
        return
    for round in range(1, event.rounds + 1):
        people, seats = len(event.present(round)), sum(given)
        if people > seats:
            text = f"{people} people are present in round {round}, and there are {seats} seats: add {people - seats}."
            raise Unusable("too_few_seats", text, round=round, people=people, seats=seats)


def _can_be_apart(event: Event) -> None:
    """Refuses wishes to be apart that contradict the pins, or need more tables than there are."""
    for round in range(1, event.rounds + 1):
        here = {person.id for person in event.present(round)}
        wishes: dict[str, set[str]] = {}
        for a, b in event.apart:
            if a == b:
                raise Unusable("apart_impossible", f"{a} cannot be kept apart from the same person.", people=[a])
            if a in here and b in here:
                wishes.setdefault(a, set()).add(b)
                wishes.setdefault(b, set()).add(a)
                if (a, round) in event.pins and event.pins[a, round] == event.pins.get((b, round)):
                    text = f"{a} and {b} are to be apart, and are pinned to one table in round {round}: remove a pin."
                    raise Unusable("apart_impossible", text, people=[a, b], round=round)
        if not _colourable(wishes, len(event.tables)):
            text = f"Too many people are to be apart from each other for {len(event.tables)} tables: remove a wish."
            raise Unusable("apart_impossible", text, round=round, tables=len(event.tables))


def _colourable(wishes: Mapping[str, set[str]], tables: int) -> bool:
    """Whether everybody can have a table of `tables` where none of their wishes sits; True where no proof is found."""
    left = {id: set(others) for id, others in sorted(wishes.items())}
    while loose := [id for id, others in left.items() if len(others) < tables]:
        # Whoever has fewer wishes than there are tables always finds one, whatever the others take.
        for id in loose:
            for other in left.pop(id):
                if other in left:
                    left[other].discard(id)
    order = sorted(left, key=lambda id: (-len(left[id]), id))
    table: dict[str, int] = {}
    nodes = 0
    if len(order) > DEEPEST:
        return True

    def place(n: int) -> bool:
        nonlocal nodes
        nodes += 1
        if n == len(order) or nodes > PROOF:
            return True
        id = order[n]
        taken = {table[other] for other in left[id] if other in table}
        # Tables nobody sits at yet are all alike, so one of them is enough.
        for one in range(min(tables, max(table.values(), default=-1) + 2)):
            if one not in taken:
                table[id] = one
                if place(n + 1):
                    return True
                del table[id]
        return False

    return place(0)
