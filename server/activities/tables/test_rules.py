"""A seating: found off the line and checked again, moved by hand, published; latecomers, wishes and rounds after it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ..contract import Opening, Refusal
from ..contract.rehearsal import Rehearsal, Somebody
from . import matching, messages, rules, work

CIVIL, SOCIAL = "civil_servants", "social_innovators"


class Room(Rehearsal):
    """A rehearsal whose room tells who is here, finds what is asked, and seats people as the house does."""

    sitting: dict[str, str]
    given: dict[str, list[dict[str, Any]]]

    def tell(self) -> Room:
        tables: dict[str, list[str]] = {}
        for id, table in self.sitting.items():
            if id in self.people:
                tables.setdefault(table, []).append(id)
        people = {id: one.group for id, one in self.people.items()}
        self.state = rules.opened(self.state, Opening(given=self.given, tables=tables, people=people))
        return self

    def find(self) -> Any:
        """What the house does while a search is due."""
        due = rules.due(self.state)
        if not due:
            return None
        do, fields = asyncio.run(work.seating(rules.snapshot(self.state, due[0])))
        return self.ask("server", do, **fields)

    def seat(self) -> Room:
        """What the house does after a fact with `seats = True`."""
        for id, table in rules.seats(self.state).items():
            self.sitting[id] = table
        return self.tell()

    def seated(self) -> dict[str, str]:
        return dict(rules.worked_on(self.state) or {})

    def come(self, id: str, group: str = CIVIL) -> Room:
        self.people[id] = Somebody(group)
        return self.tell()


@pytest.fixture(autouse=True)
def in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search of these small rooms runs where it was called; what the process does has tests of its own."""

    async def searched(data: Any) -> Any:
        return work.found(data)

    monkeypatch.setattr(work, "searched", searched)


def room(people: int = 12, level: Any = "pseudonym", told: bool = True, **setup: Any) -> Any:
    crowd = {f"p{n:02}": Somebody((CIVIL, SOCIAL)[n % 2]) for n in range(people)}
    made = Room(rules, messages, {"tables": 3, "steps": 500} | setup, level, crowd)
    made.sitting, made.given = {}, {}
    return made.tell() if told else made


def drafted(people: int = 12, **setup: Any) -> Any:
    made = room(people, **setup)
    made.desk("ask_for_seating", seed=1)
    assert not isinstance(made.find(), Refusal)
    return made


def published(people: int = 12, **setup: Any) -> Any:
    made = drafted(people, **setup)
    made.desk("publish_seating")
    return made.seat()


def sizes(seats: dict[str, str]) -> list[int]:
    return sorted(list(seats.values()).count(table) for table in set(seats.values()))


# -- asking and offering


def test_a_seating_is_even_in_size_and_in_groups() -> None:
    made = drafted(14, tables=4)
    seats = made.seated()
    assert sizes(seats) == [3, 3, 4, 4]
    for table in ("1", "2", "3", "4"):
        groups = [made.people[id].group for id, at in seats.items() if at == table]
        assert abs(groups.count(CIVIL) - groups.count(SOCIAL)) <= 1


def test_the_fact_of_an_offer_holds_all_that_a_replay_needs() -> None:
    made = drafted(12, rounds=2)
    fact = made.happened[-1].fact
    assert fact.kind == "seating_offered"
    body = json.loads(fact.model_dump_json())
    assert set(body) >= {"input", "seed", "weights", "assignment", "cost", "bound", "parts", "engine"}
    assert len(body["input"]) == 64 and body["bound"] is not None and len(body["assignment"]["p00"]) == 2
    assert made.view("desk")["plan"]["gap"] == body["cost"] - body["bound"]


def test_nobody_sees_a_seat_before_it_is_published() -> None:
    made = drafted()
    assert made.view("phone")["shown_round"] is None
    assert made.view("wall")["shown_round"] is None
    assert "table" not in made.mine("p00") and not made.mine("p00")["late"]
    assert rules.seats(made.state) == {}
    made.desk("publish_seating")
    assert made.mine("p00")["table"]["id"] == made.seated()["p00"]
    assert dict(rules.seats(made.state)) == made.seated()


