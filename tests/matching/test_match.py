"""The marketplace's engine held against the checker, which shares no code with it."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from server.activities.marketplace import matching
from server.activities.marketplace.work import plans
from tests.matching import checker, examples, generator

Event = dict[str, Any]
Plan = dict[str, Any]
ROOT = Path(__file__).parents[2]


def solved(event: Event, engine: str = "highs") -> Plan:
    """The plan of an event, which the checker has found true in every figure."""
    plan = plans.solve(matching.read(copy.deepcopy(event)), engine=engine)
    assert json.loads(json.dumps(plan)) == plan, "a plan is plain JSON"
    assert checker.check(event, plan) == []
    return plan


def without_time(plan: Plan) -> Plan:
    return {**plan, "engine": {**plan["engine"], "seconds": 0}}


# The printed optima.


@pytest.mark.parametrize(
    ("event", "value"),
    [(examples.FIRST, 712), (examples.with_weights(examples.FIRST, coverage=0), 607), (examples.SECOND, 504)],
    ids=["first", "first without coverage", "second"],
)
def test_the_worked_examples_have_the_printed_values_and_are_proven(event: Event, value: int) -> None:
    plan = solved(event)
    assert plan["objective"]["value"] == plan["objective"]["bound"] == value
    assert plan["objective"]["proven_optimal"]
    assert plan["broken"] == []


def test_the_only_best_plan_of_the_second_example_is_found() -> None:
    assert solved(examples.SECOND)["assignment"] == examples.SECOND_BEST


@pytest.mark.parametrize(("coverage", "value"), [(0, 3350), (15, 3853), (30, 4532)])
def test_the_market_place_of_krakow_has_the_printed_optimum(coverage: int, value: int) -> None:
    plan = solved(examples.krakow(coverage))
    assert plan["objective"]["value"] == plan["objective"]["bound"] == value
    assert plan["broken"] == []
    assert plan["totals"]["top1"] == {"reached": 24, "of": 24, "most_possible": 24}
    assert plan["objective"]["parts"]["top"] == 960
    assert plan["totals"]["load"]["smallest"] >= 1
    if coverage == 15:
        assert plan["totals"]["zero_interest_rounds"] == 0
        assert plan["totals"]["free_seats_percent"] == 33.3


def test_the_shipped_file_asks_for_the_default_weights() -> None:
    assert solved(examples.krakow())["objective"]["value"] == 3853


@pytest.mark.parametrize("name", list(checker.WEIGHTS))
def test_a_plan_is_true_under_any_weights(name: str) -> None:
    weights = {**checker.WEIGHTS, name: 0}
    if weights["mix_first"] < weights["mix_second"]:
        weights["mix_second"] = 0
    plan = solved(examples.with_weights(examples.FIRST, **weights))
    assert plan["objective"]["proven_optimal"]
    part = {"mix_first": None, "mix_second": None, "mix_over": None}.get(name, name)
    if part is not None:
        assert plan["objective"]["parts"][part] == 0


# Events of the generator.


@pytest.mark.parametrize("size", [(24, 6, 4), (60, 12, 4)], ids=["24", "60"])
@pytest.mark.parametrize("seed", [1, 2])
def test_with_nobody_hosting_the_plan_reaches_the_bound_of_the_flow(size: tuple[int, int, int], seed: int) -> None:
    plan = solved(generator.event(*size, seed, hosts=False))
    assert plan["broken"] == []
    assert plan["objective"]["gap_percent"] == 0


@pytest.mark.parametrize("mixed", [False, True], ids=["of one group", "mixed"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_twenty_four_people_with_hosts_in_turn_get_the_proven_best(seed: int, mixed: bool) -> None:
    plan = solved(generator.event(24, 6, 4, seed, mixed=mixed))
    assert plan["broken"] == []
    assert plan["objective"]["proven_optimal"]
    assert plan["totals"]["top1"]["reached"] == plan["totals"]["top1"]["most_possible"]


@pytest.mark.parametrize("mixed", [False, True], ids=["of one group", "mixed"])
def test_sixty_people_are_within_half_a_percent_of_the_bound(mixed: bool) -> None:
    plan = solved(generator.event(60, 12, 4, 1, mixed=mixed))
    assert plan["broken"] == []
    assert plan["objective"]["gap_percent"] <= 0.5
    assert plan["totals"]["top1"]["reached"] == plan["totals"]["top1"]["most_possible"]
    assert plan["objective"]["first_come"] < plan["objective"]["value"]


@pytest.mark.parametrize("engine", ["python", "greedy"])
def test_the_engines_behind_highs_give_true_plans_that_break_no_rule(engine: str) -> None:
    event = generator.event(24, 6, 4, 1)
    plan = solved(event, engine)
    assert plan["engine"]["name"] == engine
    assert plan["broken"] == []
    best = solved(event)
    assert plan["objective"]["value"] <= best["objective"]["bound"]
    if engine == "greedy":
        assert plan["objective"]["bound"] is None
        assert plan["objective"]["value"] == plan["objective"]["first_come"] == best["objective"]["first_come"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_flow_engines_find_the_same_optimum(seed: int) -> None:
    """Where nobody hosts, the optimum of stage 1 is the bound of either engine's plan."""
    event = generator.event(24, 6, 4, seed, hosts=False)
    ours, theirs = solved(event, "python"), solved(event, "highs")
    assert ours["objective"]["bound"] == theirs["objective"]["bound"]
    assert ours["objective"]["value"] == theirs["objective"]["value"]


