"""What every call passes first: our own Host, our own Origin, a bounded body, and the headers every page carries.

Pure ASGI, because Starlette's convenient middleware does not run for WebSockets and cancels what it wraps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from .sessions.access import Access

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE = {"GET", "HEAD", "OPTIONS"}
BODY = 64 << 10
#: Imports and plans.
LARGE_BODY = 5 << 20
#: For the form around a file of the largest size.
FORM = 64 << 10

PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"


def policy(scheme: str, host: str) -> str:
    """The Content-Security-Policy of every page; the socket's address is named because older Safari needs it."""
    socket = f"{'wss' if scheme == 'https' else 'ws'}://{host}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
        f" media-src 'self'; connect-src 'self' {socket}; form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
        " object-src 'none'; require-trusted-types-for 'script'; trusted-types htmx"
    )


class TooLarge(Exception):
    pass


class Guard:
    def __init__(self, app: App, access: Callable[[], Access], https: bool = False) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        host = connection.headers.get("host", "")
        access = self.access()
        if not access.host_is_ours(host):
            await self.refuse(
                scope, receive, send, 403, "unknown_host", f"This address is not served here: {host[:80]!r}"
            )
            return
        unsafe = scope["type"] == "websocket" or scope["method"] not in SAFE
        if unsafe and not access.origin_is_ours(connection):
            await self.refuse(scope, receive, send, 403, "wrong_origin", "This call comes from another site.")
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        await self.http(scope, receive, send, connection, host)

    async def http(self, scope: Scope, receive: Receive, send: Send, connection: HTTPConnection, host: str) -> None:
        path = scope["path"]
        most = BODY
        if path.endswith("/import") or path in ("/desk/plans", "/api/sessions"):
            most = LARGE_BODY + FORM
        length = connection.headers.get("content-length")
        if length is not None and (not length.isdigit() or int(length) > most):
            await self.refuse(scope, receive, send, 413, "too_big", "This is larger than we take.", close=True)
            return
        taken = 0

        async def bounded() -> MutableMapping[str, Any]:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise TooLarge
            return message

        started = False
        headers = [
            (b"content-security-policy", policy(connection.url.scheme, host).encode("latin-1", "replace")),
            (b"x-content-type-options", b"nosniff"),
            # Not no-referrer: with it browsers send "Origin: null" with our own forms.
            (b"referrer-policy", b"same-origin"),
            (b"x-frame-options", b"DENY"),
            (b"permissions-policy", PERMISSIONS.encode()),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
        ]

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = list(message.get("headers", []))
                names = {name.lower() for name, _ in given}
                if b"cache-control" not in names:
                    given.append((b"cache-control", b"no-store"))
                message = {**message, "headers": given + [one for one in headers if one[0] not in names]}
            await send(message)

        try:
            await self.app(scope, bounded, with_headers)
        except TooLarge:
            if not started:
                await self.refuse(scope, receive, send, 413, "too_big", "This is larger than we take.", close=True)

    async def refuse(
        self, scope: Scope, receive: Receive, send: Send, status: int, code: str, text: str, close: bool = False
    ) -> None:
        headers = {"cache-control": "no-store", **({"connection": "close"} if close else {})}
        response = JSONResponse({"error": {"code": code, "text": text}}, status, headers)
        if scope["type"] == "http":
            await response(scope, receive, send)
            return
        await send(
            {
                "type": "websocket.http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(response.body)).encode()),
                ],
            }
        )
        await send({"type": "websocket.http.response.body", "body": bytes(response.body)})
