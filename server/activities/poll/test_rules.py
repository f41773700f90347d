"""A poll: one question after another, hidden until the reveal, changeable until the lock, counted by group."""

import json
import tomllib
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ..contract import Refusal
from ..contract.flow import GRACE
from ..contract.messages import Moment
from ..contract.rehearsal import NINE_OCLOCK, Rehearsal, Somebody, token
from . import messages, rules

OPTIONS = [{"id": id, "text": {"it": f"Voce {id}", "en": f"Item {id}"}} for id in "abcd"]
CHOICE = {"id": "q1", "kind": "choice", "text": {"it": "Che cosa?", "en": "What?"}, "options": OPTIONS}
YES_NO = {"id": "q2", "kind": "yes_no", "text": {"it": "Davvero?", "en": "Really?"}}
TIMED = CHOICE | {"id": "q1", "time": 20}
SCREENS = ("phone", "wall", "desk")


def poll(*questions: Any, level: Any = "pseudonym", crowd: Any = 0, **setup: Any) -> Any:
    """ada is a civil servant, bruno a social innovator; crowd: as many more of each."""
    people = {
        "ada": Somebody("civil_servants", "1", "it"),
        "bruno": Somebody("social_innovators", "1", "en"),
    }
    for n in range(crowd):
        people[f"c{n}"] = Somebody("civil_servants", "2", "it")
        people[f"s{n}"] = Somebody("social_innovators", "3", "en")
    return Rehearsal(rules, messages, {"questions": list(questions or (CHOICE, YES_NO))} | setup, level, people)


def opened(*questions: Any, **more: Any) -> Any:
    stage = poll(*questions, **more)
    stage.desk("open_question", question="q1")
    return stage


def answer(stage: Any, who: Any, *ids: Any, round: Any = 1) -> Any:
    return stage.phone(who, "answer", question="q1", round=round, value=list(ids))


def close(stage: Any, question: Any = "q1", *, reveal: Any = True) -> Any:
    stage.desk("lock_question", question=question)
    if reveal:
        stage.desk("reveal", question=question)


def counts(stage: Any, screen: Any = "wall") -> Any:
    return {option["id"]: option["count"] for option in stage.view(screen)["question"]["options"]}


def due_at(stage: Any) -> int | None:
    due = rules.deadline(stage.state)
    return None if due is None else due[0]


# The way of a question


def test_before_the_first_question_nothing_about_it_leaves_the_server() -> None:
    stage = poll()
    for screen in ("phone", "wall"):
        assert stage.view(screen) == {"state": "waiting", "n": 0, "of": 2, "level": "pseudonym"}
    assert stage.view("desk")["next"]["id"] == "q1"


def test_an_open_question_shows_its_options_with_letters_on_every_screen() -> None:
    stage = opened()
    for screen in SCREENS:
        view = stage.view(screen)
        assert view["state"] == "open"
        assert [option["letter"] for option in view["question"]["options"]] == ["A", "B", "C", "D"]


def test_the_counter_goes_to_wall_and_desk_and_not_to_the_phones() -> None:
    stage = opened()
    answer(stage, "ada", "a")
    assert stage.view("wall")["answered"] == stage.view("desk")["answered"] == 1
    assert "answered" not in stage.view("phone")


def test_no_count_is_on_any_screen_while_people_answer() -> None:
    stage = opened()
    answer(stage, "ada", "a")
    for screen in SCREENS:
        assert "count" not in json.dumps(stage.view(screen))


def test_after_the_lock_only_the_desk_sees_the_distribution() -> None:
    stage = opened()
    answer(stage, "ada", "a")
    close(stage, reveal=False)
    assert counts(stage, "desk")["a"] == 1
    for screen in ("phone", "wall"):
        assert "count" not in json.dumps(stage.view(screen))


def test_the_reveal_shows_counts_everywhere() -> None:
    stage = opened()
    answer(stage, "ada", "a")
    answer(stage, "bruno", "b")
    close(stage)
    for screen in SCREENS:
        assert counts(stage, screen) == {"a": 1, "b": 1, "c": 0, "d": 0}
        assert stage.view(screen)["answered"] == 2


def test_an_open_question_cannot_be_revealed() -> None:
    assert opened().desk("reveal", question="q1") == Refusal("not_locked")


