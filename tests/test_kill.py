"""kill -9 in the middle of a burst, again and again: what has a receipt is there, once, at its number (G1, G2).

OFFICINA_KILLS sets how often (25; `make kills` does 1,000): three of five kill a process that only writes, as fast as
the disk lets it; two of five kill the whole server under phones that answer as fast as they may.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from server.moment import fresh
from server.storage.journal import Behind, Entry, NewFact, Outcome
from server.storage.sqlite import SqliteJournal, sound
from tests import people
from tests.running import PROJECT, Server

KILLS = int(os.environ.get("OFFICINA_KILLS", "25"))
OF_THE_WRITER = KILLS * 3 // 5
OF_THE_SERVER = KILLS - OF_THE_WRITER
#: A folder is left for a fresh one after this many kills, so that checking it stays quick in long runs.
KILLS_PER_FOLDER = 50
EARLIEST, LATEST = 0.005, 0.4
LINES = 3
PHONES = 12
#: Asks that a phone sends before it waits for an answer.
AHEAD = 6

# Writes a log of receipts beside the database: what stands there was told to somebody. One write per batch, and a
# killed process's writes are not lost, because only the power can take them from the system.
WRITE_AS_FAST_AS_YOU_CAN = """
import asyncio, os, random, sys
from pathlib import Path
from server.storage.journal import Committed, Entry, NewFact, PersonRow
from server.storage.sqlite import SqliteJournal

