"""A marketplace over the line: forty people wish, a plan comes by itself, people come and go, and a panel is agreed on.

Plans are looked at as the phones show them, and judged by a checker that shares nothing with the solver.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import random
import re
import sqlite3
import statistics
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from server.activities.contract import Refusal
from server.activities.marketplace import work
from server.activities.marketplace.work import plans
from server.files import kit
from server.live import works
from server.live.bus import MemoryBus
from server.live.envelope import Asking, Receipt, Refused
from server.live.rooms import Rooms
from server.moment import fresh
from server.outcomes.folding import folded_anew
from server.serve import COLLECT
from tests.inside import Inside, Line, inside
from tests.matching import checker, generator
from tests.people import KEY, Day, plan, talk
from tests.running import running
from tests.test_kit import bare, pages_of

Shown = dict[str, Any]
Run = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]

STAGE = "m"
GROUPS = ("civil_servants", "social_innovators")
TITLE = {"it": "Mercato", "en": "Market"}
#: How long a plan or a seating may let a room of this size wait, and how long its phones for a receipt meanwhile.
SOON, P99 = 5.0, 0.2


# -- the room --------------------------------------------------------------------------------------------------------


@dataclass
class Guest:
    """Somebody with a phone, and what they said on it."""

    badge: str
    person: str
    name: str
    group: str
    organisation: str | None = None
    wishes: dict[str, int] = field(default_factory=dict)
    presents: str | None = None


def stalls(n: int, capacity: int, **more: Any) -> list[Shown]:
    """Stalls s1 to sn; the first ones belong to organisations e1, e2, ... as far as `owners` goes."""
    owners = more.pop("owners", 0)
    return [
        {"id": f"s{k}", "title": {"it": f"Pratica {k}", "en": f"Practice {k}"}, "capacity": capacity}
        | ({"organisation": f"e{k}"} if k <= owners else {})
        | more
        for k in range(1, n + 1)
    ]


def market(**setup: Any) -> Shown:
    return {"id": STAGE, "activity": "marketplace", "title": TITLE, "minutes": 60, "setup": setup}


async def opens(room: Inside, *stages: Shown, **more: Any) -> None:
    await room.begins(plan(*stages, talk(), **more))
    await room.does("open_stage", stage=stages[0]["id"])


async def comes(room: Inside, n: int, organisation: str | None = None) -> Guest:
    group = GROUPS[n % 2]
    name = f"Persona{n:03d}"
    badge, person = await room.joins(name, group)
    guest = Guest(badge, person, name, group)
    if organisation is not None:
        await says(room, guest, "say_organisation", organisation=organisation)
        guest.organisation = organisation
    return guest


async def says(room: Inside, guest: Guest, do: str, at: str = STAGE, **having: Any) -> int:
    """One ask of a phone, which must be kept; its number. Who is told to slow down comes again."""
    for _ in range(50):
        answer = await room.tells(guest.badge, do, at, **having)
        if answer.status_code != 429:
            break
        await asyncio.sleep(0.1)
    assert answer.status_code == 200, f"{do}: {answer.text}"
    return int(answer.json()["number"])


async def wishes(room: Inside, guest: Guest, stall: str, level: int | None) -> None:
    await says(room, guest, "wish", stall=stall, level=level)
    guest.wishes = {**guest.wishes, stall: level} if level is not None else guest.wishes


async def presents(room: Inside, guest: Guest, stall: str) -> None:
    await says(room, guest, "present", stall=stall, on=True)
    guest.presents = stall


async def crowd(room: Inside, people: int, organisations: int, each: int = 4, n: int = 8, seed: int = 7) -> list[Guest]:
    """People of both groups and of organisations e1, e2, ..., each with `each` wishes for stalls s1 to sn."""
    chance = random.Random(seed)
    guests = []
    for k in range(people):
        guest = await comes(room, k, f"e{k % organisations + 1}")
        for stall in chance.sample(range(1, n + 1), each):
            await wishes(room, guest, f"s{stall}", chance.choice((1, 1, 2, 2, 3)))
        guests.append(guest)
    return guests


async def refused(room: Inside, key: str, do: str, at: str | None = STAGE, **having: Any) -> str:
    answer = await room.tells(key, do, at, **having)
    assert answer.status_code in (403, 409), answer.text
    return str(answer.json()["error"]["code"])


async def looks(room: Inside, screen: str, key: str | None = None) -> Shown:
    answer = await room.call("GET", f"/api/sessions/{room.code}/view?screen={screen}", key)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def desk_view(room: Inside) -> Shown:
    found: Shown = (await looks(room, "desk", KEY))["stage"]["view"]
    return found


async def own(room: Inside, guest: Guest) -> Shown:
    found: Shown = (await looks(room, "phone", guest.badge))["mine"]
    return found


async def warmed(room: Inside) -> None:
    """Waits for the pages that a server prepares when it starts, which is no part of what is measured here."""
    await next(task for task in room.house._tasks if task.get_name() == "templates")


def run_of(room: Inside, stage: str = STAGE) -> Any:
    return room.live.room.folded.runs[stage]


async def until(what: Callable[[], Any], patience: float = SOON) -> Any:
    """Waits for something that comes by itself."""
    try:
        async with asyncio.timeout(patience):
            while not (found := what()):
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"nothing came within {patience} s") from None
    return found


async def facts(room: Inside, *kinds: str) -> list[Shown]:
    answer = await room.call("GET", f"/api/sessions/{room.code}/facts", KEY)
    found = [json.loads(line) for line in answer.text.splitlines()]
    return [one for one in found if not kinds or one["kind"] in kinds]


async def planned(room: Inside, **having: Any) -> int:
    """The desk asks, and waits for what comes; the number on its button."""
    await room.does("ask_for_plan", STAGE, **having)
    await until(lambda: run_of(room).asked is None)
    assert run_of(room).offered is not None, "the work was given up"
    return int(run_of(room).offered.number)


async def published(room: Inside, **having: Any) -> int:
    number = await planned(room, **having)
    await room.does("publish_plan", STAGE, plan=number)
    return number


# -- what a plan is judged by -----------------------------------------------------------------------------------------


def event_of(guests: Iterable[Guest], offered: list[Shown], rounds: int, **more: Any) -> Shown:
    """The input of MATCHING 7 as the people made it, from what they said and not from what the server keeps."""
    return {
        "format": "officina.match/1",
        "seed": 1,
        "rounds": rounds,
        "people": [
            {
                "id": one.person,
                "group": one.group,
                "organisation": one.organisation,
                "interests": {stall: level for stall, level in one.wishes.items() if level},
            }
            for one in guests
        ],
        "stalls": [
            {key: one[key] for key in ("id", "capacity", "organisation", "minimum") if key in one}
            | {"hosts": [guest.person for guest in guests if guest.presents == one["id"]]}
            for one in offered
        ],
        **more,
    }


async def routes(room: Inside, guests: Iterable[Guest]) -> tuple[Shown, Shown]:
    """(visits, duties) of everybody as their own phones show them."""
    visits, duties = {}, {}
    for guest in guests:
        mine = await own(room, guest)
        visits[guest.person], duties[guest.person] = mine["route"], mine["duty"]
    return visits, duties


def hosts_on_duty(event: Shown) -> Shown:
    m = checker.Market(event)
    return {p: [m.duty.get((p, r)) for r in range(1, m.rounds + 1)] for p in m.people}


# -- a plan ----------------------------------------------------------------------------------------------------------


EIGHT = stalls(8, 7, owners=4)


def test_forty_people_wish_and_every_phone_has_a_whole_route_that_is_the_best_known(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=EIGHT, rounds=4))
            guests = await crowd(room, 40, 10)
            for guest, stall in zip(guests[:4], ("s1", "s2", "s3", "s4"), strict=True):
                assert guest.organisation == stall.replace("s", "e")
                await presents(room, guest, stall)
            desk = await room.screen("desk", KEY, form="json")
            phone = await room.screen("phone", guests[9].badge, form="json")
            began = time.monotonic()
            await desk.asks("ask_for_plan", STAGE)
            offered = await desk.sees(lambda: seen(desk).get("offered"))
            took = time.monotonic() - began
            assert took < SOON, f"the plan came after {took:.2f} s"
            assert offered["quality"] >= 950 and not offered["broken"], offered
            assert not (await own(room, guests[9]))["published"], "a plan on the desk is on no phone"

            await desk.asks("publish_plan", STAGE, plan=offered["number"])
            shown = await phone.sees(lambda: own_part(phone).get("route"))
            visits, duties = await routes(room, guests)
            assert visits[guests[9].person] == shown
            event = event_of(guests, EIGHT, 4)
            assert checker.broken(event, visits) == []
            assert duties == hosts_on_duty(event)
            told = (await desk_view(room))["plan"]
            assert checker.value(event, visits) == told["value"] <= told["bound"]
            for guest in guests:
                both = zip(visits[guest.person], duties[guest.person], strict=True)
                assert [bool(visit) + bool(duty) for visit, duty in both] == [1] * 4, guest.name
                why = (await own(room, guest))["why"]
                assert all(told_why for told_why, visit in zip(why, visits[guest.person], strict=True) if visit)

    asyncio.run(story())


def seen(line: Line) -> Shown:
    """The view of the stage in the newest frame of a json screen that has one."""
    for frame in reversed(line.heard):
        if frame.get("stage"):
            return dict(frame["stage"]["view"])
    return {}


def own_part(line: Line) -> Shown:
    return next((dict(frame["mine"]) for frame in reversed(line.heard) if frame.get("mine")), {})


def with_runs(monkeypatch: pytest.MonkeyPatch, **runs: Run) -> None:
    """The house finds these in place of the marketplace's own work."""
    monkeypatch.setattr(work, "RUNS", {**work.RUNS, **runs})


