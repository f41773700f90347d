"""What a room has on paper: slips, sheets of stalls, tents of tables, as PDF."""

from __future__ import annotations

import json
import re
import tomllib
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from server.activities.tables.messages import SYMBOLS as TABLE_SYMBOLS
from server.drawing import shipped
from server.files import kit
from server.files.kit import Slip, StallSheet, StallTurn, Tent, Turn
from tests.test_hostile_text import CORPUS
from tests.test_reports import TYPST, alternatives, objects, tags

WORDS = {
    language: tomllib.loads((shipped("content") / "reports" / f"kit.{language}.toml").read_text("utf-8"))
    for language in ("it", "en")
}
ROUTE = (
    Turn(1, "3", "Patti di collaborazione", "10:15–10:30"),
    Turn(2, "7", "Civic crowdfunding", "10:35–10:50", kind="host"),
    Turn(3, kind="free"),
    Turn(4, kind="away"),
)


def bare(text: str) -> str:
    return "".join(text.replace("\u200b", "").split())


def tokens_of(content: str) -> Iterator[tuple[str, str]]:
    """("name" | "text" | "word", token) of a page's content; strings have brackets within, so no pattern finds them."""
    ways = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
    at = 0
    while at < len(content):
        sign = content[at]
        if sign == "(":
            depth, found, at = 1, "", at + 1
            while depth:
                sign = content[at]
                if sign == "\\":
                    octal = re.match(r"[0-7]{1,3}", content[at + 1 : at + 4])
                    found += chr(int(octal[0], 8)) if octal else ways.get(content[at + 1], content[at + 1])
                    at += 1 + (len(octal[0]) if octal else 1)
                    continue
                depth += (sign == "(") - (sign == ")")
                found += sign if depth else ""
                at += 1
            yield "text", found
        elif match := re.compile(r"<([0-9A-Fa-f]+)>").match(content, at):
            yield "text", bytes.fromhex(match[1]).decode("latin-1")
            at = match.end()
        elif match := re.compile(r"(/?)([A-Za-z][A-Za-z0-9*]*)").match(content, at):
            yield ("name" if match[1] else "word"), match[2]
            at = match.end()
        else:
            at += 1


def pages_of(data: bytes) -> list[str]:
    """The text of each page, in the order in which it is drawn, through the fonts' own tables of signs.

    Without blanks: between two pieces of a line a page has a distance and no sign. Compare with `bare`.
    """
    bodies = {int(n): body for n, body in re.findall(rb"(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", data, re.DOTALL)}

    def stream(n: int) -> str:
        head, _, rest = bodies[n].partition(b"stream\n")
        length = re.search(rb"/Length (\d+)", head)
        assert length is not None
        packed = rest[: int(length[1])]
        return (zlib.decompress(packed) if b"FlateDecode" in head else packed).decode("latin-1")

    def signs(font: int) -> dict[str, str]:
        table = re.search(rb"/ToUnicode (\d+) 0 R", bodies[font])
        assert table is not None
        pairs = re.findall(r"<([0-9A-F]{4})> <([0-9A-F]+)>", stream(int(table[1])))
        return {chr(int(one, 16)): bytes.fromhex(text).decode("utf-16-be") for one, text in pairs}

    told = []
    for body in bodies.values():
        if not re.search(rb"/Type\s*/Page\b", body):
            continue
        resources, contents = (re.search(rb"/%b (\d+) 0 R" % name, body) for name in (b"Resources", b"Contents"))
        assert resources is not None
        assert contents is not None
        inside = bodies[int(resources[1])].decode("latin-1")
        named = re.search(r"/Font (\d+) 0 R", inside)
        fonts = bodies[int(named[1])].decode("latin-1") if named else inside
        tables = {name: signs(int(n)) for name, n in re.findall(r"/(f\d+) (\d+) 0 R", fonts)}
        words: list[str] = []
        waiting: list[str] = []
        table: dict[str, str] = {}
        for kind, token in tokens_of(stream(int(contents[1]))):
            if kind == "name":
                table = tables.get(token, table)
            elif kind == "text":
                waiting.append(token)
            else:
                # Other operators have strings too: what stands in place of a sign that has no letter.
                whole = "".join(waiting) if token in ("TJ", "Tj") else ""
                codes = (chr(ord(a) * 256 + ord(b)) for a, b in zip(whole[::2], whole[1::2], strict=True))
                words.append("".join(table[code] for code in codes))
                waiting = []
        told.append(bare("".join(words)))
    return told


def headings(data: bytes) -> list[str]:
    """The bookmarks, which are the headings."""
    found = []
    for one in re.findall(r"/Title\s?(\((?:\\.|[^\\)])*\)|<[0-9A-Fa-f]*>)/Dest", objects(data)):
        raw = bytes.fromhex(one[1:-1]) if one[0] == "<" else one[1:-1].encode("latin-1")
        found.append((raw.decode("utf-16") if raw[:2] == b"\xfe\xff" else raw.decode("latin-1")).replace("\u200b", ""))
    return found


