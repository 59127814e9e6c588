"""Data frames <-> kernel records; validation at the door. The only file that knows both sides.

A table comes in as pandas, polars or pyarrow (through narwhals) or as a list of dicts, and leaves as the same kind,
rows in the order that came in. In between, rows stand in canonical order: accounts as they first appear, assets by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from trimtab.bucket_tree import BucketTree, grow
from trimtab.columns import (
    COLUMNS,
    NUMBERS,
    Text,
    accounts_of,
    check_names,
    columns_of,
    numbers_of,
    text_of,
)
from trimtab.correlations import Correlations, correlations_of, partners_of
from trimtab.errors import Fault, InputError, LimitsError
from trimtab.kernel.tables import (
    NO_LIMIT,
    NO_PARTNERS,
    ROW,
    SETTINGS,
    Flags,
    Floats,
    Ints,
    Records,
    SizingMode,
    Unscored,
)
from trimtab.limits import RebalancingLimits
from trimtab.paths import UNKNOWN, folded, path_fault, split_path
from trimtab.reasons import Restriction

RESTRICTIONS = tuple(member.code for member in Restriction)

MOST_WEIGHT = 1.05
WISH_RANGE = (1e-9, 1e9)


@dataclass(frozen=True)
class Candidates:
    """Valid candidates of one account or of many, and what is wrong with those that are not.

    Columns have shape (rows,), in the order that came in. `order` lists the rows of good accounts in canonical order;
    account `accounts[i]` has order[start[i] : start[i + 1]], which is empty where `faults[i]` is not.
    """

    accounts: list[Any]
    account_of: Ints
    asset: Text
    bucket: Text
    bucket_given: bool
    restriction: Ints
    score: Floats
    current_weight: Floats
    max_weight: Floats
    desired_weight: Floats
    volatility: Floats
    order: Ints
    start: Ints
    leaf: Ints
    tree: BucketTree
    faults: dict[int, list[Fault]]
    unused_columns: tuple[str, ...]
    correlations: Correlations | None = None

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.asset.codes)

    def rows(self, limits: RebalancingLimits) -> Records:
        """The rows of the good accounts as the kernel wants them, in canonical order."""
        inputs = {"desired": self.desired_weight, "inverse_volatility": self.volatility}
        rows = np.zeros(len(self.order), ROW)
        rows["score"] = self.score[self.order]
        rows["current"] = self.current_weight[self.order]
        rows["max_weight"] = self.max_weight[self.order]
        rows["sizing_input"] = inputs[limits.sizing_mode][self.order] if limits.sizing_mode in inputs else math.nan
        rows["leaf"] = self.leaf[self.order]
        rows["restriction"] = self.restriction[self.order]
        return rows

    def partners(self, max_correlation: float | None) -> tuple[Ints, Ints]:
        """Who is too correlated with whom among the good rows, as the kernel wants it; and where each account's part starts."""
        if max_correlation is None or self.correlations is None:
            return NO_PARTNERS, np.zeros(len(self.start), np.int64)
        place = np.append(self.correlations.places(self.asset.names), -1)[self.asset.codes[self.order]]
        bucket = self.tree.level_node_of[self.leaf[self.order]]
        return partners_of(self.correlations, max_correlation, place, bucket, self.start)

    def in_table_order(self, answer: Records) -> Records:
        """The kernel's answer for the good rows in the order of the table's rows; zero for the others."""
        found = np.zeros(self.size, answer.dtype)
        found[self.order] = answer
        return found

    def only(self, account: int) -> tuple[Candidates, Ints]:
        """One good account alone, as if only its rows had come in; and which rows these are."""
        order = self.order[self.start[account] : self.start[account + 1]]
        rows = np.sort(order)
        alone = replace(
            self,
            accounts=[self.accounts[account]],
            account_of=np.zeros(len(rows), np.int64),
            asset=Text(self.asset.codes[rows], self.asset.names),
            bucket=Text(self.bucket.codes[rows], self.bucket.names),
            order=np.searchsorted(rows, order),
            start=np.array([0, len(rows)]),
            faults={},
            **{name: getattr(self, name)[rows] for name in (*NUMBERS, "restriction", "leaf")},
        )
        return alone, rows


