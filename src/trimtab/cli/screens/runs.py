"""The table that `runs list` shows: plain lines, since there may be a hundred thousand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trimtab.text import counted, percent, printable

if TYPE_CHECKING:
    from trimtab.store.listing import ListedRun

_TITLES = ("run", "time (UTC)", "kind", "account", "by", "result", "purpose")


def runs_page(runs: Sequence[ListedRun]) -> str:
    """A line for each record, oldest first; times in UTC."""
    if not runs:
        return "no runs yet\n"
    rows = [_TITLES, *(_cells(run) for run in runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    line = "  ".join(f"{{:{width}}}" for width in widths).format
    return "".join(f"{line(*row).rstrip()}\n" for row in rows)


def _cells(run: ListedRun) -> tuple[str, ...]:
    time = run.time[:16].replace("T", " ")
    return (run.run_id, time, run.kind, printable(run.account), printable(run.by), _result(run), printable(run.purpose))


def _result(run: ListedRun) -> str:
    if run.orders is None or run.turnover is None:
        return run.status or ""
    return f"{run.status}, {counted(run.orders, 'order')}, turnover {percent(run.turnover)}"