def first_come(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A poor plan: whoever comes first has the choice."""
    event = work.read(snapshot)
    found = plans.solve(event, "greedy", exact_seconds=0)
    # Without a bound nobody can say how good it is, and a better one is searched.
    return "offer_plan", {"input_sha256": found["input_sha256"], "plan": found}


def test_a_better_plan_of_the_same_input_comes_under_the_same_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def better(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        assert gate.wait(SOON)
        return work.better_plan(snapshot)

    with_runs(monkeypatch, plan=first_come, better=better)

    async def story() -> None:
        async with inside(tmp_path) as room:
            few = stalls(6, 5)
            await opens(room, market(stalls=few, rounds=3))
            guests = await crowd(room, 24, 6, n=6)
            number = await planned(room)
            poor = (await desk_view(room))["offered"]["value"]
            gate.set()
            await until(lambda: len(run_of(room).offered.document["engine"]["steps"]) > 1)
            offered = (await desk_view(room))["offered"]
            assert offered["number"] == number and offered["value"] > poor
            await room.does("publish_plan", STAGE, plan=number)
            event = event_of(guests, few, 3)
            visits, _ = await routes(room, guests)
            assert checker.value(event, visits) == offered["value"] and checker.broken(event, visits) == []
            kept = await facts(room, "plan_offered")
            assert [one["body"]["number"] for one in kept] == [number, number]

    asyncio.run(story())


def test_a_wish_that_comes_while_a_plan_is_worked_out_makes_the_old_answer_outdated_and_a_new_one_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, began, hashes = threading.Event(), threading.Event(), []

    def slow(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        found = work.offered_plan(snapshot)
        hashes.append(found[1]["input_sha256"])
        began.set()
        assert gate.wait(SOON)
        return found

    with_runs(monkeypatch, plan=slow)

    async def story() -> None:
        async with inside(tmp_path) as room:
            few = stalls(4, 4)
            await opens(room, market(stalls=few, rounds=2))
            guests = await crowd(room, 12, 3, each=2, n=4)
            asked = room.live.room.ask
            told: list[Receipt | Refused] = []

            async def listening(asking: Asking) -> Receipt | Refused:
                answer = await asked(asking)
                if asking.do == "offer_plan":
                    told.append(answer)
                return answer

            monkeypatch.setattr(room.live.room, "ask", listening)
            await room.does("ask_for_plan", STAGE)
            await until(began.is_set)
            await wishes(room, guests[0], "s1", 3)
            await wishes(room, guests[0], "s2", 0)
            gate.set()
            await until(lambda: run_of(room).offered)
            await until(lambda: isinstance(told[-1], Receipt))
            first = told[0]
            assert isinstance(first, Refused) and first.refusal.code == "plan_outdated"
            assert hashes[0] != hashes[-1] == run_of(room).offered.input_sha256
            number = run_of(room).offered.number
            await room.does("publish_plan", STAGE, plan=number)
            visits, _ = await routes(room, guests)
            event = event_of(guests, few, 2)
            assert checker.broken(event, visits) == []
            assert checker.value(event, visits) == (await desk_view(room))["plan"]["value"]

    asyncio.run(story())


OFFERS = [
    ("offer_plan", {"input_sha256": "0" * 64, "plan": {"assignment": {}}}),
    ("offer_pairs", {"input_sha256": "0" * 64, "proposal": {"pairs": []}}),
    ("give_up", {"what": "plan"}),
    ("time_up", {"round": 1}),
    ("freeze", {"round": 1}),
]


def test_what_the_house_works_out_can_be_offered_by_nobody_else(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(3, 4), rounds=2))
            guest = await comes(room, 0, "e1")
            screens = [
                await room.screen("phone", guest.badge),
                await room.screen("wall"),
                await room.screen("desk", KEY),
            ]
            number = room.live.room.number
            for do, having in OFFERS:
                for screen in screens:
                    told = await screen.asks(do, STAGE, **having)
                    assert (told["t"], told["code"]) == ("refusal", "not_for_you"), told
                for key in (guest.badge, KEY):
                    answer = await room.tells(key, do, STAGE, **having)
                    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_for_you")
            assert room.live.room.number == number

    asyncio.run(story())


# -- people come, go, and stay where they are ----------------------------------------------------------------------------


def test_who_comes_late_gets_a_route_and_hardly_anybody_else_moves(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            roomy = stalls(8, 8, owners=4)
            await opens(room, market(stalls=roomy, rounds=4))
            guests = await crowd(room, 40, 10)
            for guest, stall in zip(guests[:4], ("s1", "s2", "s3", "s4"), strict=True):
                await presents(room, guest, stall)
            await published(room)
            before, duties = await routes(room, guests)
            await room.does("start_round", STAGE)
            # Two of them sit elsewhere than the plan says: presence beats plan.
            elsewhere = {}
            for guest in guests[20:22]:
                free = next(one["id"] for one in roomy if one["id"] not in before[guest.person])
                await says(room, guest, "check_in", stall=free)
                elsewhere[guest.person] = free
            new = []
            for n in range(5):
                new.append(await comes(room, 100 + n, f"e{n + 1}"))
                await wishes(room, new[-1], "s8", 3)
                assert (await own(room, new[-1]))["late"] and "route" not in await own(room, new[-1])
            gone = guests[10:13]
            await says(room, gone[0], "be_away", on=True)
            await room.does("set_away", STAGE, person=gone[1].person, on=True)
            await room.does("remove_people", people=[gone[2].person])
            stay = [one for one in guests if one not in gone]
            pins = {}
            for guest in stay[25:27]:
                free = next(f"s{k}" for k in range(5, 9) if f"s{k}" not in before[guest.person])
                await room.does("pin", STAGE, person=guest.person, stall=free, round=3)
                pins[guest.person] = free
            await planned(room)
            offered = (await desk_view(room))["offered"]
            assert not offered["broken"], offered["broken"]
            await room.does("publish_plan", STAGE, plan=offered["number"])
            after, duties_after = await routes(room, [*stay, *new])

            def at(visits: Shown, duty: Shown, person: str, round: int) -> str | None:
                found: str | None = visits.get(person, [None] * 4)[round - 1] or duty.get(person, [None] * 4)[round - 1]
                return found

            different = [
                {"person": one.person, "round": round, "from": was, "to": now}
                for round in (2, 3, 4)
                for one in [*stay, *new]
                if (was := at(before, duties, one.person, round)) != (now := at(after, duties_after, one.person, round))
            ]
            told = sorted(offered["diff"], key=lambda one: (one["round"], one["person"]))
            assert told == sorted(different, key=lambda one: (one["round"], one["person"]))
            known = {one.person for one in stay}
            first = {one["person"] for one in different if one["round"] == 2 and one["person"] in known}
            assert offered["changes"]["next_round"] == len(first)
            assert len(first) <= 0.2 * len(stay), f"{len(first)} of {len(stay)} change in the next round"
            for one in [*stay, *new]:
                late = one in new
                assert after[one.person][0] == (None if late else before[one.person][0]), "a past round changed"
                assert all(at(after, duties_after, one.person, round) for round in (2, 3, 4)), (
                    f"{one.name} has no place"
                )
                mine = await own(room, one)
                assert mine.get("changed", []) == [
                    {key: row[key] for key in ("round", "from", "to")}
                    for row in different
                    if row["person"] == one.person and not late
                ]
            assert all(after[person][2] == stall for person, stall in pins.items())
            assert all(stall not in after[person][1:] for person, stall in elsewhere.items()), (
                "sent where they have been"
            )
            assert "route" not in await own(room, gone[0]) or not any((await own(room, gone[0]))["route"][1:])
            past = [
                {"person": one.person, "stall": elsewhere.get(one.person, before[one.person][0]), "round": 1}
                for one in stay
                if before[one.person][0]
            ]
            people = event_of(stay, roomy, 4)["people"] + [
                {**one, "rounds": [2, 3, 4]} for one in event_of(new, roomy, 4)["people"]
            ]
            event = {**event_of(stay, roomy, 4), "people": people, "past": past, "from_round": 2}
            event["stalls"] = [{**one, "minimum": 0} for one in event["stalls"]]
            event["pins"] = [{"person": person, "stall": stall, "round": 3} for person, stall in pins.items()]
            assert checker.broken(event, {person: [None, *route[1:]] for person, route in after.items()}) == []

    asyncio.run(story())


def test_a_frozen_round_only_seats_newcomers_whatever_is_wished_then(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(5, 6), rounds=3, minutes=1))
            guests = await crowd(room, 20, 5, each=2, n=5)
            await published(room)
            before, _ = await routes(room, guests)
            await room.does("start_round", STAGE)
            # A round of one minute freezes the next one by the clock, as soon as it begins.
            await until(lambda: run_of(room).frozen == 2)
            for guest in guests:
                for k in range(1, 6):
                    await wishes(room, guest, f"s{k}", 3 if f"s{k}" == before[guest.person][2] else 0)
            late = await comes(room, 101, "e1")
            number = await published(room)
            after, _ = await routes(room, [*guests, late])
            assert [after[one.person][1] for one in guests] == [before[one.person][1] for one in guests]
            assert after[late.person][1] is not None
            assert (await desk_view(room))["frozen"] == 2
            # Only "all new people", which the desk says in so many words, moves them.
            again = await planned(room, fresh=True)
            offered = (await desk_view(room))["offered"]
            assert again > number and any(one["round"] == 2 for one in offered["diff"])

    asyncio.run(story())


# -- once, whatever happens ----------------------------------------------------------------------------------------------


def test_two_servers_that_work_out_the_same_plan_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, runs = threading.Event(), []

    def counted(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        runs.append(threading.get_ident())
        assert gate.wait(SOON)
        return work.offered_plan(snapshot)

    def no_better(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return work.offered_plan(snapshot)

    with_runs(monkeypatch, plan=counted, better=no_better)

    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(4, 4), rounds=2))
            await crowd(room, 12, 3, each=2, n=4)
            await room.does("ask_for_plan", STAGE)
            await until(lambda: len(runs) == 1)
            ours = room.house.rooms
            other = Rooms(
                ours.journal, MemoryBus(), ours.clock, ours.activities, ours.drawing, ours.address, ours.epoch
            )
            await other.open_live()
            try:
                await until(lambda: len(runs) == 2)
                gate.set()
                theirs = other.live[room.code].room
                await until(lambda: run_of(room).offered and theirs.folded.runs[STAGE].offered)
                assert [one["body"]["number"] for one in await facts(room, "plan_offered")] == [1]
                assert theirs.folded.runs[STAGE].offered == run_of(room).offered
            finally:
                await other.close()

    asyncio.run(story())


def test_the_same_answer_offered_twice_has_one_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_runs(monkeypatch, better=work.offered_plan)

    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(4, 4), rounds=2))
            await crowd(room, 12, 3, each=2, n=4)
            line = room.live.room
            asked: list[Asking] = []
            ask = line.ask

            async def listening(asking: Asking) -> Receipt | Refused:
                asked.append(asking)
                return await ask(asking)

            monkeypatch.setattr(line, "ask", listening)
            await planned(room)
            [offer] = [one for one in asked if one.do == "offer_plan"][:1]
            number = line.receipts["server", offer.id]
            again = [await ask(replace(offer)) for _ in range(2)]
            assert again == [Receipt(offer.id, number)] * 2
            assert len(await facts(room, "plan_offered")) == 1

    asyncio.run(story())


async def test_a_plan_that_was_asked_for_comes_although_the_power_went(tmp_path: Path) -> None:
    rows = stalls(14, 6)
    async with running(tmp_path / "data") as (server, day):
        await day.begins(plan(market(stalls=rows, rounds=5)))
        await asked(day, KEY, "open_stage", None, stage=STAGE)
        chance, guests = random.Random(3), []
        for n in range(70):
            made = await day.badge(GROUPS[n % 2], f"Persona{n:03d}")
            guest = Guest(made["badge"], made["person"], made["name"], GROUPS[n % 2], f"e{n % 12}")
            await asked(day, guest.badge, "say_organisation", organisation=guest.organisation)
            for k in chance.sample(range(1, 15), 5):
                guest.wishes[f"s{k}"] = chance.choice((1, 2, 3))
                await asked(day, guest.badge, "wish", stall=f"s{k}", level=guest.wishes[f"s{k}"])
            guests.append(guest)
        await asked(day, KEY, "ask_for_plan")
        server.kill()
        with closing(sqlite3.connect(tmp_path / "data" / "officina.db")) as kept:
            kinds = [kind for (kind,) in kept.execute("SELECT kind FROM fact ORDER BY number")]
        assert kinds[-1] == "plan_asked", "the server was killed too late to show anything"
        server.spawn()
        await server.ready()
        view: Shown = {}
        async with asyncio.timeout(2 * SOON):
            while "offered" not in view:
                await asyncio.sleep(0.05)
                view = (await day.api("GET", f"/api/sessions/{day.code}/view?screen=desk")).json()["stage"]["view"]
        offered = view["offered"]
        assert not view["asked"] and not offered["broken"] and offered["quality"] >= 950
        event = event_of(guests, rows, 5)
        assert checker.broken(event, offered["assignment"]) == []
        assert checker.value(event, offered["assignment"]) == offered["value"]
        await asked(day, KEY, "publish_plan", plan=offered["number"])
        phone = await day.api("GET", f"/api/sessions/{day.code}/view?screen=phone", guests[0].badge)
        assert phone.json()["mine"]["route"] == offered["assignment"][guests[0].person]


async def asked(day: Day, key: str, do: str, at: str | None = STAGE, **having: Any) -> int:
    body = {"id": fresh(), "stage": at, "do": do, "with": having}
    for _ in range(50):
        answer = await day.api("POST", f"/api/sessions/{day.code}/asks", key, json=body)
        if answer.status_code != 429:
            break
        await asyncio.sleep(0.1)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["number"])


# -- when it goes wrong --------------------------------------------------------------------------------------------------


def test_work_that_fails_once_is_done_again_without_anybody_noticing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    def stumbles(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("the first run fails")
        return work.offered_plan(snapshot)

    with_runs(monkeypatch, plan=stumbles)
    monkeypatch.setattr(works, "AGAIN_AFTER", 0.05)

    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(4, 4), rounds=2))
            await crowd(room, 12, 3, each=2, n=4)
            await planned(room)
            assert tries == 2 and "failed" not in await desk_view(room)

    asyncio.run(story())


def test_work_that_fails_for_good_is_told_to_the_desk_which_can_ask_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    works_now = False

    def fails(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if not works_now:
            raise RuntimeError("no engine today")
        return work.offered_plan(snapshot)

    with_runs(monkeypatch, plan=fails)
    monkeypatch.setattr(works, "AGAIN_AFTER", 0.05)

    async def story() -> None:
        nonlocal works_now
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(4, 4), rounds=2))
            guests = await crowd(room, 12, 3, each=2, n=4)
            desk = await room.screen("desk", KEY, form="json")
            await desk.asks("ask_for_plan", STAGE)
            await desk.sees(lambda: seen(desk).get("failed") == "plan")
            view = await desk_view(room)
            assert not view["asked"] and "offered" not in view
            # The room goes on without a plan meanwhile.
            await room.does("circulate", STAGE, on=True)
            await room.does("start_round", STAGE)
            await says(room, guests[0], "check_in", stall="s1")
            await room.does("end_round", STAGE)
            await room.does("circulate", STAGE, on=False)
            works_now = True
            await desk.asks("ask_for_plan", STAGE)
            await desk.sees(lambda: seen(desk).get("offered"))
            assert "failed" not in await desk_view(room)

    asyncio.run(story())


def test_an_engine_that_breaks_hands_over_to_the_next_one_and_the_desk_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_engine(*_: Any) -> Any:
        raise RuntimeError("no solver on this laptop")

    monkeypatch.setattr(plans, "_BY_ENGINE", {**plans._BY_ENGINE, "highs": broken_engine})

    async def story() -> None:
        async with inside(tmp_path) as room:
            few = stalls(4, 4)
            await opens(room, market(stalls=few, rounds=2))
            guests = await crowd(room, 12, 3, each=2, n=4)
            await published(room)
            told = (await desk_view(room))["plan"]
            assert told["engine"]["name"] == "python"
            assert {"code": "fallback", "engine": "highs"} in told["warnings"]
            visits, _ = await routes(room, guests)
            assert checker.broken(event_of(guests, few, 2), visits) == []

    asyncio.run(story())


def test_a_stage_that_is_closed_while_its_plan_is_worked_out_gets_it_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, began = threading.Event(), threading.Event()

    def slow(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        found = work.offered_plan(snapshot)
        began.set()
        assert gate.wait(SOON)
        return found

    with_runs(monkeypatch, plan=slow)

    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(4, 4), rounds=2))
            await crowd(room, 12, 3, each=2, n=4)
            await room.does("ask_for_plan", STAGE)
            await until(began.is_set)
            await room.does("go_next")
            gate.set()
            assert room.live.works is not None
            await until(lambda: not room.live.works._running)  # type: ignore[union-attr]
            assert run_of(room).offered is None
            await room.does("go_back")
            await until(lambda: run_of(room).offered)
            assert not (await desk_view(room))["asked"]

    asyncio.run(story())


def test_a_replay_reads_plans_and_solves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(5, 6), rounds=3))
            guests = await crowd(room, 20, 5, each=2, n=5)
            await says(room, guests[0], "avoid", stall="s5", on=True)
            await published(room)
            await room.does("start_round", STAGE)
            await says(room, guests[1], "be_away", on=True)
            await published(room)
            await room.does("end_round", STAGE)
            for one, other in ((0, "e2"), (1, "e1")):
                await says(room, guests[one], "want_peer", organisation=other, strength=3, kind="both")
            await room.does("ask_for_pairs", STAGE)
            await until(lambda: run_of(room).pairs_offered)
            await room.does("publish_pairs", STAGE, pairs=run_of(room).pairs_offered.number)

            def never(*_: Any, **__: Any) -> Any:
                raise AssertionError("a replay solves")

            for name in ("solve", "swap", "warm"):
                monkeypatch.setattr(plans, name, never)
            monkeypatch.setattr(work, "RUNS", {})
            line = room.live.room
            again = folded_anew(line, await line.journal.after(line.line, 0), frozenset())
            assert again.runs[STAGE] == run_of(room)
            rules = line.activity_of(again, STAGE).rules
            for screen in ("desk", "phone", "wall"):
                assert rules.view(again.runs[STAGE], screen) == rules.view(run_of(room), screen)

    asyncio.run(story())


def test_an_answer_that_the_disk_does_not_take_comes_again_and_is_not_worked_out_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, tries = 0, 0

    def counted(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        nonlocal runs
        runs += 1
        return work.offered_plan(snapshot)

    with_runs(monkeypatch, plan=counted)
    monkeypatch.setattr(works, "SETTLES", 0.02)

    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(4, 4), rounds=2))
            await crowd(room, 12, 3, each=2, n=4)
            ask = room.live.room.ask

            async def full(asking: Asking) -> Receipt | Refused:
                nonlocal tries
                tries += asking.do == "offer_plan"
                if asking.do == "offer_plan" and tries <= 3:
                    return Refused(asking.id, Refusal("storage", again=True))
                return await ask(asking)

            monkeypatch.setattr(room.live.room, "ask", full)
            await planned(room)
            assert (runs, tries >= 4) == (1, True)

    asyncio.run(story())


# -- what nobody else may know -------------------------------------------------------------------------------------------

CANARY = "canarino-del-tema-4711"
#: Seconds in which every screen has been drawn anew.
DRAWN = 0.3
#: Keys that hold what one person, or one organisation, said for themselves.
OWN = ("interests", "never", "turned_away", "avoids", "wants")


def under(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value within, with the keys that lead to it."""
    yield path, value
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from under(one, (*path, str(key)))
    elif isinstance(value, list):
        for one in value:
            yield from under(one, path)


def own_keys(frame: Shown) -> list[tuple[str, ...]]:
    """Where a frame holds somebody's own things outside of `mine`."""
    return [
        path
        for path, _ in under(frame)
        if path and path[-1] in OWN and path[0] != "mine" and path[-2:] != ("panel", "wants")
    ]


async def as_others_see_it(room: Inside, others: Iterable[Guest]) -> list[Shown]:
    found = [await looks(room, "desk", KEY), await looks(room, "wall")]
    found += [await looks(room, "phone", one.badge) for one in others]
    # The times of the day go on by themselves.
    return [
        {"stage": one["stage"], "mine": one.get("mine"), "answered": one.get("desk", {}).get("answered")}
        for one in found
    ]


def test_a_veto_changes_nothing_on_any_other_screen(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(5, 6, owners=2), rounds=3))
            guests = await crowd(room, 18, 6, each=3, n=5)
            ada, others = guests[0], guests[1:]
            await presents(room, ada, "s1")
            strangers = [one for one in others if one.organisation != ada.organisation]
            frozen = {"avoid": ("s3", others), "turn_away": ("e2", others), "avoid_peer": ("e3", strangers)}
            for on in (True, False, True):
                for do, (whom, who) in frozen.items():
                    before = await as_others_see_it(room, who)
                    having: Shown = {"stall": "s1", "organisation": whom} if do == "turn_away" else {}
                    having |= {"organisation": whom} if do == "avoid_peer" else {"stall": whom} if do == "avoid" else {}
                    await says(room, ada, do, on=on, **having)
                    assert await as_others_see_it(room, who) == before, f"{do} can be seen"
            mine = await own(room, ada)
            assert (mine["never"], mine["turned_away"], mine["avoids"]) == (["s3"], {"s1": ["e2"]}, ["e3"])
            await published(room)
            assert "s3" not in (await own(room, ada))["route"]
            for one in others:
                assert one.organisation != "e2" or "s1" not in (await own(room, one))["route"]

    asyncio.run(story())


