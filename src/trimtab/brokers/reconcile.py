"""Rows against the totals of the file: to the cent, for each account, section, currency and for all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from trimtab.brokers.draft import Draft
from trimtab.brokers.positions import Account, Total
from trimtab.brokers.read_rows import CENT, ReadRow

_AGAIN = "a row is missing, there twice, or changed; download the whole file again"
_PERCENT_SLACK = Decimal("0.0051")  # percents are rounded to two decimals


def reconcile(
    rows: list[ReadRow], accounts: list[Account], draft: Draft
) -> tuple[list[Account], Total | None, list[str]]:
    """Accounts with their totals, the total of the file, and sentences on what was compared."""
    checks: list[str] = []
    _check_subtotals(rows, draft)
    _check_rates(rows, draft)
    totals = [row for row in rows if row.entry.kind in ("total", "known total")]
    covered = {row.entry.account for row in totals}
    if totals and draft.layout.total_covers_file:
        total = _check_file_total(rows, totals, accounts, draft)
        if len(accounts) == 1:
            accounts = [replace(accounts[0], total=total)]
        if total is None:
            return accounts, None, ["not compared with the file's total"]
        _verify(rows, None)
        return accounts, total, ["equal to the file's total"]
    accounts = [_with_total(account, rows, totals, draft) for account in accounts]
    by_percent = [
        account for account in accounts if account.account not in covered and _check_percents(account, rows, draft)
    ]
    for account in accounts:
        if draft.layout.needs_total and account.account not in covered and account not in by_percent:
            problem = f"{account.label} has no row with its total: the file may end early"
            draft.refuse(problem, "download the whole file again")
    known = [account.total for account in accounts if account.total is not None]
    total = None
    if known and len(known) == len(accounts) and len({total.currency for total in known}) == 1:
        worth, other = sum((each.value for each in known), Decimal(0)), sum((each.other for each in known), Decimal(0))
        total = Total(worth, known[0].currency, "the totals of its accounts", other)
    if known:
        other = sum((account_total.other for account_total in known), Decimal(0))
        less = f" less {other:,.2f} of accruals" if other else ""
        checks.append(f"equal to the file's {'total' if len(known) == 1 else f'{len(known)} totals'}{less}")
    if by_percent:
        checks.append("in line with the file's percents, as it has no total")
    if not known and not by_percent:
        checks.append("nothing in the file to compare the sum with")
    if any(row.number("price") is None or row.value is None for row in rows if row.entry.kind == "position"):
        checks.append("not every row has price and value to compare")
    return accounts, total, checks


def money(row: ReadRow, draft: Draft) -> Decimal | None:
    """The worth of a row in the currency of totals, None where the file does not give it."""
    if row.value_base is not None:
        return row.value_base
    return row.value if draft.base_currency in (None, row.currency) else None


def _sum_of(rows: Iterable[ReadRow], draft: Draft) -> Decimal | None:
    amounts = [money(row, draft) for row in rows]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None


def _mismatch(label: str, place: str, added: Decimal, stated: Decimal) -> str:
    return (
        f"{label}: the rows add up to {added:,.2f} ({added:.2f}), but {place} is {stated:,.2f}; "
        f"the difference is {stated - added:,.2f} ({stated - added:.2f})"
    )


def _verify(rows: Iterable[ReadRow], account: str | None) -> None:
    """Amounts that a total confirms."""
    for row in rows:
        if account is None or row.entry.account == account:
            row.verified |= {"value", "value_base"}


def _with_total(account: Account, rows: list[ReadRow], totals: list[ReadRow], draft: Draft) -> Account:
    """Compare the rows of an account with its total."""
    mine = [row for row in totals if row.entry.account == account.account]
    held = [row for row in rows if row.entry.account == account.account and row.entry.kind in ("position", "cash")]
    for row in mine:
        added, stated = _sum_of(held, draft), money(row, draft)
        place = f"{row.entry.text('label') or 'the total'!r}"
        other = Decimal(row.entry.text("other") or 0)
        currency = draft.base_currency if row.value_base is not None else row.currency
        if row.entry.kind == "known total" and stated is not None:
            account = replace(account, total=Total(stated, currency, place, other))
        elif stated is None or added is None:
            draft.refuse(f"{account.label}: its total cannot be compared", "export values too", row.entry)
        elif abs(added - stated) > CENT:
            draft.refuse(_mismatch(account.label, place, added, stated), _AGAIN, row.entry)
        else:
            account = replace(account, total=Total(stated + other, currency, f"row {place}", other))
            _verify(rows, account.account)
            _check_cost(account, held, row, draft)
    return account


def _check_cost(account: Account, held: list[ReadRow], total: ReadRow, draft: Draft) -> None:
    """Compare the costs with the total's, where every position has one."""
    stated = total.number("cost")
    costs = [row.cost for row in held if row.entry.kind == "position" and row.cost is not None]
    if stated is None or not costs or "cost" not in draft.headers:
        return
    added = sum(costs, Decimal(0))
    if abs(added - stated) > CENT and len(costs) == sum(row.entry.kind == "position" for row in held):
        draft.refuse(_mismatch(account.label, "the total of the costs", added, stated), _AGAIN, total.entry)
    for row in held:
        row.verified.add("cost")
    total.verified.add("cost")


