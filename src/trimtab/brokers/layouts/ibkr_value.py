"""Cash and net asset value in an IBKR activity statement, and the positions compared with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from trimtab.brokers.amounts import currency_in
from trimtab.brokers.draft import Draft, Entry
from trimtab.brokers.layout import folded
from trimtab.brokers.layouts.ibkr_sections import AGAIN, CENT, Section, plain_number, width
from trimtab.errors import Fault, InputError, listed

_ACCRUALS = re.compile(
    r"accru|abgrenz|stückzins|courus|devengad|maturat|ratei|opgebouwd|начисл|应计|應計", re.IGNORECASE
)
_RATE_ERROR = Decimal("0.00001")  # of rates with five digits
_NAV_WIDTH = 8  # cells: section, kind, class, prior, long, short, total, change
_AMOUNTS = ("Prior Total", "Current Long", "Current Short", "Current Total", "Change")
_UNREADABLE = "one of its five amounts is not a number"
_NAMES = frozenset(
    (
        "net asset value", "nettoinventarwert", "nettovermögenswert", "valeur nette d'inventaire", "valeur liquidative",
        "valor de activo neto", "valor neto de los activos", "valor liquidativo", "valore patrimoniale netto",
        "valore netto degli attivi", "intrinsieke waarde", "netto vermogenswaarde", "чистая стоимость активов",
        "资产净值", "净资产值", "資產淨值", "純資産価値", "純資産額",
    )
)  # fmt: skip


def read_cash_and_value(sections: list[Section], draft: Draft) -> None:
    """Cash by currency, and the net asset value, which is positions, cash and accruals."""
    nav = next((rows for section in sections if (rows := _value_rows(section, draft))), None)
    reports = [table for section in sections if (table := _cash_rows(section))]
    value_cash = None if nav is None else nav[0][1]
    account = next(iter(draft.names), None)
    bases = [entry.text("value_base") for entry in draft.of_kind("position")]
    for table in reports:
        label = next((name for name in table if folded(name) == "ending cash"), None)
        if label is None and value_cash is not None:
            label = next(
                (name for name, row in table.items() if row.get("") is not None and abs(row[""] - value_cash) <= CENT),
                None,
            )
        if label is None:
            continue
        whole = table[label].get("")
        known = {currency: amount for currency, amount in table[label].items() if currency}
        rates = {draft.base_currency: Decimal(1)} | _rates(draft)
        for currency, amount in known.items():
            cells = {"value": f"{amount:f}", "currency": currency}
            if currency in rates:
                cells["value_base"] = f"{amount * rates[currency]:f}"
            draft.entries.append(Entry("cash", 0, cells, account))
        if whole is not None and value_cash is not None and abs(whole - value_cash) > CENT:
            problem = f"cash is {whole:,.2f} in the cash report, but {value_cash:,.2f} in the net asset value"
            draft.refuse(problem, AGAIN)
        _check_currencies(known, whole, rates, draft)
        value_cash = whole if value_cash is None else value_cash
        break
    if nav is None or len(draft.names) != 1:
        return
    if not all(bases):
        problem = "gives no rate for a currency, so that the net asset value cannot be compared"
        raise InputError([Fault(problem, "the file may end early; download it again, with all sections")], draft.source)
    total = nav[-1][1]
    held = sum((plain_number(base) or Decimal(0) for base in bases), Decimal(0))
    other = total - held - (value_cash or Decimal(0))
    accruals = sum((amount for name, amount in nav[1:-1] if _ACCRUALS.search(name)), Decimal(0))
    if abs(accruals - other) > CENT:
        problem = (
            f"positions ({held:,.2f}) and cash ({value_cash or 0:,.2f}) are not the net asset value {total:,.2f} "
            f"less its accruals ({accruals:,.2f})"
        )
        draft.refuse(problem, "a row is missing or changed; download the statement again")
    cells = {"value_base": f"{total:f}", "label": "net asset value", "other": f"{other:f}"}
    draft.entries.append(Entry("known total", 0, cells, account))
    draft.check()


def _check_currencies(
    known: Mapping[str, Decimal], whole: Decimal | None, rates: Mapping[str | None, Decimal], draft: Draft
) -> None:
    """The cash of all currencies, converted, must be the sum that the report states, as far as rates are known."""
    if whole is None or not known or not set(known) <= set(rates):
        return
    foreign = [abs(amount * rates[name]) for name, amount in known.items() if name != draft.base_currency]
    added = sum((amount * rates[name] for name, amount in known.items()), Decimal(0))
    if abs(added - whole) > CENT + _RATE_ERROR * sum(foreign, Decimal(0)):
        problem = f"the cash of all currencies adds up to {added:,.2f}, but the cash report says {whole:,.2f}"
        draft.refuse(problem, f"a row of the Cash Report is missing or changed; {AGAIN}")


def _rates(draft: Draft) -> dict[str | None, Decimal]:
    """The value of one unit of each currency in the base currency, by the positions."""
    rates: dict[str | None, Decimal] = {}
    for entry in draft.of_kind("position"):
        value, base = plain_number(entry.text("value")), plain_number(entry.text("value_base"))
        if value and base is not None:
            rates[entry.text("currency")] = base / value
    return rates


def _value_rows(section: Section, draft: Draft) -> list[tuple[str, Decimal]] | None:
    """The net asset value by class: rows of long + short = total, the last of them the sum of the others.

    The section is known by its name, or by rows that add up. Then all of them must.
    """
    rows = [row for kind, row, header in section.rows if kind == "Data" and width(header) == _NAV_WIDTH]
    numbers = [[plain_number(cell) for cell in row.cells[3:_NAV_WIDTH]] for row in rows]
    problems = [_problem(*amounts) if len(amounts) == len(_AMOUNTS) else _UNREADABLE for amounts in numbers]
    if folded(section.name) not in _NAMES and not problems.count("") > len(rows) / 2:
        return None
    for row, problem in zip(rows, problems, strict=True):
        if problem:
            entry = Entry("known total", row.line, {}, next(iter(draft.names), None))
            draft.refuse(f"{row.cells[2]} of {section.name}: {problem}", f"the row is changed; {AGAIN}", entry)
    draft.check()
    classes = [(row.cells[2], total) for row, (*_, total, _) in zip(rows, numbers, strict=True) if total is not None]
    added = sum((amount for _, amount in classes[:-1]), Decimal(0))
    if len(classes) < 2:
        draft.refuse(f"{section.name} has not the columns {listed(_AMOUNTS)} for each class", AGAIN)
    elif abs(added - classes[-1][1]) > CENT:
        last, stated = classes[-1]
        problem = f"the classes of {section.name} add up to {added:,.2f}, but its last row, {last!r}, is {stated:,.2f}"
        draft.refuse(problem, f"a class is missing or changed; {AGAIN}")
    draft.check()
    return classes


def _problem(
    prior: Decimal | None, long: Decimal | None, short: Decimal | None, total: Decimal | None, change: Decimal | None
) -> str:
    """Why the amounts of a class do not fit each other, with both numbers; empty where they do."""
    if prior is None or long is None or short is None or total is None or change is None:
        return _UNREADABLE
    if abs(long + short - total) > CENT:
        return f"long and short add up to {long + short:,.2f}, but its total is {total:,.2f}"
    if abs(total - prior - change) > CENT:
        return f"its totals differ by {total - prior:,.2f}, but its change is {change:,.2f}"
    return ""


def _cash_rows(section: Section) -> dict[str, dict[str, Decimal]] | None:
    """The cash report: for each line its amount by currency; the empty currency is the sum in base currency."""
    table: dict[str, dict[str, Decimal]] = {}
    for kind, row, _ in section.rows:
        if kind != "Data" or len(row.cells) < 5:
            continue
        currency, amount = currency_in(row.cells[3]), plain_number(row.cells[4])
        if amount is None or (currency is None and is_a_number(row.cells[3])):
            return None
        table.setdefault(row.cells[2], {})[currency or ""] = amount
    is_report = bool(table) and all("" in row for row in table.values()) and any(len(row) > 1 for row in table.values())
    return table if is_report else None


def is_a_number(text: str) -> bool:
    """Whether a cell is a number."""
    return plain_number(text) is not None
