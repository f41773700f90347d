"""What a board is made from, and its asks and facts (all but images)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from ..contract import BY_DESK, AFact, AnAsk, FreeText, Message, Text

#: What people bring together on a zone; the bridge from a board to the fields of a policy idea.
ROLES = (
    "challenge", "cause", "effect", "beneficiary", "need", "evidence", "proposal", "action", "actor", "resource",
    "payer", "obstacle", "overcome", "risk", "result", "indicator", "open_question", "strength", "weakness",
    "opportunity", "threat", "competence", "lesson",
)  # fmt: skip
VERBS = ("write", "edit", "move", "delete", "group", "link", "comment", "react")
COLOURS = ("group", "yellow", "blue", "green", "pink", "grey")

#: Signs of a note's text that pydantic takes; the rule's own limit is 500, so that people hear "too long" in words.
HARD = 2_000
NOTE, COMMENT, TITLE, LABEL = 500, 280, 120, 60
#: Notes in one ask.
TOGETHER = 50

Visible = Literal["own", "desk", "all"]
Who = Literal["nobody", "desk", "author", "table", "everyone"] | list[str]
Colour = Literal["group", "yellow", "blue", "green", "pink", "grey"]
Sign = Literal["like", "question", "important"]
Target = Literal["notes", "groups"]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
#: 96 random bits, proposed by the phone: 16 signs of base64url.
NewId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16}$")]
Key = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}(\.[a-z0-9_]{1,40})?$")]
#: Ten-thousandths of a zone's width or height, from the top left.
Place = Annotated[int, Field(ge=0, le=10_000)]
May = dict[Literal["write", "edit", "move", "delete", "group", "link", "comment", "react"], Who]


class End(Message):
    low: Text
    high: Text


class Axis(Message):
    x: End
    y: End


class Zone(Message):
    """One place of a board. `at`: first column, first row, width, height on the template's grid, from 1."""

    key: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
    role: str
    title: Text
    at: tuple[int, int, int, int]
    prompt: Text | None = None
    open: bool = True
    visible: Visible = "all"
    may: May = Field(default_factory=dict)
    kinds: tuple[Literal["note", "image"], ...] = ("note",)
    notes_max: int | None = Field(default=None, ge=1, le=5_000)
    axis: Axis | None = None
    anonymous: bool = False
    sets: dict[str, str] = Field(default_factory=dict)
    hints: dict[str, Text] = Field(default_factory=dict)

    @field_validator("role")
    @classmethod
    def _role_known(cls, role: str) -> str:
        if role and role not in ROLES:
            raise ValueError(f"there is no role {role!r}; there are {', '.join(ROLES)}, or none")
        return role


class Phase(Message):
    """An overlay on the zones. What it leaves out stays as the zone says; `*` stands for every zone."""

    key: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
    title: Text | None = None
    minutes: int = Field(default=0, ge=0, le=600)
    open: list[str] | None = None
    visible: dict[str, Visible] = Field(default_factory=dict)
    may: dict[str, May] = Field(default_factory=dict)


class Board(Message):
    """A template, inline or from `content/boards/`."""

    key: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
    version: int = Field(default=1, ge=1)
    title: Text
    credit: Text | None = None
    licence: str = "own"
    cols: int = Field(default=12, ge=1, le=24)
    rows: int = Field(default=8, ge=1, le=24)
    zones: list[Zone] = Field(min_length=1, max_length=24)
    flow: list[tuple[str, str]] = Field(default_factory=list, max_length=60)
    phases: list[Phase] = Field(default_factory=list, max_length=12)
    note: Text | None = None

    @model_validator(mode="after")
    def _names_fit(self) -> Board:
        keys = [zone.key for zone in self.zones]
        for what, ids in (("zone", keys), ("phase", [phase.key for phase in self.phases])):
            for one in ids:
                if ids.count(one) > 1:
                    raise ValueError(f"two {what}s are called {one!r}")
        named = {one for pair in self.flow for one in pair}
        for phase in self.phases:
            named |= {*(phase.open or ()), *phase.visible, *phase.may}
        for one in sorted(named - {"*", *keys}):
            raise ValueError(f"there is no zone {one!r}")
        for zone in self.zones:
            column, row, wide, high = zone.at
            if min(zone.at) < 1 or column + wide - 1 > self.cols or row + high - 1 > self.rows:
                raise ValueError(f"zone {zone.key!r} does not stand on a grid of {self.cols} by {self.rows}")
        return self


