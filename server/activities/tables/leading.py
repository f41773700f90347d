"""What simulated people do at the tables: say where they work; and the facilitator, one round after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contract.rehearse import Draws, enough


def rehearse(view: Mapping[str, Any], mine: Mapping[str, Any], seed: int, sample: Mapping[str, Any]) -> Any:
    """(do, with) or None. sample: {"organisations": [names]}."""
    if not view["organisation"]["ask"] or mine.get("organisation") or view["state"] == "published":
        return None
    names = list(view["organisation"]["offered"]) or list(sample.get("organisations", []))
    return ("say_organisation", {"organisation": Draws(seed).one(names)}) if names else None


def lead(view: Mapping[str, Any], desk: Mapping[str, Any], seed: int, sample: Mapping[str, Any]) -> Any:
    """(do, with), "done", or None where people or the search are waited for."""
    if view["state"] == "before":
        waits = view["organisation"]["ask"] and not enough(view, desk)
        return None if waits or not view["people"] else ("ask_for_seating", {})
    if view["state"] == "asked":
        return None
    free = [row["person"] for row in view["late"] if row["seat"] is not None]
    if free:
        return "seat_late", {"person": free[0]}
    if view["state"] == "draft":
        return "publish_seating", {}
    return ("next_seating", {}) if view["round"] < view["rounds"] else "done"
