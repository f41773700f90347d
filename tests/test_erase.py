"""Erasing a person: what goes, what stays, and that their bytes are nowhere afterwards (promise G17)."""

from __future__ import annotations

import asyncio
import json
import shutil
import types
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, Field

from server import activities
from server.activities.contract import AFact, FreeText, Marked, Message, Text
from server.live.room import rehearsal_removed
from server.moment import fresh
from server.outcomes import erase, marks
from server.outcomes.folding import folded_anew
from server.sessions.answers import Failed
from server.storage import backup
from tests.people import KEY, Day, officina, plan

NAME = "Zaffirella Quattrocanarini"
WORD = "quokkamarina"
SECRET = "ornitorincolo"
TYPED = "brontolosauride"
CANARIES = (NAME, WORD, SECRET, TYPED)

TITLE = {"it": "Tappa", "en": "Stage"}


def words(id: str, level: str) -> dict[str, Any]:
    setup = {"prompt": {"it": "Che cosa serve?", "en": "What is needed?"}, "each": 3}
    return {"id": id, "activity": "words", "title": TITLE, "level": level, "setup": setup}


def quiz() -> dict[str, Any]:
    question = {"id": "q1", "kind": "typed", "text": {"it": "Quale fondo?"}, "accepted": {"it": ["FSE"]}}
    return {"id": "quiz", "activity": "quiz", "title": TITLE, "setup": {"questions": [question]}}


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[Day]:
    async with officina(tmp_path) as day:
        await day.begins(plan(words("cloud", "pseudonym"), words("hush", "anonymous"), quiz()))
        yield day


async def says(day: Day, key: str, do: str, stage: str | None = None, **having: Any) -> None:
    ask = {"id": fresh(), "stage": stage, "do": do, "with": having}
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", key, json=ask)
    assert answer.status_code == 200, answer.text


async def the_day_goes(day: Day, ada: str, bruno: str) -> None:
    """Ada says her word, her secret word and her answer; Bruno says others, and one of hers."""
    await opens(day, "cloud")
    await says(day, ada, "add_word", "cloud", text=WORD)
    await says(day, ada, "add_word", "cloud", text="Fiducia")
    await says(day, bruno, "add_word", "cloud", text="Fiducia")
    await says(day, bruno, "add_word", "cloud", text="Tempo")
    await says(day, KEY, "merge_words", "cloud", **{"from": WORD, "into": "tempo"})
    await opens(day, "hush")
    await says(day, ada, "add_word", "hush", text=SECRET)
    await says(day, bruno, "add_word", "hush", text="Paura")
    await opens(day, "quiz")
    await says(day, KEY, "open_question", "quiz", question="q1")
    await says(day, ada, "answer", "quiz", question="q1", round=1, value=TYPED)
    await says(day, bruno, "answer", "quiz", question="q1", round=1, value="FSE")
    await says(day, KEY, "lock_question", "quiz", question="q1")
    await says(day, KEY, "accept_text", "quiz", question="q1", text=TYPED)


async def opens(day: Day, stage: str) -> None:
    ask = {"id": fresh(), "stage": None, "do": "open_stage", "with": {"stage": stage}}
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", json=ask)
    assert answer.status_code == 200, answer.text


def found(folder: Path) -> set[tuple[str, str]]:
    """(canary, file) wherever one of the canaries stands in a file of the data folder."""
    hits = set()
    for file in folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            hits |= {(canary, file.name) for canary in CANARIES if canary.encode() in data}
    return hits


async def erases_herself(day: Day, badge: str) -> None:
    headers = {"Origin": day.url}
    answer = await day.api("DELETE", f"/api/sessions/{day.code}/me", badge, headers=headers)
    assert answer.status_code == 204, answer.text


BOARD = {
    "key": "b",
    "title": TITLE,
    "zones": [{"key": "z", "role": "obstacle", "title": TITLE, "at": [1, 1, 12, 8], "may": {"edit": "everyone"}}],
}


