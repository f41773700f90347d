"""What a room has on paper before the first round: a slip for each person, a sheet for each stall, tents for the tables.

Wi-Fi and batteries fail, and a slip does not (MATCHING 4). Set as PDF/UA-1 like the reports, from the same fonts.
"""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from ..drawing import HOUSE_LANGUAGES, shipped
from . import pdf
from .document import readable

#: Beyond this a title is cut with "…": a slip has to be read while walking.
LONGEST_TITLE, LONGEST_NAME, LONGEST_ABOUT = 120, 80, 160

#: The signs that a table can have, drawn in a square of 24.
SYMBOLS: Mapping[str, str] = {
    "star": "M12.0 1.6 L14.6 9.0 L22.5 9.2 L16.2 14.0 L18.5 21.5 L12.0 17.0 L5.5 21.5 L7.8 14.0 L1.5 9.2 L9.4 9.0z",
    "heart": "M12 21.5C5 16 1.5 12.5 1.5 8.2A5.3 5.3 0 0 1 12 6a5.3 5.3 0 0 1 10.5 2.2C22.5 12.5 19 16 12 21.5z",
    "moon": "M15 2A10.3 10.3 0 1 0 22 15.5 8.5 8.5 0 0 1 15 2z",
    "drop": "M12 1.5c4 5.3 7 9 7 13a7 7 0 0 1-14 0c0-4 3-7.7 7-13z",
    "leaf": "M22 2C9 2 3.5 6.5 3.5 14.5c0 1.2.2 2.3.5 3.3L1.5 20.7l1.8 1.8 3-3c1 .3 2.100.5 3.2.5C17.5 20 22 14.5 22 2z"
    "M7 16l8-8 1 1-8 8z",
    "cloud": "M7 20a5 5 0 0 1-.7-9.900A6.5 6.5 0 0 1 18.900 9.600 5.250 5.250 0 0 1 18 20z",
    "bell": "M10.5 2h3v2.3a6.5 6.5 0 0 1 5 6.3V16l2 2.5h-17l2-2.5v-5.400a6.5 6.5 0 0 1 5-6.3z"
    "M9.5 20h5a2.5 2.5 0 0 1-5 0z",
    "sun": "M12 7a5 5 0 1 1 0 10 5 5 0 0 1 0-10zM11 1h2v4h-2zM11 19h2v4h-2zM1 11h4v2H1zM19 11h4v2h-4z"
    "M3.5 5L5 3.5l2.8 2.8-1.5 1.5zM16.2 17.7l1.5-1.5 2.8 2.8-1.5 1.5z"
    "M19 3.5L20.5 5l-2.8 2.8-1.5-1.5zM6.3 16.2l1.5 1.5L5 20.5 3.5 19z",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What a person does in one round. place: number of the stall or table. when: as read, "" where it is not known.

    kind: visit; host (presents there); free (nothing planned); away; blank (lines to write on).
    """

    round: int
    place: str = ""
    title: str = ""
    when: str = ""
    kind: Literal["visit", "host", "free", "away", "blank"] = "visit"


@dataclass(frozen=True, slots=True)
class Slip:
    """name: as the room knows the person; "" for a slip to fill in by hand. about: a line under it, such as the group."""

    name: str
    turns: tuple[Turn, ...]
    about: str = ""


@dataclass(frozen=True, slots=True)
class StallTurn:
    """One round at a stall. visitors, seats: None where not known. hosts: who presents, where names may be shown."""

    round: int
    visitors: int | None = None
    seats: int | None = None
    hosts: tuple[str, ...] = ()
    when: str = ""
    open: bool = True


@dataclass(frozen=True, slots=True)
class StallSheet:
    """address: what the QR leads to, none without it. question: "" for the usual one. text: a line or two on the practice."""

    number: str
    title: str
    turns: tuple[StallTurn, ...]
    organisation: str = ""
    address: str = ""
    question: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Tent:
    """symbol: one of SYMBOLS, or a sign that is set as it is. about: a line such as who hosts the table."""

    number: str
    symbol: str = ""
    name: str = ""
    about: str = ""


def slips(
    people: Sequence[Slip], language: str, *, event: str = "", places: Literal["stall", "table"] = "stall", at: int = 0
) -> bytes:
    """A PDF with one A6 slip for each person, four on an A4 with lines to cut along.

    language: it or en, of the house's own words. event: the session's title. places: what people are sent to. at: ms
    UTC, written as the time of making; the same input gives the same bytes. Raises ValueError for nobody.
    """
    words = _words(language)
    return _printed(
        "slips",
        language,
        event,
        at,
        {
            "slips": [
                {
                    "name": _parted(_cut(one.name, LONGEST_NAME)),
                    "about": _cut(one.about, LONGEST_ABOUT),
                    "turns": [
                        {
                            "head": _round(words, turn),
                            "place": words[places].format(n=_cut(turn.place, 20)) if turn.place else "",
                            "title": _cut(turn.title, LONGEST_TITLE),
                            "kind": turn.kind,
                        }
                        for turn in one.turns
                    ],
                }
                for one in people
            ]
        },
    )


def sheets(stalls: Sequence[StallSheet], language: str, *, event: str = "", at: int = 0) -> bytes:
    """A PDF with one A4 sheet for each stall; arguments as in `slips`. Raises ValueError without stalls."""
    words = _words(language)
    return _printed(
        "sheets",
        language,
        event,
        at,
        {
            "sheets": [
                {
                    "number": _cut(one.number, 6),
                    "title": _cut(one.title, 2 * LONGEST_TITLE) or words["stall"].format(n=_cut(one.number, 6)).strip(),
                    "organisation": _cut(one.organisation, LONGEST_ABOUT),
                    "address": one.address,
                    "svg": _qr(one.address) if one.address else "",
                    "alt": words["qr_alt"].format(address=one.address),
                    "question": _cut(one.question, 300) or words["question"],
                    "text": _cut(one.text, 400),
                    "timed": any(turn.when for turn in one.turns),
                    "hosted": any(turn.hosts for turn in one.turns),
                    "turns": [
                        {
                            "round": str(turn.round),
                            "when": turn.when,
                            "visitors": _number(turn.visitors),
                            "seats": _number(turn.seats) if turn.open else "",
                            "hosts": _cut(", ".join(turn.hosts), 200),
                            "open": turn.open,
                        }
                        for turn in one.turns
                    ],
                }
                for one in stalls
            ]
        },
    )


def tents(tables: Sequence[Tent], language: str, *, event: str = "", at: int = 0) -> bytes:
    """A PDF with one tent for each table, two on an A4 to cut and fold; arguments as in `slips`.

    Raises ValueError without tables.
    """
    words = _words(language)
    return _printed(
        "tents",
        language,
        event,
        at,
        {
            "kind-of-place": words["table"].format(n="").strip(),
            "tents": [
                {
                    "number": _cut(one.number, 24),
                    "name": _cut(one.name, LONGEST_NAME),
                    "about": _cut(one.about, LONGEST_ABOUT),
                    "svg": _symbol(one.symbol) if one.symbol in SYMBOLS else "",
                    "alt": words["symbol_alt"].format(symbol=words.get(f"symbol.{one.symbol}", one.symbol)),
                    "sign": "" if one.symbol in SYMBOLS else one.symbol[:8],
                }
                for one in tables
            ],
        },
    )


def of_plan(
    given: Mapping[str, Any], plan: Mapping[str, Any], names: Mapping[str, str], titles: Mapping[str, str]
) -> tuple[tuple[Slip, ...], tuple[StallSheet, ...]]:
    """Slips and sheets of a plan of `officina match`. given: its input. names, titles: of people and stalls, by id.

    People stand in the order of their names, stalls in that of the input, numbered from 1; rounds before the first
    planned one are left out.
    """
    rounds = range(given.get("from_round", 1), given["rounds"] + 1)
    number = {stall["id"]: str(nth) for nth, stall in enumerate(given["stalls"], start=1)}
    routes, duties = plan["assignment"], plan["hosting"]

    def turn(person: Mapping[str, Any], n: int) -> Turn:
        stall, host = (one.get(person["id"], ())[n - 1 : n] for one in (routes, duties))
        if stall and stall[0] is not None:
            return Turn(n, number[stall[0]], _unlike(titles.get(stall[0], stall[0]), number[stall[0]]))
        if host and host[0] is not None:
            return Turn(n, number[host[0]], _unlike(titles.get(host[0], host[0]), number[host[0]]), kind="host")
        return Turn(n, kind="free" if _in(person.get("rounds"), n) else "away")

    def sheet(stall: Mapping[str, Any]) -> StallSheet:
        id = stall["id"]
        turns = tuple(
            StallTurn(
                n,
                sum(route[n - 1] == id for route in routes.values()),
                stall["capacity"],
                tuple(sorted(names.get(person, person) for person, duty in duties.items() if duty[n - 1] == id)),
                open=_in(stall.get("open"), n),
            )
            for n in rounds
        )
        title = titles.get(id, id)
        return StallSheet(number[id], title, turns, _unlike(stall.get("organisation") or "", title))

    people = sorted(given["people"], key=lambda one: (names.get(one["id"], one["id"]).casefold(), one["id"]))
    made = tuple(
        Slip(names.get(one["id"], one["id"]), tuple(turn(one, n) for n in rounds), _about(one)) for one in people
    )
    return made, tuple(sheet(stall) for stall in given["stalls"])


def of_seating(
    given: Mapping[str, Any], plan: Mapping[str, Any], names: Mapping[str, str]
) -> tuple[tuple[Slip, ...], tuple[Tent, ...]]:
    """Slips and tents of a seating of `officina tables`; arguments as in `of_plan`."""
    counted = isinstance(given["tables"], int)
    tables = [f"t{n}" for n in range(1, given["tables"] + 1)] if counted else [one["id"] for one in given["tables"]]
    number = {id: id.removeprefix("t") if counted else id for id in tables}

    def turn(person: Mapping[str, Any], n: int) -> Turn:
        table = plan["assignment"].get(person["id"], ())[n - 1 : n]
        if table and table[0] is not None:
            return Turn(n, number[table[0]])
        return Turn(n, kind="free" if _in(person.get("rounds"), n) else "away")

    people = sorted(given["people"], key=lambda one: (names.get(one["id"], one["id"]).casefold(), one["id"]))
    rounds = range(1, given["rounds"] + 1)
    made = tuple(
        Slip(names.get(one["id"], one["id"]), tuple(turn(one, n) for n in rounds), _about(one)) for one in people
    )
    return made, tuple(Tent(number[id]) for id in tables)


def _in(rounds: Sequence[int] | None, n: int) -> bool:
    return rounds is None or n in rounds


def _about(person: Mapping[str, Any]) -> str:
    return " · ".join(one for one in (person.get("organisation"), person.get("group")) if one)


def _unlike(text: str, said: str) -> str:
    """Nothing where the text would only say again what is said."""
    return "" if text.casefold() == said.casefold() else text


def _round(words: Mapping[str, str], turn: Turn) -> str:
    return words["round_when" if turn.when else "round"].format(n=turn.round, when=_cut(turn.when, 40))


def _number(n: int | None) -> str:
    return "" if n is None else str(n)


def _cut(text: str, most: int) -> str:
    plain = " ".join(readable(text).split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"


def _parted(name: str) -> str:
    """A name that may go on in a new line after a hyphen or an apostrophe, rather than in the middle of a part."""
    return re.sub("(?<=[-’'/.@])(?=[^\\s])", pdf.BREAK, name)


def _symbol(name: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="#17324d" fill-rule="evenodd" d="{SYMBOLS[name]}"/></svg>'


@cache
def _qr(address: str) -> str:
    import segno

    room = io.BytesIO()
    segno.make(address, micro=False, error="m").save(
        room, kind="svg", border=4, xmldecl=False, svgclass=None, lineclass=None
    )
    return room.getvalue().decode()


@cache
def _words(language: str) -> Mapping[str, str]:
    """The words in this language, those of a symbol as "symbol.star"; Italian where the house does not speak it."""
    known = language if language in HOUSE_LANGUAGES else HOUSE_LANGUAGES[0]
    found = tomllib.loads((shipped("content") / "reports" / f"kit.{known}.toml").read_text("utf-8"))
    return {name: one for name, one in found.items() if isinstance(one, str)} | {
        f"symbol.{name}": one for name, one in found["symbol"].items()
    }


def _printed(what: str, language: str, event: str, at: int, content: Mapping[str, Any]) -> bytes:
    if not content[what]:
        raise ValueError(f"there are no {what} to print")
    words = _words(language)
    title = words[what] if not event else f"{_cut(event, LONGEST_TITLE)}: {words[what]}"
    whole = {
        "what": what,
        "title": title,
        "event": _cut(event, LONGEST_TITLE),
        "language": language if language in HOUSE_LANGUAGES else HOUSE_LANGUAGES[0],
        "said": words,
        **content,
    }
    return pdf.typeset("kit.typ", pdf.cleaned(whole), at)
