"""The rules of a path: which sessions belong to it, what each closed stage left, and its ideas from then on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..activities.contract import AFact, AnAsk, Happening, Moment, Refusal, Text
from ..activities.contract.idea import messages as idea_messages
from ..activities.contract.idea import rules as idea_rules
from ..activities.contract.idea.codes import Form
from ..activities.contract.idea.fields import leaves_of
from ..activities.contract.idea.left import IdeaOutcome
from ..activities.contract.idea.lifecycle import OPEN
from . import messages as m
from . import peers as following


@dataclass(frozen=True, slots=True)
class Session:
    title: Text
    phase: str
    added_at: int
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage left when it last closed. left: outcomes by kind."""

    title: Text
    activity: str
    closed_at: int
    left: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Handed:
    """An idea as a session handed it over. fields: leaves; versions: those of the path right after.

    form: the rules it answers to. own: whether the path changed it since.
    """

    fields: Mapping[str, Any]
    versions: Mapping[str, int]
    form: Form
    own: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """taken: (session, stage) -> what it left. handed: idea -> how it came in. sizes: people per group, of the last
    session that handed something over. brought: whole `export.json` of the sessions that another Officina held."""

    title: Text | None = None
    languages: tuple[str, ...] = ("it", "en")
    groups: tuple[tuple[str, Text], ...] = ()
    prefix: str = "ID"
    sessions: Mapping[str, Session] = field(default_factory=dict)
    stages: Mapping[tuple[str, str], Stage] = field(default_factory=dict)
    handed: Mapping[str, Handed] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    brought: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ideas: idea_rules.Ideas = field(default_factory=idea_rules.start)
    peers: following.Peers = field(default_factory=following.Peers)

    def closed_at(self, session: str, stage: str) -> int | None:
        """When the stage last closed whose outcomes are here."""
        known = self.stages.get((session, stage))
        return known.closed_at if known else None

    def context(self, idea: str | None = None) -> idea_rules.Context:
        """What surrounds an idea of this path."""
        known = self.handed.get(idea or "")
        return idea_rules.Context(
            languages=self.languages,
            groups=tuple(id for id, _ in self.groups),
            sizes=self.sizes,
            form=known.form if known else "full",
            prefix=self.prefix,
            editors="desk",
        )


def start() -> State:
    return State()


def decide(state: State, ask: AnAsk, moment: Moment) -> list[AFact] | Refusal:
    match ask:
        case m.MakePath():
            if state.title is not None:
                return []
            made = m.PathMade(title=ask.title, languages=ask.languages, groups=ask.groups, prefix=ask.prefix)
            return [made]
        case m.AddSession():
            if ask.session in state.sessions:
                return []
            return [m.SessionAdded(session=ask.session, title=ask.title, phase=ask.phase, groups=ask.groups)]
        case m.BringSession():
            return _bring(state, ask)
        case m.TakeStage():
            return _take(state, ask, moment)
        case m.CloseSession():
            known = state.sessions.get(ask.session)
            return [m.SessionClosed(session=ask.session)] if known is not None and not known.closed else []
    if state.title is None:
        return Refusal("unknown_path")
    if isinstance(ask, m.FollowPeer | m.TakeInPeer | m.TakeInPractice):
        return following.decide(state.peers, ask, moment)
    here = moment._replace(sizes=state.sizes)
    context = replace(state.context(getattr(ask, "idea", None)), prefix=_series(state, moment))
    return idea_rules.decide(state.ideas, ask, here, context)


def _bring(state: State, ask: m.BringSession) -> list[AFact] | Refusal:
    if state.title is None:
        return Refusal("unknown_path")
    known = state.brought.get(ask.session)
    if known is None:
        return [m.SessionBrought(session=ask.session, file=ask.file)]
    return [] if _lasting(known) == _lasting(ask.file) else Refusal("other_session")


#: What two files of the same session may differ in: when they were written, and by which version.
OF_THE_MOMENT = ("generated", "number", "software")


def _lasting(file: Mapping[str, Any]) -> dict[str, Any]:
    """What a file says of its session at whatever moment it is written."""
    kept = {name: value for name, value in file.items() if name not in OF_THE_MOMENT}
    if file.get("ended_at") is None:
        # While a day goes on, its expected times move by themselves.
        kept.pop("agenda", None)
    book = kept.get("codebook")
    if isinstance(book, list):
        # Its row of the session tells up to which fact the file goes.
        kept["codebook"] = [row for row in book if not (isinstance(row, Mapping) and row.get("what") == "session")]
    return kept


