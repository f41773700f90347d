"""One seat at a time: where somebody who came late sits best, and what moving somebody would cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .event import Event, pair
from .value import marginal


@dataclass(frozen=True, slots=True)
class Seat:
    """reasons: codes with numbers, the weightiest first: `few` people there, `group` of the own group there, `new` of
    `n` people there never met, `colleagues` there.
    """

    table: str
    reasons: list[dict[str, Any]]


def at(seated: Mapping[str, str], table: str, without: Iterable[str] = ()) -> list[str]:
    """Who sits at a table, in the order of `seated`."""
    left_out = frozenset(without)
    return [id for id, place in seated.items() if place == table and id not in left_out]


def price(event: Event, person: str, others: Iterable[str]) -> int:
    """What it costs that this person sits with these others once more."""
    own = {one.id: one.organisation for one in event.people}
    total = 0
    for id in others:
        total += event.weights.repeat * marginal(event.before.get(pair(person, id), 0))
        total += event.weights.colleagues * (own.get(person) is not None and own.get(person) == own.get(id))
    return total


def change(event: Event, seated: Mapping[str, str], person: str, table: str, instead: str | None = None) -> int:
    """How the cost of a seating changes when a person moves to a table; `instead`: who sits there now and comes back.

    seated: {person: table} of one round. A person who has no seat yet only joins.
    """
    own = seated.get(person)
    delta = price(event, person, at(seated, table, (person, instead or "")))
    if own is not None:
        delta -= price(event, person, at(seated, own, (person,)))
    if instead is not None:
        delta -= price(event, instead, at(seated, table, (instead, person)))
        if own is not None:
            delta += price(event, instead, at(seated, own, (person, instead)))
    return delta


def seat_for(event: Event, seated: Mapping[str, str], person: str) -> Seat | None:
    """The best free seat for one person more; None where every table is full or holds somebody to be apart from.

    First a table that is small, so that none grows by two; then one with few of the same group; then the cheapest one.
    """
    own = next(one for one in event.people if one.id == person)
    group_of = {one.id: one.group for one in event.people}
    apart = {b if a == person else a for a, b in event.apart if person in (a, b)}
    order = event.in_seeded_order(table.id for table in event.tables)
    seats = {table.id: table.seats for table in event.tables}
    offered = []
    for place, table in enumerate(order):
        here = at(seated, table, (person,))
        free = seats[table]
        if (free is not None and len(here) >= free) or apart.intersection(here):
            continue
        mates = sum(group_of.get(id) == own.group for id in here)
        offered.append((len(here), mates, price(event, person, here), place, table))
    if not offered:
        return None
    size, mates, _, _, table = min(offered)
    here = at(seated, table, (person,))
    new = sum(not event.before.get(pair(person, id), 0) for id in here)
    organisation = {one.id: one.organisation for one in event.people}
    together = sum(own.organisation is not None and organisation.get(id) == own.organisation for id in here)
    reasons: list[dict[str, Any]] = [{"code": "few", "n": size}]
    if own.group is not None:
        reasons.append({"code": "group", "n": mates})
    if here:
        reasons.append({"code": "new", "n": new, "of": size})
    if together:
        reasons.append({"code": "colleagues", "n": together})
    return Seat(table, reasons)
