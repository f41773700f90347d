"""Templates that an earlier start compiled are taken as they are, and never stand in the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest

from server import activities
from server.drawing import Drawing
from server.house import House
from server.settings import Settings


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The names of templates that are compiled from their source, in order."""
    names: list[str | None] = []
    compile = jinja2.Environment.compile

    def seen(self: jinja2.Environment, source: Any, name: str | None = None, *more: Any, **having: Any) -> Any:
        names.append(name)
        return compile(self, source, name, *more, **having)

    monkeypatch.setattr(jinja2.Environment, "compile", seen)
    return names


def read(folder: Path) -> str:
    """Reads the templates of one page, of the house and of an activity, as a start does; returns the page."""
    drawing = Drawing(activities.found(), compiled=folder)
    for name in ("talk:phone.html", "poll:phone.html", "join.html"):
        drawing.environment.get_template(name)
    return drawing.page("closed.html", "it")


def test_a_second_start_compiles_nothing_and_draws_the_same(tmp_path: Path, compiled: list[str | None]) -> None:
    first = read(tmp_path / "templates")
    assert compiled.count("phone.html") == 2 and "closed.html" in compiled
    compiled.clear()
    assert read(tmp_path / "templates") == first
    assert compiled == []


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: len(file.read_bytes()) // 2])


def _blanked(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def _torn(file: Path) -> None:
    """The first block is on the disk, what follows is not."""
    whole = file.read_bytes()
    file.write_bytes(whole[:24] + bytes(len(whole) - 24))


def _folder_instead(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("spoil", [_emptied, _cut, _blanked, _torn, _folder_instead])
def test_what_a_power_cut_left_is_compiled_anew(
    tmp_path: Path, compiled: list[str | None], spoil: Callable[[Path], None]
) -> None:
    first = read(tmp_path)
    files = list(tmp_path.glob("*.cache"))
    for file in files:
        spoil(file)
    compiled.clear()
    assert read(tmp_path) == first
    assert len(compiled) == len(files)


def test_without_a_folder_pages_are_drawn_all_the_same(tmp_path: Path, compiled: list[str | None]) -> None:
    (tmp_path / "a file").write_text("in its place")
    assert read(tmp_path / "a file") == read(tmp_path / "a file" / "below") == read(tmp_path / "new")
    assert compiled


def test_another_source_is_another_template(tmp_path: Path, compiled: list[str | None]) -> None:
    def told(source: str) -> str:
        drawing = Drawing({}, compiled=tmp_path)
        drawing.environment.loader = jinja2.DictLoader({"one.html": source})
        return drawing.environment.get_template("one.html").render()

    assert [told("{{ 1000|thousands }}"), told("{{ 2 }}"), told("{{ 2 }}")] == [
        "1\N{NARROW NO-BREAK SPACE}000",
        "2",
        "2",
    ]
    assert len(compiled) == 2


async def test_what_is_compiled_lies_in_the_cache_for_this_user_alone_and_never_in_a_data_folder(
    tmp_path: Path,
) -> None:
    """A data folder may be handed on by somebody, and opening it must run nothing that lies in it."""
    house = await House.open(Settings(data=tmp_path / "data", cache=tmp_path / "cache"))
    try:
        house.drawing.environment.get_template("closed.html")
    finally:
        await house.close()
    (folder,) = {file.parent for file in tmp_path.rglob("*.cache")}
    assert folder == tmp_path / "cache" / "templates"
    assert folder.stat().st_mode & 0o077 == 0
