"""What a board is at one number: its zones as they stand, notes, card groups, links, comments, rounds, checkpoints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ..contract import Level, Opening
from ..contract.changed import changed
from ..contract.layered import Layered
from .messages import VERBS, Phase, Setup, Target, Visible, Who, Zone

#: Texts of a note kept for merging, facts a person may take back, checkpoints (CANVAS 7).
TEXTS_KEPT, UNDO_DEPTH, CHECKPOINTS = 20, 50, 20
#: A note's place is counted in ten-thousandths; a zone is read row by row.
FAR = 10_000
_ROW = FAR + 1
#: Rows between a note that was given no place and the one above it.
_STEP = 100

#: Who may do what where neither board, setup nor phase says anything (CANVAS 2.3).
MAY: Mapping[str, Who] = {
    "write": "everyone",
    "edit": "author",
    "move": "author",
    "delete": "author",
    "group": "desk",
    "link": "nobody",
    "comment": "nobody",
    "react": "everyone",
}

#: Under which key the facilitator's own facts are kept for undo; no person and no token is empty.
DESK = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """A zone as it stands now. table: key of the table whose board it is on. anonymous: who writes here stays unknown."""

    key: str
    zone: Zone
    table: str | None
    open: bool
    visible: Visible
    may: Mapping[str, Who]
    anonymous: bool


@dataclass(frozen=True)
class Note:
    """by: person or token, None for the facilitator. masked: `by` is a token. texts: the last ones, the newest last.

    number: of the fact that made it; at, changed_at: ms UTC. *_rev: counters of the fields people may contend for.
    """

    id: str
    zone: str
    x: int
    y: int
    text: str
    colour: str
    by: str | None
    own_group: str | None
    masked: bool
    at: int
    changed_at: int
    number: int
    texts: tuple[str, ...]
    kind: str = "note"
    group: str | None = None
    variant_of: str | None = None
    deleted: bool = False
    text_rev: int = 1
    place_rev: int = 1
    colour_rev: int = 1
    alive_rev: int = 1

    def text_at(self, rev: int) -> str | None:
        """The text that stood at a revision; None when it is not kept any more or never was."""
        back = self.text_rev - rev
        return self.texts[-1 - back] if 0 <= back < len(self.texts) else None

    @property
    def rank(self) -> int:
        """Where it stands when its zone is read row by row."""
        return self.y * _ROW + self.x


@dataclass(frozen=True, slots=True)
class CardGroup:
    id: str
    title: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    id: str
    source: str
    to: str
    label: str


@dataclass(frozen=True, slots=True)
class Comment:
    id: str
    note: str
    text: str
    by: str | None
    own_group: str | None


@dataclass(frozen=True)
class Round:
    """placed: {voter: {target: dots}} as last asked. voted, given: voters and dots that count now (CANVAS 5.4).

    ballot: once closed, {target: (its zone then, the title if it was a group)}: groups may be dissolved afterwards.
    """

    id: str
    target: Target
    zones: tuple[str, ...]
    dots: int
    max_on_one: int
    voters: Literal["all"] | tuple[str, ...]
    groups_kept: tuple[str, ...]
    people: int
    number: int
    open: bool = True
    placed: Layered[str, Mapping[str, int]] = field(default_factory=Layered)
    groups: Layered[str, str | None] = field(default_factory=Layered)
    voted: int = 0
    given: int = 0
    tally: Mapping[str, Any] | None = None
    ballot: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """Dots that the room has not given yet."""
        return max(self.people, self.voted) * self.dots - self.given

    def admits(self, group: str | None) -> bool:
        return self.voters == "all" or group in self.voters


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """References to what stood then; nothing is copied."""

    id: str
    name: str
    automatic: bool
    number: int
    at: int
    notes: Layered[str, Note]
    groups: Mapping[str, CardGroup]
    links: Mapping[str, Link]


@dataclass(frozen=True, slots=True)
class Draft:
    idea: str
    notes: tuple[str, ...]
    group: str | None
    fields: Mapping[str, str]
    number: int
    at: int


class Undoable(NamedTuple):
    """A fact that may be taken back while the field it wrote still carries `rev`. was: the field before.

    masked: it was asked under a token, and so it is taken back.
    """

    number: int
    what: Literal["added", "text", "place", "colour", "deleted", "restored"]
    note: str
    rev: int
    masked: bool
    was: Any = None


@dataclass(frozen=True)
class State:
    """common: zones by their bare key, as boards of tables begin with them; zones: by the key that asks name.

    tables: {label: key}. counts: notes that are not deleted, by zone. lowest: the highest rank ever given, by zone.
    owned, undos, signs: by voter. variants: {note: its second texts}. talk: {note: its comments}.
    """

    setup: Setup
    level: Level
    common: Mapping[str, Ground]
    zones: Mapping[str, Ground]
    phase: str | None = None
    tables: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    focus: str | None = None
    hold: bool = False
    notes: Layered[str, Note] = field(default_factory=Layered)
    counts: Mapping[str, int] = field(default_factory=dict)
    lowest: Mapping[str, int] = field(default_factory=dict)
    owned: Layered[str, tuple[str, ...]] = field(default_factory=Layered)
    undos: Layered[str, tuple[Undoable, ...]] = field(default_factory=Layered)
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, CardGroup] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    comments: Layered[str, Comment] = field(default_factory=Layered)
    talk: Layered[str, tuple[str, ...]] = field(default_factory=Layered)
    signs: Layered[str, Mapping[str, str]] = field(default_factory=Layered)
    reactions: Layered[str, Mapping[str, int]] = field(default_factory=Layered)
    rounds: Mapping[str, Round] = field(default_factory=dict)
    #: The round that takes dots now; there may be one for each table's board.
    voting: tuple[str, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    drafts: Mapping[str, Draft] = field(default_factory=dict)


def start(setup: Setup, level: Level = "pseudonym") -> State:
    """An empty board in its first phase."""
    phases = phases_of(setup)
    phase = phases[0] if phases else None
    common = {zone.key: ground(setup, level, zone, phase) for zone in setup.board.zones}
    return State(
        setup,
        level,
        common=common,
        zones=common if setup.boards_for == "room" else {},
        phase=phase.key if phase else None,
    )


def opened(state: State, opening: Opening) -> State:
    """Called whenever the stage opens: each table there is gets its board, and a board that exists stays."""
    state = changed(state, order=opening.groups)
    if state.setup.boards_for == "table":
        for label in opening.tables:
            state = with_table(state, label)
    return state


# Zones


def phases_of(setup: Setup) -> list[Phase]:
    """The phases this stage goes through, in its order."""
    known = {phase.key: phase for phase in setup.board.phases}
    return list(known.values()) if setup.phases is None else [known[key] for key in setup.phases]


def ground(setup: Setup, level: Level, zone: Zone, phase: Phase | None, table: str | None = None) -> Ground:
    """A zone as template, setup and phase leave it; the later one wins, and a zone's own key wins over `*`."""
    may: dict[str, Who] = {**MAY, **dict(zone.may.items())}
    visible = zone.visible
    layers: list[tuple[Mapping[str, Any], Mapping[str, Visible]]] = [(setup.may, setup.visible)]
    if phase is not None:
        layers.append((phase.may, phase.visible))
    for rules, seen in layers:
        may.update(rules.get("*", {}))
        may.update(rules.get(zone.key, {}))
        visible = seen.get(zone.key, seen.get("*", visible))
    open_now = zone.open if phase is None or phase.open is None else zone.key in phase.open or "*" in phase.open
    key = zone.key if table is None else f"{table}.{zone.key}"
    anonymous = level == "anonymous" or zone.anonymous
    return Ground(key, zone, table, open_now, visible, {verb: may[verb] for verb in VERBS}, anonymous)


