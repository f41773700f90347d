"""What the room sees of a question and what it leaves: counts, the split by group, views, outcomes and rows.

Everything here is counted from the kept answers of a `Flow`; nothing is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from . import tally
from .flow import Flow, Kept, Run, following, level_of, own_deadline, room_deadline, scope_of
from .messages import Me
from .questions import Question
from .small_cells import OTHER, fold

_EMPTY: Mapping[str, Any] = MappingProxyType({})


def shown_groups(answers: Mapping[str, Kept]) -> dict[str | None, str]:
    """Under which id each group may be shown (small cells); skipped answers do not make a group bigger."""
    counts: dict[str | None, int] = {}
    for kept in answers.values():
        if kept.value is not None:
            counts[kept.group] = counts.get(kept.group, 0) + 1
    return fold(counts)


def by_group(question: Question, answers: Mapping[str, Kept], groups: Sequence[str] = ()) -> list[dict[str, Any]]:
    """[{"group","n","options": {id: {"count","share"}},"mean10"?}], or [] where no split may be shown.

    groups: ids in the order in which to show them; others follow in alphabetical order, "other" last. Shares are
    always there: two groups of five are ten answers.
    """
    shown = shown_groups(answers)
    values: dict[str, list[Any]] = {}
    for kept in answers.values():
        if kept.value is not None and kept.group in shown:
            values.setdefault(shown[kept.group], []).append(kept.value)
    rows = []
    for group in sorted(values, key=lambda id: (id == OTHER, groups.index(id) if id in groups else len(groups), id)):
        counts = question.tally(values[group])
        row: dict[str, Any] = {"group": group, "n": counts["n"]}
        if "options" in counts:
            row["options"] = {id: _cell(cell, counts["n"]) for id, cell in counts["options"].items()}
            if question.kind == "points":
                spent = sum(cell["points"] for cell in counts["options"].values())
                for id, cell in counts["options"].items():
                    row["options"][id]["share"] = tally.per_cent(cell["points"], spent)
        for measure in ("mean10", "median10"):
            if measure in counts:
                row[measure] = counts[measure]
        if "median" in counts:
            row["median"] = counts["median"]
        rows.append(row)
    return rows


def _cell(cell: Mapping[str, Any], n: int) -> dict[str, int]:
    shown = {"count": cell["count"], "share": tally.per_cent(cell["count"], n)}
    return shown | ({"mean10": cell["mean10"]} if "mean10" in cell else {})


def gap(question: Question, groups: Sequence[Mapping[str, Any]], order: Sequence[str]) -> dict[str, Any] | None:
    """The widest distance between two shown groups, or None where there is none to speak of.

    For options {"option","points","ahead","behind"}: points = difference of the shares as shown, so that the wall adds
    up. For a scale {"mean10","ahead","behind"}. order: option ids as shown; the first of equals wins.
    """
    measure = question.gap_measure()
    if measure is None or len(groups) < 2:
        return None
    if measure == "mean10":
        high = max(groups, key=lambda row: int(row["mean10"]))
        low = min(groups, key=lambda row: int(row["mean10"]))
        apart = high["mean10"] - low["mean10"]
        return {"mean10": apart, "ahead": high["group"], "behind": low["group"]} if apart else None
    best: dict[str, Any] | None = None
    for id in order:
        high = max(groups, key=lambda row: int(row["options"][id]["share"]))
        low = min(groups, key=lambda row: int(row["options"][id]["share"]))
        apart = high["options"][id]["share"] - low["options"][id]["share"]
        if apart > (best["points"] if best else 0):
            best = {"option": id, "points": apart, "ahead": high["group"], "behind": low["group"]}
    return best


def counts(question: Question, answers: Mapping[str, Kept]) -> dict[str, Any]:
    return question.tally([kept.value for kept in answers.values()])


def answered(flow: Flow) -> dict[str, Any]:
    """{"answered", "by_group": {group: n}, "by_table"?: {table: n}, "voters": [...], "taking", "unasked"} of the round.

    taking: whether answers are still taken. unasked: questions that were not opened yet. The counts are empty when
    nothing is shown. At level anonymous no answer knows its table, so there is no `by_table`.
    """
    unasked = sum(1 for question in flow.questions if question not in flow.runs)
    run = flow.runs.get(flow.current or "")
    if run is None or run.phase == "cancelled":
        return {"answered": 0, "by_group": {}, "voters": [], "taking": False, "unasked": unasked}
    answers = run.now_answers.values()
    found: dict[str, Any] = {
        "taking": run.phase in ("reading", "open"),
        "unasked": unasked,
        "answered": len(run.now_answers),
        "by_group": Counter(kept.group for kept in answers if kept.group is not None),
        "voters": sorted(run.now_answers),
    }
    if run.level != "anonymous":
        found["by_table"] = Counter(kept.table for kept in answers if kept.table is not None)
    return found


def _letters(shown: Mapping[str, Any]) -> dict[str, str]:
    return {option["id"]: option["letter"] for option in shown["options"] if "letter" in option}


def order_shown(question: Question, run: Run | None) -> list[str]:
    """The option ids in the order in which everybody sees them."""
    return [option["id"] for option in question.shown(run.order if run else ())["options"]]


def shown_question(question: Question, run: Run | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": question.id, "kind": question.kind, "text": question.text}
    if question.note is not None:
        shown["note"] = question.note
    pick = getattr(question, "pick", None)
    if pick is not None:
        shown["pick"] = {"min": pick.min, "max": pick.max}
    return shown | question.shown(run.order if run else (), run.targets if run else ())


#: Typed texts stand on the desk alone: nobody has looked at them before they would stand on the wall.
_FOR_THE_DESK = ("texts",)


def _with_result(shown: dict[str, Any], question: Question, answers: Mapping[str, Kept], screen: str) -> dict[str, Any]:
    """Adds the counts to a view that already holds the question."""
    counted = counts(question, answers)
    for option in shown["question"]["options"]:
        cell = counted["options"][option["id"]]
        option |= {name: value for name, value in cell.items() if name != "places"}
    results = {name: value for name, value in counted.items() if name != "options"}
    if question.kind == "order" and "options" in counted:
        results["places"] = {id: cell["places"] for id, cell in counted["options"].items()}
    if screen != "desk":
        results = {name: value for name, value in results.items() if name not in _FOR_THE_DESK}
    return shown | {"results": results}


def _with_groups(shown: dict[str, Any], question: Question, run: Run) -> dict[str, Any]:
    rows = by_group(question, run.now_answers, run.groups)
    if not rows:
        return shown
    shown["by_group"] = rows
    order = order_shown(question, run)
    apart = gap(question, rows, order)
    if apart is not None:
        letters = _letters(shown["question"])
        if apart.get("option") in letters:
            apart["letter"] = letters[apart["option"]]
        shown["gap"] = apart
    return shown


def _with_majority(shown: dict[str, Any], question: Question) -> dict[str, Any]:
    pick = getattr(question, "pick", None)
    if not question.majority or question.kind not in ("choice", "yes_no") or (pick is not None and pick.max > 1):
        return shown
    options = {option["id"]: {"count": option["count"]} for option in shown["question"]["options"]}
    shown["results"]["majority"] = {
        "room": tally.majority(options, shown["results"]["n"]),
        "groups": {row["group"]: tally.majority(row["options"], row["n"]) for row in shown.get("by_group", ())},
    }
    return shown


def _earlier(question: Question, run: Run) -> list[dict[str, Any]]:
    """The rounds before the running one, with the movement from each to the next."""
    rows = []
    for number in range(1, run.round):
        answers, after = run.answers.get(number, _EMPTY), run.answers.get(number + 1, _EMPTY)
        counted = counts(question, answers)
        row: dict[str, Any] = {"round": number, "answered": len(answers)}
        if question.kind != "order" and "options" in counted:
            row["options"] = counted["options"]
        for measure in ("mean10", "median10", "median"):
            if measure in counted:
                row[measure] = counted[measure]
        row["moves"] = tally.movement(
            {voter: kept.value for voter, kept in answers.items()},
            {voter: kept.value for voter, kept in after.items()},
        )
        rows.append(row)
    return rows


def view(flow: Flow, screen: str, wall_languages: Sequence[str] = ()) -> dict[str, Any]:
    """What everybody at this screen sees of the current question; what they may not know yet is absent.

    wall_languages: where there are two or more, the wall also gets the second one's texts, under "second".
    """
    shown: dict[str, Any] = {"state": "waiting", "n": 0, "of": len(flow.questions), "level": flow.level}
    if screen == "desk":
        shown |= _for_the_desk(flow)
    if flow.current is None:
        return shown
    question, run = flow.questions[flow.current], flow.runs[flow.current]
    shown |= {
        "state": run.phase,
        "question": shown_question(question, run),
        "round": run.round,
        "n": list(flow.questions).index(flow.current) + 1,
        "level": run.level,
    }
    if question.unsure:
        shown["unsure"] = True
    if screen == "wall" and len(wall_languages) > 1:
        shown["second"] = _in_second_language(question, wall_languages[1])
    if run.phase == "cancelled":
        return shown | ({"reason": run.reason} if run.reason and screen == "desk" else {})
    if run.phase == "open":
        if run.started_at is not None:
            shown["started_at"] = run.started_at
        if run.ends_at is not None:
            shown["ends_at"] = run.ends_at
    if run.phase == "reading" and run.reading_until is not None:
        shown["reading_until"] = run.reading_until
    live = question.live_results and flow.skips and run.phase in ("open", "locked")
    public = run.phase in ("revealed", "explained")
    if screen != "phone" or public or live:
        shown["answered"] = len(run.now_answers)
    if live:
        shown["live"] = True
    if public or live or (screen == "desk" and run.phase == "locked"):
        shown = _with_result(shown, question, run.now_answers, screen)
    if public or (screen == "desk" and run.phase == "locked"):
        shown = _with_majority(_with_groups(shown, question, run), question)
        if run.round > 1:
            shown["rounds"] = _earlier(question, run)
    return shown


def _in_second_language(question: Question, language: str) -> dict[str, Any]:
    """{"lang","text","options": {id: text}}: only what exists in that language."""
    texts = {id: text[language] for id, text in question.choices().items() if language in text}
    return {"lang": language, "text": question.text.get(language, ""), "options": texts}


def _for_the_desk(flow: Flow) -> dict[str, Any]:
    rows = []
    for id, question in flow.questions.items():
        run = flow.runs.get(id)
        row: dict[str, Any] = {
            "id": id,
            "text": question.text,
            "kind": question.kind,
            "state": run.phase if run else "waiting",
            "rounds": run.round if run and run.was_opened else 0,
            "level": level_of(flow, id),
            "opened": run is not None and run.was_opened,
            "key_shown": run is not None and run.key_shown,
        }
        rows.append(row)
    shown: dict[str, Any] = {"questions": rows}
    after = following(flow)
    if after is not None:
        shown["next"] = shown_question(flow.questions[after], None)
    run = flow.runs.get(flow.current or "")
    if run is not None and run.phase == "open" and run.ends_at is not None:
        over = room_deadline(flow, run)
        if over is None:
            shown["someone_open"] = True
        elif over > run.ends_at:
            shown["someone_until"] = over
    return shown


def mine(flow: Flow, me: Me) -> dict[str, Any]:
    """{"question","round","value"?,"factor"?,"ends_at"?}: the person's own answer and own time."""
    own: dict[str, Any] = {}
    factor = flow.own_time.get(me.person)
    if factor is not None:
        own["factor"] = factor
    run = flow.runs.get(flow.current or "")
    if flow.current is None or run is None:
        return own
    own |= {"question": flow.current, "round": run.round}
    kept = my_answer(flow, flow.current, me)
    if kept is not None:
        own["value"] = kept.value
    if run.phase == "open" and factor is not None:
        ends_at = own_deadline(run, factor)
        if ends_at is not None:
            own["ends_at"] = ends_at
    return own


