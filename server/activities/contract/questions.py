"""The kinds of question that polls and quizzes ask: one class each, with its setup, its check, its count and its key.

A kind is added by writing one class and naming it in `PollQuestion`, `QuizQuestion` or both at the end of this file;
`kinds_of` finds the rest from there. Answers refer to ids, never to texts or places.

Every class answers the same questions:
  check(value)          the refusal's code, or None when the value may be kept. Never raises, whatever JSON it is given.
  keep(value)           the checked value in the one form in which it is kept, so that equal answers are equal.
  tally(values)         counts over kept values (None = skipped), without anything that tells what is right.
  key()                 what is right by setup, as a tuple; empty = no right answer, nothing is scored.
  share(value, key)     how right a kept value is, 0 to 1.
  read_key(right)       a corrected key from JSON, or None when it does not fit.
  shown(order, ...)     the public part: texts and ids in the order drawn at opening, nothing about right or wrong.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field, field_validator, model_validator

from . import tally as count
from .messages import Level, Message, Text, clean

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: What is right, in a form that can be compared and replayed; its elements depend on the kind.
Key = tuple[Any, ...]

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


def text_within(text: Text, signs: int, what: str) -> Text:
    """The text itself; raises ValueError when it is empty or longer than `signs` in some language."""
    for language, words in text.items():
        if count.seen_length(words) > signs:
            raise ValueError(f"the {language} {what} is longer than {signs} signs")
    if not any(words.strip() for words in text.values()):
        raise ValueError(f"the {what} is empty")
    return text


class Option(Message):
    """One thing to choose, rank, spend on or put in order."""

    id: Id
    text: Text
    right: bool = False

    @field_validator("text")
    @classmethod
    def _short(cls, text: Text) -> Text:
        return text_within(text, 150, "option")


def _distinct(ids: Sequence[str], what: str) -> None:
    if len(set(ids)) != len(ids):
        raise ValueError(f"two {what} have the same id")


class Question(Message):
    """What every kind has. time, reading: seconds. points: 0 (warm-up), 1000 or 2000, in a quiz."""

    graded: ClassVar[bool] = False
    #: Shuffled at opening even when the setup does not ask for it, because the setup's order tells the answer.
    always_shuffled: ClassVar[bool] = False

    id: Id
    kind: str
    text: Text
    note: Text | None = None
    time: int | None = Field(default=None, ge=5, le=3600)
    reading: int | None = Field(default=None, ge=0, le=60)
    points: Literal[0, 1000, 2000] = 1000
    explain: Text | None = None
    source: Text | None = None
    topic: str | None = Field(default=None, max_length=60)
    pair: str | None = Field(default=None, max_length=60)
    level: Level | None = None
    live_results: bool = False
    majority: bool = False
    shuffle: bool = False
    unsure: bool = False

    @field_validator("text")
    @classmethod
    def _question_short(cls, text: Text) -> Text:
        return text_within(text, 300, "question")

    @field_validator("note", "explain", "source")
    @classmethod
    def _note_short(cls, text: Text | None) -> Text | None:
        return None if text is None else text_within(text, 1000, "note")

    def check(self, value: Any) -> str | None:
        raise NotImplementedError

    def keep(self, value: Any) -> Any:
        return value

    def tally(self, values: Sequence[Any]) -> dict[str, Any]:
        given = [value for value in values if value is not None]
        return {"n": len(given), "skipped": len(values) - len(given)} | self._counts(given)

    def _counts(self, given: Sequence[Any]) -> dict[str, Any]:
        raise NotImplementedError

    def gap_measure(self) -> Literal["share", "mean10"] | None:
        """What the distance between two groups is measured in; None where one number would mislead."""
        return "share"

    def key(self) -> Key:
        return ()

    def share(self, value: Any, key: Key) -> Fraction:
        return Fraction(value in key)

    def read_key(self, right: Any) -> Key | None:
        return None

    def show_key(self, key: Key) -> dict[str, Any]:
        """What is right, for screens that may know it."""
        return {}

    def to_order(self) -> list[str]:
        """The ids whose order is drawn at opening, in the setup's order."""
        return []

    def to_order_targets(self) -> list[str]:
        return []

    def shown(self, order: Sequence[str], targets: Sequence[str] = ()) -> dict[str, Any]:
        """The public part of the view."""
        return {"options": []}

    def words(self, value: Any) -> Text:
        """A kept value as text, in every language that the question speaks."""
        raise NotImplementedError

    def choices(self) -> dict[str, Text]:
        """The texts of all ids that a value may name; empty where values are free."""
        return {}

    def _joined(self, ids: Sequence[str], between: str = "; ") -> Text:
        texts = self.choices()
        languages = list(dict.fromkeys([*self.text, *(word for id in ids for word in texts[id])]))
        return Text({word: between.join(texts[id].in_language(word) for id in ids) for word in languages})


