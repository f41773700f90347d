"""What a path leaves, as one dossier and as files: its sessions by phase, what each stage left, every idea.

Every format is written from the same outcomes and the same report tree as those of a session, so that they cannot
disagree. No person stands in any of them; a split by group that would show fewer than five people is nowhere.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from .. import __version__
from ..activities.contract.idea import fields as form
from ..activities.contract.idea import rules as idea_rules
from ..activities.contract.idea.left import IdeaOutcome
from ..activities.contract.idea.model import Source
from ..activities.contract.peers import PeerActivity, Practice
from ..activities.contract.small_cells import fold
from ..files.document import Block, Chapter, Details, Document, Item, Items, Paragraph, Table
from ..files.sheets import Cell, Sheet
from ..files.writing import csv_text, xlsx
from ..paths import peers, rules
from . import handover, idea_report, idea_tables, market_report, market_tables
from .export import MEDIA
from .report import KNOWN, privacy, report
from .schema import (
    DIALECT,
    SCHEMA_VERSION,
    ByLanguage,
    Facts,
    Named,
    Open,
    Outcomes,
    Software,
    _without_titles,
)
from .tables import minute
from .telling import Telling

if TYPE_CHECKING:
    from ..house import House
    from ..paths.live import LivePath
    from ..storage.journal import KeptFact

KINDS = ("json", "csv", "xlsx", "docx", "pdf", "zip", "ics", "peers.csv")
FILE_MEDIA = {**MEDIA, "peers.csv": MEDIA["csv"]}
#: Files of one idea by their endings, with their media types.
IDEA_MEDIA = {
    "docx": MEDIA["docx"],
    "pdf": MEDIA["pdf"],
    "ics": MEDIA["ics"],
    "decidim.xlsx": MEDIA["xlsx"],
    "decidim.json": MEDIA["json"],
    "indigo.json": MEDIA["json"],
}
PHASES = ("sensitisation", "deep_dive", "codesign")
#: The report of more ideas tells each in short, because nobody reads thousands of pages and a laptop has to set them.
MOST_WHOLE = 100
#: So many missing translations are listed in the report; all of them stand in the data files.
MOST_TEXTS = 60
#: How a DOCX is written: the contents, then the text. In a package the PDF goes before it: copied, then laid out.
DOCX_WINDOWS = ((150, 170), (170, 1000))
ZIP_WINDOWS = ((300, 320), (320, 350), (600, 610), (610, 990))

Idea = Mapping[str, Any]


class Cancelled(Exception):
    """Raised in the thread that makes a file when nobody wants it any more."""


class Progress:
    """How far a file has come, 0 to 1,000; told from its thread and read from anywhere."""

    def __init__(self) -> None:
        self.done = 0
        self._stopped = threading.Event()
        self._start, self._end = 0, 1000

    def cancel(self) -> None:
        self._stopped.set()

    def begins(self, start: int, end: int) -> None:
        """The next step leads from `start` to `end` of the thousand. Raises Cancelled."""
        self._start, self._end = start, end
        self.tell(0, 1)

    def tell(self, n: int, of: int) -> None:
        """`n` of `of` things of this step are done. Raises Cancelled."""
        if self._stopped.is_set():
            raise Cancelled
        self.done = max(self.done, self._start + (self._end - self._start) * min(n, of) // max(of, 1))


class _Watched(tuple[Chapter, ...]):
    """Chapters that tell how far the writers going through them have come.

    windows: the parts of the thousand that the next goings-through stand for; later ones tell nothing. A copy made of
    it is plain.
    """

    windows: list[tuple[int, int]]
    progress: Progress | None

    def __new__(
        cls,
        chapters: Iterable[Chapter],
        progress: Progress | None = None,
        windows: Sequence[tuple[int, int]] = (),
    ) -> _Watched:
        made = super().__new__(cls, chapters)
        made.progress, made.windows = progress, list(windows)
        return made

    def __iter__(self) -> Iterator[Chapter]:
        progress = self.progress if self.windows else None
        if progress is not None:
            progress.begins(*self.windows.pop(0))
        for place, chapter in enumerate(super().__iter__()):
            if progress is not None:
                progress.tell(place, len(self))
            yield chapter


# What is left


class Stage(Open):
    """left: how many outcomes of each kind. people: by group as far as it may be shown, else none."""

    stage: str
    title: ByLanguage
    activity: str
    closed_at: int
    left: dict[str, int]
    people: dict[str, int]


class Session(Open):
    session: str
    title: ByLanguage
    phase: str
    stages: list[Stage]


class MissingText(Open):
    """A text of an idea that lacks languages of the path. field: as in the form; a row is `obstacles/<uid>.text`."""

    idea: str
    field: str
    languages: list[str]


class LeftBy(Open):
    """session, stage: which left it."""

    session: str
    stage: str


class PathPractice(LeftBy, Practice):
    """A practice as its stall showed it."""

    model_config = ConfigDict(extra="allow")


class PathPeer(LeftBy, PeerActivity):
    """A peer activity as it stands now. own: whether the path changed it after its session."""

    model_config = ConfigDict(extra="allow")
    own: bool


class Generated(Open):
    at: int
    facts: Facts


class Dossier(Open):
    """All that a path left. Times are milliseconds UTC; within ideas ISO 8601.

    brought: sessions that another Officina held, each as its own `export.json`.
    """

    schema_version: Literal["1.0"]
    kind: Literal["dossier"]
    path: str
    title: ByLanguage
    languages: list[str]
    prefix: str
    groups: list[Named]
    sessions: list[Session]
    brought: list[Outcomes] = Field(default_factory=list)
    outcomes: list[IdeaOutcome]
    practices: list[PathPractice] = Field(default_factory=list)
    peers: list[PathPeer] = Field(default_factory=list)
    missing_translations: list[MissingText]
    generated: Generated
    software: Software


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a path's `export.json`."""
    made = Dossier.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": DIALECT, "title": "Dossier of a path", **_without_titles(made)}