def my_answer(flow: Flow, question: str, me: Me) -> Kept | None:
    """The person's answer in the running round of a question."""
    run = flow.runs.get(question)
    if run is None or not run.now_answers:
        return None
    return run.now_answers.get(me.voter(scope_of(flow, question)))


def outcome(flow: Flow, id: str, number: int) -> dict[str, Any]:
    """The vote result of one question and round (LIVE 16); of a cancelled question only that it was, and why."""
    question, run = flow.questions[id], flow.runs[id]
    result: dict[str, Any] = {
        "kind": "vote_result",
        "question": id,
        "question_kind": question.kind,
        "text": dict(question.text),
        "round": number,
        "level": run.level,
        "facts": {"from": run.first_number, "to": run.last_number},
    }
    if question.pair:
        result["pair"] = question.pair
    if question.topic:
        result["topic"] = question.topic
    if run.phase == "cancelled":
        return result | {"cancelled": True, "reason": run.reason}
    answers = run.answers.get(number, _EMPTY)
    counted = counts(question, answers)
    cells = counted.pop("options", {})
    texts = question.choices()
    order = order_shown(question, run)
    result |= {
        "answers": counted.pop("n"),
        "skipped": counted.pop("skipped"),
        "people": run.people,
        "ways": {"phone": len(answers)},
        "opened_at": run.opened_at,
        "locked_at": run.locked_at,
        "revealed_at": run.revealed_at,
        "options": [{"id": id, "text": dict(texts[id])} | cells.get(id, {}) for id in order],
        "results": counted,
        "cancelled": False,
    }
    rule = {"ranking": "pairwise", "points": "mean", "scale": "mean_and_median"}.get(question.kind)
    if rule:
        result["rule"] = rule
    rows = by_group(question, answers, run.groups)
    if rows:
        result["by_group"] = rows
        apart = gap(question, rows, order)
        if apart is not None:
            result["gap"] = apart
    else:
        result["groups_hidden"] = bool(answers)
    if number > 1:
        before = run.answers.get(number - 1, _EMPTY)
        result["moves"] = tally.movement(
            {voter: kept.value for voter, kept in before.items()},
            {voter: kept.value for voter, kept in answers.items()},
        )
    return result


