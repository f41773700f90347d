"""A client that stops reading never delays others, never holds memory, and never keeps the server from stopping."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import inspect
import json
import os
import re
import socket
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import Protocol

from server.live import socket as live_socket
from server.live.frames import payload_of, text_frame
from server.live.protocol import USER_BUFFER, OfficinaWebSocket, apply_mask, whole_frames, whole_text
from tests.people import Day, officina, plan, poll


def raw_phone(day: Day, badge: str) -> socket.socket:
    """A socket that shakes hands, says hello, and never reads again; its receive window is as small as it gets."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    host, port = day.url.removeprefix("http://").split(":")
    made.connect((host, int(port)))
    key = base64.b64encode(os.urandom(16)).decode()
    made.sendall(
        f"GET /live/{day.code} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {badge}\r\n\r\n".encode()
    )
    return made


def masked(text: str) -> bytes:
    data = text.encode()
    head = bytes((0x81, 0x80 | len(data))) if len(data) < 126 else bytes((0x81, 0xFE)) + len(data).to_bytes(2, "big")
    return head + b"\0\0\0\0" + data


HELLO = masked(json.dumps({"t": "hello", "v": 1, "screen": "phone", "as": "json", "last": None, "epoch": None}))


async def stuck_phones(day: Day, count: int) -> list[socket.socket]:
    sockets = []
    for _ in range(count):
        badge = (await day.badge("civil_servants"))["badge"]
        phone = await asyncio.to_thread(raw_phone, day, badge)
        await asyncio.to_thread(phone.recv, 4096)
        phone.sendall(HELLO)
        sockets.append(phone)
    return sockets


def long_poll(n: int) -> dict[str, object]:
    """A stage whose view is long, so that a stuck client's buffers fill."""
    options = [{"id": f"o{k}", "text": {"it": f"{n} " + "parola " * 20, "en": "word " * 20}} for k in range(12)]
    questions = [
        {"id": f"q{k}", "kind": "choice", "text": {"it": f"Domanda {k}"}, "options": options} for k in range(30)
    ]
    return poll("poll", *questions)


@pytest.mark.promise("G8")
async def test_G8_stuck_clients_are_cut_and_others_are_served_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_socket, "STUCK_AFTER", 1.0)
    async with officina(tmp_path) as day:
        await day.begins(plan(long_poll(1)))
        carla = await day.carla()
        await carla.asks("go_next")
        stuck = await stuck_phones(day, 10)
        ada = await day.ada()
        screens = day.house.rooms.live[day.code].screens
        await ada.sees(lambda: len(screens.everyone()) >= 12)
        slowest = 0.0
        rounds = 0
        while len(screens.by_person) > 1 and rounds < 400:
            question = f"q{rounds % 30}"
            await carla.tries("open_question", "poll", question=question)
            began = time.monotonic()
            await ada.tries("answer", "poll", question=question, round=1, value=["o1"])
            slowest = max(slowest, time.monotonic() - began)
            for connection in screens.everyone():
                protocol = connection.protocol
                assert protocol is not None
                assert protocol.transport.get_write_buffer_size() <= USER_BUFFER + live_socket.QUEUE_BYTES
            rounds += 1
            await asyncio.sleep(0.05)
        assert list(screens.by_person) == [ada.person], f"{len(screens.by_person) - 1} stuck clients were never cut"
        assert slowest < 0.5
        for phone in stuck:
            phone.close()


@pytest.mark.promise("G8")
async def test_G8_the_server_stops_within_five_seconds_with_stuck_clients_connected(tmp_path: Path) -> None:
    stuck: list[socket.socket] = []
    async with officina(tmp_path) as day:
        await day.begins(plan(long_poll(1)))
        carla = await day.carla()
        await carla.asks("go_next")
        stuck = await stuck_phones(day, 5)
        for n in range(30):
            await carla.tries("open_question", "poll", question=f"q{n}")
    # The harness itself holds the server to 5.5 seconds.
    for phone in stuck:
        phone.close()


@pytest.mark.promise("G8")
async def test_G8_a_socket_that_never_says_hello_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.live.endpoint.HELLO_SECONDS", 0.2)
    async with officina(tmp_path) as day:
        await day.begins()
        badge = (await day.badge())["badge"]
        silent = await asyncio.to_thread(raw_phone, day, badge)
        silent.settimeout(5)
        data = b""
        while True:
            more = await asyncio.to_thread(silent.recv, 4096)
            data += more
            if not more or (4008).to_bytes(2, "big") in data:
                break
        assert (4008).to_bytes(2, "big") in data
        silent.close()


async def test_an_overflowing_queue_becomes_one_fresh_view(day: Day) -> None:
    ada = await day.ada()
    screens = day.house.rooms.live[day.code].screens
    connection = next(iter(screens.by_person[ada.person or ""]))
    protocol = connection.protocol
    assert protocol is not None
    before = len(ada.frames)
    protocol.writable.clear()
    for n in range(live_socket.QUEUE_FRAMES + 50):
        connection.say({"t": "notice", "code": "n", "n": n})
    protocol.writable.set()
    await ada.sees(lambda: any(frame["t"] == "view" for frame in ada.frames[before:]))
    received = ada.frames[before:]
    assert received[0]["t"] == "view" and set(received[0]) >= {"session", "stage", "mine"}
    assert sum(frame["t"] == "notice" for frame in received) < 60


