"""What a marketplace is made from, and its asks and facts (MATCHING 3.9, 4, 5; DOMAIN 13)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from ..contract import BY_CLOCK, BY_DESK, BY_SERVER, AFact, AnAsk, FreeText, Marked, Message, Text, clean
from ..contract.peers import Format, Kind, Practice

#: Signs pydantic takes of a typed text; the rules' own limits are lower, so that people hear "too long" in words.
HARD = 8_000
#: Signs of an organisation's name, of one line, of a paragraph, of a tag; tags in one list.
NAME, LINE, LONG, TAG, TAGS = 64, 120, 2_000, 60, 20
#: Stalls of a marketplace, as many as the placing takes; organisations on the panel.
STALLS, ORGANISATIONS = 100, 400
#: Notes of one person, peer activities of one organisation.
NOTES, PEERS = 60, 40

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
#: 96 random bits, proposed by who asks: 16 signs of base64url.
NewId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16}$")]
#: The name of an organisation as a machine compares it.
OrganisationId = Annotated[str, Field(min_length=1, max_length=64)]
Person = Annotated[str, Field(min_length=1, max_length=64)]
Round = Annotated[int, Field(ge=1, le=12)]
Rounds = Annotated[tuple[Round, ...], Field(max_length=12)]
Level03 = Annotated[int, Field(ge=0, le=3)]
Seats = Annotated[int, Field(ge=1, le=2_000)]
Weight = Annotated[int, Field(ge=0, le=1_000)]
Typed = Annotated[str, Field(max_length=HARD)]
TypedTags = Annotated[tuple[Typed, ...], Field(max_length=200)]

Hosting = Literal["turns", "stay"]
Phase = Literal["before", "rounds", "panel"]
NoteKind = Literal["note", "question", "learned"]
How = Literal["useful", "too_short", "not_for_me", "did_not_take_place"]


def tidied(name: str) -> str:
    """One line without control signs and without blanks at its ends."""
    return " ".join(clean(name).split())


@lru_cache(maxsize=4_096)
def organisation_id(name: str) -> str:
    """The id of an organisation from its name: tidied and casefolded, at most 64 signs."""
    return tidied(name).casefold()[:NAME].strip()


# What a practice says. A text is kept by language, so that erasing reaches the words and the card keeps its shape.


def _by_language(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str):
        return {(info.context or {}).get("first", "it"): value}
    return value


Words = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], Annotated[str, Field(max_length=HARD), Marked("free_text")]],
    BeforeValidator(_by_language),
]
WordsTags = Annotated[tuple[Words, ...], Field(max_length=TAGS)]


class CardResult(Message):
    """value: what came of it; evidence: how one knows."""

    value: Words
    evidence: Words | None = None


class Card(Message):
    """A practice as a fact keeps it, or the part of one that was written; what is not said is not there."""

    title: Words | None = None
    place: Words | None = None
    organisation: Annotated[str, Field(max_length=HARD), Marked("free_text")] | None = None
    instrument: Words | None = None
    years: Annotated[str, Field(max_length=HARD), Marked("free_text")] | None = None
    problem: Words | None = None
    done: Words | None = None
    results: Annotated[tuple[CardResult, ...], Field(max_length=TAGS)] | None = None
    limits: Words | None = None
    improvements: Words | None = None
    offers: WordsTags | None = None
    needs: WordsTags | None = None
    conditions: WordsTags | None = None
    source: Words | None = None
    contact_consent: bool | None = None


class TypedResult(Message):
    value: Typed
    evidence: Typed | None = None


class Fields(Message):
    """A practice as a person writes it, in their own language. In a change, an empty text or list takes the field out."""

    title: Typed | None = None
    problem: Typed | None = None
    done: Typed | None = None
    results: Annotated[tuple[TypedResult, ...], Field(max_length=200)] | None = None
    limits: Typed | None = None
    improvements: Typed | None = None
    offers: TypedTags | None = None
    needs: TypedTags | None = None
    conditions: TypedTags | None = None
    place: Typed | None = None
    instrument: Typed | None = None
    years: Typed | None = None
    source: Typed | None = None
    contact_consent: bool | None = None


# Setup


class Practices(Message):
    """A file of `content/practices/`. note: what must be said beside them, such as what was derived and by whom."""

    title: Text
    credit: Text | None = None
    note: Text | None = None
    practices: Annotated[tuple[Practice, ...], Field(max_length=STALLS)] = ()

    @model_validator(mode="after")
    def _ids_once(self) -> Practices:
        ids = [one.practice for one in self.practices]
        for one in ids:
            if ids.count(one) > 1:
                raise ValueError(f"two practices are called {one!r}")
        return self


class Stall(Message):
    """A place where one practice is shown. practice: id of one of the practices; open: rounds, all without it.

    never: organisations that shall not visit it.
    """

    id: Id
    title: Text | None = None
    text: Text | None = None
    table: Annotated[str, Field(max_length=40)] | None = None
    organisation: Annotated[str, Field(max_length=NAME)] | None = None
    capacity: Seats | None = None
    minimum: Annotated[int, Field(ge=0, le=2_000)] | None = None
    hosting: Hosting = "turns"
    open: Rounds | None = None
    practice: Id | None = None
    never: Annotated[tuple[Annotated[str, Field(max_length=NAME)], ...], Field(max_length=ORGANISATIONS)] = ()


class Weights(Message):
    """The facilitator's sliders; `mixing` keeps its three weights at 12 : 4 : 6."""

    interest: Weight = 10
    mixing: Weight = 12
    colleagues: Weight = 8
    coverage: Weight = 15


