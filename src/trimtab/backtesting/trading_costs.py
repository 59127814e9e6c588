"""The costs of trading in a backtest."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.limits.fields import check_settings, described

_BPS = 10_000.0
_HIGHEST = 1_000.0


@dataclass(frozen=True, kw_only=True)
class TradingCosts:
    """The cost of a trade in basis points (1 = 0.01 %) of its amount. Frozen; all faults are reported at once.

    A trade of the amount m costs m * (commission_bps + spread_bps / 2 + slippage_bps) / 10,000: half of the spread on each
    side.

    Examples
    --------
    >>> TradingCosts(commission_bps=1, spread_bps=4, slippage_bps=2).rate
    0.0005
    """

    commission_bps: float = described(0.0, float, "what the broker takes", high=_HIGHEST)
    spread_bps: float = described(0.0, float, "between bid and ask; each trade pays half", high=_HIGHEST)
    slippage_bps: float = described(0.0, float, "by how much the trade moves its own price", high=_HIGHEST)

    def __post_init__(self) -> None:
        check_settings(self, source="the costs")

    @property
    def rates(self) -> dict[str, float]:
        """Each cost as a fraction of the traded amount."""
        return {
            "commission": self.commission_bps / _BPS,
            "spread": self.spread_bps / 2.0 / _BPS,
            "slippage": self.slippage_bps / _BPS,
        }

    @property
    def rate(self) -> float:
        """All of them together."""
        return (self.commission_bps + self.spread_bps / 2.0 + self.slippage_bps) / _BPS
