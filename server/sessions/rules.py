"""Who is here and where we are in the day: the pure rules of a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..activities.contract import AFact, AnAsk, Happening, Moment, Refusal, Text, clean
from . import messages as m
from .plan import Plan

MINUTE = 60_000

Going = Literal["lobby", "open", "paused", "ended"]


@dataclass(frozen=True, slots=True)
class Person:
    group: str | None
    language: str
    joined_at: int
    table: str | None = None
    rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class Spent:
    """The time of one stage. `first_at`: when it was first opened; `ms`: clock time of its finished spans."""

    first_at: int
    ms: int = 0
    added_ms: int = 0
    closed_at: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """`current` is the stage that is open or was closed last; `running_since` is set while its clock runs."""

    plan: Plan | None = None
    source: str | None = None
    state: Going = "lobby"
    current: str | None = None
    stage_open: bool = False
    running_since: int | None = None
    stopped: bool = False
    message: str | None = None
    people: Mapping[str, Person] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)
    locked: bool = False
    spent: Mapping[str, Spent] = field(default_factory=dict)
    minutes: Mapping[str, int] = field(default_factory=dict)
    setups: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    made_at: int = 0
    started_at: int | None = None
    ended_at: int | None = None

    def setup(self, stage: str) -> Mapping[str, Any]:
        planned = self.plan.stage(stage) if self.plan else None
        return self.setups.get(stage) or (planned.setup if planned else {})

    def sizes(self) -> dict[str, int]:
        """People in the room per group, in the plan's order; empty groups are left out."""
        sizes: dict[str, int] = {}
        for person in self.people.values():
            if person.group is not None:
                sizes[person.group] = sizes.get(person.group, 0) + 1
        order = [group.id for group in self.plan.groups] if self.plan else []
        return {group: sizes[group] for group in order if group in sizes}

    def tables(self) -> dict[str, list[str]]:
        seated: dict[str, list[str]] = {}
        for id, person in self.people.items():
            if person.table is not None:
                seated.setdefault(person.table, []).append(id)
        return seated

    def planned_minutes(self, stage: str) -> int:
        planned = self.plan.stage(stage) if self.plan else None
        return self.minutes.get(stage, planned.minutes if planned else 0)

    def spent_ms(self, stage: str, now: int) -> int:
        """Clock time of a stage so far; pauses do not count."""
        spent = self.spent.get(stage)
        if spent is None:
            return 0
        running = stage == self.current and self.stage_open and self.running_since is not None
        return spent.ms + (max(0, now - self.running_since) if running and self.running_since is not None else 0)

    def total_ms(self, stage: str) -> int:
        spent = self.spent.get(stage)
        return max(0, self.planned_minutes(stage) * MINUTE + (spent.added_ms if spent else 0))


def start() -> State:
    return State()


