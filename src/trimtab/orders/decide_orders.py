"""The block function of orders: whole accounts in, their targets and orders out, with the numbers that `plan` gives.

It runs on the calling thread, as `decide_block` does, and several threads may each be in a block of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

import numpy as np
import pyarrow as pa

from trimtab.blocks.arrow_columns import BlockColumns
from trimtab.blocks.decide_block import (
    Block,
    CheckedBlock,
    block_of,
    checked_block,
    empty_decisions,
    measured_block,
)
from trimtab.blocks.prepared_limits import PreparedLimits
from trimtab.candidates.correlations import Correlations
from trimtab.candidates.exposures import Exposures
from trimtab.decimals import quotient
from trimtab.errors import Fault, InputError, LimitsError
from trimtab.kernel.block import Decided
from trimtab.kernel.order_block import OrderAccounts, OrderLimits, OrderRecords, plan_block
from trimtab.kernel.order_records import PlanStatus
from trimtab.kernel.records import ROW, Exposed, Flags, Ints, Records, SizingMode
from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.account_table import ORDER_COLUMNS, read_instruments
from trimtab.orders.block_holdings import BlockHoldings, block_holdings
from trimtab.orders.block_lots import NO_LOTS, BlockLots, block_lots
from trimtab.orders.block_partners import BlockPartners, block_partners
from trimtab.orders.block_records import account_records, order_records
from trimtab.orders.cash_table import CashTable
from trimtab.orders.lots_by_account import LotsByAccount
from trimtab.orders.stage import check_overdrawn, check_settings, check_sizes
from trimtab.symbols.aliases import shipped_aliases

Rates = Mapping[str, Decimal]
_NO_VALUE = "the account is worth nothing: cash, cash flow and positions add up to 0 or less"
_LARGE = 10**17  # micro-units: accounts with larger amounts are read by themselves


@dataclass(frozen=True)
class OrderRules:
    """Limits and settings of many accounts, prepared once; `fx`: the worth of one unit of each currency."""

    limits: PreparedLimits  # with the aim that the buffer leaves
    settings: OrderSettings
    fx: Rates | None = None
    lots: LotsByAccount | None = None

    @classmethod
    def of(
        cls,
        limits: Mapping[str | None, RebalancingLimits],
        votes: Mapping[str, float],
        settings: OrderSettings,
        fx: Rates | None = None,
        exposures: Exposures | None = None,
        lots: LotsByAccount | None = None,
        correlations: Correlations | None = None,
    ) -> OrderRules:
        """Rules for accounts in which each bucket is named as often as `votes` says.

        Raises
        ------
        InputError
            Two spellings of a bucket in `exposures`.
        LimitsError
            Limits for a bucket that does not exist, that contradict the settings, or that need what a block does not know.
        """
        if settings.max_realized_gain is not None and lots is None:
            raise LimitsError(
                ["max_realized_gain needs tax lots: give them (tax_lots=, --tax-lots) and today, or leave it out"]
            )
        for chosen in limits.values():
            check_settings(chosen, settings)
        aimed = {
            name: chosen.of_the_pass.replace(target_invested=min(chosen.target_invested, 1.0 - settings.cash_buffer))
            for name, chosen in limits.items()
        }
        return cls(PreparedLimits(aimed, votes, exposures, correlations), settings, fx, lots)


@dataclass(frozen=True)
class DecidedOrders:
    """A block that is decided. Records are in canonical order: each account's rows by asset name, `order` says which."""

    checked: CheckedBlock
    records: OrderRecords
    rules: OrderRules
    decided: Decided
    own_limits: Mapping[int, RebalancingLimits]
    targets: Block
    partners: BlockPartners
    lots: BlockLots = NO_LOTS

    @classmethod
    def of(
        cls,
        checked: CheckedBlock,
        records: OrderRecords,
        rules: OrderRules,
        decided: Decided,
        own_limits: Mapping[int, RebalancingLimits],
        partners: BlockPartners,
        lots: BlockLots = NO_LOTS,
    ) -> DecidedOrders:
        """A decision with every limit of its targets measured; an account that breaks one fails."""
        targets = measured_block(checked, rules.limits, decided, own_limits)
        checked = replace(checked, failed=dict(targets.reasons))
        return cls(checked, records, rules, decided, own_limits, targets, partners, lots)

    def failing(self, failed: Mapping[int, str]) -> DecidedOrders:
        """The same with more accounts failed."""
        checked = replace(self.checked, failed={**self.checked.failed, **failed})
        return DecidedOrders.of(
            checked, self.records, self.rules, self.decided, self.own_limits, self.partners, self.lots
        )

    @property
    def waits_for_settlement(self) -> bool:
        """Whether buys wait for the cash of sells."""
        return self.rules.settings.wait_for_settlement


