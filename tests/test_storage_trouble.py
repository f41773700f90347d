"""A full disk, a locked file: no receipt is a lie, phones hear soon, and it goes on by itself (promise G11)."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from server.storage.journal import Committed, Entry, LineRow, NewFact, Outcome, PersonRow, Trouble
from server.storage.sqlite import BALLAST_BYTES, SqliteJournal, sound
from tests import people
from tests.disk import Disk
from tests.running import Server, running

#: Two seconds of patience, and a little for a busy machine.
SOON = 3.0
RECOVERY = 5.0

HOLD_THE_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(path: Path) -> Iterator[Callable[[], None]]:
    """Another program holds the writing lock of the file; what it gives lets go."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        assert process.stdout.readline() == b"held\n"
        yield lambda: process.communicate(timeout=5) and None
    finally:
        process.kill()
        process.communicate()


def entry(ask: str) -> Entry:
    fact = NewFact(1, "poll", "answered", "ada", None, "pseudonym", '{"text":"' + "x" * 2_000 + '"}')
    return Entry("ada", ask, [fact], [PersonRow("ada", ask)])


async def asked(journal: SqliteJournal, line: int, expected: int, *entries: Entry) -> Outcome:
    future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    journal.append(line, expected, entries, future.set_result)
    return await asyncio.wait_for(future, 10)


# The journal alone


@pytest.mark.promise("G11")
async def test_G11_a_full_disk_is_told_as_trouble_and_the_same_batch_is_kept_when_there_is_room(tmp_path):
    path = tmp_path / "officina.db"
    disk = Disk(random.Random(1))
    journal = await SqliteJournal.open(path, disk.connect)
    line = (await journal.new_line("session", "abcdef", 1)).id
    assert isinstance(await asked(journal, line, 0, entry("before")), Committed)
    disk.full = True
    for _ in range(3):
        outcome = await asked(journal, line, 1, entry("in trouble"))
        assert isinstance(outcome, Trouble) and "full" in outcome.why
    assert [fact.ask for fact in await journal.after(line, 0)] == ["before"], "reading goes on"
    disk.full = False
    assert await asked(journal, line, 1, entry("in trouble")) == Committed([2], (await journal.after(line, 1)))
    assert [row.name for row in await journal.people(line)] == ["in trouble"]
    await journal.close()
    assert sound(path) == "ok"


@pytest.mark.promise("G11")
async def test_G11_the_disk_may_be_full_in_the_middle_of_a_batch_and_nothing_of_it_stays(tmp_path):
    path = tmp_path / "officina.db"
    chance = random.Random(2)
    disk = Disk(chance)
    journal = await SqliteJournal.open(path, disk.connect)
    line = (await journal.new_line("session", "abcdef", 1)).id
    number, kept = 0, []
    for turn in range(60):
        disk.room = chance.choice((None, chance.randrange(12)))
        entries = [entry(f"{turn} {n}") for n in range(chance.randint(1, 5))]
        outcome = await asked(journal, line, number, *entries)
        if isinstance(outcome, Committed):
            number += len(entries)
            kept += [one.ask for one in entries]
        else:
            assert isinstance(outcome, Trouble), outcome
    disk.room = None
    assert 0 < len(kept) < number + 60
    assert [fact.ask for fact in await journal.after(line, 0)] == kept
    assert set(await journal.receipts(line)) == {("ada", ask) for ask in kept}
    await journal.close()
    assert sound(path) == "ok"


@pytest.mark.promise("G11")
async def test_G11_a_full_disk_gets_the_ballast_back(tmp_path):
    disk = Disk(random.Random(3))
    journal = await SqliteJournal.open(tmp_path / "officina.db", disk.connect)
    line = (await journal.new_line("session", "abcdef", 1)).id
    await journal.keep_ballast()
    assert (tmp_path / "ballast").stat().st_size == BALLAST_BYTES
    disk.full = True
    await asked(journal, line, 0, entry("in trouble"))
    assert not (tmp_path / "ballast").exists()
    disk.full = False
    await journal.close()


