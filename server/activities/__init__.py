"""What people do together: one folder each, found by themselves. The folder is the manifest."""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from .contract import AFact, AnAsk, Message, asks_of, facts_of

HERE = Path(__file__).parent

NEEDED = ("messages.py", "rules.py", "phone.html", "words.it.toml", "words.en.toml", "sample.toml", "README.md")

#: What `rules.py` must offer; `deadline`, `answered`, `rows`, `patch` are offered where they make sense.
RULES = ("State", "start", "decide", "evolve", "view", "mine", "scope", "outcomes")


class BrokenFolder(RuntimeError):
    """An activity's folder lacks something; the sentence says which folder and what."""


class Works(NamedTuple):
    """runs: by the first part of the work's key, functions of a snapshot that give (do, with); warm: called when a stage
    opens, so that the first run need not wait for imports. patient: the runs that nobody waits for, with a turn of their
    own."""

    runs: Mapping[str, Any]
    warm: Callable[[], None] | None
    patient: tuple[str, ...]


@dataclass(frozen=True)
class Activity:
    """One activity as the rest of the house sees it."""

    name: str
    folder: Path
    setup: type[Message]
    asks: Mapping[str, type[AnAsk]]
    facts: Mapping[str, type[AFact]]
    rules: Any
    messages: ModuleType

    def sample(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "sample.toml").read_text("utf-8"))

    def looks(self) -> Mapping[str, Any]:
        """What `work.py` works out for the desk, by name: functions of the state and an id; none without that file."""
        found: Mapping[str, Any] = getattr(self._work(), "LOOKS", {})
        return found

    def works(self) -> Works:
        """What `work.py` works out off the line for a state that waits for it."""
        work = self._work()
        return Works(getattr(work, "RUNS", {}), getattr(work, "warm", None), getattr(work, "PATIENT", ()))

    def _work(self) -> ModuleType | None:
        """`work.py`, or the folder `work/`; read when it is first needed, because it may bring a solver with it."""
        if not (self.folder / "work.py").exists() and not (self.folder / "work").is_dir():
            return None
        return importlib.import_module(f"{__name__}.{self.name}.work")

    def read_setup(self, setup: Any, first: str) -> Any:
        """The setup as a model. Raises pydantic.ValidationError. `first` is the session's first language."""
        return self.setup.model_validate(dict(setup), context={"first": first})


@cache
def found() -> Mapping[str, Activity]:
    """All activities by name. Raises BrokenFolder with one sentence when a folder is not whole."""
    activities = {}
    for module in pkgutil.iter_modules([str(HERE)]):
        if not module.ispkg or module.name == "contract":
            continue
        activities[module.name] = _read(module.name)
    return activities


def _read(name: str) -> Activity:
    folder = HERE / name
    for needed in NEEDED:
        if not (folder / needed).exists():
            raise BrokenFolder(
                f"server/activities/{name}/ has no {needed}; docs/add-an-activity.md says what belongs there"
            )
    messages = importlib.import_module(f"{__name__}.{name}.messages")
    rules = importlib.import_module(f"{__name__}.{name}.rules")
    for module, names in ((messages, ("Setup", "Ask", "Fact")), (rules, RULES)):
        for needed in names:
            if not hasattr(module, needed):
                raise BrokenFolder(f"{module.__name__} has no {needed}; docs/add-an-activity.md says what it is for")
    return Activity(name, folder, messages.Setup, asks_of(messages.Ask), facts_of(messages.Fact), rules, messages)
