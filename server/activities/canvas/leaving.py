"""What is left of a board when the stage is over: its rows with their roles and votes, and drafts of policy ideas."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..contract import fold
from .messages import Axis, Zone
from .shown import author_of
from .state import FAR, Draft, Ground, Note, Round, State, counting, members

Row = dict[str, Any]


def outcomes(state: State) -> list[dict[str, Any]]:
    """One {"kind": "board"} for each board somebody wrote on, then one {"kind": "idea_draft"} for each draft (CANVAS 9).

    Only what the whole room may see is left: notes in a zone that was never revealed stay their authors'. Times are ms
    UTC and absent where the author is unknown. Texts of the template are in all their languages.
    """
    boards: list[str | None] = [None] if state.setup.boards_for == "room" else list(state.tables.values())
    kept = [board for table in boards if (board := _board(state, table)) is not None]
    return [*kept, *(_draft(state, draft) for draft in state.drafts.values())]


def rows(state: State) -> list[dict[str, Any]]:
    """One row for each note that the whole room may see, for tables in a file (CANVAS 9.1)."""
    labels = {key: label for label, key in state.tables.items()}
    table = []
    for zone in state.zones.values():
        for note in _notes_in(state, zone):
            votes = _votes(state, note)
            group = state.groups.get(note.group or "")
            table.append(
                {
                    "board": state.setup.board.key,
                    "table": labels.get(zone.table or ""),
                    "zone": zone.zone.key,
                    "role": zone.zone.role,
                    "text": note.text,
                    "kind": note.kind,
                    "variant_of": note.variant_of,
                    "votes_total": votes["total"] if votes else None,
                    "votes_by_group": _dots_by_group(votes),
                    "rank": votes["rank"] if votes else None,
                    "group": (group.title or group.id) if group is not None else None,
                    "author_or_group_or_blank": _author(state, note) or "",
                    "created_at": None if _untimed(state, note) else note.at,
                    "changed_at": None if _untimed(state, note) else note.changed_at,
                    "number": note.number,
                }
            )
    return table


def _board(state: State, table: str | None) -> dict[str, Any] | None:
    zones = [zone for zone in state.zones.values() if zone.table == table]
    notes = [note for zone in zones for note in _notes_in(state, zone)]
    if not notes:
        return None
    template = state.setup.board
    ids = {note.id: note for note in notes}
    board: dict[str, Any] = {
        "kind": "board",
        "key": template.key,
        "title": dict(template.title),
        "version": template.version,
        "credit": dict(template.credit) if template.credit is not None else None,
        "licence": template.licence,
        "phase": state.phase,
        "level": state.level,
        "cols": template.cols,
        "rows": template.rows,
        "flow": [list(pair) for pair in template.flow],
        "zones": [_zone(state, zone) for zone in zones],
        "notes": [_note(state, note) for note in notes],
        "groups": _groups(state, ids),
        "links": [
            {"id": link.id, "from": link.source, "to": link.to, "label": link.label}
            for link in state.links.values()
            if link.source in ids and link.to in ids
        ],
        "comments": [
            {"id": comment.id, "note": comment.note, "text": comment.text}
            for note in notes
            for id in state.talk.get(note.id, ())
            if (comment := state.comments[id]).text
        ],
        "rounds": [
            _round(state, round, zones)
            for round in state.rounds.values()
            if any(zone.key in round.zones for zone in zones)
        ],
        "participation": _participation(state, zones, ids),
    }
    if table is not None:
        board["table"] = next(label for label, key in state.tables.items() if key == table)
    return board


def _notes_in(state: State, zone: Ground) -> list[Note]:
    """Its notes, row by row. An erased note has no text and is not there any more."""
    if zone.visible != "all":
        return []
    found = [note for note in state.notes.values() if note.zone == zone.key and not note.deleted and note.text.strip()]
    return sorted(found, key=lambda note: (note.rank, note.number))


def _untimed(state: State, note: Note) -> bool:
    return note.masked or state.zones[note.zone].anonymous


def _author(state: State, note: Note) -> str | None:
    return author_of(state, note) or (note.own_group if state.setup.names != "none" else None)


def _zone(state: State, zone: Ground) -> Row:
    shown: Row = {
        "key": zone.zone.key,
        "role": zone.zone.role,
        "title": dict(zone.zone.title),
        "at": list(zone.zone.at),
    }
    if zone.zone.axis is not None:
        shown["axis"] = _axis(zone.zone.axis)
    if zone.visible != "all":
        shown["hidden"] = state.counts.get(zone.key, 0)
    return shown


def _axis(axis: Axis) -> Row:
    return {
        "x": {"low": dict(axis.x.low), "high": dict(axis.x.high)},
        "y": {"low": dict(axis.y.low), "high": dict(axis.y.high)},
    }


def along(zone: Zone, note: Note) -> dict[str, int] | None:
    """A note's values on the axes of its zone, 0 to 10,000; None where there are none.

    Places count from the top left, but much of something stands high on a board: so the vertical value is turned round.
    """
    return None if zone.axis is None else {"x": note.x, "y": FAR - note.y}


def _note(state: State, note: Note) -> Row:
    zone = state.zones[note.zone].zone
    row: Row = {
        "id": note.id,
        "zone": zone.key,
        "role": zone.role,
        "text": note.text,
        "kind": note.kind,
        "colour": note.colour,
        "x": note.x,
        "y": note.y,
        "number": note.number,
    }
    votes = _votes(state, note)
    more: Row = {
        "axis": along(zone, note),
        "sets": dict(zone.sets) or None,
        "group": note.group if note.group in state.groups else None,
        "variant_of": note.variant_of,
        "author": author_of(state, note),
        "own_group": note.own_group if state.setup.names != "none" else None,
        "reactions": dict(state.reactions.get(note.id, {})) or None,
        "votes_total": votes["total"] if votes else None,
        "votes_by_group": _dots_by_group(votes),
        "rank": votes["rank"] if votes else None,
        "created_at": None if _untimed(state, note) else note.at,
        "changed_at": None if _untimed(state, note) else note.changed_at,
    }
    return {**row, **{name: value for name, value in more.items() if value is not None}}


def _groups(state: State, ids: Mapping[str, Note]) -> list[Row]:
    shown = []
    for group in state.groups.values():
        inside = [note for note in members(state, group) if note.id in ids]
        if inside:
            zone = state.zones[inside[0].zone].zone
            row = {"id": group.id, "title": group.title, "zone": zone.key, "role": zone.role}
            shown.append({**row, "notes": [note.id for note in inside]})
    return shown


# Votes


def _votes(state: State, note: Note) -> Row | None:
    """The row of the latest count that has the note, or else its card group, among its targets."""
    for round in reversed(list(state.rounds.values())):
        row = _row_of(round, note)
        if row is not None:
            return row
    return None


def _row_of(round: Round, note: Note) -> Row | None:
    if round.tally is None:
        return None
    found: Mapping[str, Row] = {row["target"]: row for row in round.tally["targets"]}
    return found.get(note.id) or found.get(note.group or "")


def _dots_by_group(votes: Row | None) -> dict[str, int] | None:
    if votes is None or "by_group" not in votes:
        return None
    return {group: cell["dots"] for group, cell in votes["by_group"].items()}


def _round(state: State, round: Round, zones: list[Ground]) -> Row:
    shown: Row = {
        "id": round.id,
        "target": round.target,
        "zones": [zone.zone.key for zone in zones if zone.key in round.zones],
        "dots": round.dots,
        "max_on_one": round.max_on_one,
        "voters": round.voters if round.voters == "all" else list(round.voters),
        "open": round.open,
        "number": round.number,
    }
    if round.tally is not None:
        here = {zone.key for zone in zones}
        shown["tally"] = {
            **round.tally,
            "targets": [
                _named(state, round, row) for row in round.tally["targets"] if round.ballot[row["target"]][0] in here
            ],
        }
    return shown


def _named(state: State, round: Round, row: Row) -> Row:
    """A row of a count with what was voted on, as far as it may still be read."""
    note = state.notes.get(row["target"])
    zone, title = round.ballot[row["target"]]
    if title is None and note is not None and not note.deleted and state.zones[note.zone].visible == "all":
        title = note.text
    return {**row, "zone": state.zones[zone].zone.key, "title": title if state.zones[zone].visible == "all" else None}


def _is_on(state: State, target: str, zones: Collection[str]) -> bool:
    group = state.groups.get(target)
    found = state.notes.get(target) if group is None else next(members(state, group), None)
    return found is not None and found.zone in zones


def _participation(state: State, zones: list[Ground], ids: Mapping[str, Note]) -> list[Row]:
    """[{"group","people","notes","dots"}]; groups too small to be told apart from persons are folded into "other".

    Where no split may be shown there is one row with group None. A second text of a note is not counted as another note.
    """
    here = {zone.key for zone in zones}
    whose: dict[str, str | None] = {}
    wrote: dict[str, int] = {}
    gave: dict[str, int] = {}
    for note in ids.values():
        if note.by is not None and note.variant_of is None:
            whose.setdefault(note.by, note.own_group)
            wrote[note.by] = wrote.get(note.by, 0) + 1
    for round in state.rounds.values():
        for voter, placed in round.placed.items():
            if round.open:
                dots = sum(n for target, n in counting(state, round, placed).items() if _is_on(state, target, here))
            else:
                dots = sum(
                    n for target, n in placed.items() if target in round.ballot and round.ballot[target][0] in here
                )
            if dots:
                whose.setdefault(voter, round.groups.get(voter))
                gave[voter] = gave.get(voter, 0) + dots
    sizes: dict[str | None, int] = {}
    for group in whose.values():
        sizes[group] = sizes.get(group, 0) + 1
    shown = fold({group: sizes[group] for group in sorted(sizes, key=lambda id: _place(state, id))})
    table: dict[str | None, Row] = {}
    for voter, group in sorted(whose.items(), key=lambda one: (_place(state, one[1]), one[0])):
        named = shown.get(group) if shown else None
        row = table.setdefault(named, {"group": named, "people": 0, "notes": 0, "dots": 0})
        row["people"] += 1
        row["notes"] += wrote.get(voter, 0)
        row["dots"] += gave.get(voter, 0)
    return list(table.values())


def _place(state: State, group: str | None) -> tuple[bool, int, str]:
    """Where a group stands in lists: in the plan's order, then by its id, people without a group last."""
    at = state.order.index(group) if group in state.order else len(state.order)
    return group is None, at, group or ""


