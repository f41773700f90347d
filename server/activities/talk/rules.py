"""The rules of a talk: which part everybody sees. Phones and wall never hold a part that was not shown yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..contract import AFact, AnAsk, Happening, Level, Me, Moment, Refusal
from ..contract import rehearse as rehearsals
from .messages import Part, PartShown, Setup, ShowPart


@dataclass(frozen=True, slots=True)
class State:
    """part: the one that is shown, 1 is the first."""

    setup: Setup
    part: int = 1


def start(setup: Setup, level: Level = "pseudonym") -> State:
    return State(setup)


def decide(state: State, ask: AnAsk, moment: Moment) -> list[AFact] | Refusal:
    if not isinstance(ask, ShowPart) or not 1 <= ask.part <= len(state.setup.parts):
        return Refusal("unknown_part")
    return [] if ask.part == state.part else [PartShown(part=ask.part)]


def evolve(state: State, happened: Happening) -> State:
    if isinstance(happened.fact, PartShown):
        return replace(state, part=happened.fact.part)
    return state


def view(state: State, screen: str) -> dict[str, Any]:
    """{"part","of","parts"}: the parts are all of them on the desk, elsewhere the one that is shown."""
    parts = state.setup.parts if screen == "desk" else state.setup.parts[state.part - 1 : state.part]
    return {"part": state.part, "of": len(state.setup.parts), "parts": [_shown(part) for part in parts]}


def _shown(part: Part) -> dict[str, Any]:
    shown: dict[str, Any] = {"heading": part.heading, "points": list(part.points)}
    if part.text is not None:
        shown["text"] = part.text
    if part.source is not None:
        shown["source"] = part.source
    return shown


def mine(state: State, me: Me) -> dict[str, Any]:
    return {}


def scope(state: State, ask: AnAsk) -> str | None:
    return None


def outcomes(state: State) -> list[dict[str, Any]]:
    """A talk leaves nothing behind but its texts, which are in the plan."""
    return []


def lead(view: dict[str, Any], desk: dict[str, Any], seed: int, sample: dict[str, Any]) -> Any:
    """What a simulated facilitator does next, see `contract.rehearse`."""
    return rehearsals.lead_talk(view)
