"""What the report says of policy ideas: every filled field, how it is paid, what stands in its way, who backs it, and
the notes that each field comes from.

The form says which fields there are and in what order; this page only says which of them are better read as a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ..activities.contract.idea import fields, financing, payment
from ..activities.contract.idea.model import PolicyIdea
from ..files.document import Block, Chapter, Details, Item, Items, Paragraph, Table
from .telling import Telling, sentences

#: Told apart from the other fields, in a table or a sentence of their own.
APART = ("actors", "financing", "pbr_terms", "obstacles", "next_steps", "indicators", "risks", "challenges")
#: Told in the head of the idea.
HEAD = ("title", "summary", "confidentiality", "licence")
MONEY = ("cost_total", "cost_running_per_year")
#: What a row is called by: the first of these that it has.
NAMES = ("text", "statement", "name", "title", "label", "party")

Idea = Mapping[str, Any]


def chapter(tell: Telling, ideas: Sequence[Idea], boards: Sequence[Mapping[str, Any]]) -> Chapter | None:
    if not ideas:
        return None
    notes = {note["id"]: str(note["text"]) for board in boards for note in board["notes"]}
    return Chapter(tell("ideas.title"), (), tuple(_idea(tell, idea, notes) for idea in ideas), apart=True)


def title_of(tell: Telling, idea: Idea) -> str:
    return tell.text(idea["fields"].get("title")) or tell("ideas.untitled")


def _idea(tell: Telling, idea: Idea, notes: Mapping[str, str]) -> Chapter:
    tree = idea["fields"]
    blocks: list[Block] = []
    summary = tell.text(tree.get("summary"))
    if summary:
        blocks.append(Paragraph(summary, "lead", tell.foreign(tree["summary"])))
    blocks.append(Details(tuple(_head(tell, idea))))
    rows = list(_fields(tell, tree))
    if rows:
        blocks.append(Details(tuple(rows)))
    chapters = [
        _table(tell, tree, "actors", "ideas.who", ("name", "sector", "role", "commitment"), (4, 3, 3, 3)),
        _money(tell, tree),
        _pay_by_result(tell, tree),
        _obstacles(tell, tree),
        _table(tell, tree, "risks", "ideas.risks", ("text", "likelihood", "impact", "borne_by", "mitigation"), (5, 2, 2, 3, 5)),
        _table(tell, tree, "next_steps", "ideas.steps", ("text", "owner", "due", "status"), (6, 3, 3, 2)),
        _table(
            tell, tree, "indicators", "ideas.measures", ("name", "type", "baseline", "target", "frequency", "data_owner"),
            (4, 3, 3, 3, 2, 3),
        ),
        _support(tell, idea),
        _arguments(tell, idea),
        _answers(tell, idea),
        _sources(tell, idea, notes),
    ]  # fmt: skip
    title = title_of(tell, idea)
    if idea.get("code"):
        title = f"{idea['code']} · {title}"
    return Chapter(
        title,
        tuple(blocks),
        tuple(one for one in chapters if one is not None),
        apart=True,
        language=tell.foreign(tree.get("title")),
    )


def _head(tell: Telling, idea: Idea) -> Iterable[tuple[str, str]]:
    yield tell("ideas.state"), tell.code("state", idea["state"])
    if idea.get("version"):
        yield tell("ideas.version"), tell.number(idea["version"])
    done = idea.get("completeness") or {}
    if done.get("required"):
        lacking = len(done.get("missing") or ())
        words = tell("ideas.complete", met=done["met"], required=done["required"], n=lacking)
        if not lacking:
            words = tell("ideas.complete_all", required=done["required"])
        rules = [_rule(tell, one) for one in done.get("missing") or ()]
        yield tell("ideas.completeness"), sentences([words, *rules])
    for name in ("confidentiality", "licence"):
        value = idea["fields"].get(name)
        if value:
            yield tell.field(name), tell.code(name, value)


def _rule(tell: Telling, missing: Mapping[str, Any]) -> str:
    key = f"rule.{missing['rule']}"
    return tell(key) if tell.words.has(key) else f"{tell.field(_last(missing['field']))}."


def _last(path: str) -> str:
    return re.split(r"[./]", re.sub(r"/[^./]+", "", path))[-1]


# Any field


def _fields(tell: Telling, tree: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """(name, value) of every filled field that is not told apart, in the form's order."""
    for leaf in fields.LEAVES.values():
        first = leaf.path.split(".")[0]
        if first in APART or first in HEAD or first in MONEY:
            continue
        value: Any = tree
        for step in leaf.path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        said = "" if fields.blank(value) else value_said(tell, leaf, value)
        if said:
            yield ": ".join(tell.field(step) for step in leaf.path.split(".")), said


