"""Sessions that have been quiet for 90 days: nobody is in them any more, what the room said stays (promise G17)."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from server.outcomes import retention
from server.outcomes.retention import DAY_MS
from server.sessions.badges import hash_of
from server.settings import Settings
from server.storage import backup
from tests.people import KEY, OBSTACLE, Day, officina, plan, poll

NAME = "Zaffirella Quattrocanarini"
OTHER = "Ermenegildo Trecanarini"
WORD = "brontolosauride"
NUMBERED = iter(range(10_000))


def words() -> dict[str, Any]:
    setup = {"prompt": {"it": "Che cosa serve?"}, "each": 3}
    return {"id": "cloud", "activity": "words", "title": {"it": "Parole"}, "setup": setup}


def quiz() -> dict[str, Any]:
    options = [{"id": "a", "text": "A", "right": True}, {"id": "b", "text": "B"}]
    question = {"id": "q1", "kind": "choice", "text": "Chi?", "options": options}
    setup = {"questions": [question], "board": "people_top"}
    return {"id": "quiz", "activity": "quiz", "title": {"it": "Gara"}, "level": "named", "setup": setup}


def old_plan() -> dict[str, Any]:
    return plan(words(), poll("hush", OBSTACLE, level="anonymous"), poll(), quiz())


async def says(day: Day, key: str, do: str, stage: str | None = None, **having: Any) -> None:
    ask = {"id": f"canarino-{next(NUMBERED)}", "stage": stage, "do": do, "with": having}
    if key == KEY:
        ask["id"] = f"regia-{next(NUMBERED)}"
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", key, json=ask)
    assert answer.status_code == 200, answer.text


async def a_session(day: Day) -> tuple[str, list[str]]:
    """Two people who say a word and choose, up to a board with their names; gives the code and the badges."""
    await day.begins(old_plan())
    people = [await day.badge("civil_servants", NAME), await day.badge("social_innovators", OTHER)]
    badges = [one["badge"] for one in people]
    await opens(day, "cloud")
    await says(day, badges[0], "add_word", "cloud", text=WORD)
    for stage in ("hush", "poll"):
        await opens(day, stage)
        await says(day, badges[0], "my_time", stage, factor="open")
        await says(day, KEY, "open_question", stage, question="obstacle")
        for badge, choice in zip(badges, "ab", strict=True):
            await says(day, badge, "answer", stage, question="obstacle", round=1, value=[choice])
        await says(day, KEY, "lock_question", stage, question="obstacle")
        await says(day, KEY, "reveal", stage, question="obstacle")
    await opens(day, "quiz")
    await says(day, KEY, "open_question", "quiz", question="q1")
    await says(day, badges[0], "answer", "quiz", question="q1", round=1, value=["a"])
    for do in ("lock_question", "reveal", "explain", "show_board"):
        await says(day, KEY, do, "quiz", question="q1")
    return day.code, badges


async def opens(day: Day, stage: str) -> None:
    ask = {"id": f"regia-{next(NUMBERED)}", "stage": None, "do": "open_stage", "with": {"stage": stage}}
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", KEY, json=ask)
    assert answer.status_code == 200, answer.text


def canaries(badges: list[str]) -> list[str]:
    return [NAME, OTHER, "canarino-", *map(hash_of, badges)]


def found(folder: Path, what: list[str]) -> set[tuple[str, str]]:
    """(canary, file) wherever one of them stands in a file of the folder."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {(one, str(file.relative_to(folder))) for file in files for one in what if one.encode() in file.read_bytes()}


def later(day: Day, days: float, monkeypatch: pytest.MonkeyPatch) -> None:
    now = day.house.clock.now
    monkeypatch.setattr(day.house.clock, "now", lambda: now() + round(days * DAY_MS))


