"""`officina tables`: its exit codes, its document, and that it believes no plan that tells figures of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from . import matching, work
from .command import tables
from .matching.test_matching import ROOT, eight, room


def test_a_clean_seating_is_0_and_its_own_document_checks_clean_and_equal() -> None:
    code, document, said = tables(json.dumps(room(24, steps=50_000)))
    assert code == 0 and document["broken"] == [] and len(said) == 2
    assert document["format"] == "officina.tables.plan/1"
    again = tables(json.dumps(room(24, steps=50_000)), check=json.loads(json.dumps(document)))
    assert again == (0, document, said)


def test_a_broken_rule_is_1_and_is_told() -> None:
    given = room(12, 3, 1)
    _, document, _ = tables(json.dumps(given))
    moved = json.loads(json.dumps(document))
    own = moved["assignment"]["p000"]
    moved["assignment"]["p000"] = ["t1" if own != ["t1"] else "t2"]
    code, told, said = tables(json.dumps(given), check=moved)
    assert code == 1
    assert "T2" in {breach["rule"] for breach in told["broken"]}
    assert any("T2" in line for line in said)


def test_a_plan_that_lies_about_its_cost_is_1() -> None:
    _, document, _ = tables(json.dumps(eight(2)))
    code, _, said = tables(json.dumps(eight(2)), check={**document, "objective": {"cost": 0, "bound": 10}})
    assert code == 1
    assert "The plan says cost 0; it is 40." in said


@pytest.mark.parametrize("given", [b"{", b"[]", b"\xff\xfe\xfa", "null", json.dumps({**eight(1), "seats": 3})])
def test_an_input_that_cannot_be_used_is_2_with_a_code(given: Any) -> None:
    code, told, said = tables(given)
    assert code == 2 and told["error"]["code"] == "malformed" and said == [told["error"]["text"]]


@pytest.mark.parametrize(
    "plan", [{}, {"assignment": []}, {"assignment": {"nobody": ["t1"]}}, {"assignment": {"a1": 3}}]
)
def test_a_plan_that_is_none_is_2(plan: dict[str, Any]) -> None:
    assert tables(json.dumps(eight(1)), check=plan)[0] == 2


def test_why_tells_one_persons_seats() -> None:
    code, document, _ = tables(json.dumps(room(24, steps=50_000)), why="p003")
    assert code == 0
    assert [len(codes) >= 2 for codes in document["why"]["p003"]] == [True, True, True]
    assert tables(json.dumps(room(24)), why="nobody")[0] == 2


async def test_the_process_finds_what_the_thread_finds() -> None:
    given = room(30, 6, 3, steps=20_000)
    try:
        await work.warm()
        in_process = await work.searched(given)
        assert not work._forbidden
    finally:
        work.close()
    in_thread = await asyncio.to_thread(work.found, given, None, work.BREATH)
    assert in_process["assignment"] == in_thread["assignment"]
    assert in_process["engine"] | {"seconds": 0} == in_thread["engine"] | {"seconds": 0}


async def test_where_no_process_may_start_a_thread_searches_and_the_room_stays_awake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(work, "_forbidden", True)
    monkeypatch.setattr(work, "_pool", None)
    ticks = 0

    async def ticking() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    ticker = asyncio.create_task(ticking())
    done = await work.searched(room(60, 10, 3, steps=60_000))
    ticker.cancel()
    assert len(done["assignment"]) == 60
    assert ticks >= 3


async def test_a_process_that_dies_leaves_the_work_to_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures.process import BrokenProcessPool

    class Dead:
        def submit(self, *_: Any) -> Any:
            raise BrokenProcessPool("it was killed")

        def shutdown(self, **_: Any) -> None:
            pass

    monkeypatch.setattr(work, "_pool", Dead())
    monkeypatch.setattr(work, "_forbidden", False)
    done = await work.searched(room(12, 3, 1))
    assert len(done["assignment"]) == 12
    assert work._forbidden


def test_a_program_without_a_guard_does_not_begin_once_more_in_the_child(tmp_path: Path) -> None:
    program = tmp_path / "unguarded.py"
    program.write_text(
        "import asyncio\n"
        "from server.activities.tables import work\n"
        "from server.activities.tables.matching.test_matching import room\n"
        "print('begun', flush=True)\n"
        "async def main():\n"
        "    done = await work.searched(room(12, 3, 1))\n"
        "    print(len(done['assignment']), work._forbidden)\n"
        "asyncio.run(main())\n"
        "work.close()\n"
    )
    told = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert told.stdout.split() == ["begun", "12", "False"], told.stderr


async def test_two_hundred_people_get_their_seats_and_the_rooms_own_process_does_not_count_for_it() -> None:
    given = room(200, 25, 5, groups=4, organisations=60, steps=400_000)
    try:
        await work.warm()
        before = time.process_time()
        done = await work.searched(given)
        own = time.process_time() - before
    finally:
        work.close()
    event = matching.read(given)
    assert matching.cost(event, done["assignment"]) == matching.bound(event) == 0
    assert own < done["engine"]["seconds"] / 2
