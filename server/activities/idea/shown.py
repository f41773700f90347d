"""What each screen is shown of the ideas.

A text that is still being written is nobody's but its writers': it stands in their own part of the phone, never in what
all phones share. What everybody must read to back it stands in the shared part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from ..contract import Me
from ..contract.idea import fields
from ..contract.idea import rules as ideas
from ..contract.idea.completeness import LIMITS
from ..contract.idea.lifecycle import ENDORSED, OPEN, PUBLIC
from ..contract.idea.provenance import provenance
from ..contract.idea.state import for_organisers, may_write, standing_of
from .state import State, context_of

#: States in which everybody may read an idea.
READABLE = ("review", *PUBLIC)
#: The columns of a list that come first, and the only ones that a table is asked for.
ESSENTIAL: Mapping[str, tuple[str, ...]] = {
    "actors": ("name", "sector", "role"),
    "obstacles": ("text", "category", "overcome"),
    "obstacles.overcome": ("text", "instrument"),
    "next_steps": ("text", "owner", "due"),
    "financing": ("source", "amount", "status", "payer_actor"),
    "risks": ("text", "borne_by", "mitigation"),
    "indicators": ("name", "type", "unit", "target", "data_owner", "frequency"),
    "pbr_terms": (
        "social_outcome", "metric", "unit", "pricing", "price_per_unit", "rates", "tranches", "threshold_min",
        "target_value", "cap", "baseline", "baseline_how", "target_population", "cohort_size", "payer_actor",
        "payee_actor", "verifier_actor", "data_source", "horizon_end", "safeguards",
    ),
}  # fmt: skip
#: Fields of a group that a card asks for.
ON_A_CARD = {
    "target_group": ("target_group.label", "target_group.category", "target_group.estimated_number"),
    "area": ("area.scope", "area.name"),
}
#: The form in the order in which it is read: section, and the leaves or groups in it.
SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("what", ("title", "summary", "domain")),
    ("problem", ("problem", "problem_causes", "problem_effects", "evidence", "need_type", "needs")),
    ("whom", ("target_group",)),
    ("where", ("area",)),
    ("proposal", ("proposal", "output_kind", "pilot", "objectives", "approach", "direction")),
    ("change", ("theory_of_change",)),
    ("actors", ("actors",)),
    ("collaboration", ("collaboration_form",)),
    ("money", ("financing", "cost_total", "cost_running_per_year", "no_cost_reason")),
    ("result", ("pbr_terms",)),
    ("obstacles", ("challenges", "obstacles", "risks")),
    ("steps", ("next_steps", "review_on")),
    ("indicators", ("indicators",)),
    (
        "reuse",
        (
            "replicability", "derived_from", "admin_acts", "technologies", "sdg", "tags", "lines_of_action",
            "open_questions", "loose", "confidentiality", "licence",
        ),
    ),
)  # fmt: skip
#: Ids of other things and places on a map, which nobody types.
NOT_TYPED = ("geometry", "organisation", "need", "guideline_refs", "derived_from", "readings")


def view(state: State, screen: str) -> dict[str, Any]:
    """What everybody at that screen shares: {"form","per","languages","ideas": [row],...}.

    A row: {"idea","code"?,"title"?: {language: text},"table"?,"state","version","met","required","readable",
    "endorsable","endorsement"?}; of a readable idea also "fields" (leaves by path), "reading", "arguments", "answers".
    phone: "questions", the fields that people may write. wall: "shown", the uid of the idea that it presents. desk:
    every row with "missing", "warnings", "moves", "conditions"; "open", the whole of the idea that it works on.
    """
    desk = screen == "desk"
    seen = [idea for idea in state.ideas.ideas.values() if desk or not for_organisers(idea)]
    found: dict[str, Any] = {
        "form": state.setup.form,
        "per": state.setup.per,
        "languages": list(state.ideas.context.languages),
        "ideas": [_kept(state, idea, "desk" if desk else "shared", _on_desk if desk else _row) for idea in seen],
    }
    if screen == "wall":
        found["shown"] = state.shown if any(idea.uid == state.shown for idea in seen) else None
        return found
    found["questions"] = questions(state.setup.form if not desk else "desk")
    if desk:
        found |= {"shown": state.shown, "opened": state.opened, "tables": list(state.tables)}
        working = state.ideas.ideas.get(state.opened or "")
        if working is not None:
            found["open"] = _kept(state, working, "open", _whole)
    return found


def mine(state: State, me: Me) -> dict[str, Any]:
    """What is this person's own: {"endorsed": {idea: own backing}, "arguments": [own ids], "cards": [card],
    "begins": whether they may begin an idea here}.

    cards: the ideas that they may write, with every leaf: {"idea","code"?,"table"?,"state","version","fields",
    "versions","variants","chips": {path: [{"text","group"?,"number"?}]},"met","required","missing","warnings"}.
    """
    found = ideas.mine(state.ideas, me)
    del found["edits"]
    cards = [_kept(state, idea, "card", _card) for idea in state.ideas.ideas.values() if _writes(state, idea, me)]
    writers = state.ideas.context.editors
    if writers == "table":
        begins = me.table is not None
    else:
        begins = writers == "everyone" or (not isinstance(writers, str) and me.group in writers)
    return {**found, "cards": cards, "begins": begins}


def _writes(state: State, idea: ideas.Idea, me: Me) -> bool:
    if idea.state not in OPEN or for_organisers(idea):
        return False
    context = context_of(state, idea)
    return may_write(context, idea.table, idea.created_by, me.voter(None), me.group, me.table)


def _kept(
    state: State, idea: ideas.Idea, how: str, read: Callable[[State, ideas.Idea], dict[str, Any]]
) -> dict[str, Any]:
    """What `read` gives for an idea, read once for each change of it: forty phones ask after every single edit."""
    today = ideas.day_of(state.ideas.at)
    known = state.drawn.get((idea.uid, how))
    if known is not None and known[0] is idea and known[1] is state.ideas.context and known[2] == today:
        return known[3]  # type: ignore[no-any-return]
    made = read(state, idea)
    state.drawn[(idea.uid, how)] = (idea, state.ideas.context, today, made)
    return made


def _row(state: State, idea: ideas.Idea) -> dict[str, Any]:
    seen = ideas.shown(state.ideas, idea, "phone")
    readable = idea.state in READABLE
    row: dict[str, Any] = {
        "idea": idea.uid,
        "code": idea.code,
        "title": idea.fields.get("title"),
        "table": idea.table,
        "state": idea.state,
        "version": idea.version,
        "met": seen["completeness"]["met"],
        "required": seen["completeness"]["required"],
        "ready": ready(seen["completeness"]["missing"]),
        "readable": readable,
        "endorsable": idea.state in ENDORSED,
        "endorsement": seen["endorsement"] if idea.endorsements else None,
    }
    if readable:
        row |= {
            "fields": dict(idea.fields),
            "reading": ideas.reading(idea.form, ideas.day_of(state.ideas.at)),
            "arguments": seen["arguments"],
            "answers": seen["answers"],
            "provenance": provenance(idea.sources, state.ideas.context.sizes),
        }
    return {name: value for name, value in row.items() if value is not None}


def _on_desk(state: State, idea: ideas.Idea) -> dict[str, Any]:
    seen = ideas.shown(state.ideas, idea, "desk")
    counted, waiting = standing_of(idea)
    more = {
        "missing": seen["completeness"]["missing"],
        "warnings": seen["completeness"]["warnings"],
        "moves": seen["moves"],
        "lacking": seen["endorsements_missing"] if idea.state == "review" else [],
        "conditions": seen["conditions"],
        "wordings": sum(map(len, idea.variants.values())),
        "to_reconfirm": waiting,
        "override": idea.override,
        "submitted": seen.get("submitted"),
        "withdrawal": seen.get("withdrawal"),
        "merged_into": idea.merged_into,
        "days_waiting": seen.get("days_waiting"),
        "backed": len(counted),
    }
    return {**_kept(state, idea, "shared", _row), **{name: value for name, value in more.items() if value is not None}}


def _card(state: State, idea: ideas.Idea) -> dict[str, Any]:
    seen = ideas.shown(state.ideas, idea, "phone")
    card = {
        "idea": idea.uid,
        "code": idea.code,
        "table": idea.table,
        "state": idea.state,
        "version": idea.version,
        "fields": dict(idea.fields),
        "versions": dict(idea.versions),
        "variants": seen["variants"],
        "chips": chips(state, idea),
        "met": seen["completeness"]["met"],
        "required": seen["completeness"]["required"],
        "missing": seen["completeness"]["missing"],
        "ready": ready(seen["completeness"]["missing"]),
        "warnings": seen["completeness"]["warnings"],
    }
    return {name: value for name, value in card.items() if value is not None}


def _whole(state: State, idea: ideas.Idea) -> dict[str, Any]:
    day = ideas.day_of(state.ideas.at)
    versions = [{"version": one.version, "at": one.at, "sha256": one.sha256} for one in idea.frozen]
    return {
        **_card(state, idea),
        "reading": ideas.reading(idea.form, day),
        "frozen": versions,
        "title": idea.fields.get("title"),
    }


def chips(state: State, idea: ideas.Idea) -> dict[str, list[dict[str, Any]]]:
    """The notes behind each field, as their board told them; a note that was erased is not there any more."""
    found: dict[str, list[dict[str, Any]]] = {}
    for source in idea.sources:
        note = state.notes.get(source.note or "")
        if note is None:
            continue
        chip = {"text": note.text, "group": note.group, "number": note.number}
        found.setdefault(source.field, []).append({name: value for name, value in chip.items() if value is not None})
    return found


def ready(missing: list[dict[str, str]]) -> int:
    """How many of the ten fields of a card lack nothing."""
    lacking = {one["field"].partition("/")[0].partition(".")[0]: True for one in missing}
    return sum(name not in lacking for name in fields.CARD)


@cache
def questions(form: str) -> dict[str, Any]:
    """The form for whoever draws it: {"sections": [{"section","fields": [top name]}], "leaves": {path: description},
    "card": [top name]}.

    form: "card" or "full" as people at a table write it, "desk" for every column. Descriptions as `fields.described`
    gives them, with "most", the longest text, where that is shorter than elsewhere.
    """
    leaves = {}
    for entry in fields.described():
        path = entry["path"]
        top = path.partition(".")[0]
        if path in NOT_TYPED or path.rpartition(".")[2] in NOT_TYPED:
            continue
        if form == "card" and (not entry["card"] or path not in ON_A_CARD.get(top, (path,))):
            continue
        described = _described(entry, path, essential=form == "card")
        leaves[path] = {**described, "most": LIMITS[path]} if path in LIMITS else described
    tops = {path.partition(".")[0]: True for path in leaves}
    sections = [
        {"section": name, "fields": [top for top in inside if top in tops]}
        for name, inside in SECTIONS
        if any(top in tops for top in inside)
    ]
    return {"sections": sections, "leaves": leaves, "card": list(fields.CARD)}


def _described(entry: Mapping[str, Any], path: str, essential: bool) -> dict[str, Any]:
    found = {name: value for name, value in entry.items() if name in ("path", "name", "kind", "codes", "values")}
    if "row" in entry:
        main = ESSENTIAL.get(path, ())
        columns = [one for one in entry["row"] if one["path"] not in NOT_TYPED]
        if essential and main:
            columns = [one for one in columns if one["path"] in main]
        columns.sort(key=lambda one: main.index(one["path"]) if one["path"] in main else len(main))
        found["row"] = [
            {**_described(one, f"{path}.{one['path']}", essential), **({"main": True} if one["path"] in main else {})}
            for one in columns
        ]
    return found
