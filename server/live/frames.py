"""WebSocket server frames, built once and written to many sockets."""

from __future__ import annotations

import struct


def text_frame(payload: bytes) -> bytes:
    """An unmasked, unfragmented text frame with its 2, 4 or 10 header bytes (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return struct.pack("!BBH", 0x81, 126, size) + payload
    return struct.pack("!BBQ", 0x81, 127, size) + payload


def payload_of(frame: bytes) -> bytes:
    """The payload of a frame made by `text_frame`."""
    marker = frame[1]
    return frame[2:] if marker < 126 else frame[4:] if marker == 126 else frame[10:]
