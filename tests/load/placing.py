"""How good plans and seatings are and how long they take: by `tests.load.solving` in a process of its own, and in a room that goes on."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.load import notes, room
from tests.load.client import Socket, text_frame
from tests.load.measures import LIMIT, Latencies, NotMeasured, latencies, no_collector, quiet
from tests.load.processes import PROJECT, all_cores
from tests.load.rows import Metrics, Say, crowd_of, fresh_officina, hang_up
from tests.matching import generator

#: People, stalls, rounds; people, tables, rounds.
ROOM, SEATED = (200, 24, 5), (200, 25, 5)
#: Seconds for the plans of one row.
SOLVING_LIMIT = 200.0
#: Asks of all phones together while something is worked out; seconds of the room at rest, and between two turns.
ASKS_A_SECOND = 100
REST, PAUSE, TURNS = 5.0, 1.0, 5
#: People who check in when a round begins: a room of 200 in twenty seconds.
ARRIVALS_A_SECOND = 10
#: Receipts without which a share of them says nothing.
FEWEST = 100

Measure = Callable[[Say, float], Awaitable[Metrics]]


async def solved(*what: str | int) -> Metrics:
    """What `python -m tests.load.solving` finds. On all cores: nothing else is measured meanwhile. Raises NotMeasured."""
    named = " ".join(map(str, what))
    with all_cores():
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.load.solving",
            *map(str, what),
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    try:
        async with asyncio.timeout(SOLVING_LIMIT):
            said, trouble = await child.communicate()
    except TimeoutError:
        raise NotMeasured(f"{named}: not solved within {SOLVING_LIMIT:.0f} s") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise NotMeasured(f"{named}: {trouble.decode(errors='replace')[-500:]}")
    found: Metrics = json.loads(said)
    return found


def alone(what: str, *size: int) -> Measure:
    """The set-up of a row that needs no server."""

    async def measure(say: Say, minutes: float) -> Metrics:
        del minutes
        say(" ".join(["solving:", what, *map(str, size)]))
        return await solved(what, *size)

    return measure


# --- in a room that goes on ---


class Talk:
    """Phones that go on asking: when each ask was sent, and how long its receipt took."""

    def __init__(self, phones: Sequence[Socket], stage: str) -> None:
        self.phones = phones
        self.stage = stage
        #: (moment of sending, receipt after so many ms), moments in seconds of the wall clock as the facts have it.
        self.took: list[tuple[float, float]] = []
        self._waiting: dict[str, tuple[float, int, asyncio.Future[None] | None]] = {}
        self._failed: NotMeasured | None = None
        for phone in phones:
            phone.on_text = self._heard

    def _heard(self, socket: Socket, frame: bytes, at: int) -> None:
        kind = room.kind_of(frame)
        if kind not in (b"rece", b"refu"):
            return
        said = json.loads(frame)
        moment, sent, future = self._waiting.pop(said["id"], (0.0, 0, None))
        if kind == b"refu":
            self._failed = NotMeasured(f"{socket.name} was refused: {frame[:300].decode(errors='replace')}")
        if future is not None and not future.done():
            future.set_result(None)
        elif sent:
            self.took.append((moment, (at - sent) / 1e6))

    def _send(self, phone: Socket, do: str, having: dict[str, Any], future: asyncio.Future[None] | None = None) -> None:
        if self._failed is not None:
            raise self._failed
        ask = room.fresh_id()
        frame = text_frame(room.ask_payload(self.stage, do, having, ask))
        self._waiting[ask] = time.time(), time.perf_counter_ns(), future
        phone.write(frame)

    async def says(self, phone: Socket, do: str, having: dict[str, Any]) -> None:
        """One ask and its receipt; not measured."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._send(phone, do, having, future)
        async with asyncio.timeout(LIMIT):
            await future
        if self._failed is not None:
            raise self._failed

    async def each_says(self, asks: Sequence[Sequence[tuple[str, dict[str, Any]]]]) -> None:
        """Every phone its own asks, one after the other."""

        async def one(phone: Socket, own: Sequence[tuple[str, dict[str, Any]]]) -> None:
            for do, having in own:
                await self.says(phone, do, having)

        await asyncio.gather(*(one(phone, own) for phone, own in zip(self.phones, asks, strict=True)))

    async def goes_on(
        self, say: Callable[[int], tuple[str, dict[str, Any]]], a_second: float, until: asyncio.Event
    ) -> None:
        """All phones in turns, so many asks a second in all, `say` giving the n-th one; ends with the last receipt."""
        began, count = time.perf_counter(), 0
        while not until.is_set():
            due = int((time.perf_counter() - began) * a_second)
            for n in range(count, due):
                do, having = say(n)
                self._send(self.phones[n % len(self.phones)], do, having)
            count = due
            await asyncio.sleep(0.002)
        async with asyncio.timeout(LIMIT):
            while self._waiting:
                await asyncio.sleep(0.01)

    def between(self, times: Sequence[tuple[float, float]]) -> Latencies:
        """Of what was sent at those times. Raises NotMeasured when it is too little to say anything."""
        found = [took for moment, took in self.took if any(first <= moment <= last for first, last in times)]
        if len(found) < FEWEST:
            raise NotMeasured(f"only {len(found)} asks were sent while it was worked out")
        return latencies(found)


