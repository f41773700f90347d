"""What other tools' quiz files become, and what the facilitator is told about it before anything is saved."""

from __future__ import annotations

import datetime
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from server.activities.quiz.formats import (
    LONGEST_CLUSTER,
    MAX_QUESTIONS,
    OPTION_CHARACTERS,
    QUESTION_CHARACTERS,
    Cell,
    NothingRead,
    graphemes,
    right_numbers,
    shortened,
    understand,
)
from server.files.reading import read_rows


@dataclass
class Rows:
    rows: list[list[Cell]]


@dataclass
class File:
    """What a reader hands over, without a reader."""

    sheets: list[Rows]
    name: str = "prova"
    text: str | None = None
    warnings: list[dict[str, object]] = field(default_factory=list)


def understood(source: Any, language: str = "it", languages: Sequence[str] = ("it", "en")) -> dict[str, Any]:
    result = understand(source, language=language, languages=languages)
    for found in (*result["warnings"], *result["skipped"]):
        assert found["text"], "every warning says something"
        assert "{" not in found["text"].replace("{=", "").replace("{#", "")
    for number, question in enumerate(result["questions"], start=1):
        assert question["id"] == f"q{number}"
    return result


def codes(result: dict[str, Any], where: str = "warnings") -> list[str]:
    return [entry["code"] for entry in result[where]]


def rights(question: dict[str, Any]) -> str:
    return "".join(option["id"] for option in question["options"] if option.get("right"))


def texts(question: dict[str, Any], language: str = "it") -> list[str]:
    return [option["text"][language] for option in question["options"]]


def xlsx(rows: list[list[Cell]], name: str = "Sheet1", before: Sequence[str] = ()) -> bytes:
    room = io.BytesIO()
    book = xlsxwriter.Workbook(room, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    day = book.add_format({"num_format": "d-mmm"})
    for other in before:
        book.add_worksheet(other).write_string(0, 0, "notes")
    sheet = book.add_worksheet(name)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if isinstance(cell, datetime.date):
                sheet.write_datetime(row, column, datetime.datetime.combine(cell, datetime.time()), day)
            elif cell is not None:
                sheet.write(row, column, cell)
    book.close()
    return room.getvalue()


HEADER: list[Cell] = [
    None,
    "Question - max 120 characters",
    *(f"Answer {n} - max 75 characters" for n in range(1, 5)),
    "Time limit (sec) – 5, 10, 20, 30, 60, 90, 120, or 240 secs",
    "Correct answer(s) - choose at least one",
]
PREAMBLE: list[list[Cell]] = [
    [],
    [None, "Quiz template"],
    [None, "Add questions, at least two answer alternatives, time limit and choose correct answers (at least one)."],
    [],
    [],
    [],
    [],
]
ROME: list[Cell] = [1, "Qual è la capitale d'Italia?", "Milano", "Roma", "Torino", "Napoli", 20, "2"]


def kahoot(*rows: list[Cell], header: list[Cell] = HEADER) -> File:
    return File([Rows([*PREAMBLE, header, *rows])])


def with_right(cell: Cell, answers: Sequence[Cell] = ("a1", "a2", "a3", "a4")) -> dict[str, Any]:
    return understood(kahoot([1, "Domanda?", *answers, 20, cell]))


# Kahoot


def test_the_official_kahoot_template_is_read() -> None:
    second: list[Cell] = [2, "Quali sono pari?", 2, 3, 4, None, 30, "1,3"]
    read = read_rows(xlsx([*PREAMBLE, HEADER, ROME, second]), "Quiz Italia.xlsx")
    assert understood(read) == {
        "format": "kahoot",
        "title": "Quiz Italia",
        "language": "it",
        "questions": [
            {
                "id": "q1",
                "kind": "choice",
                "text": {"it": "Qual è la capitale d'Italia?"},
                "options": [
                    {"id": "a", "text": {"it": "Milano"}},
                    {"id": "b", "text": {"it": "Roma"}, "right": True},
                    {"id": "c", "text": {"it": "Torino"}},
                    {"id": "d", "text": {"it": "Napoli"}},
                ],
                "pick": {"min": 1, "max": 1},
                "time": 20,
            },
            {
                "id": "q2",
                "kind": "choice",
                "text": {"it": "Quali sono pari?"},
                "options": [
                    {"id": "a", "text": {"it": "2"}, "right": True},
                    {"id": "b", "text": {"it": "3"}},
                    {"id": "c", "text": {"it": "4"}, "right": True},
                ],
                "pick": {"min": 1, "max": 3},
                "time": 30,
            },
        ],
        "warnings": [],
        "skipped": [],
    }


SHORT: list[Cell] = [
    "Question",
    "Answer 1",
    "Answer 2",
    "Answer 3",
    "Answer 4",
    "Time limit (sec)",
    "Correct answer(s)",
]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (SHORT, ROME[1:]),
        ([None, *SHORT], ROME),
        ([str(cell).replace("–", "-") if cell else cell for cell in HEADER], ROME),
        ([str(cell).replace("–", "—").replace(" - ", " — ") if cell else cell for cell in HEADER], ROME),
        ([str(cell).upper().replace(" ", "  ") if cell else cell for cell in HEADER], ROME),
        (["Domanda", "Risposta 1", "Risposta 2", "Risposta 3", "Risposta 4", "Tempo", "Risposte corrette"], ROME[1:]),
    ],
    ids=["row 1, no column A", "short", "hyphen", "em dash", "case and spaces", "Italian"],
)
@pytest.mark.parametrize("above", [0, 7, 14])
def test_the_header_is_found_wherever_and_however_it_is_written(
    header: list[Cell], row: list[Cell], above: int
) -> None:
    result = understood(File([Rows([*([[]] * above), header, row])]))
    assert (result["format"], result["warnings"]) == ("kahoot", [])
    assert rights(result["questions"][0]) == "b"
    assert result["questions"][0]["time"] == 20