def _lettered(texts: Mapping[str, Text | str], order: Sequence[str]) -> list[dict[str, Any]]:
    return [{"id": id, "letter": LETTERS[place % 26], "text": texts[id]} for place, id in enumerate(order)]


class _WithOptions(Question):
    """The kinds that hold a list of options."""

    options: tuple[Option, ...]

    @model_validator(mode="after")
    def _ids_differ(self) -> _WithOptions:
        _distinct([option.id for option in self.options], "options")
        return self

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        return tuple(option.id for option in self.options)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self._ids)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {id: place for place, id in enumerate(self._ids)}

    def choices(self) -> dict[str, Text]:
        return {option.id: option.text for option in self.options}

    def to_order(self) -> list[str]:
        return list(self._ids)

    def shown(self, order: Sequence[str], targets: Sequence[str] = ()) -> dict[str, Any]:
        return {"options": _lettered(self.choices(), order or self._ids)}

    def _list_trouble(self, value: Any, least: int, most: int) -> str | None:
        """What is wrong with a list of option ids, if anything."""
        if type(value) is not list:
            return "wrong_shape"
        if len(value) > most:
            return "too_many"
        for id in value:
            if type(id) is not str:
                return "wrong_shape"
            if id not in self._known:
                return "unknown_option"
        if len(value) > 1 and len(set(value)) != len(value):
            return "wrong_shape"
        if len(value) < least:
            return "too_few" if value else "empty"
        return None

    def words(self, value: Any) -> Text:
        return self._joined(list(value))


class Pick(Message):
    """How many options one answer may name."""

    min: int = Field(default=1, ge=1, le=12)
    max: int = Field(default=1, ge=1, le=12)


class Choice(_WithOptions):
    """One or several of 2 to 12 options. Value: the list of picked ids."""

    graded: ClassVar[bool] = True

    kind: Literal["choice"] = "choice"
    options: tuple[Option, ...] = Field(min_length=2, max_length=12)
    pick: Pick = Pick()
    exact: bool = False

    @model_validator(mode="after")
    def _pick_fits(self) -> Choice:
        if not self.pick.min <= self.pick.max <= len(self.options):
            raise ValueError("pick: min may not exceed max, nor max the number of options")
        return self

    def check(self, value: Any) -> str | None:
        return self._list_trouble(value, self.pick.min, self.pick.max)

    def keep(self, value: Any) -> list[str]:
        return sorted(value, key=self._place.__getitem__) if len(value) > 1 else list(value)

    def _counts(self, given: Sequence[Any]) -> dict[str, Any]:
        return {"options": count.counted(self._ids, (id for value in given for id in value), len(given))}

    def key(self) -> Key:
        return tuple(option.id for option in self.options if option.right)

    def share(self, value: Any, key: Key) -> Fraction:
        right = sum(1 for id in value if id in key)
        if self.pick.max == 1:
            return Fraction(right)
        if self.exact:
            return Fraction(right == len(value) == len(key))
        return max(Fraction(0), Fraction(2 * right - len(value), len(key)))

    def read_key(self, right: Any) -> Key | None:
        if self._list_trouble(right, 1, len(self.options)):
            return None
        return tuple(self.keep(right))

    def show_key(self, key: Key) -> dict[str, Any]:
        return {"right": list(key)}


