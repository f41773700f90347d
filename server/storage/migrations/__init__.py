"""Brings a database file to today's schema before anything else opens it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

#: The newest revision; a test holds it against the scripts. Known here so that an up-to-date file costs no import.
HEAD = "0002"


def revision_of(path: Path) -> str | None:
    """The revision a file is at; None for a new file. Raises sqlite3.DatabaseError when it is no database."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        return _revision(path, "ro")
    except sqlite3.OperationalError:
        # A first start that was killed in the middle left a journal, which only a writer may roll back.
        return _revision(path, "rw")


def _revision(path: Path, mode: str) -> str | None:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True)) as connection:
        names = connection.execute("select name from sqlite_master where name = 'alembic_version'").fetchall()
        row = connection.execute("select version_num from alembic_version").fetchone() if names else None
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
        before = path.with_name(f"{path.stem}.before-{HEAD}{path.suffix}")
        # A plain copy of the file would leave behind what stands only in its log.
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(before)) as target:
            source.backup(target)
    if at is None and _is_empty(path):
        _make_new(path)
    else:
        run_scripts(path)


def run_scripts(path: Path) -> None:
    """The migrations one after the other, in one transaction."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    # The driver opens no transaction for CREATE TABLE; without ours a kill in the middle would leave half a schema.
    engine = create_engine(f"sqlite:///{path}", connect_args={"isolation_level": None})
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def _is_empty(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return not connection.execute("select 1 from sqlite_master").fetchall()


def _make_new(path: Path) -> None:
    """Gives an empty file the schema in one transaction: the scripts take a second to load, at every first start."""
    script = (Path(__file__).parent / "new.sql").read_text("utf-8")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for statement in script.split(";\n"):
            connection.execute(statement)
        connection.execute("COMMIT")
