"""kill -9 at random moments of a batch, then the same command again: nothing lost, nothing doubled, the same bytes.

python benchmarks/batch_kill.py FOLDER [--accounts 100000] [--kills 100] [--seed 1]

A run that is not killed comes first. Then batches are killed again and again until they are published, most of the times at a
random moment after a run has finished at least one part of its own. What a kill left says in which stage it came. Each
published batch must have the bytes of the first.
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


def parts(out: Path) -> int:
    """How many parts are finished."""
    return len(list(out.glob(".unpublished/part-*.json")))


def stage(out: Path) -> str:
    """Where a run was killed, by what it left."""
    if (out / "manifest.json").exists():
        return "after the manifest"
    return "between" if parts(out) else "before the first part"


def killed(file: Path, out: Path, wait: float, *, after_part: bool) -> str:
    """Kill a run some seconds after its start, or after it has finished a part of its own; the stage it was in."""
    before = parts(out)
    process = subprocess.Popen(command(file, out), stdout=subprocess.DEVNULL)
    while after_part and process.poll() is None and parts(out) <= before:
        time.sleep(0.002)
    try:
        process.wait(wait)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return stage(out)
    if process.returncode != 0:
        raise SystemExit(f"a resumed batch ended with exit code {process.returncode}")
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
    if not file.exists():
        make(file, options.accounts, 47, 0, 1)
    rng, stages, batches, wrong = random.Random(options.seed), dict[str, int](), 0, 0
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        whole, out = Path(scratch) / "whole", Path(scratch) / "out"
        subprocess.run(command(file, whole), check=True, stdout=subprocess.DEVNULL)
        begun = time.perf_counter()
        shutil.rmtree(whole)
        subprocess.run(command(file, whole), check=True, stdout=subprocess.DEVNULL)
        took, expected = time.perf_counter() - begun, digests(whole)
        kills = 0
        while kills < options.kills or out.exists():
            after_part = rng.random() < 0.8
            wait = rng.uniform(0, took * (0.1 if after_part else 1.0))
            survivors = killed(file, out, wait if kills < options.kills else 600.0, after_part=after_part)
            if survivors in {"ended before", "after the manifest"}:
                batches += 1
                subprocess.run(command(file, out), check=True, stdout=subprocess.DEVNULL)
                wrong += digests(out) != expected or (out / ".unpublished").exists()
                shutil.rmtree(out)
            if survivors != "ended before":
                kills += 1
                stages[survivors] = stages.get(survivors, 0) + 1
            print(f"{kills}: {survivors}; batches {batches}, wrong {wrong}", flush=True)
    print(f"{kills} kills: {stages}; of {batches} batches {wrong} were not the undisturbed one")
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
