"""The rules, compiled before a page needs them: on a new machine that takes a minute, and the limit on time is for work."""

from __future__ import annotations

import gc
import threading
from functools import cache

_LOCK = threading.Lock()


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


def prepare() -> None:
    """Compile the rules beside everything else."""
    threading.Thread(target=ready, daemon=True).start()
