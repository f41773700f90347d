"""The document of a seating: its cost beside the least possible, what each person gets of it, every rule it breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from .breaches import broken
from .event import Event, Pair
from .search import random_deal
from .value import Assignment, at_tables, bound, meetings, parts

FORMAT = "officina.tables.plan/1"


def objective(event: Event, assignment: Assignment, breaches: list[dict[str, Any]]) -> dict[str, Any]:
    """{"cost","bound","gap","proven_optimal","parts"}.

    bound and gap are None where none is known, or where the seating is not even and so may cost less than an even one.
    """
    priced = parts(event, assignment)
    total = sum(priced.values())
    uneven = any(breach["rule"] in ("T1", "T2", "T3") for breach in breaches)
    least = None if uneven else bound(event)
    return {
        "cost": total,
        "bound": least,
        "gap": None if least is None else total - least,
        "proven_optimal": total == least,
        "parts": priced,
    }


def people(event: Event, assignment: Assignment) -> dict[str, dict[str, int]]:
    """{person: {"met","new","most_possible","colleagues_met","repeats"}}.

    met: different people at this person's tables; new: those of them met for the first time ever; repeats: meetings of
    somebody met before, in this seating or earlier.
    """
    organisation = {person.id: person.organisation for person in event.people}
    known: Counter[str] = Counter()
    for a, b in event.before:
        known[a] += a in organisation and b in organisation
        known[b] += a in organisation and b in organisation
    so_far: Counter[Pair] = Counter()
    met: Counter[str] = Counter()
    new: Counter[str] = Counter()
    repeats: Counter[str] = Counter()
    colleagues: Counter[str] = Counter()
    for _, _, (a, b) in meetings(event, assignment):
        before = event.before.get((a, b), 0)
        own = organisation[a] is not None and organisation[a] == organisation[b]
        for id in (a, b):
            met[id] += not so_far[a, b]
            new[id] += not so_far[a, b] and not before
            repeats[id] += bool(before or so_far[a, b])
            colleagues[id] += own
        so_far[a, b] += 1
    largest = {
        round: max(len(here) for here in at_tables(event, assignment, round).values())
        for round in range(1, event.rounds + 1)
    }
    return {
        person.id: {
            "met": met[person.id],
            "new": new[person.id],
            "most_possible": min(
                sum(max(0, largest[round] - 1) for round in person.rounds),
                len(event.people) - 1 - known[person.id],
            ),
            "colleagues_met": colleagues[person.id],
            "repeats": repeats[person.id],
        }
        for person in event.people
    }


def spreads(event: Event, assignment: Assignment) -> tuple[int, int]:
    """Largest difference between two tables of one round: (of one group's numbers, of sizes)."""
    group_of = {person.id: person.group for person in event.people}
    group_spread = size_spread = 0
    for round in range(1, event.rounds + 1):
        seated = at_tables(event, assignment, round)
        sizes = [len(here) for here in seated.values()]
        size_spread = max(size_spread, max(sizes) - min(sizes))
        counts = [Counter(group_of[id] for id in here) for here in seated.values()]
        for group in {group: True for count in counts for group in count}:
            of = [count[group] for count in counts]
            group_spread = max(group_spread, max(of) - min(of))
    return group_spread, size_spread


def totals(event: Event, assignment: Assignment, each: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    group_spread, size_spread = spreads(event, assignment)
    new = [one["new"] for one in each.values()]
    return {
        "repeat_meetings": sum(one["repeats"] for one in each.values()) // 2,
        "colleague_pairs": sum(one["colleagues_met"] for one in each.values()) // 2,
        "new_people_mean": round(sum(new) / len(new), 3) if new else 0.0,
        "new_people_min": min(new, default=0),
        "group_spread": group_spread,
        "size_spread": size_spread,
    }


def report(event: Event, assignment: Assignment, engine: Mapping[str, Any]) -> dict[str, Any]:
    """The whole document of MATCHING 8. engine: who found the seating, as the document tells it."""
    breaches = broken(event, assignment)
    each = people(event, assignment)
    return {
        "format": FORMAT,
        "input_sha256": event.digest,
        "seed": event.seed,
        "weights": event.weights.model_dump(),
        "engine": dict(engine),
        "assignment": {person.id: list(assignment.get(person.id, ())) for person in event.people},
        "objective": {**objective(event, assignment, breaches), "random_deal": random_deal(event)},
        "people": each,
        "totals": totals(event, assignment, each),
        "broken": breaches,
        "warnings": warnings(event),
    }


def warnings(event: Event) -> list[dict[str, Any]]:
    """What a facilitator should know beforehand: [{"code", ...numbers}]."""
    found: list[dict[str, Any]] = []
    for round in range(1, event.rounds + 1):
        here = event.present(round)
        if len(here) < 2 * len(event.tables):
            found.append({"code": "few_people", "round": round, "people": len(here), "tables": len(event.tables)})
    silent = sum(person.organisation is None for person in event.people)
    if 0 < silent < len(event.people):
        found.append({"code": "no_organisation", "people": silent})
    return found


def why(event: Event, assignment: Assignment, person: str) -> list[list[dict[str, Any]] | None]:
    """For each round what put this person where they sit, in codes with numbers and never with anybody's name.

    `people` n; `new` n of them met for the first time; `met` n of them met before; `colleagues` n; `pinned`.
    """
    own = next(one for one in event.people if one.id == person)
    organisation = {one.id: one.organisation for one in event.people}
    told: list[list[dict[str, Any]] | None] = []
    seen = {b if a == person else a for a, b in event.before if person in (a, b)}
    for round in range(1, event.rounds + 1):
        row = assignment.get(person, ())
        table = row[round - 1] if len(row) >= round else None
        seated = at_tables(event, assignment, round)
        if table not in seated:
            told.append(None)
            continue
        others = [id for id in seated[table] if id != person]
        new = sum(id not in seen for id in others)
        codes: list[dict[str, Any]] = [{"code": "people", "n": len(others)}, {"code": "new", "n": new}]
        if new < len(others):
            codes.append({"code": "met", "n": len(others) - new})
        together = sum(own.organisation is not None and organisation[id] == own.organisation for id in others)
        if together:
            codes.append({"code": "colleagues", "n": together})
        if (person, round) in event.pins:
            codes.append({"code": "pinned"})
        told.append(codes)
        seen.update(others)
    return told
