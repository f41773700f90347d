"""A board under load: many phones write at their pace, all at once, or come to a board that is full; walls and desks look on."""

import asyncio
import gzip
import json
import random
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urljoin

from tests.load import notes, room
from tests.load.client import HttpLine, Socket, open_socket, text_frame
from tests.load.first_load import IMPORTED
from tests.load.measures import LIMIT, NotMeasured, broadcast, instant, latencies, no_collector, quiet
from tests.load.processes import LOAD_CORE, PROJECT, SERVER_CORE, Server, bare, free_port, pin
from tests.load.rows import Metrics, Say, crowd_of, fresh_officina, hang_up, running
from tests.load.screen import usable

STAGE = "board"
BOARD = "torino_chain"
ZONES = ("challenges", "obstacles", "overcome", "actions")
PHONES, WALLS, DESKS = 150, 5, 4
WRITERS, NOTES_A_MINUTE = 20, 3
BURST_PHONES, BURSTS = 160, 5
FULL = 2_000
MOVES = 5
RULES_LIMIT = 120.0
#: Seconds of writing in front of the bare loop, which is no slower at the end than at the beginning.
BARE_SECONDS = 20.0
#: A note as a patch frame shows it; one that is told in html or in another's own part is not a patch.
_SHOWN = re.compile(rb'"notes":\{"([\w-]{16})":\{')
_ID = re.compile(rb'"id":"([\w-]{16})"')

#: The note that a frame keeps for its writer, and the notes that it shows.
Read = Callable[[bytes], tuple[bytes | None, Sequence[bytes]]]


def plan(**setup: Any) -> dict[str, Any]:
    """One stage: a shipped board with four zones that everybody may read from the beginning."""
    title = {"it": "Dalle sfide alle azioni", "en": "From challenges to actions"}
    stage = {"id": STAGE, "activity": "canvas", "title": title, "minutes": 40, "notes": "", "level": "pseudonym"}
    return room.plan_of([{**stage, "setup": {"board": BOARD, "visible": {"*": "all"}, **setup}}])


def note_frame(note: str, zone: str, text: str) -> bytes:
    """A new note, framed for the wire; its ask has the note's own id, so that receipt and patch are known by the same."""
    return text_frame(room.ask_payload(STAGE, "add_note", {"note": note, "zone": zone, "text": text}, note))


@lru_cache(maxsize=64)
def read_officina(frame: bytes) -> tuple[bytes | None, Sequence[bytes]]:
    """What a frame of Officina says about notes. Raises NotMeasured for a refusal, and when a screen must fetch all anew."""
    kind = room.kind_of(frame)
    if kind == b"patc":
        if b'"all":true' in frame:
            raise NotMeasured("a screen was told to fetch the whole board instead of the changes")
        return None, _SHOWN.findall(frame)
    if kind == b"rece":
        found = _ID.search(frame)
        return (found[1] if found else None), ()
    if kind == b"refu":
        raise NotMeasured(f"a note was refused: {frame[:300].decode(errors='replace')}")
    return None, ()


@lru_cache(maxsize=64)
def read_bare(frame: bytes) -> tuple[bytes | None, Sequence[bytes]]:
    """The same of the bare loop's `kept ID` and `note ID xxx`."""
    kind, _, rest = frame.partition(b" ")
    return (rest, ()) if kind == b"kept" else (None, (rest.partition(b" ")[0],))


class Following:
    """When each note was kept, and when each screen had it, in nanoseconds of `perf_counter_ns`."""

    def __init__(self, screens: Sequence[Socket], read: Read) -> None:
        self.sent: dict[bytes, int] = {}
        self.kept: dict[bytes, int] = {}
        self.seen: list[dict[bytes, int]] = [{} for _ in screens]
        self._screens = screens
        self._read = read
        self._failed: NotMeasured | None = None
        for screen, seen in zip(screens, self.seen, strict=True):
            screen.bytes_down = 0
            screen.on_text = partial(self._heard, seen)

    def _heard(self, seen: dict[bytes, int], socket: Socket, frame: bytes, at: int) -> None:
        try:
            kept, shown = self._read(frame)
        except NotMeasured as reason:
            self._failed = NotMeasured(f"{socket.name}: {reason}")
            return
        if kept is not None:
            self.kept.setdefault(kept, at)
        for note in shown:
            seen.setdefault(note, at)

    def write(self, socket: Socket, note: str, frame: bytes) -> None:
        self.sent[note.encode()] = time.perf_counter_ns()
        socket.write(frame)

    async def all_there(self, what: str, shown: bool = True) -> None:
        """Return when every note that was sent is kept and, if `shown`, on every screen. Raises NotMeasured."""
        until = time.monotonic() + LIMIT
        while True:
            if self._failed is not None:
                raise self._failed
            lacking = len(self.sent.keys() - self.kept.keys())
            behind = sum(bool(self.sent.keys() - seen.keys()) for seen in self.seen) if shown and not lacking else 0
            if not lacking and not behind:
                return
            closed = sum(screen.closed for screen in self._screens)
            if closed or time.monotonic() > until:
                raise NotMeasured(
                    f"{what}: {lacking} of {len(self.sent)} notes without a receipt and {behind} of {len(self.seen)} screens "
                    f"without all notes, {closed} closed"
                )
            await asyncio.sleep(0.01)

    def receipts_ms(self) -> list[float]:
        return [(self.kept[note] - sent) / 1e6 for note, sent in self.sent.items()]

    def lateness_ms(self) -> list[float]:
        """How long after a note's receipt each screen had it; one value for each screen and note."""
        return [max(0, seen[note] - self.kept[note]) / 1e6 for seen in self.seen for note in self.sent]

    def took_ms(self) -> float:
        """From the first note sent until the last screen had the last note."""
        return (max(seen[note] for seen in self.seen for note in self.sent) - min(self.sent.values())) / 1e6


