"""A quiz: right answers that nobody sees before their time, and points that are the same whoever counts them."""

import json
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ..contract import Refusal
from ..contract.rehearsal import NINE_OCLOCK, Rehearsal, Somebody
from . import messages, rules
from .scoring import Score, accuracy_points, kahoot_points, streak_points, teams

CANARY = "CANARINO"


def choice(id: Any = "q1", right: Any = "b", **more: Any) -> Any:
    options = [{"id": letter, "text": f"Voce {letter}", "right": letter in right} for letter in "abcd"]
    return {"id": id, "kind": "choice", "text": "Quale?", "options": options, "explain": f"{CANARY} {id}"} | more


def quiz(*asked: Any, level: Any = "pseudonym", crowd: Any = 0, **setup: Any) -> Any:
    people = {"ada": Somebody("civil_servants", "1", "it"), "bruno": Somebody("social_innovators", "1", "en")}
    for n in range(crowd):
        people[f"c{n}"] = Somebody("civil_servants", "2", "it")
        people[f"s{n}"] = Somebody("social_innovators", "3", "en")
    return Rehearsal(rules, messages, {"questions": list(asked or (choice(),))} | setup, level, people)


def play(stage: Any, question: Any = "q1", explain: Any = True, **values: Any) -> Any:
    """Opens a question, has everybody answer and closes it as the desk's buttons do."""
    stage.desk("open_question", question=question)
    if stage.view("desk")["state"] == "reading":
        stage.desk("show_options", question=question)
    for who, value in values.items():
        stage.phone(who, "answer", question=question, round=1, value=value)
    stage.desk("lock_question", question=question)
    stage.desk("reveal", question=question)
    if explain:
        stage.desk("explain", question=question)
    return stage


# The numbers of LIVE 4


@pytest.mark.parametrize(
    ("worth", "limit", "took", "points"),
    [
        (1000, 30_000, 2_000, 967),
        (1000, 20_000, 499, 1000),
        (1000, 20_000, 500, 988),
        (1000, 20_000, 5_000, 875),
        (1000, 20_000, 10_000, 750),
        (1000, 20_000, 20_000, 500),
        (1000, 20_000, 20_400, 500),
        (2000, 20_000, 5_000, 1750),
        (1000, 20_000, 12_340, 692),
        (0, 20_000, 100, 0),
        (1000, 20_000, -300, 1000),
    ],
)
def test_speed_points_fall_from_all_to_half(worth: Any, limit: Any, took: Any, points: Any) -> None:
    assert kahoot_points(worth, limit, took) == points


