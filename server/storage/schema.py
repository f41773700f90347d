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


# Read copies. They say what the facts of a path's line come to (DOMAIN 1), for whoever wants to ask the file in SQL: they
# are written with the facts, never read to decide anything, and `officina rebuild` makes them anew.


class Idea(SQLModel, table=True):
    """An idea as it stands. `domain`: a JSON array of codes. `missing`: unmet rules of its form. `support`: the class of
    its backing. `sought`: its words in every language as they are searched (`copies.as_sought`). Times in ms UTC."""

    __tablename__ = "idea"
    line: int = Field(primary_key=True, foreign_key="line.id")
    idea: str = Field(primary_key=True)
    code: str | None = None
    state: str
    version: int
    title_it: str | None = None
    title_en: str | None = None
    summary_it: str | None = None
    summary_en: str | None = None
    domain: str
    area_name: str | None = None
    area_scope: str | None = None
    table_label: str | None = None
    session: str | None = None
    form: str
    missing: int
    support: str | None = None
    confidentiality: str
    published_at: int | None = None
    updated_at: int
    sought: str


class IdeaActor(SQLModel, table=True):
    """An organisation in one role. How people judged its power and interest is not copied."""

    __tablename__ = "idea_actor"
    line: int = Field(primary_key=True, foreign_key="line.id")
    idea: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    uid: str
    name: str | None = None
    sector: str | None = None
    role: str | None = None
    commitment: str | None = None


class IdeaStep(SQLModel, table=True):
    """A next step. `due`: a date, a month or a year."""

    __tablename__ = "idea_step"
    line: int = Field(primary_key=True, foreign_key="line.id")
    idea: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    uid: str
    text_it: str | None = None
    text_en: str | None = None
    owner: str | None = None
    due: str | None = None
    status: str | None = None


class IdeaObstacle(SQLModel, table=True):
    """An obstacle. `severity`: 1 to 5. `overcome`: how many ways over it are written down."""

    __tablename__ = "idea_obstacle"
    line: int = Field(primary_key=True, foreign_key="line.id")
    idea: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    uid: str
    text_it: str | None = None
    text_en: str | None = None
    category: str | None = None
    severity: int | None = None
    overcome: int


class IdeaMoney(SQLModel, table=True):
    """A financing line. Amounts are decimals as text, either exact, or min and max; `currency` is ISO 4217."""

    __tablename__ = "idea_money"
    line: int = Field(primary_key=True, foreign_key="line.id")
    idea: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    uid: str
    source: str | None = None
    programme: str | None = None
    amount_exact: str | None = None
    amount_min: str | None = None
    amount_max: str | None = None
    currency: str | None = None
    status: str | None = None


class IdeaIndicator(SQLModel, table=True):
    """An indicator. Values are decimals as text, dates may be partial; `last_*` is the latest reading by its date."""

    __tablename__ = "idea_indicator"
    line: int = Field(primary_key=True, foreign_key="line.id")
    idea: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    uid: str
    name_it: str | None = None
    name_en: str | None = None
    type: str | None = None
    level: str | None = None
    dimension: str | None = None
    unit: str | None = None
    baseline_value: str | None = None
    baseline_date: str | None = None
    target_value: str | None = None
    target_date: str | None = None
    last_value: str | None = None
    last_date: str | None = None


class IdeaSource(SQLModel, table=True):
    """Where a field comes from. `field`: a leaf, "" for the whole idea. Whose note it was is not copied."""

    __tablename__ = "idea_source"
    line: int = Field(primary_key=True, foreign_key="line.id")
    idea: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    field: str
    source_kind: str
    relation: str
    session: str | None = None
    stage: str | None = None
    note: str | None = None
    note_group: str | None = None
    round: str | None = None
    uid: str | None = None
