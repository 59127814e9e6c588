"""The inputs of a plan of one account, beside its candidates; amounts in micro-units."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

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

    def rest(self, candidates: Candidates) -> dict[str, Any]:
        """The inputs that only an account with tax lots or trades has."""
        return rest_of(self.tax_lots, self.trades, self.today, [each.group for each in self.named(candidates)])


def rest_of(
    tax_lots: Mapping[str, Sequence[TaxLot]], trades: Sequence[Trade], today: dt.date, groups: Sequence[str]
) -> dict[str, Any]:
    """Tax lots by asset, recent trades, and the groups of the rows in canonical order, as plain values."""
    return {
        "tax_lots": {asset: [asdict(lot) for lot in own] for asset, own in sorted(tax_lots.items())},
        "recent": [asdict(trade) for trade in trades],
        "today": today,
        "groups": list(groups),
    }