@dataclass(frozen=True, slots=True)
class Left:
    """A path at a number. sizes: people per group at the closing of a stage, by (session, stage).

    taken_at: of each idea that nobody touched since it came in, when it last changed before. notes: words of notes by
    id, of sessions that are in this house or were brought into it.
    """

    id: str
    state: rules.State
    number: int
    at: int
    last_at: int
    sizes: Mapping[tuple[str, str], Mapping[str, int]]
    taken_at: Mapping[str, str]
    notes: Mapping[str, str] = field(default_factory=dict)


async def left_of(house: House, path: LivePath) -> Left:
    """What a path leaves right now; rooms and paths go on meanwhile."""
    line = path.line
    state, number, last_at, at = line.folded, line.number, line.last_at, line.now()
    facts = [*await line.journal.after(line.line, 0)]
    stages = {
        (one.session, one.stage)
        for idea in state.ideas.ideas.values()
        for one in idea.sources
        if one.session and one.stage and one.note
    }
    notes: dict[str, str] = {}
    for session in sorted({session for session, _ in stages}):
        brought = state.brought.get(session)
        if brought is not None:
            own = {stage for of, stage in stages if of == session}
            notes |= _notes(one for one in brought["outcomes"] if one["stage"] in own)
            continue
        live = await house.rooms.find(session) if session in state.sessions else None
        for stage in sorted(stage for of, stage in stages if of == session):
            if live is not None and stage in live.room.folded.runs:
                run = live.room.folded.runs[stage]
                notes |= _notes(live.room.activity_of(live.room.folded, stage).rules.outcomes(run))
    sizes, taken_at = await asyncio.to_thread(_read, facts, state)
    return Left(path.id, state, number, at, last_at, sizes, taken_at, notes)


