"""A session goes home as JSON and comes into another Officina whole, to be taken home again from there."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx as reader
import jsonschema_rs
import pytest

from server.moment import fresh
from server.outcomes.schema import schema
from server.paths import importing
from server.sessions.answers import Failed
from tests.inside import Inside
from tests.people import GROUPS, KEY, OBSTACLE, plan, poll, talk
from tests.test_path_files import IDEAS, LIBRARY, brought, commanded, fetched, story

TITLE = {"it": "Lavagne <b>aperte</b>", "en": "Open boards"}
CREDITS = {"it": "Elaborazione da: un documento", "en": "Adapted from: a document"}
NOTE = "Ostacolo 3 <script>alert(1)</script>"
PLAN = plan(
    talk(),
    poll("poll", OBSTACLE, {"id": "scale", "kind": "scale", "text": "Quanto?", "from": 0, "to": 10}),
    {"id": "cloud", "activity": "words", "title": "Parole", "setup": {"prompt": "Che cosa serve?"}},
    {"id": "board", "activity": "canvas", "title": "Lavagna", "setup": {"board": "torino_chain"}},
    IDEAS,
    talk("never"),
    title=TITLE,
    phase="codesign",
    path="prova",
    credits=CREDITS,
)


async def a_day(room: Inside) -> str:
    """Six of each group answer, write words, fill a board, group its notes, vote and leave an idea; then it is over."""
    await room.begins(copy.deepcopy(PLAN))
    badges = [(await room.joins(f"P{n}", str(GROUPS[n % 2]["id"])))[0] for n in range(12)]
    await room.does("open_stage", stage="talk")
    await room.does("open_stage", stage="poll")
    for question, value in (("obstacle", ["a"]), ("scale", 7)):
        await room.does("open_question", "poll", question=question)
        for badge in badges:
            await told(room, badge, "answer", "poll", question=question, round=1, value=value)
        await room.does("lock_question", "poll", question=question)
        await room.does("reveal", "poll", question=question)
    await room.does("open_stage", stage="cloud")
    for badge in badges:
        await told(room, badge, "add_word", "cloud", text="fiducia")
    await room.does("open_stage", stage="board")
    for n, badge in enumerate(badges):
        text = NOTE if n == 3 else f"Ostacolo {n}"
        await told(room, badge, "add_note", "board", note=f"nota{n:012d}", zone="obstacles", text=text)
    await room.does("show_zone", "board", zone="obstacles", to="all")
    notes = ["nota000000000001", "nota000000000002"]
    await room.does("make_group", "board", group="gruppo0000000001", notes=notes, title="Procedure lente")
    await room.does("open_vote", "board", round="v1", zones=["obstacles"], dots=3)
    for badge in badges:
        await told(room, badge, "place_dots", "board", round="v1", target="nota000000000003", dots=2)
    await room.does("close_vote", "board", round="v1")
    await room.does("open_stage", stage="ideas")
    source = {"field": "title", "note": "nota000000000003", "stage": "board", "session": room.code}
    await room.does("new_idea", "ideas", idea="library", fields=LIBRARY, sources=[source])
    await room.does("end_session")
    await room.house.paths.rest()
    return room.code


async def told(room: Inside, badge: str, do: str, at: str, **having: Any) -> None:
    answer = await room.tells(badge, do, at, **having)
    assert answer.status_code == 200, answer.text


async def of_session(room: Inside, kind: str, language: str = "it") -> bytes:
    answer = await room.call("GET", f"/api/sessions/{room.code}/export.{kind}?lang={language}", KEY)
    assert answer.status_code == 200, answer.text
    return answer.content


def headings(data: bytes) -> list[str]:
    made = reader.Document(io.BytesIO(data))
    return [line.text for line in made.paragraphs if line.style is not None and line.style.name.startswith("Heading")]


def cells(data: bytes) -> list[str]:
    made = reader.Document(io.BytesIO(data))
    return [cell.text for table in made.tables for row in table.rows for cell in row.cells]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The files of a session that an Officina held which is closed by now."""
    found: dict[str, Any] = {}

    async def held(room: Inside) -> None:
        found["code"] = await a_day(room)
        for kind in ("json", "zip", "docx"):
            found[kind] = await of_session(room, kind)
        found["docx en"] = await of_session(room, "docx", "en")
        found["again"] = await of_session(room, "json")

    story(held, tmp_path_factory.mktemp("held"))
    return found


