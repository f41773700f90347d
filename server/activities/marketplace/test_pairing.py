"""Peer activities: what a pair weighs, that the best selection is the best, and that nobody is forgotten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from server.activities.marketplace import pairing
from server.activities.marketplace.pairing import Candidate, Panel
from server.activities.marketplace.work import pairs
from server.activities.marketplace.work.pairs import proposed

ROOT = Path(__file__).parents[3]


def panel(organisations: dict[str, tuple[str, str]], wishes: str, **more: Any) -> Panel:
    """`{"torino": ("offers, of it", "its needs")}` and wishes as `torino>lyon 3, lyon>torino 1`."""

    def tags(words: str) -> list[str]:
        return [word.strip() for word in words.split(",") if word.strip()]

    said = []
    for wish in tags(wishes):
        pair, level = wish.split()
        by, to = pair.split(">")
        said.append({"by": by, "to": to, "level": int(level)})
    return Panel.model_validate(
        {
            "organisations": [
                {"id": id, "offers": tags(offers), "needs": tags(needs)}
                for id, (offers, needs) in organisations.items()
            ],
            "wishes": said,
            **more,
        }
    )


def drawn(organisations: int, seed: int, wishes: int = 6, **more: Any) -> Panel:
    draw = Random(seed).random
    tags = [f"t{n}" for n in range(14)]

    def some() -> list[str]:
        return list(dict.fromkeys(tags[int(draw() * len(tags))] for _ in range(1 + int(draw() * 3))))

    ids = [f"o{n:03d}" for n in range(organisations)]
    said = []
    for by in ids:
        for _ in range(wishes):
            to = ids[int(draw() ** 1.5 * organisations)]
            if to != by:
                said.append({"by": by, "to": to, "level": int(draw() * 4)})
    everybody = [{"id": id, "offers": some(), "needs": some()} for id in ids]
    return Panel.model_validate({"organisations": everybody, "wishes": said, "seed": seed, **more})


def best_by_trying(of: Panel) -> int:
    among = pairing.candidates(of)
    best = 0
    for size in range(len(among) + 1):
        for chosen in combinations(among, size):
            each = [id for one in chosen for id in (one.a, one.b)]
            if all(each.count(id) <= of.limit for id in set(each)):
                best = max(best, pairing.value(chosen))
    return best


NOBODY = ("", "")


def test_a_wish_of_both_weighs_by_the_weaker_side_the_stronger_side_and_what_they_have_for_each_other() -> None:
    of = panel(
        {"lyon": ("evaluation, live quiz", "pacts"), "torino": ("pacts", "evaluation")},
        "torino>lyon 3, lyon>torino 1",
    )
    assert pairing.candidates(of) == [
        Candidate(
            "lyon",
            "torino",
            10 * 1 + 3 * 3 + 2 * 2,
            True,
            (
                {"offers": "lyon", "needs": "torino", "tags": ["evaluation"]},
                {"offers": "torino", "needs": "lyon", "tags": ["pacts"]},
            ),
        )
    ]


def test_a_wish_of_one_side_counts_only_where_an_offer_meets_a_need() -> None:
    people = {"a": ("x, y", ""), "b": ("", "x, y"), "c": NOBODY}
    found = pairing.candidates(panel(people, "a>b 2, a>c 3"))
    assert [(one.a, one.b, one.weight, one.mutual) for one in found] == [("a", "b", 2 * 2 + 2, False)]


def test_no_more_than_three_tags_count_in_each_direction() -> None:
    tags = "one, two, three, four, five"
    of = panel({"a": (tags, tags), "b": (tags, tags)}, "a>b 1, b>a 1")
    assert pairing.candidates(of)[0].weight == 10 + 3 + 2 * 6
    assert pairing.candidates(panel({"a": (tags, ""), "b": ("", tags)}, "a>b 3"))[0].weight == 6 + 3


def test_two_ways_to_write_a_tag_meet_and_are_shown_as_the_offering_side_writes_it() -> None:
    of = panel({"a": ("Impact  Assessment", ""), "b": ("", "impact assessment")}, "b>a 1")
    assert pairing.candidates(of)[0].reasons == ({"offers": "a", "needs": "b", "tags": ["Impact  Assessment"]},)


def test_the_last_wish_of_an_organisation_wins_and_a_zero_takes_it_back() -> None:
    people = {"a": NOBODY, "b": NOBODY}
    assert pairing.candidates(panel(people, "a>b 1, b>a 1, a>b 3"))[0].weight == 10 + 9
    assert pairing.candidates(panel(people, "a>b 3, b>a 1, a>b 0")) == []


@pytest.mark.parametrize("by", [("a", "b"), ("b", "a")])
def test_a_veto_of_either_side_removes_the_pair_and_leaves_no_trace(by: tuple[str, str]) -> None:
    veto = [{"by": by[0], "to": by[1]}]
    of = panel({"a": NOBODY, "b": NOBODY}, "a>b 3, b>a 3", vetoes=veto)
    assert pairing.candidates(of) == []
    told = proposed(of)
    assert told["pairs"] == told["blocking"] == []
    assert told["without"] == ["a", "b"]
    assert "veto" not in json.dumps(told)
    assert pairing.seen_by(of, told["pairs"], "a")["alone"] == [{"with": "b", "wished": 3}]


def test_first_and_second_activities_add_to_the_value_and_third_ones_do_not() -> None:
    def one(a: str, b: str) -> Candidate:
        return Candidate(a, b, 13, True, ())

    assert pairing.value([one("a", "b")]) == 13 + 2 * 25
    assert pairing.value([one("a", "b"), one("a", "c")]) == 26 + 3 * 25 + 8
    assert pairing.value([one("a", "b"), one("a", "c"), one("a", "d")]) == 39 + 4 * 25 + 8


def test_the_best_selection_rescues_whom_the_strongest_pairs_would_leave_alone() -> None:
    # b and c are each other's strongest; taking them leaves a and d with nobody.
    of = panel(
        {"a": NOBODY, "b": NOBODY, "c": NOBODY, "d": NOBODY},
        "a>b 2, b>a 2, b>c 3, c>b 3, c>d 2, d>c 2",
        limit=1,
    )
    told = proposed(of)
    assert [(pair["a"], pair["b"]) for pair in told["pairs"]] == [("a", "b"), ("c", "d")]
    assert [(pair["a"], pair["b"]) for pair in told["blocking"]] == [("b", "c")]
    assert (told["without"], told["greedy"]["without"]) == ([], ["a", "d"])
    assert told["value"] == told["bound"] == 2 * 26 + 4 * 25
    assert told["greedy"]["value"] == 39 + 2 * 25


@st.composite
def tiny(draw: st.DrawFn) -> Panel:
    ids = ["a", "b", "c", "d", "e"][: draw(st.integers(2, 5))]
    tag = st.lists(st.sampled_from(["x", "y", "z"]), max_size=3, unique=True)
    ordered = [(i, j) for i in ids for j in ids if i != j]
    of = draw(st.lists(st.tuples(st.sampled_from(ordered), st.integers(0, 3)), max_size=14))
    no = draw(st.lists(st.sampled_from(ordered), max_size=2))
    return Panel.model_validate(
        {
            "organisations": [{"id": id, "offers": draw(tag), "needs": draw(tag)} for id in ids],
            "wishes": [{"by": i, "to": j, "level": level} for (i, j), level in of],
            "vetoes": [{"by": i, "to": j} for i, j in no],
            "limit": draw(st.integers(1, 4)),
            "seed": draw(st.integers(0, 3)),
        }
    )


@given(tiny())
@settings(deadline=None)
def test_no_selection_is_better_than_the_proposed_one(of: Panel) -> None:
    told = proposed(of)
    assert told["engine"]["name"] == "highs"
    assert told["value"] == told["bound"] == best_by_trying(of)
    assert told["greedy"]["value"] <= told["value"]
    chosen = [(pair["a"], pair["b"]) for pair in told["pairs"]]
    assert pairing.broken(of, chosen) == []


@given(tiny())
def test_nobody_without_an_activity_is_dropped_from_the_list(of: Panel) -> None:
    told = proposed(of, engine="greedy")
    paired = {id for pair in told["pairs"] for id in (pair["a"], pair["b"])}
    assert sorted(paired | set(told["without"])) == sorted(one.id for one in of.organisations)
    assert not paired & set(told["without"])


@given(tiny())
def test_the_strongest_pairs_first_leave_no_two_that_would_rather_have_each_other(of: Panel) -> None:
    among = pairing.candidates(of)
    assert pairing.blocking(of, among, pairing.greedy(of, among)) == []


@pytest.mark.parametrize("engine", ["highs", "greedy"])
def test_the_limits_are_kept_in_a_large_panel(engine: str) -> None:
    of = drawn(60, 2, 15)
    told = proposed(of, engine)
    assert pairing.broken(of, [(pair["a"], pair["b"]) for pair in told["pairs"]]) == []
    if engine == "highs":
        assert told["engine"]["optimal"] and told["value"] >= told["greedy"]["value"]
        assert told["without"] == []


def test_a_selection_that_breaks_a_limit_or_a_veto_is_found() -> None:
    people = {"a": NOBODY, "b": NOBODY, "c": NOBODY}
    of = panel(people, "a>b 1, b>a 1, a>c 1, c>a 1", limit=1)
    assert pairing.broken(of, [("a", "b"), ("c", "a")]) == [{"rule": "limit", "organisation": "a", "by": 1}]
    assert pairing.broken(of, [("b", "c")]) == [{"rule": "not_a_candidate", "a": "b", "b": "c"}]
    assert {"rule": "twice", "a": "a", "b": "b"} in pairing.broken(of, [("a", "b"), ("b", "a")])


def test_the_order_in_which_organisations_and_wishes_are_written_changes_nothing() -> None:
    of = drawn(20, 5)
    turned = of.model_copy(update={"organisations": of.organisations[::-1]})
    assert proposed(turned) == proposed(of)


def test_other_processes_with_other_hashes_propose_the_same() -> None:
    said = (
        "import json,sys\n"
        "from server.activities.marketplace.pairing import Panel\n"
        "from server.activities.marketplace.work.pairs import proposed\n"
        "print(json.dumps(proposed(Panel.model_validate_json(sys.stdin.read()))))"
    )
    of = drawn(20, 3)
    answers = [
        subprocess.run(
            [sys.executable, "-c", said],
            input=of.model_dump_json(),
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert [json.loads(answer) for answer in answers] == [proposed(of)] * 2


def test_without_a_solver_the_room_gets_the_greedy_selection_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    told = proposed(drawn(20, 1))
    assert told["engine"] == {"name": "greedy", "version": "", "optimal": False, "stopped": True}
    assert told["value"] == told["greedy"]["value"]
    assert "bound" not in told


def test_a_solver_that_raises_or_is_late_or_says_halves_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    import highspy

    class Raises(highspy.Highs):
        def run(self) -> Any:
            raise RuntimeError("the native code gave up")

    class Halves(highspy.Highs):
        def getSolution(self) -> Any:
            return SimpleNamespace(col_value=[0.5] * self.getNumCol())

    of = drawn(20, 1)
    for odd in (Raises, Halves):
        monkeypatch.setattr(highspy, "Highs", odd)
        assert proposed(of)["engine"]["name"] == "greedy"
    monkeypatch.undo()
    assert proposed(of, seconds=0.0)["engine"]["stopped"]


def test_importing_the_pure_part_and_the_work_does_not_import_the_solver() -> None:
    said = "import sys, server.activities.marketplace.work.pairs; print('highspy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_needs_that_nobody_else_offers_are_a_finding() -> None:
    of = panel({"a": ("x, own", "own, y"), "b": ("y", "X, z"), "c": NOBODY}, "")
    assert pairing.unoffered(of) == ["own", "z"]


def test_three_that_share_a_tag_and_wish_for_each_other_are_suggested() -> None:
    people = {"a": ("x", ""), "b": ("", "x"), "c": ("X", "y"), "d": NOBODY}
    wishes = "a>b 3, b>a 3, a>c 1, c>a 1, b>c 2, c>b 2, a>d 3, d>a 3, b>d 3, d>b 3"
    of = panel(people, wishes)
    assert pairing.triangles(of, pairing.candidates(of)) == [
        {"organisations": ["a", "b", "c"], "weight": (39 + 2) + 13 + (26 + 2), "tags": ["x"]}
    ]


def test_a_wish_that_is_not_answered_is_told_only_to_the_side_that_wished() -> None:
    of = panel({"a": NOBODY, "b": NOBODY, "c": NOBODY}, "a>b 3, a>c 2, c>a 1")
    told = proposed(of)["pairs"]
    assert pairing.seen_by(of, told, "a") == {
        "pairs": [{"with": "c", "wished": 2, "mutual": True, "reasons": []}],
        "alone": [{"with": "b", "wished": 3}],
    }
    assert pairing.seen_by(of, told, "b") == {"pairs": [], "alone": []}


@pytest.mark.parametrize(
    "bad",
    [
        {"organisations": [{"id": "a"}, {"id": "a"}]},
        {"organisations": [{"id": "a"}], "wishes": [{"by": "a", "to": "b", "level": 1}]},
        {"organisations": [{"id": "a"}], "wishes": [{"by": "a", "to": "a", "level": 1}]},
        {"organisations": [{"id": "a"}, {"id": "b"}], "wishes": [{"by": "a", "to": "b", "level": 4}]},
        {"organisations": [{"id": "a"}], "limit": 6},
        {"organisations": [{"id": "a"}], "surprise": 1},
    ],
)
def test_a_panel_that_speaks_of_nobody_known_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Panel.model_validate(bad)


def test_an_empty_panel_gives_an_empty_proposal() -> None:
    told = proposed(Panel(organisations=()))
    assert (told["pairs"], told["value"]) == ([], 0)
    assert not pairs.proposed(panel({"a": NOBODY}, ""))["pairs"]
