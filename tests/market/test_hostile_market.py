"""Broken files and series of prices: each is named or blocked, none ends in a traceback."""

from __future__ import annotations

import gzip
import io
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from command_line import run
from price_series import days, long, walks

from trimtab.market.market_data import MarketData

NAMES = [f"S{number}" for number in range(6)]
COUNT, BROKEN, AT = 60, "S3", 40
SERIES = walks(NAMES, COUNT, seed=40)
GOOD = long(SERIES)
DAY = days(COUNT)[AT]
IS_HIT = (pl.col("symbol") == BROKEN) & (pl.col("date") == DAY)


def times(factor: float, *, only: bool) -> pl.DataFrame:
    """The prices of one symbol in another unit, on one day or from it on."""
    hit = IS_HIT if only else (pl.col("symbol") == BROKEN) & (pl.col("date") >= DAY)
    return GOOD.with_columns(close=pl.when(hit).then(pl.col("close") * factor).otherwise("close"))


def instead(value: float | None) -> pl.DataFrame:
    return GOOD.with_columns(close=pl.when(IS_HIT).then(pl.lit(value, pl.Float64)).otherwise("close"))


def text_instead(value: str) -> pl.DataFrame:
    return GOOD.with_columns(close=pl.when(IS_HIT).then(pl.lit(value)).otherwise(pl.col("close").cast(pl.String)))


def again(factors: list[float]) -> pl.DataFrame:
    """More prices of one symbol on one day."""
    return pl.concat([GOOD, *(GOOD.filter(IS_HIT).with_columns(pl.col("close") * factor) for factor in factors)])


def without(first: int, last: int) -> pl.DataFrame:
    dates = days(COUNT)[first:last]
    return GOOD.filter(~((pl.col("symbol") == BROKEN) & pl.col("date").is_in(dates)))


def stuck(sessions: int) -> pl.DataFrame:
    dates = days(COUNT)[AT - sessions : AT]
    price = float(GOOD.filter((pl.col("symbol") == BROKEN) & (pl.col("date") == dates[0]))["close"][0])
    hit = (pl.col("symbol") == BROKEN) & pl.col("date").is_in(dates)
    return GOOD.with_columns(close=pl.when(hit).then(pl.lit(price)).otherwise("close"))


# name -> (table, the kind of finding)
BROKEN_SERIES: dict[str, tuple[pl.DataFrame, str]] = {
    **{
        f"split of {ratio:g} for 1": (times(1 / ratio, only=False), "split_like_jump")
        for ratio in (2, 3, 4, 5, 7, 20, 50)
    },
    **{f"1 for {ratio}": (times(ratio, only=False), "split_like_jump") for ratio in (2, 3, 8, 15, 25, 40)},
    **{f"unit {unit:g}": (times(unit, only=False), "unit_like_jump") for unit in (10, 0.1, 100, 0.01, 1000, 0.001)},
    **{f"one day {unit:g}": (times(unit, only=True), "unit_like_jump") for unit in (10, 0.1, 100, 0.01, 1000, 0.001)},
    **{f"jump to {jump:g}": (times(jump, only=False), "large_jump") for jump in (65, 1 / 65, 300, 1e6, 1e-6)},
    **{f"price {price:g}": (instead(price), "not_positive") for price in (0.0, -0.0, -1.0, -1e9)},
    **{f"price {price:g}": (instead(price), "not_a_number") for price in (math.inf, -math.inf)},
    **{f"price {price}": (instead(price), "gap") for price in (None, math.nan)},
    **{
        f"text {text!r}": (text_instead(text), "not_a_number")
        for text in ("n/a", "1,23.45", "12%", "$12", "12.5 USD", "nan", "inf", "#REF!", "1.2.3", "--")
    },
    "text '1,234.5'": (text_instead("1,234.5"), "split_like_jump"),  # read as 1234.5, a hundredfold price
    "an empty cell": (text_instead(""), "gap"),
    "a blank cell": (text_instead("  "), "gap"),
    "one day twice, same price": (again([1.0]), "duplicate_day"),
    "one day twice, other price": (again([1.01]), "duplicate_day"),
    "one day four times": (again([1.0, 1.0, 0.5]), "duplicate_day"),
    "a gap of a day": (without(AT, AT + 1), "gap"),
    "a gap of two weeks": (without(AT, AT + 10), "gap"),
    "an early end": (without(AT, COUNT), "stale_price"),
    "yesterday's price is the last": (without(COUNT - 1, COUNT), "stale_price"),
    "stuck for a month": (stuck(21), "unchanged_price"),
    "stuck for longer": (stuck(35), "unchanged_price"),
}

