"""The state of a session made anew from its facts, beside the live room and without touching it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..live.room import Folded

if TYPE_CHECKING:
    from ..live.room import Room
    from ..storage.journal import KeptFact


def rehearsal_people(facts: Iterable[KeptFact]) -> frozenset[str]:
    """Everybody who joined for a rehearsal, removed since or not."""
    return frozenset(
        fact.person
        for fact in facts
        if fact.stage is None and fact.kind == "person_joined" and fact.person and '"rehearsal":true' in fact.body
    )


def folded_anew(room: Room, facts: Iterable[KeptFact], passed_over: frozenset[str]) -> Folded:
    """The facts folded by the room's own rules; what `passed_over` answered counts nowhere. Made for a thread."""
    folded = Folded(passed_over=passed_over)
    for fact in facts:
        folded = room.evolve(folded, fact)
    return folded
