"""Work off the line: what a state waits for is worked out in a thread, and comes back as an ordinary ask.

Which work is due is read from the state alone (`rules.due`), so a restart or another process finds it again. The ask's id
is the key of the work: two processes that offer the same answer count once.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

from ..moment import fresh
from .envelope import Asking, Receipt, Refused

if TYPE_CHECKING:
    from ..storage.journal import KeptFact
    from .rooms import LiveRoom

log = structlog.get_logger("works")

#: A run that raised is tried again after so many seconds; then the activity is told that it failed.
AGAIN_AFTER = 1.0
#: Seconds until an answer that could not be kept comes again.
SETTLES = 0.5

Run = Callable[[dict[str, Any]], Any]


class Works:
    """The work of one room's stages. Each of the two locks lets one run at a time through in this server: `solving` those
    that somebody waits for, `patient` the others."""

    def __init__(self, live: LiveRoom, solving: asyncio.Lock, patient: asyncio.Lock) -> None:
        self.live = live
        self.solving = solving
        self.patient = patient
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._warmed: set[str] = set()
        #: Keys whose answer was kept, or changed nothing: it would be the same again.
        self._done: set[tuple[str, str]] = set()
        live.room.on_change.append(self._look)
        self._look([], None)

    def _look(self, facts: list[KeptFact], touched: set[str] | None) -> None:
        room = self.live.room
        session = room.folded.session
        current = session.current
        if session.plan is None or current is None or not session.stage_open:
            return
        activity = room.activity_of(room.folded, current)
        due = getattr(activity.rules, "due", None)
        if due is None:
            return
        if activity.name not in self._warmed:
            self._warmed.add(activity.name)
            warm = activity.works().warm
            if warm is not None:
                self._start((current, "warm"), warm() if inspect.iscoroutinefunction(warm) else asyncio.to_thread(warm))
        for key in due(room.folded.runs[current]):
            if (current, key) not in self._running and (current, key) not in self._done:
                self._start((current, key), self._run(current, key))

    def _start(self, name: tuple[str, str], work: Any) -> None:
        async def kept() -> None:
            try:
                await work
            except Exception:
                log.exception("work failed", stage=name[0], work=name[1])
                return
            finally:
                del self._running[name]
            # What came due, or was open again, while this still ran.
            self._look([], None)

        self._running[name] = asyncio.create_task(kept(), name=f"work {name[1]}")

    async def _run(self, stage: str, key: str) -> None:
        room = self.live.room
        activity = room.activity_of(room.folded, stage)
        works, what = activity.works(), key.partition(":")[0]
        run: Run = works.runs[what]
        turn = self.patient if what in works.patient else self.solving
        answer: tuple[str, dict[str, Any]] | None = None
        for last in (False, True):
            async with turn:
                if key not in activity.rules.due(room.folded.runs[stage]):
                    return
                snapshot = activity.rules.snapshot(room.folded.runs[stage], key)
                try:
                    answer = await (
                        run(snapshot) if inspect.iscoroutinefunction(run) else asyncio.to_thread(run, snapshot)
                    )
                    break
                except Exception:
                    log.exception("what was worked out came to nothing", stage=stage, work=key)
            if not last:
                await asyncio.sleep(AGAIN_AFTER)
        told: Receipt | Refused | None = None
        if answer is not None:
            do, having = answer
            # An id has at most 64 signs.
            told = await self._ask(hashlib.sha256(key.encode()).hexdigest(), stage, do, having)
        if isinstance(told, Receipt):
            self._done.add((stage, key))
            return
        if told is not None:
            log.info("what was worked out was not taken", stage=stage, work=key, code=told.refusal.code)
        if not self._is_open(stage):
            # Nothing is told to a stage that was closed meanwhile; the work begins again when it is back.
            return
        if key in activity.rules.due(room.folded.runs[stage]):
            # The same work would come to the same nothing.
            self._done.add((stage, key))
            if "give_up" in activity.asks:
                await self._ask(fresh(), stage, "give_up", {"what": what})

    def _is_open(self, stage: str) -> bool:
        session = self.live.room.folded.session
        return session.stage_open and session.current == stage and session.state != "ended"

    async def _ask(self, id: str, stage: str, do: str, having: dict[str, Any]) -> Receipt | Refused:
        """The answer of the room; while it has no time or its disk does not write, the same ask comes again."""
        room = self.live.room
        while True:
            told = await room.ask(Asking("server", None, id, stage, do, having, room.now(), lambda answer: None))
            if isinstance(told, Receipt) or not told.refusal.again:
                return told
            await asyncio.sleep(SETTLES)

    async def close(self) -> None:
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