CSV = GOOD.with_columns(pl.col("date").cast(pl.String))


def csv(frame: pl.DataFrame, **options: Any) -> bytes:
    return frame.write_csv(**options).encode()


def parquet(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()


def dated(form: str) -> pl.DataFrame:
    return GOOD.with_columns(pl.col("date").dt.strftime(form))


def zipped() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("prices.csv", csv(CSV))
    return sink.getvalue()


# name of the file and its number -> (content, what is said)
BROKEN_FILES: dict[str, tuple[bytes, str]] = {
    "empty.csv": (b"", "is empty"),
    "header.csv": (b"date,symbol,close\n", "has no rows"),
    "blank.csv": (b"\n\n\n", "is empty"),
    "no date.csv": (csv(CSV.drop("date")), "column 'date': the column is missing"),
    "no close.csv": (csv(CSV.drop("close")), "column 'close': the column is missing"),
    "no symbols.csv": (csv(CSV.select("date")), "there is no price"),
    "price named otherwise.csv": (csv(CSV.rename({"close": "closing"})), "column 'close': the column is missing"),
    "junk.csv": (bytes(range(256)), "is not a text file"),
    "junk.parquet": (b"PAR1 and then nothing", "is damaged or truncated"),
    "cut.parquet": (parquet(GOOD)[:-50], "is damaged or truncated"),
    "hole.parquet": (parquet(GOOD)[:200] + b"\0" * 200 + parquet(GOOD)[400:], "hole.parquet"),
    "really parquet.csv": (parquet(GOOD), "holds Parquet"),
    "really csv.parquet": (csv(CSV), "does not begin like Parquet"),
    "zip.csv": (zipped(), "zip archive"),
    "gzip.csv": (gzip.compress(csv(CSV), mtime=0), "holds gzip"),
    "utf16.csv": (csv(CSV).decode().encode("utf-16"), "UTF-16"),
    "latin.csv": (csv(CSV).replace(b"S3", b"S\xe9"), "is not a text file"),
    "nul.csv": (csv(CSV).replace(b"S3", b"S\0"), "NUL byte"),
    "semicolons.csv": (csv(CSV, separator=";"), "is separated by semicolons"),
    "tabs.csv": (csv(CSV, separator="\t"), "is separated by tabs"),
    "ragged.csv": (csv(CSV) + b"2020-03-30,S1\n", "the row has 2 cells and the header 3"),
    "quote.csv": (csv(CSV) + b'2020-03-30,"S1,5\n', "a quote is not closed"),
    "comma.csv": (csv(CSV).replace(b".", b","), "cells and the header 3"),
    "twice.csv": (csv(CSV).replace(b"symbol", b"close", 1), "appears twice in the header"),
    "unnamed.csv": (csv(CSV).replace(b"symbol", b"", 1), "column 2 has no name"),
    "two symbols.csv": (csv(CSV.with_columns(ticker=pl.col("symbol"))), "could both be meant"),
    "two days.csv": (csv(CSV.with_columns(day=pl.col("date"))), "could both be meant"),
    "british.csv": (csv(dated("%d/%m/%Y")), "is not a day"),
    "american.csv": (csv(dated("%m/%d/%Y")), "is not a day"),
    "german.csv": (csv(dated("%d.%m.%Y")), "is not a day"),
    "compact.csv": (csv(dated("%Y%m%d")), "is not a day"),
    "hours.csv": (csv(dated("%Y-%m-%d 16:00:00")), "is not a day"),
    "zone.csv": (csv(dated("%Y-%m-%dT00:00:00+09:00")), "is not a day"),
    "no such day.csv": (csv(CSV).replace(b"2020-02-28", b"2020-02-30"), "is not a day"),
    "one day empty.csv": (csv(CSV).replace(b"2020-02-28", b"", 1), "the day is missing"),
    "year 20.csv": (csv(CSV).replace(b"2020-", b"0020-"), "is not a usable day"),
    "year 9999.csv": (csv(CSV).replace(b"2020-", b"9999-"), "is not a usable day"),
    "swapped.csv": (csv(CSV.select("date", symbol="close", close="symbol")), "check that no two columns were swapped"),
    "swapped too.csv": (csv(CSV.select(date="symbol", symbol="date", close="close")), "is not a day"),
    "no name.csv": (csv(CSV).replace(b"S3", b"", 1), "the name is missing"),
    "space.csv": (csv(CSV).replace(b"S3", b"S3 ", 1), "has spaces around it"),
    "only text.csv": (csv(CSV.with_columns(close=pl.lit("none"))), "holds no number"),
    "only below zero.csv": (csv(CSV.with_columns(-pl.col("close"))), "holds no usable price"),
    "only empty.csv": (csv(CSV.with_columns(close=pl.lit(""))), "holds no usable price"),
    "numbers.parquet": (parquet(GOOD.with_columns(date=pl.lit(20200101))), "instead of days"),
    "fractions.parquet": (parquet(GOOD.with_columns(date=pl.lit(43831.0))), "instead of days"),
    "utc.parquet": (
        parquet(
            GOOD.with_columns(
                pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Tokyo").dt.convert_time_zone("UTC")
            )
        ),
        "has a time of day",
    ),
    "no day.parquet": (parquet(GOOD.with_columns(date=pl.lit(None, pl.Date))), "the day is missing"),
    "codes.parquet": (parquet(GOOD.with_columns(symbol=pl.lit(7203))), "instead of names"),
    "flags.parquet": (parquet(GOOD.with_columns(close=pl.lit(True))), "holds no number"),
    "lists.parquet": (parquet(GOOD.with_columns(pl.concat_list("close"))), "holds no number"),
    "dates for prices.parquet": (parquet(GOOD.with_columns(close=pl.col("date"))), "holds no number"),
    "long cell.csv": (csv(CSV).replace(b"S3", b"S" * 20_000, 1), "longer than 10000 characters"),
    "prices.json": (b'{"a": 1}', "the suffix '.json' is unknown"),
    "prices": (csv(CSV), "the name has no suffix"),
}


def said(path: Path) -> tuple[int, str, str]:
    result = run("score", "--prices", path)
    words = " ".join(result.stderr.split())
    assert "internal error" not in words
    assert "Traceback" not in words
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, words, result.stdout


def test_there_are_a_hundred() -> None:
    assert len(BROKEN_SERIES) + len(BROKEN_FILES) >= 100


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    content, sentence = BROKEN_FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    code, words, out = said(path)
    assert code == 3
    assert sentence in words
    assert out == ""
    assert name.rsplit(" ", maxsplit=1)[-1] in words


def as_csv(frame: pl.DataFrame, path: Path) -> Path:
    frame.write_csv(path.with_suffix(".csv"))
    return path.with_suffix(".csv")


def as_parquet(frame: pl.DataFrame, path: Path) -> Path:
    frame.write_parquet(path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


@pytest.mark.parametrize("write", [as_csv, as_parquet])
@pytest.mark.parametrize("name", BROKEN_SERIES)
def test_a_broken_series_is_blocked_and_no_other(
    tmp_path: Path, name: str, write: Callable[[pl.DataFrame, Path], Path]
) -> None:
    frame, kind = BROKEN_SERIES[name]
    path = write(frame, tmp_path / "prices")
    view = MarketData(path).as_of(days(COUNT)[-1])
    assert set(view.blocked) == {BROKEN}
    assert kind in {finding.kind for finding in view.findings}
    code, words, _ = said(path)
    assert code == 0
    assert f"warning: {BROKEN}, 2020-0" in words
