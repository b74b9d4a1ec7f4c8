"""Runs alembic on the connection that `migrate.upgrade` passes, in its transaction."""

from __future__ import annotations

from alembic import context

from nitakao.gallery.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=False,  # the transaction is the caller's
)
context.run_migrations()
