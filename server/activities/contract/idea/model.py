"""The form of a policy idea: every field that people fill in, all of them optional while it is being written.

An idea is held in two shapes. The tree is what is exported and frozen: `PolicyIdea`. The leaves are what is edited:
`{"title": ..., "target_group.label": ..., "obstacles/<uid>": ...}`; `fields.py` goes from one to the other. What is
needed to publish is not said here but in `completeness.py`, because a half-filled form must be a valid one.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from ..merge import tidy
from ..messages import Marked, Message
from . import codes

#: Raised when a field changes its meaning; adding an optional field does not raise it.
SCHEMA_VERSION = "1.0"
#: The longest text in code points, and the longest single line (a name, an office, a unit).
LONGEST, LINE = 4_000, 300
LICENCE = "CC BY 4.0"

Uid = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
#: An id of the plan or the room: a stage, a group, a round of votes.
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
#: A leaf of the form, or a field inside one of its rows; "" for all of it.
Path = Annotated[str, Field(pattern=r"^[A-Za-z0-9_./-]{0,140}$")]
Lang = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


def _tidied(words: str) -> str:
    return tidy(words).strip()


Words = Annotated[str, Field(max_length=LONGEST), AfterValidator(_tidied), Marked("free_text")]
#: One line in no particular language: a name, an office, a programme.
Line = Annotated[str, Field(max_length=LINE), AfterValidator(_tidied), Marked("free_text")]


def _by_language(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str):
        return {(info.context or {}).get("first", "it"): value}
    if isinstance(value, dict) and "source_lang" in value:
        # The language of origin is kept beside the text, so that a text stays a plain map of languages.
        return {language: words for language, words in value.items() if language != "source_lang"}
    return value


#: A text by language, `{"it": "...", "en": "..."}`. A plain string is taken in the context's `first` language.
LText = Annotated[dict[Lang, Words], BeforeValidator(_by_language)]


def _digits(value: Any) -> Any:
    # A float has lost the cents before it arrives here; a whole number has not.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _plain(value: str) -> str:
    """The number without leading zeros, and without a sign on zero: two ways to write it are one value."""
    whole, dot, rest = value.lstrip("-").partition(".")
    plain = (whole.lstrip("0") or "0") + dot + rest
    return f"-{plain}" if value.startswith("-") and re.search("[1-9]", plain) else plain


#: Money as a decimal string, at most two decimals, never negative.
Amount = Annotated[
    str, BeforeValidator(_digits), Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$"), AfterValidator(_plain)
]
#: A measured value as a decimal string, at most six decimals.
Number = Annotated[
    str, BeforeValidator(_digits), Field(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$"), AfterValidator(_plain)
]


def _real(value: str) -> str:
    date.fromisoformat((value + "-01-01")[:10])
    return value


#: A date, a month or a year: `2026-03-31`, `2026-03`, `2026`.
PartialDate = Annotated[str, Field(pattern=r"^[1-9][0-9]{3}(-[0-9]{2}(-[0-9]{2})?)?$"), AfterValidator(_real)]
#: Only addresses that a browser opens as a page: a link that a person typed is shown to others.
Url = Annotated[
    str, Field(pattern=r"^https?://[^\s<>\"']{1,500}$|^$", max_length=520), AfterValidator(_tidied), Marked("free_text")
]
Year = Annotated[int, Field(ge=1900, le=2200)]
OneToFive = Annotated[int, Field(ge=1, le=5)]
Percent = Annotated[int, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0, le=10**9)]


class Part(Message):
    """A piece of the form. What is not filled in is left out when it is written as JSON."""

    @model_serializer(mode="wrap")
    def _filled(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}


class Group(Part):
    """A part whose fields are edited one by one: `area.name`."""


class Row(Part):
    """An entry of a list, edited as a whole under `<list>/<uid>`; the uid is proposed by who adds it."""

    uid: Uid


class Money(Part):
    """Either `exact`, or `min` and `max`."""

    exact: Amount | None = None
    min: Amount | None = None
    max: Amount | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"

    @model_validator(mode="after")
    def _exact_or_range(self) -> Money:
        from decimal import Decimal

        if (self.exact is None) == (self.min is None and self.max is None):
            raise ValueError("money is either exact, or min and max")
        if self.exact is None and (self.min is None or self.max is None):
            raise ValueError("a range of money has both min and max")
        if self.min is not None and self.max is not None and Decimal(self.min) > Decimal(self.max):
            raise ValueError("min is over max")
        return self


Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]


class Point(Part):
    type: Literal["Point"]
    coordinates: tuple[Longitude, Latitude]


class Polygon(Part):
    type: Literal["Polygon"]
    coordinates: Annotated[
        list[Annotated[list[tuple[Longitude, Latitude]], Field(min_length=4, max_length=500)]],
        Field(min_length=1, max_length=20),
    ]


class Said(Row):
    """One cause, effect or open question."""

    text: LText | None = None


class Evidence(Row):
    text: LText | None = None
    source: Line | None = None
    url: Url | None = None
    year: Year | None = None
    kind: codes.EvidenceKind | None = None


class TargetGroup(Group):
    label: LText | None = None
    category: codes.TargetCategory | None = None
    estimated_number: Count | None = None
    unit: Line | None = None
    how_counted: LText | None = None


class Area(Group):
    scope: codes.Scope | None = None
    name: Line | None = None
    geometry: Annotated[Point | Polygon, Field(discriminator="type")] | None = None
    priority_area: bool | None = None
    priority_reason: LText | None = None


class Objective(Row):
    text: LText | None = None
    specific: bool | None = None
    measurable: bool | None = None
    agreed: bool | None = None
    realistic: bool | None = None
    timed: bool | None = None


class Pilot(Group):
    hypothesis: LText | None = None
    test: LText | None = None
    stop_or_go: LText | None = None


class ChangeRow(Row):
    """One statement of the theory of change."""

    statement: LText | None = None
    indicator: LText | None = None
    source_of_verification: LText | None = None
    assumption: LText | None = None


class TheoryOfChange(Group):
    inputs: list[ChangeRow] | None = None
    actions: list[ChangeRow] | None = None
    outputs: list[ChangeRow] | None = None
    social_outcomes: list[ChangeRow] | None = None
    impacts: list[ChangeRow] | None = None
    assumptions: list[ChangeRow] | None = None


class Need(Row):
    """A need on a board: `need` is its note."""

    text: LText | None = None
    need: Uid | None = None


class Resource(Row):
    kind: codes.ResourceKind | None = None
    text: LText | None = None
    quantity: Number | None = None
    unit: Line | None = None
    monetised: bool | None = None


class Actor(Row):
    """An organisation in this idea, in one role; who has two roles stands in two rows."""

    name: Line | None = None
    organisation: Uid | None = None
    sector: codes.Sector | None = None
    role: codes.ActorRole | None = None
    raci: codes.Raci | None = None
    resources: list[Resource] | None = None
    commitment: codes.Commitment | None = None
    power: OneToFive | None = None
    interest: OneToFive | None = None
    contact_consent: bool | None = None
    will_incorporate: bool | None = None


class RightsDuties(Row):
    party: Line | None = None
    rights: Annotated[list[Words], Field(max_length=20)] | None = None
    duties: Annotated[list[Words], Field(max_length=20)] | None = None


class GovernanceBody(Group):
    name: Line | None = None
    members: Annotated[list[Line], Field(max_length=40)] | None = None
    frequency: Line | None = None
    who_sits_in: LText | None = None


class CollaborationForm(Group):
    kind: codes.FormKind | None = None
    legal_basis: LText | None = None
    why_this: LText | None = None
    options_considered: Annotated[list[codes.FormKind], Field(max_length=21)] | None = None
    risk_holder: codes.RiskHolder | None = None
    rights_duties: list[RightsDuties] | None = None
    duration_months: Annotated[int, Field(ge=0, le=1_200)] | None = None
    exit_or_renewal: LText | None = None
    governance_body: GovernanceBody | None = None


class FinancingLine(Row):
    """payer_actor: the uid of an actor. target, match_rule, deadline: of civic crowdfunding."""

    source: codes.FinancingSource | None = None
    programme: Line | None = None
    amount: Money | None = None
    status: codes.FinancingStatus | None = None
    conditions: LText | None = None
    co_financing_percent: Percent | None = None
    period: Line | None = None
    payer_actor: Uid | None = None
    target: Money | None = None
    match_rule: LText | None = None
    deadline: PartialDate | None = None


class Baseline(Part):
    value: Number | None = None
    date: PartialDate | None = None
    source: Line | None = None


class Rate(Row):
    label: LText | None = None
    price: Money | None = None


class Tranche(Part):
    from_value: Number
    pay: Money


class UpfrontCapital(Part):
    investor_actor: Uid | None = None
    type: codes.CapitalType | None = None
    amount: Money | None = None
    max_return: Line | None = None
    repayment_if_fail: LText | None = None


class Safeguards(Part):
    cream_skimming: LText | None = None
    gaming: LText | None = None
    hard_cases_abandoned: LText | None = None
    data_privacy: LText | None = None
    force_majeure: LText | None = None


class PbrTerm(Row):
    """One payment rule. Actors are named by their uid; `payment.py` says what is paid for a result."""

    social_outcome: LText | None = None
    outcome_kind: codes.OutcomeKind | None = None
    hardness: codes.Hardness | None = None
    metric: LText | None = None
    unit: codes.Unit | None = None
    unit_name: LText | None = None
    direction: codes.Direction | None = None
    target_population: LText | None = None
    cohort_size: Count | None = None
    baseline: Baseline | None = None
    baseline_how: LText | None = None
    target_value: Number | None = None
    threshold_min: Number | None = None
    comparison: codes.Comparison | None = None
    data_source: LText | None = None
    existing_admin_data: bool | None = None
    verifier_actor: Uid | None = None
    payer_actor: Uid | None = None
    payee_actor: Uid | None = None
    provider_actors: Annotated[list[Uid], Field(max_length=20)] | None = None
    pricing: codes.Pricing | None = None
    price_per_unit: Money | None = None
    rates: Annotated[list[Rate], Field(max_length=40)] | None = None
    tranches: Annotated[list[Tranche], Field(max_length=40)] | None = None
    cap: Money | None = None
    fixed_share_percent: Percent | None = None
    horizon_start: PartialDate | None = None
    horizon_end: PartialDate | None = None
    verify_on: Annotated[list[PartialDate], Field(max_length=40)] | None = None
    pay_within_days: Annotated[int, Field(ge=0, le=3_650)] | None = None
    upfront_capital: UpfrontCapital | None = None
    safeguards: Safeguards | None = None
    dispute: LText | None = None


class Challenge(Row):
    text: LText | None = None
    kind: codes.ChallengeKind | None = None
    projects: Annotated[list[Line], Field(max_length=20)] | None = None


class Overcome(Row):
    text: LText | None = None
    instrument: Line | None = None
    owner_actor: Uid | None = None
    status: codes.OvercomeStatus | None = None
    linked_project: Line | None = None
    action: Uid | None = None


class Obstacle(Row):
    """challenge: the uid of a challenge; without it the obstacle stands before the problem itself."""

    text: LText | None = None
    challenge: Uid | None = None
    category: codes.ObstacleCategory | None = None
    severity: OneToFive | None = None
    overcome: Annotated[list[Overcome], Field(max_length=20)] | None = None


class Risk(Row):
    text: LText | None = None
    likelihood: OneToFive | None = None
    impact: OneToFive | None = None
    borne_by: codes.BorneBy | None = None
    mitigation: LText | None = None
    counter_performance: LText | None = None
    value_of_risk_taken: LText | None = None


class NextStep(Row):
    text: LText | None = None
    owner: Line | None = None
    co_owners: Annotated[list[Line], Field(max_length=20)] | None = None
    due: PartialDate | None = None
    depends_on: Annotated[list[Uid], Field(max_length=20)] | None = None
    resources: LText | None = None
    output: LText | None = None
    status: codes.StepStatus | None = None
    reason: Words | None = None
    evidence_url: Url | None = None


class Reading(Row):
    date: PartialDate
    value: Number
    note: Words | None = None
    source: Line | None = None


class Aim(Part):
    value: Number | None = None
    date: PartialDate | None = None


class Indicator(Row):
    name: LText | None = None
    type: codes.IndicatorType | None = None
    level: codes.IndicatorLevel | None = None
    directness: codes.Directness | None = None
    dimension: codes.Dimension | None = None
    distress: bool | None = None
    unit: Line | None = None
    direction: codes.Direction | None = None
    baseline: Baseline | None = None
    target: Aim | None = None
    frequency: codes.Frequency | None = None
    data_owner: Line | None = None
    method: LText | None = None
    collection_cost: codes.CollectionCost | None = None
    guideline_refs: Annotated[list[Uid], Field(max_length=40)] | None = None
    readings: Annotated[list[Reading], Field(max_length=400)] | None = None


class AdminAct(Row):
    title: LText | None = None
    kind: codes.ActKind | None = None
    body: Line | None = None
    number: Line | None = None
    date: PartialDate | None = None
    url: Url | None = None
    licence: Line | None = None


class Loose(Row):
    """What a note says that has no place in the form yet; a person decides where it goes."""

    role: codes.LooseRole | None = None
    text: LText | None = None


class PolicyIdea(Group):
    """The fields of DOMAIN 2, with those of its sections 3 to 9 inside."""

    title: LText | None = None
    summary: LText | None = None
    domain: Annotated[list[codes.Domain], Field(max_length=19)] | None = None
    problem: LText | None = None
    problem_causes: list[Said] | None = None
    problem_effects: list[Said] | None = None
    evidence: list[Evidence] | None = None
    need_type: codes.NeedType | None = None
    needs: list[Need] | None = None
    target_group: TargetGroup | None = None
    area: Area | None = None
    approach: codes.Approach | None = None
    direction: codes.PolicyDirection | None = None
    objectives: list[Objective] | None = None
    proposal: LText | None = None
    output_kind: codes.OutputKind | None = None
    pilot: Pilot | None = None
    theory_of_change: TheoryOfChange | None = None
    actors: list[Actor] | None = None
    collaboration_form: CollaborationForm | None = None
    financing: list[FinancingLine] | None = None
    no_cost_reason: LText | None = None
    cost_total: Money | None = None
    cost_running_per_year: Money | None = None
    pbr_terms: list[PbrTerm] | None = None
    challenges: list[Challenge] | None = None
    obstacles: list[Obstacle] | None = None
    risks: list[Risk] | None = None
    next_steps: list[NextStep] | None = None
    review_on: PartialDate | None = None
    indicators: list[Indicator] | None = None
    replicability: LText | None = None
    derived_from: Annotated[list[Uid], Field(max_length=40)] | None = None
    admin_acts: list[AdminAct] | None = None
    technologies: Annotated[list[Line], Field(max_length=40)] | None = None
    sdg: Annotated[list[Annotated[int, Field(ge=1, le=17)]], Field(max_length=17)] | None = None
    tags: Annotated[list[Line], Field(max_length=40)] | None = None
    lines_of_action: Annotated[list[Annotated[int, Field(ge=1, le=4)]], Field(max_length=4)] | None = None
    open_questions: list[Said] | None = None
    loose: list[Loose] | None = None
    confidentiality: codes.Confidentiality | None = None
    licence: Line | None = None


class Dots(Part):
    """What a closed round of dot voting put on one note; by_group as the board's count tells it."""

    total: Annotated[int, Field(ge=0)]
    by_group: dict[Key, Annotated[int, Field(ge=0)]] = Field(default_factory=dict, max_length=40)


