"""Shares, prices and cash beside the scores -> current weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import typer

from trimtab.cli.inputs import CandidateInputs
from trimtab.errors import Fault, InputError, listed

_AMOUNTS = ("current_weight", "shares")


def weighed(inputs: CandidateInputs, cash: float | None) -> CandidateInputs:
    """The candidates with `current_weight`, where they give shares and prices instead.

    Raises
    ------
    typer.BadParameter
        Shares without cash, or cash without shares.
    InputError
        Shares without usable prices, or with a total of 0.
    """
    names = inputs.table.column_names
    with inputs.named_in_errors():
        if amounts_column([name for name in _AMOUNTS if name in names], cash) != "shares":
            return inputs
        if "price" not in names:
            advice = "add a column price, or give --prices and --holdings instead"
            raise InputError([Fault("shares cannot be valued without prices", advice, column="price")])
        check_currency(inputs.table)
        weights = _weights(inputs.table, cash or 0.0)
    table = inputs.table.append_column("current_weight", pa.array(weights, pa.float64()))
    return replace(inputs, table=table, used_columns=("shares", "price"))


def amounts_column(columns: Sequence[str], cash: float | None) -> str | None:
    """Whether holdings are weights or shares: which of the two columns they have, None for neither.

    Raises
    ------
    InputError
        Both columns.
    typer.BadParameter
        Shares without cash, or cash without shares.
    """
    if len(columns) == 2:
        raise InputError([Fault("has both 'current_weight' and 'shares'", "keep one of the two")])
    if list(columns) == ["shares"]:
        if cash is None:
            raise typer.BadParameter("holdings in shares need --cash: the amount, or --cash 0")
    elif cash is not None:
        raise typer.BadParameter("--cash needs holdings in shares; weights are fractions of the total, cash included")
    return columns[0] if columns else None


def check_currency(table: pa.Table) -> None:
    """Refuse holdings in several currencies, whose values must not be added.

    Raises
    ------
    InputError
        The currencies found.
    """
    if "currency" in table.column_names:
        currencies = [str(name) for name in table["currency"].drop_null().unique().to_pylist()]
        if len(currencies) > 1:
            advice = "convert all prices and --cash to one currency and drop the column, or use trimtab plan with --fx"
            problem = f"the holdings are in several currencies ({listed(currencies)}), which trimtab does not convert"
            raise InputError([Fault(problem, advice, column="currency")])


def _weights(table: pa.Table, cash: float) -> list[float]:
    """Shares times price, over the sum of all and cash."""
    shares = _numbers(table, "shares", "write the number of shares, 0 if it is not held")
    prices = _numbers(table, "price", "write the price of one share")
    negative = [number < 0 for number in shares]
    unpriced = [number > 0 and not price > 0 for number, price in zip(shares, prices, strict=True)]
    faults = _faults("is not a number of shares", "write 0 or more", "shares", shares, negative)
    faults += _faults("is not a price", "write the price of one share, above 0", "price", prices, unpriced)
    if faults:
        raise InputError(faults)
    values = [number * price if number else 0.0 for number, price in zip(shares, prices, strict=True)]
    total = math.fsum([*values, cash])
    if not (math.isfinite(total) and total > 0):
        raise InputError([Fault(f"holdings and cash are worth {total:g}", "give shares, or --cash above 0")])
    return [value / total for value in values]


def _numbers(table: pa.Table, name: str, advice: str) -> list[float]:
    """The numbers of a column; an empty price is NaN, an empty number of shares 0, as in a plan."""
    import polars as pl

    from trimtab.market.typed_columns import numbers_of

    column = pl.Series(name, table[name])
    numbers, wrong = numbers_of(column, name, percents=False)
    faults = _faults("is not a number", advice, name, column.to_list(), wrong.to_list())
    if faults:
        raise InputError(faults)
    return [float(number) for number in numbers.fill_null(0.0 if name == "shares" else math.nan)]


def _faults(problem: str, advice: str, column: str, values: Sequence[object], bad: Sequence[bool]) -> list[Fault]:
    return [
        Fault(problem, advice, column=column, row=row, value=value)
        for row, (value, is_bad) in enumerate(zip(values, bad, strict=True), 1)
        if is_bad
    ]
