"""Which facts an ask leaves, or why it is refused. The order of the checks is part of the interface (CANVAS 2.3).

1 the target exists and the asker can see it, else `gone`; a new id is free, else `exists` · 2 `zone_unknown` · 3 `zone_closed` ·
4 `not_yours`, `not_allowed` · 5 `empty`, `too_long`, `too_many` · 6 `zone_full`, `board_full` · 7 `no_vote`, `bad_target`,
`vote_open`, `too_many_on_one`, `no_dots_left` · 8 `changed_since`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..contract import AFact, AnAsk, Moment, Refusal, kept_groups
from ..contract.merge import merge, tidy
from .messages import (
    COMMENT,
    LABEL,
    NOTE,
    TITLE,
    AddNote,
    AddToGroup,
    CheckpointMade,
    CloseVote,
    CloseZone,
    ColourNote,
    Comment,
    CommentDeleted,
    Commented,
    DeleteComment,
    DeleteNote,
    DissolveGroup,
    DotsPlaced,
    DraftIdea,
    EditText,
    Focus,
    Focused,
    GroupChanged,
    GroupDissolved,
    GroupMade,
    GroupNamed,
    HideZone,
    IdeaDrafted,
    Link,
    Linked,
    MakeCheckpoint,
    MakeGroup,
    MoveNote,
    NameGroup,
    NoteAdded,
    NoteColoured,
    NoteDeleted,
    NoteMoved,
    NoteRestored,
    OpenVote,
    OpenZone,
    PhaseSet,
    PlaceDots,
    React,
    Reacted,
    RestoreCheckpoint,
    Restored,
    RestoreNote,
    SetPhase,
    SettleVariant,
    ShowZone,
    TakeFromGroup,
    TextChanged,
    Undo,
    Unlink,
    Unlinked,
    VariantAdded,
    VariantSettled,
    Visible,
    VoteClosed,
    VoteOpened,
    WasPlace,
    WasText,
    ZoneClosed,
    ZoneHidden,
    ZoneOpened,
    ZoneShown,
)
from .state import (
    CHECKPOINTS,
    DESK,
    CardGroup,
    Checkpoint,
    Ground,
    Note,
    State,
    Undoable,
    at_the_end,
    counting,
    in_phase,
    is_target,
    masked,
    members,
    on_board,
    on_board_of,
    paired,
    phases_of,
    table_key,
    voting_in,
    zones_named,
)

#: Card groups and links on a board, comments on a note (CANVAS 7).
GROUPS, LINKS, COMMENTS = 200, 1_000, 50

Decided = list[AFact] | Refusal


def decide(state: State, ask: AnAsk, moment: Moment) -> Decided:
    decided = _BY_KIND.get(type(ask))
    if decided is None:
        return Refusal("unknown_ask")
    if moment.actor == "phone" and "phone" not in ask.by:
        return Refusal("not_allowed")
    return decided(state, ask, moment)


# Who may do what, where


def _sees(visible: Visible, note: Note, moment: Moment) -> bool:
    if visible == "all":
        return True
    if moment.actor == "phone":
        return _is_own(note, moment)
    return visible == "desk" or note.by is None


def _is_own(note: Note, moment: Moment) -> bool:
    if moment.actor == "phone":
        return note.by is not None and note.by == moment.voter
    return note.by is None


def _target(state: State, id: str, moment: Moment, deleted: bool = False) -> Note | None:
    """The note, if the asker can see it; a deleted one only where that is what the ask is about."""
    note = state.notes.get(id)
    if note is None or (note.deleted and not deleted):
        return None
    return note if _sees(state.zones[note.zone].visible, note, moment) else None


def _stopped(state: State, verb: str, moment: Moment, places: Iterable[tuple[Ground, bool]]) -> Refusal | None:
    """Checks 3 and 4 for one verb. places: (zone, whether what the asker means there is their own)."""
    if moment.actor != "phone":
        return None
    places = list(places)
    for zone, _ in places:
        if not zone.open:
            return Refusal("zone_closed")
    for zone, own in places:
        barred = _barred(state, zone, verb, moment, own)
        if barred is not None:
            return barred
    return None


def _barred(state: State, zone: Ground, verb: str, moment: Moment, own: bool) -> Refusal | None:
    """Check 4. The board of a table is there for others to read only."""
    who = zone.may[verb]
    at_home = zone.table is None or (moment.table is not None and table_key(state, moment.table) == zone.table)
    if who == "author":
        return None if at_home and (own or verb == "write") else Refusal("not_yours")
    if who == "everyone":
        allowed = at_home
    elif who == "table":
        allowed = at_home and moment.table is not None
    elif isinstance(who, list):
        allowed = at_home and moment.group in who
    else:
        allowed = False
    return None if allowed else Refusal("not_allowed")


def _full(state: State, zone: Ground) -> Refusal | None:
    most = zone.zone.notes_max
    if most is not None and state.counts.get(zone.key, 0) >= most:
        return Refusal("zone_full", details={"max": most})
    if on_board_of(state, zone.table) >= state.setup.notes_max:
        return Refusal("board_full", details={"max": state.setup.notes_max})
    return None


def _wrong(text: str, longest: int, may_be_empty: bool = False) -> Refusal | None:
    """Check 5 for a tidied text."""
    if not may_be_empty and not text.strip():
        return Refusal("empty")
    return Refusal("too_long", details={"max": longest}) if len(text) > longest else None


def _told_group(moment: Moment, anonymous: bool) -> str | None:
    """The asker's group as the fact may name it."""
    if moment.actor != "phone" or not anonymous:
        return moment.group
    return moment.group if moment.group in kept_groups(moment.sizes) else None


