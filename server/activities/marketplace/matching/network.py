"""Choosing stalls as a flow (MATCHING 3.1 to 3.3): the arcs of each model, and an engine that needs no library.

Everything in the value is concave and nested (organisation in group in stall), so that parallel arcs of falling reward
say it exactly. `Flow` is what any engine gives back; `flow` is the engine in plain Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from heapq import heappop, heappush
from itertools import pairwise

from .event import Grid, Market
from .objective import zero_cost


class NoFlow(Exception):
    """An engine gave no usable answer; the next one is asked."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Arcs whose sum counts once: the visits to a stall of an organisation whose members are of several groups.

    steps: (how many, reward of each) for the first, the next ... unit of the sum, falling.
    """

    arcs: list[int]
    steps: list[tuple[int, int]]

    def worth(self, units: Sequence[int]) -> int:
        left, whole = sum(units[arc] for arc in self.arcs), 0
        for count, reward in self.steps:
            whole += min(left, count) * reward
            left -= min(left, count)
        return whole


@dataclass(slots=True)
class Network:
    """Arcs by column. Node `sink` takes everything; `layer` rises along every arc. Rewards and capacities are integers."""

    tail: list[int] = field(default_factory=list)
    head: list[int] = field(default_factory=list)
    upper: list[int] = field(default_factory=list)
    reward: list[int] = field(default_factory=list)
    layer: list[int] = field(default_factory=list)
    supply: list[int] = field(default_factory=list)
    forced: list[int] = field(default_factory=list)
    joined: list[Joined] = field(default_factory=list)
    visits: list[tuple[int, int, int]] = field(default_factory=list)
    """(arc, person, stall)"""
    tops: list[int] = field(default_factory=list)
    """Arcs of which each unit is a person who reaches a top choice."""
    minimum: list[int] = field(default_factory=list)
    seats: dict[int, int] = field(default_factory=dict)
    """stall: its arc of seats above the minimum, whose price says what one more seat is worth."""
    failing: list[int] = field(default_factory=list)
    """Arcs that stand for a broken rule: seats that are not there, people without a place."""
    sink: int = 0

    def node(self, layer: int, supply: int = 0) -> int:
        self.layer.append(layer)
        self.supply.append(supply)
        return len(self.layer) - 1

    def arc(self, tail: int, head: int, upper: int, reward: int) -> int:
        self.tail.append(tail)
        self.head.append(head)
        self.upper.append(upper)
        self.reward.append(reward)
        return len(self.tail) - 1

    def steps(self, tail: int, head: int, most: int, steps: Sequence[tuple[int, int]]) -> None:
        """Parallel arcs of (capacity, reward), as many as `most` units can use."""
        for width, reward in joined_steps(most, steps):
            self.arc(tail, head, width, reward)

    def join(self, arcs: list[int], steps: Sequence[tuple[int, int]]) -> None:
        """A sum of arcs, unless every step is worth nothing."""
        kept = joined_steps(len(arcs), steps)
        if any(reward for _, reward in kept):
            self.joined.append(Joined(arcs, kept))


def joined_steps(most: int, steps: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The steps that `most` units can use; equal neighbours become one."""
    found: list[tuple[int, int]] = []
    for upper, reward in steps:
        take = min(upper, most)
        if take <= 0:
            continue
        most -= take
        if found and found[-1][1] == reward:
            take += found.pop()[0]
        found.append((take, reward))
    return found


@dataclass(frozen=True, slots=True)
class Flow:
    """units: by arc. reward: of all units and joined rows. bound: no flow earns more, rounded down. prices: by arc of
    `seats`, what one more unit of capacity is worth.
    """

    units: list[int]
    reward: int
    bound: int
    prices: Mapping[int, int]


Engine = Callable[[Network], Flow]

P_, KIND, CELL, GROUP, STALL, SINK = range(6)


@dataclass(frozen=True, slots=True)
class Prices:
    """What a broken rule costs in a model, each step above what keeping it may cost the others (MATCHING 2.2)."""

    minimum: int
    repeat: int
    full: int
    unplaced: int


