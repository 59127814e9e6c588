"""A user's table of candidates with shares and prices -> exact instruments for the orders stage."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from trimtab.candidates.arrow_values import text_of
from trimtab.candidates.columns import COLUMNS, check_names
from trimtab.candidates.user_table import columns_of
from trimtab.decimals import MICRO, MOST_PRICE, MOST_QUANTITY, NANO, decimal_of, is_whole, product, scaled
from trimtab.errors import Fault, InputError, listed
from trimtab.orders.columns import decimals_of, flags_of
from trimtab.symbols.aliases import shipped_aliases
from trimtab.symbols.currencies import HUNDREDTHS

HISTORY_COLUMNS = ("price_date", "previous_price", "price_explained")
ORDER_COLUMNS = ("shares", "price", "currency", "fx", "lot", "min_notional", "tradable", "group", *HISTORY_COLUMNS)
_Value = TypeVar("_Value")
_LEAST_LOT = 100  # micro-units that one lot is worth at least


@dataclass(frozen=True)
class Instrument:
    """One row: the shares held, and how they trade. Prices in micro-units of the base currency for a share, shares in
    nano-shares; `price` is None without one. `quoted` is the price as given, in `currency` (empty: not named), of which
    one unit is worth `rate` of the base currency.
    """

    asset: str
    price: int | None
    quantity: int
    lot: int
    min_notional: int
    tradable: bool
    group: str
    row: int
    currency: str = ""
    rate: Decimal = Decimal(1)
    quoted: Decimal | None = None


def read_instruments(
    table: Any, *, positions: Any = None, prices: Any = None, fx: Any = None, notes: list[str] | None = None
) -> list[Instrument]:
    """An instrument for each row of a table of candidates, in the table's order.

    `positions` (asset to shares) and `prices` (asset to price), as mappings or as tables, replace the columns
    `shares` and `price`; where their names differ, an alias joins them, and a sentence is added to `notes`. `fx`: the
    value of one unit of each `currency` in the base currency.

    Raises
    ------
    InputError
        A value that cannot be used, a position that is not a candidate, or shares in two places; all faults at once.
    """
    columns, count = columns_of(table, (*COLUMNS, *ORDER_COLUMNS))
    if "price" not in columns and prices is None:
        raise InputError(
            [Fault("the column is missing", "add it, or give prices apart (prices=, --latest-prices)", column="price")]
        )
    if "asset" not in columns:
        check_names(columns, many=False)
    assets = [str(name) for name in text_of(columns.get("asset"), "asset", count).values()]
    shares = _given(columns, "shares", count, assets, positions, "positions", notes)
    price = _given(columns, "price", count, assets, prices, "prices", notes)
    rates = rates_of(columns, count, fx)
    lots, notional = (decimals_of(columns.get(name), name, count) for name in ("lot", "min_notional"))
    groups = text_of(columns.get("group"), "group", count).values()
    currencies = text_of(columns.get("currency"), "currency", count).values()
    tradable = flags_of(columns.get("tradable"), "tradable", count, default=True)
    faults: list[Fault] = []
    instruments = [
        Instrument(
            assets[row],
            _price_at(price[row], rates[row], row, faults),
            _scaled_at(shares[row], Decimal(0), NANO, "shares", row, faults),
            _scaled_at(lots[row], Decimal(1), NANO, "lot", row, faults),
            _scaled_at(notional[row], Decimal(0), MICRO, "min_notional", row, faults),
            tradable[row],
            groups[row] or assets[row],
            row,
            currencies[row] or "",
            rates[row],
            price[row],
        )
        for row in range(count)
    ]
    faults += [fault for instrument in instruments if (fault := _fault_of(instrument)) is not None]
    if faults:
        raise InputError(sorted(faults, key=lambda fault: fault.row or 0))
    return instruments


def _fault_of(instrument: Instrument) -> Fault | None:
    """The faults of an instrument as a whole."""
    row = instrument.row + 1
    if instrument.quoted is None and instrument.quantity:
        problem = f"the holding {instrument.asset!r} has no price"
        return Fault(problem, "give its price, so that the account can be valued", column="price", row=row)
    if instrument.price is not None and instrument.lot * instrument.price < _LEAST_LOT * NANO:
        problem = "one lot is worth less than 0.0001 of the base currency"
        return Fault(problem, "give a larger lot, or check the price and its currency", column="lot", row=row)
    return None


def _given(
    columns: Mapping[str, Any],
    name: str,
    count: int,
    assets: list[str],
    replacement: Any,
    source: str,
    notes: list[str] | None,
) -> list[Decimal | None]:
    """A column, or its replacement."""
    if replacement is None:
        return decimals_of(columns.get(name), name, count)
    if name in columns:
        problem = f"{name} are given twice: in the table and as {source}"
        raise InputError([Fault(problem, f"drop the column, or leave {source} out", column=name)])
    values = joined_by_alias(_as_mapping(replacement, name, source), assets, source, notes)
    unknown = [asset for asset in values if asset not in assets]
    if unknown and name == "shares":
        problem = f"{listed(unknown)} {'is' if len(unknown) == 1 else 'are'} held, but not among the candidates"
        raise InputError(
            [Fault(problem, "add a row for each; leave its score empty to keep it unchanged", column="asset")], source
        )
    return [values.get(asset) for asset in assets]


def joined_by_alias(
    values: Mapping[str, _Value], assets: Collection[str], source: str, notes: list[str] | None
) -> dict[str, _Value]:
    """The values with the names that the candidates have; `notes` gets a sentence on those that changed.

    Raises
    ------
    InputError
        Two names of one asset, or a name that may mean several.
    """
    aliases, held = shipped_aliases(), list(values)
    aliases.check_once(held, source)
    renamed = aliases.matched(held, assets, source)
    if renamed.changes and notes is not None:
        notes.append(renamed.note(source, "the candidates"))
    return {str(name): value for name, value in zip(renamed.names, values.values(), strict=True)}


def _as_mapping(table: Any, name: str, source: str) -> dict[str, Decimal | None]:
    """A mapping of asset to number from a mapping, or from a table with `asset` and the column."""
    if isinstance(table, Mapping):
        try:
            return {str(asset): None if value is None else decimal_of(value) for asset, value in table.items()}
        except TypeError as error:
            raise InputError([Fault(str(error), "give a number for each asset", column=name)], source) from None
    columns, count = columns_of(table, ("asset", name))
    for needed in ("asset", name):
        if needed not in columns:
            advice = f"give a table with asset and {name}, or a mapping of asset to {name}"
            raise InputError([Fault("the column is missing", advice, column=needed)], source)
    assets = [str(asset) for asset in text_of(columns["asset"], "asset", count).values()]
    _refuse_twice(assets, source)
    return dict(zip(assets, decimals_of(columns[name], name, count), strict=True))


def _refuse_twice(assets: Iterable[str], source: str) -> None:
    seen: dict[str, int] = {}
    for row, asset in enumerate(assets):
        if asset in seen:
            problem = f"the asset is already in row {seen[asset] + 1}"
            fault = Fault(problem, "give each asset once; add the rows up yourself", "asset", row + 1, value=asset)
            raise InputError([fault], source)
        seen[asset] = row


def rates_of(columns: Mapping[str, Any], count: int, fx: Any) -> list[Decimal]:
    """The value of a unit of each row's prices in the base currency."""
    if "fx" in columns and fx is not None:
        raise InputError([Fault("rates are given twice: in the table and as fx", "leave one of them out", column="fx")])
    if "fx" in columns:
        return _positive(decimals_of(columns["fx"], "fx", count))
    if "currency" not in columns and fx is None:
        return [Decimal(1)] * count
    currencies = text_of(columns.get("currency"), "currency", count).values()
    rates = {} if fx is None else _as_mapping(fx, "fx", "fx")
    whole = {name: HUNDREDTHS.get(name, name) for name in currencies if name}
    if len(set(whole.values())) > 1 and fx is None:
        problem = f"prices are in {listed(sorted(set(whole.values())))}"
        raise InputError(
            [Fault(problem, "say what one unit of each is worth in the base currency (fx=, --fx)", column="currency")]
        )
    missing = [name for name in dict.fromkeys(whole.values()) if fx is not None and rates.get(name) is None]
    if missing:
        row = next(row for row, name in enumerate(currencies) if name and whole[name] == missing[0])
        raise InputError(
            [Fault("has no rate in fx", "add it, or 1 for the base currency", "currency", row + 1, value=missing[0])]
        )
    hundredths = {name: Decimal("0.01") if name in HUNDREDTHS else Decimal(1) for name in whole}
    return [
        Decimal(1) if not name else product(hundredths[name], rates.get(whole[name]) or Decimal(1))
        for name in currencies
    ]


