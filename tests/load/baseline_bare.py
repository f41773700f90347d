"""The floor: an ASGI app without parsing, storage or drawing, on the same uvicorn and settings as the server it is measured beside.

Sockets at `/live` are the crowd, sockets at any other path are not. What a socket sends decides what happens:
`broadcast N` sends N bytes to the whole crowd, one `await send` after the other; `first N` sends N bytes to the sender; `tell N ID` answers
`kept ID` and then sends `note ID`, filled up to N bytes, to the whole crowd; all else is echoed.
Over HTTP: `GET /page?N` answers N bytes, `POST` echoes its body, every other GET answers a short page.
"""

import argparse
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_crowd: dict[int, Send] = {}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await _socket(scope, receive, send)
    elif scope["type"] == "http":
        await _http(scope, receive, send)
    else:
        await _lifespan(receive, send)


async def _socket(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/live":
        _crowd[id(send)] = send
    try:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message["text"]
            if text.startswith("broadcast "):
                payload = {"type": "websocket.send", "text": "x" * int(text[10:])}
                for each in list(_crowd.values()):
                    await each(payload)
            elif text.startswith("first "):
                await send({"type": "websocket.send", "text": "x" * int(text[6:])})
            elif text.startswith("tell "):
                _, size, note = text.split(" ", 2)
                await send({"type": "websocket.send", "text": f"kept {note}"})
                payload = {"type": "websocket.send", "text": f"note {note} ".ljust(int(size), "x")}
                for each in list(_crowd.values()):
                    await each(payload)
            else:
                await send({"type": "websocket.send", "text": text})
    finally:
        _crowd.pop(id(send), None)


async def _http(scope: Scope, receive: Receive, send: Send) -> None:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if scope["method"] == "GET":
        body = b"x" * int(scope["query_string"] or 32)
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


def run(application: Any, port: int) -> None:
    """Serve with the settings Officina chose, except its own WebSocket class: the default one is what everybody else gets."""
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        backlog=2_048,
        ws_ping_interval=10,
        ws_ping_timeout=10,
        ws_max_size=65_536,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=3,
        server_header=False,
    )


def port_asked_for() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    return int(parser.parse_args().port)


if __name__ == "__main__":
    run(app, port_asked_for())
