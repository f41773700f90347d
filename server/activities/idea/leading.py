"""What a simulated facilitator does with ideas: a finished one is read by the room, a backed one is published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contract.rehearse import Draws, enough


def lead(view: Mapping[str, Any], desk: Mapping[str, Any], seed: int, sample: Mapping[str, Any]) -> Any:
    """(do, with), "done", or None where people are waited for. sample: {"overrides": [reasons]}."""
    draws = Draws(seed)
    by_state: dict[str, list[Mapping[str, Any]]] = {}
    for row in view["ideas"]:
        by_state.setdefault(row["state"], []).append(row)
    for row in by_state.get("draft", ()):
        if not row.get("missing"):
            return "move_idea", {"idea": row["idea"], "to": "review"}
    reviewed = by_state.get("review", [])
    if reviewed and view.get("shown") not in [row["idea"] for row in reviewed]:
        return "show_idea", {"idea": reviewed[0]["idea"]}
    if reviewed and not by_state.get("draft") and enough(view, desk):
        reasons = sample.get("overrides") or ["Prova generale: si pubblica per vedere come appare."]
        return "move_idea", {"idea": reviewed[0]["idea"], "to": "published", "override": draws.one(reasons)}
    return "done" if view["ideas"] and not reviewed and not by_state.get("draft") else None
