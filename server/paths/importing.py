"""Dossiers, sessions and lists of ideas from files into a path: first understood and tried, then saved.

A session that another Officina held comes in whole: its file is kept as it is, once the report can be written from it.

What would happen is found out by deciding every ask on a copy of the path's state, so that a dry run says exactly what
saving does, and a file that the rules could not live with is refused before anything is kept.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

from ..activities.contract import AFact, AnAsk, Happening, Moment, Refusal, Text
from ..activities.contract.idea import fields as form
from ..activities.contract.idea import messages as idea_messages
from ..activities.contract.idea import rules as idea_rules
from ..activities.contract.idea.codes import values_of
from ..activities.contract.idea.left import IdeaOutcome
from ..activities.contract.peers import PeerActivity, Practice
from ..drawing import HOUSE_LANGUAGES
from ..files.reading import Unreadable, read_rows
from ..files.sheets import Cell, Sheet
from ..live.envelope import Refused
from ..moment import fresh
from ..outcomes import path_export
from ..outcomes.schema import SCHEMA_VERSION, Outcomes, outcome_of
from ..outcomes.telling import words_of
from ..sessions import plans
from ..sessions.answers import Failed
from . import messages as m
from . import peers as following
from . import rules

if TYPE_CHECKING:
    from ..house import House
    from .live import LivePath

MAX_BYTES = 20 << 20
#: Signs of structure in a JSON: 20 MiB of nothing but brackets would fill a laptop's memory.
MAX_PARTS = 1_500_000
#: Ideas in a dossier, and rows of a sheet; practices and peer activities.
MAX_IDEAS, MAX_ROWS, MAX_PRACTICES = 2_000, 500, 2_000
#: Of a session that comes in whole: how deep its file goes, signs of a text in an outcome and elsewhere (a plan may
#: hold more), and numbers.
MAX_DEPTH, MAX_TEXT, MAX_LONG_TEXT, MAX_NUMBER = 40, 20_000, 200_000, 2**53
#: Outcomes; rows and columns of a board, its zones, its notes, signs of one text on it and of all on all boards,
#: because a picture is laid out word by word.
MAX_OUTCOMES, MAX_GRID, MAX_ZONES, MAX_NOTES, MAX_ON_BOARD, MAX_ON_BOARDS = 20_000, 100, 300, 5_000, 4_000, 4_000_000
#: Signs of a text on a board for trying whether a report can be written: long ones take long and fail no other way.
TRIED_SIGNS = 40
#: Outcomes that are tried one by one to say which of them a report cannot be written of.
MOST_TRIED = 500
#: Asks that are handed to a path at once.
TOGETHER = 50
#: What is compared when an idea is there already; the rest is worked out anew or told by others.
CONTENT = (
    "state", "version", "fields", "second_wordings", "arguments", "answers", "versions", "merged_into", "superseded_by",
    "submitted", "withdrawal", "override",
)  # fmt: skip
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_PATH_ID = re.compile(r"[a-z][a-z0-9_-]{1,39}")

_WORDS: dict[str, tuple[str, str]] = {
    "too_big": ("Il file è troppo grande: il limite è 20 MB.", "The file is too big: the limit is 20 MB."),
    "not_ours": (
        "Questo file non è un dossier né una sessione di Officina, e non è un foglio con una lista di idee.",
        "This file is neither a dossier nor a session of Officina, and no sheet with a list of ideas.",
    ),
    "too_new": (
        "Il file viene da una versione più nuova di Officina (schema {version}); questa legge lo schema {ours}."
        " Occorre aggiornare Officina.",
        "The file comes from a newer version of Officina (schema {version}); this one reads schema {ours}."
        " Officina has to be updated.",
    ),
    "broken": ("Il file è guasto in «{place}»: {why}.", "The file is broken at “{place}”: {why}."),
    "too_many": ("Il file contiene troppe idee: al massimo {most}.", "The file holds too many ideas: at most {most}."),
    "no_path": (
        "Occorre dire in quale percorso importare: il file non lo nomina.",
        "It must be said into which path to import: the file does not name one.",
    ),
    "unknown_path": ("Il percorso {path} non c’è.", "There is no path {path}."),
    "bad_path": (
        "Il nome del percorso ha da 2 a 40 segni: lettere minuscole, cifre, trattini; il primo è una lettera.",
        "The id of a path has 2 to 40 signs: small letters, digits, hyphens; the first is a letter.",
    ),
    "bad_columns": (
        "La corrispondenza delle colonne non si legge: {why}.",
        "The mapping of columns cannot be read: {why}.",
    ),
    "no_title_column": (
        "Nel foglio non c’è una colonna con il titolo dell’idea.",
        "The sheet has no column with the title of the idea.",
    ),
    "unknown_column": (
        "La colonna «{column}» non corrisponde a nessun campo e non viene letta.",
        "The column “{column}” stands for no field and is not read.",
    ),
    "no_title": ("La riga non ha un titolo.", "The row has no title."),
    "bad_value": (
        "Il campo «{field}» non accetta «{value}».",
        "The field “{field}” does not take “{value}”.",
    ),
    "bad_row": ("La riga non si può importare: {why}.", "The row cannot be imported: {why}."),
    "code_taken": (
        "Il codice {code} è già di un’altra idea di questo percorso.",
        "The code {code} belongs to another idea of this path already.",
    ),
    "other_title": (
        "Il percorso {path} c’è già, con un altro titolo, che resta: «{title}».",
        "There is a path {path} already, with another title, which stays: “{title}”.",
    ),
    "not_intact": (
        "La versione {version} dell’idea {code} non corrisponde più alla sua impronta: qualcuno l’ha cambiata, o delle"
        " parole sono state cancellate.",
        "Version {version} of the idea {code} does not match its digest any more: somebody changed it, or words were"
        " erased.",
    ),
    "other_session": (
        "La sessione {code} c’è già, portata da un altro file che dice altro: resta com’è.",
        "The session {code} is here already, brought by another file that says otherwise: it stays as it is.",
    ),
    "without_agenda": (
        "Il file della sessione {code} viene da una versione di Officina che non vi scriveva la scaletta: entrano le"
        " idee, non il resto.",
        "The file of the session {code} comes from a version of Officina that did not write the agenda into it: its"
        " ideas come in, the rest does not.",
    ),
    "session_not_kept": (
        "La sessione {code} non è stata accolta: {why}.",
        "The session {code} was not taken in: {why}.",
    ),
    "other_peer": (
        "L’attività fra {names} c’è già e dice altro: resta com’è.",
        "The activity between {names} is here already and says otherwise: it stays as it is.",
    ),
    "not_kept": (
        "L’idea {code} non è stata accolta: {why}.",
        "The idea {code} was not taken in: {why}.",
    ),
}


def _say(key: str, language: str, **values: Any) -> str:
    return _WORDS[key][0 if language == "it" else 1].format(**values)


class _Refused(Exception):
    """The whole file is refused, with the key of its sentence."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


