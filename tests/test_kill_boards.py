"""kill -9 of a server under twenty people who write on one board: a note with a receipt is there once, at its number (C4, C8)."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from server.live.patches import digest
from server.moment import fresh
from server.storage.sqlite import sound
from tests import people
from tests.running import Server, running

WRITERS = 20
KILLS = 2
EARLIEST, LATEST = 0.05, 0.4
#: Seconds between a receipt and the next ask: every frame goes to all twenty, and reading them is most of the work.
REST = (0.01, 0.1)

BOARD = {
    "key": "kills",
    "title": {"it": "Due zone", "en": "Two zones"},
    "zones": [
        {"key": "seen", "role": "challenge", "title": {"it": "Sfide", "en": "Challenges"}, "at": [1, 1, 6, 8]},
        {"key": "own", "role": "need", "title": {"it": "Bisogni", "en": "Needs"}, "at": [7, 1, 6, 8], "visible": "own"},
    ],
}
STAGE = {"id": "b", "activity": "canvas", "title": {"it": "Lavagna", "en": "Board"}, "minutes": 9}


@dataclass
class Writer:
    """A phone that adds notes and changes them, one ask at a time, and sends again what has no answer when it is back."""

    day: people.Day
    badge: str
    name: str
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    outbox: dict[str, dict[str, Any]] = field(default_factory=dict)
    receipts: dict[str, int] = field(default_factory=dict)
    told_again: int = 0

    def next(self) -> dict[str, Any]:
        n = len(self.asked)
        note = f"{self.name}{n - n % 3:04d}".rjust(16, "_")
        having: dict[str, Any] = {"note": note, "text": f"{self.name} scrive {n}"}
        kind = "add_note" if n % 3 == 0 else "edit_text"
        having |= {"zone": "own" if n % 2 else "seen"} if kind == "add_note" else {"base": n % 3}
        made = {"t": "ask", "id": f"{self.name}-{n}", "stage": "b", "do": kind, "with": having}
        self.asked[made["id"]] = self.outbox[made["id"]] = made
        return made

    async def writes_until_the_line_breaks(self, opened: asyncio.Event, goes_on: bool = True) -> None:
        """Sends what has no answer first, then old asks once more, then new ones."""
        try:
            async with connect(
                f"{self.day.url.replace('http', 'ws', 1)}/live/{self.day.code}",
                additional_headers={"Authorization": f"Bearer {self.badge}"},
                origin=self.day.url,  # type: ignore[arg-type]
                compression=None,
                proxy=None,
            ) as socket:
                await socket.send('{"t":"hello","v":1,"screen":"phone","as":"json","last":null,"epoch":null}')
                opened.set()
                old = random.sample(sorted(self.receipts), min(2, len(self.receipts)))
                for one in [*self.outbox.values(), *(self.asked[id] for id in old)]:
                    await socket.send(json.dumps(one))
                if goes_on and not self.outbox:
                    await socket.send(json.dumps(self.next()))
                waits = len(old)
                async for text in socket:
                    waits -= await self.hear(json.loads(text), socket, goes_on)
                    if not goes_on and waits <= 0 and not self.outbox:
                        return
        except (OSError, WebSocketException):
            opened.set()

    async def hear(self, frame: dict[str, Any], socket: Any, goes_on: bool) -> int:
        """1 where an ask was answered that had its receipt before."""
        if frame["t"] == "receipt":
            id, number = frame["id"], frame["number"]
            if id in self.receipts:
                assert self.receipts[id] == number, f"{id} had receipt {self.receipts[id]} and now {number}"
                self.told_again += 1
                return 1
            self.receipts[id] = number
            self.outbox.pop(id, None)
            if goes_on:
                await asyncio.sleep(random.uniform(*REST))
                await socket.send(json.dumps(self.next()))
        elif frame["t"] == "refusal":
            assert frame["again"], f"a valid ask was refused for good: {frame}"
            await asyncio.sleep(0.1)
            await socket.send(json.dumps(self.asked[frame["id"]]))
        return 0


async def board(day: people.Day) -> tuple[int, dict[str, Any]]:
    """Number and view of the board as the desk is given it."""
    answer = await day.api("GET", f"/api/sessions/{day.code}/view?screen=desk&lang=it")
    assert answer.status_code == 200, answer.text
    view = answer.json()["stage"]["view"]
    # who is in the room now is no part of what is kept
    view.pop("present")
    return answer.json()["number"], view


async def check_the_board(day: people.Day, writers: list[Writer]) -> None:
    """Each receipt has its one fact, and the board is what the facts say."""
    facts = await day.facts()
    assert [fact["number"] for fact in facts] == list(range(1, len(facts) + 1))
    numbers: dict[str, list[int]] = {}
    texts: dict[str, str] = {}
    zones: dict[str, str] = {}
    for fact in facts:
        body = fact["body"]
        if fact["kind"] in ("note_added", "text_changed"):
            numbers.setdefault(fact["ask"], []).append(fact["number"])
            texts[body["note"]] = body["text"]
        if fact["kind"] == "note_added":
            assert body["note"] not in zones, "a note was added twice"
            zones[body["note"]] = body["zone"]
    assert all(len(found) == 1 for found in numbers.values()), "an ask was kept twice"
    for writer in writers:
        for id, number in writer.receipts.items():
            assert numbers.get(id) == [number], f"{id} was told {number}, kept is {numbers.get(id)}"
    number, view = await board(day)
    assert number == len(facts)
    seen = {note: text for note, text in texts.items() if zones[note] == "seen"}
    assert {note: one["text"] for note, one in view["notes"].items()} == seen
    assert view["zones"]["own"].get("hidden", 0) == len(texts) - len(seen)


async def opens(day: people.Day) -> None:
    await day.begins(people.plan({**STAGE, "setup": {"board": BOARD}}))
    asked = {"id": fresh(), "stage": None, "do": "open_stage", "with": {"stage": "b"}}
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", json=asked)
    assert answer.status_code == 200, answer.text


async def one_life(server: Server, writers: list[Writer], seconds: float) -> None:
    """All write until the server is killed under them."""
    opened = [asyncio.Event() for _ in writers]
    writing = [
        asyncio.create_task(writer.writes_until_the_line_breaks(one))
        for writer, one in zip(writers, opened, strict=True)
    ]
    await asyncio.gather(*(one.wait() for one in opened))
    before = sum(len(writer.receipts) for writer in writers)
    async with asyncio.timeout(20):
        while sum(len(writer.receipts) for writer in writers) < before + 3 * WRITERS:
            await asyncio.sleep(0.01)
    await asyncio.sleep(seconds)
    server.kill()
    await asyncio.gather(*writing)


async def test_no_note_is_lost_or_doubled_when_the_server_is_killed_under_twenty_writers(tmp_path: Path) -> None:
    chance = random.Random(20_262)
    began = time.monotonic()
    async with running(tmp_path / "data") as (server, day):
        await opens(day)
        badges = [await day.badge("civil_servants" if n % 2 else "social_innovators") for n in range(WRITERS)]
        writers = [Writer(day, made["badge"], f"w{n:02d}") for n, made in enumerate(badges)]
        for _ in range(KILLS):
            await one_life(server, writers, chance.uniform(EARLIEST, LATEST))
            assert sound(tmp_path / "data" / "officina.db") == "ok"
            server.spawn()
            await server.ready()
            await check_the_board(day, writers)

        # back on the line each sends what had no answer, and gets one
        unanswered = sum(len(writer.outbox) for writer in writers)
        async with asyncio.timeout(10):
            await asyncio.gather(*(writer.writes_until_the_line_breaks(asyncio.Event(), False) for writer in writers))
        assert unanswered and not any(writer.outbox for writer in writers)
        assert sum(writer.told_again for writer in writers) >= WRITERS
        assert all(writer.receipts.keys() == writer.asked.keys() for writer in writers)
        await check_the_board(day, writers)

        # and a start that had nothing to save brings the same board
        number, view = await board(day)
        server.kill()
        server.spawn()
        await server.ready()
        again = await board(day)
        assert again == (number, view) and digest(again[1]) == digest(view)
    took = time.monotonic() - began
    receipts = sum(len(writer.receipts) for writer in writers)
    print(f"\n{KILLS} kills, {receipts} receipts, {unanswered} unanswered at the last kill ({took:.0f} s)")