@pytest.mark.parametrize("change", ["join", "leave", "apart", "pin"])
def test_an_offer_for_a_room_that_has_changed_is_refused(change: str) -> None:
    made = room()
    made.desk("ask_for_seating", seed=1)
    asked = made.state.asked
    assert asked is not None
    found = work.found(rules.asking(made.state, asked))
    before = rules.due(made.state)
    match change:
        case "join":
            made.come("p99")
        case "leave":
            del made.people["p03"]
            made.tell()
        case "apart":
            made.desk("keep_apart", one="p00", other="p01")
        case _:
            made.desk("pin_person", person="p00", table="2")
    assert rules.due(made.state) != before, "another search is due, and begins by itself"
    answer = made.ask("server", "offer_seating", input=asked.input, **found)
    assert answer == Refusal("plan_outdated")
    assert not isinstance(made.find(), Refusal)
    assert rules.due(made.state) == ()


def test_a_search_that_breaks_off_for_good_says_so_and_can_be_asked_again() -> None:
    made = room()
    made.desk("ask_for_seating", seed=1)
    made.ask("server", "give_up", what="seating")
    assert made.view("desk")["gave_up"] and rules.due(made.state) == ()
    assert len(made.desk("ask_for_seating", seed=1)) == 1
    assert "gave_up" not in made.view("desk") and not isinstance(made.find(), Refusal)


def test_the_same_offer_from_a_second_server_process_counts_once() -> None:
    made = room()
    made.desk("ask_for_seating", seed=1)
    (key,) = rules.due(made.state)
    first = asyncio.run(work.seating(rules.snapshot(made.state, key)))
    second = asyncio.run(work.seating(rules.snapshot(made.state, key)))
    assert first[1]["assignment"] == second[1]["assignment"]
    assert len(made.ask("server", first[0], **first[1])) == 1
    assert made.ask("server", second[0], **second[1]) == []
    assert rules.due(made.state) == ()


def test_an_offer_that_leaves_somebody_standing_or_moves_a_fixed_seat_is_refused() -> None:
    made = room()
    made.desk("pin_person", person="p00", table="2")
    made.desk("ask_for_seating", seed=1)
    asked = made.state.asked
    assert asked is not None
    found = work.found(rules.asking(made.state, asked))

    def offered(**changed: Any) -> Any:
        return made.ask(
            "server", "offer_seating", input=asked.input, engine={}, assignment={**found["assignment"], **changed}
        )

    assert offered(p01=[None]) == Refusal("plan_broken")
    assert offered(p01=["no such table"]) == Refusal("plan_broken")
    assert offered(p00=["1"]) == Refusal("plan_broken")
    assert offered(ghost=["1"]) == Refusal("plan_broken")
    assert len(offered()) == 1


def test_no_screen_can_offer_a_seating() -> None:
    assert messages.OfferSeating.by == frozenset({"server"})


def test_a_replay_never_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    made = published(rounds=2)
    monkeypatch.setattr(matching, "search", None)
    monkeypatch.setattr(matching, "read", None)
    again = made.replayed()
    assert again.published == made.state.published and again.offer == made.state.offer


def test_before_anybody_is_here_nothing_can_be_found() -> None:
    assert room(0).desk("ask_for_seating") == Refusal("nobody_here")


def test_what_cannot_work_is_said_before_the_search() -> None:
    small = [{"id": "a", "seats": 3}, {"id": "b", "seats": 4}]
    answer = room(12, tables=small).desk("ask_for_seating")
    assert answer.code == "too_few_seats"
    assert answer.details == {"round": 1, "people": 12, "seats": 7}
    crowded = room(6, tables=2)
    for one, other in (("p00", "p01"), ("p01", "p02"), ("p00", "p02")):
        crowded.desk("keep_apart", one=one, other=other)
    assert crowded.desk("ask_for_seating").code == "apart_impossible"


