"""The one place through which a batch writes files: each is whole under its final name, or not there.

A file is written under a temporary name, synced, renamed, and then its folder is synced. Each method that begins with an
underscore is one call of the operating system, so that tests can let any of them fail.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from trimtab.errors import Fault, InputError

TEMPORARY = ".part"
_ADVICE = "mend it and run the same command again, which goes on from here; or name a place where you may write"


class Storage:
    """Writes, moves and removes files.

    Raises
    ------
    InputError
        From every method, where the file system refuses: which file, and why.
    """

    def make_folder(self, folder: Path) -> None:
        """Make a folder with those above it, or nothing where it is."""
        with _refusals(folder):
            if not folder.is_dir():
                self._mkdir(folder)
                self._sync_folder(folder.parent)

    @contextmanager
    def locked(self, file: Path, kind: int) -> Iterator[bool]:
        """Hold a lock file, `fcntl.LOCK_EX` or `LOCK_SH`, as long as this process lives; False where another holds it."""
        with _refusals(file):
            opened = self._open_lock(file)
        with opened:
            try:
                fcntl.flock(opened, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def write(self, file: Path, data: bytes | memoryview, *, work: Path) -> None:
        """Write a file whole or not at all; `work` is a folder of the same disk for the unfinished one."""
        unfinished = work / f".{file.name}.{secrets.token_hex(6)}{TEMPORARY}"
        with _refusals(file):
            try:
                with self._create(unfinished) as opened:
                    self._put(opened, data)
                    self._sync(opened)
                self._rename(unfinished, file)
            finally:
                unfinished.unlink(missing_ok=True)
            self._sync_folder(file.parent)

    def write_json(self, file: Path, value: Any, *, work: Path) -> None:
        """Write plain values as JSON, always as the same bytes."""
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
        self.write(file, f"{text}\n".encode(), work=work)

    def take_over(self, written: Path, file: Path) -> None:
        """Give a file that another library has written its final name."""
        with _refusals(file):
            with written.open("rb+") as opened:
                self._sync(opened)
            self._rename(written, file)
            self._sync_folder(file.parent)

    def move(self, files: Sequence[Path], folder: Path) -> None:
        """Rename files of one folder into another of the same disk."""
        with _refusals(folder):
            for file in files:
                self._rename(file, folder / file.name)
            self._sync_folder(folder)

    def remove(self, folder: Path) -> None:
        """Remove a folder with its files; nothing where it is not."""
        with _refusals(folder):
            self.clear(folder)
            for file in sorted(folder.glob("*")):
                self._unlink(file)
            if folder.is_dir():
                self._rmdir(folder)
                self._sync_folder(folder.parent)

    def clear(self, folder: Path) -> None:
        """Remove what a killed run has left unfinished."""
        with _refusals(folder):
            for file in sorted(folder.glob(f".*{TEMPORARY}")):
                if file.is_dir():
                    self._rmtree(file)
                else:
                    self._unlink(file)

    # One call of the operating system each

    def _mkdir(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)

    def _open_lock(self, file: Path) -> BinaryIO:
        return file.open("wb")

    def _create(self, file: Path) -> BinaryIO:
        return file.open("xb")

    def _put(self, opened: BinaryIO, data: bytes | memoryview) -> None:
        opened.write(data)

    def _sync(self, opened: BinaryIO) -> None:
        opened.flush()
        os.fsync(opened.fileno())

    def _rename(self, old: Path, new: Path) -> None:
        old.replace(new)

    def _sync_folder(self, folder: Path) -> None:
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)

    def _unlink(self, file: Path) -> None:
        file.unlink(missing_ok=True)

    def _rmtree(self, folder: Path) -> None:
        shutil.rmtree(folder)

    def _rmdir(self, folder: Path) -> None:
        folder.rmdir()


@contextmanager
def _refusals(place: Path) -> Iterator[None]:
    """What the file system refuses, as an error for people."""
    try:
        yield
    except OSError as error:
        raise InputError([Fault(f"cannot be written ({error.strerror or error})", _ADVICE)], str(place)) from None
