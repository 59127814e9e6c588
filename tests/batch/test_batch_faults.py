"""What goes wrong with the disk, and kill -9: never a partial file under a final name, and the next run goes on."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from batch_runs import account_rows, batch, files_of, write_rows
from disk_faults import Counted
from thorough import mostly_thorough

from trimtab.batch.published_folder import UNPUBLISHED
from trimtab.errors import InputError


def failing(code: int) -> Callable[[], None]:
    def fault() -> None:
        raise OSError(code, os.strerror(code))

    return fault


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, bytes], int]:
    """Where the candidates are, the bytes of an undisturbed batch, and how many calls it takes."""
    folder = tmp_path_factory.mktemp("reference")
    rows = account_rows(1, 24)
    rows[30]["score"] = 7.0
    place = write_rows(folder / "candidates.parquet", rows)
    counted = Counted(-1, failing(errno.EIO))
    batch(place, folder / "out", storage=counted.storage, workers=1, max_failed=0.1)
    return place, files_of(folder / "out"), counted.count


def check_unbroken(out: Path, whole: dict[str, bytes]) -> None:
    """Every file under a final name is whole, without unfinished ones beside it."""
    for file in [*out.glob("*"), *(out / UNPUBLISHED).glob("*")]:
        if file.name in whole and file.is_file():
            assert file.read_bytes() == whole[file.name]
        assert not file.name.endswith(".part")


@pytest.mark.parametrize("first", mostly_thorough(range(1, 9)))
@pytest.mark.parametrize("code", mostly_thorough([errno.ENOSPC, errno.EIO, errno.EACCES]))
def test_a_fault_at_every_call_of_the_disk(
    reference: tuple[str, dict[str, bytes], int], code: int, first: int, tmp_path: Path
) -> None:
    place, whole, calls = reference
    assert calls > 60
    for index in range(first, calls + 1, 8):
        out = tmp_path / str(index)
        counted = Counted(index, failing(code))
        with pytest.raises(InputError, match=os.strerror(code)):
            batch(place, out, storage=counted.storage, workers=1, max_failed=0.1)
        check_unbroken(out, whole)
        resumed = batch(place, out, max_failed=0.1)
        assert resumed.status in ("published", "unchanged"), index
        assert files_of(out) == whole, index
        assert not (out / UNPUBLISHED).exists()


SCRIPT = """
import os, signal, sys
sys.path[:0] = {path!r}
from disk_faults import Counted
from batch_runs import batch
from pathlib import Path
counted = Counted({at}, lambda: os.kill(os.getpid(), signal.SIGKILL))
batch({place!r}, Path({out!r}), storage=counted.storage, workers=2, max_failed=0.1)
"""


@pytest.mark.parametrize("share", mostly_thorough([0.5, 0.15, 0.75, 0.93]))
def test_kill_9_loses_nothing_and_doubles_nothing(
    reference: tuple[str, dict[str, bytes], int], share: float, tmp_path: Path
) -> None:
    place, whole, calls = reference
    out = tmp_path / "out"
    script = SCRIPT.format(path=[str(Path(__file__).parents[1])], at=int(share * calls), place=place, out=str(out))
    killed = subprocess.run([sys.executable, "-c", script], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert (files_of(out).keys() == whole.keys()) == (share > 0.9)  # published, and killed while it tidied up
    events: list[Any] = []
    resumed = batch(place, out, max_failed=0.1, events=events)
    assert files_of(out) == whole
    done = [event["part"] for event in events if event["event"] == "part"]
    assert len(done) + resumed.kept == resumed.parts == len([name for name in whole if name.startswith("part-")])
    assert (resumed.kept > 0) == (share > 0.3)


def test_a_part_that_was_spoiled_is_made_again(reference: tuple[str, dict[str, bytes], int], tmp_path: Path) -> None:
    place, whole, calls = reference
    out = tmp_path / "out"
    with pytest.raises(InputError):
        batch(place, out, storage=Counted(calls // 2, failing(errno.EIO)).storage, workers=1, max_failed=0.1)
    part = out / UNPUBLISHED / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:-1])
    (out / UNPUBLISHED / "part-00000.parquet").unlink()
    (out / UNPUBLISHED / ".left.part").mkdir()
    (out / UNPUBLISHED / ".other.part").write_text("half")
    before = len(list((out / UNPUBLISHED).glob("part-*.json")))
    assert batch(place, out, max_failed=0.1).kept == before - 2
    assert files_of(out) == whole
