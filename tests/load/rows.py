"""The measurements of the bench, one coroutine per set-up; each starts its own servers, measures, and stops them."""

import asyncio
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from tests.load import baseline_socketio as sio
from tests.load import first_load, room
from tests.load.client import HttpLine, OnText, Socket, open_socket, text_frame
from tests.load.measures import (
    LIMIT,
    Latencies,
    NotMeasured,
    broadcast,
    instant,
    latencies,
    no_collector,
    quiet,
    spread,
)
from tests.load.processes import Server, bare, free_port, officina, socketio

FULL_ROOM = 2_000
AT_ONCE = 1_000
#: How often answers and echoes take turns.
TURNS = 15
JOINING = 500
RETURNING = 500
# Busier than any real room: a round of 200 answers every six seconds, which no facilitator keeps up.
BUSY_PHONES = 200
BUSY_ROUND = 6.0
# Share of the busy room that leaves and comes back in every round, because connections leak more easily than answers.
BUSY_CHURN = 0.05
REPEATS = len(room.STAGES)

Metrics = dict[str, float]
Say = Callable[[str], None]


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[Server]:
    server.spawn()
    try:
        await server.ready()
        yield server
    finally:
        server.stop()


@asynccontextmanager
async def fresh_officina() -> AsyncIterator[tuple[Server, str]]:
    """The real server on an empty data folder, and its host key."""
    key = secrets.token_hex(32)
    with tempfile.TemporaryDirectory(prefix="officina-bench-") as folder:
        async with running(officina(Path(folder), key, free_port())) as server:
            yield server, key


async def crowd_of(count: int, one: Callable[[int], Awaitable[Socket]], at_once: int = 32) -> list[Socket]:
    gate = asyncio.Semaphore(at_once)

    async def gated(index: int) -> Socket:
        async with gate:
            return await one(index)

    return list(await asyncio.gather(*(gated(index) for index in range(count))))


def hang_up(sockets: list[Socket]) -> None:
    for socket in sockets:
        socket.abort()


def _note(metrics: Metrics, who: str, found: Latencies) -> None:
    metrics |= {f"{who}_p50": found.p50, f"{who}_p95": found.p95, f"{who}_p99": found.p99, f"{who}_max": found.worst}


def _any(socket: Socket, frame: bytes) -> bool:
    del socket, frame
    return True


# --- 2,000 phones: a stage opens, they answer within a second, memory per phone ---


