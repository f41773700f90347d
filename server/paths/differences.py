"""What changed between two versions of an idea, field by field and word by word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any, Literal

from ..activities.contract.idea.fields import LEAVES, blank, described
from .layout import Laid, read

#: ("same" | "ins" | "del", words).
Piece = tuple[Literal["same", "ins", "del"], str]
_TOKENS = re.compile(r"\s+|\w+|[^\w\s]")
#: Texts above this many tokens are compared line by line: comparing words takes time with the square of their number.
MANY = 3_000


def words_changed(before: str, after: str) -> list[Piece]:
    """The two texts as one, with what went and what came; whole when put together again."""
    if before == after:
        return [("same", after)] if after else []
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    if len(old) + len(new) > MANY:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    pieces: list[Piece] = []
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            pieces.append(("same", "".join(old[a:b])))
            continue
        if a < b:
            pieces.append(("del", "".join(old[a:b])))
        if c < d:
            pieces.append(("ins", "".join(new[c:d])))
    return _joined(pieces)


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Changes with nothing but a blank between them as one change, so that a rewritten sentence reads as two."""
    found: list[Piece] = []
    gone, come = "", ""
    for nth, (what, text) in enumerate(pieces):
        between = what == "same" and text.isspace() and (gone or come) and nth + 1 < len(pieces)
        if what == "del" or between:
            gone += text
        if what == "ins" or between:
            come += text
        if what == "same" and not between:
            found += [("del", gone)] if gone else []
            found += [("ins", come)] if come else []
            gone, come = "", ""
            found.append(("same", text))
    found += [("del", gone)] if gone else []
    found += [("ins", come)] if come else []
    return found


def differences(laid: Laid, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each leaf that differs: [{"path","name","what": "new"|"gone"|"changed","lines": [{"name"?,"language"?,"pieces"}]}].

    before, after: leaves of two versions. The form's order; the rows of a list in theirs.
    """
    order = {entry["path"]: nth for nth, entry in enumerate(described())}
    entries = {entry["path"]: entry for entry in described()}
    found = []
    for path in sorted(dict.fromkeys([*before, *after]), key=lambda one: order[one.partition("/")[0]]):
        old, new = before.get(path), after.get(path)
        if old == new or (blank(old) and blank(new)):
            continue
        name = path.partition("/")[0]
        entry = entries[name]
        row = {**entry, "kind": "part"} if "/" in path else entry
        lines = []
        for line in _lines(laid, row, old, new):
            pieces = words_changed(line.pop("before"), line.pop("after"))
            if any(what != "same" for what, _ in pieces):
                lines.append({**line, "pieces": pieces})
        parts = name.split(".")
        called = laid.words(f"field.{parts[-1]}") if name in LEAVES else name
        if len(parts) > 1:
            called = f"{laid.words(f'field.{parts[-2]}')}: {called}"
        what = "new" if blank(old) else "gone" if blank(new) else "changed"
        if lines:
            found.append({"path": path, "name": called, "what": what, "lines": lines})
    return found


def _lines(laid: Laid, entry: Mapping[str, Any], old: Any, new: Any, name: str = "") -> list[dict[str, Any]]:
    """The texts to compare of one value: {"name"?,"language"?,"before","after"}."""
    if entry["kind"] == "text":
        spoken = dict.fromkeys([*(old or {}), *(new or {})])
        return [
            {"name": name, "language": one, "before": (old or {}).get(one, ""), "after": (new or {}).get(one, "")}
            for one in spoken
        ]
    if entry["kind"] == "part" and entry.get("row"):
        found = []
        for inner in entry["row"]:
            a, b = (old or {}).get(inner["path"]), (new or {}).get(inner["path"])
            if a != b:
                found += _lines(laid, inner, a, b, laid.name(inner["path"]))
        return found
    if entry["kind"] == "rows":
        before = {row["uid"]: row for row in old or ()}
        after = {row["uid"]: row for row in new or ()}
        found = []
        for uid in dict.fromkeys([*before, *after]):
            if before.get(uid) != after.get(uid):
                found += _lines(laid, {**entry, "kind": "part"}, before.get(uid), after.get(uid))
        return [{**line, "name": f"{name}: {line['name']}"} for line in found]
    return [{"name": name, "before": flat(read(laid, entry, old)), "after": flat(read(laid, entry, new))}]


def flat(shown: Mapping[str, Any] | None) -> str:
    """A value as it is read, in one text."""
    if shown is None:
        return ""
    if shown["as"] == "text":
        return str(shown["text"])
    if shown["as"] == "link":
        return str(shown["url"])
    if shown["as"] == "list":
        return ", ".join(flat(one) for one in shown["items"])
    parts = [str(shown["called"])] if shown["called"] else []
    return "; ".join([*parts, *(f"{one['name']}: {flat(one['value'])}" for one in shown["fields"])])
