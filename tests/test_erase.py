"""Erasing a person: what goes, what stays, and that their bytes are nowhere afterwards (promise G17)."""

from __future__ import annotations

import asyncio
import json
import shutil
import types
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, Field

from server import activities
from server.activities.contract import AFact, FreeText, Marked, Message
from server.live.room import rehearsal_removed
from server.moment import fresh
from server.outcomes import erase, marks
from server.outcomes.folding import folded_anew
from server.sessions.answers import Failed
from server.storage import backup
from tests.people import KEY, Day, officina, plan

NAME = "Zaffirella Quattrocanarini"
WORD = "quokkamarina"
SECRET = "ornitorincolo"
TYPED = "brontolosauride"
CANARIES = (NAME, WORD, SECRET, TYPED)

TITLE = {"it": "Tappa", "en": "Stage"}


def words(id: str, level: str) -> dict[str, Any]:
    setup = {"prompt": {"it": "Che cosa serve?", "en": "What is needed?"}, "each": 3}
    return {"id": id, "activity": "words", "title": TITLE, "level": level, "setup": setup}


def quiz() -> dict[str, Any]:
    question = {"id": "q1", "kind": "typed", "text": {"it": "Quale fondo?"}, "accepted": {"it": ["FSE"]}}
    return {"id": "quiz", "activity": "quiz", "title": TITLE, "setup": {"questions": [question]}}


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[Day]:
    async with officina(tmp_path) as day:
        await day.begins(plan(words("cloud", "pseudonym"), words("hush", "anonymous"), quiz()))
        yield day


async def says(day: Day, key: str, do: str, stage: str | None = None, **having: Any) -> None:
    ask = {"id": fresh(), "stage": stage, "do": do, "with": having}
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", key, json=ask)
    assert answer.status_code == 200, answer.text


async def the_day_goes(day: Day, ada: str, bruno: str) -> None:
    """Ada says her word, her secret word and her answer; Bruno says others, and one of hers."""
    await opens(day, "cloud")
    await says(day, ada, "add_word", "cloud", text=WORD)
    await says(day, ada, "add_word", "cloud", text="Fiducia")
    await says(day, bruno, "add_word", "cloud", text="Fiducia")
    await says(day, bruno, "add_word", "cloud", text="Tempo")
    await says(day, KEY, "merge_words", "cloud", **{"from": WORD, "into": "tempo"})
    await opens(day, "hush")
    await says(day, ada, "add_word", "hush", text=SECRET)
    await says(day, bruno, "add_word", "hush", text="Paura")
    await opens(day, "quiz")
    await says(day, KEY, "open_question", "quiz", question="q1")
    await says(day, ada, "answer", "quiz", question="q1", round=1, value=TYPED)
    await says(day, bruno, "answer", "quiz", question="q1", round=1, value="FSE")
    await says(day, KEY, "lock_question", "quiz", question="q1")
    await says(day, KEY, "accept_text", "quiz", question="q1", text=TYPED)


async def opens(day: Day, stage: str) -> None:
    ask = {"id": fresh(), "stage": None, "do": "open_stage", "with": {"stage": stage}}
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", json=ask)
    assert answer.status_code == 200, answer.text


def found(folder: Path) -> set[tuple[str, str]]:
    """(canary, file) wherever one of the canaries stands in a file of the data folder."""
    hits = set()
    for file in folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            hits |= {(canary, file.name) for canary in CANARIES if canary.encode() in data}
    return hits


async def erases_herself(day: Day, badge: str) -> None:
    headers = {"Origin": day.url}
    answer = await day.api("DELETE", f"/api/sessions/{day.code}/me", badge, headers=headers)
    assert answer.status_code == 204, answer.text


BOARD = {
    "key": "b",
    "title": TITLE,
    "zones": [{"key": "z", "role": "obstacle", "title": TITLE, "at": [1, 1, 12, 8], "may": {"edit": "everyone"}}],
}