class Setup(Message):
    """stalls: none of them means one for each practice, in order. minutes: of a round; walk: seconds between two.

    capacity: seats of a stall that says nothing else. entry: whether phones may bring a practice. limit: peer activities
    of one organisation. note: a line shown with the practices, instead of the one of their file.
    """

    #: Fields that may name a file of `content/` instead of holding what is in it: {field: folder}.
    content: ClassVar[dict[str, str]] = {"practices": "practices"}

    practices: Practices | None = None
    stalls: Annotated[tuple[Stall, ...], Field(max_length=STALLS)] = ()
    rounds: Round = 4
    minutes: int = Field(default=12, ge=1, le=240)
    walk: int = Field(default=60, ge=0, le=3_600)
    capacity: Seats = 6
    entry: bool = True
    panel: bool = True
    limit: int = Field(default=3, ge=1, le=5)
    seed: int = Field(default=1, ge=0, le=2**53)
    weights: Weights = Weights()
    note: Text | None = None

    @model_validator(mode="after")
    def _names_fit(self) -> Setup:
        known = {one.practice for one in self.practices.practices} if self.practices else set()
        ids = [one.id for one in self.stalls]
        for stall in self.stalls:
            if ids.count(stall.id) > 1:
                raise ValueError(f"two stalls are called {stall.id!r}")
            if stall.practice is not None and stall.practice not in known:
                raise ValueError(f"stall {stall.id!r} shows {stall.practice!r}, which is none of the practices")
            if stall.title is None and stall.practice is None:
                raise ValueError(f"stall {stall.id!r} needs a title or a practice")
            if stall.minimum is not None and stall.minimum > (stall.capacity or self.capacity):
                raise ValueError(f"stall {stall.id!r} has a minimum above its seats")
            if any(number > self.rounds for number in stall.open or ()):
                raise ValueError(f"stall {stall.id!r} is open in a round above {self.rounds}")
        return self


# Asks of people

BY_BOTH = frozenset({"phone", "desk"})


class SayOrganisation(AnAsk):
    """An empty name says that the person speaks for none."""

    organisation: Typed


class AddPractice(AnAsk):
    by = BY_BOTH

    stall: NewId
    fields: Fields


class EditPractice(AnAsk):
    by = BY_BOTH

    stall: Id
    set: Fields


class Present(AnAsk):
    stall: Id
    on: bool


class Wish(AnAsk):
    """level: 3 must, 2 yes, 1 a little, 0 no, null not rated."""

    stall: Id
    level: Level03 | None


class Avoid(AnAsk):
    stall: Id
    on: bool


class TurnAway(AnAsk):
    stall: Id
    organisation: OrganisationId
    on: bool


class CheckIn(AnAsk):
    stall: Id


