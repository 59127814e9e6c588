"""What can be wrong with the rows of an account."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trimtab.candidates.columns import Text
from trimtab.errors import Fault
from trimtab.kernel.records import Flags, Floats, Ints
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Restriction

RESTRICTIONS = tuple(member.code for member in Restriction)

MOST_WEIGHT = 1.05
WISH_RANGE = (1e-9, 1e9)


class FaultsByAccount:
    """Faults by account, each found with the row it is in."""

    def __init__(self, account_of: Ints, accounts: list[Any] | None) -> None:
        self.account_of = account_of
        self._accounts = accounts
        self.found: dict[int, list[Fault]] = {}

    def add(
        self, row: int | None, problem: str, advice: str, *, column: str, value: Any, account: int | None = None
    ) -> None:
        """Note a fault of a row, or of an account as a whole."""
        at = int(self.account_of[row]) if row is not None else int(account or 0)
        name = None if self._accounts is None else self._accounts[at]
        fault = Fault(problem, advice, column=column, row=None if row is None else row + 1, value=value, account=name)
        self.found.setdefault(at, []).append(fault)

    def good_rows(self) -> Flags:
        """The rows of accounts without a fault so far."""
        return ~np.isin(self.account_of, list(self.found))

    def add_where(self, wrong: Flags, values: Any, problem: str, advice: str, *, column: str) -> None:
        """Note the same fault for each row where it is true."""
        for row in np.flatnonzero(wrong):
            self.add(int(row), problem, advice, column=column, value=_shown_number(values[row]))


def _shown_number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def check_restrictions(text: Text, faults: FaultsByAccount) -> Ints:
    """The number of each row's restriction; unknown ones are faults."""
    known = {code: at for at, code in enumerate(RESTRICTIONS)}
    of_code = np.array([known.get(name, -1) for name in text.names] + [0], np.int64)
    found = of_code[text.codes]
    for row in np.flatnonzero(found < 0):
        advice = "write no_buy, no_sell, no_trade or leave it empty"
        faults.add(int(row), "the restriction is not known", advice, column="restriction", value=text.at(int(row)))
    return np.maximum(found, 0)


def check_numbers(numbers: dict[str, Floats], has_max: bool, faults: FaultsByAccount) -> Floats:
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


def check_assets(asset: Text, account_of: Ints, faults: FaultsByAccount) -> None:
    """Refuse assets without a name, with spaces around it, or twice in an account."""
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


def check_totals(weight: Floats, account_of: Ints, accounts: int, faults: FaultsByAccount) -> None:
    """Refuse accounts whose weights add up to more than rounding and unsettled trades explain."""
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


def check_scored(
    asset: Text, score: Floats, weight: Floats, restriction: Ints, limits: RebalancingLimits, faults: FaultsByAccount
) -> None:
    """Refuse holdings without a score where the limits say so."""
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
