"""What a talk is made from, and the one thing the desk may ask of it."""

from __future__ import annotations

from pydantic import Field, field_validator

from ..contract import BY_DESK, AFact, AnAsk, Message, Text
from ..contract.questions import text_within


class Part(Message):
    """One screenful. points: short lines under the text. source: where it is from."""

    heading: Text
    text: Text | None = None
    points: tuple[Text, ...] = Field(default=(), max_length=8)
    source: Text | None = None

    @field_validator("heading")
    @classmethod
    def _heading_short(cls, heading: Text) -> Text:
        return text_within(heading, 150, "heading")


class Setup(Message):
    parts: tuple[Part, ...] = Field(min_length=1, max_length=60)


class ShowPart(AnAsk):
    """part: 1 is the first."""

    by = BY_DESK

    part: int


class PartShown(AFact):
    touches = "all"

    part: int


Ask = ShowPart
Fact = PartShown
