"""Writes chapters as Markdown. A text that people typed means nothing in it."""

from __future__ import annotations

import re

from .document import Block, Chapter, Chart, Details, Items, Paragraph, Picture, Table, every_chapter, readable

_MEANING = re.compile(r"([\\`*_{}\[\]#|~!$^])")
_AT_THE_START = re.compile(r"^(\s*)([-+]|\d+[.)])(?=\s|$)")


def plain(text: str) -> str:
    """One line of text in which no sign means anything to Markdown or to HTML."""
    line = " ".join(readable(text).split())
    line = _MEANING.sub(r"\\\1", line).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _AT_THE_START.sub(r"\1\\\2", line)


def table(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    lines = [head, ("---",) * len(head)]
    return "\n".join(
        f"| {' | '.join(cell if line is lines[1] else plain(cell) for cell in line)} |" for line in [*lines, *rows]
    )


def markdown(chapters: tuple[Chapter, ...]) -> str:
    """The chapters with their headings from level 1 on; a drawing is told by its alternative text."""
    parts: list[str] = []
    for level, chapter in every_chapter(chapters):
        parts.append(f"{'#' * min(level, 6)} {plain(chapter.title)}")
        parts += [_block(block) for block in chapter.blocks]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return plain(block.text)
        case Items():
            return "\n".join(
                f"{'  ' * item.indent}- {plain(f'{item.text} {item.about}' if item.about else item.text)}"
                for item in block.items
            )
        case Details():
            return "\n".join(f"- **{plain(name)}**: {plain(value)}" for name, value in block.rows)
        case Table():
            caption = f"{plain(block.caption)}\n\n" if block.caption else ""
            return caption + table(block.head, block.rows)
        case Chart() | Picture():
            return plain(block.alt)
