"""How long it takes to leave with something: the files of a day, and the dossier of a path with hundreds of ideas."""

import asyncio
import copy
import json
import secrets
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from server import activities, simulate
from tests.leavings import IDEA
from tests.load import notes, room
from tests.load.client import Answer, HttpLine
from tests.load.measures import LIMIT, NotMeasured
from tests.load.processes import Server, bare, free_port, officina
from tests.load.rows import Metrics, Say, running

PEOPLE, BOARDS, IDEAS = 40, 5, 10
#: The simulated people think this many times faster than people do, which is still within a phone's own limit of asks.
SPEED = 60.0
DAY_LIMIT = 200.0
KINDS = ("pdf", "docx", "xlsx", "zip")
RESTARTS, REPEATS = 3, 2
BOARD_KEYS = ("torino_chain", "needs", "swot", "problem_tree", "power_interest")

PATH, PATH_IDEAS = "bench", 500
LISTS = 15
#: A figure of something that this Officina does not have.
ABSENT = -1.0
#: Seconds after which an export is given up; the figure is then this one.
EXPORT_LIMIT = 90.0


def day_plan() -> dict[str, Any]:
    """Twelve stages: five boards, one of ideas, and six of talk, questions and words as the folders' own samples have them."""

    def stage(id: str, activity: str, setup: dict[str, Any]) -> dict[str, Any]:
        title = {"it": f"Tappa {id}", "en": f"Stage {id}"}
        return {"id": id, "activity": activity, "title": title, "minutes": 20, "setup": setup}

    found = activities.found()
    others = ("poll", "words", "quiz", "poll", "words")
    stages = [stage("welcome", "talk", found["talk"].sample()["setup"])]
    stages += [stage(f"{name}_{n}", name, found[name].sample()["setup"]) for n, name in enumerate(others)]
    stages += [stage(f"board_{n}", "canvas", {"board": key, "dots": 3}) for n, key in enumerate(BOARD_KEYS)]
    stages.append(stage("ideas", "idea", {"form": "full", "per": "room", "prefix": "MI"}))
    return room.plan_of(stages)


def idea_fields(n: int) -> dict[str, Any]:
    """The whole form of a policy idea; title, summary and problem are this idea's own."""
    fields: dict[str, Any] = copy.deepcopy(IDEA["fields"])
    title, summary, problem = notes.texts(3, seed=1_000 + n)
    fields["title"] = {"it": f"{title[:150]} {n}", "en": f"Idea {n}"}
    fields["summary"] = {"it": summary, "en": summary}
    fields["problem"] = {"it": problem, "en": problem}
    return fields


async def a_day(port: int, key: str) -> str:
    """Forty people with ordinary badges through the whole plan, their phones and the desk played as a rehearsal plays them."""
    desk = await room.Desk.open(port, key, day_plan())
    await desk.asks("open_stage", {"stage": "ideas"})
    for n in range(IDEAS):
        await desk.asks("new_idea", {"idea": f"idea{n}", "fields": idea_fields(n)}, "ideas")
    await desk.asks("open_stage", {"stage": "welcome"})
    groups = ("civil_servants", "social_innovators")
    badges = [each.badge for each in await room.badges(port, desk.code, PEOPLE, groups=groups)]
    url = f"http://127.0.0.1:{port}"

    def said(what: str) -> None:
        del what

    crowd = asyncio.create_task(
        simulate.crowd(url, desk.code, badges, SPEED, DAY_LIMIT, said, groups=len(groups), lead=key)
    )
    try:
        async with asyncio.timeout(DAY_LIMIT):
            while await _state(port, desk) != "ended":
                if crowd.done():
                    crowd.result()
                    break
                await asyncio.sleep(1.0)
    except TimeoutError:
        raise NotMeasured(f"the day had not ended after {DAY_LIMIT:.0f} s") from None
    finally:
        crowd.cancel()
        await asyncio.gather(crowd, return_exceptions=True)
        if desk.socket is not None:
            desk.socket.close()
    return desk.code


async def _state(port: int, desk: room.Desk) -> str:
    answer = await _get(port, f"/api/sessions/{desk.code}/view?screen=desk", desk.bearer)
    return str(json.loads(answer.body)["session"]["state"])


async def _get(port: int, path: str, headers: dict[str, str], limit: float = LIMIT) -> Answer:
    line = await HttpLine.open(port)
    try:
        return await line.request("GET", path, headers, limit=limit)
    finally:
        line.close()


async def timed(port: int, path: str, headers: dict[str, str], limit: float = LIMIT) -> tuple[float, Answer]:
    """Seconds of one GET on a fresh connection, and its answer. Raises NotMeasured when that is not a 200."""
    began = time.perf_counter()
    answer = await _get(port, path, headers, limit)
    took = time.perf_counter() - began
    if answer.status != 200:
        raise NotMeasured(f"GET {path}: status {answer.status}: {answer.body[:300].decode(errors='replace')}")
    return took, answer


async def _bare_seconds(sizes: dict[str, int]) -> Metrics:
    """The same bytes from the bare loop."""
    async with running(bare(free_port())) as server:
        found = {}
        for name, size in sizes.items():
            takes = [(await timed(server.port, f"/page?{size}", {}))[0] for _ in range(3)]
            found[f"bare_{name}_s"] = statistics.median(takes)
        return found


@asynccontextmanager
async def _kept_in(folder: str, key: str) -> AsyncIterator[Server]:
    async with running(officina(Path(folder), key, free_port())) as server:
        yield server


