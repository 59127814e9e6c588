"""`plan`: a table of candidates with shares and prices in, a list of trades out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trimtab.candidates.candidates import Candidates
from trimtab.candidates.columns import COLUMNS
from trimtab.candidates.read import read
from trimtab.candidates.user_table import ReadColumns, columns_of, with_columns, without_columns
from trimtab.decimals import MICRO, NANO, decimal_of, money_of, money_text, scaled, shares_of
from trimtab.errors import Fault, InputError, listed
from trimtab.kernel import money
from trimtab.kernel.compilation import undecorated
from trimtab.kernel.order_records import PlanStatus
from trimtab.limits.gate_settings import GateSettings
from trimtab.limits.given_limits import given_limits
from trimtab.limits.order_settings import given_settings, overridden
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.account_inputs import AccountInputs
from trimtab.orders.account_table import ORDER_COLUMNS, Instrument, read_instruments
from trimtab.orders.identity import order_ids
from trimtab.orders.order import LotSold, Order, lots_sold
from trimtab.orders.plan import Plan
from trimtab.orders.plan_check import check_plan
from trimtab.orders.price_history import PriceHistory, read_price_history
from trimtab.orders.recent_trades import read_trades
from trimtab.orders.stage import DecidedPlan, check_overdrawn, check_settings, decide
from trimtab.orders.tax_lots import TaxLot, read_tax_lots
from trimtab.orders.tax_records import TaxRecords
from trimtab.orders.wash_sales import Changed, wash_sales
from trimtab.reasons import OrderReason
from trimtab.rebalancing.certified import certified
from trimtab.rebalancing.decided_pass import Pass
from trimtab.rebalancing.result import RebalanceResult
from trimtab.symbols.aliases import shipped_aliases

# Plain: two numbers are not worth compiling for in each process.
parts_of, portion = undecorated(money.parts_of), undecorated(money.portion)
_ORDER_FIELDS = ("quantity", "now", "amount", "fee", "price", "reason")
_STATUS = {status: status.name.lower() for status in PlanStatus}


def plan(
    candidates: Any,
    limits: RebalancingLimits | None = None,
    *,
    cash: Any,
    cash_flow: Any = 0,
    positions: Any = None,
    prices: Any = None,
    fx: Any = None,
    tax_lots: Any = None,
    today: dt.date | None = None,
    settings: Any = None,
    correlations: Any = None,
    exposures: Any = None,
    **changes: Any,
) -> Plan:
    """Decide what one account trades: a rebalance, in whole lots, paid from the account's own cash.

    Parameters
    ----------
    candidates
        As `rebalance` takes them, with `shares` (held now) and `price` (for one share) instead of `current_weight`; and
        optionally `currency` or `fx`, `lot` (the tradable step, default 1), `min_notional`, `tradable`, `group`.
    limits
        What the rebalance may and must do; the defaults of `RebalancingLimits` where None.
    cash, cash_flow
        Cash in the base currency, and the amount paid in (above 0) or out (below 0) before the orders.
    positions, prices
        Asset to shares, asset to price: mappings or tables, for those who keep them apart from the candidates.
    fx
        The value of one unit of each currency in the base currency. Prices in pence (GBX) count as hundredths.
    tax_lots
        The purchases that holdings are made up of: a table with `asset`, `lot_id`, `shares`, `cost` and `acquired`. Or
        `TaxRecords`: with recent trades, which warn of wash sales.
    today
        The day from which holding periods and wash sales are counted; needed with tax lots or recent trades.
    correlations, exposures
        As `rebalance` takes them.
    settings, changes
        An `OrderSettings` or a mapping of its fields, and single ones by name: `mode="buy_only"`, `fees={...}`. They take
        precedence over `limits.orders`, and `notes` says so.

    Raises
    ------
    InputError
        Unusable input: names row, column, value and what to do.
    LimitsError
        Limits or settings that are unknown, out of range, or contradict each other.

    Examples
    --------
    >>> import trimtab
    >>> plan = trimtab.plan(
    ...     [
    ...         {"asset": "AAA", "score": 0.9, "shares": 30, "price": 100},
    ...         {"asset": "BBB", "score": 0.8, "shares": 0, "price": "49.50"},
    ...     ],
    ...     cash=7000,
    ... )
    >>> [(order.side, order.shares, order.asset, order.amount) for order in plan.orders]
    [('sell', Decimal('10'), 'AAA', Decimal('1000')), ('buy', Decimal('40'), 'BBB', Decimal('1980'))]
    >>> plan.cash
    Decimal('6020')
    """
    limits = given_limits(limits)
    settings = given_settings(limits.orders, settings, changes)
    check_settings(limits, settings)
    taxes = TaxRecords.of(tax_lots)
    day = day_of_plan(today, is_needed=bool(taxes))
    notes = list(overridden(limits.orders, settings))
    columns = ReadColumns(*columns_of(candidates, (*COLUMNS, *ORDER_COLUMNS)))
    instruments = read_instruments(columns, positions=positions, prices=prices, fx=fx, notes=notes)
    shipped_aliases().check_once(each.asset for each in instruments)
    history = read_price_history(columns, prices, fx)
    needs_lots = settings.max_realized_gain is not None
    inputs = AccountInputs(
        limits.of_the_pass,
        settings,
        instruments,
        money_in(cash, "cash"),
        money_in(cash_flow, "cash_flow"),
        day,
        read_tax_lots(taxes.lots, instruments, needed=needs_lots, today=day, notes=notes),
        read_trades(taxes.recent, day),
    )
    weighed = _with_weights(columns, instruments, inputs.cash)
    table = without_columns(candidates, [name for name in columns.columns if name in ORDER_COLUMNS])
    checked = read(weighed, inputs.limits, many=False, correlations=correlations, exposures=exposures)
    made = _plan_of(table, inputs, checked, gates=limits.gates, history=history, notes=notes)
    check_plan(made, inputs, checked)
    return made


def day_of_plan(today: dt.date | None, *, is_needed: bool) -> dt.date:
    """The day from which holding periods and wash sales are counted.

    Raises
    ------
    InputError
        It is needed and missing, or not a day.
    """
    if today is None and is_needed:
        raise InputError([Fault("today is missing", "give the day that holding periods count up to (today=, --today)")])
    if today is not None and (not isinstance(today, dt.date) or isinstance(today, dt.datetime)):
        raise InputError([Fault("is not a day", "give a datetime.date", column="today", value=today)])
    return today or dt.date(1970, 1, 1)


def money_in(value: Any, name: str) -> int:
    """An amount as given, in micro-units.

    Raises
    ------
    InputError
        It is not a number.
    """
    try:
        return scaled(decimal_of(value), MICRO)
    except TypeError:
        raise InputError(
            [Fault(f"{name} is not an amount of money", "give a plain number, such as 3000.50", value=value)]
        ) from None


_SHARES_NAMES = ("quantity", "qty", "units", "positions", "holdings")


def _with_weights(columns: ReadColumns, instruments: Sequence[Instrument], cash: int) -> ReadColumns:
    """The columns of the pass: weights instead of shares, checked against the account's value."""
    check_overdrawn(instruments, cash)
    worths = [each.quantity * (each.price or 0) // NANO for each in instruments]
    total = sum(worths)
    value = max(total + cash, total, 1)
    if "current_weight" in columns.columns:
        advice = "drop it; weights follow from shares and prices"
        raise InputError([Fault("is not used by a plan", advice, column="current_weight")])
    names = columns.columns
    misnamed = [name for name in names if name.casefold() in _SHARES_NAMES and "shares" not in names]
    if misnamed:
        problem = "seems to hold the shares, but a plan reads them from 'shares'"
        raise InputError([Fault(problem, "rename or drop it", column=misnamed[0])])
    kept = {name: values for name, values in names.items() if name not in ORDER_COLUMNS}
    return ReadColumns({**kept, "current_weight": [worth / value for worth in worths]}, columns.rows)


def _plan_of(
    table: Any,
    inputs: AccountInputs,
    candidates: Candidates,
    *,
    gates: GateSettings,
    history: Mapping[str, PriceHistory],
    notes: Sequence[str],
) -> Plan:
    decided = decide(candidates, inputs)
    names = tuple(instrument.asset for instrument in inputs.named(candidates))
    account, reasons = decided.account, decided.assets["reason"].tolist()
    return Plan(
        result=_result(table, decided),
        orders=_orders(decided, inputs, names),
        reasons={name: OrderReason(reason).code for name, reason in zip(names, reasons, strict=True)},
        settings=inputs.settings,
        gate_settings=gates,
        price_history=history,
        plan_id=decided.digest.hex(),
        status=_STATUS[PlanStatus(account["status"])],
        is_settled=bool(account["is_settled"]),
        value_before=money_of(int(account["value"])),
        cash_before=money_of(int(account["cash"])),
        value=money_of(int(account["value_after"])),
        cash=money_of(int(account["cash_after"])),
        order_notes=(*notes, *_notes(inputs.instruments, decided)),
        _inputs=inputs,
        _candidates=candidates,
        _decided=decided,
        _names=names,
    )


def _notes(instruments: Sequence[Instrument], decided: DecidedPlan) -> tuple[str, ...]:
    """Notes for a reader beside the orders."""
    notes = []
    unpriced = [instrument.asset for instrument in instruments if instrument.price is None]
    if unpriced:
        notes.append(f"{listed(unpriced)} {'has' if len(unpriced) == 1 else 'have'} no price and cannot be bought")
    if not decided.account["is_settled"]:
        notes.append(
            "planned again, there may be more orders: fees move a target by a lot, or a remainder across dust_weight"
        )
    if decided.account["status"] == PlanStatus.CASH_SHORT:
        missing = -int(decided.account["cash_after"])
        notes.append(f"cash ends {money_text(missing)} below 0: too little can be sold, or a brake stopped the account")
    return tuple(notes)


def _result(table: Any, decided: DecidedPlan) -> RebalanceResult:
    """The rebalance that the plan carries out, with its certificate."""
    candidates, answer = decided.candidates, decided.candidates.in_table_order(decided.answer)
    braked = np.array([decided.is_braked], np.bool_)
    measured = certified(candidates, decided.limits, answer, braked)
    if measured.broken:
        raise measured.broken[0]
    weighted = with_columns(table, {"current_weight": candidates.current_weight})
    return RebalanceResult(Pass.of(weighted, candidates, decided.limits, answer, braked, measured))


def _orders(decided: DecidedPlan, inputs: AccountInputs, names: Sequence[str]) -> tuple[Order, ...]:
    """The orders in their order of execution, with the cash after each."""
    warned = _warned(decided, inputs)
    account, assets = decided.account, decided.assets
    cash, orders = int(account["cash"]), []
    unspent = _unspent(decided) if inputs.settings.wait_for_settlement else None
    columns = {name: assets[name].tolist() for name in _ORDER_FIELDS}
    for row, order_id in zip(decided.in_order, _ids(decided), strict=True):
        quantity, now, amount, fee = (columns[name][row] for name in ("quantity", "now", "amount", "fee"))
        change, side = now - quantity, "sell" if now < quantity else "buy"
        cash += (amount if change < 0 else -amount) - fee
        waits = change > 0 and unspent is not None and amount + fee > unspent
        if change > 0 and unspent is not None and not waits:
            unspent -= amount + fee
        orders.append(
            Order(
                asset=names[row],
                side=side,
                shares=shares_of(abs(change)),
                price=money_of(columns["price"][row]),
                amount=money_of(amount),
                fee=money_of(fee),
                closes=now == 0,
                reason=OrderReason(columns["reason"][row]).code,
                cash_after=money_of(cash),
                phase=1 if change < 0 else 3 if waits else 2,
                lots=_lots_sold(decided, row, inputs.lots_of(names[row])),
                wash_sale=names[row] in warned,
                client_order_id=order_id,
            )
        )
    return tuple(orders)


def _warned(decided: DecidedPlan, inputs: AccountInputs) -> frozenset[str]:
    """The assets whose orders may be wash sales."""
    if not inputs.tax_lots and not inputs.trades:
        return frozenset()
    changed = [
        Changed(
            row.asset,
            row.group,
            int(asset["now"]) - row.quantity,
            inputs.lots_of(row.asset),
            decided.lots[int(asset["lots_begin"]) : int(asset["lots_end"])],
        )
        for row, asset in zip(inputs.named(decided.candidates), decided.assets, strict=True)
    ]
    return wash_sales(changed, inputs.trades, inputs.today)


def _ids(decided: DecidedPlan) -> list[str]:
    """The ids of the orders in their order."""
    places = np.array(decided.in_order, np.int64)
    digest = np.frombuffer(decided.digest, np.uint8).reshape(1, -1)
    is_buy = (decided.assets["now"] > decided.assets["quantity"])[places]
    return [row.tobytes().decode() for row in order_ids(digest, np.zeros_like(places), places, is_buy)]


def _unspent(decided: DecidedPlan) -> int:
    """The cash of today that buys may use without waiting for the sells (rules, section 19)."""
    account = decided.account
    buffer: int = portion(parts_of(float(account["cash_buffer"])), int(account["value_after"]))
    return int(account["cash"]) - buffer


def _lots_sold(decided: DecidedPlan, place: int, lots: Sequence[TaxLot]) -> tuple[LotSold, ...]:
    if not lots:
        return ()
    begin = int(decided.assets[place]["lots_begin"])
    return lots_sold(lots, decided.lots[begin : begin + len(lots)])