def test_how_high_somebody_rated_a_stall_changes_nothing_on_any_other_screen(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(5, 6), rounds=3))
            guests = await crowd(room, 18, 6, each=3, n=5)
            ada, others = guests[0], guests[1:]
            rated = next(iter(ada.wishes))
            await says(room, ada, "wish", stall=rated, level=1)
            for level in (0, 1, 0):
                before = await as_others_see_it(room, others)
                await says(room, ada, "wish", stall=rated, level=level)
                assert await as_others_see_it(room, others) == before
            # Of how many people wish, the desk learns a number, and of a stall from five on.
            few = {one["id"]: one["demand"] for one in (await desk_view(room))["stalls"]}
            said = {f"s{k}": sum((one.wishes.get(f"s{k}") or 0) >= 2 for one in guests) for k in range(1, 6)}
            said[rated] -= ada.wishes[rated] >= 2
            assert few == {stall: n if n >= 5 else None for stall, n in said.items()}

    asyncio.run(story())


def test_no_frame_and_no_file_holds_what_one_person_said_for_themselves(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(5, 6, owners=2), rounds=2))
            guests = await crowd(room, 18, 6, each=3, n=5)
            ada, mate, bruno = guests[0], guests[6], guests[1]
            assert mate.organisation == ada.organisation
            others = {
                "desk": await room.screen("desk", KEY, form="json"),
                "desk pages": await room.screen("desk", KEY),
                "wall": await room.screen("wall", form="json"),
                "wall pages": await room.screen("wall"),
                "bruno": await room.screen("phone", bruno.badge, form="json"),
                "bruno's page": await room.screen("phone", guests[2].badge),
            }
            phone = await room.screen("phone", ada.badge, form="json")
            colleague = await room.screen("phone", mate.badge, form="json")
            await presents(room, ada, "s1")
            await says(room, ada, "avoid", stall="s4", on=True)
            await says(room, ada, "turn_away", stall="s1", organisation="e3", on=True)
            await asyncio.sleep(DRAWN)
            for to, strength in (("e2", 3), ("e4", 2)):
                await says(
                    room, ada, "want_peer", organisation=to, strength=strength, kind="wants_to_learn", topic=CANARY
                )
            await says(room, bruno, "want_peer", organisation="e1", strength=2, kind="both")
            await says(room, ada, "avoid_peer", organisation="e5", on=True)
            await published(room)
            await asyncio.sleep(DRAWN)
            await room.does("start_round", STAGE)
            await says(room, mate, "rate_visit", round=1, how="not_for_me")
            await asyncio.sleep(DRAWN)
            await room.does("end_round", STAGE)
            await room.does("go_to", STAGE, phase="panel")
            await room.does("ask_for_pairs", STAGE)
            await until(lambda: run_of(room).pairs_offered)
            await asyncio.sleep(DRAWN)
            await room.does("publish_pairs", STAGE, pairs=1)
            await asyncio.sleep(DRAWN)

            assert CANARY in json.dumps(phone.heard) and CANARY in json.dumps(colleague.heard)
            for name, line in others.items():
                assert len(line.heard) >= 4, f"{name} was shown too little to tell anything"
                told = json.dumps(line.heard)
                assert CANARY not in told, f"a wish of an organisation is on {name}"
                assert not [path for frame in line.heard for path in own_keys(frame)], name
            for line in (others["wall"], others["bruno"], phone):
                told = json.dumps([{**frame, "you": None} for frame in line.heard])
                assert not [one.name for one in guests if one.person in told], "a phone or a wall knows a person by id"
            told_pairs = [frame for frame in phone.heard if frame.get("stage")][-1]["stage"]["view"]["panel"]
            assert told_pairs["published"] and own_part(phone)["told"] == ["e4"]
            assert own_part(others["bruno"])["told"] == []

            # What is kept about somebody is theirs; of others there is nothing in it.
            about = (await room.call("GET", f"/api/sessions/{room.code}/me", bruno.badge)).json()
            assert CANARY not in json.dumps(about) and ada.person not in json.dumps(about)
            about = (await room.call("GET", f"/api/sessions/{room.code}/me", ada.badge)).json()
            assert {"wished", "avoided", "turned_away", "peer_wanted", "peer_avoided"} <= {
                one["kind"] for one in about["facts"]
            }

            await room.does("end_session")
            outcomes = (await room.call("GET", f"/api/sessions/{room.code}/outcomes", KEY)).json()
            assert not {"visits", "seating"} & {one["kind"] for one in outcomes["outcomes"]}
            for kind in ("json", "csv", "xlsx", "docx", "pdf", "zip", "ics"):
                answer = await room.call("GET", f"/api/sessions/{room.code}/export.{kind}", KEY)
                assert answer.status_code == 200, kind
                text = unpacked(answer.content)
                for guest in guests:
                    assert guest.person not in text and guest.badge not in text, f"a person's id is in the {kind}"
                assert CANARY not in text and '"visits","rounds"' not in text.replace(" ", ""), kind
                for key in OWN:
                    assert f'"{key}":' not in text, f"{key} in the {kind}"

    asyncio.run(story())


