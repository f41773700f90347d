"""Counting: whole per cents, means in tenths, medians, pairwise ranking and the comparing of typed texts."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from typing import Any

#: Below this many answers a per cent pretends to more than the room said (LIVE 2), so only counts are given.
PERCENT_FROM = 10

#: Matched voters needed before a movement between two rounds may be shown (LIVE 7).
MOVES_FROM = 5


def rounded(value: Fraction) -> int:
    """The nearest integer, halves up: 0.5 is 1 and -0.5 is 0."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def per_cent(part: int, whole: int) -> int:
    """Whole per cent, halves up; 0 when the whole is 0."""
    return rounded(Fraction(100 * part, whole)) if whole else 0


def tenths(total: int | Fraction, n: int) -> int:
    """A mean in tenths (37 stands for 3.7), halves up; 0 when there is nothing to divide."""
    return rounded(Fraction(total) * 10 / n) if n else 0


def median10(values: Sequence[int]) -> int | None:
    """The median in tenths; None when there are no values."""
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle] * 10
    return rounded(Fraction(ordered[middle - 1] + ordered[middle], 2) * 10)


def counted(ids: Sequence[str], picked: Iterable[str], n: int) -> dict[str, dict[str, int]]:
    """`{id: {"count", "share"?}}` in the order of `ids`.

    n: how many people answered; the share (whole per cent of them) is there from 10 answers up.
    """
    counts = Counter(picked)
    if n < PERCENT_FROM:
        return {id: {"count": counts[id]} for id in ids}
    return {id: {"count": counts[id], "share": per_cent(counts[id], n)} for id in ids}


def mean_ranks(ids: Sequence[str], rankings: Iterable[Sequence[str]]) -> dict[str, Fraction]:
    """The mean place of each option, 1 = first; options somebody left out share the mean of the places left over.

    Empty when there are no rankings.
    """
    # Twice the place, so that the half places of options left out stay integers.
    doubled = dict.fromkeys(ids, 0)
    n = 0
    for ranking in rankings:
        n += 1
        places = {id: 2 * place for place, id in enumerate(ranking, start=1)}
        rest = len(ranking) + 1 + len(ids)
        for id in ids:
            doubled[id] += places.get(id, rest)
    return {id: Fraction(places, 2 * n) for id, places in doubled.items()} if n else {}


def pairwise(ids: Sequence[str], rankings: Iterable[Sequence[str]]) -> dict[str, dict[str, int]]:
    """`table[a][b]`: how many people put a before b. A ranked option is before every one left out."""
    table = {a: {b: 0 for b in ids if b != a} for a in ids}
    for ranking in rankings:
        behind = list(ids)
        for id in ranking:
            behind.remove(id)
            for other in behind:
                table[id][other] += 1
    return table


def preferred(table: Mapping[str, Mapping[str, int]]) -> str | None:
    """The option that beats every other one head to head (Condorcet's winner), or None when there is none."""
    for a, row in table.items():
        if row and all(wins > table[b][a] for b, wins in row.items()):
            return a
    return None


def shared_ranks(points: Mapping[str, int | Fraction]) -> dict[str, int]:
    """Places by falling points; equal points share a place and the next one is skipped (1, 1, 3)."""
    ordered = sorted(points.values(), reverse=True)
    first: dict[int | Fraction, int] = {}
    for place, value in enumerate(ordered, start=1):
        first.setdefault(value, place)
    return {id: first[value] for id, value in points.items()}


def majority(options: Mapping[str, Mapping[str, int]], n: int) -> str | None:
    """The option with more than half of the n answers, or None."""
    return next((id for id, cell in options.items() if 2 * cell["count"] > n), None)


def movement(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, int]:
    """How voters moved from one round to the next: both maps hold the kept value by voter (None = skipped).

    Returns {"matched", "same", "changed", "only_before", "only_after"}; `same` and `changed` only from 5 matched up.
    """
    both = [voter for voter in before if voter in after]
    shown = {"matched": len(both), "only_before": len(before) - len(both), "only_after": len(after) - len(both)}
    if len(both) >= MOVES_FROM:
        same = sum(1 for voter in both if before[voter] == after[voter])
        shown |= {"same": same, "changed": len(both) - same}
    return shown


def drawn_order(ids: Sequence[str], seed: int) -> list[str]:
    """The ids in an order drawn from `seed`; the same seed gives the same order in every process and version."""
    return sorted(ids, key=lambda id: sha256(f"{seed}.{id}".encode()).digest())


def plain(text: str) -> str:
    """A text for comparing: NFKC, casefold, accents and punctuation dropped, spaces collapsed (LIVE 4)."""
    return " ".join("".join(sign for sign in bare(text) if not unicodedata.category(sign).startswith("P")).split())


def bare(text: str) -> str:
    """NFKC, casefold, no accents, spaces collapsed; punctuation stays."""
    # Casefolding can bring new compatibility forms and accents, so both normalisations run after it once more.
    folded = unicodedata.normalize("NFKC", text).casefold()
    apart = unicodedata.normalize("NFKD", folded)
    kept = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return " ".join(unicodedata.normalize("NFKC", kept).split())


def seen_length(text: str) -> int:
    """The length in signs as a person sees them: accents, joiners and variation selectors do not count."""
    return sum(1 for sign in text if not unicodedata.combining(sign) and sign not in "\u200d\ufe0e\ufe0f")
