"""The journal on SQLite: one thread owns the only writing connection and is the only checkpointer (promise G1, G3).

Why a thread and not aiosqlite: a cancelled request may well have written, and forty phones that write through
connections of their own meet "database is locked". Why multi-row INSERTs: each step of the driver gives the
interpreter lock away, and with a busy event loop every return costs a wait.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from . import copies, migrations
from .journal import (
    Behind,
    Busy,
    Committed,
    Copy,
    Entry,
    Found,
    KeptFact,
    LineRow,
    Outcome,
    PersonRow,
    Poison,
    Trouble,
)

log = structlog.get_logger("storage")

#: Before this version a rare bug of WAL mode could corrupt a file written by two connections (fixed in 3.51.3).
SOUND_SQLITE = (3, 51, 3)
#: More batches than this waiting means that the disk has stopped; the asker is told to come again.
INBOX = 5_000
#: Asks drained into one transaction without waiting.
DRAIN = 256
#: Rows in one INSERT: 64 x 10 parameters stays far below SQLite's limit and keeps few statements cached.
ROWS = 64
#: Rows after which a checkpoint may not wait for a quiet moment any more: about 16 MB of WAL.
CHECKPOINT_ROWS = 40_000
TRUNCATE_BYTES = 64 << 20
#: A moment without asks, in seconds: then the WAL goes into the database, and nobody's receipt waits for it.
QUIET_SECONDS = 0.25
#: Deleted when the disk is full, so that exports and the shutdown still work.
BALLAST_BYTES = 32 << 20

SYNCHRONOUS = "FULL"
#: How long the writer waits for another program's lock before it says trouble: four tries fit into the two seconds
#: after which a phone must hear that its ask is not kept (promise G11).
LOCKED_MS = 400

CLOSED = "the journal is closed"

Connect = Callable[[Path], Any]


class SecondProcess(RuntimeError):
    """Another Officina holds this file."""


def connect(path: Path) -> Any:
    """A connection with no transactions of its own; tests hand the writer another one instead of this."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)


def prepare(connection: Any, synchronous: str = SYNCHRONOUS) -> None:
    """The settings of the writing connection; the wait for locks comes before the mode that may need it."""
    for setting in (
        "busy_timeout=5000",
        "journal_mode=WAL",
        f"synchronous={synchronous}",
        "foreign_keys=ON",
        "wal_autocheckpoint=0",
        "mmap_size=0",
        "secure_delete=ON",
        "trusted_schema=OFF",
        "cell_size_check=ON",
        *(["fullfsync=ON"] if sys.platform == "darwin" else []),
        f"busy_timeout={LOCKED_MS}",
    ):
        connection.execute(f"PRAGMA {setting}").fetchall()


