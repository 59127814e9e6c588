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

_MIN_WIDTH = 60
_FLAT_FROM = 100  # narrower pages put the bucket below the asset, and the action below the weights
_WIDE_FROM = 140
_ASSET_WIDTH = 14
_BUCKET_WIDTHS = ((_WIDE_FROM, 34), (76, 24), (0, 14))  # page from this width: the longest bucket that is shown in full
_OTHER_COLUMNS, _FLAT_COLUMNS = 29, 28  # the width of columns other than bucket and reason; more on flat pages
_WHY_LINES = 2


def printed(make: Callable[[int, bool], RenderableType], width: int | None) -> bytes:
    """The page of `make(width, ascii_only)`, as bytes for stdout; for a file of `width` columns without colours."""
    to_file = width is not None
    encoding = "utf-8" if to_file else sys.stdout.encoding or "utf-8"
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system=None if to_file else "auto",
        force_terminal=True if not to_file and sys.stdout.isatty() else None,
    )
    console.width = max(console.width, _MIN_WIDTH)
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
    counts = Text(", ").join([Text(count.text, STATUS_STYLES[count.status]) for count in facts.counts])
    parts += [*_heading("Limits"), counts, *_bullets(_exceptions(facts))]
    parts += [*_heading("Trades"), Text(facts.trades)]
    return Group(*parts)


def _exceptions(facts: Facts) -> Iterable[Text]:
    """Every limit that is not plainly met; and a note if the selection is greedy."""
    for count in facts.counts[1:]:
        for line in facts.lines:
            if line.status == count.status:
                yield Text.assemble((line.status, STATUS_STYLES[line.status]), " ", line.sentence)
    if facts.greedy:
        yield Text(facts.greedy)


def asset_table(shown: Shown, width: int, symbols: Symbols, *, has_buckets: bool) -> Table:
    """The held and closed assets, and the nearest misses."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    groups = [group for group in (shown.held, shown.closed, shown.missed) if group]
    listed = [asset for group in groups for asset in group if has_buckets]
    bucket_of = {asset.row: asset.bucket if width >= _WIDE_FROM else asset.short for asset in listed}
    longest = next(longest for start, longest in _BUCKET_WIDTHS if width >= start)
    bucket_width = min(max(map(len, ["Bucket", *bucket_of.values()])), longest) if has_buckets else 0
    flat = width >= _FLAT_FROM
    _add_columns(table, bucket_width, flat=flat)
    why_width = width - _OTHER_COLUMNS - bucket_width - (_FLAT_COLUMNS if flat else 0)
    for place, group in enumerate(groups):
        if place:
            table.add_row()
        for asset in group:
            bucket = bucket_of.get(asset.row)
            style = "dim" if asset.action == "none" else ""
            why = Text(fitting(asset, _WHY_LINES * why_width, bucket or ""))
            table.add_row(*(_flat_cells if flat else _stacked_cells)(asset, bucket, symbols), why, style=style)
    return table


def _add_columns(table: Table, bucket_width: int, *, flat: bool) -> None:
    first = "Asset\nBucket" if bucket_width and not flat else "Asset"
    first_width = _ASSET_WIDTH if flat or not bucket_width else bucket_width
    table.add_column(first, max_width=first_width, no_wrap=True, overflow="ellipsis")
    if bucket_width and flat:
        table.add_column("Bucket", max_width=bucket_width, no_wrap=True, overflow="ellipsis")
    table.add_column("Score", justify="right", no_wrap=True)
    table.add_column("Weight" if flat else "Weight\nAction", no_wrap=True)
    if flat:
        table.add_column("Action", no_wrap=True)
    table.add_column("Why", ratio=1, overflow="fold")


def _flat_cells(asset: AssetFact, bucket: str | None, symbols: Symbols) -> Sequence[Text]:
    first = [Text(asset.asset, "bold"), *([] if bucket is None else [Text(bucket)])]
    return [*first, Text(asset.score_text), _weights(asset, symbols), _action(asset, symbols)]


def _stacked_cells(asset: AssetFact, bucket: str | None, symbols: Symbols) -> Sequence[Text]:
    first = Text.assemble((asset.asset, "bold"), *([] if bucket is None else [f"\n{bucket}"]))
    second = Text.assemble(_weights(asset, symbols), "\n", _action(asset, symbols))
    return [first, Text(asset.score_text), second]


def _weights(asset: AssetFact, symbols: Symbols) -> Text:
    if asset.action == "none":
        return Text(f"{asset.after_text:>7}")
    return Text.assemble(f"{asset.before_text:>7}", (f" {symbols.arrow} ", "dim"), (f"{asset.after_text:>7}", "bold"))


def _action(asset: AssetFact, symbols: Symbols) -> Text:
    return Text(f"{symbols.actions[asset.action]} {asset.action}", ACTION_STYLES[asset.action])


def _heading(text: str) -> Iterable[RenderableType]:
    return ["", Text(text, style="bold")]


def bullets(lines: Iterable[RenderableType]) -> Table:
    """Lines with a hanging indent after the dash."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=3, justify="right")
    grid.add_column()
    for line in lines:
        grid.add_row("-", line)
    return grid


def _bullets(lines: Iterable[Text]) -> Iterable[RenderableType]:
    grid = bullets(lines)
    return [grid] if grid.row_count else []