# Notes


def _add_note(state: State, ask: AddNote, moment: Moment) -> Decided:
    if ask.note in state.notes:
        return Refusal("exists")
    zone = state.zones.get(ask.zone)
    begins = zone is None
    if zone is None:
        zone = _own_board(state, ask.zone, moment)
    if zone is None:
        return Refusal("zone_unknown")
    if moment.actor == "phone":
        if not zone.open:
            return Refusal("zone_closed")
        barred = _barred(state, zone, "write", moment, True)
        if barred is not None:
            return barred
    if "note" not in zone.zone.kinds:
        return Refusal("not_allowed")
    text = tidy(ask.text)
    wrong = _wrong(text, NOTE) or _full(state, zone)
    if wrong is not None:
        return wrong
    if ask.x is None and ask.y is None:
        x, y = at_the_end(state, zone.key)
    else:
        x, y = ask.x or 0, ask.y or 0
    return [
        NoteAdded(
            note=ask.note,
            zone=zone.key,
            x=x,
            y=y,
            text=text,
            colour=ask.colour,
            own_group=_told_group(moment, zone.anonymous),
            table=moment.table if begins else None,
        )
    ]


def _own_board(state: State, key: str, moment: Moment) -> Ground | None:
    """A zone of the board that the asker's table would have: the table came after the stage was opened."""
    if state.setup.boards_for != "table" or moment.actor != "phone" or moment.table is None:
        return None
    table, _, bare = key.partition(".")
    if moment.table in state.tables or bare not in state.common or table != table_key(state, moment.table):
        return None
    return on_board(state.common[bare], table)


def _edit_text(state: State, ask: EditText, moment: Moment, undoes: int | None = None) -> Decided:
    note = _target(state, ask.note, moment)
    if note is None:
        return Refusal("gone")
    zone = state.zones[note.zone]
    text = tidy(ask.text)
    no = _stopped(state, "edit", moment, [(zone, _is_own(note, moment))]) or _wrong(text, NOTE)
    if no is not None:
        return no
    if text == note.text:
        return []
    merged = False
    if ask.base != note.text_rev:
        base = note.text_at(ask.base)
        both = None if base is None else merge(base, note.text, text, NOTE)
        if both is None:
            own_group = _told_group(moment, masked(state, note))
            return [VariantAdded(note=moment.id(0), of=_first_of(state, note), text=text, own_group=own_group)]
        if both == note.text:
            return []
        merged, text = True, both
    was = WasText(text=note.text)
    return [TextChanged(note=note.id, text=text, rev=note.text_rev + 1, merged=merged, was=was, undoes=undoes)]


