"""What people may ask of a policy idea and what may happen to it; the same in a session and on a path.

Texts of a form lie in typed fields whose words are marked, so that erasing finds each of them. A fact carries the part
of the form that it changes: `fields` with the leaves that are new, `gone` with the paths that are empty now.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..messages import BY_DESK, AFact, AnAsk, FreeText, Marked, Message
from . import codes
from .left import IdeaOutcome
from .model import LONGEST, Amount, Line, LText, Number, PartialDate, Path, PolicyIdea, Source, Uid, Url, Words

#: What an ask calls a field; the rules say which there are.
Named = Annotated[str, Field(max_length=140)]
#: Leaves in one ask, and sources.
TOGETHER, SOURCES = 200, 400
PEOPLE = frozenset({"phone", "desk"})


class NewIdea(AnAsk):
    """fields: by path, or whole groups and lists as `drafting.from_draft` gives them. sources: where each comes from."""

    by = frozenset({"phone", "desk", "server"})

    idea: Uid
    fields: dict[Named, Any] = Field(default_factory=dict, max_length=TOGETHER)
    sources: list[Source] = Field(default_factory=list, max_length=SOURCES)
    table: Annotated[str, Field(max_length=64)] | None = None


class EditIdea(AnAsk):
    """base: the version of each field that its author saw; 0 or absent for a field that was empty.

    A row is `"obstacles/<uid>"`; null takes a field or a row away. A language that a text leaves out stays.
    """

    by = PEOPLE

    idea: Uid
    base: dict[Named, Annotated[int, Field(ge=0)]] = Field(default_factory=dict, max_length=TOGETHER)
    set: dict[Named, Any] = Field(min_length=1, max_length=TOGETHER)


class SettleField(AnAsk):
    """Chooses between two wordings. theirs: the one that stands in the field; mine: the one kept beside it.

    variant: which one, the oldest without it. base: the field's version that was seen.
    """

    by = PEOPLE

    idea: Uid
    field: Path
    variant: Uid | None = None
    base: Annotated[int, Field(ge=0)] | None = None
    keep: Literal["mine", "theirs", "both"] = "both"


class MoveIdea(AnAsk):
    """reason, explanation: of a withdrawal. office, date: of a submission. into: what supersedes the idea.

    override: why it is published although a group has not backed it.
    """

    by = PEOPLE

    idea: Uid
    to: codes.IdeaState
    reason: codes.WithdrawalReason | None = None
    explanation: Annotated[str, Field(max_length=LONGEST)] | None = None
    office: Annotated[str, Field(max_length=300)] | None = None
    date: PartialDate | None = None
    override: Annotated[str, Field(max_length=LONGEST)] | None = None
    into: Uid | None = None


class MergeIdeas(AnAsk):
    by = BY_DESK

    idea: Uid
    into: Uid


class AskedCondition(Message):
    text: Annotated[str, Field(max_length=1_000)] | None = None
    field: Path | None = None
    degree: codes.Degree


class Endorse(AnAsk):
    """level None takes the endorsement back."""

    idea: Uid
    version: Annotated[int, Field(ge=1)]
    level: codes.EndorsementLevel | None
    conditions: list[AskedCondition] = Field(default_factory=list, max_length=10)
    reason: Annotated[str, Field(max_length=LONGEST)] | None = None
    organisation: Annotated[str, Field(max_length=300)] | None = None


class FulfilCondition(AnAsk):
    by = BY_DESK

    idea: Uid
    condition: Uid
    fulfilled: bool = True


class Argue(AnAsk):
    idea: Uid
    argument: Uid
    side: codes.Side
    text: Annotated[str, Field(max_length=LONGEST)]


class WithdrawArgument(AnAsk):
    by = PEOPLE

    idea: Uid
    argument: Uid


class AnswerIdea(AnAsk):
    """The official answer. cost, cost_report and execution_period are needed when it is accepted."""

    by = BY_DESK

    idea: Uid
    decision: codes.Decision
    text: LText
    office: Annotated[str, Field(max_length=300)]
    date: PartialDate
    cost: Amount | None = None
    cost_report: LText | None = None
    execution_period: Annotated[str, Field(max_length=300)] | None = None


class LinkSource(AnAsk):
    """field is in the source too, and need not be said twice."""

    by = PEOPLE

    idea: Uid
    field: Path
    source: dict[str, Any]


class UnlinkSource(AnAsk):
    """Takes away every link of a field to one thing: a note, a card group, a round or another id."""

    by = PEOPLE

    idea: Uid
    field: Path
    thing: Uid


class SetStepStatus(AnAsk):
    by = PEOPLE

    idea: Uid
    step: Uid
    status: codes.StepStatus
    reason: Annotated[str, Field(max_length=LONGEST)] | None = None
    evidence_url: Url | None = None


class AddReading(AnAsk):
    by = PEOPLE

    idea: Uid
    indicator: Uid
    reading: Uid
    date: PartialDate
    value: Number
    note: Annotated[str, Field(max_length=LONGEST)] | None = None
    source: Annotated[str, Field(max_length=300)] | None = None


class TakeInIdea(AnAsk):
    """An idea that another line left: a session that closed, or a file. Backing stays behind, with its people."""

    by = frozenset({"desk", "server"})

    outcome: IdeaOutcome


# Facts


class AnIdeaFact(AFact):
    touches: ClassVar[Literal["one", "all", "none"]] = "all"

    idea: Uid


class IdeaMade(AnIdeaFact):
    """code: unique in the path, None where the line gives none. origin: the language of each text's first words."""

    code: str | None = None
    state: codes.IdeaState = "draft"
    fields: PolicyIdea = Field(default_factory=PolicyIdea)
    origin: dict[str, str] = Field(default_factory=dict)
    sources: list[Source] = Field(default_factory=list)
    table: str | None = None
    session: str | None = None
    stage: str | None = None