@pytest.mark.promise("G17")
async def test_a_note_goes_with_its_author_from_board_history_drafts_and_dossier(tmp_path: Path) -> None:
    stages = [
        {"id": "board", "activity": "canvas", "title": TITLE, "setup": {"board": BOARD}},
        {"id": "ideas", "activity": "idea", "title": TITLE, "setup": {"form": "card", "per": "room"}},
        words("cloud", "pseudonym"),
    ]
    async with officina(tmp_path) as day:
        await day.begins(plan(*stages, path="prova"))
        ada, bruno = await day.badge("civil_servants", NAME), await day.badge("social_innovators", "Bruno")
        await opens(day, "board")
        await says(day, ada["badge"], "add_note", "board", note="n" * 16, zone="z", text=WORD)
        await says(day, bruno["badge"], "add_note", "board", note="m" * 16, zone="z", text="Fiducia")
        await says(day, KEY, "draft_idea", "board", idea="i" * 16, notes=["n" * 16, "m" * 16])
        await says(day, bruno["badge"], "edit_text", "board", note="n" * 16, text="Regole chiare", base=1)
        await opens(day, "ideas")
        await says(day, ada["badge"], "argue", "ideas", idea="i" * 16, argument="a1", side="for", text=TYPED)
        await says(day, bruno["badge"], "argue", "ideas", idea="i" * 16, argument="a2", side="against", text="Costa")
        await opens(day, "cloud")
        await day.house.paths.rest()
        dossier = day.house.paths.live["prova"].line
        assert {canary for canary, _ in found(tmp_path)} >= {WORD, TYPED}
        await erases_herself(day, ada["badge"])
        assert found(tmp_path) == set()
        kept = str(dossier.folded.ideas.ideas["i" * 16])
        assert "Costa" in kept and TYPED not in kept
        assert "Regole chiare" in str(day.house.rooms.live[day.code].room.folded.runs["board"])


@pytest.mark.promise("G17")
async def test_after_erasing_no_byte_of_the_person_is_in_the_data_folder(day: Day, tmp_path: Path) -> None:
    ada, bruno = await day.badge("civil_servants", NAME), await day.badge(None, "Bruno")
    await the_day_goes(day, ada["badge"], bruno["badge"])
    await backup.make(day.house.journal, tmp_path / backup.FOLDER / "officina-20260101-000000.db")
    before = found(tmp_path)
    assert {canary for canary, _ in before} == set(CANARIES)
    assert {file for _, file in before} >= {"officina-20260101-000000.db"}
    await erases_herself(day, ada["badge"])
    assert found(tmp_path) == set()
    assert len(list((tmp_path / backup.FOLDER).glob("*.db"))) == 1
    assert (tmp_path / "officina.db-wal").stat().st_size == 0


async def test_a_file_put_aside_by_a_restore_is_rewritten_too_and_keeps_what_others_said(
    day: Day, tmp_path: Path
) -> None:
    ada, bruno = await day.badge(None, NAME), await day.badge(None, "Bruno")
    await the_day_goes(day, ada["badge"], bruno["badge"])
    aside = tmp_path / "set-aside-20260101-000000-officina.db"
    shutil.move(await backup.make(day.house.journal, tmp_path / "copy.db"), aside)
    assert found(tmp_path) >= {(WORD, aside.name), (NAME, aside.name)}
    await erases_herself(day, ada["badge"])
    assert found(tmp_path) == set()
    assert b"Tempo" in aside.read_bytes()


