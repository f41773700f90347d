"""What every activity's folder must hold; run on each folder without being asked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from server import activities
from server.activities import Activity
from server.activities.contract import AFact, Refusal, Text
from server.activities.contract.rehearsal import Rehearsal, Somebody
from server.drawing import Drawing, Said, localise

ROOT = Path(__file__).parent.parent
LONG = os.environ.get("OFFICINA_FUZZ") == "long"
FOLDERS = sorted(activities.found().values(), key=lambda one: one.name)
LANGUAGES = ("it", "en")
SCREENS = ("phone", "desk", "wall")

PEOPLE = {
    "ada": Somebody("civil_servants", "1", "it"),
    "bruno": Somebody("social_innovators", "1", "en"),
    **{f"c{n}": Somebody("civil_servants", "2", "it") for n in range(6)},
    **{f"s{n}": Somebody("social_innovators", None, "en") for n in range(6)},
}

each_activity = pytest.mark.parametrize("activity", FOLDERS, ids=lambda one: one.name)


def rehearsal(activity: Activity) -> Rehearsal:
    sample = activity.sample()
    return Rehearsal(activity.rules, activity.messages, sample["setup"], sample.get("level", "pseudonym"), dict(PEOPLE))


def plays(activity: Activity) -> Rehearsal:
    """The sample's script, played to its end."""
    played = rehearsal(activity)
    for step in activity.sample()["script"]:
        if step["by"] == "clock" and "do" not in step:
            played.run_clock()
            continue
        answer = played.ask(step["by"], step["do"], step.get("who"), **step.get("with", {}))
        expected = step.get("expect")
        if expected is None:
            assert not isinstance(answer, Refusal), f"{activity.name}: {step} was refused: {answer}"
        else:
            assert isinstance(answer, Refusal) and answer.code == expected, f"{activity.name}: {step} gave {answer}"
    return played


@each_activity
def test_the_sample_runs_and_replays_to_the_same_state(activity: Activity) -> None:
    played = plays(activity)
    assert played.happened, f"{activity.name}: the sample's script leaves no fact"
    assert played.replayed() == played.state


@each_activity
def test_facts_go_through_json_and_back_and_unknown_fields_are_an_error(activity: Activity) -> None:
    for kept in plays(activity).happened:
        text = kept.fact.model_dump_json()
        assert type(kept.fact).model_validate_json(text) == kept.fact
        with pytest.raises(ValidationError):
            type(kept.fact).model_validate({**json.loads(text), "no_such_field": 1})
    for ask in activity.asks.values():
        with pytest.raises(ValidationError):
            ask.model_validate({"no_such_field": 1})


def values_for(activity: Activity) -> st.SearchStrategy[Any]:
    """Ids that the sample knows, and things that nobody expects."""
    known = sorted(set(re.findall(r'"([a-z0-9_]{1,20})"', json.dumps(activity.sample()))))
    plain = st.one_of(
        st.sampled_from(known),
        st.integers(-5, 200),
        st.none(),
        st.booleans(),
        st.text(max_size=20),
        st.floats(allow_nan=False, allow_infinity=False, width=32),
    )
    return st.one_of(
        plain, st.lists(st.sampled_from(known), max_size=5), st.dictionaries(st.sampled_from(known), plain, max_size=4)
    )


def asks_for(activity: Activity) -> st.SearchStrategy[tuple[str, str | None, str, dict[str, Any]]]:
    """(role, who, do, with): shaped like the ask, filled with likely and unlikely values."""
    values = values_for(activity)
    scripted = [
        (step["by"], step.get("who"), step["do"], step.get("with", {}))
        for step in activity.sample()["script"]
        if "do" in step
    ]

    def shaped(do: str) -> st.SearchStrategy[tuple[str, str | None, str, dict[str, Any]]]:
        ask = activity.asks[do]
        role = sorted(ask.by)[0]
        who = st.sampled_from(sorted(PEOPLE)) if role == "phone" else st.none()
        fields = dict.fromkeys(ask.model_fields, values)
        return st.tuples(st.just(role), who, st.just(do), st.fixed_dictionaries({}, optional=fields))

    by_shape = st.sampled_from(sorted(activity.asks)).flatmap(shaped)
    by_script = st.sampled_from(scripted).flatmap(
        lambda step: st.tuples(
            st.just(step[0]),
            st.sampled_from(sorted(PEOPLE)) if step[0] == "phone" else st.none(),
            st.just(step[2]),
            st.just(step[3]),
        )
    )
    return st.one_of(by_script, by_script, by_shape)