def _positive(rates: list[Decimal | None]) -> list[Decimal]:
    for row, rate in enumerate(rates):
        if rate is not None and rate <= 0:
            raise InputError(
                [Fault("is not above 0", "give what one unit is worth", column="fx", row=row + 1, value=rate)]
            )
    return [Decimal(1) if rate is None else rate for rate in rates]


def _price_at(price: Decimal | None, rate: Decimal, row: int, faults: list[Fault]) -> int | None:
    """A price in micro-units of the base currency."""
    if price is None:
        return None
    micro = scaled(product(price, rate), MICRO)
    if not 0 < micro < MOST_PRICE:
        advice = "give what one share costs, above 0" if price <= 0 else "check the price and its currency"
        faults.append(Fault("is not a usable price", advice, column="price", row=row + 1, value=price))
        return None
    return micro


def _scaled_at(number: Decimal | None, default: Decimal, scale: int, name: str, row: int, faults: list[Fault]) -> int:
    """A number in small units; it must be a whole number of them, not negative, and above 0 for a lot."""
    if number is None:
        return scaled(default, scale)
    if number < 0 or (name == "lot" and number == 0):
        advice = {
            "shares": "short positions are not supported; give 0 or more",
            "lot": "give the tradable step, such as 1",
        }
        faults.append(
            Fault(
                "is negative" if number < 0 else "is 0", advice.get(name, "give 0 or more"), name, row + 1, value=number
            )
        )
    elif not is_whole(number, scale):
        faults.append(Fault(f"is finer than 1/{scale:,}", "round it", name, row + 1, value=number))
    elif number * scale > MOST_QUANTITY:
        faults.append(Fault("is too large", f"give at most {MOST_QUANTITY // scale:,}", name, row + 1, value=number))
    else:
        return scaled(number, scale)
    return scaled(default, scale)
