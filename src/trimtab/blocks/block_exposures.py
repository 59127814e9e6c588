"""The exposures of a batch, ready for compiled code, and joined to the rows of a block."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from trimtab.candidates.arrow_values import Text
from trimtab.candidates.exposure_rows import limited_paths, parts_of
from trimtab.candidates.exposures import Exposures
from trimtab.certificate.scheme_parts import unit_of
from trimtab.certificate.screen_exposures import ScreenExposures, screen_exposures
from trimtab.errors import LimitsError
from trimtab.kernel.block import BlockExposures
from trimtab.kernel.records import Ints
from trimtab.limits.exposure_limits import limits_exposures
from trimtab.limits.rebalancing_limits import RebalancingLimits

ByLimits = Mapping[str | None, RebalancingLimits]


class JoinedExposures(NamedTuple):
    """The exposures of a block: the table of its accounts, as the kernel reads it, and as the screen does."""

    table: Exposures
    kernel: BlockExposures
    screen: ScreenExposures


class BatchExposures:
    """A table of exposures, with the limits of a batch on them by `limits_id`.

    Where its rows hold for every account, they are prepared once for all blocks; otherwise, those of its accounts for each.

    Raises
    ------
    InputError
        Two spellings of one bucket.
    LimitsError
        Limits for a scheme or a bucket that does not exist.
    """

    def __init__(self, table: Exposures, limits: ByLimits) -> None:
        self.table, self._limits = table, tuple(limits.values())
        self._limited = []
        for name, chosen in limits.items():
            try:
                self._limited.append(limited_paths(table, chosen))
            except LimitsError as error:
                where = "" if name is None else f"limits {name!r}: "
                raise LimitsError([f"{where}{fault}" for fault in error.faults]) from None

    def of(self, names: pa.Array, start: Ints, asset: Text) -> JoinedExposures:
        """The exposures of the accounts with these names; account i has the rows start[i] to start[i + 1] of the assets."""
        accounts = names.to_pylist() if self.table.accounts else [None]
        table = self.table.of_accounts(accounts)
        kernel, screen = self._prepared if table is self.table else self._of_table(table)
        account = np.repeat(np.arange(len(accounts)), np.diff(start)) if table.accounts else np.zeros(0, np.int64)
        unit = unit_of(table, accounts, account, asset.codes, asset.names)
        profile = table.profiles(account, asset.codes, asset.names)
        return JoinedExposures(table, kernel._replace(profile=profile), screen._replace(unit=unit))

    @cached_property
    def _prepared(self) -> tuple[BlockExposures, ScreenExposures]:
        return self._of_table(self.table)

    def _of_table(self, table: Exposures) -> tuple[BlockExposures, ScreenExposures]:
        parts = [parts_of(table, limits, each) for limits, each in zip(self._limits, self._limited, strict=True)]
        begin = np.cumsum([0, *(len(records) for records, _ in parts)])
        kernel = BlockExposures(
            rows=np.concatenate([each.rows for each in self._limited]),
            row_start=np.cumsum([0, *(len(each.rows) for each in self._limited)]),
            parts=np.concatenate([records for records, _ in parts]),
            first=np.array([first + begin[number] for number, (_, first) in enumerate(parts)], np.int64),
            profile=np.zeros(0, np.int64),
            concentration=np.concatenate([each.concentration for each in self._limited]),
        )
        return kernel, screen_exposures(table, self._limits)


def exposures_for(table: Exposures | None, limits: ByLimits) -> BatchExposures | None:
    """The exposures that the limits of a batch need; None if no limit is about them.

    Raises
    ------
    InputError
        As `BatchExposures`.
    LimitsError
        The same, or limits of exposures without a table.
    """
    if table is not None:
        return BatchExposures(table, limits)
    for name, chosen in limits.items():
        if limits_exposures(chosen):
            where = "" if name is None else f"limits {name!r}: "
            advice = "give one (--exposures, exposures=), leave the limits out, or set enforce_exposure_limits to false"
            raise LimitsError([f"{where}exposures have limits, but there is no table of exposures: {advice}"])
    return None
