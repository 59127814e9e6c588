"""kill -9 at random moments of a batch, then the same command again: nothing lost, nothing doubled, the same bytes.

python benchmarks/batch_kill.py FOLDER [--accounts 100000] [--kills 100] [--seed 1]

A run that is not killed comes first; its time bounds the random moments. Most are drawn between the first finished part and the
manifest; counted is in which of these a kill really came. Killed runs are resumed until the batch is published.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from make_accounts import make


def command(file: Path, out: Path) -> list[str]:
    limits = str(file.parent / "limits.toml")
    return [sys.executable, "-m", "trimtab", "batch", str(file), "--limits", limits, "--out", str(out), "--quiet"]


def digests(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.glob("*"))
        if not file.name.startswith(".")
    }


def first_part(out: Path) -> bool:
    return any(out.glob("part-*")) or any(out.glob(".unpublished/part-*.json"))


def stage(out: Path) -> str:
    """Where a run was killed, by what it left."""
    if (out / "manifest.json").exists():
        return "after the manifest"
    return "between" if first_part(out) else "before the first part"


def killed(file: Path, out: Path, wait: float, *, after_first: bool) -> str:
    """Kill a run some seconds after its start, or after its first part is finished; the stage it was in."""
    process = subprocess.Popen(command(file, out), stdout=subprocess.DEVNULL)
    while after_first and process.poll() is None and not first_part(out):
        time.sleep(0.002)
    try:
        process.wait(wait)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return stage(out)
    return "ended before"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    file = options.folder / f"accounts-{options.accounts}.parquet"
    make(file, options.accounts, 47, 0, 1)
    rng, stages, wrong = random.Random(options.seed), dict[str, int](), 0
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        whole = Path(scratch) / "whole"
        begun = time.perf_counter()
        subprocess.run(command(file, whole), check=True, stdout=subprocess.DEVNULL)
        took, expected = time.perf_counter() - begun, digests(whole)
        done = 0
        while done < options.kills:
            out = Path(scratch) / "out"
            after_first = rng.random() < 0.8
            found = killed(file, out, rng.uniform(0, took * (0.45 if after_first else 1.0)), after_first=after_first)
            stages[found] = stages.get(found, 0) + 1
            done += found != "ended before"
            subprocess.run(command(file, out), check=True, stdout=subprocess.DEVNULL)
            wrong += digests(out) != expected or (out / ".unpublished").exists()
            shutil.rmtree(out)
            print(f"{done}: {found}; wrong so far: {wrong}", flush=True)
    print(f"{options.kills} kills: {stages}; the resumed batch was not the undisturbed one in {wrong}")
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