# Small events against every plan there is.


@st.composite
def small(draw: st.DrawFn, most: int = 5) -> Event:
    first = draw(st.integers(1, 2))
    rounds = list(range(1, first + 2))
    stalls = ["s1", "s2", "s3"][: draw(st.integers(2, 3))]
    people = [f"p{n}" for n in range(1, draw(st.integers(2, most)) + 1)]
    # Each person presents at one stall at most, so that nobody is on duty twice.
    presents = draw(st.lists(st.sampled_from([None, None, *stalls]), min_size=len(people), max_size=len(people)))
    some_rounds = st.none() | st.lists(st.sampled_from(rounds), unique=True, max_size=len(rounds))
    event: Event = {"format": "officina.match/1", "rounds": rounds[-1], "from_round": first, "people": [], "stalls": []}
    event["seed"] = draw(st.integers(0, 3))
    for id in people:
        person = {
            "id": id,
            "group": draw(st.sampled_from(["a", "b", None])),
            "organisation": draw(st.sampled_from(["x", "y", None])),
            "interests": draw(st.dictionaries(st.sampled_from(stalls), st.integers(0, 3))),
            "never": draw(st.lists(st.sampled_from(stalls), max_size=1)),
        }
        if (there := draw(some_rounds)) is not None:
            person["rounds"] = there
        event["people"].append(person)
    for id in stalls:
        capacity = draw(st.integers(1, 4))
        stall = {
            "id": id,
            "capacity": capacity,
            "organisation": draw(st.sampled_from(["x", None, None])),
            "hosts": [p for p, s in zip(people, presents, strict=True) if s == id],
            "hosting": draw(st.sampled_from(["turns", "stay"])),
            "never": draw(st.sampled_from([[], [], ["y"]])),
        }
        if draw(st.booleans()):
            stall["minimum"] = draw(st.integers(0, min(1, capacity)))
        if (when := draw(st.none() | st.just(rounds[:-1]) | st.just(rounds))) is not None:
            stall["open"] = when
        event["stalls"].append(stall)
    if first == 2:
        seen = draw(st.lists(st.tuples(st.sampled_from(people), st.sampled_from(stalls)), max_size=3, unique=True))
        event["past"] = [{"person": p, "stall": s, "round": 1} for p, s in seen]
    market = checker.Market(event)
    may = [
        (p, s, r)
        for p in people
        for s in stalls
        for r in market.planned
        if market.free(p, r) and market.open(s, r) and market.allowed(p, s) and s not in market.seen[p]
    ]
    if may and draw(st.integers(0, 3)) == 0:
        p, s, r = draw(st.sampled_from(may))
        event["pins"] = [{"person": p, "stall": s, "round": r}]
    return event


def clean_plans(event: Event) -> list[int]:
    """The values of all plans that break no rule."""
    market = checker.Market(event)
    pins = {(pin["person"], pin["round"]): pin["stall"] for pin in market.pins}
    ways: list[list[list[str | None]]] = []
    for p in market.people:
        free = [r for r in market.planned if market.free(p, r)]
        stalls = [s for s in market.stalls if market.allowed(p, s) and s not in market.seen[p]]
        mine = []
        for chosen in permutations(stalls, len(free)):
            placed = list(zip(free, chosen, strict=True))
            if all(market.open(s, r) and pins.get((p, r), s) == s for r, s in placed):
                row: list[str | None] = [None] * market.rounds
                for r, s in placed:
                    row[r - 1] = s
                mine.append(row)
        ways.append(mine)
    values = []
    for rows in product(*ways):
        assignment = dict(zip(market.people, rows, strict=True))
        placed_all = checker.Placed(market, assignment)
        if all(
            market.lowest[s] <= len(placed_all.at.get((s, r), ())) <= market.stalls[s]["capacity"]
            for r in market.planned
            for s in market.open_in[r]
        ):
            assert not placed_all.broken(assignment)
            values.append(placed_all.value())
    return values


