"""The JSON API of sessions (DESIGN 5): the same line as the sockets, one ask or one view at a time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, File, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, StreamingResponse

from ..activities.contract import Refusal, Role
from ..drawing import localise
from ..live import envelope
from ..live.envelope import Asking, Malformed, Receipt, Refused
from ..live.room import rehearsal_removed
from ..live.rooms import LiveRoom
from ..live.screens import Audience
from ..outcomes import erase, export, importing, practices, print_kit
from ..outcomes.folding import folded_anew
from ..storage.journal import KeptFact, PersonRow
from . import badges, names, plans, rules
from .access import NotHost
from .answers import Failed, api_error
from .doors import Caller, caller_of, desk_of, house_of, language_of, room_of
from .messages import Join


def said(shape: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": shape, "required": list(shape)}


TEXT = {"type": "string"}
ERROR = {
    "description": "Why not: a code for programs, a sentence for people.",
    "content": {"application/json": {"schema": said({"error": said({"code": TEXT, "text": TEXT})})}},
}
#: The body of an ask, for the description of the API only: it is read like a frame, not by a model.
ASK: dict[str, Any] = {
    **said({"id": {**TEXT, "minLength": 1, "maxLength": 64}, "do": {**TEXT, "maxLength": 60}}),
    "example": {"id": "7f", "stage": "poll", "do": "answer", "with": {"question": "q1", "round": 1, "value": ["a"]}},
}
ASK["properties"] |= {
    "stage": {"anyOf": [{**TEXT, "maxLength": 40}, {"type": "null"}]},
    "with": {"anyOf": [{"type": "object"}, {"type": "null"}]},
}
RECEIPT = {"application/json": {"schema": said({"id": TEXT, "number": {"type": "integer"}})}}

router = APIRouter(prefix="/api/sessions", responses={"4XX": ERROR, "5XX": ERROR})

MINUTE = 60_000
#: Facts read from the journal at a time while they are sent.
CHUNK = 1_000


class NewSession(BaseModel):
    """`plan`: the name of one in content, or a whole plan."""

    model_config = ConfigDict(extra="forbid")
    plan: str | dict[str, Any]
    title: str | dict[str, str] | None = None
    language: str | None = None


class NewBadge(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str | None = Field(default=None, max_length=200)
    group: str | None = Field(default=None, max_length=40)
    language: str | None = Field(default=None, max_length=8)
    rehearsal: bool = False


@router.post("", status_code=201)
async def make_session(request: Request, new: NewSession) -> dict[str, str]:
    """A session from a plan."""
    desk_of(request)
    house = house_of(request)
    if isinstance(new.plan, str):
        plan = plans.named(new.plan)
        if plan is None:
            raise Failed(404, "unknown_plan", details={"plans": [one["name"] for one in plans.shipped_plans()]})
        source: str | None = new.plan
    else:
        plan, source = dict(new.plan), None
    if new.title is not None:
        plan = {**plan, "title": new.title}
    if new.language is not None:
        languages = [one for one in plan.get("languages", ["it", "en"]) if one != new.language]
        plan = {**plan, "languages": [new.language, *languages]}
    try:
        live = await house.rooms.make(plan, source)
    except ValidationError as error:
        raise Failed(422, "bad_plan", plans.sentence(error), {"problems": plans.problems(error)}) from error
    except ValueError as error:
        raise Failed(422, "bad_plan", str(error)) from error
    return addresses_of(request, live)


def addresses_of(request: Request, live: LiveRoom) -> dict[str, str]:
    house = house_of(request)
    code = live.room.code
    origin = house.origin()
    return {
        "code": code,
        "join_url": f"{origin}/j/{code}",
        "wall_url": f"{origin}/wall/{code}",
        "desk_url": f"{origin if origin.startswith('https') else house.origin_at('127.0.0.1')}/desk/{code}",
    }


@router.get("/{code}")
async def about(request: Request, code: str) -> dict[str, Any]:
    """What anybody with the code may know."""
    live = await room_of(request, code)
    language = language_of(request, live.languages())
    seen = live.screens.session_view("phone", language)
    stage = live.screens.stage_view("phone", language)
    open_stage = None
    if stage is not None and stage["state"] != "closed":
        open_stage = {key: stage[key] for key in ("id", "activity", "title", "level", "state")}
    state = live.room.folded.session
    more = {"locked": state.locked, "by_table": rules.works_by_table(state)}
    return {"code": live.room.code, **seen, "stage": open_stage, **more}


@router.post("/{code}/badges", status_code=201)
async def new_badge(request: Request, code: str, new: Annotated[NewBadge | None, Body()] = None) -> Response:
    """A badge for one more person in the room; also set as a cookie."""
    live = await room_of(request, code)
    new = new or NewBadge()
    rehearsal = new.rehearsal
    if rehearsal:
        desk_of(request)
    joined = await join(request, live, new.name, new.group, new.language, rehearsal)
    response = JSONResponse(joined, 201)
    set_badge(request, response, live, joined["badge"])
    return response


async def join(
    request: Request, live: LiveRoom, name: str | None, group: str | None, language: str | None, rehearsal: bool = False
) -> dict[str, str]:
    """Lets a person in. Raises Failed 409 with the session's own reason."""
    house = house_of(request)
    if language not in live.languages():
        language = language_of(request, live.languages())
    called = names.tidy(name or "") or names.generated(language, set(live.room.names.values()))
    person, badge = badges.new_person(), badges.new_badge()
    row = PersonRow(person, called, badges.hash_of(badge), rehearsal)
    cap = house.settings.room_cap
    having = Join(person=person, group=group, language=language, rehearsal=rehearsal, cap=cap).model_dump()
    answer = await live.ask_as_server("join", having, person, (row,))
    if isinstance(answer, Refused):
        text = live.screens.refusal_text(answer.refusal, None, language)
        raise Failed(503 if answer.refusal.again else 409, answer.refusal.code, text)
    return {"badge": badge, "person": person, "name": called}


