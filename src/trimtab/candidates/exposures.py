"""Exposures of assets: from a table, checked, to sorted rows (rules, section 5a).

A row says what fraction of an asset lies in a bucket of a scheme. Paths are read with the limits at hand, since these
name the separator: `exposure_rows.py`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from trimtab.bucket_path import ONLY_IN, bucket_name, folded
from trimtab.candidates.arrow_values import Text, numbers_of, readable, text_of
from trimtab.candidates.asset_names import name_fault
from trimtab.candidates.columns import accounts_of, with_unknown
from trimtab.candidates.equality import compared_by_value
from trimtab.candidates.user_table import columns_of, near_name, table_in
from trimtab.errors import Fault, InputError
from trimtab.kernel.records import Floats, Ints
from trimtab.text import counted

COLUMNS = ("account", "asset", "scheme", "bucket", "fraction")
REQUIRED = ("asset", "scheme", "bucket")
SOURCE = "exposures"  # what errors call a table that is not a file
# How far the fractions of an asset in a scheme may differ from 1 by rounding.
WHOLE = 1e-9
Part = tuple[str, str, str, float]  # asset, scheme, bucket, fraction


@compared_by_value
@dataclass(frozen=True, eq=False)
class Exposures:
    """The fraction of each asset in each bucket of each scheme. Columns have shape (rows,), as they came in.

    `accounts` is empty where the rows hold for every account; otherwise `account` numbers them. `source` is the name of the
    table in errors.

    Examples
    --------
    >>> table = exposures_of([{"asset": "WORLD", "scheme": "country", "bucket": "US", "fraction": 0.6}])
    >>> table, table.schemes
    (<Exposures of 1 asset in 1 scheme>, ('country',))
    """

    accounts: tuple[Any, ...]
    account: Ints
    asset: Text
    scheme: Text
    bucket: Text  # `Unknown` for missing ones
    fraction: Floats
    source: str = field(default=SOURCE, compare=False)

    def __repr__(self) -> str:
        assets, schemes = len(np.unique(self.asset.codes)), len(self.schemes)
        return f"<Exposures of {counted(assets, 'asset')} in {counted(schemes, 'scheme')}>"

    @cached_property
    def schemes(self) -> tuple[str, ...]:
        """The schemes, sorted."""
        return tuple(sorted({self.scheme.names[code] for code in np.unique(self.scheme.codes).tolist()}))

    @cached_property
    def profile(self) -> tuple[Ints, Ints]:
        """The profiles: each asset with rows, in an account perhaps. The sorted keys of all, and the profile of each row."""
        keys, profile = np.unique(self.account * len(self.asset.names) + self.asset.codes, return_inverse=True)
        return keys, profile

    @cached_property
    def _code_of(self) -> dict[str, int]:
        return {name: code for code, name in enumerate(self.asset.names)}

    @cached_property
    def number_of(self) -> dict[str, int]:
        """The number of each account by its name as text, since a CSV file has the text of whole numbers."""
        return {str(name): number for number, name in enumerate(self.accounts)}

    def profiles(self, account: Ints, code: Ints, names: Sequence[str]) -> Ints:
        """The profile of each candidate: its asset is names[code], its account has this number, or -1 for one without rows.

        Those without any row have the one after the last.
        """
        assets = len(self.asset.names)
        asset = np.array([*(self._code_of.get(name, -1) for name in names), -1], np.int64)
        if not self.accounts:
            return self._profiles_of(asset)[code]
        asset = asset[code]
        return self._profiles_of(np.where((asset >= 0) & (account >= 0), account * assets + asset, -1))

    def _profiles_of(self, key: Ints) -> Ints:
        keys = self.profile[0]
        place = np.minimum(np.searchsorted(keys, key), max(len(keys) - 1, 0))
        known = np.append(keys, -2)[place] == key
        return np.where(known, place, len(keys))

    @cached_property
    def _by_account(self) -> tuple[Ints, Ints]:
        """The rows, account by account, and where those of each begin."""
        order = np.argsort(self.account, kind="stable")
        return order, np.searchsorted(self.account[order], np.arange(len(self.accounts) + 1))

    def of_accounts(self, accounts: Sequence[Any]) -> Exposures:
        """The rows of these accounts; all of them where they hold for every account."""
        if not self.accounts:
            return self
        order, start = self._by_account
        number = np.array([self.number_of.get(str(name), len(self.accounts)) for name in accounts], np.int64)
        begin, size = np.append(start, start[-1])[number], np.append(np.diff(start), 0)[number]
        place = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size) + np.repeat(begin, size)
        rows = order[place]
        asset, scheme, bucket = (Text(text.codes[rows], text.names) for text in (self.asset, self.scheme, self.bucket))
        account, fraction = np.repeat(np.arange(len(accounts)), size), self.fraction[rows]
        return Exposures(tuple(accounts), account, asset, scheme, bucket, fraction, self.source)

    @property
    def for_every_account(self) -> Exposures:
        """The rows of a single account without its name."""
        return replace(self, accounts=(), account=np.zeros_like(self.account))

    @cached_property
    def rows(self) -> list[tuple[Any, str, str, str, float]]:
        """Account (None for all), asset, scheme, bucket and fraction of every row."""
        accounts = (
            [self.accounts[code] for code in self.account.tolist()] if self.accounts else [None] * len(self.account)
        )
        names = (self.asset.values(), self.scheme.values(), self.bucket.values())
        return list(zip(accounts, *names, self.fraction.tolist(), strict=True))  # type: ignore[arg-type]

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the rows: the same for the same rows, in whatever order they came in."""
        return hashlib.sha256("\n".join(sorted(map(repr, self.rows))).encode()).hexdigest()

    def parts_of(self, account: Any) -> Mapping[str, list[Part]]:
        """The rows that hold for an account, by asset and sorted.

        Raises
        ------
        InputError
            As `account_numbers`.
        """
        if not self.accounts:
            return self._shared_parts
        (number,) = account_numbers(self, [account]).tolist()
        order, start = self._by_account
        return {} if number < 0 else self._parts(order[start[number] : start[number + 1]])

    @cached_property
    def _shared_parts(self) -> Mapping[str, list[Part]]:
        return self._parts(np.arange(len(self.fraction)))

    def digests_of(self, account: Any) -> Mapping[str, bytes]:
        """The SHA-256 of the rows that hold for an account, by asset.

        Raises
        ------
        InputError
            As `account_numbers`.
        """
        return _digests(self.parts_of(account)) if self.accounts else self._shared_digests

    @cached_property
    def _shared_digests(self) -> Mapping[str, bytes]:
        return _digests(self._shared_parts)

    def _parts(self, rows: Ints) -> Mapping[str, list[Part]]:
        parts: dict[str, list[Part]] = {}
        columns = (text.codes[rows].tolist() for text in (self.asset, self.scheme, self.bucket))
        for asset, scheme, bucket, fraction in zip(*columns, self.fraction[rows].tolist(), strict=True):
            name = self.asset.names[asset]
            parts.setdefault(name, []).append((name, self.scheme.names[scheme], self.bucket.names[bucket], fraction))
        return {asset: sorted(own) for asset, own in parts.items()}


