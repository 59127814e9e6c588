"""FIX: a CSV file whose header has the tags of a new order (35=D), one file for each phase."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from decimal import Decimal

from trimtab.files.cells import csv_line, plain_number
from trimtab.limits.order_file_settings import OrderFileSettings
from trimtab.order_files.broker_orders import Broker, number_of, parsed
from trimtab.order_files.file_order import FileOrder

BROKER = Broker("FIX", class_separator=".")
# MsgType, ClOrdID, Account, Symbol, Side, OrderQty, OrdType, Price, TimeInForce, Currency
_TAGS = ("35", "11", "1", "55", "54", "38", "40", "44", "59", "15")
_SIDES = {"buy": "1", "sell": "2"}
_TIMES = {"day": "0", "gtc": "1", "opg": "2", "ioc": "3", "fok": "4", "cls": "7"}
_MARKET, _LIMIT = "1", "2"


def write(orders: Sequence[FileOrder], currencies: Mapping[str, str], settings: OrderFileSettings) -> bytes:
    """The orders of one phase. TransactTime (60) is left to the sender, so that the same plan gives the same file."""
    lines = [csv_line(list(_TAGS))]
    for order in orders:
        cells = [
            "D",
            order.client_order_id,
            settings.account,
            order.asset,
            _SIDES[order.side],
            plain_number(order.shares or Decimal(0)),
            _MARKET if order.limit_price is None else _LIMIT,
            "" if order.limit_price is None else plain_number(order.limit_price),
            _TIMES[settings.time_in_force],
            currencies.get(order.asset, settings.currency),
        ]
        lines.append(csv_line(cells))
    return "".join(lines).encode()


def read(data: bytes, source: str, phase: int) -> tuple[FileOrder, ...]:
    """The orders in the bytes of a file."""
    sides = {code: side for side, code in _SIDES.items()}
    times = {code: time for time, code in _TIMES.items()}

    def order(row: Mapping[str, str]) -> FileOrder:
        has_limit = row["40"] == _LIMIT
        if row["35"] != "D" or row["40"] not in (_MARKET, _LIMIT) or has_limit != bool(row["44"]):
            raise ValueError(row)
        return FileOrder(
            asset=row["55"],
            side=sides[row["54"]],
            phase=phase,
            client_order_id=row["11"],
            shares=number_of(row["38"]),
            limit_price=number_of(row["44"]) if has_limit else None,
            time_in_force=times[row["59"]],
            account=row["1"],
        )

    return parsed(order, csv.DictReader(data.decode().splitlines(keepends=True), strict=True), source)
