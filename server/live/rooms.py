"""All rooms of this house: opened when first needed, live ones before the port opens."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from ..activities import Activity
from ..drawing import Drawing
from ..moment import Clock, fresh
from ..paths.messages import PATH_ID
from ..sessions import codes, names, plans
from ..sessions.plan import Plan
from ..storage.journal import Journal, LineRow, PersonRow
from .bus import Bus
from .envelope import Asking, Receipt, Refused
from .room import Room
from .screens import Screens
from .socket import ASK_BURST, ASKS_PER_SECOND, Bucket
from .works import Works

log = structlog.get_logger("rooms")


class NotKept(RuntimeError):
    """The storage did not take it; nothing was changed, and the same call may succeed later."""


@dataclass
class LiveRoom:
    """A room with its screens."""

    room: Room
    screens: Screens
    house: Rooms
    made_at: int
    buckets: dict[str, Bucket] = field(default_factory=dict)
    #: The join page by language and whether the room is locked; nothing else of it changes in a session.
    join_pages: dict[tuple[str, bool], str] = field(default_factory=dict)
    #: What its stages work out off the line; set as soon as the room is open.
    works: Works | None = None

    @property
    def epoch(self) -> str:
        return self.house.epoch

    def bucket(self, key: str) -> Bucket:
        """The token bucket of a badge (or of the desk)."""
        if key not in self.buckets:
            most = ASK_BURST if key != "desk" else 10 * ASK_BURST
            self.buckets[key] = Bucket(ASKS_PER_SECOND if key != "desk" else 10 * ASKS_PER_SECOND, most)
        return self.buckets[key]

    def pace(self, key: str, stage: str | None) -> Bucket | None:
        """The narrower bucket of a badge at a stage whose activity keeps a pace of its own (`rules.PACE`), else None."""
        name = f"{key} {stage}"
        if name not in self.buckets:
            plan = self.room.folded.session.plan
            planned = plan.stage(stage) if plan and stage is not None else None
            activity = self.room.activities.get(planned.activity) if planned else None
            pace = getattr(activity.rules, "PACE", None) if activity else None
            if pace is None:
                return None
            many = 10 if key == "desk" else 1
            self.buckets[name] = Bucket(many * pace[0], many * pace[1])
        return self.buckets[name]

    def languages(self) -> list[str]:
        plan = self.room.folded.session.plan
        return list(plan.languages) if plan else ["it"]

    def people_of(self, do: str, having: Any) -> tuple[PersonRow, ...]:
        """The names that a host's ask carries: they are kept apart from its facts, in the same transaction."""
        if do != "rename_person" or not isinstance(having, dict):
            return ()
        person, name = having.get("person"), having.get("name")
        if not isinstance(person, str) or not isinstance(name, str) or person not in self.room.folded.session.people:
            return ()
        return (PersonRow(person, names.tidy(name)),)

    async def ask_as_server(
        self, do: str, having: dict[str, Any], person: str | None = None, people: tuple[PersonRow, ...] = ()
    ) -> Receipt | Refused:
        """The house's own ask (a join, a setup), through the same line as everybody's."""
        asking = Asking("server", person, fresh(), None, do, having, self.room.now(), _nobody, people=people)
        return await self.room.ask(asking)


def _nobody(answer: Receipt | Refused) -> None:
    return None


