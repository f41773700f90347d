"""Session codes: 27 signs without vowels, 0, 1, L, Y; six while few rooms are live, seven above five."""

from __future__ import annotations

from ..moment import draw

SIGNS = "BCDFGHJKMNPQRSTVWXZ23456789"
FEW_ROOMS = 5


def new_code(live_rooms: int) -> str:
    """A code from the system's own source of chance; whoever stores it checks that it is free."""
    return "".join(SIGNS[draw(len(SIGNS))] for _ in range(6 if live_rooms <= FEW_ROOMS else 7))


def normal(typed: str) -> str:
    """A code as a person may type it (any case, spaces, hyphens) in the form it is stored."""
    return "".join(sign for sign in typed.upper() if sign.isalnum())[:12]


def in_blocks(code: str) -> str:
    """`RM4K7T` as `RM4 K7T`, as it is read out and shown."""
    return f"{code[:3]} {code[3:]}"
