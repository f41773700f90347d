"""Rehearsal people: they join, look at the same view as everybody, answer as their activity's folder says, and leave.

They come over the wire like real phones; their badges are marked as rehearsal, so that the desk removes them and all
they did with one click and no export counts them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import activities
from .activities.contract.rehearse import sample_of
from .drawing import day
from .moment import Clock, fresh, spread

if TYPE_CHECKING:
    from rich.console import Console

    from .house import House
    from .live.rooms import LiveRoom

#: How long a person thinks before the first answer, in seconds at speed 1: the fastest and the slowest.
THINKING = (2.0, 25.0)
#: The share of people who look away and come back, as phones do, per answer.
SLEEPY = 0.05
INSIDE_MINUTES = 30


class Refused(RuntimeError):
    """The session does not let rehearsal people in; the sentence says why."""


class Somebody:
    """One simulated phone."""

    SCREEN = "phone"

    def __init__(
        self,
        url: str,
        code: str,
        badge: str,
        speed: float,
        said: Callable[[str], None],
        tls: ssl.SSLContext | None = None,
        language: str = "it",
    ) -> None:
        self.tls = tls
        #: What they write in: the room's language, whatever their own phone shows.
        self.language = language
        self.url = url.replace("http", "ws", 1)
        self.code = code
        self.badge = badge
        self.speed = speed
        self.said = said
        self.chance = random.Random(fresh())
        self.stage: dict[str, Any] | None = None
        self.mine: dict[str, Any] = {}
        self.asleep = False
        self.waiting: dict[str, dict[str, Any]] = {}
        #: Where this person sits, said once after the first welcome; none where nothing works by table.
        self.table: str | None = None
        #: What only a facilitator's screen is told.
        self.desk: dict[str, Any] = {}

    async def live(self, until: float) -> None:
        """Stays in the room until then, coming back after every lost socket, until the session is over."""
        import websockets

        loop = asyncio.get_running_loop()
        while loop.time() < until:
            try:
                await self.visit(until)
            except websockets.ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code in (4001, 4003, 4010):
                    return
            except (OSError, websockets.InvalidHandshake, TimeoutError):
                pass
            await asyncio.sleep(0.2 + spread() * 3 / self.speed)

    async def visit(self, until: float) -> None:
        from websockets.asyncio.client import connect

        headers = {"Authorization": f"Bearer {self.badge}"}
        async with connect(
            f"{self.url}/live/{self.code}",
            additional_headers=headers,
            compression=None,
            proxy=None,
            max_queue=64,
            # The whole of a large board is more than the library takes by itself.
            max_size=None,
            ssl=self.tls,
        ) as socket:
            hello = {"t": "hello", "v": 1, "screen": self.SCREEN, "as": "json", "last": None, "epoch": None}
            await socket.send(json.dumps(hello))
            acting = asyncio.create_task(self.act(socket))
            try:
                async with asyncio.timeout_at(until):
                    async for text in socket:
                        frame = json.loads(text)
                        self.hear(frame)
                        if frame["t"] == "welcome" and self.table is not None and not frame["you"].get("table"):
                            seat = {"t": "ask", "id": fresh(), "stage": None, "do": "take_table"}
                            await socket.send(json.dumps({**seat, "with": {"table": self.table}}))
                        if self.asleep:
                            self.asleep = False
                            return
            except TimeoutError:
                return
            finally:
                acting.cancel()
                await asyncio.gather(acting, return_exceptions=True)

    def sample(self, activity: activities.Activity) -> dict[str, Any]:
        return sample_of(activity.sample().get("rehearsal", {}), self.language, day(Clock().now()))

    def hear(self, frame: dict[str, Any]) -> None:
        if frame["t"] in ("welcome", "view"):
            if "stage" in frame:
                self.stage = frame["stage"]
            if "mine" in frame:
                self.mine = frame["mine"] or {}
            self.desk = frame.get("desk", self.desk)
        elif frame["t"] == "patch":
            # A board that must be fetched anew is met again by coming back.
            self.asleep = self.asleep or not patched(self.stage, frame)
        elif frame["t"] == "receipt":
            self.waiting.pop(frame["id"], None)
            self.said("kept")
        elif frame["t"] == "refusal" and not frame.get("again"):
            self.waiting.pop(frame["id"], None)
            self.said("refused")

    async def act(self, socket: Any) -> None:
        for ask in list(self.waiting.values()):
            await socket.send(json.dumps(ask))
        while True:
            await asyncio.sleep(self.chance.uniform(*THINKING) / self.speed)
            stage = self.stage
            if stage is None or stage.get("state") != "open":
                continue
            activity = activities.found().get(stage["activity"])
            rehearse = getattr(activity.rules, "rehearse", None) if activity else None
            if activity is None or rehearse is None:
                continue
            done = rehearse(stage["view"], self.mine, self.chance.getrandbits(62), self.sample(activity))
            if done is None:
                continue
            do, having = done
            ask = {"t": "ask", "id": fresh(), "stage": stage["id"], "do": do, "with": having}
            self.waiting[ask["id"]] = ask
            await socket.send(json.dumps(ask))
            if self.chance.random() < SLEEPY:
                await asyncio.sleep(1 / self.speed)
                await socket.close()
                return


def patched(stage: dict[str, Any] | None, frame: dict[str, Any]) -> bool:
    """Puts a board's changes into the view of a stage; False where the whole view must be fetched."""
    if stage is None or stage["id"] != frame["stage"]:
        return True
    view = stage["view"]
    for entry in frame["entries"]:
        if entry.get("all"):
            return False
        for collection, things in entry.get("set", {}).items():
            if collection == "board":
                things = {"": things}
            for id, fields in things.items():
                known = view["board"] if collection == "board" else view.setdefault(collection, {}).setdefault(id, {})
                known.update(fields)
                for name in [name for name, value in fields.items() if value is None]:
                    del known[name]
        for collection, ids in entry.get("gone", {}).items():
            for id in ids:
                view.get(collection, {}).pop(id, None)
    return True