# What a file may hold

#: What happens to something that a file brings.
What = Literal["new", "here", "conflict"]
Moment_ = Annotated[int, Field(ge=0, le=253_402_300_799_000)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


class _Ours(BaseModel):
    """Fields that another version of Officina adds are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Stage(_Ours):
    stage: m.Code
    title: Text
    activity: Annotated[str, Field(max_length=60)]
    closed_at: Moment_
    left: dict[str, int] = Field(default_factory=dict, max_length=60)
    people: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict, max_length=20)


class _Session(_Ours):
    session: m.Code
    title: Text
    phase: Annotated[str, Field(max_length=40)]
    stages: list[_Stage] = Field(default_factory=list, max_length=200)


class _Practice(_Ours):
    """A practice of a dossier: where it comes from, and in `of` the practice itself."""

    session: m.Code
    stage: m.Code
    of: Practice

    @model_validator(mode="before")
    @classmethod
    def _parted(cls, value: Any) -> Any:
        return _parted(Practice, value)


class _Peer(_Ours):
    """As `_Practice`, of a peer activity. own: whether its path changed it after its session."""

    session: m.Code
    stage: m.Code
    own: bool = False
    of: PeerActivity

    @model_validator(mode="before")
    @classmethod
    def _parted(cls, value: Any) -> Any:
        return _parted(PeerActivity, value)

    @model_validator(mode="after")
    def _real(self) -> _Peer:
        for name in following.DAYS:
            day = getattr(self.of, name)
            if day is not None and not following.is_day(day):
                raise ValueError(f"{name}: {day} is no day")
        return self


def _parted(model: type[BaseModel], value: Any) -> Any:
    """What stands in a row of a file, its own part apart from where it comes from."""
    if not isinstance(value, dict):
        return value
    own = {name: one for name, one in value.items() if name in model.model_fields}
    return {**{name: one for name, one in value.items() if name not in own}, "of": own}


class _Dossier(_Ours):
    kind: Literal["dossier"]
    path: Annotated[str, Field(max_length=60)]
    title: Text
    languages: list[Language] = Field(min_length=1, max_length=8)
    prefix: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,12}$")] = "ID"
    groups: list[m.Group] = Field(default_factory=list, max_length=24)
    sessions: list[_Session] = Field(default_factory=list, max_length=500)
    outcomes: list[IdeaOutcome] = Field(default_factory=list)
    brought: list[dict[str, Any]] = Field(default_factory=list, max_length=500)
    practices: list[_Practice] = Field(default_factory=list, max_length=MAX_PRACTICES)
    peers: list[_Peer] = Field(default_factory=list, max_length=MAX_PRACTICES)


@dataclass(frozen=True, slots=True)
class Content:
    """What was read. path: the one that the file names. title: of the path, None where the file tells none.

    rows: of each idea of a sheet its row number. new: ideas of a sheet, which get a code of the path.
    brought: the whole files of sessions. without_agenda: codes of sessions whose file is too old for that.
    errors: [{"row", "column"?, "code", "text"}].
    """

    format: Literal["dossier", "session", "sheet"]
    path: str | None
    title: Text | None = None
    languages: tuple[str, ...] = ("it", "en")
    prefix: str | None = None
    groups: tuple[m.Group, ...] = ()
    sessions: tuple[_Session, ...] = ()
    ideas: tuple[IdeaOutcome, ...] = ()
    brought: tuple[Mapping[str, Any], ...] = ()
    without_agenda: tuple[str, ...] = ()
    practices: tuple[_Practice, ...] = ()
    peers: tuple[_Peer, ...] = ()
    new: tuple[idea_messages.NewIdea, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[Mapping[str, Any], ...] = ()


@dataclass(slots=True)
class Plan:
    """What saving would do. asks: (id, kind, body) in their order; told: the answer for people and programs."""

    path: str
    asks: list[tuple[str, str, dict[str, Any]]]
    told: dict[str, Any]


# Reading


def read(
    data: bytes, filename: str, language: str, columns: Mapping[str, str] | None = None, first: str = "it"
) -> Content:
    """The content of a dossier's or a session's JSON, of a package that holds one, or of a sheet of ideas.

    columns: {header: field of the form} for sheets whose headers are not ours. first: language of a sheet's texts.
    Raises Failed 413 or 422. Blocks; call it from a thread.
    """
    try:
        if len(data) > MAX_BYTES:
            raise _Refused("too_big")
        whole = _outcomes_in(data) if data.startswith(b"PK\x03\x04") else None
        if whole is not None or data.removeprefix(b"\xef\xbb\xbf")[:4096].lstrip()[:1] == b"{":
            return _document(whole if whole is not None else data)
        return _sheet(read_rows(data, filename, language=language).sheets, language, columns or {}, first)
    except Unreadable as refused:
        if refused.over_limit:
            raise Failed(413, refused.code, refused.text) from refused
        raise Failed(422, "not_ours", _say("not_ours", language)) from refused
    except _Refused as refused:
        status = 413 if refused.code in ("too_big", "too_many") else 422
        details: dict[str, Any] = {name: refused.values[name] for name in ("place", "why") if name in refused.values}
        raise Failed(status, refused.code, _say(refused.code, language, **refused.values), details or None) from refused


def _outcomes_in(data: bytes) -> bytes | None:
    """`outcomes.json` of one of our packages, really unpacked under a cap; None for any other archive."""
    if data.count(b"PK\x01\x02") > 1_000:
        raise _Refused("not_ours")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            member = next((one for one in archive.infolist() if one.filename == "outcomes.json"), None)
            if member is None:
                return None
            if member.file_size > MAX_BYTES:
                raise _Refused("too_big")
            with archive.open(member) as stream:
                whole = stream.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, EOFError, OSError, RuntimeError):
        raise _Refused("not_ours") from None
    if len(whole) > MAX_BYTES:
        raise _Refused("too_big")
    return whole


def _document(data: bytes) -> Content:
    data = data.removeprefix(b"\xef\xbb\xbf")
    if sum(data.count(sign) for sign in (b"{", b"[", b",")) > MAX_PARTS:
        raise _Refused("too_big")
    try:
        whole = from_json(data, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise _Refused("broken", place="", why=str(error)[:200]) from None
    if not isinstance(whole, dict) or not isinstance(whole.get("software"), dict):
        raise _Refused("not_ours")
    if whole["software"].get("name") != "officina" or not isinstance(whole.get("outcomes"), list):
        raise _Refused("not_ours")
    _not_newer(whole)
    try:
        content = _dossier(whole) if whole.get("kind") == "dossier" else _of_session(whole)
    except ValidationError as error:
        raise _broken(error) from None
    if len(content.ideas) > MAX_IDEAS:
        raise _Refused("too_many", most=MAX_IDEAS)
    seen: dict[str, None] = {}
    for nth, idea in enumerate(content.ideas):
        if idea.idea in seen:
            raise _Refused("broken", place=f"outcomes.{nth}.idea", why="twice")
        if idea.code is not None and not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", idea.code):
            raise _Refused("broken", place=f"outcomes.{nth}.code", why=repr(idea.code[:40]))
        if int(idea.schema_version.partition(".")[0]) > int(SCHEMA_VERSION.partition(".")[0]):
            raise _Refused("too_new", version=idea.schema_version, ours=SCHEMA_VERSION)
        seen[idea.idea] = None
    return content


def _not_newer(whole: Mapping[str, Any], at: str = "") -> None:
    """Raises _Refused for what tells no version of its own, or a later one than ours."""
    version = whole.get("schema_version")
    if not isinstance(version, str) or not re.fullmatch(r"[0-9]{1,6}\.[0-9]{1,6}", version):
        raise _Refused("broken", place=f"{at}schema_version", why="missing") if at else _Refused("not_ours")
    if int(version.partition(".")[0]) > int(SCHEMA_VERSION.partition(".")[0]):
        raise _Refused("too_new", version=version, ours=SCHEMA_VERSION)


def _dossier(whole: Mapping[str, Any]) -> Content:
    for name in ("practices", "peers"):
        _plain_values(whole.get(name), f"{name}.", MAX_TEXT)
    read_ = _Dossier.model_validate(whole)
    for nth, one in enumerate(read_.brought):
        _can_be_taken_home(one, f"brought.{nth}.")
    return Content(
        "dossier",
        read_.path,
        read_.title,
        tuple(read_.languages),
        read_.prefix,
        tuple(read_.groups),
        tuple(read_.sessions),
        tuple(read_.outcomes),
        tuple(read_.brought),
        practices=tuple(read_.practices),
        peers=tuple(read_.peers),
    )


class _PlanHead(_Ours):
    path: Any = None
    credits: dict[str, str] = Field(default_factory=dict)


class _SessionFile(_Ours):
    """The head of a session's `export.json`."""

    code: m.SessionCode
    title: Text
    phase: Annotated[str, Field(max_length=40)]
    languages: list[Language] = Field(min_length=1, max_length=8)
    groups: list[m.Group] = Field(default_factory=list, max_length=12)
    made_at: Moment_ | None = None
    started_at: Moment_ | None = None
    ended_at: Moment_ | None = None
    people: dict[str, Any] = Field(default_factory=dict)
    plan: _PlanHead = _PlanHead()


class _LeftBy(_Ours):
    """What stands in every outcome of a session beside the outcome itself."""

    stage: m.Code
    stage_title: Text
    activity: Annotated[str, Field(max_length=60)]
    kind: Annotated[str, Field(max_length=60)]


def _broken(error: ValidationError, *before: str | int) -> _Refused:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in (*before, *first["loc"]))
    return _Refused("broken", place=place[:200], why=str(first["msg"])[:200])


