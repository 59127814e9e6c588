"""A table of candidates, read and checked."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trimtab.candidates.bucket_spellings import check_buckets
from trimtab.candidates.bucket_tree import grow
from trimtab.candidates.candidates import Candidates
from trimtab.candidates.checks import (
    FaultsByAccount,
    check_assets,
    check_numbers,
    check_restrictions,
    check_scored,
    check_totals,
)
from trimtab.candidates.columns import COLUMNS, NUMBERS, Text, accounts_of, check_names, columns_of, numbers_of, text_of
from trimtab.candidates.correlations import Correlations, correlations_of
from trimtab.errors import Fault, InputError, LimitsError
from trimtab.kernel.records import Flags, Ints
from trimtab.limits.rebalancing_limits import RebalancingLimits


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
    faults = FaultsByAccount(account_of, accounts if "account" in columns else None)
    asset = text_of(columns["asset"], "asset", count)
    bucket = text_of(columns.get("bucket"), "bucket", count)
    restriction = check_restrictions(text_of(columns.get("restriction"), "restriction", count), faults)
    numbers = {
        name: numbers_of(columns.get(name), name, count, 0.0 if name == "current_weight" else math.nan)
        for name in NUMBERS
    }
    numbers["max_weight"] = check_numbers(numbers, "max_weight" in columns, faults)
    check_assets(asset, account_of, faults)
    check_totals(numbers["current_weight"], account_of, len(accounts), faults)
    check_scored(asset, numbers["score"], numbers["current_weight"], restriction, limits, faults)
    bucket, sound = check_buckets(bucket, limits, faults)
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


def _canonical(asset: Text, account_of: Ints, good: Flags, accounts: int) -> tuple[Ints, Ints]:
    """The good rows, account by account and by asset name; and where each account starts."""
    rank = np.empty(len(asset.names) + 1, np.int64)
    rank[np.array(sorted(range(len(asset.names)), key=asset.names.__getitem__), np.int64)] = np.arange(len(asset.names))
    rows = np.flatnonzero(good)
    order = rows[np.lexsort((rank[asset.codes[rows]], account_of[rows]))]
    start = np.zeros(accounts + 1, np.int64)
    np.cumsum(np.bincount(account_of[order], minlength=accounts), out=start[1:])
    return order, start
