"""The package of a session or a path: flat files with a data dictionary, a licence and a data card (Metagov's
interoperable deliberative tools, draft), described for machines as a Frictionless data package.
"""

from __future__ import annotations

import datetime
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ..drawing import shipped
from ..files import markdown
from ..files.archive import at_one_moment, zipped
from ..files.board_picture import file_name
from ..files.document import Chapter, Document
from ..files.docx import docx
from ..files.pdf import pdf
from ..files.sheets import Cell, Sheet
from ..files.writing import csv_text
from . import board_report, handover
from .schema import schema
from .telling import About, Telling

LICENCE = {
    "name": "CC-BY-4.0",
    "title": "Creative Commons Attribution 4.0 International",
    "path": "https://creativecommons.org/licenses/by/4.0/",
}
#: Sheets of the workbook that are tables for machines too, by the name of their file.
TABLES = {
    "RawReportData Data": "answers",
    "Results": "results",
    "Words": "words",
    "Notes": "notes",
    "Board Votes": "board_votes",
    "Board Links": "board_links",
    "Board Participation": "board_participation",
    "Ideas": "ideas",
    "Idea Fields": "idea_fields",
    "Next Steps": "next_steps",
    "Idea Support": "idea_support",
    "Idea Sources": "idea_sources",
    "Practices": "practices",
    "Visits": "visits",
    "Stall Notes": "stall_notes",
    "Panel": "panel",
    "Peer Activities": "peer_activities",
    "Agenda": "agenda",
    "Codebook": "codebook",
    "Sessions": "sessions",
    "Left Behind": "left_behind",
    "Missing Translations": "missing_translations",
}
_LANGUAGE_COLUMN = re.compile(r"Text \([a-z]{2,3}\)")


def package(
    found: Mapping[str, Any],
    whole: Mapping[str, Any],
    sheets: Sequence[Sheet],
    workbook: bytes,
    document: Document,
    language: str,
    about: About = "session",
    described: Mapping[str, Any] | None = None,
) -> bytes:
    """The ZIP of a session or a path.

    found: its outcomes with their head; whole: the same with plan and codebook, written as `outcomes.json`. sheets: of
    `workbook`. document: its report. described: the JSON Schema of `whole`, by default that of a session's outcomes.
    Everything is dated by the session, so that the same session gives the same files; only the codes of players in
    `answers.csv` and the workbook are drawn anew each time, because a code that stayed would let two files be joined.
    """
    tell = Telling(found, language, about)
    boards = [one for one in found["outcomes"] if one["kind"] == "board"]
    ideas = [one for one in found["outcomes"] if one["kind"] == "idea"]
    peers = handover.peers_of(found)
    tables = {name: sheet for sheet in sheets if (name := TABLES.get(sheet.name)) and len(sheet.rows) > 1}
    files: dict[str, bytes] = {}
    files["README.md"] = _readme(tell, found, tables, boards, ideas, peers).encode("utf-8", "replace")
    files["LICENSE.txt"] = _licence(tell, found, boards, document.credits).encode("utf-8", "replace")
    files["DATACARD.md"] = _data_card(document.chapters).encode("utf-8", "replace")
    files["datapackage.json"] = b""
    files["outcomes.json"] = _json(whole)
    files["outcomes.schema.json"] = _json(schema() if described is None else described)
    for name, sheet in tables.items():
        files[f"tables/{name}.csv"] = csv_text(sheet.rows)
    for number, board in enumerate(boards, start=1):
        files[f"boards/{file_name(board, number)}"] = board_report.picture(tell, board).svg.encode("utf-8", "replace")
    if handover.dated(ideas, peers):
        files["next-steps.ics"] = handover.next_steps(tell, ideas, document.at, peers)
    public = handover.published(ideas)
    if public:
        languages = [language, *(one for one in found["languages"] if one != language)]
        files["decidim/proposals.xlsx"] = at_one_moment(handover.decidim_xlsx(tell, public, languages), document.at)
        files["decidim/proposals.json"] = handover.decidim_json(tell, public, languages)
        if any(idea["fields"].get("pbr_terms") for idea in public):
            files["indigo.json"] = handover.indigo_json(tell, public)
    files["report.pdf"] = pdf(document)
    files["report.docx"] = docx(document)
    files["results.xlsx"] = at_one_moment(workbook, document.at)
    files["datapackage.json"] = _json(_data_package(tell, found, tables, files, document))
    return zipped(files, document.at)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_as_json).encode("utf-8", "replace")


