"""Many accounts in one call give, to the last unit, what `plan` gives for each of them."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from many_plans import as_plan, of_one, tables
from order_cases import of_case, random_order_case

import trimtab
from trimtab import InputError, LimitsError, OrderSettings, RebalancingLimits
from trimtab.orders import identity, many
from trimtab.orders.exact_columns import priced, units_of
from trimtab.orders.tax_records import TaxRecords

Row = dict[str, Any]
ROWS: list[Row] = [
    {"account": "P1", "asset": "AAA", "score": 0.9, "shares": 30, "price": 100},
    {"account": "P1", "asset": "BBB", "score": 0.8, "shares": 0, "price": "49.50"},
    {"account": "P2", "asset": "AAA", "score": 0.9, "shares": 0, "price": 100},
]
SCHEMA = {"account": pl.String, "asset": pl.String, "score": pl.Float64, "shares": pl.Int64, "price": pl.Float64}
CASH = [{"account": "P1", "cash": 7000}, {"account": "P2", "cash": 500}]


def check(seeds: range) -> None:
    """Every account of a table against `plan`, under limits and settings of the first seed."""
    case = random_order_case(seeds.start)
    limits = case.limits.replace(buckets={}, regimes={}, regime=None, known_buckets=())
    settings = case.order_settings.replace(max_realized_gain=None, wait_for_settlement=True)
    rows, cash = tables(seeds, limits)
    random.Random(seeds.start).shuffle(rows)
    made = trimtab.plan_many(rows, limits, accounts=cash, settings=settings)
    assert made.counts.accounts == len(seeds)
    for line in cash:
        name = line["account"]
        own = of_one([row for row in rows if row["account"] == name], line, limits, settings)
        assert (as_plan(made, name) if name not in made.failed else "failed") == own, name


@pytest.mark.parametrize("first", [0, 40])
def test_each_account_as_by_plan(first: int) -> None:
    check(range(first, first + 12))


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(100, 2100, 20))
def test_more_accounts_as_by_plan(first: int) -> None:
    check(range(first, first + 20))


@pytest.mark.parametrize("kind", ["dicts", "pandas", "polars", "arrow"])
def test_every_kind_of_table(kind: str) -> None:
    rows = [{**row, "price": float(row["price"])} for row in ROWS]
    convert: dict[str, Any] = {
        "dicts": lambda row: row,
        "pandas": pd.DataFrame,
        "polars": pl.DataFrame,
        "arrow": pa.Table.from_pylist,
    }
    made = trimtab.plan_many(convert[kind](rows), accounts=convert[kind](CASH))
    listed = [(row["account"], row["side"], row["asset"], row["shares"]) for row in made.orders.to_pylist()]
    assert listed == [("P1", "sell", "AAA", 10), ("P1", "buy", "BBB", 40), ("P2", "buy", "AAA", 1)]
    assert repr(made) == "<PlanManyResult 2 accounts: 3 orders, 0 failed>"
    plan = made.plan("P1")
    assert [(order.asset, order.shares) for order in plan.orders] == [("AAA", 10), ("BBB", 40)]


def test_ids_follow_from_an_account_alone() -> None:
    """Neither the order of rows nor other accounts change them; a price, a name or the cash does."""

    def ids(rows: list[Row], cash: list[Row], **settings: Any) -> list[str]:
        made = trimtab.plan_many(rows, accounts=cash, **settings)
        return [row["client_order_id"] for row in made.orders.to_pylist() if row["account"] == "P1"]

    first = ids(ROWS, CASH)
    assert len(set(first)) == 2
    assert all(len(each) == 29 and each.startswith("tt-") for each in first)
    assert ids(ROWS[1::-1], CASH[:1]) == first
    for change in ({"price": 101}, {"score": 0.91}, {"shares": 31}):
        assert not set(ids([{**ROWS[0], **change}, ROWS[1]], CASH[:1])) & set(first)
    assert not set(ids(ROWS, [{"account": "P1", "cash": 7001}, CASH[1]])) & set(first)
    assert not set(ids(ROWS, CASH, cash_buffer=0.003)) & set(first)


def test_ids_do_not_depend_on_how_many_rows_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    many_rows = trimtab.plan_many(ROWS, accounts=CASH).orders
    monkeypatch.setattr(identity, "_CHUNK", 1)
    assert trimtab.plan_many(ROWS, accounts=CASH).orders == many_rows


FX = {"EUR": "1.1", "USD": 1, "GBP": "1.27"}


def test_accounts_in_several_currencies() -> None:
    """Prices in pence and euros, accounts in dollars, pounds and none: as `plan` with the rates in their currency."""
    rows = [
        {"account": name, "asset": asset, "score": 0.9, "shares": 10, "price": price, "currency": currency}
        for name in ("D", "P", "N")
        for asset, price, currency in (("A", "12.345678", "EUR"), ("B", 845.5, "GBX"), ("C", 7, "USD"), ("E", 7, None))
    ]
    cash = [{"account": "D", "cash": 900, "currency": "USD"}, {"account": "P", "cash": 900, "currency": "GBP"}]
    made = trimtab.plan_many(rows, accounts=[*cash, {"account": "N", "cash": 900}], fx=FX)
    for name, base in (("D", "1"), ("P", "1.27"), ("N", "1")):
        rates = {key: Decimal(value) / Decimal(base) for key, value in FX.items()}
        own = [{key: value for key, value in row.items() if key != "account"} for row in rows if row["account"] == name]
        plan = trimtab.plan(own, cash=900, fx=rates)
        orders, *_, value, after, _ = as_plan(made, name)
        assert (value, after) == (plan.value, plan.cash)
        assert [order[:3] for order in orders] == [(each.asset, each.side, each.shares) for each in plan.orders]
        assert made.plan(name).value == plan.value


FAILING: dict[str, tuple[Row, Row, str]] = {
    "no cash": ({}, {"account": "P9", "cash": 1}, "the account has no cash"),
    "a holding without a price": ({"price": None}, {}, "has no price"),
    "shares below 0": ({"shares": -1}, {}, "short positions are not supported"),
    "a lot of nothing": ({"lot": 0}, {}, "is 0"),
    "not a number": ({"price": "abc"}, {}, "is not a number"),
    "a price of 0": ({"price": 0}, {}, "is not a usable price"),
    "two currencies without rates": ({"currency": "EUR"}, {}, "prices are in EUR, USD"),
    "too rich": ({"shares": 10**9, "price": 9 * 10**8}, {}, "more than 10^12"),
    "overdrawn": ({}, {"cash": -2000}, "positions are worth"),
    "worth nothing": ({"shares": 0}, {"cash": 0}, "worth nothing"),
    "a score above 1": ({"score": 2.0}, {}, "is above 1"),
    "neither true nor false": ({"tradable": "perhaps"}, {}, "neither true nor false"),
    "one asset under two names": ({"asset": "BRK.B"}, {}, "is the same asset as"),
    "finer than a lot can be": ({"shares": "1.0000000001"}, {}, "is finer than"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_bad_account_fails_alone(name: str) -> None:
    change, cash, message = FAILING[name]
    second = {"currency": "USD"} if "currency" in change else {}
    second |= {"asset": "BRK-B"} if "asset" in change else {}
    rows = [{**ROWS[0], **change}, {**ROWS[1], "price": 49.5, **second}, {**ROWS[2], **second}]
    made = trimtab.plan_many(rows, accounts=[{**CASH[0], **cash}, CASH[1]])
    assert message in made.failed["P1"]
    assert made.accounts.column("account").to_pylist() == ["P2"]
    assert made.orders.num_rows == 1
    with pytest.raises(InputError):
        made.plan("P1")


def test_unusual_values_count_as_by_plan() -> None:
    """Decimals in text, rates by row, single precision, and flags as text are read account by account."""
    rows = [
        {
            "account": "P1",
            "asset": "A",
            "score": 0.9,
            "shares": "1,234.5",
            "price": "10.0000005",
            "lot": "0.5",
            "fx": 2,
        },
        {"account": "P1", "asset": "B", "score": 0.9, "shares": None, "price": "7", "lot": None, "fx": None},
    ]
    made = trimtab.plan_many(rows, accounts=[{"account": "P1", "cash": 20_000}])
    plan = trimtab.plan(
        [{name: value for name, value in row.items() if name != "account"} for row in rows], cash=20_000
    )
    assert as_plan(made, "P1")[3] == plan.value
    floats = pa.table({name: [row[name] for row in ROWS] for name in ("account", "asset", "score", "shares")})
    single = floats.append_column("price", pa.array([100.1, 49.5, 100.1], pa.float32()))
    made = trimtab.plan_many(single, accounts=CASH)
    assert made.accounts.column("value_before").to_pylist() == [Decimal(10_003), Decimal(500)]


def test_rates_by_row_come_before_rates_of_the_call() -> None:
    """Without currencies only the rate of the row says what a price is worth."""
    rows = [{**row, "fx": 2} for row in ROWS]
    made = trimtab.plan_many(rows, accounts=CASH, fx=FX)
    assert made.accounts.column("value_before").to_pylist() == [Decimal(13_000), Decimal(500)]
    assert made.accounts.equals(trimtab.plan_many(rows, accounts=CASH).accounts)


def test_an_account_without_cash_is_not_read_any_further() -> None:
    """Its price is no number either; the cash is what it is told first, and the other account is decided."""
    made = trimtab.plan_many([{**ROWS[0], "price": "abc"}, ROWS[2]], accounts=CASH[1:])
    assert "the account has no cash" in made.failed["P1"]
    assert "not a number" not in made.failed["P1"]
    assert made.accounts.column("account").to_pylist() == ["P2"]


def test_blocks_of_whole_accounts_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trimtab.plan_many(ROWS, accounts=CASH)
    monkeypatch.setattr(many, "_BLOCK_ROWS", 1)
    table = pa.table({"account": [row["account"] for row in ROWS]})
    assert [part.num_rows for part in many._whole_accounts(table)] == [2, 1]
    assert trimtab.plan_many(ROWS, accounts=CASH) == whole


def test_an_account_without_candidates_is_told() -> None:
    made = trimtab.plan_many(ROWS, accounts=[*CASH, {"account": "P3", "cash": 5}])
    assert "no candidates" in made.failed["P3"]


def test_limits_by_account() -> None:
    rows = [{**row, "limits_id": "small" if row["account"] == "P1" else "large"} for row in ROWS]
    limits = {"small": RebalancingLimits(max_position_weight=0.1), "large": RebalancingLimits(max_position_weight=0.9)}
    made = trimtab.plan_many(rows, limits, accounts=CASH)
    assert made.orders.column("shares").to_pylist() == [20, 20, 4]
    assert made.plan("P2").orders[0].shares == 4


def test_a_withdrawal_leaves_more_of_the_brake() -> None:
    rows = [{"account": "P1", "asset": name, "score": 0.9, "shares": 20, "price": 100} for name in "ABCDE"]
    cash = [{"account": "P1", "cash": 0, "cash_flow": -3000}]
    limits = RebalancingLimits(brake_sold_weight=0.2)
    made = trimtab.plan_many(rows, limits, accounts=cash)
    assert not made.failed
    assert made.accounts.column("status").to_pylist() == [made.plan("P1").status] == ["ok"]


REFUSED: dict[str, tuple[Any, str]] = {
    "no account": (lambda: trimtab.plan_many([{"asset": "A"}], accounts=CASH), "the column is missing"),
    "no price": (
        lambda: trimtab.plan_many([{"account": "P1", "asset": "A", "score": 0.9}], accounts=CASH),
        "the column is missing",
    ),
    "weights": (
        lambda: trimtab.plan_many([{**row, "current_weight": 0.1} for row in ROWS], accounts=CASH),
        "is not used by a plan",
    ),
    "no rows": (lambda: trimtab.plan_many(pl.DataFrame(CASH[:0], schema=SCHEMA), accounts=CASH), "no candidates"),
    "no cash": (lambda: trimtab.plan_many(ROWS, accounts=[{"account": "P1"}]), "the column is missing"),
    "cash of nobody": (lambda: trimtab.plan_many(ROWS, accounts=[{"account": "", "cash": 1}]), "is missing"),
    "missing cash": (lambda: trimtab.plan_many(ROWS, accounts=[{"account": "P1", "cash": None}]), "is missing"),
    "cash in words": (
        lambda: trimtab.plan_many(ROWS, accounts=[{"account": "P1", "cash": "much"}]),
        "accounts, row 1, column 'cash': is not a number",
    ),
    "too much cash": (lambda: trimtab.plan_many(ROWS, accounts=[{"account": "P1", "cash": 10**13}]), "too large"),
    "cash twice": (lambda: trimtab.plan_many(ROWS, accounts=[CASH[0], CASH[0]]), "is already in row 1"),
    "a mode": (lambda: trimtab.plan_many(ROWS, accounts=[{**CASH[0], "mode": "buy"}]), "is not a mode"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_tables_are_refused(name: str) -> None:
    call, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        call()


def test_bad_limits_are_refused() -> None:
    with pytest.raises(LimitsError, match="no limits are given"):
        trimtab.plan_many(ROWS, {}, accounts=CASH)
    with pytest.raises(LimitsError, match="max_realized_gain needs tax lots"):
        trimtab.plan_many(ROWS, accounts=CASH, max_realized_gain=10)


def test_doubles_count_as_their_shortest_decimal() -> None:
    """Against Python's decimals, at every size and number of places."""
    rng = random.Random(5)
    numbers = [round(rng.uniform(0, 10 ** rng.randint(0, 9)), rng.randint(0, 12)) for _ in range(5_000)]
    numbers += [0.1, 0.3, 1e-9, 123456.789012345, 4e9, float(2**52), 1e15]
    units = units_of(pa.array(numbers), 10**9, 0)
    for number, value, doubtful in zip(numbers, *(each.tolist() for each in units), strict=True):
        exact = Decimal(repr(number)) * 10**9
        assert doubtful == (exact != exact.to_integral_value() or exact > 4 * 10**18), number
        assert doubtful or value == exact


