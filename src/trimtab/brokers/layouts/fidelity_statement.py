"""Fidelity: the monthly statement as CSV, with a summary of accounts, sections and their subtotals."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path

from trimtab.brokers.draft import Draft, Entry
from trimtab.brokers.layout import Layout, Rule, folded
from trimtab.brokers.sheet import Row
from trimtab.errors import Fault, InputError

FIDELITY_STATEMENT = Layout(
    name="fidelity_statement",
    title="Fidelity statement",
    columns={
        "symbol": ("Symbol/CUSIP", "Symbol/CUSIP[ID]"),
        "name": ("Description",),
        "quantity": ("Quantity",),
        "price": ("Price",),
        "value": ("Ending Value", "Ending mkt Value"),
        "cost": ("Cost Basis",),
    },
    needed=("symbol", "quantity", "price", "value"),
    marks=("Symbol/CUSIP", "Beginning Value", "Ending Value"),
    min_marks=2,
    others=("Beginning mkt Value", "Change in Investment", "Ending Net Value", "Account Type"),
    rules=(
        Rule("subtotal", r"subtotal of .*", field=""),
        Rule("account", r"[A-Z]?\d[A-Z0-9]{5,11}", field=""),
        Rule("section", r"(?!subtotal)[A-Za-z][A-Za-z &/,-]*", field=""),
    ),
    sections=("core account",),
    currency="USD",
    date_order="mdy",
    usual_names=False,
    adds=True,
)
_ACCOUNT, _TYPE, _VALUE = "account", "account type", "ending mkt value"
_DAY = re.compile(r"statement(\d{1,2})(\d{2})(\d{4})", re.IGNORECASE)


def prepare(rows: Sequence[Row], draft: Draft) -> None:
    """Take accounts and totals from the summary, and the day from the file's name, the only place that has it."""
    match = _DAY.search(Path(draft.source).name)
    if match is not None:
        try:
            draft.as_of = dt.date(int(match[3]), int(match[1]), int(match[2]))
        except ValueError:
            draft.notes.append("the name of the file has no day that can be read")
    names: list[str] = []
    for row in rows:
        cells = [folded(cell) for cell in row.cells]
        if _VALUE in cells and _ACCOUNT in cells:
            names = cells
        elif names and len(row.filled) < 3:
            return
        elif names and len(row.cells) <= max(names.index(_ACCOUNT), names.index(_VALUE)):
            problem = f"the row of {row.text[:40]!r} in the summary is too short"
            raise InputError([Fault(problem, "download the whole statement again", line=row.line)], draft.source)
        elif names and row.cells[names.index(_ACCOUNT)]:
            account = row.cells[names.index(_ACCOUNT)]
            draft.add_account(account, row.cells[names.index(_TYPE)] if _TYPE in names[: len(row.cells)] else None)
            cells_of_total = {"value": row.cells[names.index(_VALUE)], "label": "Ending mkt Value"}
            draft.entries.append(Entry("total", row.line, cells_of_total, account))
    if not names:
        raise InputError([Fault("has no summary of accounts", "download the whole statement again")], draft.source)
