"""All paths of this house, and the screens that look at one: `/live/path/{id}`, the same frames as a session's."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import BaseModel
from pydantic_core import to_json

from ..activities.contract import Refusal, Text
from ..activities.contract.peers import PeerActivity, Practice
from ..drawing import Drawing, localise
from ..live.bus import Bus
from ..live.envelope import Asking, Receipt, Refused
from ..live.frames import text_frame
from ..live.socket import ASK_BURST, ASKS_PER_SECOND, Bucket, Connection
from ..moment import Clock
from ..outcomes.export import may_leave
from ..outcomes.folding import folded_anew, rehearsal_people
from ..sessions import badges
from ..storage.journal import Journal, KeptFact, LineRow
from . import rules
from .line import PathLine
from .messages import PATH_ID

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from ..house import House
    from ..live.room import Folded, Room
    from ..live.rooms import LiveRoom, Rooms

log = structlog.get_logger("paths")

#: A list of hundreds of ideas is drawn at most this often for its screens, in seconds.
EVERY = 0.25


#: Seconds until what the disk did not take is handed over again: at first, and at most. Seconds for it at the end.
FIRST_AGAIN, LAST_AGAIN, CLOSING_SECONDS = 1.0, 60.0, 0.5


class NotTaken(RuntimeError):
    """The dossier did not keep it; the same hand-over may succeed later."""


class PathScreens:
    """Everybody who looks at one path. The view is JSON; the pages read themselves again when it moves on."""

    def __init__(self, line: PathLine, drawing: Drawing) -> None:
        self.line = line
        self.drawing = drawing
        self.connections: set[PathConnection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._drawn: dict[tuple[str, str], tuple[int, bytes]] = {}
        line.on_change.append(self._changed)

    def _changed(self, facts: list[KeptFact], touched: set[str] | None) -> None:
        if self.connections and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(EVERY, self._tell)

    def _tell(self) -> None:
        self._timer = None
        for connection in list(self.connections):
            connection.push(self.full_view(connection))

    def content(self, screen: str, language: str) -> bytes:
        """`"path":{...},"ideas":[...]`; drawn once for each number, screen and language."""
        key = (screen, language)
        known = self._drawn.get(key)
        if known is None or known[0] != self.line.number:
            view = localise(rules.view(self.line.folded, screen), language)
            parts = b",".join(to_json(name) + b":" + to_json(part) for name, part in view.items())
            known = self._drawn[key] = (self.line.number, parts)
        return known[1]

    def full_view(self, connection: Connection) -> bytes:
        content = self.content(connection.audience.screen, connection.language)
        return text_frame(b'{"t":"view","number":%d,%s}' % (self.line.number, content))

    def patch_all(self) -> bytes | None:
        return None

    def here(self, connection: Connection, frame: dict[str, Any]) -> None:
        return None

    def leave(self, connection: Connection) -> None:
        self.connections.discard(connection)

    def refusal_text(self, refusal: Refusal, language: str) -> str:
        """The sentence of a refusal, from the words of paths and ideas."""
        words = self.drawing.words("paths", language)
        key = f"refusal.{refusal.code}"
        return words(key) if words.has(key) else refusal.code

    def refusal_frame(self, answer: Refused, stage: str | None, language: str) -> bytes:
        refusal = answer.refusal
        frame: dict[str, Any] = {"t": "refusal", "id": answer.id, "code": refusal.code}
        frame |= {"text": self.refusal_text(refusal, language), "again": refusal.again}
        if refusal.details:
            frame["details"] = dict(refusal.details)
        return text_frame(to_json(frame))

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self.connections):
            connection.end(1012)


def _as(model: type[BaseModel], left: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The outcomes of a kind with the fields that the dossier keeps."""
    fields = model.model_fields
    return [{name: value for name, value in one.items() if name in fields} for one in left if one["kind"] == kind]


