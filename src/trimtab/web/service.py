"""The facts of a running service: its address, its key, its bounds, and where runs are stored."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from trimtab.store.connections import place_of
from trimtab.store.plan_runs import Stamp
from trimtab.store.sql_store import SqlStore
from trimtab.web.audit import AuditLog


@dataclass(frozen=True)
class Bounds:
    """The most that a request may bring, and how long it may take."""

    body: int = 20 * 2**20
    rows: int = 20_000
    columns: int = 200
    accounts: int = 1_000
    rows_of_many: int = 200_000
    fields: int = 50_000
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    reading_seconds: float = 30.0
    seconds: float = 60.0
    sessions: int = 16


@dataclass(frozen=True, kw_only=True)
class Service:
    """The facts of one running service. `hosts` are the values of the header Host that it answers to."""

    key: str
    port: int
    hosts: frozenset[str]
    version: str
    store: str | None = None  # None: runs are not stored
    stores: bool = True
    by: str = ""
    bounds: Bounds = Bounds()
    audit: AuditLog = field(default_factory=AuditLog)

    @property
    def cookie(self) -> str:
        """The name of the session cookie: cookies do not tell ports apart, so the name does."""
        return f"trimtab-{self.port}"

    def stamp(self, purpose: str = "") -> Stamp:
        """Who writes, and when."""
        return Stamp(dt.datetime.now().astimezone(), self.version, self.by, purpose)

    @contextlib.contextmanager
    def opened_store(self) -> Iterator[SqlStore]:
        """The store of runs, made if it is new."""
        store = SqlStore(place_of(self.store))
        try:
            yield store
        finally:
            store.close()


def local_hosts(port: int) -> frozenset[str]:
    """The hosts of a service on this computer alone."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
