"""Questions from files: first shown, then saved; what would hurt is refused at once."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.files.sheets import Cell, Sheet
from server.files.writing import xlsx
from server.moment import fresh
from server.outcomes import importing
from server.sessions.answers import Failed
from tests.people import Day, officina, plan, poll, talk

TITLE = {"it": "Quiz", "en": "Quiz"}
HEADER = ["", "Question", "Answer 1", "Answer 2", "Answer 3", "Answer 4", "Time limit (sec)", "Correct answer(s)"]
ROWS: list[list[Cell]] = [
    [*HEADER],
    [1, "Chi decide?", "La giunta", "Il consiglio", "", "", 20, "2"],
    [2, "Quando?", "Oggi", "Domani", "Mai", "", 60, 1.3],
]
KAHOOT = xlsx([Sheet("Sheet1", ROWS)])
PASTE = b"Domanda?\n- uno\n- due *\n"
GIFT = b"::uno::Il welfare locale {~privato =pubblico ~misto}\n\nQuanti fondi? {=due =2}\n"
AIKEN = b"Chi paga?\nA. Lo Stato\nB. Il Comune\nANSWER: B\n"


def quiz(id: str = "quiz", **setup: Any) -> dict[str, Any]:
    return {"id": id, "activity": "quiz", "title": TITLE, "setup": {"questions": [], **setup}}


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[Day]:
    async with officina(tmp_path) as day:
        await day.begins(plan(talk(), quiz(), quiz("fast", scoring="kahoot"), poll("empty_poll"), poll("poll")))
        yield day


async def sends(
    day: Day, data: bytes, name: str = "a.xlsx", stage: str = "quiz", dry: bool = False, **form: str
) -> httpx.Response:
    path = f"/api/sessions/{day.code}/stages/{stage}/import" + ("?dry_run=1" if dry else "")
    return await day.api("POST", path, files={"file": (name, data)}, data=form)


def questions(day: Day, stage: str = "quiz") -> list[dict[str, Any]]:
    setup = day.house.rooms.live[day.code].room.folded.session.setup(stage)
    return list(setup.get("questions", []))


async def test_a_preview_saves_nothing(day: Day) -> None:
    number = day.house.rooms.live[day.code].room.number
    answer = await sends(day, KAHOOT, dry=True)
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert result["format"] == "kahoot"
    assert [one["text"] for one in result["questions"]] == [{"it": "Chi decide?"}, {"it": "Quando?"}]
    assert [one["time"] for one in result["questions"]] == [20, 60]
    assert {one["code"] for one in result["warnings"]} == {"decimal_list"}
    assert questions(day) == []
    assert day.house.rooms.live[day.code].room.number == number


async def test_saving_fills_the_stage_and_the_question_can_be_asked(day: Day) -> None:
    assert (await sends(day, KAHOOT)).status_code == 200
    kept = questions(day)
    assert [one["id"] for one in kept] == ["q1", "q2"]
    assert [[option["id"] for option in one["options"] if option.get("right")] for one in kept] == [["b"], ["a", "c"]]
    for stage, do, having in ((None, "open_stage", {"stage": "quiz"}), ("quiz", "open_question", {"question": "q1"})):
        ask = {"id": fresh(), "stage": stage, "do": do, "with": having}
        assert (await day.api("POST", f"/api/sessions/{day.code}/asks", json=ask)).status_code == 200
    view = (await day.api("GET", f"/api/sessions/{day.code}/view?screen=wall")).json()
    assert view["stage"]["view"]["question"]["text"] == "Chi decide?"


async def test_time_limits_are_kept_only_where_speed_counts(day: Day) -> None:
    await sends(day, KAHOOT)
    await sends(day, KAHOOT, stage="fast")
    assert [one.get("time") for one in questions(day)] == [None, None]
    assert [one.get("time") for one in questions(day, "fast")] == [20, 60]
    live = day.house.rooms.live[day.code]
    result = await importing.understand(live, "quiz", KAHOOT, "a.xlsx")
    assert result["with_times"] is False
    await importing.save(live, "quiz", result, with_times=True)
    assert [one.get("time") for one in questions(day)] == [None, None, 20, 60]


async def test_a_second_file_comes_behind_the_first_with_ids_of_its_own(day: Day) -> None:
    await sends(day, KAHOOT)
    await sends(day, AIKEN, "a.txt")
    assert [one["id"] for one in questions(day)] == ["q1", "q2", "q3"]
    assert questions(day)[2]["text"] == {"it": "Chi paga?"}


@pytest.mark.parametrize(
    ("data", "name", "format"),
    [
        (KAHOOT, "liste.csv", "kahoot"),
        (GIFT, "a.gift", "gift"),
        (AIKEN, "a.txt", "aiken"),
        (PASTE, "a.txt", "paste"),
    ],
)
async def test_the_format_is_known_by_what_a_file_holds(day: Day, data: bytes, name: str, format: str) -> None:
    answer = await sends(day, data, name, dry=True)
    assert answer.status_code == 200, answer.text
    assert answer.json()["format"] == format


async def test_a_poll_takes_the_questions_without_what_is_right_and_says_so(day: Day) -> None:
    answer = await sends(day, GIFT + b"\n" + b"Vero? {T}\n", "a.gift", "empty_poll")
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert "right_dropped" in {one["code"] for one in result["warnings"]}
    assert [one["code"] for one in result["skipped"]] == ["kind_not_here"]
    kept = questions(day, "empty_poll")[1:]
    assert [one["kind"] for one in kept] == ["choice", "yes_no"]
    assert "right" not in str(kept)


async def test_pasted_text_is_read_in_the_languages_of_the_session(day: Day) -> None:
    live = day.house.rooms.live[day.code]
    result = await importing.understand_text(live, "quiz", "Chi? || Who?\n- Io || Me\n- Tu || You *\n", None)
    assert result["questions"][0]["text"] == {"it": "Chi?", "en": "Who?"}
    with pytest.raises(Failed) as failed:
        await importing.understand_text(live, "quiz", "  \n", "en")
    assert (failed.value.status, failed.value.text) == (422, "There is no text to read.")


@pytest.mark.parametrize(
    ("stage", "status", "code"), [("nowhere", 404, "unknown_stage"), ("talk", 409, "no_questions")]
)
async def test_a_stage_that_takes_no_questions_is_refused(day: Day, stage: str, status: int, code: str) -> None:
    answer = await sends(day, KAHOOT, stage=stage)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert len(answer.json()["error"]["text"]) > 20


async def test_a_stage_that_was_opened_takes_no_more_questions(day: Day) -> None:
    live = day.house.rooms.live[day.code]
    result = await importing.understand(live, "quiz", KAHOOT, "a.xlsx")
    ask = {"id": fresh(), "stage": None, "do": "open_stage", "with": {"stage": "quiz"}}
    assert (await day.api("POST", f"/api/sessions/{day.code}/asks", json=ask)).status_code == 200
    answer = await sends(day, KAHOOT, language="en")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_opened")
    assert "already opened" in answer.json()["error"]["text"]
    with pytest.raises(Failed) as failed:
        await importing.save(live, "quiz", result)
    assert failed.value.status == 409
    assert questions(day) == []


async def test_more_questions_than_a_stage_holds_are_refused_and_nothing_is_saved(day: Day) -> None:
    many = b"\n\n".join(b"Domanda %d?\n- uno\n- due *" % n for n in range(60))
    assert (await sends(day, many, "a.txt")).status_code == 200
    answer = await sends(day, many, "a.txt")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "too_many_questions")
    assert len(questions(day)) == 60


async def test_only_the_host_imports(day: Day) -> None:
    badge = (await day.badge())["badge"]
    path = f"/api/sessions/{day.code}/stages/quiz/import"
    answer = await day.api("POST", path, badge, files={"file": ("a.xlsx", KAHOOT)})
    assert answer.status_code in (401, 403)
    assert questions(day) == []


def bomb() -> bytes:
    room = io.BytesIO()
    with zipfile.ZipFile(room, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"<sheetData>" + b" " * (60 << 20))
    return room.getvalue()


def lines(n: int) -> bytes:
    return b"Question,Answer 1,Answer 2\n" + b"a,b,c\n" * n


HOSTILE = {
    "a bomb": (bomb(), 413, "zip_bomb"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(5000), 422, "not_a_spreadsheet"),
    "nothing": (b"", 422, "empty"),
    "too many rows": (lines(5_001), 413, "too_many_cells"),
    "too many bytes": (bytes([65]) * ((5 << 20) + 1), 413, "too_big"),
    "a broken archive": (b"PK\x03\x04" + bytes(range(256)) * 20, 422, "not_a_spreadsheet"),
    "no question": (KAHOOT[:0] + b"a;b\n1;2\n", 422, "nothing_read"),
}


@pytest.mark.promise("G18")
@pytest.mark.parametrize("what", HOSTILE)
async def test_a_hostile_file_is_refused_within_a_second_in_a_clear_sentence(day: Day, what: str) -> None:
    data, status, code = HOSTILE[what]
    started = time.monotonic()
    answer = await sends(day, data, "lista.xlsx")
    assert time.monotonic() - started < 1
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert error["text"].endswith(".")
    assert questions(day) == []
