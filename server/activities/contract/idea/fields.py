"""From the tree of a policy idea to the leaves that people edit, and back.

A leaf is a path: `title`, `area.name`, `theory_of_change.inputs/<uid>`, `obstacles/<uid>`. Each leaf has a version of
its own, so that two people who edit two rows, or the name and the scope of an area, never meet.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from . import codes, model
from .model import Group, LText, Money, Part, PolicyIdea, Row

Kind = Literal["text", "line", "code", "codes", "number", "amount", "money", "date", "url", "yes_no", "whole", "rows",
               "list", "part", "reference"]  # fmt: skip

_BY_TYPE: list[tuple[Any, Kind]] = [
    (LText, "text"), (model.Line, "line"), (model.Words, "line"), (model.Number, "number"), (model.Amount, "amount"),
    (model.PartialDate, "date"), (model.Url, "url"), (model.Uid, "reference"), (Money, "money"), (bool, "yes_no"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Leaf:
    """One field of the form. path: without a row's uid. annotation: its type without None. codes: the name of its
    closed list. row: the model of its rows."""

    path: str
    kind: Kind
    annotation: Any
    codes: str | None = None
    row: type[Row] | None = None


class UnknownField(LookupError):
    """There is no such field in the form."""


def bare(annotation: Any) -> Any:
    """A type without its None."""
    if get_origin(annotation) in (Union, types.UnionType):
        arms = [arm for arm in get_args(annotation) if arm is not type(None)]
        if len(arms) == 1:
            return bare(arms[0])
    return annotation


def _plain(annotation: Any) -> Any:
    annotation = bare(annotation)
    return _plain(get_args(annotation)[0]) if get_origin(annotation) is Annotated else annotation


def leaf_kind(annotation: Any) -> tuple[Kind, str | None]:
    """What a field takes, for whoever draws it, and the name of its closed list if it has one."""
    annotation = bare(annotation)
    for known, kind in _BY_TYPE:
        if annotation == known:
            return kind, None
    plain = _plain(annotation)
    if get_origin(plain) is Literal:
        return "code", codes.name_of(plain)
    if plain is int:
        return "whole", None
    if get_origin(plain) is list:
        inner = _plain(get_args(plain)[0])
        if get_origin(inner) is Literal:
            return "codes", codes.name_of(inner)
        if isinstance(inner, type) and issubclass(inner, Row):
            return "rows", None
        return "list", None
    return "part", None


def _leaves(kind: type[BaseModel], before: str = "") -> Iterator[Leaf]:
    for name, field in kind.model_fields.items():
        # The whole annotation again: pydantic takes the marks of a field that is never None out of it.
        annotation = bare(Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation)
        plain = _plain(annotation)
        if isinstance(plain, type) and issubclass(plain, Group):
            yield from _leaves(plain, f"{before}{name}.")
            continue
        what, code = leaf_kind(annotation)
        row = _plain(get_args(plain)[0]) if what == "rows" else None
        yield Leaf(f"{before}{name}", what, annotation, code, row)


#: Every leaf of the form by its path.
LEAVES: dict[str, Leaf] = {leaf.path: leaf for leaf in _leaves(PolicyIdea)}
#: The ten fields of a card (DOMAIN 1); a group counts with all its leaves.
CARD = (
    "title", "summary", "domain", "problem", "target_group", "area", "proposal", "actors", "obstacles", "next_steps",
)  # fmt: skip

_UID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def leaf_of(path: str) -> tuple[Leaf, str | None]:
    """The leaf of a path, and the uid where the path is a row. Raises UnknownField."""
    name, slash, uid = path.partition("/")
    leaf = LEAVES.get(name)
    if leaf is None or (leaf.kind == "rows") != bool(slash) or (slash and not _UID.fullmatch(uid)):
        raise UnknownField(path)
    return leaf, uid if slash else None


def type_of(path: str) -> Any:
    """The type of a leaf's value; of one row where the path is a row. Raises UnknownField."""
    leaf, _ = leaf_of(path)
    return leaf.row or leaf.annotation


@cache
def _adapter(path: str) -> TypeAdapter[Any]:
    leaf = LEAVES[path]
    return TypeAdapter(leaf.row or leaf.annotation)


def read(path: str, value: Any, language: str = "it") -> Any:
    """A leaf's value as plain JSON, as it is kept. Raises UnknownField, or ValueError where it does not fit.

    language: that of texts sent as a plain string.
    """
    leaf, uid = leaf_of(path)
    if uid is not None:
        if not isinstance(value, Mapping) or value.get("uid", uid) != uid:
            raise ValueError(f"the row of {path} names another uid")
        value = {**value, "uid": uid}
    adapter = _adapter(leaf.path)
    try:
        return adapter.dump_python(adapter.validate_python(value, context={"first": language}), mode="json")
    except (ValidationError, RecursionError, OverflowError) as error:
        raise ValueError(f"{path} does not take this value") from error