def test_hiding_takes_the_result_back_and_revealing_shows_it_again() -> None:
    stage = opened()
    answer(stage, "ada", "a")
    close(stage)
    stage.desk("hide", question="q1")
    assert "count" not in json.dumps(stage.view("wall"))
    stage.desk("reveal", question="q1")
    assert counts(stage)["a"] == 1


def test_a_second_question_waits_until_the_first_is_locked() -> None:
    stage = opened()
    assert stage.desk("open_question", question="q2") == Refusal("not_locked")
    assert stage.desk("next_question", question="q1") == Refusal("not_locked")
    close(stage)
    stage.desk("next_question", question="q1")
    assert stage.view("wall")["question"]["id"] == "q2"


def test_a_second_press_on_next_skips_nothing() -> None:
    stage = opened()
    close(stage)
    stage.desk("next_question", question="q1")
    assert stage.desk("next_question", question="q1") == []
    close(stage, "q2")
    assert stage.desk("next_question", question="q2") == Refusal("no_more_questions")


def test_a_question_is_opened_only_once() -> None:
    stage = opened()
    assert stage.desk("open_question", question="q1") == []
    close(stage)
    assert stage.desk("open_question", question="q1") == Refusal("already_opened")


def test_a_question_nobody_planned_is_unknown_to_everybody() -> None:
    stage = opened()
    assert stage.desk("open_question", question="q9") == Refusal("unknown_question")
    assert stage.phone("ada", "answer", question="q9", round=1, value=["a"]) == Refusal("unknown_question")


def test_time_to_read_shows_the_question_and_takes_no_answer() -> None:
    stage = opened(CHOICE | {"reading": 5})
    assert stage.view("phone")["state"] == "reading"
    assert answer(stage, "ada", "a") == Refusal("not_open")
    assert stage.ask("clock", "show_options", question="q1") == Refusal("not_yet")
    stage.run_clock()
    assert stage.now == NINE_OCLOCK + 5000
    assert stage.view("phone")["state"] == "open"


def test_options_are_shuffled_once_for_everybody_where_the_setup_asks_for_it() -> None:
    orders = set()
    for n in range(12):
        stage = poll(CHOICE | {"shuffle": True})
        for _ in range(n):
            stage.desk("set_level", level="pseudonym")
            stage.phone("ada", "my_time", factor=2)
            stage.phone("ada", "my_time", factor=1)
        stage.desk("open_question", question="q1")
        order = [option["id"] for option in stage.view("phone")["question"]["options"]]
        assert order == [option["id"] for option in stage.view("wall")["question"]["options"]]
        assert stage.view("wall")["question"]["options"][0]["letter"] == "A"
        orders.add(tuple(order))
    assert len(orders) > 1


# Answers


def test_the_last_answer_before_the_lock_counts() -> None:
    stage = opened()
    answer(stage, "ada", "a")
    answer(stage, "ada", "b")
    assert stage.mine("ada")["value"] == ["b"]
    close(stage)
    assert counts(stage) == {"a": 0, "b": 1, "c": 0, "d": 0}


def test_an_answer_can_be_taken_back_until_the_lock() -> None:
    stage = opened()
    answer(stage, "ada", "a")
    stage.phone("ada", "take_back", question="q1", round=1)
    assert "value" not in stage.mine("ada")
    assert stage.view("wall")["answered"] == 0
    answer(stage, "ada", "a")
    close(stage)
    assert stage.phone("ada", "take_back", question="q1", round=1) == Refusal("locked")


def test_skipping_is_an_answer_of_its_own() -> None:
    stage = opened()
    stage.phone("ada", "answer", question="q1", round=1, value=None)
    assert stage.mine("ada")["value"] is None
    assert stage.view("wall")["answered"] == 1
    close(stage)
    assert stage.view("wall")["results"] == {"n": 0, "skipped": 1}


def test_an_answer_after_the_lock_is_refused_and_the_kept_one_stays() -> None:
    stage = opened()
    answer(stage, "ada", "a")
    close(stage)
    assert answer(stage, "ada", "b") == Refusal("locked")
    assert stage.mine("ada")["value"] == ["a"]


def test_a_late_joiner_may_answer_the_open_question_but_not_an_earlier_one() -> None:
    stage = opened()
    close(stage)
    stage.desk("next_question", question="q1")
    stage.people["carla"] = Somebody("civil_servants")
    assert answer(stage, "carla", "a") == Refusal("locked")
    assert not isinstance(stage.phone("carla", "answer", question="q2", round=1, value="yes"), Refusal)


