"""Practices from a sheet or a collection's JSON into a marketplace: first understood, then saved.

Before its stage opens they go into its setup, as questions do; while it is open the desk brings them in by its own ask.
A practice that is there already is left as it is, so that importing twice changes nothing.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import from_json

from ..activities.contract import Text
from ..activities.contract.messages import clean
from ..activities.contract.peers import Practice
from ..files.reading import MAX_BYTES, Unreadable, read_rows
from ..files.sheets import Cell, Sheet, Sheets
from ..live.envelope import Asking, Receipt, Refused
from ..moment import fresh
from ..sessions.answers import Failed

if TYPE_CHECKING:
    from ..activities import Activity
    from ..live.rooms import LiveRoom
    from ..sessions.plan import Plan, Stage

#: Rows of a sheet, stalls of a market.
MAX_ROWS, MAX_STALLS = 500, 100
#: Signs of all practices of a file together: every phone in the room is sent them.
MAX_SIGNS = 400_000
#: A title may stand above the header, but not a whole page.
HEADER_WITHIN_ROWS = 15
#: What people may write into these fields on a phone, so that what came from a file can be corrected there. Sources
#: of printed collections are longer.
LONGEST: Mapping[str, int] = {
    "title": 120, "place": 120, "organisation": 64, "instrument": 120, "years": 120, "problem": 2_000, "done": 2_000,
    "results": 2_000, "limits": 2_000, "improvements": 2_000, "offers": 60, "needs": 60, "conditions": 60, "source": 300,
}  # fmt: skip
MAX_IN_A_LIST, MAX_TABLE, MAX_CAPACITY = 20, 40, 2_000

TEXTS = ("title", "place", "organisation", "instrument", "problem", "done", "limits", "improvements", "source")
TAGS = ("offers", "needs", "conditions")
#: Everything that a column may be.
FIELDS = (
    "title", "organisation", "place", "instrument", "years", "problem", "done", "results", "limits", "improvements",
    *TAGS, "source", "contact_consent", "capacity", "table", "practice",
)  # fmt: skip

_HEADERS: dict[str, dict[str, str]] = {
    "it": {
        "titolo": "title", "nome": "title", "nome della pratica": "title", "titolo della pratica": "title",
        "luogo": "place", "città": "place", "dove": "place", "territorio": "place",
        "organizzazione": "organisation", "ente": "organisation", "chi": "organisation",
        "strumento": "instrument", "anni": "years", "anno": "years", "periodo": "years",
        "problema": "problem", "bisogno di partenza": "problem",
        "cosa è stato fatto": "done", "che cosa è stato fatto": "done", "cosa è stato": "done", "fatto": "done",
        "attività": "done", "descrizione": "done",
        "risultati": "results", "risultato": "results", "limiti": "limits", "limite": "limits",
        "miglioramenti": "improvements", "che cosa migliorare": "improvements", "cosa migliorare": "improvements",
        "offre": "offers", "offerte": "offers", "offerta": "offers",
        "cerca": "needs", "cerche": "needs", "bisogni": "needs", "ha bisogno di": "needs",
        "condizioni": "conditions", "fonte": "source", "fonti": "source",
        "consenso al contatto": "contact_consent", "contattabile": "contact_consent",
        "posti": "capacity", "capienza": "capacity", "tavolo": "table", "banco": "table",
        "codice": "practice", "id": "practice", "pratica": "practice",
    },
    "en": {
        "title": "title", "name": "title", "place": "place", "city": "place", "where": "place",
        "organisation": "organisation", "organization": "organisation", "body": "organisation", "who": "organisation",
        "instrument": "instrument", "years": "years", "year": "years", "period": "years", "problem": "problem",
        "done": "done", "what was done": "done", "description": "done",
        "results": "results", "result": "results", "limits": "limits", "limit": "limits",
        "improvements": "improvements", "what to improve": "improvements",
        "offers": "offers", "offer": "offers", "needs": "needs", "looks for": "needs", "seeks": "needs",
        "conditions": "conditions", "source": "source", "sources": "source",
        "contact consent": "contact_consent", "capacity": "capacity", "seats": "capacity", "table": "table",
        "code": "practice", "id": "practice",
    },
}  # fmt: skip
_LANGUAGE = re.compile(r"(.*?)\s*(?:/|\(|\[|_)\s*([a-z]{2,3})\s*[)\]]?")
#: An apostrophe that a CSV of ours puts before what looks like a formula is no part of the text.
_OUR_APOSTROPHE = re.compile(r"^'(?=[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])")
#: A formula that a CSV carries as text; a hyphen or a plus alone begins honest lines.
_FORMULA = re.compile(r"[=\uff1d]|[+\-@\uff0b\uff0d\uff20][^\n]*\w\|[^\n]*!|@\w+\(")
_CELL_ERROR = re.compile(r"#(REF!|N/A|N/D|VALUE!|VALORE!|NAME\?|NOME\?|DIV/0!|NUM!|NULL!|SPILL!)", re.IGNORECASE)
_DASH = re.compile(r"\s*[—|]\s*|\s+–\s+|\s+--\s+|(?<=\D)\s+-\s+|\s+-\s+(?=\D)")
_PRACTICE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_WORDS: dict[str, tuple[str, str]] = {
    "unknown_stage": ("Questa tappa non c’è nel programma.", "There is no such stage in the plan."),
    "session_over": ("La sessione è finita.", "The session is over."),
    "not_open": (
        "Questa tappa è stata aperta e poi chiusa. Per aggiungere pratiche occorre riaprirla.",
        "This stage was opened and closed again. To add practices, open it again.",
    ),
    "unknown_language": (
        "La lingua del file deve essere una della sessione: {languages}.",
        "The language of the file must be one of the session’s: {languages}.",
    ),
    "too_big": ("Il testo è troppo lungo: il limite è 5 MB.", "The text is too long: the limit is 5 MB."),
    "empty": ("Non c’è testo da leggere.", "There is no text to read."),
    "zip_bomb": (
        "Il file è costruito in modo che, aperto, diventi enorme: per sicurezza non viene letto. Copiare le righe in un"
        " file nuovo e riprovare.",
        "The file is built so that it becomes enormous when opened: for safety it is not read. Copy the rows into a"
        " new file and try again.",
    ),
    "timed_out": (
        "La lettura del file è durata troppo ed è stata fermata. Copiare le righe in un file nuovo e riprovare.",
        "Reading the file took too long and was stopped. Copy the rows into a new file and try again.",
    ),
    "bad_columns": (
        "La corrispondenza delle colonne non si legge: {why}.",
        "The mapping of columns cannot be read: {why}.",
    ),
    "no_title_column": (
        "Nel foglio non c’è una colonna con il titolo della pratica. Chiamarla «Titolo» nella prima riga, oppure dire"
        " quale colonna lo contiene.",
        "The sheet has no column with the title of the practice. Call it “Title” in the first row, or say which column"
        " holds it.",
    ),
    "too_many_rows": (
        "Il foglio ha più di {most} righe: dividerlo, o togliere quelle in più.",
        "The sheet has more than {most} rows: split it, or take out those beyond.",
    ),
    "too_many_practices": (
        "Con queste il mercato avrebbe {n} banchi: al massimo ne tiene {most}. Togliere righe dal file.",
        "With these the market would have {n} stalls: it holds at most {most}. Take rows out of the file.",
    ),
    "too_much": (
        "I testi hanno insieme {n} segni: al massimo {most}, perché arrivano a tutti i telefoni. Accorciarli.",
        "The texts have {n} signs together: at most {most}, because every phone is sent them. Shorten them.",
    ),
    "not_practices": (
        "Questo JSON non è una raccolta di pratiche: serve un oggetto con «title» e l’elenco «practices».",
        "This JSON is no collection of practices: it has to be an object with “title” and the list “practices”.",
    ),
    "broken": ("Il file è guasto in «{place}»: {why}.", "The file is broken at “{place}”: {why}."),
    "nothing_read": (
        "In questo file non c’è nessuna pratica che si possa usare. Correggere le righe indicate e riprovare.",
        "This file holds no practice that can be used. Correct the rows that are named and try again.",
    ),
    "no_rows": (
        "Sotto l’intestazione non c’è nessuna riga: serve almeno una pratica con un titolo.",
        "There is no row below the header: at least one practice with a title is needed.",
    ),
    "bad_setup": ("Le pratiche non si possono salvare: {why}.", "The practices cannot be saved: {why}."),
    # Of a row, which is left out
    "no_title": (
        "La riga non ha un titolo. Scriverlo e importare di nuovo.",
        "The row has no title. Write one and import again.",
    ),
    "too_long": (
        "«{field}» ha {n} segni: al massimo {most}. Accorciarlo nel file e importare di nuovo.",
        "“{field}” has {n} signs: at most {most}. Shorten it in the file and import again.",
    ),
    "too_many": (
        "«{field}» ha {n} voci: al massimo {most}. Toglierne e importare di nuovo.",
        "“{field}” has {n} entries: at most {most}. Take some out and import again.",
    ),
    "formula": (
        "«{field}» contiene una formula («{value}»). Scrivere il testo al posto della formula.",
        "“{field}” holds a formula (“{value}”). Write the text instead of the formula.",
    ),
    "cell_error": (
        "«{field}» mostra un errore del foglio di calcolo ({value}). Correggere la cella.",
        "“{field}” shows an error of the spreadsheet ({value}). Correct the cell.",
    ),
    "bad_id": (
        "Il codice «{value}» ha segni che non si possono usare: da 1 a 64 fra lettere senza accento, cifre, _ e -."
        " Si può anche lasciare vuoto.",
        "The code “{value}” has signs that cannot be used: 1 to 64 letters without accents, figures, _ and -. It may"
        " also stay empty.",
    ),
    "twice": (
        "È la stessa pratica della riga {same}: unire le due righe.",
        "This is the same practice as in row {same}: make one row of the two.",
    ),
    "bad_practice": ("Non si può leggere: «{place}», {why}.", "It cannot be read: “{place}”, {why}."),
    "not_set": (
        "La pratica è entrata, ma posti e tavolo no: {why} Si scrivono dalla regia.",
        "The practice came in, but its seats and table did not: {why} Write them on the desk.",
    ),
    # What was understood otherwise than somebody may have meant
    "unknown_column": (
        "La colonna «{header}» non corrisponde a nessun campo e non viene letta. Se serve, scegliere il campo.",
        "The column “{header}” stands for no field and is not read. If it is needed, choose its field.",
    ),
    "twice_column": (
        "La colonna «{header}» ripete un campo che c’è già e non viene letta. Tenerne una sola.",
        "The column “{header}” repeats a field that is there already and is not read. Keep one of them.",
    ),
    "other_sheets": (
        "Viene letto solo il foglio «{sheet}». Gli altri si importano uno alla volta, da file separati.",
        "Only the sheet “{sheet}” is read. Import the others one by one, from files of their own.",
    ),
    "bad_capacity": (
        "«{value}» non è un numero di posti da 1 a 2000: valgono i posti previsti dalla tappa. Scrivere una cifra.",
        "“{value}” is no number of seats from 1 to 2000: the seats of the stage hold. Write a figure.",
    ),
    "bad_table": (
        "Il nome del tavolo ha più di {most} segni e non viene preso. Accorciarlo.",
        "The table’s name has more than {most} signs and is not taken. Shorten it.",
    ),
    "bad_yes_no": (
        "«{value}» non è né sì né no: vale no. Scrivere sì o no.",
        "“{value}” is neither yes nor no: it counts as no. Write yes or no.",
    ),
    "languages_differ": (
        "«{field}» ha un numero di voci diverso nelle due lingue: sono prese solo quelle in {language}. Scriverne"
        " altrettante, nello stesso ordine.",
        "“{field}” has another number of entries in each language: only those in {language} are taken. Write as many,"
        " in the same order.",
    ),
    "differs": (
        "C’è già, con altro contenuto ({fields}): resta com’è. Si corregge dalla regia.",
        "It is there already, with other content ({fields}): it stays as it is. Correct it on the desk.",
    ),
    "removed_here": (
        "Questa pratica è stata tolta dal mercato: resta tolta. Si rimette dalla regia.",
        "This practice was taken out of the market: it stays out. Put it back on the desk.",
    ),
    "same_title": (
        "C’è già un banco con questo titolo: ne nascerebbe un secondo. Se è lo stesso, togliere la riga.",
        "There is a stall with this title already: this would make a second one. If it is the same, take the row out.",
    ),
    "credit_not_shown": (
        "La tappa è già aperta: i crediti e la nota della raccolta non si possono più aggiungere. Restano le fonti delle"
        " singole pratiche.",
        "The stage is open already: the credit and the note of the collection cannot be added any more. The source of"
        " each practice stays.",
    ),
}

_FIELD_WORDS: dict[str, tuple[str, str]] = {
    "practice": ("codice", "code"), "title": ("titolo", "title"), "place": ("luogo", "place"),
    "organisation": ("organizzazione", "organisation"), "instrument": ("strumento", "instrument"),
    "years": ("anni", "years"), "problem": ("problema", "problem"), "done": ("che cosa è stato fatto", "what was done"),
    "results": ("risultati", "results"), "limits": ("limiti", "limits"),
    "improvements": ("miglioramenti", "improvements"), "offers": ("offre", "offers"), "needs": ("cerca", "looks for"),
    "conditions": ("condizioni", "conditions"), "source": ("fonte", "source"),
    "contact_consent": ("consenso al contatto", "contact consent"), "capacity": ("posti", "seats"),
    "table": ("tavolo", "table"),
}  # fmt: skip


def _say(key: str, said: str, /, **values: Any) -> str:
    return _WORDS[key][0 if said == "it" else 1].format(**values)


def field_name(name: str, language: str) -> str:
    """What people call a field of a practice."""
    return _FIELD_WORDS[name][0 if language == "it" else 1]


def shown(practice: Mapping[str, Any]) -> dict[str, Any]:
    """A practice as `told` gives it, with texts that can be shown in a language."""
    made = dict(Practice.model_validate(practice))
    return {**made, "results": [dict(one) for one in made["results"]]}


@dataclass(frozen=True, slots=True)
class Row:
    """row: of the sheet, or place in the collection, from 1. capacity, table: of its stall, where the file says so."""

    row: int
    practice: Practice
    capacity: int | None = None
    table: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """place: from 1. field: one of FIELDS, "" for one that is not read. language: of its texts."""

    place: int
    header: str
    field: str
    language: str


@dataclass(frozen=True, slots=True)
class Understood:
    """told: the answer for people and programs, see `understand`. sheets: what was read, to read it with other columns.

    head: title, credit and note of a collection.
    """

    told: dict[str, Any]
    rows: tuple[Row, ...]
    language: str
    head: Mapping[str, Text] = field(default_factory=dict)
    sheets: Sheets | None = None


class NothingRead(Failed):
    """No practice can be used; `understood` tells why, row by row, and which columns there are."""

    def __init__(self, code: str, text: str, understood: Understood) -> None:
        details = {name: understood.told[name] for name in ("errors", "warnings", "columns")}
        super().__init__(422, code, text, details)
        self.understood = understood


class _Notes:
    """Collects what is said about rows, in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.warnings: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []

    def _note(self, row: int | None, code: str, column: int | None, values: Mapping[str, Any]) -> dict[str, Any]:
        shown = {name: _short(one) if isinstance(one, str) else one for name, one in values.items()}
        note: dict[str, Any] = {"row": row, "code": code, "text": _say(code, self.language, **shown)}
        return note if column is None else {**note, "column": column}

    def warn(self, row: int | None, code: str, column: int | None = None, **values: Any) -> None:
        self.warnings.append(self._note(row, code, column, values))

    def err(self, row: int, code: str, column: int | None = None, **values: Any) -> None:
        self.errors.append(self._note(row, code, column, values))


