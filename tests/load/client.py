"""The measuring side of the bench: HTTP and WebSocket for thousands of connections from one core.

A library that checks everything costs more per frame than the server under test, and then the bench measures itself. So this client does
only what a correct peer on loopback needs: one upgrade, masked frames up, whole unmasked text frames down, pong for ping, close for close.
"""

import asyncio
import base64
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# Seconds until a connection, an upgrade or one HTTP answer counts as failed; a page that takes longer has missed every target anyway.
CONNECT_LIMIT = 10.0

_TEXT, _CLOSE, _PING = 0x1, 0x8, 0x9
_MASKED = 0x80
# The mask is there against confused proxies. With a key of zeros the payload stays as it is and the client need not xor every byte;
# the server unmasks all the same, so its work is the real one.
_ZERO_KEY = b"\0\0\0\0"

OnText = Callable[["Socket", bytes, int], None]


class ConnectionRefused(ConnectionError):
    """The other side answered, but not with what was asked for; the text says with what."""


def text_frame(payload: bytes) -> bytes:
    """One masked text frame, ready for the wire, so that building it is not part of what is timed."""
    return _frame(_TEXT, payload)


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, _MASKED | size))
    elif size < 65_536:
        head = bytes((0x80 | opcode, _MASKED | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, _MASKED | 127)) + size.to_bytes(8, "big")
    return head + _ZERO_KEY + payload


def _ignore(socket: "Socket", payload: bytes, at: int) -> None:
    del socket, payload, at


class Socket(asyncio.Protocol):
    """One WebSocket. `on_text(socket, payload, at)` is called for every text frame, `at` in nanoseconds of `perf_counter_ns`.

    All frames of one read carry the same `at`: the moment the bytes were there. `sent_at`, `seen_at`, `awaited` and `bytes_down` belong to
    whoever measures.
    """

    __slots__ = (
        "_buffer",
        "_opened",
        "_request",
        "_transport",
        "awaited",
        "bytes_down",
        "close_code",
        "closed",
        "frames_down",
        "name",
        "on_close",
        "on_text",
        "seen_at",
        "sent_at",
    )

    def __init__(self, request: bytes, opened: asyncio.Future[None], name: str) -> None:
        self._request = request
        self._opened = opened
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.name = name
        self.on_text: OnText = _ignore
        self.on_close: Callable[[Socket], None] | None = None
        self.closed = False
        self.close_code: int | None = None
        self.awaited = b""
        self.sent_at = 0
        self.seen_at = 0
        self.bytes_down = 0
        self.frames_down = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._transport = None
        if not self._opened.done():
            self._opened.set_exception(ConnectionRefused(f"{self.name}: connection lost during the upgrade ({exc})"))
        if self.on_close is not None:
            self.on_close(self)

    def data_received(self, data: bytes) -> None:
        at = time.perf_counter_ns()
        if self._buffer:
            data = self._buffer + data
        start = 0
        if not self._opened.done():
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                # At least the start of the body belongs to the reason, and it usually comes with the head.
                self._opened.set_exception(ConnectionRefused(f"{self.name}: {data[:300].decode(errors='replace')}"))
                self.abort()
                return
            self._opened.set_result(None)
            start = end + 4
        size = len(data)
        while size - start >= 2:
            opcode = data[start] & 0x0F
            length = data[start + 1]
            body = start + 2
            if length == 126:
                if size < start + 4:
                    break
                length = int.from_bytes(data[start + 2 : start + 4], "big")
                body = start + 4
            elif length == 127:
                if size < start + 10:
                    break
                length = int.from_bytes(data[start + 2 : start + 10], "big")
                body = start + 10
            end = body + length
            if end > size:
                break
            if opcode == _TEXT:
                self.bytes_down += length
                self.frames_down += 1
                self.on_text(self, data[body:end], at)
            elif opcode == _PING:
                self.write(_frame(0xA, data[body:end]))
            elif opcode == _CLOSE:
                self.close_code = int.from_bytes(data[body : body + 2], "big") if length >= 2 else 1005
                self.write(_frame(_CLOSE, data[body : body + 2]))
            start = end
        self._buffer = data[start:] if start < size else b""

    def write(self, frame: bytes) -> None:
        """Send bytes that are already framed; silently nothing on a closed socket, as on a phone without net."""
        if self._transport is not None:
            self._transport.write(frame)

    def send(self, payload: bytes) -> None:
        self.write(_frame(_TEXT, payload))

    def close(self) -> None:
        if self._transport is not None:
            self.write(_frame(_CLOSE, (1000).to_bytes(2, "big")))
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def open_socket(
    port: int, path: str, headers: dict[str, str] | None = None, on_text: OnText | None = None, name: str = "socket"
) -> Socket:
    """A WebSocket on 127.0.0.1 after its upgrade.

    `on_text` is in place before the first frame can arrive. Raises OSError when nobody listens, ConnectionRefused (with the first 300 bytes
    of the answer) when the upgrade is refused, TimeoutError after CONNECT_LIMIT.
    """
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        *(f"{key}: {value}" for key, value in (headers or {}).items()),
    ]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[None] = loop.create_future()
    socket = Socket(request, opened, name)
    if on_text is not None:
        socket.on_text = on_text
    async with asyncio.timeout(CONNECT_LIMIT):
        await loop.create_connection(lambda: socket, "127.0.0.1", port)
        try:
            await opened
        except BaseException:
            socket.abort()
            raise
    return socket


