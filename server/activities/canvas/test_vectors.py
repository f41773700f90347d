"""Cases that the rules and the browser share, `vectors/*.json`: each file a list of cases.

name, rule?      a sentence; for texts, which rule of merging it shows
level?, setup    as the stage was planned; tables?: {label: people} seated when it opened
given            facts before, numbered from 1: {"kind","voter"?,"group"?,"body"}; all at `moment.now`; defaults left out
moment, ask      who asks what; me?: the person as `mine` knows them, whose token is `rehearsal.token(person, scope)`
then             {"facts": [...]} or {"refusal": code}
before, after    the view of phone, wall and desk; a wall that is like the phone is left out, and after a refusal the rest
patch            for each screen the entries of the facts in `then`, null where a fact changes nothing for it
mine_before, mine   the asker's own part, before and after
guess            what the element shows before it hears the answer: shown, refused:<code>, none
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ..contract import Happening, Me, Moment, Opening, Refusal, asks_of, facts_of
from ..contract.rehearsal import token
from . import messages, rules
from .messages import Ask, Fact, Setup
from .state import State, sees
from .test_rules import CODES, SCREENS, apply

ASKS, FACTS = asks_of(Ask), facts_of(Fact)
FILES = sorted((Path(__file__).parent / "vectors").glob("*.json"))
CASES: list[dict[str, Any]] = [case for file in FILES for case in json.loads(file.read_text("utf-8"))]

#: What may become of a changed text (CANVAS 5.1), and of two texts beside each other.
MERGING = {
    "current base", "equal text", "far apart", "touching", "identical", "base too old", "merged too long",
    "settle note", "settle variant", "settle both",
}  # fmt: skip

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])


def moment_of(case: dict[str, Any]) -> Moment:
    return Moment(**case["moment"])


def happening(case: dict[str, Any], kept: dict[str, Any], number: int) -> Happening:
    fact = FACTS[kept["kind"]].model_validate(kept["body"])
    return Happening(fact, case["moment"]["now"], kept.get("voter"), kept.get("group"), number)


def state_before(case: dict[str, Any]) -> State:
    setup = Setup.model_validate(case["setup"], context={"first": "it"})
    state = rules.start(setup, case.get("level", "pseudonym"))
    if "tables" in case:
        state = rules.opened(state, Opening(tables=case["tables"]))
    for number, kept in enumerate(case["given"], 1):
        state = rules.evolve(state, happening(case, kept, number))
    return state


def steps(case: dict[str, Any]) -> list[tuple[Happening, State]]:
    """The facts of `then` as they were kept, each with the state after it."""
    state, moment, done = state_before(case), moment_of(case), []
    for n, expected in enumerate(case["then"].get("facts", [])):
        group = moment.group if moment.person is not None else None
        one = {**expected, "voter": moment.voter, "group": group}
        happened = happening(case, one, len(case["given"]) + n + 1)
        state = rules.evolve(state, happened)
        done.append((happened, state))
    return done


def me_of(case: dict[str, Any]) -> Me:
    me = case["me"]
    return Me(me["person"], me["group"], me.get("table"), "it", lambda scope: token(me["person"], scope))


def screen_of(case: dict[str, Any], part: str, screen: str) -> Any:
    return case[part][screen] if screen in case[part] else case[part]["phone"]


@each_case
def test_the_rules_decide_as_the_case_says(case: dict[str, Any]) -> None:
    state, moment = state_before(case), moment_of(case)
    ask = ASKS[case["ask"]["do"]].model_validate(case["ask"]["with"])
    if moment.actor == "phone":
        assert (rules.scope(state, ask) is not None) == (moment.person is None)
    decided = rules.decide(state, ask, moment)
    if "refusal" in case["then"]:
        assert isinstance(decided, Refusal) and decided.code == case["then"]["refusal"]
    else:
        expected = [FACTS[one["kind"]].model_validate(one["body"]) for one in case["then"]["facts"]]
        assert decided == expected


@each_case
def test_every_screen_is_shown_what_the_case_says_before_and_after(case: dict[str, Any]) -> None:
    before = state_before(case)
    if "refusal" in case["then"]:
        for screen, view in case["before"].items():
            assert rules.view(before, screen) == view
    else:
        done = steps(case)
        after = done[-1][1] if done else before
        for screen in SCREENS:
            assert rules.view(before, screen) == screen_of(case, "before", screen)
            assert rules.view(after, screen) == screen_of(case, "after", screen)
            assert [rules.patch(state, happened, screen) for happened, state in done] == screen_of(
                case, "patch", screen
            )
        if "me" in case:
            assert rules.mine(after, me_of(case)) == case["mine"]
    if "me" in case:
        assert rules.mine(before, me_of(case)) == case["mine_before"]


@each_case
def test_the_entries_lead_from_the_view_before_to_the_view_after(case: dict[str, Any]) -> None:
    for screen, entries in case.get("patch", {}).items():
        view = case["before"][screen]
        if {"all": True} in entries:
            continue
        for entry in entries:
            view = apply(view, entry)
        assert view == case["after"][screen]


@each_case
def test_a_foreseen_refusal_is_the_one_that_comes(case: dict[str, Any]) -> None:
    guess, then = case["guess"], case["then"]
    assert guess in ("shown", "none") or guess.startswith("refused:")
    # A phone cannot know of a board that is only made by the note it sends.
    if guess.startswith("refused:") and case["name"] != "a table that came later gets its board with its first note":
        assert then == {"refusal": guess.removeprefix("refused:")}


def test_every_ask_is_accepted_in_some_case() -> None:
    accepted = {case["ask"]["do"] for case in CASES if case["then"].get("facts")}
    assert sorted(ASKS.keys() - accepted) == []


def test_every_fact_and_every_refusal_comes_in_some_case() -> None:
    kinds = {one["kind"] for case in CASES for one in case["then"].get("facts", [])}
    assert sorted(FACTS.keys() - kinds) == []
    refused = {case["then"]["refusal"] for case in CASES if "refusal" in case["then"]}
    assert sorted(set(CODES) - refused) == []


def test_every_rule_of_merging_has_its_case() -> None:
    assert sorted(MERGING - {case.get("rule") for case in CASES}) == []


def test_every_cell_of_the_table_of_visibility_comes_on_every_screen() -> None:
    """(seen before, seen after) for one note that a fact touches, and the entry that this calls for (CANVAS 4.2)."""
    found: dict[tuple[str, bool, bool], set[str]] = {}
    for case in CASES:
        before = state_before(case)
        for happened, after in steps(case):
            for screen in SCREENS:
                entry = rules.patch(after, happened, screen)
                touched = getattr(happened.fact, "note", None)
                if isinstance(touched, str) and touched in after.notes and entry is not None and "all" not in entry:
                    cell = (screen, seen(before, touched, screen), seen(after, touched, screen))
                    found.setdefault(cell, set()).add(what(entry, touched))
            before = after
    for screen in SCREENS:
        assert "set" in found[screen, True, True]
        assert found[screen, True, False] == {"gone"}
        assert found[screen, False, True] == {"set"}
        assert found[screen, False, False] <= {"hidden", "counted"} and "hidden" in found[screen, False, False]


def seen(state: State, note: str, screen: str) -> bool:
    one = state.notes.get(note)
    return one is not None and not one.deleted and sees(state.zones[one.zone].visible, screen)


def what(entry: dict[str, Any], note: str) -> str:
    """Which kind of entry it is for this note."""
    if "hidden" in entry:
        return "hidden"
    if note in entry.get("gone", {}).get("notes", ()):
        return "gone"
    return "set" if note in entry.get("set", {}).get("notes", {}) else "counted"


def test_cases_have_names_of_their_own_and_say_everything_that_was_asked_for() -> None:
    names = [case["name"] for case in CASES]
    assert len(names) == len(set(names)) and len(FILES) >= 10
    for case in CASES:
        assert {"setup", "given", "moment", "ask", "then", "before", "guess"} <= case.keys()
        assert ("patch" in case) == ("after" in case) == ("facts" in case["then"])
    assert messages.NOTE == 500
