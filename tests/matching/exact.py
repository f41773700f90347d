"""The best plan of a small event as one yes/no program, written from the definitions and apart from the engine.

It is there to say what the optimum is where there are too many plans to try them all. It knows none of the engine's
stages, bounds and repairs: an event without a clean plan has no answer here.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import highspy

from tests.matching.checker import Event, Market

SECONDS = 60.0


def best(event: Event) -> dict[str, list[str | None]] | None:
    """A best clean plan; None when there is none. Raises a RuntimeError when it is not proven in a minute."""
    market = Market(event)
    solver = highspy.Highs()
    for option, setting in (
        ("output_flag", False),
        ("threads", 1),
        ("mip_rel_gap", 0.0),
        ("time_limit", SECONDS),
    ):
        solver.setOptionValue(option, setting)
    visits, gains = _model(solver, market)
    for column, gain in gains:
        solver.changeColCost(column, gain)
    solver.changeObjectiveSense(highspy.ObjSense.kMaximize)
    solver.run()
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None
    if status != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"not proven: {solver.modelStatusToString(status)}")
    taken = solver.getSolution().col_value
    plan: dict[str, list[str | None]] = {p: [None] * market.rounds for p in market.people}
    for (p, s, r), column in visits.items():
        if taken[column.index] > 0.5:
            plan[p][r - 1] = s
    return plan


def _model(solver: Any, market: Market) -> tuple[dict[tuple[str, str, int], Any], list[tuple[int, float]]]:
    weights = market.weights
    gains: list[tuple[int, float]] = []

    def column(upper: float, gain: float, whole: bool = False) -> Any:
        made = solver.addVariable(0, upper, 0)
        if whole:
            solver.changeColIntegrality(made.index, highspy.HighsVarType.kInteger)
        gains.append((made.index, gain))
        return made

    visits: dict[tuple[str, str, int], Any] = {}
    of: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for p in market.people:
        for r in market.planned:
            for s in market.stalls:
                if not (market.free(p, r) and market.open(s, r) and market.allowed(p, s)) or s in market.seen[p]:
                    continue
                visit = visits[p, s, r] = column(1, weights["interest"] * market.interest(p, s), whole=True)
                group, own, level = market.group(p), market.organisation(p), market.interest(p, s)
                of["person", p, r].append(visit)
                of["once", p, s].append(visit)
                of["stall", s, r].append(visit)
                if group is not None:
                    of["group", s, r, group].append(visit)
                if own is not None:
                    of["colleagues", s, r, own].append(visit)
                    of["coverage", s, own].append(visit)
                if level == market.top(p) > 0:
                    of["top", p].append(visit)
                if level == 0:
                    of["zero", p].append(visit)

    total = solver.qsum
    for p in market.people:
        for r in market.planned:
            if market.free(p, r):
                solver.addConstr(total(of.get(("person", p, r), [column(0, 0)])) == 1)
    for r in market.planned:
        for s in market.open_in[r]:
            here = total(of.get(("stall", s, r), [column(0, 0)]))
            solver.addConstr(here <= market.stalls[s]["capacity"])
            solver.addConstr(here >= market.lowest[s])
    for pin in market.pins:
        solver.addConstr(visits[pin["person"], pin["stall"], pin["round"]] >= 1)
    for (what, *key), some in of.items():
        if what == "once":
            solver.addConstr(total(some) <= 1)
        elif what == "group":
            steps = [column(1, market.mix_step(key[2], k)) for k in range(1, len(some) + 1)]
            solver.addConstr(total(some) == total(steps))
        elif what == "colleagues":
            solver.addConstr(total(some) - column(len(some), -weights["colleagues"]) <= 1)
        elif what == "coverage":
            s, own = key
            seen = any(s in market.seen[p] for p in market.people if market.organisation(p) == own)
            if market.members[own] >= 2 and not seen:
                solver.addConstr(column(1, weights["coverage"]) <= total(some))
        elif what == "top":
            p = key[0]
            if all(market.interest(p, s) != market.top(p) for s in market.seen[p]):
                solver.addConstr(column(1, weights["top"]) <= total(some))
        elif what == "zero":
            p = key[0]
            before = sum(market.interest(p, s) == 0 for s in market.seen[p])
            free = sum(market.free(p, r) for r in market.planned)
            steps = [column(1, -weights["zero"] * min(7, before + j)) for j in range(free)]
            solver.addConstr(total(some) == total(steps))
    return visits, gains
