"""The life of one question after another, shared by poll and quiz: what may be asked when, who answered what, and time.

waiting -> reading -> open -> locked -> revealed -> explained, and cancelled from any of them (LIVE 3). An activity
holds a `Flow` in its state, gives it the asks named here, and adds what is its own (a quiz: keys, points, boards).

Three things that are easy to get wrong:
  time      The server's clock at the door judges. An answer is in time until the person's own deadline plus `GRACE`;
            the clock's `time_up` only moves the screens. A pause moves `started_at` and `ends_at` alike, so that the
            time that somebody took never holds the pause.
  own time  At level anonymous nothing may link an answer to the person who set a longer time. There everybody has the
            longest time that anybody in the room has set.
  answers   are kept by (question, round, voter) and everything else is counted from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from . import tally
from .changed import changed
from .layered import Layered
from .messages import (
    BY_CLOCK,
    BY_DESK,
    BY_DESK_OR_CLOCK,
    STRICTNESS,
    AFact,
    AnAsk,
    FreeText,
    Happening,
    Level,
    Marked,
    Moment,
    Refusal,
    clean,
)
from .questions import Question, Typed
from .small_cells import kept_groups

#: Milliseconds after the deadline in which an answer still counts: the way through a crowded Wi-Fi (LIVE 3.1).
GRACE = 500

#: The most that half a round trip may take off the time somebody took, in milliseconds.
LONGEST_WAY = 300

Factor = Literal[1, 2, "open"]
Phase = Literal["reading", "open", "locked", "revealed", "explained", "cancelled"]


class Answer(AnAsk):
    question: str
    round: int
    value: Any


class TakeBack(AnAsk):
    question: str
    round: int


class MyTime(AnAsk):
    """Twice the time, or no limit until the desk locks, for the person who asks."""

    factor: Factor


class SetLevel(AnAsk):
    """Without a question: for all questions that were not opened yet."""

    by = BY_DESK
    when = "any"

    question: str | None = None
    level: Level


class OpenQuestion(AnAsk):
    by = BY_DESK

    question: str


class NextQuestion(AnAsk):
    """Opens the question after `question`; a second press finds another one current and changes nothing."""

    by = BY_DESK

    question: str


class ShowOptions(AnAsk):
    by = BY_DESK_OR_CLOCK

    question: str


class LockQuestion(AnAsk):
    by = BY_DESK

    question: str


class TimeUp(AnAsk):
    by = BY_CLOCK

    question: str
    round: int


class Reveal(AnAsk):
    by = BY_DESK

    question: str


class Hide(AnAsk):
    by = BY_DESK

    question: str


class NewRound(AnAsk):
    by = BY_DESK

    question: str


class ReopenQuestion(AnAsk):
    by = BY_DESK

    question: str


class CancelQuestion(AnAsk):
    by = BY_DESK

    question: str
    reason: str | None = Field(default=None, max_length=300)


class MoreTime(AnAsk):
    by = BY_DESK

    seconds: int = Field(ge=1, le=3600)


class Hold(AnAsk):
    """The session pauses."""

    by = BY_CLOCK


class GoOn(AnAsk):
    """The session goes on after a pause."""

    by = BY_CLOCK


class Answered(AFact):
    """value: as the kind keeps it, None = skipped. text: instead of value where people type.

    group is told here only at level anonymous, and only for groups that were big enough at opening; at the other levels
    it stands beside the fact. took_ms, table and language are absent at level anonymous.
    """

    question: str
    round: int
    value: Any = None
    text: FreeText | None = None
    took_ms: int | None = None
    group: str | None = None
    table: str | None = None
    language: str | None = None


class TakenBack(AFact):
    question: str
    round: int


class OwnTimeSet(AFact):
    factor: Annotated[Factor, Marked("personal")]


class LevelSet(AFact):
    touches = "all"

    question: str | None = None
    level: Level


class QuestionOpened(AFact):
    """order, targets: ids as everybody sees them. Times in ms UTC; while reading only `reading_until` is known.

    people: how many were in the session; groups: its groups in their order; groups_kept: those that an anonymous answer
    may name.
    """

    touches = "all"

    question: str
    round: int
    order: list[str]
    targets: list[str]
    reading_until: int | None = None
    started_at: int | None = None
    ends_at: int | None = None
    level: Level
    groups: list[str]
    groups_kept: list[str]
    people: int


class OptionsShown(AFact):
    touches = "all"

    question: str
    started_at: int
    ends_at: int | None = None


class QuestionLocked(AFact):
    touches = "all"

    question: str
    round: int
    why: Literal["desk", "time"]


class Revealed(AFact):
    touches = "all"

    question: str


class Hidden(AFact):
    touches = "all"

    question: str


class NewRoundOpened(AFact):
    touches = "all"

    question: str
    round: int
    started_at: int
    ends_at: int | None = None


class QuestionReopened(AFact):
    touches = "all"

    question: str
    round: int


class QuestionCancelled(AFact):
    touches = "all"

    question: str
    reason: FreeText | None = None


class TimeAdded(AFact):
    touches = "all"

    question: str
    seconds: int
    ends_at: int


class Held(AFact):
    touches = "all"

    at: int


class WentOn(AFact):
    """by_ms: how far the running deadlines move."""

    touches = "all"

    by_ms: int


FlowAsk = (
    Answer
    | TakeBack
    | MyTime
    | SetLevel
    | OpenQuestion
    | NextQuestion
    | ShowOptions
    | LockQuestion
    | TimeUp
    | Reveal
    | Hide
    | NewRound
    | ReopenQuestion
    | CancelQuestion
    | MoreTime
    | Hold
    | GoOn
)
FlowFact = (
    Answered
    | TakenBack
    | OwnTimeSet
    | LevelSet
    | QuestionOpened
    | OptionsShown
    | QuestionLocked
    | Revealed
    | Hidden
    | NewRoundOpened
    | QuestionReopened
    | QuestionCancelled
    | TimeAdded
    | Held
    | WentOn
)

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Kept(NamedTuple):
    """One kept answer. value: None = skipped. at: ms UTC of the last change."""

    value: Any
    at: int
    group: str | None = None
    table: str | None = None
    language: str | None = None
    took_ms: int | None = None


_NOBODY: Layered[str, Kept] = Layered()


@dataclass(frozen=True)
class Run:
    """What became of one question since it was opened. answers: by round, then by voter."""

    phase: Phase
    level: Level
    round: int = 1
    order: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    groups_kept: tuple[str, ...] = ()
    people: int = 0
    reading_until: int | None = None
    started_at: int | None = None
    ends_at: int | None = None
    answers: Mapping[int, Layered[str, Kept]] = field(default_factory=dict)
    was_opened: bool = True
    key_shown: bool = False
    reason: str | None = None
    opened_at: int | None = None
    locked_at: int | None = None
    revealed_at: int | None = None
    first_number: int = 0
    last_number: int = 0

    @property
    def now_answers(self) -> Mapping[str, Kept]:
        """The answers of the running round."""
        return self.answers.get(self.round, _EMPTY)

    def best_answers(self) -> dict[str, tuple[int, Kept]]:
        """{voter: (round, answer)}: a later round replaces an earlier one, who left it out keeps the earlier answer."""
        best: dict[str, tuple[int, Kept]] = {}
        for number, answers in self.answers.items():
            for voter, kept in answers.items():
                best[voter] = (number, kept)
        return best


@dataclass(frozen=True)
class Flow:
    """All questions of a stage and where they are.

    skips: whether an empty answer (None) is an answer of every question; else only where the question has `unsure`.
    time, reading: seconds for questions that do not say, None and 0 = without. asked: ids in the order of opening.
    """

    questions: Mapping[str, Question]
    level: Level
    skips: bool
    time: int | None = None
    reading: int = 0
    levels: Mapping[str, Level] = field(default_factory=dict)
    current: str | None = None
    runs: Mapping[str, Run] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    own_time: Mapping[str, Factor] = field(default_factory=dict)
    held_at: int | None = None


def stricter(one: Level, other: Level) -> Level:
    return one if STRICTNESS[one] >= STRICTNESS[other] else other


def level_of(flow: Flow, question: str) -> Level:
    """The level at which a question is, or will be, answered."""
    if question in flow.runs and flow.runs[question].was_opened:
        return flow.runs[question].level
    own = flow.levels.get(question) or flow.questions[question].level
    return stricter(flow.level, own) if own else flow.level


def scope_of(flow: Flow, question: str) -> str | None:
    """What the one-way token of an answer to this question is made from; None where the person may be known."""
    if question not in flow.questions or level_of(flow, question) != "anonymous":
        return None
    return f"question:{question}"


def scope(flow: Flow, ask: AnAsk) -> str | None:
    return scope_of(flow, ask.question) if isinstance(ask, (Answer, TakeBack)) else None


def own_deadline(run: Run, factor: Factor) -> int | None:
    """Until when (ms UTC, without the grace) somebody with this factor may answer; None = until the lock."""
    if run.ends_at is None or run.started_at is None or factor == "open":
        return None
    return run.started_at + factor * (run.ends_at - run.started_at)


def _deadline_for(flow: Flow, run: Run, voter: str | None) -> int | None:
    if run.ends_at is None or not flow.own_time:
        return run.ends_at
    if run.level == "anonymous":
        return _longest(run, flow.own_time.values())
    return own_deadline(run, flow.own_time.get(voter or "", 1))


def _longest(run: Run, factors: Iterable[Factor]) -> int | None:
    """The latest of the room's deadline and the own deadlines; None when somebody has no limit."""
    ends = run.ends_at
    for factor in factors:
        own = own_deadline(run, factor)
        if own is None or ends is None:
            return None
        ends = max(ends, own)
    return ends


