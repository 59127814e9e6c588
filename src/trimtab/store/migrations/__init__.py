"""Migrations of the store's tables, run by Alembic; a store is brought to the newest when it is opened."""