def decide(state: State, ask: AnAsk, moment: Moment) -> list[AFact] | Refusal:
    """Facts of the session, or why not. Never raises; codes are keys of `words.*.toml`."""
    if state.state == "ended" and not isinstance(ask, m.ErasePerson | m.RemovePeople | m.RemoveRehearsal):
        return Refusal("session_over")
    match ask:
        case m.MakeSession(plan=plan, source=source):
            if state.plan is not None:
                return Refusal("already_made")
            return [m.SessionMade(plan=Plan.read(plan), source=source)]
        case m.Join():
            return _join(state, ask)
        case m.SpeakLanguage(language=language):
            if state.plan is None or language not in state.plan.languages:
                return Refusal("unknown_language")
            return [m.LanguageSpoken(language=language)]
        case m.TakeTable(table=table):
            label = _one_line(table)
            return [m.PeopleSeated(people=[moment.person or ""], table=label)] if label else Refusal("empty")
        case m.OpenStage(stage=stage):
            return _open(state, stage)
        case m.CloseStage():
            if not state.stage_open or state.current is None:
                return Refusal("no_open_stage")
            return [m.StageClosed(stage=state.current)]
        case m.GoNext():
            return _step(state, +1)
        case m.GoBack():
            return _step(state, -1)
        case m.Pause(message=message):
            if state.state == "paused":
                return Refusal("already_paused")
            if state.state == "lobby":
                return Refusal("no_open_stage")
            return [m.Paused(message=_one_line(message) or None)]
        case m.Resume():
            return [m.Resumed()] if state.state == "paused" else Refusal("not_paused")
        case m.StopClock():
            if not state.stage_open:
                return Refusal("no_open_stage")
            return [m.ClockStopped()] if not state.stopped else Refusal("clock_stands")
        case m.StartClock():
            if not state.stage_open:
                return Refusal("no_open_stage")
            return [m.ClockStarted()] if state.stopped else Refusal("clock_runs")
        case m.AddTime(seconds=seconds):
            if not state.stage_open:
                return Refusal("no_open_stage")
            return [m.TimeAdded(seconds=seconds)]
        case m.CutRest(minutes=minutes):
            return _cut(state, minutes)
        case m.LockRoom():
            return [] if state.locked else [m.RoomLocked()]
        case m.UnlockRoom():
            return [m.RoomUnlocked()] if state.locked else []
        case m.RenamePerson(person=person):
            return [m.PersonRenamed(person=person)] if person in state.people else Refusal("unknown_person")
        case m.RemovePeople(people=people):
            here = [person for person in dict.fromkeys(people) if person in state.people]
            return [m.PeopleRemoved(people=here)] if here else Refusal("unknown_person")
        case m.RemoveRehearsal():
            here = [id for id, person in state.people.items() if person.rehearsal]
            return [m.PeopleRemoved(people=here)] if here else []
        case m.SeatPeople(people=people, table=table):
            here = [person for person in dict.fromkeys(people) if person in state.people]
            return [m.PeopleSeated(people=here, table=_one_line(table) or None)] if here else Refusal("unknown_person")
        case m.SpreadTables(tables=tables):
            return _spread(state, tables)
        case m.EndSession():
            closing: list[AFact] = [m.StageClosed(stage=state.current)] if state.stage_open and state.current else []
            return [*closing, m.SessionEnded()]
        case m.SetSetup(stage=stage, setup=setup):
            if state.plan is None or state.plan.stage(stage) is None:
                return Refusal("unknown_stage")
            if stage in state.spent:
                return Refusal("already_opened")
            return [m.SetupSet(stage=stage, setup=setup)]
        case m.ReplaceBadge(person=person):
            return [m.BadgeReplaced(person=person)] if person in state.people else Refusal("unknown_person")
        case m.ErasePerson(person=person):
            known = person in state.people or person in state.gone
            return [m.PersonErased(person=person)] if known else Refusal("unknown_person")
    return Refusal("unknown_ask")


def _spread(state: State, tables: int) -> list[AFact]:
    """Each person goes where fewest of their group sit, then where fewest people do; equal ones to the lower number."""
    labels = [str(n) for n in range(1, tables + 1)]
    seated: dict[str, list[str]] = {label: [] for label in labels}
    of_group: dict[tuple[str, str | None], int] = {}
    sizes = dict.fromkeys(labels, 0)
    for person in state.people.values():
        if person.table in sizes:
            sizes[person.table] += 1
            of_group[person.table, person.group] = of_group.get((person.table, person.group), 0) + 1
    order = [group.id for group in state.plan.groups] if state.plan else []
    waiting = [(id, person.group) for id, person in state.people.items() if person.table is None]
    for id, group in sorted(waiting, key=lambda one: order.index(one[1]) if one[1] in order else len(order)):
        label = min(labels, key=lambda one: (of_group.get((one, group), 0), sizes[one], int(one)))
        seated[label].append(id)
        sizes[label] += 1
        of_group[label, group] = of_group.get((label, group), 0) + 1
    return [m.PeopleSeated(people=people, table=label) for label, people in seated.items() if people]