def _short(words: str) -> str:
    return words if len(words) <= 80 else words[:79] + "…"


# What the page and the API ask


def takes(live: LiveRoom, stage_id: str) -> bool:
    """Whether a stage's activity takes practices."""
    plan = live.room.folded.session.plan
    planned = plan.stage(stage_id) if plan else None
    if planned is None:
        return False
    activity = live.room.activities[planned.activity]
    return "bring_practices" in activity.asks and "practices" in activity.setup.model_fields


async def understand(
    live: LiveRoom,
    stage_id: str,
    data: bytes,
    filename: str,
    language: str | None = None,
    columns: Mapping[str, str] | None = None,
    said: str | None = None,
) -> Understood:
    """What a file holds and what saving it would do; saves nothing.

    language: of the file's texts, the session's first one where none is given; said: of the sentences. columns: {header:
    field, "field/en" for another language, "" for a column that is not read}. `told` is
    `{"format": "sheet"|"collection", "into": "setup"|"open", "language", "counts": {"new", "here"}, "practices":
    [{"row", "what": "new"|"here", "practice": {...}, "capacity"?, "table"?}], "columns": [{"column", "header", "field",
    "language"}], "warnings": [{"row", "column"?, "code", "text"}], "errors": [the same], "saved": false}`; a row with an
    error is left out. Raises Failed: 404 no such stage, 409 a stage that takes nothing any more, 413 a limit, 422
    nothing that can be read.
    """
    where = _where(live, stage_id, said)
    language = _language(where, language)
    try:
        if _is_json(data):
            if len(data) > MAX_BYTES:
                raise Failed(413, "too_big", _say("too_big", where.said))
            return await asyncio.to_thread(_collection, where, data, language)
        sheets = await asyncio.to_thread(read_rows, data, filename, language=where.said)
    except Unreadable as refused:
        text = _say(refused.code, where.said) if refused.code in ("zip_bomb", "timed_out") else refused.text
        raise Failed(413 if refused.over_limit else 422, refused.code, text) from refused
    return await asyncio.to_thread(_sheet, where, sheets, language, dict(columns or {}))