#: The labels of a yes-no question that brings none. They stand here and not in a words file because they are part of
#: the question in every language, in the views, the exports and the outcomes alike.
YES = Text({"it": "Sì", "en": "Yes", "fr": "Oui", "es": "Sí", "de": "Ja", "pt": "Sim", "pl": "Tak"})
NO = Text({"it": "No", "en": "No", "fr": "Non", "es": "No", "de": "Nein", "pt": "Não", "pl": "Nie"})


class YesNo(Question):
    """Two big buttons. labels: the words for yes and for no. Value: "yes" or "no"."""

    graded: ClassVar[bool] = True

    kind: Literal["yes_no"] = "yes_no"
    labels: tuple[Text, ...] = ()
    right: Literal["yes", "no"] | None = None

    @field_validator("labels")
    @classmethod
    def _two(cls, labels: tuple[Text, ...]) -> tuple[Text, ...]:
        if len(labels) not in (0, 2):
            raise ValueError("labels: give two, for yes and for no, or none")
        return tuple(text_within(label, 150, "label") for label in labels)

    def choices(self) -> dict[str, Text]:
        yes, no = self.labels or (YES, NO)
        return {"yes": yes, "no": no}

    def check(self, value: Any) -> str | None:
        if type(value) is not str:
            return "wrong_shape"
        return None if value in ("yes", "no") else "unknown_option"

    def _counts(self, given: Sequence[Any]) -> dict[str, Any]:
        return {"options": count.counted(("yes", "no"), given, len(given))}

    def key(self) -> Key:
        return (self.right,) if self.right else ()

    def read_key(self, right: Any) -> Key | None:
        return tuple(right) if right in (["yes"], ["no"]) else None

    def show_key(self, key: Key) -> dict[str, Any]:
        return {"right": list(key)}

    def shown(self, order: Sequence[str], targets: Sequence[str] = ()) -> dict[str, Any]:
        return {"options": _lettered(self.choices(), ("yes", "no"))}

    def words(self, value: Any) -> Text:
        return self._joined([value])


class Scale(Question):
    """A row of at most 11 steps. labels: both ends, or one for every step. Value: the integer."""

    model_config = ConfigDict(serialize_by_alias=True)

    kind: Literal["scale"] = "scale"
    low: int = Field(default=0, alias="from", ge=-1000, le=1000)
    high: int = Field(default=10, alias="to", ge=-1000, le=1000)
    step: int = Field(default=1, ge=1, le=1000)
    labels: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _at_most_eleven(self) -> Scale:
        if self.high <= self.low or (self.high - self.low) % self.step or len(self.steps) > 11:
            raise ValueError("a scale goes up from `from` to `to` in at most 11 equal steps")
        if len(self.labels) not in (0, 2, len(self.steps)):
            raise ValueError("labels: give two for the ends, or one for every step")
        for label in self.labels:
            text_within(label, 150, "label")
        return self

    @cached_property
    def steps(self) -> tuple[int, ...]:
        return tuple(range(self.low, self.high + 1, self.step))

    def check(self, value: Any) -> str | None:
        if type(value) is not int:
            return "wrong_shape"
        return None if value in self.steps else "out_of_range"

    def choices(self) -> dict[str, Text]:
        named = len(self.labels) == len(self.steps)
        return {
            str(step): self.labels[place] if named else Text(dict.fromkeys(self.text, str(step)))
            for place, step in enumerate(self.steps)
        }

    def _counts(self, given: Sequence[Any]) -> dict[str, Any]:
        counts: dict[str, Any] = {
            "options": count.counted([str(step) for step in self.steps], (str(value) for value in given), len(given))
        }
        if given:
            counts |= {"mean10": count.tenths(sum(given), len(given)), "median10": count.median10(given)}
        return counts

    def gap_measure(self) -> Literal["share", "mean10"] | None:
        return "mean10"

    def shown(self, order: Sequence[str], targets: Sequence[str] = ()) -> dict[str, Any]:
        texts = self.choices()
        shown: dict[str, Any] = {
            "options": [{"id": str(step), "value": step, "text": texts[str(step)]} for step in self.steps],
            "from": self.low,
            "to": self.high,
            "step": self.step,
            "steps": list(self.steps),
        }
        return shown | ({"labels": list(self.labels)} if self.labels else {})

    def words(self, value: Any) -> Text:
        return self._joined([str(value)])