def _check_file_total(
    rows: list[ReadRow], totals: list[ReadRow], accounts: list[Account], draft: Draft
) -> Total | None:
    """Compare all rows with the one total of the file."""
    held = [row for row in rows if row.entry.kind in ("position", "cash")]
    currencies = {draft.base_currency if row.value_base is not None else row.currency for row in held}
    if len(currencies) > 1:
        draft.notes.append("the total cannot be compared, as it adds several currencies")
        return None
    if draft.layout.needs_total and None not in draft.closed:
        draft.refuse("the row TOTAL is missing: the file may end early", "download the whole file again")
    added, label = _sum_of(held, draft), accounts[0].label if len(accounts) == 1 else "all accounts"
    total = None
    for row in totals:
        stated, place = money(row, draft), row.entry.text("label") or "the total"
        if stated is None or added is None:
            draft.refuse(f"{label}: the total cannot be compared", "export values too", row.entry)
        elif abs(added - stated) > CENT:
            extra = [row.entry.text("name") for row in held if row.entry.kind == "cash" and row.entry.text("name")]
            hint = f"; rows read as cash: {', '.join(extra)}" if extra and draft.layout.adds else ""
            draft.refuse(_mismatch(label, repr(place), added, stated) + hint, _AGAIN, row.entry)
        else:
            total = Total(stated, next(iter(currencies), None), f"row {place!r}")
    return total


def _check_subtotals(rows: list[ReadRow], draft: Draft) -> None:
    """Compare each section with its subtotal; a section without one ends early."""
    sections = dict.fromkeys((row.entry.account, row.entry.section) for row in rows if row.entry.section is not None)
    for account, section in sections:
        mine = [row for row in rows if (row.entry.account, row.entry.section) == (account, section)]
        subtotal = next((row for row in mine if row.entry.kind == "subtotal"), None)
        held = [row for row in mine if row.entry.kind in ("position", "cash")]
        if subtotal is None:
            draft.refuse(f"{account or section}: section {section!r} has no subtotal", "download the whole file again")
            continue
        added, stated = _sum_of(held, draft), money(subtotal, draft)
        if added is None or stated is None or abs(added - stated) > CENT:
            place = subtotal.entry.text("label")
            draft.refuse(_mismatch(f"{place} ({account})", place, added or Decimal(0), stated or Decimal(0)), _AGAIN)
        _check_cost(Account(subtotal.entry.text("label")), held, subtotal, draft)
        for row in mine:
            row.verified |= {"value"}


def _check_rates(rows: list[ReadRow], draft: Draft) -> None:
    """Values in the account's currency must rest on one rate for each currency."""
    rates: dict[str | None, tuple[Decimal, Decimal]] = {}
    for row in rows:
        if row.entry.kind not in ("position", "cash") or row.value is None or row.value_base is None or not row.value:
            continue
        if row.currency == draft.base_currency and abs(row.value - row.value_base) > CENT:
            problem = f"{row.entry.label}: {row.value:,.2f} and {row.value_base:,.2f} are in one currency, but differ"
            draft.refuse(problem, "download the file again", row.entry, "value_base")
        value, base = rates.setdefault(row.currency, (row.value, row.value_base))
        slack = CENT + CENT * abs(row.value / value) + CENT
        if abs(row.value * base / value - row.value_base) > slack:
            problem = f"{row.entry.label}: its rate is not that of the other rows in {row.currency}"
            draft.refuse(problem, "download the file again", row.entry, "value_base")


def _check_percents(account: Account, rows: list[ReadRow], draft: Draft) -> bool:
    """Compare each value with its percent of the account; false where the file does not give them all."""
    held = [
        row
        for row in rows
        if row.entry.account == account.account and row.entry.kind in ("position", "cash", "pending")
    ]
    stated = [(row, money(row, draft), row.number("percent")) for row in held if row.entry.kind != "pending"]
    if not stated or any(percent is None or value is None for _, value, percent in stated):
        return False
    pending = sum((money(row, draft) or Decimal(0) for row in held if row.entry.kind == "pending"), Decimal(0))
    added = sum((value for _, value, _ in stated if value is not None), Decimal(0))
    for whole in (added + pending, added):
        if whole > 0 and all(
            abs(value * 100 / whole - percent) <= _PERCENT_SLACK
            for _, value, percent in stated
            if value is not None and percent is not None
        ):
            _verify(rows, account.account)
            return True
    total = sum((percent for _, _, percent in stated if percent is not None), Decimal(0))
    worst = max(
        stated, key=lambda item: abs((item[1] or Decimal(0)) * 100 / (added or Decimal(1)) - (item[2] or Decimal(0)))
    )[0]
    problem = (
        f"{account.label}: the values do not fit the file's percents, which add up to {total:.2f} "
        f"({worst.entry.label} is furthest off)"
    )
    draft.refuse(problem, _AGAIN, worst.entry)
    return False