def test_frames_have_the_header_of_rfc_6455() -> None:
    for size, head in ((5, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)):
        frame = text_frame(b"x" * size)
        assert len(frame) == size + head and frame[0] == 0x81 and payload_of(frame) == b"x" * size


def test_the_private_names_that_our_socket_class_builds_on_are_still_there() -> None:
    for name in ("data_received", "connection_made", "keepalive_timeout", "shutdown", "run_asgi", "handle_text", "handle_cont",
                 "send_receive_event_to_app", "stop_keepalive", "connection_lost"):  # fmt: skip
        assert callable(getattr(WebSocketsSansIOProtocol, name)), f"uvicorn moved {name}"
        assert name in vars(OfficinaWebSocket) or name == "stop_keepalive"
    source = inspect.getsource(WebSocketsSansIOProtocol.__init__)
    for name in (
        "writable",
        "close_sent",
        "disconnected",
        "close_timer",
        "last_ping_rtt",
        "frames",
        "curr_msg_data_type",
        "conn",
    ):
        assert f"self.{name}" in source, f"uvicorn has no {name} any more"
    assert "handshake_complete" in source
    source = inspect.getsource(Protocol.__init__)
    for name in ("state", "current_size"):
        assert f"self.{name}" in source, f"websockets has no {name} any more"


def client_frame(payload: bytes, mask: bytes = bytes(4), first: int = 0x81) -> bytes:
    head = bytes((first, 0x80 | len(payload))) if len(payload) < 126 else struct.pack("!BBH", first, 254, len(payload))
    return head + mask + apply_mask(payload, mask)


@given(st.binary(max_size=400), st.binary(min_size=4, max_size=4), st.data())
def test_a_whole_text_frame_is_read_as_the_library_reads_it_and_nothing_else_is(
    payload: bytes, mask: bytes, data: st.DataObject
) -> None:
    frame = client_frame(payload, mask)
    assert whole_text(frame) == payload and whole_frames(frame) and whole_frames(frame + frame)
    part = frame[: data.draw(st.integers(0, len(frame) - 1))]
    assert (whole_text(part) is None and whole_text(frame + part) is None) or not part
    assert not whole_frames(part) or not part
    for first in (0x01, 0x80, 0x82, 0x88, 0x89, 0x8A, 0xC1):
        assert whole_text(client_frame(payload, mask, first)) is None
    unmasked = bytes((0x81, len(payload) & 0x7D)) + payload[: len(payload) & 0x7D]
    assert whole_text(unmasked) is None


async def test_messages_in_pieces_and_in_heaps_are_each_heard_once(tmp_path: Path) -> None:
    # The second piece of the first message looks like a whole frame of its own.
    trap = b'{"t":"ping","at":1,"x":"' + "\U00010045".encode() + b'abcdef"}'
    at = trap.index(b"\x81\x85")
    trap += b" "
    assert whole_text(trap[at:]) is not None
    pings = [client_frame(b'{"t":"ping","at":%d}' % n, bytes((n, 3, 5, 7))) for n in range(2, 8)]
    async with officina(tmp_path) as day:
        await day.begins()
        badge = (await day.badge())["badge"]
        phone = await asyncio.to_thread(raw_phone, day, badge)
        await asyncio.to_thread(phone.recv, 4096)
        phone.sendall(HELLO)
        phone.settimeout(0.2)
        pieces = [pings[0], pings[1] + pings[2], client_frame(trap)[: at + 6], client_frame(trap)[at + 6 :], *pings[3:]]
        for piece in pieces:
            phone.sendall(piece)
            await asyncio.sleep(0.1)
        heard = b""
        async with asyncio.timeout(5):
            while heard.count(b'"t":"pong"') < 7:
                with contextlib.suppress(TimeoutError):
                    heard += await asyncio.to_thread(_received, phone)
        assert [int(n) for n in re.findall(rb'"t":"pong","at":(\d+)', heard)] == [2, 3, 4, 1, 5, 6, 7]
        phone.close()


@pytest.mark.promise("G18")
async def test_G18_a_message_that_never_ends_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.live.protocol.MESSAGE_SECONDS", 0.3)
    async with officina(tmp_path) as day:
        await day.begins()
        badge = (await day.badge())["badge"]
        phone = await asyncio.to_thread(raw_phone, day, badge)
        await asyncio.to_thread(phone.recv, 4096)
        phone.sendall(HELLO)
        phone.sendall(bytes((0x01, 0x80 | 1)) + b"\0\0\0\0" + b"x")
        phone.settimeout(5)
        with pytest.raises(EOFError):
            while True:
                if not await asyncio.to_thread(_received, phone):
                    raise EOFError
        phone.close()


def _received(phone: socket.socket) -> bytes:
    try:
        return phone.recv(65_536)
    except ConnectionResetError:
        return b""
