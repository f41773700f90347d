"""A session's room: what an ask of a session or of one of its stages comes to, and what a fact changes (stations 4, 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from ..activities import Activity
from ..activities.contract import AFact, AnAsk, Happening, Me, Moment, Opening, Refusal, asks_of, facts_of
from ..moment import Clock, fresh
from ..sessions import messages as session_messages
from ..sessions import rules as session_rules
from ..storage.journal import (
    Committed,
    Entry,
    Journal,
    KeptFact,
    LineRow,
    NewFact,
)
from .bus import Bus
from .envelope import Asking
from .line import Decided, Line

log = structlog.get_logger("room")

SESSION_ASKS = asks_of(session_messages.Ask)
SESSION_FACTS = facts_of(session_messages.Fact)

#: Facts after which other people are in the session, or the same in another group.
PEOPLE = (session_messages.PersonJoined, session_messages.PeopleRemoved, session_messages.PersonErased)

Runs = dict[str, Any]


@dataclass(slots=True)
class Folded:
    """The state of a session at a number: its own, and that of each stage's activity."""

    session: session_rules.State = field(default_factory=session_rules.start)
    runs: Runs = field(default_factory=dict)
    #: People of a rehearsal that was removed; what they answered is passed over.
    passed_over: frozenset[str] = frozenset()
    #: What earlier stages left to the stage that opened last, so that retelling who is here need not ask them again.
    given: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)

    def copy(self) -> Folded:
        return Folded(self.session, dict(self.runs), self.passed_over, self.given)


class UnknownActivity(ValueError):
    """A plan names an activity that this Officina does not have."""


class _Foreseen:
    """What a batch will do to the runs of its stages, once it is committed as it was decided.

    Only the last state of each run is kept: a thousand in between would push each other out of the processor's cache.
    """

    __slots__ = ("_before", "_said", "_whole", "_working", "number")

    def __init__(self, working: Folded, number: int) -> None:
        self.number = number
        self._working = working
        self._before: dict[str, Any] = {}
        self._said: list[Any] = []
        self._whole = True

    def note(self, new: NewFact, stepwise: bool) -> None:
        """Called before the working copy evolves by this fact. stepwise: it must be read on by itself."""
        self._said.append(new.said)
        if new.stage is None or stepwise:
            # The session's own facts may begin runs anew, so such a batch too is read fact by fact.
            self._whole = False
        elif new.stage not in self._before:
            self._before[new.stage] = self._working.runs.get(new.stage)

    def holds(self, room: Room, facts: list[KeptFact]) -> bool:
        """Whether these are the very facts that were decided, and come upon the very runs they were decided on."""
        return (
            self._whole
            and room.number == self.number == facts[0].number - 1
            and len(facts) == len(self._said)
            and all(fact.said is said for fact, said in zip(facts, self._said, strict=True))
            and all(room.folded.runs.get(stage) is before for stage, before in self._before.items())
        )

    def after(self) -> Runs:
        return {stage: self._working.runs[stage] for stage in self._before if stage in self._working.runs}