@pytest.mark.promise("G17")
async def test_a_note_goes_with_its_author_from_board_history_drafts_and_dossier(tmp_path: Path) -> None:
    stages = [
        {"id": "board", "activity": "canvas", "title": TITLE, "setup": {"board": BOARD}},
        {"id": "ideas", "activity": "idea", "title": TITLE, "setup": {"form": "card", "per": "room"}},
        words("cloud", "pseudonym"),
    ]
    async with officina(tmp_path) as day:
        await day.begins(plan(*stages, path="prova"))
        ada, bruno = await day.badge("civil_servants", NAME), await day.badge("social_innovators", "Bruno")
        await opens(day, "board")
        await says(day, ada["badge"], "add_note", "board", note="n" * 16, zone="z", text=WORD)
        await says(day, bruno["badge"], "add_note", "board", note="m" * 16, zone="z", text="Fiducia")
        await says(day, KEY, "draft_idea", "board", idea="i" * 16, notes=["n" * 16, "m" * 16])
        await says(day, bruno["badge"], "edit_text", "board", note="n" * 16, text="Regole chiare", base=1)
        await opens(day, "ideas")
        await says(day, ada["badge"], "argue", "ideas", idea="i" * 16, argument="a1", side="for", text=TYPED)
        await says(day, bruno["badge"], "argue", "ideas", idea="i" * 16, argument="a2", side="against", text="Costa")
        await opens(day, "cloud")
        await day.house.paths.rest()
        dossier = day.house.paths.live["prova"].line
        assert {canary for canary, _ in found(tmp_path)} >= {WORD, TYPED}
        await erases_herself(day, ada["badge"])
        assert found(tmp_path) == set()
        kept = str(dossier.folded.ideas.ideas["i" * 16])
        assert "Costa" in kept and TYPED not in kept
        assert "Regole chiare" in str(day.house.rooms.live[day.code].room.folded.runs["board"])


def market() -> dict[str, Any]:
    return {"id": "market", "activity": "marketplace", "title": TITLE, "setup": {"rounds": 1}}


async def the_market_goes(day: Day, ada: str, bruno: str) -> None:
    """Ada brings a practice, says who looks after an activity and what it is about; Bruno says his own of both."""
    card = {"title": WORD, "offers": ["orti", SECRET], "results": [{"value": SECRET, "evidence": "registro"}]}
    await opens(day, "market")
    for badge, name in ((ada, "Torino"), (bruno, "Lyon")):
        await says(day, badge, "say_organisation", "market", organisation=name)
    await says(day, ada, "add_practice", "market", stall="s" * 16, fields=card)
    await says(day, bruno, "add_practice", "market", stall="t" * 16, fields={"title": "Misurare", "needs": ["orti"]})
    await says(day, KEY, "go_to", "market", phase="panel")
    await says(day, ada, "propose_peer", "market", peer="p" * 16, parties=["torino", "lyon"], topic=TYPED)
    await says(day, ada, "set_peer", "market", peer="p" * 16, base=2, set={"owner": NAME, "first_step": WORD})
    await says(day, bruno, "set_peer", "market", peer="p" * 16, base=3, set={"owner": "Bruno"})


@pytest.mark.promise("G17")
async def test_a_practice_and_the_owner_of_an_activity_go_with_who_wrote_them_from_session_and_path(
    tmp_path: Path,
) -> None:
    async with officina(tmp_path) as day:
        await day.begins(plan(market(), words("cloud", "pseudonym"), path="prova"))
        ada, bruno = await day.badge("civil_servants", NAME), await day.badge("social_innovators", "Bruno")
        await the_market_goes(day, ada["badge"], bruno["badge"])
        await opens(day, "cloud")
        await day.house.paths.rest()
        line = day.house.paths.live["prova"].line
        assert line.folded.peers.followed["p" * 16].activity.topic == TYPED
        # The desk writes the same words in another field: they are hers all the same.
        body = {"id": fresh(), "stage": None, "do": "follow_peer"}
        body["with"] = {"peer": "p" * 16, "set": {"result": WORD, "status": "done"}}
        assert (await day.api("POST", "/api/paths/prova/asks", KEY, json=body)).status_code == 200
        await erases_herself(day, ada["badge"])
        assert found(tmp_path) == set()
        one = line.folded.peers.followed["p" * 16].activity
        assert (one.topic, one.first_step, one.result, one.status) == (None, None, None, "done")
        assert {party.name: party.owner for party in one.parties} == {"Torino": None, "Lyon": "Bruno"}
        hers, his = (line.folded.peers.practices[day.code, sign * 16].practice for sign in "st")
        assert not any(hers.title.values()) and [*his.title.values()] == ["Misurare"]
        assert [[*tag.values()] for tag in hers.offers] == [["orti"], [""]], "Bruno had said the one word too"
        for kind in ("json", "docx", "xlsx"):
            assert (await day.api("GET", f"/api/paths/prova/export.{kind}")).status_code == 200
        assert (await day.api("GET", "/desk/paths/prova")).status_code == 200