def decide_orders(table: pa.Table, money: CashTable, rules: OrderRules) -> DecidedOrders:
    """Decide the orders of whole accounts that come one after another.

    `table` has the columns of candidates, with `shares` and `price` instead of `current_weight`, and those of `plan`.

    Raises
    ------
    InputError
        A table in which no account can be read, no rows, or an account in two places.
    """
    block, held, failed, places = _read(table, money, rules)
    checked = checked_block(block, rules.limits)
    checked = replace(checked, failed=failed | checked.failed)
    modes = money.mode[places]
    settings = account_records(rules.settings, money.cash[places], money.cash_flow[places])
    settings["mode"] = np.where(modes >= 0, modes, settings["mode"])
    prepared = rules.limits.kernel(checked.nodes)
    order, holdings = checked.order, held.holdings
    inputs = holdings.taken(order)
    lots = NO_LOTS if rules.lots is None else block_lots(rules.lots, checked, inputs.quantity, table)
    checked = replace(checked, failed={**lots.failed, **checked.failed})
    partners = block_partners(rules.limits, checked)
    records = order_records(_rows(checked, rules.limits, prepared.node_of), inputs, settings, lots.records())
    if rules.lots is not None:
        records.assets["lots_begin"], records.assets["lots_end"] = lots.begin, lots.end
    start = np.zeros(len(block.start), np.int64) if rules.lots is None else lots.start
    accounts = OrderAccounts(block.start, start, partners.start, checked.accounts.limits, checked.left_out)
    limits = OrderLimits(prepared.settings, prepared.trees, prepared.tree_start)
    _plan_all(accounts, limits, checked, partners.pairs, records)
    worthless = (records.accounts["status"] == PlanStatus.NO_VALUE) & ~checked.left_out
    nothing = {account: _reason(block, account, _NO_VALUE) for account in np.flatnonzero(worthless).tolist()}
    checked = replace(checked, block=_as_seen(checked, records), failed=checked.failed | nothing)
    own = _own_limits(checked, records, rules)
    return DecidedOrders.of(checked, records, rules, _decided(order, records), own, partners, lots)


def _plan_all(
    accounts: OrderAccounts, limits: OrderLimits, checked: CheckedBlock, pairs: Ints, records: OrderRecords
) -> None:
    """Every account through the kernel: in one call; with exposures, in one for each set of limits."""
    if checked.block.exposures is None:
        plan_block(accounts, limits, pairs, None, records)
        return
    exposures = checked.block.exposures.kernel
    profile = exposures.profile[checked.order]
    for number in np.unique(accounts.limits).tolist():
        rows = exposures.rows[exposures.row_start[number] : exposures.row_start[number + 1]]
        concentration = exposures.concentration[number : number + 1]
        exposed = Exposed(rows, exposures.parts, exposures.first[number], profile, concentration)
        own = accounts._replace(left_out=accounts.left_out | (accounts.limits != number))
        plan_block(own, limits, pairs, exposed if len(rows) else None, records)


