"""What every storage of the line keeps to, whichever it is: one suite over a factory for each (promises G1, G2).

Another storage joins by one more entry in STORAGES: a class with `open`, `line`, `disturb`, `schema` as `OnSqlite` has.
"""

from __future__ import annotations

import ast
import asyncio
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from server.storage import migrations, schema
from server.storage.copies import COLUMNS
from server.storage.journal import (
    Behind,
    Busy,
    Committed,
    Copy,
    Entry,
    Found,
    Journal,
    KeptFact,
    NewFact,
    Outcome,
    PersonRow,
    Poison,
    Trouble,
)
from server.storage.sqlite import INBOX, SecondProcess, SqliteJournal, connect

PROJECT = Path(__file__).resolve().parents[1]


class OnSqlite:
    """One file in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "officina.db"
        self.opened: list[SqliteJournal] = []

    async def open(self, connect: Callable[[Path], Any] = connect) -> SqliteJournal:
        journal = await SqliteJournal.open(self.path, connect)
        self.opened.append(journal)
        return journal

    async def rows(self, table: str, line: int) -> list[tuple[Any, ...]]:
        """Idea, place and uid of the rows of a table of copies."""
        sql = f"SELECT idea, place, uid FROM {table} WHERE line = ? ORDER BY idea, place"
        return await self.opened[-1].read(sql, (line,))

    async def close(self) -> None:
        for journal in self.opened:
            if journal.writer.is_alive():
                await journal.close()


STORAGES = {"sqlite": OnSqlite}


@pytest.fixture(params=sorted(STORAGES))
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    made = STORAGES[request.param](tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def journal(storage: Any) -> Journal:
    opened: Journal = await storage.open()
    return opened


def said(what: str, person: str | None = "ada", **more: Any) -> NewFact:
    given = {"at": 1_000, "stage": "poll", "kind": "answered", "group": None, "level": "pseudonym", **more}
    return NewFact(person=person, body=f'{{"what":"{what}"}}', **given)


def entry(ask: str, facts: int = 1, actor: str = "ada", **more: Any) -> Entry:
    return Entry(actor, ask, [said(f"{ask} {n}", actor) for n in range(facts)], **more)


async def line_of(journal: Journal, code: str = "abcdef") -> int:
    return (await journal.new_line("session", code, 1)).id


def asking(journal: Journal, line: int, expected: int, *entries: Entry) -> asyncio.Future[Outcome]:
    future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    journal.append(line, expected, entries, future.set_result)
    return future


async def kept(journal: Journal, line: int, expected: int, *entries: Entry) -> Committed:
    outcome = await asyncio.wait_for(asking(journal, line, expected, *entries), 5)
    assert isinstance(outcome, Committed), outcome
    return outcome


# Numbers


async def test_numbers_of_a_line_are_gap_free_whatever_an_ask_leaves(journal):
    line = await line_of(journal)
    outcome = await kept(journal, line, 0, entry("one"), entry("three", 3), entry("none", 0), entry("last"))
    assert outcome.numbers == [1, 4, 4, 5]
    assert [fact.number for fact in outcome.facts] == [1, 2, 3, 4, 5]
    await kept(journal, line, 5, entry("more", 2))
    assert [fact.number for fact in await journal.after(line, 0)] == [1, 2, 3, 4, 5, 6, 7]


async def test_an_ask_without_facts_gets_the_number_where_the_line_stands(journal):
    line = await line_of(journal)
    await kept(journal, line, 0, entry("one", 2))
    assert (await kept(journal, line, 2, entry("nothing", 0))).numbers == [2]
    assert (await journal.receipts(line))["ada", "nothing"] == 2


async def test_each_line_counts_for_itself(journal):
    first, second = await line_of(journal), await line_of(journal, "bcdefg")
    await kept(journal, first, 0, entry("one", 3))
    assert (await kept(journal, second, 0, entry("one"))).numbers == [1]
    assert [row.number for row in await journal.lines() if row.id == first] == [3]


async def test_a_batch_of_many_more_rows_than_one_statement_holds_keeps_its_order(journal):
    line = await line_of(journal)
    outcome = await kept(journal, line, 0, *(entry(f"ask {n}") for n in range(256)))
    assert outcome.numbers == list(range(1, 257))
    assert [fact.ask for fact in await journal.after(line, 0)] == [f"ask {n}" for n in range(256)]


async def test_what_is_read_back_is_what_was_written(journal):
    line = await line_of(journal)
    fact = NewFact(1_700_000_000_123, None, "joined", None, "civil_servants", "anonymous", '{"è":"—\\u0000"}', object())
    outcome = await kept(journal, line, 0, Entry("host", "an id", [fact]))
    assert outcome.facts[0].said is fact.said
    [read] = await journal.after(line, 0)
    assert read == KeptFact(
        1, 1_700_000_000_123, None, "joined", None, "civil_servants", "an id", "anonymous", '{"è":"—\\u0000"}'
    )


async def test_after_a_number_come_the_facts_behind_it_in_order(journal):
    line = await line_of(journal)
    await kept(journal, line, 0, *(entry(f"ask {n}") for n in range(9)))
    assert [fact.number for fact in await journal.after(line, 6)] == [7, 8, 9]
    assert await journal.after(line, 9) == []
    assert await journal.after(line + 1, 0) == []


# Exactly once


@pytest.mark.promise("G2")
async def test_G2_an_ask_that_is_kept_already_writes_nothing_and_names_its_old_receipt(journal):
    line = await line_of(journal)
    await kept(journal, line, 0, entry("first"), entry("second"))
    outcome = await asking(journal, line, 2, entry("new"), entry("first", 3))
    assert outcome == Behind({("ada", "first"): 1})
    assert len(await journal.after(line, 0)) == 2
    assert ("ada", "new") not in await journal.receipts(line)


@pytest.mark.promise("G2")
async def test_G2_a_repeated_ask_that_left_no_fact_is_known_as_well(journal):
    line = await line_of(journal)
    await kept(journal, line, 0, entry("fact"), entry("nothing", 0))
    assert await asking(journal, line, 1, entry("nothing")) == Behind({("ada", "nothing"): 1})


@pytest.mark.promise("G2")
async def test_G2_the_same_id_from_somebody_else_is_another_ask(journal):
    line = await line_of(journal)
    outcome = await kept(journal, line, 0, entry("same"), entry("same", actor="host"), entry("same", actor="clock"))
    assert outcome.numbers == [1, 2, 3]


async def test_who_decided_at_an_old_number_is_told_to_read_on(journal):
    line = await line_of(journal)
    await kept(journal, line, 0, entry("winner"))
    assert await asking(journal, line, 0, entry("loser")) == Behind({})
    assert await asking(journal, line, 7, entry("from the future")) == Behind({})
    assert [fact.ask for fact in await journal.after(line, 0)] == ["winner"]


async def test_who_lost_the_race_with_an_ask_that_is_kept_hears_both(journal):
    line = await line_of(journal)
    await kept(journal, line, 0, entry("mine"), entry("another"))
    assert await asking(journal, line, 0, entry("mine")) == Behind({("ada", "mine"): 1})


async def test_a_line_nobody_opened_takes_nothing(journal):
    assert await asking(journal, 999, 0, entry("lost")) == Behind({})


# One batch and its neighbours


async def test_a_batch_that_cannot_be_kept_does_not_stop_another_lines_batch(storage):
    held = threading.Event()
    journal = await storage.open()
    sound, sick = await line_of(journal), await line_of(journal, "bcdefg")
    # All three wait until the writer is free, so that they share one transaction.
    busy = asyncio.ensure_future(journal.run(lambda connection: held.wait(5)))
    await asyncio.sleep(0)
    before = asking(journal, sound, 0, entry("before"))
    lacking = Entry("ada", "odd", [said("odd", level=None)])
    poison = asking(journal, sick, 0, entry("fine", people=[PersonRow("ada", "Ada", "badge")]), lacking)
    after = asking(journal, sound, 1, entry("after"))
    held.set()
    await busy
    outcomes = await asyncio.gather(before, poison, after)
    assert [type(one) for one in outcomes] == [Committed, Poison, Committed]
    assert await journal.after(sick, 0) == []
    assert await journal.receipts(sick) == {}
    assert await journal.people(sick) == []
    assert (await kept(journal, sick, 0, entry("fine"))).numbers == [1]


def entry_with(value: Any) -> Entry:
    return Entry("ada", "odd", [said("odd", at=value)])


@pytest.mark.parametrize("odd", [1 << 70, "\ud800", object()], ids=["a huge number", "half a sign", "no value at all"])
async def test_a_value_that_no_row_takes_is_poison_and_not_trouble(journal, odd):
    line = await line_of(journal)
    outcome = await asking(journal, line, 0, entry_with(odd))
    assert isinstance(outcome, Poison) and outcome.why
    assert (await kept(journal, line, 0, entry("next"))).numbers == [1]


async def test_batches_are_told_in_the_order_in_which_they_came(journal):
    lines = [await line_of(journal, f"code{n}") for n in range(8)]
    told: list[int] = []
    all_told = asyncio.Event()

    def tell(line: int) -> Callable[[Outcome], None]:
        def done(outcome: Outcome) -> None:
            assert isinstance(outcome, Committed)
            told.append(line)
            if len(told) == 24:
                all_told.set()

        return done

    asked = [(line, round) for round in range(3) for line in lines]
    for line, round in asked:
        journal.append(line, round, [entry(f"ask {round}")], tell(line))
    await asyncio.wait_for(all_told.wait(), 5)
    assert told == [line for line, _ in asked]


async def test_each_batch_is_told_exactly_once_and_on_the_loops_own_thread(journal):
    line = await line_of(journal)
    calls: list[tuple[str, int]] = []

    def tell(name: str) -> Callable[[Outcome], None]:
        return lambda outcome: calls.append((name, threading.get_ident()))

    journal.append(line, 0, [entry("kept")], tell("kept"))
    journal.append(line, 0, [entry("behind")], tell("behind"))
    journal.append(line, 1, [entry_with(object())], tell("poison"))
    await kept(journal, line, 1, entry("last"))
    await asyncio.sleep(0.05)
    assert calls == [(name, threading.get_ident()) for name in ("kept", "behind", "poison")]


async def test_somebody_who_went_away_does_not_keep_the_others_from_hearing(journal):
    first, second = await line_of(journal), await line_of(journal, "bcdefg")
    gone, waits = asking(journal, first, 0, entry("a")), asking(journal, second, 0, entry("b"))
    gone.cancel()
    assert isinstance(await asyncio.wait_for(waits, 5), Committed)
    assert (await kept(journal, first, 1, entry("c"))).numbers == [2], "the ask goes on when the asker is gone"


async def test_when_too_much_waits_the_asker_is_told_at_once(journal):
    line = await line_of(journal)
    go_on = threading.Event()
    busy = asyncio.ensure_future(journal.run(lambda connection: go_on.wait(10)))
    await asyncio.sleep(0)
    futures = [asking(journal, line, n, entry(f"ask {n}")) for n in range(INBOX)]
    with pytest.raises(Busy):
        asking(journal, line, INBOX, entry("one too many"))
    go_on.set()
    await busy
    outcomes = await asyncio.gather(*futures)
    assert [one.numbers for one in outcomes] == [[n + 1] for n in range(INBOX)]
    await kept(journal, line, INBOX, entry("there is room again"))


async def test_a_reader_sees_what_is_committed_and_nothing_on_its_way(storage):
    journal = await storage.open()
    line = await line_of(journal)
    half, go_on = threading.Event(), threading.Event()

    def hold(connection: Any) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE line SET number = 99")
        half.set()
        go_on.wait(5)
        connection.execute("ROLLBACK")

    held = asyncio.ensure_future(journal.run(hold))
    await asyncio.to_thread(half.wait, 5)
    assert [row.number for row in await journal.lines() if row.id == line] == [0]
    go_on.set()
    await held


# People and lines


async def test_a_name_stays_when_only_the_badge_changes_and_the_badge_is_replaced(journal):
    line = await line_of(journal)
    await kept(journal, line, 0, entry("join", people=[PersonRow("ada", "Ada", "old", True)]))
    await kept(journal, line, 1, entry("new badge", people=[PersonRow("ada", None, "new")]))
    assert await journal.people(line) == [PersonRow("ada", "Ada", "new", True)]
    await kept(journal, line, 2, entry("new name", people=[PersonRow("ada", "Ada B.")]))
    assert await journal.people(line) == [PersonRow("ada", "Ada B.", "new", True)]


async def test_a_badge_belongs_to_one_person(journal):
    line = await line_of(journal)
    await kept(journal, line, 0, entry("join", people=[PersonRow("ada", "Ada", "badge")]))
    outcome = await asking(journal, line, 1, entry("steal", actor="bruno", people=[PersonRow("bruno", "B", "badge")]))
    assert isinstance(outcome, Poison)
    assert await journal.people(line) == [PersonRow("ada", "Ada", "badge")]


async def test_receipts_hold_every_accepted_ask_of_the_line(journal):
    line, other = await line_of(journal), await line_of(journal, "bcdefg")
    await kept(journal, line, 0, entry("a"), entry("b", 0), entry("c", 2, actor="host"))
    await kept(journal, other, 0, entry("elsewhere"))
    assert await journal.receipts(line) == {("ada", "a"): 1, ("ada", "b"): 1, ("host", "c"): 3}


async def test_a_code_is_given_once(journal):
    await line_of(journal)
    with pytest.raises(ValueError, match="taken"):
        await line_of(journal)
    assert len(await journal.lines()) == 1


async def test_lines_come_newest_first_and_know_when_they_ended(journal):
    for made_at, code in ((10, "older"), (20, "newer")):
        await journal.new_line("session", code, made_at)
    newer = (await journal.lines())[0]
    await kept(journal, newer.id, 0, Entry("host", "end", [said("end", None, kind="session_ended", at=77)]))
    assert [(row.code, row.ended_at) for row in await journal.lines()] == [("newer", 77), ("older", None)]


# Copies that are written with the facts


def idea(id: str = "idea", state: str = "draft", at: int = 1, words: str = "orti in citta", **more: Any) -> Copy:
    row = {"state": state, "version": 0, "domain": "[]", "form": "card", "missing": 0, "confidentiality": "path"}
    return Copy("idea", id, [{**row, "updated_at": at, "sought": words, **more}])


def owing(ask: str, *copies: Copy) -> Entry:
    return entry(ask, copies=copies)


async def test_copies_are_there_with_the_facts_and_each_takes_the_place_of_the_one_before(journal):
    line = await line_of(journal)
    await kept(journal, line, 0, owing("one", idea("a"), idea("b")))
    assert await journal.find_ideas(line) == Found(2, ["a", "b"])
    await kept(journal, line, 1, owing("two", idea("b", "review", at=2, words="parco")))
    assert await journal.find_ideas(line) == Found(2, ["b", "a"])
    assert await journal.find_ideas(line, state="review") == Found(1, ["b"])
    assert await journal.find_ideas(line, "orti") == Found(1, ["a"])
    await kept(journal, line, 2, owing("three", Copy("idea", "a", [])))
    assert await journal.find_ideas(line) == Found(1, ["b"]) and await journal.copied(line) == 1


async def test_the_last_copy_of_a_batch_stands(journal):
    line = await line_of(journal)
    await kept(journal, line, 0, owing("one", idea(words="prima")), owing("two", idea(words="dopo")), entry("three"))
    assert (await journal.find_ideas(line, "prima")).total == 0
    assert await journal.find_ideas(line, "dopo") == Found(1, ["idea"])


async def test_each_line_has_copies_of_its_own(journal):
    first, second = await line_of(journal), await line_of(journal, "bcdefg")
    await kept(journal, first, 0, owing("one", idea(words="prima")))
    await kept(journal, second, 0, owing("one", idea(words="dopo")))
    assert (await journal.find_ideas(first, "dopo")).total == 0
    assert (await journal.find_ideas(second, "dopo")).total == 1
    assert await journal.copy_anew(second, 1, [])
    assert (await journal.copied(first), await journal.copied(second)) == (1, 0)


async def test_copies_of_a_batch_that_comes_too_late_or_again_are_not_written(journal):
    line = await line_of(journal)
    await kept(journal, line, 0, owing("one", idea(words="prima")))
    assert await asking(journal, line, 0, owing("late", idea(words="dopo"))) == Behind({})
    assert await asking(journal, line, 1, owing("one", idea(words="dopo"))) == Behind({("ada", "one"): 1})
    assert (await journal.find_ideas(line, "dopo")).total == 0


ODD = {
    "a value that is lacking": idea(state=None),  # type: ignore[arg-type]
    "no value at all": idea(words=object()),  # type: ignore[arg-type]
    "a table that there is not": Copy("line", "idea", [{"number": 7}]),  # type: ignore[arg-type]
    "a column that there is not": idea(colour="red"),
}


@pytest.mark.parametrize("odd", ODD)
async def test_a_copy_that_no_table_takes_keeps_its_facts_out_and_nobody_elses(journal, odd):
    line, other = await line_of(journal), await line_of(journal, "bcdefg")
    poison = asking(journal, line, 0, owing("fine", idea("a")), owing("odd", ODD[odd]))
    sound = asking(journal, other, 0, owing("fine", idea("a")))
    outcome = await poison
    assert isinstance(outcome, Poison) and outcome.why
    assert isinstance(await sound, Committed)
    assert await journal.after(line, 0) == [] and await journal.receipts(line) == {}
    assert (await journal.copied(line), await journal.copied(other)) == (0, 1)
    assert (await kept(journal, line, 0, owing("next", idea("a")))).numbers == [1]


async def test_copies_made_anew_take_the_place_of_all_that_the_line_has(journal):
    line = await line_of(journal)
    step = Copy("idea_step", "gone", [{"place": 0, "uid": "s"}])
    await kept(journal, line, 0, owing("one", idea("gone"), idea("stays"), step))
    assert not await journal.copy_anew(line, 0, [])
    assert not await journal.copy_anew(line + 1, 1, [])
    assert await journal.copied(line) == 2
    assert await journal.copy_anew(line, 1, [idea("stays"), idea("new", at=2)])
    assert await journal.find_ideas(line) == Found(2, ["new", "stays"])
    assert (await kept(journal, line, 1, owing("two", idea("gone", at=3)))).numbers == [2], "numbers are as they were"


async def test_copies_made_anew_are_written_whole_or_not_at_all(journal):
    line = await line_of(journal)
    await kept(journal, line, 0, owing("one", idea("a"), idea("b")))
    for odd in ODD.values():
        with pytest.raises(Exception, match=r"."):
            await journal.copy_anew(line, 1, [idea("c"), odd])
        assert await journal.find_ideas(line) == Found(2, ["a", "b"])
    assert (await kept(journal, line, 1, entry("the line goes on"))).numbers == [2]


async def test_more_rows_than_one_statement_holds_are_all_there(storage):
    journal = await storage.open()
    line = await line_of(journal)
    many = [{"place": place, "uid": f"s{place}"} for place in range(150)]
    await kept(journal, line, 0, owing("one", Copy("idea_step", "idea", many)))
    assert await storage.rows("idea_step", line) == [("idea", place, f"s{place}") for place in range(150)]


# Opening and closing


@pytest.mark.promise("G1")
async def test_G1_everything_is_there_after_closing_and_opening_again(storage):
    journal = await storage.open()
    line = await line_of(journal)
    await kept(journal, line, 0, entry("a", 2, people=[PersonRow("ada", "Ada", "badge")]))
    before = await journal.after(line, 0)
    await journal.close()
    again = await storage.open()
    assert await again.after(line, 0) == before
    assert await again.receipts(line) == {("ada", "a"): 2}
    assert await again.people(line) == [PersonRow("ada", "Ada", "badge")]
    assert (await kept(again, line, 2, entry("b"))).numbers == [3]


async def test_what_waits_at_the_closing_is_still_written_and_told(storage):
    journal = await storage.open()
    line = await line_of(journal)
    waiting = [asking(journal, line, n, entry(f"ask {n}")) for n in range(50)]
    await journal.close()
    assert [one.numbers for one in await asyncio.gather(*waiting)] == [[n + 1] for n in range(50)]


async def test_who_comes_after_the_closing_is_told_and_does_not_wait_for_ever(storage):
    journal = await storage.open()
    line = await line_of(journal)
    closing = asyncio.ensure_future(journal.close())
    await asyncio.sleep(0)
    assert isinstance(await asyncio.wait_for(asking(journal, line, 0, entry("late")), 5), Trouble)
    await closing
    with pytest.raises(RuntimeError, match="closed"):
        await asyncio.wait_for(journal.run(lambda connection: None), 5)
    assert isinstance(await asyncio.wait_for(asking(journal, line, 0, entry("later")), 5), Trouble)


OPEN_IT = """
import asyncio, sys
from pathlib import Path
from server.storage.sqlite import SecondProcess, SqliteJournal
try:
    asyncio.run(SqliteJournal.open(Path(sys.argv[1])))
