"""The measuring side is measured itself: a bench that misreads a frame or a percentile would praise or blame the wrong server."""

import asyncio
import re

import pytest

from tests.load import board, canvas_rules, first_load, notes, room, taken_home
from tests.load.baseline_bare import app
from tests.load.bench import SET_UPS, _dossier, middle
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


NOTE, OTHER = "a" * 15 + "1", "a" * 15 + "2"


def patch(*entries: str) -> bytes:
    return ('{"t":"patch","number":9,"stage":"board","entries":[' + ",".join(entries) + "]}").encode()


def shown(note: str) -> str:
    return '{"n":9,"set":{"notes":{"' + note + '":{"zone":"needs","text":"\\"notes\\":{"}}}}'


def test_a_note_is_on_a_screen_when_a_patch_shows_it_and_not_when_a_page_or_another_note_names_it() -> None:
    assert board.read_officina(patch(shown(NOTE), shown(OTHER))) == (None, [NOTE.encode(), OTHER.encode()])
    assert board.read_officina(patch('{"n":8,"to":9}')) == (None, [])
    view = '{"t":"view","number":9,"html":"' + shown(NOTE).replace('"', '\\"') + '"}'
    assert board.read_officina(view.encode()) == (None, ())
    assert board.read_officina(f'{{"t":"receipt","id":"{NOTE}","number":9}}'.encode()) == (NOTE.encode(), ())


@pytest.mark.parametrize(
    "frame", [b'{"t":"refusal","id":"x","code":"zone_full"}', patch('{"n":9,"all":true}')], ids=["refused", "all anew"]
)
def test_a_refused_note_and_a_screen_that_must_fetch_all_anew_end_the_measurement(frame: bytes) -> None:
    async def follow() -> None:
        socket, _, _ = a_socket()
        following = board.Following([socket], board.read_officina)
        following.write(socket, NOTE, board.note_frame(NOTE, "needs", "Più tempo"))
        socket.data_received(UPGRADED + from_server(1, frame))
        with pytest.raises(NotMeasured):
            await following.all_there("a note")

    asyncio.run(follow())


def test_a_note_has_arrived_when_the_last_screen_has_it() -> None:
    async def follow() -> None:
        screens = [a_socket()[0] for _ in range(2)]
        following = board.Following(screens, board.read_officina)
        following.write(screens[0], NOTE, board.note_frame(NOTE, "needs", "Più tempo"))
        receipt = f'{{"t":"receipt","id":"{NOTE}","number":9}}'.encode()
        screens[0].data_received(UPGRADED + from_server(1, receipt) + from_server(1, patch(shown(NOTE))))
        screens[1].data_received(UPGRADED + from_server(1, patch(shown(OTHER))))
        waiting = asyncio.create_task(following.all_there("a note"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        screens[1].data_received(from_server(1, patch(shown(NOTE))))
        await waiting
        late = following.lateness_ms()
        assert late[0] == 0 and late[1] >= 50
        assert following.took_ms() >= late[1]

    asyncio.run(follow())


def test_the_bare_loop_tells_a_note_in_the_same_order_as_officina_and_is_read_alike() -> None:
    async def once() -> list[str]:
        said: list[str] = []
        incoming = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": f"tell 300 {NOTE}"}]

        async def receive() -> dict[str, str]:
            return incoming.pop(0) if incoming else {"type": "websocket.disconnect"}

        async def send(message: dict[str, str]) -> None:
            if message["type"] == "websocket.send":
                said.append(message["text"])

        await app({"type": "websocket", "path": "/live"}, receive, send)  # type: ignore[arg-type]
        return said

    kept, told = asyncio.run(once())
    assert len(told) == 300
    assert board.read_bare(kept.encode()) == (NOTE.encode(), ())
    assert board.read_bare(told.encode()) == (None, (NOTE.encode(),))


def test_the_asks_of_a_measured_board_are_kept_again_and_their_facts_replay_to_the_same_board() -> None:
    day = canvas_rules.Day()
    day.fills(40)
    before, filled = day.state, len(day.asked)
    for _ in range(200):
        day.does()
    day.opens_a_vote()
    for _ in range(20):
        day.votes()
    assert {one.do for one in day.asked} >= {name for name, _ in canvas_rules.SHARES} | {"add_note", "place_dots"}
    again, told = canvas_rules.asked_again(before, day.asked[filled:])
    # Numbers differ, because the second time they are counted from the full board on.
    assert {id: (note.text, note.zone, note.colour) for id, note in again.notes.items()} == {
        id: (note.text, note.zone, note.colour) for id, note in day.state.notes.items()
    }
    assert told > 100
    assert canvas_rules.replayed(day.kept) == day.state


def test_the_notes_of_the_bench_are_as_long_as_notes_and_the_same_in_every_run() -> None:
    said = notes.texts(500)
    assert said == notes.texts(500)
    assert max(map(len, said)) <= 500 and 40 <= sum(map(len, said)) / 500 <= 90
    assert all(re.fullmatch(r"[\w-]{16}", notes.new_id()) for _ in range(50))


def test_the_day_whose_files_are_measured_has_twelve_stages_and_a_poorer_one_is_not_measured() -> None:
    stages = taken_home.day_plan()["stages"]
    assert len(stages) == 12
    assert sum(stage["activity"] == "canvas" for stage in stages) == taken_home.BOARDS
    ideas = [{"kind": "idea"}] * taken_home.IDEAS
    boards = [{"kind": "board", "notes": [{}] * 30}] * taken_home.BOARDS
    left = taken_home.counted({"people": {"count": 40}, "outcomes": [*ideas, *boards]})
    assert left["notes"] == 150
    with pytest.raises(NotMeasured):
        taken_home.counted({"people": {"count": 40}, "outcomes": [*ideas, *boards[1:]]})


def test_an_export_that_was_given_up_or_is_not_there_is_never_a_target_reached() -> None:
    m = {"list_s": 0.1, "list_max_s": 0.1, "list_kb": 90, "rows": 100, "bare_list_s": 0.001, "bare_export_s": 0.001}
    assert _dossier({**m, "export_s": 12, "export_kb": 9_000})[0].ok
    assert not _dossier({**m, "export_s": taken_home.ABSENT, "export_kb": taken_home.ABSENT})[0].ok
    assert not _dossier({**m, "export_s": 1, "export_kb": taken_home.ABSENT})[0].ok


def test_every_line_of_the_table_has_a_name_of_its_own() -> None:
    every = [name for set_up in SET_UPS for name in set_up.lines]
    assert len(every) == len(set(every))
