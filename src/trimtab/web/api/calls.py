"""One call of the service and its answer, as the operations see them: no HTTP in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.limits.regimes import laid_over
from trimtab.store.connections import place_of
from trimtab.store.sql_store import SqlStore
from trimtab.web.api.members import Body
from trimtab.web.api.metrics import Metrics
from trimtab.web.api.problems import ApiError, Problem
from trimtab.web.service import Service


class KeptStore:
    """The store of runs: opened at the first call that needs it, and open until the service stops."""

    def __init__(self, service: Service) -> None:
        self._service, self._lock = service, threading.Lock()
        self._store: SqlStore | None = None

    def opened(self) -> SqlStore:
        """The store.

        Raises
        ------
        ApiError
            The service stores no runs.
        """
        if not self._service.stores:
            problem = Problem(409, "conflict", "this service stores no runs: start it without --no-store")
            raise ApiError(problem)
        with self._lock:
            if self._store is None:
                self._store = SqlStore(place_of(self._service.store))
            return self._store

    def close(self) -> None:
        """Release files and connections."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None


@dataclass(frozen=True)
class Call:
    """One call: its body, the parts of its address, and the key that makes it safe to repeat."""

    service: Service
    kept: KeptStore
    metrics: Metrics
    body: Body = field(default_factory=Body)
    query: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, Any] = field(default_factory=dict)
    operation: str = ""
    key: str | None = None
    digest: str = ""  # of the body

    @cached_property
    def limits(self) -> RebalancingLimits:
        """The limits of the body: those of a preset or the defaults, with single fields changed.

        Raises
        ------
        LimitsError
            Limits that cannot be used.
        """
        return limits_of(self.body)


@dataclass(frozen=True)
class Answer:
    """An answer: a document, and a table for those who want one instead of the document's rows."""

    document: Any
    table: Callable[[], pa.Table] | None = None
    without: tuple[str, ...] = ()  # parts of the document that the table replaces
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"  # of text; other documents are JSON

    @property
    def beside_table(self) -> dict[str, Any]:
        """The document without the rows that are in the table."""
        return {name: value for name, value in self.document.items() if name not in self.without}


def limits_of(body: Body) -> RebalancingLimits:
    """The limits that a body names.

    Raises
    ------
    LimitsError
        Limits that cannot be used.
    """
    preset, changes = body.get("preset"), body.get("limits", {})
    if preset is None:
        return RebalancingLimits.from_dict(changes, "limits")
    base = RebalancingLimits.preset(preset)
    return RebalancingLimits.from_dict(laid_over(base.to_dict(), changes), "limits") if changes else base