def unpacked(data: bytes) -> str:
    """All text in a file: what is zipped, and what a page of a PDF shows, too."""
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return "\n".join(unpacked(packed.read(name)) for name in packed.namelist())
    if data[:5] == b"%PDF-":
        return "\n".join(pages_of(data))
    return data.decode("utf-8", "replace")


# -- the panel -----------------------------------------------------------------------------------------------------------


def test_a_pair_is_proposed_agreed_on_two_phones_and_followed_up_on_the_path(tmp_path: Path) -> None:
    async def path_view(room: Inside) -> tuple[list[Shown], list[Shown]]:
        desk = await room.line("/live/path/prova", KEY)
        desk.says({"t": "hello", "v": 1, "screen": "desk", "as": "json"})
        welcome = (await desk.sees(lambda: desk.heard))[0]
        await desk.leaves()
        return welcome["practices"], welcome["peers"]

    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=[], rounds=2), path="prova")
            ada, bruno, carlo = [await comes(room, n, name) for n, name in enumerate(("Torino", "Lyon", "Kraków"))]
            cards = (
                (ada, {"title": "Patti di collaborazione", "offers": ["patti"], "needs": ["valutazione"]}),
                (bruno, {"title": "Valutare insieme", "offers": ["valutazione"], "needs": ["crowdfunding"]}),
                (carlo, {"title": "Un mercato di pratiche"}),
            )
            for n, (guest, fields) in enumerate(cards):
                await says(room, guest, "add_practice", stall=f"practice{n}".rjust(16, "0"), fields=fields)
            await room.does("go_to", STAGE, phase="panel")
            await says(room, ada, "want_peer", organisation="lyon", strength=3, kind="wants_to_learn")
            await says(room, bruno, "want_peer", organisation="torino", strength=2, kind="can_offer")
            await says(room, carlo, "want_peer", organisation="lyon", strength=2, kind="both")
            phones = [await room.screen("phone", one.badge, form="json") for one in (ada, bruno)]
            desk = await room.screen("desk", KEY, form="json")
            await desk.asks("ask_for_pairs", STAGE)
            offered = await desk.sees(lambda: seen(desk).get("panel", {}).get("offered"))
            [pair] = offered["pairs"]
            assert {pair["a"], pair["b"]} == {"torino", "lyon"} and pair["mutual"]
            assert [(one["from"], one["to"], one["tags"]) for one in pair["reasons"]] == [
                ("lyon", "torino", ["valutazione"])
            ]
            assert offered["without"] == ["kraków"] and offered["unoffered"] == ["crowdfunding"]
            assert "pairs" not in seen(phones[0])["panel"], "a proposal on the desk is on no phone"
            await desk.asks("publish_pairs", STAGE, pairs=offered["number"])
            [peer] = await phones[0].sees(lambda: seen(phones[0])["panel"]["peers"])
            id = peer["peer"]
            await phones[0].sees(lambda: own_part(phones[0])["peers"] == [id])
            assert (await own(room, carlo))["told"] == ["lyon"]

            # Both sides write; whoever is slower is shown what stands there now.
            await says(
                room, ada, "set_peer", peer=id, base=1, set={"topic": "Misurare i patti", "format": "study_visit"}
            )
            late = await room.tells(bruno.badge, "set_peer", STAGE, peer=id, base=1, set={"topic": "Valutazione"})
            assert late.json()["error"]["code"] == "changed_since"
            assert late.json()["error"]["details"] == {"current": {"topic": "Misurare i patti"}, "version": 2}
            await says(
                room, bruno, "set_peer", peer=id, base=2, set={"date": "2027-05-03", "owner": "Unità valutazione"}
            )
            await says(
                room, ada, "set_peer", peer=id, base=3, set={"owner": "Ufficio beni comuni", "first_step": "Una call"}
            )
            assert await refused(room, carlo.badge, "answer_peer", peer=id, accept=True) == "not_a_party"
            for guest in (ada, bruno):
                await says(room, guest, "answer_peer", peer=id, accept=True)
            for phone in phones:
                agreed = await phone.sees(
                    lambda phone=phone: [one for one in seen(phone)["panel"]["peers"] if one["status"] == "scheduled"]
                )
                assert agreed[0]["topic"] == "Misurare i patti" and agreed[0]["date"] == "2027-05-03"
                assert agreed[0]["owners"] == {"torino": "Ufficio beni comuni", "lyon": "Unità valutazione"}

            await room.does("go_next")
            await room.house.paths.rest()
            practices, peers = await path_view(room)
            assert [one["title"]["it"] for one in practices] == [fields["title"] for _, fields in cards]
            assert [(one["peer"], one["status"], one["date"]) for one in peers] == [(id, "scheduled", "2027-05-03")]

            body = {"id": fresh(), "stage": None, "do": "follow_peer"}
            body["with"] = {
                "peer": id,
                "set": {"status": "done", "result": "Una scheda comune", "follow_up": "2027-09-01"},
            }
            answer = await room.call("POST", "/api/paths/prova/asks", KEY, json=body)
            assert answer.status_code == 200, answer.text

            # The stage opens again, something is written, and the session ends: nothing is there twice.
            await room.does("go_back")
            await says(room, ada, "set_peer", peer=id, base=6, set={"first_step": "Due call"})
            await room.does("end_session")
            await room.house.paths.rest()
            practices, peers = await path_view(room)
            assert len(practices) == 3
            assert [(one["status"], one["result"], one["first_step"]) for one in peers] == [
                ("done", "Una scheda comune", "Una call")
            ]
            calendar = (await room.call("GET", "/api/paths/prova/export.ics", KEY)).text
            assert "20270901" in calendar and "20270503" not in calendar, "what is done is asked after, not awaited"
            own_file = (await room.call("GET", f"/api/sessions/{room.code}/export.ics", KEY)).text
            assert "DTSTART;VALUE=DATE:20270503" in own_file and "Misurare i patti" in own_file.replace("\r\n ", "")
        async with inside(tmp_path) as room:
            await room.house.paths.rest()
            again = await path_view(room)
            assert again == (practices, peers)

    asyncio.run(story())


