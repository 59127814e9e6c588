"""Work for other processes: they import it by name, as they could not import a test."""

from __future__ import annotations

from typing import Any

import trimtab

ROWS: list[dict[str, Any]] = [
    {"asset": "A", "bucket": "Tech", "score": 0.9, "current_weight": 0.1},
    {"asset": "B", "bucket": "Bond", "score": 0.8},
    {"asset": "C", "bucket": "Tech", "score": 0.4},
]
LIMITS = trimtab.RebalancingLimits(enable_bucket_diversification=True, max_new_positions=1)


def many_weights(accounts: int) -> float:
    rows = [{**row, "account": account} for account in range(accounts) for row in ROWS]
    return float(sum(row["target_weight"] for row in trimtab.rebalance_many(rows, LIMITS).targets))


def refused(score: float) -> None:
    trimtab.rebalance([{"asset": "A", "score": score}])


def one_result() -> Any:
    return trimtab.rebalance(ROWS, LIMITS)


def append_records(job: tuple[str, int, int]) -> int:
    """Append records to a store; how many."""
    from stored_runs import draft

    from trimtab.store.sql_store import SqlStore

    place, writer, count = job
    store = SqlStore(place)
    for number in range(count):
        store.append(draft(number, account=str(writer)))
    store.close()
    return count
