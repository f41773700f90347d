"""Lists that people keep in a spreadsheet, read line by line: heads by their names, cells by what they mean.

Nothing is guessed in silence: a cell that cannot be read is told with its line, its column and what to do, and a line
with such a cell counts as a whole as not read. Here stands what every list of people shares; what a list is for says
the activity that reads it.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
Cell = str | float | int | bool | datetime.date | None

#: Signs in an id, and in any other text that is read.
LONGEST_ID, LONGEST_TEXT = 64, 200
#: Lines at the top among which the head is looked for: lists often begin with a title.
HEAD_WITHIN = 10
#: A round beyond this is a slip of the pen, whatever the activity allows.
LAST_ROUND = 99

#: What the head of a column is called in a list of people, tidied, and the field that it stands for.
PEOPLE: dict[str, str] = {
    "id": "id", "persona": "id", "person": "id", "partecipante": "id", "participant": "id", "codice": "id", "code": "id",
    "nome": "name", "name": "name", "nome e cognome": "name", "cognome e nome": "name", "nominativo": "name",
    "full name": "name", "cognome": "surname", "surname": "surname", "last name": "surname",
    "gruppo": "group", "group": "group", "categoria": "group", "category": "group",
    "organizzazione": "organisation", "organisation": "organisation", "organization": "organisation",
    "ente": "organisation", "città": "organisation", "city": "organisation",
    "rounds": "rounds", "round": "rounds", "giri": "rounds", "giro": "rounds", "presente nei giri": "rounds",
    "turni": "rounds", "turno": "rounds", "presenza": "rounds",
    "presente nei turni": "rounds", "present in rounds": "rounds",
}  # fmt: skip

#: Columns that lists of people often have and that no plan needs; a letter less would make them a stall.
PASSED_OVER = frozenset(
    ("n", "n.", "nr", "no", "#", "email", "e-mail", "mail", "posta", "telefono", "tel", "phone", "cellulare", "note",
     "notes", "commenti", "comments", "ruolo", "role", "data", "date", "ora", "time", "timestamp",
     "informazioni cronologiche", "firma", "signature")
)  # fmt: skip

WORDS: dict[str, tuple[str, str]] = {
    "no_id": (
        "La riga non dice di chi si tratta: scrivere un codice o un nome.",
        "The line does not say whom it is about: write an id or a name.",
    ),
    "long_id": (
        "«{value}» è troppo lungo per un codice: al massimo {most} segni.",
        "“{value}” is too long for an id: {most} signs at most.",
    ),
    "long_text": (
        "«{value}» è troppo lungo: al massimo {most} segni.",
        "“{value}” is too long: {most} signs at most.",
    ),
    "strange": (
        "«{value}» contiene segni che non si possono leggere: riscrivere la cella.",
        "“{value}” holds signs that cannot be read: write the cell anew.",
    ),
    "twice": (
        "«{value}» è già alla riga {row}: dare a ognuno un codice diverso, o togliere una delle due righe.",
        "“{value}” is in line {row} already: give each an id of its own, or remove one of the two lines.",
    ),
    "rounds": (
        "«{value}» non è un elenco di giri: scrivere per esempio 1;3 oppure 1-3 come testo.",
        "“{value}” is no list of rounds: write, for example, 1;3 or 1-3 as text.",
    ),
    "rounds_made_other": (
        "Il foglio ha fatto di questa cella una data o un numero con la virgola: darle il formato testo e riscrivere"
        " i giri, per esempio 1;3.",
        "The spreadsheet made a date or a decimal number of this cell: give it the format text and write the rounds"
        " again, such as 1;3.",
    ),
    "no_round": (
        "Il giro {round} non c’è: i giri sono {rounds}.",
        "There is no round {round}: there are {rounds} rounds.",
    ),
    "whole": (
        "«{value}» non va bene: scrivere un numero intero da {least} in su.",
        "“{value}” will not do: write a whole number from {least} up.",
    ),
    "unknown": (
        "«{value}» non è in nessuna lista: correggere il nome, o aggiungere la riga che manca.",
        "“{value}” is in no list: correct the name, or add the line that is missing.",
    ),
    "ambiguous": (
        "«{value}» sono in due o più: scrivere il codice al posto del nome.",
        "There are two or more “{value}”: write the id in place of the name.",
    ),
    "not_read": (
        "La colonna «{column}» non viene letta.",
        "The column “{column}” is not read.",
    ),
    "page_not_read": (
        "Il foglio «{page}» non viene letto.",
        "The sheet “{page}” is not read.",
    ),
    "column_twice": (
        "La colonna «{column}» c’è due volte: toglierne una.",
        "The column “{column}” is there twice: remove one.",
    ),
    "no_people": (
        "Nel file non c’è una lista di persone: la prima riga deve avere una colonna «persona» o «id».",
        "The file holds no list of people: its first line needs a column “person” or “id”.",
    ),
    "nobody": (
        "Nella lista non c’è nessuna persona.",
        "The list holds no people.",
    ),
    "bad_field": (
        "--columns: «{field}» non è un campo; i campi sono: {fields}.",
        "--columns: “{field}” is no field; the fields are: {fields}.",
    ),
    "no_column": (
        "--columns: nel file non c’è nessuna colonna «{column}».",
        "--columns: the file has no column “{column}”.",
    ),
    "no_rounds": (
        "Il file non dice quanti giri ci sono: aggiungere --rounds, per esempio --rounds 3.",
        "The file does not say how many rounds there are: add --rounds, such as --rounds 3.",
    ),
}


def say(words: Mapping[str, tuple[str, str]], key: str, language: str, **values: Any) -> str:
    """A sentence of a table of (Italian, English); a value that a person wrote is shortened and made harmless."""
    shown = {name: brief(value) if isinstance(value, str) else value for name, value in values.items()}
    return words[key][0 if language == "it" else 1].format(**shown)


def brief(text: str, most: int = 60) -> str:
    """A text as it may be told on a terminal: on one line, without signs that steer it, cut where it is long."""
    plain = "".join(sign if sign.isprintable() else " " for sign in text[: most * 4])
    plain = " ".join(plain.split())
    return plain if len(plain) <= most else plain[: most - 1] + "…"


@dataclass(frozen=True, slots=True)
class Page:
    """A sheet, or a text file. rows: from line 1 on without gaps, so that rows[7] is what a person calls line 8."""

    name: str
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a line is not read. row: from 1; 0 where it is about the file. code: as in the JSON form of the same input."""

    code: str
    text: str
    page: str = ""
    row: int = 0
    column: str = ""

    def as_dict(self) -> dict[str, Any]:
        """{"sheet"?, "row"?, "column"?, "code", "text"}."""
        where = {"sheet": self.page, "row": self.row, "column": self.column}
        return {name: one for name, one in where.items() if one} | {"code": self.code, "text": self.text}


