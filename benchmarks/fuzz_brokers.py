"""Random damage to broker files: a reader must answer or raise InputError, and never take long.

    python benchmarks/fuzz_brokers.py [minutes per file, default 0.1] [seed]

Each given file of tests/brokers/files is damaged at random places, byte by byte and piece by piece, and read again.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from trimtab.brokers import read
from trimtab.errors import InputError

FILES = Path(__file__).parents[1] / "tests" / "brokers" / "files" / "valid"
PIECES = (
    b"\0",
    b'"',
    b",",
    b";",
    b"\n",
    b"\r",
    b"-",
    b"(",
    b"%",
    b"$",
    b"1e9",
    b"<",
    b"&",
    b"{",
    b"[",
    b"\xff\xfe",
    b"\xe2\x80\x8b",
    b"NaN",
)
SLOW = 1.0


def given_files() -> list[Path]:
    """The given files, without their answers."""
    return [path for path in sorted(FILES.iterdir()) if not path.name.endswith(".answer.json")]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A copy with one to eight changes."""
    text = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice((0, 1, 1, 4, 40)))
        other = chance.randrange(len(text) + 1)
        text[start:end] = chance.choice(
            (
                b"",
                chance.choice(PIECES),
                bytes([chance.randrange(256)]),
                bytes(text[other : other + 30]),
                b"9" * chance.randint(1, 40),
            )
        )
        if not text:
            text += b"x"
    return bytes(text)


def attempt(file: Path, data: bytes, counts: Counter[str]) -> float:
    """Read a damaged copy, and count whether it was read or refused; returns the seconds of CPU time."""
    file.write_bytes(data)
    start = time.process_time()
    try:
        read(file)
        counts["read"] += 1
    except InputError:
        counts["refused"] += 1
    return time.process_time() - start


def fuzz(path: Path, minutes: float, seed: int, folder: Path) -> Counter[str]:
    """Outcomes of damaged copies of one file."""
    chance = random.Random(f"{seed} {path.name}")
    data, file = path.read_bytes(), folder / path.name
    counts: Counter[str] = Counter()
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:
        if attempt(file, damaged(data, chance), counts) > SLOW:
            kept = Path(tempfile.gettempdir()) / f"slow-{path.name}"
            kept.write_bytes(file.read_bytes())
            raise SystemExit(f"slow: {kept}")
    return counts


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 0.1
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for path in given_files():
            counts = fuzz(path, minutes, seed, Path(folder))
            total += counts
            print(f"{path.name}: {dict(counts)}", flush=True)
    print(f"all: {dict(total)}; no other exception, none over {SLOW:g} s")


if __name__ == "__main__":
    main()