def set_badge(request: Request, response: Response, live: LiveRoom, badge: str) -> None:
    """The badge as a cookie that no script reads; `Secure` where the page is."""
    response.set_cookie(
        house_of(request).access.badge_cookie(live.room.code),
        badge,
        max_age=90 * 24 * 3600,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


@router.post(
    "/{code}/asks",
    responses={200: {"content": RECEIPT}},
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": ASK}}}},
)
async def ask(request: Request, code: str) -> Response:
    """One ask by the way without a socket: the same decision, the same receipt for the same id."""
    live = await room_of(request, code)
    try:
        frame = envelope.read(await request.body())
        id, stage, do, having = envelope.parts_of_ask(frame)
    except Malformed as why:
        return api_error(422, "malformed", str(why))
    caller = caller_of(request, live)
    desk = house_of(request).access.host(request)
    role: Role = "phone"
    # A browser that is desk and phone at once says which it is by the CSRF token, which only the desk's pages hold.
    if not isinstance(desk, NotHost) and (caller is None or desk.by_key or request.headers.get("x-officina-csrf")):
        desk_of(request)
        role, caller = "desk", None
    elif caller is None:
        assert isinstance(desk, NotHost)
        raise Failed(desk.status if desk.status == 403 else 401, "badge_needed" if desk.status == 401 else desk.code)
    key = caller.person if caller else "desk"
    language = language_for(live, caller, request)
    pace = live.pace(key, stage)
    if not live.bucket(key).take(time.monotonic()) or (pace is not None and not pace.take(time.monotonic())):
        refusal = Refusal("too_fast", again=True)
        return api_error(429, refusal.code, live.screens.refusal_text(refusal, stage, language), again=True)
    asking = Asking(
        role,
        caller.person if caller else None,
        id,
        stage,
        do,
        having,
        live.room.now(),
        lambda answer: None,
        house_of(request).access.token_of(caller.badge, live.room.line) if caller else None,
        0,
        live.people_of(do, having) if role == "desk" else (),
    )
    answer = await live.room.ask(asking)
    if isinstance(answer, Receipt):
        return JSONResponse({"id": answer.id, "number": answer.number})
    refusal = answer.refusal
    text = live.screens.refusal_text(refusal, stage, language)
    details = dict(refusal.details) if refusal.details else None
    if refusal.code in ("malformed", "unknown_ask"):
        return api_error(422, refusal.code, text, details, again=False)
    if refusal.code in ("not_for_you", "removed"):
        return api_error(403, refusal.code, text, details, again=False)
    return api_error(409, refusal.code, text, details, again=refusal.again)


def language_for(live: LiveRoom, caller: Caller | None, request: Request) -> str:
    person = live.room.folded.session.people.get(caller.person) if caller else None
    return person.language if person else language_of(request, live.languages())


class Looking:
    """A screen that looks once, as the JSON view needs one."""

    def __init__(self, live: LiveRoom, caller: Caller | None, language: str, request: Request) -> None:
        self.person = caller.person if caller else None
        self.token = house_of(request).access.token_of(caller.badge, live.room.line) if caller else None
        self.audience = Audience("phone", language, "json")
        self.own_sent = b""


@router.get("/{code}/view")
async def view(
    request: Request,
    code: str,
    screen: Annotated[Literal["phone", "wall", "desk"], Query()] = "phone",
    own: Annotated[bool, Query()] = True,
    columns: Annotated[bool, Query()] = False,
) -> Response:
    """The JSON view of a screen; with own=0 only what everybody at that screen shares, drawn and packed once for all.

    With columns=1 beside it a board's notes come as columns, which pack to three quarters.
    """
    live = await room_of(request, code)
    caller: Caller | None = None
    if screen == "desk":
        desk_of(request)
    elif screen == "phone":
        caller = caller_of(request, live)
        if caller is None or caller.person not in live.room.folded.session.people:
            raise Failed(401 if caller is None else 403, "badge_needed" if caller is None else "removed")
    language = language_for(live, caller, request)
    if not own:
        plain, packed = await live.screens.shared_json(screen, language, columns)
        headers = {"cache-control": "no-store", "vary": "accept-encoding, cookie, authorization"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(packed, media_type="application/json", headers=headers | {"content-encoding": "gzip"})
        return Response(plain, media_type="application/json", headers=headers)
    mine = None
    if caller is not None:
        mine = live.screens.own_view(Looking(live, caller, language, request))
    return JSONResponse(live.screens.json_view(screen, language, mine))


@router.get("/{code}/facts", response_class=StreamingResponse)
async def facts(request: Request, code: str, after: Annotated[int, Query(ge=0, le=2**62)] = 0) -> Response:
    """The journal as NDJSON. At level anonymous a person is a token and the time is the minute."""
    desk_of(request)
    live = await room_of(request, code)

    async def lines() -> AsyncIterator[bytes]:
        some: list[bytes] = []
        for fact in await live.room.journal.after(live.room.line, after):
            line = {
                "number": fact.number,
                "at": fact.at // MINUTE * MINUTE if fact.level == "anonymous" else fact.at,
                "stage": fact.stage,
                "kind": fact.kind,
                "person": fact.person,
                "group": fact.group,
                "ask": fact.ask,
                "body": json.loads(fact.body),
            }
            some.append(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            if len(some) >= CHUNK:
                yield b"".join(some)
                some = []
        yield b"".join(some)

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@router.get("/{code}/outcomes")
async def outcomes(request: Request, code: str) -> dict[str, Any]:
    """What the session leaves, rehearsal left out."""
    desk_of(request)
    live = await room_of(request, code)
    return await export.outcomes(live)


@router.get("/{code}/export.{kind}", response_class=Response)
async def exported(request: Request, code: str, kind: str) -> Response:
    """The session as a file."""
    desk_of(request)
    live = await room_of(request, code)
    if kind not in export.KINDS:
        raise Failed(404, "not_found")
    body, media = await export.file(live, kind, language_of(request, live.languages()))
    name = f"officina-{live.room.code}.{kind}"
    return Response(body, media_type=media, headers={"content-disposition": f'attachment; filename="{name}"'})


@router.post("/{code}/stages/{stage}/import")
async def import_file(
    request: Request,
    code: str,
    stage: str,
    file: Annotated[UploadFile, File()],
    dry_run: Annotated[bool, Query()] = False,
    language: Annotated[str | None, Form()] = None,
    columns: Annotated[str | None, Form(max_length=20_000)] = None,
) -> Response:
    """Questions from a file into a quiz or poll that was not opened yet, or practices into a marketplace; saved only
    without `dry_run`."""
    desk_of(request)
    live = await room_of(request, code)
    if practices.takes(live, stage):
        said = language_of(request, live.languages())
        mapping = practices.columns_of(columns, said)
        data = await file.read()
        understood = await practices.understand(live, stage, data, file.filename or "", language, mapping, said)
        return JSONResponse(understood.told if dry_run else await practices.save(live, stage, understood, said))
    result = await importing.understand(live, stage, await file.read(), file.filename or "", language)
    if not dry_run:
        await importing.save(live, stage, result)
    return JSONResponse(result)


@router.get("/{code}/stages/{stage}/look/{what}")
async def look(
    request: Request, code: str, stage: str, what: str, of: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """Something that only the desk looks up about a stage, worked out off the line by the activity's `work.py`."""
    desk_of(request)
    live = await room_of(request, code)
    if stage not in live.room.folded.runs:
        raise Failed(404, "unknown_stage")
    looks = live.room.activity_of(live.room.folded, stage).looks()
    if what not in looks:
        raise Failed(404, "not_found")
    number = live.room.number
    found = await asyncio.to_thread(looks[what], live.room.folded.runs[stage], of)
    if found is None:
        raise Failed(404, "not_found")
    return JSONResponse({"number": number, what: found})


@router.get("/{code}/stages/{stage}/board.svg", response_class=Response)
async def board_picture(
    request: Request, code: str, stage: str, table: Annotated[str | None, Query(max_length=40)] = None
) -> Response:
    """A board as a picture, rehearsals left out; with `table` that of a table."""
    desk_of(request)
    live = await room_of(request, code)
    svg = await export.picture(live, stage, table, language_of(request, live.languages()))
    if svg is None:
        raise Failed(404, "not_found")
    name = f"officina-{live.room.code}-{stage}.svg"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(svg, media_type="image/svg+xml", headers=headers)


@router.get("/{code}/stages/{stage}/kit/{what}.pdf", response_class=Response)
async def print_kit_of(request: Request, code: str, stage: str, what: str) -> Response:
    """Something to print for a stage: slips, sheets, tents."""
    desk_of(request)
    live = await room_of(request, code)
    if stage not in live.room.folded.runs:
        raise Failed(404, "unknown_stage")
    language = language_of(request, live.languages())
    join_url = house_of(request).address(live.room.code).join_url
    pdf = await print_kit.printed(live, stage, what, language, join_url)
    if pdf is None:
        raise Failed(404, "nothing_to_print")
    name = f"officina-{live.room.code}-{stage}-{what}.pdf"
    return Response(pdf, media_type="application/pdf", headers={"content-disposition": f'inline; filename="{name}"'})


@router.get("/{code}/stages/{stage}/then")
async def then(request: Request, code: str, stage: str, at: Annotated[int | None, Query(ge=0)] = None) -> Response:
    """A stage as the desk saw it at a number: `first` and `last` are the ends of what happened in it, `marks` its steps."""
    desk_of(request)
    live = await room_of(request, code)
    if stage not in live.room.folded.runs:
        raise Failed(404, "unknown_stage")
    facts = [*await live.room.journal.after(live.room.line, 0)]
    language = language_of(request, live.languages())
    found = await asyncio.to_thread(seen_then, live, facts, stage, at, language)
    return JSONResponse(found)


def seen_then(live: LiveRoom, facts: list[KeptFact], stage: str, at: int | None, language: str) -> dict[str, Any]:
    own = [fact for fact in facts if fact.stage == stage]
    marks = [
        {"number": fact.number, "at": fact.at, "kind": fact.kind, **json.loads(fact.body)}
        for fact in own
        if fact.kind in ("phase_set", "vote_closed", "restored")
    ]
    last = own[-1].number if own else 0
    upto = last if at is None else at
    folded = folded_anew(live.room, [fact for fact in facts if fact.number <= upto], rehearsal_removed(facts))
    run = folded.runs.get(stage)
    view = live.room.activity_of(live.room.folded, stage).rules.view(run, "desk") if run is not None else None
    steps = [{key: mark[key] for key in ("number", "at", "kind", "phase", "round") if key in mark} for mark in marks]
    first = own[0].number if own else 0
    return {"number": upto, "first": first, "last": last, "marks": steps, "view": localise(view, language)}


@router.get("/{code}/me")
async def my_data(request: Request, code: str) -> Response:
    """All that is kept about the person whose badge comes with the call."""
    live = await room_of(request, code)
    caller = caller_of(request, live)
    if caller is None:
        raise Failed(401, "badge_needed")
    return JSONResponse(await erase.everything_about(house_of(request), live, caller.person, caller.badge))


@router.delete("/{code}/me", status_code=204)
async def erase_me(request: Request, code: str) -> Response:
    """Erases the person whose badge comes with the call."""
    live = await room_of(request, code)
    caller = caller_of(request, live)
    if caller is None:
        raise Failed(401, "badge_needed")
    await erase.person(house_of(request), live, caller.person, caller.badge)
    response = Response(status_code=204)
    response.delete_cookie(house_of(request).access.badge_cookie(live.room.code))
    return response
