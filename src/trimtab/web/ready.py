"""The rules, compiled before a page needs them: on a new machine that takes a minute, and the limit on time is for work."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from functools import cache

from trimtab.errors import SetupError

_LOCK = threading.Lock()
_PATIENCE = 1.0  # seconds that a page waits for the rules
_SCRIPT = "from trimtab.web import ready; ready.compile_exposures(); ready.compile_exposures_of_many()"
_HELD = [{"asset": "A", "score": 0.9, "shares": 30, "price": 100}]
_PARTS = [{"asset": "A", "scheme": "country", "bucket": "US"}]
_LIMITS = {"exposures": {"country": {"max_exposure": 0.05}}}


class PreparingError(SetupError):
    """The rules, or those for exposures, are still being compiled."""

    def __init__(self) -> None:
        problem = "the rules are being compiled on this computer, which happens once"
        super().__init__(problem, "wait a minute or two")


def ready() -> None:
    """Return when the rules are compiled; who comes meanwhile waits."""
    with _LOCK:
        _compile()


@cache
def _compile() -> None:
    from trimtab.data.samples import SAMPLE_CASH, sample_limits, sample_positions  # noqa: PLC0415 - loads with the rules
    from trimtab.orders.doors import plan  # noqa: PLC0415

    made = plan(sample_positions(), sample_limits(), cash=SAMPLE_CASH)
    made.result.facts()
    made.explain(made.orders[0].asset)
    gc.collect()
    gc.freeze()  # the rules stay: later collections need not walk them while someone waits


def compile_exposures() -> None:
    """Compile the rules for exposures, or load them."""
    from trimtab.limits.rebalancing_limits import RebalancingLimits  # noqa: PLC0415 - loads with the rules
    from trimtab.orders.doors import plan  # noqa: PLC0415

    made = plan(_HELD, RebalancingLimits.from_dict(_LIMITS), cash=0, exposures=_PARTS)
    made.explain("A")


def compile_exposures_of_many() -> None:
    """The same for many accounts at once."""
    from trimtab.limits.rebalancing_limits import RebalancingLimits  # noqa: PLC0415 - loads with the rules
    from trimtab.rebalancing.doors import rebalance_many  # noqa: PLC0415

    rows = [{"asset": "A", "score": 0.9, "account": account} for account in "12"]
    rebalance_many(rows, RebalancingLimits.from_dict(_LIMITS), exposures=_PARTS)


class Preparation:
    """The work that makes the rules ready beside everything else. Those for exposures take longest and few need them: they
    come last, and in a process of their own, since one that compiles holds up whatever else has yet to be loaded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self._has_rules, self._is_over = threading.Event(), threading.Event()
        self._has_rules.set()  # until `begin`
        self._is_over.set()

    def begin(self) -> None:
        """Begin, in the background."""
        self._has_rules.clear()
        self._is_over.clear()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Stop compiling."""
        with self._lock:
            self._has_rules.set()
            self._is_over.set()
            if self._process is not None:
                self._process.terminate()

    @property
    def has_rules(self) -> bool:
        """Whether the rules are ready, or are not being prepared."""
        return self._has_rules.is_set()

    def check(self, *, exposed: bool) -> None:
        """Return when the rules are ready, or are not being prepared; `exposed`: those for exposures, too.

        Raises
        ------
        PreparingError
            They take longer than a page waits.
        """
        if not (self._is_over if exposed else self._has_rules).wait(_PATIENCE):
            raise PreparingError

    def _run(self) -> None:
        try:
            ready()
            self._has_rules.set()
            if has_exposures() or self._compile_apart():
                compile_exposures()  # loads them
        finally:
            self._has_rules.set()
            self._is_over.set()

    def _compile_apart(self) -> bool:
        """Compile the rules for exposures in a process; whether they are there."""
        with self._lock:
            if self._is_over.is_set():
                return False
            command = [sys.executable, "-W", "ignore", "-c", _SCRIPT]
            # In a session of its own, Ctrl-C in the terminal ends it by `stop`, without a traceback.
            self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - ours
        return self._process.wait() == 0


def has_exposures() -> bool:
    """Whether the rules for exposures are compiled already."""
    from trimtab.kernel.accounts import rebalance_accounts  # noqa: PLC0415 - loads with the rules
    from trimtab.kernel.compilation import is_cached  # noqa: PLC0415
    from trimtab.kernel.order_block import plan_block  # noqa: PLC0415
    from trimtab.kernel.records import Exposed  # noqa: PLC0415

    return is_cached(plan_block, Exposed) and is_cached(rebalance_accounts, Exposed)


PREPARATION = Preparation()
