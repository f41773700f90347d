"""One screen's socket (stations 1, 2 and 9): a reader that never waits, and one way out that never waits for long."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import structlog
from pydantic_core import to_json

from ..activities.contract import Refusal, Role
from . import envelope
from .envelope import Asking, Malformed, Receipt, Refused
from .frames import payload_of, text_frame
from .screens import Audience

if TYPE_CHECKING:
    from .protocol import OfficinaWebSocket
    from .rooms import LiveRoom

log = structlog.get_logger("socket")

#: What may wait for one slow screen before it is given one fresh view instead.
QUEUE_FRAMES = 256
QUEUE_BYTES = 256 << 10
#: A screen that takes nothing for this long is cut, in seconds.
STUCK_AFTER = 10.0
#: The first frame must come within this time, in seconds.
HELLO_SECONDS = 5.0
SOCKETS_PER_BADGE = 3

#: Messages per badge: a second's worth, the burst, and how far over it a flood may go before it is cut.
ASKS_PER_SECOND, ASK_BURST = 10, 30
FLOOD = 200

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Bucket:
    """A token bucket. One for each badge, shared by its sockets and its HTTP asks."""

    __slots__ = ("_at", "_left", "_most", "_rate")

    def __init__(self, rate: float, most: float) -> None:
        self._rate, self._most, self._left, self._at = rate, most, most, 0.0

    def take(self, now: float) -> bool:
        """True while there is room; `now` in seconds of a monotonic clock."""
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Connection:
    """A screen as the room knows it. `push` is its only way out; whoever draws never waits for it."""

    __slots__ = (
        "_bytes", "_drain", "_flood", "_needs_view", "_queue", "_send", "_was_ended",
        "audience", "bucket", "closed", "host", "language", "live", "loop", "own_sent", "person", "place", "protocol",
        "token", "writing", "written_at",
    )  # fmt: skip

    def __init__(
        self,
        live: LiveRoom,
        send: Send,
        protocol: OfficinaWebSocket | None,
        *,
        person: str | None,
        token: Callable[[str, str], str] | None,
        host: bool,
        language: str,
        bucket: Bucket,
    ) -> None:
        self.live = live
        self.loop = asyncio.get_running_loop()
        self.protocol = protocol
        self.person = person
        self.token = token
        self.host = host
        self.language = language
        self.bucket = bucket
        self.audience = Audience("", language, "json")
        self.own_sent = b""
        #: Where this screen is on the open stage, and what somebody is writing in there; never stored.
        self.place: str | None = None
        self.writing: str | None = None
        self.written_at = 0.0
        self.closed = False
        self._send = send
        self._queue: deque[bytes] | None = None
        self._bytes = 0
        self._drain: asyncio.Task[None] | None = None
        self._needs_view = False
        self._flood = 0
        self._was_ended = False

    # -- out ----------------------------------------------------------------------------------------------------

    def push(self, frame: bytes) -> None:
        """Writes at once when the socket is free and nothing waits; otherwise queues, in order."""
        if self.closed:
            return
        if self._queue is None:
            protocol = self.protocol
            if protocol is not None and protocol.writable.is_set():
                if not protocol.close_sent and not protocol.transport.is_closing():
                    protocol.transport.write(frame)
                return
            self._queue = deque()
            self._drain = self.loop.create_task(self._drain_queue())
        if self._queue and (len(self._queue) >= QUEUE_FRAMES or self._bytes + len(frame) > QUEUE_BYTES):
            # A screen this far behind needs no history: it gets one fresh view when it reads again. A frame alone
            # always waits, however long it is: a welcome must come as one.
            self._queue.clear()
            self._bytes = 0
            self._needs_view = True
            return
        self._queue.append(frame)
        self._bytes += len(frame)

    async def _drain_queue(self) -> None:
        try:
            while not self.closed and self._queue is not None and (self._queue or self._needs_view):
                async with asyncio.timeout(STUCK_AFTER):
                    if self.protocol is not None:
                        await self.protocol.writable.wait()
                    frame = self._next_frame()
                    if self.protocol is None:
                        await self._send({"type": "websocket.send", "text": payload_of(frame).decode()})
                    elif not self.protocol.close_sent and not self.protocol.transport.is_closing():
                        self.protocol.transport.write(frame)
        except TimeoutError:
            self.abort()
        except Exception as error:
            log.debug("a screen went while it was written to", why=str(error))
            self.closed = True
        finally:
            self._queue = None
            self._bytes = 0
            self._drain = None

    def _next_frame(self) -> bytes:
        assert self._queue is not None
        if self._needs_view:
            self._needs_view = False
            missed = self.live.screens.patch_all()
            if missed is not None and self.audience.form == "html":
                self._queue.appendleft(missed)
                self._bytes += len(missed)
            return self.live.screens.full_view(self)
        frame = self._queue.popleft()
        self._bytes -= len(frame)
        return frame

    def say(self, frame: dict[str, Any]) -> None:
        self.push(text_frame(to_json(frame)))

    def end(self, code: int) -> None:
        """Closes from our side with a code; a client that does not take it is cut a second later."""
        if self._was_ended:
            return
        self._was_ended = True
        self.closed = True
        if self.protocol is not None:
            self.protocol.end(code)
        else:
            self._drain = self.loop.create_task(self._end_plainly(code))

    def end_unless_greeted(self) -> None:
        if not self.audience.screen:
            self.end(4008)

    async def _end_plainly(self, code: int) -> None:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._send({"type": "websocket.close", "code": code}), STUCK_AFTER)

    def abort(self) -> None:
        """Cuts a client that reads nothing; a polite close would wait for it for ever."""
        self.closed = True
        if self.protocol is not None:
            self.protocol.transport.abort()

    # -- in -----------------------------------------------------------------------------------------------------

    def take(self, text: str) -> None:
        """One message. Only parses, checks and puts into the room's inbox; never awaits."""
        if self.closed:
            return
        try:
            frame = envelope.read(text)
            self._take(frame)
        except Malformed as why:
            self._over("malformed", str(why))

    def _take(self, frame: dict[str, Any]) -> None:
        kind = frame.get("t")
        if not self.audience.screen:
            if kind == "hello":
                self.hello(frame)
            else:
                self._over("malformed", "hello comes first")
            return
        if not self.bucket.take(self.loop.time()):
            self._flood += 1
            if self._flood > FLOOD:
                self.end(4009)
            elif kind == "ask":
                id, stage, _, _ = envelope.parts_of_ask(frame)
                self.answer(Refused(id, Refusal("too_fast", again=True)), stage)
            return
        if kind == "ask":
            self.ask(frame)
        elif kind == "ping":
            at = frame.get("at")
            self.say({"t": "pong", "at": at if isinstance(at, int | float) else 0, "now": self.live.room.now()})
        elif kind == "here":
            self.live.screens.here(self, frame)
        elif kind == "hello":
            self._over("malformed", "hello comes once")

    def _over(self, code: str, why: str) -> None:
        self._flood += 10
        if self._flood > FLOOD:
            self.end(4009)
        else:
            self.say({"t": "notice", "code": code, "text": why})

    def ask(self, frame: dict[str, Any]) -> None:
        id, stage, do, having = envelope.parts_of_ask(frame)
        role: Role = "desk" if self.audience.screen == "desk" else "phone"
        if self.audience.screen == "wall":
            self.answer(Refused(id, Refusal("not_for_you")), stage)
            return
        pace = self.live.pace("desk" if role == "desk" else self.person or "", stage)
        if pace is not None and not pace.take(self.loop.time()):
            self.answer(Refused(id, Refusal("too_fast", again=True)), stage)
            return
        rtt = int(self.protocol.last_ping_rtt * 1000) if self.protocol is not None else 0
        self.live.room.put(
            Asking(
                role,
                self.person if role == "phone" else None,
                id,
                stage,
                do,
                having,
                self.live.room.now(),
                lambda answer: self.answer(answer, stage),
                self.token,
                rtt,
                self.live.people_of(do, having) if role == "desk" else (),
            )
        )

    def answer(self, answer: Receipt | Refused, stage: str | None) -> None:
        if isinstance(answer, Receipt):
            self.push(envelope.receipt_frame(answer))
        else:
            self.push(self.live.screens.refusal_frame(answer, stage, self.audience.language or self.language))

    def hello(self, frame: dict[str, Any]) -> None:
        """The first frame: which screen this is. Anything that does not fit ends the socket with 4003."""
        screen, form = frame.get("screen"), frame.get("as", "html")
        if frame.get("v") != 1 or screen not in ("phone", "desk", "wall") or form not in ("html", "json"):
            self.end(4003)
            return
        screens = self.live.screens
        if screen == "desk" and not self.host:
            self.end(4003)
            return
        if screen == "phone":
            state = self.live.room.folded.session
            if self.person is None or self.person not in state.people:
                self.end(4003)
                return
            mates = [one for one in screens.by_person.get(self.person, ()) if one is not self]
            if len(mates) >= SOCKETS_PER_BADGE:
                self.end(4009)
                return
            for mate in mates:
                if mate.audience.screen == "phone":
                    mate.end(4001)
            self.language = state.people[self.person].language
        else:
            self.person = None
            asked = frame.get("language")
            if isinstance(asked, str) and asked in self.live.languages():
                self.language = asked
        self.audience = Audience(str(screen), self.language, str(form))
        screens.join(self)
        self.push(self.welcome())
        if screen == "phone" and self.live.room.folded.session.state == "ended":
            self.end(4010)

    def welcome(self) -> bytes:
        """Always the full view, whatever the screen last saw: no second path for whoever comes late."""
        room = self.live.room
        number, content = self.live.screens.content(self)
        you: dict[str, Any] = {}
        if self.person is not None:
            person = room.folded.session.people.get(self.person)
            you = {"person": self.person, "name": room.names.get(self.person, "")}
            if person is not None:
                you |= {"group": person.group, "table": person.table, "language": person.language}
        head = to_json(
            {"t": "welcome", "v": 1, "epoch": self.live.epoch, "number": number, "now": room.now(), "you": you}
        )
        key = b'"html":' if self.audience.form == "html" else b""
        return text_frame(head[:-1] + b"," + key + content + b"}")

    def gone(self) -> None:
        """The socket is lost; tells the room once."""
        self.closed = True
        if self._drain is not None:
            self._drain.cancel()
        self.live.screens.leave(self)