def test_a_header_below_row_15_is_not_looked_for() -> None:
    with pytest.raises(NothingRead, match="intestazione"):
        understand(File([Rows([*([[]] * 15), HEADER, ROME])]), language="it", languages=["it"])


def test_the_first_sheet_with_a_header_is_read_whatever_its_name() -> None:
    read = read_rows(xlsx([*PREAMBLE, HEADER, ROME], name="Domande", before=["Leggimi"]), "a.xlsx")
    assert len(understood(read)["questions"]) == 1


CSV = (
    ";;;;;;;\n;Quiz template;;;;;;\n;Add questions, at least two, please;;;;;;\n;;;;;;;\n;;;;;;;\n;;;;;;;\n;;;;;;;\n"
    ";Question - max 120 characters;Answer 1;Answer 2;Answer 3;Answer 4;Time limit (sec) – 5, 10;Correct answer(s)\n"
    "1;Perché la città è così?;Sì;No;;;20,0;1\n"
    '2;"Riga uno\nriga; due";A;B;C;;20;1,3\n'
    "3;Data;A;B;C;;20;01-mar\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_csv_with_semicolons_and_seven_lines_above_is_read_in_every_encoding(encoding: str) -> None:
    result = understood(read_rows(CSV.encode(encoding), "a.csv"))
    assert result["format"] == "kahoot"
    first, second, third = result["questions"]
    assert (first["text"], first["time"]) == ({"it": "Perché la città è così?"}, 20)
    assert second["text"] == {"it": "Riga uno\nriga; due"}
    assert (rights(second), rights(third)) == ("ac", "ac")
    guessed = ["encoding_guessed"] if encoding == "cp1252" else []
    assert codes(result) == [*guessed, "date_list"]


def test_more_than_four_answers_are_read_in_the_order_of_their_numbers() -> None:
    header: list[Cell] = ["Question", *(f"Answer {n}" for n in (2, 1, 3, 4, 5, 6, 10)), "Correct answers", "Time limit"]
    row: list[Cell] = ["Q?", "two", "one", "three", "four", "five", "six", "ten", "1,10", 20]
    result = understood(File([Rows([header, row])]))
    assert texts(result["questions"][0]) == ["one", "two", "three", "four", "five", "six", "ten"]
    assert rights(result["questions"][0]) == "ag"


def test_an_empty_answer_in_between_is_closed_and_the_right_one_stays_right() -> None:
    result = with_right("3,4", ("uno", None, "tre", "quattro"))
    assert codes(result) == ["answer_gap"]
    assert (result["warnings"][0]["row"], result["warnings"][0]["column"]) == (9, "D")
    assert texts(result["questions"][0]) == ["uno", "tre", "quattro"]
    assert rights(result["questions"][0]) == "bc"
    assert codes(with_right("2", ("uno", None, "tre", "quattro"))) == ["answer_gap", "right_out_of_range"]


@pytest.mark.parametrize("cell", [20, 20.0, "20", "20,0", "20.0", "20 sec", " 20s"])
def test_time_is_the_leading_whole_number(cell: Cell) -> None:
    result = understood(kahoot([1, "Q?", "a", "b", None, None, cell, 1]))
    assert (result["questions"][0]["time"], result["warnings"]) == (20, [])


@pytest.mark.parametrize(
    ("cell", "code"),
    [(None, "time_missing"), (" ", "time_missing"), (4, "time_odd"), (3601, "time_odd"), ("presto", "time_odd")]
    + [(-20, "time_odd"), (True, "time_odd"), (datetime.date(2026, 1, 20), "time_odd"), (float("inf"), "time_odd")],
)
def test_a_time_that_cannot_be_used_means_no_limit(cell: Cell, code: str) -> None:
    result = understood(kahoot([1, "Q?", "a", "b", None, None, cell, 1]))
    assert "time" not in result["questions"][0]
    assert [(warning["row"], warning["column"], warning["code"]) for warning in result["warnings"]] == [(9, "G", code)]


@pytest.mark.parametrize("cell", [5, 3600])
def test_the_shortest_and_the_longest_time_are_kept(cell: Cell) -> None:
    assert understood(kahoot([1, "Q?", "a", "b", None, None, cell, 1]))["questions"][0]["time"] == cell


def test_blank_and_only_numbered_rows_are_passed_over_in_silence() -> None:
    blank: list[Cell] = [None, "  ", None]
    result = understood(kahoot(ROME, [], blank, [7, None], ROME, [8]))
    assert (len(result["questions"]), result["warnings"], result["skipped"]) == (2, [], [])


def test_rows_without_question_or_without_two_answers_are_skipped_with_the_reason() -> None:
    result = understood(
        kahoot(
            ROME,
            [2, None, "a", "b", None, None, 20, 1],
            [3, "Solo una?", "a", None, None, None, 20, 1],
            [4, "Che ne pensi?"],
        )
    )
    assert len(result["questions"]) == 1
    assert [(entry["row"], entry["code"]) for entry in result["skipped"]] == [
        (10, "question_missing"),
        (11, "too_few_options"),
        (12, "text_question"),
    ]
    assert "Che ne pensi?" in result["skipped"][2]["text"]


def test_columns_we_do_not_read_are_named_once() -> None:
    header: list[Cell] = [*HEADER, "Image link", "Level", "Unused"]
    result = understood(kahoot([*ROME, "http://x", "hard"], [*ROME, "http://y"], header=header))
    assert [(warning["column"], warning["code"]) for warning in result["warnings"]] == [
        ("I", "media_dropped"),
        ("J", "setting_ignored"),
    ]


def test_a_formula_in_a_question_is_text() -> None:
    formula = '=HYPERLINK("http://example.org","Click")'
    read = read_rows(
        xlsx([*PREAMBLE, HEADER, [1, "x", "a", "b", None, None, 20, 1], [2, formula, *ROME[2:]]]), "a.xlsx"
    )
    assert understood(read)["questions"][1]["text"] == {"it": formula}


@pytest.mark.parametrize(
    ("language", "words"), [("it", ["Vero", "1,5", "01/03/2026"]), ("en", ["True", "1.5", "2026-03-01"])]
)
def test_answers_that_excel_changed_are_shown_as_their_author_saw_them(language: str, words: list[str]) -> None:
    row: list[Cell] = [1, "Q?", True, 1.5, datetime.date(2026, 3, 1), None, 20, 1]
    result = understood(kahoot(row), language=language)
    assert texts(result["questions"][0], language) == words
    assert [(warning["code"], warning["column"]) for warning in result["warnings"]] == [("date_list", "E")]


# The Italian Excel trap


@pytest.mark.parametrize("cell", [2, 2.0, "2", " 2 ", "2.0", "2,0", "B", "b"])
def test_one_right_answer_needs_no_warning(cell: Cell) -> None:
    assert right_numbers(cell, {1, 2, 3, 4}) == ({2}, None)


LISTS = ["1,3", "3, 1", "1;3", "1 3", "1/3", "1 e 3", "1 and 3", "A,C", "a c", "A e C", "1 E 3", "1, 3,", "1 & 3"]


@pytest.mark.parametrize("cell", LISTS)
def test_a_list_of_right_answers_needs_no_warning(cell: Cell) -> None:
    assert right_numbers(cell, {1, 2, 3, 4}) == ({1, 3}, None)


def test_the_letter_e_is_an_answer_where_it_stands_among_letters() -> None:
    assert right_numbers("A, E", {1, 2, 3, 4, 5}) == ({1, 5}, None)


@pytest.mark.parametrize(
    ("cell", "read"), [(1.3, {1, 3}), (2.1, {1, 2}), ("1.3", {1, 3}), (3.4, {3, 4}), ("1.2.3", {1, 2, 3})]
)
def test_a_decimal_number_is_the_list_that_italian_excel_made_a_number(cell: Cell, read: set[int]) -> None:
    assert right_numbers(cell, {1, 2, 3, 4}) == (read, "decimal_list")


@pytest.mark.parametrize(
    "cell",
    [datetime.date(2026, 3, 1), datetime.date(2026, 1, 3), datetime.datetime(1905, 3, 1)]
    + ["01/03/2026", "1-3-2026", "2026-03-01", "1-mar", "01-mar", "3-Jan", "Mar-1", "03-gen", "1 marzo", "1-mar-26"],
)
def test_a_date_is_the_list_that_excel_made_a_date_in_either_order(cell: Cell) -> None:
    assert right_numbers(cell, {1, 2, 3, 4}) == ({1, 3}, "date_list")


@pytest.mark.parametrize(
    ("cell", "read"), [(13, {1, 3}), (134, {1, 3, 4}), (1234.0, {1, 2, 3, 4}), ("13", {1, 3}), ("24", {2, 4})]
)
def test_rising_digits_are_a_list(cell: Cell, read: set[int]) -> None:
    assert right_numbers(cell, {1, 2, 3, 4}) == (read, "digit_list")


def test_a_number_that_is_itself_an_answer_is_no_list() -> None:
    assert right_numbers(12, set(range(1, 13))) == ({12}, None)
    assert right_numbers(12, set(range(1, 12))) == ({1, 2}, "digit_list")


@pytest.mark.parametrize("cell", [None, "", "   "])
def test_no_right_answer_makes_a_poll_question(cell: Cell) -> None:
    result = with_right(cell)
    assert codes(result) == ["right_missing"]
    assert rights(result["questions"][0]) == ""
    assert result["questions"][0]["pick"] == {"min": 1, "max": 1}


@pytest.mark.parametrize(
    "cell",
    [
        0,
        5,
        1.5,
        1.25,
        15,
        31,
        11,
        -1,
        1e300,
        float("nan"),
        float("inf"),
        True,
        "Roma",
        "1,5",
        "1,,x",
        "0",
        "1-3",
        "x" * 500,
    ]
    + ["5.1", datetime.date(2026, 3, 5), "31/12/2026", "1-foo", "²", "=1+1"],
    ids=lambda cell: str(cell)[:12],
)
def test_anything_else_keeps_the_row_as_a_poll_question(cell: Cell) -> None:
    result = with_right(cell)
    assert codes(result) == ["right_out_of_range"]
    assert (result["warnings"][0]["row"], result["warnings"][0]["column"]) == (9, "H")
    assert rights(result["questions"][0]) == ""


def test_the_trap_is_read_from_a_real_workbook_and_the_warning_says_how() -> None:
    cells: list[Cell] = [1.3, datetime.date(2026, 3, 1), 134, "1,3"]
    rows: list[list[Cell]] = [[n, f"D{n}", "a", "b", "c", "d", 20, cell] for n, cell in enumerate(cells, start=1)]
    result = understood(read_rows(xlsx([*PREAMBLE, HEADER, *rows]), "a.xlsx"))
    assert [rights(question) for question in result["questions"]] == ["ac", "ac", "acd", "ac"]
    assert all(question["pick"] == {"min": 1, "max": 4} for question in result["questions"])
    assert [(warning["row"], warning["code"]) for warning in result["warnings"]] == [
        (9, "decimal_list"),
        (10, "date_list"),
        (11, "digit_list"),
    ]
    assert "1.3" in result["warnings"][0]["text"]
    assert "1, 3, 4" in result["warnings"][2]["text"]


# ClassQuiz


def classquiz(*rows: list[Cell]) -> File:
    header: list[Cell] = [
        None, "Question", "1st Answer", "2nd Answer", "3rd Answer", "4th Answer",
        "Time Limit (max. 120)", "Correct Answers",
    ]  # fmt: skip
    above: list[list[Cell]] = [[] for _ in range(12)]
    above[4] = [None, "Title", "Il mio quiz"]
    above[5] = [None, "Description", "Una prova"]
    return File([Rows([*above, header, *rows])])


def test_a_classquiz_workbook_has_its_title_and_its_own_header() -> None:
    result = understood(
        read_rows(xlsx(classquiz([1, "Q?", "a", "b", "c", "d", "20.0", "1,3"]).sheets[0].rows), "x.xlsx")
    )
    assert (result["format"], result["title"]) == ("classquiz", "Il mio quiz")
    assert rights(result["questions"][0]) == "ac"
    assert result["questions"][0]["time"] == 20
    assert [(warning["row"], warning["code"]) for warning in result["warnings"]] == [(6, "setting_ignored")]


def test_rows_that_classquiz_left_empty_are_counted() -> None:
    full: list[Cell] = [1, "Q?", "a", "b", None, None, 20, "1"]
    result = understood(classquiz(full, [2], [], full, [5], [], []))
    assert len(result["questions"]) == 2
    assert codes(result, "skipped") == ["empty_rows"]
    assert result["skipped"][0]["row"] == 15
    assert "3 righe vuote" in result["skipped"][0]["text"]
    assert "15, 16, 18" in result["skipped"][0]["text"]


@pytest.mark.parametrize(("cell", "right"), [("13", "ac"), (31, "ac"), (1.3, "ac"), ("2", "b")])
def test_classquiz_asks_only_which_digits_occur(cell: Cell, right: str) -> None:
    assert rights(understood(classquiz([1, "Q?", "a", "b", "c", "d", 20, cell]))["questions"][0]) == right


def test_a_classquiz_row_without_right_answers_is_a_poll_question() -> None:
    assert "right_missing" in codes(understood(classquiz([1, "Q?", "a", "b", None, None, 20, None])))


def test_html_in_classquiz_becomes_text() -> None:
    result = understood(classquiz([1, "<p>Chi <b>paga</b>?</p>", "a &amp; b", "<i>c</i>", None, None, 20, 1]))
    assert result["questions"][0]["text"] == {"it": "Chi paga?"}
    assert "markup_dropped" in codes(result)


# GIFT


def gift(text: str, **named: Any) -> dict[str, Any]:
    result = understood(text, **named)
    assert result["format"] == "gift"
    return result


def test_gift_single_choice_with_title_and_comment() -> None:
    result = gift(
        "// made by hand\n$CATEGORY: Comune/Prova\n\n"
        "::Q1:: Chi paga se l'esito\nnon arriva? {\n// inside\n~Il Comune\n=L'investitore\n~Nessuno}\n"
    )
    assert result["questions"] == [
        {
            "id": "q1",
            "kind": "choice",
            "text": {"it": "Chi paga se l'esito non arriva?"},
            "options": [
                {"id": "a", "text": {"it": "Il Comune"}},
                {"id": "b", "text": {"it": "L'investitore"}, "right": True},
                {"id": "c", "text": {"it": "Nessuno"}},
            ],
            "pick": {"min": 1, "max": 1},
        }
    ]
    assert result["warnings"] == result["skipped"] == []


def test_a_gift_title_stands_in_where_there_is_no_text() -> None:
    assert gift("::Capitale?::{=Roma ~Milano}")["questions"][0]["text"] == {"it": "Capitale?"}


def test_gift_several_right_answers_come_from_positive_weights() -> None:
    result = gift("Pari? {~%50%due ~%50%quattro ~%-50%tre ~%-50%cinque}")
    assert rights(result["questions"][0]) == "ab"
    assert result["questions"][0]["pick"] == {"min": 1, "max": 4}
    assert codes(result) == ["weight_dropped"]


def test_gift_partial_credit_leaves_only_the_full_answer_right() -> None:
    result = gift("Capitale? {~Milano ~%50%Torino =Roma}")
    assert (rights(result["questions"][0]), codes(result)) == ("c", ["weight_dropped"])


def test_gift_with_two_equals_signs_accepts_either_with_one_choice() -> None:
    result = gift("Un numero pari? {=2 =4 ~3}")
    assert (rights(result["questions"][0]), result["questions"][0]["pick"]["max"]) == ("ab", 1)


def test_gift_short_answer_becomes_typed() -> None:
    result = gift("Due più due? {=quattro =4 =%50%cinque}")
    assert result["questions"] == [
        {"id": "q1", "kind": "typed", "text": {"it": "Due più due?"}, "accepted": {"it": ["quattro", "4"]}}
    ]
    assert codes(result) == ["weight_dropped"]


@pytest.mark.parametrize(
    ("body", "right"),
    [("T", "yes"), ("F", "no"), ("TRUE", "yes"), ("FALSE", "no"), ("true", "yes"), (" F # sbagliato # bravo", "no")],
)
def test_gift_true_and_false_become_yes_and_no(body: str, right: str) -> None:
    question = gift("Il sole è una stella. {" + body + "}")["questions"][0]
    assert (question["kind"], question["right"]) == ("yes_no", right)
    assert question.get("explain") == ({"it": "bravo"} if "#" in body else None)


def test_gift_matching_becomes_pairs() -> None:
    question = gift("Abbina. {=Italia -> Roma =Francia -> Parigi =Spagna -> Madrid}")["questions"][0]
    assert question["kind"] == "match"
    assert question["pairs"] == [
        {"id": "a", "left": {"it": "Italia"}, "right": {"it": "Roma"}},
        {"id": "b", "left": {"it": "Francia"}, "right": {"it": "Parigi"}},
        {"id": "c", "left": {"it": "Spagna"}, "right": {"it": "Madrid"}},
    ]


def test_gift_matching_that_cannot_be_played_is_skipped_or_trimmed_with_the_reason() -> None:
    trimmed = gift("Abbina. {=a -> 1 =b -> 2 = -> 3}")
    assert (len(trimmed["questions"][0]["pairs"]), codes(trimmed)) == (2, ["setting_ignored"])
    result = gift(
        "Q {=x ~y}\n\nA {=a -> 1 =b -> 1}\n\nB {=a -> 1}\n\nC {" + "".join(f"=l{n} -> r{n} " for n in range(7)) + "}"
    )
    assert codes(result, "skipped") == ["repeated_targets", "too_few_options", "too_many_options"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("#1822:5", {"right": 1822, "tolerance": 5}),
        ("#1822", {"right": 1822, "tolerance": 0}),
        ("#3.141..3.142", {"right": 3.1415, "tolerance": 0.0005, "decimals": 4}),
        ("#-5..-1", {"right": -3, "tolerance": 2}),
        ("#=1822:0 =%50%1822:2", {"right": 1822, "tolerance": 0, "band": 2}),
        ("#=2,5:0,5", {"right": 2.5, "tolerance": 0.5, "decimals": 1}),
    ],
)
def test_gift_numbers_have_tolerance_and_band(body: str, fields: dict[str, Any]) -> None:
    question = gift("Quanto? {" + body + "}")["questions"][0]
    assert question == {"id": "q1", "kind": "number", "text": {"it": "Quanto?"}, **fields}


