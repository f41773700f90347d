"""The rules of a quiz: the shared flow of questions, right answers hidden until they are explained, and points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from fractions import Fraction
from typing import Any, Literal

from ..contract import AFact, AnAsk, Happening, Level, Me, Moment, Refusal, results
from ..contract import flow as flows
from ..contract import rehearse as rehearsals
from ..contract.changed import changed
from ..contract.flow import Flow, Kept, Run
from ..contract.questions import Key, Match, Order, Question, Typed, questions_by_id
from ..contract.small_cells import OTHER
from ..contract.tally import PERCENT_FROM, per_cent, plain
from .messages import (
    AcceptText,
    BoardShown,
    CorrectKey,
    Explain,
    Explained,
    KeyCorrected,
    Setup,
    ShowBoard,
    TextAccepted,
)
from .scoring import Score, answer_points, limit_of, scored, scores, teams

#: Defaults of `kahoot` scoring in seconds; it needs a limit, and time to read before the clock runs.
KAHOOT_TIME, KAHOOT_READING = 30, 5

#: How alike a typed text must be to an accepted one for the desk to point at it.
NEAR = 0.8


@dataclass(frozen=True)
class State:
    """keys: what is right, by question, corrections included. corrected: questions whose key changed when it was known.

    scores: by voter, made anew from the kept answers whenever a question is explained, cancelled or its key changes.
    """

    setup: Setup
    flow: Flow
    keys: Mapping[str, Key]
    board: bool = False
    corrected: tuple[str, ...] = ()
    scores: Mapping[str, Score] = field(default_factory=dict)


def start(setup: Setup, level: Level = "pseudonym") -> State:
    questions = questions_by_id(setup.questions)
    fast = setup.scoring == "kahoot"
    flow = Flow(
        questions=questions,
        level=level,
        skips=False,
        time=KAHOOT_TIME if fast else None,
        reading=KAHOOT_READING if fast else 0,
    )
    return State(setup, flow, {id: question.key() for id, question in questions.items()})


def decide(state: State, ask: AnAsk, moment: Moment) -> list[AFact] | Refusal:
    if isinstance(ask, (Explain, ShowBoard, CorrectKey, AcceptText)):
        question = state.flow.questions.get(ask.question)
        if question is None:
            return Refusal("unknown_question")
        if isinstance(ask, CorrectKey):
            return _correct_key(state, ask, question)
        if isinstance(ask, AcceptText):
            return _accept_text(state, ask, question)
        run = state.flow.runs.get(ask.question)
        if run is None or ask.question != state.flow.current:
            return Refusal("not_open")
        if run.phase in ("reading", "open"):
            return Refusal("not_locked")
        if isinstance(ask, ShowBoard):
            return Refusal("no_board") if state.setup.board == "none" else [BoardShown(question=ask.question)]
        if run.phase == "cancelled":
            return Refusal("cancelled")
        return [] if run.phase == "explained" else [Explained(question=ask.question)]
    return flows.decide(state.flow, ask, moment)


def _correct_key(state: State, ask: CorrectKey, question: Question) -> list[AFact] | Refusal:
    key = question.read_key(ask.right)
    if key is None:
        return Refusal("wrong_shape")
    return [] if key == state.keys[ask.question] else [KeyCorrected(question=ask.question, right=ask.right)]


def _accept_text(state: State, ask: AcceptText, question: Question) -> list[AFact] | Refusal:
    if not isinstance(question, Typed):
        return Refusal("wrong_shape")
    code = question.check(ask.text)
    if code is not None:
        return Refusal(code)
    text = question.keep(ask.text)
    if question.share(text, state.keys[ask.question]) == 1:
        return []
    return [TextAccepted(question=ask.question, text=text)]


def evolve(state: State, happened: Happening) -> State:
    fact = happened.fact
    if isinstance(fact, Explained):
        run = replace(state.flow.runs[fact.question], phase="explained", key_shown=True, last_number=happened.number)
        if run.revealed_at is None:
            run = replace(run, revealed_at=happened.at)
        flow = replace(state.flow, runs={**state.flow.runs, fact.question: run}, current=fact.question)
        return _scored(replace(state, flow=flow))
    if isinstance(fact, BoardShown):
        return replace(state, board=True)
    if isinstance(fact, KeyCorrected):
        key = state.flow.questions[fact.question].read_key(fact.right) or ()
        return _scored(_with_key(state, fact.question, key))
    if isinstance(fact, TextAccepted):
        return _scored(_with_key(state, fact.question, (*state.keys[fact.question], fact.text)))
    after = changed(state, flow=flows.evolve(state.flow, happened))
    if isinstance(fact, (flows.QuestionOpened, flows.NewRoundOpened, flows.QuestionReopened)):
        after = replace(after, board=False)
    if isinstance(fact, (flows.QuestionCancelled, flows.QuestionReopened)):
        after = _scored(after)
    return after


def _with_key(state: State, id: str, key: Key) -> State:
    run = state.flow.runs.get(id)
    known = run is not None and run.key_shown and id not in state.corrected
    return replace(state, keys={**state.keys, id: key}, corrected=(*state.corrected, id) if known else state.corrected)


def _scored(state: State) -> State:
    return replace(state, scores=scores(state.flow, state.keys, state.setup.scoring, state.setup.streak))


def view(state: State, screen: str) -> dict[str, Any]:
    shown = results.view(state.flow, screen, state.setup.wall_languages)
    if screen == "desk":
        shown["board_set"] = state.setup.board != "none"
        if "next" in shown:
            id = shown["next"]["id"]
            _add_key(shown["next"], state.flow.questions[id], state.keys[id])
    current = state.flow.current
    if current is None:
        return shown
    question, run = state.flow.questions[current], state.flow.runs[current]
    if run.phase == "cancelled":
        return shown
    if screen == "desk" or run.phase == "explained":
        _add_key(shown["question"], question, state.keys[current])
    if screen == "desk" and "texts" in shown.get("results", {}):
        shown["results"]["texts"] = _texts(question, shown["results"]["texts"], state.keys[current])
    if run.phase == "explained" or (screen == "desk" and run.phase in ("locked", "revealed")):
        shown |= _right(question, run, state.keys[current])
        if "results" in shown:
            shown["results"] |= _right_parts(question, run, state.keys[current])
    if run.phase == "explained" and current in state.corrected:
        shown["corrected"] = True
    if state.board:
        shown["board"] = board(state)
    return shown


def _add_key(shown: dict[str, Any], question: Question, key: Key) -> None:
    """Marks what is right in a question that is about to be shown to somebody who may know."""
    if isinstance(question, Match):
        links = dict(key)
        for pair in shown["pairs"]:
            pair["target"] = links[pair["id"]]
    elif isinstance(question, Order):
        for option in shown["options"]:
            option["right_place"] = key.index(option["id"]) + 1
    elif key:
        for option in shown["options"]:
            option["right"] = option["id"] in key
        if not shown["options"]:
            shown |= question.show_key(key)
    if question.explain is not None:
        shown["explain"] = question.explain
    if question.source is not None:
        shown["source"] = question.source


def _texts(question: Question, texts: list[dict[str, Any]], key: Key) -> list[dict[str, Any]]:
    """The typed texts with what is right, and what comes near it, for the desk to accept."""
    accepted = [plain(text) for text in key]
    rows = []
    for row in texts:
        right = question.share(row["text"], key) == 1
        like = max((SequenceMatcher(None, plain(row["text"]), text).ratio() for text in accepted), default=0.0)
        rows.append(row | {"right": right, "near": not right and like >= NEAR})
    return rows


def _is_right(question: Question, kept: Kept, key: Key) -> bool:
    return kept.value is not None and question.share(kept.value, key) == 1


def _right(question: Question, run: Run, key: Key) -> dict[str, Any]:
    """{"right": {"count","n","share"?}, "right_by_group"?, "right_gap"?}; right = wholly right."""
    answers = run.now_answers
    if not key:
        return {}
    count = sum(1 for kept in answers.values() if _is_right(question, kept, key))
    right: dict[str, Any] = {"count": count, "n": len(answers)}
    if len(answers) >= PERCENT_FROM:
        right["share"] = per_cent(count, len(answers))
    shown: dict[str, Any] = {"right": right}
    groups = right_by_group(question, answers, key, run.groups)
    if groups:
        shown["right_by_group"] = groups
        apart = right_gap(groups)
        if apart is not None:
            shown["right_gap"] = apart
    return shown


def right_by_group(
    question: Question, answers: Mapping[str, Kept], key: Key, groups: tuple[str, ...]
) -> list[dict[str, Any]]:
    """[{"group","n","right","share"}], or [] where the small-cell rule shows no split.

    The same fold as for the options, so that the two never differ by a small group. Somebody who said they do not know
    counts as not right.
    """
    fold = results.shown_groups(answers)
    found: dict[str, list[bool]] = {}
    for kept in answers.values():
        if kept.group in fold:
            found.setdefault(fold[kept.group], []).append(_is_right(question, kept, key))
    order = sorted(found, key=lambda id: (id == OTHER, groups.index(id) if id in groups else len(groups), id))
    return [
        {"group": id, "n": len(found[id]), "right": sum(found[id]), "share": per_cent(sum(found[id]), len(found[id]))}
        for id in order
    ]


def right_gap(groups: list[dict[str, Any]]) -> dict[str, Any] | None:
    """{"points","ahead","behind"}: the widest distance in per cent right, or None where there is none."""
    high = max(groups, key=lambda row: int(row["share"]))
    low = min(groups, key=lambda row: int(row["share"]))
    apart = high["share"] - low["share"]
    return {"points": apart, "ahead": high["group"], "behind": low["group"]} if apart else None


def _right_parts(question: Question, run: Run, key: Key) -> dict[str, Any]:
    """For an order how many had each thing at its place, for a match how many linked each thing rightly."""
    given = [kept.value for kept in run.now_answers.values() if kept.value is not None]
    if isinstance(question, Order):
        return {"at_place": {id: sum(1 for value in given if value[place] == id) for place, id in enumerate(key)}}
    if isinstance(question, Match):
        parts = {}
        for thing, target in key:
            wrong: dict[str, int] = {}
            for value in given:
                if value[thing] != target:
                    wrong[value[thing]] = wrong.get(value[thing], 0) + 1
            parts[thing] = {"right": len(given) - sum(wrong.values())}
            if wrong:
                parts[thing]["mixed_up"] = min(wrong, key=lambda id: (-wrong[id], id))  # type: ignore[assignment]
        return {"linked": parts}
    return {}


def board(state: State) -> dict[str, Any]:
    """{"kind","questions","rows"}; rows are teams with their mean in tenths, or people with their total.

    People are listed by id (`screens.py` puts names there), and only where every question that counts was at level named.
    """
    counting = [id for id in scored(state.flow, state.keys) if state.flow.runs[id].level != "anonymous"]
    kind = state.setup.board
    shown: dict[str, Any] = {"kind": kind, "questions": len(counting), "rows": []}
    if state.corrected:
        shown["corrected"] = True
    if kind == "groups":
        shown["rows"] = teams(state.scores.values(), "group")
    elif kind == "tables":
        shown["rows"] = teams(state.scores.values(), "table")
    elif kind == "people_top" and all(state.flow.runs[id].level == "named" for id in counting):
        fast = state.setup.scoring == "kahoot"
        ordered = sorted(state.scores.items(), key=lambda one: (one[1].rank, one[1].time_ms if fast else 0, one[0]))
        shown["rows"] = [
            {"person": voter, "total": score.total, "rank": score.rank} for voter, score in ordered[: state.setup.top]
        ]
    return shown


def mine(state: State, me: Me) -> dict[str, Any]:
    """The person's own answer, and from the explanation on whether it was right, its points, their total and place.

    {"question","round","value"?,"factor"?,"ends_at"?,"right"?,"points"?,"part"?,"total"?,"right_count"?,"of"?,"rank"?};
    part: whole per cent of a partly right answer. rank only where no question was at level anonymous.
    """
    own = results.mine(state.flow, me)
    current = state.flow.current
    if current is not None and state.flow.runs[current].phase == "explained" and state.keys[current]:
        best = _my_best(state, current, me)
        if best is not None:
            number, kept = best
            points, share = _points(state, current, number, kept, me.person)
            own |= {"right": share == 1, "points": points}
            if 0 < share < 1:
                own["part"] = per_cent(share.numerator, share.denominator)
    counting = scored(state.flow, state.keys)
    if not counting:
        return own
    score = state.scores.get(me.person)
    total, right, of = (score.total, score.right, score.of) if score else (0, 0, 0)
    hidden = [id for id in counting if state.flow.runs[id].level == "anonymous"]
    for id in hidden:
        best = _my_best(state, id, me)
        if best is not None:
            points, share = _points(state, id, *best, me.person)
            total, right, of = total + points, right + (share == 1), of + 1
    if of:
        own |= {"total": total, "right_count": right, "of": of}
        if score and not hidden:
            own["rank"] = score.rank
    return own


def _my_best(state: State, id: str, me: Me) -> tuple[int, Kept] | None:
    """The person's answer that counts: of the latest round in which they answered."""
    run = state.flow.runs[id]
    voter = me.voter(flows.scope_of(state.flow, id))
    for number in sorted(run.answers, reverse=True):
        if voter in run.answers[number]:
            return number, run.answers[number][voter]
    return None


