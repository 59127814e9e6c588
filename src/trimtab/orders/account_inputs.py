"""The inputs of a plan of one account, beside its candidates; amounts in micro-units."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trimtab.candidates.candidates import Candidates
from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.account_table import Instrument
from trimtab.orders.recent_trades import Trade
from trimtab.orders.tax_lots import TaxLot


@dataclass(frozen=True)
class AccountInputs:
    """The inputs of a plan; `instruments` are in the order of the table, `cash` is without the cash flow."""

    limits: RebalancingLimits
    settings: OrderSettings
    instruments: Sequence[Instrument]
    cash: int
    cash_flow: int
    today: dt.date
    tax_lots: Mapping[str, Sequence[TaxLot]]
    trades: Sequence[Trade]

    def lots_of(self, asset: str) -> Sequence[TaxLot]:
        """The tax lots of an asset, by date and then by id."""
        return self.tax_lots.get(asset, ())

    def named(self, candidates: Candidates) -> list[Instrument]:
        """The instruments in canonical order: by asset name."""
        return [self.instruments[row] for row in candidates.order.tolist()]

    def identity(self, candidates: Candidates) -> dict[str, Any]:
        """All inputs, candidates included, as plain values by asset name."""
        rows = [self._row(candidates, row) for row in candidates.order.tolist()]
        return {
            "candidates": rows,
            "limits": self.limits.to_dict(complete=True),
            "settings": self.settings.to_dict(),
            "tax_lots": {asset: [asdict(lot) for lot in own] for asset, own in sorted(self.tax_lots.items())},
            "recent": [asdict(trade) for trade in self.trades],
            "today": self.today,
            "cash": self.cash,
            "cash_flow": self.cash_flow,
        }

    def _row(self, candidates: Candidates, row: int) -> dict[str, Any]:
        instrument = {name: value for name, value in asdict(self.instruments[row]).items() if name != "row"}
        numbers = {name: float(getattr(candidates, name)[row]) for name in ("score", "desired_weight", "volatility")}
        max_weight = float(candidates.max_weight[row])
        return {
            **instrument,
            **numbers,
            "max_weight": None if max_weight == np.inf else max_weight,
            "bucket": candidates.bucket.at(row),
            "restriction": int(candidates.restriction[row]),
        }
