"""Turns rows or text of other tools' quiz files into questions of our own setup; pure, between file and preview.

Read here: Kahoot's spreadsheet, ClassQuiz's spreadsheet, Moodle GIFT, Aiken, and what people paste. The rule of the
whole file: keep and say so, rather than refuse. Layouts and readings: LIVE sections 9.1, 9.2, 9.6, 9.7, 9.8.
"""

from __future__ import annotations

import datetime
import html
import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, Protocol

Cell = str | float | int | bool | datetime.date | None
Text = dict[str, str]

# LIVE section 2, "Limits", in characters as a person sees them.
QUESTION_CHARACTERS = 300
LONG_CHARACTERS = 1_000
OPTION_CHARACTERS = 150
MAX_QUESTIONS = 100
MAX_OPTIONS = 12
MAX_PAIRS = 6
SHORTEST_TIME, LONGEST_TIME = 5, 3_600
HEADER_WITHIN_ROWS = 15
LETTERS = "abcdefghijkl"
# A cluster of more code points than this is an attack on the limit, not writing (Unicode UAX 15 allows 30 marks).
LONGEST_CLUSTER = 32


class NothingRead(Exception):
    """No question could be read. text: a sentence for the person; warnings, skipped: as in the import result."""

    code = "nothing_read"

    def __init__(self, text: str, warnings: list[dict[str, Any]], skipped: list[dict[str, Any]]) -> None:
        super().__init__(text)
        self.text = text
        self.warnings = warnings
        self.skipped = skipped


class ReadSheet(Protocol):
    """One sheet: rows from row 1 on, of typed cells."""

    @property
    def rows(self) -> Sequence[Sequence[Cell]]: ...


class ReadFile(Protocol):
    """What a reader of files found: sheets of a workbook, or text (with its rows as one sheet where it is a table)."""

    @property
    def name(self) -> str: ...
    @property
    def sheets(self) -> Sequence[ReadSheet]: ...
    @property
    def text(self) -> str | None: ...
    @property
    def warnings(self) -> Sequence[Mapping[str, object]]: ...


def understand(source: ReadFile | str, *, language: str, languages: Sequence[str]) -> dict[str, Any]:
    """The import result: {format, title, language, questions, warnings, skipped}.

    source: a read file, or text somebody pasted. language: of the file, and of the messages ("it", else English).
    languages: of the session, in its order; it decides which part of "uno || one" is which language.
    format: kahoot, classquiz, gift, aiken or paste. title: plain text in `language`, "" where none is known.
    questions: setups of a quiz with ids q1, q2, ... and option ids a, b, ... in the order of the file.
    warnings: [{row, column, code, text}], what was changed; skipped: [{row, code, text}], what was left out. Rows and
    lines count from 1; column is a spreadsheet letter, None in text.
    Raises NothingRead when there is not one question; raises nothing else.
    """
    notes = _Notes(language)
    title, text = "", None
    sheets: Sequence[ReadSheet] = ()
    if isinstance(source, str):
        text = source
    else:
        title, sheets, text = source.name, source.sheets, source.text
        notes.warnings.extend(dict(warning) for warning in source.warnings)
    drafts: list[_Draft]
    for sheet in sheets:
        header = _find_header(sheet.rows)
        if header is not None:
            drafts = list(_from_table(sheet.rows, header, language, notes))
            form = "classquiz" if header.classquiz else "kahoot"
            title = (_title_of_classquiz(sheet.rows, header, notes) if header.classquiz else "") or title
            break
    else:
        if text is None:
            raise NothingRead(notes.say("no_header"), notes.warnings, notes.skipped)
        text = _without_controls(text)
        if _is_json(text):
            raise NothingRead(notes.say("json"), notes.warnings, notes.skipped)
        if _AIKEN_ANSWER.search(text) and "{" not in text:
            form, drafts = "aiken", list(_from_aiken(text, language, notes))
        elif _is_gift(text):
            form, drafts = "gift", list(_from_gift(text, language, notes))
        else:
            form, drafts = "paste", list(_from_paste(text, language, languages, notes))
    questions: list[dict[str, Any]] = []
    for draft in drafts:
        if len(questions) >= MAX_QUESTIONS:
            notes.skip(draft.row, "too_many_questions", limit=MAX_QUESTIONS)
        elif (question := _finished(draft, f"q{len(questions) + 1}", notes)) is not None:
            questions.append(question)
    notes.skipped.sort(key=lambda entry: entry["row"])
    if not questions:
        raise NothingRead(notes.say("nothing"), notes.warnings, notes.skipped)
    return {
        "format": form,
        "title": shortened(_without_controls(title).strip(), QUESTION_CHARACTERS),
        "language": language,
        "questions": questions,
        "warnings": notes.warnings,
        "skipped": notes.skipped,
    }


# What is said. Italian first, English second; {names} are filled in.

