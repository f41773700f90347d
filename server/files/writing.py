"""Writes rows as XLSX or CSV so that nothing a person typed can come alive as a formula or a link in the reader."""

from __future__ import annotations

import csv
import datetime
import io
import math
import re
from collections.abc import Iterable, Sequence

from server.files.sheets import Cell, Sheet

# Excel cuts longer texts by declaring the file broken.
MAX_CELL_CHARACTERS = 32_767
WIDEST_COLUMN = 60
# C0 without tab, line feed and carriage return: not allowed in XML 1.0, so Excel would refuse the whole workbook.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
# OWASP ASVS 5.0, 1.2.10, and the full-width forms, which Japanese and Chinese Excel read as the plain ones.
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_STARTS_A_FORMULA = re.compile(f"[\t\r\n\x00]|[ \u00a0]*[{_SIGNS}]")
# An Excel of the other language cuts cells at the other separator, and knows no quotes that begin in the middle; so
# does a paste at tabs and lines. What would then begin a cell of its own gets an apostrophe too.
_BEGINS_A_CELL = {sign: re.compile(f'([{sign}\t\r\n][\\s"]*)(?=[{_SIGNS}])') for sign in ",;"}
_NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f]")


def xlsx(sheets: Sequence[Sheet]) -> bytes:
    """A workbook made in memory. The first row of each sheet is its header: bold and frozen.

    Texts stay texts, also "=..." and "http://..."; control characters are left out; numbers, dates and truth values
    keep their type; what is not a finite number is written as text. Sheet names are cleaned, shortened to 31
    characters and numbered where they repeat. An empty list gives one empty sheet. Raises nothing of its own.
    """
    room = io.BytesIO()
    # A tenth of a second that only an export needs.
    import xlsxwriter

    workbook = xlsxwriter.Workbook(
        room,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "nan_inf_to_errors": False,
        },
    )
    head = workbook.add_format({"bold": True, "bottom": 1, "bg_color": "#EEF1F5", "text_wrap": True, "valign": "top"})
    body = workbook.add_format({"text_wrap": True, "valign": "top"})
    day = workbook.add_format({"num_format": "yyyy-mm-dd", "valign": "top"})
    taken: set[str] = set()
    for sheet in sheets or [Sheet(name="Sheet1")]:
        page = workbook.add_worksheet(_sheet_name(sheet.name, taken))
        widths: dict[int, int] = {}
        for number, row in enumerate(sheet.rows):
            for column, cell in enumerate(row):
                form = head if number == 0 else body
                if isinstance(cell, bool):
                    page.write_boolean(number, column, cell, form)
                elif isinstance(cell, int | float) and math.isfinite(cell):
                    page.write_number(number, column, cell, form)
                elif isinstance(cell, datetime.date):
                    page.write_datetime(number, column, _without_zone(cell), day)
                elif cell is not None:
                    page.write_string(number, column, _CONTROLS.sub("", str(cell))[:MAX_CELL_CHARACTERS], form)
                longest = max((len(line) for line in str(cell if cell is not None else "").split("\n")), default=0)
                widths[column] = max(widths.get(column, 8), min(WIDEST_COLUMN, longest + 2))
        for column, width in widths.items():
            page.set_column(column, column, width)
        if sheet.rows:
            page.freeze_panes(1, 0)
    workbook.close()
    return room.getvalue()


def csv_text(rows: Iterable[Sequence[Cell]], *, italian_excel: bool = False) -> bytes:
    """Rows as CSV: UTF-8 with byte order mark, lines ended by CR LF, quoted where needed (RFC 4180).

    italian_excel: semicolons between cells and a comma in decimal numbers, as an Italian Excel expects on a double
    click; otherwise commas and points. A text beginning like a formula gets a leading apostrophe, and so does one
    within a text where another reader would begin a cell; numbers never do.
    """
    room = io.StringIO(newline="")
    writer = csv.writer(room, delimiter=";" if italian_excel else ",", lineterminator="\r\n")
    for row in rows:
        writer.writerow([_csv_cell(cell, italian_excel) for cell in row])
    return b"\xef\xbb\xbf" + room.getvalue().encode("utf-8", errors="replace")


def _csv_cell(cell: Cell, italian_excel: bool) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        return str(cell).replace(".", ",") if italian_excel else str(cell)
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    # Looked at before and after stripping: a stripped NUL must not uncover the "=" behind it.
    text = _CONTROLS.sub("", cell)
    guard = "'" if _STARTS_A_FORMULA.match(cell) or _STARTS_A_FORMULA.match(text) else ""
    return guard + _BEGINS_A_CELL["," if italian_excel else ";"].sub(r"\1'", text)


def _without_zone(moment: datetime.date) -> datetime.date:
    return moment.replace(tzinfo=None) if isinstance(moment, datetime.datetime) else moment


def _sheet_name(wanted: str, taken: set[str]) -> str:
    clean = _NOT_IN_SHEET_NAMES.sub(" ", wanted).strip(" '")[:31] or "Sheet"
    # Excel keeps "History" for itself.
    clean = f"{clean}_" if clean.casefold() == "history" else clean
    name, number = clean, 2
    while name.casefold() in taken:
        tail = f" ({number})"
        name, number = clean[: 31 - len(tail)] + tail, number + 1
    taken.add(name.casefold())
    return name
