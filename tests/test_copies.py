"""The tables that are asked in SQL say what a path's facts come to: after any asks, a kill, a restore, a rebuild."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from server.activities.contract import Happening, Moment, Refusal
from server.activities.contract.idea import sample
from server.activities.contract.idea.test_laws import STEPS
from server.house import FILE
from server.live.bus import MemoryBus
from server.live.envelope import Asking, Receipt, Refused
from server.moment import Clock, fresh
from server.paths import copies, messages, rules
from server.paths.line import PathLine
from server.storage import backup, migrations
from server.storage.copies import COLUMNS, as_sought, drop
from server.storage.journal import Copy
from server.storage.sqlite import SqliteJournal, connect, sound
from tests.disk import Disk
from tests.inside import inside
from tests.people import KEY, plan, talk
from tests.running import PROJECT
from tests.test_backup import command
from tests.test_paths import IDEAS, closes_ideas, left

AT = 1_790_000_000_000
DAY = 86_400_000
GROUPS = [{"id": "civil_servants", "name": "Funzionari"}, {"id": "social_innovators", "name": "Innovatori"}]
MADE = {"title": "Prova", "languages": ["it", "en"], "groups": GROUPS, "prefix": "PR"}

Tables = dict[str, list[tuple[Any, ...]]]


def rows_in(made: Iterable[Copy]) -> Tables:
    """Copies as the tables hold them, sorted."""
    found: Tables = {table: [] for table in COLUMNS}
    for copy in made:
        for row in copy.rows:
            found[copy.table].append((copy.idea, *(row.get(column) for column in COLUMNS[copy.table])))
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


def tables_of(connection: Any, line: int) -> Tables:
    found = {}
    for table, columns in COLUMNS.items():
        sql = f"SELECT idea, {', '.join(columns)} FROM {table} WHERE line = ?"
        found[table] = sorted(connection.execute(sql, (line,)).fetchall(), key=repr)
    return found


def tables_in(path: Path, line: int) -> Tables:
    with closing(connect(path)) as connection:
        return tables_of(connection, line)


async def kept(line: PathLine) -> Tables:
    """What the tables hold, read where they were written."""
    assert isinstance(line.journal, SqliteJournal)
    found: Tables = await line.journal.run(lambda connection: tables_of(connection, line.line))
    return found


def of_facts(line: PathLine) -> Tables:
    return rows_in(copies.all_of(line.folded))


# -- what must be written, decided without a disk -------------------------------------------------------------------


class Kept:
    """Tables in memory that only ever hear of what changed."""

    def __init__(self) -> None:
        self.state = rules.start()
        self.rows: dict[tuple[str, str], Copy] = {}
        self.at = AT
        self.asked = 0

    def asks(self, by: str, do: str, having: dict[str, Any], who: str | None = None) -> bool:
        ask = messages.ASKS[do].model_validate(having)
        group = None if who is None else GROUPS[0]["id"] if who.startswith("c") else GROUPS[1]["id"]
        self.asked += 1
        moment = Moment(self.at, by, who, who, group, None, fresh=f"{self.asked:032x}")  # type: ignore[arg-type]
        facts = rules.decide(self.state, ask, moment)
        if isinstance(facts, Refusal):
            return False
        after = self.state
        for fact in facts:
            after = rules.evolve(after, Happening(fact, self.at, who, group, self.asked))
        for copy in copies.changed(self.state, after):
            self.rows[copy.table, copy.idea] = copy
        self.state = after
        return True

    def takes_stage(self, closed_at: int, sizes: dict[str, int], *ideas: Any) -> bool:
        stage = {"session": "ABC", "stage": "ideas", "activity": "idea", "title": "Idee", "closed_at": closed_at}
        return self.asks("server", "take_stage", {**stage, "sizes": sizes, "ideas": list(ideas)})

    def row(self, idea: str = "idea") -> dict[str, Any]:
        return dict(self.rows["idea", idea].rows[0])

    def agrees(self) -> None:
        assert rows_in(self.rows.values()) == rows_in(copies.all_of(self.state))
        shown = {one["idea"]: one for one in rules.view(self.state, "desk")["ideas"]}
        for uid, one in shown.items():
            row = self.row(uid)
            assert (row["state"], row["missing"], row["support"]) == (one["state"], one["missing"], one.get("support"))


def begun() -> Kept:
    made = Kept()
    assert made.asks("server", "make_path", MADE)
    return made


AROUND = st.one_of(
    st.tuples(
        st.just("sizes"), st.fixed_dictionaries({group["id"]: st.sampled_from([0, 6, 7, 40]) for group in GROUPS})
    ),
    st.tuples(st.just("session"), st.sampled_from(["A", "B", "C"])),
    st.tuples(st.just("day"), st.integers(1, 2_000)),
)
TURNS = st.tuples(st.one_of(STEPS, STEPS, STEPS, AROUND), st.sampled_from(["c1", "s1", "s2", None, None]))


@given(st.lists(TURNS, min_size=4, max_size=24), st.integers(0, 3))
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_after_any_sequence_of_asks_the_copies_are_those_of_the_fold(turns: Any, moves: int) -> None:
    made = begun()
    for idea in ("idea", "other"):
        assert made.asks("desk", "new_idea", {"idea": idea, "fields": sample.full()})
        for to in ("review", "published", "submitted")[:moves]:
            moved = {"idea": idea, "to": to, "override": "Sì", "office": "Casa", "date": "2027"}
            assert made.asks("desk", "move_idea", moved)
        for who in [f"{letter}{nth}" for letter in "cs" for nth in range(6) if moves]:
            assert made.asks("phone", "endorse", {"idea": idea, "version": 1, "level": "support"}, who)
    for nth, ((do, having), who) in enumerate(turns):
        try:
            if do == "sizes":
                made.takes_stage(nth, having, left(title={"it": f"Dalla sessione {nth}"}))
            elif do == "session":
                group = {"id": f"g{having}", "name": having}
                session = {"session": having, "title": having, "phase": "codesign", "groups": [group]}
                made.asks("server", "add_session", session)
            elif do == "day":
                made.at += having * DAY
            else:
                made.asks("phone" if who else "desk", do, having, who)
        except ValidationError:
            continue
        made.agrees()


def test_an_idea_that_takes_in_another_has_the_link_in_its_own_rows() -> None:
    made = begun()
    for idea in ("idea", "other"):
        assert made.asks("desk", "new_idea", {"idea": idea, "fields": sample.card()})
    assert made.asks("desk", "merge_ideas", {"idea": "idea", "into": "other"})
    assert made.row("idea")["state"] == "merged"
    assert ("other", "idea") in [
        (copy.idea, row["uid"]) for copy in made.rows.values() if copy.table == "idea_source" for row in copy.rows
    ]
    made.agrees()


def test_a_step_that_falls_due_is_missing_from_every_idea_as_soon_as_anything_happens_after_it() -> None:
    made = begun()
    for idea in ("idea", "other"):
        assert made.asks("desk", "new_idea", {"idea": idea, "fields": sample.card()})
    before = made.row("other")["missing"]
    made.at += 6 * 365 * DAY
    assert made.asks("desk", "edit_idea", {"idea": "idea", "set": {"tags": ["lavoro"]}})
    assert made.row("other")["missing"] == before + 1
    made.agrees()


def test_who_was_in_the_last_session_counts_for_the_support_of_ideas_that_nobody_touched() -> None:
    made = begun()
    assert made.asks("desk", "new_idea", {"idea": "idea", "fields": sample.full()})
    assert made.asks("desk", "move_idea", {"idea": "idea", "to": "review"})
    here = {"civil_servants": 10, "social_innovators": 10}
    assert made.takes_stage(1, here)
    for nth in range(10):
        for who in (f"c{nth}", f"s{nth}"):
            assert made.asks("phone", "endorse", {"idea": "idea", "version": 1, "level": "support"}, who)
    assert made.row()["support"] == "common_ground"
    assert made.takes_stage(2, {**here, "social_innovators": 300})
    assert made.row()["support"] != "common_ground"
    made.agrees()


def test_only_what_changed_is_written() -> None:
    made = begun()
    for idea in ("idea", "other"):
        assert made.asks("desk", "new_idea", {"idea": idea, "fields": sample.full()})
    before, others = made.state, {key: copy for key, copy in made.rows.items() if key[1] == "other"}
    assert made.asks("desk", "edit_idea", {"idea": "idea", "set": {"tags": ["lavoro"]}})
    assert [(copy.table, copy.idea) for copy in copies.changed(before, made.state)] == [("idea", "idea")]
    before = made.state
    assert made.asks("desk", "edit_idea", {"idea": "idea", "set": {"actors/city": None}, "base": {"actors/city": 1}})
    written = [(copy.table, copy.idea) for copy in copies.changed(before, made.state)]
    assert written == [("idea", "idea"), ("idea_actor", "idea")]
    assert all(made.rows[key] is copy for key, copy in others.items())
    assert copies.changed(made.state, made.state) == []


def test_the_rows_of_an_idea_hold_what_its_form_holds() -> None:
    made = begun()
    fields = {
        **sample.full(),
        "domain": ["housing", "youth"],
        "financing/f": {"source": "eu_fund", "amount": {"min": "1000", "max": "2500.50"}, "status": "requested"},
        "indicators/i1": {
            "name": {"it": "Colloqui"}, "type": "process", "target": {"value": "40", "date": "2028"},
            "readings": [
                {"uid": "b", "date": "2027-05", "value": "12"}, {"uid": "a", "date": "2027-04-30", "value": "9"},
            ],
        },
        "next_steps/s": {"text": {"it": "Incontro", "fr": "Rencontre"}, "owner": "Direzione", "due": "2030-12"},
    }  # fmt: skip
    assert made.asks("desk", "new_idea", {"idea": "idea", "fields": fields, "table": "3"})

    def listed(table: str) -> dict[str, dict[str, Any]]:
        return {str(row["uid"]): dict(row) for row in made.rows[table, "idea"].rows}

    row = made.row()
    assert row["title_it"].startswith("Sportello") and row["title_en"].startswith("A neighbourhood")
    assert (row["domain"], row["area_name"], row["area_scope"]) == (
        '["housing", "youth"]',
        "Lorenteggio",
        "neighbourhood",
    )
    assert (row["form"], row["confidentiality"], row["table_label"], row["code"]) == ("full", "path", "3", "PR-2026-01")
    money = listed("idea_money")["f"]
    assert (money["amount_exact"], money["amount_min"], money["amount_max"]) == (None, "1000", "2500.50")
    assert (money["currency"], money["source"], money["status"]) == ("EUR", "eu_fund", "requested")
    indicator = listed("idea_indicator")["i1"]
    assert (indicator["last_value"], indicator["last_date"], indicator["target_value"]) == ("12", "2027-05", "40")
    step = listed("idea_step")["s"]
    assert (step["text_it"], step["text_en"], step["owner"], step["due"]) == ("Incontro", None, "Direzione", "2030-12")
    assert {row["role"] for row in listed("idea_actor").values()} >= {"lead", "provider"}
    assert not {"power", "interest", "raci", "contact_consent"} & {name for row in COLUMNS.values() for name in row}
    assert listed("idea_obstacle")["rules"]["overcome"] == 1


# -- on the disk ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def a_path(folder: Path, made: Any = connect) -> AsyncIterator[PathLine]:
    """A path on its own journal, opened again when it is there already."""
    journal = await SqliteJournal.open(folder / FILE, made)
    known = [row for row in await journal.lines() if row.kind == "path"]
    row = known[0] if known else await journal.new_line("path", "prova", 1)
    line = PathLine(row, journal, MemoryBus(), Clock())
    await line.open()
    try:
        if not known:
            await asks(line, "make_path", "server", **MADE)
        yield line
    finally:
        await line.rest()
        await line.close()
        await journal.close()


async def asks(line: PathLine, do: str, role: str = "desk", who: str | None = None, **having: Any) -> Receipt | Refused:
    group = None if who is None else GROUPS[0]["id"] if who.startswith("c") else GROUPS[1]["id"]
    return await line.ask(Asking(role, who, fresh(), None, do, having, line.now(), lambda answer: None, group=group))  # type: ignore[arg-type]


async def lives(line: PathLine, chance: random.Random, turns: int = 40) -> None:
    """Asks of every kind, several at once, as a desk and people on their phones send them."""
    ideas = [f"idea{nth}" for nth in range(4)]
    fields = sample.full()

    def one() -> Any:
        idea, path = chance.choice(ideas), chance.choice(list(fields))
        version = (line.folded.ideas.ideas[idea].version if idea in line.folded.ideas.ideas else 0) or 1
        who = f"{chance.choice('cs')}{chance.randrange(12)}"
        return chance.choice(
            [
                lambda: asks(line, "new_idea", idea=idea, fields=dict(chance.sample(list(fields.items()), 15))),
                lambda: asks(line, "new_idea", idea=idea, fields=fields),
                lambda: asks(line, "edit_idea", idea=idea, set={path: fields[path]}),
                lambda: asks(line, "edit_idea", idea=idea, set={path: None}, base={path: 1}),
                lambda: asks(line, "edit_idea", idea=idea, set={"proposal": {"it": f"Proposta {chance.random()}"}}),
                lambda: asks(line, "edit_idea", idea=idea, set={"risks/r": {"text": "Pochi fondi", "impact": 3}}),
                lambda: asks(line, "move_idea", idea=idea, to=chance.choice(["review", "published", "draft", "parked"])),
                lambda: asks(line, "endorse", "phone", who, idea=idea, version=version, level="support"),
                lambda: asks(line, "argue", "phone", who, idea=idea, argument=who, side="for", text="Serve"),
                lambda: asks(line, "link_source", idea=idea, field="problem", source={"note": f"n{chance.randrange(9)}"}),
                lambda: asks(line, "set_step_status", idea=idea, step="meet", status="done"),
                lambda: asks(line, "merge_ideas", idea=idea, into=chance.choice(ideas)) if chance.random() < 0.1 else
                asks(line, "add_reading", idea=idea, indicator="i1", reading=f"{chance.random()}"[2:9], date="2027", value="3"),
            ]
        )()  # fmt: skip

    answers: list[Any] = []
    while turns > 0:
        together = chance.randint(1, 6)
        answers += await asyncio.gather(*(one() for _ in range(together)))
        turns -= together
    assert sum(isinstance(answer, Receipt) for answer in answers) > 4


@pytest.mark.parametrize("seed", range(4))
async def test_after_a_life_of_asks_the_tables_are_those_of_the_facts_and_still_are_when_it_opens_again(tmp_path, seed):
    chance = random.Random(seed)
    async with a_path(tmp_path) as line:
        for _ in range(3):
            await lives(line, chance)
            assert await kept(line) == of_facts(line)
        before = await kept(line)
        assert before["idea"] and before["idea_actor"] and before["idea_source"]
    async with a_path(tmp_path) as line:
        assert await kept(line) == before == of_facts(line)


async def test_what_many_say_of_one_idea_at_once_is_kept_with_one_set_of_rows(tmp_path, monkeypatch):
    async with a_path(tmp_path) as line:
        await asks(line, "new_idea", idea="idea", fields=sample.full())
        entries: list[Any] = []
        append = line.journal.append
        monkeypatch.setattr(
            line.journal,
            "append",
            lambda of, number, batch, done: (entries.extend(batch), append(of, number, batch, done)),
        )
        said = [
            asks(line, "argue", "phone", f"c{n}", idea="idea", argument=f"a{n}", side="for", text="Sì")
            for n in range(30)
        ]
        await asyncio.gather(*said)
        assert len(entries) == 30
        assert [len(entry.copies) for entry in entries] == [0] * 29 + [1]
        assert await kept(line) == of_facts(line)


async def test_a_race_that_is_lost_leaves_the_rows_of_who_won_and_then_of_both(tmp_path):
    async with a_path(tmp_path) as line:
        await asks(line, "new_idea", idea="idea", fields=sample.card())
        other = PathLine((await line.journal.lines())[0], line.journal, MemoryBus(), Clock())
        await other.open()
        # Another process on the same line: each hears of the other only by losing.
        for nth in range(6):
            by = (line, other)[nth % 2]
            answer = await asks(by, "edit_idea", idea="idea", set={f"risks/r{nth}": {"text": f"Rischio {nth}"}})
            assert isinstance(answer, Receipt)
            answer = await asks(by, "edit_idea", idea="idea", set={"tags": [f"giro {nth}"]}, base={"tags": nth})
            assert isinstance(answer, Receipt)
            assert await kept(by) == of_facts(by)
        assert "giro 5" in (await kept(line))["idea"][0][-1]
        await other.close()


async def test_what_the_disk_does_not_take_leaves_neither_facts_nor_copies(tmp_path):
    disk = Disk(random.Random(2))
    async with a_path(tmp_path, disk.connect) as line:
        await asks(line, "new_idea", idea="idea", fields=sample.full())
        before, number = await kept(line), line.number
        disk.full = True
        refused = await asks(line, "edit_idea", idea="idea", set={"actors/city": None}, base={"actors/city": 1})
        assert isinstance(refused, Refused) and refused.refusal.code == "storage"
        assert await kept(line) == before
        assert len(await line.journal.after(line.line, 0)) == number
        disk.full = False
        assert isinstance(
            await asks(line, "edit_idea", idea="idea", set={"actors/city": None}, base={"actors/city": 1}), Receipt
        )
        assert await kept(line) == of_facts(line) != before


async def test_rows_that_cannot_be_written_keep_their_facts_out_too(tmp_path, monkeypatch):
    async with a_path(tmp_path) as line:
        await asks(line, "new_idea", idea="idea", fields=sample.card())
        before, number = await kept(line), line.number
        whole = copies.changed
        monkeypatch.setattr(
            copies,
            "changed",
            lambda was, now: [*whole(was, now), Copy("idea_step", "idea", [{"place": 0, "uid": None}])],
        )
        refused = await asks(line, "edit_idea", idea="idea", set={"tags": ["lavoro"]})
        assert isinstance(refused, Refused) and refused.refusal.code == "failed"
        assert await kept(line) == before and line.number == number
        monkeypatch.undo()
        assert isinstance(await asks(line, "edit_idea", idea="idea", set={"tags": ["lavoro"]}), Receipt)


# Edits ideas as fast as the disk lets it, until it is killed.
EDIT_AS_FAST_AS_YOU_CAN = """
import asyncio, random, sys
from pathlib import Path
from tests.test_copies import a_path, lives

