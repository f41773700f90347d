"""Lists of people, wishes, stalls and tables from a spreadsheet, as the input of a plan."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from server.activities.contract.lists import (
    LONGEST_ID,
    BadCell,
    Page,
    Register,
    brief,
    parts_of,
    rounds_of,
    whole_of,
    words_of,
)
from server.activities.marketplace import lists as market
from server.activities.marketplace.matching import read as event_of
from server.activities.tables import lists as seats
from server.files.reading import read_rows
from server.files.sheets import Sheet
from server.files.writing import csv_text, xlsx
from tests.test_hostile_text import FORMULAS

PEOPLE = [
    ["Persona", "Nome", "Gruppo", "Ente", "Non visita", "Lyon", "Napoli", "Torino"],
    ["p1", "Anna Rossi", "Funzionari", "Lyon", None, None, 3, 2],
    ["p2", "Bo Neri", "innovatori", "lyon ", "torino", 0, 3, None],
    ["p3", "Cè Verdi", "FUNZIONARI", "Naples", None, 1, None, 3],
]
STALLS = [
    ["id", "titolo", "ente", "posti", "minimo", "chi presenta", "modo", "aperto nei giri", "mai"],
    ["lyon", "Valutare con chi userà i risultati", "Lyon", 3, 1, "p1; Bo Neri", "a turno", None, None],
    ["napoli", "Beni comuni, a Porta Capuana", "NAPLES", 4, None, None, "sempre", "1-2", "lyon"],
    ["torino", "Torino", None, None, None, None, None, None, None],
]


def pages(*sheets: list[list[Any]]) -> list[Page]:
    return [Page(f"Foglio{n}", rows) for n, rows in enumerate(sheets, start=1)]


def told(found: market.Lists | seats.Lists) -> list[tuple[str, int, str, str]]:
    return [(one.page, one.row, one.column, one.code) for one in found.troubles]


# What a cell means


@pytest.mark.parametrize(
    ("cell", "rounds"),
    [
        (None, None), ("", None), ("tutti", None), ("All", None), ("nessuno", []), ("-", []), (2.0, [2]), (3, [3]),
        ("1;3", [1, 3]), ("1,3", [1, 3]), ("1-3", [1, 2, 3]), ("1 – 2; 4", [1, 2, 4]), ("2 1 2", [1, 2]),
    ],
)  # fmt: skip
def test_rounds_are_read_as_people_write_them(cell: Any, rounds: list[int] | None) -> None:
    assert rounds_of(cell) == rounds


@pytest.mark.parametrize("cell", ["0", "3-1", "1;x", "100", "1-1000000000", "=1+1", True, "²"])
def test_what_is_no_list_of_rounds_is_told_and_not_guessed(cell: Any) -> None:
    with pytest.raises(BadCell) as bad:
        rounds_of(cell)
    assert bad.value.key == "rounds"


@pytest.mark.parametrize("cell", [1.2, datetime.date(2026, 3, 1)])
def test_a_date_or_a_decimal_that_a_spreadsheet_made_of_rounds_is_recognised(cell: Any) -> None:
    with pytest.raises(BadCell) as bad:
        rounds_of(cell)
    assert bad.value.key == "rounds_made_other"


def test_numbers_have_no_point_and_texts_no_double_blanks_and_no_guard_against_formulas() -> None:
    assert words_of(7.0) == "7"
    assert words_of("  Anna \u00a0 Rossi\t") == "Anna Rossi"
    assert words_of("'=1+1") == "=1+1"
    assert words_of("'t Hart") == "'t Hart"
    assert words_of("An\u200bna\u202e") == "Anna"
    assert words_of("e\u0301") == "\u00e9"


@pytest.mark.parametrize("text", ["a\x1b[31mb", "a\x00b", "\ue000", "\ud800"])
def test_signs_that_steer_a_terminal_are_never_part_of_an_id(text: str) -> None:
    with pytest.raises(BadCell):
        words_of(text)


@pytest.mark.parametrize("cell", [0, "0", -1, 2.5, "3 posti", True, "9" * 10, "٣"])
def test_a_number_of_seats_is_a_whole_number_from_one_up(cell: Any) -> None:
    with pytest.raises(BadCell):
        whole_of(cell, 1)


def test_a_sentence_never_holds_more_than_the_beginning_of_a_cell() -> None:
    assert brief("x" * 5000) == "x" * 59 + "…"
    assert brief("a\x1b[2Jb\nc") == "a [2Jb c"


def test_commas_part_names_only_where_there_is_no_semicolon() -> None:
    assert parts_of("a, b,c") == ["a", "b", "c"]
    assert parts_of("Rossi, Anna; Neri, Bo;") == ["Rossi, Anna", "Neri, Bo"]


def test_a_name_that_two_people_bear_has_to_be_given_as_an_id() -> None:
    register = Register()
    register.add("p1", "Anna", 2)
    register.add("p2", "anna", 3)
    register.add("p3", "Bo, detto il Lungo", 4)
    assert register.find("P1") == "p1"
    assert register.several("Bo, detto il lungo") == ["p3"]
    with pytest.raises(BadCell) as bad:
        register.find("Anna")
    assert bad.value.key == "ambiguous"


# The marketplace


def test_a_wide_list_with_its_stalls_becomes_the_input_of_a_plan() -> None:
    found = market.read(pages(PEOPLE, STALLS), rounds=2)
    assert found.troubles == ()
    assert found.data == {
        "format": "officina.match/1",
        "rounds": 2,
        "people": [
            {"id": "p1", "group": "Funzionari", "organisation": "Lyon", "interests": {"napoli": 3, "torino": 2}},
            {"id": "p2", "group": "innovatori", "organisation": "Lyon", "interests": {"napoli": 3}, "never": ["torino"]},
            {"id": "p3", "group": "Funzionari", "organisation": "NAPLES", "interests": {"lyon": 1, "torino": 3}},
        ],
        "stalls": [
            {"id": "lyon", "organisation": "Lyon", "capacity": 3, "minimum": 1, "hosts": ["p1", "p2"], "hosting": "turns"},
            {"id": "napoli", "organisation": "NAPLES", "capacity": 4, "hosting": "stay", "open": [1, 2], "never": ["Lyon"]},
            {"id": "torino", "capacity": 1},
        ],
    }  # fmt: skip
    assert found.names == {"p1": "Anna Rossi", "p2": "Bo Neri", "p3": "Cè Verdi"}
    assert list(found.titles) == ["lyon", "napoli", "torino"]
    assert found.titles["napoli"] == "Beni comuni, a Porta Capuana"
    event_of(found.data)


def test_one_organisation_written_in_three_ways_is_one_organisation() -> None:
    rows = [["persona", "ente", "a", "b"], ["p1", "Città di Torino", 1, 2], ["p2", "città  di torino", 1, 2],
            ["p3", "CITTÀ_DI_TORINO", 1, 2]]  # fmt: skip
    found = market.read(pages(rows), rounds=1, capacity=9)
    assert found.data is not None
    assert {one["organisation"] for one in found.data["people"]} == {"Città di Torino"}


def test_the_same_wishes_in_the_long_form_are_the_same_input() -> None:
    wide = market.read(pages(PEOPLE, STALLS), rounds=2).data
    people = [row[:5] for row in PEOPLE]
    long = [["person", "stall", "interest"], ["p1", "Napoli", 3], ["p1", "torino", 2], ["Bo Neri", "napoli", "3"],
            ["p3", "valutare con chi userà i risultati", 1], ["p3", "torino", 3.0], ["p2", "lyon", 0]]  # fmt: skip
    found = market.read(pages(people, STALLS, long), rounds=2)
    assert found.troubles == ()
    assert found.data == wide


def test_the_long_form_alone_tells_people_and_stalls_by_itself() -> None:
    rows = [["Persona", "Banco", "Interesse", "Gruppo"], ["anna", "orti", 3, "g"], ["anna", "bici", 1, None],
            ["bo", "Orti", 0, "h"]]  # fmt: skip
    found = market.read(pages(rows), rounds=1, capacity=2)
    assert found.troubles == ()
    assert found.data == {
        "format": "officina.match/1",
        "rounds": 1,
        "people": [{"id": "anna", "group": "g", "interests": {"orti": 3, "bici": 1}}, {"id": "bo", "group": "h"}],
        "stalls": [{"id": "orti", "capacity": 2}, {"id": "bici", "capacity": 2}],
    }


def test_without_a_list_of_stalls_they_are_the_columns_that_are_left() -> None:
    rows = [
        ["Mercato del 24 aprile"],
        [],
        ["id", "orti", "bici", "email"],
        *[[f"p{n}", 1, 2, "a@b"] for n in range(10)],
    ]
    found = market.read(pages(rows), rounds=2, language="en")
    assert found.troubles == ()
    assert found.data is not None
    assert [one["id"] for one in found.data["stalls"]] == ["orti", "bici"]
    assert [one["capacity"] for one in found.data["stalls"]] == [6, 6], "10 visitors, 2 stalls, a fifth more seats"
    assert any("email" in note for note in found.notes)
    assert any("6 for each stall" in note for note in found.notes)


def test_seats_worked_out_leave_out_who_presents_and_who_is_away() -> None:
    rows = [["id", "presenta", "giri", "a", "b"], *[[f"p{n}", None, None, 1, 2] for n in range(10)],
            ["h1", "a", None, 0, 0], ["h2", "b", None, 0, 0], ["late", None, "nessuno", 1, 1]]  # fmt: skip
    found = market.read(pages(rows), rounds=1)
    assert found.data is not None
    assert [one["capacity"] for one in found.data["stalls"]] == [6, 6]
    assert [one["hosts"] for one in found.data["stalls"]] == [["h1"], ["h2"]]


def test_every_bad_line_is_told_with_its_sheet_its_number_and_what_to_do() -> None:
    people = [*PEOPLE, ["p4", "Dan", "g", "e", None, 4, "x", 1], ["p1", "Ugo", "g", "e", None, 1, 1, 1],
              [None, None, "g", "e", None, 1, 1, 1], ["p7", "Eva", "g", "e", "Atlantide", 1, 1, 1],
              ["x" * 65, "Fil", "g", "e", None, 1, 1, 1]]  # fmt: skip
    stalls = [*STALLS, ["lyon", "due volte", None, 3], ["krakow", "Krakow", None, "tanti", 2, "Nessuno Noto", "mah"]]
    found = market.read(pages(people, stalls), rounds=2, language="en")
    assert told(found) == [
        ("Foglio1", 5, "Lyon", "interest_out_of_range"),
        ("Foglio1", 5, "Napoli", "interest_out_of_range"),
        ("Foglio1", 6, "Persona", "duplicate_id"),
        ("Foglio1", 7, "Persona", "malformed"),
        ("Foglio1", 8, "Non visita", "unknown_id"),
        ("Foglio1", 9, "Persona", "malformed"),
        ("Foglio2", 5, "id", "duplicate_id"),
        ("Foglio2", 6, "posti", "malformed"),
        ("Foglio2", 6, "modo", "malformed"),
        ("Foglio2", 6, "chi presenta", "unknown_id"),
    ]
    assert found.troubles[0].text == "“4” is no interest: write 0, 1, 2 or 3, or leave the cell empty."
    assert "line 2 already" in found.troubles[2].text


def test_what_is_left_without_the_bad_lines_holds_nothing_of_them() -> None:
    people = [*PEOPLE, ["p4", "Dan", "g", "e", None, 4, 1, 1]]
    stalls = [*STALLS[:1], ["lyon", "L", "Lyon", 3, 9, "p4"], *STALLS[2:]]
    found = market.read(pages(people, stalls), rounds=2)
    assert [(page, row) for page, row, _, _ in told(found)] == [("Foglio1", 5), ("Foglio2", 2)]
    assert found.data is not None
    assert [one["id"] for one in found.data["people"]] == ["p1", "p2", "p3"]
    assert [one["id"] for one in found.data["stalls"]] == ["napoli", "torino"]
    assert "lyon" not in str([one.get("interests") for one in found.data["people"]])
    event_of(found.data)


def test_a_column_of_ratings_that_no_stall_answers_to_is_an_error_and_other_columns_are_only_told() -> None:
    rows = [[*PEOPLE[0], "Lione", "Taglia"], *[[*row, 3, "XL"] for row in PEOPLE[1:]]]
    found = market.read(pages(rows, STALLS), rounds=2)
    assert told(found) == [("Foglio1", 1, "Lione", "unknown_id")]
    assert any("Taglia" in note for note in found.notes)
    again = market.read(pages(rows, STALLS), rounds=2, columns={"lione": "-"})
    assert again.troubles == ()


def test_columns_can_be_said_to_stand_for_fields_and_stalls() -> None:
    rows = [["Chi", "Squadra", "Voto Lione"], ["a", "g", 3]]
    said = {"chi": "id", "squadra": "group", "voto lione": "lyon"}
    found = market.read(pages(rows, STALLS[:2][:1] + [["lyon", "L", None, 3]]), rounds=1, columns=said)
    assert found.troubles == ()
    assert found.data is not None
    assert found.data["people"] == [{"id": "a", "group": "g", "interests": {"lyon": 3}}]


@pytest.mark.parametrize(("columns", "key"), [({"Chi": "shoe size"}, "shoe size"), ({"non c'è": "id"}, "non c'è")])
def test_a_mapping_to_no_field_or_of_no_column_is_refused(columns: dict[str, str], key: str) -> None:
    found = market.read(
        pages([["id", "Chi", "a"], ["p1", "x", 1]], [["id", "posti"], ["a", 3]]), rounds=1, columns=columns
    )
    assert [one.row for one in found.troubles] == [0]
    assert key in found.troubles[0].text


def test_a_column_that_stands_twice_for_one_stall_is_told() -> None:
    rows = [["id", "Lyon", "valutare con chi userà i risultati"], ["p1", 1, 2]]
    assert told(market.read(pages(rows, STALLS), rounds=1))[0][1:] == (
        1,
        "valutare con chi userà i risultati",
        "malformed",
    )


def test_two_lines_of_the_long_form_that_disagree_are_told() -> None:
    rows = [["persona", "banco", "interesse", "ente"], ["a", "x", 3, "e"], ["a", "x", 3, "e"], ["a", "x", 1, "e"],
            ["a", "y", 1, "f"]]  # fmt: skip
    assert [row for _, row, _, _ in told(market.read(pages(rows), rounds=1))] == [4, 5]


@pytest.mark.parametrize("language", ["it", "en"])
def test_a_file_without_people_stalls_or_rounds_says_what_is_lacking(language: str) -> None:
    def first(found: market.Lists) -> str:
        assert found.data is None
        return found.troubles[0].text

    assert "id" in first(market.read(pages([["colore"], ["rosso"]]), rounds=1, language=language))
    assert "--stalls" in first(market.read(pages([["id", "gruppo"], ["p1", "g"]]), rounds=1, language=language))
    assert "--rounds" in first(market.read(pages([["id", "a"], ["p1", 1]]), language=language))
    assert first(market.read(pages([["id", "a"]]), rounds=1, language=language))
    assert first(market.read([], rounds=1, language=language))


def test_the_last_round_that_a_line_names_is_the_number_of_rounds_where_nobody_says() -> None:
    rows = [["id", "giri", "a"], ["p1", "1-3", 1], ["p2", 1, 1]]
    found = market.read(pages(rows), capacity=3)
    assert found.data is not None
    assert found.data["rounds"] == 3
    assert told(market.read(pages(rows), rounds=2, capacity=3)) == [("Foglio1", 2, "", "malformed")]


def test_the_stalls_of_a_second_file_are_told_apart_even_where_both_sheets_have_one_name() -> None:
    people, stalls = [Page("Foglio1", PEOPLE)], [Page("Foglio1", [*STALLS, ["y", "Y", None, 0]])]
    found = market.read(people, stalls, rounds=2)
    assert told(found) == [("Foglio1 (--stalls)", 5, "posti", "malformed")]
    assert found.data is not None
    assert len(found.data["people"]) == 3


def test_stalls_that_are_named_as_an_organisation_but_do_not_say_it_are_told() -> None:
    rows = [["id", "ente", "Torino"], ["p1", "torino", 3]]
    assert any("Torino" in note and "«ente»" in note for note in market.read(pages(rows), rounds=1).notes)


def test_a_veto_of_an_organisation_that_nobody_is_of_is_told() -> None:
    stalls = [["id", "posti", "mai"], ["lyon", 3, "lione"]]
    found = market.read(pages(PEOPLE, stalls), rounds=1, columns={"Napoli": "-", "Torino": "-", "Non visita": "-"})
    assert found.troubles == ()
    assert any("lione" in note for note in found.notes)


# The tables


def test_a_list_of_people_becomes_the_input_of_a_seating() -> None:
    people = [["Nome", "Cognome", "Gruppo", "Ente", "Giri", "Lontano da"], ["Anna", "Rossi", "g", "e", None, "bo neri"],
              ["Bo", "Neri", "G", "E", "1;2", None], ["Cè", "Verdi", None, None, None, None]]  # fmt: skip
    found = seats.read(pages(people), tables=2, rounds=2, apart=["Cè Verdi,Anna Rossi"])
    assert found.troubles == ()
    assert found.data == {
        "format": "officina.tables/1",
        "rounds": 2,
        "tables": 2,
        "people": [
            {"id": "Anna Rossi", "group": "g", "organisation": "e"},
            {"id": "Bo Neri", "group": "g", "organisation": "e", "rounds": [1, 2]},
            {"id": "Cè Verdi"},
        ],
        "apart": [["Anna Rossi", "Bo Neri"], ["Anna Rossi", "Cè Verdi"]],
    }


def test_tables_may_have_a_sheet_of_their_own() -> None:
    found = seats.read(
        [Page("Persone", [["id"], ["a"], ["b"]]), Page("Tavoli", [["tavolo", "posti"], [1.0, 4.0], ["Orto", None]])]
    )
    assert found.troubles == ()
    assert found.data is not None
    assert found.data["tables"] == [{"id": "1", "seats": 4}, {"id": "Orto"}]
    assert found.data["rounds"] == 1


def test_bad_lines_of_a_seating_are_told_by_number() -> None:
    people = [
        ["id", "giri", "apart"],
        ["a", None, "zz"],
        ["a", None, None],
        ["b", "9", None],
        ["c", None, "c"],
        ["d", None, "a"],
    ]
    found = seats.read(pages(people, [["tavolo", "posti"], ["t1", 0]]), rounds=2, apart=["a", "a,q"], language="en")
    assert told(found) == [
        ("", 0, "", "malformed"),
        ("", 0, "", "unknown_id"),
        ("", 0, "", "malformed"),
        ("Foglio1", 2, "apart", "unknown_id"),
        ("Foglio1", 3, "id", "duplicate_id"),
        ("Foglio1", 4, "", "malformed"),
        ("Foglio1", 5, "apart", "malformed"),
        ("Foglio2", 2, "posti", "malformed"),
    ]


# Through a file


@pytest.mark.parametrize("italian", [False, True])
def test_what_we_write_as_csv_or_xlsx_is_read_as_it_was(italian: bool) -> None:
    by_hand = market.read(pages(PEOPLE), rounds=2).data
    read = [Page(one.name, one.rows) for one in read_rows(csv_text(PEOPLE, italian_excel=italian), "a.csv").sheets]
    assert market.read(read, rounds=2).data == by_hand
    book = read_rows(xlsx([Sheet("Persone", PEOPLE), Sheet("Banchi", STALLS)]), "a.xlsx").sheets
    assert (
        market.read([Page(one.name, one.rows) for one in book], rounds=2).data
        == market.read(pages(PEOPLE, STALLS), rounds=2).data
    )


def test_formulas_in_cells_stay_texts_or_are_refused_and_never_come_alive() -> None:
    rows = [["persona", "gruppo", "a"], *[[one, one, 1] for one in FORMULAS], ["p", "g", "=3"]]
    book = read_rows(xlsx([Sheet("x", rows)]), "a.xlsx").sheets
    found = market.read([Page(one.name, one.rows) for one in book], rounds=1)
    assert ("x", len(rows), "a", "interest_out_of_range") in told(found)
    assert found.data is not None
    for one in found.data["people"]:
        assert len(one["id"]) <= LONGEST_ID
        assert "".join(sign for sign in one["id"] if not sign.isprintable()) == ""


def test_no_list_of_nonsense_ever_raises() -> None:
    strange: list[Any] = [None, "", "id", "persona", "stall", "interest", "=1", 0, 2.5, True, datetime.date(2026, 1, 1), "1-3",
                          "\x1b[0m", "x" * 5000, "\ud800", "-1", "a;b", "@", "\u202e"]  # fmt: skip
    for shift in range(len(strange)):
        rows = [[strange[(row * 7 + column * 3 + shift) % len(strange)] for column in range(6)] for row in range(30)]
        head = ["id", "gruppo", "giri", "a", "b", "never"]
        for some in (pages(rows), pages([head, *rows]), pages([head, *rows], [STALLS[0], *rows])):
            for found in (market.read(some, rounds=2), seats.read(some, tables=3, rounds=2, apart=["id,persona"])):
                assert all(one.text.isprintable() for one in found.troubles)
                assert all(note.isprintable() for note in found.notes)
