"""A path goes home as files and comes into another Officina from them: nothing is lost, nothing hostile comes in."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import time
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import docx as reader
import httpx
import jsonschema_rs
import pytest
from typer.testing import CliRunner

from server.activities.contract.idea import sample
from server.cli import Running, app, export_path
from server.files.reading import read_rows
from server.live.envelope import Receipt
from server.moment import fresh
from server.outcomes import package, path_export
from server.outcomes.telling import words_of
from server.paths import importing
from server.settings import Settings
from tests.inside import Inside, inside
from tests.leavings import PEERS, PRACTICES
from tests.people import GROUPS, KEY, officina, plan, talk

IDEAS = {
    "id": "ideas",
    "activity": "idea",
    "title": {"it": "Idee", "en": "Ideas"},
    "minutes": 30,
    "setup": {"form": "card", "per": "room"},
}
LIBRARY = {
    "title": {"it": "Biblioteca aperta la sera"},
    "summary": {"it": "Il Comune apre la sera.", "en": "Open late."},
}


def story(tell: Callable[[Inside], Awaitable[None]], data: Path) -> None:
    async def whole() -> None:
        async with inside(data) as room:
            await tell(room)

    asyncio.run(whole())


async def asks(room: Inside, do: str, key: str = KEY, path: str = "prova", **having: Any) -> None:
    body = {"id": fresh(), "stage": None, "do": do, "with": having}
    answer = await room.call("POST", f"/api/paths/{path}/asks", key, json=body)
    assert answer.status_code == 200, answer.text


async def a_path(room: Inside) -> str:
    """Six people of each group close a stage with an idea; the desk then takes a whole one as far as it goes."""
    await room.begins(plan(IDEAS, talk(), path="prova", phase="codesign"))
    badges = [(await room.joins(f"P{n}", str(GROUPS[n % 2]["id"])))[0] for n in range(12)]
    await room.does("open_stage", stage="ideas")
    await room.does("new_idea", "ideas", idea="library", fields=LIBRARY)
    await room.does("go_next")
    await room.house.paths.rest()
    fields = {**sample.full(), "confidentiality": "public"}
    await asks(room, "new_idea", idea="desk", fields=fields)
    await asks(room, "move_idea", idea="desk", to="review")
    for badge in badges:
        await asks(room, "endorse", badge, idea="desk", version=1, level="support")
    await asks(room, "argue", badges[0], idea="desk", argument="a1", side="for", text="Serve <b>davvero</b>")
    await asks(room, "move_idea", idea="desk", to="published", override="Sostenuta in sala")
    await asks(room, "move_idea", idea="desk", to="submitted", office="Direzione Lavoro", date="2026-11-22")
    return room.code


async def a_market(room: Inside) -> None:
    """A marketplace closes in the path's session; the desk then writes what became of its first activity."""
    live = room.house.paths.live["prova"]
    closed: dict[str, Any] = {
        "session": room.code,
        "stage": "market",
        "activity": "marketplace",
        "title": {"it": "Mercato"},
    }
    left = {"practice": len(PRACTICES), "peer_activity": len(PEERS)}
    closed |= {"closed_at": AT, "left": left, "practices": PRACTICES, "peers": PEERS}
    assert isinstance(await live.ask_as_server("market", "take_stage", closed), Receipt)
    change = {"status": "done", "result": "Si comincia a maggio", "follow_up": "2027-09-01"}
    await asks(room, "follow_peer", peer="p1", base={"status": 0}, set=change)


async def fetched(room: Inside, what: str, path: str = "prova", **more: Any) -> httpx.Response:
    answer = await room.call("GET", f"/api/paths/{path}/{what}", KEY, **more)
    assert answer.status_code == 200, answer.text[:500]
    return answer


async def brought(room: Inside, data: bytes, name: str = "a.json", dry: bool = False, **form: Any) -> httpx.Response:
    where = "/api/paths/import" + ("?dry_run=1" if dry else "")
    return await room.call("POST", where, KEY, files={"file": (name, data)}, data=form)