def test_a_session_out_and_in_is_the_same_session_with_all_that_it_left(kept: dict[str, Any], tmp_path: Path) -> None:
    async def second(room: Inside) -> None:
        whole = json.loads(kept["json"])
        kinds = {one["kind"] for one in whole["outcomes"]}
        assert {"vote_result", "words", "board", "idea"} <= kinds
        board = next(one for one in whole["outcomes"] if one["kind"] == "board")
        assert len(board["notes"]) == 12 and board["groups"] and board["rounds"][0]["tally"]["dots"] == 24
        assert [one["id"] for one in whole["agenda"]["stages"] if one["state"] == "coming"] == ["never"]
        assert jsonschema_rs.Draft202012Validator(schema()).is_valid(whole)

        dry = (await brought(room, kept["json"], dry=True)).json()
        assert dry["brought"] == [{"session": kept["code"], "title": TITLE, "what": "new"}] and not dry["saved"]
        assert room.house.paths.find("prova") is None
        saved = (await brought(room, kept["json"])).json()
        assert saved["saved"] and saved["errors"] == [] and saved["warnings"] == [] and saved["counts"]["new"] == 1
        at = f"sessions/{kept['code']}/export"
        assert (await fetched(room, f"{at}.json")).content == kept["json"]
        for language, name in (("it", "docx"), ("en", "docx en")):
            answer = await fetched(room, f"{at}.docx?lang={language}")
            assert f"officina-{kept['code']}.docx" in answer.headers["content-disposition"]
            assert headings(answer.content) == headings(kept[name])
            assert cells(answer.content) == cells(kept[name])
        assert (await fetched(room, f"{at}.pdf?lang=it")).content.startswith(b"%PDF-")
        assert (await room.call("GET", f"/api/paths/prova/{at}.xlsx", KEY)).status_code == 404

    story(second, tmp_path)


def test_what_was_brought_is_the_same_after_a_restart_and_brought_twice_it_is_here_once(
    kept: dict[str, Any], tmp_path: Path
) -> None:
    async def second(room: Inside) -> None:
        await brought(room, kept["json"])
        line = room.house.paths.live["prova"].line
        number = line.number
        for again in (kept["json"], kept["again"], kept["zip"]):
            answer = (await brought(room, again)).json()
            assert [one["what"] for one in answer["brought"]] == ["here"] and answer["warnings"] == []
            assert answer["counts"] == {"new": 0, "here": 1, "conflict": 0} and answer["sessions"] == 0
        assert line.number == number

    async def later(room: Inside) -> None:
        assert json.loads((await fetched(room, f"sessions/{kept['code']}/export.json")).content) == json.loads(
            kept["json"]
        )
        view = await room.call("GET", "/api/paths/prova", KEY)
        assert [(one["session"], one["brought"]) for one in view.json()["sessions"]] == [(kept["code"], True)]

    story(second, tmp_path)
    story(later, tmp_path)


def test_a_file_that_says_otherwise_of_a_session_that_is_here_is_a_conflict_and_changes_nothing(
    kept: dict[str, Any], tmp_path: Path
) -> None:
    async def second(room: Inside) -> None:
        await brought(room, kept["json"])
        number = room.house.paths.live["prova"].line.number
        other = json.loads(kept["json"])
        next(one for one in other["outcomes"] if one["kind"] == "board")["notes"][0]["text"] = "Altro"
        answer = await brought(room, json.dumps(other).encode())
        assert answer.status_code == 200, answer.text
        assert [one["what"] for one in answer.json()["brought"]] == ["conflict"]
        (warning,) = answer.json()["warnings"]
        assert warning["code"] == "other_session" and kept["code"] in warning["text"]
        assert room.house.paths.live["prova"].line.number == number
        assert (await fetched(room, f"sessions/{kept['code']}/export.json")).content == kept["json"]

    story(second, tmp_path)


def test_a_session_that_was_held_here_is_not_brought_and_its_files_are_at_its_own_address(tmp_path: Path) -> None:
    async def home(room: Inside) -> None:
        code = await a_day(room)
        data = await of_session(room, "json")
        number = room.house.paths.live["prova"].line.number
        answer = (await brought(room, data)).json()
        assert [one["what"] for one in answer["brought"]] == ["lives_here"] and answer["warnings"] == []
        assert room.house.paths.live["prova"].line.number == number
        assert (await fetched(room, "export.json")).json()["brought"] == []
        led = await room.call("GET", f"/api/paths/prova/sessions/{code}/export.docx?lang=en", KEY)
        assert (led.status_code, led.headers["location"]) == (307, f"/api/sessions/{code}/export.docx?lang=en")
        nobody = await room.call("GET", "/api/paths/prova/sessions/XXXXXX/export.json", KEY)
        assert (nobody.status_code, nobody.json()["error"]["code"]) == (404, "unknown_session")

    story(home, tmp_path)


