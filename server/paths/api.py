"""The JSON API of paths (DESIGN 3): the same line as the sockets, one ask or one view at a time."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import quote

import structlog
from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, RedirectResponse

from ..activities.contract import Refusal, Role, Text
from ..activities.contract.idea.codes import IdeaState
from ..drawing import localise
from ..live import envelope
from ..live.envelope import Asking, Malformed, Receipt
from ..moment import fresh
from ..outcomes import path_export
from ..sessions import plans
from ..sessions.access import NotHost
from ..sessions.answers import Failed, api_error
from ..sessions.api import ASK, ERROR, RECEIPT
from ..sessions.doors import desk_of, house_of, language_of
from . import importing, rules
from .live import LivePath

log = structlog.get_logger("paths")
router = APIRouter(prefix="/api/paths", responses={"4XX": ERROR, "5XX": ERROR})


#: Files being made or waiting to be fetched, in the whole house, and how long one waits, in seconds.
KEPT_FILES, KEPT_SECONDS = 4, 600.0

_SAID: dict[str, tuple[str, str]] = {
    "not_public": (
        "Solo un’idea pubblicata e resa pubblica può essere consegnata ad altri siti.",
        "Only an idea that is published and was made public can be handed over to other sites.",
    ),
    "no_payment_rule": (
        "L’idea non ha regole di pagamento a risultato: INDIGO non avrebbe nulla da dire.",
        "The idea has no pay-by-result rules: INDIGO would have nothing to tell.",
    ),
    "not_brought": (
        "Di questa sessione qui ci sono le idee, non il resto: i suoi file sono nell’Officina in cui si è tenuta. Se da"
        " lì arriva il suo export.json, basta importarlo.",
        "Of this session its ideas are here and nothing else: its files are in the Officina where it was held. Import"
        " its export.json from there, and they are here too.",
    ),
    "too_many_files": (
        "Altri quattro file si stanno preparando: occorre aspettare che uno sia pronto, o annullarlo.",
        "Four other files are being made: one of them has to be ready or cancelled first.",
    ),
    "unknown_file": (
        "Questo file non c’è più: va preparato di nuovo.",
        "This file is not kept any more: it has to be made again.",
    ),
    "not_ready": ("Il file non è ancora pronto.", "The file is not ready yet."),
    "bad_columns": (
        'La corrispondenza delle colonne è un oggetto JSON: {"colonna": "campo"}.',
        'The mapping of columns is a JSON object: {"column": "field"}.',
    ),
}


def _say(key: str, language: str) -> str:
    return _SAID[key][0 if language == "it" else 1]


class NewPath(BaseModel):
    """`prefix`: what the codes of its ideas begin with."""

    model_config = ConfigDict(extra="forbid")
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,39}$")]
    title: str | dict[str, str]
    languages: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]] = Field(default=["it", "en"], min_length=1)
    groups: list[dict[str, Any]] | None = Field(default=None, max_length=12)
    prefix: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,12}$")] | None = None


def path_of(request: Request, id: str) -> LivePath:
    """The path of an id. Raises Failed 404."""
    path = house_of(request).paths.find(id) if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", id) else None
    if path is None or path.line.folded.title is None:
        raise Failed(404, "unknown_path")
    return path


@router.get("")
async def all_paths(request: Request) -> list[dict[str, Any]]:
    """Every path of this house, newest first."""
    desk_of(request)
    language = language_of(request)
    return [
        {"id": path.id, **localise(rules.head(path.line.folded), language)}
        for path in reversed(house_of(request).paths.live.values())
        if path.line.folded.title is not None
    ]


@router.post("", status_code=201)
async def make_path(request: Request, new: NewPath) -> dict[str, str]:
    """A path of its own; sessions come in by naming it in their plan (`path`)."""
    desk_of(request)
    paths = house_of(request).paths
    known = paths.find(new.id)
    if known is not None and known.line.folded.title is not None:
        raise Failed(409, "path_exists")
    title = Text({new.languages[0]: new.title}) if isinstance(new.title, str) else Text(new.title)
    groups = plans.GROUPS if new.groups is None else new.groups
    try:
        path = await paths.make(new.id, title, new.languages, groups, new.prefix or new.id[:2].upper())
    except (ValidationError, ValueError) as error:
        raise Failed(422, "malformed", str(error)) from error
    return {"id": path.id, "desk_url": f"{house_of(request).origin_at('127.0.0.1')}/desk/paths/{path.id}"}


@router.get("/{id}")
async def one_path(request: Request, id: str) -> Response:
    """Its sessions, how many ideas are in which state, and its languages and groups."""
    desk_of(request)
    path = path_of(request, id)
    language = language_of(request, path.languages())
    view = localise(rules.view(path.line.folded, "desk"), language)
    return JSONResponse({"number": path.line.number, **view["path"], "states": view["states"]})


@router.get("/{id}/ideas")
async def ideas(
    request: Request,
    id: str,
    q: Annotated[str, Query(max_length=200)] = "",
    state: IdeaState | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 500,
    offset: Annotated[int, Query(ge=0, le=10**6)] = 0,
) -> Response:
    """A row for each idea that holds every word of `q` and is in `state`, newest change first; `total`: how many fit."""
    desk_of(request)
    line = path_of(request, id).line
    language = language_of(request, list(line.folded.languages))
    found = await house_of(request).journal.find_ideas(line.line, q, state, limit, offset)
    folded = line.folded
    rows = [rules.row(folded, folded.ideas.ideas[one]) for one in found.ideas if one in folded.ideas.ideas]
    return JSONResponse({"number": line.number, "total": found.total, "ideas": localise(rows, language)})


@router.get("/{id}/ideas/{idea}")
async def one_idea(request: Request, id: str, idea: str) -> Response:
    """An idea with all its fields and their versions, where they come from, endorsements by group and arguments."""
    desk_of(request)
    path = path_of(request, id)
    found = rules.idea_view(path.line.folded, idea, house_of(request).today())
    if found is None:
        raise Failed(404, "unknown_idea")
    return JSONResponse({"number": path.line.number, "idea": found})


@router.post(
    "/{id}/asks",
    responses={200: {"content": RECEIPT}},
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": ASK}}}},
)
async def ask(request: Request, id: str) -> Response:
    """One ask of a path by the way without a socket."""
    path = path_of(request, id)
    try:
        frame = envelope.read(await request.body())
        ask_id, _, do, having = envelope.parts_of_ask(frame)
    except Malformed as why:
        return api_error(422, "malformed", str(why))
    desk = house_of(request).access.host(request)
    role: Role = "desk"
    person = group = None
    house = house_of(request)
    known = None if not isinstance(desk, NotHost) else await house.paths.somebody(house, request, path)
    if known is not None:
        role, person, group = "phone", known.person, known.group
    else:
        desk_of(request)
    language = language_of(request, path.languages())
    if not path.bucket(person or "desk").take(time.monotonic()):
        refusal = Refusal("too_fast", again=True)
        return api_error(429, refusal.code, path.screens.refusal_text(refusal, language), again=True)
    answer = await path.line.ask(
        Asking(role, person, ask_id, None, do, having, path.line.now(), lambda answer: None, group=group)
    )
    if isinstance(answer, Receipt):
        return JSONResponse({"id": answer.id, "number": answer.number})
    refusal = answer.refusal
    text = path.screens.refusal_text(refusal, language)
    details = dict(refusal.details) if refusal.details else None
    if refusal.code in ("malformed", "unknown_ask"):
        return api_error(422, refusal.code, text, details, again=False)
    if refusal.code == "not_for_you":
        return api_error(403, refusal.code, text, details, again=False)
    return api_error(409, refusal.code, text, details, again=refusal.again)


# -- files of a path --------------------------------------------------------------------------------------------------


def attachment(body: bytes, media: str, name: str) -> Response:
    return Response(body, media_type=media, headers={"content-disposition": f'attachment; filename="{name}"'})


@router.get("/{id}/export.{kind}", response_class=Response)
async def exported(request: Request, id: str, kind: str) -> Response:
    """The dossier as a file, made while the call waits; `POST .../exports` makes a long one beside it."""
    desk_of(request)
    path = path_of(request, id)
    if kind not in path_export.KINDS:
        raise Failed(404, "not_found")
    language = language_of(request, path.languages())
    body, media = await path_export.file(house_of(request), path, kind, language)
    return attachment(body, media, f"officina-{path.id}.{kind}")


@router.get("/{id}/ideas/{idea}/export.{kind}", response_class=Response)
async def exported_idea(request: Request, id: str, idea: str, kind: str) -> Response:
    """One idea as a file: its sheet, its steps as a calendar, or what another site reads."""
    desk_of(request)
    path = path_of(request, id)
    if kind not in path_export.IDEA_MEDIA:
        raise Failed(404, "not_found")
    language = language_of(request, path.languages())
    try:
        found = await path_export.idea_file(house_of(request), path, idea, kind, language)
    except path_export.NotToHandOver as refused:
        raise Failed(409, refused.code, _say(refused.code, language)) from refused
    if found is None:
        raise Failed(404, "unknown_idea")
    name = path.line.folded.ideas.ideas[idea].code or idea
    return attachment(*found, f"officina-{re.sub('[^A-Za-z0-9._-]', '-', name)}.{kind}")


@router.get(
    "/{id}/sessions/{code}/export.{kind}",
    response_class=Response,
    responses={307: {"description": "The session was held in this Officina, where its own address has its files."}},
)
async def exported_session(request: Request, id: str, code: str, kind: str) -> Response:
    """A session that another Officina held: its JSON as it was brought, or its report."""
    desk_of(request)
    path = path_of(request, id)
    state, house = path.line.folded, house_of(request)
    if code not in state.sessions:
        raise Failed(404, "unknown_session")
    if code not in state.brought and house.rooms.known(code):
        asked = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/api/sessions/{quote(code, safe='')}/export.{quote(kind, safe='')}{asked}", 307)
    if kind not in path_export.SESSION_KINDS:
        raise Failed(404, "not_found")
    language = language_of(request, path.languages())
    found = await path_export.session_file(house, path, code, kind, language)
    if found is None:
        raise Failed(404, "not_brought", _say("not_brought", language))
    return attachment(*found, f"officina-{code}.{kind}")


class NewFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["zip", "json", "xlsx", "docx", "pdf", "csv", "ics", "peers.csv"]


@dataclass(slots=True)
class Making:
    """A file that is made beside the calls. made: bytes and media type. at: when it was asked for, then when it ended."""

    path: str
    kind: str
    at: float
    progress: path_export.Progress = field(default_factory=path_export.Progress)
    state: Literal["working", "ready", "failed", "cancelled"] = "working"
    made: tuple[bytes, str] | None = None
    task: asyncio.Task[None] | None = None

    def told(self) -> dict[str, Any]:
        return {"done": 1000 if self.state == "ready" else self.progress.done, "state": self.state}


def files_of(request: Request) -> dict[str, Making]:
    """The files of this house by id, oldest first, without those whose time is over."""
    kept: dict[str, Making] | None = getattr(request.app.state, "path_files", None)
    if kept is None:
        kept = request.app.state.path_files = {}
    now = time.monotonic()
    for id in [id for id, one in kept.items() if one.state != "working" and now - one.at > KEPT_SECONDS]:
        del kept[id]
    return kept


def file_of(request: Request, id: str, export: str) -> Making:
    """Raises Failed 404, also for a file of another path."""
    found = files_of(request).get(export)
    if found is None or found.path != id:
        raise Failed(404, "unknown_file", _say("unknown_file", language_of(request)))
    return found


@router.post("/{id}/exports", status_code=202)
async def begin_file(request: Request, id: str, new: NewFile) -> dict[str, str]:
    """Begins to make a file; `GET` tells how far it is, `DELETE` gives it up."""
    desk_of(request)
    path = path_of(request, id)
    kept = files_of(request)
    if len(kept) >= KEPT_FILES:
        over = next((id for id, one in kept.items() if one.state != "working"), None)
        if over is None:
            raise Failed(409, "too_many_files", _say("too_many_files", language_of(request)))
        del kept[over]
    export, making = fresh(), Making(path.id, new.kind, time.monotonic())
    kept[export] = making
    language = language_of(request, path.languages())
    making.task = asyncio.create_task(_make(request, path, making, language), name=f"file of {path.id}")
    return {"export": export}


async def _make(request: Request, path: LivePath, making: Making, language: str) -> None:
    try:
        house = house_of(request)
        making.made = await path_export.file(house, path, making.kind, language, making.progress)
        making.state = "ready"
    except path_export.Cancelled:
        making.state = "cancelled"
    except asyncio.CancelledError:
        # The house closes: its thread must not keep it waiting.
        making.progress.cancel()
        making.state = "cancelled"
        raise
    except Exception:
        making.state = "failed"
        log.exception("a file could not be made", path=path.id, kind=making.kind)
    making.at = time.monotonic()


@router.get("/{id}/exports/{export}")
async def look_at_file(request: Request, id: str, export: str) -> dict[str, Any]:
    """`done` of 1000, and `state`: working, ready, failed, cancelled."""
    desk_of(request)
    return file_of(request, id, export).told()


@router.delete("/{id}/exports/{export}")
async def give_up_file(request: Request, id: str, export: str) -> dict[str, Any]:
    """Stops the making at the next idea; a file that is ready is dropped."""
    desk_of(request)
    making = file_of(request, id, export)
    if making.state == "working":
        making.progress.cancel()
    else:
        making.state, making.made = "cancelled", None
    return {**making.told(), "state": "cancelled"}


@router.get("/{id}/exports/{export}/file", response_class=Response)
async def fetch_file(request: Request, id: str, export: str) -> Response:
    """The file, as often as it is asked for within ten minutes."""
    desk_of(request)
    making = file_of(request, id, export)
    if making.made is None:
        raise Failed(409, "not_ready", _say("not_ready", language_of(request)))
    return attachment(*making.made, f"officina-{making.path}.{making.kind}")


@router.post("/import")
async def import_file(
    request: Request,
    file: Annotated[UploadFile, File()],
    dry_run: Annotated[bool, Query()] = False,
    path: Annotated[str | None, Form(max_length=60)] = None,
    language: Annotated[str | None, Form(pattern=r"^[a-z]{2,3}$")] = None,
    columns: Annotated[str | None, Form(max_length=10_000)] = None,
) -> Response:
    """A dossier, a session or a list of ideas from a file into a path; saved only without `dry_run`.

    path: into which; the one that the file names by default. language: of a list's texts. columns: JSON
    {header: field} for a list whose headers are not known.
    """
    desk_of(request)
    said = language_of(request)
    mapping: dict[str, str] = {}
    if columns:
        try:
            mapping = json.loads(columns)
            if not isinstance(mapping, dict) or not all(isinstance(one, str) for one in mapping.values()):
                raise ValueError(columns)
        except (ValueError, RecursionError) as error:
            raise Failed(422, "bad_columns", _say("bad_columns", said)) from error
    house, data = house_of(request), await file.read(importing.MAX_BYTES + 1)
    planned = await importing.understand(house, data, file.filename or "", path or None, said, mapping, language)
    if dry_run:
        return JSONResponse({**planned.told, "saved": False})
    return JSONResponse(await importing.save(house, planned, said))
