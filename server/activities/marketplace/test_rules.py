"""A marketplace, told as its people would tell it."""

from __future__ import annotations

import copy
import json
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from server.outcomes import marks

from ..contract import Happening, Opening, Refusal
from ..contract.peers import PeerActivity
from ..contract.rehearsal import NINE_OCLOCK, Rehearsal, Somebody
from ..contract.rehearse import sample_of
from . import matching, messages, pairing, rules
from .matching.planning import plan_without_solver
from .matching.report import Told, reported

GROUPS = ("civil_servants", "social_innovators")
CANARY = "zzcanaryzz"


def text(words: str) -> dict[str, str]:
    return {"it": words, "en": words}


def setup(stalls: int = 4, rounds: int = 3, capacity: int = 4, **more: Any) -> dict[str, Any]:
    practices = [
        {
            "practice": f"p{n}",
            "title": text(f"Pratica {n}"),
            "organisation": f"Org {n}",
            "offers": [{"it": f"offerta {n}", "en": f"offer {n}"}],
            "needs": [{"it": f"offerta {n % stalls + 1}", "en": f"offer {n % stalls + 1}"}],
        }
        for n in range(1, stalls + 1)
    ]
    whole = {"title": text("Pratiche"), "credit": text("Fonte"), "practices": practices}
    return {"practices": whole, "rounds": rounds, "capacity": capacity, "minutes": 10, **more}


class Market(Rehearsal):
    """A room whose people the house tells about, with the pure engine instead of the solver."""

    def told(self, *without: str) -> None:
        for name in without:
            self.people.pop(name, None)
        people = {name: one.group for name, one in self.people.items()}
        opening = Opening(groups=GROUPS, sizes=self.sizes, people=people, at=self.now)
        self.state = rules.opened(self.state, opening)

    def came(self, name: str, group: str | None = GROUPS[0]) -> None:
        self.people[name] = Somebody(group)
        self.told()

    def work(self) -> dict[str, Any]:
        """What the house does off the line, up to the plan or the pairs; not offered yet."""
        (key,) = rules.due(self.state)
        snapshot = rules.snapshot(self.state, key)
        assert json.loads(json.dumps(snapshot)) == snapshot
        sha = key.split(":")[1]
        if key.startswith("pairs:"):
            panel = pairing.Panel.model_validate(snapshot)
            chosen = pairing.greedy(panel, pairing.candidates(panel))
            told = {"name": "greedy", "version": "", "optimal": False, "stopped": False}
            return {"input_sha256": sha, "proposal": pairing.document(panel, chosen, told)}
        return {"input_sha256": sha, "plan": solved(snapshot)}

    def offer(self) -> Any:
        done = self.work()
        return self.ask("server", "offer_pairs" if "proposal" in done else "offer_plan", **done)

    def publish(self, **asked: Any) -> None:
        assert not isinstance(self.desk("ask_for_plan", **asked), Refusal)
        assert not isinstance(self.offer(), Refusal)
        done = self.desk("publish_plan", plan=self.view("desk")["offered"]["number"])
        assert not isinstance(done, Refusal) and done

    def play_round(self) -> None:
        assert not isinstance(self.desk("start_round"), Refusal)
        self.now += 5 * 60_000
        assert not isinstance(self.desk("end_round"), Refusal)

    def routes(self) -> dict[str, Any]:
        return {name: self.mine(name).get("route") for name in self.people}


def solved(snapshot: dict[str, Any]) -> dict[str, Any]:
    event = matching.read(copy.deepcopy(snapshot))
    assignment, draft = plan_without_solver(event)
    told = Told("python", "1", draft.steps, bound=draft.bound, bound_from="flow")
    return reported(event, assignment, told, input_sha256=matching.digest(event))


def room(people: int = 12, **more: Any) -> Market:
    found = Market(rules, messages, setup(**more), "pseudonym")
    for n in range(people):
        found.people[f"n{n}"] = Somebody(GROUPS[n % 2])
    found.told()
    return found


def wishing(people: int = 12, **more: Any) -> Market:
    """A room in which everybody has wished something."""
    found = room(people, **more)
    stalls = list(found.state.stalls)
    for n in range(people):
        for level in (3, 2, 1):
            found.phone(f"n{n}", "wish", stall=stalls[(n + level) % len(stalls)], level=level)
    return found


def refused(code: str, **details: Any) -> Refusal:
    return Refusal(code, details=details or None)


def code_of(answer: Any) -> str | None:
    return answer.code if isinstance(answer, Refusal) else None


# Who, what, where


def test_a_marketplace_cannot_be_anonymous_because_people_are_told_where_to_go() -> None:
    with pytest.raises(ValidationError, match="named or pseudonym"):
        Market(rules, messages, setup(), "anonymous")


def test_an_organisation_is_the_same_whatever_the_capitals_and_shows_the_name_that_was_first() -> None:
    played = room()
    played.phone("n0", "say_organisation", organisation="  Comune   di Milano ")
    played.phone("n1", "say_organisation", organisation="COMUNE DI MILANO")
    assert played.mine("n1")["organisation"] == {"id": "comune di milano", "name": "Comune di Milano"}
    names = [one["name"] for one in played.view("phone")["organisations"]]
    assert names == ["Comune di Milano", "Org 1", "Org 2", "Org 3", "Org 4"]


def test_who_speaks_for_nobody_is_not_asked_again() -> None:
    played = room()
    assert played.mine("n0")["organisation_said"] is False
    played.phone("n0", "say_organisation", organisation=" ")
    assert played.mine("n0")["organisation_said"] is True and "organisation" not in played.mine("n0")
    assert played.phone("n0", "say_organisation", organisation="") == []


def test_a_phone_brings_a_practice_and_presents_it() -> None:
    played = room()
    played.phone("n0", "say_organisation", organisation="Orti")
    fields = {"title": " Orto  condiviso ", "done": "Riga uno\n\nRiga due", "offers": ["Terra", "terra", " "]}
    assert not isinstance(played.phone("n0", "add_practice", stall="ortoCondiviso001", fields=fields), Refusal)
    stall = played.view("wall")["stalls"][-1]
    assert (stall["title"], stall["organisation"], stall["n"]) == ({"it": "Orto condiviso"}, "Orti", 5)
    assert stall["practice"]["offers"] == [{"it": "Terra"}] and stall["practice"]["done"] == {
        "it": "Riga uno\n\nRiga due"
    }
    assert played.mine("n0")["presents"] == ["ortoCondiviso001"]
    assert played.phone("n0", "add_practice", stall="ortoCondiviso001", fields=fields) == []
    assert played.phone("n1", "add_practice", stall="ortoCondiviso001", fields=fields) == refused("exists")


