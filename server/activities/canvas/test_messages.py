"""Every template that travels with the program is a board, and a board that does not fit says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from .messages import Ask, Board, Fact, Setup

BOARDS = sorted((Path(__file__).parents[3] / "content" / "boards").glob("*.json"))


def swot() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next(file for file in BOARDS if file.stem == "swot").read_text("utf-8"))
    return found


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: file.stem)
def test_every_template_is_a_board_and_goes_through_json_and_back(file: Path) -> None:
    board = Board.model_validate_json(file.read_bytes())
    assert Board.model_validate_json(board.model_dump_json()) == board
    assert board.key == file.stem
    Setup(board=board)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"zones": [{**swot()["zones"][0], "role": "dream"}]}, "there is no role 'dream'"),
        ({"zones": [swot()["zones"][0], swot()["zones"][0]]}, "two zones are called"),
        ({"flow": [["strengths", "nowhere"]]}, "there is no zone 'nowhere'"),
        (
            {"zones": [{**swot()["zones"][0], "at": [12, 1, 2, 1]}], "flow": [], "phases": []},
            "does not stand on a grid",
        ),
        ({"surprise": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_board_that_does_not_fit_says_why(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Board.model_validate({**swot(), **change})


def test_a_setup_names_only_zones_and_phases_of_its_board_and_no_more_dots_than_there_are() -> None:
    changes: list[dict[str, Any]] = [{"may": {"nowhere": {}}}, {"phases": ["never"]}, {"dots": 2, "max_on_one": 3}]
    for change in changes:
        with pytest.raises(ValidationError):
            Setup.model_validate({"board": swot(), **change})


def test_every_ask_and_fact_has_a_name_of_its_own() -> None:
    for union in (Ask, Fact):
        names = [kind.do if union is Ask else kind.kind for kind in union.__args__]
        assert len(names) == len(set(names)) and all(names)
