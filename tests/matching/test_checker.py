"""The checker itself: it finds the printed values, and it rejects each fault that is put into a good plan."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator
from itertools import combinations, permutations, product
from typing import Any

import pytest

from tests.matching import checker, exact, examples, generator

Plan = dict[str, Any]


def first_plan() -> Plan:
    """The whole document of the first worked example, written by hand from its best plan."""
    none = {p: [None, None] for p in examples.FIRST_BEST}
    return {
        "format": "officina.match.plan/1",
        "input_sha256": hashlib.sha256(checker.canonical(examples.FIRST).encode()).hexdigest(),
        "seed": 1,
        "weights": {
            "interest": 10,
            "top": 40,
            "zero": 5,
            "mix_first": 12,
            "mix_second": 4,
            "mix_over": 6,
            "colleagues": 8,
            "coverage": 15,
        },
        "engine": {"name": "by hand", "version": "", "steps": [], "stopped": False, "seconds": 0.0},
        "assignment": copy.deepcopy(examples.FIRST_BEST),
        "hosting": none,
        "minimum": {"lyon": 1, "naples": 1, "torino": 1},
        "objective": {
            "value": 712,
            "bound": 712,
            "bound_from": "flow",
            "gap_percent": 0.0,
            "proven_optimal": True,
            "parts": dict(examples.FIRST_PARTS),
            "first_come": 650,
        },
        "people": {
            "p1": _of([3, 2], 3, True, True, None, 0),
            "p2": _of([0, 3], 3, True, None, None, 1),
            "p3": _of([1, 3], 3, True, True, None, 0),
            "p4": _of([0, 0], 0, None, None, None, 2),
            "p5": _of([2, 1], 2, True, True, None, 0),
            "p6": _of([3, 3], 3, True, True, None, 0),
            "p7": _of([0, 3], 3, True, None, None, 1),
        },
        "totals": {
            "top1": {"reached": 6, "of": 6, "most_possible": 6},
            "top2": {"reached": 4, "of": 4},
            "top3": {"reached": 0, "of": 0},
            "no_wishes": 1,
            "zero_interest_rounds": 2,
            "people_with_zero_interest_round": 2,
            "mix_index": 0.917,
            "colleagues_together": 0,
            "coverage": {"lyon": 2, "naples": 2, "krakow": 3},
            "load": {"smallest": 2, "largest": 3},
            "free_seats_percent": 22.2,
        },
        "broken": [],
        "warnings": [],
    }


def _of(levels: list[int], top: int, top1: bool | None, top2: bool | None, top3: bool | None, zero: int) -> Plan:
    tops = {"top1": top1, "top2": top2, "top3": top3}
    return {"visits": len(levels), "levels": levels, "top_level": top, **tops, "zero_interest_rounds": zero}


def every_plan(event: Plan) -> Iterator[dict[str, list[str | None]]]:
    """Each way to send everybody to allowed, unvisited stalls, a different one in each free round."""
    market = checker.Market(event)
    ways: list[list[list[str | None]]] = []
    for p in market.people:
        free = [r for r in market.planned if market.free(p, r)]
        stalls = [s for s in market.stalls if market.allowed(p, s) and s not in market.seen[p]]
        ways.append([])
        for chosen in permutations(stalls, len(free)):
            row: list[str | None] = [None] * market.rounds
            for r, s in zip(free, chosen, strict=True):
                row[r - 1] = s
            ways[-1].append(row)
    for rows in product(*ways):
        yield dict(zip(market.people, rows, strict=True))


@pytest.mark.parametrize(
    ("event", "clean", "best", "best_plans"),
    [
        (examples.FIRST, 420, 712, 8),
        (examples.with_weights(examples.FIRST, coverage=0), 420, 607, 8),
        (examples.SECOND, 28, 504, 1),
    ],
    ids=["first", "first without coverage", "second"],
)
def test_counting_every_plan_of_the_worked_examples_gives_the_printed_numbers(
    event: Plan, clean: int, best: int, best_plans: int
) -> None:
    values = [checker.value(event, plan) for plan in every_plan(event) if not checker.broken(event, plan)]
    assert (len(values), max(values), values.count(max(values))) == (clean, best, best_plans)


def test_the_printed_best_plans_have_the_printed_parts() -> None:
    for event, best, parts, mixed in (
        (examples.FIRST, examples.FIRST_BEST, examples.FIRST_PARTS, 0.917),
        (examples.SECOND, examples.SECOND_BEST, examples.SECOND_PARTS, 0.583),
    ):
        placed = checker.Placed(checker.Market(event), best)
        assert placed.parts() == parts
        assert placed.mix_index() == mixed
        assert placed.broken(best) == []


def test_hosts_take_turns_and_their_duty_shows() -> None:
    market = checker.Market(examples.SECOND)
    assert sorted(who for who in market.duty if who[1] >= 2) == [
        ("p1", 3),
        ("p2", 2),
        ("p3", 3),
        ("p4", 2),
        ("p5", 3),
        ("p8", 2),
    ]
    assert (market.free_of_group["civil_servants"], market.free_of_group["social_innovators"]) == (5, 5)
    assert market.open_rounds == 6


def test_a_true_document_is_not_contradicted() -> None:
    assert checker.check(examples.FIRST, first_plan()) == []


@pytest.mark.parametrize("coverage", [0, 15, 40])
def test_each_weight_takes_away_its_part_and_no_other(coverage: int) -> None:
    event = examples.with_weights(examples.FIRST, coverage=coverage)
    parts = checker.Placed(checker.Market(event), examples.FIRST_BEST).parts()
    assert parts == {**examples.FIRST_PARTS, "coverage": 7 * coverage}


def _event_with_everything() -> Plan:
    """The second example, with a veto of either side, a closed round and a pin; its best plan stays as it is."""
    event = copy.deepcopy(examples.SECOND)
    event["people"][0]["never"] = ["torino"]
    event["stalls"][1]["never"] = ["torino"]
    event["stalls"][0]["open"] = [1, 2, 3]
    event["pins"] = [{"person": "p7", "stall": "lyon", "round": 2}]
    return event


def _at(plan: Plan, person: str, round: int, stall: str | None) -> None:
    plan[person][round - 1] = stall


FAULTS: dict[str, tuple[Callable[[Plan, Plan], None], str]] = {
    "a repeated visit": (lambda e, a: _at(a, "p6", 3, "torino"), "M2"),
    "a visit that past holds": (lambda e, a: _at(a, "p6", 3, "naples"), "M2"),
    "a full stall": (lambda e, a: e["stalls"][2].update(capacity=1), "M3"),
    "an empty stall": (lambda e, a: (_at(a, "p1", 2, "torino"), _at(a, "p3", 2, "torino")), "M4"),
    "one's own stall": (lambda e, a: _at(a, "p8", 3, "torino"), "M5"),
    "a stall the person vetoed": (lambda e, a: _at(a, "p1", 2, "torino"), "M5"),
    "a stall that vetoed the organisation": (lambda e, a: _at(a, "p5", 2, "naples"), "M5"),
    "a closed stall": (lambda e, a: e["stalls"][0].update(open=[1, 2]), "M6"),
    "a pin that moved": (lambda e, a: _at(a, "p7", 2, "naples"), "M7"),
    "somebody placed on duty": (lambda e, a: _at(a, "p1", 3, "naples"), "M1"),
    "somebody placed while away": (lambda e, a: e["people"][7].update(rounds=[1, 2]), "M1"),
    "somebody unplaced": (lambda e, a: _at(a, "p7", 3, None), "M1"),
    "a past round rewritten": (lambda e, a: _at(a, "p7", 1, "torino"), "M1"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_seeded_fault_is_rejected_by_its_own_rule(fault: str) -> None:
    event, plan = _event_with_everything(), copy.deepcopy(examples.SECOND_BEST)
    assert checker.broken(event, plan) == []
    put_in, rule = FAULTS[fault]
    put_in(event, plan)
    assert rule in {breach["rule"] for breach in checker.broken(event, plan)}


def test_a_breach_says_who_where_when_and_by_how_many() -> None:
    event = copy.deepcopy(examples.FIRST)
    event["stalls"][0]["capacity"] = 1
    plan = copy.deepcopy(examples.FIRST_BEST)
    assert checker.broken(event, plan) == [
        {"rule": "M3", "stall": "lyon", "round": 1, "by": 1},
        {"rule": "M3", "stall": "lyon", "round": 2, "by": 1},
    ]


def test_a_document_that_hides_a_broken_rule_is_contradicted() -> None:
    plan = first_plan()
    plan["assignment"]["p1"] = ["naples", "naples"]
    assert any(line.startswith("broken:") for line in checker.check(examples.FIRST, plan))


LIES: dict[str, Callable[[Plan], None]] = {
    "the value": lambda d: d["objective"].update(value=713),
    "a part": lambda d: d["objective"]["parts"].update(mix=133),
    "a bound below the value": lambda d: d["objective"].update(bound=711),
    "a bound that is no whole number": lambda d: d["objective"].update(bound=712.0),
    "the gap": lambda d: d["objective"].update(bound=720),
    "a proof that is none": lambda d: d["objective"].update(bound=720, gap_percent=1.111),
    "first come above the plan": lambda d: d["objective"].update(first_come=713),
    "the digest": lambda d: d.update(input_sha256="0" * 64),
    "the seed": lambda d: d.update(seed=2),
    "the weights": lambda d: d["weights"].update(top=41),
    "a minimum": lambda d: d["minimum"].update(lyon=0),
    "a duty": lambda d: d["hosting"].update(p1=["lyon", None]),
    "a level": lambda d: d["people"]["p1"].update(levels=[3, 3]),
    "a top level": lambda d: d["people"]["p5"].update(top_level=3),
    "top-1 of one person": lambda d: d["people"]["p2"].update(top1=False),
    "top-2 outside its denominator": lambda d: d["people"]["p2"].update(top2=True),
    "a boring round": lambda d: d["people"]["p2"].update(zero_interest_rounds=0),
    "top-1 of all": lambda d: d["totals"]["top1"].update(reached=7),
    "the most possible": lambda d: d["totals"]["top1"].update(most_possible=5),
    "who rated nothing": lambda d: d["totals"].update(no_wishes=0),
    "the boring rounds of all": lambda d: d["totals"].update(zero_interest_rounds=4),
    "the mix": lambda d: d["totals"].update(mix_index=0.918),
    "colleagues": lambda d: d["totals"].update(colleagues_together=1),
    "the coverage": lambda d: d["totals"]["coverage"].update(lyon=3),
    "the load": lambda d: d["totals"]["load"].update(smallest=1),
    "the free seats": lambda d: d["totals"].update(free_seats_percent=22.3),
    "a breach that is none": lambda d: d["broken"].append({"rule": "M1", "person": "p1", "round": 1}),
    "changes without an earlier plan": lambda d: d.update(changes={"next_round": 0, "later": 0, "of": 7}),
    "a person left out": lambda d: d["assignment"].pop("p4"),
    "a stall that is none": lambda d: d["assignment"].update(p4=["torino", "roma"]),
}


@pytest.mark.parametrize("lie", LIES)
def test_each_untrue_figure_of_a_document_is_found(lie: str) -> None:
    plan = first_plan()
    LIES[lie](plan)
    assert checker.check(examples.FIRST, plan)


def test_the_digest_is_the_same_in_whatever_order_people_and_stalls_are_written() -> None:
    event = copy.deepcopy(_event_with_everything())
    copied = copy.deepcopy(event)
    other = {name: copied[name] for name in reversed(copied)}
    for name in ("people", "stalls", "past"):
        other[name] = other[name][::-1]
    assert checker.canonical(other) == checker.canonical(event)
    other["stalls"][0]["hosts"] = other["stalls"][0]["hosts"][::-1]
    assert checker.canonical(other) != checker.canonical(event), "who hosts first is part of the input"


def test_who_rates_only_the_own_stall_counts_as_rating_nothing() -> None:
    event = copy.deepcopy(examples.FIRST)
    event["people"][3]["interests"] = {"naples": 3}
    market = checker.Market(event)
    assert market.top("p4") == 0
    assert checker.value(event, examples.FIRST_BEST) == 712


def test_the_shipped_market_place_has_the_delegations_it_says() -> None:
    market = checker.Market(examples.krakow())
    assert (len(market.people), len(market.stalls), market.rounds) == (24, 8, 4)
    assert [market.duty[f"torino_{who}", r] for r, who in enumerate("abca", 1)] == ["torino"] * 4
    assert all(len(free) == 16 for free in market.free_in.values())
    assert all(market.interest(p, market.organisation(p) or "") == 0 for p in market.people)


@pytest.mark.parametrize(
    ("event", "value"),
    [
        (examples.FIRST, 712),
        (examples.SECOND, 504),
        (examples.krakow(0), 3350),
        (examples.krakow(), 3853),
        (examples.krakow(30), 4532),
    ],
    ids=["first", "second", "krakow without coverage", "krakow", "krakow with twice the coverage"],
)
def test_the_printed_optima_are_those_of_a_program_of_its_own(event: Plan, value: int) -> None:
    plan = exact.best(event)
    assert plan is not None
    assert checker.value(event, plan) == value
    assert checker.broken(event, plan) == []


@pytest.mark.parametrize("hosts", [True, False])
@pytest.mark.parametrize("mixed", [True, False])
def test_the_generator_makes_events_of_the_asked_size_and_the_same_ones_again(hosts: bool, mixed: bool) -> None:
    event = generator.event(60, 12, 4, 3, hosts=hosts, mixed=mixed)
    assert event == generator.event(60, 12, 4, 3, hosts=hosts, mixed=mixed)
    assert event != generator.event(60, 12, 4, 4, hosts=hosts, mixed=mixed)
    market = checker.Market(event)
    assert (len(market.people), len(market.stalls)) == (60, 12)
    groups = {o: {market.group(p) for p in market.people if market.organisation(p) == o} for o in market.members}
    assert any(len(of) > 1 for of in groups.values()) is mixed
    assert bool(market.duty) is hosts
    seats = sum(int(stall["capacity"]) for stall in market.stalls.values())
    assert all(seats >= 1.08 * len(free) for free in market.free_in.values())


# The tables.


def every_seating(event: Plan) -> Iterator[dict[str, list[str | None]]]:
    """Each balanced seating of the two tables of the worked example, in every table round."""
    people = [person["id"] for person in event["people"]]
    deals = []
    for a in combinations(people[:4], 2):
        for b in combinations(people[4:], 2):
            deals.append({p: "t1" if p in a + b else "t2" for p in people})
    for rounds in product(deals, repeat=event["rounds"]):
        yield {p: [deal[p] for deal in rounds] for p in people}


@pytest.mark.parametrize(("rounds", "best", "bound", "parts"), [(2, 40, 10, (40, 0)), (3, 132, 90, (120, 12))])
def test_every_seating_of_the_worked_example_costs_at_least_the_printed_best(
    rounds: int, best: int, bound: int, parts: tuple[int, int]
) -> None:
    event = examples.tables_of_eight(rounds)
    seatings = (
        every_seating(event)
        if rounds == 2
        # A table has no name of its own: the first round can be fixed to the deals with a1 at t1.
        else (s for s in every_seating(event) if all(t == "t1" for t in s["a1"]))
    )
    found: dict[int, set[tuple[int, int]]] = {}
    for assignment in seatings:
        seating = checker.Seating(event, assignment)
        of = seating.parts()
        found.setdefault(sum(of.values()), set()).add((of["repeats"], of["colleagues"]))
    assert min(found) == best
    assert parts in found[best]
    assert checker.Seating(event, {}).bound() == bound


def tables_plan(event: Plan, assignment: dict[str, list[str | None]]) -> Plan:
    """A document with the checker's own figures, for lies to be put into."""
    seating = checker.Seating(event, assignment)
    parts, bound = seating.parts(), seating.bound()
    total = sum(parts.values())
    people = {p: seating.of_person(p) for p in seating.people}
    group_spread, size_spread = seating.spreads()
    new = [figures["new"] for figures in people.values()]
    return {
        "format": "officina.tables.plan/1",
        "input_sha256": hashlib.sha256(checker.canonical(event).encode()).hexdigest(),
        "seed": event.get("seed", 1),
        "weights": seating.weights,
        "engine": {"name": "by hand", "steps": 0, "seeds": 0, "stopped": False, "seconds": 0.0},
        "assignment": assignment,
        "objective": {
            "cost": total,
            "bound": bound,
            "gap": None if bound is None else total - bound,
            "proven_optimal": total == bound,
            "parts": parts,
            "random_deal": 0,
        },
        "people": people,
        "totals": {
            "repeat_meetings": sum(figures["repeats"] for figures in people.values()) // 2,
            "colleague_pairs": parts["colleagues"] // 6,
            "new_people_mean": sum(new) / len(new),
            "new_people_min": min(new),
            "group_spread": group_spread,
            "size_spread": size_spread,
        },
        "broken": seating.broken(),
        "warnings": [],
    }