@pytest.mark.promise("G11")
async def test_G11_while_another_program_holds_the_file_the_writer_says_so_within_a_second(tmp_path):
    path = tmp_path / "officina.db"
    journal = await SqliteJournal.open(path)
    line = (await journal.new_line("session", "abcdef", 1)).id
    with locked(path) as let_go:
        began = time.monotonic()
        outcome = await asked(journal, line, 0, entry("in trouble"))
        assert isinstance(outcome, Trouble) and "locked" in outcome.why
        assert time.monotonic() - began < 1
        assert await journal.after(line, 0) == []
        let_go()
    assert isinstance(await asked(journal, line, 0, entry("in trouble")), Committed)
    await journal.close()


# The whole server


@asynccontextmanager
async def voting(data: Path) -> AsyncIterator[tuple[Server, people.Day, people.Screen]]:
    """The real server in a process of its own, an open question, and ada who has answered once."""
    async with running(data) as (server, day):
        await day.begins()
        carla = await day.carla()
        await opens(carla)
        ada = await day.ada()
        await ada.answers_with(["a"])
        yield server, day, ada


async def opens(carla: people.Screen) -> None:
    assert carla.socket is not None
    await carla.says('{"t":"ask","id":"open","stage":null,"do":"open_stage","with":{"stage":"poll"}}')
    await carla.sees(lambda: "open" in carla.answers)
    await carla.asks("open_question", "poll", question="obstacle")


async def refused_soon_then_kept(server: Server, day: people.Day, ada: people.Screen, end: Callable[[], None]) -> None:
    """What every trouble looks like from a phone, from its beginning to its end."""
    having: dict[str, Any] = {"question": "obstacle", "round": 1, "value": ["b"]}
    before = await day.facts()
    for _ in range(2):
        began = time.monotonic()
        frame = await ada.tries("answer", "poll", "the answer", **having)
        took = time.monotonic() - began
        assert (frame["t"], frame["code"], frame["again"]) == ("refusal", "storage", True), frame
        assert took < SOON, f"ada heard after {took:.1f} s"
    assert await day.facts() == before, "reading goes on, and nothing of a refused ask is there"
    outcome = await day.api("GET", f"/api/sessions/{day.code}/outcomes")
    assert outcome.status_code == 200, "what was collected can still be taken away"
    end()
    began = time.monotonic()
    while (frame := await ada.tries("answer", "poll", "the answer", **having))["t"] == "refusal":
        assert time.monotonic() - began < RECOVERY, "it did not recover"
    assert (await day.facts())[-1]["number"] == frame["number"]
    assert [fact["ask"] for fact in await day.facts()].count("the answer") == 1
    assert server.process is not None and server.process.poll() is None, "the server ended"


@pytest.mark.promise("G11")
async def test_G11_while_another_program_locks_the_file_phones_hear_soon_and_it_goes_on_by_itself(tmp_path):
    async with voting(tmp_path) as (server, day, ada):
        with locked(tmp_path / "officina.db") as let_go:
            await refused_soon_then_kept(server, day, ada, let_go)
    assert sound(tmp_path / "officina.db") == "ok"


@pytest.mark.promise("G11")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lets one process set another's limits")
async def test_G11_when_no_file_may_grow_phones_hear_soon_and_it_goes_on_by_itself(tmp_path):
    import resource

    async with voting(tmp_path) as (server, day, ada):
        assert server.process is not None
        pid = server.process.pid
        usual = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        # The log of the server cannot grow either: a full disk is full for it too.
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1_024, usual[1]))
        await refused_soon_then_kept(
            server, day, ada, lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, usual) and None
        )
    assert sound(tmp_path / "officina.db") == "ok"


@pytest.mark.promise("G11")
async def test_G11_those_who_ask_while_others_wait_for_the_disk_hear_as_soon(tmp_path):
    async with voting(tmp_path) as (_, day, ada):
        bruno = await day.bruno()
        with locked(tmp_path / "officina.db") as let_go:
            first = asyncio.ensure_future(ada.tries("answer", "poll", question="obstacle", round=1, value=["b"]))
            await asyncio.sleep(0.5)
            began = time.monotonic()
            frame = await bruno.tries("answer", "poll", question="obstacle", round=1, value=["b"])
            took = time.monotonic() - began
            assert frame["code"] == (await first)["code"] == "storage"
            assert took < SOON, f"bruno heard after {took:.1f} s"
            let_go()
        assert await bruno.answers_with(["c"]) > 0


