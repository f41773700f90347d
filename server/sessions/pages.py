"""The HTML pages: enter, join, the three screens, the facilitator's home, the room test."""

from __future__ import annotations

import asyncio
import gzip
import json
import sqlite3
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import structlog
from fastapi import APIRouter, Body, File, Form, Request, Response, UploadFile
from markupsafe import Markup, escape
from pydantic import ValidationError
from starlette.responses import JSONResponse, RedirectResponse

from .. import addresses, simulate
from ..activities.contract import Text
from ..drawing import clock_time, day, localise, shipped
from ..house import Tried, qr
from ..live.envelope import Refused
from ..live.rooms import LiveRoom
from ..live.screens import REGIONS, Audience, inert
from ..moment import fresh
from ..outcomes import erase, importing, practices
from ..storage import backup
from ..storage.journal import PersonRow
from . import badges, codes, names, plans, rules
from .access import HOST, NotHost
from .answers import Failed, api_error
from .api import Looking, join, set_badge
from .doors import caller_of, desk_of, house_of, language_of, room_of

log = structlog.get_logger("pages")

router = APIRouter(include_in_schema=False)

YEAR = 365 * 24 * 3600
#: Stands where the name will be on a join page that is kept; by chance, so that no title can hold it.
NAME_GOES_HERE = fresh()


def html(request: Request, body: str, status: int = 200) -> Response:
    """A page; packed where the browser takes it, because forty phones share one access point."""
    data = body.encode()
    headers = {"vary": "accept-encoding"}
    if len(data) > 1000 and "gzip" in request.headers.get("accept-encoding", ""):
        data = gzip.compress(data, 5, mtime=0)
        headers["content-encoding"] = "gzip"
    response = Response(data, status, headers, media_type="text/html")
    asked = request.query_params.get("lang")
    if asked in ("it", "en"):
        response.set_cookie("officina_lang", str(asked), max_age=YEAR, samesite="lax")
    return response


def draw(request: Request, template: str, language: str, answer: int = 200, **values: Any) -> Response:
    return html(request, drawn(request, template, language, **values), answer)


def drawn(request: Request, template: str, language: str, **values: Any) -> str:
    settings = house_of(request).settings
    return house_of(request).drawing.page(
        template,
        language,
        statement_url=settings.accessibility_statement_url,
        contact=settings.feedback_contact,
        **values,
    )


async def show_error(
    request: Request, status: int, code: str, text: str = "", details: dict[str, Any] | None = None
) -> Response:
    """The answer to a failed call: JSON for programs, a page that says what to do for people."""
    language = language_of(request)
    words = house_of(request).drawing.words("sessions", language)
    sentence = text or (words(f"refusal.{code}") if words.has(f"refusal.{code}") else "")
    if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return api_error(status, code, sentence or code, details)
    if status in (401, 403) and request.url.path.startswith("/desk") and code in ("key_needed", "not_from_here"):
        return draw(
            request,
            "key.html",
            language,
            status,
            error=None if status == 401 else sentence,
            action="/desk/enter",
            csrf="",
        )
    return draw(request, "error.html", language, status, status=status, code=code, sentence=sentence)


def session_values(live: LiveRoom, language: str) -> dict[str, Any]:
    state = live.room.folded.session
    return {
        **live.screens.session_view("phone", language),
        "code": live.room.code,
        "code_blocks": codes.in_blocks(live.room.code),
        "locked": state.locked,
    }


# -- entering and joining -------------------------------------------------------------------------------------------


@router.get("/")
async def enter(request: Request) -> Response:
    return draw(request, "enter.html", language_of(request), code="", error=None)


@router.post("/")
async def entered(request: Request, code: Annotated[str, Form(max_length=40)] = "") -> Response:
    language = language_of(request)
    house = house_of(request)
    normal = codes.normal(code)
    if await house.rooms.find(normal) is None:
        await house.access.wrong_code(request)
        words = house.drawing.words("sessions", language)
        return draw(request, "enter.html", language, 404, code=code[:12], error=words("refusal.unknown_session"))
    return RedirectResponse(f"/j/{normal}", 303)


@router.get("/J/{code}")
async def join_in_capitals(request: Request, code: str) -> Response:
    return await join_page(request, code)


