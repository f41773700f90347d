"""All that is kept about a person, and how it is erased (promise G17).

What goes: the name, the badge's hash, every text the person typed and every personal field, in the database, its
write-ahead log and its backups; the ids of the person's asks; what the facilitator kept of such a text and nobody else
had typed (an accepted spelling, a merged word). What stays: choices, as counts need them, under a pseudonym that
nothing links to anybody any more.

Limits. Answers at level anonymous are found by the badge alone, because at rest nothing links them to a person: an
erasing by the facilitator cannot find them, nor can a badge that came after a lost one find what was given with the
first. A backup folder that is not there (a stick that was pulled out) keeps its old copies; the log says so.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from ..activities.contract import AFact
from ..live.envelope import Refused
from ..live.room import rehearsal_removed
from ..moment import fresh
from ..sessions import badges
from ..sessions.answers import Failed
from ..storage import backup
from ..storage.journal import KeptFact
from . import marks
from .folding import folded_anew

if TYPE_CHECKING:
    from ..house import House
    from ..live.room import Room
    from ..live.rooms import LiveRoom

log = structlog.get_logger("erase")

MINUTE = 60_000
#: Stands for the id of an erased person's ask.
NO_ASK = "erased"
#: Readers hold the log for milliseconds at a time; an emptying that never succeeds within this many tries is told.
TRIES = 60

Kind = Callable[[KeptFact], type[AFact]]


async def everything_about(house: House, live: LiveRoom, person: str, badge: str) -> dict[str, Any]:
    """All that is kept about the person of a badge, as JSON, anonymous answers included."""
    room = live.room
    facts = await room.journal.after(room.line, 0)
    state = room.folded.session
    known = state.people.get(person)
    own = await asyncio.to_thread(_voters, room, facts, person, badge)
    joined = next((fact for fact in facts if fact.kind == "person_joined" and fact.person == person), None)
    return {
        "session": room.code,
        "person": person,
        "name": room.names.get(person, ""),
        "group": known.group if known else joined.group if joined else None,
        "table": known.table if known else None,
        "language": known.language if known else json.loads(joined.body).get("language") if joined else None,
        "joined_at": joined.at if joined else None,
        "state": "here" if known else state.gone.get(person, "unknown"),
        "badge": "kept as a one-way hash only",
        "facts": [
            {
                "number": fact.number,
                "at": fact.at // MINUTE * MINUTE if fact.level == "anonymous" else fact.at,
                "stage": fact.stage,
                "kind": fact.kind,
                "level": fact.level,
                "group": fact.group,
                "body": json.loads(fact.body),
            }
            for fact in facts
            if fact.person in own or (fact.stage is None and _names(json.loads(fact.body), person))
        ],
    }


def _names(body: dict[str, Any], person: str) -> bool:
    """Whether a fact of the session is about this person: renamed, seated, removed."""
    return body.get("person") == person or person in (body.get("people") or ())


async def person(house: House, live: LiveRoom, person: str, badge: str) -> None:
    """Erases the person of a badge. Raises Failed when the ask itself is refused; after it, goes on to the end."""
    await _erase(house, live, person, badge)


async def person_by_host(house: House, live: LiveRoom, person: str) -> None:
    """Erases a person for the facilitator. Texts given at level anonymous are not found: that needs the badge."""
    await _erase(house, live, person, None)


async def _erase(house: House, live: LiveRoom, person: str, badge: str | None) -> None:
    answer = await live.ask_as_server("erase_person", {"person": person})
    if isinstance(answer, Refused):
        refusal = answer.refusal
        status = 503 if refusal.again else 404 if refusal.code == "unknown_person" else 409
        language = live.languages()[0]
        raise Failed(status, refusal.code, live.screens.refusal_text(refusal, None, language))
    # A caller who goes away must not leave a person half erased.
    await asyncio.shield(asyncio.ensure_future(_erase_kept(house, live, person, badge)))


async def _erase_kept(house: House, live: LiveRoom, person: str, badge: str | None) -> None:
    # One at a time: each replaces all backups by its own.
    lock: asyncio.Lock = house.__dict__.setdefault("erasing", asyncio.Lock())
    async with lock:
        await _erase_alone(house, live, person, badge)


async def _erase_alone(house: House, live: LiveRoom, person: str, badge: str | None) -> None:
    room = live.room
    facts = await room.journal.after(room.line, 0)
    voters = await asyncio.to_thread(_voters, room, facts, person, badge)
    changes = await asyncio.to_thread(_changes, facts, voters, _kinds(room))
    epoch = fresh()
    # Old copies go first: were they last, a crash in between would leave them, and the badge to ask again is gone.
    await asyncio.to_thread(_delete_copies, house, None)
    try:
        await house.journal.run(lambda connection: _rewrite(connection, room.line, person, voters, changes, epoch))
        house.rooms.epoch = epoch
        await _fold(room, person, voters)
        live.screens.people_changed()
        live.screens.changed([], None)
        await _empty_log(house)
        await asyncio.to_thread(_erase_aside, house, room.code, person, voters, _kinds(room))
    finally:
        made = await backup.make(house.journal, backup.named(house.settings.data / backup.FOLDER))
        await asyncio.to_thread(_delete_copies, house, made)
    log.info("a person was erased", line=room.line, facts=len(changes))


# Which facts


def _kinds(room: Room) -> Kind:
    from ..live.room import SESSION_FACTS

    def kind(fact: KeptFact) -> type[AFact]:
        if fact.stage is None:
            return SESSION_FACTS[fact.kind]
        return room.activity_of(room.folded, fact.stage).facts[fact.kind]

    return kind


def _voters(room: Room, facts: Iterable[KeptFact], person: str, badge: str | None) -> set[str]:
    """The person's id and, with the badge, each of their one-way tokens that occurs in the facts.

    The scope of a token is what the activity's `scope` says of the ask that left the fact; that ask is made again from
    the fields that it shares with the fact.
    """
    own = {person}
    if badge is None:
        return own
    tokens: dict[tuple[str, str], str] = {}
    for fact in facts:
        if fact.stage is None or fact.person is None or fact.person in own:
            continue
        activity = room.activity_of(room.folded, fact.stage)
        body = json.loads(fact.body)
        for ask in activity.asks.values():
            if "phone" not in ask.by:
                continue
            again = ask.model_construct(**{name: body[name] for name in ask.model_fields if name in body})
            try:
                scope = activity.rules.scope(room.folded.runs[fact.stage], again)
            except AttributeError:
                # This ask has fields that the fact does not: it did not leave this fact.
                continue
            if scope is None:
                continue
            place = (fact.stage, scope)
            if place not in tokens:
                tokens[place] = badges.token(badge, str(room.line), *place)
            if tokens[place] == fact.person:
                own.add(fact.person)
    return own


def _changes(facts: Sequence[KeptFact], voters: set[str], kind: Kind) -> dict[int, str]:
    """New bodies by number: the person's own facts emptied, and what the desk kept of their texts."""
    changes: dict[int, str] = {}
    typed: dict[str | None, set[str]] = {}
    others: dict[str | None, set[str]] = {}
    desk: list[tuple[KeptFact, dict[str, Any], set[str]]] = []
    for fact in facts:
        body = json.loads(fact.body)
        texts = marks.texts(kind(fact), body)
        if fact.person in voters:
            typed.setdefault(fact.stage, set()).update(texts)
            emptied = marks.erased(kind(fact), body)
            if emptied != fact.body:
                changes[fact.number] = emptied
        elif fact.person is not None:
            others.setdefault(fact.stage, set()).update(texts)
        elif texts:
            desk.append((fact, body, texts))
    for fact, body, texts in desk:
        gone = texts & typed.get(fact.stage, set()) - others.get(fact.stage, set())
        if gone:
            changes[fact.number] = marks.without(kind(fact), body, gone)
    return changes