def _first_of(state: State, note: Note) -> str:
    # A second text of a second text is one more page of the same card.
    return note.variant_of if note.variant_of is not None and paired(state, note) else note.id


def _settle_variant(state: State, ask: SettleVariant, moment: Moment) -> Decided:
    note, variant = _target(state, ask.note, moment), _target(state, ask.variant, moment)
    if note is None or variant is None or variant.variant_of != note.id:
        return Refusal("gone")
    zone = state.zones[note.zone]
    no = _stopped(state, "edit", moment, [(zone, _is_own(note, moment))])
    return no or [VariantSettled(note=note.id, variant=variant.id, keep=ask.keep)]


def _move_note(state: State, ask: MoveNote, moment: Moment, undoes: int | None = None) -> Decided:
    note = _target(state, ask.note, moment)
    if note is None:
        return Refusal("gone")
    entered = state.zones.get(ask.zone)
    if entered is None:
        return Refusal("zone_unknown")
    left = state.zones[note.zone]
    away = entered.key != left.key
    own = _is_own(note, moment)
    if moment.actor == "phone":
        if not (left.open and entered.open):
            return Refusal("zone_closed")
        barred = _barred(state, left, "move", moment, own)
        if barred is None and away:
            barred = _barred(state, entered, "write", moment, own)
        if barred is not None:
            return barred
    # It would disappear from every screen but its author's, the mover's included.
    if away and not own and not _sees(entered.visible, note, moment):
        return Refusal("not_yours")
    if away:
        full = _full_after(state, left, entered)
        if full is not None:
            return full
    if note.variant_of is not None and paired(state, note):
        return Refusal("bad_target")
    x, y = note.x, note.y
    if ask.x is not None or ask.y is not None:
        x, y = (x if ask.x is None else ask.x), (y if ask.y is None else ask.y)
    elif away:
        x, y = at_the_end(state, entered.key)
    if not away and (x, y) == (note.x, note.y):
        return []
    was = WasPlace(zone=note.zone, x=note.x, y=note.y)
    return [NoteMoved(note=note.id, zone=entered.key, x=x, y=y, rev=note.place_rev + 1, was=was, undoes=undoes)]


def _full_after(state: State, left: Ground, entered: Ground) -> Refusal | None:
    full = _full(state, entered)
    # Within one board a move makes it no fuller.
    return None if full is not None and full.code == "board_full" and left.table == entered.table else full


def _colour_note(state: State, ask: ColourNote, moment: Moment, undoes: int | None = None) -> Decided:
    note = _target(state, ask.note, moment)
    if note is None:
        return Refusal("gone")
    no = _stopped(state, "edit", moment, [(state.zones[note.zone], _is_own(note, moment))])
    if no is not None:
        return no
    if ask.colour == note.colour:
        return []
    return [NoteColoured(note=note.id, colour=ask.colour, rev=note.colour_rev + 1, was=note.colour, undoes=undoes)]


def _delete_note(state: State, ask: DeleteNote, moment: Moment, undoes: int | None = None) -> Decided:
    note = _target(state, ask.note, moment)
    if note is None:
        return Refusal("gone")
    own = _is_own(note, moment)
    no = _stopped(state, "delete", moment, [(state.zones[note.zone], own)])
    if no is not None:
        return no
    if moment.actor == "phone" and voting_in(state, [note.zone]):
        return Refusal("vote_open")
    if not own and ask.base != note.text_rev:
        return Refusal("changed_since", details={"note": note.id})
    return [NoteDeleted(note=note.id, rev=note.alive_rev + 1, undoes=undoes)]


def _restore_note(state: State, ask: RestoreNote, moment: Moment, undoes: int | None = None) -> Decided:
    note = _target(state, ask.note, moment, deleted=True)
    if note is None:
        return Refusal("gone")
    zone = state.zones[note.zone]
    no = _stopped(state, "delete", moment, [(zone, _is_own(note, moment))])
    if no is not None:
        return no
    if not note.deleted:
        return []
    return _full(state, zone) or [NoteRestored(note=note.id, rev=note.alive_rev + 1, undoes=undoes)]


