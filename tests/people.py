"""One small cast for all tests that come through the door: ada, bruno, carla, the wall, and the server they meet on.

Ada is a civil servant, Bruno a social innovator, Carla the facilitator who holds the host key. They speak in verbs and
wait for frames, never for time.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection, connect

from server import serve
from server.app import Officina, make_app
from server.house import House
from server.moment import fresh
from server.settings import Settings

KEY = "c4" * 32
PATIENCE = 10.0

GROUPS = [
    {"id": "civil_servants", "name": {"it": "Funzionari pubblici", "en": "Civil servants"}},
    {"id": "social_innovators", "name": {"it": "Innovatori sociali", "en": "Social innovators"}},
]

OBSTACLE = {
    "id": "obstacle",
    "kind": "choice",
    "text": {"it": "Qual è l'ostacolo più grande?", "en": "Which is the biggest obstacle?"},
    "options": [
        {"id": "a", "text": {"it": "I soldi", "en": "Money"}},
        {"id": "b", "text": {"it": "Le regole", "en": "Rules"}},
        {"id": "c", "text": {"it": "Il tempo", "en": "Time"}},
    ],
}


def plan(*stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A plan with these stages; one poll with one question when none is given."""
    return {
        "title": {"it": "Una prova", "en": "A trial"},
        "phase": "sensitisation",
        "languages": ["it", "en"],
        "groups": GROUPS,
        "stages": list(stages) or [poll()],
        **more,
    }


def poll(id: str = "poll", *questions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "activity": "poll",
        "title": {"it": "Sondaggio", "en": "Poll"},
        "minutes": 5,
        "setup": {"questions": list(questions) or [OBSTACLE]},
        **more,
    }


def talk(id: str = "talk", **more: Any) -> dict[str, Any]:
    parts = [{"heading": {"it": "Benvenuti", "en": "Welcome"}, "text": {"it": "Si comincia", "en": "We begin"}}]
    title = {"it": "Apertura", "en": "Opening"}
    return {"id": id, "activity": "talk", "title": title, "minutes": 5, "setup": {"parts": parts}, **more}


class Refusal(Exception):
    """A refusal frame, where the test did not expect one."""

    def __init__(self, frame: dict[str, Any]) -> None:
        super().__init__(f"{frame['code']}: {frame.get('text')}")
        self.frame = frame
        self.code = frame["code"]