class Lock:
    """Refuses a second process on the same file; let go when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(path.name + ".lock").open("a+")
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise SecondProcess(
                f"Another Officina already runs on {path}. Stop it first, or start this one with another --data folder."
            ) from None

    def release(self) -> None:
        self._file.close()


@dataclass(slots=True)
class _Batch:
    line: int
    expected: int
    entries: Sequence[Entry]
    done: Callable[[Outcome], None]


@dataclass(slots=True)
class _Work:
    do: Callable[[Any], Any]
    done: Callable[[Any, BaseException | None], None]


class Writer(threading.Thread):
    """Takes one batch, drains what else waits, writes all in one transaction, then tells everybody at once."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop, connect: Connect = connect) -> None:
        super().__init__(name="writer", daemon=True)
        self.path = path
        self.loop = loop
        self.connect = connect
        self.inbox: queue.SimpleQueue[_Batch | _Work | None] = queue.SimpleQueue()
        self.connection: Any = None
        self.ready = threading.Event()
        self.failed: BaseException | None = None
        self._aside: deque[_Work | None] = deque()
        self._rows = 0

    def run(self) -> None:
        try:
            self.connection = self.connect(self.path)
            prepare(self.connection)
        except BaseException as error:
            self.failed = error
            self.ready.set()
            return
        self.ready.set()
        going = True
        while going:
            going = self.turn()
        self.connection.close()

    def turn(self) -> bool:
        """One round of take, write, tell; False when the thread was asked to end."""
        try:
            # Without rows since the last checkpoint there is nothing to wake up for.
            quiet = QUIET_SECONDS if self._rows else None
            first = self._aside.popleft() if self._aside else self.inbox.get(timeout=quiet)
        except queue.Empty:
            self.keep_wal_small()
            return True
        going, drained = True, [first]
        while len(drained) < DRAIN and not self.inbox.empty():
            drained.append(self.inbox.get())
        batches: list[_Batch] = []
        for item in drained:
            if isinstance(item, _Batch):
                batches.append(item)
                continue
            self.write(batches)
            batches = []
            if item is None:
                self.checkpoint("TRUNCATE")
                going = False
            else:
                self.work(item)
        self.write(batches)
        if self._rows > CHECKPOINT_ROWS:
            self.keep_wal_small()
        return going

    def catch_up(self) -> None:
        """Writes the batches that wait, from inside a long piece of work; never ahead of other work."""
        batches: list[_Batch] = []
        while len(batches) < DRAIN and not self._aside and not self.inbox.empty():
            item = self.inbox.get()
            if isinstance(item, _Batch):
                batches.append(item)
            else:
                self._aside.append(item)
        self.write(batches)

    def write(self, batches: list[_Batch]) -> None:
        if not batches:
            return
        told: list[tuple[_Batch, Outcome]] = []
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            for batch in batches:
                told.append((batch, self.write_batch(batch)))
            self.connection.execute("COMMIT")
        except Exception as error:
            # Whatever it was, nothing of this transaction is kept, so nobody may be told that it is.
            self.roll_back()
            if "full" in str(error).lower():
                self.drop_ballast()
            log.error("storage trouble", why=str(error))
            told = [(batch, Trouble(str(error))) for batch in batches]
        self.tell(told)

    def tell(self, told: list[tuple[_Batch, Outcome]]) -> None:
        def all_done() -> None:
            for batch, outcome in told:
                try:
                    batch.done(outcome)
                except Exception:
                    # One room that does not listen any more must not keep the others from hearing.
                    log.exception("somebody could not be told what is kept", line=batch.line)

        self.on_the_loop(all_done)

    def on_the_loop(self, call: Callable[[], None]) -> None:
        try:
            self.loop.call_soon_threadsafe(call)
        except RuntimeError:
            log.warning("the event loop ended before the writer could tell it what is kept")

    def roll_back(self) -> None:
        try:
            self.connection.execute("ROLLBACK")
        except Exception:
            log.debug("no transaction to roll back")

    def write_batch(self, batch: _Batch) -> Outcome:
        execute = self.connection.execute
        execute("SAVEPOINT batch")
        try:
            outcome = self.insert(batch)
            if not isinstance(outcome, Committed):
                execute("ROLLBACK TO batch")
        except Exception as error:
            if storage_is_at_fault(error):
                raise
            execute("ROLLBACK TO batch")
            outcome = Behind(self.repeats(batch))
            if not outcome.repeats:
                outcome = Poison(str(error))
        execute("RELEASE batch")
        return outcome

    def insert(self, batch: _Batch) -> Outcome:
        execute = self.connection.execute
        line, number = batch.line, batch.expected
        row = execute("SELECT number FROM line WHERE id = ?", (line,)).fetchone()
        if row is None or row[0] != number:
            return Behind(self.repeats(batch))
        kept: list[KeptFact] = []
        numbers: list[int] = []
        asks: list[Any] = []
        facts: list[Any] = []
        copied: list[Copy] = []
        for entry in batch.entries:
            for fact in entry.facts:
                number += 1
                kept.append(
                    KeptFact(
                        number, fact.at, fact.stage, fact.kind, fact.person, fact.group, entry.ask, fact.level,
                        fact.body, fact.said,
                    )
                )  # fmt: skip
                facts += (
                    line, number, fact.at, fact.stage, fact.kind, fact.person, fact.group, entry.ask, fact.level,
                    fact.body,
                )  # fmt: skip
            numbers.append(number)
            asks += (line, entry.actor, entry.ask, number)
            for person in entry.people:
                self.put_person(line, person)
            if entry.copies:
                copied += entry.copies
        self.many("ask", "(?,?,?,?)", asks, 4)
        self.many("fact", "(?,?,?,?,?,?,?,?,?,?)", facts, 10)
        if number != batch.expected:
            execute("UPDATE line SET number = ? WHERE id = ?", (number, line))
            if any(fact.kind == "session_ended" for fact in kept):
                execute("UPDATE line SET ended_at = ? WHERE id = ?", (kept[-1].at, line))
        if copied:
            self._rows += copies.replace(self.connection, line, copied)
        return Committed(numbers, kept)

    def many(self, name: str, marks: str, values: list[Any], width: int) -> None:
        step = ROWS * width
        self._rows += len(values) // width
        for start in range(0, len(values), step):
            part = values[start : start + step]
            rows = ",".join([marks] * (len(part) // width))
            self.connection.execute(f"INSERT INTO {name} VALUES {rows}", part)  # noqa: S608  (no text of a person)

    def put_person(self, line: int, row: PersonRow) -> None:
        self.connection.execute(
            "INSERT INTO person (line, person, name, badge, rehearsal) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (line, person) DO UPDATE SET"
            " name = coalesce(?, name), badge = coalesce(excluded.badge, badge)",
            (line, row.person, row.name or "", row.badge, row.rehearsal, row.name),
        )

    def repeats(self, batch: _Batch) -> dict[tuple[str, str], int]:
        found = {}
        for entry in batch.entries:
            row = self.connection.execute(
                "SELECT number FROM ask WHERE line = ? AND actor = ? AND ask = ?", (batch.line, entry.actor, entry.ask)
            ).fetchone()
            if row:
                found[entry.actor, entry.ask] = row[0]
        return found

    def work(self, item: _Work) -> None:
        result: Any = None
        failed: BaseException | None = None
        try:
            result = item.do(self.connection)
            self._rows += 1
        except Exception as error:
            self.roll_back()
            failed = error
        self.on_the_loop(lambda: item.done(result, failed))

    # The WAL file grows until somebody checkpoints; only this thread may, because a second checkpointer is what the
    # WAL-reset bug needs. The file keeps its size afterwards, so its size says nothing of what is still to do.
    def keep_wal_small(self) -> None:
        self._rows = 0
        try:
            size = self.path.with_name(self.path.name + "-wal").stat().st_size
        except OSError:
            size = 0
        self.checkpoint("TRUNCATE" if size > TRUNCATE_BYTES else "PASSIVE")

    def checkpoint(self, mode: str) -> None:
        try:
            self.connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        except Exception as error:
            log.warning("checkpoint put off", why=str(error))

    def drop_ballast(self) -> None:
        self.path.with_name("ballast").unlink(missing_ok=True)


def storage_is_at_fault(error: Exception) -> bool:
    """Tells a full, busy or broken disk from a row that cannot be written (a constraint, a value SQLite refuses)."""
    name = type(error).__name__
    return name in {
        "OperationalError",
        "DatabaseError",
        "BusyError",
        "CantOpenError",
        "CorruptError",
        "FullError",
        "IOError",
        "LockedError",
        "ReadOnlyError",
    }


class SqliteJournal:
    """One SQLite file. `open` migrates it, takes the lock and starts the writer."""

    def __init__(self, path: Path, writer: Writer, lock: Lock) -> None:
        self.path = path
        self.writer = writer
        self.lock = lock
        self.waiting = 0
        self.closed = False
        #: One backup at a time: an erasure that made a fresh one knows that no older one is still on its way.
        self.copying = asyncio.Lock()
        self._readers = ThreadPoolExecutor(3, thread_name_prefix="reader")
        self._own = threading.local()
        self._opened: list[sqlite3.Connection] = []

    @classmethod
    async def open(cls, path: Path, connect: Connect = connect) -> SqliteJournal:
        """Raises SecondProcess, ValueError (a newer schema) or sqlite3.DatabaseError (no database, or a broken one)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = Lock(path)
        try:
            migrations.bring_up(path)
            writer = Writer(path, asyncio.get_running_loop(), connect)
            writer.start()
            await asyncio.to_thread(writer.ready.wait)
            if writer.failed:
                raise writer.failed
        except BaseException:
            lock.release()
            raise
        if sqlite3.sqlite_version_info < SOUND_SQLITE:
            log.info("SQLite is older than 3.51.3; the single writer keeps its known WAL bug from being reached")
        return cls(path, writer, lock)

    def append(self, line: int, expected: int, entries: Sequence[Entry], done: Callable[[Outcome], None]) -> None:
        if self.closed:
            asyncio.get_running_loop().call_soon(done, Trouble(CLOSED))
            return
        if self.waiting >= INBOX:
            raise Busy
        self.waiting += 1

        def told(outcome: Outcome) -> None:
            self.waiting -= 1
            done(outcome)

        self.writer.inbox.put(_Batch(line, expected, entries, told))

    async def run(self, do: Callable[[Any], Any]) -> Any:
        """Runs `do(connection)` on the writer's thread, between two batches, in a transaction of its own making."""
        if self.closed:
            raise RuntimeError(CLOSED)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def done(result: Any, failed: BaseException | None) -> None:
            if future.done():
                return
            if failed:
                future.set_exception(failed)
            else:
                future.set_result(result)

        self.writer.inbox.put(_Work(do, done))
        # A caller that goes away must not undo what is being written.
        return await asyncio.shield(future)

    async def read(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Rows from a read-only connection in a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, sql, values)

    def _read(self, sql: str, values: Sequence[Any]) -> list[Any]:
        if not hasattr(self._own, "connection"):
            uri = f"{self.path.resolve().as_uri()}?mode=ro"
            self._own.connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            self._own.connection.execute("PRAGMA query_only=ON")
            self._own.connection.execute("PRAGMA busy_timeout=5000")
            self._opened.append(self._own.connection)
        return list(self._own.connection.execute(sql, tuple(values)).fetchall())

    async def after(self, line: int, number: int) -> list[KeptFact]:
        rows = await self.read(
            'SELECT number, at, stage, kind, person, "group", ask, level, body FROM fact'
            " WHERE line = ? AND number > ? ORDER BY number",
            (line, number),
        )
        return [KeptFact(*row) for row in rows]

    async def receipts(self, line: int) -> dict[tuple[str, str], int]:
        rows = await self.read("SELECT actor, ask, number FROM ask WHERE line = ?", (line,))
        return {(actor, ask): number for actor, ask, number in rows}

    async def people(self, line: int) -> list[PersonRow]:
        rows = await self.read("SELECT person, name, badge, rehearsal FROM person WHERE line = ?", (line,))
        return [PersonRow(person, name, badge, bool(rehearsal)) for person, name, badge, rehearsal in rows]

    async def lines(self) -> list[LineRow]:
        rows = await self.read(
            "SELECT id, kind, code, number, made_at, ended_at, rehearsal FROM line ORDER BY made_at DESC, id DESC"
        )
        return [
            LineRow(id, kind, code, number, made_at, ended_at, bool(rehearsal))
            for id, kind, code, number, made_at, ended_at, rehearsal in rows
        ]

    async def new_line(self, kind: str, code: str, made_at: int, rehearsal: bool = False) -> LineRow:
        def do(connection: Any) -> int:
            row = connection.execute(
                "INSERT INTO line (kind, code, number, made_at, rehearsal) VALUES (?, ?, 0, ?, ?)"
                " ON CONFLICT (code) DO NOTHING RETURNING id",
                (kind, code, made_at, rehearsal),
            ).fetchall()
            if not row:
                raise ValueError("this code is taken")
            return int(row[0][0])

        return LineRow(await self.run(do), kind, code, 0, made_at, None, rehearsal)

    async def copied(self, line: int) -> int:
        rows = await self.read("SELECT count(*) FROM idea WHERE line = ?", (line,))
        return int(rows[0][0])

    async def copy_anew(self, line: int, number: int, made: Sequence[Copy]) -> bool:
        def do(connection: Any) -> bool:
            connection.execute("BEGIN IMMEDIATE")
            row = connection.execute("SELECT number FROM line WHERE id = ?", (line,)).fetchone()
            here = row is not None and row[0] == number
            if here:
                copies.replace_all(connection, line, made)
            connection.execute("COMMIT")
            return here

        return bool(await self.run(do))

    async def find_ideas(
        self, line: int, text: str = "", state: str | None = None, limit: int = 50, offset: int = 0
    ) -> Found:
        # All ids in one statement: counted and cut apart they might come from two moments.
        ids = [str(id) for (id,) in await self.read(*copies.search(line, text, state))]
        return Found(len(ids), ids[max(0, offset) :][: max(0, limit)])

    async def about(self, key: str, value: Callable[[], str]) -> str:
        """A thing the database says of itself; set to `value()` on first asking."""
        rows = await self.read("SELECT value FROM about WHERE key = ?", (key,))
        if rows:
            return str(rows[0][0])
        fresh = value()
        await self.run(lambda c: c.execute("INSERT INTO about VALUES (?, ?)", (key, fresh)).fetchall())
        return fresh

    async def keep_ballast(self) -> None:
        """Lays the ballast down while there is room for it twice over."""

        def lay() -> None:
            path = self.path.with_name("ballast")
            if path.exists() or free_bytes(path.parent) < 4 * BALLAST_BYTES:
                return
            with path.open("wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
                else:
                    file.write(bytes(BALLAST_BYTES))

        await asyncio.to_thread(lay)

    async def close(self) -> None:
        self.closed = True
        self.writer.inbox.put(None)
        await asyncio.to_thread(self.writer.join, 10)
        for connection in self._opened:
            connection.close()
        self._readers.shutdown(wait=True)
        self.lock.release()


def free_bytes(folder: Path) -> int:
    import shutil

    return shutil.disk_usage(folder).free


def sound(path: Path) -> str:
    """The verdict of SQLite's own check over a whole file: "ok", or its complaints."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return "; ".join(str(row[0]) for row in connection.execute("PRAGMA integrity_check").fetchmany(5))
