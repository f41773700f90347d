"""Recomputes every figure of a plan from the event and the plan's `assignment` alone.

Written from the definitions (MATCHING 2, 6, 7, 8) and not from the engines, of which it imports nothing: only so does
an error in the engines' own arithmetic show. `check` and `check_tables` say in words where a plan document is untrue;
no words mean that every figure in it is right. A plan that breaks rules and says so is a true document: what it breaks
is told by `broken` and `broken_tables`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

Event = Mapping[str, Any]
Assignment = Mapping[str, list[str | None]]
Breach = dict[str, Any]

WEIGHTS = {
    "interest": 10,
    "top": 40,
    "zero": 5,
    "mix_first": 12,
    "mix_second": 4,
    "mix_over": 6,
    "colleagues": 8,
    "coverage": 15,
}
PARTS = ("interest", "top", "zero", "mix", "colleagues", "coverage")
TABLE_WEIGHTS = {"repeat": 10, "colleagues": 6}
#: How much an engine's figure may differ where the document holds a rounded number.
ROUNDING = 0.051


# The marketplace.


class Market:
    """What follows from an event before anybody is placed (MATCHING 2.1)."""

    def __init__(self, event: Event) -> None:
        self.first = event.get("from_round", 1)
        self.rounds = event["rounds"]
        self.planned = range(self.first, self.rounds + 1)
        self.weights = {**WEIGHTS, **event.get("weights", {})}
        self.people = {person["id"]: person for person in event["people"]}
        self.stalls = {stall["id"]: stall for stall in event["stalls"]}
        self.pins = list(event.get("pins", []))
        self.previous = event.get("previous")
        self.seen: dict[str, set[str]] = {p: set() for p in self.people}
        for visit in event.get("past", []):
            self.seen[visit["person"]].add(visit["stall"])
        self.duty: dict[tuple[str, int], str] = {}
        self.unhosted: list[tuple[str, int]] = []
        for s, stall in self.stalls.items():
            for r in range(1, self.rounds + 1):
                if not self.open(s, r):
                    continue
                on_duty = self._on_duty(stall, r)
                if not on_duty and stall.get("hosts"):
                    self.unhosted.append((s, r))
                for p in on_duty:
                    if r in self.planned and (p, r) in self.duty:
                        raise ValueError(f"host_clash: {p} presents two stalls in round {r}")
                    self.duty[p, r] = s
        self.members = Counter(self.organisation(p) for p in self.people if self.organisation(p) is not None)
        self.free_in = {r: [p for p in self.people if self.free(p, r)] for r in self.planned}
        self.open_in = {r: [s for s in self.stalls if self.open(s, r)] for r in self.planned}
        self.free_of_group: Counter[str] = Counter()
        for r in self.planned:
            self.free_of_group.update(self.group(p) for p in self.free_in[r] if self.group(p) is not None)
        self.open_rounds = sum(len(stalls) for stalls in self.open_in.values())
        means = [len(self.free_in[r]) // len(self.open_in[r]) for r in self.planned if self.open_in[r]]
        m = min(means, default=0)
        self.lowest = {s: self._lowest(stall, m) for s, stall in self.stalls.items()}

    def open(self, s: str, r: int) -> bool:
        rounds = self.stalls[s].get("open")
        return rounds is None or r in rounds

    def present(self, p: str, r: int) -> bool:
        rounds = self.people[p].get("rounds")
        return rounds is None or r in rounds

    def free(self, p: str, r: int) -> bool:
        return self.present(p, r) and (p, r) not in self.duty

    def organisation(self, p: str) -> str | None:
        return self.people[p].get("organisation")

    def group(self, p: str) -> str | None:
        return self.people[p].get("group")

    def interest(self, p: str, s: str) -> int:
        return self.people[p].get("interests", {}).get(s, 0)

    def allowed(self, p: str, s: str) -> bool:
        person, stall, own = self.people[p], self.stalls[s], self.organisation(p)
        return not (
            (own is not None and own == stall.get("organisation"))
            or p in stall.get("hosts", [])
            or s in person.get("never", [])
            or (own is not None and own in stall.get("never", []))
        )

    def top(self, p: str) -> int:
        return max((self.interest(p, s) for s in self.stalls if self.allowed(p, s)), default=0)

    def mix_step(self, group: str, k: int) -> int:
        """mu(g, k): what the k-th visitor of one group at a stall in one round adds."""
        free, stalls = self.free_of_group[group], self.open_rounds
        if k == 1:
            return self.weights["mix_first"]
        if k == 2 and 2 * free >= 3 * stalls:
            return self.weights["mix_second"]
        return 0 if k <= -(-free // stalls) + 1 else -self.weights["mix_over"]

    def _on_duty(self, stall: Mapping[str, Any], r: int) -> list[str]:
        hosts = stall.get("hosts", [])
        if stall.get("hosting", "turns") == "stay":
            return [p for p in hosts if self.present(p, r)]
        n = len(hosts)
        turns = (hosts[(r - 1 + step) % n] for step in range(n))
        return next(([p] for p in turns if self.present(p, r)), [])

    @staticmethod
    def _lowest(stall: Mapping[str, Any], m: int) -> int:
        if stall.get("minimum") is not None:
            return int(stall["minimum"])
        return min(m, max(1, 2 * m // 5), int(stall["capacity"]))


class Placed:
    """An assignment read against its market: the planned visits, by person and by stall and round."""

    def __init__(self, market: Market, assignment: Assignment) -> None:
        self.market = market
        self.visits: dict[str, list[tuple[int, str]]] = {}
        self.at: dict[tuple[str, int], list[str]] = defaultdict(list)
        for p in market.people:
            row = assignment.get(p, [])
            self.visits[p] = [(r, s) for r, s in enumerate(row, 1) if s is not None and r in market.planned]
            for r, s in self.visits[p]:
                self.at[s, r].append(p)

    def parts(self) -> dict[str, int]:
        """The six parts of V (MATCHING 2.3); V is their sum."""
        m, w = self.market, self.market.weights
        parts = dict.fromkeys(PARTS, 0)
        for p, visits in self.visits.items():
            levels = [m.interest(p, s) for _, s in visits]
            before = [m.interest(p, s) for s in m.seen[p]]
            parts["interest"] += w["interest"] * sum(levels)
            top = m.top(p)
            if top > 0 and top not in before and top in levels:
                parts["top"] += w["top"]
            z0 = before.count(0)
            for j in range(levels.count(0)):
                parts["zero"] -= w["zero"] * min(7, z0 + j)
        for visitors in self.at.values():
            for group, n in self._counted(visitors, m.group).items():
                parts["mix"] += sum(m.mix_step(group, k) for k in range(1, n + 1))
            for n in self._counted(visitors, m.organisation).values():
                parts["colleagues"] -= w["colleagues"] * (n - 1)
        parts["coverage"] = w["coverage"] * sum(self.coverage().values())
        return parts

    def value(self) -> int:
        return sum(self.parts().values())

    def coverage(self) -> dict[str, int]:
        """By organisation of two or more people: the stalls that its people see for the first time in the plan."""
        m = self.market
        before: dict[str, set[str]] = defaultdict(set)
        now: dict[str, set[str]] = defaultdict(set)
        for p in m.people:
            own = m.organisation(p)
            if own is not None and m.members[own] >= 2:
                before[own] |= m.seen[p]
                now[own] |= {s for _, s in self.visits[p]}
        return {own: len(now[own] - before[own]) for own in now}

    def mix_index(self) -> float | None:
        """Filled cells over all cells (stall, open round, group with free people); None where there is no cell."""
        m = self.market
        cells = filled = 0
        for r in m.planned:
            for s in m.open_in[r]:
                groups = {m.group(p) for p in self.at.get((s, r), [])}
                cells += len(m.free_of_group)
                filled += sum(g in groups for g in m.free_of_group)
        return round(filled / cells, 3) if cells else None

    def reached(self, p: str, k: int) -> bool | None:
        """Whether p's k best wishes are p's k best visits, past ones included; None outside the denominator."""
        m = self.market
        wishes = sorted((m.interest(p, s) for s in m.stalls if m.allowed(p, s) and m.interest(p, s)), reverse=True)
        possible = len(m.seen[p]) + sum(m.free(p, r) for r in m.planned)
        if len(wishes) < k or possible < k:
            return None
        visited = m.seen[p] | {s for _, s in self.visits[p]}
        got = sorted((m.interest(p, s) for s in visited), reverse=True)
        return got[:k] == wishes[:k]

    def broken(self, assignment: Assignment) -> list[Breach]:
        """Every breach of M1 to M7 (MATCHING 2.2)."""
        m = self.market
        found: list[Breach] = []
        for p in m.people:
            row = list(assignment.get(p, []))
            row += [None] * (m.rounds - len(row))
            for r, s in enumerate(row, 1):
                if (r in m.planned and m.free(p, r)) != (s is not None):
                    found.append({"rule": "M1", "person": p, "round": r})
            seen = set(m.seen[p])
            for r, s in self.visits[p]:
                if s in seen:
                    found.append({"rule": "M2", "person": p, "stall": s, "round": r})
                seen.add(s)
                if s not in m.stalls:
                    found.append({"rule": "M6", "person": p, "stall": s, "round": r})
                    continue
                if not m.allowed(p, s):
                    found.append({"rule": "M5", "person": p, "stall": s, "round": r})
                if not m.open(s, r):
                    found.append({"rule": "M6", "person": p, "stall": s, "round": r})
        for r in m.planned:
            for s, stall in m.stalls.items():
                n = len(self.at.get((s, r), []))
                if n > stall["capacity"]:
                    found.append({"rule": "M3", "stall": s, "round": r, "by": n - stall["capacity"]})
                if m.open(s, r) and n < m.lowest[s]:
                    found.append({"rule": "M4", "stall": s, "round": r, "by": m.lowest[s] - n})
        for pin in m.pins:
            if pin["round"] in m.planned and (pin["round"], pin["stall"]) not in self.visits[pin["person"]]:
                found.append({"rule": "M7", "person": pin["person"], "stall": pin["stall"], "round": pin["round"]})
        return found

    @staticmethod
    def _counted(visitors: Iterable[str], by: Any) -> Counter[str]:
        return Counter(key for key in map(by, visitors) if key is not None)


def broken(event: Event, assignment: Assignment) -> list[Breach]:
    """The breaches of M1 to M7, as `{rule, person?, stall?, round?, by?}`."""
    return Placed(Market(event), assignment).broken(assignment)


def value(event: Event, assignment: Assignment) -> int:
    """V of MATCHING 2.3."""
    return Placed(Market(event), assignment).value()


def check(event: Event, plan: Mapping[str, Any]) -> list[str]:
    """What is untrue in a plan document of MATCHING 7, in words; [] when it is true."""
    market = Market(event)
    assignment = plan["assignment"]
    told: list[str] = []

    def same(what: str, theirs: Any, ours: Any) -> None:
        if theirs != ours:
            told.append(f"{what}: {theirs!r} in the plan, {ours!r} by the checker")

    same("format", plan.get("format"), "officina.match.plan/1")
    if plan.get("input_sha256") not in digests(event):
        told.append(f"input_sha256: {plan.get('input_sha256')!r} is not the digest of the input")
    same("seed", plan.get("seed"), event.get("seed", 1))
    same("weights", plan.get("weights"), market.weights)
    same("people in assignment", sorted(assignment), sorted(market.people))
    for p, row in assignment.items():
        if len(row) != market.rounds:
            told.append(f"assignment of {p}: {len(row)} rounds instead of {market.rounds}")
        told.extend(f"assignment of {p}: no stall {s!r}" for s in row if s is not None and s not in market.stalls)
    if told and any(line.startswith(("people in", "assignment")) for line in told):
        return told
    placed = Placed(market, assignment)

    hosting = plan.get("hosting", {})
    for p in market.people:
        ours: list[str | None] = [None] * market.rounds
        for r in market.planned:
            ours[r - 1] = market.duty.get((p, r))
        same(f"hosting of {p}", hosting.get(p, [None] * market.rounds), ours)
    same("minimum", plan.get("minimum"), market.lowest)

    found = placed.broken(assignment)
    same("broken", sorted(map(_breach, plan.get("broken", []))), sorted(map(_breach, found)))
    told.extend(_objective(plan, market, placed, bool(found)))
    told.extend(_people_and_totals(plan, market, placed))
    warned = {(w.get("stall"), w.get("round")) for w in plan.get("warnings", []) if w["code"] == "unhosted"}
    told.extend(
        f"unhosted: no warning for {s} in round {r}"
        for s, r in market.unhosted
        if r in market.planned and (s, r) not in warned
    )
    told.extend(f"unhosted: {s} has a host in round {r}" for s, r in sorted(warned) if (s, r) in _hosted(market))
    told.extend(_changes(plan, market, assignment))
    return told


def _hosted(market: Market) -> set[tuple[str, int]]:
    return {(s, r) for (_, r), s in market.duty.items()}


def _breach(breach: Breach) -> tuple[str, str, str, int, int]:
    """A breach as what identifies it: for a rule about a person no chairs, for a rule about a stall no person."""
    rule = breach["rule"]
    person = breach.get("person", "") if rule in ("M1", "M2", "M5", "M6", "M7") else ""
    stall = breach.get("stall", "") if rule != "M1" else ""
    return (rule, person or "", stall or "", breach.get("round", 0), breach.get("by", 0) if rule in ("M3", "M4") else 0)


def _objective(plan: Mapping[str, Any], market: Market, placed: Placed, relaxed: bool) -> Iterator[str]:
    objective = plan["objective"]
    parts = placed.parts()
    total = sum(parts.values())
    if objective["value"] != total:
        yield f"objective.value: {objective['value']!r} in the plan, {total} by the checker"
    for name in PARTS:
        if objective["parts"].get(name) != parts[name]:
            yield f"objective.parts.{name}: {objective['parts'].get(name)!r} in the plan, {parts[name]} by the checker"
    if set(objective["parts"]) != set(PARTS):
        yield f"objective.parts: the names {sorted(objective['parts'])}"
    bound, gap = objective["bound"], objective["gap_percent"]
    expected: float | None
    if bound is None or relaxed:
        expected = None
    elif bound == total:
        expected = 0.0
    else:
        expected = round(100 * (bound - total) / bound, 3) if bound > 0 else None
    if gap != expected:
        yield f"objective.gap_percent: {gap!r} in the plan, {expected!r} by the checker"
    if bound is not None:
        if relaxed:
            yield "objective.bound: a bound although a rule is broken"
        if not isinstance(bound, int):
            yield f"objective.bound: {bound!r} is not a whole number"
        if bound < total:
            yield f"objective.bound: {bound} is below the value {total}"
        if objective.get("bound_from") not in ("flow", "lp", "milp"):
            yield f"objective.bound_from: {objective.get('bound_from')!r}"
    if bool(objective["proven_optimal"]) != (bound is not None and bound == total):
        yield f"objective.proven_optimal: {objective['proven_optimal']!r} with value {total} and bound {bound}"
    first = objective.get("first_come")
    if first is not None and not relaxed and bound is not None and first > bound:
        yield f"objective.first_come: {first} is above the bound {bound}"
    if first is not None and not relaxed and first > total and market.previous is None:
        yield f"objective.first_come: {first} is above the value {total}"


def _people_and_totals(plan: Mapping[str, Any], market: Market, placed: Placed) -> Iterator[str]:
    reached: dict[int, list[bool]] = {1: [], 2: [], 3: []}
    zero_rounds = with_zero = 0
    no_wishes = 0
    if set(plan["people"]) != set(market.people):
        yield "people: not the people of the event"
        return
    for p in market.people:
        told = plan["people"][p]
        levels = [market.interest(p, s) for _, s in placed.visits[p]]
        top = market.top(p)
        ours: dict[str, Any] = {"visits": len(levels), "levels": levels, "top_level": top}
        for k in reached:
            ours[f"top{k}"] = placed.reached(p, k)
            if ours[f"top{k}"] is not None:
                reached[k].append(ours[f"top{k}"])
        if top > 0:
            ours["zero_interest_rounds"] = levels.count(0)
            zero_rounds += levels.count(0)
            with_zero += 0 in levels
        else:
            no_wishes += 1
        for name, mine in ours.items():
            if name not in told or told[name] != mine or isinstance(told[name], bool) != isinstance(mine, bool):
                yield f"people.{p}.{name}: {told.get(name)!r} in the plan, {mine!r} by the checker"
    seats = [len(placed.at.get((s, r), [])) for r in market.planned for s in market.open_in[r]]
    room = [int(market.stalls[s]["capacity"]) for r in market.planned for s in market.open_in[r]]
    free = sum(max(0, cap - n) for cap, n in zip(room, seats, strict=True))
    totals = plan["totals"]
    ours = {
        "no_wishes": no_wishes,
        "zero_interest_rounds": zero_rounds,
        "people_with_zero_interest_round": with_zero,
        "mix_index": placed.mix_index(),
        "colleagues_together": sum(
            n - 1
            for visitors in placed.at.values()
            for n in Counter(o for o in map(market.organisation, visitors) if o is not None).values()
        ),
        "coverage": placed.coverage(),
        "load": {"smallest": min(seats, default=0), "largest": max(seats, default=0)},
        "free_seats_percent": round(100 * free / sum(room), 1) if room else None,
    }
    if ours["mix_index"] is None and totals.get("mix_index") == 0:
        # Where there is no cell, nothing over nothing is not defined: no figure and 0 are both taken.
        del ours["mix_index"]
    for name, mine in ours.items():
        if totals.get(name) != mine:
            yield f"totals.{name}: {totals.get(name)!r} in the plan, {mine!r} by the checker"
    for k, who in reached.items():
        told = totals[f"top{k}"]
        if (told["reached"], told["of"]) != (sum(who), len(who)):
            yield f"totals.top{k}: {told} in the plan, {sum(who)} of {len(who)} by the checker"
    most = totals["top1"].get("most_possible")
    if most is not None and not sum(reached[1]) <= most <= len(reached[1]):
        yield f"totals.top1.most_possible: {most} with {sum(reached[1])} reached of {len(reached[1])}"


def _changes(plan: Mapping[str, Any], market: Market, assignment: Assignment) -> Iterator[str]:
    """Who sits elsewhere than in `previous`: in the first planned round, and in the rounds after it."""
    if market.previous is None:
        if plan.get("changes") is not None:
            yield "changes: there is no previous plan"
        return
    told = plan.get("changes")
    if told is None:
        yield "changes: missing although there is a previous plan"
        return
    next_round = later = 0
    for p in market.people:
        old = market.previous.get(p)
        if old is None:
            continue
        moved = {
            r
            for r in market.planned
            if market.free(p, r) and assignment[p][r - 1] != (old[r - 1] if r <= len(old) else None)
        }
        next_round += market.first in moved
        later += any(r > market.first for r in moved)
    for name, mine in (("next_round", next_round), ("later", later)):
        if told[name] != mine:
            yield f"changes.{name}: {told[name]} in the plan, {mine} by the checker"
    if not max(told["next_round"], told["later"]) <= told["of"] <= len(market.people):
        yield f"changes.of: {told}"


# What an input's digest is taken of.


def canonical(event: Event, *, rounds_too: bool = False) -> str:
    """The input of either command as one canonical JSON text (MATCHING 7); `rounds_too` also sorts lists of rounds."""
    lists = ("never", "rounds", "open") if rounds_too else ("never",)

    def tidy(thing: Mapping[str, Any]) -> dict[str, Any]:
        return {name: sorted(of) if name in lists and of is not None else of for name, of in thing.items()}

    out: dict[str, Any] = dict(event)
    out["people"] = sorted(map(tidy, event["people"]), key=lambda person: person["id"])
    if "stalls" in out:
        out["stalls"] = sorted(map(tidy, event["stalls"]), key=lambda stall: stall["id"])
    if isinstance(out.get("tables"), list):
        out["tables"] = sorted(event["tables"], key=lambda table: table["id"])
    if "past" in out and event.get("format", "").startswith("officina.tables"):
        out["past"] = sorted(sorted(met) for met in event["past"])
    elif "past" in out:
        out["past"] = sorted(event["past"], key=lambda v: (v["person"], v["stall"], v.get("round") or 0))
    if "apart" in out:
        out["apart"] = sorted(sorted(pair) for pair in event["apart"])
    if "pins" in out:
        out["pins"] = sorted(event["pins"], key=lambda v: (v["person"], v.get("stall", v.get("table")), v["round"]))
    return json.dumps(out, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digests(event: Event) -> set[str]:
    """The SHA-256 that `input_sha256` may be: the page leaves open whether lists of round numbers are sorted."""
    texts = {canonical(event), canonical(event, rounds_too=True)}
    return {hashlib.sha256(text.encode()).hexdigest() for text in texts}


# The tables.


class Seating:
    """A seating of several table rounds read against its event (MATCHING 6)."""

    def __init__(self, event: Event, assignment: Assignment) -> None:
        self.event, self.assignment = event, assignment
        self.rounds = event["rounds"]
        self.weights = {**TABLE_WEIGHTS, **event.get("weights", {})}
        self.people = {person["id"]: person for person in event["people"]}
        tables = event["tables"]
        if isinstance(tables, int):
            tables = [{"id": f"t{n}"} for n in range(1, tables + 1)]
        self.seats: dict[str, int | None] = {table["id"]: table.get("seats") for table in tables}
        self.before: Counter[tuple[str, str]] = Counter()
        for met in event.get("past", []):
            self.before.update(pair for pair in combinations(sorted(set(met)), 2))
        self.at: dict[tuple[int, str], list[str]] = {(k, t): [] for k in range(1, self.rounds + 1) for t in self.seats}
        for p in sorted(self.people):
            for k, t in enumerate(assignment.get(p, []), 1):
                if (k, t) in self.at:
                    self.at[k, str(t)].append(p)

    def present(self, p: str, k: int) -> bool:
        rounds = self.people[p].get("rounds")
        return rounds is None or k in rounds

    def colleagues(self, p: str, q: str) -> bool:
        own = self.people[p].get("organisation")
        return own is not None and own == self.people[q].get("organisation")

    def pairs(self) -> Iterator[tuple[int, tuple[str, str]]]:
        """Every meeting of the plan: the round and the two people, ids in order, rounds in order."""
        for (k, _), sitting in self.at.items():
            for pair in combinations(sitting, 2):
                yield k, pair

    def parts(self) -> dict[str, int]:
        meetings = Counter(pair for _, pair in self.pairs())
        repeats = 0
        for pair, n in meetings.items():
            m0 = self.before[pair]
            repeats += max(0, m0 + n - 1) ** 2 - max(0, m0 - 1) ** 2
        together = sum(self.colleagues(*pair) for _, pair in self.pairs())
        return {
            "repeats": self.weights["repeat"] * repeats,
            "colleagues": self.weights["colleagues"] * together,
        }

    def cost(self) -> int:
        return sum(self.parts().values())

    def bound(self) -> int | None:
        """The hand-computable lower bound; None where somebody is away or seats force unequal tables."""
        if not all(self.present(p, k) for p in self.people for k in range(1, self.rounds + 1)):
            return None
        size, larger = divmod(len(self.people), len(self.seats))
        room = [len(self.people) if seats is None else seats for seats in self.seats.values()]
        if min(room) < size or sum(seats > size for seats in room) < larger:
            return None
        t, rounds = len(self.seats), self.rounds
        groups: dict[str | None, list[str]] = defaultdict(list)
        for p in sorted(self.people):
            groups[self.people[p].get("group")].append(p)
        inside = 0
        repeats = 0
        for members in groups.values():
            inside += same_table_pairs(len(members), t)
            repeats += self._cheapest(combinations(members, 2), rounds * same_table_pairs(len(members), t))
        cross = (
            (p, q)
            for p, q in combinations(sorted(self.people), 2)
            if self.people[p].get("group") != self.people[q].get("group")
        )
        repeats += self._cheapest(cross, rounds * (same_table_pairs(len(self.people), t) - inside))
        organisations = Counter(o for o in (x.get("organisation") for x in self.people.values()) if o is not None)
        colleagues = rounds * sum(same_table_pairs(n, t) for n in organisations.values())
        return self.weights["repeat"] * repeats + self.weights["colleagues"] * colleagues

    def _cheapest(self, pairs: Iterable[tuple[str, str]], meetings: int) -> int:
        marginal = []
        for pair in pairs:
            m0 = self.before[pair]
            marginal += [max(0, 2 * (m0 + n) - 1) for n in range(self.rounds)]
        return sum(sorted(marginal)[:meetings])

    def broken(self) -> list[Breach]:
        """Every breach of T1 to T5."""
        found: list[Breach] = []
        for p in self.people:
            row = list(self.assignment.get(p, []))
            row += [None] * (self.rounds - len(row))
            for k, t in enumerate(row, 1):
                if self.present(p, k) != (t in self.seats):
                    found.append({"rule": "T1", "person": p, "round": k})
        for k in range(1, self.rounds + 1):
            sizes = {t: len(self.at[k, t]) for t in self.seats}
            low, high = min(sizes.values()), max(sizes.values())
            for t, n in sizes.items():
                seats = self.seats[t]
                if (seats is not None and n > seats) or (high - n >= 2 and (seats is None or n < seats)):
                    found.append({"rule": "T2", "table": t, "round": k})
            here = Counter(self.people[p].get("group") for t in self.seats for p in self.at[k, t])
            total = sum(sizes.values())
            for group, n in here.items():
                counts = {t: sum(self.people[p].get("group") == group for p in self.at[k, t]) for t in self.seats}
                if high - low <= 1:
                    if max(counts.values()) - min(counts.values()) > 1:
                        found.append({"rule": "T3", "round": k, "group": group})
                elif any(abs(counts[t] * total - n * sizes[t]) >= total for t in self.seats):
                    found.append({"rule": "T3", "round": k, "group": group})
            for p, q in self.event.get("apart", []):
                if any(p in self.at[k, t] and q in self.at[k, t] for t in self.seats):
                    found.append({"rule": "T4", "round": k, "people": sorted((p, q))})
        for pin in self.event.get("pins", []):
            if self.assignment.get(pin["person"], [None] * self.rounds)[pin["round"] - 1] != pin["table"]:
                found.append({"rule": "T5", "person": pin["person"], "round": pin["round"]})
        return found

    def of_person(self, p: str) -> dict[str, int]:
        met: set[str] = set()
        colleagues = repeats = most = 0
        meetings: Counter[tuple[str, str]] = Counter()
        for k in range(1, self.rounds + 1):
            largest = max(len(self.at[k, t]) for t in self.seats)
            most += largest - 1 if self.present(p, k) else 0
            for t in self.seats:
                if p not in self.at[k, t]:
                    continue
                for q in self.at[k, t]:
                    if q == p:
                        continue
                    pair = (min(p, q), max(p, q))
                    repeats += self.before[pair] + meetings[pair] >= 1
                    meetings[pair] += 1
                    colleagues += self.colleagues(p, q)
                    met.add(q)
        strangers = [q for q in self.people if q != p and self.before[min(p, q), max(p, q)] == 0]
        return {
            "met": len(met),
            "new": sum(q in met for q in strangers),
            "most_possible": min(most, len(strangers)),
            "colleagues_met": colleagues,
            "repeats": repeats,
        }

    def spreads(self) -> tuple[int, int]:
        """Largest difference between two tables of one round: of one group's numbers, and of sizes."""
        group_spread = size_spread = 0
        groups = {person.get("group") for person in self.people.values()}
        for k in range(1, self.rounds + 1):
            sizes = [len(self.at[k, t]) for t in self.seats]
            size_spread = max(size_spread, max(sizes) - min(sizes))
            for group in groups:
                counts = [sum(self.people[p].get("group") == group for p in self.at[k, t]) for t in self.seats]
                group_spread = max(group_spread, max(counts) - min(counts))
        return group_spread, size_spread