def rooms(*names: str) -> list[dict[str, Any]]:
    """A marketplace of two stalls and a round of tables, and a talk after them."""
    stalls = [{"id": f"s{n}", "title": name, "capacity": 4} for n, name in enumerate(names, 1)]
    setup = {"stalls": stalls, "rounds": 2}
    seating = {"tables": 2, "rounds": 2, "steps": 2_000, "organisation": "ask"}
    return [
        {"id": "market", "activity": "marketplace", "title": TITLE, "setup": setup},
        {"id": "tables", "activity": "tables", "title": TITLE, "setup": seating},
        words("cloud", "pseudonym"),
    ]


async def until(what: Callable[[], Any]) -> None:
    """Waits for what the house works out by itself."""
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.005)


async def has_a_plan(day: Day) -> None:
    def state() -> Any:
        return day.house.rooms.live[day.code].room.folded.runs["market"]

    await says(day, KEY, "ask_for_plan", "market")
    await until(lambda: state().asked is None)
    assert state().offered is not None, "the work was given up"
    await says(day, KEY, "publish_plan", "market", plan=state().offered.number)


async def shown_of(day: Day, badge: str) -> str:
    """What the three screens hold of the session, as one text."""
    told = []
    for screen, key in (("phone", badge), ("desk", KEY), ("wall", None)):
        answer = await day.api("GET", f"/api/sessions/{day.code}/view?screen={screen}", key)
        assert answer.status_code == 200, answer.text
        told.append(answer.text)
    return " ".join(told)


@pytest.mark.promise("G17")
@pytest.mark.parametrize("by_host", [False, True], ids=["by herself", "by the facilitator"])
async def test_of_a_marketplace_goes_what_a_person_wished_said_and_worked_for_and_their_visits_stay_as_counts(
    tmp_path: Path, by_host: bool
) -> None:
    async with officina(tmp_path) as day:
        await day.begins(plan(*rooms("Patti", "Valutare")))
        ada, bruno, dora = [await day.badge(None, name) for name in (NAME, "Bruno", "Dora")]
        who = ada["person"]
        await opens(day, "market")
        for badge, name in ((ada, SECRET), (bruno, "Lyon"), (dora, "Glasgow")):
            await says(day, badge["badge"], "say_organisation", "market", organisation=name)
            await says(day, badge["badge"], "wish", "market", stall="s1", level=3)
        await says(day, ada["badge"], "avoid", "market", stall="s2", on=True)
        await says(day, ada["badge"], "present", "market", stall="s2", on=True)
        await says(day, ada["badge"], "turn_away", "market", stall="s2", organisation="lyon", on=True)
        await says(day, ada["badge"], "write_note", "market", note="n" * 16, stall="s1", kind="question", text=WORD)
        await says(day, bruno["badge"], "write_note", "market", note="m" * 16, stall="s1", kind="note", text="Orti")
        await has_a_plan(day)
        await says(day, KEY, "start_round", "market")
        for one in (ada, bruno, dora):
            await says(day, one["badge"], "check_in", "market", stall="s1")
        await says(day, ada["badge"], "rate_visit", "market", round=1, how="useful")
        await says(day, KEY, "end_round", "market")
        await says(day, KEY, "go_to", "market", phase="panel")
        await says(day, ada["badge"], "say_tags", "market", offers=[TYPED], needs=["orti"])
        await says(day, ada["badge"], "want_peer", "market", organisation="lyon", strength=3, kind="both", topic=TYPED)
        await says(day, ada["badge"], "avoid_peer", "market", organisation="glasgow", on=True)
        # The facilitator says where she works too, in other words.
        await says(day, KEY, "set_organisation", "market", person=who, organisation=f"{WORD} {SECRET}")
        assert {canary for canary, _ in found(tmp_path)} == set(CANARIES)
        told = (await day.api("GET", f"/api/sessions/{day.code}/me", ada["badge"])).json()
        assert all(canary in str(told["facts"]) for canary in (WORD, SECRET, TYPED, f"{WORD} {SECRET}"))
        assert "Lyon" not in str(told["facts"]) and "Orti" not in str(told["facts"])

        if by_host:
            answer = await day.api("POST", f"/desk/{day.code}/people/{who}/erase", KEY, json={})
            assert answer.status_code == 204
        else:
            await erases_herself(day, ada["badge"])
        assert found(tmp_path) == set()
        live = day.house.rooms.live[day.code]
        room = live.room
        state = room.folded.runs["market"]
        facts = await room.journal.after(room.line, 0)
        assert room.folded == folded_anew(room, facts, rehearsal_removed(facts))
        own = {fact.kind: json.loads(fact.body) for fact in facts if fact.person == who and fact.stage == "market"}
        assert (own["wished"]["level"], own["avoided"]["stall"], own["turned_away"]["organisation"]) == (None, "", "")
        assert own["peer_wanted"] | {"strength": 0} == {
            "organisation": "", "other": "", "strength": 0, "wants": "both", "topic": None,
        }  # fmt: skip
        assert who not in state.wishes and who not in state.never and not state.organisation_of.get(who)
        assert {name for name in state.names.values() if name} == {"Lyon", "Glasgow"}
        assert [note.text for note in state.notes.values() if note.text] == ["Orti"]
        assert "s2" not in state.turned_away and not state.wants and not state.avoids
        assert set(state.stays[1]) == {one["person"] for one in (ada, bruno, dora)}, "visits stay, as counts need them"
        shown = await shown_of(day, bruno["badge"])
        assert not [canary for canary in (*CANARIES, who) if canary in shown]
        # The day goes on without her.
        await says(day, KEY, "go_to", "market", phase="rounds")
        await has_a_plan(day)
        await opens(day, "cloud")
        for kind in ("json", "xlsx"):
            assert (await day.api("GET", f"/api/sessions/{day.code}/export.{kind}")).status_code == 200


