"""What an event of a market place may say, and the numbers that follow from it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from server.activities.marketplace.matching import Unusable, digest, foreseen, read
from tests.matching import examples

Data = dict[str, Any]


def small(**more: Any) -> Data:
    """Two people, two stalls, two rounds."""
    return {
        "format": "officina.match/1",
        "rounds": 2,
        "people": [{"id": "ada", "organisation": "lyon"}, {"id": "bob"}],
        "stalls": [{"id": "s1", "capacity": 2}, {"id": "s2", "capacity": 2}],
        **more,
    }


def refused(data: Any) -> Unusable:
    with pytest.raises(Unusable) as caught:
        read(data)
    return caught.value


def person(**more: Any) -> Data:
    return small(people=[{"id": "ada", **more}, {"id": "bob"}])


def stall(**more: Any) -> Data:
    return small(stalls=[{"id": "s1", "capacity": 2, **more}, {"id": "s2", "capacity": 2}])


UNUSABLE: dict[str, tuple[Any, str]] = {
    "a list": ([], "malformed"),
    "another format": (small(format="officina.match/2"), "malformed"),
    "a field nobody knows": (small(colour="red"), "malformed"),
    "a person's field nobody knows": (person(name="Ada"), "malformed"),
    "a round as text": (small(rounds="2"), "malformed"),
    "no round": (small(rounds=0), "malformed"),
    "a seed below 0": (small(seed=-1), "malformed"),
    "a start after the end": (small(from_round=3), "malformed"),
    "an empty id": (small(people=[{"id": ""}]), "malformed"),
    "an id of 65 characters": (small(people=[{"id": "x" * 65}]), "malformed"),
    "half a surrogate": (small(people=[{"id": "\ud800"}]), "malformed"),
    "present in a round that is not": (person(rounds=[3]), "malformed"),
    "open in a round that is not": (stall(open=[0]), "malformed"),
    "no seat": (stall(capacity=0), "malformed"),
    "a minimum above the capacity": (stall(minimum=3), "malformed"),
    "a past visit in a planned round": (small(past=[{"person": "ada", "stall": "s1", "round": 1}]), "malformed"),
    "a previous plan that is too short": (small(previous={"ada": ["s1"]}), "malformed"),
    "a weight above 1000": (small(weights={"mix_first": 1001}), "malformed"),
    "a second of a group worth more than the first": (small(weights={"mix_first": 3}), "malformed"),
    "a level of 4": (person(interests={"s1": 4}), "interest_out_of_range"),
    "a level below 0": (person(interests={"s1": -1}), "interest_out_of_range"),
    "half a level": (person(interests={"s1": 1.5}), "interest_out_of_range"),
    "true as a level": (person(interests={"s1": True}), "interest_out_of_range"),
    "a wish for no stall": (person(interests={"s9": 1}), "unknown_id"),
    "a veto of no stall": (person(never=["s9"]), "unknown_id"),
    "a host who is nobody": (stall(hosts=["eve"]), "unknown_id"),
    "a pin of nobody": (small(pins=[{"person": "eve", "stall": "s1", "round": 1}]), "unknown_id"),
    "a previous plan of nobody": (small(previous={"eve": [None, None]}), "unknown_id"),
    "a person twice": (small(people=[{"id": "ada"}, {"id": "ada"}]), "duplicate_id"),
    "a stall twice": (small(stalls=[{"id": "s1", "capacity": 1}] * 2), "duplicate_id"),
    "a host twice": (stall(hosts=["ada", "ada"]), "duplicate_id"),
    "one host of two stalls": (
        small(stalls=[{"id": id, "capacity": 1, "hosts": ["ada"]} for id in ("s1", "s2")]),
        "host_clash",
    ),
    "2001 people": (small(people=[{"id": str(n)} for n in range(2001)]), "too_big"),
    "101 stalls": (small(stalls=[{"id": str(n), "capacity": 1} for n in range(101)]), "too_big"),
    "13 rounds": (small(rounds=13), "too_big"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_an_unusable_input_is_told_by_code_and_says_what_to_do(what: str) -> None:
    data, code = UNUSABLE[what]
    said = refused(data)
    assert said.code == code
    assert said.text.endswith(".")
    assert said.as_dict() == {"error": {"code": code, "text": said.text, "details": said.details}}


def test_a_level_out_of_range_says_whose_and_where() -> None:
    assert refused(person(interests={"s1": 4})).details == {
        "where": "people[0].interests.s1",
        "stall": "s1",
        "person": "ada",
    }


PINS: dict[str, tuple[Data, list[Data]]] = {
    "a round that is over": (
        small(from_round=2),
        [{"person": "ada", "stall": "s1", "round": 1}],
    ),
    "two stalls at once": (
        small(),
        [{"person": "ada", "stall": s, "round": 1} for s in ("s1", "s2")],
    ),
    "one stall twice": (small(), [{"person": "ada", "stall": "s1", "round": r} for r in (1, 2)]),
    "who is away": (person(rounds=[2]), [{"person": "ada", "stall": "s1", "round": 1}]),
    "who is on duty": (stall(hosts=["ada"]), [{"person": "ada", "stall": "s2", "round": 1}]),
    "a closed stall": (stall(open=[2]), [{"person": "ada", "stall": "s1", "round": 1}]),
    "the own organisation": (stall(organisation="lyon"), [{"person": "ada", "stall": "s1", "round": 1}]),
    "a veto": (person(never=["s1"]), [{"person": "ada", "stall": "s1", "round": 1}]),
    "a stall seen before": (
        small(from_round=2, past=[{"person": "ada", "stall": "s1"}]),
        [{"person": "ada", "stall": "s1", "round": 2}],
    ),
    "more than the seats": (
        stall(capacity=1),
        [{"person": p, "stall": "s1", "round": 1} for p in ("ada", "bob")],
    ),
}


@pytest.mark.parametrize("what", PINS)
def test_a_pin_that_no_plan_could_keep_is_refused(what: str) -> None:
    data, pins = PINS[what]
    read(data)
    assert refused({**data, "pins": pins}).code == "pin_conflict"


def test_the_same_pin_and_the_same_past_visit_count_once() -> None:
    pin = {"person": "ada", "stall": "s1", "round": 2}
    visit = {"person": "bob", "stall": "s1"}
    event = read(small(from_round=2, pins=[pin, pin], past=[visit, visit]))
    assert len(event.market.pins) == 1
    assert event.market.zeros_seen[event.market.person["bob"]] == 1


def test_the_digest_knows_no_order_of_people_stalls_visits_and_vetoes_but_that_of_hosts() -> None:
    data = copy.deepcopy(examples.SECOND)
    data["people"][0]["never"] = ["torino", "naples"]
    turned = copy.deepcopy(data)
    for name in ("people", "stalls", "past"):
        turned[name].reverse()
    turned["people"][-1]["never"].reverse()
    assert digest(read(data)) == digest(read(turned))
    turned["stalls"][0]["hosts"].reverse()
    assert digest(read(data)) != digest(read(turned))


def test_the_digest_is_of_what_was_given_and_not_of_the_defaults() -> None:
    assert digest(read(small())) != digest(read(small(seed=1)))


def test_hosts_take_turns_and_who_is_away_is_skipped() -> None:
    data = small(
        rounds=3,
        people=[{"id": "ada"}, {"id": "bob", "rounds": [1, 3]}, {"id": "cyd"}],
        stalls=[{"id": "s1", "capacity": 1, "hosts": ["ada", "bob", "cyd"]}, {"id": "s2", "capacity": 3}],
    )
    m = read(data).market
    on_duty = [[m.people[p] for p in range(m.P) if m.duty[p][t] >= 0] for t in range(3)]
    assert on_duty == [["ada"], ["cyd"], ["cyd"]]
    data["stalls"][0]["hosting"] = "stay"
    m = read(data).market
    assert [sum(m.duty[p][t] >= 0 for p in range(m.P)) for t in range(3)] == [3, 2, 3]


def test_nobody_is_on_duty_at_a_closed_stall() -> None:
    m = read(stall(hosts=["ada"], open=[2])).market
    assert m.duty[m.person["ada"]] == [-1, m.stall["s1"]]


def test_the_derived_numbers_of_the_worked_examples_are_the_printed_ones() -> None:
    m = read(examples.FIRST).market
    assert (m.visitors, m.open_stalls, m.lo) == ([7, 7], [3, 3], [1, 1, 1])
    steps = {id: [m.mix[g].at(k) for k in (1, 2, 3, 4)] for g, id in enumerate(m.groups)}
    assert steps == {"civil_servants": [12, 0, 0, -6], "social_innovators": [12, 0, -6, -6]}
    m = read(examples.SECOND).market
    assert m.planned == [2, 3]
    duty = {(m.people[p], m.planned[t]) for p in range(m.P) for t in range(m.T) if m.duty[p][t] >= 0}
    assert duty == {("p2", 2), ("p4", 2), ("p8", 2), ("p1", 3), ("p3", 3), ("p5", 3)}
    assert m.lo == [1, 1, 1]


def test_the_second_of_a_group_earns_where_one_and_a_half_are_expected() -> None:
    people = [{"id": f"p{n}", "group": "a"} for n in range(6)]
    m = read(small(people=people, rounds=1, stalls=[{"id": f"s{n}", "capacity": 9} for n in range(4)])).market
    # 6 people at 4 stalls: 2 * 6 >= 3 * 4.
    assert [m.mix[0].at(k) for k in (1, 2, 3, 4)] == [12, 4, 0, -6]
    assert [m.mix[0].of(k) for k in (0, 1, 2, 3, 4, 5)] == [0, 12, 16, 16, 10, 4]


def test_a_wish_for_ones_own_stall_is_no_top_choice() -> None:
    data = small(
        people=[{"id": "ada", "organisation": "lyon", "interests": {"s1": 3, "s2": 1}}],
        stalls=[{"id": "s1", "organisation": "lyon", "capacity": 1}, {"id": "s2", "capacity": 1}],
    )
    assert read(data).market.top == [1]


def test_what_cannot_work_is_said_before_anybody_waits() -> None:
    data = small(people=[{"id": f"p{n}"} for n in range(6)])
    assert foreseen(read(data)) == [
        {"code": "seats_short", "round": r, "visitors": 6, "seats": 4, "missing": 2} for r in (1, 2)
    ]
    assert {"code": "few_allowed", "person": "ada", "stalls": 1, "rounds": 2} in foreseen(read(person(never=["s1"])))
    assert {"code": "minimum_high", "stall": "s1", "round": 1, "visitors": 1, "needed": 2} in foreseen(
        read(small(people=[{"id": "ada", "never": ["s1"]}, {"id": "bob"}], stalls=[*stall(minimum=2)["stalls"]]))
    )
    assert foreseen(read(small(people=[{"id": "ada", "rounds": []}]))) == [{"code": "nobody_placed"}]
    closed = small(stalls=[{"id": id, "capacity": 2, "open": [1]} for id in ("s1", "s2")])
    assert {"code": "no_stall_open", "round": 2, "visitors": 2} in foreseen(read(closed))
    assert foreseen(read(examples.FIRST)) == []
