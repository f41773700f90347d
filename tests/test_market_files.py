"""What a marketplace leaves, in every file of its session and of its path: practices, visits, notes, panel, activities."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import docx as reader
import jsonschema_rs
import pytest

from server import activities
from server.files.document import Details, Document, Items, Paragraph, Table, every_chapter
from server.files.docx import docx
from server.files.pdf import pdf
from server.files.reading import read_rows
from server.files.writing import xlsx
from server.outcomes import export, handover, market_report, market_tables, package
from server.outcomes.report import report
from server.outcomes.schema import schema
from server.outcomes.telling import Telling
from server.paths import peers, rules
from tests.inside import Inside, inside
from tests.leavings import AGENDA, left
from tests.people import KEY, plan, talk
from tests.test_every_activity import plays
from tests.test_hostile_text import CORPUS

STAGE = {"stage": "market", "stage_title": {"it": "Il mercato", "en": "The market"}, "level": "pseudonym"}
NAMES = {"marketplace": "Mercato"}


def of(name: str) -> list[dict[str, Any]]:
    """What the sample of an activity leaves, as an export has it."""
    activity = activities.found()[name]
    found = activity.rules.outcomes(plays(activity).state)
    whole = [{**STAGE, "activity": name, **one} for one in found if export.may_leave(one)]
    shown: list[dict[str, Any]] = json.loads(json.dumps(whole, default=dict))
    return shown


@pytest.fixture(scope="module")
def market() -> list[dict[str, Any]]:
    return of("marketplace")


def told(outcomes: list[dict[str, Any]], language: str = "it") -> Document:
    return report(left(*outcomes), AGENDA, {}, NAMES, language)


def words_of(document: Document) -> str:
    """Every word of a document, in reading order."""
    found: list[str] = []
    for _, chapter in every_chapter(document.chapters):
        found.append(chapter.title)
        for block in chapter.blocks:
            match block:
                case Paragraph():
                    found.append(block.text)
                case Items():
                    found += [f"{item.text} {item.about}" for item in block.items]
                case Details():
                    found += [f"{name}: {value}" for name, value in block.rows]
                case Table():
                    found += [block.caption, " | ".join(block.head), *(" | ".join(row) for row in block.rows)]
    return "\n".join(found)


def kind(outcomes: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [one for one in outcomes if one["kind"] == name]


def test_who_met_whom_is_in_no_file() -> None:
    for name, internal in (("marketplace", "visits"), ("tables", "seating")):
        activity = activities.found()[name]
        found = activity.rules.outcomes(plays(activity).state)
        assert internal in {one["kind"] for one in found}, "a later stage of the session needs it"
        assert internal not in {one["kind"] for one in of(name)}


def test_the_outcomes_keep_to_the_schema_and_spoilt_ones_do_not(market: list[dict[str, Any]]) -> None:
    outcomes = [*market, *of("tables")]
    head = {**left(), "schema_version": "1.0"}
    validator = jsonschema_rs.Draft202012Validator(schema())
    assert {one["kind"] for one in outcomes} == {
        "practice", "marketplace", "stall_note", "panel", "peer_activity", "tables",
    }  # fmt: skip
    assert list(validator.iter_errors({**head, "outcomes": outcomes})) == []
    spoilt: dict[str, dict[str, Any]] = {
        "practice": {"offers": "aiuto"},
        "marketplace": {"stalls": [{"stall": "a"}]},
        "stall_note": {"form": "praise"},
        "panel": {"pairs": None},
        "peer_activity": {"status": "splendid"},
        "tables": {"rounds": "two"},
    }
    for one in outcomes:
        wrong = {**head, "outcomes": [{**one, **spoilt[one["kind"]]}]}
        assert not validator.is_valid(wrong), one["kind"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "it",
            [
                "Mercato delle pratiche", "98,4\u00a0% del meglio possibile", "visitato 7 persone su 7", "nel 65\u00a0% dei casi",
                "Patti di collaborazione | 3 | 3 | 0 | 0", "Limiti: Servono tempi lunghi.",
                "Quaranta famiglie (si sa da: registro dei turni)", "Chi risponde dei danni? domanda",
                "Torino cerca e Lyon offre: valutazione d'impatto.", "si sono scelte a vicenda",
                "Organizzazioni senza una coppia\nCooperativa Aurora", "■ con una data",
                "Lyon – Torino | Misurare i patti\nvisita di studio | 15 marzo 2027 |"
                " Lyon: Evaluation unit\nTorino: Ufficio beni comuni | Send the last report | con una data",
            ],
        ),
        (
            "en",
            [
                "Marketplace of practices", "98.4\u00a0% of the best possible", "Collaboration pacts | 3 | 3 | 0 | 0",
                "Torino needs and Lyon offers: impact assessment.", "Organisations without a pair", "with a date",
            ],
        ),
    ],
)  # fmt: skip
def test_the_report_tells_the_marketplace_in_both_languages(
    market: list[dict[str, Any]], language: str, said: list[str]
) -> None:
    text = words_of(told(market, language))
    for one in said:
        assert one in text, (one, text)
    assert "market." not in text and "{" not in text


def test_a_need_that_nobody_offers_is_a_finding_of_the_report(market: list[dict[str, Any]]) -> None:
    (panel,) = kind(market, "panel")
    lonely = {**panel, "unoffered": [{"it": "valutazione degli affitti", "en": "rent assessment"}]}
    text = words_of(told([lonely]))
    assert "Cercato, ma nessuno lo offre" in text and "valutazione degli affitti" in text
    rows = market_tables.sheets(Telling(left(), "en"), [lonely])[0].rows
    assert rows[-1] == ["market", "unoffered", None, None, None, None, "rent assessment"]


def test_visits_by_group_stand_only_where_no_group_is_small(market: list[dict[str, Any]]) -> None:
    (one,) = kind(market, "marketplace")
    assert not any("by_group" in stall for stall in one["stalls"]), "the sample's groups are small"
    assert "le visite per gruppo non si mostrano" in words_of(told(market))
    stalls = [{**stall, "by_group": {"civil_servants": 6, "social_innovators": 5}} for stall in one["stalls"]]
    text = words_of(told([{**one, "stalls": stalls}]))
    assert "Funzionari pubblici | Innovatori sociali" in text and "non si mostrano" not in text


@pytest.mark.parametrize("n", [2, 5, 9, 30])
def test_a_panel_of_any_size_fits_a_page(market: list[dict[str, Any]], n: int) -> None:
    (panel,) = kind(market, "panel")
    ids = [f"organisation {place}" for place in range(n)]
    many = {
        **panel,
        "organisations": [{"id": id, "name": f"Organizzazione {id}", "offers": [], "needs": []} for id in ids],
        "matrix": [{"a": ids[0], "b": id, "status": "accepted"} for id in ids[1:]],
        "pairs": [],
        "without": [],
    }
    document = told([many])
    chapter = next(one for _, one in every_chapter(document.chapters) if one.title == "Chi con chi")
    if n > market_report.SIGNS_FIT:
        (items,) = chapter.blocks
        assert isinstance(items, Items) and items.items[1].text == f"Organizzazione {ids[1]}"
    else:
        table = chapter.blocks[0]
        assert isinstance(table, Table)
        assert table.rows[0][1] == "–" and "●" in table.rows[0][2] and "●" in table.rows[1][1]
        assert "accettata" in chapter.blocks[1].text  # type: ignore[union-attr]
    assert pdf(document).startswith(b"%PDF-")


def test_the_report_is_written_as_pdf_and_docx_whatever_people_wrote(market: list[dict[str, Any]]) -> None:
    wild = json.loads(json.dumps(market))
    for place, one in enumerate(wild):
        text = CORPUS[place % len(CORPUS)]
        for name in ("topic", "first_step", "text"):
            if name in one:
                one[name] = text
        if "title" in one:
            one["title"] = {"it": text}
    document = told(wild)
    assert pdf(document).startswith(b"%PDF-")
    made = reader.Document(io.BytesIO(docx(document)))
    assert "Mercato delle pratiche" in [line.text for line in made.paragraphs]


def test_a_name_in_a_report_is_spoken_of_in_its_data_card(market: list[dict[str, Any]]) -> None:
    assert "salvo chi si occupa di un’attività" in words_of(told(market))
    nobody = [one for one in market if one["kind"] != "peer_activity"]
    assert "I nomi non compaiono in questo rapporto. Le risposte" in words_of(told(nobody))


def test_the_sheets_hold_practices_visits_notes_panel_and_activities(market: list[dict[str, Any]]) -> None:
    found = {sheet.name: sheet.rows for sheet in market_tables.sheets(Telling(left(), "en"), market)}
    assert list(found) == ["Practices", "Visits", "Stall Notes", "Panel", "Peer Activities"]
    assert {len(row) for row in found["Practices"]} == {len(market_tables.PRACTICES)}
    lyon = [row for row in found["Visits"] if row[1] == "lyon"]
    assert [(row[3], row[5]) for row in lyon] == [(1, 1), (2, 2), (3, 1)]
    assert ["market", "without", "Cooperativa Aurora", None, None, None, None] in found["Panel"]
    first = dict(zip(found["Peer Activities"][0], found["Peer Activities"][1], strict=True))
    assert first["Owners"] == "Lyon: Evaluation unit; Torino: Ufficio beni comuni"
    assert (first["Date"], first["Status"], first["Mutual"]) == ("2027-03-15", "scheduled", "yes")
    assert first["Reasons"] == "Torino needs and Lyon offers: impact assessment."
    assert market_tables.sheets(Telling(left(), "en"), []) == []
    assert len(xlsx(market_tables.sheets(Telling(left(), "it"), market))) > 1000


def test_every_column_is_described_in_both_languages() -> None:
    tables = {
        "practices": market_tables.PRACTICES,
        "visits": market_tables.VISITS,
        "stall_notes": market_tables.NOTES,
        "panel": market_tables.PANEL,
        "peer_activities": market_tables.PEERS,
    }
    for table, columns in tables.items():
        for column in ("Session", *columns):
            about = package.meaning(table, column)
            assert about["type"] in ("string", "integer") and about["it"] and about["en"], (table, column)


def test_the_package_holds_the_tables_with_their_dictionary_and_a_calendar(market: list[dict[str, Any]]) -> None:
    found = left(*market)
    tell = Telling(found, "it")
    sheets = market_tables.sheets(tell, market)
    data = package.package(found, {**found}, sheets, xlsx(sheets), told(market), "it")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    names = ("practices", "visits", "stall_notes", "panel", "peer_activities")
    assert {f"tables/{name}.csv" for name in names} <= set(files)
    card = files["README.md"].decode()
    assert "Chi cerca che cosa, e chi lo offre" in card and "next-steps.ics" in card
    rows = list(csv.DictReader(io.StringIO(files["tables/peer_activities.csv"].decode("utf-8-sig"), newline="")))
    assert rows[0]["Topic"] == "Misurare i patti"
    assert b"Misurare i patti" in files["next-steps.ics"]


# The calendar


def calendar(*peers: dict[str, Any]) -> str:
    made = handover.next_steps(Telling(left(), "it"), [], 1_795_348_000_000, peers)
    return made.decode().replace("\r\n ", "")


def test_an_activity_stands_on_its_day_and_on_the_day_of_its_follow_up(market: list[dict[str, Any]]) -> None:
    one = {**kind(market, "peer_activity")[0], "follow_up": "2027-06-01"}
    text = calendar(one)
    assert "DTSTART;VALUE=DATE:20270315" in text and "DTSTART;VALUE=DATE:20270601" in text
    assert "SUMMARY:Misurare i patti · Lyon – Torino" in text
    assert "SUMMARY:Da risentire: Misurare i patti · Lyon – Torino" in text
    assert "Lyon: Evaluation unit" in text and "Primo passo: Send the last report" in text
    uids = re.findall(r"UID:(\S+)", text)
    assert len(set(uids)) == 2 and uids == re.findall(r"UID:(\S+)", calendar({**one, "date": "2027-04-01"}))


def test_what_is_done_is_asked_after_and_what_was_dropped_is_not(market: list[dict[str, Any]]) -> None:
    one = {**kind(market, "peer_activity")[0], "follow_up": "2027-06-01"}
    assert re.findall(r"DATE:(\d+)\r\nDTEND", calendar({**one, "status": "done"})) == ["20270601"]
    assert "VEVENT" not in calendar({**one, "status": "dropped"})
    assert handover.dated([], [one]) and not handover.dated([], [{**one, "date": None, "follow_up": None}])


# A real session


async def a_day(room: Inside) -> None:
    """A marketplace with a round, a note, a pair of organisations and what they agreed; then tables, and the end."""
    setup = {"rounds": 1, "practices": None, "panel": True}
    stages = [
        {"id": "market", "activity": "marketplace", "title": {"it": "Mercato", "en": "Market"}, "setup": setup},
        talk("last"),
    ]
    await room.begins(plan(*stages, path="prova"))
    badges = [(await room.joins(f"P{n}", ("civil_servants", "social_innovators")[n % 2]))[0] for n in range(4)]

    async def says(badge: str, do: str, **having: Any) -> None:
        answer = await room.tells(badge, do, "market", **having)
        assert answer.status_code == 200, answer.text

    await room.does("open_stage", stage="market")
    for n, badge in enumerate(badges):
        await says(badge, "say_organisation", organisation=("Torino", "Lyon")[n // 2])
    card = {"title": "Patti di collaborazione", "offers": ["beni comuni"], "needs": ["valutazione"]}
    await says(badges[0], "add_practice", stall="s" * 16, fields=card)
    await says(badges[2], "add_practice", stall="t" * 16, fields={"title": "Misurare", "offers": ["valutazione"]})
    await room.does("go_to", "market", phase="rounds")
    await room.does("circulate", "market", on=True)
    await room.does("start_round", "market")
    await says(badges[1], "check_in", stall="t" * 16)
    await says(badges[1], "write_note", note="n" * 16, stall="t" * 16, kind="learned", text="Prima chi decide")
    await says(badges[3], "check_in", stall="s" * 16)
    await room.does("end_round", "market")
    await room.does("go_to", "market", phase="panel")
    await says(badges[0], "propose_peer", peer="p" * 16, parties=["torino", "lyon"], topic="Misurare i patti")
    agreed = {"date": "2027-03-15", "owner": "Ufficio beni comuni", "format": "study_visit"}
    await says(badges[0], "set_peer", peer="p" * 16, base=2, set=agreed)
    await says(badges[2], "answer_peer", peer="p" * 16, accept=True)
    await room.does("end_session")
    await room.house.paths.rest()


def test_a_session_with_a_marketplace_leaves_it_in_all_of_its_files_and_comes_whole_into_another_house(
    tmp_path: Path,
) -> None:
    kept: dict[str, Any] = {}

    async def here(room: Inside) -> None:
        await a_day(room)
        found: dict[str, bytes] = {}
        for kind_ in export.KINDS:
            for language in ("it", "en"):
                answer = await room.call("GET", f"/api/sessions/{room.code}/export.{kind_}?lang={language}", KEY)
                assert answer.status_code == 200, answer.text
                found[f"{kind_}.{language}"] = answer.content
        whole = json.loads(found["json.it"])
        kinds = [one["kind"] for one in whole["outcomes"]]
        assert kinds == ["practice", "practice", "marketplace", "stall_note", "panel", "peer_activity"]
        people = room.live.room.folded.session.people
        assert not any(person in json.dumps(whole["outcomes"]) for person in people), "nobody was named"
        validator = jsonschema_rs.Draft202012Validator(schema())
        assert list(validator.iter_errors(whole)) == []
        assert b"DTSTART;VALUE=DATE:20270315" in found["ics.en"]
        sheets = {one.name for one in read_rows(found["xlsx.it"], "a.xlsx").sheets}
        assert {"Practices", "Visits", "Stall Notes", "Panel", "Peer Activities"} <= sheets
        made = reader.Document(io.BytesIO(found["docx.en"]))
        cells = {cell.text for table in made.tables for row in table.rows for cell in row.cells}
        assert "Misurare i patti\nstudy visit" in cells
        state = room.house.paths.live["prova"].line.folded
        assert state.stages[room.code, "market"].left == {
            "practice": 2, "marketplace": 1, "stall_note": 1, "panel": 1, "peer_activity": 1,
        }  # fmt: skip
        kept.update(json=found["json.it"], peers=rules.view(state, "desk")["peers"], practices=state.peers.practices)

    async def there(room: Inside) -> None:
        answer = await room.call("POST", "/api/paths/import", KEY, files={"file": ("a.json", kept["json"])})
        told = answer.json()
        assert answer.status_code == 200 and told["errors"] == [], answer.text
        assert (told["practices"]["new"], told["peers"]["new"]) == (2, 1)
        state = room.house.paths.live["prova"].line.folded
        assert state.peers.practices == kept["practices"]
        without = [{name: value for name, value in one.items() if name != "changed_at"} for one in kept["peers"]]
        assert peers.left(state.peers)["peers"] == without
        code = json.loads(kept["json"])["code"]
        report_ = await room.call("GET", f"/api/paths/prova/sessions/{code}/export.docx?lang=it", KEY)
        made = reader.Document(io.BytesIO(report_.content))
        assert "Mercato delle pratiche" in [line.text for line in made.paragraphs]

    for name, tell in (("one", here), ("two", there)):

        async def story(name: str = name, tell: Any = tell) -> None:
            async with inside(tmp_path / name) as room:
                await tell(room)

        asyncio.run(story())
