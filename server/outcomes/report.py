"""What the report of a session says, as one document for every format: cover, the day, questions, words, data card.

Pure of file formats; marketplaces, boards and ideas have chapters of their own in `market_report.py`, `board_report.py`
and `idea_report.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..files.document import (
    Bar,
    Block,
    Chapter,
    Chart,
    Details,
    Document,
    Item,
    Items,
    Mark,
    Paragraph,
    Table,
)
from . import board_report, handover, idea_report, market_report
from .telling import Telling, sentences

#: So many words are charted; the others stand in the data files.
MOST_WORDS = 40
#: So many typed answers or pairs are listed.
MOST_ROWS = 60
KNOWN = (
    "vote_result", "quiz_gap", "quiz_score", "words", "board", "idea", "idea_draft", "tables", *market_report.KINDS,
)  # fmt: skip

Outcome = Mapping[str, Any]


def report(
    found: Mapping[str, Any],
    agenda: Mapping[str, Any],
    credits: Mapping[str, str],
    activities: Mapping[str, str],
    language: str,
) -> Document:
    """The report of a session.

    found: its outcomes with their head, as `export.outcomes` gives them. agenda: `sessions.rules.schedule`. credits: of
    the plan. activities: {name of an activity: what people call it}. language: of the report; a text that is not there
    in it stands in its own.
    """
    tell = Telling(found, language)
    outcomes: Sequence[Outcome] = found["outcomes"]
    boards = [one for one in outcomes if one["kind"] == "board"]
    ideas = [one for one in outcomes if one["kind"] == "idea"]
    chapters = [
        _glance(tell, found, agenda),
        _agenda(tell, agenda, activities),
        _questions(tell, outcomes),
        _words(tell, outcomes),
        *market_report.chapters(tell, outcomes),
        board_report.chapter(tell, boards),
        idea_report.chapter(tell, ideas, boards),
        _annex(tell, found, agenda),
    ]
    at = when(found)
    return Document(
        title=tell.text(found["title"]) or found["code"],
        subtitle=f"{tell('report')} · {tell('phase.' + found['phase'])}",
        language=tell.house,
        about=_about(tell, found, at),
        credits=tuple(_credits(tell, credits, outcomes)),
        author=f"Officina {found['software']['version']}",
        at=at,
        chapters=tuple(chapter for chapter in chapters if chapter is not None),
        said={key: tell.words.words[key] for key in ("contents", "page", "unshown", "right")},
    )


def when(found: Mapping[str, Any]) -> int:
    """The moment that a session's files are dated by: its end, else its start, else its making (ms UTC)."""
    return int(found["ended_at"] or found["started_at"] or found["made_at"] or 0)


# Cover


def _about(tell: Telling, found: Mapping[str, Any], at: int) -> tuple[tuple[str, str], ...]:
    begun = found["started_at"] or found["made_at"] or at
    rows = [(tell("date"), tell.day(begun))]
    if found["started_at"] and found["ended_at"]:
        span = tell("from_to", start=tell.clock(found["started_at"]), end=tell.clock(found["ended_at"]))
        rows.append((tell("time"), span))
    rows += [(tell("people"), tell.number(found["people"]["count"])), (tell("code"), found["code"])]
    return tuple(rows)


def _credits(tell: Telling, credits: Mapping[str, str], outcomes: Iterable[Outcome]) -> list[str]:
    owed = [one.get("credit") for one in outcomes if one["kind"] in ("board", "marketplace")]
    lines = [tell.text(credits), *(tell.text(credit) for credit in owed)]
    return [line for line in dict.fromkeys(lines) if line]


# At a glance, and the day


