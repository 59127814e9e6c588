"""Compiles the rules, for all workers at once: each would compile the same functions otherwise.

`python tests/compile_first.py 0`, `1` and `2` compile a part each. A run of all tests starts the first two, which take about
as long; the last, for exposures, takes longer than both, and only thorough tests need it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def compile_missing(*, thorough: bool) -> None:
    """Compile what is missing, each part in a process of its own. If one fails, the tests compile what they need, and say why."""
    parts = [0, 1] if _is_missing() else []
    if thorough and not _has_exposures():
        parts.append(2)
    command = [sys.executable, "-W", "ignore", str(Path(__file__))]
    for process in [subprocess.Popen([*command, str(part)], stdout=subprocess.DEVNULL) for part in parts]:
        process.wait()


def _is_missing() -> bool:
    """Whether machine code of the present rules is missing, apart from that for exposures."""
    from trimtab.kernel import account, accounts, backtest, backtest_many, block, order_block
    from trimtab.kernel.compilation import is_cached

    entries = (account.rebalance_account, accounts.rebalance_accounts, backtest.backtest_policy)
    more = (backtest_many.backtest_policies, block.rebalance_block, order_block.plan_block)
    return not all(map(is_cached, (*entries, *more)))


def _has_exposures() -> bool:
    from trimtab.web.ready import has_exposures

    return has_exposures()


def _accounts_and_history() -> None:
    import trimtab

    rows = [{"asset": name, "score": 0.9, "account": name} for name in "AB"]
    result = trimtab.rebalance(rows[:1])
    result.explain("A")
    trimtab.rebalance_many(rows)
    days = ("2024-01-31", "2024-02-01", "2024-02-29", "2024-03-01")
    prices = [{"date": day, "symbol": name, "close": 10.0} for day in days for name in "AB"]
    scores = [{"date": days[0], "asset": name, "score": 0.9} for name in "AB"]
    trimtab.backtest(prices, scores=scores)
    trimtab.sweep(prices, vary={"max_position_weight": [0.1, 0.5]}, scores=scores)


def _orders_and_blocks() -> None:
    import pyarrow as pa

    import trimtab
    from trimtab.blocks.decide_block import decide_block
    from trimtab.blocks.prepared_limits import PreparedLimits, votes_of

    rows = [{"asset": "A", "score": 0.9, "shares": 30, "price": 100}]
    trimtab.plan(rows, cash=7000)
    trimtab.plan_many([{**rows[0], "account": "a"}], accounts=[{"account": "a", "cash": 7000}])
    table = pa.table({"account": ["a"], "asset": ["A"], "score": [0.9]})
    decide_block(table, PreparedLimits({None: trimtab.RebalancingLimits()}, votes_of(table)))


def _exposures() -> None:
    from trimtab.web.ready import compile_exposures, compile_exposures_of_many

    compile_exposures()
    compile_exposures_of_many()


JOBS: tuple[Callable[[], None], ...] = (_accounts_and_history, _orders_and_blocks, _exposures)

if __name__ == "__main__":
    JOBS[int(sys.argv[1])]()