def _can_be_taken_home(whole: Mapping[str, Any], at: str = "") -> None:
    """Whether a session's file is sound and its report can be written in both languages. Raises _Refused.

    What could not go out again must not come in. at: of the file within a larger one, with a point behind it.
    """
    _plain_values(whole, at)
    _not_newer(whole, at)
    try:
        _SessionFile.model_validate(whole)
        Outcomes.model_validate({**whole, "schema_version": SCHEMA_VERSION, "outcomes": []}, strict=True)
    except ValidationError as error:
        raise _broken(error, *filter(None, at.split("."))) from None
    for name, shape in (("agenda", dict), ("outcomes", list)):
        if not isinstance(whole.get(name), shape):
            raise _Refused("broken", place=at + name, why="missing")
    if len(whole["outcomes"]) > MAX_OUTCOMES:
        raise _Refused("broken", place=f"{at}outcomes", why=f"{len(whole['outcomes'])}, of {MAX_OUTCOMES} at most")
    on_boards = 0
    for nth, outcome in enumerate(whole["outcomes"]):
        place = f"{at}outcomes.{nth}"
        kind = outcome.get("kind") if isinstance(outcome, dict) else None
        try:
            # Moments of ideas are read from text, which a strict reading does not do.
            outcome_of(str(kind)).model_validate(outcome, strict=kind != "idea")
        except ValidationError as error:
            raise _broken(error, *place.split(".")) from None
        if kind == "board":
            measures = [(outcome["cols"], MAX_GRID), (outcome["rows"], MAX_GRID)]
            measures += [(len(outcome["zones"]), MAX_ZONES), (len(outcome["notes"]), MAX_NOTES)]
            signs = [len(text) for text in _texts_of(outcome)]
            on_boards += sum(signs)
            measures += [(max(signs), MAX_ON_BOARD), (on_boards, MAX_ON_BOARDS)]
            if any(n > most for n, most in measures):
                raise _Refused("broken", place=place, why="a board without measure")
    why = _no_report(whole)
    if why is not None:
        # Only now, because it is slow and says no more than where.
        tried = enumerate(whole["outcomes"][:MOST_TRIED])
        found = next((n for n, one in tried if _no_report({**whole, "outcomes": [one]})), None)
        raise _Refused("broken", place=at.rstrip(".") if found is None else f"{at}outcomes.{found}", why=why)


