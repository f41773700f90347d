"""Everything that one running Officina holds, passed to whoever needs it."""

from __future__ import annotations

import asyncio
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import segno
import structlog
from markupsafe import Markup

from . import activities, addresses
from .drawing import Drawing, day
from .live.bus import MemoryBus
from .live.rooms import Rooms
from .live.screens import Address
from .moment import Clock, fresh
from .outcomes import retention
from .paths.live import Paths
from .sessions.access import Access
from .settings import Settings
from .storage import backup
from .storage.sqlite import Connect, SqliteJournal, connect

log = structlog.get_logger("house")

FILE = "officina.db"
COMPILED = "templates"


@dataclass
class Tried:
    """What a phone found when it scanned an address of the preflight page."""

    address: str
    reached: bool = False
    rtt_ms: int | None = None
    socket: bool | None = None


@dataclass
class House:
    """One data folder, one journal, all rooms."""

    settings: Settings
    journal: SqliteJournal
    clock: Clock
    drawing: Drawing
    access: Access
    rooms: Rooms
    host_key: str
    paths: Paths
    #: The origin that phones use, when the facilitator chose one; else the best of our addresses.
    chosen_url: str | None = None
    tried: dict[str, Tried] = field(default_factory=dict)
    rehearsals: set[asyncio.Task[None]] = field(default_factory=set)
    #: Files understood on the import page, kept until they are confirmed: session, stage, result.
    imports: dict[str, tuple[str, str, Any]] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _qr: dict[str, Markup] = field(default_factory=dict)

    @classmethod
    async def open(cls, settings: Settings, connect: Connect = connect) -> House:
        """Opens the data folder, folds live sessions. Raises SecondProcess, ValueError, sqlite3.DatabaseError."""
        settings.data.mkdir(parents=True, exist_ok=True)
        journal = await SqliteJournal.open(settings.data / FILE, connect)
        clock = Clock()
        found = activities.found()
        log.info("activities found", names=sorted(found))
        drawing = Drawing(found, compiled=settings.cache / COMPILED)
        epoch = await journal.about("epoch", fresh)
        instance = await journal.about("instance", lambda: secrets.token_hex(3))
        host_key = settings.host_key or key_of(settings.data)
        access = Access(settings, journal, host_key, instance)
        await access.open()
        bus = MemoryBus()
        house: House

        def address(code: str) -> Address:
            return house.address(code)

        rooms = Rooms(journal, bus, clock, found, drawing, address, epoch)
        paths = Paths(journal, bus, clock, drawing, epoch)
        rooms.on_open.append(paths.follow)
        house = cls(settings, journal, clock, drawing, access, rooms, host_key, paths)
        house.chosen_url = access.chosen_url = await journal_value(journal, "chosen_url")
        await paths.open()
        await rooms.open_live()
        await paths.catch_up(rooms)
        house._tasks.append(asyncio.create_task(house._keep_watch(), name="watch"))
        house._tasks.append(asyncio.create_task(backup.keep(house), name="backups"))
        house._tasks.append(asyncio.create_task(house.drawing.warm(), name="templates"))
        house._tasks.append(asyncio.create_task(retention.keep(house), name="retention"))
        return house

    async def close(self) -> None:
        running = [*self._tasks, *self.rehearsals]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        try:
            await asyncio.wait_for(self.rooms.close(), 2)
            await asyncio.wait_for(self.paths.close(), 2)
        except TimeoutError:
            log.warning("rooms did not come to rest in time; what waits is in the phones' outboxes")
        await self.journal.close()

    async def _keep_watch(self) -> None:
        """Lays the ballast, tells of jumps of the laptop's clock, and tries the disk while a room is in trouble."""
        try:
            await self.journal.keep_ballast()
        except OSError as error:
            log.warning("no ballast could be laid", why=str(error))
        told = 0
        while True:
            await asyncio.sleep(1)
            away = self.clock.jumped()
            if away and abs(away - told) > 1000:
                told = away
                log.warning("the laptop's clock jumped; rounds go on as before", seconds=round(away / 1000))
            if away and not any(one.room.folded.session.running_since for one in self.rooms.live.values()):
                self.clock.set_again()
                told = 0
            await self._try_the_disk()

    async def _try_the_disk(self) -> None:
        """Ends the trouble of rooms in which nobody asks any more, so that the desk does not warn of what is over."""
        troubled = [one for one in self.rooms.live.values() if one.room.trouble is not None and not one.room.busy]
        if not troubled:
            return
        try:
            # A row written as it is, because a full disk is only met by writing.
            await self.journal.run(lambda c: c.execute("UPDATE about SET value = value WHERE key = 'epoch'").fetchall())
        except Exception as error:
            log.debug("the disk does not write yet", why=str(error))
            return
        for live in troubled:
            live.room.trouble = None
            live.screens.changed([], set())

    # -- where phones reach us ----------------------------------------------------------------------------------

    def today(self) -> str:
        """The laptop's date, as 2026-11-22."""
        return day(self.clock.now())

    def origin(self) -> str:
        """The origin that stands in the QR and on the wall."""
        if self.settings.public_url:
            return self.settings.public_url.rstrip("/")
        if self.chosen_url:
            return self.chosen_url
        found = [] if self.settings.only_here else addresses.ours()
        return self.origin_at(found[0].address if found else "127.0.0.1")

    def origin_at(self, address: str) -> str:
        scheme = "https" if self.settings.tls_certificate else "http"
        usual = {"http": 80, "https": 443}[scheme]
        return f"{scheme}://{address}" + ("" if self.settings.port == usual else f":{self.settings.port}")

    def address(self, code: str) -> Address:
        origin = self._origin_soon()
        url = f"{origin}/j/{code}"
        if url not in self._qr:
            self._qr[url] = qr(url)
        return Address(origin.split("://", 1)[1], url, self._qr[url], self.settings.wifi_name)

    def _origin_soon(self) -> str:
        """The origin, read anew every few seconds: looking at the network for each drawing would be slow."""
        now = asyncio.get_running_loop().time()
        known: tuple[float, str] | None = self.__dict__.get("_origin")
        if known is None or now - known[0] > 5:
            known = self.__dict__["_origin"] = (now, self.origin())
        return known[1]

    async def choose_url(self, url: str | None) -> None:
        await self.journal.run(
            lambda c: c.execute(
                "INSERT INTO about VALUES ('chosen_url', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (url or "",),
            ).fetchall()
        )
        self.chosen_url = self.access.chosen_url = url
        self.__dict__.pop("_origin", None)
        for live in self.rooms.live.values():
            live.screens.people_changed()


def qr(url: str) -> Markup:
    """An inline SVG. Capitals make a smaller code, and our paths are read in any case (UX 8.7)."""
    head, _, rest = url.partition("#")
    spelled = head.upper() if not rest else url
    made = segno.make(spelled, micro=False, error="m")
    svg = made.svg_inline(border=0, svgclass="qr-code", lineclass=None, omitsize=True, dark="#000")
    svg = svg.replace('stroke="#000"', 'stroke="currentColor"')
    return Markup(svg)  # noqa: S704  (drawn by segno from our own address)


def key_of(folder: Path) -> str:
    """The host key of a data folder: 256 bits, made once, readable by this user only."""
    path = folder / "host.key"
    if path.exists():
        return path.read_text("ascii").strip()
    key = secrets.token_hex(32)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(key + "\n")
    return key


async def journal_value(journal: SqliteJournal, key: str) -> str | None:
    rows: list[Any] = await journal.read("SELECT value FROM about WHERE key = ?", (key,))
    return rows[0][0] or None if rows else None
