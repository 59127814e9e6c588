"""Tables of symbols apart from their prices: fundamentals, classification, index membership, each with its day."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from narwhals.stable.v2 import dependencies

from trimtab.errors import Fault, InputError
from trimtab.market.data_findings import events
from trimtab.market.typed_columns import (
    EARLIEST,
    LATEST,
    SYMBOL_NAMES,
    column_named,
    days_of,
    frame_of,
    holds_numbers,
    names_of,
    numbers_of,
    refuse_rows,
    required,
)
from trimtab.symbols.aliases import Aliases

_KNOWN = "known_on"
_BUCKET_NAMES = ("bucket", "sector")
_FROM_NAMES, _TO_NAMES = ("from", "start_date"), ("to", "end_date")


@dataclass(frozen=True)
class Fundamentals:
    """One row per symbol and day on which it was known, by day and symbol; the other columns are items, float64."""

    rows: pl.DataFrame
    events: pl.DataFrame

    def known_on(self, on: dt.date) -> pl.DataFrame:
        """The rows that were known on a day."""
        return self.rows.head(self.rows[_KNOWN].search_sorted(on, side="right"))


def read_fundamentals(fundamentals: Any) -> Fundamentals:
    """Fundamentals from a table, or from a list of tables whose rows are put together.

    Each has `symbol`, `known_on` (the day from which the row was known, such as the day of its publication, never the
    end of the period it is about) and items: columns of numbers. Columns of text are left out. An item that is not a
    finite number counts as missing and is a finding; two rows of a symbol for one day (in one table) are not used.

    Raises
    ------
    InputError
        A column is missing, a row has no symbol or no day, or no column holds numbers.
    """
    tables = (
        fundamentals
        if isinstance(fundamentals, list) and fundamentals and not isinstance(fundamentals[0], dict)
        else [fundamentals]
    )
    parts = [_fundamentals(table) for table in tables]
    rows = pl.concat([part.rows for part in parts], how="diagonal").sort(_KNOWN, "symbol", maintain_order=True)
    return Fundamentals(rows, pl.concat([part.events for part in parts]))


def _fundamentals(table: Any) -> Fundamentals:
    frame, source = frame_of(table, "the fundamentals")
    known = required(frame, (_KNOWN,), source)
    symbol = required(frame, SYMBOL_NAMES, source)
    columns = [names_of(frame[symbol], source).alias("symbol"), days_of(frame[known], source).alias(_KNOWN)]
    items = [name for name in frame.columns if name not in (known, symbol) and holds_numbers(frame[name])]
    if not items:
        raise InputError([Fault("no column holds numbers", "add items, such as eps and price, pe, or roe")], source)
    read = [numbers_of(frame[name], source) for name in items]
    rows = pl.DataFrame([*columns, *(numbers for numbers, _ in read)])
    wrong = pl.select(pl.sum_horizontal(wrong.alias(name) for name, (_, wrong) in zip(items, read, strict=True)))
    number = pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True).alias("row")
    bad = pl.DataFrame([*columns, wrong.to_series().alias("value"), number]).filter(pl.col("value") > 0)
    count = rows.group_by("symbol", _KNOWN).agg(value=pl.len()).filter(pl.col("value") > 1)
    kinds = {"duplicate_fundamentals": count, "not_a_fundamental": bad}
    findings = pl.concat([events(part.rename({_KNOWN: "date"}), kind) for kind, part in kinds.items()])
    return Fundamentals(rows.join(count, on=["symbol", _KNOWN], how="anti"), findings)


def read_classification(table: Any) -> pl.DataFrame:
    """`symbol`, `bucket` and `known_on` from a table, by day and symbol; rows without `known_on` were always known. A
    mapping, or a pandas Series by symbol, gives each symbol one bucket.

    Raises
    ------
    InputError
        A column is missing, a row has no symbol, or a symbol has two rows for one day.
    """
    if dependencies.is_pandas_series(table):
        table = table.to_dict()
    if isinstance(table, Mapping):
        table = [{"symbol": symbol, "bucket": bucket} for symbol, bucket in table.items()]
    frame, source = frame_of(table, "the classification")
    symbol = names_of(frame[required(frame, SYMBOL_NAMES, source)], source).alias("symbol")
    bucket = frame[required(frame, _BUCKET_NAMES, source)]
    if bucket.dtype not in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        raise InputError([Fault("is not text", "convert the column to text", column=bucket.name)], source)
    known = column_named(frame, (_KNOWN,), source)
    always = pl.repeat(EARLIEST, frame.height, dtype=pl.Date, eager=True)
    days = always if known is None else days_of(frame[known], source)
    bare = bucket.cast(pl.String).str.strip_chars()
    rows = pl.DataFrame([symbol, days.alias(_KNOWN), bare.alias("bucket")])
    is_first = rows.select(pl.struct("symbol", _KNOWN).is_first_distinct()).to_series()
    advice = "give each symbol one bucket, or a day known_on for each change"
    refuse_rows(symbol, is_first, "an earlier row has the same symbol", advice, source)
    return rows.sort(_KNOWN, "symbol")


def read_membership(table: Any) -> pl.DataFrame:
    """`symbol`, `from` and `to` from a table: a member from that day until the day before `to` (empty: still a member).

    Raises
    ------
    InputError
        A column is missing, a row has no symbol or no first day, or ends before it begins.
    """
    frame, source = frame_of(table, "the membership")
    symbol = names_of(frame[required(frame, SYMBOL_NAMES, source)], source).alias("symbol")
    starts = days_of(frame[required(frame, _FROM_NAMES, source)], source)
    end = frame[required(frame, _TO_NAMES, source)]
    ends = days_of(_open_ended(end), source)
    refuse_rows(ends.alias(end.name), ends >= starts, "ends before it begins", "correct one of the two days", source)
    return pl.DataFrame([symbol, starts.alias("from"), ends.alias("to")])


def _open_ended(end: pl.Series) -> pl.Series:
    """The last days; a missing one becomes the last possible date."""
    never = dt.date(LATEST.year - 1, 12, 31)
    if end.dtype == pl.Null:
        return pl.repeat(never, len(end), dtype=pl.Date, eager=True).alias(end.name)
    if end.dtype in (pl.String, pl.Categorical, pl.Enum):
        text = end.cast(pl.String)
        filled = pl.when(text.str.strip_chars() != "").then(text).otherwise(pl.lit(never.isoformat()))
        return pl.select(filled.alias(end.name)).to_series()
    return end.fill_null(never)


def in_price_spelling(
    table: pl.DataFrame, symbols: Collection[str], aliases: Aliases
) -> tuple[pl.DataFrame, dict[str, str]]:
    """A table with the symbols as the prices spell them, and those that changed: old to new.

    A symbol stays unchanged if it may mean several assets, or if another one in the table means the same.
    """
    own = table["symbol"].unique().to_list()
    spelling = aliases.spelling_of_assets(symbols)
    meant = [(name, assets[0]) for name in own if len(assets := aliases.assets_of(name)) == 1]
    count = Counter(asset for _, asset in meant)
    known = set(symbols)
    changes = {
        name: spelling[asset]
        for name, asset in sorted(meant)
        if name not in known and count[asset] == 1 and asset in spelling
    }
    if not changes:
        return table, {}
    return table.with_columns(pl.col("symbol").replace(changes)), changes