@dataclass(frozen=True, slots=True)
class Work:
    """What a room of phones does while something is worked out for it.

    groups: of each person in turn. before: asks of each phone. say: the n-th ask of those that go on meanwhile; it must
    leave the input as it is. begin: the desk's asks of one turn. asked, offered: kinds of the facts between which it is
    worked out.
    """

    stage: dict[str, Any]
    groups: Sequence[str]
    before: Callable[[int], Sequence[tuple[str, dict[str, Any]]]]
    say: Callable[[int], tuple[str, dict[str, Any]]]
    begin: Callable[[int], Sequence[tuple[str, dict[str, Any]]]]
    asked: str
    offered: str


@asynccontextmanager
async def at_work(work: Work) -> AsyncIterator[tuple[room.Desk, Talk]]:
    """The real server with the stage open and everything said that comes before it is worked out."""
    stage = work.stage["id"]
    async with fresh_officina() as (server, key):
        desk = await room.Desk.open(server.port, key, room.plan_of([work.stage]))
        await desk.asks("open_stage", {"stage": stage})
        # One connection, so that the n-th badge has the n-th group.
        people = len(work.groups)
        badges = await room.badges(server.port, desk.code, people, lines=1, groups=work.groups)
        phones = await crowd_of(people, lambda n: room.open_phone(server.port, desk.code, badges[n]))
        talk = Talk(phones, stage)
        await talk.each_says([work.before(n) for n in range(people)])
        await quiet(phones)
        try:
            yield desk, talk
        finally:
            hang_up(phones)


async def beside(work: Work) -> Metrics:
    """Receipts of phones while a plan or a seating is worked out in their server, and in the same room at rest."""
    async with at_work(work) as (desk, talk):
        until = asyncio.Event()
        with no_collector():
            going = asyncio.create_task(talk.goes_on(work.say, ASKS_A_SECOND, until))
            rest = time.time()
            await asyncio.sleep(REST)
            times: list[tuple[float, float]] = []
            try:
                for turn in range(TURNS):
                    times.append(await _worked_out(desk, work, turn))
                    await asyncio.sleep(PAUSE)
            finally:
                until.set()
                await going
        at_rest, found = talk.between([(rest, rest + REST)]), talk.between(times)
    return {
        "p99": found.p99,
        "p50": found.p50,
        "max": found.worst,
        "rest_p99": at_rest.p99,
        "rest_p50": at_rest.p50,
        "rest_max": at_rest.worst,
        "work_s": statistics.median(last - first for first, last in times),
        "work_max_s": max(last - first for first, last in times),
    }


async def _worked_out(desk: room.Desk, work: Work, turn: int) -> tuple[float, float]:
    """The moments of the two facts, in seconds. Raises NotMeasured when the second does not come or was cut short."""
    after = 0
    for do, having in work.begin(turn):
        after = await desk.asks(do, having, work.stage["id"])
    limit = time.monotonic() + LIMIT
    first = None
    # The number of the last ask's receipt is that of its last fact.
    after -= 1
    while time.monotonic() < limit:
        for fact in await desk.facts(after):
            after = fact["number"]
            if fact["kind"] == work.asked:
                first = fact["at"] / 1000
            elif fact["kind"] == work.offered and first is not None:
                if '"stopped": true' in json.dumps(fact["body"]):
                    raise NotMeasured(f"{work.offered}: the search was stopped before its end")
                return first, fact["at"] / 1000
        await asyncio.sleep(0.3)
    raise NotMeasured(f"no {work.offered} within {LIMIT:.0f} s")