@given(small())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_a_small_event_gets_the_best_plan_there_is_or_one_that_says_what_it_breaks(event: Event) -> None:
    plan = solved(event)
    values = clean_plans(event)
    if values:
        assert plan["broken"] == []
        assert plan["objective"]["value"] == max(values)
        assert plan["objective"]["bound"] >= plan["objective"]["value"]
    else:
        assert plan["broken"]
        assert plan["objective"]["bound"] is None


def breaches(event: Event, assignment: dict[str, list[str | None]]) -> tuple[int, ...]:
    """How much a plan breaks, what weighs most first: what is never relaxed, then people, chairs, repeats, minimums."""
    count = dict.fromkeys(("never", "M1", "M3", "M2", "M4"), 0)
    for breach in checker.broken(event, assignment):
        rule = breach["rule"]
        count[rule if rule in count else "never"] += breach["by"] if rule in ("M3", "M4") else 1
    return tuple(count.values())


def every_relaxed_plan(event: Event) -> Iterator[dict[str, list[str | None]]]:
    """All plans that keep vetoes, closed rounds and pins, and may break anything else."""
    market = checker.Market(event)
    pins = {(pin["person"], pin["round"]): pin["stall"] for pin in market.pins}
    ways: list[list[list[str | None]]] = []
    for p in market.people:
        rounds: list[list[str | None]] = [[None]] * (market.first - 1)
        for r in market.planned:
            if not market.free(p, r):
                rounds.append([None])
            elif (p, r) in pins:
                rounds.append([pins[p, r]])
            else:
                rounds.append([None, *(s for s in market.open_in[r] if market.allowed(p, s))])
        ways.append([list(row) for row in product(*rounds)])
    for rows in product(*ways):
        yield dict(zip(market.people, rows, strict=True))


@given(small(most=3))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_where_something_must_give_the_least_is_broken_in_the_stated_order(event: Event) -> None:
    plan = solved(event)
    assume(plan["broken"])
    best = min((breaches(event, other), -checker.value(event, other)) for other in every_relaxed_plan(event))
    assert (breaches(event, plan["assignment"]), -plan["objective"]["value"]) == best


@given(small(), st.sampled_from(["python", "greedy"]))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_no_engine_claims_more_than_is_possible(event: Event, engine: str) -> None:
    plan = solved(event, engine)
    values = clean_plans(event)
    if not plan["broken"]:
        assert plan["objective"]["value"] <= max(values)
        if plan["objective"]["bound"] is not None:
            assert plan["objective"]["bound"] >= max(values)


@given(small())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_what_may_never_be_relaxed_is_kept_whatever_the_event(event: Event) -> None:
    """Own stalls, vetoes, closed rounds and pins hold even where nothing else can."""
    for stall in event["stalls"]:
        stall["capacity"] = 1
        stall.pop("minimum", None)
    plan = solved(event)
    assert not {breach["rule"] for breach in plan["broken"]} & {"M5", "M6", "M7"}


