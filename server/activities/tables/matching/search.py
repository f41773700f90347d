"""The search: swaps of two people inside one round that never lose the balance, with a temperature that falls.

A budget of steps repeats exactly on every machine; a budget of time would not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from math import exp
from random import Random

from .dealing import dealt
from .event import Event, Pair
from .value import Assignment, bound, cost, marginal, meetings

#: Temperatures at the first and the last step, for a weight of 10; found by trying on 24 people at 6 tables, 5 rounds.
HOT, COLD, WEIGHT = 4.0, 2.0, 10
#: Steps between two temperatures; also what a slice is.
SLICE = 256
#: Rooms of this size or smaller are searched from several beginnings.
SMALL, BEGINNINGS = 30, 4
#: How much hotter each beginning is: where everybody meets everybody again and again, better seatings lie behind walls.
HEAT = (1.0, 2.0, 1.0, 4.0)
#: Two people who are to be apart and sit together cost this much for the search, beside weights up to 10.
APART = 1_000
#: Share of the steps that begin with somebody whose seat costs something, and steps after which they are looked up anew.
DEAR, AGAIN = 0.5, 4 * SLICE
#: One step of so many exchanges people of two groups, where each table has one too many of its own.
ACROSS = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A seating: {person: a table or None for each round}. steps: those taken, over all beginnings."""

    assignment: dict[str, list[str | None]]
    steps: int
    beginnings: int
    stopped: bool


def search(event: Event, stopped: Callable[[], bool] | None = None) -> Found:
    """The best seating found within the event's steps, the same on every machine.

    stopped: looked at between slices; when it says so the best one so far is given, marked as stopped.
    """
    slices = sliced(event, stopped)
    while True:
        try:
            next(slices)
        except StopIteration as end:
            found: Found = end.value
            return found


def sliced(event: Event, stopped: Callable[[], bool] | None = None) -> Generator[None, None, Found]:
    """The same as a generator that pauses every `SLICE` steps and returns the `Found` at its end."""
    least = bound(event)
    beginnings = BEGINNINGS if len(event.people) <= SMALL else 1
    best: tuple[int, dict[str, list[str | None]]] | None = None
    steps = begun = 0
    cut = False
    for n in range(beginnings):
        seed = int.from_bytes(sha256(f"{event.seed}:{n}".encode()).digest()[:8])
        trial = _Trial(event, Random(seed).random, HEAT[n])
        begun += 1
        for _ in trial.steps(least if least is not None else 0):
            if stopped is not None and stopped():
                cut = True
                break
            yield
        steps += trial.taken
        if best is None or trial.best < best[0]:
            best = trial.best, trial.assignment()
        if cut or best[0] == (least or 0):
            break
    assert best is not None
    return Found(new_people_first(event, best[1]), steps, begun, cut)


def new_people_first(event: Event, assignment: Assignment) -> dict[str, list[str | None]]:
    """The same rounds in the order in which what they cost comes as late as it can; their sum stays what it was.

    A day often ends before its last round, and until then nobody should meet anybody twice. Where rounds differ in who is
    there, or in who has a fixed seat, they stay as they are.
    """
    rows = {id: list(row) for id, row in assignment.items()}
    if event.pins or any(len(person.rounds) != event.rounds for person in event.people):
        return rows
    own = {person.id: person.organisation for person in event.people}
    together: list[list[Pair]] = [[] for _ in range(event.rounds)]
    for round, _, two in meetings(event, assignment):
        together[round - 1].append(two)
    same = [sum(own[a] is not None and own[a] == own[b] for a, b in pairs) for pairs in together]
    met = Counter(event.before)
    left, order = list(range(event.rounds)), []
    while left:
        costs = {
            r: event.weights.repeat * sum(marginal(met[two]) for two in together[r])
            + event.weights.colleagues * same[r]
            for r in left
        }
        least = min(left, key=costs.__getitem__)
        left.remove(least)
        order.append(least)
        met.update(together[least])
    return {id: [row[r] for r in order] for id, row in rows.items()}


def random_deal(event: Event) -> int:
    """The cost of one seeded shuffle of everybody present into equal tables: what a room gets by drawing lots."""
    rnd = Random(event.seed).random
    order = event.in_seeded_order(table.id for table in event.tables)
    drawn: dict[str, list[str | None]] = {person.id: [None] * event.rounds for person in event.people}
    for round in range(1, event.rounds + 1):
        people = event.in_seeded_order(person.id for person in event.present(round))
        for place in range(len(people) - 1, 0, -1):
            other = int(rnd() * (place + 1))
            people[place], people[other] = people[other], people[place]
        for n, id in enumerate(people):
            drawn[id][round - 1] = order[n % len(order)]
    return cost(event, drawn)