# In the files


def _rewrite(
    connection: Any, line: int, person: str, voters: set[str], changes: dict[int, str], epoch: str | None
) -> None:
    """On the writer's thread: rewrites in place, then writes the whole file anew so that no freed page keeps a byte."""

    def execute(sql: str, values: Sequence[Any] = ()) -> list[Any]:
        return list(connection.execute(sql, tuple(values)).fetchall())

    execute("PRAGMA secure_delete=ON")
    execute("BEGIN IMMEDIATE")
    try:
        for number, body in changes.items():
            execute("UPDATE fact SET body = ? WHERE line = ? AND number = ?", (body, line, number))
        for voter in voters:
            execute("UPDATE fact SET ask = ? WHERE line = ? AND person = ?", (NO_ASK, line, voter))
            execute("DELETE FROM ask WHERE line = ? AND actor = ?", (line, voter))
        execute("DELETE FROM person WHERE line = ? AND person = ?", (line, person))
        if epoch is not None:
            execute(
                "INSERT INTO about VALUES ('epoch', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (epoch,)
            )
        execute("COMMIT")
    except BaseException:
        execute("ROLLBACK")
        raise
    try:
        execute("VACUUM")
    except Exception as error:
        # Freed pages are overwritten already (secure_delete); a full disk must not stop what follows.
        log.warning("the file could not be written anew", why=str(error))


