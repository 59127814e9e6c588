"""The summary of a batch on screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trimtab.text import counted, percent, printable

if TYPE_CHECKING:
    from trimtab.batch.night_difference import NightDifference
    from trimtab.batch.summary import CountSection, Summary

_RISES = 6


def summary_page(summary: Summary, width: int) -> RenderableType:
    """Figures, tables of counts, what rose against the baseline, and the first failed accounts."""
    style = "bold" if summary.status == "published" else "bold red"
    compared, baseline = "", summary.baseline
    if baseline is not None:
        compared = f", compared with {baseline.name} ({counted(baseline.counts.accounts, 'account')})"
    parts: list[RenderableType] = [Text(printable(f"{summary.title}: {summary.status}{compared}"), style=style), ""]
    parts.append(_figures(summary, width))
    for section in summary.sections:
        parts += ["", Text(section.title, style="bold"), _table(section, summary.before)]
    if summary.rises:
        before = printable(summary.before or "")
        parts += ["", Text(f"More frequent than in {before}", style="bold")]
        shown = summary.rises[:_RISES]
        parts += [
            Text(f"  {each.reason}: {each.now_text} of the rows, {each.before_text} in {before}") for each in shown
        ]
    if summary.failed:
        parts += ["", Text(f"Failed accounts (first {len(summary.failed)} of {summary.counts.failed:,})", style="bold")]
        parts += [Text(f"  {printable(f'{account}: {reason}')}") for account, reason in summary.failed]
    return Group(*parts)


def _figures(summary: Summary, width: int) -> Table:
    across = 5 if width >= 100 else 3
    table = Table.grid(padding=(0, 3, 0, 0))
    cells = [Text.assemble((f"{figure.name} ", "dim"), (figure.text, "bold")) for figure in summary.figures]
    for first in range(0, len(cells), across):
        table.add_row(*cells[first : first + across])
    return table


def _table(section: CountSection, before: str | None) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 2), pad_edge=False, header_style="dim")
    table.add_column("", overflow="fold")
    for name in ("count", "share", *(() if before is None else (f"in {printable(before)}",))):
        table.add_column(name, justify="right", no_wrap=True)
    for line in section.lines:
        earlier = () if before is None else (line.before_text,)
        table.add_row(Text(printable(line.name)), line.count_text, line.share_text, *earlier)
    return table


def difference_page(difference: NightDifference) -> RenderableType:
    """The accounts that changed most from one batch to another."""
    headline = f"{difference.changed:,} of {difference.accounts:,} accounts changed"
    if not difference.changed:
        return Text(headline)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("account")
    for name in ("change", "assets", "reasons"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("because of")
    for row in difference.table.to_pylist():
        cause = f"only in the batch {row['only_in']}" if row["only_in"] else row["causes"] or "unknown"
        numbers = (percent(row["change"]), str(row["assets"]), str(row["reasons"]))
        table.add_row(Text(printable(row["account"])), *numbers, cause)
    return Group(Text(headline, style="bold"), "", table)
