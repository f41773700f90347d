"""The power goes while asks are kept: what was not flushed may be lost, torn or out of order; no receipt may be (G1).

OFFICINA_CUTS sets how many cuts (200).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from server.storage import sqlite
from server.storage.journal import Committed, Entry, NewFact, Outcome, PersonRow
from server.storage.sqlite import SqliteJournal, Writer, sound
from tests.disk import Cut, Disk

CUTS = int(os.environ.get("OFFICINA_CUTS", "200"))
CUTS_PER_LIFE = 10
LINES = 2


class Told(list[tuple[int, str, int]]):
    """The receipts in the order in which they were told: line, ask, number."""


def entries_of(chance: random.Random, ask: str) -> list[Entry]:
    made = []
    for n in range(chance.randint(1, 8)):
        body = '{"text":"' + "x" * chance.randint(0, 600) + '"}'
        facts = [NewFact(n, "poll", "answered", "ada", None, "pseudonym", body)] * chance.choice((0, 1, 1, 2))
        made.append(Entry("ada", f"{ask}-{n}", facts, [PersonRow("ada", ask)] if n == 0 else ()))
    return made


async def live(path: Path, life: int, chance: random.Random, told: Told, cuts: int) -> list[Cut]:
    """Opens the journal on a disk of ours and writes at full speed until the power was cut so many times."""
    disk = Disk(chance, lambda: len(told), cuts)
    journal = await SqliteJournal.open(path, disk.connect)
    over = asyncio.Event()
    rows = await journal.run(lambda connection: connection.execute("SELECT id, code, number FROM line").fetchall())
    known = {code: (id, number) for id, code, number in rows}
    writing = 0
    wrong: list[Outcome] = []

    def write(line: int, number: int, turn: int) -> None:
        entries = entries_of(chance, f"{life}-{line}-{turn}")

        def done(outcome: Outcome) -> None:
            nonlocal writing
            if not isinstance(outcome, Committed):
                wrong.append(outcome)
                over.set()
                return
            told.extend((line, entry.ask, number) for entry, number in zip(entries, outcome.numbers, strict=True))
            if len(disk.cuts) < cuts:
                write(line, number + len(outcome.facts), turn + 1)
            else:
                writing -= 1
                if not writing:
                    over.set()

        journal.append(line, number, entries, done)

    for n in range(LINES):
        line, number = known.get(f"line{n}") or ((await journal.new_line("session", f"line{n}", 1)).id, 0)
        writing += 1
        write(line, number, 0)
    while not over.is_set():
        # The writer looks at its log twice a second at most; a cut in the middle of this is what could hurt most.
        mode = chance.choice(("PASSIVE", "PASSIVE", "TRUNCATE"))
        await journal.run(lambda connection, mode=mode: journal.writer.checkpoint(mode))  # type: ignore[misc]
        await asyncio.sleep(chance.uniform(0, 0.02))
    await journal.close()
    assert not wrong, wrong
    return disk.cuts


@dataclass
class Found:
    cuts: int = 0
    receipts: int = 0
    in_flight: int = 0
    lost: int = 0
    broken: list[str] = field(default_factory=list)


def put(cut: Cut, folder: Path) -> Path:
    folder.mkdir()
    for name, content in cut.files.items():
        (folder / name).write_bytes(content)
    return folder / "officina.db"


def check(path: Path, told: Told, found: Found) -> None:
    """Looks at the files after a cut as the next start sees them."""
    found.cuts += 1
    found.receipts += len(told)
    try:
        with closing(sqlite3.connect(path)) as connection:
            kept = {
                (line, ask): number for line, ask, number in connection.execute("SELECT line, ask, number FROM ask")
            }
            for line, number in connection.execute("SELECT id, number FROM line").fetchall():
                numbers = [
                    row[0]
                    for row in connection.execute("SELECT number FROM fact WHERE line = ? ORDER BY number", (line,))
                ]
                if numbers != list(range(1, number + 1)):
                    found.broken.append(f"line {line} stands at {number}, its facts: {numbers[-3:]}")
        verdict = sound(path)
    except sqlite3.DatabaseError as error:
        verdict = str(error)
        kept = {}
    if verdict != "ok":
        found.broken.append(verdict)
    found.lost += sum(kept.get((line, ask)) != number for line, ask, number in told)


async def lives(folder: Path, cuts: int, seed: int) -> Found:
    """Life after life on what the last cut left; every cut of a life is looked at, the last one is lived on."""
    chance = random.Random(seed)
    told, found = Told(), Found()
    first = folder / "first"
    first.mkdir()
    path = first / "officina.db"
    places = itertools.count()
    for life in range(cuts // CUTS_PER_LIFE):
        made = await live(path, life, chance, told, CUTS_PER_LIFE)
        for cut in made:
            path = put(cut, folder / str(next(places)))
            check(path, Told(told[: cut.told]), found)
            found.in_flight += cut.unflushed > 0
        if found.lost or found.broken:
            return found
        # What was told after the last cut was told in a world that did not come to be.
        del told[made[-1].told :]
    return found


@pytest.mark.promise("G1")
async def test_G1_a_power_cut_at_any_moment_takes_no_receipt_back(tmp_path):
    found = await lives(tmp_path, CUTS, 1)
    assert found.cuts == CUTS // CUTS_PER_LIFE * CUTS_PER_LIFE
    assert found.broken == []
    assert found.lost == 0
    assert found.receipts > 50 * found.cuts
    assert found.in_flight > found.cuts / 2, "most cuts came when there was nothing to lose"
    print(
        f"\nG1 power: {found.cuts} cuts, {found.in_flight} of them with writes in flight,"
        f" {found.receipts} receipts looked for, 0 lost"
    )


@pytest.mark.promise("G1")
async def test_G1_a_writer_that_flushes_only_at_checkpoints_is_caught_losing_receipts(tmp_path, monkeypatch):
    prepare = sqlite.prepare
    monkeypatch.setattr(sqlite, "prepare", lambda connection: prepare(connection, synchronous="NORMAL"))
    assert (await lives(tmp_path, 100, 2)).lost > 0


@pytest.mark.promise("G1")
async def test_G1_a_writer_that_tells_before_it_has_flushed_is_caught_losing_receipts(tmp_path, monkeypatch):
    def hasty(self: Writer, batches: list[Any]) -> None:
        if batches:
            self.connection.execute("BEGIN IMMEDIATE")
            self.tell([(batch, self.write_batch(batch)) for batch in batches])
            self.connection.execute("COMMIT")

    monkeypatch.setattr(Writer, "write", hasty)
    assert (await lives(tmp_path, 100, 3)).lost > 0


@pytest.fixture
def disk() -> Iterator[Disk]:
    yield Disk(random.Random(4))


async def flushes_of(path: Path, disk: Disk, transactions: int) -> int:
    journal = await SqliteJournal.open(path, disk.connect)
    line = (await journal.new_line("session", "abcdef", 1)).id
    before = disk.flushes.get("officina.db-wal", 0)
    for n in range(transactions):
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        fact = NewFact(n, "poll", "answered", "ada", None, "pseudonym", "{}")
        journal.append(line, n, [Entry("ada", f"ask {n}", [fact])], future.set_result)
        assert isinstance(await future, Committed)
    flushed = disk.flushes.get("officina.db-wal", 0) - before
    await journal.close()
    return flushed


@pytest.mark.promise("G1")
async def test_G1_each_transaction_is_flushed_before_it_is_told(tmp_path, disk):
    assert await flushes_of(tmp_path / "officina.db", disk, 100) >= 100


async def test_the_count_of_flushes_tells_a_writer_that_does_without(tmp_path, disk, monkeypatch):
    prepare = sqlite.prepare
    monkeypatch.setattr(sqlite, "prepare", lambda connection: prepare(connection, synchronous="NORMAL"))
    assert await flushes_of(tmp_path / "officina.db", disk, 100) < 10