def _react(state: State, ask: React, moment: Moment) -> Decided:
    note = _target(state, ask.note, moment)
    if note is None:
        return Refusal("gone")
    no = _stopped(state, "react", moment, [(state.zones[note.zone], _is_own(note, moment))])
    if no is not None:
        return no
    before = state.signs.get(moment.voter or "", {}).get(note.id)
    return [] if moment.voter is None or before == ask.sign else [Reacted(note=note.id, sign=ask.sign)]


# Rounds of dots


def _place_dots(state: State, ask: PlaceDots, moment: Moment) -> Decided:
    if ask.target in state.groups:
        if not _group_seen(state, state.groups[ask.target], moment):
            return Refusal("gone")
    elif _target(state, ask.target, moment) is None:
        return Refusal("gone")
    round = state.rounds.get(ask.round)
    if round is not None and not round.admits(moment.group):
        return Refusal("not_allowed")
    if round is None or not round.open:
        return Refusal("no_vote")
    if not is_target(state, round, ask.target):
        return Refusal("bad_target")
    if ask.dots > round.max_on_one:
        return Refusal("too_many_on_one", details={"max": round.max_on_one})
    placed = counting(state, round, round.placed.get(moment.voter or "", {}))
    before = placed.pop(ask.target, 0)
    if sum(placed.values()) + ask.dots > round.dots:
        return Refusal("no_dots_left", details={"dots": round.dots})
    if moment.voter is None or ask.dots == before:
        return []
    group = moment.group
    if moment.person is None and group not in round.groups_kept:
        group = None
    return [DotsPlaced(round=round.id, target=ask.target, dots=ask.dots, group=group)]


# Card groups


def _group_seen(state: State, group: CardGroup, moment: Moment) -> bool:
    return any(_sees(state.zones[note.zone].visible, note, moment) for note in members(state, group))


def _all_of(state: State, ids: Iterable[str], moment: Moment) -> list[Note] | None:
    """The notes, each once; None when one of them is gone."""
    found = [_target(state, id, moment) for id in dict.fromkeys(ids)]
    notes = [note for note in found if note is not None]
    return notes if len(notes) == len(found) else None


def _places(state: State, notes: Iterable[Note], moment: Moment) -> list[tuple[Ground, bool]]:
    return [(state.zones[note.zone], _is_own(note, moment)) for note in notes]


def _private(state: State, notes: Iterable[Note]) -> bool:
    """Whether one of them cannot be joined to others, being hidden, or being itself one of two texts."""
    return any(state.zones[note.zone].visible != "all" or paired(state, note) for note in notes)


def _make_group(state: State, ask: MakeGroup, moment: Moment) -> Decided:
    if ask.group in state.groups or ask.group in state.notes:
        return Refusal("exists")
    notes = _all_of(state, ask.notes, moment)
    if notes is None:
        return Refusal("gone")
    title = tidy(ask.title)
    no = _stopped(state, "group", moment, _places(state, notes, moment)) or _wrong(title, TITLE, True)
    if no is not None:
        return no
    if len(state.groups) >= GROUPS:
        return Refusal("too_many", details={"max": GROUPS})
    if _private(state, notes):
        return Refusal("bad_target")
    if voting_in(state, [note.zone for note in notes]):
        return Refusal("vote_open")
    was = {note.id: note.group for note in notes if note.group is not None}
    return [GroupMade(group=ask.group, notes=[note.id for note in notes], title=title, was=was)]


def _group(state: State, id: str, moment: Moment) -> CardGroup | None:
    group = state.groups.get(id)
    return group if group is not None and _group_seen(state, group, moment) else None


def _add_to_group(state: State, ask: AddToGroup, moment: Moment) -> Decided:
    group = _group(state, ask.group, moment)
    notes = _all_of(state, ask.notes, moment)
    if group is None or notes is None:
        return Refusal("gone")
    touched = [*members(state, group), *notes]
    no = _stopped(state, "group", moment, _places(state, touched, moment))
    if no is not None:
        return no
    if _private(state, notes):
        return Refusal("bad_target")
    if voting_in(state, [note.zone for note in touched]):
        return Refusal("vote_open")
    joining = [note for note in notes if note.group != group.id]
    was = {note.id: note.group for note in joining if note.group is not None}
    return [GroupChanged(group=group.id, added=[note.id for note in joining], was=was)] if joining else []