class Source(Part):
    """Where a field comes from: one note, group, vote round or anything else that people left (DOMAIN 11).

    field: the path of the leaf, "" for the whole idea. number: of the fact. own_group: the author's stakeholder group
    as the board told it. votes: dots by round.
    """

    field: Path
    source_kind: codes.SourceKind = "note"
    relation: codes.Relation = "quoted"
    session: Key | None = None
    stage: Key | None = None
    note: Uid | None = None
    group: Uid | None = None
    round: Uid | None = None
    uid: Uid | None = None
    number: Annotated[int, Field(ge=0)] | None = None
    own_group: Key | None = None
    table: Annotated[str, Field(max_length=64)] | None = None
    votes: Annotated[dict[Key, Dots], Field(max_length=20)] | None = None


def in_language(text: dict[str, str] | None, language: str) -> str:
    """The text in a language, else in the first one that is filled; "" for nothing."""
    if not text:
        return ""
    return text.get(language) or next((words for words in text.values() if words), "")


def first_day(partial: str) -> date:
    """The first day of a date, a month or a year."""
    return date.fromisoformat((partial + "-01-01")[:10])


def last_day(partial: str) -> date:
    """The last day of a date, a month or a year."""
    if len(partial) == 10:
        return date.fromisoformat(partial)
    if len(partial) == 4:
        return date(int(partial), 12, 31)
    year, month = int(partial[:4]), int(partial[5:])
    return date(year, 12, 31) if month == 12 else date.fromordinal(date(year, month + 1, 1).toordinal() - 1)


def blank_text(text: Any) -> bool:
    """Whether a text holds no words in any language."""
    return not text or not any(text.values())
