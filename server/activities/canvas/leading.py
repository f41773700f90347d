"""What a simulated facilitator does with a board: phase after phase, groups, a vote, a draft for each table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contract.rehearse import Draws, enough

_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#: Notes in a group, and notes of each zone in a draft.
TOGETHER, OF_EACH = 3, 2
ROUND = "rehearsal"


def lead(view: Mapping[str, Any], desk: Mapping[str, Any], seed: int, sample: Mapping[str, Any]) -> Any:
    """(do, with), "done", or None where people are waited for. sample: {"titles": [texts]} of ideas."""
    draws = Draws(seed)
    phases = [phase["key"] for phase in view["board"].get("phases", [])]
    phase = view["board"].get("phase")
    at = phases.index(phase) if phase in phases else 0
    following = ("set_phase", {"phase": phases[at + 1]}) if at + 1 < len(phases) else None
    if phase == "group":
        return _group(view, draws) or following
    if phase == "vote":
        voted = _vote(view, desk)
        return (following or "done") if voted is None else voted
    if following is not None:
        return following if enough(view, desk) else None
    return _draft(view, draws, sample) or ("done" if enough(view, desk) else None)


def _new(draws: Draws) -> str:
    return "".join(draws.one(_SIGNS) for _ in range(16))


def _plain_notes(view: Mapping[str, Any], zone: str) -> list[str]:
    return [id for id, note in view["notes"].items() if note["zone"] == zone and "variant_of" not in note]


def _group(view: Mapping[str, Any], draws: Draws) -> Any:
    """One group in each zone that has notes enough and none yet."""
    grouped = {group["zone"] for group in view["groups"].values()}
    for zone in view["zones"]:
        notes = _plain_notes(view, zone)
        if zone not in grouped and len(notes) >= TOGETHER:
            having = {"group": _new(draws), "notes": notes[:TOGETHER], "title": view["notes"][notes[0]]["text"][:60]}
            return "make_group", having
    return None


def _vote(view: Mapping[str, Any], desk: Mapping[str, Any]) -> Any:
    round = view["rounds"].get(ROUND)
    if round is None:
        zones = [key for key in view["zones"] if _plain_notes(view, key)]
        target = "groups" if view["groups"] else "notes"
        return ("open_vote", {"round": ROUND, "target": target, "zones": zones}) if zones else None
    if round["open"]:
        # A vote that nobody ends would keep the room waiting: the dots that are placed by now are enough.
        return ("close_vote", {"round": ROUND}) if enough(view, desk) else ()
    return None


def _draft(view: Mapping[str, Any], draws: Draws, sample: Mapping[str, Any]) -> Any:
    """A draft for each table (or one for the room) from the first notes of each of its zones."""
    drafted = {view["zones"][view["notes"][note]["zone"]].get("table")
               for draft in view["board"].get("drafts", []) for note in draft["notes"] if note in view["notes"]}  # fmt: skip
    tables = dict.fromkeys(zone.get("table") for zone in view["zones"].values())
    for table in tables:
        notes = [
            note
            for key, zone in view["zones"].items()
            if zone.get("table") == table
            for note in _plain_notes(view, key)[:OF_EACH]
        ]
        if table not in drafted and notes:
            titles = sample.get("titles") or [""]
            fields = {"title": draws.one(titles)} if titles != [""] else {}
            return "draft_idea", {"idea": _new(draws), "notes": notes[:50], "fields": fields}
    return None