def _notes(outcomes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {
        note["id"]: note["text"]
        for outcome in outcomes
        if isinstance(outcome.get("notes"), list)
        for note in outcome["notes"]
        if isinstance(note.get("id"), str) and isinstance(note.get("text"), str)
    }


def _read(
    facts: Iterable[KeptFact], state: rules.State
) -> tuple[dict[tuple[str, str], Mapping[str, int]], dict[str, str]]:
    """What the state does not keep: who was there when a stage closed, and when an idea changed before it came in."""
    sizes: dict[tuple[str, str], Mapping[str, int]] = {}
    last: dict[str, tuple[str, int, str]] = {}
    for fact in facts:
        body = json.loads(fact.body)
        if fact.kind == "stage_taken":
            sizes[body["session"], body["stage"]] = body.get("sizes") or {}
        elif "idea" in body:
            changed = str((body.get("outcome") or {}).get("updated_at") or "")
            last[body["idea"]] = (fact.kind, fact.at, changed)
    taken_at = {
        idea: changed
        for idea, (kind, at, changed) in last.items()
        # An idea that another was joined with was touched too, by the other's fact.
        if kind == "idea_taken_in"
        and changed
        and idea in state.ideas.ideas
        and state.ideas.ideas[idea].updated_at == at
    }
    return sizes, taken_at


def shown_sizes(sizes: Mapping[str, int]) -> dict[str, int]:
    """People per group as far as they may be shown; what is small is in "other", and nothing is left if it must hide."""
    counts: dict[str | None, int] = dict(sizes.items())
    shown = fold(counts)
    found: dict[str, int] = {}
    for group, n in counts.items():
        if group in shown:
            found[shown[group]] = found.get(shown[group], 0) + n
    return found


def dossier(left: Left, progress: Progress | None = None) -> dict[str, Any]:
    """The dossier as JSON, see `Dossier`. Ideas stand in the order in which they came."""
    state, progress = left.state, progress or Progress()
    sessions = [
        {
            "session": code,
            "title": dict(session.title),
            "phase": session.phase,
            "stages": [
                {
                    "stage": stage,
                    "title": dict(kept.title),
                    "activity": kept.activity,
                    "closed_at": kept.closed_at,
                    "left": dict(kept.left),
                    "people": shown_sizes(left.sizes.get((of, stage), {})),
                }
                for (of, stage), kept in state.stages.items()
                if of == code
            ],
        }
        for code, session in state.sessions.items()
    ]
    around = replace(state.ideas, at=max(state.ideas.at, left.at))
    outcomes = []
    for place, idea in enumerate(state.ideas.ideas.values()):
        progress.tell(place, len(state.ideas.ideas))
        outcomes.append(_outcome(left, around, idea))
    languages = list(state.languages)
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "dossier",
        "path": left.id,
        "title": dict(state.title or {}),
        "languages": languages,
        "prefix": state.prefix,
        "groups": [{"id": id, "name": dict(name)} for id, name in state.groups],
        "sessions": sessions,
        "brought": [dict(file) for file in state.brought.values()],
        "outcomes": outcomes,
        **peers.left(state.peers),
        "missing_translations": [row for one in outcomes for row in missing_texts(one, languages)],
        "generated": {"at": left.at, "facts": {"from": 1, "to": left.number}},
        "software": {"name": "officina", "version": __version__},
    }


def _outcome(left: Left, around: idea_rules.Ideas, idea: idea_rules.Idea) -> dict[str, Any]:
    """An idea as it is exported: as the path's own, but with nothing that tells of a small group."""
    found = idea_rules.outcome(around, idea, left.state.context(idea.uid))
    sources = [_source(left, idea, one) for one in idea.sources]
    found["sources"] = [one.model_dump(mode="json") for one in sources]
    found["provenance"] = idea_rules.provenance(sources, _sizes_of(left, idea.session))
    if idea.uid in left.taken_at:
        found["updated_at"] = left.taken_at[idea.uid]
    return found


def _sizes_of(left: Left, session: str | None) -> dict[str, int]:
    """People per shown group in a session, of the last of its stages that tells."""
    known = [sizes for (of, _), sizes in left.sizes.items() if of == session]
    return shown_sizes(known[-1]) if known else {}


def _source(left: Left, idea: idea_rules.Idea, source: Source) -> Source:
    if source.own_group is None or source.own_group in _sizes_of(left, source.session or idea.session):
        return source
    return source.model_copy(update={"own_group": None})


