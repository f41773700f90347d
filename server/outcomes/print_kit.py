"""The print kit of a stage: slips for people, sheets for stalls, tents for tables; what holds when phones do not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..activities.contract import Text
from ..files import kit

if TYPE_CHECKING:
    from ..live.rooms import LiveRoom

#: What there is to print, by activity.
KITS: Mapping[str, tuple[str, ...]] = {"marketplace": ("slips", "sheets"), "tables": ("slips", "tents")}


async def printed(live: LiveRoom, stage: str, what: str, language: str, join_url: str) -> bytes | None:
    """A PDF; None where the stage has no such thing, or nobody and nothing to print it for yet.

    Made of what is published, else of nothing but the stalls or the tables. join_url: of the session.
    """
    room = live.room
    activity = room.activity_of(room.folded, stage)
    if what not in KITS.get(activity.name, ()):
        return None
    plan = room.folded.session.plan
    event = plan.title.in_language(language) if plan is not None else ""
    run, names, at = room.folded.runs[stage], dict(room.names), room.now()
    view = activity.rules.view(run, "desk")
    groups = {group.id: group.name.in_language(language) for group in plan.groups} if plan is not None else {}
    if activity.name == "tables":
        # The rows of the desk may be those of a draft.
        round, seats = activity.rules.in_room(run)
        people = {id: one.group or "" for id, one in room.folded.session.people.items()}
        rows = [{"person": id, "table": table, "group": people.get(id, "")} for id, table in seats.items()]
        view |= {"round": round, "seats": rows}

    def work() -> bytes | None:
        made = _market if activity.name == "marketplace" else _tables
        things = made(view, what, names, groups, language, join_url)
        if not things:
            return None
        if what == "slips":
            places: Any = "stall" if activity.name == "marketplace" else "table"
            return kit.slips(things, language, event=event, places=places, at=at)
        return (kit.sheets if what == "sheets" else kit.tents)(things, language, event=event, at=at)

    return await asyncio.to_thread(work)


def _market(
    view: Mapping[str, Any],
    what: str,
    names: Mapping[str, str],
    groups: Mapping[str, str],
    language: str,
    join_url: str,
) -> list[Any]:
    numbers = {stall["id"]: str(stall["n"]) for stall in view["stalls"]}
    titles = {stall["id"]: _said(stall["title"], language) for stall in view["stalls"]}
    organisations = {one["id"]: one["name"] for one in view["organisations"]}
    plan = view.get("plan")
    rounds = range(1, view["rounds"] + 1)
    if what == "sheets":
        return [_sheet(stall, rounds, _said(stall["title"], language), language, join_url) for stall in view["stalls"]]
    if plan is None:
        return []

    def turn(person: str, n: int) -> kit.Turn:
        for kind, routes in (("visit", plan["assignment"]), ("host", plan["hosting"])):
            stall = next(iter(routes.get(person, ())[n - 1 : n]), None)
            if stall is not None:
                return kit.Turn(n, numbers.get(stall, ""), titles.get(stall, stall), kind=kind)  # type: ignore[arg-type]
        return kit.Turn(n, kind="free")

    people = [one for one in view["people"] if not one["away"] and one["person"] in plan["assignment"]]
    people.sort(key=lambda one: (names.get(one["person"], "").casefold(), one["person"]))
    return [
        kit.Slip(
            names.get(one["person"], "") or one["person"],
            # A plan made anew says nothing of the rounds before it.
            tuple(turn(one["person"], n) for n in rounds if n >= plan["from_round"]),
            organisations.get(one.get("organisation"), ""),
        )
        for one in people
    ]


def _sheet(stall: Mapping[str, Any], rounds: range, title: str, language: str, join_url: str) -> kit.StallSheet:
    told = stall.get("rounds") or []
    turns = tuple(
        kit.StallTurn(
            n,
            told[n - 1]["count"] if len(told) >= n else None,
            stall["capacity"],
            open=n in stall["open"],
        )
        for n in rounds
    )
    return kit.StallSheet(
        str(stall["n"]),
        title,
        turns,
        str(stall.get("organisation") or ""),
        # The fragment never leaves the phone; its own page reads it and says where it is.
        f"{join_url.replace('/j/', '/s/')}#stall-{stall['id']}",
        text=_said(stall.get("text") or "", language),
    )


def _tables(
    view: Mapping[str, Any],
    what: str,
    names: Mapping[str, str],
    groups: Mapping[str, str],
    language: str,
    join_url: str,
) -> list[Any]:
    if what == "tents":
        return [
            kit.Tent(
                table["id"],
                table["symbol"],
                _said(table.get("name") or "", language),
                _said(table.get("host") or "", language),
            )
            for table in view["tables"]
        ]
    rows = sorted(view["seats"], key=lambda one: (names.get(one["person"], "").casefold(), one["person"]))
    return [
        kit.Slip(
            names.get(one["person"], "") or one["person"],
            (kit.Turn(view["round"], one["table"]),),
            groups.get(one["group"], ""),
        )
        for one in rows
    ]


def _said(text: Any, language: str) -> str:
    return text.in_language(language) if isinstance(text, Text) else str(text)
