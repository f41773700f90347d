"""The state of a marketplace: who is here, the stalls, what was wished, the plans, where everybody was, the panel.

Ids stay what they are while people, stalls and organisations come and go; whoever leaves keeps the past they made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from ..contract import Level, Opening, Text
from ..contract.peers import Kind, Practice
from .messages import Card, CardResult, Hosting, How, NoteKind, Phase, Setup, Weights, organisation_id, tidied

#: The coming round is frozen this long before the running one ends, ms (MATCHING 3.9).
FREEZE = 60_000
#: Milliseconds for which a plan that is waited for follows every new wish.
SETTLE = 3_000

#: A stall that nobody has described yet; weights that nobody has moved.
NO_CARD, USUAL = Card(), Weights()

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Stall:
    """title, table, organisation: as the facilitator or the setup says it; None means: as the practice says.

    hosts: people who present it, in the order of their turns. by: the person who brought it. open: rounds; None means
    all. never: organisations that shall not visit it, by the setup; those its hosts turn away stand in the state.
    """

    id: str
    card: Card = NO_CARD
    title: Mapping[str, str] | None = None
    text: Mapping[str, str] | None = None
    table: str | None = None
    organisation: str | None = None
    capacity: int = 6
    minimum: int | None = None
    hosting: Hosting = "turns"
    open: tuple[int, ...] | None = None
    hosts: tuple[str, ...] = ()
    by: str | None = None
    practice: str | None = None
    never: tuple[str, ...] = ()
    removed: bool = False

    def stands(self, round: int) -> bool:
        return self.open is None or round in self.open


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan as it was offered. document: of MATCHING 7; event: its input; fresh: made without the one before it."""

    number: int
    input_sha256: str
    document: Mapping[str, Any]
    event: Mapping[str, Any]
    from_round: int
    fresh: bool = False

    @property
    def assignment(self) -> Mapping[str, list[str | None]]:
        found: Mapping[str, list[str | None]] = self.document["assignment"]
        return found

    @property
    def hosting(self) -> Mapping[str, list[str | None]]:
        found: Mapping[str, list[str | None]] = self.document["hosting"]
        return found