#: The best of two rounds by hand: a1 meets everybody of b once; the pair that had met before does not meet again.
TWO_ROUNDS: dict[str, list[str | None]] = {
    "a1": ["t1", "t1"],
    "a2": ["t2", "t2"],
    "a3": ["t1", "t2"],
    "a4": ["t2", "t1"],
    "b1": ["t2", "t1"],
    "b2": ["t2", "t2"],
    "b3": ["t1", "t1"],
    "b4": ["t1", "t2"],
}


def test_the_figures_of_a_seating_are_those_counted_by_hand() -> None:
    seating = checker.Seating(examples.tables_of_eight(2), TWO_ROUNDS)
    # a1-b3 and a2-b2 sit together twice, and so do a3-b4 and a4-b1: four repeats at 10.
    assert seating.parts() == {"repeats": 40, "colleagues": 0}
    assert seating.of_person("a1") == {"met": 5, "new": 5, "most_possible": 6, "colleagues_met": 0, "repeats": 1}
    assert seating.spreads() == (0, 0)
    assert seating.broken() == []


TABLE_FAULTS: dict[str, tuple[Callable[[Plan, Plan], None], str]] = {
    "nobody's seat": (lambda e, a: _at(a, "a1", 1, None), "T1"),
    "a table that is none": (lambda e, a: _at(a, "a1", 1, "t9"), "T1"),
    "a seat for somebody away": (lambda e, a: e["people"][0].update(rounds=[2]), "T1"),
    "a crowded table": (lambda e, a: (_at(a, "a2", 1, "t1"), _at(a, "b1", 1, "t1")), "T2"),
    "more people than seats": (
        lambda e, a: e.update(tables=[{"id": "t1", "seats": 3}, {"id": "t2", "seats": 5}]),
        "T2",
    ),
    "a table without a group": (lambda e, a: (_at(a, "a1", 1, "t2"), _at(a, "b1", 1, "t1")), "T3"),
    "a pair apart": (lambda e, a: e.update(apart=[["a1", "b3"]]), "T4"),
    "a pin that moved": (lambda e, a: e.update(pins=[{"person": "a1", "table": "t2", "round": 1}]), "T5"),
}


