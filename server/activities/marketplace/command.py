"""`officina match`: an input and what was asked in, an exit code, a document and words for the terminal out (MATCHING 7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .matching import Event, Told, Unusable, digest, foreseen, read, reported
from .matching import why as reasons
from .work import plans

CLEAN, BROKEN, UNUSABLE = 0, 1, 2


def match(
    data: bytes | str, engine: str = "highs", check: Any = None, why: str | None = None
) -> tuple[int, dict[str, Any], list[str]]:
    """(exit code, document for stdout, lines for stderr).

    check: a parsed plan document; it is judged, nothing is solved. why: a person whose reasons come with the plan.
    0: a plan that keeps every rule. 1: rules are broken, or a checked plan says of itself what is not so. 2: the input
    cannot be used; the document is `{"error": {"code", "text", "details"}}`.
    """
    try:
        event = read(_parsed(data))
        if why is not None and why not in event.market.person:
            raise Unusable("unknown_id", f'There is no person "{why}" in the input; give one of its ids.', {"id": why})
        if check is not None:
            document, words = _checked(event, check)
        elif engine in plans.ENGINES:
            document = plans.solve(event, engine)
            words = [*foreseen_in_words(event), *_quality(document)]
        else:
            raise Unusable("malformed", f"Give one of {', '.join(plans.ENGINES)} as the engine.", {"where": "engine"})
    except Unusable as error:
        return UNUSABLE, error.as_dict(), [error.text]
    if why is not None:
        document["why"] = {why: reasons(event, document["assignment"], why)}
    faulty = document["broken"] or document.get("check", {}).get("differs")
    return BROKEN if faulty else CLEAN, document, words


def _parsed(data: bytes | str) -> Any:
    def constant(name: str) -> Any:
        raise ValueError(f"{name} is no JSON")

    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data.removeprefix("\ufeff")
        return json.loads(text, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise Unusable("malformed", "Give the input as one JSON object in UTF-8.", {"why": str(error)[:200]}) from None


def _checked(event: Event, plan: Any) -> tuple[dict[str, Any], list[str]]:
    """The plan's document as it should be, with `check`: {same, above_bound, differs: fields that say otherwise}."""
    if not isinstance(plan, Mapping):
        raise Unusable("malformed", "Give the plan to check as a JSON object with an assignment.", {"where": "plan"})
    assignment = _assignment(event, plan.get("assignment"))
    claimed = _mapping(plan.get("objective"))
    engine = _mapping(plan.get("engine"))
    bound = claimed.get("bound")
    bound = bound if isinstance(bound, int) and not isinstance(bound, bool) else None
    tops = _mapping(_mapping(plan.get("totals")).get("top1")).get("most_possible")
    steps, seconds = engine.get("steps"), engine.get("seconds")
    told = Told(
        str(engine.get("name", "unknown")),
        str(engine.get("version", "unknown")),
        [str(step) for step in steps] if isinstance(steps, list) else [],
        engine.get("stopped") is True,
        seconds if isinstance(seconds, (int, float)) else 0.0,
        bound,
        claimed["bound_from"] if bound is not None and isinstance(claimed.get("bound_from"), str) else None,
        tops if isinstance(tops, int) else None,
    )
    document = reported(event, assignment, told, input_sha256=digest(event))
    value = document["objective"]["value"]
    above = bound is not None and not document["broken"] and value > bound
    # What the solving said is taken over from the plan; warnings hold some of it.
    differs = sorted(_differences(plan, document))
    if above:
        differs.append("objective.bound")
    document["check"] = {"same": not differs, "above_bound": above, "differs": differs}
    words = _quality(document)
    if above:
        words.append(f"The plan is worth {value}, more than its bound of {bound}: the bound is wrong.")
    words += [f"The plan says otherwise about {where}." for where in differs]
    return document, words


def _mapping(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}


def _differences(plan: Mapping[str, Any], document: Mapping[str, Any]) -> set[str]:
    """Fields, two levels deep, that the plan gives and that are otherwise when they are counted again."""
    found = set()
    for name, given in plan.items():
        if name in ("engine", "warnings", "why", "assignment") or name not in document:
            continue
        counted = document[name]
        if given == counted:
            continue
        if isinstance(given, Mapping) and isinstance(counted, Mapping):
            found |= {f"{name}.{one}" for one in given.keys() | counted.keys() if given.get(one) != counted.get(one)}
        else:
            found.add(name)
    return found


