"""The state of a collection of policy ideas, and what is read off one of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from ..messages import Moment
from . import endorsement, messages
from .codes import Form, IdeaState, Side
from .completeness import Circumstances, completeness
from .conflict import settled
from .endorsement import Endorsement
from .fields import form_of, leaves_of, type_of
from .left import EndorsementResult
from .lifecycle import OPEN
from .model import SCHEMA_VERSION, PolicyIdea, Source


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds the ideas. languages: the main one first. groups: ids of the plan's groups. sizes: people of each
    group here now. form: which rules publishing answers to. prefix: of codes, such as `MI-2026`; "" gives none.
    editors: who may write beside the desk: everyone, those of the idea's table, its author, the desk alone, or ids of
    groups. session, stage: where the ideas come from.
    """

    languages: tuple[str, ...] = ("it", "en")
    groups: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    form: Form = "full"
    prefix: str = ""
    editors: str | tuple[str, ...] = "everyone"
    session: str | None = None
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    uid: str
    value: Any


@dataclass(frozen=True, slots=True)
class Frozen:
    version: int
    fields: Mapping[str, Any]
    sha256: str
    at: int
    provenance: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Argument:
    uid: str
    side: Side
    text: str
    language: str
    voter: str | None
    at: int


@dataclass(frozen=True, slots=True)
class Idea:
    """fields: leaves with a value, by path. versions: how often each leaf changed. kept: earlier values of each leaf,
    the latest last, as (version, value). created_by: the voter, or None for the desk."""

    uid: str
    code: str | None = None
    state: IdeaState = "draft"
    version: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, tuple[tuple[int, Any], ...]] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    variants: Mapping[str, tuple[Variant, ...]] = field(default_factory=dict)
    frozen: tuple[Frozen, ...] = ()
    endorsements: Mapping[str, Endorsement] = field(default_factory=dict)
    arguments: tuple[Argument, ...] = ()
    answers: tuple[tuple[messages.IdeaAnswered, int], ...] = ()
    sources: tuple[Source, ...] = ()
    moves: tuple[tuple[str, str, int], ...] = ()
    table: str | None = None
    session: str | None = None
    stage: str | None = None
    merged_into: str | None = None
    superseded_by: str | None = None
    submitted: tuple[str, str] | None = None
    withdrawal: tuple[str, str] | None = None
    override: str | None = None
    #: How many backed it where it was taken in from, for the version it had then; nobody of them is known here.
    brought: EndorsementResult | None = None
    published_at: int | None = None
    created_by: str | None = None
    created_at: int = 0
    updated_at: int = 0

    @property
    def form(self) -> PolicyIdea:
        return form_of(self.fields)


@dataclass(frozen=True, slots=True)
class Ideas:
    """at: when the latest fact happened, ms UTC; the only clock that views know."""

    context: Context = field(default_factory=Context)
    ideas: Mapping[str, Idea] = field(default_factory=dict)
    at: int = 0


def start(context: Context | None = None) -> Ideas:
    return Ideas(context or Context())


def with_context(state: Ideas, context: Context) -> Ideas:
    """The same ideas in other surroundings: a stage that opens again, people who came."""
    return replace(state, context=context)


def day_of(at: int) -> str:
    """The ISO date of a moment in ms UTC."""
    return _instant(at).date().isoformat()


def _instant(at: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)


def iso(at: int) -> str:
    return _instant(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def canonical(value: Any) -> str:
    """JSON with sorted keys and without blanks, from which a version's SHA-256 is made (as UTF-8)."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(idea: str, version: int, fields: Mapping[str, Any]) -> str:
    """The SHA-256 of a version. fields: the whole form as a tree."""
    whole = {"fields": fields, "idea": idea, "schema_version": SCHEMA_VERSION, "version": version}
    return sha256(canonical(whole).encode()).hexdigest()


def may_edit(context: Context, idea: Idea, moment: Moment) -> bool:
    if moment.actor != "phone":
        return True
    return may_write(context, idea.table, idea.created_by, moment.voter, moment.group, moment.table)


def may_write(
    context: Context, of: str | None, author: str | None, voter: str | None, group: str | None, table: str | None
) -> bool:
    if not isinstance(context.editors, str):
        return group in context.editors
    if context.editors == "table":
        return table == of if of is not None else voter == author
    if context.editors == "author":
        return voter is not None and voter == author
    return context.editors == "everyone"


def for_organisers(idea: Idea) -> bool:
    return idea.fields.get("confidentiality") == "organisers"


def tidied(path: str, value: Any) -> Any:
    """A value without its empty texts; None where nothing is left."""
    value = settled(type_of(path), value)
    return None if value in ("", {}) else value


def standing_of(idea: Idea) -> tuple[list[Endorsement], int]:
    """The endorsements that count, and how many wait to be confirmed again."""
    text_open = idea.state in (*OPEN, "parked")
    counted = [
        one for one in idea.endorsements.values() if endorsement.standing(one, idea.version, text_open) == "counts"
    ]
    return counted, len(idea.endorsements) - len(counted)


def completeness_of(idea: Idea, form: Form, context: Context, today: str) -> dict[str, Any]:
    notes = {source.note: True for source in idea.sources if source.note is not None}
    around = Circumstances(context.languages, today, len(notes), tuple(idea.variants))
    return completeness(idea.form, form, around)


def leaves_in(form: PolicyIdea) -> dict[str, Any]:
    return leaves_of(form.model_dump(mode="json"))


def is_link(source: Source, path: str, thing: str) -> bool:
    return source.field == path and thing in (source.note, source.group, source.round, source.uid)
