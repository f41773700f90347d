"""The validator on plans with one fault each; it shares nothing with what makes plans."""

from __future__ import annotations

import ast
import copy
from pathlib import Path
from typing import Any

import pytest

from server.activities.marketplace.matching import broken, order, read
from tests.matching import examples

Data = dict[str, Any]
Fault = dict[str, Any]


def found(event: Data, **routes: list[str | None]) -> list[Fault]:
    return broken(read(event), {**examples.SECOND_BEST, **routes})


def changed(name: str, id: str, **more: Any) -> Data:
    event = copy.deepcopy(examples.SECOND)
    next(one for one in event[name] if one["id"] == id).update(more)
    return event


def test_the_best_plan_of_the_second_example_is_clean() -> None:
    assert found(examples.SECOND) == []


FAULTS: dict[str, tuple[Data, dict[str, list[str | None]], Fault]] = {
    "nobody placed him": (examples.SECOND, {"p7": [None, "lyon", None]}, {"rule": "M1", "person": "p7", "round": 3}),
    "placed while on duty": (
        examples.SECOND,
        {"p1": [None, "naples", "torino"]},
        {"rule": "M1", "person": "p1", "stall": "torino", "round": 3},
    ),
    "placed in a round that is over": (
        examples.SECOND,
        {"p5": ["naples", "lyon", None]},
        {"rule": "M1", "person": "p5", "stall": "naples", "round": 1},
    ),
    "a stall visited before": (
        examples.SECOND,
        {"p6": [None, "naples", "lyon"]},
        {"rule": "M2", "person": "p6", "stall": "naples", "round": 2},
    ),
    "a stall twice in the plan": (
        examples.SECOND,
        {"p7": [None, "lyon", "lyon"]},
        {"rule": "M2", "person": "p7", "stall": "lyon", "round": 3},
    ),
    "a chair too few": (
        changed("stalls", "lyon", capacity=1),
        {},
        {"rule": "M3", "stall": "lyon", "round": 2, "by": 1},
    ),
    "a stall too empty": (
        changed("stalls", "naples", minimum=2),
        {},
        {"rule": "M4", "stall": "naples", "round": 2, "by": 1},
    ),
    "the own organisation's stall": (
        examples.SECOND,
        {"p5": [None, "torino", None]},
        {"rule": "M5", "person": "p5", "stall": "torino", "round": 2},
    ),
    "a stall the person vetoed": (
        changed("people", "p7", never=["lyon"]),
        {},
        {"rule": "M5", "person": "p7", "stall": "lyon", "round": 2},
    ),
    "a stall that vetoed the organisation": (
        changed("stalls", "lyon", never=["krakow"]),
        {},
        {"rule": "M5", "person": "p6", "stall": "lyon", "round": 3},
    ),
    "a closed stall": (
        changed("stalls", "naples", open=[1, 2]),
        {},
        {"rule": "M6", "person": "p7", "stall": "naples", "round": 3},
    ),
    "a pin moved": (
        {**examples.SECOND, "pins": [{"person": "p7", "stall": "naples", "round": 2}]},
        {},
        {"rule": "M7", "person": "p7", "stall": "naples", "round": 2},
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_each_fault_is_found_and_named(what: str) -> None:
    event, routes, fault = FAULTS[what]
    assert fault in found(event, **routes)


def test_fewer_unplaced_people_come_before_chairs_repeats_and_minimums() -> None:
    assert order([{"rule": "M4", "by": 3}, {"rule": "M3", "by": 2}, {"rule": "M2"}, {"rule": "M5"}]) == (1, 0, 2, 1, 3)
    assert order([{"rule": "M4", "by": 9}]) < order([{"rule": "M2"}]) < order([{"rule": "M3", "by": 1}])
    assert order([{"rule": "M3", "by": 9}]) < order([{"rule": "M1"}])


def test_the_validator_imports_only_what_an_event_is() -> None:
    tree = ast.parse(Path(__file__).with_name("breaches.py").read_text("utf-8"))
    ours = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level}
    names = {
        name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level for name in node.names
    }
    assert ours == {"event"}
    assert names == {"Assignment", "Event", "Person", "Stall"}