@router.get("/j/{code}")
async def join_page(request: Request, code: str) -> Response:
    """The page behind the QR: a name that is already there, a group, and in."""
    live = await room_of(request, code)
    if live.room.folded.session.state == "ended":
        language = language_of(request, live.languages())
        return draw(request, "closed.html", language, 410, session=session_values(live, language))
    caller = caller_of(request, live)
    if caller is not None and caller.person in live.room.folded.session.people:
        return RedirectResponse(f"/s/{live.room.code}", 303)
    return show_join(request, live, None)


def show_join(
    request: Request,
    live: LiveRoom,
    error: str | None,
    group: str | None = None,
    name: str | None = None,
    status: int = 200,
) -> Response:
    language = language_of(request, live.languages())
    name = name or names.generated(language, set(live.room.names.values()))
    if error is not None or group is not None:
        return html(request, draw_join(request, live, language, name, error, group), status)
    # Five hundred people open this page within a minute, and only the name differs.
    key = (language, live.room.folded.session.locked)
    if key not in live.join_pages:
        live.join_pages[key] = draw_join(request, live, language, NAME_GOES_HERE)
    return html(request, live.join_pages[key].replace(NAME_GOES_HERE, str(escape(name))), status)


def draw_join(
    request: Request,
    live: LiveRoom,
    language: str,
    name: str,
    error: str | None = None,
    group: str | None = None,
) -> str:
    groups = localise(rules.groups_view(live.room.folded.session), language)
    for one in groups:
        one["chosen"] = one["id"] == group
    return drawn(
        request,
        "join.html",
        language,
        session=session_values(live, language),
        groups=groups,
        name=name,
        consent=localise(Text(consent()["line"]), language),
        error=error,
    )


@cache
def consent() -> dict[str, Any]:
    return tomllib.loads((shipped("content") / "consent.toml").read_text("utf-8"))


def how_long(request: Request, language: str) -> dict[str, Any]:
    """For how long personal data stay here, as the consent text says it: its heading and its text."""
    days = house_of(request).settings.retention_days
    said = next(one for one in consent()["kept"] if one["id"] == "time")
    text = said["text" if days else "text_without_end"]
    shown: dict[str, Any] = localise(
        {
            "heading": Text(said["heading"]),
            "text": Text({spoken: words.replace("{days}", str(days)) for spoken, words in text.items()}),
        },
        language,
    )
    return shown


@router.post("/j/{code}")
async def joined(
    request: Request,
    code: str,
    name: Annotated[str, Form(max_length=200)] = "",
    own_name: Annotated[str, Form(max_length=200)] = "",
    group: Annotated[str | None, Form(max_length=40)] = None,
    reroll: Annotated[str | None, Form()] = None,
) -> Response:
    live = await room_of(request, code)
    if reroll:
        return show_join(request, live, None, group)
    language = language_of(request, live.languages())
    known = {one.id for one in live.room.folded.session.plan.groups} if live.room.folded.session.plan else set()
    group = group if group in known else None
    try:
        made = await join(request, live, own_name.strip() or name, group, language)
    except Failed as failed:
        return show_join(request, live, failed.text, group, name, failed.status)
    response = RedirectResponse(f"/s/{live.room.code}", 303)
    set_badge(request, response, live, made["badge"])
    return response


@router.get("/j/{code}/back")
async def rejoin_page(request: Request, code: str) -> Response:
    """Where a person's own rejoin code leads; the badge itself is behind the # and comes by POST."""
    live = await room_of(request, code)
    language = language_of(request, live.languages())
    return draw(request, "rejoin.html", language, session=session_values(live, language), error=None)


@router.post("/j/{code}/badge")
async def rejoined(request: Request, code: str, badge: Annotated[str, Body(embed=True, max_length=100)]) -> Response:
    live = await room_of(request, code)
    person = live.room.person_of(badges.hash_of(badge))
    if person is None or person not in live.room.folded.session.people:
        await house_of(request).access.wrong_code(request)
        raise Failed(403, "badge_replaced")
    response = JSONResponse({"person": person})
    set_badge(request, response, live, badge)
    return response


# -- the three screens ----------------------------------------------------------------------------------------------


def regions(live: LiveRoom, screen: str, language: str, looking: Looking | None = None) -> dict[str, Markup]:
    """The regions of a screen as the first page shows them: the same html that the socket sends."""
    screens = live.screens
    values = screens.values(screen, language)
    if screen == "desk":
        parts = screens.desk_regions(Audience("desk", language, "html"), values)
        return {name: Markup(part) for name, part in parts.items()}  # noqa: S704  (drawn by the autoescaping environment)
    drawn = {name: Markup(screens.region(screen, name, language, values)) for name in REGIONS[screen]}  # noqa: S704
    if looking is not None:
        who, mine = screens.own_regions(looking)
        drawn |= {"who": Markup(who), "mine": Markup(mine)}  # noqa: S704
    return drawn


