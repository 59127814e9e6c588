"""The screen's part about exposures: it proves that an account meets every limit of exposures and of concentration.

Like the rest of the screen, it counts the limits that concern an account, and leaves what it cannot prove to the checker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trimtab.bucket_path import UNKNOWN
from trimtab.candidates.exposures import Exposures
from trimtab.certificate.scheme_parts import Entries, parts_by_scheme, rows_in_scheme, units_in
from trimtab.kernel.compilation import allocating, compiled, entry
from trimtab.limits.rebalancing_limits import RebalancingLimits

SUM_EPSILON = 1e-12 / 2  # half the checker's tolerance
_NO_RULE = -1


def _record(*fields: tuple[str, str]) -> np.dtype[Any]:
    return np.dtype((np.record, np.dtype(list(fields), align=True)))


# A limited bucket of a scheme, or an issuer under a rule of concentration. Shape (buckets of all limits,).
BUCKET = _record(
    ("maximum", "f8"),  # inf = none
    ("minimum", "f8"),  # 0 = none
    ("checks", "i8"),  # how many limits the certificate lists for it
    ("named", "?"),
    ("rule", "i8"),  # of an issuer, else _NO_RULE
)

# A rule of concentration. Shape (rules of all limits,).
RULE = _record(("small", "f8"), ("together", "f8"))


class ScreenExposures(NamedTuple):
    """The exposures as the screen reads them. Limits l have the buckets from bucket_start[l] and the rules from rule_start[l];
    unit u has the entries first[l, u] to first[l, u + 1], whose bucket counts from the first of the limits.
    """

    buckets: NDArray[Any]  # `BUCKET`
    bucket_start: NDArray[Any]  # shape (limits + 1,)
    rules: NDArray[Any]  # `RULE`
    rule_start: NDArray[Any]
    first: NDArray[Any]  # shape (limits, units + 1)
    bucket: NDArray[Any]
    fraction: NDArray[Any]
    unit: NDArray[Any]  # of each row of the block


class Tally(NamedTuple):
    """Room for the weights of one account, reused: those of buckets that it touches, and of the issuers above `small`."""

    weight: NDArray[Any]
    seen: NDArray[Any]  # the number of the last account that has a row in the bucket
    touched: NDArray[Any]
    together: NDArray[Any]


def screen_exposures(table: Exposures, limits: Sequence[RebalancingLimits]) -> ScreenExposures:
    """The exposures for the screen, without the rows of a block."""
    prepared = [_prepared(table, each) for each in limits]
    counts = [len(entries.bucket) for _, _, entries in prepared]
    begin = np.cumsum([0, *counts])
    return ScreenExposures(
        np.concatenate([buckets for buckets, _, _ in prepared]),
        np.cumsum([0, *(len(buckets) for buckets, _, _ in prepared)]),
        np.concatenate([rules for _, rules, _ in prepared]),
        np.cumsum([0, *(len(rules) for _, rules, _ in prepared)]),
        np.array([entries.first + begin[number] for number, (_, _, entries) in enumerate(prepared)]),
        np.concatenate([entries.bucket for _, _, entries in prepared]),
        np.concatenate([entries.fraction for _, _, entries in prepared]),
        np.zeros(0, np.int64),
    )


def _prepared(table: Exposures, limits: RebalancingLimits) -> tuple[NDArray[Any], NDArray[Any], Entries]:
    """The buckets and rules of one set of limits, and the entries of the units."""
    if not limits.enforce_exposure_limits:
        limits = RebalancingLimits()
    records, rules, entries, before = [np.zeros(0, BUCKET)], [np.zeros(0, RULE)], [], 0
    for parts in parts_by_scheme(table, limits).values():
        buckets = np.zeros(len(parts.buckets), BUCKET)
        buckets["maximum"], buckets["minimum"], buckets["named"] = parts.maximum, parts.minimum, parts.is_named
        buckets["checks"] = (parts.maximum < math.inf).astype(np.int64) + (parts.minimum > 0)
        buckets["rule"] = _NO_RULE
        records.append(buckets)
        entries.append(parts.entries._replace(bucket=parts.entries.bucket + before))
        before += len(buckets)
    for number, (scheme, own) in enumerate(sorted(limits.concentration.items())):
        buckets = np.zeros(len(table.bucket.names), BUCKET)
        buckets["maximum"], buckets["rule"] = own.largest, number
        records.append(buckets)
        entries.append(_issuers(table, scheme, before))
        before += len(buckets)
        rules.append(np.array([(own.small, own.together)], RULE))
    return np.concatenate(records), np.concatenate(rules), _joined(entries, units_in(table).size)


def _issuers(table: Exposures, scheme: str, before: int) -> Entries:
    """Whole assets in their issuers, whose buckets begin at `before`."""
    rows = rows_in_scheme(table, scheme)
    unit, bucket, _ = rows.of(np.arange(len(rows.first) - 1))
    known = np.array([name != UNKNOWN for name in table.bucket.names], np.bool_)[bucket]
    first = np.searchsorted(unit[known], np.arange(len(rows.first)))
    return Entries(first, bucket[known] + before, np.ones(int(known.sum())))


def _joined(lists: Sequence[Entries], units: int) -> Entries:
    """All entries of each unit together."""
    if not lists:
        return Entries(np.zeros(units + 1, np.int64), np.zeros(0, np.int64), np.zeros(0))
    flat = [each.of(np.arange(units)) for each in lists]
    unit, bucket, fraction = (np.concatenate(columns) for columns in zip(*flat, strict=True))
    order = np.argsort(unit, kind="stable")
    return Entries(np.searchsorted(unit[order], np.arange(units + 1)), bucket[order], fraction[order])


@allocating
def _empty_tally(exposures: ScreenExposures) -> Tally:
    """Room for any account."""
    buckets, rules = 0, 0
    for number in range(exposures.bucket_start.size - 1):
        buckets = max(buckets, exposures.bucket_start[number + 1] - exposures.bucket_start[number])
        rules = max(rules, exposures.rule_start[number + 1] - exposures.rule_start[number])
    return Tally(np.zeros(buckets), np.full(buckets, -1), np.zeros(buckets, np.int64), np.zeros(rules))


@compiled
def _touch(exposures: ScreenExposures, number: int, account: int, start: Any, target: Any, tally: Tally) -> int:
    """Add the weights of an account to the tally; how many buckets it touches."""
    count = 0
    for row in range(start[account], start[account + 1]):
        unit = exposures.unit[row]
        for place in range(exposures.first[number, unit], exposures.first[number, unit + 1]):
            bucket = exposures.bucket[place]
            if tally.seen[bucket] != account:
                tally.seen[bucket] = account
                tally.weight[bucket] = 0.0
                tally.touched[count] = bucket
                count += 1
            tally.weight[bucket] += exposures.fraction[place] * target[row]
    return count


@compiled
def _met(exposures: ScreenExposures, number: int, account: int, count: int, tally: Tally) -> int:
    """How many limits of exposures an account has under the limits with this number, or -1 unless all are met.

    `count`: the buckets that it touches.
    """
    buckets = exposures.buckets[exposures.bucket_start[number] : exposures.bucket_start[number + 1]]
    rules = exposures.rules[exposures.rule_start[number] : exposures.rule_start[number + 1]]
    tally.together[:] = 0.0
    met = 2 * rules.size
    for place in range(count):
        bucket = buckets[tally.touched[place]]
        weight = tally.weight[tally.touched[place]]
        if not weight <= bucket.maximum + SUM_EPSILON or weight < bucket.minimum - SUM_EPSILON:
            return -1
        met += bucket.checks
        if bucket.rule != _NO_RULE and weight > rules[bucket.rule].small + SUM_EPSILON:
            tally.together[bucket.rule] += weight
    for rule in range(rules.size):
        if tally.together[rule] > rules[rule].together + SUM_EPSILON:
            return -1
    for place in range(buckets.size):
        if buckets[place].named and tally.seen[place] != account:
            if buckets[place].minimum > 0.0:
                return -1
            met += buckets[place].checks
    return met


@entry
def screen_exposures_of(accounts: Any, exposures: ScreenExposures, target: Any, proven: Any, drifted: Any) -> None:
    """Prove the limits of exposures of every account that is proven otherwise. `proven` and `drifted`: as `screen_block`."""
    tally = _empty_tally(exposures)
    for account in range(accounts.start.size - 1):
        if proven[account] < 0:
            continue
        number = accounts.limits[account]
        count = _touch(exposures, number, account, accounts.start, target, tally)
        met = _met(exposures, number, account, count, tally)
        proven[account] = proven[account] + met if met >= 0 else -1
        drifted[account] = drifted[account] and met >= 0
