"""What may be asked of a session, and what may happen in one."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from ..activities.contract import BY_DESK, AFact, AnAsk, FreeText
from .plan import Plan

BY_SERVER = frozenset({"server"})

PersonId = Annotated[str, Field(max_length=40)]
StageId = Annotated[str, Field(max_length=40)]
Table = Annotated[str, Field(max_length=40)]


class MakeSession(AnAsk):
    by = BY_SERVER
    plan: dict[str, Any]
    #: Where the session comes from: the name of the plan, or of the session it doubles.
    source: str | None = None


class Join(AnAsk):
    by = BY_SERVER
    person: PersonId
    group: str | None = None
    language: str = "it"
    rehearsal: bool = False
    cap: int = 500


class SpeakLanguage(AnAsk):
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


class TakeTable(AnAsk):
    table: Table


class OpenStage(AnAsk):
    by = BY_DESK
    stage: StageId


class CloseStage(AnAsk):
    by = BY_DESK


class GoNext(AnAsk):
    by = BY_DESK


class GoBack(AnAsk):
    by = BY_DESK


class Pause(AnAsk):
    by = BY_DESK
    #: One line that says what happens in the room, so that people who do not hear it can follow.
    message: Annotated[str, Field(max_length=200)] | None = None


class Resume(AnAsk):
    by = BY_DESK


class StopClock(AnAsk):
    by = BY_DESK


class StartClock(AnAsk):
    by = BY_DESK


class AddTime(AnAsk):
    by = BY_DESK
    seconds: int = Field(ge=-36_000, le=36_000)


class CutRest(AnAsk):
    """Takes minutes from the stages that are still to come, in proportion, so that the day ends in time."""

    by = BY_DESK
    minutes: int = Field(ge=1, le=600)


class LockRoom(AnAsk):
    by = BY_DESK


class UnlockRoom(AnAsk):
    by = BY_DESK


class RenamePerson(AnAsk):
    by = BY_DESK
    person: PersonId
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class RemovePeople(AnAsk):
    by = BY_DESK
    people: list[PersonId] = Field(min_length=1, max_length=5_000)


class RemoveRehearsal(AnAsk):
    """Removes everybody who was marked as rehearsal."""

    by = BY_DESK


class SeatPeople(AnAsk):
    by = BY_DESK
    people: list[PersonId] = Field(min_length=1, max_length=5_000)
    table: Table | None = None


class SpreadTables(AnAsk):
    """Seats everybody who has no table yet, at tables 1 to n, so that each group is spread over all of them."""

    by = BY_DESK
    tables: int = Field(ge=1, le=60)


class EndSession(AnAsk):
    by = BY_DESK


class SetSetup(AnAsk):
    """Replaces the setup of a stage that was not opened yet (an import)."""

    by = BY_SERVER
    stage: StageId
    setup: dict[str, Any]


class ReplaceBadge(AnAsk):
    """A person comes back from another browser or address: the old badge is cut."""

    by = BY_SERVER
    person: PersonId


class ErasePerson(AnAsk):
    by = BY_SERVER
    person: PersonId


Ask = (
    MakeSession | Join | SpeakLanguage | TakeTable | OpenStage | CloseStage | GoNext | GoBack | Pause | Resume
    | StopClock | StartClock | AddTime | CutRest | LockRoom | UnlockRoom | RenamePerson | RemovePeople
    | RemoveRehearsal | SeatPeople | SpreadTables | EndSession | SetSetup | ReplaceBadge | ErasePerson
)  # fmt: skip


class SessionMade(AFact):
    touches: ClassVar[Literal["one", "all", "none"]] = "none"
    plan: Plan
    source: str | None = None


class PersonJoined(AFact):
    group: str | None = None
    language: str = "it"
    rehearsal: bool = False


class LanguageSpoken(AFact):
    language: str


class StageOpened(AFact):
    """`sizes`: people per group at opening. `given` stays empty: what earlier stages left is folded (decision 0016)."""

    touches = "all"
    stage: str
    given: dict[str, Any] = Field(default_factory=dict)
    tables: dict[str, list[str]] = Field(default_factory=dict)
    sizes: dict[str, int] = Field(default_factory=dict)


class StageClosed(AFact):
    touches = "all"
    stage: str


class Paused(AFact):
    touches = "none"
    message: FreeText | None = None


class Resumed(AFact):
    touches = "none"


class ClockStopped(AFact):
    touches = "none"


class ClockStarted(AFact):
    touches = "none"


class TimeAdded(AFact):
    touches = "none"
    seconds: int


class RestCut(AFact):
    """New minutes of the stages still to come, by stage id."""

    touches = "none"
    minutes: dict[str, int]


class RoomLocked(AFact):
    touches = "none"


class RoomUnlocked(AFact):
    touches = "none"


class PersonRenamed(AFact):
    """The name itself is kept apart from the facts, so that it can be erased."""

    touches = "none"
    person: str


class PeopleRemoved(AFact):
    touches = "none"
    people: list[str]


class PeopleSeated(AFact):
    touches = "all"
    people: list[str]
    table: str | None = None


class SessionEnded(AFact):
    touches = "all"


class SetupSet(AFact):
    touches = "none"
    stage: str
    setup: dict[str, Any]


class BadgeReplaced(AFact):
    touches = "none"
    person: str


class PersonErased(AFact):
    touches = "none"
    person: str


Fact = (
    SessionMade | PersonJoined | LanguageSpoken | StageOpened | StageClosed | Paused | Resumed | ClockStopped
    | ClockStarted | TimeAdded | RestCut | RoomLocked | RoomUnlocked | PersonRenamed | PeopleRemoved | PeopleSeated
    | SessionEnded
    | SetupSet | BadgeReplaced | PersonErased
)  # fmt: skip