async def full_room(say: Say, minutes: float) -> Metrics:
    del minutes
    metrics: Metrics = {}
    say("officina: 2,000 phones")
    async with fresh_officina() as (server, key):
        desk = await room.Desk.open(server.port, key)
        await asyncio.sleep(0.5)
        before = server.resident()
        phones = await room.phones(server.port, desk.code, FULL_ROOM)
        await quiet(phones)
        metrics["officina_phone_kb"] = (server.resident() - before) / FULL_ROOM / 1024
        opened, asked = [], []
        for stage in room.STAGES:
            shows_stage = room.shows(stage)
            open_stage = partial(desk.ask, "open_stage", {"stage": stage})
            open_question = partial(desk.ask, "open_question", {"question": "q1"}, stage)
            opened.append(await broadcast(phones, open_stage, shows_stage, f"open_stage {stage}"))
            await quiet(phones)
            asked.append(await broadcast(phones, open_question, room.is_open_question, f"open_question in {stage}"))
            await quiet(phones)
        # The stage is open for a phone when it shows something to do; of the two views that is the bigger one.
        sizes = [statistics.median(each.size for each in kind) for kind in (opened, asked)]
        chosen = opened if sizes[0] > sizes[1] else asked
        size = int(max(sizes))
        metrics["officina_open"] = statistics.median(each.ms for each in chosen)
        metrics["view_bytes"] = size
        metrics["view_frames"] = statistics.median(each.frames for each in chosen)

        ids, frames = room.answers(phones, room.STAGES[-1], "a")
        _note(metrics, "officina", await spread(phones, frames, room.is_receipt, 1.0, "2,000 answers within a second"))
        kept, doubled = await desk.kept(ids)
        metrics["lost"], metrics["doubled"] = FULL_ROOM - kept, doubled
        ask_bytes = len(room.answer_payload(room.STAGES[-1], "a", ids[0]))
        hang_up(phones)

    say("bare loop: 2,000 sockets")
    async with running(bare(free_port())) as server:
        host = await open_socket(server.port, "/desk")
        before = server.resident()
        sockets = await crowd_of(FULL_ROOM, lambda index: open_socket(server.port, "/live", name=f"socket {index}"))
        metrics["bare_phone_kb"] = (server.resident() - before) / FULL_ROOM / 1024
        order = b"broadcast %d" % size
        takes = []
        for _ in range(REPEATS):
            takes.append(await broadcast(sockets, lambda: host.send(order), _any, "the bare broadcast"))
            await asyncio.sleep(0.2)
        metrics["bare_open"] = statistics.median(each.ms for each in takes)
        frames = [text_frame(b"e" * ask_bytes)] * FULL_ROOM
        _note(metrics, "bare", await spread(sockets, frames, _any, 1.0, "the bare echo within a second"))
        hang_up([*sockets, host])

    say("python-socketio: 2,000 sockets")
    async with running(socketio(free_port())) as server:
        host = await sio.open_member(server.port, crowd=False, name="host")
        before = server.resident()
        sockets = await crowd_of(
            FULL_ROOM, lambda index: sio.open_member(server.port, crowd=True, name=f"socket {index}")
        )
        metrics["socketio_phone_kb"] = (server.resident() - before) / FULL_ROOM / 1024
        order = b'42["broadcast",%d]' % size
        takes = []
        for _ in range(REPEATS):
            takes.append(
                await broadcast(sockets, lambda: host.send(order), sio.is_view, "the socketio broadcast", sio.heartbeat)
            )
            await asyncio.sleep(0.2)
        metrics["socketio_open"] = statistics.median(each.ms for each in takes)
        _, payloads = _socketio_asks(FULL_ROOM)
        found = await spread(
            sockets, payloads, sio.is_receipt, 1.0, "the socketio answers within a second", sio.heartbeat
        )
        _note(metrics, "socketio", found)
        hang_up([*sockets, host])
    return metrics


def _socketio_asks(count: int) -> tuple[list[str], list[bytes]]:
    ids = [room.fresh_id() for _ in range(count)]
    return ids, [text_frame(sio.ask(room.answer_payload(room.STAGES[0], "a", ask_id))) for ask_id in ids]


# --- 1,000 phones answer in the same instant ---


async def same_instant(say: Say, minutes: float) -> Metrics:
    del minutes
    metrics: Metrics = {}
    say("officina and the bare loop in turns: 1,000 answers at once, 1,000 echoes at once")
    async with fresh_officina() as (server, key), running(bare(free_port())) as plain:
        desk = await room.Desk.open(server.port, key)
        phones = await room.phones(server.port, desk.code, AT_ONCE)
        await desk.opens(room.STAGES[0])
        ask_bytes = len(room.answer_payload(room.STAGES[0], "a", room.fresh_id()))
        sockets = await crowd_of(AT_ONCE, lambda index: open_socket(plain.port, "/live", name=f"socket {index}"))
        echoes = [text_frame(b"e" * ask_bytes)] * AT_ONCE
        rates, bare_rates, every = [], [], []
        # In turns, because a shared machine is faster one second and slower the next: only neighbours compare.
        for repeat in range(TURNS):
            await quiet(phones)
            ids, frames = room.answers(phones, room.STAGES[0], room.OPTIONS[repeat % len(room.OPTIONS)])
            rates.append(await instant(phones, frames, room.is_receipt, "1,000 answers at once"))
            every += ids
            await quiet(phones)
            bare_rates.append(await instant(sockets, echoes, _any, "the bare echo at once"))
        kept, doubled = await desk.kept(every)
        metrics |= {"officina_rate": statistics.median(rates), "lost": len(every) - kept, "doubled": doubled}
        metrics["bare_rate"] = statistics.median(bare_rates)
        metrics["of_bare"] = statistics.median(a / b for a, b in zip(rates, bare_rates, strict=True))
        hang_up(phones)
        hang_up(sockets)

    say("python-socketio: 1,000 answers at once")
    async with running(socketio(free_port())) as server:
        sockets = await crowd_of(
            AT_ONCE, lambda index: sio.open_member(server.port, crowd=True, name=f"socket {index}")
        )
        rates = []
        for _ in range(REPEATS):
            _, frames = _socketio_asks(AT_ONCE)
            rates.append(await instant(sockets, frames, sio.is_receipt, "the socketio answers at once", sio.heartbeat))
            await asyncio.sleep(0.2)
        metrics["socketio_rate"] = statistics.median(rates)
        hang_up(sockets)
    return metrics