def prices(m: Market) -> Prices:
    weights, sticky = m.weights, m.event.sticky
    most = 1 + (
        3 * weights.interest
        + weights.top
        + 7 * weights.zero
        + weights.mix_first
        + weights.mix_over
        + weights.colleagues
        + weights.coverage
        + (sticky.planned + sticky.same + sticky.chosen if m.event.previous is not None else 0)
    )
    return Prices(10 * most, 40 * most, 160 * most, 640 * most)


def kept(m: Market, zeros: int = 12) -> list[list[int]]:
    """`choices`, with only `zeros` stalls without interest for each person, by seeded order (MATCHING 3.5)."""
    seed = m.event.seed
    marks = [sha256(f"{seed}:{id}".encode()).digest() for id in m.stalls]
    found = []
    for p, choices in enumerate(m.choices):
        own = m.people[p].encode()
        empty = [s for s in choices if not m.w[p][s]]
        if len(empty) > zeros:
            mixed = sorted(empty, key=lambda s: (sha256(own + marks[s]).digest(), s))
            drop = set(mixed[zeros:])
            pinned = {s for (q, _), s in m.pins.items() if q == p}
            choices = [s for s in choices if s not in drop or s in pinned]
        found.append(choices)
    return found


class _Tree:
    """The part all models share: from a visit through the organisation's and the group's cell to the stall."""

    def __init__(self, m: Market, net: Network, rows: bool) -> None:
        self.m, self.net, self.rows = m, net, rows
        self.cells: dict[tuple[int, int, int], int] = {}
        self.groups: dict[tuple[int, int], int] = {}
        self.stalls: dict[int, int] = {}
        self.inflow: dict[int, int] = {}
        self.sums: dict[tuple[int, int], list[int]] = {}

    def visit(self, tail: int, p: int, s: int, reward: int, upper: int = 1) -> int:
        m, net = self.m, self.net
        group, organisation = m.group[p], m.organisation[p]
        if s not in self.stalls:
            self.stalls[s] = net.node(STALL)
        head = self.stalls[s]
        if group >= 0:
            if (s, group) not in self.groups:
                self.groups[s, group] = net.node(GROUP)
            head = self.groups[s, group]
        joined = False
        if organisation >= 0 and len(m.members[organisation]) >= 2:
            joined = m.mixed[organisation] and self.rows
            if not joined:
                cell = (s, organisation, group)
                if cell not in self.cells:
                    self.cells[cell] = net.node(CELL)
                head = self.cells[cell]
        arc = net.arc(tail, head, upper, reward)
        if joined:
            self.sums.setdefault((s, organisation), []).append(arc)
        self.inflow[head] = self.inflow.get(head, 0) + upper
        net.visits.append((arc, p, s))
        return arc

    def close(
        self,
        repeat: Mapping[int, int],
        uncovered: Callable[[int, int], bool],
        stall: Callable[[int, int, int], None],
    ) -> None:
        """repeat: how often each stall stands in this model. stall(s, node, inflow) makes its arcs to the sink."""
        m, net, inflow = self.m, self.net, self.inflow
        weights = m.weights
        for (s, organisation, group), cell in self.cells.items():
            head = self.groups[s, group] if group >= 0 else self.stalls[s]
            count, q = inflow[cell], repeat[s]
            first = weights.coverage if uncovered(organisation, s) else 0
            net.steps(cell, head, count, [(1, first), (q - 1, 0), (count, -weights.colleagues)])
            inflow[head] = inflow.get(head, 0) + count
        for (s, organisation), arcs in self.sums.items():
            first = weights.coverage if uncovered(organisation, s) else 0
            net.join(arcs, [(1, first), (repeat[s] - 1, 0), (len(arcs), -weights.colleagues)])
        for (s, group), node in self.groups.items():
            count, q, mix = inflow[node], repeat[s], m.mix[group]
            steps = [(q, mix.first), (q, mix.second), (q * (mix.free - 2), 0), (count, -mix.over)]
            if mix.free < 2:
                steps = [(q, mix.first), (count, -mix.over)]
            net.steps(node, self.stalls[s], count, steps)
            inflow[self.stalls[s]] = inflow.get(self.stalls[s], 0) + count
        for s, node in self.stalls.items():
            stall(s, node, inflow.get(node, 0))


