"""The exposures of a backtest: one table for all days, or one whose rows are known from a day on."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from trimtab.blocks.block_exposures import BatchExposures
from trimtab.candidates.arrow_values import Text
from trimtab.candidates.exposures import Exposures, exposures_of
from trimtab.candidates.user_table import table_in
from trimtab.errors import Fault, InputError, LimitsError
from trimtab.exposures.gaps import gaps
from trimtab.kernel.block import BlockExposures
from trimtab.kernel.records import Ints
from trimtab.limits.exposure_limits import limits_exposures
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.market.typed_columns import EARLIEST, column_named, days_of, frame_of

SOURCE = "the exposures"
_KNOWN = "known_on"


@dataclass(frozen=True, eq=False)
class ExposureHistory:
    """The exposures of assets in periods: from one day on which something new is known to the next.

    `table` has the periods as its accounts, named by their first day; no accounts if nothing changes.
    """

    table: Exposures
    days: tuple[dt.date, ...]  # the first of each period

    def periods(self, days: Sequence[dt.date]) -> Ints:
        """The period of each of these days.

        Raises
        ------
        InputError
            A scheme of which nothing is known on the first of these days.
        """
        known = np.array([bisect_right(self.days, day) - 1 for day in days], np.int64)
        late = set(self.table.schemes) - set(() if known[0] < 0 else self.on(int(known[0])).schemes)
        if late:
            problem = f"scheme {min(late)!r} has no row by {days[0].isoformat()}, the first day to decide on"
            raise InputError([Fault(problem, "give earlier rows, or start later")], SOURCE)
        return known

    def on(self, period: int) -> Exposures:
        """The table of exposures in a period."""
        if not self.table.accounts:
            return self.table
        return self.table.of_accounts([self.table.accounts[period]]).for_every_account

    def records(self, limits: Sequence[RebalancingLimits], assets: Sequence[str]) -> BlockExposures | None:
        """The exposures for the kernel, under each of these limits; None if none of them limits exposures.

        Row period * assets + asset has the profile of that asset in that period.

        Raises
        ------
        InputError
            Two spellings of one bucket.
        LimitsError
            Limits for a scheme or a bucket that does not exist.
        """
        if not any(map(limits_exposures, limits)):
            return None
        names = self.table.accounts or (None,)
        count = len(assets)
        asset = Text(np.tile(np.arange(count), len(names)), list(assets))
        named: dict[str | None, RebalancingLimits] = {f"policy {number}": each for number, each in enumerate(limits)}
        if len(limits) == 1:
            named = {None: limits[0]}
        prepared = BatchExposures(self.table, named)
        return prepared.of(pa.array(names, pa.string()), np.arange(len(names) + 1) * count, asset).kernel

    def notes(self, limits: RebalancingLimits, assets: Sequence[str]) -> list[str]:
        """Sentences on what the limited schemes do not know of these assets."""
        return list(gaps(self.table, sorted(assets), sorted({*limits.exposures, *limits.concentration})))


def exposure_history(table: Any) -> ExposureHistory | None:
    """The exposures in a table as `rebalance` takes it, perhaps with the column `known_on`; None without a table.

    From its day on, the rows of an asset in a scheme replace those known before. Without the column all were always known.

    Raises
    ------
    InputError
        As `exposures_of`; a day that cannot be read.
    """
    if table is None:
        return None
    if isinstance(table, Exposures):
        return _constant(table)
    frame, _ = frame_of(table_in(table), SOURCE)
    column = column_named(frame, (_KNOWN,), SOURCE)
    if column is None or "account" in frame.columns:
        return _constant(exposures_of(frame, SOURCE))
    return _changing(frame.drop(column).rows(named=True), days_of(frame[column], SOURCE).to_list())


def _constant(table: Exposures) -> ExposureHistory:
    if table.accounts:
        fault = Fault("a backtest has one account", "keep its rows and drop the column", column="account")
        raise InputError([fault], SOURCE)
    return ExposureHistory(table, (EARLIEST,))


def _changing(rows: Sequence[dict[str, Any]], days: Sequence[dt.date]) -> ExposureHistory:
    """Rows with the days from which they are known, as one table of all periods; faults name the row that was given."""
    starts = sorted(set(days))
    latest: dict[tuple[Any, Any], list[int]] = {}
    kept: list[tuple[dt.date, int]] = []
    for start in starts:
        new: dict[tuple[Any, Any], list[int]] = {}
        for number, (row, day) in enumerate(zip(rows, days, strict=True)):
            if day == start:
                new.setdefault((row.get("asset"), row.get("scheme")), []).append(number)
        latest |= new
        kept += [(start, number) for numbers in latest.values() for number in sorted(numbers)]
    expanded = [{**rows[number], "account": start.isoformat()} for start, number in kept]
    try:
        table = exposures_of(expanded, SOURCE)
    except InputError as error:
        faults = [
            each if each.row is None else replace(each, row=kept[each.row - 1][1] + 1, account=None)
            for each in error.faults
        ]
        raise InputError(faults, SOURCE) from None
    return ExposureHistory(table, tuple(starts))


def exposure_records(
    history: ExposureHistory | None, limits: Sequence[RebalancingLimits], assets: Sequence[str]
) -> BlockExposures | None:
    """The exposures for the kernel, under each of these limits; None if none of them limits exposures.

    Raises
    ------
    InputError
        As `ExposureHistory.records`.
    LimitsError
        The same, or limits without a table.
    """
    if history is not None:
        return history.records(limits, assets)
    if any(map(limits_exposures, limits)):
        advice = "give one (exposures=, or --exposures), leave them out, or set enforce_exposure_limits to false"
        raise LimitsError([f"exposures have limits, but there is no table of exposures: {advice}"])
    return None