async def understand_text(
    live: LiveRoom, stage_id: str, text: str, language: str | None = None, said: str | None = None
) -> Understood:
    """As `understand`, of cells that somebody copied from a sheet and pasted."""
    where = _where(live, stage_id, said)
    if len(text) > MAX_BYTES:
        raise Failed(413, "too_big", _say("too_big", where.said))
    if not text.strip():
        raise Failed(422, "empty", _say("empty", where.said))
    return await understand(live, stage_id, text.encode("utf-8", "replace"), "", language, None, said)


async def with_columns(
    live: LiveRoom, stage_id: str, understood: Understood, columns: Mapping[int, str], said: str | None = None
) -> Understood:
    """The same sheet read again. columns: {place from 1: field}, as `understand` takes them. Raises as `understand`."""
    where = _where(live, stage_id, said)
    if understood.sheets is None:
        return understood
    return await asyncio.to_thread(_sheet, where, understood.sheets, understood.language, dict(columns))


def columns_of(text: str | None, said: str) -> dict[str, str]:
    """The mapping of columns from a form's JSON. Raises Failed 422."""
    if not text:
        return {}
    try:
        mapping = json.loads(text)
    except (ValueError, RecursionError):
        raise Failed(422, "bad_columns", _say("bad_columns", said, why="JSON")) from None
    if not isinstance(mapping, dict) or not all(isinstance(one, str) for one in mapping.values()):
        raise Failed(422, "bad_columns", _say("bad_columns", said, why='{"header": "field"}'))
    return mapping


