"""Turns the bytes of an office file into rows or text, after showing that no parser can be hurt by them.

The order must not change: size, then the zip's own directory, then every part really unpacked under a cap, and only
then a parser, in a process of its own that is given a fresh archive of the parts that were checked. So parser and
check cannot disagree about what the archive holds. Limits: RELIABILITY section 11, "Server | whoever may import".
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
import zlib
from itertools import islice, pairwise
from pathlib import Path, PurePosixPath

from server.files.sheets import Cell, Sheet, Sheets
from server.files.xlsx_child import MAX_CELLS_A_ROW, MAX_ROWS

MAX_BYTES = 5 * 1024 * 1024
MAX_ENTRIES = 200
MAX_UNPACKED = 50 * 1024 * 1024
MAX_RATIO = 100
MAX_CELLS = MAX_ROWS * MAX_CELLS_A_ROW
# Below this a part cannot hurt, and small parts of honest files (an empty styled sheet) do pass a ratio of 100.
RATIO_COUNTS_FROM = 256 * 1024
# Seconds by the clock on the wall. Beyond the 10 s of processor time in the child: a laptop under load is slow.
WALL_SECONDS = 15.0
DELIMITERS = ("\t", ";", ",")

_PROJECT = Path(__file__).resolve().parents[2]
# What a Python process needs to start at all. The rest of our environment (the host key!) is no business of a parser.
_ENVIRONMENT = ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "TEMP", "TMP", "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BINARY_STARTS = (_OLE, b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"%PDF-", b"\x1f\x8b", b"PK\x05\x06")
# A vertical tab and a form feed do occur in texts pasted from slides; the other control characters do not.
_STRANGE = re.compile("[\x00-\x08\x0e-\x1f]")

_TEXTS: dict[str, dict[str, str]] = {
    "too_big": {
        "it": "Il file è troppo grande: il limite è 5 MB. Togli immagini e fogli che non servono e riprova.",
        "en": "The file is too big: the limit is 5 MB. Remove pictures and sheets you do not need and try again.",
    },
    "not_a_spreadsheet": {
        "it": "Questo file non è un foglio XLSX leggibile né un testo. In Excel o LibreOffice salvalo come .xlsx o .csv,"
        " senza password, e riprova.",
        "en": "This file is neither a readable XLSX sheet nor text. In Excel or LibreOffice save it as .xlsx or .csv,"
        " without a password, and try again.",
    },
    "zip_bomb": {
        "it": "Il file è costruito in modo che, aperto, diventi enorme: per sicurezza non viene letto. Copia le domande"
        " in un file nuovo e riprova.",
        "en": "The file is built so that it becomes enormous when opened: for safety it is not read. Copy the questions"
        " into a new file and try again.",
    },
    "too_many_cells": {
        "it": "Il foglio ha troppe celle: il limite è 5.000 righe per 50 colonne. Togli le righe e le colonne in più.",
        "en": "The sheet has too many cells: the limit is 5,000 rows by 50 columns. Remove the extra rows and columns.",
    },
    "timed_out": {
        "it": "La lettura del file è durata troppo ed è stata fermata. Copia le domande in un file nuovo e riprova.",
        "en": "Reading the file took too long and was stopped. Copy the questions into a new file and try again.",
    },
    "empty": {"it": "Il file è vuoto.", "en": "The file is empty."},
    "encoding_guessed": {
        "it": "Il testo non dice come è codificato: è stato letto come Windows-1252. Controlla le lettere accentate.",
        "en": "The text does not say how it is encoded: it was read as Windows-1252. Check the accented letters.",
    },
}


class Unreadable(Exception):
    """A file that is refused as a whole. code is one of too_big, not_a_spreadsheet, zip_bomb, too_many_cells,
    timed_out, empty; text is a sentence for the person who chose the file."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def over_limit(self) -> bool:
        """True where a limit was passed (HTTP 413), False where there is nothing to read (HTTP 422)."""
        return self.code not in ("not_a_spreadsheet", "empty")


