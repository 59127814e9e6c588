"""Backtests and sweeps from the options of the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from trimtab.cli.backtest_options import BacktestOptions
from trimtab.cli.chosen_limits import ChosenLimits, read_limits
from trimtab.cli.notices import Notices
from trimtab.cli.options import LimitOptions
from trimtab.cli.progress import steps

if TYPE_CHECKING:
    from trimtab.backtesting.result import BacktestResult
    from trimtab.backtesting.sweep import SweepResult

EQUAL, NO_BUCKETS, HELD = "equal", "no-buckets", "hold:"
_COMPILING = 30  # seconds
_RANGE = re.compile(r"\s*([^\s.][^\s]*?)\.\.([^\s]+)\s*").fullmatch


def run_backtests(
    options: BacktestOptions, chosen: ChosenLimits, versus: Sequence[str], notices: Notices, *, quiet: bool
) -> list[BacktestResult]:
    """The backtest, and what to compare it with.

    Raises
    ------
    InputError
        Files that cannot be used.
    typer.BadParameter
        A `--versus` that cannot be read.
    """
    rivals = [_rival(text, chosen) for text in versus]
    with steps(2 + len(versus), quiet=quiet) as bar:
        bar.begin("loading")
        from trimtab.backtesting.backtest import backtest, rerun_with
        from trimtab.backtesting.benchmark import benchmark
        from trimtab.kernel.backtest import backtest_policy

        notices.note_compiling(backtest_policy, _COMPILING)
        bar.begin(f"replaying {options.prices.name}")
        with chosen.named_in_errors():
            first = backtest(options.prices, chosen.limits, **options.arguments())
        results = [first]
        for text, rival in zip(versus, rivals, strict=True):
            bar.begin(f"replaying {text}")
            if isinstance(rival, ChosenLimits):
                with rival.named_in_errors():
                    results.append(rerun_with(first, rival.limits, name=text))
            else:
                results.append(benchmark(first, rival[0], hold=rival[1]))
    return results


def _rival(text: str, chosen: ChosenLimits) -> ChosenLimits | tuple[dict[str, float] | None, bool]:
    """The meaning of `--versus`: other limits, or the weights of a benchmark and whether they are held."""
    if text == NO_BUCKETS:
        changes = {"enable_bucket_diversification": False, "buckets": {}}
        return ChosenLimits(chosen.limits.replace(**changes), text)
    if text.endswith(".toml"):
        return read_limits(LimitOptions(limits=Path(text)))
    hold, portfolio = text.startswith(HELD), text.removeprefix(HELD)
    if portfolio == EQUAL:
        return None, hold
    weights: dict[str, float] = {}
    for part in portfolio.split(","):
        name, sign, weight = part.rpartition("=")
        try:
            weights[name.strip()] = float(weight)
        except ValueError:
            sign = ""
        if not sign:
            known = "equal, no-buckets, a TOML file of limits, or weights such as SPY=0.6,AGG=0.4 (or hold:SPY=1)"
            raise typer.BadParameter(f"--versus {text!r}: write {known}")
    return weights, hold


def run_sweep(
    options: BacktestOptions,
    chosen: ChosenLimits,
    vary: Sequence[str],
    notices: Notices,
    *,
    sample: int | None,
    seed: int,
    quiet: bool,
) -> SweepResult:
    """The sweep.

    Raises
    ------
    InputError
        Files that cannot be used.
    typer.BadParameter
        A `--vary` that is not a field and its values.
    """
    fields = dict(_field_and_values(text) for text in vary)
    with steps(2, quiet=quiet) as bar:
        bar.begin("loading")
        from trimtab.backtesting.sweep import sweep
        from trimtab.kernel.backtest import backtest_policy

        notices.note_compiling(backtest_policy, _COMPILING)
        bar.begin(f"replaying {options.prices.name}")
        with chosen.named_in_errors():
            return sweep(options.prices, chosen.limits, fields, sample=sample, seed=seed, **options.arguments())


def _field_and_values(text: str) -> tuple[str, Any]:
    """`field=1,2,3` or `field=0.2..0.5`."""
    from trimtab.backtesting.policy_grid import Between

    name, sign, values = text.rpartition("=")
    if not (sign and name.strip() and values.strip()):
        raise typer.BadParameter(f"--vary {text!r}: write field=1,2,3 or field=0.2..0.5")
    ends = _RANGE(values)
    if ends is None:
        return name.strip(), [_value(part) for part in values.split(",")]
    low, high = (_value(end) for end in ends.groups())
    if isinstance(low, int) and isinstance(high, int):
        return name.strip(), list(range(low, high + 1))
    if isinstance(low, str) or isinstance(high, str):
        raise typer.BadParameter(f"--vary {text!r}: a range goes from one number to another, such as 0.2..0.5")
    return name.strip(), Between(float(low), float(high))


def _value(text: str) -> Any:
    """A number, true or false, or a word."""
    word = text.strip()
    if word in ("true", "false"):
        return word == "true"
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word
