"""Merging the text of a note: what joins, what must stay apart, and that no sentence appears that nobody wrote."""

import unicodedata
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from .merge import LONGEST, length, merge, tidy, tokens

# Few signs, so that texts often share words, blanks double up, and punctuation meets words without a blank.
SHORT = st.text(st.sampled_from("ab è,.\n"), max_size=24)
ANY = st.text(max_size=60)
WORDS = st.lists(st.sampled_from(["orari", "serali", "per", "il", "parco", "e", "la", "scuola", "!"]), max_size=14)


@st.composite
def edits(draw: Any) -> Any:
    """A base of distinct words and two edits of it, near or far apart; texts drawn freely hardly ever merge."""
    base = [f"w{n}" for n in range(draw(st.integers(4, 12)))]

    def edited() -> Any:
        words = list(base)
        for _ in range(draw(st.integers(1, 2))):
            at = draw(st.integers(0, len(words)))
            words[at : at + draw(st.integers(0, 2))] = draw(st.lists(st.sampled_from("xyz"), min_size=1, max_size=2))
        return " ".join(words)

    return " ".join(base), edited(), edited()


TRIPLES = st.one_of(
    edits(),
    edits(),
    edits(),
    st.tuples(SHORT, SHORT, SHORT),
    st.tuples(*[WORDS.map(" ".join)] * 3),
    st.tuples(ANY, ANY, ANY),
)


def neighbours(text: str) -> set[tuple[str, str]]:
    return set(pairwise(["<", *tokens(text), ">"]))


def test_edits_far_apart_merge() -> None:
    base = "Servono orari piu lunghi in biblioteca e piu sedie"
    current = "Servono orari molto lunghi in biblioteca e piu sedie"
    mine = "Servono orari piu lunghi in biblioteca e piu tavoli"
    assert merge(base, current, mine) == "Servono orari molto lunghi in biblioteca e piu tavoli"


@pytest.mark.parametrize(
    ("base", "current", "mine"),
    [
        ("orari serali", "orari notturni", "aperture serali"),
        ("orari serali in centro", "orari notturni in centro", "aperture serali in centro"),
        ("Servono orari serali.", "Servono orari notturni.", "Servono aperture serali."),
    ],
)
def test_changes_of_two_neighbouring_words_stay_variants(base: str, current: str, mine: str) -> None:
    assert merge(base, current, mine) is None
    assert merge(base, mine, current) is None


def test_two_words_put_for_the_same_word_stay_variants() -> None:
    assert merge("la piazza grande", "la strada grande", "la scuola grande") is None


def test_one_unchanged_word_between_two_changes_lets_them_merge() -> None:
    assert merge("orari serali estivi", "turni serali estivi", "orari serali festivi") == "turni serali festivi"


def test_two_insertions_in_the_same_place_stay_variants() -> None:
    assert merge("uno due", "uno x due", "uno y due") is None


def test_two_insertions_with_a_word_between_them_merge() -> None:
    assert merge("uno due tre", "uno x due tre", "uno due y tre") == "uno x due y tre"


def test_an_insertion_at_the_edge_of_a_changed_word_stays_a_variant() -> None:
    assert merge("uno due tre", "uno x due tre", "uno altro tre") is None


def test_deleting_what_the_other_one_changed_stays_a_variant() -> None:
    assert merge("uno due tre quattro", "uno quattro", "uno due sei quattro") is None


def test_a_deletion_far_from_a_change_merges() -> None:
    assert merge("uno due tre quattro cinque", "due tre quattro cinque", "uno due tre quattro sei") == (
        "due tre quattro sei"
    )


def test_two_ends_written_on_at_once_stay_variants() -> None:
    assert merge("uno", "uno due", "uno tre") is None


def test_a_beginning_and_an_end_merge_when_a_word_between_them_stays() -> None:
    assert merge("uno due", "zero uno due", "uno due tre") == "zero uno due tre"


def test_the_same_change_made_by_both_counts_once() -> None:
    assert merge("un errore qui e la", "una cosa qui e la", "una cosa qui e sempre") == "una cosa qui e sempre"


