"""Every field, choice, rule and refusal has its words in both languages."""

import re
import tomllib
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from .codes import CODES, values_of
from .completeness import HINTS, RULES, WARNINGS
from .fields import described, names, word_key
from .model import PbrTerm
from .payment import sentence

HERE = Path(__file__).parent
WORDS: dict[str, dict[str, Any]] = {
    language: tomllib.loads((HERE / f"words.{language}.toml").read_text("utf-8")) for language in ("it", "en")
}


def keys(words: dict[str, Any]) -> list[str]:
    return [f"{section}.{key}" for section, rows in words.items() if isinstance(rows, dict) for key in rows]


def test_both_languages_have_the_same_keys_and_no_empty_words() -> None:
    assert keys(WORDS["it"]) == keys(WORDS["en"])
    for words in WORDS.values():
        assert all(text.strip() for rows in words.values() if isinstance(rows, dict) for text in rows.values())
        # A table with a key of this name would be read as the forms of one plural.
        assert all("other" not in rows for rows in words.values() if isinstance(rows, dict))


@pytest.mark.parametrize("language", ["it", "en"])
def test_every_field_choice_rule_warning_and_hint_has_words(language: str) -> None:
    words = WORDS[language]
    assert set(names()) <= set(words["field"])
    assert {word_key(one["path"]) for one in described()} <= {f"field.{name}" for name in words["field"]}
    assert {f"{name}_{code}" for name in CODES for code in values_of(name)} == set(words["value"])
    assert set(RULES) == set(words["rule"]) and set(WARNINGS) == set(words["warning"])
    assert {*HINTS, "not_legal_advice"} == set(words["hint"])


@pytest.mark.parametrize("language", ["it", "en"])
def test_every_refusal_has_words(language: str) -> None:
    code = (HERE / "deciding.py").read_text("utf-8")
    given = set(re.findall(r'Refusal\(\s*"(\w+)"', code)) | {"too_long", "bad_value"}
    assert given == set(WORDS[language]["refusal"])


@pytest.mark.parametrize("language", ["it", "en"])
@pytest.mark.parametrize("pricing", values_of("pricing"))
@pytest.mark.parametrize("direction", ["up", "down"])
def test_the_sentence_of_each_pricing_asks_for_no_part_that_is_not_there(
    language: str, pricing: Any, direction: Any
) -> None:
    parts = sentence(PbrTerm(uid="p", pricing=pricing, direction=direction), {})
    template = WORDS[language]["sentence"][parts["template"].partition(".")[2]]
    wanted = [name for _, name, _, _ in Formatter().parse(template) if name]
    assert {"payer", "payee", "verifier", "social_outcome", "data", "unit", "by", "cap"} <= set(wanted)
    assert set(wanted) <= set(parts)
    for name in wanted:
        assert parts[name]["words"].partition(".")[2] in WORDS[language]["gap"]


@pytest.mark.parametrize("language", ["it", "en"])
def test_flows_and_turns_have_words(language: str) -> None:
    assert set(WORDS[language]["flow"]) == {
        "capital", "work", "service", "data", "verified_result", "payment", "repayment", "people",
    }  # fmt: skip
    turns = {"threshold", "target", "tranche", "baseline", "cap", "below", "at", "above"}
    assert set(WORDS[language]["turn"]) == turns