def _glance(tell: Telling, found: Mapping[str, Any], agenda: Mapping[str, Any]) -> Chapter:
    outcomes = found["outcomes"]
    stages = agenda["stages"]
    held = sum(1 for stage in stages if stage["state"] != "coming")
    answered = {
        (one["stage"], one["question"]) for one in outcomes if one["kind"] == "vote_result" and one.get("answers")
    }
    counts = [
        ("glance.questions", len(answered)),
        ("glance.words", sum(len(one["words"]) for one in outcomes if one["kind"] == "words")),
        ("glance.notes", sum(len(one["notes"]) for one in outcomes if one["kind"] == "board")),
        ("glance.practices", sum(1 for one in outcomes if one["kind"] == "practice")),
        ("glance.connections", market_report.connections(outcomes)),
        ("glance.ideas", sum(1 for one in outcomes if one["kind"] == "idea")),
    ]
    people = found["people"]
    rows = [(tell("people"), tell("glance.n_people", n=people["count"]))]
    rows += [(tell.group(cell["group"]), tell.number(cell["count"])) for cell in people["by_group"]]
    rows.append((tell("glance.stages"), tell("glance.n_stages", n=held, of=len(stages))))
    rows += [(tell(key), tell.number(n)) for key, n in counts if n]
    for one in outcomes:
        if one["kind"] == "tables":
            met = tell.tenths(one["met_mean10"])
            rows.append((tell("glance.tables"), tell("glance.n_tables", n=one["rounds"], met=met)))
    blocks: list[Block] = [Details(tuple(rows))]
    if people["groups_hidden"]:
        blocks.append(Paragraph(tell("glance.hidden"), "small"))
    if not outcomes:
        blocks.append(Paragraph(tell("none_yet")))
    return Chapter(tell("glance.title"), tuple(blocks), apart=True)


def _agenda(tell: Telling, agenda: Mapping[str, Any], activities: Mapping[str, str]) -> Chapter:
    rows = []
    for stage in agenda["stages"]:
        opened = stage["state"] != "coming"
        rows.append(
            (
                tell.text(stage["title"]),
                activities.get(stage["activity"], stage["activity"]),
                tell.clock(stage["planned_at"]),
                tell.number(stage["minutes"]),
                tell.clock(stage["expected_at"]) if opened else tell("agenda.never"),
                tell.number(stage["spent_minutes"]) if opened else "",
            )
        )
    head = tuple(
        tell(f"agenda.{key}") for key in ("stage", "activity", "planned", "planned_min", "actual", "actual_min")
    )
    table = Table(tell("agenda.caption"), head, tuple(rows), (3, 5), (7, 3, 2, 2, 2, 2))
    return Chapter(tell("agenda.title"), (table,))


# Questions


def _questions(tell: Telling, outcomes: Sequence[Outcome]) -> Chapter | None:
    stages: dict[str, list[Outcome]] = {}
    for one in outcomes:
        if one["kind"] in ("vote_result", "quiz_gap", "quiz_score"):
            stages.setdefault(one["stage"], []).append(one)
    if not stages:
        return None
    chapters = [_question_stage(tell, list(found)) for found in stages.values()]
    return Chapter(tell("questions.title"), (), tuple(chapters), apart=True)


def _question_stage(tell: Telling, found: list[Outcome]) -> Chapter:
    level = found[0]["level"]
    blocks: list[Block] = [Paragraph(tell("questions.level", level=tell(f"level.{level}")), "small")]
    if any(one.get("level") == "anonymous" for one in found):
        blocks.append(Paragraph(tell("questions.honest"), "small"))
    gaps = [one for one in found if one["kind"] == "quiz_gap"]
    after: list[Block] = [_topics(tell, gaps)] if gaps else []
    for one in found:
        if one["kind"] == "quiz_score":
            after += _teams(tell, one)
    questions = [_question(tell, one) for one in found if one["kind"] == "vote_result"]
    title = found[0]["stage_title"]
    return Chapter(tell.text(title), (*blocks, *after), tuple(questions), language=tell.foreign(title))


def _question(tell: Telling, one: Outcome) -> Chapter:
    title = tell.text(one["text"])
    if one["round"] > 1:
        title = tell("questions.round", text=title, n=one["round"])
    if one["cancelled"]:
        why = tell("questions.because", reason=one["reason"]) if one.get("reason") else ""
        return Chapter(title, (Paragraph(sentences([tell("questions.cancelled"), why])),))
    said = [tell("questions.answers", n=one["answers"], people=one["people"] or one["answers"]) + "."]
    if one["skipped"]:
        said.append(tell("questions.skipped", n=one["skipped"]))
    if one.get("groups_hidden"):
        said.append(tell("questions.small"))
    blocks: list[Block] = [Paragraph(sentences(said), "small")]
    blocks += _counts(tell, one) if one["answers"] else [Paragraph(tell("questions.nobody"))]
    lines = _findings(tell, one)
    if lines:
        blocks.append(Items(tuple(Item(line) for line in lines)))
    return Chapter(title, tuple(blocks), language=tell.foreign(one["text"]))


