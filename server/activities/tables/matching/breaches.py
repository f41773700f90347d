"""Whether a seating keeps the rules of the tables; written without the search, so that it can contradict it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .event import Event
from .value import Assignment, at_tables

Breach = dict[str, Any]


def broken(event: Event, assignment: Assignment) -> list[Breach]:
    """Each breach as {"rule","round"?,"person"?,"people"?,"table"?,"group"?,"by"?}.

    T1 seated: everybody present sits at exactly one table. T2 sizes: tables differ by one person at most, unless seats
    force more. T3 balance: each group likewise. T4 apart. T5 pin.
    """
    known = {table.id for table in event.tables}
    found: list[Breach] = []
    for person in event.people:
        row = [*assignment.get(person.id, ()), *[None] * event.rounds][: event.rounds]
        for round, table in enumerate(row, 1):
            if (round in person.rounds) != (table in known):
                found.append({"rule": "T1", "person": person.id, "round": round})
    found += [
        {"rule": "T1", "person": id, "round": round}
        for id, row in assignment.items()
        for round in range(1, max(event.rounds, len(row)) + 1)
        if id not in {person.id for person in event.people} or round > event.rounds
    ]
    group_of = {person.id: person.group for person in event.people}
    for round in range(1, event.rounds + 1):
        seated = at_tables(event, assignment, round)
        found += _sizes(event, seated, round)
        found += _balance(seated, group_of, round)
        for a, b in event.apart:
            for table, people in seated.items():
                if a in people and b in people:
                    found.append({"rule": "T4", "people": [a, b], "table": table, "round": round})
    for (id, round), table in event.pins.items():
        told = assignment.get(id, ())
        if len(told) < round or told[round - 1] != table:
            found.append({"rule": "T5", "person": id, "table": table, "round": round})
    return found


def _sizes(event: Event, seated: dict[str, list[str]], round: int) -> list[Breach]:
    most = max(len(people) for people in seated.values())
    found = []
    for table in event.tables:
        n = len(seated[table.id])
        over = n - table.seats if table.seats is not None and n > table.seats else 0
        under = most - 1 - n if table.seats is None or n < table.seats else 0
        if over or under > 0:
            found.append({"rule": "T2", "table": table.id, "round": round, "by": over or under})
    return found


def _balance(seated: dict[str, list[str]], group_of: dict[str, str | None], round: int) -> list[Breach]:
    sizes = [len(people) for people in seated.values()]
    total = sum(sizes)
    even = max(sizes) - min(sizes) <= 1
    counts = [Counter(group_of[id] for id in people) for people in seated.values()]
    whole = sum(counts, Counter[str | None]())
    found = []
    for group in sorted(whole, key=lambda one: (one is not None, one or "")):
        here = [count[group] for count in counts]
        if even:
            wrong = max(here) - min(here) > 1
        else:
            wrong = any(abs(n * total - whole[group] * size) >= total for n, size in zip(here, sizes, strict=True))
        if wrong:
            found.append({"rule": "T3", "group": group, "round": round, "by": max(here) - min(here)})
    return found