class Room(Line[Folded]):
    """The live side of a session."""

    def __init__(
        self, row: LineRow, journal: Journal, bus: Bus, clock: Clock, activities: Mapping[str, Activity]
    ) -> None:
        super().__init__(row, journal, bus, clock)
        self.activities = activities
        self.folded = Folded()
        self.names: dict[str, str] = {}
        self.badges: dict[str, str] = {}
        self._sized: tuple[Any, dict[str, int]] | None = None
        #: What the batch on its way does to the runs of its stages, found while deciding.
        self._foreseen: _Foreseen | None = None

    # -- reading on (station 7) ---------------------------------------------------------------------------------

    async def before_folding(self) -> None:
        people = await self.journal.people(self.line)
        self.names = {person.person: person.name or "" for person in people}
        self.badges = {person.badge: person.person for person in people if person.badge}

    def beginning(self, facts: Sequence[KeptFact]) -> Folded:
        return Folded(passed_over=rehearsal_removed(facts))

    def copied(self, folded: Folded) -> Folded:
        return folded.copy()

    def evolve(self, folded: Folded, fact: KeptFact | NewFact, number: int = 0) -> Folded:
        """One fact further; changes the runs of `folded` in place, so hand it a copy where that matters.

        number: the one that a new fact will have.
        """
        said = fact.said or self.parse_fact(fact)
        number = fact.number if isinstance(fact, KeptFact) else number
        happening = Happening(said, fact.at, fact.person, fact.group, number)
        if fact.stage is not None:
            run = folded.runs.get(fact.stage)
            if run is not None and fact.person not in folded.passed_over:
                activity = self.activity_of(folded, fact.stage)
                folded.runs[fact.stage] = activity.rules.evolve(run, happening)
            return folded
        folded.session = session_rules.evolve(folded.session, happening)
        if isinstance(said, session_messages.SessionMade):
            for stage in said.plan.stages:
                folded.runs[stage.id] = self.start(folded, stage.id)
        elif isinstance(said, session_messages.SetupSet):
            folded.runs[said.stage] = self.start(folded, said.stage)
        elif isinstance(said, session_messages.StageOpened):
            folded.given = self._given(folded, said.stage)
            self._opened(folded, said.stage, fact.at)
        elif folded.session.stage_open and folded.session.current is not None:
            seated = isinstance(said, session_messages.PeopleSeated)
            if seated or (isinstance(said, PEOPLE) and self._follows_people(folded)):
                self._opened(folded, folded.session.current, fact.at)
        return folded

    def _follows_people(self, folded: Folded) -> bool:
        """Whether the open stage is told again as people come and go."""
        current = folded.session.current
        return current is not None and getattr(self.activity_of(folded, current).rules, "FOLLOWS_PEOPLE", False)

    def _given(self, folded: Folded, id: str) -> dict[str, list[dict[str, Any]]]:
        """What earlier stages left of the kinds that this one takes, by stage.

        It is folded here and not kept in the fact: a copy of people's words there would outlive erasing.
        """
        plan = folded.session.plan
        takes = getattr(self.activity_of(folded, id).rules, "TAKES", ()) if plan is not None else ()
        given: dict[str, list[dict[str, Any]]] = {}
        for stage in plan.stages if plan is not None and takes else ():
            if stage.id != id and stage.id in folded.session.spent:
                left = self.activity_of(folded, stage.id).rules.outcomes(folded.runs[stage.id])
                given[stage.id] = [one for one in left if one["kind"] in takes]
        return given

    def _opened(self, folded: Folded, id: str | None, at: int) -> None:
        """Tells a stage who is here and who sits where, and what earlier stages left to it."""
        plan = folded.session.plan
        run = folded.runs.get(id or "")
        if plan is None or id is None or run is None:
            return
        rules = self.activity_of(folded, id).rules
        if not hasattr(rules, "opened"):
            return
        groups = tuple(group.id for group in plan.groups)
        session = folded.session
        people = {person: one.group for person, one in session.people.items()}
        tables, sizes = session.tables(), session.sizes()
        opening = Opening(folded.given, tables, sizes, groups, tuple(plan.languages), at, people)
        folded.runs[id] = rules.opened(run, opening)

    def start(self, folded: Folded, stage: str) -> Any:
        plan = folded.session.plan
        assert plan is not None
        planned = plan.stage(stage)
        assert planned is not None
        activity = self.activity_of(folded, stage)
        return activity.rules.start(activity.read_setup(folded.session.setup(stage), plan.languages[0]), planned.level)

    def activity_of(self, folded: Folded, stage: str) -> Activity:
        plan = folded.session.plan
        planned = plan.stage(stage) if plan else None
        if planned is None or planned.activity not in self.activities:
            raise UnknownActivity(f"there is no activity called {planned.activity if planned else stage!r}")
        return self.activities[planned.activity]

    def parse_fact(self, fact: KeptFact | NewFact) -> AFact:
        kinds = SESSION_FACTS if fact.stage is None else self.activity_of(self.folded, fact.stage).facts
        return kinds[fact.kind].model_validate_json(fact.body)

    def new_batch(self, working: Folded) -> None:
        self._foreseen = _Foreseen(working, self.number)

    def read_at_once(self, facts: list[KeptFact]) -> bool:
        foreseen, self._foreseen = self._foreseen, None
        if foreseen is None or not foreseen.holds(self, facts):
            return False
        # `evolve` is pure: the same facts upon the same runs give what they gave when the batch was decided.
        self.folded.runs.update(foreseen.after())
        return True

    # -- deciding (station 4) -----------------------------------------------------------------------------------

    def decide(self, working: Folded, asking: Asking, asked: set[tuple[str, str]]) -> Decided:
        one = Decided(asking)
        session = working.session
        stage = asking.stage
        actor: str = asking.person or ("host" if asking.role == "desk" else asking.role)
        voter: str | None = asking.person
        # Before anything else: what was kept once gets its receipt, also when the stage has long been closed.
        if self.is_known(one, actor, asked):
            return one
        ask, activity = self._parse(working, asking)
        if isinstance(ask, Refusal):
            one.refusal = ask
            return one
        person = session.people.get(asking.person) if asking.person else None
        group = person.group if person else None
        table = person.table if person else None
        level = "pseudonym"
        at = max(asking.at, self.last_at)
        if stage is not None and activity is not None:
            planned = session.plan.stage(stage) if session.plan else None
            level = planned.level if planned else level
            scope = activity.rules.scope(working.runs[stage], ask) if asking.role == "phone" else None
            if scope is not None and asking.token is not None:
                level = "anonymous"
                at = at // 60_000 * 60_000
                if not getattr(activity.rules, "KEEPS_NO_TABLE", False):
                    table = None
                if person is None or not person.rehearsal:
                    actor = voter = asking.token(stage, scope)
                    if self.is_known(one, actor, asked):
                        return one
            closed = self._closed(session, ask, stage)
            if closed is not None:
                one.refusal = closed
                return one
        key = (actor, asking.id)
        anonymous = level == "anonymous"
        moment = Moment(
            now=max(asking.at, self.last_at),
            actor=asking.role,
            person=None if anonymous else asking.person,
            voter=voter,
            group=group,
            table=table,
            sizes=self._sizes(session),
            fresh=fresh(),
            rtt_ms=0 if anonymous else asking.rtt_ms,
            language=person.language if person else "it",
        )
        if activity is None or stage is None:
            facts = session_rules.decide(session, ask, moment)
        else:
            facts = activity.rules.decide(working.runs[stage], ask, moment)
        if isinstance(facts, Refusal):
            one.refusal = facts
            return one
        asked.add(key)
        kept: list[NewFact] = []
        for fact in facts:
            # Beside an anonymous fact stands no group but the one that the fact itself may tell.
            told = getattr(fact, "group", None) if anonymous else group
            self._add(working, kept, fact, stage, voter if asking.role != "desk" else None, told, level, at)
        if stage is not None and activity is not None and any(fact.seats for fact in facts):
            self._seat(working, kept, activity.rules.seats(working.runs[stage]), moment)
        one.entry = Entry(actor, asking.id, kept, asking.people)
        return one

    def _add(
        self,
        working: Folded,
        kept: list[NewFact],
        fact: AFact,
        stage: str | None,
        voter: str | None,
        group: str | None,
        level: str,
        at: int,
    ) -> None:
        """Adds a fact and evolves the working copy; a pause, a stage that closes or opens, moves deadlines."""
        new = NewFact(at, stage, fact.kind, voter, group, level, fact.model_dump_json(), fact)
        if stage is not None:
            kept.append(new)
            self._foresee(working, new)
            return
        if isinstance(fact, session_messages.PersonJoined):
            new = new._replace(group=fact.group)
        before = working.session
        if isinstance(fact, session_messages.Paused | session_messages.StageClosed):
            self._own_ask(working, kept, before.current, "hold", at)
        kept.append(new)
        self._foresee(working, new)
        if isinstance(fact, session_messages.Resumed | session_messages.StageOpened):
            after = working.session
            if after.stage_open and after.state == "open":
                self._own_ask(working, kept, after.current, "go_on", at)

    def _seat(self, working: Folded, kept: list[NewFact], seats: Mapping[str, str], moment: Moment) -> None:
        """Seats people in the session as a stage has just published it, in the same batch.

        seats: person -> label of the table. Who sits there already is left alone.
        """
        tables: dict[str, list[str]] = {}
        for person, table in seats.items():
            known = working.session.people.get(person)
            if known is not None and known.table != table:
                tables.setdefault(table, []).append(person)
        for table, people in tables.items():
            ask = session_messages.SeatPeople(people=people, table=table)
            facts = session_rules.decide(working.session, ask, moment._replace(actor="desk", person=None, voter=None))
            for fact in facts if isinstance(facts, list) else ():
                self._add(working, kept, fact, None, None, None, "pseudonym", moment.now)

    def _own_ask(self, working: Folded, kept: list[NewFact], stage: str | None, do: str, at: int) -> None:
        if stage is None:
            return
        activity = self.activity_of(working, stage)
        if do not in activity.asks:
            return
        moment = Moment(now=at, actor="clock", fresh=fresh())
        facts = activity.rules.decide(working.runs[stage], activity.asks[do](), moment)
        if isinstance(facts, Refusal):
            return
        for fact in facts:
            new = NewFact(at, stage, fact.kind, None, None, "pseudonym", fact.model_dump_json(), fact)
            kept.append(new)
            self._foresee(working, new)

    def _foresee(self, working: Folded, new: NewFact) -> None:
        """Evolves the working copy by a fact that will have the next number, and notes which run it changed."""
        self._next += 1
        if self._foreseen is not None:
            # Screens that take changes one by one need the state after each of them.
            stepwise = new.stage is not None and hasattr(self.activity_of(working, new.stage).rules, "patch")
            self._foreseen.note(new, stepwise)
        self.evolve(working, new, self._next)

    def _sizes(self, session: session_rules.State) -> dict[str, int]:
        """People per group; counted anew only when somebody came, went or moved."""
        if self._sized is None or self._sized[0] is not session.people:
            self._sized = (session.people, session.sizes())
        return self._sized[1]

    @staticmethod
    def _closed(session: session_rules.State, ask: AnAsk, stage: str) -> Refusal | None:
        if session.state == "ended":
            return Refusal("session_over")
        if ask.when == "open" and not (session.stage_open and session.current == stage):
            return Refusal("stage_closed")
        return None

    def _parse(self, working: Folded, asking: Asking) -> tuple[AnAsk | Refusal, Activity | None]:
        """The ask as its own model, of the session or of a stage's activity."""
        session = working.session
        if asking.role == "phone" and (asking.person is None or asking.person not in session.people):
            return Refusal("removed"), None
        if asking.stage is None:
            return self.parsed(SESSION_ASKS.get(asking.do), asking), None
        if session.plan is None or asking.stage not in working.runs:
            return Refusal("unknown_stage"), None
        activity = self.activity_of(working, asking.stage)
        return self.parsed(activity.asks.get(asking.do), asking), activity

    # -- keeping (station 5) ------------------------------------------------------------------------------------

    def kept(self, one: Decided) -> None:
        for row in one.asking.people:
            if row.name is not None:
                self.names[row.person] = row.name
            if row.badge:
                self._swap_badge(row.person, row.badge)

    async def after(self, outcome: Committed) -> None:
        if any(fact.kind == "people_removed" for fact in outcome.facts):
            await self._pass_over()

    async def _pass_over(self) -> None:
        """Folds again when people of a rehearsal were removed, so that nothing they answered is left in a tally."""
        facts = await self.journal.after(self.line, 0)
        if rehearsal_removed(facts) != self.folded.passed_over:
            await self.fold()
            self._tell([], None)

    def _swap_badge(self, person: str, badge: str) -> None:
        for old in [hash for hash, whose in self.badges.items() if whose == person]:
            del self.badges[old]
        self.badges[badge] = person

    # -- deadlines ----------------------------------------------------------------------------------------------

    def due(self) -> tuple[int, AnAsk, str | None] | None:
        session = self.folded.session
        if session.state != "open" or not session.stage_open or session.current is None:
            return None
        deadline = getattr(self.activity_of(self.folded, session.current).rules, "deadline", None)
        due: tuple[int, AnAsk] | None = deadline(self.folded.runs[session.current]) if deadline else None
        return due and (*due, session.current)

    # -- what others ask of a room ------------------------------------------------------------------------------

    def person_of(self, badge_hash: str) -> str | None:
        """The person a badge belongs to, also when that person was removed."""
        return self.badges.get(badge_hash)

    def me(self, person: str, token: Callable[[str, str], str] | None = None) -> Me | None:
        """This person as the open stage's `mine` sees them; None when they are not in the room."""
        known = self.folded.session.people.get(person)
        if known is None:
            return None
        stage = self.folded.session.current or ""
        tokens = None if token is None or known.rehearsal else lambda scope: token(stage, scope)
        return Me(person, known.group, known.table, known.language, tokens)


def rehearsal_removed(facts: Iterable[KeptFact]) -> frozenset[str]:
    """People of a rehearsal who were removed: what they answered is passed over, wherever it stands in the journal."""
    rehearsal: set[str] = set()
    removed: set[str] = set()
    for fact in facts:
        if fact.stage is not None:
            continue
        if fact.kind == "person_joined" and fact.person and '"rehearsal":true' in fact.body:
            rehearsal.add(fact.person)
        elif fact.kind == "people_removed":
            said = fact.said or session_messages.PeopleRemoved.model_validate_json(fact.body)
            removed.update(said.people)
    return frozenset(rehearsal & removed)
