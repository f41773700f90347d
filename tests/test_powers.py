"""Who may do what: every caller at every route, every role with every ask, every badge at every screen (G15)."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from server import activities, simulate
from server.activities.contract import asks_of
from server.live.socket import Bucket
from server.sessions import access as gate
from server.sessions import messages
from server.sessions.access import is_loopback
from server.sessions.plans import example_ideas
from tests.inside import FAR, HERE, Inside, inside, routes_of
from tests.people import GROUPS, KEY, OBSTACLE, plan, poll

SAFE = {"GET", "HEAD", "OPTIONS"}
NOTES = "una nota solo per chi conduce"

pytestmark = pytest.mark.promise("G15")


@dataclass(frozen=True)
class Caller:
    """Somebody at the door. has: none, key, wrong_key, cookie (the desk's), ada, bruno, stranger or removed."""

    has: str = "none"
    address: str = HERE
    scheme: str = "http"
    csrf: bool = True
    #: An Origin that is not ours.
    origin: str = ""
    by_cookie: bool = False

    @property
    def near(self) -> bool:
        return self.scheme == "https" or self.address == HERE


CALLERS = {
    "nobody": Caller(),
    "nobody far": Caller(address=FAR),
    "a wrong key": Caller("wrong_key"),
    "a wrong cookie": Caller("wrong_cookie"),
    "ada by cookie": Caller("ada", FAR, by_cookie=True),
    "ada by badge": Caller("ada", FAR),
    "ada on the laptop": Caller("ada"),
    "bruno": Caller("bruno", FAR),
    "a person of another session": Caller("stranger", FAR),
    "the same by cookie": Caller("stranger", FAR, by_cookie=True),
    "a removed person": Caller("removed", FAR),
    "the host by key": Caller("key"),
    "the host by cookie": Caller("cookie"),
    "the host by cookie without the token": Caller("cookie", csrf=False),
    "the host by cookie from another site": Caller("cookie", origin="http://evil.example"),
    "the host by key, far and without TLS": Caller("key", FAR),
    "the host by cookie, far and without TLS": Caller("cookie", FAR),
    "the host by key, far over TLS": Caller("key", FAR, "https"),
    "the host by cookie, far over TLS": Caller("cookie", FAR, "https"),
    "nobody over TLS": Caller(address=FAR, scheme="https"),
}


@dataclass(frozen=True)
class Call:
    """One way to use a route. who: any, host, key (the key itself), badge, ask, enter. good: what it answers then."""

    who: str
    good: tuple[int, ...]
    more: dict[str, Any] = field(default_factory=dict)
    query: str = ""
    #: What a badge of another session, a removed one and none at all are answered.
    strange: int = 401
    removed: int = 403
    none: int = 401


STEP = {"idea": "example-first-job", "step": "meet", "status": "doing"}
IDEAS_FILE = {
    "files": {"file": ("idee.csv", b"Titolo;Sintesi\nBiblioteche aperte la sera;Chi abita vicino apre\n")},
    "data": {"path": "prova"},
}
FORM = {"files": {"file": ("a.csv", b"Domanda?\n- uno\n- due *\n")}}
MARKET = {
    "id": "market",
    "activity": "marketplace",
    "title": "Mercato",
    "notes": NOTES,
    "setup": {"stalls": [{"id": "pacts", "title": "Patti di collaborazione"}]},
}
PLAN_FILE = {"files": {"file": ("plan.json", json.dumps(plan()).encode())}}

ROUTES: dict[tuple[str, str], list[Call]] = {
    ("GET", "/openapi.json"): [Call("any", (200,))],
    ("GET", "/healthz"): [Call("any", (200,))],
    ("GET", "/static/{digest}/{name:path}"): [Call("any", (200,))],
    ("POST", "/api/sessions"): [Call("host", (201,), {"json": {"plan": plan()}})],
    ("GET", "/api/sessions/{code}"): [Call("any", (200,))],
    ("POST", "/api/sessions/{code}/badges"): [
        Call("any", (201,), {"json": {}}),
        Call("host", (201,), {"json": {"rehearsal": True}}),
    ],
    ("POST", "/api/sessions/{code}/asks"): [
        Call("ask", (200,), {"json": {"id": "one", "stage": None, "do": "lock_room", "with": {}}})
    ],
    ("GET", "/api/sessions/{code}/view"): [
        Call("badge", (200,), query="?screen=phone"),
        Call("any", (200,), query="?screen=wall"),
        Call("host", (200,), query="?screen=desk"),
    ],
    ("GET", "/api/sessions/{code}/facts"): [Call("host", (200,))],
    ("GET", "/api/sessions/{code}/outcomes"): [Call("host", (200,))],
    ("GET", "/api/sessions/{code}/export.{kind}"): [Call("host", (200,))],
    ("POST", "/api/sessions/{code}/stages/{stage}/import"): [Call("host", (200,), FORM, "?dry_run=1")],
    # Whoever was removed keeps the right to see and to erase what is kept about them.
    ("GET", "/api/sessions/{code}/me"): [Call("badge", (200,), removed=200)],
    ("DELETE", "/api/sessions/{code}/me"): [Call("badge", (204,), removed=204)],
    ("GET", "/api/sessions/{code}/stages/{stage}/look/{what}"): [Call("host", (404,))],
    ("GET", "/api/sessions/{code}/stages/{stage}/board.svg"): [Call("host", (404,))],
    # There are stalls to print sheets of, and no plan yet from which people's slips could be made.
    ("GET", "/api/sessions/{code}/stages/{stage}/kit/{what}.pdf"): [Call("host", (200,))],
    ("GET", "/api/sessions/{code}/stages/{stage}/then"): [Call("host", (200,))],
    ("GET", "/api/paths"): [Call("host", (200,))],
    ("POST", "/api/paths"): [Call("host", (201, 409), {"json": {"id": "nuovo", "title": "Nuovo"}})],
    ("GET", "/api/paths/{id}"): [Call("host", (200,))],
    ("GET", "/api/paths/{id}/ideas"): [Call("host", (200,))],
    ("GET", "/api/paths/{id}/ideas/{idea}"): [Call("host", (200,))],
    # Whoever was in one of its sessions speaks to a path too, but only organisers change its ideas.
    ("POST", "/api/paths/{id}/asks"): [
        Call("path", (200,), {"json": {"id": "one", "stage": None, "do": "set_step_status", "with": STEP}})
    ],
    ("GET", "/api/paths/{id}/export.{kind}"): [Call("host", (200,))],
    ("GET", "/api/paths/{id}/ideas/{idea}/export.{kind}"): [Call("host", (200,))],
    ("GET", "/api/paths/{id}/sessions/{code}/export.{kind}"): [Call("host", (307,))],
    ("POST", "/api/paths/{id}/exports"): [Call("host", (202, 409), {"json": {"kind": "csv"}})],
    ("GET", "/api/paths/{id}/exports/{export}"): [Call("host", (200,))],
    ("DELETE", "/api/paths/{id}/exports/{export}"): [Call("host", (200,))],
    ("GET", "/api/paths/{id}/exports/{export}/file"): [Call("host", (200, 409))],
    ("POST", "/api/paths/import"): [Call("host", (200,), IDEAS_FILE, "?dry_run=1")],
    ("GET", "/desk/paths"): [Call("host", (200,))],
    ("POST", "/desk/paths"): [Call("host", (303, 409), {"data": {"title_it": "Un altro"}})],
    ("GET", "/desk/paths/{id}"): [Call("host", (200,))],
    ("POST", "/desk/paths/{id}/ideas"): [Call("host", (303,), {"data": {"idea": "idea-nuova-0001"}})],
    ("GET", "/desk/paths/{id}/ideas/{idea}"): [Call("host", (200,))],
    ("GET", "/p/{id}"): [Call("any", (200,))],
    ("GET", "/p/{id}/{idea}"): [Call("any", (200,))],
    ("GET", "/"): [Call("any", (200,))],
    ("POST", "/"): [Call("any", (303,), {"data": {"code": "{code}"}})],
    ("GET", "/J/{code}"): [Call("any", (200, 303))],
    ("GET", "/j/{code}"): [Call("any", (200, 303))],
    ("POST", "/j/{code}"): [Call("any", (303,), {"data": {"name": "Airone", "group": "civil_servants"}})],
    ("GET", "/j/{code}/back"): [Call("any", (200,))],
    ("POST", "/j/{code}/badge"): [Call("any", (200,), {"json": {"badge": "{victims_badge}"}})],
    ("GET", "/s/{code}"): [Call("badge", (200,), strange=303, none=303)],
    ("GET", "/wall/{code}"): [Call("any", (200,))],
    ("GET", "/desk/{code}/preview/{stage}"): [Call("host", (200,))],
    ("POST", "/desk/{code}/rejoin/{person}"): [Call("host", (200,))],
    ("POST", "/desk/{code}/people/{person}/erase"): [Call("host", (204,))],
    ("GET", "/desk"): [Call("host", (200,))],
    ("GET", "/desk/enter"): [Call("any", (303,))],
    ("GET", "/desk/plans"): [Call("any", (303,))],
    ("GET", "/keep/{code}/erase"): [Call("any", (303,))],
    ("POST", "/desk/enter"): [
        Call("enter", (303,), {"data": {"key": KEY}}),
        Call("enter", (401,), {"data": {"key": KEY[:-1] + "5"}}),
        Call("enter", (401,), {"json": {"once": "guessed"}}),
    ],
    ("POST", "/desk/leave"): [Call("host", (303,))],
    ("POST", "/desk"): [Call("host", (303,), {"data": {"plan": "{plan}"}})],
    ("POST", "/desk/plans"): [Call("host", (303,), PLAN_FILE)],
    ("POST", "/desk/{code}/duplicate"): [Call("host", (303,))],
    ("GET", "/desk/{code}/plan.json"): [Call("host", (200,))],
    ("POST", "/desk/backup"): [
        Call("host", (200,), {"json": {"to": None}}),
        Call("key", (200,), {"json": {"to": "{file}"}}),
    ],
    ("POST", "/desk/{code}/rehearse"): [Call("host", (202,), {"json": {"people": 1}})],
    ("GET", "/desk/{code}/stages/{stage}/import"): [Call("host", (200,))],
    ("POST", "/desk/{code}/stages/{stage}/import"): [Call("host", (200,), FORM)],
    ("GET", "/desk/preflight"): [Call("host", (200,))],
    ("POST", "/desk/preflight"): [Call("host", (303,), {"data": {"other": "http://192.168.1.2:8000"}})],
    ("GET", "/try/{token}"): [Call("any", (200,))],
    ("GET", "/TRY/{token}"): [Call("any", (200,))],
    ("POST", "/try/{token}"): [Call("any", (204,), {"json": {"rtt_ms": 5, "socket": True}})],
    ("GET", "/desk/{code}"): [Call("host", (200,))],
    ("GET", "/keep"): [Call("any", (200,))],
    ("GET", "/keep/{code}"): [Call("any", (200,))],
    ("POST", "/keep/{code}/erase"): [Call("badge", (200,), removed=200)],
}


@dataclass
class World:
    """Two sessions, so that there is somebody from the other one."""

    door: Inside
    other: str
    token: str
    folder: Path
    made: int = 0

    async def key_of(self, caller: Caller) -> tuple[str | None, dict[str, str]]:
        """What a caller brings: the Bearer, and the headers."""
        door, access = self.door, self.door.house.access
        headers: dict[str, str] = {}
        key: str | None = None
        match caller.has:
            case "key":
                key = KEY
            case "wrong_key":
                key = KEY[:-1] + "5"
            case "wrong_cookie":
                headers["Cookie"] = f"{access.desk_cookie}=guessed"
            case "cookie":
                cookie = await access.sign_in(0)
                headers["Cookie"] = f"{access.desk_cookie}={cookie}"
                if caller.csrf:
                    headers["X-Officina-CSRF"] = list(access.desks.values())[-1]
            case "ada" | "bruno":
                key, _ = await door.joins(caller.has)
            case "stranger":
                key, _ = await door.joins("Olga", code=self.other)
            case "removed":
                key, person = await door.joins("Rino")
                await door.does("remove_people", people=[person])
        if caller.by_cookie:
            headers["Cookie"] = f"{access.badge_cookie(door.code)}={key}"
            key = None
        return key, headers

    async def an_export(self) -> str:
        """A file that the path is making, or has made."""
        made = await self.door.call("POST", "/api/paths/prova/exports", KEY, json={"kind": "csv"})
        assert made.status_code == 202, made.text
        while True:
            where = f"/api/paths/prova/exports/{made.json()['export']}"
            if (await self.door.call("GET", where, KEY)).json()["state"] != "working":
                return str(made.json()["export"])
            await asyncio.sleep(0.01)

    async def use(self, method: str, path: str, call: Call, caller: Caller) -> httpx.Response:
        """The call by this caller, with a fresh person where one is needed."""
        door = self.door
        await door.does("unlock_room")
        badge, person = await door.joins("vittima")
        self.made += 1
        filled = path.replace("{name:path}", "line.js").format(
            code=door.code,
            stage="market" if "/kit/" in path else "poll",
            kind="ics" if "{idea}" in path else "json",
            person=person,
            token=self.token,
            digest="x",
            id="prova",
            idea="example-first-job",
            export=await self.an_export() if "{export}" in path else "",
            what="sheets" if "/kit/" in path else "nothing",
        )
        more = json.loads(
            json.dumps({name: value for name, value in call.more.items() if name != "files"})
            .replace("{code}", door.code)
            .replace("{victims_badge}", badge)
            .replace("{plan}", a_plan())
            .replace("{file}", str(self.folder / f"copy{self.made}.db"))
        )
        key, headers = await self.key_of(caller)
        if "files" in call.more:
            more["files"] = call.more["files"]
        return await door.call(
            method,
            filled + call.query,
            key,
            address=caller.address,
            scheme=caller.scheme,
            origin=caller.origin,
            headers=headers,
            **more,
        )


def a_plan() -> str:
    from server.sessions.plans import shipped_plans

    return str(shipped_plans()[0]["name"])


def expected(method: str, call: Call, caller: Caller, remote: bool = False) -> tuple[int, ...]:
    """What this caller is answered."""
    unsafe = method not in SAFE
    near = caller.near or remote
    if unsafe and caller.origin:
        return (403,)
    person = {"ada": "person", "bruno": "person", "stranger": "stranger", "removed": "removed"}.get(caller.has)
    match call.who:
        case "any":
            return call.good
        case "enter":
            return call.good if near else (403,)
        case "badge":
            return {"person": call.good, "stranger": (call.strange,), "removed": (call.removed,)}.get(
                person or "", (call.none,)
            )
        case "ask" if person:
            return {"person": (403,), "stranger": (401,), "removed": (403,)}[person]
        case "path" if person:
            return {"person": (409,), "stranger": (401,), "removed": (401,)}[person]
    if caller.has not in ("key", "cookie"):
        return (401,)
    if not near:
        return (403,)
    if caller.has == "cookie" and (call.who == "key" or (unsafe and not caller.csrf)):
        return (403,)
    return call.good


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong keys are part of the matrix; that they are slow is another file's."""
    monkeypatch.setattr(gate, "DELAY_FIRST", 0.0)
    monkeypatch.setattr(gate, "DELAY_MOST", 0.0)

    async def crowd(*_: Any) -> None:
        return None

    monkeypatch.setattr(simulate, "inside", crowd)


async def world_in(door: Inside, folder: Path) -> World:
    door.house.access._delay = 0.0
    other = await door.begins()
    await door.begins(plan(poll("poll", OBSTACLE, notes=NOTES), MARKET, path="prova"))
    await door.house.paths.rest()
    await door.house.paths.show_example("prova", example_ideas()[0][1])
    page = await door.call("GET", "/desk/preflight", KEY)
    assert page.status_code == 200
    await door.call("POST", "/desk/preflight", KEY, data={"other": "http://192.168.1.2:8000"})
    await door.call("GET", "/desk/preflight", KEY)
    return World(door, other, next(iter(door.house.tried)), folder)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with inside(tmp_path / "data", room_cap=5_000) as door:
        yield await world_in(door, tmp_path)


async def test_every_route_has_its_line_in_the_table_above(world: World) -> None:
    there = set(routes_of(world.door.officina))
    assert there - set(ROUTES) == set(), "say in ROUTES who may call the new route"
    assert set(ROUTES) - there == set(), "these routes are gone: take them out of ROUTES"


async def test_G15_every_route_lets_in_whom_it_should_and_nobody_else(world: World) -> None:
    wrong = []
    for who, caller in CALLERS.items():
        for (method, path), calls in ROUTES.items():
            for call in calls:
                answer = await world.use(method, path, call, caller)
                if answer.status_code not in expected(method, call, caller):
                    wrong.append(f"{who}: {method} {path}{call.query} gave {answer.status_code} {answer.text[:120]}")
                if NOTES in answer.text and caller.has not in ("key", "cookie"):
                    wrong.append(f"{who}: {method} {path} tells the facilitator's notes")
    assert wrong == []


async def test_G15_allow_remote_host_lifts_the_address_and_nothing_else(tmp_path: Path) -> None:
    async with inside(tmp_path / "data", allow_remote_host=True) as door:
        world = await world_in(door, tmp_path)
        wrong = []
        for who in ("the host by key, far and without TLS", "the host by cookie, far and without TLS", "nobody far"):
            caller = CALLERS[who]
            for (method, path), calls in ROUTES.items():
                for call in calls:
                    answer = await world.use(method, path, call, caller)
                    if answer.status_code not in expected(method, call, caller, remote=True):
                        wrong.append(f"{who}: {method} {path} gave {answer.status_code} {answer.text[:120]}")
        assert wrong == []


async def test_G15_the_loopback_alone_gives_no_power(world: World) -> None:
    nobody = CALLERS["nobody"]
    for (method, path), calls in ROUTES.items():
        for call in calls:
            if call.who in ("host", "key", "ask", "path"):
                answer = await world.use(method, path, call, nobody)
                assert answer.status_code in (401, 403), f"{method} {path}"
                assert answer.headers.get("set-cookie") is None


async def test_a_desk_page_without_power_is_the_form_for_the_key(world: World) -> None:
    for path in ("/desk", "/desk/{code}", "/desk/preflight", "/desk/{code}/stages/poll/import"):
        filled = path.format(code=world.door.code)
        for key, address, status in ((None, HERE, 401), (None, FAR, 401), (KEY, FAR, 403)):
            answer = await world.door.call("GET", filled, key, address=address, headers={"Accept": "text/html"})
            assert answer.status_code == status
            assert 'name="key"' in answer.text and NOTES not in answer.text


@pytest.mark.parametrize(
    ("client", "near"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.168.1.50", False),
        ("0.0.0.0", False),
        ("::ffff:10.0.0.1", False),
        ("127.0.0.1.evil.example", False),
        ("localhost", False),
        ("", False),
        (None, False),
    ],
)
def test_only_loopback_addresses_are_the_loopback(client: str | None, near: bool) -> None:
    assert is_loopback(client) is near


async def test_a_forwarded_address_or_scheme_gives_no_power(world: World) -> None:
    told = {
        "X-Forwarded-For": "127.0.0.1",
        "X-Real-IP": "127.0.0.1",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=127.0.0.1;proto=https",
    }
    answer = await world.door.call("GET", f"/api/sessions/{world.door.code}/facts", KEY, address=FAR, headers=told)
    assert answer.status_code == 403


async def test_a_desk_that_signed_out_and_one_of_before_have_no_power(world: World) -> None:
    door = world.door
    key, headers = await world.key_of(CALLERS["the host by cookie"])
    assert (await door.call("GET", "/desk", key, headers=headers)).status_code == 200
    assert (await door.call("POST", "/desk/leave", key, headers=headers)).status_code == 303
    assert (await door.call("GET", "/desk", key, headers=headers)).status_code == 401


async def test_the_link_of_the_start_opens_the_desk_once(world: World) -> None:
    door = world.door
    once = door.house.access.new_once()
    assert (await door.call("POST", "/desk/enter", json={"once": once}, address=FAR)).status_code == 403
    assert (await door.call("POST", "/desk/enter", json={"once": once})).status_code == 200
    assert (await door.call("POST", "/desk/enter", json={"once": once})).status_code == 401


# -- asks -----------------------------------------------------------------------------------------------------------

UNIONS: dict[str | None, dict[str, Any]] = {None: asks_of(messages.Ask)} | {
    name: dict(activity.asks) for name, activity in activities.found().items()
}
ASKS = [(stage, do) for stage, asks in UNIONS.items() for do in asks]


def day_of_all() -> dict[str, Any]:
    """A plan with one stage of each activity there is, from its own sample."""
    stages = [
        {"id": name, "activity": name, "title": name, "setup": activity.sample()["setup"]}
        for name, activity in activities.found().items()
    ]
    return plan(*stages, groups=GROUPS)


def test_every_ask_says_who_may_ask_it() -> None:
    roles = {"phone", "desk", "clock", "server"}
    for stage, asks in UNIONS.items():
        for do, ask in asks.items():
            assert ask.by and ask.by <= roles, f"{stage}: {do} may be asked by {set(ask.by)}"


def asks_without_limit(door: Inside, person: str) -> None:
    """For the desk and one person, at the door and at every board."""
    for key in ("desk", person):
        for stage in (None, *UNIONS):
            door.live.buckets[key if stage is None else f"{key} {stage}"] = Bucket(1e6, 1e6)


@pytest.mark.parametrize("opened", [False, True], ids=["closed", "open"])
async def test_G15_every_ask_is_taken_from_its_own_roles_only(world: World, opened: bool) -> None:
    door = world.door
    await door.begins(day_of_all())
    removed, person = await door.joins("Rino")
    asks_without_limit(door, person)
    await door.does("remove_people", people=[person])
    stranger, _ = await door.joins("Olga", code=world.other)
    wrong = []
    for stage, do in ASKS:
        kind = UNIONS[stage][do]
        if opened and stage is not None:
            await door.tells(KEY, "open_stage", stage=stage)
        await door.does("unlock_room")
        badge, _ = await door.joins("Ada")
        number = door.live.room.number
        body: dict[str, Any] = {"stage": stage, "do": do, "with": {}}
        path = f"/api/sessions/{door.code}/asks"
        who: str
        key: str | None
        for who, key, role in (("ada", badge, "phone"), ("the host", KEY, "desk")):
            if role == "desk" and do == "end_session" and role in kind.by:
                continue
            answer = await door.call("POST", path, key, json={**body, "id": f"{who} {stage} {do}"})
            if role in kind.by:
                if answer.status_code == 403:
                    wrong.append(f"{who} may {do} in {stage}, but was told {answer.text}")
            elif (answer.status_code, answer.json()["error"]["code"]) != (403, "not_for_you"):
                wrong.append(f"{who} may not {do} in {stage}, but was told {answer.text}")
            elif door.live.room.number != number:
                wrong.append(f"{who} left a fact by {do}")
            if role in kind.by:
                number = door.live.room.number
        for who, key, address, status in (
            ("nobody", None, HERE, 401),
            ("a wrong key", KEY[:-1] + "5", HERE, 401),
            ("a person of another session", stranger, FAR, 401),
            ("a removed person", removed, FAR, 403),
            ("the host, far and without TLS", KEY, FAR, 403),
        ):
            answer = await door.call("POST", path, key, address=address, json={**body, "id": f"{stage} {do}"})
            if answer.status_code != status or door.live.room.number != number:
                wrong.append(f"{who}: {do} in {stage} gave {answer.status_code} {answer.text}")
    assert wrong == []


async def test_G15_every_ask_over_a_socket_is_taken_from_its_own_roles_only(world: World) -> None:
    door = world.door
    await door.begins(day_of_all())
    badge, person = await door.joins("Ada")
    asks_without_limit(door, person)
    lines = {
        "phone": await door.screen("phone", badge, "json"),
        "desk": await door.screen("desk", KEY, "json"),
        "wall": await door.screen("wall", None, "json"),
        # Carla's own browser shows the wall: the key that comes with it gives the wall no power.
        "wall of the host": await door.screen("wall", KEY, "json"),
    }
    wrong = []
    for stage, do in ASKS:
        by = UNIONS[stage][do].by
        for role, line in lines.items():
            if do == "end_session" and role == "desk":
                continue
            if not role.startswith("wall"):
                answer = await line.asks(do, stage)
                refused = answer["t"] == "refusal" and answer["code"] == "not_for_you"
                if refused == (role in by):
                    wrong.append(f"{role}: {do} in {stage} gave {answer}")
    for role in ("wall", "wall of the host"):
        for stage, do in ASKS[:15]:
            answer = await lines[role].asks(do, stage)
            if (answer["t"], answer["code"]) != ("refusal", "not_for_you"):
                wrong.append(f"{role}: {do} in {stage} gave {answer}")
    assert wrong == []
    for line in lines.values():
        await line.leaves()


# -- screens --------------------------------------------------------------------------------------------------------


def welcomed(screen: str, caller: Caller) -> str:
    """welcome, 4003 (let in by the handshake, but not as this screen) or 403 (not even that)."""
    if caller.origin:
        return "403"
    host = caller.has in ("key", "cookie") and caller.near
    known = caller.has in ("ada", "bruno", "removed")
    bearer = caller.has in ("key", "wrong_key", "ada", "bruno", "stranger", "removed") and not caller.by_cookie
    if bearer and not known and not host:
        return "403"
    allowed = {"wall": True, "desk": host, "phone": caller.has in ("ada", "bruno")}[screen]
    return "welcome" if allowed else "4003"


@pytest.mark.parametrize("screen", ["phone", "desk", "wall"])
async def test_G15_every_screen_welcomes_whom_it_should_and_nobody_else(world: World, screen: str) -> None:
    door = world.door
    wrong = []
    for who, caller in CALLERS.items():
        key, headers = await world.key_of(caller)
        line = await door.screen(
            screen, key, address=caller.address, scheme=caller.scheme, origin=caller.origin, headers=headers
        )
        got = str(line.status or line.closed or (line.heard and line.heard[0]["t"]))
        if got != welcomed(screen, caller):
            wrong.append(f"{who} at the {screen} got {got}, not {welcomed(screen, caller)}")
        if screen != "desk" and NOTES in json.dumps(line.heard):
            wrong.append(f"{who} at the {screen} reads the facilitator's notes")
        await line.leaves()
    assert wrong == []


# -- other sessions -------------------------------------------------------------------------------------------------


async def test_G15_nothing_of_a_session_is_read_with_the_badge_of_another(world: World) -> None:
    """Random calls with everything a stranger may hold; names and answers of this session never come back."""
    door = world.door
    canaries = ("CANARINO-NOME", "CANARINO-RISPOSTA", NOTES)
    cloud = {"id": "cloud", "activity": "words", "title": "Parole", "setup": {"prompt": "?", "live_results": False}}
    await door.begins(plan(poll("poll", OBSTACLE, notes=NOTES), {**cloud, "notes": NOTES}))
    badge, person = await door.joins(canaries[0])
    await door.does("open_stage", stage="cloud")
    assert (await door.tells(badge, "add_word", "cloud", text=canaries[1])).status_code == 200
    assert canaries[1] in (await door.call("GET", f"/api/sessions/{door.code}/me", badge)).text
    strangers = [(await door.joins("Olga", code=world.other))[0] for _ in range(3)]
    chance = random.Random(15)
    routes = sorted(ROUTES)
    access = door.house.access
    for _ in range(1500):
        method, path = chance.choice(routes)
        call = chance.choice(ROUTES[method, path])
        key: str | None = chance.choice([*strangers, None, "", person, door.code, KEY[1:]])
        cookie = chance.choice([access.badge_cookie(door.code), access.badge_cookie(world.other), access.desk_cookie])
        headers = {"Cookie": f"{cookie}={chance.choice(strangers)}"} if chance.random() < 0.5 else {}
        filled = path.replace("{name:path}", "line.js").format(
            code=chance.choice([door.code, door.code.lower(), door.code + "%20"]),
            stage=chance.choice(["poll", "cloud"]),
            kind=chance.choice(["json", "csv", "xlsx", "ics"]),
            person=person,
            token=world.token,
            digest="x",
            id="prova",
            idea="example-first-job",
            export="none",
            what=chance.choice(["similar", "slips", "sheets"]),
        )
        query = chance.choice(["", call.query, f"?screen=desk&code={door.code}", f"?person={person}"])
        more = {name: value for name, value in call.more.items() if name in ("json", "files")}
        if method == "GET":
            more = {}
        answer = await door.call(method, filled + query, key, address=FAR, headers=headers, **more)
        assert answer.status_code < 500, f"{method} {filled}: {answer.text}"
        for canary in canaries:
            assert canary not in answer.text, f"{method} {filled}{query} tells {canary}"