def _assignment(event: Event, given: Any) -> dict[str, list[str | None]]:
    if not isinstance(given, Mapping):
        raise Unusable("malformed", "Give the plan to check with an assignment.", {"where": "assignment"})
    m = event.market
    for person, route in given.items():
        if person not in m.person:
            raise Unusable("unknown_id", f'The plan places "{person}", who is not in the input.', {"id": str(person)})
        if not isinstance(route, list) or len(route) != event.rounds:
            raise Unusable(
                "malformed",
                f'Give "{person}" one entry for each of the {event.rounds} rounds.',
                {"where": f"assignment.{person}"},
            )
        for stall in route:
            if stall is not None and (not isinstance(stall, str) or stall not in m.stall):
                raise Unusable(
                    "unknown_id", f'The plan names the stall "{stall}", which is not in the input.', {"id": str(stall)}
                )
    nowhere: list[str | None] = [None] * event.rounds
    return {person: list(given.get(person, nowhere)) for person in sorted(m.person)}


def foreseen_in_words(event: Event) -> list[str]:
    said = []
    for one in foreseen(event):
        if one["code"] == "seats_short":
            said.append(
                f"{one['visitors']} visitors, {one['seats']} seats in round {one['round']}: "
                f"add {one['missing']} seats or another stall."
            )
        elif one["code"] == "minimum_high":
            where = f"at {one['stall']} " if "stall" in one else ""
            said.append(
                f"The minimum {where}in round {one['round']} needs {one['needed']} visitors, "
                f"{one['visitors']} can come: lower it."
            )
        elif one["code"] == "few_allowed":
            said.append(
                f"{one['person']} may still visit {one['stalls']} stalls in {one['rounds']} rounds: expect a second visit."
            )
        elif one["code"] == "no_stall_open":
            said.append(f"No stall is open in round {one['round']}: open one.")
        else:
            said.append("Nobody is free to visit anything.")
    return said


RULES = {
    "M1": "without a place or placed where they cannot be",
    "M2": "second visits",
    "M3": "chairs to bring",
    "M4": "visitors missing at stalls with a minimum",
    "M5": "visits that are not allowed",
    "M6": "visits to a closed stall",
    "M7": "pins not kept",
}


def _quality(document: Mapping[str, Any]) -> list[str]:
    """The quality report in words: never one score (MATCHING 10)."""
    objective, totals, engine = document["objective"], document["totals"], document["engine"]
    value, bound = objective["value"], objective["bound"]
    said = []
    if bound is None:
        said.append(f"Value {value}; nothing is known about the best possible.")
    elif objective["proven_optimal"]:
        said.append(f"The best possible plan: {value}, and no plan can be worth more.")
    elif bound > 0:
        said.append(f"{100 * value / bound:.1f} % of the best possible ({value} of at most {bound}).")
    for k in (1, 2, 3):
        top = totals[f"top{k}"]
        most = top.get("most_possible")
        more = f" (most possible {most})" if most is not None else ""
        said.append(f"Top {k}: {top['reached']} of {top['of']} people{more}.")
    said.append(
        f"{totals['people_with_zero_interest_round']} people have a round without interest; "
        f"{totals['no_wishes']} have no wishes."
    )
    if totals["mix_index"] is not None:
        said.append(f"Groups met: {round(100 * totals['mix_index'])} % of what stalls, rounds and groups allow.")
    said.append(f"Visits together with a colleague: {totals['colleagues_together']}.")
    load = totals["load"]
    said.append(
        f"{load['smallest']} to {load['largest']} visitors at a stall; {totals['free_seats_percent']} % of the seats are free."
    )
    first = objective["first_come"]
    if first is not None and first > 0:
        said.append(f"First come, first served would be worth {first} ({100 * (value - first) / first:+.1f} %).")
    if "changes" in document:
        moved = document["changes"]
        said.append(
            f"{moved['next_round']} of {moved['of']} people change in the next round, {moved['later']} in later ones."
        )
    count: dict[str, int] = {}
    for one in document["broken"]:
        count[one["rule"]] = count.get(one["rule"], 0) + one.get("by", 1)
    said += [f"Rule {rule} is broken: {n} {RULES[rule]}." for rule, n in sorted(count.items())]
    for one in document["warnings"]:
        if one["code"] == "unhosted":
            said.append(f"Nobody presents {one['stall']} in round {one['round']}: ask somebody.")
        elif one["code"] == "few_free_seats":
            said.append(f"Only {one['percent']} % of the seats are free: latecomers need 8 %.")
        elif one["code"] == "contested":
            said.append(f"{one['stall']} is short of seats: one more is worth {one['worth']} points.")
        elif one["code"] == "fallback":
            said.append(f"The engine {one['engine']} failed; the next one was used.")
    cut = "; it was stopped before it was done" if engine["stopped"] else ""
    said.append(f"By {engine['name']} {engine['version']} in {engine['seconds']:.2f} s{cut}.")
    return said