def test_gift_numbers_that_are_none_are_skipped() -> None:
    result = gift("Q {=x ~y}\n\nQuanto? {#tanto}\n\nQuanto? {#1e99}\n\nQuanto? {#}")
    assert codes(result, "skipped") == ["not_understood"] * 3


def test_gift_essays_are_no_quiz_questions_and_are_named() -> None:
    result = gift("Q {=x ~y}\n\nRacconta. {}\n\nRacconta ancora. {####bene}")
    assert [(entry["row"], entry["code"]) for entry in result["skipped"]] == [
        (3, "text_question"),
        (5, "text_question"),
    ]
    assert "Racconta." in result["skipped"][0]["text"]


def test_gift_text_without_braces_becomes_the_note_of_the_next_question() -> None:
    result = gift("Leggi bene questo.\n\nQ {=x ~y}\n\nFine.")
    assert result["questions"][0]["note"] == {"it": "Leggi bene questo."}
    assert codes(result) == ["kind_changed"]
    assert codes(result, "skipped") == ["slide"]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("La capitale è {=Roma ~Milano}, in Italia.", "La capitale è _____, in Italia."),
        ("La capitale è {=Roma ~Milano} .", "La capitale è _____ ."),
        ("{=Roma ~Milano} è la capitale.", "_____ è la capitale."),
    ],
)
def test_gift_missing_words_leave_a_gap_where_the_braces_were(source: str, shown: str) -> None:
    assert gift(source)["questions"][0]["text"] == {"it": shown}


