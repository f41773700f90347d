"""The sheets of boards: notes, votes per group, links, and who took part; one row for one thing each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..files.sheets import Cell, Sheet
from .board_report import with_own_votes
from .tables import minute
from .telling import Telling

Row = list[Cell]
Board = Mapping[str, Any]

NOTES = (
    "Stage", "Board", "Board Title", "Table", "Zone", "Zone Title", "Role", "Note", "Text", "Kind", "Variant Of",
    "Card Group", "Card Group Title", "Votes Total", "Rank", "Author Or Group", "X", "Y", "Axis X", "Axis Y",
    "Created At", "Changed At", "Fact",
)  # fmt: skip
VOTES = (
    "Stage", "Board", "Table", "Round", "Target Kind", "Target", "Text", "Group", "Voters", "Dots", "Share", "Rank",
    "Divergence",
)  # fmt: skip
LINKS = ("Stage", "Board", "Table", "From", "From Text", "To", "To Text", "Label")
TAKING_PART = ("Stage", "Board", "Table", "Group", "People", "Notes", "Dots")


def sheets(tell: Telling, outcomes: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[Sheet]:
    """None where there are no boards. names: of people by id, for notes of level named."""
    boards = [one for one in outcomes if one["kind"] == "board"]
    if not boards:
        return []
    return [
        Sheet("Notes", [list(NOTES), *(row for board in boards for row in _notes(tell, board, names))]),
        Sheet("Board Votes", [list(VOTES), *(row for board in boards for row in _votes(board))]),
        Sheet("Board Links", [list(LINKS), *(row for board in boards for row in _links(board))]),
        Sheet("Board Participation", [list(TAKING_PART), *(row for board in boards for row in _taking_part(board))]),
    ]


def _notes(tell: Telling, board: Board, names: Mapping[str, str]) -> list[Row]:
    zones = {zone["key"]: tell.text(zone["title"]) for zone in board["zones"]}
    groups = {group["id"]: group.get("title") for group in board.get("groups") or ()}
    rows: list[Row] = []
    for note in with_own_votes(board)["notes"]:
        axis = note.get("axis") or {}
        author = names.get(note.get("author") or "") or note.get("own_group")
        rows.append(
            [
                board["stage"],
                board["key"],
                tell.text(board["title"]),
                board.get("table"),
                note["zone"],
                zones.get(note["zone"]),
                note["role"] or None,
                note["id"],
                note["text"],
                note["kind"],
                note.get("variant_of"),
                note.get("group"),
                groups.get(note.get("group")),
                note.get("votes_total"),
                note.get("rank"),
                author,
                note["x"],
                note["y"],
                axis.get("x"),
                axis.get("y"),
                minute(note.get("created_at")),
                minute(note.get("changed_at")),
                note["number"],
            ]
        )
    return rows


def _votes(board: Board) -> list[Row]:
    """One row per round, target and group; an empty group is the whole room."""
    texts = {note["id"]: note["text"] for note in board["notes"]}
    texts |= {group["id"]: group.get("title") for group in board.get("groups") or ()}
    rows: list[Row] = []
    for one in board.get("rounds") or ():
        tally = one.get("tally")
        if not tally:
            continue
        voters = {group["group"]: group["voters"] for group in tally["groups"]}
        for target in tally["targets"]:
            head: Row = [board["stage"], board["key"], board.get("table"), one["id"], one["target"], target["target"]]
            head.append(texts.get(target["target"]))
            apart = None if "divergence" not in target else target["divergence"] / 10
            rows.append([*head, None, tally["voters"], target["total"], None, target["rank"], apart])
            for group, cell in (target.get("by_group") or {}).items():
                rows.append([*head, group, voters.get(group), cell["dots"], cell["share"] / 10, None, None])
    return rows


def _links(board: Board) -> list[Row]:
    texts = {note["id"]: note["text"] for note in board["notes"]}
    return [
        [
            board["stage"],
            board["key"],
            board.get("table"),
            link["from"],
            texts.get(link["from"]),
            link["to"],
            texts.get(link["to"]),
            link.get("label") or None,
        ]
        for link in board.get("links") or ()
    ]


def _taking_part(board: Board) -> list[Row]:
    return [
        [board["stage"], board["key"], board.get("table"), row["group"], row["people"], row["notes"], row.get("dots")]
        for row in board.get("participation") or ()
    ]
