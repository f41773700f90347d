"""From the notes of a board to the fields of an idea, each with the note behind it."""

import json
from pathlib import Path
from typing import Any

import pytest

from .drafting import ELSEWHERE, INSIDE, ROWS, TEXTS, elsewhere, from_draft, place, row_uid
from .fields import form_of
from .test_rules import Room

#: Roles of a board's zones; the list is closed there, and every one of them lands somewhere.
ROLES = (
    "challenge", "cause", "effect", "beneficiary", "need", "evidence", "proposal", "action", "actor", "resource",
    "payer", "obstacle", "overcome", "risk", "result", "indicator", "open_question", "strength", "weakness",
    "opportunity", "threat", "competence", "lesson",
)  # fmt: skip


def note(id: str, role: str, text: str, **more: Any) -> dict[str, Any]:
    return {"note": id, "zone": role, "role": role, "sets": {}, "text": text, "number": len(id), **more}


def test_every_role_lands_in_exactly_one_place() -> None:
    assert sorted([*TEXTS, *ROWS, *INSIDE, *ELSEWHERE]) == sorted(ROLES)


def test_a_card_of_notes_becomes_fields_with_their_sources() -> None:
    draft = {
        "idea": "i", "stage": "board", "table": "3", "fields": {"title": "Uno sportello", "domain": "housing, food"},
        "notes": [
            note("a", "challenge", "Case vuote"), note("b", "challenge", "Affitti alti"),
            note("c", "actor", "Comune", sets={"sector": "public", "role": "lead"}, own_group="civil_servants"),
            note("d", "payer", "Fondazione"), note("e", "obstacle", "Tempi"), note("f", "overcome", "Un patto"),
            note("g", "result", "Una casa"), note("h", "strength", "La rete"), note("z", "", "Senza ruolo"),
        ],
    }  # fmt: skip
    fields, sources = from_draft(draft)
    form = form_of(fields)
    assert form.title == {"it": "Uno sportello"} and form.domain == ["housing", "food"]
    assert form.problem == {"it": "Case vuote\nAffitti alti"}
    assert [(one.uid, one.name, one.sector, one.role) for one in form.actors or ()] == [
        ("c", "Comune", "public", "lead"), ("d", "Fondazione", None, "payer_commissioner"),
    ]  # fmt: skip
    assert form.obstacles and form.obstacles[0].overcome and form.obstacles[0].overcome[0].text == {"it": "Un patto"}
    assert form.theory_of_change and form.theory_of_change.social_outcomes
    assert [(one["field"], one["note"]) for one in sources] == [
        ("problem", "a"), ("problem", "b"), ("actors/c", "c"), ("actors/d", "d"), ("obstacles/e", "e"),
        ("theory_of_change.social_outcomes/g", "g"), ("obstacles/e", "f"),
    ]  # fmt: skip
    assert sources[2] == {
        "field": "actors/c", "source_kind": "note", "relation": "quoted", "stage": "board", "table": "3", "note": "c",
        "number": 1, "own_group": "civil_servants",
    }  # fmt: skip
    assert [one["note"] for one in elsewhere(draft)] == ["h", "z"]
    room = Room()
    room.desk("new_idea", idea="i", fields=fields, sources=sources)
    assert room.state.ideas["i"].fields == fields and len(room.state.ideas["i"].sources) == 7


def test_an_overcome_finds_its_obstacle_by_link_or_waits_for_a_person() -> None:
    notes = [note("a", "obstacle", "Uno"), note("b", "obstacle", "Due"), note("c", "overcome", "Così")]
    linked, _ = from_draft({"notes": notes}, links=[("c", "b")])
    assert "overcome" not in linked["obstacles/a"] and linked["obstacles/b"]["overcome"][0]["uid"] == "c"
    loose, sources = from_draft({"notes": notes})
    assert loose["loose/c"] == {"uid": "c", "role": "overcome", "text": {"it": "Così"}}
    assert sources[-1]["field"] == "loose/c"


def test_no_word_of_a_note_is_dropped_for_want_of_room() -> None:
    long = [note(f"n{n}", "challenge", f"{n} " + "x" * 490) for n in range(12)]
    fields, sources = from_draft({"notes": [*long, note("actor", "actor", "y" * 400)]})
    everything = str(fields)
    assert all(one["text"] in everything for one in long) and "y" * 400 in everything
    assert {one["note"] for one in sources} == {one["note"] for one in [*long, {"note": "actor"}]}


def test_actions_may_go_to_the_theory_of_change() -> None:
    fields, _ = from_draft({"notes": [note("a", "action", "Formare")]}, "en", actions_to="theory_of_change.actions")
    assert fields == {"theory_of_change.actions/a": {"uid": "a", "statement": {"en": "Formare"}}}


def test_a_matrix_gives_an_actor_power_and_interest() -> None:
    fields, _ = from_draft({"notes": [note("a", "actor", "Uno", axis={"x": 10_000, "y": 0})]})
    assert (fields["actors/a"]["interest"], fields["actors/a"]["power"]) == (5, 1)


@pytest.mark.parametrize(("v", "expected"), [(0, 1), (2000, 1), (2001, 2), (5000, 3), (8001, 5), (10_000, 5)])
def test_a_place_becomes_one_of_five(v: int, expected: int) -> None:
    assert place(v) == expected


BOARDS = sorted((Path(__file__).parents[4] / "content" / "boards").glob("*.json"))


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.stem)
def test_every_zone_of_every_shipped_board_leads_somewhere_with_all_that_it_sets(board: Path) -> None:
    for zone in json.loads(board.read_text("utf-8"))["zones"]:
        draft = {"notes": [note("n", zone["role"], "Una nota", sets=zone.get("sets", {}))]}
        fields, sources = from_draft(draft)
        if zone["role"] in ("", *ELSEWHERE):
            assert fields == {} and len(elsewhere(draft)) == 1
        else:
            assert len(fields) == len(sources) == 1 and elsewhere(draft) == []
            [value] = fields.values()
            for name, setting in zone.get("sets", {}).items():
                assert value[name] == setting


def test_the_same_note_always_becomes_the_same_row() -> None:
    assert row_uid("9fK2mQ0xTzL1bA7c") == "9fK2mQ0xTzL1bA7c"
    assert row_uid("not a uid") == row_uid("not a uid") != row_uid("another one")