def leaves_of(tree: Mapping[str, Any], kind: type[BaseModel] = PolicyIdea, before: str = "") -> dict[str, Any]:
    """A form's JSON as leaves; what is null and what the form does not know is left out."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        field = kind.model_fields.get(name)
        if field is None or value is None:
            continue
        plain = _plain(field.annotation)
        path = f"{before}{name}"
        if isinstance(plain, type) and issubclass(plain, Group):
            found |= leaves_of(value, plain, f"{path}.") if isinstance(value, Mapping) else {}
        elif path in LEAVES and LEAVES[path].kind == "rows":
            found |= {f"{path}/{row['uid']}": row for row in value}
        else:
            found[path] = value
    return found


def tree_of(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves as a form's JSON; rows stand in the order of the leaves."""
    tree: dict[str, Any] = {}
    for path, value in leaves.items():
        if value is None:
            continue
        name, slash, _ = path.partition("/")
        *before, last = name.split(".")
        place = tree
        for step in before:
            place = place.setdefault(step, {})
        if slash:
            place.setdefault(last, []).append(value)
        else:
            place[last] = value
    return tree


def form_of(leaves: Mapping[str, Any]) -> PolicyIdea:
    """The form as its model. Leaves come from `read`, so it fits; raises ValidationError otherwise."""
    return PolicyIdea.model_validate(tree_of(leaves))


def rows_of(leaves: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The rows of one list, in order."""
    return [value for path, value in leaves.items() if path.startswith(f"{name}/") and value is not None]


def spread(values: Mapping[str, Any]) -> dict[str, Any]:
    """An ask's fields as leaves: whole groups and whole lists, as a form sends them, are taken apart.

    A list of rows without uids cannot be taken apart and stays as it is, to be refused as an unknown field.
    """
    found: dict[str, Any] = {}
    for path, value in values.items():
        if path in LEAVES and LEAVES[path].kind == "rows" and isinstance(value, list):
            if all(isinstance(row, Mapping) and isinstance(row.get("uid"), str) for row in value):
                found |= {f"{path}/{row['uid']}": dict(row) for row in value}
                continue
        elif path not in LEAVES and isinstance(value, Mapping) and any(one.startswith(f"{path}.") for one in LEAVES):
            found |= spread({f"{path}.{name}": inner for name, inner in value.items()})
            continue
        found[path] = value
    return found


def blank(value: Any) -> bool:
    """Whether a value says nothing: null, an empty text in every language, an empty list."""
    if value is None or value == "":
        return True
    if isinstance(value, Mapping):
        return all(blank(one) for name, one in value.items() if name != "uid")
    return isinstance(value, list) and all(blank(one) for one in value)


def word_key(path: str) -> str:
    """The key of a field's name in the words files: that of the last step of its path."""
    last = re.split(r"[./]", re.sub(r"/[^./]+", "", path))[-1]
    return f"field.{last}"


def described() -> list[dict[str, Any]]:
    """The form for whoever draws it: one entry per leaf, in order.

    {"path", "name": key of its words, "kind", "card": bool, "codes"?: name of the closed list, "values"?: its codes,
    "row"?: the same entries for the fields of a row}.
    """
    return [_described(leaf) for leaf in LEAVES.values()]


def _described(leaf: Leaf) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "path": leaf.path,
        "name": word_key(leaf.path),
        "kind": leaf.kind,
        "card": leaf.path.split(".")[0] in CARD,
    }
    if leaf.codes is not None:
        entry |= {"codes": leaf.codes, "values": list(codes.values_of(leaf.codes))}
    if leaf.row is not None:
        entry["row"] = _row(leaf.row)
    return entry


def _row(kind: type[BaseModel]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for inner in _leaves(kind):
        if inner.path == "uid":
            continue
        entry = _described(inner)
        del entry["card"]
        plain = _plain(inner.annotation)
        if inner.kind == "part" and isinstance(plain, type) and issubclass(plain, Part):
            entry["row"] = _row(plain)
        entries.append(entry)
    return entries


def names(kinds: Iterable[type[BaseModel]] = (PolicyIdea,)) -> list[str]:
    """Every name of a field in the form, whatever depth; each has its words under `[field]`."""
    found: dict[str, None] = {}

    def walk(annotation: Any) -> None:
        for part in (annotation, *get_args(annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                for name, field in part.model_fields.items():
                    found.setdefault(name)
                    walk(field.annotation)
            elif part is not annotation:
                walk(part)

    for kind in kinds:
        walk(kind)
    found.pop("uid", None)
    return list(found)