class BadCell(Exception):
    """A cell that cannot be read: the key of its sentence, the values in it, and the code told to programs."""

    def __init__(self, key: str, code: str = "malformed", **values: Any) -> None:
        super().__init__(key)
        self.key, self.code, self.values = key, code, values


def tidy(text: str) -> str:
    """How two names are compared: without case, underscores, doubled blanks and the signs around them."""
    plain = unicodedata.normalize("NFC", text).replace("_", " ")
    return " ".join(plain.split()).casefold().strip(" :*")


_INVISIBLE = frozenset(("\u200c", "\u200d"))


def words_of(cell: Cell, most: int = LONGEST_TEXT, key: str = "long_text") -> str:
    """The text of a cell, on one line. A whole number has no point; an apostrophe against formulas is taken off."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    # Our own CSV puts an apostrophe before what looks like a formula; it is no part of the text.
    text = re.sub(r"^'(?=[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])", "", str(cell))
    text = " ".join(unicodedata.normalize("NFC", text).split())
    # Marks that turn the direction of writing or cannot be seen would make two ids that look the same.
    text = "".join(s for s in text if s in _INVISIBLE or unicodedata.category(s) != "Cf").strip()
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn") for sign in text):
        raise BadCell("strange", value=text)
    if len(text) > most:
        raise BadCell(key, value=text, most=most)
    return text


def id_of(cell: Cell) -> str:
    """As `words_of`, no longer than an id may be."""
    return words_of(cell, LONGEST_ID, "long_id")


def parts_of(text: str) -> list[str]:
    """The names in one cell, between semicolons or bars; between commas where there is neither."""
    sign = r"[;|]" if re.search(r"[;|]", text) else ","
    return [part for part in (one.strip() for one in re.split(sign, text)) if part]


def whole_of(cell: Cell, least: int) -> int | None:
    """A whole number from `least` up; None for an empty cell."""
    words = words_of(cell)
    if not words:
        return None
    if isinstance(cell, bool) or not re.fullmatch(r"[0-9]{1,9}", words) or int(words) < least:
        raise BadCell("whole", value=words, least=least)
    return int(words)


_ALL = frozenset(("tutti", "tutte", "all", "sempre", "always", "sì", "si", "yes"))
_NONE = frozenset(("nessuno", "none", "never", "mai", "assente", "absent", "no", "-"))


def rounds_of(cell: Cell) -> list[int] | None:
    """Rounds such as 1;3 or 1-3 in one cell; None for an empty cell or "all", an empty list for "none"."""
    if isinstance(cell, datetime.date) or (isinstance(cell, float) and not cell.is_integer()):
        raise BadCell("rounds_made_other")
    words = words_of(cell)
    plain = tidy(words)
    if not plain or plain in _ALL:
        return None
    if plain in _NONE:
        return []
    found: set[int] = set()
    for part in re.split(r"[;,|+&\s]+", re.sub(r"\s*[-–—]\s*", "-", words)):
        if not part:
            continue
        match = re.fullmatch(r"([0-9]{1,2})(?:-([0-9]{1,2}))?", part)
        if isinstance(cell, bool) or match is None:
            raise BadCell("rounds", value=words)
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= LAST_ROUND:
            raise BadCell("rounds", value=words)
        found |= {*range(first, last + 1)}
    return sorted(found)


# Heads


@dataclass(frozen=True, slots=True)
class Head:
    """row: the line of the head, from 1. fields: place of the column of each field. others: (place, name) of the rest."""

    row: int
    fields: Mapping[str, int]
    others: tuple[tuple[int, str], ...]
    twice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person said about columns. fields: {tidied head: field, or "-" for one that is passed over}."""

    fields: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, columns: Mapping[str, str]) -> Asked:
        return cls({tidy(head): name.strip() for head, name in columns.items()})


