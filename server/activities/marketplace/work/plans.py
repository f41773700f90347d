"""The plan of an event: by HiGHS, else by the flow in plain Python, else first come, first served (MATCHING 3.7).

Whatever an engine says is checked by the validator before anybody sees it; what fails there is as good as an engine
that raised.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..matching.breaches import broken
from ..matching.event import Assignment, Event, Market, digest
from ..matching.first_come import greedy_grid
from ..matching.network import Engine, NoFlow, flow
from ..matching.objective import key, parts
from ..matching.planning import Draft, Stopped, drafted, never, solved_round
from ..matching.report import Told, reported

#: Not the house's own log: `officina match` prints its document where that one writes.
log = logging.getLogger("officina.matching")

EngineName = Literal["highs", "python", "greedy"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
#: Up to this many possible visits the exact program is worth its time (MATCHING 3.4).
SMALL = 4000
#: Seconds of the exact program where rules are broken and nobody wanted to wait for it: fewer breaches come before haste.
BROKEN = 3.0
#: Seconds of the exact program where nobody waits, and beside a room that does (MATCHING 3.9).
PATIENT, LIVE = 60.0, 3.0


class Faulty(Exception):
    """An engine's plan breaks what no plan may break, or is better than its own bound."""


def warm() -> None:
    """Loads the solver (0.1 s), so that the first plan need not wait for it."""
    try:
        from . import exact, flows  # noqa: F401
    except ImportError:
        return


def solve(
    event: Event,
    engine: EngineName = "highs",
    clock: Callable[[], float] | None = None,
    stopped: Stopped | None = None,
    *,
    exact_seconds: float = PATIENT,
) -> dict[str, Any]:
    """The plan document of MATCHING 7. Never raises for what an engine does: the next one takes over.

    clock: seconds, for `engine.seconds` only. stopped: asked between steps; once true, the best so far is the plan.
    exact_seconds: of the exact program of a small event; its plan counts only if it ends by itself. With 0 it is left
    out, unless rules are broken without it.
    Raises ValueError for an engine that does not exist.
    """
    if engine not in ENGINES:
        raise ValueError(f"no engine is called {engine!r}; there are {', '.join(ENGINES)}")
    clock = clock or time.perf_counter
    stopped = stopped or never
    begun = clock()
    m = event.market
    failed: list[dict[str, Any]] = []
    for name in ENGINES[ENGINES.index(engine) :]:
        try:
            solved = _BY_ENGINE[name](m, stopped, exact_seconds)
            _checked(event, solved)
        except Exception:
            if name == ENGINES[-1]:
                raise
            log.warning("the engine %s failed, the next one takes over", name, exc_info=True)
            failed.append({"code": "fallback", "engine": name})
            continue
        break
    draft = solved.draft
    told = Told(
        name,
        solved.version,
        draft.steps,
        draft.stopped,
        clock() - begun,
        draft.bound,
        solved.bound_from,
        draft.most_tops,
        {m.stalls[s]: worth for s, worth in draft.prices.items()},
        failed,
    )
    return reported(event, m.assignment(draft.grid), told, input_sha256=digest(event))


@dataclass(slots=True)
class _Solved:
    draft: Draft
    version: str
    bound_from: str | None = None


def _checked(event: Event, solved: _Solved) -> None:
    """The validator and the solving must agree about a plan (MATCHING 1.7)."""
    m, draft = event.market, solved.draft
    found = broken(event, m.assignment(draft.grid))
    if any(one["rule"] in ("M5", "M6", "M7") or (one["rule"] == "M1" and "stall" in one) for one in found):
        raise Faulty("a rule that is never relaxed")
    if draft.clean != (not found):
        raise Faulty("the validator counts otherwise")
    if draft.clean and draft.bound is not None and draft.value > draft.bound:
        raise Faulty("a value above its bound")


