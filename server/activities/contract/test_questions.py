"""Each kind of question: what it takes, how it counts, what is right."""

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from .messages import Text
from .questions import PollQuestion, QuizQuestion, kinds_of
from .tally import drawn_order, mean_ranks, median10, movement, pairwise, per_cent, plain, preferred, shared_ranks

POLL, QUIZ = TypeAdapter(PollQuestion), TypeAdapter(QuizQuestion)
ABCD: list[dict[str, Any]] = [{"id": id, "text": {"it": f"Voce {id}", "en": f"Item {id}"}} for id in "abcd"]


def made(adapter: Any = POLL, **setup: Any) -> Any:
    return adapter.validate_python({"id": "q1", "text": {"it": "Che cosa?", "en": "What?"}} | setup)


ONE_OF_EACH: dict[str, dict[str, Any]] = {
    "choice": {"options": ABCD, "pick": {"min": 1, "max": 2}},
    "yes_no": {},
    "scale": {"from": 0, "to": 10},
    "ranking": {"options": ABCD, "top": 3},
    "points": {"options": ABCD, "total": 100, "step": 10},
    "number": {"min": 0, "max": 100, "decimals": 1, "right": 40, "tolerance": 5, "band": 25},
    "typed": {"accepted": {"it": ["Torino"], "en": ["Turin"]}},
    "order": {"options": ABCD, "partial": True},
    "match": {
        "pairs": [{"id": "p", "text": "Lione", "target": "f"}, {"id": "r", "text": "Torino", "target": "i"}],
        "targets": [{"id": "i", "text": "Italia"}, {"id": "f", "text": "Francia"}],
    },
}
KINDS = kinds_of(PollQuestion) | kinds_of(QuizQuestion)


def of_kind(kind: Any) -> Any:
    adapter = POLL if kind in kinds_of(PollQuestion) else QUIZ
    return made(adapter, kind=kind, **ONE_OF_EACH[kind])


def test_polls_and_quizzes_know_the_kinds_they_name() -> None:
    assert set(kinds_of(PollQuestion)) == {"choice", "yes_no", "scale", "ranking", "points"}
    assert set(kinds_of(QuizQuestion)) == {"choice", "yes_no", "number", "typed", "order", "match"}


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["a", "b", "c", "d", "yes", "no", "p", "r", "i", "f", 10, 40, 100]),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["a", "b", "p", "r", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(value=ANYTHING)
def test_no_value_makes_a_question_raise_and_a_kept_one_can_be_counted_told_and_scored(kind: Any, value: Any) -> None:
    question = of_kind(kind)
    code = question.check(value)
    assert code is None or isinstance(code, str)
    if code is not None:
        return
    kept = question.keep(value)
    assert question.check(kept) is None
    assert question.keep(kept) == kept
    assert json.loads(json.dumps(kept)) == kept
    assert question.tally([kept, None])["n"] == 1
    assert question.tally([kept, None])["skipped"] == 1
    assert question.words(kept)["it"]
    if question.key():
        assert 0 <= question.share(kept, question.key()) <= 1


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(right=ANYTHING)
def test_a_corrected_key_is_either_refused_or_can_be_shown(kind: Any, right: Any) -> None:
    question = of_kind(kind)
    key = question.read_key(right)
    if key is not None:
        assert key
        assert question.show_key(key)["right"]


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("choice", "a", "wrong_shape"),
        ("choice", [], "empty"),
        ("choice", ["a", "b", "c"], "too_many"),
        ("choice", ["z"], "unknown_option"),
        ("choice", ["a", "a"], "wrong_shape"),
        ("yes_no", True, "wrong_shape"),
        ("yes_no", "maybe", "unknown_option"),
        ("scale", 11, "out_of_range"),
        ("scale", 5.0, "wrong_shape"),
        ("scale", True, "wrong_shape"),
        ("ranking", [], "empty"),
        ("ranking", ["a", "b", "c", "d"], "too_many"),
        ("points", {"a": 60, "b": 50}, "over_budget"),
        ("points", {"a": 60}, "not_all_spent"),
        ("points", {"a": 0}, "empty"),
        ("points", {"a": 55, "b": 45}, "out_of_range"),
        ("points", {"a": -10, "b": 110}, "out_of_range"),
        ("number", 101, "out_of_range"),
        ("number", 1.25, "wrong_shape"),
        ("number", float("nan"), "wrong_shape"),
        ("number", "12", "wrong_shape"),
        ("typed", "?!", "empty"),
        ("typed", "x" * 151, "too_long"),
        ("order", ["a", "b"], "too_few"),
        ("match", {"p": "f"}, "too_few"),
        ("match", {"p": "f", "r": "zz"}, "unknown_option"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_reason(kind: Any, value: Any, code: Any) -> None:
    assert of_kind(kind).check(value) == code


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("choice", ["a", "b"]),
        ("yes_no", "yes"),
        ("scale", 0),
        ("ranking", ["c"]),
        ("points", {"a": 30, "b": 70}),
        ("number", 12.5),
        ("typed", "TORINO"),
        ("order", ["d", "c", "b", "a"]),
        ("match", {"r": "f", "p": "f"}),
    ],
)
def test_a_value_that_fits_is_taken(kind: Any, value: Any) -> None:
    assert of_kind(kind).check(value) is None


