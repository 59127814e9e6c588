"""The protocol of a store. SQLite and PostgreSQL implement it; so may anything else that passes its contract tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from trimtab.store.listing import Listing
from trimtab.store.record import Draft, Head, Record


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which records: empty fields admit all. `since` and `until` are times, ISO 8601; `until` is not included."""

    kinds: tuple[str, ...] = ()
    account: str | None = None
    subject: str = ""
    limits_hash: str = ""
    since: str = ""
    until: str = ""


EVERY = Filter()


class RunStore(Protocol):
    """Records in a chain, and their contents. Several threads may use one store at the same time."""

    @property
    def name(self) -> str:
        """The name of the store in messages."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Every read of this thread inside sees the store at one moment, whatever others write meanwhile."""
        ...

    def append(self, draft: Draft, *, once: bool = False) -> tuple[Record, bool]:
        """Add a record with its contents, whole or not at all; `once`: unless its subject has one of its kind.

        Returns the record, and whether it is new.
        """
        ...

    def find(self, name: str) -> Record:
        """The record whose hash begins like this; `latest` is the newest run."""
        ...

    def records(self, which: Filter = EVERY, *, newest: int | None = None) -> list[Record]:
        """Records in the order of the chain; `newest`: only this number of the last ones."""
        ...

    def listing(self, which: Filter = EVERY, *, newest: int | None = None) -> Listing:
        """The light columns of records, in the order of the chain: what a list of a hundred thousand needs."""
        ...

    def content(self, record: Record, name: str) -> bytes:
        """A content of a record, checked against its hash."""
        ...

    def prune(self, draft: Draft, records: Sequence[Record]) -> Record:
        """Drop the contents of records, but not the records, and say so in a new one."""
        ...

    def head(self) -> Head:
        """The end of the chain."""
        ...

    def walk(self) -> Iterator[Record]:
        """Every record, in order, in batches that fit into memory."""
        ...

    def links(self) -> Iterable[tuple[int, str]]:
        """The sequence and the digest of every content that a record uses."""
        ...

    def damaged_contents(self) -> tuple[list[str], set[str]]:
        """The digests of altered contents, and all digests."""
        ...

    def damaged_tables(self) -> list[str]:
        """Damage of the store's own files, as far as the database can tell."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
