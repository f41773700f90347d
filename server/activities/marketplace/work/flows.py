"""The solver: flows, linear and integer programs by HiGHS. The only file here that imports it, and only when asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from ..matching.network import Flow, Network, NoFlow

#: What counts as an integer among the values a solver gives.
NEAR = 1e-6
VERSION: str = highspy.Highs().version()  # type: ignore[no-untyped-call]


def solver(**options: Any) -> Any:
    engine: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, wanted in {"output_flag": False, "threads": 1, "random_seed": 1, **options}.items():
        engine.setOptionValue(name, wanted)
    return engine


def flow(net: Network) -> Flow:
    """The best flow. Joined rows make it a linear program, an integer one where that is fractional.

    Raises NoFlow when there is no proven optimum or a value is no integer.
    """
    count, rows = len(net.tail), len(net.layer)
    if not count:
        return Flow([], 0, 0, {})
    arcs = np.arange(count)
    tail, head = np.array(net.tail), np.array(net.head)
    cost = -np.array(net.reward, dtype=np.float64)
    lower = np.zeros(count)
    lower[net.forced] = 1.0
    upper = np.array(net.upper, dtype=np.float64)
    column = [arcs, arcs]
    row = [tail, head]
    entry = [np.ones(count), -np.ones(count)]
    right = np.array(net.supply, dtype=np.float64)
    row_lower, row_upper = [right], [right]
    extra_cost: list[float] = []
    extra_upper: list[float] = []
    at, next_row = count, rows
    for joined in net.joined:
        width = len(joined.steps)
        column.append(np.array([*joined.arcs, *range(at, at + width)]))
        row.append(np.full(len(joined.arcs) + width, next_row))
        entry.append(np.array([1.0] * len(joined.arcs) + [-1.0] * width))
        extra_cost += [-float(worth) for _, worth in joined.steps]
        extra_upper += [float(most) for most, _ in joined.steps]
        row_lower.append(np.zeros(1))
        row_upper.append(np.zeros(1))
        at, next_row = at + width, next_row + 1
    whole_cost = np.concatenate([cost, np.array(extra_cost)])
    # Arcs leave nothing to presolve: without it a large flow is solved three times as fast.
    engine = solver(presolve="off")
    model = Model(
        whole_cost,
        np.concatenate([lower, np.zeros(at - count)]),
        np.concatenate([upper, np.array(extra_upper)]),
        np.concatenate(row_lower),
        np.concatenate(row_upper),
        np.concatenate(column),
        np.concatenate(row),
        np.concatenate(entry),
    )
    model.give(engine)
    optimal(engine)
    solution = engine.getSolution()
    values = np.array(solution.col_value)
    bound = -engine.getInfo().objective_function_value
    worth = np.array(solution.col_dual)
    if net.joined and np.abs(values[:count] - np.rint(values[:count])).max() > NEAR:
        integral = np.zeros(at, dtype=np.uint8)
        integral[[arc for arc, _, _ in net.visits]] = 1
        engine = solver(mip_rel_gap=0.0)
        model.give(engine, integral)
        optimal(engine)
        values = np.array(engine.getSolution().col_value)
        bound = -engine.getInfo().mip_dual_bound
    units = np.rint(values[:count])
    if np.abs(values[:count] - units).max() > NEAR:
        raise NoFlow("a value is no integer")
    whole = [int(x) for x in units]
    reward = -int((cost * units).sum())
    reward += sum(joined.worth(whole) for joined in net.joined)
    return Flow(
        whole,
        reward,
        max(int(np.floor(bound + 1e-4)), reward),
        {s: max(0, int(np.rint(-worth[arc]))) for s, arc in net.seats.items()},
    )


@dataclass(frozen=True, slots=True)
class Model:
    """Minimise; entries by (column, row), in any order, each pair once."""

    cost: Any
    lower: Any
    upper: Any
    row_lower: Any
    row_upper: Any
    column: Any
    row: Any
    entry: Any

    def give(self, engine: Any, integral: Any = None) -> None:
        order = np.argsort(self.column, kind="stable")
        starts = np.zeros(len(self.cost) + 1, dtype=np.int32)
        np.cumsum(np.bincount(self.column, minlength=len(self.cost)), out=starts[1:])
        shape = (len(self.cost), len(self.row_lower), len(self.entry))
        arrays = (
            self.cost,
            self.lower,
            self.upper,
            self.row_lower,
            self.row_upper,
            starts[:-1],
            self.row[order].astype(np.int32),
            self.entry[order],
        )
        if integral is None:
            integral = np.zeros(len(self.cost))
        columnwise, minimise, offset = 1, 1, 0.0
        engine.passModel(*shape, columnwise, minimise, offset, *arrays, integral.astype(np.int32))


def optimal(engine: Any) -> None:
    engine.run()
    if engine.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise NoFlow(f"the solver ended with {engine.modelStatusToString(engine.getModelStatus())}")
