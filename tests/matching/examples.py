"""The events whose best plans are printed (MATCHING 2.4, 2.5, 6, 12): what any program must recompute to the unit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CONTENT = Path(__file__).parents[2] / "content" / "matching"


def _person(id: str, group: str, organisation: str, **interests: int) -> dict[str, Any]:
    return {"id": id, "group": group, "organisation": organisation, "interests": interests}


PEOPLE = [
    _person("p1", "civil_servants", "lyon", naples=3, torino=2),
    _person("p2", "social_innovators", "lyon", naples=3),
    _person("p3", "civil_servants", "naples", torino=3, lyon=1),
    _person("p4", "social_innovators", "naples"),
    _person("p5", "civil_servants", "torino", lyon=2, naples=1),
    _person("p6", "social_innovators", "krakow", torino=3, naples=3, lyon=1),
    _person("p7", "civil_servants", "krakow", lyon=3),
]

#: Nobody hosts: 420 clean plans, 8 of them best.
FIRST: dict[str, Any] = {
    "format": "officina.match/1",
    "rounds": 2,
    "people": PEOPLE,
    "stalls": [{"id": city, "organisation": city, "capacity": 3} for city in ("lyon", "naples", "torino")],
}
FIRST_BEST = {
    "p1": ["naples", "torino"],
    "p2": ["torino", "naples"],
    "p3": ["lyon", "torino"],
    "p4": ["torino", "lyon"],
    "p5": ["lyon", "naples"],
    "p6": ["naples", "torino"],
    "p7": ["torino", "lyon"],
}
FIRST_PARTS = {"interest": 240, "top": 240, "zero": -5, "mix": 132, "colleagues": 0, "coverage": 105}

#: Hosts in turn and a round that is over: 28 clean plans, 1 best.
SECOND: dict[str, Any] = {
    "format": "officina.match/1",
    "rounds": 3,
    "from_round": 2,
    "people": [*PEOPLE, _person("p8", "social_innovators", "torino", lyon=2, naples=1)],
    "stalls": [
        {"id": "lyon", "organisation": "lyon", "capacity": 3, "hosts": ["p1", "p2"]},
        {"id": "naples", "organisation": "naples", "capacity": 3, "hosts": ["p3", "p4"]},
        {"id": "torino", "organisation": "torino", "capacity": 3, "hosts": ["p5", "p8"]},
    ],
    "past": [
        {"person": "p2", "stall": "naples", "round": 1},
        {"person": "p4", "stall": "lyon", "round": 1},
        {"person": "p6", "stall": "naples", "round": 1},
        {"person": "p7", "stall": "torino", "round": 1},
    ],
}
SECOND_BEST: dict[str, list[str | None]] = {
    "p1": [None, "naples", None],
    "p2": [None, None, "torino"],
    "p3": [None, "torino", None],
    "p4": [None, None, "torino"],
    "p5": [None, "lyon", None],
    "p6": [None, "torino", "lyon"],
    "p7": [None, "lyon", "naples"],
    "p8": [None, None, "lyon"],
}
SECOND_PARTS = {"interest": 170, "top": 200, "zero": -10, "mix": 84, "colleagues": 0, "coverage": 60}


def with_weights(event: dict[str, Any], **weights: int) -> dict[str, Any]:
    return {**event, "weights": {**event.get("weights", {}), **weights}}


def tables_of_eight(rounds: int) -> dict[str, Any]:
    """Two groups of four at two tables, one earlier meeting: best cost 40 for two rounds, 132 for three."""
    organisations = {"a1": "x", "a2": "x", "a3": "y", "a4": None, "b1": "y", "b2": "z", "b3": "z", "b4": None}
    return {
        "format": "officina.tables/1",
        "rounds": rounds,
        "tables": 2,
        "people": [{"id": p, "group": p[0], "organisation": of} for p, of in organisations.items()],
        "past": [["a1", "b2"]],
    }


def krakow(coverage: int | None = None) -> dict[str, Any]:
    """The market place of the shipped example; `coverage` in place of the default weight."""
    event: dict[str, Any] = json.loads((CONTENT / "krakow.json").read_text("utf-8"))
    return event if coverage is None else with_weights(event, coverage=coverage)


def tables_example() -> dict[str, Any]:
    event: dict[str, Any] = json.loads((CONTENT / "tables.json").read_text("utf-8"))
    return event