def missing_texts(idea: Idea, languages: Sequence[str]) -> list[dict[str, Any]]:
    """[{"idea","field","languages"}] of texts that have words in one of the languages and not in all."""
    found = []
    for path, value in form.leaves_of(idea["fields"]).items():
        for place, text in _texts(path, value, languages):
            missing = [language for language in languages if not text.get(language)]
            if missing:
                found.append({"idea": idea["idea"], "field": place, "languages": missing})
    return found


def _texts(path: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every text by language in a value, with its address."""
    if isinstance(value, Mapping):
        if any(isinstance(value.get(language), str) for language in languages):
            if any(words for words in value.values()):
                yield path, value
            return
        for name, inner in value.items():
            yield from _texts(f"{path}.{name}", inner, languages)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            uid = inner.get("uid", place) if isinstance(inner, Mapping) else place
            yield from _texts(f"{path}/{uid}", inner, languages)


# Files of the whole path


async def file(
    house: House, path: LivePath, kind: str, language: str, progress: Progress | None = None
) -> tuple[bytes, str]:
    """The bytes and media type of one of `KINDS`. Raises Cancelled once `progress` was cancelled."""
    left = await left_of(house, path)
    words = activity_names(house, language)
    return await asyncio.to_thread(made, left, kind, language, words, progress), FILE_MEDIA[kind]


def activity_names(house: House, language: str) -> dict[str, str]:
    """What people call each activity."""
    return {
        name: house.drawing.words(name, language)("name")
        for name in house.drawing.activities
        if house.drawing.words(name, language).has("name")
    }


def made(
    left: Left, kind: str, language: str, activities: Mapping[str, str], progress: Progress | None = None
) -> bytes:
    """The file itself; to be called in a thread. The steps' parts of the whole are those measured with 500 ideas."""
    progress = progress or Progress()
    progress.begins(0, 900 if kind in ("json", "csv") else 50)
    whole = dossier(left, progress)
    if kind == "json":
        return _json(whole)
    found = _found(whole)
    tell = Telling(found, language, "path")
    if kind == "csv":
        return csv_text(idea_tables.sheets(tell, whole["outcomes"])[0].rows if whole["outcomes"] else [_ideas_head()],
                        italian_excel=language == "it")  # fmt: skip
    if kind == "peers.csv":
        return csv_text(_peers(tell, whole).rows, italian_excel=language == "it")
    if kind == "ics":
        return handover.next_steps(tell, whole["outcomes"], left.last_at, whole["peers"])
    from ..files.docx import docx
    from ..files.pdf import pdf
    from . import package

    if kind == "xlsx":
        progress.begins(50, 700)
        sheets = _sheets(tell, whole, progress)
        progress.begins(700, 1000)
        return xlsx([*sheets, package.leggimi(sheets, tell)])
    progress.begins(50, 150)
    document = _report(tell, whole, left, activities, progress)
    if kind == "pdf":
        progress.begins(150, 900)
        data = pdf(document)
        progress.tell(1, 1)
        return data
    if kind == "docx":
        return docx(_watched(document, progress, DOCX_WINDOWS))
    progress.begins(150, 300)
    sheets = _sheets(tell, whole, progress)
    workbook = xlsx([*sheets, package.leggimi(sheets, tell)])
    watched = _watched(document, progress, ZIP_WINDOWS)
    data = package.package(found, whole, sheets, workbook, watched, language, "path", schema())
    progress.tell(1, 1)
    return data


#: Files of a session that another Officina held.
SESSION_KINDS = ("json", "docx", "pdf")


def session_report(whole: Mapping[str, Any], language: str, activities: Mapping[str, str]) -> Document:
    """The report of a session from its `export.json` alone. activities: what people call each.

    Raises KeyError, TypeError, ValueError and the like for a file that holds something else.
    """
    credits = whole.get("plan", {}).get("credits") or {}
    return report(whole, whole["agenda"], credits, activities, language)


async def session_file(
    house: House, path: LivePath, session: str, kind: str, language: str
) -> tuple[bytes, str] | None:
    """The bytes and media type of one of `SESSION_KINDS`; None for a session that was not brought."""
    whole = path.line.folded.brought.get(session)
    if whole is None:
        return None
    return await asyncio.to_thread(_of_session, whole, kind, language, activity_names(house, language)), MEDIA[kind]


def _of_session(whole: Mapping[str, Any], kind: str, language: str, activities: Mapping[str, str]) -> bytes:
    if kind == "json":
        return _json(whole)
    from ..files.docx import docx
    from ..files.pdf import pdf

    document = session_report(whole, language, activities)
    return docx(document) if kind == "docx" else pdf(document)


def _json(whole: Any) -> bytes:
    return json.dumps(whole, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _ideas_head() -> list[Cell]:
    return ["Session", *idea_tables.IDEAS]


def _found(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The dossier with the head that reports and packages of sessions know."""
    groups = {group for session in whole["sessions"] for stage in session["stages"] for group in stage["people"]}
    people: list[dict[str, Any]] = [{"group": one["id"], "count": 0} for one in whole["groups"] if one["id"] in groups]
    return {**whole, "code": whole["path"], "people": {"by_group": people}}


def _watched(document: Document, progress: Progress, windows: Sequence[tuple[int, int]]) -> Document:
    """The same document, whose longest chapter tells how far its writers are."""
    longest = max(document.chapters, key=lambda one: len(one.chapters))
    chapters = tuple(
        replace(one, chapters=_Watched(one.chapters, progress, windows)) if one is longest else one
        for one in document.chapters
    )
    return replace(document, chapters=chapters)


# Sheets

SESSIONS = ("Phase", "Session", "Session Title", "Stage", "Stage Title", "Activity", "Closed At")
LEFT = ("Session", "Stage", "Outcome Kind", "How Many")
TEXTS = ("Idea", "Code", "Field", "Languages")


def _sheets(tell: Telling, whole: Mapping[str, Any], progress: Progress) -> list[Sheet]:
    sessions: list[list[Cell]] = [list(SESSIONS)]
    left: list[list[Cell]] = [list(LEFT)]
    for session in whole["sessions"]:
        head: list[Cell] = [session["phase"], session["session"], tell.text(session["title"])]
        if not session["stages"]:
            sessions.append([*head, None, None, None, None])
        for stage in session["stages"]:
            closed = minute(stage["closed_at"])
            sessions.append([*head, stage["stage"], tell.text(stage["title"]), stage["activity"], closed])
            left += [[session["session"], stage["stage"], kind, n] for kind, n in stage["left"].items()]
    outcomes = whole["outcomes"]
    sheets = [Sheet("Sessions", sessions), Sheet("Left Behind", left)]
    found: dict[str, Sheet] = {}
    for place, idea in enumerate(outcomes):
        progress.tell(place, len(outcomes))
        for sheet in idea_tables.sheets(tell, [idea]):
            rows = sheet.rows if sheet.name not in found else sheet.rows[1:]
            found.setdefault(sheet.name, Sheet(sheet.name)).rows.extend(rows)
    if "Ideas" in found:
        by_session: list[Cell] = ["Session", *(idea.get("session") for idea in outcomes)]
        found["Ideas"].rows = [[of, *row] for of, row in zip(by_session, found["Ideas"].rows, strict=True)]
    codes = {idea["idea"]: idea.get("code") for idea in outcomes}
    texts: list[list[Cell]] = [list(TEXTS)]
    texts += [
        [row["idea"], codes[row["idea"]], row["field"], " ".join(row["languages"])]
        for row in whole["missing_translations"]
    ]
    more = [*market_tables.practices(tell, whole["practices"], ("Session",)), _peers(tell, whole)]
    held = [sheet for sheet in more if len(sheet.rows) > 1]
    return [*sheets, *found.values(), *held, Sheet("Missing Translations", texts)]


def _peers(tell: Telling, whole: Mapping[str, Any]) -> Sheet:
    return market_tables.peers(tell, whole["peers"], ("Session",))[0]


# The report


def _report(
    tell: Telling, whole: Mapping[str, Any], left: Left, activities: Mapping[str, str], progress: Progress
) -> Document:
    outcomes = whole["outcomes"]
    ideas = _ideas(tell, outcomes, left.notes, progress)
    chapters = [
        _glance(tell, whole),
        _sessions(tell, whole, activities),
        _apart(market_report.peers(tell, whole["peers"])),
        ideas,
        _apart(market_report.practices(tell, whole["practices"])),
        _untranslated(tell, whole),
    ]
    return _document(
        tell,
        title=tell.text(whole["title"]) or left.id,
        subtitle=tell("report"),
        about=_about(tell, whole),
        at=left.last_at,
        chapters=(*(one for one in chapters if one is not None), _annex(tell, whole)),
    )


def _apart(chapter: Chapter | None) -> Chapter | None:
    return chapter and replace(chapter, apart=True)


def _document(
    tell: Telling,
    *,
    title: str,
    subtitle: str,
    about: Sequence[tuple[str, str]],
    at: int,
    chapters: tuple[Chapter, ...],
) -> Document:
    return Document(
        title=title,
        subtitle=subtitle,
        language=tell.house,
        about=tuple(row for row in about if row[1]),
        credits=(),
        author=f"Officina {__version__}",
        at=at,
        chapters=chapters,
        said={key: tell(key) for key in ("contents", "page", "unshown", "right")},
    )


def _about(tell: Telling, whole: Mapping[str, Any]) -> list[tuple[str, str]]:
    closed = [stage["closed_at"] for session in whole["sessions"] for stage in session["stages"]]
    period = ""
    if closed:
        period = tell("dossier.from_to", start=tell.day(min(closed)), end=tell.day(max(closed)))
    return [
        (tell("dossier.period"), period),
        (tell("dossier.sessions"), tell.number(len(whole["sessions"]))),
        (tell("dossier.ideas"), tell.number(len(whole["outcomes"]))),
        (tell("code"), whole["path"]),
    ]


def _glance(tell: Telling, whole: Mapping[str, Any]) -> Chapter:
    phases = [session["phase"] for session in whole["sessions"]]
    rows = [(tell("dossier.sessions"), tell.number(len(phases)))]
    rows += [(_phase(tell, phase), tell.number(phases.count(phase))) for phase in dict.fromkeys(_by_phase(phases))]
    rows.append((tell("dossier.ideas"), tell.number(len(whole["outcomes"]))))
    states = [idea["state"] for idea in whole["outcomes"]]
    rows += [(tell.code("state", state), tell.number(states.count(state))) for state in dict.fromkeys(states)]
    if whole["practices"]:
        rows.append((tell("dossier.practices"), tell.number(len(whole["practices"]))))
    if whole["peers"]:
        agreed = sum(one["status"] in market_report.AGREED for one in whole["peers"])
        rows.append((tell("dossier.peers"), tell("dossier.agreed", n=len(whole["peers"]), agreed=tell.number(agreed))))
    blocks: list[Block] = [Details(tuple(rows))]
    if not phases and not states:
        blocks.append(Paragraph(tell("none_yet")))
    return Chapter(tell("glance.title"), tuple(blocks), apart=True)


def _by_phase(phases: Iterable[str]) -> list[str]:
    """In the order of a path; what is no phase of ours comes last."""
    return sorted(phases, key=lambda phase: PHASES.index(phase) if phase in PHASES else len(PHASES))


def _phase(tell: Telling, phase: str) -> str:
    return tell(f"phase.{phase}") if phase in PHASES else phase


def _sessions(tell: Telling, whole: Mapping[str, Any], activities: Mapping[str, str]) -> Chapter | None:
    """Phase by phase each session, and what each of its stages left."""
    chapters = []
    for phase in dict.fromkeys(_by_phase(session["phase"] for session in whole["sessions"])):
        own = [session for session in whole["sessions"] if session["phase"] == phase]
        inner = tuple(_session(tell, session, activities) for session in own)
        chapters.append(Chapter(_phase(tell, phase), (), inner))
    return Chapter(tell("dossier.sessions_title"), (), tuple(chapters), apart=True) if chapters else None


def _session(tell: Telling, session: Mapping[str, Any], activities: Mapping[str, str]) -> Chapter:
    rows = tuple(
        (
            tell.text(stage["title"]),
            activities.get(stage["activity"], stage["activity"]),
            tell.moment(stage["closed_at"]),
            _left(tell, stage["left"]) or tell("dossier.left_nothing"),
        )
        for stage in session["stages"]
    )
    title = tell.text(session["title"]) or session["session"]
    if not rows:
        return Chapter(title, (Paragraph(tell("dossier.no_stages"), "small"),), language=tell.foreign(session["title"]))
    head = tuple(tell(f"dossier.{key}") for key in ("stage", "activity", "closed", "left"))
    caption = tell("dossier.sessions_caption", title=title, code=session["session"])
    blocks: list[Block] = [Table(caption, head, rows, (), (5, 3, 4, 5))]
    people: dict[str, int] = next((stage["people"] for stage in reversed(session["stages"]) if stage["people"]), {})
    if people:
        said = tell.listed(f"{tell.group(group)} {tell.number(n)}" for group, n in people.items())
        blocks.append(Details(((tell("dossier.people"), said),)))
    return Chapter(title, tuple(blocks), language=tell.foreign(session["title"]))


def _left(tell: Telling, kinds: Mapping[str, int]) -> str:
    said = []
    for kind, n in kinds.items():
        said.append(tell(f"left.{kind}", n=n) if kind in KNOWN else tell("left.unknown", n=n, kind=kind))
    return tell.listed(said)


def _ideas(tell: Telling, ideas: Sequence[Idea], notes: Mapping[str, str], progress: Progress) -> Chapter | None:
    if not ideas:
        return None
    boards = [{"notes": [{"id": id, "text": text} for id, text in notes.items()]}]
    short = len(ideas) > MOST_WHOLE
    chapters: list[Chapter] = []
    for place, idea in enumerate(ideas):
        progress.tell(place, len(ideas))
        if short:
            chapters.append(_short(tell, idea))
            continue
        own = idea_report.chapter(tell, [idea], boards)
        assert own is not None
        chapters += own.chapters
    lead = (Paragraph(tell("dossier.short", n=MOST_WHOLE), "small"),) if short else ()
    return Chapter(tell("ideas.title"), lead, tuple(chapters), apart=True)


def _short(tell: Telling, idea: Idea) -> Chapter:
    """The fields of a card, one line each, and where the idea stands."""
    tree = idea["fields"]
    rows = [(tell("ideas.state"), tell.code("state", idea["state"]))]
    done = idea["completeness"]
    lacking = len(done["missing"])
    words = tell("ideas.complete", met=done["met"], required=done["required"], n=lacking)
    rows.append(
        (tell("ideas.completeness"), words if lacking else tell("ideas.complete_all", required=done["required"]))
    )
    for leaf in form.LEAVES.values():
        name = leaf.path.split(".")[0]
        if name not in form.CARD or name in ("title", "summary"):
            continue
        value: Any = tree
        for step in leaf.path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        said = "" if form.blank(value) else idea_report.value_said(tell, leaf, value)
        if said:
            rows.append((": ".join(tell.field(step) for step in leaf.path.split(".")), said))
    blocks: list[Block] = [Details(tuple(rows))]
    summary = tell.text(tree.get("summary"))
    if summary:
        blocks.insert(0, Paragraph(summary, "lead", tell.foreign(tree["summary"])))
    title = tell.listed([idea.get("code") or "", idea_report.title_of(tell, idea)], " · ")
    return Chapter(title, tuple(blocks), language=tell.foreign(tree.get("title")))


def _untranslated(tell: Telling, whole: Mapping[str, Any]) -> Chapter | None:
    missing = whole["missing_translations"]
    if not missing:
        return None
    titles = {
        one["idea"]: tell.listed([one.get("code") or "", idea_report.title_of(tell, one)], " · ")
        for one in whole["outcomes"]
    }
    rows = tuple(
        (titles[one["idea"]], _field_name(tell, one["field"]), ", ".join(one["languages"]))
        for one in missing[:MOST_TEXTS]
    )
    head = tuple(tell(f"dossier.{key}_head") for key in ("idea", "field", "languages"))
    blocks: list[Block] = [
        Paragraph(tell("dossier.texts_lead")),
        Table(tell("dossier.texts_caption"), head, rows, (), (6, 5, 3)),
    ]
    if len(missing) > MOST_TEXTS:
        blocks.append(Paragraph(tell("dossier.texts_rest", n=len(missing) - MOST_TEXTS), "small"))
    return Chapter(tell("dossier.texts_title"), tuple(blocks), apart=True)


def _field_name(tell: Telling, path: str) -> str:
    """The names of the steps of an address; ids of rows are no names."""
    steps = [part.partition("/")[0] for part in path.split(".")]
    return ": ".join(tell.field(step) for step in steps)


def _annex(tell: Telling, whole: Mapping[str, Any]) -> Chapter:
    facts = whole["generated"]["facts"]
    rows = (
        (tell("annex.sessions"), tell.number(len(whole["sessions"]))),
        (tell("annex.ideas"), tell.number(len(whole["outcomes"]))),
        (tell("annex.facts"), tell("annex.facts_range", first=facts["from"], last=facts["to"])),
        (tell("annex.software"), f"{whole['software']['name']} {whole['software']['version']}"),
    )
    chapters = (
        Chapter(tell("annex.privacy"), (privacy(tell, whole["peers"]),)),
        Chapter(tell("annex.limits"), (_lines(tell, "annex.limits_", 2),)),
        Chapter(tell("annex.licence"), (Paragraph(tell("annex.licence_text")),)),
    )
    blocks = (Paragraph(tell("annex.lead")), Details(rows), Paragraph(tell("dossier.hidden"), "small"))
    return Chapter(tell("annex.title"), blocks, chapters, apart=True)


def _lines(tell: Telling, key: str, n: int) -> Items:
    return Items(tuple(Item(tell(f"{key}{place}")) for place in range(1, n + 1)))


# Files of one idea


class NotToHandOver(Exception):
    """code: `not_public`, or `no_payment_rule` where INDIGO has nothing to tell."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def idea_file(house: House, path: LivePath, idea: str, kind: str, language: str) -> tuple[bytes, str] | None:
    """The bytes and media type of one of `IDEA_MEDIA`; None for an idea that there is not. Raises NotToHandOver."""
    if idea not in path.line.folded.ideas.ideas:
        return None
    left = await left_of(house, path)
    one = {idea: left.state.ideas.ideas[idea]}
    only = replace(left, state=replace(left.state, ideas=replace(left.state.ideas, ideas=one)))
    return await asyncio.to_thread(_of_idea, only, kind, language), IDEA_MEDIA[kind]


def _of_idea(left: Left, kind: str, language: str) -> bytes:
    """left: with this idea alone."""
    whole = dossier(left)
    tell, ideas = Telling(_found(whole), language, "path"), whole["outcomes"]
    languages = [language, *(one for one in whole["languages"] if one != language)]
    if kind == "ics":
        return handover.next_steps(tell, ideas, left.last_at)
    if kind in _HANDOVER:
        if not handover.published(ideas):
            raise NotToHandOver("not_public")
        if kind == "indigo.json" and not ideas[0]["fields"].get("pbr_terms"):
            raise NotToHandOver("no_payment_rule")
        return _HANDOVER[kind](tell, ideas, languages)
    from ..files.docx import docx
    from ..files.pdf import pdf

    chapter = _ideas(tell, ideas, left.notes, Progress())
    assert chapter is not None
    own = chapter.chapters[0]
    licence = Chapter(tell("annex.licence"), (Paragraph(tell("annex.licence_text")),))
    day = datetime.datetime.fromisoformat(ideas[0]["updated_at"])
    document = _document(
        tell,
        title=own.title,
        subtitle=tell("dossier.idea"),
        about=[(tell("dossier.path"), tell.text(whole["title"])), (tell("date"), tell.partial(day.date().isoformat()))],
        at=left.last_at,
        chapters=(own, *filter(None, [_untranslated(tell, whole)]), licence),
    )
    return docx(document) if kind == "docx" else pdf(document)


_HANDOVER: dict[str, Callable[[Telling, list[Idea], list[str]], bytes]] = {
    "decidim.xlsx": handover.decidim_xlsx,
    "decidim.json": handover.decidim_json,
    "indigo.json": lambda tell, ideas, languages: handover.indigo_json(tell, ideas),
}