def test_a_practice_without_a_title_or_with_too_long_words_is_not_taken() -> None:
    played = room()
    add = partial(played.phone, "n0", "add_practice", stall="ortoCondiviso001")
    assert add(fields={"title": "  "}) == refused("empty")
    assert add(fields={"title": "x" * 121}) == refused("too_long", max=120)
    assert add(fields={"title": "Orto", "offers": [f"t{n}" for n in range(21)]}) == refused("too_many", max=20)


def test_phones_may_bring_practices_only_where_the_setup_says_so() -> None:
    played = room(entry=False)
    asked = {"stall": "ortoCondiviso001", "fields": {"title": "Orto"}}
    assert played.phone("n0", "add_practice", **asked) == refused("not_allowed")
    assert not isinstance(played.desk("add_practice", **asked), Refusal)


def test_only_its_hosts_and_the_desk_edit_a_practice_and_other_languages_stay() -> None:
    played = room()
    assert played.phone("n0", "edit_practice", stall="p1", set={"title": "Mia"}) == refused("not_yours")
    played.phone("n0", "present", stall="p1", on=True)
    assert not isinstance(
        played.phone("n0", "edit_practice", stall="p1", set={"title": "Mia", "limits": "Pochi"}), Refusal
    )
    stall = played.view("phone")["stalls"][0]
    assert stall["title"] == {"it": "Mia", "en": "Pratica 1"} and stall["practice"]["limits"] == {"it": "Pochi"}
    played.desk("edit_practice", stall="p1", set={"limits": ""})
    assert "limits" not in played.view("phone")["stalls"][0]["practice"]
    assert played.desk("edit_practice", stall="p1", set={"limits": ""}) == []
    assert played.desk("edit_practice", stall="p1", set={"title": " "}) == refused("empty")


def test_nobody_presents_two_stalls_by_phone() -> None:
    played = room()
    played.phone("n0", "present", stall="p1", on=True)
    played.phone("n0", "present", stall="p2", on=True)
    assert played.mine("n0")["presents"] == ["p2"]
    assert played.view("desk")["stalls"][0]["hosts"] == 0


def test_a_removed_stall_is_gone_for_phones_and_comes_back_with_its_wishes() -> None:
    played = room()
    played.phone("n0", "wish", stall="p2", level=3)
    played.desk("remove_stall", stall="p2")
    assert played.phone("n0", "wish", stall="p2", level=1) == refused("unknown_stall")
    assert [one["id"] for one in played.view("desk")["removed"]] == ["p2"]
    played.desk("restore_stall", stall="p2")
    assert played.mine("n0")["interests"] == {"p2": 3}


def test_practices_from_a_file_come_beside_those_that_are_there() -> None:
    played = room()
    brought = {"practice": "new", "title": text("Nuova")}
    played.desk("bring_practices", practices=[brought, {"practice": "p1", "title": text("Altra")}])
    stalls = played.view("desk")["stalls"]
    assert [one["id"] for one in stalls] == ["p1", "p2", "p3", "p4", "new"] and stalls[0]["title"]["it"] == "Pratica 1"
    assert played.desk("bring_practices", practices=[brought]) == []


def test_seats_may_not_fall_under_what_a_stall_needs() -> None:
    played = room()
    assert played.desk("set_stall", stall="p1", set={"minimum": 5}) == refused("minimum_high", max=4)
    played.desk("set_stall", stall="p1", set={"minimum": 3})
    played.desk("set_stall", stall="p1", set={"capacity": 2})
    stall = played.view("desk")["stalls"][0]
    assert (stall["capacity"], stall["minimum"]) == (2, 2)
    played.desk("set_stall", stall="p1", set={"minimum": None, "open": [1, 2, 3]})
    assert played.view("desk")["stalls"][0]["minimum"] is None
    assert played.desk("set_stall", stall="p1", set={"hosts": ["nobody"]}) == refused("unknown_person")


# Wishes are private


def test_a_wish_can_be_changed_and_taken_back() -> None:
    played = room()
    played.phone("n0", "wish", stall="p1", level=3)
    assert played.phone("n0", "wish", stall="p1", level=3) == []
    played.phone("n0", "wish", stall="p1", level=0)
    assert played.mine("n0")["interests"] == {"p1": 0}
    played.phone("n0", "wish", stall="p1", level=None)
    assert played.mine("n0")["interests"] == {}
    assert played.phone("n0", "wish", stall="p9", level=1) == refused("unknown_stall")


def test_the_desk_counts_who_wants_a_stall_from_five_people_on() -> None:
    played = room()
    for n in range(4):
        played.phone(f"n{n}", "wish", stall="p1", level=3)
    assert played.view("desk")["stalls"][0]["demand"] is None
    played.phone("n4", "wish", stall="p1", level=2)
    played.phone("n5", "wish", stall="p1", level=1)
    assert played.view("desk")["stalls"][0]["demand"] == 5
    assert "demand" not in played.view("phone")["stalls"][0]
    assert (played.view("desk")["wished"], rules.answered(played.state)["answered"]) == (6, 6)


def test_no_view_tells_a_veto_or_whose_wish_it_is() -> None:
    played = wishing(stalls=8)
    before = {screen: json.dumps(played.view(screen)) for screen in ("phone", "wall", "desk")}
    played.phone("n1", "say_organisation", organisation="Org 9")
    said = {screen: json.dumps(played.view(screen)) for screen in ("phone", "wall", "desk")}
    played.phone("n0", "present", stall="p1", on=True)
    with_host = {screen: json.dumps(played.view(screen)) for screen in ("phone", "wall", "desk")}
    assert not isinstance(played.phone("n1", "avoid", stall="p3", on=True), Refusal)
    assert not isinstance(played.phone("n0", "turn_away", stall="p1", organisation="org 9", on=True), Refusal)
    assert {screen: json.dumps(played.view(screen)) for screen in before} == with_host
    # Another stall at the same level gives the same counts, so that nothing but counts can be in a view.
    played.phone("n1", "wish", stall="p3", level=0)
    assert json.dumps(played.view("phone")) == with_host["phone"] and said["wall"] != before["wall"]
    for n in range(2, 12):
        assert "p3" not in played.mine(f"n{n}")["never"] and not played.mine(f"n{n}")["turned_away"]


