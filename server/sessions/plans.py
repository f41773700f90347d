"""Plans as files: those that travel with the program, those a facilitator uploads, and their errors by place."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..activities import Activity
from ..activities.contract import Text
from ..drawing import shipped
from .plan import Plan

#: Twenty times our longest plan.
LARGEST = 1 << 20
#: A key of this many parts: reading it takes a time that grows with their square, hours for a file of the largest size.
DEEP = re.compile(r"""(?<![\w.-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")


def shipped_plans() -> list[dict[str, Any]]:
    """The plans in content/paths: name (`path/session`), title, phase, minutes; in the order of their paths."""
    return [dict(one) for one in _shipped()]


@cache
def _shipped() -> tuple[dict[str, Any], ...]:
    root = shipped("content") / "paths"
    found = []
    for file in sorted(root.glob("*/*.toml")):
        if file.stem == "path":
            continue
        plan = Plan.read(tomllib.loads(file.read_text("utf-8")))
        found.append(
            {
                "name": f"{file.parent.name}/{file.stem}",
                "title": plan.title,
                "phase": plan.phase,
                "minutes": sum(stage.minutes for stage in plan.stages),
            }
        )
    return tuple(found)


def named(name: str) -> dict[str, Any] | None:
    """A shipped plan by its name, `includimi/sensitisation`; None when there is none (also for a path outside)."""
    if name not in {one["name"] for one in _shipped()}:
        return None
    path, session = name.split("/")
    plan = tomllib.loads((shipped("content") / "paths" / path / f"{session}.toml").read_text("utf-8"))
    plan.setdefault("path", path)
    return plan


#: The two sides that a path brings together, where nobody names others.
GROUPS: list[dict[str, Any]] = [
    {"id": "civil_servants", "name": {"it": "Funzionari pubblici", "en": "Civil servants"}},
    {"id": "social_innovators", "name": {"it": "Innovatori sociali", "en": "Social innovators"}},
]


def path_named(name: str) -> tuple[Text, list[str], str] | None:
    """Title, languages and the prefix of its ideas' codes of a path in `content/paths`; None when there is none."""
    file = shipped("content") / "paths" / name / "path.toml"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name) or not file.is_file():
        return None
    path = tomllib.loads(file.read_text("utf-8"))
    title = Text(path["title"])
    return title, list(title), path.get("prefix", name[:2].upper())


def example_ideas() -> list[tuple[str, dict[str, Any]]]:
    """(path, {"idea", "why", "fields"}) of the finished ideas in `content/paths/<path>/ideas`, marked as examples."""
    files = sorted((shipped("content") / "paths").glob("*/ideas/*.json"))
    return [(file.parent.parent.name, json.loads(file.read_text("utf-8"))) for file in files]


def content(folder: str, name: str) -> dict[str, Any]:
    """One file of `content/<folder>/`. Raises ValueError with the names that there are."""
    files = {file.stem: file for file in sorted((shipped("content") / folder).glob("*.json"))}
    if name not in files:
        raise ValueError(f"there is no {name!r} in content/{folder}; there are {', '.join(files)}")
    found: dict[str, Any] = json.loads(files[name].read_text("utf-8"))
    return found


def filled(plan: Any, activities: Mapping[str, Activity]) -> Any:
    """The plan with the contents of the files that its setups name, so that a session never changes when a file does.

    Raises ValueError, with the stage, for a name that there is not.
    """
    stages = plan.get("stages") if isinstance(plan, dict) else None
    if not isinstance(stages, list):
        return plan
    made = []
    for stage in stages:
        activity = activities.get(str(stage.get("activity"))) if isinstance(stage, dict) else None
        setup = stage.get("setup") if activity else None
        if activity is not None and isinstance(setup, dict):
            for field, folder in getattr(activity.setup, "content", {}).items():
                if isinstance(setup.get(field), str):
                    try:
                        setup = {**setup, field: content(folder, setup[field])}
                    except ValueError as error:
                        raise ValueError(f"stage {stage.get('id')!r}: {error}") from error
            stage = {**stage, "setup": setup}
        made.append(stage)
    return {**plan, "stages": made}


def parse(data: bytes, name: str = "") -> dict[str, Any]:
    """A plan's raw shape from TOML or JSON bytes, told by content. Raises ValueError with a sentence and the place.

    Where others wait it belongs into a thread: the largest files take seconds.
    """
    if len(data) > LARGEST:
        raise ValueError(f"{name or 'the file'} is larger than a plan may be: {LARGEST // 1024} KiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name or 'the file'} is not text in UTF-8 (byte {error.start})") from error
    deep = DEEP.search(text)
    if deep is not None:
        line = text.count("\n", 0, deep.start()) + 1
        raise ValueError(f"{name or 'the file'}: a key in line {line} has too many parts")
    try:
        plan = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"{name or 'the file'} is neither TOML nor JSON: {error}") from error
    if not isinstance(plan, dict):
        raise ValueError(f"{name or 'the file'} holds no plan")
    return plan


def problems(error: ValidationError) -> list[dict[str, str]]:
    """Each problem with its place, as `stages.2.minutes`."""
    return [
        {"place": ".".join(str(part) for part in one["loc"]), "text": one["msg"]}
        for one in error.errors(include_url=False)
    ]


def sentence(error: ValidationError) -> str:
    first = problems(error)[0]
    more = error.error_count() - 1
    return f"{first['place']}: {first['text']}" + (f" (and {more} more)" if more else "")


def line_of(file: Path, place: str) -> int:
    """The line of a TOML or JSON file where a place such as `stages.2.setup.questions.0.text` stands; 1 at worst.

    Found by walking the file for the n-th table or key of each step, which is enough to point an editor at it.
    """
    lines = file.read_text("utf-8", "replace").splitlines()
    at = 0
    steps = place.split(".")
    for step, after in zip(steps, [*steps[1:], ""], strict=True):
        if step.isdigit():
            continue
        count = int(after) + 1 if after.isdigit() else 1
        for number in range(at, len(lines)):
            bare = lines[number].strip()
            heads = bare.startswith(f"[[{step}]]") or bare.endswith((f".{step}]]", f".{step}]"))
            if heads or bare.startswith((f"{step} ", f"{step}=", f'"{step}"', f"{{ {step}", f"[{step}]")):
                count -= 1
                if count <= 0 or not heads:
                    at = number
                    break
    return at + 1


def as_json(plan: Plan) -> dict[str, Any]:
    """A plan in the shape it is read from."""
    made = plan.model_dump(mode="json", exclude_none=True)
    return {key: value for key, value in made.items() if not isinstance(value, Text) or value}
