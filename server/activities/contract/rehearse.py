"""What a simulated person answers: drawn from the view that everybody has, by a number that chance gave outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

#: Days from now to what simulated people agree on: the first, and how many follow it.
SOON, SPREAD = 14, 70


class Draws:
    """A row of numbers that follow from one seed, so that a rehearsal can be played again."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def below(self, most: int) -> int:
        """A number from 0 to most - 1 (Knuth's 64-bit linear congruence, high bits)."""
        self._seed = (self._seed * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self._seed >> 33) % max(1, most)

    def one(self, among: Sequence[Any]) -> Any:
        return among[self.below(len(among))]

    def some(self, among: Sequence[Any], count: int) -> list[Any]:
        left = list(among)
        return [left.pop(self.below(len(left))) for _ in range(min(count, len(left)))]


def sample_of(rehearsal: Mapping[str, Any], language: str, today: str | None = None) -> dict[str, Any]:
    """What simulated people draw from: the `[rehearsal]` table of an activity's sample.toml, with what they say in the
    language of the room, `[rehearsal.says.it]`, laid over it, and `today` (2026-11-22) if told.
    """
    says = rehearsal.get("says", {})
    common = {name: value for name, value in rehearsal.items() if name != "says"}
    told = _laid_over(common, says.get(language) or next(iter(says.values()), {}))
    return told | ({"today": today} if today else {})


def _laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        known = merged.get(name)
        merged[name] = _laid_over(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return merged


def some_day(draws: Draws, sample: Mapping[str, Any]) -> str | None:
    """A day two to twelve weeks after the sample's `today`, as 2026-12-06; None where nobody said what day it is."""
    if "today" not in sample:
        return None
    return (date.fromisoformat(sample["today"]) + timedelta(days=SOON + draws.below(SPREAD))).isoformat()


def answer(view: Mapping[str, Any], mine: Mapping[str, Any], seed: int, sample: Mapping[str, Any]) -> Any:
    """(do, with) for an open question of a poll or quiz, or None where there is nothing to do.

    Somebody who has answered changes their mind in one look of twelve. `sample`: the `[rehearsal]` table of the
    activity's sample.toml; its `typed` are what people write.
    """
    draws = Draws(seed)
    question = view.get("question")
    if view.get("state") != "open" or not question:
        return None
    if mine.get("value") is not None and mine.get("round") == view.get("round") and draws.below(12):
        return None
    value = _value(question, draws, sample)
    if value is None:
        return None
    return "answer", {"question": question["id"], "round": view["round"], "value": value}


def _value(question: Mapping[str, Any], draws: Draws, sample: Mapping[str, Any]) -> Any:
    ids = [option["id"] for option in question.get("options", [])]
    match question["kind"]:
        case "choice":
            pick = question["pick"]
            return draws.some(ids, max(1, pick["min"]) + draws.below(pick["max"] - max(1, pick["min"]) + 1))
        case "yes_no":
            return draws.one(("yes", "no"))
        case "scale":
            return draws.one(question["steps"])
        case "ranking":
            return draws.some(ids, question["top"])
        case "order":
            return draws.some(ids, len(ids))
        case "points":
            given = dict.fromkeys(ids, 0)
            for _ in range(question["total"] // question["step"]):
                given[draws.one(ids)] += question["step"]
            return given
        case "number":
            low = int(question.get("min", 0))
            return low + draws.below(int(question.get("max", low + 100)) - low + 1)
        case "typed":
            return draws.one(sample.get("typed") or ["Torino"])
        case "match":
            targets = [target["id"] for target in question["targets"]]
            return {pair["id"]: draws.one(targets) for pair in question["pairs"]}
    return None


def word(view: Mapping[str, Any], mine: Mapping[str, Any], seed: int, sample: Mapping[str, Any]) -> Any:
    """(do, with) for a word cloud, or None."""
    draws = Draws(seed)
    if view.get("state") == "frozen" or not mine.get("left", 0):
        return None
    words = [one for one in sample.get("words", []) if one not in mine.get("words", [])]
    return ("add_word", {"text": draws.one(words)}) if words else None


# What a simulated facilitator does next: (do, with), "done" where nothing is left to do, None where people are waited for.


def enough(view: Mapping[str, Any], desk: Mapping[str, Any]) -> bool:
    """Whether four of five people in the room have answered, and anybody has."""
    answered = (desk.get("answered") or {}).get("answered", 0)
    here = sum(1 for person in desk.get("persons", ()) if person["here"]) or view.get("present", 0)
    return bool(answered and answered * 5 >= here * 4)


def lead_questions(view: Mapping[str, Any], desk: Mapping[str, Any], explains: bool = False) -> Any:
    """Opens, locks and reveals one question after the other; explains them where the activity does."""
    state, question = view.get("state"), view.get("question")
    if question is None or state in ("explained", "cancelled") or (state == "revealed" and not explains):
        following = view.get("next")
        return ("open_question", {"question": following["id"]}) if following else "done"
    if state == "reading":
        return "show_options", {"question": question["id"]}
    if state == "open":
        return ("lock_question", {"question": question["id"]}) if enough(view, desk) else None
    if state == "locked":
        return "reveal", {"question": question["id"]}
    return "explain", {"question": question["id"]}


def lead_words(view: Mapping[str, Any], desk: Mapping[str, Any]) -> Any:
    """Freezes the words when four of five people wrote, and shows them."""
    if view["state"] == "open":
        return ("freeze", {}) if enough(view, desk) else None
    return ("reveal", {}) if view["state"] == "frozen" else "done"


def lead_talk(view: Mapping[str, Any]) -> Any:
    """Shows one part after the other."""
    return ("show_part", {"part": view["part"] + 1}) if view["part"] < view["of"] else "done"