def test_a_column_of_nothing_is_the_default() -> None:
    assert np.array_equal(units_of(pa.nulls(2), 10, 3)[0], [3, 3])


def test_a_column_with_a_dictionary_counts_as_without() -> None:
    prices = pa.array([1.5, 2.25, None, 1.5])
    plain, encoded = (units_of(column, 1000, 7) for column in (prices, prices.dictionary_encode()))
    assert encoded[0].tolist() == plain[0].tolist() == [1500, 2250, 7, 1500]
    assert not encoded.doubtful.any()


def test_a_price_that_is_no_number_is_doubtful_and_a_missing_one_is_not() -> None:
    units = priced(pa.array(["2", "abc", None]), [Decimal("1.5")], np.zeros(3, np.int64), 1000)
    assert units[0].tolist() == [3000, 0, 0]
    assert units.doubtful.tolist() == [False, True, False]


LOTS: list[Row] = [
    {"account": "P1", "asset": "AAA", "lot_id": "1", "shares": 20, "cost": 2600, "acquired": "2026-01-05"},
    {"account": "P1", "asset": "AAA", "lot_id": "2", "shares": 10, "cost": 500, "acquired": "2024-03-01"},
]
TODAY = dt.date(2026, 1, 20)
LOSS = [{"account": "P2", "group": "AAA", "date": "2026-01-10", "kind": "loss_sale"}]


