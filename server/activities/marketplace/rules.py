"""The rules of a marketplace of practices, as the rest of the house asks for them (MATCHING; DOMAIN 13).

They stand in files of their own: `state` what a marketplace is, `placing` what goes to the solver and what comes back,
`deciding` asks to facts, `evolving` facts to state, `shown` what each screen is sent, `leaving` what is left. Plans are
facts: replaying reads them and solves nothing.
"""

from __future__ import annotations

from typing import Any

from ..contract import AnAsk
from .deciding import decide
from .evolving import evolve
from .leading import lead, rehearse
from .leaving import outcomes, rows
from .messages import Freeze, SettleWishes, TimeUp
from .placing import event_of, input_hash, panel_hash, panel_of
from .shown import mine, touched, view
from .state import FREEZE, SETTLE, Plan, State, next_round, on_the_panel, opened, running, start

#: The room tells who is in the session as people come and go.
FOLLOWS_PEOPLE = True


def scope(state: State, ask: AnAsk) -> str | None:
    return None


def due(state: State) -> tuple[str, ...]:
    """Keys of what waits for work: "plan:<input_sha256>:<n>", "better:<input_sha256>:<n>", "pairs:<input_sha256>:<n>".

    A plan is offered as soon as there is a good one; while it is looked at, a better one of the same input is searched.
    The hash is that of the input as it is now: a wish that came while a plan was worked out makes it another key, so
    that the work begins again by itself. n counts the askings: who drops a plan and asks once more for the same one
    must not meet the receipt of the first.
    """
    keys = []
    if state.asked is not None:
        hash = input_hash(state, state.asked.fresh)
        if hash is not None:
            keys.append(f"plan:{hash}:{state.asked.number}")
    elif state.offered is not None and improvable(state.offered):
        keys.append(f"better:{state.offered.input_sha256}:{state.offered.number}")
    if state.pairs_asked is not None:
        keys.append(f"pairs:{panel_hash(panel_of(state))}:{state.pairs_asked.number}")
    return tuple(keys)


def improvable(plan: Plan) -> bool:
    """Whether nothing says yet that this plan is the best: a re-plan that keeps what it can is not meant to be."""
    proven = plan.document.get("objective", {}).get("proven_optimal")
    return not (proven or plan.document.get("broken") or plan.event.get("previous"))


def snapshot(state: State, key: str) -> dict[str, Any]:
    """The input of a piece of work, as plain JSON: the event of MATCHING 7, or the panel of `pairing.Panel`.

    Raises KeyError for a key that is not due.
    """
    if key not in due(state):
        raise KeyError(key)
    if key.startswith("pairs:"):
        return panel_of(state)
    if key.startswith("better:") and state.offered is not None:
        return {**state.offered.event}
    event = event_of(state, state.asked is not None and state.asked.fresh)
    if event is None:
        raise KeyError(key)
    return event


def planned(state: State) -> dict[str, Any] | None:
    """{"event", "assignment"} of the plan on the desk, the offered one before the published one, as the work off the
    line reads them to say what a swap would cost (MATCHING 10); None without a plan."""
    plan = state.offered or state.plan
    if plan is None:
        return None
    return {"event": dict(plan.event), "assignment": {id: list(route) for id, route in plan.assignment.items()}}


def deadline(state: State) -> tuple[int, AnAsk] | None:
    """When a plan that is waited for settles on its wishes; when the coming round freezes, then when the running one ends."""
    found: list[tuple[int, AnAsk]] = []
    if state.asked is not None and state.asked.wishes is None:
        found.append((state.asked.at + SETTLE, SettleWishes()))
    now = running(state)
    if now is not None and state.held_at is None:
        coming = next_round(state)
        if coming is not None and state.plan is not None and state.frozen != coming:
            found.append((max(now.started_at, now.ends_at - FREEZE), Freeze(round=coming)))
        else:
            found.append((now.ends_at, TimeUp(round=state.round)))
    return min(found, key=lambda one: one[0], default=None)


def answered(state: State) -> dict[str, Any]:
    """{"answered","by_group","voters","taking"}: who rated stalls; on the panel, whose organisation wished something."""
    if state.phase == "panel":
        speaking = {id: True for id in on_the_panel(state) if state.wants.get(id)}
        voters = [person for person in state.people if state.organisation_of.get(person) in speaking]
    else:
        voters = [person for person in state.people if person in state.wishes]
    groups: dict[str, int] = {}
    for person in voters:
        group = state.people[person]
        if group is not None:
            groups[group] = groups.get(group, 0) + 1
    taking = state.phase == "before" and state.plan is None
    return {
        "answered": len(voters),
        "by_group": dict(sorted(groups.items())),
        "voters": sorted(voters),
        "taking": taking,
    }


__all__ = [
    "FOLLOWS_PEOPLE",
    "State",
    "answered",
    "deadline",
    "decide",
    "due",
    "evolve",
    "lead",
    "mine",
    "opened",
    "outcomes",
    "planned",
    "rehearse",
    "rows",
    "scope",
    "snapshot",
    "start",
    "touched",
    "view",
]