async def test_copies_on_the_second_place_are_replaced_by_one_without_the_person(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    async with officina(tmp_path / "data", backup_to=stick) as day:
        await day.begins(plan(words("cloud", "pseudonym"), words("hush", "anonymous"), quiz()))
        ada, bruno = await day.badge(None, NAME), await day.badge(None, "Bruno")
        await the_day_goes(day, ada["badge"], bruno["badge"])
        await backup.make(day.house.journal, stick / "officina-20260101-000000.db")
        await erases_herself(day, ada["badge"])
        assert found(tmp_path) == set()
        assert len(list(stick.glob("officina-*.db"))) == 1


async def test_what_others_said_stays_and_choices_stay_as_counts(day: Day) -> None:
    ada, bruno = await day.badge(None, NAME), await day.badge(None, "Bruno")
    await the_day_goes(day, ada["badge"], bruno["badge"])
    answers_before = sum(fact["kind"] == "answered" for fact in await day.facts())
    await erases_herself(day, ada["badge"])
    left = (await day.api("GET", f"/api/sessions/{day.code}/outcomes")).json()["outcomes"]
    cloud = next(one for one in left if one["stage"] == "cloud")
    assert {row["word"]: row["count"] for row in cloud["words"]} == {"Fiducia": 1, "Tempo": 1}
    facts = await day.facts()
    assert sum(fact["kind"] == "answered" for fact in facts) == answers_before
    assert not any(canary in str(facts) for canary in CANARIES)


async def test_the_room_holds_the_same_as_a_fold_of_the_rewritten_facts(day: Day) -> None:
    ada, bruno = await day.badge(None, NAME), await day.badge(None, "Bruno")
    await the_day_goes(day, ada["badge"], bruno["badge"])
    live = day.house.rooms.live[day.code]
    epoch = live.epoch
    await erases_herself(day, ada["badge"])
    facts = await live.room.journal.after(live.room.line, 0)
    assert live.room.folded == folded_anew(live.room, facts, rehearsal_removed(facts))
    assert live.room.number == facts[-1].number
    assert live.epoch != epoch
    assert NAME not in live.room.names.values()
    assert not any(canary in fact.body for fact in live.room.ring for canary in CANARIES)
    await says(day, bruno["badge"], "speak_language", language="en")


async def test_an_erased_badge_opens_nothing_and_its_screen_is_closed(day: Day) -> None:
    phone = await day.joins(NAME, None)
    assert phone.badge
    await erases_herself(day, phone.badge)
    await phone.sees(lambda: phone.closed)
    assert phone.closed == 4003
    assert (await day.api("GET", f"/api/sessions/{day.code}/me", phone.badge)).status_code == 401


async def test_the_wall_drops_an_erased_word(day: Day) -> None:
    ada, bruno = await day.badge(None, NAME), await day.badge(None, "Bruno")
    await opens(day, "cloud")
    await says(day, ada["badge"], "add_word", "cloud", text=WORD)
    await says(day, bruno["badge"], "add_word", "cloud", text="Tempo")
    wall = await day.wall()
    await wall.sees(lambda: {row["word"] for row in wall.view["words"]} == {WORD, "Tempo"})
    await erases_herself(day, ada["badge"])
    await wall.sees(lambda: [row["word"] for row in wall.view["words"]] == ["Tempo"])


async def test_my_data_holds_everything_of_mine_the_anonymous_too_and_nothing_of_others(day: Day) -> None:
    ada, bruno = await day.badge("civil_servants", NAME), await day.badge(None, "Bruno")
    await the_day_goes(day, ada["badge"], bruno["badge"])
    mine = (await day.api("GET", f"/api/sessions/{day.code}/me", ada["badge"])).json()
    assert (mine["name"], mine["group"], mine["language"], mine["state"]) == (NAME, "civil_servants", "it", "here")
    assert mine["joined_at"] > 0
    said = str(mine["facts"])
    assert all(canary in said for canary in (WORD, SECRET, TYPED))
    assert "Tempo" not in said
    assert "Paura" not in said
    secret = next(fact for fact in mine["facts"] if fact["stage"] == "hush")
    assert secret["at"] % 60_000 == 0


async def test_an_erasing_by_the_host_takes_name_and_texts_but_cannot_find_anonymous_ones(
    day: Day, tmp_path: Path
) -> None:
    ada, bruno = await day.badge(None, NAME), await day.badge(None, "Bruno")
    await the_day_goes(day, ada["badge"], bruno["badge"])
    answer = await day.api("POST", f"/desk/{day.code}/people/{ada['person']}/erase", KEY, json={})
    assert answer.status_code == 204
    assert {canary for canary, _ in found(tmp_path)} == {SECRET}


async def test_two_who_erase_themselves_at_once_are_both_gone(day: Day, tmp_path: Path) -> None:
    ada, bruno = await day.badge(None, NAME), await day.badge(None, SECRET)
    await opens(day, "cloud")
    await says(day, ada["badge"], "add_word", "cloud", text=WORD)
    await says(day, bruno["badge"], "add_word", "cloud", text=TYPED)
    await asyncio.gather(erases_herself(day, ada["badge"]), erases_herself(day, bruno["badge"]))
    assert found(tmp_path) == set()


async def test_a_second_place_that_is_gone_does_not_stop_the_erasing(tmp_path: Path) -> None:
    async with officina(tmp_path / "data", backup_to=tmp_path / "pulled out") as day:
        await day.begins(plan(words("cloud", "pseudonym")))
        ada = await day.badge(None, NAME)
        await erases_herself(day, ada["badge"])
        assert found(tmp_path) == set()


async def test_an_unknown_person_is_not_found(day: Day) -> None:
    with pytest.raises(Failed) as failed:
        await erase.person_by_host(day.house, day.house.rooms.live[day.code], "nobody")
    assert failed.value.status == 404


class Inner(Message):
    said: FreeText
    choice: str


class Everything(AFact):
    text: FreeText
    maybe: FreeText | None = None
    several: list[FreeText] = Field(default_factory=list)
    by_id: dict[str, FreeText] = Field(default_factory=dict)
    inner: Inner | None = None
    factor: Annotated[Literal[1, 2, "open"], Marked("personal")] = 1
    long: FreeText = Field(default="xx", min_length=2)
    plain: str = ""


def test_marked_fields_are_emptied_however_deep_and_others_stay() -> None:
    body = {
        "text": "a",
        "maybe": "b",
        "several": ["c", "d"],
        "by_id": {"x": "e"},
        "inner": {"said": "f", "choice": "kept"},
        "factor": "open",
        "plain": "kept too",
    }
    assert marks.texts(Everything, body) == {"a", "b", "c", "d", "e", "f", "open"}
    emptied = Everything.model_validate_json(marks.erased(Everything, {**body, "long": "ggg"}))
    assert (emptied.text, emptied.maybe, emptied.several, emptied.by_id) == (
        marks.MARKER, None, [marks.MARKER] * 2, {"x": marks.MARKER},
    )  # fmt: skip
    assert emptied.inner == Inner(said=marks.MARKER, choice="kept")
    assert (emptied.factor, emptied.plain) == (1, "kept too")


def test_only_personal_fields_are_emptied_where_only_those_are_meant() -> None:
    body = {"text": "a", "by_id": {"x": "e"}, "inner": {"said": "f", "choice": "kept"}, "factor": "open"}
    left = Everything.model_validate_json(marks.erased(Everything, body, "personal"))
    assert (left.text, left.by_id, left.inner, left.factor) == ("a", {"x": "e"}, Inner(said="f", choice="kept"), 1)
    assert marks.holds(Everything, "personal") and marks.holds(Inner, "free_text")
    assert not marks.holds(Inner, "personal")
    facts = activities.found()["poll"].facts
    assert [name for name, kind in facts.items() if marks.holds(kind, "personal")] == ["own_time_set"]


def test_a_merge_with_an_erased_word_joins_nothing_any_more() -> None:
    kind = activities.found()["words"].facts["words_merged"]
    assert marks.without(kind, {"word": "a", "into": "b"}, {"b"}) == '{"word":"a","into":"a"}'
    assert marks.without(kind, {"word": "a", "into": "b"}, {"a", "b"}) == '{"word":"","into":""}'


def some(annotation: Any) -> Any:
    """A value that a required field takes, with words where it may hold words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return some(inner[0])
    if origin is Literal:
        return inner[0]
    if origin in (list, tuple):
        return []
    if origin in (Union, types.UnionType):
        return some(inner[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {name: some(one.annotation) for name, one in annotation.model_fields.items() if one.is_required()}
    return {int: 1, bool: True}.get(annotation, {} if origin is dict else "x")


def test_every_fact_that_a_phone_leaves_can_be_emptied() -> None:
    """Every marked field of every activity has an empty value that its fact takes."""
    checked: dict[str, int] = {}
    # They need a whole outcome, a real date or figure; the tests of ideas empty them.
    by_hand = {"idea_taken_in", "idea_answered", "reading_added"}
    for activity in activities.found().values():
        for kind in activity.facts.values():
            if marks.holds(kind, "free_text") and kind.kind not in by_hand:
                body = {
                    name: some(field.annotation) for name, field in kind.model_fields.items() if field.is_required()
                }
                filled = kind.model_validate(body | {"sha256": "0"} if "sha256" in body else body)
                emptied = marks.erased(kind, json.loads(filled.model_dump_json()))
                assert marks.texts(kind, json.loads(emptied)) <= {marks.MARKER}, kind
                checked[activity.name] = checked.get(activity.name, 0) + 1
    assert checked.keys() >= {"words", "quiz", "canvas", "idea"}