def lots_of_many(seeds: range) -> list[Row]:
    """Tax lots for half of the holdings of random accounts, in several purchases."""
    rows = []
    for seed in seeds:
        rng = random.Random(seed)
        for row in of_case(random_order_case(seed, bucket_separator="/"))[0]:
            held, price = Decimal(str(row["shares"])), float(row["price"] or 0)
            if held > 0 and rng.random() < 0.7:
                first = (held * rng.randint(1, 9) / 10).quantize(Decimal("0.000000001"))
                for number, shares in enumerate((first, held - first)):
                    day = TODAY - dt.timedelta(rng.choice([3, 20, 200, 700]))
                    cost = round(float(shares) * price * rng.uniform(0.5, 1.5), 2)
                    lot = {"asset": row["asset"], "lot_id": str(number), "shares": shares, "cost": cost}
                    rows += [{"account": f"P{seed:04d}", **lot, "acquired": day}] if shares > 0 else []
    return rows


def check_lots(seeds: range, settings: OrderSettings) -> int:
    """Every account as `plan` has it, with lots, gains and warnings; returns how many orders take lots."""
    limits, taken = RebalancingLimits(), 0
    rows, cash = tables(seeds, limits)
    taxes = TaxRecords(lots_of_many(seeds), recent=[{"group": "A1", "date": TODAY, "kind": "buy"}])
    made = trimtab.plan_many(rows, limits, accounts=cash, settings=settings, tax_lots=taxes, today=TODAY)
    by_account: dict[str, list[Row]] = {}
    for order in made.orders.to_pylist():
        by_account.setdefault(order["account"], []).append(order)
    for line in cash:
        name = line["account"]
        if name in made.failed:
            with pytest.raises((InputError, LimitsError)):
                made.plan(name)
            continue
        plan = made.plan(name)
        assert as_plan(made, name)[1:] == (plan.status, plan.is_settled, plan.value, plan.cash, dict(plan.reasons))
        gains = [sum((lot.gain for lot in order.lots), Decimal(0)) for order in plan.orders]
        wanted = [
            (order.asset, order.shares, order.cash_after, gain, order.wash_sale, order.client_order_id)
            for order, gain in zip(plan.orders, gains, strict=True)
        ]
        names = ("asset", "shares", "cash_after", "gain", "wash_sale", "client_order_id")
        assert [tuple(order[each] for each in names) for order in by_account.get(name, [])] == wanted
        taken += sum(bool(order.lots) for order in plan.orders)
    return taken


