"""One unit of a batch: its rows are decided, written as one part, and recorded.

A part is done when its record exists: what was counted, which accounts failed, and the checksum of the file. The same unit
gives the same bytes, wherever and however often it is decided.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trimtab.batch.atomic_storage import Storage
from trimtab.batch.parquet_sources import Sources
from trimtab.batch.shared_assets import SharedAssets
from trimtab.batch.unit_reader import UnitReader
from trimtab.batch.units import Unit
from trimtab.blocks.counts import Counts
from trimtab.blocks.decide_block import Block, decide_block
from trimtab.blocks.precheck import renumber
from trimtab.blocks.prepared_limits import PreparedLimits
from trimtab.candidates.exposures import Exposures
from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.cash_table import CashTable
from trimtab.orders.decide_orders import OrderRules, Rates
from trimtab.orders.lots_by_account import LotsByAccount
from trimtab.orders.planned_block import PlannedBlock, plan_accounts
from trimtab.orders.tax_tables import TaxTables

# Rows that are held now, afterwards, or would be without a brake; not the hundreds of other candidates.
_IS_OF_USE = (pc.field("action") != "none") | (pc.coalesce(pc.field("proposed_weight"), pc.scalar(0.0)) > 0.0)
_CODES = ("action", "reason", "size_reason", "order_reason", "side", "status")


@dataclass(frozen=True)
class BesideFile:
    """A file beside a part: its name, rows, size and SHA-256."""

    file: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class PartRecord:
    """A finished part: its unit, what its file holds, its size and SHA-256, the counts, and who failed for which reason.

    `beside`: the files of orders and accounts, where there are orders.
    """

    number: int
    first: int
    rows: int
    accounts: int
    targets: int
    bytes: int
    sha256: str
    counts: Counts
    failed: tuple[tuple[Any, str], ...]
    beside: tuple[BesideFile, ...] = ()

    @classmethod
    def read(cls, file: Path) -> PartRecord | None:
        """A record read back; None without one, or if it is damaged: its part is not done."""
        try:
            values = json.loads(file.read_bytes())
            failed = tuple((account, reason) for account, reason in values["failed"])
            beside = tuple(BesideFile(**each) for each in values.get("beside", ()))
            return cls(**{**values, "counts": Counts.from_dict(values["counts"]), "failed": failed, "beside": beside})
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
            return None

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of each file by its name: the part, and those beside it."""
        return {part_name(self.number): self.sha256, **{each.file: each.sha256 for each in self.beside}}

    @property
    def unit(self) -> Unit:
        """The unit that it records."""
        return Unit(self.number, self.first, self.rows, self.accounts)


def part_name(number: int, kind: str = "part") -> str:
    """The name of a part's file, or of one beside it: `orders`, `accounts`."""
    return f"{kind}-{number:05}.parquet"


def record_name(number: int | str) -> str:
    """The name of the file of a part's record; of any, with a star."""
    return f"part-{number:0>5}.json" if isinstance(number, int) else f"part-{number}.json"


@dataclass(frozen=True)
class Planning:
    """The needs of orders beside candidates and limits; `fx`: the worth of one unit of each currency."""

    cash: CashTable
    settings: OrderSettings
    fx: Rates | None = None
    taxes: TaxTables | None = None

    def lots_of(self, names: Sequence[Any]) -> LotsByAccount | None:
        """The tax lots and recent trades of some accounts; None where neither is known."""
        return None if self.taxes is None else self.taxes.of_accounts(names)


