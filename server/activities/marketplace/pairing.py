"""Which organisations should prepare a peer activity together: what counts, and what is told of a selection.

Input is the panel: what each organisation thinks of each other one (0 to 3), and its offers and needs as tags. Weights,
value and blocking pairs are those of MATCHING 5. The best selection is found in `work/pairs.py`; here is everything
that needs no solver. A selection is a proposal: organisations confirm or refuse it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Any, TypedDict

from pydantic import Field, model_validator

from ..contract import Message

Id = Annotated[str, Field(min_length=1, max_length=64)]
Tag = Annotated[str, Field(min_length=1, max_length=80)]
Level = Annotated[int, Field(ge=0, le=3, strict=True)]

#: What an organisation's first, second and further activities add to the value.
BONUS = (25, 8, 0)
#: More shared tags than this in one direction count no further.
MOST_TAGS = 3
#: A table of suggestions longer than this is read by nobody.
MOST_TRIANGLES = 20


class Organisation(Message):
    id: Id
    offers: tuple[Tag, ...] = ()
    needs: tuple[Tag, ...] = ()


class Wish(Message):
    """`by` thinks that a peer activity could be prepared with `to`: 0 no, 3 very much."""

    by: Id
    to: Id
    level: Level


class Veto(Message):
    """`by` is never paired with `to`; private, and never relaxed."""

    by: Id
    to: Id


class Panel(Message):
    """What the organisations said. Of two wishes by one organisation to another the last one counts.

    `limit`: activities per organisation. Raises a ValueError for an unknown or doubled id, or a wish to oneself.
    """

    organisations: Annotated[tuple[Organisation, ...], Field(max_length=400)]
    wishes: tuple[Wish, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    limit: Annotated[int, Field(ge=1, le=5)] = 3
    seed: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="after")
    def _known(self) -> Panel:
        ids = Counter(organisation.id for organisation in self.organisations)
        doubled = [id for id, n in ids.items() if n > 1]
        if doubled:
            raise ValueError(f"the organisation {doubled[0]} is there twice")
        said = [(wish.by, wish.to) for wish in self.wishes] + [(veto.by, veto.to) for veto in self.vetoes]
        for by, to in said:
            for id in (by, to):
                if id not in ids:
                    raise ValueError(f"there is no organisation {id}")
            if by == to:
                raise ValueError(f"{by} speaks of itself")
        return self


class Reason(TypedDict):
    """What `offers` offers of what `needs` needs, in the words of who offers it."""

    offers: str
    needs: str
    tags: list[str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two organisations that may be paired; `a` before `b` in the alphabet. `mutual`: both wish it."""

    a: str
    b: str
    weight: int
    mutual: bool
    reasons: tuple[Reason, ...]

    def shown(self) -> dict[str, Any]:
        return {
            "a": self.a,
            "b": self.b,
            "weight": self.weight,
            "mutual": self.mutual,
            "reasons": [dict(reason) for reason in self.reasons],
        }


def in_order(panel: Panel) -> list[str]:
    """The organisations by the SHA-256 of seed and id: who breaks ties neither by name nor by coming first."""
    return sorted(
        (organisation.id for organisation in panel.organisations),
        key=lambda id: hashlib.sha256(f"{panel.seed}:{id}".encode()).hexdigest(),
    )


def levels(panel: Panel) -> dict[tuple[str, str], int]:
    """The raw panel: the level by (by, to), 0 left out."""
    said = {(wish.by, wish.to): wish.level for wish in panel.wishes}
    return {pair: level for pair, level in said.items() if level}


def candidates(panel: Panel) -> list[Candidate]:
    """Every pair that may be chosen, in the panel's seeded order.

    weight = 10*lo + 3*hi + 2*c for a wish of both, 2*hi + c for a wish of one side that some offer meets; c counts the
    tags that one offers and the other needs, at most 3 in each direction. No wish, or a veto of either side: no
    candidate.
    """
    by_id = {organisation.id: organisation for organisation in panel.organisations}
    said = levels(panel)
    vetoed = {frozenset((veto.by, veto.to)) for veto in panel.vetoes}
    place = {id: n for n, id in enumerate(in_order(panel))}
    wished = {(i, j) if place[i] < place[j] else (j, i) for i, j in said}
    found = []
    for i, j in sorted(wished, key=lambda pair: (place[pair[0]], place[pair[1]])):
        if frozenset((i, j)) in vetoed:
            continue
        a, b = sorted((i, j))
        there, back = met(by_id[a], by_id[b]), met(by_id[b], by_id[a])
        c = min(MOST_TAGS, len(there)) + min(MOST_TAGS, len(back))
        lo, hi = sorted((said.get((a, b), 0), said.get((b, a), 0)))
        if lo >= 1:
            weight = 10 * lo + 3 * hi + 2 * c
        elif c >= 1:
            weight = 2 * hi + c
        else:
            continue
        reasons = [
            Reason(offers=one, needs=other, tags=tags) for one, other, tags in ((a, b, there), (b, a, back)) if tags
        ]
        found.append(Candidate(a, b, weight, lo >= 1, tuple(reasons)))
    return found