class _Refused(Exception):
    """A code on its way to becoming Unreadable in the reader's language."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_rows(data: bytes, filename: str, *, language: str = "it") -> Sheets:
    """Rows of a workbook, or text and rows of a text file; recognised by content, never by the name's ending.

    data: the whole file. filename: used for `Sheets.name` alone. language: of messages, "it" or anything else for
    English. Formulas arrive as the value last computed, never as a formula; numbers as float or int, dates as date.
    Raises Unreadable, and nothing else, whatever the bytes are. Blocks up to 15 s: call it from a thread.
    """
    name = PurePosixPath(filename.replace("\\", "/")).stem[:120]
    try:
        if len(data) > MAX_BYTES:
            raise _Refused("too_big")
        if not data.strip(b"\x00\t\n\r \xef\xbb\xbf\xff\xfe"):
            raise _Refused("empty")
        if data.startswith(b"PK\x03\x04"):
            return Sheets(name=name, sheets=_parsed_apart(_checked_archive(data)))
        text, guessed = _decoded(data)
        sheets = [Sheet(name=name, rows=rows)] if (rows := _table(text)) else []
        warnings: list[dict[str, object]] = []
        if guessed:
            warnings.append(
                {"row": None, "column": None, "code": "encoding_guessed", "text": _say("encoding_guessed", language)}
            )
        return Sheets(name=name, sheets=sheets, text=text, warnings=warnings)
    except _Refused as refused:
        raise Unreadable(refused.code, _say(refused.code, language)) from None


def _say(code: str, language: str) -> str:
    return _TEXTS[code]["it" if language.lower().startswith("it") else "en"]


# Text


def _decoded(data: bytes) -> tuple[str, bool]:
    guessed = False
    if data.startswith(_BINARY_STARTS):
        raise _Refused("not_a_spreadsheet")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text, guessed = data.decode("cp1252", errors="replace"), True
    if "\x00" in text or len(_STRANGE.findall(text)) * 200 > len(text):
        raise _Refused("not_a_spreadsheet")
    if not text.strip():
        raise _Refused("empty")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n"), guessed


def delimiter(text: str) -> str | None:
    """The delimiter of a table in text: tab, semicolon or comma, whichever occurs most often outside quotes in the
    first ten lines that are not blank; None where none occurs. Equal counts: in the order just named."""
    lines = islice((line for line in text.splitlines() if line.strip()), 10)
    bare = re.sub(r'"(?:[^"]|"")*(?:"|$)', "", "\n".join(lines))
    best = max(DELIMITERS, key=bare.count)
    return best if best in bare else None


def _table(text: str) -> list[list[Cell]]:
    sign = delimiter(text)
    if sign is None:
        if text.count("\n") > MAX_ROWS:
            raise _Refused("too_many_cells")
        return []
    rows: list[list[Cell]] = []
    wide = filled = 0
    try:
        for row in csv.reader(io.StringIO(text), delimiter=sign):
            if len(rows) >= MAX_ROWS:
                raise _Refused("too_many_cells")
            filled += bool(row)
            wide += len(row) > MAX_CELLS_A_ROW
            rows.append([cell if cell != "" else None for cell in row[: MAX_CELLS_A_ROW + 1]])
    except csv.Error:
        return []
    if wide * 2 >= filled:
        raise _Refused("too_many_cells")
    # One long sentence full of commas makes no table, and must not refuse a text that is fine as text.
    return [] if wide else rows


# Archive


def _checked_archive(data: bytes) -> bytes:
    """A fresh, uncompressed archive of the workbook's XML parts, each measured while it was unpacked."""
    # Python reads the whole directory before we can count it, and 5 MiB hold a directory of 100,000 entries.
    if data.count(b"PK\x01\x02") > MAX_ENTRIES:
        raise _Refused("zip_bomb")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError, OverflowError):
        raise _Refused("not_a_spreadsheet") from None
    if len(entries) > MAX_ENTRIES:
        raise _Refused("zip_bomb")
    names = [entry.filename.replace("\\", "/") for entry in entries]
    if "[Content_Types].xml" not in names or not any(re.fullmatch(r"xl/[^/]+\.xml", name) for name in names):
        raise _Refused("not_a_spreadsheet")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED or len(set(names)) != len(names):
        raise _Refused("zip_bomb")
    parts: dict[str, bytes] = {}
    unpacked = 0
    for name, entry in zip(names, entries, strict=True):
        if name.endswith("/"):
            continue
        part = _unpacked(data, entry, MAX_UNPACKED - unpacked)
        unpacked += len(part)
        if part.startswith((b"PK\x03\x04", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")):
            raise _Refused("zip_bomb")
        if name.endswith((".xml", ".rels")):
            parts[name] = part
    _refuse_dangerous_xml(parts)
    fresh = io.BytesIO()
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED) as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part)
    return fresh.getvalue()


def _unpacked(data: bytes, entry: zipfile.ZipInfo, room: int) -> bytes:
    """One part, unpacked from the bytes themselves: the sizes written in the headers are claims, not facts."""
    start = entry.header_offset
    head = data[start : start + 30]
    if len(head) < 30 or head[:4] != b"PK\x03\x04" or entry.flag_bits & 0x1:
        raise _Refused("not_a_spreadsheet")
    start += 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    packed = data[start : start + entry.compress_size]
    most = min(room, max(RATIO_COUNTS_FROM, MAX_RATIO * len(packed)))
    if entry.compress_type == zipfile.ZIP_STORED:
        part = packed
    elif entry.compress_type == zipfile.ZIP_DEFLATED:
        try:
            part = zlib.decompressobj(-15).decompress(packed, most + 1)
        except zlib.error:
            raise _Refused("not_a_spreadsheet") from None
    else:
        raise _Refused("not_a_spreadsheet")
    if len(part) > most or len(part) != entry.file_size:
        raise _Refused("zip_bomb")
    return part