def same_table_pairs(n: int, tables: int) -> int:
    """Pairs at one table when n people are dealt as evenly as possible: r*C(q+1,2) + (T-r)*C(q,2)."""
    q, r = divmod(n, tables)
    return r * (q + 1) * q // 2 + (tables - r) * q * (q - 1) // 2


def broken_tables(event: Event, assignment: Assignment) -> list[Breach]:
    """The breaches of T1 to T5."""
    return Seating(event, assignment).broken()


def cost(event: Event, assignment: Assignment) -> int:
    """The cost of MATCHING 6: repeats + colleagues."""
    return Seating(event, assignment).cost()


def check_tables(event: Event, plan: Mapping[str, Any]) -> list[str]:
    """What is untrue in a plan document of MATCHING 8, in words; [] when it is true. `random_deal` is not recomputed."""
    told: list[str] = []

    def same(what: str, theirs: Any, ours: Any) -> None:
        if theirs != ours:
            told.append(f"{what}: {theirs!r} in the plan, {ours!r} by the checker")

    assignment = plan["assignment"]
    seating = Seating(event, assignment)
    same("format", plan.get("format"), "officina.tables.plan/1")
    if plan.get("input_sha256") not in digests(event):
        told.append(f"input_sha256: {plan.get('input_sha256')!r} is not the digest of the input")
    same("seed", plan.get("seed"), event.get("seed", 1))
    same("weights", plan.get("weights"), seating.weights)
    same("people in assignment", sorted(assignment), sorted(seating.people))
    told += [f"assignment of {p}: {len(row)} rounds" for p, row in assignment.items() if len(row) != seating.rounds]

    parts = seating.parts()
    objective = plan["objective"]
    same("objective.parts", objective["parts"], parts)
    same("objective.cost", objective["cost"], sum(parts.values()))
    bound = objective["bound"]
    ours = seating.bound()
    if not (bound is None and len(set(seating.seats.values())) > 1):
        same("objective.bound", bound, ours)
    if bound is None:
        same("objective.gap", objective["gap"], None)
    else:
        same("objective.gap", objective["gap"], sum(parts.values()) - bound)
        if bound > sum(parts.values()):
            told.append(f"objective.bound: {bound} is above the cost {sum(parts.values())}")
    same("objective.proven_optimal", objective["proven_optimal"], bound == sum(parts.values()))

    each = {p: seating.of_person(p) for p in seating.people}
    same("people", sorted(plan["people"]), sorted(each))
    for p, ours_of in each.items():
        for name, mine in ours_of.items():
            same(f"people.{p}.{name}", plan["people"].get(p, {}).get(name), mine)
    totals = plan["totals"]
    same("totals.repeat_meetings", totals["repeat_meetings"], sum(x["repeats"] for x in each.values()) // 2)
    same("totals.colleague_pairs", totals["colleague_pairs"], sum(x["colleagues_met"] for x in each.values()) // 2)
    new = [x["new"] for x in each.values()]
    if new and abs(totals["new_people_mean"] - sum(new) / len(new)) > ROUNDING:
        told.append(
            f"totals.new_people_mean: {totals['new_people_mean']} in the plan, {sum(new) / len(new)} by the checker"
        )
    same("totals.new_people_min", totals["new_people_min"], min(new, default=0))
    group_spread, size_spread = seating.spreads()
    same("totals.group_spread", totals["group_spread"], group_spread)
    same("totals.size_spread", totals["size_spread"], size_spread)

    def short(breach: Breach) -> tuple[str, int]:
        return (breach["rule"], breach.get("round", 0))

    same("broken", sorted(set(map(short, plan["broken"]))), sorted(set(map(short, seating.broken()))))
    return told