class BeAway(AnAsk):
    on: bool


class WriteNote(AnAsk):
    note: NewId
    stall: Id
    kind: NoteKind
    text: Typed


class RemoveNote(AnAsk):
    by = BY_BOTH

    note: Id


class RateVisit(AnAsk):
    round: Round
    how: How


class SayTags(AnAsk):
    offers: TypedTags
    needs: TypedTags


class WantPeer(AnAsk):
    organisation: OrganisationId
    strength: Level03
    kind: Kind
    topic: Typed | None = None


class AvoidPeer(AnAsk):
    organisation: OrganisationId
    on: bool


class ProposePeer(AnAsk):
    """organisation: for which the desk asks; a phone asks for its own."""

    by = BY_BOTH

    peer: NewId
    parties: Annotated[tuple[OrganisationId, ...], Field(min_length=1, max_length=8)]
    topic: Typed | None = None
    organisation: OrganisationId | None = None


class PeerFields(Message):
    """In a change, null and "" take a field out."""

    topic: Typed | None = None
    format: Format | Literal[""] | None = None
    date: Annotated[str, Field(max_length=10)] | None = None
    owner: Typed | None = None
    first_step: Typed | None = None


class SetPeer(AnAsk):
    """base: the version of the activity that its author saw."""

    by = BY_BOTH

    peer: Id
    base: int = Field(ge=0)
    set: PeerFields
    organisation: OrganisationId | None = None


class AnswerPeer(AnAsk):
    by = BY_BOTH

    peer: Id
    accept: bool
    organisation: OrganisationId | None = None


# Asks of the desk


class GoTo(AnAsk):
    by = BY_DESK

    phase: Phase


class StallFields(Message):
    title: Typed | None = None
    capacity: Seats | None = None
    minimum: Annotated[int, Field(ge=0, le=2_000)] | None = None
    open: Rounds | None = None
    hosting: Hosting | None = None
    table: Annotated[str, Field(max_length=HARD)] | None = None
    organisation: Typed | None = None
    hosts: Annotated[tuple[Person, ...], Field(max_length=50)] | None = None


class SetStall(AnAsk):
    """Null takes a value out: the minimum is then worked out, the stall is open in every round."""

    by = BY_DESK

    stall: Id
    set: StallFields


class RemoveStall(AnAsk):
    by = BY_DESK

    stall: Id


class RestoreStall(AnAsk):
    by = BY_DESK

    stall: Id


class BringPractices(AnAsk):
    """Practices from a file; one whose id is there already is left as it is."""

    by = BY_DESK

    practices: Annotated[tuple[Practice, ...], Field(min_length=1, max_length=STALLS)]


class SetWeights(AnAsk):
    by = BY_DESK

    interest: Weight | None = None
    mixing: Weight | None = None
    colleagues: Weight | None = None
    coverage: Weight | None = None


class Pin(AnAsk):
    by = BY_DESK

    person: Person
    stall: Id
    round: Round


class Unpin(AnAsk):
    by = BY_DESK

    person: Person
    round: Round


class SetAway(AnAsk):
    by = BY_DESK

    person: Person
    on: bool


class SetOrganisation(AnAsk):
    by = BY_DESK

    person: Person
    organisation: Typed


class Seen(AnAsk):
    """Somebody stands at this stall, as the desk or a host of the stall sees."""

    by = BY_BOTH

    person: Person
    stall: Id


class AskForPlan(AnAsk):
    """fresh: all new; without it a published plan changes as little as it can."""

    by = BY_DESK

    fresh: bool = False


class PublishPlan(AnAsk):
    by = BY_DESK

    plan: int


class DropPlan(AnAsk):
    """The offered plan goes, and so does a plan that is being worked out; the published one stays."""

    by = BY_DESK


class StartRound(AnAsk):
    by = BY_DESK

    round: Round | None = None


class EndRound(AnAsk):
    by = BY_DESK


class MoreTime(AnAsk):
    by = BY_DESK

    seconds: int = Field(ge=1, le=3_600)


class Circulate(AnAsk):
    by = BY_DESK

    on: bool


class AskForPairs(AnAsk):
    by = BY_DESK


