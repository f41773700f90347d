"""The money of an idea, its obstacles, its steps and its indicators, added up and put in order (DOMAIN 5, 7, 8, 9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from .codes import IndicatorStatus
from .model import FinancingLine, Indicator, Money, NextStep, PolicyIdea, blank_text, first_day, last_day
from .payment import cents

#: Days within which one reading should follow another; a thing read once has none.
DAYS = {"weekly": 7, "monthly": 31, "quarterly": 92, "half_yearly": 183, "yearly": 366}
#: Lines whose money is there.
SECURED = ("committed", "received")
AMBER = Fraction(7, 10)


def least(money: Money) -> Fraction:
    """What surely comes: a range counts with its min."""
    return Fraction(money.exact or money.min or "0")


def most(money: Money) -> Fraction:
    """What it may cost: a range counts with its max."""
    return Fraction(money.exact or money.max or "0")


def totals(idea: PolicyIdea) -> dict[str, Any]:
    """{"currency", "planned", "secured", "cost_total"?, "running_per_year"?, "coverage"?, "gap"?, "units"?,
    "cost_per_unit"?, "warnings": [keys]}; money as decimal strings, coverage in whole per mille, half-up.

    secured: lines committed or received, a range with its min. The cost counts with its max. gap is never below 0.
    units: people whom the idea reaches, the cohort of its first payment rule or else the number of the target group.
    Warnings: `lines_above_cost`, `other_currency` (such lines are in no sum), `not_secured`, `line_without_amount`.
    """
    lines = idea.financing or []
    cost = idea.cost_total
    currency = cost.currency if cost else next((line.amount.currency for line in lines if line.amount), "EUR")
    counted = [line for line in lines if line.amount is not None and line.amount.currency == currency]
    planned, secured = _sum(counted), _sum([line for line in counted if line.status in SECURED])
    warnings: list[str] = []
    found: dict[str, Any] = {
        "currency": currency,
        "planned": str(cents(planned)),
        "secured": str(cents(secured)),
    }
    if idea.cost_running_per_year is not None:
        found["running_per_year"] = str(cents(most(idea.cost_running_per_year)))
    if cost is not None:
        whole = most(cost)
        found["cost_total"] = str(cents(whole))
        found["gap"] = str(cents(max(Fraction(0), whole - secured)))
        if whole:
            found["coverage"] = (2000 * secured / whole + 1).__floor__() // 2
        fixed = [line for line in counted if line.amount is not None and line.amount.exact is not None]
        if _sum(fixed) > whole:
            warnings.append("lines_above_cost")
        if whole and not secured:
            warnings.append("not_secured")
        units = _units(idea)
        if units:
            found |= {"units": units, "cost_per_unit": str(cents(whole / units))}
    if any(line.amount is not None and line.amount.currency != currency for line in lines):
        warnings.append("other_currency")
    if any(line.amount is None for line in lines):
        warnings.append("line_without_amount")
    return {**found, "warnings": warnings}


def _sum(lines: list[FinancingLine]) -> Fraction:
    return sum((least(line.amount) for line in lines if line.amount is not None), Fraction(0))


def _units(idea: PolicyIdea) -> int | None:
    cohort = next((term.cohort_size for term in idea.pbr_terms or () if term.cohort_size), None)
    return cohort or (idea.target_group.estimated_number if idea.target_group else None)


def matrix(idea: PolicyIdea, project: str | None = None) -> list[dict[str, Any]]:
    """Rows challenge -> obstacle -> overcome -> action, one per overcome, in the order of the form.

    {"challenge"?, "obstacle"?, "overcome"?, "action"?} as JSON of those rows, and "hole": true for an obstacle
    without an overcome or a challenge without an obstacle. An obstacle of no challenge stands before the problem, with
    {"text": problem} as its challenge. project: only rows that this project is linked with.
    """
    steps = {step.uid: step for step in idea.next_steps or ()}
    known = {one.uid for one in idea.challenges or ()}
    rows: list[dict[str, Any]] = []
    groups: list[tuple[dict[str, Any] | None, list[str], str | None]] = [
        (one.model_dump(mode="json"), one.projects or [], one.uid) for one in idea.challenges or ()
    ]
    groups.append((None if blank_text(idea.problem) else {"text": dict(idea.problem or {})}, [], None))
    for challenge, projects, uid in groups:
        own = [
            one
            for one in idea.obstacles or ()
            if one.challenge == uid or (uid is None and one.challenge is not None and one.challenge not in known)
        ]
        if not own and uid is not None and project in (None, *projects):
            rows.append({"challenge": challenge, "hole": True})
        for obstacle in own:
            shown = obstacle.model_dump(mode="json")
            shown.pop("overcome", None)
            before = {"challenge": challenge, "obstacle": shown} if challenge else {"obstacle": shown}
            ways = [way for way in obstacle.overcome or () if not blank_text(way.text)]
            if not ways and project in (None, *projects):
                rows.append({**before, "hole": True})
            for way in ways:
                if project in (None, way.linked_project, *projects):
                    step = steps.get(way.action or "")
                    action = {"action": step.model_dump(mode="json")} if step else {}
                    rows.append({**before, "overcome": way.model_dump(mode="json"), **action})
    return rows


def cycle(steps: Mapping[str, NextStep]) -> list[str]:
    """The uids of steps that wait for each other, in order; empty when none do. Unknown ones are passed over."""
    done: dict[str, None] = {}
    for start in steps:
        # With a path of its own and not by recursion: a chain of steps may be longer than Python's stack.
        stack: list[tuple[str, int]] = [(start, 0)]
        path: dict[str, None] = {start: None}
        while stack:
            at, nth = stack.pop()
            waits = [one for one in steps[at].depends_on or () if one in steps]
            if at in done or nth >= len(waits):
                done[at] = None
                path.pop(at, None)
                continue
            stack.append((at, nth + 1))
            after = waits[nth]
            if after in path:
                held = list(path)
                return held[held.index(after) :]
            if after not in done:
                path[after] = None
                stack.append((after, 0))
    return []


def status(indicator: Indicator, today: str) -> IndicatorStatus:
    """How an indicator stands on a day, an ISO date (DOMAIN 9; the thresholds are our definition).

    With progress = (last - baseline) / (target - baseline) and time = share of the period from the baseline's date to
    the target's: green where progress >= time or the target is met, amber where progress >= 0.7 * time, else red.
    `no_data` without a reading, with none within 1.5 times the frequency, or without what the formula needs.
    """
    now = date.fromisoformat(today)
    readings = sorted(
        (one for one in indicator.readings or () if first_day(one.date) <= now), key=lambda one: first_day(one.date)
    )
    base, aim = indicator.baseline, indicator.target
    if not readings:
        return "no_data"
    last = readings[-1]
    every = DAYS.get(indicator.frequency or "")
    if every is not None and 2 * (now - last_day(last.date)).days > 3 * every:
        return "no_data"
    if aim is None or aim.value is None:
        return "no_data"
    value, target = Fraction(last.value), Fraction(aim.value)
    if value == target or (value < target if indicator.direction == "down" else value > target):
        return "green"
    if base is None or base.value is None or Fraction(base.value) == target or not base.date or not aim.date:
        return "no_data"
    progress = (value - Fraction(base.value)) / (target - Fraction(base.value))
    begun, ends = first_day(base.date), last_day(aim.date)
    span = (ends - begun).days
    time = Fraction(min(max((now - begun).days, 0), span), span) if span > 0 else Fraction(1)
    if progress >= time:
        return "green"
    return "amber" if progress >= AMBER * time else "red"