def value_said(tell: Telling, leaf: fields.Leaf, value: Any) -> str:
    """The value of a field in words; rows of a list one under the other."""
    if leaf.row is None:
        return _said(tell, leaf.annotation, value, leaf.path.split(".")[-1])
    rows = [row_said(tell, leaf.row, row) for row in value]
    return rows[0] if len(rows) == 1 else "".join(f"\n– {row}" for row in rows)


def row_said(tell: Telling, kind: type[BaseModel], row: Mapping[str, Any]) -> str:
    """A row in one line: what it is called, and in brackets what else it says."""
    called = next((key for key in NAMES if not fields.blank(row.get(key))), None)
    more = [
        words
        for key, field in kind.model_fields.items()
        if key != called and (words := _named(tell, field.annotation, row.get(key), key))
    ]
    if called is None:
        return "; ".join(more)
    name = _said(tell, kind.model_fields[called].annotation, row[called], called)
    return f"{name} ({'; '.join(more)})" if more else name


def _named(tell: Telling, annotation: Any, value: Any, name: str) -> str:
    """A value with its name before it; of a yes only the name, of a no and of ids of ours nothing."""
    what, _ = fields.leaf_kind(annotation)
    if name == "uid" or what == "reference" or value is False or fields.blank(value):
        return ""
    if value is True:
        return tell.field(name)
    words = _said(tell, annotation, value, name)
    return f"{tell.field(name)}: {words}" if words else ""


def _said(tell: Telling, annotation: Any, value: Any, name: str) -> str:
    """A value in words, by its type in the form. name: of its field."""
    what, codes = fields.leaf_kind(annotation)
    match what:
        case "text":
            return tell.text(value)
        case "code":
            return tell.code(str(codes), value)
        case "codes":
            return ", ".join(tell.code(str(codes), one) for one in value)
        case "whole" | "number":
            # A year has no thousands.
            return str(value) if name == "year" else tell.number(value)
        case "amount":
            return tell.money(str(value))
        case "money":
            return tell.money_of(value)
        case "date":
            return tell.partial(value)
        case "yes_no":
            return tell("ideas.yes" if value else "ideas.no")
        case "reference":
            return ""
        case "rows" | "list":
            inner = get_args(_plain_type(annotation))[0]
            plain = _plain_type(inner)
            if isinstance(plain, type) and issubclass(plain, BaseModel):
                return "; ".join(row_said(tell, plain, one) for one in value)
            if fields.leaf_kind(inner)[0] == "reference":
                return ""
            return ", ".join(_said(tell, inner, one, name) for one in value)
        case "part":
            if not isinstance(value, Mapping):
                # Pydantic takes the marks of a field that is never None out of its type.
                return tell.partial(value) if name == "date" else tell.number(value)
            if value.get("type") in ("Point", "Polygon"):
                return _place(tell, value)
            plain = _plain_type(annotation)
            return row_said(tell, plain, value)
        case _:
            return str(value)


def _plain_type(annotation: Any) -> Any:
    """The type itself, without None and without marks."""
    annotation = fields.bare(annotation)
    return _plain_type(get_args(annotation)[0]) if get_origin(annotation) is Annotated else annotation


def _place(tell: Telling, geometry: Mapping[str, Any]) -> str:
    """A point as latitude and longitude, which is how people write it; of a polygon its corners."""
    points = [geometry["coordinates"]] if geometry["type"] == "Point" else geometry["coordinates"][0]
    return "; ".join(f"{point[1]}, {point[0]}" for point in points)


# Told apart


