"""How a report says things: its words in one language, names of groups, dates and numbers as that language writes them."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, Literal

from babel.dates import format_date, format_time, get_month_names
from babel.numbers import format_currency, format_decimal

from ..activities.contract import Text, idea
from ..activities.contract.small_cells import OTHER
from ..drawing import HOUSE_LANGUAGES, Words, shipped
from ..files.document import Mark

#: How many groups have a mark of their own.
MARKS: tuple[Mark, ...] = ("group0", "group1", "group2", "group3", "group4")
#: What a report is about.
About = Literal["session", "path"]


@cache
def words_of(language: str, about: About = "session") -> Words:
    """The report's own words, with those of the form of ideas behind them; those of a path stand before both."""
    if about == "path":
        paths = (shipped("content") / "reports" / f"path.{language}.toml").read_text("utf-8")
        return Words(language, tomllib.loads(paths), words_of(language))
    form = tomllib.loads((Path(idea.__file__).parent / f"words.{language}.toml").read_text("utf-8"))
    own = (shipped("content") / "reports" / f"words.{language}.toml").read_text("utf-8")
    return Words(language, tomllib.loads(own), Words(language, form))


class Telling:
    """One report's language and the groups of its session or path.

    language: of the texts; `house` is the one of ours in which the report itself speaks.
    """

    def __init__(self, found: Mapping[str, Any], language: str, about: About = "session") -> None:
        self.found = found
        self.language = language
        self.about = about
        self.house = language if language in HOUSE_LANGUAGES else HOUSE_LANGUAGES[0]
        self.words = words_of(self.house, about)
        self._groups = {group["id"]: self.text(group["name"]) for group in found["groups"]}
        shown = {cell["group"] for cell in found["people"]["by_group"]}
        #: (id, name, mark) of the groups big enough to be shown by themselves.
        self.shown = [(id, self.group(id), self.mark(id)) for id in self._groups if id in shown]

    def in_language(self, language: str) -> Telling:
        """The same told in another language."""
        return Telling(self.found, language, self.about)

    def __call__(self, key: str, **fields: Any) -> str:
        return self.words(key, **fields)

    def text(self, text: Mapping[str, str] | None) -> str:
        """A text of the plan or of an idea: in the report's language, else in the first one that says something."""
        if not text:
            return ""
        return text.get(self.language) or next((words for words in text.values() if words), "")

    def foreign(self, text: Mapping[str, str] | None) -> str | None:
        """The language that `text` really gives, where it is not the report's."""
        shown = Text(text or {}).language_shown(self.language)
        return None if not text or shown == self.house else shown

    def code(self, list_name: str, code: Any) -> str:
        """The name of a code of one of the form's closed lists; the code itself where it has none."""
        key = f"value.{list_name}_{code}"
        return self.words(key) if self.words.has(key) else str(code)

    def field(self, name: str) -> str:
        key = f"field.{name}"
        return self.words(key) if self.words.has(key) else name

    def group(self, id: str | None) -> str:
        if id is None or id == OTHER:
            return self._groups.get(OTHER, self.words("others"))
        return self._groups.get(id, id)

    def mark(self, id: str | None) -> Mark:
        places = list(self._groups)
        return MARKS[places.index(id)] if id in places[: len(MARKS)] and id != OTHER else "other"

    # Numbers and dates

    def number(self, value: Any) -> str:
        """A number as the language writes it; what is no number stays as it is."""
        try:
            return str(format_decimal(Decimal(str(value)), locale=self.house))
        except (InvalidOperation, ValueError):
            return str(value)

    def tenths(self, value: int) -> str:
        return self.number(Decimal(value) / 10)

    def per_mille(self, value: int) -> str:
        return f"{self.number(Decimal(value) / 10)}\u00a0%"

    def money(self, amount: str, currency: str = "EUR") -> str:
        try:
            value = Decimal(amount)
        except InvalidOperation:
            return amount
        digits = value != value.to_integral_value()
        pattern = "#,##0.00\u00a0\u00a4" if digits else "#,##0\u00a0\u00a4"
        return str(format_currency(value, currency, pattern, locale=self.house, currency_digits=False))

    def money_of(self, money: Mapping[str, Any] | None) -> str:
        """The form's `{"exact"|"min","max","currency"}`."""
        if not money:
            return ""
        currency = str(money.get("currency") or "EUR")
        if money.get("exact") is not None:
            return self.money(str(money["exact"]), currency)
        return self(
            "ideas.range",
            min=self.money(str(money.get("min") or "0"), currency),
            max=self.money(str(money.get("max") or "0"), currency),
        )

    def partial(self, date: Any) -> str:
        """A date, a month or a year in words."""
        parts = str(date).split("-")
        try:
            if len(parts) == 3:
                return str(format_date(datetime.date.fromisoformat(str(date)), "long", locale=self.house))
            if len(parts) == 2:
                month = get_month_names("wide", "stand-alone", locale=self.house)[int(parts[1])]
                return f"{month} {parts[0]}"
        except (ValueError, KeyError):
            pass
        return str(date)

    def moment(self, ms: int | None) -> str:
        """Date and time of day on this computer; "" for None."""
        return "" if ms is None else f"{self.day(ms)}, {self.clock(ms)}"

    def day(self, ms: int) -> str:
        return str(format_date(_local(ms).date(), "long", locale=self.house))

    def clock(self, ms: int | None) -> str:
        return "" if ms is None else str(format_time(_local(ms).time(), "HH:mm", locale=self.house))

    def listed(self, parts: Iterable[str], between: str = ", ") -> str:
        return between.join(part for part in parts if part)


def _local(ms: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(ms / 1000)


def sentences(parts: Sequence[str]) -> str:
    return " ".join(part for part in parts if part)
