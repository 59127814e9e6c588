"""kill -9 and failing writes in `plan`, `apply` and `runs prune`: no run is half there, the store opens, the chain verifies.

python benchmarks/store_kill.py [--kills 100] [--seed 1] [--faults 200]

A command is killed at a random moment of its run; then the store is opened and verified, every plan in it is replayed, and
every order file that exists must be whole. Then the same commands run with a library that makes one call of the file system
fail, with EIO or ENOSPC in turn: the first write, sync or truncation of a file of the store, the second, and so on, until a
command makes no more of them. It needs a C compiler; without one that half is left out, and says so.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from harness import options

from trimtab.store.record import Kind
from trimtab.store.replay import replay
from trimtab.store.run_store import Filter
from trimtab.store.sql_store import SqlStore
from trimtab.store.verification import verify

CANDIDATES = """\
asset,bucket,score,shares,price
AAA,Tech,0.90,18,180
BBB,Tech,0.80,10,95.5
CCC,Bond,0.50,30,51.2
DDD,Bond,0.85,0,102.5
EEE,Health,0.70,4,412
"""
FAILING = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/types.h>

static int calls = 0;

static int fails(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    if (!strstr(path, "runs.db")) return 0;
    const char *at = getenv("FAIL_AT"), *error = getenv("FAIL_WITH");
    if (!at || ++calls != atoi(at)) return 0;
    FILE *mark = fopen(getenv("FAIL_MARK"), "w");
    if (mark) fclose(mark);
    errno = error && strcmp(error, "ENOSPC") == 0 ? ENOSPC : EIO;
    return 1;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
ssize_t write(int fd, const void *data, size_t size) { REAL(write); return fails(fd) ? -1 : real(fd, data, size); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { REAL(pwrite); return fails(fd) ? -1 : real(fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { REAL(pwrite64); return fails(fd) ? -1 : real(fd, data, size, at); }
int fsync(int fd) { REAL(fsync); return fails(fd) ? -1 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync); return fails(fd) ? -1 : real(fd); }
int ftruncate(int fd, off_t size) { REAL(ftruncate); return fails(fd) ? -1 : real(fd, size); }
int ftruncate64(int fd, off64_t size) { REAL(ftruncate64); return fails(fd) ? -1 : real(fd, size); }
"""
COMMANDS = ("plan", "apply", "prune")
_EXPECTED = (0, 3, 8, 9, 10)  # done, no plan to apply, not written, damaged while it was read, held back


def command(name: str, number: int) -> list[str]:
    """A command; every plan has its own cash, so that every one is another."""
    arguments = {
        "plan": ["plan", "c.csv", "--cash", str(3000 + number), "--quiet"],
        "apply": ["apply", "latest", "--to", f"o-{number}.csv", "--quiet"],
        "prune": ["runs", "prune", "--before", "2999-01-01", "--yes", "--quiet"],
    }
    return [sys.executable, "-m", "trimtab", *arguments[name]]


def run(folder: Path, name: str, number: int, **environment: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "TRIMTAB_STORE": str(folder / "runs.db"), **environment}
    return subprocess.Popen(
        command(name, number), cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def require(holds: object, *what: object) -> None:
    if not holds:
        raise SystemExit(f"failed: {what}")


def check(folder: Path) -> None:
    """The store opens, its chain is sound, no run is half there, and every order file is whole."""
    if not (folder / "runs.db").exists():
        return
    store = SqlStore(str(folder / "runs.db"))
    outcome = verify(store)
    require(outcome.is_sound, outcome.faults)
    linked = {sequence for sequence, _ in store.links()}
    for record in store.records(Filter(kinds=(Kind.PLAN,))):
        if record.sequence in linked:
            require(replay(store, record, record.version).is_same, record.run_id)
    for record in store.records(Filter(kinds=(Kind.APPLY,))):
        for file in record.values["files"]:
            require(Path(file["path"]).exists(), file)
    for file in folder.glob("o-*.csv"):
        text = file.read_text()
        require(text.startswith("asset,") and text.endswith("\n"), file)
    store.close()


def new_folder(where: Path) -> Path:
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir()
    (where / "c.csv").write_text(CANDIDATES)
    return where


def kills(folder: Path, count: int, seed: int) -> Counter[str]:
    """Kill commands at random moments; how many of each were killed."""
    draw, killed = random.Random(seed), Counter[str]()
    new_folder(folder)
    usual = {}
    for name in COMMANDS:
        began = time.perf_counter()
        run(folder, name, 0).communicate()
        usual[name] = time.perf_counter() - began
    number = 0
    while killed.total() < count:
        number += 1
        name = COMMANDS[number % 3]
        if name != "plan":
            run(folder, "plan", number).communicate()
        process = run(folder, name, number)
        try:
            process.wait(draw.uniform(0.3, 1.1) * usual[name])
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed[name] += 1
        process.communicate()
        check(folder)
    return killed


def failing_library(folder: Path) -> Path | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    (folder / "failing.c").write_text(FAILING)
    library = folder / "failing.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, folder / "failing.c", "-ldl"], check=True)
    return library


def faults(folder: Path, library: Path, count: int) -> Counter[str]:
    """Let each call of the file system fail in turn; how many failed in each command."""
    failed, mark = Counter[str](), folder.parent / "mark"
    for name in COMMANDS:
        for index in range(1, count + 1):
            new_folder(folder)
            if name != "plan" or index % 2:  # every other plan makes its store, too
                run(folder, "plan", 0).communicate()
            mark.unlink(missing_ok=True)
            error = ("EIO", "ENOSPC")[index // 2 % 2]
            settings = {"LD_PRELOAD": str(library), "FAIL_AT": str(index), "FAIL_WITH": error, "FAIL_MARK": str(mark)}
            process = run(folder, name, index, **settings)
            text = process.communicate()[1].decode()
            require(process.returncode in _EXPECTED, name, index, error, process.returncode, text)
            check(folder)
            if not mark.exists() and index % 2:
                break
            failed[name] += mark.exists()
    return failed


def main() -> None:
    arguments = options(__doc__, kills=100, seed=1, faults=200)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        killed = kills(folder / "kills", arguments.kills, arguments.seed)
        print(f"killed {killed.total()} times ({dict(killed)}): nothing half there, every store opened and verified")
        library = failing_library(folder)
        if library is None:
            print("without a C compiler: failing calls of the file system are left out")
            return
        failed = faults(folder / "faults", library, arguments.faults)
        print(f"failed {failed.total()} calls of the file system ({dict(failed)}): the same")


if __name__ == "__main__":
    main()
