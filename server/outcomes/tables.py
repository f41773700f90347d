"""The sheets of an export: rows for people who know Kahoot's report, and ours, with nobody to be told apart in them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..activities.contract import Question, Text, fold
from ..activities.quiz.scoring import scored, streak_points
from ..files.sheets import Cell, Sheet
from ..moment import draw

if TYPE_CHECKING:
    from ..sessions.plan import Stage
    from .export import Left

Row = list[Cell]

#: Spelled and ordered as other tools read them (LIVE 10.1); ours come after.
RAW_COLUMNS = (
    "Question Number",
    "Question",
    "Answer 1",
    "Answer 2",
    "Answer 3",
    "Answer 4",
    "Correct Answers",
    "Time Allotted to Answer (seconds)",
    "Player",
    "Answer",
    "Correct / Incorrect",
    "Correct",
    "Incorrect",
    "Score (points)",
    "Score without Answer Streak Bonus (points)",
    "Current Total Score (points)",
    "Answer Time (%)",
    "Answer Time (seconds)",
)
OUR_COLUMNS = (
    "Session",
    "Stage",
    "Kind",
    "Round",
    "Option Ids",
    "Language",
    "Group",
    "Table",
    "Via",
    "Level",
    "Answered At",
)
COLUMN_MEANINGS = {
    "Question Number": "questions of all polls and quizzes of the session, numbered through in the plan's order",
    "Answer 1": "texts of the first four options; all of them stand in this codebook",
    "Player": "a code drawn at random for this file; the name at level named; empty at level anonymous",
    "Score (points)": "only of questions that were explained, with the bonus for right answers in a row",
    "Current Total Score (points)": "sum over the questions so far, in the order in which they were asked",
    "Answer Time (%)": "of the time allotted; empty without a time limit and at level anonymous",
    "Option Ids": "the answer as ids of this codebook",
    "Language": "of the person's phone; empty in the whole file where fewer than 5 answers to a question share it",
    "Group": "empty in the whole file where fewer than 5 answers to a question come from it",
    "Table": "as for groups, and only where no group stands in the file: group and table are never crossed",
    "Via": "how the answer came: phone",
    "Answered At": "rounded down to the minute, local time; empty at level anonymous",
}

OPTION_KINDS = ("choice", "yes_no", "ranking", "points", "order")

_SAID: dict[str, tuple[str, str]] = {
    "title": ("Sessione", "Session"),
    "code": ("Codice", "Code"),
    "phase": ("Fase", "Phase"),
    "made": ("Creata", "Made"),
    "started": ("Iniziata", "Started"),
    "ended": ("Finita", "Ended"),
    "people": ("Persone", "People"),
    "group": ("Persone: {name}", "People: {name}"),
    "other": ("altri", "others"),
    "hidden": (
        "I gruppi con meno di 5 persone non sono mostrati da soli.",
        "Groups of fewer than 5 people are not shown by themselves.",
    ),
    "answers": ("Risposte dal telefono", "Answers by phone"),
    "level": ("Livello di anonimato: {name}", "Level of anonymity: {name}"),
    "software": ("Programma", "Software"),
    "facts": ("Fatti", "Facts"),
    "honest": (
        "In una sala piccola chi osserva i telefoni e lo schermo può indovinare una risposta anonima.",
        "In a small room somebody who watches phones and wall together may guess an anonymous answer.",
    ),
    "mean": ("media del gruppo", "mean of the team"),
}


def _say(key: str, language: str, **values: Any) -> str:
    return _SAID[key][0 if language == "it" else 1].format(**values)


def minute(at: int | None) -> str | None:
    """Local time to the minute, with the zone, for people and machines alike."""
    if at is None:
        return None
    return datetime.datetime.fromtimestamp(at // 60_000 * 60, datetime.UTC).astimezone().isoformat(timespec="minutes")


def shuffled(values: Iterable[Any]) -> list[Any]:
    """In an order drawn by chance."""
    drawn = list(values)
    for place in range(len(drawn) - 1, 0, -1):
        other = draw(place + 1)
        drawn[place], drawn[other] = drawn[other], drawn[place]
    return drawn


def _flow(run: Any) -> Any:
    """What a stage of questions holds; None for other activities."""
    return getattr(run, "flow", None)


def _ids(value: Any) -> str | None:
    """A kept value as option ids; None where people typed."""
    if isinstance(value, list):
        return ",".join(str(one) for one in value)
    if isinstance(value, dict):
        return ",".join(f"{id}={one}" for id, one in value.items())
    return None if value is None else str(value)


class Answers:
    """All kept answers of the session, row by row, with codes that hold within this one file."""

    def __init__(self, left: Left, language: str) -> None:
        self.left = left
        self.language = language
        #: Number through the session by (stage, question).
        self.numbers: dict[tuple[str, str], int] = {}
        self.rows: list[dict[str, Any]] = []
        for stage, activity, run in left.opened():
            flow = _flow(run)
            if flow is None or not hasattr(activity.rules, "rows"):
                continue
            for id in flow.questions:
                self.numbers[stage.id, id] = len(self.numbers) + 1
            self.rows += [row | {"stage": stage} for row in activity.rules.rows(run) if not row["cancelled"]]
        linked = [row for row in self.rows if row["voter"] is not None]
        voters = {row["voter"]: True for row in linked}
        width = max(2, len(str(len(voters))))
        self.codes = {voter: f"P{n:0{width}d}" for n, voter in enumerate(shuffled(voters), start=1)}
        self.groups = showable(linked, "group")
        # A group and a table together would tell apart who neither of them does.
        self.tables = set() if self.groups else showable(linked, "table")
        self.languages = showable(linked, "language")

    def player(self, row: Mapping[str, Any]) -> str:
        """The name at level named, else the code; nothing for an anonymous answer."""
        voter = row["voter"]
        if voter is None:
            return ""
        if row["level"] == "named" and self.left.names.get(voter):
            return self.left.names[voter]
        return self.codes[voter]

    def _ordered(self) -> list[dict[str, Any]]:
        """By stage, question in the order of asking, round; within it by player, and anonymous ones by chance."""
        places: dict[tuple[str, str], int] = {}
        for stage, _, run in self.left.opened():
            flow = _flow(run)
            for id in flow.asked if flow is not None else ():
                places[stage.id, id] = len(places)
        return sorted(
            shuffled(self.rows),
            key=lambda row: (places[row["stage"].id, row["question"]], row["round"], self.player(row)),
        )

    def raw(self) -> list[Row]:
        """The table of all answers, its header first."""
        table: list[Row] = [[*RAW_COLUMNS, *OUR_COLUMNS]]
        scores = self._scores()
        totals: dict[tuple[str, str], int] = {}
        for row in self._ordered():
            stage: Stage = row["stage"]
            run = self.left.folded.runs[stage.id]
            question: Question = run.flow.questions[row["question"]]
            player = self.player(row)
            seconds = question.time or run.flow.time
            took = row["took_ms"]
            plain, bonus = scores.get(id(row), (None, 0))
            total: int | None = None
            if plain is not None and player:
                total = totals[stage.id, player] = totals.get((stage.id, player), 0) + plain + bonus
            right = row["right"]
            options = self._options(question)
            table.append(
                [
                    self.numbers[stage.id, question.id],
                    question.text.in_language(self.language),
                    *[options[place] if place < len(options) else None for place in range(4)],
                    self._right(run, question),
                    seconds,
                    player or None,
                    self._text(row["text"]),
                    None if right is None else "Correct" if right else "Incorrect",
                    None if right is None else int(right),
                    None if right is None else int(not right),
                    None if plain is None else plain + bonus,
                    plain,
                    total,
                    None if took is None or not seconds else round(took / seconds / 10, 1),
                    None if took is None else round(took / 1000, 1),
                    self.left.code,
                    stage.id,
                    question.kind,
                    row["round"],
                    None if question.kind in ("typed", "number") else _ids(row["value"]),
                    row["language"] if row["language"] in self.languages else None,
                    self._group(row),
                    row["table"] if row["table"] in self.tables else None,
                    "phone",
                    row["level"],
                    minute(row["at"]),
                ]
            )
        return table

    def raw_sheet(self) -> Sheet:
        return Sheet("RawReportData Data", self.raw())

    def _group(self, row: Mapping[str, Any]) -> str | None:
        # Rows of anonymous answers come with those groups only that may be shown for that one question.
        group: str | None = row["group"]
        return group if row["voter"] is None or group in self.groups else None

    def _text(self, text: Mapping[str, str]) -> str | None:
        return Text(text).in_language(self.language) if text else None

    def _options(self, question: Question) -> list[str]:
        if question.kind not in OPTION_KINDS:
            return []
        return [text.in_language(self.language) for text in question.choices().values()]

    def _right(self, run: Any, question: Question) -> str | None:
        key = getattr(run, "keys", {}).get(question.id, ())
        if not key:
            return None
        texts = question.choices()
        said = [
            " = ".join(texts[part].in_language(self.language) for part in one)
            if isinstance(one, tuple)
            else texts[one].in_language(self.language)
            if one in texts
            else str(one)
            for one in key
        ]
        return ", ".join(said)

    def _scores(self) -> dict[int, tuple[int, int]]:
        """Points and bonus of each row that counts, by the row's identity; the bonus as the quiz itself gives it."""
        found: dict[int, tuple[int, int]] = {}
        for stage, _, run in self.left.opened():
            keys = getattr(run, "keys", None)
            if keys is None:
                continue
            streak = bool(getattr(run.setup, "streak", False))
            rows = {
                (row["question"], row["voter"]): row
                for row in self.rows
                if row["stage"].id == stage.id and row["voter"] is not None and not row["replaced"]
            }
            voters = {voter for _, voter in rows}
            in_a_row = dict.fromkeys(voters, 0)
            for question in scored(run.flow, keys):
                if run.flow.runs[question].level == "anonymous":
                    continue
                for voter in voters:
                    row = rows.get((question, voter))
                    in_a_row[voter] = in_a_row[voter] + 1 if row is not None and row["right"] else 0
                    if row is None or row["points"] is None:
                        continue
                    counts = streak and in_a_row[voter] and run.flow.questions[question].points
                    found[id(row)] = (row["points"], streak_points(in_a_row[voter]) if counts else 0)
            for row in self.rows:
                counting = row["question"] in scored(run.flow, keys)
                if row["stage"].id == stage.id and row["voter"] is None and counting and row["points"] is not None:
                    found[id(row)] = (row["points"], 0)
        return found

    def persons(self) -> Sheet:
        """One row per player, one column per question. Anonymous answers are not in it."""
        linked = [row for row in self._ordered() if row["voter"] is not None]
        columns: dict[tuple[str, str, int], str] = {}
        for row in linked:
            place = (row["stage"].id, row["question"], row["round"])
            number = self.numbers[place[:2]]
            columns.setdefault(place, f"Q{number}" if place[2] == 1 else f"Q{number} (round {place[2]})")
        people: dict[str, dict[tuple[str, str, int], str | None]] = {}
        for row in linked:
            place = (row["stage"].id, row["question"], row["round"])
            people.setdefault(self.player(row), {})[place] = self._text(row["text"])
        rows: list[Row] = [["Player", *columns.values()]]
        for player in sorted(people):
            rows.append([player, *[people[player].get(place) for place in columns]])
        return Sheet("Persons", rows)

    def final_scores(self, outcomes: Sequence[Mapping[str, Any]]) -> list[Sheet]:
        """One sheet for each quiz whose board lists people (at level named only) or teams; its header is in row 3."""
        sheets = []
        for stage, _, run in self.left.opened():
            board = getattr(run.setup, "board", "none")
            rows = self._people_scores(run) if board == "people_top" else _team_scores(stage, board, outcomes)
            if not rows:
                continue
            title = stage.title.in_language(self.language)
            note = _say("mean", self.language) if board != "people_top" else None
            head: list[Row] = [[title], [note]]
            columns: Row = ["Rank", "Player", "Total Score (points)", "Correct Answers", "Incorrect Answers"]
            sheets.append(Sheet("Final Scores", [*head, columns, *rows]))
        return sheets

    def _people_scores(self, run: Any) -> list[Row]:
        counting = scored(run.flow, run.keys)
        if not counting or any(run.flow.runs[id].level != "named" for id in counting):
            return []
        ordered = sorted(run.scores.items(), key=lambda one: (one[1].rank, self._label(one[0])))
        return [
            [score.rank, self._label(voter), score.total, score.right, score.of - score.right]
            for voter, score in ordered
        ]

    def _label(self, voter: str) -> str:
        return self.left.names.get(voter) or self.codes.get(voter, "")


