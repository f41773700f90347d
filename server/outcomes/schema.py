"""The JSON Schema (2020-12) of a session's outcomes, made from models, and shipped with them.

The models say what is promised to readers of `outcomes.json`; they are open, so that an activity may leave more.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..activities.contract.idea.left import IdeaOutcome
from ..activities.contract.peers import Day, Format, Status

DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Raised when something promised changes its meaning or goes.
SCHEMA_VERSION = "1.0"

#: A text by language: {"it": "...", "en": "..."}.
ByLanguage = dict[str, str]


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Outcome(Open):
    """What stands in every outcome: the stage that left it."""

    stage: str
    stage_title: ByLanguage
    activity: str
    level: Literal["named", "pseudonym", "anonymous"]


class Facts(Open):
    """Numbers of the first and the last fact."""

    first: int | None = Field(default=None, alias="from")
    last: int | None = Field(default=None, alias="to")


class Option(Open):
    """An answer to choose. count: people; share: per cent, absent where there were too few answers."""

    id: str
    text: ByLanguage
    count: int | None = None
    share: int | None = None


class GroupCounts(Open):
    """One group's answers; groups with fewer than 5 are folded into "other" or not split at all."""

    group: str
    n: int
    options: dict[str, dict[str, Any]] | None = None


class VoteResult(Outcome):
    kind: Literal["vote_result"]
    question: str
    question_kind: str
    text: ByLanguage
    round: int
    cancelled: bool
    facts: Facts
    answers: int | None = None
    skipped: int | None = None
    people: int | None = None
    options: list[Option] | None = None
    results: dict[str, Any] | None = None
    by_group: list[GroupCounts] | None = None
    groups_hidden: bool | None = None


class TopicShare(Open):
    group: str
    n: int
    right: int
    share: int


class QuizGap(Outcome):
    """Per topic the share of right answers of each group, in per cent."""

    kind: Literal["quiz_gap"]
    topic: str
    questions: int
    by_group: list[TopicShare]


class Team(Open):
    mean10: int
    n: int
    rank: int


class QuizScore(Outcome):
    """The teams' means in tenths of a point."""

    kind: Literal["quiz_score"]
    scoring: str
    people: int
    groups: list[Team]
    tables: list[Team]


class Word(Open):
    word: str
    count: int
    also: list[str]
    by_group: dict[str, int] | None = None


class Words(Outcome):
    kind: Literal["words"]
    prompt: ByLanguage
    people: int
    words: list[Word]


class Zone(Open):
    """at: column, row, width, height on the board's grid, from 1."""

    key: str
    role: str
    title: ByLanguage
    at: list[int] = Field(min_length=4, max_length=4)


class BoardNote(Open):
    """x, y: 0 to 10,000 within its zone, from the top left. number: of the fact that added it."""

    id: str
    zone: str
    role: str
    text: str
    kind: str
    x: int
    y: int
    number: int
    group: str | None = None
    variant_of: str | None = None
    votes_total: int | None = None
    rank: int | None = None


class CardGroup(Open):
    id: str
    notes: list[str]


class Link(Open):
    source: str = Field(alias="from")
    to: str
    label: str | None = None


class Round(Open):
    id: str
    target: Literal["notes", "groups"]
    dots: int
    tally: dict[str, Any] | None = None


class Board(Outcome):
    kind: Literal["board"]
    key: str
    title: ByLanguage
    version: int
    licence: str
    credit: ByLanguage | None
    cols: int
    rows: int
    zones: list[Zone]
    notes: list[BoardNote]
    groups: list[CardGroup]
    links: list[Link]
    rounds: list[Round]
    table: str | None = None


class IdeaDraft(Outcome):
    kind: Literal["idea_draft"]
    idea: str
    fields: dict[str, Any]
    notes: list[dict[str, Any]]


