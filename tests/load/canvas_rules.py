"""The rules of a board alone: no socket, no disk. A process of its own, so that its collector is set as the server sets its own.

`python -m tests.load.canvas_rules` prints one JSON object of figures.
"""

import gc
import json
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.activities.canvas import rules
from server.activities.canvas.messages import Ask, Fact, Setup
from server.activities.contract import Happening, Moment, Refusal, asks_of, facts_of
from server.serve import COLLECT
from tests.load import notes
from tests.load.board import BOARD, ZONES

NOTES, PEOPLE = 2_000, 150
FACTS, VOTING, MOVING = 28_000, 2_000, 500
TURNS = 5
AT = 1_790_000_000_000
GROUPS = ("civil_servants", "social_innovators")
DESK = "desk"
# What people do on a board that is full, in parts of a hundred; the rest are new notes. At the end of it they vote.
SHARES = (("move_note", 36), ("react", 24), ("edit_text", 18), ("colour_note", 6), ("comment", 9))
_BOARDS = Path(__file__).resolve().parents[2] / "content" / "boards"
_ASKS, _FACTS = asks_of(Ask), facts_of(Fact)


@dataclass(frozen=True, slots=True)
class Asked:
    """One ask as it lies on the wire, with the moment that the door stamped on it."""

    do: str
    having: bytes
    moment: Moment


@dataclass(frozen=True, slots=True)
class Kept:
    """One fact as it lies in the journal."""

    kind: str
    body: bytes
    at: int
    voter: str | None
    group: str | None
    number: int


def empty() -> rules.State:
    """A board of the room with four zones, everything in them visible and movable, before anybody wrote."""
    template = json.loads((_BOARDS / f"{BOARD}.json").read_text(encoding="utf-8"))
    may = {"*": {"move": "everyone", "comment": "everyone"}}
    setup = {"board": template, "visible": {"*": "all"}, "may": may, "notes_max": 5_000, "dots": 99, "max_on_one": 99}
    return rules.start(Setup.model_validate(setup, context={"first": "it"}), "pseudonym")


