"""The page that `rebalance` and `demo` show: pure functions from a result to what Rich prints."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from trimtab.cli.bars import bucket_table, legend
from trimtab.cli.rows import Row, Shown, chosen_rows, rows_of
from trimtab.cli.summary import brake_sentence, cash_facts, headline, limit_lines, trades
from trimtab.cli.symbols import ACTION_STYLES, ASCII, UNICODE, Symbols, percent, short_names
from trimtab.paths import UNKNOWN

if TYPE_CHECKING:
    from trimtab.result import RebalanceResult

_LEAST_WIDTH = 60
_FLAT_FROM = 100  # narrower pages put the bucket below the asset, and the action below the weights
_WIDE_FROM = 140
_ASSET_WIDTH = 14


def printed(make: Callable[[int, bool], RenderableType], width: int | None) -> bytes:
    """What `make(width, ascii_only)` gives, as bytes for stdout; for a file of `width` columns without colours."""
    to_file = width is not None
    encoding = "utf-8" if to_file else sys.stdout.encoding or "utf-8"
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system=None if to_file else "auto",
        force_terminal=True if not to_file and sys.stdout.isatty() else None,
    )
    console.width = max(console.width, _LEAST_WIDTH)
    with console.capture() as captured:
        console.print(make(console.width, not encoding.casefold().startswith("utf")))
    lines = captured.get().splitlines()
    return ("\n".join(line.rstrip() for line in lines) + "\n").encode(encoding, "backslashreplace")


def page(result: RebalanceResult, name: str, width: int, *, ascii_only: bool, show_all: bool) -> RenderableType:
    """The whole page for a result, `width` columns wide."""
    symbols = ASCII if ascii_only else UNICODE
    rows = rows_of(result)
    shown = chosen_rows(rows, show_all=show_all)
    has_buckets = result.limits.enable_bucket_diversification or any(row.bucket != UNKNOWN for row in rows)
    parts: list[RenderableType] = [Text(headline(result, name, rows), style="bold")]
    if result.braked:
        parts.append(Text(brake_sentence(result, rows), style="bold red"))
    parts += ["", asset_table(shown, result, width, symbols, has_buckets=has_buckets)]
    if shown.more:
        more = f"{symbols.ellipsis} {shown.more} more not selected"
        parts.append(Text(f"{more} (--all shows them, --format csv has every column)", "dim"))
    if has_buckets:
        table, empty = bucket_table(result, width, symbols)
        parts += [*_heading("Buckets"), table, Text(legend(result, symbols, empty), "dim")]
    cash, *facts = cash_facts(result, rows)
    parts += [*_heading("Cash"), Text(cash), *_bullets(map(Text, facts))]
    summary, *exceptions = limit_lines(result)
    parts += [*_heading("Limits"), summary, *_bullets(exceptions)]
    parts += [*_heading("Trades"), Text(trades(result, rows))]
    return Group(*parts)


def asset_table(shown: Shown, result: RebalanceResult, width: int, symbols: Symbols, *, has_buckets: bool) -> Table:
    """What is held, then what is closed, then the nearest misses."""
    names = _bucket_names([*shown.held, *shown.closed, *shown.missed], result.limits.bucket_separator, width)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    flat = width >= _FLAT_FROM
    add = _flat_columns if flat else _stacked_columns
    add(table, width, has_buckets=has_buckets)
    cells = _flat_cells if flat else _stacked_cells
    for at, group in enumerate(group for group in (shown.held, shown.closed, shown.missed) if group):
        if at:
            table.add_row()
        for row in group:
            style = "dim" if row.action == "none" else ""
            table.add_row(*cells(row, names[row.bucket], symbols, width, has_buckets), style=style)
    return table


def _flat_columns(table: Table, width: int, *, has_buckets: bool) -> None:
    table.add_column("Asset", max_width=_ASSET_WIDTH, no_wrap=True, overflow="ellipsis")
    if has_buckets:
        table.add_column("Bucket", max_width=_bucket_width(width), no_wrap=True, overflow="ellipsis")
    table.add_column("Score", justify="right", no_wrap=True)
    table.add_column("Weight", no_wrap=True)
    table.add_column("Action", no_wrap=True)
    table.add_column("Why", ratio=1)


def _stacked_columns(table: Table, width: int, *, has_buckets: bool) -> None:
    first = "Asset\nBucket" if has_buckets else "Asset"
    table.add_column(first, max_width=_bucket_width(width), no_wrap=True, overflow="ellipsis")
    table.add_column("Score", justify="right", no_wrap=True)
    table.add_column("Weight\nAction", no_wrap=True)
    table.add_column("Why", ratio=1)


def _flat_cells(row: Row, bucket: str, symbols: Symbols, width: int, has_buckets: bool) -> Sequence[Text]:
    first = [Text(row.asset, "bold"), *([Text(bucket)] if has_buckets else [])]
    room = 2 * (width - 50 - _bucket_width(width) * has_buckets)
    return [*first, _score(row), _weights(row, symbols), _action(row, symbols), Text(row.fitting(room, bucket))]


def _stacked_cells(row: Row, bucket: str, symbols: Symbols, width: int, has_buckets: bool) -> Sequence[Text]:
    first = Text.assemble((row.asset, "bold"), *([f"\n{bucket}"] if has_buckets else []))
    second = Text.assemble(_weights(row, symbols), "\n", _action(row, symbols))
    return [first, _score(row), second, Text(row.fitting(2 * (width - 50), bucket))]


def _bucket_width(width: int) -> int:
    return 20 if width < _WIDE_FROM else 34


def _bucket_names(rows: Sequence[Row], separator: str, width: int) -> dict[str, str]:
    paths = {row.bucket for row in rows}
    return {path: path for path in paths} if width >= _WIDE_FROM else short_names(paths, separator)


def _score(row: Row) -> Text:
    return Text("none" if row.score is None else f"{row.score:.3f}")


def _weights(row: Row, symbols: Symbols) -> Text:
    if row.action == "none":
        return Text(f"{percent(0.0):>7}")
    return Text.assemble(
        f"{percent(row.current):>7}", (f" {symbols.arrow} ", "dim"), (f"{percent(row.target):>7}", "bold")
    )


def _action(row: Row, symbols: Symbols) -> Text:
    return Text(f"{symbols.actions[row.action]} {row.action}", ACTION_STYLES[row.action])


def _heading(text: str) -> Iterable[RenderableType]:
    return ["", Text(text, style="bold")]


def _bullets(lines: Iterable[Text]) -> Iterable[RenderableType]:
    """Lines that hang behind their dash."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=3, justify="right")
    grid.add_column()
    for line in lines:
        grid.add_row("-", line)
    return [grid] if grid.row_count else []