def test_asking_twice_for_the_same_leaves_one_fact() -> None:
    made = room()
    assert len(made.desk("ask_for_seating", seed=5)) == 1
    assert made.desk("ask_for_seating", seed=5) == []
    made.find()
    assert made.desk("ask_for_seating", seed=5) == []
    assert len(made.desk("ask_for_seating", seed=6)) == 1


def test_a_search_that_a_restart_cut_off_is_asked_again_and_its_late_answer_is_refused() -> None:
    made = room()
    made.desk("ask_for_seating", seed=5)
    cut = asyncio.run(work.seating(rules.snapshot(made.state, rules.due(made.state)[0])))
    assert len(made.desk("ask_for_seating", seed=6)) == 1
    assert not isinstance(made.find(), Refusal)
    assert made.ask("server", cut[0], **cut[1]) == Refusal("plan_outdated")


def test_weights_hold_for_the_next_search() -> None:
    made = room()
    made.desk("set_weights", repeat=3, colleagues=40)
    assert made.desk("set_weights", repeat=3, colleagues=40) == []
    made.desk("ask_for_seating")
    assert made.state.asked is not None and made.state.asked.weights.colleagues == 40
    made.desk("ask_for_seating", weights={"repeat": 1, "colleagues": 2})
    assert made.view("desk")["weights"] == {"repeat": 1, "colleagues": 2}


# -- organisations


