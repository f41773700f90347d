"""A day that does not go as planned: people come late, leave, sit elsewhere, rounds end early, the session pauses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..contract import Refusal
from . import rules
from .messages import Freeze, TimeUp
from .test_rules import GROUPS, Market, code_of, refused, room, wishing

MINUTE = 60_000


def begun(**more: Any) -> Market:
    """A published plan, and its first round running."""
    played = wishing(**more)
    played.publish()
    assert not isinstance(played.desk("start_round", round=1), Refusal)
    return played


def elsewhere(played: Market, who: str) -> str:
    """A stall that the plan does not give this person at all."""
    route = played.mine(who)["route"]
    stalls: list[str] = list(played.state.stalls)
    return next(stall for stall in stalls if stall not in route)


def count(played: Market, round: int) -> dict[str, int]:
    return {stall["id"]: stall["rounds"][round - 1]["count"] for stall in played.view("wall")["stalls"]}


# Rounds


def test_no_round_begins_without_a_plan_and_none_twice() -> None:
    played = wishing()
    assert played.desk("start_round") == refused("no_plan")
    played.publish()
    assert played.desk("start_round", round=2) == refused("unknown_round")
    assert played.desk("start_round", round=1)
    assert played.desk("start_round", round=1) == [], "a second press finds it running"
    assert played.desk("start_round") == refused("round_running")
    assert played.desk("end_round") and played.desk("end_round") == refused("no_round")
    for _ in (2, 3):
        played.play_round()
    assert played.desk("start_round") == refused("unknown_round")
    assert isinstance(played.desk("ask_for_plan"), Refusal)


def test_the_clock_freezes_the_coming_round_a_minute_before_it_ends_this_one() -> None:
    played = begun()
    start = played.now
    assert isinstance(played.run_clock(), Freeze) and played.now == start + 9 * MINUTE
    assert played.view("desk")["frozen"] == 2
    assert isinstance(played.run_clock(), TimeUp) and played.now == start + 10 * MINUTE
    assert played.view("phone")["state"] == "over" and played.view("phone")["next_at"] == played.now + MINUTE
    assert rules.deadline(played.state) is None


def test_more_time_moves_the_end_and_thaws_the_coming_round() -> None:
    played = begun()
    played.run_clock()
    assert "frozen" in played.view("desk")
    ends_at = played.view("phone")["ends_at"]
    played.desk("more_time", seconds=180)
    assert played.view("phone")["ends_at"] == ends_at + 3 * MINUTE and "frozen" not in played.view("desk")
    assert isinstance(played.run_clock(), Freeze)
    assert played.desk("more_time", seconds=30) and played.view("desk").get("frozen") is None


def test_a_pause_moves_the_end_of_a_round_by_its_length() -> None:
    played = begun()
    ends_at = played.view("phone")["ends_at"]
    played.now += 2 * MINUTE
    played.clock("hold")
    assert rules.deadline(played.state) is None and played.clock("hold") == []
    played.now += 30 * MINUTE
    assert played.clock("time_up", round=1) == [] and played.view("phone")["state"] == "running"
    played.clock("go_on")
    assert played.view("phone")["ends_at"] == ends_at + 30 * MINUTE and played.clock("go_on") == []


def test_the_phases_go_in_any_direction_and_lose_nothing() -> None:
    played = begun()
    for phase in ("panel", "before", "rounds", "panel"):
        played.desk("go_to", phase=phase)
        assert played.view("phone")["phase"] == phase and played.view("phone")["round"] == 1
    assert played.desk("go_to", phase="panel") == []
    assert room(panel=False).desk("go_to", phase="panel") == refused("not_allowed")


# Presence beats plan


def test_who_sits_elsewhere_has_visited_what_they_sit_at() -> None:
    played = begun()
    stall, planned = elsewhere(played, "n0"), played.mine("n0")["route"][0]
    before = count(played, 1)
    played.phone("n0", "check_in", stall=stall)
    assert played.mine("n0")["here"] == stall and played.mine("n0")["visits"] == [{"round": 1, "stall": stall}]
    after = count(played, 1)
    assert (after[stall], after[planned]) == (before[stall] + 1, before[planned] - 1)
    assert played.mine("n0")["route"][0] == planned, "what was planned stays what it was"
    played.desk("end_round")
    played.publish()
    assert stall not in played.mine("n0")["route"][1:]


def test_who_is_not_seen_counts_where_the_plan_put_them() -> None:
    played = begun()
    planned = {name: played.mine(name)["route"][0] for name in played.people}
    played.desk("end_round")
    played.desk("ask_for_plan")
    past = rules.snapshot(played.state, rules.due(played.state)[0])["past"]
    assert {(one["person"], one["stall"], one["round"]) for one in past} == {(n, s, 1) for n, s in planned.items()}


def test_a_check_in_between_two_rounds_is_for_the_coming_one() -> None:
    played = begun()
    played.desk("end_round")
    stall = elsewhere(played, "n0")
    played.phone("n0", "check_in", stall=stall)
    assert [one["round"] for one in played.mine("n0")["visits"]] == [1] and played.mine("n0")["here"] == stall
    played.desk("start_round")
    assert played.mine("n0")["visits"][-1] == {"round": 2, "stall": stall}


def test_nobody_checks_in_where_there_is_no_round() -> None:
    played = wishing()
    assert played.phone("n0", "check_in", stall="p1") == refused("no_round")
    assert played.phone("n0", "check_in", stall="p9") == refused("unknown_stall")
    played.publish()
    played.play_round()
    played.desk("go_to", phase="panel")
    assert played.phone("n0", "check_in", stall="p1") == refused("no_round")


def test_a_check_in_beats_a_full_stall_while_a_plan_seats_people() -> None:
    played = begun()
    for name in played.people:
        assert not isinstance(played.phone(name, "check_in", stall="p1"), Refusal)
    assert played.view("wall")["stalls"][0]["here"] == 12 and played.view("phone")["stalls"][0]["full"] is True
    assert "here" not in played.view("phone")["stalls"][0], "two hundred phones need not be told each check-in"


def test_the_desk_and_the_hosts_of_a_stall_say_who_stands_there() -> None:
    played = begun()
    assert played.phone("n0", "seen", person="n1", stall="p1") == refused("not_yours")
    assert played.desk("seen", person="nobody", stall="p1") == refused("unknown_person")
    played.phone("n0", "present", stall="p1", on=True)
    assert not isinstance(played.phone("n0", "seen", person="n1", stall="p1"), Refusal)
    assert played.desk("seen", person="n1", stall="p1") == []
    assert played.view("desk")["seen"] == {"p1": ["n1"]}


def test_a_visit_is_rated_by_who_made_it_and_the_desk_reads_counts() -> None:
    played = begun()
    assert played.phone("n0", "rate_visit", round=2, how="useful") == refused("unknown_round")
    played.phone("n0", "rate_visit", round=1, how="too_short")
    played.phone("n1", "rate_visit", round=1, how="useful")
    assert played.view("desk")["ratings"] == {"1": {"too_short": 1, "useful": 1}}
    assert played.mine("n0")["ratings"] == {"1": "too_short"} and "ratings" not in played.view("phone")


def test_notes_at_a_stall_are_their_authors_and_the_desks() -> None:
    played = begun()
    note = {"note": "note000000000001", "stall": "p1", "kind": "question"}
    assert played.phone("n0", "write_note", **note, text=" ") == refused("empty")
    assert played.phone("n0", "write_note", **note, text="x" * 2001) == refused("too_long", max=2000)
    played.phone("n0", "write_note", **note, text="Chi paga?")
    assert played.phone("n0", "write_note", **note, text="Chi paga?") == []
    assert played.phone("n1", "write_note", **note, text="Altro") == refused("exists")
    shown = [{**note, "text": "Chi paga?"}]
    assert played.mine("n0")["notes"] == shown and played.mine("n1")["notes"] == []
    assert played.view("desk")["notes"] == [{**shown[0], "own_group": GROUPS[0]}] and "notes" not in played.view("wall")
    assert played.phone("n1", "remove_note", note="note000000000001") == refused("not_yours")
    played.phone("n0", "remove_note", note="note000000000001")
    assert played.desk("remove_note", note="note000000000001") == refused("gone")


# Latecomers and leavers


def test_a_latecomer_waits_for_the_next_plan_and_is_told_so() -> None:
    played = begun()
    played.came("late")
    assert played.mine("late")["late"] is True and "route" not in played.mine("late")
    assert [one["person"] for one in played.view("desk")["people"] if one["late"]] == ["late"]
    played.publish()
    own = played.mine("late")
    assert "late" not in own and own["route"][0] is None and all(own["route"][1:])


def test_a_new_plan_in_use_moves_few_and_tells_whom() -> None:
    played = begun()
    before = played.routes()
    played.came("late")
    played.desk("ask_for_plan")
    played.offer()
    offered = played.view("desk")["offered"]
    assert played.routes() == {**before, "late": None}, "nobody is moved before it is published"
    played.desk("publish_plan", plan=offered["number"])
    after = played.routes()
    moved = {
        (name, number, before[name][number - 1], after[name][number - 1])
        for name in before
        for number in (1, 2, 3)
        if before[name][number - 1] != after[name][number - 1]
    }
    told = {(one["person"], one["round"], one["from"], one["to"]) for one in offered["diff"] if one["person"] != "late"}
    assert told == moved and all(number > 1 for _, number, _, _ in moved)
    assert offered["changes"]["people"] == len({name for name, *_ in moved}) <= 3
    for name in before:
        changed = played.mine(name).get("changed", [])
        assert {(name, one["round"], one["from"], one["to"]) for one in changed} == {
            one for one in moved if one[0] == name
        }
    assert "changed" not in played.mine("late")


def test_rounds_that_have_begun_never_change_whatever_is_published() -> None:
    played = begun()
    first, route = count(played, 1), {name: own[0] for name, own in played.routes().items()}
    played.phone("n1", "be_away", on=True)
    played.desk("set_stall", stall="p1", set={"capacity": 1})
    played.came("late")
    played.publish()
    played.desk("end_round")
    played.publish(fresh=True)
    assert count(played, 1) == first
    assert {name: own[0] for name, own in played.routes().items() if name != "late"} == route


def test_who_goes_away_is_not_planned_and_nobody_else_is_unseated() -> None:
    played = begun()
    before = played.routes()
    played.phone("n1", "be_away", on=True)
    assert played.mine("n1")["away"] is True and played.mine("n1")["route"][1:] == [None, None]
    assert (sum(count(played, 1).values()), sum(count(played, 2).values())) == (12, 11)
    assert {name: own for name, own in played.routes().items() if name != "n1"} == {
        name: own for name, own in before.items() if name != "n1"
    }
    played.publish()
    assert "n1" not in played.view("desk")["plan"]["assignment"]


def test_who_comes_back_is_placed_again_by_the_next_plan() -> None:
    played = begun()
    played.desk("set_away", person="n1", on=True)
    assert played.desk("set_away", person="n1", on=True) == []
    played.publish()
    played.phone("n1", "be_away", on=False)
    assert played.mine("n1")["late"] is True
    played.publish()
    assert all(played.mine("n1")["route"][1:]) and played.desk("set_away", person="x", on=True) == refused(
        "unknown_person"
    )


def test_who_stands_at_a_stall_is_not_away() -> None:
    played = begun()
    played.desk("set_away", person="n1", on=True)
    played.phone("n1", "check_in", stall="p1")
    assert played.mine("n1")["away"] is False


def test_a_stall_that_closes_sends_its_visitors_to_the_next_plan() -> None:
    played = begun()
    stall = played.mine("n0")["route"][1]
    played.desk("remove_stall", stall=stall)
    assert played.mine("n0")["route"][1] is None
    played.publish()
    routes = [own[1:] for own in played.routes().values()]
    assert all(stall not in own for own in routes)


def test_a_plan_whose_round_began_meanwhile_comes_too_late() -> None:
    played = wishing()
    played.publish()
    played.came("late")
    played.desk("ask_for_plan")
    done = played.work()
    played.desk("start_round")
    assert played.ask("server", "offer_plan", **done) == refused("plan_outdated")
    assert not isinstance(played.offer(), Refusal), "the same asking goes on for the rounds that are left"
    number = played.view("desk")["offered"]["number"]
    played.desk("end_round")
    played.desk("start_round")
    assert played.desk("publish_plan", plan=number) == refused("no_plan")


def test_the_coming_round_stands_in_its_last_minute_and_newcomers_are_seated() -> None:
    played = begun()
    played.run_clock()
    before = {name: own[1] for name, own in played.routes().items()}
    played.came("late")
    for name in ("n0", "n1", "n2"):
        for stall in played.state.stalls:
            played.phone(name, "wish", stall=stall, level=3 if stall == "p1" else 0)
    played.publish()
    after = {name: own[1] for name, own in played.routes().items()}
    assert {name: stall for name, stall in after.items() if name != "late"} == before and after["late"]
    assert all("pinned" not in json.dumps(played.mine(name)["why"]) for name in played.people)


def test_a_plan_made_before_the_freeze_does_not_move_the_frozen_round_after_it() -> None:
    played = begun()
    for n in range(12):
        played.phone(f"n{n}", "wish", stall=played.mine(f"n{n}")["route"][1], level=0)
    played.came("late")
    played.desk("pin", person="n0", stall=elsewhere(played, "n0"), round=2)
    played.desk("ask_for_plan")
    played.offer()
    number = played.view("desk")["offered"]["number"]
    assert any(one["round"] == 2 and one["from"] for one in played.view("desk")["offered"]["diff"])
    played.run_clock()
    diff = played.view("desk")["offered"]["diff"]
    moved = [one for one in diff if one["round"] == 2 and one["from"] and one["person"] != "n0"]
    answer = played.desk("publish_plan", plan=number)
    assert (code_of(answer) == "plan_outdated") == bool(moved)


def test_all_new_takes_no_heed_of_the_frozen_round() -> None:
    played = begun()
    played.run_clock()
    played.desk("ask_for_plan", fresh=True)
    snapshot = rules.snapshot(played.state, rules.due(played.state)[0])
    assert snapshot["pins"] == [] and "previous" not in snapshot
    played.desk("ask_for_plan")
    snapshot = rules.snapshot(played.state, rules.due(played.state)[0])
    assert len(snapshot["pins"]) == 12 and snapshot["previous"].keys() == played.people.keys()


def test_minimums_give_way_by_one_before_people_in_a_plan_in_use_are_moved() -> None:
    played = begun()
    played.desk("set_stall", stall="p1", set={"minimum": 3})
    played.desk("ask_for_plan")
    stalls = {one["id"]: one for one in rules.snapshot(played.state, rules.due(played.state)[0])["stalls"]}
    assert stalls["p1"]["minimum"] == 2 and stalls["p2"]["minimum"] == 0
    played.desk("ask_for_plan", fresh=True)
    stalls = {one["id"]: one for one in rules.snapshot(played.state, rules.due(played.state)[0])["stalls"]}
    assert stalls["p1"]["minimum"] == 3 and "minimum" not in stalls["p2"]


# Free circulation


def test_in_free_circulation_a_full_stall_names_another_one() -> None:
    played = room(capacity=2)
    played.desk("circulate", on=True)
    assert played.desk("start_round")
    played.phone("n2", "wish", stall="p3", level=3)
    for name in ("n0", "n1"):
        played.phone(name, "check_in", stall="p1")
    shown = played.view("phone")["stalls"]
    assert (shown[0]["free_now"], shown[0]["full"], shown[1]["free_now"]) == (0, True, 2)
    assert played.phone("n2", "check_in", stall="p1") == refused("stall_full", stall="p1", **{"try": "p3"})
    played.phone("n0", "check_in", stall="p2")
    assert not isinstance(played.phone("n2", "check_in", stall="p1"), Refusal)
    assert played.mine("n0")["visits"] == [{"round": 1, "stall": "p1"}, {"round": 1, "stall": "p2"}]


def test_a_full_stall_never_names_one_that_the_person_avoids_or_has_seen() -> None:
    played = room(capacity=1, stalls=4)
    played.desk("circulate", on=True)
    played.desk("start_round")
    played.phone("n0", "check_in", stall="p1")
    played.phone("n1", "avoid", stall="p2", on=True)
    played.phone("n1", "check_in", stall="p3")
    played.phone("n1", "check_in", stall="p4")
    answer = played.phone("n1", "check_in", stall="p1")
    assert answer == refused("stall_full", stall="p1")


def test_visits_in_free_circulation_count_for_the_plan_that_comes_after() -> None:
    played = wishing()
    played.desk("circulate", on=True)
    played.phone("n0", "check_in", stall="p1")
    played.desk("start_round")
    played.phone("n0", "check_in", stall="p2")
    played.desk("end_round")
    played.desk("circulate", on=False)
    played.publish()
    assert not {"p1", "p2"} & set(played.mine("n0")["route"][1:])


def test_going_over_to_free_circulation_keeps_the_plan_for_later() -> None:
    played = begun()
    played.desk("end_round")
    before = played.mine("n0")["route"][2]
    played.desk("circulate", on=True)
    played.desk("start_round")
    assert played.mine("n0")["route"][1] is None and sum(count(played, 2).values()) == 0
    played.desk("circulate", on=False)
    assert played.mine("n0")["route"][2] == before


# What can be said about any day


@given(
    gone=st.lists(st.integers(0, 11), max_size=4, unique=True),
    wandering=st.lists(st.tuples(st.integers(0, 11), st.integers(1, 4)), max_size=6),
    new=st.integers(0, 3),
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_nobody_who_stays_loses_a_place_without_being_told(
    gone: list[int], wandering: list[tuple[int, int]], new: int
) -> None:
    played = begun(capacity=5)
    for n, stall in wandering:
        played.phone(f"n{n}", "check_in", stall=f"p{stall}")
    for n in gone:
        played.desk("set_away", person=f"n{n}", on=True)
    for n in range(new):
        played.came(f"late{n}")
    before = played.routes()
    played.publish()
    after = played.routes()
    for name in played.people:
        if name in played.state.away:
            continue
        assert all(after[name][1:]), f"{name} has no place"
        told = {one["round"]: (one["from"], one["to"]) for one in played.mine(name).get("changed", [])}
        for number in (2, 3):
            was = before[name][number - 1] if before[name] else None
            if before[name] and was != after[name][number - 1]:
                assert told[number] == (was, after[name][number - 1])
        visited = [one["stall"] for one in played.mine(name)["visits"]]
        assert not set(visited) & set(after[name][1:])


@pytest.mark.parametrize("do", ["check_in", "present", "avoid", "wish"])
def test_a_stall_that_is_not_there_is_refused_and_changes_nothing(do: str) -> None:
    played = begun()
    before = played.state
    said: dict[str, dict[str, Any]] = {"present": {"on": True}, "avoid": {"on": True}, "wish": {"level": 1}}
    fields = said.get(do, {})
    assert played.phone("n0", do, stall="nowhere", **fields) == refused("unknown_stall")
    assert played.state == before
