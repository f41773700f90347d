"""How an idea lives: one table of moves, which nothing else in the house repeats (DOMAIN 10)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from .codes import IdeaState

Who = Literal["editors", "desk"]
Guard = Literal[
    "none", "card_complete", "publishable", "office", "answer", "accepted", "withdrawal", "merged_into", "successor"
]


class Move(NamedTuple):
    """was, to: states. who: `editors` are those who may edit the idea, the desk included. guard: what must hold.

    freezes: the text becomes a version of its own.
    """

    was: IdeaState
    to: IdeaState
    who: Who
    guard: Guard = "none"
    freezes: bool = False


#: Text may be edited in these.
OPEN: tuple[IdeaState, ...] = ("seed", "draft")
#: Endorsements are taken in these; the text stands still.
ENDORSED: tuple[IdeaState, ...] = ("review", "published", "submitted")
#: Nothing leads out of these.
ENDED: tuple[IdeaState, ...] = ("merged", "withdrawn", "superseded")
#: The idea left the room: its version never changes again.
PUBLIC: tuple[IdeaState, ...] = ("published", "submitted", "answered", "implementing", "closed")
_BEFORE: tuple[IdeaState, ...] = ("seed", "draft", "review")

MOVES: tuple[Move, ...] = (
    Move("seed", "draft", "editors"),
    Move("draft", "review", "desk", "card_complete", freezes=True),
    Move("review", "draft", "desk"),
    Move("review", "published", "desk", "publishable"),
    Move("published", "submitted", "desk", "office"),
    Move("submitted", "answered", "desk", "answer"),
    Move("answered", "answered", "desk", "answer"),
    Move("answered", "implementing", "desk", "accepted"),
    Move("answered", "closed", "desk"),
    Move("implementing", "closed", "desk"),
    *(Move(was, "parked", "desk") for was in _BEFORE),
    Move("parked", "draft", "desk"),
    *(Move(was, "merged", "desk", "merged_into") for was in (*_BEFORE, "parked")),
    *(Move(was, "superseded", "desk", "successor") for was in PUBLIC),
    *(Move(was, "withdrawn", "desk", "withdrawal") for was in get_args(IdeaState) if was not in ENDED),
)

_BY_ENDS: Mapping[tuple[str, str], Move] = MappingProxyType({(move.was, move.to): move for move in MOVES})


def move_between(was: str, to: str) -> Move | None:
    """The move between two states, or None where there is none."""
    return _BY_ENDS.get((was, to))


def moves_from(was: str) -> tuple[Move, ...]:
    return tuple(move for move in MOVES if move.was == was)
