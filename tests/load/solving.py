"""The engines of marketplace and tables alone: no socket, no disk. A process of its own, so that memory and imports are only theirs.

`python -m tests.load.solving WHAT [PEOPLE STALLS ROUNDS]` prints one JSON object of figures; every plan in it was held
against the checker, which shares no code with the engines.
"""

import asyncio
import gc
import json
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, ParamSpec, TypeVar

import highspy

from server.activities.marketplace import matching, pairing
from server.activities.marketplace.matching import planning
from server.activities.marketplace.work import flows, plans
from server.activities.marketplace.work.pairs import proposed as proposal
from server.activities.tables.command import tables
from server.activities.tables.matching import read as read_tables
from server.activities.tables.matching.search import random_deal
from server.serve import COLLECT, SWITCH_SECONDS
from tests.load.placing import ROOM, SEATED
from tests.matching import checker, generator

P = ParamSpec("P")
T = TypeVar("T")
Event = dict[str, Any]
Plan = dict[str, Any]
Figures = dict[str, float]

SEEDS = (1, 2, 3)
KRAKOW = Path(__file__).parents[2] / "content" / "matching" / "krakow.json"
#: Tables of smaller rooms, where the optimum is harder to reach: people, tables, rounds.
SEATED_SMALL = ((24, 6, 3), (60, 10, 4))
SEATED_HARD = (24, 6, 5)
ORGANISATIONS, TAGS, WISHES = 200, 24, 13
#: How much better known each organisation is than the next: nearly alike, and as the stalls of `generator` are.
EVEN, LOUD = 0.15, 0.6
#: Of a hundred wishes, how many are answered by one of the other side.
ANSWERED = 60
#: Seconds between two ticks of the event loop while a plan is made beside it.
TICK = 0.005