def test_gift_general_feedback_is_the_explanation_before_the_right_answers_own() -> None:
    both = gift("Q? {=x#giusto ~y#sbagliato ####In generale.}")
    assert both["questions"][0]["explain"] == {"it": "In generale."}
    assert codes(both) == ["setting_ignored"]
    assert gift("Q? {=x#giusto ~y}")["questions"][0]["explain"] == {"it": "giusto"}
    assert gift("Quanto? {#5:1#giusto}")["questions"][0]["explain"] == {"it": "giusto"}
    assert "explain" not in gift("Q? {=x ~y#sbagliato}")["questions"][0]


def test_gift_escapes_are_undone_after_splitting() -> None:
    question = gift("a \\= b \\{c\\} \\~ \\# \\: \\\\n riga\\nnuova? {=1 \\= 1 ~\\~due\\#}")["questions"][0]
    assert question["text"] == {"it": "a = b {c} ~ # : \\n riga\nnuova?"}
    assert texts(question) == ["1 = 1", "~due#"]


def test_gift_html_and_markdown_become_text() -> None:
    result = gift(
        "[html]<p>Chi <b>paga</b> &egrave; scritto?</p> {=x<br/>y ~[plain]<b>z</b>}\n\n"
        "[markdown]Chi **paga** [qui](http://x)? {=x ~y}\n\n[plain]a < b <i>? {T}"
    )
    assert [question["text"]["it"] for question in result["questions"]] == [
        "Chi paga è scritto?",
        "Chi paga qui?",
        "a < b <i>?",
    ]
    assert texts(result["questions"][0]) == ["x\ny", "<b>z</b>"]
    assert codes(result) == ["markup_dropped", "markup_dropped"]


