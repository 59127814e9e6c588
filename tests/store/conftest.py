"""Stores for tests: a file of SQLite, and a database of a PostgreSQL server that starts with the first test of it."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import postgres
import pytest
import sqlalchemy as sa

from trimtab.store.sql_store import SqlStore

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a running PostgreSQL server."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL 15 or later is not installed: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="trimtab-pg-") as folder, postgres.server(Path(folder)) as address:
        yield address


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Places of empty stores."""
    if request.param == "sqlite":
        return lambda: str(tmp_path / f"runs-{next(_NUMBERS)}.db")
    address = request.getfixturevalue("postgres_server")

    def database() -> str:
        """The only database, emptied: quicker than a new one."""
        engine = sa.create_engine(f"{address.replace(':', '+pg8000:', 1)}/postgres")
        with engine.begin() as connection:
            connection.execute(sa.text("DROP SCHEMA public CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA public"))
        engine.dispose()
        return f"{address}/postgres"

    return database


@pytest.fixture
def place(new_place: Callable[[], str]) -> str:
    """The place of an empty store."""
    return new_place()


@pytest.fixture
def store(place: str) -> Iterator[SqlStore]:
    """An empty store."""
    opened = SqlStore(place)
    yield opened
    opened.close()
