"""Positions of a broker's file -> one account's holdings as every command takes them: shares, weights, cash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa

from trimtab.brokers.amounts import PENCE
from trimtab.brokers.positions import Account, Position, Positions
from trimtab.decimals import product
from trimtab.errors import Fault, InputError, listed, nearest
from trimtab.files.candidate_file import CandidateFile
from trimtab.files.cells import plain_number
from trimtab.text import counted

HELD = "held_"  # before the names of columns that the candidates may have too


@dataclass(frozen=True)
class Given:
    """Facts that a user adds to a file: cash, prices, and what one unit of a currency is worth."""

    cash: Decimal | None = None
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    fills_gaps: bool = False  # prices count only where the file has neither price nor value

    def price_of(self, position: Position) -> Decimal | None:
        """The price that the user gives for a position, None where the file's counts."""
        known = position.unit_price is not None or position.value is not None or position.value_base is not None
        return None if self.fills_gaps and known else self.prices.get(position.label)


@dataclass(frozen=True)
class Held:
    """One account of a broker's file: `rows` of what may stay or be traded, and the cash, in one currency."""

    source: str
    account: str | None
    currency: str | None
    rows: tuple[HeldRow, ...]
    cash: Decimal
    rates: Mapping[str, Decimal]
    notes: tuple[str, ...]

    def in_shares(self) -> CandidateFile:
        """Columns asset and shares; price, rate and restriction with `held_` before their names."""
        return CandidateFile(
            self.source,
            pa.table(
                {
                    "asset": pa.array([row.asset for row in self.rows], pa.string()),
                    "shares": pa.array([plain_number(row.shares) for row in self.rows], pa.string()),
                    f"{HELD}price": pa.array([plain_number(row.price) for row in self.rows], pa.string()),
                    f"{HELD}fx": pa.array([plain_number(row.rate) for row in self.rows], pa.string()),
                    f"{HELD}restriction": self._restrictions(),
                }
            ),
        )

    def in_weights(self) -> CandidateFile:
        """Columns asset and current_weight; the restriction with `held_` before its name."""
        total = sum((row.value for row in self.rows), self.cash)
        if total <= 0:
            problem = f"positions and cash are worth {total:,.2f}"
            raise InputError([Fault(problem, "give the file of an account with something in it")], self.source)
        return CandidateFile(
            self.source,
            pa.table(
                {
                    "asset": pa.array([row.asset for row in self.rows], pa.string()),
                    "current_weight": pa.array([float(row.value / total) for row in self.rows], pa.float64()),
                    f"{HELD}restriction": self._restrictions(),
                }
            ),
        )

    def _restrictions(self) -> pa.Array:
        return pa.array([None if row.is_tradable else "no_trade" for row in self.rows], pa.string())


@dataclass(frozen=True)
class HeldRow:
    """One long position: the price of one unit in its own currency, and what one unit of that is worth."""

    asset: str
    shares: Decimal
    price: Decimal
    rate: Decimal
    value: Decimal
    is_tradable: bool


def held(positions: Positions, account: str | None, supplied: Given) -> Held:
    """The holdings in one account of a file.

    Options, bonds and money funds are kept (`no_trade`). Shorts and written options reduce the cash by what it would cost
    to close them. Pending amounts count as cash.

    Raises
    ------
    InputError
        Several accounts without a choice; or unknown facts that no option supplies, all in one list.
    """
    chosen, mine = _of_account(positions, account)
    base = chosen.base_currency or _only_currency(chosen, mine)
    rates, faults = _rates(mine, chosen, base, supplied)
    rows, reduced, notes = _rows(mine, rates, supplied, faults)
    cash = _cash(chosen, mine, base, rates, supplied, faults, notes)
    if faults:
        raise InputError(faults, positions.source)
    return Held(positions.source, chosen.account, base, tuple(rows), cash + reduced, rates, tuple(notes))


def _of_account(positions: Positions, account: str | None) -> tuple[Account, list[Position]]:
    """The account that a user names, by its number, its name, or the beginning of a path of names."""
    names = positions.account_names
    accounts = {item.account: item for item in positions.accounts}
    labels = {name: (name or "none") for name in names}
    if account is None:
        if len(names) > 1:
            advice = f"pick one with --account ({listed(labels.values(), 12)})"
            problem = f"there are {len(names)} accounts, and this command takes one"
            raise InputError([Fault(problem, advice, column="account")], positions.source)
        chosen = names[:1] or [None]
    else:
        by_name = [name for name in names if account in (labels[name], accounts.get(name, Account(name)).name)]
        chosen = (
            by_name[:1] if len(by_name) == 1 else [name for name in names if (name or "").startswith(f"{account}:")]
        )
        if not chosen:
            problem = "is the name of several accounts" if by_name else "there is no such account"
            advice = (
                f"write its number: {listed(labels.values(), 12)}" if by_name else nearest(account, labels.values())
            )
            raise InputError([Fault(problem, advice, column="account", value=account)], positions.source)
    mine = [position for position in positions.positions if position.account in chosen]
    parts = [accounts[name] for name in chosen if name in accounts]
    return _joined(parts, account or chosen[0]), mine


