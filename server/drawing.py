"""Words and templates: how a picked view becomes a page or a region, in one language."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import jinja2
import jinja2.bccache
from babel import Locale
from babel.numbers import format_decimal
from markupsafe import Markup

from .activities import Activity
from .activities.contract import Text

HERE = Path(__file__).parent
#: Where words stand that belong to no single activity.
PLACES = {
    "house": HERE / "templates",
    "sessions": HERE / "sessions",
    "paths": HERE / "paths",
    "ideas": HERE / "activities" / "contract" / "idea",
}
HOUSE_LANGUAGES = ("it", "en")

#: Seconds after the start: the first page is out by then.
WARM_AFTER = 1.0
#: What may leave an activity's folder.
SERVED = (".js", ".css", ".svg")


def shipped(name: str) -> Path:
    """A folder that travels with the program: beside it in a checkout, inside it in an installed wheel."""
    inside = HERE / "_shipped" / name
    return inside if inside.is_dir() else HERE.parent / name


class Said(str):
    """A text as shown, with the language it is really in."""

    lang: str
    __slots__ = ("lang",)

    def __new__(cls, words: str, lang: str) -> Said:
        said = super().__new__(cls, words)
        said.lang = lang
        return said


def localise(value: Any, language: str) -> Any:
    """The picked view with every Text as one string in `language`, or in its own first language."""
    if isinstance(value, Text):
        return Said(value.in_language(language), value.language_shown(language))
    if isinstance(value, dict):
        return {key: localise(one, language) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [localise(one, language) for one in value]
    return value


@cache
def plural(language: str) -> Callable[[float], str]:
    form: Callable[[float], str] = Locale.parse(language).plural_form
    return form


class Words:
    """The words of one folder in one language, with another folder's words behind them."""

    def __init__(self, language: str, words: Mapping[str, Any], behind: Words | None = None) -> None:
        self.language = language
        self.words = dict(_flat(words))
        self.behind = behind

    def __call__(self, key: str, **fields: Any) -> str:
        """The sentence for a key, its {fields} filled in. Raises KeyError for a key that no folder has."""
        found = self.words.get(key)
        if found is None:
            if self.behind is None:
                raise KeyError(f"no words for {key!r} in {self.language}")
            return self.behind(key, **fields)
        if isinstance(found, dict):
            found = found.get(plural(self.language)(fields.get("n", 0)), found["other"])
        if not fields:
            return str(found)
        shown = {
            name: format_decimal(value, locale=self.language) if isinstance(value, int) else value
            for name, value in fields.items()
        }
        return str(found).format(**shown)

    def has(self, key: str) -> bool:
        return key in self.words or (self.behind is not None and self.behind.has(key))


def _flat(words: Mapping[str, Any], before: str = "") -> Any:
    for key, value in words.items():
        if isinstance(value, dict) and "other" not in value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


class _Compiled(jinja2.FileSystemBytecodeCache):
    """Templates as they were compiled by an earlier start: compiling all of them takes more than a second of one core.

    Whatever is wrong with the folder or a file in it, the template is compiled from its source, as without this.
    """

    #: Compiling also works out what the filters here give for constants.
    SALT = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()

    def get_source_checksum(self, source: str) -> str:
        return hashlib.sha256(f"{self.SALT}{source}".encode()).hexdigest()

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except Exception:
            # A file that a power cut left half written may raise nearly anything.
            bucket.reset()

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        with contextlib.suppress(OSError):
            Path(self.directory).mkdir(mode=0o700, parents=True, exist_ok=True)
            super().dump_bytecode(bucket)