@pytest.mark.promise("G17")
@pytest.mark.parametrize("by_host", [False, True], ids=["by herself", "by the facilitator"])
async def test_of_the_tables_goes_where_a_person_works_their_seat_and_beside_whom_they_shall_not_sit(
    tmp_path: Path, by_host: bool
) -> None:
    async with officina(tmp_path) as day:
        await day.begins(plan(*rooms("Patti")))
        cast = [await day.badge(None, name) for name in (NAME, "Bruno", "Dora", "Elio", "Fede")]
        ids = [one["person"] for one in cast]
        ada, bruno = cast[:2]
        await opens(day, "tables")
        await says(day, ada["badge"], "say_organisation", "tables", organisation=SECRET)
        await says(day, bruno["badge"], "say_organisation", "tables", organisation="Lyon")
        await says(day, KEY, "keep_apart", "tables", one=ids[0], other=ids[1])
        await says(day, KEY, "keep_apart", "tables", one=ids[1], other=ids[2])
        await says(day, KEY, "pin_person", "tables", person=ids[0], table="1")

        def state() -> Any:
            return day.house.rooms.live[day.code].room.folded.runs["tables"]

        await says(day, KEY, "ask_for_seating", "tables", seed=1)
        await until(lambda: state().draft)
        await says(day, KEY, "publish_seating", "tables")
        session = day.house.rooms.live[day.code].room.folded.session
        seats = {id: one.table for id, one in session.people.items()}
        assert seats[ids[0]] == "1" and all(seats.values())
        assert {canary for canary, _ in found(tmp_path)} == {NAME, SECRET}

        if by_host:
            answer = await day.api("POST", f"/desk/{day.code}/people/{ids[0]}/erase", KEY, json={})
            assert answer.status_code == 204
        else:
            await erases_herself(day, ada["badge"])
        assert found(tmp_path) == set()
        room = day.house.rooms.live[day.code].room
        facts = await room.journal.after(room.line, 0)
        assert room.folded == folded_anew(room, facts, rehearsal_removed(facts))
        kept = [json.loads(fact.body)["people"] for fact in facts if fact.kind == "apart_kept"]
        assert kept == [[], sorted(ids[1:3])], "the other wish of the facilitator stays"
        assert [list(two) for two in state().apart] == [sorted(ids[1:3])]
        assert not any(state().organisations.get(id) for id in ids if id != ids[1])
        left = {id: one.table for id, one in room.folded.session.people.items()}
        assert left == {id: table for id, table in seats.items() if id != ids[0]}
        shown = await shown_of(day, bruno["badge"])
        assert not [canary for canary in (*CANARIES, ids[0]) if canary in shown]
        await says(day, KEY, "next_seating", "tables", seed=2)
        await until(lambda: state().draft)
        assert set(state().draft) == set(ids[1:])


