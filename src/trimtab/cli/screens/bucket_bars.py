"""Buckets against their limits, as bars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from trimtab.cli.screens.symbols import STATUS_STYLES, Symbols

if TYPE_CHECKING:
    from trimtab.facts.buckets import BucketFact
    from trimtab.facts.outcome import Facts

_GAP = 2
_LIMIT_TOLERANCE = 1e-9


def bar(target: float, current: float, limit: float | None, full: float, width: int, symbols: Symbols) -> Text:
    """A bar of `width` cells, for weights up to `full`: what is held, what is sold, a mark behind the limit."""
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
        over = target > limit + _LIMIT_TOLERANCE
        text = Text.assemble(text[:mark], (symbols.limit, "bold red" if over else "bold"), text[mark + 1 :])
    return text


def bucket_table(facts: Facts, width: int, symbols: Symbols) -> Table:
    """Every bucket that is or was held or must be."""
    shown = facts.buckets
    has_limits = any(one.most_text or "/" in one.positions for one in shown)
    names = ["  " * one.depth + one.short for one in shown]
    cells = [(one.positions, _weight(one), one.before_text, _remark(one)) for one in shown]
    headers = ("Held", "Weight / limit" if has_limits else "Weight", "Before", "")
    name_width = min(max([len("Bucket"), *map(len, names)]), max(width * 3 // 10, 12))
    columns: list[tuple[str | Text, ...]] = list(zip(headers, *cells, strict=True))
    taken = name_width + sum(max(map(len, column)) for column in columns)
    bar_width = max(min(width - taken - 5 * _GAP, 48), 8)
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("Bucket", max_width=name_width, overflow="ellipsis", no_wrap=True)
    table.add_column(headers[0], justify="right", no_wrap=True)
    table.add_column("", width=bar_width, no_wrap=True)
    table.add_column(headers[1], justify="right", no_wrap=True)
    table.add_column(headers[2], justify="right", no_wrap=True)
    table.add_column(headers[3], no_wrap=True)
    for one, name, (positions, weight, before, remark) in zip(shown, names, cells, strict=True):
        drawn = bar(one.after, one.before, one.most, facts.bucket_scale, bar_width, symbols)
        table.add_row(Text(name), positions, drawn, weight, before, remark)
    return table


def legend(facts: Facts, symbols: Symbols) -> str:
    """What the bars mean, in one line."""
    marks = f"{symbols.blocks[-1]} held  {symbols.sold} sold"
    if any(one.most_text for one in facts.buckets):
        marks += f"  {symbols.limit} limit"
    return marks + (f"  ({facts.empty_buckets} left out)" if facts.empty_buckets else "")


def _weight(one: BucketFact) -> str:
    return f"{one.after_text} / {one.most_text}" if one.most_text else one.after_text


def _remark(one: BucketFact) -> Text:
    least = f"min {one.least_text}" if one.least_text else ""
    return Text.assemble((one.status, STATUS_STYLES.get(one.status, "")), " " if one.status and least else "", least)
