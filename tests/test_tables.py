"""Tables before any stage of their own: people say where they sit, or the desk spreads them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.activities.contract import Happening, Moment
from server.sessions import messages as m
from server.sessions import rules
from server.sessions.plan import Plan


def plan(**setup: object) -> Plan:
    stage = {"id": "s", "activity": "talk", "title": "S", "setup": {"parts": [{"heading": "x"}], **setup}}
    groups = [{"id": "a", "name": "A"}, {"id": "b", "name": "B"}]
    return Plan.read({"title": "Prova", "groups": groups, "stages": [stage]})


PLAN = plan()


def room(people: list[tuple[str | None, str | None]]) -> rules.State:
    state = rules.evolve(rules.start(), Happening(m.SessionMade(plan=PLAN), 1))
    for n, (group, table) in enumerate(people):
        state = rules.evolve(state, Happening(m.PersonJoined(group=group), 1, f"p{n}"))
        if table is not None:
            state = rules.evolve(state, Happening(m.PeopleSeated(people=[f"p{n}"], table=table), 1))
    return state


def spread(state: rules.State, tables: int) -> rules.State:
    facts = rules.decide(state, m.SpreadTables(tables=tables), Moment(1, "desk"))
    assert isinstance(facts, list)
    for fact in facts:
        state = rules.evolve(state, Happening(fact, 1))
    return state


def test_both_groups_sit_at_every_table() -> None:
    state = spread(room([("a", None)] * 8 + [("b", None)] * 4), 4)
    for people in state.tables().values():
        groups = sorted(state.people[one].group or "" for one in people)
        assert groups == ["a", "a", "b"]


def test_whoever_sits_stays_and_latecomers_go_where_their_group_is_thin() -> None:
    state = spread(room([("a", "1"), ("a", "1"), ("b", "2"), ("a", None), ("b", None)]), 2)
    assert state.people["p0"].table == "1" and state.people["p2"].table == "2"
    assert state.people["p3"].table == "2" and state.people["p4"].table == "1"


@given(st.lists(st.sampled_from(["a", "b", None]), max_size=60), st.integers(1, 12))
def test_no_table_has_two_more_of_a_group_than_another(groups: list[str | None], tables: int) -> None:
    state = spread(room([(group, None) for group in groups]), tables)
    for group in ("a", "b", None):
        at = {str(n): 0 for n in range(1, tables + 1)}
        for person in state.people.values():
            if person.group == group:
                at[person.table or ""] += 1
        assert max(at.values()) - min(at.values()) <= 1


def test_a_plan_with_something_for_each_table_asks_people_where_they_sit() -> None:
    plain = room([])
    assert not rules.works_by_table(plain)
    made = Happening(m.SessionMade(plan=plan(per="table")), 1)
    assert rules.works_by_table(rules.evolve(rules.start(), made))