def head_of(
    page: Page, names: Mapping[str, str], asked: Asked, needed: Callable[[Mapping[str, int]], bool]
) -> Head | None:
    """The first of the top lines in which the needed fields have a column; None where no line is a head."""
    for number, row in enumerate(page.rows[:HEAD_WITHIN], start=1):
        found: dict[str, int] = {}
        others: list[tuple[int, str]] = []
        twice: list[str] = []
        for place, cell in enumerate(row):
            try:
                name = words_of(cell)
            except BadCell:
                name = brief(str(cell))
            if not name:
                continue
            said = asked.fields.get(tidy(name))
            meant = names.get(tidy(name)) if said is None else said if said in names.values() else None
            if said == "-":
                continue
            if meant is None:
                others.append((place, name))
            elif meant in found:
                twice.append(name)
            else:
                found[meant] = place
        if needed(found):
            return Head(number, found, tuple(others), tuple(twice))
    return None


def lines_of(page: Page, head: Head) -> Iterator[tuple[int, Sequence[Cell]]]:
    """(line number, cells) of every line below the head that is not empty."""
    for number, row in enumerate(page.rows[head.row :], start=head.row + 1):
        if any(cell is not None and not (isinstance(cell, str) and not cell.strip()) for cell in row):
            yield number, row