def test_only_a_host_turns_an_organisation_away_and_no_visitor_is_told() -> None:
    played = wishing()
    played.phone("n1", "say_organisation", organisation="Orti")
    assert played.phone("n1", "turn_away", stall="p1", organisation="orti", on=True) == refused("not_yours")
    played.phone("n0", "present", stall="p1", on=True)
    played.phone("n0", "turn_away", stall="p1", organisation="orti", on=True)
    assert played.mine("n0")["turned_away"] == {"p1": ["orti"]}
    played.publish()
    assert "p1" not in played.mine("n1")["route"]
    assert "turned" not in json.dumps(played.mine("n1")["why"])


def test_no_phone_and_no_wall_holds_a_person() -> None:
    played = wishing()
    played.phone("n0", "present", stall="p1", on=True)
    played.phone("n1", "say_organisation", organisation="Orti")
    played.publish()
    played.desk("start_round")
    played.phone("n2", "check_in", stall="p3")
    for screen in ("phone", "wall"):
        shown = json.dumps(played.view(screen))
        assert not [name for name in played.people if f'"{name}"' in shown]
    for name in played.people:
        own = json.dumps(played.mine(name))
        assert not [other for other in played.people if other != name and f'"{other}"' in own]


# The plan


def test_nothing_is_planned_without_people() -> None:
    played = Market(rules, messages, setup())
    answer = played.desk("ask_for_plan")
    assert isinstance(answer, Refusal) and answer.details == {"foreseen": [{"code": "no_people"}]}


def test_people_who_would_present_two_stalls_at_once_are_told_before_anybody_waits() -> None:
    played = wishing()
    for stall in ("p1", "p2"):
        played.desk("set_stall", stall=stall, set={"hosts": ["n0"], "hosting": "stay"})
    answer = played.desk("ask_for_plan")
    assert isinstance(answer, Refusal) and answer.code == "nothing_to_plan" and answer.details is not None
    assert answer.details["foreseen"][0]["code"] == "host_clash"
    assert played.view("desk")["foreseen"][0]["code"] == "host_clash"


def test_too_few_seats_are_foreseen_in_numbers() -> None:
    played = wishing(people=20)
    foreseen = played.view("desk")["foreseen"]
    assert {"code": "seats_short", "round": 1, "visitors": 20, "seats": 16, "missing": 4} in foreseen
    assert played.view("desk")["seats"][0] == {"round": 1, "people": 20, "seats": 16}


def test_who_has_too_few_stalls_left_is_counted_and_not_named() -> None:
    played = room(rounds=3)
    for stall in ("p1", "p2", "p3"):
        played.phone("n7", "avoid", stall=stall, on=True)
    assert {"code": "few_allowed", "people": 1} in played.view("desk")["foreseen"]
    assert "n7" not in json.dumps(played.view("desk")["foreseen"])


def test_a_published_plan_gives_everybody_a_route_and_a_reason() -> None:
    played = wishing()
    assert "route" not in played.mine("n0") and played.mine("n0")["published"] is False
    assert not isinstance(played.desk("ask_for_plan"), Refusal)
    assert played.desk("ask_for_plan") == []
    assert not isinstance(played.offer(), Refusal)
    assert "route" not in played.mine("n0"), "only published plans reach phones"
    assert played.desk("publish_plan", plan=7) == refused("no_plan")
    assert played.desk("publish_plan", plan=1)
    assert played.desk("publish_plan", plan=1) == []
    for name in played.people:
        own = played.mine(name)
        assert all(own["route"]) and len(set(own["route"])) == 3 and own["duty"] == [None] * 3
        assert all(reasons and reasons[0]["code"] in ("rated", "needed", "free_seat") for reasons in own["why"])
    shown = played.view("desk")["plan"]
    assert shown["quality"] is not None and 900 <= shown["quality"] <= 1000
    assert shown["totals"]["mix_index"] <= 1000 and isinstance(shown["totals"]["mix_index"], int)
    loads = [stall["rounds"][0]["count"] for stall in played.view("wall")["stalls"]]
    assert sum(loads) == 12 and max(loads) <= 4


def test_a_plan_is_worked_out_again_when_a_wish_comes_meanwhile() -> None:
    played = wishing()
    played.desk("ask_for_plan")
    (old,) = rules.due(played.state)
    done = played.work()
    played.phone("n0", "wish", stall="p1", level=2)
    assert played.ask("server", "offer_plan", **done) == refused("plan_outdated")
    (new,) = rules.due(played.state)
    assert new != old and played.view("desk")["asked"] is True
    with pytest.raises(KeyError):
        rules.snapshot(played.state, old)
    assert not isinstance(played.offer(), Refusal)
    assert rules.due(played.state) == () and played.view("desk")["asked"] is False


def test_a_room_that_goes_on_tapping_gets_its_plan_from_the_wishes_of_three_seconds_after_the_asking() -> None:
    played = wishing()
    played.desk("ask_for_plan")
    (first,) = rules.due(played.state)
    played.phone("n0", "wish", stall="p1", level=1)
    (second,) = rules.due(played.state)
    assert first != second
    assert isinstance(played.run_clock(), messages.SettleWishes)
    settled = rules.due(played.state)
    played.phone("n0", "wish", stall="p1", level=2)
    assert rules.due(played.state) == settled, "what is tapped from now on counts for the next plan"
    assert not isinstance(played.offer(), Refusal)
    assert played.view("desk")["offered"]["number"] == 1


def test_two_processes_that_offer_the_same_plan_count_once() -> None:
    played = wishing()
    played.desk("ask_for_plan")
    done = played.work()
    assert not isinstance(played.ask("server", "offer_plan", **done), Refusal)
    assert played.ask("server", "offer_plan", **done) == []
    played.desk("publish_plan", plan=1)
    assert played.ask("server", "offer_plan", **done) == []
    assert played.ask("server", "offer_plan", input_sha256="0" * 64, plan={}) == refused("plan_outdated")