async def save(live: LiveRoom, stage_id: str, understood: Understood, said: str | None = None) -> dict[str, Any]:
    """Brings the new practices in; `told` again, with "saved" and what was refused. Raises Failed 404, 409, 422, 503.

    What is new is found out once more: the stage may have opened, or another file have come in, since the preview.
    """
    where = _where(live, stage_id, said)
    rows = [row for row in understood.rows if row.practice.practice not in where.here]
    errors = list(understood.told["errors"])
    if rows:
        _fits(where, rows)
        if where.is_open:
            errors += await _bring(live, where, rows)
        else:
            await _set_up(live, where, rows, understood.head)
    new = {row.practice.practice for row in rows}
    practices = [
        {**one, "what": "new" if one["practice"]["practice"] in new else "here"} for one in understood.told["practices"]
    ]
    counts = {"new": len(rows), "here": len(understood.rows) - len(rows)}
    into = "open" if where.is_open else "setup"
    return {
        **understood.told,
        "into": into,
        "counts": counts,
        "practices": practices,
        "errors": errors,
        "saved": True,
    }


# The stage


@dataclass(frozen=True, slots=True)
class _Where:
    """The stage that shall take practices. here: what is there, by id. removed: ids that the desk took out.

    stalls: how many stand. said: language of sentences.
    """

    plan: Plan
    stage: Stage
    activity: Activity
    is_open: bool
    setup: Mapping[str, Any]
    said: str
    here: Mapping[str, Mapping[str, Any]]
    removed: frozenset[str]
    stalls: int


def _where(live: LiveRoom, stage_id: str, said: str | None) -> _Where:
    """Raises Failed."""
    state = live.room.folded.session
    plan = state.plan
    said = said or (plan.languages[0] if plan else "it")
    planned = plan.stage(stage_id) if plan else None
    if plan is None or planned is None:
        raise Failed(404, "unknown_stage", _say("unknown_stage", said))
    if state.state == "ended":
        raise Failed(409, "session_over", _say("session_over", said))
    activity = live.room.activities[planned.activity]
    is_open = state.stage_open and state.current == stage_id
    if stage_id in state.spent and not is_open:
        raise Failed(409, "not_open", _say("not_open", said))
    setup = state.setup(stage_id)
    stalls = live.room.folded.runs[stage_id].stalls
    here: dict[str, Mapping[str, Any]] = {}
    if not is_open:
        kept = activity.read_setup(setup, plan.languages[0]).practices
        here = {one.practice: _content(one.model_dump(mode="json")) for one in kept.practices} if kept else {}
    for id, stall in stalls.items():
        here.setdefault(id, _content(stall.card.model_dump(mode="json")))
    removed = frozenset(id for id, stall in stalls.items() if stall.removed)
    return _Where(plan, planned, activity, is_open, setup, said, here, removed, len(stalls) - len(removed))


