"""The measuring of plans is measured itself: a bench that takes a broken plan for a good one would praise it."""

import asyncio
import time

import pytest

from server.activities.marketplace.pairing import Panel
from tests.load import placing, room, solving
from tests.load.client import Socket
from tests.load.measures import NotMeasured
from tests.load.test_measuring import UPGRADED, a_socket, from_server
from tests.matching import examples, generator


def test_a_plan_that_breaks_a_rule_or_says_a_wrong_value_counts_as_broken() -> None:
    plan = solving.plan_of(examples.FIRST)
    assert solving.untrue(examples.FIRST, plan) == 0
    told = {**plan, "objective": {**plan["objective"], "value": plan["objective"]["value"] + 1}}
    assert solving.untrue(examples.FIRST, told) > 0
    twice = {**plan, "assignment": {**plan["assignment"], "p1": ["naples", "naples"]}}
    assert solving.untrue(examples.FIRST, twice) > 0


def test_without_a_bound_the_gap_is_the_whole_value() -> None:
    assert solving.gap(None, 700) == 100
    assert solving.gap(712, 712) == 0
    assert solving.gap(1000, 990) == 1


def test_only_who_is_still_here_can_sit_elsewhere_in_the_next_round() -> None:
    people = [{"id": "a"}, {"id": "b"}, {"id": "gone", "rounds": [1]}, {"id": "back", "rounds": [3]}, {"id": "new"}]
    before = {"a": ["x", "y", "z"], "b": ["y", "x", "z"], "gone": ["z", "z", "z"], "back": ["x", "y", "z"]}
    after = {**{p: [None, "y", "z"] for p in ("a", "b", "new")}, "gone": [None] * 3, "back": [None, None, "z"]}
    assert solving.moved({"people": people, "from_round": 2}, before, after) == pytest.approx(100 / 3)


def test_a_panel_is_the_same_in_every_run_and_another_one_for_another_seed() -> None:
    assert solving.panel(1, solving.EVEN) == solving.panel(1, solving.EVEN) != solving.panel(2, solving.EVEN)


def test_the_fewest_without_an_activity_are_those_that_no_selection_could_help() -> None:
    def of(wishes: str) -> Panel:
        ids = sorted({id for pair in wishes.split() for id in pair})
        said = [{"by": a, "to": b, "level": 3} for pair in wishes.split() for a, b in (pair, pair[::-1])]
        return Panel.model_validate({"organisations": [{"id": id} for id in ids], "wishes": said, "limit": 1})

    assert solving.fewest_alone(of("ab cd")) == 0
    assert solving.fewest_alone(of("ab ac ad")) == 2


def test_the_room_that_goes_on_has_a_group_for_everybody() -> None:
    groups = placing._groups(generator.event(24, 6, 4))
    assert len(groups) == 24 and set(groups) == {"civil_servants", "social_innovators"}


def receipt(ask: str, kind: str = "receipt") -> bytes:
    return from_server(1, f'{{"t":"{kind}","id":"{ask}","number":4,"code":"gone"}}'.encode())


async def talking() -> tuple[placing.Talk, Socket]:
    socket, _, _ = a_socket()
    socket.data_received(UPGRADED)
    return placing.Talk([socket], "work"), socket


def test_receipts_count_by_the_moment_when_their_asks_were_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk() -> None:
        of, socket = await talking()
        ids = [f"{n:032x}" for n in range(placing.FEWEST + 1)]
        left = iter(ids)
        monkeypatch.setattr(room, "fresh_id", lambda: next(left))
        of._send(socket, "say", {})
        await asyncio.sleep(0.01)
        began = time.time()
        for _ in ids[1:]:
            of._send(socket, "say", {})
        ended = time.time()
        await asyncio.sleep(0.02)
        for ask in ids:
            socket.data_received(receipt(ask))
        assert of.between([(began, ended)]).p50 >= 20
        with pytest.raises(NotMeasured):
            of.between([(ended + 1, ended + 2)])

    asyncio.run(talk())


def test_an_ask_that_is_refused_meanwhile_ends_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk() -> None:
        of, socket = await talking()
        monkeypatch.setattr(room, "fresh_id", lambda: "f" * 32)
        of._send(socket, "say", {})
        socket.data_received(receipt("f" * 32, "refusal"))
        with pytest.raises(NotMeasured, match="gone"):
            of._send(socket, "say", {})

    asyncio.run(talk())
