"""The count of a closed round of dot voting, in total and side by side per group (CANVAS 5.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any

from ..contract import fold
from ..contract.small_cells import OTHER
from ..contract.tally import rounded, shared_ranks


def standing(placed: Mapping[str, int], targets: Collection[str]) -> dict[str, int]:
    """One voter's dots that count, {target: dots}: those on a target deleted or moved out of the round are free again.

    targets: ids of the notes or groups that may be voted on now, best as a set.
    """
    return {target: dots for target, dots in placed.items() if dots > 0 and target in targets}


def per_mille(part: int, whole: int) -> int:
    """Whole per mille, halves up; 0 when the whole is 0."""
    return rounded(Fraction(1000 * part, whole)) if whole else 0


def tally(
    dots: Mapping[str, Mapping[str, int]],
    groups: Mapping[str, str | None],
    targets: Sequence[str],
    order: Sequence[str] = (),
) -> dict[str, Any]:
    """{"voters", "dots", "groups": [{"group","voters","dots"}], "targets": [row]}, all numbers integers.

    Row: {"target", "total", "rank", "tied", "by_group"?: {group: {"dots","share"}}, "divergence"?}, in the order of
    `targets`. Equal totals share a rank and the next ones are skipped (1, 2, 2, 4); targets without dots tie as well.

    dots: {voter: {target: n}} as last placed. groups: {voter: group kept with the vote}, None or absent without one.
    targets: ids of the notes or groups that may be voted on now, in the order of the board. order: group ids in the
    order in which to show them; others follow in alphabetical order, "other" last.

    The share is s_g(t) = dots of g on t / all dots given by g, the divergence of a target max_g s_g(t) - min_g s_g(t)
    over the shown groups (CANVAS 5.4), both in per mille. Every share is rounded by itself, halves up: equal parts of
    two groups then always give equal shares, which largest remainders would not promise, and a divergence is never
    made by rounding alone where there is none. The price is that the shares of a group add up to 1000 only within
    half a per mille for each target it put dots on. The divergence is taken from the shares as shown, so that whoever
    subtracts on the wall finds the same number.

    A voter is somebody with at least one dot that counts. Groups are folded by the small-cell rule (LIVE 6.2) over
    these voters, not over all who once placed dots: four people whose dots became free do not hide a fifth. Where no
    split may be shown, "groups" is empty and the rows have neither "by_group" nor "divergence".
    """
    valid = dict.fromkeys(targets)
    counting = {voter: kept for voter, placed in dots.items() if (kept := standing(placed, valid.keys()))}
    totals = dict.fromkeys(valid, 0)
    for kept in counting.values():
        for target, n in kept.items():
            totals[target] += n
    given = _by_shown_group(counting, groups, order)
    ranks = shared_ranks(totals)
    sharing = Counter(ranks.values())
    rows: list[dict[str, Any]] = []
    for target, total in totals.items():
        rank = ranks[target]
        row: dict[str, Any] = {"target": target, "total": total, "rank": rank, "tied": sharing[rank] > 1}
        if given:
            cells = {
                group: {"dots": placed[target], "share": per_mille(placed[target], placed.total())}
                for group, (_, placed) in given.items()
            }
            shares = [cell["share"] for cell in cells.values()]
            row |= {"by_group": cells, "divergence": max(shares) - min(shares)}
        rows.append(row)
    return {
        "voters": len(counting),
        "dots": sum(totals.values()),
        "groups": [
            {"group": group, "voters": voters, "dots": placed.total()} for group, (voters, placed) in given.items()
        ],
        "targets": rows,
    }


def _by_shown_group(
    counting: Mapping[str, Mapping[str, int]], groups: Mapping[str, str | None], order: Sequence[str]
) -> dict[str, tuple[int, Counter[str]]]:
    """{shown group: (voters, dots by target)} in the order of showing; empty where no split may be shown."""
    sizes = Counter(groups.get(voter) for voter in counting)
    place = {group: at for at, group in enumerate(order)}

    def showing(group: str | None) -> tuple[bool, int, str]:
        return group is None or group == OTHER, place.get(group or "", len(place)), group or ""

    # Sorted before folding: of two groups equally small the one folded must not depend on who voted first.
    shown = fold({group: sizes[group] for group in sorted(sizes, key=showing)})
    voters: dict[str, int] = {}
    placed: dict[str, Counter[str]] = {}
    for group, name in shown.items():
        voters[name] = voters.get(name, 0) + sizes[group]
        placed.setdefault(name, Counter())
    if shown:
        for voter, kept in counting.items():
            placed[shown[groups.get(voter)]].update(kept)
    return {name: (voters[name], placed[name]) for name in sorted(placed, key=showing)}
