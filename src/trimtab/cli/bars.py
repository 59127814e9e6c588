"""Buckets against their limits, as bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from trimtab.cli.exits import printable
from trimtab.cli.symbols import Symbols, counted, percent, short_names

if TYPE_CHECKING:
    from trimtab.result import RebalanceResult
    from trimtab.summaries import BucketSummary

_GAP = 2
_LIMIT_TOLERANCE = 1e-9
_BUCKET_LIMITS = ("max_positions", "max_allocation", "min_allocation")


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


def bucket_table(result: RebalanceResult, width: int, symbols: Symbols) -> tuple[Table, int]:
    """Every bucket that is or was held or must be, and the number of the others."""
    shown = [one for one in result.buckets if _is_used(one)]
    has_limits = any(one.max_allocation is not None or one.max_positions is not None for one in shown)
    names = _names(shown, result.limits.bucket_separator)
    statuses = _statuses(result)
    cells = [
        (_positions(one), _weight(one), percent(one.current_weight), _remark(one, statuses.get(one.path, "")))
        for one in shown
    ]
    headers = ("Held", "Weight / limit" if has_limits else "Weight", "Before", "")
    name_width = min(max([len("Bucket"), *map(len, names.values())]), max(width * 3 // 10, 12))
    columns: list[tuple[str | Text, ...]] = list(zip(headers, *cells, strict=True))
    taken = name_width + sum(max(map(len, column)) for column in columns)
    bar_width = max(min(width - taken - 5 * _GAP, 48), 8)
    full = max([_most(one) for one in shown], default=0.0)
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("Bucket", max_width=name_width, overflow="ellipsis", no_wrap=True)
    table.add_column(headers[0], justify="right", no_wrap=True)
    table.add_column("", width=bar_width, no_wrap=True)
    table.add_column(headers[1], justify="right", no_wrap=True)
    table.add_column(headers[2], justify="right", no_wrap=True)
    table.add_column(headers[3], no_wrap=True)
    for one, (positions, weight, before, remark) in zip(shown, cells, strict=True):
        drawn = bar(one.target_weight, one.current_weight, one.max_allocation, full, bar_width, symbols)
        table.add_row(Text(names[one.path]), positions, drawn, weight, before, remark)
    return table, len(result.buckets) - len(shown)


def legend(result: RebalanceResult, symbols: Symbols, empty: int) -> str:
    """What the bars mean, in one line."""
    marks = f"{symbols.blocks[-1]} held  {symbols.sold} sold"
    if any(one.max_allocation is not None for one in result.buckets):
        marks += f"  {symbols.limit} limit"
    return marks + (f"  ({counted(empty, 'empty bucket')} left out)" if empty else "")


def _is_used(one: BucketSummary) -> bool:
    return one.positions > 0 or one.current_weight > 0 or one.target_weight > 0 or one.min_allocation is not None


def _positions(one: BucketSummary) -> str:
    return f"{one.positions}" if one.max_positions is None else f"{one.positions}/{one.max_positions}"


def _weight(one: BucketSummary) -> str:
    limit = "" if one.max_allocation is None else f" / {percent(one.max_allocation)}"
    return f"{percent(one.target_weight)}{limit}"


def _most(one: BucketSummary) -> float:
    limit = one.max_allocation if one.max_allocation is not None and one.max_allocation < 1 else 0.0
    return max(one.target_weight, one.current_weight, limit)


def _names(shown: Sequence[BucketSummary], separator: str) -> dict[str, str]:
    """A bucket below another on the list by its last part, indented; others as short as they can be."""
    listed = {one.path for one in shown}
    tops: list[str] = []
    names: dict[str, str] = {}
    for one in shown:
        parts = one.path.split(separator) if separator else [one.path]
        above = sum(separator.join(parts[:depth]) in listed for depth in range(1, len(parts)))
        if above:
            names[one.path] = "  " * above + printable(parts[-1], keep="")
        else:
            tops.append(one.path)
    return {**short_names(tops, separator), **names}


def _statuses(result: RebalanceResult) -> dict[str, str]:
    """The certificate's word for each bucket where a limit is not simply met."""
    found: dict[str, str] = {}
    for one in result.certificate:
        if one.name in _BUCKET_LIMITS and one.status != "met":
            found[one.node] = one.status
    return found


def _remark(one: BucketSummary, status: str) -> Text:
    least = "" if one.min_allocation is None else f"min {percent(one.min_allocation)}"
    full = one.max_allocation is not None and one.target_weight >= one.max_allocation - _LIMIT_TOLERANCE
    word = status or ("full" if full and one.target_weight > 0 else "")
    styles = {"unmet": "bold red", "waived": "yellow", "drifted": "yellow", "full": "bold"}
    return Text.assemble((word, styles.get(word, "")), " " if word and least else "", least)