def test_an_answer_follows_the_group_somebody_had_when_giving_it() -> None:
    stage = opened()
    answer(stage, "ada", "a")
    stage.people["ada"] = Somebody("social_innovators")
    assert rules.rows(stage.state)[0]["group"] == "civil_servants"


# Time


def test_an_answer_counts_until_half_a_second_after_the_deadline() -> None:
    stage = opened(TIMED)
    assert stage.view("phone")["ends_at"] == NINE_OCLOCK + 20_000
    stage.now = NINE_OCLOCK + 20_000 + GRACE
    assert not isinstance(answer(stage, "ada", "a"), Refusal)
    stage.now += 1
    assert answer(stage, "ada", "b") == Refusal("too_late")


def test_the_clock_locks_at_the_deadline_and_its_grace_and_not_before() -> None:
    stage = opened(TIMED)
    stage.now = NINE_OCLOCK + 20_000 + GRACE - 1
    assert stage.clock("time_up", question="q1", round=1) == Refusal("not_yet")
    stage.run_clock()
    assert stage.now == NINE_OCLOCK + 20_000 + GRACE
    assert stage.view("wall")["state"] == "locked"
    assert stage.clock("time_up", question="q1", round=1) == Refusal("locked")
    assert rules.deadline(stage.state) is None


def test_without_a_limit_the_clock_has_nothing_to_ask() -> None:
    assert rules.deadline(opened().state) is None


def test_twice_the_time_is_twice_the_time_for_that_person_alone() -> None:
    stage = opened(TIMED)
    stage.phone("ada", "my_time", factor=2)
    stage.now = NINE_OCLOCK + 40_000 + GRACE
    assert answer(stage, "bruno", "a") == Refusal("too_late")
    assert not isinstance(answer(stage, "ada", "a"), Refusal)
    assert stage.mine("ada")["ends_at"] == NINE_OCLOCK + 40_000


def test_the_room_waits_for_the_last_own_deadline_of_those_who_have_not_answered() -> None:
    stage = opened(TIMED)
    stage.phone("ada", "my_time", factor=2)
    assert due_at(stage) == NINE_OCLOCK + 40_000 + GRACE
    assert stage.view("desk")["someone_until"] == NINE_OCLOCK + 40_000
    answer(stage, "ada", "a")
    assert due_at(stage) == NINE_OCLOCK + 20_000 + GRACE


def test_without_a_limit_of_ones_own_only_the_desk_ends_the_question() -> None:
    stage = opened(TIMED)
    stage.phone("ada", "my_time", factor="open")
    assert rules.deadline(stage.state) is None
    assert stage.view("desk")["someone_open"]
    stage.now += 10**9
    assert not isinstance(answer(stage, "ada", "a"), Refusal)
    assert answer(stage, "bruno", "a") == Refusal("too_late")


def test_own_time_is_shown_to_its_person_alone_and_never_exported() -> None:
    stage = opened(TIMED)
    stage.phone("ada", "my_time", factor=2)
    answer(stage, "ada", "a")
    assert stage.mine("ada")["factor"] == 2
    assert "factor" not in stage.mine("bruno")
    assert "factor" not in json.dumps([stage.view(screen) for screen in SCREENS] + rules.rows(stage.state))


def test_more_time_moves_the_deadline_even_when_it_has_just_passed() -> None:
    stage = opened(TIMED)
    stage.now += 20_400
    stage.desk("more_time", seconds=15)
    assert stage.view("phone")["ends_at"] == stage.now + 15_000
    assert opened().desk("more_time", seconds=15) == []


def test_a_pause_moves_the_deadline_and_nobody_loses_a_second() -> None:
    stage = opened(TIMED)
    stage.now += 12_000
    stage.clock("hold")
    assert rules.deadline(stage.state) is None
    stage.now += 600_000
    assert not isinstance(answer(stage, "bruno", "b"), Refusal)
    stage.clock("go_on")
    assert stage.view("phone")["ends_at"] == stage.now + 8_000
    stage.now += 8_000
    answer(stage, "ada", "a")
    assert [row["took_ms"] for row in rules.rows(stage.state)] == [12_000, 20_000]


