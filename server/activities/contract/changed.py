"""The same state with some fields changed, quickly: every kept answer makes three such copies, twice."""

from __future__ import annotations

from typing import Any, TypeVar

State = TypeVar("State")


def changed(state: State, **fields: Any) -> State:
    """`dataclasses.replace` for a dataclass without slots and without `__post_init__`.

    Seven times as fast, because nothing is looked up and nothing is checked; a misspelt field would be kept, so a test
    holds every state that is copied this way against its own field names.
    """
    copy = object.__new__(type(state))
    copy.__dict__.update(state.__dict__, **fields)
    return copy