class Reader:
    """Reads cells of one page and keeps what is wrong with them."""

    def __init__(
        self,
        page: Page,
        head: Head,
        language: str,
        troubles: list[Trouble],
        words: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self.page, self.head, self.language, self.troubles = page, head, language, troubles
        self.words = WORDS | dict(words or {})

    def cell(self, row: Sequence[Cell], name: str) -> Cell:
        place = self.head.fields.get(name)
        return row[place] if place is not None and place < len(row) else None

    def column(self, name: str) -> str:
        """What the head of a field's column says."""
        place = self.head.fields.get(name)
        return "" if place is None else brief(str(self.page.rows[self.head.row - 1][place]))

    def read(self, number: int, name: str, read: Callable[..., T], otherwise: T, *given: Any) -> T:
        """What `read` makes of what is given; `otherwise`, with the trouble kept, where it cannot be read."""
        try:
            return read(*given)
        except BadCell as bad:
            self.bad(number, self.column(name) or name, bad.key, bad.code, **bad.values)
            return otherwise

    def text(self, number: int, row: Sequence[Cell], name: str, most: int = LONGEST_TEXT) -> str:
        """The text of a field; "" where it is empty, or cannot be read."""
        return self.read(number, name, words_of, "", self.cell(row, name), most)

    def bad(self, number: int, column: str, key: str, code: str = "malformed", /, **values: Any) -> None:
        text = say(self.words, key, self.language, **values)
        self.troubles.append(Trouble(code, text, self.page.name, number, brief(column)))


# Who or what a name means


class Register:
    """Ids and names of the lines of a list; finds the one that a cell elsewhere means."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self._ids: dict[str, str] = {}
        self._names: dict[str, list[str]] = {}

    def add(self, id: str, name: str, row: int) -> bool:
        """True; raises BadCell where the id is there already."""
        if tidy(id) in self._ids:
            raise BadCell("twice", "duplicate_id", value=id, row=self.rows[self._ids[tidy(id)]])
        self.rows[id] = row
        self._ids[tidy(id)] = id
        if name and tidy(name) != tidy(id):
            self._names.setdefault(tidy(name), []).append(id)
        return True

    def find(self, text: str) -> str | None:
        """The id that a text means, by id first and by name then; None where it means nothing. Raises BadCell."""
        plain = tidy(text)
        if plain in self._ids:
            return self._ids[plain]
        named = self._names.get(plain, [])
        if len(named) > 1:
            raise BadCell("ambiguous", value=text)
        return named[0] if named else None

    def meant(self, text: str) -> str:
        """As `find`; raises BadCell where the text means nothing."""
        found = self.find(text)
        if found is None:
            raise BadCell("unknown", "unknown_id", value=text)
        return found

    def several(self, text: str) -> list[str]:
        """The ids of one cell, which may be a single name with commas in it, each once."""
        if not text:
            return []
        whole = self.find(text)
        return [whole] if whole is not None else list(dict.fromkeys(self.meant(part) for part in parts_of(text)))

    def __len__(self) -> int:
        return len(self.rows)


class Spellings:
    """One spelling for each name of a group or an organisation: the first, whatever case and blanks come later."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def of(self, text: str) -> str | None:
        return self._found.setdefault(tidy(text), text) if text else None

    def known(self, text: str) -> bool:
        return tidy(text) in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found.values())


@dataclass(frozen=True, slots=True)
class Someone:
    """A line of a list of people. name: "" where the list gives none beside the id. rounds: None for all of them."""

    id: str
    name: str
    group: str | None
    organisation: str | None
    rounds: list[int] | None
    row: int

    def as_dict(self) -> dict[str, Any]:
        """The fields that are set, without the name: a plan needs ids only."""
        found: dict[str, Any] = {"id": self.id}
        for name in ("group", "organisation", "rounds"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        return found


def has_people(fields: Mapping[str, int]) -> bool:
    return "id" in fields or "name" in fields or "surname" in fields


def someone(
    reader: Reader, number: int, row: Sequence[Cell], people: Register, groups: Spellings, organisations: Spellings
) -> Someone | None:
    """A person of a line; None where the line says of nobody, with the trouble kept."""
    name = " ".join(one for one in (reader.text(number, row, "name"), reader.text(number, row, "surname")) if one)
    given: str | None
    if "id" in reader.head.fields:
        given = reader.read(number, "id", id_of, None, reader.cell(row, "id"))
    else:
        given = reader.read(number, "name", id_of, None, name)
    if given is None:
        return None
    if not given:
        reader.bad(number, reader.column("id") or reader.column("name"), "no_id")
        return None
    if not reader.read(number, "id", people.add, False, given, name, number):
        return None
    return Someone(
        given,
        name,
        groups.of(reader.text(number, row, "group")),
        organisations.of(reader.text(number, row, "organisation")),
        reader.read(number, "rounds", rounds_of, None, reader.cell(row, "rounds")),
        number,
    )


def last_round(given: int | None, told: Iterable[int]) -> int | None:
    """How many rounds there are: as said, else the last one that a line names."""
    return given if given is not None else max(told, default=None)
