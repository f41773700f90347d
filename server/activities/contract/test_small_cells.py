"""The small-cell rule, tried with every kind of room."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from .small_cells import OTHER, SMALLEST, fold, kept_groups

GROUPS = st.dictionaries(st.sampled_from(["a", "b", "c", "d", None]), st.integers(0, 12), max_size=5)


def shown(counts: Any) -> Any:
    cells: dict[str, int] = {}
    for group, name in fold(counts).items():
        cells[name] = cells.get(name, 0) + counts[group]
    return cells


def test_two_large_groups_are_shown_side_by_side() -> None:
    assert shown({"a": 14, "b": 11}) == {"a": 14, "b": 11}


def test_with_two_groups_hiding_one_hides_both() -> None:
    assert shown({"a": 14, "b": 4}) == {}


def test_small_groups_that_are_five_together_become_others() -> None:
    assert shown({"a": 6, "b": 3, "c": 2}) == {"a": 6, OTHER: 5}


def test_one_small_group_takes_the_smallest_large_one_with_it_into_others() -> None:
    assert shown({"a": 9, "b": 6, "c": 1}) == {"a": 9, OTHER: 7}


def test_people_without_a_group_count_as_others() -> None:
    assert shown({"a": 9, None: 5}) == {"a": 9, OTHER: 5}


def test_a_group_without_answers_hides_nobody() -> None:
    assert shown({"a": 5, "b": 5, "c": 0}) == {"a": 5, "b": 5}


def test_an_anonymous_answer_may_name_only_groups_of_five_or_more() -> None:
    assert kept_groups({"b": 5, "a": 9, "c": 4}) == ["a", "b"]


@given(GROUPS)
def test_every_shown_cell_has_five_answers_and_there_are_two_of_them(counts: Any) -> None:
    cells = shown(counts)
    assert cells == {} or len(cells) >= 2
    assert all(n >= SMALLEST for n in cells.values())


@given(GROUPS)
def test_the_total_less_any_shown_cells_never_leaves_one_to_four_answers(counts: Any) -> None:
    cells = shown(counts)
    total = sum(counts.values())
    names = list(cells)
    for chosen in range(1 << len(names)):
        rest = total - sum(cells[name] for place, name in enumerate(names) if chosen >> place & 1)
        assert not cells or rest == 0 or rest >= SMALLEST


@given(GROUPS)
def test_everybody_who_answered_is_in_some_shown_cell(counts: Any) -> None:
    cells = shown(counts)
    assert not cells or sum(cells.values()) == sum(counts.values())
