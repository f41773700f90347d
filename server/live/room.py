"""A session's room takes asks in order, decides, has them kept, reads on, answers (stations 3, 4, 5, 7).

One batch at a time: all asks that wait are decided one after the other on a working copy, handed to the journal
together, and the next batch is taken when this one is committed. While the disk works the next batch collects by
itself. The working copy is thrown away: state changes only by reading the journal, here as in every other process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from pydantic import ValidationError

from ..activities import Activity
from ..activities.contract import AFact, AnAsk, Happening, Me, Moment, Refusal, asks_of, facts_of
from ..moment import Clock, fresh
from ..sessions import messages as session_messages
from ..sessions import rules as session_rules
from ..storage.journal import (
    Behind,
    Busy,
    Committed,
    Entry,
    Journal,
    KeptFact,
    LineRow,
    NewFact,
    Outcome,
    Poison,
    Trouble,
)
from .bus import Bus
from .envelope import Asking, Receipt, Refused

log = structlog.get_logger("room")

#: Asks that may wait in one room; beyond it they are refused `busy` and come again.
INBOX = 5_000
#: Asks in one batch: what one decides and keeps still lies near the processor, and no receipt waits long for others.
BATCH = 256
#: Facts kept in memory for whoever reads on; older ones come from the journal.
RING = 2_048
#: How long an ask waits for a storage in trouble before its phone is told to come again.
PATIENCE_MS = 2_000
PROBE_SECONDS = 0.25
RACES = 5
#: Stands for the number of an ask whose twin is in the same batch.
TWIN = -1

SESSION_ASKS = asks_of(session_messages.Ask)
SESSION_FACTS = facts_of(session_messages.Fact)

Runs = dict[str, Any]


@dataclass(slots=True)
class Folded:
    """The state of a session at a number: its own, and that of each stage's activity."""

    session: session_rules.State = field(default_factory=session_rules.start)
    runs: Runs = field(default_factory=dict)
    #: People of a rehearsal that was removed; what they answered is passed over.
    passed_over: frozenset[str] = frozenset()

    def copy(self) -> Folded:
        return Folded(self.session, dict(self.runs), self.passed_over)


class UnknownActivity(ValueError):
    """A plan names an activity that this Officina does not have."""


@dataclass(slots=True)
class _Decided:
    asking: Asking
    entry: Entry | None = None
    refusal: Refusal | None = None
    number: int | None = None


class _Foreseen:
    """What a batch will do to the runs of its stages, once it is committed as it was decided.

    Only the last state of each run is kept: a thousand in between would push each other out of the processor's cache.
    """

    __slots__ = ("_before", "_said", "_whole", "_working", "number")

    def __init__(self, working: Folded, number: int) -> None:
        self.number = number
        self._working = working
        self._before: dict[str, Any] = {}
        self._said: list[Any] = []
        self._whole = True

    def note(self, new: NewFact) -> None:
        """Called before the working copy evolves by this fact."""
        self._said.append(new.said)
        if new.stage is None:
            # The session's own facts may begin runs anew, so such a batch is read fact by fact.
            self._whole = False
        elif new.stage not in self._before:
            self._before[new.stage] = self._working.runs.get(new.stage)

    def holds(self, room: Room, facts: list[KeptFact]) -> bool:
        """Whether these are the very facts that were decided, and come upon the very runs they were decided on."""
        return (
            self._whole
            and room.number == self.number == facts[0].number - 1
            and len(facts) == len(self._said)
            and all(fact.said is said for fact, said in zip(facts, self._said, strict=True))
            and all(room.folded.runs.get(stage) is before for stage, before in self._before.items())
        )

    def after(self) -> Runs:
        return {stage: self._working.runs[stage] for stage in self._before if stage in self._working.runs}