def _content(practice: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in practice.items() if name != "practice" and one not in (None, "", [], {}, False)}


def _language(where: _Where, language: str | None) -> str:
    languages = where.plan.languages
    if not language:
        return languages[0]
    if language not in languages:
        text = _say("unknown_language", where.said, languages=", ".join(languages))
        raise Failed(422, "unknown_language", text)
    return language


def _fits(where: _Where, rows: Sequence[Row]) -> None:
    """Raises Failed 422 where the market would get more stalls than it holds."""
    n = where.stalls + len(rows)
    if n > MAX_STALLS:
        text = _say("too_many_practices", where.said, n=n, most=MAX_STALLS)
        raise Failed(422, "too_many_practices", text, {"n": n, "most": MAX_STALLS})


# Sheets


def _sheet(where: _Where, sheets: Sheets, language: str, columns: Mapping[Any, str]) -> Understood:
    notes = _Notes(where.said)
    notes.warnings += [{"row": None, "code": one["code"], "text": one["text"]} for one in sheets.warnings]
    chosen = {key: _field(key, one, language, where) for key, one in columns.items()}
    tables = [one for one in sheets.sheets if _has_cells(one)]
    if not tables and sheets.text:
        # A list of titles alone has no delimiter, so that the reader saw no table in it.
        tables = [Sheet(sheets.name, [[line.strip() or None] for line in sheets.text.splitlines()])]
    table, head = _header(tables, chosen)
    known = _columns(table.rows[head] if table.rows else [], chosen, language, where.plan.languages, head + 1, notes)
    if len(tables) > 1:
        notes.warn(None, "other_sheets", sheet=table.name)
    titled = any(one.field == "title" for one in known)
    rows: list[Row] = []
    if titled:
        filled = [
            (number, cells)
            for number, cells in enumerate(table.rows[head + 1 :], start=head + 2)
            if any(cell not in (None, "") for cell in cells)
        ]
        if len(filled) > MAX_ROWS:
            raise Failed(413, "too_many_rows", _say("too_many_rows", where.said, most=MAX_ROWS), {"most": MAX_ROWS})
        rows = [row for number, cells in filled if (row := _row(cells, number, known, notes)) is not None]
        if not filled:
            return _told(where, "sheet", rows, notes, language, known, sheets=sheets, nothing="no_rows")
    nothing = "nothing_read" if titled else "no_title_column"
    return _told(where, "sheet", rows, notes, language, known, sheets=sheets, nothing=nothing)


def _has_cells(sheet: Sheet) -> bool:
    return any(cell not in (None, "") for row in sheet.rows for cell in row)


def _field(key: object, asked: str, language: str, where: _Where) -> tuple[str, str]:
    """Field and language that the caller wants for a column. Raises Failed 422."""
    name, _, spoken = asked.partition("/")
    if (name and name not in FIELDS) or (spoken and spoken not in where.plan.languages):
        why = f"{str(key)[:40]} = {asked[:60]}"
        raise Failed(422, "bad_columns", _say("bad_columns", where.said, why=why))
    return name, spoken or language


def _tidy(header: Cell) -> str:
    words = str(header if header is not None else "").replace("_", " ")
    return " ".join(clean(words).split()).casefold().rstrip(":*?")


def _header(tables: Sequence[Sheet], chosen: Mapping[Any, tuple[str, str]]) -> tuple[Sheet, int]:
    """The sheet and the place of its header: the row that calls a column a title, and names most fields beside it."""
    mapped = {_tidy(key): one[0] for key, one in chosen.items() if isinstance(key, str)}
    best: tuple[int, Sheet, int] | None = None
    for sheet in tables:
        for place, row in enumerate(sheet.rows[:HEADER_WITHIN_ROWS]):
            fields = {mapped.get(_tidy(cell)) or named[0] for cell, named in zip(row, _names(row), strict=True)} - {""}
            if "title" in fields and (best is None or len(fields) > best[0]):
                best = len(fields), sheet, place
        if best is not None:
            return best[1], best[2]
    for sheet in tables:
        for place, row in enumerate(sheet.rows[:HEADER_WITHIN_ROWS]):
            if sum(cell not in (None, "") for cell in row) > 1:
                return sheet, place
    return (tables[0] if tables else Sheet("")), 0


def _names(head: Sequence[Cell]) -> list[tuple[str, str, str]]:
    """As `_named` of each header; "Practice" is a title where no other column is one, else a code."""
    names = [_named(cell) for cell in head]
    if all(name != "title" for name, _, _ in names):
        as_title = ("pratica", "practice")
        names = [
            ("title" if _tidy(cell) in as_title else name, language, marked)
            for cell, (name, language, marked) in zip(head, names, strict=True)
        ]
    return names


def _named(header: Cell) -> tuple[str, str, str]:
    """The field that a header names ("" for none), the language it is written in, and the one it names in brackets."""
    plain, marked = _tidy(header), ""
    for _ in range(2):
        for language, names in _HEADERS.items():
            if plain in names:
                return names[plain], language, marked
        if plain.replace(" ", "_") in FIELDS:
            return plain.replace(" ", "_"), "en", marked
        split = _LANGUAGE.fullmatch(str(header).strip().casefold())
        if split is None:
            break
        plain, marked = _tidy(split[1]), split[2]
    return "", "", ""


