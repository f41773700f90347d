"""Brings a database file to today's schema before anything else opens it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

#: The newest revision; a test holds it against the scripts. Known here so that an up-to-date file costs no import.
HEAD = "0001"


def revision_of(path: Path) -> str | None:
    """The revision a file is at; None for a new file. Raises sqlite3.DatabaseError when it is no database."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as connection:
        names = connection.execute("select name from sqlite_master where name = 'alembic_version'").fetchall()
        row = connection.execute("select version_num from alembic_version").fetchone() if names else None
    connection.close()
    return row[0] if row else None


def bring_up(path: Path) -> None:
    """Migrates the file to HEAD; an existing older file is copied beside itself first.

    Raises ValueError when the file comes from a newer Officina.
    """
    at = revision_of(path)
    if at == HEAD:
        return
    if at is not None and at > HEAD:
        raise ValueError(f"{path} was written by a newer Officina (schema {at}); install that version to open it")
    if at is not None:
        shutil.copy2(path, path.with_name(f"{path.stem}.before-{HEAD}{path.suffix}"))
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
