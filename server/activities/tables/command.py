"""`officina tables FILE.json`: the very search of the live activity, on a file, without network or database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import matching, work

CLEAN, BROKEN, UNUSABLE = 0, 1, 2


def tables(
    data: bytes | str, check: Mapping[str, Any] | None = None, why: str | None = None
) -> tuple[int, dict[str, Any], list[str]]:
    """(exit code, the document or {"error"}, words for stderr).

    check: an existing plan; then nothing is searched, its figures are worked out anew. why: a person whose seats are
    explained. 0 a seating that keeps every rule, 1 one that breaks some, 2 an input that cannot be used.
    """
    try:
        event = matching.read(_json(data))
        if check is not None:
            assignment, engine = _checked(event, check)
        else:
            done = work.found(_json(data))
            assignment, engine = done["assignment"], done["engine"]
        if why is not None and why not in {person.id for person in event.people}:
            raise matching.Unusable("unknown_id", f"{why} is not the id of a person of this input.", id=why)
    except matching.Unusable as error:
        told: dict[str, Any] = {"code": error.code, "text": error.text, "details": error.details}
        return UNUSABLE, {"error": told}, [error.text]
    document = matching.report(event, assignment, engine)
    if why is not None:
        document["why"] = {why: matching.why(event, assignment, why)}
    said = _words(event, document)
    wrong = bool(document["broken"])
    if check is not None:
        untrue = _untrue(check, document)
        said += untrue
        wrong = wrong or bool(untrue)
    return BROKEN if wrong else CLEAN, document, said


def _json(data: bytes | str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise matching.Unusable("malformed", f"This is not JSON: {error}. Correct it and try again.") from None


def _checked(event: matching.Event, plan: Mapping[str, Any]) -> tuple[dict[str, list[str | None]], dict[str, Any]]:
    """The assignment and the engine of a plan that somebody brings; unknown people and odd shapes are an error."""
    assignment = plan.get("assignment") if isinstance(plan, Mapping) else None
    if not isinstance(assignment, Mapping):
        raise matching.Unusable("malformed", 'The plan has no "assignment": bring one that this command wrote.')
    known = {person.id for person in event.people}
    for id, row in assignment.items():
        if id not in known:
            raise matching.Unusable("unknown_id", f"{id} of the plan is not the id of a person of this input.", id=id)
        if not isinstance(row, list) or any(one is not None and not isinstance(one, str) for one in row):
            raise matching.Unusable("malformed", f"The tables of {id} in the plan are not a list of ids.", id=id)
    engine = plan.get("engine")
    return {id: list(row) for id, row in assignment.items()}, dict(engine) if isinstance(engine, Mapping) else {}


def _untrue(plan: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    """What the plan says of itself and is not so."""
    said = []
    if plan.get("input_sha256") not in (None, document["input_sha256"]):
        said.append("The plan was made for another input.")
    objective = plan.get("objective")
    told: Mapping[str, Any] = objective if isinstance(objective, Mapping) else {}
    for name in ("cost", "bound", "parts"):
        if told.get(name, document["objective"][name]) != document["objective"][name]:
            said.append(f"The plan says {name} {told[name]}; it is {document['objective'][name]}.")
    least, cost = document["objective"]["bound"], document["objective"]["cost"]
    if least is not None and cost < least:
        said.append(f"The cost {cost} is below the least possible {least}: one of the two is wrong.")
    return said


def _words(event: matching.Event, document: Mapping[str, Any]) -> list[str]:
    totals, objective = document["totals"], document["objective"]
    people = f"{len(event.people)} people, {len(event.tables)} tables, {event.rounds} rounds"
    if objective["proven_optimal"]:
        quality = "proven the best possible"
    elif objective["bound"] is None:
        quality = "no least cost is known for it"
    else:
        quality = f"at most {objective['gap']} above the best possible"
    said = [
        f"{people}: cost {objective['cost']}, {quality}; a random deal costs {objective['random_deal']}.",
        f"{totals['repeat_meetings']} repeated meetings, {totals['colleague_pairs']} pairs of colleagues, "
        f"{totals['new_people_mean']} new people each on average.",
    ]
    rules: dict[str, int] = {}
    for breach in document["broken"]:
        rules[breach["rule"]] = rules.get(breach["rule"], 0) + 1
    return said + [f"Rule {rule} is broken {n} times." for rule, n in sorted(rules.items())]