async def main():
    chance = random.Random(sys.argv[2])
    async with a_path(Path(sys.argv[1])) as line:
        print("begun", flush=True)
        while True:
            await lives(line, chance)

asyncio.run(main())
"""


@pytest.mark.promise("G1")
async def test_G1_a_kill_at_any_moment_leaves_copies_of_exactly_the_facts_that_are_kept(tmp_path):
    chance = random.Random(7)
    number = 0
    for run in range(3):
        command = [sys.executable, "-c", EDIT_AS_FAST_AS_YOU_CAN, str(tmp_path), str(run)]
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE)
        assert process.stdout is not None
        while await asyncio.to_thread(process.stdout.readline) != b"begun\n":
            assert process.poll() is None
        await asyncio.sleep(chance.uniform(0.02, 0.4))
        process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(process.wait)
        process.stdout.close()
        # Read before anything is opened that could mend them.
        found = tables_in(tmp_path / FILE, 1)
        async with a_path(tmp_path) as line:
            assert found == of_facts(line)
            assert line.number > number
            number = line.number
        assert sound(tmp_path / FILE) == "ok"


async def test_a_backup_holds_the_copies_of_its_own_facts(tmp_path):
    async with a_path(tmp_path) as line:
        assert isinstance(line.journal, SqliteJournal)
        await lives(line, random.Random(3))
        before = await kept(line)
        await backup.make(line.journal, tmp_path / "backup" / FILE)
        await lives(line, random.Random(4))
        assert await kept(line) != before
    assert tables_in(tmp_path / "backup" / FILE, 1) == before
    async with a_path(tmp_path / "backup") as line:
        assert of_facts(line) == before


# -- made anew ------------------------------------------------------------------------------------------------------


SPOILED = {
    "emptied": [f"DELETE FROM {table}" for table in COLUMNS],
    "changed": [
        "UPDATE idea SET state = 'published', title_it = 'Altro', missing = 99",
        "UPDATE idea_actor SET name = NULL",
        "DELETE FROM idea_step WHERE place = 0",
        "INSERT INTO idea_money (line, idea, place, uid) VALUES (1, 'idea0', 77, 'x')",
        "INSERT INTO idea_source (line, idea, place, field, source_kind, relation) VALUES (2, 'x', 0, '', 'note', 'quoted')",
    ],
}


@pytest.mark.parametrize("harm", SPOILED)
async def test_a_copy_that_was_spoiled_is_made_anew_by_one_command(tmp_path, harm):
    async with a_path(tmp_path) as line:
        await lives(line, random.Random(5))
        await line.journal.new_line("session", "abcdef", 1)
        whole = await kept(line)
        facts = await line.journal.after(line.line, 0)
    with closing(connect(tmp_path / FILE)) as connection:
        for statement in SPOILED[harm]:
            connection.execute(statement)
    assert tables_in(tmp_path / FILE, 1) != whole
    done = await command("rebuild", data=tmp_path)
    assert done.returncode == 0, done.stderr
    assert tables_in(tmp_path / FILE, 1) == whole
    assert tables_in(tmp_path / FILE, 2) == {table: [] for table in COLUMNS}
    rows = sum(map(len, whole.values()))
    assert f"prova: {len(whole['idea'])} ideas, {rows} rows" in done.stdout
    async with a_path(tmp_path) as line:
        assert list(await line.journal.after(line.line, 0)) == list(facts), "the facts are as they were"


async def test_nothing_is_rebuilt_under_a_running_officina(tmp_path):
    async with a_path(tmp_path) as line:
        await asks(line, "new_idea", idea="idea", fields=sample.card())
        before = await kept(line)
        refused = await command("rebuild", data=tmp_path)
        assert refused.returncode == 1 and "Traceback" not in refused.stderr
        assert "Stop it first" in refused.stderr and FILE in refused.stderr
        assert await kept(line) == before
    nothing = await command("rebuild", data=tmp_path / "nowhere")
    assert nothing.returncode == 1 and "nothing to rebuild" in nothing.stderr


async def test_a_file_from_before_the_copies_has_them_after_its_first_start(tmp_path):
    async with a_path(tmp_path) as line:
        await lives(line, random.Random(6))
        whole = await kept(line)
    with closing(connect(tmp_path / FILE)) as connection:
        for table in COLUMNS:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    async with a_path(tmp_path) as line:
        assert await kept(line) == whole == of_facts(line)
    assert migrations.revision_of(tmp_path / FILE) == migrations.HEAD


async def test_copies_made_at_an_old_number_are_not_put_over_newer_ones(tmp_path):
    async with a_path(tmp_path) as line:
        await asks(line, "new_idea", idea="idea", fields=sample.card())
        old, number = copies.all_of(line.folded), line.number
        await asks(line, "edit_idea", idea="idea", set={"tags": ["lavoro"]})
        before = await kept(line)
        assert not await line.journal.copy_anew(line.line, number, old)
        assert await kept(line) == before == of_facts(line)


@pytest.mark.promise("G17")
def test_G17_what_a_person_typed_leaves_the_tables_with_the_person(tmp_path: Path) -> None:
    word = "Brontolosauride"

    async def story() -> None:
        async with inside(tmp_path) as room:
            await room.begins(plan(IDEAS, talk(), path="prova"))
            badge, _ = await room.joins("Ada", "civil_servants")
            await room.does("open_stage", stage="ideas")
            fields = {"problem": {"it": word}, "obstacles/o": {"text": {"it": f"Un {word}"}}, "area.name": word}
            assert (await room.tells(badge, "new_idea", "ideas", idea="i1", fields=fields)).status_code == 200
            await room.does("edit_idea", "ideas", idea="i1", set={"title": {"it": "Biblioteca aperta la sera"}})
            await room.does("go_next")
            await room.house.paths.rest()
            line = room.house.paths.live["prova"].line
            before = await kept(line)
            assert as_sought(word) in before["idea"][0][-1] and word in str(before["idea_obstacle"])
            gone = await room.call("DELETE", f"/api/sessions/{room.code}/me", badge)
            assert gone.status_code == 204, gone.text
            after = await kept(line)
            assert after == of_facts(line) and as_sought(word) not in as_sought(str(after))
            assert "Biblioteca aperta la sera" in str(after["idea"])
        for file in tmp_path.rglob("*.db*"):
            assert as_sought(word).encode() not in file.read_bytes().lower(), file

    asyncio.run(story())


async def test_a_file_whose_facts_are_rewritten_loses_its_copies_in_the_same_step_and_has_them_again(tmp_path):
    async with a_path(tmp_path) as line:
        await lives(line, random.Random(8))
        whole = await kept(line)
    with closing(connect(tmp_path / FILE)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        drop(connection, line.line + 1)
        assert tables_of(connection, line.line) == whole, "another line's copies"
        drop(connection, line.line)
        assert tables_of(connection, line.line) == {table: [] for table in COLUMNS}
        connection.execute("ROLLBACK")
        assert tables_of(connection, line.line) == whole
        drop(connection)
    async with a_path(tmp_path) as line:
        assert await kept(line) == whole == of_facts(line)
    with closing(connect(tmp_path / "no copies yet.db")) as connection:
        connection.execute("CREATE TABLE idea (line INTEGER)")
        connection.execute("INSERT INTO idea VALUES (1), (2)")
        drop(connection, 1)
        assert connection.execute("SELECT line FROM idea").fetchall() == [(2,)]


async def test_a_fold_under_way_while_people_ask_ends_with_the_copies_of_the_newest_state(tmp_path):
    async with a_path(tmp_path) as line:
        await asks(line, "new_idea", idea="idea", fields=sample.full())
        for nth in range(10):
            together = [asks(line, "edit_idea", idea="idea", set={f"risks/r{nth}{n}": {"text": "x"}}) for n in range(4)]
            await asyncio.gather(*together[:2], line.fold(), *together[2:])
            await line.rest()
            assert await kept(line) == of_facts(line)
        assert sum(path.startswith("risks/") for path in line.folded.ideas.ideas["idea"].fields) == 41


# -- finding --------------------------------------------------------------------------------------------------------

TITLES = [
    "Biblioteca aperta la sera", "Città dei bambini", "Affitto al 100% garantito", "Orti in città", "Sconto_del 10",
    "BIBLIOTECA di quartiere", "È ora di muoversi", "Straße für alle",
]  # fmt: skip


async def test_ideas_are_found_by_their_words_whatever_the_case_and_the_accents(tmp_path):
    async with a_path(tmp_path) as line:
        for nth, title in enumerate(TITLES):
            actors = {"actors/a": {"name": f"Cooperativa {'ABCDEFGH'[nth]}9"}}
            await asks(line, "new_idea", idea=f"i{nth}", fields={"title": {"it": title}, **actors})

        async def found(text: str) -> list[str]:
            return sorted((await line.journal.find_ideas(line.line, text)).ideas)

        assert await found("biblioteca") == ["i0", "i5"]
        assert await found("CITTA") == await found("città") == await found("citta\u0300") == ["i1", "i3"]
        assert await found("aperta  biblioteca ") == ["i0"], "each word, in any order"
        assert await found("100%") == ["i2"] and await found("%") == ["i2"]
        assert await found("_") == ["i4"]
        assert await found("e ora") == ["i6"] and await found("strasse") == ["i7"]
        assert await found("cooperativa d9") == await found("PR-2026-04") == ["i3"]
        assert await found("' OR 1=1 --") == [] and await found("\0\ud800") == []
        assert await found("la " * 4_000) == await found("la")
        assert await found("") == await found(" \n") == [f"i{nth}" for nth in range(len(TITLES))]


async def test_a_page_of_ideas_comes_in_the_order_of_the_desks_list_with_how_many_there_are(tmp_path):
    async with a_path(tmp_path) as line:
        await asyncio.gather(*(asks(line, "new_idea", idea=f"i{nth}", fields=sample.card()) for nth in range(23)))
        for nth in (4, 11, 4):
            await asks(line, "move_idea", idea=f"i{nth}", to="review")
        for nth in (7, 11):
            await asks(line, "edit_idea", idea=f"i{nth}", set={"tags": ["lavoro"]})
        shown = rules.view(line.folded, "desk")["ideas"]

        async def pages(state: str | None = None, size: int = 10) -> list[str]:
            ids: list[str] = []
            while True:
                found = await line.journal.find_ideas(line.line, "", state, size, len(ids))
                assert found.total == sum(state in (None, one["state"]) for one in shown)
                if not found.ideas:
                    return ids
                assert len(found.ideas) <= size
                ids += found.ideas

        assert await pages() == [one["idea"] for one in shown]
        assert await pages("review", 1) == [one["idea"] for one in shown if one["state"] == "review"]
        assert await pages("published") == []
        assert (await line.journal.find_ideas(line.line + 1)).total == 0, "another line has ideas of its own"


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_text_is_sought_as_it_is_found(first: str, second: str) -> None:
    assert as_sought(as_sought(first)) == as_sought(first)
    assert as_sought(f"{first} {second}") == f"{as_sought(first)} {as_sought(second)}".strip()


def test_what_sessions_leave_is_in_the_tables_of_a_running_officina(tmp_path: Path) -> None:
    async def story() -> None:
        async with inside(tmp_path) as room:
            await closes_ideas(room)
            line = room.house.paths.live["prova"].line
            assert await kept(line) == of_facts(line)
            sql = "SELECT title_it, state, form FROM idea WHERE line = ?"
            rows = await room.house.journal.read(sql, (line.line,))
            assert rows == [("Biblioteca aperta la sera", "draft", "card")]
            ask = {"idea": "i1", "base": {"title": 1}, "set": {"title": {"it": "Biblioteca aperta di notte"}}}
            body = {"id": "an edit", "stage": None, "do": "edit_idea", "with": ask}
            assert (await room.call("POST", "/api/paths/prova/asks", KEY, json=body)).status_code == 200
            assert (await room.house.journal.find_ideas(line.line, "notte")).ideas == ["i1"]
            assert (await room.house.journal.find_ideas(line.line, "sera")).ideas == []

    asyncio.run(story())