_WORDS: dict[str, tuple[str, str]] = {
    "nothing": (
        (
            "In questo file non è stata trovata nessuna domanda da usare in un quiz. Serve almeno una domanda con due"
            " risposte."
        ),
        "No question for a quiz was found in this file. At least one question with two answers is needed.",
    ),
    "no_header": (
        (
            "Il foglio non ha una riga di intestazione riconosciuta nelle prime 15 righe: servono le colonne «Question»,"
            " «Answer 1», «Answer 2», «Time limit» e «Correct answer(s)»."
        ),
        (
            "The sheet has no header that is known in its first 15 rows: it needs the columns “Question”, “Answer 1”,"
            " “Answer 2”, “Time limit” and “Correct answer(s)”."
        ),
    ),
    "json": (
        "Questo file è JSON, che non viene letto come quiz. Esporta le domande come XLSX, GIFT o Aiken.",
        "This file is JSON, which is not read as a quiz. Export the questions as XLSX, GIFT or Aiken.",
    ),
    "decimal_list": (
        "La risposta giusta era scritta come il numero {value}: è stata letta come l'elenco {read}. Controlla.",
        "The right answer was written as the number {value}: it was read as the list {read}. Please check.",
    ),
    "date_list": (
        (
            "Il foglio di calcolo ha trasformato la risposta giusta nella data {value}: è stata letta come {read}."
            " Controlla."
        ),
        "The spreadsheet had turned the right answer into the date {value}: it was read as {read}. Please check.",
    ),
    "date_list.option": (
        "Il foglio di calcolo ha trasformato questa risposta in una data: controlla il testo «{value}».",
        "The spreadsheet had turned this answer into a date: check the text “{value}”.",
    ),
    "digit_list": (
        "La risposta giusta {value} è stata letta come l'elenco {read}. Controlla.",
        "The right answer {value} was read as the list {read}. Please check.",
    ),
    "time_missing": (
        "Nessun tempo indicato: la domanda è senza limite di tempo.",
        "No time is given: the question has no time limit.",
    ),
    "time_odd": (
        "Il tempo «{value}» non è tra 5 e 3600 secondi: la domanda è senza limite di tempo.",
        "The time “{value}” is not between 5 and 3,600 seconds: the question has no time limit.",
    ),
    "answer_gap": (
        "Tra le risposte c'era una casella vuota: è stata tolta, e le risposte giuste sono rimaste quelle del file.",
        (
            "There was an empty cell between the answers: it was closed, and the right answers are still those of the"
            " file."
        ),
    ),
    "right_missing": (
        "Nessuna risposta giusta indicata: la domanda resta come sondaggio, senza punti.",
        "No right answer is given: the question is kept as a poll, without points.",
    ),
    "right_out_of_range": (
        "La risposta giusta «{value}» non corrisponde a nessuna risposta: la domanda resta come sondaggio.",
        "The right answer “{value}” does not match the answers there are: the question is kept as a poll.",
    ),
    "text_long": (
        "Il testo superava {limit} caratteri ed è stato accorciato. Rileggi la fine.",
        "The text was longer than {limit} characters and was shortened. Read its end again.",
    ),
    "option_long": (
        "La risposta {value} superava {limit} caratteri ed è stata accorciata. Rileggi la fine.",
        "Answer {value} was longer than {limit} characters and was shortened. Read its end again.",
    ),
    "option_long.typed": (
        "Un testo accettato supera {limit} caratteri, troppi per una riga da scrivere: è stato lasciato fuori.",
        "One accepted text is longer than {limit} characters, too long for a line to type: it was left out.",
    ),
    "duplicate_option": (
        "Due risposte hanno lo stesso testo, «{value}»: chi risponde non può distinguerle.",
        "Two answers have the same text, “{value}”: people cannot tell them apart.",
    ),
    "kind_changed": (
        "Un testo senza domanda (righe {value}) è diventato la nota della domanda che segue.",
        "A text without a question (line {value}) has become the note of the question that follows.",
    ),
    "kind_changed.several": (
        "Aiken prevede una sola risposta giusta; qui sono più d'una: la domanda è diventata a scelta multipla.",
        "Aiken knows one right answer; here there are several: the question now takes more than one choice.",
    ),
    "weight_dropped": (
        "Le percentuali delle risposte non si conservano: contano solo le risposte giuste e sbagliate.",
        "The percentages of answers are not kept: answers are only right or wrong.",
    ),
    "media_dropped": (
        "Immagini, video e suoni non vengono importati: aggiungili dopo, se servono.",
        "Pictures, videos and sounds are not imported: add them later where they are needed.",
    ),
    "markup_dropped": (
        "La formattazione (grassetto, HTML, ecc.) è stata tolta: è rimasto il testo.",
        "Formatting (bold, HTML and so on) was removed: the text has stayed.",
    ),
    "setting_ignored.column": (
        "La colonna «{value}» non viene letta.",
        "The column “{value}” is not read.",
    ),
    "setting_ignored.description": (
        "La descrizione del quiz non viene importata: «{value}».",
        "The description of the quiz is not imported: “{value}”.",
    ),
    "setting_ignored.feedback": (
        "I commenti alle risposte sbagliate non vengono importati; resta la spiegazione della risposta giusta.",
        "Comments on wrong answers are not imported; the explanation of the right answer is kept.",
    ),
    "setting_ignored.distractor": (
        "La risposta in più «{value}», senza coppia, è stata tolta.",
        "The extra answer “{value}”, which has no partner, was removed.",
    ),
    "setting_ignored.languages": (
        "Ci sono più lingue di quelle della sessione: «{value}» è stato tolto.",
        "There are more languages than the session has: “{value}” was removed.",
    ),
    "not_standard": (
        "La riga «{value}» non segue alla lettera il formato Aiken; è stata letta lo stesso. Controlla.",
        "The line “{value}” does not follow the Aiken format to the letter; it was read all the same. Please check.",
    ),
    "question_missing": (
        "Ci sono risposte ma manca il testo della domanda.",
        "There are answers, but the text of the question is missing.",
    ),
    "too_few_options": (
        "«{value}» ha una sola risposta: ne servono almeno due.",
        "“{value}” has only one answer: at least two are needed.",
    ),
    "too_many_options": (
        "«{value}» ha {count} risposte: il limite è {limit}.",
        "“{value}” has {count} answers: the limit is {limit}.",
    ),
    "repeated_targets": (
        "«{value}»: più elementi hanno la stessa risposta abbinata, e le coppie non si distinguono.",
        "“{value}”: several items have the same partner, so the pairs cannot be told apart.",
    ),
    "text_question": (
        (
            "«{value}» è una domanda a risposta libera: non ha una risposta giusta e in un quiz non si può usare. Mettila"
            " in un sondaggio."
        ),
        "“{value}” is an open question: it has no right answer and cannot be used in a quiz. Put it in a poll.",
    ),
    "not_understood": (
        "Non è stato possibile capire questa parte: «{value}».",
        "This part could not be understood: “{value}”.",
    ),
    "slide": (
        "«{value}» è un testo senza domanda, e dopo non c'è una domanda a cui unirlo.",
        "“{value}” is a text without a question, and no question follows that it could be joined to.",
    ),
    "too_many_questions": (
        "Un quiz tiene al massimo {limit} domande: questa è in più. Dividi il file in due.",
        "A quiz holds at most {limit} questions: this one is beyond. Split the file in two.",
    ),
    "empty_rows": (
        (
            "{count} righe vuote dentro l'elenco (righe {value}): ClassQuiz esporta così le domande di altri tipi, che"
            " quindi mancano."
        ),
        (
            "{count} empty rows inside the list (rows {value}): this is how ClassQuiz exports questions of other kinds,"
            " so those are missing."
        ),
    ),
}