async def arrivals(say: Say, minutes: float) -> Metrics:
    """A round begins at 200 people and everybody checks in at a stall; before it, the same phones write notes at that pace."""
    del minutes
    work = market()
    people = len(work.groups)
    stalls = [stall["id"] for stall in work.stage["setup"]["stalls"]]
    say(f"officina: {people} phones check in at {len(stalls)} stalls, {ARRIVALS_A_SECOND} a second")
    async with at_work(work) as (desk, talk):
        stage = work.stage["id"]
        await _worked_out(desk, work, 0)
        await desk.asks("publish_plan", {"plan": 1}, stage)
        await desk.asks("go_to", {"phase": "rounds"}, stage)
        await desk.asks("start_round", {}, stage)
        await quiet(talk.phones)
        written = await _each_once(talk, work.say)
        for phone in talk.phones:
            phone.bytes_down = 0
        arrived = await _each_once(talk, lambda n: ("check_in", {"stall": stalls[n % len(stalls)]}))
        await quiet(talk.phones)
        size = statistics.median(phone.bytes_down for phone in talk.phones)
    return {
        "p50": arrived.p50,
        "p99": arrived.p99,
        "max": arrived.worst,
        "written_p50": written.p50,
        "written_p99": written.p99,
        "kb": size / 1000,
        "seconds": people / ARRIVALS_A_SECOND,
    }


async def _each_once(talk: Talk, say: Callable[[int], tuple[str, dict[str, Any]]]) -> Latencies:
    until, began = asyncio.Event(), time.time()
    with no_collector():
        going = asyncio.create_task(talk.goes_on(say, ARRIVALS_A_SECOND, until))
        await asyncio.sleep(len(talk.phones) / ARRIVALS_A_SECOND)
        until.set()
        await going
    return talk.between([(began, time.time())])


async def seating_beside(say: Say, minutes: float) -> Metrics:
    """200 people at 25 tables for five rounds; meanwhile phones say again where they work."""
    del minutes
    people, tables, rounds = SEATED
    data = generator.tables_event(people, tables, rounds)
    said = [{"organisation": person["organisation"]} for person in data["people"]]
    work = Work(
        stage=_stage("tables", {"tables": tables, "rounds": rounds, "organisation": "ask"}),
        groups=_groups(data),
        before=lambda n: [("say_organisation", said[n])],
        say=lambda n: ("say_organisation", said[n % people]),
        begin=lambda turn: [("ask_for_seating", {"seed": turn + 1})],
        asked="seating_asked",
        offered="seating_offered",
    )
    say(f"officina: {people} phones while their seating is worked out")
    return await beside(work)


async def plan_beside(say: Say, minutes: float) -> Metrics:
    del minutes
    work = market()
    say(f"officina: {len(work.groups)} phones while their plan is worked out")
    return await beside(work)


def market() -> Work:
    """200 people with wishes at 24 stalls for five rounds; meanwhile phones write notes for stalls."""
    data = generator.event(*ROOM)
    people, stalls, said = data["people"], data["stalls"], notes.texts(500)
    hosted = {host: stall["id"] for stall in stalls for host in stall.get("hosts", ())}
    shown = [
        {key: stall[key] for key in ("id", "capacity", "minimum", "organisation") if key in stall}
        | {"title": {"it": f"Banco {stall['id']}", "en": f"Stall {stall['id']}"}}
        for stall in stalls
    ]

    def before(n: int) -> list[tuple[str, dict[str, Any]]]:
        person = people[n]
        asks: list[tuple[str, dict[str, Any]]] = [("say_organisation", {"organisation": person["organisation"]})]
        if person["id"] in hosted:
            asks.append(("present", {"stall": hosted[person["id"]], "on": True}))
        wishes = person.get("interests", {}).items()
        return asks + [("wish", {"stall": stall, "level": level}) for stall, level in wishes]

    return Work(
        stage=_stage("marketplace", {"stalls": shown, "rounds": data["rounds"]}),
        groups=_groups(data),
        before=before,
        say=lambda n: (
            "write_note",
            {
                "note": notes.new_id(),
                "stall": stalls[n % len(stalls)]["id"],
                "kind": "note",
                "text": said[n % len(said)],
            },
        ),
        begin=lambda turn: [("set_weights", {"coverage": 15 + turn}), ("ask_for_plan", {"fresh": True})],
        asked="plan_asked",
        offered="plan_offered",
    )


def _stage(activity: str, setup: dict[str, Any]) -> dict[str, Any]:
    title = {"it": "Prova di carico", "en": "Load test"}
    return {"id": "work", "activity": activity, "title": title, "minutes": 60, "level": "pseudonym", "setup": setup}


def _groups(data: dict[str, Any]) -> list[str]:
    """The group of each person in turn; the plan of the bench knows two."""
    known = ("civil_servants", "social_innovators")
    return [person["group"] if person["group"] in known else known[1] for person in data["people"]]