@pytest.mark.parametrize("fault", TABLE_FAULTS)
def test_each_fault_of_a_seating_is_rejected_by_its_own_rule(fault: str) -> None:
    event, assignment = examples.tables_of_eight(2), copy.deepcopy(TWO_ROUNDS)
    put_in, rule = TABLE_FAULTS[fault]
    put_in(event, assignment)
    assert rule in {breach["rule"] for breach in checker.broken_tables(event, assignment)}


TABLE_LIES: dict[str, Callable[[Plan], None]] = {
    "the cost": lambda d: d["objective"].update(cost=30, gap=20),
    "a part": lambda d: d["objective"]["parts"].update(colleagues=6),
    "the bound": lambda d: d["objective"].update(bound=20, gap=20),
    "the gap": lambda d: d["objective"].update(gap=0),
    "a proof that is none": lambda d: d["objective"].update(proven_optimal=True),
    "people met": lambda d: d["people"]["a1"].update(met=6),
    "new people": lambda d: d["people"]["a1"].update(new=6),
    "the most possible": lambda d: d["people"]["a1"].update(most_possible=5),
    "repeat meetings": lambda d: d["totals"].update(repeat_meetings=2),
    "colleagues": lambda d: d["totals"].update(colleague_pairs=1),
    "the mean": lambda d: d["totals"].update(new_people_mean=6.0),
    "the least": lambda d: d["totals"].update(new_people_min=6),
    "the spread": lambda d: d["totals"].update(group_spread=1),
    "the sizes": lambda d: d["totals"].update(size_spread=1),
    "a breach that is none": lambda d: d["broken"].append({"rule": "T4", "round": 1}),
    "the digest": lambda d: d.update(input_sha256="0" * 64),
}


@pytest.mark.parametrize("lie", TABLE_LIES)
def test_each_untrue_figure_of_a_seating_is_found(lie: str) -> None:
    event = examples.tables_of_eight(2)
    plan = tables_plan(event, copy.deepcopy(TWO_ROUNDS))
    assert checker.check_tables(event, plan) == []
    TABLE_LIES[lie](plan)
    assert checker.check_tables(event, plan)


def test_seats_that_force_unequal_tables_are_held_to_shares_and_have_no_bound() -> None:
    event = {**examples.tables_of_eight(1), "tables": [{"id": "t1", "seats": 2}, {"id": "t2", "seats": 6}]}
    good = {p: ["t1" if p in ("a1", "b1") else "t2"] for p in TWO_ROUNDS}
    assert checker.Seating(event, good).broken() == []
    assert checker.Seating(event, good).bound() is None
    bad = {p: ["t1" if p in ("a1", "a2") else "t2"] for p in TWO_ROUNDS}
    assert {breach["rule"] for breach in checker.Seating(event, bad).broken()} == {"T3"}