def test_tax_lots_as_in_a_plan() -> None:
    made = trimtab.plan_many(ROWS, accounts=CASH, tax_lots=TaxRecords(LOTS, recent=LOSS), today=TODAY, relief="hifo")
    columns = ["account", "asset", "side", "gain", "wash_sale"]
    assert made.orders.select(columns).to_pylist() == [
        {"account": "P1", "asset": "AAA", "side": "sell", "gain": Decimal(-300), "wash_sale": True},
        {"account": "P1", "asset": "BBB", "side": "buy", "gain": Decimal(0), "wash_sale": False},
        {"account": "P2", "asset": "AAA", "side": "buy", "gain": Decimal(0), "wash_sale": True},
    ]
    assert check_lots(range(12), OrderSettings(relief="min_tax", rate_short=0.4, rate_long=0.2)) > 0


@pytest.mark.thorough
@pytest.mark.parametrize("relief", ["fifo", "lifo", "hifo", "lofo", "min_tax"])
def test_tax_lots_of_many_accounts(relief: str) -> None:
    assert check_lots(range(300), OrderSettings(relief=relief, rate_short=0.4, rate_long=0.2)) > 100


def test_gains_are_limited_for_each_account() -> None:
    rows = [{**ROWS[0], "score": 0.1, "shares": 10}, *ROWS[1:]]  # AAA would be sold at a gain of 900
    lots = [{**LOTS[0], "shares": 10, "cost": 100}]
    made = trimtab.plan_many(rows, accounts=CASH, tax_lots=lots, today=TODAY, max_realized_gain=10)
    assert made.plan("P1").status == "limited"
    assert made.plan("P1").reasons["AAA"] == made.targets["order_reason"][0].as_py() == "max_realized_gain"


