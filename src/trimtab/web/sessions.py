"""Sessions in memory: the work of each browser. Bounded; the longest idle makes room."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from trimtab.order_files.formats import OrderFile
from trimtab.orders.gates import Written
from trimtab.orders.plan import Plan
from trimtab.orders.release import Release
from trimtab.web.work import Work


@dataclass(frozen=True)
class WrittenOrders:
    """The order files that were written for one plan, and the checks that they passed."""

    release: Release
    format: str
    files: tuple[OrderFile, ...]


@dataclass
class Session:
    """The work of one browser: one request at a time changes it."""

    csrf: str
    work: Work = field(default_factory=Work)
    written: WrittenOrders | None = None
    unstored: list[Written] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _made: tuple[Work, Plan] | None = None

    def plan(self) -> Plan:
        """The plan of the work, decided once.

        Raises
        ------
        TrimtabError
            The work cannot be planned.
        """
        if self._made is None or self._made[0] is not self.work:
            self._made = self.work, self.work.inputs().decide()
        return self._made[1]

    def written_for(self, plan: Plan) -> WrittenOrders | None:
        """The order files of a plan, if they were written."""
        known = self.written
        return known if known is not None and known.release.plan.plan_id == plan.plan_id else None

    def keep(self, plan: Plan) -> None:
        """Keep a plan although the work changed, in parts that it does not depend on."""
        self._made = self.work, plan


class Sessions:
    """All sessions, by a hash of their token: the token itself is only in the cookie."""

    def __init__(self, max_sessions: int) -> None:
        self._most, self._lock = max_sessions, threading.Lock()
        self._by_hash: OrderedDict[str, Session] = OrderedDict()

    def open(self) -> tuple[str, Session]:
        """A new session and its token."""
        token, session = secrets.token_urlsafe(32), Session(secrets.token_urlsafe(32))
        with self._lock:
            self._by_hash[_hash(token)] = session
            while len(self._by_hash) > self._most:
                self._by_hash.popitem(last=False)
        return token, session

    def find(self, token: str) -> Session | None:
        """The session of a token, None for one that is unknown or was dropped."""
        with self._lock:
            session = self._by_hash.get(_hash(token))
            if session is not None:
                self._by_hash.move_to_end(_hash(token))
            return session


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
