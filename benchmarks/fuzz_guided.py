"""Coverage-guided damage to broker files: a reader must answer or raise InputError, and never take long.

    pip install atheris
    python benchmarks/fuzz_guided.py [minutes of CPU time per parser, default 0.1] [parser]

Each parser has a run of its own, which starts from its given files in tests/brokers/files. An input that reaches code of
trimtab.brokers that none reached before is kept, and damaged further: half the time by libFuzzer, half as by
`fuzz_brokers.py`.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["trimtab.brokers"]):
    from fuzz_brokers import SLOW, attempt, damaged, given_files

    from trimtab.brokers import read
    from trimtab.errors import InputError

LARGEST = 60_000  # bytes of an input


def parsers() -> dict[str, list[Path]]:
    """The given files of each parser."""
    files: dict[str, list[Path]] = {}
    for path in given_files():
        try:
            parser = read(path).layout
        except InputError:  # cash and totals without positions, which the parser reads beside another file
            parser = path.name.partition("_")[0]
        files.setdefault(parser, []).append(path)
    return files


def work(parser: str, duration: float, folder: Path) -> None:
    """Fuzz one parser from the files in `folder / "seeds"`; ends the process."""
    seeds = folder / "seeds"
    file = folder / min(path.name for path in seeds.iterdir())
    counts = Counter(read=0, refused=0)
    end = time.process_time() + duration

    def once(data: bytes) -> None:
        if time.process_time() > end:
            print(f"{parser}: {dict(counts)}", flush=True)
            os._exit(0)
        seconds = attempt(file, data, counts)
        if seconds > SLOW:
            raise RuntimeError(f"slow: {seconds:.1f} s of CPU time")

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        return damaged(data, chance)[:most] if data and chance.random() < 0.5 else atheris.Mutate(data, most)

    arguments = [
        sys.argv[0],
        f"-max_len={LARGEST}",
        "-len_control=0",
        f"-artifact_prefix={tempfile.gettempdir()}/fuzz-{parser}-",
        str(seeds),
    ]
    atheris.Setup(arguments, once, custom_mutator=mutate)
    atheris.Fuzz()


def main() -> None:
    if len(sys.argv) > 3:
        work(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 0.1
    chosen = sys.argv[2] if len(sys.argv) > 2 else ""
    for parser, paths in parsers().items():
        if chosen not in ("", parser):
            continue
        with tempfile.TemporaryDirectory() as folder:
            seeds = Path(folder) / "seeds"
            seeds.mkdir()
            for path in paths:
                shutil.copy(path, seeds)
            command = [sys.executable, __file__, parser, str(minutes * 60), folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        edges = re.findall(r"cov: (\d+)", done.stderr)
        print(done.stdout.strip(), f"edges: {edges[0]} to {edges[-1]}" if edges else "", flush=True)
        if done.returncode:
            print(done.stderr[-3000:], flush=True)


if __name__ == "__main__":
    main()
