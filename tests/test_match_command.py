"""`officina match` and `officina tables`: from a file to a plan, words, printed pages and an exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from server.cli import app
from server.drawing import shipped
from server.files.sheets import Sheet
from server.files.writing import csv_text, xlsx
from tests.matching.checker import check, check_tables
from tests.test_hostile_text import CORPUS
from tests.test_imports import bomb
from tests.test_kit import headings, pages_of

KRAKOW = shipped("content") / "matching" / "krakow.json"
SEATS = shipped("content") / "matching" / "tables.json"
PEOPLE = [
    ["Persona", "Nome", "Gruppo", "Ente", "Lyon", "Napoli", "Torino"],
    ["p1", "Anna Rossi", "Funzionari", "lyon", None, 3, 2],
    ["p2", "Bo Neri", "Innovatori", "lyon", None, 3, None],
    ["p3", "Cè Verdi", "Funzionari", "naples", 1, None, 3],
    ["p4", "Dan Bianchi", "Innovatori", "naples", None, None, None],
    ["p5", "Eva Gallo", "Funzionari", "torino", 2, 1, None],
    ["p6", "Fil Greco", "Innovatori", "krakow", 1, 3, 3],
    ["p7", "Gia Conti", "Funzionari", "krakow", 3, None, None],
]
STALLS = [
    ["id", "titolo", "ente", "posti"],
    ["lyon", "Lyon", "lyon", 3],
    ["naples", "Napoli", "naples", 3],
    ["torino", "Torino", "torino", 3],
]


def run(*words: str | Path, given: str | bytes = b"") -> Result:
    return CliRunner().invoke(app, [str(one) for one in words], input=given, env={"COLUMNS": "200"})


def document(found: Result) -> Any:
    """The whole standard output, which is one JSON and nothing else."""
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return json.loads(found.stdout_bytes)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    file = tmp_path / "lista.xlsx"
    file.write_bytes(xlsx([Sheet("Persone", PEOPLE), Sheet("Banchi", STALLS)]))
    return file


# The exit codes


def test_a_clean_plan_ends_with_zero_and_words_stay_off_the_standard_output() -> None:
    found = run("match", KRAKOW)
    plan = document(found)
    assert found.exit_code == 0
    assert plan["objective"]["value"] == 3853
    assert "best possible" in found.stderr
    assert check(json.loads(KRAKOW.read_bytes()), plan) == []


def test_the_standard_input_is_read_behind_a_dash() -> None:
    from_file, from_input = document(run("match", KRAKOW)), document(run("match", "-", given=KRAKOW.read_bytes()))
    from_file["engine"].pop("seconds")
    from_input["engine"].pop("seconds")
    assert from_file == from_input


def test_a_plan_that_has_to_break_a_rule_ends_with_one() -> None:
    given = {"format": "officina.match/1", "rounds": 2, "people": [{"id": "a"}], "stalls": [{"id": "s", "capacity": 1}]}
    found = run("match", "-", given=json.dumps(given))
    assert found.exit_code == 1
    assert document(found)["broken"]


@pytest.mark.parametrize(
    "given",
    [
        "",
        "[",
        "[1]",
        "null",
        "\x00\x01",
        '{"format": "officina.match/1"}',
        '{"format": "officina.match/1", "rounds": 1, "people": [], "stalls": [], "colour": 1}',
        '{"format": "officina.match/1", "rounds": 1, "people": [{"id": "\\ud800"}], "stalls": []}',
        "[" * 100_000,
    ],
)
@pytest.mark.parametrize("command", ["match", "tables"])
def test_an_unusable_input_ends_with_two_and_says_why_as_json(command: str, given: str) -> None:
    found = run(command, "-", given=given)
    assert found.exit_code == 2
    assert set(document(found)["error"]) == {"code", "text", "details"}
    assert found.stderr.strip()


def test_a_file_that_is_not_there_ends_with_two_and_not_with_a_traceback(tmp_path: Path) -> None:
    for words in (["match", tmp_path / "no.json"], ["match", tmp_path], ["match", KRAKOW, "--check", tmp_path / "no.json"],
                  ["tables", tmp_path / "no.csv"]):  # fmt: skip
        found = run(*words)
        assert found.exit_code == 2
        assert "cannot be read" in document(found)["error"]["text"]


def test_an_unknown_engine_or_person_ends_with_two() -> None:
    assert document(run("match", KRAKOW, "--engine", "magic"))["error"]["code"] == "malformed"
    assert document(run("match", KRAKOW, "--why", "nobody"))["error"]["code"] == "unknown_id"
    assert document(run("tables", SEATS, "--why", "nobody"))["error"]["code"] == "unknown_id"
    assert run("match", KRAKOW, "--why", "nobody").exit_code == 2


@pytest.mark.parametrize("engine", ["python", "greedy"])
def test_the_other_engines_make_plans_too(engine: str) -> None:
    found = run("match", KRAKOW, "--engine", engine)
    assert document(found)["engine"]["name"] == engine


# Checking and explaining


def test_our_own_plan_checks_clean_and_comes_out_the_same(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    assert run("match", KRAKOW, "--out", file).stdout_bytes == b""
    plan = json.loads(file.read_bytes())
    found = run("match", KRAKOW, "--check", file)
    checked = document(found)
    assert found.exit_code == 0
    checked.pop("check", None)
    assert checked == plan


def test_a_plan_that_tells_a_better_value_than_it_has_is_found_out(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    run("match", KRAKOW, "--out", file)
    plan = json.loads(file.read_bytes())
    plan["objective"]["value"] += 1
    file.write_text(json.dumps(plan))
    found = run("match", KRAKOW, "--check", file)
    assert found.exit_code == 1
    assert "objective" in found.stderr


def test_our_own_seating_checks_clean_and_comes_out_the_same(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    assert run("tables", SEATS, "--out", file).exit_code == 0
    found = run("tables", SEATS, "--check", file)
    assert found.exit_code == 0
    seating = document(found)
    seating.pop("check", None)
    assert seating == json.loads(file.read_bytes())
    assert check_tables(json.loads(SEATS.read_bytes()), seating) == []


def test_why_tells_one_person_the_reason_of_each_round() -> None:
    found = document(run("match", KRAKOW, "--why", "torino_a"))
    assert list(found["why"]) == ["torino_a"]
    for stall, reasons in zip(found["assignment"]["torino_a"], found["why"]["torino_a"], strict=True):
        assert stall is None or reasons[0]["code"] in ("rated", "needed", "pinned")
    assert list(document(run("tables", SEATS, "--why", "p01"))["why"]) == ["p01"]


# Lists


def test_a_workbook_becomes_a_plan(book: Path, tmp_path: Path) -> None:
    found = run("match", book, "--rounds", "2")
    plan = document(found)
    assert found.exit_code == 0
    assert plan["objective"]["value"] == 712, "the list is the first worked example"
    by_hand = tmp_path / "event.json"
    assert run("match", book, "--rounds", "2", "--dry-run", "--out", by_hand).exit_code == 0
    again = document(run("match", by_hand))
    assert again["assignment"] == plan["assignment"]
    assert again["input_sha256"] == plan["input_sha256"]


@pytest.mark.parametrize("italian", [False, True])
def test_two_csv_files_are_the_same_as_one_workbook(book: Path, tmp_path: Path, italian: bool) -> None:
    people, stalls = tmp_path / "persone.csv", tmp_path / "banchi.csv"
    people.write_bytes(csv_text(PEOPLE, italian_excel=italian))
    stalls.write_bytes(csv_text(STALLS, italian_excel=italian))
    one = document(run("match", people, "--stalls", stalls, "--rounds", "2"))
    assert one["input_sha256"] == document(run("match", book, "--rounds", "2"))["input_sha256"]


def test_a_dry_run_says_what_was_understood_and_works_nothing_out(tmp_path: Path) -> None:
    file = tmp_path / "persone.csv"
    file.write_bytes(csv_text([[*PEOPLE[0], "email"], *[[*row, "a@b"] for row in PEOPLE[1:]]]))
    found = run("match", file, "--rounds", "2", "--capacity", "1", "--dry-run", "--language", "en")
    assert found.exit_code == 0
    assert document(found)["format"] == "officina.match/1"
    assert "7 people, 2 groups, 4 organisations, 3 stalls with 3 seats, 2 rounds, 11 wishes." in found.stderr
    assert "“email” is not read" in found.stderr
    assert "7 visitors, 3 seats in round 1" in found.stderr


def test_bad_lines_are_told_by_number_and_nothing_half_read_is_solved(tmp_path: Path) -> None:
    rows = [*PEOPLE, ["p8", "Ugo", "g", "e", 9, 1, 1], ["p1", "Due", "g", "e", 1, 1, 1]]
    file = tmp_path / "lista.csv"
    file.write_bytes(csv_text(rows))
    found = run("match", file, "--rounds", "2")
    error = document(found)["error"]
    assert found.exit_code == 2
    assert error["details"]["bad"] == 2
    assert [(one["row"], one["column"], one["code"]) for one in error["details"]["lines"]] == [
        (9, "Lyon", "interest_out_of_range"),
        (10, "Persona", "duplicate_id"),
    ]
    assert "riga 9, Lyon: «9» non è un interesse" in found.stderr
    assert (
        "sheet lista, line 9, Lyon: “9” is no interest"
        in run("match", file, "--rounds", "2", "--language", "en").stderr
    )
    left = run("match", file, "--rounds", "2", "--skip-bad")
    assert left.exit_code == 0
    assert set(document(left)["assignment"]) == {f"p{n}" for n in range(1, 8)}
    assert "2 lines left out" in left.stderr


def test_columns_of_another_name_can_be_said(tmp_path: Path) -> None:
    file = tmp_path / "lista.csv"
    file.write_bytes(
        csv_text([["Chi", "Squadra", "Taglia", "Orti", "Bici"], *[[f"p{n}", "g", 2, 1, 3] for n in range(4)]])
    )
    found = run(
        "match", file, "--rounds", "2", "--dry-run", "--columns", "Chi=id,Squadra=group", "--columns", "Taglia=-"
    )
    given = document(found)
    assert [one["id"] for one in given["stalls"]] == ["Orti", "Bici"]
    assert given["people"][0]["group"] == "g"
    assert run("match", file, "--rounds", "2", "--columns", "Chi").exit_code == 2


def test_what_is_for_lists_is_refused_beside_a_json_rather_than_passed_over() -> None:
    for words in (
        ["match", KRAKOW, "--rounds", "3"],
        ["match", KRAKOW, "--skip-bad"],
        ["tables", SEATS, "--tables", "3"],
    ):
        found = run(*words)
        assert found.exit_code == 2
        assert "is for lists" in document(found)["error"]["text"]


def test_a_list_of_people_becomes_a_seating(tmp_path: Path) -> None:
    file = tmp_path / "persone.csv"
    file.write_text("persona\n" + "".join(f"p{n}\n" for n in range(1, 13)))
    found = run("tables", file, "--tables", "4", "--rounds", "2", "--apart", "p1,p9", "--apart", "P2,p3")
    seating = document(found)
    assert found.exit_code == 0
    assert all(seating["assignment"]["p1"][n] != seating["assignment"]["p9"][n] for n in (0, 1))
    assert all(seating["assignment"]["p2"][n] != seating["assignment"]["p3"][n] for n in (0, 1))
    understood = run("tables", file, "--tables", "3", "--apart", "p1,p9", "--dry-run")
    assert document(understood)["apart"] == [["p1", "p9"]]
    assert "12 people" in understood.stderr
    assert run("tables", file).exit_code == 2


def test_hostile_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    wide = csv_text([[f"c{n}" for n in range(200)], list(range(200))])
    for nth, body in enumerate([bomb(), b"", b"%PDF-1.7 x", b"PK\x03\x04", wide, b"\x00" * 50, b"a" * (6 << 20)]):
        file = tmp_path / f"{nth}.xlsx"
        file.write_bytes(body)
        for command in ("match", "tables"):
            found = run(command, file, "--rounds", "2")
            assert found.exit_code == 2, (nth, command)
            assert document(found)["error"]["code"] in ("malformed", "too_big")


def test_hostile_texts_in_cells_reach_neither_the_terminal_nor_the_plan_alive(tmp_path: Path) -> None:
    hostile = [one for one in CORPUS if one.strip()] + ["\x1b[2J\x1b]0;x\x07", "[bold red]x[/]"]
    rows = [["persona", "gruppo", "ente", "a", "b"], *[[one, one, one, one, 1] for one in hostile]]
    file = tmp_path / "lista.xlsx"
    file.write_bytes(xlsx([Sheet("[red]x", rows)]))
    found = run("match", file, "--rounds", "2", "--capacity", "500")
    assert found.exit_code == 2
    assert document(found)["error"]["details"]["bad"] >= len(hostile) - 5
    fine = [
        ["persona", "gruppo", "ente", "a", "b"],
        *[[one, one, one, 1, 1] for one in hostile],
        ["p1", "g", "e", 1, 2],
    ]
    file.write_bytes(xlsx([Sheet("x", fine)]))
    slips = tmp_path / "slips.pdf"
    left = run(
        "match", file, "--rounds", "2", "--capacity", "500", "--skip-bad", "--engine", "greedy", "--slips", slips
    )
    assert left.exit_code in (0, 1)
    assert "p1" in document(left)["assignment"]
    assert slips.read_bytes().startswith(b"%PDF-")
    for said in (found.stderr, left.stderr):
        assert "\x1b[2J" not in said
        assert "\x07" not in said
        assert "\u202e" not in said


# On paper


def test_slips_and_sheets_are_written_beside_the_plan(book: Path, tmp_path: Path) -> None:
    slips, sheets = tmp_path / "slips.pdf", tmp_path / "sheets.pdf"
    found = run("match", book, "--rounds", "2", "--slips", slips, "--sheets", sheets)
    plan = document(found)
    assert found.exit_code == 0
    assert len(pages_of(slips.read_bytes())) == 2
    assert headings(slips.read_bytes())[0] == "Anna Rossi"
    number = {"lyon": "1", "naples": "2", "torino": "3"}
    first = pages_of(slips.read_bytes())[0].partition("BoNeri")[0]
    for n, stall in enumerate(plan["assignment"]["p1"], start=1):
        assert f"Giro{n}Banco{number[stall]}" in first
    assert len(pages_of(sheets.read_bytes())) == 3
    assert "Napoli" in pages_of(sheets.read_bytes())[1]


def test_slips_can_be_printed_again_from_a_plan_that_is_only_checked(book: Path, tmp_path: Path) -> None:
    plan, first, second = tmp_path / "plan.json", tmp_path / "1.pdf", tmp_path / "2.pdf"
    run("match", book, "--rounds", "2", "--out", plan, "--slips", first, "--language", "en")
    run("match", book, "--rounds", "2", "--check", plan, "--slips", second, "--language", "en")
    assert first.read_bytes() == second.read_bytes()
    assert "Round1Stall" in pages_of(first.read_bytes())[0]


def test_slips_and_tents_of_a_seating(tmp_path: Path) -> None:
    slips, tents = tmp_path / "slips.pdf", tmp_path / "tents.pdf"
    assert run("tables", SEATS, "--slips", slips, "--tents", tents).exit_code == 0
    assert len(pages_of(slips.read_bytes())) == 6
    assert len(pages_of(tents.read_bytes())) == 3


def test_a_page_that_cannot_be_written_is_told(book: Path, tmp_path: Path) -> None:
    found = run("match", book, "--rounds", "2", "--slips", tmp_path / "no" / "slips.pdf")
    assert found.exit_code == 1
    assert "cannot be written" in found.stderr


# Nothing of the house


def test_neither_a_data_folder_nor_the_house_is_needed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    code = (
        "import sys; from server.cli import app\n"
        f"try: app(['match', {str(KRAKOW)!r}, '--engine', 'greedy'])\n"
        "except SystemExit: pass\n"
        "print([one for one in sys.modules if one.startswith(('fastapi', 'sqlalchemy', 'typst', 'server.house'))], file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True,
        cwd=Path(__file__).parent.parent, env={"OFFICINA_DATA": str(data), "PATH": ""},
    )  # fmt: skip
    assert found.stderr.splitlines()[-1] == "[]"
    assert not data.exists()


def test_help_imports_no_solver() -> None:
    code = "import sys; from server.cli import app\ntry: app(['match', '--help'])\nexcept SystemExit: pass\n"
    code += "print(sorted(set(sys.modules) & {'highspy', 'numpy', 'typst', 'fastapi'}), file=sys.stderr)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True,
        cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert found.stderr.splitlines()[-1] == "[]"


def test_the_doctor_tells_the_solver_and_warns_of_another_that_clashes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from server import cli

    found, advice = cli.solver()
    assert found.startswith("highspy 1.") and not advice
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    found, advice = cli.solver()
    assert "OR-Tools" in found and "environment of its own" in advice