def _team_scores(stage: Stage, board: str, outcomes: Sequence[Mapping[str, Any]]) -> list[Row]:
    for outcome in outcomes:
        if outcome["stage"] == stage.id and outcome["kind"] == "quiz_score" and board in ("groups", "tables"):
            by = board[:-1]
            return [[row["rank"], row[by], row["mean10"] / 10, None, None] for row in outcome[board]]
    return []


def showable(rows: Iterable[Mapping[str, Any]], column: str) -> set[str]:
    """The groups (tables, languages) that may stand beside a code in every row of a file.

    Codes link the rows of one person, so a group hidden in one question could be read from another one. Therefore a
    group is shown everywhere or nowhere: only where each question and round that it answered shows it by itself.
    """
    counts: dict[tuple[str, str, int], dict[str | None, int]] = {}
    for row in rows:
        place = (row["stage"].id, row["question"], row["round"])
        cell = counts.setdefault(place, {})
        cell[row[column]] = cell.get(row[column], 0) + 1
    shown: dict[str, bool] = {}
    for cell in counts.values():
        folded = fold(cell)
        for group, n in cell.items():
            if group is not None:
                alone = folded.get(group) == group or (len(cell) == 1 and n >= 5)
                shown[group] = shown.get(group, True) and alone
    return {group for group, all in shown.items() if all}