@router.get("/s/{code}")
async def phone(request: Request, code: str) -> Response:
    live = await room_of(request, code)
    caller = caller_of(request, live)
    room = live.room
    if caller is None:
        return RedirectResponse(f"/j/{room.code}", 303)
    person = room.folded.session.people.get(caller.person)
    if person is None:
        raise Failed(403, "removed")
    language = person.language
    looking = Looking(live, caller, language, request)
    return draw(
        request,
        "phone.html",
        language,
        session=session_values(live, language),
        me={"person": caller.person},
        regions=regions(live, "phone", language, looking),
        number=room.number,
        epoch=live.epoch,
    )


@router.get("/wall/{code}")
async def wall(request: Request, code: str) -> Response:
    live = await room_of(request, code)
    languages = live.languages()
    asked = request.query_params.get("lang")
    language = asked if asked in languages else languages[0]
    address = house_of(request).address(live.room.code)
    return draw(
        request,
        "wall.html",
        language,
        session={**session_values(live, language), "address": address.shown, "wifi": address.wifi},
        qr=address.qr,
        regions=regions(live, "wall", language),
        number=live.room.number,
        epoch=live.epoch,
    )


@router.get("/desk/{code}/preview/{stage}")
async def preview(request: Request, code: str, stage: str) -> Response:
    """What wall and phone would show of a stage, before anybody is taken there."""
    desk_of(request)
    live = await room_of(request, code)
    screens, room = live.screens, live.room
    plan = room.folded.session.plan
    planned = plan.stage(stage) if plan else None
    if plan is None or planned is None:
        raise Failed(404, "unknown_stage")
    language = language_of(request, live.languages())
    run = room.folded.runs[stage]
    activity = room.activity_of(room.folded, stage)
    shown: dict[str, Markup] = {}
    for screen in ("wall", "phone"):
        values = screens.values(screen, language)
        values["stage"] = {
            "id": stage,
            "activity": planned.activity,
            "title": localise(planned.title, language),
            "level": planned.level,
            "state": "open",
            "n": [one.id for one in plan.stages].index(stage) + 1,
            "of": len(plan.stages),
        }
        values["view"] = localise({**screens.named(activity.rules.view(run, screen), screen), "present": 0}, language)
        drawn = house_of(request).drawing.block(
            f"{activity.name}:{screen}.html", "now", language, activity.name, values
        )
        shown[screen] = Markup(inert(drawn))  # noqa: S704  (drawn by the autoescaping environment)
    questions = localise(activity.rules.view(run, "desk"), language).get("questions", [])
    session = room.folded.session
    takes = session.state != "ended" and stage not in session.spent
    return draw(
        request,
        "preview.html",
        language,
        code=room.code,
        stage=stage,
        brings=what_comes_in(live, stage) if takes else None,
        title=localise(planned.title, language),
        minutes=room.folded.session.planned_minutes(stage),
        notes=localise(planned.notes, language),
        shown=shown,
        questions=questions,
    )


@router.post("/desk/{code}/rejoin/{person}")
async def rejoin_qr(request: Request, code: str, person: str) -> Response:
    """A person's own rejoin QR: a fresh badge behind the #; the old one is cut when the person asks for this."""
    house = house_of(request)
    desk_of(request)
    live = await room_of(request, code)
    if person not in live.room.folded.session.people:
        raise Failed(404, "unknown_person")
    badge = badges.new_badge()
    row = PersonRow(person, None, badges.hash_of(badge))
    answer = await live.ask_as_server("replace_badge", {"person": person}, person, (row,))
    if isinstance(answer, Refused):
        raise Failed(409, answer.refusal.code)
    url = f"{house.origin()}/j/{live.room.code}/back#{quote(badge)}"
    language = language_of(request, live.languages())
    return draw(request, "rejoin_qr.html", language, name=live.room.names.get(person, ""), qr=qr(url), url=url)