def test_a_question_opened_during_a_pause_has_its_whole_time_after_it() -> None:
    stage = poll(TIMED)
    stage.clock("hold")
    stage.now += 60_000
    stage.desk("open_question", question="q1")
    stage.now += 30_000
    stage.clock("go_on")
    assert stage.view("phone")["ends_at"] == stage.now + 20_000


def test_half_the_way_of_the_message_is_taken_off_but_never_more_than_300_ms() -> None:
    for rtt, took in ((0, 5000), (200, 4900), (5000, 4700), (-50, 5000)):
        stage = opened()
        stage.now += 5000
        stage.ask("phone", "answer", "ada", rtt_ms=rtt, question="q1", round=1, value=["a"])
        assert stage.happened[-1].fact.took_ms == took


# Rounds and steps back


def test_a_second_round_keeps_the_first_and_shows_both_with_the_movement() -> None:
    stage = opened(crowd=3)
    for who in stage.people:
        answer(stage, who, "a")
    close(stage)
    stage.desk("new_round", question="q1")
    assert "value" not in stage.mine("ada")
    assert answer(stage, "ada", "b", round=1) == Refusal("wrong_round")
    for who in stage.people:
        answer(stage, who, "b" if who.startswith("c") else "a", round=2)
    close(stage)
    view = stage.view("wall")
    assert view["round"] == 2
    assert counts(stage) == {"a": 5, "b": 3, "c": 0, "d": 0}
    (first,) = view["rounds"]
    assert first["options"]["a"]["count"] == 8
    assert first["moves"] == {"matched": 8, "only_before": 0, "only_after": 0, "same": 5, "changed": 3}
    assert [(row["round"], row["answers"]) for row in rules.outcomes(stage.state)] == [(1, 8), (2, 8)]


def test_reopening_keeps_every_answer_and_has_no_deadline() -> None:
    stage = opened(TIMED)
    answer(stage, "ada", "a")
    close(stage)
    stage.desk("reopen_question", question="q1")
    stage.now += 10**7
    assert stage.mine("ada")["value"] == ["a"]
    answer(stage, "bruno", "b")
    close(stage)
    assert counts(stage) == {"a": 1, "b": 1, "c": 0, "d": 0}


def test_a_cancelled_question_keeps_its_reason_and_leaves_no_result() -> None:
    stage = opened()
    answer(stage, "ada", "a")
    stage.desk("cancel_question", question="q1", reason="Non era chiara")
    assert answer(stage, "bruno", "a") == Refusal("cancelled")
    assert stage.view("wall")["state"] == "cancelled"
    assert "answered" not in stage.view("wall")
    (result,) = rules.outcomes(stage.state)
    assert result["cancelled"]
    assert result["reason"] == "Non era chiara"
    assert "options" not in result
    assert rules.rows(stage.state)[0]["cancelled"]


def test_a_cancelled_question_can_be_opened_again_with_its_answers() -> None:
    stage = opened()
    answer(stage, "ada", "a")
    stage.desk("cancel_question", question="q1")
    stage.desk("reopen_question", question="q1")
    assert stage.mine("ada")["value"] == ["a"]


def test_a_question_cancelled_before_its_turn_is_left_out_and_may_still_be_opened() -> None:
    stage = poll(CHOICE, YES_NO)
    stage.desk("cancel_question", question="q1")
    assert stage.view("desk")["next"]["id"] == "q2"
    assert rules.outcomes(stage.state) == []
    assert not isinstance(stage.desk("open_question", question="q1"), Refusal)


# Levels


def test_a_level_only_rises_and_only_before_opening() -> None:
    stage = poll()
    assert stage.desk("set_level", level="named") == Refusal("level_fixed")
    stage.desk("set_level", question="q1", level="anonymous")
    assert stage.desk("set_level", question="q1", level="pseudonym") == Refusal("level_fixed")
    stage.desk("open_question", question="q1")
    assert stage.view("phone")["level"] == "anonymous"
    assert stage.desk("set_level", question="q1", level="anonymous") == Refusal("level_fixed")
    stage.desk("set_level", level="anonymous")
    close(stage)
    stage.desk("next_question", question="q1")
    assert stage.view("phone")["level"] == "anonymous"


def test_a_question_may_be_stricter_than_its_stage_and_never_looser() -> None:
    stage = poll(CHOICE | {"level": "anonymous"}, YES_NO | {"level": "named"})
    levels = [row["level"] for row in stage.view("desk")["questions"]]
    assert levels == ["anonymous", "pseudonym"]