def overview(left: Left, found: Mapping[str, Any], language: str) -> Sheet:
    """The session in a few lines."""
    people = found["people"]
    names = {group.id: group.name.in_language(language) for group in left.plan.groups}
    rows: list[Row] = [
        [_say("title", language), left.plan.title.in_language(language)],
        [_say("code", language), left.code],
        [_say("phase", language), left.plan.phase],
        [_say("made", language), minute(found["made_at"])],
        [_say("started", language), minute(found["started_at"])],
        [_say("ended", language), minute(found["ended_at"])],
        [_say("people", language), people["count"]],
    ]
    for cell in people["by_group"]:
        name = names.get(cell["group"], _say("other", language))
        rows.append([_say("group", language, name=name), cell["count"]])
    if people["groups_hidden"]:
        rows.append([_say("hidden", language)])
    ways = sum(one.get("ways", {}).get("phone", 0) for one in found["outcomes"])
    rows.append([_say("answers", language), ways])
    for stage, _, _ in left.opened():
        rows.append([_say("level", language, name=stage.title.in_language(language)), stage.level])
    facts = found["generated"]["facts"]
    rows += [
        [_say("software", language), f"{found['software']['name']} {found['software']['version']}"],
        [_say("facts", language), f"{facts['from']}–{facts['to']}"],
    ]
    if any(one.get("level") == "anonymous" for one in found["outcomes"]):
        rows.append([_say("honest", language)])
    return Sheet("Overview", rows)


