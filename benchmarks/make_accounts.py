"""Realistic accounts as Parquet: a universe of 3,000 scored assets that all share, 5 to 60 holdings each, a few strange ones.

python benchmarks/make_accounts.py OUT.parquet [--accounts 100000] [--candidates 47] [--bad 0] [--seed 1]

Every account has `--candidates` rows; with 0, odd sizes: 5 to 60 holdings and up to 20 more. Of the assets 2 % have no
score and 1 % no bucket, 1 % of the rows are restricted; `--bad` accounts cannot be rebalanced. Beside the candidates it
writes `limits.toml`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ASSETS = 3000
AT_ONCE = 20_000  # accounts
ROW_GROUP = 300_000  # no multiple of any account's size
LIMITS = """\
max_total_positions = 60
max_new_positions = 5
max_position_weight = 0.2
min_position_weight = 0.002
enable_bucket_diversification = true
max_positions_per_bucket = 12
max_allocation_per_bucket = 0.35
min_buckets_represented = 3
sizing_mode = "score_weighted"
"""


@dataclass(frozen=True)
class Universe:
    """What is known of the assets, each column of length ASSETS."""

    names: pa.Array
    bucket: pa.Array
    score: np.ndarray

    @classmethod
    def random(cls, rng: np.random.Generator) -> Universe:
        """Scores near 0.7, and buckets of two levels."""
        sector, industry = rng.integers(0, 11, ASSETS), rng.integers(0, 5, ASSETS)
        buckets = [
            None if rng.random() < 0.01 else f"Sector{entry:02d}/Industry{two}"
            for entry, two in zip(sector, industry, strict=True)
        ]
        score = np.round(rng.beta(5, 2.5, ASSETS), 3)
        score[rng.random(ASSETS) < 0.02] = np.nan
        return cls(pa.array([f"AS{index:05d}" for index in range(ASSETS)]), pa.array(buckets), score)


def accounts_table(
    universe: Universe, rng: np.random.Generator, first: int, count: int, candidates: int, bad: np.ndarray
) -> pa.Table:
    """The rows of so many accounts, numbered from `first`; those in `bad` have a weight that cannot be."""
    if candidates:
        sizes = np.full(count, candidates)
        held = np.minimum(rng.integers(5, 61, count), candidates)
    else:
        held = rng.integers(5, 61, count)
        sizes = held + rng.integers(0, 21, count)
    start = np.concatenate([[0], np.cumsum(sizes)])
    rows, number = int(start[-1]), np.repeat(np.arange(count), sizes)
    place = np.arange(rows) - start[number]
    steps = rng.integers(1, ASSETS // max(81, int(sizes.max()) + 1), rows)  # no account goes around once
    steps[start[:-1]] = rng.integers(0, ASSETS, count)
    walked = np.cumsum(steps)
    walked -= (walked - steps)[start[:-1]][number]
    asset = (walked * 7919) % ASSETS  # 7919 is prime to ASSETS: neighbours on the walk are strangers
    share = np.where(place < held[number], rng.exponential(1.0, rows), 0.0)
    total = np.bincount(number, share, minlength=count)
    weight = np.round(share / total[number] * rng.uniform(0.9, 1.0, count)[number], 6)
    weight[start[:-1]] = np.where(np.isin(np.arange(first, first + count), bad), -0.1, weight[start[:-1]])
    restriction = np.where(rng.random(rows) < 0.01, rng.integers(1, 4, rows), 0).astype(np.int8)
    account = pa.array([f"P{index:08d}" for index in range(first, first + count)])
    score = universe.score[asset]
    return pa.table(
        {
            "account": pa.DictionaryArray.from_arrays(pa.array(number.astype(np.int32)), account).dictionary_decode(),
            "asset": universe.names.take(pa.array(asset)),
            "bucket": universe.bucket.take(pa.array(asset)),
            "score": pa.array(score, mask=np.isnan(score)),
            "current_weight": weight,
            "restriction": pa.DictionaryArray.from_arrays(
                pa.array(restriction), pa.array(["", "no_buy", "no_sell", "no_trade"])
            ).dictionary_decode(),
        }
    )


def make(out: Path, accounts: int, candidates: int, bad: int, seed: int) -> None:
    """Write the candidates, and `limits.toml` beside them."""
    rng = np.random.default_rng(seed)
    universe = Universe.random(rng)
    strange = rng.choice(accounts, bad, replace=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    (out.parent / "limits.toml").write_text(LIMITS)
    writer = None
    for first in range(0, accounts, AT_ONCE):
        table = accounts_table(universe, rng, first, min(AT_ONCE, accounts - first), candidates, strange)
        writer = writer or pq.ParquetWriter(out, table.schema)
        writer.write_table(table, row_group_size=ROW_GROUP)
    if writer is not None:
        writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--candidates", type=int, default=47)
    parser.add_argument("--bad", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    make(options.out, options.accounts, options.candidates, options.bad, options.seed)
    print(f"{options.accounts} accounts in {options.out}, seed {options.seed}")


if __name__ == "__main__":
    main()