def _counts(tell: Telling, one: Outcome) -> list[Block]:
    results = one["results"]
    if one["options"]:
        return [_chart(tell, one)]
    if results.get("bins"):
        most = max(row["count"] for row in results["bins"])
        bars = tuple(
            Bar(
                tell.number(row["from"])
                if row["from"] == row["to"]
                else f"{tell.number(row['from'])}–{tell.number(row['to'])}",
                ((100 * row["count"] / most, tell.number(row["count"])),),
            )
            for row in results["bins"]
        )
        return [_chart_of(tell, tell("questions.counted_number"), [(tell("everybody"), "all")], bars)]
    if results.get("texts"):
        typed = [(str(row["text"]), tell.number(row["count"])) for row in results["texts"][:MOST_ROWS]]
        columns = (tell("questions.option"), tell("questions.times"))
        return [Table(tell("questions.counted_texts"), columns, tuple(typed), (1,), (6, 1))]
    if results.get("links"):
        pairs = [
            (str(thing), str(target), tell.number(n))
            for thing, targets in results["links"].items()
            for target, n in targets.items()
        ][:MOST_ROWS]
        ends = (tell("questions.thing"), tell("questions.target"), tell("questions.times"))
        return [Table(tell("questions.counted_links"), ends, tuple(pairs), (2,), (3, 3, 1))]
    return []


def _chart(tell: Telling, one: Outcome) -> Chart:
    kind, groups = one["question_kind"], one.get("by_group") or ()
    series: list[tuple[str, Mark]] = [(tell("everybody"), "all")]
    series += [(tell.group(row["group"]), tell.mark(row["group"])) for row in groups]
    right = one.get("right") if kind in ("choice", "yes_no") else ()
    whole = sum(option.get("points", 0) for option in one["options"]) if kind == "points" else one["answers"]
    bars = []
    for place, option in enumerate(one["options"]):
        label = tell.text(option["text"])
        if kind == "ranking" and "mean10" in option:
            label = tell("questions.mean_place", text=label, mean=tell.tenths(option["mean10"]))
        cells = [option, *(row["options"].get(option["id"]) for row in groups)]
        bars.append(
            Bar(
                label,
                tuple(None if cell is None else _cell(tell, cell, kind, whole or 1) for cell in cells),
                "" if kind == "scale" else _letter(place),
                option["id"] in (right or ()),
            )
        )
    key = kind if kind in ("scale", "ranking", "points", "order") else ""
    caption = tell(f"questions.counted_{key}" if key else "questions.counted")
    return _chart_of(tell, caption, series, tuple(bars))


def _cell(tell: Telling, cell: Mapping[str, Any], kind: str, whole: int) -> tuple[float, str]:
    """The length of a bar, which is always a part of all answers (or points), and its figures.

    Few answers have no per cent: a figure such as 33 % would promise more than three people can say.
    """
    n = cell.get("points" if kind == "points" else "count", 0)
    shown = tell.tenths(cell["mean10"]) if kind == "points" and "mean10" in cell else tell.number(n)
    if "share" in cell:
        return float(cell["share"]), f"{shown} · {cell['share']}\u00a0%"
    return 100 * n / whole, shown


def _chart_of(
    tell: Telling, caption: str, series: Sequence[tuple[str, Mark]], bars: tuple[Bar, ...], labels: str = ""
) -> Chart:
    """With the whole chart in words: what a reader who cannot see the bars gets."""
    lines = []
    for bar in bars:
        values = [
            f"{series[n][0]} {value[1]}" if len(series) > 1 else value[1] for n, value in enumerate(bar.values) if value
        ]
        lines.append(f"{bar.label}: {', '.join(values)}")
    alt = f"{caption}. {'; '.join(lines)}."
    return Chart(caption, labels or tell("questions.option"), tuple(series), bars, alt, tell("right"))


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else ""