def test_an_empty_base_merges_only_equal_texts() -> None:
    assert merge("", "uno", "uno") == "uno"
    assert merge("", "uno", "due") is None


def test_line_breaks_stay_where_they_were() -> None:
    assert merge("uno\ndue\ntre\n", "uno!\ndue\ntre\n", "uno\ndue\ntre\nquattro") == "uno!\ndue\ntre\nquattro"


def test_a_result_over_the_longest_text_stays_a_variant() -> None:
    base = "uno due tre"
    current, mine = "x" * 300 + " due tre", "uno due " + "y" * 195
    merged = merge(base, current, mine)
    assert merged is not None
    assert len(merged) == LONGEST
    assert merge(base, current, mine + "y") is None
    assert merge(base, "zero due tre", "uno due quattro", longest=15) is None


def test_length_counts_code_points_and_not_bytes_or_half_pairs() -> None:
    assert length("è") == 1
    assert length("e\u0300") == 1
    assert length("😀") == 1
    assert length("👩\u200d🔧") == 3
    assert length("a\nb") == 3


def test_control_characters_go_and_line_feeds_stay() -> None:
    assert tidy("a\r\nb\x00\x07\x7f\x85\tc") == "a\nbc"
    assert tidy("\u202eabc\ufeff") == "abc"


def test_an_accent_behind_a_control_character_finds_its_letter() -> None:
    assert tidy("e\x01\u0300") == "è"


@given(ANY)
def test_tidying_twice_changes_nothing_more(text: str) -> None:
    kept = tidy(text)
    assert tidy(kept) == kept
    assert unicodedata.is_normalized("NFC", kept)
    assert length(text) == len(kept)
    assert not any(unicodedata.category(sign) == "Cc" and sign != "\n" for sign in kept)


@given(ANY)
def test_tokens_joined_are_the_text_again(text: str) -> None:
    assert "".join(tokens(text)) == text


@given(TRIPLES)
def test_an_edit_that_changed_nothing_leaves_the_other_one(texts: Any) -> None:
    base, other, _ = texts
    assert merge(base, other, base) == other
    assert merge(base, base, other) == other


@given(TRIPLES)
def test_the_same_text_from_both_is_that_text(texts: Any) -> None:
    base, other, _ = texts
    assert merge(base, other, other) == other


@given(TRIPLES)
def test_it_does_not_matter_who_was_first(texts: Any) -> None:
    base, current, mine = texts
    assert merge(base, current, mine) == merge(base, mine, current)


@given(TRIPLES, st.integers(0, 40))
def test_no_result_is_over_the_longest_text(texts: Any, longest: int) -> None:
    base, current, mine = texts
    merged = merge(base, current, mine, longest)
    assert merged is None or len(merged) <= longest
    assert merged is None or merged == merge(base, current, mine)


@given(TRIPLES)
def test_every_word_of_a_result_and_its_neighbour_stood_so_in_one_of_the_texts(texts: Any) -> None:
    merged = merge(*texts)
    assume(merged is not None)
    assert merged is not None
    assert set(tokens(merged)) <= {token for text in texts for token in tokens(text)}
    assert neighbours(merged) <= set().union(*map(neighbours, texts))


@given(TRIPLES)
def test_a_merge_of_tidy_texts_is_tidy(texts: Any) -> None:
    base, current, mine = map(tidy, texts)
    merged = merge(base, current, mine)
    assert merged is None or merged == tidy(merged)


@given(st.data())
def test_one_changed_word_each_merges_exactly_when_a_word_stays_between(data: Any) -> None:
    words = [f"w{n}" for n in range(data.draw(st.integers(2, 12)))]
    first = data.draw(st.integers(0, len(words) - 1))
    second = data.draw(st.integers(0, len(words) - 1).filter(lambda at: at != first))

    def put(**changes: str) -> str:
        return " ".join(changes.get(word, word) for word in words)

    merged = merge(put(), put(**{words[first]: "x"}), put(**{words[second]: "y"}))
    both = put(**{words[first]: "x", words[second]: "y"})
    assert merged == (both if abs(first - second) > 1 else None)
