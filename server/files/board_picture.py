"""Draws a board from the geometry of its template as SVG: zones, notes with their text in lines, links, flow, credit.

The drawing holds no link, no script, no style and nothing from elsewhere; texts go in as text nodes and are escaped by
the XML writer. Lengths are CSS px.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as Xml

from ..activities.contract import Text
from .document import Mark, Picture, readable

# On a page of A4 a note is then set in 7 points.
WIDTH = 900.0
GAP = 10.0
PAD = 10.0
CARD_PAD = 8.0
#: A card is at least this wide before a zone puts two beside each other.
CARD_LEAST = 150.0
TITLE, HEAD, NOTE, SMALL = 22.0, 15.0, 13.0, 11.0
LINE = 1.3
INK, INK2, EDGE, RULE, TINT, GROUND = "#17324d", "#455b71", "#768594", "#d9dadb", "#f2f7fc", "#ffffff"
COLOURS: Mapping[Mark, str] = {
    "all": INK,
    "group0": "#0066cc",
    "group1": "#995c00",
    "group2": "#007a52",
    "group3": "#6f42c1",
    "group4": "#00737a",
    "other": INK,
}
FONT = "Titillium Web, Titillium, sans-serif"
#: So many lines of a note are drawn where the picture may not grow.
MOST_LINES = 7
#: Where a matrix has its dots: the plot is this much of its zone's width high.
PLOT = 0.5
DOT = 11.0
LEGEND = 20.0

ARROWS = {("y", "high"): "↑", ("y", "low"): "↓", ("x", "low"): "←", ("x", "high"): "→"}

_NARROW = set("iljtfrI.,;:'’!|()[]{}/\\ -·")
_WIDE = set("mwMW@%&—…")


@dataclass(frozen=True, slots=True)
class _Card:
    """A note as it is drawn: its lines, its place once laid out, and what stands beside them."""

    note: Mapping[str, Any]
    lines: tuple[str, ...]
    wide: float
    high: float
    x: float = 0.0
    y: float = 0.0


@dataclass(slots=True)
class _Zone:
    key: str
    title: tuple[str, ...]
    at: Sequence[int]
    axis: Mapping[str, Any] | None
    notes: list[Mapping[str, Any]]
    left_out: int = 0
    x: float = 0.0
    y: float = 0.0
    wide: float = 0.0
    high: float = 0.0
    cards: list[_Card] = field(default_factory=list)
    #: Number of each note of a matrix by its id, those without a card too.
    numbers: dict[str, int] = field(default_factory=dict)
    #: (line, y, bold) of titles of card groups and of how many notes are left out.
    lines: list[tuple[str, float, bool]] = field(default_factory=list)
    #: (y, height) of the frames round card groups.
    frames: list[tuple[float, float]] = field(default_factory=list)
    needs: float = 0.0

    @property
    def head(self) -> float:
        return PAD + len(self.title) * HEAD * LINE + 6


def board_picture(
    board: Mapping[str, Any],
    language: str,
    *,
    title: str,
    alt: str,
    caption: str,
    more: Callable[[int], str],
    groups: Sequence[tuple[str, str, Mark]],
    most_high: float | None = None,
) -> Picture:
    """The picture of a `board` outcome (CANVAS 9.1), its texts in `language` where they have it.

    A note or a card group with `votes_total` shows it. title: stands above. alt: what the picture shows, in words.
    more: the sentence for so many notes left out. groups: (id, name, mark) of those whose notes may be marked.

    most_high: how high the picture may grow. A long note then ends in "…", and where the notes need more still, those
    with the lowest rank are left out and the zone says how many. Without it every note is drawn whole.
    """
    marks = {id: mark for id, _, mark in groups}
    credit = Text(board["credit"]).in_language(language) if board.get("credit") else ""
    top = _lines(title, WIDTH, TITLE, bold=True)
    foot = _lines(credit, WIDTH, SMALL) if credit else []
    marked = {str(note["own_group"]) for note in board["notes"] if note.get("own_group")}
    legend = [(name, mark) for id, name, mark in groups if id in marked]
    above = len(top) * TITLE * LINE + GAP
    below = GAP + (LEGEND if legend else 0) + len(foot) * SMALL * LINE

    longest = max((len([n for n in board["notes"] if n["zone"] == zone["key"]]) for zone in board["zones"]), default=0)
    zones, high = _laid_out(board, language, more, longest, None)
    if most_high is not None and high + above + below > most_high:
        zones, high = _laid_out(board, language, more, longest, MOST_LINES)
    if most_high is not None and high + above + below > most_high:
        few, many = 1, longest
        while many - few > 1:
            middle = (few + many) // 2
            _, tried = _laid_out(board, language, more, middle, MOST_LINES)
            few, many = (middle, many) if tried + above + below <= most_high else (few, middle)
        zones, high = _laid_out(board, language, more, few, MOST_LINES)

    size = (WIDTH, above + high + below)
    drawing = _root(size, title, alt, language)
    for number, line in enumerate(top):
        _text(drawing, 0, (number + 0.8) * TITLE * LINE, line, TITLE, bold=True)
    body = Xml.SubElement(drawing, "g", {"transform": f"translate(0 {_n(above)})"})
    for zone in zones.values():
        _draw_zone(body, zone)
    cards = {card.note["id"]: card for zone in zones.values() for card in zone.cards}
    labels = [
        (*_draw_link(body, cards[link["from"]], cards[link["to"]]), str(link.get("label") or ""))
        for link in board.get("links") or ()
        if link["from"] in cards and link["to"] in cards
    ]
    for zone in zones.values():
        for card in zone.cards:
            _draw_card(body, card, marks)
        _draw_matrix(body, zone, board["notes"], marks, language)
    for start, end in board.get("flow") or ():
        if start in zones and end in zones:
            _draw_flow(body, zones[start], zones[end])
    for x, y, label in labels:
        _draw_label(body, x, y, label)
    y = above + high + GAP
    if legend:
        _draw_legend(drawing, y, legend)
        y += LEGEND
    for number, line in enumerate(foot):
        _text(drawing, 0, y + (number + 0.8) * SMALL * LINE, line, SMALL, colour=INK2)
    svg = Xml.tostring(drawing, encoding="unicode")
    return Picture(svg, alt, caption, size)


# Laying out


def _laid_out(
    board: Mapping[str, Any], language: str, more: Callable[[int], str], most: int, lines: int | None
) -> tuple[dict[str, _Zone], float]:
    """The zones with their cards placed, and the height of all; at most so many notes in each zone, of so many lines."""
    cell = (WIDTH + GAP) / board["cols"]
    titles = {group["id"]: _group_title(group) for group in board.get("groups") or ()}
    zones: dict[str, _Zone] = {}
    for raw in board["zones"]:
        column, _, wide, _ = raw["at"]
        zone_wide = wide * cell - GAP
        name = Text(raw["title"]).in_language(language)
        notes = [note for note in board["notes"] if note["zone"] == raw["key"]]
        kept = sorted(notes, key=lambda note: note.get("rank") or len(notes) + 1)[:most]
        shown = {note["id"] for note in kept}
        ordered = _by_group(notes)
        zones[raw["key"]] = _Zone(
            raw["key"],
            tuple(_lines(name, zone_wide - 2 * PAD, HEAD, bold=True)),
            raw["at"],
            raw.get("axis"),
            [note for note in ordered if note["id"] in shown],
            len(notes) - len(kept),
            x=(column - 1) * cell,
            wide=zone_wide,
            numbers={note["id"]: number for number, note in enumerate(ordered, start=1)} if raw.get("axis") else {},
        )
    for zone in zones.values():
        _fill(zone, titles, more, lines)
    rows = [WIDTH * 0.55 / board["rows"]] * board["rows"]
    for zone in sorted(zones.values(), key=lambda zone: zone.at[3]):
        _, row, _, span = zone.at
        lacking = zone.needs + GAP - sum(rows[row - 1 : row - 1 + span])
        if lacking > 0:
            for at in range(row - 1, row - 1 + span):
                rows[at] += lacking / span
    for zone in zones.values():
        _, row, _, span = zone.at
        zone.y = sum(rows[: row - 1])
        zone.high = sum(rows[row - 1 : row - 1 + span]) - GAP
        zone.cards = [
            _Card(card.note, card.lines, card.wide, card.high, zone.x + card.x, zone.y + card.y) for card in zone.cards
        ]
    return zones, sum(rows) - GAP


def _group_title(group: Mapping[str, Any]) -> str:
    title = str(group.get("title") or "")
    return f"{title} ({group['votes_total']})" if group.get("votes_total") else title


def _by_group(notes: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Notes of one card group stand together, where the first of them stands."""
    order: dict[Any, int] = {}
    for place, note in enumerate(notes):
        order.setdefault(note.get("group") or ("alone", place), place)
    places = {id(note): order[note.get("group") or ("alone", place)] for place, note in enumerate(notes)}
    return sorted(notes, key=lambda note: places[id(note)])


