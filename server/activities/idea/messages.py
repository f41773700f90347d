"""What a stage of policy ideas is made from, and its asks and facts: those of the ideas themselves, and two of the desk."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from ..contract import BY_DESK, AFact, AnAsk, Message
from ..contract.idea import codes
from ..contract.idea import messages as ideas
from ..contract.idea.model import Uid

#: The words of ideas (fields, choices, rules) stand behind the folder's own.
WORDS = "ideas"

Group = Annotated[str, Field(min_length=1, max_length=64)]


class Setup(Message):
    """form: the ten fields of a card, or the whole form. per: whether each table writes its own ideas or all write all.

    prefix: what codes begin with; "" gives none. editors: who may write beside the desk, by default those of the idea's
    table, or everyone where the room writes together; a list names groups. ideas_max: how many ideas there may be.
    """

    form: codes.Form = "card"
    per: Literal["table", "room"] = "table"
    prefix: Annotated[str, Field(max_length=20, pattern=r"^[A-Za-z0-9 .-]*$")] = ""
    editors: (
        Literal["everyone", "table", "desk"] | Annotated[list[Group], Field(min_length=1, max_length=20)] | None
    ) = None
    ideas_max: Annotated[int, Field(ge=1, le=500)] = 200

    @model_validator(mode="after")
    def _one_table_or_none(self) -> Setup:
        if self.per == "room" and self.editors == "table":
            raise ValueError("where the whole room writes together no table can be the only one that may write")
        return self

    @property
    def writers(self) -> str | tuple[str, ...]:
        """Who may write, as the rules of ideas know it."""
        if self.editors is None:
            return "table" if self.per == "table" else "everyone"
        return self.editors if isinstance(self.editors, str) else tuple(self.editors)


class ShowIdea(AnAsk):
    """The idea that the wall presents; null for all of them."""

    by = BY_DESK

    idea: Uid | None


class OpenIdea(AnAsk):
    """The idea whose whole form the desk has before it; null for none."""

    by = BY_DESK

    idea: Uid | None


class IdeaShown(AFact):
    touches = "none"

    idea: Uid | None


class IdeaOpened(AFact):
    touches = "none"

    idea: Uid | None


# The text of an idea stands in the own part of those who write it, so each change of it reaches everybody's.


class IdeaEdited(ideas.IdeaEdited):
    touches = "all"  # type: ignore[assignment]


class FieldSettled(ideas.FieldSettled):
    touches = "all"  # type: ignore[assignment]


class SourceLinked(ideas.SourceLinked):
    touches = "all"  # type: ignore[assignment]


class SourceUnlinked(ideas.SourceUnlinked):
    touches = "all"  # type: ignore[assignment]


class StepStatusSet(ideas.StepStatusSet):
    touches = "all"  # type: ignore[assignment]


class ReadingAdded(ideas.ReadingAdded):
    touches = "all"  # type: ignore[assignment]


Ask = ideas.Ask | ShowIdea | OpenIdea
Fact = (
    ideas.IdeaMade | IdeaEdited | FieldSettled | ideas.IdeaFrozen | ideas.IdeaMoved | ideas.Endorsed
    | ideas.ConditionFulfilled | ideas.Argued | ideas.ArgumentWithdrawn | ideas.IdeaAnswered | SourceLinked
    | SourceUnlinked | StepStatusSet | ReadingAdded | ideas.IdeaTakenIn | IdeaShown | IdeaOpened
)  # fmt: skip

#: The facts of ideas by the stage's own, and the other way round.
OWN: dict[type[AFact], type[AFact]] = {
    kind.__bases__[0]: kind for kind in get_args(Fact) if kind.__bases__[0] in get_args(ideas.Fact)
}
PLAIN: dict[type[AFact], type[AFact]] = {own: plain for plain, own in OWN.items()}


def own_fact(fact: AFact) -> AFact:
    """A fact of ideas as this stage keeps it."""
    return _as(OWN.get(type(fact)), fact)


def plain_fact(fact: AFact) -> AFact:
    """A fact of this stage as the rules of ideas know it."""
    return _as(PLAIN.get(type(fact)), fact)


def _as(kind: type[AFact] | None, fact: AFact) -> AFact:
    return fact if kind is None else kind.model_construct(fact.model_fields_set, **fact.__dict__)
