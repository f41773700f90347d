"""All that is kept about a person, and how it is erased (promise G17).

What goes: the name, the badge's hash, every text the person typed and every personal field, also where the
facilitator filled it in about them, in the database, its write-ahead log and its backups; the ids of the person's
asks; what the facilitator kept of such a text and nobody else had typed (an accepted spelling, a merged word). What
stays: choices, as counts need them, under a pseudonym that nothing links to anybody any more.

Limits. Answers at level anonymous are found by the badge alone, because at rest nothing links them to a person: an
erasing by the facilitator cannot find them, nor can a badge that came after a lost one find what was given with the
first. A backup folder that is not there (a stick that was pulled out) keeps its old copies; the log says so.

Everybody in a session that is old enough is erased in another way (`old_people`): names, badges, ask ids and personal
fields go; texts stay, because by then nothing says whose they are. Who looks after a peer activity goes from the path
too, as the session handed it over; what organisers wrote on the page of the path is theirs to keep.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from ..activities import Activity
from ..activities.contract import AFact
from ..live.envelope import Refused
from ..live.room import rehearsal_removed
from ..moment import fresh
from ..sessions import badges
from ..sessions.answers import Failed
from ..storage import backup, copies
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
#: Actors of asks that are nobody's: the facilitator, deadlines and the house itself.
NOBODY = ("host", "clock", "server")
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
            if fact.person in own or _is_about(fact, json.loads(fact.body), person)
        ],
    }


def _is_about(fact: KeptFact, body: dict[str, Any], person: str) -> bool:
    """Of the session: renamed, seated, removed. Of a stage: said about this person alone, so that it tells of nobody else."""
    return _names(body, person) if fact.stage is None else body.get("person") == person


def _names(body: dict[str, Any], person: str) -> bool:
    """Whether a fact is about this person."""
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
    async with _erasing(house):
        await _erase_alone(house, live, person, badge)


async def _erase_alone(house: House, live: LiveRoom, person: str, badge: str | None) -> None:
    room = live.room
    facts = await room.journal.after(room.line, 0)
    voters = await asyncio.to_thread(_voters, room, facts, person, badge)
    changes = await asyncio.to_thread(_changes, facts, voters, _kinds(room))
    path = house.paths.of(live)
    in_path: dict[int, str] = {}
    if path is not None:
        handed = await room.journal.after(path.line.line, 0)
        said = await asyncio.to_thread(_said_by, facts, voters, _kinds(room))
        in_path = await asyncio.to_thread(_changes_of_path, handed, voters, said)
    epoch = fresh()
    # Old copies go first: were they last, a crash in between would leave them, and the badge to ask again is gone.
    await asyncio.to_thread(_delete_copies, house, None)
    try:
        elsewhere = (path.line.line, in_path) if path is not None else None
        await house.journal.run(
            lambda connection: _rewrite(connection, room.line, person, voters, changes, epoch, elsewhere)
        )
        house.rooms.epoch = epoch
        if path is not None:
            await path.line.fold()
        await _fold(room)
        room.names.pop(person, None)
        room.badges = {hash: whose for hash, whose in room.badges.items() if whose != person}
        room.receipts = {key: number for key, number in room.receipts.items() if key[0] not in voters}
        live.screens.people_changed()
        live.screens.changed([], None)
        await _empty_log(house)
        of = path.id if path is not None else None
        await asyncio.to_thread(_erase_aside, house, room.code, person, voters, _kinds(room), of)
    finally:
        await _only_a_fresh_copy(house)
    log.info("a person was erased", line=room.line, facts=len(changes))


# Everybody in old sessions


@dataclass(frozen=True, slots=True)
class _Cleared:
    """An old session whose people are erased: who they were, and its number at that moment."""

    line: int
    code: str
    number: int
    people: frozenset[str]


async def old_people(house: House, before: int) -> list[str]:
    """Erases everybody in sessions where nothing happened since `before` (ms UTC); gives the codes of these sessions.

    What they said and chose stays, under pseudonyms that nothing links to anybody any more. Raises what the storage
    raises; the same call then goes on with what is left to do.
    """
    epoch = fresh()
    activities = house.rooms.activities
    async with _erasing(house):
        cleared: list[_Cleared] = await house.journal.run(lambda c: _clear(c, _overdue(c, before), activities, epoch))
        if cleared:
            house.rooms.epoch = epoch
            for one in cleared:
                live = await house.rooms.opened(one.code)
                if live is not None:
                    await _forget_people(live, one)
            codes = {one.code for one in cleared}
            for path in list(house.paths.live.values()):
                if any(peer.session in codes for peer in path.line.folded.peers.followed.values()):
                    await path.line.fold()
            await _empty_log(house)
            await _only_a_fresh_copy(house)
        await asyncio.to_thread(_clear_aside, house, before)
        if cleared:
            await house.journal.run(lambda c: _drop_rows(c, cleared))
    return [one.code for one in cleared]


def _erasing(house: House) -> asyncio.Lock:
    # One at a time: each replaces all backups by its own.
    lock: asyncio.Lock = house.__dict__.setdefault("erasing", asyncio.Lock())
    return lock


async def _only_a_fresh_copy(house: House) -> None:
    made = await backup.make(house.journal, backup.named(house.settings.data / backup.FOLDER))
    await asyncio.to_thread(_delete_copies, house, made)


def _overdue(connection: Any, before: int) -> list[_Cleared]:
    """The sessions that are old enough and still know somebody."""
    rows = connection.execute(
        "SELECT id, code, number FROM line WHERE kind = 'session' AND coalesce(ended_at,"
        " (SELECT at FROM fact WHERE fact.line = line.id ORDER BY fact.number DESC LIMIT 1), made_at) < ?"
        " AND EXISTS (SELECT 1 FROM person WHERE person.line = line.id)",
        (before,),
    ).fetchall()
    return [
        _Cleared(
            line,
            code,
            number,
            frozenset(
                person
                for (person,) in connection.execute("SELECT person FROM person WHERE line = ?", (line,)).fetchall()
            ),
        )
        for line, code, number in rows
    ]


def _clear(
    connection: Any, overdue: list[_Cleared], activities: Mapping[str, Activity], epoch: str | None
) -> list[_Cleared]:
    """Empties names and badges, keeps nobody's ask ids, and writes the file anew.

    The emptied rows stay for now: they are what says that the rest is not done yet, should this be cut short.
    """
    if not overdue:
        return overdue

    def change() -> None:
        for one in overdue:
            for number, body in _personal(connection, one.line, activities):
                connection.execute("UPDATE fact SET body = ? WHERE line = ? AND number = ?", (body, one.line, number))
            for line, number, body in _handed_over(connection, one.code):
                connection.execute("UPDATE fact SET body = ? WHERE line = ? AND number = ?", (body, line, number))
            connection.execute("UPDATE fact SET ask = ? WHERE line = ? AND person IS NOT NULL", (NO_ASK, one.line))
            connection.execute("DELETE FROM ask WHERE line = ? AND actor NOT IN (?, ?, ?)", (one.line, *NOBODY))
            connection.execute("UPDATE person SET name = '', badge = NULL WHERE line = ?", (one.line,))
        _set_epoch(connection, epoch)

    _in_one_step(connection, change)
    _write_anew(connection)
    return overdue


def _personal(connection: Any, line: int, activities: Mapping[str, Activity]) -> list[tuple[int, str]]:
    """New bodies of the facts that are about one person, by number.

    Read off the file and not off a room, because a file put aside has facts of its own.
    """
    from ..live.room import SESSION_FACTS

    kinds: dict[tuple[str | None, str], type[AFact]] = {(None, name): kind for name, kind in SESSION_FACTS.items()}
    kinds |= {(one.name, name): kind for one in activities.values() for name, kind in one.facts.items()}
    kinds = {key: kind for key, kind in kinds.items() if marks.holds(kind, "personal")}
    made = connection.execute(
        "SELECT body FROM fact WHERE line = ? AND stage IS NULL AND kind = 'session_made'", (line,)
    ).fetchall()
    stages = {stage["id"]: stage["activity"] for (body,) in made for stage in json.loads(body)["plan"]["stages"]}
    bodies = []
    for name in {name for _, name in kinds}:
        for number, stage, body in connection.execute(
            "SELECT number, stage, body FROM fact WHERE line = ? AND kind = ?", (line, name)
        ).fetchall():
            kind = kinds.get((stages.get(stage) if stage else None, name))
            if kind is not None:
                bodies.append((number, marks.erased(kind, json.loads(body), "personal")))
    return bodies


def _handed_over(connection: Any, code: str) -> list[tuple[int, int, str]]:
    """(line, number, new body) of the facts by which paths took in peer activities of a session, without their owners."""
    from ..paths.messages import PeerTaken

    rows = connection.execute(
        "SELECT fact.line, fact.number, fact.body FROM fact JOIN line ON line.id = fact.line"
        " WHERE line.kind = 'path' AND fact.kind = ?",
        (PeerTaken.kind,),
    ).fetchall()
    bodies = [(line, number, json.loads(body)) for line, number, body in rows]
    return [
        (line, number, marks.erased(PeerTaken, body, "personal"))
        for line, number, body in bodies
        if body["session"] == code
    ]


def _drop_rows(connection: Any, cleared: list[_Cleared]) -> None:
    """Takes away the emptied rows; whoever came since has a name or a badge."""

    def change() -> None:
        for one in cleared:
            connection.execute("DELETE FROM person WHERE line = ? AND name = '' AND badge IS NULL", (one.line,))

    _in_one_step(connection, change)


def _clear_aside(house: House, before: int) -> None:
    """The same in files that a restore or a migration put aside, each by what it says of its own sessions."""
    for file in _aside(house):
        written = file.stat().st_mtime * 1000
        connection = sqlite3.connect(file, isolation_level=None)
        try:
            overdue = _overdue(connection, before)
            if overdue:
                connection.execute("PRAGMA journal_mode=DELETE").fetchall()
                _drop_rows(connection, _clear(connection, overdue, house.rooms.activities, None))
        except (sqlite3.Error, ValueError, KeyError) as error:
            connection.close()
            # Nobody asked for this today, and a broken file may be somebody's last hope: it gets its days too.
            if written < before:
                _drop(file, error)
            else:
                log.warning("a file put aside cannot be read", file=file.name, why=str(error))
        finally:
            connection.close()


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
    """New bodies by number: the person's own facts emptied, and what others' facts keep of their texts.

    Others' facts are the desk's, and those that say what stood there before (`was`).
    """
    changes: dict[int, str] = {}
    typed: dict[str | None, set[str]] = {}
    others: dict[str | None, set[str]] = {}
    kept: list[tuple[KeptFact, dict[str, Any], set[str]]] = []
    for fact in facts:
        body = json.loads(fact.body)
        texts = marks.texts(kind(fact), body)
        if fact.person in voters:
            typed.setdefault(fact.stage, set()).update(texts)
            emptied = marks.erased(kind(fact), body)
            if emptied != fact.body:
                changes[fact.number] = emptied
            continue
        if marks.holds(kind(fact), "personal") and any(_names(body, voter) for voter in voters):
            # What the facilitator said about the person: where they work, beside whom they shall not sit.
            changes[fact.number] = marks.erased(kind(fact), body, "personal")
            continue
        before = marks.texts(kind(fact), {"was": body["was"]}) if body.get("was") else set()
        if fact.person is not None:
            own = marks.texts(kind(fact), {name: value for name, value in body.items() if name != "was"})
            others.setdefault(fact.stage, set()).update(own)
            texts = before
        if texts:
            kept.append((fact, body, texts))
    for fact, body, texts in kept:
        gone = texts & typed.get(fact.stage, set()) - others.get(fact.stage, set())
        if gone:
            changes[fact.number] = marks.without(kind(fact), body, gone)
    return changes


def _said_by(facts: Sequence[KeptFact], voters: set[str], kind: Kind) -> set[str]:
    """All texts that only this person typed in a session, wherever."""
    own: set[str] = set()
    others: set[str] = set()
    for fact in facts:
        if fact.person is not None:
            body = {name: value for name, value in json.loads(fact.body).items() if name != "was"}
            (own if fact.person in voters else others).update(marks.texts(kind(fact), body))
    return own - others


def _changes_of_path(facts: Sequence[KeptFact], voters: set[str], said: set[str]) -> dict[int, str]:
    """New bodies of a path's facts: what the person said there, and what their session handed over word by word."""
    from ..paths.messages import FACTS

    changes: dict[int, str] = {}
    for fact in facts:
        kind, body = FACTS[fact.kind], json.loads(fact.body)
        if fact.person in voters:
            emptied = marks.erased(kind, body)
        else:
            gone = marks.texts(kind, body) & said
            emptied = marks.without(kind, body, gone) if gone else fact.body
        if emptied != fact.body:
            changes[fact.number] = emptied
    return changes


