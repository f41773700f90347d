"""uvicorn's WebSocket class with four changes, so that a client that stops reading can never hold us (promise G8),
and one so that a room that answers in the same instant is read quickly.

uvicorn closes with `transport.close()`, which waits for the buffer to drain; a phone in a pocket may never drain it.
`tests/test_stuck_client.py` pins the private names used here, so that a new uvicorn that moves them fails loudly.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from asyncio.transports import BaseTransport
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.protocol import State

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

#: What we let wait in user space and in the kernel for one client, in bytes.
USER_BUFFER = 32_768
KERNEL_BUFFER = 65_536
#: A close that the client does not take within this time becomes an abort, in seconds.
ABORT_AFTER = 1.0
#: A message whose last fragment has not come by then ends the connection, in seconds.
MESSAGE_SECONDS = 10.0


def whole_text(data: bytes) -> bytes | None:
    """The payload when these bytes are exactly one masked, final, uncompressed text frame of a client; else None."""
    size = len(data)
    if size < 6 or data[0] != 0x81 or data[1] < 0x80:
        return None
    length, start = data[1] - 0x80, 2
    if length == 126:
        length, start = int.from_bytes(data[2:4], "big"), 4
    if length > 65_535 or size != start + 4 + length:
        return None
    return apply_mask(data[start + 4 :], data[start : start + 4])


def whole_frames(data: bytes) -> bool:
    """Whether these bytes end where a client's frame ends, given that they begin where one begins."""
    at, size = 0, len(data)
    while at + 2 <= size:
        length, start = data[at + 1] & 0x7F, at + 2
        if length == 126:
            length, start = int.from_bytes(data[start : start + 2], "big"), start + 2
        elif length == 127:
            length, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        at = start + (4 if data[at + 1] & 0x80 else 0) + length
    return at == size


class OfficinaWebSocket(WebSocketsSansIOProtocol):
    """`listener`, once set, gets each text message at once, past the ASGI queue; it never awaits."""

    listener: Callable[[str], None] | None = None
    _unfinished: asyncio.TimerHandle | None = None
    #: Whether what comes next begins a frame. Once a frame came in pieces this is never known again.
    _between: bool = True
    #: Whether the bytes of the handshake have come; they are no frame.
    _asked: bool = False

    def data_received(self, data: bytes) -> None:
        if self.listener is not None and self._between and self.conn.current_size is None:
            # A tap on a phone is one small frame in one packet; everything else takes the library's way.
            payload = whole_text(data) if self.conn.state is State.OPEN and not self.close_sent else None
            if payload is not None:
                self.hear(payload)
                return
        if self._asked:
            self._between = self._between and self.handshake_complete and whole_frames(data)
        self._asked = True
        super().data_received(data)

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=USER_BUFFER)
        kernel = transport.get_extra_info("socket")
        if kernel is not None and kernel.family in (socket.AF_INET, socket.AF_INET6):
            kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)

    def abort_soon(self) -> None:
        self.loop.call_later(ABORT_AFTER, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.abort_soon()

    def shutdown(self) -> None:
        super().shutdown()
        self.abort_soon()

    async def run_asgi(self) -> None:
        self.scope.setdefault("extensions", {})["officina"] = {"protocol": self}
        await super().run_asgi()

    def handle_text(self, event: Any) -> None:
        if not event.fin:
            self._unfinished = self.loop.call_later(MESSAGE_SECONDS, self.transport.abort)
        super().handle_text(event)

    def handle_cont(self, event: Any) -> None:
        super().handle_cont(event)
        if event.fin and self._unfinished is not None:
            self._unfinished.cancel()
            self._unfinished = None

    def send_receive_event_to_app(self) -> None:
        if self.listener is None or self.curr_msg_data_type != "text" or self.close_sent:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        self.hear(data)

    def hear(self, payload: bytes) -> None:
        """Hands a whole text message to the listener."""
        try:
            text = str(payload, "utf-8")
        except UnicodeDecodeError:
            self.end(1007)
            return
        if self.listener is not None:
            self.listener(text)

    def end(self, code: int, reason: str = "") -> None:
        """Closes from our side; whoever does not take the close frame is cut a second later."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        with contextlib.suppress(InvalidState):
            self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        # The parent lets go when the client echoes the close frame, and cancels this.
        self.close_timer = self.loop.call_later(ABORT_AFTER, self.transport.abort)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    def connection_lost(self, exc: Exception | None) -> None:
        if self._unfinished is not None:
            self._unfinished.cancel()
        self.listener = None
        super().connection_lost(exc)
