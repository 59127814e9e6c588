"""The table that `runs list` shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from trimtab.text import percent, printable

if TYPE_CHECKING:
    from trimtab.store.record import Record


def runs_page(records: Sequence[Record]) -> RenderableType:
    """A line for each record, oldest first; times in UTC."""
    if not records:
        return Text("no runs yet")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("run", "time (UTC)", "kind", "account", "by", "result", "purpose"):
        table.add_column(name, no_wrap=name in ("run", "time (UTC)", "kind"))
    for record in records:
        cells = (record.run_id, record.time[:16].replace("T", " "), record.kind, record.account, record.by)
        table.add_row(*(Text(printable(cell)) for cell in (*cells, _result(record), record.purpose)))
    return table


def _result(record: Record) -> str:
    values = record.values
    if "turnover" in values:
        return f"{values['status']}, {values['orders']} orders, turnover {percent(values['turnover'])}"
    return str(values.get("status", ""))
