"""Practices and peer activities of a path: as sessions left them, and what became of them afterwards. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from ..activities.contract import AFact, Happening, Moment, Refusal
from ..activities.contract.peers import PeerActivity, Practice
from . import messages as m

#: A done or dropped activity waits for nobody any more.
OPEN = ("proposed", "accepted", "scheduled")
DAYS = ("date", "follow_up")


@dataclass(frozen=True, slots=True)
class Kept:
    """A practice and the stage that left it."""

    practice: Practice
    stage: str


@dataclass(frozen=True, slots=True)
class Followed:
    """A peer activity here. own: whether the path changed it since its session handed it over."""

    activity: PeerActivity
    session: str
    stage: str
    taken_at: int
    changed_at: int
    own: bool = False


@dataclass(frozen=True, slots=True)
class Peers:
    """practices: by (session, practice). followed: by the activity's id."""

    practices: Mapping[tuple[str, str], Kept] = field(default_factory=dict)
    followed: Mapping[str, Followed] = field(default_factory=dict)


def taken(peers: Peers, ask: m.TakeStage) -> list[AFact]:
    """The facts by which a stage's practices and peer activities come in; what the path changed is left as it is."""
    facts: list[AFact] = []
    for practice in ask.practices:
        if peers.practices.get((ask.session, practice.practice)) != Kept(practice, ask.stage):
            facts.append(m.PracticeTaken(practice=practice, session=ask.session, stage=ask.stage))
    for one in ask.peers:
        here = peers.followed.get(one.peer)
        if here is None or (not here.own and here.activity != one):
            facts.append(m.PeerTaken(peer=one.peer, activity=one, session=ask.session, stage=ask.stage))
    return facts


def decide(peers: Peers, ask: m.FollowPeer | m.TakeInPeer | m.TakeInPractice, moment: Moment) -> list[AFact] | Refusal:
    """`exists` where a file says of something that is here what it does not say here."""
    match ask:
        case m.FollowPeer():
            return _follow(peers, ask)
        case m.TakeInPractice():
            known = peers.practices.get((ask.session, ask.practice.practice))
            if known is not None:
                return [] if known == Kept(ask.practice, ask.stage) else Refusal("exists")
            return [m.PracticeTaken(practice=ask.practice, session=ask.session, stage=ask.stage)]
    if any(not is_day(day) for name in DAYS if (day := getattr(ask.activity, name)) is not None):
        return Refusal("bad_date")
    here = peers.followed.get(ask.activity.peer)
    if here is not None:
        same = (here.activity, here.session, here.stage) == (ask.activity, ask.session, ask.stage)
        return [] if same else Refusal("exists")
    taken_in = m.PeerTaken(
        peer=ask.activity.peer, activity=ask.activity, session=ask.session, stage=ask.stage, own=ask.own
    )
    return [taken_in]


def is_day(said: str) -> bool:
    """Whether there is such a day."""
    try:
        date.fromisoformat(said)
    except ValueError:
        return False
    return True


def _follow(peers: Peers, ask: m.FollowPeer) -> list[AFact] | Refusal:
    """`changed_since` names the field that somebody else changed meanwhile, what it says now, and its version."""
    here = peers.followed.get(ask.peer)
    if here is None:
        return Refusal("unknown_peer")
    now = here.activity
    owners = {party.organisation: party.owner or "" for party in now.parties}
    if unknown := set(ask.set.owners) - set(owners):
        return Refusal("not_a_party", details={"organisation": min(unknown)})
    changed: dict[str, Any] = {}
    for name, value in _given(ask.set):
        if name in DAYS and value is not None and not is_day(value):
            return Refusal("bad_date", details={"field": name})
        organisation = name.removeprefix("owner ") if name.startswith("owner ") else None
        current = getattr(now, name) if organisation is None else owners[organisation]
        # An emptied text and none are the same.
        if (value or None) == (current or None):
            continue
        version = now.versions.get(name, 0)
        if ask.base.get(name, version) != version:
            details = {"field": name, "current": current, "version": version}
            return Refusal("changed_since", details=details)
        if organisation is None:
            changed[name] = value or None
        else:
            changed.setdefault("owners", {})[organisation] = value
    if not changed:
        return []
    return [m.PeerFollowed(peer=ask.peer, set=m.PeerChange.model_validate(changed))]


def _given(change: m.PeerChange) -> Iterator[tuple[str, Any]]:
    """(field, value) of what is given, each owner by itself as `owner <organisation>`, spaces around texts left out."""
    for name, value in change.model_dump(exclude_unset=True).items():
        if name == "owners":
            yield from ((f"owner {organisation}", owner.strip()) for organisation, owner in value.items())
        else:
            yield name, value.strip() if isinstance(value, str) else value


def evolve(peers: Peers, happened: Happening) -> Peers:
    match happened.fact:
        case m.PracticeTaken() as fact:
            key = (fact.session, fact.practice.practice)
            return replace(peers, practices={**peers.practices, key: Kept(fact.practice, fact.stage)})
        case m.PeerTaken() as fact:
            known = peers.followed.get(fact.peer)
            began = known.taken_at if known else happened.at
            one = Followed(fact.activity, fact.session, fact.stage, began, happened.at, fact.own)
            return replace(peers, followed={**peers.followed, fact.peer: one})
        case m.PeerFollowed() as fact:
            known = peers.followed.get(fact.peer)
            if known is None:
                return peers
            one = replace(known, activity=_changed(known.activity, fact.set), changed_at=happened.at, own=True)
            return replace(peers, followed={**peers.followed, fact.peer: one})
    return peers


def _changed(activity: PeerActivity, change: m.PeerChange) -> PeerActivity:
    names = [name for name, _ in _given(change)]
    versions = {**activity.versions, **{name: activity.versions.get(name, 0) + 1 for name in names}}
    given = change.model_dump(exclude_unset=True)
    owners = given.pop("owners", {})
    parties = tuple(
        party.model_copy(update={"owner": owners[party.organisation] or None})
        if party.organisation in owners
        else party
        for party in activity.parties
    )
    return activity.model_copy(update={**given, "parties": parties, "versions": versions})


def left(peers: Peers) -> dict[str, Any]:
    """{"practices": [practice with "session", "stage"], "peers": [activity with "session", "stage", "own"]}, in the order
    in which they came."""
    return {
        "practices": [
            {**kept.practice.model_dump(mode="json"), "session": session, "stage": kept.stage}
            for (session, _), kept in peers.practices.items()
        ],
        "peers": [
            {**one.activity.model_dump(mode="json"), "session": one.session, "stage": one.stage, "own": one.own}
            for one in peers.followed.values()
        ],
    }


def shown(peers: Peers) -> dict[str, Any]:
    """As `left`, and each activity with "changed_at": those that wait for somebody first, the next date first, then
    those that are over."""
    found = left(peers)
    rows = [{**row, "changed_at": peers.followed[row["peer"]].changed_at} for row in found["peers"]]
    rows.sort(key=lambda one: (one["status"] not in OPEN, one["date"] or "9999", one["peer"]))
    return {**found, "peers": rows}