@dataclass(slots=True)
class Answer:
    """One HTTP answer; `body` as it came over the wire (still gzipped if it was), `wire` = bytes of head and body together."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    body: bytes
    wire: int


@dataclass(slots=True)
class _Awaited:
    future: asyncio.Future[Answer]
    buffer: bytearray = field(default_factory=bytearray)
    without_body: bool = False


class HttpLine(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection to 127.0.0.1, one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._awaited: _Awaited | None = None

    @classmethod
    async def open(cls, port: int) -> "HttpLine":
        line = cls(port)
        async with asyncio.timeout(CONNECT_LIMIT):
            await asyncio.get_running_loop().create_connection(lambda: line, "127.0.0.1", port)
        return line

    async def request(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        limit: float = CONNECT_LIMIT,
    ) -> Answer:
        """The answer to one request. Raises ConnectionError when the line breaks, TimeoutError after `limit` seconds."""
        if self._transport is None:
            raise ConnectionError(f"{method} {path}: the connection is closed")
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}"]
        lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
        if body or method not in ("GET", "HEAD"):
            lines.append(f"Content-Length: {len(body)}")
        awaited = _Awaited(asyncio.get_running_loop().create_future(), without_body=method == "HEAD")
        self._awaited = awaited
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        async with asyncio.timeout(limit):
            return await awaited.future

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        awaited, self._awaited = self._awaited, None
        if awaited is None or awaited.future.done():
            return
        # An answer without a length ends with the connection.
        head, gap, body = bytes(awaited.buffer).partition(b"\r\n\r\n")
        if gap and b"content-length" not in head.lower() and b"chunked" not in head.lower():
            status, headers, cookies = _read_head(head)
            awaited.future.set_result(Answer(status, headers, cookies, body, len(awaited.buffer)))
        else:
            awaited.future.set_exception(ConnectionError(f"connection lost before the answer was complete ({exc})"))

    def data_received(self, data: bytes) -> None:
        awaited = self._awaited
        if awaited is None or awaited.future.done():
            return
        awaited.buffer += data
        end = awaited.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        status, headers, cookies = _read_head(bytes(awaited.buffer[:end]))
        start = end + 4
        if awaited.without_body or status in (204, 304):
            body: bytes | None = b""
        elif "chunked" in headers.get("transfer-encoding", ""):
            body = _read_chunks(bytes(awaited.buffer[start:]))
        elif "content-length" in headers:
            length = int(headers["content-length"])
            body = bytes(awaited.buffer[start : start + length]) if len(awaited.buffer) - start >= length else None
        else:
            body = None
        if body is not None:
            self._awaited = None
            awaited.future.set_result(Answer(status, headers, cookies, body, len(awaited.buffer)))


def _read_head(head: bytes) -> tuple[int, dict[str, str], list[str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.lower() == "set-cookie":
            cookies.append(value.strip().partition(";")[0])
        headers[key.lower()] = value.strip()
    return int(first.split(" ", 2)[1]), headers, cookies


def _read_chunks(data: bytes) -> bytes | None:
    """The joined chunks, or None while the last one has not come."""
    parts: list[bytes] = []
    start = 0
    while True:
        line = data.find(b"\r\n", start)
        if line < 0:
            return None
        size = int(data[start:line].partition(b";")[0], 16)
        if size == 0:
            return b"".join(parts) if data.find(b"\r\n", line + 2) >= 0 else None
        if len(data) < line + 2 + size + 2:
            return None
        parts.append(data[line + 2 : line + 2 + size])
        start = line + 2 + size + 2


async def fetch(port: int, path: str, headers: dict[str, str] | None = None, limit: float = CONNECT_LIMIT) -> Answer:
    """One GET on a connection of its own."""
    line = await HttpLine.open(port)
    try:
        return await line.request("GET", path, headers, limit=limit)
    finally:
        line.close()
