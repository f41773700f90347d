"""Consistent copies while everything goes on, and the way back from one (promise G13)."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from .sqlite import sound

if TYPE_CHECKING:
    from ..house import House
    from .sqlite import SqliteJournal

log = structlog.get_logger("backup")

EVERY_SECONDS = 60
KEEP_LAST = 10
PAGES = 256
FOLDER = "backups"


def copy(connection: Any, to: Path) -> Path:
    """Copies the open database page by page, checks the copy, then puts it in place in one step.

    Raises sqlite3.DatabaseError when the copy is not whole.
    """
    take_pages(connection, part_of(to))
    return put_in_place(to)


async def make(journal: SqliteJournal, to: Path) -> Path:
    """A backup of the running house; asks are kept meanwhile. Raises like `copy`."""
    async with journal.copying:
        return await _make(journal, to)


async def _make(journal: SqliteJournal, to: Path) -> Path:
    await journal.run(lambda connection: take_pages(connection, part_of(to), journal.writer.catch_up))
    return await asyncio.to_thread(put_in_place, to)


def part_of(to: Path) -> Path:
    """Where a copy is made until it is whole."""
    return to.with_name(to.name + ".part")


def take_pages(connection: Any, being_made: Path, between: Callable[[], None] | None = None) -> None:
    """Copies the open database into one file without a log of its own; `between` is called after each step.

    Runs on the writer's own connection: writes of the same connection are carried over, another's would start it anew.
    """
    being_made.parent.mkdir(parents=True, exist_ok=True)
    being_made.unlink(missing_ok=True)
    with closing(sqlite3.connect(being_made)) as target:
        # One flush at the end is enough: until then it is no backup.
        target.execute("PRAGMA synchronous=OFF")
        connection.backup(target, pages=PAGES, progress=lambda *_: between() if between else None)
        target.execute("PRAGMA journal_mode=DELETE")


def put_in_place(to: Path) -> Path:
    """Checks and flushes a copy that was made beside `to`, then renames it."""
    being_made = part_of(to)
    verdict = sound(being_made)
    if verdict != "ok":
        being_made.unlink(missing_ok=True)
        raise sqlite3.DatabaseError(f"the copy is not whole: {verdict}")
    flush(being_made)
    being_made.replace(to)
    flush_folder(to.parent)
    return to


def flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def flush_folder(path: Path) -> None:
    """Makes a rename durable, where the system has a way to."""
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path, os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)


def named(folder: Path) -> Path:
    return folder / time.strftime("officina-%Y%m%d-%H%M%S.db")


async def keep(house: House) -> None:
    """A backup a minute while anything changes, and at once when a stage opens or closes; old ones are thinned out."""
    last: dict[str, int] = {}
    waited = 0
    while True:
        await asyncio.sleep(1)
        waited += 1
        now = {code: live.room.number for code, live in house.rooms.live.items()}
        stages = any(
            fact.number > last.get(code, 0) and fact.kind in ("stage_opened", "stage_closed", "session_ended")
            for code, live in house.rooms.live.items()
            for fact in list(live.room.ring)[-64:]
        )
        if now == last or not (waited >= EVERY_SECONDS or (stages and waited >= 5)):
            continue
        waited = 0
        try:
            async with house.journal.copying:
                made = await _make(house.journal, named(house.settings.data / FOLDER))
                last = now
                await asyncio.to_thread(thin, house.settings.data / FOLDER)
                if house.settings.backup_to is not None:
                    await asyncio.to_thread(put_beside, made, house.settings.backup_to)
                    await asyncio.to_thread(thin, house.settings.backup_to)
        except Exception as error:
            log.error("the backup failed; the next try is in a minute", why=str(error))


def put_beside(made: Path, folder: Path) -> None:
    """A second copy in another folder, under its name only when it is whole; a stick may be pulled out meanwhile."""
    to = folder / made.name
    shutil.copyfile(made, part_of(to))
    flush(part_of(to))
    part_of(to).replace(to)


def thin(folder: Path) -> None:
    """Keeps the last ten, and of the older ones the newest of each hour."""
    copies = sorted(folder.glob("officina-*.db"))
    hours: set[str] = set()
    for one in reversed(copies[:-KEEP_LAST]):
        hour = one.name[:20]
        if hour in hours:
            one.unlink(missing_ok=True)
        hours.add(hour)


def restore(file: Path, data: Path, name: str) -> Path:
    """Puts a backup in the place of the present file, which is set aside and not deleted. Returns where it went.

    Nothing may run on the folder meanwhile; the caller holds the lock. Raises ValueError when the file is no whole
    backup of an Officina that this one can read.
    """
    from . import migrations

    try:
        revision = migrations.revision_of(file)
        verdict = sound(file)
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{file} is not an Officina backup ({error})") from error
    if revision is None or verdict != "ok":
        raise ValueError(f"{file} is not a whole Officina backup ({verdict if revision else 'no schema in it'})")
    if revision > migrations.HEAD:
        raise ValueError(f"{file} was written by a newer Officina (schema {revision})")
    present = data / name
    aside = data / time.strftime(f"set-aside-%Y%m%d-%H%M%S-{name}")
    being_made = part_of(present)
    being_made.unlink(missing_ok=True)
    # Through SQLite and not as bytes: a file that was not made by us may have a log beside it.
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source:
        take_pages(source, being_made)
    with closing(sqlite3.connect(being_made)) as connection, connection:
        # Screens that knew the old epoch drop what they show, but keep their outboxes.
        connection.execute("DELETE FROM about WHERE key = 'epoch'")
    flush(being_made)
    if present.exists():
        put_log_in(present)
    for rest in ("", "-wal", "-shm"):
        if (old := present.with_name(name + rest)).exists():
            old.replace(aside.with_name(aside.name + rest))
    being_made.replace(present)
    flush_folder(data)
    return aside


def put_log_in(present: Path) -> None:
    """Makes a file whole by itself; one that is too broken for it keeps its log beside it."""
    try:
        with closing(sqlite3.connect(present)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError as error:
        log.warning("the file that is set aside is broken", why=str(error))