def _series(state: State, moment: Moment) -> str:
    """What codes begin with in the year of a moment, `MI-2026`."""
    return f"{state.prefix}-{idea_rules.day_of(moment.now)[:4]}"


def _coded(state: State, series: str, left: IdeaOutcome, given: list[str]) -> IdeaOutcome:
    """The idea with a code that no other idea of this path has; the one that it has here, or brings, if it is free.

    given: codes that this ask has given already.
    """
    here = state.ideas.ideas.get(left.idea)
    code = here.code if here is not None and here.code else left.code
    others = {one.code: True for one in state.ideas.ideas.values() if one.uid != left.idea} | dict.fromkeys(given, True)
    n = 1
    while code is None or code in others:
        code, n = f"{series}-{n:02d}", n + 1
    given.append(code)
    return left.model_copy(update={"code": code})


def _take(state: State, ask: m.TakeStage, moment: Moment) -> list[AFact] | Refusal:
    known = state.closed_at(ask.session, ask.stage)
    if known is not None and known >= ask.closed_at:
        return []
    facts: list[AFact] = []
    late: list[str] = []
    given: list[str] = []
    for one in ask.ideas:
        left = _coded(state, _series(state, moment), one, given)
        left = left.model_copy(update={"session": ask.session, "stage": ask.stage})
        here = state.ideas.ideas.get(left.idea)
        handed = state.handed.get(left.idea)
        if here is None or (handed is not None and not handed.own):
            # Nobody touched it here, so the session's idea simply is the idea.
            facts.append(idea_messages.IdeaTakenIn(idea=left.idea, outcome=left))
            continue
        if handed is None:
            late.append(left.idea)
            continue
        changed = _changed(handed.fields, left)
        if not changed:
            continue
        edit = idea_messages.EditIdea(
            idea=left.idea, base={path: handed.versions.get(path, 0) for path in changed}, set=changed
        )
        by = moment._replace(actor="desk")
        edited = idea_rules.decide(state.ideas, edit, by, state.context(left.idea)) if here.state in OPEN else None
        if isinstance(edited, list):
            facts += edited
        else:
            late.append(left.idea)
    taken = m.StageTaken(
        session=ask.session,
        stage=ask.stage,
        activity=ask.activity,
        title=ask.title,
        closed_at=ask.closed_at,
        left=ask.left,
        sizes=ask.sizes,
        late=late,
    )
    return [taken, *facts, *following.taken(state.peers, ask)]


def _changed(before: Mapping[str, Any], left: IdeaOutcome) -> dict[str, Any]:
    """The leaves that a session changed since it handed an idea over; None for those it emptied."""
    now = _leaves(left)
    changed = {path: value for path, value in now.items() if before.get(path) != value}
    return changed | {path: None for path in before if path not in now}


def _leaves(left: IdeaOutcome) -> dict[str, Any]:
    return leaves_of(left.fields.model_dump(mode="json"))


def evolve(state: State, happened: Happening) -> State:
    fact = happened.fact
    match fact:
        case m.PathMade():
            groups = tuple((group.id, group.name) for group in fact.groups)
            return replace(state, title=fact.title, languages=tuple(fact.languages), groups=groups, prefix=fact.prefix)
        case m.SessionAdded():
            known = {id for id, _ in state.groups}
            more = tuple((group.id, group.name) for group in fact.groups if group.id not in known)
            session = Session(fact.title, fact.phase, happened.at)
            return replace(state, groups=state.groups + more, sessions={**state.sessions, fact.session: session})
        case m.SessionClosed():
            ended = replace(state.sessions[fact.session], closed=True)
            return replace(state, sessions={**state.sessions, fact.session: ended})
        case m.SessionBrought():
            return replace(state, brought={**state.brought, fact.session: fact.file})
        case m.StageTaken():
            stage = Stage(fact.title, fact.activity, fact.closed_at, fact.left)
            stages = {**state.stages, (fact.session, fact.stage): stage}
            return replace(state, stages=stages, sizes=fact.sizes or state.sizes)
    if not isinstance(fact, m.IDEA_FACTS):
        return replace(state, peers=following.evolve(state.peers, happened))
    after = idea_rules.evolve(state.ideas, happened)
    handed = dict(state.handed)
    idea = getattr(fact, "idea", "")
    if isinstance(fact, idea_messages.IdeaTakenIn):
        taken = after.ideas[idea]
        handed[idea] = Handed(_leaves(fact.outcome), taken.versions, fact.outcome.form)
    elif idea in handed and not handed[idea].own:
        handed[idea] = replace(handed[idea], own=True)
    return replace(state, ideas=after, handed=handed)


