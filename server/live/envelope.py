"""Bytes become an ask (station 2): size, depth, keys, and nothing about any activity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from ..activities.contract import Refusal, Role
from ..storage.journal import PersonRow
from .frames import text_frame

MAX_BYTES = 65_536
MAX_DEPTH = 8
MAX_KEYS = 64
MAX_ID = 64


class Malformed(ValueError):
    """These bytes are no frame of ours; the sentence says why."""


class Receipt(NamedTuple):
    """Kept, at number N."""

    id: str
    number: int


@dataclass(frozen=True, slots=True)
class Refused:
    id: str
    refusal: Refusal


Answer = Callable[[Receipt | Refused], None]


@dataclass(slots=True)
class Asking:
    """An ask at the door of its room: who, what, when it came in, and where the answer goes.

    at: milliseconds UTC of receiving. token: makes the one-way token from the badge that the phone presents; it lives
    only as long as this object. people: names and badge hashes to keep in the same transaction.
    """

    role: Role
    person: str | None
    id: str
    stage: str | None
    do: str
    having: Any
    at: int
    answer: Answer
    token: Callable[[str, str], str] | None = None
    rtt_ms: int = 0
    people: tuple[PersonRow, ...] = ()
    #: On a path's line, the group that somebody had in their session.
    group: str | None = None


def read(text: str | bytes) -> dict[str, Any]:
    """A frame as a dict with a text `t`. Raises Malformed."""
    if len(text) > MAX_BYTES:
        raise Malformed("too long")
    try:
        frame = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise Malformed("not JSON") from error
    if not isinstance(frame, dict):
        raise Malformed("not an object")
    # So few brackets cannot nest too deep and so few colons cannot name too many keys: most frames need no walk.
    if isinstance(text, bytes) or text.count("{") + text.count("[") > MAX_DEPTH or text.count(":") > MAX_KEYS:
        measure(frame)
    return frame


def measure(value: Any, depth: int = 1) -> None:
    """Raises Malformed when an object nests deeper than 8 or holds more than 64 keys."""
    if isinstance(value, dict):
        if depth > MAX_DEPTH:
            raise Malformed("nested too deep")
        if len(value) > MAX_KEYS:
            raise Malformed("too many keys")
        for one in value.values():
            if isinstance(one, dict | list):
                measure(one, depth + 1)
    elif isinstance(value, list):
        if depth > MAX_DEPTH:
            raise Malformed("nested too deep")
        for one in value:
            if isinstance(one, dict | list):
                measure(one, depth + 1)


def parts_of_ask(frame: dict[str, Any]) -> tuple[str, str | None, str, dict[str, Any]]:
    """id, stage, do and with of an ask. Raises Malformed."""
    id, stage, do, having = frame.get("id"), frame.get("stage"), frame.get("do"), frame.get("with", {})
    if not isinstance(id, str) or not 1 <= len(id) <= MAX_ID or not id.isprintable():
        raise Malformed("an ask has an id of 1 to 64 signs")
    if stage is not None and (not isinstance(stage, str) or len(stage) > 40):
        raise Malformed("stage is a stage's id or null")
    if not isinstance(do, str) or len(do) > 60:
        raise Malformed("do is the name of an ask")
    if having is None:
        having = {}
    if not isinstance(having, dict):
        raise Malformed("with is an object")
    return id, stage, do, having


def receipt_frame(receipt: Receipt) -> bytes:
    """The frame of a receipt, the one that is sent most."""
    return text_frame(b'{"t":"receipt","id":%s,"number":%d}' % (to_json(receipt.id), receipt.number))


def write(frame: dict[str, Any]) -> bytes:
    """A frame as bytes; `t` stays the first key."""
    return to_json(frame)


def string(text: str) -> bytes:
    """A text as a JSON string."""
    return to_json(text)
