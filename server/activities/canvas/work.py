"""What the desk may look up about a board, off the line: notes that say nearly the same, what a restore would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from rapidfuzz import fuzz, process, utils

from . import rules

#: Of 100; below it two notes are two thoughts. Pairs shown at most, and notes compared at most: n notes are n² / 2 pairs.
ALIKE, PAIRS, NOTES = 82, 40, 500


def similar(state: rules.State, of: str | None = None) -> list[dict[str, Any]]:
    """[{"a","b","score"}] of notes everybody sees, in zones of one title, not in one group yet; the likest first.

    score: 0-100, by words in any order (rapidfuzz token_set_ratio). A suggestion only: people group.
    """
    seen = rules.view(state, "wall")
    zones = {key: (zone["role"], zone.get("table")) for key, zone in seen["zones"].items()}
    by_place: dict[Any, list[str]] = {}
    for id, note in list(seen["notes"].items())[-NOTES:]:
        if "variant_of" not in note:
            by_place.setdefault(zones[note["zone"]], []).append(id)
    pairs = []
    for ids in by_place.values():
        texts = [utils.default_process(seen["notes"][id]["text"]) for id in ids]
        for i, a in enumerate(ids):
            group = seen["notes"][a].get("group")
            later = {id: text for id, text in zip(ids[i + 1 :], texts[i + 1 :], strict=True) if text}
            if not texts[i]:
                continue
            found = process.extract(
                texts[i], later, scorer=fuzz.token_set_ratio, processor=None, score_cutoff=ALIKE, limit=None
            )
            for _, score, b in found:
                if group is None or group != seen["notes"][b].get("group"):
                    pairs.append({"a": a, "b": b, "score": round(score)})
    return sorted(pairs, key=lambda one: (-one["score"], one["a"], one["b"]))[:PAIRS]


def restoring(state: rules.State, of: str | None = None) -> dict[str, int] | None:
    """{"back","gone","changed"}: notes that restoring this checkpoint brings back, takes away and changes."""
    return rules.restoring(state, of or "")


#: By name in the address: `/api/sessions/{code}/stages/{stage}/look/{name}?of=...`.
LOOKS: Mapping[str, Callable[[rules.State, str | None], Any]] = MappingProxyType(
    {"similar": similar, "restoring": restoring}
)
