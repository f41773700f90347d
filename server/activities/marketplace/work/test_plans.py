"""The plans that people get: the printed best values, the engines behind the first one, and a room that moves."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from server.activities.marketplace.matching import Unusable, broken, greedy, plan_without_solver, read, value
from server.activities.marketplace.matching.network import Flow, Network, NoFlow
from server.activities.marketplace.matching.objective import clean, key
from server.activities.marketplace.work import exact, flows, plans
from tests.matching import examples, generator

Data = dict[str, Any]


def solved(data: Data, **how: Any) -> Data:
    plan: Data = json.loads(json.dumps(plans.solve(read(copy.deepcopy(data)), **how)))
    return plan


def codes(plan: Data) -> list[str]:
    return [warning["code"] for warning in plan["warnings"]]


@pytest.mark.parametrize(
    ("data", "best"),
    [
        (examples.FIRST, 712),
        (examples.with_weights(examples.FIRST, coverage=0), 607),
        (examples.SECOND, 504),
        (examples.krakow(15), 3853),
    ],
    ids=["first", "first without coverage", "second", "krakow"],
)
def test_the_printed_best_values_are_reached_and_proven(data: Data, best: int) -> None:
    plan = solved(data)
    assert plan["objective"]["value"] == plan["objective"]["bound"] == best
    assert plan["objective"]["gap_percent"] == 0
    assert sum(plan["objective"]["parts"].values()) == best
    assert plan["broken"] == []
    assert "fallback" not in codes(plan)


def test_the_bounds_of_the_first_model_are_the_printed_ones() -> None:
    for data, bound in (
        (examples.FIRST, 712),
        (examples.SECOND, 528),
        (examples.krakow(0), 3372),
        (examples.krakow(15), 3887),
        (examples.krakow(30), 4532),
    ):
        # Stopped after the sets, so that nothing tightens the bound; it is told all the same.
        event = read(data)
        from server.activities.marketplace.matching.network import bound_of, sets_network

        net = sets_network(event.market)
        assert bound_of(event.market, net, flows.flow(net)) == bound


def test_the_linear_program_of_krakow_proves_the_printed_bound() -> None:
    for coverage, bound in ((0, 3350), (15, 3853), (30, 4532)):
        assert exact.relaxation(exact.Program(read(examples.krakow(coverage)).market, relaxed=False)) == bound


def _raising(net: Network) -> Flow:
    raise RuntimeError("no answer")


def _not_optimal(net: Network) -> Flow:
    raise NoFlow("time limit")


def _lazy(net: Network) -> Flow:
    """Nobody goes anywhere, and that is called best."""
    return Flow([0] * len(net.tail), 0, 0, {})


def _boastful(net: Network) -> Flow:
    """The true flow with a bound far below it."""
    found = TRUE(net)
    return Flow(found.units, found.reward, found.reward - 10**6, found.prices)


def _unruly(net: Network) -> Flow:
    """Everybody everywhere, so that the last stall written counts, closed to them or not."""
    return Flow([1] * len(net.tail), 10**9, 10**9, {})


TRUE = flows.flow


@pytest.mark.parametrize("faulty", [_raising, _not_optimal, _boastful])
def test_when_the_solver_fails_the_flow_in_python_takes_over(
    faulty: Callable[[Network], Flow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "flow", faulty)
    plan = solved(examples.SECOND)
    assert plan["engine"]["name"] == "python"
    assert {"code": "fallback", "engine": "highs"} in plan["warnings"]
    assert plan["broken"] == []
    assert plan["objective"]["value"] == 504


@pytest.mark.parametrize("faulty", [_lazy, _unruly])
def test_a_solver_that_answers_nonsense_never_leads_to_a_plan_that_breaks_rules(
    faulty: Callable[[Network], Flow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "flow", faulty)
    monkeypatch.setattr(plans, "SMALL", 0)
    plan = solved(examples.SECOND)
    assert plan["broken"] == []
    assert plan["objective"]["bound"] is None or plan["objective"]["bound"] >= plan["objective"]["value"]


def test_without_the_solver_installed_there_is_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("highspy")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "highspy", None)
    for name in ("flows", "exact"):
        monkeypatch.delitem(sys.modules, f"server.activities.marketplace.work.{name}", raising=False)
        monkeypatch.delattr(f"server.activities.marketplace.work.{name}", raising=False)
    plan = solved(examples.FIRST)
    assert plan["engine"]["name"] == "python"
    assert plan["broken"] == []


def test_when_both_flows_fail_the_first_come_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "flow", _raising)
    monkeypatch.setattr(plans, "flow", lambda net, stopped: _raising(net))
    plan = solved(examples.FIRST)
    assert plan["engine"]["name"] == "greedy"
    assert plan["assignment"] == greedy(read(examples.FIRST))
    assert plan["objective"]["bound"] is None
    assert [warning["engine"] for warning in plan["warnings"] if warning["code"] == "fallback"] == ["highs", "python"]


def test_a_stop_gives_the_best_so_far_and_says_so() -> None:
    data = generator.event(60, 12, 4, 1)
    for after in (0, 1, 5, 9):
        asked = iter(range(10**6))
        plan = solved(data, stopped=lambda after=after, asked=asked: next(asked) >= after)
        assert plan["engine"]["stopped"]
        assert plan["broken"] == []
        assert None not in [
            row[r] for p, row in plan["assignment"].items() for r in range(4) if plan["hosting"][p][r] is None
        ]


def test_what_the_clock_cuts_off_the_exact_program_is_forgotten() -> None:
    data = generator.event(60, 12, 4, 1)
    one, other = solved(data, exact_seconds=1e-6), solved(data, exact_seconds=1e-6)
    assert one["engine"]["stopped"]
    assert "milp" not in one["engine"]["steps"]
    assert one["assignment"] == other["assignment"]
    assert one["objective"]["gap_percent"] <= 0.5


def test_a_plan_tells_how_long_it_took_by_the_given_clock() -> None:
    times = iter([10.0, 12.5])
    assert solved(examples.FIRST, clock=lambda: next(times))["engine"]["seconds"] == 2.5


def test_nobody_hosting_two_hundred_people_get_the_proven_best() -> None:
    plan = solved(generator.event(200, 24, 5, 1, hosts=False))
    assert plan["objective"]["gap_percent"] == 0
    assert plan["broken"] == []


@pytest.mark.parametrize("mixed", [False, True], ids=["one group", "mixed"])
def test_two_hundred_people_are_within_six_in_a_thousand_of_the_bound(mixed: bool) -> None:
    plan = solved(generator.event(200, 24, 5, 2, mixed=mixed))
    assert plan["broken"] == []
    assert plan["objective"]["gap_percent"] <= 0.6
    assert plan["objective"]["first_come"] < plan["objective"]["value"]


def test_the_plan_without_a_solver_is_clean_and_close() -> None:
    event = read(generator.event(60, 12, 4, 1))
    assignment, draft = plan_without_solver(event)
    assert broken(event, assignment) == []
    assert draft.bound is not None
    assert 0.99 * draft.bound <= value(event, assignment).value <= draft.bound


def test_a_pin_holds_in_every_engine() -> None:
    data = {**examples.FIRST, "pins": [{"person": "p7", "stall": "naples", "round": 1}]}
    for engine in plans.ENGINES:
        plan = solved(data, engine=engine)
        assert plan["assignment"]["p7"][0] == "naples"
        assert [one for one in plan["broken"] if one["rule"] == "M7"] == []


def test_a_plan_in_use_keeps_pins_and_most_places_when_somebody_leaves() -> None:
    data = generator.event(60, 12, 4, 2)
    before = solved(data, exact_seconds=0.0)["assignment"]
    again = copy.deepcopy(data) | {"from_round": 2, "previous": before}
    again["past"] = [{"person": p, "stall": row[0], "round": 1} for p, row in before.items() if row[0]]
    for person in again["people"][:5]:
        person["rounds"] = [1]
    event = read(again)
    m = event.market
    p, s = next((p, s) for p in range(10, m.P) if m.free[p][0] for s in m.choices[p] if m.is_open[s][0])
    again["pins"] = [{"person": m.people[p], "stall": m.stalls[s], "round": 2}]
    plan = solved(again)
    assert plan["broken"] == []
    assert plan["assignment"][m.people[p]][1] == m.stalls[s]
    assert all(row[0] is None for row in plan["assignment"].values())
    assert plan["changes"]["next_round"] <= 0.2 * plan["changes"]["of"]
    assert plan["objective"]["value"] >= 0.965 * plan["objective"]["bound"]


def test_a_plan_that_nothing_disturbed_changes_nothing_much() -> None:
    data = generator.event(24, 6, 4, 1)
    plan = solved(data)
    again = solved({**data, "previous": plan["assignment"]})
    assert again["changes"] == {"next_round": 0, "later": 0, "of": 24}
    assert again["assignment"] == plan["assignment"]


def test_stickiness_of_0_is_a_plan_like_any_other() -> None:
    data = generator.event(24, 6, 4, 1)
    plan = solved(data)
    again = solved({**data, "previous": plan["assignment"], "sticky": {"planned": 0, "same": 0, "chosen": 0}})
    assert again["broken"] == []
    assert again["objective"]["value"] <= again["objective"]["bound"]


def test_a_swap_costs_what_the_round_solved_again_loses() -> None:
    event = read(examples.krakow())
    assignment = plans.solve(event)["assignment"]
    m = event.market
    worth = value(event, assignment).value
    found = plans.swap(event, assignment, "lyon_a", 2)
    assert found
    for one in found:
        assert one["stall"] not in assignment["lyon_a"]
        assert one["loss"] >= 0, "the plan is the best there is"
        assert one["loss"] == -sum(one["parts"].values())
        assert one["broken"] >= 0
    assert clean(key(m, m.grid(assignment)))
    assert worth == 3853
    assert plans.swap(event, assignment, "lyon_a", 1) == [], "on duty"


def test_contested_stalls_are_told_with_the_price_of_a_seat() -> None:
    data: Data = {
        "format": "officina.match/1",
        "rounds": 1,
        "people": [{"id": f"p{n}", "interests": {"s1": 3}} for n in range(4)],
        "stalls": [{"id": "s1", "capacity": 1}, {"id": "s2", "capacity": 9}],
    }
    plan = solved(data)
    # One more seat: 30 of interest, 40 of a top choice, and 0 for a first round without interest.
    assert {"code": "contested", "stall": "s1", "worth": 70} in plan["warnings"]
    assert plan["totals"]["top1"] == {"reached": 1, "of": 4, "most_possible": 1}


def test_who_presents_nowhere_and_few_free_seats_are_warned_of() -> None:
    data: Data = {
        "format": "officina.match/1",
        "rounds": 2,
        "people": [{"id": "ada", "rounds": [1]}, {"id": "bob"}, {"id": "cyd"}],
        "stalls": [{"id": "s1", "capacity": 2, "hosts": ["ada"]}, {"id": "s2", "capacity": 1, "hosts": ["bob"]}],
    }
    plan = solved(data)
    assert {"code": "unhosted", "stall": "s1", "round": 2} in plan["warnings"]
    assert [one for one in plan["warnings"] if one["code"] == "unhosted"] == [
        {"code": "unhosted", "stall": "s1", "round": 2}
    ]
    assert "few_free_seats" not in codes(plan)
    assert "unhosted" not in codes(solved(examples.FIRST)), "where nobody hosts at all nobody is missed"


def test_an_engine_nobody_knows_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="tarot"):
        plans.solve(read(examples.FIRST), engine="tarot")  # type: ignore[arg-type]


def test_an_event_of_nobody_and_of_no_stall_has_a_plan() -> None:
    assert solved({"format": "officina.match/1", "rounds": 1, "people": [], "stalls": []})["broken"] == []
    plan = solved({"format": "officina.match/1", "rounds": 1, "people": [{"id": "ada"}], "stalls": []})
    assert plan["broken"] == [{"rule": "M1", "person": "ada", "round": 1}]
    with pytest.raises(Unusable):
        read({"format": "officina.match/1", "rounds": 1, "people": []})