async def report(say: Say, minutes: float) -> Metrics:
    """Each file asked for first by a server that has just started, as on the morning after, and then again."""
    del minutes
    key = secrets.token_hex(32)
    bearer = {"Authorization": f"Bearer {key}"}
    first: dict[str, list[float]] = {kind: [] for kind in KINDS}
    again: dict[str, list[float]] = {kind: [] for kind in KINDS}
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="officina-bench-") as folder:
        say(f"officina: {PEOPLE} people go through a day of 12 stages")
        async with _kept_in(folder, key) as server:
            code = await a_day(server.port, key)
            outcomes = json.loads((await timed(server.port, f"/api/sessions/{code}/outcomes", bearer))[1].body)
        left = counted(outcomes)
        say(f"left: {', '.join(f'{n:.0f} {what}' for what, n in left.items())}; its files, after {RESTARTS} restarts")
        for _ in range(RESTARTS):
            async with _kept_in(folder, key) as server:
                for kind in KINDS:
                    path = f"/api/sessions/{code}/export.{kind}"
                    took, answer = await timed(server.port, path, bearer)
                    first[kind].append(took)
                    sizes[kind] = len(answer.body)
                    again[kind] += [(await timed(server.port, path, bearer))[0] for _ in range(REPEATS)]
    metrics: Metrics = {f"{kind}_s": statistics.median(takes) for kind, takes in first.items()}
    metrics |= {f"{kind}_again_s": statistics.median(takes) for kind, takes in again.items()}
    metrics |= {f"{kind}_kb": size / 1000 for kind, size in sizes.items()}
    return metrics | left | await _bare_seconds(sizes)


def counted(outcomes: dict[str, Any]) -> Metrics:
    """What the day left, counted. Raises NotMeasured when it is not the day that was to be measured."""
    kinds = [one["kind"] for one in outcomes["outcomes"]]
    boards = [one for one in outcomes["outcomes"] if one["kind"] == "board"]
    left: Metrics = {
        "people": outcomes["people"]["count"],
        "boards": len(boards),
        "notes": sum(len(one["notes"]) for one in boards),
        "ideas": kinds.count("idea"),
        "outcomes": len(kinds),
    }
    if left["people"] != PEOPLE or left["boards"] != BOARDS or left["ideas"] < IDEAS or left["notes"] < PEOPLE:
        raise NotMeasured(f"the day left {left}")
    return left


# --- a path with hundreds of ideas ---


async def dossier(say: Say, minutes: float) -> Metrics:
    """The list page of a path with PATH_IDEAS ideas, and everything in it as one file."""
    del minutes
    key = secrets.token_hex(32)
    bearer = {"Authorization": f"Bearer {key}"}
    with tempfile.TemporaryDirectory(prefix="officina-bench-") as folder:
        say(f"officina: a path with {PATH_IDEAS} ideas")
        async with _kept_in(folder, key) as server:
            await _fill_path(server.port, bearer)
            takes = []
            for _ in range(LISTS):
                took, page = await timed(server.port, f"/desk/paths/{PATH}", bearer)
                takes.append(took)
            rows = page.body.count(f"/desk/paths/{PATH}/ideas/".encode())
            if not rows:
                raise NotMeasured("the page of the path names none of its ideas")
            metrics: Metrics = {"list_s": statistics.median(takes), "list_max_s": max(takes), "rows": rows}
            metrics["list_kb"] = len(page.body) / 1000
            sizes = {"list": len(page.body)}
        metrics |= {"export_s": ABSENT, "export_kb": ABSENT, "bare_export_s": ABSENT}
        say("the whole path as a file, from a server that has just started")
        async with _kept_in(folder, key) as server:
            began = time.perf_counter()
            try:
                file = await _get(server.port, f"/api/paths/{PATH}/export.zip", bearer, EXPORT_LIMIT)
            except TimeoutError:
                metrics["export_s"] = EXPORT_LIMIT
            else:
                if file.status == 200:
                    metrics |= {"export_s": time.perf_counter() - began, "export_kb": len(file.body) / 1000}
                    sizes["export"] = len(file.body)
                elif file.status != 404:
                    raise NotMeasured(f"the export of the path: status {file.status}: {file.body[:300]!r}")
    return metrics | await _bare_seconds(sizes)


async def _fill_path(port: int, bearer: dict[str, str]) -> None:
    """A path and its ideas, each the whole form, asked for as the desk does."""
    headers = bearer | {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{port}"}
    line = await HttpLine.open(port)

    async def post(path: str, body: dict[str, Any]) -> Answer:
        return await line.request("POST", path, headers, json.dumps(body).encode(), limit=LIMIT)

    made = await post("/api/paths", {"id": PATH, "title": {"it": "Prova di carico", "en": "Load test"}})
    if made.status != 201:
        raise NotMeasured(f"POST /api/paths: status {made.status}: {made.body[:300].decode(errors='replace')}")
    for n in range(PATH_IDEAS):
        having = {"idea": f"idea{n}", "fields": idea_fields(n)}
        ask = {"id": room.fresh_id(), "stage": None, "do": "new_idea", "with": having}
        while (answer := await post(f"/api/paths/{PATH}/asks", ask)).status == 429:
            await asyncio.sleep(0.1)
        if answer.status != 200:
            raise NotMeasured(f"idea {n}: status {answer.status}: {answer.body[:300].decode(errors='replace')}")
    line.close()
