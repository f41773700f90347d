"""A backup made while a burst is kept is whole; a restore brings back exactly that and tells the screens (G13)."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from server.house import FILE
from server.storage import backup, migrations
from server.storage.journal import Committed, Entry, NewFact, Outcome
from server.storage.sqlite import Lock, SqliteJournal, connect, sound
from tests import people
from tests.running import PROJECT, running

#: A burst in a room of 40 phones is ten times smaller.
IN_THE_BURST = 400


def said(ask: str, size: int = 300) -> Entry:
    return Entry("ada", ask, [NewFact(1, "poll", "answered", "ada", None, "pseudonym", '"' + "x" * size + '"')])


class Burst:
    """One line on which batch follows batch until it is told to stop; remembers every receipt and how long it took."""

    def __init__(self, journal: SqliteJournal, line: int) -> None:
        self.journal, self.line = journal, line
        self.told: list[tuple[str, int]] = []
        self.waits: list[float] = []
        self.going = True
        self.over = asyncio.Event()
        self.write(0)

    def write(self, number: int) -> None:
        began = time.monotonic()
        entries = [said(f"{number} {n}") for n in range(8)]

        def done(outcome: Outcome) -> None:
            assert isinstance(outcome, Committed)
            self.waits.append(time.monotonic() - began)
            self.told += [(entry.ask, number) for entry, number in zip(entries, outcome.numbers, strict=True)]
            if self.going:
                self.write(number + len(outcome.facts))
            else:
                self.over.set()

        self.journal.append(self.line, number, entries, done)

    async def ends(self) -> None:
        self.going = False
        await asyncio.wait_for(self.over.wait(), 5)


def kept_in(file: Path, line: int = 1) -> tuple[dict[str, int], list[int]]:
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        asks = dict(connection.execute("SELECT ask, number FROM ask WHERE line = ?", (line,)).fetchall())
        rows = connection.execute("SELECT number FROM fact WHERE line = ? ORDER BY number", (line,)).fetchall()
    return asks, [row[0] for row in rows]


@pytest.mark.promise("G13")
async def test_G13_a_backup_in_the_middle_of_a_burst_is_whole_and_holds_every_receipt_told_before_it(tmp_path):
    journal = await SqliteJournal.open(tmp_path / FILE)
    line = (await journal.new_line("session", "abcdef", 1)).id
    burst = Burst(journal, line)
    for n in range(4):
        while len(burst.told) < IN_THE_BURST * (n + 1):
            await asyncio.sleep(0.002)
        told = list(burst.told)
        copy = await backup.make(journal, tmp_path / "backups" / f"officina-{n}.db")
        assert sound(copy) == "ok"
        asks, numbers = kept_in(copy)
        assert numbers == list(range(1, len(numbers) + 1))
        assert all(asks.get(ask) == number for ask, number in told)
    await burst.ends()
    assert sorted(path.name for path in (tmp_path / "backups").iterdir()) == [f"officina-{n}.db" for n in range(4)]
    await journal.close()


@pytest.mark.promise("G13")
async def test_G13_asks_are_kept_while_a_large_backup_is_made(tmp_path):
    journal = await SqliteJournal.open(tmp_path / FILE)
    filled = (await journal.new_line("session", "filled", 1)).id
    large = NewFact(1, "poll", "answered", "ada", None, "pseudonym", '"' + "x" * 60_000 + '"')
    for n in range(25):
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        journal.append(filled, n * 25, [Entry("ada", f"{n} {m}", [large]) for m in range(25)], future.set_result)
        assert isinstance(await future, Committed)
    burst = Burst(journal, (await journal.new_line("session", "burst", 1)).id)
    before = len(burst.told)
    began = time.monotonic()
    copy = await backup.make(journal, tmp_path / "backups" / "officina-large.db")
    took = time.monotonic() - began
    during = len(burst.told) - before
    longest = max(burst.waits)
    await burst.ends()
    _, numbers = kept_in(copy, burst.line)
    assert numbers == list(range(1, len(numbers) + 1)) and len(kept_in(copy, filled)[1]) == 625
    assert during > 100, f"only {during} receipts while the backup was made ({took:.2f} s)"
    assert longest < 0.5, f"one batch waited {longest:.2f} s"
    await journal.close()


@pytest.mark.promise("G13")
async def test_G13_a_backup_is_one_file_that_is_whole_by_itself(tmp_path):
    journal = await SqliteJournal.open(tmp_path / FILE)
    await journal.new_line("session", "abcdef", 1)
    copy = await backup.make(journal, tmp_path / "one" / "officina-1.db")
    moved = tmp_path / "stick.db"
    shutil.copyfile(copy, moved)
    with closing(sqlite3.connect(moved)) as connection:
        assert connection.execute("SELECT code FROM line").fetchall() == [("abcdef",)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    await journal.close()


async def test_a_backup_that_is_not_whole_does_not_take_the_place_of_a_good_one(tmp_path, monkeypatch):
    journal = await SqliteJournal.open(tmp_path / FILE)
    good = await backup.make(journal, tmp_path / "officina-1.db")
    before = good.read_bytes()
    monkeypatch.setattr(backup, "sound", lambda path: "row 7 missing from index")
    with pytest.raises(sqlite3.DatabaseError, match="row 7"):
        await backup.make(journal, good)
    assert good.read_bytes() == before
    assert not backup.part_of(good).exists()
    await journal.close()


def test_of_old_backups_the_newest_of_each_hour_stays_and_the_last_ten(tmp_path):
    for hour in (9, 10):
        for minute in range(0, 60, 4):
            (tmp_path / f"officina-20260601-{hour:02}{minute:02}00.db").touch()
    backup.thin(tmp_path)
    left = sorted(path.stem.rpartition("-")[2][:4] for path in tmp_path.iterdir())
    assert left == ["0956", "1016", *(f"10{minute:02}" for minute in range(20, 60, 4))]


# The two commands


def officina(*words: str, data: Path, port: int = 1) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "OFFICINA_HOST_KEY": people.KEY,
        "OFFICINA_DATA": str(data),
        "OFFICINA_PORT": str(port),
    }
    environment |= {"COLUMNS": "400", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "server", *words],
        cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


async def command(*words: str, data: Path, port: int = 1) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(officina, *words, data=data, port=port)


async def opened(day: people.Day) -> people.Screen:
    carla = await day.carla()
    await carla.says('{"t":"ask","id":"open","stage":null,"do":"open_stage","with":{"stage":"poll"}}')
    await carla.sees(lambda: "open" in carla.answers)
    await carla.asks("open_question", "poll", question="obstacle")
    return carla


async def seen(day: people.Day) -> dict[str, Any]:
    """What the desk sees, the facts and the outcomes: all that can be told of a session's state from outside."""
    view = await day.api("GET", f"/api/sessions/{day.code}/view?screen=desk")
    outcomes = await day.api("GET", f"/api/sessions/{day.code}/outcomes")
    assert view.status_code == outcomes.status_code == 200
    found: dict[str, Any] = without_the_moment(view.json())
    return {"view": found, "facts": await day.facts(), "outcomes": without_the_moment(outcomes.json())}