def settings_of(limits: RebalancingLimits) -> Records:
    """The limits that are numbers, as the kernel wants them. Shape (1,)."""
    values = {
        name: getattr(limits, name)
        for name in SETTINGS.names or ()
        if isinstance(getattr(limits, name, None), int | float)
    }
    values |= {
        "full_investment_positions": limits.full_investment_positions or 0,
        "buckets_to_represent": limits.min_buckets_represented if limits.represents else 0,
        "overflow": limits.enable_bucket_diversification and limits.allow_bucket_overflow,
        "sizing_mode": SizingMode[limits.sizing_mode.upper()],
        "residual_to_cash": limits.residual_strategy == "cash",
        "unscored": Unscored.CLOSE if limits.unscored_positions == "close" else Unscored.HOLD,
        "brake_turnover": math.inf if limits.brake_turnover is None else limits.brake_turnover,
        "brake_closed_positions": (
            NO_LIMIT if limits.brake_closed_positions is None else limits.brake_closed_positions
        ),
    }
    settings = np.zeros(1, SETTINGS)
    for name in SETTINGS.names or ():
        settings[name] = values[name]
    return settings


def read(
    table: Any, limits: RebalancingLimits, *, many: bool, any_accounts: bool = False, correlations: Any = None
) -> Candidates:
    """Read and check a table of candidates: `many` accounts (the column must be there), one, or `any_accounts`.

    `correlations`: what `correlations_of` takes; needed where the limits have a `max_correlation`.

    What is wrong with the table as a whole raises; what is wrong with the rows of one account is kept in `faults`
    beside the good accounts.

    Raises
    ------
    InputError
        No table, no rows, a missing or misspelled column, a column of the wrong type.
    LimitsError
        Limits for a bucket that does not exist; a `max_correlation` without correlations.
    """
    related = _correlations(correlations, limits)
    columns, count = columns_of(table)
    check_names(columns, many=many)
    if count == 0:
        raise InputError([Fault("there are no candidates", "give a table with at least one row")])
    accounts, account_of = accounts_of(columns.get("account"), count)
    if not (many or any_accounts) and len(accounts) > 1:
        row = int(np.argmax(account_of > 0))
        raise InputError(
            [
                Fault(
                    f"there are {len(accounts)} accounts, and this is the door for one",
                    "give the rows of one account, or use trimtab.rebalance_many",
                    column="account",
                    row=row + 1,
                    value=accounts[1],
                )
            ]
        )
    faults = _Faults(account_of, accounts if "account" in columns else None)
    asset = text_of(columns["asset"], "asset", count)
    bucket = text_of(columns.get("bucket"), "bucket", count)
    restriction = _restrictions(text_of(columns.get("restriction"), "restriction", count), faults)
    numbers = {
        name: numbers_of(columns.get(name), name, count, 0.0 if name == "current_weight" else math.nan)
        for name in NUMBERS
    }
    numbers["max_weight"] = _check_numbers(numbers, "max_weight" in columns, faults)
    _check_assets(asset, account_of, faults)
    _check_totals(numbers["current_weight"], account_of, len(accounts), faults)
    _check_scored(asset, numbers["score"], numbers["current_weight"], restriction, limits, faults)
    bucket, sound = _check_buckets(bucket, limits, faults)
    if faults.found and not (many or any_accounts):
        raise InputError(faults.found[0])
    bad = np.zeros(len(accounts), np.bool_)
    bad[list(faults.found)] = True
    good_rows = ~bad[account_of]
    tree = grow(sound, limits, seen=bucket.names)
    leaf = np.zeros(count, np.int64)
    leaf_of_code = np.array([tree.leaf_of.get(name, 0) for name in bucket.names], np.int64)
    leaf[good_rows] = leaf_of_code[bucket.codes[good_rows]]
    order, start = _canonical(asset, account_of, good_rows, len(accounts))
    return Candidates(
        accounts=accounts,
        account_of=account_of,
        asset=asset,
        bucket=bucket,
        bucket_given="bucket" in columns,
        restriction=restriction,
        order=order,
        start=start,
        leaf=leaf,
        tree=tree,
        faults=faults.found,
        unused_columns=tuple(name for name in columns if name not in COLUMNS),
        correlations=related,
        **numbers,
    )


