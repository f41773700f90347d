"""What simulated people draw from: in one language of the room, with days that are soon."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from .rehearse import Draws, sample_of, some_day

REHEARSALS = {
    file.parent.name: said
    for file in sorted(Path(__file__).parents[1].glob("*/sample.toml"))
    if (said := tomllib.loads(file.read_text("utf-8")).get("rehearsal"))
}


def test_what_is_said_in_the_room_s_language_lies_over_what_is_common() -> None:
    table = {
        "each": 3,
        "fields": {"scope": ["city"]},
        "says": {"it": {"fields": {"title": ["uno"]}, "typed": ["sì"]}, "en": {"fields": {"title": ["one"]}}},
    }
    assert sample_of(table, "en") == {"each": 3, "fields": {"scope": ["city"], "title": ["one"]}}
    assert sample_of(table, "it")["typed"] == ["sì"]
    assert sample_of(table, "de") == sample_of(table, "it"), "another language hears the first"
    assert sample_of({}, "it") == {}
    assert sample_of({}, "it", "2026-11-22") == {"today": "2026-11-22"}


@pytest.mark.parametrize("name", REHEARSALS)
def test_people_have_as_much_to_say_in_each_language(name: str) -> None:
    def shape(value: Any, language: str) -> Any:
        """What is there, without its words; a text in a language counts as a text."""
        if isinstance(value, dict):
            return {"text" if key == language else key: shape(one, language) for key, one in value.items()}
        if isinstance(value, list):
            return [shape(one, language) for one in value]
        return type(value).__name__

    said = REHEARSALS[name].get("says")
    if said is not None:
        assert list(said) == ["it", "en"]
        assert shape(said["it"], "it") == shape(said["en"], "en")


def test_some_day_is_two_to_twelve_weeks_away() -> None:
    assert some_day(Draws(1), {}) is None
    days = [
        (date.fromisoformat(some_day(Draws(seed), {"today": "2026-12-20"}) or "") - date(2026, 12, 20)).days
        for seed in range(300)
    ]
    assert min(days) >= 14 and max(days) < 84 and len(set(days)) > 50