@each_activity
@given(data=st.data())
@settings(max_examples=300 if LONG else 25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_sequence_of_asks_replays_to_the_same_state_and_never_raises(
    activity: Activity, data: st.DataObject
) -> None:
    played = rehearsal(activity)
    for role, who, do, fields in data.draw(st.lists(asks_for(activity), max_size=40)):
        if data.draw(st.integers(0, 9)) == 0:
            played.now += data.draw(st.sampled_from([1, 600, 30_000, 10_000_000]))
        try:
            asked = activity.asks[do].model_validate(fields)
        except ValidationError:
            continue
        played.put(asked, role, who)
        for screen in SCREENS:
            played.view(screen)
    played.mine("ada")
    activity.rules.outcomes(played.state)
    assert played.replayed() == played.state


@each_activity
def test_a_phones_shared_view_and_the_wall_hold_nothing_of_any_person(activity: Activity) -> None:
    played = plays(activity)
    for screen in ("phone", "wall"):
        shown = json.dumps(played.view(screen))
        for name in ("ada", "bruno"):
            assert f'"{name}"' not in shown, f"{activity.name}: the {screen} shows {name}"


@each_activity
def test_views_hold_only_what_json_can_hold(activity: Activity) -> None:
    played = rehearsal(activity)
    plain = TypeAdapter(dict[str, Any])
    for step in [None, *activity.sample()["script"]]:
        if step is not None and "do" in step:
            played.ask(step["by"], step["do"], step.get("who"), **step.get("with", {}))
        for screen in SCREENS:
            view = played.view(screen)
            assert plain.validate_json(json.dumps(view)) is not None
        json.dumps([played.mine("ada"), activity.rules.outcomes(played.state)])


@each_activity
def test_every_screen_draws_in_every_language_at_every_step(activity: Activity) -> None:
    drawing = Drawing(activities.found())
    played = rehearsal(activity)
    for step in [None, *activity.sample()["script"]]:
        if step is not None and "do" in step:
            played.ask(step["by"], step["do"], step.get("who"), **step.get("with", {}))
        for language in LANGUAGES:
            for screen, blocks in (("phone", ("now", "mine")), ("wall", ("now",)), ("desk", ("now", "dock"))):
                values = shown(activity, played, screen, language)
                for block in blocks:
                    html = drawing.block(f"{activity.name}:{screen}.html", block, language, activity.name, values)
                    assert not re.search(r"<script|\sstyle=|\son\w+=|\shx-|javascript:", html), (
                        f"{activity.name} {screen}"
                    )
                    if block == "now":
                        assert 'data-stage="stage"' in html, (
                            f"{activity.name}: {screen} shows no data-stage after {step}"
                        )


def shown(activity: Activity, played: Rehearsal, screen: str, language: str) -> dict[str, Any]:
    groups = [
        {"id": "civil_servants", "name": Said("Funzionari", language), "letters": "FP", "shape": 1, "count": 7},
        {"id": "social_innovators", "name": Said("Innovatori", language), "letters": "IS", "shape": 2, "count": 7},
    ]
    view = {**played.view(screen), **({"present": 14} if screen != "phone" else {})}
    return {
        "session": {
            "title": Said("Una prova", language), "phase": "sensitisation", "languages": ["it", "en"], "groups": groups,
            "state": "open", "people": 14, "present": 14, "by_group": groups, "code": "K7FQXW", "code_blocks": "K7F QXW",
            "address": "192.168.1.23:8000", "join_url": "http://192.168.1.23:8000/j/K7FQXW", "rehearsal": False,
            "locked": False, "message": None, "by_table": True,
        },
        "stage": {
            "id": "stage", "activity": activity.name, "title": Said("Titolo", language), "level": "pseudonym",
            "state": "open", "n": 1, "of": 3,
        },
        "place": None,
        "qr": "",
        "view": localise(view, language),
        "mine": localise(played.mine("ada"), language),
        "me": {"group": "civil_servants", "table": "1"},
        "desk": {"answered": None, "persons": []},
        "stage_dock": "",
        "previews": {},
    }  # fmt: skip


@each_activity
def test_words_are_complete_in_every_language(activity: Activity) -> None:
    words = {
        language: flat(tomllib.loads((activity.folder / f"words.{language}.toml").read_text("utf-8")))
        for language in LANGUAGES
    }
    assert words["it"].keys() == words["en"].keys(), f"{activity.name}: {words['it'].keys() ^ words['en'].keys()}"
    house = {
        language: flat(tomllib.loads((ROOT / "server/templates" / f"words.{language}.toml").read_text("utf-8")))
        for language in LANGUAGES
    }
    for template in activity.folder.glob("*.html"):
        for key in re.findall(r"""\bt\(\s*["']([\w.]+)["']\s*[,)]""", template.read_text("utf-8")):
            assert key in words["it"] or key in house["it"], (
                f"{template.relative_to(ROOT)} says {key!r}, which has no words"
            )
    for language in LANGUAGES:
        for key, value in words[language].items():
            for text in value.values() if isinstance(value, dict) else [value]:
                assert text.strip(), f"{activity.name}: {key} is empty in {language}"


@each_activity
def test_every_activity_says_its_name(activity: Activity) -> None:
    """It stands beside the ruler of every screen, where a missing one would take the whole screen away."""
    for language in LANGUAGES:
        words = tomllib.loads((activity.folder / f"words.{language}.toml").read_text("utf-8"))
        assert 0 < len(words.get("name", "")) <= 24, f"{activity.name} has no short name in {language}"


@each_activity
def test_every_refusal_has_words(activity: Activity) -> None:
    codes: set[str] = set()
    pure = [*activity.folder.glob("*.py"), *(activity.folder.parent / "contract").glob("*.py")]
    for path in pure:
        if not path.name.startswith("test_") and path.name != "formats.py":
            codes.update(re.findall(r'Refusal\(\s*"(\w+)"', path.read_text("utf-8")))
    drawing = Drawing(activities.found())
    for language in LANGUAGES:
        words = drawing.words(activity.name, language)
        for code in codes:
            if code in own_codes(activity):
                assert words.has(f"refusal.{code}"), f"{activity.name}: refusal {code!r} has no words in {language}"


def own_codes(activity: Activity) -> set[str]:
    """Codes that this activity's own rules can give: those in its folder, and the shared flow's where it uses it."""
    text = "".join(
        path.read_text("utf-8") for path in activity.folder.glob("*.py") if not path.name.startswith("test_")
    )
    if re.search(r"contract\.flow|from \.\.contract import .*\bflow\b", text):
        text += "".join(path.read_text("utf-8") for path in (activity.folder.parent / "contract").glob("*.py"))
    return set(re.findall(r'Refusal\(\s*"(\w+)"', text))


def flat(words: dict[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in words.items():
        if isinstance(value, dict) and "other" not in value:
            found |= flat(value, f"{before}{key}.")
        else:
            found[f"{before}{key}"] = value
    return found


@each_activity
def test_only_scripts_styles_and_pictures_leave_the_folder(activity: Activity) -> None:
    drawing = Drawing(activities.found())
    for path in activity.folder.iterdir():
        served = drawing.find_static(f"activities/{activity.name}/{path.name}")
        assert (served is not None) == (path.suffix in (".js", ".css", ".svg") and path.is_file())


@each_activity
def test_a_golden_journal_replays_for_ever(activity: Activity) -> None:
    """Facts kept by a released version must still be read; fields are only ever added, with defaults."""
    golden = activity.folder / "golden.jsonl"
    lines = golden.read_text("utf-8").splitlines() if golden.exists() else []
    facts: list[AFact] = [activity.facts[line["kind"]].model_validate(line["body"]) for line in map(json.loads, lines)]
    assert len(facts) == len(lines)


def test_the_order_of_sets_does_not_leak_into_states() -> None:
    """The order of a set of strings differs between Python processes; states must not."""
    program = (
        "from tests.test_every_activity import FOLDERS, plays, SCREENS\n"
        "import json\n"
        "for one in FOLDERS:\n"
        "    played = plays(one)\n"
        "    print(one.name, json.dumps([played.view(s) for s in SCREENS]), json.dumps(one.rules.outcomes(played.state)))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_a_folder_that_lacks_something_stops_the_start_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "__init__.py").write_text('"""Half."""\n')
    monkeypatch.setattr(activities, "HERE", tmp_path)
    with pytest.raises(activities.BrokenFolder, match=r"half/ has no messages\.py"):
        activities._read("half")


def test_a_text_is_a_string_or_languages_and_keeps_no_control_signs() -> None:
    adapter = TypeAdapter(Text)
    assert adapter.validate_python("ciao\x00\u202e") == {"it": "ciao"}
    assert adapter.validate_python("hello", context={"first": "en"}) == {"en": "hello"}
    for bad in ({}, {"IT": "x"}, {"it": 5}, 7, None):
        with pytest.raises(ValidationError):
            adapter.validate_python(bad)