#: Who is connected and when somebody looked is no part of the state.
PASSING = {"present", "here", "generated"}


def without_the_moment(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_the_moment(one) for key, one in value.items() if key not in PASSING}
    if isinstance(value, list):
        return [without_the_moment(one) for one in value]
    return value


@pytest.mark.promise("G13")
async def test_G13_the_command_makes_a_backup_with_and_without_a_running_server(tmp_path):
    data = tmp_path / "data"
    async with running(data) as (server, day):
        await day.begins()
        await opened(day)
        ada = await day.ada()
        number = await ada.answers_with(["a"])
        live = await command("backup", str(tmp_path / "live.db"), data=data, port=server.port)
        assert live.returncode == 0, live.stderr
        wrong = await command("backup", str(tmp_path / "wrong.db"), data=data, port=1)
        assert wrong.returncode == 1 and "--port" in wrong.stderr and "Traceback" not in wrong.stderr
    closed = await command("backup", str(tmp_path / "closed.db"), data=data)
    assert closed.returncode == 0, closed.stderr
    for copy in (tmp_path / "live.db", tmp_path / "closed.db"):
        assert sound(copy) == "ok"
        assert kept_in(copy)[1] == list(range(1, number + 1))
    nothing = await command("backup", data=tmp_path / "nowhere")
    assert nothing.returncode == 1 and "nothing to back up" in nothing.stderr


