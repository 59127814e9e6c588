"""A store that an earlier version wrote opens in this one: with its records, its chain, its contents and its replays.

Each file in `fixtures/` was written by a version whose newest migration has that name. Never write one again: add a file
for each new migration.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from stored_runs import STAMP, draft

from trimtab.store import schema
from trimtab.store.plan_runs import PLAN, inputs_of
from trimtab.store.record import Kind
from trimtab.store.replay import replay
from trimtab.store.run_store import Filter
from trimtab.store.sql_store import SqlStore
from trimtab.store.verification import verify

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.db"))


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.stem)
def test_a_store_of_an_earlier_version_opens(fixture: Path, tmp_path: Path) -> None:
    file = shutil.copy(fixture, tmp_path / "runs.db")
    store = SqlStore(str(file))
    assert verify(store).faults == ()
    plans = store.records(Filter(kinds=(Kind.PLAN,)))
    assert [record.by for record in plans] == ["Ada", "Grace"]
    assert inputs_of(store, plans[0]).candidates.num_rows == 5
    assert store.content(plans[0], PLAN).startswith(b"{")
    assert replay(store, plans[0], plans[0].version).outcome in ("same", "rules_changed")
    assert [record.kind for record in store.walk()] == ["approval", "plan", "apply", "plan"]
    assert [listed.status for listed in store.listing()] == [None, "ok", None, "ok"]
    store.append(draft(1))
    assert verify(store).is_sound
    store.close()


@pytest.mark.parametrize("body", ["7", "no JSON", '{"status": ["x"], "orders": "5", "turnover": null}'])
def test_a_damaged_body_is_migrated_and_found(body: str, tmp_path: Path) -> None:
    file = shutil.copy(FIXTURES[0], tmp_path / "runs.db")
    database = sqlite3.connect(file)
    database.execute("UPDATE records SET body = ? WHERE sequence = 2", (body,))
    database.commit()
    database.close()
    store = SqlStore(str(file))
    assert store.listing()[1].status is None
    assert verify(store).faults[0].endswith("was changed: its hash does not fit")
    store.close()


def test_there_is_a_fixture_for_each_migration() -> None:
    migrations = Path(schema.__file__).parent / "migrations" / "versions"
    assert len(FIXTURES) == len([path for path in migrations.glob("*.py") if path.stem != "__init__"])


def test_the_migrations_make_the_tables_of_the_schema(store: SqlStore) -> None:
    with store._reading() as connection:
        context = MigrationContext.configure(connection)
        differences = [
            difference
            for difference in compare_metadata(context, schema.metadata)
            if not (isinstance(difference, tuple) and difference[0] == "remove_table")
        ]
        tables = set(sa.inspect(connection).get_table_names())
    assert differences == []
    assert tables == {*schema.metadata.tables, "alembic_version"}


def test_the_stamp_of_a_record_is_that_of_the_running_rules() -> None:
    assert STAMP.draft(Kind.PLAN).rules == STAMP.draft(Kind.BATCH).rules != ""
