"""The commands that walk history: their options, and the order of what happens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import (
    Classification,
    Fundamentals,
    LimitOptions,
    LimitsFile,
    Membership,
    OutFolder,
    Preset,
    Quiet,
    RequiredPrices,
    ScreenFormat,
    ScreenFormatOption,
    Settings,
)

Scores = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="date, asset, score; the latest count. Default: scored from prices, as of each day."
    ),
]
Start = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="First day to decide on; default: the first with a score.")
]
End = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last session; default: the last of the prices.")]
Every = Annotated[str, typer.Option(metavar="PERIOD", help="week, month, quarter (their last sessions), or drift.")]
Drift = Annotated[
    float | None, typer.Option(metavar="FRACTION", help="With --every drift: how far a weight may move, such as 0.05.")
]
TradeAt = Annotated[str, typer.Option(metavar="TIME", help="close or open (column `open`) of the next session.")]
Commission = Annotated[float, typer.Option("--commission-bps", metavar="BPS", help="Basis points of each trade.")]
Spread = Annotated[float, typer.Option("--spread-bps", metavar="BPS", help="Bid to ask; each trade pays half.")]
Slippage = Annotated[float, typer.Option("--slippage-bps", metavar="BPS", help="By how much a trade moves its price.")]
CashRate = Annotated[float, typer.Option(metavar="FRACTION", help="What cash earns in a year, such as 0.02.")]
GoneAfter = Annotated[
    int, typer.Option(metavar="SESSIONS", help="After so many sessions without a price a holding leaves at its last.")
]


@exit_codes
def backtest(
    prices: RequiredPrices,
    scores: Scores = None,
    fundamentals: Fundamentals = None,
    classification: Classification = None,
    membership: Membership = None,
    limits: LimitsFile = None,
    preset: Preset = None,
    settings: Settings = None,
    versus: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            help="Beside it: no-buckets, equal, SPY=0.6,AGG=0.4, hold:SPY=1, or a TOML file of limits; repeatable.",
        ),
    ] = None,
    start: Start = None,
    end: End = None,
    every: Every = "month",
    drift: Drift = None,
    trade_at: TradeAt = "close",
    commission: Commission = 0.0,
    spread: Spread = 0.0,
    slippage: Slippage = 0.0,
    cash_rate: CashRate = 0.0,
    gone_after: GoneAfter = 5,
    out: OutFolder = None,
    form: ScreenFormatOption = ScreenFormat.TABLE,
    quiet: Quiet = False,
) -> int:
    """Walk history: decide on each rebalance day, trade at the next session, and say what became of it."""
    from trimtab.cli.backtest_output import (
        Given,
        backtest_document,
        backtest_files,
        backtest_view,
        backtests,
        check_folder,
        write_backtest,
    )
    from trimtab.cli.chosen_limits import read_limits
    from trimtab.cli.output import emit
    from trimtab.cli.screens.outcome import printed

    notices = Notices(quiet=quiet)
    given = Given(
        prices, scores, fundamentals, classification, membership, start, end, every, drift, trade_at,
        commission, spread, slippage, cash_rate, gone_after,
    )  # fmt: skip
    chosen = read_limits(LimitOptions(limits, preset, settings))
    if out is not None:
        check_folder(out, backtest_files(), [*given.files, *chosen.files])
    results = backtests(given, chosen, versus or [], notices, quiet=quiet)
    from trimtab.backtesting.pages.backtest_facts import backtest_facts

    for note in results[0].notes:
        notices.warn(note.text)
    facts = backtest_facts(results, f"Backtest of {prices.name}")
    document = backtest_document(results, facts.compared)
    if form == ScreenFormat.JSON:
        emit(document)
    else:
        emit(printed(lambda _width, _ascii: backtest_view(facts, results), None))
    if out is not None:
        write_backtest(out, results, facts, document)
        notices.note(f"written: {out}")
    return ExitCode.FINE


@exit_codes
def sweep(
    prices: RequiredPrices,
    vary: Annotated[
        list[str],
        typer.Option(
            metavar="FIELD=VALUES", help="A limit and its values, 5,10,20 or 5..20; in a sample 0.2..0.5; repeatable."
        ),
    ],
    sample: Annotated[
        int | None, typer.Option(metavar="COUNT", help="So many random policies; default: all combinations.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Of the sample.")] = 0,
    scores: Scores = None,
    fundamentals: Fundamentals = None,
    classification: Classification = None,
    membership: Membership = None,
    limits: LimitsFile = None,
    preset: Preset = None,
    settings: Settings = None,
    start: Start = None,
    end: End = None,
    every: Every = "month",
    drift: Drift = None,
    trade_at: TradeAt = "close",
    commission: Commission = 0.0,
    spread: Spread = 0.0,
    slippage: Slippage = 0.0,
    cash_rate: CashRate = 0.0,
    gone_after: GoneAfter = 5,
    out: OutFolder = None,
    form: ScreenFormatOption = ScreenFormat.TABLE,
    quiet: Quiet = False,
) -> int:
    """Walk many policies over the same history, and say whether the best of them is likely luck."""
    from trimtab.cli.backtest_output import (
        SWEEP_FILES,
        Given,
        check_folder,
        sweep_document,
        sweep_view,
        swept,
        write_sweep,
    )
    from trimtab.cli.chosen_limits import read_limits
    from trimtab.cli.output import emit
    from trimtab.cli.screens.outcome import printed

    notices = Notices(quiet=quiet)
    given = Given(
        prices, scores, fundamentals, classification, membership, start, end, every, drift, trade_at,
        commission, spread, slippage, cash_rate, gone_after,
    )  # fmt: skip
    chosen = read_limits(LimitOptions(limits, preset, settings))
    if out is not None:
        check_folder(out, SWEEP_FILES, [*given.files, *chosen.files])
    result = swept(given, chosen, vary, sample, seed, notices, quiet=quiet)
    if result.refused:
        values, why = result.refused[0]
        notices.warn(
            f"{len(result.refused)} combinations contradict themselves and are left out; the first: {values}: {why}"
        )
    document = sweep_document(result)
    emit(document if form == ScreenFormat.JSON else printed(lambda _width, _ascii: sweep_view(result), None))
    if out is not None:
        write_sweep(out, result, f"Sweep of {prices.name}", document)
        notices.note(f"written: {out}")
    return ExitCode.FINE
