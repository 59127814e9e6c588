"""The output of `backtest` and `sweep`: the numbers as JSON, and a folder with tables and a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trimtab.cli.output import check_out, write_file
from trimtab.errors import Fault, InputError
from trimtab.files.encoded_table import encoded_table
from trimtab.text import json_text

if TYPE_CHECKING:
    import polars as pl

    from trimtab.backtesting.comparison import Versus
    from trimtab.backtesting.market_history import MarketHistory
    from trimtab.backtesting.pages.backtest_facts import BacktestFacts
    from trimtab.backtesting.result import BacktestResult
    from trimtab.backtesting.sweep import SweepResult

SCHEMA_VERSION = 1
_FRAMES = ("equity", "weights", "bucket_weights", "trades", "turnover", "decisions", "removed")
_WHOLE_FRAMES = ("orders", "holdings", "plans")


def check_folder(out: Path, names: Iterable[str], inputs: Sequence[Path]) -> None:
    """Refuse a folder in which a file could not be written.

    Raises
    ------
    InputError
        It cannot be a folder, or a file in it is one of the inputs.
    """
    if out.exists() and not out.is_dir():
        raise InputError([Fault("is not a folder", "name a folder; it is created if needed")], f"--out {out}")
    if not out.parent.is_dir():
        raise InputError([Fault(f"the folder {str(out.parent)!r} does not exist", "create it first")], f"--out {out}")
    for name in names:
        if (out / name).exists():
            check_out(out / name, inputs)


def write_backtest(out: Path, results: Sequence[BacktestResult], facts: BacktestFacts, document: bytes) -> None:
    """The frames of the first result as CSV, the equity of all, the numbers as JSON, and the page."""
    from trimtab.backtesting.pages.backtest_page import backtest_page

    out.mkdir(exist_ok=True)
    whole = () if results[0].market_history.whole is None else _WHOLE_FRAMES
    for name in (*_FRAMES, *whole):
        write_file(out / f"{name}.csv", _csv(getattr(results[0], name)))
    if len(results) > 1:
        named = [result.equity["equity"].alias(result.name) for result in results]
        write_file(out / "equities.csv", _csv(results[0].equity.select("date").with_columns(named)))
    write_file(out / "summary.json", document)
    write_file(out / "report.html", backtest_page(facts).encode())


def backtest_files() -> tuple[str, ...]:
    """The names of the files that `write_backtest` may write."""
    return (*(f"{name}.csv" for name in (*_FRAMES, *_WHOLE_FRAMES)), "equities.csv", "summary.json", "report.html")


def write_sweep(out: Path, result: SweepResult, title: str, document: bytes) -> None:
    """One row a policy, the returns of the periods, the numbers as JSON, and the page."""
    out.mkdir(exist_ok=True)
    write_file(out / "policies.csv", _csv(result.table))
    write_file(out / "period_returns.parquet", encoded_table(result.period_returns.to_arrow(), "parquet"))
    write_file(out / "summary.json", document)
    write_file(out / "report.html", result.to_html(title).encode())


SWEEP_FILES = ("policies.csv", "period_returns.parquet", "summary.json", "report.html")


def _csv(frame: pl.DataFrame) -> bytes:
    return encoded_table(frame.to_arrow(), "csv")


def backtest_document(results: Sequence[BacktestResult], comparisons: Sequence[Versus]) -> bytes:
    """The numbers of a backtest as JSON: the same bytes for the same input."""
    policies = [
        {
            "name": result.name,
            "equity": float(result.equity["equity"][-1]),
            "decisions": result.turnover.height,
            "statistics": asdict(result.statistics),
            "notes": [asdict(note) for note in result.notes],
            "limits": result.limits.to_dict(complete=True),
        }
        for result in results
    ]
    comparisons_of = [asdict(comparison) for comparison in comparisons]
    return _document(results[0].market_history, policies=policies, comparisons=comparisons_of)


def sweep_document(result: SweepResult) -> bytes:
    """The numbers of a sweep as JSON."""
    verdict = result.luck()
    return _document(
        result.market_history,
        policies=len(result.limits),
        refused=[{"values": values, "why": why} for values, why in result.refused],
        best=result.table.row(result.best, named=True),
        is_likely_luck=verdict.is_likely_luck,
        verdict=verdict.sentence,
    )


def _document(history: MarketHistory, **values: Any) -> bytes:
    """A document about the sessions of a history, as JSON."""
    period = {"from": history.dates[0].isoformat(), "to": history.dates[-1].isoformat()}
    shared = {"schema_version": SCHEMA_VERSION, **period, "sessions_per_year": history.sessions_per_year}
    return json_text({**shared, **values}).encode()
