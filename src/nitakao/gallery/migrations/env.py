"""How alembic reaches the gallery: through the connection that `migrate.upgrade` hands it, in its transaction."""

from __future__ import annotations

from alembic import context

from nitakao.gallery.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
    transactional_ddl=False,  # the transaction is the caller's
)
context.run_migrations()
