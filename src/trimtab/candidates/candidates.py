"""Data frames <-> kernel records; validation at the door. The only file that knows both sides.

A table comes in as pandas, polars or pyarrow (through narwhals) or as a list of dicts, and leaves as the same kind,
rows in the order that came in. In between, rows stand in canonical order: accounts as they first appear, assets by name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trimtab.candidates.bucket_tree import BucketTree
from trimtab.candidates.columns import NUMBERS, Text
from trimtab.candidates.correlations import Correlations, partners_of
from trimtab.errors import Fault
from trimtab.kernel.records import NO_LIMIT, NO_PARTNERS, ROW, SETTINGS, Floats, Ints, Records, SizingMode, Unscored
from trimtab.limits.rebalancing_limits import RebalancingLimits


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
        "brake_sold_weight": math.inf if limits.brake_sold_weight is None else limits.brake_sold_weight,
        "brake_closed_positions": (
            NO_LIMIT if limits.brake_closed_positions is None else limits.brake_closed_positions
        ),
    }
    settings = np.zeros(1, SETTINGS)
    for name in SETTINGS.names or ():
        settings[name] = values[name]
    return settings
