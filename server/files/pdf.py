"""Writes a document as PDF/UA-1: tagged, with its language, title, bookmarks, alternative texts and marked head rows.

Typst sets the pages. It gets texts as one JSON and never as markup, reads nothing but its template and its fonts, and
asks the network for nothing.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from ..drawing import shipped
from .document import Block, Chapter, Document, readable

#: A word that is longer gets places where a line may break: nothing else would stop it at the edge of the paper.
LONGEST_WORD = 24
#: Signs that no font has are looked for one by one up to here; then all unusual signs are taken as missing.
MOST_MISSING = 64
MISSING = "\ufffd"
BREAK = "\u200b"

_LONG = re.compile(rf"[^\s{BREAK}]{{{LONGEST_WORD},}}")
# What the two fonts that always travel along are known to have.
_USUAL = (
    "\t\n\x20-\x7e\xa0-\u017f\u2010-\u2015\u2018-\u201e\u2020-\u2022\u2026\u20ac\u2122\u2192\u2212\u2713\u200b\ufffd"
)
_ADDED = "(?:[\u0300-\u036f\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]|\u200d.)"
# One sign as a reader sees it: flags, a base with what is set over it or changes its look, and what a joiner adds.
_UNUSUAL = re.compile(f"[\U0001f1e6-\U0001f1ff]{{2}}|[{_USUAL}]{_ADDED}+|[^{_USUAL}]{_ADDED}*")
_ONE_AT_A_TIME = threading.Lock()


def pdf(document: Document) -> bytes:
    """The document as PDF/UA-1. The same document gives the same bytes with the same fonts.

    A sign that no font of this computer has becomes "\ufffd", and the cover then says so. Raises
    RuntimeError where typst refuses what our template made.
    """
    return typeset("report.typ", _plain(document) | {"lost": False}, document.at)


def typeset(template: str, data: dict[str, Any], at: int) -> bytes:
    """One of our templates with its data, as PDF/UA-1. at: milliseconds UTC that the file bears, 0 for none.

    data: as `cleaned` leaves it; where it has a "lost", that becomes true when a sign had to be replaced.
    """
    import typst

    how = {"format": "pdf", "pdf_standards": ["ua-1"]}
    text, lost = _shown(json.dumps(data, ensure_ascii=False))
    if lost and "lost" in data:
        text = json.dumps(json.loads(text) | {"lost": True}, ensure_ascii=False)
    try:
        found: bytes = _compiled(_template(template), text, at, **how)
    except typst.TypstError:
        # Signs that can be set one by one and not side by side: rather a file without them than none.
        whole = json.loads(_UNUSUAL.sub(MISSING, text))
        text = json.dumps(whole | ({"lost": True} if "lost" in data else {}), ensure_ascii=False)
        found = _compiled(_template(template), text, at, **how)
    return found


def cleaned(value: Any, key: str = "") -> Any:
    """Readable texts, with places where a very long word may break; alternative texts and drawings as they are."""
    if isinstance(value, str):
        # An alternative text is read out and never set in lines.
        return readable(value) if key in ("alt", "svg") else _LONG.sub(_breakable, readable(value))
    if isinstance(value, dict):
        return {name: cleaned(one, name) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(one, key) for one in value]
    return value


def png(svg: str, width: float, height: float, pixels: int) -> bytes:
    """A drawing of ours as a picture of `pixels` width, for programs that cannot draw one themselves."""
    data, _ = _shown(json.dumps({"svg": svg, "width": width, "height": height}, ensure_ascii=False))
    found: bytes = _compiled(_template("picture.typ"), data, 0, format="png", ppi=72 * pixels / width)
    return found


def _plain(document: Document) -> dict[str, Any]:
    chapters = [_chapter(one) for one in document.chapters]
    return cleaned(asdict(document) | {"title": _heading(document.title), "chapters": chapters})  # type: ignore[no-any-return]


def _chapter(chapter: Chapter) -> dict[str, Any]:
    return {
        "title": _heading(chapter.title),
        "language": chapter.language,
        "apart": chapter.apart,
        "blocks": [_block(one) for one in chapter.blocks],
        "chapters": [_chapter(one) for one in chapter.chapters],
    }


def _heading(title: str) -> str:
    """The standard wants a title that is not empty, also where somebody typed nothing that can be read."""
    return title if readable(title).strip() else MISSING


def _block(block: Block) -> dict[str, Any]:
    return asdict(block) | {"block": type(block).__name__.lower()}


def _breakable(found: re.Match[str]) -> str:
    word = found[0]
    parts = [word[at : at + 6] for at in range(0, len(word), 6)]
    # A mark or a joiner belongs to the sign before it.
    return "".join(part if not at or _belongs(part[0]) else BREAK + part for at, part in enumerate(parts))


def _belongs(sign: str) -> bool:
    return bool(re.match("[\u0300-\u036f\u200c\u200d\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]", sign))


def _shown(data: str) -> tuple[str, bool]:
    """The JSON with every sign that no font has replaced, and whether there was one.

    Typst refuses to write PDF/UA with such a sign. None of them means anything in JSON, so it may be replaced in it.
    """
    unusual = sorted({found[0] for found in _UNUSUAL.finditer(data)})
    missing = set(_missing(unusual))
    if not missing:
        return data, False
    usual = re.compile(f"[{_USUAL}]")
    return _UNUSUAL.sub(
        lambda found: (found[0][0] if usual.match(found[0]) else MISSING) if found[0] in missing else found[0],
        data,
    ), True


def _missing(signs: list[str]) -> Iterable[str]:
    """Which of these signs typst cannot set: halved until the culprits stand alone."""
    left = [signs] if signs else []
    tries = 0
    while left:
        some = left.pop()
        if tries > MOST_MISSING * 4:
            yield from some
            continue
        tries += 1
        if _can_be_set(some):
            continue
        if len(some) == 1:
            yield from some
            continue
        left += [some[: len(some) // 2], some[len(some) // 2 :]]


def _can_be_set(signs: list[str]) -> bool:
    import typst

    try:
        _compiled(_template("signs.typ"), json.dumps({"signs": signs}), 0, format="pdf", pdf_standards=["ua-1"])
    except typst.TypstError:
        return False
    return True


def _compiled(template: bytes, data: str, at: int, **how: Any) -> Any:
    with _ONE_AT_A_TIME:
        return _compiler().compile(template, sys_inputs={"data": data}, timestamp=at // 1000, root=_folder(), **how)


@cache
def _compiler() -> Any:
    # 80 MB and a tenth of a second that only an export needs.
    import typst

    fonts = typst.Fonts(include_system_fonts=True, include_embedded_fonts=True, font_paths=[_folder() / "fonts"])
    return typst.Compiler(root=_folder(), font_paths=fonts)


def _folder() -> Path:
    return shipped("content") / "reports"


@cache
def _template(name: str) -> bytes:
    return (_folder() / name).read_bytes()
