"""What a session leaves, as typed outcomes and as files. Rehearsals are left out, small cells are nowhere.

Everything is folded anew from the facts in a thread, so that the room goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..activities.contract import Text, fold
from ..drawing import HOUSE_LANGUAGES
from ..files.writing import csv_text, xlsx
from ..live.room import Folded
from ..sessions import rules as session_rules
from . import tables
from .folding import folded_anew, rehearsal_people

if TYPE_CHECKING:
    from ..activities import Activity
    from ..files.document import Document
    from ..files.sheets import Sheet
    from ..live.rooms import LiveRoom
    from ..sessions.plan import Plan, Stage
    from ..storage.journal import KeptFact

KINDS = ("json", "csv", "xlsx", "docx", "pdf", "zip", "ics")
#: Outcomes that are for later stages of the same session alone, because they say who was with whom.
INTERNAL = ("visits", "seating")

MEDIA = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "ics": "text/calendar; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Left:
    """A session as it stands in its outcomes: state without the rehearsal, at a number."""

    code: str
    folded: Folded
    number: int
    at: int
    names: dict[str, str]
    activities: dict[str, Activity]

    @property
    def plan(self) -> Plan:
        plan = self.folded.session.plan
        assert plan is not None
        return plan

    def opened(self) -> list[tuple[Stage, Activity, Any]]:
        """The stages that were opened, in the plan's order, each with its activity and its state."""
        return [
            (stage, self.activities[stage.id], self.folded.runs[stage.id])
            for stage in self.plan.stages
            if stage.id in self.folded.session.spent
        ]


async def outcomes(live: LiveRoom) -> dict[str, Any]:
    """The head of the session, and `outcomes`: those of each opened stage, with its id, title and activity."""
    found: dict[str, Any] = await _in_a_thread(live, _outcomes)
    return found


async def file(live: LiveRoom, kind: str, language: str) -> tuple[bytes, str]:
    """The bytes and media type of one of `KINDS`; texts in `language` where the file has room for one only."""
    return await _in_a_thread(live, lambda left: _file(left, kind, language)), MEDIA[kind]


async def picture(live: LiveRoom, stage: str, table: str | None, language: str) -> bytes | None:
    """A board of a stage as SVG, without rehearsals; of a table, by its label, or the first. None when there is none."""
    found: bytes | None = await _in_a_thread(live, lambda left: _picture(left, stage, table, language))
    return found


def _picture(left: Left, stage: str, table: str | None, language: str) -> bytes | None:
    from . import board_report
    from .telling import Telling

    found = _outcomes(left)
    for one in found["outcomes"]:
        if one["kind"] == "board" and one["stage"] == stage and table in (None, one.get("table")):
            return board_report.picture(Telling(found, language), one).svg.encode("utf-8", "replace")
    return None


async def _in_a_thread(live: LiveRoom, make: Any) -> Any:
    room = live.room
    facts = await room.journal.after(room.line, 0)
    names, at = dict(room.names), room.now()

    def work() -> Any:
        return make(_left(live, facts, names, at))

    return await asyncio.to_thread(work)


def _left(live: LiveRoom, facts: list[KeptFact] | Any, names: dict[str, str], at: int) -> Left:
    room = live.room
    folded = folded_anew(room, facts, rehearsal_people(facts))
    plan = folded.session.plan
    activities = {stage.id: room.activity_of(folded, stage.id) for stage in plan.stages} if plan else {}
    number = facts[-1].number if facts else 0
    return Left(room.code, folded, number, at, names, activities)


def may_leave(outcome: Mapping[str, Any]) -> bool:
    """Whether an outcome may leave its session: into files, and into the dossier of a path."""
    return not outcome.get("internal") and outcome["kind"] not in INTERNAL


def _people(left: Left) -> dict[str, Any]:
    """How many people, by group only where no group is small; what is hidden is said, never numbered."""
    counts: dict[str | None, int] = {}
    state = left.folded.session
    here = [person for person in state.people.values() if not person.rehearsal]
    for person in here:
        counts[person.group] = counts.get(person.group, 0) + 1
    shown = fold(counts)
    groups: dict[str, int] = {}
    for group, n in counts.items():
        if group in shown:
            groups[shown[group]] = groups.get(shown[group], 0) + n
    return {
        "count": len(here),
        "by_group": [{"group": group, "count": n} for group, n in groups.items()],
        "groups_hidden": bool(counts) and not (len(groups) == len(counts) and None not in counts),
    }


