"""What is worked out off the line: plans and pairs, by a solver that is imported when a marketplace opens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .. import pairing
from ..matching import read

if TYPE_CHECKING:
    from ..rules import State

#: Seconds after which the best plan so far is taken, for rooms up to `LARGE` people and above; a slow machine's limit.
STOP, STOP_LARGE, LARGE = 5.0, 15.0, 200
#: Seconds that the exact program of a small event may take; its plan counts only if it ends by itself.
EXACT = 3.0


def offered_plan(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The ask that offers a good plan soon. snapshot: the input of MATCHING 7. Blocks while it solves."""
    return "offer_plan", _solved(snapshot, 0.0)


def better_plan(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The same with the exact program, which is slower and may prove that nothing better is possible."""
    return "offer_plan", _solved(snapshot, EXACT)


def _solved(snapshot: dict[str, Any], exact_seconds: float) -> dict[str, Any]:
    from .plans import solve

    event = read(snapshot)
    until = time.perf_counter() + (STOP if len(event.people) <= LARGE else STOP_LARGE)
    found = solve(event, stopped=lambda: time.perf_counter() > until, exact_seconds=exact_seconds)
    return {"input_sha256": found["input_sha256"], "plan": found}


def offered_pairs(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The ask that proposes peer activities. snapshot: a `pairing.Panel` as plain values."""
    from ..placing import panel_hash
    from .pairs import proposed

    found = proposed(pairing.Panel.model_validate(snapshot))
    return "offer_pairs", {"input_sha256": panel_hash(snapshot), "proposal": found}


def warm() -> None:
    """A tenth of a second and more that the first plan need not wait for."""
    from . import plans

    plans.warm()


def swaps(state: State, of: str | None = None) -> list[dict[str, Any]] | None:
    """What it costs the room to place a person elsewhere in a round, see `plans.swap`. of: "person:round"."""
    from .. import rules
    from .plans import swap

    person, _, round = (of or "").rpartition(":")
    planned = rules.planned(state)
    if planned is None or not round.isdigit():
        return None
    event = read(planned["event"])
    if person not in event.market.person:
        return None
    return swap(event, planned["assignment"], person, int(round))


#: By the first part of a work's key: what the house runs in a thread, from a snapshot to an ask.
RUNS: Mapping[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]] = MappingProxyType(
    {"plan": offered_plan, "better": better_plan, "pairs": offered_pairs}
)
#: The desk has a plan already while this one runs; another that somebody waits for goes before it.
PATIENT = ("better",)
#: By name in the address: `/api/sessions/{code}/stages/{stage}/look/{name}?of=...`.
LOOKS: Mapping[str, Callable[[State, str | None], Any]] = MappingProxyType({"swaps": swaps})