def test_a_better_plan_of_the_same_wishes_takes_the_place_of_the_offered_one_under_its_number() -> None:
    played = wishing()
    played.desk("ask_for_plan")
    event = matching.read(rules.snapshot(played.state, rules.due(played.state)[0]))
    first = matching.greedy(event)
    soon = reported(event, first, Told("greedy", "1", ["greedy"]), input_sha256=matching.digest(event))
    assert not isinstance(played.ask("server", "offer_plan", input_sha256=soon["input_sha256"], plan=soon), Refusal)
    (key,) = rules.due(played.state)
    assert key.startswith("better:")
    good = solved(rules.snapshot(played.state, key))
    assert good["objective"]["value"] > soon["objective"]["value"]
    replaced = played.ask("server", "offer_plan", input_sha256=good["input_sha256"], plan=good)
    assert not isinstance(replaced, Refusal) and len(replaced) == 1
    offered = played.view("desk")["offered"]
    assert (offered["number"], offered["value"]) == (1, good["objective"]["value"])
    assert played.ask("server", "offer_plan", input_sha256=soon["input_sha256"], plan=soon) == [], "the worse one"
    assert played.desk("publish_plan", plan=1) and rules.due(played.state) == ()
    assert played.routes()["n0"] == [*good["assignment"]["n0"]]
    assert played.ask("server", "offer_plan", input_sha256=good["input_sha256"], plan=good) == []
    assert played.ask("server", "give_up", what="better") == []


def test_a_desk_that_no_longer_wants_a_plan_drops_it_and_work_that_failed_gives_up() -> None:
    played = wishing()
    played.desk("ask_for_plan")
    done = played.work()
    assert played.desk("drop_plan")
    assert played.ask("server", "offer_plan", **done) == refused("plan_outdated")
    played.desk("ask_for_plan")
    played.ask("server", "give_up", what="plan")
    assert rules.due(played.state) == () and played.view("desk")["failed"] == "plan"
    played.desk("ask_for_plan")
    assert "failed" not in played.view("desk")


def test_the_same_plan_can_be_asked_for_again_and_is_work_of_its_own() -> None:
    played = wishing()
    keys: list[str] = []
    for do in ("drop_plan", "drop_plan", "publish_plan"):
        played.desk("ask_for_plan", fresh=True)
        keys += rules.due(played.state)
        assert not isinstance(played.offer(), Refusal)
        fields = {"plan": played.view("desk")["offered"]["number"]} if do == "publish_plan" else {}
        assert not isinstance(played.desk(do, **fields), Refusal)
    played.desk("ask_for_plan", fresh=True)
    keys += rules.due(played.state)
    assert len({key.split(":")[1] for key in keys}) == 1 and len(set(keys)) == 4
    assert not isinstance(played.offer(), Refusal)