def _fill(zone: _Zone, titles: Mapping[str, str], more: Callable[[int], str], most_lines: int | None) -> None:
    """Puts the cards in rows from the zone's top left, and says how high the zone must be for them."""
    room = zone.wide - 2 * PAD
    columns = max(1, int((room + PAD) // (CARD_LEAST + PAD)))
    wide = (room - (columns - 1) * PAD) / columns
    y = zone.head
    if zone.axis:
        y += zone.wide * PLOT + 3 * SMALL * LINE + PAD
    row: list[_Card] = []
    group: Any = None
    began = y

    def end_row() -> None:
        nonlocal y
        if row:
            tallest = max(card.high for card in row)
            zone.cards += [_Card(c.note, c.lines, c.wide, tallest, c.x, y) for c in row]
            y += tallest + PAD
            row.clear()

    def end_group(ended: Any) -> float:
        if not ended:
            return 0
        zone.frames.append((began - 4, y - began + 2))
        return PAD

    for note in zone.notes:
        if note.get("group") != group:
            end_row()
            y += end_group(group)
            group, began = note.get("group"), y
            title = titles.get(group, "") if group else ""
            for line in _lines(title, room, NOTE, bold=True) if title else ():
                y += NOTE * LINE
                zone.lines.append((line, y - 3, True))
            y += 4 if title else 0
        text = f"{zone.numbers[note['id']]}. {note['text']}" if zone.axis else str(note["text"])
        lines = tuple(_lines(text, wide - 2 * CARD_PAD - 4, NOTE))
        if most_lines is not None and len(lines) > most_lines:
            lines = (*lines[: most_lines - 1], f"{lines[most_lines - 1][:-1]}…")
        extra = SMALL * LINE + 2 if _aside(note) else 0
        high = 2 * CARD_PAD + len(lines) * NOTE * LINE + extra
        row.append(_Card(note, lines, wide, high, PAD + len(row) * (wide + PAD), 0))
        if len(row) == columns:
            end_row()
    end_row()
    y += end_group(group)
    if zone.left_out:
        y += SMALL * LINE
        zone.lines.append((more(zone.left_out), y, False))
        y += PAD
    zone.needs = y


def _aside(note: Mapping[str, Any]) -> bool:
    return bool(note.get("votes_total") or note.get("own_group"))


def _lines(text: str, room: float, size: float, bold: bool = False) -> list[str]:
    """The text in lines that fit `room`; a word that does not fit a line is broken."""
    found: list[str] = []
    for part in readable(text).split("\n"):
        line = ""
        for word in part.split():
            tried = f"{line} {word}" if line else word
            if _wide(tried, size, bold) <= room:
                line = tried
                continue
            if line:
                found.append(line)
            line = word
            while _wide(line, size, bold) > room and len(line) > 1:
                fits = 1
                while fits < len(line) and _wide(line[: fits + 1], size, bold) <= room:
                    fits += 1
                # A mark or a joined sign is never cut from what it belongs to.
                while fits < len(line) and (unicodedata.combining(line[fits]) or "\u200d" in line[fits - 1 : fits + 1]):
                    fits += 1
                found.append(line[:fits])
                line = line[fits:]
        if line:
            found.append(line)
    return found


def _wide(text: str, size: float, bold: bool) -> float:
    """About how wide the text is, on the wide side: the reader's machine may not have our font."""
    em = 0.0
    for sign in text:
        if sign in _NARROW:
            em += 0.33
        elif sign in _WIDE:
            em += 0.88
        elif unicodedata.combining(sign) or sign == "\u200d":
            continue
        elif unicodedata.east_asian_width(sign) in "WF":
            em += 1.0
        else:
            em += 0.66 if sign.isupper() else 0.55
    return em * size * (1.06 if bold else 1.0)


# Drawing


def _root(size: tuple[float, float], title: str, alt: str, language: str) -> Xml.Element:
    wide, high = size
    drawing = Xml.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {_n(wide)} {_n(high)}",
            "width": _n(wide),
            "height": _n(high),
            "role": "img",
            "aria-labelledby": "board-title board-desc",
            "xml:lang": language,
            "font-family": FONT,
        },
    )
    Xml.SubElement(drawing, "title", {"id": "board-title"}).text = readable(title)
    Xml.SubElement(drawing, "desc", {"id": "board-desc"}).text = readable(alt)
    Xml.SubElement(drawing, "rect", {"width": _n(wide), "height": _n(high), "fill": GROUND})
    return drawing


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _text(
    into: Xml.Element,
    x: float,
    y: float,
    words: str,
    size: float,
    *,
    bold: bool = False,
    colour: str = INK,
    anchor: str = "",
) -> None:
    about = {"x": _n(x), "y": _n(y), "font-size": _n(size), "fill": colour}
    if bold:
        about["font-weight"] = "700"
    if anchor:
        about["text-anchor"] = anchor
    Xml.SubElement(into, "text", about).text = readable(words)


