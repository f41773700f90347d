"""Changes of the open stage one by one, for screens whose element keeps the state itself (CANVAS 4.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from zlib import crc32

Entry = dict[str, Any]


class Patches:
    """What waits for the screens of one room, by screen: an entry for a number, and nothing for all numbers between.

    `sent`: up to this number all screens were told.
    """

    def __init__(self) -> None:
        self.sent = 0
        self._waiting: dict[str, list[tuple[int, Entry]]] = {}

    def add(self, screen: str, number: int, entry: Entry | None) -> None:
        """One fact as this screen may know it; None where it is nothing to that screen."""
        if entry is not None:
            self._waiting.setdefault(screen, []).append((number, entry))

    def entries(self, screen: str, upto: int) -> list[Entry]:
        """The entries after `sent` up to a number, without a hole: what is not for this screen is one `to`."""
        entries: list[Entry] = []
        told = self.sent
        for number, entry in self._waiting.get(screen, ()):
            if number > told + 1:
                entries.append({"n": told + 1, "to": number - 1})
            entries.append({"n": number, **entry})
            told = number
        if told < upto:
            entries.append({"n": told + 1, "to": upto})
        return entries

    def told(self, upto: int) -> None:
        """All screens know everything up to a number, or none of them is to be told."""
        self.sent = upto
        self._waiting.clear()


#: Fields of a note that always hold the same fields.
SPREAD = ("revs",)
#: What a board's view holds by id, and what its element adds up.
COLLECTIONS = ("notes", "zones", "groups", "links", "comments", "rounds")


def in_columns(things: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """{"ids": [...], "columns": {field: [a value for each id, null where it has none]}}: packs to three quarters.

    A field that holds the same fields everywhere (`revs`) becomes a column for each of them, named `revs.text`.
    """
    columns: dict[str, list[Any]] = {}
    for place, thing in enumerate(things.values()):
        for field, value in thing.items():
            parts = {f"{field}.{name}": one for name, one in value.items()} if field in SPREAD else {field: value}
            for name, one in parts.items():
                column = columns.setdefault(name, [])
                column.extend([None] * (place - len(column)))
                column.append(one)
    for column in columns.values():
        column.extend([None] * (len(things) - len(column)))
    return {"ids": list(things), "columns": columns}


def digest(view: Mapping[str, Any]) -> str:
    """Eight hex signs that two equal views share (CANVAS 6): the sum of the CRC-32 of each shared object's line.

    A line is `<collection> <id> <JSON with sorted keys, without blanks>` in UTF-8; the board's own id is empty.
    """
    total = crc32(_line("board", "", view["board"])) if "board" in view else 0
    for name in COLLECTIONS:
        for id, thing in view.get(name, {}).items():
            total += crc32(_line(name, id, thing))
    return f"{total % (1 << 32):08x}"


def _line(collection: str, id: str, thing: Any) -> bytes:
    canonical = json.dumps(thing, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{collection} {id} {canonical}".encode("utf-8", "replace")
