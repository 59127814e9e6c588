"""The counts of a batch: sums over accounts that can be added up part by part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from trimtab.certificate.certificate import STATUSES

Tally = dict[str, int]


@dataclass(frozen=True)
class Counts:
    """The outcome of some accounts. Weights are sums over accounts of fractions of each account's value."""

    rows: int = 0
    accounts: int = 0
    failed: int = 0
    unscored: int = 0  # accounts that lack the scores for at least half of what they hold
    traded: int = 0  # accounts with a target other than the current weight
    braked: int = 0
    unmet: int = 0  # accounts with a limit that could not be met
    positions: int = 0
    held: int = 0  # positions before, dust left out
    closed: int = 0  # of these, those that end at 0
    turnover: float = 0.0
    cash: float = 0.0
    cash_forced: float = 0.0  # cash beyond the aim
    actions: Tally = field(default_factory=dict)
    reasons: Tally = field(default_factory=dict)
    size_reasons: Tally = field(default_factory=dict)
    certificate: Tally = field(default_factory=dict)  # limits by status
    unmet_causes: Tally = field(default_factory=dict)
    fully_checked: int = 0  # accounts that the screen left to the checker
    # Of plans, 0 without orders.
    orders: int = 0
    order_amount: int = 0  # micro-units: of all orders, each in the currency of its account
    ordering: int = 0  # accounts with an order
    unsettled: int = 0
    plans_checked: int = 0  # plans that the screen of orders left to the checker
    plan_statuses: Tally = field(default_factory=dict)
    order_reasons: Tally = field(default_factory=dict)  # of every candidate

    @property
    def decided(self) -> int:
        """The accounts that have targets."""
        return self.accounts - self.failed

    @property
    def mean_turnover(self) -> float:
        """The mean turnover of the accounts that have targets."""
        return self.turnover / self.decided if self.decided else 0.0

    @property
    def closed_share(self) -> float:
        """The share of held positions that would be closed."""
        return self.closed / self.held if self.held else 0.0

    @classmethod
    def total(cls, parts: Iterable[Counts]) -> Counts:
        """The sum of all parts, the same whatever their order."""
        listed = list(parts)
        totals: dict[str, Any] = {}
        for name, kind in _KINDS.items():
            values = [getattr(part, name) for part in listed]
            if kind is dict:
                totals[name] = _merged(values)
            else:
                totals[name] = math.fsum(values) if kind is float else sum(values)
        return cls(**totals)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Counts:
        """Counts as `to_dict` wrote them, also under the names of manifests of format 1."""
        return cls(**{_OLD_NAMES.get(name, name): value for name, value in values.items()})

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


_OLD_NAMES = {"checked_closely": "fully_checked"}
_KINDS = {name: type(value) for name, value in asdict(Counts()).items()}


def _merged(tallies: Iterable[Mapping[str, int]]) -> Tally:
    merged: Tally = {}
    for tally in tallies:
        for name, count in tally.items():
            merged[name] = merged.get(name, 0) + count
    ranked = [name for name in STATUSES if name in merged] + sorted(name for name in merged if name not in STATUSES)
    return {name: merged[name] for name in ranked}
