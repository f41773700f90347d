"""A talk: parts one after another, none before its time."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ..contract import Refusal
from ..contract.rehearsal import Rehearsal
from . import messages, rules

PARTS = {
    "parts": [
        {
            "heading": {"it": f"Parte {n}", "en": f"Part {n}"},
            "text": {"it": f"testo {n}"},
            "points": [{"it": f"punto {n}"}],
        }
        for n in range(1, 4)
    ]
}


def talk() -> Any:
    return Rehearsal(rules, messages, PARTS)


def test_a_talk_begins_with_its_first_part() -> None:
    assert talk().view("wall")["part"] == 1
    assert talk().view("wall")["of"] == 3


def test_the_desk_shows_another_part_and_may_go_back() -> None:
    stage = talk()
    stage.desk("show_part", part=3)
    assert stage.view("phone")["parts"][0]["heading"]["it"] == "Parte 3"
    stage.desk("show_part", part=1)
    assert stage.view("phone")["part"] == 1


def test_phones_and_wall_hold_only_the_part_that_is_shown_and_the_desk_all_of_them() -> None:
    stage = talk()
    for screen in ("phone", "wall"):
        assert "testo 2" not in json.dumps(stage.view(screen))
    assert len(stage.view("desk")["parts"]) == 3


def test_a_part_that_is_not_there_cannot_be_shown() -> None:
    assert talk().desk("show_part", part=4) == Refusal("unknown_part")
    assert talk().desk("show_part", part=0) == Refusal("unknown_part")


def test_showing_the_shown_part_leaves_no_fact() -> None:
    assert talk().desk("show_part", part=1) == []


def test_a_talk_is_nobodys_own_and_leaves_no_outcome() -> None:
    stage = talk()
    assert stage.mine("ada") == {}
    assert rules.outcomes(stage.state) == []


@given(st.lists(st.integers(-2, 6), max_size=12))
def test_any_order_of_parts_replays_to_the_same_state(parts: Any) -> None:
    stage = talk()
    for part in parts:
        stage.desk("show_part", part=part)
    assert stage.replayed() == stage.state
    assert 1 <= stage.state.part <= 3
