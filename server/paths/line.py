"""The live side of a path: one engine with a session's room, other rules."""

from __future__ import annotations

from collections.abc import Sequence

from ..activities.contract import AFact, Happening, Moment, Refusal
from ..live.envelope import Asking
from ..live.line import Decided, Line
from ..moment import fresh
from ..storage.journal import Entry, KeptFact, NewFact
from . import rules
from .messages import ASKS, FACTS


class PathLine(Line[rules.State]):
    """Whoever asks is the host, the server, or a person of one of the path's sessions."""

    folded: rules.State

    def beginning(self, facts: Sequence[KeptFact]) -> rules.State:
        return rules.start()

    def copied(self, folded: rules.State) -> rules.State:
        return folded

    def new_batch(self, working: rules.State) -> None:
        self._working = working

    def evolve(self, folded: rules.State, fact: KeptFact | NewFact, number: int = 0) -> rules.State:
        said: AFact = fact.said or FACTS[fact.kind].model_validate_json(fact.body)
        number = fact.number if isinstance(fact, KeptFact) else number
        return rules.evolve(folded, Happening(said, fact.at, fact.person, fact.group, number))

    def decide(self, working: rules.State, asking: Asking, asked: set[tuple[str, str]]) -> Decided:
        one = Decided(asking)
        actor = asking.person or ("host" if asking.role == "desk" else asking.role)
        if self.is_known(one, actor, asked):
            return one
        ask = self.parsed(ASKS.get(asking.do), asking)
        if isinstance(ask, Refusal):
            one.refusal = ask
            return one
        at = max(asking.at, self.last_at)
        moment = Moment(at, asking.role, asking.person, asking.person, asking.group, None, fresh=fresh())
        facts = rules.decide(self._working, ask, moment)
        if isinstance(facts, Refusal):
            one.refusal = facts
            return one
        asked.add((actor, asking.id))
        kept: list[NewFact] = []
        for fact in facts:
            new = NewFact(at, None, fact.kind, asking.person, asking.group, "pseudonym", fact.model_dump_json(), fact)
            kept.append(new)
            self._next += 1
            # States are never changed in place, so the next ask of the batch sees this one without a copy.
            self._working = self.evolve(self._working, new, self._next)
        one.entry = Entry(actor, asking.id, kept)
        return one
