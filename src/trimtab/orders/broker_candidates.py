"""A broker's file in place of a table of holdings: recognised by its header, and joined to the candidates."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from trimtab.errors import Fault, InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.brokers.holdings import Held
    from trimtab.brokers.positions import Positions
    from trimtab.files.candidate_file import CandidateFile
    from trimtab.files.table_files import StrPath

_OWN_SUFFIXES = {".parquet", ".pq", ".arrow", ".feather", ".ipc"}
_FUNDS = {"fund", "holding", "fraction"}  # the holdings of funds, which exposures look through
_OWN_AMOUNTS = {"current_weight", "shares"}
_HEAD = 65_536


class BrokerCandidates(NamedTuple):
    """One account of a broker's file, ready for `trimtab.plan`, with the notes that a person should read."""

    table: pa.Table
    cash: Decimal
    notes: tuple[str, ...]


def broker_candidates(
    positions: Positions | StrPath,
    scores: Any,
    *,
    account: str | None = None,
    buckets: Any = None,
    cash: Any = None,
    prices: Mapping[str, Any] | None = None,
    rates: Mapping[str, Any] | None = None,
) -> BrokerCandidates:
    r"""The candidates of one account of a broker's file: its positions and prices, joined to your scores by alias.

    `positions` are a file, or what `trimtab.brokers.read` returned. `scores` and `buckets` are files or tables with
    `asset` and `score` or `bucket`; the scores may have prices of assets that are not held. `cash`, `prices` (by symbol)
    and `rates` (the value of one unit of a currency) supply what the file does not say.

    Raises
    ------
    InputError
        A file that cannot be read for sure; and everything unknown, in one list.

    Examples
    --------
    >>> import pathlib, tempfile, trimtab
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
    >>> _ = file.write_text("Ticker,Shares,Price,Value,Currency\nVTI,10,300,3000,USD\nCash,,,1000,USD\n")
    >>> candidates = trimtab.broker_candidates(file, [{"asset": "VTI", "score": 0.9}])
    >>> plan = trimtab.plan(candidates.table, cash=candidates.cash)
    >>> [(order.side, order.shares, order.asset) for order in plan.orders]
    [('sell', Decimal('8'), 'VTI')]
    """
    from trimtab.brokers import Positions, read  # noqa: PLC0415 - what loads slowly loads when it is used
    from trimtab.brokers.holdings import Given, held  # noqa: PLC0415
    from trimtab.decimals import decimal_of  # noqa: PLC0415
    from trimtab.files.joined_files import join_tables  # noqa: PLC0415

    known = positions if isinstance(positions, Positions) else read(positions)
    own_prices, own_rates = (
        {name: decimal_of(value) for name, value in (numbers or {}).items()} for numbers in (prices, rates)
    )
    amount = None if cash is None else decimal_of(cash)
    opened = held(known, account, Given(amount, own_prices, own_rates))
    joined = join_tables(
        _file(scores, "scores"), opened.in_shares(), None if buckets is None else _file(buckets, "buckets")
    )
    return BrokerCandidates(
        settled(joined.table, opened, own_prices), opened.cash, (*known.notes, *opened.notes, *joined.notes)
    )


def _file(content: Any, name: str) -> CandidateFile | StrPath:
    """Files pass unchanged; a table becomes the content of a file of this name."""
    import pyarrow as pa  # noqa: PLC0415

    from trimtab.files.candidate_file import CandidateFile  # noqa: PLC0415

    if isinstance(content, str | os.PathLike):
        return content
    return CandidateFile(name, pa.Table.from_pylist(content) if isinstance(content, list) else pa.table(content))


def is_broker_file(path: Path) -> bool:
    """Whether a file of holdings is a broker's: not a table with asset and current_weight or shares, as trimtab has it."""
    if str(path) == "-" or path.suffix.casefold() in _OWN_SUFFIXES or not path.is_file():
        return False
    with path.open("rb") as opened:
        head = opened.read(_HEAD)
    if path.suffix.casefold() == ".xlsx" and head.startswith(b"PK"):
        names = _workbook_names(path)
    else:
        line = head.decode("utf-8-sig", "replace").partition("\n")[0].strip("\r")
        names = next(csv.reader([line]), []) if path.suffix.casefold() == ".csv" else []
        if not head.strip():
            return False
    from trimtab.candidates.user_table import ASSET_NAMES  # noqa: PLC0415 - loads the table libraries

    folded = {name.strip().casefold() for name in names}
    is_own = (
        set(names) >= _FUNDS
        or "asset" in names
        or "score" in folded
        or bool(_OWN_AMOUNTS & set(names) and folded.intersection(ASSET_NAMES))
    )
    return not is_own


def _workbook_names(path: Path) -> list[str]:
    from trimtab.brokers.safe_bytes import load  # noqa: PLC0415 - brokers load only with a workbook
    from trimtab.brokers.sheet import workbook_rows  # noqa: PLC0415

    rows = workbook_rows(load(path), str(path))
    return list(rows[0].cells) if rows else []


def settled(table: pa.Table, held: Held | None, prices: Mapping[str, Decimal] | None = None) -> pa.Table:
    """Joined candidates, with what the broker's file knows of each row in the usual columns.

    A price of the option comes first, then the file's, then the candidates' own; a `no_trade` of the file stays.
    """
    import pyarrow as pa  # noqa: PLC0415 - loads slowly

    from trimtab.brokers.holdings import HELD  # noqa: PLC0415

    if held is None:
        return table
    columns = {name: table[name].to_pylist() for name in table.column_names}
    count = table.num_rows
    own = {name.removeprefix(HELD): columns.pop(name) for name in list(columns) if name.startswith(HELD)}
    restrictions = columns.get("restriction", [None] * count)
    columns["restriction"] = [mine or theirs for mine, theirs in zip(own["restriction"], restrictions, strict=True)]
    if "price" in own:
        theirs = columns.get("price", [None] * count)
        latest = [(prices or {}).get(str(asset)) for asset in columns["asset"]]
        columns["price"] = [
            str(new) if new is not None else (mine or (None if other is None else str(other)))
            for new, mine, other in zip(latest, own["price"], theirs, strict=True)
        ]
        rates = _rates(columns, own["fx"], held)
        columns["fx"] = rates
        columns.pop("currency", None)
    arrays = {
        name: pa.array(values, pa.string()) if name in ("restriction", "price", "fx") else table[name]
        for name, values in columns.items()
    }
    return pa.table(arrays)


def _rates(columns: Mapping[str, list[object]], own: list[str | None], held: Held) -> list[str]:
    """The rate of each row: the file's, else that of the candidate's currency."""
    from trimtab.files.cells import plain_number  # noqa: PLC0415

    currencies = columns.get("currency", [None] * len(own))
    rates = columns.get("fx", [None] * len(own))
    unknown = {
        str(name)
        for name, rate in zip(currencies, own, strict=True)
        if rate is None and name and name not in held.rates
    }
    if unknown:
        advice = "give --fx: a table with asset (the currency) and fx, 1 for your own"
        raise InputError([Fault(f"there is no rate for {name}", advice, column="currency") for name in sorted(unknown)])
    return [
        rate or (str(fx) if fx is not None else plain_number(held.rates[str(name)]) if name else "1")
        for rate, name, fx in zip(own, currencies, rates, strict=True)
    ]
