"""What the reader of office files lets in, and what it refuses before any parser sees it."""

from __future__ import annotations

import datetime
import io
import json
import os
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from server.files import reading, xlsx_child
from server.files.reading import MAX_BYTES, Unreadable, delimiter, read_rows
from server.files.xlsx_child import CPU_SECONDS, MAX_CELLS_A_ROW, MAX_ROWS, MEMORY_BYTES


def workbook(fill: Callable[[xlsxwriter.Workbook], None]) -> bytes:
    room = io.BytesIO()
    book = xlsxwriter.Workbook(room, {"in_memory": True, "strings_to_formulas": False})
    fill(book)
    book.close()
    return room.getvalue()


def filled(rows: int, columns: int) -> bytes:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        for row in range(rows):
            for column in range(columns):
                sheet.write_string(row, column, "x")

    return workbook(fill)


def remade(data: bytes, changes: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The same archive with some parts changed or added."""
    room = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(room, "w", method) as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, part in changes.items():
            new.writestr(name, part)
    return room.getvalue()


def refusal(data: bytes, filename: str = "quiz.xlsx") -> str:
    """The code of the refusal, which must come in less than a second."""
    begun = time.perf_counter()
    with pytest.raises(Unreadable) as caught:
        read_rows(data, filename)
    assert time.perf_counter() - begun < 1.0
    assert caught.value.text
    return caught.value.code


HONEST = filled(2, 2)


def sheet_xml(rows: bytes) -> bytes:
    return (
        b'<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml'
        b'/2006/main"><sheetData>' + rows + b"</sheetData></worksheet>"
    )


def with_sheet(rows: bytes) -> bytes:
    return remade(HONEST, {"xl/worksheets/sheet1.xml": sheet_xml(rows)})


def test_cells_keep_their_types_and_their_places() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("Foglio")
        sheet.write_string(2, 1, "testo")
        sheet.write_number(2, 2, 1.3)
        sheet.write_boolean(2, 3, True)
        sheet.write_datetime(2, 4, datetime.datetime(2026, 3, 1), book.add_format({"num_format": "d-mmm"}))
        sheet.write_datetime(2, 5, datetime.time(1, 30), book.add_format({"num_format": "hh:mm"}))

    read = read_rows(workbook(fill), "C:\\quiz\\La mia prova.xlsx")
    assert read.name == "La mia prova"
    assert read.text is None
    assert [sheet.name for sheet in read.sheets] == ["Foglio"]
    assert read.sheets[0].rows == [
        [None] * 6,
        [None] * 6,
        [None, "testo", 1.3, True, datetime.date(2026, 3, 1), "01:30:00"],
    ]


def test_every_sheet_is_read_and_an_empty_one_has_no_rows() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        book.add_worksheet("vuoto")
        book.add_worksheet("pieno").write_string(0, 0, "x")

    assert [(sheet.name, sheet.rows) for sheet in read_rows(workbook(fill), "a.xlsx").sheets] == [
        ("vuoto", []),
        ("pieno", [["x"]]),
    ]


def test_a_formula_arrives_as_the_value_it_last_had() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.write_formula(0, 0, '=HYPERLINK("http://example.org","click")', None, "click")
        sheet.write_string(0, 1, '=HYPERLINK("http://example.org","click")')
        sheet.write_formula(0, 2, "=1/0", None, "#DIV/0!")
        sheet.write_string(0, 3, "end")

    assert read_rows(workbook(fill), "a.xlsx").sheets[0].rows == [
        ["click", '=HYPERLINK("http://example.org","click")', None, "end"]
    ]


def test_content_decides_and_the_ending_does_not() -> None:
    assert read_rows(HONEST, "quiz.txt").sheets[0].rows == [["x", "x"], ["x", "x"]]
    assert read_rows(b"a;b\n1;2\n", "quiz.xlsx").sheets[0].rows == [["a", "b"], ["1", "2"]]


def test_the_largest_allowed_sheet_is_read() -> None:
    assert len(read_rows(filled(MAX_ROWS, 2), "a.xlsx").sheets[0].rows) == MAX_ROWS
    assert len(read_rows(filled(1, MAX_CELLS_A_ROW), "a.xlsx").sheets[0].rows[0]) == MAX_CELLS_A_ROW


def test_one_row_or_one_column_beyond_the_limit_is_refused() -> None:
    assert refusal(filled(MAX_ROWS + 1, 2)) == "too_many_cells"
    assert refusal(filled(1, MAX_CELLS_A_ROW + 1)) == "too_many_cells"
    assert refusal(b"a;b\n" * (MAX_ROWS + 1), "a.csv") == "too_many_cells"
    assert refusal(b"a\n" * (MAX_ROWS + 1), "a.txt") == "too_many_cells"
    assert refusal(b";" * MAX_CELLS_A_ROW + b"\n", "a.csv") == "too_many_cells"


def test_rows_that_are_only_formatted_do_not_count() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.write_string(0, 0, "x")
        bold = book.add_format({"bold": True})
        for row in range(1, MAX_ROWS + 100):
            sheet.write_blank(row, 0, None, bold)

    assert read_rows(workbook(fill), "a.xlsx").sheets[0].rows[0] == ["x"]


@pytest.mark.parametrize("data", [b"", b"   \r\n\t\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00" * 100])
def test_an_empty_file_is_refused_as_empty(data: bytes) -> None:
    assert refusal(data) == "empty"


def test_a_file_over_five_megabytes_is_refused_by_its_size() -> None:
    assert refusal(b"x" * (MAX_BYTES + 1)) == "too_big"


PICTURES = {
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 20,
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 20,
    "gif": b"GIF89a\x01\x00\x01\x00" + bytes(range(256)),
    "bmp": b"BM\x36\x00\x00\x00\x00\x00\x00\x00" + bytes(range(256)),
    "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "old xls or a password": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600,
    "gzip": b"\x1f\x8b\x08\x00" + b"a" * 50,
    "empty zip": b"PK\x05\x06" + b"\x00" * 18,
    "broken zip": b"PK\x03\x04" + b"a" * 500,
    "cut off xlsx": HONEST[: len(HONEST) // 2],
}


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_renamed_xlsx_and_its_like_are_no_spreadsheet(kind: str) -> None:
    assert refusal(PICTURES[kind]) == "not_a_spreadsheet"


def test_a_zip_that_holds_a_spreadsheet_is_no_spreadsheet() -> None:
    room = io.BytesIO()
    with zipfile.ZipFile(room, "w") as archive:
        archive.writestr("quiz.xlsx", HONEST)
    assert refusal(room.getvalue()) == "not_a_spreadsheet"


def test_an_archive_inside_a_spreadsheet_is_refused() -> None:
    assert refusal(remade(HONEST, {"xl/embeddings/inner.bin": HONEST})) == "zip_bomb"


def test_a_part_that_unpacks_beyond_the_ratio_is_refused() -> None:
    bomb = remade(HONEST, {"xl/worksheets/sheet1.xml": b"\x20" * (40 * 1024 * 1024)})
    assert len(bomb) < 100_000
    assert refusal(bomb) == "zip_bomb"


def test_a_bomb_of_many_parts_is_refused_by_what_it_claims() -> None:
    assert refusal(remade(HONEST, {f"xl/media/{n}.bin": b"0" * 4_000_000 for n in range(20)})) == "zip_bomb"


def test_parts_that_share_the_same_bytes_are_refused() -> None:
    """A bomb of overlapping parts: a hundred directory entries that point at one deflated block."""
    body = b"".join(zlib.crc32(str(n).encode()).to_bytes(4, "big") * 12 for n in range(20_000))
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = squeezer.compress(body) + squeezer.flush()
    names = ["[Content_Types].xml", "xl/workbook.xml", *(f"xl/p{n:03}.xml" for n in range(100))]
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 0, zlib.crc32(body), len(packed), len(body), 1, 0)
    directory = b"".join(
        struct.pack(
            "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, zlib.crc32(body), len(packed), len(body),
            len(name), 0, 0, 0, 0, 0, 0,
        )
        + name.encode()
        for name in names
    )  # fmt: skip
    start = len(local) + 1 + len(packed)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(names), len(names), len(directory), start, 0)
    assert refusal(local + b"x" + packed + directory + end) == "zip_bomb"


def test_headers_that_lie_about_the_size_are_found_out() -> None:
    bomb = remade(HONEST, {"xl/worksheets/sheet1.xml": b" " * (30 * 1024 * 1024)})
    true_size = struct.pack("<I", 30 * 1024 * 1024)
    assert true_size in bomb
    assert refusal(bomb.replace(true_size, struct.pack("<I", 1_000))) == "zip_bomb"
    shorter = remade(HONEST, {"xl/worksheets/sheet1.xml": sheet_xml(b" " * 77_777)})
    size = struct.pack("<I", len(sheet_xml(b" " * 77_777)))
    assert refusal(shorter.replace(size, struct.pack("<I", 10))) == "zip_bomb"


def test_a_directory_of_thousands_of_entries_is_refused_without_reading_it() -> None:
    room = io.BytesIO()
    with zipfile.ZipFile(room, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"xl/{number}.xml", b"")
    assert refusal(room.getvalue()) == "zip_bomb"


def test_two_parts_of_the_same_name_are_refused() -> None:
    room = io.BytesIO(HONEST)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(room, "a") as archive:
        archive.writestr("xl/workbook.xml", b"<other/>")
    assert refusal(room.getvalue()) == "zip_bomb"


def test_names_that_climb_out_of_the_archive_reach_no_disk(tmp_path: Path) -> None:
    outside = tmp_path / "outside.xml"
    read = read_rows(remade(HONEST, {f"../../../../..{outside}": b"<a/>"}), "../../etc/passwd.xlsx")
    assert read.name == "passwd"
    assert not outside.exists()


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (letter, (b"&%c;" % (letter - 1)) * 10) for letter in range(ord("b"), ord("k")))
    + b"]><sst><si><t>&j;</t></si></sst>"
)


def test_a_billion_laughs_are_refused_before_the_parser() -> None:
    assert refusal(remade(HONEST, {"xl/sharedStrings.xml": LAUGHS})) == "not_a_spreadsheet"
    outside = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
    assert refusal(remade(HONEST, {"xl/workbook.xml": outside})) == "not_a_spreadsheet"
    assert refusal(remade(HONEST, {"xl/sharedStrings.xml": LAUGHS.decode().encode("utf-16")})) == "not_a_spreadsheet"


def test_one_cell_in_the_last_corner_of_excel_is_refused() -> None:
    assert refusal(with_sheet(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')) == "too_many_cells"
    assert refusal(with_sheet(b'<row r="1048576"><c><v>1</v></c></row>')) == "too_many_cells"
    assert refusal(with_sheet(b'<x:row r="1"><x:c r="ZZZZZZ1"><x:v>1</x:v></x:c></x:row>')) == "too_many_cells"


def test_a_sheet_under_another_name_is_measured_as_well() -> None:
    rows = sheet_xml(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    assert refusal(remade(HONEST, {"xl/elsewhere.xml": rows})) == "too_many_cells"


def test_one_long_text_shared_by_all_cells_is_refused() -> None:
    shared = b"<sst><si><t>" + b"".join(b"%06d" % n for n in range(150_000)) + b"</t></si></sst>"
    cells = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (n, n) for n in range(1, 1_000))
    bomb = remade(HONEST, {"xl/sharedStrings.xml": shared, "xl/worksheets/sheet1.xml": sheet_xml(cells)})
    assert refusal(bomb) == "zip_bomb"


@pytest.mark.parametrize(
    "noise", [b"<si>", b"<c ", b"<c r='", b'<row r="1"', b"<c> ", b"<!--", b"<c r=r r r r "], ids=repr
)
def test_markup_that_never_ends_costs_no_more_than_its_length(noise: bytes) -> None:
    # Beside each piece stands its number, so that the ratio does not refuse the file first.
    text = b"".join(noise + str(zlib.crc32(str(n).encode())).encode() for n in range(200_000))
    begun = time.perf_counter()
    for part in ("xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"):
        # Either way is fine here: what must not happen is that it takes long.
        try:
            read_rows(remade(HONEST, {part: b"<sheetData>" + text}, zipfile.ZIP_STORED), "a.xlsx")
        except Unreadable as refused:
            assert refused.code in ("too_many_cells", "not_a_spreadsheet", "zip_bomb", "too_big")
    assert time.perf_counter() - begun < 2.0


def test_a_workbook_that_names_one_sheet_thousands_of_times_is_refused() -> None:
    sheets = b"".join(b'<sheet name="s%d" sheetId="%d" r:id="rId1"/>' % (n, n) for n in range(1, 3_000))
    book = (
        b'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas'
        b'.openxmlformats.org/officeDocument/2006/relationships"><sheets>' + sheets + b"</sheets></workbook>"
    )
    assert refusal(remade(HONEST, {"xl/workbook.xml": book})) == "too_many_cells"


def test_a_parser_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WALL_SECONDS", 0.001)
    assert refusal(HONEST) == "timed_out"


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGXCPU)", "timed_out"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "timed_out"),
        ("os.abort()", "too_many_cells"),
        ("raise RuntimeError('panic')", "not_a_spreadsheet"),
        ("print('{}')", "not_a_spreadsheet"),
        ('print(\'{"sheets": [{"name": "a", "rows": [[[]]]}]}\')', "not_a_spreadsheet"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that end a process")
def test_however_the_parser_dies_the_person_gets_a_reason(
    ending: str, code: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "server" / "files"
    package.mkdir(parents=True)
    (tmp_path / "server" / "__init__.py").touch()
    (package / "__init__.py").touch()
    quiet = "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
    (package / "xlsx_child.py").write_text(f"import os, signal\n{quiet}{ending}\n")
    monkeypatch.setattr(reading, "_PROJECT", tmp_path)
    assert refusal(HONEST) == code


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="only Linux keeps the limit on memory")
def test_the_parsers_process_has_little_memory_time_and_no_files() -> None:
    script = (
        "import resource as r; from server.files.xlsx_child import give_up_means; give_up_means();"
        "print(r.getrlimit(r.RLIMIT_AS)[0], r.getrlimit(r.RLIMIT_CPU)[0], r.getrlimit(r.RLIMIT_FSIZE)[0])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=reading._PROJECT, check=True)
    assert done.stdout.split() == [str(MEMORY_BYTES).encode(), str(CPU_SECONDS).encode(), b"0"]


def test_the_parser_works_where_the_platform_cannot_limit_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    xlsx_child.give_up_means()
    assert xlsx_child.sheets(HONEST) == [{"name": "Sheet1", "rows": [[{"t": "x"}, {"t": "x"}]] * 2}]


def test_the_parsers_process_never_sees_the_host_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFICINA_HOST_KEY", "canary")
    seen: dict[str, dict[str, str]] = {}
    run = subprocess.run

    def spying(*args: object, **named: object) -> object:
        seen["env"] = named["env"]  # type: ignore[assignment]
        return run(*args, **named)  # type: ignore[call-overload]

    monkeypatch.setattr("server.files.reading.subprocess.run", spying)
    read_rows(HONEST, "a.xlsx")
    assert "canary" not in json.dumps(seen["env"])
    assert os.environ["OFFICINA_HOST_KEY"] == "canary"


TEXT = "Città;Perché\nè;ò\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_that_says_its_encoding_is_read_without_a_warning(encoding: str) -> None:
    read = read_rows(TEXT.encode(encoding), "a.csv")
    assert (read.text, read.warnings) == (TEXT, [])
    assert read.sheets[0].rows == [["Città", "Perché"], ["è", "ò"]]


def test_both_byte_orders_of_utf_16_are_read() -> None:
    assert read_rows(b"\xfe\xff" + TEXT.encode("utf-16-be"), "a.csv").text == TEXT
    assert read_rows(b"\xff\xfe" + TEXT.encode("utf-16-le"), "a.csv").text == TEXT


def test_other_text_is_taken_for_windows_1252_and_says_so() -> None:
    read = read_rows((TEXT + "€ “ok”").encode("cp1252"), "a.csv", language="it")
    assert read.text == TEXT + "€ “ok”"
    assert [warning["code"] for warning in read.warnings] == ["encoding_guessed"]
    assert "accentate" in str(read.warnings[0]["text"])
    english = read_rows(TEXT.encode("cp1252"), "a.csv", language="en").warnings[0]
    assert "accented" in str(english["text"])


def test_line_breaks_of_every_system_become_one() -> None:
    assert read_rows(b"a\r\nb\rc\nd", "a.txt").text == "a\nb\nc\nd"


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("a,b;c;d\n", ";"),
        ("a\tb\tc,d\n", "\t"),
        ('"a;b;c;d",e\n"f;g;h",i\n', ","),
        ('"say ""a;b;c;d;e""",x,y\n', ","),
        ("\n" * 20 + "a;b\n", ";"),
        ("a,b\n" * 10 + "a;b;c;d;e;f;g;h\n" * 10, ","),
        ("one line", None),
    ],
)
def test_the_delimiter_is_counted_in_ten_lines_outside_quotes(text: str, sign: str | None) -> None:
    assert delimiter(text) == sign