@given(st.sampled_from([0, 1000, 2000]), st.integers(5_000, 3_600_000), st.integers(-1000, 4_000_000))
def test_speed_points_are_the_same_as_the_integer_formula_and_never_below_half(
    worth: Any, limit: Any, took: Any
) -> None:
    points = kahoot_points(worth, limit, took)
    clamped = min(max(took, 0), limit)
    assert points == (worth if clamped < 500 else (worth * (2 * limit - clamped) + limit) // (2 * limit))
    assert worth // 2 <= points <= worth


def test_accuracy_points_are_the_share_of_the_points_halves_up() -> None:
    assert accuracy_points(1000, Fraction(2, 3)) == 667
    assert accuracy_points(1000, Fraction(1, 2000)) == 1
    assert accuracy_points(0, Fraction(1)) == 0


def test_a_streak_adds_a_hundred_for_each_right_answer_in_a_row_up_to_five_hundred() -> None:
    assert [streak_points(n) for n in range(9)] == [0, 0, 100, 200, 300, 400, 500, 500, 500]


@pytest.mark.parametrize(("picks", "points"), [("a", 500), ("ab", 1000), ("ac", 0), ("abc", 500), ("cd", 0)])
def test_accuracy_with_two_right_of_four(picks: Any, points: Any) -> None:
    stage = quiz(choice(right="ab", pick={"min": 1, "max": 4}))
    assert play(stage, ada=list(picks)).mine("ada")["points"] == points


@pytest.mark.parametrize(("picks", "points"), [("a", 500), ("ab", 1000), ("ac", 0), ("abc", 0), ("cd", 0)])
def test_speed_scoring_gives_half_for_each_right_option_and_nothing_with_a_wrong_one(picks: Any, points: Any) -> None:
    stage = quiz(choice(right="ab", pick={"min": 1, "max": 4}), scoring="kahoot")
    assert play(stage, ada=list(picks)).mine("ada")["points"] == points


def test_a_typed_answer_accepted_later_scores_for_everybody_who_wrote_it() -> None:
    question = {"id": "q1", "kind": "typed", "text": "Dove?", "accepted": {"it": ["Torino"], "en": ["Turin"]}}
    stage = play(quiz(question), explain=False, ada="Turin", bruno="Torinno")
    texts = {row["text"]: row for row in stage.view("desk")["results"]["texts"]}
    assert texts["Turin"]["right"]
    assert texts["Torinno"]["near"]
    stage.desk("accept_text", question="q1", text="torinno")
    stage.desk("explain", question="q1")
    assert stage.mine("bruno")["points"] == 1000
    assert stage.desk("accept_text", question="q1", text="TORINO!") == []


def test_typed_texts_of_people_stand_on_the_desk_alone() -> None:
    question = {"id": "q1", "kind": "typed", "text": "Dove?", "accepted": ["Torino"]}
    stage = play(quiz(question), ada="parolaccia")
    assert "parolaccia" in json.dumps(stage.view("desk"))
    for screen in ("phone", "wall"):
        assert "parolaccia" not in json.dumps(stage.view(screen))


# What is right, and when it is known


def test_right_answers_and_explanations_leave_the_server_only_when_they_are_explained() -> None:
    stage = quiz()
    for step in ("open_question", "lock_question", "reveal"):
        stage.desk(step, question="q1")
        for screen in ("phone", "wall"):
            text = json.dumps(stage.view(screen))
            assert CANARY not in text
            assert "right" not in text
        assert CANARY not in json.dumps(stage.mine("ada"))
    stage.desk("explain", question="q1")
    for screen in ("phone", "wall", "desk"):
        view = stage.view(screen)
        assert [option["right"] for option in view["question"]["options"]] == [False, True, False, False]
        assert CANARY in view["question"]["explain"]["it"]


def test_the_desk_may_look_at_the_right_answer_before() -> None:
    assert quiz().view("desk")["next"]["options"][1]["right"]


def test_nobody_learns_by_their_total_whether_they_were_right_before_the_explanation() -> None:
    stage = play(quiz(choice(), choice("q2")), ada=["b"])
    assert stage.mine("ada")["total"] == 1000
    play(stage, "q2", explain=False, ada=["b"])
    assert stage.mine("ada")["total"] == 1000
    assert "right" not in stage.mine("ada")
    stage.desk("explain", question="q2")
    assert stage.mine("ada")["total"] == 2000


def test_an_open_question_cannot_be_explained() -> None:
    stage = quiz()
    stage.desk("open_question", question="q1")
    assert stage.desk("explain", question="q1") == Refusal("not_locked")


def test_after_the_explanation_nobody_answers_again_even_when_it_was_hidden() -> None:
    stage = play(quiz(), ada=["a"])
    stage.desk("hide", question="q1")
    assert stage.desk("reopen_question", question="q1") == Refusal("key_locked")
    assert stage.desk("new_round", question="q1") == Refusal("key_locked")
    stage.desk("cancel_question", question="q1")
    assert stage.desk("reopen_question", question="q1") == Refusal("key_locked")


def test_things_to_put_in_order_are_never_shown_in_the_setup_s_order_alone() -> None:
    question = {
        "id": "q1",
        "kind": "order",
        "text": "?",
        "options": [{"id": id, "text": id} for id in "wxyz"],
        "right": ["z", "w", "y", "x"],
    }
    seen = set()
    for n in range(8):
        stage = quiz(question)
        for _ in range(n):
            stage.desk("correct_key", question="q1", right=["w", "x", "y", "z"])
            stage.desk("correct_key", question="q1", right=["z", "w", "y", "x"])
        stage.desk("open_question", question="q1")
        seen.add("".join(option["id"] for option in stage.view("phone")["question"]["options"]))
    assert len(seen) > 2


def test_a_match_shows_its_links_only_when_it_is_explained() -> None:
    question = {
        "id": "q1",
        "kind": "match",
        "text": "?",
        "pairs": [{"id": "p", "text": "Lione", "target": "f"}, {"id": "r", "text": "Torino", "target": "i"}],
        "targets": [{"id": "i", "text": "Italia"}, {"id": "f", "text": "Francia"}],
    }
    stage = play(quiz(question), explain=False, ada={"p": "f", "r": "i"}, bruno={"p": "f", "r": "f"})
    assert "target" not in stage.view("wall")["question"]["pairs"][0]
    stage.desk("explain", question="q1")
    assert {pair["id"]: pair["target"] for pair in stage.view("wall")["question"]["pairs"]} == {"p": "f", "r": "i"}
    assert stage.view("wall")["results"]["linked"] == {"p": {"right": 2}, "r": {"right": 1, "mixed_up": "f"}}
    assert stage.mine("bruno")["points"] == 500
    assert stage.mine("bruno")["part"] == 50


def test_a_question_without_a_right_answer_scores_nothing() -> None:
    stage = play(quiz(choice(right="")), ada=["a"])
    assert "right" not in stage.mine("ada")
    assert "total" not in stage.mine("ada")
    assert "right" not in stage.view("wall")["question"]["options"][0]


def test_i_do_not_know_is_an_answer_only_where_the_setup_offers_it() -> None:
    stage = quiz(choice(), choice("q2", unsure=True))
    stage.desk("open_question", question="q1")
    assert stage.phone("ada", "answer", question="q1", round=1, value=None) == Refusal("empty")
    stage.desk("lock_question", question="q1")
    play(stage, "q2", ada=None)
    assert stage.mine("ada")["points"] == 0
    assert stage.view("wall")["results"]["skipped"] == 1
    assert stage.view("wall")["right"] == {"count": 0, "n": 1}


# Scores


def test_a_corrected_key_scores_everybody_anew_and_says_so() -> None:
    stage = play(quiz(board="groups"), ada=["b"], bruno=["a"])
    stage.desk("correct_key", question="q1", right=["a"])
    assert stage.mine("ada")["points"] == 0
    assert stage.mine("bruno")["total"] == 1000
    assert stage.view("wall")["corrected"]
    stage.desk("show_board", question="q1")
    assert stage.view("wall")["board"]["corrected"]


def test_a_key_that_does_not_fit_is_refused() -> None:
    stage = play(quiz(), ada=["b"])
    for right in ([], ["z"], [["a"]], [1], ["a", "a"]):
        assert stage.desk("correct_key", question="q1", right=right) == Refusal("wrong_shape")
    assert stage.desk("accept_text", question="q1", text="b") == Refusal("wrong_shape")


def test_equal_points_share_the_place() -> None:
    stage = play(quiz(), ada=["b"], bruno=["b"])
    stage.people["carla"] = Somebody()
    play(stage, ada=["b"])
    assert stage.mine("ada")["rank"] == stage.mine("bruno")["rank"] == 1


def test_a_wrong_answer_costs_nothing() -> None:
    stage = play(quiz(), ada=["a"])
    assert stage.mine("ada") | {"rank": 1} == {
        "question": "q1",
        "round": 1,
        "value": ["a"],
        "right": False,
        "points": 0,
        "total": 0,
        "right_count": 0,
        "of": 1,
        "rank": 1,
    }


def test_questions_from_before_somebody_came_are_not_wrong_for_them() -> None:
    stage = play(quiz(choice(), choice("q2")), ada=["b"])
    play(stage, "q2", ada=["b"], bruno=["b"])
    assert (stage.mine("bruno")["right_count"], stage.mine("bruno")["of"]) == (1, 1)
    assert (stage.mine("ada")["right_count"], stage.mine("ada")["of"]) == (2, 2)
    assert stage.view("wall")["right"] == {"count": 2, "n": 2}


def test_a_late_joiner_does_not_lower_the_share_of_a_question_they_were_not_asked() -> None:
    stage = play(quiz(choice(), choice("q2")), ada=["b"])
    stage.people["carla"] = Somebody("civil_servants")
    assert stage.view("wall")["right"]["n"] == 1


def test_the_second_round_replaces_the_first_and_time_plays_no_role_in_it() -> None:
    stage = quiz(choice(time=20), scoring="kahoot")
    stage.desk("open_question", question="q1")
    stage.run_clock()
    for who, value in (("ada", ["a"]), ("bruno", ["b"])):
        stage.phone(who, "answer", question="q1", round=1, value=value)
    stage.desk("lock_question", question="q1")
    stage.desk("new_round", question="q1")
    stage.now += 15_000
    stage.phone("ada", "answer", question="q1", round=2, value=["b"])
    stage.desk("lock_question", question="q1")
    stage.desk("explain", question="q1")
    assert stage.mine("ada")["points"] == 1000
    assert stage.mine("bruno")["points"] == 1000
    rows = {(row["voter"], row["round"]): (row["right"], row["points"]) for row in rules.rows(stage.state)}
    assert rows == {("ada", 1): (False, None), ("bruno", 1): (True, 1000), ("ada", 2): (True, 1000)}


def test_speed_counts_from_the_moment_the_options_were_shown_and_the_last_change_counts() -> None:
    stage = quiz(choice(time=20), scoring="kahoot")
    stage.desk("open_question", question="q1")
    assert stage.view("phone")["state"] == "reading"
    stage.run_clock()
    assert stage.now == NINE_OCLOCK + 5_000
    stage.now += 5_000
    stage.phone("ada", "answer", question="q1", round=1, value=["a"])
    stage.now += 5_000
    stage.phone("ada", "answer", question="q1", round=1, value=["b"])
    stage.desk("lock_question", question="q1")
    stage.desk("explain", question="q1")
    assert stage.mine("ada")["points"] == 750


def test_with_twice_the_time_speed_is_measured_against_twice_the_time() -> None:
    stage = quiz(choice(time=20, reading=0), scoring="kahoot")
    stage.desk("open_question", question="q1")
    stage.phone("ada", "my_time", factor=2)
    stage.now += 20_000
    for who in ("ada", "bruno"):
        stage.phone(who, "answer", question="q1", round=1, value=["b"])
    stage.desk("lock_question", question="q1")
    stage.desk("explain", question="q1")
    assert (stage.mine("ada")["points"], stage.mine("bruno")["points"]) == (750, 500)


def test_accuracy_has_no_time_limit_and_speed_scoring_has_thirty_seconds() -> None:
    slow, fast = quiz(), quiz(scoring="kahoot")
    for stage in (slow, fast):
        stage.desk("open_question", question="q1")
    assert "ends_at" not in slow.view("phone")
    fast.desk("show_options", question="q1")
    assert fast.view("phone")["ends_at"] == NINE_OCLOCK + 30_000


def test_a_streak_pays_from_the_second_right_answer_and_breaks_on_a_wrong_or_missing_one() -> None:
    questions = [choice(f"q{n}", points=0 if n == 2 else 1000) for n in range(1, 7)]
    stage = quiz(*questions, streak=True)
    totals = []
    for n, value in enumerate([["b"], ["b"], ["b"], ["a"], ["b"], None], start=1):
        play(stage, f"q{n}", **({} if value is None else {"ada": value}))
        totals.append(stage.mine("ada")["total"])
    assert totals == [1000, 1000, 2200, 2200, 3200, 3200]


def test_a_cancelled_question_counts_in_no_score() -> None:
    stage = play(quiz(choice(), choice("q2")), ada=["b"])
    play(stage, "q2", ada=["b"])
    stage.desk("cancel_question", question="q1")
    assert stage.mine("ada")["total"] == 1000
    assert stage.mine("ada")["of"] == 1


def test_anonymous_answers_score_for_oneself_and_stand_on_no_board() -> None:
    stage = play(quiz(level="anonymous", crowd=5, board="groups"), ada=["b"], c0=["b"], c1=["b"], c2=["b"], c3=["b"])
    mine = stage.mine("ada")
    assert (mine["total"], mine["right"]) == (1000, True)
    assert "rank" not in mine
    stage.desk("show_board", question="q1")
    assert stage.view("wall")["board"]["rows"] == []
    assert all(row["voter"] is None for row in rules.rows(stage.state))


def test_a_team_has_the_mean_of_its_members_and_five_of_them_at_least() -> None:
    scores = [Score(total=1000, group="a")] * 4 + [Score(total=333, group="a")] + [Score(total=2000, group="b")] * 4
    assert teams(scores, "group") == [{"group": "a", "mean10": 8666, "n": 5, "rank": 1}]


def test_the_board_shows_groups_only_when_asked_and_goes_with_the_next_question() -> None:
    stage = quiz(choice(), choice("q2"), crowd=4, board="groups")
    play(stage, **{who: ["b"] if person.group == "civil_servants" else ["a"] for who, person in stage.people.items()})
    assert "board" not in stage.view("wall")
    stage.desk("show_board", question="q1")
    assert [(row["group"], row["mean10"]) for row in stage.view("wall")["board"]["rows"]] == [
        ("civil_servants", 10_000),
        ("social_innovators", 0),
    ]
    stage.desk("next_question", question="q1")
    assert "board" not in stage.view("wall")


def test_without_a_board_in_the_setup_none_is_shown() -> None:
    assert play(quiz(), ada=["b"]).desk("show_board", question="q1") == Refusal("no_board")


def test_people_are_listed_only_at_level_named() -> None:
    hidden = play(quiz(board="people_top"), ada=["b"])
    hidden.desk("show_board", question="q1")
    assert hidden.view("wall")["board"]["rows"] == []
    named = play(quiz(board="people_top", level="named"), ada=["b"], bruno=["a"])
    named.desk("show_board", question="q1")
    assert named.view("wall")["board"]["rows"][0] == {"person": "ada", "total": 1000, "rank": 1}


# Groups and outcomes


def shared(stage: Any, civil: Any, social: Any, question: Any = "q1") -> Any:
    people = iter(civil + social)
    names = [who for who in stage.people if stage.people[who].group == "civil_servants"][: len(civil)]
    names += [who for who in stage.people if stage.people[who].group == "social_innovators"][: len(social)]
    return play(stage, question, **{who: [next(people)] for who in names})


def test_the_share_of_right_answers_is_shown_by_group_with_its_gap() -> None:
    view = shared(quiz(crowd=4), "bbbba", "baaaa").view("phone")
    assert view["right"] == {"count": 5, "n": 10, "share": 50}
    assert view["right_by_group"] == [
        {"group": "civil_servants", "n": 5, "right": 4, "share": 80},
        {"group": "social_innovators", "n": 5, "right": 1, "share": 20},
    ]
    assert view["right_gap"] == {"points": 60, "ahead": "civil_servants", "behind": "social_innovators"}


def test_with_four_answers_in_one_group_no_share_by_group_is_shown_or_left() -> None:
    stage = shared(quiz(choice(topic="forms"), crowd=4), "bbbba", "baaa")
    for screen in ("phone", "wall", "desk"):
        assert "right_by_group" not in stage.view(screen)
    assert "right_by_group" not in json.dumps(rules.outcomes(stage.state))
    assert not [row for row in rules.outcomes(stage.state) if row["kind"] == "quiz_gap"]


def test_a_topic_sums_the_shares_of_its_questions_by_group() -> None:
    stage = quiz(choice(topic="forms"), choice("q2", topic="forms"), crowd=4)
    shared(stage, "bbbba", "baaaa")
    shared(stage, "bbbbb", "bbaaa", "q2")
    (gap,) = [row for row in rules.outcomes(stage.state) if row["kind"] == "quiz_gap"]
    assert gap["topic"] == "forms"
    assert [(row["right"], row["n"], row["share"]) for row in gap["by_group"]] == [(9, 10, 90), (3, 10, 30)]
    assert (gap["points"], gap["ahead"]) == (60, "civil_servants")


def test_a_vote_result_of_a_quiz_says_what_was_right_and_how_many_knew() -> None:
    result, score = rules.outcomes(play(quiz(), ada=["b"], bruno=["a"]).state)
    assert (result["right"], result["right_count"], result["share_right"]) == (["b"], 1, 50)
    assert result["scoring"] == "accuracy"
    assert score["kind"] == "quiz_score"
    assert score["people"] == 2
    json.dumps([result, score])


def test_a_setup_that_makes_no_sense_is_refused() -> None:
    for setup in ({"scoring": "fast"}, {"board": "people"}, {"questions": [choice(points=500)]}, {"topp": 3}):
        with pytest.raises(ValidationError):
            messages.Setup.model_validate(setup)


# Promises

SAMPLE = tomllib.loads((Path(__file__).parent / "sample.toml").read_text())["setup"]
IDS = [question["id"] for question in SAMPLE["questions"]] + ["nowhere"]
VALUES = [
    None,
    ["a"],
    ["b"],
    "no",
    "yes",
    2010,
    2016,
    "Turin",
    "Torinno",
    ["x", "z", "y"],
    ["y", "z", "x"],
    {"p1": "output", "p2": "outcome"},
    {"p1": "output", "p2": "output"},
]
KEYS = [["a"], ["no"], [2011], ["Roma"], ["y", "z", "x"], [["p1", "outcome"], ["p2", "output"]], [], [None]]
ON_QUESTION = [
    "open_question",
    "next_question",
    "lock_question",
    "reveal",
    "hide",
    "explain",
    "show_board",
    "new_round",
    "reopen_question",
    "cancel_question",
]
QUESTION = st.sampled_from(IDS)
ASKS = st.one_of(
    st.tuples(
        st.just("answer"),
        st.fixed_dictionaries({"question": QUESTION, "round": st.integers(1, 2), "value": st.sampled_from(VALUES)}),
    ),
    st.tuples(st.just("my_time"), st.fixed_dictionaries({"factor": st.sampled_from([1, 2, "open"])})),
    st.tuples(st.sampled_from(ON_QUESTION), st.fixed_dictionaries({"question": QUESTION})),
    st.tuples(st.just("correct_key"), st.fixed_dictionaries({"question": QUESTION, "right": st.sampled_from(KEYS)})),
    st.tuples(st.just("accept_text"), st.fixed_dictionaries({"question": QUESTION, "text": st.just("Torinno")})),
    st.tuples(st.sampled_from(["hold", "go_on"]), st.just({})),
)
SCRIPT = st.lists(
    st.tuples(st.sampled_from(["ada", "bruno", "c0", "s0"]), ASKS, st.integers(0, 20_000)), min_size=5, max_size=40
)


@settings(deadline=None)
@given(
    SCRIPT,
    st.sampled_from(["named", "pseudonym", "anonymous"]),
    st.sampled_from(["accuracy", "kahoot"]),
    st.sampled_from(["none", "groups", "tables", "people_top"]),
)
def test_any_sequence_of_asks_replays_to_the_same_state_and_board_and_never_raises(
    script: Any, level: Any, scoring: Any, board: Any
) -> None:
    setup = SAMPLE | {"scoring": scoring, "board": board, "streak": True}
    for question in setup["questions"]:
        question["explain"] = f"{CANARY}-{question['id']}"
    stage = quiz(crowd=1, level=level, **setup)
    for who, (do, fields), later in script:
        stage.now += later
        phone = do in ("answer", "my_time")
        stage.ask("phone" if phone else "desk", do, who if phone else None, **fields)
        for screen in ("phone", "wall", "desk"):
            view = stage.view(screen)
            text = json.dumps(view)
            assert "right_by_group" not in view
            if screen != "desk" and view["state"] != "explained":
                assert CANARY not in text
                assert '"right' not in text
            if screen != "desk" and view["state"] in ("waiting", "reading", "open", "locked"):
                assert '"count"' not in text
        own = stage.mine(who)
        assert own.get("points", 0) >= 0
        if stage.view("phone")["state"] != "explained":
            assert "points" not in own
        json.dumps([own, rules.outcomes(stage.state), rules.rows(stage.state), rules.answered(stage.state)])
    assert stage.replayed() == stage.state
    assert rules.board(stage.replayed()) == rules.board(stage.state)