def test_an_anonymous_answer_tells_nothing_about_its_person() -> None:
    stage = poll(CHOICE, level="anonymous", crowd=4)
    stage.people["s3"] = Somebody()
    stage.desk("open_question", question="q1")
    answer(stage, "ada", "a")
    answer(stage, "bruno", "b")
    mine, other = stage.happened[-2:]
    assert mine.voter == token("ada", "question:q1")
    assert mine.fact.group == "civil_servants"
    assert other.fact.group is None
    for fact in (mine.fact, other.fact):
        assert (fact.took_ms, fact.table, fact.language) == (None, None, None)
    assert stage.mine("ada")["value"] == ["a"]


def test_anonymous_answers_to_two_questions_have_nothing_in_common() -> None:
    stage = opened(level="anonymous")
    answer(stage, "ada", "a")
    close(stage)
    stage.desk("next_question", question="q1")
    stage.phone("ada", "answer", question="q2", round=1, value="yes")
    voters = [kept.voter for kept in stage.happened if kept.fact.kind == "answered"]
    assert len(set(voters)) == 2


def test_anonymous_people_can_change_their_answer_and_it_counts_once() -> None:
    stage = opened(level="anonymous")
    answer(stage, "ada", "a")
    answer(stage, "ada", "b")
    close(stage)
    assert counts(stage) == {"a": 0, "b": 1, "c": 0, "d": 0}


def test_at_level_anonymous_everybody_has_the_longest_time_so_that_nobody_stands_out() -> None:
    stage = opened(TIMED, level="anonymous")
    stage.phone("ada", "my_time", factor=2)
    stage.now = NINE_OCLOCK + 40_000 + GRACE
    assert not isinstance(answer(stage, "bruno", "a"), Refusal)
    assert due_at(stage) == NINE_OCLOCK + 40_000 + GRACE


def test_an_export_of_anonymous_answers_names_no_voter_time_table_or_small_group() -> None:
    stage = opened(level="anonymous", crowd=4)
    answer(stage, "ada", "a")
    (row,) = rules.rows(stage.state)
    hidden = (row["voter"], row["group"], row["table"], row["took_ms"], row["at"], row["language"])
    assert hidden == (None,) * 6
    assert row["value"] == ["a"]
    assert row["text"] == {"it": "Voce a", "en": "Item a"}


def test_an_exported_time_is_a_whole_minute() -> None:
    stage = opened()
    stage.now += 61_234
    answer(stage, "ada", "a")
    assert rules.rows(stage.state)[0]["at"] % 60_000 == 0


# Groups


def voted(civil: Any, social: Any, **more: Any) -> Any:
    """Every civil servant takes the letters of `civil` in turn, every social innovator those of `social`."""
    stage = opened(**more)
    stage.people.clear()
    for name, group, letters in (("c", "civil_servants", civil), ("s", "social_innovators", social)):
        for n, letter in enumerate(letters):
            stage.people[f"{name}{n}"] = Somebody(group)
            answer(stage, f"{name}{n}", letter)
    close(stage)
    return stage


def test_both_groups_are_shown_with_their_shares_and_the_widest_gap() -> None:
    stage = voted("aaaaaaabbb", "abbbb")
    view = stage.view("wall")
    assert [(row["group"], row["n"]) for row in view["by_group"]] == [("civil_servants", 10), ("social_innovators", 5)]
    assert view["by_group"][0]["options"]["a"] == {"count": 7, "share": 70}
    assert view["gap"] == {
        "option": "a",
        "letter": "A",
        "points": 50,
        "ahead": "civil_servants",
        "behind": "social_innovators",
    }


def test_with_fewer_than_five_answers_in_one_group_no_screen_and_no_outcome_shows_a_split() -> None:
    stage = voted("aaaaaaaaaa", "bbbb")
    for screen in SCREENS:
        assert "by_group" not in stage.view(screen)
        assert "gap" not in stage.view(screen)
    (result,) = rules.outcomes(stage.state)
    assert "by_group" not in result
    assert result["groups_hidden"]


def test_skipped_answers_do_not_make_a_group_large_enough() -> None:
    stage = opened(crowd=4)
    for who in stage.people:
        answer(stage, who, "a")
    stage.phone("s0", "answer", question="q1", round=1, value=None)
    close(stage)
    assert "by_group" not in stage.view("wall")


