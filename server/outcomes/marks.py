"""Finds the fields of a fact that are marked as a person's own words or as personal, however deep they lie."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ..activities.contract import AFact, Marked, Text

#: What stands in place of an erased text where a field takes neither null nor an empty one.
MARKER = "[cancellato]"

Change = Callable[[Any, bool, Any], Any]
What = Literal["free_text", "personal"]


def texts(kind: type[AFact], body: dict[str, Any]) -> set[str]:
    """All non-empty marked texts of a fact."""
    found: set[str] = set()

    def note(annotation: Any, nullable: bool, value: Any) -> Any:
        if isinstance(value, str) and value:
            found.add(value)
        return value

    changed(kind, body, note)
    return found


def holds(kind: type[BaseModel], what: What) -> bool:
    """Whether a message has a field with this mark."""
    return any(_holds([field.annotation, *field.metadata], what) for field in kind.model_fields.values())


def _holds(parts: Iterable[Any], what: What) -> bool:
    for part in parts:
        if _is_mark(part, what) or _holds(get_args(part), what):
            return True
        if isinstance(part, type) and issubclass(part, BaseModel) and holds(part, what):
            return True
    return False


def erased(kind: type[AFact], body: dict[str, Any], only: What | None = None) -> str:
    """The fact as JSON with its marked fields emptied: null where the field takes it, else the emptiest valid value.

    Empty rather than a word of ours, because words on a wall and lists of typed answers count what people wrote; the
    rules pass over what is empty. only: leaves fields with another mark as they are. Raises ValueError when the fact
    cannot be emptied and still be read.
    """
    for marker in ("", MARKER):
        try:
            return kind.model_validate(changed(kind, body, partial(empty, marker), only)).model_dump_json()
        except ValidationError:
            continue
    raise ValueError(f"a fact of kind {kind.kind} cannot be emptied")


def without(kind: type[AFact], body: dict[str, Any], gone: set[str]) -> str:
    """The fact as JSON without those marked texts that are in `gone`.

    Where the fact joins a text that goes with one that stays (a merge `into` another), the one that stays takes both
    places, so that the fact joins nothing any more.
    """
    staying = sorted(texts(kind, body) - gone) if "into" in kind.model_fields else []

    def replace(annotation: Any, nullable: bool, value: Any) -> Any:
        if value not in gone:
            return value
        return staying[0] if staying else empty("", annotation, nullable, value)

    return kind.model_validate(changed(kind, body, replace)).model_dump_json()


def empty(marker: str, annotation: Any, nullable: bool, value: Any) -> Any:
    """The emptiest value of a field."""
    if value is None or nullable:
        return None
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    if isinstance(value, str):
        return marker
    return type(value)()


def changed(kind: type[BaseModel], body: dict[str, Any], change: Change, only: What | None = None) -> dict[str, Any]:
    """A copy of a message's JSON in which each marked value is what `change(annotation, nullable, value)` returns."""
    copy = dict(body)
    for name, field in kind.model_fields.items():
        for key in {name, field.alias or name, field.serialization_alias or name}:
            if key in copy:
                marked = any(_is_mark(one, only) for one in field.metadata)
                copy[key] = _walk(field.annotation, copy[key], change, only, marked, False)
    return copy


def _is_mark(part: Any, only: What | None) -> bool:
    return isinstance(part, Marked) and only in (None, part.what)


def _walk(annotation: Any, value: Any, change: Change, only: What | None, marked: bool, nullable: bool) -> Any:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        return _walk(inner, value, change, only, marked or any(_is_mark(one, only) for one in metadata), nullable)
    if origin in (Union, types.UnionType):
        arms = get_args(annotation)
        for arm in arms:
            if arm is not type(None) and value is not None:
                value = _walk(arm, value, change, only, marked, type(None) in arms)
        return value
    if marked:
        if isinstance(value, dict) and annotation is Text:
            # Its languages stay, so that it is still a text.
            return {language: change(str, False, words) for language, words in value.items()}
        return change(annotation, nullable, value)
    inner = get_args(annotation)
    if isinstance(value, list) and origin is tuple and ... not in inner and len(inner) == len(value):
        return [_walk(part, one, change, only, False, False) for part, one in zip(inner, value, strict=True)]
    if isinstance(value, list) and origin in (list, tuple, set, frozenset) and inner:
        return [_walk(inner[0], one, change, only, False, False) for one in value]
    if isinstance(value, dict):
        if origin is dict and len(inner) == 2:
            return {key: _walk(inner[1], one, change, only, False, False) for key, one in value.items()}
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return changed(annotation, value, change, only)
    return value