def test_gift_pictures_and_scripts_leave_nothing_behind() -> None:
    result = gift('[html]<img src="x">Che cos\'è?<script>alert(1)</script> {=x ~y}')
    assert result["questions"][0]["text"] == {"it": "Che cos'è?"}
    assert codes(result) == ["media_dropped", "markup_dropped"]


@pytest.mark.parametrize("piece", ["<script>", "<b ", "**a", "__a ", "[a](", "`a", "::", "\\\\"])
def test_gift_markup_that_never_ends_costs_no_more_than_its_length(piece: str) -> None:
    begun = time.perf_counter()
    gift("Q {=x ~y}\n\n[markdown]" + piece * (500_000 // len(piece)) + " {=x ~y}")
    assert time.perf_counter() - begun < 2.0


@pytest.mark.parametrize("broken", ["Q {=x ~y", "Q {=x} and {=y}", "Q {ciao}", "Q {=a -> b =c}", "Q } {=x ~y}"])
def test_broken_gift_is_skipped_and_the_rest_is_read(broken: str) -> None:
    result = gift("Prima {=x ~y}\n\n" + broken + "\n\nDopo {=x ~y}")
    assert [question["text"]["it"] for question in result["questions"]] == ["Prima", "Dopo"]
    assert [(entry["row"], entry["code"]) for entry in result["skipped"]] == [(3, "not_understood")]


# Aiken


def aiken(text: str) -> dict[str, Any]:
    result = understood(text)
    assert result["format"] == "aiken"
    return result


def test_aiken_is_read_in_both_styles_with_and_without_blank_lines() -> None:
    result = aiken(
        "Prima?\nA. uno\nB. due\nANSWER: B\nSeconda?\nA) tre\nB) quattro\nC) cinque\nANSWER: C\n\nTerza?\nA. a\nB. b\nANSWER: A"
    )
    assert [rights(question) for question in result["questions"]] == ["b", "c", "a"]
    assert texts(result["questions"][1]) == ["tre", "quattro", "cinque"]
    assert result["warnings"] == result["skipped"] == []


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Q?\na. x\nb. y\nANSWER: B", "b"),
        ("Q?\nA.x\nB.y\nANSWER: B", "b"),
        ("Q?\nA. x\nB. y\nanswer: b", "b"),
        ("Q?\nA. x\nB. y\nANSWER : B", "b"),
        ("Q?\nseconda riga\nA. x\nB. y\nANSWER: B", "b"),
        ("Q?\nA. x\ncontinua\nB. y\nANSWER: B", "b"),
        ("Q?\nA. x\nB. y\nC. z\nANSWER: A, C", "ac"),
    ],
)
def test_aiken_written_freely_is_read_with_a_warning(text: str, right: str) -> None:
    result = aiken(text)
    assert rights(result["questions"][0]) == right
    assert "not_standard" in codes(result)