@pytest.mark.promise("G13")
async def test_G13_a_restore_brings_back_the_same_state_with_a_new_epoch_and_sets_the_present_aside(tmp_path):
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    async with people.officina(data) as day:
        code = await day.begins()
        await opened(day)
        ada, bruno = await day.ada(), await day.bruno()
        await ada.answers_with(["a"])
        number = await bruno.asks("answer", "poll", "brunos", question="obstacle", round=1, value=["b"])
        await backup.make(day.house.journal, copy)
        before, epoch = await seen(day), ada.epoch
        await ada.asks("answer", "poll", "after", question="obstacle", round=1, value=["c"])
        refused = await command("restore", str(copy), "--yes", data=data)
        assert refused.returncode == 1 and str(data / FILE) in refused.stderr
        later = await day.facts()
    restored = await command("restore", str(copy), "--yes", data=data)
    assert restored.returncode == 0, restored.stderr
    [aside] = data.glob("set-aside-*.db")
    assert str(aside) in restored.stdout
    assert kept_in(aside)[1] == [fact["number"] for fact in later], "what was there before is still there"
    async with people.officina(data) as day:
        day.code = code
        assert await seen(day) == before
        returned = people.Screen(day, "Bruno", "phone", badge=bruno.badge, number=bruno.number, epoch=epoch)
        day.screens.append(returned)
        await returned.comes()
        assert returned.epoch != epoch, "screens drop what they show"
        again = await returned.asks("answer", "poll", "brunos", question="obstacle", round=1, value=["b"])
        assert again == number, "an answer of before the backup has its receipt still"


@pytest.mark.promise("G13")
async def test_G13_a_restore_works_when_the_present_file_is_broken(tmp_path):
    data = tmp_path / "data"
    journal = await SqliteJournal.open(data / FILE)
    await journal.new_line("session", "abcdef", 1)
    copy = await backup.make(journal, tmp_path / "copy.db")
    await journal.close()
    (data / FILE).write_bytes(b"coffee" * 1_000)
    aside = backup.restore(copy, data, FILE)
    assert aside.read_bytes().startswith(b"coffee")
    journal = await SqliteJournal.open(data / FILE)
    assert [row.code for row in await journal.lines()] == ["abcdef"]
    await journal.close()


async def test_what_stood_only_in_the_log_is_set_aside_as_well(tmp_path):
    data = tmp_path / "data"
    journal = await SqliteJournal.open(data / FILE)
    copy = await backup.make(journal, tmp_path / "copy.db")
    await journal.new_line("session", "abcdef", 1)
    # As a kill leaves it: the newest facts stand in the log alone.
    left = tmp_path / "left"
    shutil.copytree(data, left)
    await journal.close()
    aside = backup.restore(copy, left, FILE)
    with closing(sqlite3.connect(aside)) as connection:
        assert connection.execute("SELECT code FROM line").fetchall() == [("abcdef",)]
    with closing(sqlite3.connect(left / FILE)) as connection:
        assert connection.execute("SELECT code FROM line").fetchall() == []


def torn(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = os.urandom(len(content) - len(content) // 2)
    path.write_bytes(content)


def picture(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + os.urandom(3_000))


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def another_programs(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipe (cake)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.promise("G13")
@pytest.mark.parametrize("harm", [torn, picture, nothing, another_programs, newer], ids=lambda harm: harm.__name__)
async def test_G13_what_is_no_whole_backup_of_ours_is_refused_with_a_sentence_and_nothing_is_touched(tmp_path, harm):
    data = tmp_path / "data"
    journal = await SqliteJournal.open(data / FILE)
    for n in range(40):
        await journal.new_line("session", f"{n:06}" + "x" * 500, n)
    copy = await backup.make(journal, tmp_path / "copy.db")
    await journal.close()
    harm(copy)
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    refused = await command("restore", str(copy), "--yes", data=data)
    assert refused.returncode == 1
    assert str(copy) in refused.stderr and "Traceback" not in refused.stderr
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before


async def test_a_folder_without_data_takes_a_backup_too(tmp_path):
    journal = await SqliteJournal.open(tmp_path / "data" / FILE)
    await journal.new_line("session", "abcdef", 1)
    copy = await backup.make(journal, tmp_path / "copy.db")
    await journal.close()
    restored = await command("restore", str(copy), "--yes", data=tmp_path / "new laptop")
    assert restored.returncode == 0, restored.stderr
    assert migrations.revision_of(tmp_path / "new laptop" / FILE) == migrations.HEAD
    lock = Lock(tmp_path / "new laptop" / FILE)
    lock.release()
    with closing(connect(tmp_path / "new laptop" / FILE)) as connection:
        assert connection.execute("SELECT code FROM line").fetchall() == [("abcdef",)]