def sets_network(
    m: Market,
    *,
    rows: bool = True,
    choices: Sequence[Sequence[int]] | None = None,
    extra: Mapping[tuple[int, int], int] | None = None,
) -> Network:
    """Stage 1: which stalls each person visits, in no order (MATCHING 3.1).

    rows: organisations of several groups as joined rows, else as cells of one group (looser, a flow again).
    extra: reward more for (person, stall).
    """
    net = Network()
    price = prices(m)
    at = [net.node(P_, n) for n in m.free_rounds]
    net.sink = net.node(SINK)
    tree = _Tree(m, net, rows)
    weights = m.weights
    pinned = {(p, s) for (p, _), s in m.pins.items()}
    for p, choice in enumerate(m.choices if choices is None else choices):
        free = m.free_rounds[p]
        if not free:
            continue
        w = m.w[p]
        aim = m.top[p] if m.top[p] and not m.top_seen[p] else -1
        top_node = zero_node = -1
        for s in choice:
            level = w[s]
            tail = at[p]
            if level == aim:
                if top_node < 0:
                    top_node = net.node(KIND)
                    net.tops.append(net.arc(tail, top_node, 1, weights.top))
                    if free > 1:
                        net.arc(tail, top_node, free - 1, 0)
                tail = top_node
            elif not level:
                if zero_node < 0:
                    zero_node = net.node(KIND)
                    seen = m.zeros_seen[p]
                    net.steps(tail, zero_node, free, [(1, -zero_cost(m, seen + j)) for j in range(free)])
                tail = zero_node
            arc = tree.visit(tail, p, s, weights.interest * level + (extra.get((p, s), 0) if extra else 0))
            if (p, s) in pinned:
                net.forced.append(arc)
        net.failing.append(net.arc(at[p], net.sink, free, -price.unplaced))

    def stall(s: int, node: int, inflow: int) -> None:
        q, lo = m.open_rounds[s], m.lo[s]
        if lo:
            net.minimum.append(net.arc(node, net.sink, q * lo, price.minimum))
        net.seats[s] = net.arc(node, net.sink, q * (m.cap[s] - lo), 0)
        net.failing.append(net.arc(node, net.sink, max(inflow, 1), -price.full))

    tree.close(dict(enumerate(m.open_rounds)), lambda o, s: not m.covered[o][s], stall)
    net.supply[net.sink] = -sum(m.free_rounds)
    return net


def tops_network(m: Market) -> Network:
    """How many people can reach a top choice at all, where rules come before it and nothing else counts (MATCHING 3.6)."""
    net = Network()
    step = m.P + 1
    at = [net.node(P_, n) for n in m.free_rounds]
    stalls = [net.node(STALL) for _ in m.stalls]
    net.sink = net.node(SINK)
    pinned = {(p, s) for (p, _), s in m.pins.items()}
    inflow = [0] * m.S
    for p, choice in enumerate(m.choices):
        free, top_node = m.free_rounds[p], -1
        if not free:
            continue
        aim = m.top[p] if m.top[p] and not m.top_seen[p] else -1
        for s in choice:
            tail = at[p]
            if m.w[p][s] == aim:
                if top_node < 0:
                    top_node = net.node(KIND)
                    net.tops.append(net.arc(tail, top_node, 1, 1))
                    if free > 1:
                        net.arc(tail, top_node, free - 1, 0)
                tail = top_node
            arc = net.arc(tail, stalls[s], 1, 0)
            inflow[s] += 1
            if (p, s) in pinned:
                net.forced.append(arc)
        net.failing.append(net.arc(at[p], net.sink, free, -16 * step))
    for s, node in enumerate(stalls):
        q, lo = m.open_rounds[s], m.lo[s]
        net.steps(node, net.sink, inflow[s], [(q * lo, step), (q * (m.cap[s] - lo), 0), (inflow[s], -4 * step)])
    net.supply[net.sink] = -sum(m.free_rounds)
    return net