def _columns(
    head: Sequence[Cell],
    chosen: Mapping[Any, tuple[str, str]],
    language: str,
    languages: Sequence[str],
    row: int,
    notes: _Notes,
) -> list[Column]:
    """Every column with a header or a cell, in order; those that are not read have no field."""
    mapped = {_tidy(key): one for key, one in chosen.items() if isinstance(key, str)}
    found: list[Column] = []
    taken: set[tuple[str, str]] = set()
    for place, (cell, named) in enumerate(zip(head, _names(head), strict=True), start=1):
        header = clean(str(cell if cell is not None else "")).strip()
        asked = chosen.get(place) or (mapped.get(_tidy(cell)) if header else None)
        if not header and asked is None:
            continue
        if asked is not None:
            name, spoken = asked
        else:
            name, written, marked = named
            spoken = marked or language
            if marked and marked not in languages:
                name = ""
            elif not marked and (name, spoken) in taken and written in languages:
                # "Titolo" beside "Title": the same field twice, each in the language of its header.
                spoken = written
            if not name:
                notes.warn(row, "unknown_column", place, header=header)
        if name and name not in (*TEXTS, *TAGS, "results"):
            spoken = language
        if name and (name, spoken) in taken:
            notes.warn(row, "twice_column", place, header=header)
            name = ""
        elif name:
            taken.add((name, spoken))
        found.append(Column(place, header, name, spoken))
    return found


def _row(cells: Sequence[Cell], number: int, columns: Sequence[Column], notes: _Notes) -> Row | None:
    """A practice; None where the row has an error, which is then in the notes."""
    bad = len(notes.errors)
    made: dict[str, Any] = {}
    lists: dict[str, dict[str, list[Any]]] = {}
    capacity, table = None, None
    for column in columns:
        cell = cells[column.place - 1] if column.place <= len(cells) else None
        words = _OUR_APOSTROPHE.sub("", raw := clean(_plain(cell)).strip())
        if not column.field or not words:
            continue
        label = field_name(column.field, notes.language)
        if _CELL_ERROR.fullmatch(words):
            notes.err(number, "cell_error", column.place, field=label, value=words)
        elif raw == words and _FORMULA.match(words):
            notes.err(number, "formula", column.place, field=label, value=words)
        elif column.field == "capacity":
            capacity = _whole(words)
            if capacity is None:
                notes.warn(number, "bad_capacity", column.place, value=words)
        elif column.field == "table":
            table = " ".join(words.split())
            if len(table) > MAX_TABLE:
                notes.warn(number, "bad_table", column.place, most=MAX_TABLE)
                table = None
        elif column.field == "contact_consent":
            consent = _yes_no(words)
            if consent is None:
                notes.warn(number, "bad_yes_no", column.place, value=words)
            made["contact_consent"] = bool(consent)
        elif column.field == "practice":
            if _PRACTICE_ID.fullmatch(words):
                made["practice"] = words
            else:
                notes.err(number, "bad_id", column.place, value=words)
        elif column.field == "years":
            made["years"] = " ".join(words.split())
        elif column.field == "results":
            lists.setdefault("results", {})[column.language] = _results(words)
        elif column.field in TAGS:
            lists.setdefault(column.field, {})[column.language] = _tags(words, column.field != "conditions")
        else:
            made.setdefault(column.field, {})[column.language] = _tidied(words, LONGEST[column.field] > 300)
    for name, by_language in lists.items():
        made[name] = _together(by_language, name, number, notes)
    if not any(made.get("title", {}).values()) and len(notes.errors) == bad:
        notes.err(number, "no_title")
    _measured(made, number, notes, {one.field: one.place for one in reversed(columns)})
    if len(notes.errors) > bad:
        return None
    made.setdefault("practice", _id(made))
    return Row(number, Practice.model_validate(made), capacity, table)


def _plain(cell: Cell) -> str:
    if isinstance(cell, datetime.date):
        return cell.isoformat()[:10]
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return "" if cell is None else str(cell)


def _tidied(words: str, paragraphs: bool) -> str:
    if not paragraphs:
        return " ".join(words.split())
    return "\n".join(" ".join(line.split()) for line in words.splitlines()).strip()


def _whole(words: str) -> int | None:
    return int(words) if re.fullmatch(r"[0-9]{1,4}", words) and 1 <= int(words) <= MAX_CAPACITY else None


def _yes_no(words: str) -> bool | None:
    if words.casefold() in ("sì", "si", "yes", "true", "vero", "x", "1"):
        return True
    return False if words.casefold() in ("no", "false", "falso", "0") else None


def _parts(words: str, signs: str) -> list[str]:
    parts = (" ".join(part.split()).strip(" •·") for part in re.split(f"[{signs}]", words))
    return [found for part in parts if (found := re.sub(r"^[-–*]\s+", "", part))]


def _tags(words: str, commas: bool) -> list[str]:
    """Entries between semicolons or lines; between commas where there is neither and the field's entries are short."""
    signs = ";\n" if re.search("[;\n]", words) or not commas else ","
    found: dict[str, str] = {}
    for part in _parts(words, signs):
        found.setdefault(part.casefold(), part)
    return list(found.values())


def _results(words: str) -> list[tuple[str, str]]:
    """(value, evidence or ""): one in each line, or between semicolons; a dash or | parts the two."""
    found = []
    for part in _parts(words, "\n" if "\n" in words else ";"):
        halves = _DASH.split(part, maxsplit=1)
        if halves[0]:
            found.append((halves[0], halves[1].strip() if len(halves) > 1 else ""))
    return found


