"""What people left behind an idea, summed up: notes, tables, votes (DOMAIN 11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..small_cells import OTHER, fold
from .model import Source


def provenance(sources: Iterable[Source], sizes: Mapping[str, int]) -> dict[str, Any]:
    """{"notes", "sources", "stages", "tables", "by_group"?: {group: notes}, "rounds"?: {round: {"total","by_group"}}}.

    sizes: people per group in the session. by_group tells whose notes they are, only where the small-cell rule over
    these people shows a split; small groups and notes without one are "other". Dots by group come from a board's
    closed count, which the same rule has folded already.
    """
    sources = list(sources)
    notes = {one.note: one for one in sources if one.note is not None}
    found: dict[str, Any] = {
        "notes": len(notes),
        "sources": len(sources),
        "stages": sorted({one.stage for one in sources if one.stage}),
        "tables": sorted({one.table for one in sources if one.table}),
    }
    people: dict[str | None, int] = dict(sizes.items())
    shown = fold(people)
    if shown and notes:
        counts = dict.fromkeys(shown.values(), 0)
        for one in notes.values():
            group = shown.get(one.own_group, OTHER)
            counts[group] = counts.get(group, 0) + 1
        found["by_group"] = dict(sorted(counts.items(), key=lambda pair: (pair[0] == OTHER, pair[0])))
    rounds: dict[str, dict[str, Any]] = {}
    for one in notes.values():
        for name, dots in (one.votes or {}).items():
            row = rounds.setdefault(name, {"total": 0, "by_group": {}})
            row["total"] += dots.total
            for group, n in dots.by_group.items():
                row["by_group"][group] = row["by_group"].get(group, 0) + n
    if rounds:
        found["rounds"] = rounds
    return found