def _correlations(given: Any, limits: RebalancingLimits) -> Correlations | None:
    if given is not None:
        return correlations_of(given)
    if limits.max_correlation is not None:
        advice = (
            "give the correlations of the candidates (correlations=, or --correlations), or leave max_correlation out"
        )
        raise LimitsError([f"max_correlation is {limits.max_correlation:g}, but there are no correlations: {advice}"])
    return None


class _Faults:
    """Faults by account, each found with the row it is in."""

    def __init__(self, account_of: Ints, accounts: list[Any] | None) -> None:
        self.account_of = account_of
        self._accounts = accounts
        self.found: dict[int, list[Fault]] = {}

    def add(
        self, row: int | None, problem: str, advice: str, *, column: str, value: Any, account: int | None = None
    ) -> None:
        at = int(self.account_of[row]) if row is not None else int(account or 0)
        name = None if self._accounts is None else self._accounts[at]
        fault = Fault(problem, advice, column=column, row=None if row is None else row + 1, value=value, account=name)
        self.found.setdefault(at, []).append(fault)

    def good_rows(self) -> Flags:
        """The rows of accounts without a fault so far."""
        return ~np.isin(self.account_of, list(self.found))

    def add_where(self, wrong: Flags, values: Any, problem: str, advice: str, *, column: str) -> None:
        for row in np.flatnonzero(wrong):
            self.add(int(row), problem, advice, column=column, value=_shown_number(values[row]))


def _shown_number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _restrictions(text: Text, faults: _Faults) -> Ints:
    known = {code: at for at, code in enumerate(RESTRICTIONS)}
    of_code = np.array([known.get(name, -1) for name in text.names] + [0], np.int64)
    found = of_code[text.codes]
    for row in np.flatnonzero(found < 0):
        advice = "write no_buy, no_sell, no_trade or leave it empty"
        faults.add(int(row), "the restriction is not known", advice, column="restriction", value=text.at(int(row)))
    return np.maximum(found, 0)


def _check_numbers(numbers: dict[str, Floats], has_max: bool, faults: _Faults) -> Floats:
    """Check every number; returns `max_weight` with inf where there is none."""
    score, weight = numbers["score"], numbers["current_weight"]
    percent = (score > 1) & (score <= 100)
    faults.add_where(
        percent, score, "is above 1", "a score lies between 0 and 1; divide by 100 if it is a percent", column="score"
    )
    outside = ~np.isnan(score) & ~percent & ((score < 0) | (score > 1))
    faults.add_where(
        outside,
        score,
        "is outside 0 to 1",
        "give a score between 0 and 1, or none if it could not be scored",
        column="score",
    )
    missing = np.isnan(weight)
    faults.add_where(missing, weight, "is missing", "write 0 if it is not held", column="current_weight")
    infinite = np.isinf(weight)
    faults.add_where(infinite, weight, "is infinite", "give a fraction of the account's value", column="current_weight")
    faults.add_where(
        ~infinite & (weight < 0),
        weight,
        "is negative",
        "trimtab holds no short positions; give 0 or more",
        column="current_weight",
    )
    most = numbers["max_weight"]
    faults.add_where(
        ~np.isnan(most) & ((most < 0) | (most > 1)),
        most,
        "is outside 0 to 1",
        "give a fraction (0.05, not 5), or none for no limit",
        column="max_weight",
    )
    for name in ("desired_weight", "volatility"):
        values = numbers[name]
        wrong = ~np.isnan(values) & ~((values >= WISH_RANGE[0]) & (values <= WISH_RANGE[1]))
        faults.add_where(
            wrong,
            values,
            "is not a positive number of a usable size",
            "give a number above 0, or none if there is none",
            column=name,
        )
    return np.where(np.isnan(most), math.inf, most) if has_max else np.full(len(score), math.inf)


