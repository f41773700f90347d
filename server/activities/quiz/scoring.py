"""Points: functions of the kept answers alone, never negative, the same whoever answered first (LIVE 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from ..contract.flow import Flow, Kept
from ..contract.questions import Choice, Key, Question
from ..contract.small_cells import SMALLEST
from ..contract.tally import rounded, shared_ranks, tenths

#: Below this many milliseconds a right answer gets all points: nobody reads and taps faster than the network jitters.
AT_ONCE = 500

#: What a right answer in a row adds, from the second one on, and the most it may add.
STREAK_STEP, STREAK_MOST = 100, 500

Scoring = Literal["accuracy", "kahoot"]


def accuracy_points(points: int, share: Fraction) -> int:
    """points: what the question is worth. share: how right the answer is, 0 to 1."""
    return rounded(points * share)


def kahoot_points(points: int | Fraction, limit_ms: int, took_ms: int) -> int:
    """All points at once, falling in a straight line to half of them at the limit; halves round up.

    points: what this answer is worth without the time. A time beyond the limit counts as the limit, below 0 as 0.
    Source: support.kahoot.com article 115002303908, in whole milliseconds.
    """
    took_ms = min(max(took_ms, 0), limit_ms)
    if took_ms < AT_ONCE:
        return rounded(Fraction(points))
    return rounded(Fraction(points) * (2 * limit_ms - took_ms) / (2 * limit_ms))


def streak_points(in_a_row: int) -> int:
    """0, 100, 200, 300, 400, 500 for the 1st to 6th right answer in a row, then 500."""
    return min(STREAK_MOST, STREAK_STEP * max(0, in_a_row - 1))


def worth(question: Question, value: Any, key: Key) -> Fraction:
    """What an answer is worth in `kahoot` scoring before the time counts.

    Several right options: half the points for each right one picked, nothing with a wrong one among them.
    """
    if isinstance(question, Choice) and question.pick.max > 1 and not question.exact:
        if any(id not in key for id in value):
            return Fraction(0)
        return Fraction(question.points * len(value), 2)
    return question.points * question.share(value, key)


def answer_points(
    scoring: Scoring, question: Question, key: Key, number: int, kept: Kept, limit_ms: int
) -> tuple[int, Fraction]:
    """(points, share) of one kept answer; a skipped one has 0.

    number: the round. In a later round time plays no role. limit_ms: the person's own limit. An answer without a known
    time (level anonymous) counts as given at the limit.
    """
    if kept.value is None or not key:
        return 0, Fraction(0)
    share = question.share(kept.value, key)
    if scoring == "accuracy":
        return accuracy_points(question.points, share), share
    if number > 1:
        return rounded(worth(question, kept.value, key)), share
    took = limit_ms if kept.took_ms is None else kept.took_ms
    return kahoot_points(worth(question, kept.value, key), limit_ms, took), share


@dataclass(frozen=True, slots=True)
class Score:
    """One voter over all explained questions. right: whole answers right; of: questions since their first answer."""

    total: int = 0
    right: int = 0
    of: int = 0
    rank: int = 0
    time_ms: int = 0
    in_a_row: int = 0
    group: str | None = None
    table: str | None = None


def limit_of(flow: Flow, question: Question, voter: str) -> int:
    """A person's own limit in ms, for the speed of their answer; without a limit it is twice the room's."""
    seconds = question.time or flow.time or 0
    factor = flow.own_time.get(voter, 1)
    return max(1, seconds * 1000 * (2 if factor == "open" else factor))


def scored(flow: Flow, keys: Mapping[str, Key]) -> list[str]:
    """The questions that count, in the order of asking: explained once, with a right answer, not cancelled."""
    return [id for id in flow.asked if flow.runs[id].key_shown and flow.runs[id].phase != "cancelled" and keys[id]]


def scores(flow: Flow, keys: Mapping[str, Key], scoring: Scoring, streak: bool) -> dict[str, Score]:
    """Everybody's score by voter. Questions at level anonymous are left out: their voters cannot be linked."""
    total: dict[str, Score] = {}
    for id in scored(flow, keys):
        run, question = flow.runs[id], flow.questions[id]
        if run.level == "anonymous":
            continue
        best = run.best_answers()
        for voter in best:
            total.setdefault(voter, Score())
        for voter, before in total.items():
            number, kept = best.get(voter, (0, None))
            if kept is None:
                total[voter] = replace(before, of=before.of + 1, in_a_row=0)
                continue
            points, share = answer_points(scoring, question, keys[id], number, kept, limit_of(flow, question, voter))
            in_a_row = before.in_a_row + 1 if share == 1 else 0
            if streak and in_a_row and question.points:
                points += streak_points(in_a_row)
            total[voter] = Score(
                total=before.total + points,
                right=before.right + (share == 1),
                of=before.of + 1,
                time_ms=before.time_ms + (kept.took_ms or 0),
                in_a_row=in_a_row,
                group=kept.group,
                table=kept.table,
            )
    ranks = shared_ranks({voter: score.total for voter, score in total.items()})
    return {voter: replace(score, rank=ranks[voter]) for voter, score in total.items()}


def teams(members: Iterable[Score], by: Literal["group", "table"]) -> list[dict[str, Any]]:
    """[{by: id, "mean10", "n", "rank"}], best first: the mean of the members' points in tenths.

    Teams of fewer than 5 members are left out, as in every split of answers.
    """
    points: dict[str, list[int]] = {}
    for score in members:
        team = score.group if by == "group" else score.table
        if team is not None:
            points.setdefault(team, []).append(score.total)
    means = {team: Fraction(sum(all), len(all)) for team, all in points.items() if len(all) >= SMALLEST}
    ranks = shared_ranks(means)
    return [
        {by: team, "mean10": tenths(sum(points[team]), len(points[team])), "n": len(points[team]), "rank": ranks[team]}
        for team in sorted(means, key=lambda team: (ranks[team], team))
    ]
