"""Whether two checkouts decide the same: random accounts, the sample, backtests and a batch, compared to the last bit.

    python benchmarks/same_behaviour.py OTHER_CHECKOUT [--accounts 20000] [--backtests 200]

Each checkout runs in a process of its own, through public names alone, and writes one line for each case: weights as
hexadecimal floats, codes of actions, reasons and sizes, every row of the certificate. Sentences are not compared. A
limit that was renamed is given to each checkout under the name that it knows.
"""

from __future__ import annotations

import argparse
import itertools
import json
import pickle
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

import trimtab

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE / "tests"))

# What was changed on purpose since the commit that this script was made for, each counted apart or left out: notes that
# are new or have become rarer (buckets that are all empty are not "given"), a size reason that contradicted the table of
# the rules (section 8), and explanations, which try every limit in force where they tried some.
CHANGED_NOTES = ("cash_left", "no_effect", "no_sizing_input", "near_bucket", "buckets_off", "all_unknown")
MENDED_SIZE_REASONS = (("lifted_for_bucket_minimum", "capped_bucket"), ("lifted_for_bucket_minimum", "at_wish"))
NEW_SIZING_MODES = ("given",)  # no earlier checkout knows them
RENAMED = {"brake_sold_weight": "brake_turnover"}  # new name -> old name


def limits_of(values: dict[str, Any]) -> Any:
    """Limits from a dict under the new names, in the checkout that runs."""
    known = set(trimtab.RebalancingLimits().to_dict(complete=True))
    return trimtab.RebalancingLimits.from_dict(
        {(RENAMED[name] if name in RENAMED and name not in known else name): value for name, value in values.items()}
    )


def bits(value: Any) -> Any:
    return value.hex() if isinstance(value, float) else value


def outcome(result: Any) -> list[Any]:
    """Everything that a result decides and measures; no sentence."""
    names = ("asset", "target_weight", "proposed_weight", "action", "reason", "size_reason")
    rows = [[bits(row[name]) for name in names] for row in result.targets]
    limits = [
        [RENAMED.get(limit.name, limit.name), limit.node, bits(limit.measured), bits(limit.limit), limit.status]
        for limit in result.certificate
    ]
    status = "ok" if result.status == "cash_left" else result.status  # said of an outcome that did not change
    return [status, rows, limits, [note.code for note in result.notes if note.code not in CHANGED_NOTES]]


def decide_accounts(cases: list[Any]) -> Iterator[Any]:
    for rows, values, correlations in cases:
        yield outcome(trimtab.rebalance(rows, limits_of(values), correlations=correlations))


def decide_sample(_: Any) -> Iterator[Any]:
    from trimtab.data.samples import sample_candidates, sample_limits

    result = trimtab.rebalance(sample_candidates().to_pylist(), sample_limits())
    yield outcome(result)
    for row in result.targets:
        explanation = result.explain(row["asset"])
        yield [
            row["asset"],
            [[change.change, change.node, str(change.value)] for change in explanation.counterfactuals],
        ]


def decide_many(case: Any) -> Iterator[Any]:
    rows, values = case
    for row in trimtab.rebalance_many(rows, limits_of(values)).targets:
        yield [bits(value) for value in row.values()]


def decide_backtests(cases: list[Any]) -> Iterator[Any]:
    for case in cases:
        result = trimtab.backtest(
            case["prices"],
            limits_of(case["limits"]),
            scores=case["scores"],
            classification=case["classification"],
            every=case["every"],
            costs=trimtab.TradingCosts(commission_bps=case["bps"]),
        )
        yield [[bits(value) for value in row] for row in result.equity.iter_rows()]


