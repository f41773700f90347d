"""What a facilitator chooses for a seating, what may be asked, what may happen."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from ..contract import BY_DESK, BY_SERVER, AFact, AnAsk, FreeText, Marked, Message, Text
from .matching import Weights

MOST_TABLES, MOST_ROUNDS = 60, 20

#: A picture beside a table's number, for whoever finds a picture sooner; drawn by the screens in this order.
SYMBOLS = ("star", "heart", "moon", "drop", "leaf", "cloud", "bell", "sun")

PersonId = Annotated[str, Field(min_length=1, max_length=40)]
TableId = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Seed = Annotated[int, Field(ge=0, le=2**31)]


class Table(Message):
    """id: the label by which the session knows the table, one line. seats: None where there is always a chair more."""

    id: TableId
    seats: int | None = Field(default=None, ge=1, le=200)
    name: Text | None = None
    host: Text | None = None
    symbol: Literal["star", "heart", "moon", "drop", "leaf", "cloud", "bell", "sun"] | None = None

    @field_validator("id")
    @classmethod
    def _one_line(cls, id: str) -> str:
        if id != " ".join(id.split()) or re.search(r"[\x00-\x1f\x7f\u2028-\u202e\u2066-\u2069\ufeff]", id):
            raise ValueError("a table's id is one line without spaces at its ends")
        return id


class Setup(Message):
    """tables: how many (their ids are then "1", "2", ...) or each by itself. rounds: how often people change tables.

    organisation: `ask` lets phones say where somebody works, so that colleagues are spread. wall: names or counts.
    steps: of the search.
    """

    tables: (
        Annotated[int, Field(ge=1, le=MOST_TABLES)]
        | Annotated[tuple[Table, ...], Field(min_length=1, max_length=MOST_TABLES)]
    ) = 4
    rounds: int = Field(default=1, ge=1, le=MOST_ROUNDS)
    weights: Weights = Weights()
    steps: int = Field(default=400_000, ge=100, le=400_000)
    organisation: Literal["ask", "no"] = "no"
    organisations: tuple[Annotated[str, StringConstraints(min_length=1, max_length=80)], ...] = Field(
        default=(), max_length=60
    )
    wall: Literal["names", "counts"] = "counts"

    @model_validator(mode="after")
    def _no_table_twice(self) -> Setup:
        if not isinstance(self.tables, int):
            ids = [table.id for table in self.tables]
            if len(set(ids)) != len(ids):
                raise ValueError("two tables have the same id")
        return self

    def each(self) -> dict[str, Table]:
        """The tables by id, in order; a table without a symbol gets the next one."""
        tables = self.tables
        if isinstance(tables, int):
            tables = tuple(Table(id=str(n)) for n in range(1, tables + 1))
        return {
            table.id: table if table.symbol else table.model_copy(update={"symbol": SYMBOLS[n % len(SYMBOLS)]})
            for n, table in enumerate(tables)
        }


class SayOrganisation(AnAsk):
    """Where the person works. Said again it replaces what was said; an empty one takes it back."""

    organisation: Annotated[str, Field(max_length=80)]


class SetWeights(AnAsk):
    """What a repeated meeting and a pair of colleagues at one table cost from the next seating on."""

    by = BY_DESK
    repeat: int = Field(ge=0, le=1_000)
    colleagues: int = Field(ge=0, le=1_000)


class AskForSeating(AnAsk):
    """The search is done off the line; without a seed one is drawn."""

    by = BY_DESK
    weights: Weights | None = None
    seed: Seed | None = None


class OfferSeating(AnAsk):
    """What was found. assignment: {person: a table for each round still to come}."""

    by = BY_SERVER
    input: Hash
    assignment: dict[PersonId, list[TableId | None]] = Field(max_length=1_000)
    engine: dict[str, Any] = Field(default_factory=dict, max_length=10)


class GiveUp(AnAsk):
    """The search failed for good: nobody should wait for it any longer."""

    by = BY_SERVER
    what: Literal["seating"]


class KeepApart(AnAsk):
    by = BY_DESK
    one: PersonId
    other: PersonId


class LiftApart(AnAsk):
    by = BY_DESK
    one: PersonId
    other: PersonId


class PinPerson(AnAsk):
    """Keeps somebody at a table in the coming seatings; table None lifts it."""

    by = BY_DESK
    person: PersonId
    table: TableId | None


class MovePerson(AnAsk):
    """instead: who sits there and takes the place that becomes free."""

    by = BY_DESK
    person: PersonId
    table: TableId
    instead: PersonId | None = None


class UndoMove(AnAsk):
    """Takes back the last move, as long as no new seating was offered, published or begun since."""

    by = BY_DESK


class PublishSeating(AnAsk):
    by = BY_DESK


class SeatLate(AnAsk):
    """Gives somebody without a table a seat; without a table the suggested one."""

    by = BY_DESK
    person: PersonId
    table: TableId | None = None


class NextSeating(AnAsk):
    """Begins the next table round, and asks for its seating: with new people each time."""

    by = BY_DESK
    seed: Seed | None = None


Ask = (
    SayOrganisation | SetWeights | AskForSeating | OfferSeating | GiveUp | KeepApart | LiftApart | PinPerson | MovePerson
    | UndoMove | PublishSeating | SeatLate | NextSeating
)  # fmt: skip


class OrganisationSaid(AFact):
    organisation: Annotated[FreeText, Marked("personal")]


class WeightsSet(AFact):
    touches = "none"
    repeat: int
    colleagues: int


class SearchGivenUp(AFact):
    touches = "none"


class SeatingAsked(AFact):
    """input: SHA-256 of what the search is given; rounds: how many table rounds from `round` on it is to find."""

    touches = "none"
    round: int
    rounds: int
    input: str
    seed: int
    weights: Weights


class SeatingOffered(AFact):
    """A draft on the desk. bound: the least cost that any even seating can have, None where none is known."""

    touches = "none"
    round: int
    input: str
    seed: int
    weights: Weights
    assignment: dict[str, list[str | None]]
    cost: int
    bound: int | None = None
    parts: dict[str, int]
    engine: dict[str, Any]
    broken: list[dict[str, Any]] = Field(default_factory=list)


class ApartKept(AFact):
    touches = "none"
    people: Annotated[list[str], Marked("personal")]


class ApartLifted(AFact):
    touches = "none"
    people: Annotated[list[str], Marked("personal")]


class PersonPinned(AFact):
    touches = "none"
    person: str
    table: str | None = None


class PersonMoved(AFact):
    """was: the table that was left, None where there was none. instead: who went there."""

    touches = "all"
    seats: ClassVar[bool] = True
    person: str
    table: str
    was: str | None = None
    instead: str | None = None


class MoveUndone(AFact):
    touches = "all"
    seats: ClassVar[bool] = True


class SeatingPublished(AFact):
    touches = "all"
    seats: ClassVar[bool] = True
    round: int


class PersonSeatedLate(AFact):
    """reasons: why there, as codes with numbers."""

    touches = "all"
    seats: ClassVar[bool] = True
    person: str
    table: str
    reasons: list[dict[str, Any]] = Field(default_factory=list)


class RoundBegun(AFact):
    touches = "all"
    round: int


Fact = (
    OrganisationSaid | WeightsSet | SeatingAsked | SeatingOffered | ApartKept | ApartLifted | PersonPinned | PersonMoved
    | MoveUndone | SeatingPublished | PersonSeatedLate | RoundBegun | SearchGivenUp
)  # fmt: skip