class Drawing:
    """The one Jinja environment. `blocks` draws parts of an activity's screen, `page` whole pages.

    compiled: a folder where compiled templates are kept from start to start; what lies in it is run, so nobody else may
    write there.
    """

    def __init__(
        self, activities: Mapping[str, Activity], static: Path | None = None, compiled: Path | None = None
    ) -> None:
        self.activities = activities
        self.static = static or shipped("static")
        self._assets: dict[str, str] = {}
        loaders: dict[str, jinja2.BaseLoader] = {
            name: jinja2.FileSystemLoader(activity.folder) for name, activity in activities.items()
        }
        loaders["sessions"] = jinja2.FileSystemLoader(HERE / "sessions")
        loaders["paths"] = jinja2.FileSystemLoader(HERE / "paths")
        self.environment = jinja2.Environment(
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            bytecode_cache=None if compiled is None else _Compiled(str(compiled)),
            loader=jinja2.ChoiceLoader(
                [jinja2.FileSystemLoader(HERE / "templates"), jinja2.PrefixLoader(loaders, delimiter=":")]
            ),
        )
        self.environment.filters.update(
            at=clock_time, day=day, thousands=thousands, attr=attr, json=attr, tojson=attr, blocks_of=blocks_of
        )
        mark = base64.b64encode((self.static / "mark.svg").read_bytes()).decode()
        # In the page itself: one request less for each of forty phones that come at once.
        self.environment.globals.update(asset=self.asset, favicon=f"data:image/svg+xml;base64,{mark}")
        self._words: dict[tuple[str, str], Words] = {}

    def asset(self, name: str) -> str:
        """The address of a static file, with one digest over all of them in the path, so that it may be kept for ever.

        One digest and not one per file: scripts import each other by relative addresses, and a script loaded under two
        addresses would run twice.
        """
        if name not in self._assets:
            if self.find_static(name) is None:
                raise jinja2.TemplateError(f"no static file {name}")
            # A page asks for hundreds, and the disk need not be asked again: the digest of all stands for the process.
            self._assets[name] = f"/static/{self.digest}/{name}"
        return self._assets[name]

    @cached_property
    def digest(self) -> str:
        whole = hashlib.sha256()
        served = [path for path in sorted(self.static.rglob("*")) if path.is_file()]
        for activity in self.activities.values():
            served += sorted(path for path in activity.folder.iterdir() if path.suffix in SERVED)
        for path in served:
            whole.update(path.name.encode() + path.read_bytes())
        return whole.hexdigest()[:10]

    def find_static(self, name: str) -> Path | None:
        """A static file, or an allowed file of an activity's folder (`activities/<name>/element.js`)."""
        if name.startswith("activities/"):
            _, folder, file = ([*name.split("/"), "", ""])[:3]
            activity = self.activities.get(folder)
            if activity is None or "/" in file or not file.endswith(SERVED):
                return None
            path, root = activity.folder / file, activity.folder
        else:
            path, root = self.static / name, self.static
        try:
            # Resolved, so that one file has one name, however it was spelled.
            path = path.resolve()
            return path if path.is_relative_to(root.resolve()) and path.is_file() else None
        except (OSError, ValueError):
            # Longer than a name may be, or with a NUL in it.
            return None

    def words(self, folder: str, language: str) -> Words:
        """The words of an activity (or `sessions`, or `house`), with the house's behind them."""
        language = language if language in HOUSE_LANGUAGES else HOUSE_LANGUAGES[-1]
        key = (folder, language)
        if key not in self._words:
            where = PLACES.get(folder) or self.activities[folder].folder
            # A folder that shows what the contract models (an idea) has the contract's words behind its own.
            messages = getattr(self.activities.get(folder), "messages", None)
            behind = "ideas" if folder == "paths" else getattr(messages, "WORDS", "house")
            house = None if folder == "house" else self.words(behind, language)
            words = tomllib.loads((where / f"words.{language}.toml").read_text("utf-8"))
            self._words[key] = Words(language, words, house)
        return self._words[key]

    def block(self, template: str, name: str, language: str, folder: str, values: Mapping[str, Any]) -> str:
        """One block of a screen's file; "" when the file has no such block."""
        found = self._template(template)
        if found is None or name not in found.blocks:
            return ""
        context = found.new_context({**values, "lang": language, "t": self.words(folder, language)})
        return "".join(found.blocks[name](context)).strip()

    async def warm(self) -> None:
        """Reads all templates one by one, after the first page is out: forty phones must not meet them for the first time."""
        await asyncio.sleep(WARM_AFTER)
        for name in await asyncio.to_thread(self.environment.list_templates, ["html"]):
            # In a thread, because the largest take a quarter of a second and somebody may be joining.
            await asyncio.to_thread(self._template, name)
            await asyncio.sleep(0.01)

    def _template(self, name: str) -> jinja2.Template | None:
        try:
            return self.environment.get_template(name)
        except jinja2.TemplateNotFound:
            return None

    def page(self, template: str, language: str, **values: Any) -> str:
        shown = language if language in HOUSE_LANGUAGES else HOUSE_LANGUAGES[-1]
        return self.environment.get_template(template).render(
            {"lang": shown, "t": self.words("sessions", shown), **values}
        )


def clock_time(ms: int | None) -> str:
    """Milliseconds UTC as the laptop's own time of day, 10:18; "" for None."""
    return "" if ms is None else datetime.fromtimestamp(ms / 1000).strftime("%H:%M")


def day(ms: int | None) -> str:
    """Milliseconds UTC as the laptop's own date, 2026-11-22."""
    return "" if ms is None else datetime.fromtimestamp(ms / 1000).strftime("%Y-%m-%d")


def thousands(number: int) -> str:
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def attr(value: Any) -> Markup:
    """JSON that is safe inside a quoted attribute, single or double."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(  # noqa: S704  (every sign that could end the attribute is replaced)
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;").replace("'", "&#39;")
    )


def blocks_of(code: str) -> str:
    return f"{code[:3]} {code[3:]}"