def test_aiken_takes_letters_up_to_l_and_several_answers_become_multiple_choice() -> None:
    options = "".join(f"{letter}. opzione {letter}\n" for letter in "ABCDEFGHIJKL")
    result = aiken(f"Q?\n{options}ANSWER: L\n\nQ2?\n{options}ANSWER: A, L")
    assert [rights(question) for question in result["questions"]] == ["l", "al"]
    assert result["questions"][1]["pick"] == {"min": 1, "max": 12}
    assert codes(result) == ["not_standard", "kind_changed"]


def test_aiken_without_a_usable_answer_is_a_poll_question() -> None:
    result = aiken("Q?\nA. x\nB. y\nANSWER: D\n\nR?\nA. x\nB. y\nANSWER:\n\nS?\nA. x\nB. y")
    assert [rights(question) for question in result["questions"]] == ["", "", ""]
    assert [code for code in codes(result) if code.startswith("right")] == [
        "right_out_of_range",
        "right_missing",
        "right_missing",
    ]


def test_a_name_that_begins_like_an_option_is_still_the_question() -> None:
    assert aiken("A. Volta inventò la pila?\nA. Sì\nB. No\nANSWER: A")["questions"][0]["text"] == {
        "it": "A. Volta inventò la pila?"
    }


def test_aiken_lines_without_their_question_are_skipped() -> None:
    result = aiken("Introduzione\n\nQ?\nA. x\nB. y\nANSWER: A\n\nANSWER: B\n\nFine")
    assert len(result["questions"]) == 1
    assert [(entry["row"], entry["code"]) for entry in result["skipped"]] == [
        (1, "not_understood"),
        (8, "not_understood"),
        (10, "not_understood"),
    ]


