"""Small batches on disk, and what a folder holds; for tests."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from cases import Row, random_rows

from trimtab.batch.atomic_storage import Storage
from trimtab.batch.publish_gates import PublishGates
from trimtab.batch.run import BatchOutcome, Job, PublishConditions, on_threads, run_batch
from trimtab.limits.rebalancing_limits import RebalancingLimits

SCHEMA = pa.schema(
    [
        ("account", pa.string()),
        ("asset", pa.string()),
        ("bucket", pa.string()),
        ("score", pa.float64()),
        ("current_weight", pa.float64()),
        ("restriction", pa.string()),
        ("max_weight", pa.float64()),
        ("desired_weight", pa.float64()),
        ("volatility", pa.float64()),
    ]
)
BLOCK_ROWS = 60
OPEN = {"max_unscored": 1.0, "max_braked": 1.0, "max_unmet": 1.0}  # the gates that random accounts often close


def account_rows(seed: int, accounts: int = 40) -> list[Row]:
    """The rows of this many accounts, one after another, with sizes that never match a block or a row group."""
    rng = random.Random(seed)
    return [{**row, "account": f"P{index:04d}"} for index in range(accounts) for row in random_rows(rng)]


def write_rows(file: Path, rows: list[Row], row_group: int = 47, schema: pa.Schema = SCHEMA) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema), file, row_group_size=row_group)
    return str(file)


def batch(
    places: str | tuple[str, ...],
    out: Path,
    limits: Any = None,
    *,
    workers: int = 2,
    storage: Storage | None = None,
    events: list[Any] | None = None,
    assets: str | None = None,
    block_rows: int = BLOCK_ROWS,
    version: str = "1",
    shard: tuple[int, int] | None = None,
    exposures: str | None = None,
    **gates: Any,
) -> BatchOutcome:
    chosen = limits if isinstance(limits, dict) else {None: limits or RebalancingLimits()}
    named = (places,) if isinstance(places, str) else places
    return run_batch(
        Job(named, chosen, version, assets, block_rows, exposures=exposures),
        out,
        PublishConditions(PublishGates(**{**OPEN, **gates}), shard),
        execute=on_threads(workers),
        workers=workers,
        storage=storage or Storage(),
        say=(lambda _event: None) if events is None else events.append,
    )


def files_of(folder: Path) -> dict[str, bytes]:
    """Every published file with its bytes."""
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*")) if file.is_file() and file.name[0] != "."}


def targets_of(folder: Path) -> list[Row]:
    """The rows of all parts in their order."""
    return [row for file in sorted(folder.glob("part-*.parquet")) for row in pq.read_table(file).to_pylist()]


def sorted_targets(folder: Path) -> list[Row]:
    return sorted(targets_of(folder), key=lambda row: (row["account"], row["asset"]))