# -- paper ---------------------------------------------------------------------------------------------------------------


async def printed(room: Inside, what: str, key: str | None = KEY, at: str = STAGE) -> Any:
    return await room.call("GET", f"/api/sessions/{room.code}/stages/{at}/kit/{what}.pdf", key)


def test_slips_and_sheets_are_printed_for_the_host_with_names_stalls_and_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_sheets: list[Any] = []
    real = kit.sheets

    def watched(things: Any, *more: Any, **named: Any) -> bytes:
        set_sheets.extend(things)
        return real(things, *more, **named)

    monkeypatch.setattr(kit, "sheets", watched)

    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(5, 6, owners=2), rounds=3))
            guests = await crowd(room, 18, 6, each=3, n=5)
            await presents(room, guests[0], "s1")
            for what in ("slips", "sheets"):
                for key in (None, guests[0].badge):
                    assert (await printed(room, what, key)).status_code in (401, 403)
            early = await printed(room, "slips")
            assert (early.status_code, early.json()["error"]["code"]) == (404, "nothing_to_print")
            assert (await printed(room, "tents")).status_code == 404
            assert (await printed(room, "sheets")).status_code == 200, "stalls can be set up before anybody is placed"

            await published(room)
            visits, duties = await routes(room, guests)
            sheets = (await printed(room, "sheets")).content
            assert [one.number for one in set_sheets[-5:]] == ["1", "2", "3", "4", "5"]
            for n, one in enumerate(set_sheets[-5:], 1):
                assert re.fullmatch(rf"http://[^/]+/s/{room.code}#stall-s{n}", one.address), one.address
                here = [sum(route[r] == f"s{n}" for route in visits.values()) for r in range(3)]
                assert [turn.visitors for turn in one.turns] == here
            assert [bare(f"Pratica {n}") in page for n, page in enumerate(pages_of(sheets), 1)] == [True] * 5

            answer = await printed(room, "slips")
            assert answer.status_code == 200 and answer.headers["content-type"] == "application/pdf"
            text = "".join(pages_of(answer.content))
            found = re.findall(r"(Persona\d{3})(.*?)(?=Persona\d{3}|$)", text, re.DOTALL)
            slips = dict(found)
            assert sorted(slips) == sorted(one.name for one in guests) and len(found) == 18
            for guest in guests:
                both = zip(visits[guest.person], duties[guest.person], strict=True)
                numbers = [str((visit or duty)[1:]) for visit, duty in both]
                assert re.findall(r"Banco(\d)", slips[guest.name]) == numbers, slips[guest.name]
            assert bare("Banco 1 – a presentare") in slips[guests[0].name]

            # After a plan made anew the slips speak of the rounds that are left.
            await room.does("start_round", STAGE)
            await says(room, guests[5], "be_away", on=True)
            await published(room)
            text = "".join(pages_of((await printed(room, "slips")).content))
            assert bare("Giro 1") not in text and bare("Giro 2") in text and guests[5].name not in text

    asyncio.run(story())


