"""The line: facts, asks, people, desks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "line",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("code", sa.String, nullable=False, unique=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("made_at", sa.Integer, nullable=False),
        sa.Column("ended_at", sa.Integer),
        sa.Column("rehearsal", sa.Boolean, nullable=False),
    )
    op.create_table(
        "fact",
        sa.Column("line", sa.Integer, sa.ForeignKey("line.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("stage", sa.String),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("person", sa.String),
        sa.Column("group", sa.String),
        sa.Column("ask", sa.String, nullable=False),
        sa.Column("level", sa.String, nullable=False),
        sa.Column("body", sa.String, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ask",
        sa.Column("line", sa.Integer, sa.ForeignKey("line.id"), primary_key=True),
        sa.Column("actor", sa.String, primary_key=True),
        sa.Column("ask", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "person",
        sa.Column("line", sa.Integer, sa.ForeignKey("line.id"), primary_key=True),
        sa.Column("person", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("badge", sa.String, unique=True),
        sa.Column("rehearsal", sa.Boolean, nullable=False),
    )
    op.create_index("person_badge", "person", ["badge"])
    op.create_table(
        "desk",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("csrf", sa.String, nullable=False),
        sa.Column("made_at", sa.Integer, nullable=False),
        sa.Column("seen_at", sa.Integer, nullable=False),
    )
    op.create_table(
        "about",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("value", sa.String, nullable=False),
    )


def downgrade() -> None:
    for name in ("about", "desk", "person", "ask", "fact", "line"):
        op.drop_table(name)