def test_a_dossier_out_and_in_is_the_same_dossier(tmp_path: Path) -> None:
    kept: dict[str, Any] = {}

    async def elsewhere(room: Inside) -> None:
        code = await room.begins(plan(path="prova"))
        await room.does("open_stage", stage="poll")
        await room.does("end_session")
        kept["brought"] = (await room.call("GET", f"/api/sessions/{code}/export.json", KEY)).content

    async def first(room: Inside) -> None:
        code = await a_path(room)
        await a_market(room)
        assert (await brought(room, kept["brought"])).json()["brought"][0]["what"] == "new"
        kept["json"] = (await fetched(room, "export.json")).content
        whole = json.loads(kept["json"])
        held = json.loads(kept["brought"])
        assert [one["session"] for one in whole["sessions"]] == [code, held["code"]]
        assert whole["brought"] == [held]
        assert jsonschema_rs.Draft202012Validator(path_export.schema()).is_valid(whole)
        assert whole["sessions"][0]["stages"][0]["left"] == {"idea": 1}
        assert [one["idea"] for one in whole["outcomes"]] == ["library", "desk"]
        assert [one["practice"] for one in whole["practices"]] == ["pacts", "evaluation", "bare"]
        assert [(one["peer"], one["own"], one["result"]) for one in whole["peers"]] == [
            ("p1", True, "Si comincia a maggio"),
            ("p2", False, None),
        ]
        desk = whole["outcomes"][1]
        assert desk["state"] == "submitted" and desk["endorsement"]["agree"] == 12 and desk["versions"]

    async def second(room: Inside) -> None:
        dry = await brought(room, kept["json"], dry=True)
        assert dry.status_code == 200, dry.text
        told = dry.json()
        assert told["new_path"] and told["counts"] == {"new": 2, "here": 0, "conflict": 0} and not told["saved"]
        assert told["practices"] == {"new": 3, "here": 0, "conflict": 0}
        assert told["peers"] == {"new": 2, "here": 0, "conflict": 0}
        assert [one["what"] for one in told["brought"]] == ["new"]
        assert not any("differs" in one for one in told["ideas"]), told["ideas"]
        assert room.house.paths.find("prova") is None
        saved = await brought(room, kept["json"])
        assert saved.status_code == 200 and saved.json()["saved"] and saved.json()["errors"] == []
        again = json.loads((await fetched(room, "export.json")).content)
        before = json.loads(kept["json"])
        assert before.pop("generated") and again.pop("generated")
        assert again == before
        number = room.house.paths.live["prova"].line.number
        twice = (await brought(room, kept["json"])).json()
        assert twice["counts"] == {"new": 0, "here": 2, "conflict": 0}
        assert twice["practices"] == {"new": 0, "here": 3, "conflict": 0}
        assert twice["peers"] == {"new": 0, "here": 2, "conflict": 0}
        assert [one["what"] for one in twice["brought"]] == ["here"]
        assert room.house.paths.live["prova"].line.number == number

    story(elsewhere, tmp_path / "none")
    story(first, tmp_path / "one")
    story(second, tmp_path / "two")