class Ranking(_WithOptions):
    """Putting 2 to 15 options in order of liking. top: how many to rank. Value: ids, best first."""

    kind: Literal["ranking"] = "ranking"
    options: tuple[Option, ...] = Field(min_length=2, max_length=15)
    top: int | None = Field(default=None, ge=1, le=15)

    @model_validator(mode="after")
    def _top_fits(self) -> Ranking:
        if self.top is not None and self.top > len(self.options):
            raise ValueError("top: there are fewer options than that")
        return self

    def check(self, value: Any) -> str | None:
        return self._list_trouble(value, 1, self.top or len(self.options))

    def keep(self, value: Any) -> list[str]:
        return list(value)

    def _counts(self, given: Sequence[Any]) -> dict[str, Any]:
        """options: count and share of those who put it first, mean10 = mean place in tenths, place = shared place.

        order: the ids by mean place (the option that beats all others first). preferred: that option, or None.
        """
        options: dict[str, dict[str, int]] = count.counted(self._ids, (value[0] for value in given), len(given))
        table = count.pairwise(self._ids, given)
        winner = count.preferred(table)
        means = count.mean_ranks(self._ids, given)
        places = count.shared_ranks({id: -mean for id, mean in means.items()})
        for id, mean in means.items():
            options[id] |= {"mean10": count.rounded(mean * 10), "place": places[id]}
        order = sorted(self._ids, key=lambda id: (id != winner, places.get(id, 0), self._place[id]))
        return {"options": options, "order": order, "preferred": winner, "pairwise": table}

    def shown(self, order: Sequence[str], targets: Sequence[str] = ()) -> dict[str, Any]:
        return super().shown(order) | {"top": self.top or len(self.options)}

    def words(self, value: Any) -> Text:
        return self._joined(list(value), " > ")


