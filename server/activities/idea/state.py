"""The state of a stage of policy ideas, and what it takes from the stages before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from ..contract import AFact, Happening, Level, Moment, Opening, Refusal
from ..contract.idea import drafting
from ..contract.idea import rules as ideas
from ..contract.idea.deciding import ROWS
from ..contract.idea.left import IdeaOutcome
from ..contract.idea.messages import SOURCES, NewIdea, TakeInIdea
from ..contract.idea.model import Source
from .messages import Setup

#: Kinds of outcomes that earlier stages may hand over.
TAKES = ("idea_draft", "idea")


@dataclass(frozen=True, slots=True)
class Note:
    """A note of a board behind a field of an idea. group: its author's, as the board told it; number: of its fact."""

    text: str
    group: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """tables: labels, in the room's order. notes: by the id that sources name. wrote: who changed a text, with their
    group. shown: the idea on the wall. opened: the idea whose form the desk has.

    drawn: what was read off an idea, kept until the idea or its surroundings change; it never decides anything.
    """

    setup: Setup
    level: Level = "pseudonym"
    ideas: ideas.Ideas = field(default_factory=ideas.Ideas)
    tables: tuple[str, ...] = ()
    notes: Mapping[str, Note] = field(default_factory=dict)
    wrote: Mapping[str, str | None] = field(default_factory=dict)
    shown: str | None = None
    opened: str | None = None
    drawn: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict, compare=False, repr=False)


def start(setup: Setup, level: Level = "pseudonym") -> State:
    """Raises pydantic.ValidationError at level anonymous, where no backing could follow its person."""
    if level == "anonymous":
        sentence = "an endorsement follows its person from version to version: use level named or pseudonym"
        wrong = InitErrorDetails(type=PydanticCustomError("level", sentence), loc=("level",), input=level)
        raise ValidationError.from_exception_data("Setup", [wrong])
    context = ideas.Context(form=setup.form, prefix=setup.prefix, editors=setup.writers)
    return State(setup, level, ideas.start(context))


def context_of(state: State, idea: ideas.Idea | None) -> ideas.Context:
    """The surroundings of one idea. What no table and no person began (a draft of the whole room's board) is everyone's:
    where tables write, nobody could go on with it otherwise."""
    context = state.ideas.context
    orphan = idea is not None and idea.table is None and idea.created_by is None
    return replace(context, editors="everyone") if orphan and context.editors == "table" else context


def opened(state: State, opening: Opening) -> State:
    """Called whenever the stage opens: what earlier stages left becomes ideas, and an idea that exists stays."""
    context = replace(
        state.ideas.context, languages=opening.languages, groups=opening.groups, sizes=dict(opening.sizes)
    )
    found = ideas.with_context(state.ideas, context)
    given = [(stage, one) for stage, left in opening.given.items() for one in left]
    # An idea that was worked on before goes before the draft that it came from.
    for _, left in given:
        if left.get("kind") == "idea":
            found = _taken_in(found, left, opening.at)
    notes = dict(state.notes)
    for stage, left in given:
        if left.get("kind") == "idea_draft":
            notes |= _notes(left)
            found = _made(found, left, stage, opening.at, state.setup.ideas_max)
    return replace(state, ideas=found, tables=tuple(opening.tables), notes=notes, drawn={})


def _taken_in(found: ideas.Ideas, left: Mapping[str, Any], at: int) -> ideas.Ideas:
    try:
        ask = TakeInIdea(outcome=IdeaOutcome.model_validate(left))
    except ValidationError:
        # What another version of the program left may not fit; the draft behind it still does.
        return found
    return _applied(found, ideas.decide(found, ask, Moment(now=at, actor="server")), at)


def _made(found: ideas.Ideas, draft: Mapping[str, Any], stage: str, at: int, most: int) -> ideas.Ideas:
    uid = drafting.row_uid(str(draft.get("idea")))
    if uid in found.ideas or len(found.ideas) >= most:
        return found
    language = found.context.languages[0]
    said = draft.get("fields")
    beside: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    written = {"title": draft["title"], **beside} if draft.get("title") else dict(beside)
    links = [(str(note.get("note")), str(end)) for note in _notes_of(draft) for end in note.get("links") or ()]
    fields, sources = drafting.from_draft({**draft, "stage": stage, "fields": written}, language, links)
    ask = NewIdea.model_construct(
        idea=uid, fields=_within(fields), sources=_sources(sources), table=draft.get("table") or None
    )
    return _applied(found, ideas.decide(found, ask, Moment(now=at, actor="server", language=language)), at)


def _within(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without the rows that are more than a list takes."""
    kept: dict[str, Any] = {}
    rows: dict[str, int] = {}
    for path, value in fields.items():
        name, slash, _ = path.partition("/")
        rows[name] = rows.get(name, 0) + 1
        if not slash or rows[name] <= ROWS:
            kept[path] = value
    return kept


def _sources(sources: list[dict[str, Any]]) -> list[Source]:
    kept = []
    for one in sources[:SOURCES]:
        try:
            kept.append(Source.model_validate(one))
        except ValidationError:
            continue
    return kept


def _applied(found: ideas.Ideas, decided: list[AFact] | Refusal, at: int) -> ideas.Ideas:
    for fact in [] if isinstance(decided, Refusal) else decided:
        found = ideas.evolve(found, Happening(fact, at))
    return found


def _notes(draft: Mapping[str, Any]) -> dict[str, Note]:
    return {
        str(note["note"]): Note(note["text"], note.get("own_group"), note.get("number"))
        for note in _notes_of(draft)
        if note.get("note") and isinstance(note.get("text"), str)
    }


def _notes_of(draft: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    notes = draft.get("notes")
    return [note for note in notes if isinstance(note, Mapping)] if isinstance(notes, list) else []
