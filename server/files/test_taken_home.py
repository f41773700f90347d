"""ZIP, Markdown and calendar files: equal bytes for equal contents, and no text that means something in them."""

from __future__ import annotations

import datetime
import io
import zipfile

from server.files.archive import BEGINS, at_one_moment, zipped
from server.files.document import Chapter, Details, Item, Items, Paragraph, Table, readable
from server.files.ics import Event, ics
from server.files.markdown import markdown, plain
from server.files.sheets import Sheet
from server.files.writing import xlsx

AT = 1795348000000
DAY = datetime.date(2027, 2, 28)


def test_a_zip_of_the_same_files_is_the_same_and_dated_by_its_moment() -> None:
    files = {"b/due.txt": b"2", "a.txt": b"1"}
    data = zipped(files, AT)
    assert data == zipped(files, AT) != zipped(files, AT + 60_000)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["b/due.txt", "a.txt"]
        assert archive.getinfo("a.txt").date_time[:3] == (2026, 11, 22)
        assert archive.read("b/due.txt") == b"2"


def test_a_moment_before_zip_files_existed_is_their_first() -> None:
    with zipfile.ZipFile(io.BytesIO(zipped({"a": b""}, 0))) as archive:
        assert archive.getinfo("a").date_time == (1980, 1, 1, 0, 0, 0)
    assert datetime.datetime(1980, 1, 1, tzinfo=datetime.UTC).timestamp() * 1000 == BEGINS


def test_a_workbook_says_that_it_was_made_at_its_sessions_moment() -> None:
    data = at_one_moment(xlsx([Sheet("a", [["x"], ["=1+1"]])]), AT)
    assert data == at_one_moment(data, AT)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        core = archive.read("docProps/core.xml").decode()
    assert core.count("2026-11-22T") == 2


def test_no_sign_of_a_text_means_anything_in_markdown() -> None:
    for text in (
        "# a",
        "- a",
        "+ a",
        "1. a",
        "[a](http://b)",
        "<b>a</b>",
        "`a`",
        "| a",
        "*a*",
        "_a_",
        "a\n# b",
        "&lt;",
    ):
        said = plain(text)
        assert "\n" not in said and "<" not in said
        assert said != text, text
    assert plain("Una frase normale, con 3 parole.") == "Una frase normale, con 3 parole."


def test_chapters_become_headings_lists_and_tables_of_markdown() -> None:
    blocks = (
        Paragraph("Testo"),
        Items((Item("uno", "fatto 3"), Item("sotto", "", 1))),
        Details((("Nome", "Valore"),)),
        Table("Titolo", ("A", "B|C"), (("1", "2"),)),
    )
    assert markdown((Chapter("Uno", blocks, (Chapter("Due"),)),)) == (
        "# Uno\n\nTesto\n\n- uno fatto 3\n  - sotto\n\n- **Nome**: Valore\n\n"
        "Titolo\n\n| A | B\\|C |\n| --- | --- |\n| 1 | 2 |\n\n## Due\n"
    )


def test_a_calendar_has_whole_days_and_keeps_the_uid() -> None:
    lines = ics([Event("passo.idea@officina", DAY, "Firmare l'accordo")], AT).decode().split("\r\n")
    assert lines[:2] == ["BEGIN:VCALENDAR", "VERSION:2.0"] and lines[-2:] == ["END:VCALENDAR", ""]
    assert "UID:passo.idea@officina" in lines
    assert "DTSTART;VALUE=DATE:20270228" in lines and "DTEND;VALUE=DATE:20270301" in lines
    assert any(line.startswith("DTSTAMP:20261122T") and line.endswith("Z") for line in lines)


def test_a_calendar_without_days_still_holds_something_as_its_format_wants() -> None:
    lines = ics([], AT).decode().split("\r\n")
    assert "BEGIN:VEVENT" not in lines and "TZID:Etc/UTC" in lines
    assert lines.count("BEGIN:VTIMEZONE") == lines.count("END:VTIMEZONE") == 1 and lines[-2:] == ["END:VCALENDAR", ""]


def test_no_text_ends_its_line_or_begins_another_property_of_a_calendar() -> None:
    text = "a\nBEGIN:VALARM\r\nx;y,z\\ \u2028 \x85 END:VEVENT"
    lines = ics([Event("u", DAY, text, text, "https://example.org/a\nX:1 é")], AT).decode().split("\r\n")
    assert lines.count("BEGIN:VEVENT") == 1 and not [line for line in lines if line.startswith("BEGIN:VALARM")]
    assert "SUMMARY:a\\nBEGIN:VALARM\\nx\\;y\\,z\\\\    END:VEVENT" in "\r\n".join(lines)
    assert "URL:https://example.org/aX:1" in lines


def test_long_lines_of_a_calendar_are_folded_at_75_octets_between_signs() -> None:
    data = ics([Event("u", DAY, "è👍" * 60)], AT)
    assert max(len(line) for line in data.split(b"\r\n")) <= 75
    assert "è👍" * 60 in data.replace(b"\r\n ", b"").decode("utf-8")


def test_a_document_takes_no_controls_no_overrides_of_direction_and_no_private_signs() -> None:
    assert readable("a\x00b\x1bc\r\nd\u202ee\u2066f\ue000g\U0010ffffh\ud800i\ufeffj") == "abc\ndefghij"
    assert readable("è 👨\u200d👩\u200d👧 שלום\t!") == "è 👨\u200d👩\u200d👧 שלום\t!"
