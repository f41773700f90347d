"""A list of people from a spreadsheet, made into the input of a seating (MATCHING 8); tables in a sheet of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.lists import (
    PASSED_OVER,
    PEOPLE,
    Asked,
    Head,
    Page,
    Reader,
    Register,
    Someone,
    Spellings,
    Trouble,
    has_people,
    head_of,
    id_of,
    last_round,
    lines_of,
    parts_of,
    say,
    someone,
    tidy,
    whole_of,
)
from ..contract.lists import WORDS as _SHARED

FORMAT = "officina.tables/1"
#: Signs in a cell that names several people.
LONGEST_CELL = 4_000

_PERSON = PEOPLE | {
    "apart": "apart", "lontano da": "apart", "non con": "apart", "not with": "apart", "separare da": "apart",
}  # fmt: skip
_TABLE = {
    "id": "id", "table": "id", "tavolo": "id", "number": "id", "numero": "id",
    "seats": "seats", "posti": "seats", "capacity": "seats", "capienza": "seats",
}  # fmt: skip
_TABLE_PAGES = frozenset(("tables", "table", "tavoli", "tavolo"))
#: Every field that a column may be said to stand for.
FIELDS = tuple(dict.fromkeys([*_PERSON.values(), *_TABLE.values()]))

WORDS: dict[str, tuple[str, str]] = dict(_SHARED) | {
    "no_tables": (
        "Il file non dice quanti tavoli ci sono: aggiungere --tables, per esempio --tables 6.",
        "The file does not say how many tables there are: add --tables, such as --tables 6.",
    ),
    "no_table": (
        "La riga non dice quale tavolo: scrivere un numero o un nome.",
        "The line does not say which table: write a number or a name.",
    ),
    "apart": (
        '--apart vuole due persone, con la virgola in mezzo: --apart "p1,p9". «{value}» non va bene.',
        '--apart takes two people with a comma between: --apart "p1,p9". “{value}” will not do.',
    ),
    "alone": (
        "«{value}» non può stare lontano da se stesso.",
        "“{value}” cannot be kept apart from the same person.",
    ),
    "tables_twice": (
        "Il file ha già una lista di tavoli: vale --tables.",
        "The file has a list of tables already: --tables counts.",
    ),
}


@dataclass(frozen=True, slots=True)
class Lists:
    """What was read. data: the input of a seating; None where none can be made. names: of people by id.

    troubles: lines that are not read, in their order; notes: sentences on what was understood or passed over.
    """

    data: dict[str, Any] | None
    names: Mapping[str, str]
    troubles: tuple[Trouble, ...]
    notes: tuple[str, ...]


def read(
    pages: Sequence[Page],
    *,
    tables: int | None = None,
    rounds: int | None = None,
    apart: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    language: str = "it",
) -> Lists:
    """The input in the pages of a file.

    tables, rounds: as said beside the file; one round where nobody says. apart: "p1,p9" each. columns: {head: field or
    "-"}. Raises nothing: what is wrong is in `troubles`, and `data` is then what is left without those lines.
    """
    asked = Asked.of(columns or {})
    troubles: list[Trouble] = []
    notes: list[str] = []

    def trouble(key: str, code: str = "malformed", /, **values: Any) -> None:
        troubles.append(Trouble(code, say(WORDS, key, language, **values)))

    people_page: tuple[Page, Head] | None = None
    table_page: tuple[Page, Head] | None = None
    for page in pages:
        needed = {"id"} if tidy(page.name) in _TABLE_PAGES else {"id", "seats"}
        stands = head_of(page, _TABLE, asked, needed.issubset)
        head = head_of(page, _PERSON, asked, has_people)
        if stands is not None and table_page is None:
            table_page = page, stands
        elif stands is None and head is not None and people_page is None:
            people_page = page, head
        elif page.rows:
            notes.append(say(WORDS, "page_not_read", language, page=page.name))
    heads = {tidy(str(cell)) for page in pages for row in page.rows[:10] for cell in row if cell is not None}
    for name, meant in asked.fields.items():
        if name not in heads:
            trouble("no_column", column=name)
        elif meant not in (*FIELDS, "-"):
            trouble("bad_field", field=meant, fields=", ".join(FIELDS))
    if people_page is None:
        trouble("no_people")
        return Lists(None, {}, tuple(troubles), tuple(notes))
    told_tables: int | list[dict[str, Any]] | None = tables
    if table_page is not None:
        found = _tables(Reader(*table_page, language, troubles, WORDS))
        if tables is None:
            told_tables = found or None
        else:
            notes.append(say(WORDS, "tables_twice", language))
    people, persons, wishes = _people(Reader(*people_page, language, troubles, WORDS), notes)
    for said in apart:
        both = [part.strip() for part in said.replace(";", ",").split(",") if part.strip()]
        known = [people.find(part) for part in both]
        if len(both) != 2:
            trouble("apart", value=said)
        elif known[0] is None or known[1] is None:
            trouble("unknown", "unknown_id", value=both[0] if known[0] is None else both[1])
        else:
            wishes.append((known[0], known[1]))
    bad = {(one.page, one.row) for one in troubles}
    here = [one for one in persons if (people_page[0].name, one.row) not in bad]
    last = last_round(rounds, [number for one in here for number in one.rounds or ()]) or 1
    for one in here:
        over = next((number for number in one.rounds or () if number > last), None)
        if over is not None:
            text = say(WORDS, "no_round", language, round=over, rounds=last)
            troubles.append(Trouble("malformed", text, people_page[0].name, one.row))
    here = [one for one in here if all(number <= last for number in one.rounds or ())]
    if not here:
        trouble("nobody")
    if told_tables is None:
        trouble("no_tables")
    names = {one.id: one.name for one in persons if one.name}
    data: dict[str, Any] | None = None
    if here and told_tables is not None:
        ids = {one.id for one in here}
        data = {"format": FORMAT, "rounds": last, "tables": told_tables, "people": [one.as_dict() for one in here]}
        pairs = sorted({(min(two), max(two)) for two in wishes if ids.issuperset(two)})
        if pairs:
            data["apart"] = [list(two) for two in pairs]
    return Lists(data, names, tuple(sorted(troubles, key=lambda one: (one.page, one.row))), tuple(dict.fromkeys(notes)))


def _tables(reader: Reader) -> list[dict[str, Any]]:
    known = Register()
    found: list[dict[str, Any]] = []
    for number, row in lines_of(reader.page, reader.head):
        before = len(reader.troubles)
        given: str | None = reader.read(number, "id", id_of, None, reader.cell(row, "id"))
        seats = reader.read(number, "seats", whole_of, None, reader.cell(row, "seats"), 1)
        if given == "":
            reader.bad(number, reader.column("id"), "no_table")
        if given:
            reader.read(number, "id", known.add, False, given, "", number)
        if given and len(reader.troubles) == before:
            found.append({"id": given} | ({} if seats is None else {"seats": seats}))
    return found


def _people(reader: Reader, notes: list[str]) -> tuple[Register, list[Someone], list[tuple[str, str]]]:
    """Who is listed, and the pairs that a column wants apart."""
    for name in reader.head.twice:
        reader.bad(reader.head.row, name, "column_twice", column=name)
    for _, name in reader.head.others:
        if tidy(name) not in PASSED_OVER:
            notes.append(say(WORDS, "not_read", reader.language, column=name))
    people, groups, organisations = Register(), Spellings(), Spellings()
    persons: list[Someone] = []
    wanted: list[tuple[Someone, int, str]] = []
    for number, row in lines_of(reader.page, reader.head):
        one = someone(reader, number, row, people, groups, organisations)
        if one is not None:
            persons.append(one)
            wanted.append((one, number, reader.text(number, row, "apart", LONGEST_CELL)))
    pairs: list[tuple[str, str]] = []
    for one, number, text in wanted:
        for part in parts_of(text):
            other: str | None = reader.read(number, "apart", people.meant, None, part)
            if other == one.id:
                reader.bad(number, reader.column("apart"), "alone", value=part)
            elif other is not None:
                pairs.append((one.id, other))
    return people, persons, pairs
