"""What every call passes first: our own Host, our own Origin, a bounded body, and the headers every page carries.

Pure ASGI, because Starlette's convenient middleware does not run for WebSockets and cancels what it wraps.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from .sessions.access import Access

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
#: Draws the page that tells a person why: (scope, status, code).
Page = Callable[[Scope, int, str], Awaitable[Response]]
Headers = list[tuple[bytes, bytes]]

SAFE = {"GET", "HEAD", "OPTIONS"}
BODY = 64 << 10
#: Imports and plans.
LARGE_BODY = 5 << 20
#: A whole dossier.
DOSSIER_BODY = 20 << 20
#: For the form around a file of the largest size.
FORM = 64 << 10
#: How much of a body that is too large is read and thrown away, and for how many seconds.
PASSING, PASSING_SECONDS = 64 << 20, 10.0

#: All that a script, a style or a font needs: the rest speaks of documents, and forty phones fetch eight files each.
FOR_FILES: Headers = [(b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin")]

PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"


def policy(scheme: str, host: str) -> str:
    """The Content-Security-Policy of every page; the socket's address is named because older Safari needs it."""
    socket = f"{'wss' if scheme == 'https' else 'ws'}://{host}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
        f" media-src 'self'; connect-src 'self' {socket}; form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
        " object-src 'none'; require-trusted-types-for 'script'; trusted-types htmx"
    )


def headers_of(connection: HTTPConnection) -> Headers:
    """What every answer carries."""
    host = connection.headers.get("host", "")
    return [
        (b"content-security-policy", policy(connection.url.scheme, host).encode("latin-1", "replace")),
        # Not no-referrer: with it browsers send "Origin: null" with our own forms.
        (b"referrer-policy", b"same-origin"),
        (b"x-frame-options", b"DENY"),
        (b"permissions-policy", PERMISSIONS.encode()),
        (b"cross-origin-opener-policy", b"same-origin"),
        *FOR_FILES,
    ]


def with_all(message: MutableMapping[str, Any], headers: Headers) -> MutableMapping[str, Any]:
    """The start of an answer with these headers, and kept by nobody; what it has already stays as it is."""
    given = list(message.get("headers", []))
    names = {name.lower() for name, _ in given}
    if b"cache-control" not in names:
        given.append((b"cache-control", b"no-store"))
    return {**message, "headers": given + [one for one in headers if one[0] not in names]}


def wants_page(scope: Scope) -> bool:
    """Whether a person in a browser waits for the answer."""
    accept = HTTPConnection(scope).headers.get("accept", "")
    return "text/html" in accept and not scope["path"].startswith("/api/")


class TooLarge(HTTPException):
    """Raised where the body is read; an HTTPException, because FastAPI makes a 400 of any other."""

    def __init__(self) -> None:
        super().__init__(413)


class Guard:
    def __init__(self, app: App, access: Callable[[], Access], page: Page) -> None:
        self.app = app
        self.access = access
        self.page = page

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
        # The browser's own word for where a call comes from; older ones do not say it.
        elsewhere = connection.headers.get("sec-fetch-site") == "cross-site"
        if unsafe and (elsewhere or not access.origin_is_ours(connection)):
            await self.refuse(scope, receive, send, 403, "wrong_origin", "This call comes from another site.")
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        await self.http(scope, receive, send, connection)

    async def http(self, scope: Scope, receive: Receive, send: Send, connection: HTTPConnection) -> None:
        path = scope["path"]
        most = BODY
        if path.endswith("/import") or path in ("/desk/plans", "/api/sessions"):
            most = (DOSSIER_BODY if path == "/api/paths/import" else LARGE_BODY) + FORM
        length = connection.headers.get("content-length")
        if length is not None and (not length.isdecimal() or len(length) > 18 or int(length) > most):
            await self.let_pass(receive)
            await self.too_big(scope, receive, send)
            return
        taken, more = 0, False

        async def bounded() -> MutableMapping[str, Any]:
            nonlocal taken, more
            message = await receive()
            taken += len(message.get("body", b""))
            more = bool(message.get("more_body"))
            if taken > most:
                raise TooLarge
            return message

        started = cut = False

        async def cut_off() -> None:
            nonlocal started, cut
            if not started:
                started = cut = True
                if more:
                    await self.let_pass(receive)
                await self.too_big(scope, receive, send)

        headers = headers_of(connection)

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if taken > most and (not started or cut):
                # Whatever the application made of it: this is the reason.
                await cut_off()
                return
            if message["type"] == "http.response.start":
                started = True
                is_file = path.startswith("/static/") and message["status"] == 200
                message = with_all(message, FOR_FILES if is_file else headers)
            await send(message)

        try:
            await self.app(scope, bounded, with_headers)
        except TooLarge:
            await cut_off()

    async def let_pass(self, receive: Receive) -> None:
        """Reads what is still coming and throws it away, for a while: cut off at once, a browser shows no answer."""
        passed = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PASSING_SECONDS):
                while passed < PASSING:
                    message = await receive()
                    passed += len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body"):
                        return

    async def too_big(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.refuse(scope, receive, send, 413, "too_big", "This is larger than we take.", close=True)

    async def refuse(
        self, scope: Scope, receive: Receive, send: Send, status: int, code: str, text: str, close: bool = False
    ) -> None:
        if scope["type"] == "http" and code != "unknown_host" and wants_page(scope):
            connection = HTTPConnection(scope)
            page = await self.page(scope, status, code)
            if close:
                page.headers["connection"] = "close"

            async def protected(message: MutableMapping[str, Any]) -> None:
                starts = message["type"] == "http.response.start"
                await send(with_all(message, headers_of(connection)) if starts else message)

            await page(scope, receive, protected)
            return
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        headers |= {"connection": "close"} if close else {}
        response: Response = JSONResponse({"error": {"code": code, "text": text}}, status, headers)
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
