"""The inputs of a plan of one account, beside its candidates; amounts in micro-units."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
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

    def identity(self, candidates: Candidates) -> dict[str, Any]:
        """All inputs, candidates included, as plain values by asset name."""
        exposures = candidates.exposures
        return ({} if exposures is None else {"exposures": exposures.digest}) | {
            "candidates": dict(self._columns(candidates)),
            "limits": self.limits.to_dict(complete=True),
            "settings": self.settings.to_dict(),
            "tax_lots": {asset: [asdict(lot) for lot in own] for asset, own in sorted(self.tax_lots.items())},
            "recent": [asdict(trade) for trade in self.trades],
            "today": self.today,
            "cash": self.cash,
            "cash_flow": self.cash_flow,
        }

    def _columns(self, candidates: Candidates) -> Iterator[tuple[str, list[Any]]]:
        """The columns of the candidates that count, in canonical order."""
        own = self.named(candidates)
        for name in ("asset", "price", "quantity", "lot", "min_notional", "tradable", "group"):
            yield name, [getattr(each, name) for each in own]
        for name in ("score", "desired_weight", "volatility", "restriction"):
            yield name, getattr(candidates, name)[candidates.order].tolist()
        caps = candidates.max_weight[candidates.order].tolist()
        yield "max_weight", [None if cap == math.inf else cap for cap in caps]
        codes = candidates.bucket.codes[candidates.order].tolist()
        yield "bucket", [candidates.bucket.names[code] for code in codes]
