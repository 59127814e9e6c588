"""Sessions in memory: the work of each browser. Bounded; the longest idle makes room."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.order_files.formats import OrderFile
from trimtab.orders.gates import Written
from trimtab.orders.plan import Plan
from trimtab.orders.release import Release
from trimtab.store.plan_inputs import PlanInputs
from trimtab.web.ready import PREPARATION
from trimtab.web.study import Study
from trimtab.web.work import Answers, Files, Work


@dataclass(frozen=True)
class WrittenOrders:
    """The order files that were written for one plan, and the checks that they passed."""

    release: Release
    format: str
    files: tuple[OrderFile, ...]
    run: str | None = None  # in the store


@dataclass
class Session:
    """The work of one browser: one request at a time changes it."""

    csrf: str
    work: Work = field(default_factory=Work)
    written: WrittenOrders | None = None
    unstored: list[Written] = field(default_factory=list)
    studies: list[Study] = field(default_factory=list)
    has_keys: bool = True  # single keys act (WCAG 2.1.4: they can be turned off)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _made: tuple[Work, Plan] | None = None
    _read: tuple[Files, Answers, PlanInputs] | None = None

    def plan(self) -> Plan:
        """The plan of the work, decided once.

        Raises
        ------
        TrimtabError
            The work cannot be planned.
        """
        if self._made is None or self._made[0] is not self.work:
            self._made = self.work, self.decide()
        return self._made[1]

    def decide(self, limits: RebalancingLimits | None = None) -> Plan:
        """A plan with other limits, or with those of the work.

        Raises
        ------
        TrimtabError
            It cannot be planned, or not yet.
        """
        inputs = self.inputs(limits)
        PREPARATION.check(exposed=inputs.is_exposed)
        return inputs.decide()

    def inputs(self, limits: RebalancingLimits | None = None) -> PlanInputs:
        """The inputs of the plan, or of one with other limits; files are read once for all limits.

        Raises
        ------
        InputError
            Files that do not fit together, or leave something open.
        """
        work, known = self.work, self._read
        if known is None or known[0] is not work.files or known[1] is not work.answers:
            known = self._read = work.files, work.answers, work.inputs()
        chosen = work.limits if limits is None else limits
        return replace(known[2], limits=chosen, settings=chosen.orders)

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
