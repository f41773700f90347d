"""Session codes: hard to guess, easy to type, and nobody who types the right one ever waits (G14)."""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import limits.storage.memory
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from starlette.requests import HTTPConnection

from server.sessions import access as gate
from server.sessions import codes
from server.sessions.access import Access
from server.settings import Settings
from tests.inside import FAR, Inside, inside
from tests.people import KEY

pytestmark = pytest.mark.promise("G14")

EVENT_SECONDS = 3 * 3600
#: The chance of hitting any room in an event that we promise to stay under.
CHANCE = 0.001
#: The 99.9999 % point of chi-square with 26 degrees of freedom.
TOO_UNEVEN = 76.0


# -- the codes themselves -------------------------------------------------------------------------------------------


def test_codes_are_made_of_27_signs_that_are_not_mistaken_for_each_other_and_spell_nothing() -> None:
    assert len(codes.SIGNS) == len(set(codes.SIGNS)) == 27
    assert not set(codes.SIGNS) & set("AEIOUY01L")
    assert codes.SIGNS.upper() == codes.SIGNS


def test_codes_have_six_signs_while_few_rooms_are_live_and_seven_above() -> None:
    for rooms, signs in ((0, 6), (1, 6), (codes.FEW_ROOMS, 6), (codes.FEW_ROOMS + 1, 7), (500, 7)):
        assert {len(codes.new_code(rooms)) for _ in range(20)} == {signs}


def test_every_sign_is_equally_likely_at_every_place() -> None:
    drawn = [codes.new_code(0) for _ in range(20_000)]
    expected = len(drawn) / len(codes.SIGNS)
    for place in range(6):
        counts = Counter(code[place] for code in drawn)
        assert set(counts) == set(codes.SIGNS)
        assert sum((counts[sign] - expected) ** 2 / expected for sign in codes.SIGNS) < TOO_UNEVEN
    pairs = Counter(code[place : place + 2] for code in drawn for place in range(5))
    expected = len(drawn) * 5 / 27**2
    assert sum((count - expected) ** 2 / expected for count in pairs.values()) < 1000, "neighbours tell each other"
    assert len(set(drawn)) > len(drawn) - 10


def test_codes_do_not_come_from_a_generator_that_can_be_seeded() -> None:
    random.seed(1)
    first = [codes.new_code(0) for _ in range(5)]
    random.seed(1)
    assert [codes.new_code(0) for _ in range(5)] != first


@given(some.text(codes.SIGNS, min_size=6, max_size=7), some.lists(some.sampled_from(" -\u00a0\t._"), max_size=7))
def test_a_code_is_understood_in_any_case_with_spaces_and_hyphens(code: str, between: list[str]) -> None:
    typed = "".join(sign + gap for sign, gap in zip(code, [*between, *[""] * 7], strict=False))
    assert codes.normal(typed) == codes.normal(typed.lower()) == code
    assert codes.normal(codes.in_blocks(code)) == code


@given(some.text(max_size=300))
@settings(max_examples=300)
def test_whatever_is_typed_becomes_a_short_code_and_stays_one(typed: str) -> None:
    normal = codes.normal(typed)
    assert len(normal) <= 12 and normal.isprintable()
    assert codes.normal(normal) == normal


# -- joining --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Inside]:
    async with inside(tmp_path / "data") as door:
        await door.begins()
        yield door


async def test_G14_two_hundred_people_behind_one_address_join_within_ten_seconds(door: Inside) -> None:
    began = time.monotonic()

    async def joins() -> int:
        page = await door.call("GET", f"/J/{door.code}", address=FAR)
        answer = await door.call("POST", f"/j/{door.code}", address=FAR, data={"name": "", "group": "civil_servants"})
        return page.status_code * 1000 + answer.status_code

    assert set(await asyncio.gather(*(joins() for _ in range(200)))) == {200_303}
    assert time.monotonic() - began < 10
    assert len(door.live.room.folded.session.people) == 200


async def test_G14_a_whole_room_joins_at_once_and_only_the_cap_ends_it(door: Inside) -> None:
    cap = door.house.settings.room_cap
    path = f"/api/sessions/{door.code}/badges"
    answers = await asyncio.gather(*(door.call("POST", path, address=FAR, json={}) for _ in range(cap + 5)))
    assert Counter(answer.status_code for answer in answers) == {201: cap, 409: 5}
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 409} == {"room_full"}