class Setup(Message):
    """board: a template; a plan may name one of `content/boards/`, which is put in when the session is made.

    boards_for: one board for the room, or one per table. names: what stands on a note beside its text. may, visible:
    rules instead of the template's, by zone or `*`. dots, max_on_one: what a vote round begins with.
    """

    #: Fields that may name a file of `content/` instead of holding what is in it: {field: folder}.
    content: ClassVar[dict[str, str]] = {"board": "boards"}

    board: Board
    boards_for: Literal["room", "table"] = "room"
    names: Literal["name", "group", "none"] = "group"
    phases: list[str] | None = None
    may: dict[str, May] = Field(default_factory=dict)
    visible: dict[str, Visible] = Field(default_factory=dict)
    dots: int = Field(default=3, ge=1, le=99)
    max_on_one: int = Field(default=3, ge=1, le=99)
    notes_max: int = Field(default=2_000, ge=1, le=5_000)

    @model_validator(mode="after")
    def _names_fit(self) -> Setup:
        zones = {"*", *(zone.key for zone in self.board.zones)}
        for one in sorted({*self.may, *self.visible} - zones):
            raise ValueError(f"there is no zone {one!r} on this board")
        known = {phase.key for phase in self.board.phases}
        for one in self.phases or ():
            if one not in known:
                raise ValueError(f"there is no phase {one!r} on this board")
        if self.max_on_one > self.dots:
            raise ValueError("max_on_one may not exceed dots")
        return self


# Asks of people


class AddNote(AnAsk):
    by = frozenset({"phone", "desk"})

    note: NewId
    zone: Key
    text: Annotated[str, Field(max_length=HARD)]
    x: Place | None = None
    y: Place | None = None
    colour: Colour = "group"


class EditText(AnAsk):
    """base: the `revs.text` that its author saw."""

    by = frozenset({"phone", "desk"})

    note: Id
    text: Annotated[str, Field(max_length=HARD)]
    base: int = Field(ge=1)


class SettleVariant(AnAsk):
    by = frozenset({"phone", "desk"})

    note: Id
    variant: Id
    keep: Literal["note", "variant", "both"]


class MoveNote(AnAsk):
    by = frozenset({"phone", "desk"})

    note: Id
    zone: Key
    x: Place | None = None
    y: Place | None = None


class ColourNote(AnAsk):
    by = frozenset({"phone", "desk"})

    note: Id
    colour: Colour


class DeleteNote(AnAsk):
    """base: the `revs.text` that was seen; needed for somebody else's note."""

    by = frozenset({"phone", "desk"})

    note: Id
    base: int | None = Field(default=None, ge=1)


class RestoreNote(AnAsk):
    by = frozenset({"phone", "desk"})

    note: Id


class React(AnAsk):
    note: Id
    sign: Sign | None = None


class PlaceDots(AnAsk):
    """dots: how many stand on the target from now on, never how many more."""

    round: Id
    target: Id
    dots: int = Field(ge=0, le=99)


class MakeGroup(AnAsk):
    by = frozenset({"phone", "desk"})

    group: NewId
    notes: list[Id] = Field(min_length=1, max_length=TOGETHER)
    title: Annotated[str, Field(max_length=HARD)] = ""


class AddToGroup(AnAsk):
    by = frozenset({"phone", "desk"})

    group: Id
    notes: list[Id] = Field(min_length=1, max_length=TOGETHER)


class TakeFromGroup(AnAsk):
    by = frozenset({"phone", "desk"})

    group: Id
    notes: list[Id] = Field(min_length=1, max_length=TOGETHER)


class NameGroup(AnAsk):
    by = frozenset({"phone", "desk"})

    group: Id
    title: Annotated[str, Field(max_length=HARD)]


class DissolveGroup(AnAsk):
    by = frozenset({"phone", "desk"})

    group: Id


class Link(AnAsk):
    model_config = ConfigDict(serialize_by_alias=True)

    by = frozenset({"phone", "desk"})

    link: NewId
    source: Id = Field(alias="from")
    to: Id
    label: Annotated[str, Field(max_length=HARD)] = ""


class Unlink(AnAsk):
    by = frozenset({"phone", "desk"})

    link: Id