def _by_highs(m: Market, stopped: Stopped, exact_seconds: float) -> _Solved:
    from . import exact, flows

    draft = drafted(m, flows.flow, rows=True, stopped=stopped)
    solved = _Solved(draft, flows.VERSION, "flow")
    open_gap = not draft.clean or draft.bound is None or draft.bound > draft.value
    wanted = exact_seconds > 0 or not draft.clean
    if open_gap and wanted and m.event.previous is None and not draft.stopped and _visits(m) <= SMALL:
        _exactly(m, solved, exact, stopped, exact_seconds or BROKEN)
    return solved


def _exactly(m: Market, solved: _Solved, exact: Any, stopped: Stopped, seconds: float) -> None:
    draft = solved.draft
    program = exact.Program(m, relaxed=not draft.clean)
    if draft.clean:
        draft.steps.append("lp")
        _tighter(solved, exact.relaxation(program), "lp")
        if draft.bound == draft.value or stopped():
            return
    found = exact.best(program, seconds)
    if found.grid is None:
        draft.stopped = True
        return
    draft.steps.append("milp")
    fresh = key(m, found.grid)
    if fresh < draft.key:
        draft.grid, draft.key = found.grid, fresh
    if draft.clean:
        _tighter(solved, found.bound, "milp")


def _tighter(solved: _Solved, bound: int, source: str) -> None:
    if solved.draft.bound is None or bound < solved.draft.bound:
        solved.draft.bound, solved.bound_from = bound, source


def _visits(m: Market) -> int:
    return sum(m.free[p][t] and m.is_open[s][t] for p in range(m.P) for s in m.choices[p] for t in range(m.T))


def _by_python(m: Market, stopped: Stopped, _: float) -> _Solved:
    draft = drafted(m, lambda net: flow(net, stopped), rows=False, stopped=stopped)
    return _Solved(draft, platform.python_version(), "flow")


def _by_greedy(m: Market, stopped: Stopped, _: float) -> _Solved:
    grid = greedy_grid(m)
    draft = Draft(grid, key(m, grid), steps=["greedy"], stopped=stopped())
    return _Solved(draft, platform.python_version())


_BY_ENGINE: dict[str, Callable[[Market, Stopped, float], _Solved]] = {
    "highs": _by_highs,
    "python": _by_python,
    "greedy": _by_greedy,
}


def swap(event: Event, assignment: Assignment, person: str, round: int) -> list[dict[str, Any]]:
    """What it costs the room to place this person at another stall in this round, the rest of the round solved again.

    [{stall, loss, parts: {part: change}, broken}] for every open stall they may still visit and do not visit in another
    round, the cheapest first. loss: value that goes, below 0 if the plan gains. broken: rules broken more, as a count.
    """
    m = event.market
    engine, rows = _any_engine()
    p, t = m.person[person], round - m.first
    grid = m.grid(assignment)
    if not (0 <= t < m.T) or not m.free[p][t] or (p, t) in m.pins:
        return []
    here, before = parts(m, grid), key(m, grid)
    found = []
    for s in m.choices[p]:
        if s in grid[p] or not m.is_open[s][t]:
            continue
        fresh = solved_round(m, engine, t, grid, rows=rows, fixed={p: s})
        there, after = parts(m, fresh), key(m, fresh)
        change = {part: there.as_dict()[part] - worth for part, worth in here.as_dict().items()}
        found.append(
            {
                "stall": m.stalls[s],
                "loss": here.value - there.value,
                "parts": {part: worth for part, worth in change.items() if worth},
                "broken": sum(after[:5]) - sum(before[:5]),
            }
        )
    return sorted(found, key=lambda one: (one["broken"], one["loss"], one["stall"]))


def _any_engine() -> tuple[Engine, bool]:
    try:
        from . import flows
    except ImportError:
        return flow, False

    def either(net: Any) -> Any:
        try:
            return flows.flow(net)
        except NoFlow:
            if net.joined:
                raise
            return flow(net)

    return either, True
