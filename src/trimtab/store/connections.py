"""Connections to a store: its place, an engine for it, and errors of the database in words for people."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, NoSuchModuleError

from trimtab.errors import DamagedError, Fault, LockedError, OutputError, SetupError
from trimtab.files.links import followed

ENVIRONMENT = "TRIMTAB_STORE"
WRITE = {"begin": "write"}  # execution options of a transaction that writes
_POSTGRES = ("postgresql://", "postgres://")
_PATIENCE = 120.0  # seconds to wait for other writers
_BUSY = ("database is locked", "database table is locked")
_BROKEN = ("malformed", "not a database", "no such table", "no such column", "unsupported file format")


def place_of(named: str | None) -> str:
    """The place of the store: the given one, else TRIMTAB_STORE, else a file in the user's data folder."""
    from platformdirs import user_data_path  # noqa: PLC0415 - only without a place of one's own

    place = named or os.environ.get(ENVIRONMENT)
    return place or str(user_data_path("trimtab", appauthor=False) / "runs.db")


def is_postgres(place: str) -> bool:
    """Whether the place is a database of PostgreSQL."""
    return place.startswith(_POSTGRES)


def name_of(place: str) -> str:
    """The place for messages, without a password."""
    return sa.make_url(place).render_as_string(hide_password=True) if is_postgres(place) else place


def engine_of(place: str) -> sa.Engine:
    """An engine with one connection for each that is open, whose writing transactions wait for each other.

    Raises
    ------
    OutputError
        The folder of the file cannot be made, or a link of another user leads there.
    SetupError
        The driver of PostgreSQL is not installed.
    """
    if is_postgres(place):
        return _postgres_engine(place)
    try:
        file = followed(Path(place).expanduser())
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fault = Fault(f"cannot be used ({error.strerror})", "name another place with --store")
        raise OutputError([fault], f"store {place}") from None
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(file)),
        connect_args={"timeout": _PATIENCE, "isolation_level": None, "check_same_thread": False},
        max_overflow=-1,  # every thread gets a connection
    )
    sa.event.listen(engine, "connect", _set_up)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _postgres_engine(place: str) -> sa.Engine:
    url = sa.make_url(place).set(drivername="postgresql+pg8000")
    try:
        return sa.create_engine(url, max_overflow=-1)
    except (ImportError, NoSuchModuleError):
        raise SetupError("PostgreSQL needs pg8000", "install it with: pip install 'trimtab[postgres]'") from None


def _set_up(connection: Any, _record: Any) -> None:
    """Durable and checked: a commit is on the disk, and no record can point at nothing."""
    for setting in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: sa.Connection) -> None:
    """A transaction that writes takes the lock at once: none fails because another one was faster."""
    writes = connection.get_execution_options().get("begin") == "write"
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def store_errors(name: str) -> Iterator[None]:
    """Errors of the database as errors for people.

    Raises
    ------
    LockedError, DamagedError, OutputError
        Another process keeps the store locked; it is damaged; it cannot be reached or written.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:  # SQLite's own: from the settings of a new connection
        reason, source = str(getattr(error, "orig", error)).strip().partition("\n")[0], f"store {name}"
        if any(text in reason for text in _BUSY):
            fault = Fault("another process is writing to it for too long", "end that process, or wait and try again")
            raise LockedError([fault], source) from None
        if isinstance(error, IntegrityError) or any(text in reason for text in _BROKEN):
            fault = Fault(f"is damaged, or no store of trimtab ({reason})", "restore it from a copy")
            raise DamagedError([fault], source) from None
        advice = "check the place and the free space, or run with --no-store"
        raise OutputError([Fault(f"cannot be used ({reason})", advice)], source) from None
