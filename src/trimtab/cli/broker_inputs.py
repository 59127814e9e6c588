"""One account of a broker's file, with the facts that the options add to it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.cli.notices import Notices
from trimtab.decimals import decimal_of
from trimtab.errors import Fault, InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.brokers.holdings import Held


def broker_holdings(
    path: Path,
    account: str | None,
    notices: Notices,
    cash: float | str | None = None,
    prices: Mapping[str, Decimal] | None = None,
    rates: Mapping[str, Decimal] | None = None,
    *,
    fills_gaps: bool = False,
) -> Held:
    """One account of a broker's file, with the facts that the options add; notes say what was read and what is kept.

    Raises
    ------
    InputError
        A file that cannot be read for sure, and everything unknown about it in one list.
    """
    from trimtab.brokers import read
    from trimtab.brokers.holdings import Given, held

    positions = read(path)
    try:
        amount = None if cash is None else decimal_of(cash)
    except TypeError:
        raise InputError([Fault("is not an amount", "write a number such as 1234.50", value=cash)], "--cash") from None
    opened = held(positions, account, Given(amount, prices or {}, rates or {}, fills_gaps))
    notices.note(f"{path.name} ({positions.title}): {positions.summary()}")
    for note in dict.fromkeys((*positions.notes, *opened.notes)):
        if "(no_trade)" not in note or note in opened.notes:
            notices.note(note)
    return opened


def number_column(table: pa.Table, name: str, source: str) -> dict[str, Decimal]:
    """A column of exact numbers by asset; rows without one are left out.

    Raises
    ------
    InputError
        A column that is missing, a value that is not a number, an asset in two rows.
    """
    from trimtab.orders.columns import decimals_of

    for column in ("asset", name):
        if column not in table.column_names:
            raise InputError([Fault("the column is missing", f"give a table with asset and {name}", column)], source)
    try:
        numbers = decimals_of(table[name].to_pylist(), name, table.num_rows)
    except InputError as error:
        raise InputError(error.faults, source) from None
    by_asset: dict[str, Decimal] = {}
    for row, (asset, number) in enumerate(zip(map(str, table["asset"].to_pylist()), numbers, strict=True), 1):
        if number is None:
            continue
        if asset in by_asset:
            fault = Fault(f"has its {name} in an earlier row", "keep one row for each asset", "asset", row, value=asset)
            raise InputError([fault], source)
        by_asset[asset] = number
    return by_asset