def _digests(parts: Mapping[str, list[Part]]) -> Mapping[str, bytes]:
    return {asset: hashlib.sha256(repr(own).encode()).digest() for asset, own in parts.items()}


_NO_TEXT = Text(np.zeros(0, np.int64), [])
NO_EXPOSURES = Exposures((), np.zeros(0, np.int64), _NO_TEXT, _NO_TEXT, _NO_TEXT, np.zeros(0))


def exposures_of(table: Any, source: str = SOURCE) -> Exposures:
    """The exposures in a table; `Exposures` pass through unchanged.

    Columns: `asset`, `scheme` and `bucket` (text), optionally `fraction` (1 if the column is absent) and `account` (if
    absent, the rows hold for every account). What the fractions of an asset in a scheme lack to 1 lies in the bucket
    `Unknown`. Nothing is rescaled. `source` is the name of the table in errors.

    Raises
    ------
    InputError
        No such table; a name that is missing or nearly another one; a fraction outside (0, 1], fractions of an asset in
        a scheme that add up to more than 1, the same bucket of an asset twice.
    """
    if isinstance(table, Exposures):
        return table
    try:
        columns, count = columns_of(table_in(table), COLUMNS)
        _check_columns(columns, count)
        return _checked(columns, count, source)
    except InputError as error:
        raise InputError(error.faults, source) from None


def _check_columns(columns: Mapping[str, Any], count: int) -> None:
    if count == 0:
        raise InputError([Fault("the table of exposures is empty", "give a table with at least one row, or none")])
    faults = []
    others = [name for name in columns if name not in COLUMNS]
    for name in REQUIRED:
        if name not in columns:
            near = near_name(name, others)
            advice = (
                f"is {near!r} meant? Rename it"
                if near
                else f"add it; the table has {', '.join(map(repr, columns)) or 'none'}"
            )
            faults.append(Fault("the column is missing", advice, column=name))
    if not faults and others:
        near = near_name(others[0], [name for name in COLUMNS if name not in columns])
        advice = f"did you mean {near!r}? Rename or drop it" if near else f"keep {', '.join(COLUMNS)}"
        faults.append(Fault("the column is unknown", advice, column=others[0]))
    if faults:
        raise InputError(faults)


def _checked(columns: Mapping[str, Any], count: int, source: str) -> Exposures:
    with readable("account", "text"):
        accounts, account = accounts_of(columns.get("account"), count)
    asset, scheme = (text_of(columns[name], name, count) for name in ("asset", "scheme"))
    bucket = with_unknown(text_of(columns["bucket"], "bucket", count))
    fraction = numbers_of(columns.get("fraction"), "fraction", count, 1.0)
    named = tuple(accounts) if "account" in columns else ()
    table = Exposures(named, account, asset, scheme, bucket, fraction, source)
    _refuse_names(table)
    _refuse_fractions(fraction)
    _refuse_twice(table)
    _refuse_sums(table)
    return table


