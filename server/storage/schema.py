"""The SQL tables, as SQLModel classes: what the migrations are made from and what readers query."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel


class Line(SQLModel, table=True):
    """A session or a path: a gap-free sequence of facts."""

    __tablename__ = "line"
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    code: str = Field(unique=True)
    number: int = 0
    made_at: int
    ended_at: int | None = None
    rehearsal: bool = False


class Fact(SQLModel, table=True):
    """What happened, kept for ever. `person` is a person, a one-way token, or NULL for the host and the clock."""

    __tablename__ = "fact"
    line: int = Field(primary_key=True, foreign_key="line.id")
    number: int = Field(primary_key=True)
    at: int
    stage: str | None = None
    kind: str
    person: str | None = None
    group: str | None = None
    ask: str
    level: str
    body: str
    __table_args__ = ({"sqlite_with_rowid": False},)


class Ask(SQLModel, table=True):
    """One row for each accepted ask, with the number of its receipt. `actor` is never NULL: two NULLs are distinct."""

    __tablename__ = "ask"
    line: int = Field(primary_key=True, foreign_key="line.id")
    actor: str = Field(primary_key=True)
    ask: str = Field(primary_key=True)
    number: int
    __table_args__ = ({"sqlite_with_rowid": False},)


class Person(SQLModel, table=True):
    """Names and badges, apart from the facts so that they can be erased. A badge is kept only as its hash."""

    __tablename__ = "person"
    line: int = Field(primary_key=True, foreign_key="line.id")
    person: str = Field(primary_key=True)
    name: str
    badge: str | None = None
    rehearsal: bool = False
    __table_args__ = (UniqueConstraint("badge"), Index("person_badge", "badge"))


class Desk(SQLModel, table=True):
    """A facilitator's signed-in browser: hash of its id, revocable, with its CSRF token."""

    __tablename__ = "desk"
    id: str = Field(primary_key=True)
    csrf: str
    made_at: int
    seen_at: int


class About(SQLModel, table=True):
    """What the database says of itself: `epoch` (changes on restore and erasure), `instance` (names the cookies)."""

    __tablename__ = "about"
    key: str = Field(primary_key=True)
    value: str