def test_a_quoted_cell_may_hold_line_breaks_and_delimiters() -> None:
    assert read_rows(b'a;"b;\nc"\n1;2\n', "a.csv").sheets[0].rows == [["a", "b;\nc"], ["1", "2"]]


def test_one_long_sentence_with_many_commas_stays_a_text() -> None:
    read = read_rows(b"one, two\nthree\n" + b"word, " * 60 + b"\nend\n", "a.txt")
    assert read.sheets == []
    assert read.text is not None


def test_a_refusal_speaks_the_readers_language_and_knows_whether_a_limit_was_passed() -> None:
    with pytest.raises(Unreadable) as italian:
        read_rows(b"", "a", language="it")
    with pytest.raises(Unreadable) as english:
        read_rows(b"x" * (MAX_BYTES + 1), "a", language="en")
    assert italian.value.text == "Il file è vuoto."
    assert not italian.value.over_limit
    assert english.value.text.startswith("The file is too big")
    assert english.value.over_limit


@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)), st.text(max_size=20))
def test_any_bytes_are_read_or_refused_and_nothing_else_is_raised(data: bytes, name: str) -> None:
    try:
        assert read_rows(data, name).text is not None
    except Unreadable as refused:
        assert refused.text


@given(st.integers(0, len(HONEST) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_directory_is_refused_and_nothing_else_is_raised(place: int, damage: bytes) -> None:
    damaged = HONEST[:place] + damage + HONEST[place + len(damage) :]
    try:
        fresh = reading._checked_archive(damaged)
    except reading._Refused as refused:
        assert refused.code in ("not_a_spreadsheet", "zip_bomb", "too_many_cells")
    else:
        assert zipfile.ZipFile(io.BytesIO(fresh)).testzip() is None