# --- 500 people join at once ---


async def join_wave(say: Say, minutes: float) -> Metrics:
    del minutes
    metrics: Metrics = {}
    gzip_too = {"Accept-Encoding": "gzip"}
    say("officina: 500 people join at once")
    async with fresh_officina() as (server, key):
        desk = await room.Desk.open(server.port, key)
        port, code = server.port, desk.code
        sizes: dict[str, int] = {}
        joined: list[Socket] = []

        async def joins() -> float:
            began = time.perf_counter_ns()
            line = await HttpLine.open(port)
            page = await line.request("GET", f"/j/{code}", gzip_too, limit=LIMIT)
            if page.status != 200:
                raise NotMeasured(f"GET /j/{code}: status {page.status}")
            badge = await room.new_badge(line, port, code)
            socket = await room.open_phone(port, code, badge)
            joined.append(socket)
            line.close()
            sizes.update(page=len(page.body), welcome=socket.bytes_down)
            return (socket.seen_at - began) / 1e6

        _note(metrics, "officina", await _wave(joins))
        hang_up(joined)

    say("bare loop: 500 join at once")
    async with running(bare(free_port())) as server:
        port = server.port

        async def joins_bare() -> float:
            began = time.perf_counter_ns()
            line = await HttpLine.open(port)
            await line.request("GET", f"/page?{sizes['page']}", gzip_too, limit=LIMIT)
            await line.request("POST", "/badges", {}, b"b" * 100, limit=LIMIT)
            welcomed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            socket = await open_socket(port, "/live", on_text=_into(welcomed))
            socket.send(b"first %d" % sizes["welcome"])
            async with asyncio.timeout(LIMIT):
                at = await welcomed
            joined_bare.append(socket)
            line.close()
            return (at - began) / 1e6

        joined_bare: list[Socket] = []
        _note(metrics, "bare", await _wave(joins_bare))
        hang_up(joined_bare)
    metrics |= {"page_bytes": sizes["page"], "welcome_bytes": sizes["welcome"]}
    return metrics