@pytest.mark.promise("G17")
async def test_after_erasing_no_byte_of_the_person_is_in_the_data_folder(day: Day, tmp_path: Path) -> None:
    ada, bruno = await day.badge("civil_servants", NAME), await day.badge(None, "Bruno")
    await the_day_goes(day, ada["badge"], bruno["badge"])
    await backup.make(day.house.journal, tmp_path / backup.FOLDER / "officina-20260101-000000.db")
    before = found(tmp_path)
    assert {canary for canary, _ in before} == set(CANARIES)
    assert {file for _, file in before} >= {"officina-20260101-000000.db"}
    await erases_herself(day, ada["badge"])
    assert found(tmp_path) == set()
    assert len(list((tmp_path / backup.FOLDER).glob("*.db"))) == 1
    assert (tmp_path / "officina.db-wal").stat().st_size == 0


async def test_a_file_put_aside_by_a_restore_is_rewritten_too_and_keeps_what_others_said(
    day: Day, tmp_path: Path
) -> None:
    ada, bruno = await day.badge(None, NAME), await day.badge(None, "Bruno")
    await the_day_goes(day, ada["badge"], bruno["badge"])
    aside = tmp_path / "set-aside-20260101-000000-officina.db"
    shutil.move(await backup.make(day.house.journal, tmp_path / "copy.db"), aside)
    assert found(tmp_path) >= {(WORD, aside.name), (NAME, aside.name)}
    await erases_herself(day, ada["badge"])
    assert found(tmp_path) == set()
    assert b"Tempo" in aside.read_bytes()