def _draw_zone(into: Xml.Element, zone: _Zone) -> None:
    Xml.SubElement(
        into,
        "rect",
        {"x": _n(zone.x), "y": _n(zone.y), "width": _n(zone.wide), "height": _n(zone.high), "rx": "4"}
        | {"fill": TINT, "stroke": RULE},
    )
    for y, high in zone.frames:
        about = {"x": _n(zone.x + PAD / 2), "y": _n(zone.y + y), "width": _n(zone.wide - PAD), "height": _n(high)}
        Xml.SubElement(into, "rect", about | {"rx": "4", "fill": "none", "stroke": INK2, "stroke-dasharray": "4 3"})
    for number, line in enumerate(zone.title):
        _text(into, zone.x + PAD, zone.y + PAD + (number + 0.8) * HEAD * LINE, line, HEAD, bold=True)
    for line, y, bold in zone.lines:
        _text(into, zone.x + PAD, zone.y + y, line, NOTE if bold else SMALL, bold=bold, colour=INK if bold else INK2)


def _draw_card(into: Xml.Element, card: _Card, marks: Mapping[str, Mark]) -> None:
    note = card.note
    mark = marks.get(str(note.get("own_group")), "other") if note.get("own_group") else None
    about = {"x": _n(card.x), "y": _n(card.y), "width": _n(card.wide), "height": _n(card.high), "rx": "4"}
    Xml.SubElement(into, "rect", about | {"fill": GROUND, "stroke": EDGE})
    for number, line in enumerate(card.lines):
        _text(into, card.x + CARD_PAD, card.y + CARD_PAD + (number + 0.8) * NOTE * LINE, line, NOTE)
    foot = card.y + card.high - CARD_PAD
    if mark:
        _sign(into, card.x + CARD_PAD + 5, foot - 5, mark)
    if note.get("votes_total"):
        votes = str(note["votes_total"])
        right = card.x + card.wide - CARD_PAD
        _text(into, right, foot - 1, votes, SMALL, bold=True, anchor="end")
        x = right - _wide(votes, SMALL, True) - 8
        Xml.SubElement(into, "circle", {"cx": _n(x), "cy": _n(foot - 5), "r": "4", "fill": INK})