class PublishPairs(AnAsk):
    by = BY_DESK

    pairs: int


class DropPeer(AnAsk):
    by = BY_DESK

    peer: Id


# Asks of the house itself


class OfferPlan(AnAsk):
    """plan: the document of MATCHING 7. In its routes "" says nowhere too, for files that have no null."""

    by = BY_SERVER

    input_sha256: Annotated[str, Field(max_length=64)]
    plan: dict[str, Any]


class OfferPairs(AnAsk):
    by = BY_SERVER

    input_sha256: Annotated[str, Field(max_length=64)]
    proposal: dict[str, Any]


class GiveUp(AnAsk):
    """The work off the line failed for good: nobody should wait for it any longer."""

    by = BY_SERVER

    what: Literal["plan", "better", "pairs"]


class TimeUp(AnAsk):
    by = BY_CLOCK

    round: Round


class Freeze(AnAsk):
    """The round after this one stands: from now on only newcomers are seated in it."""

    by = BY_CLOCK

    round: Round


class SettleWishes(AnAsk):
    """People tap faster than a plan is made: the one that is waited for takes the wishes as they are now."""

    by = BY_CLOCK


class Hold(AnAsk):
    """The session pauses."""

    by = BY_CLOCK


class GoOn(AnAsk):
    """The session goes on after a pause."""

    by = BY_CLOCK


# Facts. `person` is there where the desk, or a host, says something about somebody; else it is who asked.

Personal = Annotated[str, Marked("personal")]


class OrganisationSaid(AFact):
    organisation: Personal | None
    person: str | None = None


class PracticeAdded(AFact):
    touches = "all"

    stall: str
    card: Card
    organisation: Personal | None = None


class PracticeEdited(AFact):
    """card: what was written; cleared: the fields that were taken out."""

    touches = "all"

    stall: str
    card: Card
    cleared: tuple[str, ...] = ()


class PracticesBrought(AFact):
    touches = "all"

    practices: dict[str, Card]


class PresenterSet(AFact):
    stall: str
    on: bool


class Wished(AFact):
    stall: str
    level: Annotated[int, Marked("personal")] | None


class Avoided(AFact):
    stall: Personal
    on: bool


class TurnedAway(AFact):
    stall: str
    organisation: Personal
    on: bool


class CheckedIn(AFact):
    """again: the person was elsewhere in this round before and both count (free circulation)."""

    stall: str
    round: int
    again: bool = False
    person: str | None = None


class AwaySet(AFact):
    on: bool
    person: str | None = None


class NoteWritten(AFact):
    note: str
    stall: str
    form: NoteKind
    text: FreeText
    own_group: str | None = None


class NoteRemoved(AFact):
    note: str


class VisitRated(AFact):
    round: int
    how: How


class TagsSaid(AFact):
    organisation: Personal
    offers: WordsTags
    needs: WordsTags


class PeerWanted(AFact):
    organisation: Personal
    other: Personal
    strength: int
    wants: Kind
    topic: FreeText | None = None


class PeerAvoided(AFact):
    organisation: Personal
    other: Personal
    on: bool


class PeerProposed(AFact):
    touches = "all"

    peer: str
    parties: tuple[str, ...]
    organisation: str | None = None
    topic: FreeText | None = None


class PeerChanged(AFact):
    """organisation: whose owner is named, and whose side keeps its yes; None: the desk wrote for all of them.

    cleared: fields that were taken out.
    """

    touches = "all"

    peer: str
    organisation: str | None = None
    topic: FreeText | None = None
    format: Format | None = None
    date: str | None = None
    owner: Personal | None = None
    first_step: FreeText | None = None
    cleared: tuple[str, ...] = ()


class PeerAnswered(AFact):
    touches = "all"

    peer: str
    organisation: str
    accept: bool


class PeerDropped(AFact):
    touches = "all"

    peer: str


class PhaseSet(AFact):
    touches = "all"

    phase: Phase


class StallChanged(AFact):
    """cleared: values that were taken out. A title that the facilitator writes stands in their language."""

    touches = "all"

    stall: str
    title: Words | None = None
    capacity: int | None = None
    minimum: int | None = None
    open: tuple[int, ...] | None = None
    hosting: Hosting | None = None
    table: FreeText | None = None
    organisation: FreeText | None = None
    hosts: tuple[str, ...] | None = None
    cleared: tuple[str, ...] = ()


