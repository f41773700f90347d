"""What cannot work, told before anybody waits for a plan (MATCHING 2.2), as codes with numbers."""

from __future__ import annotations

from typing import Any

from .event import Event


def foreseen(event: Event) -> list[dict[str, Any]]:
    """Each finding as {code, round?, stall?, person?, numbers}; the texts are the words files'.

    nobody_placed; no_stall_open {round}; seats_short {round, visitors, seats, missing}; minimum_high {round, visitors,
    needed}, or {stall, round, visitors, needed} where too few people may still visit the stall at all; few_allowed {person,
    stalls, rounds}: fewer stalls that this person may still visit than rounds. Who is named by few_allowed is for
    the desk only and may have vetoes: show the number of people, not whom.
    """
    m = event.market
    found: list[dict[str, Any]] = []
    if m.T and not sum(m.visitors):
        return [{"code": "nobody_placed"}]
    for t, number in enumerate(m.planned):
        visitors = m.visitors[t]
        standing = [s for s in range(m.S) if m.is_open[s][t]]
        if not visitors:
            continue
        if not standing:
            found.append({"code": "no_stall_open", "round": number, "visitors": visitors})
            continue
        seats = sum(m.capacity[s] for s in standing)
        if visitors > seats:
            found.append(
                {
                    "code": "seats_short",
                    "round": number,
                    "visitors": visitors,
                    "seats": seats,
                    "missing": visitors - seats,
                }
            )
        needed = sum(m.lo[s] for s in standing)
        if needed > visitors:
            found.append({"code": "minimum_high", "round": number, "visitors": visitors, "needed": needed})
        for s in standing:
            may = sum(m.free[p][t] and m.allow[p][s] and not m.seen[p][s] for p in range(m.P))
            if may < m.lo[s]:
                found.append(
                    {
                        "code": "minimum_high",
                        "stall": m.stalls[s],
                        "round": number,
                        "visitors": may,
                        "needed": m.lo[s],
                    }
                )
    for p, person in sorted(enumerate(m.people), key=lambda one: one[1]):
        rounds = m.free_rounds[p]
        if len(m.choices[p]) < rounds:
            found.append({"code": "few_allowed", "person": person, "stalls": len(m.choices[p]), "rounds": rounds})
    return found
