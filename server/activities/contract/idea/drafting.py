"""From the notes of a board to the fields of an idea: the roles of zones are the bridge (DOMAIN 2.1).

Every field that a note fills keeps that note as its source. What has no place yet goes to `loose`, where a person
decides; nothing that people wrote is dropped silently, and what belongs to other outcomes is named by `elsewhere`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, get_args

from pydantic import ValidationError

from . import codes
from .fields import LEAVES, UnknownField, leaf_of, read
from .model import LINE, LONGEST, Source

#: Roles that add up to one text.
TEXTS: Mapping[str, str] = {
    "challenge": "problem",
    "proposal": "proposal",
    "beneficiary": "target_group.label",
}
#: Roles that add a row: the list, and the field of the row that takes the note's text.
ROWS: Mapping[str, tuple[str, str]] = {
    "cause": ("problem_causes", "text"),
    "effect": ("problem_effects", "text"),
    "need": ("needs", "text"),
    "evidence": ("evidence", "text"),
    "action": ("next_steps", "text"),
    "actor": ("actors", "name"),
    "payer": ("actors", "name"),
    "obstacle": ("obstacles", "text"),
    "risk": ("risks", "text"),
    "result": ("theory_of_change.social_outcomes", "statement"),
    "indicator": ("indicators", "name"),
    "open_question": ("open_questions", "text"),
}
#: Roles that belong inside a row of another note.
INSIDE: Mapping[str, tuple[str, str]] = {"overcome": ("obstacles", "overcome"), "resource": ("actors", "resources")}
#: Roles of other outcomes: the SWOT, the levelling of competences, the journey.
ELSEWHERE = ("strength", "weakness", "opportunity", "threat", "competence", "lesson")

#: Fields written beside a board by a name that stands for a group of leaves.
BESIDE: Mapping[str, str] = {"area": "area.name", "target_group": "target_group.label"}

Fields = dict[str, Any]
Links = Iterable[tuple[str, str]]


def place(v: int) -> int:
    """Power or interest 1-5 from a place on an axis, 0 to 10,000 counted from the low end (DOMAIN 3)."""
    return 1 + v * 5 // 10_001


def from_draft(
    draft: Mapping[str, Any], language: str = "it", links: Links = (), actions_to: str = "next_steps"
) -> tuple[Fields, list[dict[str, Any]]]:
    """An idea's fields by path and their sources, ready for `new_idea`.

    draft: {"idea", "fields": {name: text}, "notes": [{"note","zone","role","sets","text","own_group"?,"number"?,
    "group"?,"votes"?,"table"?,"axis"?}], "stage"?, "session"?, "table"?} as a board leaves it. language: that of the
    texts, which a board keeps without one. links: pairs of notes that people joined, by which an overcome finds its
    obstacle and a resource its actor; without one it goes to the only obstacle or actor there is, else to `loose`.
    actions_to: "next_steps" or "theory_of_change.actions". What does not fit is passed over, never raised.
    """
    maker = _Maker(draft, language, actions_to)
    later: list[Mapping[str, Any]] = []
    for note in _notes(draft):
        role = str(note.get("role") or "")
        if role in TEXTS:
            maker.add_text(TEXTS[role], note, role)
        elif role in INSIDE:
            later.append(note)
        elif role in ROWS:
            maker.add_row(role, note)
    ends = _ends(links)
    for note in later:
        maker.add_inside(note, ends.get(str(note.get("note")), []))
    for name, value in _mapping(draft.get("fields")).items():
        # Written beside the board by people who saw the notes: their words stand first.
        maker.write(str(name), value)
    return maker.done()


def elsewhere(draft: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The notes of a draft that no field of an idea takes: other outcomes', and those of zones without a role."""
    taken = {*TEXTS, *ROWS, *INSIDE}
    return [note for note in _notes(draft) if note.get("role") not in taken]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _notes(draft: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    notes = draft.get("notes")
    return [note for note in notes if _text(note)] if isinstance(notes, Sequence) and not isinstance(notes, str) else []


def _text(note: Any) -> str:
    text = note.get("text") if isinstance(note, Mapping) else None
    return text.strip() if isinstance(text, str) else ""


def _ends(links: Links) -> dict[str, list[str]]:
    ends: dict[str, list[str]] = {}
    for one, other in links:
        ends.setdefault(one, []).append(other)
        ends.setdefault(other, []).append(one)
    return ends


def row_uid(note: str) -> str:
    """The uid of the row that a note becomes: the note's own id, or a digest where that is no uid."""
    return (
        note if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", note) else sha256(note.encode("utf-8", "replace")).hexdigest()[:16]
    )


def _dots(row: Any) -> dict[str, Any]:
    """A row of a board's count, without what only a table of results needs."""
    total = _mapping(row).get("total")
    groups = _mapping(_mapping(row).get("by_group"))
    by_group = {group: _mapping(one).get("dots") for group, one in groups.items()}
    return {
        "total": total if isinstance(total, int) else 0,
        "by_group": {group: n for group, n in by_group.items() if isinstance(n, int)},
    }


class _Maker:
    def __init__(self, draft: Mapping[str, Any], language: str, actions_to: str) -> None:
        self.draft, self.language = draft, language
        self.actions_to = actions_to if actions_to in LEAVES else "next_steps"
        self.texts: dict[str, list[str]] = {}
        self.fields: Fields = {}
        self.sources: list[dict[str, Any]] = []

    def add_text(self, path: str, note: Mapping[str, Any], role: str) -> None:
        lines = self.texts.setdefault(path, [])
        if sum(map(len, lines)) + len(lines) + len(_text(note)) > LONGEST:
            self.loose(note, role)
            return
        lines.append(_text(note))
        self.source(path, note)
        for name, value in _mapping(note.get("sets")).items():
            self.keep(path.rpartition(".")[0] + "." + name if "." in path else name, value)

    def add_row(self, role: str, note: Mapping[str, Any]) -> None:
        name, text = ROWS[role]
        if role == "action" and self.actions_to != "next_steps":
            name, text = self.actions_to, "statement"
        row: dict[str, Any] = {
            text: self.worded(note) if text != "name" or name == "indicators" else _text(note)[:LINE]
        }
        if role == "payer":
            row["role"] = "payer_commissioner"
        if role == "need" and row_uid(str(note.get("note"))) == note.get("note"):
            row["need"] = note["note"]
        if role == "evidence":
            row["kind"] = "person_note"
        if role == "actor":
            axis = _mapping(note.get("axis"))
            for field, along in (("power", "y"), ("interest", "x")):
                if isinstance(axis.get(along), int):
                    row[field] = place(min(max(axis[along], 0), 10_000))
        # A name has no room for a whole note; all of it is kept where a person can see it.
        if len(_text(note)) > LINE and text == "name" and name == "actors":
            self.loose(note, "resource")
        path = f"{name}/{row_uid(str(note.get('note')))}"
        if self.keep(path, row):
            # One by one, so that a setting which does not fit does not take the note with it.
            for field, value in _mapping(note.get("sets")).items():
                self.keep(path, {**self.fields[path], field: value})
            self.source(path, note)

    def add_inside(self, note: Mapping[str, Any], ends: Sequence[str]) -> None:
        role = str(note.get("role"))
        name, inner = INSIDE[role]
        hosts = [path for path in self.fields if path.startswith(f"{name}/")]
        linked = [path for path in hosts if path.partition("/")[2] in [row_uid(end) for end in ends]]
        chosen = linked or (hosts if len(hosts) == 1 else [])
        kept = False
        for path in chosen:
            row = {"uid": row_uid(str(note.get("note"))), "text": self.worded(note)}
            row |= {"status": "proposed"} if role == "overcome" else {}
            host = self.fields[path]
            if self.keep(path, {**host, inner: [*host.get(inner, []), row]}):
                kept = True
                self.source(path, note)
        if not kept:
            self.loose(note, role)

    def loose(self, note: Mapping[str, Any], role: str) -> None:
        path = f"loose/{row_uid(str(note.get('note')))}"
        row: dict[str, Any] = {"text": self.worded(note)}
        if role in get_args(codes.LooseRole):
            row["role"] = role
        if self.keep(path, row):
            self.source(path, note)

    def worded(self, note: Mapping[str, Any]) -> dict[str, str]:
        return {self.language: _text(note)[:LONGEST]}

    def write(self, name: str, value: Any) -> None:
        name = BESIDE.get(name, name) if isinstance(value, str) else name
        if name in self.texts and isinstance(value, str) and value.strip():
            lines = self.texts[name]
            if sum(map(len, lines)) + len(lines) + len(value) > LONGEST:
                whole = {"note": f"{name}-notes", "text": "\n".join(lines)}
                self.keep(f"loose/{row_uid(whole['note'])}", {"text": self.worded(whole)})
                lines.clear()
            lines.insert(0, value.strip())
        elif name == "domain" and isinstance(value, str):
            self.keep(name, [one for one in re.split(r"[,;\s]+", value) if one in get_args(codes.Domain)])
        elif value:
            self.keep(name, value)

    def keep(self, path: str, value: Any) -> bool:
        try:
            leaf_of(path)
            self.fields[path] = read(path, value, self.language)
        except (UnknownField, ValueError):
            return False
        return True

    def source(self, path: str, note: Mapping[str, Any]) -> None:
        source: dict[str, Any] = {"field": path, "source_kind": "note", "relation": "quoted"}
        for name in ("stage", "session", "table"):
            value = note.get(name, self.draft.get(name))
            if isinstance(value, str):
                source[name] = value
        kinds: Mapping[str, type] = {"note": str, "group": str, "number": int, "own_group": str}
        source |= {name: note[name] for name, kind in kinds.items() if isinstance(note.get(name), kind)}
        votes = {name: _dots(row) for name, row in _mapping(note.get("votes")).items()}
        if votes:
            source["votes"] = votes
        if source.get("note") != row_uid(str(source.get("note"))):
            source.pop("note", None)
        try:
            self.sources.append(Source.model_validate(source).model_dump(mode="json"))
        except ValidationError:
            # A link that does not hold is worth less than the note that it came with.
            self.sources.append({"field": path, "source_kind": "note", "relation": "quoted"})

    def done(self) -> tuple[Fields, list[dict[str, Any]]]:
        for path, lines in self.texts.items():
            self.keep(path, {self.language: "\n".join(lines)[:LONGEST]})
        order = {name: nth for nth, name in enumerate(LEAVES)}
        return dict(sorted(self.fields.items(), key=lambda one: order[one[0].partition("/")[0]])), self.sources