class _Notes:
    """Collects what the preview will say, in one language."""

    def __init__(self, language: str) -> None:
        self.column = 0 if language.lower().startswith("it") else 1
        self.warnings: list[dict[str, Any]] = []
        self.skipped: list[dict[str, Any]] = []

    def say(self, key: str, **values: object) -> str:
        shown = {name: shortened(str(value), 80) for name, value in values.items()}
        return _WORDS[key][self.column].format(**shown)

    def warn(self, row: int, column: str | None, key: str, **values: object) -> None:
        warning = {"row": row, "column": column, "code": key.partition(".")[0], "text": self.say(key, **values)}
        if warning not in self.warnings:
            self.warnings.append(warning)

    def skip(self, row: int, code: str, **values: object) -> None:
        self.skipped.append({"row": row, "code": code, "text": self.say(code, **values)})


# Length as a person sees it


def graphemes(text: str) -> list[str]:
    """Text cut into the characters a person sees: letter with its accents, family of emoji, flag, Hangul syllable.

    An approximation of Unicode UAX 29 with what the standard library knows: it never cuts inside one of those, but
    may keep together what the full algorithm would part.
    """
    clusters: list[str] = []
    for sign in text:
        previous = clusters[-1] if clusters else ""
        if previous and len(previous) < LONGEST_CLUSTER and _joins(previous, sign):
            clusters[-1] += sign
        else:
            clusters.append(sign)
    return clusters


def _joins(previous: str, sign: str) -> bool:
    code = ord(sign)
    if unicodedata.category(sign) in ("Mn", "Me", "Mc") or sign in "\u200c\u200d" or previous[-1] == "\u200d":
        return True
    if 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F:
        return True
    if 0x1F1E6 <= code <= 0x1F1FF:
        return len(previous) == 1 and 0x1F1E6 <= ord(previous) <= 0x1F1FF
    if 0x1160 <= code <= 0x11FF:
        return 0x1100 <= ord(previous[-1]) <= 0x11FF or 0xAC00 <= ord(previous[-1]) <= 0xD7A3
    return 0x1100 <= code <= 0x115F and 0x1100 <= ord(previous[-1]) <= 0x115F


def shortened(text: str, limit: int) -> str:
    """text, or its beginning and "…", of at most `limit` characters as a person sees them."""
    # A cluster holds at most LONGEST_CLUSTER code points, so what lies beyond cannot be within the limit.
    clusters = graphemes(text[: (limit + 1) * LONGEST_CLUSTER]) if len(text) > limit else []
    return "".join(clusters[: limit - 1]).rstrip() + "…" if len(clusters) > limit else text


