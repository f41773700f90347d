"""A path's line: what sessions left comes in once, ideas go on after the session, and a page for everybody shows none too much."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from server.activities.contract import Happening, Moment, Refusal
from server.activities.contract.idea import messages as idea_messages
from server.activities.contract.idea import rules as idea_rules
from server.activities.contract.idea.left import IdeaOutcome
from server.cli import load_demo
from server.live.envelope import Refused
from server.moment import fresh
from server.paths import messages as m
from server.paths import rules
from server.paths.live import LivePath, Paths
from server.sessions import plans
from tests.inside import Inside, inside
from tests.people import KEY, plan, talk

AT = 1_790_000_000_000


def path() -> rules.State:
    ask = m.MakePath(title={"it": "Prova"}, languages=["it", "en"], groups=[{"id": "a", "name": "A"}], prefix="PR")  # type: ignore[list-item]
    return after(rules.start(), rules.decide(rules.start(), ask, Moment(AT, "server")))


def after(state: rules.State, facts: Any) -> rules.State:
    assert not isinstance(facts, Refusal), facts
    for fact in facts:
        state = rules.evolve(state, Happening(fact, AT))
    return state


def left(**fields: Any) -> IdeaOutcome:
    """What a session leaves of an idea with these fields."""
    context = idea_rules.Context(form="card", session="ABC", stage="ideas")
    state = idea_rules.start(context)
    made = idea_rules.decide(state, idea_messages.NewIdea(idea="i1", fields=fields), Moment(AT, "desk"), context)
    assert isinstance(made, list)
    for fact in made:
        state = idea_rules.evolve(state, Happening(fact, AT))
    return IdeaOutcome.model_validate(idea_rules.outcome(state, state.ideas["i1"], context))


def closing(at: int, *ideas: IdeaOutcome) -> m.TakeStage:
    return m.TakeStage(
        session="ABC",
        stage="ideas",
        activity="idea",
        title={"it": "Idee"},
        closed_at=at,
        ideas=list(ideas),  # type: ignore[arg-type]
    )


def takes(state: rules.State, at: int, *ideas: IdeaOutcome) -> rules.State:
    return after(state, rules.decide(state, closing(at, *ideas), Moment(AT, "server")))


def test_an_idea_comes_in_once_however_often_its_stage_is_handed_over() -> None:
    state = takes(path(), 1, left(title={"it": "Biblioteca aperta la sera"}))
    assert list(state.ideas.ideas) == ["i1"]
    assert rules.decide(state, closing(1, left(title={"it": "Altro"})), Moment(AT, "server")) == []


def test_a_stage_that_opens_again_never_makes_a_second_idea() -> None:
    state = takes(path(), 1, left(title={"it": "Biblioteca aperta la sera"}))
    state = takes(state, 2, left(title={"it": "Biblioteca aperta di notte"}))
    assert list(state.ideas.ideas) == ["i1"]
    assert state.ideas.ideas["i1"].fields["title"] == {"it": "Biblioteca aperta di notte"}


def test_what_the_path_changed_since_and_what_the_session_changed_are_both_kept() -> None:
    state = takes(path(), 1, left(title={"it": "Biblioteca aperta la sera"}, summary={"it": "Una sintesi"}))
    own = idea_messages.EditIdea(idea="i1", base={"summary": 1}, set={"summary": {"it": "Una sintesi migliore"}})
    state = after(state, rules.decide(state, own, Moment(AT, "desk")))
    state = takes(state, 2, left(title={"it": "Biblioteca aperta di notte"}, summary={"it": "Una sintesi"}))
    fields = state.ideas.ideas["i1"].fields
    assert fields["title"] == {"it": "Biblioteca aperta di notte"}
    assert fields["summary"] == {"it": "Una sintesi migliore"}


def test_ideas_of_two_sessions_never_share_a_code() -> None:
    first, second = left(title={"it": "Biblioteca aperta la sera"}), left(title={"it": "Case vuote, patti chiari"})
    state = takes(path(), 1, first, second.model_copy(update={"idea": "i2"}))
    other = second.model_copy(update={"idea": "i3", "code": "PR-2026-01"})
    state = takes(state, 2, first, other)
    assert {uid: idea.code for uid, idea in state.ideas.ideas.items()} == {
        "i1": "PR-2026-01",
        "i2": "PR-2026-02",
        "i3": "PR-2026-03",
    }


def test_only_the_desk_edits_an_idea_after_the_session() -> None:
    state = takes(path(), 1, left(title={"it": "Biblioteca aperta la sera"}))
    edit = idea_messages.EditIdea(idea="i1", base={"title": 1}, set={"title": {"it": "Mia adesso"}})
    refused = rules.decide(state, edit, Moment(AT, "phone", "p1", "p1", "a"))
    assert isinstance(refused, Refusal) and refused.code == "not_yours"


def test_everybody_reads_only_what_is_published_and_public() -> None:
    state = takes(path(), 1, left(title={"it": "Biblioteca aperta la sera"}))
    assert rules.published(state) == []
    assert rules.view(state, "wall")["ideas"] == []
    assert len(rules.view(state, "desk")["ideas"]) == 1


IDEAS = {
    "id": "ideas",
    "activity": "idea",
    "title": {"it": "Idee", "en": "Ideas"},
    "minutes": 30,
    "setup": {"form": "card", "per": "room"},
}


async def closes_ideas(room: Inside) -> str:
    await room.begins(plan(IDEAS, talk(), path="prova"))
    await room.does("open_stage", stage="ideas")
    await room.does("new_idea", "ideas", idea="i1", fields={"title": {"it": "Biblioteca aperta la sera"}})
    await room.does("go_next")
    await room.house.paths.rest()
    return room.code


async def asks(room: Inside, key: str | None, do: str, **having: Any) -> Any:
    body = {"id": fresh(), "stage": None, "do": do, "with": having}
    return await room.call("POST", "/api/paths/prova/asks", key, json=body)


def test_a_closed_stage_is_in_the_dossier_and_the_idea_is_edited_there(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            code = await closes_ideas(room)
            found = (await room.call("GET", "/api/paths", KEY)).json()
            assert [(one["id"], one["sessions"], one["ideas"]) for one in found] == [("prova", 1, 1)]
            about = (await room.call("GET", "/api/paths/prova", KEY)).json()
            assert about["sessions"][0]["session"] == code and about["states"] == {"draft": 1}
            desk = await room.line("/live/path/prova", KEY)
            desk.says({"t": "hello", "v": 1, "screen": "desk", "as": "json"})
            welcome = (await desk.sees(lambda: desk.heard))[0]
            assert welcome["t"] == "welcome" and welcome["ideas"][0]["title"] == "Biblioteca aperta la sera"
            title = {"it": "Biblioteca aperta di notte"}
            receipt = await desk.asks("edit_idea", idea="i1", base={"title": 1}, set={"title": title})
            assert receipt["t"] == "receipt", receipt
            await desk.sees(lambda: [one for one in desk.heard if one["t"] == "view"])
            one = (await room.call("GET", "/api/paths/prova/ideas/i1", KEY)).json()["idea"]
            assert one["fields"]["title"] == title
            stale = await asks(
                room, KEY, "edit_idea", idea="i1", base={"title": 1}, set={"title": {"it": "Tutto altro, davvero"}}
            )
            assert stale.status_code == 200
            one = (await room.call("GET", "/api/paths/prova/ideas/i1", KEY)).json()["idea"]
            assert [kept["value"] for kept in one["variants"]["title"]] == [{"it": "Tutto altro, davvero"}]
            await desk.leaves()

    asyncio.run(story())


def test_nobody_but_the_host_sees_or_changes_a_path(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await closes_ideas(room)
            for where in ("", "/prova", "/prova/ideas", "/prova/ideas/i1"):
                assert (await room.call("GET", f"/api/paths{where}")).status_code == 401
            assert (
                await asks(room, None, "edit_idea", idea="i1", set={"title": {"it": "Mia adesso"}})
            ).status_code == 401
            badge, _ = await room.joins("Ada", "civil_servants")
            refused = await asks(
                room, badge, "edit_idea", idea="i1", base={"title": 1}, set={"title": {"it": "Mia adesso"}}
            )
            assert refused.status_code == 409 and refused.json()["error"]["code"] == "not_yours"
            argued = await asks(room, badge, "argue", idea="i1", argument="a1", side="for", text="Serve davvero")
            assert argued.status_code == 200, argued.text
            stranger = await room.line("/live/path/prova")
            assert stranger.status == 403

    asyncio.run(story())


def test_a_dossier_is_whole_again_after_a_restart_and_takes_what_a_crash_cut_off(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            code = await closes_ideas(room)
            number = room.house.paths.live["prova"].line.number
        async with inside(tmp_path) as room:
            room.code = code
            await room.house.paths.rest()
            # Asked again at the start with the same ids: nothing comes in twice.
            assert room.house.paths.live["prova"].line.number == number
            assert list(room.house.paths.live["prova"].line.folded.ideas.ideas) == ["i1"]

    asyncio.run(story())


def test_the_demo_path_holds_a_finished_example_with_pay_by_result(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await load_demo(room.house)
            await load_demo(room.house)
            dossier = room.house.paths.live["includimi"].line.folded
            assert len(dossier.sessions) == 2 * len(plans.shipped_plans())
            [example] = rules.published(dossier)
            assert example["state"] == "published" and example["fields"]["pbr_terms"]
            assert all("Esempio" in example[where] for where in ("override",))
            assert example["fields"]["title"]["it"].startswith("Esempio") and example["endorsement"]["people"] == 0

    asyncio.run(story())


def test_what_a_session_left_reaches_the_dossier_although_the_house_died_when_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await room.begins(plan(IDEAS, talk(), path="prova"))
            await room.house.paths.rest()
            await room.does("open_stage", stage="ideas")
            await room.does("new_idea", "ideas", idea="i1", fields={"title": {"it": "Biblioteca aperta la sera"}})

            async def dies(self: Any, live: Any) -> None:
                raise RuntimeError("the house is dead")

            with monkeypatch.context() as dead:
                dead.setattr(Paths, "take", dies)
                await room.does("end_session")
                await room.house.paths.rest()
            assert not room.house.paths.live["prova"].line.folded.ideas.ideas
            code = room.code
        async with inside(tmp_path) as room:
            await room.house.paths.rest()
            dossier = room.house.paths.live["prova"].line.folded
            assert list(dossier.ideas.ideas) == ["i1"] and dossier.sessions[code].closed
        async with inside(tmp_path) as room:
            # All of it is there: an ended session is not opened at the start for nothing.
            assert code not in room.house.rooms.live

    asyncio.run(story())


def test_while_the_disk_does_not_write_the_dossier_waits_and_takes_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.paths.live.FIRST_AGAIN", 0.01)

    async def story() -> None:
        async with inside(tmp_path) as room:
            await room.begins(plan(IDEAS, talk(), path="prova"))
            await room.house.paths.rest()
            await room.does("open_stage", stage="ideas")
            await room.does("new_idea", "ideas", idea="i1", fields={"title": {"it": "Biblioteca aperta la sera"}})
            asked, tried = LivePath.ask_as_server, 0

            async def full(self: LivePath, id: str, do: str, having: dict[str, Any]) -> Any:
                nonlocal tried
                tried += 1
                if tried <= 3:
                    return Refused(id, Refusal("storage", again=True))
                return await asked(self, id, do, having)

            monkeypatch.setattr(LivePath, "ask_as_server", full)
            await room.does("close_stage")
            await room.house.paths.rest()
            assert tried > 3 and list(room.house.paths.live["prova"].line.folded.ideas.ideas) == ["i1"]

    asyncio.run(story())


@pytest.mark.parametrize("id", ["K7FQXW", "../../etc", "<script>", "a b", "", "x" * 61, "\u202ea"])
def test_a_plan_names_a_path_by_an_id_that_can_stand_in_an_address(tmp_path: Path, id: str) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            refused = await room.call("POST", "/api/sessions", KEY, json={"plan": plan(talk(), path=id)})
            assert refused.status_code == 422, refused.text
            assert not room.house.paths.live

    asyncio.run(story())
