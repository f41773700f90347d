"""What each fact makes of a marketplace. A fact about something that is not there changes nothing: its beginning was
removed, or what it said was erased."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from types import MappingProxyType
from typing import Any, TypeVar

from ..contract import AFact, Happening
from . import messages as m
from .deciding import revision
from .placing import difference, event_of, panel_of
from .state import (
    FREEZE,
    Asked,
    Note,
    Pairs,
    Peer,
    Plan,
    Round,
    Stall,
    State,
    Tags,
    Want,
    coming_duty,
    coming_places,
    next_round,
    running,
    with_name,
)

Key = TypeVar("Key")
Value = TypeVar("Value")


def evolve(state: State, happened: Happening) -> State:
    made = _BY_KIND.get(type(happened.fact))
    if made is None:
        return state
    person = happened.voter
    if person is not None and person not in state.people and person not in state.gone:
        # Whoever asks is here, also where nobody told who is.
        people = {**state.people, person: happened.group}
        state = replace(state, people=people, since={**state.since, person: state.round + 1})
    return made(state, happened, happened.fact)


def _without(entries: Mapping[Key, Value], key: Key) -> dict[Key, Value]:
    return {one: value for one, value in entries.items() if one != key}


def _toggled(entries: Mapping[str, tuple[str, ...]], key: str, value: str, on: bool) -> Mapping[str, tuple[str, ...]]:
    """The same lists with one value in or out of one of them."""
    if not value:
        return entries
    kept = tuple(one for one in entries.get(key, ()) if one != value)
    if on:
        return {**entries, key: (*kept, value)}
    return {**entries, key: kept} if kept else _without(entries, key)


def _with_stall(state: State, id: str, **change: Any) -> State:
    known = state.stalls.get(id)
    return state if known is None else replace(state, stalls={**state.stalls, id: replace(known, **change)})


# Who speaks for whom


def _organisation_said(state: State, happened: Happening, fact: m.OrganisationSaid) -> State:
    person = fact.person or happened.voter
    if person is None:
        return state
    id = m.organisation_id(fact.organisation or "")
    state = with_name(state, fact.organisation)
    return replace(state, organisation_of={**state.organisation_of, person: id})


# Practices and stalls


def _practice_added(state: State, happened: Happening, fact: m.PracticeAdded) -> State:
    if fact.stall in state.stalls:
        return state
    by = happened.voter
    stands = any(by in stall.hosts for stall in state.stalls.values() if not stall.removed)
    stall = Stall(
        fact.stall,
        fact.card,
        organisation=fact.organisation or None,
        capacity=state.setup.capacity,
        # Nobody can stand at two stalls: who presents one already brings this one for others to present.
        hosts=(by,) if by is not None and not stands else (),
        by=by,
    )
    return with_name(replace(state, stalls={**state.stalls, fact.stall: stall}), fact.organisation)


def _practice_edited(state: State, happened: Happening, fact: m.PracticeEdited) -> State:
    known = state.stalls.get(fact.stall)
    if known is None:
        return state
    card: dict[str, Any] = dict.fromkeys(fact.cleared)
    for name in type(fact.card).model_fields:
        new, old = getattr(fact.card, name), getattr(known.card, name)
        if new is None:
            continue
        if isinstance(new, dict):
            # Words in another language stay: they say the same of the practice.
            said = {language: words for language, words in new.items() if words}
            card[name] = {**(old or {}), **said} or None
        elif new != "":
            card[name] = new
    title = known.title
    if title is not None and "title" in card:
        title = {**title, **{language: words for language, words in (fact.card.title or {}).items() if words}}
    return _with_stall(state, fact.stall, card=known.card.model_copy(update=card), title=title)


def _practices_brought(state: State, happened: Happening, fact: m.PracticesBrought) -> State:
    stalls = dict(state.stalls)
    for id, card in fact.practices.items():
        if id not in stalls:
            organisation = m.tidied(card.organisation or "")[: m.NAME] or None
            stalls[id] = Stall(id, card, organisation=organisation, capacity=state.setup.capacity, practice=id)
            state = with_name(state, organisation)
    return replace(state, stalls=stalls)


def _presenter_set(state: State, happened: Happening, fact: m.PresenterSet) -> State:
    person = happened.voter
    if person is None or fact.stall not in state.stalls:
        return state
    stalls = {}
    for id, stall in state.stalls.items():
        # Nobody can stand at two stalls, so that presenting another one leaves the first.
        if person in stall.hosts and (fact.on or id == fact.stall):
            stall = replace(stall, hosts=tuple(one for one in stall.hosts if one != person))
        if id == fact.stall and fact.on:
            stall = replace(stall, hosts=(*stall.hosts, person))
        stalls[id] = stall
    return replace(state, stalls=stalls)


def _stall_changed(state: State, happened: Happening, fact: m.StallChanged) -> State:
    known = state.stalls.get(fact.stall)
    if known is None:
        return state
    change: dict[str, Any] = dict.fromkeys(fact.cleared)
    for name in ("capacity", "minimum", "open", "hosting", "table", "organisation", "hosts"):
        value = getattr(fact, name)
        if value is not None:
            change[name] = value
    if change.get("organisation", "") == "":
        change.pop("organisation", None)
    if fact.title is not None:
        said = {language: words for language, words in fact.title.items() if words}
        change["title"] = {**(known.title or known.card.title or {}), **said} or None
    if "organisation" in fact.cleared:
        change["organisation"] = None
    return with_name(_with_stall(state, fact.stall, **change), change.get("organisation"))


def _stall_removed(state: State, happened: Happening, fact: m.StallRemoved) -> State:
    return _with_stall(state, fact.stall, removed=True)


def _stall_restored(state: State, happened: Happening, fact: m.StallRestored) -> State:
    return _with_stall(state, fact.stall, removed=False)


# Wishes and vetoes


def _wished(state: State, happened: Happening, fact: m.Wished) -> State:
    person = happened.voter
    if person is None:
        return state
    own = dict(state.wishes.get(person, {}))
    own.pop(fact.stall, None)
    if fact.level is not None:
        own[fact.stall] = fact.level
    return replace(state, wishes={**state.wishes, person: own} if own else _without(state.wishes, person))


def _avoided(state: State, happened: Happening, fact: m.Avoided) -> State:
    if happened.voter is None:
        return state
    return replace(state, never=_toggled(state.never, happened.voter, fact.stall, fact.on))


def _turned_away(state: State, happened: Happening, fact: m.TurnedAway) -> State:
    return replace(state, turned_away=_toggled(state.turned_away, fact.stall, fact.organisation, fact.on))


# Being somewhere


def _checked_in(state: State, happened: Happening, fact: m.CheckedIn) -> State:
    person = fact.person or happened.voter
    if person is None or fact.stall not in state.stalls:
        return state
    before = state.stays.get(fact.round, {})
    stood = before.get(person, ()) if fact.again else ()
    stays = {**before, person: (*(one for one in stood if one != fact.stall), fact.stall)}
    return replace(state, stays={**state.stays, fact.round: stays})


def _away_set(state: State, happened: Happening, fact: m.AwaySet) -> State:
    person = fact.person or happened.voter
    if person is None:
        return state
    if fact.on:
        return replace(state, away={**state.away, person: True})
    since = {**state.since, person: state.round + 1} if person in state.away else state.since
    return replace(state, away=_without(state.away, person), since=since)


def _note_written(state: State, happened: Happening, fact: m.NoteWritten) -> State:
    if fact.note in state.notes:
        return state
    note = Note(fact.note, fact.stall, fact.form, fact.text, happened.voter, fact.own_group)
    return replace(state, notes={**state.notes, fact.note: note})


def _note_removed(state: State, happened: Happening, fact: m.NoteRemoved) -> State:
    return replace(state, notes=_without(state.notes, fact.note))


def _visit_rated(state: State, happened: Happening, fact: m.VisitRated) -> State:
    if happened.voter is None:
        return state
    rated = {**state.ratings.get(fact.round, {}), happened.voter: fact.how}
    return replace(state, ratings={**state.ratings, fact.round: rated})


# The facilitator's hand


def _phase_set(state: State, happened: Happening, fact: m.PhaseSet) -> State:
    return replace(state, phase=fact.phase)


def _weights_set(state: State, happened: Happening, fact: m.WeightsSet) -> State:
    return replace(state, weights=fact.weights)


def _pinned(state: State, happened: Happening, fact: m.Pinned) -> State:
    pinned = {**state.pins.get(fact.round, {}), fact.person: fact.stall}
    return replace(state, pins={**state.pins, fact.round: pinned})


def _unpinned(state: State, happened: Happening, fact: m.Unpinned) -> State:
    left = _without(state.pins.get(fact.round, {}), fact.person)
    return replace(state, pins={**state.pins, fact.round: left} if left else _without(state.pins, fact.round))


# Plans


def _plan_asked(state: State, happened: Happening, fact: m.PlanAsked) -> State:
    asked = Asked(fact.input_sha256, state.asks + 1, fact.fresh, happened.at)
    return replace(state, asks=asked.number, asked=asked, failed=None)


def _wishes_settled(state: State, happened: Happening, fact: m.WishesSettled) -> State:
    return state if state.asked is None else replace(state, asked=replace(state.asked, wishes=state.wishes))


def _plan_offered(state: State, happened: Happening, fact: m.PlanOffered) -> State:
    if state.asked is None and state.offered is not None and state.offered.number == fact.number:
        return replace(state, offered=replace(state.offered, document=fact.plan))
    fresh = state.asked is not None and state.asked.fresh
    event = event_of(state, fresh)
    if event is None:
        return replace(state, asked=None, plans=fact.number)
    plan = Plan(fact.number, fact.input_sha256, fact.plan, event, event["from_round"], fresh)
    return replace(state, asked=None, offered=plan, plans=fact.number)


def _plan_published(state: State, happened: Happening, fact: m.PlanPublished) -> State:
    plan = state.offered
    if plan is None or plan.number != fact.number:
        return state
    changed: dict[str, list[Any]] = {}
    for change in difference(state, plan):
        if state.plan is not None and change.person in state.plan.assignment:
            changed.setdefault(change.person, []).append(change)
    told = {person: tuple(changes) for person, changes in changed.items()}
    return replace(state, plan=plan, offered=None, changed=told)


def _plan_dropped(state: State, happened: Happening, fact: m.PlanDropped) -> State:
    return replace(state, offered=None, asked=None)


def _given_up(state: State, happened: Happening, fact: m.GivenUp) -> State:
    if fact.what == "plan":
        return replace(state, asked=None, failed="plan")
    return replace(state, pairs_asked=None, failed="pairs")


# Rounds


def _round_started(state: State, happened: Happening, fact: m.RoundStarted) -> State:
    seats = {} if state.free else coming_places(state, fact.round)
    duty = coming_duty(state, fact.round)
    begun = Round(happened.at, fact.ends_at, seats, duty)
    # What was offered or asked for placed people in this round too: it comes too late.
    late = state.offered is not None and state.offered.from_round <= fact.round
    return replace(
        state,
        phase="rounds",
        round=fact.round,
        rounds={**state.rounds, fact.round: begun},
        frozen=None,
        offered=None if late else state.offered,
        held_at=state.held_at,
    )


def _round_ended(state: State, happened: Happening, fact: m.RoundEnded) -> State:
    now = running(state)
    if now is None or fact.round != state.round:
        return state
    ended = replace(now, ended_at=happened.at)
    # From here on people walk to where they were told to go.
    frozen = next_round(state) if state.plan is not None else None
    return replace(state, rounds={**state.rounds, fact.round: ended}, frozen=frozen)


def _time_added(state: State, happened: Happening, fact: m.TimeAdded) -> State:
    now = running(state)
    if now is None or fact.round != state.round:
        return state
    at = happened.at if state.held_at is None else state.held_at
    frozen = state.frozen if fact.ends_at - at <= FREEZE else None
    longer = replace(now, ends_at=fact.ends_at)
    return replace(state, rounds={**state.rounds, fact.round: longer}, frozen=frozen)


def _frozen(state: State, happened: Happening, fact: m.Frozen) -> State:
    return replace(state, frozen=fact.round)


def _circulation_set(state: State, happened: Happening, fact: m.CirculationSet) -> State:
    return replace(state, free=fact.on)


def _held(state: State, happened: Happening, fact: m.Held) -> State:
    return replace(state, held_at=fact.at)


def _went_on(state: State, happened: Happening, fact: m.WentOn) -> State:
    state = replace(state, held_at=None)
    now = running(state)
    if now is None:
        return state
    moved = replace(now, ends_at=now.ends_at + fact.by_ms)
    return replace(state, rounds={**state.rounds, state.round: moved})


# The panel


def _tags_said(state: State, happened: Happening, fact: m.TagsSaid) -> State:
    if not fact.organisation:
        return state
    said = Tags(
        tuple(tag for tag in fact.offers if any(tag.values())), tuple(tag for tag in fact.needs if any(tag.values()))
    )
    return replace(state, tags={**state.tags, fact.organisation: said})


def _peer_wanted(state: State, happened: Happening, fact: m.PeerWanted) -> State:
    if not fact.organisation or not fact.other:
        return state
    wants = {**state.wants.get(fact.organisation, {}), fact.other: Want(fact.strength, fact.wants, fact.topic or None)}
    return replace(state, wants={**state.wants, fact.organisation: wants})


def _peer_avoided(state: State, happened: Happening, fact: m.PeerAvoided) -> State:
    if not fact.organisation:
        return state
    return replace(state, avoids=_toggled(state.avoids, fact.organisation, fact.other, fact.on))


def _peer_proposed(state: State, happened: Happening, fact: m.PeerProposed) -> State:
    if fact.peer in state.peers:
        return state
    accepted = (fact.organisation,) if fact.organisation is not None else ()
    peer = Peer(fact.peer, fact.parties, topic=fact.topic or None, accepted=accepted)
    return replace(state, peers={**state.peers, fact.peer: peer})


def _peer_changed(state: State, happened: Happening, fact: m.PeerChanged) -> State:
    peer = state.peers.get(fact.peer)
    if peer is None:
        return state
    version = peer.version + 1
    change: dict[str, Any] = {name: None for name in fact.cleared if name != "owner"}
    for name in ("topic", "format", "date", "first_step"):
        if getattr(fact, name):
            change[name] = getattr(fact, name)
    written = [name for name in ("topic", "format", "date", "owner", "first_step") if getattr(fact, name) is not None]
    revisions = {revision(name, fact.organisation): version for name in (*written, *fact.cleared)}
    owners = dict(peer.owners)
    if fact.organisation is not None and (fact.owner or "owner" in fact.cleared):
        owners.pop(fact.organisation, None)
        if fact.owner:
            owners[fact.organisation] = fact.owner
    accepted = peer.accepted
    if fact.organisation is not None and change:
        # Whoever said yes said it to other words; who writes them stands by them.
        accepted = tuple(one for one in accepted if one == fact.organisation)
    changed = replace(
        peer, owners=owners, accepted=accepted, version=version, revisions={**peer.revisions, **revisions}, **change
    )
    return replace(state, peers={**state.peers, fact.peer: changed})


def _peer_answered(state: State, happened: Happening, fact: m.PeerAnswered) -> State:
    peer = state.peers.get(fact.peer)
    if peer is None or fact.organisation not in peer.parties:
        return state

    def having(answers: tuple[str, ...], on: bool) -> tuple[str, ...]:
        rest = tuple(one for one in answers if one != fact.organisation)
        return (*rest, fact.organisation) if on else rest

    answered = replace(peer, accepted=having(peer.accepted, fact.accept), refused=having(peer.refused, not fact.accept))
    return replace(state, peers={**state.peers, fact.peer: answered})


def _peer_dropped(state: State, happened: Happening, fact: m.PeerDropped) -> State:
    peer = state.peers.get(fact.peer)
    return state if peer is None else replace(state, peers={**state.peers, fact.peer: replace(peer, dropped=True)})


def _pairs_asked(state: State, happened: Happening, fact: m.PairsAsked) -> State:
    asked = Asked(fact.input_sha256, state.asks + 1)
    return replace(state, asks=asked.number, pairs_asked=asked, failed=None)


def _pairs_offered(state: State, happened: Happening, fact: m.PairsOffered) -> State:
    pairs = Pairs(fact.number, fact.input_sha256, panel_of(state), fact.proposal)
    return replace(state, pairs_asked=None, pairs_offered=pairs, pairs_made=fact.number)


def _pairs_published(state: State, happened: Happening, fact: m.PairsPublished) -> State:
    """Each pair becomes a peer activity, unless its two have one; what nobody touched of an older proposal goes."""
    pairs = state.pairs_offered
    if pairs is None or pairs.number != fact.number:
        return state
    chosen = [(str(pair["a"]), str(pair["b"])) for pair in pairs.proposal["pairs"]]
    peers = {
        id: peer for id, peer in state.peers.items() if peer.pairs is None or peer.is_touched or peer.parties in chosen
    }
    together = {frozenset(peer.parties) for peer in peers.values() if not peer.dropped}
    for a, b in chosen:
        if frozenset((a, b)) not in together:
            id = peer_id(fact.number, a, b)
            peers[id] = Peer(id, (a, b), pairs=fact.number)
    return replace(state, pairs=pairs, pairs_offered=None, peers=peers)


def peer_id(number: int, a: str, b: str) -> str:
    """The id of a peer activity that a proposal makes: the same on every replay."""
    return sha256(f"{number}\n{a}\n{b}".encode("utf-8", "replace")).hexdigest()[:16]


_BY_KIND: Mapping[type[AFact], Callable[[State, Happening, Any], State]] = MappingProxyType(
    {
        m.OrganisationSaid: _organisation_said,
        m.PracticeAdded: _practice_added,
        m.PracticeEdited: _practice_edited,
        m.PracticesBrought: _practices_brought,
        m.PresenterSet: _presenter_set,
        m.Wished: _wished,
        m.Avoided: _avoided,
        m.TurnedAway: _turned_away,
        m.CheckedIn: _checked_in,
        m.AwaySet: _away_set,
        m.NoteWritten: _note_written,
        m.NoteRemoved: _note_removed,
        m.VisitRated: _visit_rated,
        m.TagsSaid: _tags_said,
        m.PeerWanted: _peer_wanted,
        m.PeerAvoided: _peer_avoided,
        m.PeerProposed: _peer_proposed,
        m.PeerChanged: _peer_changed,
        m.PeerAnswered: _peer_answered,
        m.PeerDropped: _peer_dropped,
        m.PhaseSet: _phase_set,
        m.StallChanged: _stall_changed,
        m.StallRemoved: _stall_removed,
        m.StallRestored: _stall_restored,
        m.WeightsSet: _weights_set,
        m.Pinned: _pinned,
        m.Unpinned: _unpinned,
        m.PlanAsked: _plan_asked,
        m.PlanOffered: _plan_offered,
        m.PlanPublished: _plan_published,
        m.PlanDropped: _plan_dropped,
        m.GivenUp: _given_up,
        m.RoundStarted: _round_started,
        m.RoundEnded: _round_ended,
        m.TimeAdded: _time_added,
        m.Frozen: _frozen,
        m.WishesSettled: _wishes_settled,
        m.CirculationSet: _circulation_set,
        m.PairsAsked: _pairs_asked,
        m.PairsOffered: _pairs_offered,
        m.PairsPublished: _pairs_published,
        m.Held: _held,
        m.WentOn: _went_on,
    }
)
