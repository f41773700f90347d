"""What each fact makes of a board. A fact about something that is not there changes nothing: its beginning was removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..contract import Happening
from ..contract.changed import changed
from ..contract.layered import Layered
from .messages import (
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
    VoteClosed,
    VoteOpened,
    ZoneClosed,
    ZoneHidden,
    ZoneOpened,
    ZoneShown,
)
from .state import (
    CHECKPOINTS,
    DESK,
    TEXTS_KEPT,
    UNDO_DEPTH,
    CardGroup,
    Checkpoint,
    Comment,
    Draft,
    Link,
    Note,
    Round,
    State,
    Undoable,
    counting,
    in_phase,
    masked,
    members,
    targets,
    variants_of,
    with_grounds,
    with_table,
)
from .votes import tally


def evolve(state: State, happened: Happening) -> State:
    made = _BY_KIND.get(type(happened.fact))
    return state if made is None else made(state, happened, happened.fact)


# Notes


def _added(state: State, happened: Happening, fact: NoteAdded) -> State:
    if fact.table is not None:
        state = with_table(state, fact.table, fact.zone.partition(".")[0])
    zone = state.zones.get(fact.zone)
    if zone is None or fact.note in state.notes:
        return state
    note = Note(
        id=fact.note,
        zone=fact.zone,
        x=fact.x,
        y=fact.y,
        text=fact.text,
        colour=fact.colour,
        by=happened.voter,
        own_group=fact.own_group,
        masked=zone.anonymous and happened.voter is not None,
        at=happened.at,
        changed_at=happened.at,
        number=happened.number,
        texts=(fact.text,),
    )
    return _having_new(state, happened, note)


def _variant_added(state: State, happened: Happening, fact: VariantAdded) -> State:
    first = state.notes.get(fact.of)
    if first is None or fact.note in state.notes:
        return state
    note = Note(
        id=fact.note,
        zone=first.zone,
        x=first.x,
        y=first.y,
        text=fact.text,
        colour=first.colour,
        by=happened.voter,
        own_group=fact.own_group,
        masked=(first.masked or state.zones[first.zone].anonymous) and happened.voter is not None,
        at=happened.at,
        changed_at=happened.at,
        number=happened.number,
        texts=(fact.text,),
        variant_of=fact.of,
    )
    variants = {**state.variants, fact.of: (*state.variants.get(fact.of, ()), fact.note)}
    return _having_new(changed(state, variants=variants), happened, note)


def _having_new(state: State, happened: Happening, note: Note) -> State:
    owned = state.owned
    if note.by is not None:
        owned = owned.having(note.by, (*owned.get(note.by, ()), note.id))
    low = state.lowest.get(note.zone)
    return changed(
        state,
        notes=state.notes.having(note.id, note),
        counts={**state.counts, note.zone: state.counts.get(note.zone, 0) + 1},
        lowest=state.lowest if low is not None and low >= note.rank else {**state.lowest, note.zone: note.rank},
        owned=owned,
        undos=_undoable(state, happened, Undoable(happened.number, "added", note.id, 1, note.masked)),
    )


def _undoable(state: State, happened: Happening, one: Undoable) -> Layered[str, tuple[Undoable, ...]]:
    voter = DESK if happened.voter is None else happened.voter
    return state.undos.having(voter, (*state.undos.get(voter, ()), one)[-UNDO_DEPTH:])


def _with_text(note: Note, text: str, rev: int, at: int) -> Note:
    return changed(note, text=text, text_rev=rev, texts=(*note.texts, text)[-TEXTS_KEPT:], changed_at=at)


def _text_changed(state: State, happened: Happening, fact: TextChanged) -> State:
    note = state.notes.get(fact.note)
    if note is None:
        return state
    return changed(
        state,
        notes=state.notes.having(note.id, _with_text(note, fact.text, fact.rev, happened.at)),
        undos=_undoable(
            state, happened, Undoable(happened.number, "text", note.id, fact.rev, masked(state, note), fact.was.text)
        ),
    )


def _settled(state: State, happened: Happening, fact: VariantSettled) -> State:
    note, variant = state.notes.get(fact.note), state.notes.get(fact.variant)
    if note is None or variant is None or variant.variant_of != note.id or variant.deleted:
        return state
    if fact.keep == "both":
        rest = tuple(id for id in state.variants.get(note.id, ()) if id != variant.id)
        notes = state.notes.having(variant.id, changed(variant, variant_of=None))
        state = changed(state, notes=notes, variants={**state.variants, note.id: rest})
        return _recounted(state) if state.voting else state
    notes = state.notes
    if fact.keep == "variant":
        notes = notes.having(note.id, _with_text(note, variant.text, note.text_rev + 1, happened.at))
    notes = notes.having(variant.id, changed(variant, deleted=True, alive_rev=variant.alive_rev + 1))
    state = changed(state, notes=notes, counts=_counted(state.counts, variant.zone, -1))
    return _recounted(state) if state.voting else state


def _counted(counts: Mapping[str, int], zone: str, by: int) -> dict[str, int]:
    return {**counts, zone: counts.get(zone, 0) + by}


def _moved(state: State, happened: Happening, fact: NoteMoved) -> State:
    note = state.notes.get(fact.note)
    if note is None or fact.zone not in state.zones:
        return state
    after = changed(note, zone=fact.zone, x=fact.x, y=fact.y, place_rev=fact.rev, changed_at=happened.at)
    notes = state.notes.having(note.id, after)
    counts: Mapping[str, int] = state.counts
    lowest = state.lowest
    moved = 0 if note.deleted else 1
    # The second text of a note is a page of the same card.
    for variant in variants_of(state, note.id) if state.variants else ():
        page = changed(variant, zone=fact.zone, x=fact.x, y=fact.y, place_rev=variant.place_rev + 1)
        notes = notes.having(variant.id, page)
        moved += 1
    if fact.zone != note.zone:
        counts = _counted(counts, note.zone, -moved)
        counts[fact.zone] = counts.get(fact.zone, 0) + moved
    low = lowest.get(fact.zone)
    if low is None or low < after.rank:
        lowest = {**lowest, fact.zone: after.rank}
    was = (fact.was.zone, fact.was.x, fact.was.y)
    unknown = masked(state, note) or state.zones[fact.zone].anonymous
    undos = _undoable(state, happened, Undoable(happened.number, "place", note.id, fact.rev, unknown, was))
    state = changed(state, notes=notes, counts=counts, lowest=lowest, undos=undos)
    return _recounted(state) if state.voting and fact.zone != note.zone else state


def _coloured(state: State, happened: Happening, fact: NoteColoured) -> State:
    note = state.notes.get(fact.note)
    if note is None:
        return state
    return changed(
        state,
        notes=state.notes.having(
            note.id, changed(note, colour=fact.colour, colour_rev=fact.rev, changed_at=happened.at)
        ),
        undos=_undoable(
            state, happened, Undoable(happened.number, "colour", note.id, fact.rev, masked(state, note), fact.was)
        ),
    )


def _deleted(state: State, happened: Happening, fact: NoteDeleted) -> State:
    note = state.notes.get(fact.note)
    if note is None or note.deleted:
        return state
    state = changed(
        state,
        notes=state.notes.having(note.id, changed(note, deleted=True, alive_rev=fact.rev)),
        counts=_counted(state.counts, note.zone, -1),
        undos=_undoable(state, happened, Undoable(happened.number, "deleted", note.id, fact.rev, masked(state, note))),
    )
    return _recounted(state) if state.voting else state


def _note_restored(state: State, happened: Happening, fact: NoteRestored) -> State:
    note = state.notes.get(fact.note)
    if note is None or not note.deleted:
        return state
    state = changed(
        state,
        notes=state.notes.having(note.id, changed(note, deleted=False, alive_rev=fact.rev)),
        counts=_counted(state.counts, note.zone, 1),
        undos=_undoable(state, happened, Undoable(happened.number, "restored", note.id, fact.rev, masked(state, note))),
    )
    return _recounted(state) if state.voting else state


def _reacted(state: State, happened: Happening, fact: Reacted) -> State:
    voter = happened.voter
    if voter is None or fact.note not in state.notes:
        return state
    signs = dict(state.signs.get(voter, {}))
    counts = dict(state.reactions.get(fact.note, {}))
    before = signs.pop(fact.note, None)
    if before is not None:
        counts[before] -= 1
        if not counts[before]:
            del counts[before]
    if fact.sign is not None:
        signs[fact.note] = fact.sign
        counts[fact.sign] = counts.get(fact.sign, 0) + 1
    return changed(state, signs=state.signs.having(voter, signs), reactions=state.reactions.having(fact.note, counts))


# Rounds of dots


def _vote_opened(state: State, happened: Happening, fact: VoteOpened) -> State:
    round = Round(
        id=fact.round,
        target=fact.target,
        zones=tuple(fact.zones),
        dots=fact.dots,
        max_on_one=fact.max_on_one,
        voters=fact.voters if fact.voters == "all" else tuple(fact.voters),
        groups_kept=tuple(fact.groups_kept),
        people=fact.people,
        number=happened.number,
    )
    return changed(state, rounds={**state.rounds, fact.round: round}, voting=(*state.voting, fact.round))


def _dots_placed(state: State, happened: Happening, fact: DotsPlaced) -> State:
    round = state.rounds.get(fact.round)
    if round is None or not round.open or happened.voter is None:
        return state
    placed = round.placed.get(happened.voter, {})
    before = sum(counting(state, round, placed).values())
    placed = {**placed, fact.target: fact.dots}
    after = sum(counting(state, round, placed).values())
    round = changed(
        round,
        placed=round.placed.having(happened.voter, placed),
        groups=round.groups.having(happened.voter, fact.group),
        voted=round.voted + (after > 0) - (before > 0),
        given=round.given + after - before,
    )
    return changed(state, rounds={**state.rounds, round.id: round})


def _recounted(state: State) -> State:
    """Which dots count has changed with what may be voted on."""
    rounds = dict(state.rounds)
    for id in state.voting:
        sums = [sum(counting(state, rounds[id], placed).values()) for placed in rounds[id].placed.values()]
        rounds[id] = changed(rounds[id], voted=sum(dots > 0 for dots in sums), given=sum(sums))
    return changed(state, rounds=rounds)


def _vote_closed(state: State, happened: Happening, fact: VoteClosed) -> State:
    round = state.rounds.get(fact.round)
    if round is None:
        return state
    ballot: dict[str, tuple[str, str | None]] = {}
    for target in targets(state, round):
        group = state.groups.get(target)
        first = state.notes[target if group is None else next(members(state, group)).id]
        ballot[target] = first.zone, None if group is None else group.title
    counted = tally(dict(round.placed), dict(round.groups), list(ballot), state.order)
    closed = changed(round, open=False, tally=counted, ballot=ballot)
    return changed(
        state,
        rounds={**state.rounds, round.id: closed},
        voting=tuple(id for id in state.voting if id != round.id),
    )


# Card groups


def _with_members(state: State, group: CardGroup, notes: list[str]) -> State:
    """The group with these notes at its end; they leave the groups they were in, and a group left empty goes."""
    groups, kept = dict(state.groups), state.notes
    joining = [note for id in notes if (note := kept.get(id)) is not None]
    for note in joining:
        old = groups.get(note.group) if note.group is not None and note.group != group.id else None
        if old is not None:
            rest = tuple(id for id in old.notes if id != note.id)
            groups[old.id] = CardGroup(old.id, old.title, rest)
            if not rest:
                del groups[old.id]
        kept = kept.having(note.id, changed(note, group=group.id))
    new = tuple(note.id for note in joining if note.id not in group.notes)
    if joining or group.id in groups:
        groups[group.id] = CardGroup(group.id, group.title, (*group.notes, *new))
    state = changed(state, groups=groups, notes=kept)
    return _recounted(state) if state.voting else state


def _group_made(state: State, happened: Happening, fact: GroupMade) -> State:
    return _with_members(state, CardGroup(fact.group, fact.title, ()), fact.notes)


def _group_changed(state: State, happened: Happening, fact: GroupChanged) -> State:
    group = state.groups.get(fact.group)
    if group is None:
        return state
    if fact.added:
        state = _with_members(state, group, fact.added)
    if not fact.taken:
        return state
    group = state.groups[fact.group]
    groups, notes = dict(state.groups), state.notes
    rest = tuple(id for id in group.notes if id not in fact.taken)
    groups[group.id] = CardGroup(group.id, group.title, rest)
    if not rest:
        del groups[group.id]
    for id in fact.taken:
        note = notes.get(id)
        if note is not None and note.group == group.id:
            notes = notes.having(id, changed(note, group=None))
    state = changed(state, groups=groups, notes=notes)
    return _recounted(state) if state.voting else state


def _group_named(state: State, happened: Happening, fact: GroupNamed) -> State:
    group = state.groups.get(fact.group)
    if group is None:
        return state
    return changed(state, groups={**state.groups, group.id: CardGroup(group.id, fact.title, group.notes)})


def _group_dissolved(state: State, happened: Happening, fact: GroupDissolved) -> State:
    group = state.groups.get(fact.group)
    if group is None:
        return state
    notes = state.notes
    for id in group.notes:
        note = notes.get(id)
        if note is not None and note.group == group.id:
            notes = notes.having(id, changed(note, group=None))
    groups = {id: one for id, one in state.groups.items() if id != group.id}
    state = changed(state, groups=groups, notes=notes)
    return _recounted(state) if state.voting else state


# Links and comments


def _linked(state: State, happened: Happening, fact: Linked) -> State:
    if fact.source not in state.notes or fact.to not in state.notes:
        return state
    return changed(state, links={**state.links, fact.link: Link(fact.link, fact.source, fact.to, fact.label)})


def _unlinked(state: State, happened: Happening, fact: Unlinked) -> State:
    return changed(state, links={id: link for id, link in state.links.items() if id != fact.link})


def _commented(state: State, happened: Happening, fact: Commented) -> State:
    if fact.note not in state.notes:
        return state
    comment = Comment(fact.comment, fact.note, fact.text, happened.voter, fact.own_group)
    return changed(
        state,
        comments=state.comments.having(fact.comment, comment),
        talk=state.talk.having(fact.note, (*state.talk.get(fact.note, ()), fact.comment)),
    )


def _comment_deleted(state: State, happened: Happening, fact: CommentDeleted) -> State:
    comment = state.comments.get(fact.comment)
    if comment is None:
        return state
    rest = tuple(id for id in state.talk.get(comment.note, ()) if id != comment.id)
    return changed(state, comments=state.comments.without(comment.id), talk=state.talk.having(comment.note, rest))


# The facilitator's


def _zone_opened(state: State, happened: Happening, fact: ZoneOpened) -> State:
    return with_grounds(state, fact.zone, open=True)


def _zone_closed(state: State, happened: Happening, fact: ZoneClosed) -> State:
    return with_grounds(state, fact.zone, open=False)


def _zone_hidden(state: State, happened: Happening, fact: ZoneHidden) -> State:
    return with_grounds(state, fact.zone, visible="own")


def _zone_shown(state: State, happened: Happening, fact: ZoneShown) -> State:
    return with_grounds(state, fact.zone, visible=fact.to)


def _phase_set(state: State, happened: Happening, fact: PhaseSet) -> State:
    grounds = in_phase(state, fact.phase)
    return changed(
        state,
        phase=fact.phase,
        common={key: grounds[key] for key in state.common},
        zones={key: grounds[key] for key in state.zones},
    )


def _checkpoint_made(state: State, happened: Happening, fact: CheckpointMade) -> State:
    point = Checkpoint(
        fact.checkpoint,
        fact.name,
        fact.automatic,
        happened.number,
        happened.at,
        state.notes,
        state.groups,
        state.links,
    )
    points = (*state.checkpoints, point)
    if len(points) > CHECKPOINTS:
        leaving = next((one.id for one in points if one.automatic and one.id != fact.spares), None)
        points = tuple(one for one in points if one.id != leaving)
    return changed(state, checkpoints=points)


def _restored(state: State, happened: Happening, fact: Restored) -> State:
    point = next((one for one in state.checkpoints if one.id == fact.checkpoint), None)
    if point is None:
        return state
    notes = dict(state.notes)
    for id in fact.gone:
        if id in notes:
            notes[id] = changed(notes[id], deleted=True, alive_rev=notes[id].alive_rev + 1)
    for id in (*fact.back, *fact.changed):
        if id in notes and id in point.notes:
            notes[id] = _as_then(notes[id], point.notes[id], happened.at)
    groups = dict(point.groups)
    whose = {id: group.id for group in groups.values() for id in group.notes}
    counts: dict[str, int] = dict.fromkeys(state.counts, 0)
    variants: dict[str, tuple[str, ...]] = {}
    for id, note in notes.items():
        if note.group != whose.get(id):
            notes[id] = changed(note, group=whose.get(id))
        if not note.deleted:
            counts[note.zone] = counts.get(note.zone, 0) + 1
        if note.variant_of is not None:
            variants[note.variant_of] = (*variants.get(note.variant_of, ()), id)
    return changed(
        state,
        notes=Layered(notes),
        groups=groups,
        links=dict(point.links),
        counts=counts,
        variants=variants,
    )


def _as_then(now: Note, then: Note, at: int) -> Note:
    """The note with the fields of a checkpoint. Every field set back gets a new revision, so that no older undo fits."""
    if now.text != then.text:
        now = _with_text(now, then.text, now.text_rev + 1, at)
    if (now.zone, now.x, now.y) != (then.zone, then.x, then.y):
        now = changed(now, zone=then.zone, x=then.x, y=then.y, place_rev=now.place_rev + 1, changed_at=at)
    if now.colour != then.colour:
        now = changed(now, colour=then.colour, colour_rev=now.colour_rev + 1, changed_at=at)
    if now.deleted:
        now = changed(now, deleted=False, alive_rev=now.alive_rev + 1)
    return changed(now, variant_of=then.variant_of)


def _focused(state: State, happened: Happening, fact: Focused) -> State:
    return changed(state, focus=fact.zone, hold=fact.hold)


def _idea_drafted(state: State, happened: Happening, fact: IdeaDrafted) -> State:
    draft = Draft(fact.idea, tuple(fact.notes), fact.group, dict(fact.fields), happened.number, happened.at)
    return changed(state, drafts={**state.drafts, fact.idea: draft})


_BY_KIND: Mapping[type, Callable[[State, Happening, Any], State]] = {
    NoteAdded: _added,
    VariantAdded: _variant_added,
    TextChanged: _text_changed,
    VariantSettled: _settled,
    NoteMoved: _moved,
    NoteColoured: _coloured,
    NoteDeleted: _deleted,
    NoteRestored: _note_restored,
    Reacted: _reacted,
    DotsPlaced: _dots_placed,
    GroupMade: _group_made,
    GroupChanged: _group_changed,
    GroupNamed: _group_named,
    GroupDissolved: _group_dissolved,
    Linked: _linked,
    Unlinked: _unlinked,
    Commented: _commented,
    CommentDeleted: _comment_deleted,
    ZoneOpened: _zone_opened,
    ZoneClosed: _zone_closed,
    ZoneHidden: _zone_hidden,
    ZoneShown: _zone_shown,
    PhaseSet: _phase_set,
    VoteOpened: _vote_opened,
    VoteClosed: _vote_closed,
    CheckpointMade: _checkpoint_made,
    Restored: _restored,
    Focused: _focused,
    IdeaDrafted: _idea_drafted,
}
