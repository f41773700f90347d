"""The rules of a poll: the shared flow of questions, hidden until the reveal, never right or wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..contract import AFact, AnAsk, Happening, Level, Me, Moment, Refusal, results
from ..contract import flow as flows
from ..contract import rehearse as rehearsals
from ..contract.changed import changed
from ..contract.flow import Flow
from ..contract.questions import questions_by_id
from .messages import Setup


@dataclass(frozen=True)
class State:
    setup: Setup
    flow: Flow


def start(setup: Setup, level: Level = "pseudonym") -> State:
    return State(setup, Flow(questions=questions_by_id(setup.questions), level=level, skips=True))


def decide(state: State, ask: AnAsk, moment: Moment) -> list[AFact] | Refusal:
    return flows.decide(state.flow, ask, moment)


def evolve(state: State, happened: Happening) -> State:
    return changed(state, flow=flows.evolve(state.flow, happened))


def view(state: State, screen: str) -> dict[str, Any]:
    return results.view(state.flow, screen, state.setup.wall_languages)


def mine(state: State, me: Me) -> dict[str, Any]:
    return results.mine(state.flow, me)


def scope(state: State, ask: AnAsk) -> str | None:
    return flows.scope(state.flow, ask)


def deadline(state: State) -> tuple[int, AnAsk] | None:
    return flows.deadline(state.flow)


def answered(state: State) -> dict[str, Any]:
    return results.answered(state.flow)


def outcomes(state: State) -> list[dict[str, Any]]:
    """One vote result per question and round that was opened, in the order of asking."""
    return results.outcomes(state.flow)


def rows(state: State) -> list[dict[str, Any]]:
    """One dict per kept answer, for tables in a file; see `contract.results.rows`."""
    return results.rows(state.flow)


def rehearse(view: dict[str, Any], mine: dict[str, Any], seed: int, sample: dict[str, Any]) -> Any:
    """What a simulated person would ask, looking at this view: (do, with) or None."""
    return rehearsals.answer(view, mine, seed, sample)


def lead(view: dict[str, Any], desk: dict[str, Any], seed: int, sample: dict[str, Any]) -> Any:
    """What a simulated facilitator does next, see `contract.rehearse`."""
    return rehearsals.lead_questions(view, desk)