class Points(_WithOptions):
    """Spending points over 2 to 12 options. Value: {id: points}; nothing on an option is the same as leaving it out."""

    kind: Literal["points"] = "points"
    options: tuple[Option, ...] = Field(min_length=2, max_length=12)
    total: int = Field(default=10, ge=1, le=1000)
    step: int | None = Field(default=None, ge=1, le=1000)
    spend_all: bool = True

    @model_validator(mode="after")
    def _step_fits(self) -> Points:
        if self.total % self.stride:
            raise ValueError("total must be a whole number of steps")
        return self

    @property
    def stride(self) -> int:
        return self.step or max(1, self.total // 10)

    def check(self, value: Any) -> str | None:
        if type(value) is not dict:
            return "wrong_shape"
        spent = 0
        for id, points in value.items():
            if id not in self._known:
                return "unknown_option"
            if type(points) is not int:
                return "wrong_shape"
            if points < 0 or points > self.total or points % self.stride:
                return "out_of_range"
            spent += points
        if spent > self.total:
            return "over_budget"
        if not spent:
            return "empty"
        return "not_all_spent" if self.spend_all and spent < self.total else None

    def keep(self, value: Any) -> dict[str, int]:
        return {id: value[id] for id in self._ids if value.get(id)}

    def _counts(self, given: Sequence[Any]) -> dict[str, Any]:
        """options: count = how many gave something, points = sum, share = of all points, mean10 = mean in tenths."""
        n = len(given)
        sums = {id: sum(value.get(id, 0) for value in given) for id in self._ids}
        spent = sum(sums.values())
        options: dict[str, dict[str, int]] = {}
        for id in self._ids:
            options[id] = {"count": sum(1 for value in given if id in value), "points": sums[id]}
            if n:
                options[id]["mean10"] = count.tenths(sums[id], n)
            if n >= count.PERCENT_FROM:
                options[id]["share"] = count.per_cent(sums[id], spent)
        return {"options": options}

    def shown(self, order: Sequence[str], targets: Sequence[str] = ()) -> dict[str, Any]:
        return super().shown(order) | {"total": self.total, "step": self.stride, "spend_all": self.spend_all}

    def words(self, value: Any) -> Text:
        texts = self.choices()
        languages = list(dict.fromkeys([*self.text, *(word for id in value for word in texts[id])]))
        return Text(
            {
                word: "; ".join(f"{texts[id].in_language(word)}: {points}" for id, points in value.items())
                for word in languages
            }
        )


#: A number field on a phone cannot sensibly hold more; beyond it arithmetic in a browser loses whole units too.
_FAR = Decimal(10) ** 12


class Number(Question):
    """A number. right, tolerance, band: see `share`. Value: an integer or a decimal number."""

    graded: ClassVar[bool] = True

    kind: Literal["number"] = "number"
    min: Decimal | None = None
    max: Decimal | None = None
    unit: Text | None = None
    decimals: int = Field(default=0, ge=0, le=4)
    right: Decimal | None = None
    tolerance: Decimal = Field(default=Decimal(0), ge=0)
    band: Decimal | None = Field(default=None, ge=0)

    @field_validator("min", "max", "right", "tolerance", "band")
    @classmethod
    def _near(cls, number: Decimal | None) -> Decimal | None:
        if number is not None and (not number.is_finite() or abs(number) > _FAR):
            raise ValueError("a number must be finite and below a million million")
        return number

    @model_validator(mode="after")
    def _in_order(self) -> Number:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        if self.band is not None and self.band < self.tolerance:
            raise ValueError("band is narrower than tolerance")
        return self

    def check(self, value: Any) -> str | None:
        if type(value) not in (int, float):
            return "wrong_shape"
        if type(value) is float and not math.isfinite(value):
            return "wrong_shape"
        if type(value) is int and value.bit_length() > 64:
            return "out_of_range"
        number = Decimal(str(value))
        low, high = self.min, self.max
        if abs(number) > _FAR or (low is not None and number < low) or (high is not None and number > high):
            return "out_of_range"
        exponent = number.normalize().as_tuple().exponent
        return "wrong_shape" if isinstance(exponent, int) and -exponent > self.decimals else None

    def keep(self, value: Any) -> int | float:
        return int(value) if value == int(value) else value

    def _counts(self, given: Sequence[Any]) -> dict[str, Any]:
        """bins: [{"from","to","count"}] rising, one per value up to 10 different ones, else 10 of equal width."""
        numbers = sorted(Decimal(str(value)) for value in given)
        if not numbers:
            return {"bins": []}
        middle = len(numbers) // 2
        median = numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2
        return {
            "bins": _bins(numbers),
            "median": _bare(median),
            "lowest": _bare(numbers[0]),
            "highest": _bare(numbers[-1]),
        }

    def gap_measure(self) -> Literal["share", "mean10"] | None:
        return None

    def key(self) -> Key:
        return (_bare(self.right),) if self.right is not None else ()

    def share(self, value: Any, key: Key) -> Fraction:
        """1 within the tolerance, 0 from the band on, between them 1 minus the square of the way gone (LIVE 4)."""
        away = abs(Fraction(str(value)) - Fraction(str(key[0])))
        tolerance = Fraction(self.tolerance)
        if away <= tolerance:
            return Fraction(1)
        if self.band is None or away >= Fraction(self.band):
            return Fraction(0)
        return 1 - ((away - tolerance) / (Fraction(self.band) - tolerance)) ** 2

    def read_key(self, right: Any) -> Key | None:
        if type(right) is not list or len(right) != 1 or type(right[0]) not in (int, float):
            return None
        if not -float(_FAR) <= right[0] <= float(_FAR):
            return None
        return (self.keep(right[0]),)

    def show_key(self, key: Key) -> dict[str, Any]:
        return {"right": list(key)} | ({"tolerance": _bare(self.tolerance)} if self.tolerance else {})

    def shown(self, order: Sequence[str], targets: Sequence[str] = ()) -> dict[str, Any]:
        shown: dict[str, Any] = {"options": [], "decimals": self.decimals}
        if self.unit is not None:
            shown["unit"] = self.unit
        if self.min is not None:
            shown["min"] = _bare(self.min)
        if self.max is not None:
            shown["max"] = _bare(self.max)
        return shown

    def words(self, value: Any) -> Text:
        unit = self.unit or Text({})
        return Text({word: f"{value} {unit.in_language(word)}".strip() for word in self.text})


def _bare(number: Decimal) -> int | float:
    """The JSON number of a decimal: an integer wherever it is whole."""
    return int(number) if number == number.to_integral_value() else float(number)


def _bins(numbers: Sequence[Decimal]) -> list[dict[str, Any]]:
    seen = Counter(numbers)
    if len(seen) <= 10:
        return [{"from": _bare(number), "to": _bare(number), "count": n} for number, n in sorted(seen.items())]
    low, width = numbers[0], (numbers[-1] - numbers[0]) / 10
    counts = Counter(min(9, int((number - low) / width)) for number in numbers)
    return [
        {"from": _bare(low + width * place), "to": _bare(low + width * (place + 1)), "count": counts[place]}
        for place in range(10)
    ]


class Typed(Question):
    """A short text of one's own. accepted: right texts per language, all of them right for everybody. Value: text."""

    graded: ClassVar[bool] = True
    #: Signs of one typed answer.
    longest: ClassVar[int] = 150

    kind: Literal["typed"] = "typed"
    accepted: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("accepted", mode="before")
    @classmethod
    def _by_language(cls, accepted: Any) -> Any:
        """A bare list is taken as texts without a language."""
        if isinstance(accepted, (list, tuple)):
            return {"": accepted}
        if isinstance(accepted, dict):
            return {word: [text] if isinstance(text, str) else text for word, text in accepted.items()}
        return accepted

    @field_validator("accepted")
    @classmethod
    def _something(cls, accepted: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for texts in accepted.values():
            for text in texts:
                if not count.plain(text) or count.seen_length(text) > cls.longest:
                    raise ValueError(f"an accepted text has 1 to {cls.longest} signs")
        return accepted

    def check(self, value: Any) -> str | None:
        if type(value) is not str:
            return "wrong_shape"
        if len(value) > 4 * self.longest or count.seen_length(clean(value)) > self.longest:
            return "too_long"
        return None if count.plain(clean(value)) else "empty"

    def keep(self, value: Any) -> str:
        return " ".join(clean(value).split())

    def _counts(self, given: Sequence[Any]) -> dict[str, Any]:
        """texts: [{"text","count"}] by falling count; equal after comparing counts as one, shown as most wrote it."""
        spellings: dict[str, Counter[str]] = {}
        for value in given:
            spellings.setdefault(count.plain(value), Counter())[value] += 1
        rows = [
            {"text": min(seen, key=lambda text: (-seen[text], text)), "count": sum(seen.values())}
            for seen in spellings.values()
        ]
        return {"texts": sorted(rows, key=lambda row: (-int(str(row["count"])), str(row["text"])))}

    def gap_measure(self) -> Literal["share", "mean10"] | None:
        return None

    def key(self) -> Key:
        return tuple(text for texts in self.accepted.values() for text in texts)

    def share(self, value: Any, key: Key) -> Fraction:
        compared = count.plain(value)
        return Fraction(any(compared == count.plain(text) for text in key))

    def read_key(self, right: Any) -> Key | None:
        if type(right) is not list or not right or len(right) > 50:
            return None
        return None if any(self.check(text) for text in right) else tuple(self.keep(text) for text in right)

    def show_key(self, key: Key) -> dict[str, Any]:
        return {"right": list(key)}

    def words(self, value: Any) -> Text:
        return Text(dict.fromkeys(self.text, value))


class Order(_WithOptions):
    """Putting 3 to 8 things in the right order. right: the ids in order; without it the options' own. Value: ids."""

    graded: ClassVar[bool] = True
    always_shuffled: ClassVar[bool] = True

    kind: Literal["order"] = "order"
    options: tuple[Option, ...] = Field(min_length=3, max_length=8)
    right: tuple[str, ...] = ()
    partial: bool = False

    @model_validator(mode="after")
    def _whole_order(self) -> Order:
        if self.right and sorted(self.right) != sorted(self._ids):
            raise ValueError("right: name every option once")
        return self

    def check(self, value: Any) -> str | None:
        return self._list_trouble(value, len(self.options), len(self.options))

    def keep(self, value: Any) -> list[str]:
        return list(value)

    def _counts(self, given: Sequence[Any]) -> dict[str, Any]:
        """options: count = how many put it first, places = how many at each place. common: the most frequent order."""
        places = {id: [0] * len(self._ids) for id in self._ids}
        for value in given:
            for place, id in enumerate(value):
                places[id][place] += 1
        options: dict[str, dict[str, Any]] = {id: {"count": places[id][0], "places": places[id]} for id in self._ids}
        if not given:
            return {"options": options}
        orders = Counter(tuple(value) for value in given)
        common = min(orders, key=lambda order: (-orders[order], order))
        return {"options": options, "common": list(common), "common_count": orders[common]}

    def gap_measure(self) -> Literal["share", "mean10"] | None:
        return None

    def key(self) -> Key:
        return self.right or self._ids

    def share(self, value: Any, key: Key) -> Fraction:
        """Exact: 1 or 0. Partial: pairs in the right order less pairs in the wrong one, over all pairs, not below 0."""
        if not self.partial:
            return Fraction(tuple(value) == key)
        place = {id: number for number, id in enumerate(key)}
        ranks = [place[id] for id in value]
        pairs = len(ranks) * (len(ranks) - 1) // 2
        concordant = sum(1 for i, a in enumerate(ranks) for b in ranks[i + 1 :] if a < b)
        return max(Fraction(0), Fraction(2 * concordant - pairs, pairs))

    def read_key(self, right: Any) -> Key | None:
        return None if self.check(right) else tuple(right)

    def show_key(self, key: Key) -> dict[str, Any]:
        return {"right": list(key)}

    def words(self, value: Any) -> Text:
        return self._joined(list(value), " > ")


class Pair(Message):
    """One thing to match. target: the id it belongs to."""

    id: Id
    text: Text
    target: Id


class Match(Question):
    """Matching 2 to 12 things with 2 to 12 targets (pairs, or categories). Value: {thing's id: target's id}, complete.

    Pairs may also be written {"id","left","right"}, both texts; the targets then get ids that tell nothing.
    """

    graded: ClassVar[bool] = True
    always_shuffled: ClassVar[bool] = True

    kind: Literal["match"] = "match"
    pairs: tuple[Pair, ...] = Field(min_length=2, max_length=12)
    targets: tuple[Option, ...] = Field(min_length=2, max_length=12)

    @model_validator(mode="before")
    @classmethod
    def _from_two_columns(cls, setup: Any) -> Any:
        if not isinstance(setup, dict) or "targets" in setup or not isinstance(setup.get("pairs"), (list, tuple)):
            return setup
        pairs, targets = [], {}
        for pair in setup["pairs"]:
            if not isinstance(pair, dict) or not {"left", "right"} <= set(pair):
                return setup
            right = pair["right"]
            said = sorted(right.items()) if isinstance(right, dict) else right
            target = f"t{sha256(repr(said).encode()).hexdigest()[:8]}"
            targets[target] = right
            pairs.append(
                {name: pair[name] for name in pair if name not in ("left", "right")}
                | {"text": pair["left"], "target": target}
            )
        return setup | {"pairs": pairs, "targets": [{"id": id, "text": text} for id, text in targets.items()]}

    @model_validator(mode="after")
    def _targets_exist(self) -> Match:
        _distinct([pair.id for pair in self.pairs], "pairs")
        _distinct([target.id for target in self.targets], "targets")
        if any(pair.target not in self._targets for pair in self.pairs):
            raise ValueError("a pair names a target that is not there")
        for pair in self.pairs:
            text_within(pair.text, 150, "text")
        return self

    @cached_property
    def _things(self) -> dict[str, Text]:
        return {pair.id: pair.text for pair in self.pairs}

    @cached_property
    def _targets(self) -> dict[str, Text]:
        return {target.id: target.text for target in self.targets}

    def check(self, value: Any) -> str | None:
        if type(value) is not dict:
            return "wrong_shape"
        for thing, target in value.items():
            if type(target) is not str:
                return "wrong_shape"
            if thing not in self._things or target not in self._targets:
                return "unknown_option"
        if len(value) < len(self.pairs):
            return "too_few" if value else "empty"
        return None

    def keep(self, value: Any) -> dict[str, str]:
        return {thing: value[thing] for thing in self._things}

    def _counts(self, given: Sequence[Any]) -> dict[str, Any]:
        """links: {thing: {target: how many}}."""
        links = {thing: dict.fromkeys(self._targets, 0) for thing in self._things}
        for value in given:
            for thing, target in value.items():
                links[thing][target] += 1
        return {"links": links}

    def gap_measure(self) -> Literal["share", "mean10"] | None:
        return None

    def key(self) -> Key:
        return tuple((pair.id, pair.target) for pair in self.pairs)

    def share(self, value: Any, key: Key) -> Fraction:
        return Fraction(sum(1 for thing, target in key if value.get(thing) == target), len(key))

    def read_key(self, right: Any) -> Key | None:
        """right: a list of [thing, target], one for every thing."""
        if type(right) is not list or not all(type(link) is list and len(link) == 2 for link in right):
            return None
        if not all(type(part) is str for link in right for part in link) or len(right) != len(self.pairs):
            return None
        links = dict(right)
        return None if self.check(links) else tuple(self.keep(links).items())

    def show_key(self, key: Key) -> dict[str, Any]:
        return {"right": dict(key)}

    def to_order(self) -> list[str]:
        return list(self._things)

    def to_order_targets(self) -> list[str]:
        return list(self._targets)

    def shown(self, order: Sequence[str], targets: Sequence[str] = ()) -> dict[str, Any]:
        return {
            "options": [],
            "pairs": _lettered(self._things, order or list(self._things)),
            "targets": [{"id": id, "text": self._targets[id]} for id in targets or self._targets],
        }

    def choices(self) -> dict[str, Text]:
        return {**self._targets, **self._things}

    def words(self, value: Any) -> Text:
        texts = [*self._things.values(), *self._targets.values()]
        languages = list(dict.fromkeys([*self.text, *(word for text in texts for word in text)]))
        return Text(
            {
                word: "; ".join(
                    f"{self._things[thing].in_language(word)} = {self._targets[target].in_language(word)}"
                    for thing, target in value.items()
                )
                for word in languages
            }
        )


PollQuestion = Annotated[Choice | YesNo | Scale | Ranking | Points, Field(discriminator="kind")]
QuizQuestion = Annotated[Choice | YesNo | Number | Typed | Order | Match, Field(discriminator="kind")]


def kinds_of(union: Any) -> dict[str, type[Question]]:
    """The kinds of `PollQuestion` or `QuizQuestion` by the name that a setup uses."""
    inner = get_args(get_args(union)[0])
    return {kind.model_fields["kind"].default: kind for kind in inner}


def questions_by_id(questions: Sequence[Question]) -> dict[str, Question]:
    """The questions by id in their order; raises ValueError when two have the same id."""
    _distinct([question.id for question in questions], "questions")
    return {question.id: question for question in questions}