@router.post("/desk/{code}/people/{person}/erase")
async def erase_one(request: Request, code: str, person: str) -> Response:
    """Erases what is kept about somebody who asked for it and has no phone any more."""
    desk_of(request)
    live = await room_of(request, code)
    await erase.person_by_host(house_of(request), live, person)
    return Response(status_code=204)


# -- the facilitator's home -----------------------------------------------------------------------------------------


@router.get("/desk")
async def home(request: Request, error: str | None = None) -> Response:
    house = house_of(request)
    signed = house.access.host(request)
    language = language_of(request)
    if isinstance(signed, NotHost):
        words = house.drawing.words("sessions", language)
        text = words("refusal.not_from_here") if signed.status == 403 else None
        return draw(request, "key.html", language, signed.status, error=text, action="/desk/enter", csrf="")
    return show_home(request, signed.csrf, None)


def show_home(request: Request, csrf: str, error: str | None, status: int = 200) -> Response:
    house = house_of(request)
    language = language_of(request)
    found = []
    for code, row in sorted(house.rooms.lines.items(), key=lambda one: -one[1].made_at):
        live = house.rooms.live.get(code)
        if live is None or live.room.folded.session.plan is None:
            continue
        state = live.room.folded.session
        found.append(
            {
                "code": code,
                "code_blocks": codes.in_blocks(code),
                "title": localise(live.room.folded.session.plan.title, language),
                "state": state.state,
                "people": len(state.people),
                "made_at": f"{day(row.made_at)} {clock_time(row.made_at)}",
                "rehearsal": any(person.rehearsal for person in state.people.values()),
            }
        )
    return draw(
        request,
        "desk_home.html",
        language,
        status,
        here="home",
        sessions=found,
        paths=[
            {"id": path.id, "title": localise(path.line.folded.title, language)}
            for path in reversed(house.paths.live.values())
            if path.line.folded.title is not None
        ],
        plans=localise(plans.shipped_plans(), language),
        csrf=csrf,
        error=error,
    )


@router.get("/desk/enter")
@router.get("/desk/plans")
async def back_home(request: Request) -> Response:
    """Where the language links of a refused form lead, because that page stands under the form's own address."""
    return in_language(request, "/desk")


def in_language(request: Request, path: str) -> Response:
    asked = request.query_params.get("lang")
    return RedirectResponse(f"{path}?lang={asked}" if asked in ("it", "en") else path, 303)