def test_a_files_idea_that_is_here_with_other_words_is_a_conflict_and_stays_as_it_is(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await a_path(room)
        whole = (await fetched(room, "export.json")).json()
        await asks(room, "edit_idea", idea="library", base={"title": 1}, set={"title": {"it": "Biblioteca di notte"}})
        told = (await brought(room, json.dumps(whole).encode())).json()
        assert told["counts"] == {"new": 0, "here": 1, "conflict": 1}
        assert [one["differs"] for one in told["ideas"] if one["what"] == "conflict"] == [["fields.title"]]
        here = room.house.paths.live["prova"].line.folded.ideas.ideas["library"]
        assert here.fields["title"] == {"it": "Biblioteca di notte"}

    story(tell, tmp_path)


def test_the_package_of_a_path_is_imported_as_its_json_is(tmp_path: Path) -> None:
    kept: dict[str, bytes] = {}

    async def first(room: Inside) -> None:
        await a_path(room)
        kept["zip"] = (await fetched(room, "export.zip")).content

    async def second(room: Inside) -> None:
        told = (await brought(room, kept["zip"], "dossier.zip", path="altrove")).json()
        assert (told["path"], told["counts"]["new"], told["saved"]) == ("altrove", 2, True)
        assert len(room.house.paths.live["altrove"].line.folded.ideas.ideas) == 2

    story(first, tmp_path / "one")
    story(second, tmp_path / "two")


def test_the_ideas_of_a_session_come_into_the_path_that_it_names_or_the_one_that_is_asked_for(tmp_path: Path) -> None:
    kept: dict[str, bytes] = {}

    async def first(room: Inside) -> None:
        code = await a_path(room)
        await room.does("end_session")
        answer = await room.call("GET", f"/api/sessions/{code}/export.json", KEY)
        kept["json"], kept["code"] = answer.content, code.encode()

    async def second(room: Inside) -> None:
        told = (await brought(room, kept["json"])).json()
        assert (told["format"], told["path"], told["counts"]["new"]) == ("session", "prova", 1)
        other = (await brought(room, kept["json"], path="altra")).json()
        assert (other["path"], other["counts"]["new"]) == ("altra", 1)
        state = room.house.paths.live["prova"].line.folded
        assert list(state.sessions) == [kept["code"].decode()]
        assert state.stages[kept["code"].decode(), "ideas"].left == {"idea": 1}
        assert state.ideas.ideas["library"].fields["title"] == LIBRARY["title"]

    story(first, tmp_path / "one")
    story(second, tmp_path / "two")


def test_an_activity_that_says_otherwise_in_a_file_is_a_conflict_and_stays_as_it_is_here(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await a_path(room)
        await a_market(room)
        whole = (await fetched(room, "export.json")).json()
        await asks(room, "follow_peer", peer="p1", set={"topic": "Misurare insieme"})
        told = (await brought(room, json.dumps(whole).encode())).json()
        assert told["peers"] == {"new": 0, "here": 1, "conflict": 1}
        assert [one["peer"] for one in told["warnings"] if one["code"] == "other_peer"] == ["p1"]
        here = room.house.paths.live["prova"].line.folded.peers.followed["p1"].activity
        assert here.topic == "Misurare insieme"

    story(tell, tmp_path)


def test_what_a_market_left_to_a_path_stands_in_all_of_its_files(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await a_path(room)
        await a_market(room)
        sheets = {one.name: one.rows for one in read_rows((await fetched(room, "export.xlsx")).content, "a").sheets}
        activity = dict(zip(sheets["Peer Activities"][0], sheets["Peer Activities"][1], strict=False))
        assert (activity["Session"], activity["Topic"]) == (room.code, "Misurare i patti")
        assert (activity["Status"], activity["Result"]) == ("done", "Si comincia a maggio")
        assert [row[3] for row in sheets["Practices"][1:]] == [
            "Patti di collaborazione", "Valutare per decidere", "Solo un titolo",
        ]  # fmt: skip
        text = docx_text((await fetched(room, "export.docx?lang=it")).content)
        for said in ("Attività fra organizzazioni", "Lyon – Torino", "Lyon: Evaluation unit", "65 patti", "3 pratiche"):
            assert said in text, said
        assert "salvo chi si occupa di un’attività" in text
        assert (await fetched(room, "export.pdf?lang=en")).content.startswith(b"%PDF-")
        table = (await fetched(room, "export.peers.csv?lang=it")).content.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(table, newline=""), delimiter=";"))
        assert [(one["Peer Activity"], one["Owners"]) for one in rows] == [("p1", "Lyon: Evaluation unit"), ("p2", "")]
        days = (await fetched(room, "export.ics?lang=it")).text
        assert "SUMMARY:Da risentire: Misurare i patti" in days and "SUMMARY:Riunire gli uffici." in days
        assert "20270315" not in days, "it is done"
        with zipfile.ZipFile(io.BytesIO((await fetched(room, "export.zip")).content)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        assert {"tables/practices.csv", "tables/peer_activities.csv", "next-steps.ics"} <= set(files)
        whole = json.loads(files["outcomes.json"])
        validator = jsonschema_rs.Draft202012Validator(path_export.schema())
        assert list(validator.iter_errors(whole)) == []
        assert not validator.is_valid({**whole, "peers": [{**whole["peers"][0], "status": "splendid"}]})

    story(tell, tmp_path)


def test_a_path_without_activities_has_an_empty_table_and_an_empty_calendar(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await room.call("POST", "/api/paths", KEY, json={"id": "prova", "title": "Prova"})
        table = (await fetched(room, "export.peers.csv")).content.decode("utf-8-sig")
        assert len(table.strip().splitlines()) == 1
        assert "VEVENT" not in (await fetched(room, "export.ics")).text

    story(tell, tmp_path)


# Hostile and broken files


def packed(name: str, data: bytes) -> bytes:
    room = io.BytesIO()
    with zipfile.ZipFile(room, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return room.getvalue()


def whole_dossier(**more: Any) -> dict[str, Any]:
    return {
        "schema_version": "1.0",
        "kind": "dossier",
        "path": "prova",
        "title": {"it": "Prova"},
        "languages": ["it", "en"],
        "outcomes": [],
        "software": {"name": "officina", "version": "0.1.0"},
        **more,
    }


def of(**more: Any) -> bytes:
    return json.dumps(whole_dossier(**more)).encode()


def an_idea(**more: Any) -> dict[str, Any]:
    left = path_export.Left("x", state_with_idea(), 2, AT, AT, {}, {})
    return {**path_export.dossier(left)["outcomes"][0], **more}


AT = 1_795_338_000_000


def state_with_idea(n: int = 1, **more: Any) -> Any:
    from server.activities.contract import Happening, Moment
    from server.activities.contract.idea import messages as idea_messages
    from server.paths import messages as m
    from server.paths import rules

    state = rules.start()
    made = m.MakePath.model_validate(
        {"title": {"it": "Prova", "en": "Trial"}, "languages": ["it", "en"], "groups": GROUPS, "prefix": "PR"}
    )
    asked: list[Any] = [made]
    asked += [idea_messages.NewIdea(idea=f"i{nth}", fields={**sample.full(), **more}) for nth in range(n)]
    for ask in asked:
        facts = rules.decide(state, ask, Moment(AT, "server"))
        assert isinstance(facts, list), facts
        for fact in facts:
            state = rules.evolve(state, Happening(fact, AT))
    return state


A_PEER = {**PEERS[0], "session": "ABC", "stage": "market"}
A_PRACTICE = {**PRACTICES[0], "session": "ABC", "stage": "market"}
HOSTILE: dict[str, tuple[bytes, int, str]] = {
    "a zip bomb called json": (packed("xl/bomb.xml", b"0" * 60_000_000), 422, "not_ours"),
    "a package with a bomb in it": (packed("outcomes.json", b" " * 30_000_000), 413, "too_big"),
    "brackets ten thousand deep": (b'{"a":' * 10_000, 422, "broken"),
    "nothing but brackets": (b'{"a":[' + b"[]," * 900_000 + b"[]]}", 413, "too_big"),
    "a number that is none": (b'{"a": NaN}', 422, "broken"),
    "half a file": (of()[:-20], 422, "broken"),
    "somebody else's json": (b'{"title": "x", "outcomes": []}', 422, "not_ours"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, 422, "not_ours"),
    "a newer version": (of(schema_version="2.0"), 422, "too_new"),
    "an idea of a newer version": (of(outcomes=[{**an_idea(), "schema_version": "7.3"}]), 422, "too_new"),
    "a time without a zone": (of(outcomes=[an_idea(created_at="2026-11-22T10:00:00")]), 422, "broken"),
    "no time at all": (of(outcomes=[an_idea(published_at="yesterday")]), 422, "broken"),
    "a field that the form does not know": (of(outcomes=[an_idea(fields={"titel": {"it": "x"}})]), 422, "broken"),
    "an id with a path in it": (of(outcomes=[an_idea(idea="../../etc")]), 422, "broken"),
    "a code with markup in it": (of(outcomes=[an_idea(code="<script>")]), 422, "broken"),
    "an idea twice": (of(outcomes=[an_idea(), an_idea()]), 422, "broken"),
    "an activity on a day that there is not": (of(peers=[{**A_PEER, "date": "2027-02-30"}]), 422, "broken"),
    "an activity of one": (of(peers=[{**A_PEER, "parties": PEERS[0]["parties"][:1]}]), 422, "broken"),
    "a practice with a path in its id": (of(practices=[{**A_PRACTICE, "practice": "../x"}]), 422, "broken"),
    "a practice without measure": (of(practices=[{**A_PRACTICE, "title": {"it": "x" * 30_000}}]), 422, "broken"),
    "a path with a slash": (of(path="../prova"), 422, "bad_path"),
    "nothing": (b"", 422, "not_ours"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_broken_file_is_refused_clearly_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    data, status, code = HOSTILE[name]

    async def tell(room: Inside) -> None:
        began = time.monotonic()
        answer = await brought(room, data, "dossier.json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text[:300]
        assert len(answer.json()["error"]["text"]) > 20
        assert time.monotonic() - began < 10
        assert room.house.paths.live == {}

    story(tell, tmp_path)


def test_a_file_of_a_hundred_megabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        answer = await brought(room, b"{" + b" " * (100 << 20))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_big")

    story(tell, tmp_path)


def test_a_dossier_larger_than_other_files_comes_in_too(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        answer = await brought(room, of() + b" " * (19 << 20))
        assert answer.status_code == 200 and answer.json()["new_path"], answer.text[:300]
        too_big = await brought(room, of() + b" " * (21 << 20))
        assert (too_big.status_code, too_big.json()["error"]["code"]) == (413, "too_big")

    story(tell, tmp_path)


def test_a_broken_place_is_named() -> None:
    from server.sessions.answers import Failed

    spoilt = an_idea()
    spoilt["fields"] = {**spoilt["fields"], "cost_total": {"exact": "much"}}
    with pytest.raises(Failed) as refused:
        importing.read(of(outcomes=[an_idea(idea="fine", code=None), spoilt]), "a.json", "en")
    assert refused.value.details is not None
    assert refused.value.details["place"].startswith("outcomes.1.fields.cost_total")
    assert "outcomes.1.fields.cost_total" in refused.value.text


def test_only_the_host_imports_and_exports(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await a_path(room)
        for what in ("export.json", "export.zip", "ideas/desk/export.pdf", "exports/x", "exports/x/file"):
            assert (await room.call("GET", f"/api/paths/prova/{what}")).status_code == 401
        assert (await room.call("POST", "/api/paths/import", files={"file": ("a", of())})).status_code == 401
        assert (await room.call("POST", "/api/paths/prova/exports", json={"kind": "pdf"})).status_code == 401
        assert (await room.call("DELETE", "/api/paths/prova/exports/x")).status_code == 401

    story(tell, tmp_path)


# Lists of ideas

LIST = (
    "Titolo;Titolo (en);Sintesi;Problema;Destinatari;Ambito;Costo totale;Attori;Colore\r\n"
    "Orti di quartiere;Neighbourhood gardens;Il Comune apre gli orti.;Manca il verde;Famiglie;ambiente, giovani;"
    "12.500,50 €;Comune\nCooperativa;verde\r\n"
    "'=HYPERLINK(1);;=1+1;;;;;;\r\n"
    ";;Senza titolo;;;;;;\r\n"
    "Costo strano;;;;;;tanto;;\r\n"
    "Ambito strano;;;;;magia;;;\r\n"
).replace("Comune\nCooperativa", '"Comune\nCooperativa"')


def test_a_list_of_ideas_is_understood_and_its_bad_lines_are_named_by_number(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await a_path(room)
        dry = (await brought(room, LIST.encode(), "idee.csv", dry=True, path="prova")).json()
        assert [(one["row"], one["code"]) for one in dry["errors"]] == [
            (4, "no_title"), (5, "bad_value"), (6, "bad_value"),
        ]  # fmt: skip
        assert dry["errors"][1]["column"] == 7 and "tanto" in dry["errors"][1]["text"]
        assert [one["text"] for one in dry["warnings"]] and "Colore" in dry["warnings"][0]["text"]
        assert [one["row"] for one in dry["ideas"]] == [2, 3] and not dry["saved"]
        assert len(room.house.paths.live["prova"].line.folded.ideas.ideas) == 2
        saved = (await brought(room, LIST.encode(), "idee.csv", path="prova")).json()
        assert saved["saved"] and saved["counts"]["new"] == 2
        ideas = list(room.house.paths.live["prova"].line.folded.ideas.ideas.values())
        garden, formula = ideas[2], ideas[3]
        assert garden.fields["title"] == {"it": "Orti di quartiere", "en": "Neighbourhood gardens"}
        assert garden.fields["domain"] == ["environment", "youth"]
        assert garden.fields["cost_total"]["exact"] == "12500.50"
        actors = [row["name"] for path, row in garden.fields.items() if path.startswith("actors/")]
        assert actors == ["Comune", "Cooperativa"]
        assert formula.fields["title"] == {"it": "=HYPERLINK(1)"} and formula.fields["summary"] == {"it": "=1+1"}
        assert garden.code and garden.state == "draft"
        twice = (await brought(room, LIST.encode(), "idee.csv", path="prova")).json()
        assert twice["counts"] == {"new": 0, "here": 2, "conflict": 0}

    story(tell, tmp_path)


def test_a_list_without_known_headers_is_read_by_the_mapping_that_is_given(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await a_path(room)
        data = b"Che cosa,Chi paga\r\nOrti in cortile,Il Comune\r\n"
        without = await brought(room, data, "a.csv", path="prova")
        assert (without.status_code, without.json()["error"]["code"]) == (422, "no_title_column")
        columns = json.dumps({"Che cosa": "title", "Chi paga": "proposal"})
        told = (await brought(room, data, "a.csv", path="prova", columns=columns, language="it")).json()
        assert told["counts"]["new"] == 1
        wrong = await brought(room, data, "a.csv", path="prova", columns=json.dumps({"Che cosa": "__class__"}))
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "bad_columns")

    story(tell, tmp_path)


def test_our_own_workbook_brings_its_ideas_back(tmp_path: Path) -> None:
    kept: dict[str, bytes] = {}

    async def first(room: Inside) -> None:
        await a_path(room)
        kept["xlsx"] = (await fetched(room, "export.xlsx")).content
        told = (await brought(room, kept["xlsx"], "dossier.xlsx", path="prova")).json()
        assert told["counts"] == {"new": 0, "here": 2, "conflict": 0}, told["ideas"]

    async def second(room: Inside) -> None:
        nowhere = await brought(room, kept["xlsx"], "dossier.xlsx", path="prova")
        assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "unknown_path")
        await room.call("POST", "/api/paths", KEY, json={"id": "prova", "title": "Prova"})
        told = (await brought(room, kept["xlsx"], "dossier.xlsx", path="prova")).json()
        assert told["counts"]["new"] == 2 and told["errors"] == [] and told["warnings"] == []
        desk = room.house.paths.live["prova"].line.folded.ideas.ideas["desk"]
        assert desk.fields["cost_total"]["exact"] == "100000" and desk.fields["area.name"] == "Lorenteggio"

    story(first, tmp_path / "one")
    story(second, tmp_path / "two")


@pytest.mark.parametrize(
    ("written", "read_"),
    [("12.500", "12500"), ("12,500", "12500"), ("12.500,5", "12500.5"), ("1,234.50", "1234.50"), ("0,5", "0.5"),
     ("1.5", "1.5"), ("90.000\u00a0€", "90000")],
)  # fmt: skip
def test_a_number_is_read_as_either_language_writes_it(written: str, read_: str) -> None:
    assert importing._number(written) == read_


# One idea in all formats


@pytest.fixture
def set_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that the typesetter was given for a PDF, in reading order."""
    from server.files import pdf

    texts: list[str] = []
    compiled = pdf._compiled

    def listening(template: bytes, data: str, at: int, **how: Any) -> Any:
        texts.append(data.replace(pdf.BREAK, ""))
        return compiled(template, data, at, **how)

    monkeypatch.setattr(pdf, "_compiled", listening)
    return texts


def docx_text(data: bytes) -> str:
    made = reader.Document(io.BytesIO(data))
    cells = [cell.text for table in made.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(line.text for line in made.paragraphs), *cells])


FORMULA = "=cmd|' /C calc'!A0"


def test_one_idea_says_the_same_in_every_format_field_by_field(tmp_path: Path, set_texts: list[str]) -> None:
    async def tell(room: Inside) -> None:
        await a_path(room)
        await asks(room, "new_idea", idea="odd", fields={"title": {"it": FORMULA}, "problem": {"it": "Riga 1\nRiga 2"}})
        whole = (await fetched(room, "export.json?lang=it")).json()
        idea = next(one for one in whole["outcomes"] if one["idea"] == "desk")
        tree = idea["fields"]
        said = [tree[name]["it"] for name in ("title", "summary", "problem", "proposal")]
        said += [tree["target_group"]["label"]["it"], tree["area"]["name"], tree["obstacles"][0]["text"]["it"]]
        said += [tree["next_steps"][0]["text"]["it"], tree["obstacles"][0]["overcome"][0]["text"]["it"]]
        said += [one["name"] for one in tree["actors"]]
        assert len(said) == 12 and all(said)

        docx = docx_text((await fetched(room, "export.docx?lang=it")).content)
        assert (await fetched(room, "export.pdf?lang=it")).content.startswith(b"%PDF-")
        sheets = {one.name: one.rows for one in read_rows((await fetched(room, "export.xlsx")).content, "a").sheets}
        fields = {row[2]: row[4] for row in sheets["Idea Fields"] if row[0] == "desk"}
        in_sheets = "\n".join(str(value) for value in fields.values())
        for text in said:
            assert text in docx and json.dumps(text, ensure_ascii=False)[1:-1] in set_texts[-1] and text in in_sheets
        assert fields["title"] == tree["title"]["it"] and fields["area.name"] == tree["area"]["name"]
        row = dict(zip(sheets["Ideas"][0], next(one for one in sheets["Ideas"] if one[2] == "desk"), strict=False))
        assert (row["Title"], row["State"], row["Version"]) == (tree["title"]["it"], "submitted", idea["version"])
        for alone in ("docx", "pdf"):
            data = (await fetched(room, f"ideas/desk/export.{alone}?lang=it")).content
            text = docx_text(data) if alone == "docx" else set_texts[-1]
            assert all(json.dumps(one, ensure_ascii=False)[1:-1] in text for one in said), alone
            assert "Riga 1" not in text

        decidim = (await fetched(room, "ideas/desk/export.decidim.json?lang=it")).json()
        assert len(decidim) == 1 and decidim[0]["title"]["it"] == f"{idea['code']} · {tree['title']['it']}"
        assert all(text.replace("'", "&#x27;") in decidim[0]["body"]["it"] for text in said[1:8])
        book = read_rows((await fetched(room, "ideas/desk/export.decidim.xlsx?lang=it")).content, "a").sheets[0].rows
        assert dict(zip(book[0], book[1], strict=False))["title/en"] == f"{idea['code']} · {tree['title']['en']}"
        indigo = (await fetched(room, "ideas/desk/export.indigo.json")).json()
        assert list(indigo) == [idea["code"]]
        calendar = (await fetched(room, "ideas/desk/export.ics?lang=it")).text
        assert "SUMMARY:Riunire gli uffici." in calendar

    story(tell, tmp_path)


def test_what_looks_like_a_formula_stays_a_text_in_every_table(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await a_path(room)
        await asks(room, "new_idea", idea="odd", fields={"title": {"it": FORMULA}, "area.name": "@SUM(1)"})
        table = (await fetched(room, "export.csv?lang=it")).content.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(table, newline=""), delimiter=";"))
        assert not [cell for row in rows for cell in row if re.match("[=+@\\-][^0-9]", cell)]
        assert "'" + FORMULA in [cell for row in rows for cell in row]
        with zipfile.ZipFile(io.BytesIO((await fetched(room, "export.zip")).content)) as files:
            for name in files.namelist():
                if name.endswith(".csv"):
                    rows = list(csv.reader(io.StringIO(files.read(name).decode("utf-8-sig"), newline="")))
                    assert not [cell for row in rows for cell in row if re.match("[=+@\\-][^0-9]", cell)], name
            with zipfile.ZipFile(io.BytesIO(files.read("results.xlsx"))) as book:
                assert not any(b"<f>" in book.read(name) for name in book.namelist())

    story(tell, tmp_path)


def test_an_idea_that_is_not_public_is_handed_to_nobody_and_one_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await a_path(room)
        for kind in ("decidim.json", "decidim.xlsx", "indigo.json"):
            answer = await room.call("GET", f"/api/paths/prova/ideas/library/export.{kind}", KEY)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_public")
        gone = await room.call("GET", "/api/paths/prova/ideas/nobody/export.pdf", KEY)
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "unknown_idea")
        for what in ("export.exe", "ideas/desk/export.zip"):
            assert (await room.call("GET", f"/api/paths/prova/{what}", KEY)).status_code == 404

    story(tell, tmp_path)


def test_the_package_of_a_path_holds_its_dictionary_and_keeps_to_the_schema_beside_it(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await a_path(room)
        with zipfile.ZipFile(io.BytesIO((await fetched(room, "export.zip?lang=it")).content)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        assert {
            "README.md", "LICENSE.txt", "DATACARD.md", "datapackage.json", "outcomes.json", "outcomes.schema.json",
            "report.pdf", "report.docx", "results.xlsx", "next-steps.ics", "decidim/proposals.json", "indigo.json",
            "tables/ideas.csv", "tables/sessions.csv", "tables/left_behind.csv", "tables/missing_translations.csv",
        } <= set(files)  # fmt: skip
        whole = json.loads(files["outcomes.json"])
        schema = json.loads(files["outcomes.schema.json"])
        assert schema == path_export.schema()
        validator = jsonschema_rs.Draft202012Validator(schema)
        assert list(validator.iter_errors(whole)) == []
        assert not validator.is_valid({**whole, "kind": "session"})
        assert not validator.is_valid({**whole, "outcomes": [{**whole["outcomes"][0], "state": "splendid"}]})
        described = json.loads(files["datapackage.json"])
        assert {one["path"] for one in described["resources"]} == set(files) - {"datapackage.json"}
        sessions = list(csv.DictReader(io.StringIO(files["tables/sessions.csv"].decode("utf-8-sig"), newline="")))
        assert [(one["Phase"], one["Stage"]) for one in sessions] == [("codesign", "ideas")]

    story(tell, tmp_path)


def test_a_missing_translation_is_listed_in_the_data_in_the_sheets_and_in_the_report(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await a_path(room)
        whole = (await fetched(room, "export.json")).json()
        assert whole["missing_translations"] == [{"idea": "library", "field": "title", "languages": ["en"]}]
        sheets = {one.name: one.rows for one in read_rows((await fetched(room, "export.xlsx")).content, "a").sheets}
        assert [row[2:] for row in sheets["Missing Translations"][1:]] == [["title", "en"]]
        text = docx_text((await fetched(room, "export.docx?lang=it")).content)
        assert "Traduzioni mancanti" in text
        deep = {
            "idea": "x",
            "fields": {"obstacles": [{"uid": "o", "overcome": [{"uid": "w", "text": {"en": "a way"}}]}]},
        }
        assert path_export.missing_texts(deep, ["it", "en"]) == [
            {"idea": "x", "field": "obstacles/o.overcome/w.text", "languages": ["it"]}
        ]

    story(tell, tmp_path)


def test_a_small_group_stands_in_no_file_of_a_path() -> None:
    from dataclasses import replace

    from server.activities.contract.idea.model import Source

    state = state_with_idea()
    idea = state.ideas.ideas["i0"]
    sources = [
        Source(field="title", note=f"n{nth}", session="ABC", own_group=group)
        for nth, group in enumerate(("civil_servants", "social_innovators", "students"))
    ]
    idea = replace(idea, session="ABC", sources=tuple(sources))
    state = replace(state, ideas=replace(state.ideas, ideas={"i0": idea}))
    sizes = {("ABC", "board"): {"civil_servants": 14, "social_innovators": 9, "students": 3}}
    left = path_export.Left("x", state, 2, AT, AT, sizes, {})
    found = path_export.dossier(left)["outcomes"][0]
    assert [one.get("own_group") for one in found["sources"]] == ["civil_servants", None, None]
    assert found["provenance"]["by_group"] == {"civil_servants": 1, "other": 2}
    assert path_export.shown_sizes(sizes["ABC", "board"]) == {"civil_servants": 14, "other": 12}
    assert path_export.shown_sizes({"civil_servants": 14, "students": 3}) == {}
    # Shown once more, the same is shown: the next Officina hides neither more nor less.
    assert path_export.shown_sizes({"civil_servants": 14, "other": 12}) == {"civil_servants": 14, "other": 12}


# The command line


def commanded(*words: str, key: str = KEY) -> tuple[int, str]:
    """What a command ends with and says, on a terminal wide enough for its tables."""
    found = CliRunner().invoke(app, list(words), env={"OFFICINA_HOST_KEY": key, "COLUMNS": "200"})
    return found.exit_code, found.output


def test_the_command_line_takes_a_path_out_and_in_without_a_running_officina(tmp_path: Path) -> None:
    async def first(room: Inside) -> None:
        await a_path(room)

    story(first, tmp_path / "one")
    file = tmp_path / "prova.json"
    # Port 1: nobody answers there, so the data folder itself is opened.
    one, two = ("--port", "1", "--data", str(tmp_path / "one")), ("--port", "1", "--data", str(tmp_path / "two"))
    code, said = commanded("export", "prova", "--kind", "json", "--to", str(file), *one)
    assert code == 0 and "Written" in said, said
    assert json.loads(file.read_bytes())["kind"] == "dossier"
    code, said = commanded("import", str(file), "--dry-run", *two)
    assert code == 0 and "would be taken in" in said and "2 ideas would come in" in said, said
    code, said = commanded("import", str(file), *two)
    assert code == 0 and "1 session and 2 ideas taken in; 0 already here" in said, said
    code, said = commanded("import", str(file), *two)
    assert code == 0 and "0 sessions and 0 ideas taken in; 2 already here" in said, said
    code, said = commanded("export", "nowhere", "--to", str(tmp_path / "x"), *two)
    assert code == 1 and not (tmp_path / "x").exists()
    (tmp_path / "bad.json").write_bytes(b'{"a":' * 5_000)
    code, said = commanded("import", str(tmp_path / "bad.json"), *two)
    assert code == 1 and "broken" in said, said


async def test_the_command_line_asks_a_running_officina_for_sessions_and_paths_alike(tmp_path: Path) -> None:
    async with officina(tmp_path / "data") as day:
        code = await day.begins(plan(IDEAS, talk(), path="prova"))
        for do, at, having in (
            ("open_stage", None, {"stage": "ideas"}),
            ("new_idea", "ideas", {"idea": "library", "fields": LIBRARY}),
            ("go_next", None, {}),
        ):
            body = {"id": fresh(), "stage": at, "do": do, "with": having}
            assert (await day.api("POST", f"/api/sessions/{code}/asks", json=body)).status_code == 200
        await day.house.paths.rest()
        there = ("--port", day.url.rpartition(":")[2], "--data", str(tmp_path / "data"))
        for what, kind in (("prova", "zip"), (code.lower(), "docx"), ("prova", "pdf")):
            file = tmp_path / f"{what}.{kind}"
            ended, said = await asyncio.to_thread(commanded, "export", what, "--kind", kind, "--to", str(file), *there)
            assert ended == 0, said
            assert file.read_bytes()[:2] in (b"PK", b"%P")
        assert all(one.state == "cancelled" for one in day.officina.http.state.path_files.values())

        def interrupted(done: int) -> None:
            raise KeyboardInterrupt

        settings = Settings(data=tmp_path / "data", host_key=KEY, port=int(there[1]))
        with pytest.raises(KeyboardInterrupt):
            await asyncio.to_thread(export_path, Running(settings), "prova", "docx", "it", interrupted)
        last = list(day.officina.http.state.path_files.values())[-1]
        assert last.kind == "docx" and (last.state == "cancelled" or last.progress._stopped.is_set())
        package_ = tmp_path / "prova.zip"
        ended, said = await asyncio.to_thread(commanded, "import", str(package_), "--path", "altra", *there)
        assert ended == 0 and "Path altra (new)" in said and "1 idea taken in" in said, said
        ended, said = await asyncio.to_thread(commanded, "export", "nowhere", *there)
        assert ended == 1
        ended, said = await asyncio.to_thread(commanded, "export", "prova", *there, key="00" * 32)
        assert ended == 1


# Long files


async def until(room: Inside, export: str, states: tuple[str, ...]) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while not seen or seen[-1]["state"] not in states:
            seen.append((await fetched(room, f"exports/{export}")).json())
            await asyncio.sleep(0.02)
    return seen


async def begun(room: Inside, kind: str) -> str:
    answer = await room.call("POST", "/api/paths/prova/exports", KEY, json={"kind": kind})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["export"])


async def many(room: Inside, n: int) -> None:
    """So many whole ideas in a path, as somebody's import brings them."""
    await room.call("POST", "/api/paths", KEY, json={"id": "prova", "title": {"it": "Prova", "en": "Trial"}})
    path = room.house.paths.live["prova"]
    fields = {**sample.full(), "confidentiality": "public"}
    asked = [path.ask_as_server(f"i{nth}", "new_idea", {"idea": f"i{nth}", "fields": fields}) for nth in range(n)]
    assert all(isinstance(one, Receipt) for one in await asyncio.gather(*asked))


def test_a_long_file_is_made_beside_the_calls_and_its_progress_only_rises(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await many(room, 12)
        export = await begun(room, "zip")
        early = await room.call("GET", f"/api/paths/prova/exports/{export}/file", KEY)
        assert (early.status_code, early.json()["error"]["code"]) == (409, "not_ready")
        seen = await until(room, export, ("ready", "failed"))
        done = [one["done"] for one in seen]
        assert done == sorted(done) and done[-1] == 1000 and seen[-1]["state"] == "ready"
        assert len(set(done)) >= 5, done
        data = (await fetched(room, f"exports/{export}/file")).content
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
        other = await room.call("GET", f"/api/paths/altra/exports/{export}/file", KEY)
        assert (other.status_code, other.json()["error"]["code"]) == (404, "unknown_file")

    story(tell, tmp_path)


def test_a_calendar_and_a_table_of_activities_are_made_beside_the_calls_too(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await a_path(room)
        await a_market(room)
        for kind, begins in (("ics", "BEGIN:VCALENDAR"), ("peers.csv", "\ufeffSession")):
            export = await begun(room, kind)
            await until(room, export, ("ready",))
            made = await fetched(room, f"exports/{export}/file")
            assert made.text.startswith(begins), made.text[:40]
            assert made.headers["content-disposition"].endswith(f'officina-prova.{kind}"')

    story(tell, tmp_path)


def test_a_long_file_can_be_given_up_and_no_more_than_four_are_made_at_a_time(tmp_path: Path) -> None:
    async def tell(room: Inside) -> None:
        await many(room, 60)
        exports = [await begun(room, "docx") for _ in range(4)]
        fifth = await room.call("POST", "/api/paths/prova/exports", KEY, json={"kind": "pdf"})
        assert (fifth.status_code, fifth.json()["error"]["code"]) == (409, "too_many_files")
        for export in exports:
            given_up = await room.call("DELETE", f"/api/paths/prova/exports/{export}", KEY)
            assert given_up.status_code == 200 and given_up.json()["state"] == "cancelled"
        for export in exports:
            seen = await until(room, export, ("ready", "failed", "cancelled"))
            assert seen[-1]["state"] == "cancelled" and seen[-1]["done"] < 1000
            gone = await room.call("GET", f"/api/paths/prova/exports/{export}/file", KEY)
            assert gone.status_code == 409
        assert await begun(room, "csv")

    story(tell, tmp_path)


def test_a_file_that_is_given_up_stops_at_the_next_idea() -> None:
    left = path_export.Left("x", state_with_idea(3), 2, AT, AT, {}, {})
    for kind in path_export.KINDS:
        progress = path_export.Progress()
        told = progress.tell

        def once(n: int, of: int, progress: path_export.Progress = progress, told: Any = told) -> None:
            told(n, of)
            progress.cancel()

        progress.tell = once  # type: ignore[method-assign]
        with pytest.raises(path_export.Cancelled):
            path_export.made(left, kind, "it", {}, progress)


def test_with_many_ideas_the_report_tells_each_in_short_and_says_where_the_rest_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(path_export, "MOST_WHOLE", 2)
    left = path_export.Left("x", state_with_idea(3), 2, AT, AT, {}, {})
    text = docx_text(path_export.made(left, "docx", "en", {}))
    assert "With more than 2 ideas each is told in short here." in text
    assert text.count("Many young people neither study nor work.") == 3
    assert "compulsory employment notices" not in text
    sheets = read_rows(path_export.made(left, "xlsx", "en", {}), "a").sheets
    told = next(one.rows for one in sheets if one.name == "Idea Fields")
    assert sum("compulsory employment notices" in str(row[4]) for row in told) == 3


def test_the_words_and_columns_of_a_path_are_there_in_both_languages() -> None:
    italian, english = words_of("it", "path").words, words_of("en", "path").words
    assert set(italian) == set(english)

    def holes(words: Any) -> set[str]:
        texts = words.values() if isinstance(words, dict) else [words]
        return {name for text in texts for name in re.findall(r"\{(\w+)\}", text)}

    assert [key for key in italian if holes(italian[key]) != holes(english[key])] == []
    for table, columns in (
        ("sessions", path_export.SESSIONS),
        ("left_behind", path_export.LEFT),
        ("missing_translations", path_export.TEXTS),
    ):
        for column in columns:
            about = package.meaning(table, column)
            assert about["type"] in ("string", "integer") and about["it"] and about["en"]
