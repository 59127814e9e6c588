"""The sample that ships: real prices of 2022, an invented portfolio, and limits to try. See `sample/README.md`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pyarrow as pa

from trimtab.files.table_files import read_table
from trimtab.limits.rebalancing_limits import RebalancingLimits


def sample_path(name: str = "candidates.csv") -> Path:
    """Where a file of the sample is: `candidates.csv`, `prices.parquet`, `limits.toml` or `README.md`."""
    return Path(str(resources.files("trimtab.data") / "sample" / name))


def sample_candidates() -> pa.Table:
    """The 25 candidates of the sample, as of 2022-12-28."""
    return read_table(sample_path())


def sample_limits() -> RebalancingLimits:
    """The limits of the sample, an example to copy and change."""
    return RebalancingLimits.from_toml(sample_path("limits.toml"))
