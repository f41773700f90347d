"""What holds for every event: the models are exact, the bound is a bound, the two counts of broken rules agree."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from server.activities.marketplace.matching import broken, greedy, minimums, order, plan_without_solver, read, value
from server.activities.marketplace.matching.event import Event, Grid, Market
from server.activities.marketplace.matching.network import bound_of, flow, round_network, sets_network
from server.activities.marketplace.matching.objective import clean, key
from server.activities.marketplace.matching.planning import exchanged, most_possible, planned, solved_round
from server.activities.marketplace.work import flows

LAWS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
SAME_GROUP = {"x": "a", "y": "b", None: None}


@st.composite
def events(
    draw: st.DrawFn, people: int = 6, stalls: int = 4, rounds: int = 3, mixed: bool = True, least: int = 1
) -> Event:
    """least: rounds that are planned. With hosts, past visits, vetoes, closed rounds, people who are away, groups and organisations or none."""
    number = draw(st.integers(least, rounds))
    first = draw(st.integers(1, number - least + 1))
    all_rounds = list(range(1, number + 1))
    places = [f"s{n}" for n in range(draw(st.integers(2, stalls)))]
    names = [f"p{n}" for n in range(draw(st.integers(2, people)))]
    some = st.none() | st.lists(st.sampled_from(all_rounds), unique=True)
    presents = {name: draw(st.sampled_from([None, None, *places])) for name in names}

    def person(name: str) -> dict[str, Any]:
        organisation = draw(st.sampled_from(["x", "y", None]))
        group = draw(st.sampled_from(["a", "b", None])) if mixed else SAME_GROUP[organisation]
        found = {
            "id": name,
            "organisation": organisation,
            "group": group,
            "interests": draw(st.dictionaries(st.sampled_from(places), st.integers(0, 3))),
            "never": draw(st.lists(st.sampled_from(places), max_size=1)),
        }
        return found if (there := draw(some)) is None else {**found, "rounds": there}

    def stall(id: str) -> dict[str, Any]:
        found = {
            "id": id,
            "capacity": draw(st.integers(1, 4)),
            "organisation": draw(st.sampled_from(["x", None])),
            "hosts": [name for name, at in presents.items() if at == id],
            "hosting": draw(st.sampled_from(["turns", "stay"])),
            "never": draw(st.sampled_from([[], ["y"]])),
        }
        return found if (when := draw(some)) is None else {**found, "open": when}

    past = st.lists(
        st.fixed_dictionaries({"person": st.sampled_from(names), "stall": st.sampled_from(places)}), max_size=4
    )
    return read(
        {
            "format": "officina.match/1",
            "seed": draw(st.integers(0, 3)),
            "rounds": number,
            "from_round": first,
            "people": [person(name) for name in names],
            "stalls": [stall(id) for id in places],
            "past": draw(past) if first > 1 else [],
        }
    )


@st.composite
def grids(draw: st.DrawFn, m: Market) -> Grid:
    """Any timetable at all, also one that breaks every rule."""
    return [[draw(st.integers(-1, m.S - 1)) for _ in range(m.T)] for _ in range(m.P)]


@given(st.data())
@LAWS
def test_the_validator_and_the_solving_count_the_same_broken_rules(data: st.DataObject) -> None:
    event = data.draw(events())
    m = event.market
    grid = data.draw(grids(m))
    assert m.grid(m.assignment(grid)) == grid
    found = key(m, grid)
    assert order(broken(event, m.assignment(grid))) == found[:5]
    assert minimums(event) == {id: m.lo[s] for s, id in sorted(enumerate(m.stalls), key=lambda one: one[1])}
    assert value(event, m.assignment(grid)).value == -found[5]


@given(events())
@LAWS
def test_no_plan_is_better_than_the_bound_of_either_engine(event: Event) -> None:
    m = event.market
    net, cells = sets_network(m), sets_network(m, rows=False)
    exact, loose = bound_of(m, net, flows.flow(net)), bound_of(m, cells, flow(cells))
    assert exact <= loose
    for grid in (m.grid(greedy(event)), planned(m, flows.flow, rows=True).grid, m.grid(plan_without_solver(event)[0])):
        if clean(key(m, grid)):
            assert -key(m, grid)[5] <= exact


@given(events(mixed=False))
@LAWS
def test_both_engines_find_the_same_optimum_of_the_sets(event: Event) -> None:
    m = event.market
    net = sets_network(m)
    assert not net.joined
    assert flows.flow(net).reward == flow(net).reward


@given(st.data())
@LAWS
def test_a_round_solved_again_is_the_best_there_is(data: st.DataObject) -> None:
    event = data.draw(events(people=4, stalls=3))
    m = event.market
    assume(m.T)
    grid = planned(m, flows.flow, rows=True).grid
    t = data.draw(st.integers(0, m.T - 1))
    for p in range(m.P):
        grid[p][t] = -1
    ways = [list(range(m.S)) if m.free[p][t] else [-1] for p in range(m.P)]
    best = min(
        key(m, [[s if u == t else x for u, x in enumerate(row)] for row, s in zip(grid, chosen, strict=True)])
        for chosen in product(*ways)
    )
    assume(clean(best))
    assert key(m, solved_round(m, flows.flow, t, grid, rows=True)) == best
    if not round_network(m, t, grid).joined:
        assert key(m, solved_round(m, flow, t, grid, rows=False)) == best


@given(events(people=5, rounds=4, least=2))
@LAWS
def test_the_order_of_two_rounds_is_the_best_there_is(event: Event) -> None:
    m = event.market
    grid = m.grid(greedy(event))
    fresh = exchanged(m, flows.flow, 0, 1, grid, rows=True)
    # Who visits nothing in one of the two rounds stays in the other.
    ways = [(False, True) if row[0] >= 0 and row[1] >= 0 else (False,) for row in grid]
    best = min(
        key(m, [[row[1], row[0], *row[2:]] if turn else row for row, turn in zip(grid, turns, strict=True)])
        for turns in product(*ways)
    )
    assert key(m, fresh) == best
    assert [sorted(row) for row in fresh] == [sorted(row) for row in grid]


@given(events())
@LAWS
def test_nobody_reaches_a_top_choice_beyond_the_most_possible(event: Event) -> None:
    m = event.market
    most = most_possible(m, flows.flow)
    for grid in (m.grid(greedy(event)), planned(m, flows.flow, rows=True).grid):
        reached = sum(
            m.top_seen[p] or any(s >= 0 and m.w[p][s] == m.top[p] > 0 for s in row) for p, row in enumerate(grid)
        )
        if clean(key(m, grid)):
            assert reached <= most
    assert most == most_possible(m, flow)


@given(events(), st.sampled_from(["interest", "top", "zero", "colleagues", "coverage"]))
@LAWS
def test_a_weight_of_0_takes_exactly_its_part_away(event: Event, name: str) -> None:
    without = event.model_copy(update={"weights": event.weights.model_copy(update={name: 0})})
    assignment = greedy(event)
    whole = value(event, assignment)
    part = value(Event.model_validate(without.model_dump(exclude_unset=True)), assignment)
    assert whole.value - part.value == whole.as_dict()[name]
    assert part.as_dict() == {**whole.as_dict(), name: 0}
