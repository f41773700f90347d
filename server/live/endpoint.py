"""The door of `/live/{code}`: who calls, before anything is accepted; then the socket is handed to its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json
from starlette.requests import HTTPConnection

from ..activities.contract import Refusal
from ..sessions import badges, codes
from ..sessions.access import NotHost
from . import envelope
from .protocol import OfficinaWebSocket
from .socket import ASK_BURST, ASKS_PER_SECOND, HELLO_SECONDS, Bucket, Connection

if TYPE_CHECKING:
    from ..house import House

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LONGEST_TRY = 60.0


async def live(house: House, scope: Scope, receive: Receive, send: Send) -> None:
    """One socket from the handshake to its end."""
    connection = HTTPConnection(scope)
    path: str = scope["path"]
    if path == "/try/live":
        await answer_pings(house, receive, send)
        return
    if path.startswith("/live/path/"):
        await live_path(house, connection, path[11:], scope, receive, send)
        return
    if not path.startswith("/live/") or "/" in path[6:]:
        await refuse(send, 404, Refusal("unknown_session"))
        return
    code = codes.normal(path[6:])
    room = await house.rooms.find(code)
    if room is None:
        await house.access.wrong_code(connection)
        await refuse(send, 404, Refusal("unknown_session"))
        return
    badge = house.access.badge(connection, code)
    person = room.room.person_of(badges.hash_of(badge)) if badge else None
    desk = house.access.host(connection)
    host = not isinstance(desk, NotHost)
    bearer = connection.headers.get("authorization", "").startswith("Bearer ")
    if bearer and person is None and not host:
        # A key that opens nothing is no visitor's mistake; the wall comes without any.
        await refuse(send, 403, Refusal("forbidden"))
        return
    protocol = _protocol(scope)
    plan = room.room.folded.session.plan
    one = Connection(
        room,
        send,
        protocol,
        person=person,
        token=house.access.token_of(badge, room.room.line) if badge and person else None,
        host=host,
        language=plan.languages[0] if plan else "it",
        # A wall has no badge to keep one for; its own, so that a stranger's wall takes nothing from the room's.
        bucket=room.bucket(person or "desk") if person or host else Bucket(ASKS_PER_SECOND, ASK_BURST),
    )
    await _carry(one, receive, send)


def _protocol(scope: Scope) -> OfficinaWebSocket | None:
    protocol = scope.get("extensions", {}).get("officina", {}).get("protocol")
    return protocol if isinstance(protocol, OfficinaWebSocket) else None


async def live_path(
    house: House, connection: HTTPConnection, id: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """A screen of a path: the host's, or that of somebody with a badge of one of its sessions."""
    from ..paths.live import PathConnection

    path = house.paths.find(id)
    host = not isinstance(house.access.host(connection), NotHost)
    if path is None or path.line.folded.title is None:
        await refuse(send, 404, Refusal("unknown_path"))
        return
    known = None if host else await house.paths.somebody(house, connection, path)
    if not host and known is None:
        await refuse(send, 403, Refusal("forbidden"))
        return
    one = PathConnection(
        path,  # type: ignore[arg-type]
        send,
        _protocol(scope),
        person=known.person if known else None,
        token=None,
        host=host,
        language=path.languages()[0],
        bucket=path.bucket(known.person if known else "desk"),
    )
    one.group = known.group if known else None
    await _carry(one, receive, send)


async def _carry(one: Connection, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    if one.protocol is not None:
        one.protocol.listener = one.take
    late = asyncio.get_running_loop().call_later(HELLO_SECONDS, one.end_unless_greeted)
    try:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                break
            text = message.get("text")
            if text is None:
                one.end(1003)
            else:
                one.take(text)
    finally:
        late.cancel()
        one.gone()


async def refuse(send: Send, status: int, refusal: Refusal) -> None:
    body = to_json({"error": {"code": refusal.code, "text": refusal.code}})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


async def answer_pings(house: House, receive: Receive, send: Send) -> None:
    """The socket test of the preflight page: pongs and nothing else, for a minute at most."""
    await receive()
    await send({"type": "websocket.accept"})
    try:
        async with asyncio.timeout(LONGEST_TRY):
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return
                try:
                    frame = envelope.read(message.get("text") or "")
                except envelope.Malformed:
                    continue
                if frame.get("t") == "ping":
                    pong = to_json({"t": "pong", "at": frame.get("at", 0), "now": house.clock.now()})
                    await send({"type": "websocket.send", "text": pong.decode()})
    except TimeoutError:
        await send({"type": "websocket.close", "code": 4008})
