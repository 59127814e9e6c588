"""Ghostfolio: the export as JSON with balances, and the CSV for import. Activities are folded."""

from __future__ import annotations

import datetime as dt
from typing import Any

from trimtab.brokers.dates import date_in
from trimtab.brokers.draft import Draft, Entry, text_cell
from trimtab.brokers.layout import Layout
from trimtab.errors import Fault

_FOLD = {r"buy": "buy", r"sell": "sell", r"dividend|fee|interest|liability": "none"}
GHOSTFOLIO_CSV = Layout(
    name="ghostfolio_csv",
    title="Ghostfolio activities (CSV)",
    columns={
        "as_of": ("Date",),
        "symbol": ("Code", "Symbol", "Ticker"),
        "source": ("DataSource", "Data Source"),
        "currency": ("Currency", "CCY", "CurrencyPrimary"),
        "price": ("Price", "UnitPrice", "TradePrice", "Unit Price", "Value"),
        "quantity": ("Quantity", "Qty", "Shares", "Units"),
        "action": ("Action", "Type", "Buy/Sell"),
        "fee": ("Fee", "Commission", "IBCommission"),
        "account": ("Account", "AccountId"),
    },
    needed=("as_of", "symbol", "currency", "price", "quantity", "action"),
    marks=("DataSource", "Data Source", "Fee", "Action", "Type", "Code", "UnitPrice"),
    min_marks=2,
    ignored=("Note", "Comment"),
    others=("Trans Code", "Settlement Date", "Fees & Comm", "Amount"),
    date_order="dmy",
    usual_names=False,
    fold=_FOLD,
)
GHOSTFOLIO = Layout(
    name="ghostfolio",
    title="Ghostfolio export",
    columns={
        "quantity": ("quantity",),
        "action": ("type",),
        "symbol": ("symbol",),
        "as_of": ("date",),
        "price": ("unitPrice",),
    },
    needed=("quantity", "action", "symbol", "as_of"),
    fold=_FOLD,
)
_DRAFT_TAG = "0c077abd-eca2-4cbb-818c-6cefbf2d169a"  # Ghostfolio's own tag of activities that are only planned


def is_export(values: Any) -> bool:
    """Whether JSON values are a Ghostfolio export."""
    return isinstance(values, dict) and isinstance(values.get("activities"), list)


def read_export(values: dict[str, Any], draft: Draft, as_of: dt.date | None) -> None:
    """Add the activities and the latest balances to a draft."""
    draft.is_exact = True
    meta = values.get("meta")
    draft.set_day(text_cell(meta.get("date") if isinstance(meta, dict) else None))
    profiles = {
        text_cell(item.get("symbol")): text_cell(item.get("name"))
        for item in values.get("assetProfiles") or ()
        if isinstance(item, dict)
    }
    for account in values.get("accounts") or ():
        if isinstance(account, dict):
            _read_account(account, draft, as_of or draft.as_of)
    for row, item in enumerate(values["activities"], 1):
        _read_activity(item, row, profiles, draft)
    draft.columns = [(names[0], item) for item, names in GHOSTFOLIO.columns.items()]


def _read_account(account: dict[str, Any], draft: Draft, last: dt.date | None) -> None:
    name = text_cell(account.get("id"))
    draft.add_account(name, text_cell(account.get("name")) or None)
    dated = [
        (day, text_cell(item.get("value")))
        for item in account.get("balances") or ()
        if isinstance(item, dict) and (day := date_in(text_cell(item.get("date")))) is not None
    ]
    known = [item for item in dated if last is None or item[0] <= last]
    if known:
        cells = {"value": max(known)[1], "currency": text_cell(account.get("currency"))}
        draft.entries.append(Entry("cash", 0, cells, name))


def _read_activity(item: Any, row: int, profiles: dict[str, str], draft: Draft) -> None:
    if not isinstance(item, dict):
        draft.faults.append(Fault("is not an activity", "export it again", row=row))
        return
    if _DRAFT_TAG in (item.get("tags") or ()):
        draft.notes.append("activities tagged as drafts are left out")
        return
    profile = item.get("SymbolProfile")
    symbol = text_cell(item.get("symbol")) or text_cell(profile.get("symbol") if isinstance(profile, dict) else None)
    for needed in ("type", "quantity", "date"):
        if item.get(needed) is None:
            draft.faults.append(Fault(f"{symbol or 'an activity'} has no {needed}", "export it again", needed, row=row))
    cells = {
        "symbol": symbol,
        "name": profiles.get(symbol, ""),
        "as_of": text_cell(item.get("date")),
        "action": text_cell(item.get("type")),
        "quantity": text_cell(item.get("quantity")),
        "price": text_cell(item.get("unitPrice")),
        "currency": text_cell(item.get("currency")),
        "data_source": text_cell(item.get("dataSource")),
        "kind": text_cell(item.get("dataSource")),
        "id": text_cell(item.get("id")),
    }
    if "accountId" not in item or not symbol:
        problem = f"{symbol or 'an activity'} has no {'symbol' if not symbol else 'accountId'}"
        draft.faults.append(Fault(problem, "export it again", row=row))
    account = text_cell(item.get("accountId")) or None
    if account not in draft.names:
        draft.add_account(account)
    draft.entries.append(Entry("activity", row, cells, account))
