"""One activity's rules played through without the room: asks in, facts kept, the state beside its own replay."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from types import ModuleType
from typing import Any

from .messages import AFact, AnAsk, Happening, Level, Me, Moment, Refusal, asks_of, facts_of

#: When a rehearsal begins, ms UTC.
NINE_OCLOCK = 1_790_000_000_000


@dataclass(frozen=True, slots=True)
class Somebody:
    group: str | None = None
    table: str | None = None
    language: str = "it"


def token(name: str, scope: str) -> str:
    """A stand-in for the room's one-way token: the same for the same person and scope, else different."""
    return sha256(f"{name}|{scope}".encode()).hexdigest()[:32]


@dataclass
class Rehearsal:
    """rules, messages: the activity's modules. people: who is in the session, by name; the name is the person's id.

    `now` moves only when told. Every accepted ask leaves its facts in `happened`, as the journal would.
    """

    rules: ModuleType
    messages: ModuleType
    setup: dict[str, Any]
    level: Level = "pseudonym"
    people: dict[str, Somebody] = field(default_factory=dict)
    now: int = NINE_OCLOCK
    happened: list[Happening] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.asks = asks_of(self.messages.Ask)
        self.facts = facts_of(self.messages.Fact)
        self.state = self.begin()

    def begin(self) -> Any:
        setup = self.messages.Setup.model_validate(self.setup, context={"first": "it"})
        return self.rules.start(setup, self.level)

    @property
    def sizes(self) -> dict[str, int]:
        groups: dict[str, int] = {}
        for person in self.people.values():
            if person.group is not None:
                groups[person.group] = groups.get(person.group, 0) + 1
        return groups

    def ask(self, by: str, do: str, who: str | None = None, rtt_ms: int = 0, **fields: Any) -> list[AFact] | Refusal:
        """What the room would answer; accepted facts are applied. Raises where the fields do not fit the ask."""
        asked = self.asks[do].model_validate({name.rstrip("_"): value for name, value in fields.items()})
        return self.put(asked, by, who, rtt_ms)

    def put(self, asked: AnAsk, by: str, who: str | None = None, rtt_ms: int = 0) -> list[AFact] | Refusal:
        somebody = self.people.get(who or "", Somebody())
        scope = self.rules.scope(self.state, asked) if who is not None else None
        voter = who if scope is None or who is None else token(who, scope)
        moment = Moment(
            now=self.now,
            actor=by,  # type: ignore[arg-type]
            person=who if scope is None else None,
            voter=voter,
            group=somebody.group,
            table=somebody.table,
            sizes=self.sizes,
            fresh=token(str(len(self.happened)), "fresh"),
            rtt_ms=rtt_ms,
            language=somebody.language,
        )
        decided: list[AFact] | Refusal = self.rules.decide(self.state, asked, moment)
        if isinstance(decided, Refusal):
            return decided
        for fact in decided:
            # Beside an anonymous fact the journal keeps no group: the fact itself tells it where it may be told.
            group = somebody.group if scope is None else None
            kept = Happening(fact=fact, at=self.now, voter=voter, group=group, number=len(self.happened) + 1)
            self.happened.append(kept)
            self.state = self.rules.evolve(self.state, kept)
        return decided

    def desk(self, do: str, **fields: Any) -> list[AFact] | Refusal:
        return self.ask("desk", do, **fields)

    def clock(self, do: str, **fields: Any) -> list[AFact] | Refusal:
        return self.ask("clock", do, **fields)

    def phone(self, who: str, do: str, **fields: Any) -> list[AFact] | Refusal:
        return self.ask("phone", do, who, **fields)

    def view(self, screen: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.rules.view(self.state, screen)
        return shown

    def me(self, who: str) -> Me:
        person = self.people.get(who, Somebody())
        return Me(who, person.group, person.table, person.language, lambda scope: token(who, scope))

    def mine(self, who: str) -> dict[str, Any]:
        own: dict[str, Any] = self.rules.mine(self.state, self.me(who))
        return own

    def replayed(self) -> Any:
        """The state that a restarted server comes to: the facts through JSON and back, from the beginning."""
        state = self.begin()
        for kept in self.happened:
            again = self.facts[kept.fact.kind].model_validate_json(kept.fact.model_dump_json())
            happening = Happening(fact=again, at=kept.at, voter=kept.voter, group=kept.group, number=kept.number)
            state = self.rules.evolve(state, happening)
        return state

    def run_clock(self) -> AnAsk | None:
        """Goes to the next deadline, if there is one, and asks what the clock would ask; returns that ask."""
        due = self.rules.deadline(self.state)
        if due is None:
            return None
        at, asked = due
        self.now = max(self.now, at)
        self.put(asked, "clock")
        return asked  # type: ignore[no-any-return]
