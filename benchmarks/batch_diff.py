"""`batch diff` of two large nights: the accounts that changed, their causes and their order, against a count of its own.

python benchmarks/batch_diff.py [--accounts 100000] [--candidates 47] [--seed 1]

The second night has other scores in a twentieth of the accounts, and no rows of ten; the third has other limits for all. The
expected changes are computed from the published parts with polars. Times are CPU time of a process of its own.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
from harness import options

HERE = Path(__file__).parent
SAME = 1e-12


def command(*arguments: object) -> tuple[float, float]:
    """Run trimtab; its CPU seconds and the largest memory of any child so far, in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "trimtab", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss / 1e3


def targets(night: Path) -> pl.LazyFrame:
    frame = pl.scan_parquet(sorted((night).glob("**/part*.parquet")))
    return frame.select(pl.col("account").cast(pl.String), pl.col("asset").cast(pl.String), "target_weight", "reason")


def expected(before: Path, after: Path) -> pl.DataFrame:
    """The changed accounts, largest change first."""
    both = targets(before).join(targets(after), on=["account", "asset"], how="full", coalesce=True, suffix="_after")
    moved = pl.col("target_weight_after").fill_nan(0).fill_null(0) - pl.col("target_weight").fill_nan(0).fill_null(0)
    other = pl.col("reason").cast(pl.String).ne_missing(pl.col("reason_after").cast(pl.String))
    sums = both.with_columns(moved=moved, other=other).group_by("account").agg(
        change=pl.max_horizontal(pl.col("moved").clip(0).sum(), (-pl.col("moved")).clip(0).sum()),
        assets=(pl.col("moved").abs() > SAME).sum(),
        reasons=pl.col("other").sum(),
    )  # fmt: skip
    return sums.filter((pl.col("change") > SAME) | (pl.col("assets") > 0) | (pl.col("reasons") > 0)).collect()


def compare(folder: Path, before: str, after: str, touched: set[str] | None, cause: str) -> None:
    out = folder / "diff.parquet"
    cpu, memory = command("batch", "diff", folder / before, folder / after, "--out", out, "--quiet")
    table, own = pl.from_arrow(pq.read_table(out)), expected(folder / before, folder / after)
    joined = table.join(own, on="account", how="full", suffix="_own", coalesce=True)
    wrong = joined.filter(
        ((pl.col("change") - pl.col("change_own")).abs().fill_null(1) > 1e-9)
        | pl.col("assets").ne_missing(pl.col("assets_own"))
        | pl.col("reasons").ne_missing(pl.col("reasons_own"))
    ).height
    falling = table["change"].diff().drop_nulls().max() or 0
    causes = set(table.filter(pl.col("only_in") == "")["causes"])
    strangers = 0 if touched is None else len(set(table["account"]) - touched)
    print(
        f"{before} to {after}: {table.height} changed accounts, {wrong} unlike the own count, {strangers} of them not "
        f"touched, largest first: {falling <= 0}, causes {sorted(causes)} (expected {cause}); {cpu:.1f} s of CPU time, "
        f"at most {memory:.0f} MB"
    )


def main() -> None:
    arguments = options(__doc__, accounts=100_000, candidates=47, seed=1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "one.parquet"
        script = [sys.executable, HERE / "make_accounts.py", source]
        for option in ("accounts", "candidates", "seed"):
            script += [f"--{option}", str(getattr(arguments, option))]
        subprocess.run([str(part) for part in script], check=True)
        limits, frame = folder / "limits.toml", pl.read_parquet(source)
        names = frame["account"].unique(maintain_order=True).to_list()
        touched = set(random.Random(arguments.seed).sample(names, max(20, len(names) // 20)))
        gone = sorted(touched, key=str)[:10]
        scores = pl.when(pl.col("account").is_in(list(touched))).then(1 - pl.col("score")).otherwise(pl.col("score"))
        second = frame.filter(~pl.col("account").is_in(gone)).with_columns(score=scores)
        second.write_parquet(folder / "two.parquet", row_group_size=300_000)
        del frame, second
        (folder / "other.toml").write_text(
            limits.read_text().replace("max_position_weight = 0.2", "max_position_weight = 0.15")
        )
        for night, file, own in (("a", "one", limits), ("b", "two", limits), ("c", "one", folder / "other.toml")):
            began = time.perf_counter()
            cpu, _ = command(
                "batch", "run", folder / f"{file}.parquet", "--limits", own, "--out", folder / night, "--quiet",
                "--no-store", "--max-failed", "1", "--max-unscored", "1", "--max-braked", "1", "--max-unmet", "1",
            )  # fmt: skip
            print(f"night {night}: {cpu:.1f} s of CPU time, {time.perf_counter() - began:.0f} s", flush=True)
        compare(folder, "a", "b", {str(each) for each in touched}, "inputs")
        compare(folder, "a", "c", None, "limits")
        compare(folder, "a", "a", set(), "none")


if __name__ == "__main__":
    main()