def room_deadline(flow: Flow, run: Run) -> int | None:
    """When everybody's time is over (ms UTC, without the grace): own times count until their people have answered."""
    if run.ends_at is None:
        return None
    if run.level == "anonymous":
        return _longest(run, flow.own_time.values())
    answers = run.now_answers
    return _longest(run, (factor for voter, factor in flow.own_time.items() if voter not in answers))


def deadline(flow: Flow) -> tuple[int, AnAsk] | None:
    """What the clock shall ask, and when (ms UTC)."""
    if flow.current is None or flow.held_at is not None:
        return None
    run = flow.runs[flow.current]
    if run.phase == "reading" and run.reading_until is not None:
        return run.reading_until, ShowOptions(question=flow.current)
    if run.phase == "open":
        over = room_deadline(flow, run)
        if over is not None:
            return over + GRACE, TimeUp(question=flow.current, round=run.round)
    return None


# Deciding

Decision = list[AFact] | Refusal


def _answerable(flow: Flow, question: str, number: int, moment: Moment) -> Run | Refusal:
    """The run of a question that takes this person's answers now, or why it does not."""
    run = flow.runs.get(question)
    if run is None:
        return Refusal("not_open" if question in flow.questions else "unknown_question")
    if run.phase != "open":
        return Refusal("not_open" if run.phase == "reading" else "cancelled" if run.phase == "cancelled" else "locked")
    if number != run.round:
        return Refusal("wrong_round")
    if run.ends_at is not None:
        now = moment.now if flow.held_at is None else min(moment.now, flow.held_at)
        own = _deadline_for(flow, run, moment.voter)
        if own is not None and now > own + GRACE:
            return Refusal("too_late")
    return run


