"""One view per audience, drawn once (station 8), and its way to every screen of that audience (station 9).

An audience is a screen, a language and a form (html or json). Shared parts go first; a person's own part is drawn
afterwards, only for the people a fact touches, and never holds the shared part up.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import structlog
from markupsafe import Markup
from pydantic_core import to_json

from ..activities.contract import Happening, Refusal, Text
from ..drawing import Drawing, Said, localise
from ..sessions import codes, names
from ..sessions import rules as session_rules
from ..storage.journal import KeptFact
from . import envelope
from .frames import text_frame
from .patches import Patches, digest, in_columns
from .presence import Presence

if TYPE_CHECKING:
    from .room import Room
    from .socket import Connection

log = structlog.get_logger("screens")

#: At most ten views a second and screen.
EVERY = 0.1
#: Signs of a place that a screen says it is at; seconds after which somebody who said nothing more does not write.
PLACE, LEASE = 100, 10.0
#: How long a drawing may wait for the asks of a burst, in seconds.
BURST = 0.25
#: How long changes of a board are collected before its screens are told, in seconds.
PATCH_EVERY = 0.05
#: The digest says "still here, at number N"; a screen that hears nothing for 20 seconds asks.
DIGEST_EVERY = 15.0
#: Sockets written in one go before others get their turn.
SLICE = 250
#: A screen that waits for its own region longer than this has lost it.
REGIONS = {
    "phone": ("place", "now"),
    "wall": ("place", "now", "foot"),
    "desk": ("bar", "agenda", "place", "count", "now", "previews", "notes", "people", "dock"),
}

Parts = dict[str, bytes]


class Looker(Protocol):
    """A person at a screen: a connection, or one HTTP call."""

    person: str | None
    token: Callable[[str, str], str] | None
    audience: Audience


class Audience(NamedTuple):
    screen: str
    language: str
    form: str


@dataclass(slots=True)
class Drawn:
    """The shared parts of an audience at a number: html per region, or JSON per key."""

    number: int
    parts: Parts
    at: float
    _full: bytes | None = None

    def full(self, form: str) -> bytes:
        """All parts, ready to stand in a frame: an open JSON string for html, `"key":value` pairs for json."""
        if self._full is None:
            self._full = joined(self.parts, form)
        return self._full


def joined(parts: Parts, form: str) -> bytes:
    if form == "html":
        return to_json("".join(part.decode() for part in parts.values()))
    return b",".join(b'"%s":%s' % (key.encode(), part) for key, part in parts.items())


def partial(region: str, html: str) -> str:
    """One region as htmx swaps it; people's text inside is escaped, so it cannot end the region."""
    return f'<hx-partial hx-target="#{region}" hx-swap="innerMorph">{html}</hx-partial>'


@dataclass(slots=True)
class Address:
    """Where phones reach us; asked for when a wall or desk is drawn, because it may change during the day."""

    shown: str
    join_url: str
    qr: Markup
    #: Name of the network that phones join first; none when the organiser has not said it.
    wifi: str | None = None


@dataclass(slots=True)
class _Dirty:
    shared: bool = False
    own: set[str] = field(default_factory=set)
    who: set[str] = field(default_factory=set)
    everybody: bool = False


