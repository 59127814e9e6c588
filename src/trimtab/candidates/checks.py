"""The faults that the rows of an account can have."""

from __future__ import annotations

from typing import Any

import numpy as np

from trimtab.candidates.arrow_values import Text
from trimtab.candidates.asset_names import name_fault
from trimtab.candidates.bucket_spellings import bucket_faults
from trimtab.candidates.columns import RawColumns
from trimtab.errors import Fault
from trimtab.kernel.records import Flags, Floats, Ints
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Restriction
from trimtab.tolerances import WEIGHT_TOLERANCE

RESTRICTIONS = tuple(member.code for member in Restriction)

# Rounding and unsettled trades explain a total up to this.
MAX_TOTAL_WEIGHT = 1.05
# The range of a desired weight or a volatility, in which ratios stay finite. A desired weight of 0 closes.
SIZING_INPUT_RANGE = (1e-9, 1e9)


class FaultsByAccount:
    """Faults by account, each with the row it is in."""

    def __init__(self, raw: RawColumns) -> None:
        self._raw = raw
        self.by_account: dict[int, list[Fault]] = {}
        self.wrong_buckets: frozenset[str] = frozenset()

    def add(
        self, row: int | None, problem: str, advice: str, *, column: str, value: Any, account: int | None = None
    ) -> None:
        """Note a fault of a row, or of an account as a whole."""
        account_index = int(self._raw.account_of[row]) if row is not None else int(account or 0)
        name = self._raw.accounts[account_index]
        fault = Fault(problem, advice, column=column, row=None if row is None else row + 1, value=value, account=name)
        self.by_account.setdefault(account_index, []).append(fault)

    def good_rows(self) -> Flags:
        """The rows of accounts without a fault so far."""
        bad = np.zeros(len(self._raw.accounts), np.bool_)
        bad[list(self.by_account)] = True
        return ~bad[self._raw.account_of]

    def add_where(self, wrong: Flags, column: str, problem: str, advice: str) -> None:
        """Note the same fault of a column for each row where it is true."""
        values = getattr(self._raw, column)
        for row in np.flatnonzero(wrong).tolist():
            value = values.at(row) if isinstance(values, Text) else float(values[row])
            self.add(row, problem, advice, column=column, value=value)


def check(raw: RawColumns, limits: RebalancingLimits) -> FaultsByAccount:
    """All faults of the rows, by account."""
    faults = FaultsByAccount(raw)
    faults.add_where(
        restriction_codes(raw.restriction) < 0,
        "restriction",
        "the restriction is unknown",
        "write no_buy, no_sell, no_trade or leave it empty",
    )
    _check_numbers(raw, faults)
    _check_assets(raw.asset, raw.account_of, faults)
    _check_totals(raw, faults)
    _check_scored(raw, limits, faults)
    _check_buckets(raw, limits, faults)
    return faults


def restriction_codes(restriction: Text) -> Ints:
    """The number of each row's restriction in RESTRICTIONS; -1 where it is not one."""
    number = {code: index for index, code in enumerate(RESTRICTIONS)}
    return np.array([number.get(name, -1) for name in restriction.names] + [0], np.int64)[restriction.codes]


def is_outside(values: Floats, low: float, high: float) -> Flags:
    """Where a value lies outside two bounds; NaN, for a missing value, does not."""
    return ~np.isnan(values) & ~((values >= low) & (values <= high))


def _check_numbers(raw: RawColumns, faults: FaultsByAccount) -> None:
    score, weight = raw.score, raw.current_weight
    percent = (score > 1) & (score <= 100)
    advice = "a score lies between 0 and 1; divide by 100 if it is a percent"
    faults.add_where(percent, "score", "is above 1", advice)
    advice = "give a score between 0 and 1, or none if it could not be scored"
    faults.add_where(is_outside(score, 0.0, 1.0) & ~percent, "score", "is outside 0 to 1", advice)
    faults.add_where(np.isnan(weight), "current_weight", "is missing", "write 0 if it is not held")
    infinite = np.isinf(weight)
    faults.add_where(infinite, "current_weight", "is infinite", "give a fraction of the account's value")
    advice = "trimtab holds no short positions; give 0 or more"
    faults.add_where(~infinite & (weight < 0), "current_weight", "is negative", advice)
    advice = "give a fraction (0.05, not 5), or none for no limit"
    faults.add_where(is_outside(raw.max_weight, 0.0, 1.0), "max_weight", "is outside 0 to 1", advice)
    for name, or_none in (("desired_weight", ", 0 to hold none of it,"), ("volatility", ",")):
        problem, advice = "is not a number of a usable size", f"give a number above 0{or_none} or leave it empty"
        values = getattr(raw, name)
        closes = (values == 0) & (name == "desired_weight")
        faults.add_where(is_outside(values, *SIZING_INPUT_RANGE) & ~closes, name, problem, advice)