def _refuse_names(table: Exposures) -> None:
    """Refuse missing or unusable names of assets and schemes, and two spellings of a scheme."""
    for column, text in (("asset", table.asset), ("scheme", table.scheme)):
        spelling: dict[tuple[str, ...], str] = {}
        codes, first = np.unique(text.codes, return_index=True)
        for code, row in zip(codes.tolist(), first.tolist(), strict=True):
            name = None if code < 0 else text.names[code]
            fault = _name_fault(column, name)
            if fault is None and column == "scheme" and name is not None:
                other = spelling.setdefault(folded([name]), name)
                if other != name:
                    fault = (f"the scheme differs from {other!r} {ONLY_IN}", "write both the same way")
            if fault:
                raise InputError([Fault(*fault, column=column, row=row + 1, value=name)])


def _name_fault(column: str, name: str | None) -> tuple[str, str] | None:
    if name is None or bucket_name(name) != name:
        return f"the {column} is missing", f"name the {column} of every row"
    if column == "asset":
        return name_fault(name)
    if name != name.strip() or ":" in name:
        return "the scheme has spaces around it or a colon in it", "write a name without them, such as country"
    return None


def _refuse_fractions(fraction: Floats) -> None:
    wrong = np.flatnonzero(~((fraction > 0) & (fraction <= 1)))
    if not len(wrong):
        return
    row, value = int(wrong[0]), float(fraction[wrong[0]])
    if math.isnan(value):
        problem, advice = "the fraction is missing", "give a fraction above 0 and at most 1, or drop the row"
    elif 1 < value <= 100:
        problem, advice = "the fraction is above 1", "divide by 100 if it is a percent"
    elif value == 0:
        problem, advice = "the fraction is 0", "drop the row"
    else:
        problem, advice = "the fraction is outside 0 to 1", "give what is invested, above 0 and at most 1"
    shown_value = None if math.isnan(value) else value
    raise InputError([Fault(problem, advice, column="fraction", row=row + 1, value=shown_value)])


def _keys(table: Exposures, *parts: Ints) -> Ints:
    """One number for each combination of account, asset and further codes."""
    key = table.account * len(table.asset.names) + table.asset.codes
    for part in parts:
        key = np.unique(key, return_inverse=True)[1] * (int(part.max()) + 1) + part
    return key


def _refuse_twice(table: Exposures) -> None:
    key = _keys(table, table.scheme.codes, table.bucket.codes)
    _, where = np.unique(key, return_index=True)
    again = np.setdiff1d(np.arange(len(key)), where)
    if len(again):
        row = int(again[0])
        before, asset, bucket = int(np.argmax(key == key[row])) + 1, table.asset.at(row), table.bucket.at(row)
        problem = f"{asset!r} has the bucket {bucket!r} of {table.scheme.at(row)!r} in row {before} already"
        fault = Fault(problem, "give each bucket of an asset once; add them up or drop the row", row=row + 1)
        raise InputError([replace(fault, column="bucket", value=bucket, account=_account(table, row))])


def _refuse_sums(table: Exposures) -> None:
    key = np.unique(_keys(table, table.scheme.codes), return_inverse=True)[1]
    totals = np.bincount(key, table.fraction)
    wrong = np.flatnonzero(totals[key] > 1 + WHOLE)
    if len(wrong):
        first = int(wrong[0])
        row = int(np.flatnonzero(key == key[first])[-1])
        total = float(totals[key[first]])
        problem = (
            f"the fractions of {table.asset.at(first)!r} in {table.scheme.at(first)!r} add up to {total:.6g}, above 1"
        )
        advice = "give fractions of the asset (0.6, not 60); of a geared or hedged fund give what is invested"
        fault = Fault(problem, advice, column="fraction", row=row + 1, value=float(table.fraction[row]))
        raise InputError([replace(fault, account=_account(table, first))])


def _account(table: Exposures, row: int) -> Any:
    return table.accounts[int(table.account[row])] if table.accounts else None


def parts_of_assets(table: Exposures | None, account: Any, assets: Sequence[str]) -> list[Part]:
    """The rows of some assets that hold for an account, asset after asset; none without a table."""
    if table is None:
        return []
    own = table.parts_of(account)
    return [part for asset in assets for part in own.get(asset, ())]


def account_numbers(table: Exposures, accounts: Sequence[Any]) -> Ints:
    """For each of these accounts, its number in the table; -1 for one without rows.

    Raises
    ------
    InputError
        The table names several accounts, and the candidates none.
    """
    if list(accounts) == [None]:
        if len(table.accounts) == 1:
            return np.zeros(1, np.int64)
        problem, advice = (
            "names several accounts, the candidates none",
            "keep the rows of one account, or drop the column",
        )
        raise InputError([Fault(problem, advice, column="account", row=1, value=table.accounts[0])], table.source)
    return np.array([table.number_of.get(str(name), -1) for name in accounts], np.int64)
