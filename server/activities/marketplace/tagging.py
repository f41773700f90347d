"""Offers and needs as tags that meet whatever the language: what one calls "valutazione" another may have as "evaluation"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..contract import Text
from .state import State, Tags, kept, stall_organisation, standing

#: Signs of a tag that the pairing takes.
LONGEST = 80


def same(tag: str) -> str:
    """Two ways to write a tag that mean one: capitals and spaces do not count."""
    return " ".join(tag.casefold().split())[:LONGEST]


@dataclass(slots=True)
class Tagging:
    """by_key: {a tag in any language: the key it goes by}; texts: {key: the tag in all its languages}."""

    by_key: dict[str, str] = field(default_factory=dict)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)

    def learn(self, tag: Mapping[str, str]) -> None:
        keys = [key for key in (same(words) for words in tag.values()) if key]
        if not keys:
            return
        known = next((self.by_key[key] for key in keys if key in self.by_key), keys[0])
        for key in keys:
            self.by_key.setdefault(key, known)
        text = self.texts.setdefault(known, {})
        for language, words in tag.items():
            if words.strip():
                text.setdefault(language, " ".join(words.split()))

    def key(self, tag: Mapping[str, str]) -> str | None:
        return next((self.by_key[key] for key in map(same, tag.values()) if key in self.by_key), None)

    def keys(self, tags: Iterable[Mapping[str, str]]) -> list[str]:
        return list(dict.fromkeys(key for key in map(self.key, tags) if key))

    def text(self, key: str) -> Text:
        return Text(self.texts.get(key) or {"it": key})


def tagging(state: State) -> Tagging:
    """The tags of this marketplace. Those of practices come first, because they may stand in several languages."""

    def make() -> Tagging:
        found = Tagging()
        known: Mapping[str, str]
        for stall in standing(state):
            for known in (*(stall.card.offers or ()), *(stall.card.needs or ()), *(stall.card.conditions or ())):
                found.learn(known)
        for said in state.tags.values():
            for known in (*said.offers, *said.needs):
                found.learn(known)
        return found

    return kept(state, "tagging", (state.stalls, state.tags), make)


def tags_of(state: State, organisation: str) -> Tags:
    """What its members said last; until they say something, what its practices offer and need."""
    said = state.tags.get(organisation)
    if said is not None:
        return said
    cards = [stall.card for stall in standing(state) if stall_organisation(stall) == organisation]
    return Tags(
        offers=tuple(tag for card in cards for tag in card.offers or ()),
        needs=tuple(tag for card in cards for tag in card.needs or ()),
    )


def offered_by(state: State, organisation: str) -> list[str]:
    """Keys of the tags."""
    return tagging(state).keys(tags_of(state, organisation).offers)


def asked_for(state: State, organisation: str) -> list[str]:
    return tagging(state).keys(tags_of(state, organisation).needs)


def texts(state: State, keys: Iterable[str]) -> list[Text]:
    known = tagging(state)
    return [known.text(key) for key in keys]
