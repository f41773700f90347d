"""Why a person is where the plan puts them: true, of use, and nothing about anybody else."""

from __future__ import annotations

import json
from typing import Any

from server.activities.marketplace.matching import Assignment, read, why
from tests.matching import examples, generator

Data = dict[str, Any]


def market(**more: Any) -> Data:
    """Ada wants s1 most, then s2; nothing else is special."""
    return {
        "format": "officina.match/1",
        "rounds": 2,
        "people": [
            {"id": "ada", "group": "a", "organisation": "lyon", "interests": {"s1": 3, "s2": 2, "s3": 1}},
            *({"id": f"p{n}", "group": "b", "interests": {"s1": 3}} for n in range(6)),
        ],
        "stalls": [{"id": f"s{n}", "capacity": 3} for n in (1, 2, 3, 4)],
        **more,
    }


def told(data: Data, ada: list[str | None], **others: list[str | None]) -> list[list[dict[str, Any]] | None]:
    assignment: Assignment = {"ada": ada, **others}
    return why(read(data), assignment, "ada")


def test_a_rated_stall_says_its_level_and_the_top_choice_its_round() -> None:
    first, second = told(market(), ["s2", "s1"])
    assert first == [{"code": "rated", "level": 2}, {"code": "top_at", "stall": "s1", "round": 2}]
    assert second == [{"code": "rated", "level": 3}]


def test_an_unrated_stall_says_that_it_needed_the_group_or_had_a_seat() -> None:
    first, _ = told(market(), ["s4", "s1"])
    assert first is not None and first[0] == {"code": "needed", "group": "a"}
    data = market()
    data["people"][1]["group"] = "a"
    first, _ = told(data, ["s4", "s1"], p0=["s4", None])
    assert first is not None and first[0] == {"code": "free_seat"}


def test_a_full_stall_says_how_many_others_wished_it_only_from_five_on() -> None:
    crowd = {f"p{n}": ["s1", None] for n in range(3)}
    first, _ = told(market(), ["s2", "s3"], **crowd)
    assert first is not None
    assert first[1:] == [{"code": "full", "stall": "s1", "level": 3, "cap": 3, "n": 6}]
    few = market()
    for person in few["people"][4:]:
        person["interests"] = {}
    first, _ = told(few, ["s2", "s3"], **crowd)
    assert first is not None
    assert first[1:] == [{"code": "full", "stall": "s1", "level": 3, "cap": 3, "n": None}]


def test_a_better_stall_that_had_a_seat_says_that_the_room_gains() -> None:
    first, _ = told(market(), ["s2", "s3"])
    assert first is not None and first[1:] == [{"code": "balance", "stall": "s1"}]


def test_a_better_stall_is_visited_planned_own_closed_or_not_available() -> None:
    def reason(data: Data, route: list[str | None]) -> dict[str, Any]:
        reasons = told(data, route)[0 if "from_round" not in data else 1]
        assert reasons is not None
        return reasons[-1]

    assert reason(market(), ["s3", "s2"]) == {"code": "planned", "stall": "s2", "round": 2}
    past = market(from_round=2, past=[{"person": "ada", "stall": "s1"}])
    assert reason(past, [None, "s2"]) == {"code": "visited", "stall": "s1"}
    for more, code in (
        ({"organisation": "lyon"}, "own"),
        ({"hosts": ["ada"], "open": [1, 2], "hosting": "turns"}, "own"),
        ({"open": [2]}, "closed"),
        ({"never": ["lyon"]}, "not_available"),
    ):
        data = market()
        data["stalls"][0].update(more)
        if code == "own" and "hosts" in more:
            data["stalls"][0]["hosts"] = ["p0", "ada"]
        assert reason(data, ["s2", "s3"]) == {"code": code, "stall": "s1"}
    data = market()
    data["people"][0]["never"] = ["s1"]
    assert reason(data, ["s2", "s3"]) == {"code": "not_available", "stall": "s1"}


def test_a_pin_and_a_duty_say_so_and_who_is_away_is_told_nothing() -> None:
    data = market(pins=[{"person": "ada", "stall": "s2", "round": 1}])
    first, _ = told(data, ["s2", "s1"])
    assert first is not None and first[0] == {"code": "pinned"}
    data = market()
    data["stalls"][3]["hosts"] = ["ada", "p0"]
    assert told(data, [None, "s1"])[0] == [{"code": "hosting", "stall": "s4"}]
    data = market()
    data["people"][0]["rounds"] = [2]
    assert told(data, [None, "s1"])[0] is None


def test_a_round_that_is_over_is_told_nothing() -> None:
    reasons = why(read(examples.SECOND), examples.SECOND_BEST, "p6")
    assert reasons[0] is None
    assert reasons[1] == [{"code": "rated", "level": 3}]


def test_no_reason_names_another_person_or_shows_a_small_number_of_them() -> None:
    data = generator.event(60, 12, 4, 1)
    event = read(data)
    assignment = {person.id: ["s1", *[None] * 3] for person in event.people}
    stalls = [stall.id for stall in event.stalls]
    for n, person in enumerate(event.people):
        assignment[person.id] = [stalls[(n + r) % len(stalls)] for r in range(4)]
    known = {"code", "level", "group", "stall", "round", "cap", "n"}
    people = {person.id for person in event.people}
    for person in event.people:
        for reasons in why(event, assignment, person.id):
            for reason in reasons or ():
                assert set(reason) <= known
                assert not people & {given for given in reason.values() if isinstance(given, str)}
                assert reason.get("n") is None or reason["n"] >= 5
                assert json.dumps(reason)


def test_a_veto_of_either_side_is_told_in_the_same_words() -> None:
    mine, theirs = market(), market()
    mine["people"][0]["never"] = ["s1"]
    theirs["stalls"][0]["never"] = ["lyon"]
    assert told(mine, ["s2", "s3"]) == told(theirs, ["s2", "s3"])
