"""The live side of a path: one engine with a session's room, other rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from ..activities.contract import AFact, Happening, Moment, Refusal
from ..live.bus import MemoryBus
from ..live.envelope import Asking
from ..live.line import RACES, Decided, Line
from ..moment import Clock, fresh
from ..storage.journal import Entry, Journal, KeptFact, NewFact
from . import copies, rules
from .messages import ASKS, FACTS

log = structlog.get_logger("paths")


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

    # -- the copies that are queried ----------------------------------------------------------------------------

    def _decide_all(self, batch: list[Asking]) -> tuple[list[Decided], list[Entry]]:
        # Once for a batch and not for each ask: what forty people say of one idea comes to one set of rows.
        decided, entries = super()._decide_all(batch)
        made = copies.changed(self.folded, self._working) if entries else []
        if made:
            entries[-1] = replace(entries[-1], copies=made)
        return decided, entries

    async def open(self) -> None:
        await super().open()
        if await self.journal.copied(self.line) != len(self.folded.ideas.ideas):
            # Migrations and erasing leave these tables empty; nobody asks anything of this line yet.
            log.info("copies of ideas are made anew", path=self.code, rows=await self.copy_anew())

    async def fold(self) -> None:
        await super().fold()
        if self._task is not None:
            # Folded while it is open: facts were rewritten, and no copy may hold what they do not hold any more. What
            # was decided before is written by now, because the writer takes everything in order.
            await self.copy_anew()

    async def copy_anew(self) -> int:
        """Writes the copies of every idea in the place of what is there; gives how many rows.

        Raises RuntimeError when others write to this line faster than it is read.
        """
        for _ in range(RACES):
            made = copies.all_of(self.folded)
            if await self.journal.copy_anew(self.line, self.number, made):
                return sum(len(copy.rows) for copy in made)
            for fact in await self.journal.after(self.line, self.number):
                if fact.number > self.number:
                    self.read(fact)
        raise RuntimeError(f"line {self.line} went on while its copies were made")


async def copied_anew(journal: Journal) -> dict[str, tuple[int, int]]:
    """The copies of every path from its facts alone: ideas and rows by path. Nobody else may write meanwhile."""
    found: dict[str, tuple[int, int]] = {}
    for row in await journal.lines():
        if row.kind != "path":
            # A session has none; whatever a spoiled file says it has goes.
            await journal.copy_anew(row.id, row.number, [])
            continue
        line = PathLine(row, journal, MemoryBus(), Clock())
        await line.fold()
        rows = await line.copy_anew()
        found[row.code] = (len(line.folded.ideas.ideas), rows)
    return found