def faults(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Plans that are none, by what is wrong with them."""
    found: dict[str, dict[str, Any]] = {}

    def bad(name: str) -> dict[str, Any]:
        found[name] = copy.deepcopy(plan)
        return found[name]

    bad("twice at one stall")["assignment"]["n0"][1] = plan["assignment"]["n0"][0]
    bad("a person less")["assignment"].pop("n0")
    bad("a person more")["assignment"]["nobody"] = ["p1", "p2", "p3"]
    bad("a stall that is not there")["assignment"]["n0"][0] = "p9"
    bad("a round less")["assignment"]["n0"].pop()
    bad("no route")["assignment"]["n0"] = "p1"
    bad("a place nobody has")["assignment"]["n0"][0] = None
    bad("a value too high")["objective"]["value"] += 1
    bad("parts that do not add up")["objective"]["parts"]["mix"] += 1
    bad("a bound under the value")["objective"]["bound"] = plan["objective"]["value"] - 1
    bad("a breach that is none")["broken"].append({"rule": "M1", "person": "n0", "round": 1})
    bad("duty for a guest")["hosting"]["n0"][0] = "p1"
    bad("no objective").pop("objective")
    bad("warnings in words")["warnings"] = ["careful"]
    found["nothing"] = {}
    return found


def test_a_plan_that_breaks_a_rule_in_silence_is_not_taken() -> None:
    played = wishing()
    played.phone("n11", "avoid", stall="p2", on=True)
    played.desk("ask_for_plan")
    done = played.work()
    for name, plan in faults(done["plan"]).items():
        assert (
            code_of(played.ask("server", "offer_plan", input_sha256=done["input_sha256"], plan=plan)) == "bad_plan"
        ), name
    vetoed = copy.deepcopy(done["plan"])
    route = vetoed["assignment"]["n11"]
    route[route.index(next(stall for stall in route if stall))] = "p2"
    event = matching.read(rules.snapshot(played.state, rules.due(played.state)[0]))
    vetoed["broken"] = matching.broken(event, vetoed["assignment"])
    vetoed["objective"] |= {
        "value": matching.value(event, vetoed["assignment"]).value,
        "parts": matching.value(event, vetoed["assignment"]).as_dict(),
        "bound": None,
    }
    answer = played.ask("server", "offer_plan", input_sha256=done["input_sha256"], plan=vetoed)
    assert answer == refused("bad_plan", why="rule"), "a veto is never relaxed, declared or not"
    assert not isinstance(played.ask("server", "offer_plan", **done), Refusal)


def test_the_plan_that_is_kept_holds_nobodys_ratings() -> None:
    played = wishing()
    played.publish()
    (kept,) = [one.fact for one in played.happened if one.fact.kind == "plan_offered"]
    assert "people" not in kept.plan and kept.plan["assignment"].keys() == played.people.keys()  # type: ignore[attr-defined]


def test_only_the_house_itself_offers_plans() -> None:
    played = wishing()
    played.desk("ask_for_plan")
    done = played.work()
    assert messages.OfferPlan.by == frozenset({"server"})
    for by in ("desk", "phone"):
        assert played.ask(by, "offer_plan", "n0" if by == "phone" else None, **done) == refused("not_allowed")


def test_relaxed_rules_are_told_to_the_desk() -> None:
    played = wishing(people=20)
    played.publish()
    broken = played.view("desk")["plan"]["broken"]
    assert {one["rule"] for one in broken} == {"M3"} and played.view("desk")["plan"]["quality"] is None


def test_hosts_take_turns_and_are_told_what_they_do() -> None:
    played = wishing()
    for name in ("n0", "n1"):
        played.phone(name, "present", stall="p1", on=True)
    played.publish()
    duty = [played.mine(name)["duty"] for name in ("n0", "n1")]
    assert duty == [["p1", None, "p1"], [None, "p1", None]]
    assert "p1" not in played.mine("n0")["route"] and played.mine("n0")["why"][0] == [
        {"code": "hosting", "stall": "p1"}
    ]


def test_wishes_stay_open_after_a_plan_and_change_later_plans_only() -> None:
    played = wishing()
    played.publish()
    before = played.routes()
    played.phone("n0", "wish", stall="p4", level=3)
    assert played.mine("n0")["interests"]["p4"] == 3 and played.routes() == before


def test_sliders_go_into_the_next_plan_with_mixing_in_its_three_parts() -> None:
    played = wishing()
    played.desk("set_weights", mixing=24, coverage=0)
    played.desk("ask_for_plan")
    weights = rules.snapshot(played.state, rules.due(played.state)[0])["weights"]
    assert weights == {
        "interest": 10, "mix_first": 24, "mix_second": 8, "mix_over": 12, "colleagues": 8, "coverage": 0,
    }  # fmt: skip
    assert played.desk("set_weights", mixing=24) == []


def test_a_pin_is_kept_by_every_later_plan_until_it_is_taken_out() -> None:
    played = wishing()
    played.publish()
    route = played.mine("n5")["route"]
    stall = next(id for id in ("p1", "p2", "p3", "p4") if id not in route[:1])
    played.desk("pin", person="n5", stall=stall, round=1)
    played.publish()
    assert played.mine("n5")["route"][0] == stall and played.mine("n5")["why"][0][0] == {"code": "pinned"}
    played.publish(fresh=True)
    assert played.mine("n5")["route"][0] == stall
    played.desk("unpin", person="n5", round=1)
    assert played.view("desk")["pins"] == [] and played.desk("unpin", person="n5", round=1) == []


def test_a_pin_that_a_veto_forbids_is_not_held_and_no_reason_is_said() -> None:
    played = wishing()
    played.phone("n5", "avoid", stall="p1", on=True)
    assert not isinstance(played.desk("pin", person="n5", stall="p1", round=1), Refusal)
    played.phone("n6", "say_organisation", organisation="Org 1")
    played.desk("pin", person="n6", stall="p1", round=1)
    pins = played.view("desk")["pins"]
    assert [pin.pop("person") for pin in pins] == ["n5", "n6"]
    assert pins[0] == pins[1] == {"stall": "p1", "round": 1, "held": False}
    played.publish()
    assert "p1" not in played.mine("n5")["route"]


def test_a_veto_after_the_plan_was_made_stops_its_publishing_without_a_word_about_it() -> None:
    played = wishing()
    played.desk("ask_for_plan")
    played.offer()
    assert played.state.offered is not None
    stall = played.state.offered.assignment["n3"][0]
    played.phone("n3", "avoid", stall=stall, on=True)
    assert played.desk("publish_plan", plan=1) == refused("plan_outdated")
    played.publish()
    assert stall not in played.mine("n3")["route"]


# What is erased


def erased(played: Market, person: str) -> Market:
    """The same room after this person was erased: their facts emptied, the person gone, everything folded anew."""
    again = Market(rules, messages, played.setup, played.level, dict(played.people))
    again.told()
    for kept in played.happened:
        fact = kept.fact
        if kept.voter == person:
            fact = type(fact).model_validate_json(marks.erased(type(fact), json.loads(fact.model_dump_json())))
        again.state = rules.evolve(again.state, Happening(fact, kept.at, kept.voter, kept.group, kept.number))
        again.happened.append(kept._replace(fact=fact))
    again.told(person)
    return again


def test_erasing_a_person_takes_their_words_and_leaves_the_counts() -> None:
    played = wishing()
    played.phone("n3", "say_organisation", organisation=f"Studio {CANARY}")
    played.phone("n3", "add_practice", stall="canary0000000001", fields={"title": f"Orto {CANARY}", "offers": [CANARY]})
    played.publish()
    played.desk("start_round")
    played.phone("n3", "check_in", stall="p2")
    played.phone("n3", "write_note", note="note000000000001", stall="p2", kind="note", text=f"Nota {CANARY}")
    played.phone("n3", "say_tags", offers=[f"tag {CANARY}"], needs=[])
    played.desk("end_round")
    count = [stall["rounds"][0]["count"] for stall in played.view("wall")["stalls"]]
    assert CANARY in json.dumps([played.view("desk"), rules.outcomes(played.state), rules.rows(played.state)])
    after = erased(played, "n3")
    everything = [after.view(screen) for screen in ("phone", "wall", "desk")]
    everything += [after.mine(name) for name in played.people] + rules.outcomes(after.state)
    assert CANARY not in json.dumps([*everything, rules.rows(after.state)])
    assert [stall["rounds"][0]["count"] for stall in after.view("wall")["stalls"]] == count
    assert "n3" not in json.dumps(after.view("desk")["people"])
    assert after.state.wishes.get("n3") is None


def test_the_plan_on_the_desk_can_be_worked_with_off_the_line() -> None:
    played = wishing()
    assert rules.planned(played.state) is None
    played.desk("ask_for_plan")
    played.offer()
    planned = rules.planned(played.state)
    assert planned is not None and matching.broken(matching.read(planned["event"]), planned["assignment"]) == []


def test_a_session_whose_people_were_erased_for_its_age_still_replays_with_its_counts() -> None:
    played, _ = agreed()
    played.phone("n0", "wish", stall="p2", level=3)
    played.phone("n0", "avoid", stall="p3", on=True)
    played.phone("n0", "present", stall="p1", on=True)
    played.phone("n0", "turn_away", stall="p1", organisation="org 2", on=True)
    played.publish()
    played.play_round()
    count = [stall["rounds"][0]["count"] for stall in played.view("wall")["stalls"]]
    again = Market(rules, messages, played.setup, played.level, dict(played.people))
    again.told()
    for kept in played.happened:
        body = json.loads(kept.fact.model_dump_json())
        fact = type(kept.fact).model_validate_json(marks.erased(type(kept.fact), body, "personal"))
        again.state = rules.evolve(again.state, kept._replace(fact=fact))
    assert [stall["rounds"][0]["count"] for stall in again.view("wall")["stalls"]] == count
    assert not again.state.wishes and not again.state.never and not again.state.turned_away
    assert not again.state.wants and not any(again.state.organisation_of.values())
    json.dumps([rules.outcomes(again.state), rules.rows(again.state), again.view("desk"), again.mine("n0")])


def test_whoever_leaves_the_session_keeps_the_visits_they_made_and_loses_those_to_come() -> None:
    played = wishing()
    played.publish()
    played.play_round()
    first = [stall["rounds"][0]["count"] for stall in played.view("wall")["stalls"]]
    played.told("n3")
    assert [stall["rounds"][0]["count"] for stall in played.view("wall")["stalls"]] == first
    assert sum(stall["rounds"][1]["count"] for stall in played.view("wall")["stalls"]) == 11


# What is left


def test_a_marketplace_leaves_practices_visits_notes_and_what_was_agreed() -> None:
    played = wishing()
    played.publish()
    played.play_round()
    played.phone("n0", "write_note", note="note000000000001", stall="p1", kind="learned", text="Si può fare")
    left = rules.outcomes(played.state)
    by_kind: dict[str, list[Any]] = {}
    for one in left:
        by_kind.setdefault(one["kind"], []).append(one)
    assert list(by_kind) == ["practice", "marketplace", "visits", "stall_note"]
    market = by_kind["marketplace"][0]
    assert sum(stall["visits"] for stall in market["stalls"]) == 12 and market["plan"]["totals"]["mix_index"] > 0
    assert "n0" not in json.dumps([market, by_kind["practice"], by_kind["stall_note"]])
    visits = by_kind["visits"][0]
    assert visits["internal"] is True and sorted(name for stall in visits["rounds"][0] for name in stall) == sorted(
        played.people
    )
    sheets = {row["sheet"] for row in rules.rows(played.state)}
    assert sheets == {"practices", "stalls", "visits", "notes"}


def test_a_small_group_is_not_told_apart_in_what_is_left() -> None:
    played = wishing()
    played.came("lonely", "other_group")
    played.publish()
    played.play_round()
    market = next(one for one in rules.outcomes(played.state) if one["kind"] == "marketplace")
    assert "other_group" not in json.dumps(market)
    assert any("by_group" in stall for stall in market["stalls"])


# The panel


def panel() -> Market:
    played = room()
    for n in range(12):
        played.phone(f"n{n}", "say_organisation", organisation=f"Org {n % 4 + 1}")
    played.desk("go_to", phase="panel")
    return played


def want(played: Market, who: str, organisation: str, strength: int = 3) -> Any:
    return played.phone(who, "want_peer", organisation=organisation, strength=strength, kind="both")


def paired(played: Market) -> None:
    assert not isinstance(played.desk("ask_for_pairs"), Refusal)
    assert not isinstance(played.offer(), Refusal)
    number = played.view("desk")["panel"]["offered"]["number"]
    assert not isinstance(played.desk("publish_pairs", pairs=number), Refusal)


def test_who_speaks_for_nobody_wishes_for_no_organisation() -> None:
    played = room()
    played.phone("n0", "say_organisation", organisation="Org 1")
    assert want(played, "n1", "org 1") == refused("no_organisation")
    assert want(played, "n0", "org 9") == refused("no_organisation")
    assert want(played, "n0", "org 1") == refused("no_organisation")


def test_wishes_of_organisations_are_their_members_own_and_the_desk_has_counts() -> None:
    played = panel()
    want(played, "n0", "org 2")
    assert played.mine("n4")["wants"] == {"org 2": {"strength": 3, "kind": "both"}}, "n4 is of the same organisation"
    assert played.mine("n1")["wants"] == {}
    assert played.view("desk")["panel"]["wants"]["org 1"] == 1
    assert '"wants"' not in json.dumps(played.view("phone")["panel"])


def test_tags_meet_across_languages_and_a_need_that_nobody_offers_is_listed() -> None:
    played = panel()
    played.people["n1"] = Somebody(GROUPS[1], language="en")
    played.phone("n0", "say_tags", offers=["Offer 2", "cura"], needs=[])
    played.phone("n1", "say_tags", offers=[], needs=["CURA", "denaro"])
    want(played, "n0", "org 2")
    want(played, "n1", "org 1")
    paired(played)
    (pair,) = played.view("wall")["panel"]["pairs"]
    assert (pair["a"], pair["b"], pair["mutual"]) == ("org 1", "org 2", True)
    assert pair["reasons"] == [{"from": "org 1", "to": "org 2", "tags": [{"it": "cura", "en": "CURA"}]}]
    assert {"en": "denaro"} in played.view("phone")["panel"]["unoffered"]
    assert played.mine("n4")["tags"]["offers"][0] == {"it": "Offer 2"}


def test_a_wish_of_one_side_is_told_to_that_side_only() -> None:
    played = panel()
    played.phone("n0", "say_tags", offers=[], needs=[])
    played.phone("n3", "say_tags", offers=[], needs=[])
    want(played, "n0", "org 4")
    want(played, "n1", "org 3")
    want(played, "n2", "org 2")
    paired(played)
    assert played.mine("n0")["told"] == ["org 4"] and played.mine("n4")["told"] == ["org 4"]
    assert played.mine("n3")["told"] == []
    for screen in ("phone", "wall"):
        shown = played.view(screen)["panel"]
        assert shown["also"] == [] and [{pair["a"], pair["b"]} for pair in shown["pairs"]] == [{"org 2", "org 3"}]
        assert shown["without"] == ["org 1", "org 4"]


def test_what_is_also_worth_talking_about_tells_no_wish_of_one_side_to_the_room() -> None:
    played = panel()
    played.phone("n2", "say_tags", offers=["cura"], needs=[])
    played.phone("n0", "say_tags", offers=[], needs=["cura"])
    want(played, "n0", "org 3")
    want(played, "n1", "org 4")
    want(played, "n3", "org 2")
    played.desk("ask_for_pairs")
    done = played.work()
    nothing = {"pairs": [], "value": 0, "engine": {}}
    assert not isinstance(
        played.ask("server", "offer_pairs", input_sha256=done["input_sha256"], proposal=nothing), Refusal
    )
    played.desk("publish_pairs", pairs=1)
    assert sorted(map(sorted, played.view("desk")["panel"]["also"])) == [["org 1", "org 3"], ["org 2", "org 4"]]
    for screen in ("phone", "wall"):
        assert [sorted(pair) for pair in played.view(screen)["panel"]["also"]] == [["org 2", "org 4"]]


def test_an_organisation_that_another_avoids_is_never_paired_and_nobody_is_told_why() -> None:
    played = panel()
    want(played, "n0", "org 2")
    want(played, "n1", "org 1")
    want(played, "n2", "org 1")
    want(played, "n0", "org 3")
    views = {screen: json.dumps(played.view(screen)) for screen in ("phone", "wall", "desk")}
    played.phone("n1", "avoid_peer", organisation="org 1", on=True)
    assert {screen: json.dumps(played.view(screen)) for screen in views} == views
    assert played.mine("n0")["avoids"] == [] and played.mine("n5")["avoids"] == ["org 1"]
    paired(played)
    assert [{pair["a"], pair["b"]} for pair in played.view("desk")["panel"]["pairs"]] == [{"org 1", "org 3"}]


def test_pairs_that_are_no_selection_of_this_panel_are_not_taken() -> None:
    played = panel()
    want(played, "n0", "org 2")
    want(played, "n1", "org 1")
    played.desk("ask_for_pairs")
    done = played.work()
    for bad in (
        {},
        {"pairs": [{"a": "org 1", "b": "org 3"}], "value": 1},
        done["proposal"] | {"value": 1},
        {"pairs": [3]},
    ):
        answer = played.ask("server", "offer_pairs", input_sha256=done["input_sha256"], proposal=bad)
        assert code_of(answer) == "bad_plan"
    want(played, "n2", "org 1")
    assert played.ask("server", "offer_pairs", **done) == refused("plan_outdated")
    assert not isinstance(played.offer(), Refusal)
    assert played.ask("server", "offer_pairs", **done) == refused("plan_outdated")


def agreed() -> tuple[Market, str]:
    played = panel()
    want(played, "n0", "org 2")
    want(played, "n1", "org 1")
    paired(played)
    (peer,) = played.mine("n0")["peers"]
    return played, peer


def peer_of(played: Market, peer: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in played.view("phone")["panel"]["peers"] if one["peer"] == peer)
    return found


def test_two_sides_agree_each_on_its_own_phone() -> None:
    played, peer = agreed()
    assert peer_of(played, peer)["status"] == "proposed" and peer_of(played, peer)["mutual"] is True
    base = peer_of(played, peer)["version"]
    played.phone("n0", "set_peer", peer=peer, base=base, set={"topic": "Cura", "format": "call", "owner": "Ufficio A"})
    played.phone("n0", "answer_peer", peer=peer, accept=True)
    assert peer_of(played, peer)["accepted"] == ["org 1"] and peer_of(played, peer)["status"] == "proposed"
    played.phone("n5", "answer_peer", peer=peer, accept=True)
    assert peer_of(played, peer)["status"] == "accepted"
    base = peer_of(played, peer)["version"]
    played.phone("n1", "set_peer", peer=peer, base=base, set={"owner": "Ufficio B"})
    assert peer_of(played, peer)["status"] == "accepted", "naming one's own owner changes nothing that was agreed"
    base = peer_of(played, peer)["version"]
    played.phone("n1", "set_peer", peer=peer, base=base, set={"date": "2027-05-04"})
    assert peer_of(played, peer)["accepted"] == ["org 2"], "the other side has to say yes to the day too"
    played.phone("n0", "answer_peer", peer=peer, accept=True)
    shown = peer_of(played, peer)
    assert shown["status"] == "scheduled" and shown["owners"] == {"org 1": "Ufficio A", "org 2": "Ufficio B"}
    left = next(one for one in rules.outcomes(played.state) if one["kind"] == "peer_activity")
    assert PeerActivity.model_validate({name: value for name, value in left.items() if name != "kind"}).mutual


def test_a_field_that_somebody_else_wrote_meanwhile_is_not_written_over() -> None:
    played, peer = agreed()
    played.phone("n0", "set_peer", peer=peer, base=1, set={"topic": "Cura"})
    late = played.phone("n1", "set_peer", peer=peer, base=1, set={"topic": "Denaro", "format": "call"})
    assert late == refused("changed_since", current={"topic": "Cura"}, version=2)
    assert "format" not in peer_of(played, peer)
    assert not isinstance(played.phone("n1", "set_peer", peer=peer, base=1, set={"format": "call"}), Refusal)
    assert played.phone("n1", "set_peer", peer=peer, base=1, set={"topic": "Cura"}) == []


def test_only_parties_write_and_answer_and_a_day_is_a_day() -> None:
    played, peer = agreed()
    assert played.phone("n2", "answer_peer", peer=peer, accept=True) == refused("not_a_party")
    assert played.phone("n2", "set_peer", peer=peer, base=1, set={"topic": "x"}) == refused("not_a_party")
    assert played.phone("n0", "set_peer", peer=peer, base=1, set={"date": "2027-02-30"}) == refused("bad_date")
    assert played.phone("n0", "set_peer", peer="nowhere", base=1, set={"topic": "x"}) == refused("gone")
    assert played.desk("answer_peer", peer=peer, accept=True) == refused("not_a_party")
    assert not isinstance(played.desk("answer_peer", peer=peer, accept=True, organisation="org 1"), Refusal)


def test_a_no_drops_an_activity_of_two_until_it_is_a_yes() -> None:
    played, peer = agreed()
    played.phone("n0", "answer_peer", peer=peer, accept=False)
    assert peer_of(played, peer)["status"] == "dropped"
    played.phone("n0", "answer_peer", peer=peer, accept=True)
    assert peer_of(played, peer)["status"] == "proposed"


def test_anybody_proposes_an_activity_by_hand_and_it_does_not_tell_what_the_other_side_wished() -> None:
    played = panel()
    want(played, "n0", "org 2")
    want(played, "n1", "org 1")
    played.phone("n0", "propose_peer", peer="byhand0000000001", parties=["org 2", "org 3"], topic="Cura")
    shown = peer_of(played, "byhand0000000001")
    assert shown["parties"] == ["org 1", "org 2", "org 3"] and shown["mutual"] is False
    played.phone("n0", "propose_peer", peer="byhand0000000002", parties=["org 2"])
    assert peer_of(played, "byhand0000000002")["mutual"] is False
    played.phone("n1", "answer_peer", peer="byhand0000000002", accept=True)
    assert peer_of(played, "byhand0000000002")["mutual"] is True
    assert played.phone("n0", "propose_peer", peer="byhand0000000003", parties=["org 1"]) == refused("no_organisation")


def test_a_second_proposal_keeps_what_people_worked_on_and_takes_back_what_nobody_touched() -> None:
    played = panel()
    for who, other in (("n0", "org 2"), ("n1", "org 1"), ("n2", "org 4"), ("n3", "org 3")):
        want(played, who, other)
    paired(played)
    (peer,) = played.mine("n0")["peers"]
    played.phone("n0", "set_peer", peer=peer, base=1, set={"topic": "Cura"})
    for who, other in (("n0", "org 2"), ("n1", "org 1"), ("n2", "org 4"), ("n3", "org 3")):
        want(played, who, other, 0)
    want(played, "n1", "org 3")
    want(played, "n2", "org 2")
    paired(played)
    peers = {frozenset(one["parties"]): one for one in played.view("phone")["panel"]["peers"]}
    assert peers.keys() == {frozenset({"org 1", "org 2"}), frozenset({"org 2", "org 3"})}
    assert peers[frozenset({"org 1", "org 2"})]["topic"] == "Cura"
    played.desk("drop_peer", peer=peer)
    assert played.desk("drop_peer", peer=peer) == refused("gone")


# Everything again


SAMPLE = tomllib.loads((Path(__file__).parent / "sample.toml").read_text("utf-8"))


def test_the_plans_of_the_sample_are_those_of_its_own_input() -> None:
    groups = {"a": GROUPS[0], "c": GROUPS[0], "b": GROUPS[1], "s": GROUPS[1]}
    who = {step["who"] for step in SAMPLE["script"] if "who" in step}
    people = {name: Somebody(groups[name[0]], language="en" if groups[name[0]] == GROUPS[1] else "it") for name in who}
    played = Rehearsal(rules, messages, SAMPLE["setup"], people=people)
    asked = 0
    for step in SAMPLE["script"]:
        if "do" not in step:
            played.run_clock()
            continue
        if step["do"] in ("offer_plan", "offer_pairs") and "expect" not in step:
            assert rules.due(played.state)[0].split(":")[1] == step["with"]["input_sha256"]
            asked += 1
        played.ask(step["by"], step["do"], step.get("who"), **step.get("with", {}))
    assert asked == 3 and played.replayed() == played.state


NAMES = [f"n{n}" for n in range(8)]
STALLS = ["p1", "p2", "p3", "p4", "brought000000001", "nowhere"]
ORGANISATIONS = ["org 1", "org 2", "org 3", "orti"]


def some_asks() -> st.SearchStrategy[tuple[str, str | None, str, dict[str, Any]]]:
    stall, name, on = st.sampled_from(STALLS), st.sampled_from(NAMES), st.booleans()
    organisation, number = st.sampled_from(ORGANISATIONS), st.integers(1, 4)

    def phone(do: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.tuples(st.just("phone"), name, st.just(do), st.fixed_dictionaries(fields))

    def desk(do: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.tuples(st.just("desk"), st.none(), st.just(do), st.fixed_dictionaries(fields))

    return st.one_of(
        phone("say_organisation", organisation=st.sampled_from(["Org 1", "ORG 2", "Org 3", "Orti", ""])),
        phone("wish", stall=stall, level=st.one_of(st.none(), st.integers(0, 3))),
        phone("avoid", stall=stall, on=on),
        phone("present", stall=stall, on=on),
        phone("turn_away", stall=stall, organisation=organisation, on=on),
        phone("add_practice", stall=st.just("brought000000001"), fields=st.just({"title": "Orto", "needs": ["cura"]})),
        phone("check_in", stall=stall),
        phone("be_away", on=on),
        phone("rate_visit", round=number, how=st.just("useful")),
        phone("say_tags", offers=st.just(["cura"]), needs=st.just(["offerta 1"])),
        phone("want_peer", organisation=organisation, strength=st.integers(0, 3), kind=st.just("both")),
        phone("avoid_peer", organisation=organisation, on=on),
        desk(
            "set_stall",
            stall=stall,
            set=st.sampled_from([{"capacity": 1}, {"open": [2]}, {"hosting": "stay"}, {"minimum": 1}]),
        ),
        desk("remove_stall", stall=stall),
        desk("restore_stall", stall=stall),
        desk("pin", person=name, stall=stall, round=number),
        desk("set_away", person=name, on=on),
        desk("ask_for_plan", fresh=on),
        desk("publish_plan", plan=number),
        desk("start_round"),
        desk("start_round"),
        desk("end_round"),
        desk("more_time", seconds=st.just(90)),
        desk("circulate", on=on),
        desk("ask_for_pairs"),
        desk("publish_pairs", pairs=number),
        st.just(("server", None, "work", {})),
        st.just(("server", None, "work", {})),
        st.just(("clock", None, "hold", {})),
        st.just(("clock", None, "go_on", {})),
        st.just(("clock", None, "due", {})),
    )


@given(asks=st.lists(some_asks(), max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_people_do_a_replay_comes_to_the_same_and_begun_rounds_never_change(asks: list[Any]) -> None:
    played = Market(rules, messages, setup())
    begun: dict[int, Any] = {}
    for by, who, do, fields in [
        ("phone", name, "say_organisation", {"organisation": "Org 1"}) for name in NAMES
    ] + asks:
        played.now += 7_000
        if do == "work":
            if rules.due(played.state):
                assert not isinstance(played.offer(), Refusal)
        elif do == "due":
            played.run_clock()
        else:
            played.ask(by, do, who, **fields)
        for number, round in played.state.rounds.items():
            assert begun.setdefault(number, round.seats) == round.seats
        for screen in ("phone", "wall", "desk"):
            played.view(screen)
        if played.state.plan is not None:
            vetoes = {name: played.state.never.get(name, ()) for name in NAMES}
            for name in NAMES:
                if played.mine(name).get("route") and not vetoes[name]:
                    assert len(played.mine(name)["route"]) == 3
    assert played.replayed() == played.state
    for name in NAMES:
        played.mine(name)
    json.dumps([rules.outcomes(played.state), rules.rows(played.state)])


def test_a_rehearsal_led_by_a_simulated_facilitator_comes_to_its_end() -> None:
    sample = sample_of(SAMPLE["rehearsal"], "en", "2026-11-22")
    played = room(people=16, stalls=5, rounds=2, capacity=4)
    seed = 1
    for _ in range(400):
        played.now += 20_000
        for name in played.people:
            seed += 1
            done = rules.rehearse(played.view("phone"), played.mine(name), seed, sample)
            if done is not None:
                played.phone(name, done[0], **done[1])
        if rules.due(played.state):
            played.offer()
        persons = [{"person": name, "here": True} for name in played.people]
        led = rules.lead(
            played.view("desk"), {"answered": rules.answered(played.state), "persons": persons}, seed, sample
        )
        if led == "done":
            break
        if led:
            assert not isinstance(played.desk(led[0], **led[1]), Refusal), led
    else:
        raise AssertionError(f"still at {played.state.phase}, round {played.state.round}")
    assert played.state.round == 2 and played.state.pairs is not None
    assert played.now > NINE_OCLOCK
    agreed = [peer for peer in played.state.peers.values() if peer.status == "scheduled"]
    assert agreed and all(peer.date and "2026-12-06" <= peer.date < "2027-02-14" for peer in agreed)