def _as_json(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


# Meanings of files and columns


@cache
def _meanings() -> dict[str, Any]:
    folder = shipped("content") / "reports"
    known: dict[str, Any] = tomllib.loads((folder / "columns.toml").read_text("utf-8"))
    of_paths = tomllib.loads((folder / "path_columns.toml").read_text("utf-8"))
    for part, rows in of_paths.items():
        known[part] = {**rows, **known[part]}
    return known


def meaning(table: str, column: str) -> Mapping[str, str]:
    """{"type", "it", "en"} of a column. Raises KeyError for one that nobody described."""
    known = _meanings()
    if table == "codebook" and _LANGUAGE_COLUMN.fullmatch(column):
        column = "Text"
    special: Mapping[str, str] | None = known["in"].get(table, {}).get(column)
    found: Mapping[str, str] = special or known["columns"][column]
    return found


# Texts


def _readme(
    tell: Telling,
    found: Mapping[str, Any],
    tables: Mapping[str, Sheet],
    boards: Sequence[Mapping[str, Any]],
    ideas: Sequence[Mapping[str, Any]],
    peers: Sequence[Mapping[str, Any]],
) -> str:
    """The data dictionary: every file, every column."""
    title = tell("package.readme_title", title=tell.text(found["title"]) or found["code"])
    parts = [f"# {markdown.plain(title)}", tell("package.lead"), f"## {tell('package.files')}"]
    rows = [(f"tables/{name}.csv", _meanings()["files"][name][tell.house]) for name in tables]
    rows += [(name, tell(f"package.{key}")) for name, key in FILES]
    if boards:
        rows.append(("boards/*.svg", tell("package.boards")))
    if ideas or peers:
        rows.append(("next-steps.ics", tell("package.steps")))
    if ideas:
        rows.append(("decidim/, indigo.json", tell("package.handover")))
    parts.append(markdown.table((tell("package.file"), tell("package.about")), tuple(rows)))
    parts += [f"## {tell('package.rules')}", "\n".join(f"- {tell(f'package.rule_{n}')}" for n in range(1, 6))]
    parts.append(f"## {tell('package.dictionary')}")
    for name, sheet in tables.items():
        parts.append(f"### tables/{name}.csv")
        head = (tell("package.column"), tell("package.type"), tell("package.about"))
        columns = [str(column) for column in sheet.rows[0]]
        told = tuple((column, meaning(name, column)["type"], meaning(name, column)[tell.house]) for column in columns)
        parts.append(markdown.table(head, told))
    return "\n\n".join(parts) + "\n"


#: Files that are always there, and the words for them.
FILES = (
    ("outcomes.json", "outcomes"),
    ("outcomes.schema.json", "schema"),
    ("report.pdf", "pdf"),
    ("report.docx", "docx"),
    ("results.xlsx", "xlsx"),
    ("datapackage.json", "datapackage"),
    ("DATACARD.md", "datacard"),
    ("LICENSE.txt", "licence_file"),
)


def _licence(
    tell: Telling, found: Mapping[str, Any], boards: Sequence[Mapping[str, Any]], credits: Sequence[str]
) -> str:
    lines = [
        f"{LICENCE['title']} (CC BY 4.0)",
        LICENCE["path"],
        "",
        tell("package.licence_1", title=" ".join((tell.text(found["title"]) or found["code"]).split())),
        tell("package.licence_2"),
    ]
    others = dict.fromkeys(
        f"- {board_report.name_of(tell, board)}: {board['licence']}. {tell.text(board.get('credit'))}".rstrip()
        for board in boards
        if board.get("licence") not in (None, "", "own")
    )
    if others:
        lines += ["", tell("package.licence_3"), *others]
    if credits:
        lines += ["", tell("package.credits"), *(f"- {' '.join(line.split())}" for line in credits)]
    return "\n".join(lines) + "\n"


def _data_card(chapters: tuple[Chapter, ...]) -> str:
    """The last chapter of the report, which is the same card."""
    return markdown.markdown(chapters[-1:])


# For machines


def _data_package(
    tell: Telling,
    found: Mapping[str, Any],
    tables: Mapping[str, Sheet],
    files: Mapping[str, bytes],
    document: Document,
) -> dict[str, Any]:
    """Frictionless Data Package 2.0: tables with their columns and types, then every other file."""
    resources: list[dict[str, Any]] = [
        {
            "name": name.replace("_", "-"),
            "path": f"tables/{name}.csv",
            "description": _meanings()["files"][name][tell.house],
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "dialect": {
                "delimiter": ",",
                "lineTerminator": "\r\n",
                "quoteChar": '"',
                "doubleQuote": True,
                "header": True,
            },
            "schema": {"fields": [_field(tell, name, str(column)) for column in sheet.rows[0]]},
        }
        for name, sheet in tables.items()
    ]
    resources += [
        {"name": re.sub("[^a-z0-9]+", "-", path.lower()), "path": path}
        for path in files
        if not path.startswith("tables/") and path != "datapackage.json"
    ]
    made = datetime.datetime.fromtimestamp(document.at / 1000, datetime.UTC)
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": f"officina-{found['code'].lower()}",
        "title": document.title,
        "description": document.subtitle,
        "created": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "licenses": [LICENCE],
        "sources": [{"title": line} for line in document.credits],
        "resources": resources,
    }


def _field(tell: Telling, table: str, column: str) -> dict[str, str]:
    about = meaning(table, column)
    return {"name": column, "type": about["type"], "description": about[tell.house]}


def leggimi(sheets: Sequence[Sheet], tell: Telling) -> Sheet:
    """The workbook's own page: what each sheet holds, and how to read the figures."""
    rows: list[list[Cell]] = [[tell("package.file_sheet"), tell("package.about")]]
    for sheet in sheets:
        name = TABLES.get(sheet.name)
        about = _meanings()["files"][name][tell.house] if name else tell(f"package.sheet_{SHEETS[sheet.name]}")
        if [sheet.name, about] not in rows:
            rows.append([sheet.name, about])
    rows += [[None, tell(f"package.rule_{n}")] for n in range(1, 6)]
    rows.append([None, tell("annex.licence_text")])
    return Sheet(tell("package.tables_title"), rows)


#: Sheets that are for people alone.
SHEETS = {"Overview": "overview", "Final Scores": "scores", "Persons": "persons"}