def _points(state: State, id: str, number: int, kept: Kept, person: str) -> tuple[int, Fraction]:
    question = state.flow.questions[id]
    limit = limit_of(state.flow, question, person)
    return answer_points(state.setup.scoring, question, state.keys[id], number, kept, limit)


def scope(state: State, ask: AnAsk) -> str | None:
    return flows.scope(state.flow, ask)


def deadline(state: State) -> tuple[int, AnAsk] | None:
    return flows.deadline(state.flow)


def answered(state: State) -> dict[str, Any]:
    return results.answered(state.flow)


def outcomes(state: State) -> list[dict[str, Any]]:
    """Vote results with what was right; one `quiz_gap` per topic; one `quiz_score` with the teams' means."""
    votes = results.outcomes(state.flow)
    topics: dict[str, list[list[dict[str, Any]]]] = {}
    for result in votes:
        id = result["question"]
        run, question, key = state.flow.runs[id], state.flow.questions[id], state.keys[id]
        if result["cancelled"]:
            continue
        result["scoring"] = state.setup.scoring
        if not key:
            continue
        result |= question.show_key(key)
        answers: Mapping[str, Kept] = run.answers.get(result["round"], {})
        count = sum(1 for kept in answers.values() if _is_right(question, kept, key))
        result |= {"right_count": count, "share_right": per_cent(count, len(answers))}
        groups = right_by_group(question, answers, key, run.groups)
        if groups:
            result["right_by_group"] = groups
            apart = right_gap(groups)
            if apart is not None:
                result["right_gap"] = apart
            if question.topic and result["round"] == run.round:
                topics.setdefault(question.topic, []).append(groups)
    gaps = [gap for topic, splits in topics.items() if (gap := _topic_gap(topic, splits)) is not None]
    counting = scored(state.flow, state.keys)
    if not counting:
        return votes + gaps
    members = list(state.scores.values())
    score = {
        "kind": "quiz_score",
        "scoring": state.setup.scoring,
        "questions": counting,
        "people": len(members),
        "groups": teams(members, "group"),
        "tables": teams(members, "table"),
    }
    return [*votes, *gaps, score]