def works_by_table(state: State) -> bool:
    """Whether a stage of the plan gives each table something of its own, so that people should say where they sit."""
    plan = state.plan
    return plan is not None and any("table" in state.setup(stage.id).values() for stage in plan.stages)


def _one_line(typed: str | None) -> str:
    return " ".join(clean(typed or "").split())


def _join(state: State, ask: m.Join) -> list[AFact] | Refusal:
    if state.plan is None:
        return Refusal("unknown_session")
    if state.locked:
        return Refusal("room_locked")
    if len(state.people) >= ask.cap:
        return Refusal("room_full")
    if ask.group is not None and ask.group not in {group.id for group in state.plan.groups}:
        return Refusal("unknown_group")
    language = ask.language if ask.language in state.plan.languages else state.plan.languages[0]
    return [m.PersonJoined(group=ask.group, language=language, rehearsal=ask.rehearsal)]


def _open(state: State, stage: str) -> list[AFact] | Refusal:
    if state.plan is None or state.plan.stage(stage) is None:
        return Refusal("unknown_stage")
    if state.stage_open and state.current == stage and state.state == "open":
        return Refusal("already_open")
    facts: list[AFact] = [m.Resumed()] if state.state == "paused" else []
    if state.stage_open and state.current is not None and state.current != stage:
        facts.append(m.StageClosed(stage=state.current))
    if not (state.stage_open and state.current == stage):
        facts.append(m.StageOpened(stage=stage, tables=state.tables(), sizes=state.sizes()))
    return facts


def _step(state: State, by: int) -> list[AFact] | Refusal:
    if state.plan is None:
        return Refusal("unknown_session")
    ids = [stage.id for stage in state.plan.stages]
    if state.current is None:
        return _open(state, ids[0]) if by > 0 else Refusal("no_stage_before")
    to = ids.index(state.current) + by
    if to < 0:
        return Refusal("no_stage_before")
    if to >= len(ids):
        return Refusal("no_stage_after")
    return _open(state, ids[to])