# Drafts of policy ideas


def _draft(state: State, draft: Draft) -> dict[str, Any]:
    """A draft with its notes as they stand now, so that every field made from it can name its sources."""
    group = state.groups.get(draft.group or "")
    chosen = [*draft.notes, *(group.notes if group is not None else ())]
    notes = [
        note
        for id in dict.fromkeys(chosen)
        if (note := state.notes.get(id)) is not None
        and not note.deleted
        and note.text.strip()
        and state.zones[note.zone].visible == "all"
    ]
    left: dict[str, Any] = {
        "kind": "idea_draft",
        "idea": draft.idea,
        "board": state.setup.board.key,
        "fields": {name: text for name, text in draft.fields.items() if text.strip()},
        "notes": [_source(state, note) for note in notes],
        "number": draft.number,
    }
    tables = {state.zones[note.zone].table for note in notes}
    if len(tables) == 1 and None not in tables:
        left["table"] = next(label for label, key in state.tables.items() if key in tables)
    if group is not None:
        left["group"] = group.id
        if group.title:
            left["title"] = group.title
    if state.level != "anonymous":
        left["at"] = draft.at
    return left


def _source(state: State, note: Note) -> Row:
    zone = state.zones[note.zone].zone
    row: Row = {
        "note": note.id,
        "zone": zone.key,
        "role": zone.role,
        "sets": dict(zone.sets),
        "text": note.text,
        "number": note.number,
    }
    votes = {round.id: found for round in state.rounds.values() if (found := _row_of(round, note)) is not None}
    linked = [link.to for link in state.links.values() if link.source == note.id]
    more: Row = {
        "group": note.group if note.group in state.groups else None,
        "own_group": note.own_group if state.setup.names != "none" else None,
        "axis": along(zone, note),
        "votes": votes or None,
        "links": linked or None,
    }
    return {**row, **{name: value for name, value in more.items() if value is not None}}