# -- what screens see ---------------------------------------------------------------------------------------------


def head(state: State) -> dict[str, Any]:
    """{"title", "languages", "groups": [{"id","name"}], "sessions": n, "ideas": n}."""
    return {
        "title": state.title or Text(),
        "languages": list(state.languages),
        "groups": [{"id": id, "name": name} for id, name in state.groups],
        "sessions": len(state.sessions),
        "ideas": len(state.ideas.ideas),
    }


def view(state: State, screen: str) -> dict[str, Any]:
    """{"path": head with its sessions by phase, "states": {state: n}, "ideas": [row]}, newest change first.

    A row is short, because there may be hundreds: {"idea","code","state","version","title","summary","table"?,
    "session"?,"endorsement": its class,"days_waiting"?,"missing": n,"updated_at"}. Others than the desk see what is
    published and public.
    """
    rows = [row(state, idea) for idea in state.ideas.ideas.values() if screen == "desk" or is_public(idea)]
    states: dict[str, int] = {}
    for one in rows:
        states[one["state"]] = states.get(one["state"], 0) + 1
    sessions = [
        {
            "session": code,
            "title": session.title,
            "phase": session.phase,
            "added_at": session.added_at,
            "brought": code in state.brought,
            "stages": [
                {"stage": stage, "title": kept.title, "activity": kept.activity, "left": dict(kept.left)}
                for (of, stage), kept in state.stages.items()
                if of == code
            ],
        }
        for code, session in state.sessions.items()
    ]
    rows.sort(key=lambda one: (-one["updated_at"], one["idea"]))
    found = {"path": {**head(state), "sessions": sessions}, "states": states, "ideas": rows}
    return {**found, **following.shown(state.peers)} if screen == "desk" else found


def row(state: State, idea: idea_rules.Idea) -> dict[str, Any]:
    """One idea as a line of a list."""
    around = idea_rules.with_context(state.ideas, state.context(idea.uid))
    seen = idea_rules.shown(around, idea, "desk")
    found: dict[str, Any] = {
        "idea": idea.uid,
        "code": idea.code,
        "state": idea.state,
        "version": idea.version,
        "title": Text(idea.fields.get("title") or {}),
        "summary": Text(idea.fields.get("summary") or {}),
        "table": idea.table,
        "session": idea.session,
        "support": seen["endorsement"].get("class"),
        "days_waiting": seen.get("days_waiting"),
        "missing": len(seen["completeness"]["missing"]),
        "updated_at": idea.updated_at,
    }
    return {name: value for name, value in found.items() if value is not None}


def idea_view(state: State, idea: str, today: str) -> dict[str, Any] | None:
    """Everything about one idea that the desk may see; None for an id that there is not.

    As `contract.idea.rules.shown`, with "reading" (totals, pay-by-result, indicators), "history" (moves) and "handed_own".
    """
    found = state.ideas.ideas.get(idea)
    if found is None:
        return None
    around = idea_rules.with_context(state.ideas, state.context(idea))
    return {
        **idea_rules.shown(around, found, "desk"),
        "form": state.context(idea).form,
        "reading": idea_rules.reading(found.form, today),
        "history": [{"was": was, "to": to, "at": at} for was, to, at in found.moves],
        "updated_at": found.updated_at,
    }


def is_public(idea: idea_rules.Idea) -> bool:
    """Whether everybody may read it: published, and marked public by an organiser."""
    return idea.published_at is not None and idea.fields.get("confidentiality") == "public" and not idea.merged_into


def published(state: State) -> list[dict[str, Any]]:
    """The ideas that everybody may read, without any person, by code."""
    found = []
    for idea in state.ideas.ideas.values():
        if is_public(idea):
            around = idea_rules.with_context(state.ideas, state.context(idea.uid))
            found.append(idea_rules.published_view(around, idea))
    return sorted(found, key=lambda one: (str(one.get("code", "")), one["idea"]))


def outcomes(state: State) -> list[dict[str, Any]]:
    """What the path leaves: every idea as it is exported."""
    return [idea_rules.outcome(state.ideas, idea, state.context(idea.uid)) for idea in state.ideas.ideas.values()]