class Rooms:
    """Rooms by code."""

    def __init__(
        self,
        journal: Journal,
        bus: Bus,
        clock: Clock,
        activities: Mapping[str, Activity],
        drawing: Drawing,
        address: Any,
        epoch: str,
    ) -> None:
        self.journal = journal
        self.bus = bus
        self.clock = clock
        self.activities = activities
        self.drawing = drawing
        self.address = address
        self.epoch = epoch
        self.live: dict[str, LiveRoom] = {}
        self.lines: dict[str, LineRow] = {}
        self._opening: dict[str, asyncio.Future[LiveRoom | None]] = {}
        #: One solver at a time in this server, whatever room it works for; and one beside it that nobody waits for.
        self._solving, self._patient = asyncio.Lock(), asyncio.Lock()
        #: Told of each room that is opened, before anybody meets it.
        self.on_open: list[Callable[[LiveRoom], None]] = []

    async def open_live(self) -> None:
        """Folds every session that has not ended, so that the first hello does not wait."""
        started = time.perf_counter()
        for row in await self.journal.lines():
            if row.kind != "session":
                continue
            self.lines[row.code] = row
            if row.ended_at is None:
                await self.find(row.code)
        log.info("sessions folded", live=len(self.live), seconds=round(time.perf_counter() - started, 3))

    def known(self, code: str) -> bool:
        return code in self.lines

    async def find(self, code: str) -> LiveRoom | None:
        """The live room of a code, folded on first use; None when there is no such session."""
        found = self.live.get(code)
        if found is not None or code not in self.lines:
            return found
        if code not in self._opening:
            self._opening[code] = asyncio.ensure_future(self._open(self.lines[code]))
        try:
            return await asyncio.shield(self._opening[code])
        finally:
            self._opening.pop(code, None)

    async def opened(self, code: str) -> LiveRoom | None:
        """The room if it is open, or about to be; opens none."""
        return await self.find(code) if code in self.live or code in self._opening else None

    async def _open(self, row: LineRow) -> LiveRoom | None:
        room = Room(row, self.journal, self.bus, self.clock, self.activities)
        try:
            await room.open()
        except Exception:
            log.exception("a session could not be folded", line=row.id)
            return None
        screens = Screens(room, self.drawing, self.address)
        screens.start()
        live = LiveRoom(room, screens, self, row.made_at)
        live.works = Works(live, self._solving, self._patient)
        self.live[row.code] = live
        for tell in self.on_open:
            tell(live)
        return live

    async def make(self, plan: dict[str, Any], source: str | None = None) -> LiveRoom:
        """A new session from a plan. Raises ValueError (pydantic's own included) when the plan does not fit, and NotKept.

        Where the storage itself fails, its own error goes through.
        """
        plan = plans.filled(plan, self.activities)
        self.check(Plan.read(plan))
        live_now = sum(1 for one in self.live.values() if one.room.folded.session.state != "ended")
        while True:
            code = codes.new_code(live_now)
            if code not in self.lines:
                break
        row = await self.journal.new_line("session", code, self.clock.now())
        self.lines[code] = row
        live = await self.find(code)
        if live is None:
            raise ValueError("the session could not be opened")
        answer = await live.ask_as_server("make_session", {"plan": plan, "source": source})
        if isinstance(answer, Refused):
            # A code that leads to no plan would be a room that nobody can use.
            await self.close_one(code)
            del self.lines[code]
            raise NotKept(answer.refusal.code) if answer.refusal.again else ValueError(answer.refusal.code)
        return live

    def check(self, plan: Plan) -> None:
        """Raises ValueError when its path has no id, or a stage names no activity of ours or its setup does not fit."""
        if plan.path is not None and not re.fullmatch(PATH_ID, plan.path):
            raise ValueError("path: the id of a path has small letters, figures, - and _, and begins with a letter")
        for stage in plan.stages:
            activity = self.activities.get(stage.activity)
            if activity is None:
                known = ", ".join(sorted(self.activities))
                raise ValueError(
                    f"stage {stage.id!r}: there is no activity called {stage.activity!r} (there are {known})"
                )
            setup = activity.read_setup(stage.setup, plan.languages[0])
            activity.rules.start(setup, stage.level)

    async def close_one(self, code: str) -> None:
        """Lets a room go whose session could not be kept; its screens are told that it is over."""
        live = self.live.pop(code, None)
        if live is None:
            return
        await live.room.rest()
        for connection in live.screens.everyone():
            connection.end(4010)
        await live.screens.close()
        if live.works is not None:
            await live.works.close()
        await live.room.close()

    async def close(self) -> None:
        for live in list(self.live.values()):
            await live.room.rest()
            await live.screens.close()
            if live.works is not None:
                await live.works.close()
            await live.room.close()
