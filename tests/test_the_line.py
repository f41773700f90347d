"""One tap on a phone reaches every screen: order, double taps, rates, levels, and what nobody may see."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from server.live import envelope
from tests.people import OBSTACLE, Day, Refusal, officina, plan, poll, talk


async def with_open_poll(day: Day) -> Any:
    """Carla's desk, with the poll's question open."""
    carla = await day.carla()
    await open_stage(carla, "poll")
    await carla.asks("open_question", "poll", question="obstacle")
    return carla


async def open_stage(desk: Any, stage: str) -> int:
    frame = {
        "t": "ask",
        "id": f"open-{stage}-{desk.number}-{len(desk.frames)}",
        "stage": None,
        "do": "open_stage",
        "with": {"stage": stage},
    }
    await desk.says(json.dumps(frame))
    await desk.sees(lambda: frame["id"] in desk.answers)
    answer = desk.answers[frame["id"]]
    if answer["t"] == "refusal":
        raise Refusal(answer)
    return int(answer["number"])


async def test_one_tap_reaches_the_desk_and_the_wall_and_comes_back_as_a_receipt(day: Day) -> None:
    carla = await with_open_poll(day)
    wall = await day.wall()
    ada = await day.ada()
    number = await ada.answers_with(["a"])
    await ada.sees(lambda: ada.mine.get("value") == ["a"])
    await wall.sees(lambda: wall.view.get("answered") == 1)
    await carla.sees(lambda: carla.view.get("answered") == 1)
    kept = [fact for fact in await day.facts() if fact["kind"] == "answered"]
    assert [(fact["number"], fact["person"], fact["body"]["value"]) for fact in kept] == [(number, ada.person, ["a"])]


async def test_other_phones_are_told_nothing_of_an_answer_while_the_question_is_open(day: Day) -> None:
    await with_open_poll(day)
    ada, bruno = await day.ada(), await day.bruno()
    before = len(bruno.frames)
    await ada.answers_with(["b"])
    await ada.sees(lambda: ada.mine.get("value") == ["b"])
    await asyncio.sleep(0.15)
    seen = [frame for frame in bruno.frames[before:] if frame["t"] == "view" and "stage" in frame]
    assert seen == []


@pytest.mark.promise("G2")
async def test_G2_a_double_tap_counts_once_and_gets_the_same_receipt(day: Day) -> None:
    await with_open_poll(day)
    ada = await day.ada()
    first = await ada.asks("answer", "poll", id="tap", question="obstacle", round=1, value=["a"])
    again = await ada.asks("answer", "poll", id="tap", question="obstacle", round=1, value=["b"])
    assert first == again
    assert [fact["body"]["value"] for fact in await day.facts() if fact["kind"] == "answered"] == [["a"]]


@pytest.mark.promise("G2")
async def test_G2_the_same_ask_twice_in_one_batch_and_once_over_http_counts_once(day: Day) -> None:
    await with_open_poll(day)
    ada = await day.ada()
    ask = {"id": "twin", "stage": "poll", "do": "answer", "with": {"question": "obstacle", "round": 1, "value": ["c"]}}
    for _ in range(5):
        await ada.says(json.dumps({"t": "ask", **ask}))
    await ada.sees(lambda: sum(frame.get("id") == "twin" for frame in ada.frames) == 5)
    numbers = {frame["number"] for frame in ada.frames if frame.get("id") == "twin"}
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", ada.badge, json=ask)
    assert answer.status_code == 200 and {answer.json()["number"]} == numbers
    assert sum(fact["kind"] == "answered" for fact in await day.facts()) == 1


@pytest.mark.promise("G2")
async def test_G2_two_people_may_use_the_same_ask_id(day: Day) -> None:
    await with_open_poll(day)
    ada, bruno = await day.ada(), await day.bruno()
    for phone in (ada, bruno):
        await phone.asks("answer", "poll", id="1", question="obstacle", round=1, value=["a"])
    assert sum(fact["kind"] == "answered" for fact in await day.facts()) == 2


async def test_numbers_have_no_gaps_and_answers_stand_in_the_order_of_their_receipts(day: Day) -> None:
    await with_open_poll(day)
    phones = [await day.joins(f"n{n}") for n in range(20)]
    numbers = await asyncio.gather(*(phone.answers_with(["a"]) for phone in phones))
    facts = await day.facts()
    assert [fact["number"] for fact in facts] == list(range(1, len(facts) + 1))
    assert len(set(numbers)) == 20


async def test_a_changed_answer_counts_once(day: Day) -> None:
    carla = await with_open_poll(day)
    ada = await day.ada()
    for value in (["a"], ["b"], ["c"]):
        await ada.answers_with(value)
    await carla.sees(lambda: carla.view.get("answered") == 1)
    await carla.asks("lock_question", "poll", question="obstacle")
    await carla.asks("reveal", "poll", question="obstacle")
    await ada.sees(lambda: ada.view.get("state") == "revealed")
    counts = {option["id"]: option["count"] for option in ada.view["question"]["options"]}
    assert counts == {"a": 0, "b": 0, "c": 1}


async def test_a_late_answer_is_refused_and_says_why_in_the_persons_language(day: Day) -> None:
    carla = await with_open_poll(day)
    ada = await day.ada(language="en")
    bruno = await day.bruno()
    await carla.asks("lock_question", "poll", question="obstacle")
    texts = []
    for phone in (ada, bruno):
        frame = await phone.tries("answer", "poll", question="obstacle", round=1, value=["a"])
        assert (frame["t"], frame["code"], frame["again"]) == ("refusal", "locked", False)
        texts.append(frame["text"])
    assert texts[0] != texts[1] and all(" " in text for text in texts)


async def test_an_ask_for_a_stage_that_is_not_open_is_refused(day: Day) -> None:
    ada = await day.ada()
    frame = await ada.tries("answer", "poll", question="obstacle", round=1, value=["a"])
    assert frame["code"] == "stage_closed"
    frame = await ada.tries("answer", "nowhere", question="obstacle", round=1, value=["a"])
    assert frame["code"] == "unknown_stage"


async def test_a_newcomer_gets_the_moment_as_it_is(day: Day) -> None:
    await with_open_poll(day)
    ada = await day.ada()
    assert ada.view.get("state") == "open"
    assert ada.frames[0]["t"] == "welcome" and ada.mine == {"question": "obstacle", "round": 1}


async def test_the_newest_tab_of_a_badge_wins_and_the_older_one_hears_4001(day: Day) -> None:
    ada = await day.ada()
    again = type(ada)(day, "Ada again", "phone", "json", ada.badge, ada.person)
    await again.comes()
    await ada.sees(lambda: ada.closed)
    assert ada.closed == 4001 and again.closed is None
    await again.leaves()


async def test_a_phone_without_a_badge_is_forbidden_and_a_wall_needs_none(day: Day) -> None:
    wall = await day.wall()
    assert wall.closed is None
    stranger = type(wall)(day, "a stranger", "phone")
    await stranger.comes()
    assert stranger.closed == 4003


async def test_html_and_json_screens_are_given_the_same_stage(day: Day) -> None:
    await with_open_poll(day)
    page = await day.joins("Ada", form="html")
    data = await day.joins("Bruno", form="json")
    assert 'data-stage="poll"' in page.html[0]
    for option in data.view["question"]["options"]:
        assert option["text"] in page.html[0].replace("&#39;", "'")


async def test_at_most_ten_views_a_second_reach_a_screen(day: Day) -> None:
    await with_open_poll(day)
    phones = [await day.joins(f"n{n}") for n in range(30)]
    wall = await day.wall()
    before = len(wall.numbers)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(5):
        await asyncio.gather(*(phone.answers_with(["a"]) for phone in phones[:6]))
    await wall.sees(lambda: wall.view.get("answered") == 6)
    allowed = (loop.time() - began) * 10 + 2
    assert len(wall.numbers) - before <= allowed


async def test_two_sessions_never_hear_each_other(tmp_path: Path) -> None:
    async with officina(tmp_path) as day:
        await day.begins(plan(poll("poll", {**OBSTACLE, "text": {"it": "PRIMA", "en": "FIRST"}})))
        await with_open_poll(day)
        ada = await day.ada()
        first = day.code
        await day.begins(plan(poll("poll", {**OBSTACLE, "text": {"it": "SECONDA", "en": "SECOND"}})))
        await with_open_poll(day)
        bruno = await day.bruno()
        await bruno.answers_with(["a"])
        assert ada.badge is not None
        stolen = await day.api("GET", f"/api/sessions/{day.code}/view?screen=phone", ada.badge)
        assert stolen.status_code == 401
        assert "SECONDA" not in json.dumps(ada.frames) and "PRIMA" not in json.dumps(bruno.frames)
        assert (await day.api("GET", f"/api/sessions/{first}/me", bruno.badge)).status_code == 401


async def test_an_anonymous_answer_is_kept_under_a_token_that_is_not_the_person(tmp_path: Path) -> None:
    async with officina(tmp_path) as day:
        await day.begins(plan(poll("poll", level="anonymous")))
        await with_open_poll(day)
        ada = await day.ada()
        await ada.answers_with(["a"])
        await ada.answers_with(["b"])
        await ada.sees(lambda: ada.mine.get("value") == ["b"])
        kept = [fact for fact in await day.facts() if fact["kind"] == "answered"]
        assert len({fact["person"] for fact in kept}) == 1
        assert ada.person not in json.dumps(kept)
        assert all(fact["at"] % 60_000 == 0 and fact["group"] is None for fact in kept)
        again = type(ada)(day, "Ada back", "phone", "json", ada.badge, ada.person)
        await again.comes()
        assert again.mine.get("value") == ["b"]
        await again.leaves()


async def test_a_flood_is_slowed_and_then_cut_while_others_go_on(day: Day) -> None:
    await with_open_poll(day)
    ada, bruno = await day.ada(), await day.bruno()
    for n in range(400):
        await ada.says(json.dumps({"t": "ask", "id": f"f{n}", "stage": "poll", "do": "nothing", "with": {}}))
    await ada.sees(lambda: ada.closed)
    assert ada.closed == 4009
    assert any(frame.get("code") == "too_fast" and frame["again"] for frame in ada.frames)
    await bruno.answers_with(["a"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '{"t":1}',
        '{"t":"ask"}',
        '{"t":"ask","id":"","do":"x"}',
        '{"t":"ask","id":"a","do":5}',
        "x" * 1000,
    ]
    + ['{"t":"ask","id":"a","stage":null,"do":"x","with":' + '{"a":' * 12 + "1" + "}" * 12 + "}"]
    + ['{"t":"ask","id":"a","do":"x","with":{' + ",".join(f'"k{n}":1' for n in range(80)) + "}}"],
)
async def test_bytes_that_are_no_frame_are_answered_with_a_notice_and_lose_nothing(day: Day, text: str) -> None:
    await with_open_poll(day)
    ada = await day.ada()
    await ada.says(text)
    await ada.answers_with(["a"])
    assert ada.closed is None


async def test_a_binary_frame_and_an_oversized_one_end_only_their_own_socket(day: Day) -> None:
    await with_open_poll(day)
    ada, bruno = await day.ada(), await day.bruno()
    await ada.says(b"\x00\x01")
    await ada.sees(lambda: ada.closed)
    assert ada.closed == 1003
    await bruno.says("x" * (envelope.MAX_BYTES + 10))
    await bruno.sees(lambda: bruno.closed)
    assert bruno.closed == 1009


async def test_stages_go_forward_and_back_and_lose_no_vote(tmp_path: Path) -> None:
    async with officina(tmp_path) as day:
        await day.begins(plan(talk(), poll(), talk("end")))
        carla = await day.carla()
        ada = await day.ada()
        await carla.asks("go_next")
        await carla.asks("go_next")
        await carla.asks("open_question", "poll", question="obstacle")
        await ada.answers_with(["b"])
        for _ in range(10):
            await carla.asks("go_next")
            await carla.asks("go_back")
        await ada.sees(lambda: ada.stage and ada.stage["id"] == "poll" and ada.mine.get("value") == ["b"])
        await carla.sees(lambda: carla.view.get("answered") == 1)


async def test_a_pause_shows_a_calm_card_and_stops_the_clock(day: Day) -> None:
    carla = await with_open_poll(day)
    ada = await day.joins("Ada", form="html")
    await carla.asks("pause", message="Il tavolo 3 racconta")
    await ada.sees(lambda: "Il tavolo 3 racconta" in ada.html[-1] or "Il tavolo 3 racconta" in "".join(ada.html))
    await carla.sees(lambda: carla.session["state"] == "paused")
    await carla.sees(lambda: carla.desk.get("clock_running") is False)
    await carla.asks("resume")
    await carla.sees(lambda: carla.session["state"] == "open" and carla.desk["clock_running"])


async def test_a_locked_room_lets_nobody_new_in_and_keeps_those_who_are(day: Day) -> None:
    carla = await day.carla()
    ada = await day.ada()
    await carla.asks("lock_room")
    answer = await day.api("POST", f"/api/sessions/{day.code}/badges", None, json={}, headers={"Origin": day.url})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "room_locked")
    await ada.leaves()
    await ada.comes()
    assert ada.closed is None


async def test_a_removed_person_is_shut_out_and_a_renamed_one_sees_the_new_name(day: Day) -> None:
    carla = await day.carla()
    ada, bruno = await day.ada(), await day.joins("Bruno", form="html")
    await carla.asks("rename_person", person=bruno.person, name="  Bruno\u202e il  Grande ")
    await bruno.sees(lambda: any("Bruno il Grande" in html for html in bruno.html))
    assert "Grande" not in json.dumps(await day.facts())
    await carla.asks("remove_people", people=[ada.person])
    await ada.sees(lambda: ada.closed)
    assert ada.closed == 4003
    answer = await day.api("GET", f"/api/sessions/{day.code}/view?screen=phone", ada.badge)
    assert answer.status_code == 403


async def test_a_rehearsal_is_gone_with_one_ask_and_leaves_no_answer_behind(day: Day) -> None:
    carla = await with_open_poll(day)
    ada = await day.ada()
    dummy = await day.joins("Prova", rehearsal=True)
    await ada.answers_with(["a"])
    await dummy.answers_with(["b"])
    await carla.sees(lambda: carla.view.get("answered") == 2)
    await carla.asks("remove_rehearsal")
    await carla.sees(lambda: carla.view.get("answered") == 1)
    await dummy.sees(lambda: dummy.closed)


async def test_an_ended_session_takes_no_asks_and_says_goodbye(day: Day) -> None:
    carla = await with_open_poll(day)
    ada = await day.ada()
    await carla.asks("end_session")
    await ada.sees(lambda: ada.session["state"] == "ended")
    await ada.sees(lambda: ada.closed)
    assert ada.closed == 4010
    ask = {"id": "late", "stage": "poll", "do": "answer", "with": {"question": "obstacle", "round": 1, "value": ["a"]}}
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", ada.badge, json=ask)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "session_over")


async def test_the_day_knows_how_far_behind_it_is_and_cuts_the_rest(tmp_path: Path) -> None:
    async with officina(tmp_path) as day:
        await day.begins(plan(talk("one", minutes=1), talk("two", minutes=10), talk("three", minutes=20)))
        carla = await day.carla()
        await carla.asks("go_next")
        await carla.asks("add_time", seconds=600)
        await carla.sees(lambda: carla.desk["behind_minutes"] == 10)
        await carla.asks("cut_rest", minutes=10)
        await carla.sees(lambda: carla.desk["behind_minutes"] == 0)
        assert [stage["minutes"] for stage in carla.desk["stages"]] == [1, 7, 13]
