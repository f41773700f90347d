"""How an idea is laid out on a page: its fields in sections, each as it is read and as it is edited.

Everything here is plain values for templates. A text keeps the language it is really in (`Said`), because a page may
show Italian words among English ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from ..activities.contract.idea.fields import blank, described, rows_of
from ..activities.contract.idea.model import first_day
from ..drawing import Said, Words

Row = dict[str, Any]

#: The sections of the page, in order; each takes whole top-level fields of the form.
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "brief": ("title", "summary", "domain", "output_kind"),
    "problem": ("problem", "problem_causes", "problem_effects", "evidence", "need_type", "needs"),
    "people": ("target_group", "area"),
    "proposal": ("proposal", "objectives", "approach", "direction", "pilot", "theory_of_change"),
    "actors": ("actors",),
    "form": ("collaboration_form",),
    "money": ("financing", "no_cost_reason", "cost_total", "cost_running_per_year"),
    "results": ("pbr_terms",),
    "obstacles": ("challenges", "obstacles", "risks"),
    "steps": ("next_steps", "review_on"),
    "indicators": ("indicators",),
    "more": (
        "replicability", "derived_from", "admin_acts", "technologies", "sdg", "tags", "lines_of_action",
        "open_questions", "loose",
    ),
    "sharing": ("confidentiality", "licence"),
}  # fmt: skip
SECTION_OF: Mapping[str, str] = {name: section for section, names in SECTIONS.items() for name in names}

#: Where a reference finds what it may name: the list, and the field of its rows that names them.
REFERS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("payer_actor", "payee_actor", "verifier_actor", "investor_actor", "owner_actor", "provider_actors"),
        ("actors", "name"),
    ),
    "challenge": ("challenges", "text"),
    "action": ("next_steps", "text"),
    "depends_on": ("next_steps", "text"),
}
#: Set by other parts of the house, from the board or from a list that does not stand on this page.
NOT_HERE = ("need", "organisation", "guideline_refs", "derived_from", "readings")
NUMBERS: Mapping[str, range] = {"sdg": range(1, 18), "lines_of_action": range(1, 5)}
ONE_TO_FIVE = ("power", "interest", "severity", "likelihood", "impact")
#: What the public page leaves out: how people judged each other, and what has no place yet.
INTERNAL = ("power", "interest", "raci", "contact_consent", "loose", "confidentiality", "need", "organisation")
#: The text of a row by which it is called.
CALLED = ("text", "name", "statement", "social_outcome", "title", "source", "party", "label")
#: The longest text, in signs, that is asked for in one line.
SHORT = ("unit_name", "label")


@dataclass(frozen=True, slots=True)
class Laid:
    """What laying out needs to know. leaves: the idea's, by path; languages: of the path, the first one first."""

    words: Words
    language: str
    languages: Sequence[str]
    leaves: Mapping[str, Any] = field(default_factory=dict)
    public: bool = False

    def say(self, text: Mapping[str, str] | None) -> Said | None:
        """A text in the reader's language, else in the first one that is filled."""
        for spoken in (self.language, *self.languages, *(text or {})):
            if text and text.get(spoken):
                return Said(text[spoken], spoken)
        return None

    def name(self, path: str) -> str:
        return self.words(f"field.{path.rpartition('.')[2]}")

    def code(self, codes: str, value: Any) -> str:
        key = f"value.{codes}_{value}"
        return self.words(key) if self.words.has(key) else str(value)

    def named(self, name: str, uid: Any) -> Said | str | None:
        """What a reference names."""
        held, called = REFERS.get(name, ("", ""))
        row = self.leaves.get(f"{held}/{uid}")
        found = row.get(called) if isinstance(row, Mapping) else None
        return self.say(found) if isinstance(found, Mapping) else found


# -- reading ----------------------------------------------------------------------------------------------------------


def money(value: Mapping[str, Any], language: str) -> str:
    """An amount, or a range, as people write it: 60.000,00 €."""

    def one(amount: Any) -> str:
        try:
            number = Decimal(str(amount))
        except InvalidOperation:
            return str(amount)
        written = format_currency(number, str(value.get("currency", "EUR")), locale=language)
        # Codes such as CHF stand apart from the figure; Babel leaves that out.
        return re.sub(r"(?<=[A-Z])(?=\d)", "\N{NO-BREAK SPACE}", re.sub(r"[.,]00(?!\d)", "", written))

    if value.get("exact") is not None:
        return one(value["exact"])
    return f"{one(value.get('min'))} – {one(value.get('max'))}"


