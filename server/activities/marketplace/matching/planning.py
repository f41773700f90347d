"""From wishes to a timetable, with any engine: sets, rounds, polish, and the same again for a plan in use (MATCHING 3, 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .event import Event, Grid, Market
from .first_come import greedy_grid
from .network import (
    Engine,
    Flow,
    Network,
    NoFlow,
    bound_of,
    exchange_network,
    flow,
    kept,
    prices,
    round_network,
    sets_network,
    spread_network,
    tops_network,
)
from .objective import Key, clean, key

#: The polishing ends after this many sweeps over the rounds, improved or not: never by a clock.
SWEEPS = 6
#: Above this many people the polishing looks at some of the stalls nobody asked for only, at first.
PRUNED_ABOVE = 300


@dataclass(slots=True)
class Draft:
    """A timetable on its way. bound: of the value of any plan that keeps every rule, None where none is known."""

    grid: Grid
    key: Key
    bound: int | None = None
    most_tops: int | None = None
    prices: Mapping[int, int] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    stopped: bool = False

    @property
    def value(self) -> int:
        return -self.key[5]

    @property
    def clean(self) -> bool:
        return clean(self.key)


Stopped = Callable[[], bool]


def never() -> bool:
    return False


def empty(m: Market) -> Grid:
    return [[-1] * m.T for _ in range(m.P)]


def chosen(m: Market, net: Network, found: Flow) -> list[list[int]]:
    """The stalls of each person in a solved model of sets."""
    sets: list[list[int]] = [[] for _ in range(m.P)]
    for arc, p, s in net.visits:
        if found.units[arc]:
            sets[p].append(s)
    return sets


def spread(m: Market, engine: Engine, sets: Sequence[Sequence[int]], *, rows: bool, stopped: Stopped = never) -> Grid:
    """Sets into rounds, one flow for each round in turn (MATCHING 3.2)."""
    grid = empty(m)
    left = [list(own) for own in sets]
    for t in range(m.T):
        if stopped():
            break
        net = spread_network(m, t, left, rows=rows)
        found = engine(net)
        for arc, p, s in net.visits:
            if found.units[arc]:
                grid[p][t] = s
                if s in left[p]:
                    left[p].remove(s)
    return grid


def solved_round(
    m: Market,
    engine: Engine,
    t: int,
    grid: Grid,
    *,
    rows: bool,
    choices: Sequence[Sequence[int]] | None = None,
    extra: Mapping[tuple[int, int], int] | None = None,
    repeats: bool = False,
    fixed: Mapping[int, int] | None = None,
) -> Grid:
    """The grid with round t as its exact flow has it, all others as they are."""
    net = round_network(m, t, grid, rows=rows, choices=choices, extra=extra, repeats=repeats, fixed=fixed)
    found = engine(net)
    fresh = [row.copy() for row in grid]
    for row in fresh:
        row[t] = -1
    for arc, p, s in net.visits:
        if found.units[arc]:
            fresh[p][t] = s
    return fresh


def exchanged(m: Market, engine: Engine, first: int, second: int, grid: Grid, *, rows: bool) -> Grid:
    """The grid with the order of everybody's two visits in these rounds as its exact flow has it."""
    net = exchange_network(m, first, second, grid, rows=rows)
    found = engine(net)
    fresh = [row.copy() for row in grid]
    for arc, p, s in net.visits:
        if found.units[arc] and grid[p][first] != s:
            fresh[p][first], fresh[p][second] = fresh[p][second], fresh[p][first]
    return fresh


def polish(
    m: Market,
    engine: Engine,
    grid: Grid,
    *,
    rows: bool,
    choices: Sequence[Sequence[int]] | None = None,
    repeats: bool = False,
    stopped: Stopped = never,
) -> tuple[Grid, Key]:
    """Until no exchange inside one round, and no change of order between two, is better (MATCHING 3.3).

    A worse grid is never kept.
    """
    best = key(m, grid)
    moves = [(t, t) for t in range(m.T)] + [(t, u) for t in range(m.T) for u in range(t + 1, m.T)]
    settled: set[tuple[int, int]] = set()
    for _ in range(SWEEPS):
        for move in moves:
            if move in settled:
                continue
            if stopped():
                return grid, best
            t, u = move
            if t == u:
                fresh = solved_round(m, engine, t, grid, rows=rows, choices=choices, repeats=repeats)
            else:
                fresh = exchanged(m, engine, t, u, grid, rows=rows)
            found = key(m, fresh)
            if found < best:
                grid, best = fresh, found
                settled.clear()
            settled.add(move)
        if len(settled) == len(moves):
            break
    return grid, best


def planned(m: Market, engine: Engine, *, rows: bool, stopped: Stopped = never) -> Draft:
    """A plan from the start: sets, rounds, polish. rows: whether the engine takes joined rows."""
    net = sets_network(m, rows=rows)
    found = engine(net)
    draft = _told(m, engine, net, found)
    grid = spread(m, engine, chosen(m, net, found), rows=rows, stopped=stopped)
    draft.steps += ["sets", "rounds"]
    grid = _polished(m, engine, grid, draft, rows, stopped)
    draft.grid, draft.key = grid, key(m, grid)
    draft.stopped = stopped()
    return draft


def _polished(m: Market, engine: Engine, grid: Grid, draft: Draft, rows: bool, stopped: Stopped) -> Grid:
    draft.steps.append("polish")
    some = kept(m) if m.P > PRUNED_ABOVE else None
    grid, found = polish(m, engine, grid, rows=rows, choices=some, stopped=stopped)
    if some is not None and not clean(found):
        grid, found = polish(m, engine, grid, rows=rows, stopped=stopped)
    if found[1] or found[2]:
        # Somebody is without a place or without a chair: second visits are the smaller evil.
        draft.steps.append("repeats")
        grid, found = polish(m, engine, grid, rows=rows, repeats=True, stopped=stopped)
    return grid


