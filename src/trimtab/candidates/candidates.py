"""Valid candidates as the records that the kernel works on.

Rows are in canonical order there: accounts as they first appear, assets by name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trimtab.candidates.arrow_values import Text
from trimtab.candidates.bucket_tree import BucketTree, grow
from trimtab.candidates.checks import FaultsByAccount, restriction_codes
from trimtab.candidates.columns import COLUMNS, NUMBERS, OUTPUTS, RawColumns
from trimtab.candidates.correlations import Correlations, partners_of
from trimtab.candidates.exposure_rows import NO_ROWS, ExposureRows, exposure_rows
from trimtab.candidates.exposures import Exposures, account_numbers
from trimtab.errors import Fault
from trimtab.kernel.records import (
    NO_LIMIT,
    NO_PARTNERS,
    ROW,
    SETTINGS,
    Exposed,
    Flags,
    Floats,
    Ints,
    Records,
    SizingMode,
    Unscored,
)
from trimtab.limits.rebalancing_limits import RebalancingLimits


@dataclass(frozen=True)
class Candidates:
    """Valid candidates of one account or of many, and the faults of the others.

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
    result_columns: tuple[str, ...]  # of an earlier result, in the table that came in
    correlations: Correlations | None = None
    exposures: Exposures | None = None

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.asset.codes)

    @classmethod
    def from_block(
        cls,
        block: Any,
        rows: Ints,
        *,
        accounts: list[Any],
        start: Ints,
        order: Ints,
        bucket: Text,
        leaf: Ints,
        tree: BucketTree,
    ) -> Candidates:
        """Some good accounts of a block as if only their rows had come in: `rows` are theirs, account after account.

        `block` has the columns `asset`, `restriction` (codes) and those of numbers, of shape (rows of the block,), and
        `exposures` with their `table`, or None.
        `start`, `order`, `bucket` and `leaf` are of these rows alone.
        """
        numbers = {name: getattr(block, name)[rows] for name in NUMBERS}
        return cls(
            accounts=accounts,
            account_of=np.repeat(np.arange(len(accounts)), np.diff(start)),
            asset=Text(block.asset.codes[rows], block.asset.names),
            bucket=bucket,
            bucket_given=True,
            restriction=block.restriction[rows].astype(np.int64),
            order=order,
            start=start,
            leaf=leaf,
            tree=tree,
            faults={},
            unused_columns=(),
            result_columns=(),
            exposures=None if block.exposures is None else block.exposures.table,
            **{**numbers, "max_weight": _limited(numbers["max_weight"])},
        )

    def rows(self, limits: RebalancingLimits) -> Records:
        """The rows of the good accounts in the kernel's form, in canonical order."""
        sizing_column = limits.sizing_column
        rows = np.zeros(len(self.order), ROW)
        rows["score"] = self.score[self.order]
        rows["current"] = self.current_weight[self.order]
        rows["max_weight"] = self.max_weight[self.order]
        rows["sizing_input"] = math.nan if sizing_column is None else getattr(self, sizing_column)[self.order]
        rows["leaf"] = self.leaf[self.order]
        rows["restriction"] = self.restriction[self.order]
        return rows

    def partners(self, max_correlation: float | None) -> tuple[Ints, Ints]:
        """The pairs of good rows that are too correlated, in the kernel's form; and where each account's part
        starts.
        """
        if max_correlation is None or self.correlations is None:
            return NO_PARTNERS, np.zeros(len(self.start), np.int64)
        place = np.append(self.correlations.places(self.asset.names), -1)[self.asset.codes[self.order]]
        bucket = self.tree.level_node_of[self.leaf[self.order]]
        return partners_of(self.correlations, max_correlation, place, bucket, self.start)

    def exposure_rows(self, limits: RebalancingLimits) -> ExposureRows:
        """The limits of exposures in force, and each asset's parts in them; empty without exposures."""
        return NO_ROWS if self.exposures is None else exposure_rows(self.exposures, limits)

    def exposed(self, limits: RebalancingLimits) -> Exposed | None:
        """The same for the good rows, in the kernel's form; None without limits."""
        rows = self.exposure_rows(limits)
        if self.exposures is None or not len(rows.rows):
            return None
        account = np.zeros(0, np.int64)
        if self.exposures.accounts:
            account = account_numbers(self.exposures, self.accounts)[self.account_of[self.order]]
        return rows.exposed(self.exposures.profiles(account, self.asset.codes[self.order], self.asset.names))

    def in_table_order(self, answer: Records) -> Records:
        """The kernel's answer for the good rows in the order of the table's rows; zero for the others."""
        ordered = np.zeros(self.size, answer.dtype)
        ordered[self.order] = answer
        return ordered

    def per_account(self, values: Floats) -> Floats:
        """The sum of values of the rows in canonical order in each account. Shape (accounts,)."""
        account = self.account_of[self.order]
        return np.asarray(np.bincount(account, values, minlength=len(self.accounts)), np.float64)

    @property
    def buckets(self) -> set[str]:
        """The buckets of these rows; `Unknown` for rows without one."""
        return {self.bucket.names[code] for code in np.unique(self.bucket.codes).tolist()}

    def only(self, account: int) -> tuple[Candidates, Ints]:
        """One good account alone, as if only its rows had come in; and which rows these are."""
        return self.between(account, account + 1)

    def between(self, first: int, stop: int) -> tuple[Candidates, Ints]:
        """The good rows of some accounts, as if only they had come in; and which rows these are."""
        begin, end = self.start[first], self.start[stop]
        order = self.order[begin:end]
        rows = np.sort(order)
        part = replace(
            self,
            accounts=self.accounts[first:stop],
            account_of=self.account_of[rows] - first,
            asset=Text(self.asset.codes[rows], self.asset.names),
            bucket=Text(self.bucket.codes[rows], self.bucket.names),
            order=np.searchsorted(rows, order),
            start=self.start[first : stop + 1] - begin,
            faults={},
            **{name: getattr(self, name)[rows] for name in (*NUMBERS, "restriction", "leaf")},
        )
        return part, rows


