"""What each screen is sent: the shared view, what a fact changes in it, and what is one person's own (CANVAS 4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..contract import AFact, Happening, Me
from .messages import (
    ANoteFact,
    CheckpointMade,
    CommentDeleted,
    Commented,
    DotsPlaced,
    Focused,
    GroupChanged,
    GroupDissolved,
    GroupMade,
    GroupNamed,
    IdeaDrafted,
    Linked,
    NoteAdded,
    NoteColoured,
    NoteDeleted,
    NoteMoved,
    NoteRestored,
    PhaseSet,
    Reacted,
    Restored,
    TextChanged,
    Unlinked,
    VariantAdded,
    VariantSettled,
    Visible,
    VoteClosed,
    VoteOpened,
    ZoneClosed,
    ZoneHidden,
    ZoneOpened,
    ZoneShown,
)
from .state import (
    CardGroup,
    Comment,
    Ground,
    Link,
    Note,
    Round,
    State,
    counting,
    members,
    phases_of,
    sees,
    variants_of,
    zones_named,
)

#: What the one-way token of an anonymous zone or stage is made from.
SCOPE = "stage"
#: Bytes of an entry; a larger one is replaced by "fetch the view".
LARGEST = 64 * 1024
#: A note takes at least this many bytes in an entry, so that many of them need not be written out to be measured.
_NOTE_AT_LEAST = 120

Entry = dict[str, Any]
Fields = dict[str, Any]
ALL: Mapping[str, Any] = {"all": True}


# The shared view


def view(state: State, screen: str) -> dict[str, Any]:
    """{"board","zones","notes","groups","links","comments","rounds"}; all but the first are objects by id (CANVAS 4.1).

    Texts of the template are left in all languages. What a screen may not know is absent.
    """
    seen = {key: sees(zone.visible, screen) for key, zone in state.zones.items()}
    notes = {note.id: note_fields(state, note) for note in state.notes.values() if not note.deleted and seen[note.zone]}
    groups = {}
    for group in state.groups.values():
        fields = _group_fields(state, group, screen)
        if fields is not None:
            groups[group.id] = _present(fields)
    return {
        "board": _board(state, screen),
        "zones": {key: _zone_fields(state, zone, screen) for key, zone in state.zones.items()},
        "notes": notes,
        "groups": groups,
        "links": {
            link.id: _link_fields(link) for link in state.links.values() if link.source in notes and link.to in notes
        },
        "comments": {
            comment.id: _comment_fields(state, comment) for comment in state.comments.values() if comment.note in notes
        },
        "rounds": {round.id: _round_fields(round) for round in state.rounds.values()},
    }


def _present(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}


def _board(state: State, screen: str) -> Fields:
    setup, board = state.setup, state.setup.board
    shown: Fields = {
        "key": board.key,
        "version": board.version,
        "title": board.title,
        "credit": board.credit,
        "note": board.note,
        "phase": state.phase,
        "phases": [
            _present({"key": phase.key, "title": phase.title, "minutes": phase.minutes}) for phase in phases_of(setup)
        ],
        "focus": state.focus,
        "hold": state.hold,
        "cols": board.cols,
        "rows": board.rows,
        "flow": [list(pair) for pair in board.flow],
        "names": setup.names,
        "dots": setup.dots,
        "max_on_one": setup.max_on_one,
        "drafts": _drafts(state),
    }
    if setup.boards_for == "table":
        shown["tables"] = [{"key": key, "label": label} for label, key in state.tables.items()]
    if screen == "desk":
        shown["checkpoints"] = _checkpoints(state)
    return _present(shown)


def _drafts(state: State) -> list[Fields]:
    return [
        _present({"idea": draft.idea, "group": draft.group, "notes": list(draft.notes)})
        for draft in state.drafts.values()
    ]


def _checkpoints(state: State) -> list[Fields]:
    return [
        {"id": point.id, "name": point.name, "at": point.at, "automatic": point.automatic}
        for point in state.checkpoints
    ]


def _zone_fields(state: State, zone: Ground, screen: str) -> Fields:
    template = zone.zone
    shown: Fields = {
        "role": template.role,
        "title": template.title,
        "prompt": template.prompt,
        "at": list(template.at),
        "open": zone.open,
        "visible": zone.visible,
        "may": dict(zone.may),
        "hidden": _hidden(state, zone, screen),
        "anonymous": zone.anonymous or None,
        "notes_max": template.notes_max,
        "table": zone.table,
    }
    if template.axis is not None:
        shown["axis"] = {
            "x": {"low": template.axis.x.low, "high": template.axis.x.high},
            "y": {"low": template.axis.y.low, "high": template.axis.y.high},
        }
    if template.hints:
        shown["hints"] = dict(template.hints)
    return _present(shown)


def _hidden(state: State, zone: Ground, screen: str) -> int | None:
    """How many notes lie in a zone that the screen may not look into.

    Not for anonymous zones: a counter that goes up tells when somebody pressed send (CANVAS 4.5); see `counters`.
    """
    return None if zone.anonymous or sees(zone.visible, screen) else state.counts.get(zone.key, 0)


def counters(state: State) -> dict[str, int]:
    """{zone: notes} of the anonymous zones that not everybody may look into, to be told with presence, at most each second."""
    return {
        zone.key: state.counts.get(zone.key, 0)
        for zone in state.zones.values()
        if zone.anonymous and zone.visible != "all"
    }


def note_fields(state: State, note: Note) -> Fields:
    """All that may be public about a note; never `by` as such, nor earlier texts."""
    shown: Fields = {
        "zone": note.zone,
        "x": note.x,
        "y": note.y,
        "text": note.text,
        "colour": note.colour,
        "kind": note.kind,
        "revs": _revs(note),
    }
    if note.group is not None:
        shown["group"] = note.group
    if note.variant_of is not None:
        shown["variant_of"] = note.variant_of
    if note.own_group is not None and state.setup.names != "none":
        shown["own_group"] = note.own_group
    author = author_of(state, note)
    if author is not None:
        shown["author"] = author
    reactions = state.reactions.get(note.id)
    if reactions:
        shown["reactions"] = dict(reactions)
    return shown


def author_of(state: State, note: Note) -> str | None:
    """The person whose name stands on the note, where names do."""
    named = state.setup.names == "name" and state.level == "named"
    return note.by if named and not note.masked and not state.zones[note.zone].anonymous else None


def _revs(note: Note) -> dict[str, int]:
    return {"text": note.text_rev, "place": note.place_rev, "colour": note.colour_rev, "alive": note.alive_rev}


def _group_fields(state: State, group: CardGroup, screen: str) -> Fields | None:
    """A group as far as its notes may be seen; None when none may. It sits where the first of them sits."""
    found = [note for note in members(state, group) if sees(state.zones[note.zone].visible, screen)]
    if not found:
        return None
    return {"title": group.title or None, "notes": [note.id for note in found], "zone": found[0].zone}


def _link_fields(link: Link) -> Fields:
    return _present({"from": link.source, "to": link.to, "label": link.label or None})


def _comment_fields(state: State, comment: Comment) -> Fields:
    own_group = comment.own_group if state.setup.names != "none" else None
    return _present({"note": comment.note, "text": comment.text, "own_group": own_group})


def _round_fields(round: Round) -> Fields:
    shown: Fields = {
        "target": round.target,
        "zones": list(round.zones),
        "dots": round.dots,
        "max_on_one": round.max_on_one,
        "voters": round.voters if round.voters == "all" else list(round.voters),
        "open": round.open,
        "voted": round.voted,
        "left": round.left,
    }
    if round.tally is not None:
        shown["tally"] = dict(round.tally)
    return shown


def shell(state: State, screen: str) -> dict[str, Any]:
    """What the page around the element is drawn from: nothing in it changes while people write."""
    board = state.setup.board
    return {
        "level": state.level,
        "board": _present({"key": board.key, "title": board.title, "note": board.note, "credit": board.credit}),
        "phases": [
            _present({"key": phase.key, "title": phase.title, "minutes": phase.minutes})
            for phase in phases_of(state.setup)
        ],
        "boards_for": state.setup.boards_for,
        "names": state.setup.names,
        "dots": state.setup.dots,
        "max_on_one": state.setup.max_on_one,
        "zones": [{"key": zone.key, "title": zone.title, "role": zone.role} for zone in board.zones],
    }


# One person's own


def mine(state: State, me: Me) -> dict[str, Any]:
    """{"notes","own","dots","left","reactions","undo","table"}, each only where there is something.

    notes: own notes that others cannot see; own: ids of those they can. undo: number of the latest fact, which can be
    taken back if nobody changed the same since. table: key of the board of the person's table. What was given under a
    token is found by the token.
    """
    notes: dict[str, Fields] = {}
    own: list[str] = []
    dots: dict[str, dict[str, int]] = {}
    left: dict[str, int] = {}
    reactions: dict[str, str] = {}
    undo = 0
    for voter in dict.fromkeys((me.voter(None), me.voter(SCOPE))):
        for id in state.owned.get(voter, ()):
            note = state.notes[id]
            if note.deleted:
                continue
            if state.zones[note.zone].visible == "all":
                own.append(id)
            else:
                notes[id] = note_fields(state, note)
        reactions.update(state.signs.get(voter, {}))
        for latest in state.undos.get(voter, ())[-1:]:
            undo = max(undo, latest.number)
        for round in state.rounds.values():
            placed = round.placed.get(voter, {})
            now = counting(state, round, placed) if round.open else {id: n for id, n in placed.items() if n > 0}
            if now:
                dots[round.id] = {**dots.get(round.id, {}), **now}
    for id in state.voting:
        round = state.rounds[id]
        if round.admits(me.group):
            left[id] = round.dots - sum(dots.get(id, {}).values())
    shown: dict[str, Any] = {
        "notes": notes,
        "own": own,
        "dots": dots,
        "left": left,
        "reactions": reactions,
        "undo": undo,
        "table": state.tables.get(me.table or ""),
    }
    return {name: value for name, value in shown.items() if value}


def touched(state: State, happened: Happening) -> list[str] | None:
    """Voters beside the asker whose `mine` this fact has changed; None for everybody. state: after the fact."""
    fact = happened.fact
    if fact.touches == "all":
        return None
    if state.voting and isinstance(fact, _MOVING_TARGETS):
        # Dots on a target that goes are free again, and whose they were nobody here may know.
        return None
    ids: list[str] = [fact.note] if isinstance(fact, (ANoteFact, VariantSettled, Reacted)) else []
    if isinstance(fact, VariantSettled):
        ids.append(fact.variant)
    elif isinstance(fact, NoteMoved):
        ids.extend(variant.id for variant in variants_of(state, fact.note))
    elif isinstance(fact, (GroupMade, GroupDissolved)):
        ids.extend(fact.notes)
    elif isinstance(fact, GroupChanged):
        ids.extend((*fact.added, *fact.taken))
    authors = [note.by for id in ids if (note := state.notes.get(id)) is not None]
    return [by for by in dict.fromkeys(authors) if by is not None and by != happened.voter]


_MOVING_TARGETS = (NoteDeleted, NoteMoved, NoteRestored, VariantSettled, GroupMade, GroupChanged, GroupDissolved)


# What a fact changes in the shared view


class _Entry:
    """An entry being put together, for one screen."""

    __slots__ = ("gone", "screen", "set", "state")

    def __init__(self, state: State, screen: str) -> None:
        self.state = state
        self.screen = screen
        self.set: dict[str, Any] = {}
        self.gone: dict[str, list[str]] = {}

    def put(self, collection: str, id: str, fields: Fields) -> None:
        self.set.setdefault(collection, {}).setdefault(id, {}).update(fields)

    def drop(self, collection: str, id: str) -> None:
        ids = self.gone.setdefault(collection, [])
        if id not in ids:
            ids.append(id)

    def sees(self, zone: str) -> bool:
        return sees(self.state.zones[zone].visible, self.screen)

    def note(self, note: Note, before: bool, fields: Fields | None) -> None:
        """A note that was visible `before` or not. fields: what changed, where it is visible before and after."""
        after = not note.deleted and self.sees(note.zone)
        if after and before:
            if fields:
                self.put("notes", note.id, fields)
        elif after:
            self.put("notes", note.id, note_fields(self.state, note))
        elif before:
            self.drop("notes", note.id)
        if after != before:
            self._hangs_on(note, after)
        if (after or before) and note.group is not None:
            self.group(note.group)

    def _hangs_on(self, note: Note, shown: bool) -> None:
        """Comments and links come and go with their note."""
        for id in self.state.talk.get(note.id, ()):
            if shown:
                self.put("comments", id, _comment_fields(self.state, self.state.comments[id]))
            else:
                self.drop("comments", id)
        for link in self.state.links.values():
            if note.id not in (link.source, link.to):
                continue
            if not shown:
                self.drop("links", link.id)
            elif self._stands(link.source) and self._stands(link.to):
                self.put("links", link.id, _link_fields(link))

    def _stands(self, id: str) -> bool:
        note = self.state.notes[id]
        return not note.deleted and self.sees(note.zone)

    def group(self, id: str) -> None:
        group = self.state.groups.get(id)
        fields = None if group is None else _group_fields(self.state, group, self.screen)
        if fields is None:
            self.drop("groups", id)
        else:
            self.put("groups", id, fields)

    def counter(self, zone: str) -> None:
        count = _hidden(self.state, self.state.zones[zone], self.screen)
        if count is not None:
            self.put("zones", zone, {"hidden": count})

    def rounds(self) -> None:
        for id in self.state.voting:
            round = self.state.rounds[id]
            self.put("rounds", id, {"voted": round.voted, "left": round.left})

    def done(self, measured: bool = False) -> Entry | None:
        entry: Entry = {}
        if self.set:
            entry["set"] = self.set
        if self.gone:
            entry["gone"] = self.gone
        if measured and entry and _too_large(entry):
            return dict(ALL)
        return entry or None


def _too_large(entry: Entry) -> bool:
    if len(entry.get("set", {}).get("notes", ())) * _NOTE_AT_LEAST > LARGEST:
        return True
    return len(json.dumps(entry, ensure_ascii=False).encode()) > LARGEST


def patch(state: State, happened: Happening, screen: str) -> Entry | None:
    """What the fact changes in `view(state, screen)`, `state` being the one after it; None when that is nothing.

    {"set"?,"gone"?}, {"hidden": zone, "added"|"removed"?} or {"all": true} (CANVAS 4.2), without "n", which the screens add.
    """
    made = _BY_KIND.get(type(happened.fact))
    return None if made is None else made(state, happened.fact, screen)


def _stub(state: State, zone: str, what: str | None = None) -> Entry | None:
    """Something happened in a zone that this screen may not look into."""
    if state.zones[zone].anonymous:
        return None
    return {"hidden": zone} if what is None else {"hidden": zone, what: True}


def _patch_added(state: State, fact: NoteAdded | VariantAdded, screen: str) -> Entry | None:
    note = state.notes.get(fact.note)
    if note is None:
        return None
    if isinstance(fact, NoteAdded) and fact.table is not None:
        # A whole board came with it, and its titles are in another language on each phone.
        return dict(ALL)
    if not sees(state.zones[note.zone].visible, screen):
        return _stub(state, note.zone, "added")
    if not state.voting:
        return {"set": {"notes": {note.id: note_fields(state, note)}}}
    entry = _Entry(state, screen)
    entry.note(note, False, None)
    entry.rounds()
    return entry.done()


def _patch_fields(state: State, id: str, screen: str, fields: Callable[[Note], Fields]) -> Entry | None:
    note = state.notes.get(id)
    if note is None or note.deleted:
        return None
    if not sees(state.zones[note.zone].visible, screen):
        return _stub(state, note.zone)
    return {"set": {"notes": {id: fields(note)}}}


def _patch_text(state: State, fact: TextChanged, screen: str) -> Entry | None:
    return _patch_fields(state, fact.note, screen, lambda note: {"text": note.text, "revs": _revs(note)})


def _patch_colour(state: State, fact: NoteColoured, screen: str) -> Entry | None:
    return _patch_fields(state, fact.note, screen, lambda note: {"colour": note.colour, "revs": _revs(note)})


def _patch_reacted(state: State, fact: Reacted, screen: str) -> Entry | None:
    return _patch_fields(
        state, fact.note, screen, lambda note: {"reactions": dict(state.reactions.get(note.id, {})) or None}
    )


def _place(state: State, note: Note) -> Fields:
    fields: Fields = {"zone": note.zone, "x": note.x, "y": note.y, "revs": _revs(note)}
    if state.setup.names == "name":
        fields["author"] = author_of(state, note)
    return fields


def _patch_moved(state: State, fact: NoteMoved, screen: str) -> Entry | None:
    note = state.notes.get(fact.note)
    if note is None or note.deleted or note.zone != fact.zone:
        return None
    left, entered = fact.was.zone, fact.zone
    before, after = sees(state.zones[left].visible, screen), sees(state.zones[entered].visible, screen)
    if not before and not after and left == entered:
        return _stub(state, entered)
    pages = list(variants_of(state, note.id)) if state.variants else []
    if before and after and not pages and note.group is None and not state.voting:
        return {"set": {"notes": {note.id: _place(state, note)}}}
    entry = _Entry(state, screen)
    for one in (note, *pages):
        entry.note(one, before, _place(state, one))
    if left != entered:
        entry.counter(left)
        entry.counter(entered)
        entry.rounds()
    return entry.done()


def _patch_alive(state: State, fact: NoteDeleted | NoteRestored, screen: str) -> Entry | None:
    """A note that went, or came back."""
    note, went = state.notes.get(fact.note), isinstance(fact, NoteDeleted)
    if note is None:
        return None
    if not sees(state.zones[note.zone].visible, screen):
        return _stub(state, note.zone, "removed" if went else "added")
    entry = _Entry(state, screen)
    entry.note(note, went, None)
    entry.rounds()
    return entry.done()


def _patch_settled(state: State, fact: VariantSettled, screen: str) -> Entry | None:
    note, variant = state.notes.get(fact.note), state.notes.get(fact.variant)
    if note is None or variant is None:
        return None
    if not sees(state.zones[variant.zone].visible, screen):
        return _stub(state, variant.zone, None if fact.keep == "both" else "removed")
    entry = _Entry(state, screen)
    if fact.keep == "both":
        entry.put("notes", variant.id, {"variant_of": None})
    else:
        entry.note(variant, True, None)
        entry.put("notes", note.id, {"text": note.text, "revs": _revs(note)})
    entry.rounds()
    return entry.done()


def _patch_dots(state: State, fact: DotsPlaced, screen: str) -> Entry | None:
    round = state.rounds.get(fact.round)
    if round is None:
        return None
    return {"set": {"rounds": {round.id: {"voted": round.voted, "left": round.left}}}}


def _patch_round(state: State, fact: VoteOpened | VoteClosed, screen: str) -> Entry | None:
    round = state.rounds.get(fact.round)
    if round is None:
        return None
    entry = _Entry(state, screen)
    entry.put("rounds", round.id, _round_fields(round))
    return entry.done(measured=True)


def _patch_group(
    state: State, fact: GroupMade | GroupChanged | GroupDissolved | GroupNamed, screen: str
) -> Entry | None:
    entry = _Entry(state, screen)
    ids: Iterable[str] = ()
    if isinstance(fact, GroupChanged):
        ids = (*fact.added, *fact.taken)
    elif not isinstance(fact, GroupNamed):
        ids = fact.notes
    for id in ids:
        note = state.notes.get(id)
        if note is not None and not note.deleted and entry.sees(note.zone):
            entry.put("notes", id, {"group": note.group})
    was = () if isinstance(fact, (GroupNamed, GroupDissolved)) else fact.was.values()
    for group in dict.fromkeys((fact.group, *was)):
        entry.group(group)
    entry.rounds()
    return entry.done(measured=True)


def _patch_link(state: State, fact: Linked | Unlinked, screen: str) -> Entry | None:
    if isinstance(fact, Unlinked):
        return {"gone": {"links": [fact.link]}}
    link = state.links.get(fact.link)
    ends = () if link is None else (state.notes[link.source], state.notes[link.to])
    if link is None or any(one.deleted or not sees(state.zones[one.zone].visible, screen) for one in ends):
        return None
    return {"set": {"links": {link.id: _link_fields(link)}}}


def _patch_comment(state: State, fact: Commented | CommentDeleted, screen: str) -> Entry | None:
    note = state.notes.get(fact.note)
    if note is None or note.deleted or not sees(state.zones[note.zone].visible, screen):
        return None
    if isinstance(fact, CommentDeleted):
        return {"gone": {"comments": [fact.comment]}}
    comment = state.comments.get(fact.comment)
    return None if comment is None else {"set": {"comments": {comment.id: _comment_fields(state, comment)}}}


def _patch_zone(state: State, fact: ZoneOpened | ZoneClosed, screen: str) -> Entry | None:
    zones = zones_named(state, fact.zone)
    return {"set": {"zones": {zone.key: {"open": zone.open} for zone in zones}}} if zones else None


def _patch_seen(state: State, fact: ZoneHidden | ZoneShown, screen: str) -> Entry | None:
    entry = _Entry(state, screen)
    for zone in zones_named(state, fact.zone) or ():
        entry.put("zones", zone.key, {"visible": zone.visible, "hidden": _hidden(state, zone, screen)})
    return _seen_anew(entry, fact.was)


def _patch_phase(state: State, fact: PhaseSet, screen: str) -> Entry | None:
    entry = _Entry(state, screen)
    entry.set["board"] = {"phase": fact.phase}
    for zone in state.zones.values():
        fields = {"open": zone.open, "visible": zone.visible, "may": dict(zone.may)}
        entry.put("zones", zone.key, {**fields, "hidden": _hidden(state, zone, screen)})
    return _seen_anew(entry, fact.was)


def _seen_anew(entry: _Entry, was: Mapping[str, Visible]) -> Entry | None:
    """Adds the notes of zones that this screen may look into from now on, or may no more."""
    turned = {key: sees(seen, entry.screen) for key, seen in was.items() if key in entry.state.zones}
    turned = {key: before for key, before in turned.items() if before != entry.sees(key)}
    if not turned:
        return entry.done(measured=True)
    if sum(entry.state.counts.get(key, 0) for key, before in turned.items() if not before) * _NOTE_AT_LEAST > LARGEST:
        return dict(ALL)
    for note in entry.state.notes.values():
        if not note.deleted and note.zone in turned:
            entry.note(note, turned[note.zone], None)
    return entry.done(measured=True)


def _patch_checkpoint(state: State, fact: CheckpointMade, screen: str) -> Entry | None:
    return {"set": {"board": {"checkpoints": _checkpoints(state)}}} if screen == "desk" else None


def _patch_restored(state: State, fact: Restored, screen: str) -> Entry | None:
    # Groups and links were set back too; what they were before is not in the fact, and one tap a day may cost a fetch.
    return dict(ALL)


def _patch_focus(state: State, fact: Focused, screen: str) -> Entry | None:
    return {"set": {"board": {"focus": state.focus, "hold": state.hold}}}


def _patch_drafted(state: State, fact: IdeaDrafted, screen: str) -> Entry | None:
    entry = _Entry(state, screen)
    entry.set["board"] = {"drafts": _drafts(state)}
    return entry.done(measured=True)


_BY_KIND: Mapping[type[AFact], Callable[[State, Any, str], Entry | None]] = {
    NoteAdded: _patch_added,
    VariantAdded: _patch_added,
    TextChanged: _patch_text,
    VariantSettled: _patch_settled,
    NoteMoved: _patch_moved,
    NoteColoured: _patch_colour,
    NoteDeleted: _patch_alive,
    NoteRestored: _patch_alive,
    Reacted: _patch_reacted,
    DotsPlaced: _patch_dots,
    GroupMade: _patch_group,
    GroupChanged: _patch_group,
    GroupNamed: _patch_group,
    GroupDissolved: _patch_group,
    Linked: _patch_link,
    Unlinked: _patch_link,
    Commented: _patch_comment,
    CommentDeleted: _patch_comment,
    ZoneOpened: _patch_zone,
    ZoneClosed: _patch_zone,
    ZoneHidden: _patch_seen,
    ZoneShown: _patch_seen,
    PhaseSet: _patch_phase,
    VoteOpened: _patch_round,
    VoteClosed: _patch_round,
    CheckpointMade: _patch_checkpoint,
    Restored: _patch_restored,
    Focused: _patch_focus,
    IdeaDrafted: _patch_drafted,
}

__all__ = ["ALL", "SCOPE", "author_of", "counters", "mine", "note_fields", "patch", "shell", "touched", "view"]