def _check_assets(asset: Text, account_of: Ints, faults: _Faults) -> None:
    loose = np.array([bool(name.strip()) and name != name.strip() for name in asset.names] + [False], np.bool_)[
        asset.codes
    ]
    for spaced in np.flatnonzero(loose).tolist():
        problem = "the asset's name has spaces around it"
        faults.add(spaced, problem, "write it without them", column="asset", value=asset.at(spaced))
    blank = np.array([not name.strip() for name in asset.names] + [True], np.bool_)[asset.codes]
    for unnamed in np.flatnonzero(blank).tolist():
        faults.add(unnamed, "the asset has no name", "name every asset", column="asset", value=asset.at(unnamed))
    named = np.flatnonzero(~blank)
    key = account_of[named] * (len(asset.names) + 1) + asset.codes[named]
    ranked = np.argsort(key, kind="stable")
    again = ranked[1:][key[ranked[1:]] == key[ranked[:-1]]]
    for at in np.sort(again).tolist():
        row = int(named[at])
        first = int(named[np.argmax(key == key[at])])
        faults.add(
            row,
            f"the asset stands in row {first + 1} already",
            "give each asset once in an account; sum or drop the rows yourself",
            column="asset",
            value=asset.at(row),
        )


def _check_buckets(bucket: Text, limits: RebalancingLimits, faults: _Faults) -> tuple[Text, list[str]]:
    """Refuse malformed paths and two spellings of one bucket; a missing bucket becomes `Unknown`.

    Returns the buckets, and the names of those that are sound and in use.
    """
    names = [name if name.strip() else UNKNOWN for name in bucket.names]
    problem: dict[int, tuple[str, str]] = {}
    sound = _are_sound(tuple(names), limits)
    spelling = {} if sound else _spellings(names, bucket, limits, faults)
    for code, name in enumerate(() if sound else names):
        parts = split_path(name, limits.bucket_separator)
        fault = path_fault(parts)
        if fault:
            problem[code] = (f"the bucket's path {fault[0]}", fault[1])
            continue
        for depth in range(1, len(parts) + 1):
            kept = spelling[folded(parts[:depth])]
            if kept != parts[:depth]:
                other = limits.bucket_separator.join(kept)
                problem[code] = (
                    f"the bucket differs from {other!r} only in case, spaces or invisible signs",
                    "write both the same way",
                )
                break
    wrong = np.array([code in problem for code in range(len(names))] + [False], np.bool_)[bucket.codes]
    for row in np.flatnonzero(wrong):
        faults.add(int(row), *problem[int(bucket.codes[row])], column="bucket", value=bucket.at(int(row)))
    unique = list(dict.fromkeys([*names, UNKNOWN]))
    number = {name: at for at, name in enumerate(unique)}
    codes = np.array([number[name] for name in [*names, UNKNOWN]], np.int64)[bucket.codes]
    return Text(codes, unique), [unique[code] for code in np.unique(codes[~wrong])]


@lru_cache(maxsize=64)  # most passes have the buckets of the one before
def _are_sound(names: tuple[str, ...], limits: RebalancingLimits) -> bool:
    """Whether no path has an empty part, and no node two spellings."""
    spelling: dict[tuple[str, ...], tuple[str, ...]] = {}
    for name in (UNKNOWN, *limits.buckets, *limits.known_buckets, *names):
        parts = split_path(name, limits.bucket_separator)
        if path_fault(parts):
            return False
        alike = folded(parts)
        for depth in range(1, len(parts) + 1):
            if spelling.setdefault(alike[:depth], parts[:depth]) != parts[:depth]:
                return False
    return True


