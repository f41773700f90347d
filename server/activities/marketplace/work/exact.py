"""The whole timetable as one integer program (MATCHING 3.4), for small events: what no exchange can find, and proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from ..matching.event import Grid, Market
from ..matching.network import NoFlow, joined_steps, prices
from ..matching.objective import zero_cost
from .flows import NEAR, Model, optimal, solver

INFINITE = highspy.kHighsInf


@dataclass(frozen=True, slots=True)
class Exact:
    """grid: only of a proven optimum. bound: of the program, rounded down."""

    grid: Grid | None
    bound: int | None


class _Columns:
    def __init__(self) -> None:
        self.reward: list[float] = []
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.row_lower: list[float] = []
        self.row_upper: list[float] = []
        self.column: list[int] = []
        self.row: list[int] = []
        self.entry: list[float] = []

    def add(self, reward: float, upper: float, lower: float = 0.0) -> int:
        self.reward.append(reward)
        self.lower.append(lower)
        self.upper.append(upper)
        return len(self.reward) - 1

    def rule(self, parts: Sequence[tuple[int, float]], lower: float, upper: float) -> None:
        row = len(self.row_lower)
        self.row_lower.append(lower)
        self.row_upper.append(upper)
        for column, entry in parts:
            self.column.append(column)
            self.row.append(row)
            self.entry.append(entry)

    def concave(self, columns: Sequence[int], steps: Sequence[tuple[int, int]]) -> None:
        """The sum of the columns earns falling steps."""
        kept = joined_steps(len(columns), steps)
        if any(reward for _, reward in kept):
            parts = [(column, 1.0) for column in columns]
            parts += [(self.add(reward, most), -1.0) for most, reward in kept]
            self.rule(parts, 0.0, 0.0)


class Program:
    """relaxed: rules may be broken at a price, for events that allow no clean plan."""

    def __init__(self, m: Market, *, relaxed: bool) -> None:
        self.m = m
        columns = self.columns = _Columns()
        price, weights = prices(m), m.weights
        #: (column, person, stall, planned round)
        self.visits: list[tuple[int, int, int, int]] = []
        by_place: dict[tuple[int, int], list[int]] = {}
        by_group: dict[tuple[int, int, int], list[int]] = {}
        by_organisation: dict[tuple[int, int, int], list[int]] = {}
        by_cover: dict[tuple[int, int], list[int]] = {}
        for p in range(m.P):
            own = [s for s in range(m.S) if m.allow[p][s]] if relaxed else m.choices[p]
            at_round: list[list[int]] = [[] for _ in range(m.T)]
            tops: list[int] = []
            zeros: list[int] = []
            for s in own:
                level, same = m.w[p][s], []
                for t in range(m.T):
                    if not (m.free[p][t] and m.is_open[s][t]):
                        continue
                    pinned = m.pins.get((p, t), -1)
                    if pinned not in (-1, s):
                        continue
                    reward = weights.interest * level - (price.repeat if m.seen[p][s] else 0)
                    x = columns.add(reward, 1.0, 1.0 if pinned == s else 0.0)
                    self.visits.append((x, p, s, t))
                    at_round[t].append(x)
                    same.append(x)
                    by_place.setdefault((s, t), []).append(x)
                    if m.group[p] >= 0:
                        by_group.setdefault((s, t, m.group[p]), []).append(x)
                    o = m.organisation[p]
                    if o >= 0 and len(m.members[o]) >= 2:
                        by_organisation.setdefault((s, t, o), []).append(x)
                        if not m.covered[o][s]:
                            by_cover.setdefault((s, o), []).append(x)
                if len(same) > 1:
                    parts = [(x, 1.0) for x in same]
                    if relaxed and not m.seen[p][s]:
                        parts.append((columns.add(-price.repeat, INFINITE), -1.0))
                    if not (relaxed and m.seen[p][s]):
                        columns.rule(parts, -INFINITE, 1.0)
                if level and level == m.top[p]:
                    tops += same
                elif not level:
                    zeros += same
            for t in range(m.T):
                if m.free[p][t]:
                    parts = [(x, 1.0) for x in at_round[t]]
                    if relaxed:
                        parts.append((columns.add(-price.unplaced, 1.0), 1.0))
                    columns.rule(parts, 1.0, 1.0)
            if tops and not m.top_seen[p]:
                columns.concave(tops, [(1, weights.top), (len(tops), 0)])
            seen = m.zeros_seen[p]
            free = m.free_rounds[p]
            steps = [(1, -zero_cost(m, seen + j)) for j in range(free)]
            columns.concave(zeros, [*steps, (len(zeros), -zero_cost(m, seen + free))])
        for s in range(m.S):
            for t in range(m.T):
                if not m.is_open[s][t]:
                    continue
                parts = [(x, 1.0) for x in by_place.get((s, t), ())]
                if relaxed:
                    parts.append((columns.add(-price.minimum, INFINITE), 1.0))
                    parts.append((columns.add(-price.full, INFINITE), -1.0))
                if parts or m.lo[s]:
                    columns.rule(parts, float(m.lo[s]), float(m.cap[s]))
        for (_, _, g), found in by_group.items():
            mix = m.mix[g]
            middle = [(1, mix.second), (mix.free - 2, 0)] if mix.free >= 2 else []
            columns.concave(found, [(1, mix.first), *middle, (len(found), -mix.over)])
        for found in by_organisation.values():
            columns.concave(found, [(1, 0), (len(found), -weights.colleagues)])
        for found in by_cover.values():
            columns.concave(found, [(1, weights.coverage), (len(found), 0)])
        self.model = Model(
            -np.array(columns.reward),
            np.array(columns.lower),
            np.array(columns.upper),
            np.array(columns.row_lower),
            np.array(columns.row_upper),
            np.array(columns.column, dtype=np.int64),
            np.array(columns.row, dtype=np.int64),
            np.array(columns.entry),
        )


def relaxation(program: Program) -> int:
    """No plan that keeps every rule is worth more. Raises NoFlow."""
    linear = solver()
    program.model.give(linear)
    optimal(linear)
    return floor(linear.getInfo().objective_function_value)


def best(program: Program, seconds: float) -> Exact:
    """The best timetable, if it is proven within `seconds`; what a clock cut is forgotten (MATCHING 3.4).

    It begins from nothing: the polished plan as a start made it no faster. Raises NoFlow for what no clock explains.
    """
    m = program.m
    integral = np.zeros(len(program.columns.reward))
    for x, *_ in program.visits:
        integral[x] = 1
    search = solver(mip_rel_gap=0.0, mip_abs_gap=0.999, time_limit=float(seconds))
    program.model.give(search, integral)
    search.run()
    status = search.getModelStatus()
    if status == highspy.HighsModelStatus.kTimeLimit:
        return Exact(None, None)
    if status != highspy.HighsModelStatus.kOptimal:
        raise NoFlow(f"the solver ended with {search.modelStatusToString(status)}")
    found = search.getSolution().col_value
    grid = [[-1] * m.T for _ in range(m.P)]
    for x, p, s, t in program.visits:
        if abs(found[x] - round(found[x])) > NEAR:
            raise NoFlow("a value is no integer")
        if found[x] > 0.5:
            grid[p][t] = s
    return Exact(grid, floor(search.getInfo().mip_dual_bound))


def floor(minimised: float) -> int:
    """Rounded down after what floating point may have taken away."""
    return int(np.floor(-minimised + 1e-4))
