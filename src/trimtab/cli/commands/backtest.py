"""The commands that walk history: their options, and the order of what happens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trimtab.cli.exit_codes import ExitCode, Words, exit_codes
from trimtab.cli.output import Format

Prices = Annotated[
    Path, typer.Option(metavar="FILE", help="Daily prices: date, symbol and close; or date and one column a symbol.")
]
Scores = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="date, asset, score; the latest count. Default: scored from prices, as of each day."
    ),
]
Fundamentals = Annotated[
    Path | None, typer.Option(metavar="FILE", help="For scores from prices: symbol, known_on and items.")
]
Classification = Annotated[
    Path | None, typer.Option(metavar="FILE", help="symbol and bucket; known_on where it changes.")
]
Membership = Annotated[
    Path | None, typer.Option(metavar="FILE", help="symbol, from, to: only members of the day are bought.")
]
LimitsFile = Annotated[
    Path | None, typer.Option("--limits", metavar="FILE", help="A TOML file; see `trimtab limits show`.")
]
Preset = Annotated[str | None, typer.Option(metavar="NAME", help="Limits that ship; see `trimtab limits presets`.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change one limit; repeatable.")
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
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Write everything into this folder, with a page.")]
FormatOption = Annotated[Format, typer.Option("--format", help="On stdout: table or json.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No words on stderr except errors.")]


@exit_codes
def backtest(
    prices: Prices,
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
    out: Out = None,
    form: FormatOption = Format.TABLE,
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
    from trimtab.cli.inputs import read_limits
    from trimtab.cli.output import emit
    from trimtab.cli.screens.outcome import printed

    words = Words(quiet=quiet)
    given = Given(
        prices, scores, fundamentals, classification, membership, start, end, every, drift, trade_at,
        commission, spread, slippage, cash_rate, gone_after,
    )  # fmt: skip
    _refuse_csv(form)
    chosen = read_limits(limits, preset, settings or [])
    if out is not None:
        check_folder(out, backtest_files(), [*given.files, *chosen.files])
    results = backtests(given, chosen, versus or [], words, quiet=quiet)
    from trimtab.backtesting.pages.backtest_facts import backtest_facts

    for note in results[0].notes:
        words.warn(note.text)
    facts = backtest_facts(results, f"Backtest of {prices.name}")
    document = backtest_document(results, facts.compared)
    if form == Format.JSON:
        emit(document)
    else:
        emit(printed(lambda _width, _ascii: backtest_view(facts, results), None))
    if out is not None:
        write_backtest(out, results, facts, document)
        words.note(f"written: {out}")
    return ExitCode.FINE


@exit_codes
def sweep(
    prices: Prices,
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
    out: Out = None,
    form: FormatOption = Format.TABLE,
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
    from trimtab.cli.inputs import read_limits
    from trimtab.cli.output import emit
    from trimtab.cli.screens.outcome import printed

    words = Words(quiet=quiet)
    given = Given(
        prices, scores, fundamentals, classification, membership, start, end, every, drift, trade_at,
        commission, spread, slippage, cash_rate, gone_after,
    )  # fmt: skip
    _refuse_csv(form)
    chosen = read_limits(limits, preset, settings or [])
    if out is not None:
        check_folder(out, SWEEP_FILES, [*given.files, *chosen.files])
    result = swept(given, chosen, vary, sample, seed, words, quiet=quiet)
    if result.refused:
        values, why = result.refused[0]
        words.warn(
            f"{len(result.refused)} combinations contradict themselves and are left out; the first: {values}: {why}"
        )
    document = sweep_document(result)
    emit(document if form == Format.JSON else printed(lambda _width, _ascii: sweep_view(result), None))
    if out is not None:
        write_sweep(out, result, f"Sweep of {prices.name}", document)
        words.note(f"written: {out}")
    return ExitCode.FINE


def _refuse_csv(form: Format) -> None:
    if form == Format.CSV:
        raise typer.BadParameter("--format csv: the tables go into the folder of --out; on stdout is table or json")
