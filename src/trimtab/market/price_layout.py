"""Tables that look like prices but are not: the columns of one symbol, daily returns."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from trimtab.errors import Fault, InputError, listed

_ADJUSTED = frozenset({"adj close", "adjusted close", "adjclose", "close price", "last price", "close last"})
_CLOSES = _ADJUSTED | {"close", "price", "last", "nav", "bid", "ask"}
_KINDS = _CLOSES | frozenset(
    {
        *("open", "high", "low", "volume", "vol", "vwap", "average", "change", "change %", "turnover"),
        *("dividend", "dividends", "split", "splits", "stock splits", "split factor", "capital gains"),
        *("adj open", "adj high", "adj low", "adj volume", "transactions", "trade count", "trades"),
    }
)
_OHLC = 3  # kinds of prices that no table of symbols has side by side
_MANY = 20  # values that are enough to tell what a table holds
_NEGATIVE = 0.2  # share of values below 0 from which a table cannot hold prices
_WANDER = 1.0  # variance of the changes over variance of the values: near 2 for returns, near 0 for prices


def refuse_one_symbol(names: Sequence[str], source: str) -> None:
    """Refuse a wide table whose columns are the open, high, low, close ... of one symbol, or of each of several.

    Raises
    ------
    InputError
        Such a table: its columns are not symbols.
    """
    plain = [_plain(name) for name in names]
    known = [name for name in plain if name in _KINDS]
    has_close = bool(_CLOSES.intersection(known)) and len(known) > (len(names) > 1)  # CLOSE may be a ticker, too
    if len(known) >= _OHLC or has_close or _ADJUSTED.intersection(known):
        problem = f"the columns {listed(names)} are prices of one symbol, not symbols"
        raise InputError([Fault(problem, "add a column 'symbol' with its name in every row")], source)
    kinds = [_named_kind(name) for name in plain]  # AAPL.Open, AAPL.Close; or Close_AAPL, Volume_AAPL
    if None not in kinds and len(set(kinds)) > 1 and _CLOSES.intersection(filter(None, kinds)):
        problem = f"the columns {listed(names)} name a symbol and a kind of price each"
        raise InputError([Fault(problem, "give one column per symbol, or the columns date, symbol and close")], source)


def _plain(name: str) -> str:
    return re.sub(r"[^\w%]+|_", " ", name).strip().casefold()


def _named_kind(plain: str) -> str | None:
    """The kind of price that a name begins or ends with."""
    kinds = [kind for kind in _KINDS if plain.startswith(f"{kind} ") or plain.endswith(f" {kind}")]
    return max(kinds, key=len, default=None)


def notes_on_columns(used: str, unused: Sequence[str]) -> tuple[str, ...]:
    """The columns of a long table other than the prices used."""
    others = [name for name in unused if _plain(name) in _CLOSES]
    if others:
        return (f"The prices are the column {used!r}; {listed(others)} is not used (price_column names another).",)
    return ()


def refuse_returns(long: pl.DataFrame, source: str) -> None:
    """Refuse a table in which too many values are below 0 for prices: returns, changes, spreads.

    Raises
    ------
    InputError
        Such a table.
    """
    values = long["close"].drop_nulls()
    negative = int((values < 0).sum())
    if len(values) >= _MANY and _NEGATIVE * len(values) <= negative < len(values):
        problem = f"{negative:,} of {len(values):,} values are below 0, so these are not prices but returns or changes"
        raise InputError([Fault(problem, "give prices; a return r multiplies the price before by 1 + r")], source)


def notes_on_returns(wide: pl.DataFrame) -> tuple[str, ...]:
    """A note if every series jitters around 1 as 1 + return does, and none wanders as prices do."""
    values = wide.select(pl.exclude("date"))
    if wide.height < _MANY or not values.width:
        return ()
    level = values.select(pl.all().mean()).row(0)
    if any(mean is None or not 0.5 < mean < 1.5 for mean in level):
        return ()
    spread = values.select(pl.all().var()).row(0)
    change = values.select(pl.all().diff().var()).row(0)
    if all(var and moved is not None and moved > _WANDER * var for var, moved in zip(spread, change, strict=True)):
        return ("Every series jitters around 1, as 1 + return does and prices do not: are these returns?",)
    return ()
