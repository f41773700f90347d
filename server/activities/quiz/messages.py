"""What a quiz is made from, and the asks and facts it adds to the shared flow of questions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from ..contract import BY_DESK, AFact, AnAsk, FreeText, Message
from ..contract.flow import FlowAsk, FlowFact
from ..contract.questions import QuizQuestion, questions_by_id


class Setup(Message):
    """scoring: `accuracy` (time plays no role) or `kahoot` (faster is more, 30 s and 5 s for reading by default).

    board: who is listed with points; `people_top` lists the first `top` people, at level named only. streak: points
    for several right answers in a row. wall_languages: with two, the wall shows the second one small under the first.
    """

    questions: tuple[QuizQuestion, ...] = Field(default=(), max_length=100)
    voters: Literal["people"] = "people"
    wall_languages: tuple[str, ...] = Field(default=(), max_length=2)
    scoring: Literal["accuracy", "kahoot"] = "accuracy"
    board: Literal["none", "tables", "groups", "people_top"] = "none"
    top: Literal[3, 5, 10, 20] = 5
    streak: bool = False

    @model_validator(mode="after")
    def _ids_differ(self) -> Setup:
        questions_by_id(self.questions)
        return self


class Explain(AnAsk):
    by = BY_DESK

    question: str


class ShowBoard(AnAsk):
    by = BY_DESK

    question: str


class CorrectKey(AnAsk):
    """right: option ids; "yes" or "no"; a number; texts; or [thing, target] for each thing to match."""

    by = BY_DESK

    question: str
    right: list[Any] = Field(max_length=50)


class AcceptText(AnAsk):
    by = BY_DESK

    question: str
    text: str


class Explained(AFact):
    touches = "all"

    question: str


class BoardShown(AFact):
    touches = "all"

    question: str


class KeyCorrected(AFact):
    touches = "all"

    question: str
    right: list[Any]


class TextAccepted(AFact):
    touches = "all"

    question: str
    text: FreeText


Ask = FlowAsk | Explain | ShowBoard | CorrectKey | AcceptText
Fact = FlowFact | Explained | BoardShown | KeyCorrected | TextAccepted

__all__ = [
    "AcceptText",
    "Ask",
    "BoardShown",
    "CorrectKey",
    "Explain",
    "Explained",
    "Fact",
    "KeyCorrected",
    "Setup",
    "ShowBoard",
    "TextAccepted",
]