def _spellings(
    names: list[str], bucket: Text, limits: RebalancingLimits, faults: _Faults
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """For each node the spelling that counts: `Unknown`, then the limits', then that of most good accounts, then of most rows."""
    rows = faults.good_rows() & (bucket.codes >= 0)
    pairs = np.unique(faults.account_of[rows] * (len(names) + 1) + bucket.codes[rows])
    votes_for = np.bincount(pairs % (len(names) + 1), minlength=len(names)).astype(np.float64)
    votes_for += np.bincount(bucket.codes[rows], minlength=len(names)) / (rows.size + 1.0)  # rows decide a tie
    return chosen_spellings(dict(zip(names, votes_for.tolist(), strict=True)), limits)


def chosen_spellings(
    votes_for: Mapping[str, float], limits: RebalancingLimits
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """For each node of these buckets the spelling that counts: `Unknown`, then the limits', then that of most votes.

    Malformed paths have no vote, nor have paths that lie under a spelling that does not count: what counts at a node
    stands under what counts above it.
    """
    given = [(UNKNOWN, math.inf), *((name, 1e18) for name in (*limits.buckets, *limits.known_buckets))]
    voting = [(split_path(name, limits.bucket_separator), votes) for name, votes in [*given, *votes_for.items()]]
    voting = [(parts, votes) for parts, votes in voting if not path_fault(parts)]
    chosen: dict[tuple[str, ...], tuple[str, ...]] = {}
    depth = 0
    while voting:
        depth += 1
        counted: dict[tuple[str, ...], dict[tuple[str, ...], float]] = {}
        for parts, votes in voting:
            at_node = counted.setdefault(folded(parts[:depth]), {})
            at_node[parts[:depth]] = at_node.get(parts[:depth], 0.0) + votes
        found = {
            alike: min(at_node.items(), key=lambda item: (-item[1], item[0]))[0] for alike, at_node in counted.items()
        }
        chosen |= found
        here = set(found.values())
        voting = [(parts, votes) for parts, votes in voting if len(parts) > depth and parts[:depth] in here]
    return chosen


def _check_totals(weight: Floats, account_of: Ints, accounts: int, faults: _Faults) -> None:
    usable = np.where(np.isfinite(weight), weight, 0.0)
    totals = np.bincount(account_of, usable, minlength=accounts)
    for account in np.flatnonzero(totals > MOST_WEIGHT + 1e-12):
        total = float(totals[account])
        if 50 < total <= 105:
            advice = "they look like percents: divide by 100"
        else:
            advice = "give fractions of the account's total value, cash left out (0.12, not 12)"
        faults.add(
            None,
            f"the weights sum to {total:.6g}, above {MOST_WEIGHT}",
            advice,
            column="current_weight",
            value=round(total, 9),
            account=int(account),
        )


def _check_scored(
    asset: Text, score: Floats, weight: Floats, restriction: Ints, limits: RebalancingLimits, faults: _Faults
) -> None:
    if limits.unscored_positions != "error":
        return
    free = (restriction != Restriction.NO_TRADE) & (restriction != Restriction.NO_SELL)
    for row in np.flatnonzero(np.isnan(score) & (weight > 0) & free):
        faults.add(
            int(row),
            f"the holding {asset.at(int(row))!r} has no score",
            'score it, restrict it, or set unscored_positions to "hold" or "close"',
            column="score",
            value=None,
        )


def _canonical(asset: Text, account_of: Ints, good: Flags, accounts: int) -> tuple[Ints, Ints]:
    """The good rows, account by account and by asset name; and where each account starts."""
    rank = np.empty(len(asset.names) + 1, np.int64)
    rank[np.array(sorted(range(len(asset.names)), key=asset.names.__getitem__), np.int64)] = np.arange(len(asset.names))
    rows = np.flatnonzero(good)
    order = rows[np.lexsort((rank[asset.codes[rows]], account_of[rows]))]
    start = np.zeros(accounts + 1, np.int64)
    np.cumsum(np.bincount(account_of[order], minlength=accounts), out=start[1:])
    return order, start
