"""The usual way: python-socketio doing the same two jobs, a broadcast to a room and an acknowledged answer.

Its own Python client is slower than its server, so the bench speaks Engine.IO 4 and Socket.IO 5 by hand: the functions below frame and
unframe for `client.Socket`. Websocket transport from the first request on, as a client that wants to be fast would ask for.
"""

import asyncio
from typing import Any

from tests.load.baseline_bare import port_asked_for, run
from tests.load.client import OnText, Socket, open_socket

PATH = "/socket.io/?EIO=4&transport=websocket"
# What comes before a payload of x in a broadcast frame, and after it: `42["view","xxx"]`.
_AROUND = len('42["view",""]')


def application() -> Any:
    """The ASGI app: a `crowd` room, the event `broadcast` (payload bytes on the wire as its argument), the event `answer`."""
    import socketio  # type: ignore[import-untyped]

    server = socketio.AsyncServer(
        async_mode="asgi", transports=["websocket"], allow_upgrades=False, logger=False, engineio_logger=False
    )

    @server.event  # type: ignore[untyped-decorator]
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        if "crowd=1" in environ.get("QUERY_STRING", ""):
            await server.enter_room(sid, "crowd")

    @server.event  # type: ignore[untyped-decorator]
    async def broadcast(sid: str, size: int) -> None:
        del sid
        await server.emit("view", "x" * (size - _AROUND), room="crowd")

    @server.event  # type: ignore[untyped-decorator]
    async def answer(sid: str, ask: dict[str, Any]) -> dict[str, Any]:
        del sid
        return {"id": ask["id"], "number": 1}

    async def healthy(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    return socketio.ASGIApp(server, other_asgi_app=healthy)


def ask(payload: bytes, number: int = 1) -> bytes:
    """The packet of an `answer` event that wants to be acknowledged."""
    return b"42%d" % number + b'["answer",' + payload + b"]"


def is_receipt(socket: Socket, packet: bytes) -> bool:
    del socket
    return packet.startswith(b"43")


def is_view(socket: Socket, packet: bytes) -> bool:
    del socket
    return packet.startswith(b'42["view"')


def heartbeat(then: OnText) -> OnText:
    """`then`, with Engine.IO's own pings answered first."""

    def heard(socket: Socket, packet: bytes, at: int) -> None:
        if packet == b"2":
            socket.send(b"3")
        else:
            then(socket, packet, at)

    return heard


async def open_member(port: int, crowd: bool, name: str) -> Socket:
    """A connected Socket.IO client, in the room when `crowd`."""
    connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def greet(socket: Socket, packet: bytes, at: int) -> None:
        del at
        if packet.startswith(b"0"):
            socket.send(b"40")
        elif packet.startswith(b"40") and not connected.done():
            connected.set_result(None)

    socket = await open_socket(port, PATH + ("&crowd=1" if crowd else ""), on_text=heartbeat(greet), name=name)
    async with asyncio.timeout(10):
        await connected
    return socket


if __name__ == "__main__":
    run(application(), port_asked_for())