async def seen(day: Day, code: str) -> Any:
    """What the room left, by every way that needs no name: results, counts, words, facts without their ask ids."""
    outcomes = (await day.api("GET", f"/api/sessions/{code}/outcomes")).json()
    del outcomes["generated"]["at"]
    room = day.house.rooms.live[code].room
    polls = [
        room.activity_of(room.folded, stage).rules.view(room.folded.runs[stage], screen)
        for stage in ("cloud", "hush", "poll", "quiz")
        for screen in ("phone", "wall", "desk")
    ]
    lines = (await day.api("GET", f"/api/sessions/{code}/facts")).text.splitlines()
    return outcomes, polls, room.folded.session, room.number, len(lines)


async def everything_of(day: Day, code: str) -> tuple[list[Any], list[Any]]:
    """The rows of people and asks that are left of a session."""
    rows = day.house.journal.read
    people = await rows("SELECT name, badge FROM person JOIN line ON line.id = person.line WHERE code = ?", (code,))
    asks = await rows("SELECT DISTINCT actor FROM ask JOIN line ON line.id = ask.line WHERE code = ?", (code,))
    return people, sorted(actor for (actor,) in asks)


def test_ninety_days_unless_the_organiser_says_otherwise(tmp_path: Path) -> None:
    assert Settings(data=tmp_path).retention_days == 90


@pytest.mark.promise("G17")
async def test_after_90_days_no_byte_leads_to_anybody_and_what_the_room_said_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    data = tmp_path / "data"
    async with officina(data, backup_to=stick) as day:
        ended, badges = await a_session(day)
        await says(day, KEY, "end_session")
        idle, more = await a_session(day)
        gone = canaries(badges + more)
        aside = data / "set-aside-20260101-000000-officina.db"
        shutil.move(await backup.make(day.house.journal, tmp_path / "copy.db"), aside)
        await backup.make(day.house.journal, data / backup.FOLDER / "officina-20260101-000000.db")
        await backup.make(day.house.journal, stick / "officina-20260101-000000.db")
        assert {one for one, _ in found(tmp_path, gone)} == set(gone)
        places = {str(Path(file).parent) for one, file in found(tmp_path, gone) if one == NAME}
        assert places == {"data", "data/backups", "stick"} and (NAME, f"data/{aside.name}") in found(tmp_path, gone)
        before = [await seen(day, code) for code in (ended, idle)]
        epoch = day.house.rooms.epoch

        later(day, 89.9, monkeypatch)
        assert await retention.erase_overdue(day.house) == []
        later(day, 0.2, monkeypatch)
        running, _ = await a_session(day)
        assert set(await retention.erase_overdue(day.house)) == {ended, idle}

        assert found(tmp_path, [hash_of(badge) for badge in badges + more]) == set()
        for code, was in zip((ended, idle), before, strict=True):
            assert await seen(day, code) == was
            assert await everything_of(day, code) == ([], ["host", "server"])
            told = (await day.api("GET", f"/api/sessions/{code}/facts")).text
            assert "canarino" not in told and WORD in told
            assert '"factor": "open"' not in told and told.count('"factor": 1') == 2
        assert {name for name, _ in (await everything_of(day, running))[0]} == {NAME, OTHER}
        assert day.house.rooms.epoch != epoch
        assert len(list(stick.glob("officina-*.db"))) == len(list((data / backup.FOLDER).glob("*.db"))) == 1
        with closing(sqlite3.connect(aside)) as file:
            assert file.execute("SELECT count(*) FROM person").fetchone() == (0,)
            assert file.execute("SELECT count(*) FROM fact WHERE body LIKE ?", (f"%{WORD}%",)).fetchone() == (2,)
        assert await retention.erase_overdue(day.house) == []

        later(day, 91, monkeypatch)
        assert await retention.erase_overdue(day.house) == [running]
        assert found(tmp_path, gone) == set()


