"""The options of `backtest` and `sweep`; help and defaults of the settings come from their described fields."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from trimtab.backtesting.settings import BacktestSettings
from trimtab.backtesting.trading_costs import TradingCosts
from trimtab.cli.options import Accept, Classification, Fundamentals, Membership, RequiredPrices, option

Scores = Annotated[
    Path | None, option("FILE", "date, asset, score: the latest up to each day count. Default: scored from the prices.")
]
_DOCS = {field.name: field.metadata["doc"] for owner in (BacktestSettings, TradingCosts) for field in dataclasses.fields(owner)}  # fmt: skip


def _option(field: str, metavar: str, *names: str) -> Any:
    """The option of a field of `BacktestSettings` or `TradingCosts`."""
    sentence = _DOCS[field]
    return option(metavar, f"{sentence[0].upper()}{sentence[1:]}.", *names)


@dataclass(frozen=True)
class BacktestOptions:
    """The data and the settings of a backtest."""

    prices: RequiredPrices
    scores: Scores = None
    fundamentals: Fundamentals = None
    classification: Classification = None
    membership: Membership = None
    accept: Accept = None
    start: Annotated[str | None, _option("start", "DATE", "--from")] = None
    end: Annotated[str | None, _option("end", "DATE", "--to")] = None
    every: Annotated[str, _option("every", "PERIOD")] = str(BacktestSettings.every)
    drift: Annotated[float | None, _option("drift", "FRACTION")] = BacktestSettings.drift
    trade_at: Annotated[str, _option("trade_at", "TIME")] = BacktestSettings.trade_at
    commission_bps: Annotated[float, _option("commission_bps", "BPS")] = TradingCosts.commission_bps
    spread_bps: Annotated[float, _option("spread_bps", "BPS")] = TradingCosts.spread_bps
    slippage_bps: Annotated[float, _option("slippage_bps", "BPS")] = TradingCosts.slippage_bps
    cash_rate: Annotated[float, _option("cash_rate", "FRACTION")] = BacktestSettings.cash_rate
    gone_after: Annotated[int, _option("gone_after", "SESSIONS")] = BacktestSettings.gone_after
    start_value: Annotated[str | None, _option("start_value", "AMOUNT")] = None
    lots: Annotated[
        Path | None, option("FILE", "With --start-value: asset and lot, the tradable step. Default: 1 share.")
    ] = None
    exposures: Annotated[
        Path | None, option("FILE", "asset, scheme, bucket and perhaps fraction, known_on: for limits of exposures.")
    ] = None
    sessions_per_year: Annotated[int | None, _option("sessions_per_year", "COUNT")] = BacktestSettings.sessions_per_year

    @property
    def files(self) -> tuple[Path, ...]:
        """The input files."""
        named = (
            self.prices,
            self.scores,
            self.fundamentals,
            self.classification,
            self.membership,
            self.lots,
            self.exposures,
        )
        return tuple(path for path in named if path is not None)

    def arguments(self) -> dict[str, Any]:
        """The arguments of `trimtab.backtest` and `trimtab.sweep` apart from prices and limits."""
        from trimtab.cli.market_inputs import accepted

        own = ("prices", "accept", "lots", "exposures")
        options = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in own}
        costs = {field.name: options.pop(field.name) for field in dataclasses.fields(TradingCosts)}
        lots = None if self.lots is None else _lots(self.lots)
        tables = {"lots": lots, "exposures": None if self.exposures is None else _exposures(self.exposures)}
        return {**options, "accepted": accepted(self.accept) or None, "costs": TradingCosts(**costs), **tables}


def _lots(path: Path) -> dict[str, Decimal]:
    """The lot of each asset in a file."""
    from trimtab.cli.broker_inputs import number_column
    from trimtab.files.candidate_file import read_candidate_file

    file = read_candidate_file(path)
    return number_column(file.table, "lot", file.source)


def _exposures(path: Path) -> Any:
    """The table of exposures in a file."""
    from trimtab.files.candidate_file import read_candidate_file

    return read_candidate_file(path).table
