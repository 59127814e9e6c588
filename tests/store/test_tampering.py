"""Whatever is changed, removed, inserted, moved or cut off in a store is found."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from stored_runs import STAMP, draft, inputs_of, stored
from thorough import mostly_thorough

from trimtab.errors import DamagedError, TrimtabError
from trimtab.store.pruning import prunable, prune
from trimtab.store.record import Head, Kind
from trimtab.store.sql_store import SqlStore
from trimtab.store.verification import require_sound, verify

Change = Callable[[sqlite3.Connection, random.Random], None]
TABLES = ("records", "listings", "contents", "links", "head")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with records of every kind."""
    file = tmp_path_factory.mktemp("sound") / "runs.db"
    store = SqlStore(str(file))
    runs = [stored(store, inputs_of(cash=3000 + number)) for number in range(3)]
    for number in range(12):
        store.append(draft(number, account="north", purpose="monthly", inputs_hash="i", limits_hash="l"))
    store.append(draft(20, kind=Kind.APPLY, subject=runs[0].hash))
    store.append(draft(21, kind=Kind.APPROVAL, limits_hash="x"))
    prune(store, prunable(store, draft(3).time), STAMP)
    store.append(draft(22, kind=Kind.EXECUTION, subject=runs[0].hash))
    assert verify(store).is_sound
    store.close()
    return file


def flip(database: sqlite3.Connection, draw: random.Random) -> None:
    """One bit of one value of one row of one table."""
    table = draw.choice(TABLES)
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
    column = draw.choice(columns)
    rows = database.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
    rowid, value = draw.choice([row for row in rows if row[1] not in ("", None)])
    if isinstance(value, float):
        new: object = value + 0.5
    elif isinstance(value, int):
        new = value ^ (1 << draw.randrange(8))
    else:
        data = bytearray(value if isinstance(value, bytes) else value.encode())
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(7)
        new = bytes(data) if isinstance(value, bytes) else data.decode(errors="replace")
    database.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?", (new, rowid))


def delete(database: sqlite3.Connection, draw: random.Random) -> None:
    table = draw.choice(TABLES)
    rowid = draw.choice(database.execute(f"SELECT rowid FROM {table}").fetchall())[0]
    database.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))


def insert(database: sqlite3.Connection, draw: random.Random) -> None:
    """A copy of a row under another key."""
    table = draw.choice(["records", "listings", "contents", "links"])
    row = list(draw.choice(database.execute(f"SELECT * FROM {table}").fetchall()))
    if table == "records":
        row[0], row[2] = 1 + max(each[0] for each in database.execute("SELECT sequence FROM records")), "f" * 64
    elif table == "listings":
        row[0] = 99
    elif table == "contents":
        row[0] = "f" * 64
    else:
        used = set(database.execute("SELECT sequence, digest FROM links").fetchall())
        free = [
            (sequence, digest)
            for (sequence,) in database.execute("SELECT sequence FROM records").fetchall()
            for (digest,) in database.execute("SELECT digest FROM contents").fetchall()
            if (sequence, digest) not in used
        ]
        row = list(draw.choice(free))
    database.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)


def swap(database: sqlite3.Connection, draw: random.Random) -> None:
    """Two records change places."""
    first, second = draw.sample([row[0] for row in database.execute("SELECT sequence FROM records")], 2)
    for old, new in ((first, -1), (second, first), (-1, second)):
        database.execute("UPDATE records SET sequence = ? WHERE sequence = ?", (new, old))


def truncate(database: sqlite3.Connection, draw: random.Random) -> None:
    """The last records with all that belongs to them."""
    last = draw.randrange(1, database.execute("SELECT max(sequence) FROM records").fetchone()[0])
    database.execute("DELETE FROM links WHERE sequence > ?", (last,))
    database.execute("DELETE FROM records WHERE sequence > ?", (last,))
    database.execute("DELETE FROM contents WHERE digest NOT IN (SELECT digest FROM links)")


CHANGES: list[Change] = [flip, delete, insert, swap, truncate]


def content_of(file: Path) -> list[str]:
    database = sqlite3.connect(file)
    lines = list(database.iterdump())
    database.close()
    return lines


def is_found(file: Path) -> bool:
    try:
        store = SqlStore(str(file))
        try:
            return not verify(store).is_sound
        finally:
            store.close()
    except TrimtabError:
        return True