def number(value: Any, language: str) -> str:
    try:
        return format_decimal(Decimal(str(value)), locale=language)
    except InvalidOperation:
        return str(value)


def day(partial: str, language: str) -> str:
    """A date, a month or a year as people write it."""
    shape = {4: "y", 7: "LLLL y"}.get(len(partial), "d MMMM y")
    return format_date(first_day(partial), shape, locale=language)


def read(laid: Laid, entry: Mapping[str, Any], value: Any) -> Row | None:
    """A value as it is read: {"as": "text"|"list"|"fields"|"link", ...}; None where it says nothing.

    text: {"text"}; list: {"items": [read value]}; fields: {"called": text|None, "fields": [{"name","value"}]}.
    """
    name = entry["path"].rpartition(".")[2]
    if blank(value) or (laid.public and name in INTERNAL):
        return None
    kind = entry["kind"]
    if kind == "text":
        text = laid.say(value)
        return {"as": "text", "text": text} if text else None
    if kind == "rows":
        items = [one for row in value if (one := fields(laid, entry["row"], row)) is not None]
        return {"as": "list", "items": items} if items else None
    if kind == "part" and entry.get("row"):
        return fields(laid, entry["row"], value)
    if isinstance(value, list):
        texts = [_one(laid, entry, name, item) for item in value]
        return {"as": "list", "short": True, "items": [{"as": "text", "text": text} for text in texts if text]}
    if kind == "url":
        return {"as": "link", "url": value}
    text = _one(laid, entry, name, value)
    return {"as": "text", "text": text} if text else None


def _one(laid: Laid, entry: Mapping[str, Any], name: str, value: Any) -> Any:
    match entry["kind"]:
        case "code" | "codes":
            return laid.code(entry["codes"], value)
        case "yes_no":
            return laid.words("yes" if value else "no")
        case "money":
            return money(value, laid.language)
        case "number" | "amount":
            return number(value, laid.language)
        case "date":
            return day(value, laid.language)
        case "whole":
            return str(value) if name == "year" else number(value, laid.language)
    if name in REFERS:
        return laid.named(name, value)
    if name == "verify_on":
        return day(value, laid.language)
    if name == "tranches":
        pays = money(value["pay"], laid.language)
        return laid.words("tranche_line", value=number(value["from_value"], laid.language), pay=pays)
    if name == "geometry":
        at = value.get("coordinates", [])
        if value.get("type") == "Point":
            return laid.words("point", latitude=number(at[1], laid.language), longitude=number(at[0], laid.language))
        return laid.words("polygon")
    return str(value)


def fields(laid: Laid, entries: Iterable[Mapping[str, Any]], row: Mapping[str, Any]) -> Row | None:
    """A row as what it is called and the fields that are filled; a part, which nobody names, as its fields alone."""
    called: Any = None
    found: list[Row] = []
    for entry in entries:
        name = entry["path"]
        shown = read(laid, entry, row.get(name)) if name != "readings" else None
        if shown is None:
            continue
        if called is None and name in CALLED and shown["as"] == "text" and "uid" in row:
            called = shown["text"]
        else:
            found.append({"name": laid.name(name), "field": name, "value": shown})
    return {"as": "fields", "called": called, "fields": found} if called or found else None


# -- editing ----------------------------------------------------------------------------------------------------------


