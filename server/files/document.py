"""What a document is to us: chapters of plain blocks, one tree from which every format is written.

Nothing here knows a format. Texts are plain: no writer may read markup out of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

# Controls, overrides of the writing direction, lone surrogates, signs for private use and what is no sign at all: XML
# forbids some, PDF/UA others, and a reader is deceived by the rest. Tab, line feed and letters of any script stay.
_NOT_FOR_READING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ue000-\uf8ff"
    "\ufdd0-\ufdef\ufeff\ufffe\uffff"
    + "".join(f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(1, 15))
    + "\U000f0000-\U0010ffff]"
)

#: Which mark a series of bars has: the whole room, a group by its place in the plan, people of no shown group.
Mark = Literal["all", "group0", "group1", "group2", "group3", "group4", "other"]


def readable(text: str) -> str:
    """The text without signs that no document may hold; line breaks as "\\n"."""
    return _NOT_FOR_READING.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text. kind: body; lead (larger, an opening sentence); small (a note on how to read something).

    language: where it is not the document's own.
    """

    text: str
    kind: Literal["body", "lead", "small"] = "body"
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list. about: where it comes from, set smaller after the text. indent: 0, or 1 under the line before."""

    text: str
    about: str = ""
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Items:
    """A bulleted list."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Details:
    """Names and what they stand for, one pair a line."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head that is repeated on every page.

    caption: what the table shows. numbers: columns (from 0) set to the right. widths: relative, one per column; equal
    ones where left out.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing that was counted. letter: as on the screens. right: what the quiz said was right.

    values: one per series, (per cent of the axis 0 to 100, the same as words); None where it was not counted.
    """

    label: str
    values: tuple[tuple[float, str] | None, ...]
    letter: str = ""
    right: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars from 0. caption: what is counted. series: (name, mark). alt: the whole chart in sentences.

    labels: the head of the column of labels, where the chart is written as a table. right_word: said beside what is right.
    """

    caption: str
    labels: str
    series: tuple[tuple[str, Mark], ...]
    bars: tuple[Bar, ...]
    alt: str
    right_word: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing. svg: without links or scripts, texts escaped. alt: what it shows. size: (width, height) in its units."""

    svg: str
    alt: str
    caption: str
    size: tuple[float, float]


Block = Paragraph | Items | Details | Table | Chart | Picture


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading, its blocks, and chapters within it. apart: begins on a new page."""

    title: str
    blocks: tuple[Block, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    apart: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """title, subtitle, about (details) and credits make the cover. at: ms UTC, written as the time of making.

    said: the few words that writers need themselves: `contents`, `page` (with {n} and {of}), `unshown` (a sentence for
    signs that no font has), `right` (said of a bar).
    """

    title: str
    subtitle: str
    language: str
    about: tuple[tuple[str, str], ...]
    credits: tuple[str, ...]
    author: str
    at: int
    chapters: tuple[Chapter, ...]
    said: Mapping[str, str] = field(default_factory=dict)


def every_chapter(chapters: tuple[Chapter, ...], level: int = 1) -> Iterator[tuple[int, Chapter]]:
    """(level, chapter) in reading order; level from 1."""
    for chapter in chapters:
        yield level, chapter
        yield from every_chapter(chapter.chapters, level + 1)