class _Trial:
    """One beginning. People, tables and rounds are numbers here; the seeded order is theirs.

    A pair's entry in `_of` is how often the two have met so far plus `_kind` times what they are to each other: 0
    nothing, 1 colleagues, 2 to be apart, 3 both. `_join` and `_leave` give the price of an entry.
    """

    def __init__(self, event: Event, rnd: Callable[[], float], heat: float) -> None:
        self._event, self._rnd = event, rnd
        self._ids = event.in_seeded_order(person.id for person in event.people)
        self._tables = event.in_seeded_order(table.id for table in event.tables)
        index = {id: n for n, id in enumerate(self._ids)}
        self._weight = max(event.weights.repeat, event.weights.colleagues, 1) / WEIGHT
        self._hot, self._cold = HOT * self._weight * heat, COLD * self._weight * heat
        self._kind = max(event.before.values(), default=0) + event.rounds + 2
        self._price(int(APART * max(1.0, self._weight)))
        self._of = self._entries(index)
        groups = sorted({person.group for person in event.people}, key=lambda one: (one is not None, one or ""))
        group_of = {person.id: groups.index(person.group) for person in event.people}
        self._group = [group_of[id] for id in self._ids]
        #: [round][person] -> table or -1; [round][table] -> people; [round] -> people who may move, and by group.
        self._at = [[-1] * len(self._ids) for _ in range(event.rounds)]
        self._seated: list[list[list[int]]] = [[[] for _ in self._tables] for _ in range(event.rounds)]
        self._swap: list[list[int]] = []
        self._mates: list[list[list[int]]] = []
        self._free: list[list[int]] = []
        table_of = {id: n for n, id in enumerate(self._tables)}
        for r in range(event.rounds):
            for id, table in dealt(event, self._tables, r + 1, rnd).items():
                self._at[r][index[id]] = table_of[table]
            mates: list[list[int]] = [[] for _ in groups]
            free = []
            for i, id in enumerate(self._ids):
                if self._at[r][i] >= 0:
                    self._seated[r][self._at[r][i]].append(i)
                    if (id, r + 1) not in event.pins:
                        mates[self._group[i]].append(i)
                        free.append(i)
            self._mates.append(mates)
            self._free.append(free)
            self._swap.append([i for i in free if len(mates[self._group[i]]) > 1])
        self._count, self._floor, self._ceiling = self._ranges(len(groups))
        self.cost = self._meet_all()
        self.best, self.taken = self.cost, 0
        self._best_at = [list(row) for row in self._at]

    def _price(self, apart: int) -> None:
        weights = self._event.weights
        self._join, self._leave = [], []
        for kind in range(4):
            base = weights.colleagues * (kind & 1) + apart * (kind >> 1)
            for met in range(self._kind):
                self._join.append(base + weights.repeat * (2 * met - 1 if met else 0))
                self._leave.append(base + weights.repeat * (2 * met - 3 if met > 1 else 0))
        # Somebody's own entry is 0, and nobody joins or leaves themselves.
        assert self._join[0] == self._leave[0] == 0

    def _entries(self, index: dict[str, int]) -> list[list[int]]:
        n = len(self._ids)
        own = {person.id: person.organisation for person in self._event.people}
        of = [[0] * n for _ in range(n)]
        by_organisation: dict[str, list[int]] = {}
        for i, id in enumerate(self._ids):
            name = own[id]
            if name is not None:
                by_organisation.setdefault(name, []).append(i)
        for people in by_organisation.values():
            for i in people:
                for j in people:
                    if i != j:
                        of[i][j] += self._kind
        for pairs, more in ((dict.fromkeys(self._event.apart, 1), 2 * self._kind), (self._event.before, 1)):
            for (a, b), times in pairs.items():
                of[index[a]][index[b]] += times * more
                of[index[b]][index[a]] += times * more
        return of

    def _ranges(self, groups: int) -> tuple[list[list[list[int]]], list[list[list[int]]], list[list[list[int]]]]:
        """[round][table][group]: how many sit there, and the least and most that the balance allows."""
        count, floor, ceiling = [], [], []
        for seated in self._seated:
            here = [[0] * groups for _ in seated]
            for table, people in enumerate(seated):
                for i in people:
                    here[table][self._group[i]] += 1
            whole = [sum(row[g] for row in here) for g in range(groups)]
            total = sum(whole)
            sizes_ = [len(people) for people in seated]
            even = max(sizes_) - min(sizes_) <= 1
            share = [
                [(whole[g], len(seated)) if even else (whole[g] * size, max(total, 1)) for g in range(groups)]
                for size in sizes_
            ]
            count.append(here)
            floor.append([[a // b for a, b in row] for row in share])
            ceiling.append([[-(-a // b) for a, b in row] for row in share])
        return count, floor, ceiling

    def _meet_all(self) -> int:
        """Enters every meeting of the first seating; returns its cost, wishes to be apart included."""
        total = 0
        for seated in self._seated:
            for people in seated:
                for n, i in enumerate(people):
                    for j in people[n + 1 :]:
                        total += self._join[self._of[i][j]]
                        self._of[i][j] += 1
                        self._of[j][i] += 1
        return total

    def steps(self, least: int) -> Iterator[None]:
        """Takes the budget's steps, and stops where the cost is the least possible."""
        budget, rounds, rnd = self._event.steps, self._event.rounds, self._rnd
        of, join, leave, group = self._of, self._join, self._leave, self._group
        across = len(set(group)) > 1
        temperature = self._hot
        hot: list[tuple[int, int]] = []
        for step in range(budget):
            if not step % SLICE:
                if self.best <= least:
                    break
                self.taken = step
                yield
                if not step % AGAIN:
                    hot = self._dear()
                temperature = self._hot * (self._cold / self._hot) ** (step / budget)
            if hot and rnd() < DEAR:
                r, a = hot[int(rnd() * len(hot))]
                at = self._at[r]
            else:
                r = int(rnd() * rounds)
                at, swap = self._at[r], self._swap[r]
                if not swap:
                    continue
                a = swap[int(rnd() * len(swap))]
            if across and not step % ACROSS:
                b = self._free[r][int(rnd() * len(self._free[r]))]
                if not self._may_cross(r, a, b):
                    continue
            else:
                mates = self._mates[r][group[a]]
                b = mates[int(rnd() * len(mates))]
            here, there = at[a], at[b]
            if here == there:
                continue
            seated = self._seated[r]
            one, two = seated[here], seated[there]
            own, other = of[a], of[b]
            delta = -2 * join[own[b]]
            for i in one:
                delta += join[other[i]] - leave[own[i]]
            for i in two:
                delta += join[own[i]] - leave[other[i]]
            if delta <= 0 or rnd() < exp(-delta / temperature):
                one.remove(a)
                two.remove(b)
                for i in one:
                    own[i] -= 1
                    of[i][a] -= 1
                    other[i] += 1
                    of[i][b] += 1
                for i in two:
                    other[i] -= 1
                    of[i][b] -= 1
                    own[i] += 1
                    of[i][a] += 1
                one.append(b)
                two.append(a)
                at[a], at[b] = there, here
                if group[a] != group[b]:
                    self._cross(r, a, b)
                self.cost += delta
                if self.cost < self.best:
                    self.best = self.cost
                    self._best_at = [list(row) for row in self._at]
                    if self.best <= least:
                        self.taken = step + 1
                        return
        else:
            self.taken = budget

    def _may_cross(self, r: int, a: int, b: int) -> bool:
        """Whether two people of different groups may change places: each table then has as many of both as is even."""
        here, there, own, other = self._at[r][a], self._at[r][b], self._group[a], self._group[b]
        if here == there or own == other:
            return own == other
        count, floor, ceiling = self._count[r], self._floor[r], self._ceiling[r]
        return (
            count[here][own] > floor[here][own]
            and count[here][other] < ceiling[here][other]
            and count[there][other] > floor[there][other]
            and count[there][own] < ceiling[there][own]
        )

    def _cross(self, r: int, a: int, b: int) -> None:
        """Counts anew after two people of different groups changed places; a sits where b sat."""
        there, here = self._at[r][a], self._at[r][b]
        for table, more, fewer in ((there, a, b), (here, b, a)):
            self._count[r][table][self._group[more]] += 1
            self._count[r][table][self._group[fewer]] -= 1

    def _dear(self) -> list[tuple[int, int]]:
        """(round, person) of those who may move and whose seat costs something."""
        found = []
        for r, seated in enumerate(self._seated):
            swap = set(self._swap[r])
            for people in seated:
                for i in people:
                    own = self._of[i]
                    if i in swap and any(self._leave[own[j]] for j in people):
                        found.append((r, i))
        return found

    def assignment(self) -> dict[str, list[str | None]]:
        """The best seating met so far."""
        return {
            id: [self._tables[row[i]] if row[i] >= 0 else None for row in self._best_at]
            for i, id in enumerate(self._ids)
        }