def table_key(state: State, label: str) -> str:
    """The key of a table's board: `t` and the label's plain letters and digits, told apart by a number if need be."""
    if label in state.tables:
        return state.tables[label]
    plain = "t" + re.sub(r"[^a-z0-9]", "", label.lower())[:30]
    taken, key, n = list(state.tables.values()), plain, 1
    while key in taken:
        n += 1
        key = f"{plain}_{n}"
    return key


def on_board(common: Ground, table: str) -> Ground:
    """A common zone as it stands on the board of a table."""
    return Ground(
        f"{table}.{common.zone.key}", common.zone, table, common.open, common.visible, common.may, common.anonymous
    )


def with_table(state: State, label: str, key: str | None = None) -> State:
    """The state with a board for this table; the same state where there is one."""
    if label in state.tables:
        return state
    table = key or table_key(state, label)
    fresh = {f"{table}.{bare}": on_board(one, table) for bare, one in state.common.items()}
    return changed(state, tables={**state.tables, label: table}, zones={**state.zones, **fresh})


def zones_named(state: State, key: str) -> list[Ground] | None:
    """The zones an ask of the facilitator means: one, or for a bare key that zone on every board. None: no such zone."""
    if key in state.zones:
        return [state.zones[key]]
    if key in state.common:
        return [one for one in state.zones.values() if one.zone.key == key]
    return None


