"""The count of a vote with dots: sums, shares, ties, and what the small-cell rule keeps hidden."""

import json
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ..contract.small_cells import OTHER, SMALLEST
from .votes import per_mille, standing, tally

TARGETS = ["n1", "n2", "n3", "n4"]
CIVIL, SOCIAL, FIRMS = "civil_servants", "social_innovators", "firms"

PLACED = st.dictionaries(st.sampled_from([*TARGETS, "deleted"]), st.integers(0, 9), max_size=4)


@st.composite
def rounds(draw: Any) -> Any:
    """(dots, groups) of a room where groups above, at and below the floor are all common."""
    members = [(group, n) for group in (CIVIL, SOCIAL, FIRMS, OTHER, None) for n in range(draw(st.integers(0, 8)))]
    members = draw(st.permutations(members))
    placed = draw(st.lists(PLACED, min_size=1, max_size=6))
    dots = {f"{group}{n}": draw(st.sampled_from(placed)) for group, n in members}
    return dots, {f"{group}{n}": group for group, n in members}


def room(**sizes: Any) -> Any:
    """Dots and groups: for each group its people, each with the same dots; the group "none" is nobody's."""
    dots: dict[str, dict[str, int]] = {}
    groups: dict[str, str | None] = {}
    for group, (people, placed) in sizes.items():
        for n in range(people):
            dots[f"{group}{n}"] = dict(placed)
            groups[f"{group}{n}"] = None if group == "none" else group
    return dots, groups


def rows(found: Any) -> Any:
    return {row["target"]: row for row in found["targets"]}


def cells(found: Any) -> Any:
    return {group["group"]: group["voters"] for group in found["groups"]}


def test_the_whole_count_of_two_groups() -> None:
    dots, groups = room(civil_servants=(10, {"n1": 2, "n2": 1}), social_innovators=(5, {"n2": 3}))
    assert tally(dots, groups, ["n1", "n2", "n3"]) == {
        "voters": 15,
        "dots": 45,
        "groups": [
            {"group": CIVIL, "voters": 10, "dots": 30},
            {"group": SOCIAL, "voters": 5, "dots": 15},
        ],
        "targets": [
            {
                "target": "n1",
                "total": 20,
                "rank": 2,
                "tied": False,
                "by_group": {CIVIL: {"dots": 20, "share": 667}, SOCIAL: {"dots": 0, "share": 0}},
                "divergence": 667,
            },
            {
                "target": "n2",
                "total": 25,
                "rank": 1,
                "tied": False,
                "by_group": {CIVIL: {"dots": 10, "share": 333}, SOCIAL: {"dots": 15, "share": 1000}},
                "divergence": 667,
            },
            {
                "target": "n3",
                "total": 0,
                "rank": 3,
                "tied": False,
                "by_group": {CIVIL: {"dots": 0, "share": 0}, SOCIAL: {"dots": 0, "share": 0}},
                "divergence": 0,
            },
        ],
    }


def test_a_round_without_votes_has_zeros_and_no_split() -> None:
    assert tally({}, {}, ["n1", "n2"]) == {
        "voters": 0,
        "dots": 0,
        "groups": [],
        "targets": [
            {"target": "n1", "total": 0, "rank": 1, "tied": True},
            {"target": "n2", "total": 0, "rank": 1, "tied": True},
        ],
    }


def test_equal_totals_share_a_rank_and_the_next_one_is_skipped() -> None:
    found = rows(tally({"ada": {"n1": 3, "n2": 2, "n3": 2, "n4": 1}}, {}, TARGETS))
    assert [(found[id]["rank"], found[id]["tied"]) for id in TARGETS] == [(1, False), (2, True), (2, True), (4, False)]


def test_dots_on_a_deleted_target_are_free_again_and_do_not_count() -> None:
    assert standing({"n1": 2, "deleted": 1, "n2": 0}, {"n1", "n2"}) == {"n1": 2}
    found = tally({"ada": {"n1": 2, "deleted": 1}, "bruno": {"deleted": 3}}, {}, ["n1"])
    assert (found["voters"], found["dots"], rows(found)["n1"]["total"]) == (1, 2, 2)
    assert "deleted" not in rows(found)