def test_colleagues_are_spread_and_spelling_makes_no_difference() -> None:
    made = room(12, tables=4, organisation="ask")
    for n in range(12):
        made.phone(
            f"p{n:02}", "say_organisation", organisation=("Comune di Torino", "COMUNE di torino ", "X", "Y")[n // 3]
        )
    made.desk("ask_for_seating", seed=1)
    made.find()
    # Six people of one city at four tables: two pairs at least, where two spellings count as one.
    assert made.view("desk")["figures"]["colleague_pairs"] == 2
    assert made.view("desk")["plan"]["proven"]


def test_where_somebody_works_is_shown_on_no_screen_but_their_own() -> None:
    made = room(12, organisation="ask")
    made.phone("p03", "say_organisation", organisation="Ente Segreto")
    for screen in ("phone", "wall", "desk"):
        assert "Segreto" not in json.dumps(made.view(screen))
    assert made.mine("p03")["organisation"] == "Ente Segreto"
    assert made.mine("p04")["organisation"] == ""
    assert "Segreto" not in json.dumps(rules.outcomes(published(12).state))
    assert made.view("desk")["said"] == 1


def test_an_organisation_can_be_taken_back_and_is_not_asked_where_it_should_not_be() -> None:
    made = room(12, organisation="ask")
    made.phone("p03", "say_organisation", organisation="Uno")
    assert made.phone("p03", "say_organisation", organisation=" Uno ") == []
    made.phone("p03", "say_organisation", organisation="")
    assert made.mine("p03")["organisation"] == ""
    assert room(12).phone("p03", "say_organisation", organisation="Uno") == Refusal("not_asked")
    secret = room(12, "anonymous", organisation="ask")
    assert secret.phone("p03", "say_organisation", organisation="Uno") == Refusal("not_asked")
    assert secret.view("phone")["organisation"]["ask"] is False


def test_an_erased_organisation_counts_as_none() -> None:
    from server.outcomes import marks

    body = {"organisation": "Ente Segreto"}
    assert json.loads(marks.erased(messages.OrganisationSaid, body)) == {"organisation": ""}
    kept = json.loads(marks.erased(messages.ApartKept, {"people": ["a", "b"]}, "personal"))
    made = room()
    state = made.rules.evolve(made.state, made_happening(messages.ApartKept(**kept)))
    assert state.apart == ()


def made_happening(fact: Any) -> Any:
    from ..contract import Happening

    return Happening(fact, 1)


# -- apart and pins


def test_people_to_be_kept_apart_never_share_a_table_and_nobody_else_is_told() -> None:
    made = room(12)
    made.desk("keep_apart", one="p05", other="p00")
    assert made.desk("keep_apart", one="p00", other="p05") == []
    assert made.desk("keep_apart", one="p00", other="p00") == Refusal("same_person")
    assert made.desk("keep_apart", one="p00", other="nobody") == Refusal("unknown_person")
    for seed in range(5):
        made.desk("ask_for_seating", seed=seed)
        made.find()
        assert made.seated()["p00"] != made.seated()["p05"]
    made.desk("publish_seating")
    assert "apart" not in made.view("phone") and "apart" not in made.view("wall")
    assert made.view("desk")["apart"] == [["p00", "p05"]]
    made.desk("lift_apart", one="p05", other="p00")
    assert made.view("desk")["apart"] == []
    assert made.desk("lift_apart", one="p05", other="p00") == []


def test_a_fixed_seat_holds_in_every_round() -> None:
    made = room(12, rounds=3)
    made.desk("pin_person", person="p07", table="3")
    made.desk("ask_for_seating", seed=1)
    for _ in range(3):
        made.find()
        assert made.seated()["p07"] == "3"
        made.desk("publish_seating")
        made.seat()
        made.desk("next_seating", seed=2)
    made.desk("pin_person", person="p07", table=None)
    assert made.view("desk")["pins"] == []
    assert made.desk("pin_person", person="p07", table="9") == Refusal("unknown_table")


# -- moving


def test_a_move_costs_what_it_was_said_to_cost() -> None:
    made = published(12, rounds=2)
    made.desk("next_seating", seed=3)
    made.find()
    before = made.view("desk")["figures"]["cost"]
    for row in (rules.moves(made.state, "p00") or {})["tables"]:
        made.desk("move_person", person="p00", table=row["table"])
        assert made.view("desk")["figures"]["cost"] == before + row["change"]
        assert made.view("desk")["figures"]["was"] == before
        made.desk("undo_move")
    for row in (rules.moves(made.state, "p00") or {})["swaps"]:
        made.desk("move_person", person="p00", table=row["table"], instead=row["person"])
        assert made.view("desk")["figures"]["cost"] == before + row["change"]
        made.desk("undo_move")
    assert made.view("desk")["figures"]["cost"] == before


def test_undo_takes_back_move_after_move_and_nothing_else() -> None:
    made = drafted()
    before = made.seated()
    tables = [table for table in ("1", "2", "3") if table != before["p00"]]
    made.desk("move_person", person="p00", table=tables[0])
    made.come("p98")
    made.desk("seat_late", person="p98")
    made.desk("move_person", person="p00", table=tables[1])
    made.desk("undo_move")
    assert made.seated()["p00"] == tables[0]
    made.desk("undo_move")
    assert made.seated() == {**before, "p98": made.seated()["p98"]}
    assert made.desk("undo_move") == Refusal("nothing_to_undo")
    assert made.state.held == {}


def test_a_new_offer_ends_what_can_be_undone() -> None:
    made = drafted()
    seats = made.seated()
    made.desk("move_person", person="p00", table="2" if seats["p00"] != "2" else "3")
    made.desk("ask_for_seating", seed=9)
    made.find()
    assert made.desk("undo_move") == Refusal("nothing_to_undo")


def test_who_was_moved_by_hand_stays_there_when_the_search_is_asked_again() -> None:
    made = drafted()
    to = "2" if made.seated()["p00"] != "2" else "3"
    made.desk("move_person", person="p00", table=to)
    for seed in (4, 5, 6):
        made.desk("ask_for_seating", seed=seed)
        made.find()
        assert made.seated()["p00"] == to


def test_a_move_to_a_full_table_needs_somebody_to_change_with() -> None:
    tables = [{"id": "a", "seats": 4}, {"id": "b", "seats": 4}, {"id": "c", "seats": 4}]
    made = drafted(12, tables=tables)
    seats = made.seated()
    to = next(table for table in ("a", "b", "c") if table != seats["p00"])
    other = next(id for id, at in seats.items() if at == to)
    assert made.desk("move_person", person="p00", table=to) == Refusal("table_full")
    assert made.desk("move_person", person="p00", table=to, instead="p00") == Refusal("sits_elsewhere")
    made.desk("move_person", person="p00", table=to, instead=other)
    assert made.seated()[other] == seats["p00"] and made.seated()["p00"] == to
    assert made.desk("move_person", person="p00", table=to) == []
    assert made.desk("move_person", person="p00", table="nowhere") == Refusal("unknown_table")
    assert made.desk("move_person", person="nobody", table="a") == Refusal("unknown_person")


def test_a_move_after_the_publication_seats_the_person_in_the_room() -> None:
    made = published()
    to = "2" if made.seated()["p00"] != "2" else "3"
    facts = made.desk("move_person", person="p00", table=to)
    assert facts[0].seats and rules.seats(made.state)["p00"] == to
    made.seat()
    assert made.mine("p00")["table"]["id"] == to
    made.desk("undo_move")
    assert rules.seats(made.seat().state)["p00"] != to


# -- latecomers


def test_a_latecomer_is_offered_a_seat_with_its_reason_and_gets_it_by_one_tap() -> None:
    made = published(11)
    short = next(table for table in ("1", "2", "3") if list(made.seated().values()).count(table) == 3)
    made.come("p99")
    assert made.mine("p99")["late"]
    (row,) = made.view("desk")["late"]
    assert row["person"] == "p99" and row["seat"]["table"] == short
    assert row["seat"]["reasons"][0] == {"code": "few", "n": 3}
    made.desk("seat_late", person="p99")
    assert rules.seats(made.state)["p99"] == short
    assert made.seat().view("desk")["late"] == []
    assert made.mine("p99")["table"]["id"] == short
    assert made.desk("seat_late", person="p99") == []
    assert made.desk("seat_late", person="nobody") == Refusal("unknown_person")


def test_where_every_table_is_full_a_latecomer_is_told_so() -> None:
    made = published(4, tables=[{"id": "a", "seats": 2}, {"id": "b", "seats": 2}])
    made.come("p99")
    assert made.view("desk")["late"][0]["seat"] is None
    assert made.desk("seat_late", person="p99") == Refusal("all_full")
    assert made.desk("seat_late", person="p99", table="a") == Refusal("table_full")


def test_who_sits_down_by_themselves_is_not_late_and_is_not_sent_back() -> None:
    made = published(11)
    made.come("p99")
    made.sitting["p99"] = "2"
    made.tell()
    assert made.view("desk")["late"] == []
    away = next(table for table in ("1", "2", "3") if table != made.seated()["p00"])
    made.sitting["p00"] = away
    made.tell()
    assert rules.seats(made.state)["p00"] == away
    assert made.mine("p00")["table"]["id"] == away


def test_who_leaves_the_room_leaves_the_tables() -> None:
    made = published()
    del made.people["p04"]
    made.tell()
    assert "p04" not in rules.seats(made.state)
    assert "p04" not in json.dumps([made.view(screen) for screen in ("phone", "wall", "desk")])


# -- rounds


def test_each_round_brings_new_people() -> None:
    made = room(12, tables=4, rounds=3, steps=20_000)
    made.desk("ask_for_seating", seed=1)
    met: dict[str, set[str]] = {id: set() for id in made.people}
    for n in range(3):
        made.find()
        made.desk("publish_seating")
        made.seat()
        seats = made.seated()
        for id in met:
            mates = {other for other in seats if other != id and seats[other] == seats[id]}
            assert made.mine(id)["new"] == len(mates - met[id])
            assert not mates & met[id], f"round {n + 1}"
            met[id] |= mates
        made.desk("next_seating", seed=n)
    assert made.state.round == 4


def test_the_next_round_waits_for_the_last_to_be_published_and_asks_by_itself() -> None:
    made = drafted(rounds=2)
    assert made.desk("next_seating") == Refusal("not_published")
    made.desk("publish_seating")
    before = dict(made.seat().seated())
    facts = made.desk("next_seating")
    assert [fact.kind for fact in facts] == ["round_begun", "seating_asked"]
    assert made.mine("p00")["table"]["id"] == before["p00"] and made.mine("p00")["round"] == 1
    assert made.view("wall")["shown_round"] == 1
    assert rules.seats(made.state) == {}


def test_a_second_look_at_the_old_table_still_says_how_many_were_new_there() -> None:
    made = published(rounds=2)
    first = made.mine("p00")
    made.desk("next_seating")
    assert made.mine("p00") == first


def test_people_met_at_stalls_earlier_in_the_day_are_not_new() -> None:
    made = room(9, tables=3)
    made.given = {"market": [{"kind": "visits", "rounds": [[["p00", "p01", "p02"], ["p03", "p04", "p05"]]]}]}
    made.tell()
    made.desk("ask_for_seating", seed=1)
    made.find()
    seats = made.seated()
    assert len({seats["p00"], seats["p01"], seats["p02"]}) == 3
    assert made.view("desk")["figures"]["repeat_meetings"] == 0
    assert rules.TAKES == ("visits", "seating")


def test_outcomes_of_another_shape_are_passed_over() -> None:
    made = room(6)
    made.given = {"x": [{"kind": "visits"}, {"kind": "visits", "rounds": [3, [["p00"], [1, 2]], None]}]}
    assert made.tell().state.given == ()


def test_where_people_really_sat_is_what_the_next_round_remembers() -> None:
    made = published(6, tables=2, rounds=2)
    made.sitting = {"p00": "1", "p01": "1", "p02": "1", "p03": "2", "p04": "2", "p05": "2"}
    made.tell()
    made.desk("next_seating", seed=2)
    assert made.state.before == matching_counts([["p00", "p01", "p02"], ["p03", "p04", "p05"]])


def matching_counts(met: list[list[str]]) -> dict[tuple[str, str], int]:
    return {(a, b): 1 for people in met for n, a in enumerate(people) for b in people[n + 1 :]}


def test_a_seating_leaves_who_met_for_later_stages_and_numbers_that_name_nobody() -> None:
    made = published(12, rounds=2)
    made.desk("next_seating", seed=2)
    made.find()
    made.desk("publish_seating")
    made.seat()
    seating, told = rules.outcomes(made.state)
    assert seating["kind"] == "seating" and seating["internal"] is True and len(seating["rounds"]) == 2
    assert sorted(id for people in seating["rounds"][0] for id in people) == sorted(made.people)
    assert told["kind"] == "tables" and (told["rounds"], told["people"]) == (2, 12)
    assert "p00" not in json.dumps(told)
    later = room(12)
    later.given = {"before": [seating]}
    assert sum(later.tell().state.before.values()) == 2 * 3 * 6


# -- screens


def test_names_stand_on_the_wall_only_where_the_setup_says_so_and_as_many_as_can_be_read() -> None:
    assert "board" not in published(12).view("wall")
    shown = published(12, wall="names").view("wall")
    assert {row["person"] for row in shown["board"]["rows"]} == {f"p{n:02}" for n in range(12)}
    assert "board" not in published(12, wall="names").view("phone")
    assert "board" not in published(50, wall="names", tables=10).view("wall")


def test_a_phone_learns_numbers_and_never_who_sits_there() -> None:
    made = published(12)
    own = json.dumps(made.mine("p00"))
    assert not any(f'"p{n:02}"' in own for n in range(12))
    assert made.mine("p00") | {"table": None} == {"late": False, "people": 3, "new": 3, "round": 1, "table": None}


def test_views_hold_whole_numbers_only() -> None:
    made = published(13, rounds=2)
    for screen in ("phone", "wall", "desk"):
        assert not list(floats(made.view(screen)))


def floats(value: Any) -> Any:
    if isinstance(value, dict):
        for one in value.values():
            yield from floats(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from floats(one)
    elif isinstance(value, float):
        yield value


def test_tables_have_their_names_hosts_and_pictures() -> None:
    tables = [{"id": "Rosso", "name": "Orto", "host": "Giulia", "symbol": "sun"}, {"id": "Blu"}]
    made = published(6, tables=tables)
    shown = made.view("phone")["tables"]
    assert [(row["id"], row["symbol"]) for row in shown] == [("Rosso", "sun"), ("Blu", "heart")]
    assert set(rules.seats(made.state).values()) == {"Rosso", "Blu"}


@pytest.mark.parametrize(
    "setup",
    [
        {"tables": [{"id": "a"}, {"id": "a"}]},
        {"tables": [{"id": " a"}]},
        {"tables": [{"id": "a\nb"}]},
        {"tables": 0},
        {"tables": 61},
        {"rounds": 0},
        {"weights": {"repeat": -1}},
    ],
)
def test_a_setup_that_cannot_be_is_refused(setup: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        messages.Setup.model_validate(setup, context={"first": "it"})


def test_a_simulated_facilitator_gets_through_all_rounds() -> None:
    made = room(9, rounds=2)
    done: list[str] = []
    for _ in range(20):
        asked = rules.lead(made.view("desk"), {}, 1, {})
        if asked == "done":
            break
        if asked is None:
            made.find()
            continue
        assert not isinstance(made.desk(asked[0], **asked[1]), Refusal)
        done.append(asked[0])
        made.seat()
    assert done == ["ask_for_seating", "publish_seating", "next_seating", "publish_seating"]


STEPS = st.one_of(
    st.tuples(st.just("come"), st.integers(0, 14)),
    st.tuples(st.just("go"), st.integers(0, 14)),
    st.tuples(st.just("sit"), st.tuples(st.integers(0, 14), st.sampled_from(["1", "2", "3", "bar"]))),
    st.tuples(
        st.sampled_from(["ask_for_seating", "find", "publish_seating", "next_seating", "undo_move"]), st.just(None)
    ),
    st.tuples(st.just("move_person"), st.tuples(st.integers(0, 14), st.sampled_from("123"), st.integers(-9, 14))),
    st.tuples(st.just("seat_late"), st.integers(0, 14)),
    st.tuples(st.just("keep_apart"), st.tuples(st.integers(0, 14), st.integers(0, 14))),
)


@given(st.lists(STEPS, max_size=25))
@settings(max_examples=60, deadline=None)
def test_whatever_happens_everybody_in_the_room_has_one_seat_or_is_told_as_late(script: Any) -> None:
    made = room(9, tables=[{"id": id, "seats": 5} for id in "123"], rounds=3, steps=100)
    for do, what in script:
        step(made, do, what)
        made.seat()
        for screen in ("phone", "wall", "desk"):
            json.dumps(made.view(screen))
        seats = made.seated()
        late = {row["person"] for row in made.view("desk")["late"]}
        assert not late & set(seats)
        assert rules.worked_on(made.state) is None or late | set(seats) == set(made.people)
        assert set(rules.seats(made.state)) <= set(made.people)
    json.dumps(rules.outcomes(made.state))


def step(made: Room, do: str, what: Any) -> None:
    if do == "come":
        made.come(f"p{what:02}", (CIVIL, SOCIAL)[what % 2])
    elif do == "go":
        made.people.pop(f"p{what:02}", None)
        made.tell()
    elif do == "sit":
        if f"p{what[0]:02}" in made.people:
            made.sitting[f"p{what[0]:02}"] = what[1]
        made.tell()
    elif do == "find":
        if made.state.asked is not None:
            made.find()
    elif do == "move_person":
        person, table, other = what
        fields = {"instead": f"p{other:02}"} if other >= 0 else {}
        made.desk(do, person=f"p{person:02}", table=table, **fields)
    elif do == "seat_late":
        made.desk(do, person=f"p{what:02}")
    elif do == "keep_apart":
        made.desk(do, one=f"p{what[0]:02}", other=f"p{what[1]:02}")
    else:
        made.desk(do)