def with_grounds(state: State, key: str, **fields: Any) -> State:
    """The state with the zones that `key` means changed; a bare key also changes what later boards begin with."""
    named = zones_named(state, key) or []
    zones = {**state.zones, **{one.key: _ground_with(one, **fields) for one in named}}
    if state.setup.boards_for == "room":
        return changed(state, zones=zones, common=zones)
    common = state.common
    if key in common:
        common = {**common, key: _ground_with(common[key], **fields)}
    return changed(state, zones=zones, common=common)


def _ground_with(one: Ground, **fields: Any) -> Ground:
    return Ground(
        one.key,
        one.zone,
        one.table,
        fields.get("open", one.open),
        fields.get("visible", one.visible),
        one.may,
        one.anonymous,
    )


def in_phase(state: State, key: str) -> dict[str, Ground]:
    """All zones as they stand when the phase begins, whatever was opened, closed, hidden or shown by hand before."""
    phase = next((one for one in phases_of(state.setup) if one.key == key), None)
    return {
        one.key: ground(state.setup, state.level, one.zone, phase, one.table)
        for one in (*state.common.values(), *state.zones.values())
    }


# Notes


def sees(visible: Visible, screen: str) -> bool:
    """Whether a screen that many share may know what is in a zone."""
    return visible == "all" or (visible == "desk" and screen == "desk")


def masked(state: State, note: Note) -> bool:
    """Whether who acts on this note stays unknown: born under a token, or lying in an anonymous zone."""
    return note.masked or state.zones[note.zone].anonymous


def paired(state: State, note: Note) -> bool:
    """Whether the note is a second text that still waits beside the first."""
    if note.variant_of is None:
        return False
    first = state.notes.get(note.variant_of)
    return first is not None and not first.deleted


def variants_of(state: State, note: str) -> Iterator[Note]:
    """The second texts that wait beside a note."""
    for id in state.variants.get(note, ()):
        found = state.notes.get(id)
        if found is not None and not found.deleted:
            yield found


def at_the_end(state: State, zone: str) -> tuple[int, int]:
    """Where a note goes that was given no place: under the last one; halfway to the edge where no step is left."""
    low = state.lowest.get(zone)
    if low is None:
        return 0, 0
    place = (low + min(FAR * (FAR + 2), low + 2 * _STEP * _ROW)) // 2
    return place % _ROW, min(FAR, place // _ROW)


def on_board_of(state: State, table: str | None) -> int:
    """Notes on one board that are not deleted."""
    if table is None:
        return sum(state.counts.values())
    return sum(count for key, count in state.counts.items() if state.zones[key].table == table)


# Groups and rounds


def members(state: State, group: CardGroup) -> Iterator[Note]:
    """The notes of a group that are not deleted, in its order."""
    for id in group.notes:
        note = state.notes.get(id)
        if note is not None and not note.deleted:
            yield note


def is_target(state: State, round: Round, id: str) -> bool:
    """Whether dots on this note or group count in the round now (CANVAS 5.4)."""
    if round.target == "groups" and id in state.groups:
        first = next(members(state, state.groups[id]), None)
        return first is not None and first.zone in round.zones
    note = state.notes.get(id)
    if note is None or note.deleted or note.zone not in round.zones:
        return False
    return (round.target == "notes" or note.group is None) and not paired(state, note)


def targets(state: State, round: Round) -> list[str]:
    """All that may be voted on now, zone by zone in the order of the board, each zone row by row."""
    place = {key: at for at, key in enumerate(state.zones)}
    standing = [note for note in state.notes.values() if not note.deleted and note.zone in round.zones]
    standing.sort(key=lambda note: (place[note.zone], note.rank, note.number))
    named: dict[str, None] = {}
    for note in standing:
        if paired(state, note):
            continue
        id = note.group if round.target == "groups" and note.group is not None else note.id
        if id == note.id or is_target(state, round, id):
            named[id] = None
    return list(named)


def counting(state: State, round: Round, placed: Mapping[str, int]) -> dict[str, int]:
    """One voter's dots that count now: those on a target that went are free again."""
    return {target: dots for target, dots in placed.items() if dots > 0 and is_target(state, round, target)}


def voting_in(state: State, zones: Iterable[str]) -> bool:
    """Whether dots are being placed in one of these zones."""
    if not state.voting:
        return False
    return any(zone in state.rounds[id].zones for zone in zones for id in state.voting)
