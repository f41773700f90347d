"""What a poll is made from, and the asks and facts it knows: those of the shared flow, nothing of its own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ..contract import Message
from ..contract.flow import FlowAsk, FlowFact
from ..contract.questions import PollQuestion, questions_by_id


class Setup(Message):
    """wall_languages: with two, the wall shows the second one small under the first."""

    questions: tuple[PollQuestion, ...] = Field(default=(), max_length=100)
    voters: Literal["people"] = "people"
    wall_languages: tuple[str, ...] = Field(default=(), max_length=2)

    @model_validator(mode="after")
    def _ids_differ(self) -> Setup:
        questions_by_id(self.questions)
        return self


Ask = FlowAsk
Fact = FlowFact

__all__ = ["Ask", "Fact", "Setup"]