@pytest.mark.parametrize(("language", "tag"), [("it", "it"), ("en", "en-GB")])
@pytest.mark.parametrize("what", ["slips", "sheets", "tents"])
def test_every_part_of_the_kit_is_a_tagged_pdf_ua_in_its_language(what: str, language: str, tag: str) -> None:
    content: dict[str, Any] = {
        "slips": [Slip("Anna", ROUTE)],
        "sheets": [StallSheet("3", "Orti", (StallTurn(1, 4, 6),), address="http://192.168.1.5:8000/J/ABCDEF")],
        "tents": [Tent("3", "star")],
    }
    data = getattr(kit, what)(content[what], language, event="Mercato")
    inside = objects(data)
    assert re.search(r"<pdfuaid:part>1</pdfuaid:part>|pdfuaid:part=.1.", inside)
    assert re.search(rf"/Lang\s?\({tag}\)", inside)
    assert f"Mercato: {WORDS[language][what]}" in inside
    assert "H1" in tags(data)


def test_a_slip_says_where_to_go_in_each_round_and_where_to_present() -> None:
    page = pages_of(kit.slips([Slip("Anna Rossi", ROUTE, "Funzionari")], "it", event="Mercato delle pratiche"))[0]
    for words in ("Mercato delle pratiche", "Anna Rossi", "Funzionari", "Giro 1, 10:15–10:30", "Banco 3",
                  "Patti di collaborazione", "Banco 7 – a presentare", "Giro 3 giro libero", "Giro 4 assente"):  # fmt: skip
        assert bare(words) in page


def test_four_slips_are_on_one_page_and_a_fifth_begins_the_next() -> None:
    people = [Slip(f"Persona {n}", ROUTE) for n in range(1, 6)]
    assert len(pages_of(kit.slips(people[:4], "it"))) == 1
    data = kit.slips(people, "it")
    first, second = pages_of(data)
    assert "Persona4" in first
    assert "Persona5" in second
    assert headings(data) == [one.name for one in people]
    # 210 by 297 mm, in points.
    assert "/MediaBox[0 0 595.2756 841.8898]" in objects(data)


def test_twelve_rounds_with_long_titles_still_fit_on_one_slip() -> None:
    turns = tuple(Turn(n, str(n), "Un titolo molto lungo di una pratica " * 9, "10:00–10:30") for n in range(1, 13))
    pages = pages_of(kit.slips([Slip("Bartolomeo dell’Acquasparta-Montefalcone", turns)], "it"))
    assert len(pages) == 1
    assert "Banco12" in pages[0]


def test_a_slip_without_a_name_can_be_filled_in_by_hand() -> None:
    page = pages_of(kit.slips([Slip("", (Turn(1, kind="blank"), Turn(2, kind="blank")))], "en"))[0]
    assert page == "Name:Round1Round2"


def test_slips_of_a_seating_lead_to_tables() -> None:
    assert "Table4" in pages_of(kit.slips([Slip("Anna", (Turn(1, "4"),))], "en", places="table"))[0]


def test_a_sheet_of_a_stall_tells_its_rounds_in_a_table_and_leads_there_by_a_code() -> None:
    turns = (
        StallTurn(1, 6, 8, ("Anna Rossi",), "10:15"),
        StallTurn(2, 5, 8, ("Bo", "Cè"), "10:35"),
        StallTurn(3, 0, 8, (), "10:55", open=False),
    )
    address = "http://192.168.1.5:8000/j/ABCDEF?stall=torino"
    data = kit.sheets([StallSheet("7", "Patti di collaborazione", turns, "Torino", address)], "it")
    (page,) = pages_of(data)
    for words in ("7", "Patti di collaborazione", "Torino", "Giro Ora Visitatori attesi Posti Chi presenta",
                  "1 10:15 6 8 Anna Rossi", "2 10:35 5 8 Bo, Cè", "3 10:55 chiuso", "Appunti",
                  WORDS["it"]["question"]):  # fmt: skip
        assert bare(words) in page
    assert address in page
    assert set(alternatives(data)) == {f"Codice QR dell’indirizzo {address}"}
    assert tags(data).count("Figure") == 1
    assert tags(data).count("TH") == 5


def test_without_an_address_times_or_hosts_a_sheet_has_none_of_them() -> None:
    data = kit.sheets([StallSheet("1", "Orti", (StallTurn(1, 6, 8),), question="Perché?")], "it")
    (page,) = pages_of(data)
    assert bare("Giro Visitatori attesi Posti 1 6 8") in page
    assert "Perché?" in page
    assert bare(WORDS["it"]["scan"]) not in page
    assert alternatives(data) == []
    assert tags(data).count("TH") == 3