path, run, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
log = os.open(path.with_name("receipts"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
chance = random.Random(run)

async def main():
    journal = await SqliteJournal.open(path)
    rows = {row.code: row for row in await journal.lines()}
    for n in range(count):
        row = rows.get(f"line{n}") or await journal.new_line("session", f"line{n}", 1)
        write(journal, row.id, row.number, 0)
    await asyncio.Event().wait()

def write(journal, line, number, turn):
    entries = []
    for n in range(chance.randint(1, 40)):
        ask = f"{run}-{line}-{turn}-{n}"
        facts = [
            NewFact(turn, "poll", "answered", "ada", None, "pseudonym", '"' + "x" * chance.randint(0, 400) + '"')
            for _ in range(chance.choice((0, 1, 1, 1, 3)))
        ]
        entries.append(Entry("ada", ask, facts, [PersonRow("ada", ask)] if n == 0 else ()))

    def done(outcome):
        assert isinstance(outcome, Committed), outcome
        told = zip(entries, outcome.numbers, strict=True)
        os.write(log, "".join(f"{line} {entry.ask} {number}\\n" for entry, number in told).encode())
        write(journal, line, number + len(outcome.facts), turn + 1)

    journal.append(line, number, entries, done)

asyncio.run(main())
"""


@dataclass
class Tally:
    """What one loop of kills has seen."""

    kills: int = 0
    receipts: int = 0
    sent_again: int = 0
    slowest_return: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def say(self, what: str) -> None:
        seconds = time.monotonic() - self.began
        print(
            f"\n{what}: {self.kills} kills, {self.receipts} receipts, 0 lost, {self.sent_again} sent again and the"
            f" same, back after at most {self.slowest_return:.2f} s ({seconds:.0f} s in all)"
        )


def folders(kills: int, folder: Path) -> Iterator[tuple[Path, int]]:
    for start in range(0, kills, KILLS_PER_FOLDER):
        made = folder / f"from {start}"
        made.mkdir()
        yield made, min(KILLS_PER_FOLDER, kills - start)


def gap_free(path: Path) -> None:
    """Every line's facts are 1, 2, 3 ... up to where the line says it stands, and the file is whole."""
    assert sound(path) == "ok"
    with closing(sqlite3.connect(path)) as connection:
        for line, number in connection.execute("SELECT id, number FROM line").fetchall():
            found = connection.execute(
                "SELECT count(*), coalesce(min(number), 1), coalesce(max(number), 0) FROM fact WHERE line = ?", (line,)
            ).fetchone()
            assert found == (number, 1, number), f"line {line} stands at {number}, its facts: {found}"


def told(log: Path) -> dict[tuple[int, str], int]:
    """The receipts that the killed process told, by line and ask."""
    if not log.exists():
        return {}
    whole = log.read_bytes().rpartition(b"\n")[0].decode()
    found = {}
    for row in whole.splitlines():
        line, ask, number = row.split()
        found[int(line), ask] = int(number)
    return found


async def check_the_journal(path: Path, receipts: dict[tuple[int, str], int], chance: random.Random) -> int:
    """Opens what the kill left, as the next start does, and asks again for asks of which the receipt is known."""
    journal = await SqliteJournal.open(path)
    asked = 0
    try:
        rows = await journal.lines()
        for row in rows:
            kept = await journal.receipts(row.id)
            for (line, ask), number in receipts.items():
                if line == row.id:
                    assert kept.get(("ada", ask)) == number, (
                        f"{ask} was told {number}, kept is {kept.get(('ada', ask))}"
                    )
            known = list(kept.items())
            for (actor, ask), number in chance.sample(known, min(len(known), 5)):
                future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
                fact = NewFact(1, "poll", "answered", "ada", None, "pseudonym", "{}")
                journal.append(row.id, row.number, [Entry(actor, ask, [fact])], future.set_result)
                assert await future == Behind({(actor, ask): number})
                asked += 1
    finally:
        await journal.close()
    return asked


@pytest.mark.promise("G1")
async def test_G1_a_writer_killed_at_any_moment_has_lost_nothing_it_gave_a_receipt_for(tmp_path):
    chance = random.Random(20_260)
    tally = Tally()
    for folder, kills in folders(OF_THE_WRITER, tmp_path):
        path, log = folder / "officina.db", folder / "receipts"
        for kill in range(kills):
            before = log.stat().st_size if log.exists() else 0
            command = [sys.executable, "-c", WRITE_AS_FAST_AS_YOU_CAN, str(path), str(kill), str(LINES)]
            process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            try:
                while not (log.exists() and log.stat().st_size > before):
                    assert process.poll() is None, process.stdout and process.stdout.read().decode()
                    await asyncio.sleep(0.002)
                await asyncio.sleep(chance.uniform(EARLIEST, LATEST))
            finally:
                process.send_signal(signal.SIGKILL)
                process.communicate()
            receipts = told(log)
            tally.kills += 1
            began = time.monotonic()
            tally.sent_again += await check_the_journal(path, receipts, chance)
            tally.slowest_return = max(tally.slowest_return, time.monotonic() - began)
            gap_free(path)
        tally.receipts += len(receipts)
    assert tally.receipts > 100 * tally.kills, "the kills came before anything was written"
    assert tally.sent_again > tally.kills
    tally.say("G1 writer")


@pytest.mark.promise("G1")
async def test_G1_a_start_that_is_killed_before_it_is_done_does_not_stand_in_the_way_of_the_next(tmp_path):
    chance = random.Random(7)
    for kill in range(12):
        path = tmp_path / f"{kill}" / "officina.db"
        path.parent.mkdir()
        command = [sys.executable, "-c", WRITE_AS_FAST_AS_YOU_CAN, str(path), "0", str(LINES)]
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        try:
            # The file appears when the migration begins.
            while not path.exists():
                assert process.poll() is None
                await asyncio.sleep(0.001)
            await asyncio.sleep(chance.uniform(0, 0.03))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        await check_the_journal(path, told(path.with_name("receipts")), chance)
        gap_free(path)


class Phone:
    """Answers without looking and remembers every receipt; an ask without one stays in its outbox."""

    def __init__(self, day: people.Day, badge: str, name: str) -> None:
        self.day, self.badge, self.name = day, badge, name
        self.outbox: dict[str, dict[str, Any]] = {}
        self.receipts: dict[str, int] = {}
        self.told_again = 0
        self.turn = 0

    def ask(self) -> dict[str, Any]:
        self.turn += 1
        having = {"question": "obstacle", "round": 1, "value": ["abc"[self.turn % 3]]}
        made = {
            "t": "ask",
            "id": f"{self.name}-{self.turn}-{fresh()[:6]}",
            "stage": "poll",
            "do": "answer",
            "with": having,
        }
        self.outbox[made["id"]] = made
        return made

    async def answers_until_the_line_breaks(self, open: asyncio.Event) -> None:
        try:
            async with connect(
                f"{self.day.url.replace('http', 'ws', 1)}/live/{self.day.code}",
                additional_headers={"Authorization": f"Bearer {self.badge}"},
                origin=self.day.url,  # type: ignore[arg-type]
                compression=None,
                proxy=None,
            ) as socket:
                await socket.send('{"t":"hello","v":1,"screen":"phone","as":"json","last":null,"epoch":null}')
                open.set()
                old = random.sample(sorted(self.receipts), min(3, len(self.receipts)))
                again = [*list(self.outbox.values()), *(self.answered_already(id) for id in old)]
                for one in again:
                    await socket.send(json.dumps(one))
                for _ in range(AHEAD):
                    await socket.send(json.dumps(self.ask()))
                async for text in socket:
                    await self.hear(json.loads(text), socket)
        except (OSError, WebSocketException):
            open.set()

    def answered_already(self, id: str) -> dict[str, Any]:
        """An old ask once more, and with something else in it: what it carries the second time is passed over."""
        having = {"question": "obstacle", "round": 1, "value": ["c"]}
        return {"t": "ask", "id": id, "stage": "poll", "do": "answer", "with": having}

    async def hear(self, frame: dict[str, Any], socket: Any) -> None:
        if frame["t"] == "receipt":
            id, number = frame["id"], frame["number"]
            if id in self.receipts:
                assert self.receipts[id] == number, f"{id} had receipt {self.receipts[id]} and now {number}"
                self.told_again += 1
                return
            self.receipts[id] = number
            self.outbox.pop(id, None)
            await socket.send(json.dumps(self.ask()))
        elif frame["t"] == "refusal":
            assert frame["again"], f"a valid answer was refused for good: {frame}"
            await asyncio.sleep(0.1)
            if frame["id"] in self.outbox:
                await socket.send(json.dumps(self.outbox[frame["id"]]))


async def check_the_facts(day: people.Day, phones: list[Phone]) -> None:
    facts = await day.facts()
    assert [fact["number"] for fact in facts] == list(range(1, len(facts) + 1))
    numbers: dict[str, list[int]] = {}
    for fact in facts:
        if fact["kind"] == "answered":
            numbers.setdefault(fact["ask"], []).append(fact["number"])
    assert all(len(found) == 1 for found in numbers.values()), "an ask counted twice"
    for phone in phones:
        for id, number in phone.receipts.items():
            assert numbers.get(id) == [number], f"{id} was told {number}, kept is {numbers.get(id)}"


async def one_folder_of_kills(folder: Path, kills: int, chance: random.Random, tally: Tally) -> None:
    server = Server(folder)
    server.spawn()
    try:
        await server.ready()
        async with httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False) as http:
            nobody: Any = None
            day = people.Day(nobody, server.url, folder, http)
            await day.begins()
            await opens(day)
            phones = [Phone(day, (await day.badge())["badge"], f"p{n}") for n in range(PHONES)]
            for _ in range(kills):
                open = [asyncio.Event() for _ in phones]
                answering = [
                    asyncio.create_task(phone.answers_until_the_line_breaks(opened))
                    for phone, opened in zip(phones, open, strict=True)
                ]
                await asyncio.gather(*(opened.wait() for opened in open))
                await asyncio.sleep(chance.uniform(EARLIEST, LATEST))
                server.kill()
                await asyncio.gather(*answering)
                tally.kills += 1
                assert sound(folder / "officina.db") == "ok"
                server.spawn()
                tally.slowest_return = max(tally.slowest_return, await server.ready())
                await check_the_facts(day, phones)
        server.stop()
        gap_free(folder / "officina.db")
        tally.receipts += sum(len(phone.receipts) for phone in phones)
        tally.sent_again += sum(phone.told_again for phone in phones)
    finally:
        server.kill()
        server.said.close()


async def opens(day: people.Day) -> None:
    """Opens the poll and its question by the way without a socket."""
    for stage, do, having in (
        (None, "open_stage", {"stage": "poll"}),
        ("poll", "open_question", {"question": "obstacle"}),
    ):
        asked = {"t": "ask", "id": fresh(), "stage": stage, "do": do, "with": having}
        answer = await day.api("POST", f"/api/sessions/{day.code}/asks", json=asked)
        assert answer.status_code == 200, answer.text


@pytest.mark.promise("G1")
@pytest.mark.promise("G2")
async def test_G1_a_server_killed_under_phones_has_lost_nothing_it_gave_a_receipt_for(tmp_path):
    chance = random.Random(20_261)
    tally = Tally()
    for folder, kills in folders(OF_THE_SERVER, tmp_path):
        await one_folder_of_kills(folder, kills, chance, tally)
    assert tally.receipts > 20 * tally.kills, "the kills came before the phones could answer"
    assert tally.sent_again > tally.kills
    tally.say("G1 server")


@pytest.mark.promise("G2")
@pytest.mark.parametrize("level", ["pseudonym", "anonymous"])
async def test_G2_an_answer_whose_receipt_was_lost_gets_it_also_when_its_stage_is_closed(tmp_path, level):
    async with people.officina(tmp_path) as day:
        await day.begins(people.plan(people.poll(level=level)))
        await opens(day)
        ada = await day.ada()
        having: dict[str, Any] = {"question": "obstacle", "round": 1, "value": ["a"]}
        number = await ada.asks("answer", "poll", "kept", **having)
        await close_the_stage(day)
        again = await ada.tries("answer", "poll", "kept", **having)
        assert again == {"t": "receipt", "id": "kept", "number": number}
        assert (await ada.tries("answer", "poll", "new", **having))["code"] == "stage_closed"
        await ada.leaves()
    async with people.officina(tmp_path) as day:
        day.code = next(iter(day.house.rooms.lines))
        ada = people.Screen(day, "Ada", "phone", badge=ada.badge)
        day.screens.append(ada)
        await ada.comes()
        assert (await ada.tries("answer", "poll", "kept", **having)) == again


async def close_the_stage(day: people.Day) -> None:
    asked = {"t": "ask", "id": fresh(), "stage": None, "do": "close_stage", "with": {}}
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", json=asked)
    assert answer.status_code == 200, answer.text