def check_order_columns(names: Sequence[str]) -> None:
    """Refuse a table without prices, or with weights beside shares.

    Raises
    ------
    InputError
        Which column.
    """
    if "price" not in names:
        raise InputError([Fault("the column is missing", "add it", column="price")])
    if "current_weight" in names:
        advice = "drop it; weights follow from shares and prices"
        raise InputError([Fault("is not used by a plan", advice, column="current_weight")])


def _read(
    table: pa.Table, money: CashTable, rules: OrderRules
) -> tuple[BlockColumns, BlockHoldings, dict[int, str], Ints]:
    """The columns of a block, its holdings, the accounts that fail so far, and the place of each in the table of cash."""
    check_order_columns(table.column_names)
    weighed = table.drop_columns([name for name in table.column_names if name in ORDER_COLUMNS])
    weighed = weighed.append_column("current_weight", pa.array(np.zeros(table.num_rows)))
    block = block_of(weighed)
    sizes = np.diff(block.start)
    account_of = np.repeat(np.arange(len(sizes)), sizes)
    places = money.places_of(block.accounts)
    advice = "add it to the accounts, with its cash"
    failed = {
        index: _reason(block, index, "the account has no cash", advice) for index in np.flatnonzero(places < 0).tolist()
    }
    places = np.maximum(places, 0)
    bases = [money.currency[place] for place in places.tolist()]
    held = block_holdings(table, bases, account_of, rules.fx)
    cash = money.cash[places]
    total = np.add.reduceat(held.worth, block.start[:-1])
    doubtful = np.add.reduceat(held.doubtful, block.start[:-1]) > 0
    doubtful |= np.logical_or.reduceat(_have_aliases(tuple(block.asset.names))[block.asset.codes], block.start[:-1])
    doubtful |= (total > 0) & (-cash > (total + cash) // 25)
    doubtful |= np.maximum(np.abs(cash), np.abs(money.cash_flow[places])) > _LARGE
    cheapest = np.minimum.reduceat(np.where(held.holdings.price > 0, held.holdings.price, 10**6), block.start[:-1])
    doubtful |= (np.maximum(cash, 0) + total + np.maximum(money.cash_flow[places], 0)) // cheapest > 3 * 10**9
    for account in np.flatnonzero(doubtful).tolist():
        if account in failed:
            continue
        rows = slice(int(block.start[account]), int(block.start[account + 1]))
        part = table.slice(rows.start, rows.stop - rows.start)
        place = places[account]
        try:
            _read_alone(
                part,
                held,
                rows,
                (int(money.cash[place]), int(money.cash_flow[place])),
                rates_for(rules.fx, bases[account]),
            )
        except InputError as error:
            named = [replace(fault, account=block.accounts[account].as_py()) for fault in error.faults]
            failed[account] = str(InputError(named))
    total = np.add.reduceat(held.worth, block.start[:-1])
    weights = held.worth / np.maximum(np.maximum(total + cash, total), 1)[account_of]
    index = weighed.column_names.index("current_weight")
    weighed = weighed.set_column(index, "current_weight", pa.array(weights))
    return replace(block, table=weighed, current_weight=weights), held, failed, places


def _read_alone(part: pa.Table, held: BlockHoldings, rows: slice, money: tuple[int, int], fx: Rates | None) -> None:
    """Read an account as `plan` does: its faults raise; else its values replace those of the block."""
    columns = [name for name in part.column_names if name in ("asset", *ORDER_COLUMNS) and name != "group"]
    if "fx" in columns and fx is not None:
        fx = None if "currency" not in columns else fx
    instruments = read_instruments(part.select(columns), fx=fx)
    shipped_aliases().check_once(each.asset for each in instruments)
    check_overdrawn(instruments, money[0])
    check_sizes(instruments, *money)
    holdings = held.holdings
    for row, instrument in zip(range(rows.start, rows.stop), instruments, strict=True):
        holdings.price[row] = instrument.price or 0
        holdings.quantity[row] = instrument.quantity
        holdings.lot[row], holdings.min_notional[row] = instrument.lot, instrument.min_notional
        holdings.tradable[row] = instrument.tradable
        held.worth[row] = instrument.quantity * (instrument.price or 0) // 10**9


@lru_cache(maxsize=16)  # most blocks repeat the names before them
def _have_aliases(names: tuple[str, ...]) -> Flags:
    """Which names are spellings of an asset that has another name, too; the last is for no name."""
    assets = [shipped_aliases().assets_of(name) for name in names]
    counts = Counter(own[0] for own in assets if len(own) == 1)
    return np.array([*(len(own) == 1 and counts[own[0]] > 1 for own in assets), False], np.bool_)


def rates_for(fx: Rates | None, base: str | None) -> Rates | None:
    """Rates in the currency of an account."""
    if fx is None or base is None:
        return fx
    return {name: quotient(rate, fx[base]) for name, rate in fx.items()} if base in fx else {base: Decimal(1)}


def _reason(
    block: BlockColumns, account: int, problem: str, advice: str = "check cash, cash_flow and the prices"
) -> str:
    return str(InputError([Fault(problem, advice, account=block.accounts[account].as_py())]))


def _rows(checked: CheckedBlock, limits: PreparedLimits, node_of: Ints) -> Records:
    """The rows of the pass, in canonical order."""
    block, order = checked.block, checked.order
    sizes = np.diff(block.start)
    limits_of = np.repeat(checked.accounts.limits, sizes)
    modes = np.repeat(limits.kernel(checked.nodes).settings["sizing_mode"][checked.accounts.limits], sizes)
    rows = np.zeros(block.size, ROW)
    rows["score"] = block.score[order]
    rows["max_weight"] = np.where(np.isnan(block.max_weight), np.inf, block.max_weight)[order]
    sizing = np.where(modes >= SizingMode.DESIRED, block.desired_weight[order], np.nan)
    rows["sizing_input"] = np.where(modes == SizingMode.INVERSE_VOLATILITY, block.volatility[order], sizing)
    rows["leaf"] = node_of[limits_of, block.bucket.codes[order]]
    rows["restriction"] = np.maximum(block.restriction[order], 0)
    return rows


def _as_seen(checked: CheckedBlock, records: OrderRecords) -> BlockColumns:
    """The columns as the pass saw them: with the weights, restrictions and caps of the orders stage."""
    block, order, rows = checked.block, checked.order, records.rows
    good = ~np.repeat(checked.left_out, np.diff(block.start))[order]
    weight, cap, restriction = block.current_weight.copy(), block.max_weight.copy(), block.restriction.copy()
    weight[order[good]] = rows["current"][good]
    cap[order[good]] = np.where(np.isinf(rows["max_weight"]), np.nan, rows["max_weight"])[good]
    restriction[order[good]] = rows["restriction"][good]
    return replace(block, current_weight=weight, max_weight=cap, restriction=restriction)


def _decided(order: Ints, records: OrderRecords) -> Decided:
    decided = empty_decisions(len(order), len(records.outcome))
    answers = records.answers
    decided.target[order], decided.proposed[order] = answers["target"], answers["proposed"]
    for column, name in enumerate(("action", "reason", "size_reason", "selected")):
        decided.codes[order, column] = answers[name]
    return decided._replace(outcome=records.outcome)


def _own_limits(checked: CheckedBlock, records: OrderRecords, rules: OrderRules) -> dict[int, RebalancingLimits]:
    """The limits of the accounts whose withdrawal leaves more of the brake."""
    own: dict[int, RebalancingLimits] = {}
    brakes, numbers = records.accounts["brake_sold_weight"], checked.accounts.limits
    general = np.array(
        [np.inf if each.brake_sold_weight is None else each.brake_sold_weight for each in rules.limits.limits]
    )
    for account in np.flatnonzero((brakes != general[numbers]) & ~checked.left_out).tolist():
        own[account] = rules.limits.limits[numbers[account]].replace(brake_sold_weight=float(brakes[account]))
    return own
