"""The search of the tables held against the checker, which shares no code with it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.activities.tables.command import tables
from tests.matching import checker, examples, generator

Event = dict[str, Any]
Plan = dict[str, Any]


def seated(event: Event) -> Plan:
    """The plan of an event, which the checker has found true in every figure."""
    code, plan, _ = tables(json.dumps(event))
    assert "error" not in plan, plan
    assert checker.check_tables(event, plan) == []
    assert code == (1 if plan["broken"] else 0)
    return plan


@pytest.mark.parametrize(("rounds", "cost", "bound"), [(2, 40, 10), (3, 132, 90)])
def test_the_worked_example_has_the_printed_cost_and_bound(rounds: int, cost: int, bound: int) -> None:
    plan = seated(examples.tables_of_eight(rounds))
    assert (plan["objective"]["cost"], plan["objective"]["bound"]) == (cost, bound)
    assert plan["broken"] == []


@pytest.mark.parametrize("size", [(24, 6, 3), (60, 10, 4)], ids=["24 at 6", "60 at 10"])
@pytest.mark.parametrize("seed", [1, 2])
def test_everybody_meets_only_new_people_where_that_is_possible(size: tuple[int, int, int], seed: int) -> None:
    plan = seated(generator.tables_event(*size, seed))
    assert plan["objective"]["proven_optimal"]
    assert plan["objective"]["cost"] == 0
    assert plan["broken"] == []


def test_five_rounds_of_twenty_four_repeat_at_most_four_meetings() -> None:
    plan = seated(generator.tables_event(24, 6, 5, 1))
    assert plan["totals"]["repeat_meetings"] <= 4
    assert plan["totals"]["group_spread"] <= 1


def test_the_shipped_example_is_seated_with_nobody_meeting_again() -> None:
    plan = seated(examples.tables_example())
    assert plan["broken"] == []
    assert plan["totals"]["repeat_meetings"] == 0
    assert all(plan["assignment"]["p02"][k] != plan["assignment"]["p22"][k] for k in range(3))


@st.composite
def small(draw: st.DrawFn) -> Event:
    people = [f"p{n}" for n in range(1, draw(st.integers(2, 10)) + 1)]
    rounds = draw(st.integers(1, 3))
    n = draw(st.integers(1, 4))
    event: Event = {"format": "officina.tables/1", "seed": draw(st.integers(0, 3)), "rounds": rounds, "steps": 400}
    event["tables"] = n
    if draw(st.booleans()):
        least = -(-len(people) // n)
        event["tables"] = [{"id": f"t{k}", "seats": least + draw(st.integers(0, 2))} for k in range(1, n + 1)]
    event["people"] = []
    for id in people:
        person: dict[str, Any] = {
            "id": id,
            "group": draw(st.sampled_from(["a", "b", None])),
            "organisation": draw(st.sampled_from(["x", "y", None])),
        }
        if draw(st.integers(0, 5)) == 0:
            person["rounds"] = draw(st.lists(st.integers(1, rounds), unique=True))
        event["people"].append(person)
    met = st.lists(st.sampled_from(people), min_size=2, max_size=3, unique=True)
    event["past"] = draw(st.lists(met, max_size=3))
    return event


@given(small())
@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
def test_any_seating_is_true_in_every_figure_and_breaks_no_rule(event: Event) -> None:
    assert seated(event)["broken"] == []


@given(small(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_the_order_in_which_people_are_written_changes_nothing(event: Event, random: Any) -> None:
    turned = copy.deepcopy(event)
    random.shuffle(turned["people"])
    random.shuffle(turned["past"])
    plans = [seated(event), seated(turned)]
    for plan in plans:
        plan["engine"]["seconds"] = 0
    assert plans[0] == plans[1]
