"""The sample that ships: real prices of 2022, an invented portfolio, and limits to try. See `sample/README.md`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pyarrow as pa

from trimtab.files.candidate_file import read_candidate_file
from trimtab.files.table_files import read_table
from trimtab.limits.rebalancing_limits import RebalancingLimits

SAMPLE_CASH = 3000


def sample_path(name: str = "candidates.csv") -> Path:
    """Where a file of the sample is: `candidates.csv`, `positions.csv`, `prices.parquet`, `limits.toml`, `README.md`."""
    return Path(str(resources.files("trimtab.data") / "sample" / name))


def sample_candidates() -> pa.Table:
    """The 25 candidates of the sample, as of 2022-12-28."""
    return read_table(sample_path())


def sample_positions() -> pa.Table:
    """The same portfolio in shares, with prices; beside it are `SAMPLE_CASH` in cash."""
    return read_candidate_file(sample_path("positions.csv")).table


def sample_limits() -> RebalancingLimits:
    """The limits of the sample, an example to copy and change."""
    return RebalancingLimits.from_toml(sample_path("limits.toml"))
