"""Every shipped board is whole: both languages, a full grid, known roles and rules, phases that fit, the credit that is owed."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

FOLDER = Path(__file__).parent.parent / "content" / "boards"
FILES = sorted(FOLDER.glob("*.json"))

SHIPPED = {
    "business_model", "challenges_technologies", "competence_bridge", "ecosystem_map", "empathy_map", "governance",
    "how_what", "idea_card", "needs", "pact", "pay_by_result", "power_interest", "problem_tree", "retrospective", "swot",
    "theory_of_change", "three_lenses", "torino_chain",
}  # fmt: skip

# The lists are written out here and not taken from the server: a template must fail when either of the two drifts.
ROLES = {
    "challenge", "cause", "effect", "beneficiary", "need", "evidence", "proposal", "action", "actor", "resource", "payer",
    "obstacle", "overcome", "risk", "result", "indicator", "open_question", "strength", "weakness", "opportunity",
    "threat", "competence", "lesson",
}  # fmt: skip
GROUPS = {"civil_servants", "social_innovators", "citizens", "investors", "researchers"}
SETS = {
    "sector": {
        "public", "private_profit", "third_sector", "social_enterprise", "foundation_bank_foundation",
        "university_research", "citizens_informal_group", "finance_investor",
    },
    "role": {
        "lead", "decision_maker", "payer_commissioner", "funder", "investor", "provider", "beneficiary_representative",
        "intermediary", "evaluator_verifier", "broker_facilitator", "space_owner", "knowledge_partner", "regulator",
        "informed",
    },
    "raci": {"R", "A", "C", "I"},
}  # fmt: skip
CORNERS = {"x_low_y_low", "x_low_y_high", "x_high_y_low", "x_high_y_high"}

Words = Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$")]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Verb = Literal["write", "edit", "move", "delete", "group", "link", "comment", "react"]
Who = Literal["nobody", "desk", "author", "table", "everyone"] | Annotated[list[Key], Field(min_length=1)]
Visible = Literal["own", "desk", "all"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Text(Strict):
    it: Words
    en: Words


class End(Strict):
    low: Text
    high: Text


class Axis(Strict):
    x: End
    y: End


class Zone(Strict):
    key: Key
    role: str
    title: Text
    prompt: Text
    at: tuple[int, int, int, int]
    open: bool = True
    visible: Visible = "all"
    may: dict[Verb, Who] = Field(default_factory=dict)
    kinds: Annotated[list[Literal["note", "image"]], Field(min_length=1)] = Field(default_factory=lambda: ["note"])
    notes_max: Annotated[int, Field(ge=1, le=5_000)] | None = None
    axis: Axis | None = None
    anonymous: bool = False
    sets: dict[str, str] = Field(default_factory=dict)
    hints: dict[str, Text] = Field(default_factory=dict)


class Phase(Strict):
    key: Key
    title: Text
    minutes: Annotated[int, Field(ge=1)]
    open: list[Key] | None = None
    visible: dict[str, Visible] = Field(default_factory=dict)
    may: dict[str, dict[Verb, Who]] = Field(default_factory=dict)


class Board(Strict):
    key: Key
    version: Annotated[int, Field(ge=1)]
    title: Text
    credit: Text | None
    licence: Words
    cols: Annotated[int, Field(ge=1)]
    rows: Annotated[int, Field(ge=1)]
    zones: Annotated[list[Zone], Field(min_length=1)]
    flow: list[tuple[Key, Key]]
    phases: Annotated[list[Phase], Field(min_length=1)]
    note: Text | None = None


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Python keeps the last of two equal keys without a word; in a file written by hand that would lose a text."""
    twice = [key for key, n in Counter(key for key, _ in pairs).items() if n > 1]
    assert not twice, f"written twice: {twice}"
    return dict(pairs)


def read(file: Path) -> Board:
    words = file.read_text(encoding="utf-8")
    json.loads(words, object_pairs_hook=once)
    return Board.model_validate_json(words)


def cells(zone: Zone) -> list[tuple[int, int]]:
    column, row, wide, high = zone.at
    return [(c, r) for c in range(column, column + wide) for r in range(row, row + high)]


