"""`officina match` as a program sees it: codes, documents, and a check that believes nothing."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from server.activities.marketplace.command import match
from tests.matching import examples

Data = dict[str, Any]


def run(data: Data, **how: Any) -> tuple[int, Data, list[str]]:
    code, document, words = match(json.dumps(data), **how)
    return code, json.loads(json.dumps(document)), words


def test_a_clean_plan_leaves_with_0_and_says_how_good_it_is() -> None:
    code, plan, words = run(examples.FIRST)
    assert code == 0
    assert plan["format"] == "officina.match.plan/1"
    assert plan["objective"]["value"] == 712
    assert words[0] == "The best possible plan: 712, and no plan can be worth more."


def test_a_plan_that_had_to_break_a_rule_leaves_with_1_and_says_what_to_do() -> None:
    event = copy.deepcopy(examples.FIRST)
    for stall in event["stalls"]:
        stall["capacity"] = 2
    code, plan, words = run(event)
    assert code == 1
    assert sum(one["by"] for one in plan["broken"]) == 2
    assert plan["objective"]["bound"] is None
    assert plan["objective"]["gap_percent"] is None
    assert words[0] == "7 visitors, 6 seats in round 1: add 1 seats or another stall."


@pytest.mark.parametrize("data", [b"{", b"\xff", b"[]", b"NaN", b"[" * 100_000, "nothing"])
def test_what_is_no_input_leaves_with_2_and_a_code(data: bytes | str) -> None:
    code, document, words = match(data)
    assert code == 2
    assert document["error"]["code"] == "malformed"
    assert words == [document["error"]["text"]]


def test_a_mark_of_the_byte_order_is_no_harm() -> None:
    assert match(b"\xef\xbb\xbf" + json.dumps(examples.FIRST).encode())[0] == 0


@pytest.mark.parametrize("engine", ["highs", "python", "greedy"])
def test_a_check_of_our_own_plan_is_clean_and_equal(engine: str) -> None:
    for event in (examples.FIRST, examples.SECOND):
        code, plan, _ = run(event, engine=engine)
        assert code == 0
        again, document, _ = run(event, check=plan)
        assert again == 0
        assert document.pop("check") == {"same": True, "above_bound": False, "differs": []}
        assert {**document, "warnings": plan["warnings"]} == plan


def test_a_check_finds_a_value_that_is_not_so() -> None:
    _, plan, _ = run(examples.SECOND)
    plan["objective"]["value"] += 1
    code, document, words = run(examples.SECOND, check=plan)
    assert code == 1
    assert document["check"]["differs"] == ["objective.value"]
    assert "The plan says otherwise about objective.value." in words


def test_a_check_finds_a_plan_above_its_bound() -> None:
    _, plan, _ = run(examples.SECOND)
    plan["objective"]["bound"] = 500
    code, document, _ = run(examples.SECOND, check=plan)
    assert code == 1
    assert document["check"]["above_bound"] is True


def test_a_check_finds_a_moved_person() -> None:
    _, plan, _ = run(examples.SECOND)
    plan["assignment"]["p7"] = [None, "torino", "naples"]
    code, document, _ = run(examples.SECOND, check=plan)
    assert code == 1
    assert {"rule": "M2", "person": "p7", "stall": "torino", "round": 2} in document["broken"]


def test_a_check_finds_the_plan_of_another_input() -> None:
    _, plan, _ = run(examples.FIRST)
    _, document, _ = run({**examples.FIRST, "seed": 5}, check=plan)
    assert {"input_sha256", "seed"} <= set(document["check"]["differs"])


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        ([], "malformed"),
        ({}, "malformed"),
        ({"assignment": []}, "malformed"),
        ({"assignment": {"p1": ["naples"]}}, "malformed"),
        ({"assignment": {"p1": ["naples", 7]}}, "unknown_id"),
        ({"assignment": {"p1": ["naples", "roma"]}}, "unknown_id"),
        ({"assignment": {"p99": ["naples", None]}}, "unknown_id"),
    ],
)
def test_a_plan_that_cannot_be_checked_leaves_with_2(plan: Any, code: str) -> None:
    left, document, _ = match(json.dumps(examples.FIRST), check=plan)
    assert left == 2
    assert document["error"]["code"] == code


def test_a_bare_assignment_can_be_checked() -> None:
    code, document, _ = run(examples.FIRST, check={"assignment": examples.FIRST_BEST})
    assert code == 0
    assert document["objective"]["value"] == 712
    assert document["objective"]["bound"] is None


def test_the_reasons_of_one_person_come_with_the_plan() -> None:
    _, plan, _ = run(examples.SECOND, why="p5")
    assert plan["why"] == {"p5": [None, [{"code": "rated", "level": 2}], [{"code": "hosting", "stall": "torino"}]]}
    code, document, _ = run(examples.SECOND, why="p99")
    assert code == 2
    assert document["error"]["code"] == "unknown_id"


def test_an_unknown_engine_leaves_with_2() -> None:
    assert match(json.dumps(examples.FIRST), engine="tarot")[0] == 2