def test_equal_groups_have_no_gap() -> None:
    assert "gap" not in voted("aabbb", "bbbaa").view("wall")


def test_a_scale_shows_the_gap_between_the_means() -> None:
    stage = opened({"id": "q1", "kind": "scale", "text": "?", "from": 0, "to": 10}, crowd=4)
    for who in stage.people:
        value = 8 if stage.people[who].group == "civil_servants" else 3
        stage.phone(who, "answer", question="q1", round=1, value=value)
    close(stage)
    view = stage.view("wall")
    assert [row["mean10"] for row in view["by_group"]] == [80, 30]
    assert view["gap"] == {"mean10": 50, "ahead": "civil_servants", "behind": "social_innovators"}
    assert view["results"]["median10"] == 55


def test_a_majority_is_told_for_the_room_and_for_each_group() -> None:
    stage = opened(CHOICE | {"majority": True}, crowd=4)
    for who, person in stage.people.items():
        answer(stage, who, "a" if person.group == "civil_servants" else "b")
    close(stage)
    majority = stage.view("wall")["results"]["majority"]
    assert majority == {"room": None, "groups": {"civil_servants": "a", "social_innovators": "b"}}


def test_live_results_show_counts_at_once_and_groups_only_after_the_reveal() -> None:
    stage = opened(CHOICE | {"live_results": True}, crowd=4)
    for who in stage.people:
        answer(stage, who, "a")
    for screen in SCREENS:
        assert counts(stage, screen)["a"] == 10
        assert "by_group" not in stage.view(screen)
    close(stage)
    assert "by_group" in stage.view("wall")


def test_the_desk_sees_who_has_answered_of_each_group_and_not_what() -> None:
    stage = opened()
    answer(stage, "ada", "c")
    expected = {"answered": 1, "by_group": {"civil_servants": 1}, "by_table": {"1": 1}, "voters": ["ada"]}
    assert rules.answered(stage.state) == {**expected, "taking": True, "unasked": 1}


def test_at_level_anonymous_nobody_is_told_from_which_table_answers_came() -> None:
    stage = opened(level="anonymous")
    answer(stage, "ada", "c")
    assert "by_table" not in rules.answered(stage.state)


def test_the_wall_gets_the_second_language_where_the_setup_names_two() -> None:
    stage = opened(wall_languages=["it", "en"])
    assert stage.view("wall")["second"]["text"] == "What?"
    assert stage.view("wall")["second"]["options"]["a"] == "Item a"
    assert "second" not in stage.view("phone")


def test_an_outcome_says_what_was_asked_how_it_was_counted_and_from_which_facts() -> None:
    stage = voted("aaaaaaabbb", "abbbb")
    (result,) = rules.outcomes(stage.state)
    assert result["kind"] == "vote_result"
    assert (result["question"], result["round"], result["answers"], result["people"]) == ("q1", 1, 15, 2)
    assert result["options"][0] == {"id": "a", "text": {"it": "Voce a", "en": "Item a"}, "count": 8, "share": 53}
    assert result["facts"] == {"from": 1, "to": len(stage.happened)}
    json.dumps(result)


# Setups


def test_a_setup_may_be_empty_until_an_import_fills_it() -> None:
    stage = Rehearsal(rules, messages, {})
    assert stage.view("desk")["questions"] == []
    assert stage.desk("open_question", question="q1") == Refusal("unknown_question")


@pytest.mark.parametrize(
    "setup", [{"questions": [CHOICE, CHOICE]}, {"questions": [CHOICE] * 101}, {"scoring": "kahoot"}]
)
def test_a_setup_that_makes_no_sense_is_refused(setup: Any) -> None:
    with pytest.raises(ValidationError):
        messages.Setup.model_validate(setup)


# Speed and promises


def test_deciding_an_answer_among_two_thousand_is_fast() -> None:
    stage = opened()
    for n in range(2000):
        stage.phone(f"p{n}", "answer", question="q1", round=1, value=["a"])
    moment = Moment(now=stage.now, actor="phone", person="ada", voter="ada", group="civil_servants")
    ask = messages.Ask.__args__[0](question="q1", round=1, value=["b"])
    best = 1.0
    for _ in range(5):
        began = perf_counter()
        for _ in range(1000):
            rules.decide(stage.state, ask, moment)
        best = min(best, (perf_counter() - began) / 1000)
    # The target is 15 µs; three times that still fails when deciding starts to depend on how many have answered.
    assert best < 45e-6