def test_a_slip_names_the_organisation_as_people_wrote_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room, market(stalls=stalls(3, 6), rounds=2))
            for n in range(6):
                await comes(room, n, "Città di Torino" if n % 2 else "Lyon Métropole")
            await published(room)
            text = "".join(pages_of((await printed(room, "slips")).content))
            assert text.count(bare("Città di Torino")) == 3 and text.count(bare("Lyon Métropole")) == 3

    asyncio.run(story())


# -- nobody waits --------------------------------------------------------------------------------------------------------


@contextmanager
def collecting_as_a_server_does() -> Iterator[None]:
    """A server keeps what it began with out of Python's collector; tests have much more lying about than a server."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def per_cent(figures: list[float], part: float) -> float:
    return sorted(figures)[min(len(figures) - 1, int(len(figures) * part))]


async def receipts_while(
    phones: list[Line], ask: Callable[[Line, int], Any], goes_on: Callable[[], bool], rest: float = 0.01
) -> list[float]:
    """How long each receipt took, in seconds, of phones that ask in turns as long as something goes on."""
    took: list[float] = []
    waiting: list[asyncio.Task[None]] = []

    async def one(phone: Line, n: int) -> None:
        began = time.perf_counter()
        told = await ask(phone, n)
        assert told["t"] == "receipt", told
        took.append(time.perf_counter() - began)

    n = 0
    while goes_on():
        waiting.append(asyncio.create_task(one(phones[n % len(phones)], n)))
        n += 1
        await asyncio.sleep(rest)
    await asyncio.gather(*waiting)
    return took


async def at_rest(phones: list[Line], ask: Callable[[Line, int], Any], seconds: float = 1.0) -> float:
    """The same receipts' 99th per cent while nothing is worked out: what this machine takes by itself."""
    until = time.perf_counter() + seconds
    with collecting_as_a_server_does():
        return per_cent(await receipts_while(phones, ask, lambda: time.perf_counter() < until), 0.99)