# In the files


def _rewrite(
    connection: Any,
    line: int,
    person: str,
    voters: set[str],
    changes: dict[int, str],
    epoch: str | None,
    elsewhere: tuple[int, dict[int, str]] | None = None,
) -> None:
    """On the writer's thread: rewrites in place, then writes the whole file anew so that no freed page keeps a byte."""

    def execute(sql: str, values: Sequence[Any] = ()) -> list[Any]:
        return list(connection.execute(sql, tuple(values)).fetchall())

    def change() -> None:
        for number, body in changes.items():
            execute("UPDATE fact SET body = ? WHERE line = ? AND number = ?", (body, line, number))
        lines = [line]
        if elsewhere is not None:
            lines.append(elsewhere[0])
            for number, body in elsewhere[1].items():
                execute("UPDATE fact SET body = ? WHERE line = ? AND number = ?", (body, elsewhere[0], number))
        for voter in voters:
            for of in lines:
                execute("UPDATE fact SET ask = ? WHERE line = ? AND person = ?", (NO_ASK, of, voter))
                execute("DELETE FROM ask WHERE line = ? AND actor = ?", (of, voter))
        execute("DELETE FROM person WHERE line = ? AND person = ?", (line, person))
        if elsewhere:
            # Made anew when the path is folded; until then nothing of the person may stand in them.
            copies.drop(connection, elsewhere[0])
        _set_epoch(connection, epoch)

    _in_one_step(connection, change)
    _write_anew(connection)


