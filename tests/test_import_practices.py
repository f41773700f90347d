"""Practices from files into a marketplace: first shown, then saved, before the stage opens and while it is open."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.activities.contract.peers import Practice
from server.drawing import HOUSE_LANGUAGES
from server.files.sheets import Cell, Sheet
from server.files.writing import xlsx
from server.moment import fresh
from server.outcomes import practices
from tests.people import KEY, Day, officina, plan, poll, talk

TITLE = {"it": "Mercato", "en": "Market"}
COLLECTION = (Path(__file__).parent.parent / "content" / "practices" / "urbinclusion.json").read_bytes()
HEADER = [
    "Titolo", "Luogo", "Organizzazione", "Strumento", "Anni", "Problema", "Cosa è stato fatto", "Risultati", "Limiti",
    "Miglioramenti", "Offre", "Cerca", "Condizioni", "Fonte", "Posti", "Tavolo",
]  # fmt: skip
FACTORY: list[Cell] = [
    "Social Factory", "Torino", "Città di Torino", "bando", 2018, "Idee senza gambe.", "Accompagna 25 idee.",
    "12 idee finanziate — elenco degli atti; 10 - 20 posti", "", "", "accompagnamento, bandi", "valutazione",
    "una squadra, sempre presente", "Operational Framework (T1)", 8, "B2",
]  # fmt: skip
HOUSE: list[Cell] = [
    "Casa di quartiere",
    "Copenaghen",
    "Copenhagen",
    *[""] * 7,
    "volontariato; casa, lavoro",
    *[""] * 5,
]
SHEET = xlsx([Sheet("Pratiche", [[*HEADER], FACTORY, HOUSE])])


def market(id: str = "market", **setup: Any) -> dict[str, Any]:
    return {"id": id, "activity": "marketplace", "title": TITLE, "minutes": 60, "setup": setup}


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[Day]:
    async with officina(tmp_path) as day:
        await day.begins(plan(talk(), market(), market("full", practices="urbinclusion"), poll()))
        yield day


def csv(*rows: str) -> bytes:
    return "\n".join(rows).encode()


async def sends(
    day: Day, data: bytes, name: str = "a.xlsx", stage: str = "market", dry: bool = False, **form: str
) -> httpx.Response:
    path = f"/api/sessions/{day.code}/stages/{stage}/import" + ("?dry_run=1" if dry else "")
    return await day.api("POST", path, files={"file": (name, data)}, data=form)


async def understood(day: Day, data: bytes, **more: Any) -> dict[str, Any]:
    answer = await sends(day, data, dry=True, **more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def opens(day: Day, stage: str = "market") -> None:
    await asks(day, None, "open_stage", stage=stage)


async def asks(day: Day, stage: str | None, do: str, /, **having: Any) -> None:
    body = {"id": fresh(), "stage": stage, "do": do, "with": having}
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", json=body)
    assert answer.status_code == 200, answer.text


def number(day: Day) -> int:
    return day.house.rooms.live[day.code].room.number


def stalls(day: Day, stage: str = "market") -> list[Any]:
    run = day.house.rooms.live[day.code].room.folded.runs[stage]
    return [one for one in run.stalls.values() if not one.removed]


def titles(day: Day, stage: str = "market") -> list[str]:
    return [next(iter(one.card.title.values())) for one in stalls(day, stage)]


def codes(notes: list[dict[str, Any]]) -> list[tuple[int | None, str]]:
    return [(one["row"], one["code"]) for one in notes]


# What is understood


async def test_a_dry_run_tells_the_practices_and_saves_nothing(day: Day) -> None:
    before = number(day)
    result = await understood(day, SHEET)
    assert (result["format"], result["into"], result["saved"]) == ("sheet", "setup", False)
    assert result["counts"] == {"new": 2, "here": 0}
    first, second = result["practices"]
    practice = first["practice"]
    assert Practice.model_validate(practice)
    assert (first["row"], first["what"], first["capacity"], first["table"]) == (2, "new", 8, "B2")
    assert practice["title"] == {"it": "Social Factory"}
    assert (practice["organisation"], practice["years"]) == ({"it": "Città di Torino"}, "2018")
    assert practice["results"] == [
        {"value": {"it": "12 idee finanziate"}, "evidence": {"it": "elenco degli atti"}},
        {"value": {"it": "10 - 20 posti"}},
    ]
    assert practice["offers"] == [{"it": "accompagnamento"}, {"it": "bandi"}]
    assert practice["conditions"] == [{"it": "una squadra, sempre presente"}]
    assert second["practice"]["offers"] == [{"it": "volontariato"}, {"it": "casa, lavoro"}]
    assert "capacity" not in second and "table" not in second
    assert result["warnings"] == result["errors"] == []
    assert number(day) == before and stalls(day) == []


async def test_english_headers_and_two_languages_side_by_side_are_read(day: Day) -> None:
    data = csv(
        "Titolo;Title;Organisation;Offre;Offers;Results (en);Place/en",
        "Uno;One;Ente;a, b;c, d;more jobs | survey;Turin",
        "Due;Two;Ente;a, b;c;;",
    )
    result = await understood(day, data, name="a.csv")
    first, second = (one["practice"] for one in result["practices"])
    assert first["title"] == {"it": "Uno", "en": "One"}
    assert first["place"] == {"en": "Turin"}
    assert first["offers"] == [{"it": "a", "en": "c"}, {"it": "b", "en": "d"}]
    assert first["results"] == [{"value": {"en": "more jobs"}, "evidence": {"en": "survey"}}]
    assert second["offers"] == [{"it": "a"}, {"it": "b"}]
    assert codes(result["warnings"]) == [(3, "languages_differ")]
    english = csv("Title,Place", "One,Turin")
    result = await understood(day, english, name="a.csv", language="en")
    assert result["practices"][0]["practice"]["title"] == {"en": "One"}


@pytest.mark.parametrize("language", HOUSE_LANGUAGES)
def test_every_header_that_the_page_names_is_read_as_its_field(language: str) -> None:
    head = [practices.field_name(name, language) for name in practices.FIELDS]
    assert [name for name, _, _ in practices._names(head)] == list(practices.FIELDS)


async def test_a_header_below_a_heading_is_found_and_rows_keep_the_number_a_person_sees(day: Day) -> None:
    rows: list[list[Cell]] = [["Pratiche 2026"], [], ["Pratica", "Ente"], ["Una", "A"], [], ["", "B"]]
    result = await understood(day, xlsx([Sheet("Note", [["solo una nota"]]), Sheet("Elenco", rows)]))
    assert [(one["row"], one["practice"]["title"]["it"]) for one in result["practices"]] == [(4, "Una")]
    assert codes(result["errors"]) == [(6, "no_title")]
    assert codes(result["warnings"]) == [(None, "other_sheets")]
    assert "Elenco" in result["warnings"][0]["text"]


async def test_a_list_of_titles_alone_is_a_sheet_too(day: Day) -> None:
    result = await understood(day, csv("Titolo", "Una", "Due"), name="a.txt")
    assert [one["practice"]["title"]["it"] for one in result["practices"]] == ["Una", "Due"]


async def test_the_caller_says_what_a_column_is(day: Day) -> None:
    data = csv("Che cosa;Di chi;Colore", "Una;Ente;rosso")
    answer = await sends(day, data, "a.csv", dry=True)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "no_title_column")
    assert [one["header"] for one in error["details"]["columns"]] == ["Che cosa", "Di chi", "Colore"]
    columns = json.dumps({"che cosa": "title", "Di chi": "organisation", "Colore": ""})
    result = await understood(day, data, name="a.csv", columns=columns)
    assert result["practices"][0]["practice"]["organisation"] == {"it": "Ente"}
    assert [one["field"] for one in result["columns"]] == ["title", "organisation", None]
    assert result["warnings"] == []
    english = await understood(day, data, name="a.csv", columns=json.dumps({"Che cosa": "title", "Colore": "title/en"}))
    assert english["practices"][0]["practice"]["title"] == {"it": "Una", "en": "rosso"}
    for bad in ("{", "[]", '{"Che cosa": 1}', '{"Che cosa": "colour"}', '{"Che cosa": "title/de"}'):
        answer = await sends(day, data, "a.csv", dry=True, columns=bad)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_columns"), bad


async def test_each_row_says_what_is_wrong_with_it_and_the_others_come_in(day: Day) -> None:
    long = "x" * 121
    data = csv(
        "Titolo;Ente;Offre;Posti;Codice;Consenso al contatto",
        "Buona;A;;molti;;forse",
        f"{long};A;;;;",
        f"Due;A;{'y' * 61};;;",
        f"Tre;A;{','.join(f't{n}' for n in range(21))};;;",
        "=1+1;A;;;;",
        "Quattro;#REF!;;;;",
        "Cinque;A;;;non va;",
        "buona;a;;;;",
    )
    result = await understood(day, data, name="a.csv")
    assert [one["row"] for one in result["practices"]] == [2]
    assert codes(result["warnings"]) == [(2, "bad_capacity"), (2, "bad_yes_no")]
    assert codes(result["errors"]) == [
        (3, "too_long"), (4, "too_long"), (5, "too_many"), (6, "formula"), (7, "cell_error"), (8, "bad_id"), (9, "twice"),
    ]  # fmt: skip
    assert [one.get("column") for one in result["errors"]] == [1, 3, 3, 1, 2, 5, None]
    for note in (*result["errors"], *result["warnings"]):
        assert re.search(r"[a-z]\.$", note["text"]) and "{" not in note["text"], note
    assert "121" in result["errors"][0]["text"] and "120" in result["errors"][0]["text"]


async def test_what_begins_like_a_formula_and_is_none_is_kept(day: Day) -> None:
    data = csv("Titolo;Problema;Limiti", "+Casa;- costi alti (molto);@quartiere", "'=Uguale;'-1;-meno soldi")
    result = await understood(day, data, name="a.csv")
    assert result["errors"] == []
    said = [(one["practice"]["title"]["it"], one["practice"]["problem"]["it"]) for one in result["practices"]]
    assert said == [("+Casa", "- costi alti (molto)"), ("=Uguale", "-1")]
    bad = csv("Titolo;Problema", "Casa;-2+3+cmd|' /C calc'!A0", "Due;@SUM(1+9)", 'Tre;"=HYPERLINK(""http://x"")"')
    answer = await sends(day, bad, "a.csv", dry=True)
    assert answer.status_code == 422
    assert codes(answer.json()["error"]["details"]["errors"]) == [(2, "formula"), (3, "formula"), (4, "formula")]


# Saving before the stage opens


async def test_before_the_stage_opens_practices_go_into_its_setup_with_seats_and_tables(day: Day) -> None:
    answer = await sends(day, SHEET)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["saved"], answer.json()["counts"]) == (True, {"new": 2, "here": 0})
    assert [(one.capacity, one.table, one.organisation) for one in stalls(day)] == [
        (8, "B2", "Città di Torino"),
        (6, None, "Copenhagen"),
    ]
    setup = day.house.rooms.live[day.code].room.folded.session.setup("market")
    assert setup["practices"]["title"] == TITLE
    await opens(day)
    view = (await day.api("GET", f"/api/sessions/{day.code}/view?screen=wall")).json()["stage"]["view"]
    assert [one["title"] for one in view["stalls"]] == ["Social Factory", "Casa di quartiere"]


async def test_importing_twice_changes_nothing_and_a_corrected_row_is_left_as_it_is(day: Day) -> None:
    await sends(day, SHEET)
    before = number(day)
    again = (await sends(day, SHEET)).json()
    assert (again["counts"], again["saved"]) == ({"new": 0, "here": 2}, True)
    assert number(day) == before
    changed = xlsx([Sheet("Pratiche", [[*HEADER], [*FACTORY[:5], "Altro problema.", *FACTORY[6:]], HOUSE])])
    result = (await sends(day, changed)).json()
    assert codes(result["warnings"]) == [(2, "differs")] and "problema" in result["warnings"][0]["text"]
    assert number(day) == before


async def test_practices_come_behind_those_of_the_plan_whose_stalls_stay(day: Day) -> None:
    before = stalls(day, "full")
    answer = await sends(day, csv("Titolo;Ente;Tavolo", "Nuova;Ente;7"), "a.csv", "full")
    assert answer.status_code == 200, answer.text
    after = stalls(day, "full")
    assert after[:-1] == before and len(before) == 8
    assert (after[-1].table, titles(day, "full")[-1]) == ("7", "Nuova")
    setup = day.house.rooms.live[day.code].room.folded.session.setup("full")
    kept = json.loads(COLLECTION)
    assert {name: setup["practices"][name] for name in ("title", "credit", "note")} == {
        name: kept[name] for name in ("title", "credit", "note")
    }


async def test_a_collection_comes_in_whole_with_its_credit(day: Day) -> None:
    result = await understood(day, COLLECTION, name="x.json")
    assert (result["format"], result["counts"], result["columns"]) == ("collection", {"new": 8, "here": 0}, [])
    assert (await sends(day, COLLECTION, "x.json")).status_code == 200
    assert titles(day) == titles(day, "full")
    setup = day.house.rooms.live[day.code].room.folded.session.setup("market")
    assert setup["practices"]["credit"] == json.loads(COLLECTION)["credit"]
    assert (await understood(day, COLLECTION, name="x.json"))["counts"] == {"new": 0, "here": 8}
    assert (await understood(day, COLLECTION, name="x.json"))["warnings"] == []


async def test_the_other_shipped_collection_fits_too(day: Day) -> None:
    other = (Path(__file__).parent.parent / "content" / "practices" / "torino_milano.json").read_bytes()
    result = (await sends(day, other, "x.json", "full")).json()
    assert (result["counts"], result["errors"]) == ({"new": 24, "here": 0}, [])
    assert len(stalls(day, "full")) == 32


async def test_a_second_collection_adds_its_credit_to_the_first(day: Day) -> None:
    other = {"title": "Altre", "credit": {"it": "Da: Tizio"}, "practices": [{"practice": "p1", "title": "Una"}]}
    assert (await sends(day, json.dumps(other).encode(), "x.json", "full")).status_code == 200
    setup = day.house.rooms.live[day.code].room.folded.session.setup("full")
    credit, first = setup["practices"]["credit"], json.loads(COLLECTION)["credit"]
    assert credit == {"it": f"{first['it']}; Da: Tizio", "en": f"{first['en']}; Da: Tizio"}
    assert titles(day, "full")[-1] == "Una"


async def test_a_collection_tells_its_bad_practices_by_their_place(day: Day) -> None:
    file = {
        "title": "Mie",
        "practices": [
            {"practice": "ok", "title": "Una"},
            {"practice": "no good", "title": "Due"},
            {"practice": "b", "title": {"it": " "}},
            {"practice": "c", "title": "Tre", "colour": "red"},
            7,
            {"practice": "ok", "title": "Di nuovo"},
        ],
    }
    result = await understood(day, json.dumps(file).encode(), name="x.json")
    assert [one["practice"]["practice"] for one in result["practices"]] == ["ok"]
    assert codes(result["errors"]) == [
        (2, "bad_practice"), (3, "no_title"), (4, "bad_practice"), (5, "bad_practice"), (6, "twice"),
    ]  # fmt: skip


# Saving while the stage is open


async def test_an_open_market_gets_new_stalls_by_the_desks_own_ask(day: Day) -> None:
    await opens(day)
    result = await understood(day, SHEET)
    assert result["into"] == "open"
    answer = await sends(day, SHEET)
    assert answer.status_code == 200, answer.text
    assert [(one.capacity, one.table) for one in stalls(day)] == [(8, "B2"), (6, None)]
    facts = [json.loads(line) for line in (await day.api("GET", f"/api/sessions/{day.code}/facts")).text.splitlines()]
    kinds = [fact["kind"] for fact in facts if fact["stage"] == "market"]
    assert kinds == ["practices_brought", "stall_changed"]
    view = (await day.api("GET", f"/api/sessions/{day.code}/view?screen=wall")).json()["stage"]["view"]
    assert [one["title"] for one in view["stalls"]] == ["Social Factory", "Casa di quartiere"]
    before = number(day)
    assert (await sends(day, SHEET)).json()["counts"] == {"new": 0, "here": 2}
    assert number(day) == before


async def test_what_the_desk_took_out_or_the_room_wrote_is_told_and_left(day: Day) -> None:
    await sends(day, SHEET)
    await opens(day)
    first, second = (one.id for one in stalls(day))
    await asks(day, "market", "remove_stall", stall=first)
    await asks(day, "market", "edit_practice", stall=second, set={"place": "Sydhavnen"})
    data = csv("Titolo;Luogo;Organizzazione", "Social Factory;Torino;Città di Torino", "Casa di quartiere;Copenaghen;Copenhagen",
               "Casa di quartiere;Oslo;Altri")  # fmt: skip
    result = await understood(day, data, name="a.csv")
    assert codes(result["warnings"]) == [(2, "removed_here"), (3, "differs"), (4, "same_title")]
    assert result["counts"] == {"new": 1, "here": 2}


async def test_a_collections_credit_cannot_join_an_open_market_and_that_is_said(day: Day) -> None:
    await opens(day)
    result = await understood(day, COLLECTION, name="x.json")
    assert codes(result["warnings"]) == [(None, "credit_not_shown")]


async def test_what_was_understood_before_the_stage_opened_is_saved_after_it_did(day: Day) -> None:
    live = day.house.rooms.live[day.code]
    found = await practices.understand(live, "market", SHEET, "a.xlsx")
    await opens(day)
    told = await practices.save(live, "market", found)
    assert (told["into"], told["counts"]) == ("open", {"new": 2, "here": 0})
    assert titles(day) == ["Social Factory", "Casa di quartiere"]


async def test_a_stage_that_was_closed_again_takes_nothing_and_says_to_open_it(day: Day) -> None:
    await opens(day)
    await opens(day, "talk")
    answer = await sends(day, SHEET)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_open")
    assert "riaprirla" in answer.json()["error"]["text"]
    await opens(day)
    assert (await sends(day, SHEET)).status_code == 200


async def test_a_session_that_is_over_takes_nothing(day: Day) -> None:
    await opens(day, "talk")
    await asks(day, None, "end_session")
    answer = await sends(day, SHEET)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "session_over")


# What would hurt


def collection(*rest: dict[str, Any]) -> bytes:
    return json.dumps({"title": "Mie", "practices": list(rest)}).encode()


def many(n: int, signs: int = 1) -> bytes:
    return csv("Titolo;Problema;Fatto", *(f"Pratica {k};{'x' * signs};{'y' * signs}" for k in range(n)))


HOSTILE = {
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(5000), 422, "not_a_spreadsheet"),
    "nothing": (b"", 422, "empty"),
    "a million rows": (b"Titolo;Ente\n" + b"a;b\n" * 1_000_000, 413, "too_many_cells"),
    "too many bytes": (bytes([65]) * ((5 << 20) + 1), 413, "too_big"),
    "too many bytes of JSON": (b"{" + b" " * (5 << 20), 413, "too_big"),
    "a broken archive": (b"PK\x03\x04" + bytes(range(256)) * 20, 422, "not_a_spreadsheet"),
    "too many rows": (many(501), 413, "too_many_rows"),
    "too many practices": (many(101), 422, "too_many_practices"),
    "too much text": (many(100, 2_000), 413, "too_much"),
    "no header": (b"a;b\n1;2\n", 422, "no_title_column"),
    "a header alone": (b"Titolo;Ente\n", 422, "no_rows"),
    "only bad rows": (b"Titolo;Ente\n=1+1;A\n;B\n", 422, "nothing_read"),
    "half a JSON": (b'{"practices": [', 422, "broken"),
    "a deep JSON": (b'{"practices":' + b"[" * 100_000, 422, "broken"),
    "a number that is none": (b'{"practices": [NaN]}', 422, "broken"),
    "another JSON": (b'{"outcomes": []}', 422, "not_practices"),
    "a list": (b"[1, 2]", 422, "not_practices"),
    "a collection with a bad title": (b'{"title": 7, "practices": []}', 422, "broken"),
    "a collection of nothing": (collection(), 422, "nothing_read"),
    "an endless text": (collection({"practice": "a", "title": "x", "done": "y" * 9_000}), 422, "nothing_read"),
}


@pytest.mark.parametrize("is_open", [False, True], ids=["before", "open"])
async def test_a_hostile_file_is_refused_in_a_clear_sentence_and_nothing_is_kept(day: Day, is_open: bool) -> None:
    if is_open:
        await opens(day)
    before = number(day)
    for what, (data, status, code) in HOSTILE.items():
        started = time.monotonic()
        answer = await sends(day, data, "lista.xlsx")
        assert time.monotonic() - started < 2, what
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (status, code), (what, error)
        assert error["text"].endswith("."), (what, error)
    assert number(day) == before and stalls(day) == []


async def test_nothing_is_said_about_questions_in_a_market(day: Day) -> None:
    answer = await sends(day, SHEET, stage="talk")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_questions")
    assert "mercato" in answer.json()["error"]["text"]


async def test_a_market_takes_no_more_stalls_than_it_holds(day: Day) -> None:
    assert (await sends(day, many(95), "a.csv")).status_code == 200
    more = csv("Titolo;Ente", *(f"Altra {k};A" for k in range(6)))
    for dry in (True, False):
        answer = await sends(day, more, "a.csv", dry=dry)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (422, "too_many_practices")
        assert error["details"] == {"n": 101, "most": 100}
    assert len(stalls(day)) == 95


async def test_only_the_host_imports_practices(day: Day) -> None:
    badge = (await day.badge())["badge"]
    path = f"/api/sessions/{day.code}/stages/market/import"
    answer = await day.api("POST", path, badge, files={"file": ("a.xlsx", SHEET)})
    assert answer.status_code in (401, 403)
    assert stalls(day) == []


# The page


class Page:
    """The import page of a stage, as a browser without scripts uses it."""

    def __init__(self, day: Day, stage: str = "market") -> None:
        self.day, self.url = day, f"{day.url}/desk/{day.code}/stages/{stage}/import"
        self.browser = httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}", "Accept-Language": "it"})
        self.text = ""

    async def shows(self) -> str:
        self.text = (await self.browser.get(self.url)).text
        return self.text

    def hidden(self, name: str) -> str:
        found = re.search(f'name="{name}" value="([^"]*)"', self.text)
        return found[1] if found else ""

    async def posts(self, file: bytes | None = None, /, **form: str) -> httpx.Response:
        more: dict[str, Any] = {"files": {"file": ("a.csv", file)}} if file is not None else {}
        answer = await self.browser.post(self.url, data={"csrf": self.hidden("csrf"), **form}, **more)
        self.text = answer.text
        return answer


@pytest.fixture
async def page(day: Day) -> AsyncIterator[Page]:
    page = Page(day)
    yield page
    await page.browser.aclose()


async def test_the_page_shows_what_was_understood_and_saves_it_when_it_is_confirmed(day: Day, page: Page) -> None:
    text = await page.shows()
    assert "Porta dentro le pratiche" in text and "domand" not in text
    before = number(day)
    answer = await page.posts(csv("Titolo;Ente;Posti;Colore", "Una <b>;Ente;4;x", ";B;;", "Due;C;;"))
    assert answer.status_code == 200
    assert "Una &lt;b&gt;" in page.text and "Una <b>" not in page.text
    assert "2 pratiche lette" in page.text and "riga 3" in page.text and "4 posti" in page.text
    assert number(day) == before
    answer = await page.posts(token=page.hidden("token"), confirm="1")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/{day.code}")
    assert titles(day) == ["Una <b>", "Due"]


async def test_on_the_page_columns_are_chosen_and_the_sheet_is_read_again(day: Day, page: Page) -> None:
    await page.shows()
    answer = await page.posts(csv("Che cosa;Di chi", "Una;Ente", "Due;Altri"))
    assert answer.status_code == 422
    assert "dire quale colonna" in page.text and 'name="column.2"' in page.text and "Aggiungi" not in page.text
    answer = await page.posts(token=page.hidden("token"), **{"column.1": "title", "column.2": "organisation"})
    assert answer.status_code == 200 and "2 pratiche lette" in page.text
    assert re.search(r'<option value="organisation" selected>', page.text)
    assert stalls(day) == []
    assert (await page.posts(token=page.hidden("token"), confirm="1")).status_code == 303
    assert [one.organisation for one in stalls(day)] == ["Ente", "Altri"]


async def test_pasted_cells_are_read_like_a_sheet(day: Day, page: Page) -> None:
    await page.shows()
    assert (await page.posts(text="Titolo\tEnte\nUna\tEnte\n")).status_code == 200
    assert (await page.posts(token=page.hidden("token"), confirm="1")).status_code == 303
    assert titles(day) == ["Una"]
    await page.shows()
    assert (await page.posts(text="  ")).status_code == 422
    assert "Non c’è testo da leggere." in page.text


async def test_a_preview_is_confirmed_once(day: Day, page: Page) -> None:
    await page.shows()
    await page.posts(csv("Titolo;Ente", "Una;A"))
    token = page.hidden("token")
    assert (await page.posts(token=token, confirm="1")).status_code == 303
    await page.shows()
    assert (await page.posts(token=token, confirm="1")).status_code == 409


async def test_when_all_is_there_already_the_page_offers_nothing_to_add(day: Day, page: Page) -> None:
    await sends(day, SHEET)
    await page.shows()
    await page.posts(SHEET)
    assert "non c’è niente da aggiungere" in page.text and "Aggiungi" not in page.text


async def test_the_desk_leads_to_the_page_before_and_while_the_market_is_open(day: Day, page: Page) -> None:
    link = f'href="/desk/{day.code}/stages/market/import"'
    sheet = f"{day.url}/desk/{day.code}/preview/market"
    assert link in (await page.browser.get(sheet)).text
    await opens(day)
    assert link not in (await page.browser.get(sheet)).text
    assert link in (await page.browser.get(f"{day.url}/desk/{day.code}")).text
    await opens(day, "talk")
    assert link not in (await page.browser.get(f"{day.url}/desk/{day.code}")).text
