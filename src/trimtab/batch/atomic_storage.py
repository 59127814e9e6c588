"""The one place through which a batch writes, moves and removes files."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.files.atomic_write import DISK, TEMPORARY, Disk, write_errors, write_file


@dataclass(frozen=True)
class Storage:
    """Writes, moves and removes files.

    Raises
    ------
    OutputError
        From every method, where the file system refuses: which file, and why.
    """

    disk: Disk = DISK

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it; nothing if it exists."""
        with _refusals(folder):
            if not folder.is_dir():
                self.disk.make_folder(folder)
                self.disk.sync_folder(folder.parent)

    @contextmanager
    def locked(self, file: Path, kind: int) -> Iterator[bool]:
        """Hold a lock file, `fcntl.LOCK_EX` or `LOCK_SH`, as long as this process lives; False if another holds it."""
        with _refusals(file):
            opened = self.disk.open_lock(file)
        with opened:
            try:
                fcntl.flock(opened, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def write(self, file: Path, data: bytes | memoryview, *, work: Path) -> None:
        """Write a file whole or not at all; `work` is a folder on the same disk for the unfinished one."""
        with _refusals(file):
            write_file(file, data, self.disk, work)

    def write_json(self, file: Path, value: Any, *, work: Path) -> None:
        """Write plain values as JSON, always as the same bytes."""
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
        self.write(file, f"{text}\n".encode(), work=work)

    def take_over(self, written: Path, file: Path) -> None:
        """Give a file that another library has written its final name."""
        with _refusals(file):
            with written.open("rb+") as opened:
                self.disk.sync(opened)
            self.disk.rename(written, file)
            self.disk.sync_folder(file.parent)

    def move(self, files: Sequence[Path], folder: Path) -> None:
        """Rename files of one folder into another on the same disk."""
        with _refusals(folder):
            for file in files:
                self.disk.rename(file, folder / file.name)
            self.disk.sync_folder(folder)

    def remove(self, folder: Path) -> None:
        """Remove a folder with its files; nothing if it does not exist."""
        with _refusals(folder):
            self.clear(folder)
            for file in sorted(folder.glob("*")):
                self.disk.unlink(file)
            if folder.is_dir():
                self.disk.remove_folder(folder)
                self.disk.sync_folder(folder.parent)

    def clear(self, folder: Path) -> None:
        """Remove what a killed run left unfinished."""
        with _refusals(folder):
            for file in sorted(folder.glob(f".*{TEMPORARY}")):
                if file.is_dir() and not file.is_symlink():
                    self.disk.remove_tree(file)
                else:
                    self.disk.unlink(file)


def _refusals(place: Path) -> AbstractContextManager[None]:
    advice = "fix it and run the same command again to resume, or name a place where you may write"
    return write_errors(str(place), advice)
