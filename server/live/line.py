"""One line's queue: takes asks in order, has them decided and kept, reads on, answers (stations 3, 5, 7).

One batch at a time: all asks that wait are decided one after the other on a working copy, handed to the journal
together, and the next batch is taken when this one is committed. While the disk works the next batch collects by
itself. The working copy is thrown away: state changes only by reading the journal, here as in every other process.
What is decided, and what a fact changes, say the two kinds of line: a session's room and a path's.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from pydantic import ValidationError

from ..activities.contract import AnAsk, Refusal
from ..moment import Clock, fresh
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

log = structlog.get_logger("line")

#: Asks that may wait in one line; beyond it they are refused `busy` and come again.
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

State = TypeVar("State")


@dataclass(slots=True)
class Decided:
    asking: Asking
    entry: Entry | None = None
    refusal: Refusal | None = None
    number: int | None = None


class Line(ABC, Generic[State]):
    """The live side of one line: a session's, or a path's.

    `on_change(facts, touched)` is called after each read-on: the kept facts, and the people whose own part of a screen
    they touch (None: everybody's). `on_step(fact)` is told of every single fact, the state just after it.
    """

    folded: State

    def __init__(self, row: LineRow, journal: Journal, bus: Bus, clock: Clock) -> None:
        self.line = row.id
        self.code = row.code
        self.journal = journal
        self.bus = bus
        self.clock = clock
        self.number = 0
        self.last_at = 0
        self.receipts: dict[tuple[str, str], int] = {}
        self.ring: deque[KeptFact] = deque(maxlen=RING)
        self.trouble: str | None = None
        self.on_change: list[Callable[[list[KeptFact], set[str] | None], None]] = []
        self.on_step: list[Callable[[KeptFact], None]] = []
        self._inbox: deque[Asking] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._committed: list[KeptFact] = []
        self._next = 0
        self._idle = asyncio.Event()
        self._idle.set()

    # -- what the two kinds of line say for themselves ----------------------------------------------------------

    @abstractmethod
    def beginning(self, facts: Sequence[KeptFact]) -> State:
        """The state before the first of these facts."""

    @abstractmethod
    def copied(self, folded: State) -> State:
        """A copy that a batch may be decided on."""

    @abstractmethod
    def evolve(self, folded: State, fact: KeptFact | NewFact, number: int = 0) -> State:
        """One fact further; may change `folded` in place, so hand it a copy where that matters."""

    @abstractmethod
    def decide(self, working: State, asking: Asking, asked: set[tuple[str, str]]) -> Decided:
        """What one ask comes to; evolves the working copy by the facts it leaves."""

    def due(self) -> tuple[int, AnAsk, str | None] | None:
        """When the line itself must ask something, what, and of which stage."""
        return None

    def new_batch(self, working: State) -> None:
        """Told before the first ask of a batch is decided on the working copy."""

    def read_at_once(self, facts: list[KeptFact]) -> bool:
        """Reads a committed batch as a whole; False where it must be read fact by fact."""
        return False

    def kept(self, one: Decided) -> None:
        """Told of each ask that is kept now, before its receipt goes out."""

    async def after(self, outcome: Committed) -> None:
        """Told when a batch was kept, answered and shown."""

    # -- reading on (station 7) ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Folds the line from its first fact and starts taking asks."""
        await self.fold()
        self.bus.listen(self.line, self._rung)
        self._task = asyncio.create_task(self._run(), name=f"line {self.line}")
        self._set_timer()

    async def fold(self) -> None:
        """The state from the journal alone: a restart, a restore and a removed rehearsal all come this way."""
        facts = await self.journal.after(self.line, 0)
        receipts = await self.journal.receipts(self.line)
        await self.before_folding()
        # All at once from here: a phone that says hello meanwhile must never meet a half-folded line.
        self.folded = self.beginning(facts)
        self.number = 0
        for fact in facts:
            self._read(fact)
        self.receipts = receipts

    async def before_folding(self) -> None:
        """What is kept beside the facts is read here."""

    def read(self, fact: KeptFact) -> None:
        """Changes state by the next fact and tells the screens. Raises ValueError on a gap: a bug of the journal."""
        self._read(fact)
        for step in self.on_step:
            step(fact)

    def _read(self, fact: KeptFact) -> None:
        if fact.number != self.number + 1:
            raise ValueError(f"line {self.line}: fact {fact.number} after {self.number}")
        self.folded = self.evolve(self.folded, fact)
        self.number = fact.number
        self.last_at = max(self.last_at, fact.at)
        self.ring.append(fact)

    def _rung(self, number: int) -> None:
        if number <= self.number:
            return
        facts, self._committed = self._committed, []
        if facts and self.read_at_once(facts):
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
                    # A line must outlive any bug of one ask: its asks are refused, the next batch is taken.
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
                await self.after(outcome)
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
                    raise RuntimeError("the journal and this line do not agree")
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

    def _decide_all(self, batch: list[Asking]) -> tuple[list[Decided], list[Entry]]:
        working = self.copied(self.folded)
        self._next = self.number
        self.new_batch(working)
        decided: list[Decided] = []
        entries: list[Entry] = []
        asked: set[tuple[str, str]] = set()
        for asking in batch:
            one = self.decide(working, asking, asked)
            decided.append(one)
            if one.entry is not None:
                entries.append(one.entry)
        return decided, entries

    def is_known(self, one: Decided, actor: str, asked: set[tuple[str, str]]) -> bool:
        """Whether this very ask was kept before, or stands earlier in this batch; then its number is found."""
        key = (actor, one.asking.id)
        one.number = self.receipts.get(key)
        if one.number is None and key in asked:
            # The same ask twice in one batch: its receipt is known when the first one is kept.
            one.number = TWIN
        return one.number is not None

    @staticmethod
    def parsed(kind: type[AnAsk] | None, asking: Asking) -> AnAsk | Refusal:
        """The ask as its own model, after the checks that are the same for all: name, role, form."""
        if kind is None:
            return Refusal("unknown_ask")
        if asking.role not in kind.by:
            return Refusal("not_for_you")
        try:
            return kind.model_validate(asking.having)
        except ValidationError as error:
            where = [".".join(str(part) for part in one["loc"]) for one in error.errors(include_url=False)[:5]]
            return Refusal("malformed", details={"fields": where})

    # -- keeping and answering (stations 5, 9) ------------------------------------------------------------------

    async def _commit(self, entries: list[Entry]) -> Outcome:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        try:
            self.journal.append(self.line, self.number, entries, future.set_result)
        except Busy:
            return Trouble("too much waits for the disk")
        return await future

    def _keep(self, decided: list[Decided], outcome: Committed) -> None:
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
            self.kept(one)
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

    def _answer(self, decided: list[Decided]) -> None:
        for one in decided:
            try:
                self._answer_one(one)
            except Exception:
                # What is kept is kept: a screen that cannot be told must not make others hear that it failed.
                log.exception("an answer could not be given", line=self.line, do=one.asking.do)

    def _answer_one(self, one: Decided) -> None:
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
        due = self.due()
        if due is not None:
            at = due[0]
            wait = max(0, at - self.now()) / 1000
            self._timer = asyncio.get_running_loop().call_later(wait, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        due = self.due()
        if due is None:
            return
        at, ask, stage = due
        if at > self.now():
            self._set_timer()
        else:
            self.ask_as_clock(stage, ask)

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