@dataclass(frozen=True, slots=True)
class Change:
    person: str
    round: int
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Round:
    """seats, duty: {person: stall} as the published plan had them when the round began; nothing changes them later."""

    started_at: int
    ends_at: int
    seats: Mapping[str, str] = field(default_factory=dict)
    duty: Mapping[str, str] = field(default_factory=dict)
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    note: str
    stall: str
    form: NoteKind
    text: str
    by: str | None
    own_group: str | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """What one organisation thinks of a peer activity with another one."""

    strength: int
    wants: Kind
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Tags:
    offers: tuple[Mapping[str, str], ...] = ()
    needs: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer activity on its way. owners: {organisation: who looks after it there}. revisions: {field: the version in
    which it was last written}. pairs: number of the published proposal it came from, None where somebody proposed it."""

    peer: str
    parties: tuple[str, ...]
    topic: str | None = None
    format: str | None = None
    date: str | None = None
    first_step: str | None = None
    owners: Mapping[str, str] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    version: int = 1
    revisions: Mapping[str, int] = field(default_factory=dict)
    pairs: int | None = None
    dropped: bool = False

    @property
    def status(self) -> str:
        """proposed, accepted by all who were named, scheduled when it has a day, dropped when fewer than two are left."""
        if self.dropped or len(self.parties) - len(self.refused) < 2:
            return "dropped"
        if len(self.accepted) < len(self.parties):
            return "proposed"
        return "scheduled" if self.date else "accepted"

    @property
    def is_touched(self) -> bool:
        return self.version > 1 or bool(self.accepted or self.refused)


@dataclass(frozen=True, slots=True)
class Pairs:
    """A proposal of the panel. panel: its input; proposal: the document of `pairing.document`."""

    number: int
    input_sha256: str
    panel: Mapping[str, Any]
    proposal: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """That a plan or pairs are waited for. number: of this asking, from 1. wishes: those it is made from, once they
    settled; those of the moment before."""

    input_sha256: str
    number: int
    fresh: bool = False
    at: int = 0
    wishes: Mapping[str, Mapping[str, int]] | None = None


@dataclass(frozen=True, slots=True)
class State:
    """people: {id: group} who is in the session; gone: the same of who left it. since: the first round in which a person
    who came or came back later can be placed. round: the last one that was started, 0 before the first.

    organisation_of: "" for who said that they speak for none. stays: {round: {person: stalls, the last one is where they
    stand}}, as they or somebody who saw them say. frozen: the coming round whose places stand. failed: the work off the
    line that was given up. drawn: what was worked out of parts of this state, kept as long as they stay the same; it
    never decides anything.
    """

    setup: Setup
    level: Level = "pseudonym"
    languages: tuple[str, ...] = ("it", "en")
    groups: tuple[str, ...] = ()
    people: Mapping[str, str | None] = field(default_factory=dict)
    gone: Mapping[str, str | None] = field(default_factory=dict)
    since: Mapping[str, int] = field(default_factory=dict)
    away: Mapping[str, bool] = field(default_factory=dict)
    organisation_of: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    phase: Phase = "before"
    weights: Weights = USUAL
    stalls: Mapping[str, Stall] = field(default_factory=dict)
    wishes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    never: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    turned_away: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pins: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    round: int = 0
    rounds: Mapping[int, Round] = field(default_factory=dict)
    stays: Mapping[int, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    free: bool = False
    frozen: int | None = None
    held_at: int | None = None
    asks: int = 0
    asked: Asked | None = None
    offered: Plan | None = None
    plan: Plan | None = None
    plans: int = 0
    changed: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)
    notes: Mapping[str, Note] = field(default_factory=dict)
    ratings: Mapping[int, Mapping[str, How]] = field(default_factory=dict)
    tags: Mapping[str, Tags] = field(default_factory=dict)
    wants: Mapping[str, Mapping[str, Want]] = field(default_factory=dict)
    avoids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    peers: Mapping[str, Peer] = field(default_factory=dict)
    pairs_asked: Asked | None = None
    pairs_offered: Pairs | None = None
    pairs: Pairs | None = None
    pairs_made: int = 0
    failed: Literal["plan", "pairs"] | None = None
    drawn: dict[str, tuple[tuple[Any, ...], Any]] = field(default_factory=dict, compare=False, repr=False)


def start(setup: Setup, level: Level = "pseudonym") -> State:
    """Raises pydantic.ValidationError at level anonymous, where nobody could be told where to go."""
    if level == "anonymous":
        sentence = "a stall is given to a person, and their wishes with it: use level named or pseudonym"
        wrong = InitErrorDetails(type=PydanticCustomError("level", sentence), loc=("level",), input=level)
        raise ValidationError.from_exception_data("Setup", [wrong])
    cards = {one.practice: card_of(one) for one in setup.practices.practices} if setup.practices else {}
    if setup.stalls:
        stalls = [_planned(setup, one.id, cards.get(one.practice or "", Card()), one.practice) for one in setup.stalls]
        stalls = [
            replace(
                stall,
                title=one.title,
                text=one.text,
                table=one.table,
                organisation=one.organisation or stall.organisation,
                capacity=one.capacity or setup.capacity,
                minimum=one.minimum,
                hosting=one.hosting,
                open=None if one.open is None else tuple(sorted(set(one.open))),
                never=tuple(dict.fromkeys(organisation_id(name) for name in one.never if organisation_id(name))),
            )
            for stall, one in zip(stalls, setup.stalls, strict=True)
        ]
    else:
        stalls = [_planned(setup, id, card, id) for id, card in cards.items()]
    state = State(setup, level, weights=setup.weights, stalls={stall.id: stall for stall in stalls})
    for stall in stalls:
        state = with_name(state, stall.organisation)
    return state


def _planned(setup: Setup, id: str, card: Card, practice: str | None) -> Stall:
    said = card.organisation
    return Stall(
        id, card, capacity=setup.capacity, organisation=tidied(said)[:64] or None if said else None, practice=practice
    )


def card_of(practice: Practice) -> Card:
    """A practice of a file as the card of a stall."""

    def words(text: Text | None) -> dict[str, str] | None:
        return dict(text) if text is not None else None

    organisation = practice.organisation
    return Card(
        title=words(practice.title),
        place=words(practice.place),
        organisation=None if organisation is None else organisation.in_language("it"),
        instrument=words(practice.instrument),
        years=practice.years,
        problem=words(practice.problem),
        done=words(practice.done),
        results=tuple(CardResult(value=dict(one.value), evidence=words(one.evidence)) for one in practice.results),
        limits=words(practice.limits),
        improvements=words(practice.improvements),
        offers=tuple(dict(tag) for tag in practice.offers),
        needs=tuple(dict(tag) for tag in practice.needs),
        conditions=tuple(dict(tag) for tag in practice.conditions),
        source=words(practice.source),
        contact_consent=practice.contact_consent,
    )


def opened(state: State, opening: Opening) -> State:
    """Who is in the session now. Whoever is not any more keeps the visits they made and loses the rest to come."""
    here = dict(opening.people)
    gone = {id: group for id, group in {**state.gone, **state.people}.items() if id not in here}
    since = dict(state.since)
    for id in here:
        if id not in state.people:
            since[id] = state.round + 1
    return replace(
        state, people=here, gone=gone, since=since, groups=opening.groups, languages=opening.languages, drawn={}
    )


def kept(state: State, name: str, over: tuple[Any, ...], make: Callable[[], Made]) -> Made:
    """What `make` gives, made anew only when one of `over` is another object than the last time."""
    known = state.drawn.get(name)
    if known is not None and len(known[0]) == len(over) and all(a is b for a, b in zip(known[0], over, strict=True)):
        found: Made = known[1]
        return found
    made = make()
    state.drawn[name] = (over, made)
    return made


# Organisations


def with_name(state: State, name: str | None) -> State:
    """Knows an organisation by the name under which it was first said."""
    id = organisation_id(name or "")
    if not id or state.names.get(id):
        return state
    return replace(state, names={**state.names, id: tidied(name or "")})


def stall_organisation(stall: Stall) -> str | None:
    return organisation_id(stall.organisation or "") or None


def known_organisations(state: State) -> dict[str, str]:
    """{id: name} of the organisations that a stall or somebody who is here speaks for, by name."""
    ids = {organisation: True for stall in standing(state) if (organisation := stall_organisation(stall))}
    ids |= {id: True for person, id in state.organisation_of.items() if person in state.people and id}
    return {
        id: state.names.get(id) or id for id in sorted(ids, key=lambda id: ((state.names.get(id) or id).casefold(), id))
    }


def members(state: State, organisation: str) -> list[str]:
    return [person for person in state.people if state.organisation_of.get(person) == organisation]


def on_the_panel(state: State) -> list[str]:
    """The organisations that can prepare something: somebody here speaks for them, or the panel knows them already."""
    known = known_organisations(state)
    speaking = {state.organisation_of.get(person) for person in state.people}
    said = {*state.tags, *state.wants, *(party for peer in state.peers.values() for party in peer.parties)}
    ids = list(known) + sorted(id for id in said if id and id not in known)
    return [id for id in ids if id in speaking or id in said]


# Stalls and people


def standing(state: State) -> list[Stall]:
    return [stall for stall in state.stalls.values() if not stall.removed]


def title_of(stall: Stall) -> Text:
    return Text(stall.title or stall.card.title or {"it": ""})


def here(state: State) -> list[str]:
    """Who can be placed: in the session and not away, in the order in which they joined."""
    return [person for person in state.people if person not in state.away]


def group_of(state: State, person: str) -> str | None:
    return state.people.get(person, state.gone.get(person))


def hosts_of(state: State, stall: Stall) -> tuple[str, ...]:
    return tuple(person for person in stall.hosts if person in state.people)


def presented(state: State, person: str) -> list[str]:
    return [stall.id for stall in standing(state) if person in stall.hosts]


def may_visit(state: State, person: str, stall: Stall) -> bool:
    """What no plan may relax (MATCHING 2.1): own and vetoed stalls, organisations turned away."""
    organisation = state.organisation_of.get(person) or None
    return not (
        person in stall.hosts
        or stall.id in state.never.get(person, ())
        or (organisation is not None and organisation == stall_organisation(stall))
        or (organisation is not None and organisation in (*stall.never, *state.turned_away.get(stall.id, ())))
    )


# Rounds


def running(state: State) -> Round | None:
    now = state.rounds.get(state.round)
    return now if now is not None and now.ended_at is None else None


def next_round(state: State) -> int | None:
    return state.round + 1 if state.round < state.setup.rounds else None


def visiting_round(state: State) -> int | None:
    """The round that somebody who stands at a stall now is in: the running one, else the coming one. 0 in free
    circulation outside of rounds; None when there is nothing to visit."""
    if state.phase == "panel" and running(state) is None:
        return None
    if running(state) is not None:
        return state.round
    coming = next_round(state)
    if coming is not None and (state.plan is not None or state.free):
        return coming
    return 0 if state.free else None


def coming_places(state: State, round: int) -> dict[str, str]:
    """{person: stall} as the published plan has a round that has not begun; only who is here and not away."""
    if state.plan is None:
        return {}
    return {
        person: stall
        for person, route in state.plan.assignment.items()
        if person in state.people
        and person not in state.away
        and (stall := route[round - 1]) is not None
        and stall in state.stalls
        and not state.stalls[stall].removed
    }


def coming_duty(state: State, round: int) -> dict[str, str]:
    if state.plan is None:
        return {}
    return {
        person: stall
        for person, route in state.plan.hosting.items()
        if person in state.people and person not in state.away and (stall := route[round - 1]) is not None
    }


def places(state: State, round: int) -> dict[str, str]:
    """{person: stall} in a round: presence beats plan, and whoever was not seen is where the plan put them."""
    begun = state.rounds.get(round)
    planned = dict(begun.seats) if begun is not None else coming_places(state, round)
    for person, stalls in state.stays.get(round, {}).items():
        if person in state.people or person in state.gone:
            planned[person] = stalls[-1]
    return {person: stall for person, stall in planned.items() if person not in state.stalls[stall].hosts}


def visits(state: State, round: int) -> dict[str, tuple[str, ...]]:
    """{person: stalls visited}; more than one in free circulation only. Hosts at their own stall are no visitors."""
    begun = state.rounds.get(round)
    found: dict[str, tuple[str, ...]] = {}
    for person, stall in (begun.seats if begun is not None else {}).items():
        found[person] = (stall,)
    for person, stalls in state.stays.get(round, {}).items():
        if person in state.people or person in state.gone:
            found[person] = tuple(dict.fromkeys(stalls))
    counted = {
        person: tuple(stall for stall in stalls if stall in state.stalls and person not in state.stalls[stall].hosts)
        for person, stalls in found.items()
    }
    return {person: stalls for person, stalls in counted.items() if stalls}


def standing_at(state: State, round: int) -> dict[str, list[str]]:
    """{stall: people who said that they stand there, or were seen there}."""
    found: dict[str, list[str]] = {}
    for person, stalls in state.stays.get(round, {}).items():
        if person in state.people:
            found.setdefault(stalls[-1], []).append(person)
    return found


def begun_rounds(state: State) -> Iterable[int]:
    """The rounds that are past or running; 0 for visits in free circulation before the first one."""
    return [0, *range(1, state.round + 1)] if state.stays.get(0) else range(1, state.round + 1)


def is_late(state: State, person: str) -> bool:
    """Whether a published plan leaves the person out, because they came, or came back, after it was made."""
    return (
        state.plan is not None
        and person in state.people
        and person not in state.away
        and person not in state.plan.assignment
        and next_round(state) is not None
    )