class Day:
    """People at a board, by chance from a seed: remembers the asks that were kept and the facts they left."""

    def __init__(self, seed: int = 1) -> None:
        self.state = empty()
        self.asked: list[Asked] = []
        self.kept: list[Kept] = []
        self._chance = random.Random(seed)
        self._said = notes.texts(2_000, seed)
        self._people = [(f"p{n:03d}", GROUPS[n % 2]) for n in range(PEOPLE)]
        self._sizes = dict.fromkeys(GROUPS, PEOPLE // 2)
        self._notes: list[str] = []

    def asks(self, who: tuple[str, str] | None, do: str, **having: Any) -> bool:
        """Whether the ask was kept; a refused one leaves no trace."""
        person, group = who or (None, None)
        number = len(self.kept)
        moment = Moment(
            now=AT + number * 40,
            actor="phone" if who else "desk",
            person=person,
            voter=person,
            group=group,
            sizes=self._sizes,
            fresh=f"{number:032x}",
        )
        facts = rules.decide(self.state, _ASKS[do].model_validate(having), moment)
        if isinstance(facts, Refusal):
            return False
        self.asked.append(Asked(do, json.dumps(having, ensure_ascii=False).encode(), moment))
        for fact in facts:
            number += 1
            self.state = rules.evolve(self.state, Happening(fact, moment.now, person, group, number))
            self.kept.append(Kept(fact.kind, fact.model_dump_json().encode(), moment.now, person, group, number))
        return True

    def writes(self) -> bool:
        chance = self._chance
        note = f"{chance.getrandbits(96):024x}"[:16]
        text, zone = chance.choice(self._said), chance.choice(ZONES)
        if not self.asks(chance.choice(self._people), "add_note", note=note, zone=zone, text=text):
            return False
        self._notes.append(note)
        return True

    def fills(self, count: int) -> None:
        while len(self._notes) < count:
            self.writes()

    def opens_a_vote(self) -> None:
        """Dots on the notes of two zones; while people vote they move nothing, as in the phases of the shipped boards."""
        if not self.asks(None, "open_vote", round="v1", zones=list(ZONES[:2])):
            raise ValueError("the vote was refused, so no dots would be measured")

    def votes(self) -> bool:
        note, who = self._chance.choice(self._notes), self._chance.choice(self._people)
        return self.asks(who, "place_dots", round="v1", target=note, dots=self._chance.randrange(1, 3))

    def moves(self) -> bool:
        chance = self._chance
        note, who = chance.choice(self._notes), chance.choice(self._people)
        place = {"x": chance.randrange(10_001), "y": chance.randrange(10_001)}
        return self.asks(who, "move_note", note=note, zone=chance.choice(ZONES), **place)

    def does(self) -> bool:
        """One more ask of somebody, drawn from SHARES."""
        chance = self._chance
        drawn = chance.randrange(100)
        what = "add_note"
        for name, share in SHARES:
            if drawn < share:
                what = name
                break
            drawn -= share
        note = self.state.notes[chance.choice(self._notes)]
        who = chance.choice(self._people)
        own = (note.by or "", note.own_group or "")
        match what:
            case "move_note":
                return self.moves()
            case "react":
                return self.asks(who, what, note=note.id, sign=chance.choice(("like", "question", "important", None)))
            case "edit_text":
                return self.asks(own, what, note=note.id, text=chance.choice(self._said), base=note.text_rev)
            case "colour_note":
                return self.asks(own, what, note=note.id, colour=chance.choice(("yellow", "blue", "green", "pink")))
            case "comment":
                fresh = f"{chance.getrandbits(96):024x}"[:16]
                return self.asks(who, what, comment=fresh, note=note.id, text=chance.choice(self._said)[:280])
            case _:
                return len(self._notes) < 2 * NOTES and self.writes()


@dataclass(frozen=True, slots=True)
class Played:
    """before: the full board. asked: what follows on it. kept: the first FACTS facts of the day, the board's filling too.

    voting: the board with the vote open and most dots given. moving: moves that the facilitator allows meanwhile.
    """

    before: rules.State
    asked: list[Asked]
    kept: list[Kept]
    voting: rules.State
    moving: list[Asked]


def played() -> Played:
    """Writing, then working on what was written, then voting: FACTS facts in all, at least one ask for each."""
    day = Day()
    day.fills(NOTES)
    before, filled = day.state, len(day.asked)
    while len(day.kept) < FACTS - VOTING:
        day.does()
    day.opens_a_vote()
    while len(day.kept) < FACTS:
        day.votes()
    voting, voted, kept = day.state, len(day.asked), day.kept[:FACTS]
    while len(day.asked) < voted + MOVING:
        day.moves()
    return Played(before, day.asked[filled:voted], kept, voting, day.asked[voted:])


def validated(asked: list[Asked]) -> int:
    """The floor: pydantic reads each ask, and nothing more happens."""
    read = 0
    for one in asked:
        read += len(_ASKS[one.do].model_validate_json(one.having).do) > 0
    return read


def asked_again(state: rules.State, asked: list[Asked], screen: str = "phone") -> tuple[rules.State, int]:
    """Each ask read, decided, evolved and told to one screen; the state, and how many entries there were for the screen."""
    number = told = 0
    for one in asked:
        moment = one.moment
        facts = rules.decide(state, _ASKS[one.do].model_validate_json(one.having), moment)
        if isinstance(facts, Refusal):
            raise ValueError(f"{one.do} was kept the first time and refused the second: {facts.code}")
        for fact in facts:
            number += 1
            happened = Happening(fact, moment.now, moment.voter, moment.group, number)
            state = rules.evolve(state, happened)
            told += rules.patch(state, happened, screen) is not None
    return state, told


def replayed(kept: list[Kept]) -> rules.State:
    """The journal's facts from the first one on, each read from its JSON as the room does after a restart."""
    state = empty()
    for fact in kept:
        said = _FACTS[fact.kind].model_validate_json(fact.body)
        state = rules.evolve(state, Happening(said, fact.at, fact.voter, fact.group, fact.number))
    return state


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def figures() -> dict[str, float]:
    """Medians of TURNS turns; floor and rules in turns, because only neighbours compare on a shared machine."""
    day = played()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    _, told = asked_again(day.before, day.asked)
    floor, whole, again, moving = [], [], [], []
    for _ in range(TURNS):
        floor.append(seconds(lambda: validated(day.asked)))
        whole.append(seconds(lambda: asked_again(day.before, day.asked)))
        again.append(seconds(lambda: replayed(day.kept)))
        moving.append(seconds(lambda: asked_again(day.voting, day.moving)))
    count = len(day.asked)
    return {
        "asks_s": count / statistics.median(whole),
        "asks_best_s": count / min(whole),
        "validated_s": count / statistics.median(floor),
        "of_floor": statistics.median(some / all_ for some, all_ in zip(floor, whole, strict=True)),
        "moves_in_vote_s": MOVING / statistics.median(moving),
        "replay_s": statistics.median(again),
        "replay_best_s": min(again),
        "facts": len(day.kept),
        "told": told / count,
        "notes": len(day.before.notes),
    }


if __name__ == "__main__":
    print(json.dumps(figures()))