def test_the_page_of_the_path_shows_a_brought_session_and_where_its_ideas_come_from(
    kept: dict[str, Any], tmp_path: Path
) -> None:
    async def second(room: Inside) -> None:
        await brought(room, kept["json"])
        html = {"accept": "text/html", "accept-language": "it"}
        page = (await room.call("GET", "/desk/paths/prova", KEY, headers=html)).text
        assert "portata da un&#39;altra Officina" in page and "Lavagne &lt;b&gt;aperte" in page
        assert "<b>aperte" not in page and f'href="/desk/{kept["code"]}"' not in page
        shown = page[page.index(f'id="session-{kept["code"]}"') :]
        assert "1 lavagna" in shown and "2026" in shown and "never" not in shown
        for kind in ("json", "docx", "pdf"):
            assert f'href="/api/paths/prova/sessions/{kept["code"]}/export.{kind}"' in page
        idea = (await room.call("GET", "/desk/paths/prova/ideas/library", KEY, headers=html)).text
        assert f'href="/desk/paths/prova#session-{kept["code"]}"' in idea and f'href="/desk/{kept["code"]}"' not in idea
        assert "Ostacolo 3 &lt;script&gt;" in idea, "the note that it comes from"
        assert NOTE in "\n".join(
            line.text for line in reader.Document(io.BytesIO((await fetched(room, "export.docx")).content)).paragraphs
        )
        english = (await room.call("GET", "/desk/paths/prova?lang=en", KEY, headers=html)).text
        assert "brought from another Officina" in english

    story(second, tmp_path)


def test_only_the_host_takes_a_brought_session_home(kept: dict[str, Any], tmp_path: Path) -> None:
    async def second(room: Inside) -> None:
        await brought(room, kept["json"])
        answer = await room.call("GET", f"/api/paths/prova/sessions/{kept['code']}/export.json")
        assert answer.status_code == 401
        body = {"id": fresh(), "stage": None, "do": "bring_session", "with": {"session": "ABC", "file": {}}}
        asked = await room.call("POST", "/api/paths/prova/asks", KEY, json=body)
        assert (asked.status_code, asked.json()["error"]["code"]) == (403, "not_for_you")

    story(second, tmp_path)


def test_a_session_of_which_only_ideas_are_here_says_what_would_bring_the_rest(
    kept: dict[str, Any], tmp_path: Path
) -> None:
    async def second(room: Inside) -> None:
        old = json.loads(kept["json"])
        del old["agenda"]
        answer = (await brought(room, json.dumps(old).encode())).json()
        assert answer["counts"]["new"] == 1 and answer["brought"] == []
        assert [one["code"] for one in answer["warnings"]] == ["without_agenda"]
        at = f"sessions/{kept['code']}/export.json"
        missing = await room.call("GET", f"/api/paths/prova/{at}", KEY)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_brought")
        assert "export.json" in missing.json()["error"]["text"]
        later = (await brought(room, kept["json"])).json()
        assert [one["what"] for one in later["brought"]] == ["new"] and later["sessions"] == 0
        assert (await fetched(room, at)).content == kept["json"]

    story(second, tmp_path)


# Hostile and broken files


def the(kind: str, whole: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in whole["outcomes"] if one["kind"] == kind)
    return found


def deep(whole: dict[str, Any]) -> None:
    inner: list[Any] = []
    for _ in range(100):
        inner = [inner]
    whole["plan"]["notes"] = inner


