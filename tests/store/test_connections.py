"""Where a store is, and what is said when it cannot be used."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import NoSuchModuleError
from stored_runs import draft

from trimtab.errors import DamagedError, InputError, LockedError, OutputError, SetupError
from trimtab.store import connections
from trimtab.store.connections import is_postgres, name_of, place_of
from trimtab.store.sql_store import SqlStore
from trimtab.store.verification import verify


def test_the_place_is_given_or_set_or_in_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name, appauthor: tmp_path / name)
    monkeypatch.setenv("TRIMTAB_STORE", "set.db")
    assert (place_of("given.db"), place_of(None)) == ("given.db", "set.db")
    monkeypatch.delenv("TRIMTAB_STORE")
    assert place_of(None) == str(tmp_path / "trimtab" / "runs.db")


def test_a_password_is_not_shown() -> None:
    assert name_of("postgresql://ada:secret@host/runs") == "postgresql://ada:***@host/runs"
    assert (is_postgres("postgres://host/runs"), is_postgres("runs.db")) == (True, False)


def test_the_folder_is_made(tmp_path: Path) -> None:
    SqlStore(str(tmp_path / "new" / "folder" / "runs.db")).close()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be used"):
        SqlStore(str(tmp_path / "file" / "runs.db"))


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    file.write_text("asset,score\n" * 100)
    with pytest.raises(DamagedError, match="is damaged, or no store of trimtab"):
        SqlStore(str(file))


def test_a_database_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    database = sqlite3.connect(file)
    database.execute("CREATE TABLE songs (name TEXT)")
    database.close()
    with pytest.raises(InputError, match="holds other tables"):
        SqlStore(str(file))


def test_a_store_of_a_newer_version(new_place: Callable[[], str]) -> None:
    place = new_place()
    store = SqlStore(place)
    with store._writing() as (connection, _):
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(InputError, match="was made by a newer trimtab: open it with that version"):
        SqlStore(place)


def test_a_head_that_is_gone(store: SqlStore) -> None:
    with store._writing() as (connection, _):
        connection.execute(sa.text("DELETE FROM head"))
    for use in (store.head, lambda: store.append(draft(1)), lambda: verify(store)):
        with pytest.raises(DamagedError, match="the head of the chain is missing"):
            use()


def test_a_lock_that_is_held_for_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_PATIENCE", 0.05)
    file = str(tmp_path / "runs.db")
    store = SqlStore(file)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LockedError, match="another process is writing to it for too long"):
        store.append(draft(1))
    other.execute("ROLLBACK")
    other.close()
    assert store.append(draft(1))[0].sequence == 1
    store.close()


def test_a_full_disk_leaves_nothing_of_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(tmp_path / "runs.db")
    store = SqlStore(file)
    store.append(draft(1))

    def small(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA max_page_count = 30")

    sa.event.listen(store._engine, "connect", small)
    store._engine.dispose()
    with pytest.raises(OutputError, match=r"cannot be used \(database or disk is full\): check the place and the free"):
        store.append(draft(2, contents={"large": bytes(range(256)) * 4_000}, body={"large": "x" * 400_000}))
    store.close()
    again = SqlStore(file)
    assert again.head().sequence == 1
    assert verify(again).is_sound
    again.close()


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(OutputError, match="cannot be used"):
        SqlStore("postgresql://nobody@127.0.0.1:1/none")


@pytest.mark.parametrize("error", [ImportError("pg8000"), NoSuchModuleError("postgresql.pg8000")])
def test_a_missing_driver(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(connections.sa, "create_engine", refuse)
    with pytest.raises(SetupError, match=r"pip install 'trimtab\[postgres\]'"):
        SqlStore("postgresql://host/runs")


def test_two_who_make_the_store_at_once(new_place: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the first look and the lock another process has made the tables."""
    from trimtab.store import migration

    place = new_place()
    SqlStore(place).close()
    real, looks = migration._revision, iter([None])
    monkeypatch.setattr(migration, "_revision", lambda connection: next(looks, real(connection)))
    store = SqlStore(place)
    assert store.head().sequence == 0
    store.close()