def _told(m: Market, engine: Engine, net: Network, found: Flow) -> Draft:
    """What the first model proves: the bound, the most top choices, the price of a seat."""
    # Where rules break, prices are those of the broken rule; that is told by the rule itself.
    usual = {s: worth for s, worth in found.prices.items() if worth < prices(m).minimum}
    draft = Draft(empty(m), key(m, empty(m)), prices=usual)
    draft.bound = bound_of(m, net, found)
    reached = sum(found.units[arc] for arc in net.tops)
    draft.most_tops = sum(m.top_seen) + reached if reached == len(net.tops) else most_possible(m, engine)
    return draft


def most_possible(m: Market, engine: Engine) -> int:
    """No plan that keeps every rule gives a top choice to more people (MATCHING 3.6)."""
    net = tops_network(m)
    units = engine(net).units
    return sum(m.top_seen) + sum(units[arc] for arc in net.tops)


def previous_grid(m: Market) -> Grid:
    """What of the previous plan can still stand: free, open, allowed, not visited meanwhile."""
    old = m.grid(m.event.previous or {})
    grid = empty(m)
    for p, row in enumerate(old):
        taken: set[int] = set()
        for t, s in enumerate(row):
            if s >= 0 and m.free[p][t] and m.is_open[s][t] and m.allow[p][s] and not m.seen[p][s] and s not in taken:
                grid[p][t] = s
                taken.add(s)
    for (p, t), s in m.pins.items():
        grid[p] = [-1 if x == s else x for x in grid[p]]
        grid[p][t] = s
    return grid


def replanned(m: Market, engine: Engine, *, rows: bool, stopped: Stopped = never) -> Draft:
    """A plan in use, worked out again with as few changes as are worth it (MATCHING 4): one pass over the rounds."""
    sticky = m.event.sticky
    net = sets_network(m, rows=rows)
    found = engine(net)
    draft = _told(m, engine, net, found)
    draft.steps.append("sets")
    old = previous_grid(m)
    planned_bonus = {(p, s): sticky.planned for p, row in enumerate(old) for s in row if s >= 0}
    net = sets_network(m, rows=rows, extra=planned_bonus)
    sets = chosen(m, net, engine(net))
    grid = old
    draft.steps.append("sticky")
    some = kept(m) if m.P > PRUNED_ABOVE else None
    if some is not None:
        some = [sorted({*own, *(s for s in row if s >= 0)}) for own, row in zip(some, old, strict=True)]
    for t in range(m.T):
        if stopped():
            break
        extra: dict[tuple[int, int], int] = {}
        for p in range(m.P):
            for s in sets[p]:
                extra[p, s] = sticky.chosen
            s = old[p][t]
            if s >= 0:
                extra[p, s] = extra.get((p, s), 0) + sticky.same
        grid = solved_round(m, engine, t, grid, rows=rows, choices=some, extra=extra)
    if not clean(key(m, grid)):
        grid = _mended(m, engine, grid, draft, rows, stopped)
    draft.grid, draft.key = grid, key(m, grid)
    draft.stopped = stopped()
    return draft


def _mended(m: Market, engine: Engine, grid: Grid, draft: Draft, rows: bool, stopped: Stopped) -> Grid:
    """Breaches that one pass left: the polishing, still preferring old places, and only where a rule is won by it."""
    best = key(m, grid)
    for repeats in (False, True):
        for t in range(m.T):
            if clean(best) or stopped() or (repeats and not (best[1] or best[2])):
                break
            extra = {(p, row[t]): m.event.sticky.same for p, row in enumerate(grid) if row[t] >= 0}
            fresh = solved_round(m, engine, t, grid, rows=rows, extra=extra, repeats=repeats)
            found = key(m, fresh)
            if found[:5] < best[:5]:
                grid, best = fresh, found
                draft.steps.append("repeats" if repeats else "mend")
    if not clean(best):
        grid = _polished(m, engine, grid, draft, rows, stopped)
    return grid


def drafted(m: Market, engine: Engine, *, rows: bool, stopped: Stopped = never) -> Draft:
    """The best plan of an engine that solves flows. Sticky where there is a previous plan, unless that breaks a rule.

    Never worse than first come, first served.
    """
    if m.event.previous is None:
        draft = planned(m, engine, rows=rows, stopped=stopped)
    else:
        draft = replanned(m, engine, rows=rows, stopped=stopped)
        if not draft.clean and not draft.stopped:
            fresh = planned(m, engine, rows=rows, stopped=stopped)
            if fresh.key[:5] < draft.key[:5]:
                draft = fresh
    if m.event.previous is None or not draft.clean:
        first_come = greedy_grid(m)
        if key(m, first_come) < draft.key:
            draft.steps.append("greedy")
            draft.grid, draft.key = polish(m, engine, first_come, rows=rows, repeats=not draft.clean, stopped=stopped)
    return draft


def plan_without_solver(event: Event, stopped: Stopped = never) -> tuple[dict[str, list[str | None]], Draft]:
    """The assignment by the flow in plain Python, and what it proves; first come, first served when it is stopped."""
    m = event.market
    try:
        draft = drafted(m, lambda net: flow(net, stopped), rows=False, stopped=stopped)
    except NoFlow:
        grid = greedy_grid(m)
        draft = Draft(grid, key(m, grid), steps=["greedy"], stopped=stopped())
    return m.assignment(draft.grid), draft