def test_dots_on_a_deleted_target_are_not_in_the_whole_of_a_share() -> None:
    dots, groups = room(civil_servants=(5, {"n1": 1, "deleted": 9}), social_innovators=(5, {"n1": 1, "n2": 1}))
    found = rows(tally(dots, groups, ["n1", "n2"]))
    assert found["n1"]["by_group"] == {CIVIL: {"dots": 5, "share": 1000}, SOCIAL: {"dots": 5, "share": 500}}


def test_voters_whose_dots_are_all_free_do_not_lift_a_group_over_the_floor() -> None:
    dots, groups = room(civil_servants=(9, {"n1": 1}), social_innovators=(5, {"n1": 1}))
    assert cells(tally(dots, groups, ["n1"])) == {CIVIL: 9, SOCIAL: 5}
    dots["social_innovators0"] = {"deleted": 3}
    assert tally(dots, groups, ["n1"])["groups"] == []


def test_with_two_groups_hiding_one_hides_both() -> None:
    dots, groups = room(civil_servants=(14, {"n1": 1}), social_innovators=(4, {"n2": 1}))
    found = tally(dots, groups, TARGETS)
    assert found["groups"] == []
    assert not any("by_group" in row or "divergence" in row for row in found["targets"])
    assert SOCIAL not in json.dumps(found)


def test_a_small_group_takes_the_next_smallest_with_it_so_that_subtraction_finds_nobody() -> None:
    dots, groups = room(civil_servants=(9, {"n1": 1}), social_innovators=(6, {"n2": 1}), firms=(1, {"n3": 1}))
    found = tally(dots, groups, TARGETS)
    assert cells(found) == {CIVIL: 9, OTHER: 7}
    assert rows(found)["n3"]["by_group"] == {CIVIL: {"dots": 0, "share": 0}, OTHER: {"dots": 1, "share": 143}}
    assert "firms" not in json.dumps(found)


def test_people_without_a_group_are_others() -> None:
    dots, groups = room(civil_servants=(6, {"n1": 1}), none=(5, {"n2": 1}))
    assert cells(tally(dots, groups, TARGETS)) == {CIVIL: 6, OTHER: 5}
    del groups["none0"]
    assert cells(tally(dots, groups, TARGETS)) == {CIVIL: 6, OTHER: 5}


def test_groups_come_in_the_order_of_the_plan_with_others_last() -> None:
    dots, groups = room(none=(5, {"n1": 1}), social_innovators=(5, {"n1": 1}), civil_servants=(5, {"n1": 1}))
    assert list(cells(tally(dots, groups, ["n1"]))) == [CIVIL, SOCIAL, OTHER]
    assert list(cells(tally(dots, groups, ["n1"], [SOCIAL, CIVIL]))) == [SOCIAL, CIVIL, OTHER]


def test_which_of_two_equal_groups_is_folded_does_not_depend_on_who_voted_first() -> None:
    dots, groups = room(civil_servants=(5, {"n1": 1}), social_innovators=(5, {"n2": 1}), none=(1, {"n3": 1}))
    assert cells(tally(dots, groups, TARGETS)) == {CIVIL: 5, OTHER: 6}
    assert cells(tally(dict(reversed(dots.items())), groups, TARGETS)) == {CIVIL: 5, OTHER: 6}


def test_groups_that_divide_their_dots_alike_do_not_diverge_whatever_the_rounding() -> None:
    dots, groups = room(
        civil_servants=(5, {"n1": 1, "n2": 1, "n3": 1}), social_innovators=(7, {"n1": 2, "n2": 2, "n3": 2})
    )
    found = rows(tally(dots, groups, ["n1", "n2", "n3"]))
    assert [row["divergence"] for row in found.values()] == [0, 0, 0]
    assert [row["by_group"][CIVIL]["share"] for row in found.values()] == [333, 333, 333]


def test_the_divergence_is_that_of_the_two_groups_furthest_apart() -> None:
    dots, groups = room(
        civil_servants=(5, {"n1": 9, "n2": 1}), social_innovators=(5, {"n1": 2, "n2": 8}), firms=(5, {"n1": 1, "n2": 1})
    )
    assert rows(tally(dots, groups, ["n1", "n2"]))["n1"]["divergence"] == 700


def test_a_target_named_twice_is_counted_once() -> None:
    assert tally({"ada": {"n1": 2}}, {}, ["n1", "n1"])["dots"] == 2


def test_half_a_per_mille_is_rounded_up_and_nothing_of_nothing_is_nothing() -> None:
    assert (per_mille(1, 2000), per_mille(1, 3), per_mille(2, 3), per_mille(0, 0)) == (1, 333, 667, 0)