def _check_assets(asset: Text, account_of: Ints, faults: FaultsByAccount) -> None:
    """Refuse names that are not those of assets, and assets that appear twice in an account."""
    wrong = [name_fault(name) for name in [*asset.names, ""]]
    for fault in sorted({fault for fault in wrong if fault}):
        faults.add_where(np.array([entry == fault for entry in wrong], np.bool_)[asset.codes], "asset", *fault)
    blank = np.array([not name.strip() for name in [*asset.names, ""]], np.bool_)
    named = np.flatnonzero(~blank[asset.codes])
    key = account_of[named] * (len(asset.names) + 1) + asset.codes[named]
    ranked = np.argsort(key, kind="stable")
    again = ranked[1:][key[ranked[1:]] == key[ranked[:-1]]]
    for index in np.sort(again).tolist():
        row = int(named[index])
        first = int(named[np.argmax(key == key[index])])
        advice = "give each asset once in an account; sum or drop the rows yourself"
        faults.add(row, f"the asset is in row {first + 1} already", advice, column="asset", value=asset.at(row))


def _check_totals(raw: RawColumns, faults: FaultsByAccount) -> None:
    """Refuse accounts whose weights add up to more than rounding and unsettled trades explain."""
    usable = np.where(np.isfinite(raw.current_weight), raw.current_weight, 0.0)
    totals = np.bincount(raw.account_of, usable, minlength=len(raw.accounts))
    for account in np.flatnonzero(totals > MAX_TOTAL_WEIGHT + WEIGHT_TOLERANCE).tolist():
        total = float(totals[account])
        if 50 < total <= 105:
            advice = "they look like percents: divide by 100"
        else:
            advice = "give fractions of the account's total value, cash left out (0.12, not 12)"
        problem = f"the weights sum to {total:.6g}, above {MAX_TOTAL_WEIGHT}"
        faults.add(None, problem, advice, column="current_weight", value=round(total, 9), account=account)


def _check_scored(raw: RawColumns, limits: RebalancingLimits, faults: FaultsByAccount) -> None:
    """Refuse holdings without a score where the limits say so."""
    if limits.unscored_positions != "error":
        return
    forbids_selling = np.array([member.forbids_selling for member in Restriction])
    free = ~forbids_selling[restriction_codes(raw.restriction)]
    for row in np.flatnonzero(np.isnan(raw.score) & (raw.current_weight > 0) & free).tolist():
        problem = f"the holding {raw.asset.at(row)!r} has no score"
        advice = 'score it, restrict it, or set unscored_positions to "hold" or "close"'
        faults.add(row, problem, advice, column="score", value=None)


def _check_buckets(raw: RawColumns, limits: RebalancingLimits, faults: FaultsByAccount) -> None:
    """Refuse malformed paths and two spellings of one bucket; accounts that are good so far decide the spelling."""
    names, codes = raw.bucket.names, raw.bucket.codes

    def votes() -> dict[str, float]:
        """By name: the number of good accounts with it, plus the share of rows as a fraction."""
        rows = faults.good_rows()
        pairs = np.unique(raw.account_of[rows] * len(names) + codes[rows])
        accounts = np.bincount(pairs % len(names), minlength=len(names)).astype(np.float64)
        accounts += np.bincount(codes[rows], minlength=len(names)) / (raw.size + 1.0)  # rows decide a tie
        return dict(zip(names, accounts.tolist(), strict=True))

    wrong = bucket_faults(names, limits, votes)
    faults.wrong_buckets = frozenset(wrong)
    if wrong:
        for row in np.flatnonzero(np.array([name in wrong for name in names], np.bool_)[codes]).tolist():
            name = names[codes[row]]
            faults.add(row, *wrong[name], column="bucket", value=name)