@router.post("/desk/enter")
async def sign_in(request: Request) -> Response:
    """The key, or the one-time code of the start link, is swapped for a cookie."""
    house = house_of(request)
    language = language_of(request)
    client = request.client.host if request.client else None
    from .access import is_loopback

    if not (request.url.scheme == "https" or is_loopback(client) or house.settings.allow_remote_host):
        raise Failed(403, "not_from_here")
    by_script = request.headers.get("content-type", "").startswith("application/json")
    if by_script:
        given = await read_json(request)
        good = house.access.use_once(str(given.get("once", "")))
    else:
        form = await request.form()
        good = house.access.key_fits(str(form.get("key", "")))
    if not good:
        await house.access.wrong_code(request)
        words = house.drawing.words("sessions", language)
        if by_script:
            raise Failed(401, "key_wrong", words("refusal.key_wrong"))
        return draw(request, "key.html", language, 401, error=words("refusal.key_wrong"), action="/desk/enter", csrf="")
    cookie = await house.access.sign_in(house.clock.now())
    response: Response = JSONResponse({"ok": True}) if by_script else RedirectResponse("/desk", 303)
    response.set_cookie(
        house.access.desk_cookie,
        cookie,
        max_age=14 * 24 * 3600,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


async def read_json(request: Request) -> dict[str, Any]:
    try:
        given = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Failed(422, "malformed") from error
    if not isinstance(given, dict):
        raise Failed(422, "malformed")
    return given


@router.post("/desk/leave")
async def sign_out(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
    signed = desk_of(request, csrf=csrf)
    await house_of(request).access.sign_out(signed)
    response = RedirectResponse("/desk", 303)
    response.delete_cookie(house_of(request).access.desk_cookie)
    return response


@router.post("/desk")
async def make(
    request: Request, plan: Annotated[str, Form(max_length=200)], csrf: Annotated[str, Form()] = ""
) -> Response:
    signed = desk_of(request, csrf=csrf)
    found = plans.named(plan)
    if found is None:
        return show_home(
            request,
            signed.csrf,
            house_of(request).drawing.words("sessions", language_of(request))("refusal.unknown_plan"),
            404,
        )
    live = await house_of(request).rooms.make(found, plan)
    return RedirectResponse(f"/desk/{live.room.code}", 303)


@router.post("/desk/plans")
async def upload_plan(
    request: Request, file: Annotated[UploadFile, File()], csrf: Annotated[str, Form()] = ""
) -> Response:
    """A session from a facilitator's own plan; one that does not fit is named with the place, and nothing is made."""
    signed = desk_of(request, csrf=csrf)
    try:
        plan = await asyncio.to_thread(plans.parse, await file.read(), Path(file.filename or "").name)
        live = await house_of(request).rooms.make(plan, Path(file.filename or "").name or None)
    except ValidationError as error:
        return show_home(request, signed.csrf, plans.sentence(error), 422)
    except ValueError as error:
        return show_home(request, signed.csrf, str(error), 422)
    return RedirectResponse(f"/desk/{live.room.code}", 303)


@router.post("/desk/{code}/duplicate")
async def duplicate(request: Request, code: str, csrf: Annotated[str, Form()] = "") -> Response:
    """A new session with the same plan, imports included; no people, no answers."""
    desk_of(request, csrf=csrf)
    live = await room_of(request, code)
    made = await house_of(request).rooms.make(plan_of(live), live.room.folded.session.source)
    return RedirectResponse(f"/desk/{made.room.code}", 303)


@router.get("/desk/{code}/plan.json")
async def download_plan(request: Request, code: str) -> Response:
    desk_of(request)
    live = await room_of(request, code)
    body = json.dumps(plan_of(live), ensure_ascii=False, indent=1).encode()
    headers = {"content-disposition": f'attachment; filename="officina-{live.room.code}-plan.json"'}
    return Response(body, media_type="application/json", headers=headers)


def plan_of(live: LiveRoom) -> dict[str, Any]:
    """The plan as it is now, with the setups that were imported."""
    state = live.room.folded.session
    if state.plan is None:
        raise Failed(404, "unknown_session")
    made = plans.as_json(state.plan)
    for stage in made["stages"]:
        stage["setup"] = dict(state.setup(stage["id"]))
    return made


@router.post("/desk/backup")
async def make_backup(
    request: Request, to: Annotated[str | None, Body(embed=True, max_length=1000)] = None
) -> Response:
    """A checked copy, on the laptop itself: for `officina backup` while we run, and for the desk's button."""
    signed = desk_of(request)
    house = house_of(request)
    if to is not None and not signed.by_key:
        raise Failed(403, "not_for_you")
    target = Path(to) if to else backup.named(house.settings.data / backup.FOLDER)
    try:
        made = await backup.make(house.journal, target)
    except (OSError, sqlite3.DatabaseError) as error:
        raise Failed(503, "storage", str(error)) from error
    return JSONResponse({"file": str(made)})


@router.post("/desk/{code}/rehearse")
async def rehearse(request: Request, code: str) -> Response:
    """Simulated people join and answer, marked as rehearsal."""
    desk_of(request)
    live = await room_of(request, code)
    given = await read_json(request)
    people = given.get("people", 20)
    if not isinstance(people, int) or not 1 <= people <= 200:
        raise Failed(422, "malformed")
    await simulate.inside(house_of(request), live, people)
    return JSONResponse({"people": people}, 202)


# -- imports on the desk --------------------------------------------------------------------------------------------


@router.get("/desk/{code}/stages/{stage}/import")
async def import_page(request: Request, code: str, stage: str) -> Response:
    signed = desk_of(request)
    live = await room_of(request, code)
    return show_import(request, live, stage, signed.csrf)


def what_comes_in(live: LiveRoom, stage: str) -> str | None:
    """What may be imported into a stage: questions, practices, or nothing."""
    return "practices" if practices.takes(live, stage) else "questions" if importing.takes(live, stage) else None


def show_import(
    request: Request,
    live: LiveRoom,
    stage: str,
    csrf: str,
    result: Any = None,
    error: str | None = None,
    status: int = 200,
) -> Response:
    plan = live.room.folded.session.plan
    planned = plan.stage(stage) if plan else None
    if planned is None:
        raise Failed(404, "unknown_stage")
    language = language_of(request, live.languages())
    shown = None
    token = ""
    fields: list[dict[str, str]] = []
    if result is not None:
        token = fresh()
        house_of(request).imports[token] = (live.room.code, stage, result)
    what = what_comes_in(live, stage) or "questions"
    if what == "practices":
        fields = [{"id": name, "name": practices.field_name(name, language)} for name in practices.FIELDS]
    if isinstance(result, practices.Understood):
        told = result.told
        rows = [{**one, "practice": practices.shown(one["practice"])} for one in told["practices"]]
        shown = localise({**told, "practices": rows}, language)
    elif result is not None:
        shown = localise({**result, "questions": [texts_of(one) for one in result["questions"]]}, language)
    return draw(
        request,
        "import.html",
        language,
        status,
        session=session_values(live, language),
        stage={"id": stage, "title": localise(planned.title, language)},
        what=what,
        fields=fields,
        result=shown,
        token=token,
        error=error,
        csrf=csrf,
    )


def texts_of(question: dict[str, Any]) -> dict[str, Any]:
    """A question whose texts can be shown in a language."""
    made = dict(question)
    if isinstance(made.get("text"), dict):
        made["text"] = Text(made["text"])
    if isinstance(made.get("options"), list):
        made["options"] = [
            {**one, "text": Text(one["text"])} if isinstance(one.get("text"), dict) else one for one in made["options"]
        ]
    return made


@router.post("/desk/{code}/stages/{stage}/import")
async def import_posted(request: Request, code: str, stage: str) -> Response:
    """First the preview; the same file is saved only when it is confirmed."""
    form = await request.form()
    signed = desk_of(request, csrf=str(form.get("csrf", "")))
    live = await room_of(request, code)
    kept = house_of(request).imports
    said = language_of(request, live.languages())
    understood: Any = None
    try:
        if form.get("confirm") or form.get("token"):
            found = kept.pop(str(form.get("token", "")), None)
            if found is None or found[:2] != (live.room.code, stage):
                raise Failed(409, "preview_gone")
            understood = found[2]
            if not isinstance(understood, practices.Understood):
                await importing.save(live, stage, understood)
            elif form.get("confirm"):
                told = await practices.save(live, stage, understood, said)
                refused = [one["text"] for one in told["errors"] if one["code"] == "not_set"]
                if refused:
                    return show_import(request, live, stage, signed.csrf, None, " ".join(refused), 409)
            else:
                understood = await practices.with_columns(live, stage, understood, chosen_columns(form), said)
                return show_import(request, live, stage, signed.csrf, understood)
            return RedirectResponse(f"/desk/{live.room.code}", 303)
        language = str(form.get("language") or "") or None
        file = form.get("file")
        text = str(form.get("text") or "")
        reads: Any = practices if practices.takes(live, stage) else importing
        more: dict[str, Any] = {"said": said} if reads is practices else {}
        if file is not None and not isinstance(file, str) and file.filename:
            result = await reads.understand(live, stage, await file.read(), file.filename, language, **more)
        else:
            result = await reads.understand_text(live, stage, text, language, **more)
    except Failed as failed:
        words = house_of(request).drawing.words("sessions", said)
        text = failed.text or (words(f"refusal.{failed.code}") if words.has(f"refusal.{failed.code}") else failed.code)
        result = understood if isinstance(understood, practices.Understood) else None
        if isinstance(failed, practices.NothingRead):
            result = failed.understood
        return show_import(request, live, stage, signed.csrf, result, text, failed.status)
    while len(kept) > 20:
        kept.pop(next(iter(kept)))
    return show_import(request, live, stage, signed.csrf, result)


def chosen_columns(form: Any) -> dict[int, str]:
    """The fields that somebody chose for the columns of a sheet, by the column's place."""
    places = {name.removeprefix("column."): name for name in form if name.startswith("column.")}
    return {int(place): str(form[name]) for place, name in places.items() if place.isdecimal() and len(place) < 4}


# -- the room test --------------------------------------------------------------------------------------------------


@router.get("/desk/preflight")
async def preflight(request: Request) -> Response:
    house = house_of(request)
    signed = desk_of(request)
    origin = house.origin()
    candidates = []
    seen = set()
    found = addresses.ours()
    urls = [(house.origin_at(one.address), one.address, one.interface) for one in found]
    if house.settings.public_url:
        urls.insert(0, (house.settings.public_url, house.settings.public_url.split("://", 1)[-1], ""))
    elif house.chosen_url and house.chosen_url not in {url for url, _, _ in urls}:
        urls.insert(0, (house.chosen_url, house.chosen_url.split("://", 1)[-1], ""))
    for url, address, label in urls:
        if url in seen:
            continue
        seen.add(url)
        token = next((token for token, tried in house.tried.items() if tried.address == url), None)
        if token is None:
            token = fresh()[:16]
            house.tried[token] = Tried(url)
        tried = house.tried[token]
        candidates.append(
            {
                "address": address,
                "url": url,
                "label": label,
                "best": url == origin,
                "qr": qr(f"{url}/try/{token}"),
                "try_url": f"{url}/try/{token}",
                "reached": tried.reached,
                "rtt_ms": tried.rtt_ms,
                "socket": tried.socket,
            }
        )
    return draw(
        request, "preflight.html", language_of(request), here="preflight", candidates=candidates, csrf=signed.csrf
    )


@router.post("/desk/preflight")
async def choose_address(
    request: Request,
    address: Annotated[str, Form(max_length=200)] = "",
    other: Annotated[str, Form(max_length=200)] = "",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    desk_of(request, csrf=csrf)
    chosen = (other.strip() or address.strip()).rstrip("/")
    if chosen and "://" not in chosen:
        chosen = f"http://{chosen}"
    if chosen and not is_origin(chosen):
        raise Failed(422, "malformed")
    await house_of(request).choose_url(chosen or None)
    return RedirectResponse("/desk/preflight", 303)


def is_origin(url: str) -> bool:
    """Whether this is an address for a QR: http or https, a name or address, perhaps a port, and nothing more."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises where it is no number)
    except ValueError:
        return False
    more = parts.path + parts.query + parts.fragment
    return parts.scheme in ("http", "https") and bool(HOST.fullmatch(parts.netloc)) and not more


@router.get("/TRY/{token}")
@router.get("/try/{token}")
async def try_page(request: Request, token: str) -> Response:
    house = house_of(request)
    tried = house.tried.get(token.lower())
    if tried is None:
        raise Failed(404, "not_found")
    tried.reached = True
    return draw(
        request, "tried.html", language_of(request), token=token.lower(), address=tried.address.split("://", 1)[-1]
    )


@router.post("/try/{token}")
async def tried_post(request: Request, token: str) -> Response:
    tried = house_of(request).tried.get(token)
    given = await read_json(request)
    rtt = given.get("rtt_ms")
    if tried is None:
        raise Failed(404, "not_found")
    tried.rtt_ms = min(60_000, max(0, rtt)) if isinstance(rtt, int) else None
    tried.socket = bool(given.get("socket"))
    return Response(status_code=204)


# -- the run console, after the other pages under /desk, whose names no code can have -----------------------------


@router.get("/desk/{code}")
async def desk(request: Request, code: str) -> Response:
    house = house_of(request)
    signed = desk_of(request)
    live = await room_of(request, code)
    language = language_of(request, live.languages())
    address = house.address(live.room.code)
    return draw(
        request,
        "desk.html",
        language,
        session={**session_values(live, language), "address": address.shown, "wifi": address.wifi},
        qr=address.qr,
        regions=regions(live, "desk", language),
        number=live.room.number,
        epoch=live.epoch,
        csrf=signed.csrf,
    )


# -- what we keep ---------------------------------------------------------------------------------------------------


@router.get("/keep")
async def keep(request: Request) -> Response:
    return show_keep(request, language_of(request), None)


def show_keep(request: Request, language: str, code: str | None, erased: bool = False) -> Response:
    time = how_long(request, language)
    return draw(request, "keep.html", language, code=code, csrf="", time=time, erased=erased)


@router.get("/keep/{code}")
async def keep_mine(request: Request, code: str) -> Response:
    live = await room_of(request, code)
    caller = caller_of(request, live)
    language = language_of(request, live.languages())
    return show_keep(request, language, live.room.code if caller else None)


@router.get("/keep/{code}/erase")
async def erased_before(request: Request, code: str) -> Response:
    live = await room_of(request, code)
    return in_language(request, f"/keep/{live.room.code}")


@router.post("/keep/{code}/erase")
async def erase_mine(request: Request, code: str) -> Response:
    live = await room_of(request, code)
    caller = caller_of(request, live)
    if caller is None:
        raise Failed(401, "badge_needed")
    await erase.person(house_of(request), live, caller.person, caller.badge)
    response = show_keep(request, language_of(request), None, erased=True)
    response.delete_cookie(house_of(request).access.badge_cookie(live.room.code))
    return response
