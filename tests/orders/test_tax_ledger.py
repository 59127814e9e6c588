"""Which tax lots a sell takes and what it gains, against a plain ledger; leap days and wash sales worked by hand."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from tax_ledger import Ledger, Purchase, exact, is_long_held

import trimtab
from trimtab import Order, RebalancingLimits
from trimtab.orders.tax_lots import TaxLot
from trimtab.orders.tax_records import TaxRecords

LIMITS = RebalancingLimits(max_position_weight=1.0, no_trade_band=0.0, min_trade=0.0, min_position_weight=0.0001)
RELIEFS = ("fifo", "lifo", "hifo", "lofo", "min_tax")
RATES = {"rate_short": 0.375, "rate_long": 0.125}  # exact in binary
LEAP = (dt.date(2024, 2, 28), dt.date(2024, 2, 29), dt.date(2024, 3, 1), dt.date(2025, 2, 28), dt.date(2025, 3, 1))


def sold_of(ledger: Ledger, price: Decimal, lot: Decimal, kept: float, today: dt.date, **settings: Any) -> Order | None:
    """The sell of a plan that keeps `kept` of the holding's worth; None where nothing is sold."""
    shares = sum((own.shares for own in ledger.held), Fraction(0))
    row = {"asset": "A", "score": 0.9, "price": price, "lot": lot, "max_weight": kept}
    row["shares"] = Decimal(shares.numerator) / Decimal(shares.denominator)
    lots = [
        {
            "asset": "A",
            "lot_id": own.name,
            "shares": Decimal(own.shares.numerator) / Decimal(own.shares.denominator),
            "cost": Decimal(own.cost) / 10**6,
            "acquired": own.day,
        }
        for own in ledger.held
    ]
    plan = trimtab.plan([row], LIMITS, cash=10, tax_lots=lots, today=today, relief=ledger.relief, **settings, **RATES)
    return next((order for order in plan.orders if order.side == "sell"), None)


def history(number: int) -> int:
    """Purchases and sells over some years; returns how many sells the plan and the ledger agreed on."""
    rng = random.Random(number)
    relief = RELIEFS[number % len(RELIEFS)]
    ledger = Ledger(relief, (Fraction(3, 8), Fraction(1, 8)))
    unit = Decimal("0.001") if rng.random() < 0.3 else Decimal(1)
    day, agreed, count = rng.choice((dt.date(2023, 6, 1), dt.date(2024, 2, 27))), 0, 0
    for _ in range(rng.randint(2, 4)):
        for _ in range(rng.randint(1, 3)):
            shares = rng.randint(1, 400) * unit
            each = Decimal(rng.randint(100, 30_000)) / 100
            ledger.buy(Purchase(f"L{rng.randint(0, 99):02d}-{count}", day, exact(shares), int(shares * each * 10**6)))
            count += 1
            day += dt.timedelta(days=rng.choice((0, 0, 1, 30, 200)))
        if rng.random() < 0.4:
            day = max(day, rng.choice(LEAP))
        price = Decimal(rng.randint(100, 30_000)) / 100
        fees = {"per_order": rng.choice((0, 1)), "rate": rng.choice((0.0, 0.001))}
        order = sold_of(
            ledger, price, unit, rng.choice((0.0, 0.1, 0.4, 0.8)), day, fees=fees, max_fee_share=1.0, cash_buffer=0.0
        )
        if order is None:
            continue
        proceeds = int((order.amount - order.fee) * 10**6)
        sales = ledger.sell(exact(order.shares), proceeds, exact(price * 10**6), day)
        made = [(part.lot_id, exact(part.shares), int(part.gain * 10**6)) for part in order.lots]
        assert sorted(made) == sorted((sale.name, sale.shares, sale.gain) for sale in sales), number
        agreed += 1
    assert ledger.paid == ledger.sold_cost + remaining(ledger), number
    return agreed


def remaining(ledger: Ledger) -> int:
    return sum(own.cost for own in ledger.held)


def test_a_few_histories_agree_with_the_ledger() -> None:
    assert sum(history(number) for number in range(10)) > 10


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(0, 5000, 500))
def test_five_thousand_histories_agree_with_the_ledger(first: int) -> None:
    assert sum(history(number) for number in range(first, first + 500)) > 700


@pytest.mark.parametrize(
    ("bought", "short_until"),
    [
        ((2024, 2, 28), (2025, 2, 28)),
        ((2024, 2, 29), (2025, 2, 28)),
        ((2024, 3, 1), (2025, 3, 1)),
        ((2023, 2, 28), (2024, 2, 28)),
        ((2023, 3, 1), (2024, 3, 1)),
        ((2023, 12, 31), (2024, 12, 31)),
        ((2028, 2, 29), (2029, 2, 28)),
    ],
)
def test_the_term_is_long_the_day_after_a_year(bought: tuple[int, int, int], short_until: tuple[int, int, int]) -> None:
    """A purchase of 29 February is long on 1 March: its year is over with the 28th."""
    day, last = dt.date(*bought), dt.date(*short_until)
    for today in (last, last + dt.timedelta(days=1)):
        assert TaxLot("1", 1, 1, day).is_long(today) == is_long_held(day, today) == (today > last)