def _cell(tell: Telling, kind: type[BaseModel], row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if fields.blank(value) else _said(tell, kind.model_fields[name].annotation, value, name)


def _row_of(rows_of: str) -> type[BaseModel]:
    kind = fields.LEAVES[rows_of].row
    assert kind is not None
    return kind


def _table(
    tell: Telling, tree: Mapping[str, Any], rows_of: str, title: str, columns: Sequence[str], widths: Sequence[int]
) -> Chapter | None:
    """One row per row, one column for each of `columns` that any row fills."""
    rows = tree.get(rows_of) or ()
    if not rows:
        return None
    kind = _row_of(rows_of)
    used = [name for name in columns if any(not fields.blank(row.get(name)) for row in rows)]
    if not used:
        return None
    table = Table(
        "",
        tuple(tell.field(name) for name in used),
        tuple(tuple(_cell(tell, kind, row, name) for name in used) for row in rows),
        (),
        tuple(width for name, width in zip(columns, widths, strict=True) if name in used),
    )
    return Chapter(tell(title), (table,))


def _money(tell: Telling, tree: Mapping[str, Any]) -> Chapter | None:
    columns, widths = ("source", "programme", "amount", "status", "period"), (4, 4, 3, 3, 2)
    found = _table(tell, tree, "financing", "ideas.money", columns, widths)
    blocks: list[Block] = list(found.blocks) if found else []
    totals = _totals(tell, tree)
    if totals:
        blocks.append(Details(tuple(totals)))
    if tree.get("no_cost_reason") and not blocks:
        blocks.append(Paragraph(tell.text(tree["no_cost_reason"])))
    return Chapter(tell("ideas.money"), tuple(blocks)) if blocks else None


def _totals(tell: Telling, tree: Mapping[str, Any]) -> list[tuple[str, str]]:
    if not tree.get("financing") and not tree.get("cost_total"):
        return []
    try:
        sums = financing.totals(PolicyIdea.model_validate(tree))
    except ValidationError:
        # A form of another version: its own figures stand in the table above.
        return []
    names = {
        "cost_total": "cost_total", "running_per_year": "running", "planned": "planned", "secured": "secured",
        "gap": "gap", "cost_per_unit": "cost_per_unit",
    }  # fmt: skip
    rows = [
        (tell(f"ideas.{word}"), tell.money(str(sums[key]), sums["currency"]))
        for key, word in names.items()
        if key in sums
    ]
    if "coverage" in sums:
        rows.append((tell("ideas.coverage"), tell.per_mille(sums["coverage"])))
    return rows


def _pay_by_result(tell: Telling, tree: Mapping[str, Any]) -> Chapter | None:
    terms = tree.get("pbr_terms") or ()
    if not terms:
        return None
    kind = _row_of("pbr_terms")
    blocks: list[Block] = []
    for term in terms:
        said = pay_sentence(tell, tree, term)
        if said:
            blocks.append(Paragraph(said, "lead"))
        rows = [
            (tell.field(name), _said(tell, field.annotation, term[name], name))
            for name, field in kind.model_fields.items()
            if name != "uid" and not fields.blank(term.get(name))
        ]
        blocks.append(Details(tuple((name, words) for name, words in rows if words)))
    return Chapter(tell("ideas.pbr"), tuple(blocks))


def pay_sentence(tell: Telling, tree: Mapping[str, Any], term: Mapping[str, Any]) -> str:
    """A payment rule read back as one sentence, its gaps named; "" for a rule of another version of the form."""
    try:
        form = PolicyIdea.model_validate({"pbr_terms": [term], "actors": tree.get("actors") or []})
    except ValidationError:
        return ""
    assert form.pbr_terms is not None
    parts = payment.sentence(form.pbr_terms[0], {actor.uid: actor for actor in form.actors or ()})
    down = parts["template"].endswith("_down")
    filled = {name: _part(tell, part, down) for name, part in parts.items() if isinstance(part, Mapping)}
    said = tell(parts["template"], **filled)
    if "fixed" in parts:
        said = f"{said} {tell(parts['fixed']['template'], share=tell.number(parts['fixed']['value']))}"
    return said


def _part(tell: Telling, part: Mapping[str, Any], down: bool) -> str:
    match part["kind"]:
        case "actor":
            return str(part["name"])
        case "money":
            return tell.money_of(part)
        case "text":
            return tell.text(part["text"])
        case "code" | "missing":
            return tell(part["words"])
        case "date":
            return tell.partial(part["value"])
        case "lines":
            return "; ".join(_line(tell, row, down) for row in part["rows"])
        case _:
            return tell.number(part["value"])


def _line(tell: Telling, row: Mapping[str, Any], down: bool) -> str:
    """One tranche, or one line of a rate card."""
    parts = {name: _part(tell, part, down) for name, part in row.items()}
    parts.setdefault("pay", tell("gap.price"))
    if "from" in parts:
        return tell("sentence.line_from_down" if down else "sentence.line_from", **parts)
    parts.setdefault("label", "…")
    return tell("sentence.line_label", **parts)


def _obstacles(tell: Telling, tree: Mapping[str, Any]) -> Chapter | None:
    """Obstacle beside how to overcome it: a hole is named, because it is one."""
    obstacles = tree.get("obstacles") or ()
    if not obstacles:
        return None
    challenges = {row["uid"]: tell.text(row.get("text")) for row in tree.get("challenges") or ()}
    named = any(challenges.get(row.get("challenge") or "") for row in obstacles)
    rows = []
    for row in obstacles:
        what = tell.text(row.get("text")) or tell("ideas.not_yet")
        if row.get("category"):
            what = f"{what} ({tell.code('obstacle_category', row['category'])})"
        ways = []
        for way in row.get("overcome") or ():
            said = tell.text(way.get("text"))
            more = [
                way.get("instrument") or "",
                tell.code("overcome_status", way["status"]) if way.get("status") else "",
            ]
            extra = tell.listed(more)
            ways.append(f"{said} ({extra})" if said and extra else said or extra)
        cells = [what, "\n".join(way for way in ways if way) or tell("ideas.hole")]
        rows.append(tuple([challenges.get(row.get("challenge") or "", ""), *cells] if named else cells))
    head = [tell.field("obstacles"), tell.field("overcome")]
    if named:
        head.insert(0, tell.field("challenges"))
    table = Table("", tuple(head), tuple(rows), (), (3, 4, 4) if named else (1, 1))
    return Chapter(tell("ideas.obstacles"), (table,))


def _support(tell: Telling, idea: Idea) -> Chapter | None:
    found = idea.get("endorsement")
    if not found:
        return None
    if not found.get("people"):
        return Chapter(tell("ideas.support"), (Paragraph(tell("ideas.support_none")),))
    keys = ("agree", "pass", "disagree")
    rows = [(tell("ideas.room"), *(tell.number(found[key]) for key in keys))]
    rows += [
        (tell.group(row["group"]), *(tell.number(row[key]) for key in keys)) for row in found.get("by_group") or ()
    ]
    head = (tell("boards.group"), *(tell(f"ideas.{key}") for key in keys))
    caption = tell("ideas.support_caption", version=found.get("version") or idea.get("version") or 0)
    blocks: list[Block] = [Table(caption, head, tuple(rows), (1, 2, 3), (5, 2, 3, 2))]
    if found.get("class"):
        blocks.append(Paragraph(tell("ideas.class", what=tell.code("bridging", found["class"]))))
    if not found.get("by_group"):
        blocks.append(Paragraph(tell("questions.small"), "small"))
    return Chapter(tell("ideas.support"), tuple(blocks))


def _arguments(tell: Telling, idea: Idea) -> Chapter | None:
    items = []
    for side in ("for", "against"):
        said = [one for one in idea.get("arguments") or () if one.get("side") == side and one.get("text")]
        if said:
            items.append(Item(tell(f"ideas.said_{side}")))
            items += [Item(str(one["text"]), "", 1) for one in said]
    return Chapter(tell("ideas.arguments"), (Items(tuple(items)),)) if items else None


def _answers(tell: Telling, idea: Idea) -> Chapter | None:
    """What the office said, answer by answer."""
    blocks: list[Block] = []
    for answer in idea.get("answers") or ():
        rows = [(tell("ideas.decision"), tell.code("decision", answer["decision"]))]
        rows += [(tell("ideas.office"), str(answer["office"])), (tell("ideas.date"), tell.partial(answer["date"]))]
        if answer.get("cost"):
            rows.append((tell("ideas.cost"), tell.money(str(answer["cost"]))))
        for name in ("cost_report", "execution_period"):
            if answer.get(name):
                said = answer[name]
                rows.append((tell(f"ideas.{name}"), tell.text(said) if isinstance(said, Mapping) else str(said)))
        blocks += [Paragraph(tell.text(answer["text"]), "body", tell.foreign(answer["text"])), Details(tuple(rows))]
    return Chapter(tell("ideas.answer"), tuple(blocks)) if blocks else None


def _sources(tell: Telling, idea: Idea, notes: Mapping[str, str]) -> Chapter | None:
    """Field by field the notes, groups and votes that it comes from, quoted where the report has them."""
    by_field: dict[str, list[Mapping[str, Any]]] = {}
    for source in idea.get("sources") or ():
        by_field.setdefault(source["field"].split("/")[0], []).append(source)
    if not by_field:
        return None
    items = []
    for path, sources in by_field.items():
        items.append(Item(": ".join(tell.field(step) for step in path.split("."))))
        items += [Item(_source(tell, one, notes), _relation(tell, one), 1) for one in sources]
    lead = Paragraph(tell("ideas.sources_lead"), "small")
    return Chapter(tell("ideas.sources"), (lead, Items(tuple(items))))


def _relation(tell: Telling, source: Mapping[str, Any]) -> str:
    parts = [tell.code("relation", source["relation"])] if source.get("relation") else []
    if source.get("own_group") in {id for id, _, _ in tell.shown}:
        parts.append(tell.group(source["own_group"]))
    return " · ".join(parts)


def _source(tell: Telling, source: Mapping[str, Any], notes: Mapping[str, str]) -> str:
    text = notes.get(source.get("note") or "")
    number = source.get("number")
    if text and number is not None:
        return tell("ideas.source_note", text=text, number=number)
    what = text or tell.code("source_kind", source.get("source_kind") or "note")
    return tell("ideas.source_plain", what=what, number=number) if number is not None else what
