"""The tables' search against what can be counted by hand, and against a count of every seating where rooms are tiny."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import combinations, combinations_with_replacement, permutations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import Event, Unusable, broken, change, cost, parts, people, read, report, search, seat_for, sliced, why
from .late import at
from .search import SLICE, _Trial, new_people_first
from .value import Assignment, bound, same

ROOT = Path(__file__).parents[4]

EIGHT: list[tuple[str, str, str | None]] = [
    ("a1", "a", "x"), ("a2", "a", "x"), ("a3", "a", "y"), ("a4", "a", None),
    ("b1", "b", "y"), ("b2", "b", "z"), ("b3", "b", "z"), ("b4", "b", None),
]  # fmt: skip


def eight(rounds: int, **more: Any) -> dict[str, Any]:
    """Two groups of four at two tables; a1 and b2 met once."""
    someone = [{"id": id, "group": group, "organisation": own} for id, group, own in EIGHT]
    return {
        "format": "officina.tables/1",
        "rounds": rounds,
        "tables": 2,
        "people": someone,
        "past": [["a1", "b2"]],
        **more,
    }


def room(
    n: int, tables: Any = 6, rounds: int = 3, groups: int = 3, organisations: int = 7, **more: Any
) -> dict[str, Any]:
    someone = [
        {"id": f"p{i:03}", "group": f"g{i % groups}", "organisation": f"o{i * 5 % organisations}"} for i in range(n)
    ]
    return {"format": "officina.tables/1", "rounds": rounds, "tables": tables, "people": someone, "steps": 3000, **more}


def every_seating(event: Event) -> int:
    """The least cost of all even seatings of the eight, one round after the other, each way to split both groups."""
    ways = [
        tuple(["t1" if id in first else "t2" for id, _, _ in EIGHT])
        for a in combinations(["a1", "a2", "a3", "a4"], 2)
        for b in combinations(["b1", "b2", "b3", "b4"], 2)
        for first in [{*a, *b}]
        if "a1" in first  # the other half is the same seating with the tables' names exchanged
    ]
    least = 1 << 30
    for chosen in combinations_with_replacement(range(len(ways)), event.rounds):
        seating = {id: [ways[n][i] for n in chosen] for i, (id, _, _) in enumerate(EIGHT)}
        least = min(least, cost(event, seating))
    return least


@pytest.mark.parametrize(("rounds", "best", "least"), [(2, 40, 10), (3, 132, 90)])
def test_the_worked_example_has_the_printed_values(rounds: int, best: int, least: int) -> None:
    event = read(eight(rounds))
    assert bound(event) == least
    assert every_seating(event) == best
    found = search(event)
    assert cost(event, found.assignment) == best
    assert broken(event, found.assignment) == []
    assert parts(event, found.assignment) == {"repeats": {2: 40, 3: 120}[rounds], "colleagues": {2: 0, 3: 12}[rounds]}


def test_pairs_at_one_table_are_counted_as_if_dealt() -> None:
    for n in range(30):
        for tables in range(1, 8):
            dealt = [len(range(t, n, tables)) for t in range(tables)]
            assert same(n, tables) == sum(size * (size - 1) // 2 for size in dealt)


@given(
    n=st.integers(2, 26),
    tables=st.integers(1, 7),
    rounds=st.integers(1, 4),
    groups=st.integers(1, 5),
    seed=st.integers(0, 99),
    met=st.lists(st.lists(st.integers(0, 25), min_size=2, max_size=5), max_size=6),
)
@settings(deadline=None, max_examples=60)
def test_every_seating_is_even_and_no_seating_costs_less_than_the_bound(
    n: int, tables: int, rounds: int, groups: int, seed: int, met: list[list[int]]
) -> None:
    past = [[f"p{i % n:03}" for i in one] for one in met]
    event = read(room(n, tables, rounds, groups, seed=seed, past=past, steps=600))
    found = search(event)
    assert broken(event, found.assignment) == []
    least = bound(event)
    assert least is not None and cost(event, found.assignment) >= least
    assert set(found.assignment) == {f"p{i:03}" for i in range(n)}


@given(
    seats=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    fewer=st.integers(0, 8),
    groups=st.integers(1, 4),
    seed=st.integers(0, 9),
)
@settings(deadline=None, max_examples=60)
def test_seats_that_force_tables_apart_still_give_every_group_its_share(
    seats: list[int], fewer: int, groups: int, seed: int
) -> None:
    n = max(1, sum(seats) - fewer)
    tables = [{"id": f"table {i}", "seats": one} for i, one in enumerate(seats)]
    event = read(room(n, tables, 2, groups, seed=seed, steps=400))
    assert broken(event, search(event).assignment) == []


@given(
    n=st.integers(4, 24),
    tables=st.integers(2, 6),
    pinned=st.dictionaries(st.tuples(st.integers(0, 23), st.integers(1, 2)), st.integers(1, 6), max_size=5),
    away=st.lists(st.integers(0, 23), max_size=4),
)
@settings(deadline=None, max_examples=60)
def test_pins_are_always_kept_and_whoever_is_away_has_no_seat(
    n: int, tables: int, pinned: dict[tuple[int, int], int], away: list[int]
) -> None:
    data = room(n, tables, 2, 3, steps=400)
    for i in {i % n for i in away}:
        data["people"][i]["rounds"] = [1]
    pins = {(f"p{i % n:03}", round): f"t{(t - 1) % tables + 1}" for (i, round), t in pinned.items()}
    data["pins"] = [
        {"person": id, "round": round, "table": table}
        for (id, round), table in pins.items()
        if round == 1 or "rounds" not in data["people"][int(id[1:])]
    ]
    event = read(data)
    found = search(event)
    assert not [breach for breach in broken(event, found.assignment) if breach["rule"] in ("T1", "T5")]
    if not data["pins"]:
        assert broken(event, found.assignment) == []


def test_one_pin_does_not_cost_the_balance() -> None:
    event = read(room(24, 6, 2, pins=[{"person": "p001", "table": "t4", "round": 2}]))
    found = search(event)
    assert broken(event, found.assignment) == []
    assert found.assignment["p001"][1] == "t4"


def test_pins_that_contradict_the_balance_are_kept_and_the_report_says_what_broke() -> None:
    pins = [{"person": id, "table": "t1", "round": 1} for id in ("p000", "p003", "p006")]
    event = read(room(12, 4, 1, 3, pins=pins))
    found = search(event)
    assert {breach["rule"] for breach in broken(event, found.assignment)} == {"T3"}
    told = report(event, found.assignment, {})
    assert told["objective"]["bound"] is None and told["objective"]["proven_optimal"] is False


def test_people_who_are_to_be_apart_never_share_a_table() -> None:
    apart = [["p000", "p003"], ["p000", "p001"], ["p004", "p009"], ["p020", "p021"]]
    event = read(room(24, 6, 5, apart=apart, steps=20_000))
    assert broken(event, search(event).assignment) == []


def test_two_who_are_the_only_ones_of_their_groups_can_be_kept_apart_too() -> None:
    for seed in range(6):
        data = room(8, 4, 2, 1, apart=[["p000", "p001"]], seed=seed)
        data["people"][0]["group"], data["people"][1]["group"] = "one", "two"
        event = read(data)
        assert broken(event, search(event).assignment) == []


@given(seed=st.integers(0, 200), n=st.integers(6, 20), tables=st.integers(2, 5), groups=st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_the_cost_that_the_search_adds_up_is_the_cost_counted_anew_and_balance_holds_after_every_swap(
    seed: int, n: int, tables: int, groups: int
) -> None:
    past = [[f"p{(i * 7 + j) % n:03}" for j in range(3)] for i in range(4)]
    event = read(room(n, tables, 3, groups, seed=seed, past=past, steps=40 * SLICE))
    trial = _Trial(event, Random(seed).random, 4.0)
    seen = []
    for _ in trial.steps(-1):
        trial._best_at = [list(row) for row in trial._at]
        seating = trial.assignment()
        assert trial.cost == cost(event, seating)
        assert broken(event, seating) == []
        seen.append(seating)
    assert len(seen) == 40
    assert any(seating != seen[0] for seating in seen) or n < tables + groups


def test_the_same_budget_gives_the_same_seating_however_often_it_pauses() -> None:
    event = read(room(40, 8, 3))
    first = search(event)
    assert search(event) == first
    pauses = 0
    slices = sliced(event)
    while True:
        try:
            next(slices)
            pauses += 1
        except StopIteration as end:
            assert end.value == first
            break
    assert pauses >= first.steps // SLICE


def test_another_seed_deals_another_room() -> None:
    assert search(read(room(40, 8, 3, seed=1))).assignment != search(read(room(40, 8, 3, seed=2))).assignment


def test_the_order_of_people_tables_and_meetings_changes_nothing() -> None:
    tables = [{"id": f"T{n}", "seats": 5} for n in range(6)]
    data = room(24, tables, 3, past=[["p003", "p001"], ["p007", "p002", "p005"]], apart=[["p009", "p004"]])
    mixed = json.loads(json.dumps(data))
    for name in ("people", "tables", "past", "apart"):
        mixed[name].reverse()
    for one in [*mixed["past"], *mixed["apart"]]:
        one.reverse()
    one, other = read(data), read(mixed)
    assert one.digest == other.digest
    assert search(one) == search(other)


def test_another_process_with_other_hashes_finds_the_same_seating() -> None:
    program = (
        "import json, sys\n"
        "from server.activities.tables.matching import read, search\n"
        "print(json.dumps(search(read(json.load(sys.stdin))).assignment))\n"
    )
    given = json.dumps(room(30, 6, 3, past=[["p001", "p002", "p017"]], apart=[["p003", "p006"]]))
    told = [
        subprocess.run(
            [sys.executable, "-c", program], input=given, cwd=ROOT, text=True, capture_output=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": hash, "PYTHONPATH": str(ROOT)},
        ).stdout
        for hash in ("1", "4242")
    ]  # fmt: skip
    assert told[0] == told[1]
    assert json.loads(told[0]) == search(read(json.loads(given))).assignment


def test_the_search_loads_nothing_of_the_web() -> None:
    program = (
        "import sys\nimport server.activities.tables.work\n"
        "heavy = ('fastapi', 'starlette', 'uvicorn', 'jinja2', 'sqlalchemy', 'highspy', 'numpy', 'structlog')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=True)
    assert told.stdout.strip() == "[]"


def test_a_search_that_is_stopped_gives_the_best_one_so_far_and_says_so() -> None:
    event = read(room(60, 5, 4, steps=400_000))
    calls = iter(range(10**6))
    found = search(event, stopped=lambda: next(calls) > 20)
    assert found.stopped and found.steps < 400_000
    assert broken(event, found.assignment) == []


def test_somebody_with_new_people_at_every_table_meets_as_many_as_possible() -> None:
    event = read(room(24, 6, 3, steps=100_000, organisations=24))
    each = people(event, search(event).assignment)
    assert {one["new"] for one in each.values()} == {9}
    assert {one["most_possible"] for one in each.values()} == {9}
    assert {one["repeats"] for one in each.values()} == {0}


def test_meeting_again_comes_as_late_as_it_can_and_the_order_of_rounds_costs_nothing() -> None:
    moved = 0
    for seed in range(6):
        event = read(room(24, 6, 5, 2, seed=seed, steps=2_000))
        seating = search(event).assignment
        costs = []
        for order in permutations(range(5)):
            mixed = {id: [row[r] for r in order] for id, row in seating.items()}
            again = new_people_first(event, mixed)
            assert cost(event, again) == cost(event, mixed) == cost(event, seating)
            costs.append((_at_first(event, mixed), _at_first(event, again)))
        assert {after for _, after in costs} == {_at_first(event, seating)} == {min(before for before, _ in costs)}
        moved += any(before != after for before, after in costs)
    assert moved > 3, "the order must have mattered, or nothing was shown"


def _at_first(event: Event, seating: Assignment) -> int:
    """What the first round alone costs."""
    return cost(replace(event, rounds=1), {id: row[:1] for id, row in seating.items()})


def test_rounds_that_differ_in_who_is_there_or_sits_fast_stay_where_they_are() -> None:
    seating = {id: ["t2", "t1"] if id < "p003" else ["t1", "t2"] for id in (f"p{i:03}" for i in range(6))}
    met = [["p000", "p001", "p002"]]
    data = room(6, 2, 2, 1, organisations=99, past=met)
    data["people"] = [one | {"rounds": [2]} if one["id"] == "p005" else one for one in data["people"]]
    for event in (read(data), read(room(6, 2, 2, pins=[{"person": "p000", "table": "t2", "round": 1}]))):
        assert new_people_first(event, seating) == seating


# -- what is refused


def refused(data: Any) -> tuple[str, dict[str, Any]]:
    with pytest.raises(Unusable) as error:
        read(data)
    assert error.value.text.endswith(".")
    return error.value.code, error.value.details


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"format": "officina.match/1"}, "malformed"),
        ({"colour": "red"}, "malformed"),
        ({"rounds": 0}, "malformed"),
        ({"rounds": "3"}, "malformed"),
        ({"rounds": True}, "malformed"),
        ({"rounds": 21}, "too_big"),
        ({"tables": 201}, "too_big"),
        ({"tables": []}, "malformed"),
        ({"people": [{"id": "x"}, {"id": "x"}]}, "duplicate_id"),
        ({"people": [{"id": "x", "rounds": [4]}]}, "malformed"),
        ({"people": [{"id": ""}]}, "malformed"),
        ({"tables": [{"id": "t"}, {"id": "t"}]}, "duplicate_id"),
        ({"past": [["p000", "nobody"]]}, "unknown_id"),
        ({"apart": [["p000", "nobody"]]}, "unknown_id"),
        ({"apart": [["p000", "p001", "p002"]]}, "malformed"),
        ({"apart": [["p000", "p000"]]}, "apart_impossible"),
        ({"pins": [{"person": "nobody", "table": "t1", "round": 1}]}, "unknown_id"),
        ({"pins": [{"person": "p000", "table": "t9", "round": 1}]}, "unknown_id"),
        ({"pins": [{"person": "p000", "table": "t1", "round": 9}]}, "malformed"),
        ({"pins": [{"person": "p000", "table": t, "round": 1} for t in ("t1", "t2")]}, "pin_conflict"),
        ({"weights": {"repeat": 1001}}, "malformed"),
        ({"weights": {"luck": 1}}, "malformed"),
        ({"steps": 0}, "malformed"),
    ],
)
def test_an_input_that_cannot_be_used_is_refused_with_its_code(change: dict[str, Any], code: str) -> None:
    assert refused({**room(12), **change})[0] == code


def test_a_thousand_and_one_people_are_too_many() -> None:
    assert refused(room(1001))[0] == "too_big"


def test_too_few_seats_are_told_with_the_numbers() -> None:
    tables = [{"id": "a", "seats": 5}, {"id": "b", "seats": 6}]
    assert refused(room(12, tables)) == ("too_few_seats", {"round": 1, "people": 12, "seats": 11})
    assert read(room(12, [*tables, {"id": "c"}])).tables[2].seats is None


def test_four_people_who_all_want_to_be_apart_need_four_tables() -> None:
    apart = [list(two) for two in combinations(["p000", "p001", "p002", "p003"], 2)]
    assert refused(room(12, 3, apart=apart))[0] == "apart_impossible"
    event = read(room(12, 4, apart=apart))
    assert broken(event, search(event).assignment) == []


def test_a_ring_of_five_wishes_needs_three_tables_although_no_three_of_them_all_want_it() -> None:
    ring = [[f"p{i:03}", f"p{(i + 1) % 5:03}"] for i in range(5)]
    assert refused(room(12, 2, apart=ring))[0] == "apart_impossible"
    assert read(room(12, 3, apart=ring))


def test_two_who_are_pinned_to_one_table_cannot_be_apart() -> None:
    pins = [{"person": id, "table": "t1", "round": 1} for id in ("p000", "p001")]
    assert refused(room(12, 3, apart=[["p000", "p001"]], pins=pins))[0] == "apart_impossible"


# -- the validator


def test_the_validator_finds_each_seeded_fault() -> None:
    event = read(
        room(12, 3, 2, apart=[["p000", "p001"]], pins=[{"person": "p002", "table": "t1", "round": 1}], steps=8000)
    )
    good = search(event).assignment
    assert broken(event, good) == []

    def faults(**changed: list[str | None]) -> set[str]:
        return {breach["rule"] for breach in broken(event, {**good, **changed})}

    other = next(t for t in ("t1", "t2", "t3") if t != good["p003"][0])
    assert "T1" in faults(p003=[None, good["p003"][1]])
    assert "T1" in faults(p003=["t99", good["p003"][1]])
    assert "T1" in {breach["rule"] for breach in broken(event, {**good, "ghost": ["t1", "t1"]})}
    assert faults(p003=[other, good["p003"][1]]) >= {"T2"}
    assert faults(p000=list(good["p001"])) >= {"T4"}
    assert faults(p002=["t2" if good["p002"][0] != "t2" else "t3", good["p002"][1]]) >= {"T5"}
    swapped = dict(good)
    mate = next(
        person.id
        for person in event.people
        if person.group != "g0" and good[person.id][0] != good["p006"][0] and person.id != "p002"
    )
    swapped["p006"], swapped[mate] = [good[mate][0], good["p006"][1]], [good["p006"][0], good[mate][1]]
    assert "T3" in {breach["rule"] for breach in broken(event, swapped)}


# -- latecomers and moves


def test_what_a_move_is_said_to_cost_is_the_cost_counted_before_and_after() -> None:
    past = [["p000", "p005", "p010"], ["p001", "p002"], ["p000", "p005"]]
    event = read(room(13, 3, 1, organisations=4, past=past))
    seated = {id: row[0] or "" for id, row in search(event).assignment.items()}

    def counted(now: dict[str, str]) -> int:
        return cost(event, {id: [table] for id, table in now.items()})

    for id in seated:
        for table in ("t1", "t2", "t3"):
            if table != seated[id]:
                assert change(event, seated, id, table) == counted({**seated, id: table}) - counted(seated)
                for other in at(seated, table):
                    swapped = {**seated, id: table, other: seated[id]}
                    assert change(event, seated, id, table, other) == counted(swapped) - counted(seated)
    without = {id: table for id, table in seated.items() if id != "p000"}
    assert change(event, without, "p000", "t2") == counted({**without, "p000": "t2"}) - counted(without)


def test_a_latecomer_sits_where_few_are_then_where_few_of_the_group_are_then_where_people_are_new() -> None:
    data = room(7, 3, 1, 1, organisations=99)
    data["people"][6]["group"] = "other"
    event = read({**data, "past": [["p006", "p000"]]})
    seated = {"p000": "t1", "p001": "t1", "p002": "t2", "p003": "t2", "p004": "t2", "p005": "t3"}
    seat = seat_for(event, seated, "p006")
    assert seat is not None and seat.table == "t3"
    assert seat.reasons == [{"code": "few", "n": 1}, {"code": "group", "n": 0}, {"code": "new", "n": 1, "of": 1}]
    even = {"p000": "t1", "p001": "t2", "p002": "t1", "p003": "t2", "p004": "t3", "p005": "t3"}
    chosen = seat_for(event, even, "p006")
    assert chosen is not None and chosen.table != "t1"


def test_a_latecomer_is_never_put_beside_somebody_to_be_apart_from_nor_at_a_full_table() -> None:
    tables = [{"id": "a", "seats": 2}, {"id": "b", "seats": 2}, {"id": "c", "seats": 3}]
    event = read(room(5, tables, 1, apart=[["p004", "p002"]]))
    seated = {"p000": "a", "p001": "a", "p002": "b", "p003": "c"}
    seat = seat_for(event, seated, "p004")
    assert seat is not None and seat.table == "c"
    full = read(room(4, [{"id": "a", "seats": 2}, {"id": "b", "seats": 2}], 1, apart=[["p003", "p002"]]))
    assert seat_for(full, {"p000": "a", "p001": "a", "p002": "b"}, "p003") is None


def test_why_somebody_sits_somewhere_names_nobody() -> None:
    event = read(room(12, 3, 2, past=[["p000", "p001"]], pins=[{"person": "p000", "table": "t1", "round": 2}]))
    told = why(event, search(event).assignment, "p000")
    assert [code["code"] for code in told[0] or ()][:2] == ["people", "new"]
    assert {"code": "pinned"} in (told[1] or ())
    assert not any(f"p{n:03}" in json.dumps(told) for n in range(12))


def test_every_permutation_of_a_tiny_room_costs_no_less_than_the_search_found() -> None:
    data = room(6, 3, 2, 2, organisations=3, past=[["p000", "p001"], ["p002", "p005"]], steps=20_000)
    event = read(data)
    found = cost(event, search(event).assignment)
    ids = [f"p{i:03}" for i in range(6)]
    ways = {
        tuple(sorted((id, f"t{n // 2 + 1}") for n, id in enumerate(order)))
        for order in permutations(ids)
        if order[0] == "p000"
    }
    least = min(
        total
        for one in ways
        for two in ways
        for seating in [{id: [dict(one)[id], dict(two)[id]] for id in ids}]
        for total in [cost(event, seating)]
        if not broken(event, seating)
    )
    assert found == least