def test_the_least_tax_turns_with_the_leap_day() -> None:
    """Two gains of 1,000 and 1,100 a lot of ten: the one of a year ago is taxed at an eighth, from 1 March on."""
    ledger = Ledger("min_tax", (Fraction(3, 8), Fraction(1, 8)))
    ledger.buy(Purchase("leap", dt.date(2024, 2, 29), Fraction(10), 900 * 10**6))
    ledger.buy(Purchase("new", dt.date(2024, 12, 1), Fraction(10), 1_000 * 10**6))
    taken = {}
    for today in (dt.date(2025, 2, 28), dt.date(2025, 3, 1)):
        order = sold_of(ledger, Decimal(200), Decimal(1), 0.5, today, cash_buffer=0.0)
        assert order is not None
        taken[today.day] = next(part.lot_id for part in order.lots)
    assert taken == {28: "new", 1: "leap"}


def test_lots_of_one_day_go_by_their_id() -> None:
    """Equal days and equal costs: the id decides, whatever the relief."""
    for relief in RELIEFS:
        ledger = Ledger(relief, (Fraction(3, 8), Fraction(1, 8)))
        for name in ("B", "A", "C"):
            ledger.buy(Purchase(name, dt.date(2025, 5, 5), Fraction(10), 500 * 10**6))
        order = sold_of(ledger, Decimal(60), Decimal(1), 0.5, dt.date(2026, 1, 2), cash_buffer=0.0)
        assert order is not None
        assert [(part.lot_id, part.shares) for part in order.lots] == [("A", 10), ("B", order.shares - 10)]


TODAY = dt.date(2026, 3, 31)
FIRST, BEFORE = dt.date(2026, 3, 1), dt.date(2026, 2, 28)  # the first day of the window, and the day before


def warned(lots: list[tuple[str, float, float, dt.date]], recent: list[dict[str, Any]], **kept: float) -> bool:
    """Whether the sell of A, held in these lots of (id, shares, cost, day), is warned of."""
    held = sum(shares for _, shares, _, _ in lots)
    rows = [
        {"asset": "A", "score": 0.9, "price": 10, "shares": held, "max_weight": kept.get("kept", 0.0), "group": "G"}
    ]
    named = [dict(zip(("lot_id", "shares", "cost", "acquired"), lot, strict=True), asset="A") for lot in lots]
    plan = trimtab.plan(
        rows,
        LIMITS,
        cash=10,
        tax_lots=TaxRecords(named, recent=recent or None),
        today=TODAY,
        relief="fifo",
        cash_buffer=0.0,
    )
    (order,) = plan.orders
    assert order.side == "sell"
    return order.wash_sale


OLD = dt.date(2025, 1, 2)
WASH: dict[str, tuple[list[tuple[str, float, float, dt.date]], list[dict[str, Any]], float, bool]] = {
    "a loss, and nothing bought": ([("1", 100, 1500, OLD)], [], 0.0, False),
    "a gain, and something bought": (
        [("1", 100, 500, OLD)],
        [{"group": "G", "date": FIRST, "kind": "buy"}],
        0.0,
        False,
    ),
    "a loss, and bought on the first day": (
        [("1", 100, 1500, OLD)],
        [{"group": "G", "date": FIRST, "kind": "buy"}],
        0.0,
        True,
    ),
    "a loss, and bought the day before": (
        [("1", 100, 1500, OLD)],
        [{"group": "G", "date": BEFORE, "kind": "buy"}],
        0.0,
        False,
    ),
    "a loss, and another group bought": (
        [("1", 100, 1500, OLD)],
        [{"group": "H", "date": FIRST, "kind": "buy"}],
        0.0,
        False,
    ),
    "a loss, and a new lot that stays": ([("1", 50, 900, OLD), ("2", 50, 500, FIRST)], [], 0.5, True),
    "a loss, and an old lot that stays": ([("1", 50, 900, OLD), ("2", 50, 500, BEFORE)], [], 0.5, False),
    "a loss, and the new lot goes too": ([("1", 50, 900, OLD), ("2", 50, 900, FIRST)], [], 0.0, False),
    "bought today": ([("1", 50, 900, OLD), ("2", 50, 500, TODAY)], [], 0.5, True),
}


@pytest.mark.parametrize("name", WASH)
def test_wash_sales_by_hand(name: str) -> None:
    lots, recent, kept, is_warned = WASH[name]
    assert warned(lots, recent, kept=kept) == is_warned