async def test_an_old_badge_opens_nothing_and_open_screens_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with officina(tmp_path) as day:
        code, badges = await a_session(day)
        phone = await day.joins("Carla")
        wall, desk = await day.wall(), await day.carla()
        await wall.sees(lambda: wall.view["board"]["rows"][0]["name"] == NAME)
        await desk.sees(lambda: NAME in {one["name"] for one in desk.desk["persons"]})
        later(day, 91, monkeypatch)
        assert await retention.erase_overdue(day.house) == [code]
        await phone.sees(lambda: phone.closed)
        assert phone.closed == 4003
        await wall.sees(lambda: wall.view["board"]["rows"][0]["name"] == "")
        await desk.sees(lambda: {one["name"] for one in desk.desk["persons"]} == {""})
        assert (wall.closed, desk.closed) == (None, None)
        ask = {"id": "x", "stage": None, "do": "speak_language", "with": {"language": "en"}}
        for badge in [*badges, phone.badge]:
            assert (await day.api("GET", f"/api/sessions/{code}/me", badge)).status_code == 401
            assert (await day.api("POST", f"/api/sessions/{code}/asks", badge, json=ask)).status_code in (401, 403)
        room = day.house.rooms.live[code].room
        assert (room.names, room.badges) == ({}, {}) and {actor for actor, _ in room.receipts} == {"host", "server"}
        await day.ada()
        await says(day, KEY, "go_back")


async def test_whoever_comes_back_to_a_quiet_session_counts_as_life_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with officina(tmp_path) as day:
        _, badges = await a_session(day)
        later(day, 91, monkeypatch)
        await says(day, badges[0], "speak_language", language="en")
        assert await retention.erase_overdue(day.house) == []
        assert (await day.api("GET", f"/api/sessions/{day.code}/me", badges[0])).json()["name"] == NAME


async def test_0_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with officina(tmp_path, retention_days=0) as day:
        code, badges = await a_session(day)
        later(day, 4_000, monkeypatch)
        assert await retention.erase_overdue(day.house) == []
        assert len((await everything_of(day, code))[0]) == len(badges)


async def test_it_happens_by_itself_when_officina_starts(tmp_path: Path) -> None:
    async with officina(tmp_path) as day:
        code, badges = await a_session(day)
        await says(day, KEY, "end_session")
        back = (91 * DAY_MS, code)
        await day.house.journal.run(
            lambda c: c.execute("UPDATE line SET ended_at = ended_at - ? WHERE code = ?", back).fetchall()
        )
    async with officina(tmp_path) as day:
        async with asyncio.timeout(10):
            while (await everything_of(day, code))[0]:
                await asyncio.sleep(0.02)
        assert found(tmp_path, canaries(badges)) == set()
        assert (await day.api("GET", f"/api/sessions/{code}")).json()["people"] == 2


@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
async def test_what_was_cut_short_is_whole_and_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """Wherever the storage stops, the rest is done the next day; before the first step nothing at all has changed."""
    async with officina(tmp_path) as day:
        code, badges = await a_session(day)
        await backup.make(day.house.journal, tmp_path / backup.FOLDER / "officina-20260101-000000.db")
        before, rows = await seen(day, code), await everything_of(day, code)
        later(day, 91, monkeypatch)
        run, steps = day.house.journal.run, iter(range(1, 100))

        async def refuses(do: Any) -> Any:
            if next(steps) >= fails_at:
                raise OSError("the disk is gone")
            return await run(do)

        monkeypatch.setattr(day.house.journal, "run", refuses)
        with pytest.raises(OSError, match="gone"):
            await retention.erase_overdue(day.house)
        monkeypatch.setattr(day.house.journal, "run", run)
        assert list((tmp_path / backup.FOLDER).glob("*.db")), "there is a copy at every moment"
        if fails_at == 1:
            assert await seen(day, code) == before
            assert await everything_of(day, code) == rows
            assert (await day.api("GET", f"/api/sessions/{code}/me", badges[0])).json()["name"] == NAME
        assert await retention.erase_overdue(day.house) == [code]
        assert found(tmp_path, canaries(badges)) == set()
        assert await everything_of(day, code) == ([], ["host", "server"])
        assert await seen(day, code) == before