def _cut(state: State, minutes: int) -> list[AFact] | Refusal:
    """Largest remainders, so that the cuts add up to the minutes asked; every stage keeps one minute."""
    coming = [id for id in coming_stages(state) if state.planned_minutes(id) > 1]
    room = sum(state.planned_minutes(id) - 1 for id in coming)
    if room < minutes:
        return Refusal("nothing_to_cut", details={"minutes": room})
    total = sum(state.planned_minutes(id) for id in coming)
    cuts = {id: min(minutes * state.planned_minutes(id) // total, state.planned_minutes(id) - 1) for id in coming}
    left = minutes - sum(cuts.values())
    for id in sorted(coming, key=lambda one: cuts[one] - state.planned_minutes(one)):
        more = min(left, state.planned_minutes(id) - 1 - cuts[id])
        cuts[id] += min(more, 1)
        left -= min(more, 1)
    for id in coming:
        more = min(left, state.planned_minutes(id) - 1 - cuts[id])
        cuts[id] += more
        left -= more
    return [m.RestCut(minutes={id: state.planned_minutes(id) - cut for id, cut in cuts.items() if cut})]


def coming_stages(state: State) -> list[str]:
    """The stages after the current one that were never opened, in the plan's order."""
    if state.plan is None:
        return []
    ids = [stage.id for stage in state.plan.stages]
    after = ids.index(state.current) + 1 if state.current in ids else 0
    return [id for id in ids[after:] if id not in state.spent]


def evolve(state: State, happened: Happening) -> State:
    """The state after one fact of the session."""
    fact, at = happened.fact, happened.at
    match fact:
        case m.SessionMade(plan=plan, source=source):
            return replace(state, plan=plan, source=source, made_at=at)
        case m.PersonJoined(group=group, language=language, rehearsal=rehearsal):
            person = Person(group, language, at, rehearsal=rehearsal)
            return replace(state, people={**state.people, str(happened.voter): person})
        case m.LanguageSpoken(language=language):
            return _with_people(state, [str(happened.voter)], language=language)
        case m.StageOpened(stage=stage):
            spent = state.spent.get(stage) or Spent(first_at=at)
            return replace(
                state,
                state="open",
                current=stage,
                stage_open=True,
                stopped=False,
                running_since=at,
                spent={**state.spent, stage: replace(spent, closed_at=None)},
                started_at=state.started_at if state.started_at is not None else at,
            )
        case m.StageClosed(stage=stage):
            state = _bank(state, at)
            spent = state.spent.get(stage) or Spent(first_at=at)
            return replace(
                state, stage_open=False, running_since=None, spent={**state.spent, stage: replace(spent, closed_at=at)}
            )
        case m.Paused(message=message):
            return replace(_bank(state, at), state="paused", message=message, running_since=None)
        case m.Resumed():
            running = at if state.stage_open and not state.stopped else None
            return replace(state, state="open", message=None, running_since=running)
        case m.ClockStopped():
            return replace(_bank(state, at), stopped=True, running_since=None)
        case m.ClockStarted():
            return replace(state, stopped=False, running_since=at if state.state == "open" else None)
        case m.TimeAdded(seconds=seconds):
            if state.current is None:
                return state
            spent = state.spent.get(state.current) or Spent(first_at=at)
            longer = replace(spent, added_ms=spent.added_ms + seconds * 1000)
            return replace(state, spent={**state.spent, state.current: longer})
        case m.RestCut(minutes=minutes):
            return replace(state, minutes={**state.minutes, **minutes})
        case m.RoomLocked():
            return replace(state, locked=True)
        case m.RoomUnlocked():
            return replace(state, locked=False)
        case m.PeopleRemoved(people=people):
            out = dict.fromkeys(people, "removed")
            left = {id: person for id, person in state.people.items() if id not in out}
            return replace(state, people=left, gone={**state.gone, **out})
        case m.PersonErased(person=person):
            left = {id: one for id, one in state.people.items() if id != person}
            return replace(state, people=left, gone={**state.gone, person: "erased"})
        case m.PeopleSeated(people=people, table=table):
            return _with_people(state, people, table=table)
        case m.SessionEnded():
            return replace(_bank(state, at), state="ended", stage_open=False, running_since=None, ended_at=at)
        case m.SetupSet(stage=stage, setup=setup):
            return replace(state, setups={**state.setups, stage: setup})
    return state


def _bank(state: State, at: int) -> State:
    """Adds the running span of the clock to the time spent."""
    if state.current is None or state.running_since is None or not state.stage_open:
        return state
    spent = state.spent.get(state.current) or Spent(first_at=at)
    banked = replace(spent, ms=spent.ms + max(0, at - state.running_since))
    return replace(state, spent={**state.spent, state.current: banked})


def _with_people(state: State, people: list[str], **change: Any) -> State:
    changed = {id: replace(state.people[id], **change) for id in people if id in state.people}
    return replace(state, people={**state.people, **changed}) if changed else state


SHAPES = 5


def letters(name: str) -> str:
    """Two letters for a group's badge: the first of its first two long words, else the first two of the name."""
    words = [word for word in name.replace("-", " ").split() if len(word) > 2] or name.split()
    initials = "".join(word[0] for word in words[:2]) if len(words) > 1 else name.strip()[:2]
    return initials.upper()


def groups_view(state: State) -> list[dict[str, Any]]:
    """The groups with badge letters per language and shape (LOOK 4: by place in the list; `other` has its own)."""
    if state.plan is None:
        return []
    groups = []
    for place, group in enumerate(state.plan.groups, 1):
        shape: int | str = "other" if group.id == "other" or place > SHAPES else place
        badge = Text({language: letters(name) for language, name in group.name.items()})
        groups.append({"id": group.id, "name": group.name, "letters": badge, "shape": shape})
    return groups


def view(state: State, screen: str) -> dict[str, Any]:
    """What a screen sees of the session, without names; names and presence are put in by `screens.py`."""
    if state.plan is None:
        return {}
    return {
        "title": state.plan.title,
        "phase": state.plan.phase,
        "languages": list(state.plan.languages),
        "groups": groups_view(state),
        "state": state.state,
        "people": len(state.people),
    }


def counts_by_group(state: State) -> list[dict[str, Any]]:
    sizes = state.sizes()
    return [{**group, "count": sizes.get(group["id"], 0)} for group in groups_view(state)]


def place(state: State, now: int) -> dict[str, Any] | None:
    """Where we are in the day, for the ruler; None before the first stage. Times in milliseconds UTC."""
    if state.plan is None or state.current is None:
        return None
    stage = state.plan.stage(state.current)
    if stage is None:
        return None
    spent, total = state.spent_ms(state.current, now), state.total_ms(state.current)
    running = state.running_since is not None
    return {
        "n": [one.id for one in state.plan.stages].index(state.current) + 1,
        "of": len(state.plan.stages),
        "activity": stage.activity,
        "title": stage.title,
        "minutes": round(total / MINUTE),
        "running": running,
        # Anchored on the state, not on the moment of drawing, so that two drawings of one state are equal.
        "started_at": (state.running_since or 0) - state.spent[state.current].ms if running else None,
        "ends_at": (state.running_since or 0) - state.spent[state.current].ms + total if running else None,
        "spent_ms": state.spent[state.current].ms if not running else None,
        "total_ms": total,
        "at": None if running else spent,
    }


def schedule(state: State, now: int) -> dict[str, Any]:
    """Planned against expected times of the whole day.

    The day's plan starts when the first stage opened (now, before that). `behind_minutes` is negative when ahead.
    Times are milliseconds UTC.
    """
    if state.plan is None:
        return {"stages": [], "behind_minutes": 0, "planned_end": now, "expected_end": now}
    first = state.started_at if state.started_at is not None else now
    planned_at = first
    expected_at = first
    stages = []
    for stage in state.plan.stages:
        spent = state.spent.get(stage.id)
        current = stage.id == state.current
        minutes = state.planned_minutes(stage.id)
        if current and state.stage_open:
            kind = "current"
            left = max(0, state.total_ms(stage.id) - state.spent_ms(stage.id, now))
            shown_at = spent.first_at if spent else now
            expected_at = now + left
        elif spent is not None:
            kind = "done"
            shown_at = spent.first_at
            expected_at = max(expected_at, spent.closed_at or now)
        else:
            kind = "coming"
            expected_at = max(expected_at, now)
            shown_at = expected_at
            expected_at += minutes * MINUTE
        stages.append(
            {
                "id": stage.id,
                "title": stage.title,
                "activity": stage.activity,
                "minutes": minutes,
                "level": stage.level,
                "state": kind,
                "planned_at": planned_at,
                "expected_at": shown_at,
                "spent_minutes": round(state.spent_ms(stage.id, now) / MINUTE),
            }
        )
        planned_at += stage.minutes * MINUTE
    end = state.ended_at if state.ended_at is not None else expected_at
    return {
        "stages": stages,
        "planned_end": planned_at,
        "expected_end": end,
        "behind_minutes": round((end - planned_at) / MINUTE),
    }


def next_stage(state: State) -> str | None:
    """The stage that `go_next` would open."""
    if state.plan is None or state.state == "ended":
        return None
    ids = [stage.id for stage in state.plan.stages]
    to = ids.index(state.current) + 1 if state.current in ids else 0
    return ids[to] if to < len(ids) else None
