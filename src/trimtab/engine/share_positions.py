"""Positions in shares, for an engine whose result is a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trimtab.candidates.correlations import Correlations
from trimtab.candidates.equality import compared_by_value
from trimtab.decimals import NANO
from trimtab.errors import Fault, InputError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.account_table import ORDER_COLUMNS, read_instruments
from trimtab.orders.doors import money_in, plan
from trimtab.orders.plan import Plan


@compared_by_value
@dataclass(frozen=True, eq=False)
class SharePositions:
    """Positions in shares, with the cash beside them. Given as `current_positions`, the run has a `plan`.

    Parameters
    ----------
    shares
        Asset to the shares held.
    prices
        Asset to the price of a share: of every holding, and of what may be bought. An asset without a price is not bought.
    cash, cash_flow
        As `trimtab.plan` takes them.
    columns
        Asset to more columns of `trimtab.plan`, such as `lot` and `currency`.
    fx, settings
        As `trimtab.plan` takes them.

    Examples
    --------
    >>> positions = SharePositions({"AAA": 3}, {"AAA": 100, "BBB": 50}, cash=700)
    >>> positions.weights()
    {'AAA': 0.3}
    """

    shares: Mapping[str, Any]
    prices: Mapping[str, Any]
    cash: Any
    cash_flow: Any = 0
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fx: Any = None
    settings: Any = None

    def weights(self) -> dict[str, float]:
        """The weight of each holding, as `trimtab.plan` sees it.

        Raises
        ------
        InputError
            A holding without a price, or a number that cannot be used.
        """
        rows = [self._row({"asset": asset}) for asset in self.shares]
        held = read_instruments(rows, fx=self.fx) if rows else []
        worth = {each.asset: each.quantity * (each.price or 0) // NANO for each in held if each.quantity}
        total = sum(worth.values())
        value = max(total + money_in(self.cash, "cash"), total, 1)
        return {asset: amount / value for asset, amount in worth.items()}

    def plan(
        self,
        rows: list[dict[str, Any]],
        limits: RebalancingLimits,
        correlations: Correlations | None = None,
        exposures: Any = None,
    ) -> Plan:
        """The plan for a table of candidates with weights.

        Raises
        ------
        InputError, LimitsError
            As `trimtab.plan`.
        """
        weightless = [{name: value for name, value in row.items() if name != "current_weight"} for row in rows]
        return plan(
            [self._row(row) for row in weightless],
            limits,
            cash=self.cash,
            cash_flow=self.cash_flow,
            fx=self.fx,
            settings=self.settings,
            correlations=correlations,
            exposures=exposures,
        )

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        asset = row["asset"]
        more = self.columns.get(asset, {})
        for name in more:
            if name not in ORDER_COLUMNS or name in ("shares", "price"):
                raise InputError([Fault("is not a column of a plan", "see `trimtab.plan`", column=name, value=asset)])
        return {**row, "shares": self.shares.get(asset, 0), "price": self.prices.get(asset), **more}