async def test_a_failure_is_logged_and_the_next_try_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    async def fails(house: object) -> list[str]:
        tries.append(1)
        raise OSError("the disk is gone")

    monkeypatch.setattr(retention, "erase_overdue", fails)
    monkeypatch.setattr(retention, "EVERY_SECONDS", 0.01)
    async with officina(tmp_path), asyncio.timeout(10):
        while len(tries) < 3:
            await asyncio.sleep(0.01)


async def test_a_broken_file_put_aside_is_left_for_its_90_days_and_then_deleted(tmp_path: Path) -> None:
    async with officina(tmp_path) as day:
        broken = tmp_path / "set-aside-20260101-000000-officina.db"
        broken.write_bytes(b"SQLite format 3\0" + NAME.encode() * 500)
        assert await retention.erase_overdue(day.house) == []
        assert broken.exists()
        os.utime(broken, (0, time.time() - 91 * 86_400))
        assert await retention.erase_overdue(day.house) == []
        assert not broken.exists()


@pytest.mark.parametrize(
    ("days", "it", "en"),
    [(90, "90 giorni dopo", "90 days after"), (7, "7 giorni dopo", "7 days after"), (0, "chi organizza", "organiser")],
)
async def test_what_is_kept_says_for_how_long(tmp_path: Path, days: int, it: str, en: str) -> None:
    async with officina(tmp_path, retention_days=days) as day:
        for language, says_so in (("it", it), ("en", en)):
            text = (await day.api("GET", f"/keep?lang={language}", None)).text
            shown = text[text.index("<dl") : text.index("</dl>")]
            assert says_so in shown and "{days}" not in shown


@pytest.mark.promise("G17")
async def test_who_looks_after_an_activity_goes_from_the_path_too_and_what_the_desk_wrote_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = {"id": "market", "activity": "marketplace", "title": {"it": "Mercato"}, "setup": {"rounds": 1}}
    async with officina(tmp_path) as day:
        await day.begins(plan(market, words(), path="prova"))
        ada, bruno = [(await day.badge(None, name))["badge"] for name in (NAME, OTHER)]
        await opens(day, "market")
        await says(day, ada, "say_organisation", "market", organisation="Torino")
        await says(day, bruno, "say_organisation", "market", organisation="Lyon")
        await says(day, KEY, "go_to", "market", phase="panel")
        await says(day, ada, "propose_peer", "market", peer="p" * 16, parties=["torino", "lyon"], topic="Case")
        await says(day, ada, "set_peer", "market", peer="p" * 16, base=2, set={"owner": NAME})
        await says(day, bruno, "set_peer", "market", peer="p" * 16, base=3, set={"owner": OTHER})
        await opens(day, "cloud")
        await day.house.paths.rest()
        body = {"id": "regia-path", "stage": None, "do": "follow_peer"}
        body["with"] = {"peer": "p" * 16, "set": {"owners": {"lyon": "Ufficio valutazione"}}}
        assert (await day.api("POST", "/api/paths/prova/asks", KEY, json=body)).status_code == 200
        assert {one for one, _ in found(tmp_path, [NAME, OTHER])} == {NAME, OTHER}
        later(day, 91, monkeypatch)
        assert await retention.erase_overdue(day.house) == [day.code]
        assert found(tmp_path, [NAME, OTHER]) == set()
        one = day.house.paths.live["prova"].line.folded.peers.followed["p" * 16].activity
        owners = {party.name: party.owner for party in one.parties}
        assert (owners, one.topic) == ({"Torino": None, "Lyon": "Ufficio valutazione"}, "Case")


