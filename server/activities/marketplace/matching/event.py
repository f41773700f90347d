"""What is to be placed: people, stalls, rounds and wishes, as `officina match` reads them (MATCHING 7), and what follows.

`read` is strict: a field nobody knows, a level outside 0..3 or an id that does not exist is told with a code and with
what to do, before anybody waits for a plan. `Market` holds the numbers derived in MATCHING 2.1 by index, computed once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_PEOPLE, MAX_STALLS, MAX_ROUNDS = 2000, 100, 12
FORMAT = "officina.match/1"
#: Beyond this many, one more visit without interest costs no more than the one before.
ZERO_STEPS = 7

Code = Literal[
    "malformed", "unknown_id", "duplicate_id", "interest_out_of_range", "host_clash", "pin_conflict", "too_big"
]
Assignment = Mapping[str, Sequence[str | None]]
"""{person id: [stall id or None, one for each round of the event, the first one first]}"""

Id = Annotated[str, Field(min_length=1, max_length=64)]
Round = Annotated[int, Field(ge=1)]
Weight = Annotated[int, Field(ge=0, le=1000)]
Interest = Annotated[int, Field(ge=0, le=3)]


class Unusable(Exception):
    """The input cannot be used. code: of MATCHING 7; text: one sentence that says what to do; details: where."""

    def __init__(self, code: Code, text: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.code, self.text, self.details = code, text, dict(details or {})

    def as_dict(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "text": self.text, "details": self.details}}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Person(_Frozen):
    """rounds: in which this person is present, all without it. never: stalls this person does not want to visit."""

    id: Id
    group: str | None = None
    organisation: str | None = None
    interests: dict[str, Interest] = Field(default_factory=dict)
    rounds: list[Round] | None = None
    never: list[str] = Field(default_factory=list)


class Stall(_Frozen):
    """capacity: seats for visitors in one round. never: organisations that shall not visit this stall."""

    id: Id
    organisation: str | None = None
    capacity: Annotated[int, Field(ge=1)]
    minimum: Annotated[int, Field(ge=0)] | None = None
    hosts: list[str] = Field(default_factory=list)
    hosting: Literal["turns", "stay"] = "turns"
    open: list[Round] | None = None
    never: list[str] = Field(default_factory=list)


class Past(_Frozen):
    person: str
    stall: str
    round: Round | None = None


class Pin(_Frozen):
    person: str
    stall: str
    round: Round


class Weights(_Frozen):
    """One unit is a tenth of an interest level (MATCHING 2.3)."""

    interest: Weight = 10
    top: Weight = 40
    zero: Weight = 5
    mix_first: Weight = 12
    mix_second: Weight = 4
    mix_over: Weight = 6
    colleagues: Weight = 8
    coverage: Weight = 15


class Sticky(_Frozen):
    """What keeping an old place is worth while a plan is worked out again (MATCHING 4); never part of the value."""

    planned: Weight = 8
    same: Weight = 15
    chosen: Weight = 4


class Event(_Frozen):
    """rounds: of the whole event. from_round: the first that is planned; earlier ones are told in `past` only."""

    format: Literal["officina.match/1"]
    seed: Annotated[int, Field(ge=0)] = 1
    rounds: Annotated[int, Field(ge=1, le=MAX_ROUNDS)]
    from_round: Round = 1
    people: list[Person]
    stalls: list[Stall]
    past: list[Past] = Field(default_factory=list)
    pins: list[Pin] = Field(default_factory=list)
    previous: dict[str, list[str | None]] | None = None
    weights: Weights = Field(default_factory=Weights)
    sticky: Sticky = Field(default_factory=Sticky)

    @cached_property
    def market(self) -> Market:
        """The derived numbers, computed at the first use."""
        return Market(self)


def read(data: Any) -> Event:
    """The event of a parsed JSON document. Raises `Unusable`."""
    if not isinstance(data, dict):
        raise Unusable("malformed", 'The input must be a JSON object with "format", "rounds", "people" and "stalls".')
    _sized(data)
    try:
        event = Event.model_validate(data)
    except ValidationError as error:
        raise _unusable(error, data) from None
    except RecursionError:
        raise Unusable("malformed", "The input is nested too deeply; see the documented format.") from None
    _consistent(event)
    return event


def digest(event: Event) -> str:
    """SHA-256 of the canonical input: what was given, not the defaults (MATCHING 7).

    People and stalls stand sorted by id; past visits and pins by person, stall and round; the ids in `never` sorted.
    """
    data = event.model_dump(mode="json", exclude_unset=True)
    for one in (*data["people"], *data["stalls"]):
        if "never" in one:
            one["never"] = sorted(one["never"])
    for name in ("people", "stalls"):
        data[name] = sorted(data[name], key=lambda one: str(one["id"]))
    for name in ("past", "pins"):
        if name in data:
            data[name] = sorted(data[name], key=lambda one: (one["person"], one["stall"], one.get("round") or 0))
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def _sized(data: Mapping[str, Any]) -> None:
    for name, most in (("people", MAX_PEOPLE), ("stalls", MAX_STALLS)):
        given = data.get(name)
        if isinstance(given, list) and len(given) > most:
            raise Unusable("too_big", f"Give at most {most} {name}.", {name: len(given), "most": most})
    rounds = data.get("rounds")
    if isinstance(rounds, int) and not isinstance(rounds, bool) and rounds > MAX_ROUNDS:
        raise Unusable("too_big", f"Give at most {MAX_ROUNDS} rounds.", {"rounds": rounds, "most": MAX_ROUNDS})


def _unusable(error: ValidationError, data: Mapping[str, Any]) -> Unusable:
    first = error.errors(include_url=False, include_input=False)[0]
    place = list(first["loc"])
    where = ""
    for part in place:
        where += f"[{part}]" if isinstance(part, int) else f".{part}" if where else str(part)
    details: dict[str, Any] = {"where": where}
    if place[:1] == ["people"] and "interests" in place and len(place) == 4:
        details |= {"stall": place[3]}
        person = data["people"][place[1]]
        if isinstance(person, dict) and isinstance(person.get("id"), str):
            details |= {"person": person["id"]}
        return Unusable("interest_out_of_range", f"Give {where} as an integer from 0 to 3.", details)
    said = {
        "extra_forbidden": f"Remove the unknown field {where}.",
        "missing": f"Add the missing field {where}.",
    }.get(first["type"], f"Correct {where or 'the input'}: {first['msg'][:1].lower()}{first['msg'][1:]}.")
    return Unusable("malformed", said, details)


def _consistent(event: Event) -> None:
    """What no type can say: ids that exist once, rounds that exist, hosts and pins that contradict nothing."""
    people, stalls = _ids("people", event.people), _ids("stalls", event.stalls)

    def known(id: str, among: Mapping[str, Any], kind: str, where: str) -> None:
        if id not in among:
            raise Unusable(
                "unknown_id", f'{where} names the {kind} "{id}", which is not in the input.', {"id": id, "where": where}
            )

    def in_rounds(rounds: Sequence[int] | None, where: str, first: int = 1, last: int = event.rounds) -> None:
        for number in rounds or ():
            if not first <= number <= last:
                raise Unusable(
                    "malformed",
                    f"{where} names round {number}; give a round from {first} to {last}.",
                    {"where": where, "round": number},
                )

    if event.from_round > event.rounds:
        raise Unusable(
            "malformed",
            f"Give from_round from 1 to {event.rounds}.",
            {"where": "from_round", "round": event.from_round},
        )
    weights = event.weights
    if weights.mix_first < weights.mix_second:
        raise Unusable("malformed", "Give a mix_first that is not below mix_second.", {"where": "weights.mix_second"})
    for person in event.people:
        where = f'person "{person.id}"'
        for stall in (*person.interests, *person.never):
            known(stall, stalls, "stall", where)
        in_rounds(person.rounds, where)
    for one in event.stalls:
        where = f'stall "{one.id}"'
        for host in one.hosts:
            known(host, people, "person", where)
        if len(set(one.hosts)) < len(one.hosts):
            raise Unusable("duplicate_id", f"{where} names a host twice; name each host once.", {"stall": one.id})
        in_rounds(one.open, where)
        if one.minimum is not None and one.minimum > one.capacity:
            raise Unusable(
                "malformed",
                f"{where} has a minimum above its capacity; give 0 to {one.capacity}.",
                {"where": where, "minimum": one.minimum, "capacity": one.capacity},
            )
    for visit in event.past:
        known(visit.person, people, "person", "past")
        known(visit.stall, stalls, "stall", "past")
        if visit.round is not None and visit.round >= event.from_round:
            raise Unusable(
                "malformed",
                f"A past visit is in round {visit.round}; past rounds lie before from_round {event.from_round}.",
                {"where": "past", "person": visit.person, "round": visit.round},
            )
    for id, route in (event.previous or {}).items():
        known(id, people, "person", "previous")
        if len(route) != event.rounds:
            raise Unusable(
                "malformed",
                f'The previous plan of "{id}" has {len(route)} rounds; give one entry for each of the {event.rounds}.',
                {"where": f"previous.{id}"},
            )
        for place in route:
            if place is not None:
                known(place, stalls, "stall", "previous")
    for pin in event.pins:
        known(pin.person, people, "person", "pins")
        known(pin.stall, stalls, "stall", "pins")
        in_rounds((pin.round,), "pins")
    _hosts_apart(event)
    _pins_possible(event)


def _ids(kind: str, given: Sequence[Person] | Sequence[Stall]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in given:
        if one.id in found:
            raise Unusable("duplicate_id", f'The id "{one.id}" is in {kind} twice; give each id once.', {"id": one.id})
        found[one.id] = one
    return found


def duties(event: Event, number: int) -> list[tuple[str, str]]:
    """(person, stall) on duty in this round, in the order of the stalls (MATCHING 2.1); nobody at a closed one."""
    present = {person.id for person in event.people if person.rounds is None or number in person.rounds}
    found = []
    for stall in event.stalls:
        if stall.open is not None and number not in stall.open:
            continue
        if stall.hosting == "stay":
            found += [(host, stall.id) for host in stall.hosts if host in present]
        elif stall.hosts:
            start = (number - 1) % len(stall.hosts)
            turn = [*stall.hosts[start:], *stall.hosts[:start]]
            found += [(host, stall.id) for host in turn if host in present][:1]
    return found


def _hosts_apart(event: Event) -> None:
    for number in range(event.from_round, event.rounds + 1):
        at: dict[str, str] = {}
        for person, stall in duties(event, number):
            if person in at:
                raise Unusable(
                    "host_clash",
                    f'"{person}" would present "{at[person]}" and "{stall}" in round {number}; change the hosts of one.',
                    {"person": person, "stalls": [at[person], stall], "round": number},
                )
            at[person] = stall


def _pins_possible(event: Event) -> None:
    if not event.pins:
        return
    m = event.market

    def conflict(pin: Pin, why: str) -> Unusable:
        return Unusable(
            "pin_conflict",
            f'The pin of "{pin.person}" at "{pin.stall}" in round {pin.round} cannot be kept: {why}; remove it.',
            {"person": pin.person, "stall": pin.stall, "round": pin.round},
        )

    at: dict[tuple[int, int], int] = {}
    when: dict[tuple[int, int], int] = {}
    seated: dict[tuple[int, int], int] = {}
    for pin in event.pins:
        p, s, t = m.person[pin.person], m.stall[pin.stall], pin.round - event.from_round
        if t < 0:
            raise conflict(pin, "that round is over")
        if at.get((p, t)) == s:
            continue
        if (p, t) in at:
            raise conflict(pin, "another pin places the same person in that round")
        if (p, s) in when:
            raise conflict(pin, "another pin places the same person there")
        if m.duty[p][t] >= 0:
            raise conflict(pin, "the person is on duty in that round")
        if not m.free[p][t]:
            raise conflict(pin, "the person is not there in that round")
        if not m.is_open[s][t]:
            raise conflict(pin, "the stall is closed in that round")
        if not m.allow[p][s]:
            raise conflict(pin, "the person may not visit that stall")
        if m.seen[p][s]:
            raise conflict(pin, "the person has visited that stall")
        seated[s, t] = seated.get((s, t), 0) + 1
        if seated[s, t] > event.stalls[m.given_stall[s]].capacity:
            raise conflict(pin, "more people are pinned there than there are seats")
        at[p, t], when[p, s] = s, t


@dataclass(frozen=True, slots=True)
class MixSteps:
    """What the k-th visitor of a group at one stall in one round is worth: first, second, then 0 up to `free`, then over."""

    first: int
    second: int
    free: int
    over: int

    def at(self, k: int) -> int:
        if k == 1:
            return self.first
        if k == 2 and self.second:
            return self.second
        return 0 if k <= self.free else -self.over

    def of(self, visitors: int) -> int:
        """Sum of the first `visitors` steps."""
        if visitors <= 0:
            return 0
        whole = self.first
        if visitors >= 2:
            whole += self.second
        return whole - self.over * max(0, visitors - self.free)


class Market:
    """An event by index: people and stalls in seeded order, t = 0.. for the planned rounds from `from_round` on.

    The order is SHA-256 of "{seed}:{id}", so neither the order of the file nor the moment of joining favours anybody
    (MATCHING 3.8). p, s, t, g, o below are indices of a person, a stall, a planned round, a group, an organisation.
    """

    def __init__(self, event: Event) -> None:
        self.event = event
        self.weights = event.weights
        seed = event.seed

        def place(id: str) -> tuple[bytes, str]:
            return sha256(f"{seed}:{id}".encode()).digest(), id

        given_people = sorted(range(len(event.people)), key=lambda i: place(event.people[i].id))
        self.given_stall = sorted(range(len(event.stalls)), key=lambda i: place(event.stalls[i].id))
        people = [event.people[i] for i in given_people]
        stalls = [event.stalls[i] for i in self.given_stall]
        self.people = [one.id for one in people]
        self.stalls = [one.id for one in stalls]
        self.person = {id: p for p, id in enumerate(self.people)}
        self.stall = {id: s for s, id in enumerate(self.stalls)}
        P, S = len(people), len(stalls)
        first = event.from_round
        self.first = first
        self.planned = list(range(first, event.rounds + 1))
        T = len(self.planned)
        self.P, self.S, self.T = P, S, T

        self.groups = sorted({one.group for one in people if one.group})
        group = {id: g for g, id in enumerate(self.groups)}
        self.group = [group[one.group] if one.group else -1 for one in people]
        self.organisations = sorted({one.organisation for one in people if one.organisation})
        organisation = {id: o for o, id in enumerate(self.organisations)}
        self.organisation = [organisation[one.organisation] if one.organisation else -1 for one in people]
        self.members: list[list[int]] = [[] for _ in self.organisations]
        for p, o in enumerate(self.organisation):
            if o >= 0:
                self.members[o].append(p)
        #: Organisations whose members are of more than one group: their rows do not nest in the flow (MATCHING 3.1).
        self.mixed = [len({self.group[p] for p in members}) > 1 for members in self.members]

        self.w = [[0] * S for _ in people]
        for p, one in enumerate(people):
            row = self.w[p]
            for id, level in one.interests.items():
                row[self.stall[id]] = level

        present = [
            [True] * T if one.rounds is None else [number in one.rounds for number in self.planned] for one in people
        ]
        self.present = present
        self.duty = [[-1] * T for _ in people]
        for t, number in enumerate(self.planned):
            for id, at in duties(event, number):
                self.duty[self.person[id]][t] = self.stall[at]
        self.free = [[present[p][t] and self.duty[p][t] < 0 for t in range(T)] for p in range(P)]
        self.free_rounds = [sum(row) for row in self.free]
        self.is_open = [
            [True] * T if one.open is None else [number in one.open for number in self.planned] for one in stalls
        ]
        self.open_rounds = [sum(row) for row in self.is_open]

        self.hosts = [[self.person[id] for id in one.hosts] for one in stalls]
        self.allow = [self._allowed(one, stalls) for one in people]

        self.seen = [[False] * S for _ in people]
        for visit in event.past:
            self.seen[self.person[visit.person]][self.stall[visit.stall]] = True
        self.top = [
            max((x for x, ok in zip(w, allow, strict=True) if ok), default=0)
            for w, allow in zip(self.w, self.allow, strict=True)
        ]
        self.top_seen = [False] * P
        self.zeros_seen = [0] * P
        for p in range(P):
            if any(self.seen[p]):
                levels = [self.w[p][s] for s in range(S) if self.seen[p][s]]
                self.top_seen[p] = self.top[p] > 0 and self.top[p] in levels
                self.zeros_seen[p] = levels.count(0)
        self.covered = [[any(self.seen[p][s] for p in members) for s in range(S)] for members in self.members]

        self.visitors = [sum(self.free[p][t] for p in range(P)) for t in range(T)]
        self.open_stalls = [sum(self.is_open[s][t] for s in range(S)) for t in range(T)]
        #: Seats as large as they can matter, so that a figure like 10**30 harms no solver.
        self.cap = [min(one.capacity, max(P, 1)) for one in stalls]
        self.capacity = [one.capacity for one in stalls]
        load = min(
            (free // stands for free, stands in zip(self.visitors, self.open_stalls, strict=True) if stands), default=0
        )
        usual = min(load, max(1, 2 * load // 5))
        self.lo = [min(usual if one.minimum is None else one.minimum, one.capacity) for one in stalls]

        self.mix = [self._mix(g) for g in range(len(self.groups))]
        self.pins = {(self.person[pin.person], pin.round - first): self.stall[pin.stall] for pin in event.pins}
        self.choices = [
            [s for s in range(S) if self.allow[p][s] and not self.seen[p][s] and self.open_rounds[s]] for p in range(P)
        ]
        """Stalls that p may still visit, in seeded order."""

    def _allowed(self, person: Person, stalls: Sequence[Stall]) -> list[bool]:
        never = set(person.never)
        organisation = person.organisation or None
        return [
            not (
                (organisation is not None and (organisation == one.organisation or organisation in one.never))
                or one.id in never
                or person.id in one.hosts
            )
            for one in stalls
        ]

    def _mix(self, g: int) -> MixSteps:
        free = sum(self.free_rounds[p] for p in range(self.P) if self.group[p] == g)
        cells = sum(self.open_stalls)
        if not cells:
            return MixSteps(self.weights.mix_first, 0, 1, self.weights.mix_over)
        second = self.weights.mix_second if 2 * free >= 3 * cells else 0
        return MixSteps(
            self.weights.mix_first, second, max(-(-free // cells) + 1, 2 if second else 1), self.weights.mix_over
        )

    def grid(self, assignment: Assignment) -> Grid:
        """Stall index or -1 by person and planned round; a person the assignment does not name has no visit."""
        stall = self.stall
        nowhere: list[str | None] = [None] * self.event.rounds
        return [
            [-1 if id is None else stall[id] for id in assignment.get(person, nowhere)[self.first - 1 :]]
            for person in self.people
        ]

    def assignment(self, grid: Grid) -> dict[str, list[str | None]]:
        """By id and round of the event, people in the order of their ids."""
        before: list[str | None] = [None] * (self.first - 1)
        routes = {
            person: before + [None if s < 0 else self.stalls[s] for s in row]
            for person, row in zip(self.people, grid, strict=True)
        }
        return {person: routes[person] for person in sorted(routes)}


Grid = list[list[int]]
"""grid[p][t]: index of the stall that person p visits in planned round t, or -1."""