def _topic_gap(topic: str, splits: list[list[dict[str, Any]]]) -> dict[str, Any] | None:
    """The share right per group over all questions of a topic, added up from the cells that are shown anyway.

    Only groups shown by themselves in every question stay apart, so no sum tells more than the questions did.
    """
    apart = set.intersection(*({row["group"] for row in split} for split in splits)) - {OTHER}
    found: dict[str, tuple[int, int]] = {}
    for split in splits:
        for row in split:
            id = row["group"] if row["group"] in apart else OTHER
            right, n = found.get(id, (0, 0))
            found[id] = (right + row["right"], n + row["n"])
    if len(found) < 2:
        return None
    groups = [
        {"group": id, "n": n, "right": right, "share": per_cent(right, n)}
        for id, (right, n) in sorted(found.items(), key=lambda one: (one[0] == OTHER, one[0]))
    ]
    gap: dict[str, Literal[0] | Any] = right_gap(groups) or {"points": 0}
    return {"kind": "quiz_gap", "topic": topic, "questions": len(splits), "by_group": groups} | gap


def rows(state: State) -> list[dict[str, Any]]:
    """One dict per kept answer as in a poll, with `right` and the `points` of the answer that counts (else None)."""
    table = results.rows(state.flow)
    for row in table:
        id, number = row["question"], row["round"]
        key, question = state.keys[id], state.flow.questions[id]
        if not key or row["cancelled"]:
            continue
        kept = Kept(value=row["value"], at=0, took_ms=row["took_ms"])
        limit = limit_of(state.flow, question, row["voter"] or "")
        points, share = answer_points(state.setup.scoring, question, key, number, kept, limit)
        row["right"] = share == 1
        row["points"] = None if row["replaced"] else points
    return table


def rehearse(view: dict[str, Any], mine: dict[str, Any], seed: int, sample: dict[str, Any]) -> Any:
    """What a simulated person would ask, looking at this view: (do, with) or None."""
    return rehearsals.answer(view, mine, seed, sample)


def lead(view: dict[str, Any], desk: dict[str, Any], seed: int, sample: dict[str, Any]) -> Any:
    """What a simulated facilitator does next, see `contract.rehearse`."""
    return rehearsals.lead_questions(view, desk, explains=True)