def seen(board: Board, phase: Phase) -> dict[str, str]:
    everywhere = phase.visible.get("*")
    return {zone.key: phase.visible.get(zone.key, everywhere or zone.visible) for zone in board.zones}


every_board = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_every_board_that_is_promised_is_there_and_no_other() -> None:
    assert {file.stem for file in FILES} == SHIPPED


@every_board
def test_a_board_has_the_shape_of_a_template_and_every_text_is_there_in_both_languages(file: Path) -> None:
    read(file)


@every_board
def test_the_key_of_a_board_is_the_name_of_its_file(file: Path) -> None:
    assert read(file).key == file.stem


@every_board
def test_no_two_zones_and_no_two_phases_share_a_key(file: Path) -> None:
    board = read(file)
    for keys in ([zone.key for zone in board.zones], [phase.key for phase in board.phases]):
        assert len(keys) == len(set(keys)), keys


@every_board
def test_no_two_zones_share_a_title_so_that_tabs_can_be_told_apart(file: Path) -> None:
    zones = read(file).zones
    for titles in ([zone.title.it for zone in zones], [zone.title.en for zone in zones]):
        assert len(titles) == len(set(titles)), titles


@every_board
def test_every_zone_has_a_role_from_the_closed_list_or_none(file: Path) -> None:
    for zone in read(file).zones:
        assert zone.role in ROLES | {""}, zone.key


@every_board
def test_zones_stay_on_the_grid_do_not_overlap_and_leave_no_cell_empty(file: Path) -> None:
    board = read(file)
    assert all(min(zone.at) >= 1 for zone in board.zones)
    taken = Counter(cell for zone in board.zones for cell in cells(zone))
    grid = {(c, r) for c in range(1, board.cols + 1) for r in range(1, board.rows + 1)}
    assert [cell for cell, n in taken.items() if n > 1] == []
    assert set(taken) - grid == set(), "outside the grid"
    assert grid - set(taken) == set(), "empty"


@every_board
def test_a_list_of_the_zones_reads_from_the_top_left_as_the_drawn_board_does(file: Path) -> None:
    # Not simply row by row: boards drawn as columns are read down a column first.
    zones = read(file).zones
    for n, earlier in enumerate(zones):
        for later in zones[n + 1 :]:
            assert later.at[0] > earlier.at[0] or later.at[1] > earlier.at[1], f"{later.key} after {earlier.key}"


@every_board
def test_phases_name_only_zones_of_the_board_or_all_of_them(file: Path) -> None:
    board = read(file)
    zones = {zone.key for zone in board.zones}
    for phase in board.phases:
        assert set(phase.open or ()) <= zones, phase.key
        assert {*phase.visible, *phase.may} <= zones | {"*"}, phase.key


@every_board
def test_a_rule_that_lists_groups_names_groups_that_plans_have(file: Path) -> None:
    board = read(file)
    rules = [zone.may for zone in board.zones] + [may for phase in board.phases for may in phase.may.values()]
    for who in (who for may in rules for who in may.values()):
        assert isinstance(who, str) or set(who) <= GROUPS, who


@every_board
def test_notes_once_revealed_are_never_hidden_again_and_all_are_shown_in_the_end(file: Path) -> None:
    board = read(file)
    steps = [seen(board, phase) for phase in board.phases]
    for before, after in pairwise(steps):
        shown = {zone for zone, to in before.items() if to == "all"}
        assert {zone for zone in shown if after[zone] != "all"} == set()
    assert set(steps[-1].values()) == {"all"}


@every_board
def test_every_zone_takes_notes_in_some_phase(file: Path) -> None:
    board = read(file)
    opened = [
        set(phase.open) if phase.open is not None else {zone.key for zone in board.zones} for phase in board.phases
    ]
    assert set().union(*opened) == {zone.key for zone in board.zones}


@every_board
def test_the_phases_of_a_board_fit_a_table_session(file: Path) -> None:
    assert 20 <= sum(phase.minutes for phase in read(file).phases) <= 40