def _without_controls(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n").replace("\ufeff", "")
    return re.sub("[\x00-\x08\x0c\x0e-\x1f\x7f]", "", text)


# From draft to setup


@dataclass
class _Draft:
    """A question as understood, before limits and ids. columns: where in a spreadsheet its parts stood."""

    row: int
    kind: str
    text: Text
    options: list[tuple[Text, bool]] = field(default_factory=list)
    several: bool = False
    pairs: list[tuple[Text, Text]] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    time: int | None = None
    note: Text | None = None
    explain: Text | None = None
    language: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    option_columns: list[str] = field(default_factory=list)

    @property
    def called(self) -> str:
        return next(iter(self.text.values()), "")


def _finished(draft: _Draft, name: str, notes: _Notes) -> dict[str, Any] | None:
    """The setup of one question, or None when it was skipped with a reason."""
    if not draft.text:
        notes.skip(draft.row, "question_missing")
        return None
    question: dict[str, Any] = {"id": name, "kind": draft.kind}
    made = {
        "choice": _finished_choice,
        "match": _finished_match,
        "typed": _finished_typed,
        "yes_no": _finished_plain,
        "number": _finished_plain,
        "text": _finished_plain,
    }[draft.kind](draft, notes)
    if made is None:
        return None
    where = draft.columns.get("text")
    question["text"] = _within(draft.text, QUESTION_CHARACTERS, draft.row, where, "text_long", "", notes)
    if draft.note:
        question["note"] = _within(draft.note, LONG_CHARACTERS, draft.row, None, "text_long", "", notes)
    question.update(made)
    if draft.time is not None:
        question["time"] = draft.time
    if draft.explain:
        question["explain"] = _within(draft.explain, LONG_CHARACTERS, draft.row, None, "text_long", "", notes)
    return question


def _finished_choice(draft: _Draft, notes: _Notes) -> dict[str, Any] | None:
    count = len(draft.options)
    if count < 2:
        notes.skip(draft.row, "too_few_options" if count else "text_question", value=draft.called)
        return None
    if count > MAX_OPTIONS:
        notes.skip(draft.row, "too_many_options", value=draft.called, count=count, limit=MAX_OPTIONS)
        return None
    options = []
    seen: set[tuple[str, str]] = set()
    columns: Sequence[str | None] = draft.option_columns or [None] * count
    for letter, (text, right), column in zip(LETTERS, draft.options, columns, strict=False):
        for language, words in text.items():
            if (language, words.casefold()) in seen:
                notes.warn(draft.row, column, "duplicate_option", value=words)
            seen.add((language, words.casefold()))
        option: dict[str, Any] = {
            "id": letter,
            "text": _within(text, OPTION_CHARACTERS, draft.row, column, "option_long", letter.upper(), notes),
        }
        if right:
            option["right"] = True
        options.append(option)
    return {"options": options, "pick": {"min": 1, "max": count if draft.several else 1}}


def _finished_match(draft: _Draft, notes: _Notes) -> dict[str, Any] | None:
    count = len(draft.pairs)
    if count < 2:
        notes.skip(draft.row, "too_few_options", value=draft.called)
        return None
    if count > MAX_PAIRS:
        notes.skip(draft.row, "too_many_options", value=draft.called, count=count, limit=MAX_PAIRS)
        return None
    if len({tuple(right.items()) for _, right in draft.pairs}) < count:
        notes.skip(draft.row, "repeated_targets", value=draft.called)
        return None
    pairs = []
    for letter, (left, right) in zip(LETTERS, draft.pairs, strict=False):
        left = _within(left, OPTION_CHARACTERS, draft.row, None, "option_long", letter.upper(), notes)
        right = _within(right, OPTION_CHARACTERS, draft.row, None, "option_long", letter.upper(), notes)
        pairs.append({"id": letter, "left": left, "right": right})
    return {"pairs": pairs}


def _finished_typed(draft: _Draft, notes: _Notes) -> dict[str, Any] | None:
    kept = [text for text in dict.fromkeys(draft.accepted) if shortened(text, OPTION_CHARACTERS) == text]
    if len(kept) < len(set(draft.accepted)):
        notes.warn(draft.row, None, "option_long.typed", limit=OPTION_CHARACTERS)
    if not kept:
        notes.skip(draft.row, "not_understood", value=draft.called)
        return None
    return {"accepted": {draft.language: kept}}


def _finished_plain(draft: _Draft, notes: _Notes) -> dict[str, Any] | None:
    if draft.kind == "text":
        notes.skip(draft.row, "text_question", value=draft.called)
        return None
    return dict(draft.fields)


def _within(text: Text, limit: int, row: int, column: str | None, code: str, value: str, notes: _Notes) -> Text:
    kept = {language: shortened(words, limit) for language, words in text.items()}
    if kept != text:
        notes.warn(row, column, code, limit=limit, value=value)
    return kept


# Spreadsheets: Kahoot and ClassQuiz


@dataclass
class _Header:
    """Where the columns are. row, question, time, right and the values of answers count from 0."""

    row: int
    question: int
    answers: dict[int, int]
    time: int | None
    right: int | None
    classquiz: bool


def _find_header(rows: Sequence[Sequence[Cell]]) -> _Header | None:
    for number, row in enumerate(rows[:HEADER_WITHIN_ROWS]):
        question = time = right = None
        answers: dict[int, int] = {}
        classquiz = False
        for column, cell in enumerate(row):
            words = re.sub(r"\s+", "", cell).casefold() if isinstance(cell, str) else ""
            if question is None and words.startswith(("question", "domanda")):
                question = column
            elif found := re.match(r"(?:answer|risposta)(\d+)|(\d+)(?:st|nd|rd|th)answer", words):
                place = int(found[1] or found[2])
                if 1 <= place <= MAX_OPTIONS:
                    answers.setdefault(place, column)
                classquiz = classquiz or found[2] is not None
            elif time is None and words.startswith(("timelimit", "limiteditempo", "tempo")):
                time = column
            elif right is None and re.match(r"correctanswer|rispost[ae(/)]*corrett", words):
                right = column
        if question is not None and len(answers) >= 2:
            return _Header(number, question, answers, time, right, classquiz)
    return None


def _from_table(rows: Sequence[Sequence[Cell]], header: _Header, language: str, notes: _Notes) -> Iterator[_Draft]:
    mapped = [header.question, *header.answers.values()]
    mapped += [column for column in (header.time, header.right) if column is not None]
    _warn_of_other_columns(rows, header, mapped, notes)
    empty: list[int] = []
    gaps: list[int] = []
    for row, cells in enumerate(rows[header.row + 1 :], start=header.row + 2):
        if all(_is_blank(_at(cells, column)) for column in mapped):
            empty.append(row)
            # ClassQuiz numbers in column A also the questions that it leaves out.
            if any(not _is_blank(cell) for cell in cells[: header.question]):
                gaps, empty = gaps + empty, []
            continue
        gaps, empty = gaps + empty, []
        yield _from_row(row, cells, header, language, notes)
    if header.classquiz and gaps:
        notes.skipped.append(
            {
                "row": gaps[0],
                "code": "empty_rows",
                "text": notes.say("empty_rows", count=len(gaps), value=", ".join(map(str, gaps))),
            }
        )


def _from_row(row: int, cells: Sequence[Cell], header: _Header, language: str, notes: _Notes) -> _Draft:
    read = (lambda words: _plain(words, None, row, notes)) if header.classquiz else str.strip
    columns = {"text": _letter(header.question)}
    text = read(_shown(_at(cells, header.question), language))
    answers: dict[int, str] = {}
    for number in sorted(header.answers):
        cell = _at(cells, header.answers[number])
        if words := read(_shown(cell, language)):
            answers[number] = words
            if isinstance(cell, datetime.date):
                notes.warn(row, _letter(header.answers[number]), "date_list.option", value=words)
    gaps = [number for number in header.answers if number not in answers and number < max(answers, default=0)]
    if gaps:
        notes.warn(row, _letter(header.answers[min(gaps)]), "answer_gap")
    right: set[int] = set()
    draft = _Draft(row, "choice", {language: text} if text else {}, language=language, columns=columns)
    if text and len(answers) >= 2:
        right = _right_of_row(row, cells, header, set(answers), notes)
        draft.time = _time_of_row(row, cells, header, notes)
    draft.options = [({language: words}, number in right) for number, words in answers.items()]
    draft.option_columns = [_letter(header.answers[number]) for number in answers]
    draft.several = len(right) > 1
    return draft


def _right_of_row(row: int, cells: Sequence[Cell], header: _Header, existing: set[int], notes: _Notes) -> set[int]:
    cell = _at(cells, header.right)
    right, code = right_numbers(cell, existing, any_order=header.classquiz)
    if code is not None:
        column = _letter(header.right) if header.right is not None else None
        read = ", ".join(str(number) for number in sorted(right))
        notes.warn(row, column, code, value=_shown(cell, "en"), read=read)
    return right


def _time_of_row(row: int, cells: Sequence[Cell], header: _Header, notes: _Notes) -> int | None:
    cell = _at(cells, header.time)
    column = _letter(header.time) if header.time is not None else None
    if _is_blank(cell):
        notes.warn(row, column, "time_missing")
        return None
    shown = _shown(cell, "en")
    leading = None if isinstance(cell, bool | datetime.date) else re.match(r"\s*(\d{1,6})(?!\d)", shown)
    if leading and SHORTEST_TIME <= int(leading[1]) <= LONGEST_TIME:
        return int(leading[1])
    notes.warn(row, column, "time_odd", value=shown)
    return None


def _warn_of_other_columns(rows: Sequence[Sequence[Cell]], header: _Header, mapped: list[int], notes: _Notes) -> None:
    for column, cell in enumerate(rows[header.row]):
        # Left of the question stands the running number.
        if column < header.question or column in mapped or not isinstance(cell, str) or not cell.strip():
            continue
        if any(not _is_blank(_at(row, column)) for row in rows[header.row + 1 :]):
            media = re.match(r"\s*(image|picture|video|media|audio|immagin|foto)", cell, re.IGNORECASE)
            key = "media_dropped" if media else "setting_ignored.column"
            notes.warn(header.row + 1, _letter(column), key, value=cell.strip())


def _title_of_classquiz(rows: Sequence[Sequence[Cell]], header: _Header, notes: _Notes) -> str:
    """Cell C5; the description is in C6. Both stand above the header in row 13."""
    if header.row < 6:
        return ""
    title, description = _shown(_at(rows[4], 2), "en"), _shown(_at(rows[5], 2), "en")
    if description.strip():
        notes.warn(6, "C", "setting_ignored.description", value=description.strip())
    return _plain(title, None, 5, notes)


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "gen jan", "feb", "mar", "apr", "mag may", "giu jun",
            "lug jul", "ago aug", "set sep", "ott oct", "nov", "dic dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip


def right_numbers(cell: Cell, existing: set[int], *, any_order: bool = False) -> tuple[set[int], str | None]:
    """The numbers of the right options, and a warning code or None.

    cell: "1,3" as it survived spreadsheets: text, the number 1.3, the number 13, or a date. existing: numbers of the
    options that hold text. any_order: "31" is a list too (ClassQuiz only asks whether a digit occurs).
    Never a number outside `existing`: then the set is empty and the code right_out_of_range.
    Source: LIVE section 9.1, "The Italian Excel trap".
    """
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return set(), "right_missing"
    wanted: list[int] = []
    code: str | None = None
    if isinstance(cell, datetime.date):
        wanted, code = [cell.day, cell.month], "date_list"
    elif isinstance(cell, bool):
        pass
    elif isinstance(cell, int | float):
        if math.isfinite(cell):
            wanted, code = _listed(str(int(cell)) if cell == int(cell) else repr(cell), existing, any_order)
    else:
        wanted, code = _listed(cell.strip(), existing, any_order)
    if wanted and set(wanted) <= existing:
        return set(wanted), code
    return set(), "right_out_of_range"


def _listed(text: str, existing: set[int], any_order: bool) -> tuple[list[int], str | None]:
    if len(text) > 80:
        return [], None
    if whole := re.fullmatch(r"(\d+)(?:[.,]0+)?", text):
        digits = [int(digit) for digit in whole[1]]
        if int(whole[1]) in existing or len(digits) == 1:
            return [int(whole[1])], None
        rising = all(a < b for a, b in pairwise(digits))
        return (digits, "digit_list") if rising or any_order else ([], None)
    if re.fullmatch(r"\d{1,2}(\.\d)+", text):
        return [int(part) for part in text.split(".")], "decimal_list"
    if dated := _dated(text):
        return dated, "date_list"
    text = re.sub(r"\s+(?:e|ed|and)\s+|(?<=\d)\s*(?:E|ED|AND|And)\s*(?=\d)", ",", text)
    parts = [part.rstrip(".)") for part in re.split(r"[,;/&+|\s]+", text) if part]
    if all(re.fullmatch(r"\d{1,2}|[A-La-l]", part) for part in parts):
        return [int(part) if part.isdigit() else LETTERS.index(part.lower()) + 1 for part in parts], None
    return [], None


def _dated(text: str) -> list[int] | None:
    """Day and month of a date that a spreadsheet wrote out on its way to CSV: 01/03/2026, 2026-03-01, 1-mar, Mar-1."""
    if found := re.fullmatch(r"(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}", text):
        return [int(found[1]), int(found[2])]
    if found := re.fullmatch(r"\d{4}-(\d{2})-(\d{2})", text):
        return [int(found[1]), int(found[2])]
    found = re.fullmatch(r"(?i)(\d{1,2})[-/ ]([a-z]{3})[a-z]*\.?(?:[-/ ]\d{2,4})?", text)
    day, month = (found[1], found[2]) if found else ("", "")
    if not found and (found := re.fullmatch(r"(?i)([a-z]{3})[a-z]*\.?[-/ ](\d{1,2})", text)):
        day, month = found[2], found[1]
    return [int(day), _MONTHS[month.lower()]] if month.lower() in _MONTHS else None


def _at(cells: Sequence[Cell], column: int | None) -> Cell:
    return cells[column] if column is not None and column < len(cells) else None


def _is_blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _letter(column: int) -> str:
    return (chr(64 + column // 26) if column >= 26 else "") + chr(65 + column % 26)


def _shown(cell: Cell, language: str) -> str:
    """A cell as its author saw it. Italian spreadsheets turn VERO into a truth value and 1,5 into a number."""
    italian = language.lower().startswith("it")
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return ("Vero" if cell else "Falso") if italian else ("True" if cell else "False")
    if isinstance(cell, datetime.date):
        return cell.strftime("%d/%m/%Y") if italian else cell.isoformat()
    if isinstance(cell, int | float):
        shown = str(int(cell)) if math.isfinite(cell) and cell == int(cell) and abs(cell) < 1e15 else repr(cell)
        return shown.replace(".", ",") if italian else shown
    return _without_controls(cell)


# Markup

_BREAKS = re.compile(r"(?i)<br\s*/?>|</(?:p|div|li|tr|h[1-6]|pre)\s*>")
_UNSEEN = re.compile(r"(?i)<(/?)(script|style)\b[^<>]*>")
_MEDIA = re.compile(r"(?i)<(?:img|video|audio|iframe|object|embed|source)\b[^<>]*>|@@PLUGINFILE@@")
_TAGS = re.compile(
    r"(?i)</?(?:a|abbr|audio|b|big|blockquote|body|br|caption|center|code|del|div|em|embed|font|h[1-6]|hr|html|i|iframe"
    r"|img|ins|li|mark|object|ol|p|pre|s|script|small|source|span|strike|strong|style|sub|sup|table|tbody|td|th|thead"
    r"|tr|tt|u|ul|video)(?:\s[^<>]*)?/?>"
)
_MARKDOWN = (
    (re.compile(r"!\[([^\[\]]*)\]\([^()\s]*\)"), r"\1"),
    (re.compile(r"\[([^\[\]]*)\]\([^()\s]*\)"), r"\1"),
    (re.compile(r"(?m)^#{1,6}[ ]+"), ""),
    (re.compile(r"(\*\*|__)(?=\S)([^*_]+)\1"), r"\2"),
    (re.compile(r"(?<![\w*])([*_])(?=\S)([^*_]+)\1(?!\w)"), r"\2"),
    (re.compile(r"`([^`]+)`"), r"\1"),
)


def _plain(text: str, form: str | None, row: int, notes: _Notes) -> str:
    """Text without markup. form: html, moodle, plain, markdown or None (not said: tags are looked for)."""
    if form == "plain":
        return text.strip()
    bare = text
    if form == "markdown":
        for pattern, kept in _MARKDOWN:
            bare = pattern.sub(kept, bare)
    if _MEDIA.search(bare):
        notes.warn(row, None, "media_dropped")
    bare = _TAGS.sub("", _BREAKS.sub("\n", _seen(bare)))
    if form == "html" or bare != text:
        bare = html.unescape(bare).replace("\xa0", " ")
    if bare != text:
        notes.warn(row, None, "markup_dropped")
    return re.sub(r" *\n\s*", "\n", bare).strip()


def _seen(text: str) -> str:
    """Text without scripts and styles. One walk over the tags: a pattern from opening to closing tag would search to
    the end of the text again for each opening tag that is never closed."""
    kept: list[str] = []
    at = 0
    inside = ""
    for tag in _UNSEEN.finditer(text):
        if not inside:
            kept.append(text[at : tag.start()])
            inside = "" if tag[1] else tag[2].lower()
        elif tag[1] and tag[2].lower() == inside:
            inside = ""
        at = tag.end()
    return "".join(kept) + ("" if inside else text[at:])


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


# Moodle GIFT

_GIFT_BODY = re.compile(r"\{\s*(?:[=~#}]|(?:T|F|TRUE|FALSE)\s*[#}])", re.IGNORECASE)
_GIFT_SIGNS = "~=#{}:\\n"
# Control characters stand for escaped signs while the text is split; the text itself holds none any more.
_GIFT_HIDDEN = {sign: chr(1 + number) for number, sign in enumerate(_GIFT_SIGNS)}
_GIFT_SHOWN = {ord(hidden): "\n" if sign == "n" else sign for sign, hidden in _GIFT_HIDDEN.items()}
_NUMBER = r"[+-]?(?:\d+(?:[.,]\d+)?|[.,]\d+)(?:[eE][+-]?\d{1,2})?"


def _hide(text: str) -> str:
    return re.sub(r"\\([~=#{}:\\n])", lambda found: _GIFT_HIDDEN[found[1]], text)


def _is_gift(text: str) -> bool:
    return _GIFT_BODY.search(_hide("\n".join(_spoken(text.split("\n"))))) is not None


def _spoken(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.lstrip().startswith(("//", "$CATEGORY:"))]


def _from_gift(text: str, language: str, notes: _Notes) -> Iterator[_Draft]:
    slides: list[tuple[int, str]] = []
    for row, block in _blocks(text):
        # A line break in the source is a space to the reader of the question, as in HTML.
        source = _hide(" ".join(line.strip() for line in _spoken(block)))
        if not source:
            continue
        read = _Gift(row, source, language, notes)
        if read.body is None:
            if read.broken:
                notes.skip(row, "not_understood", value=_show(source))
            elif read.text:
                slides.append((row, read.text))
            continue
        draft = read.draft()
        if draft is None:
            notes.skip(row, "not_understood", value=read.text or _show(source))
            continue
        if slides:
            draft.note = {language: "\n".join(text for _, text in slides)}
            notes.warn(row, None, "kind_changed", value=", ".join(str(line) for line, _ in slides))
            slides = []
        yield draft
    for row, slide in slides:
        notes.skip(row, "slide", value=slide)


def _show(text: str) -> str:
    return text.translate(_GIFT_SHOWN).strip()


@dataclass
class _GiftAnswer:
    sign: str
    weight: Decimal | None
    text: str
    feedback: str
    # Still with its escapes hidden, for numbers and pairs.
    raw: str

    @property
    def full(self) -> bool:
        return self.weight is None or self.weight == 100


class _Gift:
    """One block of GIFT taken apart. body is None where there are no braces, broken where they do not close."""

    def __init__(self, row: int, source: str, language: str, notes: _Notes) -> None:
        self.row, self.language, self.notes = row, language, notes
        title = ""
        if found := re.match(r"\s*::(.*?)::", source):
            title, source = found[1], source[found.end() :]
        self.form, source = self._form_of(source, None)
        head, opened, rest = source.partition("{")
        body, closed, tail = rest.partition("}")
        self.broken = bool(opened and not closed) or "}" in head or "{" in tail or "}" in tail
        self.body = body.strip() if opened and not self.broken else None
        if self.body is not None and tail.strip():
            # Glued punctuation stays glued: "{=four}." becomes "_____.".
            head = f"{head.rstrip()} _____{tail}" if head.strip() else f"_____{tail}"
        self.text = self._plain(head, self.form) or _show(title)

    def _plain(self, text: str, form: str | None) -> str:
        return _plain(_show(text), form, self.row, self.notes)

    @staticmethod
    def _form_of(text: str, otherwise: str | None) -> tuple[str | None, str]:
        if found := re.match(r"\s*\[(html|moodle|plain|markdown)\]", text, re.IGNORECASE):
            return found[1].lower(), text[found.end() :]
        return otherwise, text

    def draft(self) -> _Draft | None:
        body, between, general = (self.body or "").partition("####")
        body = body.strip()
        draft = _Draft(self.row, "text", {self.language: self.text} if self.text else {}, language=self.language)
        explain = self._plain(self._form_of(general, self.form)[1], self.form) if between else ""
        if body.startswith("#"):
            right_feedback = self._as_number(draft, body[1:])
        elif truth := re.fullmatch(r"(?is)(T|TRUE|F|FALSE)\s*(#.*)?", body):
            right_feedback = self._as_yes_no(draft, truth[1], truth[2] or "")
        elif body:
            right_feedback = self._as_answers(draft, body)
        else:
            right_feedback = ""
        if right_feedback is None:
            return None
        if explain or right_feedback:
            draft.explain = {self.language: explain or right_feedback}
        return draft

    def _as_yes_no(self, draft: _Draft, truth: str, feedback: str) -> str:
        draft.kind = "yes_no"
        draft.fields["right"] = "yes" if truth.upper().startswith("T") else "no"
        # Moodle's order: what to say to a wrong answer first, to a right one second.
        wrong, _, right = feedback.removeprefix("#").partition("#")
        if wrong.strip():
            self.notes.warn(self.row, None, "setting_ignored.feedback")
        return self._plain(self._form_of(right, self.form)[1], self.form)

    def _answers(self, body: str) -> list[_GiftAnswer] | None:
        before, *pieces = re.split(r"([=~])", body)
        if before.strip():
            return None
        answers = []
        for sign, piece in zip(pieces[::2], pieces[1::2], strict=True):
            weight = None
            if found := re.match(r"\s*%(-?\d+(?:\.\d+)?)%", piece):
                weight, piece = Decimal(found[1]), piece[found.end() :]
            raw, _, feedback = piece.partition("#")
            form, raw = self._form_of(raw, self.form)
            feedback_form, feedback = self._form_of(feedback, self.form)
            answers.append(
                _GiftAnswer(sign, weight, self._plain(raw, form), self._plain(feedback, feedback_form), raw.strip())
            )
        return answers

    def _as_answers(self, draft: _Draft, body: str) -> str | None:
        answers = self._answers(body)
        if not answers:
            return None
        if any(answer.sign == "~" for answer in answers):
            rights = self._as_choice(draft, answers)
        elif any("->" in answer.raw for answer in answers):
            if not all("->" in answer.raw for answer in answers):
                return None
            rights = self._as_match(draft, answers)
        else:
            rights = self._as_typed(draft, answers)
        if any(answer.feedback for answer in answers if answer not in rights):
            self.notes.warn(self.row, None, "setting_ignored.feedback")
        return "\n".join(dict.fromkeys(answer.feedback for answer in rights if answer.feedback))

    def _as_choice(self, draft: _Draft, answers: list[_GiftAnswer]) -> list[_GiftAnswer]:
        draft.kind = "choice"
        answers = [answer for answer in answers if answer.text]
        if any(not answer.full and not (answer.sign == "~" and answer.weight == 0) for answer in answers):
            self.notes.warn(self.row, None, "weight_dropped")
        if any(answer.sign == "=" for answer in answers):
            # Several "=" here mean that any one of them is right, so one choice is enough.
            rights = [answer for answer in answers if answer.sign == "=" and answer.full]
        else:
            rights = [answer for answer in answers if answer.weight is not None and answer.weight > 0]
            draft.several = len(rights) > 1
        if not rights and len(answers) > 1:
            self.notes.warn(self.row, None, "right_missing")
        draft.options = [({self.language: answer.text}, any(answer is right for right in rights)) for answer in answers]
        return rights

    def _as_typed(self, draft: _Draft, answers: list[_GiftAnswer]) -> list[_GiftAnswer]:
        draft.kind = "typed"
        rights = [answer for answer in answers if answer.full]
        if len(rights) < len(answers):
            self.notes.warn(self.row, None, "weight_dropped")
        rights = rights or [answer for answer in answers if answer.weight is not None and answer.weight > 0]
        draft.accepted = [answer.text for answer in rights if answer.text]
        return rights

    def _as_match(self, draft: _Draft, answers: list[_GiftAnswer]) -> list[_GiftAnswer]:
        draft.kind = "match"
        for answer in answers:
            left, _, right = (self._plain(side, self.form) for side in answer.raw.partition("->"))
            if left and right:
                draft.pairs.append(({self.language: left}, {self.language: right}))
            elif right or left:
                self.notes.warn(self.row, None, "setting_ignored.distractor", value=right or left)
        return answers

    def _as_number(self, draft: _Draft, body: str) -> str | None:
        body = body.strip()
        # "{#1822:5#well done}" has no sign before its only answer.
        answers = self._answers(body if body.startswith(("=", "~")) else f"={body}")
        if not answers:
            return None
        answers = [answer for answer in answers if answer.raw]
        measured = [(answer, found) for answer in answers if (found := _measured(answer.raw)) is not None]
        full = [(answer, found) for answer, found in measured if answer.full and answer.sign == "="]
        if not full or len(measured) < len(answers):
            return None
        if len(full) < len(measured):
            self.notes.warn(self.row, None, "weight_dropped")
        answer, (centre, tolerance, decimals) = min(full, key=lambda pair: pair[1][1])
        draft.kind = "number"
        draft.fields = {"right": _simplest(centre), "tolerance": _simplest(tolerance)}
        # Another accepted value far from the first would need a second right number; only what lies round it counts.
        band = max((about[1] for _, about in measured if about[0] == centre), default=tolerance)
        if band > tolerance:
            draft.fields["band"] = _simplest(band)
        if decimals:
            draft.fields["decimals"] = min(decimals, 4)
        return answer.feedback


def _measured(text: str) -> tuple[Decimal, Decimal, int] | None:
    """Centre, half width and decimals of "1822:5", "3.141..3.142" or "7"; None where it is none of these."""
    text = _show(text)
    try:
        if found := re.fullmatch(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})", text):
            low, high = (Decimal(found[place].replace(",", ".")) for place in (1, 2))
            centre, tolerance = (low + high) / 2, abs(high - low) / 2
        elif found := re.fullmatch(rf"({_NUMBER})(?:\s*:\s*({_NUMBER}))?", text):
            low = centre = Decimal(found[1].replace(",", "."))
            tolerance = abs(Decimal((found[2] or "0").replace(",", ".")))
        else:
            return None
    except InvalidOperation:
        return None
    if max(abs(centre), tolerance) > Decimal(10) ** 15:
        return None
    exponents = [int(value.normalize().as_tuple().exponent) for value in (low, centre)]
    return centre, tolerance, max(0, *(-exponent for exponent in exponents))


def _simplest(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


# Aiken

_AIKEN_ANSWER = re.compile(r"(?im)^[ \t]*answer[ \t]*:")
_AIKEN_OPTION = re.compile(r"([A-La-l])\s?([.)])(\s*)(\S.*)")


def _from_aiken(text: str, language: str, notes: _Notes) -> Iterator[_Draft]:
    first = 0
    asked: list[str] = []
    options: list[tuple[str, str]] = []
    after_blank = False

    def finished(answer: str | None) -> _Draft:
        draft = _Draft(first, "choice", {language: "\n".join(asked)} if asked else {}, language=language)
        draft.options = [({language: words}, False) for _, words in options]
        if len(options) >= 2 and asked:
            existing = {LETTERS.index(letter) + 1: place for place, (letter, _) in enumerate(options)}
            right, code = right_numbers(answer, set(existing))
            if code is not None:
                notes.warn(first, None, code, value=answer or "", read="")
            for number in right:
                draft.options[existing[number]] = (draft.options[existing[number]][0], True)
            if len(right) > 1:
                draft.several = True
                notes.warn(first, None, "kind_changed.several")
        return draft

    for row, line in enumerate(text.split("\n"), start=1):
        words = line.strip()
        if not words:
            after_blank = True
            continue
        if answer := re.fullmatch(r"(?i)(answer)(\s*):(\s*)(.*)", words):
            if asked or options:
                if answer[1] != "ANSWER" or answer[2] or not re.fullmatch(r"[A-L]", answer[4].strip()):
                    notes.warn(first, None, "not_standard", value=words)
                yield finished(answer[4])
            else:
                notes.skip(row, "not_understood", value=words)
            asked, options = [], []
        elif (option := _AIKEN_OPTION.fullmatch(words)) and (asked or options) and _follows(options, option[1]):
            if not option[1].isupper() or not option[3]:
                notes.warn(first, None, "not_standard", value=words)
            options.append((option[1].lower(), option[4].strip()))
        elif options and not after_blank:
            notes.warn(first, None, "not_standard", value=words)
            options[-1] = (options[-1][0], f"{options[-1][1]} {words}")
        else:
            if options:
                yield finished(None)
                asked, options = [], []
            elif asked and after_blank:
                notes.skip(first, "not_understood", value=" ".join(asked))
                asked = []
            elif asked:
                notes.warn(first, None, "not_standard", value=words)
            if not asked:
                first = row
            asked.append(words)
        after_blank = False
    if options:
        yield finished(None)
    elif asked:
        notes.skip(first, "not_understood", value=" ".join(asked))


def _follows(options: list[tuple[str, str]], letter: str) -> bool:
    """Whether this letter can be the next option: options rise from A, so "A. Volta discovered" is no fourth option."""
    return letter.lower() > options[-1][0] if options else letter.lower() == "a"


# Paste

_PASTE_OPTION = re.compile(
    r"(?P<mark>[-*•–](?:\s+|(?=[\[=])|(?=[^\W\d_]))|\(?[A-La-l][.)](?:\s+|$)|\d{1,2}[.)](?:\s+|$))?"
    r"(?P<box>\[\s?[xX✓✔]?\s?\]\s*)?(?P<equals>=\s*)?(?P<words>.*)"
)
_PASTE_TIME = re.compile(r"\s*\(\s*(\d{1,6})\s*(?:s|sec|secs|seconds|secondi)\.?\s*\)$", re.IGNORECASE)


def _from_paste(text: str, language: str, languages: Sequence[str], notes: _Notes) -> Iterator[_Draft]:
    blocks = list(_blocks(text))
    at = 0
    while at < len(blocks):
        row, lines = blocks[at]
        at += 1
        # A blank line between question and options: people do that, and one line alone could not be asked anyway.
        if len(lines) == 1 and at < len(blocks) and _all_options(blocks[at][1]):
            lines = lines + blocks[at][1]
            at += 1
        yield from _from_paste_block(row, lines, language, languages, notes)


def _all_options(lines: list[str]) -> bool:
    return sum(_paste_option(line) is not None for line in lines) >= 2 and all(
        _paste_option(line) is not None or line.lstrip().startswith(">") for line in lines
    )


def _paste_option(line: str) -> tuple[str, bool] | None:
    """Text and rightness of an option line; None where the line is no option."""
    found = _PASTE_OPTION.fullmatch(line.strip())
    if found is None or not (found["mark"] or found["box"] or found["equals"]):
        return None
    words = found["words"].strip()
    starred = re.search(r"\s\*$", words) is not None
    right = bool(found["equals"]) or starred or bool(found["box"] and found["box"].strip("[] \t"))
    words = words[:-1].rstrip() if starred else words
    return (words, right) if words else None


def _from_paste_block(
    row: int, lines: list[str], language: str, languages: Sequence[str], notes: _Notes
) -> Iterator[_Draft]:
    asked: list[str] = []
    options: list[tuple[str, bool]] = []
    explained: list[str] = []
    for number, line in enumerate(lines):
        words = line.strip()
        numbered = number == 0 and re.match(r"\d{1,3}[.)]\s+", words)
        if words.startswith(">"):
            explained.append(words[1:].strip())
        elif not numbered and (option := _paste_option(words)) is not None:
            options.append(option)
        elif options:
            options[-1] = (f"{options[-1][0]} {words}", options[-1][1])
        else:
            asked.append(words[numbered.end() :] if numbered else words)
    time = None
    if asked and (found := _PASTE_TIME.search(asked[-1])):
        asked[-1] = asked[-1][: found.start()]
        if SHORTEST_TIME <= int(found[1]) <= LONGEST_TIME:
            time = int(found[1])
        else:
            notes.warn(row, None, "time_odd", value=found[1])
    draft = _Draft(row, "choice", _in_languages(asked, language, languages, row, notes), time=time, language=language)
    if not options and len(asked) > 1:
        notes.skip(row, "not_understood", value=" ".join(asked))
        return
    draft.options = [(_in_languages([words], language, languages, row, notes), right) for words, right in options]
    rights = sum(right for _, right in options)
    draft.several = rights > 1
    if not rights and len(options) > 1 and draft.text:
        notes.warn(row, None, "right_missing")
    if explained:
        draft.explain = _in_languages(explained, language, languages, row, notes) or None
    yield draft


def _in_languages(lines: list[str], language: str, languages: Sequence[str], row: int, notes: _Notes) -> Text:
    """Lines joined, each language apart: "Chi? || Who?" in a session in Italian and English."""
    text: dict[str, list[str]] = {}
    for line in lines:
        parts = [part.strip() for part in re.split(r"(?:^|\s)\|\|(?:\s|$)", line)]
        if len(parts) == 1:
            text.setdefault(language, []).append(parts[0])
            continue
        for spoken, part in zip(languages, parts, strict=False):
            if part:
                text.setdefault(spoken, []).append(part)
        if len(parts) > len(languages):
            notes.warn(row, None, "setting_ignored.languages", value=" ".join(parts[len(languages) :]))
    joined = {spoken: "\n".join(words).strip() for spoken, words in text.items()}
    return {spoken: words for spoken, words in joined.items() if words}


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Parts between blank lines, each with the number of its first line, from 1."""
    block: list[str] = []
    first = 0
    for row, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            if not block:
                first = row
            block.append(line)
        elif block:
            yield first, block
            block = []
    if block:
        yield first, block
