"""A plan's orders as text to copy and paste: a line for each, under the heading of its phase."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from trimtab.errors import Fault, InputError
from trimtab.files.cells import plain_number
from trimtab.order_files.broker_orders import number_of, parsed
from trimtab.order_files.file_order import FileOrder

HEADINGS = {1: "1. Sell", 2: "2. Buy", 3: "3. Buy after the sales settle"}
_PLAIN = re.compile(r"\w(?:[\w ./&-]*\w)?").fullmatch
_LINE = re.compile(
    r"(?P<side>Sell|Buy) (?P<shares>[0-9.]+) (?P<asset>.+) at about (?P<price>[0-9.]+) \[(?P<id>[^\]]*)\]", re.ASCII
).fullmatch


def write(orders: Sequence[FileOrder]) -> bytes:
    """The orders as text; a name that is not plain is written in quotes, as in JSON."""
    lines: list[str] = []
    for phase in sorted({order.phase for order in orders}):
        lines += ["", HEADINGS[phase]] if lines else [HEADINGS[phase]]
        lines += [_line(order) for order in orders if order.phase == phase]
    return "".join(f"{line}\n" for line in lines).encode()


def _line(order: FileOrder) -> str:
    asset = order.asset if _PLAIN(order.asset) else json.dumps(order.asset)
    shares, price = plain_number(order.shares or Decimal(0)), plain_number(order.price or Decimal(0))
    return f"{order.side.capitalize()} {shares} {asset} at about {price} [{order.client_order_id}]"


def read(data: bytes, source: str) -> tuple[FileOrder, ...]:
    """The orders in text that `write` made: asset, side, shares, price, phase and id.

    Raises
    ------
    InputError
        A line that is neither an order nor a heading, or an order before the first heading.
    """
    phases = {heading: phase for phase, heading in HEADINGS.items()}
    rows: list[dict[str, str]] = []
    phase = 0
    for number, line in enumerate(data.decode().split("\n"), 1):
        parts = _LINE(line)
        if line in phases:
            phase = phases[line]
        elif parts and phase:
            rows.append({**parts.groupdict(), "phase": str(phase)})
        elif line:
            advice = "write the file again; order files are not meant to be edited"
            raise InputError([Fault("is not an order", advice, line=number)], source)
    return parsed(_order, rows, source)


def _order(row: Mapping[str, str]) -> FileOrder:
    name = row["asset"]
    return FileOrder(
        asset=json.loads(name) if name.startswith('"') else name,
        side=row["side"].lower(),
        phase=int(row["phase"]),
        client_order_id=row["id"],
        shares=number_of(row["shares"]),
        price=number_of(row["price"]),
    )
