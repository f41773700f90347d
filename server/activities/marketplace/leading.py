"""What a simulated person and a simulated facilitator do at a marketplace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contract.rehearse import Draws, enough, some_day

_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#: Stalls a simulated person rates, and the share of notes: one visit in three.
RATED, NOTED = 6, 3
#: A rehearsal's rounds are short: they end when so many have checked in, in tenths of the room.
SEEN = 6


def new_id(draws: Draws) -> str:
    return "".join(draws.one(_SIGNS) for _ in range(16))


def rehearse(view: Mapping[str, Any], mine: Mapping[str, Any], seed: int, sample: Mapping[str, Any]) -> Any:
    """(do, with) or None. sample: {"organisations", "notes", "offers", "needs", "topics", "steps": [texts]}.

    Who they are comes first, then wishes, then the visits, then the panel.
    """
    draws = Draws(seed)
    if not view["stalls"]:
        return None
    if not mine["organisation_said"]:
        names = sample.get("organisations") or [one["name"] for one in view["organisations"]]
        return ("say_organisation", {"organisation": draws.one(names)}) if names else _wishes(view, mine, draws)
    if mine.get("away"):
        return "be_away", {"on": False}
    if view["phase"] == "panel" and view.get("panel"):
        return _panels(view, mine, draws, sample)
    if view["state"] == "running" or (view["free"] and view["phase"] == "rounds"):
        return _visits(view, mine, draws, sample)
    return _before(view, mine, draws)


def _before(view: Mapping[str, Any], mine: Mapping[str, Any], draws: Draws) -> Any:
    own = mine["organisation"]["name"] if "organisation" in mine else None
    lacking = [
        stall["id"]
        for stall in view["stalls"]
        if own is not None and stall.get("organisation") == own and stall["hosts"] < 2
    ]
    if view["state"] == "waiting" and not view["published"] and lacking and not mine["presents"] and draws.below(2):
        return "present", {"stall": draws.one(lacking), "on": True}
    return _wishes(view, mine, draws)


def _wishes(view: Mapping[str, Any], mine: Mapping[str, Any], draws: Draws) -> Any:
    rated = mine.get("interests", {})
    open_ = [stall["id"] for stall in view["stalls"] if stall["id"] not in (*rated, *mine.get("presents", ()))]
    if open_ and len(rated) < RATED:
        return "wish", {"stall": draws.one(open_), "level": draws.one((0, 1, 1, 2, 2, 3))}
    if draws.below(40) == 0 and open_ and len(mine.get("never", ())) < 1:
        return "avoid", {"stall": draws.one(open_), "on": True}
    return None


def _visits(view: Mapping[str, Any], mine: Mapping[str, Any], draws: Draws, sample: Mapping[str, Any]) -> Any:
    number = view["round"]
    past = [one for one in mine["visits"] if one["round"] < number and str(one["round"]) not in mine["ratings"]]
    if past and draws.below(2):
        how = draws.one(("useful", "useful", "useful", "too_short", "not_for_me", "did_not_take_place"))
        return "rate_visit", {"round": past[0]["round"], "how": how}
    if "here" not in mine:
        route = mine.get("route") or []
        stall = route[number - 1] if 0 < number <= len(route) else None
        stall = stall or (mine.get("duty") or [None] * number)[number - 1] if number else stall
        room = [one["id"] for one in view["stalls"] if not one.get("full") and one["id"] not in mine["presents"]]
        if (stall is None or draws.below(15) == 0) and room:
            stall = draws.one(room)
        return ("check_in", {"stall": stall}) if stall else None
    texts = sample.get("notes") or []
    here = [one for one in mine["notes"] if one["stall"] == mine["here"]]
    if texts and not here and draws.below(NOTED) == 0:
        note = {"note": new_id(draws), "stall": mine["here"], "text": draws.one(texts)}
        return "write_note", note | {"kind": draws.one(("note", "question", "learned"))}
    return None


def _panels(view: Mapping[str, Any], mine: Mapping[str, Any], draws: Draws, sample: Mapping[str, Any]) -> Any:
    if "organisation" not in mine:
        return None
    panel, own = view["panel"], mine["organisation"]["id"]
    theirs = next((one for one in panel["organisations"] if one["id"] == own), None)
    if theirs is None or not (theirs["offers"] or theirs["needs"]):
        offers, needs = sample.get("offers") or [], sample.get("needs") or []
        if offers or needs:
            return "say_tags", {"offers": draws.some(offers, 2), "needs": draws.some(needs, 2)}
    activities = {one["peer"]: one for one in panel["peers"]}
    for id in mine["peers"]:
        done = _answers(activities[id], own, draws, sample) if id in activities else None
        if done is not None:
            return done
    others = [one["id"] for one in panel["organisations"] if one["id"] != own and one["id"] not in mine["wants"]]
    if others and len(mine["wants"]) < 3 and not panel["published"]:
        want = {"organisation": draws.one(others), "strength": 1 + draws.below(3)}
        topics = sample.get("topics") or []
        kind = draws.one(("wants_to_learn", "can_offer", "both"))
        return "want_peer", want | {"kind": kind} | ({"topic": draws.one(topics)} if topics else {})
    return None


def _answers(peer: Mapping[str, Any], own: str, draws: Draws, sample: Mapping[str, Any]) -> Any:
    """Fills what the activity lacks, then says yes, now and then no."""
    having = {"peer": peer["peer"], "base": peer["version"]}
    if own in peer["refused"]:
        return None
    if "topic" not in peer and sample.get("topics"):
        return "set_peer", {**having, "set": {"topic": draws.one(sample["topics"])}}
    if "format" not in peer:
        return "set_peer", {**having, "set": {"format": draws.one(("study_visit", "call", "mentoring"))}}
    day = some_day(draws, sample)
    if "date" not in peer and day is not None:
        return "set_peer", {**having, "set": {"date": day}}
    if own not in peer["owners"] and sample.get("owners"):
        return "set_peer", {**having, "set": {"owner": draws.one(sample["owners"])}}
    if "first_step" not in peer and sample.get("steps"):
        return "set_peer", {**having, "set": {"first_step": draws.one(sample["steps"])}}
    if own not in peer["accepted"]:
        return "answer_peer", {"peer": peer["peer"], "accept": draws.below(12) > 0}
    return None


def lead(view: Mapping[str, Any], desk: Mapping[str, Any], seed: int, sample: Mapping[str, Any]) -> Any:
    """(do, with), "done", or None where people, or the solver, are waited for."""
    if view["phase"] == "panel":
        return _leads_panel(view)
    if view["state"] == "running":
        people = [one for one in view["people"] if not one["away"]]
        seen = sum(len(there) for there in view.get("seen", {}).values())
        return ("end_round", {}) if people and seen * 10 >= len(people) * SEEN else None
    if "offered" in view:
        return "publish_plan", {"plan": view["offered"]["number"]}
    if view["asked"]:
        return None
    if view["round"] >= view["rounds"]:
        return ("go_to", {"phase": "panel"}) if "panel" in view else "done"
    if not view["published"]:
        return ("ask_for_plan", {}) if enough(view, desk) and not _short(view) else _more_seats(view)
    late = sum(one["late"] for one in view["people"])
    if late:
        return "ask_for_plan", {}
    return "start_round", {"round": view["round"] + 1}


def _short(view: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in view["foreseen"] if one["code"] == "seats_short"]


def _more_seats(view: Mapping[str, Any]) -> Any:
    """A chair more at the smallest stall, while there are more people than seats."""
    if not _short(view):
        return None
    smallest = min(view["stalls"], key=lambda stall: stall["capacity"])
    return "set_stall", {"stall": smallest["id"], "set": {"capacity": smallest["capacity"] + 1}}


def _leads_panel(view: Mapping[str, Any]) -> Any:
    panel = view["panel"]
    if "offered" in panel:
        return "publish_pairs", {"pairs": panel["offered"]["number"]}
    if panel["asked"]:
        return None
    if not panel["published"]:
        wishing = sum(count > 0 for count in panel["wants"].values())
        speaking = len(panel["organisations"])
        return ("ask_for_pairs", {}) if speaking > 1 and wishing * 5 >= speaking * 4 else None
    waiting = [one for one in panel["peers"] if one["status"] == "proposed"]
    return None if waiting else "done"
