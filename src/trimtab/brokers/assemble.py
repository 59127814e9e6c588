"""A draft -> positions: rows read, merged where the layout adds them up, and reconciled with the file's totals."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from trimtab.brokers.amounts import COMMA, EXACT, POINT, NotANumberError, NumberStyle
from trimtab.brokers.dates import date_in
from trimtab.brokers.draft import Draft
from trimtab.brokers.positions import Account, Position, Positions, TaxLot
from trimtab.brokers.read_rows import ReadRow, file_style, read_rows
from trimtab.brokers.reconcile import reconcile
from trimtab.errors import Fault, InputError

_MONEY_FUNDS = ("money fund",)


def assemble(draft: Draft) -> Positions:
    """The positions in a draft.

    Raises
    ------
    InputError
        Every row and total that cannot be read, or does not reconcile.
    """
    style = file_style(draft)
    if style.is_proven:
        return _assembled(draft, style)
    read: dict[str, Positions] = {}
    errors: dict[str, InputError] = {}
    noted = list(draft.notes)
    for mark in (POINT, COMMA):  # no number tells: the arithmetic must, and for one of the two only
        draft.faults, draft.notes = [], list(noted)
        try:
            read[mark] = _assembled(draft, NumberStyle(mark, is_proven=False, groups=False))
        except InputError as error:
            errors[mark] = error
    if len(read) == 2:
        if read[POINT].positions == read[COMMA].positions and read[POINT].accounts == read[COMMA].accounts:
            return read[POINT]
        problem = "it is not clear whether its numbers have decimal points or decimal commas"
        raise InputError([Fault(problem, "write one number with both, such as 1,234.50")], draft.source)
    if not read:
        raise errors[style.mark]
    return next(iter(read.values()))


def _assembled(draft: Draft, style: NumberStyle) -> Positions:
    rows = read_rows(draft, style)
    draft.check()
    if not rows:
        raise InputError([Fault("has a header, but no positions", "export the positions again")], draft.source)
    positions = _positions(rows, draft)
    draft.check()
    accounts = _accounts(rows, draft)
    accounts, total, checks = reconcile(rows, accounts, draft)
    _refuse_unproven(rows, draft)
    draft.check()
    notes = [*dict.fromkeys(draft.notes), *_kept(positions)]
    return Positions(
        source=draft.source,
        layout=draft.layout.name,
        title=draft.layout.title,
        as_of=draft.as_of,
        accounts=tuple(accounts),
        positions=tuple(positions),
        total=total,
        checks=tuple(checks),
        notes=tuple(notes),
        columns=tuple(draft.columns),
    )


def _positions(rows: Iterable[ReadRow], draft: Draft) -> list[Position]:
    """Merge rows of one asset in one account into one position, if the layout says so and the rows differ."""
    groups: dict[tuple[str | None, ...], list[ReadRow]] = {}
    for row in rows:
        if row.entry.kind == "position":
            groups.setdefault(_key(row), []).append(row)
    return [_merged(group, draft) for group in groups.values()]


def _key(row: ReadRow) -> tuple[str | None, ...]:
    name = row.entry.text("name")
    own = (
        row.ids.get("conid") or row.symbol or row.ids.get("isin") or row.ids.get("cusip") or row.ids.get("wkn") or name
    )
    option = name if row.kind == "option" else None
    return (row.entry.account, own, option)


def _merged(group: list[ReadRow], draft: Draft) -> Position:
    first = group[0]
    seen: list[dict[str, str]] = []
    for row in group:
        if row.entry.cells in seen:
            problem = f"{row.entry.label} is in the file twice with every cell equal: two lots, or a mistake?"
            advice = (
                f"drop one of the two (account {row.entry.account})" if row.entry.account else "drop one of the two"
            )
            draft.refuse(problem, advice, row.entry)
        elif seen and not draft.layout.adds:
            problem = f"{row.entry.label} is in account {row.entry.account or 'of the file'} twice"
            draft.refuse(problem, "add the two rows up, or name two accounts", row.entry)
        elif row.number("price") != first.number("price") or row.currency != first.currency:
            problem = f"{row.entry.label} has two prices: {first.entry.text('price')} and {row.entry.text('price')}"
            draft.refuse(problem, "download the file again", row.entry, "price")
        seen.append(row.entry.cells)
    quantity = _sum([row.number("quantity") for row in group])
    return Position(
        account=first.entry.account,
        symbol=first.symbol,
        name=first.entry.text("name") or None,
        kind=first.kind,
        ids=first.ids,
        quantity=Decimal(0) if quantity is None else quantity,
        price=first.number("price"),
        price_per=first.price_per,
        multiplier=first.multiplier,
        value=_sum([row.value for row in group]),
        currency=first.currency,
        cost=_sum([row.cost for row in group]),
        value_base=_sum([row.value_base for row in group]),
        base_currency=draft.base_currency if first.value_base is not None else None,
        is_cash_like=first.kind in _MONEY_FUNDS,
        lots=tuple(lot for row in group for lot in _lots(row, draft)),
        lines=tuple(row.entry.line for row in group),
    )


def _sum(numbers: list[Decimal | None]) -> Decimal | None:
    known = [number for number in numbers if number is not None]
    return sum(known, Decimal(0)) if len(known) == len(numbers) else None


def _lots(row: ReadRow, draft: Draft) -> list[TaxLot]:
    """The tax lots of a row; they must add up to it."""
    if not row.entry.lots:
        return []
    lots = []
    for entry in row.entry.lots:
        try:
            quantity, cost = EXACT.read(entry.text("quantity")), EXACT.read(entry.text("cost"))
        except NotANumberError as error:
            draft.refuse(f"a lot of {entry.label} {error}", "export the lots again", entry)
            continue
        if quantity is None:
            draft.refuse(f"a lot of {entry.label} has no quantity", "export the lots again", entry, "quantity")
            continue
        acquired = date_in(entry.text("acquired"), "mdy")
        lots.append(TaxLot(quantity.number, None if cost is None else cost.number, acquired))
    held = sum((lot.quantity for lot in lots), Decimal(0))
    if held != row.number("quantity"):
        problem = f"{row.entry.label}: the lots add up to {held}, but the position is {row.number('quantity')}"
        draft.refuse(problem, "export the file again, with all lots or without any", row.entry)
    return lots


def _accounts(rows: Iterable[ReadRow], draft: Draft) -> list[Account]:
    """The accounts with their cash and their pending amounts."""
    cash: dict[str | None, dict[str, Decimal]] = {}
    pending: dict[str | None, dict[str, Decimal]] = {}
    base: dict[str | None, dict[str, Decimal]] = {}
    seen: list[tuple[str | None, dict[str, str]]] = []
    for row in rows:
        kind = row.entry.kind
        if kind not in ("cash", "pending"):
            continue
        if (row.entry.account, row.entry.cells) in seen:
            problem = f"{row.entry.label}: the row is in the file twice, with every cell equal"
            draft.refuse(problem, "drop one of the two", row.entry)
        seen.append((row.entry.account, row.entry.cells))
        amount = next(number for number in (row.value, row.value_base) if number is not None)  # a row read has one
        currency = row.currency or draft.base_currency
        if currency is None:
            advice = f"add a column currency, or name it: --layout {draft.layout.name}:USD, for example"
            draft.refuse(f"{row.entry.label} has no currency", advice, row.entry, "currency")
            continue
        into = (cash if kind == "cash" else pending).setdefault(row.entry.account, {})
        if currency in into and kind == "cash" and not (draft.layout.adds or draft.layout.adds_cash):
            problem = f"account {row.entry.account or 'of the file'} has two rows of cash in {currency}"
            draft.refuse(problem, "keep one, or add them up", row.entry)
        into[currency] = into.get(currency, Decimal(0)) + amount
        if row.value_base is not None and kind == "cash":
            bases = base.setdefault(row.entry.account, {})
            bases[currency] = bases.get(currency, Decimal(0)) + row.value_base
    return [
        Account(
            name,
            called or None,
            draft.base_currency,
            cash.get(name),
            pending.get(name, {}),
            cash_base=base.get(name, {}),
        )
        for name, called in draft.names.items()
        if name is not None or len(draft.names) == 1 or name in cash or name in pending
    ]


def _refuse_unproven(rows: Iterable[ReadRow], draft: Draft) -> None:
    """Refuse a number such as 1,234 that nothing confirms: a thousand, or one and a bit?"""
    for row in rows:
        for name, amount in row.amounts.items():
            if amount.needs_proof and name not in row.verified and name not in ("percent", "gain", "fee"):
                problem = f"{row.entry.label}: may be a number with thousands or one with decimals"
                draft.refuse(problem, "write it without a separator for thousands", row.entry, name)


def _kept(positions: Iterable[Position]) -> list[str]:
    """Notes on positions that no rebalance trades."""
    notes = []
    for word, members in (
        ("a money fund", [position for position in positions if position.is_cash_like]),
        ("an option", [position for position in positions if position.kind == "option"]),
        ("a bond", [position for position in positions if position.kind == "bond"]),
        (
            "a short position",
            [position for position in positions if position.quantity < 0 and position.kind != "option"],
        ),
    ):
        notes += [f"{position.label} is {word}: kept (no_trade) and counted in the value" for position in members]
    return notes