RESULT_COLUMNS = (
    "Question Number",
    "Stage",
    "Question Id",
    "Question",
    "Kind",
    "Round",
    "Level",
    "Option Id",
    "Option",
    "Group",
    "Answers",
    "Skipped",
    "Count",
    "Percent",
    "Mean",
    "Median",
    "Right",
    "Groups Suppressed",
    "Cancelled",
)


def results(
    left: Left, outcomes: Sequence[Mapping[str, Any]], numbers: Mapping[tuple[str, str], int], language: str
) -> Sheet:
    """One row per question, round, option and group. An empty group is the whole room."""
    rows: list[Row] = [list(RESULT_COLUMNS)]
    for one in outcomes:
        if one["kind"] != "vote_result":
            continue
        head: Row = [
            numbers.get((one["stage"], one["question"])),
            one["stage"],
            one["question"],
            Text(one["text"]).in_language(language),
            one["question_kind"],
            one["round"],
            one["level"],
        ]
        if one["cancelled"]:
            rows.append([*head, *[None] * 11, one.get("reason") or "yes"])
            continue
        hidden = "yes" if one.get("groups_hidden") else "no"
        measures = one["results"]
        right = one.get("right")
        for id, text, cell in _cells(one, language):
            is_right = None if right is None or id is None else int(id in right)
            rows.append(
                [
                    *head,
                    id,
                    text,
                    None,
                    one["answers"],
                    one["skipped"],
                    cell.get("count"),
                    cell.get("share"),
                    _tenth(cell.get("mean10", measures.get("mean10"))),
                    _tenth(measures["median10"]) if "median10" in measures else measures.get("median"),
                    is_right,
                    hidden,
                    None,
                ]
            )
        texts = {option["id"]: Text(option["text"]).in_language(language) for option in one["options"]}
        for group in one.get("by_group", ()):
            for id, cell in group.get("options", {None: {}}).items():
                rows.append(
                    [
                        *head,
                        id,
                        texts.get(id),
                        group["group"],
                        group["n"],
                        None,
                        cell.get("count"),
                        cell.get("share"),
                        _tenth(cell.get("mean10", group.get("mean10"))),
                        _tenth(group["median10"]) if "median10" in group else group.get("median"),
                        None,
                        "no",
                        None,
                    ]
                )
    return Sheet("Results", rows)


