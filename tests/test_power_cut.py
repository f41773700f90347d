"""The power goes while asks are kept: what was not flushed may be lost, torn or out of order; no receipt may be (G1).

Between SQLite and the system stands a disk of our own making. Writes reach it at once, as a system's memory takes them;
what a cut leaves of them is decided by chance for each sector of 512 bytes, unless a flush came in between.
OFFICINA_CUTS sets how many cuts (200).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import pytest

from server.storage import sqlite
from server.storage.journal import Committed, Entry, NewFact, Outcome, PersonRow
from server.storage.sqlite import SqliteJournal, Writer, sound

CUTS = int(os.environ.get("OFFICINA_CUTS", "200"))
CUTS_PER_LIFE = 10
#: Reads, writes and flushes of the disk between two cuts, at most.
STEPS = 60
SECTOR = 512
LINES = 2

_names = itertools.count()


@dataclass
class Image:
    """A file as the disk holds it, and for each sector that was written since the last flush all that it held since."""

    durable: bytes
    written: dict[int, list[bytes]] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)

    def after_a_cut(self, chance: random.Random) -> bytes:
        """What is found when the power is back: of each sector any of its versions, or the start of one over another."""
        found = bytearray(self.durable)
        for sector, versions in self.written.items():
            old = bytes(found[sector * SECTOR : (sector + 1) * SECTOR]).ljust(SECTOR, b"\0")
            kept = chance.choice([old, *versions])
            if chance.random() < 0.2:
                torn = chance.randrange(SECTOR)
                kept = chance.choice(versions)[:torn].ljust(torn, b"\0") + old[torn:]
            end = sector * SECTOR + len(kept)
            if len(found) < end and kept is not old:
                found.extend(bytes(end - len(found)))
            if kept is not old:
                found[sector * SECTOR : end] = kept
        size = chance.choice([None, *self.sizes])
        return bytes(found if size is None else found[:size].ljust(size, b"\0"))


@dataclass
class Cut:
    """The files as a cut left them, how many receipts had been told by then, how many sectors were not flushed."""

    files: dict[str, bytes]
    told: int
    unflushed: int


class Disk:
    """Counts flushes, and cuts the power on paper: the world goes on, but a copy of it is left as the cut leaves it."""

    def __init__(self, chance: random.Random, told: Callable[[], int] = lambda: 0, cuts: int = 0) -> None:
        self.chance = chance
        self.told = told
        self.cuts: list[Cut] = []
        self.wanted = cuts
        self.images: dict[str, Image] = {}
        self.flushes: dict[str, int] = {}
        self.full = False
        self.next = chance.randint(1, STEPS)
        self.vfs = Drive(self)

    def connect(self, path: Path) -> apsw.Connection:
        return apsw.Connection(str(path), vfs=self.vfs.vfs_name)

    def opened(self, name: str) -> None:
        if name not in self.images:
            path = Path(name)
            self.images[name] = Image(path.read_bytes() if path.exists() else b"")

    def wrote(self, name: str, data: bytes, offset: int) -> None:
        """Notes the new content of every sector that a write touched; called when the file holds it."""
        image = self.images[name]
        with Path(name).open("rb") as file:
            for sector in range(offset // SECTOR, (offset + len(data) - 1) // SECTOR + 1):
                file.seek(sector * SECTOR)
                image.written.setdefault(sector, []).append(file.read(SECTOR))

    def flushed(self, name: str) -> None:
        self.flushes[Path(name).name] = self.flushes.get(Path(name).name, 0) + 1
        self.images[name] = Image(Path(name).read_bytes())

    def step(self) -> None:
        """Called before the disk does anything."""
        self.next -= 1
        if self.next <= 0 and len(self.cuts) < self.wanted:
            self.next = self.chance.randint(1, STEPS)
            files = {Path(name).name: image.after_a_cut(self.chance) for name, image in self.images.items()}
            self.cuts.append(Cut(files, self.told(), sum(len(image.written) for image in self.images.values())))


class Drive(apsw.VFS):
    """Opens every file on the disk of the test."""

    def __init__(self, disk: Disk) -> None:
        self.vfs_name = f"disk {next(_names)}"
        self.disk = disk
        super().__init__(self.vfs_name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        # A file without a name is scratch paper that SQLite deletes itself.
        return File(self.disk, name, flags) if name is not None else apsw.VFSFile("", None, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.disk.step()
        super().xDelete(filename, syncdir)
        self.disk.images.pop(filename, None)


class File(apsw.VFSFile):
    """One file: everything goes through to the system, and the disk of the test is told."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self.disk = disk
        self.name = name.filename() if isinstance(name, apsw.URIFilename) else name
        disk.opened(self.name)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.step()
        if self.disk.full:
            raise apsw.FullError("database or disk is full")
        super().xWrite(data, offset)
        self.disk.wrote(self.name, bytes(data), offset)

    def xTruncate(self, size: int) -> None:
        self.disk.step()
        super().xTruncate(size)
        self.disk.images[self.name].sizes.append(size)

    def xSync(self, flags: int) -> None:
        self.disk.step()
        super().xSync(flags)
        self.disk.flushed(self.name)


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
            kept = {(line, ask): number for line, ask, number in connection.execute("SELECT line, ask, number FROM ask")}
            for line, number in connection.execute("SELECT id, number FROM line").fetchall():
                numbers = [
                    row[0] for row in connection.execute("SELECT number FROM fact WHERE line = ? ORDER BY number", (line,))
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