@given(rounds())
def test_totals_are_the_sums_of_the_dots_that_count(vote: Any) -> None:
    dots, groups = vote
    found = tally(dots, groups, TARGETS)
    assert [row["target"] for row in found["targets"]] == TARGETS
    for row in found["targets"]:
        assert row["total"] == sum(placed.get(row["target"], 0) for placed in dots.values())
    assert found["dots"] == sum(row["total"] for row in found["targets"])
    assert found["voters"] == sum(1 for placed in dots.values() if any(placed.get(id) for id in TARGETS))


@given(rounds())
def test_the_groups_add_up_to_the_whole_room(vote: Any) -> None:
    dots, groups = vote
    found = tally(dots, groups, TARGETS)
    if found["groups"]:
        assert sum(group["voters"] for group in found["groups"]) == found["voters"]
        assert sum(group["dots"] for group in found["groups"]) == found["dots"]
        for row in found["targets"]:
            assert sum(cell["dots"] for cell in row["by_group"].values()) == row["total"]


@given(rounds())
def test_the_shares_of_a_group_add_up_to_a_thousand_within_half_for_each_target(vote: Any) -> None:
    dots, groups = vote
    found = tally(dots, groups, TARGETS)
    for group in found["groups"]:
        got = [row["by_group"][group["group"]] for row in found["targets"]]
        assert sum(cell["dots"] for cell in got) == group["dots"]
        assert abs(sum(cell["share"] for cell in got) - 1000) <= Fraction(sum(cell["dots"] > 0 for cell in got), 2)
        for cell in got:
            assert abs(cell["share"] - Fraction(1000 * cell["dots"], group["dots"])) <= Fraction(1, 2)


@given(rounds())
def test_the_divergence_is_what_one_finds_by_subtracting_the_shown_shares(vote: Any) -> None:
    dots, groups = vote
    found = tally(dots, groups, TARGETS)
    for row in found["targets"]:
        assert ("divergence" in row) == ("by_group" in row) == bool(found["groups"])
        if found["groups"]:
            shares = [row["by_group"][group["group"]]["share"] for group in found["groups"]]
            assert 0 <= row["divergence"] == max(shares) - min(shares) <= 1000


@given(rounds())
def test_no_sum_or_difference_of_shown_groups_leaves_fewer_than_five_voters(vote: Any) -> None:
    dots, groups = vote
    found = tally(dots, groups, TARGETS)
    shown = list(cells(found).values())
    assert len(shown) != 1
    for chosen in range(1 << len(shown) if shown else 0):
        rest = found["voters"] - sum(n for place, n in enumerate(shown) if chosen >> place & 1)
        assert rest == 0 or rest >= SMALLEST


@given(rounds())
def test_ranks_follow_the_totals(vote: Any) -> None:
    dots, groups = vote
    found = tally(dots, groups, TARGETS)["targets"]
    for row in found:
        assert row["rank"] == 1 + sum(other["total"] > row["total"] for other in found)
        assert row["tied"] == (sum(other["total"] == row["total"] for other in found) > 1)


@given(rounds(), st.randoms(use_true_random=False))
def test_the_order_in_which_people_voted_does_not_show(vote: Any, chance: Any) -> None:
    dots, groups = vote
    voters = list(dots)
    chance.shuffle(voters)
    again = {voter: dict(reversed(dots[voter].items())) for voter in voters}
    first = tally(dots, groups, TARGETS)
    assert json.dumps(tally(again, dict(reversed(groups.items())), TARGETS)) == json.dumps(first)


@given(rounds())
def test_a_count_is_json_of_integers_names_and_nothing_else(vote: Any) -> None:
    dots, groups = vote
    found = tally(dots, groups, TARGETS)
    assert json.loads(json.dumps(found)) == found

    def leaves(part: Any) -> Any:
        if isinstance(part, dict):
            return [leaf for inner in part.values() for leaf in leaves(inner)]
        return [leaf for inner in part for leaf in leaves(inner)] if isinstance(part, list) else [part]

    assert {type(leaf) for leaf in leaves(found)} <= {int, bool, str}


@given(rounds())
def test_counting_changes_nothing_it_was_given(vote: Any) -> None:
    dots, groups = vote
    before = json.dumps(vote)
    tally(dots, groups, TARGETS)
    assert json.dumps(vote) == before