@dataclass(frozen=True)
class Work:
    """Everything needed to work on any unit, here or in another process; it can be pickled.

    `votes`: how often each bucket is named in the whole batch. Parts and records go into `folder`.
    """

    sources: Sources
    limits: Mapping[str | None, RebalancingLimits]
    votes: Mapping[str, float]
    folder: Path
    storage: Storage
    shared_assets: SharedAssets | None = None  # then the rows are holdings
    planning: Planning | None = None  # then orders are decided, too
    exposures: Exposures | None = None

    @cached_property
    def rules(self) -> PreparedLimits:
        """The limits, ready for compiled code.

        Raises
        ------
        LimitsError
            Limits for a bucket that does not exist.
        """
        return PreparedLimits(self.limits, self.votes, self.exposures)

    @cached_property
    def order_rules(self) -> OrderRules | None:
        """The same for orders; None where only targets are decided.

        Raises
        ------
        LimitsError
            Limits for a bucket that does not exist, or that contradict the settings of orders.
        """
        own = self.planning
        if own is None:
            return None
        return OrderRules.of(self.limits, self.votes, own.settings, own.fx, self.exposures, own.lots_of(()))

    def check(self) -> None:
        """Refuse limits that do not fit the buckets, before anything is decided.

        Raises
        ------
        LimitsError
            Which limits.
        """
        _ = self.rules, self.order_rules

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("rules", "order_rules")}

    def rows(self) -> UnitReader:
        """A reader of its own."""
        return UnitReader(self.sources)

    def finish(self, unit: Unit, table: pa.Table) -> PartRecord:
        """Decide the rows of a unit, write its part, then its record.

        Raises
        ------
        InputError
            Where the file system refuses.
        """
        block, beside = self._decided(table)
        targets = block.targets if self.shared_assets is None else block.targets.filter(_IS_OF_USE)
        data = encoded(targets)
        listed = []
        for kind, rows in beside.items():
            name, content = part_name(unit.number, kind), encoded(rows)
            digest = hashlib.sha256(content).hexdigest()
            listed.append(BesideFile(name, rows.num_rows, len(content), digest))
            self.storage.write(self.folder / name, content, work=self.folder)
        record = PartRecord(
            number=unit.number,
            first=unit.first,
            rows=unit.rows,
            accounts=unit.accounts,
            targets=targets.num_rows,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            counts=block.counts,
            failed=tuple(zip(*(block.failed[name].to_pylist() for name in ("account", "reason")), strict=True)),
            beside=tuple(listed),
        )
        self.storage.write(self.folder / part_name(unit.number), data, work=self.folder)
        self.storage.write_json(self.folder / record_name(unit.number), asdict(record), work=self.folder)
        return record

    def _decided(self, table: pa.Table) -> tuple[Block | PlannedBlock, dict[str, pa.Table]]:
        """The targets of a unit's rows, and the tables beside them."""
        rules = self.order_rules
        if rules is not None and self.planning is not None:
            lots = self.planning.lots_of(table.column("account").unique().to_pylist())
            planned = plan_accounts(table, self.planning.cash, replace(rules, lots=lots))
            return planned, {"orders": planned.orders, "accounts": planned.accounts}
        return decide_block(table if self.shared_assets is None else self.shared_assets.joined(table), self.rules), {}


def encoded(targets: pa.Table) -> memoryview:
    """Targets as a Parquet file, whose bytes depend on nothing but their values and order."""
    columns = {
        name: _dense(column.chunk(0)) if pa.types.is_dictionary(column.type) and name not in _CODES else column
        for name, column in zip(targets.column_names, _whole(targets), strict=True)
    }
    words = [name for name, column in columns.items() if not pa.types.is_floating(column.type)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, use_dictionary=words, write_statistics=False)
    return memoryview(sink.getvalue())


def _whole(targets: pa.Table) -> list[pa.ChunkedArray]:
    """Columns of one chunk each."""
    if targets.num_rows:
        return list(targets.combine_chunks().columns)
    firsts = [
        column.chunk(0).slice(0, 0) if column.num_chunks else pa.array([], column.type) for column in targets.columns
    ]
    return [pa.chunked_array([first]) for first in firsts]


def _dense(column: pa.DictionaryArray) -> pa.Array:
    """A column of names, dictionary-encoded in order of first occurrence; whole numbers stay plain."""
    if pa.types.is_integer(column.dictionary.type):
        return column.dictionary_decode()
    codes = column.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    number, used = np.full(len(column.dictionary), -1, np.int32), np.zeros(len(column.dictionary), np.int32)
    count = renumber(codes, number, used)
    return pa.DictionaryArray.from_arrays(codes, column.dictionary.take(pa.array(used[:count])).cast(pa.string()))