def wordy(whole: dict[str, Any]) -> None:
    note = the("board", whole)["notes"][0]
    the("board", whole)["notes"] = [{**note, "id": f"n{nth}", "text": "x" * 3_000} for nth in range(1_500)]


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a depth without measure": (deep, "plan.notes.0.0"),
    "a note of a megabyte": (lambda one: the("board", one)["notes"][2].update(text="x" * 1_000_000), "outcomes."),
    "a plan with a novel in it": (lambda one: one["plan"].update(novel="x" * 300_000), "plan.novel"),
    "a number without measure": (lambda one: one.update(made_at=1e300), "made_at"),
    "votes that are words": (lambda one: the("vote_result", one)["options"][0].update(count="many"), "outcomes."),
    "more words than a room can write": (wordy, "outcomes."),
    "a board a billion rows high": (lambda one: the("board", one).update(rows=10**9), "outcomes."),
    "a board of no columns": (lambda one: the("board", one).update(cols=0), "outcomes."),
    "a zone beside its board": (lambda one: the("board", one)["zones"][0].update(at=[1, 90, 1, 1]), "outcomes."),
    "notes that are none": (lambda one: the("board", one).update(notes={"n": 1}), "outcomes."),
    "a vote without its targets": (lambda one: the("board", one)["rounds"][0].update(tally={"voters": 3}), "outcomes."),
    "words without a count": (lambda one: the("words", one)["words"][0].pop("count"), "outcomes."),
    "an agenda that is a list": (lambda one: one.update(agenda=[]), "agenda"),
    "a stage at no time of this world": (lambda one: one["agenda"]["stages"][0].update(planned_at=2**52), ""),
    "a phase of its own": (lambda one: one.update(phase="{{ 7 * 7 }}"), "phase"),
    "a code with a path in it": (lambda one: one.update(code="../../etc"), "code"),
    "credits that are no text": (lambda one: one["plan"].update(credits={"it": 7}), "plan.credits.it"),
    "people that are no number": (lambda one: one["people"].update(count="twelve"), "people.count"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_session_is_refused_with_its_place_and_leaves_nothing(
    name: str, kept: dict[str, Any], tmp_path: Path
) -> None:
    spoil, place = BROKEN[name]

    async def second(room: Inside) -> None:
        whole = json.loads(kept["json"])
        spoil(whole)
        dossier = {
            "schema_version": "1.0",
            "kind": "dossier",
            "path": "prova",
            "title": {"it": "Prova"},
            "languages": ["it", "en"],
            "outcomes": [],
            "brought": [whole],
            "software": {"name": "officina", "version": "0.1.0"},
        }
        for data, before in ((whole, ""), (dossier, "brought.0")):
            answer = await brought(room, json.dumps(data).encode())
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "broken"), answer.text[:300]
            details = answer.json()["error"]["details"]
            assert details["place"].startswith(f"{before}.{place}".strip(".")), details
            assert details["why"] and details["place"] in answer.json()["error"]["text"]
        assert room.house.paths.live == {}

    story(second, tmp_path)


def test_the_outcome_that_no_report_can_be_written_of_is_named(kept: dict[str, Any]) -> None:
    whole = json.loads(kept["json"])
    at = next(n for n, one in enumerate(whole["outcomes"]) if one["kind"] == "vote_result")
    del whole["outcomes"][at]["results"]
    with pytest.raises(Failed) as refused:
        importing.read(json.dumps(whole).encode(), "a.json", "en")
    assert refused.value.details is not None and refused.value.details["place"] == f"outcomes.{at}"


def test_a_session_of_a_kind_of_tomorrow_comes_in_and_goes_out_whole(kept: dict[str, Any], tmp_path: Path) -> None:
    async def second(room: Inside) -> None:
        whole = json.loads(kept["json"])
        about = {name: whole["outcomes"][0][name] for name in ("stage", "stage_title", "activity", "level")}
        whole["outcomes"].append({**about, "kind": "dance", "steps": [1.5, None, {"left": True}]})
        whole["agenda"]["stages"][0]["activity"] = "dancing"
        assert (await brought(room, json.dumps(whole).encode())).status_code == 200
        at = f"sessions/{kept['code']}/export"
        assert (await fetched(room, f"{at}.json")).json() == whole
        data = (await fetched(room, f"{at}.docx")).content
        assert "dancing" in cells(data)
        assert any("dance (1)" in line.text for line in reader.Document(io.BytesIO(data)).paragraphs)

    story(second, tmp_path)


# The command line


def test_the_command_line_says_that_a_session_came_whole(kept: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "sessione.zip"
    file.write_bytes(kept["zip"])
    there = ("--port", "1", "--data", str(tmp_path / "two"))
    code, said = commanded("import", str(file), "--dry-run", *there)
    assert code == 0 and f"Session {kept['code']}" in said and "would come in whole" in said, said
    code, said = commanded("import", str(file), *there)
    assert code == 0 and "is here whole now: all that it left, its agenda and its report" in said, said
    code, said = commanded("import", str(file), *there)
    assert code == 0 and "is here whole already" in said, said