@pytest.mark.parametrize(
    "setup",
    [
        {"kind": "choice", "options": ABCD[:1]},
        {"kind": "choice", "options": [ABCD[0], ABCD[0]]},
        {"kind": "choice", "options": ABCD, "pick": {"min": 3, "max": 2}},
        {"kind": "choice", "options": ABCD, "pick": {"min": 1, "max": 5}},
        {"kind": "choice", "options": ABCD, "colour": "red"},
        {"kind": "scale", "from": 0, "to": 11},
        {"kind": "scale", "from": 5, "to": 5},
        {"kind": "scale", "from": 0, "to": 10, "labels": ["a", "b", "c"]},
        {"kind": "ranking", "options": ABCD, "top": 5},
        {"kind": "points", "options": ABCD, "total": 10, "step": 3},
        {"kind": "yes_no", "labels": ["sì"]},
        {"kind": "yes_no", "text": ""},
        {"kind": "yes_no", "text": "x" * 301},
        {"kind": "yes_no", "time": 4},
        {"kind": "dance"},
    ],
)
def test_a_setup_that_makes_no_sense_is_refused(setup: Any) -> None:
    with pytest.raises(ValidationError):
        made(**setup)


def test_a_scale_reads_from_and_to_and_names_its_steps() -> None:
    scale = made(kind="scale", **{"from": 0, "to": 100, "step": 10}, labels=["Autorità", "Partner"])
    assert scale.shown(())["steps"] == list(range(0, 101, 10))
    assert scale.shown(())["options"][10]["text"]["it"] == "100"
    named = made(kind="scale", **{"from": 1, "to": 4}, labels=["mai", "poco", "spesso", "sempre"])
    assert [option["text"]["it"] for option in named.shown(())["options"]] == ["mai", "poco", "spesso", "sempre"]


def test_a_setup_survives_being_written_and_read_again() -> None:
    for kind in KINDS:
        question = of_kind(kind)
        adapter = POLL if kind in kinds_of(PollQuestion) else QUIZ
        assert adapter.validate_json(question.model_dump_json()) == question
        assert adapter.validate_python(question.model_dump()) == question


def test_counts_are_always_there_and_per_cents_from_ten_answers_on() -> None:
    question = made(kind="choice", options=ABCD)
    assert question.tally([["a"]] * 9)["options"]["a"] == {"count": 9}
    assert question.tally([["a"]] * 7 + [["b"]] * 3)["options"]["a"] == {"count": 7, "share": 70}


def test_a_skipped_answer_is_told_apart_and_changes_no_per_cent() -> None:
    counts = made(kind="yes_no").tally(["yes"] * 5 + ["no"] * 5 + [None] * 7)
    assert counts["n"] == 10
    assert counts["skipped"] == 7
    assert counts["options"]["yes"] == {"count": 5, "share": 50}


def test_a_scale_counts_mean_and_median_in_tenths() -> None:
    counts = made(kind="scale", **{"from": 0, "to": 10}).tally([1, 2, 2, 10])
    assert counts["mean10"] == 38
    assert counts["median10"] == 20
    assert median10([1, 2]) == 15


