"""Market data from the arguments of a command: scores of a day, and candidates with the holdings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trimtab.bucket_path import UNKNOWN
from trimtab.cli.broker_inputs import broker_holdings
from trimtab.cli.inputs import CandidateInputs
from trimtab.cli.notices import Notices
from trimtab.cli.options import DataOptions
from trimtab.cli.progress import ProgressSteps, steps
from trimtab.cli.share_inputs import amounts_column, check_currency
from trimtab.errors import Fault, InputError, listed, nearest
from trimtab.orders.broker_candidates import is_broker_file, settled
from trimtab.text import counted

if TYPE_CHECKING:
    import polars as pl

    from trimtab.market.market_data import MarketData
    from trimtab.market.view import MarketView

_TOLD = 5


@dataclass(frozen=True)
class MarketFiles:
    """The market data files given to a command, and its day (None: the last session)."""

    prices: Path
    fundamentals: Path | None
    classification: Path | None
    membership: Path | None
    as_of: str | None
    accepted: Sequence[tuple[str, str]] = ()  # symbol and day of jumps that are real
    aliases: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files given."""
        named = (self.prices, self.fundamentals, self.classification, self.membership)
        return tuple(path for path in named if path is not None)


def accepted(pairs: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    """The symbol and the day of each `--accept`.

    Raises
    ------
    typer.BadParameter
        Text that is not SYMBOL:DATE.
    """
    split = [pair.rpartition(":") for pair in pairs or ()]
    wrong = [pair for pair, (symbol, _, date) in zip(pairs or (), split, strict=True) if not (symbol and date)]
    if wrong:
        raise typer.BadParameter(f"--accept {wrong[0]}: write SYMBOL:DATE, such as AAPL:2020-08-31")
    return tuple((symbol, date) for symbol, _, date in split)


@dataclass(frozen=True)
class Scored:
    """The scores of a day as they go out, and the view that they were made from."""

    table: pl.DataFrame
    view: MarketView
    is_earlier: bool  # than the last session of the prices


def scored(files: MarketFiles, notices: Notices, *, quiet: bool) -> Scored:
    """Read the files, score every asset, and report the faults of the data.

    Raises
    ------
    InputError
        A file that cannot be read, or a day before the first price.
    """
    with steps(4, quiet=quiet) as bar:
        scores = _scored(files, bar)
    _give_notice(scores, notices)
    return scores


def _scored(files: MarketFiles, bar: ProgressSteps) -> Scored:
    bar.begin("loading")
    from trimtab.files.alias_file import read_aliases
    from trimtab.market.market_data import MarketData
    from trimtab.scoring.combined import combined_scores
    from trimtab.scoring.fundamental import fundamental_scores
    from trimtab.scoring.technical import technical_scores, usable_volatilities

    bar.begin(f"reading {files.prices.name}")
    data = MarketData(
        files.prices,
        fundamentals=files.fundamentals,
        classification=files.classification,
        membership=files.membership,
        accepted=files.accepted,
        aliases=read_aliases(files.aliases),
    )
    view = data.as_of(_day(files, data))
    bar.begin("technical scores")
    technical = technical_scores(view)
    bar.begin("fundamental scores")
    fundamental = None if files.fundamentals is None else fundamental_scores(view)
    both = combined_scores(technical, fundamental)
    parts = {"technical": technical.table, "fundamental": None if fundamental is None else fundamental.table}
    table = _outgoing(both.table, usable_volatilities(technical, view), parts, view)
    return Scored(table, view, view.session < data.sessions[-1])


def _day(files: MarketFiles, data: MarketData) -> str:
    if files.as_of is not None:
        return files.as_of
    if not data.sessions:
        raise InputError([Fault("holds no usable price", "give prices above 0")], str(files.prices))
    return data.sessions[-1].isoformat()


def _outgoing(
    both: pl.DataFrame, volatility: pl.DataFrame, tables: Mapping[str, pl.DataFrame | None], view: MarketView
) -> pl.DataFrame:
    """One row an asset: score, confidence, bucket, the parts it rests on and those missing, then every part.

    `trimtab rebalance --scores` reads the table unchanged.
    """
    import polars as pl

    table = both.rename({"reason": "unscored_because"}).join(volatility, on="asset", how="left", maintain_order="left")
    if view.bucket_of is not None:
        bucket = pl.col("asset").replace_strict(dict(view.bucket_of), default=None, return_dtype=pl.String)
        first = ("asset", "score", "confidence")
        table = table.select(*first, bucket.alias("bucket"), pl.exclude(first))
    for name, parts in tables.items():
        if parts is not None:
            columns = [column for column in parts.columns if column not in (*both.columns, "asset")]
            named = parts.select("asset", pl.col(columns).name.prefix(f"{name}_"))
            table = table.join(named, on="asset", how="left", maintain_order="left")
    return table.with_columns(pl.lit(view.session).alias("session"))


def _give_notice(scores: Scored, notices: Notices) -> None:
    """How many assets have a score, why the others do not, and the findings in the data."""
    reasons = Counter(scores.table["unscored_because"].to_list())
    having = reasons.pop("", 0)
    why = ", ".join(f"{code} {count}" for code, count in sorted(reasons.items()))
    without = f"; without a score: {why}" if why else ""
    when = f"as of {scores.view.session.isoformat()} ({scores.view.sessions_per_year} sessions a year)"
    notices.note(f"scored {having} of {counted(scores.table.height, 'asset')} {when}{without}")
    for note in scores.view.notes:
        notices.warn(note)
    if scores.view.bucket_of is not None:
        bare = [asset for asset in scores.table["asset"] if asset not in scores.view.bucket_of]
        if bare:
            notices.note(f"without a bucket, counted as {UNKNOWN}: {listed(bare)}")
    findings = scores.view.findings
    for finding in findings[:_TOLD]:
        notices.warn(finding.sentence())
    if len(findings) > _TOLD:
        notices.warn(f"and {counted(len(findings) - _TOLD, 'more finding')}")


def market_inputs(options: DataOptions, notices: Notices, *, quiet: bool) -> CandidateInputs:
    """Candidates from market data and holdings: every scored asset, then holdings that the prices lack.

    Other columns of the holdings, such as `restriction` or `max_weight`, are the candidates' too.

    Raises
    ------
    InputError
        A file that cannot be read, holdings that cannot be valued.
    """
    if options.prices is None or options.holdings is None:
        raise typer.BadParameter("--prices without --holdings: add the holdings, or use `trimtab score`")
    tables = (options.prices, options.fundamentals, options.classification, options.membership)
    market_files = MarketFiles(*tables, options.as_of, accepted(options.accept), options.aliases)
    holdings, cash = options.holdings, options.cash
    import polars as pl

    from trimtab.files.alias_file import read_aliases
    from trimtab.files.candidate_file import ACCOUNT, check_single, read_candidate_file

    scores = scored(market_files, notices, quiet=quiet)
    is_broker = is_broker_file(holdings)
    if is_broker:
        opened = broker_holdings(holdings, options.account, notices, cash=cash, prices=_closes(scores), fills_gaps=True)
        file, cash = opened.in_weights(), None
    else:
        file = read_candidate_file(holdings, may_be_empty=True)
    if options.account is not None and not is_broker:
        file = file.of_account(options.account)
    check_single(file.table, file.source)
    file, renamed = file.in_spelling(read_aliases(options.aliases), scores.table["asset"].to_list())
    for old, new in renamed.items():
        notices.note(f"joined by alias: {old} in {file.source} is {new} in {options.prices}")
    held = pl.DataFrame(file.table.drop_columns([ACCOUNT] if ACCOUNT in file.table.column_names else []))
    try:
        weights = _weights(held, file.source, cash, scores, notices)
    except InputError as error:
        raise InputError([file.located(fault) for fault in error.faults]) from None
    known = scores.table["asset"].to_list()
    others = [asset for asset in weights if asset not in set(known)]
    kept = [asset for asset in others if weights[asset] != 0]
    if kept:
        notices.note(f"not in the prices, so kept without a score: {listed(kept)}")
    assets = [*known, *others]
    wanted = [name for name in ("asset", "bucket", "score", "volatility") if name in scores.table.columns]
    unscored = pl.DataFrame({"asset": others}, {"asset": pl.String})
    table = pl.concat([scores.table.select(wanted), unscored], how="diagonal")
    weight = pl.Series("current_weight", [weights.get(asset, 0.0) for asset in assets], pl.Float64)
    more = _other_columns(held, wanted, file.source)
    candidates = table.with_columns(weight).join(more, on="asset", how="left", maintain_order="left").to_arrow()
    candidates = settled(candidates, opened) if is_broker else candidates
    files = (*market_files.files, holdings)
    rows = {asset: row for row, asset in enumerate(weights, 1)}

    def located(fault: Fault) -> Fault:
        """Faults of buckets are the classification's, all others the holdings'."""
        if fault.column == "bucket" and market_files.classification is not None:
            return replace(fault, source=str(market_files.classification), row=None)
        return file.located(replace(fault, row=None if fault.row is None else rows.get(assets[fault.row - 1])))

    return CandidateInputs(candidates, " + ".join(map(str, files)), files, located, scores.view)


def _closes(scores: Scored) -> dict[str, Decimal]:
    """The last price of every asset, for holdings whose file gives no price."""
    import polars as pl

    last = scores.view.prices.select(pl.exclude("date").drop_nulls().last()).row(0, named=True)
    return {asset: Decimal(repr(price)) for asset, price in last.items() if price is not None}


def _refuse_debt(cash: float, weights: Mapping[str, float], total: float) -> None:
    """Refuse a debt larger than rounding and unsettled trades explain."""
    from trimtab.candidates.checks import MAX_TOTAL_WEIGHT

    held = math.fsum(weights.values())
    if cash < 0 and held > MAX_TOTAL_WEIGHT:
        problem = f"cash {cash:,.2f} is a debt: positions are {held:.1%} of the account's value of {total:,.2f}"
        advice = f"trimtab borrows nothing, and accepts {MAX_TOTAL_WEIGHT:.0%} at most: repay the debt, or give the cash after that"
        raise InputError([Fault(problem, advice)], "--cash")


def _other_columns(held: pl.DataFrame, made: Sequence[str], source: str) -> pl.DataFrame:
    """The other columns of the holdings: a restriction, a limit, anything the user carries along."""
    from trimtab.market.typed_columns import names_of

    names = [name for name in held.columns if name not in ("asset", "current_weight", "shares", "currency")]
    twice = [name for name in names if name in made]
    faults = [Fault("comes from the market data", "leave it out of the holdings", column=name) for name in twice]
    if faults:
        raise InputError(faults, source)
    return held.select(names_of(held["asset"], source).alias("asset"), *names)


def _weights(
    frame: pl.DataFrame, source: str, cash: float | None, scores: Scored, notices: Notices
) -> dict[str, float]:
    """The weight of each holding, in the order of the file."""
    from trimtab.candidates.asset_names import name_fault
    from trimtab.market.typed_columns import names_of, numbers_of, required
    from trimtab.market.valuation import valued

    assets = names_of(frame[required(frame, ("asset",), source)], source)
    faults = [
        Fault(*fault, column="asset", row=row, value=asset)
        for row, asset in enumerate(assets, 1)
        if (fault := name_fault(asset)) is not None
    ]
    if faults:
        raise InputError(faults)
    rows: dict[str, int] = {}
    for row, asset in enumerate(assets, 1):
        if asset in rows:
            problem = f"the asset is in row {rows[asset]} already"
            raise InputError([Fault(problem, "give each asset once", column="asset", row=row, value=asset)])
        rows[asset] = row
    name = amounts_column([name for name in ("current_weight", "shares") if name in frame.columns], cash)
    if name is None:
        advice = f"add 'current_weight', or 'shares' and --cash; {nearest('current_weight', frame.columns)}"
        raise InputError([Fault("the column is missing", advice, column="current_weight")])
    numbers, wrong = numbers_of(frame[name], source, percents=name != "shares")
    bad = (wrong | numbers.is_null()).arg_true().to_list()
    if bad:
        advice = "write a number, 0 if it is not held"
        faults = [Fault("is not a number", advice, column=name, row=row + 1, value=frame[name][row]) for row in bad]
        raise InputError(faults)
    amounts = dict(zip(assets, numbers, strict=True))
    if name == "current_weight":
        return amounts
    check_currency(frame.to_arrow())
    held = {asset: amount for asset, amount in amounts.items() if amount != 0}  # a sold position needs no price
    value, session = valued(held, cash or 0.0, scores.view), scores.view.session.isoformat()
    _refuse_debt(cash or 0.0, value.weights, value.total)
    for asset, day in value.old.items():
        notices.warn(f"{asset} is valued at its price of {day.isoformat()}: it has no price on {session}")
    if scores.is_earlier:
        advice = "adjusted prices value the shares of today, after all splits; give current_weight if these are others"
        notices.warn(f"shares are valued at prices of {session}, before the last session: {advice}")
    notices.note(f"valued at {session}: {value.total:,.2f} with {cash or 0.0:,.2f} in cash")
    return {asset: value.weights.get(asset, 0.0) for asset in amounts}