@every_board
def test_arrows_lead_from_one_zone_of_the_board_to_another(file: Path) -> None:
    board = read(file)
    zones = {zone.key for zone in board.zones}
    for start, end in board.flow:
        assert {start, end} <= zones and start != end, (start, end)
    assert len(board.flow) == len(set(board.flow))


@every_board
def test_what_a_zone_sets_on_promoted_notes_is_a_field_and_a_value_that_ideas_know(file: Path) -> None:
    for zone in read(file).zones:
        for field, value in zone.sets.items():
            assert value in SETS[field], zone.key


@every_board
def test_corner_hints_stand_only_on_a_matrix_and_name_its_corners(file: Path) -> None:
    for zone in read(file).zones:
        assert set(zone.hints) in (set(), CORNERS), zone.key
        assert zone.axis or not zone.hints, zone.key


@every_board
def test_a_board_under_somebody_elses_licence_carries_its_credit(file: Path) -> None:
    board = read(file)
    if board.licence != "own":
        assert board.credit is not None
        assert board.licence in board.credit.it and board.licence in board.credit.en


def test_the_business_model_canvas_names_its_author_and_licence_under_the_board() -> None:
    board = read(FOLDER / "business_model.json")
    line = "Business Model Canvas, Strategyzer AG (strategyzer.com), CC BY-SA 3.0"
    assert board.licence == "CC BY-SA 3.0"
    assert board.credit and board.credit.it.startswith(line) and board.credit.en.startswith(line)


def test_boards_whose_owners_forbid_it_are_not_shipped() -> None:
    for board in map(read, FILES):
        for title in (board.title.it, board.title.en):
            assert "lean canvas" not in title.lower() and "value proposition canvas" not in title.lower()


def test_the_pact_says_that_it_is_not_legal_advice_and_pay_by_result_says_with_caution() -> None:
    pact, pay = read(FOLDER / "pact.json").note, read(FOLDER / "pay_by_result.json").note
    assert pact and "non è consulenza legale" in pact.it and "not legal advice" in pact.en
    assert pay and "con cautela" in pay.it and "with caution" in pay.en


def test_every_zone_of_the_chain_lets_everyone_draw_links() -> None:
    assert [zone.may["link"] for zone in read(FOLDER / "torino_chain.json").zones] == ["everyone"] * 4


def test_each_side_of_the_competence_bridge_writes_for_itself_and_both_write_together() -> None:
    write = {zone.key: zone.may.get("write") for zone in read(FOLDER / "competence_bridge.json").zones}
    assert write["cs_know"] == write["cs_need"] == ["civil_servants"]
    assert write["si_know"] == write["si_need"] == ["social_innovators"]
    assert write["together"] is None


# A check that lets everything through would look just like one that passes.
@pytest.mark.parametrize(
    ("where", "what"),
    [
        ((), {"colour": "red"}),
        (("zones", 0), {"promt": {"it": "Che cosa?", "en": "What?"}}),
        (("zones", 0), {"title": {"it": "Punti di forza"}}),
        (("zones", 0), {"title": {"it": "Punti di forza", "en": " "}}),
        (("zones", 0), {"title": "Strengths"}),
        (("zones", 0), {"at": [1, 1, 6]}),
        (("zones", 0), {"visible": "everyone"}),
        (("zones", 0), {"may": {"paint": "everyone"}}),
        (("zones", 0), {"may": {"write": "all"}}),
        (("zones", 0), {"may": {"write": []}}),
        (("phases", 0), {"minutes": "8"}),
        (("phases", 0), {"visible": {"*": "nobody"}}),
        (("phases", 0), {"may": {"*": {"write": "all"}}}),
    ],
)
def test_a_misspelt_key_rule_or_text_is_an_error(where: tuple[Any, ...], what: dict[str, Any]) -> None:
    board = json.loads((FOLDER / "swot.json").read_text(encoding="utf-8"))
    place = board
    for step in where:
        place = place[step]
    place.update(what)
    with pytest.raises(ValidationError):
        Board.model_validate_json(json.dumps(board))


def test_a_key_written_twice_is_an_error() -> None:
    with pytest.raises(AssertionError, match="written twice"):
        json.loads('{"it": "a", "it": "b"}', object_pairs_hook=once)
