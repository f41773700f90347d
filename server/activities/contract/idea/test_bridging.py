"""Agreement across groups: the table of worked examples, and where the classes turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .bridging import Votes, agrees_needed, bridge, newcombe, wilson, wilson_interval

# agree, pass, disagree of two groups; class, B, M, and the difference with its interval.
TABLE = [
    ((11, 0, 1), (13, 1, 1), "common_ground", 84.0, 0.718, (0.050, -0.185, 0.260)),
    ((9, 2, 1), (10, 2, 3), "common_ground", 68.0, 0.501, (0.083, -0.203, 0.340)),
    ((11, 0, 1), (5, 2, 8), "divisive", 55.0, 0.201, (0.583, 0.280, 0.756)),
    ((9, 0, 3), (6, 2, 7), "divisive", 54.2, 0.256, (0.350, 0.035, 0.579)),
    ((9, 1, 2), (8, 1, 6), "one_group_only", 61.5, 0.373, (0.217, -0.087, 0.464)),
    ((6, 2, 4), (8, 1, 6), "open", 51.4, 0.327, (-0.033, -0.320, 0.260)),
]


def votes(counts: tuple[int, int, int], present: int = 0) -> Votes:
    agree, passed, disagree = counts
    return Votes(agree, disagree, passed, present)


@pytest.mark.parametrize(("one", "other", "kind", "b", "m", "d"), TABLE)
def test_the_worked_examples_come_out_to_the_printed_digit(one, other, kind, b, m, d) -> None:  # type: ignore[no-untyped-def]
    found = bridge({"cs": votes(one), "si": votes(other)})
    assert found.kind == kind
    assert found.bridging is not None and found.least is not None and found.difference is not None
    assert round(found.bridging, 1) == b
    assert round(found.least, 3) == m
    gap = found.difference
    assert (round(gap.value, 3), round(gap.low, 3), round(gap.high, 3)) == d


def test_a_rejection_that_all_share_is_told_by_the_lower_end_against() -> None:
    found = bridge({"cs": votes((1, 1, 10)), "si": votes((2, 1, 12))})
    assert found.kind == "common_rejection"
    assert found.bridging is not None and found.least_against is not None and found.difference is not None
    assert (round(found.bridging, 1), round(found.least_against, 3)) == (15.9, 0.641)
    assert (round(found.difference.low, 3), round(found.difference.high, 3)) == (-0.260, 0.185)


def test_a_statement_that_a_third_of_a_group_passes_on_is_explained_again() -> None:
    found = bridge({"cs": votes((10, 2, 0)), "si": votes((9, 5, 1))})
    assert found.kind == "unclear"
    assert found.bridging is not None and found.least is not None and found.difference is not None
    assert (round(found.bridging, 1), round(found.least, 3), round(found.difference.value, 3)) == (68.0, 0.436, 0.233)


def test_four_votes_of_a_group_are_too_few() -> None:
    assert bridge({"cs": votes((4, 0, 0)), "si": votes((12, 1, 2))}).kind == "too_few_votes"
    assert bridge({"cs": votes((5, 0, 0)), "si": votes((12, 1, 2))}).kind == "common_ground"


def test_less_than_two_fifths_of_those_present_are_too_few() -> None:
    other = votes((13, 1, 1), 15)
    assert bridge({"cs": votes((8, 0, 0), 20), "si": other}).kind == "common_ground"
    assert bridge({"cs": votes((8, 0, 0), 21), "si": other}).kind == "too_few_votes"


def test_no_votes_and_no_groups_have_no_figures() -> None:
    assert bridge({}).kind == "too_few_votes"
    empty = bridge({"cs": Votes(), "si": votes((13, 1, 1))})
    assert (empty.kind, empty.bridging, empty.difference) == ("too_few_votes", None, None)


@pytest.mark.parametrize(("n", "needed"), [(5, 4), (6, 5), (8, 6), (10, 8), (12, 9), (15, 10), (20, 13), (30, 19)])
def test_so_many_agreements_are_needed_to_convince_a_group(n: int, needed: int) -> None:
    assert agrees_needed(n) == needed
    assert wilson(needed, n) > 0.5 >= wilson(needed - 1, n)


def test_any_pair_of_three_groups_may_divide() -> None:
    found = bridge({"a": votes((9, 0, 3)), "b": votes((11, 0, 1)), "c": votes((5, 2, 8))})
    assert found.kind == "divisive" and len(found.differences) == 3
    assert found.difference is not None and (found.difference.first, found.difference.second) == ("b", "c")


def test_the_ranking_goes_by_the_least_convinced_group_first() -> None:
    loved = bridge({"cs": votes((12, 0, 0)), "si": votes((8, 0, 7))})
    carried = bridge({"cs": votes((9, 0, 3)), "si": votes((11, 0, 4))})
    assert sorted([loved, carried], key=lambda one: one.rank)[0] is carried


@given(st.integers(1, 60), st.data())
def test_intervals_hold_what_they_are_about(n: int, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, n))
    low, high = wilson_interval(x, n)
    assert 0 <= low <= x / n + 1e-9 and x / n - 1e-9 <= high <= 1
    other = data.draw(st.integers(0, n))
    value, least, most = newcombe(x, n, other, n)
    assert -1 - 1e-9 <= least <= value + 1e-9 and value - 1e-9 <= most <= 1 + 1e-9


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30)), max_size=4))
def test_the_order_of_the_groups_changes_no_class(groups: list[tuple[int, int, int]]) -> None:
    named = {str(n): votes(one) for n, one in enumerate(groups)}
    assert bridge(named).kind == bridge(dict(reversed(named.items()))).kind
