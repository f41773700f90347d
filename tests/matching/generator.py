"""Made-up events with the shape of real ones (MATCHING 9): a few loud stalls, many quiet ones, people who rate nothing.

Everything is drawn from `random.Random(seed).random` alone, the one method whose numbers stay the same between
versions of Python: the same call gives the same event on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")
GROUPS = (("civil_servants", 50), ("social_innovators", 35), ("citizens", 15))
THEMES = 6
#: Of a hundred people, how many rate nothing.
SILENT = 12


def event(
    people: int, stalls: int, rounds: int, seed: int = 1, *, hosts: bool = True, mixed: bool = False, **more: Any
) -> dict[str, Any]:
    """An input of `officina match`.

    `hosts`: two people of each stall's organisation present it in turn, else nobody does. `mixed`: organisations are
    cut across the groups, as a delegation of officials and partners is. `more` is added to the event as it is.
    """
    draw = Random(seed).random
    ids = [f"p{n:0{len(str(people))}d}" for n in range(1, people + 1)]
    group_of, organisation_of, organisations = _organisations(ids, draw, mixed)

    names = [f"s{n:0{len(str(stalls))}d}" for n in range(1, stalls + 1)]
    members: dict[str, list[str]] = {}
    for p in ids:
        members.setdefault(organisation_of[p], []).append(p)
    largest = sorted(organisations, key=lambda o: (-len(members[o]), o))
    owner = {s: largest[n] if n < len(largest) else None for n, s in enumerate(names)}
    popularity = {s: 1 / rank**0.6 for rank, s in enumerate(_shuffled(names, draw), 1)}
    themes = {thing: set(_shuffled(range(THEMES), draw)[:2]) for thing in [*names, *ids]}

    out_people: list[dict[str, Any]] = []
    for p in ids:
        person: dict[str, Any] = {"id": p, "group": group_of[p], "organisation": organisation_of[p]}
        if draw() * 100 >= SILENT:
            liked = {s: popularity[s] * (1 + 1.5 * len(themes[s] & themes[p])) * draw() for s in names}
            order = sorted((s for s in names if owner[s] != organisation_of[p]), key=lambda s: (-liked[s], s))
            levels = [3] * _between(1, 3, draw) + [2] * _between(1, 3, draw) + [1] * _between(2, 5, draw)
            person["interests"] = dict(zip(order, levels, strict=False))
        out_people.append(person)

    hosts_of = {s: (members[o][:2] if hosts and (o := owner[s]) is not None else []) for s in names}
    busy = sum(bool(who) for who in hosts_of.values())
    visitors = people - busy
    mean = visitors / stalls
    capacity = {s: max(2, _up(mean * 1.2 * (0.9, 1.0, 1.1)[_between(0, 2, draw)])) for s in names}
    n = 0
    while sum(capacity.values()) < 1.08 * visitors:
        capacity[names[n % stalls]] += 1
        n += 1
    out_stalls: list[dict[str, Any]] = []
    for s in names:
        stall: dict[str, Any] = {"id": s, "capacity": capacity[s], "minimum": min(capacity[s], max(1, int(0.4 * mean)))}
        if owner[s] is not None:
            stall["organisation"] = owner[s]
        if hosts_of[s]:
            stall["hosts"] = hosts_of[s]
        out_stalls.append(stall)
    return {
        "format": "officina.match/1",
        "seed": seed,
        "rounds": rounds,
        "people": out_people,
        "stalls": out_stalls,
        **more,
    }


def tables_event(people: int, tables: int, rounds: int, seed: int = 1, **more: Any) -> dict[str, Any]:
    """An input of `officina tables`: the groups and organisations of `event`, nobody has met before."""
    draw = Random(seed).random
    ids = [f"p{n:0{len(str(people))}d}" for n in range(1, people + 1)]
    group_of, organisation_of, _ = _organisations(ids, draw, False)
    return {
        "format": "officina.tables/1",
        "seed": seed,
        "rounds": rounds,
        "tables": tables,
        "people": [{"id": p, "group": group_of[p], "organisation": organisation_of[p]} for p in ids],
        **more,
    }


def after_first_round(event: dict[str, Any], assignment: dict[str, list[str | None]], seed: int = 1) -> dict[str, Any]:
    """The same event from round 2: of a hundred people 10 have left, 5 are new, 8 sat at another stall than planned."""
    draw = Random(seed).random
    rounds = event["rounds"]
    stalls = [stall["id"] for stall in event["stalls"]]
    hosts = {p for stall in event["stalls"] for p in stall.get("hosts", [])}
    people: list[dict[str, Any]] = []
    past: list[dict[str, Any]] = []
    for person in event["people"]:
        seat, p = assignment[person["id"]][0], person["id"]
        if seat is not None:
            if draw() < 0.08:
                seat = stalls[int(draw() * len(stalls))]
            past.append({"person": p, "stall": seat, "round": 1})
        gone = draw() < 0.10 and p not in hosts
        people.append({**person, "rounds": [1]} if gone else person)
    for n in range(1, round(len(people) * 0.05) + 1):
        like = people[int(draw() * len(event["people"]))]
        interests = dict(like.get("interests", {}))
        people.append(
            {"id": f"new{n}", "group": like["group"], "interests": interests, "rounds": [*range(2, rounds + 1)]}
        )
    lower = [{**stall, "minimum": max(0, stall["minimum"] - 1)} for stall in event["stalls"]]
    return {**event, "people": people, "stalls": lower, "past": past, "from_round": 2, "previous": assignment}


def _organisations(ids: Sequence[str], draw: Any, mixed: bool) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Group and organisation of everybody: within a group, or across all people, shuffled and cut into 2 to 6."""
    group_of: dict[str, str] = {}
    start = 0
    for n, (group, share) in enumerate(GROUPS):
        end = len(ids) if n == len(GROUPS) - 1 else start + round(len(ids) * share / 100)
        group_of.update(dict.fromkeys(ids[start:end], group))
        start = end
    pools = [list(ids)] if mixed else [[p for p in ids if group_of[p] == group] for group, _ in GROUPS]
    organisation_of: dict[str, str] = {}
    organisations: list[str] = []
    for pool in pools:
        left = _shuffled(pool, draw)
        while left:
            name = f"o{len(organisations) + 1:03d}"
            organisations.append(name)
            for p in left[: (size := _between(2, 6, draw))]:
                organisation_of[p] = name
            left = left[size:]
    return group_of, organisation_of, organisations


def _between(low: int, high: int, draw: Any) -> int:
    return low + int(draw() * (high - low + 1))


def _up(number: float) -> int:
    return -int(-number // 1)


def _shuffled(things: Sequence[T], draw: Any) -> list[T]:
    out = list(things)
    for n in range(len(out) - 1, 0, -1):
        k = int(draw() * (n + 1))
        out[n], out[k] = out[k], out[n]
    return out