@pytest.mark.parametrize("first", mostly_thorough(range(0, 1000, 50)))
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_every_change_of_the_data_is_found(sound: Path, tmp_path: Path, change: Change, first: int) -> None:
    file = tmp_path / "runs.db"
    for seed in range(first // 5, first // 5 + 10):
        shutil.copy(sound, file)
        database = sqlite3.connect(file)
        draw = random.Random(seed)
        while not database.total_changes:  # a change may meet the key of another row
            change(database, draw)
        database.commit()
        database.close()
        assert is_found(file), seed


@pytest.mark.parametrize("first", mostly_thorough(range(0, 200, 20)))
def test_flipped_bytes_of_the_file_are_found_or_change_nothing(sound: Path, tmp_path: Path, first: int) -> None:
    """Some bytes of the file are free space; a flip there leaves every record and content as before."""
    file, before = tmp_path / "runs.db", content_of(sound)
    for seed in range(first, first + 20):
        draw, data = random.Random(seed), bytearray(sound.read_bytes())
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        file.write_bytes(data)
        if not is_found(file):
            assert content_of(file) == before, seed
        for rest in tmp_path.glob("runs.db-*"):
            rest.unlink()


def test_a_file_cut_short_is_refused(sound: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    file.write_bytes(sound.read_bytes()[:20_000])
    with pytest.raises(TrimtabError, match=r"store .*runs.db"):
        verify(SqlStore(str(file)))


def test_a_chain_written_anew_is_found_by_its_exported_head(tmp_path: Path) -> None:
    """Who can write to the store can write another chain, but not the one whose head lies elsewhere."""
    original, forged = (SqlStore(str(tmp_path / name)) for name in ("a.db", "b.db"))
    for number in range(5):
        original.append(draft(number))
        forged.append(draft(number, by="Eve" if number == 2 else "Ada"))
    known = original.head()
    original.append(draft(5))
    assert verify(original, (known,)).is_sound
    assert verify(forged).is_sound
    assert verify(forged, (known,)).faults == (f"record 5 is not the one whose hash was exported ({known.hash[:12]})",)
    assert verify(original, (Head(9, known.hash),)).faults
    for store in (original, forged):
        store.close()


def test_each_fault_is_named(sound: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    shutil.copy(sound, file)
    database = sqlite3.connect(file)
    database.execute("UPDATE records SET account = 'x' WHERE sequence = 5")
    database.execute("DELETE FROM records WHERE sequence = 7")
    database.execute("UPDATE listings SET orders = 9 WHERE sequence = 1")
    database.commit()
    database.close()
    store = SqlStore(str(file))
    outcome = verify(store)
    text = "\n".join(outcome.faults)
    for part in (
        "record 5 (",
        "was changed",
        "is listed as something else",
        "record 7 is missing",
        "contents belong to a record 7",
        "record 7 is listed, but",
    ):
        assert part in text
    with pytest.raises(DamagedError, match="restore a copy"):
        require_sound(outcome, store.name)
    store.close()


@pytest.mark.parametrize("value", ["NULL", "X'00'", "1"])
def test_a_value_of_another_type_is_found(sound: Path, tmp_path: Path, value: str) -> None:
    file = tmp_path / "runs.db"
    shutil.copy(sound, file)
    database = sqlite3.connect(file)
    database.execute(f"UPDATE OR IGNORE contents SET digest = {value} WHERE rowid = 1")
    database.execute(f"UPDATE OR IGNORE records SET by = {value} WHERE rowid = 1")
    database.commit()
    database.close()
    store = SqlStore(str(file))
    if value == "X'00'":
        with pytest.raises(DamagedError, match="a value is not one that trimtab writes"):
            verify(store)
    store.close()
    assert is_found(file) or value == "NULL"  # which the table does not take


@pytest.mark.parametrize("column", ["contents", "body"])
def test_json_that_cannot_be_read_is_a_fault_not_a_crash(sound: Path, tmp_path: Path, column: str) -> None:
    file = tmp_path / "runs.db"
    shutil.copy(sound, file)
    database = sqlite3.connect(file)
    database.execute(f"UPDATE records SET {column} = ?", (json.dumps(7),))
    database.commit()
    database.close()
    assert is_found(file)