def _no_report(whole: Mapping[str, Any]) -> str | None:
    """Why no report can be written of a session's file; None where it can."""
    outcomes = [_in_short(one) if one["kind"] == "board" else one for one in whole["outcomes"]]
    try:
        for language in HOUSE_LANGUAGES:
            path_export.session_report({**whole, "outcomes": outcomes}, language, {})
    except Exception as error:
        # Whatever it is that this file does to the writers, it would do it again to whoever takes it home.
        return f"{type(error).__name__}: {error}"[:200]
    return None


def _texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts_of(part)


def _in_short(value: Any) -> Any:
    """The same with every text cut: equal ones stay equal, so that what refers to each other still does."""
    if isinstance(value, str):
        return value[:TRIED_SIGNS]
    if isinstance(value, dict):
        return {name: _in_short(part) for name, part in value.items()}
    return [_in_short(part) for part in value] if isinstance(value, list) else value


def _plain_values(value: Any, at: str, most: int = MAX_LONG_TEXT) -> None:
    """Raises _Refused for what no session leaves: a depth, a text or a number without measure."""
    waiting: list[tuple[Any, str, int, int]] = [(value, at.rstrip("."), 1, most)]
    while waiting:
        one, place, depth, most = waiting.pop()
        if depth > MAX_DEPTH:
            raise _Refused("broken", place=place[:200], why=f"deeper than {MAX_DEPTH}")
        if isinstance(one, str) and len(one) > most:
            raise _Refused("broken", place=place[:200], why=f"{len(one)} signs, of {most} at most")
        if isinstance(one, float) and not math.isfinite(one):
            raise _Refused("broken", place=place[:200], why="a number without measure")
        if isinstance(one, int | float) and abs(one) > MAX_NUMBER:
            raise _Refused("broken", place=place[:200], why="a number without measure")
        inner = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for name, part in inner:
            if isinstance(name, str) and len(name) > MAX_TEXT:
                raise _Refused("broken", place=place[:200], why=f"a name of {len(name)} signs")
            where = f"{place}.{name}" if place else str(name)
            waiting.append((part, where[:300], depth + 1, MAX_TEXT if name == "outcomes" else most))


def _of_session(whole: Mapping[str, Any]) -> Content:
    head = _SessionFile.model_validate(whole)
    if "agenda" in whole:
        _can_be_taken_home(whole)
    ideas: list[IdeaOutcome] = []
    practices: list[_Practice] = []
    peers: list[_Peer] = []
    stages: dict[str, _LeftBy] = {}
    left: dict[str, dict[str, int]] = {}
    for place, outcome in enumerate(whole["outcomes"]):
        try:
            about = _LeftBy.model_validate(outcome)
            if about.kind == "idea":
                own = {name: value for name, value in outcome.items() if name in IdeaOutcome.model_fields}
                # As when a session hands its ideas over to a path at home.
                ideas.append(IdeaOutcome.model_validate({**own, "session": head.code}))
            elif about.kind == "practice":
                practices.append(_Practice.model_validate({**outcome, "session": head.code}))
            elif about.kind == "peer_activity":
                peers.append(_Peer.model_validate({**outcome, "session": head.code}))
        except ValidationError as error:
            raise _broken(error, "outcomes", place) from None
        stages.setdefault(about.stage, about)
        kinds = left.setdefault(about.stage, {})
        kinds[about.kind] = kinds.get(about.kind, 0) + 1
    path = head.plan.path
    rows = head.people.get("by_group")
    people = {
        one["group"]: one["count"]
        for one in (rows if isinstance(rows, list) else ())
        if isinstance(one, dict) and isinstance(one.get("group"), str) and isinstance(one.get("count"), int)
    }
    # A session that still goes on has stages that are not over; its ideas come in and the stages follow by themselves.
    closed = [
        _Stage(
            stage=stage,
            title=about.stage_title,
            activity=about.activity,
            closed_at=head.ended_at,
            left=left[stage],
            people=people,
        )
        for stage, about in stages.items()
        if head.ended_at is not None
    ]
    session = _Session(session=head.code, title=head.title, phase=head.phase, stages=closed)
    return Content(
        "session",
        path if isinstance(path, str) else None,
        None,
        tuple(head.languages),
        None,
        tuple(head.groups),
        (session,),
        tuple(ideas),
        (whole,) if "agenda" in whole else (),
        () if "agenda" in whole else (head.code,),
        practices=tuple(practices),
        peers=tuple(peers),
    )


# Sheets of ideas