@given(small(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_the_order_in_which_people_and_stalls_are_written_changes_nothing(event: Event, random: Any) -> None:
    assume(len(event["people"]) > 1)
    turned = copy.deepcopy(event)
    for name in ("people", "stalls", "past", "pins"):
        random.shuffle(turned.get(name, []))
    for person in turned["people"]:
        person["interests"] = dict(reversed(person["interests"].items()))
    assert without_time(solved(turned)) == without_time(solved(event))


def test_a_larger_event_in_another_order_has_the_same_plan() -> None:
    event = generator.event(60, 12, 4, 2, mixed=True)
    turned = {**event, "people": event["people"][::-1], "stalls": event["stalls"][5:] + event["stalls"][:5]}
    assert without_time(solved(turned)) == without_time(solved(event))


def test_another_seed_gives_the_same_value_where_it_is_proven() -> None:
    assert solved({**examples.krakow(), "seed": 7})["objective"]["value"] == 3853


def test_other_processes_with_other_hashes_make_the_same_plan() -> None:
    said = (
        "import json, sys\n"
        "from server.activities.marketplace import matching\n"
        "from server.activities.marketplace.work import plans\n"
        "plan = plans.solve(matching.read(json.load(sys.stdin)))\n"
        "plan['engine']['seconds'] = 0\n"
        "print(json.dumps(plan, sort_keys=True))"
    )
    event = generator.event(24, 6, 4, 3, mixed=True)
    answers = {
        subprocess.run(
            [sys.executable, "-c", said],
            input=json.dumps(event),
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert [json.loads(answer) for answer in answers] == [without_time(solved(event))]


# What cannot work, and who comes and goes.


def market_of(people: int, stalls: int, rounds: int = 2, capacity: int = 3, **more: Any) -> Event:
    return {
        "format": "officina.match/1",
        "rounds": rounds,
        "people": [{"id": f"p{n}", "interests": {"s1": 3}} for n in range(1, people + 1)],
        "stalls": [{"id": f"s{n}", "capacity": capacity} for n in range(1, stalls + 1)],
        **more,
    }


def test_too_few_seats_are_chairs_to_bring_and_nobody_stands() -> None:
    plan = solved(market_of(10, 2, capacity=4))
    assert {breach["rule"] for breach in plan["broken"]} == {"M3"}
    assert sum(breach["by"] for breach in plan["broken"]) == 2 * 2
    assert all(None not in row for row in plan["assignment"].values())


def test_more_stalls_than_people_leave_stalls_empty_and_break_nothing() -> None:
    plan = solved(market_of(3, 6))
    assert plan["broken"] == []
    assert plan["totals"]["load"]["smallest"] == 0


def test_a_stall_that_everybody_vetoes_stays_empty_and_says_so() -> None:
    event = market_of(6, 3)
    for person in event["people"]:
        person["never"] = ["s2"]
    plan = solved(event)
    assert {(breach["rule"], breach["stall"]) for breach in plan["broken"] if breach["rule"] == "M4"} == {("M4", "s2")}
    assert {breach["rule"] for breach in plan["broken"]} <= {"M4"}


def test_fewer_allowed_stalls_than_rounds_means_seeing_one_twice_before_standing_idle() -> None:
    event = market_of(4, 2, rounds=3, capacity=4)
    plan = solved(event)
    assert {breach["rule"] for breach in plan["broken"]} == {"M2"}
    assert len(plan["broken"]) == 4


def test_who_may_visit_no_stall_has_a_free_round() -> None:
    event = market_of(5, 2)
    event["people"][0]["never"] = ["s1", "s2"]
    plan = solved(event)
    assert plan["assignment"]["p1"] == [None, None]
    assert [breach["rule"] for breach in plan["broken"]] == ["M1", "M1"]


def test_an_event_that_everybody_has_left_is_a_plan_without_visits() -> None:
    event = market_of(3, 2)
    for person in event["people"]:
        person["rounds"] = []
    plan = solved(event)
    assert plan["broken"] == []
    assert plan["objective"]["value"] == 0


def test_who_rates_nothing_gets_as_many_visits_as_everybody() -> None:
    event = generator.event(24, 6, 4, 2, hosts=False)
    plan = solved(event)
    silent = [p["id"] for p in event["people"] if not p.get("interests")]
    assert silent
    assert {plan["people"][p]["visits"] for p in silent} == {4}


@pytest.mark.parametrize("size", [(24, 6, 4), (60, 12, 4)], ids=["24", "60"])
def test_after_people_came_left_and_sat_elsewhere_few_seats_of_the_next_round_change(
    size: tuple[int, int, int],
) -> None:
    before = generator.event(*size, 1)
    event = generator.after_first_round(before, solved(before)["assignment"])
    plan = solved(event)
    assert all(breach["rule"] == "M4" for breach in plan["broken"])
    assert all(row[0] is None for row in plan["assignment"].values()), "a round that is over is never planned again"
    changes = plan["changes"]
    assert changes["next_round"] <= 0.2 * changes["of"]
    fresh = {name: given for name, given in event.items() if name != "previous"}
    assert plan["objective"]["value"] >= 0.965 * solved(fresh)["objective"]["bound"]
    assert changes["next_round"] < solved_changes(event, solved(fresh)["assignment"])


def solved_changes(event: Event, assignment: dict[str, list[str | None]]) -> int:
    """How many people sit elsewhere in the next round under another plan."""
    market = checker.Market(event)
    return sum(
        market.free(p, market.first) and old[market.first - 1] != assignment[p][market.first - 1]
        for p, old in event["previous"].items()
    )


def test_a_facilitators_pin_is_kept_and_costs_no_more_than_it_must() -> None:
    event = examples.krakow()
    pin = {"person": "lyon_c", "stall": "krakow", "round": 2}
    plan = solved({**event, "pins": [pin]})
    assert plan["assignment"]["lyon_c"][1] == "krakow"
    assert plan["broken"] == []
    assert plan["objective"]["value"] <= 3853


# What people are told.


def test_what_a_move_would_cost_the_room_is_what_the_best_rearranged_round_loses() -> None:
    plan = solved(examples.FIRST)
    others = [other for other in every_plan_of_the_first_example() if not checker.broken(examples.FIRST, other)]
    event = matching.read(copy.deepcopy(examples.FIRST))
    compared = 0
    for p, row in plan["assignment"].items():
        for r in (1, 2):
            for told in plans.swap(event, plan["assignment"], p, r):
                possible = [
                    checker.value(examples.FIRST, other)
                    for other in others
                    if other[p][r - 1] == told["stall"]
                    and all(other[q][2 - r] == seats[2 - r] for q, seats in plan["assignment"].items())
                ]
                assert told["stall"] not in row
                if told["broken"] == 0:
                    assert told["loss"] == 712 - max(possible)
                    compared += 1
                else:
                    assert possible == []
    assert compared


def every_plan_of_the_first_example() -> Iterator[dict[str, list[str | None]]]:
    stalls = [stall["id"] for stall in examples.FIRST["stalls"]]
    people = examples.FIRST["people"]
    ways = [[list(two) for two in permutations(stalls, 2) if person["organisation"] not in two] for person in people]
    for rows in product(*ways):
        yield {person["id"]: list(row) for person, row in zip(people, rows, strict=True)}


def test_reasons_hold_nobody_elses_name_rating_or_veto() -> None:
    event = examples.krakow()
    event["people"][0]["never"] = ["lyon"]
    for stall in event["stalls"]:
        if stall["id"] == "glasgow":
            stall["never"] = ["naples"]
    plan = solved(event)
    people = {person["id"]: person for person in event["people"]}
    for p in people:
        told = matching.why(matching.read(copy.deepcopy(event)), plan["assignment"], p)
        assert len(told) == 4
        for reasons, seat, duty in zip(told, plan["assignment"][p], plan["hosting"].get(p, [None] * 4), strict=True):
            assert (reasons is None) == (seat is None and duty is None)
            for reason in reasons or []:
                assert not {other for other in people if other in json.dumps(reason)}
                assert "veto" not in reason["code"] and "never" not in reason["code"]
                if reason["code"] == "full" and reason["n"] is not None:
                    assert reason["n"] >= 5
                if reason["code"] == "rated":
                    assert reason["level"] == people[p]["interests"][seat]


# Input that cannot be used.


def spoilt(**how: Any) -> Event:
    return {**copy.deepcopy(examples.SECOND), **how}


BAD: dict[str, tuple[Event, str]] = {
    "no format": ({k: v for k, v in examples.SECOND.items() if k != "format"}, "malformed"),
    "a field that is none": (spoilt(surprise=1), "malformed"),
    "no round": (spoilt(rounds=0), "malformed"),
    "a level of four": (spoilt(people=[{"id": "p1", "interests": {"lyon": 4}}], past=[]), "interest_out_of_range"),
    "an unknown stall": (spoilt(past=[{"person": "p1", "stall": "roma"}]), "unknown_id"),
    "an unknown host": (spoilt(stalls=[{"id": "lyon", "capacity": 1, "hosts": ["p99"]}], past=[]), "unknown_id"),
    "a person twice": (spoilt(people=[*examples.SECOND["people"], {"id": "p1"}]), "duplicate_id"),
    "two duties in one round": (
        spoilt(stalls=[{"id": s, "capacity": 3, "hosts": ["p1"]} for s in ("lyon", "naples", "torino")]),
        "host_clash",
    ),
    "two pins in one round": (
        spoilt(pins=[{"person": "p6", "stall": s, "round": 2} for s in ("lyon", "torino")]),
        "pin_conflict",
    ),
    "a pin to one's own stall": (spoilt(pins=[{"person": "p1", "stall": "lyon", "round": 2}]), "pin_conflict"),
    "a pin of somebody on duty": (spoilt(pins=[{"person": "p1", "stall": "naples", "round": 3}]), "pin_conflict"),
    "thirteen rounds": (spoilt(rounds=13), "too_big"),
    "weights that are not concave": (spoilt(weights={"mix_first": 1, "mix_second": 4}), "malformed"),
}


@pytest.mark.parametrize("what", BAD)
def test_unusable_input_is_refused_by_its_code(what: str) -> None:
    event, code = BAD[what]
    with pytest.raises(matching.Unusable) as refused:
        matching.read(copy.deepcopy(event))
    assert refused.value.code == code