@dataclass(slots=True)
class AtABoard:
    """The real server with a board open before phones, walls and desks, all of them connected."""

    server: Server
    desk: room.Desk
    badges: list[room.Badge]
    phones: list[Socket]
    others: list[Socket]

    @property
    def screens(self) -> list[Socket]:
        found = [*self.phones, *self.others]
        return found if self.desk.socket is None else [*found, self.desk.socket]


@asynccontextmanager
async def at_a_board(phones: int, walls: int = WALLS, desks: int = DESKS) -> AsyncIterator[AtABoard]:
    async with fresh_officina() as (server, key):
        desk = await room.Desk.open(server.port, key, plan())
        port, code = server.port, desk.code
        await desk.asks("open_stage", {"stage": STAGE})
        groups = ("civil_servants", "social_innovators")
        badges = await room.badges(port, code, phones, groups=groups)
        sockets = await crowd_of(phones, lambda index: room.open_phone(port, code, badges[index]))
        others = [await room.open_screen(port, code, {}, b"wall", b"html", f"wall {n}") for n in range(walls)]
        others += [await room.open_screen(port, code, desk.bearer, b"desk", b"html", f"desk {n}") for n in range(desks)]
        made = AtABoard(server, desk, badges, sockets, others)
        await quiet(made.screens)
        try:
            yield made
        finally:
            hang_up(made.screens)


async def writing(
    writers: Sequence[Socket],
    screens: Sequence[Socket],
    read: Read,
    framed: Callable[[str, str], bytes],
    seconds: float,
) -> Following:
    """The writers write NOTES_A_MINUTE each, at moments drawn by chance, before all screens."""
    chance = random.Random(1)
    count = max(1, round(len(writers) * NOTES_A_MINUTE * seconds / 60))
    moments = sorted(chance.uniform(0, seconds) for _ in range(count))
    said = notes.texts(count)
    following = Following(screens, read)
    with no_collector():
        began = time.perf_counter()
        for index, moment in enumerate(moments):
            note = notes.new_id()
            frame = framed(note, said[index])
            await asyncio.sleep(max(0.0, began + moment - time.perf_counter()))
            following.write(writers[index % len(writers)], note, frame)
        await following.all_there("notes at people's pace")
    return following


def _found(who: str, following: Following) -> Metrics:
    receipts, late = latencies(following.receipts_ms()), latencies(following.lateness_ms())
    return {
        f"{who}_receipt_p50": receipts.p50,
        f"{who}_receipt_p95": receipts.p95,
        f"{who}_receipt_max": receipts.worst,
        f"{who}_late_p50": late.p50,
        f"{who}_late_p95": late.p95,
        f"{who}_late_max": late.worst,
    }


async def paced(say: Say, minutes: float) -> Metrics:
    """`minutes` of a room at a board, twice as long as the busy room."""
    seconds = minutes * 120
    say(f"officina: {PHONES} phones, {WALLS + DESKS} walls and desks and the desk at a board for {seconds:.0f} s")
    async with at_a_board(PHONES) as at:
        writers = at.phones[:WRITERS]
        zone_of = random.Random(2)

        def framed(note: str, text: str) -> bytes:
            return note_frame(note, zone_of.choice(ZONES), text)

        following = await writing(writers, at.screens, read_officina, framed, seconds)
        metrics = _found("officina", following)
        screens = len(at.screens)
        # What a note is on a screen's wire, for the bare loop to send as much.
        size = round(statistics.median(screen.bytes_down for screen in at.others[:WALLS]) / len(following.sent))
        kept = {fact["body"]["note"] for fact in await at.desk.facts() if fact["kind"] == "note_added"}
        metrics |= {"notes": len(following.sent), "lost": sum(note.decode() not in kept for note in following.sent)}

    say("bare loop: as many sockets, the same notes")
    async with running(bare(free_port())) as server:
        sockets = await crowd_of(screens, lambda index: open_socket(server.port, "/live", name=f"socket {index}"))
        following = await writing(
            sockets[:WRITERS], sockets, read_bare, lambda note, _: _told(note, size), min(seconds, BARE_SECONDS)
        )
        metrics |= _found("bare", following) | {"screens": screens, "seconds": seconds, "note_bytes": size}
        hang_up(sockets)
    return metrics


