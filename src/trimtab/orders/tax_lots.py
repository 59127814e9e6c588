"""Tax lots: the purchases that make up a holding."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.candidates.arrow_values import text_of
from trimtab.candidates.user_table import columns_of
from trimtab.decimals import MICRO, NANO, is_whole, scaled, shares_of
from trimtab.errors import Fault, InputError
from trimtab.orders.account_table import Instrument, joined_by_alias
from trimtab.orders.columns import decimals_of

COLUMNS = ("asset", "lot_id", "shares", "cost", "acquired")
_MOST_COST = 9 * 10**15  # micro-units: up to here a double is exact


@dataclass(frozen=True)
class TaxLot:
    """A purchase kept for tax: nano-shares, their total cost in micro-units, and the day."""

    lot_id: str
    quantity: int
    cost: int
    acquired: dt.date

    def is_long(self, today: dt.date) -> bool:
        """Whether more than a year has passed; the 29th of February counts as the 28th.

        >>> TaxLot("1", 1, 1, dt.date(2024, 2, 29)).is_long(dt.date(2025, 2, 28))
        False
        """
        try:
            anniversary = self.acquired.replace(year=self.acquired.year + 1)
        except ValueError:
            anniversary = dt.date(self.acquired.year + 1, 2, 28)
        return today > anniversary


def read_tax_lots(
    table: Any, instruments: Sequence[Instrument], *, needed: bool, today: dt.date, notes: list[str] | None = None
) -> Mapping[str, Sequence[TaxLot]]:
    """The tax lots of each asset, by date and then by id.

    `table` has the columns `asset`, `lot_id`, `shares`, `cost` (in all, in the base currency) and `acquired` (a date).
    `needed`: every holding must have its lots.

    Raises
    ------
    InputError
        Lots that do not add up to the holding, of an asset that is not held, twice, or from the future.
    """
    held = {instrument.asset: instrument for instrument in instruments}
    lots = {} if table is None else joined_by_alias(_read(table, today), held, "tax_lots", notes)
    faults = []
    for asset, own in lots.items():
        if asset not in held:
            faults.append(Fault(f"{asset!r} has tax lots, but is not a candidate", "add it, or drop its lots", "asset"))
            continue
        total, quantity = sum(lot.quantity for lot in own), held[asset].quantity
        if total != quantity:
            problem = f"the tax lots of {asset!r} add up to {shares_of(total)} shares; it holds {shares_of(quantity)}"
            faults.append(Fault(problem, "complete the lots, or leave them out", "shares"))
    if needed:
        without = [each.asset for each in instruments if each.quantity and each.asset not in lots]
        if without and table is None:
            advice = "give them (tax_lots=, --tax-lots), or leave that limit out"
            raise InputError([Fault("max_realized_gain needs the tax lots of every holding", advice)])
        faults += [
            Fault(
                f"{asset!r} has no tax lots, which max_realized_gain needs",
                "add them, or leave that limit out",
                "asset",
            )
            for asset in without
        ]
    if faults:
        raise InputError(faults, "tax_lots")
    return {asset: sorted(own, key=lambda lot: (lot.acquired, lot.lot_id)) for asset, own in lots.items()}


def _read(table: Any, today: dt.date) -> dict[str, list[TaxLot]]:
    columns, count = columns_of(table, COLUMNS)
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise InputError([Fault("the column is missing", "add it", column=name) for name in missing], "tax_lots")
    assets, names = (text_of(columns[name], name, count).values() for name in ("asset", "lot_id"))
    try:
        shares, costs = (decimals_of(columns[name], name, count) for name in ("shares", "cost"))
    except InputError as error:
        raise InputError(error.faults, "tax_lots") from None
    acquired = columns["acquired"] if isinstance(columns["acquired"], list) else columns["acquired"].to_list()
    days = [date_of(value) for value in acquired]
    lots: dict[str, list[TaxLot]] = {}
    for row in range(count):
        number, cost, day, asset, name = shares[row], costs[row], days[row], assets[row], names[row]
        if number is None or number <= 0 or not is_whole(number, NANO):
            raise _fault("is not a number of shares", "give a number above 0", "shares", row, number)
        if cost is None or not 0 <= scaled(cost, MICRO) < _MOST_COST:
            raise _fault("is not a usable cost", "give what the lot cost in all, 0 or more", "cost", row, cost)
        if day is None or day > today:
            raise _fault(
                "is not a day up to today",
                "give the day of the purchase, such as 2026-01-02",
                "acquired",
                row,
                acquired[row],
            )
        if asset is None or name is None:
            raise _fault(
                "is missing", "name every lot and its asset", "asset" if asset is None else "lot_id", row, None
            )
        own = lots.setdefault(asset, [])
        if any(lot.lot_id == name for lot in own):
            raise _fault("is there twice for this asset", "give each lot an id of its own", "lot_id", row, name)
        own.append(TaxLot(name, scaled(number, NANO), scaled(cost, MICRO), day))
    return lots


def _fault(problem: str, advice: str, column: str, row: int, value: Any) -> InputError:
    return InputError([Fault(problem, advice, column=column, row=row + 1, value=value)], "tax_lots")


def date_of(value: Any) -> dt.date | None:
    """A day from a date, a time or text such as 2026-01-02; None for anything else."""
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
