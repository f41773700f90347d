"""The rules of a board, as the rest of the house asks for them (CANVAS 2-5, 9).

They stand in files of their own: `state` what a board is, `deciding` asks to facts, `evolving` facts to state, `shown` what
each screen is sent, `leaving` what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contract import AnAsk
from ..contract.rehearse import Draws
from .deciding import concerns, decide, difference
from .evolving import evolve
from .leading import lead
from .leaving import outcomes, rows
from .shown import SCOPE, counters, mine, patch, shell, touched, view
from .state import State, counting, opened, start

#: No fact tells the table of who wrote, so that people may write on their table's board under a token too.
KEEPS_NO_TABLE = True
#: Asks of one person: so many in a second, after a burst of so many.
PACE = (5, 20)
#: Notes a simulated person writes, unless the sample says otherwise.
EACH = 3
_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def scope(state: State, ask: AnAsk) -> str | None:
    """What the one-way token is made from, where the ask must not be known to be this person's."""
    return SCOPE if state.level == "anonymous" or concerns(state, ask) else None


def answered(state: State) -> dict[str, Any]:
    """{"answered","by_group","voters","taking","by_table"?}: how many voted while a vote is open, else how many wrote.

    by_table, by label: only where each table has its board. taking: whether the room is waited for.
    """
    whose: dict[str, str | None] = {}
    wrote: dict[str, dict[str, None]] = {}
    if state.voting:
        for id in state.voting:
            round = state.rounds[id]
            for voter, placed in round.placed.items():
                if counting(state, round, placed):
                    whose[voter] = round.groups.get(voter)
    else:
        for note in state.notes.values():
            if note.by is not None and not note.deleted:
                whose.setdefault(note.by, note.own_group)
                wrote.setdefault(state.zones[note.zone].table or "", {})[note.by] = None
    groups: dict[str, int] = {}
    for group in whose.values():
        if group is not None:
            groups[group] = groups.get(group, 0) + 1
    found: dict[str, Any] = {
        "answered": len(whose),
        "by_group": dict(sorted(groups.items())),
        "voters": sorted(whose),
        "taking": bool(state.voting),
    }
    if state.setup.boards_for == "table" and not state.voting:
        found["by_table"] = {label: len(wrote.get(key, {})) for label, key in state.tables.items()}
    return found


def restoring(state: State, checkpoint: str) -> dict[str, int] | None:
    """{"back","gone","changed"}: how many notes restoring would bring back, take away and change; None: no such one."""
    point = next((one for one in state.checkpoints if one.id == checkpoint), None)
    if point is None:
        return None
    back, gone, changed = difference(state, point)
    return {"back": len(back), "gone": len(gone), "changed": len(changed)}


def rehearse(view: Mapping[str, Any], mine: Mapping[str, Any], seed: int, sample: Mapping[str, Any]) -> Any:
    """What a simulated person would ask, looking at this view: (do, with) or None.

    Dots come first while a round is open, then a few notes, then reactions. sample: {"notes": {role: [texts]}, "each"?};
    the texts under "" go anywhere.
    """
    draws = Draws(seed)
    for id, left in mine.get("left", {}).items():
        round = view["rounds"].get(id)
        if round is not None and round["open"] and left > 0:
            return _dots(view, mine, draws, id, round, left)
    written = len(mine.get("own", ())) + len(mine.get("notes", {}))
    zones = [key for key, zone in view["zones"].items() if zone["open"] and _may_write(zone, mine)]
    if zones and written < sample.get("each", EACH):
        zone = draws.one(zones)
        texts = sample.get("notes", {})
        having = texts.get(view["zones"][zone]["role"]) or texts.get("") or []
        if not having:
            return None
        note = {"note": "".join(draws.one(_SIGNS) for _ in range(16)), "zone": zone, "text": draws.one(having)}
        if "axis" in view["zones"][zone]:
            note |= {"x": draws.below(10_001), "y": draws.below(10_001)}
        return "add_note", note
    others = [
        id
        for id, note in view["notes"].items()
        if id not in mine.get("own", ())
        and view["zones"][note["zone"]]["may"]["react"] == "everyone"
        and view["zones"][note["zone"]]["open"]
        and view["zones"][note["zone"]].get("table") in (None, mine.get("table"))
    ]
    if others and draws.below(3) == 0:
        return "react", {"note": draws.one(others), "sign": draws.one(("like", "question", "important"))}
    return None


def _may_write(zone: Mapping[str, Any], mine: Mapping[str, Any]) -> bool:
    if zone.get("table") not in (None, mine.get("table")):
        return False
    return zone["may"]["write"] in ("everyone", "author") or (zone["may"]["write"] == "table" and "table" in zone)


def _dots(
    view: Mapping[str, Any], mine: Mapping[str, Any], draws: Draws, id: str, round: Mapping[str, Any], left: int
) -> tuple[str, dict[str, Any]] | None:
    here = {note: shown for note, shown in view["notes"].items() if shown["zone"] in round["zones"]}
    targets = [note for note, shown in here.items() if "variant_of" not in shown]
    if round["target"] == "groups":
        targets = [note for note in targets if "group" not in here[note]]
        targets += [group for group, shown in view["groups"].items() if shown["zone"] in round["zones"]]
    free = {target: mine.get("dots", {}).get(id, {}).get(target, 0) for target in targets}
    free = {target: dots for target, dots in free.items() if dots < round["max_on_one"]}
    if not free:
        return None
    target = draws.one(list(free))
    more = 1 + draws.below(min(left, round["max_on_one"] - free[target]))
    return "place_dots", {"round": id, "target": target, "dots": free[target] + more}


__all__ = [
    "KEEPS_NO_TABLE",
    "PACE",
    "State",
    "answered",
    "counters",
    "decide",
    "evolve",
    "lead",
    "mine",
    "opened",
    "outcomes",
    "patch",
    "rehearse",
    "restoring",
    "rows",
    "scope",
    "shell",
    "start",
    "touched",
    "view",
]