# Paste


def paste(text: str, **named: Any) -> dict[str, Any]:
    result = understood(text, **named)
    assert result["format"] == "paste"
    return result


def test_pasted_text_in_two_languages_is_read() -> None:
    result = paste(
        "Chi paga? || Who pays? (30s)\n- Il Comune || The municipality\n- [x] L'investitore || The investor\n"
        "> Perché rischia. || Because of the risk."
    )
    assert result["questions"] == [
        {
            "id": "q1",
            "kind": "choice",
            "text": {"it": "Chi paga?", "en": "Who pays?"},
            "options": [
                {"id": "a", "text": {"it": "Il Comune", "en": "The municipality"}},
                {"id": "b", "text": {"it": "L'investitore", "en": "The investor"}, "right": True},
            ],
            "pick": {"min": 1, "max": 1},
            "time": 30,
            "explain": {"it": "Perché rischia.", "en": "Because of the risk."},
        }
    ]
    assert result["warnings"] == result["skipped"] == []


def test_languages_of_pasted_text_follow_the_session_and_a_missing_one_never_blocks() -> None:
    result = paste("One || Uno || Trois\n- a || x\n- || y\n* c *", language="en", languages=["en", "it"])
    question = result["questions"][0]
    assert question["text"] == {"en": "One", "it": "Uno"}
    assert [option["text"] for option in question["options"]] == [{"en": "a", "it": "x"}, {"it": "y"}, {"en": "c"}]
    assert codes(result) == ["setting_ignored"]


@pytest.mark.parametrize(
    ("lines", "right"),
    [
        ("- x\n- y *", "b"),
        ("* x\n* =y", "b"),
        ("• x\n• = y", "b"),
        ("A. x\nB. y *", "b"),
        ("A) x\nB) =y", "b"),
        ("1. x\n2. y *", "b"),
        ("1) x\n2) y *", "b"),
        ("[ ] x\n[x] y", "b"),
        ("- [X] x\n- [x] y", "ab"),
        ("=x\n- y", "a"),
    ],
)
def test_every_way_to_mark_options_and_right_answers(lines: str, right: str) -> None:
    question = paste(f"Domanda?\n{lines}")["questions"][0]
    assert (texts(question), rights(question)) == (["x", "y"], right)
    assert question["pick"]["max"] == len(right)


def test_numbered_questions_lose_their_number_and_text_may_go_on_over_lines() -> None:
    question = paste("1. Domanda lunga\nche continua?\n- x\n  ancora x\n- y *")["questions"][0]
    assert question["text"] == {"it": "Domanda lunga\nche continua?"}
    assert texts(question) == ["x ancora x", "y"]


def test_a_blank_line_between_question_and_options_is_forgiven() -> None:
    result = paste("Domanda?\n\n- x\n- y *\n\nAltra?\n- a *\n- b")
    assert [rights(question) for question in result["questions"]] == ["b", "a"]


def test_pasted_questions_without_right_answer_are_poll_questions() -> None:
    assert codes(paste("Domanda?\n- x\n- y")) == ["right_missing"]


def test_a_pasted_time_out_of_bounds_means_no_limit() -> None:
    result = paste("Domanda? (4 sec)\n- x *\n- y")
    assert ("time" in result["questions"][0], codes(result)) == (False, ["time_odd"])


def test_one_line_alone_is_a_text_question_and_is_left_out_with_the_reason() -> None:
    result = paste("Che ne pensi?\n\nDomanda?\n- x *\n- y\n\nUna riga\ne un'altra")
    assert [(entry["row"], entry["code"]) for entry in result["skipped"]] == [
        (1, "text_question"),
        (7, "not_understood"),
    ]


# Limits and refusals


def test_long_texts_are_shortened_with_a_warning_and_never_inside_a_character() -> None:
    family = "👩‍👩‍👧‍👦"
    result = understood(kahoot([1, family * 301, "è" * 151, "e\u0301" * 150, None, None, 20, 1]))
    question = result["questions"][0]
    assert question["text"] == {"it": family * (QUESTION_CHARACTERS - 1) + "…"}
    assert texts(question) == ["è" * (OPTION_CHARACTERS - 1) + "…", "e\u0301" * 150]
    assert [(warning["code"], warning["column"]) for warning in result["warnings"]] == [
        ("option_long", "C"),
        ("text_long", "B"),
    ]


