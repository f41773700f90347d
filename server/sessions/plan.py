"""A plan: the agenda a session is made from, as TOML or JSON (DESIGN 8)."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from ..activities.contract import Level, Message, Text

Phase = Literal["sensitisation", "deep_dive", "codesign"]

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


def _short(limit: int) -> Any:
    def check(text: Text) -> Text:
        for language, words in text.items():
            if len(words) > limit:
                raise ValueError(f"the {language} text has {len(words)} characters, at most {limit} fit")
        return text

    return AfterValidator(check)


Title = Annotated[Text, _short(120)]


class Group(Message):
    """What a person is: civil servant, social innovator, ... One per person."""

    id: Id
    name: Title


class Stage(Message):
    """One step of the day. `setup` belongs to the activity and is read by its own `Setup`."""

    id: Id
    activity: Id
    title: Title
    minutes: int = Field(default=10, ge=0, le=600)
    notes: Text = Text()
    level: Level = "pseudonym"
    setup: dict[str, Any] = Field(default_factory=dict)

    @field_validator("notes", mode="before")
    @classmethod
    def no_notes(cls, notes: Any) -> Any:
        return Text() if notes in ("", None, {}) else notes


class Plan(Message):
    title: Title
    phase: Phase = "sensitisation"
    languages: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]] = Field(
        default=["it", "en"], min_length=1, max_length=8
    )
    groups: list[Group] = Field(default_factory=list, max_length=12)
    stages: list[Stage] = Field(min_length=1, max_length=60)
    path: str | None = Field(default=None, max_length=60)
    credits: Text = Text()

    @field_validator("credits", mode="before")
    @classmethod
    def no_credits(cls, credits: Any) -> Any:
        return Text() if credits in ("", None, {}) else credits

    @model_validator(mode="after")
    def ids_are_unique(self) -> Plan:
        for what, ids in (("stage", [s.id for s in self.stages]), ("group", [g.id for g in self.groups])):
            for one in ids:
                if ids.count(one) > 1:
                    raise ValueError(f"two {what}s are called {one!r}")
        return self

    def stage(self, id: str) -> Stage | None:
        return self._by_id.get(id)

    @cached_property
    def _by_id(self) -> dict[str, Stage]:
        return {stage.id: stage for stage in self.stages}

    @classmethod
    def read(cls, data: Any) -> Plan:
        """A plan from the parsed TOML or JSON. Raises pydantic.ValidationError, naming each place.

        A plain string is taken as the plan's first language.
        """
        return cls.model_validate(data, context={"first": first_language(data)})


def first_language(data: Any) -> str:
    """The first language of a plan that is not validated yet; Italian when it names none."""
    languages = data.get("languages") if isinstance(data, dict) else None
    if isinstance(languages, list) and languages and isinstance(languages[0], str):
        return languages[0]
    return "it"


__all__ = ["Group", "Phase", "Plan", "Stage", "first_language"]
