"""A path's line: what sessions left comes in once, ideas go on after the session, and a page for everybody shows none too much."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

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
from tests.leavings import PEERS, PRACTICES
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


# -- practices and peer activities ------------------------------------------------------------------------------------


def market(at: int, *peers: dict[str, Any], practices: list[dict[str, Any]] | None = None) -> m.TakeStage:
    """The closing of a marketplace."""
    given: dict[str, Any] = {"session": "ABC", "stage": "market", "activity": "marketplace", "title": {"it": "Mercato"}}
    given |= {"closed_at": at, "peers": list(peers), "practices": PRACTICES if practices is None else practices}
    return m.TakeStage.model_validate(given)


def closes_market(state: rules.State, at: int, *peers: dict[str, Any], **more: Any) -> rules.State:
    return after(state, rules.decide(state, market(at, *peers, **more), Moment(AT, "server")))


def follows(state: rules.State, peer: str, base: dict[str, int] | None = None, **change: Any) -> Any:
    ask = m.FollowPeer.model_validate({"peer": peer, "base": base or {}, "set": change})
    return rules.decide(state, ask, Moment(AT, "desk"))


def refused(decided: Any) -> str:
    assert isinstance(decided, Refusal), decided
    return decided.code


def test_a_marketplace_leaves_practices_and_activities_to_the_path_once() -> None:
    state = closes_market(path(), 1, *PEERS)
    view = rules.view(state, "desk")
    assert [one["practice"] for one in view["practices"]] == ["pacts", "evaluation", "bare"]
    assert [(one["peer"], one["session"], one["own"]) for one in view["peers"]] == [
        ("p1", "ABC", False),
        ("p2", "ABC", False),
    ]
    assert rules.decide(state, market(1, *PEERS), Moment(AT, "server")) == []
    again = rules.decide(state, market(2, *PEERS), Moment(AT, "server"))
    assert isinstance(again, list) and [one.kind for one in again] == ["stage_taken"]


def test_activities_between_organisations_are_for_the_desk_alone() -> None:
    state = closes_market(path(), 1, *PEERS)
    for screen in ("phone", "wall"):
        seen = rules.view(state, screen)
        assert "peers" not in seen and "practices" not in seen and "Misurare" not in str(seen)


def test_an_activity_is_followed_up_and_keeps_who_changed_what_apart() -> None:
    state = closes_market(path(), 1, *PEERS)
    state = after(state, follows(state, "p1", {"topic": 2}, topic="Misurare insieme", status="done"))
    state = after(state, follows(state, "p1", result="Si comincia a maggio", follow_up="2027-09-01"))
    state = after(state, follows(state, "p1", {"owner torino": 0}, owners={"torino": "Ufficio beni comuni"}))
    one = state.peers.followed["p1"]
    assert one.own and (one.activity.topic, one.activity.status) == ("Misurare insieme", "done")
    assert (one.activity.result, one.activity.follow_up) == ("Si comincia a maggio", "2027-09-01")
    assert [party.owner for party in one.activity.parties] == ["Evaluation unit", "Ufficio beni comuni"]
    assert one.activity.versions == {
        "topic": 3, "owner lyon": 3, "status": 1, "result": 1, "follow_up": 1, "owner torino": 1,
    }  # fmt: skip
    assert follows(state, "p1", topic=" Misurare insieme ", owners={"torino": "Ufficio beni comuni"}) == []


def test_a_field_that_somebody_else_changed_is_not_overwritten_unseen() -> None:
    state = closes_market(path(), 1, *PEERS)
    state = after(state, follows(state, "p1", {"topic": 2}, topic="Misurare insieme"))
    stale = follows(state, "p1", {"topic": 2, "date": 0}, topic="Altro", date="2027-05-01")
    assert refused(stale) == "changed_since"
    assert stale.details == {"field": "topic", "current": "Misurare insieme", "version": 3}
    assert not isinstance(follows(state, "p1", {"topic": 3}, topic="Altro"), Refusal)
    owner = follows(state, "p1", {"owner lyon": 2}, owners={"lyon": "Altri"})
    assert refused(owner) == "changed_since" and owner.details["current"] == "Evaluation unit"


def test_an_activity_refuses_a_stranger_a_day_that_there_is_not_and_one_that_nobody_knows() -> None:
    state = closes_market(path(), 1, *PEERS)
    assert refused(follows(state, "nobody", topic="x")) == "unknown_peer"
    assert refused(follows(state, "p1", owners={"napoli": "x"})) == "not_a_party"
    assert refused(follows(state, "p1", date="2027-02-30")) == "bad_date"
    with pytest.raises(ValidationError):
        m.FollowPeer.model_validate({"peer": "p1", "set": {"status": None}})
    phone = m.FollowPeer.by
    assert "phone" not in phone, "people follow up on the desk"


def test_an_emptied_field_says_nothing_any_more() -> None:
    state = closes_market(path(), 1, *PEERS)
    state = after(state, follows(state, "p1", topic=None, date=None, format=None, owners={"lyon": ""}))
    activity = state.peers.followed["p1"].activity
    assert (activity.topic, activity.date, activity.format, activity.parties[0].owner) == (None, None, None, None)


def test_a_market_that_closes_again_brings_what_is_new_and_leaves_what_the_path_wrote() -> None:
    state = closes_market(path(), 1, *PEERS)
    state = after(state, follows(state, "p1", status="done"))
    moved = [{**PEERS[0], "topic": "Altro tema"}, {**PEERS[1], "topic": "Imprese sociali"}]
    third = {**PEERS[1], "peer": "p3"}
    title = {"it": "Patti nuovi"}
    state = closes_market(state, 2, *moved, third, practices=[{**PRACTICES[0], "title": title}])
    assert [one.peer for one in (kept.activity for kept in state.peers.followed.values())] == ["p1", "p2", "p3"]
    assert state.peers.followed["p1"].activity.topic == "Misurare i patti", "the path had written in it"
    assert state.peers.followed["p2"].activity.topic == "Imprese sociali"
    assert state.peers.practices["ABC", "pacts"].practice.title == title and len(state.peers.practices) == 3


def test_a_path_says_the_same_of_its_activities_after_a_replay() -> None:
    facts: list[Any] = []

    def tells(state: rules.State, decided: Any) -> rules.State:
        assert isinstance(decided, list)
        facts.extend(m.FACTS[one.kind].model_validate_json(one.model_dump_json()) for one in decided)
        return after(state, decided)

    state = tells(path(), rules.decide(path(), market(1, *PEERS), Moment(AT, "server")))
    state = tells(state, follows(state, "p1", status="dropped", result="Manca il tempo"))
    assert after(path(), facts).peers == state.peers


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
