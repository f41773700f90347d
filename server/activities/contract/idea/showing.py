"""What screens show of the ideas, and what is left of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from ..messages import Me
from . import endorsement, financing, payment
from .completeness import hints
from .fields import tree_of
from .left import IdeaOutcome
from .lifecycle import ENDORSED, OPEN, moves_from
from .model import SCHEMA_VERSION, PolicyIdea
from .provenance import provenance
from .state import (
    Context,
    Frozen,
    Idea,
    Ideas,
    completeness_of,
    day_of,
    digest,
    for_organisers,
    iso,
    may_write,
    standing_of,
)  # fmt: skip


def _result(idea: Idea, context: Context) -> dict[str, Any]:
    counted, waiting = standing_of(idea)
    if not idea.endorsements and idea.brought is not None and idea.brought.version == idea.version:
        return idea.brought.model_dump(mode="json")
    return {"version": idea.version, **endorsement.result(counted, waiting, context.groups, context.sizes)}


def reading(idea: PolicyIdea, today: str) -> dict[str, Any]:
    """What follows from the form: {"totals", "matrix", "terms": {uid: {"sentence","flows","boundaries","curve",
    "independence"}}, "indicators": {uid: status}, "hints"}. today: ISO date."""
    actors = {actor.uid: actor for actor in idea.actors or ()}
    return {
        "totals": financing.totals(idea),
        "matrix": financing.matrix(idea),
        "terms": {
            term.uid: {
                "sentence": payment.sentence(term, actors),
                "flows": payment.flows(term),
                "boundaries": payment.boundaries(term),
                "curve": payment.curve(term),
                "independence": payment.independence(term, actors),
            }
            for term in idea.pbr_terms or ()
        },
        "indicators": {one.uid: financing.status(one, today) for one in idea.indicators or ()},
        "hints": hints(idea),
    }


def view(state: Ideas, screen: str) -> dict[str, Any]:
    """{"form", "languages", "ideas": [shown idea]}: what everybody at that screen shares, ideas in order of making."""
    return {
        "form": state.context.form,
        "languages": list(state.context.languages),
        "ideas": [
            shown(state, idea, screen) for idea in state.ideas.values() if screen == "desk" or not for_organisers(idea)
        ],
    }


def shown(state: Ideas, idea: Idea, screen: str) -> dict[str, Any]:
    """One idea on a screen, with nobody's name: {"idea","state","version","fields": tree,"versions": {path: n},
    "variants": {path: [{"variant","value"}]},"origin","completeness","endorsement","conditions","arguments","answers",
    "sources","frozen","days_waiting"?,...}; on the desk "moves" too, the states it may go to."""
    today = day_of(state.at)
    found = published_view(state, idea) | {
        "versions": dict(idea.versions),
        "variants": {
            path: [{"variant": one.uid, "value": one.value} for one in known] for path, known in idea.variants.items()
        },
        "completeness": completeness_of(idea, state.context.form, state.context, today),
        "conditions": _conditions(idea),
        "frozen": [{"version": one.version, "sha256": one.sha256, "at": one.at} for one in idea.frozen],
        "editable": idea.state in OPEN,
        "endorsable": idea.state in ENDORSED,
    }
    if screen == "desk":
        found["moves"] = list(dict.fromkeys(move.to for move in moves_from(idea.state)))
        found["endorsements_missing"] = endorsement.lacking(
            standing_of(idea)[0], state.context.groups, state.context.sizes
        )
    return found


def _conditions(idea: Idea) -> list[dict[str, Any]]:
    """Every condition of a live endorsement, without who set it."""
    rows = [
        {
            "condition": condition.uid,
            "degree": condition.degree,
            "fulfilled": condition.fulfilled,
            "version": one.version,
            "language": one.language,
            **({"text": condition.text} if condition.text else {}),
            **({"field": condition.field} if condition.field else {}),
        }
        for one in idea.endorsements.values()
        for condition in one.conditions
        if condition.text or condition.field
    ]
    # By id and not by who endorsed first, so that the order does not tell whose condition it is.
    return sorted(rows, key=lambda row: str(row["condition"]))


def published_view(state: Ideas, idea: Idea) -> dict[str, Any]:
    """An idea for everybody: no person, no pseudonym, no vote of anybody; groups only where the floor allows."""
    found: dict[str, Any] = {
        "idea": idea.uid,
        "code": idea.code,
        "state": idea.state,
        "version": idea.version,
        "table": idea.table,
        "fields": tree_of(idea.fields),
        "origin": dict(idea.origin),
        "endorsement": _result(idea, state.context),
        "arguments": _arguments(idea),
        "answers": _answers(idea),
        "sources": [source.model_dump(mode="json") for source in idea.sources],
        "merged_into": idea.merged_into,
        "superseded_by": idea.superseded_by,
        "submitted": {"office": idea.submitted[0], "date": idea.submitted[1]} if idea.submitted else None,
        "withdrawal": _withdrawal(idea),
        "override": idea.override,
        "days_waiting": days_waiting(idea, day_of(state.at)),
    }
    return {name: value for name, value in found.items() if value is not None}


def _withdrawal(idea: Idea) -> dict[str, str] | None:
    return {"reason": idea.withdrawal[0], "explanation": idea.withdrawal[1]} if idea.withdrawal else None


def _arguments(idea: Idea) -> list[dict[str, str]]:
    return [
        {"argument": one.uid, "side": one.side, "text": one.text, "language": one.language}
        for one in idea.arguments
        if one.text
    ]


def _answers(idea: Idea) -> list[dict[str, Any]]:
    return [
        {**fact.model_dump(mode="json", exclude_none=True, exclude={"idea"}), "at": iso(at)}
        for fact, at in idea.answers
    ]


def days_waiting(idea: Idea, today: str) -> int | None:
    """Whole days since the idea was handed to an office that has not answered; None where nobody waits."""
    handed = next((at for _, to, at in reversed(idea.moves) if to == "submitted"), None)
    if idea.state != "submitted" or handed is None:
        return None
    return max(0, (datetime.fromisoformat(today) - datetime.fromisoformat(day_of(handed))).days)


def mine(state: Ideas, me: Me) -> dict[str, Any]:
    """{"endorsed": {idea: {"version","level","conditions","reason"?,"organisation"?,"standing"}}, "edits": [ideas],
    "arguments": [own ids]}."""
    voter = me.voter(None)
    endorsed: dict[str, Any] = {}
    edits, own = [], []
    for idea in state.ideas.values():
        if for_organisers(idea):
            continue
        one = idea.endorsements.get(voter)
        if one is not None:
            text_open = idea.state in (*OPEN, "parked")
            said = {
                "version": one.version,
                "level": one.level,
                "conditions": [
                    {"condition": c.uid, "text": c.text, "field": c.field, "degree": c.degree, "fulfilled": c.fulfilled}
                    for c in one.conditions
                ],
                "reason": one.reason,
                "organisation": one.organisation,
                "standing": endorsement.standing(one, idea.version, text_open),
            }
            endorsed[idea.uid] = {name: value for name, value in said.items() if value is not None}
        writes = may_write(state.context, idea.table, idea.created_by, voter, me.group, me.table)
        if idea.state in OPEN and writes:
            edits.append(idea.uid)
        own += [argument.uid for argument in idea.arguments if argument.voter == voter]
    return {"endorsed": endorsed, "edits": edits, "arguments": own}


def outcome(state: Ideas, idea: Idea, context: Context | None = None) -> dict[str, Any]:
    """The whole idea as it is exported and taken in again: JSON of `left.IdeaOutcome`, without anybody's id."""
    context = context or state.context
    around = replace(state, context=context)
    seen = published_view(around, idea)
    seen |= {
        "kind": "idea",
        "schema_version": SCHEMA_VERSION,
        "form": context.form,
        "session": idea.session,
        "stage": idea.stage,
        "completeness": completeness_of(idea, context.form, context, day_of(state.at)),
        "provenance": provenance(idea.sources, context.sizes),
        "second_wordings": [
            {"field": path, "variant": one.uid, "fields": tree_of({path: one.value})}
            for path, known in idea.variants.items()
            for one in known
        ],
        "versions": [
            {
                "version": one.version,
                "sha256": one.sha256,
                "at": iso(one.at),
                "fields": tree_of(one.fields),
                "provenance": dict(one.provenance),
            }
            for one in idea.frozen
        ],
        "totals": financing.totals(idea.form),
        "moves": [{"was": was, "to": to, "at": iso(at)} for was, to, at in idea.moves],
        "published_at": iso(idea.published_at) if idea.published_at is not None else None,
        "created_at": iso(idea.created_at),
        "updated_at": iso(idea.updated_at),
    }
    return {name: seen[name] for name in _ORDER if seen.get(name) is not None}


_ORDER = tuple(IdeaOutcome.model_fields)


def outcomes(state: Ideas) -> list[dict[str, Any]]:
    """One outcome per idea, in the order of making."""
    return [outcome(state, idea) for idea in state.ideas.values()]


def intact(uid: str, frozen: Frozen) -> bool:
    """Whether a version still is what was frozen; it is not once somebody's words were erased from it."""
    return digest(uid, frozen.version, tree_of(frozen.fields)) == frozen.sha256


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of an idea's outcome."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **IdeaOutcome.model_json_schema(mode="validation"),
        "title": "PolicyIdea",
    }
