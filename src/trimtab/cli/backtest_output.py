"""`backtest` and `sweep` on the command line: arguments to results, results to a page on screen, JSON and a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trimtab.cli.chosen_limits import ChosenLimits, read_limits
from trimtab.cli.notices import Notices
from trimtab.cli.options import LimitOptions
from trimtab.cli.output import check_out, encoded_table, write_file
from trimtab.cli.progress import steps
from trimtab.errors import Fault, InputError
from trimtab.text import counted, printable

if TYPE_CHECKING:
    import polars as pl

    from trimtab.backtesting.comparison import Versus
    from trimtab.backtesting.pages.backtest_facts import BacktestFacts
    from trimtab.backtesting.result import BacktestResult
    from trimtab.backtesting.sweep import SweepResult

SCHEMA_VERSION = 1
EQUAL, NO_BUCKETS, HELD = "equal", "no-buckets", "hold:"
_FRAMES = ("equity", "weights", "bucket_weights", "trades", "turnover", "decisions", "removed")
_BEST = 10
_RANGE = re.compile(r"\s*([^\s.][^\s]*?)\.\.([^\s]+)\s*").fullmatch


@dataclass(frozen=True)
class Given:
    """The arguments that a walk takes, as they were given."""

    prices: Path
    scores: Path | None
    fundamentals: Path | None
    classification: Path | None
    membership: Path | None
    start: str | None
    end: str | None
    every: str
    drift: float | None
    trade_at: str
    commission: float
    spread: float
    slippage: float
    cash_rate: float
    gone_after: int

    @property
    def files(self) -> tuple[Path, ...]:
        """The files among them."""
        named = (self.prices, self.scores, self.fundamentals, self.classification, self.membership)
        return tuple(path for path in named if path is not None)

    def arguments(self) -> dict[str, Any]:
        """What `trimtab.backtest` and `trimtab.sweep` take beside prices and limits."""
        from trimtab.backtesting.trading_costs import TradingCosts

        costs = TradingCosts(commission_bps=self.commission, spread_bps=self.spread, slippage_bps=self.slippage)
        return {
            "scores": self.scores,
            "fundamentals": self.fundamentals,
            "classification": self.classification,
            "membership": self.membership,
            "start": self.start,
            "end": self.end,
            "every": self.every,
            "drift": self.drift,
            "trade_at": self.trade_at,
            "costs": costs,
            "cash_rate": self.cash_rate,
            "gone_after": self.gone_after,
        }


def backtests(
    given: Given, chosen: ChosenLimits, versus: Sequence[str], notices: Notices, *, quiet: bool
) -> list[BacktestResult]:
    """The backtest, and what stands beside it.

    Raises
    ------
    InputError
        Files that cannot be walked.
    typer.BadParameter
        A `--versus` that is nothing.
    """
    rivals = [_rival(text, chosen) for text in versus]
    with steps(2 + len(versus), quiet=quiet) as bar:
        bar.begin("loading")
        from trimtab.backtesting.backtest import again, backtest
        from trimtab.backtesting.benchmark import benchmark
        from trimtab.kernel.backtest import walk

        notices.note_compiling(walk, 30)
        bar.begin(f"walking {given.prices.name}")
        with chosen.named_in_errors():
            first = backtest(given.prices, chosen.limits, name="policy", **given.arguments())
        found = [first]
        for text, rival in zip(versus, rivals, strict=True):
            bar.begin(f"walking {text}")
            if isinstance(rival, ChosenLimits):
                with rival.named_in_errors():
                    found.append(again(first, rival.limits, name=text))
            else:
                found.append(benchmark(first, rival[0], hold=rival[1]))
    return found


def _rival(text: str, chosen: ChosenLimits) -> ChosenLimits | tuple[dict[str, float] | None, bool]:
    """What `--versus` names: other limits, or the weights of a benchmark and whether they are held."""
    if text == NO_BUCKETS:
        changes = {"enable_bucket_diversification": False, "buckets": {}}
        return ChosenLimits(chosen.limits.replace(**changes), text)
    if text.endswith(".toml"):
        return read_limits(LimitOptions(Path(text)))
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
            advice = (
                "write equal, no-buckets, a TOML file of limits, or weights such as SPY=0.6,AGG=0.4 (hold: before it)"
            )
            raise typer.BadParameter(f"--versus {text!r} is nothing to compare with: {advice}")
    return weights, hold


def swept(
    given: Given,
    chosen: ChosenLimits,
    vary: Sequence[str],
    sample: int | None,
    seed: int,
    notices: Notices,
    *,
    quiet: bool,
) -> SweepResult:
    """The sweep.

    Raises
    ------
    InputError
        Files that cannot be walked.
    typer.BadParameter
        A `--vary` that is no field and its values.
    """
    fields = dict(_varied(text) for text in vary)
    with steps(2, quiet=quiet) as bar:
        bar.begin("loading")
        from trimtab.backtesting.sweep import sweep
        from trimtab.kernel.backtest import walk

        notices.note_compiling(walk, 30)
        bar.begin(f"walking {given.prices.name}")
        with chosen.named_in_errors():
            return sweep(given.prices, chosen.limits, fields, sample=sample, seed=seed, **given.arguments())


def _varied(text: str) -> tuple[str, Any]:
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
        raise typer.BadParameter(f"--vary {text!r}: a range is from one number to another, such as 0.2..0.5")
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


def check_folder(out: Path, names: Iterable[str], inputs: Sequence[Path]) -> None:
    """Make the folder, and refuse it where a file could not be written.

    Raises
    ------
    InputError
        No folder can be there, or a file in it is one of the inputs.
    """
    if out.exists() and not out.is_dir():
        raise InputError([Fault("is no folder", "name a folder, which is made if it is not there")], f"--out {out}")
    if not out.parent.is_dir():
        raise InputError([Fault(f"the folder {str(out.parent)!r} does not exist", "make it first")], f"--out {out}")
    for name in names:
        if (out / name).exists():
            check_out(out / name, inputs)


def write_backtest(out: Path, results: Sequence[BacktestResult], facts: BacktestFacts, document: bytes) -> None:
    """The frames of the first result as CSV, the equity of all, the numbers as JSON, and the page."""
    from trimtab.backtesting.pages.backtest_page import backtest_page

    out.mkdir(exist_ok=True)
    for name in _FRAMES:
        write_file(out / f"{name}.csv", _csv(getattr(results[0], name)))
    if len(results) > 1:
        write_file(out / "equities.csv", _csv(_equities(results)))
    write_file(out / "summary.json", document)
    write_file(out / "report.html", backtest_page(facts).encode())


def backtest_files() -> tuple[str, ...]:
    """The names of the files that `write_backtest` may write."""
    return (*(f"{name}.csv" for name in _FRAMES), "equities.csv", "summary.json", "report.html")


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


def _equities(results: Sequence[BacktestResult]) -> pl.DataFrame:
    named = [one.equity["equity"].alias(one.name) for one in results]
    return results[0].equity.select("date").with_columns(named)


def backtest_document(results: Sequence[BacktestResult], comparisons: Sequence[Versus]) -> bytes:
    """The numbers of a backtest as JSON: the same bytes for the same input."""
    dates = results[0].equity["date"]
    return _json(
        {
            "schema_version": SCHEMA_VERSION,
            "from": dates[0].isoformat(),
            "to": dates[-1].isoformat(),
            "policies": [
                {
                    "name": one.name,
                    "equity": float(one.equity["equity"][-1]),
                    "decisions": one.turnover.height,
                    "statistics": asdict(one.statistics),
                    "notes": [asdict(note) for note in one.notes],
                    "limits": one.limits.to_dict(complete=True),
                }
                for one in results
            ],
            "comparisons": [asdict(one) for one in comparisons],
        }
    )


def sweep_document(result: SweepResult) -> bytes:
    """The numbers of a sweep as JSON."""
    luck = result.luck()
    return _json(
        {
            "schema_version": SCHEMA_VERSION,
            "from": result.dates[0].isoformat(),
            "to": result.dates[-1].isoformat(),
            "policies": len(result.limits),
            "refused": [{"values": values, "why": why} for values, why in result.refused],
            "best": result.table.row(result.best, named=True),
            "is_likely_luck": luck.is_likely,
            "verdict": luck.sentence,
        }
    )


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode()


def backtest_view(facts: BacktestFacts, results: Sequence[BacktestResult]) -> RenderableType:
    """The statistics side by side, the differences with their intervals, and what is to be known."""
    parts: list[RenderableType] = [Text(f"{facts.title}: {facts.period}", style="bold"), ""]
    table = _plain_table(["", *(printable(one.name) for one in results)])
    for row in facts.statistics:
        table.add_row(row.name, *row.texts)
    parts.append(table)
    if facts.comparisons:
        parts += ["", Text("Differences", style="bold"), *(Text(f"- {one.sentence}") for one in facts.comparisons)]
        parts.append(Text(facts.how_compared, "dim"))
    return Group(*parts)


def sweep_view(result: SweepResult) -> RenderableType:
    """The best policies by Sharpe ratio, and whether the best is likely luck."""
    import polars as pl

    luck = result.luck()
    count = len(result.limits)
    period = f"{result.dates[0].isoformat()} to {result.dates[-1].isoformat()}"
    head = f"{counted(count, 'policy') if count == 1 else f'{count:,} policies'}, {period}"
    shown = ("annual_return", "volatility", "sharpe", "max_drawdown", "turnover")
    table = _plain_table(["policy", *(name.replace("_", " ") for name in (*result.fields, *shown))])
    best = result.table.sort("sharpe", descending=True, nulls_last=True, maintain_order=True).head(_BEST)
    for row in best.select(pl.col("policy"), *result.fields, *shown).iter_rows(named=True):
        fields = [_short(row[name]) for name in result.fields]
        table.add_row(str(row["policy"]), *fields, *(_shown(name, row[name]) for name in shown))
    verdict = Text(f"{'Warning: ' if luck.is_likely else ''}{luck.sentence}", "yellow" if luck.is_likely else "")
    return Group(Text(head, style="bold"), "", table, "", verdict)


def _plain_table(columns: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for at, name in enumerate(columns):
        table.add_column(Text(name), justify="right" if at else "left")
    return table


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else printable(str(value))


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.2f}" if name == "sharpe" else f"{value:.2%}"