def build(
    raw: RawColumns,
    limits: RebalancingLimits,
    faults: FaultsByAccount,
    correlations: Correlations | None = None,
    exposures: Exposures | None = None,
) -> Candidates:
    """Candidates from typed columns and their faults.

    Raises
    ------
    LimitsError
        Limits for a bucket that neither a candidate nor `known_buckets` has.
    """
    good, names = faults.good_rows(), raw.bucket.names
    present = {names[code] for code in np.unique(raw.bucket.codes).tolist()}
    tree = grow(present - faults.wrong_buckets, limits, near=names)
    leaf = np.array([tree.leaf_of.get(name, 0) for name in names], np.int64)[raw.bucket.codes]
    order, start = _canonical(raw, good)
    numbers = {name: getattr(raw, name) for name in NUMBERS}
    return Candidates(
        accounts=raw.accounts,
        account_of=raw.account_of,
        asset=raw.asset,
        bucket=raw.bucket,
        bucket_given="bucket" in raw.names,
        restriction=np.maximum(restriction_codes(raw.restriction), 0),
        order=order,
        start=start,
        leaf=np.where(good, leaf, 0),
        tree=tree,
        faults=faults.by_account,
        unused_columns=tuple(name for name in raw.names if name not in (*COLUMNS, *OUTPUTS)),
        result_columns=tuple(name for name in raw.names if name in OUTPUTS),
        correlations=correlations,
        exposures=exposures,
        **{**numbers, "max_weight": _limited(raw.max_weight)},
    )


def _limited(max_weight: Floats) -> Floats:
    """The largest weights; infinity without a limit."""
    return np.where(np.isnan(max_weight), math.inf, max_weight)


def _canonical(raw: RawColumns, good: Flags) -> tuple[Ints, Ints]:
    """The good rows, account by account and by asset name; and where each account starts."""
    names = raw.asset.names
    rank = np.empty(len(names) + 1, np.int64)
    rank[np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)] = np.arange(len(names))
    rows = np.flatnonzero(good)
    order = rows[np.lexsort((rank[raw.asset.codes[rows]], raw.account_of[rows]))]
    start = np.zeros(len(raw.accounts) + 1, np.int64)
    np.cumsum(np.bincount(raw.account_of[order], minlength=len(raw.accounts)), out=start[1:])
    return order, start


def settings_of(limits: RebalancingLimits) -> Records:
    """The numeric limits, in the kernel's form. Shape (1,)."""
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
        "brake_sold_weight": math.inf if limits.brake_sold_weight is None else limits.brake_sold_weight,
        "brake_closed_positions": (
            NO_LIMIT if limits.brake_closed_positions is None else limits.brake_closed_positions
        ),
    }
    settings = np.zeros(1, SETTINGS)
    for name in SETTINGS.names or ():
        settings[name] = values[name]
    return settings