class IdeaEdited(AnIdeaFact):
    """fields: what is new of each leaf, a text by its changed languages and a row by its changed values. gone: leaves,
    languages of a text (`title.en`) and values of a row (`risks/r.mitigation`) that are empty now. versions: the new
    one of each changed leaf. merged: paths whose words were joined.

    beside: second wordings of texts that could not be, with the ids of `variants`.
    """

    touches = "none"

    fields: PolicyIdea = Field(default_factory=PolicyIdea)
    gone: list[str] = Field(default_factory=list)
    versions: dict[str, int] = Field(default_factory=dict)
    origin: dict[str, str] = Field(default_factory=dict)
    merged: list[str] = Field(default_factory=list)
    beside: PolicyIdea | None = None
    variants: dict[str, str] = Field(default_factory=dict)


class FieldSettled(AnIdeaFact):
    """The choice alone: the words are in the facts of those who wrote them, where erasing finds them."""

    touches = "none"

    field: str
    variant: str
    keep: Literal["mine", "theirs", "both"]


class IdeaFrozen(AnIdeaFact):
    """A version: the whole form, the SHA-256 of its canonical JSON, and what stood behind it (`provenance.py`)."""

    version: int
    fields: PolicyIdea
    sha256: str
    provenance: dict[str, Any] = Field(default_factory=dict)


class IdeaMoved(AnIdeaFact):
    was: codes.IdeaState
    to: codes.IdeaState
    reason: codes.WithdrawalReason | None = None
    explanation: FreeText | None = None
    office: Line | None = None
    date: PartialDate | None = None
    override: FreeText | None = None
    into: Uid | None = None


class KeptCondition(Message):
    uid: Uid
    text: FreeText | None = None
    field: str | None = None
    degree: codes.Degree


class Endorsed(AnIdeaFact):
    touches = "one"

    version: int
    level: codes.EndorsementLevel | None
    conditions: list[KeptCondition] = Field(default_factory=list)
    reason: FreeText | None = None
    organisation: Annotated[str, Marked("personal")] | None = None
    language: str = "it"


class ConditionFulfilled(AnIdeaFact):
    condition: Uid
    fulfilled: bool = True


class Argued(AnIdeaFact):
    touches = "one"

    argument: Uid
    side: codes.Side
    text: FreeText
    language: str = "it"


class ArgumentWithdrawn(AnIdeaFact):
    touches = "one"

    argument: Uid


class IdeaAnswered(AnIdeaFact):
    decision: codes.Decision
    text: LText
    office: Line
    date: PartialDate
    cost: Amount | None = None
    cost_report: LText | None = None
    execution_period: Line | None = None


class SourceLinked(AnIdeaFact):
    touches = "none"

    source: Source


class SourceUnlinked(AnIdeaFact):
    touches = "none"

    field: str
    thing: Uid


class StepStatusSet(AnIdeaFact):
    touches = "none"

    step: Uid
    status: codes.StepStatus
    reason: Words | None = None
    evidence_url: Url | None = None
    version: int


class ReadingAdded(AnIdeaFact):
    touches = "none"

    indicator: Uid
    reading: Uid
    date: PartialDate
    value: Number
    note: Words | None = None
    source: Line | None = None
    version: int


class IdeaTakenIn(AnIdeaFact):
    outcome: IdeaOutcome


Ask = (
    NewIdea | EditIdea | SettleField | MoveIdea | MergeIdeas | Endorse | FulfilCondition | Argue | WithdrawArgument
    | AnswerIdea | LinkSource | UnlinkSource | SetStepStatus | AddReading | TakeInIdea
)  # fmt: skip
Fact = (
    IdeaMade | IdeaEdited | FieldSettled | IdeaFrozen | IdeaMoved | Endorsed | ConditionFulfilled | Argued
    | ArgumentWithdrawn | IdeaAnswered | SourceLinked | SourceUnlinked | StepStatusSet | ReadingAdded | IdeaTakenIn
)  # fmt: skip