class StallRemoved(AFact):
    touches = "all"

    stall: str


class StallRestored(AFact):
    touches = "all"

    stall: str


class WeightsSet(AFact):
    touches = "none"

    weights: Weights


class Pinned(AFact):
    touches = "none"

    person: str
    stall: str
    round: int


class Unpinned(AFact):
    touches = "none"

    person: str
    round: int


class PlanAsked(AFact):
    """input_sha256: of the input as it was then; the plan is worked out from the input as it is when work begins."""

    touches = "none"

    input_sha256: str
    seed: int
    weights: Weights
    fresh: bool = False


class PlanOffered(AFact):
    """plan: the document of MATCHING 7."""

    touches = "none"

    number: int
    input_sha256: str
    plan: dict[str, Any]


class GivenUp(AFact):
    touches = "none"

    what: Literal["plan", "pairs"]


class PlanPublished(AFact):
    touches = "all"

    number: int


class PlanDropped(AFact):
    touches = "none"


class RoundStarted(AFact):
    """ends_at: ms UTC."""

    touches = "all"

    round: int
    ends_at: int


class RoundEnded(AFact):
    touches = "all"

    round: int
    why: Literal["desk", "time"]


class TimeAdded(AFact):
    touches = "all"

    round: int
    seconds: int
    ends_at: int


class WishesSettled(AFact):
    touches = "none"


class Frozen(AFact):
    """round: the coming one, whose places stand."""

    touches = "none"

    round: int


class CirculationSet(AFact):
    touches = "all"

    on: bool


class PairsAsked(AFact):
    touches = "none"

    input_sha256: str


class PairsOffered(AFact):
    """proposal: pairs with reasons, see `pairing.document`."""

    touches = "none"

    number: int
    input_sha256: str
    proposal: dict[str, Any]


class PairsPublished(AFact):
    touches = "all"

    number: int


class Held(AFact):
    touches = "all"

    at: int


class WentOn(AFact):
    """by_ms: how far the running deadline moves."""

    touches = "all"

    by_ms: int


#: A day as people agree on it.
DAY = re.compile(r"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")

Ask = (
    SayOrganisation
    | AddPractice
    | EditPractice
    | Present
    | Wish
    | Avoid
    | TurnAway
    | CheckIn
    | BeAway
    | WriteNote
    | RemoveNote
    | RateVisit
    | SayTags
    | WantPeer
    | AvoidPeer
    | ProposePeer
    | SetPeer
    | AnswerPeer
    | GoTo
    | SetStall
    | RemoveStall
    | RestoreStall
    | BringPractices
    | SetWeights
    | Pin
    | Unpin
    | SetAway
    | SetOrganisation
    | Seen
    | AskForPlan
    | PublishPlan
    | DropPlan
    | StartRound
    | EndRound
    | MoreTime
    | Circulate
    | AskForPairs
    | PublishPairs
    | DropPeer
    | OfferPlan
    | OfferPairs
    | GiveUp
    | TimeUp
    | Freeze
    | SettleWishes
    | Hold
    | GoOn
)
Fact = (
    OrganisationSaid
    | PracticeAdded
    | PracticeEdited
    | PracticesBrought
    | PresenterSet
    | Wished
    | Avoided
    | TurnedAway
    | CheckedIn
    | AwaySet
    | NoteWritten
    | NoteRemoved
    | VisitRated
    | TagsSaid
    | PeerWanted
    | PeerAvoided
    | PeerProposed
    | PeerChanged
    | PeerAnswered
    | PeerDropped
    | PhaseSet
    | StallChanged
    | StallRemoved
    | StallRestored
    | WeightsSet
    | Pinned
    | Unpinned
    | PlanAsked
    | PlanOffered
    | PlanPublished
    | PlanDropped
    | GivenUp
    | RoundStarted
    | RoundEnded
    | TimeAdded
    | Frozen
    | WishesSettled
    | CirculationSet
    | PairsAsked
    | PairsOffered
    | PairsPublished
    | Held
    | WentOn
)
