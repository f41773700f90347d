"""First come, first served (MATCHING 3.7): what the room would get without matching, and the last plan that always exists."""

from __future__ import annotations

from .event import Event, Grid, Market
from .objective import clean, key


def greedy(event: Event) -> dict[str, list[str | None]]:
    """By id. Per round, people in seeded order take the best-rated allowed stall they have not visited with a free seat."""
    m = event.market
    return m.assignment(greedy_grid(m))


def greedy_value(m: Market) -> int | None:
    """Its value under the event's weights; None where it breaks a rule."""
    found = key(m, greedy_grid(m))
    return -found[5] if clean(found) else None


def greedy_grid(m: Market) -> Grid:
    """While the people still to place are no more than the visitors the minimums still need, only those stalls count.

    Where nothing is left, a second visit comes before a chair too many, that before a round without a place.
    """
    grid = [[-1] * m.T for _ in range(m.P)]
    seen = [row.copy() for row in m.seen]
    for (p, _), s in m.pins.items():
        seen[p][s] = True
    for t in range(m.T):
        load = [0] * m.S
        for (p, u), s in m.pins.items():
            if u == t:
                grid[p][t] = s
                load[s] += 1
        waiting = [p for p in range(m.P) if m.free[p][t] and grid[p][t] < 0]
        standing = [s for s in range(m.S) if m.is_open[s][t]]
        needed = sum(max(0, m.lo[s] - load[s]) for s in standing)
        for i, p in enumerate(waiting):
            w = m.w[p]
            may = [s for s in standing if m.allow[p][s]]
            fresh = [s for s in may if not seen[p][s] and load[s] < m.cap[s]]
            urgent = [s for s in fresh if load[s] < m.lo[s]] if len(waiting) - i <= needed else []
            places = (
                urgent or fresh or [s for s in may if load[s] < m.cap[s]] or [s for s in may if not seen[p][s]] or may
            )
            if not places:
                continue
            s = min(places, key=lambda s: (-w[s], load[s], s))
            needed -= load[s] < m.lo[s]
            grid[p][t] = s
            seen[p][s] = True
            load[s] += 1
    return grid
