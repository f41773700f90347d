"""What is written stays text: no formula, no link, no control character, and it reads back as it was."""

from __future__ import annotations

import csv
import datetime
import io
import re
import zipfile

import pytest

from server.files.reading import read_rows
from server.files.sheets import Cell, Sheet
from server.files.writing import csv_text, xlsx

PAYLOADS = [
    "=1+1",
    '=HYPERLINK("http://example.org","click")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\x00=1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff20x",
    "{=1}",
    "http://example.org",
    "mailto:a@example.org",
]


def parts(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


def test_a_workbook_holds_no_formula_and_no_link() -> None:
    rows: list[list[Cell]] = [[text] for text in ["Testo", *PAYLOADS]]
    written = parts(xlsx([Sheet("Risposte", rows)]))
    sheet = written["xl/worksheets/sheet1.xml"]
    assert len(re.findall(r"<f[ >/]", sheet)) == 0
    assert "hyperlink" not in sheet.lower()
    assert sheet.count('t="s"') == len(PAYLOADS) + 1
    assert not any("hyperlink" in part for name, part in written.items() if name.endswith(".rels"))


def test_what_is_written_as_a_workbook_reads_back_with_its_types() -> None:
    rows: list[list[Cell]] = [
        ["Nome", "Punti", "Giusto", "Giorno", "Nota"],
        ["ada", 1.5, True, datetime.date(2026, 3, 1), "=1+1"],
        ["bruno 👩‍🔬", 2, False, None, "riga\nriga"],
    ]
    assert read_rows(xlsx([Sheet("Results", rows)]), "a.xlsx").sheets == [Sheet("Results", rows)]


def test_control_characters_are_left_out_of_a_workbook() -> None:
    written = xlsx([Sheet("a", [["x"], ["a\x00b\x07c\x1bd\te\nf\ud800"]])])
    assert read_rows(written, "a.xlsx").sheets[0].rows == [["x"], ["abcd\te\nf"]]


def test_numbers_that_are_none_do_not_break_a_workbook() -> None:
    rows = read_rows(xlsx([Sheet("a", [["x"], [float("nan")], [float("inf")]])]), "a.xlsx").sheets[0].rows
    assert rows == [["x"], ["nan"], ["inf"]]


def test_the_header_is_frozen_and_styled_and_columns_are_as_wide_as_their_text() -> None:
    sheet = parts(xlsx([Sheet("a", [["Short", "Question"], ["x", "y" * 200]])]))["xl/worksheets/sheet1.xml"]
    assert re.search(r'<pane ySplit="1" topLeftCell="A2"[^>]*state="frozen"', sheet)
    assert re.search(r'<c r="A1" s="[1-9]', sheet)
    widths = [float(width) for width in re.findall(r'<col [^>]*width="([\d.]+)"', sheet)]
    assert widths[0] < 12
    assert 55 < widths[1] < 65


def test_sheet_names_are_cleaned_shortened_and_never_repeat() -> None:
    names = ["a/b:c", "x" * 40, "X" * 40, "", "history", "'quoted'"]
    read = read_rows(xlsx([Sheet(name, [["h"]]) for name in names]), "a.xlsx")
    assert [sheet.name for sheet in read.sheets] == [
        "a b c",
        "x" * 31,
        "X" * 27 + " (2)",
        "Sheet",
        "history_",
        "quoted",
    ]


def test_no_sheets_make_an_empty_workbook() -> None:
    assert [sheet.rows for sheet in read_rows(xlsx([]), "a.xlsx").sheets] == [[]]


@pytest.mark.parametrize("payload", [payload for payload in PAYLOADS if payload[0] not in "{hm"])
def test_a_csv_cell_that_begins_like_a_formula_gets_an_apostrophe(payload: str) -> None:
    text = csv_text([[payload, "safe = text"]]).decode("utf-8-sig")
    first, second = next(csv.reader(io.StringIO(text, newline="")))
    assert first.startswith("'")
    assert first.replace("'", "") == payload.replace("\x00", "").replace("'", "")
    assert second == "safe = text"


@pytest.mark.parametrize("italian", [False, True])
@pytest.mark.parametrize(
    "before",
    [
        "",
        " ",
        "\t",
        "\n",
        "\r\n",
        "uno\t",
        "uno\n",
        "uno\n ",
        ",",
        ";",
        "uno,",
        "uno;",
        "uno; ",
        'uno;"',
        'uno,"',
        ";\t;",
    ],
)
def test_no_reader_of_either_language_nor_a_paste_finds_a_cell_that_begins_like_a_formula(
    before: str, italian: bool
) -> None:
    text = csv_text([[1, f"{before}=1+1", "dopo"]], italian_excel=italian).decode("utf-8-sig")
    for sign in ",;\t":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign):
            for cell in row:
                # Lenient on purpose: some readers trim, and some drop a quote that they do not understand.
                assert not cell.lstrip(' "\t\r\n').startswith("="), (sign, row)


def test_a_text_with_ordinary_signs_in_it_stays_as_it_is() -> None:
    for text in ("3 + 2 = 5", "ada@example.org", "a-b", "uno, due; tre", "uno,due", "prezzo = 3", "sì - no"):
        for italian in (False, True):
            written = csv_text([[text]], italian_excel=italian).decode("utf-8-sig")
            assert next(csv.reader(io.StringIO(written, newline=""), delimiter=";" if italian else ",")) == [text]


def test_a_control_character_cannot_hide_a_formula() -> None:
    assert csv_text([["\x01=1"], ["\x7f@x"]]).decode("utf-8-sig") == "'=1\r\n'@x\r\n"


def test_numbers_in_csv_are_never_guarded() -> None:
    assert csv_text([[-1, -1.5, 2, True, None, datetime.date(2026, 3, 1)]]) == (
        b"\xef\xbb\xbf-1,-1.5,2,TRUE,,2026-03-01\r\n"
    )


def test_csv_for_italian_excel_has_semicolons_and_decimal_commas() -> None:
    assert csv_text([["a;b", -1.5, "1.5", 2]], italian_excel=True).decode("utf-8-sig") == '"a;b";-1,5;1.5;2\r\n'


def test_csv_quotes_as_rfc_4180_says_and_reads_back() -> None:
    rows: list[list[Cell]] = [["a,b", 'say "x"', "two\nlines", "è 🙂"], ["1", "2", "3", "4"]]
    written = csv_text(rows)
    assert written.startswith(b"\xef\xbb\xbf")
    assert written.decode("utf-8-sig") == '"a,b","say ""x""","two\nlines",è 🙂\r\n1,2,3,4\r\n'
    assert read_rows(written, "a.csv").sheets[0].rows == rows
