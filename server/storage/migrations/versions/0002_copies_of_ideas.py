"""Read copies of a path's ideas: made from the facts, so that they may be dropped and filled anew."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idea",
        sa.Column("line", sa.Integer, sa.ForeignKey("line.id"), primary_key=True),
        sa.Column("idea", sa.String, primary_key=True),
        sa.Column("code", sa.String),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("title_it", sa.String),
        sa.Column("title_en", sa.String),
        sa.Column("summary_it", sa.String),
        sa.Column("summary_en", sa.String),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("area_name", sa.String),
        sa.Column("area_scope", sa.String),
        sa.Column("table_label", sa.String),
        sa.Column("session", sa.String),
        sa.Column("form", sa.String, nullable=False),
        sa.Column("missing", sa.Integer, nullable=False),
        sa.Column("support", sa.String),
        sa.Column("confidentiality", sa.String, nullable=False),
        sa.Column("published_at", sa.Integer),
        sa.Column("updated_at", sa.Integer, nullable=False),
        sa.Column("sought", sa.String, nullable=False),
    )
    op.create_table(
        "idea_actor",
        sa.Column("line", sa.Integer, sa.ForeignKey("line.id"), primary_key=True),
        sa.Column("idea", sa.String, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String, nullable=False),
        sa.Column("name", sa.String),
        sa.Column("sector", sa.String),
        sa.Column("role", sa.String),
        sa.Column("commitment", sa.String),
    )
    op.create_table(
        "idea_step",
        sa.Column("line", sa.Integer, sa.ForeignKey("line.id"), primary_key=True),
        sa.Column("idea", sa.String, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String, nullable=False),
        sa.Column("text_it", sa.String),
        sa.Column("text_en", sa.String),
        sa.Column("owner", sa.String),
        sa.Column("due", sa.String),
        sa.Column("status", sa.String),
    )
    op.create_table(
        "idea_obstacle",
        sa.Column("line", sa.Integer, sa.ForeignKey("line.id"), primary_key=True),
        sa.Column("idea", sa.String, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String, nullable=False),
        sa.Column("text_it", sa.String),
        sa.Column("text_en", sa.String),
        sa.Column("category", sa.String),
        sa.Column("severity", sa.Integer),
        sa.Column("overcome", sa.Integer, nullable=False),
    )
    op.create_table(
        "idea_money",
        sa.Column("line", sa.Integer, sa.ForeignKey("line.id"), primary_key=True),
        sa.Column("idea", sa.String, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String, nullable=False),
        sa.Column("source", sa.String),
        sa.Column("programme", sa.String),
        sa.Column("amount_exact", sa.String),
        sa.Column("amount_min", sa.String),
        sa.Column("amount_max", sa.String),
        sa.Column("currency", sa.String),
        sa.Column("status", sa.String),
    )
    op.create_table(
        "idea_indicator",
        sa.Column("line", sa.Integer, sa.ForeignKey("line.id"), primary_key=True),
        sa.Column("idea", sa.String, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String, nullable=False),
        sa.Column("name_it", sa.String),
        sa.Column("name_en", sa.String),
        sa.Column("type", sa.String),
        sa.Column("level", sa.String),
        sa.Column("dimension", sa.String),
        sa.Column("unit", sa.String),
        sa.Column("baseline_value", sa.String),
        sa.Column("baseline_date", sa.String),
        sa.Column("target_value", sa.String),
        sa.Column("target_date", sa.String),
        sa.Column("last_value", sa.String),
        sa.Column("last_date", sa.String),
    )
    op.create_table(
        "idea_source",
        sa.Column("line", sa.Integer, sa.ForeignKey("line.id"), primary_key=True),
        sa.Column("idea", sa.String, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("field", sa.String, nullable=False),
        sa.Column("source_kind", sa.String, nullable=False),
        sa.Column("relation", sa.String, nullable=False),
        sa.Column("session", sa.String),
        sa.Column("stage", sa.String),
        sa.Column("note", sa.String),
        sa.Column("note_group", sa.String),
        sa.Column("round", sa.String),
        sa.Column("uid", sa.String),
    )


def downgrade() -> None:
    for name in (
        "idea_source", "idea_indicator", "idea_money", "idea_obstacle", "idea_step", "idea_actor", "idea",
    ):  # fmt: skip
        op.drop_table(name)
