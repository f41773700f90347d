"""Who may do what: host powers, badges, the allow-lists of hosts and origins, the budget of wrong codes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import re
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from .. import addresses
from ..settings import Settings
from . import badges

#: Wrong codes in a minute, from everywhere and from one address.
WRONG_EVERYWHERE, WRONG_FROM_HERE = 100, 10
#: Over the budget a wrong code waits this long, doubling up to the most, in seconds; it never locks the room.
DELAY_FIRST, DELAY_MOST = 1.0, 30.0
#: A one-time link is good for this long, in seconds.
ONCE_SECONDS = 600
#: A Host header stands in our policy, so it holds nothing but a name or an address, and a port.
HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
DESK_COOKIE_DAYS = 14


@dataclass(frozen=True, slots=True)
class Desk:
    """A facilitator's signed-in browser. `by_key`: the key itself came with the call, so no CSRF token is needed."""

    id: str | None
    csrf: str
    by_key: bool = False


@dataclass(frozen=True, slots=True)
class NotHost:
    """Why there are no host powers: 401 (no key) or 403 (not from here)."""

    status: int
    code: str


def is_loopback(client: str | None) -> bool:
    if client is None:
        return False
    try:
        return ipaddress.ip_address(client.removeprefix("::ffff:")).is_loopback
    except ValueError:
        # In-process test clients have no address; they are not on the loopback.
        return False


class Access:
    def __init__(self, settings: Settings, journal: Any, host_key: str, instance: str) -> None:
        self.settings = settings
        self.journal = journal
        self.host_key = host_key
        self.instance = instance
        self.desks: dict[str, str] = {}
        self._once: dict[str, float] = {}
        self._delay = DELAY_FIRST
        self._names: frozenset[str] = frozenset()
        self._names_at = -1e9
        #: The origin that the facilitator chose on the preflight page.
        self.chosen_url: str | None = None

    @cached_property
    def _wrong(self) -> Any:
        # Met at the first wrong code: an eighth of a second that no start should wait for.
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        return MovingWindowRateLimiter(MemoryStorage())

    async def open(self) -> None:
        rows = await self.journal.read("SELECT id, csrf FROM desk")
        self.desks = dict(rows)

    # -- cookies ------------------------------------------------------------------------------------------------

    def badge_cookie(self, code: str) -> str:
        """Cookies are shared by all ports of a host, so the name holds this house and the session."""
        return f"officina_{self.instance}_{code}"

    @property
    def desk_cookie(self) -> str:
        return f"officina_{self.instance}_desk"

    # -- hosts and origins --------------------------------------------------------------------------------------

    def our_names(self) -> frozenset[str]:
        """The names and addresses under which we may be called; read anew every few seconds, as networks change."""
        now = time.monotonic()
        if now - self._names_at > 5:
            self._names_at = now
            found = {"localhost", "127.0.0.1", "[::1]", "::1", socket.gethostname().lower()}
            found |= {f"{socket.gethostname().lower().split('.')[0]}.local"}
            found |= {one.address for one in addresses.ours()}
            found |= {name.lower() for name in self.settings.allowed_hosts}
            if self.chosen_url:
                found.add((urlsplit(self.chosen_url).hostname or "").lower())
            if self.settings.public_url:
                found.add((urlsplit(self.settings.public_url).hostname or "").lower())
            self._names = frozenset(found)
        return self._names

    def host_is_ours(self, host: str) -> bool:
        """Whether a Host header names us; anything else may be a rebound DNS name of a hostile page."""
        found = HOST.fullmatch(host)
        return found is not None and not {found[1].lower(), found[1].lower().strip("[]")}.isdisjoint(self.our_names())

    def origin_is_ours(self, connection: HTTPConnection) -> bool:
        """Exact scheme, host and port; missing only where an Authorization header shows it is no browser's cookie."""
        origin = connection.headers.get("origin")
        if origin is None:
            # Every browser sends it with a socket and with an unsafe call; without a cookie there is nothing to abuse.
            return "authorization" in connection.headers or "cookie" not in connection.headers
        host = connection.headers.get("host", "")
        scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
        if origin == f"{scheme}://{host}":
            return True
        public = self.settings.public_url
        return public is not None and origin == "{0.scheme}://{0.netloc}".format(urlsplit(public))

    # -- the host's power ---------------------------------------------------------------------------------------

    def host(self, connection: HTTPConnection) -> Desk | NotHost:
        """The desk of a call. Loopback or TLS is needed, and always the key or the cookie it was swapped for."""
        desk = self._desk(connection)
        if desk is None:
            return NotHost(401, "key_needed")
        secure = connection.url.scheme in ("https", "wss")
        client = connection.client.host if connection.client else None
        if not (secure or is_loopback(client) or self.settings.allow_remote_host):
            return NotHost(403, "not_from_here")
        return desk

    def _desk(self, connection: HTTPConnection) -> Desk | None:
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), self.host_key.encode()):
            return Desk(None, "", by_key=True)
        cookie = connection.cookies.get(self.desk_cookie)
        if cookie is None:
            return None
        id = hashlib.sha256(cookie.encode()).hexdigest()
        csrf = self.desks.get(id)
        return Desk(id, csrf) if csrf is not None else None

    def key_fits(self, key: str) -> bool:
        return hmac.compare_digest(key.strip().encode(), self.host_key.encode())

    async def sign_in(self, now: int) -> str:
        """A new desk; returns the cookie's value. The database keeps only its hash: revocable, not usable."""
        cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        id = hashlib.sha256(cookie.encode()).hexdigest()
        await self.journal.run(
            lambda c: c.execute("INSERT INTO desk VALUES (?, ?, ?, ?)", (id, csrf, now, now)).fetchall()
        )
        self.desks[id] = csrf
        return cookie

    async def sign_out(self, desk: Desk) -> None:
        if desk.id is not None:
            self.desks.pop(desk.id, None)
            await self.journal.run(lambda c: c.execute("DELETE FROM desk WHERE id = ?", (desk.id,)).fetchall())

    def new_once(self) -> str:
        """A code for the link that opens the desk in the browser; good once, for ten minutes."""
        code = secrets.token_urlsafe(24)
        self._once[code] = time.monotonic() + ONCE_SECONDS
        return code

    def use_once(self, code: str) -> bool:
        until = self._once.pop(code, None)
        return until is not None and time.monotonic() < until

    # -- badges -------------------------------------------------------------------------------------------------

    def badge(self, connection: HTTPConnection, code: str) -> str | None:
        """The badge that a call presents for this session."""
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and given:
            return given
        return connection.cookies.get(self.badge_cookie(code))

    @staticmethod
    def token_of(badge: str, line: int) -> Callable[[str, str], str]:
        """What makes the one-way tokens of this badge, by stage and scope."""
        return lambda stage, scope: badges.token(badge, str(line), stage, scope)

    # -- wrong codes --------------------------------------------------------------------------------------------

    async def wrong_code(self, connection: HTTPConnection) -> None:
        """Counts a failure; over the budget the answer is late, later each time. Right codes never wait."""
        client = connection.client.host if connection.client else "?"
        from limits import RateLimitItemPerMinute

        here = self._wrong.hit(RateLimitItemPerMinute(WRONG_FROM_HERE), "wrong", client)
        everywhere = self._wrong.hit(RateLimitItemPerMinute(WRONG_EVERYWHERE), "wrong")
        if here and everywhere:
            self._delay = DELAY_FIRST
            return
        delay, self._delay = self._delay, min(DELAY_MOST, self._delay * 2)
        await asyncio.sleep(delay)