#: Fields of our own sheet of ideas that a person does not fill in, and what else people call the others.
_PASSED_OVER = (
    "session", "stage", "code", "state", "version", "rules met", "rules required", "provenance", "sessione", "tappa",
    "codice", "stato", "versione", "n", "#",
)  # fmt: skip
_ALSO = {
    "titolo": "title", "title": "title", "nome": "title", "name": "title",
    "sintesi": "summary", "riassunto": "summary", "summary": "summary", "in breve": "summary",
    "problema": "problem", "problem": "problem",
    "destinatari": "target_group.label", "target": "target_group.label", "target group": "target_group.label",
    "a chi": "target_group.label",
    "area": "area.name", "luogo": "area.name", "quartiere": "area.name", "place": "area.name",
    "scala": "area.scope", "scope": "area.scope", "scale": "area.scope",
    "proposta": "proposal", "proposal": "proposal", "soluzione": "proposal", "solution": "proposal",
    "costo": "cost_total", "costo totale": "cost_total", "cost": "cost_total", "cost total": "cost_total",
    "total cost": "cost_total",
    "ambito": "domain", "ambiti": "domain", "domain": "domain", "domains": "domain", "tema": "domain",
    "attori": "actors", "chi partecipa": "actors", "actors": "actors", "who": "actors",
    "ostacoli": "obstacles", "obstacles": "obstacles",
    "prossimi passi": "next_steps", "passi": "next_steps", "next steps": "next_steps", "steps": "next_steps",
}  # fmt: skip
_ID_HEADERS = ("idea", "id", "uid")
_LANGUAGE = re.compile(r"(.*?)\s*(?:/|\(|\[|_)\s*([a-z]{2})\s*[)\]]?")


@cache
def _names() -> dict[str, str]:
    """What people call a field, in either language, and its path."""
    found: dict[str, str] = {}
    for language in HOUSE_LANGUAGES:
        words = words_of(language)
        for path, leaf in form.LEAVES.items():
            key = form.word_key(path)
            if words.has(key) and "." not in path and leaf.kind != "part":
                found.setdefault(_tidy(words(key)), path)
    return found | _ALSO | {_tidy(path): path for path in form.LEAVES}


def _tidy(header: str) -> str:
    return " ".join(header.replace("_", " ").split()).casefold().rstrip(":*")


@dataclass(frozen=True, slots=True)
class _Column:
    """place: from 0. path: a leaf of the form, "" for the id of an idea. language: of its texts."""

    place: int
    name: str
    path: str
    language: str


def _columns(
    head: Sequence[Cell], columns: Mapping[str, str], first: str
) -> tuple[list[_Column], list[tuple[int, str]]]:
    """The columns that are understood, and (place, header) of those that are not."""
    found: list[_Column] = []
    unknown: list[tuple[int, str]] = []
    asked = {_tidy(header): path for header, path in columns.items()}
    for place, cell in enumerate(head):
        header = str(cell if cell is not None else "").strip()
        plain, language = _tidy(header), first
        path = asked.get(plain) or (None if plain in _ID_HEADERS else _names().get(plain))
        if path is None and plain not in _ID_HEADERS and (split := _LANGUAGE.fullmatch(header.casefold())):
            plain, language = _tidy(split[1]), split[2]
            path = asked.get(plain) or _names().get(plain)
        if path is not None and path in form.LEAVES:
            found.append(_Column(place, header, path, language))
        elif plain in _ID_HEADERS:
            found.append(_Column(place, header, "", first))
        elif header and plain not in _PASSED_OVER:
            unknown.append((place, header))
    if not any(column.path == "title" for column in found):
        # A list of ideas by hand often calls its first column just that.
        found = [replace(one, path="title") if one.path == "" and _tidy(one.name) == "idea" else one for one in found]
    return found, unknown


def _sheet(sheets: Sequence[Sheet], language: str, columns: Mapping[str, str], first: str) -> Content:
    for header, path in columns.items():
        if path not in form.LEAVES:
            raise _Refused("bad_columns", why=f"{header[:40]} = {path[:60]}")
    table, known, unknown = None, None, None
    for sheet in sorted(sheets, key=lambda one: one.name != "Ideas"):
        if sheet.rows:
            known, unknown = _columns(sheet.rows[0], columns, first)
            if any(column.path == "title" for column in known):
                table = sheet
                break
    if table is None or known is None or unknown is None:
        raise _Refused("no_title_column" if any(sheet.rows for sheet in sheets) else "not_ours")
    if len(table.rows) > MAX_ROWS + 1:
        raise _Refused("too_many", most=MAX_ROWS)
    warnings = [
        {"row": 1, "column": place + 1, "code": "unknown_column", "text": _say("unknown_column", language, column=name)}
        for place, name in unknown
    ]
    errors: list[dict[str, Any]] = []
    new: list[idea_messages.NewIdea] = []
    rows: dict[str, int] = {}
    for number, row in enumerate(table.rows[1:], start=2):
        if not any(cell not in (None, "") for cell in row):
            continue
        made = _row(row, number, known, language, errors)
        if made is None:
            continue
        if made.idea in rows:
            errors.append(_error(number, "bad_row", language, why=f"{made.idea} = {rows[made.idea]}"))
            continue
        rows[made.idea] = number
        new.append(made)
    return Content("sheet", None, new=tuple(new), rows=rows, errors=tuple(errors), warnings=tuple(warnings))


def _error(row: int, code: str, language: str, column: int | None = None, **values: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"row": row, "code": code, "text": _say(code, language, **values)}
    return found if column is None else {**found, "column": column}


def _row(
    row: Sequence[Cell], number: int, columns: Sequence[_Column], language: str, errors: list[dict[str, Any]]
) -> idea_messages.NewIdea | None:
    """An idea; None where the row has none, with what is wrong added to `errors`."""
    fields: dict[str, Any] = {}
    uid, bad = "", len(errors)
    for column in columns:
        cell = row[column.place] if column.place < len(row) else None
        if cell is None or cell == "":
            continue
        # An apostrophe that our own CSV puts before what looks like a formula is no part of the text.
        words = re.sub(r"^'(?=[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])", "", str(_plain(cell))).strip()
        if not column.path:
            uid = words
            continue
        try:
            value = _value(column, cell, words)
            for path, read_ in form.spread({column.path: value}).items():
                kept = form.read(path, read_, column.language)
                fields[path] = {**fields[path], **kept} if path in fields and isinstance(kept, dict) else kept
        except (ValueError, LookupError):
            shown = words if len(words) <= 60 else words[:59] + "…"
            errors.append(_error(number, "bad_value", language, column.place + 1, field=column.name, value=shown))
    if not fields.get("title"):
        errors.append(_error(number, "no_title", language))
    if len(errors) > bad:
        return None
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", uid):
        # The same row of the same file is the same idea, however often it is imported.
        uid = "s" + hashlib.sha256(json.dumps([uid, fields], sort_keys=True).encode()).hexdigest()[:20]
    return idea_messages.NewIdea(idea=uid, fields=fields)