def _draw_matrix(
    into: Xml.Element, zone: _Zone, notes: Sequence[Mapping[str, Any]], marks: Mapping[str, Mark], language: str
) -> None:
    """The plot of a matrix: its ends named, each note a numbered dot where it was placed (y counts from the top)."""
    if not zone.axis:
        return
    x, y = zone.x + PAD, zone.y + zone.head + SMALL * LINE
    wide, high = zone.wide - 2 * PAD, zone.wide * PLOT
    about = {"x": _n(x), "y": _n(y), "width": _n(wide), "height": _n(high)}
    Xml.SubElement(into, "rect", about | {"fill": GROUND, "stroke": EDGE})
    for x1, y1, x2, y2 in ((x + wide / 2, y, x + wide / 2, y + high), (x, y + high / 2, x + wide, y + high / 2)):
        ends = {"x1": _n(x1), "y1": _n(y1), "x2": _n(x2), "y2": _n(y2)}
        Xml.SubElement(into, "line", ends | {"stroke": RULE})
    for axis, end, tx, ty, anchor in (
        ("y", "high", x, y - 4, ""),
        ("y", "low", x, y + high + SMALL * LINE, ""),
        ("x", "low", x, y + high + 2 * SMALL * LINE, ""),
        ("x", "high", x + wide, y + high + 2 * SMALL * LINE, "end"),
    ):
        words = Text((zone.axis.get(axis) or {}).get(end) or {}).in_language(language)
        _text(into, tx, ty, f"{ARROWS[axis, end]} {words}", SMALL, colour=INK2, anchor=anchor)
    for note in notes:
        if note["zone"] != zone.key:
            continue
        px = x + DOT + (wide - 2 * DOT) * min(max(note.get("x") or 0, 0), 10_000) / 10_000
        py = y + DOT + (high - 2 * DOT) * min(max(note.get("y") or 0, 0), 10_000) / 10_000
        mark = marks.get(str(note.get("own_group")), "all")
        Xml.SubElement(into, "circle", {"cx": _n(px), "cy": _n(py), "r": _n(DOT), "fill": COLOURS[mark]})
        _text(into, px, py + 4, str(zone.numbers[note["id"]]), SMALL, bold=True, colour=GROUND, anchor="middle")


