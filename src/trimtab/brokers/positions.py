"""The positions in a broker's file: exact decimals, and every identifier and total that the file gives."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from trimtab.decimals import product
from trimtab.files.cells import plain_number
from trimtab.text import counted


@dataclass(frozen=True)
class TaxLot:
    """One purchase in a position. `cost` is for the whole lot."""

    quantity: Decimal
    cost: Decimal | None
    acquired: dt.date | None


@dataclass(frozen=True)
class Position:
    """One asset in one account, as the file gives it; None where the file says nothing.

    `value` = `quantity` x `price` x `multiplier` / `price_per`, in `currency`. `cost` is for the whole position.
    `value_base` is the value in the account's own currency. `lines` are the rows that were added up.
    """

    account: str | None
    symbol: str | None
    name: str | None
    kind: str
    ids: Mapping[str, str]
    quantity: Decimal
    price: Decimal | None
    price_per: Decimal
    multiplier: Decimal
    value: Decimal | None
    currency: str | None
    cost: Decimal | None
    value_base: Decimal | None = None
    base_currency: str | None = None
    is_cash_like: bool = False
    lots: tuple[TaxLot, ...] = ()
    lines: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """Its name in a sentence: the symbol, else an identifier, else its name."""
        return self.symbol or next(iter(self.ids.values()), None) or self.name or "a position without a name"

    @property
    def cost_currency(self) -> str | None:
        """The currency of the cost, None without a cost."""
        return None if self.cost is None else self.currency

    @property
    def unit_price(self) -> Decimal | None:
        """The worth of one unit of the quantity, in the position's currency."""
        return None if self.price is None else product(self.price, self.multiplier) / self.price_per

    @property
    def is_tradable(self) -> bool:
        """Whether a rebalance may trade it: a long holding of shares, funds or coins."""
        return self.quantity > 0 and not self.is_cash_like and self.kind not in ("option", "bond")


@dataclass(frozen=True)
class Total:
    """A total that the file gives for an account or for all, and where."""

    value: Decimal
    currency: str | None
    place: str
    other: Decimal = Decimal(0)  # in it, but neither position nor cash, such as accrued interest


@dataclass(frozen=True)
class Account:
    """One account: `cash` by currency (None: the file does not say), unsettled amounts apart, the file's own total."""

    account: str | None
    name: str | None = None
    base_currency: str | None = None
    cash: Mapping[str, Decimal] | None = None
    pending: Mapping[str, Decimal] = field(default_factory=dict)
    total: Total | None = None
    cash_base: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name in a sentence."""
        return self.account or "the account"


@dataclass(frozen=True)
class Positions:
    """The contents of a broker's file.

    `checks` lists what was reconciled, `notes` are for the user, `columns` shows how each column was read.
    """

    source: str
    layout: str
    title: str
    as_of: dt.date | None
    accounts: tuple[Account, ...]
    positions: tuple[Position, ...]
    total: Total | None = None
    checks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    columns: tuple[tuple[str, str | None], ...] = ()

    @property
    def account_names(self) -> list[str | None]:
        """Every account with cash, a total or a position."""
        named = [account.account for account in self.accounts]
        return list(dict.fromkeys([*named, *(position.account for position in self.positions)]))

    def summary(self) -> str:
        """`12 positions, 3 accounts, 248,113.42 USD, equal to the file's total`."""
        parts = [counted(len(self.positions), "position"), counted(len(self.account_names), "account")]
        worth = worth_of(self.positions, self.accounts)
        if worth is not None:
            parts.append(" + ".join(f"{amount:,.2f} {currency}" for currency, amount in worth.items()))
        elif any(position.value is None and position.value_base is None for position in self.positions):
            parts.append("without values")
        return ", ".join([*parts, *self.checks])

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values; decimals are text, so that no digit is lost."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}

    def to_json(self) -> str:
        """Everything as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2)


def worth_of(positions: Iterable[Position], accounts: Iterable[Account]) -> dict[str, Decimal] | None:
    """The value of positions and cash by currency, in base currency where the file gives it; None if not known."""
    worth: dict[str, Decimal] = {}
    for position in positions:
        value, currency = position.value_base, position.base_currency
        if value is None:
            value, currency = position.value, position.currency
        if value is None or currency is None:
            return None
        worth[currency] = worth.get(currency, Decimal(0)) + value
    for account in accounts:
        cash = dict(account.cash_base or account.cash or {})
        for currency, amount in cash.items():
            unit = account.base_currency if account.cash_base and account.base_currency else currency
            worth[unit] = worth.get(unit, Decimal(0)) + amount
    return worth


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain_number(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, TaxLot | Position | Account | Total):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    return value
