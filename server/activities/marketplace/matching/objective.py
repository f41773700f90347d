"""What a plan is worth (MATCHING 2.3), in tenths of an interest level, and which of two plans is better."""

from __future__ import annotations

from dataclasses import dataclass

from .event import ZERO_STEPS, Assignment, Event, Grid, Market


@dataclass(frozen=True, slots=True)
class Parts:
    """The six parts of the value; all integers."""

    interest: int
    top: int
    zero: int
    mix: int
    colleagues: int
    coverage: int

    @property
    def value(self) -> int:
        return self.interest + self.top + self.zero + self.mix + self.colleagues + self.coverage

    def as_dict(self) -> dict[str, int]:
        return {
            "interest": self.interest,
            "top": self.top,
            "zero": self.zero,
            "mix": self.mix,
            "colleagues": self.colleagues,
            "coverage": self.coverage,
        }


def value(event: Event, assignment: Assignment) -> Parts:
    """Of the planned rounds of any plan, also one that breaks rules."""
    m = event.market
    return parts(m, m.grid(assignment))


def zero_cost(m: Market, j: int) -> int:
    """What a visit without interest takes away, when the person has j such visits already."""
    return m.weights.zero * min(ZERO_STEPS, j)


def parts(m: Market, grid: Grid) -> Parts:
    weights = m.weights
    interest = tops = zeros = mix = together = covered = 0
    by_group: dict[tuple[int, int, int], int] = {}
    by_organisation: dict[tuple[int, int, int], int] = {}
    reached: set[tuple[int, int]] = set()
    for p, row in enumerate(grid):
        w, group, organisation = m.w[p], m.group[p], m.organisation[p]
        top, satisfied, empty = m.top[p], m.top_seen[p] or not m.top[p], m.zeros_seen[p]
        for t, s in enumerate(row):
            if s < 0:
                continue
            level = w[s]
            interest += level
            if not level:
                zeros += zero_cost(m, empty)
                empty += 1
            if level == top and not satisfied:
                satisfied = True
                tops += 1
            if group >= 0:
                by_group[group, s, t] = by_group.get((group, s, t), 0) + 1
            if organisation >= 0:
                by_organisation[organisation, s, t] = by_organisation.get((organisation, s, t), 0) + 1
                reached.add((organisation, s))
    for (group, _, _), n in by_group.items():
        mix += m.mix[group].of(n)
    for n in by_organisation.values():
        together += n - 1
    for organisation, s in reached:
        if len(m.members[organisation]) >= 2 and not m.covered[organisation][s]:
            covered += 1
    return Parts(
        weights.interest * interest,
        weights.top * tops,
        -zeros,
        mix,
        -weights.colleagues * together,
        weights.coverage * covered,
    )


Key = tuple[int, int, int, int, int, int]


def key(m: Market, grid: Grid) -> Key:
    """(never allowed, M1, M3, M2, M4, -value): the smaller plan is the better one (MATCHING 2.2)."""
    hard = unplaced = over = repeats = under = 0
    load = [[0] * m.T for _ in range(m.S)]
    for p, row in enumerate(grid):
        visited = set()
        free, allow, seen = m.free[p], m.allow[p], m.seen[p]
        for t, s in enumerate(row):
            if s < 0:
                unplaced += free[t]
                continue
            unplaced += not free[t]
            hard += (not allow[s]) + (not m.is_open[s][t])
            repeats += seen[s] or s in visited
            visited.add(s)
            load[s][t] += 1
    for (p, t), s in m.pins.items():
        hard += grid[p][t] != s
    for s, row in enumerate(load):
        capacity, lo = m.capacity[s], m.lo[s]
        for t, n in enumerate(row):
            if n > capacity:
                over += n - capacity
            elif n < lo and m.is_open[s][t]:
                under += lo - n
    return hard, unplaced, over, repeats, under, -parts(m, grid).value


def clean(found: Key) -> bool:
    return not any(found[:5])
