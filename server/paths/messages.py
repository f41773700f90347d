"""What may be asked of a path, and what may happen in one: its sessions come in, and its ideas live on after them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from ..activities.contract import BY_DESK, BY_SERVER, AFact, AnAsk, Marked, Message, Text
from ..activities.contract.idea import messages as ideas
from ..activities.contract.idea.left import IdeaOutcome
from ..activities.contract.peers import LINE, Day, Format, Line, Long, OrganisationId, PeerActivity, Practice, Status

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
#: Of a path: part of an address, and never the code of a session, which has capitals and figures only.
PATH_ID = r"[a-z][a-z0-9_-]{0,59}"
Code = Annotated[str, Field(max_length=40)]
PeerId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
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
    practices: list[Practice] = Field(default_factory=list, max_length=200)
    peers: list[PeerActivity] = Field(default_factory=list, max_length=500)


class TakeInPractice(AnAsk):
    """A practice from a file, as its session left it there."""

    by = BY_SERVER
    practice: Practice
    session: Code
    stage: Code


class TakeInPeer(AnAsk):
    """A peer activity from a file. own: whether the path that it comes from changed it after its session."""

    by = BY_SERVER
    activity: PeerActivity
    session: Code
    stage: Code
    own: bool = False


class PeerChange(Message):
    """What becomes of a peer activity; only the fields that are given change, and null empties one.

    owners: by organisation; "" for nobody.
    """

    topic: Line | None = None
    format: Format | None = None
    date: Day | None = None
    first_step: Long | None = None
    status: Status = "proposed"
    result: Long | None = None
    follow_up: Day | None = None
    owners: Annotated[
        dict[OrganisationId, Annotated[str, Field(max_length=LINE), Marked("personal")]], Field(max_length=8)
    ] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # In the journal too: a field that was not given would come back as one that was emptied.
        return {name: value for name, value in handler(self).items() if name in self.model_fields_set}


class FollowPeer(AnAsk):
    """base: the version of each field that the asker saw, 0 where nobody had changed it yet; of an owner under
    `owner <organisation>`. Without it a field is changed whatever it says now."""

    by = BY_DESK
    peer: PeerId
    base: dict[str, int] = Field(default_factory=dict)
    set: PeerChange


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


class PracticeTaken(AFact):
    touches = "none"
    practice: Practice
    session: str
    stage: str


class PeerTaken(AFact):
    touches = "none"
    peer: PeerId
    activity: PeerActivity
    session: str
    stage: str
    own: bool = False


class PeerFollowed(AFact):
    touches = "none"
    peer: PeerId
    set: PeerChange


Ask = (
    MakePath
    | AddSession
    | BringSession
    | TakeStage
    | CloseSession
    | TakeInPractice
    | TakeInPeer
    | FollowPeer
    | ideas.Ask
)
Fact = (
    PathMade
    | SessionAdded
    | SessionBrought
    | StageTaken
    | SessionClosed
    | PracticeTaken
    | PeerTaken
    | PeerFollowed
    | ideas.Fact
)
#: By name on the wire and in the journal.
ASKS: dict[str, type[AnAsk]] = {one.do: one for one in get_args(Ask)}
FACTS: dict[str, type[AFact]] = {one.kind: one for one in get_args(Fact)}
IDEA_FACTS: tuple[type[Any], ...] = get_args(ideas.Fact)