def _told(note: str, size: int) -> bytes:
    return text_frame(f"tell {size} {note}".encode())


async def burst(say: Say, minutes: float) -> Metrics:
    """Every phone writes one note in the same instant."""
    del minutes
    say(f"officina and the bare loop in turns: {BURST_PHONES} notes at once")
    said = notes.texts(BURST_PHONES * BURSTS)
    takes, receipts, bare_takes, bare_packed = [], [], [], []
    async with at_a_board(BURST_PHONES) as at, running(bare(free_port())) as plain:
        screens = at.screens
        sockets = await crowd_of(len(screens), lambda index: open_socket(plain.port, "/live", name=f"socket {index}"))
        host = await open_socket(plain.port, "/desk")
        sent: list[bytes] = []
        for turn in range(BURSTS):
            await quiet(screens)
            ids = [notes.new_id() for _ in at.phones]
            frames = [
                note_frame(note, ZONES[n % len(ZONES)], said[turn * BURST_PHONES + n]) for n, note in enumerate(ids)
            ]
            following = await _at_once(at.phones, screens, read_officina, ids, frames)
            takes.append(following.took_ms())
            receipts.append(latencies(following.receipts_ms()).p95)
            sent += following.sent
            size = round(statistics.median(screen.bytes_down for screen in screens))
            ids = [notes.new_id() for _ in at.phones]
            frames = [_told(note, size // BURST_PHONES) for note in ids]
            bare_takes.append((await _at_once(sockets[:BURST_PHONES], sockets, read_bare, ids, frames)).took_ms())
            await quiet(sockets)
            echo = [text_frame(b"e" * 150)] * BURST_PHONES
            rate = await instant(sockets[:BURST_PHONES], echo, lambda *_: True, "the bare echo of a burst")
            order = b"broadcast %d" % size
            packed = await broadcast(sockets, partial(host.send, order), lambda *_: True, "the burst as one frame")
            bare_packed.append(BURST_PHONES / rate * 1000 + packed.ms)
        kept = {fact["body"]["note"] for fact in await at.desk.facts() if fact["kind"] == "note_added"}
        hang_up([*sockets, host])
    return {
        "officina_all": statistics.median(takes),
        "officina_worst": max(takes),
        "officina_receipt_p95": statistics.median(receipts),
        "bare_all": statistics.median(bare_takes),
        "bare_packed": statistics.median(bare_packed),
        "screens": len(screens),
        "bytes": size,
        "lost": sum(note.decode() not in kept for note in sent),
    }


async def _at_once(
    writers: Sequence[Socket], screens: Sequence[Socket], read: Read, ids: Sequence[str], frames: Sequence[bytes]
) -> Following:
    following = Following(screens, read)
    with no_collector():
        for socket, note, frame in zip(writers, ids, frames, strict=True):
            following.write(socket, note, frame)
        await following.all_there("notes at once")
    return following


# --- the rules alone ---


async def rules_alone(say: Say, minutes: float) -> Metrics:
    """What `tests.load.canvas_rules` measures, in a process of its own on the server's core."""
    del minutes
    say("the rules of a board alone")
    pin(SERVER_CORE)
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.load.canvas_rules",
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    finally:
        pin(LOAD_CORE)
    try:
        async with asyncio.timeout(RULES_LIMIT):
            said, trouble = await child.communicate()
    except TimeoutError:
        raise NotMeasured(f"the rules alone took more than {RULES_LIMIT:.0f} s") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise NotMeasured(f"the rules alone: {trouble.decode(errors='replace')[-500:]}")
    found: Metrics = json.loads(said)
    return found


# --- a board that is full ---


async def large(say: Say, minutes: float) -> Metrics:
    """What a board of FULL notes weighs, how soon a cheap phone can use it, and how small a change of it is."""
    del minutes
    say(f"officina: a phone comes to a board, empty and with {FULL:,} notes")
    async with at_a_board(BURST_PHONES, walls=1, desks=0) as at:
        code = at.desk.code
        url = f"http://127.0.0.1:{at.server.port}"
        empty = await usable(url, code)
        ids = [notes.new_id() for _ in range(FULL)]
        said = notes.texts(FULL)
        writers = [at.phones[n % len(at.phones)] for n in range(FULL)]
        frames = [note_frame(note, ZONES[n % len(ZONES)], said[n]) for n, note in enumerate(ids)]
        following = Following(at.screens, read_officina)
        for start in range(0, FULL, len(at.phones)):
            for socket, note, frame in list(zip(writers, ids, frames, strict=True))[start : start + len(at.phones)]:
                following.write(socket, note, frame)
            # Nobody writes a note a second for a quarter of an hour; the board has to be full, not the room fast.
            await following.all_there("a board being filled", shown=False)
        await quiet(at.screens)
        metrics = await _weights(at)
        metrics["move_bytes"] = await _moves(at, ids)
        full = await usable(url, code, note=True)
    say(f"usable: empty {_seconds(empty)}, full {_seconds(full)}")
    return metrics | {"usable": statistics.median(full) / 1000, "usable_empty": statistics.median(empty) / 1000}


def _seconds(found_ms: Sequence[float]) -> str:
    return ", ".join(f"{each / 1000:.2f} s" for each in found_ms)


async def _weights(at: AtABoard) -> Metrics:
    """Bytes on the wire of what a phone fetches for the board on top of the page: its state, scripts and style."""
    line = await HttpLine.open(at.server.port)
    path = f"/api/sessions/{at.desk.code}/view?screen=phone&own=0&columns=1"
    packed = {"Accept-Encoding": "gzip"}
    view = await line.request("GET", path, at.badges[0].bearer | packed, limit=LIMIT)
    if view.status != 200 or view.headers.get("content-encoding") != "gzip":
        raise NotMeasured(f"GET {path}: status {view.status}, {view.headers.get('content-encoding', 'not packed')}")
    shown = gzip.decompress(view.body)
    # How many ids there are tells that the whole board was weighed.
    count = len(json.loads(shown)["stage"]["view"]["notes"]["ids"])
    if count < FULL:
        raise NotMeasured(f"GET {path}: {count} notes instead of {FULL}")
    cookies = {"Cookie": "; ".join(at.badges[0].cookies)}
    page = await line.request("GET", f"/s/{at.desk.code}", cookies, limit=LIMIT)
    found = re.findall(r'(?:data-module|href)="([^"]*/activities/canvas/[^"]+)"', page.body.decode(errors="replace"))
    waiting = list(dict.fromkeys(found))
    if not any(name.endswith(".js") for name in waiting) or not any(name.endswith(".css") for name in waiting):
        raise NotMeasured(f"the phone's page names no script and style of the board, only {waiting}")
    # The element imports the file of its screen by a name that it makes, so that name is given here.
    waiting.append(urljoin(next(name for name in waiting if name.endswith(".js")), "phone.js"))
    files: dict[str, int] = {}
    while waiting:
        name = waiting.pop()
        if name in files:
            continue
        answer = await line.request("GET", name, packed, limit=LIMIT)
        if answer.status != 200:
            raise NotMeasured(f"GET {name}: status {answer.status}")
        files[name] = len(answer.body)
        if name.endswith(".js") and answer.headers.get("content-encoding") == "gzip":
            for other in IMPORTED.findall(gzip.decompress(answer.body).decode()):
                if other.startswith("./"):
                    waiting.append(urljoin(name, other))
    line.close()
    return {
        "view_kb": len(view.body) / 1000,
        "plain_kb": len(shown) / 1000,
        "files_kb": sum(files.values()) / 1000,
        "files": len(files),
        "all_kb": (len(view.body) + sum(files.values())) / 1000,
    }


async def _moves(at: AtABoard, ids: Sequence[str]) -> float:
    """Bytes of the patch frame of one move: the median of MOVES moves of notes by their own authors."""
    sizes = []
    for n in range(MOVES):
        frames: list[bytes] = []
        move = {"note": ids[n], "zone": ZONES[(n + 1) % len(ZONES)], "x": 4_100 + n, "y": 2_000}
        payload = room.ask_payload(STAGE, "move_note", move, room.fresh_id())
        fire = partial(at.phones[n].send, payload)
        mark = ids[n].encode()
        await broadcast([at.others[0]], fire, partial(_shows, mark, frames), "the patch of a move")
        sizes.append(len(frames[-1]))
        await quiet([at.others[0]])
    return statistics.median(sizes)


def _shows(mark: bytes, frames: list[bytes], socket: Socket, frame: bytes) -> bool:
    del socket
    if room.kind_of(frame) != b"patc" or mark not in frame:
        return False
    frames.append(frame)
    return True
