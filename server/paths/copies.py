"""Which rows an idea of a path has in the tables that are queried in SQL: read off the state, never the other way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..activities.contract.idea import rules as idea_rules
from ..activities.contract.idea.fields import rows_of as leaves_in
from ..activities.contract.idea.model import first_day
from ..activities.contract.idea.state import day_of
from ..storage.copies import as_sought
from ..storage.journal import Copy, CopyRow, CopyTable
from . import rules

#: Texts by language in which an idea is searched, beside its code, its area, its tags and the names of its actors.
SOUGHT = ("title", "summary", "problem", "proposal", "target_group.label")


def changed(before: rules.State, after: rules.State) -> list[Copy]:
    """The copies that must be written for the tables to say what `after` says, when they say what `before` says.

    States are never changed in place, so an idea that is the same object is the same idea. What surrounds ideas is in
    their row too: who is in the room counts for their support, the day for what they lack.
    """
    found: list[Copy] = []
    everywhere = _around(before) != _around(after)
    was = before.ideas.ideas
    for uid, idea in after.ideas.ideas.items():
        known = was.get(uid)
        if known is None:
            found += rows_of(after, uid)
        elif known is not idea:
            lists = _lists(known)
            found += [_itself(after, idea), *(one for one in _lists(idea) if one not in lists)]
        elif everywhere:
            found.append(_itself(after, idea))
    for uid in was:
        if uid not in after.ideas.ideas:
            found += rows_of(after, uid)
    return found


def all_of(state: rules.State) -> list[Copy]:
    """The copies of every idea."""
    return [copy for uid in state.ideas.ideas for copy in rows_of(state, uid)]


def rows_of(state: rules.State, idea: str) -> list[Copy]:
    """What each table holds of one idea; no rows at all for an id that there is not."""
    found = state.ideas.ideas.get(idea)
    if found is None:
        return [Copy("idea", idea, []), *(Copy(table, idea, []) for table in _LISTS)]
    return [_itself(state, found), *_lists(found)]


def _lists(idea: idea_rules.Idea) -> list[Copy]:
    return [Copy(table, idea.uid, list(read(idea))) for table, read in _LISTS.items()]


def _around(state: rules.State) -> tuple[Any, ...]:
    groups = tuple(id for id, _ in state.groups)
    return state.languages, groups, dict(state.sizes), day_of(state.ideas.at)


def _itself(state: rules.State, idea: idea_rules.Idea) -> Copy:
    seen = rules.row(state, idea)
    fields = idea.fields
    row: CopyRow = {
        "code": idea.code,
        "state": idea.state,
        "version": idea.version,
        **_in_two("title", fields.get("title")),
        **_in_two("summary", fields.get("summary")),
        "domain": json.dumps(fields.get("domain") or []),
        "area_name": fields.get("area.name"),
        "area_scope": fields.get("area.scope"),
        "table_label": idea.table,
        "session": idea.session,
        "form": state.context(idea.uid).form,
        "missing": seen["missing"],
        "support": seen.get("support"),
        "confidentiality": fields.get("confidentiality") or "path",
        "published_at": idea.published_at,
        "updated_at": idea.updated_at,
        "sought": _sought(idea),
    }
    return Copy("idea", idea.uid, [row])


def _in_two(name: str, text: Mapping[str, str] | None) -> dict[str, str | None]:
    return {f"{name}_{language}": (text or {}).get(language) for language in ("it", "en")}


def _sought(idea: idea_rules.Idea) -> str:
    fields = idea.fields
    words = [idea.code or "", fields.get("area.name") or "", *(fields.get("tags") or ())]
    for path in SOUGHT:
        words += (fields.get(path) or {}).values()
    words += [row.get("name") or "" for row in leaves_in(fields, "actors")]
    # A line each, so that the end of one text and the beginning of the next never read as one word.
    return "\n".join(as_sought(one) for one in words if one)


def _placed(idea: idea_rules.Idea, name: str) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """Each row of a list, with its place and uid as the copy begins."""
    for place, row in enumerate(leaves_in(idea.fields, name)):
        yield {"place": place, "uid": row["uid"]}, row


def _picked(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: row.get(name) for name in names}


def _actors(idea: idea_rules.Idea) -> Iterator[CopyRow]:
    for begun, row in _placed(idea, "actors"):
        yield begun | _picked(row, "name", "sector", "role", "commitment")


def _steps(idea: idea_rules.Idea) -> Iterator[CopyRow]:
    for begun, row in _placed(idea, "next_steps"):
        yield begun | _in_two("text", row.get("text")) | _picked(row, "owner", "due", "status")


def _obstacles(idea: idea_rules.Idea) -> Iterator[CopyRow]:
    for begun, row in _placed(idea, "obstacles"):
        overcome = {"overcome": len(row.get("overcome") or ())}
        yield begun | _in_two("text", row.get("text")) | _picked(row, "category", "severity") | overcome


def _money(idea: idea_rules.Idea) -> Iterator[CopyRow]:
    for begun, row in _placed(idea, "financing"):
        amount = row.get("amount") or {}
        amounts = {f"amount_{name}": amount.get(name) for name in ("exact", "min", "max")}
        currency = {"currency": amount.get("currency")}
        yield begun | _picked(row, "source", "programme", "status") | amounts | currency


def _indicators(idea: idea_rules.Idea) -> Iterator[CopyRow]:
    for begun, row in _placed(idea, "indicators"):
        yield {
            **begun,
            **_in_two("name", row.get("name")),
            **_picked(row, "type", "level", "dimension", "unit"),
            **_dated("baseline", row.get("baseline")),
            **_dated("target", row.get("target")),
            **_dated("last", _latest(row.get("readings") or ())),
        }


def _dated(name: str, value: Mapping[str, Any] | None) -> dict[str, str | None]:
    return {f"{name}_{part}": (value or {}).get(part) for part in ("value", "date")}


def _latest(readings: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The last one by date; of several on one day the one that was added last."""
    return sorted(readings, key=lambda one: first_day(one["date"]))[-1] if readings else None


def _sources(idea: idea_rules.Idea) -> Iterator[CopyRow]:
    for place, one in enumerate(idea.sources):
        yield {
            "place": place,
            "field": one.field,
            "source_kind": one.source_kind,
            "relation": one.relation,
            "session": one.session,
            "stage": one.stage,
            "note": one.note,
            "note_group": one.group,
            "round": one.round,
            "uid": one.uid,
        }


_LISTS: Mapping[CopyTable, Callable[[idea_rules.Idea], Iterator[CopyRow]]] = {
    "idea_actor": _actors,
    "idea_step": _steps,
    "idea_obstacle": _obstacles,
    "idea_money": _money,
    "idea_indicator": _indicators,
    "idea_source": _sources,
}