def own_tls(certificate: Path | None) -> ssl.SSLContext | None:
    """What our own calls to our own server trust: its very certificate, whatever name stands in it."""
    if certificate is None:
        return None
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    return context


class Facilitator(Somebody):
    """A simulated desk: walks the agenda and does in each stage what its activity's folder says a facilitator does."""

    SCREEN = "desk"
    #: Looks without anything to do after which the next stage comes.
    PATIENCE = 60

    async def act(self, socket: Any) -> None:
        idle = 0
        last: Any = None
        while True:
            await asyncio.sleep(self.chance.uniform(4.0, 8.0) / self.speed)
            stage, do, having = self.stage, "go_next", {}
            where: str | None = None
            if stage is not None and stage.get("state") == "open":
                rules = activities.found()[stage["activity"]].rules
                lead = getattr(rules, "lead", None)
                sample = self.sample(activities.found()[stage["activity"]])
                done = lead(stage["view"], self.desk, self.chance.getrandbits(62), sample) if lead else None
                if done is not None and done == last:
                    # What was refused once is refused again: somebody else must do something first.
                    done = None
                last = done or last
                if done in (None, ()) and idle < self.PATIENCE:
                    idle += 1
                    continue
                if done and done != "done":
                    (do, having), where = done, stage["id"]
                elif not self.desk.get("next"):
                    do = "end_session"
            elif stage is not None and not self.desk.get("next"):
                return
            idle = 0
            await socket.send(json.dumps({"t": "ask", "id": fresh(), "stage": where, "do": do, "with": having}))


