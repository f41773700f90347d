"""A word cloud: what counts as the same word, how it is counted by people, what the room may see when."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..contract import Refusal
from ..contract.rehearsal import Rehearsal, Somebody
from . import messages, rules
from .rules import key_of, size

ADA, BRUNO = Somebody("civil_servants", "1", "it"), Somebody("social_innovators", "1", "en")


def cloud(level: Any = "pseudonym", crowd: Any = 0, **setup: Any) -> Any:
    people = {"ada": ADA, "bruno": BRUNO}
    for n in range(crowd):
        people[f"c{n}"], people[f"s{n}"] = ADA, BRUNO
    return Rehearsal(rules, messages, {"prompt": {"it": "Che cosa?", "en": "What?"}} | setup, level, people)


def shown(stage: Any, screen: Any = "wall") -> Any:
    return {row["word"]: row["count"] for row in stage.view(screen)["words"]}


@pytest.mark.parametrize("other", ["fiducia", "FIDUCIA!", "  Fiducia  ", "«fiducia»", "fidùcia"])
def test_the_same_word_in_another_spelling_counts_as_one(other: Any) -> None:
    assert key_of(other) == key_of("Fiducia")


def test_words_are_counted_by_people_and_shown_as_most_wrote_them() -> None:
    stage = cloud(crowd=2)
    for who, text in (("ada", "fiducia"), ("bruno", "Fiducia"), ("c0", "Fiducia!"), ("c1", "Fiducia")):
        stage.phone(who, "add_word", text=text)
    assert shown(stage) == {"Fiducia": 4}


def test_of_equally_frequent_spellings_the_first_is_shown() -> None:
    stage = cloud()
    stage.phone("ada", "add_word", text="TEMPO")
    stage.phone("bruno", "add_word", text="tempo")
    assert shown(stage) == {"TEMPO": 2}


def test_saying_a_word_twice_counts_once_and_costs_no_entry() -> None:
    stage = cloud()
    stage.phone("ada", "add_word", text="regole")
    assert stage.phone("ada", "add_word", text="Regole!") == []
    assert stage.mine("ada") == {"words": ["regole"], "left": 2}


def test_nobody_has_more_entries_than_the_setup_gives() -> None:
    stage = cloud(each=1)
    stage.phone("ada", "add_word", text="regole")
    assert stage.phone("ada", "add_word", text="bandi").code == "too_many"


def test_a_removed_word_frees_its_entry() -> None:
    stage = cloud(each=1)
    stage.phone("ada", "add_word", text="regole")
    stage.phone("ada", "remove_word", word="REGOLE")
    assert stage.mine("ada") == {"words": [], "left": 1}
    assert shown(stage) == {}
    assert rules.answered(stage.state)["answered"] == 0


def test_a_person_removes_only_their_own_words() -> None:
    stage = cloud()
    stage.phone("ada", "add_word", text="regole")
    assert stage.phone("bruno", "remove_word", word="regole") == Refusal("unknown_word")


@pytest.mark.parametrize(
    "text", ["", "  ", "!?", "12", "2026", "di", "the", "in the", "e di", "a", "a@b.it", "www.x.it", "http://x"]
)
def test_an_entry_that_says_nothing_is_refused(text: Any) -> None:
    assert cloud().phone("ada", "add_word", text=text) == Refusal("empty")


@pytest.mark.parametrize("text", ["PA", "UE", "IA", "Terzo settore", "100 idee", "l'acqua"])
def test_short_names_and_whole_phrases_are_kept(text: Any) -> None:
    assert cloud().phone("ada", "add_word", text=text) != Refusal("empty")


def test_a_text_that_is_too_long_is_refused() -> None:
    assert cloud(max=10).phone("ada", "add_word", text="x" * 11).code == "too_long"


def test_after_the_freeze_nothing_is_added_or_removed() -> None:
    stage = cloud()
    stage.phone("ada", "add_word", text="regole")
    stage.desk("freeze")
    assert stage.phone("bruno", "add_word", text="tardi") == Refusal("locked")
    assert stage.phone("ada", "remove_word", word="regole") == Refusal("locked")
    stage.desk("unfreeze")
    assert not isinstance(stage.phone("bruno", "add_word", text="tardi"), Refusal)


def test_without_live_results_no_word_leaves_the_server_before_the_reveal() -> None:
    stage = cloud(live_results=False)
    stage.phone("ada", "add_word", text="regole")
    assert stage.desk("reveal") == Refusal("not_locked")
    stage.desk("freeze")
    for screen in ("phone", "wall"):
        assert "regole" not in json.dumps(stage.view(screen))
    stage.desk("reveal")
    assert shown(stage, "phone") == {"regole": 1}


def test_where_the_desk_looks_first_a_word_waits_for_it() -> None:
    stage = cloud(moderation="before_wall")
    stage.phone("ada", "add_word", text="regole")
    assert shown(stage) == {}
    assert stage.view("desk")["words"][0]["waiting"]
    stage.desk("show_word", word="regole")
    assert shown(stage) == {"regole": 1}


def test_a_hidden_word_stands_on_the_desk_alone_and_in_no_outcome() -> None:
    stage = cloud()
    stage.phone("ada", "add_word", text="parolaccia")
    stage.desk("hide_word", word="parolaccia")
    assert "parolaccia" not in json.dumps([stage.view("wall"), stage.view("phone"), rules.outcomes(stage.state)])
    assert stage.view("desk")["words"][0]["hidden"]
    stage.desk("show_word", word="parolaccia")
    assert shown(stage) == {"parolaccia": 1}


def test_merged_words_count_their_people_once_and_can_be_split_again() -> None:
    stage = cloud()
    stage.phone("ada", "add_word", text="regola")
    stage.phone("ada", "add_word", text="regole")
    stage.phone("bruno", "add_word", text="regole")
    stage.desk("merge_words", **{"from": "regola", "into": "regole"})
    assert shown(stage) == {"regole": 2}
    stage.desk("split_word", word="regole")
    assert shown(stage) == {"regole": 2, "regola": 1}


def test_words_merged_in_a_row_end_in_one_and_never_in_a_circle() -> None:
    stage = cloud()
    for text in ("uno", "due", "tre"):
        stage.phone("ada", "add_word", text=f"{text} idee")
    stage.desk("merge_words", **{"from": "uno idee", "into": "due idee"})
    stage.desk("merge_words", **{"from": "due idee", "into": "tre idee"})
    assert shown(stage) == {"tre idee": 1}
    assert stage.desk("merge_words", **{"from": "tre idee", "into": "uno idee"}) == Refusal("same_word")


def test_a_pair_of_languages_stands_together_and_counts_once_per_person() -> None:
    stage = cloud()
    stage.phone("ada", "add_word", text="Fiducia")
    stage.phone("bruno", "add_word", text="Trust")
    stage.desk("pair_words", **{"from": "trust", "into": "fiducia"})
    assert stage.view("wall")["words"][0] | {"size": 0} == {"word": "Fiducia", "count": 2, "also": ["Trust"], "size": 0}


def test_singular_and_plural_are_only_suggested() -> None:
    stage = cloud()
    stage.phone("ada", "add_word", text="regola")
    stage.phone("bruno", "add_word", text="regole")
    assert stage.view("desk")["alike"] == [{"from": "regole", "into": "regola", "word": "regole", "with": "regola"}]
    assert len(shown(stage)) == 2


def test_a_word_nobody_said_can_be_neither_merged_nor_hidden() -> None:
    stage = cloud()
    stage.phone("ada", "add_word", text="regole")
    assert stage.desk("merge_words", **{"from": "fantasma", "into": "regole"}) == Refusal("unknown_word")
    assert stage.desk("hide_word", word="fantasma") == Refusal("unknown_word")


def test_sizes_grow_with_the_root_between_28_and_96_px() -> None:
    assert [size(n, 5) for n in (1, 2, 5)] == [28, 62, 96]
    assert size(2, 2) == 62
    assert size(1, 100) == 28
    assert size(100, 100) == 96


def test_the_wall_holds_sixty_words_and_says_how_many_more_there_are() -> None:
    stage = cloud(crowd=35)
    for n in range(35):
        stage.phone(f"c{n}", "add_word", text=f"idea {n} blu")
        stage.phone(f"c{n}", "add_word", text=f"idea {n} rossa")
    view = stage.view("wall")
    assert len(view["words"]) == 60
    assert view["more"] == 10


def test_groups_are_shown_after_the_freeze_and_only_where_both_have_five_voices() -> None:
    stage = cloud(crowd=4)
    for who in stage.people:
        stage.phone(who, "add_word", text="fiducia")
    assert "by_group" not in stage.view("wall")["words"][0]
    stage.desk("freeze")
    assert stage.view("wall")["words"][0]["by_group"] == {"civil_servants": 5, "social_innovators": 5}
    stage.desk("unfreeze")
    stage.phone("bruno", "remove_word", word="fiducia")
    stage.desk("freeze")
    assert "by_group" not in stage.view("wall")["words"][0]


def test_an_anonymous_word_keeps_no_person_and_a_group_only_where_it_had_five_people() -> None:
    stage = cloud("anonymous", crowd=4)
    stage.people["s0"] = ADA
    stage.phone("ada", "add_word", text="fiducia")
    stage.phone("bruno", "add_word", text="fiducia")
    first, second = stage.happened
    assert first.fact.group == "civil_servants"
    assert second.fact.group is None
    assert {first.voter, second.voter}.isdisjoint({"ada", "bruno"})
    assert first.fact.language is None
    assert stage.mine("ada")["words"] == ["fiducia"]


def test_an_export_of_anonymous_words_names_nobody() -> None:
    stage = cloud("anonymous")
    stage.phone("ada", "add_word", text="fiducia")
    (row,) = rules.rows(stage.state)
    assert (row["voter"], row["group"], row["at"], row["language"]) == (None, None, None, None)
    assert row["word"] == "fiducia"


WORDS = st.sampled_from(["fiducia", "Fiducia!", "fiducie", "tempo", "di", "", "x" * 50, "PA"])
ASKS: Any = st.one_of(
    st.tuples(st.just("add_word"), st.fixed_dictionaries({"text": WORDS})),
    st.tuples(
        st.sampled_from(["remove_word", "split_word", "hide_word", "show_word"]), st.fixed_dictionaries({"word": WORDS})
    ),
    st.tuples(st.sampled_from(["merge_words", "pair_words"]), st.fixed_dictionaries({"from": WORDS, "into": WORDS})),
    st.tuples(st.sampled_from(["freeze", "unfreeze", "reveal"]), st.just({})),
)
SCRIPT = st.lists(st.tuples(st.sampled_from(["ada", "bruno", "c0", "s0"]), ASKS), max_size=25)


@given(SCRIPT, st.sampled_from(["named", "pseudonym", "anonymous"]), st.booleans())
def test_any_sequence_of_asks_replays_to_the_same_state_and_never_raises(script: Any, level: Any, live: Any) -> None:
    stage = cloud(level, crowd=1, live_results=live)
    for who, (do, fields) in script:
        stage.ask("phone" if do in ("add_word", "remove_word") else "desk", do, who, **fields)
        for screen in ("phone", "wall", "desk"):
            view = stage.view(screen)
            json.dumps(view)
            if not live and screen != "desk" and view["state"] != "revealed":
                assert "words" not in view
        assert len(stage.mine(who)["words"]) <= 3
        json.dumps([rules.outcomes(stage.state), rules.rows(stage.state), rules.answered(stage.state)])
        assert all(root not in stage.state.merged for root in stage.state.merged.values())
    assert stage.replayed() == stage.state
