"""What an idea leaves when a stage closes: the outcome that is exported, and taken in again by a path."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from ..messages import FreeText
from . import codes
from .model import Amount, Line, LText, Part, PartialDate, PolicyIdea, Source, Uid


class Missing(Part):
    field: str
    rule: str


class Completeness(Part):
    form: codes.Form
    met: int
    required: int
    missing: list[Missing]
    warnings: list[Missing]


class GroupResult(Part):
    """Counts of one shown group; low, high: Wilson's 90 % interval of its agreement, 0-1."""

    group: str
    agree: int
    disagree: int
    passed: int = Field(alias="pass")
    n: int
    low: float
    high: float

    model_config = ConfigDict(serialize_by_alias=True)


class Gap(Part):
    first: str
    second: str
    value: float
    low: float
    high: float


class EndorsementResult(Part):
    """bridging 0-100, least 0-1 (DOMAIN 15); both only where every group has five people or more."""

    version: int
    people: int
    to_reconfirm: int
    levels: dict[str, int]
    agree: int
    disagree: int
    passed: int = Field(alias="pass")
    kind: codes.Bridging = Field(alias="class")
    bridging: float | None = None
    least: float | None = None
    by_group: list[GroupResult] | None = None
    difference: Gap | None = None

    model_config = ConfigDict(serialize_by_alias=True)


class Argument(Part):
    argument: Uid
    side: codes.Side
    text: FreeText
    language: str


class Answer(Part):
    """An office's answer (DOMAIN 10). at: when it was entered, ISO 8601."""

    decision: codes.Decision
    text: LText
    office: Line
    date: PartialDate
    cost: Amount | None = None
    cost_report: LText | None = None
    execution_period: Line | None = None
    at: str


class Version(Part):
    """A frozen version. sha256: of its canonical JSON, see `rules.canonical`."""

    version: int
    sha256: str
    at: str
    fields: PolicyIdea
    provenance: dict[str, Any]


class Moved(Part):
    was: codes.IdeaState
    to: codes.IdeaState
    at: str


class Submitted(Part):
    office: Line
    date: PartialDate


class Withdrawal(Part):
    reason: codes.WithdrawalReason
    explanation: FreeText | None = None


class SecondWording(Part):
    """A text that could not be joined with the one in its field, for somebody to choose."""

    field: str
    variant: str
    fields: PolicyIdea


class IdeaOutcome(Part):
    """A policy idea as it is exported. Times are ISO 8601 in UTC; origin: the language of each text's first words."""

    kind: Literal["idea"] = "idea"
    schema_version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+$")]
    idea: Uid
    code: str | None = None
    state: codes.IdeaState
    version: int
    form: codes.Form
    session: str | None = None
    stage: str | None = None
    table: str | None = None
    merged_into: Uid | None = None
    superseded_by: Uid | None = None
    fields: PolicyIdea
    origin: dict[str, str]
    completeness: Completeness
    endorsement: EndorsementResult
    arguments: list[Argument]
    answers: list[Answer]
    sources: list[Source]
    provenance: dict[str, Any]
    second_wordings: list[SecondWording]
    versions: list[Version]
    totals: dict[str, Any]
    moves: list[Moved]
    submitted: Submitted | None = None
    withdrawal: Withdrawal | None = None
    override: FreeText | None = None
    days_waiting: int | None = None
    published_at: str | None = None
    created_at: str
    updated_at: str