def test_points_give_the_share_of_all_points_and_how_many_gave_any() -> None:
    counts = made(kind="points", options=ABCD, total=10).tally([{"a": 7, "b": 3}] * 5 + [{"a": 10}] * 5)
    assert counts["options"]["a"] == {"count": 10, "points": 85, "mean10": 85, "share": 85}
    assert counts["options"]["b"]["count"] == 5


def test_the_option_that_beats_all_others_head_to_head_is_preferred_even_with_fewer_first_places() -> None:
    rankings = [["a", "b", "c"]] * 4 + [["c", "b", "a"]] * 3 + [["b", "c", "a"]] * 2
    assert preferred(pairwise("abc", rankings)) == "b"
    counts = made(kind="ranking", options=ABCD[:3]).tally(rankings)
    assert counts["preferred"] == "b"
    assert counts["order"][0] == "b"
    assert counts["options"]["a"]["count"] == 4


def test_in_a_circle_nobody_is_preferred_and_the_mean_place_orders() -> None:
    rankings = [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]
    assert preferred(pairwise("abc", rankings)) is None
    assert set(mean_ranks("abc", rankings).values()) == {Fraction(2)}


def test_options_left_out_share_the_mean_of_the_places_left_over() -> None:
    assert mean_ranks("abcd", [["c"]]) == {"a": 3, "b": 3, "c": 1, "d": 3}


def test_a_draw_head_to_head_is_no_win() -> None:
    assert preferred(pairwise("ab", [["a", "b"], ["b", "a"]])) is None


def test_equal_points_share_the_place_and_the_next_is_skipped() -> None:
    assert shared_ranks({"ada": 900, "bruno": 900, "carla": 100}) == {"ada": 1, "bruno": 1, "carla": 3}


def test_halves_are_rounded_up() -> None:
    assert per_cent(1, 8) == 13
    assert per_cent(0, 0) == 0


def test_an_order_is_drawn_once_and_the_same_for_the_same_seed() -> None:
    assert drawn_order("abcdef", 7) == drawn_order("fedcba", 7)
    assert len({tuple(drawn_order("abcdef", seed)) for seed in range(20)}) > 10


def test_a_movement_is_told_only_from_five_matched_people_on() -> None:
    before = {voter: ["x"] for voter in "abcdef"}
    after = {voter: ["y"] for voter in "abcd"}
    assert movement(before, after) == {"matched": 4, "only_before": 2, "only_after": 0}
    assert movement(before, after | {"e": ["x"], "g": ["x"]}) == {
        "matched": 5,
        "only_before": 1,
        "only_after": 1,
        "same": 1,
        "changed": 4,
    }


@pytest.mark.parametrize(
    ("away", "share"),
    [(0, 1), (5, 1), (10, Fraction("0.9375")), (15, Fraction("0.75")), (20, Fraction("0.4375")), (25, 0), (60, 0)],
)
def test_a_number_is_right_within_the_tolerance_and_fades_to_the_end_of_the_band(away: Any, share: Any) -> None:
    question = of_kind("number")
    assert question.share(40 + away, question.key()) == share
    assert question.share(40 - away, question.key()) == share


def test_a_number_without_a_band_is_right_or_wrong() -> None:
    question = made(QUIZ, kind="number", right=40, tolerance=5)
    assert question.share(45, question.key()) == 1
    assert question.share(46, question.key()) == 0


@pytest.mark.parametrize(
    ("answer", "share"), [("abcd", 1), ("bacd", Fraction(2, 3)), ("badc", Fraction(1, 3)), ("dcba", 0)]
)
def test_an_order_is_partly_right_by_its_pairs(answer: Any, share: Any) -> None:
    question = of_kind("order")
    assert question.share(list(answer), question.key()) == share


def test_without_partial_an_order_is_right_or_wrong() -> None:
    question = made(QUIZ, kind="order", options=ABCD)
    assert question.share(list("abcd"), question.key()) == 1
    assert question.share(list("abdc"), question.key()) == 0


