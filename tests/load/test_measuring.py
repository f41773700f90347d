"""The measuring side is measured itself: a bench that misreads a frame or a percentile would praise or blame the wrong server."""

import asyncio

import pytest

from tests.load import first_load, room
from tests.load.baseline_bare import app
from tests.load.bench import middle
from tests.load.client import Socket, text_frame
from tests.load.measures import NotMeasured, Watch, latencies


class Wire(asyncio.Transport):
    """A transport that remembers what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.written += b"<closed>"


def from_server(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65_536:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + payload


UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"


def a_socket() -> tuple[Socket, Wire, list[bytes]]:
    got: list[bytes] = []
    socket = Socket(b"GET / HTTP/1.1\r\n\r\n", asyncio.get_running_loop().create_future(), "ada's phone")
    wire = Wire()
    socket.connection_made(wire)
    wire.written = b""
    socket.on_text = lambda _, payload, __: got.append(payload)
    return socket, wire, got


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1_000, 10**6])
def test_frames_of_every_length_are_read_however_the_bytes_are_cut(piece: int) -> None:
    payloads = [b"", b"a" * 125, b"b" * 126, b"c" * 2_048, b"d" * 65_535, b"e" * 65_536]

    async def read() -> list[bytes]:
        socket, _, got = a_socket()
        stream = UPGRADED + b"".join(from_server(1, payload) for payload in payloads)
        for start in range(0, len(stream), piece):
            socket.data_received(stream[start : start + piece])
        assert socket.bytes_down == sum(map(len, payloads))
        return got

    if piece < 7:
        # Byte by byte the long frames are copied at every step; the short ones hold the same edges.
        payloads = payloads[:4]
    assert asyncio.run(read()) == payloads


def test_a_ping_is_answered_with_its_own_payload_and_is_not_a_message() -> None:
    async def read() -> None:
        socket, wire, got = a_socket()
        socket.data_received(UPGRADED + from_server(9, b"now") + from_server(1, b"view"))
        assert wire.written == bytes((0x8A, 0x83)) + b"\0\0\0\0now"
        assert got == [b"view"]

    asyncio.run(read())


def test_the_code_of_a_close_is_kept() -> None:
    async def read() -> None:
        socket, _, _ = a_socket()
        socket.data_received(UPGRADED + from_server(8, (4001).to_bytes(2, "big") + b"replaced"))
        assert socket.close_code == 4001

    asyncio.run(read())


@pytest.mark.parametrize(("size", "head"), [(125, 6), (126, 8), (65_535, 8), (65_536, 14)])
def test_what_goes_up_is_masked_and_says_its_length(size: int, head: int) -> None:
    frame = text_frame(b"x" * size)
    assert frame[0] == 0x81
    assert frame[1] & 0x80
    assert len(frame) == head + size


def test_percentiles_are_values_that_were_measured() -> None:
    found = latencies([float(value) for value in range(1, 101)])
    assert (found.p50, found.p95, found.p99, found.worst) == (50.0, 95.0, 99.0, 100.0)
    alone = latencies([3.0])
    assert (alone.p50, alone.p99, alone.worst) == (3.0, 3.0, 3.0)


def test_a_lost_answer_in_one_run_of_three_is_not_hidden_by_the_median() -> None:
    assert middle([{"ms": 1, "lost": 0}, {"ms": 9, "lost": 2}, {"ms": 2, "lost": 0}]) == {"ms": 2, "lost": 2}


def test_a_refused_answer_ends_the_measurement_with_its_reason() -> None:
    async def refused() -> None:
        socket, _, _ = a_socket()
        socket.awaited = b"f00d"
        watch = Watch([socket], room.is_receipt)
        socket.data_received(UPGRADED + from_server(1, b'{"t":"refusal","id":"f00d","code":"locked"}'))
        with pytest.raises(NotMeasured, match="locked"):
            await watch.all_seen("an answer")

    asyncio.run(refused())


def test_a_receipt_of_another_ask_is_not_taken_for_ones_own() -> None:
    async def read() -> bool:
        socket, _, _ = a_socket()
        socket.awaited = b"f00d"
        other = room.is_receipt(socket, b'{"t":"receipt","id":"beef","number":4}')
        return not other and room.is_receipt(socket, b'{"t":"receipt","id":"f00d","number":5}')

    assert asyncio.run(read())


def test_only_the_view_with_the_open_question_counts_as_the_opened_stage() -> None:
    async def shown(frame: bytes) -> bool:
        socket, _, _ = a_socket()
        return room.is_open_question(socket, frame)

    assert asyncio.run(shown(b'{"t":"view","number":7,"html":"... Giambellino ..."}'))
    assert asyncio.run(shown(b'{"t": "view", "number": 7, "html": "... Giambellino ..."}'))
    assert not asyncio.run(shown(b'{"t":"view","number":6,"html":"wait"}'))
    assert not asyncio.run(shown(b'{"t":"welcome","html":"... Giambellino ..."}'))


JOIN_PAGE = """<link rel=icon href="/icon.svg"><link rel=stylesheet href="/app.css">
<script src="/line.js" defer></script><script src="/early.js"></script>"""
STYLES = """@import "parts/notes.css"; @font-face{font-weight:400;src:url(f/plain.woff2)}
@font-face{font-weight:500;src:url(f/medium.woff2)}
@font-face{font-weight:700;unicode-range:U+0370-03FF;src:url(f/greek.woff2)}"""
ASSETS = {
    "/j/CODE": ("text/html", JOIN_PAGE),
    "/s/CODE": (
        "text/html",
        '<link rel=icon href="/icon.svg"><link rel=stylesheet href="/app.css"><img src="data:,x">',
    ),
    "/icon.svg": ("image/svg+xml", "<svg/>"),
    "/app.css": ("text/css", STYLES),
    "/parts/notes.css": ("text/css", "p{}"),
    "/f/plain.woff2": ("font/woff2", "x"),
    "/line.js": ("text/javascript", 'import {a} from "./outbox.js"\nconst import_of = "no";'),
    "/outbox.js": ("text/javascript", ""),
    "/early.js": ("text/javascript", ""),
}


def test_the_first_load_is_each_needed_file_once_and_nothing_a_phone_would_not_fetch() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            kind, text = ASSETS[head.split()[1].decode()]
            writer.write(
                f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode()
            )
            await writer.drain()

    async def weigh() -> first_load.Weight:
        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async def until_the_phone_leaves() -> None:
                try:
                    await answer(reader, writer)
                except asyncio.IncompleteReadError:
                    writer.close()

            serving.append(asyncio.create_task(until_the_phone_leaves()))

        serving: list[asyncio.Task[None]] = []
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        weight = await first_load.weigh(server.sockets[0].getsockname()[1], [("/j/CODE", []), ("/s/CODE", ["badge=x"])])
        server.close()
        await asyncio.gather(*serving)
        return weight

    weight = asyncio.run(weigh())
    assert sorted(path for path, _ in weight.parts) == sorted(ASSETS)
    assert weight.requests == len(ASSETS)
    # The join page itself, its stylesheet, the stylesheet that one imports, the script without defer.
    assert weight.blocking == 4


def test_the_bare_loop_sends_a_broadcast_to_the_crowd_and_not_to_the_one_who_asked() -> None:
    async def once() -> None:
        got: dict[str, list[str]] = {"/live": [], "/desk": []}
        asked = asyncio.Event()
        heard = asyncio.Event()

        async def screen(path: str) -> None:
            incoming = [{"type": "websocket.connect"}]
            if path == "/desk":
                incoming.append({"type": "websocket.receive", "text": "broadcast 2048"})

            async def receive() -> dict[str, str]:
                if incoming:
                    return incoming.pop(0)
                if path == "/desk":
                    asked.set()
                await heard.wait()
                return {"type": "websocket.disconnect"}

            async def send(message: dict[str, str]) -> None:
                if message["type"] == "websocket.send":
                    got[path].append(message["text"])
                    heard.set()

            await app({"type": "websocket", "path": path}, receive, send)  # type: ignore[arg-type]

        async with asyncio.timeout(5):
            phone = asyncio.create_task(screen("/live"))
            await asyncio.sleep(0)
            await asyncio.gather(phone, screen("/desk"))
        assert [len(text) for text in got["/live"]] == [2_048]
        assert got["/desk"] == []

    asyncio.run(once())
