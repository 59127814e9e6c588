"""Orders of many accounts in one table: `plan` for each of them, in one call."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.blocks.arrow_columns import LIMITS_ID
from trimtab.blocks.counts import Counts
from trimtab.blocks.prepared_limits import votes_of
from trimtab.candidates.arrow_values import arrow_of
from trimtab.candidates.columns import COLUMNS
from trimtab.candidates.correlations import Correlations, correlations_of
from trimtab.candidates.equality import compared_by_value
from trimtab.candidates.exposures import Exposures, exposures_of
from trimtab.candidates.user_table import columns_of
from trimtab.decimals import decimal_of, money_of
from trimtab.errors import Fault, InputError, LimitsError, nearest
from trimtab.kernel.order_records import OrderMode
from trimtab.limits.given_limits import given_limits
from trimtab.limits.order_settings import OrderSettings, given_settings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.account_table import ORDER_COLUMNS
from trimtab.orders.cash_table import CashTable, read_cash
from trimtab.orders.decide_orders import OrderRules, Rates, check_order_columns, rates_for
from trimtab.orders.doors import day_of_plan, plan
from trimtab.orders.lots_by_account import LotsByAccount, read_lots_by_account
from trimtab.orders.plan import Plan
from trimtab.orders.planned_block import PlannedBlock, plan_accounts
from trimtab.orders.tax_records import TaxRecords

_KNOWN = (*COLUMNS, LIMITS_ID, *ORDER_COLUMNS)
_NUMBERS = ("score", "max_weight", "desired_weight", "volatility", "shares", "price", "fx", "lot", "min_notional")
_BLOCK_ROWS = 100_000


class AccountMoney(NamedTuple):
    """The arguments of `plan` that one of many accounts has for itself."""

    cash: Decimal
    cash_flow: Decimal
    fx: Rates | None
    settings: OrderSettings
    tax_lots: TaxRecords | None = None
    today: dt.date | None = None

    @classmethod
    def of(cls, table: CashTable, place: int, settings: OrderSettings, fx: Rates | None) -> AccountMoney:
        """Those of the account at this place, under settings and rates that all accounts share."""
        mode = int(table.mode[place])
        own = settings if mode < 0 else settings.replace(mode=OrderMode(mode).name.lower())
        cash, cash_flow = money_of(int(table.cash[place])), money_of(int(table.cash_flow[place]))
        return cls(cash, cash_flow, rates_for(fx, table.currency[place]), own)


@compared_by_value
@dataclass(frozen=True, eq=False)
class PlanManyResult:
    """The orders of many accounts; a bad account is here as failed, beside the good ones.

    Arrow tables. `orders`: a row for each order, account after account, in the order of execution. `accounts`: a row for each
    good account with status, value, cash and fees. `targets`: the rebalance behind the orders, with `target_shares` and
    `order_reason` of every candidate.
    """

    orders: pa.Table  # with tax lots or recent trades, also `gain` and `wash_sale`
    accounts: pa.Table
    targets: pa.Table
    failed: Mapping[Any, str]  # the reason, by account
    counts: Counts
    _table: pa.Table
    _cash: CashTable
    _rules: OrderRules
    _limits: Mapping[str | None, RebalancingLimits]

    def __repr__(self) -> str:
        return (
            f"<PlanManyResult {self.counts.accounts:,} accounts: {self.counts.orders:,} orders, "
            f"{self.counts.failed:,} failed>"
        )

    def plan(self, account: Any) -> Plan:
        """The plan of one account as `trimtab.plan` gives it, with its explanations.

        Raises
        ------
        InputError
            The account failed, or is not in the table.
        """
        rows = self._table.filter(pc.equal(self._table.column("account"), account))
        if not rows.num_rows or account not in self._cash.place:
            advice = nearest(str(account), [str(name) for name in self._cash.place])
            raise InputError([Fault("the account is not in both tables", advice, column="account", value=account)])
        lots = self._rules.lots
        own = AccountMoney.of(self._cash, self._cash.place[account], self._rules.settings, self._rules.fx)
        return plan(
            rows.drop_columns([name for name in (LIMITS_ID,) if name in rows.column_names]),
            self._limits[rows.column(LIMITS_ID)[0].as_py() if None not in self._limits else None],
            correlations=self._rules.limits.correlations,
            exposures=self._rules.limits.exposures,
            **(own if lots is None else own._replace(**lots.arguments(account)))._asdict(),
        )


def plan_many(
    candidates: Any,
    limits: RebalancingLimits | Mapping[str, RebalancingLimits] | None = None,
    *,
    accounts: Any,
    fx: Mapping[str, Any] | None = None,
    tax_lots: Any = None,
    today: dt.date | None = None,
    settings: Any = None,
    correlations: Any = None,
    exposures: Any = None,
    **changes: Any,
) -> PlanManyResult:
    """Decide the orders of all accounts of a table, on all cores: the same, to the last unit, as `plan` for each of them.

    Parameters
    ----------
    candidates
        As `plan` takes them, with a column `account`.
    limits
        The same for all accounts, or several by name, one of which each account names in the column `limits_id`.
    accounts
        A table with `account`, `cash`, and optionally `cash_flow`, `mode` (else that of the settings) and `currency`, the
        currency that an account is counted in.
    fx
        What one unit of each currency is worth, in any one currency.
    tax_lots, today
        As `plan` takes them, with a column `account`; recent trades without an account count for all of them.
    settings, changes
        As `plan` takes them.
    correlations, exposures
        As `rebalance_many` takes them.

    Raises
    ------
    InputError
        A table as a whole cannot be read; a wrong row of exposures.
    LimitsError
        Limits or settings that are unknown, out of range, or contradict each other.

    Examples
    --------
    >>> import trimtab
    >>> rows = [
    ...     {"account": "P1", "asset": "AAA", "score": 0.9, "shares": 30, "price": 100},
    ...     {"account": "P2", "asset": "AAA", "score": 0.9, "shares": 0, "price": 100},
    ... ]
    >>> made = trimtab.plan_many(rows, accounts=[{"account": "P1", "cash": 7000}, {"account": "P2", "cash": 500}])
    >>> made.orders.select(["account", "side", "asset", "shares"]).to_pylist()[0]
    {'account': 'P1', 'side': 'sell', 'asset': 'AAA', 'shares': Decimal('10.000000000')}
    """
    chosen: dict[str | None, RebalancingLimits] = {None: given_limits(None if isinstance(limits, Mapping) else limits)}
    if isinstance(limits, Mapping):
        chosen = {name: given_limits(each) for name, each in limits.items()}
    if not chosen:
        raise LimitsError(["no limits are given: give one set for each limits_id"])
    made, cash = given_settings(shared_settings(chosen.values()), settings, changes), read_cash(accounts)
    table = _sorted(_arrow(candidates))
    rates = None if fx is None else {str(name): decimal_of(rate) for name, rate in fx.items()}
    lots = None
    taxes = TaxRecords.of(tax_lots)
    if taxes:
        needed = made.max_realized_gain is not None
        accounts_here = set(table.column("account").unique().to_pylist())
        day = day_of_plan(today, is_needed=True)
        lots = read_lots_by_account(taxes, day, accounts_here, needed=needed)
    known = None if correlations is None else correlations_of(correlations)
    listed = None if exposures is None else exposures_of(exposures)
    rules = order_rules(table, chosen, made, rates, listed, lots, known)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks = list(pool.map(partial(plan_accounts, money=cash, rules=rules), _whole_accounts(table)))
    return _joined(blocks, table, cash, rules, chosen)


def shared_settings(limits: Iterable[RebalancingLimits]) -> OrderSettings:
    """The settings of orders that all limits have.

    Raises
    ------
    LimitsError
        They differ.
    """
    every = list(dict.fromkeys(each.orders for each in limits))
    if len(every) > 1:
        raise LimitsError(["the limits differ in their settings of orders: all accounts of a call share these"])
    return every[0]


def without_candidates(account: Any) -> str:
    """Why an account fails that has cash alone."""
    return str(InputError([Fault("the account has no candidates", "add a row for each asset", account=account)]))


def order_rules(
    table: pa.Table,
    limits: Mapping[str | None, RebalancingLimits],
    settings: OrderSettings,
    fx: Any = None,
    exposures: Exposures | None = None,
    lots: LotsByAccount | None = None,
    correlations: Correlations | None = None,
) -> OrderRules:
    """The rules for a whole table.

    Raises
    ------
    InputError
        A missing or misspelled column, or a column of the wrong type.
    LimitsError
        As `OrderRules.of`.
    """
    check_order_columns(table.column_names)
    others = [name for name in table.column_names if name not in ORDER_COLUMNS]
    weighed = table.select(others).append_column("current_weight", pa.nulls(table.num_rows, pa.float64()))
    return OrderRules.of(limits, votes_of(weighed), settings, fx, exposures, lots, correlations)


def _arrow(candidates: Any) -> pa.Table:
    columns, _ = columns_of(candidates, _KNOWN)
    if "account" not in columns:
        raise InputError([Fault("the column is missing", "add it, or use trimtab.plan", column="account")])
    return pa.table({name: _column(column, name) for name, column in columns.items()})


def _column(column: Any, name: str) -> pa.Array:
    """A column in Arrow; exact numbers beside text are text, too, which reads back as the same decimals."""
    if name in ORDER_COLUMNS and isinstance(column, list) and any(isinstance(value, str) for value in column):
        return pa.array([None if value is None else str(value) for value in column], pa.string())
    return arrow_of(column, name, numeric=name in _NUMBERS)


def _sorted(table: pa.Table) -> pa.Table:
    """The rows of each account together, accounts in the order they first appear."""
    codes = pc.dictionary_encode(table.column("account")).combine_chunks()
    codes = codes.chunk(0).indices if isinstance(codes, pa.ChunkedArray) else codes.indices
    order = np.argsort(pc.fill_null(codes, -1).to_numpy(zero_copy_only=False), kind="stable")
    return table if (np.diff(order) == 1).all() else table.take(pa.array(order))


def _whole_accounts(table: pa.Table) -> Iterator[pa.Table]:
    """The table in parts of whole accounts."""
    account = table.column("account")
    ends = np.flatnonzero(pc.not_equal(account[1:], account[:-1]).fill_null(True).to_numpy()) + 1
    ends = np.append(ends, table.num_rows)
    begin = 0
    while True:
        end = int(ends[min(int(np.searchsorted(ends, begin + _BLOCK_ROWS)), len(ends) - 1)])
        yield table.slice(begin, end - begin)
        if end == table.num_rows:
            return
        begin = end


def _joined(
    blocks: list[PlannedBlock],
    table: pa.Table,
    cash: CashTable,
    rules: OrderRules,
    limits: Mapping[str | None, RebalancingLimits],
) -> PlanManyResult:
    failed: dict[Any, str] = {}
    for block in blocks:
        failed |= zip(
            block.failed.column("account").to_pylist(), block.failed.column("reason").to_pylist(), strict=True
        )
    here = set(table.column("account").unique().to_pylist())
    for name in cash.names:
        if name not in here:
            failed[name] = without_candidates(name)
    return PlanManyResult(
        pa.concat_tables([block.orders for block in blocks]).unify_dictionaries(),
        pa.concat_tables([block.accounts for block in blocks]).unify_dictionaries(),
        pa.concat_tables([block.targets for block in blocks]).unify_dictionaries(),
        failed,
        Counts.total(block.counts for block in blocks),
        table,
        cash,
        rules,
        limits,
    )
