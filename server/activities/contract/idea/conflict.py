"""What becomes of a value that two people changed at once: joined, kept beside, or refused; never overwritten."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from ..merge import merge
from .fields import bare
from .model import LINE, LONGEST, Line, LText, Money, Row, Words


class ChangedSince(Exception):
    """Both changed a value that cannot be joined by words."""


class TwoWordings(Exception):
    """Both changed the same words; both texts are kept. `mine` is the whole value as its author wanted it."""

    def __init__(self, mine: Any) -> None:
        super().__init__()
        self.mine = mine


def joined(annotation: Any, base: Any, current: Any, mine: Any, longest: int = LONGEST) -> tuple[Any, bool]:
    """The value that keeps both changes, and whether words of both had to be merged.

    base: the value that the author of `mine` saw, None for nothing; current: the value now. A language that `mine`
    leaves out stays as it is, an empty one goes; a field that a row leaves out goes. Raises ChangedSince where both
    changed a value that is no text, and TwoWordings where only the words cannot be joined.
    """
    seen = _Seen(longest)
    value = seen.value(annotation, base, current, mine)
    if seen.apart:
        raise TwoWordings(_Seen(longest).value(annotation, base, base, mine))
    return value, seen.merged


class _Seen:
    """One comparison: whether words were merged, and whether some could not be."""

    def __init__(self, longest: int) -> None:
        self.longest, self.merged, self.apart = longest, False, False

    def value(self, annotation: Any, base: Any, current: Any, mine: Any) -> Any:
        annotation = bare(annotation)
        if annotation == LText:
            return self._text(base or {}, current or {}, mine)
        if mine is None or (current is None and base is not None):
            return self._whole(base, current, mine)
        plain = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
        if plain is not Money and isinstance(plain, type) and issubclass(plain, BaseModel):
            return self._part(plain, base or {}, current or {}, mine)
        if annotation in (Words, Line):
            return self._words(base, current, mine, LINE if annotation == Line else LONGEST)
        inner = get_args(plain)[0] if get_origin(plain) is list else None
        if isinstance(inner, type) and issubclass(inner, Row):
            return self._rows(inner, base or [], current or [], mine)
        return self._whole(base, current, mine)

    def _whole(self, base: Any, current: Any, mine: Any) -> Any:
        if mine == current or current == base:
            return mine
        if mine == base:
            return current
        raise ChangedSince

    def _words(self, base: str | None, current: str | None, mine: str | None, longest: int) -> str | None:
        if mine == current or current == base:
            return mine
        if mine == base:
            return current
        if not mine or not current:
            # Taking words away while somebody changes them is two wishes, not one text.
            raise ChangedSince
        both = merge(base or "", current, mine, min(longest, self.longest))
        if both is None:
            self.apart = True
            return current
        self.merged = True
        return both

    def _text(self, base: Mapping[str, str], current: Mapping[str, str], mine: Mapping[str, str] | None) -> Any:
        if mine is None:
            mine = dict.fromkeys(base, "")
        languages = dict.fromkeys([*current, *mine])
        found = {
            language: self._words(
                base.get(language) or None,
                current.get(language) or None,
                (mine[language] if language in mine else base.get(language)) or None,
                self.longest,
            )
            for language in languages
        }
        return {language: words for language, words in found.items() if words} or None

    def _part(
        self, kind: type[BaseModel], base: Mapping[str, Any], current: Mapping[str, Any], mine: Mapping[str, Any]
    ) -> dict[str, Any]:
        found = {}
        for name, field in kind.model_fields.items():
            if name in current or name in mine:
                whole = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
                found[name] = self.value(whole, base.get(name), current.get(name), mine.get(name))
        return {name: value for name, value in found.items() if value is not None}

    def _rows(self, kind: type[Row], base: list[Any], current: list[Any], mine: list[Any]) -> list[Any] | None:
        old, now, new = ({row["uid"]: row for row in rows} for rows in (base, current, mine))
        found = [self.value(kind, old.get(uid), now.get(uid), new.get(uid)) for uid in dict.fromkeys([*now, *new])]
        return [row for row in found if row is not None]


def settled(annotation: Any, mine: Any) -> Any:
    """A value that nobody else has touched, without its empty texts; None for nothing."""
    return None if mine is None else joined(annotation, None, None, mine)[0]


def is_text(annotation: Any) -> bool:
    """Whether a value of this type may hold words, and so be kept in two wordings."""
    annotation = bare(annotation)
    if annotation in (LText, Words, Line):
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return any(is_text(field.annotation) for field in annotation.model_fields.values())
    return get_origin(annotation) in (Union, types.UnionType) and any(is_text(arm) for arm in get_args(annotation))
