"""What may be asked of a path, and what may happen in one: its sessions come in, and its ideas live on after them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from ..activities.contract import AFact, AnAsk, Message, Text
from ..activities.contract.idea import messages as ideas
from ..activities.contract.idea.left import IdeaOutcome

BY_SERVER = frozenset({"server"})
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
#: Of a path: part of an address, and never the code of a session, which has capitals and figures only.
PATH_ID = r"[a-z][a-z0-9_-]{0,59}"
Code = Annotated[str, Field(max_length=40)]
#: Part of an address too.
SessionCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,12}$")]


class Group(Message):
    id: Id
    name: Text


class MakePath(AnAsk):
    """prefix: what the codes of its ideas begin with, MI-2026-07."""

    by = BY_SERVER
    title: Text
    languages: list[str] = Field(min_length=1, max_length=8)
    groups: list[Group] = Field(default_factory=list, max_length=12)
    prefix: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,12}$")] = "ID"


class AddSession(AnAsk):
    by = BY_SERVER
    session: Code
    title: Text
    phase: str
    groups: list[Group] = Field(default_factory=list, max_length=12)


class CloseSession(AnAsk):
    """The session has ended and all that it left is here: it need not be opened for it again."""

    by = BY_SERVER
    session: Code


class BringSession(AnAsk):
    """A session that was held in another Officina. file: its whole `export.json`."""

    by = BY_SERVER
    session: SessionCode
    file: dict[str, Any]


class TakeStage(AnAsk):
    """What a stage left when it closed. left: how many outcomes of each kind. sizes: people per group in the session."""

    by = BY_SERVER
    session: Code
    stage: Code
    activity: str
    title: Text
    closed_at: int
    ideas: list[IdeaOutcome] = Field(default_factory=list, max_length=500)
    left: dict[str, int] = Field(default_factory=dict)
    sizes: dict[str, int] = Field(default_factory=dict)


class PathMade(AFact):
    touches: ClassVar[Literal["one", "all", "none"]] = "none"
    title: Text
    languages: list[str]
    groups: list[Group] = Field(default_factory=list)
    prefix: str = "ID"


class SessionAdded(AFact):
    touches = "none"
    session: str
    title: Text
    phase: str
    groups: list[Group] = Field(default_factory=list)


class SessionBrought(AFact):
    """file: as it was brought.

    Its texts are not marked as anybody's, so an erasing does not reach them: who wrote them is known only where the
    session was held, and the same words of somebody here say nothing about them.
    """

    touches = "none"
    session: str
    file: dict[str, Any]


class SessionClosed(AFact):
    touches = "none"
    session: str


class StageTaken(AFact):
    """The ideas themselves stand in facts of their own, in the same ask. late: ideas that the session changed after
    their text had been frozen here; those changes stay in the session."""

    touches = "none"
    session: str
    stage: str
    activity: str
    title: Text
    closed_at: int
    left: dict[str, int] = Field(default_factory=dict)
    sizes: dict[str, int] = Field(default_factory=dict)
    late: list[str] = Field(default_factory=list)


Ask = MakePath | AddSession | BringSession | TakeStage | CloseSession | ideas.Ask
Fact = PathMade | SessionAdded | SessionBrought | StageTaken | SessionClosed | ideas.Fact
#: By name on the wire and in the journal.
ASKS: dict[str, type[AnAsk]] = {
    one.do: one for one in (MakePath, AddSession, BringSession, TakeStage, CloseSession, *get_args(ideas.Ask))
}
FACTS: dict[str, type[AFact]] = {
    one.kind: one for one in (PathMade, SessionAdded, SessionBrought, StageTaken, SessionClosed, *get_args(ideas.Fact))
}
IDEA_FACTS: tuple[type[Any], ...] = get_args(ideas.Fact)