def _take_from_group(state: State, ask: TakeFromGroup, moment: Moment) -> Decided:
    group = _group(state, ask.group, moment)
    notes = _all_of(state, ask.notes, moment)
    if group is None or notes is None:
        return Refusal("gone")
    touched = list(members(state, group))
    no = _stopped(state, "group", moment, _places(state, touched, moment))
    if no is not None:
        return no
    if voting_in(state, [note.zone for note in touched]):
        return Refusal("vote_open")
    taken = [note.id for note in notes if note.group == group.id]
    return [GroupChanged(group=group.id, taken=taken)] if taken else []


def _name_group(state: State, ask: NameGroup, moment: Moment) -> Decided:
    group = _group(state, ask.group, moment)
    if group is None:
        return Refusal("gone")
    title = tidy(ask.title)
    no = _stopped(state, "group", moment, _places(state, members(state, group), moment)) or _wrong(title, TITLE, True)
    if no is not None:
        return no
    return [] if title == group.title else [GroupNamed(group=group.id, title=title, was=group.title)]


def _dissolve_group(state: State, ask: DissolveGroup, moment: Moment) -> Decided:
    group = _group(state, ask.group, moment)
    if group is None:
        return Refusal("gone")
    touched = list(members(state, group))
    no = _stopped(state, "group", moment, _places(state, touched, moment))
    if no is not None:
        return no
    if voting_in(state, [note.zone for note in touched]):
        return Refusal("vote_open")
    return [GroupDissolved(group=group.id, notes=list(group.notes))]


# Links and comments


def _link(state: State, ask: Link, moment: Moment) -> Decided:
    if ask.link in state.links:
        return Refusal("exists")
    source, to = _target(state, ask.source, moment), _target(state, ask.to, moment)
    if source is None or to is None:
        return Refusal("gone")
    label = tidy(ask.label)
    no = _stopped(state, "link", moment, _places(state, (source, to), moment)) or _wrong(label, LABEL, True)
    if no is not None:
        return no
    if len(state.links) >= LINKS:
        return Refusal("too_many", details={"max": LINKS})
    if source.id == to.id or _private(state, (source, to)):
        return Refusal("bad_target")
    if any((one.source, one.to, one.label) == (source.id, to.id, label) for one in state.links.values()):
        return []
    return [Linked(link=ask.link, source=source.id, to=to.id, label=label)]


def _unlink(state: State, ask: Unlink, moment: Moment) -> Decided:
    link = state.links.get(ask.link)
    ends = None if link is None else _all_of(state, (link.source, link.to), moment)
    if link is None or ends is None:
        return Refusal("gone")
    return _stopped(state, "link", moment, _places(state, ends, moment)) or [Unlinked(link=link.id)]


def _comment(state: State, ask: Comment, moment: Moment) -> Decided:
    if ask.comment in state.comments:
        return Refusal("exists")
    note = _target(state, ask.note, moment)
    if note is None:
        return Refusal("gone")
    zone = state.zones[note.zone]
    text = tidy(ask.text)
    no = _stopped(state, "comment", moment, [(zone, _is_own(note, moment))]) or _wrong(text, COMMENT)
    if no is not None:
        return no
    if len(state.talk.get(note.id, ())) >= COMMENTS:
        return Refusal("too_many", details={"max": COMMENTS})
    if zone.visible != "all":
        return Refusal("bad_target")
    own_group = _told_group(moment, masked(state, note))
    return [Commented(comment=ask.comment, note=note.id, text=text, own_group=own_group)]


def _delete_comment(state: State, ask: DeleteComment, moment: Moment) -> Decided:
    comment = state.comments.get(ask.comment)
    note = None if comment is None else _target(state, comment.note, moment)
    if comment is None or note is None:
        return Refusal("gone")
    no = _stopped(state, "comment", moment, [(state.zones[note.zone], _is_own(note, moment))])
    if no is not None:
        return no
    if moment.actor == "phone" and (comment.by is None or comment.by != moment.voter):
        return Refusal("not_yours")
    return [CommentDeleted(comment=comment.id, note=note.id)]