class Idea(Outcome, IdeaOutcome):
    """A policy idea; `fields` is the whole form."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["idea"]
    stage: str


class PracticeResult(Open):
    """value: what came of it; evidence: how one knows."""

    value: ByLanguage
    evidence: ByLanguage | None = None


class Practice(Outcome):
    """A practice as it was shown at a stall. offers, needs, conditions: tags."""

    kind: Literal["practice"]
    practice: str
    title: ByLanguage
    organisation: str | None = None
    place: ByLanguage | None = None
    instrument: ByLanguage | None = None
    years: str | None = None
    problem: ByLanguage | None = None
    done: ByLanguage | None = None
    results: list[PracticeResult]
    limits: ByLanguage | None = None
    improvements: ByLanguage | None = None
    offers: list[ByLanguage]
    needs: list[ByLanguage]
    conditions: list[ByLanguage]
    source: ByLanguage | None = None
    contact_consent: bool


class StallVisits(Open):
    """by_round: from the first round. by_group: visits; absent where a group has fewer than 5 people."""

    stall: str
    title: ByLanguage
    visits: int
    by_round: list[int]
    by_group: dict[str, int] | None = None


class Share(Open):
    """Of how many people it was so; most_possible: for how many any plan could have done it at most."""

    reached: int
    of: int
    most_possible: int | None = None


class MarketTotals(Open):
    """mix_index, free_seats: per mille."""

    top1: Share | None = None
    mix_index: int | None = None
    people_with_zero_interest_round: int | None = None
    colleagues_together: int | None = None


class MarketPlan(Open):
    """quality: per mille of the best possible; null where no bound is known."""

    number: int
    quality: int | None
    totals: MarketTotals


class Marketplace(Outcome):
    """The rounds at the stalls. ratings: {round: {answer: people}}. mix: per mille."""

    kind: Literal["marketplace"]
    stalls: list[StallVisits]
    rounds: int
    people: int
    free_circulation: bool
    ratings: dict[str, dict[str, int]]
    practices: ByLanguage | None = None
    credit: ByLanguage | None = None
    note: ByLanguage | None = None
    plan: MarketPlan | None = None
    mix: int | None = None


class StallNote(Outcome):
    kind: Literal["stall_note"]
    stall: str
    practice: ByLanguage
    form: Literal["note", "question", "learned"]
    text: str
    own_group: str | None = None


class Organisation(Open):
    id: str
    name: str
    offers: list[ByLanguage]
    needs: list[ByLanguage]


class Together(Open):
    """How far two organisations came."""

    a: str
    b: str
    status: Status


class Reason(Open):
    """`from` offers what `to` needs."""

    source: str = Field(alias="from")
    to: str
    tags: list[ByLanguage]


class Pair(Open):
    a: str
    b: str
    mutual: bool
    reasons: list[Reason]


class Panel(Outcome):
    """Who with whom. without: organisations that have no pair. unoffered: needs that nobody offers."""

    kind: Literal["panel"]
    organisations: list[Organisation]
    matrix: list[Together]
    pairs: list[Pair]
    without: list[str]
    unoffered: list[ByLanguage]


class Party(Open):
    """owner: who looks after it there, as they wrote it themselves."""

    organisation: str
    name: str
    owner: str | None = None
    accepted: bool


class PeerActivity(Outcome):
    """What organisations prepare together. date, follow_up: YYYY-MM-DD. reasons: [who offers, who needs, tag]."""

    kind: Literal["peer_activity"]
    peer: str
    parties: list[Party]
    mutual: bool
    topic: str | None = None
    format: Format | None = None
    date: Day | None = None
    first_step: str | None = None
    status: Status
    result: str | None = None
    follow_up: Day | None = None
    reasons: list[list[Any]]
    versions: dict[str, int]


class Tables(Outcome):
    """How tables were formed. met_mean10: with how many others a person sat, on average, in tenths."""

    kind: Literal["tables"]
    rounds: int
    tables: int
    people: int
    meetings: int
    repeat_meetings: int
    met_mean10: int


KINDS = (
    VoteResult, QuizGap, QuizScore, Words, Board, IdeaDraft, Idea, Practice, Marketplace, StallNote, Panel, PeerActivity,
    Tables,
)  # fmt: skip
_NAMES: list[Any] = [str(kind.model_fields["kind"].annotation.__args__[0]) for kind in KINDS]  # type: ignore[union-attr]


class Other(Outcome):
    """Of a kind that this schema does not know yet."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"not": {"properties": {"kind": {"enum": _NAMES}}, "required": ["kind"]}}
    )

    kind: str


def outcome_of(kind: str) -> type[Outcome]:
    """The model of an outcome by its kind; that of any outcome for a kind that this schema does not know."""
    known: dict[str, type[Outcome]] = dict(zip(_NAMES, KINDS, strict=True))
    return known.get(kind, Other)


class Named(Open):
    id: str
    name: ByLanguage


class Cell(Open):
    group: str | None
    count: int


class People(Open):
    """By group only where no group is small; groups_hidden says that one was."""

    count: int
    by_group: list[Cell]
    groups_hidden: bool


class AgendaStage(Open):
    """A step of the day. planned_at, expected_at: where it stands in the plan, and when it really opened (or would)."""

    id: str
    title: ByLanguage
    activity: str
    minutes: int
    level: Literal["named", "pseudonym", "anonymous"]
    state: Literal["current", "done", "coming"]
    planned_at: int
    expected_at: int
    spent_minutes: int


class Agenda(Open):
    """The day as it was planned and as it went. behind_minutes: negative when ahead."""

    stages: list[AgendaStage]
    planned_end: int
    expected_end: int
    behind_minutes: int


class Generated(Open):
    at: int
    facts: Facts


class Software(Open):
    name: str
    version: str


class Outcomes(Open):
    """All that a session left. Times are milliseconds UTC. agenda: absent in files of before it was told."""

    schema_version: Literal["1.0"]
    code: str
    title: ByLanguage
    phase: Literal["sensitisation", "deep_dive", "codesign"]
    languages: list[str]
    groups: list[Named]
    state: str
    made_at: int | None
    started_at: int | None
    ended_at: int | None
    people: People
    agenda: Agenda | None = None
    number: int
    generated: Generated
    software: Software
    outcomes: list[
        Annotated[
            VoteResult
            | QuizGap
            | QuizScore
            | Words
            | Board
            | IdeaDraft
            | Idea
            | Practice
            | Marketplace
            | StallNote
            | Panel
            | PeerActivity
            | Tables,
            Field(discriminator="kind"),
        ]
        | Other
    ]


@cache
def schema() -> dict[str, Any]:
    """The schema of `outcomes.json`."""
    made = Outcomes.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": DIALECT, "title": "Outcomes of a session", **_without_titles(made)}


def _without_titles(value: Any, named: bool = False) -> Any:
    """The titles that pydantic derives from names say nothing new; a property called `title` stays."""
    if isinstance(value, dict):
        return {
            key: _without_titles(one, key in ("properties", "$defs"))
            for key, one in value.items()
            if named or key != "title" or not isinstance(one, str)
        }
    return [_without_titles(one) for one in value] if isinstance(value, list) else value
