"""A store in SQLite or PostgreSQL. Writers go one after another, by the lock on the head of the chain."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from trimtab.errors import DamagedError, Fault, InputError
from trimtab.store import schema
from trimtab.store.connections import WRITE, engine_of, name_of, store_errors
from trimtab.store.listing import Listing, listed
from trimtab.store.migration import bring_up_to_date
from trimtab.store.record import RUNS, Draft, Head, Record, chained, digest_of
from trimtab.store.run_store import EVERY, Filter

LATEST = "latest"
_FEWEST_DIGITS = 4
_AT_ONCE = 2_000  # records read at a time
_CODEC = pa.Codec("zstd", compression_level=3)


class _Own(threading.local):
    """The state of one thread: the connection of its snapshot."""

    snapshot: sa.Connection | None = None


class SqlStore:
    """A store behind an SQLAlchemy engine. Each thread reads and writes through a connection of its own."""

    def __init__(self, place: str) -> None:
        self._name = name_of(place)
        self._engine = engine_of(place)
        self._own = _Own()
        try:
            with store_errors(self._name):
                bring_up_to_date(self._engine, self._name)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """The name of the store in messages."""
        return self._name

    def close(self) -> None:
        """Release files and connections."""
        self._engine.dispose()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Every read of this thread inside sees the store at one moment, whatever others write meanwhile."""
        options: dict[str, Any] = {"isolation_level": "REPEATABLE READ"} if self._engine.name == "postgresql" else {}
        with store_errors(self._name), self._engine.execution_options(**options).begin() as connection:
            self._own.snapshot = connection
            try:
                yield
            finally:
                self._own.snapshot = None

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        if self._own.snapshot is not None:
            with store_errors(self._name):
                yield self._own.snapshot
            return
        with store_errors(self._name), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[tuple[sa.Connection, Head]]:
        """A transaction of the only writer, with the head of the chain."""
        with store_errors(self._name), self._engine.execution_options(**WRITE).begin() as connection:
            row = connection.execute(_SELECT_HEAD.with_for_update()).one_or_none()
            if row is None:
                raise self._damaged("the head of the chain is missing")
            yield connection, Head(*row)

    def _damaged(self, problem: str) -> DamagedError:
        return DamagedError([Fault(problem, "run `trimtab verify`, and restore a copy")], f"store {self._name}")

    def append(self, draft: Draft, *, once: bool = False) -> tuple[Record, bool]:
        """Add a record with its contents, whole or not at all; `once`: unless its subject has one of its kind.

        Raises
        ------
        OutputError, LockedError, DamagedError
            The store cannot be written; nothing of the record is in it.
        """
        packed = {digest_of(content): content for content in draft.contents.values()}
        with self._writing() as (connection, head):
            if once:
                which = Filter(kinds=(draft.kind,), subject=draft.subject)
                existing = connection.execute(_select(which)).first()
                if existing is not None:
                    return _record(existing), False
            record = chained(draft, head)
            _insert(connection, record, packed)
        return record, True

    def find(self, name: str) -> Record:
        """The record whose hash begins like this; `latest` is the newest run.

        Raises
        ------
        InputError
            No record, or several.
        """
        if name == LATEST:
            newest = self.records(Filter(kinds=RUNS), newest=1)
            if not newest:
                raise self._unknown(name, "no run is stored yet; `trimtab plan` stores one")
            return newest[0]
        if len(name) < _FEWEST_DIGITS or not set(name) <= set("0123456789abcdef"):
            advice = f"give at least {_FEWEST_DIGITS} digits of an id that `trimtab runs list` shows, or latest"
            raise self._unknown(name, advice)
        column = schema.records.c.hash
        query = sa.select(schema.records).where(column >= name, column < f"{name}g").limit(5)
        with self._reading() as connection:
            rows = [_record(row) for row in connection.execute(query)]
        if not rows:
            raise self._unknown(name, "`trimtab runs list` shows the ids")
        if len(rows) > 1:
            raise self._unknown(name, f"several ids begin like this ({', '.join(row.run_id for row in rows)})")
        return rows[0]

    def _unknown(self, name: str, advice: str) -> InputError:
        return InputError([Fault("is not the id of a stored run", advice, value=name)], f"store {self._name}")

    def records(self, which: Filter = EVERY, *, newest: int | None = None) -> list[Record]:
        """Records in the order of the chain; `newest`: only this number of the last ones."""
        query = _select(which)
        if newest is not None:
            query = query.order_by(None).order_by(schema.records.c.sequence.desc()).limit(newest)
        with self._reading() as connection:
            rows = [_record(row) for row in connection.execute(query)]
        return rows if newest is None else rows[::-1]

    def listing(self, which: Filter = EVERY, *, newest: int | None = None) -> Listing:
        """The light columns of records, in the order of the chain: what a list of a hundred thousand needs."""
        query = _select(which, schema.listings)
        if newest is not None:
            query = query.order_by(None).order_by(schema.listings.c.sequence.desc()).limit(newest)
        with self._reading() as connection:
            rows = connection.execute(query).cursor.fetchall()  # plain tuples: an object a row would take longer
        return Listing(rows if newest is None else rows[::-1])

    def content(self, record: Record, name: str) -> bytes:
        """A content of a record, checked against its hash.

        Raises
        ------
        InputError
            The record has no such content, or it was pruned.
        DamagedError
            The content changed.
        """
        digest = record.digests.get(name)
        query = sa.select(schema.contents).where(schema.contents.c.digest == digest)
        with self._reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            advice = "it was pruned, or `trimtab verify` says what happened"
            raise InputError([Fault(f"{name} of run {record.run_id} is not stored", advice)], f"store {self._name}")
        content = _unpacked(row)
        if content is None:
            raise self._damaged(f"{name} of run {record.run_id} is not what was stored")
        return content

    def prune(self, draft: Draft, records: Sequence[Record]) -> Record:
        """Drop the contents of records, but not the records, and say so in a new one."""
        sequences = [record.sequence for record in records]
        with self._writing() as (connection, head):
            record = chained(draft, head)
            _insert(connection, record, {})
            for begin in range(0, len(sequences), _AT_ONCE):
                some = sequences[begin : begin + _AT_ONCE]
                connection.execute(sa.delete(schema.links).where(schema.links.c.sequence.in_(some)))
            used = sa.exists().where(schema.links.c.digest == schema.contents.c.digest)
            connection.execute(sa.delete(schema.contents).where(~used))
        return record

    def head(self) -> Head:
        """The end of the chain."""
        with self._reading() as connection:
            row = connection.execute(_SELECT_HEAD).one_or_none()
        if row is None:
            raise self._damaged("the head of the chain is missing")
        return Head(*row)

    def walk(self) -> Iterator[Record]:
        """Every record, in order, in batches that fit into memory."""
        for row in self._all(sa.select(schema.records).order_by(schema.records.c.sequence)):
            yield _record(row)

    def links(self) -> Iterable[tuple[int, str]]:
        """The sequence and the digest of every content that a record uses."""
        for row in self._all(sa.select(schema.links).order_by(schema.links.c.sequence)):
            yield row.sequence, row.digest

    def damaged_contents(self) -> tuple[list[str], set[str]]:
        """The digests of altered contents, and all digests."""
        damaged, digests = [], set()
        for row in self._all(sa.select(schema.contents)):
            digests.add(row.digest)
            if _unpacked(row) is None:
                damaged.append(row.digest)
        return damaged, digests

    def damaged_tables(self) -> list[str]:
        """Damage of the file of SQLite: pages, and indexes that do not fit their tables."""
        if self._engine.dialect.name != "sqlite":
            return []  # PostgreSQL checks its pages itself
        with self._reading() as connection:
            problems = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        return [] if list(problems) == ["ok"] else [str(text) for text in problems]

    def _all(self, query: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
        with self._reading() as connection:
            yield from connection.execution_options(yield_per=_AT_ONCE).execute(query)


_SELECT_HEAD = sa.select(schema.head.c.sequence, schema.head.c.hash)


def _select(which: Filter, table: sa.Table = schema.records) -> sa.Select[Any]:
    """The records, or the listings of them, that a filter admits."""
    column = schema.records.c
    linked = {"subject": which.subject, "limits_hash": which.limits_hash}
    conditions = [column[name] == value for name, value in linked.items() if value]
    if conditions and table is not schema.records:  # which has no such columns
        conditions = [table.c.sequence.in_(sa.select(column.sequence).where(*conditions))]
    if which.account is not None:
        conditions.append(table.c.account == which.account)
    if which.kinds:
        conditions.append(table.c.kind.in_(which.kinds))
    if which.since:
        conditions.append(table.c.time >= which.since)
    if which.until:
        conditions.append(table.c.time < which.until)
    return sa.select(table).where(*conditions).order_by(table.c.sequence)


def _record(row: sa.Row[Any]) -> Record:
    return Record(**row._mapping)  # noqa: SLF001 - the public name of a row's mapping


def _insert(connection: sa.Connection, record: Record, packed: Mapping[str, bytes]) -> None:
    """Insert a record, its listing, those of its contents that no other record has, its links, and the new head."""
    connection.execute(sa.insert(schema.records), vars(record))
    connection.execute(sa.insert(schema.listings), listed(record)._asdict())
    if packed:
        known = sa.select(schema.contents.c.digest).where(schema.contents.c.digest.in_(list(packed)))
        existing = set(connection.execute(known).scalars())
        new = [
            {"digest": digest, "size": len(content), "compressed": _CODEC.compress(content, asbytes=True)}
            for digest, content in packed.items()
            if digest not in existing
        ]
        if new:
            connection.execute(sa.insert(schema.contents), new)
        connection.execute(
            sa.insert(schema.links), [{"sequence": record.sequence, "digest": digest} for digest in packed]
        )
    connection.execute(sa.update(schema.head).values(sequence=record.sequence, hash=record.hash))


def _unpacked(row: sa.Row[Any]) -> bytes | None:
    """A content, None where it is not what its digest says."""
    try:
        content = bytes(_CODEC.decompress(row.compressed, decompressed_size=row.size, asbytes=True))
    except (OSError, ValueError, TypeError, OverflowError, MemoryError, pa.ArrowException):
        return None
    return content if digest_of(content) == row.digest else None