# Taking back


def _undo(state: State, ask: Undo, moment: Moment) -> Decided:
    """An undo is the ask that sets the field back, with all its checks; only then the revision is looked at."""
    one = _to_undo(state, ask, moment)
    if one is None:
        return Refusal("nothing_to_undo")
    note = state.notes.get(one.note)
    if note is None:
        return Refusal("gone")
    decided = _taking_back(state, one, note, moment)
    if isinstance(decided, Refusal):
        return decided
    return decided if _carries(note, one) else Refusal("changed_since", details={"note": note.id})


def _to_undo(state: State, ask: Undo, moment: Moment) -> Undoable | None:
    own = state.undos.get(DESK if moment.actor != "phone" else moment.voter or "", ())
    if ask.of is None:
        return own[-1] if own else None
    anyone = (own,) if moment.actor == "phone" else state.undos.values()
    return next((one for stack in anyone for one in stack if one.number == ask.of), None)


def _taking_back(state: State, one: Undoable, note: Note, moment: Moment) -> Decided:
    match one.what:
        case "added" | "restored":
            return _delete_note(state, DeleteNote(note=note.id, base=note.text_rev), moment, one.number)
        case "deleted":
            return _restore_note(state, RestoreNote(note=note.id), moment, one.number)
        case "text":
            before = EditText.model_construct(note=note.id, text=one.was, base=note.text_rev)
            return _edit_text(state, before, moment, one.number)
        case "place":
            zone, x, y = one.was
            return _move_note(state, MoveNote(note=note.id, zone=zone, x=x, y=y), moment, one.number)
        case "colour":
            return _colour_note(state, ColourNote(note=note.id, colour=one.was), moment, one.number)


def _carries(note: Note, one: Undoable) -> bool:
    """Whether what the fact wrote is still what it wrote."""
    match one.what:
        case "added":
            return (note.text_rev, note.place_rev, note.colour_rev, note.alive_rev) == (1, 1, 1, 1)
        case "text":
            return note.text_rev == one.rev
        case "place":
            return note.place_rev == one.rev
        case "colour":
            return note.colour_rev == one.rev
        case "deleted" | "restored":
            return note.alive_rev == one.rev


# The facilitator's


def _open_zone(state: State, ask: OpenZone, moment: Moment) -> Decided:
    return _opened_or_closed(state, ask.zone, True)


def _close_zone(state: State, ask: CloseZone, moment: Moment) -> Decided:
    return _opened_or_closed(state, ask.zone, False)


def _opened_or_closed(state: State, key: str, open_: bool) -> Decided:
    meant = _meant(state, key)
    if meant is None:
        return Refusal("zone_unknown")
    if all(zone.open == open_ for zone in meant):
        return []
    return [ZoneOpened(zone=key) if open_ else ZoneClosed(zone=key)]


def _meant(state: State, key: str) -> list[Ground] | None:
    """The zones a key names, and under a bare key the one that later boards will begin with."""
    zones = zones_named(state, key)
    if zones is None:
        return None
    return [*zones, state.common[key]] if key in state.common else zones


def _hide_zone(state: State, ask: HideZone, moment: Moment) -> Decided:
    was = _seen_otherwise(state, ask.zone, "own")
    if isinstance(was, Refusal) or was is None:
        return was or []
    return [ZoneHidden(zone=ask.zone, was=was)]


def _show_zone(state: State, ask: ShowZone, moment: Moment) -> Decided:
    was = _seen_otherwise(state, ask.zone, ask.to)
    if isinstance(was, Refusal) or was is None:
        return was or []
    return [_checkpoint(moment), ZoneShown(zone=ask.zone, to=ask.to, was=was)]


def _seen_otherwise(state: State, key: str, to: Visible) -> dict[str, Visible] | Refusal | None:
    """{zone: who sees it now} where that would change; None where nothing would."""
    meant = _meant(state, key)
    if meant is None:
        return Refusal("zone_unknown")
    if all(zone.visible == to for zone in meant):
        return None
    was = {zone.key: zone.visible for zone in zones_named(state, key) or [] if zone.visible != to}
    return Refusal("vote_open") if to != "all" and voting_in(state, was) else was