def test_faults_of_lots_name_account_and_row() -> None:
    short = [*LOTS[:1], {**LOTS[1], "shares": 0}]
    made = trimtab.plan_many(ROWS, accounts=CASH, tax_lots=short, today=TODAY)
    assert set(made.failed) == {"P1"} and "account 'P1'" in made.failed["P1"] and "row 2" in made.failed["P1"]
    made = trimtab.plan_many(ROWS, accounts=CASH, tax_lots=LOTS[:1], today=TODAY)
    assert "add up to 20 shares" in made.failed["P1"]
    made = trimtab.plan_many(ROWS, accounts=CASH[1:], tax_lots=LOTS[:1], today=TODAY)
    assert made.failed == {"P1": "account 'P1': the account has no cash: add it to the accounts, with its cash"}
    for arguments, message in (
        ({"tax_lots": LOTS}, "today is missing"),
        ({"tax_lots": [{**LOTS[0], "account": "P9"}], "today": TODAY}, "row 1.*the account is unknown"),
        ({"tax_lots": [{"asset": "AAA"}], "today": TODAY}, "column 'account'"),
        (
            {"tax_lots": TaxRecords(recent=[{**LOSS[0], "account": "P9"}]), "today": TODAY},
            "the account is unknown",
        ),
    ):
        with pytest.raises(InputError, match=message):
            trimtab.plan_many(ROWS, accounts=CASH, **arguments)
    with pytest.raises(LimitsError, match="needs tax lots"):
        trimtab.plan_many(ROWS, accounts=CASH, max_realized_gain=10)
