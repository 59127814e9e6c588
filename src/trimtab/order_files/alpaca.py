"""Alpaca: JSON lines, each the body of `POST /v2/orders`; one file for each phase."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal

from trimtab.files.cells import plain_number
from trimtab.limits.order_file_settings import OrderFileSettings
from trimtab.order_files.broker_orders import Broker, number_of, parsed
from trimtab.order_files.file_order import SIDES, FileOrder

BROKER = Broker(
    "Alpaca",
    class_separator=".",
    share_step=Decimal("0.000000001"),
    whole_only=frozenset({"gtc", "opg", "cls", "ioc", "fok"}),
    currency="USD",
    takes_amounts=True,
    keeps_account=False,
)
_KEYS = frozenset({"symbol", "qty", "notional", "side", "type", "time_in_force", "limit_price", "client_order_id"})


def write(orders: Sequence[FileOrder], currencies: Mapping[str, str], settings: OrderFileSettings) -> bytes:  # noqa: ARG001 - one signature for all formats
    """The orders of one phase; numbers are text, as Alpaca asks for exact ones."""
    lines = []
    for order in orders:
        size = {"notional": order.amount} if order.shares is None else {"qty": order.shares}
        values = {
            "symbol": order.asset,
            **{name: plain_number(number or Decimal(0)) for name, number in size.items()},
            "side": order.side,
            "type": "market" if order.limit_price is None else "limit",
            "time_in_force": order.time_in_force,
            **({} if order.limit_price is None else {"limit_price": plain_number(order.limit_price)}),
            "client_order_id": order.client_order_id,
        }
        lines.append(json.dumps(values) + "\n")
    return "".join(lines).encode()


def read(data: bytes, source: str, phase: int) -> tuple[FileOrder, ...]:
    """The orders in the bytes of a file."""

    def order(row: Mapping[str, str]) -> FileOrder:
        has_limit = row["type"] == "limit"
        is_known = set(row) <= _KEYS and row["type"] in ("market", "limit") and row["side"] in SIDES
        if not is_known or ("qty" in row) == ("notional" in row) or has_limit != ("limit_price" in row):
            raise ValueError(row)
        return FileOrder(
            asset=row["symbol"],
            side=row["side"],
            phase=phase,
            client_order_id=row["client_order_id"],
            shares=number_of(row["qty"]) if "qty" in row else None,
            amount=number_of(row["notional"]) if "notional" in row else None,
            limit_price=number_of(row["limit_price"]) if has_limit else None,
            time_in_force=row["time_in_force"],
        )

    return parsed(
        lambda line: order(json.loads(line["json"])), ({"json": line} for line in data.decode().splitlines()), source
    )
