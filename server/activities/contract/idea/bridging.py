"""Agreement across declared groups: which statements every group carries (DOMAIN 15).

Group-aware consensus is the idea of Polis (the least convinced group decides); the lower end of Wilson's interval and
Newcombe's interval of a difference make it honest for rooms of thirty people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import prod, sqrt

from .codes import Bridging

#: Votes a group must have before anything is said about it; also the privacy floor.
FLOOR = 5
#: Per cent of a group's people present who must have voted.
TURNOUT = 40
#: Per cent of passes in a group from which a statement must be explained again.
PASSES = 30
#: Standard normal quantiles: one-sided 90 %, two-sided 90 %.
Z_ONE, Z_TWO = 1.2816, 1.6449
#: Raw difference of shares from which groups are divided.
DIVIDED = 0.30


@dataclass(frozen=True, slots=True)
class Votes:
    """One group's votes on one statement. present: people of the group in the session; 0 where it is not known."""

    agree: int = 0
    disagree: int = 0
    passed: int = 0
    present: int = 0

    @property
    def n(self) -> int:
        return self.agree + self.disagree + self.passed


@dataclass(frozen=True, slots=True)
class Difference:
    """`value` = share of agreement in `first` minus that in `second`, with its Newcombe 90 % interval."""

    first: str
    second: str
    value: float
    low: float
    high: float

    @property
    def divides(self) -> bool:
        return abs(self.value) >= DIVIDED and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, slots=True)
class Bridge:
    """bridging, rejecting: B and Bd, 0 to 100. least, least_against: M and Md. lower: W(agree) by group.

    differences: of every pair of groups, in their order. With a group of nobody every figure but the class is None or
    empty.
    """

    kind: Bridging
    bridging: float | None = None
    rejecting: float | None = None
    least: float | None = None
    least_against: float | None = None
    lower: Mapping[str, float] | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def difference(self) -> Difference | None:
        """The widest one."""
        return max(self.differences, key=lambda one: abs(one.value), default=None)

    @property
    def rank(self) -> tuple[float, float]:
        """Sorts the best bridging first: by M, ties by B."""
        return (-(self.least or 0.0), -(self.bridging or 0.0))


def wilson(x: int, n: int, z: float = Z_ONE) -> float:
    """W(x, n): the lower end of Wilson's interval for x of n; 0.0 for n = 0."""
    return wilson_interval(x, n, z)[0]


def wilson_interval(x: int, n: int, z: float = Z_TWO) -> tuple[float, float]:
    """Both ends of Wilson's interval for x of n (Wilson 1927); (0, 1) for n = 0."""
    if n <= 0:
        return 0.0, 1.0
    q = x / n
    middle, half = q + z * z / (2 * n), z * sqrt(q * (1 - q) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def newcombe(a1: int, n1: int, a2: int, n2: int) -> tuple[float, float, float]:
    """The difference of two shares and its 90 % interval (Newcombe 1998, method 10). Both n at least 1."""
    q1, q2 = a1 / n1, a2 / n2
    (l1, u1), (l2, u2) = wilson_interval(a1, n1), wilson_interval(a2, n2)
    value = q1 - q2
    return value, value - sqrt((q1 - l1) ** 2 + (u2 - q2) ** 2), value + sqrt((u1 - q1) ** 2 + (q2 - l2) ** 2)


def score(counts: Mapping[str, int], n: Mapping[str, int]) -> float:
    """B: 100 times the geometric mean over the groups of (x + 1) / (n + 2); at least one group."""
    return 100 * prod((counts[group] + 1) / (n[group] + 2) for group in n) ** (1 / len(n))


def agrees_needed(n: int, over: float = 0.5) -> int | None:
    """The fewest agreements of n votes with W > over; None where not even all of them are enough."""
    return next((x for x in range(n + 1) if wilson(x, n) > over), None)


def bridge(groups: Mapping[str, Votes]) -> Bridge:
    """What the votes of the groups say together. groups: in the order in which they are shown."""
    if not groups or any(votes.n == 0 for votes in groups.values()):
        return Bridge("too_few_votes")
    n = {group: votes.n for group, votes in groups.items()}
    agree = {group: votes.agree for group, votes in groups.items()}
    against = {group: votes.disagree for group, votes in groups.items()}
    lower = {group: wilson(agree[group], n[group]) for group in groups}
    differences = tuple(
        Difference(one, other, *newcombe(agree[one], n[one], agree[other], n[other]))
        for one, other in combinations(groups, 2)
    )
    least_against = min(wilson(against[group], n[group]) for group in groups)
    return Bridge(
        _class(groups, lower, least_against, differences),
        score(agree, n),
        score(against, n),
        min(lower.values()),
        least_against,
        lower,
        differences,
    )


def _class(
    groups: Mapping[str, Votes],
    lower: Mapping[str, float],
    least_against: float,
    differences: tuple[Difference, ...],
) -> Bridging:
    votes = groups.values()
    if any(one.n < FLOOR or 100 * one.n < TURNOUT * one.present for one in votes):
        return "too_few_votes"
    if any(100 * one.passed >= PASSES * one.n for one in votes):
        return "unclear"
    convinced = [low > 0.5 for low in lower.values()]
    if all(convinced):
        return "common_ground"
    if least_against > 0.5:
        return "common_rejection"
    if any(one.divides for one in differences):
        return "divisive"
    return "one_group_only" if any(convinced) else "open"