KINDS = tomllib.loads((Path(__file__).parent / "sample.toml").read_text())["setup"]["questions"]
IDS = [question["id"] for question in KINDS] + ["nowhere"]
VALUES = [None, ["money"], ["risk"], 30, 40, "yes", "no", ["data", "rules"], {"people": 60, "spaces": 40}, "x", [], 1.5]
BY_DESK = [
    "open_question",
    "next_question",
    "show_options",
    "lock_question",
    "reveal",
    "hide",
    "new_round",
    "reopen_question",
    "cancel_question",
]
ASKS = st.one_of(
    st.tuples(
        st.just("answer"),
        st.fixed_dictionaries(
            {"question": st.sampled_from(IDS), "round": st.integers(0, 3), "value": st.sampled_from(VALUES)}
        ),
    ),
    st.tuples(
        st.just("take_back"), st.fixed_dictionaries({"question": st.sampled_from(IDS), "round": st.integers(1, 2)})
    ),
    st.tuples(st.just("my_time"), st.fixed_dictionaries({"factor": st.sampled_from([1, 2, "open"])})),
    st.tuples(
        st.just("set_level"),
        st.fixed_dictionaries(
            {"question": st.sampled_from([*IDS, None]), "level": st.sampled_from(["named", "pseudonym", "anonymous"])}
        ),
    ),
    st.tuples(st.sampled_from(BY_DESK), st.fixed_dictionaries({"question": st.sampled_from(IDS)})),
    st.tuples(
        st.just("time_up"), st.fixed_dictionaries({"question": st.sampled_from(IDS), "round": st.integers(1, 2)})
    ),
    st.tuples(st.just("more_time"), st.fixed_dictionaries({"seconds": st.integers(1, 60)})),
    st.tuples(st.sampled_from(["hold", "go_on"]), st.just({})),
)
SCRIPT = st.lists(
    st.tuples(st.sampled_from(["ada", "bruno", "c0", "s0"]), ASKS, st.integers(0, 40_000)), min_size=5, max_size=40
)
BY_PHONE = ("answer", "take_back", "my_time")


@settings(deadline=None)
@given(SCRIPT, st.sampled_from(["named", "pseudonym", "anonymous"]))
def test_any_sequence_of_asks_replays_to_the_same_state_and_never_raises(script: Any, level: Any) -> None:
    stage = poll(*KINDS, level=level, crowd=1)
    for who, (do, fields), later in script:
        stage.now += later
        stage.ask("phone" if do in BY_PHONE else "clock", do, who if do in BY_PHONE else None, **fields)
        due = rules.deadline(stage.state)
        assert due is None or due[0] > 0
        for screen in SCREENS:
            view = stage.view(screen)
            text = json.dumps(view)
            assert "by_group" not in view
            if view["state"] not in ("revealed", "cancelled") and screen != "desk":
                assert '"count"' not in text
                assert '"results"' not in text
            assert not {f'"{name}"' for name in stage.people} & set(text.split())
        json.dumps([stage.mine(who), rules.outcomes(stage.state), rules.rows(stage.state), rules.answered(stage.state)])
    assert stage.replayed() == stage.state


@settings(deadline=None)
@given(SCRIPT)
def test_ada_s_answer_changes_nothing_that_others_see_before_the_reveal(script: Any) -> None:
    with_ada, without = poll(*KINDS, crowd=1), poll(*KINDS, crowd=1)
    for who, (do, fields), later in script:
        for stage in (with_ada, without):
            stage.now += later
            if stage is without and who == "ada" and do in ("answer", "take_back"):
                continue
            stage.ask("phone" if do in BY_PHONE else "clock", do, who if do in BY_PHONE else None, **fields)
        # Own time makes the room wait for those who have not answered, so the desk's hint may differ, nothing else.
        if with_ada.view("phone")["state"] in ("waiting", "reading", "open", "locked"):
            for screen in ("phone", "wall"):
                seen, other = with_ada.view(screen), without.view(screen)
                if other["state"] == seen["state"]:
                    seen.pop("answered", None), other.pop("answered", None)
                    assert seen == other
            assert (
                with_ada.mine("bruno") == without.mine("bruno")
                or with_ada.view("phone")["state"] != without.view("phone")["state"]
            )
