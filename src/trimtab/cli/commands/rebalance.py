"""`trimtab rebalance` and `trimtab demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import COMPILING_ORDERS, Notices
from trimtab.cli.options import (
    All,
    DataOptions,
    File,
    Format,
    FormatOption,
    LimitOptions,
    Out,
    Quiet,
    Strict,
    grouped,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trimtab.rebalancing.result import RebalanceResult

_FILE_WIDTH = 120


@exit_codes
@grouped
def rebalance(
    data: DataOptions,
    limits: LimitOptions,
    file: File = None,
    form: FormatOption = None,
    out: Out = None,
    strict: Strict = False,
    show_all: All = False,
    quiet: Quiet = False,
) -> int:
    """Decide which assets to hold, and how much of each.

    Candidates come from one FILE, from --scores, --holdings and --buckets, or from market data: --prices and --holdings.
    """
    from trimtab.cli.one_account import decide, read_account
    from trimtab.cli.output import check_out, format_of

    notices = Notices(quiet=quiet)
    chosen_format = format_of(form, out)
    inputs, chosen = read_account(file, data, limits, notices, quiet=quiet)
    check_out(out, [*inputs.files, *chosen.files])
    result = decide(inputs, chosen, notices, strict=strict, shows_cash=chosen_format == Format.TABLE)
    _put_out(result, inputs.title, chosen_format, out, notices, show_all=show_all)
    return ExitCode.BRAKED if result.braked else ExitCode.FINE


@exit_codes
def demo(show_all: All = False, quiet: Quiet = False) -> int:
    """Rebalance the built-in sample, with bucket limits on, down to its trade list."""
    from rich.console import Group

    from trimtab.cli.output import emit
    from trimtab.cli.screens.outcome import page, printed
    from trimtab.cli.screens.trades import trade_list
    from trimtab.data.samples import SAMPLE_CASH, sample_limits, sample_positions
    from trimtab.kernel.order_block import plan_block
    from trimtab.orders.doors import plan

    notices = Notices(quiet=quiet)
    notices.note(
        "the sample: 25 US stocks and ETFs, scores from real prices up to 2022-12-28, an invented portfolio; not advice"
    )
    notices.note_compiling(plan_block, COMPILING_ORDERS)
    made = plan(sample_positions(), sample_limits(), cash=SAMPLE_CASH)
    facts = made.result.facts("the sample")

    def whole(width: int, ascii_only: bool) -> RenderableType:
        trades = trade_list(made, "the sample in shares", ascii_only=ascii_only, show_all=show_all)
        return Group(page(facts, width, ascii_only=ascii_only, show_all=show_all), "", *trades)

    emit(printed(whole, None))
    return ExitCode.FINE


def _put_out(
    result: RebalanceResult, title: str, form: str, out: Path | None, notices: Notices, *, show_all: bool
) -> None:
    """Write the result in its format, to a file or stdout."""
    from trimtab.cli.output import encoded, write_out

    if form != Format.TABLE:
        write_out(encoded(result, form), out, notices)
        return
    from trimtab.cli.screens.outcome import page, printed

    facts = result.facts(title)
    data = printed(
        lambda width, ascii_only: page(facts, width, ascii_only=ascii_only, show_all=show_all),
        None if out is None else _FILE_WIDTH,
    )
    write_out(data, out, notices)