except SecondProcess as refusal:
    print(refusal)
    sys.exit(3)
"""


def second_process(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", OPEN_IT, str(path)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=30, check=False)


async def test_a_second_process_is_refused_with_a_sentence_that_names_the_file(tmp_path):
    path = tmp_path / "officina.db"
    journal = await SqliteJournal.open(path)
    refused = await asyncio.to_thread(second_process, path)
    assert refused.returncode == 3, refused.stderr
    assert str(path) in refused.stdout and "already runs" in refused.stdout
    line = await line_of(journal)
    await kept(journal, line, 0, entry("the first one goes on"))
    await journal.close()
    assert (await asyncio.to_thread(second_process, path)).returncode == 0


async def test_a_file_that_is_no_database_is_not_touched(tmp_path):
    path = tmp_path / "officina.db"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2_000))
    with pytest.raises(sqlite3.DatabaseError):
        await SqliteJournal.open(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    path.unlink()
    await (await SqliteJournal.open(path)).close()


# The schema


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return ScriptDirectory.from_config(config)


def test_the_newest_revision_is_the_one_the_code_names():
    assert scripts().get_heads() == [migrations.HEAD]


def test_the_migrations_make_exactly_the_tables_of_the_schema(tmp_path):
    path = tmp_path / "officina.db"
    migrations.run_scripts(path)
    assert schema.Line.__tablename__ in SQLModel.metadata.tables
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
        assert found == [], "write a migration, or bring the schema in line"
        for name, made in SQLModel.metadata.tables.items():
            sql = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).scalar_one()
            without_rowid = not made.dialect_options["sqlite"]["with_rowid"]
            assert ("WITHOUT ROWID" in sql) == without_rowid, name
    engine.dispose()


def test_a_new_file_has_the_schema_that_the_migrations_lead_to(tmp_path):
    made = []
    for name, make in (("new.db", migrations.bring_up), ("migrated.db", migrations.run_scripts)):
        make(tmp_path / name)
        with closing(connect(tmp_path / name)) as connection:
            rows = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
            made.append([(kind, name, " ".join((sql or "").split())) for kind, name, sql in rows])
        assert migrations.revision_of(tmp_path / name) == migrations.HEAD
    assert made[0] == made[1], "write the new schema into new.sql too"


def test_the_columns_of_copies_are_those_of_the_schema():
    for name, columns in COLUMNS.items():
        assert [column.name for column in SQLModel.metadata.tables[name].columns] == ["line", "idea", *columns]
    copies = [name for name, made in SQLModel.metadata.tables.items() if "idea" in made.columns]
    assert sorted(copies) == sorted(COLUMNS)


def test_every_table_that_names_a_line_belongs_to_one(tmp_path):
    path = tmp_path / "officina.db"
    migrations.bring_up(path)
    with closing(connect(path)) as connection:
        for name in ("fact", "ask", "person", *COLUMNS):
            assert [row[2] for row in connection.execute(f"PRAGMA foreign_key_list({name})")] == ["line"]


async def test_a_file_of_a_newer_officina_is_refused_and_not_touched(tmp_path):
    path = tmp_path / "officina.db"
    migrations.bring_up(path)
    with closing(connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="newer Officina"):
        await SqliteJournal.open(path)
    assert path.read_bytes() == before


def test_a_kill_in_the_middle_of_the_first_migration_leaves_a_file_that_opens(tmp_path, monkeypatch):
    path = tmp_path / "officina.db"
    script = Path(migrations.__file__).parent / "versions" / "0001_the_line.py"
    tables = [ast.literal_eval(node.args[0]) for node in ast.walk(ast.parse(script.read_text("utf-8")))
              if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "create_table"]  # fmt: skip
    from alembic import op

    class Killed(BaseException):
        pass

    create = op.create_table

    def dies(name: str, *columns: Any, **more: Any) -> Any:
        if name == tables[3]:
            raise Killed
        return create(name, *columns, **more)

    monkeypatch.setattr(op, "create_table", dies)
    with pytest.raises(Killed):
        migrations.run_scripts(path)
    monkeypatch.undo()
    migrations.bring_up(path)
    assert migrations.revision_of(path) == migrations.HEAD


def test_a_new_schema_that_breaks_off_leaves_a_file_that_opens(tmp_path, monkeypatch):
    path = tmp_path / "officina.db"
    whole = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda *args: whole(*args).replace("CREATE TABLE desk", "BREAKS OFF"))
    with pytest.raises(sqlite3.OperationalError):
        migrations.bring_up(path)
    monkeypatch.undo()
    assert migrations.revision_of(path) is None
    migrations.bring_up(path)
    assert migrations.revision_of(path) == migrations.HEAD


async def test_the_writer_runs_with_the_settings_that_durability_needs(tmp_path):
    journal = await SqliteJournal.open(tmp_path / "officina.db")

    def look(connection: Any) -> dict[str, Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint", "mmap_size", "secure_delete")
        return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    assert await journal.run(look) == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "wal_autocheckpoint": 0, "mmap_size": 0,
        "secure_delete": 1,
    }  # fmt: skip
    await journal.close()


async def test_a_second_open_in_the_same_process_is_refused_too(tmp_path):
    journal = await SqliteJournal.open(tmp_path / "officina.db")
    with pytest.raises(SecondProcess):
        await SqliteJournal.open(tmp_path / "officina.db")
    await journal.close()


def test_a_first_start_that_was_killed_half_way_leaves_its_journal_and_a_file_that_opens(tmp_path):
    path, left = tmp_path / "officina.db", tmp_path / "left" / "officina.db"
    left.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as dying:
        dying.execute("PRAGMA cache_size=1")
        dying.execute("BEGIN IMMEDIATE")
        dying.execute("CREATE TABLE half (a)")
        dying.executemany("INSERT INTO half VALUES (?)", [("x" * 900,)] * 200)
        for name in ("officina.db", "officina.db-journal"):
            shutil.copy(tmp_path / name, left.parent / name)
        dying.execute("ROLLBACK")
    with pytest.raises(sqlite3.OperationalError):
        migrations._revision(left, "ro")
    migrations.bring_up(left)
    assert migrations.revision_of(left) == migrations.HEAD
