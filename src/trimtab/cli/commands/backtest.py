"""`trimtab backtest` and `trimtab sweep`."""

from __future__ import annotations

from typing import Annotated

from trimtab.cli.backtest_options import BacktestOptions
from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import LimitOptions, OutFolder, Quiet, ScreenFormat, ScreenFormatOption, grouped, option


@exit_codes
@grouped
def backtest(
    history: BacktestOptions,
    limits: LimitOptions,
    versus: Annotated[
        list[str] | None,
        option(
            "WHAT", "Compare with no-buckets, equal, SPY=0.6,AGG=0.4, hold:SPY=1, or a TOML file of limits; repeatable."
        ),
    ] = None,
    out: OutFolder = None,
    form: ScreenFormatOption = ScreenFormat.TABLE,
    quiet: Quiet = False,
) -> int:
    """Replay history: decide on each rebalance day, trade at the next session, and report the outcome."""
    from trimtab.cli.backtest_inputs import run_backtests
    from trimtab.cli.backtest_output import backtest_document, backtest_files, check_folder, write_backtest
    from trimtab.cli.chosen_limits import read_limits
    from trimtab.cli.output import emit
    from trimtab.cli.screens.backtest import backtest_view
    from trimtab.cli.screens.outcome import printed

    notices = Notices(quiet=quiet)
    chosen = read_limits(limits)
    if out is not None:
        check_folder(out, backtest_files(), [*history.files, *chosen.files])
    results = run_backtests(history, chosen, versus or [], notices, quiet=quiet)
    from trimtab.backtesting.pages.backtest_facts import backtest_facts

    for note in results[0].notes:
        notices.warn(note.text)
    facts = backtest_facts(results, f"Backtest of {history.prices.name}")
    document = backtest_document(results, facts.compared)
    emit(document if form == ScreenFormat.JSON else printed(lambda _width, _ascii: backtest_view(facts), None))
    if out is not None:
        write_backtest(out, results, facts, document)
        notices.note(f"written: {out}")
    return ExitCode.FINE


@exit_codes
@grouped
def sweep(
    history: BacktestOptions,
    limits: LimitOptions,
    vary: Annotated[
        list[str],
        option("FIELD=VALUES", "A limit and its values: 5,10,20 or 5..20; with --sample also 0.2..0.5; repeatable."),
    ],
    sample: Annotated[int | None, option("COUNT", "Draw this many random policies; default: all combinations.")] = None,
    seed: Annotated[int, option("NUMBER", "Seed of the sample.")] = 0,
    out: OutFolder = None,
    form: ScreenFormatOption = ScreenFormat.TABLE,
    quiet: Quiet = False,
) -> int:
    """Replay history with many policies, and say whether the best of them is likely luck."""
    from trimtab.cli.backtest_inputs import run_sweep
    from trimtab.cli.backtest_output import SWEEP_FILES, check_folder, sweep_document, write_sweep
    from trimtab.cli.chosen_limits import read_limits
    from trimtab.cli.output import emit
    from trimtab.cli.screens.backtest import sweep_view
    from trimtab.cli.screens.outcome import printed

    notices = Notices(quiet=quiet)
    chosen = read_limits(limits)
    if out is not None:
        check_folder(out, SWEEP_FILES, [*history.files, *chosen.files])
    result = run_sweep(history, chosen, vary, notices, sample=sample, seed=seed, quiet=quiet)
    if result.refused:
        values, why = result.refused[0]
        shown = ", ".join(f"{name}={value}" for name, value in values.items())
        notices.warn(f"left out, as their limits contradict each other: {len(result.refused)}; first {shown}: {why}")
    document = sweep_document(result)
    emit(document if form == ScreenFormat.JSON else printed(lambda _width, _ascii: sweep_view(result), None))
    if out is not None:
        write_sweep(out, result, f"Sweep of {history.prices.name}", document)
        notices.note(f"written: {out}")
    return ExitCode.FINE