@pytest.mark.promise("G11")
async def test_G11_the_desks_warning_goes_by_itself_when_the_disk_writes_again(tmp_path):
    async with people.officina(tmp_path) as day:
        await day.begins()
        carla = await day.carla()
        await opens(carla)
        ada = await day.ada()
        with locked(tmp_path / "officina.db") as let_go:
            frame = await ada.tries("answer", "poll", question="obstacle", round=1, value=["b"])
            assert frame["code"] == "storage"
            await carla.sees(lambda: carla.desk["trouble"])
            await asyncio.sleep(1.5)
            assert day.house.rooms.live[day.code].room.trouble, "it still does not write"
            let_go()
        number = day.house.rooms.live[day.code].room.number
        await carla.sees(lambda: carla.desk["trouble"] is None)
        notices = [frame["code"] for frame in carla.frames if frame["t"] == "notice"]
        assert notices == ["storage", "storage_again"]
        assert day.house.rooms.live[day.code].room.number == number, "nobody had to ask for it"


@pytest.mark.promise("G11")
async def test_G11_what_needs_the_disk_says_what_to_do_and_works_when_it_writes_again(tmp_path):
    async with people.officina(tmp_path) as day:
        await day.begins()
        before = list(day.house.rooms.lines)
        calls: list[tuple[str, dict[str, Any], int]] = [
            ("/api/sessions", {"json": {"plan": people.plan()}}, 201),
            ("/desk", {"data": {"plan": "includimi/sensitisation"}}, 303),
            (f"/desk/{day.code}/duplicate", {}, 303),
            ("/desk/enter", {"data": {"key": people.KEY}}, 303),
            ("/desk/preflight", {"data": {"other": "http://192.168.1.2:8000"}}, 303),
        ]
        with locked(tmp_path / "officina.db") as let_go:
            for path, body, _ in calls:
                for accept in ("application/json", "text/html"):
                    answer = await day.api("POST", path, headers={"Accept": accept, "Accept-Language": "it"}, **body)
                    assert answer.status_code == 503, (path, answer.text[:300])
                    said = answer.text
                    if accept == "application/json" or path.startswith("/api/"):
                        assert answer.json()["error"]["code"] == "storage", path
                        said = answer.json()["error"]["text"]
                    assert "Libera spazio" in said and "riprova" in said, path
            assert list(day.house.rooms.lines) == before and day.house.chosen_url is None
            let_go()
        for path, body, status in calls:
            assert (await day.api("POST", path, **body)).status_code == status, path
        assert len(day.house.rooms.lines) == len(before) + 3


@pytest.mark.promise("G11")
async def test_G11_a_session_that_was_only_half_made_is_not_there(tmp_path, monkeypatch):
    """The disk may stop between the line of a session and its first fact."""
    async with people.officina(tmp_path) as day:
        await day.begins()
        before = list(day.house.rooms.lines)
        made = day.house.journal.new_line
        with locked(tmp_path / "officina.db") as let_go:

            async def first(*given: Any) -> Any:
                return LineRow(4_000, "session", given[1], 0, given[2], None, False)

            monkeypatch.setattr(day.house.journal, "new_line", first)
            answer = await day.api("POST", "/api/sessions", json={"plan": people.plan()})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage")
            assert list(day.house.rooms.lines) == list(day.house.rooms.live) == before
            let_go()
        monkeypatch.setattr(day.house.journal, "new_line", made)
        assert (await day.api("POST", "/api/sessions", json={"plan": people.plan()})).status_code == 201


def test_the_lock_of_this_test_holds_the_file(tmp_path):
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE a (b)")
    with (
        locked(path),
        closing(sqlite3.connect(path, timeout=0.05, isolation_level=None)) as connection,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        connection.execute("BEGIN IMMEDIATE")