async def _empty_log(house: House) -> None:
    """Moves everything from the write-ahead log into the file and cuts the log to nothing."""
    for _ in range(TRIES):
        rows = await house.journal.run(lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        if not rows or rows[0][0] == 0:
            return
        await asyncio.sleep(0.5)
    log.error("the write-ahead log could not be emptied; stop Officina to have it emptied")


def _delete_copies(house: House, but: Path | None) -> None:
    """Deletes all backups but one, here and on the second place, which then gets that one."""
    _delete_backups(house.settings.data / backup.FOLDER, but)
    second = house.settings.backup_to
    if second is None:
        return
    try:
        if not second.is_dir():
            raise FileNotFoundError(f"{second} is not there")
        _delete_backups(second, None)
        if but is not None:
            shutil.copy2(but, second / but.name)
    except OSError as error:
        log.warning("old copies may stay in the second backup folder", why=str(error))


def _delete_backups(folder: Path, but: Path | None) -> None:
    for one in [*folder.glob("officina-*.db"), *folder.glob("officina-*.db.part")]:
        if one != but:
            one.unlink(missing_ok=True)


def _erase_aside(house: House, code: str, person: str, voters: set[str], kind: Kind) -> None:
    """Erases the person from database files that a restore or a migration put aside in the data folder.

    They hold answers that may be wanted back, so they are rewritten like the present file; what cannot be is deleted.
    """
    data = house.settings.data
    for file in [*data.glob("set-aside-*.db"), *data.glob("*.before-*.db")]:
        connection = sqlite3.connect(file, isolation_level=None)
        try:
            rows = connection.execute("SELECT id FROM line WHERE code = ?", (code,)).fetchall()
            if rows:
                line = rows[0][0]
                facts = connection.execute(
                    'SELECT number, at, stage, kind, person, "group", ask, level, body FROM fact'
                    " WHERE line = ? ORDER BY number",
                    (line,),
                ).fetchall()
                changes = _changes([KeptFact(*row) for row in facts], voters, kind)
                connection.execute("PRAGMA journal_mode=DELETE").fetchall()
                _rewrite(connection, line, person, voters, changes, None)
        except (sqlite3.Error, ValueError, KeyError) as error:
            log.warning("a file put aside could not be rewritten and was deleted", file=file.name, why=str(error))
            connection.close()
            for one in (file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
                one.unlink(missing_ok=True)
        finally:
            connection.close()


# In memory


async def _fold(room: Room, person: str, voters: set[str]) -> None:
    """Gives the room the state made anew from the rewritten facts, in one step, so that nobody meets it half made."""
    while True:
        facts = list(await room.journal.after(room.line, 0))
        folded = await asyncio.to_thread(folded_anew, room, facts, rehearsal_removed(facts))
        if facts and facts[-1].number == room.number:
            break
    room.folded = folded
    room.ring.clear()
    room.ring.extend(facts[-(room.ring.maxlen or 0) :])
    room.names.pop(person, None)
    room.badges = {hash: whose for hash, whose in room.badges.items() if whose != person}
    room.receipts = {key: number for key, number in room.receipts.items() if key[0] not in voters}