def _tenth(value: int | None) -> float | None:
    return None if value is None else value / 10


def _cells(outcome: Mapping[str, Any], language: str) -> list[tuple[str | None, str | None, Mapping[str, Any]]]:
    """(id, text, counts) of everything that was counted: options, typed texts, spans of numbers, links."""
    found: list[tuple[str | None, str | None, Mapping[str, Any]]] = [
        (option["id"], Text(option["text"]).in_language(language), option) for option in outcome["options"]
    ]
    measures = outcome["results"]
    found += [(None, row["text"], row) for row in measures.get("texts", ())]
    for row in measures.get("bins", ()):
        span = str(row["from"]) if row["from"] == row["to"] else f"{row['from']} … {row['to']}"
        found.append((None, span, row))
    for thing, links in measures.get("links", {}).items():
        found += [(f"{thing}={target}", None, {"count": n}) for target, n in links.items()]
    return found or [(None, None, {})]


def words(left: Left, outcomes: Sequence[Mapping[str, Any]], language: str) -> Sheet:
    """One row per word and group; an empty group is the whole room."""
    rows: list[Row] = [["Stage", "Prompt", "Word", "Also", "Group", "People", "People in the Stage"]]
    for one in outcomes:
        if one["kind"] != "words":
            continue
        prompt = Text(one["prompt"]).in_language(language)
        for word in one["words"]:
            head: Row = [one["stage"], prompt, word["word"], "; ".join(word["also"]) or None]
            rows.append([*head, None, word["count"], one["people"]])
            rows += [[*head, group, n, None] for group, n in word.get("by_group", {}).items()]
    return Sheet("Words", rows)


