"""The sample of each of the first four activities, played through."""

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from .messages import Refusal
from .rehearsal import Rehearsal, Somebody

FOLDERS = ["talk", "poll", "words", "quiz"]


@pytest.mark.parametrize("name", FOLDERS)
def test_the_sample_runs_as_it_says_and_replays(name: Any) -> None:
    folder = Path(__file__).parents[1] / name
    sample = tomllib.loads((folder / "sample.toml").read_text())
    package = f"{__package__.rsplit('.', 1)[0]}.{name}" if __package__ else f"server.activities.{name}"
    rules, messages = import_module(f"{package}.rules"), import_module(f"{package}.messages")
    people = {"ada": Somebody("civil_servants", "1", "it"), "bruno": Somebody("social_innovators", "1", "en")}
    stage = Rehearsal(rules, messages, sample["setup"], sample["level"], people)
    for number, step in enumerate(sample["script"], start=1):
        answer = stage.ask(step["by"], step["do"], step.get("who"), **step.get("with", {}))
        refused = answer.code if isinstance(answer, Refusal) else None
        assert refused == step.get("expect"), f"step {number} of {name}: {step}"
        for screen in ("phone", "wall", "desk"):
            stage.view(screen)
    assert stage.replayed() == stage.state


def test_states_that_are_copied_quickly_hold_their_own_fields_and_no_others() -> None:
    from dataclasses import fields

    from server.activities.poll import messages, rules

    sample = tomllib.loads((Path(rules.__file__).parent / "sample.toml").read_text("utf-8"))
    played = Rehearsal(rules, messages, sample["setup"], "pseudonym", {"ada": Somebody("civil_servants")})
    question = sample["setup"]["questions"][0]["id"]
    played.desk("open_question", question=question)
    for step in sample["script"]:
        if "do" in step:
            played.ask(step["by"], step["do"], step.get("who"), **step.get("with", {}))
    for state in (played.state, played.state.flow, *played.state.flow.runs.values()):
        assert set(vars(state)) == {one.name for one in fields(state)}