def _sign(into: Xml.Element, x: float, y: float, mark: Mark) -> None:
    colour = COLOURS[mark]
    line = {"fill": "none", "stroke": colour, "stroke-width": "2"}
    shapes: dict[Mark, list[tuple[float, float]]] = {
        "group2": [(0, -5), (5, 4), (-5, 4)],
        "group3": [(0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)],
        "group4": [(-5, 0), (-2.5, -4.5), (2.5, -4.5), (5, 0), (2.5, 4.5), (-2.5, 4.5)],
    }
    if mark == "group0":
        about = {"x": _n(x - 5), "y": _n(y - 5), "width": "10", "height": "10", "fill": colour}
        Xml.SubElement(into, "rect", about)
    elif mark == "group1":
        Xml.SubElement(into, "circle", {"cx": _n(x), "cy": _n(y), "r": "4.5"} | line)
    else:
        points = " ".join(f"{_n(x + dx)},{_n(y + dy)}" for dx, dy in shapes.get(mark, shapes["group2"]))
        Xml.SubElement(into, "polygon", {"points": points} | line)


def _draw_link(into: Xml.Element, start: _Card, end: _Card) -> tuple[float, float]:
    """Draws the line and gives its middle."""
    if end.x >= start.x + start.wide or start.x >= end.x + end.wide:
        right = end.x >= start.x + start.wide
        x1, x2 = (start.x + start.wide, end.x) if right else (start.x, end.x + end.wide)
        y1, y2 = start.y + start.high / 2, end.y + end.high / 2
        bend = (x2 - x1) / 2
        path = f"M{_n(x1)} {_n(y1)}C{_n(x1 + bend)} {_n(y1)} {_n(x2 - bend)} {_n(y2)} {_n(x2)} {_n(y2)}"
        tip, turn = (x2, y2), 0 if right else 180
    else:
        down = end.y >= start.y
        x1, x2 = start.x + start.wide / 2, end.x + end.wide / 2
        y1, y2 = (start.y + start.high, end.y) if down else (start.y, end.y + end.high)
        path = f"M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}"
        tip, turn = (x2, y2), 90 if down else 270
    Xml.SubElement(into, "path", {"d": path, "fill": "none", "stroke": INK2, "stroke-width": "1.5"})
    _arrow_head(into, tip, turn, INK2, 8)
    return (x1 + x2) / 2, (y1 + y2) / 2


