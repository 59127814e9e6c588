"""A whole batch: its time against polars that only reads and writes, the kernel's share, peak memory, and growth.

python benchmarks/batch.py FOLDER [--only job orders kernel large] [--accounts 1000000] [--repeats 3] [--workers 2]

FOLDER keeps the accounts that `make_accounts.py` makes (47 candidates each, seed 1; 4 million need 1.4 GB).

job: the command `trimtab batch`, from the start of the process to its end, and polars, which reads the same input and writes
the same output columns in this process, in turn; the medians and their ratio. Polars writes as it does by default (zstd), and
with snappy, which a batch uses.
orders: the command with `--orders` and without, in turn, on the same accounts: whole shares of assets with a price, or weights.
kernel: accounts a second for each core, in CPU time of the threads: the compiled pass alone, and the whole block function.
large: the largest resident set of the command at 0.5, 1 and 4 million accounts, and how the CPU time of an account grows.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from make_accounts import ASSETS, LIMITS, ROW_GROUP, make

from trimtab import RebalancingLimits
from trimtab.batch.parquet_sources import find_sources
from trimtab.batch.unit_reader import UnitReader
from trimtab.batch.units import survey, units_of
from trimtab.blocks import decide_block as blocks
from trimtab.blocks.prepared_limits import PreparedLimits

SEED, MILLION = 1, 1_000_000
# Every account trades here, so that the gates of a run of orders would close.
NO_GATES = """
[gates]
max_trading_accounts = 1.0
max_run_orders = 1_000_000_000
"""


@dataclass(frozen=True)
class Run:
    """Seconds on the clock, seconds of CPU, and the largest resident set in MiB."""

    wall: float
    cpu: float
    peak: float


def accounts_file(folder: Path, accounts: int, candidates: int = 47) -> Path:
    """A file of accounts; beyond a million a folder with a million in each file, which differ in their names alone."""
    file = folder / f"accounts-{accounts}-{candidates}.parquet"
    if file.exists():
        return file
    unfinished = folder / "unfinished" / file.name
    if accounts <= MILLION:
        make(unfinished, accounts, candidates, 0, SEED)
        shutil.copy(unfinished.parent / "limits.toml", folder / "limits.toml")
    else:
        unfinished.mkdir(parents=True)
        first = accounts_file(folder, MILLION, candidates)
        for index in range(accounts // MILLION):
            renamed(first, unfinished / f"{index}.parquet", "PQRSTUVW"[index])
    unfinished.replace(file)
    return file


def renamed(file: Path, other: Path, letter: str) -> None:
    """The same rows, with account names that begin with another letter."""
    rows = pq.ParquetFile(file)
    with pq.ParquetWriter(other, rows.schema_arrow) as writer:
        for group in range(rows.num_row_groups):
            table = rows.read_row_group(group)
            names = pc.replace_substring(table["account"], "P", letter)
            writer.write_table(table.set_column(0, "account", names))


def shares_files(file: Path) -> tuple[Path, Path]:
    """The same accounts in whole shares, worth 5,000 to a million; and their cash."""
    shares, cash = file.with_suffix(".shares.parquet"), file.with_suffix(".cash.parquet")
    if cash.exists():
        return shares, cash
    (file.parent / "orders.toml").write_text(f"{LIMITS}{NO_GATES}")
    rng = np.random.default_rng(SEED)
    prices = np.round(np.exp(rng.uniform(np.log(2), np.log(800), ASSETS)), 2)
    table = pq.read_table(file)
    accounts, number = np.unique(table["account"].to_numpy(), return_inverse=True)
    value = np.round(np.exp(rng.uniform(np.log(5_000), np.log(1_000_000), len(accounts))), 2)
    price = prices[[int(name[2:]) for name in table["asset"].to_pylist()]]
    held = np.floor(table["current_weight"].to_numpy() * value[number] / price)
    left = np.round(value - np.bincount(number, held * price), 2)
    pq.write_table(pa.table({"account": accounts, "cash": left}), cash)
    table = table.drop_columns(["current_weight"]).append_column("shares", pa.array(held))
    pq.write_table(table.append_column("price", pa.array(price)), shares, row_group_size=ROW_GROUP)
    return shares, cash


def orders(folder: Path, accounts: int, repeats: int, workers: int) -> None:
    file = accounts_file(folder, accounts)
    shares, cash = shares_files(file)
    few = shares_files(accounts_file(folder, 2000))
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        out = Path(scratch)
        batch(few[0], out / "warm", workers, few[1])
        runs: dict[str, list[Run]] = {"with orders": [], "without": []}
        for index in range(repeats):
            for name, own in (("with orders", (shares, cash)), ("without", (file, None))):
                runs[name].append(batch(own[0], out / str(index), workers, own[1]))
                shutil.rmtree(out / str(index))
    wall = {name: statistics.median(run.wall for run in each) for name, each in runs.items()}
    cpu = {name: statistics.median(run.cpu for run in each) for name, each in runs.items()}
    for name in runs:
        print(f"{name}: {wall[name]:.1f} s on the clock, {cpu[name] / accounts * 1e6:.1f} µs of CPU an account")
    print(
        f"with orders against without: {wall['with orders'] / wall['without']:.2f} on the clock, "
        f"{cpu['with orders'] / cpu['without']:.2f} in CPU"
    )


def batch(file: Path, out: Path, workers: int, cash: Path | None = None) -> Run:
    """The command, as a process of its own; with orders where there is cash."""
    limits = file.parent / ("limits.toml" if cash is None else "orders.toml")
    command = [sys.executable, "-m", "trimtab", "batch", str(file), "--limits", str(limits), "--no-store"]
    command += [] if cash is None else ["--orders", "--accounts", str(cash)]
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--out", str(out), "--workers", str(workers), "--quiet"], stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"the batch ended with exit code {process.returncode}")
    return Run(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def timed(work: Callable[[], Any]) -> Run:
    begun, cpu = time.perf_counter(), time.process_time()
    work()
    return Run(time.perf_counter() - begun, time.process_time() - cpu, 0.0)


def job(folder: Path, accounts: int, repeats: int, workers: int) -> None:
    file = accounts_file(folder, accounts)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        out = Path(scratch)
        batch(accounts_file(folder, 2000), out / "warm", workers)
        runs: dict[str, list[Run]] = {"trimtab batch": [], "read": [], "write, zstd": [], "write, snappy": []}
        for index in range(repeats):
            runs["trimtab batch"].append(batch(file, out / str(index), workers))
            runs["read"].append(timed(lambda: pl.read_parquet(file)))
            targets = pl.read_parquet(out / str(index) / "part-*.parquet")
            for codec in ("zstd", "snappy"):
                runs[f"write, {codec}"].append(
                    timed(lambda codec=codec, targets=targets: targets.write_parquet(out / "polars", compression=codec))
                )
            del targets
            shutil.rmtree(out / str(index))
            print(
                f"{index + 1}: {', '.join(f'{name} {each[-1].wall:.1f} s' for name, each in runs.items())}", flush=True
            )
    wall = {name: statistics.median(run.wall for run in each) for name, each in runs.items()}
    cpu = {name: statistics.median(run.cpu for run in each) for name, each in runs.items()}
    for name, done in runs.items():
        each = ", ".join(f"{run.wall:.1f}" for run in done)
        print(f"{name}: median {wall[name]:.1f} s on the clock ({each}), {cpu[name]:.1f} s of CPU")
    for codec in ("zstd", "snappy"):
        both = [times["read"] + times[f"write, {codec}"] for times in (wall, cpu)]
        print(
            f"against polars with {codec}: {wall['trimtab batch'] / both[0]:.2f} times on the clock, "
            f"{cpu['trimtab batch'] / both[1]:.2f} times in CPU"
        )


def kernel(folder: Path, workers: int) -> None:
    limits = RebalancingLimits.from_toml(folder / "limits.toml")
    inner = blocks.rebalance_block
    for candidates, accounts in ((50, 40_000), (200, 10_000)):
        sources = find_sources([str(accounts_file(folder, accounts, candidates))])
        survey_of_rows = survey(sources, workers)
        rows, rules = UnitReader(sources), PreparedLimits({None: limits}, survey_of_rows.names)
        tables = [rows.of(unit) for unit in units_of(survey_of_rows, sources.rows)]
        spent: list[float] = []

        def measured(*arguments: Any, spent: list[float] = spent) -> None:
            begun = time.thread_time()
            inner(*arguments)
            spent.append(time.thread_time() - begun)

        if blocks.decide_block(tables[0], rules).counts.failed:
            raise SystemExit(f"accounts of {candidates} candidates fail, so that nothing can be measured")
        blocks.rebalance_block = measured

        def decided(table: Any, rules: PreparedLimits = rules) -> float:
            begun = time.thread_time()
            blocks.decide_block(table, rules)
            return time.thread_time() - begun

        with ThreadPoolExecutor(workers) as pool:
            whole = sum(pool.map(decided, tables * 3))
        blocks.rebalance_block = inner
        count = 3 * accounts
        print(
            f"{candidates} candidates, for each core: {count / sum(spent):,.0f} accounts a second in the pass alone, "
            f"{count / whole:,.0f} in the whole block function"
        )


def large(folder: Path, workers: int) -> None:
    each = {}
    for accounts in (4 * MILLION, MILLION // 2, MILLION):
        file = accounts_file(folder, accounts)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            run = batch(file, Path(scratch) / "out", workers)
        each[accounts] = run.cpu / accounts
        print(
            f"{accounts:,} accounts: {run.wall:.1f} s on the clock, {run.cpu:.1f} s of CPU "
            f"({each[accounts] * 1e6:.1f} µs an account), peak memory {run.peak:,.0f} MiB",
            flush=True,
        )
    growth = each[4 * MILLION] / each[MILLION // 2]
    print(f"CPU time of an account at 4 million against 0.5 million: {growth:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=["job", "orders", "kernel", "large"])
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if "kernel" in options.only:
        accounts_file(options.folder, 2000)
        kernel(options.folder, options.workers)
    if "job" in options.only:
        job(options.folder, options.accounts, options.repeats, options.workers)
    if "orders" in options.only:
        orders(options.folder, options.accounts, options.repeats, options.workers)
    if "large" in options.only:
        large(options.folder, options.workers)


if __name__ == "__main__":
    main()
