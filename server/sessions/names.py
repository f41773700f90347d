"""Names in the room: generated ones in two words, and the tidying of those that people type."""

from __future__ import annotations

import tomllib
import unicodedata
from functools import cache
from typing import Any

from ..activities.contract import clean
from ..drawing import shipped
from ..moment import draw

LONGEST = 40


@cache
def _lists(language: str) -> dict[str, Any]:
    language = language if language in ("it", "en") else "en"
    return tomllib.loads((shipped("content") / "names" / f"names.{language}.toml").read_text("utf-8"))


def generated(language: str, taken: set[str] = frozenset()) -> str:  # type: ignore[assignment]
    """A name such as "Airone Verde" or "Green Heron" that nobody in the room has; numbered when all are taken."""
    lists = _lists(language)
    for _ in range(60):
        noun = lists["nouns"][draw(len(lists["nouns"]))]
        adjective = lists["adjectives"][draw(len(lists["adjectives"]))]
        form = adjective.get(noun.get("gender", ""), adjective.get("word"))
        name = str(lists["pattern"].format(noun=noun["word"], adjective=form))
        if name not in taken:
            return name
    return f"{name} {len(taken) + 1}"


def tidy(typed: str) -> str:
    """A typed name in one line, without control signs, at most 40 characters."""
    return " ".join(clean(unicodedata.normalize("NFC", typed)).split())[:LONGEST]


def _folded(text: str) -> list[str]:
    leet = str.maketrans("013457$@", "oieastsa")
    plain = unicodedata.normalize("NFKD", text.casefold().translate(leet))
    letters = "".join(sign if sign.isalnum() else " " for sign in plain if not unicodedata.combining(sign))
    return letters.split()


@cache
def _flagged() -> frozenset[str]:
    lists = tomllib.loads((shipped("content") / "names" / "flagged.toml").read_text("utf-8"))
    words: set[str] = set()
    for value in lists.values():
        for word in value if isinstance(value, list) else value.get("words", []):
            words.update(_folded(word))
    return frozenset(words)


def is_flagged(name: str) -> bool:
    """Whether a typed name holds a word that a facilitator should see before anybody else does."""
    return any(word in _flagged() for word in _folded(name))
