"""The rules of a seating: asked for, found off the line, checked, moved by hand, published; round after round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contract import AnAsk, Level
from . import matching
from .deciding import decide
from .evolving import TAKES, evolve, opened
from .leading import lead, rehearse
from .messages import Setup
from .shown import answered, in_room, mine, moves, outcomes, view
from .state import Asked, State, asking, seated, worked_on

#: The room retells `opened` whenever people join, leave, sit down or are removed.
FOLLOWS_PEOPLE = True


def start(setup: Setup, level: Level = "pseudonym") -> State:
    return State(setup, level, tables=setup.each(), weights=setup.weights)


def scope(state: State, ask: AnAsk) -> str | None:
    """None: a seat is a person's, so nothing here is kept under a token."""
    return None


def due(state: State) -> tuple[str, ...]:
    """The key of the search that waits, "seating:<digest>:<number>": of the room as it is now, so that somebody who
    comes while it runs makes it another one, which begins by itself."""
    if state.asked is None:
        return ()
    try:
        found = matching.digest(asking(state, state.asked))
    except matching.Unusable:
        return ()
    return (f"seating:{found}:{state.asked.number}",)


def snapshot(state: State, key: str) -> dict[str, Any]:
    """The input of the search, MATCHING 8. Raises KeyError for a key that is not due."""
    if state.asked is None or key not in due(state):
        raise KeyError(key)
    return asking(state, state.asked)


def seats(state: State) -> Mapping[str, str]:
    """{person: label of a table} as the room should sit in this round; empty until its seating is published.

    Read by the room after each fact with `seats = True`: whoever sits elsewhere is seated by the session, in one batch.
    """
    return seated(state)


__all__ = [
    "FOLLOWS_PEOPLE",
    "TAKES",
    "Asked",
    "State",
    "answered",
    "asking",
    "decide",
    "due",
    "evolve",
    "in_room",
    "lead",
    "mine",
    "moves",
    "opened",
    "outcomes",
    "rehearse",
    "scope",
    "seats",
    "snapshot",
    "start",
    "view",
    "worked_on",
]
