"""Officina without a network: calls from any address, over http or https, and sockets by the plain ASGI way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from server.app import Officina, make_app
from server.house import House
from server.live.rooms import LiveRoom
from server.moment import fresh
from server.settings import Settings
from tests.people import KEY, plan

HERE = "127.0.0.1"
FAR = "192.168.1.50"
PATIENCE = 10.0


@dataclass
class Line:
    """One socket; `status` is set when it was refused before it was accepted, `closed` when it was closed after."""

    heard: list[dict[str, Any]] = field(default_factory=list)
    status: int | None = None
    accepted: bool = False
    closed: int | None = None
    _up: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    async def send(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "websocket.accept":
                self.accepted = True
            case "websocket.http.response.start":
                self.status = message["status"]
            case "websocket.send":
                self.heard.append(json.loads(message["text"]))
            case "websocket.close":
                self.closed = message["code"]
                self._up.put_nowait({"type": "websocket.disconnect", "code": self.closed})
        self._news.set()

    def says(self, frame: Any) -> None:
        text = frame if isinstance(frame, str) else json.dumps(frame)
        self._up.put_nowait({"type": "websocket.receive", "text": text})

    async def sees(self, what: Callable[[], Any]) -> Any:
        async with asyncio.timeout(PATIENCE):
            while not (found := what()):
                self._news.clear()
                await self._news.wait()
        return found

    async def asks(self, do: str, at: str | None = None, **having: Any) -> dict[str, Any]:
        """The frame that answers an ask."""
        id = fresh()
        self.says({"t": "ask", "id": id, "stage": at, "do": do, "with": having})
        found = await self.sees(lambda: [one for one in self.heard if one.get("id") == id])
        return dict(found[0])

    async def leaves(self) -> None:
        self._up.put_nowait({"type": "websocket.disconnect", "code": 1001})
        if self._task is not None:
            await self._task


@dataclass
class Inside:
    officina: Officina
    code: str = ""

    @property
    def house(self) -> House:
        assert self.officina.house is not None
        return self.officina.house

    @property
    def live(self) -> LiveRoom:
        return self.house.rooms.live[self.code]

    async def call(
        self,
        method: str,
        path: str,
        key: str | None = None,
        *,
        address: str = HERE,
        scheme: str = "http",
        origin: str | None = "",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """One call. key: what comes as Bearer. origin: our own by default, None for none."""
        given = dict(headers or {})
        if key:
            given["Authorization"] = f"Bearer {key}"
        if origin is not None:
            given["Origin"] = origin or f"{scheme}://localhost"
        transport = httpx.ASGITransport(app=self.officina.guarded, client=(address, 1234))
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://localhost") as client:
            return await client.request(method, path, headers=given, **more)

    async def line(
        self,
        path: str,
        key: str | None = None,
        *,
        address: str = HERE,
        scheme: str = "http",
        origin: str | None = "",
        headers: dict[str, str] | None = None,
    ) -> Line:
        """A socket, up to its handshake."""
        given = {"Host": "localhost", **(headers or {})}
        if key:
            given["Authorization"] = f"Bearer {key}"
        if origin is not None:
            given["Origin"] = origin or f"{scheme}://localhost"
        made = Line()
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": {"http": "ws", "https": "wss"}[scheme],
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": (address, 1234),
            "server": ("localhost", 80),
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }
        made._up.put_nowait({"type": "websocket.connect"})
        made._task = asyncio.create_task(self.officina.guarded(scope, made._up.get, made.send))  # type: ignore[arg-type]
        await made.sees(lambda: made.accepted or made.status or made.closed)
        return made

    async def screen(self, screen: str, key: str | None = None, form: str = "html", **more: Any) -> Line:
        """A socket of the session, greeted; see `closed` and `status` when it was not let in."""
        made = await self.line(f"/live/{self.code}", key, **more)
        if made.accepted:
            made.says({"t": "hello", "v": 1, "screen": screen, "as": form, "last": None})
            await made.sees(lambda: made.heard or made.closed)
        return made

    async def begins(self, made: dict[str, Any] | None = None) -> str:
        answer = await self.call("POST", "/api/sessions", KEY, json={"plan": made or plan()})
        assert answer.status_code == 201, answer.text
        self.code = answer.json()["code"]
        return self.code

    async def joins(
        self, name: str | None = None, group: str | None = None, code: str | None = None, language: str = "it"
    ) -> tuple[str, str]:
        """A new person: badge and id."""
        body = {"name": name, "group": group, "language": language}
        answer = await self.call("POST", f"/api/sessions/{code or self.code}/badges", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["badge"], answer.json()["person"]

    async def tells(self, key: str, do: str, at: str | None = None, **having: Any) -> httpx.Response:
        """An ask by the way without a socket."""
        body = {"id": fresh(), "stage": at, "do": do, "with": having}
        return await self.call("POST", f"/api/sessions/{self.code}/asks", key, json=body)

    async def does(self, do: str, at: str | None = None, **having: Any) -> None:
        """The desk's ask, which must be kept; a desk that asks too fast comes again, as the answer says."""
        body = {"id": fresh(), "stage": at, "do": do, "with": having}
        for _ in range(20):
            answer = await self.call("POST", f"/api/sessions/{self.code}/asks", KEY, json=body)
            if answer.status_code != 429:
                break
            await asyncio.sleep(0.1)
        assert answer.status_code == 200, answer.text


def routes_of(officina: Officina) -> Iterator[tuple[str, str]]:
    """Every (method, path) that the application answers, those of included routers too."""

    def walk(routes: Any) -> Iterator[tuple[str, str]]:
        for route in routes:
            inner = getattr(route, "original_router", None)
            if inner is not None:
                yield from walk(inner.routes)
            else:
                yield from ((method, route.path) for method in sorted(route.methods - {"HEAD"}))

    yield from walk(officina.http.routes)


@asynccontextmanager
async def inside(data: Path, **settings: Any) -> AsyncIterator[Inside]:
    """The application with its house open, and no server around it."""
    made = make_app(Settings(host="127.0.0.1", port=80, data=data, host_key=KEY, **settings))
    async with made.http.router.lifespan_context(made.http):
        yield Inside(made)