async def crowd(
    url: str,
    code: str,
    badges: list[str],
    speed: float,
    seconds: float,
    said: Callable[[str], None],
    tls: ssl.SSLContext | None = None,
    by_table: bool = False,
    groups: int = 1,
    lead: str | None = None,
    language: str = "it",
) -> None:
    """Plays until the seconds are over. by_table: they sit down in fives, every group at every table.

    lead: the host key, to play the desk too. language: what they write in.
    """
    until = asyncio.get_running_loop().time() + seconds
    people = [Somebody(url, code, badge, speed, said, tls, language) for badge in badges]
    tables = -(-len(people) // 5)
    for n, person in enumerate(people):
        person.table = str(n // groups % tables + 1) if by_table else None
    if lead is not None:
        people.append(Facilitator(url, code, lead, speed, said, tls, language))
    await asyncio.gather(*(person.live(until) for person in people))


async def from_outside(
    url: str,
    key: str,
    code: str,
    people: int,
    speed: float,
    seconds: float,
    out: Console,
    tls: ssl.SSLContext | None = None,
    lead: bool = False,
) -> None:
    """`officina simulate`: joins over HTTP with the host key, then plays over sockets; shows what is kept.

    Raises Refused with the session's reason.
    """
    from rich.progress import Progress, TextColumn

    groups, languages, by_table = await asyncio.to_thread(about, url, code, tls)
    chance = random.Random(fresh())
    counts = {"kept": 0, "refused": 0}
    with Progress(*Progress.get_default_columns()[:3], TextColumn("{task.fields[note]}"), console=out) as progress:
        task = progress.add_task("Joining", total=people, note="")
        badges = []
        for n in range(people):
            body = {
                "group": groups[n % len(groups)] if groups else None,
                "language": chance.choice(languages),
                "rehearsal": True,
            }
            badges.append(await asyncio.to_thread(badge_of, url, key, code, body, tls))
            progress.advance(task)
        progress.update(task, description="Rehearsing", total=None, note="stop with Ctrl+C")

        def said(what: str) -> None:
            counts[what] += 1
            progress.update(task, note=f"{counts['kept']} answers kept, {counts['refused']} refused; stop with Ctrl+C")

        of = max(1, len(groups))
        await crowd(url, code, badges, speed, seconds, said, tls, by_table, of, key if lead else None, languages[0])


def call(url: str, path: str, key: str | None = None, body: Any = None, tls: ssl.SSLContext | None = None) -> Any:
    import urllib.error
    import urllib.request

    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, headers)
    handlers: list[Any] = [urllib.request.ProxyHandler({})]
    if tls is not None:
        handlers.append(urllib.request.HTTPSHandler(context=tls))
    opener = urllib.request.build_opener(*handlers)
    try:
        with opener.open(request, timeout=30) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with contextlib.suppress(ValueError, KeyError):
            raise Refused(json.loads(error.read())["error"]["text"]) from error
        raise Refused(f"the server answered {error.code}") from error
    except OSError as error:
        raise Refused(f"nobody answers on {url}") from error


def about(url: str, code: str, tls: ssl.SSLContext | None = None) -> tuple[list[str], list[str], bool]:
    seen = call(url, f"/api/sessions/{code}", tls=tls)
    return [group["id"] for group in seen["groups"]], list(seen["languages"]), bool(seen.get("by_table"))


def badge_of(url: str, key: str, code: str, body: dict[str, Any], tls: ssl.SSLContext | None = None) -> str:
    return str(call(url, f"/api/sessions/{code}/badges", key, body, tls)["badge"])


async def inside(house: House, live: LiveRoom, people: int) -> None:
    """The desk's rehearsal button: the same crowd, started by the server itself on its own loopback address."""
    url = house.origin_at("127.0.0.1" if house.settings.host in ("0.0.0.0", "::") else house.settings.host)
    tls = own_tls(house.settings.tls_certificate)
    groups, languages, by_table = await asyncio.to_thread(about, url, live.room.code, tls)
    badges = []
    for n in range(people):
        body = {
            "group": groups[n % len(groups)] if groups else None,
            "language": languages[n % len(languages)],
            "rehearsal": True,
        }
        badges.append(await asyncio.to_thread(badge_of, url, house.host_key, live.room.code, body, tls))
    of = max(1, len(groups))
    playing = crowd(
        url,
        live.room.code,
        badges,
        3.0,
        INSIDE_MINUTES * 60,
        lambda what: None,
        tls,
        by_table,
        of,
        language=languages[0],
    )
    task = asyncio.create_task(playing, name="rehearsal")
    house.rehearsals.add(task)
    task.add_done_callback(house.rehearsals.discard)
