"""The rules of a plan, checked on their own (MATCHING 2.2): nothing here is shared with what makes plans.

Everything is read off the event and the assignment by id, once more from the start, so that a mistake in the derived
numbers of the solving cannot hide itself.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from .event import Assignment, Event, Person, Stall

#: Rules that no plan may break, and the order in which the others count (MATCHING 2.2).
NEVER = ("M5", "M6", "M7")
ORDER = ("M1", "M3", "M2", "M4")


def broken(event: Event, assignment: Assignment) -> list[dict[str, Any]]:
    """Each breach as {rule, person?, stall?, round?, by?}; by: chairs to bring (M3), visitors missing (M4).

    M1 placed, M2 repeat, M3 full, M4 minimum, M5 not allowed, M6 closed, M7 pin. Ordered by rule, round, stall, person.
    """
    people = {person.id: person for person in event.people}
    stalls = {stall.id: stall for stall in event.stalls}
    planned = range(event.from_round, event.rounds + 1)
    duty = {number: _on_duty(event, people, number) for number in range(1, event.rounds + 1)}
    found: list[dict[str, Any]] = []
    load: Counter[tuple[str, int]] = Counter()
    past: dict[str, set[str]] = {}
    for visit in event.past:
        past.setdefault(visit.person, set()).add(visit.stall)
    for id, person in people.items():
        visited = set(past.get(id, ()))
        route = assignment.get(id, ())
        for number in range(1, event.rounds + 1):
            place = route[number - 1] if number <= len(route) else None
            away = number < event.from_round or id in duty[number] or not _present(person, number)
            if place is None:
                if not away:
                    found.append({"rule": "M1", "person": id, "round": number})
                continue
            stall = stalls[place]
            at = {"person": id, "stall": place, "round": number}
            if away:
                found.append({"rule": "M1", **at})
            if place in visited:
                found.append({"rule": "M2", **at})
            if not _may(person, stall):
                found.append({"rule": "M5", **at})
            if not _stands(stall, number):
                found.append({"rule": "M6", **at})
            visited.add(place)
            load[place, number] += 1
    minimum = minimums(event)
    for number in planned:
        for id, stall in stalls.items():
            visitors = load[id, number]
            if visitors > stall.capacity:
                found.append({"rule": "M3", "stall": id, "round": number, "by": visitors - stall.capacity})
            elif visitors < minimum[id] and _stands(stall, number):
                found.append({"rule": "M4", "stall": id, "round": number, "by": minimum[id] - visitors})
    kept = set()
    for pin in event.pins:
        at = {"person": pin.person, "stall": pin.stall, "round": pin.round}
        route = assignment.get(pin.person, ())
        place = route[pin.round - 1] if pin.round <= len(route) else None
        if place != pin.stall and tuple(at.values()) not in kept:
            kept.add(tuple(at.values()))
            found.append({"rule": "M7", **at})
    return sorted(
        found, key=lambda one: (one["rule"], one.get("round", 0), one.get("stall", ""), one.get("person", ""))
    )


def minimums(event: Event) -> dict[str, int]:
    """lo(s) of MATCHING 2.1 by stall, in the order of the ids."""
    people = {person.id: person for person in event.people}
    loads = []
    for number in range(event.from_round, event.rounds + 1):
        standing = sum(_stands(stall, number) for stall in event.stalls)
        on_duty = _on_duty(event, people, number)
        if standing:
            visitors = sum(_present(person, number) and id not in on_duty for id, person in people.items())
            loads.append(visitors // standing)
    least = min(loads, default=0)
    usual = min(least, max(1, 2 * least // 5))
    return {
        stall.id: min(stall.capacity, usual if stall.minimum is None else stall.minimum)
        for stall in sorted(event.stalls, key=lambda stall: stall.id)
    }


def order(found: list[dict[str, Any]]) -> tuple[int, int, int, int, int]:
    """(what is never relaxed, M1, M3, M2, M4), people or chairs: the smaller is the better plan, whatever its value."""
    count: Counter[str] = Counter()
    for one in found:
        count[one["rule"]] += one.get("by", 1)
    return sum(count[rule] for rule in NEVER), count["M1"], count["M3"], count["M2"], count["M4"]


def _present(person: Person, number: int) -> bool:
    return person.rounds is None or number in person.rounds


def _stands(stall: Stall, number: int) -> bool:
    return stall.open is None or number in stall.open


def _may(person: Person, stall: Stall) -> bool:
    if person.id in stall.hosts or stall.id in person.never:
        return False
    return not person.organisation or (
        person.organisation != stall.organisation and person.organisation not in stall.never
    )


def _on_duty(event: Event, people: dict[str, Person], number: int) -> dict[str, str]:
    """{person: stall} of who presents in this round; nobody does at a closed stall."""
    found = {}
    for stall in event.stalls:
        if not _stands(stall, number):
            continue
        count = len(stall.hosts)
        for step in range(count):
            host = stall.hosts[(number - 1 + step) % count]
            if _present(people[host], number):
                found[host] = stall.id
                if stall.hosting == "turns":
                    break
    return found