class Comment(AnAsk):
    by = frozenset({"phone", "desk"})

    comment: NewId
    note: Id
    text: Annotated[str, Field(max_length=HARD)]


class DeleteComment(AnAsk):
    by = frozenset({"phone", "desk"})

    comment: Id


class Undo(AnAsk):
    """of: the number of the fact to take back; None: the latest of the asker."""

    by = frozenset({"phone", "desk"})

    of: int | None = Field(default=None, ge=1)


# Asks of the desk


class OpenZone(AnAsk):
    by = BY_DESK

    zone: Key


class CloseZone(AnAsk):
    by = BY_DESK

    zone: Key


class HideZone(AnAsk):
    by = BY_DESK

    zone: Key


class ShowZone(AnAsk):
    by = BY_DESK

    zone: Key
    to: Literal["desk", "all"] = "all"


class SetPhase(AnAsk):
    by = BY_DESK

    phase: Annotated[str, Field(max_length=40)]


class OpenVote(AnAsk):
    """voters: everybody, or the groups that vote. Without dots and max_on_one the setup's stand."""

    by = BY_DESK

    round: Id
    target: Target = "notes"
    zones: list[Key] = Field(min_length=1, max_length=288)
    dots: int | None = Field(default=None, ge=1, le=99)
    max_on_one: int | None = Field(default=None, ge=1, le=99)
    voters: Literal["all"] | list[str] = "all"


class CloseVote(AnAsk):
    by = BY_DESK

    round: Id


class MakeCheckpoint(AnAsk):
    by = BY_DESK

    checkpoint: Id
    name: Annotated[str, Field(max_length=HARD)] = ""


class RestoreCheckpoint(AnAsk):
    by = BY_DESK

    checkpoint: Id


class Focus(AnAsk):
    """Leads every screen to a zone; `hold` keeps it there until released."""

    by = BY_DESK

    zone: Key | None = None
    hold: bool = False


class DraftIdea(AnAsk):
    """Promotes notes or a group to a draft of a policy idea. fields: what people wrote beside the board."""

    by = BY_DESK

    idea: NewId
    notes: list[Id] = Field(default_factory=list, max_length=TOGETHER)
    group: Id | None = None
    fields: dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=HARD)]] = Field(
        default_factory=dict, max_length=24
    )


# Facts. `was` holds the fields before, for undo, history and erasing; it is never sent to any screen.


class Revs(Message):
    """A small counter for each field that people may contend for, 1 when the note is added."""

    text: int = 1
    place: int = 1
    colour: int = 1
    alive: int = 1


class ANoteFact(AFact):
    note: str
    undoes: int | None = None


class NoteAdded(ANoteFact):
    """own_group: the author's, where it may be told. table: the label of a table whose board begins with this note."""

    zone: str
    x: int
    y: int
    text: FreeText
    colour: str
    own_group: str | None = None
    table: str | None = None


class WasText(Message):
    text: FreeText


class TextChanged(ANoteFact):
    text: FreeText
    rev: int
    merged: bool = False
    was: WasText


class VariantAdded(AFact):
    """note: the new one, `of` the one it stands beside."""

    note: str
    of: str
    text: FreeText
    own_group: str | None = None


class VariantSettled(AFact):
    """keep: `variant` gives the note the variant's text, and the variant goes; `both` lets the variant stand alone."""

    note: str
    variant: str
    keep: Literal["note", "variant", "both"]


class WasPlace(Message):
    zone: str
    x: int
    y: int


class NoteMoved(ANoteFact):
    zone: str
    x: int
    y: int
    rev: int
    was: WasPlace


class NoteColoured(ANoteFact):
    colour: str
    rev: int
    was: str


class NoteDeleted(ANoteFact):
    rev: int


class NoteRestored(ANoteFact):
    rev: int


class Reacted(AFact):
    note: str
    sign: Sign | None = None


class DotsPlaced(AFact):
    """group: the voter's at that moment; at level anonymous only where it may be told."""

    round: str
    target: str
    dots: int
    group: str | None = None


class GroupMade(AFact):
    """was: {note: the group it was in before}, for those that were in one."""

    touches = "none"

    group: str
    notes: list[str]
    title: FreeText = ""
    was: dict[str, str] = Field(default_factory=dict)