def control(laid: Laid, entry: Mapping[str, Any], value: Any, id: str) -> Row | None:
    """What a field is edited with: {"id","name","label","kind","value",...}; None where it is not edited here.

    kind: text (by language), line, words, code, codes, whole, number, date, url, money, yes_no, lines, numbers, point,
    part ({"inner"}), rows and items ({"items": [{"uid"?, "inner"}]}, the last ones empty). Choices have "options":
    [{"value","text"}].
    """
    name = entry["path"].rpartition(".")[2]
    if name in NOT_HERE:
        return None
    kind = entry["kind"]
    found: Row = {"id": id, "name": name, "label": laid.name(name), "kind": kind, "value": value}
    if kind == "text":
        found |= {"languages": list(laid.languages), "short": name in SHORT, "value": value or {}}
    elif kind in ("code", "codes"):
        found["options"] = [{"value": one, "text": laid.code(entry["codes"], one)} for one in entry["values"]]
        found["value"] = value or ([] if kind == "codes" else "")
    elif name in ONE_TO_FIVE:
        found |= {"kind": "code", "whole": True, "value": str(value or "")}
        found["options"] = [{"value": str(one), "text": str(one)} for one in range(1, 6)]
    elif name in NUMBERS:
        found |= {"kind": "codes", "whole": True, "value": [str(one) for one in value or ()]}
        found["options"] = [{"value": str(one), "text": laid.code(name, one)} for one in NUMBERS[name]]
    elif name in REFERS:
        found |= {"kind": "codes" if kind == "list" else "code", "options": choices(laid, name)}
        found["value"] = value or ([] if kind == "list" else "")
    elif name == "tranches":
        found |= {"kind": "items", "items": _items(laid, TRANCHE, value, id, 3)}
    elif name == "geometry":
        at = value["coordinates"] if value and value["type"] == "Point" else ["", ""]
        found |= {"kind": "point", "longitude": at[0], "latitude": at[1]}
    elif kind == "list":
        found |= {"kind": "lines", "value": "\n".join(str(one) for one in value or ())}
    elif kind == "rows":
        found["items"] = _items(laid, entry["row"], value, id, 1)
    elif kind == "part":
        found["inner"] = inner(laid, entry["row"], value or {}, id)
    elif kind == "money":
        found["value"] = value or {}
    elif kind == "line" and name in ("reason", "note"):
        found["kind"] = "words"
    return found


TRANCHE: tuple[Row, ...] = ({"path": "from_value", "kind": "number"}, {"path": "pay", "kind": "money"})


def inner(laid: Laid, entries: Iterable[Mapping[str, Any]], row: Mapping[str, Any], id: str) -> list[Row]:
    made = (control(laid, entry, row.get(entry["path"]), f"{id}-{entry['path']}") for entry in entries)
    return [one for one in made if one is not None]


def _items(laid: Laid, entries: Iterable[Mapping[str, Any]], value: Any, id: str, more: int) -> list[Row]:
    rows = [(str(row.get("uid", nth)), row) for nth, row in enumerate(value or ())]
    # The empty ones have no id yet: whoever fills them gives them one.
    rows += [(f"new{nth}", {}) for nth in range(more)]
    entries = list(entries)
    return [{"uid": uid, "new": not row, "inner": inner(laid, entries, row, f"{id}-{uid}")} for uid, row in rows]


def choices(laid: Laid, name: str) -> list[Row]:
    held, called = REFERS[name]
    found = []
    for row in rows_of(laid.leaves, held):
        text = laid.say(row.get(called)) if isinstance(row.get(called), Mapping) else row.get(called)
        found.append({"value": row["uid"], "text": text or row["uid"]})
    return found


def id_of(path: str) -> str:
    """A path as an id of the page: `obstacles/rules` as `at-obstacles-rules`."""
    return "at-" + path.replace("/", "-").replace(".", "-")


# -- the whole form ---------------------------------------------------------------------------------------------------


def sections(
    laid: Laid,
    view: Mapping[str, Any],
    sources: Callable[[str], list[Row]] = lambda path: [],
    missing: Iterable[Mapping[str, str]] = (),
) -> list[Row]:
    """The form in sections: [{"id","name","missing": n,"filled": n,"leaves": [leaf],"others": [leaf]}].

    view: an idea as the desk sees it. missing: rules that are not met. leaf: {"path","id","name","group"?,"kind",
    "shown"?,"version","control"?,"missing","warnings","variants","sources"}, of a list {"rows": [leaf],"add": control}.
    `others` are fields that are empty and that nothing asks for.
    """
    lacking = _by_leaf(missing)
    warnings = _by_leaf(view["completeness"]["warnings"])
    made: dict[str, Row] = {
        section: {"id": section, "name": laid.words(f"section.{section}"), "missing": 0, "filled": 0, "leaves": [],
                  "others": []}
        for section in SECTIONS
    }  # fmt: skip
    for entry in described():
        path = entry["path"]
        parts = path.split(".")
        section = made[SECTION_OF[parts[0]]]
        group = laid.words(f"field.{parts[-2]}") if len(parts) > 1 else None
        leaf = _leaf(laid, entry, path, view, sources, lacking, warnings)
        leaf |= {"name": laid.name(path), "group": group if SECTIONS[section["id"]] != (parts[0],) or len(parts) > 2
                 else None}  # fmt: skip
        if entry["kind"] == "rows":
            name = path.rpartition(".")[2]
            rows = [
                _leaf(laid, {**entry, "kind": "part"}, f"{path}/{row['uid']}", view, sources, lacking, warnings)
                for row in rows_of(laid.leaves, path)
            ]
            leaf["rows"] = rows
            if view["editable"] and name not in NOT_HERE:
                new = f"{path}/new"
                leaf["add"] = {"id": id_of(new), "path": new, "control": _part(laid, entry, {}, id_of(new))}
        needs = leaf["missing"] or leaf["warnings"] or any(row["missing"] for row in leaf.get("rows", ()))
        filled = bool(leaf.get("shown") or leaf.get("rows"))
        section["missing"] += sum(len(one["missing"]) + bool(one["variants"]) for one in (leaf, *leaf.get("rows", ())))
        section["filled"] += filled
        told = filled or needs or leaf["variants"] or path in ASKED
        if path == "derived_from" and not filled:
            continue
        if told or view["editable"]:
            section["leaves" if told else "others"].append(leaf)
    return [section for section in made.values() if view["editable"] or section["leaves"]]


