"""A store brought to the newest tables when it is opened; one from a newer trimtab is refused."""

from __future__ import annotations

import sqlalchemy as sa

from trimtab.errors import Fault, InputError
from trimtab.store.connections import WRITE
from trimtab.store.schema import REVISION

_LOCK = 7_243_911_502  # any number: of those who make the tables in PostgreSQL, one goes first


def bring_up_to_date(engine: sa.Engine, name: str) -> None:
    """Make or migrate the tables, whole or not at all; several processes may do so at once.

    Raises
    ------
    InputError
        A newer trimtab made the store, or the database holds something else.
    """
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            _write_ahead(connection)
        if _revision(connection) == REVISION:
            return
    with engine.execution_options(**WRITE).begin() as connection:
        if engine.dialect.name != "sqlite":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        revision = _revision(connection)
        if revision == REVISION:
            return
        if revision is None and sa.inspect(connection).get_table_names():
            raise InputError([Fault("holds other tables", "name an empty database, or a new file")], f"store {name}")
        _upgrade(connection, name)


def _write_ahead(connection: sa.Connection) -> None:
    """Readers and a writer at once. The change of mode needs the file alone, so it is not repeated."""
    raw = connection.connection.dbapi_connection
    assert raw is not None  # noqa: S101 - an open connection has one
    if raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        raw.execute("BEGIN IMMEDIATE").connection.execute("COMMIT")
        raw.execute("PRAGMA journal_mode=WAL")


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    value = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if value is None else str(value)


def _upgrade(connection: sa.Connection, name: str) -> None:
    from alembic import command  # noqa: PLC0415 - only a new or an old store needs it
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "trimtab.store:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        advice = "open it with that version, or name another store"
        raise InputError([Fault("was made by a newer trimtab", advice)], f"store {name}") from None