def test_a_tent_shows_its_number_to_both_sides_and_is_read_out_once() -> None:
    data = kit.tents([Tent("3", "moon", "Orti", "con Anna"), Tent("4"), Tent("Finestra")], "it")
    first, second = pages_of(data)
    assert first.count("Orti") == 2
    assert first.count("conAnna") == 2
    assert "Finestra" in second
    assert headings(data) == ["Tavolo 3", "Tavolo 4", "Tavolo Finestra"]
    assert set(alternatives(data)) == {"Simbolo del tavolo: luna"}
    assert tags(data).count("Figure") == 1
    assert tags(data).count("H1") == 3


def test_every_symbol_that_a_table_can_have_is_drawn_and_has_a_name_in_both_languages() -> None:
    assert set(kit.SYMBOLS) == set(TABLE_SYMBOLS)
    for language, words in WORDS.items():
        assert set(words["symbol"]) == set(TABLE_SYMBOLS), language
    assert WORDS["it"].keys() == WORDS["en"].keys()


def test_the_words_have_the_same_fields_in_both_languages() -> None:
    for key, words in WORDS["it"].items():
        if isinstance(words, str):
            assert set(re.findall(r"\{\w+\}", words)) == set(re.findall(r"\{\w+\}", WORDS["en"][key])), key


def test_the_same_kit_gives_the_same_bytes() -> None:
    people = [Slip("Anna", ROUTE)]
    assert kit.slips(people, "it", at=1795348000000) == kit.slips(people, "it", at=1795348000000)


def test_a_kit_for_nobody_is_refused() -> None:
    for make in (kit.slips, kit.sheets, kit.tents):
        with pytest.raises(ValueError, match="no"):
            make([], "it")


def test_hostile_texts_are_printed_as_they_are_and_do_nothing() -> None:
    texts = [*TYPST, *CORPUS[:40], "{n}", "a\x1b[31m", "\ud800"]
    people = [Slip(one, (Turn(1, one, one, one),), one) for one in texts]
    data = kit.slips(people, "it", event='#panic("x")')
    assert len(pages_of(data)) == -(-len(texts) // 4)
    assert '#panic("x")' in pages_of(data)[0]
    assert "/URI" not in objects(data)
    stalls = [StallSheet(one, one, (StallTurn(1, 1, 1, (one,), one),), one, "", one, one) for one in texts]
    assert kit.sheets(stalls, "en").startswith(b"%PDF-")
    assert kit.tents([Tent(one, one, one, one) for one in texts], "en").startswith(b"%PDF-")


# From a plan


GIVEN: dict[str, Any] = {
    "format": "officina.match/1",
    "rounds": 3,
    "from_round": 2,
    "people": [
        {"id": "p2", "group": "g", "organisation": "Lyon"},
        {"id": "p1", "rounds": [2]},
        {"id": "p3"},
    ],
    "stalls": [
        {"id": "orti", "capacity": 3, "hosts": ["p3"], "organisation": "Orti"},
        {"id": "bici", "capacity": 2, "open": [2]},
    ],
}
PLAN = {
    "assignment": {"p1": [None, "bici", None], "p2": [None, "orti", None], "p3": [None, None, None]},
    "hosting": {"p1": [None] * 3, "p2": [None] * 3, "p3": [None, "orti", "orti"]},
}


def test_slips_and_sheets_of_a_plan_begin_with_the_first_round_that_is_planned() -> None:
    people, stalls = kit.of_plan(GIVEN, PLAN, {"p2": "Anna", "p1": "Zoe"}, {"orti": "Orti"})
    assert people == (
        Slip("Anna", (Turn(2, "1", "Orti"), Turn(3, kind="free")), "Lyon · g"),
        Slip("p3", (Turn(2, "1", "Orti", kind="host"), Turn(3, "1", "Orti", kind="host"))),
        Slip("Zoe", (Turn(2, "2", "bici"), Turn(3, kind="away"))),
    )
    assert stalls == (
        StallSheet("1", "Orti", (StallTurn(2, 1, 3, ("p3",)), StallTurn(3, 0, 3, ("p3",)))),
        StallSheet("2", "bici", (StallTurn(2, 1, 2), StallTurn(3, 0, 2, open=False))),
    )


def test_slips_and_tents_of_a_seating_say_numbers_where_tables_were_only_counted() -> None:
    given: dict[str, Any] = {"rounds": 2, "tables": 2, "people": [{"id": "a"}, {"id": "b", "rounds": [1]}]}
    plan = {"assignment": {"a": ["t2", "t1"], "b": ["t1", None]}}
    people, tables = kit.of_seating(given, plan, {"a": "Anna"})
    assert [[turn.place for turn in one.turns] for one in people] == [["2", "1"], ["1", ""]]
    assert people[1].turns[1].kind == "away"
    assert [one.number for one in tables] == ["1", "2"]
    named = json.loads(json.dumps(given | {"tables": [{"id": "t2"}, {"id": "Orto"}]}))
    assert [one.number for one in kit.of_seating(named, {"assignment": {}}, {})[1]] == ["t2", "Orto"]