def outcomes(flow: Flow) -> list[dict[str, Any]]:
    """One vote result per question and round that was opened, in the order of asking."""
    return [
        outcome(flow, id, number)
        for id in flow.asked
        for number in (
            [flow.runs[id].round] if flow.runs[id].phase == "cancelled" else range(1, flow.runs[id].round + 1)
        )
    ]


def rows(flow: Flow) -> list[dict[str, Any]]:
    """One dict per kept answer, for tables in a file.

    `at` is rounded down to the minute. At level anonymous there is no voter, time, table or language, the group only
    where the small-cell rule shows it, and the rows stand in an order that says nothing about who came first.
    `replaced`: the same voter answered a later round too, which is the one that scores.
    """
    table = []
    for id in flow.asked:
        question, run = flow.questions[id], flow.runs[id]
        for number, answers in run.answers.items():
            anonymous = run.level == "anonymous"
            shown = shown_groups(answers)
            voters = tally.drawn_order(list(answers), number) if anonymous else list(answers)
            for voter in voters:
                kept = answers[voter]
                group = kept.group
                if anonymous and shown.get(group) != group:
                    group = None
                table.append(
                    {
                        "question": id,
                        "question_kind": question.kind,
                        "round": number,
                        "voter": None if anonymous else voter,
                        "group": group,
                        "table": kept.table,
                        "value": kept.value,
                        "text": {} if kept.value is None else dict(question.words(kept.value)),
                        "right": None,
                        "points": None,
                        "took_ms": kept.took_ms,
                        "at": None if anonymous else kept.at // 60_000 * 60_000,
                        "level": run.level,
                        "language": kept.language,
                        "replaced": any(voter in later for round, later in run.answers.items() if round > number),
                        "cancelled": run.phase == "cancelled",
                    }
                )
    return table