# -- guessing -------------------------------------------------------------------------------------------------------


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays of wrong codes, told instead of waited for."""
    told: list[float] = []

    async def sleep(seconds: float) -> None:
        told.append(seconds)

    monkeypatch.setattr(gate, "asyncio", SimpleNamespace(sleep=sleep))
    return told


async def test_G14_wrong_codes_wait_longer_each_time_and_right_ones_never(door: Inside, waits: list[float]) -> None:
    for _ in range(gate.WRONG_FROM_HERE):
        assert (await door.call("GET", "/j/BBBBBB", address=FAR)).status_code == 404
    assert waits == []
    for _ in range(7):
        assert (await door.call("GET", "/j/BBBBBB", address=FAR)).status_code == 404
        assert (await door.call("GET", f"/j/{door.code}", address=FAR)).status_code == 200
        assert (await door.call("POST", f"/api/sessions/{door.code}/badges", address=FAR, json={})).status_code == 201
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert waits[0] == gate.DELAY_FIRST and max(waits) == gate.DELAY_MOST
    line = await door.screen("wall", address=FAR)
    assert line.heard[0]["t"] == "welcome"
    await line.leaves()
    del waits[:]
    assert (await door.call("GET", "/j/BBBBBB", address="192.168.1.51")).status_code == 404
    assert waits == [], "who mistypes once at another address does not wait for the guesser"


async def test_G14_every_door_that_tells_whether_a_code_exists_counts_the_wrong_ones(
    door: Inside, waits: list[float]
) -> None:
    paths = ["/j/BBBBBB", "/J/BBBBBB", "/s/BBBBBB", "/wall/BBBBBB", "/keep/BBBBBB", "/j/BBBBBB/back"]
    paths += [f"/api/sessions/BBBBBB{more}" for more in ("", "/view?screen=wall", "/me")]
    ways: list[Callable[[str], Any]] = [
        *(lambda address, path=path: door.call("GET", path, address=address) for path in paths),
        lambda address: door.call("POST", "/", address=address, data={"code": "bbb bbb"}),
        lambda address: door.call("POST", "/j/BBBBBB", address=address, data={}),
        lambda address: door.call("POST", "/j/BBBBBB/badge", address=address, json={"badge": "x"}),
        lambda address: door.call("POST", "/keep/BBBBBB/erase", address=address),
        lambda address: door.call("POST", "/api/sessions/BBBBBB/badges", address=address, json={}),
        lambda address: door.call("POST", "/api/sessions/BBBBBB/asks", address=address, json={}),
        lambda address: door.call("DELETE", "/api/sessions/BBBBBB/me", address=address),
        lambda address: door.line("/live/BBBBBB", address=address),
    ]
    for n, way in enumerate(ways):
        door.house.access._wrong.storage.reset()
        del waits[:]
        for _ in range(gate.WRONG_FROM_HERE + 1):
            answer = await way(f"10.0.0.{n}")
            assert (answer.status if hasattr(answer, "status") else answer.status_code) == 404
            if hasattr(answer, "leaves"):
                await answer.leaves()
        assert len(waits) == 1, f"way {n} lets a guesser try as fast as the net allows"


async def test_G14_wrong_keys_and_wrong_badges_count_like_wrong_codes(door: Inside, waits: list[float]) -> None:
    for _ in range(gate.WRONG_FROM_HERE + 1):
        assert (await door.call("POST", "/desk/enter", data={"key": "0" * 64})).status_code == 401
    assert len(waits) == 1
    assert (await door.call("POST", "/desk/enter", data={"key": KEY})).status_code == 303
    assert len(waits) == 1
    for _ in range(gate.WRONG_FROM_HERE + 1):
        answer = await door.call("POST", f"/j/{door.code}/badge", address=FAR, json={"badge": "guessed"})
        assert answer.status_code == 403
    assert len(waits) == 2


def caller(address: str) -> HTTPConnection:
    return HTTPConnection({"type": "http", "headers": [], "client": (address, 1), "path": "/", "scheme": "http"})


class Guessing:
    """Guessers that wait for each answer before they try again, on a clock of their own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000_000.0
        self.waited = 0.0
        monkeypatch.setattr(limits.storage.memory, "time", SimpleNamespace(time=lambda: self.now))
        monkeypatch.setattr(limits.strategies, "time", SimpleNamespace(time=lambda: self.now), raising=False)

        async def sleep(seconds: float) -> None:
            self.waited = seconds

        monkeypatch.setattr(gate, "asyncio", SimpleNamespace(sleep=sleep))
        nothing: Any = None
        self.access = Access(Settings(), nothing, KEY, "test")

    def guesses(self, guessers: int, addresses: int, seconds: float = EVENT_SECONDS) -> int:
        """How many codes they try in this time, with 5 ms for each way there and back."""
        tried = 0
        end = self.now + seconds
        waiting = [(self.now, n) for n in range(guessers)]
        while waiting[0][0] < end:
            self.now, who = heapq.heappop(waiting)
            self.waited = 0.0
            guess = self.access.wrong_code(caller(f"10.0.{who % addresses // 256}.{who % addresses % 256}"))
            with pytest.raises(StopIteration):
                guess.send(None)
            tried += 1
            heapq.heappush(waiting, (self.now + self.waited + 0.005, who))
        return tried


@pytest.mark.parametrize(("guessers", "addresses"), [(1, 1), (20, 1), (20, 20), (50, 50)])
def test_G14_three_hours_of_guessing_hit_no_room(
    monkeypatch: pytest.MonkeyPatch, guessers: int, addresses: int
) -> None:
    tried = Guessing(monkeypatch).guesses(guessers, addresses)
    for rooms in (1, codes.FEW_ROOMS, codes.FEW_ROOMS + 1, 50):
        signs = len(codes.new_code(rooms if rooms <= codes.FEW_ROOMS else rooms - 1))
        chance = 1 - (1 - rooms / len(codes.SIGNS) ** signs) ** tried
        assert chance <= CHANCE, f"{tried} guesses find one of {rooms} rooms with a chance of {chance:.4%}"


def test_G14_the_arithmetic_of_the_budget_holds() -> None:
    """100 wrong codes a minute for three hours, against the longest list of rooms of each length."""
    tried = gate.WRONG_EVERYWHERE * EVENT_SECONDS // 60
    assert tried == 18_000
    for rooms, signs in ((codes.FEW_ROOMS, 6), (50, 7)):
        assert tried * rooms / 27**signs <= CHANCE
    assert tried * 50 / 10**6 > 0.5, "six digits would not do"


def test_G14_after_a_quiet_minute_a_mistyped_code_is_answered_at_once_again(monkeypatch: pytest.MonkeyPatch) -> None:
    guessing = Guessing(monkeypatch)
    assert guessing.guesses(5, 1, seconds=300) > 10
    guessing.now += 61
    guessing.waited = 0.0
    with pytest.raises(StopIteration):
        guessing.access.wrong_code(caller("10.0.0.0")).send(None)
    assert guessing.waited == 0
