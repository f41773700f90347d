"""Facts get numbers and are committed: the one small interface of storage (station 5), and what it is written with.

`tests/test_storage_contract.py` is the suite that every implementation passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol


class NewFact(NamedTuple):
    """A fact as decided, not yet numbered. `body` is JSON text; `said` is the same fact as the object it came from."""

    at: int
    stage: str | None
    kind: str
    person: str | None
    group: str | None
    level: str
    body: str
    said: Any = None


class KeptFact(NamedTuple):
    """A fact as the journal holds it. `said` is None when it was read from disk."""

    number: int
    at: int
    stage: str | None
    kind: str
    person: str | None
    group: str | None
    ask: str
    level: str
    body: str
    said: Any = None


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A name and a badge's hash to write in the same transaction; a None leaves what is there."""

    person: str
    name: str | None = None
    badge: str | None = None
    rehearsal: bool = False


#: The tables of read copies: whatever they hold can be dropped and is made anew from the facts.
CopyTable = Literal["idea", "idea_actor", "idea_step", "idea_obstacle", "idea_money", "idea_indicator", "idea_source"]
#: One row by column, without `line` and `idea`; a column that is left out is NULL.
CopyRow = Mapping[str, str | int | None]


class Copy(NamedTuple):
    """What one table holds of one idea from now on: these rows in the place of all earlier ones."""

    table: CopyTable
    idea: str
    rows: Sequence[CopyRow]


class Found(NamedTuple):
    """total: how many ideas fit in all. ideas: the ids on this page, the latest change first."""

    total: int
    ideas: Sequence[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted ask: who (a person, a token, `host`, `clock` or `server`), its id, its facts, in order.

    copies: what the facts change in the tables that are queried; the last one of a batch stands.
    """

    actor: str
    ask: str
    facts: Sequence[NewFact]
    people: Sequence[PersonRow] = ()
    copies: Sequence[Copy] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """The batch is on disk. `numbers`: the receipt of each entry, in order. `facts`: what was kept, in order."""

    numbers: Sequence[int]
    facts: Sequence[KeptFact]


@dataclass(frozen=True, slots=True)
class Behind:
    """Nothing was written: somebody else wrote first. `repeats` names the asks that are already kept, with receipts."""

    repeats: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Poison:
    """Nothing of this batch was written, because something in it cannot be; other lines' batches went on."""

    why: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Nothing was written: the storage itself is in trouble (full, busy, gone). The same batch may succeed later."""

    why: str


Outcome = Committed | Behind | Poison | Trouble


@dataclass(frozen=True, slots=True)
class LineRow:
    id: int
    kind: str
    code: str
    number: int
    made_at: int
    ended_at: int | None
    rehearsal: bool


class Busy(Exception):
    """The inbox of the writer is full; the asker may come again."""


class Journal(Protocol):
    """What the live line needs of a storage. Reads answer from what is committed, never from what is on its way."""

    def append(self, line: int, expected: int, entries: Sequence[Entry], done: Callable[[Outcome], None]) -> None:
        """Writes a batch that was decided at number `expected`; `done` is called on the event loop, exactly once.

        Numbers are given here, gap-free per line. Raises Busy when too many batches wait.
        """

    async def after(self, line: int, number: int) -> Sequence[KeptFact]:
        """The facts of a line that come after `number`, in order, without gaps."""

    async def receipts(self, line: int) -> dict[tuple[str, str], int]:
        """All accepted asks of a line with the numbers of their receipts."""

    async def people(self, line: int) -> Sequence[PersonRow]:
        """Names and badge hashes of a line."""

    async def lines(self) -> Sequence[LineRow]:
        """All lines, the newest first."""

    async def new_line(self, kind: str, code: str, made_at: int, rehearsal: bool = False) -> LineRow:
        """Opens a line at number 0. Raises ValueError when the code is taken."""

    async def copied(self, line: int) -> int:
        """How many ideas of a line have a copy."""

    async def copy_anew(self, line: int, number: int, made: Sequence[Copy]) -> bool:
        """Puts these copies, made at `number`, in the place of all that the line has; in one transaction.

        False, and nothing is written, when the line stands at another number by now.
        """

    async def find_ideas(
        self, line: int, text: str = "", state: str | None = None, limit: int = 50, offset: int = 0
    ) -> Found:
        """Ideas of a line that hold every word of `text`, whatever its case and accents, and are in `state`."""

    async def close(self) -> None:
        """Writes what waits, checkpoints and lets the file go."""