def test_nobody_waits_while_a_plan_for_two_hundred_is_worked_out(tmp_path: Path) -> None:
    data = generator.event(200, 24, 5)

    async def story() -> None:
        async with inside(tmp_path, room_cap=500) as room:
            shown = [
                {key: stall[key] for key in ("id", "capacity", "minimum", "organisation") if key in stall}
                | {"title": {"it": f"Banco {stall['id']}"}}
                for stall in data["stalls"]
            ]
            await opens(room, market(stalls=shown, rounds=5))
            hosted = {host: stall["id"] for stall in data["stalls"] for host in stall.get("hosts", ())}
            guests = []
            for n, person in enumerate(data["people"]):
                guests.append(await comes(room, n, person["organisation"]))
                if person["id"] in hosted:
                    await presents(room, guests[-1], hosted[person["id"]])
                for stall, level in person.get("interests", {}).items():
                    await wishes(room, guests[-1], stall, level)
            phones = [await room.screen("phone", guests[n].badge, form="json") for n in range(40)]

            await warmed(room)

            async def writes(phone: Line, n: int) -> Shown:
                stall = data["stalls"][n % 24]["id"]
                return await phone.asks(
                    "write_note", STAGE, note=fresh()[:16], stall=stall, kind="note", text=f"nota {n}"
                )

            rest = await at_rest(phones, writes)
            took: list[float] = []
            solving = []
            for turn in range(3):
                await room.does("set_weights", STAGE, coverage=15 + turn)
                await room.does("ask_for_plan", STAGE, fresh=True)
                began = time.perf_counter()
                with collecting_as_a_server_does():
                    took += await receipts_while(phones, writes, lambda: run_of(room).asked is not None)
                solving.append(time.perf_counter() - began)
                offered = (await desk_view(room))["offered"]
                # A machine that is busy with other things gets the best so far, and is told so.
                assert offered["quality"] >= 990 or offered["engine"]["stopped"], offered["engine"]
                await room.does("drop_plan", STAGE)
            late = per_cent(took, 0.99)
            told = f"p99 {late * 1000:.0f} ms, p50 {statistics.median(took) * 1000:.0f} ms of {len(took)} receipts"
            told += f" beside plans of {', '.join(f'{one:.2f}' for one in solving)} s, {rest * 1000:.0f} ms at rest"
            print(f"\n{told}")
            assert len(took) >= 50, told
            # On a machine that is slow by itself the ratio says more than the time.
            assert late <= max(P99, 3 * rest), told

    asyncio.run(story())