_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_DECLARED = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["']([^"']+)""")
# A tag and what comes first inside it, only looked at: the next match must find the first cell of a row as well.
_TAG = re.compile(rb"<(?:\w+:)?(row|c)\b([^<>]*?)(/?)>(?:(?=\s*<(?:\w+:)?(v|f|is)\b[^<>]*>\s*(?:(\d{1,9})\s*<)?))?")
_PLACE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,9})(\d{0,9})["']""")
_SHARED = re.compile(rb"""\bt\s*=\s*["']s["']""")
_SHARED_TEXT = re.compile(rb"<(?:\w+:)?si\b")


def _refuse_dangerous_xml(parts: dict[str, bytes]) -> None:
    # Open Packaging Conventions (ECMA-376 part 2) forbid a DTD in any part, and without a DTD no entity can grow.
    for part in parts.values():
        declared = _DECLARED.match(part[:300].removeprefix(b"\xef\xbb\xbf"))
        if _DOCTYPE.search(part) or b"\x00" in part[:64] or (declared and declared[1].lower() not in _ENCODINGS):
            raise _Refused("not_a_spreadsheet")
    shared: list[int] = []
    for name, part in parts.items():
        if name.lower() == "xl/sharedstrings.xml":
            starts = [found.start() for found in _SHARED_TEXT.finditer(part)]
            shared = [end - start for start, end in pairwise([*starts, len(part)])]
    cells = 0
    room = MAX_UNPACKED
    for part in parts.values():
        # By what it holds, not by its name: the workbook may call any part a sheet.
        if b"sheetData" in part:
            cells, room = _measure_sheet(part, shared, cells, room)


_ENCODINGS = (b"utf-8", b"us-ascii", b"ascii")


def _measure_sheet(part: bytes, shared: list[int], cells: int, room: int) -> tuple[int, int]:
    """Counts filled cells and the text they stand for: one filled cell in the last row of Excel makes a parser lay
    out a million rows, and one long text shared by all cells is copied into each."""
    row = column = tags = 0
    for tag in _TAG.finditer(part):
        tags += 1
        place = _PLACE.search(tag[2])
        if tag[1] == b"row":
            row = int(place[2]) if place and place[2] else row + 1
            column = 0
            continue
        column = _column_number(place[1]) if place and place[1] else column + 1
        row = int(place[2]) if place and place[1] and place[2] else row
        if tag[3] or not tag[4]:
            # Styled but empty: honest templates have thousands, no honest file has a million.
            if tags > 4 * MAX_CELLS:
                raise _Refused("too_many_cells")
            continue
        cells += 1
        if row > MAX_ROWS or column > MAX_CELLS_A_ROW or cells > MAX_CELLS:
            raise _Refused("too_many_cells")
        if tag[5] and _SHARED.search(tag[2]) and (index := int(tag[5])) < len(shared):
            room -= shared[index]
            if room < 0:
                raise _Refused("zip_bomb")
    return cells, room


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


# Parser


def _parsed_apart(archive: bytes) -> list[Sheet]:
    environment = {key: os.environ[key] for key in _ENVIRONMENT if key in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-m", "server.files.xlsx_child"],
            input=archive,
            capture_output=True,
            timeout=WALL_SECONDS,
            cwd=_PROJECT,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _Refused("timed_out") from None
    if done.returncode < 0:
        # The kernel ends a process over its processor time, Rust aborts one that gets no more memory.
        stopped = (getattr(signal, "SIGXCPU", 0), getattr(signal, "SIGKILL", 0))
        raise _Refused("timed_out" if -done.returncode in stopped else "too_many_cells")
    try:
        answer = json.loads(done.stdout)
        if "refused" in answer:
            raise _Refused(str(answer["refused"]))
        return [
            Sheet(name=str(sheet["name"]), rows=[[_cell(cell) for cell in row] for row in sheet["rows"]])
            for sheet in answer["sheets"]
        ]
    except (ValueError, KeyError, TypeError):
        raise _Refused("not_a_spreadsheet") from None


def _cell(sent: object) -> Cell:
    if isinstance(sent, dict):
        if "t" in sent:
            return str(sent["t"])
        if "d" in sent:
            return datetime.date.fromisoformat(sent["d"])
        number = sent["n"]
        if isinstance(number, int | float):
            return number
    if sent is None or isinstance(sent, bool):
        return sent
    raise ValueError("a cell of no known type")
