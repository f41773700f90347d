"""What a seating costs, and what no seating can cost less than (MATCHING 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from .event import Event, Pair

#: {person: a table or None for each round}.
Assignment = Mapping[str, Sequence[str | None]]


def at_tables(event: Event, assignment: Assignment, round: int) -> dict[str, list[str]]:
    """{table: ids of the people at it, in order} in a round; tables that the event does not have are left out."""
    seated: dict[str, list[str]] = {table.id: [] for table in event.tables}
    for person in event.people:
        row = assignment.get(person.id, ())
        table = row[round - 1] if len(row) >= round else None
        if table in seated:
            seated[table].append(person.id)
    return seated


def meetings(event: Event, assignment: Assignment) -> Iterator[tuple[int, str, Pair]]:
    """Each meeting of the seating: round, table, the two people."""
    for round in range(1, event.rounds + 1):
        for table, people in at_tables(event, assignment, round).items():
            for two in combinations(people, 2):
                yield round, table, two


def marginal(met: int) -> int:
    """What one more meeting of a pair that met `met` times adds, in units of the weight of a repeat."""
    return 2 * met - 1 if met else 0


def parts(event: Event, assignment: Assignment) -> dict[str, int]:
    """{"repeats","colleagues"}, both weighted; their sum is the cost."""
    own = {person.id: person.organisation for person in event.people}
    met: Counter[Pair] = Counter()
    repeats = together = 0
    for _, _, (a, b) in meetings(event, assignment):
        repeats += marginal(event.before.get((a, b), 0) + met[a, b])
        met[a, b] += 1
        together += own[a] is not None and own[a] == own[b]
    return {"repeats": event.weights.repeat * repeats, "colleagues": event.weights.colleagues * together}


def cost(event: Event, assignment: Assignment) -> int:
    return sum(parts(event, assignment).values())


def same(n: int, tables: int) -> int:
    """Pairs at one table when n people are dealt out evenly: r*C(q+1,2) + (T-r)*C(q,2)."""
    q, r = divmod(n, tables)
    return r * (q + 1) * q // 2 + (tables - r) * q * (q - 1) // 2


def sizes(event: Event, people: int) -> tuple[list[int], list[int]]:
    """(fewest, most) people at each table, in the event's order of tables, when `people` sit as evenly as seats allow.

    Where the two differ, as many of those tables take one more as are needed for everybody to sit.
    """
    seats = [people if table.seats is None else min(table.seats, people) for table in event.tables]
    level = 0
    while level < people and sum(min(one, level + 1) for one in seats) <= people:
        level += 1
    low = [min(one, level) for one in seats]
    return low, [min(one, level + 1) for one in seats] if sum(low) < people else list(low)


def bound(event: Event) -> int | None:
    """A cost that no seating with even tables and even groups goes below; None where somebody is away in a round or the
    seats force tables to differ by two people.
    """
    if any(len(person.rounds) != event.rounds for person in event.people):
        return None
    n, tables = len(event.people), len(event.tables)
    low, high = sizes(event, n)
    if max(high) - min(low) > 1:
        return None
    groups = Counter(person.group for person in event.people)
    group_of = {person.id: person.group for person in event.people}
    #: {group, or "across": {times met: pairs}}; None is a group too, so the key of pairs across groups is no string.
    known: dict[tuple[str | None] | None, Counter[int]] = {(group,): Counter() for group in groups}
    known[None] = Counter()
    for (a, b), times in event.before.items():
        known[(group_of[a],) if group_of[a] == group_of[b] else None][times] += 1
    inside = {group: same(of, tables) for group, of in groups.items()}
    pairs = {group: of * (of - 1) // 2 for group, of in groups.items()}
    repeats = 0
    for group in groups:
        repeats += _cheapest(known[(group,)], pairs[group], event.rounds, event.rounds * inside[group])
    across = n * (n - 1) // 2 - sum(pairs.values())
    repeats += _cheapest(known[None], across, event.rounds, event.rounds * (same(n, tables) - sum(inside.values())))
    own = Counter(person.organisation for person in event.people if person.organisation is not None)
    colleagues = event.rounds * sum(same(of, tables) for of in own.values())
    return event.weights.repeat * repeats + event.weights.colleagues * colleagues


def _cheapest(known: Counter[int], pairs: int, rounds: int, needed: int) -> int:
    """The sum of the `needed` smallest costs of a 1st to `rounds`-th new meeting, over all pairs."""
    offered: Counter[int] = Counter()
    for met, of in [*known.items(), (0, pairs - sum(known.values()))]:
        for more in range(rounds):
            offered[marginal(met + more)] += of
    total = 0
    for price in sorted(offered):
        taken = min(needed, offered[price])
        total += taken * price
        needed -= taken
    return total