class Screens:
    """The screens of one room."""

    def __init__(
        self, room: Room, drawing: Drawing, address: Callable[[str], Address], live: asyncio.Event | None = None
    ) -> None:
        self.room = room
        self.drawing = drawing
        self.address = address
        self.presence = Presence()
        self.connections: dict[Audience, set[Connection]] = {}
        self.by_person: dict[str, set[Connection]] = {}
        self._sent: dict[Audience, Drawn] = {}
        self._latest: dict[Audience, Drawn] = {}
        self._dirty = _Dirty()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._said: dict[tuple[Any, ...], bytes] = {}
        self._people_version = 0
        self._people_drawn: dict[Audience, tuple[Any, str]] = {}
        self._phone_values: dict[Audience, tuple[dict[str, Any], Parts]] = {}
        self._trouble: str | None = None
        self._values_key: tuple[int, Audience] | None = None
        self._values: dict[str, Any] = {}
        self.patches = Patches()
        self._patching: asyncio.TimerHandle | None = None
        self._shared: dict[tuple[str, str, bool], tuple[int, asyncio.Future[tuple[bytes, bytes]]]] = {}
        self._heres: set[Connection] = set()
        self._heres_said: bytes = b""
        room.on_change.append(self.changed)
        room.on_step.append(self._stepped)

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._keep_drawing(), name=f"screens {self.room.line}"),
            asyncio.create_task(self._keep_alive(), name=f"digest {self.room.line}"),
        ]

    async def close(self) -> None:
        if self._patching is not None:
            self._patching.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- who is connected ---------------------------------------------------------------------------------------

    def join(self, connection: Connection) -> None:
        self.connections.setdefault(connection.audience, set()).add(connection)
        if connection.person is not None:
            self.by_person.setdefault(connection.person, set()).add(connection)
            if self.presence.came(connection.person):
                self.people_changed()

    def leave(self, connection: Connection) -> None:
        self.connections.get(connection.audience, set()).discard(connection)
        if not self.connections.get(connection.audience):
            self.connections.pop(connection.audience, None)
            self._sent.pop(connection.audience, None)
            self._latest.pop(connection.audience, None)
        if connection.person is not None:
            mates = self.by_person.get(connection.person)
            if mates is not None and connection in mates:
                mates.discard(connection)
                if not mates:
                    del self.by_person[connection.person]
                if self.presence.went(connection.person, self.room.now()):
                    self.people_changed()

    def move(self, connection: Connection, audience: Audience) -> None:
        """Another language on the same socket."""
        self.connections.get(connection.audience, set()).discard(connection)
        connection.audience = audience
        self.connections.setdefault(audience, set()).add(connection)

    def everyone(self) -> list[Connection]:
        return [connection for some in self.connections.values() for connection in some]

    # -- what changed -------------------------------------------------------------------------------------------

    def changed(self, facts: list[KeptFact], touched: set[str] | None) -> None:
        """Told by the room after each read-on."""
        self._dirty.shared = True
        if touched is None:
            self._dirty.everybody = True
        else:
            self._dirty.own |= touched
        for fact in facts:
            if fact.stage is None:
                self._session_changed(fact)
            elif touched is not None:
                self._also_touched(fact)
        if self.room.trouble != self._trouble:
            self._trouble = self.room.trouble
            self._notice_trouble()
        self._wake.set()
        if self._patched_stage() is None:
            self.patches.told(self.room.number)
        elif not facts or any(fact.kind in ("stage_opened", "people_seated") for fact in facts):
            # Folded anew, opened again, or there are tables more: the board may be another one without a patch for it.
            self.patches.told(self.room.number)
            self._patch_all()
        elif self._patching is None:
            self._patching = asyncio.get_running_loop().call_later(PATCH_EVERY, self._send_patches)

    def _also_touched(self, fact: KeptFact) -> None:
        """Others than the asker whose own part a fact changes, where the activity tells them."""
        room = self.room
        if fact.stage is None or fact.stage != room.folded.session.current or fact.stage == self._patched_stage():
            return
        rules = room.activity_of(room.folded, fact.stage).rules
        if hasattr(rules, "touched"):
            happening = Happening(fact.said or room.parse_fact(fact), fact.at, fact.person, fact.group, fact.number)
            others = rules.touched(room.folded.runs[fact.stage], happening)
            if others is None:
                self._dirty.everybody = True
            else:
                self._dirty.own |= set(others)

    # -- changes one by one -------------------------------------------------------------------------------------

    def _patched_stage(self) -> str | None:
        """The open stage, if its activity tells its changes one by one."""
        session = self.room.folded.session
        if session.current is None or session.plan is None:
            return None
        rules = self.room.activity_of(self.room.folded, session.current).rules
        return session.current if hasattr(rules, "patch") else None

    def _stepped(self, fact: KeptFact) -> None:
        stage = fact.stage
        if stage is None or stage != self._patched_stage() or fact.person in self.room.folded.passed_over:
            return
        rules = self.room.activity_of(self.room.folded, stage).rules
        happening = Happening(fact.said or self.room.parse_fact(fact), fact.at, fact.person, fact.group, fact.number)
        run = self.room.folded.runs[stage]
        for screen in dict.fromkeys(audience.screen for audience in self.connections):
            self.patches.add(screen, fact.number, rules.patch(run, happening, screen))
        touched = rules.touched(run, happening) if hasattr(rules, "touched") else []
        if touched is None or any(voter not in self.room.folded.session.people for voter in touched):
            # Whose token it is nobody here may know, so everybody's own part is looked at.
            self._dirty.everybody = True
        else:
            self._dirty.own.update(touched)

    def _send_patches(self) -> None:
        self._patching = None
        stage, number = self._patched_stage(), self.room.number
        if stage is not None and number > self.patches.sent:
            frames: dict[tuple[str, str], bytes] = {}
            loop = asyncio.get_running_loop()
            for audience, connections in self.connections.items():
                key = (audience.screen, audience.language)
                if key not in frames:
                    entries = self.authored(self.patches.entries(audience.screen, number), audience.screen)
                    frames[key] = self._patch_frame(number, stage, localise(entries, audience.language))
                for some in slices(list(connections)):
                    loop.call_soon(push_all, some, frames[key])
        self.patches.told(number)

    def _patch_frame(self, number: int, stage: str, entries: list[dict[str, Any]]) -> bytes:
        return text_frame(to_json({"t": "patch", "number": number, "stage": stage, "entries": entries}))

    def patch_all(self) -> bytes | None:
        """Tells a screen to fetch the whole view, because patches it should have had are lost; None without a board."""
        stage = self._patched_stage()
        if stage is None:
            return None
        return self._patch_frame(self.room.number, stage, [{"n": self.room.number, "all": True}])

    def _patch_all(self) -> None:
        frame = self.patch_all()
        if frame is not None:
            push_all(self.everyone(), frame)

    async def shared_json(self, screen: str, language: str, columns: bool = False) -> tuple[bytes, bytes]:
        """The shared part of a screen's JSON view, plain and packed; made once for each number, however many ask.

        columns: a board's notes as columns, for phones that load two thousand of them.
        """
        key = (screen, language, columns)
        known = self._shared.get(key)
        if known is None or known[0] != self.room.number:
            view = self.json_view(screen, language)
            view.pop("desk", None)
            inside = view["stage"]["view"] if view["stage"] is not None else {}
            if columns and "notes" in inside and self._patched_stage() is not None:
                view["stage"]["view"] = {**inside, "notes": in_columns(inside["notes"])}
            made = asyncio.ensure_future(asyncio.to_thread(_packed, view))
            known = self._shared[key] = (self.room.number, made)
        return await asyncio.shield(known[1])

    # -- where people are in a stage ----------------------------------------------------------------------------

    def here(self, connection: Connection, frame: dict[str, Any]) -> None:
        """Where somebody is on the open stage; never stored, told to all once a second as counts."""
        place, writing = frame.get("zone"), frame.get("writing")
        if frame.get("stage") != self.room.folded.session.current:
            return
        connection.place = place if isinstance(place, str) and 0 < len(place) <= PLACE else None
        connection.writing = writing if isinstance(writing, str) and 0 < len(writing) <= PLACE else None
        connection.written_at = asyncio.get_running_loop().time()
        self._heres.add(connection)

    def _tell_where(self) -> None:
        """{"zones": {zone: people}, "writing": [what somebody is writing in]}, when it changed."""
        stage, now = self.room.folded.session.current, asyncio.get_running_loop().time()
        zones: dict[str, int] = {}
        writing: dict[str, None] = {}
        for connection in list(self._heres):
            if connection.closed:
                self._heres.discard(connection)
                continue
            if connection.place is not None and connection.audience.screen == "phone":
                zones[connection.place] = zones.get(connection.place, 0) + 1
            if connection.writing is not None and now - connection.written_at < LEASE:
                writing[connection.writing] = None
        if stage is None:
            self._heres.clear()
        said: dict[str, Any] = {"zones": dict(sorted(zones.items())), "writing": sorted(writing)}
        if stage is not None:
            # How much stands where nobody may know when it came: told with presence and not with each note.
            counters = getattr(self.room.activity_of(self.room.folded, stage).rules, "counters", None)
            hidden = counters(self.room.folded.runs[stage]) if counters else {}
            if hidden:
                said["hidden"] = hidden
        frame = text_frame(to_json({"t": "notice", "code": "presence", "stage": stage, **said}))
        if frame != self._heres_said:
            told, self._heres_said = bool(self._heres_said), frame
            if told or zones or writing or "hidden" in said:
                for some in slices(self.everyone()):
                    asyncio.get_running_loop().call_soon(push_all, some, frame)

    def _session_changed(self, fact: KeptFact) -> None:
        said = fact.said
        if fact.kind in (
            "people_removed",
            "person_erased",
            "person_renamed",
            "people_seated",
            "person_joined",
            "language_spoken",
        ):
            self._people_version += 1
        if fact.kind == "people_removed":
            for person in said.people:
                self.cut(person, 4003)
        elif fact.kind == "person_erased" or fact.kind == "badge_replaced":
            self.cut(said.person, 4003)
        elif fact.kind == "person_renamed":
            self._dirty.who.add(said.person)
            self._shared.clear()
            self._patch_all()
        elif fact.kind == "people_seated":
            self._dirty.who |= set(said.people)
        elif fact.kind == "language_spoken" and fact.person is not None:
            for connection in self.by_person.get(fact.person, ()):
                self.move(connection, connection.audience._replace(language=said.language))
                connection.own_sent = b""
                connection.push(self.full_view(connection))
        elif fact.kind == "session_ended":
            self._dirty.everybody = True

    def cut(self, person: str, code: int) -> None:
        for connection in list(self.by_person.get(person, ())):
            connection.end(code)

    def people_changed(self) -> None:
        """Somebody came or went: only the wall and the desk show it."""
        self._people_version += 1
        self._dirty.shared = True
        self._wake.set()

    def drawn_anew(self) -> None:
        """What was drawn is not good any more, though the number is the same: names went without a fact."""
        self._said.clear()
        self._latest.clear()
        self._people_drawn.clear()
        self._phone_values.clear()
        self._shared.clear()
        self._values_key = None
        self.people_changed()
        self.changed([], None)

    def _notice_trouble(self) -> None:
        code = "storage" if self.room.trouble else "storage_again"
        frame = text_frame(to_json({"t": "notice", "code": code, "at": self.room.now()}))
        for audience, connections in self.connections.items():
            if audience.screen == "desk":
                for connection in connections:
                    connection.push(frame)

    # -- drawing ------------------------------------------------------------------------------------------------

    async def _keep_drawing(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            # In a burst receipts go first: everybody waits for theirs, and one drawing shows them all.
            until = loop.time() + BURST
            while self.room.busy and loop.time() < until:
                await asyncio.sleep(BURST / 25)
            started = loop.time()
            try:
                await self._flush()
            except Exception:
                log.exception("a screen could not be drawn", line=self.room.line)
            await asyncio.sleep(max(0.0, started + EVERY - loop.time()))

    async def _keep_alive(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(1.0)
            self._tell_where()
            ticks += 1
            if ticks < DIGEST_EVERY:
                continue
            ticks = 0
            await self._digest()
            if self.presence.forget(self.room.now()):
                self._people_version += 1
            # The desk shows times that move without any fact.
            self._dirty.shared = True
            self._wake.set()

    async def _digest(self) -> None:
        """Says "at number N" to every screen, and what a board must add up to; slice by slice, so that nobody waits."""
        loop = asyncio.get_running_loop()
        stage = self._patched_stage()
        frames: dict[tuple[str, str], bytes] = {}
        for audience in list(self.connections):
            key = (audience.screen, audience.language) if stage is not None else ("", "")
            if key not in frames:
                frame: dict[str, Any] = {"t": "digest", "number": self.room.number}
                shown = self.stage_view(audience.screen, audience.language) if stage is not None else None
                if shown is not None:
                    frame |= {"stage": stage, "hash": await asyncio.to_thread(digest, shown["view"])}
                frames[key] = text_frame(to_json(frame))
            for some in slices(list(self.connections.get(audience, ()))):
                loop.call_soon(push_all, some, frames[key])

    async def _flush(self) -> None:
        dirty, self._dirty = self._dirty, _Dirty()
        self._said.clear()
        if dirty.shared:
            order = {"phone": 0, "wall": 1, "desk": 2}
            for audience in sorted(self.connections, key=lambda one: order[one.screen]):
                try:
                    drawn = self._draw(audience)
                except Exception:
                    # What one screen cannot show must not keep the others from showing theirs.
                    log.exception("a screen could not be drawn", line=self.room.line, screen=audience.screen)
                    continue
                frame = self._difference(audience, drawn)
                self._sent[audience] = self._latest[audience] = drawn
                if frame is None:
                    continue
                for some in slices(list(self.connections.get(audience, ()))):
                    for connection in some:
                        connection.push(frame)
                    await asyncio.sleep(0)
        over = self.room.folded.session.state == "ended"
        for person in dirty.who:
            for connection in self.by_person.get(person, ()):
                self._send_who(connection)
        if dirty.everybody:
            own = [connection for connection in self.everyone() if connection.person is not None]
        else:
            own = [connection for person in dirty.own for connection in self.by_person.get(person, ())]
        for some in slices(own):
            for connection in some:
                try:
                    self._send_own(connection)
                except Exception:
                    log.exception("a person's part could not be drawn", line=self.room.line)
            await asyncio.sleep(0)
        if over:
            for connection in self.everyone():
                if connection.person is not None:
                    connection.end(4010)

    def _difference(self, audience: Audience, drawn: Drawn) -> bytes | None:
        """A frame of the parts that differ from what anybody in this audience was sent.

        Two drawings count: the last one sent to all, and the newer one that somebody who came since was welcomed with.
        """
        known = [before.parts for before in (self._sent.get(audience), self._latest.get(audience)) if before]
        changed = {
            key: part for key, part in drawn.parts.items() if not known or any(one.get(key) != part for one in known)
        }
        if not changed:
            return None
        if audience.form == "json" and "stage" in changed and self._patched_stage() is not None:
            changed["stage"] = self._whole_stage(audience)
        return self._view_frame(drawn.number, joined(changed, audience.form), audience.form)

    def _whole_stage(self, audience: Audience) -> bytes:
        """The stage with all that its shell leaves out, for clients that hold the view itself."""
        key = ("whole", audience, self.room.number)
        found = self._said.get(key)
        if found is None:
            found = self._said[key] = to_json(self.stage_view(audience.screen, audience.language))
        return found

    def _view_frame(self, number: int, content: bytes, form: str) -> bytes:
        if form == "html":
            return text_frame(b'{"t":"view","number":%d,"html":%s}' % (number, content))
        return text_frame(b'{"t":"view","number":%d,%s}' % (number, content))

    def _send_own(self, connection: Connection) -> None:
        own = self.own(connection)
        if not own or own == connection.own_sent:
            return
        connection.own_sent = own
        key = ("frame", own, connection.audience.form)
        frame = self._said.get(key)
        if frame is None:
            frame = self._said[key] = self._view_frame(self.room.number, own, connection.audience.form)
        connection.push(frame)

    def _send_who(self, connection: Connection) -> None:
        """The badge and name at the top of a phone, after a rename or a new seat."""
        if connection.audience.form == "html":
            content = to_json(partial("who", self.who(connection)))
            connection.push(self._view_frame(self.room.number, content, "html"))

    def latest(self, audience: Audience) -> Drawn:
        """The shared parts for somebody who comes now; at most 100 ms old: a wave of returns costs one drawing."""
        now = asyncio.get_running_loop().time()
        drawn = self._latest.get(audience)
        # A board's changes go out by number, so whoever comes must stand at this very number.
        old = EVERY if self._patched_stage() is None else 0.0
        if drawn is None or (drawn.number != self.room.number and now - drawn.at > old):
            drawn = self._latest[audience] = self._draw(audience)
        return drawn

    def content(self, connection: Connection) -> tuple[int, bytes]:
        """The number and the whole view of one screen, shared and own parts, as it stands in `welcome` and `view`."""
        audience = connection.audience
        drawn = self.latest(audience)
        shared = drawn.full(audience.form)
        if audience.form == "json" and self._patched_stage() is not None:
            shared = joined({**drawn.parts, "stage": self._whole_stage(audience)}, "json")
        own = self.own(connection)
        connection.own_sent = own
        if not own:
            return drawn.number, shared
        if audience.form == "html":
            who = to_json(partial("who", self.who(connection)))
            return drawn.number, shared[:-1] + who[1:-1] + own[1:]
        return drawn.number, shared + b"," + own

    def full_view(self, connection: Connection) -> bytes:
        number, content = self.content(connection)
        return self._view_frame(number, content, connection.audience.form)

    def _draw(self, audience: Audience) -> Drawn:
        at = asyncio.get_running_loop().time()
        draw = self._html if audience.form == "html" else self._json
        return Drawn(self.room.number, draw(audience), at)

    # -- the picked views ---------------------------------------------------------------------------------------

    def session_view(self, screen: str, language: str) -> dict[str, Any]:
        """What this screen sees of the session, in one language, presence put in."""
        state = self.room.folded.session
        seen: dict[str, Any] = localise(session_rules.view(state, screen), language)
        if screen == "desk":
            seen["stages"] = localise(session_rules.schedule(state, self.room.now())["stages"], language)
        return seen

    def stage_view(self, screen: str, language: str, stable: bool = False) -> dict[str, Any] | None:
        """The stage as `{"id", "activity", "title", "level", "state", "view"}`; None in the lobby.

        stable: only what does not change with every ask, where the activity tells its changes one by one.
        """
        room = self.room
        state = room.folded.session
        stage = state.plan.stage(state.current) if state.plan and state.current else None
        if stage is None:
            return None
        run = room.folded.runs[stage.id]
        rules = room.activity_of(room.folded, stage.id).rules
        going = "closed" if not state.stage_open else "paused" if state.state == "paused" else "open"
        stable = stable and hasattr(rules, "shell")
        view: dict[str, Any] = rules.shell(run, screen) if stable else rules.view(run, screen)
        if screen != "phone" and not stable:
            view = {**view, "present": self.presence.present(state.people, room.now())}
        view = self.authored(self.named(view, screen), screen)
        assert state.plan is not None
        return {
            "id": stage.id,
            "activity": stage.activity,
            "title": localise(stage.title, language),
            "level": view.get("level", stage.level),
            "state": going,
            "n": [one.id for one in state.plan.stages].index(stage.id) + 1,
            "of": len(state.plan.stages),
            "view": localise(view, language),
        }

    def named(self, view: dict[str, Any], screen: str) -> dict[str, Any]:
        """The view with names on its board of people, if it has one; who they are by id is told to the desk alone.

        A name that a facilitator should see first is left out where everybody looks.
        """
        rows = view.get("board", {}).get("rows")
        if not isinstance(rows, list) or not any("person" in row for row in rows):
            return view
        named = []
        for row in rows:
            name = self.room.names.get(row["person"], "")
            if screen == "desk":
                named.append({**row, "name": name})
            else:
                shown = {key: value for key, value in row.items() if key != "person"}
                named.append({**shown, "name": "" if names.is_flagged(name) else name})
        return {**view, "board": {**view["board"], "rows": named}}

    def authored(self, value: Any, screen: str) -> Any:
        """A board's view or entries with names in place of the persons who wrote, at level named."""
        state = self.room.folded.session
        stage = state.plan.stage(state.current) if state.plan and state.current else None
        if stage is None or stage.level != "named" or self._patched_stage() is None:
            return value
        return self._with_names(value, screen)

    def _with_names(self, value: Any, screen: str) -> Any:
        if isinstance(value, dict) and not isinstance(value, Text):
            made = {key: self._with_names(one, screen) for key, one in value.items()}
            if isinstance(made.get("author"), str):
                name = self.room.names.get(made["author"], "")
                made["author"] = "" if screen != "desk" and names.is_flagged(name) else name
            return made
        return [self._with_names(one, screen) for one in value] if isinstance(value, list | tuple) else value

    def own_view(self, connection: Looker) -> dict[str, Any] | None:
        """What is this person's own in the open stage."""
        room = self.room
        if connection.person is None:
            return None
        me = room.me(connection.person, connection.token)
        state = room.folded.session
        if me is None or state.current is None:
            return {}
        rules = room.activity_of(room.folded, state.current).rules
        mine: dict[str, Any] = localise(rules.mine(room.folded.runs[state.current], me), connection.audience.language)
        return mine

    def json_view(self, screen: str, language: str, own: dict[str, Any] | None = None) -> dict[str, Any]:
        """The whole JSON view, as `GET .../view` gives it."""
        view: dict[str, Any] = {
            "number": self.room.number,
            "session": self.session_view(screen, language),
            "stage": self.stage_view(screen, language),
        }
        if screen == "desk":
            view["desk"] = self.desk_view(language)
        if own is not None:
            view["mine"] = own
        return view

    def desk_view(self, language: str) -> dict[str, Any]:
        """What only the facilitator sees: the day's times, the people by name, what waits."""
        room = self.room
        state = room.folded.session
        now = room.now()
        schedule = session_rules.schedule(state, now)
        stage = state.plan.stage(state.current) if state.plan and state.current else None
        after = session_rules.next_stage(state)
        following = state.plan.stage(after) if state.plan and after else None
        answered = None
        taking, unasked = True, 0
        if stage is not None and state.stage_open:
            counts = getattr(room.activity_of(room.folded, stage.id).rules, "answered", None)
            answered = counts(room.folded.runs[stage.id]) if counts else None
            if answered is not None:
                by_table = answered.get("by_table")
                taking, unasked = answered.get("taking", True), answered.get("unasked", 0)
                answered = {"answered": answered["answered"], "by_group": answered.get("by_group", {})}
                if by_table is not None and (tables := state.tables()):
                    answered["by_table"] = [
                        {"table": label, "answered": by_table.get(label, 0), "of": len(seated)}
                        for label, seated in sorted(tables.items())
                    ]
        present = self.presence.present(state.people, now)
        unfinished = None
        if answered is not None and taking and answered["answered"] * 2 < present:
            unfinished = {"waiting": present - answered["answered"]}
        elif unasked:
            unfinished = {"unasked": unasked}
        view = {
            "stages": schedule["stages"],
            "behind_minutes": schedule["behind_minutes"],
            "planned_end": schedule["planned_end"],
            "expected_end": schedule["expected_end"],
            "notes": stage.notes if stage else "",
            "next": {"id": following.id, "title": following.title} if following else None,
            "back": stage is not None and state.plan is not None and state.plan.stages[0].id != stage.id,
            "unfinished": unfinished,
            "answered": answered,
            "number": room.number,
            "clock_running": state.running_since is not None,
            "missing_words": self.missing_words(),
            "trouble": room.trouble,
        }
        shown: dict[str, Any] = localise(view, language)
        # Names need no language, and a long list no second walk.
        shown["persons"] = self.persons()
        return shown

    def persons(self) -> list[dict[str, Any]]:
        """People by name, for the desk only."""
        state = self.room.folded.session
        return [
            {
                "person": id,
                "name": self.room.names.get(id, ""),
                "group": person.group,
                "table": person.table,
                "here": self.presence.here(id),
                "rehearsal": person.rehearsal,
            }
            for id, person in state.people.items()
        ]

    def missing_words(self) -> list[dict[str, Any]]:
        """How many texts of each stage lack a language of the session; a missing one never blocks."""
        state = self.room.folded.session
        if state.plan is None:
            return []
        missing = []
        for stage in state.plan.stages:
            for language in state.plan.languages:
                count = lacking(state.setup(stage.id), language, state.plan.languages)
                if count:
                    missing.append({"stage": stage.id, "title": stage.title, "language": language, "count": count})
        return missing

    # -- json ---------------------------------------------------------------------------------------------------

    def _json(self, audience: Audience) -> Parts:
        parts = {
            "session": to_json(self.session_view(audience.screen, audience.language)),
            "stage": to_json(self.stage_view(audience.screen, audience.language, stable=True)),
        }
        if audience.screen == "desk":
            parts["desk"] = to_json(self.desk_view(audience.language))
        return parts

    # -- html ---------------------------------------------------------------------------------------------------

    def values(self, screen: str, language: str) -> dict[str, Any]:
        """What every template of this screen may use."""
        state = self.room.folded.session
        address = self.address(self.room.code)
        session = {
            **self.session_view(screen, language),
            "present": self.presence.present(state.people, self.room.now()) if screen != "phone" else 0,
            "by_group": localise(session_rules.counts_by_group(state), language) if screen != "phone" else [],
            "code": self.room.code,
            "code_blocks": codes.in_blocks(self.room.code),
            "address": address.shown,
            "join_url": address.join_url,
            "wifi": address.wifi,
            "rehearsal": any(person.rehearsal for person in state.people.values()) if screen != "phone" else False,
            "locked": state.locked,
            "message": state.message,
            "by_table": session_rules.works_by_table(state),
        }
        if screen == "phone":
            session["people"] = 0
        stage = self.stage_view(screen, language, stable=True)
        view = stage.pop("view") if stage else None
        return {
            "session": session,
            "stage": stage,
            "view": view,
            "place": self.place(language),
            "qr": address.qr,
        }

    def place(self, language: str) -> dict[str, Any] | None:
        """Where we are in the day, the activity by its name in this language."""
        place: dict[str, Any] | None = localise(
            session_rules.place(self.room.folded.session, self.room.now()), language
        )
        if place is not None:
            words = self.drawing.words(place["activity"], language)
            place["activity_name"] = Said(words("name"), words.language)
        return place

    def _html(self, audience: Audience) -> Parts:
        values = self.values(audience.screen, audience.language)
        if audience.screen == "phone":
            # Most facts (an answer to an open question) change nothing that phones share.
            known = self._phone_values.get(audience)
            if known is not None and known[0] == values:
                return known[1]
        if audience.screen == "desk":
            regions = self.desk_regions(audience, values)
            return {region: partial(region, html).encode() for region, html in regions.items()}
        parts = {
            region: partial(region, self.region(audience.screen, region, audience.language, values)).encode()
            for region in REGIONS[audience.screen]
        }
        if audience.screen == "phone":
            self._phone_values[audience] = (values, parts)
        return parts

    def desk_regions(self, audience: Audience, values: dict[str, Any]) -> dict[str, str]:
        """The desk's regions; the list of people only when it changed, because it is long."""
        language = audience.language
        desk = self.desk_view(language)
        stage = values["stage"]
        values = {**values, "desk": desk, "stage_dock": "", "previews": self.previews(language)}
        if stage is not None and stage["state"] != "closed":
            dock = self.drawing.block(f"{stage['activity']}:desk.html", "dock", language, stage["activity"], values)
            values["stage_dock"] = Markup(dock)  # noqa: S704  (drawn by the same autoescaping environment)
        drawn = {}
        for region in REGIONS["desk"]:
            if region == "people":
                version = (
                    self._people_version,
                    values["session"]["state"],
                    values["session"]["locked"],
                    stage and stage["id"],
                )
                known = self._people_drawn.get(audience)
                if known is None or known[0] != version:
                    known = self._people_drawn[audience] = (version, self.region("desk", region, language, values))
                drawn[region] = known[1]
            else:
                drawn[region] = self.region("desk", region, language, values)
        return drawn

    def previews(self, language: str) -> dict[str, Markup]:
        """What wall and phone show now, drawn for the desk: the same html, its ids and names taken out of use."""
        shown = {}
        for screen in ("wall", "phone"):
            values = self.values(screen, language)
            for region in REGIONS[screen]:
                html = inert(self.region(screen, region, language, values))
                shown[f"{screen}_{region}"] = Markup(html)  # noqa: S704  (drawn by the autoescaping environment)
        return shown

    def region(self, screen: str, region: str, language: str, values: dict[str, Any]) -> str:
        """One region: from the open stage's activity where it has it, else from the session's own files."""
        stage = values["stage"]
        state = values["session"]["state"]
        live = stage is not None and stage["state"] == "open" and state == "open"
        if screen == "desk":
            live = stage is not None and stage["state"] != "closed" and state != "ended"
        if live and region == "now" and stage is not None:
            return self.drawing.block(f"{stage['activity']}:{screen}.html", "now", language, stage["activity"], values)
        return self.drawing.block(f"sessions:{screen}.html", region, language, "sessions", values)

    def own(self, connection: Looker) -> bytes:
        """This person's own part, ready to stand in a frame like `Drawn.full`; b"" for wall and desk."""
        own = self.own_view(connection)
        if own is None:
            return b""
        if connection.audience.form == "json":
            return b'"mine":' + to_json(own)
        group, table = self._seat(connection.person)
        return self._own_html(connection.audience, own, group, table)

    def own_regions(self, connection: Looker) -> tuple[str, str]:
        """The html of `#who` and `#mine` of one person, for a whole page."""
        group, table = self._seat(connection.person)
        own = self.own_view(connection) or {}
        return self.who(connection), self._own_block(connection.audience, own, group, table)

    def _seat(self, person: str | None) -> tuple[str | None, str | None]:
        known = self.room.folded.session.people.get(person or "")
        return (known.group, known.table) if known else (None, None)

    def _own_html(self, audience: Audience, own: dict[str, Any], group: str | None, table: str | None) -> bytes:
        # People with the same answer see the same thing, so a room of two thousand costs a handful of drawings.
        # The number too: between two drawings somebody may come in whose part already shows a later state.
        key = ("own", audience, self.room.number, to_json(own), group, table)
        found = self._said.get(key)
        if found is None:
            found = self._said[key] = to_json(partial("mine", self._own_block(audience, own, group, table)))
        return found

    def _own_block(self, audience: Audience, own: dict[str, Any], group: str | None, table: str | None) -> str:
        values = self._shared_values(audience)
        stage = values["stage"]
        live = stage is not None and stage["state"] == "open" and values["session"]["state"] == "open"
        folder = stage["activity"] if live and stage else "sessions"
        more = {"mine": own, "me": {"group": group, "table": table}, "number": self.room.number}
        return self.drawing.block(f"{folder}:phone.html", "mine", audience.language, folder, {**values, **more})

    def _shared_values(self, audience: Audience) -> dict[str, Any]:
        key = (self.room.number, audience)
        if self._values_key != key:
            self._values_key = key
            self._values = self.values(audience.screen, audience.language)
        return self._values

    def who(self, connection: Looker) -> str:
        """The html of `#who`: badge and name of one person."""
        person = connection.person or ""
        group, table = self._seat(person)
        language = connection.audience.language
        groups = localise(session_rules.groups_view(self.room.folded.session), language)
        me = {"name": self.room.names.get(person, ""), "group": group, "table": table}
        return self.drawing.block(
            "sessions:phone.html", "who", language, "sessions", {"me": me, "session": {"groups": groups}}
        )

    def refusal_text(self, refusal: Refusal, stage: str | None, language: str) -> str:
        """The sentence of a refusal, from the words of the folder that refused."""
        folder = "sessions"
        if stage is not None and stage in self.room.folded.runs:
            folder = self.room.activity_of(self.room.folded, stage).name
        key = f"refusal.{refusal.code}"
        for words in (self.drawing.words(folder, language), self.drawing.words("sessions", language)):
            if words.has(key):
                return words(key)
        return refusal.code

    def refusal_frame(self, answer: envelope.Refused, stage: str | None, language: str) -> bytes:
        """The frame of a refusal, with its sentence."""
        refusal = answer.refusal
        frame: dict[str, Any] = {
            "t": "refusal",
            "id": answer.id,
            "code": refusal.code,
            "text": self.refusal_text(refusal, stage, language),
            "again": refusal.again,
        }
        if refusal.details:
            frame["details"] = dict(refusal.details)
        return text_frame(to_json(frame))


_IN_USE = re.compile(r'\s(id|for|name|aria-labelledby|aria-describedby|aria-controls|data-do|data-key)="')


def inert(html: str) -> str:
    """Html whose ids, names and asks are out of use; text is escaped, so a match is always an attribute."""
    return _IN_USE.sub(r' data-was-\1="', html)


def _packed(view: dict[str, Any]) -> tuple[bytes, bytes]:
    plain = to_json(view)
    return plain, gzip.compress(plain, 6, mtime=0)


def push_all(connections: list[Connection], frame: bytes) -> None:
    for connection in connections:
        connection.push(frame)


def slices(connections: list[Connection]) -> Iterable[list[Connection]]:
    for start in range(0, len(connections), SLICE):
        yield connections[start : start + SLICE]


def lacking(value: Any, language: str, languages: list[str]) -> int:
    """How many texts inside a raw setup have other languages of the session but not this one."""
    if isinstance(value, dict):
        if value and all(key in languages for key in value) and all(isinstance(one, str) for one in value.values()):
            return 0 if value.get(language, "").strip() else 1
        return sum(lacking(one, language, languages) for one in value.values())
    if isinstance(value, list):
        return sum(lacking(one, language, languages) for one in value)
    return 0