def test_an_order_may_name_its_right_order_apart_so_that_ids_tell_nothing() -> None:
    question = made(QUIZ, kind="order", options=ABCD, right=["d", "b", "a", "c"])
    assert question.share(list("dbac"), question.key()) == 1


@pytest.mark.parametrize(
    ("picks", "share"),
    [("a", Fraction(1, 2)), ("ab", 1), ("ac", 0), ("abc", Fraction(1, 2)), ("cd", 0)],
)
def test_of_several_right_options_wrong_picks_take_away(picks: Any, share: Any) -> None:
    options: list[dict[str, Any]] = [option | {"right": option["id"] in "ab"} for option in ABCD]
    question = made(QUIZ, kind="choice", options=options, pick={"min": 1, "max": 4})
    assert question.share(list(picks), question.key()) == share
    exact = made(QUIZ, kind="choice", options=options, pick={"min": 1, "max": 4}, exact=True)
    assert exact.share(list(picks), exact.key()) == (1 if picks == "ab" else 0)


def test_of_a_single_choice_with_several_right_options_any_is_right() -> None:
    options: list[dict[str, Any]] = [option | {"right": option["id"] in "ab"} for option in ABCD]
    question = made(QUIZ, kind="choice", options=options)
    assert [question.share([id], question.key()) for id in "abcd"] == [1, 1, 0, 0]


def test_a_match_is_right_by_its_links() -> None:
    question = of_kind("match")
    assert question.share({"p": "f", "r": "i"}, question.key()) == 1
    assert question.share({"p": "f", "r": "f"}, question.key()) == Fraction(1, 2)


def test_a_match_may_come_as_two_columns_and_its_targets_tell_nothing() -> None:
    question = made(
        QUIZ,
        kind="match",
        pairs=[
            {"id": "a", "left": {"it": "Lione"}, "right": {"it": "Francia"}},
            {"id": "b", "left": {"it": "Torino"}, "right": {"it": "Italia"}},
            {"id": "c", "left": {"it": "Milano"}, "right": {"it": "Italia"}},
        ],
    )
    assert len(question.targets) == 2
    links = dict(question.key())
    assert links["b"] == links["c"] != links["a"]
    assert not {target.id for target in question.targets} & {"a", "b", "c"}


@pytest.mark.parametrize("typed", ["torino", "  TORINO ", "Tórino!", "turin", "«Turin»", "Ｔｏｒｉｎｏ"])
def test_a_typed_text_is_right_in_any_language_whatever_its_case_accents_and_signs(typed: Any) -> None:
    question = of_kind("typed")
    assert question.share(question.keep(typed), question.key()) == 1


@pytest.mark.parametrize("typed", ["Torinno", "Tor", "Milano"])
def test_a_nearly_right_text_is_not_right(typed: Any) -> None:
    assert of_kind("typed").share(typed, of_kind("typed").key()) == 0


def test_plain_text_drops_punctuation_and_collapses_spaces() -> None:
    assert plain("  L'Équipe —  d’oggi! ") == "lequipe doggi"


def test_typed_texts_are_counted_together_under_the_spelling_most_people_wrote() -> None:
    texts = of_kind("typed").tally(["Torino", "torino", "torino", "Roma"])["texts"]
    assert texts == [{"text": "torino", "count": 3}, {"text": "Roma", "count": 1}]


def test_many_different_numbers_are_counted_in_ten_bins() -> None:
    counts = of_kind("number").tally(list(range(100)))
    assert [row["count"] for row in counts["bins"]] == [10] * 10
    assert counts["median"] == 49.5


def test_nothing_public_tells_what_is_right() -> None:
    for kind in kinds_of(QuizQuestion):
        question = of_kind(kind)
        shown = json.dumps(question.shown(question.to_order(), question.to_order_targets()), default=dict)
        assert "right" not in shown
        assert "Turin" not in shown
        assert "tolerance" not in shown


def test_words_of_a_value_come_in_every_language_of_the_question() -> None:
    assert of_kind("choice").words(["a", "b"]) == Text({"it": "Voce a; Voce b", "en": "Item a; Item b"})
    assert of_kind("points").words({"a": 30}) == Text({"it": "Voce a: 30", "en": "Item a: 30"})