def _in_one_step(connection: Any, change: Callable[[], None]) -> None:
    connection.execute("PRAGMA secure_delete=ON").fetchall()
    connection.execute("BEGIN IMMEDIATE")
    try:
        change()
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _set_epoch(connection: Any, epoch: str | None) -> None:
    if epoch is not None:
        connection.execute(
            "INSERT INTO about VALUES ('epoch', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (epoch,)
        )


def _write_anew(connection: Any) -> None:
    try:
        connection.execute("VACUUM").fetchall()
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


def _erase_aside(house: House, code: str, person: str, voters: set[str], kind: Kind, path: str | None = None) -> None:
    """Erases the person from database files that a restore or a migration put aside in the data folder.

    They hold answers that may be wanted back, so they are rewritten like the present file; what cannot be is deleted.
    """
    for file in _aside(house):
        connection = sqlite3.connect(file, isolation_level=None)
        try:
            line, facts = _line_in(connection, code)
            if line is not None:
                changes = _changes(facts, voters, kind)
                dossier, handed = _line_in(connection, path) if path is not None else (None, [])
                elsewhere = None
                if dossier is not None:
                    elsewhere = (dossier, _changes_of_path(handed, voters, _said_by(facts, voters, kind)))
                connection.execute("PRAGMA journal_mode=DELETE").fetchall()
                _rewrite(connection, line, person, voters, changes, None, elsewhere)
        except (sqlite3.Error, ValueError, KeyError) as error:
            connection.close()
            _drop(file, error)
        finally:
            connection.close()