def _answer(flow: Flow, ask: Answer, moment: Moment) -> Decision:
    run = _answerable(flow, ask.question, ask.round, moment)
    if isinstance(run, Refusal):
        return run
    question = flow.questions[ask.question]
    value = ask.value
    if value is None:
        if not flow.skips and not question.unsure:
            return Refusal("empty")
    else:
        code = question.check(value)
        if code is not None:
            return Refusal(code)
        value = question.keep(value)
    fact: dict[str, Any] = {"question": ask.question, "round": run.round}
    if isinstance(question, Typed):
        fact["text"] = value
    else:
        fact["value"] = value
    if run.level == "anonymous":
        fact["group"] = moment.group if moment.group in run.groups_kept else None
    else:
        fact["table"] = moment.table
        fact["language"] = moment.language
        if run.started_at is not None:
            now = moment.now if flow.held_at is None else min(moment.now, flow.held_at)
            fact["took_ms"] = max(0, now - run.started_at - min(LONGEST_WAY, max(0, moment.rtt_ms) // 2))
    return [Answered(**fact)]


def _take_back(flow: Flow, ask: TakeBack, moment: Moment) -> Decision:
    run = _answerable(flow, ask.question, ask.round, moment)
    if isinstance(run, Refusal):
        return run
    if moment.voter not in run.now_answers:
        return []
    return [TakenBack(question=ask.question, round=run.round)]


def _my_time(flow: Flow, ask: MyTime, moment: Moment) -> Decision:
    if flow.own_time.get(moment.voter or "", 1) == ask.factor:
        return []
    return [OwnTimeSet(factor=ask.factor)]


def _set_level(flow: Flow, ask: SetLevel, moment: Moment) -> Decision:
    if ask.question is None:
        if all(_was_opened(flow, id) for id in flow.questions):
            return Refusal("level_fixed")
        before = flow.level
    elif ask.question not in flow.questions:
        return Refusal("unknown_question")
    elif _was_opened(flow, ask.question):
        return Refusal("level_fixed")
    else:
        before = level_of(flow, ask.question)
    if STRICTNESS[ask.level] < STRICTNESS[before]:
        return Refusal("level_fixed")
    return [] if ask.level == before else [LevelSet(question=ask.question, level=ask.level)]


def _was_opened(flow: Flow, question: str) -> bool:
    run = flow.runs.get(question)
    return run is not None and run.was_opened


def _busy(flow: Flow, question: str) -> bool:
    """Whether another question still takes answers."""
    return flow.current not in (None, question) and flow.runs[flow.current or ""].phase in ("reading", "open")


def _open_question(flow: Flow, ask: OpenQuestion, moment: Moment) -> Decision:
    question = flow.questions.get(ask.question)
    if question is None:
        return Refusal("unknown_question")
    run = flow.runs.get(ask.question)
    if run is not None and run.was_opened:
        if ask.question == flow.current and run.phase in ("reading", "open"):
            return []
        return Refusal("cancelled" if run.phase == "cancelled" else "already_opened")
    if _busy(flow, ask.question):
        return Refusal("not_locked")
    return [_opening(flow, question, moment)]


def _opening(flow: Flow, question: Question, moment: Moment) -> QuestionOpened:
    order, targets = question.to_order(), question.to_order_targets()
    if question.shuffle or question.always_shuffled:
        order, targets = tally.drawn_order(order, moment.seed), tally.drawn_order(targets, moment.seed + 1)
    reading = flow.reading if question.reading is None else question.reading
    fact: dict[str, Any] = {"question": question.id, "round": 1, "order": order, "targets": targets}
    if reading:
        fact["reading_until"] = moment.now + reading * 1000
    else:
        fact |= _started(flow, question, moment)
    return QuestionOpened(
        **fact,
        level=level_of(flow, question.id),
        groups=list(moment.sizes),
        groups_kept=kept_groups(moment.sizes),
        people=sum(moment.sizes.values()),
    )


def _started(flow: Flow, question: Question, moment: Moment) -> dict[str, Any]:
    seconds = question.time or flow.time
    return {"started_at": moment.now, "ends_at": moment.now + seconds * 1000 if seconds else None}


def _next_question(flow: Flow, ask: NextQuestion, moment: Moment) -> Decision:
    if ask.question not in flow.questions:
        return Refusal("unknown_question")
    if flow.current is None:
        return Refusal("not_open")
    if ask.question != flow.current:
        return []
    if flow.runs[flow.current].phase in ("reading", "open"):
        return Refusal("not_locked")
    after = following(flow)
    return Refusal("no_more_questions") if after is None else [_opening(flow, flow.questions[after], moment)]


def following(flow: Flow) -> str | None:
    """The first question after the current one that was neither opened nor cancelled; then from the top; or None."""
    ids = list(flow.questions)
    start = ids.index(flow.current) + 1 if flow.current is not None else 0
    return next((id for id in ids[start:] + ids[:start] if id not in flow.runs), None)


def _running(flow: Flow, question: str) -> Run | Refusal:
    """The run of the question that the room sees now."""
    if question not in flow.questions:
        return Refusal("unknown_question")
    run = flow.runs.get(question)
    if run is None or question != flow.current:
        return Refusal("not_open")
    return Refusal("cancelled") if run.phase == "cancelled" else run


def _show_options(flow: Flow, ask: ShowOptions, moment: Moment) -> Decision:
    run = _running(flow, ask.question)
    if isinstance(run, Refusal):
        return run
    if run.phase != "reading":
        return []
    if moment.actor == "clock" and (flow.held_at is not None or moment.now < (run.reading_until or 0)):
        return Refusal("not_yet")
    return [OptionsShown(question=ask.question, **_started(flow, flow.questions[ask.question], moment))]


def _lock_question(flow: Flow, ask: LockQuestion, moment: Moment) -> Decision:
    run = _running(flow, ask.question)
    if isinstance(run, Refusal):
        return run
    if run.phase not in ("reading", "open"):
        return []
    return [QuestionLocked(question=ask.question, round=run.round, why="desk")]


def _time_up(flow: Flow, ask: TimeUp, moment: Moment) -> Decision:
    run = _running(flow, ask.question)
    if isinstance(run, Refusal):
        return run
    if run.phase != "open":
        return Refusal("not_open" if run.phase == "reading" else "locked")
    if ask.round != run.round:
        return Refusal("wrong_round")
    over = room_deadline(flow, run)
    if over is None or flow.held_at is not None or moment.now < over + GRACE:
        return Refusal("not_yet")
    return [QuestionLocked(question=ask.question, round=run.round, why="time")]


def _reveal(flow: Flow, ask: Reveal, moment: Moment) -> Decision:
    run = _running(flow, ask.question)
    if isinstance(run, Refusal):
        return run
    if run.phase in ("reading", "open"):
        return Refusal("not_locked")
    return [Revealed(question=ask.question)] if run.phase == "locked" else []


def _hide(flow: Flow, ask: Hide, moment: Moment) -> Decision:
    run = _running(flow, ask.question)
    if isinstance(run, Refusal):
        return run
    return [Hidden(question=ask.question)] if run.phase in ("revealed", "explained") else []


def _new_round(flow: Flow, ask: NewRound, moment: Moment) -> Decision:
    run = flow.runs.get(ask.question)
    if run is None:
        return Refusal("not_open" if ask.question in flow.questions else "unknown_question")
    if run.phase == "cancelled":
        return Refusal("cancelled")
    if run.phase in ("reading", "open") or _busy(flow, ask.question):
        return Refusal("not_locked")
    if run.key_shown:
        return Refusal("key_locked")
    timed = _started(flow, flow.questions[ask.question], moment)
    return [NewRoundOpened(question=ask.question, round=run.round + 1, **timed)]


def _reopen_question(flow: Flow, ask: ReopenQuestion, moment: Moment) -> Decision:
    run = flow.runs.get(ask.question)
    if run is None:
        return Refusal("not_open" if ask.question in flow.questions else "unknown_question")
    if run.phase in ("reading", "open"):
        return []
    if not run.was_opened:
        return Refusal("cancelled")
    if _busy(flow, ask.question):
        return Refusal("not_locked")
    if run.key_shown:
        return Refusal("key_locked")
    return [QuestionReopened(question=ask.question, round=run.round)]


def _cancel_question(flow: Flow, ask: CancelQuestion, moment: Moment) -> Decision:
    if ask.question not in flow.questions:
        return Refusal("unknown_question")
    run = flow.runs.get(ask.question)
    if run is not None and run.phase == "cancelled":
        return []
    reason = " ".join(clean(ask.reason or "").split()) or None
    return [QuestionCancelled(question=ask.question, reason=reason)]


def _more_time(flow: Flow, ask: MoreTime, moment: Moment) -> Decision:
    run = flow.runs.get(flow.current or "")
    if flow.current is None or run is None or run.phase != "open":
        return Refusal("not_open")
    if run.ends_at is None:
        return []
    now = moment.now if flow.held_at is None else flow.held_at
    ends_at = max(run.ends_at, now) + ask.seconds * 1000
    return [TimeAdded(question=flow.current, seconds=ask.seconds, ends_at=ends_at)]


def _hold(flow: Flow, ask: Hold, moment: Moment) -> Decision:
    return [Held(at=moment.now)] if flow.held_at is None else []


def _go_on(flow: Flow, ask: GoOn, moment: Moment) -> Decision:
    if flow.held_at is None:
        return []
    run = flow.runs.get(flow.current or "")
    # A question opened during the pause has lost only the time since its opening.
    begun = run and (run.opened_at if run.started_at is None else run.started_at)
    since = max(flow.held_at, begun or 0)
    return [WentOn(by_ms=max(0, moment.now - since))]


_DECIDE: Mapping[type[AnAsk], Callable[[Flow, Any, Moment], Decision]] = MappingProxyType(
    {
        Answer: _answer,
        TakeBack: _take_back,
        MyTime: _my_time,
        SetLevel: _set_level,
        OpenQuestion: _open_question,
        NextQuestion: _next_question,
        ShowOptions: _show_options,
        LockQuestion: _lock_question,
        TimeUp: _time_up,
        Reveal: _reveal,
        Hide: _hide,
        NewRound: _new_round,
        ReopenQuestion: _reopen_question,
        CancelQuestion: _cancel_question,
        MoreTime: _more_time,
        Hold: _hold,
        GoOn: _go_on,
    }
)


def decide(flow: Flow, ask: AnAsk, moment: Moment) -> Decision:
    """The facts that an ask of this flow leaves, or why it is refused. Never raises for any ask of `FlowAsk`."""
    return _DECIDE[type(ask)](flow, ask, moment)


# Evolving


def _with_run(flow: Flow, question: str, run: Run, **changes: Any) -> Flow:
    return changed(flow, runs={**flow.runs, question: run}, **changes)


def _with_answers(flow: Flow, fact: Answered | TakenBack, answers: Layered[str, Kept], number: int) -> Flow:
    run = flow.runs[fact.question]
    rounds = dict(run.answers)
    rounds[fact.round] = answers
    return _with_run(flow, fact.question, changed(run, answers=rounds, last_number=number))


def _answered(flow: Flow, fact: Answered, happened: Happening) -> Flow:
    run = flow.runs[fact.question]
    kept = Kept(
        fact.value if fact.text is None else fact.text,
        happened.at,
        fact.group if run.level == "anonymous" else happened.group,
        fact.table,
        fact.language,
        fact.took_ms,
    )
    answers = run.answers.get(fact.round, _NOBODY).having(happened.voter or "", kept)
    return _with_answers(flow, fact, answers, happened.number)


def _taken_back(flow: Flow, fact: TakenBack, happened: Happening) -> Flow:
    answers = flow.runs[fact.question].answers.get(fact.round, _NOBODY).without(happened.voter or "")
    return _with_answers(flow, fact, answers, happened.number)


def _own_time_set(flow: Flow, fact: OwnTimeSet, happened: Happening) -> Flow:
    own = {voter: factor for voter, factor in flow.own_time.items() if voter != happened.voter}
    if fact.factor != 1:
        own[happened.voter or ""] = fact.factor
    return replace(flow, own_time=own)


def _level_set(flow: Flow, fact: LevelSet, happened: Happening) -> Flow:
    if fact.question is None:
        return replace(flow, level=fact.level)
    return replace(flow, levels={**flow.levels, fact.question: fact.level})


def _question_opened(flow: Flow, fact: QuestionOpened, happened: Happening) -> Flow:
    run = Run(
        phase="reading" if fact.started_at is None else "open",
        level=fact.level,
        round=fact.round,
        order=tuple(fact.order),
        targets=tuple(fact.targets),
        groups=tuple(fact.groups),
        groups_kept=tuple(fact.groups_kept),
        people=fact.people,
        reading_until=fact.reading_until,
        started_at=fact.started_at,
        ends_at=fact.ends_at,
        opened_at=happened.at,
        first_number=happened.number,
        last_number=happened.number,
    )
    return _with_run(flow, fact.question, run, current=fact.question, asked=(*flow.asked, fact.question))


def _moved(flow: Flow, question: str, happened: Happening, **changes: Any) -> Flow:
    """The flow with changes to one run; the room looks at that question from now on."""
    run = replace(flow.runs[question], last_number=happened.number, **changes)
    return _with_run(flow, question, run, current=question)


def _options_shown(flow: Flow, fact: OptionsShown, happened: Happening) -> Flow:
    return _moved(flow, fact.question, happened, phase="open", started_at=fact.started_at, ends_at=fact.ends_at)


def _question_locked(flow: Flow, fact: QuestionLocked, happened: Happening) -> Flow:
    return _moved(flow, fact.question, happened, phase="locked", locked_at=happened.at)


def _revealed(flow: Flow, fact: Revealed, happened: Happening) -> Flow:
    return _moved(flow, fact.question, happened, phase="revealed", revealed_at=happened.at)


def _hidden(flow: Flow, fact: Hidden, happened: Happening) -> Flow:
    return _moved(flow, fact.question, happened, phase="locked")


def _new_round_opened(flow: Flow, fact: NewRoundOpened, happened: Happening) -> Flow:
    return _moved(
        flow, fact.question, happened, phase="open", round=fact.round, started_at=fact.started_at, ends_at=fact.ends_at
    )


def _question_reopened(flow: Flow, fact: QuestionReopened, happened: Happening) -> Flow:
    started_at = flow.runs[fact.question].started_at
    return _moved(
        flow,
        fact.question,
        happened,
        phase="open",
        ends_at=None,
        started_at=happened.at if started_at is None else started_at,
        reason=None,
    )


def _question_cancelled(flow: Flow, fact: QuestionCancelled, happened: Happening) -> Flow:
    if fact.question in flow.runs:
        changed = replace(flow.runs[fact.question], phase="cancelled", reason=fact.reason, last_number=happened.number)
        return _with_run(flow, fact.question, changed)
    run = Run(
        phase="cancelled",
        level=level_of(flow, fact.question),
        reason=fact.reason,
        was_opened=False,
        first_number=happened.number,
        last_number=happened.number,
    )
    return _with_run(flow, fact.question, run)


def _time_added(flow: Flow, fact: TimeAdded, happened: Happening) -> Flow:
    return _moved(flow, fact.question, happened, ends_at=fact.ends_at)


def _held(flow: Flow, fact: Held, happened: Happening) -> Flow:
    return replace(flow, held_at=fact.at)


def _went_on(flow: Flow, fact: WentOn, happened: Happening) -> Flow:
    flow = replace(flow, held_at=None)
    run = flow.runs.get(flow.current or "")
    if flow.current is None or run is None or run.phase not in ("reading", "open"):
        return flow

    def later(at: int | None) -> int | None:
        return None if at is None else at + fact.by_ms

    moved = replace(
        run,
        reading_until=later(run.reading_until),
        started_at=later(run.started_at),
        ends_at=later(run.ends_at),
    )
    return _with_run(flow, flow.current, moved)


_EVOLVE: Mapping[type[AFact], Callable[[Flow, Any, Happening], Flow]] = MappingProxyType(
    {
        Answered: _answered,
        TakenBack: _taken_back,
        OwnTimeSet: _own_time_set,
        LevelSet: _level_set,
        QuestionOpened: _question_opened,
        OptionsShown: _options_shown,
        QuestionLocked: _question_locked,
        Revealed: _revealed,
        Hidden: _hidden,
        NewRoundOpened: _new_round_opened,
        QuestionReopened: _question_reopened,
        QuestionCancelled: _question_cancelled,
        TimeAdded: _time_added,
        Held: _held,
        WentOn: _went_on,
    }
)


def evolve(flow: Flow, happened: Happening) -> Flow:
    """The flow after one fact of `FlowFact`."""
    return _EVOLVE[type(happened.fact)](flow, happened.fact, happened)
