"""Who backs which version of an idea, and what a group says together (DOMAIN 11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..small_cells import OTHER, SMALLEST, fold
from .bridging import Votes, bridge, wilson_interval
from .codes import Degree, EndorsementLevel

Vote = Literal["agree", "pass", "disagree"]


@dataclass(frozen=True, slots=True)
class Condition:
    """text, or the field that it is about; uid: made by the house."""

    uid: str
    text: str | None
    field: str | None
    degree: Degree
    fulfilled: bool = False


@dataclass(frozen=True, slots=True)
class Endorsement:
    """One person's backing of one version. organisation: for whom they speak, if they say so."""

    version: int
    level: EndorsementLevel
    conditions: tuple[Condition, ...] = ()
    reason: str | None = None
    organisation: str | None = None
    language: str = "it"
    group: str | None = None
    at: int = 0


def vote_of(one: Endorsement) -> Vote:
    """What it counts as: unfulfilled `must` and `must_not` against, the weaker two as a pass (our definition)."""
    if one.level == "object":
        return "disagree"
    if one.level == "neutral":
        return "pass"
    open_ = [condition.degree for condition in one.conditions if not condition.fulfilled]
    if one.level == "support" or not open_:
        return "agree"
    return "disagree" if any(degree in ("must", "must_not") for degree in open_) else "pass"


def standing(one: Endorsement, version: int, open_text: bool) -> Literal["counts", "to_reconfirm"]:
    """`to_reconfirm` once its version is not the one that stands, or its text is open again."""
    return "counts" if one.version == version and not open_text else "to_reconfirm"


def lacking(counted: Iterable[Endorsement], groups: Sequence[str], sizes: Mapping[str, int]) -> list[str]:
    """The groups present that have no supporting endorsement; all of the plan's where nobody's presence is known.

    Without groups at all the room itself must have one: `[""]` when it has none.
    """
    supporting = {one.group for one in counted if vote_of(one) == "agree"}
    present = [group for group in groups if sizes.get(group, 0) > 0] if sizes else list(groups)
    if not present:
        return [] if supporting else [""]
    return [group for group in present if group not in supporting]


def result(
    counted: Sequence[Endorsement], waiting: int, groups: Sequence[str], sizes: Mapping[str, int]
) -> dict[str, Any]:
    """{"people", "to_reconfirm", "levels": {level: n}, "agree", "pass", "disagree", "class", "bridging"?, "least"?,
    "by_group"?: [{"group","agree","pass","disagree","n","low","high"}], "difference"?: {"first","second",...}}.

    counted: endorsements of the version that stands. A split by group is there only where every shown group has five
    people who answered (small ones are folded into "other"); the bridging figures only where no group was folded.
    low, high: Wilson's 90 % interval of agreement; bridging 0-100, all others 0-1.
    """
    votes = [(one.group, vote_of(one)) for one in counted]
    levels: dict[str, int] = {}
    for one in counted:
        levels[one.level] = levels.get(one.level, 0) + 1
    found: dict[str, Any] = {"people": len(counted), "to_reconfirm": waiting, "levels": dict(sorted(levels.items()))}
    found |= {what: sum(vote == what for _, vote in votes) for what in ("agree", "pass", "disagree")}
    answered: dict[str | None, int] = {}
    for group, _ in votes:
        answered[group] = answered.get(group, 0) + 1
    shown = fold(answered)
    split: dict[str, dict[str, int]] = {}
    for group, vote in votes:
        if group in shown:
            row = split.setdefault(shown[group], {"agree": 0, "pass": 0, "disagree": 0})
            row[vote] += 1
    order = {group: nth for nth, group in enumerate(groups)}
    rows = []
    for group in sorted(split, key=lambda one: (one == OTHER, order.get(one, len(order)), one)):
        n = sum(split[group].values())
        low, high = wilson_interval(split[group]["agree"], n)
        rows.append({"group": group, **split[group], "n": n, "low": round(low, 3), "high": round(high, 3)})
    if rows:
        found["by_group"] = rows
    present = [group for group in groups if sizes.get(group, 0) > 0 or answered.get(group, 0) > 0]
    small = not present or any(answered.get(group, 0) < SMALLEST for group in present)
    if small or (any(shown.get(group) != group for group in present) and len(present) > 1):
        return {**found, "class": "too_few_votes"}
    crossed = bridge({group: _votes(votes, group, sizes.get(group, 0)) for group in present})
    found["class"] = crossed.kind
    if crossed.kind != "too_few_votes" and crossed.bridging is not None and crossed.least is not None:
        found |= {"bridging": round(crossed.bridging, 1), "least": round(crossed.least, 3)}
        widest = crossed.difference
        if widest is not None:
            found["difference"] = {
                "first": widest.first,
                "second": widest.second,
                "value": round(widest.value, 3),
                "low": round(widest.low, 3),
                "high": round(widest.high, 3),
            }
    return found


def _votes(votes: Sequence[tuple[str | None, str]], group: str, present: int) -> Votes:
    own = [vote for of, vote in votes if of == group]
    return Votes(own.count("agree"), own.count("disagree"), own.count("pass"), present)
