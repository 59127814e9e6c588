"""The page that `rebalance` and `demo` show: pure functions from facts to what Rich prints."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from trimtab.cli.screens.asset_rows import Shown, chosen_rows, fitting
from trimtab.cli.screens.bucket_bars import bucket_table, legend
from trimtab.cli.screens.symbols import ACTION_STYLES, ASCII, STATUS_STYLES, UNICODE, Symbols

if TYPE_CHECKING:
    from trimtab.facts.assets import AssetFact
    from trimtab.facts.outcome import Facts

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


def page(facts: Facts, width: int, *, ascii_only: bool, show_all: bool) -> RenderableType:
    """The whole page for the facts of a result, `width` columns wide."""
    symbols = ASCII if ascii_only else UNICODE
    shown = chosen_rows(facts.groups, show_all=show_all)
    parts: list[RenderableType] = [Text(facts.headline, style="bold")]
    if facts.brake:
        parts.append(Text(facts.brake, style="bold red"))
    parts += ["", asset_table(shown, width, symbols, has_buckets=facts.has_buckets)]
    if shown.more:
        more = f"{symbols.ellipsis} {shown.more} more not selected"
        parts.append(Text(f"{more} (--all shows them, --format csv has every column)", "dim"))
    if facts.has_buckets:
        parts += [*_heading("Buckets"), bucket_table(facts, width, symbols), Text(legend(facts, symbols), "dim")]
    parts += [*_heading("Cash"), Text(facts.cash_sentence), *_bullets(map(Text, facts.cash_reasons))]
    parts += [*_heading("Limits"), _counts(facts), *_bullets(_exceptions(facts))]
    parts += [*_heading("Trades"), Text(facts.trades)]
    return Group(*parts)


def _counts(facts: Facts) -> Text:
    """How many limits hold."""
    return Text(", ").join([Text(one.text, STATUS_STYLES[one.status]) for one in facts.counts])


def _exceptions(facts: Facts) -> Iterable[Text]:
    """Every limit that does not simply hold; and what the selection is not, where that needs saying."""
    for count in facts.counts[1:]:
        for one in facts.lines:
            if one.status == count.status:
                yield Text.assemble((one.status, STATUS_STYLES[one.status]), " ", one.sentence)
    if facts.greedy:
        yield Text(facts.greedy)


def asset_table(shown: Shown, width: int, symbols: Symbols, *, has_buckets: bool) -> Table:
    """What is held, then what is closed, then the nearest misses."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    flat = width >= _FLAT_FROM
    add = _flat_columns if flat else _stacked_columns
    add(table, width, has_buckets=has_buckets)
    cells = _flat_cells if flat else _stacked_cells
    for at, group in enumerate(group for group in (shown.held, shown.closed, shown.missed) if group):
        if at:
            table.add_row()
        for one in group:
            style = "dim" if one.action == "none" else ""
            name = one.bucket if width >= _WIDE_FROM else one.short
            table.add_row(*cells(one, name, symbols, width, has_buckets), style=style)
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


def _flat_cells(one: AssetFact, bucket: str, symbols: Symbols, width: int, has_buckets: bool) -> Sequence[Text]:
    first = [Text(one.asset, "bold"), *([Text(bucket)] if has_buckets else [])]
    room = 2 * (width - 50 - _bucket_width(width) * has_buckets)
    return [
        *first,
        Text(one.score_text),
        _weights(one, symbols),
        _action(one, symbols),
        Text(fitting(one, room, bucket)),
    ]


def _stacked_cells(one: AssetFact, bucket: str, symbols: Symbols, width: int, has_buckets: bool) -> Sequence[Text]:
    first = Text.assemble((one.asset, "bold"), *([f"\n{bucket}"] if has_buckets else []))
    second = Text.assemble(_weights(one, symbols), "\n", _action(one, symbols))
    return [first, Text(one.score_text), second, Text(fitting(one, 2 * (width - 50), bucket))]


def _bucket_width(width: int) -> int:
    return 20 if width < _WIDE_FROM else 34


def _weights(one: AssetFact, symbols: Symbols) -> Text:
    if one.action == "none":
        return Text(f"{one.after_text:>7}")
    return Text.assemble(f"{one.before_text:>7}", (f" {symbols.arrow} ", "dim"), (f"{one.after_text:>7}", "bold"))


def _action(one: AssetFact, symbols: Symbols) -> Text:
    return Text(f"{symbols.actions[one.action]} {one.action}", ACTION_STYLES[one.action])


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