def agenda(schedule: Mapping[str, Any], language: str) -> Sheet:
    """Planned and real times of the day."""
    rows: list[Row] = [
        ["Stage", "Title", "Activity", "Level", "State", "Planned At", "Planned Minutes", "Opened At", "Minutes Spent"]
    ]
    for stage in schedule["stages"]:
        opened = stage["state"] != "coming"
        rows.append(
            [
                stage["id"],
                stage["title"].in_language(language),
                stage["activity"],
                stage["level"],
                stage["state"],
                minute(stage["planned_at"]),
                stage["minutes"],
                minute(stage["expected_at"]) if opened else None,
                stage["spent_minutes"] if opened else None,
            ]
        )
    return Sheet("Agenda", rows)


def codebook(left: Left) -> list[dict[str, Any]]:
    """Every id with its texts in all languages, and what the columns mean: [{"what","id","stage","texts","about"}]."""
    plan = left.plan
    book: list[dict[str, Any]] = []

    def add(what: str, id: str, stage: str | None, texts: Mapping[str, str], about: str = "") -> None:
        book.append({"what": what, "id": id, "stage": stage, "texts": dict(texts), "about": about})

    add("session", left.code, None, plan.title, f"phase {plan.phase}; facts 1 to {left.number}")
    for group in plan.groups:
        add("group", group.id, None, group.name)
    for stage in plan.stages:
        run = left.folded.runs[stage.id]
        add("stage", stage.id, stage.id, stage.title, _about_stage(stage, run, stage.id in left.folded.session.spent))
        flow = _flow(run)
        for question in flow.questions.values() if flow is not None else ():
            add("question", question.id, stage.id, question.text, _about_question(question, run))
            key = getattr(run, "keys", {}).get(question.id, ())
            for id, text in question.choices().items():
                right = question.kind in ("choice", "yes_no") and id in key
                add("option", f"{question.id}/{id}", stage.id, text, "right" if right else "")
    for column in (*RAW_COLUMNS, *OUR_COLUMNS):
        add("column", column, None, {}, COLUMN_MEANINGS.get(column, ""))
    return book


def _about_stage(stage: Stage, run: Any, opened: bool) -> str:
    parts = [stage.activity, f"level {stage.level}", "opened" if opened else "never opened"]
    setup = getattr(run, "setup", None)
    for name in ("scoring", "board", "voters"):
        value = getattr(setup, name, None)
        if value is not None:
            parts.append(f"{name} {value}")
    return "; ".join(parts)


_RULES: Mapping[str, str] = {
    "ranking": "counted head to head; without a winner by mean place, options left out share the places left over",
    "points": "mean per option and share of all points",
    "scale": "mean and median",
    "order": "right when the whole order is, unless partial",
    "match": "share of things matched rightly",
    "typed": "compared without case, accents and edge punctuation",
}


def _about_question(question: Question, run: Any) -> str:
    was = run.flow.runs.get(question.id)
    parts = [question.kind]
    if was is not None:
        parts.append(f"level {was.level}")
        if was.phase == "cancelled":
            parts.append(f"cancelled: {was.reason or 'no reason given'}")
    else:
        parts.append("never opened")
    if question.kind in _RULES:
        parts.append(_RULES[question.kind])
    for name in ("topic", "pair"):
        if getattr(question, name):
            parts.append(f"{name} {getattr(question, name)}")
    return "; ".join(parts)


def codebook_sheet(left: Left) -> Sheet:
    languages = list(left.plan.languages)
    rows: list[Row] = [["What", "Id", "Stage", *[f"Text ({language})" for language in languages], "About"]]
    for entry in codebook(left):
        texts = [entry["texts"].get(language) for language in languages]
        rows.append([entry["what"], entry["id"], entry["stage"], *texts, entry["about"] or None])
    return Sheet("Codebook", rows)
