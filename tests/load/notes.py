"""What people write on the notes of the bench: as long as real notes, from the words that the shipped Italian texts use."""

import json
import random
import re
import secrets
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

_BOARDS = Path(__file__).resolve().parents[2] / "content" / "boards"
_WORD = re.compile(r"[^\W\d_]{2,}")
# Words in a note: most say one thing in a line, a few explain it.
_SHORTEST, _USUAL, _LONGEST = 3, 9, 40


@cache
def vocabulary() -> tuple[str, ...]:
    """Every word of the Italian texts of the shipped boards, as often as it stands there."""

    def said(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inside in value.items():
                if key == "it" and isinstance(inside, str):
                    yield from _WORD.findall(inside)
                else:
                    yield from said(inside)
        elif isinstance(value, list):
            for inside in value:
                yield from said(inside)

    return tuple(
        word for file in sorted(_BOARDS.glob("*.json")) for word in said(json.loads(file.read_text(encoding="utf-8")))
    )


def texts(count: int, seed: int = 1) -> list[str]:
    """That many notes, the same ones for the same seed.

    gzip packs them like the house's own Italian sentences, to three tenths, so the bytes of a board are neither too few nor too many.
    """
    chance = random.Random(seed)
    known = vocabulary()
    made = []
    for _ in range(count):
        length = min(_LONGEST, max(_SHORTEST, round(chance.expovariate(1 / _USUAL))))
        made.append(" ".join(chance.choice(known) for _ in range(length)).capitalize())
    return made


def new_id() -> str:
    """A note's id as a phone proposes it: 96 random bits, 16 signs."""
    return secrets.token_urlsafe(12)
