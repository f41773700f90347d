"""Alembic's entry: migrates over the connection that `bring_up` hands in, never one of its own."""

from alembic import context
from sqlmodel import SQLModel

from server.storage import schema  # noqa: F401  (its tables fill the metadata)

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