def timed(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> tuple[float, T]:
    """Seconds of one call, and what it gave."""
    began = time.perf_counter()
    given = work(*args, **named)
    return time.perf_counter() - began, given


def most_memory() -> float:
    """Most memory that this process ever held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage says begins with the memory of whoever started this process.
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        return int(lines["VmHWM"].split()[0]) / 1000
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most / 1000


def untrue(event: Event, plan: Plan) -> int:
    """How much is wrong with a plan: rules broken, and figures of it that the checker finds otherwise."""
    return len(checker.broken(event, plan["assignment"])) + len(checker.check(event, plan))


def gap(bound: int | None, value: int) -> float:
    """Percent of the bound that are missing; all of it where there is no bound, because nothing is known then."""
    return 100.0 if not bound else 100 * (bound - value) / bound


# --- who visits which stall ---


def plan_of(data: Event, seconds: float = plans.PATIENT) -> Plan:
    """From the input to the whole document, as the live activity and the command make it."""
    return plans.solve(matching.read(data), exact_seconds=seconds)


def drafted(data: Event) -> tuple[checker.Assignment, int | None]:
    """Sets, rounds and polish without the exact program: the plan that a desk sees first, and the bound."""
    market = matching.read(data).market
    draft = planning.drafted(market, flows.flow, rows=True)
    return market.assignment(draft.grid), draft.bound


def first_come(data: Event) -> checker.Assignment:
    return matching.greedy(matching.read(data))


def match(people: int, stalls: int, rounds: int) -> Figures:
    """One size of the bar to reach, three instances: medians of times, the worst of what may be bad."""
    found: dict[str, list[float]] = {}
    before = most_memory()

    def note(**more: float) -> None:
        for key, value in more.items():
            found.setdefault(key, []).append(value)

    for seed in SEEDS:
        data = generator.event(people, stalls, rounds, seed)
        whole, plan = timed(plan_of, data)
        memory = most_memory() - before
        objective, top1 = plan["objective"], plan["totals"]["top1"]
        bound = objective["bound"]
        if "lp" in plan["engine"]["steps"]:
            first, (assignment, first_bound) = timed(drafted, data)
            first_gap = gap(first_bound, checker.value(data, assignment))
            first_broken = len(checker.broken(data, assignment))
        else:
            first, first_gap, first_broken = whole, gap(bound, objective["value"]), 0
        quick, simple = timed(first_come, data)
        note(
            whole=whole,
            first=first,
            greedy=quick,
            gap=gap(bound, objective["value"]),
            first_gap=first_gap,
            greedy_gap=gap(bound, checker.value(data, simple)),
            broken=untrue(data, plan) + first_broken,
            greedy_broken=bool(checker.broken(data, simple)),
            proven=objective["proven_optimal"],
            tops_short=top1["most_possible"] - top1["reached"],
            other_engine=plan["engine"]["name"] != "highs" or plan["engine"]["stopped"],
            memory=memory,
        )
    return {
        "whole_s": statistics.median(found["whole"]),
        "whole_max_s": max(found["whole"]),
        "first_s": statistics.median(found["first"]),
        "first_max_s": max(found["first"]),
        "greedy_s": statistics.median(found["greedy"]),
        "gap": max(found["gap"]),
        "first_gap": max(found["first_gap"]),
        "greedy_gap": statistics.median(found["greedy_gap"]),
        "greedy_broken": sum(found["greedy_broken"]),
        "proven": sum(found["proven"]),
        "tops_short": sum(found["tops_short"]),
        "other_engine": sum(found["other_engine"]),
        "broken": sum(found["broken"]),
        "instances": len(SEEDS),
        "memory_mb": max(found["memory"]),
    }


def krakow() -> Figures:
    """The market place of Krakow, whose optimum is printed."""
    data: Event = json.loads(KRAKOW.read_text(encoding="utf-8"))
    took, plan = timed(plan_of, data)
    first, (assignment, bound) = timed(drafted, data)
    quick, simple = timed(first_come, data)
    objective = plan["objective"]
    return {
        "whole_s": took,
        "value": objective["value"],
        "proven": objective["proven_optimal"],
        "first_s": first,
        "first_gap": gap(objective["bound"], checker.value(data, assignment)),
        "flow_bound": bound or 0,
        "greedy_s": quick,
        "greedy_value": checker.value(data, simple),
        "greedy_broken": len(checker.broken(data, simple)),
        "broken": untrue(data, plan),
    }


def moved(data: Event, before: checker.Assignment, after: checker.Assignment) -> float:
    """Percent of the people of the plan before, still here, who sit elsewhere in the next round."""
    round_ = data["from_round"]
    here = [
        person["id"]
        for person in data["people"]
        if person["id"] in before and any(r >= round_ for r in person.get("rounds", [round_]))
    ]
    there = {person["id"] for person in data["people"] if round_ in person.get("rounds", [round_])}
    changed: int = sum(before[p][round_ - 1] != after[p][round_ - 1] for p in here if p in there)
    return 100 * changed / len(here)


def sticky() -> Figures:
    """A room of 200 after its first round: people have left, come and sat elsewhere, and the plan in use is kept as far as may be."""
    found: dict[str, list[float]] = {}
    for seed in SEEDS:
        data = generator.event(*ROOM, seed)
        before = plan_of(data)["assignment"]
        later = generator.after_first_round(data, before, seed)
        took, plan = timed(plan_of, later)
        fresh = {key: value for key, value in later.items() if key != "previous"}
        anew, other = timed(plan_of, fresh)
        quick, simple = timed(first_come, fresh)
        # The bound of the plan from scratch is for the same people and stalls, whatever sat where before.
        bound = min(plan["objective"]["bound"] or 10**9, other["objective"]["bound"] or 10**9)
        for key, value in {
            "sticky_s": took,
            "moved": moved(later, before, plan["assignment"]),
            "gap": gap(bound, plan["objective"]["value"]),
            "anew_s": anew,
            "anew_moved": moved(later, before, other["assignment"]),
            "anew_gap": gap(bound, other["objective"]["value"]),
            "greedy_s": quick,
            "greedy_moved": moved(later, before, simple),
            "greedy_gap": gap(bound, checker.value(fresh, simple)),
            "broken": untrue(later, plan) + untrue(fresh, other),
        }.items():
            found.setdefault(key, []).append(value)
    return {key: statistics.median(values) for key, values in found.items()} | {
        "moved": max(found["moved"]),
        "gap": max(found["gap"]),
        "broken": sum(found["broken"]),
    }


# --- which organisations prepare something together ---


def panel(seed: int, loud: float) -> pairing.Panel:
    """A panel of ORGANISATIONS: known ones that many wish for, tags to offer and to need, wishes answered or not."""
    draw = Random(seed).random
    ids = [f"o{n:03d}" for n in range(1, ORGANISATIONS + 1)]
    known = [1 / rank**loud for rank in range(1, ORGANISATIONS + 1)]

    def tags() -> list[str]:
        return list(dict.fromkeys(f"t{int(draw() * TAGS):02d}" for _ in range(1 + int(draw() * 3))))

    organisations = [{"id": id, "offers": tags(), "needs": tags()} for id in ids]
    wishes: dict[tuple[str, str], int] = {}
    for by in ids:
        liked = sorted(range(ORGANISATIONS), key=lambda n: -known[n] * draw())
        for n in liked[: 1 + int(draw() * 2 * WISHES)]:
            if ids[n] == by:
                continue
            wishes[by, ids[n]] = 1 + int(draw() * 3)
            if draw() * 100 < ANSWERED:
                wishes.setdefault((ids[n], by), 1 + int(draw() * 3))
    said = [{"by": by, "to": to, "level": level} for (by, to), level in wishes.items()]
    return pairing.Panel.model_validate({"organisations": organisations, "wishes": said, "seed": seed})


def fewest_alone(of: pairing.Panel) -> int:
    """How many organisations that have a candidate no selection whatever could give an activity."""
    solver = flows.solver()
    chosen: dict[str, list[Any]] = {}
    for one in pairing.candidates(of):
        pair = solver.addVariable(0, 1, type=highspy.HighsVarType.kInteger)
        for id in (one.a, one.b):
            chosen.setdefault(id, []).append(pair)
    helped = []
    for theirs in chosen.values():
        one_of_them = solver.addVariable(0, 1)
        solver.addConstr(one_of_them <= sum(theirs))
        solver.addConstr(sum(theirs) <= of.limit)
        helped.append(one_of_them)
    solver.maximize(sum(helped))
    most: float = solver.getInfo().objective_function_value
    return len(chosen) - round(most)


def proposed(of: pairing.Panel) -> Figures:
    among = pairing.candidates(of)
    took, told = timed(proposal, of)
    quick, _ = timed(lambda: pairing.greedy(of, pairing.candidates(of)))
    chosen = [(pair["a"], pair["b"]) for pair in told["pairs"]]
    wanted = {id for one in among for id in (one.a, one.b)}
    weights = {(one.a, one.b): one.weight for one in among}
    each = Counter(id for pair in chosen for id in pair)
    value = sum(weights.get(pair, 0) for pair in chosen) + sum(25 + 8 * (n > 1) for n in each.values())
    right = value == told["value"] == told.get("bound", value) and value >= told["greedy"]["value"]
    return {
        "s": took,
        "proven": told["engine"]["optimal"],
        "alone": len(wanted & set(told["without"])),
        "value": told["value"],
        "candidates": len(among),
        "greedy_s": quick,
        "greedy_value": told["greedy"]["value"],
        "greedy_alone": len(wanted & set(told["greedy"]["without"])),
        "broken": len(pairing.broken(of, chosen)) + (not right),
    }


def best_pairs() -> Figures:
    """The proposal of large panels, beside the strongest pairs first; then of panels where all wish for the same few."""
    even = [proposed(panel(seed, EVEN)) for seed in SEEDS]
    loud = [proposed(panel(seed, LOUD)) for seed in SEEDS]

    def middle(key: str, some: Sequence[Figures]) -> float:
        return statistics.median(one[key] for one in some)

    return {
        "s": middle("s", even),
        "max_s": max(one["s"] for one in even),
        "candidates": middle("candidates", even),
        "unproven": sum(not one["proven"] for one in even),
        "alone": sum(one["alone"] for one in even),
        "gain": min(100 * (one["value"] / one["greedy_value"] - 1) for one in even),
        "greedy_s": middle("greedy_s", even),
        "greedy_alone": sum(one["greedy_alone"] for one in even),
        "loud_s": middle("s", loud),
        "loud_max_s": max(one["s"] for one in loud),
        "loud_unproven": sum(not one["proven"] for one in loud),
        "loud_alone": sum(one["alone"] for one in loud),
        "loud_fewest": sum(fewest_alone(panel(seed, LOUD)) for seed in SEEDS),
        "loud_greedy_alone": sum(one["greedy_alone"] for one in loud),
        "broken": sum(one["broken"] for one in (*even, *loud)),
    }


# --- who sits at which table ---


def seated(size: tuple[int, int, int], seed: int) -> Figures:
    data = generator.tables_event(*size, seed)
    said = json.dumps(data)
    took, (code, plan, _) = timed(tables, said)
    quick, dealt = timed(lambda: random_deal(read_tables(data)))
    return {
        "s": took,
        "cost": plan["objective"]["cost"],
        "repeats": plan["totals"]["repeat_meetings"],
        "proven": plan["objective"]["proven_optimal"],
        "broken": len(checker.broken_tables(data, plan["assignment"])) + len(checker.check_tables(data, plan)) + code,
        "deal": dealt,
        "deal_s": quick,
    }


def seating() -> Figures:
    """The large room; then small ones, of which the last has no seating without repeats."""
    large = [seated(SEATED, seed) for seed in SEEDS]
    small = [seated(size, seed) for size in SEATED_SMALL for seed in SEEDS]
    hard = [seated(SEATED_HARD, seed) for seed in SEEDS]
    return {
        "large_s": statistics.median(one["s"] for one in large),
        "large_max_s": max(one["s"] for one in large),
        "large_cost": max(one["cost"] for one in large),
        "large_deal": statistics.median(one["deal"] for one in large),
        "large_deal_s": statistics.median(one["deal_s"] for one in large),
        "small_s": max(one["s"] for one in small),
        "small_unproven": sum(not one["proven"] for one in small),
        "small_deal": statistics.median(one["deal"] for one in small),
        "hard_s": max(one["s"] for one in hard),
        "hard_repeats": max(one["repeats"] for one in hard),
        "hard_deal": statistics.median(one["deal"] for one in hard),
        "broken": sum(one["broken"] for one in (*large, *small, *hard)),
    }


# --- beside an event loop ---


async def stalls(work: Callable[P, Any], *args: P.args, **named: P.kwargs) -> tuple[float, list[float]]:
    """Seconds of `work` in a thread, and by how many ms each tick of the loop came late meanwhile."""
    late: list[float] = []

    async def ticks() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK)
            late.append(max(0.0, time.perf_counter() - began - TICK) * 1000)

    ticker = asyncio.create_task(ticks())
    await asyncio.sleep(10 * TICK)
    late.clear()
    began = time.perf_counter()
    await asyncio.to_thread(work, *args, **named)
    took = time.perf_counter() - began
    await asyncio.sleep(2 * TICK)
    ticker.cancel()
    return took, late


def counting(seconds: float) -> int:
    """Plain Python for so long: what a thread costs the loop that does not even leave the interpreter."""
    until = time.perf_counter() + seconds
    count = 0
    while time.perf_counter() < until:
        count += 1
    return count


def off_the_line() -> Figures:
    """How late an event loop comes to its work while a thread makes a plan for 200 people, beside two plainer threads."""

    async def beside() -> Figures:
        found: dict[str, list[float]] = {}
        for seed in SEEDS:
            data = generator.event(*ROOM, seed)
            took, late = await stalls(plan_of, data, plans.LIVE)
            _, counted = await stalls(counting, took)
            _, idle = await stalls(time.sleep, took)
            ordered = sorted(late)
            for key, figure in {
                "solve_s": took,
                "stall_ms": ordered[-1],
                "stall_p95_ms": ordered[int(len(ordered) * 0.95)],
                "counting_ms": max(counted),
                "idle_ms": max(idle),
            }.items():
                found.setdefault(key, []).append(figure)
        return {key: (max if key.endswith("_ms") else statistics.median)(some) for key, some in found.items()}

    return asyncio.run(beside())


WHAT: dict[str, Callable[..., Figures]] = {
    "match": match,
    "krakow": krakow,
    "sticky": sticky,
    "pairs": best_pairs,
    "seating": seating,
    "off_the_line": off_the_line,
}


def main() -> None:
    # As the server sets itself, so that neither the collector nor the interpreter's lock is another one.
    sys.setswitchinterval(SWITCH_SECONDS)
    plans.warm()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    what, *size = sys.argv[1:]
    print(json.dumps(WHAT[what](*map(int, size))))


if __name__ == "__main__":
    main()
