"""Consistent copies while everything goes on, and the way back from one (promise G13)."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import time
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

    Runs on the writer's own connection: writes of the same connection are carried over, another's would start it anew.
    Raises sqlite3.DatabaseError when the copy is not whole.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    being_made = to.with_name(to.name + ".part")
    being_made.unlink(missing_ok=True)
    target = sqlite3.connect(being_made)
    try:
        connection.backup(target, pages=PAGES)
    finally:
        target.close()
    verdict = sound(being_made)
    if verdict != "ok":
        being_made.unlink(missing_ok=True)
        raise sqlite3.DatabaseError(f"the copy is not whole: {verdict}")
    with being_made.open("rb+") as file:
        os.fsync(file.fileno())
    being_made.replace(to)
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(to.parent, os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)
    return to


async def make(journal: SqliteJournal, to: Path) -> Path:
    """A backup of the running house."""
    made: Path = await journal.run(lambda connection: copy(connection, to))
    return made


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
            made = await make(house.journal, named(house.settings.data / FOLDER))
            last = now
            if house.settings.backup_to is not None:
                await asyncio.to_thread(shutil.copy2, made, house.settings.backup_to / made.name)
            await asyncio.to_thread(thin, house.settings.data / FOLDER)
        except Exception as error:
            log.error("the backup failed; the next try is in a minute", why=str(error))


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
    being_made = data / (name + ".part")
    shutil.copy2(file, being_made)
    with sqlite3.connect(being_made) as connection:
        # Screens that knew the old epoch drop what they show, but keep their outboxes.
        connection.execute("DELETE FROM about WHERE key = 'epoch'")
    connection.close()
    if present.exists():
        with sqlite3.connect(present) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        old.close()
        present.replace(aside)
    for rest in ("-wal", "-shm"):
        present.with_name(name + rest).unlink(missing_ok=True)
    being_made.replace(present)
    return aside
