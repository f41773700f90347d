"""What asks, facts and refusals are made of: the shapes that every activity's `messages.py` builds on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import core_schema

Role = Literal["phone", "desk", "clock", "server"]
Level = Literal["named", "pseudonym", "anonymous"]

#: Stricter levels have a higher place; a level may only rise (LIVE 6.1).
STRICTNESS: Mapping[str, int] = MappingProxyType({"named": 0, "pseudonym": 1, "anonymous": 2})


class Text(dict[str, str]):
    """A visible text in one or more languages: `{"it": "...", "en": "..."}`.

    A plain string is taken as the session's first language, which the validation context gives as `first`
    (Italian where there is no context).
    """

    def in_language(self, language: str) -> str:
        """The text in `language`, else in its own first language; "" only when it holds nothing."""
        if language in self:
            return self[language]
        return next(iter(self.values()), "")

    def language_shown(self, language: str) -> str:
        """The language that `in_language` really gives, so that a page can mark it with `lang`."""
        return language if language in self or not self else next(iter(self))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def read(value: Any, info: ValidationInfo) -> Text:
            if isinstance(value, Text):
                return value
            first = (info.context or {}).get("first", "it")
            if isinstance(value, str):
                value = {first: value}
            if not isinstance(value, dict) or not value:
                raise ValueError("a text is a string or {language: string}")
            for language, words in value.items():
                if not isinstance(language, str) or not re.fullmatch(r"[a-z]{2,3}", language):
                    raise ValueError(f"{language!r} is not a language code such as it or en")
                if not isinstance(words, str):
                    raise ValueError(f"the {language} text is not a string")
            return cls({language: clean(words) for language, words in value.items()})

        return core_schema.with_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(dict)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]}


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")


def clean(words: str) -> str:
    """The text without control signs, direction overrides and lone surrogates; line breaks and tabs stay."""
    return _CONTROLS.sub("", words.encode("utf-8", "replace").decode("utf-8"))


@dataclass(frozen=True, slots=True)
class Marked:
    """Marks a field of a fact for erasing: `free_text` a person typed, or `personal` (about one person)."""

    what: Literal["free_text", "personal"]


FreeText = Annotated[str, Marked("free_text")]


def _said(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Message(BaseModel):
    """Frozen, and an unknown field is an error, so that a misspelt field never passes silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")


class AnAsk(Message):
    """What a screen sends. The class name in snake case is the wire's `do`; `by` says which roles may ask it."""

    do: ClassVar[str] = ""
    by: ClassVar[frozenset[str]] = frozenset({"phone"})
    #: `open`: only while the stage is open. `any`: also before it opens (a level made stricter).
    when: ClassVar[Literal["open", "any"]] = "open"

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        cls.do = _said(cls.__name__)


class AFact(Message):
    """What happened. The class name in snake case is the journal's `kind`.

    `touches` says whose own part of the screen changes: `one` (the fact's voter), `all`, or `none`. `seats`: the room
    then seats people as `rules.seats(state)` says, in the same batch.
    """

    kind: ClassVar[str] = ""
    touches: ClassVar[Literal["one", "all", "none"]] = "one"
    seats: ClassVar[bool] = False

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        cls.kind = _said(cls.__name__)


BY_DESK = frozenset({"desk"})
BY_CLOCK = frozenset({"clock"})
BY_DESK_OR_CLOCK = frozenset({"desk", "clock"})
#: What an activity worked out off the line (its `work.py`); no socket and no address can ask it.
BY_SERVER = frozenset({"server"})


def asks_of(union: Any) -> dict[str, type[AnAsk]]:
    """The wire names of a closed union of asks."""
    return {kind.do: kind for kind in (get_args(union) or (union,))}


def facts_of(union: Any) -> dict[str, type[AFact]]:
    """The journal names of a closed union of facts."""
    return {kind.kind: kind for kind in (get_args(union) or (union,))}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an ask was not accepted. `code` is also the key of its sentence in the words files.

    `again` is true only when the very same ask may succeed later (the room is busy), never for the trade's own reasons.
    """

    code: str
    again: bool = False
    details: Mapping[str, Any] | None = None


class Moment(NamedTuple):
    """Everything about the outside that a decision may know, stamped once at the door.

    now: whole milliseconds since 1970-01-01 UTC. actor: the role that asks. person: the person, or None for the host,
    the clock, and everybody at level anonymous. voter: the key under which this person's answers are kept: the person,
    or a one-way token at level anonymous. group, table: the asker's. sizes: people per group in the session now.
    fresh: 128 random bits as hex, from which `id(n)` makes as many ids as are needed. rtt_ms: round trip as the server
    measured it. language: the asker's.
    """

    now: int
    actor: Role
    person: str | None = None
    voter: str | None = None
    group: str | None = None
    table: str | None = None
    sizes: Mapping[str, int] = MappingProxyType({})
    fresh: str = "0" * 32
    rtt_ms: int = 0
    language: str = "it"

    def id(self, n: int = 0) -> str:
        """The n-th fresh id of this moment: 16 hex signs, the same on every replay."""
        return hashlib.sha256(f"{self.fresh}.{n}".encode()).hexdigest()[:16]

    @property
    def seed(self) -> int:
        """A number drawn by chance at the door, for shuffling."""
        return int(self.fresh[:16], 16)


@dataclass(frozen=True, slots=True)
class Me:
    """One person as `mine(state, me)` sees them.

    `voter(scope)` gives the key of their answers: the person's id for None, their one-way token for a scope.
    """

    person: str
    group: str | None = None
    table: str | None = None
    language: str = "it"
    tokens: Callable[[str], str] | None = None

    def voter(self, scope: str | None) -> str:
        return self.person if scope is None or self.tokens is None else self.tokens(scope)


class Happening(NamedTuple):
    """A fact with the circumstances that the journal keeps beside it; what `evolve` reads.

    voter: the person or, at level anonymous, the token. at: milliseconds UTC.
    """

    fact: AFact
    at: int
    voter: str | None = None
    group: str | None = None
    number: int = 0


class Opening(NamedTuple):
    """What the room tells an activity when its stage opens, each time it comes back, and when people sit down meanwhile.

    given: {stage id: outcomes of earlier stages of the kinds that the activity's `TAKES` names}. tables: {label of a
    table: people seated there}. sizes: people per group in the session. groups: ids of the plan's groups, in its order.
    languages: of the session, the first one first. people: {id: group}, everybody who is in the session, in the order
    they joined; retold as people come, go, move or sit down where `FOLLOWS_PEOPLE` is set in the rules. at: ms UTC.
    """

    given: Mapping[str, list[dict[str, Any]]] = MappingProxyType({})
    tables: Mapping[str, list[str]] = MappingProxyType({})
    sizes: Mapping[str, int] = MappingProxyType({})
    groups: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("it", "en")
    at: int = 0
    people: Mapping[str, str | None] = MappingProxyType({})