def _findings(tell: Telling, one: Outcome) -> list[str]:
    """What follows from the counts, one sentence each."""
    lines: list[str] = []
    results, texts = one["results"], {option["id"]: tell.text(option["text"]) for option in one["options"]}
    groups = one.get("by_group") or ()
    if "mean10" in results:
        lines.append(
            tell("questions.mean", mean=tell.tenths(results["mean10"]), median=tell.tenths(results["median10"]))
        )
        lines += [
            tell("questions.group_mean", group=tell.group(row["group"]), mean=tell.tenths(row["mean10"]))
            for row in groups
            if "mean10" in row
        ]
    if "median" in results:
        ends = {name: tell.number(results[name]) for name in ("median", "lowest", "highest")}
        lines.append(tell("questions.median", **ends))
    if "preferred" in results and one["answers"]:
        best = texts.get(results["preferred"] or "")
        lines.append(tell("questions.preferred", text=best) if best else tell("questions.no_preferred"))
    if "right_count" in one:
        lines.append(tell("questions.right_of", n=one["right_count"], of=one["answers"] + one["skipped"]))
        lines += [
            tell("questions.right_group", group=tell.group(row["group"]), share=str(row["share"]))
            for row in one.get("right_by_group") or ()
        ]
        if not one["options"] and isinstance(one.get("right"), list):
            lines.append(tell("questions.right_is", text=", ".join(tell.number(right) for right in one["right"])))
        if one["question_kind"] == "order":
            lines.append(tell("questions.right_is", text=" > ".join(texts.get(id, id) for id in one["right"])))
        if one.get("right_gap"):
            lines.append(_right_gap(tell, one["right_gap"]))
    elif one.get("gap"):
        lines.append(_gap(tell, one["gap"], texts))
    if "same" in (one.get("moves") or {}):
        lines.append(tell("questions.moves", same=one["moves"]["same"], changed=one["moves"]["changed"]))
    return lines


