"""The files that are taken home: one report as PDF/UA and DOCX, the package of flat files, drawings of boards."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import docx as reader
import jsonschema_rs
import pytest

from server.activities.contract.idea.left import IdeaOutcome
from server.files import pdf as setting
from server.files.document import (
    Bar,
    Chapter,
    Chart,
    Details,
    Document,
    Item,
    Items,
    Paragraph,
    Picture,
    Table,
    every_chapter,
)
from server.files.docx import docx
from server.files.pdf import pdf
from server.files.reading import read_rows
from server.moment import fresh
from server.outcomes import board_report, export, idea_report, package, tables
from server.outcomes.report import report
from server.outcomes.schema import schema
from server.outcomes.telling import Telling
from tests.leavings import AGENDA, IDEA, board, left
from tests.people import GROUPS, KEY, OBSTACLE, Day, officina, plan, talk
from tests.test_hostile_text import CORPUS, FORMULAS, SURROGATES, TAGS, TEMPLATES

NAMES = {"canvas": "Lavagna", "idea": "Idea"}
CREDITS = {"it": "Elaborazione da: un documento", "en": "Adapted from: a document"}
TYPST = [
    '#panic("x")',
    '#import "@preview/x:1.0.0": *',
    '#read("/etc/passwd")',
    "$x$",
    "\\",
    "[x]",
    "]",
    "@label",
    "<label>",
    "*b* _i_ `c`",
    "= Heading",
    "/ term: x",
    "//",
    "/*",
    "https://example.org/#a",
    "x" * 500,
    "\u202egnirts",
    "👍🏽 👨\u200d👩\u200d👧 🇮🇹 1\u20e3\ufe0f",
    "你好 שלום مرحبا",
    "\ue000\U0010ffff\x07",
]


def told(language: str = "it", *outcomes: dict[str, Any], **more: Any) -> Document:
    return report(left(*outcomes, **more), AGENDA, CREDITS, NAMES, language)


def paper(*blocks: Any, title: str = "Una prova", language: str = "it") -> Document:
    """A document of one chapter with these blocks."""
    said = {"contents": "Indice", "page": "pagina {n} di {of}", "unshown": "segni persi", "right": "giusta"}
    return Document(title, "Prova", language, (), (), "Officina", 1795348000000, (Chapter("Uno", blocks),), said)


# What a PDF says of itself


def objects(data: bytes) -> str:
    """Everything in a PDF that is not packed for drawing: its objects, unpacked, as text."""
    parts = [data]
    for stream in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
        try:
            parts.append(zlib.decompress(stream[1]))
        except zlib.error:
            parts.append(stream[1])
    return b"\n".join(parts).decode("latin-1")


def tags(data: bytes) -> list[str]:
    return re.findall(r"/S\s?/([A-Za-z0-9]+)", objects(data))


def alternatives(data: bytes) -> list[str]:
    """Every alternative text."""
    found = []
    for one in re.findall(r"/Alt\s?(\((?:\\.|[^\\)])*\)|<[0-9A-Fa-f]*>)", objects(data), re.DOTALL):
        raw = bytes.fromhex(one[1:-1]) if one[0] == "<" else re.sub(rb"\\(.)", rb"\1", one[1:-1].encode("latin-1"))
        found.append(raw.decode("utf-16") if raw[:2] == b"\xfe\xff" else raw.decode("latin-1"))
    return found


CHART = Chart(
    "Quante persone",
    "Risposta",
    (("Tutta la sala", "all"), ("Funzionari", "group0"), ("Innovatori", "group1")),
    (
        Bar("I soldi", ((46.0, "12 · 46 %"), (50.0, "7 · 50 %"), None), "A", True),
        Bar("Il tempo", ((0.0, "0"), None, None)),
    ),
    "Quante persone. I soldi: 12; Il tempo: 0.",
    "giusta",
)
DRAWING = Picture(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50"><rect width="9" height="9"/></svg>',
    "Un quadrato",
    "Figura",
    (100, 50),
)


@pytest.mark.parametrize(("language", "tag"), [("it", "it"), ("en", "en-GB")])
def test_a_pdf_is_tagged_has_its_language_and_title_and_says_that_it_is_pdf_ua(language: str, tag: str) -> None:
    data = pdf(paper(Paragraph("Testo"), title="Il titolo", language=language))
    inside = objects(data)
    assert data.startswith(b"%PDF-")
    assert re.search(r"/MarkInfo\s*<<\s*/Marked true", inside)
    assert "/StructTreeRoot" in inside
    assert re.search(rf"/Lang\s?\({tag}\)", inside)
    assert re.search(r"<pdfuaid:part>1</pdfuaid:part>|pdfuaid:part=.1.", inside)
    assert "DisplayDocTitle true" in inside
    assert "Il titolo" in inside


def test_a_pdf_has_headings_bookmarks_lists_marked_head_rows_and_alternative_texts() -> None:
    table = Table("Una tabella", ("Chi", "Quanti"), (("ada", "1"), ("bruno", "2")), (1,), (3, 1))
    items = Items((Item("uno", "fatto 3"), Item("sotto", "", 1), Item("due")))
    data = pdf(paper(Paragraph("a", "lead"), items, Details((("Nome", "Valore"),)), table, CHART, DRAWING))
    found = tags(data)
    for tag in ("H1", "L", "LI", "LBody", "Table", "THead", "TR", "TH", "TD", "Figure", "Caption", "P"):
        assert tag in found, tag
    assert found.count("TH") == 2
    assert CHART.alt in alternatives(data) and "Un quadrato" in alternatives(data)
    assert "/Outlines" in objects(data)


def test_the_same_document_gives_the_same_bytes() -> None:
    one = told("it", board("torino_chain", ["uno", "due"]), IDEA)
    assert pdf(one) == pdf(one)
    assert docx(one) == docx(one)


def test_a_sign_that_no_font_has_is_replaced_and_the_cover_says_so_and_no_other_sign_is() -> None:
    texts = ("Perché è così: àèìòù ŁŠž “virgolette” – €", "\U00010190 \U0001e900")
    data, lost = setting._shown(json.dumps(texts, ensure_ascii=False))
    assert json.loads(data)[0] == texts[0]
    assert lost and setting.MISSING in json.loads(data)[1]
    assert setting._shown(json.dumps(texts[:1], ensure_ascii=False)) == (
        json.dumps(texts[:1], ensure_ascii=False),
        False,
    )
    assert pdf(paper(Paragraph(texts[1]))).startswith(b"%PDF-")


def test_a_long_word_gets_places_to_break_and_a_short_one_does_not() -> None:
    made = setting.cleaned({"text": "brevi parole " + "x" * 100, "alt": "y" * 100})
    assert made["text"].startswith("brevi parole x")
    assert max(len(part) for part in re.split(f"[ {setting.BREAK}]", made["text"])) <= setting.LONGEST_WORD
    assert made["text"].replace(setting.BREAK, "") == "brevi parole " + "x" * 100
    assert made["alt"] == "y" * 100


# Hostile texts


def test_no_text_is_read_as_markup_by_typst() -> None:
    """Counted by what an eye would see: the same tags as for harmless texts, and the text itself in the JSON."""
    plain = told("it", board("torino_chain", ["parola"] * len(TYPST)))
    wild = told("it", board("torino_chain", TYPST))
    first, second = tags(pdf(plain)), tags(pdf(wild))
    assert {tag: first.count(tag) for tag in ("H1", "H2", "H3", "Table", "TH")} == {
        tag: second.count(tag) for tag in ("H1", "H2", "H3", "Table", "TH")
    }
    assert "Link" not in [tag for tag in second if tag not in first]
    assert "/URI" not in objects(pdf(wild))


@pytest.mark.parametrize("title", ["", "\n", "\U0010ffff", "\U000f0000\u2028"])
def test_a_title_without_one_sign_that_can_be_read_is_no_reason_for_no_pdf(title: str) -> None:
    made = replace(paper(title=title), chapters=(Chapter("Uno", (), (Chapter(title, (Paragraph("Testo"),)),)),))
    assert pdf(made).startswith(b"%PDF-")


def test_the_whole_corpus_of_hostile_texts_becomes_a_pdf_and_a_docx_with_every_text_in_it() -> None:
    some = CORPUS + SURROGATES + TYPST
    one = report(
        left(board("torino_chain", some), title={"it": some[0], "en": some[1]}),
        AGENDA,
        {"it": " ".join(TAGS)},
        {"canvas": TEMPLATES[0]},
        "it",
    )
    assert pdf(one).startswith(b"%PDF-")
    data = docx(one)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                part = archive.read(name).decode("utf-8")
                Xml.fromstring(part)
                assert 'TargetMode="External"' not in part, name
    text = "\n".join(line.text for line in reader.Document(io.BytesIO(data)).paragraphs)
    for one_text in ("<script>alert(1)</script>", '#panic("x")', "=1+1", "{{ 1337*1337 }}"):
        assert one_text in text, one_text
    assert str(1337 * 1337) not in text


def test_a_drawing_of_a_board_holds_no_element_that_acts_and_every_text_as_text() -> None:
    some = TAGS + FORMULAS + TYPST
    drawn = board_report.picture(Telling(left(), "it"), board("torino_chain", some, table="<b onload=x>"))
    tree = Xml.fromstring(drawn.svg)
    names = {one.tag.removeprefix("{http://www.w3.org/2000/svg}") for one in tree.iter()}
    assert names <= {"svg", "title", "desc", "rect", "g", "text", "circle", "polygon", "path", "line"}
    attributes = {name for one in tree.iter() for name in one.attrib}
    assert not {name for name in attributes if name.startswith("on") or name in ("style", "href") or "xlink" in name}
    text = "".join(one.text or "" for one in tree.iter() if one.tag.endswith("text"))
    assert "<script>alert(1)</script>" in text.replace(" ", "").replace("\n", "") or "<script>alert(1)" in text


# Boards


def test_a_drawing_says_what_it_is_names_its_zones_and_keeps_the_credit_that_is_owed() -> None:
    drawn = board_report.picture(Telling(left(), "it"), board("business_model", ["una nota", "un'altra"]))
    tree = Xml.fromstring(drawn.svg)
    space = "{http://www.w3.org/2000/svg}"
    assert tree.get("role") == "img"
    assert tree.find(f"{space}title").text == "Business Model Canvas"  # type: ignore[union-attr]
    assert "9 zone e 2 note" in tree.find(f"{space}desc").text  # type: ignore[union-attr,operator]
    text = " ".join(one.text or "" for one in tree.iter(f"{space}text"))
    assert "Partner chiave" in text and "una nota" in text and "CC BY-SA 3.0" in text


def test_texts_of_a_drawing_stay_within_their_card() -> None:
    drawn = board_report.picture(Telling(left(), "it"), board("torino_chain", ["m" * 500, "parole e parole " * 30]))
    lines = list(Xml.fromstring(drawn.svg).iter("{http://www.w3.org/2000/svg}text"))
    assert max(len(line.text or "") for line in lines if set(line.text or "") == {"m"}) <= 24


def test_a_drawing_for_a_page_leaves_out_the_notes_with_the_lowest_rank_and_says_how_many() -> None:
    notes = board("torino_chain", [f"nota numero {n}" for n in range(200)])
    for n, note in enumerate(notes["notes"]):
        note["rank"] = 200 - n
    tell = Telling(left(), "it")
    whole, page = board_report.picture(tell, notes), board_report.picture(tell, notes, board_report.MOST_HIGH)
    assert page.size[1] <= board_report.MOST_HIGH < whole.size[1]
    assert whole.svg.count("nota numero") == 200 > page.svg.count("nota numero") > 20
    assert "nota numero 199<" in page.svg and "nota numero 0<" not in page.svg
    left_out = sum(int(n) for n in re.findall(r"e altre (\d+) note", page.svg))
    assert left_out == 200 - page.svg.count("nota numero")


def test_a_long_note_does_not_push_the_others_off_the_page_and_every_dot_of_a_matrix_stays() -> None:
    notes = board("power_interest", ["x" * 500, *(f"nota {n} " + "parole " * 40 for n in range(60))])
    page = board_report.picture(Telling(left(), "it"), notes, board_report.MOST_HIGH)
    assert page.size[1] <= board_report.MOST_HIGH
    assert "…" in page.svg and 5 < page.svg.count(". nota ") < 60
    dots = [one for one in Xml.fromstring(page.svg).iter("{http://www.w3.org/2000/svg}circle") if one.get("r") == "11"]
    assert len(dots) == 61


def test_a_matrix_draws_each_note_as_a_dot_where_it_was_placed() -> None:
    one = board("power_interest", ["in alto a sinistra", "in basso a destra"])
    one["notes"][0] |= {"x": 0, "y": 0}
    one["notes"][1] |= {"x": 10_000, "y": 10_000}
    tree = Xml.fromstring(board_report.picture(Telling(left(), "it"), one).svg)
    dots = [dot for dot in tree.iter("{http://www.w3.org/2000/svg}circle") if dot.get("r") == "11"]
    (x1, y1), (x2, y2) = [(float(dot.get("cx") or 0), float(dot.get("cy") or 0)) for dot in dots]
    assert x1 < x2 and y1 < y2


TALLY = {
    "voters": 12,
    "dots": 30,
    "groups": [
        {"group": "civil_servants", "voters": 7, "dots": 18},
        {"group": "social_innovators", "voters": 5, "dots": 12},
    ],
    "targets": [
        {
            "target": "n0",
            "total": 4,
            "rank": 2,
            "tied": False,
            "by_group": {"civil_servants": {"dots": 4, "share": 222}, "social_innovators": {"dots": 0, "share": 0}},
            "divergence": 222,
        },
        {"target": "g1", "total": 9, "rank": 1, "tied": False},
    ],
}


def voted() -> dict[str, Any]:
    groups = [{"id": "g1", "title": "Procedure lente", "zone": "obstacles", "role": "obstacle", "notes": ["n1", "n5"]}]
    rounds = [{"id": "v1", "target": "groups", "zones": ["obstacles"], "dots": 3, "tally": TALLY}]
    one = board("torino_chain", ["alfa", "beta", "gamma", "delta", "epsilon", "zeta"], groups=groups, rounds=rounds)
    for note in one["notes"]:
        if note["id"] in ("n1", "n5"):
            note |= {"group": "g1", "votes_total": 9, "rank": 1}
    return one


def found_in(document: Document, kind: type[Any], title: str | None = None) -> list[Any]:
    return [
        block
        for _, chapter in every_chapter(document.chapters)
        for block in chapter.blocks
        if isinstance(block, kind) and (title is None or chapter.title == title)
    ]


def test_a_vote_is_told_with_the_shares_of_the_groups_and_their_distance() -> None:
    (table,) = found_in(told("it", voted()), Table, "Votazione a punti 1")
    assert table.head == (
        "Posto",
        "Nota",
        "Punti",
        "Quota: Funzionari pubblici",
        "Quota: Innovatori sociali",
        "Divario",
    )
    assert table.rows[0] == ("1", "Procedure lente", "9", "", "", "")
    assert table.rows[1] == ("2", "alfa", "4", "22,2\u00a0%", "0\u00a0%", "22,2\u00a0%")


def test_dots_given_to_a_group_of_notes_stand_on_the_group_and_not_on_each_note() -> None:
    (items,) = found_in(told("it", voted()), Items, "Ostacoli")
    assert [(item.text, item.indent) for item in items.items] == [("Procedure lente", 0), ("beta", 1), ("zeta", 1)]
    assert "9 punti" in items.items[0].about
    assert not any("punti" in item.about for item in items.items[1:])


def test_notes_that_were_never_shown_in_the_room_are_counted_and_not_told() -> None:
    one = board("torino_chain", ["alfa"])
    one["zones"][1]["hidden"] = 7
    (paragraph,) = found_in(told("it", one), Paragraph, "Ostacoli")
    assert paragraph.text.startswith("7 note di questa zona non sono state mostrate")


# Ideas


def test_the_idea_of_these_tests_is_one_that_the_house_makes() -> None:
    kept = {name: value for name, value in IDEA.items() if name not in ("stage_title", "activity", "level")}
    assert IdeaOutcome.model_validate(kept).state == "published"


def everything(document: Document) -> str:
    return json.dumps([setting._chapter(one) for one in document.chapters], ensure_ascii=False).replace("\u00a0", " ")


def test_an_idea_is_told_with_every_filled_field() -> None:
    text = everything(told("it", IDEA))
    for words in (
        "MI-2026-01 · Sportello mobile nelle case di quartiere",
        "Orari rigidi",
        "Famiglie in graduatoria",
        "Municipio 8",
        "co-progettazione (CTS)",
        "40.000 €",
        "da 20.000 € a 30.000,50 €",
        "Ufficio welfare",
        "31 gennaio 2027",
        "marzo 2027",
        "Un accordo sui dati fra gli enti",
        "Passaparola",
        "Direzione Welfare",
        "Costa poco",
        "27 regole rispettate su 29",
    ):
        assert words in text, words


def test_pay_by_result_is_read_back_as_one_sentence_in_both_languages() -> None:
    tree = IDEA["fields"]
    for language, words in (("it", "Comune di Milano paga 150"), ("en", "Comune di Milano pays")):
        said = idea_report.pay_sentence(Telling(left(), language), tree, tree["pbr_terms"][0])
        assert said.startswith(words) and "Cooperativa Il Ponte" in said and "{" not in said


def test_an_obstacle_without_a_way_over_it_is_named_as_a_hole() -> None:
    fields = {**IDEA["fields"], "obstacles": [{"uid": "o", "text": {"it": "Pochi soldi"}}]}
    (table,) = found_in(told("it", {**IDEA, "fields": fields}), Table, "Dagli ostacoli a come superarli")
    assert table.rows == (("Pochi soldi", "nessun modo ancora trovato"),)


def test_a_field_names_the_note_behind_it_with_the_number_of_its_fact() -> None:
    notes = board("torino_chain", ["a", "b", "c", "La nota da cui viene"])
    assert notes["notes"][3]["id"] == IDEA["sources"][0]["note"]
    items = found_in(told("it", notes, IDEA), Items, "Da dove viene")[0].items
    assert items[0].text == "Problema"
    assert items[1].text == "nota «La nota da cui viene» (fatto 103)"


def test_a_text_that_is_there_in_one_language_only_is_told_in_it_and_marked() -> None:
    fields = {"title": {"en": "A title in English only"}, "summary": {"en": "Only English"}}
    document = told("it", {**IDEA, "fields": fields})
    (lead,) = [one for one in found_in(document, Paragraph) if one.kind == "lead"]
    assert (lead.text, lead.language) == ("Only English", "en")
    data = docx(document)
    assert '<w:lang w:val="en-GB"/>' in zipfile.ZipFile(io.BytesIO(data)).read("word/document.xml").decode()


def test_an_idea_says_the_same_in_the_report_and_in_the_sheets() -> None:
    outcomes = left(IDEA)["outcomes"]
    from server.outcomes import idea_tables

    rows = {row[2]: row[4] for row in idea_tables.sheets(Telling(left(), "it"), outcomes)[1].rows[1:]}
    text = everything(told("it", IDEA))
    for path in ("title", "area.name", "collaboration_form.kind", "target_group.label", "output_kind"):
        assert str(rows[path]) in text, path
    assert rows["actors/a1"] == "Comune di Milano (Settore: pubblico; Ruolo: guida; Impegno: d’accordo a voce)"


# DOCX


def test_a_docx_has_real_styles_its_language_marked_head_rows_and_alternative_texts() -> None:
    data = docx(told("it", voted(), IDEA))
    made = reader.Document(io.BytesIO(data))
    styles = {line.style.name for line in made.paragraphs if line.style is not None}
    assert {
        "Title",
        "Subtitle",
        "Heading 1",
        "Heading 2",
        "Heading 3",
        "List Bullet",
        "List Bullet 2",
        "Caption",
    } <= styles
    core = made.core_properties
    assert (core.title, core.language, core.author) == ("Co-progettare a Milano", "it-IT", "Officina 0.1.0")
    parts = {
        name: zipfile.ZipFile(io.BytesIO(data)).read(name).decode() for name in ("word/document.xml", "word/styles.xml")
    }
    assert re.search(r'<w:lang[^>]*w:val="it-IT"', parts["word/styles.xml"])
    for table in made.tables:
        assert table._tbl.xpath("./w:tr[1]/w:trPr/w:tblHeader"), table.rows[0].cells[0].text
    described = re.findall(r'<wp:docPr[^>]* descr="([^"]+)"', parts["word/document.xml"])
    assert len(described) == len(made.inline_shapes) == 1
    assert described[0].startswith("Lavagna «Dalle sfide alle azioni»")


def test_both_formats_have_the_same_headings_and_the_same_figures() -> None:
    document = told("en", voted(), IDEA)
    made = reader.Document(io.BytesIO(docx(document)))
    headings = [
        line.text for line in made.paragraphs if line.style is not None and line.style.name.startswith("Heading")
    ]
    assert headings == [chapter.title for _, chapter in every_chapter(document.chapters)]
    cells = [tuple(cell.text for cell in row.cells) for table in made.tables for row in table.rows]
    for table in found_in(document, Table):
        assert all(row in cells for row in (table.head, *table.rows))


def test_a_chart_is_a_table_of_the_same_figures_in_a_docx() -> None:
    made = reader.Document(io.BytesIO(docx(paper(CHART))))
    rows = [[cell.text for cell in row.cells] for row in made.tables[0].rows]
    assert rows[0] == ["Risposta", "Tutta la sala", "Funzionari", "Innovatori"]
    assert rows[1] == ["A · I soldi ✓ giusta", "12 · 46 %", "7 · 50 %", ""]


# Words


def test_every_word_of_the_report_is_there_in_both_languages_with_the_same_fields() -> None:
    from server.outcomes.telling import words_of

    italian, english = words_of("it").words, words_of("en").words
    assert set(italian) == set(english)

    def holes(words: Any) -> set[str]:
        texts = words.values() if isinstance(words, dict) else [words]
        return {name for text in texts for name in re.findall(r"\{(\w+)\}", text)}

    assert [key for key in italian if holes(italian[key]) != holes(english[key])] == []


# Through the door


PLAIN = [{"id": "a", "text": "A"}, {"id": "b", "text": "=1+1"}]
PLAN = plan(
    talk(),
    {
        "id": "poll",
        "activity": "poll",
        "title": {"it": "Sondaggio", "en": "Poll"},
        "setup": {"questions": [OBSTACLE, {"id": "scale", "kind": "scale", "text": "Quanto?", "from": 0, "to": 10}]},
    },
    {"id": "hush", "activity": "poll", "title": "Anonimo", "level": "anonymous",
     "setup": {"questions": [{"id": "q", "kind": "choice", "text": "Sì o no?", "options": PLAIN}]}},
    {"id": "cloud", "activity": "words", "title": "Parole", "setup": {"prompt": "Che cosa serve?"}},
    {"id": "board", "activity": "canvas", "title": "Lavagna", "setup": {"board": "torino_chain"}},
    groups=[*GROUPS, {"id": "students", "name": {"it": "Studenti", "en": "Students"}}],
    credits=CREDITS,
)  # fmt: skip


async def ask(day: Day, key: str, do: str, at: str | None = None, **having: Any) -> None:
    body = {"id": fresh(), "stage": at, "do": do, "with": having}
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", key, json=body)
    assert answer.status_code == 200, answer.text


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[Day]:
    """Six civil servants, six social innovators and two students go through all of it."""
    async with officina(tmp_path) as day:
        await day.begins(PLAN)
        yield day


async def the_day_goes(day: Day) -> None:
    badges = [
        (await day.badge(group, f"{group} {n}"))["badge"]
        for group, count in (("civil_servants", 6), ("social_innovators", 6), ("students", 2))
        for n in range(count)
    ]
    await ask(day, KEY, "open_stage", stage="talk")
    for stage, question, value in (("poll", "obstacle", ["a"]), ("poll", "scale", 7), ("hush", "q", ["b"])):
        if question != "scale":
            await ask(day, KEY, "open_stage", stage=stage)
        await ask(day, KEY, "open_question", stage, question=question)
        await asyncio.gather(
            *(ask(day, badge, "answer", stage, question=question, round=1, value=value) for badge in badges)
        )
        await ask(day, KEY, "lock_question", stage, question=question)
        await ask(day, KEY, "reveal", stage, question=question)
    await ask(day, KEY, "open_stage", stage="cloud")
    for badge in badges:
        await ask(day, badge, "add_word", "cloud", text="fiducia")
    await ask(day, KEY, "open_stage", stage="board")
    for n, badge in enumerate(badges):
        await ask(
            day, badge, "add_note", "board", note=f"nota{n:012d}", zone="obstacles", text=f"Ostacolo {n} #panic() <b>"
        )
    await ask(day, KEY, "show_zone", "board", zone="obstacles", to="all")
    await ask(day, KEY, "open_vote", "board", round="v1", zones=["obstacles"], dots=3)
    for badge in badges:
        await ask(day, badge, "place_dots", "board", round="v1", target="nota000000000003", dots=2)
    await ask(day, KEY, "close_vote", "board", round="v1")
    await ask(day, KEY, "end_session")


async def fetched(day: Day, kind: str, language: str = "it") -> bytes:
    answer = await day.api("GET", f"/api/sessions/{day.code}/export.{kind}?lang={language}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(export.MEDIA[kind])
    return answer.content


async def members(day: Day, language: str = "it") -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(await fetched(day, "zip", language))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def test_a_session_leaves_its_report_in_both_languages(day: Day) -> None:
    await the_day_goes(day)
    for language, words in (("it", "Domande e risposte"), ("en", "Questions and answers")):
        assert (await fetched(day, "pdf", language)).startswith(b"%PDF-")
        made = reader.Document(io.BytesIO(await fetched(day, "docx", language)))
        text = "\n".join(line.text for line in made.paragraphs)
        assert words in text
        assert "Ostacolo 3 #panic() <b>" in text
        cells = {cell.text for table in made.tables for row in table.rows for cell in row.cells}
        assert "14" in cells and "28" in cells


async def test_a_session_in_which_nothing_happened_leaves_whole_files_too(day: Day) -> None:
    for kind in ("pdf", "docx", "zip"):
        assert len(await fetched(day, kind)) > 1000


async def test_the_new_files_are_for_the_host_alone(day: Day) -> None:
    badge = (await day.badge())["badge"]
    for kind in ("pdf", "docx", "zip"):
        for key in (badge, None):
            answer = await day.api("GET", f"/api/sessions/{day.code}/export.{kind}", key)
            assert answer.status_code in (401, 403)


async def test_a_small_group_stands_in_no_file(day: Day) -> None:
    await the_day_goes(day)
    files = await members(day)
    found = json.loads(files["outcomes.json"])
    assert "students" not in json.dumps([found["people"], found["outcomes"]])
    for name in ("tables/answers.csv", "tables/notes.csv", "tables/results.csv", "boards/01-torino-chain.svg"):
        assert b"students" not in files[name] and b"Studenti" not in files[name], name
    made = reader.Document(io.BytesIO(files["report.docx"]))
    assert not any("Studenti" in line.text for line in made.paragraphs)


async def test_the_package_holds_its_dictionary_licence_data_card_and_flat_files(day: Day) -> None:
    await the_day_goes(day)
    files = await members(day)
    assert {
        "README.md", "LICENSE.txt", "DATACARD.md", "datapackage.json", "outcomes.json", "outcomes.schema.json",
        "boards/01-torino-chain.svg", "report.pdf", "report.docx", "results.xlsx", "tables/answers.csv",
        "tables/results.csv", "tables/words.csv", "tables/notes.csv", "tables/board_votes.csv", "tables/agenda.csv",
    } <= set(files)  # fmt: skip
    assert b"CC BY 4.0" in files["LICENSE.txt"] and b"Elaborazione da: un documento" in files["LICENSE.txt"]
    assert b"**Persone nella sala**: 14" in files["DATACARD.md"]
    card = files["README.md"].decode()
    described = json.loads(files["datapackage.json"])
    assert {one["path"] for one in described["resources"]} == set(files) - {"datapackage.json"}
    names = [one["name"] for one in described["resources"]]
    assert len(names) == len(set(names)) and all(re.fullmatch("[a-z0-9-]+", name) for name in names)
    for one in described["resources"]:
        if "schema" not in one:
            continue
        assert one["path"] in card
        rows = list(csv.reader(io.StringIO(files[one["path"]].decode("utf-8-sig"), newline="")))
        columns = [field["name"] for field in one["schema"]["fields"]]
        assert rows[0] == columns
        for place, field in enumerate(one["schema"]["fields"]):
            assert f"| {field['name'].replace('#', '')[:6]}" in card
            for row in rows[1:]:
                if field["type"] in ("integer", "number") and row[place]:
                    int(row[place]) if field["type"] == "integer" else float(row[place])


async def test_the_outcomes_of_a_package_keep_to_the_schema_that_lies_beside_them(day: Day) -> None:
    await the_day_goes(day)
    files = await members(day)
    found = json.loads(files["outcomes.json"])
    assert json.loads(files["outcomes.schema.json"]) == schema()
    jsonschema_rs.meta.validate(schema())
    validator = jsonschema_rs.Draft202012Validator(schema())
    assert list(validator.iter_errors(found)) == []
    assert {one["kind"] for one in found["outcomes"]} == {"vote_result", "words", "board"}
    # A check that lets everything through would look just like one that passes.
    for spoilt in ({"notes": None}, {"cols": "12"}, {"licence": None}):
        wrong = {**found, "outcomes": [{**one, **spoilt} for one in found["outcomes"] if one["kind"] == "board"]}
        assert not validator.is_valid(wrong), spoilt
    assert not validator.is_valid({**found, "code": None})


def test_an_idea_keeps_to_the_schema_and_a_kind_of_tomorrow_does_too() -> None:
    validator = jsonschema_rs.Draft202012Validator(schema())
    head = left()
    head["schema_version"] = "1.0"
    tomorrow = {**IDEA, "kind": "journey_entry"}
    assert list(validator.iter_errors({**head, "outcomes": [IDEA, tomorrow]})) == []
    assert not validator.is_valid({**head, "outcomes": [{**IDEA, "state": "splendid"}]})


async def test_the_package_of_the_same_session_is_the_same_but_for_the_codes_drawn_for_people(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    await the_day_goes(day)
    first, second = await members(day), await members(day)
    different = {name for name in first if first[name] != second[name]}
    assert different <= {"tables/answers.csv", "results.xlsx", "outcomes.json"}
    moved = (
        json.loads(first["outcomes.json"])["generated"]["at"] != json.loads(second["outcomes.json"])["generated"]["at"]
    )
    assert ("outcomes.json" in different) == moved
    monkeypatch.setattr(tables, "draw", lambda n: 0)
    one, other = await members(day), await members(day)
    assert {name for name in one if one[name] != other[name]} <= {"outcomes.json"}


async def test_no_cell_of_the_package_begins_like_a_formula(day: Day) -> None:
    await the_day_goes(day)
    files = await members(day)
    for name, data in files.items():
        if name.endswith(".csv"):
            assert data.startswith(b"\xef\xbb\xbf")
            for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")):
                assert not [cell for cell in row if cell.startswith(("=", "+", "@")) or re.match("-[^0-9]", cell)], name
    with zipfile.ZipFile(io.BytesIO(files["results.xlsx"])) as book:
        assert not any("<f>" in book.read(name).decode() for name in book.namelist() if "/sheet" in name)


@pytest.mark.parametrize(("language", "name"), [("it", "Leggimi"), ("en", "README")])
async def test_the_workbook_tells_what_each_of_its_sheets_holds(day: Day, language: str, name: str) -> None:
    await the_day_goes(day)
    sheets = {sheet.name: sheet.rows for sheet in read_rows(await fetched(day, "xlsx", language), "a.xlsx").sheets}
    assert {row[0] for row in sheets[name][1:] if row[0]} == set(sheets) - {name}
    assert all(row[1] for row in sheets[name])
    notes = [dict(zip(sheets["Notes"][0], row, strict=False)) for row in sheets["Notes"][1:]]
    assert len(notes) == 14
    voted = next(note for note in notes if note["Votes Total"] == 28)
    assert (voted["Text"], voted["Rank"], voted["Role"]) == ("Ostacolo 3 #panic() <b>", 1, "obstacle")


def test_every_column_of_every_table_is_described_in_both_languages() -> None:
    from server.outcomes import board_tables, idea_tables

    told_columns = {
        "answers": (*tables.RAW_COLUMNS, *tables.OUR_COLUMNS),
        "results": tables.RESULT_COLUMNS,
        "notes": board_tables.NOTES,
        "board_votes": board_tables.VOTES,
        "board_links": board_tables.LINKS,
        "board_participation": board_tables.TAKING_PART,
        "ideas": idea_tables.IDEAS,
        "idea_fields": idea_tables.FIELDS,
        "next_steps": idea_tables.STEPS,
        "idea_support": idea_tables.SUPPORT,
        "idea_sources": idea_tables.SOURCES,
        "codebook": ("What", "Id", "Stage", "Text (it)", "Text (en)", "About"),
    }
    for table, columns in told_columns.items():
        for column in columns:
            about = package.meaning(table, column)
            assert about["type"] in ("string", "integer", "number") and about["it"] and about["en"], (table, column)
