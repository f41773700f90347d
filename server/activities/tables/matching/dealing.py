"""A first seating that keeps the rules: sizes and groups are even because of how people are dealt, not by luck."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from .event import Event, Person
from .value import sizes

#: Costs of the flow that finds how many of a group sit where, each above the sum of what stands below it.
_PINNED, _SIZE, _FLOOR, _BEYOND = -1_000_000_000, -1_000_000, -1_000, 1_000_000

Rnd = Callable[[], float]
Group = str | None
#: {group: how many of it sit at each table, in the seeded order of tables}.
Counts = dict[Group, list[int]]


def shuffled(ids: Sequence[str], rnd: Rnd) -> list[str]:
    """In an order drawn by `rnd`, the one method of a generator that is the same in every Python (Fisher and Yates)."""
    drawn = list(ids)
    for place in range(len(drawn) - 1, 0, -1):
        other = int(rnd() * (place + 1))
        drawn[place], drawn[other] = drawn[other], drawn[place]
    return drawn


def dealt(event: Event, tables: Sequence[str], round: int, rnd: Rnd) -> dict[str, str]:
    """{person: table} of everybody present in a round, by groups evenly; pins are kept. `tables` is in seeded order.

    In the first round colleagues are dealt to tables that follow each other, later ones are shuffled inside groups.
    """
    here = event.present(round)
    pinned = {person.id: event.pins[person.id, round] for person in here if (person.id, round) in event.pins}
    order = event.in_seeded_order(person.id for person in here)
    place = {id: n for n, id in enumerate(order)}
    in_order = sorted(here, key=lambda one: (_key(one.group), _key(one.organisation), place[one.id]))
    counts = counted(event, in_order, tables, pinned, round)
    seated = dict(pinned)
    first = 0
    for group in sorted(counts, key=_key):
        people = [person.id for person in in_order if person.group == group and person.id not in pinned]
        if round > 1:
            people = shuffled(people, rnd)
        left = list(counts[group])
        for id in people:
            # On from the table that got the last one, so that colleagues who follow each other are not dealt to one.
            while not left[first % len(tables)]:
                first += 1
            seated[id] = tables[first % len(tables)]
            left[first % len(tables)] -= 1
            first += 1
    return seated


def _key(name: str | None) -> tuple[bool, str]:
    return (name is not None, name or "")


def counted(
    event: Event, people: Sequence[Person], tables: Sequence[str], pinned: Mapping[str, str], round: int
) -> Counts:
    """How many of each group sit at each table; what is left of a group at a table are its pins taken away."""
    low, high = _sizes(event, len(people), tables)
    groups = Counter(person.group for person in people)
    if not pinned and max(high, default=0) - min(low, default=0) <= 1:
        return _snake(groups, low, high, len(people), round)
    return _flowing(people, groups, tables, low, high, pinned)


def _sizes(event: Event, people: int, tables: Sequence[str]) -> tuple[list[int], list[int]]:
    low, high = sizes(event, people)
    place = {table.id: n for n, table in enumerate(event.tables)}
    return [low[place[id]] for id in tables], [high[place[id]] for id in tables]


def _snake(groups: Counter[Group], low: list[int], high: list[int], people: int, round: int) -> Counts:
    """Person i of all, group after group, counts for table (i + offset) mod T."""
    tables = len(low)
    # Tables without room for one more come last, where the deal ends before it reaches them again.
    order = sorted(range(tables), key=lambda n: -high[n])
    offset = round - 1 if max(high) == min(high) or people % tables == 0 else 0
    counts: Counts = {group: [0] * tables for group in groups}
    at = offset
    for group in sorted(groups, key=_key):
        for _ in range(groups[group]):
            counts[group][order[at % tables]] += 1
            at += 1
    return counts


def _flowing(
    people: Sequence[Person],
    groups: Counter[Group],
    tables: Sequence[str],
    low: list[int],
    high: list[int],
    pinned: Mapping[str, str],
) -> Counts:
    """The same as a flow of least cost: with pins, or with seats that force tables apart, a deal would not come out.

    Where pins contradict the balance they win, and the numbers are as even as the pins allow.
    """
    size = len(people)
    index = {id: n for n, id in enumerate(tables)}
    held = {group: [0] * len(tables) for group in groups}
    group_of = {person.id: person.group for person in people}
    for id, table in pinned.items():
        held[group_of[id]][index[table]] += 1
    at_table = [sum(held[group][n] for group in groups) for n in range(len(tables))]
    if max(high) - min(low) > 1:
        # How many of a group belong at a table depends on its size, so it is settled first who gets one more.
        wanted = sorted(range(len(tables)), key=lambda n: (low[n] == high[n], -at_table[n], n))
        more = size - sum(low)
        low = [one + (n in wanted[:more]) for n, one in enumerate(low)]
        high = list(low)
        share = {group: [(groups[group] * one, size) for one in low] for group in groups}
    else:
        share = {group: [(groups[group], len(tables))] * len(tables) for group in groups}
    net = _Net(len(groups) + len(tables) + 2)
    source, sink = len(groups) + len(tables), len(groups) + len(tables) + 1
    arcs: dict[Group, list[list[int]]] = {}
    for g, group in enumerate(sorted(groups, key=_key)):
        net.arc(source, g, groups[group], 0)
        arcs[group] = []
        for n in range(len(tables)):
            floor, ceiling = share[group][n][0] // share[group][n][1], -(-share[group][n][0] // share[group][n][1])
            pins = held[group][n]
            rows = [
                net.arc(g, len(groups) + n, min(pins, floor), _PINNED + _FLOOR),
                net.arc(g, len(groups) + n, max(0, pins - floor), _PINNED),
                net.arc(g, len(groups) + n, max(0, floor - pins), _FLOOR),
                net.arc(g, len(groups) + n, ceiling - max(pins, floor) if ceiling > max(pins, floor) else 0, 0),
            ]
            beyond = max(ceiling, pins)
            rows += [net.arc(g, len(groups) + n, 1, _BEYOND * k) for k in range(1, min(groups[group] - beyond, 3) + 1)]
            rows.append(net.arc(g, len(groups) + n, max(0, groups[group] - beyond - 3), _BEYOND * 4))
            arcs[group].append(rows)
    for n in range(len(tables)):
        net.arc(len(groups) + n, sink, low[n], _SIZE)
        net.arc(len(groups) + n, sink, high[n] - low[n], 0)
        net.arc(len(groups) + n, sink, max(0, at_table[n] - high[n]), _BEYOND)
    net.push(source, sink)
    return {
        group: [sum(net.flow(arc) for arc in rows) - held[group][n] for n, rows in enumerate(of)]
        for group, of in arcs.items()
    }


class _Net:
    """A minimum-cost flow by shortest augmenting paths; costs may be negative, circles may not."""

    def __init__(self, nodes: int) -> None:
        self._of: list[list[int]] = [[] for _ in range(nodes)]
        self._to: list[int] = []
        self._free: list[int] = []
        self._cost: list[int] = []

    def arc(self, from_: int, to: int, most: int, cost: int) -> int:
        """The number of a new arc; its way back is the next number."""
        number = len(self._to)
        for a, b, free, price in ((from_, to, most, cost), (to, from_, 0, -cost)):
            self._of[a].append(len(self._to))
            self._to.append(b)
            self._free.append(free)
            self._cost.append(price)
        return number

    def flow(self, arc: int) -> int:
        return self._free[arc + 1]

    def push(self, source: int, sink: int) -> None:
        """Sends as much as can be sent, at the least cost."""
        while True:
            far: list[float] = [float("inf")] * len(self._of)
            by = [-1] * len(self._of)
            waiting = [False] * len(self._of)
            far[source] = 0
            queue = deque([source])
            while queue:
                here = queue.popleft()
                waiting[here] = False
                for arc in self._of[here]:
                    to = self._to[arc]
                    if self._free[arc] and far[here] + self._cost[arc] < far[to]:
                        far[to] = far[here] + self._cost[arc]
                        by[to] = arc
                        if not waiting[to]:
                            waiting[to] = True
                            queue.append(to)
            if by[sink] < 0:
                return
            most, node = 1 << 60, sink
            while node != source:
                most = min(most, self._free[by[node]])
                node = self._to[by[node] ^ 1]
            node = sink
            while node != source:
                self._free[by[node]] -= most
                self._free[by[node] ^ 1] += most
                node = self._to[by[node] ^ 1]