def _plain(cell: Cell) -> Cell:
    if isinstance(cell, datetime.date):
        return cell.isoformat()[:10]
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15 else cell


def _value(column: _Column, cell: Cell, words: str) -> Any:
    """The value of a cell for its field. Raises ValueError, LookupError."""
    leaf = form.LEAVES[column.path]
    match leaf.kind:
        case "text":
            return {column.language: words}
        case "code":
            return _code(str(leaf.codes), words)
        case "codes":
            parts = [part for part in re.split(r"[;,\n]", words) if part.strip()]
            return list(dict.fromkeys(_code(str(leaf.codes), part) for part in parts))
        case "whole" | "number" | "amount":
            return int(found) if (found := _number(words)).isdecimal() and leaf.kind == "whole" else found
        case "money":
            return _money(words)
        case "yes_no":
            return _yes_no(cell, words)
        case "list":
            return [part.strip() for part in re.split(r"[;\n]", words) if part.strip()]
        case "rows":
            return list(_rows(leaf, column.language, words))
        case "part":
            raise ValueError(column.path)
        case _:
            return words


def _rows(leaf: form.Leaf, language: str, words: str) -> Iterator[dict[str, Any]]:
    """A row of a list for each line of a cell, called by the first field that names such a row."""
    assert leaf.row is not None
    name = next(one for one in ("text", "statement", "name", "title") if one in leaf.row.model_fields)
    kind, _ = form.leaf_kind(leaf.row.model_fields[name].annotation)
    for place, line in enumerate(part.strip(" -–•\t") for part in re.split(r"[;\n]", words)):
        if line:
            uid = "s" + hashlib.sha256(f"{leaf.path} {place} {line}".encode()).hexdigest()[:12]
            yield {"uid": uid, name: {language: line} if kind == "text" else line}


def _code(name: str, words: str) -> str:
    wanted = _tidy(words)
    for code in values_of(name):
        said = [words_of(language) for language in HOUSE_LANGUAGES]
        key = f"value.{name}_{code}"
        if wanted in (_tidy(code), *(_tidy(one(key)) for one in said if one.has(key))):
            return str(code)
    raise ValueError(words)


def _number(words: str) -> str:
    """A number with a point for its decimals, whichever of the two languages wrote it. Raises ValueError."""
    plain = re.sub(r"[\s\u00a0\u202f€'’]|EUR|euro", "", words)
    if not re.fullmatch(r"-?[0-9][0-9.,]*", plain):
        raise ValueError(words)
    if "." in plain and "," in plain:
        thousands = "," if plain.rindex(".") > plain.rindex(",") else "."
        plain = plain.replace(thousands, "").replace(",", ".")
    elif re.fullmatch(r"-?[1-9][0-9]{0,2}([.,][0-9]{3})+", plain):
        plain = re.sub("[.,]", "", plain)
    else:
        plain = plain.replace(",", ".")
    if plain.count(".") > 1 or plain.endswith("."):
        raise ValueError(words)
    return plain


def _money(words: str) -> dict[str, str]:
    """One amount, or two where a range is written. Raises ValueError."""
    amounts = re.findall(r"[0-9][0-9.,\u00a0\u202f]*", words)
    if len(amounts) == 2:
        return {"min": _number(amounts[0]), "max": _number(amounts[1])}
    return {"exact": _number(words)}


def _yes_no(cell: Cell, words: str) -> bool:
    if isinstance(cell, bool):
        return cell
    if _tidy(words) in ("sì", "si", "yes", "true", "vero", "x", "1"):
        return True
    if _tidy(words) in ("no", "false", "falso", "0"):
        return False
    raise ValueError(words)


# What would happen


class _Trial:
    """The path's state as it would be, ask after ask."""

    def __init__(self, state: rules.State, now: int) -> None:
        self.state = state
        self.moment = Moment(now, "server", fresh=fresh())
        self.asks: list[tuple[str, str, dict[str, Any]]] = []

    def ask(self, ask: AnAsk) -> Refusal | None:
        """Decides an ask and goes on from there; a refused one leaves nothing."""
        decided = rules.decide(self.state, ask, self.moment)
        if isinstance(decided, Refusal):
            return decided
        state = self.state
        for fact in decided:
            state = rules.evolve(state, Happening(_as_kept(fact), self.moment.now))
        self.state = state
        if decided:
            body = ask.model_dump(mode="json", exclude_unset=True)
            digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
            self.asks.append((f"import:{digest[:40]}", ask.do, body))
        return None


def _as_kept(fact: AFact) -> AFact:
    """The fact as it comes back from the journal. Raises what it would raise there."""
    return m.FACTS[fact.kind].model_validate_json(fact.model_dump_json())