async def test_copies_on_the_second_place_are_replaced_by_one_without_the_person(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    async with officina(tmp_path / "data", backup_to=stick) as day:
        await day.begins(plan(words("cloud", "pseudonym"), words("hush", "anonymous"), quiz()))
        ada, bruno = await day.badge(None, NAME), await day.badge(None, "Bruno")
        await the_day_goes(day, ada["badge"], bruno["badge"])
        await backup.make(day.house.journal, stick / "officina-20260101-000000.db")
        await erases_herself(day, ada["badge"])
        assert found(tmp_path) == set()
        assert len(list(stick.glob("officina-*.db"))) == 1


async def test_what_others_said_stays_and_choices_stay_as_counts(day: Day) -> None:
    ada, bruno = await day.badge(None, NAME), await day.badge(None, "Bruno")
    await the_day_goes(day, ada["badge"], bruno["badge"])
    answers_before = sum(fact["kind"] == "answered" for fact in await day.facts())
    await erases_herself(day, ada["badge"])
    left = (await day.api("GET", f"/api/sessions/{day.code}/outcomes")).json()["outcomes"]
    cloud = next(one for one in left if one["stage"] == "cloud")
    assert {row["word"]: row["count"] for row in cloud["words"]} == {"Fiducia": 1, "Tempo": 1}
    facts = await day.facts()
    assert sum(fact["kind"] == "answered" for fact in facts) == answers_before
    assert not any(canary in str(facts) for canary in CANARIES)


async def test_the_room_holds_the_same_as_a_fold_of_the_rewritten_facts(day: Day) -> None:
    ada, bruno = await day.badge(None, NAME), await day.badge(None, "Bruno")
    await the_day_goes(day, ada["badge"], bruno["badge"])
    live = day.house.rooms.live[day.code]
    epoch = live.epoch
    await erases_herself(day, ada["badge"])
    facts = await live.room.journal.after(live.room.line, 0)
    assert live.room.folded == folded_anew(live.room, facts, rehearsal_removed(facts))
    assert live.room.number == facts[-1].number
    assert live.epoch != epoch
    assert NAME not in live.room.names.values()
    assert not any(canary in fact.body for fact in live.room.ring for canary in CANARIES)
    await says(day, bruno["badge"], "speak_language", language="en")


async def test_an_erased_badge_opens_nothing_and_its_screen_is_closed(day: Day) -> None:
    phone = await day.joins(NAME, None)
    assert phone.badge
    await erases_herself(day, phone.badge)
    await phone.sees(lambda: phone.closed)
    assert phone.closed == 4003
    assert (await day.api("GET", f"/api/sessions/{day.code}/me", phone.badge)).status_code == 401


async def test_the_wall_drops_an_erased_word(day: Day) -> None:
    ada, bruno = await day.badge(None, NAME), await day.badge(None, "Bruno")
    await opens(day, "cloud")
    await says(day, ada["badge"], "add_word", "cloud", text=WORD)
    await says(day, bruno["badge"], "add_word", "cloud", text="Tempo")
    wall = await day.wall()
    await wall.sees(lambda: {row["word"] for row in wall.view["words"]} == {WORD, "Tempo"})
    await erases_herself(day, ada["badge"])
    await wall.sees(lambda: [row["word"] for row in wall.view["words"]] == ["Tempo"])


async def test_my_data_holds_everything_of_mine_the_anonymous_too_and_nothing_of_others(day: Day) -> None:
    ada, bruno = await day.badge("civil_servants", NAME), await day.badge(None, "Bruno")
    await the_day_goes(day, ada["badge"], bruno["badge"])
    mine = (await day.api("GET", f"/api/sessions/{day.code}/me", ada["badge"])).json()
    assert (mine["name"], mine["group"], mine["language"], mine["state"]) == (NAME, "civil_servants", "it", "here")
    assert mine["joined_at"] > 0
    said = str(mine["facts"])
    assert all(canary in said for canary in (WORD, SECRET, TYPED))
    assert "Tempo" not in said
    assert "Paura" not in said
    secret = next(fact for fact in mine["facts"] if fact["stage"] == "hush")
    assert secret["at"] % 60_000 == 0


async def test_an_erasing_by_the_host_takes_name_and_texts_but_cannot_find_anonymous_ones(
    day: Day, tmp_path: Path
) -> None:
    ada, bruno = await day.badge(None, NAME), await day.badge(None, "Bruno")
    await the_day_goes(day, ada["badge"], bruno["badge"])
    answer = await day.api("POST", f"/desk/{day.code}/people/{ada['person']}/erase", KEY, json={})
    assert answer.status_code == 204
    assert {canary for canary, _ in found(tmp_path)} == {SECRET}


async def test_two_who_erase_themselves_at_once_are_both_gone(day: Day, tmp_path: Path) -> None:
    ada, bruno = await day.badge(None, NAME), await day.badge(None, SECRET)
    await opens(day, "cloud")
    await says(day, ada["badge"], "add_word", "cloud", text=WORD)
    await says(day, bruno["badge"], "add_word", "cloud", text=TYPED)
    await asyncio.gather(erases_herself(day, ada["badge"]), erases_herself(day, bruno["badge"]))
    assert found(tmp_path) == set()


async def test_a_second_place_that_is_gone_does_not_stop_the_erasing(tmp_path: Path) -> None:
    async with officina(tmp_path / "data", backup_to=tmp_path / "pulled out") as day:
        await day.begins(plan(words("cloud", "pseudonym")))
        ada = await day.badge(None, NAME)
        await erases_herself(day, ada["badge"])
        assert found(tmp_path) == set()


async def test_an_unknown_person_is_not_found(day: Day) -> None:
    with pytest.raises(Failed) as failed:
        await erase.person_by_host(day.house, day.house.rooms.live[day.code], "nobody")
    assert failed.value.status == 404


class Inner(Message):
    said: FreeText
    choice: str


class Everything(AFact):
    text: FreeText
    maybe: FreeText | None = None
    several: list[FreeText] = Field(default_factory=list)
    by_id: dict[str, FreeText] = Field(default_factory=dict)
    inner: Inner | None = None
    factor: Annotated[Literal[1, 2, "open"], Marked("personal")] = 1
    long: FreeText = Field(default="xx", min_length=2)
    plain: str = ""


def test_marked_fields_are_emptied_however_deep_and_others_stay() -> None:
    body = {
        "text": "a",
        "maybe": "b",
        "several": ["c", "d"],
        "by_id": {"x": "e"},
        "inner": {"said": "f", "choice": "kept"},
        "factor": "open",
        "plain": "kept too",
    }
    assert marks.texts(Everything, body) == {"a", "b", "c", "d", "e", "f", "open"}
    emptied = Everything.model_validate_json(marks.erased(Everything, {**body, "long": "ggg"}))
    assert (emptied.text, emptied.maybe, emptied.several, emptied.by_id) == (
        marks.MARKER, None, [marks.MARKER] * 2, {"x": marks.MARKER},
    )  # fmt: skip
    assert emptied.inner == Inner(said=marks.MARKER, choice="kept")
    assert (emptied.factor, emptied.plain) == (1, "kept too")


def test_only_personal_fields_are_emptied_where_only_those_are_meant() -> None:
    body = {"text": "a", "by_id": {"x": "e"}, "inner": {"said": "f", "choice": "kept"}, "factor": "open"}
    left = Everything.model_validate_json(marks.erased(Everything, body, "personal"))
    assert (left.text, left.by_id, left.inner, left.factor) == ("a", {"x": "e"}, Inner(said="f", choice="kept"), 1)
    assert marks.holds(Everything, "personal") and marks.holds(Inner, "free_text")
    assert not marks.holds(Inner, "personal")
    facts = activities.found()["poll"].facts
    assert [name for name, kind in facts.items() if marks.holds(kind, "personal")] == ["own_time_set"]


def test_a_merge_with_an_erased_word_joins_nothing_any_more() -> None:
    kind = activities.found()["words"].facts["words_merged"]
    assert marks.without(kind, {"word": "a", "into": "b"}, {"b"}) == '{"word":"a","into":"a"}'
    assert marks.without(kind, {"word": "a", "into": "b"}, {"a", "b"}) == '{"word":"","into":""}'


class Carded(AFact):
    title: Annotated[Text, Marked("free_text")]
    tags: Annotated[tuple[Annotated[Text, Marked("free_text")], ...], Field(max_length=5)] = ()
    why: tuple[tuple[str, str, Annotated[Text, Marked("free_text")]], ...] = ()
    owner: Annotated[str, Marked("personal")] | None = None


def test_a_text_by_language_is_found_and_emptied_in_each_of_them() -> None:
    body = {"title": {"it": "a", "en": "b"}, "tags": [{"it": "c"}], "why": [["x", "y", {"it": "d"}]], "owner": "e"}
    assert marks.texts(Carded, body) == {"a", "b", "c", "d", "e"}
    emptied = Carded.model_validate_json(marks.erased(Carded, body))
    assert emptied == Carded(title=Text(it="", en=""), tags=(Text(it=""),), why=(("x", "y", Text(it="")),))
    some_gone = Carded.model_validate_json(marks.without(Carded, body, {"b", "d", "e"}))
    assert (some_gone.title, some_gone.tags, some_gone.owner) == (Text(it="a", en=""), (Text(it="c"),), None)
    assert some_gone.why == (("x", "y", Text(it="")),), "no other text takes its place"


def some(annotation: Any) -> Any:
    """A value that a required field takes, with words where it may hold words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return some(inner[0])
    if origin is Literal:
        return inner[0]
    if origin in (list, tuple):
        return []
    if origin in (Union, types.UnionType):
        return some(inner[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {name: some(one.annotation) for name, one in annotation.model_fields.items() if one.is_required()}
    return {int: 1, bool: True}.get(annotation, {} if origin is dict else "x")


def test_every_fact_that_a_phone_leaves_can_be_emptied() -> None:
    """Every marked field of every activity has an empty value that its fact takes."""
    checked: dict[str, int] = {}
    # They need a whole outcome, a real date or figure; the tests of ideas empty them.
    by_hand = {"idea_taken_in", "idea_answered", "reading_added"}
    for activity in activities.found().values():
        for kind in activity.facts.values():
            if marks.holds(kind, "free_text") and kind.kind not in by_hand:
                body = {
                    name: some(field.annotation) for name, field in kind.model_fields.items() if field.is_required()
                }
                filled = kind.model_validate(body | {"sha256": "0"} if "sha256" in body else body)
                emptied = marks.erased(kind, json.loads(filled.model_dump_json()))
                assert marks.texts(kind, json.loads(emptied)) <= {marks.MARKER}, kind
                checked[activity.name] = checked.get(activity.name, 0) + 1
    assert checked.keys() >= {"words", "quiz", "canvas", "idea"}