def _line_in(connection: Any, code: str) -> tuple[int | None, list[KeptFact]]:
    """A line of a file put aside, and its facts; (None, []) where that file has none of this code."""
    found = connection.execute("SELECT id FROM line WHERE code = ?", (code,)).fetchall()
    if not found:
        return None, []
    rows = connection.execute(
        'SELECT number, at, stage, kind, person, "group", ask, level, body FROM fact WHERE line = ? ORDER BY number',
        found[0],
    ).fetchall()
    return found[0][0], [KeptFact(*row) for row in rows]


def _aside(house: House) -> list[Path]:
    data = house.settings.data
    return [*data.glob("set-aside-*.db"), *data.glob("*.before-*.db")]


def _drop(file: Path, error: Exception) -> None:
    log.warning("a file put aside could not be rewritten and was deleted", file=file.name, why=str(error))
    for one in (file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
        one.unlink(missing_ok=True)


# In memory


async def _forget_people(live: LiveRoom, cleared: _Cleared) -> None:
    """Takes the people out of an open room; who came in since, and what was asked since, stays."""
    room = live.room
    for person in cleared.people:
        room.names.pop(person, None)
        live.screens.cut(person, 4003)
    room.badges = {hash: whose for hash, whose in room.badges.items() if whose not in cleared.people}
    room.receipts = {
        key: number for key, number in room.receipts.items() if key[0] in NOBODY or number > cleared.number
    }
    await _fold(room)
    live.screens.drawn_anew()


async def _fold(room: Room) -> None:
    """Gives the room the state made anew from the rewritten facts, in one step, so that nobody meets it half made."""
    while True:
        facts = list(await room.journal.after(room.line, 0))
        folded = await asyncio.to_thread(folded_anew, room, facts, rehearsal_removed(facts))
        if facts and facts[-1].number == room.number:
            break
    room.folded = folded
    room.ring.clear()
    room.ring.extend(facts[-(room.ring.maxlen or 0) :])
