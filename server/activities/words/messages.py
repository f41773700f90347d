"""What a word cloud is made from, and its asks and facts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from ..contract import BY_DESK, AFact, AnAsk, FreeText, Message, Text
from ..contract.questions import text_within


class Setup(Message):
    """each: entries per person. max: signs of one entry. moderation: whether the desk lets each word onto the wall.

    live_results: whether the words stand on wall and phones while people still write.
    """

    prompt: Text
    each: int = Field(default=3, ge=1, le=5)
    max: int = Field(default=40, ge=10, le=80)
    moderation: Literal["before_wall", "after"] = "after"
    live_results: bool = True

    @field_validator("prompt")
    @classmethod
    def _prompt_short(cls, prompt: Text) -> Text:
        return text_within(prompt, 300, "prompt")


Word = Annotated[str, Field(max_length=400)]


class AddWord(AnAsk):
    text: Word


class RemoveWord(AnAsk):
    """word: in any spelling that counts as the same."""

    word: Word


class MergeWords(AnAsk):
    """`from` counts as `into` from now on."""

    model_config = ConfigDict(serialize_by_alias=True)

    by = BY_DESK

    word: Word = Field(alias="from")
    into: Word


class SplitWord(AnAsk):
    """Undoes every merging into this word, and its pairing."""

    by = BY_DESK

    word: Word


class PairWords(AnAsk):
    """The same word in two languages: `from` is shown beside `into` and counted with it."""

    model_config = ConfigDict(serialize_by_alias=True)

    by = BY_DESK

    word: Word = Field(alias="from")
    into: Word


class HideWord(AnAsk):
    by = BY_DESK

    word: Word


class ShowWord(AnAsk):
    """Lets a word onto the wall, hidden before or waiting for the desk."""

    by = BY_DESK

    word: Word


class Freeze(AnAsk):
    """No more entries."""

    by = BY_DESK


class Unfreeze(AnAsk):
    by = BY_DESK


class Reveal(AnAsk):
    by = BY_DESK


class WordAdded(AFact):
    """key: what the text counts as. group, groups_kept: at level anonymous only, see `rules`."""

    key: FreeText
    text: FreeText
    language: str | None = None
    group: str | None = None
    groups_kept: list[str] | None = None


class WordRemoved(AFact):
    key: FreeText


class WordsMerged(AFact):
    touches = "all"

    word: FreeText
    into: FreeText


class WordsPaired(AFact):
    touches = "all"

    word: FreeText
    into: FreeText


class WordSplit(AFact):
    touches = "all"

    word: FreeText


class WordHidden(AFact):
    touches = "all"

    word: FreeText


class WordShown(AFact):
    touches = "all"

    word: FreeText


class Frozen(AFact):
    touches = "all"


class Unfrozen(AFact):
    touches = "all"


class Revealed(AFact):
    touches = "all"


Ask = AddWord | RemoveWord | MergeWords | SplitWord | PairWords | HideWord | ShowWord | Freeze | Unfreeze | Reveal
Fact = (
    WordAdded
    | WordRemoved
    | WordsMerged
    | WordsPaired
    | WordSplit
    | WordHidden
    | WordShown
    | Frozen
    | Unfrozen
    | Revealed
)