@pytest.mark.promise("G17")
async def test_of_a_marketplace_and_of_tables_nothing_that_is_about_one_person_is_left_and_what_the_room_said_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalls = [{"id": "s1", "title": "Patti", "capacity": 4}, {"id": "s2", "title": "Valutare", "capacity": 4}]
    market = {"id": "market", "activity": "marketplace", "title": "Mercato", "setup": {"stalls": stalls, "rounds": 1}}
    seating = {"tables": 2, "steps": 2_000, "organisation": "ask"}
    tables = {"id": "tables", "activity": "tables", "title": "Tavoli", "setup": seating}
    offices = ["Quokkamarina", "Ornitorincolo"]

    async with officina(tmp_path) as day:
        await day.begins(plan(market, tables, words()))
        people = [await day.badge(None, name) for name in (NAME, OTHER)]
        ids = [one["person"] for one in people]

        def state(stage: str) -> Any:
            return day.house.rooms.live[day.code].room.folded.runs[stage]

        async def comes(what: Any) -> None:
            async with asyncio.timeout(10):
                while not what():
                    await asyncio.sleep(0.005)

        await opens(day, "market")
        for one, office, other in zip(people, offices, reversed(offices), strict=True):
            badge = one["badge"]
            await says(day, badge, "say_organisation", "market", organisation=office)
            await says(day, badge, "wish", "market", stall="s1", level=3)
            await says(day, badge, "avoid", "market", stall="s2", on=True)
            await says(day, badge, "write_note", "market", note=one["person"][:16], stall="s1", kind="note", text=WORD)
            await says(day, KEY, "set_organisation", "market", person=one["person"], organisation=other)
            await says(day, KEY, "set_organisation", "market", person=one["person"], organisation=office)
        await says(day, KEY, "ask_for_plan", "market")
        await comes(lambda: state("market").offered)
        await says(day, KEY, "publish_plan", "market", plan=state("market").offered.number)
        await says(day, KEY, "start_round", "market")
        for one in people:
            await says(day, one["badge"], "check_in", "market", stall="s1")
        await says(day, KEY, "end_round", "market")
        await says(day, KEY, "go_to", "market", phase="panel")
        for one, other in zip(people, reversed(offices), strict=True):
            asked = {"organisation": other.lower(), "strength": 2, "kind": "both"}
            await says(day, one["badge"], "want_peer", "market", **asked, topic=WORD)
            await says(day, one["badge"], "say_tags", "market", offers=[WORD], needs=["orti"])
        await opens(day, "tables")
        for one, office in zip(people, offices, strict=True):
            await says(day, one["badge"], "say_organisation", "tables", organisation=office)
        await says(day, KEY, "keep_apart", "tables", one=ids[0], other=ids[1])
        await says(day, KEY, "ask_for_seating", "tables", seed=1)
        await comes(lambda: state("tables").draft)
        await says(day, KEY, "publish_seating", "tables")
        gone = [*canaries([one["badge"] for one in people]), *offices, *map(str.lower, offices)]
        assert {one for one, _ in found(tmp_path, gone)} == set(gone)
        visits, seats = dict(state("market").stays), dict(state("tables").published)

        later(day, 91, monkeypatch)
        assert await retention.erase_overdue(day.house) == [day.code]
        assert found(tmp_path, gone) == set()
        left = state("market")
        assert not left.wishes and not left.never and not left.wants and not left.avoids and not left.tags
        assert not any(left.organisation_of.values()) and not any(state("tables").organisations.values())
        assert state("tables").apart == ()
        assert [note.text for note in left.notes.values()] == [WORD, WORD], "texts stay: nothing says whose they are"
        assert (dict(left.stays), dict(state("tables").published)) == (visits, seats)
        left_over = (await day.api("GET", f"/api/sessions/{day.code}/outcomes")).json()["outcomes"]
        told = {one["kind"]: one for one in left_over}
        assert told["marketplace"]["stalls"][0]["visits"] == 2 and told["tables"]["people"] == 2
        for kind in ("json", "csv", "xlsx", "docx", "pdf", "zip", "ics"):
            assert (await day.api("GET", f"/api/sessions/{day.code}/export.{kind}")).status_code == 200, kind
        for screen in ("desk", "wall"):
            answer = await day.api("GET", f"/api/sessions/{day.code}/view?screen={screen}", KEY)
            assert answer.status_code == 200 and not [one for one in gone if one in answer.text], screen
