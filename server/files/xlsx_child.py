"""The process that opens a workbook: bytes on standard input, typed JSON on standard output, nothing else.

It is started for one file, takes away its own means first, and may die without harm. Cells: {"n": 1.3},
{"t": "text"}, {"d": "2026-03-01"}, true, false, null. Instead of sheets it may answer {"refused": code}.
"""

from __future__ import annotations

import datetime
import json
import math
import sys

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 10
# Twice what the reader lets through as unpacked text would be a mistake of the reader's measuring: stop there.
MAX_CHARACTERS = 50 * 1024 * 1024
MAX_ROWS = 5_000
MAX_CELLS_A_ROW = 50
# A workbook may name the same part as a sheet ten thousand times over.
MAX_SHEETS = 50


class _TooMuch(Exception):
    """The workbook holds more than the reader accepts."""


def give_up_means() -> None:
    """Bounds memory, processor time, file size and core dumps of this process, where the platform can (not Windows)."""
    try:
        import resource
    except ImportError:
        return
    # sys.platform: macOS does not keep RLIMIT_AS and refuses to set it below what is mapped already.
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _typed(value: object) -> object:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return {"n": value} if math.isfinite(value) else {"t": str(value)}
    if isinstance(value, datetime.datetime):
        if (value.hour, value.minute, value.second) == (0, 0, 0):
            return {"d": value.date().isoformat()}
        return {"t": value.isoformat(sep=" ")}
    if isinstance(value, datetime.date):
        return {"d": value.isoformat()}
    return {"t": str(value)}


def sheets(data: bytes) -> list[dict[str, object]]:
    """Every worksheet with its rows from row 1 on. Raises what the parser raises, and _TooMuch."""
    import io

    from python_calamine import CalamineWorkbook, SheetTypeEnum

    found: list[dict[str, object]] = []
    characters = cells = 0
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    for number, about in enumerate(workbook.sheets_metadata):
        if about.typ != SheetTypeEnum.WorkSheet:
            continue
        if len(found) >= MAX_SHEETS:
            raise _TooMuch
        sheet = workbook.get_sheet_by_index(number)
        if sheet.total_height > MAX_ROWS or sheet.total_width > MAX_CELLS_A_ROW:
            raise _TooMuch
        rows = [[_typed(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]
        for row in rows:
            cells += len(row)
            characters += sum(len(cell["t"]) for cell in row if isinstance(cell, dict) and "t" in cell)
        if cells > MAX_ROWS * MAX_CELLS_A_ROW or characters > MAX_CHARACTERS:
            raise _TooMuch
        found.append({"name": about.name, "rows": rows})
    return found


def main() -> None:
    """One file in, one JSON object out. Ends without an answer where the parser fails: the reader knows what that is."""
    give_up_means()
    try:
        answer: dict[str, object] = {"sheets": sheets(sys.stdin.buffer.read())}
    except (_TooMuch, MemoryError):
        answer = {"refused": "too_many_cells"}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=True).encode("ascii"))


if __name__ == "__main__":
    main()
