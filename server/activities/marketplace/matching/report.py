"""The plan as a document (MATCHING 7): what a facilitator is told about it, all of it recomputed from the assignment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .breaches import broken, minimums
from .event import Assignment, Event, Grid, Market
from .first_come import greedy_value
from .objective import parts

FORMAT = "officina.match.plan/1"
#: Below this share of free seats there is no room for latecomers (MATCHING 4).
FREE_SEATS = 8.0
#: Contested stalls that the report names at most.
CONTESTED = 5


@dataclass(frozen=True, slots=True)
class Told:
    """What only the solving knows. bound_from: flow, lp or milp. prices: by stall id, what one more seat is worth.

    notes: warnings of the solving itself, such as an engine that failed.
    """

    name: str
    version: str
    steps: Sequence[str] = ()
    stopped: bool = False
    seconds: float = 0.0
    bound: int | None = None
    bound_from: str | None = None
    most_tops: int | None = None
    prices: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[Mapping[str, Any]] = ()


def gap_percent(bound: int | None, value: int) -> float | None:
    """100 * (bound - value) / bound, 3 decimals; 0 if equal; None without a bound above 0."""
    if bound is None:
        return None
    if bound == value:
        return 0.0
    return round(100 * (bound - value) / bound, 3) if bound > 0 else None


def reported(event: Event, assignment: Assignment, told: Told, *, input_sha256: str) -> dict[str, Any]:
    """The document of section 7. What bounds clean plans only is null as soon as a rule is broken."""
    m = event.market
    grid = m.grid(assignment)
    worth = parts(m, grid)
    breaches = broken(event, assignment)
    bound = None if breaches else told.bound
    people, totals = measured(m, grid, None if breaches else told.most_tops)
    document: dict[str, Any] = {
        "format": FORMAT,
        "input_sha256": input_sha256,
        "seed": event.seed,
        "weights": event.weights.model_dump(),
        "engine": {
            "name": told.name,
            "version": told.version,
            "steps": list(told.steps),
            "stopped": told.stopped,
            "seconds": round(told.seconds, 3),
        },
        "assignment": {person: list(route) for person, route in assignment.items()},
        "hosting": hosting(m),
        "minimum": minimums(event),
        "objective": {
            "value": worth.value,
            "bound": bound,
            "bound_from": told.bound_from if bound is not None else None,
            "gap_percent": gap_percent(bound, worth.value),
            "proven_optimal": bound is not None and bound == worth.value,
            "parts": worth.as_dict(),
            "first_come": greedy_value(m),
        },
        "people": people,
        "totals": totals,
    }
    if event.previous is not None:
        document["changes"] = changes(event, assignment)
    document["broken"] = breaches
    document["warnings"] = [*told.notes, *warnings(m, totals, told.prices)]
    return document


def hosting(m: Market) -> dict[str, list[str | None]]:
    """By person and round of the event: the stall where this person is on duty."""
    return m.assignment(m.duty)


def measured(m: Market, grid: Grid, most_tops: int | None = None) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """`people` and `totals` of the document. most_tops: counted among those who have a wish and a visit."""
    people: dict[str, dict[str, Any]] = {}
    reached, of = [0, 0, 0], [0, 0, 0]
    bored = boredom = 0
    for p, row in sorted(enumerate(grid), key=lambda one: m.people[one[0]]):
        w = m.w[p]
        planned = [s for s in row if s >= 0]
        visited = {s for s in range(m.S) if m.seen[p][s]}
        count = len(visited) + m.free_rounds[p]
        visited.update(planned)
        wished = sorted((w[s] for s in range(m.S) if m.allow[p][s] and w[s]), reverse=True)
        got = sorted((w[s] for s in visited), reverse=True)
        tops: list[bool | None] = []
        for k in (1, 2, 3):
            if len(wished) < k or count < k:
                tops.append(None)
                continue
            hit = got[:k] == wished[:k]
            tops.append(hit)
            of[k - 1] += 1
            reached[k - 1] += hit
        zeros = sum(not w[s] for s in planned) if m.top[p] else 0
        boredom += zeros
        bored += zeros > 0
        people[m.people[p]] = {
            "visits": len(planned),
            "levels": [w[s] for s in planned],
            "top_level": m.top[p],
            "top1": tops[0],
            "top2": tops[1],
            "top3": tops[2],
            "zero_interest_rounds": zeros,
        }
    load: dict[tuple[int, int], int] = {(s, t): 0 for s in range(m.S) for t in range(m.T) if m.is_open[s][t]}
    filled: set[tuple[int, int, int]] = set()
    together: dict[tuple[int, int, int], int] = {}
    reach: dict[int, set[int]] = {o: set() for o, members in enumerate(m.members) if len(members) >= 2}
    for p, row in enumerate(grid):
        group, organisation = m.group[p], m.organisation[p]
        for t, s in enumerate(row):
            if s < 0:
                continue
            if (s, t) in load:
                load[s, t] += 1
                if group >= 0:
                    filled.add((s, t, group))
            if organisation >= 0:
                together[s, t, organisation] = together.get((s, t, organisation), 0) + 1
                if organisation in reach and not m.covered[organisation][s]:
                    reach[organisation].add(s)
    moving = sum(any(m.free_rounds[p] for p in range(m.P) if m.group[p] == g) for g in range(len(m.groups)))
    cells = len(load) * moving
    seats = sum(m.capacity[s] for s, _ in load)
    left = sum(max(0, m.capacity[s] - n) for (s, _), n in load.items())
    totals: dict[str, Any] = {
        "top1": {"reached": reached[0], "of": of[0], "most_possible": most_tops},
        "top2": {"reached": reached[1], "of": of[1]},
        "top3": {"reached": reached[2], "of": of[2]},
        "no_wishes": m.top.count(0),
        "zero_interest_rounds": boredom,
        "people_with_zero_interest_round": bored,
        "mix_index": round(len(filled) / cells, 3) if cells else None,
        "colleagues_together": sum(n - 1 for n in together.values()),
        "coverage": {m.organisations[o]: len(found) for o, found in sorted(reach.items())},
        "load": {"smallest": min(load.values(), default=0), "largest": max(load.values(), default=0)},
        "free_seats_percent": round(100 * left / seats, 1) if seats else 0.0,
    }
    return people, totals


def changes(event: Event, assignment: Assignment) -> dict[str, int]:
    """People who visit another stall than in the previous plan: in the next round, in a later one.

    of: people with a previous plan who are there in a planned round. Rounds without a visit of theirs, because they
    present or are away, count nowhere.
    """
    m = event.market
    first = event.from_round
    next_round = later = of = 0
    for id, route in (event.previous or {}).items():
        p = m.person[id]
        of += any(m.present[p])
        new = assignment.get(id) or [None] * event.rounds
        moved = [free and route[first - 1 + t] != new[first - 1 + t] for t, free in enumerate(m.free[p])]
        next_round += moved[0]
        later += any(moved[1:])
    return {"next_round": next_round, "later": later, "of": of}


def warnings(m: Market, totals: Mapping[str, Any], prices: Mapping[str, int]) -> list[dict[str, Any]]:
    """unhosted {stall, round}, unless no stall names hosts; few_free_seats {percent}; contested {stall, worth}: what one
    more seat there is worth.
    """
    found: list[dict[str, Any]] = []
    hosted = any(m.hosts)
    for s, id in sorted(enumerate(m.stalls), key=lambda one: one[1]):
        for t, number in enumerate(m.planned):
            if hosted and m.is_open[s][t] and not any(m.duty[p][t] == s for p in m.hosts[s]):
                found.append({"code": "unhosted", "stall": id, "round": number})
    if sum(m.visitors) and totals["free_seats_percent"] < FREE_SEATS:
        found.append({"code": "few_free_seats", "percent": totals["free_seats_percent"]})
    contested = sorted((-worth, stall) for stall, worth in prices.items() if worth > 0)
    found += [{"code": "contested", "stall": stall, "worth": -worth} for worth, stall in contested[:CONTESTED]]
    return found