def plan(
    content: Content,
    into: str | None,
    known: Mapping[str, rules.State],
    language: str,
    now: int,
    lives_here: Callable[[str], bool] = lambda code: False,
) -> Plan:
    """What saving would do. into: the path asked for, else the one that the file names. known: states of paths by id.

    lives_here: whether the session of a code was held in this Officina, which then needs no file of it.

    Raises Failed 404 or 422. Blocks for hundreds of ideas; call it from a thread.
    """
    id = into or content.path
    if not id:
        raise Failed(422, "no_path", _say("no_path", language))
    if not _PATH_ID.fullmatch(id):
        raise Failed(422, "bad_path", _say("bad_path", language))
    state = known.get(id)
    is_new = state is None or state.title is None
    if is_new and content.format == "session":
        content = _named(content, id)
    if is_new and content.title is None:
        raise Failed(404, "unknown_path", _say("unknown_path", language, path=id))
    if state is not None:
        # What a session of ours leaves comes by itself, and knows better than a file when each stage closed.
        ours = [one for one in content.sessions if one.session in state.sessions and lives_here(one.session)]
        content = replace(content, sessions=tuple(one for one in content.sessions if one not in ours))
    trial = _Trial(rules.start() if state is None else state, now)
    warnings = [dict(one) for one in content.warnings]
    if is_new and content.title is not None:
        prefix = content.prefix or "ID"
        made = {
            "title": content.title,
            "languages": list(content.languages),
            "groups": list(content.groups)[:12],
            "prefix": prefix,
        }
        trial.ask(m.MakePath.model_validate(made))
    elif content.title is not None and trial.state.title != content.title:
        title = (trial.state.title or Text()).in_language(language)
        warnings.append({"code": "other_title", "text": _say("other_title", language, path=id, title=title)})
    sessions = _plan_sessions(trial, content)
    ideas = [_plan_idea(trial, place, one, language, warnings) for place, one in enumerate(content.ideas)]
    ideas += [_plan_new(trial, one, content.rows[one.idea], language) for one in content.new]
    stages = _plan_stages(trial, content)
    practices = _counted(_plan_practice(trial, one, lives_here) for one in content.practices)
    peers = _counted(_plan_peer(trial, one, language, lives_here, warnings) for one in content.peers)
    brought = [_plan_brought(trial, one, language, lives_here, warnings) for one in content.brought]
    for code in content.without_agenda:
        if not lives_here(code):
            text = _say("without_agenda", language, code=code)
            warnings.append({"code": "without_agenda", "session": code, "text": text})
    counts = {what: sum(one["what"] == what for one in ideas) for what in ("new", "here", "conflict")}
    told = {
        "format": content.format,
        "path": id,
        "new_path": is_new,
        "title": dict(trial.state.title or {}),
        "sessions": sessions,
        "stages": stages,
        "brought": brought,
        "counts": counts,
        "ideas": ideas,
        "practices": practices,
        "peers": peers,
        "warnings": warnings,
        "errors": [dict(one) for one in content.errors],
    }
    return Plan(id, trial.asks, told)


def _named(content: Content, id: str) -> Content:
    """A session's content with the name of a path that is not here yet, as when a session opens one by itself."""
    named = plans.path_named(id)
    title, languages = (named[0], tuple(named[1])) if named else (content.sessions[0].title, content.languages)
    prefix = named[2] if named else re.sub("[^A-Z0-9]", "", id.upper())[:2]
    return replace(content, title=title, languages=languages, prefix=prefix)


def _plan_sessions(trial: _Trial, content: Content) -> int:
    """How many sessions are new to the path."""
    before = len(trial.state.sessions)
    for session in content.sessions:
        # Those that are here already add nothing; a path is made with twelve groups at most, and learns the rest here.
        groups = list(content.groups)[-12:]
        trial.ask(m.AddSession(session=session.session, title=session.title, phase=session.phase, groups=groups))
    return len(trial.state.sessions) - before


def _plan_stages(trial: _Trial, content: Content) -> int:
    """How many stages come in, or later closings of stages that are here; after the ideas, which stand on their own."""
    before = len(trial.asks)
    for session in content.sessions:
        for stage in session.stages:
            trial.ask(
                m.TakeStage(
                    session=session.session,
                    stage=stage.stage,
                    activity=stage.activity,
                    title=stage.title,
                    closed_at=stage.closed_at,
                    left=stage.left,
                    sizes=stage.people,
                )
            )
    return len(trial.asks) - before