def _checkpoint(moment: Moment, spares: str | None = None) -> CheckpointMade:
    return CheckpointMade(checkpoint=moment.id(0), automatic=True, spares=spares)


def _set_phase(state: State, ask: SetPhase, moment: Moment) -> Decided:
    if all(phase.key != ask.phase for phase in phases_of(state.setup)):
        return Refusal("gone")
    if ask.phase == state.phase:
        return []
    then = in_phase(state, ask.phase)
    was = {zone.key: zone.visible for zone in state.zones.values() if zone.visible != then[zone.key].visible}
    if voting_in(state, [key for key in was if then[key].visible != "all"]):
        return Refusal("vote_open")
    return [_checkpoint(moment), PhaseSet(phase=ask.phase, was=was)]


def _focus(state: State, ask: Focus, moment: Moment) -> Decided:
    if ask.zone is not None and zones_named(state, ask.zone) is None:
        return Refusal("zone_unknown")
    hold = ask.hold and ask.zone is not None
    return [] if (ask.zone, hold) == (state.focus, state.hold) else [Focused(zone=ask.zone, hold=hold)]


def _open_vote(state: State, ask: OpenVote, moment: Moment) -> Decided:
    if ask.round in state.rounds:
        return Refusal("exists")
    meant: dict[str, Ground] = {}
    for key in ask.zones:
        zones = zones_named(state, key)
        if zones is None:
            return Refusal("zone_unknown")
        meant.update({zone.key: zone for zone in zones})
    if any(zone.visible != "all" for zone in meant.values()):
        return Refusal("bad_target")
    boards = [zone.table for zone in meant.values()]
    if any(state.zones[key].table in boards for id in state.voting for key in state.rounds[id].zones):
        return Refusal("vote_open")
    dots = ask.dots or state.setup.dots
    voting = moment.sizes if ask.voters == "all" else {group: moment.sizes.get(group, 0) for group in ask.voters}
    return [
        VoteOpened(
            round=ask.round,
            target=ask.target,
            zones=[key for key in state.zones if key in meant],
            dots=dots,
            max_on_one=min(ask.max_on_one or state.setup.max_on_one, dots),
            voters=ask.voters,
            groups_kept=kept_groups(moment.sizes),
            people=sum(voting.values()),
        )
    ]


def _close_vote(state: State, ask: CloseVote, moment: Moment) -> Decided:
    round = state.rounds.get(ask.round)
    if round is None:
        return Refusal("no_vote")
    return [VoteClosed(round=round.id)] if round.open else []


def _make_checkpoint(state: State, ask: MakeCheckpoint, moment: Moment) -> Decided:
    if any(point.id == ask.checkpoint for point in state.checkpoints):
        return Refusal("exists")
    name = tidy(ask.name)
    wrong = _wrong(name, TITLE, True)
    if wrong is not None:
        return wrong
    # One place stays free for the one that is made by itself before a restore.
    if sum(not point.automatic for point in state.checkpoints) >= CHECKPOINTS - 1:
        return Refusal("too_many", details={"max": CHECKPOINTS - 1})
    return [CheckpointMade(checkpoint=ask.checkpoint, name=name)]


def _restore_checkpoint(state: State, ask: RestoreCheckpoint, moment: Moment) -> Decided:
    point = next((one for one in state.checkpoints if one.id == ask.checkpoint), None)
    if point is None:
        return Refusal("gone")
    if state.voting:
        return Refusal("vote_open")
    back, gone, changed = difference(state, point)
    if not (back or gone or changed) and point.groups == state.groups and point.links == state.links:
        return []
    restored = Restored(checkpoint=point.id, back=back, gone=gone, changed=changed)
    return [_checkpoint(moment, point.id), restored]


def difference(state: State, point: Checkpoint) -> tuple[list[str], list[str], list[str]]:
    """Ids of notes that would come back, go, and change their fields if the checkpoint were restored."""
    back, gone, changed = [], [], []
    for id, now in state.notes.items():
        then = point.notes.get(id)
        if then is now:
            continue
        if then is None or then.deleted:
            if not now.deleted:
                gone.append(id)
        elif now.deleted:
            back.append(id)
        elif _fields(now) != _fields(then):
            changed.append(id)
    return back, gone, changed


