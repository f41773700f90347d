"""Lost Wi-Fi, a sleeping phone, a restarted server: all of them are "after number N", held against a plain model."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from server.house import House
from server.live.envelope import Asking, Receipt, Refused
from server.live.rooms import LiveRoom
from server.live.screens import Audience
from server.settings import Settings
from tests.people import KEY, OBSTACLE, Day, officina, plan, poll, talk

LONG = os.environ.get("OFFICINA_FUZZ") == "long"
VALUES = st.sampled_from([["a"], ["b"], ["c"], None, ["zz"], "a", []])


class Line(RuleBasedStateMachine):
    """Phones ask, retry, reorder and lose answers; the server restarts; the model is a dict of last answers."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.house: House
        self.code = ""
        self.people: dict[str, str] = {}
        self.kept: dict[tuple[str, str], int] = {}
        self.sent: list[tuple[str, str, str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {}
        self.going = "lobby"
        self.question = "waiting"
        self.next = 0

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    async def opened(self) -> House:
        return await House.open(Settings(data=Path(self.folder.name), host_key=KEY, host="127.0.0.1"))

    @property
    def live(self) -> LiveRoom:
        return self.house.rooms.live[self.code]

    @initialize()
    def begins(self) -> None:
        self.house = self.run(self.opened())
        made = self.run(self.house.rooms.make(plan(poll("poll", OBSTACLE), talk())))
        self.code = made.room.code

    async def put(
        self, role: str, person: str | None, stage: str | None, do: str, having: Any, id: str
    ) -> Receipt | Refused:
        asking = Asking(role, person, id, stage, do, having, self.live.room.now(), lambda answer: None)  # type: ignore[arg-type]
        return await self.live.room.ask(asking)

    def fresh(self) -> str:
        self.next += 1
        return f"ask{self.next}"

    @precondition(lambda self: len(self.people) < 6)
    @rule(group=st.sampled_from(["civil_servants", "social_innovators"]))
    def joins(self, group: str) -> None:
        person = f"p{len(self.people)}"
        having = {"person": person, "group": group, "language": "it", "rehearsal": False, "cap": 500}
        answer = self.run(self.live.ask_as_server("join", having, person))
        assert isinstance(answer, Receipt)
        self.people[person] = group

    @precondition(lambda self: self.people)
    @rule(data=st.data(), value=VALUES)
    def answers_once(self, data: st.DataObject, value: Any) -> None:
        person = data.draw(st.sampled_from(sorted(self.people)))
        having = {"question": "obstacle", "round": 1, "value": value}
        id = self.fresh()
        self.sent.append((person, id, "answer", having))
        self.settle(person, id, having, self.run(self.put("phone", person, "poll", "answer", having, id)))

    @precondition(lambda self: len(self.people) > 1)
    @rule(data=st.data())
    def several_at_once_in_any_order(self, data: st.DataObject) -> None:
        """A burst in which the same ask may come twice, and the answers may be lost on their way back."""
        asks = []
        for _ in range(data.draw(st.integers(2, 6))):
            person = data.draw(st.sampled_from(sorted(self.people)))
            asks.append(
                (
                    person,
                    self.fresh(),
                    {"question": "obstacle", "round": 1, "value": data.draw(st.sampled_from([["a"], ["b"]]))},
                )
            )
        twice = asks + data.draw(st.lists(st.sampled_from(asks), max_size=4))

        async def all_of_them() -> list[Receipt | Refused]:
            return await asyncio.gather(
                *(self.put("phone", person, "poll", "answer", having, id) for person, id, having in twice)
            )

        for (person, id, having), answer in zip(twice, self.run(all_of_them()), strict=True):
            self.sent.append((person, id, "answer", having))
            self.settle(person, id, having, answer)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def an_old_ask_comes_again(self, data: st.DataObject) -> None:
        person, id, do, having = data.draw(st.sampled_from(self.sent))
        answer = self.run(self.put("phone", person, "poll", do, having, id))
        self.settle(person, id, having, answer)

    def settle(self, person: str, id: str, having: dict[str, Any], answer: Receipt | Refused) -> None:
        known = self.kept.get((person, id))
        if isinstance(answer, Receipt):
            if known is not None:
                assert answer.number == known, "the same ask got another receipt"
                return
            assert self.going == "open" and self.question == "open", "kept although the question was not open"
            self.kept[person, id] = answer.number
            latest = max(number for (who, _), number in self.kept.items() if who == person)
            if answer.number == latest:
                self.answers[person] = having["value"]
        else:
            assert known is None, "an ask that was kept was refused later"

    @rule(do=st.sampled_from(["open_stage", "close_stage", "go_next", "go_back", "pause", "resume"]))
    def the_host_moves(self, do: str) -> None:
        having = {"stage": "poll"} if do == "open_stage" else {}
        self.run(self.put("desk", None, None, do, having, self.fresh()))
        state = self.live.room.folded.session
        self.going = "open" if state.current == "poll" and state.stage_open else "elsewhere"

    @rule(do=st.sampled_from(["open_question", "lock_question", "reveal", "reopen_question"]))
    def the_question_moves(self, do: str) -> None:
        self.run(self.put("desk", None, "poll", do, {"question": "obstacle"}, self.fresh()))
        view = self.live.screens.stage_view("wall", "it")
        if view is not None and view["id"] == "poll":
            self.question = view["view"]["state"]

    @rule()
    def the_server_restarts(self) -> None:
        before = self.pictures()
        self.run(self.house.close())
        self.house = self.run(self.opened())
        assert self.pictures() == before

    def pictures(self) -> list[Any]:
        """What every screen shows, without what lives in memory only (who is connected)."""
        shown = []
        for screen in ("phone", "wall"):
            view = self.live.screens.json_view(screen, "it")
            if view["stage"]:
                view["stage"]["view"].pop("present", None)
            shown.append(json.dumps(view))
        for person in self.people:
            looking = Looking(person)
            shown.append(json.dumps(self.live.screens.own_view(looking)))
        return shown

    @invariant()
    def numbers_have_no_gap_and_every_kept_ask_is_there_once(self) -> None:
        if not self.code:
            return
        facts = self.run(self.house.journal.after(self.live.room.line, 0))
        assert [fact.number for fact in facts] == list(range(1, len(facts) + 1)) and len(facts) == self.live.room.number
        asks = [(fact.person, fact.ask) for fact in facts if fact.kind == "answered"]
        assert len(asks) == len(set(asks)) and set(asks) == set(self.kept)

    @invariant()
    def everybody_sees_their_own_last_answer(self) -> None:
        if not self.code:
            return
        state = self.live.room.folded.session
        if state.current != "poll":
            return
        for person, value in self.answers.items():
            mine = self.live.screens.own_view(Looking(person))
            assert mine is not None and (mine.get("value") == value or self.question in ("waiting", "cancelled")), (
                mine,
                value,
            )

    def teardown(self) -> None:
        if self.code:
            self.run(self.house.close())
        self.loop.close()
        self.folder.cleanup()


class Looking:
    def __init__(self, person: str) -> None:
        self.person: str | None = person
        self.token = None
        self.audience = Audience("phone", "it", "json")


TestComingBack = Line.TestCase
TestComingBack.settings = settings(
    max_examples=400 if LONG else 12,
    stateful_step_count=100 if LONG else 30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestComingBack.pytestmark = [pytest.mark.promise("G2"), pytest.mark.promise("G4")]


async def open_poll(day: Day) -> Any:
    carla = await day.carla()
    await carla.asks("go_next")
    await carla.asks("open_question", "poll", question="obstacle")
    return carla


@pytest.mark.promise("G4")
async def test_G4_a_phone_that_slept_shows_what_the_others_show(day: Day) -> None:
    carla = await open_poll(day)
    ada, bruno = await day.ada(), await day.bruno()
    await ada.answers_with(["a"])
    ada.vanishes()
    await bruno.answers_with(["b"])
    await carla.asks("lock_question", "poll", question="obstacle")
    await carla.asks("reveal", "poll", question="obstacle")
    await bruno.sees(lambda: bruno.view["state"] == "revealed")
    await ada.comes()
    assert ada.frames[-1]["t"] in ("welcome", "view")
    assert (ada.session, ada.stage) == (bruno.session, bruno.stage)
    assert ada.mine["value"] == ["a"] and ada.numbers == sorted(ada.numbers)


@pytest.mark.promise("G4")
@pytest.mark.parametrize("last", [None, 0, 1, 999_999, "x", -5])
async def test_G4_any_last_number_gets_the_full_view(day: Day, last: Any) -> None:
    await open_poll(day)
    ada = await day.ada()
    await ada.leaves()
    await ada.comes(last=last, epoch="of another life")
    assert ada.frames[-1]["t"] == "welcome" and ada.view["state"] == "open"


@pytest.mark.promise("G1")
async def test_G1_a_restart_in_the_middle_of_a_question_keeps_every_answer_and_every_receipt(tmp_path: Path) -> None:
    async with officina(tmp_path) as day:
        await day.begins()
        await open_poll(day)
        ada = await day.ada()
        number = await ada.asks("answer", "poll", id="before", question="obstacle", round=1, value=["b"])
        badge, person, code = ada.badge, ada.person, day.code
        day.screens.remove(ada)
    await ada.sees(lambda: ada.closed)
    assert ada.closed == 1012
    notices = [frame for frame in ada.frames if frame["t"] == "notice"]
    assert notices and notices[-1]["code"] == "restart" and notices[-1]["window"] >= 500
    async with officina(tmp_path) as day:
        day.code = code
        back = type(ada)(day, "Ada", "phone", "json", badge, person)
        day.screens.append(back)
        await back.comes()
        assert back.mine["value"] == ["b"] and back.view["state"] == "open"
        assert back.epoch == ada.epoch
        again = await back.asks("answer", "poll", id="before", question="obstacle", round=1, value=["c"])
        assert again == number
        assert await back.answers_with(["c"]) > number


@pytest.mark.promise("G10")
async def test_G10_a_deadline_that_passed_while_the_server_was_down_is_asked_at_once(tmp_path: Path) -> None:
    timed = {**OBSTACLE, "time": 5}
    async with officina(tmp_path) as day:
        await day.begins(plan(poll("poll", timed)))
        await open_poll(day)
        code = day.code
        ends_at = day.house.rooms.live[code].screens.stage_view("phone", "it")["view"]["ends_at"]  # type: ignore[index]
        assert ends_at - day.house.clock.now() <= 5_000
    await asyncio.sleep(max(0, ends_at - day.house.clock.now()) / 1000 + 0.6)
    async with officina(tmp_path) as day:
        day.code = code
        wall = await day.wall()
        await wall.sees(lambda: wall.view["state"] == "locked")


@pytest.mark.promise("G10")
async def test_G10_the_room_locks_by_itself_at_the_deadline_and_a_pause_moves_it(tmp_path: Path) -> None:
    async with officina(tmp_path) as day:
        await day.begins(plan(poll("poll", {**OBSTACLE, "time": 5})))
        carla = await open_poll(day)
        await day.ada()
        first = await carla.sees(lambda: carla.view.get("ends_at"))
        await carla.asks("pause")
        await asyncio.sleep(0.2)
        await carla.asks("resume")
        await carla.sees(lambda: carla.view.get("ends_at", first) >= first + 150)
        await carla.sees(lambda: carla.view["state"] == "locked", patience=8)


@pytest.mark.promise("G9")
async def test_G9_a_vanished_phone_turns_away_on_the_desk_but_keeps_its_seat(day: Day) -> None:
    carla = await open_poll(day)
    ada = await day.ada()
    await carla.sees(lambda: carla.desk["persons"] and carla.desk["persons"][0]["here"])
    ada.vanishes()
    await carla.sees(lambda: not carla.desk["persons"][0]["here"])
    assert carla.view["present"] == 1


async def test_a_person_comes_back_with_the_desks_own_rejoin_code_and_the_old_phone_is_cut(day: Day) -> None:
    ada = await day.ada()
    page = await day.api("POST", f"/desk/{day.code}/rejoin/{ada.person}")
    assert page.status_code == 200
    await ada.sees(lambda: ada.closed)
    assert ada.closed == 4003
    old = await day.api("GET", f"/api/sessions/{day.code}/me", ada.badge)
    assert old.status_code == 401