def _joined(parts: list[Account], name: str | None) -> Account:
    """Accounts as one: their cash added up, unknown if all are."""
    if len(parts) == 1:
        return parts[0]
    cash: dict[str, Decimal] = {}
    for part in parts:
        for currency, amount in (part.cash or {}).items():
            cash[currency] = cash.get(currency, Decimal(0)) + amount
    return Account(name, cash=cash if any(part.cash is not None for part in parts) else None)


def _only_currency(account: Account, mine: list[Position]) -> str | None:
    currencies = {PENCE.get(each.currency, each.currency) for each in mine if each.currency}
    currencies |= set(account.cash or {}) | set(account.pending)
    return next(iter(currencies)) if len(currencies) == 1 else None


def _rates(
    mine: list[Position], account: Account, base: str | None, supplied: Given
) -> tuple[dict[str, Decimal], list[Fault]]:
    """The value of one unit of each currency, by the user, the account's currency, and the file's two values."""
    rates = dict(supplied.rates)
    if base is not None:
        rates.setdefault(base, Decimal(1))
    for each in mine:
        if each.currency and each.value and each.value_base is not None:
            rates.setdefault(each.currency, each.value_base / each.value)
    for currency, amount in account.cash_base.items():
        cash = (account.cash or {}).get(currency)
        if cash:
            rates.setdefault(currency, amount / cash)
    needed = [PENCE.get(each.currency, each.currency) for each in mine if each.currency and each.value_base is None]
    needed += [*(account.cash or {}), *account.pending]
    unknown = [name for name in dict.fromkeys(needed) if name not in rates and name is not None]
    advice = "give --fx: a table with asset (the currency) and fx, 1 for your own"
    return rates, [Fault(f"the file has no rate for {name}", advice, column="currency") for name in unknown]


def _rate_of(currency: str | None, rates: Mapping[str, Decimal]) -> Decimal:
    if currency is None:
        return Decimal(1)
    if currency in rates:
        return rates[currency]
    return product(
        rates.get(PENCE.get(currency, currency), Decimal(1)), Decimal("0.01") if currency in PENCE else Decimal(1)
    )


def _rows(
    mine: list[Position], rates: Mapping[str, Decimal], supplied: Given, faults: list[Fault]
) -> tuple[list[HeldRow], Decimal, list[str]]:
    """Long positions as rows, and what shorts take from the cash."""
    rows, reduced, notes, unpriced = [], Decimal(0), [], []
    for position in mine:
        own = supplied.price_of(position)
        price = position.unit_price if own is None else own
        if price is None and position.value is not None and position.quantity:
            price = position.value / position.quantity
        rate = _rate_of(position.currency, rates)
        if price is None and position.value_base is not None and position.quantity:
            price, rate = position.value_base / position.quantity, Decimal(1)
        if price is None:
            unpriced.append(position.label)
            continue
        if position.value_base is not None and own is None:
            value = position.value_base
        else:
            value = product(product(position.quantity, price), rate)
        if position.value is None and position.value_base is not None and position.price is not None and price:
            rate = position.value_base / (position.quantity * price) if position.quantity else rate
        if position.quantity < 0:
            reduced += value
            notes.append(f"{position.label}: a short position worth {value:,.2f}; the cash is less by that")
            continue
        if not position.is_tradable:
            kind = "money fund" if position.is_cash_like else position.kind
            notes.append(f"{position.label} is kept unchanged (no_trade): {kind}")
        rows.append(HeldRow(position.label, position.quantity, price, rate, value, position.is_tradable))
    if unpriced:
        problem = f"the file has no price for {counted(len(unpriced), 'asset')}: {listed(unpriced, 100)}"
        faults.append(
            Fault(problem, "give `trimtab plan` --latest-prices: a table with asset and price", column="price")
        )
    return rows, reduced, notes


def _cash(
    account: Account,
    mine: list[Position],
    base: str | None,
    rates: Mapping[str, Decimal],
    supplied: Given,
    faults: list[Fault],
    notes: list[str],
) -> Decimal:
    """The cash in one currency, with pending amounts."""
    pending = sum((product(amount, _rate_of(name, rates)) for name, amount in account.pending.items()), Decimal(0))
    if pending:
        notes.append(f"pending activity of {pending:,.2f} is counted in the cash")
    if supplied.cash is not None:
        return supplied.cash
    if account.cash is not None:
        amounts = account.cash_base if set(account.cash_base) == set(account.cash) and account.cash_base else None
        if amounts is not None and base is not None:
            return sum(amounts.values(), pending)
        return sum((product(amount, _rate_of(name, rates)) for name, amount in account.cash.items()), pending)
    funds = [position.label for position in mine if position.is_cash_like]
    if funds:
        notes.append(f"the file names no cash beside {listed(funds)}: counted as 0; or give --cash")
        return pending
    faults.append(Fault("the file does not say how much cash there is", "give --cash AMOUNT, 0 if none", column="cash"))
    return Decimal(0)