def _together(by_language: Mapping[str, list[Any]], name: str, number: int, notes: _Notes) -> list[Any]:
    """Entries of each language side by side, the first with the first."""
    first = next(iter(by_language))
    if len({len(entries) for entries in by_language.values()}) > 1:
        notes.warn(number, "languages_differ", field=field_name(name, notes.language), language=first.upper())
        by_language = {first: by_language[first]}
    if name != "results":
        return [dict(zip(by_language, entry, strict=True)) for entry in zip(*by_language.values(), strict=True)]
    made = []
    for entry in zip(*by_language.values(), strict=True):
        said = dict(zip(by_language, entry, strict=True))
        evidence = {language: one[1] for language, one in said.items() if one[1]}
        made.append({"value": {language: one[0] for language, one in said.items()}, "evidence": evidence or None})
    return made


def _measured(made: Mapping[str, Any], number: int, notes: _Notes, columns: Mapping[str, int]) -> None:
    """Says which texts are too long and which lists too full."""
    for name, most in LONGEST.items():
        value = made.get(name)
        column = columns.get(name)
        label = field_name(name, notes.language)
        if isinstance(value, list | tuple) and len(value) > MAX_IN_A_LIST:
            notes.err(number, "too_many", column, field=label, n=len(value), most=MAX_IN_A_LIST)
            continue
        n = max((len(words) for words in _texts(value)), default=0)
        if n > most:
            notes.err(number, "too_long", column, field=label, n=n, most=most)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _id(made: Mapping[str, Any]) -> str:
    """The same title, organisation and place are the same practice, however often and however corrected it comes."""
    named = [next(iter(made.get(name, {}).values()), "").casefold() for name in ("title", "organisation", "place")]
    return "s" + hashlib.sha256(json.dumps(named).encode()).hexdigest()[:20]


# Collections


def _is_json(data: bytes) -> bool:
    return data.removeprefix(b"\xef\xbb\xbf")[:4096].lstrip()[:1] in (b"{", b"[")


def _collection(where: _Where, data: bytes, language: str) -> Understood:
    notes = _Notes(where.said)
    try:
        whole = from_json(data.removeprefix(b"\xef\xbb\xbf"), allow_inf_nan=False)
    except ValueError as error:
        raise Failed(422, "broken", _say("broken", where.said, place="JSON", why=str(error)[:200])) from None
    if not isinstance(whole, dict) or not isinstance(whole.get("practices"), list):
        raise Failed(422, "not_practices", _say("not_practices", where.said))
    if len(whole["practices"]) > MAX_ROWS:
        raise Failed(413, "too_many_rows", _say("too_many_rows", where.said, most=MAX_ROWS), {"most": MAX_ROWS})
    head: dict[str, Text] = {}
    for name in ("title", "credit", "note"):
        said = whole.get(name)
        if isinstance(said, str) and said.strip():
            head[name] = Text({language: clean(said)})
        elif isinstance(said, dict) and all(
            re.fullmatch("[a-z]{2,3}", one) and isinstance(words, str) and len(words) <= 4_000
            for one, words in said.items()
        ):
            kept = {one: clean(words) for one, words in said.items() if words.strip()}
            head |= {name: Text(kept)} if kept else {}
        elif said is not None:
            raise Failed(422, "broken", _say("broken", where.said, place=name, why="no text"), {"place": name})
    rows = []
    for number, one in enumerate(whole["practices"], start=1):
        row = _of_collection(one, number, language, notes)
        if row is not None:
            rows.append(row)
    return _told(where, "collection", rows, notes, language, [], head=head, nothing="nothing_read")


def _of_collection(one: Any, number: int, language: str, notes: _Notes) -> Row | None:
    bad = len(notes.errors)
    try:
        practice = Practice.model_validate(one, context={"first": language})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        notes.err(number, "bad_practice", place=place, why=str(first["msg"]))
        return None
    if not any(words.strip() for words in practice.title.values()):
        notes.err(number, "no_title")
    _measured(practice.model_dump(mode="json"), number, notes, {})
    return Row(number, practice) if len(notes.errors) == bad else None


# What is told


def _told(
    where: _Where,
    format: str,
    rows: Sequence[Row],
    notes: _Notes,
    language: str,
    columns: Sequence[Column],
    *,
    nothing: str,
    head: Mapping[str, Text] | None = None,
    sheets: Sheets | None = None,
) -> Understood:
    """The answer. Raises Failed, NothingRead with the code `nothing` where no row is left."""
    once = _once(rows, notes)
    titles = {_titled(one) for id, one in where.here.items() if id not in where.removed} - {""}
    practices = []
    new: list[Row] = []
    for row in once:
        practice = row.practice.model_dump(mode="json", exclude_defaults=True)
        here = where.here.get(row.practice.practice)
        if row.practice.practice in where.removed:
            notes.warn(row.row, "removed_here")
        elif here is not None:
            differs = [name for name, value in _content(practice).items() if not _says(here.get(name), value)]
            if differs:
                names = ", ".join(field_name(name, where.said) for name in differs)
                notes.warn(row.row, "differs", fields=names)
        else:
            new.append(row)
            if _titled(practice) in titles:
                notes.warn(row.row, "same_title")
        told = {"row": row.row, "what": "new" if here is None else "here", "practice": practice}
        told |= {"capacity": row.capacity} if row.capacity is not None else {}
        practices.append(told | ({"table": row.table} if row.table else {}))
    if where.is_open and new and head and (head.get("credit") or head.get("note")):
        notes.warn(None, "credit_not_shown")
    signs = sum(len(words) for row in new for words in _texts(row.practice.model_dump(mode="json")))
    whole = {
        "format": format,
        "into": "open" if where.is_open else "setup",
        "language": language,
        "counts": {"new": len(new), "here": len(once) - len(new)},
        "practices": practices,
        "columns": [
            {"column": one.place, "header": one.header, "field": one.field or None, "language": one.language}
            for one in columns
        ],
        "warnings": sorted(notes.warnings, key=lambda one: one["row"] or 0),
        "errors": sorted(notes.errors, key=lambda one: one["row"] or 0),
        "saved": False,
    }
    understood = Understood(whole, tuple(once), language, head or {}, sheets)
    if not once:
        raise NothingRead(nothing, _say(nothing, where.said), understood)
    if signs > MAX_SIGNS:
        text = _say("too_much", where.said, n=signs, most=MAX_SIGNS)
        raise Failed(413, "too_much", text, {"n": signs, "most": MAX_SIGNS})
    _fits(where, new)
    return understood


