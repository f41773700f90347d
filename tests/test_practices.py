"""Every shipped practice is whole: both languages, a named source, no made-up result; needs meet offers by words."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from server.activities.contract.peers import Practice

CONTENT = Path(__file__).parent.parent / "content"
FILES = sorted((CONTENT / "practices").glob("*.json"))


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CONTENT / "practices" / f"{name}.json").read_text("utf-8"))
    return found


def texts(value: Any) -> list[dict[str, str]]:
    """Every text of a practice, wherever it stands."""
    if isinstance(value, dict):
        if set(value) & {"it", "en"}:
            return [value]
        return [text for one in value.values() for text in texts(one)]
    return [text for one in value for text in texts(one)] if isinstance(value, list) else []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_each_practice_speaks_both_languages_and_names_its_source(file: Path) -> None:
    kept = json.loads(file.read_text("utf-8"))
    assert set(kept) == {"title", "credit", "note", "practices"}
    for one in kept["practices"]:
        practice = Practice.model_validate(one)
        assert practice.done and practice.source, practice.practice
        assert all(len(words) <= 60 for words in practice.title.values()), practice.title
    for text in texts(kept):
        assert set(text) == {"it", "en"} and all(words and words == words.strip() for words in text.values()), text


def test_no_result_is_told_that_nobody_measured() -> None:
    practices = [one for file in FILES for one in read(file.stem)["practices"]]
    assert practices and not [one["practice"] for one in practices if one["results"]]


def test_a_tag_is_written_alike_wherever_it_stands() -> None:
    english: dict[str, str] = {}
    for one in read("urbinclusion")["practices"]:
        for tag in (*one["offers"], *one["needs"], *one["conditions"]):
            assert english.setdefault(tag["it"], tag["en"]) == tag["en"]


def test_some_needs_meet_an_offer_and_three_are_left_as_a_finding() -> None:
    practices = read("urbinclusion")["practices"]
    offers = {tag["it"] for one in practices for tag in one["offers"]}
    needs = {tag["it"] for one in practices for tag in one["needs"]}
    law, offices = "diritto del rischio condiviso", "riorganizzazione degli uffici"
    assert needs - offers == {"contrasto alla gentrificazione", law, offices}
    assert len(needs & offers) == 4
    for one in practices:
        assert not {tag["it"] for tag in one["needs"]} & {tag["it"] for tag in one["offers"]}, one["practice"]


def test_the_stalls_of_the_market_case_are_the_cities_of_the_collection_in_the_same_order() -> None:
    case = json.loads((CONTENT / "matching" / "krakow.json").read_text("utf-8"))
    assert [one["practice"] for one in read("urbinclusion")["practices"]] == [stall["id"] for stall in case["stalls"]]


def test_what_the_sources_do_not_give_is_left_for_people_to_fill() -> None:
    practices = read("torino_milano")["practices"]
    assert len(practices) == 24
    assert not [one for one in practices if one["offers"] or one["needs"] or one["conditions"]]


def test_the_poll_of_the_second_session_asks_about_the_practices_of_its_market() -> None:
    plan = tomllib.loads((CONTENT / "paths" / "includimi" / "deep_dive.toml").read_text("utf-8"))
    stages = {stage["id"]: stage for stage in plan["stages"]}
    practices = read(stages["market"]["setup"]["practices"])["practices"]
    options = stages["works_here"]["setup"]["questions"][0]["options"]
    assert [(one["practice"], one["title"]) for one in practices] == [(one["id"], one["text"]) for one in options[:8]]
