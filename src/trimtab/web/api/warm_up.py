"""The examples of the operations, decided once when the service starts: compiling takes longer than a request may."""

from __future__ import annotations

from typing import Any

from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.doors import plan
from trimtab.rebalancing.doors import rebalance, rebalance_many
from trimtab.web.api.operations import OPERATIONS

_EXAMPLES = {operation.name: operation.example for operation in OPERATIONS}


def warm_up_account() -> None:
    """Load or compile the rules for one account, and those for its orders."""
    example = _EXAMPLES["rebalance"]
    rebalance(example["candidates"], _limits(example)).to_dict()
    example = _EXAMPLES["plan"]
    plan(example["candidates"], _limits(example), cash=example["cash"])


def warm_up_many() -> None:
    """Load or compile the rules for many accounts."""
    example = _EXAMPLES["rebalance-many"]
    rebalance_many(example["candidates"], _limits(example))


def _limits(example: Any) -> RebalancingLimits:
    return RebalancingLimits.from_dict(example["limits"])
