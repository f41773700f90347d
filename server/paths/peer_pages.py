"""What the page of a path shows of practices and of peer activities: plain values for its template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, get_args

from ..activities.contract import Text
from ..activities.contract.peers import Format, PeerActivity, Practice, Status
from ..drawing import Words, localise
from . import peers, rules
from .layout import day as written_day

Row = dict[str, Any]

#: Lists of tags by which practices are found.
TAGS = ("offers", "needs", "conditions")
#: What a card says, in its order, and what is set side by side when practices are compared.
CARD = ("problem", "done", "results", "limits", "improvements", *TAGS, "source")
COMPARED = ("problem", "done", "results", "limits", "improvements", "conditions")
#: More practices than this do not fit side by side.
MOST_COMPARED = 6
AGREED = ("accepted", "scheduled", "done")


# -- practices --------------------------------------------------------------------------------------------------------


def practices(state: rules.State, language: str, tag: str, chosen: Sequence[str]) -> Row:
    """{"all": n, "rows": [card], "tags": [{"kind","options": [{"value","text"}]}], "tag", "compared": [card], "chosen"}.

    tag: `<list>:<text>` as an option's value says, else all are shown. chosen: values of cards. A card is
    {"id","value","title","place"?,"organisation"?,"about","contact","chosen","says": [{"name","lines"}], "by_name"}.
    """
    found = {f"{session}:{id}": kept.practice for (session, id), kept in state.peers.practices.items()}
    options, read_as = _options(found.values())
    tag = tag if tag in read_as.values() else ""
    chosen = [value for value in dict.fromkeys(chosen) if value in found][:MOST_COMPARED]
    cards = {value: _card(state, value, one, language, value in chosen) for value, one in found.items()}
    wanted = [value for value, one in found.items() if not tag or _has(one, tag, read_as)]
    return {
        "all": len(cards),
        "rows": [cards[value] for value in wanted],
        "tags": [{"kind": kind, "options": _sorted(localise(own, language))} for kind, own in options.items() if own],
        "tag": tag,
        "chosen": chosen,
        "compared": [cards[value] for value in chosen] if len(chosen) > 1 else [],
        "fields": [name for name in COMPARED if any(name in cards[value]["by_name"] for value in chosen)],
    }


def _card(state: rules.State, value: str, one: Practice, language: str, chosen: bool) -> Row:
    session = state.sessions.get(value.partition(":")[0])
    says = []
    for name in CARD:
        lines = [line for line in _lines(one, name) if any(line.values())]
        if lines:
            says.append({"name": name, "lines": localise(lines, language)})
    about = [localise(one.instrument, language) if one.instrument else "", one.years or ""]
    return {
        "id": "practice-" + value.replace(":", "-"),
        "value": value,
        "title": localise(one.title, language) or one.practice,
        "place": localise(one.place, language) if one.place else None,
        "organisation": localise(one.organisation, language) if one.organisation else None,
        "about": [text for text in about if text],
        "contact": one.contact_consent,
        "session": localise(session.title, language) if session else None,
        "chosen": chosen,
        "says": says,
        "by_name": {row["name"]: row["lines"] for row in says},
    }


def _lines(one: Practice, name: str) -> Iterator[Text]:
    """What a practice says under a name, one text a line; of a result also how one knows."""
    if name == "results":
        for result in one.results:
            yield _with(result.value, result.evidence)
    elif name in TAGS:
        yield from getattr(one, name)
    elif (text := getattr(one, name)) is not None:
        yield text


def _with(value: Text, evidence: Text | None) -> Text:
    if not evidence or not any(evidence.values()):
        return value
    return Text({language: f"{words} ({evidence.in_language(language)})" for language, words in value.items()})


def _options(practices: Iterable[Practice]) -> tuple[dict[str, dict[str, Text]], dict[tuple[str, str], str]]:
    """{list: {value: text}}, and {(list, a tag as it is read): value}; tags that read the same in a language are one."""
    found: dict[str, dict[str, Text]] = {kind: {} for kind in TAGS}
    known: dict[tuple[str, str], str] = {}
    for one in practices:
        for kind in TAGS:
            for tag in getattr(one, kind):
                read = _read(tag)
                if not read:
                    continue
                value = next((known[kind, words] for words in read if (kind, words) in known), f"{kind}:{read[0]}")
                known |= {(kind, words): value for words in read}
                found[kind].setdefault(value, tag)
    return found, known


def _read(tag: Mapping[str, str]) -> list[str]:
    """A tag as it is compared, in each of its languages."""
    return [" ".join(words.split()).casefold() for words in tag.values() if words.strip()]


def _has(one: Practice, value: str, read_as: Mapping[tuple[str, str], str]) -> bool:
    kind = value.partition(":")[0]
    return any(read_as.get((kind, words)) == value for tag in getattr(one, kind) for words in _read(tag))


def _sorted(options: Mapping[str, Any]) -> list[Row]:
    rows = [{"value": value, "text": text} for value, text in options.items()]
    return sorted(rows, key=lambda row: str(row["text"]).casefold())


# -- peer activities --------------------------------------------------------------------------------------------------


def peer_activities(state: rules.State, language: str, words: Words, today: str) -> Row:
    """{"rows": [activity], "agreed": n, "late": n, "undated": n, "formats", "statuses"}, those that wait first.

    An activity: {"peer","id","names","mutual","topic","format","status","date","when","late","follow_up","again",
    "again_late","first_step","result","parties","reasons","versions","session"}; when, again: how many days, in words.
    """
    rows = [_activity(state, one, language, words, today) for one in peers.shown(state.peers)["peers"]]
    return {
        "rows": rows,
        "agreed": sum(row["status"] in AGREED for row in rows),
        "late": sum(row["late"] or row["again_late"] for row in rows),
        "undated": sum(row["status"] == "accepted" and row["date"] is None for row in rows),
        "formats": _choices(words, "format", get_args(Format)),
        "statuses": _choices(words, "status", get_args(Status)),
    }


def _choices(words: Words, name: str, values: Iterable[str]) -> list[Row]:
    return [{"value": value, "text": words(f"peer.{name}_{value}")} for value in values]


def _activity(state: rules.State, shown: Row, language: str, words: Words, today: str) -> Row:
    one = state.peers.followed[shown["peer"]].activity
    names = {party.organisation: party.name for party in one.parties}
    waits = one.status in peers.OPEN
    days = _days(one.date, today) if waits else None
    # Who has written what came of it has asked.
    again = _days(one.follow_up, today) if one.status != "dropped" and not one.result else None
    session = state.sessions.get(shown["session"])
    return {
        "peer": one.peer,
        "id": f"peer-{one.peer}",
        "names": " – ".join(names.values()),
        "mutual": one.mutual,
        "topic": one.topic,
        "format": one.format,
        "status": one.status,
        "waits": waits,
        "day": one.date,
        "date": written_day(one.date, language) if one.date else None,
        "when": _in_words(words, days),
        "late": days is not None and days < 0,
        "follow_up_day": one.follow_up,
        "follow_up": written_day(one.follow_up, language) if one.follow_up else None,
        "again": _in_words(words, again),
        "again_late": again is not None and again < 0,
        "first_step": one.first_step,
        "result": one.result,
        "parties": [party.model_dump(mode="json") for party in one.parties],
        "reasons": _reasons(one, names, language),
        "versions": dict(one.versions),
        "session": localise(session.title, language) if session else None,
    }


def _days(day: str | None, today: str) -> int | None:
    return None if day is None else (date.fromisoformat(day) - date.fromisoformat(today)).days


def _in_words(words: Words, days: int | None) -> str | None:
    if days is None:
        return None
    if days == 0:
        return words("peer.today")
    return words("peer.in_days", n=days) if days > 0 else words("peer.late_days", n=-days)


def _reasons(one: PeerActivity, names: Mapping[str, str], language: str) -> list[Row]:
    """{"offers","needs": names of organisations,"what"}."""
    return [
        {"offers": names.get(offers, offers), "needs": names.get(needs, needs), "what": localise(tag, language)}
        for offers, needs, tag in one.reasons
        if any(tag.values())
    ]