class Room:
    """The live side of one line.

    `changed(happenings, touched)` is called after each read-on: the kept facts, and the people whose own part of a
    screen they touch (None: everybody's).
    """

    def __init__(
        self, row: LineRow, journal: Journal, bus: Bus, clock: Clock, activities: Mapping[str, Activity]
    ) -> None:
        self.line = row.id
        self.code = row.code
        self.journal = journal
        self.bus = bus
        self.clock = clock
        self.activities = activities
        self.number = 0
        self.last_at = 0
        self.folded = Folded()
        self.names: dict[str, str] = {}
        self.badges: dict[str, str] = {}
        self.receipts: dict[tuple[str, str], int] = {}
        self.ring: deque[KeptFact] = deque(maxlen=RING)
        self.trouble: str | None = None
        self.on_change: list[Callable[[list[KeptFact], set[str] | None], None]] = []
        self._inbox: deque[Asking] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._committed: list[KeptFact] = []
        self._sized: tuple[Any, dict[str, int]] | None = None
        #: What the batch on its way does to the runs of its stages, found while deciding.
        self._foreseen: _Foreseen | None = None
        self._next = 0
        self._idle = asyncio.Event()
        self._idle.set()

    # -- reading on (station 7) ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Folds the line from its first fact and starts taking asks."""
        await self.fold()
        self.bus.listen(self.line, self._rung)
        self._task = asyncio.create_task(self._run(), name=f"room {self.line}")
        self._set_timer()

    async def fold(self) -> None:
        """The state from the journal alone: a restart, a restore and a removed rehearsal all come this way."""
        facts = await self.journal.after(self.line, 0)
        receipts = await self.journal.receipts(self.line)
        people = await self.journal.people(self.line)
        # All at once from here: a phone that says hello meanwhile must never meet a half-folded room.
        self.folded = Folded(passed_over=rehearsal_removed(facts))
        self.number = 0
        for fact in facts:
            self.read(fact)
        self.receipts = receipts
        self.names = {person.person: person.name or "" for person in people}
        self.badges = {person.badge: person.person for person in people if person.badge}

    def read(self, fact: KeptFact) -> None:
        """Changes state by the next fact. Raises ValueError on a gap, which would be a bug of the journal."""
        if fact.number != self.number + 1:
            raise ValueError(f"line {self.line}: fact {fact.number} after {self.number}")
        self.folded = self.evolve(self.folded, fact)
        self.number = fact.number
        self.last_at = max(self.last_at, fact.at)
        self.ring.append(fact)

    def evolve(self, folded: Folded, fact: KeptFact | NewFact, number: int = 0) -> Folded:
        """One fact further; changes the runs of `folded` in place, so hand it a copy where that matters.

        number: the one that a new fact will have.
        """
        said = fact.said or self.parse_fact(fact)
        number = fact.number if isinstance(fact, KeptFact) else number
        happening = Happening(said, fact.at, fact.person, fact.group, number)
        if fact.stage is not None:
            run = folded.runs.get(fact.stage)
            if run is not None and fact.person not in folded.passed_over:
                activity = self.activity_of(folded, fact.stage)
                folded.runs[fact.stage] = activity.rules.evolve(run, happening)
            return folded
        folded.session = session_rules.evolve(folded.session, happening)
        if isinstance(said, session_messages.SessionMade):
            for stage in said.plan.stages:
                folded.runs[stage.id] = self.start(folded, stage.id)
        elif isinstance(said, session_messages.SetupSet):
            folded.runs[said.stage] = self.start(folded, said.stage)
        return folded

    def start(self, folded: Folded, stage: str) -> Any:
        plan = folded.session.plan
        assert plan is not None
        planned = plan.stage(stage)
        assert planned is not None
        activity = self.activity_of(folded, stage)
        return activity.rules.start(activity.read_setup(folded.session.setup(stage), plan.languages[0]), planned.level)

    def activity_of(self, folded: Folded, stage: str) -> Activity:
        plan = folded.session.plan
        planned = plan.stage(stage) if plan else None
        if planned is None or planned.activity not in self.activities:
            raise UnknownActivity(f"there is no activity called {planned.activity if planned else stage!r}")
        return self.activities[planned.activity]

    def parse_fact(self, fact: KeptFact | NewFact) -> AFact:
        kinds = SESSION_FACTS if fact.stage is None else self.activity_of(self.folded, fact.stage).facts
        return kinds[fact.kind].model_validate_json(fact.body)

    def _rung(self, number: int) -> None:
        if number <= self.number:
            return
        facts, self._committed = self._committed, []
        foreseen, self._foreseen = self._foreseen, None
        if foreseen is not None and facts and foreseen.holds(self, facts):
            # `evolve` is pure: the same facts upon the same runs give what they gave when the batch was decided.
            self.folded.runs.update(foreseen.after())
            self.number = facts[-1].number
            self.last_at = max(self.last_at, *(fact.at for fact in facts), 0)
            self.ring.extend(facts)
            return
        for fact in facts:
            self.read(fact)

    # -- taking asks (station 3) --------------------------------------------------------------------------------

    def put(self, asking: Asking) -> None:
        """Takes an ask; its answer comes later, by `asking.answer`. Never waits."""
        if len(self._inbox) >= INBOX:
            asking.answer(Refused(asking.id, Refusal("busy", again=True)))
            return
        self._inbox.append(asking)
        self._wake.set()

    async def ask(self, asking: Asking) -> Receipt | Refused:
        """Takes an ask and waits for its answer; the ask goes on even when the waiting ends."""
        future: asyncio.Future[Receipt | Refused] = asyncio.get_running_loop().create_future()
        asking.answer = lambda answer: None if future.done() else future.set_result(answer)
        self.put(asking)
        return await asyncio.shield(future)

    def ask_as_clock(self, stage: str | None, ask: AnAsk) -> None:
        """The room's own ask, at a deadline."""
        having = ask.model_dump(mode="json")
        self.put(Asking("clock", None, fresh(), stage, ask.do, having, self.now(), lambda answer: None))

    def now(self) -> int:
        """Never before the last fact, even after a restart with a clock set back."""
        return max(self.clock.now(), self.last_at)

    @property
    def busy(self) -> bool:
        """Whether asks wait or are being kept."""
        return bool(self._inbox) or not self._idle.is_set()

    async def _run(self) -> None:
        while True:
            self._idle.set()
            await self._wake.wait()
            self._idle.clear()
            self._wake.clear()
            while self._inbox:
                batch = [self._inbox.popleft() for _ in range(min(BATCH, len(self._inbox)))]
                try:
                    await self._settle(batch)
                except Exception:
                    # A room must outlive any bug of one ask: its asks are refused, the next batch is taken.
                    log.exception("a batch failed", line=self.line)
                    for asking in batch:
                        asking.answer(Refused(asking.id, Refusal("failed")))

    async def _settle(self, batch: list[Asking], one_by_one: bool = False) -> None:
        # Counted from when they came: whoever waited behind others has waited already.
        given_up_at = min(asking.at for asking in batch) + PATIENCE_MS
        races = 0
        while True:
            decided, entries = self._decide_all(batch)
            if not entries:
                self._answer(decided)
                return
            outcome = await self._commit(entries)
            if isinstance(outcome, Committed):
                self._keep(decided, outcome)
                if any(fact.kind == "people_removed" for fact in outcome.facts):
                    await self._pass_over()
                return
            if isinstance(outcome, Poison):
                if len(batch) == 1:
                    log.error("an ask that cannot be kept", line=self.line, do=batch[0].do, why=outcome.why)
                    batch[0].answer(Refused(batch[0].id, Refusal("failed")))
                    return
                for asking in batch:
                    await self._settle([asking])
                return
            if isinstance(outcome, Behind):
                races += 1
                if races > RACES:
                    raise RuntimeError("the journal and this room do not agree")
                self.receipts.update(outcome.repeats)
                for fact in await self.journal.after(self.line, self.number):
                    self.read(fact)
                continue
            self.trouble = outcome.why
            if self.clock.now() >= given_up_at:
                for asking in batch:
                    asking.answer(Refused(asking.id, Refusal("storage", again=True)))
                self._tell([], None)
                return
            await asyncio.sleep(PROBE_SECONDS)

    def _decide_all(self, batch: list[Asking]) -> tuple[list[_Decided], list[Entry]]:
        working = self.folded.copy()
        self._foreseen = _Foreseen(working, self.number)
        self._next = self.number
        decided: list[_Decided] = []
        entries: list[Entry] = []
        asked: set[tuple[str, str]] = set()
        for asking in batch:
            one = self._decide(working, asking, asked)
            decided.append(one)
            if one.entry is not None:
                entries.append(one.entry)
        return decided, entries

    def _decide(self, working: Folded, asking: Asking, asked: set[tuple[str, str]]) -> _Decided:
        one = _Decided(asking)
        session = working.session
        stage = asking.stage
        actor: str = asking.person or ("host" if asking.role == "desk" else asking.role)
        voter: str | None = asking.person
        # Before anything else: what was kept once gets its receipt, also when the stage has long been closed.
        if self._is_known(one, actor, asked):
            return one
        ask, activity = self._parse(working, asking)
        if isinstance(ask, Refusal):
            one.refusal = ask
            return one
        person = session.people.get(asking.person) if asking.person else None
        group = person.group if person else None
        table = person.table if person else None
        level = "pseudonym"
        at = max(asking.at, self.last_at)
        if stage is not None and activity is not None:
            planned = session.plan.stage(stage) if session.plan else None
            level = planned.level if planned else level
            scope = activity.rules.scope(working.runs[stage], ask) if asking.role == "phone" else None
            if scope is not None and asking.token is not None:
                level = "anonymous"
                at = at // 60_000 * 60_000
                table = None
                if person is None or not person.rehearsal:
                    actor = voter = asking.token(stage, scope)
                    if self._is_known(one, actor, asked):
                        return one
            closed = self._closed(session, ask, stage)
            if closed is not None:
                one.refusal = closed
                return one
        key = (actor, asking.id)
        anonymous = level == "anonymous"
        moment = Moment(
            now=max(asking.at, self.last_at),
            actor=asking.role,
            person=None if anonymous else asking.person,
            voter=voter,
            group=group,
            table=table,
            sizes=self._sizes(session),
            fresh=fresh(),
            rtt_ms=0 if anonymous else asking.rtt_ms,
            language=person.language if person else "it",
        )
        if activity is None or stage is None:
            facts = session_rules.decide(session, ask, moment)
        else:
            facts = activity.rules.decide(working.runs[stage], ask, moment)
        if isinstance(facts, Refusal):
            one.refusal = facts
            return one
        asked.add(key)
        kept: list[NewFact] = []
        for fact in facts:
            # Beside an anonymous fact stands no group but the one that the fact itself may tell.
            told = getattr(fact, "group", None) if anonymous else group
            self._add(working, kept, fact, stage, voter if asking.role != "desk" else None, told, level, at)
        one.entry = Entry(actor, asking.id, kept, asking.people)
        return one

    def _add(
        self,
        working: Folded,
        kept: list[NewFact],
        fact: AFact,
        stage: str | None,
        voter: str | None,
        group: str | None,
        level: str,
        at: int,
    ) -> None:
        """Adds a fact and evolves the working copy; a pause, a stage that closes or opens, moves deadlines."""
        new = NewFact(at, stage, fact.kind, voter, group, level, fact.model_dump_json(), fact)
        if stage is not None:
            kept.append(new)
            self._foresee(working, new)
            return
        if isinstance(fact, session_messages.PersonJoined):
            new = new._replace(group=fact.group)
        before = working.session
        if isinstance(fact, session_messages.Paused | session_messages.StageClosed):
            self._own_ask(working, kept, before.current, "hold", at)
        kept.append(new)
        self._foresee(working, new)
        if isinstance(fact, session_messages.Resumed | session_messages.StageOpened):
            after = working.session
            if after.stage_open and after.state == "open":
                self._own_ask(working, kept, after.current, "go_on", at)

    def _own_ask(self, working: Folded, kept: list[NewFact], stage: str | None, do: str, at: int) -> None:
        if stage is None:
            return
        activity = self.activity_of(working, stage)
        if do not in activity.asks:
            return
        moment = Moment(now=at, actor="clock", fresh=fresh())
        facts = activity.rules.decide(working.runs[stage], activity.asks[do](), moment)
        if isinstance(facts, Refusal):
            return
        for fact in facts:
            new = NewFact(at, stage, fact.kind, None, None, "pseudonym", fact.model_dump_json(), fact)
            kept.append(new)
            self._foresee(working, new)

    def _foresee(self, working: Folded, new: NewFact) -> None:
        """Evolves the working copy by a fact that will have the next number, and notes which run it changed."""
        self._next += 1
        if self._foreseen is not None:
            self._foreseen.note(new)
        self.evolve(working, new, self._next)

    def _is_known(self, one: _Decided, actor: str, asked: set[tuple[str, str]]) -> bool:
        key = (actor, one.asking.id)
        one.number = self.receipts.get(key)
        if one.number is None and key in asked:
            # The same ask twice in one batch: its receipt is known when the first one is kept.
            one.number = TWIN
        return one.number is not None

    def _sizes(self, session: session_rules.State) -> dict[str, int]:
        """People per group; counted anew only when somebody came, went or moved."""
        if self._sized is None or self._sized[0] is not session.people:
            self._sized = (session.people, session.sizes())
        return self._sized[1]

    @staticmethod
    def _closed(session: session_rules.State, ask: AnAsk, stage: str) -> Refusal | None:
        if session.state == "ended":
            return Refusal("session_over")
        if ask.when == "open" and not (session.stage_open and session.current == stage):
            return Refusal("stage_closed")
        return None

    def _parse(self, working: Folded, asking: Asking) -> tuple[AnAsk | Refusal, Activity | None]:
        """The ask as its own model, after the checks that are the same for all: person, name, role, form."""
        session = working.session
        activity: Activity | None = None
        if asking.role == "phone" and (asking.person is None or asking.person not in session.people):
            return Refusal("removed"), None
        if asking.stage is None:
            kind = SESSION_ASKS.get(asking.do)
        else:
            if session.plan is None or asking.stage not in working.runs:
                return Refusal("unknown_stage"), None
            activity = self.activity_of(working, asking.stage)
            kind = activity.asks.get(asking.do)
        if kind is None:
            return Refusal("unknown_ask"), activity
        if asking.role not in kind.by:
            return Refusal("not_for_you"), activity
        try:
            return kind.model_validate(asking.having), activity
        except ValidationError as error:
            where = [".".join(str(part) for part in one["loc"]) for one in error.errors(include_url=False)[:5]]
            return Refusal("malformed", details={"fields": where}), activity

    # -- keeping and answering (stations 5, 9) ------------------------------------------------------------------

    async def _commit(self, entries: list[Entry]) -> Outcome:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        try:
            self.journal.append(self.line, self.number, entries, future.set_result)
        except Busy:
            return Trouble("too much waits for the disk")
        return await future

    def _keep(self, decided: list[_Decided], outcome: Committed) -> None:
        if self.trouble is not None:
            self.trouble = None
        self._committed = list(outcome.facts)
        touched: set[str] | None = set()
        numbers = iter(outcome.numbers)
        for one in decided:
            if one.entry is None:
                continue
            one.number = next(numbers)
            self.receipts[one.entry.actor, one.entry.ask] = one.number
            for row in one.asking.people:
                if row.name is not None:
                    self.names[row.person] = row.name
                if row.badge:
                    self._swap_badge(row.person, row.badge)
            for fact in one.entry.facts:
                touches = fact.said.touches
                if touches == "all":
                    touched = None
                elif touches == "one" and touched is not None and one.asking.person:
                    touched.add(one.asking.person)
        if outcome.facts:
            self.bus.ring(self.line, outcome.facts[-1].number)
        self._answer(decided)
        self._tell(list(outcome.facts), touched)
        self._set_timer()

    async def _pass_over(self) -> None:
        """Folds again when people of a rehearsal were removed, so that nothing they answered is left in a tally."""
        facts = await self.journal.after(self.line, 0)
        if rehearsal_removed(facts) != self.folded.passed_over:
            await self.fold()
            self._tell([], None)

    def _swap_badge(self, person: str, badge: str) -> None:
        for old in [hash for hash, whose in self.badges.items() if whose == person]:
            del self.badges[old]
        self.badges[badge] = person

    def _answer(self, decided: list[_Decided]) -> None:
        for one in decided:
            try:
                self._answer_one(one)
            except Exception:
                # What is kept is kept: a screen that cannot be told must not make others hear that it failed.
                log.exception("an answer could not be given", line=self.line, do=one.asking.do)

    def _answer_one(self, one: _Decided) -> None:
        id = one.asking.id
        if one.refusal is not None:
            one.asking.answer(Refused(id, one.refusal))
        elif one.number == TWIN:
            # Its receipt is known by now; an anonymous one finds it by its token when it is taken again.
            self.put(one.asking)
        else:
            one.asking.answer(Receipt(id, one.number if one.number is not None else self.number))

    def _tell(self, facts: list[KeptFact], touched: set[str] | None) -> None:
        for tell in self.on_change:
            try:
                tell(facts, touched)
            except Exception:
                log.exception("the screens could not be told", line=self.line)

    # -- deadlines ----------------------------------------------------------------------------------------------

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._due()
        if due is not None:
            at, _ = due
            wait = max(0, at - self.now()) / 1000
            self._timer = asyncio.get_running_loop().call_later(wait, self._time_is_up)

    def _due(self) -> tuple[int, AnAsk] | None:
        session = self.folded.session
        if session.state != "open" or not session.stage_open or session.current is None:
            return None
        deadline = getattr(self.activity_of(self.folded, session.current).rules, "deadline", None)
        due: tuple[int, AnAsk] | None = deadline(self.folded.runs[session.current]) if deadline else None
        return due

    def _time_is_up(self) -> None:
        self._timer = None
        due = self._due()
        if due is None:
            return
        at, ask = due
        if at > self.now():
            self._set_timer()
        else:
            self.ask_as_clock(self.folded.session.current, ask)

    # -- what others ask of a room ------------------------------------------------------------------------------

    def person_of(self, badge_hash: str) -> str | None:
        """The person a badge belongs to, also when that person was removed."""
        return self.badges.get(badge_hash)

    def me(self, person: str, token: Callable[[str, str], str] | None = None) -> Me | None:
        """This person as the open stage's `mine` sees them; None when they are not in the room."""
        known = self.folded.session.people.get(person)
        if known is None:
            return None
        stage = self.folded.session.current or ""
        tokens = None if token is None or known.rehearsal else lambda scope: token(stage, scope)
        return Me(person, known.group, known.table, known.language, tokens)

    async def rest(self) -> None:
        """Waits until everything asked so far is answered."""
        while self._inbox or not self._idle.is_set():
            await self._idle.wait()
            await asyncio.sleep(0)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.bus.forget(self.line, self._rung)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def rehearsal_removed(facts: Iterable[KeptFact]) -> frozenset[str]:
    """People of a rehearsal who were removed: what they answered is passed over, wherever it stands in the journal."""
    rehearsal: set[str] = set()
    removed: set[str] = set()
    for fact in facts:
        if fact.stage is not None:
            continue
        if fact.kind == "person_joined" and fact.person and '"rehearsal":true' in fact.body:
            rehearsal.add(fact.person)
        elif fact.kind == "people_removed":
            said = fact.said or session_messages.PeopleRemoved.model_validate_json(fact.body)
            removed.update(said.people)
    return frozenset(rehearsal & removed)
