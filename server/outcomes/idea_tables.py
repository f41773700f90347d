"""The sheets of policy ideas: one row per idea, every field, steps, support per group, and where each field comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..activities.contract.idea import fields
from ..files.sheets import Cell, Sheet
from . import idea_report
from .telling import Telling

Row = list[Cell]
Idea = Mapping[str, Any]

IDEAS = (
    "Stage", "Idea", "Code", "State", "Version", "Title", "Summary", "Problem", "Target Group", "Area", "Proposal",
    "Cost Total", "Rules Met", "Rules Required", "Provenance",
)  # fmt: skip
FIELDS = ("Idea", "Code", "Field", "Name", "Value")
STEPS = ("Idea", "Code", "Step", "Text", "Owner", "Due", "Status")
SUPPORT = ("Idea", "Code", "Version", "Group", "Agree", "Pass", "Disagree")
SOURCES = ("Idea", "Code", "Field", "Source Kind", "Stage", "Note", "Card Group", "Round", "Relation", "Fact")


def sheets(tell: Telling, outcomes: Sequence[Mapping[str, Any]]) -> list[Sheet]:
    """None where there are no ideas."""
    ideas = [one for one in outcomes if one["kind"] == "idea"]
    if not ideas:
        return []
    return [
        Sheet("Ideas", [list(IDEAS), *(_idea(tell, idea) for idea in ideas)]),
        Sheet("Idea Fields", [list(FIELDS), *(row for idea in ideas for row in _fields(tell, idea))]),
        Sheet("Next Steps", [list(STEPS), *(row for idea in ideas for row in _steps(tell, idea))]),
        Sheet("Idea Support", [list(SUPPORT), *(row for idea in ideas for row in _support(idea))]),
        Sheet("Idea Sources", [list(SOURCES), *(row for idea in ideas for row in _sources(idea))]),
    ]


def _idea(tell: Telling, idea: Idea) -> Row:
    tree, done = idea["fields"], idea.get("completeness") or {}
    uids = [str(source.get("note") or source.get("group") or "") for source in idea.get("sources") or ()]
    return [
        idea.get("stage"),
        idea["idea"],
        idea.get("code"),
        idea["state"],
        idea.get("version") or None,
        *(tell.text(tree.get(name)) or None for name in ("title", "summary", "problem")),
        tell.text((tree.get("target_group") or {}).get("label")) or None,
        (tree.get("area") or {}).get("name"),
        tell.text(tree.get("proposal")) or None,
        tell.money_of(tree.get("cost_total")) or None,
        done.get("met"),
        done.get("required"),
        "; ".join(dict.fromkeys(uid for uid in uids if uid)) or None,
    ]


def _fields(tell: Telling, idea: Idea) -> list[Row]:
    """One row per filled field, rows of lists one by one, as the form addresses them."""
    rows: list[Row] = []
    for path, value in fields.leaves_of(idea["fields"]).items():
        if fields.blank(value):
            continue
        leaf, _ = fields.leaf_of(path)
        words = idea_report.row_said(tell, leaf.row, value) if leaf.row else idea_report.value_said(tell, leaf, value)
        name = ": ".join(tell.field(step) for step in leaf.path.split("."))
        rows.append([idea["idea"], idea.get("code"), path, name, words])
    return rows


def _steps(tell: Telling, idea: Idea) -> list[Row]:
    return [
        [
            idea["idea"],
            idea.get("code"),
            step["uid"],
            tell.text(step.get("text")) or None,
            step.get("owner"),
            step.get("due"),
            step.get("status"),
        ]
        for step in idea["fields"].get("next_steps") or ()
    ]


def _support(idea: Idea) -> list[Row]:
    """An empty group is everybody who said something."""
    found = idea.get("endorsement")
    if not found:
        return []
    head: Row = [idea["idea"], idea.get("code"), idea.get("version") or None]
    keys = ("agree", "pass", "disagree")
    rows: list[Row] = [[*head, None, *(found.get(key) for key in keys)]]
    return rows + [[*head, row["group"], *(row[key] for key in keys)] for row in found.get("by_group") or ()]


def _sources(idea: Idea) -> list[Row]:
    return [
        [
            idea["idea"],
            idea.get("code"),
            source["field"],
            *(source.get(key) for key in ("source_kind", "stage", "note", "group", "round", "relation", "number")),
        ]
        for source in idea.get("sources") or ()
    ]