def bound_of(m: Market, net: Network, found: Flow) -> int:
    """No plan that keeps every rule is worth more: the optimum without what the minimums were paid (MATCHING 3.1)."""
    return found.bound - prices(m).minimum * sum(found.units[arc] for arc in net.minimum)


def round_network(
    m: Market,
    t: int,
    grid: Grid,
    *,
    rows: bool = True,
    choices: Sequence[Sequence[int]] | None = None,
    extra: Mapping[tuple[int, int], int] | None = None,
    repeats: bool = False,
    fixed: Mapping[int, int] | None = None,
) -> Network:
    """Stage 3: round t solved again while all other rounds stay as in `grid` (MATCHING 3.3).

    repeats: second visits are possible, at a price. fixed: {person: stall} of who is placed by hand.
    """
    net = Network()
    price = prices(m)
    net.sink = net.node(SINK)
    tree = _Tree(m, net, rows)
    weights = m.weights
    covered: set[tuple[int, int]] = set()
    for p, row in enumerate(grid):
        o = m.organisation[p]
        if o >= 0:
            covered.update((o, s) for u, s in enumerate(row) if s >= 0 and u != t)
    fixed = fixed or {}
    people = 0
    for p in range(m.P):
        if not m.free[p][t]:
            continue
        people += 1
        w, seen = m.w[p], m.seen[p]
        elsewhere = [s for u, s in enumerate(grid[p]) if s >= 0 and u != t]
        levels = [w[s] for s in elsewhere]
        bonus = weights.top if m.top[p] and not m.top_seen[p] and m.top[p] not in levels else 0
        zero = zero_cost(m, m.zeros_seen[p] + levels.count(0))
        node = net.node(P_, 1)
        own: Sequence[int] = m.choices[p] if choices is None else choices[p]
        forced = m.pins.get((p, t), fixed.get(p, -1))
        if forced >= 0:
            own = [forced]
        elif repeats:
            own = [s for s in range(m.S) if m.allow[p][s]]
        for s in own:
            if not m.is_open[s][t]:
                continue
            again = s in elsewhere or seen[s]
            if again and not repeats and forced < 0:
                continue
            level = w[s]
            reward = weights.interest * level
            if level:
                if level == m.top[p]:
                    reward += bonus
            else:
                reward -= zero
            if again:
                reward -= price.repeat
            if extra:
                reward += extra.get((p, s), 0)
            arc = tree.visit(node, p, s, reward)
            if forced >= 0:
                net.forced.append(arc)
        net.failing.append(net.arc(node, net.sink, 1, -price.unplaced))

    def stall(s: int, node: int, inflow: int) -> None:
        lo = min(m.lo[s], m.cap[s])
        net.steps(node, net.sink, inflow, [(lo, price.minimum), (m.cap[s] - lo, 0), (inflow, -price.full)])

    tree.close(dict.fromkeys(range(m.S), 1), lambda o, s: not m.covered[o][s] and (o, s) not in covered, stall)
    net.supply[net.sink] = -people
    return net


#: Shares of a stall in a round are counted in parts of this, which 1 to 12 divide.
WHOLE = 27720


