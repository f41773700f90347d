"""The gates that pages and API share: from a call to the house, the room, the person, the facilitator."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from . import badges, codes
from .access import Desk, NotHost
from .answers import Failed

if TYPE_CHECKING:
    from ..house import House
    from ..live.rooms import LiveRoom

SAFE = {"GET", "HEAD", "OPTIONS"}


def house_of(request: Request) -> House:
    house: House = request.app.state.house
    return house


async def room_of(request: Request, code: str) -> LiveRoom:
    """The room of a code as a person may type it. Raises Failed 404, slowly when somebody is guessing."""
    house = house_of(request)
    live = await house.rooms.find(codes.normal(code))
    if live is None:
        await house.access.wrong_code(request)
        raise Failed(404, "unknown_session")
    return live


def desk_of(request: Request, *, csrf: str | None = None) -> Desk:
    """The facilitator of a call. Raises Failed 401 or 403.

    An unsafe call that comes with the cookie needs the desk's CSRF token, in its header or as the form's field.
    """
    desk = house_of(request).access.host(request)
    if isinstance(desk, NotHost):
        raise Failed(desk.status, desk.code)
    if request.method not in SAFE and not desk.by_key:
        given = request.headers.get("x-officina-csrf") or csrf or ""
        if not hmac.compare_digest(given.encode(), desk.csrf.encode()):
            raise Failed(403, "csrf")
    return desk


@dataclass(frozen=True, slots=True)
class Caller:
    """Who presents a badge."""

    person: str
    badge: str


def caller_of(request: Request, live: LiveRoom) -> Caller | None:
    """The person whose badge comes with a call; None without a badge, or with one that opens nothing here."""
    badge = house_of(request).access.badge(request, live.room.code)
    if badge is None:
        return None
    person = live.room.person_of(badges.hash_of(badge))
    return Caller(person, badge) if person is not None else None


def language_of(request: Request, among: list[str] | None = None) -> str:
    """The language of a page: asked for in the address, remembered, or the browser's; the first one otherwise."""
    languages = among or ["it", "en"]
    wishes: list[Any] = [request.query_params.get("lang"), request.cookies.get("officina_lang")]
    wishes += [one.split(";")[0].strip()[:2].lower() for one in request.headers.get("accept-language", "").split(",")]
    for wish in wishes:
        if wish in languages:
            return str(wish)
    return languages[0]
