"""Questions from files and pasted text into a quiz or poll that was not opened yet: first understood, then saved."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ..activities import Activity
from ..activities.quiz import formats
from ..files.reading import MAX_BYTES, Unreadable, read_rows
from ..live.envelope import Refused
from ..sessions.answers import Failed

if TYPE_CHECKING:
    from ..live.rooms import LiveRoom
    from ..sessions.plan import Plan, Stage

MAX_QUESTIONS = formats.MAX_QUESTIONS

_WORDS: dict[str, tuple[str, str]] = {
    "unknown_stage": ("Questa tappa non c'è nel programma.", "There is no such stage in the plan."),
    "no_questions": (
        "In questa tappa non si può importare: solo in un quiz, in un sondaggio o in un mercato di pratiche.",
        "Nothing can be imported into this stage: only into a quiz, a poll or a market of practices.",
    ),
    "already_opened": (
        "Questa tappa è già stata aperta, le sue domande non cambiano più. Importa in una tappa ancora da aprire.",
        "This stage was already opened, so its questions do not change any more. Import into one still to come.",
    ),
    "session_over": ("La sessione è finita.", "The session is over."),
    "unknown_language": (
        "La lingua del file deve essere una della sessione: {languages}.",
        "The language of the file must be one of the session's: {languages}.",
    ),
    "too_big": ("Il testo è troppo lungo: il limite è 5 MB.", "The text is too long: the limit is 5 MB."),
    "empty": ("Non c'è testo da leggere.", "There is no text to read."),
    "right_dropped": (
        "In un sondaggio non ci sono risposte giuste: quelle del file non sono state prese.",
        "A poll has no right answers: those of the file were not taken.",
    ),
    "kind_not_here": (
        "La domanda {n} («{text}») è di un tipo che questa tappa non conosce ({kind}).",
        "Question {n} (“{text}”) is of a kind that this stage does not know ({kind}).",
    ),
    "does_not_fit": (
        "La domanda {n} («{text}») non si può usare: {why}.",
        "Question {n} (“{text}”) cannot be used: {why}.",
    ),
    "nothing_read": (
        "In questo file non c'è nessuna domanda che questa tappa possa usare.",
        "This file holds no question that this stage can use.",
    ),
    "too_many_questions": (
        "Con queste la tappa avrebbe {n} domande: al massimo ne tiene {most}.",
        "With these the stage would have {n} questions: it holds at most {most}.",
    ),
    "bad_setup": ("Le domande non si possono salvare: {why}.", "The questions cannot be saved: {why}."),
}


def _say(code: str, language: str, **values: Any) -> str:
    return _WORDS[code][0 if language == "it" else 1].format(**values)


async def understand(
    live: LiveRoom, stage_id: str, data: bytes, filename: str, language: str | None = None
) -> dict[str, Any]:
    """What a file holds, as `{format, title, language, questions, warnings, skipped, with_times}`; saves nothing.

    language: of the file; the session's first one where none is given. with_times: whether `save` keeps the questions'
    time limits unless it is told otherwise. Raises Failed: 404 no such stage, 409 a stage that takes no questions (any
    more), 413 a limit of the reader, 422 nothing that can be read.
    """
    plan, _, activity = _stage(live, stage_id, language)
    language = _language(plan, language)
    try:
        read = await asyncio.to_thread(read_rows, data, filename, language=language)
    except Unreadable as refused:
        raise Failed(413 if refused.over_limit else 422, refused.code, refused.text) from refused
    return await _understood(live, stage_id, plan, activity, read, language)


async def understand_text(live: LiveRoom, stage_id: str, text: str, language: str | None = None) -> dict[str, Any]:
    """As `understand`, of text that somebody pasted."""
    plan, _, activity = _stage(live, stage_id, language)
    language = _language(plan, language)
    if len(text) > MAX_BYTES:
        raise Failed(413, "too_big", _say("too_big", language))
    if not text.strip():
        raise Failed(422, "empty", _say("empty", language))
    return await _understood(live, stage_id, plan, activity, text.replace("\r\n", "\n"), language)


async def save(live: LiveRoom, stage_id: str, result: dict[str, Any], *, with_times: bool | None = None) -> None:
    """Puts the questions of an understood file behind those that the stage has. Raises Failed 404, 409, 422 or 503.

    with_times: keeps the time limits; None keeps them only where points depend on speed.
    """
    plan, _, activity = _stage(live, stage_id, result.get("language"))
    language = str(result.get("language") or plan.languages[0])
    setup = dict(live.room.folded.session.setup(stage_id))
    here = [dict(one) for one in setup.get("questions") or []]
    if with_times is None:
        with_times = _timed(setup)
    taken = {str(one.get("id")) for one in here}
    coming = []
    for question in result["questions"]:
        made = {name: value for name, value in question.items() if with_times or name != "time"}
        made["id"] = _free(str(question["id"]), taken)
        taken.add(made["id"])
        coming.append(made)
    whole = [*here, *coming]
    if len(whole) > MAX_QUESTIONS:
        raise Failed(422, "too_many_questions", _say("too_many_questions", language, n=len(whole), most=MAX_QUESTIONS))
    setup["questions"] = whole
    try:
        activity.read_setup(setup, plan.languages[0])
    except ValidationError as error:
        raise Failed(422, "bad_setup", _say("bad_setup", language, why=_first(error))) from error
    answer = await live.ask_as_server("set_setup", {"stage": stage_id, "setup": setup})
    if isinstance(answer, Refused):
        refusal = answer.refusal
        status = 503 if refusal.again else 404 if refusal.code == "unknown_stage" else 409
        text = _say(refusal.code, language) if refusal.code in _WORDS else ""
        raise Failed(status, refusal.code, text or live.screens.refusal_text(refusal, None, language))


def takes(live: LiveRoom, stage_id: str) -> bool:
    """Whether a stage's activity has questions, opened or not."""
    plan = live.room.folded.session.plan
    planned = plan.stage(stage_id) if plan else None
    return planned is not None and "questions" in live.room.activities[planned.activity].setup.model_fields