class LivePath:
    """A path with its screens; what a connection needs of a live room."""

    def __init__(self, line: PathLine, screens: PathScreens, epoch: str) -> None:
        self.line = line
        self.room = line
        self.screens = screens
        self.epoch = epoch
        self.buckets: dict[str, Bucket] = {}

    @property
    def id(self) -> str:
        return self.line.code

    def languages(self) -> list[str]:
        return list(self.line.folded.languages)

    def bucket(self, key: str) -> Bucket:
        if key not in self.buckets:
            many = 10 if key == "desk" else 1
            self.buckets[key] = Bucket(many * ASKS_PER_SECOND, many * ASK_BURST)
        return self.buckets[key]

    def pace(self, key: str, stage: str | None) -> Bucket | None:
        """A path has no stages, and so no pace but its own."""
        return None

    async def ask_as_server(self, id: str, do: str, having: dict[str, Any]) -> Receipt | Refused:
        """The house's own ask; the same id counts once, so what a crash cut off may simply be asked again."""
        return await self.line.ask(Asking("server", None, id, None, do, having, self.line.now(), _nobody))


def _nobody(answer: Receipt | Refused) -> None:
    return None


class PathConnection(Connection):
    """One screen of a path."""

    live: LivePath  # type: ignore[assignment]
    group: str | None = None

    def hello(self, frame: dict[str, Any]) -> None:
        """The desk edits, everybody else reads or, with the badge of a session of this path, endorses and argues."""
        screen = frame.get("screen")
        if frame.get("v") != 1 or screen not in ("desk", "phone", "wall") or (screen == "desk" and not self.host):
            self.end(4003)
            return
        if screen == "phone" and self.person is None:
            self.end(4003)
            return
        asked = frame.get("language")
        if isinstance(asked, str) and asked in self.live.languages():
            self.language = asked
        self.audience = self.audience._replace(screen=str(screen), language=self.language)
        self.live.screens.connections.add(self)
        line = self.live.line
        head = {"t": "welcome", "v": 1, "epoch": self.live.epoch, "number": line.number, "now": line.now(), "you": {}}
        content = self.live.screens.content(str(screen), self.language)
        self.push(text_frame(to_json(head)[:-1] + b"," + content + b"}"))

    def asking(self, id: str, stage: str | None, do: str, having: Any, answer: Callable[..., None]) -> Asking:
        role = "desk" if self.audience.screen == "desk" else "phone"
        person = self.person if role == "phone" else None
        return Asking(role, person, id, stage, do, having, self.live.line.now(), answer, group=self.group)  # type: ignore[arg-type]

    def ask(self, frame: dict[str, Any]) -> None:
        from ..live import envelope

        id, stage, do, having = envelope.parts_of_ask(frame)
        if self.audience.screen == "wall":
            self.answer(Refused(id, Refusal("not_for_you")), stage)
            return
        self.live.line.put(self.asking(id, stage, do, having, lambda answer: self.answer(answer, stage)))


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person of one of the path's sessions."""

    person: str
    group: str | None


async def _without_rehearsal(room: Room) -> Folded:
    """The session as it is for whoever takes something out of it: what simulated people did is not in it."""
    if not any(person.rehearsal for person in room.folded.session.people.values()):
        return room.folded
    facts = await room.journal.after(room.line, 0)
    return await asyncio.to_thread(folded_anew, room, facts, rehearsal_people(facts))


