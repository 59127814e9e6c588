"""The order columns of a block of accounts: prices, shares and lots as whole numbers, and which accounts need a closer look.

Like `blocks/precheck.py` this only raises suspicion. `account_table.read_instruments`, which reads single accounts, then
names the faults, or has the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from trimtab.blocks.arrow_columns import text_column
from trimtab.decimals import MICRO, MOST_PRICE, NANO, quotient
from trimtab.kernel.records import Flags, Ints
from trimtab.orders.block_records import Holdings
from trimtab.orders.exact_columns import Units, priced, units_of
from trimtab.symbols.currencies import HUNDREDTHS

_LEAST_LOT = 100  # micro-units that one lot is worth at least
_LARGE = 10**14  # micro-units: larger accounts are measured one by one


class BlockHoldings(NamedTuple):
    """Holdings of a block in the order of the table's rows, and the doubtful rows. Shapes (rows,)."""

    holdings: Holdings
    worth: Ints  # micro-units
    doubtful: Flags


def block_holdings(table: pa.Table, bases: Sequence[str | None], account_of: Ints, fx: Any) -> BlockHoldings:
    """Read the order columns. `bases`: the currency of each account; `fx`: what one unit of each currency is worth."""
    count = table.num_rows
    shares, lot, notional = (
        _units(table, name, scale, default)
        for name, scale, default in (("shares", NANO, 0), ("lot", NANO, NANO), ("min_notional", MICRO, 0))
    )
    price = _prices(table, bases, account_of, fx)
    tradable, odd = _flags(table, count)
    has_price = price.values > 0
    safe_price = np.where(price.doubtful, 0, price.values)
    quantity = np.where(shares.doubtful, 0, shares.values)
    is_large = quantity // NANO > _LARGE // np.maximum(safe_price, 1)
    is_large |= lot.values // NANO > _LARGE // np.maximum(safe_price, 1)
    worth = worths_of(np.where(is_large, 0, quantity), safe_price)
    lot_worth = worths_of(np.where(is_large, NANO, lot.values), safe_price)
    doubtful = price.doubtful | shares.doubtful | lot.doubtful | notional.doubtful | odd
    doubtful |= (lot.values <= 0) | (has_price & (lot_worth < _LEAST_LOT)) | (~has_price & (quantity > 0))
    doubtful |= (price.values >= MOST_PRICE) | is_large
    holdings = Holdings(safe_price, quantity, lot.values, notional.values, tradable)
    return BlockHoldings(holdings, np.where(doubtful, 0, worth), doubtful)


def worths_of(quantity: Ints, price: Ints) -> Ints:
    """`kernel.money.worth_of` of arrays."""
    whole, rest = np.divmod(quantity, NANO)
    high, low = np.divmod(price, NANO)
    return np.asarray(whole * price + rest * high + rest * low // NANO)


def _units(table: pa.Table, name: str, scale: int, default: int) -> Units:
    if name not in table.column_names:
        return Units(np.full(table.num_rows, default, np.int64), np.zeros(table.num_rows, np.bool_))
    return units_of(table.column(name), scale, default)


def _flags(table: pa.Table, count: int) -> tuple[Flags, Flags]:
    """Which rows may trade, and which say neither true nor false."""
    none = np.zeros(count, np.bool_)
    if "tradable" not in table.column_names or pa.types.is_null(table.schema.field("tradable").type):
        return ~none, none
    column = table.column("tradable")
    if not pa.types.is_boolean(column.type):
        return ~none, column.is_valid().to_numpy()
    return column.fill_null(True).to_numpy().astype(np.bool_), none


def _prices(table: pa.Table, bases: Sequence[str | None], account_of: Ints, fx: Any) -> Units:
    """Prices in micro-units of each account's currency; 0 without a price."""
    names = table.column_names
    price = table.column("price")
    if "fx" in names or "currency" in names or any(bases):
        rate, code, unknown = _rates(table, bases, account_of, fx)
        units = priced(price, rate, code, MICRO)
        return Units(units.values, units.doubtful | (unknown & price.is_valid().to_numpy()))
    units = units_of(price, MICRO, 0, rounds=True)
    stated = price.is_valid().to_numpy() & ~_is_nan(price)
    return Units(units.values, units.doubtful | (stated & (units.values == 0)))


def _is_nan(column: pa.ChunkedArray) -> Flags:
    if not pa.types.is_floating(column.type):
        return np.zeros(len(column), np.bool_)
    return np.asarray(np.isnan(column.fill_null(0.0).to_numpy()), np.bool_)


def _rates(
    table: pa.Table, bases: Sequence[str | None], account_of: Ints, fx: Mapping[str, Decimal] | None
) -> tuple[list[Decimal], Ints, Flags]:
    """Distinct rates, the code of each row's, and the rows without a certain one."""
    if "fx" in table.column_names:
        every = np.ones(table.num_rows, np.bool_)  # rates by row are read account by account
        return [Decimal(1)], np.zeros(table.num_rows, np.int64), every
    currency = text_column(table, "currency")
    named = dict.fromkeys(bases)
    base_code = np.array([list(named).index(base) for base in bases], np.int64)[account_of]
    pairs, code = np.unique((currency.codes.astype(np.int64) + 1) * len(named) + base_code, return_inverse=True)
    known = [
        _rate_of([None, *currency.names][pair // len(named)], list(named)[pair % len(named)], fx)
        for pair in pairs.tolist()
    ]
    unknown = np.array([rate is None for rate in known], np.bool_)[code]
    if fx is None:  # several currencies without rates: the account is read by itself, and refused
        whole = [HUNDREDTHS.get(name, name) for name in currency.names]
        place = np.array([*(whole.index(name) for name in whole), -1], np.int64)[currency.codes]
        first = np.full(len(bases), -1, np.int64)
        stated = np.flatnonzero(place >= 0)
        first[account_of[stated]] = place[stated]
        mixed = np.zeros(len(bases), np.bool_)
        mixed[account_of[stated[place[stated] != first[account_of[stated]]]]] = True
        unknown |= mixed[account_of]
    return [rate or Decimal(1) for rate in known], code, unknown


def _rate_of(currency: str | None, base: str | None, fx: Mapping[str, Decimal] | None) -> Decimal | None:
    """The worth of a unit of a currency in the base of an account; None where it is not certain."""
    if currency is None:
        return Decimal(1)
    hundredth = Decimal("0.01") if currency in HUNDREDTHS else Decimal(1)
    whole = HUNDREDTHS.get(currency, currency)
    if whole == base or (fx is None and base is None):
        return hundredth
    rates = fx or {}
    own, other = rates.get(whole), Decimal(1) if base is None else rates.get(base)
    return quotient(hundredth * own, other) if own is not None and other is not None else None