#: Fields that are shown although they are empty and nothing asks for them: the card's, and who may read the idea.
ASKED = (
    "title", "summary", "domain", "problem", "target_group.label", "area.scope", "area.name", "proposal", "actors",
    "obstacles", "next_steps", "confidentiality",
)  # fmt: skip


def _by_leaf(rules: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """Keys of rules by the path of the leaf or row they are about: `pbr_terms/u.metric` is about `pbr_terms/u`."""
    found: dict[str, list[str]] = {}
    for one in rules:
        known = found.setdefault(place_of(one["field"]), [])
        if one["rule"] not in known:
            known.append(one["rule"])
    return found


def place_of(path: str) -> str:
    """The leaf or row in which a field lies that a rule names."""
    name, slash, rest = path.partition("/")
    return f"{name}/{rest.partition('.')[0]}" if slash else name


def _leaf(
    laid: Laid,
    entry: Mapping[str, Any],
    path: str,
    view: Mapping[str, Any],
    sources: Callable[[str], list[Row]],
    lacking: Mapping[str, list[str]],
    warnings: Mapping[str, list[str]],
) -> Row:
    value = laid.leaves.get(path)
    found: Row = {
        "path": path,
        "id": id_of(path),
        "kind": entry["kind"],
        "version": view["versions"].get(path, 0),
        # Two wordings ask for themselves, where they stand.
        "missing": [laid.words(f"rule.{rule}") for rule in lacking.get(path, ()) if rule != "two_wordings"],
        "warnings": [laid.words(f"warning.{rule}") for rule in warnings.get(path, ())],
        "sources": sources(path),
        "variants": [
            {"variant": one["variant"], "shown": read(laid, entry, one["value"])}
            for one in view["variants"].get(path, ())
        ],
    }
    if entry["kind"] == "rows":
        return found
    if value is not None:
        found |= {"value": value, "shown": read(laid, entry, value)}
    if view["editable"]:
        edited = _part(laid, entry, value or {}, found["id"]) if "/" in path else None
        edited = edited or control(laid, entry, value, found["id"] + "-in")
        if edited is not None:
            found["control"] = edited
    return found


def _part(laid: Laid, entry: Mapping[str, Any], row: Mapping[str, Any], id: str) -> Row:
    return {"id": f"{id}-in", "name": "", "label": "", "kind": "part", "inner": inner(laid, entry["row"], row, id)}


def read_only(laid: Laid) -> list[Row]:
    """The form for everybody: [{"id","name","leaves": [{"path","id","name","group"?,"shown"}]}], filled ones only."""
    found: list[Row] = []
    for section, names in SECTIONS.items():
        leaves = []
        for entry in described():
            path = entry["path"]
            parts = path.split(".")
            if parts[0] not in names or path in ("title", "summary", "next_steps", "indicators"):
                continue
            value: Any = rows_of(laid.leaves, path) if entry["kind"] == "rows" else laid.leaves.get(path)
            shown = read(laid, entry, value)
            if shown is not None:
                group = laid.words(f"field.{parts[-2]}") if len(parts) > 1 and names != (parts[0],) else None
                leaves.append(
                    {"path": path, "id": id_of(path), "name": laid.name(path), "group": group, "shown": shown}
                )
        if leaves:
            found.append({"id": section, "name": laid.words(f"section.{section}"), "leaves": leaves})
    return found
