"""What a spreadsheet is to us: named sheets of rows of typed cells, the same shape for reading and writing."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

Cell = str | float | int | bool | datetime.date | None


@dataclass
class Sheet:
    """One sheet. rows: from row 1 on, without gaps, so that rows[7] is what a person calls row 8."""

    name: str
    rows: list[list[Cell]] = field(default_factory=list)


@dataclass
class Sheets:
    """What was found in one file.

    name: the file's name without folder and ending, for a title where the file holds none.
    text: the decoded text of a text file, with line breaks as "\\n"; None for a workbook.
    sheets: every sheet of a workbook; for a text file its rows as one sheet, or none where it is no table.
    warnings: [{"row", "column", "code", "text"}], about the file as a whole (row and column are None).
    """

    name: str
    sheets: list[Sheet] = field(default_factory=list)
    text: str | None = None
    warnings: list[dict[str, object]] = field(default_factory=list)