def _draw_label(into: Xml.Element, x: float, y: float, label: str) -> None:
    if not label.strip():
        return
    wide = _wide(label, SMALL, False) + 8
    x = min(max(x, wide / 2), WIDTH - wide / 2)
    about = {"x": _n(x - wide / 2), "y": _n(y - 8), "width": _n(wide), "height": "16", "rx": "4"}
    Xml.SubElement(into, "rect", about | {"fill": GROUND, "stroke": RULE})
    _text(into, x, y + 4, label, SMALL, colour=INK2, anchor="middle")


def _draw_legend(into: Xml.Element, y: float, legend: Sequence[tuple[str, Mark]]) -> None:
    x = 0.0
    for name, mark in legend:
        _sign(into, x + 6, y + 8, mark)
        _text(into, x + 16, y + 12, name, SMALL, colour=INK2)
        x += 16 + _wide(name, SMALL, False) + 20


def _arrow_head(into: Xml.Element, tip: tuple[float, float], turn: int, colour: str, size: float) -> None:
    x, y = tip
    Xml.SubElement(
        into,
        "polygon",
        {
            "points": f"0,0 {_n(-size)},{_n(-size / 2)} {_n(-size)},{_n(size / 2)}",
            "transform": f"translate({_n(x)} {_n(y)}) rotate({turn})",
            "fill": colour,
        },
    )


def _draw_flow(into: Xml.Element, start: _Zone, end: _Zone) -> None:
    """A small arrow on the border between two zones, or half way between those that do not touch."""
    right, below = end.x - (start.x + start.wide), end.y - (start.y + start.high)
    left, above = start.x - (end.x + end.wide), start.y - (end.y + end.high)
    middle_y = (max(start.y, end.y) + min(start.y + start.high, end.y + end.high)) / 2
    middle_x = (max(start.x, end.x) + min(start.x + start.wide, end.x + end.wide)) / 2
    if max(right, left) >= max(below, above):
        turn = 0 if right >= left else 180
        x = (start.x + start.wide + end.x) / 2 if turn == 0 else (end.x + end.wide + start.x) / 2
        y = middle_y
    else:
        turn = 90 if below >= above else 270
        y = (start.y + start.high + end.y) / 2 if turn == 90 else (end.y + end.high + start.y) / 2
        x = middle_x
    Xml.SubElement(into, "circle", {"cx": _n(x), "cy": _n(y), "r": "13", "fill": GROUND, "stroke": EDGE})
    reach = {0: (7.0, 0.0), 180: (-7.0, 0.0), 90: (0.0, 7.0), 270: (0.0, -7.0)}[turn]
    _arrow_head(into, (x + reach[0], y + reach[1]), turn, INK, 12)


def file_name(board: Mapping[str, Any], number: int) -> str:
    """A name for the board's file: its number, its key and its table in plain letters."""
    words = f"{board['key']}-{board.get('table') or ''}"
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return f"{number:02d}-{re.sub('[^a-z0-9]+', '-', plain).strip('-')[:60] or 'board'}.svg"
