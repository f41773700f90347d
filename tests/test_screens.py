"""What phone, wall and desk show around an activity: its name, who answered, names on a board, the network, the files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.drawing import localise
from server.sessions import plans
from server.sessions.plan import Plan
from tests.inside import Inside, inside
from tests.people import KEY, OBSTACLE, plan, poll, talk


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Inside]:
    async with inside(tmp_path / "data") as door:
        yield door


def quiz(level: str, **more: Any) -> dict[str, Any]:
    options = [{"id": "a", "text": "A", "right": True}, {"id": "b", "text": "B"}]
    question = {"id": "q1", "kind": "choice", "text": "Chi?", "options": options}
    setup = {"questions": [question], "board": "people_top", **more}
    return {"id": "quiz", "activity": "quiz", "title": {"it": "Gara"}, "level": level, "setup": setup}


def seen(door: Inside, screen: str, language: str = "it") -> dict[str, Any]:
    """The JSON view of a screen."""
    return door.live.screens.json_view(screen, language)


def region(door: Inside, screen: str, name: str, language: str = "it") -> str:
    """The text of a region as a person reads it."""
    screens = door.live.screens
    values = screens.values(screen, language)
    if screen == "desk":
        values["desk"] = screens.desk_view(language)
    return " ".join(re.sub(r"<[^>]+>", " ", screens.region(screen, name, language, values)).split())


# -- the ruler ------------------------------------------------------------------------------------------------------


async def test_the_ruler_names_the_activity_in_the_language_of_each_screen(door: Inside) -> None:
    await door.begins(plan(poll(title={"it": "Da dove partiamo", "en": "Where we start"}), talk()))
    await door.does("go_next")
    for screen in ("phone", "wall"):
        assert region(door, screen, "place").startswith("1 di 2 · Sondaggio")
        assert region(door, screen, "place", "en").startswith("1 of 2 · Poll")
    assert "1 di 2 · Sondaggio" in region(door, "desk", "place")
    assert "Da dove partiamo" in region(door, "desk", "place")
    await door.does("go_next")
    assert "2 di 2 · Presentazione" in region(door, "wall", "place")


async def test_the_name_of_an_activity_says_which_language_it_is_in(door: Inside) -> None:
    """A session in French is drawn in English; a screen reader must hear that."""
    title = {"fr": "Essai"}
    option = [{"id": "a", "text": {"fr": "A"}}, {"id": "b", "text": {"fr": "B"}}]
    question = {**OBSTACLE, "text": {"fr": "Quoi?"}, "options": option}
    await door.begins(plan(poll("poll", question, title=title), title=title, languages=["fr"], groups=[]))
    await door.does("go_next")
    assert door.live.screens.place("fr")["activity_name"].lang == "en"  # type: ignore[index]


# -- who has answered -----------------------------------------------------------------------------------------------


async def test_the_desk_never_counts_more_answers_than_people(door: Inside) -> None:
    """Over HTTP people answer without a socket, so nobody is present in the room."""
    await door.begins()
    badges = [(await door.joins(f"Persona {n}", "civil_servants"))[0] for n in range(3)]
    await door.does("go_next")
    await door.does("open_question", "poll", question="obstacle")
    for badge in badges:
        await door.tells(badge, "answer", "poll", question="obstacle", round=1, value=["a"])
    assert "3 su 3 hanno risposto" in region(door, "desk", "count")


async def test_the_desk_counts_answers_by_table_but_not_at_level_anonymous(door: Inside) -> None:
    await door.begins(plan(poll(), poll("hush", level="anonymous")))
    people = [await door.joins(f"Persona {n}") for n in range(4)]
    await door.does("go_next")
    await door.does("open_question", "poll", question="obstacle")
    assert "by_table" not in seen(door, "desk")["desk"]["answered"], "nobody sits at a table"
    await door.does("seat_people", people=[person for _, person in people[:3]], table="Rosso")
    await door.does("seat_people", people=[people[3][1]], table="Blu")
    for badge, _ in people[:2]:
        await door.tells(badge, "answer", "poll", question="obstacle", round=1, value=["a"])
    assert seen(door, "desk")["desk"]["answered"]["by_table"] == [
        {"table": "Blu", "answered": 0, "of": 1},
        {"table": "Rosso", "answered": 2, "of": 3},
    ]
    assert "Tavolo Blu 0 su 1 Tavolo Rosso 2 su 3" in region(door, "desk", "count")
    await door.does("go_next")
    await door.does("open_question", "hush", question="obstacle")
    await door.tells(people[0][0], "answer", "hush", question="obstacle", round=1, value=["a"])
    answered = seen(door, "desk")["desk"]["answered"]
    assert answered["answered"] == 1 and "by_table" not in answered
    assert "Tavolo" not in region(door, "desk", "count")


# -- a board of people ----------------------------------------------------------------------------------------------


async def board(door: Inside, level: str, *called: str) -> list[str]:
    """A quiz up to its board; gives the ids of the people, the first of whom were right."""
    await door.begins(plan(quiz(level)))
    people = [await door.joins(name) for name in called]
    await door.does("go_next")
    await door.does("open_question", "quiz", question="q1")
    for place, (badge, _) in enumerate(people):
        answer = ["b"] if place == len(people) - 1 else ["a"]
        await door.tells(badge, "answer", "quiz", question="q1", round=1, value=answer)
    for do in ("lock_question", "reveal", "explain", "show_board"):
        await door.does(do, "quiz", question="q1")
    return [person for _, person in people]


async def test_a_board_of_people_shows_names_and_its_ids_reach_the_desk_alone(door: Inside) -> None:
    ids = await board(door, "named", "Ada Negri", "Bruno")
    for screen in ("phone", "wall"):
        rows = seen(door, screen)["stage"]["view"]["board"]["rows"]
        assert rows == [{"name": "Ada Negri", "total": 1000, "rank": 1}, {"name": "Bruno", "total": 0, "rank": 2}]
        assert "Ada Negri" in region(door, screen, "now")
        page = await door.call("GET", f"/api/sessions/{door.code}/view?screen=wall")
        assert not any(person in page.text for person in ids)
    assert [row["person"] for row in seen(door, "desk")["stage"]["view"]["board"]["rows"]] == ids
    await door.does("rename_person", person=ids[0], name="Grazia Deledda")
    assert "Grazia Deledda" in region(door, "wall", "now")
    preview = await door.call("GET", f"/desk/{door.code}/preview/quiz", KEY)
    assert preview.status_code == 200 and "Grazia Deledda" in preview.text


async def test_below_level_named_nobody_stands_on_a_board(door: Inside) -> None:
    await board(door, "pseudonym", "Ada Negri", "Bruno")
    assert seen(door, "wall")["stage"]["view"]["board"]["rows"] == []
    assert "Ada Negri" not in region(door, "wall", "now")
    assert "solo dove tutte le domande sono con nome" in region(door, "wall", "now")


async def test_a_name_that_a_facilitator_should_see_first_is_left_out_where_everybody_looks(door: Inside) -> None:
    await board(door, "named", "Stronzo", "Bruno")
    for screen in ("phone", "wall"):
        assert "Stronzo" not in region(door, screen, "now") and "senza nome" in region(door, screen, "now")
    assert seen(door, "desk")["stage"]["view"]["board"]["rows"][0]["name"] == "Stronzo"


# -- what people type to the session itself -------------------------------------------------------------------------


async def test_a_line_beside_the_pause_and_a_tables_label_are_one_clean_line(door: Inside) -> None:
    await door.begins()
    badge, person = await door.joins("Ada")
    await door.does("go_next")
    await door.does("pause", message="\u202e Si parla \n ai tavoli\x00 ")
    assert "Si parla ai tavoli" in region(door, "phone", "now") and "Si parla ai tavoli" in region(door, "wall", "now")
    await door.does("resume")
    await door.does("pause", message="\x00 \n")
    assert "Il telefono riparte da solo." in region(door, "phone", "now")
    await door.tells(badge, "take_table", table="\u202e 1\n a ")
    assert door.live.room.folded.session.people[person].table == "1 a"
    nothing = await door.tells(badge, "take_table", table=" \x00")
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (409, "empty")
    await door.does("seat_people", people=[person], table=" \n")
    assert door.live.room.folded.session.people[person].table is None


# -- the way in and out ---------------------------------------------------------------------------------------------


async def test_wall_and_desk_say_which_network_to_join_when_the_organiser_has_said_it(tmp_path: Path) -> None:
    async with inside(tmp_path / "said", wifi_name="Sala <Rossa>") as door:
        await door.begins()
        for path in (f"/wall/{door.code}", f"/desk/{door.code}"):
            page = (await door.call("GET", path, KEY)).text
            assert "Wi-Fi: Sala &lt;Rossa&gt;" in page and "<Rossa>" not in page, path
        assert "Entrate nella rete Wi-Fi Sala &lt;Rossa&gt;" in region(door, "wall", "now")
        await door.does("go_next")
        assert "Per entrare · Wi-Fi: Sala &lt;Rossa&gt;" in region(door, "wall", "foot")
    async with inside(tmp_path / "unsaid") as door:
        await door.begins()
        for path in (f"/wall/{door.code}", f"/desk/{door.code}"):
            assert "Wi-Fi:" not in (await door.call("GET", path, KEY)).text
        assert "Entrate nella rete Wi-Fi della sala" in region(door, "wall", "now")


async def test_every_file_that_the_desk_offers_is_there(door: Inside) -> None:
    await door.begins()
    running = (await door.call("GET", f"/desk/{door.code}", KEY)).text
    await door.does("end_session")
    for page in (
        running,
        (await door.call("GET", f"/desk/{door.code}", KEY)).text,
        (await door.call("GET", "/desk", KEY)).text,
    ):
        offered = set(re.findall(r'href="([^"]+)" download', page))
        assert {path.rpartition(".")[2] for path in offered} == {
            "pdf",
            "docx",
            "xlsx",
            "csv",
            "json",
            "zip",
            "ics",
        } and len(offered) == 8
        for path in offered:
            assert (await door.call("GET", path, KEY)).status_code == 200, path


async def test_the_plan_that_is_downloaded_makes_the_same_session_again(door: Inside) -> None:
    made = plans.named("includimi/sensitisation")
    assert made is not None
    await door.begins(made)
    stage = next(stage for stage in made["stages"] if stage["activity"] == "quiz")["id"]
    file = {"file": ("a.txt", b"Quanti sono?\nA. uno\nB. due\nANSWER: B\n")}
    path = f"/api/sessions/{door.code}/stages/{stage}/import"
    assert (await door.call("POST", path, KEY, files=file)).status_code == 200
    first = door.live.room.folded.session
    taken = await door.call("GET", f"/desk/{door.code}/plan.json", KEY)
    assert "attachment" in taken.headers["content-disposition"]
    again = await door.call("POST", "/desk/plans", KEY, files={"file": ("piano.json", taken.content)})
    assert again.status_code == 303, again.text
    door.code = again.headers["location"].rpartition("/")[2]
    second = door.live.room.folded.session
    assert isinstance(first.plan, Plan) and isinstance(second.plan, Plan)
    assert [second.setup(one.id) for one in second.plan.stages] == [first.setup(one.id) for one in first.plan.stages]
    assert len(second.setup(stage)["questions"]) == len(first.plan.stage(stage).setup["questions"]) + 1  # type: ignore[union-attr]
    bare = [plan.model_dump(exclude={"stages": {"__all__": {"setup"}}}) for plan in (first.plan, second.plan)]
    assert bare[0] == bare[1]
    assert localise(second.plan.title, "it") == made["title"]["it"]


# -- what cannot be drawn --------------------------------------------------------------------------------------------


async def test_a_screen_that_cannot_be_drawn_keeps_no_other_from_its_view(
    door: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    await door.begins(plan(poll()))
    badge, _ = await door.joins("Ada", "civil_servants")
    phone = await door.screen("phone", badge, "html")
    wall = await door.screen("wall", None, "html")
    drawn = door.live.screens._draw

    def breaks(audience: Any) -> Any:
        if audience.screen == "phone":
            raise RuntimeError("a bug in a template")
        return drawn(audience)

    monkeypatch.setattr(door.live.screens, "_draw", breaks)
    await door.does("go_next")
    await wall.sees(lambda: any(frame["t"] == "view" for frame in wall.heard))
    monkeypatch.setattr(door.live.screens, "_draw", drawn)
    await door.does("open_question", "poll", question="obstacle")
    await phone.sees(
        lambda: any(frame["t"] == "view" and 'data-stage="poll"' in frame["html"] for frame in phone.heard)
    )