def _once(rows: Sequence[Row], notes: _Notes) -> list[Row]:
    seen: dict[str, int] = {}
    once = []
    for row in rows:
        id = row.practice.practice
        if id in seen:
            notes.err(row.row, "twice", same=seen[id])
            continue
        seen[id] = row.row
        once.append(row)
    return once


def _titled(practice: Mapping[str, Any]) -> str:
    return " ".join(next(iter((practice.get("title") or {}).values()), "").split()).casefold()


def _says(here: Any, value: Any) -> bool:
    """Whether what is there says what the file says; a sheet may have a text in one language of two."""
    if isinstance(value, Mapping) and isinstance(here, str):
        return here in value.values()
    if isinstance(value, Mapping):
        return isinstance(here, Mapping) and all(
            here.get(name) == one if not isinstance(one, Mapping) else _says(here.get(name), one)
            for name, one in value.items()
            if one is not None
        )
    if isinstance(value, list | tuple):
        same = isinstance(here, list | tuple) and len(here) == len(value)
        return same and all(_says(a, b) for a, b in zip(here, value, strict=True))
    return bool(here == value)


# Saving


async def _set_up(live: LiveRoom, where: _Where, rows: Sequence[Row], head: Mapping[str, Text]) -> None:
    first = where.plan.languages[0]
    setup = dict(where.setup)
    known = where.activity.read_setup(setup, first)
    kept = known.practices
    # A collection's credit goes wherever its practices go.
    joined = {name: _joined(getattr(kept, name, None), head.get(name)) for name in ("credit", "note")}
    title = kept.title if kept else head.get("title") or where.stage.title
    here = [one.model_dump(mode="json", exclude_none=True) for one in kept.practices] if kept else []
    new = [row.practice.model_dump(mode="json", exclude_none=True) for row in rows]
    setup["practices"] = {"title": dict(title), "practices": [*here, *new]}
    setup["practices"] |= {name: dict(text) for name, text in joined.items() if text}
    stalls = [dict(one) for one in setup.get("stalls") or ()]
    if stalls or any(row.capacity is not None or row.table for row in rows):
        stalls = stalls or [{"id": one["practice"], "practice": one["practice"]} for one in here]
        for row in rows:
            id = row.practice.practice
            stall: dict[str, Any] = {"id": id, "practice": id}
            stall |= {"capacity": row.capacity} if row.capacity is not None else {}
            stalls.append(stall | ({"table": row.table} if row.table else {}))
        setup["stalls"] = stalls
    try:
        where.activity.read_setup(setup, first)
    except ValidationError as error:
        one = error.errors(include_url=False, include_input=False)[0]
        why = f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}"
        raise Failed(422, "bad_setup", _say("bad_setup", where.said, why=why)) from error
    answer = await live.ask_as_server("set_setup", {"stage": where.stage.id, "setup": setup})
    if isinstance(answer, Refused):
        raise _refused(live, where, answer)


def _joined(here: Text | None, more: Text | None) -> Text | None:
    """Both texts, each language apart; what is said already is not said again."""
    if not here or not more:
        return here or more
    made = Text()
    for language in [*here, *(one for one in more if one not in here)]:
        a, b = here.in_language(language), more.in_language(language)
        made[language] = a if b in a else f"{a}; {b}" if a.rstrip()[-1:] not in ".!?" else f"{a} {b}"
    return made


async def _bring(live: LiveRoom, where: _Where, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Brings practices into an open market, all in one ask, then sets seats and tables; gives what was refused of these."""
    practices = [row.practice.model_dump(mode="json", exclude_none=True) for row in rows]
    answer = await _ask(live, where, "bring_practices", {"practices": practices})
    if isinstance(answer, Refused):
        raise _refused(live, where, answer)
    errors = []
    for row in rows:
        changes = {name: one for name, one in (("capacity", row.capacity), ("table", row.table)) if one}
        if changes:
            answer = await _ask(live, where, "set_stall", {"stall": row.practice.practice, "set": changes})
            if isinstance(answer, Refused):
                why = live.screens.refusal_text(answer.refusal, where.stage.id, where.said)
                errors.append({"row": row.row, "code": "not_set", "text": _say("not_set", where.said, why=why)})
    return errors


async def _ask(live: LiveRoom, where: _Where, do: str, having: dict[str, Any]) -> Receipt | Refused:
    """As the desk asks it, whose page or key this call has shown."""
    return await live.room.ask(
        Asking("desk", None, fresh(), where.stage.id, do, having, live.room.now(), lambda answer: None)
    )


def _refused(live: LiveRoom, where: _Where, answer: Refused) -> Failed:
    refusal = answer.refusal
    status = 503 if refusal.again else 404 if refusal.code == "unknown_stage" else 409
    text = live.screens.refusal_text(refusal, where.stage.id, where.said)
    return Failed(status, refusal.code, text, dict(refusal.details) if refusal.details else None)


__all__ = [
    "FIELDS",
    "NothingRead",
    "Understood",
    "columns_of",
    "field_name",
    "save",
    "shown",
    "takes",
    "understand",
    "understand_text",
    "with_columns",
]