async def _wave(joins: Callable[[], Awaitable[float]]) -> Latencies:
    with no_collector():
        results = await asyncio.gather(*(joins() for _ in range(JOINING)), return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    if failed:
        raise NotMeasured(f"{len(failed)} of {JOINING} could not join, the first because: {failed[0]!r}")
    return latencies([result for result in results if isinstance(result, float)])


# --- kill -9 in the middle of a burst, 500 phones come back ---


async def restart(say: Say, minutes: float) -> Metrics:
    del minutes
    metrics: Metrics = {}
    say("officina: kill -9 in a burst, 500 phones come back")
    key = secrets.token_hex(32)
    with tempfile.TemporaryDirectory(prefix="officina-bench-") as folder:
        async with running(officina(Path(folder), key, free_port())) as server:
            desk = await room.Desk.open(server.port, key)
            made = await room.badges(server.port, desk.code, RETURNING)
            phones = [room.ReturningPhone(server.port, desk.code, badge) for badge in made]
            lives = [asyncio.create_task(phone.live()) for phone in phones]
            try:
                await _until(lambda: all(phone.welcomed_at for phone in phones), "500 phones connected")
                await desk.opens(room.STAGES[0])
                await asyncio.sleep(1.0)
                ids = [room.fresh_id() for _ in phones]
                burst = asyncio.create_task(_burst(phones, ids))
                await asyncio.sleep(0.5)
                before = {ask_id: number for phone in phones for ask_id, number in phone.receipts.items()}
                server.kill()
                metrics["receipts_before"] = len(before)
                killed = server.killed_at
                server.spawn()
                usable_after_spawn = await server.ready()
                metrics["usable"] = (server.started_at - killed) / 1e9 + usable_after_spawn
                await _until(lambda: all(phone.welcomed_at > killed for phone in phones), "500 phones back")
                back = latencies([(phone.welcomed_at - killed) / 1e6 for phone in phones])
                metrics["back_p95"], metrics["back_max"] = back.p95 / 1000, back.worst / 1000
                await burst
                await _until(lambda: not any(phone.outbox for phone in phones), "a receipt for every answer")
                metrics["receipts_all"] = (time.perf_counter_ns() - killed) / 1e9
                refused = [code for phone in phones for code in phone.refusals]
                if any(ask_id not in phone.receipts for ask_id, phone in zip(ids, phones, strict=True)):
                    raise NotMeasured(f"answers were refused for good after the restart: {sorted(set(refused))}")
                kept, doubled = await desk.kept(ids)
                changed = sum(phone.changed_receipts for phone in phones)
                metrics |= {"lost": RETURNING - kept, "doubled": doubled + changed}
            finally:
                await _end(phones, lives)

    say("bare loop: kill -9, 500 sockets come back")
    async with running(bare(free_port())) as server:
        back_at = [0] * RETURNING
        stop = asyncio.Event()
        tasks = [asyncio.create_task(_comes_back(server.port, index, back_at, stop)) for index in range(RETURNING)]
        try:
            await _until(lambda: all(back_at), "500 bare sockets connected")
            await asyncio.sleep(0.5)
            server.kill()
            killed = server.killed_at
            server.spawn()
            usable_after_spawn = await server.ready()
            metrics["bare_usable"] = (server.started_at - killed) / 1e9 + usable_after_spawn
            await _until(lambda: all(at > killed for at in back_at), "500 bare sockets back")
            found = latencies([(at - killed) / 1e6 for at in back_at])
            metrics["bare_back_p95"], metrics["bare_back_max"] = found.p95 / 1000, found.worst / 1000
        finally:
            stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return metrics


async def _burst(phones: list[room.ReturningPhone], ids: list[str]) -> None:
    began = time.perf_counter()
    for index, (phone, ask_id) in enumerate(zip(phones, ids, strict=True)):
        wait = began + index / len(phones) - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        phone.send(ask_id, room.answer_payload(room.STAGES[0], random.choice(room.OPTIONS), ask_id))


async def _end(phones: list[room.ReturningPhone], lives: "list[asyncio.Task[None]]") -> None:
    for phone in phones:
        phone.stop()
    for life in lives:
        life.cancel()
    ends = await asyncio.gather(*lives, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise NotMeasured(f"a phone gave up: {end!r}") from end


async def _comes_back(port: int, index: int, back_at: list[int], stop: asyncio.Event) -> None:
    attempt = 0
    while not stop.is_set():
        gone = asyncio.Event()
        try:
            welcomed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            socket = await open_socket(port, "/live", on_text=_into(welcomed))
            socket.on_close = partial(_set, gone)
            socket.send(b"first 2000")
            async with asyncio.timeout(LIMIT):
                back_at[index] = await welcomed
        except (OSError, TimeoutError):
            await asyncio.sleep(random.uniform(0, min(8.0, 0.25 * 2**attempt)))
            attempt += 1
            continue
        attempt = 1
        try:
            await gone.wait()
        finally:
            socket.abort()
        await asyncio.sleep(random.uniform(0, 0.25))


def _into(welcomed: "asyncio.Future[int]") -> OnText:
    """The moment of the first frame, into the future."""

    def heard(socket: Socket, frame: bytes, at: int) -> None:
        del socket, frame
        if not welcomed.done():
            welcomed.set_result(at)

    return heard


def _set(gone: asyncio.Event, socket: Socket) -> None:
    del socket
    gone.set()


async def _until(done: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + LIMIT
    while not done():
        if time.monotonic() > until:
            raise NotMeasured(f"{what}: not within {LIMIT:.0f} s")
        await asyncio.sleep(0.01)


# --- memory over a busy room ---


async def busy_room(say: Say, minutes: float) -> Metrics:
    """Rounds, answers, locks, reveals and people who leave and come back, for `minutes`; growth over the last two thirds of that time."""
    say(f"officina: a busy room for {minutes:g} min")
    async with fresh_officina() as (server, key):
        desk = await room.Desk.open(server.port, key)
        made = await room.badges(server.port, desk.code, BUSY_PHONES)
        phones = list(await asyncio.gather(*(room.open_phone(server.port, desk.code, badge) for badge in made)))
        stage, question = room.STAGES[0], {"question": "q1"}
        await desk.opens(stage)
        samples: list[tuple[float, int]] = []
        answered, round_ = 0, 1
        began = time.monotonic()
        while time.monotonic() - began < minutes * 60:
            round_began = time.monotonic()
            _, frames = room.answers(phones, stage, random.choice(room.OPTIONS), round_)
            await spread(phones, frames, room.is_receipt, BUSY_ROUND / 2, f"answers of round {round_}")
            answered += len(phones)
            await desk.asks("lock_question", question, stage)
            await desk.asks("reveal", question, stage)
            for index in random.sample(range(BUSY_PHONES), int(BUSY_PHONES * BUSY_CHURN)):
                phones[index].close()
                phones[index] = await room.open_phone(server.port, desk.code, made[index])
            await asyncio.sleep(max(0.0, BUSY_ROUND * 0.9 - (time.monotonic() - round_began)))
            samples.append((time.monotonic() - began, server.resident()))
            await desk.asks("new_round", question, stage)
            round_ += 1
            await asyncio.sleep(max(0.0, BUSY_ROUND - (time.monotonic() - round_began)))
        took = time.monotonic() - began
        hang_up(phones)
    # The first third is warm-up: pages of the database cached, code paths met for the first time, the allocator's arenas.
    late = [sample for sample in samples if sample[0] > took / 3]
    if len(late) < 3:
        raise NotMeasured("the busy room was too short to see a slope: give it at least --minutes 0.5")
    slope = statistics.linear_regression([at for at, _ in late], [size for _, size in late]).slope
    answers_a_second = answered / took
    return {
        "growth_mb_min": slope * 60 / 1e6,
        "answers_min": answers_a_second * 60,
        "bytes_answer": slope / answers_a_second,
        "rss_mb": samples[-1][1] / 1e6,
        "minutes": took / 60,
    }


# --- first load on a phone, start of the server ---


async def phone_load(say: Say, minutes: float) -> Metrics:
    del minutes
    say("officina: first load on a phone")
    async with fresh_officina() as (server, key):
        desk = await room.Desk.open(server.port, key)
        await desk.opens(room.STAGES[0])
        line = await HttpLine.open(server.port)
        badge = await room.new_badge(line, server.port, desk.code)
        line.close()
        if not badge.cookies:
            raise NotMeasured("POST badges set no cookie, so the phone's page cannot be asked for as a browser would")
        weight = await first_load.weigh(server.port, [(f"/j/{desk.code}", []), (f"/s/{desk.code}", badge.cookies)])
    say("; ".join(f"{path} {size:,} B" for path, size in weight.parts))
    return {"wire_kb": weight.wire / 1000, "requests": weight.requests, "blocking": weight.blocking}


async def start(say: Say, minutes: float) -> Metrics:
    del minutes
    say("start to first page")
    key = secrets.token_hex(32)
    with tempfile.TemporaryDirectory(prefix="officina-bench-") as folder:
        async with running(officina(Path(folder), key, free_port())):
            pass
        server = officina(Path(folder), key, free_port())
        server.spawn()
        try:
            took = await server.ready("/")
        finally:
            server.stop()
    floor = bare(free_port())
    floor.spawn()
    try:
        bare_took = await floor.ready("/")
    finally:
        floor.stop()
    return {"start": took, "bare_start": bare_took}
