"""The tables of read copies in SQL: replaced with the facts they come from, and searched.

The columns stand here once more beside `schema.py`, because loading SQLModel would cost every start a second; a test
holds the two against each other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

from .journal import Copy, CopyTable

#: The columns of each table after `line` and `idea`.
COLUMNS: Mapping[CopyTable, tuple[str, ...]] = MappingProxyType(
    {
        "idea": (
            "code", "state", "version", "title_it", "title_en", "summary_it", "summary_en", "domain", "area_name",
            "area_scope", "table_label", "session", "form", "missing", "support", "confidentiality", "published_at",
            "updated_at", "sought",
        ),
        "idea_actor": ("place", "uid", "name", "sector", "role", "commitment"),
        "idea_step": ("place", "uid", "text_it", "text_en", "owner", "due", "status"),
        "idea_obstacle": ("place", "uid", "text_it", "text_en", "category", "severity", "overcome"),
        "idea_money": (
            "place", "uid", "source", "programme", "amount_exact", "amount_min", "amount_max", "currency", "status",
        ),
        "idea_indicator": (
            "place", "uid", "name_it", "name_en", "type", "level", "dimension", "unit", "baseline_value",
            "baseline_date", "target_value", "target_date", "last_value", "last_date",
        ),
        "idea_source": (
            "place", "field", "source_kind", "relation", "session", "stage", "note", "note_group", "round", "uid",
        ),
    }
)  # fmt: skip

#: Rows in one INSERT.
ROWS = 64
#: Words of a search that count: a sentence pasted into the field must not become a statement without end.
WORDS = 12
#: Accents that stand after their letter once the two are taken apart.
_ACCENTS = re.compile("[\u0300-\u036f]+")


def replace(connection: Any, line: int, copies: Sequence[Copy]) -> int:
    """Puts the rows of these copies in the place of earlier ones; the last copy of a table and an idea stands.

    Inside the caller's transaction. Returns how many rows were written. Raises KeyError for a table or a column that
    there is not.
    """
    written = 0
    for copy in {(copy.table, copy.idea): copy for copy in copies}.values():
        _columns(copy)
        connection.execute(f"DELETE FROM {copy.table} WHERE line = ? AND idea = ?", (line, copy.idea))  # noqa: S608
        written += _insert(connection, line, copy)
    return written


def replace_all(connection: Any, line: int, copies: Sequence[Copy]) -> int:
    """As `replace`, for the whole of a line: what no copy stands for is gone afterwards."""
    for table in COLUMNS:
        connection.execute(f"DELETE FROM {table} WHERE line = ?", (line,))  # noqa: S608
    return sum(_insert(connection, line, copy) for copy in copies)


def drop(connection: Any, line: int | None = None) -> None:
    """Takes the copies of a line, or of all, out of a file of whatever schema; the next start makes them anew.

    Inside the caller's transaction, for whoever rewrites facts: what they do not hold any more goes at the same moment.
    """
    for table in COLUMNS:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchall():
            where, values = ("", ()) if line is None else (" WHERE line = ?", (line,))
            connection.execute(f"DELETE FROM {table}{where}", values)  # noqa: S608


def _columns(copy: Copy) -> tuple[str, ...]:
    """The columns of its table. A table's name is the one thing that a statement cannot take as a value."""
    try:
        return COLUMNS[copy.table]
    except KeyError:
        raise KeyError(f"there is no table of copies called {copy.table!r}") from None


def _insert(connection: Any, line: int, copy: Copy) -> int:
    columns = _columns(copy)
    for row in copy.rows:
        if not row.keys() <= set(columns):
            raise KeyError(f"{copy.table} has no column {sorted(row.keys() - set(columns))}")
    names = ", ".join(("line", "idea", *columns))
    marks = "(" + ",".join("?" * (len(columns) + 2)) + ")"
    for start in range(0, len(copy.rows), ROWS):
        part = copy.rows[start : start + ROWS]
        values = [value for row in part for value in (line, copy.idea, *(row.get(name) for name in columns))]
        rows = ",".join([marks] * len(part))
        connection.execute(f"INSERT INTO {copy.table} ({names}) VALUES {rows}", values)  # noqa: S608
    return len(copy.rows)


def as_sought(text: str) -> str:
    """A text as it is searched: small letters without accents, one blank between words, so that `citta` finds `Città`.

    SQLite folds the case of ASCII letters only, and knows nothing of accents.
    """
    apart = unicodedata.normalize("NFKD", text.encode("utf-8", "replace").decode("utf-8"))
    return " ".join(_ACCENTS.sub("", apart).replace("\0", " ").casefold().split())


def search(line: int, text: str, state: str | None) -> tuple[str, list[Any]]:
    """The statement that gives the ids of the ideas that fit, the latest change first, and its values."""
    sql = "SELECT idea FROM idea WHERE line = ?"
    values: list[Any] = [line]
    if state is not None:
        sql += " AND state = ?"
        values.append(state)
    for word in islice(dict.fromkeys(as_sought(text).split()), WORDS):
        # Not LIKE: a percent sign that somebody types is a percent sign.
        sql += " AND instr(sought, ?) > 0"
        values.append(word)
    return sql + " ORDER BY updated_at DESC, idea", values
