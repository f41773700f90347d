"""What the report says of boards: the picture, the votes side by side per group, every note under its zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..files.board_picture import board_picture
from ..files.document import Block, Chapter, Item, Items, Paragraph, Picture, Table
from .telling import Telling

#: How high a picture may grow beside its width of 900, so that it fits a page.
MOST_HIGH = 1080.0
#: So many targets of a vote are listed; the others stand in the data files.
MOST_TARGETS = 30

Board = Mapping[str, Any]


def chapter(tell: Telling, boards: Sequence[Board]) -> Chapter | None:
    if not boards:
        return None
    return Chapter(tell("boards.title"), (), tuple(_board(tell, with_own_votes(board)) for board in boards), apart=True)


def with_own_votes(board: Board) -> Board:
    """The board with `votes_total` on what was voted on itself: a note of a card group that was a target has none."""
    totals: dict[str, int] = {}
    for one in board.get("rounds") or ():
        totals |= {row["target"]: row["total"] for row in (one.get("tally") or {}).get("targets") or ()}
    own = {
        what: [{**row, "votes_total": totals.get(row["id"])} for row in board.get(what) or ()]
        for what in ("notes", "groups")
    }
    return {**board, **own}


def name_of(tell: Telling, board: Board) -> str:
    title = tell.text(board["title"])
    table = str(board.get("table") or "")
    # People name their tables: "3", or "Tavolo 3".
    return tell("boards.table", title=title, table=table) if table.isdigit() else tell.listed([title, table], " · ")


def picture(tell: Telling, board: Board, most_high: float | None = None) -> Picture:
    """The board drawn; with `most_high` for a page, without it with every note."""
    per_zone = [
        tell("boards.alt_zone", zone=tell.text(zone["title"]), n=_count(board, zone["key"])) for zone in board["zones"]
    ]
    alt = tell(
        "boards.alt",
        title=name_of(tell, board),
        zones=len(board["zones"]),
        notes=len(board["notes"]),
        listed=" ".join(per_zone),
    )
    return board_picture(
        with_own_votes(board),
        tell.language,
        title=name_of(tell, board),
        alt=alt,
        caption=tell("boards.picture"),
        more=lambda n: tell("boards.more", n=n),
        groups=tell.shown,
        most_high=most_high,
    )


def _count(board: Board, zone: str) -> int:
    return sum(1 for note in board["notes"] if note["zone"] == zone)


def _board(tell: Telling, board: Board) -> Chapter:
    notes = {note["id"]: note for note in board["notes"]}
    groups = {group["id"]: group for group in board.get("groups") or ()}
    blocks: list[Block] = [Paragraph(tell("boards.about", n=len(notes)), "small")]
    credit = tell.text(board.get("credit"))
    if credit:
        blocks.append(Paragraph(credit, "small"))
    if board.get("licence") not in (None, "", "own"):
        blocks.append(Paragraph(tell("boards.licence", licence=board["licence"]), "small"))
    blocks.append(picture(tell, board, MOST_HIGH))
    chapters = [
        _round(tell, one, n, notes, groups)
        for n, one in enumerate(board.get("rounds") or (), start=1)
        if one.get("tally")
    ]
    chapters += [_zone(tell, board, zone, groups) for zone in board["zones"]]
    if board.get("links"):
        chapters.append(_links(tell, board, notes))
    if board.get("participation"):
        chapters.append(_participation(tell, board))
    return Chapter(name_of(tell, board), tuple(blocks), tuple(chapters), language=tell.foreign(board["title"]))


def _round(
    tell: Telling,
    one: Mapping[str, Any],
    number: int,
    notes: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Mapping[str, Any]],
) -> Chapter:
    tally = one["tally"]
    shown = [row["group"] for row in tally["groups"]]
    counts = {"voters": tally["voters"], "dots": tally["dots"]}
    about = tell("boards.round_about" if shown else "boards.round_room", **counts)
    ordered = sorted((row for row in tally["targets"] if row["total"]), key=lambda row: row["rank"])
    rows = []
    for row in ordered[:MOST_TARGETS]:
        target = notes.get(row["target"]) or groups.get(row["target"]) or {}
        text = str(target.get("text") or target.get("title") or row["target"])
        rank = f"{row['rank']}=" if row.get("tied") else str(row["rank"])
        cells = [rank, text, tell.number(row["total"])]
        if shown:
            split = row.get("by_group") or {}
            cells += [tell.per_mille(split[group]["share"]) if group in split else "" for group in shown]
            cells.append(tell.per_mille(row["divergence"]) if "divergence" in row else "")
        rows.append(tuple(cells))
    head = [tell("boards.rank"), tell("boards.note"), tell("boards.total")]
    if shown:
        head += [tell("boards.share", group=tell.group(group)) for group in shown] + [tell("boards.divergence")]
    blocks: list[Block] = [Paragraph(about, "small")]
    if rows:
        numbers = (0, *range(2, len(head)))
        widths = (2, 9 if shown else 12, 2, *[4] * len(shown), *([3] if shown else []))
        blocks.append(Table(tell("boards.round_caption"), tuple(head), tuple(rows), numbers, widths))
    if len(ordered) > MOST_TARGETS:
        blocks.append(Paragraph(tell("boards.rest", n=len(ordered) - MOST_TARGETS), "small"))
    return Chapter(tell("boards.round", n=number), tuple(blocks))


def _zone(tell: Telling, board: Board, zone: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]) -> Chapter:
    """Its notes as a list; those of a card group under the group's title, where the first of them stands."""
    own = [note for note in board["notes"] if note["zone"] == zone["key"]]
    title = tell.text(zone["title"])
    language = tell.foreign(zone["title"])
    if zone.get("hidden"):
        return Chapter(title, (Paragraph(tell("boards.hidden", n=zone["hidden"]), "small"),), language=language)
    if not own:
        return Chapter(title, (Paragraph(tell("boards.empty"), "small"),), language=language)
    comments: dict[str, list[Item]] = {}
    for comment in board.get("comments") or ():
        comments.setdefault(comment["note"], []).append(Item(tell("boards.comment", text=str(comment["text"])), "", 1))
    items: list[Item] = []
    told: set[str] = set()
    for note in own:
        group = note.get("group")
        if group not in groups:
            items += [_note(tell, zone, note, 0), *comments.get(note["id"], ())]
        elif group not in told:
            told.add(group)
            votes = groups[group].get("votes_total")
            about = tell("boards.votes", n=votes) if votes else ""
            items.append(Item(str(groups[group].get("title") or tell("boards.cards")), about))
            for one in own:
                if one.get("group") == group:
                    items += [_note(tell, zone, one, 1), *comments.get(one["id"], ())]
    return Chapter(title, (Items(tuple(items)),), language=language)


