"""Alembic's entry: migrations run on the connection, and in the transaction, of the store that is being opened."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transactional_ddl=True)
context.run_migrations()
