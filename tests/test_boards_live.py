"""A board over the line: shell and patches, numbers without a hole, nothing of a hidden note on any wire."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from server.activities.canvas import rules as canvas_rules
from server.live.patches import digest
from tests.inside import Inside, Line, inside
from tests.people import KEY, plan, talk

BOARD = {
    "key": "two",
    "title": {"it": "Due zone", "en": "Two zones"},
    "zones": [
        {"key": "open", "role": "challenge", "title": {"it": "Sfide", "en": "Challenges"}, "at": [1, 1, 6, 8]},
        {"key": "secret", "role": "obstacle", "title": {"it": "Ostacoli"}, "at": [7, 1, 6, 8], "visible": "own"},
    ],
}
CANARY = "canarino-nascosto-4711"


def canvas(**setup: Any) -> dict[str, Any]:
    title = {"it": "Lavagna", "en": "Board"}
    return {"id": "b", "activity": "canvas", "title": title, "minutes": 9, "setup": {"board": BOARD, **setup}}


def note(n: int) -> str:
    return f"note{n:012d}"


async def opens(room: Inside, *stages: dict[str, Any]) -> None:
    await room.begins(plan(*(stages or (canvas(), talk()))))
    await room.does("open_stage", stage="b")


def entries(line: Line) -> list[dict[str, Any]]:
    return [entry for frame in line.heard if frame["t"] == "patch" for entry in frame["entries"]]


async def reaches(line: Line, number: int) -> list[dict[str, Any]]:
    await line.sees(lambda: any(one.get("to", one["n"]) >= number for one in entries(line)))
    return entries(line)


def test_a_plan_may_name_a_board_and_the_session_keeps_what_it_held(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await room.begins(plan(canvas(board="torino_chain")))
            setup = room.live.room.folded.session.setup("b")
            assert setup["board"]["key"] == "torino_chain" and len(setup["board"]["zones"]) == 4
            wrong = await room.call("POST", "/api/sessions", KEY, json={"plan": plan(canvas(board="nessuna"))})
            assert wrong.status_code == 422 and "torino_chain" in wrong.json()["error"]["text"]

    asyncio.run(story())


def test_entries_cover_every_number_and_the_receipt_comes_before_its_patch(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room)
            badge, _ = await room.joins("Ada", "civil_servants")
            wall, phone = await room.screen("wall"), await room.screen("phone", badge)
            began = wall.heard[0]["number"]
            for n in range(3):
                await phone.asks("add_note", "b", note=note(n), zone="open", text=f"nota {n}")
            await room.joins("Bruno", "social_innovators")
            last = await phone.asks("add_note", "b", note=note(3), zone="open", text="ultima")
            found = await reaches(wall, last["number"])
            told = began
            for entry in found:
                if entry["n"] > began:
                    assert entry["n"] == told + 1, found
                told = max(told, entry.get("to", entry["n"]))
            assert sum("set" in one for one in found) == 4
            await reaches(phone, last["number"])
            at = [i for i, one in enumerate(phone.heard) if one["t"] == "receipt" and one["number"] == last["number"]]
            patched = [
                i
                for i, one in enumerate(phone.heard)
                if one["t"] == "patch" and any(e["n"] == last["number"] for e in one["entries"])
            ]
            assert at[0] < patched[0]

    asyncio.run(story())


def test_while_people_write_pages_get_patches_and_no_redrawn_board(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room)
            badge, _ = await room.joins("Ada", "civil_servants")
            wall, phone = await room.screen("wall"), await room.screen("phone", badge)
            assert "canvas-board" in wall.heard[0]["html"]
            receipt = await phone.asks("add_note", "b", note=note(1), zone="open", text="una nota")
            await reaches(wall, receipt["number"])
            await asyncio.sleep(0.3)
            redrawn = [one for one in wall.heard[1:] if one["t"] == "view" and "canvas-board" in one.get("html", "")]
            assert not redrawn

    asyncio.run(story())


def test_a_hidden_note_is_on_nobodys_wire_but_its_authors(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room)
            ada, _ = await room.joins("Ada", "civil_servants")
            bruno, _ = await room.joins("Bruno", "social_innovators")
            others = [await room.screen("wall"), await room.screen("wall", form="json"), await room.screen("desk", KEY)]
            others += [await room.screen("phone", bruno), await room.screen("desk", KEY, form="json")]
            phone = await room.screen("phone", ada)
            receipt = await phone.asks("add_note", "b", note=note(1), zone="secret", text=CANARY)
            for other in others:
                found = await reaches(other, receipt["number"])
                assert {"n": receipt["number"], "hidden": "secret", "added": True} in found
            for screen, key in (("wall", None), ("desk", KEY), ("phone", bruno)):
                for own in (0, 1):
                    where = f"/api/sessions/{room.code}/view?screen={screen}&own={own}"
                    assert CANARY not in (await room.call("GET", where, key)).text
            for where in (f"/wall/{room.code}", f"/desk/{room.code}"):
                assert CANARY not in (await room.call("GET", where, KEY)).text
            await asyncio.sleep(0.3)
            for other in others:
                assert CANARY not in json.dumps(other.heard)
            assert CANARY in json.dumps(phone.heard)
            await room.does("show_zone", "b", zone="secret")
            await others[0].sees(lambda: CANARY in json.dumps(others[0].heard))

    asyncio.run(story())


def test_json_clients_get_the_whole_board_at_hello_and_patches_after(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room)
            ada, _ = await room.joins("Ada", "civil_servants")
            phone = await room.screen("phone", ada)
            await phone.asks("add_note", "b", note=note(1), zone="open", text="prima")
            wall = await room.screen("wall", form="json")
            view = wall.heard[0]["stage"]["view"]
            assert view["notes"][note(1)]["text"] == "prima"
            receipt = await phone.asks("add_note", "b", note=note(2), zone="open", text="seconda")
            found = await reaches(wall, receipt["number"])
            assert {one["n"]: one for one in found}[receipt["number"]]["set"]["notes"][note(2)]["text"] == "seconda"

    asyncio.run(story())


def test_where_people_are_is_told_as_counts_and_never_kept(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room)
            ada, _ = await room.joins("Ada", "civil_servants")
            phone, desk = await room.screen("phone", ada), await room.screen("desk", KEY)
            number = room.live.room.number
            phone.says({"t": "here", "stage": "b", "zone": "open", "writing": f"note:{note(1)}"})
            told = await desk.sees(lambda: [one for one in desk.heard if one.get("code") == "presence"])
            assert told[0]["zones"] == {"open": 1} and told[0]["writing"] == [f"note:{note(1)}"]
            assert room.live.room.number == number

    asyncio.run(story())


def test_each_table_has_its_board_and_somebody_elses_is_read_only(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await room.begins(plan(canvas(boards_for="table"), talk()))
            ada, person = await room.joins("Ada", "civil_servants")
            bruno, other = await room.joins("Bruno", "social_innovators")
            await room.does("seat_people", people=[person], table="1")
            await room.does("seat_people", people=[other], table="2")
            await room.does("open_stage", stage="b")
            mine = await room.tells(ada, "add_note", "b", note=note(1), zone="t1.open", text="al mio tavolo")
            assert mine.status_code == 200, mine.text
            theirs = await room.tells(bruno, "add_note", "b", note=note(2), zone="t1.open", text="al tuo tavolo")
            assert theirs.status_code == 409

    asyncio.run(story())


def test_a_board_is_the_same_after_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room)
            ada, _ = await room.joins("Ada", "civil_servants")
            for n in range(5):
                await room.tells(ada, "add_note", "b", note=note(n), zone="secret", text=f"nota {n}")
            await room.does("show_zone", "b", zone="secret")
            code = room.code
            before = (await room.call("GET", f"/api/sessions/{code}/view?screen=wall&own=0")).json()
        async with inside(tmp_path) as room:
            after = (await room.call("GET", f"/api/sessions/{code}/view?screen=wall&own=0")).json()
            assert after["stage"]["view"]["notes"] == before["stage"]["view"]["notes"]
            assert after["number"] == before["number"]

    asyncio.run(story())


def test_a_table_that_comes_while_the_stage_is_open_gets_its_board_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await room.begins(plan(canvas(boards_for="table"), talk()))
            ada, _ = await room.joins("Ada", "civil_servants")
            await room.does("open_stage", stage="b")
            wall = await room.screen("wall")
            assert (await room.tells(ada, "take_table", table="7")).status_code == 200
            await wall.sees(lambda: any(one.get("all") for one in entries(wall)))
            shown = (await room.call("GET", f"/api/sessions/{room.code}/view?screen=wall&own=0")).json()
            assert "t7.open" in shown["stage"]["view"]["zones"]
            kept = await room.tells(ada, "add_note", "b", note=note(1), zone="t7.open", text="la prima")
            assert kept.status_code == 200, kept.text

    asyncio.run(story())


def test_a_board_that_opens_again_is_fetched_anew(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room)
            wall = await room.screen("wall")
            await room.does("go_next")
            await room.does("go_back")
            await wall.sees(lambda: any(one.get("all") for one in entries(wall)))

    asyncio.run(story())


def test_the_desk_sees_how_the_board_stood_at_the_end_of_a_phase(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room)
            ada, _ = await room.joins("Ada", "civil_servants")
            first = (await room.tells(ada, "add_note", "b", note=note(1), zone="open", text="prima")).json()["number"]
            await room.tells(ada, "add_note", "b", note=note(2), zone="open", text="seconda")
            where = f"/api/sessions/{room.code}/stages/b/then"
            now = (await room.call("GET", where, KEY)).json()
            assert len(now["view"]["notes"]) == 2 and now["first"] == first
            then = (await room.call("GET", f"{where}?at={first}", KEY)).json()
            assert list(then["view"]["notes"]) == [note(1)]
            assert (await room.call("GET", where)).status_code == 401
            looked = await room.call("GET", f"/api/sessions/{room.code}/stages/b/look/similar", KEY)
            assert looked.json()["similar"] == []

    asyncio.run(story())


def test_the_digest_says_what_a_board_adds_up_to(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room)
            ada, _ = await room.joins("Ada", "civil_servants")
            await room.tells(ada, "add_note", "b", note=note(1), zone="open", text="però 🙂 \u202e")
            wall = await room.screen("wall", form="json")
            await room.live.screens._digest()
            told = (await wall.sees(lambda: [one for one in wall.heard if one["t"] == "digest"]))[0]
            assert told["number"] == room.live.room.number
            assert told["hash"] == digest(wall.heard[0]["stage"]["view"])
            changed = {**wall.heard[0]["stage"]["view"], "notes": {}}
            assert told["hash"] != digest(changed)

    asyncio.run(story())


def test_notes_in_columns_are_the_same_notes(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room)
            ada, _ = await room.joins("Ada", "civil_servants")
            for n in range(3):
                await room.tells(ada, "add_note", "b", note=note(n), zone="open", text=f"nota {n}")
            await room.does("make_group", "b", group=note(9), notes=[note(1)])
            where = f"/api/sessions/{room.code}/view?screen=wall&own=0"
            plain = (await room.call("GET", where)).json()["stage"]["view"]["notes"]
            packed = (await room.call("GET", f"{where}&columns=1")).json()["stage"]["view"]["notes"]
            again: dict[str, Any] = {id: {} for id in packed["ids"]}
            for name, column in packed["columns"].items():
                for id, value in zip(packed["ids"], column, strict=True):
                    field, _, inner = name.partition(".")
                    if value is not None and inner:
                        again[id].setdefault(field, {})[inner] = value
                    elif value is not None:
                        again[id][field] = value
            assert again == plain and list(again) == list(plain)

    asyncio.run(story())


def test_a_board_keeps_a_pace_of_its_own_and_another_person_is_not_slowed_by_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await opens(room)
            ada, _ = await room.joins("Ada", "civil_servants")
            bruno, _ = await room.joins("Bruno", "social_innovators")
            most = canvas_rules.PACE[1]
            phone, other = await room.screen("phone", ada), await room.screen("phone", bruno)
            answers = []
            for n in range(most + 6):
                answers.append(await room.tells(ada, "add_note", "b", note=note(n), zone="open", text=f"nota {n}"))
            slowed = [one for one in answers if one.status_code == 429]
            assert all(one.status_code == 200 for one in answers[:most]) and slowed
            assert {one.json()["error"]["code"] for one in slowed} == {"too_fast"}
            told = [await phone.asks("add_note", "b", note=note(90 + n), zone="open", text="troppo") for n in range(3)]
            assert "too_fast" in [one.get("code") for one in told], "sockets and calls share it"
            said = await phone.asks("take_table", None, table="3")
            assert said["t"] == "receipt", "the day's own asks have the line's wider limit"
            assert (await other.asks("add_note", "b", note=note(99), zone="open", text="mia"))["t"] == "receipt"

    asyncio.run(story())