def _plan_brought(
    trial: _Trial,
    file: Mapping[str, Any],
    language: str,
    lives_here: Callable[[str], bool],
    warnings: list[dict[str, Any]],
) -> dict[str, Any]:
    """{"session","title","what": "new"|"here"|"conflict"|"lives_here"}."""
    code, title = file["code"], Text(file["title"])
    row = {"session": code, "title": dict(title)}
    if lives_here(code):
        return {**row, "what": "lives_here"}
    before = len(trial.asks)
    trial.ask(m.AddSession(session=code, title=title, phase=file["phase"]))
    try:
        refusal = trial.ask(m.BringSession(session=code, file=dict(file)))
    except (ValueError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"[:200]
        raise Failed(422, "broken", _say("broken", language, place=code, why=why)) from error
    if refusal is not None:
        warnings.append({"code": "other_session", "session": code, "text": _say("other_session", language, code=code)})
        return {**row, "what": "conflict"}
    return {**row, "what": "new" if any(do == "bring_session" for _, do, _ in trial.asks[before:]) else "here"}


def _counted(found: Iterable[What]) -> dict[str, int]:
    """{"new","here","conflict"}; what comes by itself from a session of this Officina is here."""
    all_of = list(found)
    return {what: all_of.count(what) for what in get_args(What)}


def _plan_practice(trial: _Trial, one: _Practice, lives_here: Callable[[str], bool]) -> What:
    if lives_here(one.session) and (one.session, one.of.practice) in trial.state.peers.practices:
        return "here"
    return _what(trial, m.TakeInPractice(practice=one.of, session=one.session, stage=one.stage))


def _plan_peer(
    trial: _Trial, one: _Peer, language: str, lives_here: Callable[[str], bool], warnings: list[dict[str, Any]]
) -> What:
    """What is followed here stays as it is here."""
    if lives_here(one.session) and one.of.peer in trial.state.peers.followed:
        known = trial.state.peers.followed[one.of.peer].activity
        what: What = "here" if known == one.of else "conflict"
    else:
        what = _what(trial, m.TakeInPeer(activity=one.of, session=one.session, stage=one.stage, own=one.own))
    if what == "conflict":
        names = ", ".join(party.name for party in one.of.parties)
        text = _say("other_peer", language, names=names)
        warnings.append({"code": "other_peer", "peer": one.of.peer, "text": text})
    return what


def _what(trial: _Trial, ask: AnAsk) -> What:
    before = len(trial.asks)
    refusal = trial.ask(ask)
    return "conflict" if refusal is not None else "new" if len(trial.asks) > before else "here"


def _plan_idea(
    trial: _Trial, place: int, left: IdeaOutcome, language: str, warnings: list[dict[str, Any]]
) -> dict[str, Any]:
    """{"idea","code"?,"title","what": "new"|"here"|"conflict","differs"?: [fields],"text"?}."""
    row: dict[str, Any] = {"idea": left.idea, "title": dict(left.fields.title or {})}
    if left.code:
        row["code"] = left.code
    here = trial.state.ideas.ideas.get(left.idea)
    if here is not None:
        differs = _differences(_content(_outcome(trial.state, left.idea)), _content(left))
        return {**row, "what": "conflict", "differs": differs} if differs else {**row, "what": "here"}
    if left.code and any(one.code == left.code for one in trial.state.ideas.ideas.values()):
        return {**row, "what": "conflict", "differs": ["code"], "text": _say("code_taken", language, code=left.code)}
    try:
        refusal = trial.ask(idea_messages.TakeInIdea(outcome=left))
        if refusal is not None:
            raise ValueError(refusal.code)
        # What cannot be read out again must not come in.
        rules.row(trial.state, trial.state.ideas.ideas[left.idea])
        again = _outcome(trial.state, left.idea)
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"[:200]
        place_ = f"outcomes.{place}"
        details = {"place": place_, "why": why}
        raise Failed(422, "broken", _say("broken", language, place=place_, why=why), details) from error
    for one in trial.state.ideas.ideas[left.idea].frozen:
        if not idea_rules.intact(left.idea, one):
            text = _say("not_intact", language, version=one.version, code=left.code or left.idea)
            warnings.append({"code": "not_intact", "idea": left.idea, "text": text})
    lost = _differences(_content(again), _content(left))
    return {**row, "what": "new", **({"differs": lost} if lost else {})}


def _outcome(state: rules.State, idea: str) -> IdeaOutcome:
    found = idea_rules.outcome(state.ideas, state.ideas.ideas[idea], state.context(idea))
    return IdeaOutcome.model_validate(found)


def _content(left: IdeaOutcome) -> dict[str, Any]:
    whole = left.model_dump(mode="json")
    return {name: whole.get(name) for name in CONTENT}


def _differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """Names of what differs, fields of the form one by one."""
    found = [name for name in CONTENT if name != "fields" and here[name] != there[name]]
    ours, theirs = form.leaves_of(here["fields"]), form.leaves_of(there["fields"])
    return found + [f"fields.{path}" for path in dict.fromkeys([*ours, *theirs]) if ours.get(path) != theirs.get(path)]


def _plan_new(trial: _Trial, ask: idea_messages.NewIdea, row: int, language: str) -> dict[str, Any]:
    """As `_plan_idea`, of a row of a sheet: what it does not say is no difference."""
    told: dict[str, Any] = {"idea": ask.idea, "title": dict(ask.fields["title"]), "row": row}
    here = trial.state.ideas.ideas.get(ask.idea)
    if here is not None:
        differs = [f"fields.{path}" for path, value in ask.fields.items() if not _says(here.fields.get(path), value)]
        told |= {"code": here.code} if here.code else {}
        return {**told, "what": "conflict", "differs": differs} if differs else {**told, "what": "here"}
    refusal = trial.ask(ask)
    if refusal is not None:
        text = _say("bad_row", language, why=refusal.code)
        return {**told, "what": "conflict", "differs": [], "text": text}
    made = trial.state.ideas.ideas[ask.idea]
    return {**told, "what": "new", **({"code": made.code} if made.code else {})}


def _says(here: Any, value: Any) -> bool:
    """Whether the field says what the sheet says; a sheet has a text in one language."""
    if isinstance(here, Mapping) and isinstance(value, Mapping):
        return all(_says(here.get(name), one) for name, one in value.items() if name != "uid")
    if isinstance(here, str) and isinstance(value, str) and _DECIMAL.fullmatch(here) and _DECIMAL.fullmatch(value):
        # 100000.00 and 100000 are one amount.
        return Decimal(here) == Decimal(value)
    return bool(here == value)


# Saving


async def understand(
    house: House,
    data: bytes,
    filename: str,
    into: str | None,
    language: str,
    columns: Mapping[str, str] | None = None,
    first: str | None = None,
) -> Plan:
    """What a file holds and what saving it would do; saves nothing. Raises Failed 404, 413, 422."""
    known = {id: path.line.folded for id, path in house.paths.live.items()}
    if first is None:
        first = known[into].languages[0] if into in known and known[into].languages else "it"
    now = house.clock.now()

    def work() -> Plan:
        content = read(data, filename, language, columns, first)
        return plan(content, into, known, language, now, house.rooms.known)

    return await asyncio.to_thread(work)


async def save(house: House, planned: Plan, language: str) -> dict[str, Any]:
    """Does what was planned, in its order. The answer as understood, with "saved" and what was refused meanwhile.

    An import that was cut off may be done again: what is here already is not taken a second time.
    """
    errors = list(planned.told["errors"])
    path = await _path(house, planned)
    rest = [one for one in planned.asks if one[1] != "make_path"]
    for start in range(0, len(rest), TOGETHER):
        some = rest[start : start + TOGETHER]
        answers = await asyncio.gather(*(path.ask_as_server(id, do, having) for id, do, having in some))
        for (_, do, having), answer in zip(some, answers, strict=True):
            if isinstance(answer, Refused):
                if answer.refusal.again:
                    raise Failed(503, answer.refusal.code, path.screens.refusal_text(answer.refusal, language))
                why = path.screens.refusal_text(answer.refusal, language)
                key = "session_not_kept" if do == "bring_session" else "not_kept"
                code = having.get("idea") or (having.get("outcome") or {}).get("idea") or having.get("session") or do
                errors.append({"code": key, "text": _say(key, language, code=code, why=why)})
    return {**planned.told, "errors": errors, "saved": True}


async def _path(house: House, planned: Plan) -> LivePath:
    having = next((having for _, do, having in planned.asks if do == "make_path"), None)
    if having is None:
        path = house.paths.find(planned.path)
        assert path is not None
        return path
    title, prefix = Text(having["title"]), having.get("prefix", "ID")
    return await house.paths.make(planned.path, title, having["languages"], having.get("groups", []), prefix)


__all__ = ["MAX_BYTES", "Content", "Plan", "plan", "read", "save", "understand"]