def _gap(tell: Telling, gap: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    ends = {"ahead": tell.group(gap["ahead"]), "behind": tell.group(gap["behind"])}
    if "option" in gap:
        return tell("questions.gap", points=gap["points"], text=texts.get(gap["option"], gap["option"]), **ends)
    return tell("questions.gap_mean", points=tell.tenths(gap["mean10"]), **ends)


def _right_gap(tell: Telling, gap: Mapping[str, Any]) -> str:
    ends = {"ahead": tell.group(gap["ahead"]), "behind": tell.group(gap["behind"])}
    return tell("questions.gap_right", n=gap["points"], **ends)


def _topics(tell: Telling, gaps: Sequence[Outcome]) -> Table:
    groups = list(dict.fromkeys(row["group"] for gap in gaps for row in gap["by_group"]))
    rows = []
    for gap in gaps:
        shares = {row["group"]: f"{row['share']}\u00a0%" for row in gap["by_group"]}
        points = tell("questions.n_points", n=gap.get("points", 0))
        rows.append((str(gap["topic"]), *(shares.get(group, "") for group in groups), points))
    head = (tell("questions.topic"), *(tell.group(group) for group in groups), tell("questions.topic_gap"))
    return Table(tell("questions.topics"), head, tuple(rows), tuple(range(1, len(head))), (4, *[2] * (len(head) - 1)))


def _teams(tell: Telling, score: Outcome) -> list[Block]:
    tables: list[Block] = []
    for by in ("groups", "tables"):
        rows = [
            (
                tell.number(row["rank"]),
                tell.group(row["group"]) if by == "groups" else str(row["table"]),
                tell.tenths(row["mean10"]),
                tell.number(row["n"]),
            )
            for row in score[by]
        ]
        if rows:
            name = tell("questions.team" if by == "groups" else "questions.table")
            head = (tell("questions.rank"), name, tell("questions.mean_head"), tell("questions.members"))
            tables.append(Table(tell(f"questions.teams_{by}"), head, tuple(rows), (0, 2, 3), (1, 5, 2, 2)))
    return tables


# Words


def _words(tell: Telling, outcomes: Sequence[Outcome]) -> Chapter | None:
    chapters = []
    for one in outcomes:
        if one["kind"] != "words":
            continue
        ordered = sorted(one["words"], key=lambda word: -word["count"])
        shown = ordered[:MOST_WORDS]
        groups = list(dict.fromkeys(group for word in shown for group in word.get("by_group") or {}))
        series: list[tuple[str, Mark]] = [(tell("everybody"), "all")]
        series += [(tell.group(group), tell.mark(group)) for group in groups]
        most = max(word["count"] for word in ordered)
        bars = []
        for word in shown:
            label = word["word"]
            if word["also"]:
                label = tell("words.also", word=label, also=", ".join(word["also"]))
            split = word.get("by_group") or {}
            values = [word["count"], *(split.get(group) for group in groups)]
            bars.append(Bar(label, tuple(None if n is None else (100 * n / most, tell.number(n)) for n in values)))
        caption = tell("words.caption", people=tell("glance.n_people", n=one["people"]))
        blocks: list[Block] = [
            Paragraph(tell("questions.level", level=tell(f"level.{one['level']}")), "small"),
            _chart_of(tell, caption, series, tuple(bars), tell("words.word")),
        ]
        if len(ordered) > len(shown):
            blocks.append(Paragraph(tell("words.rest", n=len(ordered) - len(shown)), "small"))
        title = tell.text(one["prompt"]) or tell.text(one["stage_title"])
        chapters.append(Chapter(title, tuple(blocks), language=tell.foreign(one["prompt"])))
    return Chapter(tell("words.title"), (), tuple(chapters), apart=True) if chapters else None


# The data card


def _annex(tell: Telling, found: Mapping[str, Any], agenda: Mapping[str, Any]) -> Chapter:
    people, facts = found["people"], found["generated"]["facts"]
    rows = [(tell("annex.people"), tell.number(people["count"]))]
    rows += [
        (tell("annex.people_group", group=tell.group(cell["group"])), tell.number(cell["count"]))
        for cell in people["by_group"]
    ]
    rows += [
        (tell("annex.facts"), tell("annex.facts_range", first=facts["from"], last=facts["to"])),
        (tell("annex.made"), tell.moment(found["made_at"])),
        (tell("annex.started"), tell.moment(found["started_at"])),
        (tell("annex.ended"), tell.moment(found["ended_at"]) or tell("annex.open")),
        (tell("annex.software"), f"{found['software']['name']} {found['software']['version']}"),
    ]
    unknown: dict[str, int] = {}
    for one in found["outcomes"]:
        if one["kind"] not in KNOWN:
            unknown[one["kind"]] = unknown.get(one["kind"], 0) + 1
    if unknown:
        rows.append((tell("other_kinds"), ", ".join(f"{kind} ({n})" for kind, n in unknown.items())))
    levels = [
        (tell.text(stage["title"]), tell(f"level.{stage['level']}"))
        for stage in agenda["stages"]
        if stage["state"] != "coming"
    ]
    head = (tell("annex.level_stage"), tell("annex.level_head"))
    chapters = (
        Chapter(tell("annex.privacy"), (privacy(tell, handover.peers_of(found)),)),
        Chapter(tell("annex.limits"), (_lines(tell, "annex.limits_", 2),)),
        Chapter(tell("annex.licence"), (Paragraph(tell("annex.licence_text")),)),
    )
    blocks: list[Block] = [
        Paragraph(tell("annex.lead")),
        Details(tuple((name, value) for name, value in rows if value)),
    ]
    if people["groups_hidden"]:
        blocks.append(Paragraph(tell("glance.hidden"), "small"))
    if levels:
        blocks.append(Table(tell("annex.levels"), head, tuple(levels), (), (3, 2)))
    return Chapter(tell("annex.title"), tuple(blocks), chapters, apart=True)


def privacy(tell: Telling, peers: Sequence[Outcome]) -> Items:
    """What stands of people in a report; an activity may name who looks after it."""
    named = any(party.get("owner") for one in peers for party in one["parties"])
    keys = ("privacy_1", "privacy_2_peers" if named else "privacy_2", "privacy_3")
    return Items(tuple(Item(tell(f"annex.{key}")) for key in keys))


def _lines(tell: Telling, key: str, n: int) -> Items:
    return Items(tuple(Item(tell(f"{key}{place}")) for place in range(1, n + 1)))