class GroupChanged(AFact):
    touches = "none"

    group: str
    added: list[str] = Field(default_factory=list)
    taken: list[str] = Field(default_factory=list)
    was: dict[str, str] = Field(default_factory=dict)


class GroupNamed(AFact):
    touches = "none"

    group: str
    title: FreeText
    was: FreeText = ""


class GroupDissolved(AFact):
    """notes: those that were in it."""

    touches = "none"

    group: str
    notes: list[str] = Field(default_factory=list)


class Linked(AFact):
    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    touches = "none"

    link: str
    source: str = Field(alias="from")
    to: str
    label: FreeText = ""


class Unlinked(AFact):
    touches = "none"

    link: str


class Commented(AFact):
    comment: str
    note: str
    text: FreeText
    own_group: str | None = None


class CommentDeleted(AFact):
    comment: str
    note: str


class ZoneOpened(AFact):
    touches = "none"

    zone: str


class ZoneClosed(AFact):
    touches = "none"

    zone: str


class ZoneHidden(AFact):
    """was: {zone: who saw it before}, one for each board that the zone stands on."""

    touches = "all"

    zone: str
    was: dict[str, Visible] = Field(default_factory=dict)


class ZoneShown(AFact):
    touches = "all"

    zone: str
    to: Literal["desk", "all"] = "all"
    was: dict[str, Visible] = Field(default_factory=dict)


class PhaseSet(AFact):
    """was: {zone: who saw it before}, for the zones where that changes."""

    touches = "all"

    phase: str
    was: dict[str, Visible] = Field(default_factory=dict)


class VoteOpened(AFact):
    """groups_kept: groups that had five people or more; others' answers are not told by group. people: who may vote."""

    touches = "all"

    round: str
    target: Target
    zones: list[str]
    dots: int
    max_on_one: int
    voters: Literal["all"] | list[str] = "all"
    groups_kept: list[str] = Field(default_factory=list)
    people: int = 0


class VoteClosed(AFact):
    """The count is not in it: it follows from the dots, and from whose dots are still there when it is counted again."""

    touches = "all"

    round: str


class CheckpointMade(AFact):
    """spares: another one that stays although older ones leave, because it is about to be restored."""

    touches = "none"

    checkpoint: str
    name: FreeText = ""
    automatic: bool = False
    spares: str | None = None


class Restored(AFact):
    """The resulting difference: notes that come back, notes that go, and notes whose fields are set back.

    What they are set to stands in the checkpoint, which the state holds: a text kept twice would have to be erased twice.
    """

    touches = "all"

    checkpoint: str
    back: list[str] = Field(default_factory=list)
    gone: list[str] = Field(default_factory=list)
    changed: list[str] = Field(default_factory=list)


class Focused(AFact):
    touches = "none"

    zone: str | None = None
    hold: bool = False


class IdeaDrafted(AFact):
    touches = "none"

    idea: str
    notes: list[str] = Field(default_factory=list)
    group: str | None = None
    fields: dict[str, FreeText] = Field(default_factory=dict)


Ask = (
    AddNote
    | EditText
    | SettleVariant
    | MoveNote
    | ColourNote
    | DeleteNote
    | RestoreNote
    | React
    | PlaceDots
    | MakeGroup
    | AddToGroup
    | TakeFromGroup
    | NameGroup
    | DissolveGroup
    | Link
    | Unlink
    | Comment
    | DeleteComment
    | Undo
    | OpenZone
    | CloseZone
    | HideZone
    | ShowZone
    | SetPhase
    | OpenVote
    | CloseVote
    | MakeCheckpoint
    | RestoreCheckpoint
    | Focus
    | DraftIdea
)
Fact = (
    NoteAdded
    | TextChanged
    | VariantAdded
    | VariantSettled
    | NoteMoved
    | NoteColoured
    | NoteDeleted
    | NoteRestored
    | Reacted
    | DotsPlaced
    | GroupMade
    | GroupChanged
    | GroupNamed
    | GroupDissolved
    | Linked
    | Unlinked
    | Commented
    | CommentDeleted
    | ZoneOpened
    | ZoneClosed
    | ZoneHidden
    | ZoneShown
    | PhaseSet
    | VoteOpened
    | VoteClosed
    | CheckpointMade
    | Restored
    | Focused
    | IdeaDrafted
)
