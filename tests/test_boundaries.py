"""Who may import whom, and that rules are pure: read off the syntax tree, because a promise that is only made drifts.

The incident behind the purity check: a well-known live notebook keeps its one "pure" function over operations, and it
calls the clock three times; nothing noticed.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVER = ROOT / "server"
READ_ON = "see docs/the-way-of-a-message.md"

PURE = sorted(
    [
        *(
            path
            for path in SERVER.glob("activities/*/**/*.py")
            if path.name not in ("work.py", "__init__.py") and path.parent.name != "work"
        ),
        *(SERVER / "sessions" / name for name in ("rules.py", "messages.py", "plan.py")),
        *(SERVER / "paths" / name for name in ("rules.py", "messages.py", "peers.py")),
    ]
)
PURE = [path for path in PURE if not path.name.startswith("test_")]

#: Modules through which a clock, chance, the disk, the network or the environment would come in.
IMPURE = {
    "time",
    "random",
    "secrets",
    "uuid",
    "os",
    "io",
    "pathlib",
    "socket",
    "subprocess",
    "asyncio",
    "threading",
    "tempfile",
}
IMPURE_NAMES = {"print", "open", "input", "__import__", "exec", "eval", "uuid4", "urandom", "getenv"}
IMPURE_ATTRIBUTES = {"now", "today", "utcnow", "time_ns", "monotonic"}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Absolute names of what a file imports, and the line."""
    package = module_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            head = ".".join([*base, *((node.module or "").split(".") if node.module else [])])
            for name in node.names:
                whole = f"{head}.{name.name}"
                as_file = ROOT.joinpath(*whole.split("."))
                known = as_file.with_suffix(".py").exists() or as_file.is_dir() or whole == "random.Random"
                yield (whole if known else head), node.lineno


def files(folder: str) -> list[Path]:
    return [path for path in (SERVER / folder).rglob("*.py") if not path.name.startswith("test_")]


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(SERVER)))
def test_pure_files_import_only_the_standard_library_pydantic_and_the_contract(path: Path) -> None:
    own = module_of(path).rsplit(".", 1)[0]
    for name, line in imports(path):
        head = name.split(".")[0]
        fine = (
            (head in sys.stdlib_module_names and head not in IMPURE)
            or head in ("pydantic", "pydantic_core")
            # A generator that is made from a seed, the same on every machine; the module's own functions draw by chance.
            or name == "random.Random"
            or name.startswith((own, "server.activities.contract"))
        )
        assert fine, f"{path.relative_to(ROOT)}:{line} imports {name}; a pure file may not, {READ_ON}"


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(SERVER)))
def test_pure_files_know_no_clock_no_chance_no_disk(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        name = ""
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in IMPURE_NAMES:
            name = node.id
        elif (
            isinstance(node, ast.Attribute)
            and node.attr in IMPURE_ATTRIBUTES
            and not (isinstance(node.value, ast.Name) and node.value.id in ("moment", "self"))
        ):
            name = node.attr
        assert not name, f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)} refers to {name}; {READ_ON}"


def test_activities_never_import_each_other() -> None:
    for path in files("activities"):
        parts = path.relative_to(SERVER / "activities").parts
        if len(parts) < 2:
            continue
        for name, line in imports(path):
            if name.startswith("server.activities."):
                other = name.split(".")[2]
                assert other in (parts[0], "contract"), f"{path.relative_to(ROOT)}:{line} reaches into {other}"


def test_only_storage_knows_sql() -> None:
    words = ("SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "PRAGMA ")
    allowed = {
        # The host's sign-ins and the erasing of a person run their statements on the writer's own thread.
        "server/sessions/access.py",
        "server/house.py",
        "server/outcomes/erase.py",
    }
    for path in SERVER.rglob("*.py"):
        relative = str(path.relative_to(ROOT))
        if "storage" in path.parts or path.name.startswith("test_") or relative in allowed:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not node.value.startswith(words), f"{relative}:{node.lineno} speaks SQL; that is storage's"
    for path in SERVER.rglob("*.py"):
        if "storage" in path.parts or path.name.startswith("test_"):
            continue
        for name, line in imports(path):
            assert name.split(".")[0] not in ("sqlalchemy", "sqlmodel", "alembic"), f"{path}:{line} imports {name}"


def test_storage_imports_no_web() -> None:
    for path in files("storage"):
        for name, line in imports(path):
            assert name.split(".")[0] not in ("fastapi", "starlette", "uvicorn", "jinja2"), f"{path}:{line}: {name}"


def test_the_live_line_knows_no_activity_by_name() -> None:
    names = [path.name for path in (SERVER / "activities").iterdir() if (path / "rules.py").exists()]
    assert names
    for path in files("live"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and node.value in names:
                raise AssertionError(f"{path.relative_to(ROOT)}:{node.lineno} names the activity {node.value!r}")


def test_only_app_and_the_command_line_see_all() -> None:
    for path in SERVER.rglob("*.py"):
        if path.name.startswith("test_") or path.parent == SERVER:
            continue
        for name, line in imports(path):
            assert name not in ("server.app", "server.cli", "server.serve"), (
                f"{path.relative_to(ROOT)}:{line} imports {name}"
            )
