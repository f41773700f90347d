"""The JSON API of paths (DESIGN 3): the same line as the sockets, one ask or one view at a time."""

from __future__ import annotations

import re
import time
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse

from ..activities.contract import Refusal, Role, Text
from ..drawing import localise
from ..live import envelope
from ..live.envelope import Asking, Malformed, Receipt
from ..sessions import plans
from ..sessions.access import NotHost
from ..sessions.answers import Failed, api_error
from ..sessions.api import ASK, ERROR, RECEIPT
from ..sessions.doors import desk_of, house_of, language_of
from . import rules
from .live import LivePath

router = APIRouter(prefix="/api/paths", responses={"4XX": ERROR, "5XX": ERROR})


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
async def ideas(request: Request, id: str) -> Response:
    """One row for each idea of the path: code, title, state, version, support, days waiting."""
    desk_of(request)
    path = path_of(request, id)
    language = language_of(request, path.languages())
    view = localise(rules.view(path.line.folded, "desk"), language)
    return JSONResponse({"number": path.line.number, "ideas": view["ideas"]})


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