class Paths:
    """Paths by their id."""

    def __init__(self, journal: Journal, bus: Bus, clock: Clock, drawing: Drawing, epoch: str) -> None:
        self.journal = journal
        self.bus = bus
        self.clock = clock
        self.drawing = drawing
        self.epoch = epoch
        self.live: dict[str, LivePath] = {}
        self._making = asyncio.Lock()
        #: Tasks that take a session's outcomes, and sessions that moved since theirs last looked, by code.
        self._taking: dict[str, asyncio.Task[None]] = {}
        self._moved: set[str] = set()

    async def open(self) -> None:
        """Folds every path."""
        for row in await self.journal.lines():
            if row.kind == "path":
                await self._open(row)

    async def _open(self, row: LineRow) -> LivePath:
        line = PathLine(row, self.journal, self.bus, self.clock)
        await line.open()
        path = LivePath(line, PathScreens(line, self.drawing), self.epoch)
        self.live[row.code] = path
        return path

    async def somebody(self, house: House, call: HTTPConnection, path: LivePath) -> Somebody | None:
        """The person whose badge of one of the path's sessions comes with a call."""
        for code in path.line.folded.sessions:
            live = await house.rooms.find(code)
            badge = house.access.badge(call, code)
            person = live.room.person_of(badges.hash_of(badge)) if live is not None and badge else None
            if live is not None and person is not None and person in live.room.folded.session.people:
                return Somebody(person, live.room.folded.session.people[person].group)
        return None

    def of(self, live: LiveRoom) -> LivePath | None:
        """The path that a session belongs to."""
        plan = live.room.folded.session.plan
        return self.live.get(plan.path) if plan is not None and plan.path is not None else None

    def find(self, id: str) -> LivePath | None:
        return self.live.get(id)

    async def make(
        self, id: str, title: Text, languages: list[str], groups: list[dict[str, Any]], prefix: str
    ) -> LivePath:
        """The path of this id, made when there is none. Raises ValueError for a refusal."""
        async with self._making:
            path = self.live.get(id)
            if path is None:
                path = await self._open(await self.journal.new_line("path", id, self.clock.now()))
            if path.line.folded.title is None:
                having = {"title": dict(title), "languages": languages, "groups": groups, "prefix": prefix}
                answer = await path.ask_as_server(f"make:{id}", "make_path", having)
                if isinstance(answer, Refused):
                    raise ValueError(answer.refusal.code)
        return path

    async def show_example(self, id: str, example: dict[str, Any]) -> None:
        """A finished idea that nobody wrote, published so that organisers see one whole; once, however often asked.

        It says that it is an example, in its title and as the reason why it was published without anybody's backing.
        """
        path = self.live.get(id)
        if path is None or example["idea"] in path.line.folded.ideas.ideas:
            return
        idea, why = example["idea"], Text(example["why"]).in_language(path.languages()[0])
        for do, having in (
            ("new_idea", {"fields": example["fields"]}),
            ("move_idea", {"to": "review"}),
            ("move_idea", {"to": "published", "override": why}),
        ):
            step = having.get("to", "new")
            asking = Asking(
                "desk", None, f"{idea}:{step}", None, do, {"idea": idea, **having}, path.line.now(), _nobody
            )
            answer = await path.line.ask(asking)
            if isinstance(answer, Refused):
                log.warning("an example idea was refused", idea=idea, do=do, why=answer.refusal.code)
                return

    # -- sessions come in ---------------------------------------------------------------------------------------

    def follow(self, live: LiveRoom) -> None:
        """From now on, what this session's stages leave when they close goes into the dossier of its path."""
        live.room.on_change.append(lambda facts, touched: self._session_moved(live, facts))
        self._soon(live)

    def _session_moved(self, live: LiveRoom, facts: list[KeptFact]) -> None:
        if any(fact.stage is None and fact.kind in ("session_made", "stage_closed", "session_ended") for fact in facts):
            self._soon(live)

    def _soon(self, live: LiveRoom) -> None:
        code = live.room.code
        self._moved.add(code)
        if code not in self._taking:
            self._taking[code] = asyncio.create_task(self._take(live), name=f"dossier {code}")

    async def _take(self, live: LiveRoom) -> None:
        """Takes until nothing is left to take. While the disk does not write, it comes again later and later."""
        code, wait = live.room.code, FIRST_AGAIN
        try:
            while code in self._moved:
                self._moved.discard(code)
                try:
                    await self.take(live)
                except NotTaken as why:
                    log.warning("a session's outcomes wait for the disk", code=code, why=str(why))
                    self._moved.add(code)
                    await asyncio.sleep(wait)
                    wait = min(LAST_AGAIN, wait * 2)
                except Exception:
                    log.exception("a session's outcomes did not reach the dossier", code=code)
        finally:
            self._taking.pop(code, None)

    async def take(self, live: LiveRoom) -> None:
        """Takes all that closed stages left and that is not in the dossier yet; asked twice, it is kept once."""
        room = live.room
        session = room.folded.session
        plan = session.plan
        if plan is None or plan.path is None or not re.fullmatch(PATH_ID, plan.path):
            return
        groups = [{"id": group.id, "name": dict(group.name)} for group in plan.groups]
        title, languages, prefix = self._named(plan.path, plan.title)
        path = await self.make(plan.path, title, languages, groups, prefix)
        code = room.code
        folded = await _without_rehearsal(room)
        having = {"session": code, "title": dict(plan.title), "phase": plan.phase, "groups": groups}
        await self._hand_over(path, f"session:{code}", "add_session", having)
        for stage in plan.stages:
            spent = session.spent.get(stage.id)
            if spent is None or spent.closed_at is None:
                continue
            known = path.line.folded.closed_at(code, stage.id)
            if known is not None and known >= spent.closed_at:
                continue
            left = [
                one
                for one in room.activity_of(folded, stage.id).rules.outcomes(folded.runs[stage.id])
                if may_leave(one)
            ]
            kinds: dict[str, int] = {}
            for one in left:
                kinds[one["kind"]] = kinds.get(one["kind"], 0) + 1
            closed = {
                "session": code,
                "stage": stage.id,
                "activity": stage.activity,
                "title": dict(stage.title),
                "closed_at": spent.closed_at,
                "ideas": [one for one in left if one["kind"] == "idea"],
                "practices": _as(Practice, left, "practice"),
                "peers": _as(PeerActivity, left, "peer_activity"),
                "left": kinds,
                "sizes": folded.session.sizes(),
            }
            await self._hand_over(path, f"stage:{code}:{stage.id}:{spent.closed_at}", "take_stage", closed)
        if session.state == "ended":
            await self._hand_over(path, f"closed:{code}", "close_session", {"session": code})

    @staticmethod
    async def _hand_over(path: LivePath, id: str, do: str, having: dict[str, Any]) -> None:
        """Raises NotTaken where the same ask may be kept later."""
        # An id has at most 64 signs, a stage's may have 40 of them.
        answer = await path.ask_as_server(hashlib.sha256(id.encode()).hexdigest(), do, having)
        if isinstance(answer, Refused):
            if answer.refusal.again:
                raise NotTaken(answer.refusal.code)
            raise ValueError(f"{do}: {answer.refusal.code}")

    async def catch_up(self, rooms: Rooms) -> None:
        """Opens the sessions that ended before all they left was here, as when the house died in between."""
        for path in list(self.live.values()):
            for code, session in path.line.folded.sessions.items():
                if not session.closed:
                    await rooms.find(code)

    def _named(self, id: str, otherwise: Text) -> tuple[Text, list[str], str]:
        from ..sessions import plans

        return plans.path_named(id) or (otherwise, ["it", "en"], id[:2].upper())

    async def rest(self) -> None:
        """Waits until everything that closed so far is in its dossier."""
        while self._taking:
            await asyncio.gather(*list(self._taking.values()), return_exceptions=True)

    async def close(self) -> None:
        """What is not in its dossier by now is taken at the next start."""
        if self._taking:
            _, late = await asyncio.wait(list(self._taking.values()), timeout=CLOSING_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for path in self.live.values():
            await path.line.rest()
            await path.screens.close()
            await path.line.close()
