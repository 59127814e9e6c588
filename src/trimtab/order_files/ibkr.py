"""IBKR: a CSV file for the BasketTrader of the Trader Workstation, one file for each phase."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from decimal import Decimal

from trimtab.files.cells import csv_line, plain_number
from trimtab.limits.order_file_settings import OrderFileSettings
from trimtab.order_files.broker_orders import Broker, number_of, parsed
from trimtab.order_files.file_order import FileOrder

BROKER = Broker("IBKR", class_separator=" ", share_step=Decimal(1))
_COLUMNS = (
    "Action", "Quantity", "Symbol", "SecType", "Exchange", "Currency", "TimeInForce", "OrderType", "LmtPrice",
    "BasketTag", "Account",
)  # fmt: skip
_SIDES = {"SELL": "sell", "BUY": "buy"}
_AT_CLOSE = {"MKT": "MOC", "LMT": "LOC"}  # kinds of orders, not times in force


def write(orders: Sequence[FileOrder], currencies: Mapping[str, str], settings: OrderFileSettings) -> bytes:
    """The orders of one phase; `currencies` by the symbol of the file."""
    lines = [csv_line(list(_COLUMNS))]
    for order in orders:
        kind = "MKT" if order.limit_price is None else "LMT"
        at_close = settings.time_in_force == "cls"
        cells = [
            order.side.upper(),
            plain_number(order.shares or Decimal(0)),
            order.asset,
            "STK",
            settings.exchange,
            currencies.get(order.asset, settings.currency),
            "DAY" if at_close else settings.time_in_force.upper(),
            _AT_CLOSE[kind] if at_close else kind,
            "" if order.limit_price is None else plain_number(order.limit_price),
            order.client_order_id,
            settings.account,
        ]
        lines.append(csv_line(cells))
    return "".join(lines).encode()


def read(data: bytes, source: str, phase: int) -> tuple[FileOrder, ...]:
    """The orders in the bytes of a file."""

    def order(row: Mapping[str, str]) -> FileOrder:
        at_close = row["OrderType"] in _AT_CLOSE.values()
        has_limit = row["OrderType"] in ("LMT", "LOC")
        if row["OrderType"] not in ("MKT", "MOC", "LMT", "LOC") or has_limit != bool(row["LmtPrice"]):
            raise ValueError(row["OrderType"])
        return FileOrder(
            asset=row["Symbol"],
            side=_SIDES[row["Action"]],
            phase=phase,
            client_order_id=row["BasketTag"],
            shares=number_of(row["Quantity"]),
            limit_price=number_of(row["LmtPrice"]) if has_limit else None,
            time_in_force="cls" if at_close else row["TimeInForce"].lower(),
            account=row["Account"],
        )

    return parsed(order, csv.DictReader(data.decode().splitlines(keepends=True), strict=True), source)