def decide_batch(case: Any) -> Iterator[Any]:
    rows, values = case
    pl.DataFrame(rows).write_parquet("batch.parquet")
    Path("limits.toml").write_text(limits_of(values).to_toml())
    command = [
        sys.executable,
        "-m",
        "trimtab",
        "batch",
        "batch.parquet",
        "--limits",
        "limits.toml",
        "--out",
        "out",
        "--max-failed",
        "1",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for part in sorted(Path("out").rglob("part-*.parquet")):
        frame = pl.read_parquet(part)
        yield [part.name, frame.columns, *([bits(value) for value in row] for row in frame.iter_rows())]


DECIDE = {
    "accounts": decide_accounts,
    "sample": decide_sample,
    "many": decide_many,
    "backtests": decide_backtests,
    "batch": decide_batch,
}


def decide(folder: Path) -> None:
    """In the process of a checkout: every case of the folder, one line each."""
    for name, decided in DECIDE.items():
        case = pickle.loads((folder / f"{name}.pickle").read_bytes())
        with (folder / f"{name}.txt").open("w") as file:
            for value in decided(case):
                file.write(json.dumps(value, default=str) + "\n")


def accounts(count: int) -> list[Any]:
    """Rows, limits as a dict under the new names, and correlations or none."""
    return list(itertools.islice(drawn_accounts(), count))


def drawn_accounts() -> Iterator[Any]:
    """Accounts without end, apart from those of a sizing mode that an earlier checkout lacks."""
    from cases import pairs, random_correlated_limits, random_correlations, random_limits, random_rows

    for seed in itertools.count():
        rng = random.Random(seed)
        rows = random_rows(rng)
        correlated = seed % 10 == 0
        limits = random_correlated_limits(rng) if correlated else random_limits(rng)
        if limits.sizing_mode not in NEW_SIZING_MODES:
            yield rows, limits.to_dict(), pairs(random_correlations(rng, rows)) if correlated else None


def many(count: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Many accounts under one set of limits."""
    from cases import random_limits, random_rows

    rng = random.Random(7)
    limits = random_limits(rng, enable_bucket_diversification=True, unscored_positions="hold")
    rows = [{"account": f"C{index}", **row} for index in range(count) for row in random_rows(rng)]
    return rows, limits.to_dict()


def backtests(count: int) -> list[dict[str, Any]]:
    """Random walks of a few assets, scores by month, limits that bind."""
    from datetime import date, timedelta

    drawn = []
    for seed in range(count):
        rng = random.Random(seed)
        names, start = [f"S{index}" for index in range(6)], date(2020, 1, 1)
        days = [start + timedelta(days=index) for index in range(250)]
        days = [day for day in days if day.weekday() < 5]
        prices, level = [], dict.fromkeys(names, 100.0)
        for day in days:
            for name in names:
                level[name] *= 1 + rng.gauss(0.0003, 0.015)
                prices.append({"date": day, "symbol": name, "close": level[name]})
        scores = [{"date": day, "asset": name, "score": round(rng.random(), 3)} for day in days[::15] for name in names]
        limits = {
            "enable_bucket_diversification": True,
            "max_position_weight": rng.choice([0.2, 0.35]),
            "max_allocation_per_bucket": rng.choice([0.4, 0.6]),
            "min_score_threshold": 0.3,
            "min_score_new_position": 0.4,
            "min_score_diversification": 0.35,
            "drift_tolerance": rng.choice([0.0, 0.2]),
        }
        classification = [{"symbol": name, "bucket": "AB"[index % 2]} for index, name in enumerate(names)]
        drawn.append(
            {"prices": prices, "scores": scores, "limits": limits, "classification": classification,
             "every": rng.choice(["week", "month"]), "bps": rng.choice([0, 5])}
        )  # fmt: skip
    return drawn


def outputs(checkout: Path, folder: Path, cases: dict[str, Any]) -> dict[str, list[str]]:
    """What a checkout makes of the cases, file by file."""
    folder.mkdir()
    for name, value in cases.items():
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(value))
    environment = {
        "PYTHONPATH": str(checkout / "src"),
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
    }  # no store of the user
    command = [sys.executable, __file__, "--decide", str(folder)]
    subprocess.run(command, check=True, env=environment, cwd=folder)
    return {path.stem: path.read_text().splitlines() for path in sorted(folder.glob("*.txt"))}


def is_mended(mine: str, theirs: str) -> bool:
    """Whether two outcomes of an account differ in nothing but mended size reasons."""
    here, there = json.loads(mine), json.loads(theirs)
    if not isinstance(here[1], list) or len(here) != 4:
        return False
    for row, other in zip(here[1], there[1], strict=True):
        if (other[5], row[5]) in MENDED_SIZE_REASONS:
            row[5] = other[5]
    return bool(here == there)


def says_more(mine: str, theirs: str) -> bool:
    """Whether an explanation has every counterfactual that the other has, and more."""
    here, there = json.loads(mine), json.loads(theirs)
    return here[0] == there[0] and len(here) == 2 and all(change in here[1] for change in there[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, nargs="?", help="the checkout to compare with")
    parser.add_argument("--decide", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--backtests", type=int, default=200)
    asked = parser.parse_args()
    if asked.decide:
        decide(asked.decide)
        return
    cases = {
        "accounts": accounts(asked.accounts),
        "many": many(1_000),
        "backtests": backtests(asked.backtests),
        "batch": many(2_000),
        "sample": None,
    }
    with tempfile.TemporaryDirectory() as folder:
        here = outputs(HERE, Path(folder) / "here", cases)
        other = outputs(asked.other.resolve(), Path(folder) / "other", cases)
    differing = 0
    for name in sorted({*here, *other}):
        pairs = list(zip(here[name], other[name], strict=True))
        wrong = [index for index, (mine, theirs) in enumerate(pairs) if mine != theirs]
        on_purpose = is_mended if name == "accounts" else says_more if name == "sample" else None
        meant = [index for index in wrong if on_purpose is not None and on_purpose(*pairs[index])]
        wrong = [index for index in wrong if index not in meant]
        differing += len(wrong)
        kind = "with more counterfactuals" if name == "sample" else "with a mended size reason"
        print(f"{name}: {len(pairs)} compared, {len(meant)} {kind}, {len(wrong)} differ {wrong[:5]}")
        for index in wrong[:2]:
            print("  here ", pairs[index][0][:400])
            print("  other", pairs[index][1][:400])
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