def _stage(live: LiveRoom, stage_id: str, language: str | None) -> tuple[Plan, Stage, Activity]:
    """The stage that shall take questions. Raises Failed."""
    state = live.room.folded.session
    plan = state.plan
    said = language or (plan.languages[0] if plan else "it")
    planned = plan.stage(stage_id) if plan else None
    if plan is None or planned is None:
        raise Failed(404, "unknown_stage", _say("unknown_stage", said))
    activity = live.room.activities[planned.activity]
    if "questions" not in activity.setup.model_fields:
        raise Failed(409, "no_questions", _say("no_questions", said))
    if state.state == "ended":
        raise Failed(409, "session_over", _say("session_over", said))
    if stage_id in state.spent:
        raise Failed(409, "already_opened", _say("already_opened", said))
    return plan, planned, activity


def _language(plan: Plan, language: str | None) -> str:
    if language is None or language == "":
        return plan.languages[0]
    if language not in plan.languages:
        raise Failed(422, "unknown_language", _say("unknown_language", language, languages=", ".join(plan.languages)))
    return language


def _timed(setup: Mapping[str, Any]) -> bool:
    return setup.get("scoring") == "kahoot"


async def _understood(
    live: LiveRoom, stage_id: str, plan: Plan, activity: Activity, source: Any, language: str
) -> dict[str, Any]:
    try:
        result = await asyncio.to_thread(formats.understand, source, language=language, languages=list(plan.languages))
    except formats.NothingRead as nothing:
        details = {"warnings": nothing.warnings, "skipped": nothing.skipped}
        raise Failed(422, nothing.code, nothing.text, details) from nothing
    result = await asyncio.to_thread(_fitted, result, activity, plan.languages[0], language)
    result["with_times"] = _timed(live.room.folded.session.setup(stage_id))
    return result


def _fitted(result: dict[str, Any], activity: Activity, first: str, language: str) -> dict[str, Any]:
    """The result with only those questions that the activity's own setup takes; the others are named as skipped."""
    questions, dropped = [], False
    skipped = list(result["skipped"])
    for n, question in enumerate(result["questions"], start=1):
        made = question
        if activity.name != "quiz":
            made, had = _without_right(question)
            dropped = dropped or had
        try:
            activity.read_setup({"questions": [made]}, first)
        except ValidationError as error:
            unknown = any(one["type"].startswith("union_tag") for one in error.errors())
            values = {"n": n, "text": _short(question.get("text"), language)}
            code = "kind_not_here" if unknown else "does_not_fit"
            more = {"kind": question["kind"]} if unknown else {"why": _first(error)}
            skipped.append({"row": None, "code": code, "text": _say(code, language, **values, **more)})
            continue
        questions.append(made)
    warnings = list(result["warnings"])
    if dropped:
        warnings.append({"row": None, "column": None, "code": "right_dropped", "text": _say("right_dropped", language)})
    if not questions:
        details = {"warnings": warnings, "skipped": skipped}
        raise Failed(422, "nothing_read", _say("nothing_read", language), details)
    return {**result, "questions": questions, "warnings": warnings, "skipped": skipped}


def _without_right(question: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The question without anything about right and wrong, and whether it had any."""
    had = "right" in question
    made = {name: value for name, value in question.items() if name not in ("right", "points", "exact", "tolerance")}
    if isinstance(question.get("options"), list):
        had = had or any("right" in option for option in question["options"])
        made["options"] = [
            {name: value for name, value in option.items() if name != "right"} for option in question["options"]
        ]
    return made, had


def _short(text: Any, language: str) -> str:
    words = text.get(language) or next(iter(text.values()), "") if isinstance(text, dict) else str(text or "")
    return words if len(words) <= 60 else words[:59] + "…"


def _first(error: ValidationError) -> str:
    one = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in one["loc"])
    return f"{place}: {one['msg']}" if place else str(one["msg"])


def _free(wanted: str, taken: set[str]) -> str:
    """The id itself, or the next one of its kind that nobody has: q1, q2, ..."""
    if wanted not in taken:
        return wanted
    stem = wanted.rstrip("0123456789") or "q"
    number = 1
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"