def met(one: Organisation, other: Organisation) -> list[str]:
    """The tags that `one` offers and `other` needs, sorted, as `one` writes them."""
    needed = {_same(tag) for tag in other.needs}
    return [tag for key, tag in sorted(_by_meaning(one.offers).items()) if key in needed]


def _same(tag: str) -> str:
    """Two ways to write a tag that mean one: capitals and spaces do not count."""
    return " ".join(tag.casefold().split())


def _by_meaning(tags: Iterable[str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for tag in tags:
        kept.setdefault(_same(tag), tag)
    return kept


def greedy(panel: Panel, among: Sequence[Candidate]) -> list[Candidate]:
    """The strongest candidate first, while both have a free place. Stable, but somebody may be left with nobody."""
    free = {organisation.id: panel.limit for organisation in panel.organisations}
    chosen = []
    # The sort keeps the seeded order of equal weights.
    for candidate in sorted(among, key=lambda candidate: -candidate.weight):
        if free[candidate.a] and free[candidate.b]:
            free[candidate.a] -= 1
            free[candidate.b] -= 1
            chosen.append(candidate)
    return chosen


def bonus(nth: int) -> int:
    """What an organisation's nth activity adds, counted from 1."""
    return BONUS[min(nth, len(BONUS)) - 1]


def value(chosen: Iterable[Candidate]) -> int:
    """Sum of the chosen weights, and per organisation 25 for a first activity and 8 for a second one."""
    total = 0
    each: Counter[str] = Counter()
    for candidate in chosen:
        total += candidate.weight
        each.update((candidate.a, candidate.b))
    return total + sum(bonus(nth) for n in each.values() for nth in range(1, n + 1))


def blocking(panel: Panel, among: Sequence[Candidate], chosen: Sequence[Candidate]) -> list[Candidate]:
    """Candidates not chosen that both sides would rather have than their weakest activity; with a free place, any."""
    weights: dict[str, list[int]] = {organisation.id: [] for organisation in panel.organisations}
    for candidate in chosen:
        weights[candidate.a].append(candidate.weight)
        weights[candidate.b].append(candidate.weight)
    weakest = {id: min(of) if len(of) >= panel.limit else -1 for id, of in weights.items()}
    taken = {(candidate.a, candidate.b) for candidate in chosen}
    return [
        candidate
        for candidate in among
        if (candidate.a, candidate.b) not in taken
        and candidate.weight > weakest[candidate.a]
        and candidate.weight > weakest[candidate.b]
    ]


def broken(panel: Panel, pairs: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """What is wrong with a selection, in the words `{"rule", "a"?, "b"?, "organisation"?, "by"?}`.

    `limit`: an organisation has `by` activities too many; `not_a_candidate`: a veto, no wish, or no such organisation;
    `twice`: the same pair again.
    """
    may = {(candidate.a, candidate.b) for candidate in candidates(panel)}
    each: Counter[str] = Counter()
    seen: Counter[tuple[str, str]] = Counter()
    found: list[dict[str, Any]] = []
    for one, other in pairs:
        a, b = sorted((one, other))
        seen[a, b] += 1
        each.update((a, b))
        if (a, b) not in may:
            found.append({"rule": "not_a_candidate", "a": a, "b": b})
        elif seen[a, b] == 2:
            found.append({"rule": "twice", "a": a, "b": b})
    for id, n in sorted(each.items()):
        if n > panel.limit:
            found.append({"rule": "limit", "organisation": id, "by": n - panel.limit})
    return found


def without(panel: Panel, chosen: Iterable[Candidate]) -> list[str]:
    """The organisations that no activity was found for, sorted; the list is always shown."""
    paired = {id for candidate in chosen for id in (candidate.a, candidate.b)}
    return sorted(organisation.id for organisation in panel.organisations if organisation.id not in paired)


def unoffered(panel: Panel) -> list[str]:
    """Needs that no other organisation offers, sorted: not a failure of the panel but a finding for the guidelines."""
    offered: dict[str, set[str]] = {}
    for organisation in panel.organisations:
        for tag in organisation.offers:
            offered.setdefault(_same(tag), set()).add(organisation.id)
    missing: dict[str, str] = {}
    for organisation in sorted(panel.organisations, key=lambda organisation: organisation.id):
        for key, tag in _by_meaning(organisation.needs).items():
            if not offered.get(key, set()) - {organisation.id}:
                missing.setdefault(key, tag)
    return [tag for _, tag in sorted(missing.items())]


def triangles(panel: Panel, among: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Three organisations, each two of them candidates, with a tag that all three offer or need.

    As `{"organisations": [a, b, c], "weight", "tags"}`, the strongest first, at most 20: suggestions for an activity of
    three or four cities. Merging is done by hand.
    """
    weight = {(candidate.a, candidate.b): candidate.weight for candidate in among}
    beside: dict[str, list[str]] = {}
    for a, b in sorted(weight):
        beside.setdefault(a, []).append(b)
    tags = {
        organisation.id: _by_meaning((*organisation.offers, *organisation.needs))
        for organisation in panel.organisations
    }
    found: list[dict[str, Any]] = []
    for a, others in sorted(beside.items()):
        for b, c in combinations(others, 2):
            shared = [tag for key, tag in sorted(tags[a].items()) if key in tags[b] and key in tags[c]]
            if (b, c) in weight and shared:
                total = weight[a, b] + weight[a, c] + weight[b, c]
                found.append({"organisations": [a, b, c], "weight": total, "tags": shared})
    found.sort(key=lambda triangle: (-triangle["weight"], triangle["organisations"]))
    return found[:MOST_TRIANGLES]


def document(
    panel: Panel, chosen: Sequence[Candidate], engine: Mapping[str, Any], bound: int | None = None
) -> dict[str, Any]:
    """The proposal as the desk sees it.

    `{"pairs", "blocking", "without", "unoffered", "triangles", "value", "bound"?, "greedy": {"value", "pairs",
    "without"}, "engine"}`. `blocking` is printed as "also worth talking". It names one-sided wishes, so it goes to no
    phone: see `seen_by`.
    """
    among = candidates(panel)
    simple = greedy(panel, among)
    out: dict[str, Any] = {
        "pairs": _shown(chosen),
        "blocking": _shown(blocking(panel, among, chosen)),
        "without": without(panel, chosen),
        "unoffered": unoffered(panel),
        "triangles": triangles(panel, among),
        "value": value(chosen),
        "greedy": {"value": value(simple), "pairs": _shown(simple), "without": without(panel, simple)},
        "engine": dict(engine),
    }
    if bound is not None:
        out["bound"] = bound
    return out


def _shown(some: Iterable[Candidate]) -> list[dict[str, Any]]:
    return [candidate.shown() for candidate in sorted(some, key=lambda one: (-one.weight, one.a, one.b))]


def seen_by(panel: Panel, chosen: Iterable[Mapping[str, Any]], organisation: str) -> dict[str, Any]:
    """What the members of one organisation see of the proposal `chosen` (the document's `pairs`).

    `pairs`: `{"with", "wished", "mutual", "reasons"}`, `wished` being their own level. `alone`: `{"with", "wished"}`,
    those they wished for and are not paired with, whatever the cause. A pair that is proposed to a side that did not
    wish it tells by itself that the other one did; no other wish for this organisation is told to it.
    """
    said = levels(panel)
    pairs = []
    for pair in chosen:
        if organisation not in (pair["a"], pair["b"]):
            continue
        other = pair["b"] if pair["a"] == organisation else pair["a"]
        pairs.append(
            {
                "with": other,
                "wished": said.get((organisation, other), 0),
                "mutual": pair["mutual"],
                "reasons": list(pair["reasons"]),
            }
        )
    paired = {pair["with"] for pair in pairs}
    alone = sorted(to for by, to in said if by == organisation and to not in paired)
    return {"pairs": pairs, "alone": [{"with": to, "wished": said[organisation, to]} for to in alone]}
