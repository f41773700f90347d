"""What a session leaves as files: read back, safe to open, with nobody to be told apart and no rehearsal in it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.files.reading import read_rows
from server.moment import fresh
from server.outcomes import export, tables
from tests.people import GROUPS, KEY, Day, officina, plan

TITLE = {"it": "Tappa", "en": "Stage"}
FORMULA = '=HYPERLINK("http://example.org","x")'
THREE = [*GROUPS, {"id": "students", "name": {"it": "Studenti", "en": "Students"}}]


def choice(id: str, **more: Any) -> dict[str, Any]:
    options = [{"id": "a", "text": "=1+1", "right": True}, {"id": "b", "text": "Le regole"}]
    return {"id": id, "kind": "choice", "text": f"Domanda {id}", "options": options, **more}


def stage(id: str, activity: str, setup: dict[str, Any], level: str = "pseudonym") -> dict[str, Any]:
    return {"id": id, "activity": activity, "title": TITLE, "level": level, "setup": setup}


PLAIN = [{"id": "a", "text": "A"}, {"id": "b", "text": "B"}]

PLAN = plan(
    stage("quiz", "quiz", {"questions": [choice("q1", time=20), choice("q2")], "streak": True}),
    stage("named", "quiz", {"questions": [choice("q1")], "board": "people_top"}, "named"),
    stage("hush", "poll", {"questions": [choice("q1", options=PLAIN)]}, "anonymous"),
    stage("cloud", "words", {"prompt": "Che cosa serve?"}),
    stage("never", "quiz", {"questions": [choice("q9")]}),
    groups=THREE,
)


async def ask(day: Day, key: str, do: str, at: str | None = None, **having: Any) -> None:
    body = {"id": fresh(), "stage": at, "do": do, "with": having}
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", key, json=body)
    assert answer.status_code == 200, answer.text


async def open_stage(day: Day, id: str) -> None:
    body = {"id": fresh(), "stage": None, "do": "open_stage", "with": {"stage": id}}
    assert (await day.api("POST", f"/api/sessions/{day.code}/asks", json=body)).status_code == 200


async def asked(day: Day, at: str, question: str, badges: list[str], explained: bool = False) -> None:
    """One question from opening to reveal; every other badge answers a, the rest b."""
    await ask(day, KEY, "open_question", at, question=question)
    await asyncio.gather(
        *(
            ask(day, badge, "answer", at, question=question, round=1, value=["a" if place % 2 else "b"])
            for place, badge in enumerate(badges)
        )
    )
    await ask(day, KEY, "lock_question", at, question=question)
    await ask(day, KEY, "reveal", at, question=question)
    if explained:
        await ask(day, KEY, "explain", at, question=question)


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[Day]:
    """Six civil servants, six social innovators, two students, and a rehearsal of six that nobody removed."""
    async with officina(tmp_path) as day:
        await day.begins(PLAN)
        for n in range(6):
            await day.badge("civil_servants", f"Prova {n}", rehearsal=True)
        yield day


async def everybody(day: Day) -> list[str]:
    made = []
    for group, n in (("civil_servants", 6), ("social_innovators", 6), ("students", 2)):
        made += [(await day.badge(group, f"{group} {one}"))["badge"] for one in range(n)]
    return made


async def the_day_goes(day: Day) -> list[str]:
    badges = await everybody(day)
    ghost = (await day.badge("civil_servants", "Fantasma", rehearsal=True))["badge"]
    await open_stage(day, "quiz")
    await asked(day, "quiz", "q1", [*badges, ghost], explained=True)
    await asked(day, "quiz", "q2", badges, explained=True)
    await open_stage(day, "named")
    await asked(day, "named", "q1", badges, explained=True)
    await open_stage(day, "hush")
    await asked(day, "hush", "q1", badges)
    await open_stage(day, "cloud")
    for badge in badges[:3]:
        await ask(day, badge, "add_word", "cloud", text=FORMULA.replace("http://example.org", "qui"))
    await ask(day, ghost, "add_word", "cloud", text="fantasma")
    return badges


async def fetched(day: Day, kind: str, language: str = "en") -> bytes:
    answer = await day.api("GET", f"/api/sessions/{day.code}/export.{kind}?lang={language}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(export.MEDIA[kind].split(";")[0])
    return answer.content


async def workbook(day: Day) -> tuple[dict[str, list[list[Any]]], bytes]:
    data = await fetched(day, "xlsx")
    return {sheet.name: sheet.rows for sheet in read_rows(data, "a.xlsx").sheets}, data


def dicts(rows: list[list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(rows[0], row, strict=False)) for row in rows[1:]]


async def test_the_workbook_has_its_sheets_and_no_living_formula(day: Day) -> None:
    await the_day_goes(day)
    sheets, data = await workbook(day)
    assert list(sheets) == [
        "Overview", "Final Scores", "RawReportData Data", "Persons", "Results", "Words", "Agenda", "Codebook",
        "README",
    ]  # fmt: skip
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
    assert not any(re.search(r"<f[ >/]", part) for name, part in parts.items() if "/sheet" in name)
    assert not any("hyperlink" in part.lower() for name, part in parts.items() if name.endswith(".rels"))
    texts = {cell for rows in sheets.values() for row in rows for cell in row}
    assert "=1+1" in texts
    assert any(str(text).startswith("=HYPERLINK") for text in texts)


async def test_the_raw_table_has_the_columns_that_other_tools_read_and_then_ours(day: Day) -> None:
    await the_day_goes(day)
    sheets, _ = await workbook(day)
    header = sheets["RawReportData Data"][0]
    assert header[:18] == list(tables.RAW_COLUMNS)
    assert header[18:] == list(tables.OUR_COLUMNS)
    rows = dicts(sheets["RawReportData Data"])
    assert len(rows) == 4 * 14
    assert {row["Question Number"] for row in rows} == {1, 2, 3, 4}
    one = next(row for row in rows if row["Question Number"] == 1 and row["Option Ids"] == "a")
    assert (one["Answer 1"], one["Answer 2"], one["Answer 3"], one["Correct Answers"]) == (
        "=1+1",
        "Le regole",
        None,
        "=1+1",
    )
    assert (one["Correct / Incorrect"], one["Correct"], one["Incorrect"], one["Score (points)"]) == (
        "Correct",
        1,
        0,
        1000,
    )
    assert one["Time Allotted to Answer (seconds)"] == 20
    assert 0 <= one["Answer Time (%)"] <= 100
    assert (one["Session"], one["Stage"], one["Kind"], one["Round"], one["Via"]) == (
        day.code,
        "quiz",
        "choice",
        1,
        "phone",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d[+-]\d\d:\d\d", one["Answered At"])


async def test_points_in_a_row_add_a_bonus_and_the_total_goes_on(day: Day) -> None:
    await the_day_goes(day)
    sheets, _ = await workbook(day)
    rows = [row for row in dicts(sheets["RawReportData Data"]) if row["Stage"] == "quiz"]
    live = day.house.rooms.live[day.code]
    totals = {score.total for score in live.room.folded.runs["quiz"].scores.values()}
    right = [row for row in rows if row["Question Number"] == 2 and row["Correct"] == 1]
    assert len(right) == 7
    for row in right:
        assert row["Score without Answer Streak Bonus (points)"] == 1000
        assert row["Score (points)"] == 1100
        assert row["Current Total Score (points)"] == 2100
    assert 2100 in totals


async def test_anonymous_rows_have_no_code_and_no_times_and_never_the_order_of_coming(day: Day) -> None:
    await the_day_goes(day)
    sheets, _ = await workbook(day)
    rows = [row for row in dicts(sheets["RawReportData Data"]) if row["Stage"] == "hush"]
    assert len(rows) == 14
    for row in rows:
        for column in ("Player", "Answer Time (%)", "Answer Time (seconds)", "Answered At", "Table", "Language"):
            assert row[column] is None, column
        assert row["Level"] == "anonymous"
    orders = set()
    for _ in range(6):
        again, _ = await workbook(day)
        orders.add(tuple(row["Option Ids"] for row in dicts(again["RawReportData Data"]) if row["Stage"] == "hush"))
    assert len(orders) > 1


async def test_codes_hold_within_a_file_and_are_drawn_anew_for_the_next(day: Day) -> None:
    await the_day_goes(day)
    seen = set()
    for _ in range(4):
        sheets, _ = await workbook(day)
        rows = [row for row in dicts(sheets["RawReportData Data"]) if row["Stage"] == "quiz"]
        by_code: dict[str, list[str]] = {}
        for row in rows:
            by_code.setdefault(row["Player"], []).append(row["Option Ids"])
        assert all(re.fullmatch(r"P\d\d", code) for code in by_code)
        # Everybody gave the same answer to both questions, so each code holds one answer twice.
        assert all(len(given) == 2 and len(set(given)) == 1 for given in by_code.values())
        seen.add(tuple(sorted(code for code, given in by_code.items() if given[0] == "a")))
    assert len(seen) > 1


async def test_names_stand_only_beside_answers_given_at_level_named(day: Day) -> None:
    await the_day_goes(day)
    sheets, _ = await workbook(day)
    rows = dicts(sheets["RawReportData Data"])
    assert {row["Stage"] for row in rows if row["Player"] and not re.fullmatch(r"P\d\d", row["Player"])} == {"named"}
    persons = dicts(sheets["Persons"])
    for row in persons:
        if re.fullmatch(r"P\d\d", row["Player"]):
            assert row["Q3"] is None
        else:
            assert row["Q1"] is None
    assert "Q4" not in sheets["Persons"][0]


async def test_final_scores_have_their_header_in_row_3_and_only_where_level_and_board_allow(day: Day) -> None:
    await the_day_goes(day)
    sheets, _ = await workbook(day)
    rows = sheets["Final Scores"]
    assert rows[2] == ["Rank", "Player", "Total Score (points)", "Correct Answers", "Incorrect Answers"]
    assert len(rows) == 3 + 14
    assert rows[3][0] == 1
    assert rows[3][2:] == [1000, 1, 0]
    assert rows[-1][2:] == [0, 0, 1]


async def test_a_small_group_stands_nowhere(day: Day) -> None:
    await the_day_goes(day)
    sheets, _ = await workbook(day)
    for name, rows in sheets.items():
        if name == "Codebook":
            continue
        assert not any(cell in ("students", "Students", "Studenti") for row in rows for cell in row), name
    raw = dicts(sheets["RawReportData Data"])
    blank = [row for row in raw if row["Stage"] == "quiz" and row["Question Number"] == 1 and row["Group"] is None]
    assert len(blank) >= 5
    found = (await day.api("GET", f"/api/sessions/{day.code}/outcomes")).json()
    assert "students" not in json.dumps([found["people"], found["outcomes"]])
    assert found["people"]["groups_hidden"]
    assert sum(cell["count"] for cell in found["people"]["by_group"]) in (0, 14)


async def test_one_question_with_few_answers_hides_its_groups_beside_every_code(day: Day) -> None:
    badges = await everybody(day)
    await open_stage(day, "quiz")
    await asked(day, "quiz", "q1", badges[:12])
    sheets, _ = await workbook(day)
    assert {row["Group"] for row in dicts(sheets["RawReportData Data"])} == {"civil_servants", "social_innovators"}
    await asked(day, "quiz", "q2", badges[:9])
    sheets, _ = await workbook(day)
    assert {row["Group"] for row in dicts(sheets["RawReportData Data"])} == {None}


async def test_people_of_a_rehearsal_are_left_out_and_the_room_is_not_touched(day: Day) -> None:
    await the_day_goes(day)
    live = day.house.rooms.live[day.code]
    before, number = live.room.folded, live.room.number
    found = (await day.api("GET", f"/api/sessions/{day.code}/outcomes")).json()
    assert found["people"]["count"] == 14
    votes = [one for one in found["outcomes"] if one["kind"] == "vote_result"]
    assert [one["answers"] for one in votes] == [14, 14, 14, 14]
    assert "fantasma" not in json.dumps(found).lower()
    data = await fetched(day, "json")
    assert "fantasma" not in data.decode().lower()
    assert live.room.folded is before
    assert live.room.number == number
    assert len(live.room.folded.runs["quiz"].flow.runs["q1"].now_answers) == 15


async def test_outcomes_say_which_session_stage_and_facts_they_come_from(day: Day) -> None:
    await the_day_goes(day)
    found = (await day.api("GET", f"/api/sessions/{day.code}/outcomes")).json()
    assert (found["code"], found["phase"], found["languages"]) == (day.code, "sensitisation", ["it", "en"])
    assert found["generated"]["facts"] == {"from": 1, "to": found["number"]}
    assert found["software"]["name"] == "officina"
    assert found["started_at"] >= found["made_at"]
    assert {one["stage"] for one in found["outcomes"]} == {"quiz", "named", "hush", "cloud"}
    quiz = found["outcomes"][0]
    assert (quiz["activity"], quiz["stage_title"], quiz["level"]) == ("quiz", TITLE, "pseudonym")
    whole = json.loads(await fetched(day, "json"))
    assert [one["id"] for one in whole["plan"]["stages"]] == ["quiz", "named", "hush", "cloud", "never"]
    assert {one["what"] for one in whole["codebook"]} == {"session", "group", "stage", "question", "option", "column"}


async def test_csv_is_the_raw_table_and_suits_an_italian_excel_when_the_page_is_italian(day: Day) -> None:
    await the_day_goes(day)
    english, italian = await fetched(day, "csv"), await fetched(day, "csv", "it")
    for data, sign in ((english, ","), (italian, ";")):
        assert data.startswith(b"\xef\xbb\xbf")
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=sign))
        assert rows[0][:18] == list(tables.RAW_COLUMNS)
        assert len(rows) == 1 + 4 * 14
        assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
        assert "'=1+1" in rows[1]


async def test_a_session_in_which_nothing_happened_leaves_whole_files(day: Day) -> None:
    sheets, _ = await workbook(day)
    assert sheets["RawReportData Data"] == [[*tables.RAW_COLUMNS, *tables.OUR_COLUMNS]]
    assert (await day.api("GET", f"/api/sessions/{day.code}/outcomes")).json()["outcomes"] == []


async def test_files_are_for_the_host_alone(day: Day) -> None:
    badge = (await day.badge())["badge"]
    for path in ("outcomes", "export.xlsx", "export.csv", "export.json"):
        assert (await day.api("GET", f"/api/sessions/{day.code}/{path}", badge)).status_code in (401, 403)
        assert (await day.api("GET", f"/api/sessions/{day.code}/{path}", None)).status_code in (401, 403)