def test_a_long_explanation_is_shortened() -> None:
    result = paste("Q?\n- x *\n- y\n> " + "a" * 1001)
    assert result["questions"][0]["explain"] == {"it": "a" * 999 + "…"}
    assert codes(result) == ["text_long"]


def test_an_accepted_text_too_long_to_type_is_left_out() -> None:
    result = gift("Q? {=" + "a" * 151 + " =b}")
    assert (result["questions"][0]["accepted"], codes(result)) == ({"it": ["b"]}, ["option_long"])


@pytest.mark.parametrize(
    "cluster",
    ["e\u0301", "👩‍🔬", "👍🏽", "🇮🇹", "1️⃣", "한", "\u1112\u1161\u11ab", "🏴\U000e0067\U000e0062\U000e007f", "नि"],
)
def test_one_character_as_people_see_it_counts_once(cluster: str) -> None:
    assert graphemes(cluster * 3) == [cluster] * 3
    assert shortened(cluster * 4, 3) == cluster * 2 + "…"


def test_endless_accents_do_not_outwit_the_limit() -> None:
    kept = shortened("a" + "\u0301" * 100_000, 300)
    assert len(kept) <= 300 * LONGEST_CLUSTER


def test_two_answers_with_the_same_text_are_pointed_out() -> None:
    result = with_right(1, ("Roma", "roma", "x", None))
    assert [(warning["code"], warning["column"]) for warning in result["warnings"]] == [("duplicate_option", "D")]


def test_the_hundred_and_first_question_is_left_out_by_name() -> None:
    result = understood(kahoot(*[ROME] * (MAX_QUESTIONS + 2)))
    assert len(result["questions"]) == MAX_QUESTIONS
    assert [(entry["row"], entry["code"]) for entry in result["skipped"]] == [
        (109, "too_many_questions"),
        (110, "too_many_questions"),
    ]


def test_thirteen_options_are_too_many() -> None:
    result = gift("Q {=x ~y}\n\nR {=x " + "".join(f"~{n} " for n in range(12)) + "}")
    assert codes(result, "skipped") == ["too_many_options"]


@pytest.mark.parametrize(
    "text",
    ["", "   \n\n", "una riga sola", "a;b\n1;2", '{"quiz": {"questions": []}}', "[1, 2]", "Q {}", "::a::", "[" * 9999],
)
def test_text_without_any_quiz_question_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(NothingRead) as caught:
        understand(text, language="it", languages=["it"])
    assert caught.value.text


def test_a_table_with_a_known_header_and_no_questions_says_what_it_left_out() -> None:
    with pytest.raises(NothingRead) as caught:
        understand(kahoot([1, "Solo testo?"]), language="en", languages=["en"])
    assert [entry["code"] for entry in caught.value.skipped] == ["text_question"]
    assert caught.value.text.startswith("No question")


def test_messages_come_in_italian_or_in_english() -> None:
    row: list[Cell] = [1, "Q?", "a", "b", "c", None, 20, 1.3]
    italian = understood(kahoot(row), language="it")["warnings"][0]["text"]
    english = understood(kahoot(row), language="en")["warnings"][0]["text"]
    polish = understood(kahoot(row), language="pl")["warnings"][0]["text"]
    assert italian.startswith("La risposta giusta")
    assert english == polish
    assert english.startswith("The right answer")


def test_control_characters_never_reach_a_setup() -> None:
    question = paste("Do\x00man\x1bda?\n- x\x07 *\n- y\x08")["questions"][0]
    assert question["text"] == {"it": "Domanda?"}
    assert texts(question) == ["x", "y"]


PIECES = st.sampled_from(
    [
        "\n",
        "\n\n",
        "{",
        "}",
        "=",
        "~",
        "#",
        "->",
        "%50%",
        "::",
        "[html]",
        "<b>",
        "\\",
        "T",
        "ANSWER: A",
        "A. ",
        "- ",
        " *",
    ]
    + [
        " || ",
        "[x] ",
        "> ",
        "(30s)",
        "1) ",
        "Question",
        "Answer 1;Answer 2",
        ";",
        "..",
        ":",
        "3.5",
        "####",
        "//",
        "è",
        "👍🏽",
    ]
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=40).map("".join))
def test_whatever_is_pasted_is_understood_or_refused_in_words(text: str) -> None:
    try:
        result = understand(text, language="it", languages=["it", "en"])
    except NothingRead as refused:
        assert refused.text
    else:
        assert result["questions"]


CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.text(max_size=8), st.sampled_from(LISTS)
)


@given(st.lists(st.lists(CELLS, max_size=12), min_size=1, max_size=6), st.booleans())
def test_whatever_stands_in_the_cells_is_understood_or_refused_in_words(rows: list[list[Cell]], ours: bool) -> None:
    file = kahoot(*rows) if ours else classquiz(*rows)
    try:
        questions = understand(file, language="it", languages=["it"])["questions"]
    except NothingRead as refused:
        assert refused.text
    else:
        for question in questions:
            assert 2 <= len(question["options"]) <= 4
            assert len(rights(question)) <= question["pick"]["max"]
            assert 5 <= question.get("time", 5) <= 3600