def _fields(note: Note) -> tuple[Any, ...]:
    return note.zone, note.x, note.y, note.text, note.colour, note.variant_of


def _draft_idea(state: State, ask: DraftIdea, moment: Moment) -> Decided:
    if ask.idea in state.drafts:
        return Refusal("exists")
    group = None if ask.group is None else _group(state, ask.group, moment)
    notes = _all_of(state, ask.notes, moment)
    if notes is None or (ask.group is not None and group is None):
        return Refusal("gone")
    fields = {name: tidy(text) for name, text in ask.fields.items()}
    if not notes and group is None:
        return Refusal("empty")
    return [
        IdeaDrafted(
            idea=ask.idea,
            notes=[note.id for note in notes],
            group=ask.group,
            fields={name: text for name, text in fields.items() if text.strip()},
        )
    ]


# What an ask is about


def concerns(state: State, ask: AnAsk) -> bool:
    """Whether an ask concerns an anonymous zone, by the zone it names or the notes it is about."""
    match ask:
        case AddNote():
            return _anonymous_zone(state, ask.zone)
        case MoveNote():
            return _anonymous_zone(state, ask.zone) or _any_masked(state, [ask.note])
        case Undo():
            if ask.of is None:
                return False
            # Under whatever it was asked it is taken back: whose it is must be found, and the two must not be joined.
            return any(one.masked for stack in state.undos.values() for one in stack if one.number == ask.of)
        case PlaceDots():
            round = state.rounds.get(ask.round)
            return round is not None and any(_anonymous_zone(state, key) for key in round.zones)
        case MakeGroup():
            return _any_masked(state, ask.notes)
        case AddToGroup() | TakeFromGroup():
            return _any_masked(state, [*ask.notes, *_members(state, ask.group)])
        case NameGroup() | DissolveGroup():
            return _any_masked(state, _members(state, ask.group))
        case Link():
            return _any_masked(state, [ask.source, ask.to])
        case Unlink():
            link = state.links.get(ask.link)
            return link is not None and _any_masked(state, [link.source, link.to])
        case DeleteComment():
            comment = state.comments.get(ask.comment)
            return comment is not None and _any_masked(state, [comment.note])
        case _:
            note = getattr(ask, "note", None)
            return isinstance(note, str) and _any_masked(state, [note])


def _anonymous_zone(state: State, key: str) -> bool:
    zone = state.zones.get(key) or state.common.get(key.rpartition(".")[2])
    return zone is not None and zone.anonymous


def _members(state: State, group: str) -> tuple[str, ...]:
    found = state.groups.get(group)
    return found.notes if found is not None else ()


def _any_masked(state: State, ids: Iterable[str]) -> bool:
    return any(masked(state, state.notes[id]) for id in ids if id in state.notes)


_BY_KIND: Mapping[type[AnAsk], Callable[[State, Any, Moment], Decided]] = {
    AddNote: _add_note,
    EditText: _edit_text,
    SettleVariant: _settle_variant,
    MoveNote: _move_note,
    ColourNote: _colour_note,
    DeleteNote: _delete_note,
    RestoreNote: _restore_note,
    React: _react,
    PlaceDots: _place_dots,
    MakeGroup: _make_group,
    AddToGroup: _add_to_group,
    TakeFromGroup: _take_from_group,
    NameGroup: _name_group,
    DissolveGroup: _dissolve_group,
    Link: _link,
    Unlink: _unlink,
    Comment: _comment,
    DeleteComment: _delete_comment,
    Undo: _undo,
    OpenZone: _open_zone,
    CloseZone: _close_zone,
    HideZone: _hide_zone,
    ShowZone: _show_zone,
    SetPhase: _set_phase,
    OpenVote: _open_vote,
    CloseVote: _close_vote,
    MakeCheckpoint: _make_checkpoint,
    RestoreCheckpoint: _restore_checkpoint,
    Focus: _focus,
    DraftIdea: _draft_idea,
}