def spread_network(m: Market, t: int, left: Sequence[Sequence[int]], *, rows: bool = True) -> Network:
    """Stage 2: which of the stalls still `left` to each person are visited in round t (MATCHING 3.2).

    A stall, a group at it and an organisation at it each get their share of this round, rounded down or up; leaving
    that costs, strong interests come early. Who finds no place is left to the polishing.
    """
    net = Network()
    net.sink = net.node(SINK)
    off_organisation, off_group, off_stall, off_place = 200, 1000, 5000, 25000
    cells: dict[tuple[int, int, int], list[int]] = {}
    groups: dict[tuple[int, int], list[int]] = {}
    stalls: dict[int, list[int]] = {}
    sums: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
    later = m.T - t
    pinned_later = {(p, s) for (p, u), s in m.pins.items() if u > t}
    people = 0
    for p in range(m.P):
        if not m.free[p][t]:
            continue
        people += 1
        node = net.node(P_, 1)
        group, organisation = m.group[p], m.organisation[p]
        rounds_left = [u for u in range(t, m.T) if m.free[p][u]]
        pinned = m.pins.get((p, t), -1)
        own = [pinned] if pinned >= 0 else [s for s in left[p] if (p, s) not in pinned_later]
        for s in own:
            if not m.is_open[s][t]:
                continue
            chances = sum(m.is_open[s][u] for u in rounds_left)
            share = (
                WHOLE if pinned >= 0 else WHOLE // max(min(len(rounds_left), chances), 1 if chances == 1 else len(own))
            )
            if s not in stalls:
                stalls[s] = [net.node(STALL), 0, 0]
            path = [stalls[s]]
            if group >= 0:
                if (s, group) not in groups:
                    groups[s, group] = [net.node(GROUP), 0, 0]
                path.append(groups[s, group])
            joined = organisation >= 0 and m.mixed[organisation] and rows
            if organisation >= 0 and not joined:
                if (s, organisation, group) not in cells:
                    cells[s, organisation, group] = [net.node(CELL), 0, 0]
                path.append(cells[s, organisation, group])
            for place in path:
                place[1] += share
                place[2] += 1
            arc = net.arc(node, path[-1][0], 1, m.w[p][s] * later)
            net.visits.append((arc, p, s))
            if joined:
                arcs, shares = sums.setdefault((s, organisation), ([], []))
                arcs.append(arc)
                shares.append(share)
        net.failing.append(net.arc(node, net.sink, 1, -4 * off_place))

    def steps(share: int, most: int, off: int) -> list[tuple[int, int]]:
        low, high = share // WHOLE, -(-share // WHOLE)
        return [(low, off), (high - low, 0), (most, -off)]

    for (s, _, group), place in cells.items():
        head = groups[s, group] if group >= 0 else stalls[s]
        net.steps(place[0], head[0], place[2], steps(place[1], place[2], off_organisation))
    for arcs, shares in sums.values():
        net.join(arcs, steps(sum(shares), len(arcs), off_organisation))
    for (s, _), place in groups.items():
        net.steps(place[0], stalls[s][0], place[2], steps(place[1], place[2], off_group))
    for s, place in stalls.items():
        lo, cap = m.lo[s], m.cap[s]
        low, high = max(min(place[1] // WHOLE, cap), lo), max(min(-(-place[1] // WHOLE), cap), lo)
        net.steps(
            place[0],
            net.sink,
            place[2],
            [
                (lo, off_place),
                (low - lo, off_stall),
                (high - low, 0),
                (cap - high, -off_stall),
                (place[2], -2 * off_place),
            ],
        )
    net.supply[net.sink] = -people
    return net


def exchange_network(m: Market, first: int, second: int, grid: Grid, *, rows: bool = True) -> Network:
    """Who visits which of the own two stalls first, in two rounds t whose visits stay the same; exact.

    A unit of flow is the visit in round `first`; the other one follows from it. What a stall, a group and an
    organisation there are worth in both rounds together is concave in the number that comes first, so that this
    is a flow again. Visits of `net.visits` are those of round `first`.
    """
    net = Network()
    net.sink = net.node(SINK)
    price, weights = prices(m), m.weights
    both = (first, second)
    # For each place: node, visits that may come first or second, visits that stay in the one round, in the other.
    stalls: dict[int, list[int]] = {}
    groups: dict[tuple[int, int], list[int]] = {}
    cells: dict[tuple[int, int, int], list[int]] = {}
    sums: dict[tuple[int, int], list[int]] = {}
    arcs: dict[tuple[int, int], list[int]] = {}

    def places(p: int, s: int) -> list[list[int]]:
        group, organisation = m.group[p], m.organisation[p]
        found = []
        if organisation >= 0 and m.mixed[organisation] and rows:
            if (s, organisation) not in sums:
                sums[s, organisation] = [-1, 0, 0, 0]
            found.append(sums[s, organisation])
        elif organisation >= 0 and len(m.members[organisation]) >= 2:
            if (s, organisation, group) not in cells:
                cells[s, organisation, group] = [-1, 0, 0, 0]
            found.append(cells[s, organisation, group])
        if group >= 0:
            if (s, group) not in groups:
                groups[s, group] = [-1, 0, 0, 0]
            found.append(groups[s, group])
        if s not in stalls:
            stalls[s] = [-1, 0, 0, 0]
        return [*found, stalls[s]]

    moving = []
    for p, row in enumerate(grid):
        a, b = row[first], row[second]
        if (
            a >= 0
            and b >= 0
            and a != b
            and m.is_open[a][second]
            and m.is_open[b][first]
            and (p, first) not in m.pins
            and (p, second) not in m.pins
        ):
            moving.append(p)
            for s in (a, b):
                for place in places(p, s):
                    place[1] += 1
        else:
            for side, s in enumerate((a, b)):
                if s >= 0:
                    for place in places(p, s):
                        place[2 + side] += 1
    for layer, kind in ((STALL, stalls), (GROUP, groups), (CELL, cells)):
        for place in kind.values():
            place[0] = net.node(layer)
    for p in moving:
        node = net.node(P_, 1)
        group, organisation = m.group[p], m.organisation[p]
        for t in both:
            s = grid[p][t]
            if (s, organisation, group) in cells:
                head = cells[s, organisation, group][0]
            elif group >= 0:
                head = groups[s, group][0]
            else:
                head = stalls[s][0]
            # Of two orders worth the same the present one stays.
            arc = net.arc(node, head, 1, 0)
            net.visits.append((arc, p, s))
            if (s, organisation) in sums:
                arcs.setdefault((s, organisation), []).append(arc)

    def steps(place: list[int], worth: Callable[[int], int]) -> list[tuple[int, int]]:
        _, n, here, there = place
        whole = [worth(here + k) + worth(there + n - k) for k in range(n + 1)]
        return [(1, after - before) for before, after in pairwise(whole)]

    def apart(n: int) -> int:
        return -weights.colleagues * max(0, n - 1)

    for (s, _, group), place in cells.items():
        head = groups[s, group][0] if group >= 0 else stalls[s][0]
        net.steps(place[0], head, place[1], steps(place, apart))
    for at, place in sums.items():
        if at in arcs:
            net.join(arcs[at], steps(place, apart))
    for (s, group), place in groups.items():
        net.steps(place[0], stalls[s][0], place[1], steps(place, m.mix[group].of))
    for s, place in stalls.items():
        lo, cap = m.lo[s], m.cap[s]

        def seated(n: int, lo: int = lo, cap: int = cap) -> int:
            return -price.minimum * max(0, lo - n) - price.full * max(0, n - cap)

        net.steps(place[0], net.sink, place[1], steps(place, seated))
    net.supply[net.sink] = -len(moving)
    return net


def flow(net: Network, stopped: Callable[[], bool] | None = None) -> Flow:
    """The best flow by a primal-dual method: shortest paths on reduced costs, then all of that length at once.

    First potentials from one pass along the layers, then Dijkstra and a blocking flow (Dinic) until everything is
    placed. Exact on integers. Raises NoFlow for joined rows, which are no flow, and when it is told to stop.
    """
    if net.joined:
        raise NoFlow("joined rows are not a flow")
    count = len(net.layer)
    source = count
    heads: list[int] = []
    room: list[int] = []
    cost: list[int] = []
    out: list[list[int]] = [[] for _ in range(count + 1)]
    # A visit that must be is paid more than all else together can be.
    forced_reward = (1 + max((abs(x) for x in net.reward), default=0)) * 16 if net.forced else 0
    forced = set(net.forced)

    def add(tail: int, head: int, upper: int, price: int) -> None:
        out[tail].append(len(heads))
        heads.append(head)
        room.append(upper)
        cost.append(price)
        out[head].append(len(heads))
        heads.append(tail)
        room.append(0)
        cost.append(-price)

    for arc, (tail, head, upper, reward) in enumerate(zip(net.tail, net.head, net.upper, net.reward, strict=True)):
        add(tail, head, upper, -reward - (forced_reward if arc in forced else 0))
    for node, supply in enumerate(net.supply):
        if supply > 0:
            add(source, node, supply, 0)
    sink, far = net.sink, 1 << 60
    potential = [far] * (count + 1)
    potential[source] = 0
    for node in (source, *sorted(range(count), key=lambda n: net.layer[n])):
        base = potential[node]
        if base >= far:
            continue
        for e in out[node]:
            if room[e] and base + cost[e] < potential[heads[e]]:
                potential[heads[e]] = base + cost[e]
    for node in range(count + 1):
        if potential[node] >= far:
            potential[node] = 0
    while True:
        if stopped is not None and stopped():
            raise NoFlow("stopped")
        distance = [far] * (count + 1)
        distance[source] = 0
        queue = [(0, source)]
        done = far
        while queue:
            d, node = heappop(queue)
            if d > distance[node]:
                continue
            if d >= done:
                break
            if node == sink:
                done = d
            base = d + potential[node]
            for e in out[node]:
                if room[e]:
                    head = heads[e]
                    reach = base + cost[e] - potential[head]
                    if reach < distance[head]:
                        distance[head] = reach
                        heappush(queue, (reach, head))
        if done >= far:
            break
        for node in range(count + 1):
            potential[node] += min(distance[node], done)
        _saturate(out, heads, room, cost, potential, source, sink)
    units = [room[2 * arc + 1] for arc in range(len(net.tail))]
    reward = sum(n * x for n, x in zip(units, net.reward, strict=True))
    worth = {
        s: max(0, potential[net.head[arc]] - potential[net.tail[arc]] - cost[2 * arc]) for s, arc in net.seats.items()
    }
    return Flow(units, reward, reward, worth)


def _saturate(
    out: list[list[int]],
    heads: list[int],
    room: list[int],
    cost: list[int],
    potential: list[int],
    source: int,
    sink: int,
) -> None:
    """Every augmenting path along arcs of reduced cost 0, by levels, so that circles of cost 0 hold nothing up."""
    while True:
        level = [-1] * len(out)
        level[source] = 0
        queue = [source]
        for node in queue:
            base = potential[node]
            for e in out[node]:
                head = heads[e]
                if room[e] and level[head] < 0 and base + cost[e] == potential[head]:
                    level[head] = level[node] + 1
                    queue.append(head)
        if level[sink] < 0:
            return
        pointer = [0] * len(out)
        path: list[int] = []
        node = source
        while True:
            if node == sink:
                width = min(room[e] for e in path)
                first = -1
                for i, e in enumerate(path):
                    room[e] -= width
                    room[e ^ 1] += width
                    if not room[e] and first < 0:
                        first = i
                node = heads[path[first] ^ 1]
                del path[first:]
                continue
            edges, base = out[node], potential[node]
            for i in range(pointer[node], len(edges)):
                e = edges[i]
                head = heads[e]
                if room[e] and level[head] == level[node] + 1 and base + cost[e] == potential[head]:
                    pointer[node] = i
                    path.append(e)
                    node = head
                    break
            else:
                pointer[node] = len(edges)
                if node == source:
                    break
                back = path.pop()
                node = heads[back ^ 1]
                pointer[node] += 1
