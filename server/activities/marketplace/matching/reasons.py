"""Why a person is where the plan puts them (MATCHING 10): codes with numbers, computed from the plan.

Nothing here names another person, shows another's rating or hints at a veto; how many others wished the same is told
from 5 on only.
"""

from __future__ import annotations

from typing import Any

from .event import Assignment, Event

#: A count of other people below this is "several".
FLOOR = 5


def why(event: Event, assignment: Assignment, person: str) -> list[list[dict[str, Any]] | None]:
    """By round of the event: None where there is nothing to say, else the reasons.

    First one of `pinned`, `hosting` {stall}, `rated` {level}, `needed` {group}, `free_seat`: why here. Then `top_at`
    {stall, round}, and for each stall rated higher, best first, why not there now: `visited` {stall}, `planned`
    {stall, round}, `full` {stall, level, cap, n}, `own` {stall}, `closed` {stall}, `not_available` {stall}, `balance`
    {stall}: a seat was free, but the room as a whole gains by this place. n: how many others rated it as high or
    higher, None for fewer than 5.
    """
    m = event.market
    p = m.person[person]
    grid = m.grid(assignment)
    w, row = m.w[p], grid[p]
    load = [[0] * m.T for _ in range(m.S)]
    same_group = [[0] * m.T for _ in range(m.S)]
    for q, other in enumerate(grid):
        for t, s in enumerate(other):
            if s >= 0:
                load[s][t] += 1
                same_group[s][t] += m.group[q] == m.group[p]
    own = event.people[[one.id for one in event.people].index(person)].organisation
    stalls = {one.id: one for one in event.stalls}
    found: list[list[dict[str, Any]] | None] = [None] * (m.first - 1)
    for t in range(m.T):
        here = row[t]
        if m.duty[p][t] >= 0:
            found.append([{"code": "hosting", "stall": m.stalls[m.duty[p][t]]}])
            continue
        if here < 0:
            found.append(None)
            continue
        level, group = w[here], m.group[p]
        reasons: list[dict[str, Any]] = []
        if (p, t) in m.pins:
            reasons.append({"code": "pinned"})
        elif level:
            reasons.append({"code": "rated", "level": level})
        elif group >= 0 and m.mix[group].at(same_group[here][t]) > 0:
            reasons.append({"code": "needed", "group": m.groups[group]})
        else:
            reasons.append({"code": "free_seat"})
        if level < m.top[p]:
            reasons += [
                {"code": "top_at", "stall": m.stalls[s], "round": m.planned[u]}
                for u, s in enumerate(row)
                if s >= 0 and u != t and m.allow[p][s] and w[s] == m.top[p]
            ]
        higher = sorted((s for s in range(m.S) if w[s] > level), key=lambda s: (-w[s], m.stalls[s]))
        for s in higher:
            id = m.stalls[s]
            if m.seen[p][s]:
                reasons.append({"code": "visited", "stall": id})
            elif s in row:
                # The top choice has its own sentence already.
                if w[s] < m.top[p]:
                    reasons.append({"code": "planned", "stall": id, "round": m.planned[row.index(s)]})
            elif person in stalls[id].hosts or (own and own == stalls[id].organisation):
                reasons.append({"code": "own", "stall": id})
            elif not m.allow[p][s]:
                reasons.append({"code": "not_available", "stall": id})
            elif not m.is_open[s][t]:
                reasons.append({"code": "closed", "stall": id})
            elif load[s][t] >= m.capacity[s]:
                others = sum(m.w[q][s] >= w[s] for q in range(m.P) if q != p)
                reasons.append(
                    {
                        "code": "full",
                        "stall": id,
                        "level": w[s],
                        "cap": m.capacity[s],
                        "n": others if others >= FLOOR else None,
                    }
                )
            else:
                reasons.append({"code": "balance", "stall": id})
        found.append(reasons)
    return found