def _note(tell: Telling, zone: Mapping[str, Any], note: Mapping[str, Any], indent: int) -> Item:
    about = []
    if note.get("own_group") in {id for id, _, _ in tell.shown}:
        about.append(tell.group(note["own_group"]))
    if note.get("votes_total"):
        about.append(tell("boards.votes", n=note["votes_total"]))
    if zone.get("axis") and note.get("axis"):
        about.append(_place(tell, zone["axis"], note["axis"]))
    if note.get("variant_of"):
        about.append(tell("boards.variant"))
    about.append(tell("boards.fact", n=note["number"]))
    return Item(str(note["text"]), tell.listed(about, " · "), indent)


def _place(tell: Telling, axis: Mapping[str, Any], place: Mapping[str, int]) -> str:
    """Where a note stands in a matrix, from 0 % at the low end to 100 % at the high one."""
    return tell(
        "boards.axis",
        x_name=tell.text(axis["x"]["high"]),
        x=str(round(place["x"] / 100)),
        y_name=tell.text(axis["y"]["high"]),
        y=str(round(place["y"] / 100)),
    )


def _links(tell: Telling, board: Board, notes: Mapping[str, Mapping[str, Any]]) -> Chapter:
    items = []
    for link in board["links"]:
        if link["from"] not in notes or link["to"] not in notes:
            continue
        ends = {"start": str(notes[link["from"]]["text"]), "end": str(notes[link["to"]]["text"])}
        if link.get("label"):
            items.append(Item(tell("boards.link_label", label=str(link["label"]), **ends)))
        else:
            items.append(Item(tell("boards.link", **ends)))
    return Chapter(tell("boards.links"), (Items(tuple(items)),) if items else ())


def _participation(tell: Telling, board: Board) -> Chapter:
    rows = tuple(
        (
            tell("everybody") if row["group"] is None else tell.group(row["group"]),
            *("" if row.get(key) is None else tell.number(row[key]) for key in ("people", "notes", "dots")),
        )
        for row in board["participation"]
    )
    head = tuple(tell(f"boards.{key}") for key in ("group", "people_head", "notes_head", "dots_head"))
    table = Table("", head, rows, (1, 2, 3), (5, 2, 2, 2))
    return Chapter(tell("boards.participation"), (table,))