@dataclass
class Screen:
    """A phone, a desk or a wall over a real socket, as json or html."""

    day: Day
    name: str
    screen: str
    form: str = "json"
    badge: str | None = None
    person: str | None = None
    socket: ClientConnection | None = None
    number: int = 0
    epoch: str | None = None
    session: dict[str, Any] = field(default_factory=dict)
    stage: dict[str, Any] | None = None
    mine: dict[str, Any] = field(default_factory=dict)
    desk: dict[str, Any] = field(default_factory=dict)
    html: list[str] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    closed: int | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _reader: asyncio.Task[None] | None = None

    async def comes(self, **hello: Any) -> Screen:
        """Opens the socket and waits for the welcome."""
        headers = {"Authorization": f"Bearer {self.badge}"} if self.badge else {}
        self.closed = None
        self.socket = await connect(
            f"{self.day.url.replace('http', 'ws', 1)}/live/{self.day.code}",
            additional_headers=headers,
            origin=self.day.url,  # type: ignore[arg-type]
            compression=None,
            proxy=None,
        )
        said = {"t": "hello", "v": 1, "screen": self.screen, "as": self.form, "last": self.number or None}
        await self.socket.send(json.dumps({**said, "epoch": self.epoch, **hello}))
        welcomes = sum(frame["t"] == "welcome" for frame in self.frames)
        self._reader = asyncio.create_task(self._read())
        await self.sees(
            lambda: self.closed is not None or sum(frame["t"] == "welcome" for frame in self.frames) > welcomes
        )
        return self

    async def _read(self) -> None:
        assert self.socket is not None
        try:
            async for text in self.socket:
                self._hear(json.loads(text))
        except websockets.ConnectionClosed:
            pass
        self.closed = self.socket.close_code or 1006
        self._news.set()

    def _hear(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        if frame["t"] in ("welcome", "view"):
            self.number = frame["number"]
            self.numbers.append(frame["number"])
            self.epoch = frame.get("epoch", self.epoch)
            for part in ("session", "stage", "mine", "desk"):
                if part in frame:
                    setattr(self, part, frame[part])
            if "html" in frame:
                self.html.append(frame["html"])
        elif frame["t"] in ("receipt", "refusal"):
            self.answers[frame["id"]] = frame
        self._news.set()

    async def sees(self, what: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Waits until `what()` holds; fails with the last state otherwise."""
        try:
            async with asyncio.timeout(patience):
                while not (found := what()):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(
                f"{self.name} waited in vain at {self.number}: {self.session.get('state')} {self.stage} {self.mine}"
                f" closed={self.closed}"
            ) from None
        return found

    async def asks(self, do: str, stage: str | None = None, id: str | None = None, **having: Any) -> int:
        """Sends an ask and waits for its receipt; gives the number. Raises Refusal."""
        frame = await self.tries(do, stage, id, **having)
        if frame["t"] == "refusal":
            raise Refusal(frame)
        return int(frame["number"])

    async def tries(self, do: str, stage: str | None = None, id: str | None = None, **having: Any) -> dict[str, Any]:
        """Sends an ask and gives the frame that answers it."""
        assert self.socket is not None
        id = id or fresh()
        self.answers.pop(id, None)
        await self.socket.send(json.dumps({"t": "ask", "id": id, "stage": stage, "do": do, "with": having}))
        await self.sees(lambda: id in self.answers or self.closed)
        if id not in self.answers:
            raise AssertionError(f"{self.name} was closed with {self.closed} before an answer")
        return self.answers[id]

    async def says(self, text: str | bytes) -> None:
        assert self.socket is not None
        await self.socket.send(text)

    async def answers_with(self, value: Any, stage: str = "poll", question: str = "obstacle", round: int = 1) -> int:
        return await self.asks("answer", stage, question=question, round=round, value=value)

    async def leaves(self) -> None:
        if self.socket is not None:
            await self.socket.close()
        if self._reader is not None:
            await self._reader

    def vanishes(self) -> None:
        """The net is gone: no close frame, nothing."""
        assert self.socket is not None
        self.socket.transport.abort()

    @property
    def view(self) -> dict[str, Any]:
        """The picked view of the stage; {} before the first one."""
        found: dict[str, Any] = self.stage["view"] if self.stage else {}
        return found


@dataclass
class Day:
    """A running Officina with one session, and the people in it."""

    officina: Officina
    url: str
    data: Path
    http: httpx.AsyncClient
    code: str = ""
    screens: list[Screen] = field(default_factory=list)

    @property
    def house(self) -> House:
        assert self.officina.house is not None
        return self.officina.house

    async def begins(self, made: dict[str, Any] | str | None = None) -> str:
        answer = await self.api("POST", "/api/sessions", json={"plan": made or plan()})
        assert answer.status_code == 201, answer.text
        self.code = answer.json()["code"]
        return self.code

    async def api(self, method: str, path: str, key: str | None = KEY, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return await self.http.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)

    async def badge(
        self, group: str | None = None, name: str | None = None, language: str = "it", **more: Any
    ) -> dict[str, str]:
        body = {"group": group, "name": name, "language": language, **more}
        key = KEY if more.get("rehearsal") else None
        headers = {"Origin": self.url}
        answer = await self.api("POST", f"/api/sessions/{self.code}/badges", key, json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        self.http.cookies.clear()
        found: dict[str, str] = answer.json()
        return found

    async def joins(
        self, name: str, group: str | None = "civil_servants", form: str = "json", language: str = "it", **more: Any
    ) -> Screen:
        made = await self.badge(group, name, language, **more)
        phone = Screen(self, name, "phone", form, made["badge"], made["person"])
        self.screens.append(phone)
        return await phone.comes()

    async def ada(self, **more: Any) -> Screen:
        return await self.joins("Ada", "civil_servants", **more)

    async def bruno(self, **more: Any) -> Screen:
        return await self.joins("Bruno", "social_innovators", **more)

    async def carla(self, form: str = "json") -> Screen:
        desk = Screen(self, "Carla", "desk", form, KEY)
        self.screens.append(desk)
        return await desk.comes()

    async def wall(self, form: str = "json") -> Screen:
        wall = Screen(self, "the wall", "wall", form)
        self.screens.append(wall)
        return await wall.comes()

    async def facts(self, after: int = 0) -> list[dict[str, Any]]:
        answer = await self.api("GET", f"/api/sessions/{self.code}/facts?after={after}")
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]


@asynccontextmanager
async def officina(data: Path, **settings: Any) -> AsyncIterator[Day]:
    """A real server on a free port of the loopback, in this very loop."""
    listening = serve.listening("127.0.0.1", 0)
    port = listening.getsockname()[1]
    made = make_app(Settings(host="127.0.0.1", port=port, data=data, host_key=KEY, **settings))
    started = asyncio.Event()
    server = serve.Server(serve.config_for(made), made, started.set)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=30)
    if not started.is_set():
        waiting.cancel()
        await running
        raise AssertionError("the server did not start")
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as http:
        day = Day(made, url, data, http)
        try:
            yield day
        finally:
            for screen in day.screens:
                if screen.socket is not None and screen.closed is None:
                    await screen.leaves()
            server.should_exit = True
            began = time.monotonic()
            await running
            assert time.monotonic() - began < 5.5, "the server took too long to stop"