def _outcomes(left: Left) -> dict[str, Any]:
    state, plan = left.folded.session, left.plan
    found = [
        {
            "stage": stage.id,
            "stage_title": dict(stage.title),
            "activity": activity.name,
            "level": stage.level,
        }
        | outcome
        for stage, activity, run in left.opened()
        for outcome in activity.rules.outcomes(run)
        if may_leave(outcome)
    ]
    people = _people(left)
    shown = {cell["group"] for cell in people["by_group"]}
    return {
        "code": left.code,
        "title": dict(plan.title),
        "phase": plan.phase,
        "languages": list(plan.languages),
        "groups": [{"id": group.id, "name": dict(group.name)} for group in plan.groups],
        "state": state.state,
        "made_at": state.made_at,
        "started_at": state.started_at,
        "ended_at": state.ended_at,
        "people": people,
        "number": left.number,
        "generated": {"at": left.at, "facts": {"from": 1, "to": left.number}},
        "software": {"name": "officina", "version": __version__},
        "outcomes": [_without_small_groups(outcome, shown) for outcome in found],
    }


def _without_small_groups(value: Any, shown: set[str | None]) -> Any:
    """The same without the author's group on notes and sources where that group is too small to be told apart."""
    if isinstance(value, dict):
        return {
            key: _without_small_groups(one, shown) for key, one in value.items() if key != "own_group" or one in shown
        }
    return [_without_small_groups(one, shown) for one in value] if isinstance(value, list | tuple) else value


def _plan(left: Left) -> dict[str, Any]:
    """The plan as it was used: with the setups that an import put in."""
    plan: dict[str, Any] = left.plan.model_dump(mode="json")
    for stage in plan["stages"]:
        stage["setup"] = dict(left.folded.session.setup(stage["id"]))
    return plan


def _file(left: Left, kind: str, language: str) -> bytes:
    found = _outcomes(left)
    if kind == "json":
        return json.dumps(_whole(left, found), ensure_ascii=False, indent=1, default=_plain).encode("utf-8", "replace")
    if kind == "csv":
        return csv_text(tables.Answers(left, language).raw(), italian_excel=language == "it")
    # A tenth of a second and more that only these files need.
    from ..files.docx import docx
    from ..files.pdf import pdf
    from . import package

    match kind:
        case "docx":
            return docx(_report(left, found, language))
        case "pdf":
            return pdf(_report(left, found, language))
    if kind == "ics":
        from . import handover
        from .report import when
        from .telling import Telling

        ideas = [one for one in found["outcomes"] if one["kind"] == "idea"]
        return handover.next_steps(Telling(found, language), ideas, when(found), handover.peers_of(found))
    sheets = _sheets(left, found, language)
    if kind == "xlsx":
        return xlsx(sheets)
    whole = json.loads(json.dumps(_whole(left, found), default=_plain))
    return package.package(found, whole, sheets, xlsx(sheets), _report(left, found, language), language)


def _whole(left: Left, found: dict[str, Any]) -> dict[str, Any]:
    from .schema import SCHEMA_VERSION

    # With the agenda a report can be written from the file alone, wherever it goes.
    more = {"agenda": _schedule(left), "plan": _plan(left), "codebook": tables.codebook(left)}
    return {"schema_version": SCHEMA_VERSION} | found | more


def _sheets(left: Left, found: dict[str, Any], language: str) -> list[Sheet]:
    from . import board_tables, idea_tables, market_tables, package
    from .telling import Telling

    answers = tables.Answers(left, language)
    tell = Telling(found, language)
    outcomes = found["outcomes"]
    sheets = [
        tables.overview(left, found, language),
        *answers.final_scores(outcomes),
        answers.raw_sheet(),
        answers.persons(),
        tables.results(left, outcomes, answers.numbers, language),
        tables.words(left, outcomes, language),
        *market_tables.sheets(tell, outcomes),
        *board_tables.sheets(tell, outcomes, left.names),
        *idea_tables.sheets(tell, outcomes),
        tables.agenda(_schedule(left), language),
        tables.codebook_sheet(left),
    ]
    return [*sheets, package.leggimi(sheets, tell)]


def _report(left: Left, found: dict[str, Any], language: str) -> Document:
    from .report import report

    names = {activity.name: _called(activity, language) for activity in left.activities.values()}
    return report(found, _schedule(left), left.plan.credits, names, language)


def _called(activity: Activity, language: str) -> str:
    """What people call an activity."""
    house = language if language in HOUSE_LANGUAGES else HOUSE_LANGUAGES[0]
    words = tomllib.loads((activity.folder / f"words.{house}.toml").read_text("utf-8"))
    return str(words["name"])


def _schedule(left: Left) -> dict[str, Any]:
    state = left.folded.session
    # A day that is over does not move any more: the same session gives the same files.
    return session_rules.schedule(state, left.at if state.ended_at is None else state.ended_at)


def _plain(value: Any) -> Any:
    """JSON of what rules may leave beside plain values."""
    if isinstance(value, Text):
        return dict(value)
    return str(value)
