"""Random accounts for the orders stage, from a seed: prices of every size, lots, fees, cash flows, both modes."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from cases import random_limits, random_rows
from exposure_cases import random_exposure_limits, random_exposures
from naive_orders import NANO, Instrument, Lot, Settings

from trimtab.errors import LimitsError
from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.rebalancing_limits import RebalancingLimits

MICRO = 10**6
TODAY = dt.date(2026, 3, 2)


@dataclass(frozen=True)
class OrderCase:
    """What an order list is made of; rows have no current weight."""

    rows: list[dict[str, Any]]
    instruments: dict[str, Instrument]
    limits: RebalancingLimits
    settings: Settings
    cash: int
    cash_flow: int
    exposures: list[dict[str, Any]] | None = None

    @property
    def order_settings(self) -> OrderSettings:
        """The settings as the door takes them."""
        own = self.settings
        money = {name: getattr(own, name) for name in ("min_trade_amount", "max_realized_gain")}
        fees = {name: Decimal(getattr(own, name)) / MICRO for name in ("per_order", "per_share", "minimum")}
        return OrderSettings(
            mode=own.mode,
            cash_buffer=own.cash_buffer,
            max_fee_share=own.max_fee_share,
            fees={**fees, "rate": own.rate},
            max_turnover=own.max_turnover,
            relief=own.relief,
            rate_short=own.rate_short,
            rate_long=own.rate_long,
            **{name: None if value is None else Decimal(value) / MICRO for name, value in money.items()},
        )


def random_order_case(seed: int, max_rows: int = 10, **fixed: Any) -> OrderCase:
    """An account whose holdings are worth about what the weights of a random account of the pass say."""
    rng = random.Random(seed)
    limits = random_limits(rng, on_unmet="report", max_correlation=None, **fixed)
    rows = random_rows(rng, max_rows)
    value = rng.choice([2_000, 10_000, 50_000, 1_000_000]) * MICRO
    instruments, held = {}, 0
    for row in rows:
        price = round(rng.choice([0.8, 9.5, 42.17, 180.0, 512.25, 2600.0]) * rng.uniform(0.8, 1.2), 2)
        price_micro = round(price * MICRO)
        lot = rng.choice([NANO, NANO, NANO, NANO // 100, 10 * NANO, NANO // 10_000])
        while lot * price_micro // NANO < 100:
            lot *= 10
        quantity = int(row.pop("current_weight") * value) * NANO // price_micro
        if rng.random() < 0.8:
            quantity = quantity // lot * lot
        held += quantity * price_micro // NANO
        instruments[row["asset"]] = Instrument(
            price=price_micro,
            quantity=quantity,
            lot=lot,
            min_notional=rng.choice([0, 0, 0, 50, 500]) * MICRO,
            tradable=rng.random() > 0.04,
            lots=random_lots(rng, quantity, price_micro),
        )
    cash = max(value - held, 0)
    cash_flow = rng.choice([0, 0, 0, value // 10, -value // 20, -value // 5])
    if cash + cash_flow + held <= value // 10:
        cash_flow = value // 10
    return OrderCase(rows, instruments, limits, random_settings(rng, limits), cash, cash_flow)


def with_exposures(case: OrderCase, seed: int, *, tight: bool = True) -> OrderCase:
    """The case with exposures and sound limits on them; as it is where these contradict its limits."""
    rng = random.Random(seed)
    table = random_exposures(rng, case.rows)
    try:
        limits = case.limits.replace(exposures=random_exposure_limits(rng, table, tight=tight))
    except LimitsError:
        return case
    return replace(case, limits=limits, exposures=table) if table else case


def random_lots(rng: random.Random, quantity: int, price: int) -> tuple[Lot, ...]:
    """Purchases that add up to a holding."""
    lots, left = [], quantity
    for number in range(rng.randint(1, 4)):
        part = left if number == 3 else rng.randint(0, left)
        if part:
            cost = max(1, int(part * price // NANO * rng.uniform(0.6, 1.4)))
            lots.append(Lot(f"L{number}", part, cost, TODAY - dt.timedelta(days=rng.randint(0, 800))))
        left -= part
    if left:
        lots.append(Lot("L9", left, max(1, left * price // NANO), TODAY - dt.timedelta(days=5)))
    return tuple(lots)


def random_settings(rng: random.Random, limits: RebalancingLimits) -> Settings:
    """Settings that bind, in about half of the accounts."""
    turnover = rng.choice([0.02, 0.05, 0.1, 0.3]) if rng.random() < 0.3 else None
    if turnover is not None:
        turnover = max(turnover, limits.min_position_weight)
    return Settings(
        mode=rng.choice(["full", "full", "full", "buy_only", "sell_only"]),
        cash_buffer=rng.choice([0.0025, 0.0, 0.01, 0.05]),
        min_trade_amount=rng.choice([None, None, 0, 25 * MICRO, 200 * MICRO]),
        max_fee_share=rng.choice([0.01, 0.05, 1.0]),
        per_order=rng.choice([0, 0, MICRO, 5 * MICRO]),
        per_share=rng.choice([0, 0, 5_000]),
        rate=rng.choice([0.0, 0.0, 0.0005, 0.002]),
        minimum=rng.choice([0, 0, 2 * MICRO]),
        max_turnover=turnover,
        max_realized_gain=rng.choice([0, 100 * MICRO]) if rng.random() < 0.2 else None,
        relief=rng.choice(["fifo", "lifo", "hifo", "lofo", "min_tax"]),
        rate_short=0.3,
        rate_long=0.15,
        today=TODAY,
    )


def of_case(case: OrderCase) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A case as the door takes it: rows and arguments."""
    rows, lots = [], []
    for row in case.rows:
        own = case.instruments[row["asset"]]
        numbers = {"price": own.price, "min_notional": own.min_notional}
        exact = {name: Decimal(value) / MICRO for name, value in numbers.items()}
        sizes = {"shares": Decimal(own.quantity) / NANO, "lot": Decimal(own.lot) / NANO, "tradable": own.tradable}
        rows.append({**row, **exact, **sizes})
        lots += [
            {
                "asset": row["asset"],
                "lot_id": lot.name,
                "shares": Decimal(lot.quantity) / NANO,
                "cost": Decimal(lot.cost) / MICRO,
                "acquired": lot.acquired,
            }
            for lot in own.lots
        ]
    amounts = {"cash": Decimal(case.cash) / MICRO, "cash_flow": Decimal(case.cash_flow) / MICRO}
    return rows, {
        **amounts,
        "settings": case.order_settings,
        "tax_lots": lots or None,
        "today": case.settings.today,
        "exposures": case.exposures,
    }
