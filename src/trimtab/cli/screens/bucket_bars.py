"""Buckets against their limits, as bars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from trimtab.cli.screens.symbols import STATUS_STYLES, Symbols
from trimtab.tolerances import LIMIT_TOLERANCE

if TYPE_CHECKING:
    from trimtab.facts.buckets import BucketFact
    from trimtab.facts.outcome import Facts

_GAP = 2
_SHORTEST_BAR, _LONGEST_BAR = 6, 48
_SHORTEST_NAME = 12


def bar(target: float, current: float, limit: float | None, full: float, width: int, symbols: Symbols) -> Text:
    """A bar of `width` cells, for weights up to `full`: the weight held, the weight sold, a mark behind the limit."""
    parts = len(symbols.blocks)
    eighths = (width - 1) * parts / full if full > 0 else 0.0
    filled = math.floor(target * eighths + 0.5)
    cells = [symbols.blocks[-1]] * (filled // parts)
    if filled % parts:
        cells.append(symbols.blocks[filled % parts - 1])
    sold = math.ceil(math.floor(current * eighths + 0.5) / parts)
    cells += [symbols.sold] * (sold - len(cells))
    cells += [" "] * (width - len(cells))
    text = Text("".join(cells), style="cyan")
    if limit is not None and limit <= full:
        mark = min(math.ceil(math.floor(limit * eighths + 0.5) / parts), width - 1)
        over = target > limit + LIMIT_TOLERANCE
        text = Text.assemble(text[:mark], (symbols.limit, "bold red" if over else "bold"), text[mark + 1 :])
    return text


def bucket_table(facts: Facts, width: int, symbols: Symbols) -> Table:
    """Every bucket that is or was held, or that must be held, `width` columns wide."""
    buckets = facts.buckets
    has_limits = any(bucket.max_text or "/" in bucket.positions for bucket in buckets)
    headers = ("Held", "Weight / limit" if has_limits else "Weight", "Before", "")
    names = ["  " * bucket.depth + bucket.short for bucket in buckets]
    cells = [(bucket.positions, _weight(bucket), bucket.before_text, _remark(bucket)) for bucket in buckets]
    columns: list[tuple[str | Text, ...]] = list(zip(headers, *cells, strict=True))
    name_width, bar_width = _widths(names, width - sum(max(map(len, column)) + _GAP for column in columns) - _GAP)
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("Bucket", max_width=name_width, overflow="ellipsis", no_wrap=True)
    table.add_column(headers[0], justify="right", no_wrap=True)
    table.add_column("", width=bar_width, no_wrap=True)
    table.add_column(headers[1], justify="right", no_wrap=True)
    table.add_column(headers[2], justify="right", no_wrap=True)
    table.add_column(headers[3], no_wrap=True)
    for bucket, name, (positions, weight, before, remark) in zip(buckets, names, cells, strict=True):
        drawn = bar(bucket.after, bucket.before, bucket.max_weight, facts.bucket_scale, bar_width, symbols)
        table.add_row(Text(name), positions, drawn, weight, before, remark)
    return table


def _widths(names: list[str], room: int) -> tuple[int, int]:
    """The widths of the names and the bars in `room` columns: long names are cut only where the bars are short already."""
    name_width = max(map(len, ["Bucket", *names]))
    bar_width = min(max(room - name_width, _SHORTEST_BAR), _LONGEST_BAR)
    return min(name_width, max(room - bar_width, _SHORTEST_NAME)), bar_width


def legend(facts: Facts, symbols: Symbols) -> str:
    """The meaning of the bars, in one line."""
    marks = f"{symbols.blocks[-1]} held  {symbols.sold} sold"
    if any(bucket.max_text for bucket in facts.buckets):
        marks += f"  {symbols.limit} limit"
    return marks + (f"  ({facts.empty_buckets} left out)" if facts.empty_buckets else "")


def _weight(bucket: BucketFact) -> str:
    return f"{bucket.after_text} / {bucket.max_text}" if bucket.max_text else bucket.after_text


def _remark(bucket: BucketFact) -> Text:
    minimum = f"min {bucket.min_text}" if bucket.min_text else ""
    gap = " " if bucket.status and minimum else ""
    return Text.assemble((bucket.status, STATUS_STYLES.get(bucket.status, "")), gap, minimum)
