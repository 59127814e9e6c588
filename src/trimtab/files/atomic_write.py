"""The one way to write a file: under its name, it is complete or absent.

The bytes go to a temporary file beside it, which is synced and renamed; then the folder is synced. The temporary file
never grants more access than the file it replaces.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from trimtab.errors import Fault, OutputError

TEMPORARY = ".part"
_NEW_FILE = 0o666  # less what the umask takes away


class Disk:
    """Calls of the operating system, one method each, so tests can make any of them fail."""

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it."""
        folder.mkdir(parents=True, exist_ok=True)

    def open_lock(self, file: Path) -> BinaryIO:
        """Open a file to lock it; a link in its place is refused."""
        return os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _NEW_FILE), "rb+")

    def create(self, file: Path, mode: int) -> BinaryIO:
        """Open a new file; one that exists, or a link, is refused."""
        return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")

    def set_mode(self, opened: BinaryIO, mode: int) -> None:
        """Set the access rights of an open file."""
        os.fchmod(opened.fileno(), mode)

    def put(self, opened: BinaryIO, data: bytes | memoryview) -> None:
        """Write bytes."""
        opened.write(data)

    def sync(self, opened: BinaryIO) -> None:
        """Flush a file to the disk."""
        opened.flush()
        os.fsync(opened.fileno())

    def rename(self, old: Path, new: Path) -> None:
        """Give a file its name, replacing any file of that name."""
        old.replace(new)

    def sync_folder(self, folder: Path) -> None:
        """Flush a folder's entries to the disk."""
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)

    def unlink(self, file: Path) -> None:
        """Remove a file, or a link but not what it leads to."""
        file.unlink(missing_ok=True)

    def remove_tree(self, folder: Path) -> None:
        """Remove a folder with everything in it."""
        shutil.rmtree(folder)

    def remove_folder(self, folder: Path) -> None:
        """Remove an empty folder."""
        folder.rmdir()


DISK = Disk()


def write_file(file: Path, data: bytes | memoryview, disk: Disk = DISK, work: Path | None = None) -> None:
    """Write a file whole or not at all, with the access rights of the one it replaces; a link is replaced, not followed.

    `work` is a folder on the same disk for the unfinished file; without it, the folder of the file.

    Raises
    ------
    OSError
        The file system refuses; nothing unfinished is left.
    """
    temporary = temporary_name(work or file.parent)
    old_mode = stat.S_IMODE(file.stat().st_mode) if file.is_file() and not file.is_symlink() else None
    try:
        with disk.create(temporary, _NEW_FILE if old_mode is None else old_mode) as opened:
            if old_mode is not None:
                disk.set_mode(opened, old_mode)
            disk.put(opened, data)
            disk.sync(opened)
        disk.rename(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
    disk.sync_folder(file.parent)


def temporary_name(folder: Path) -> Path:
    """A unique name for an unfinished file."""
    return folder / f".trimtab-{secrets.token_hex(6)}{TEMPORARY}"


@contextmanager
def write_errors(place: str, advice: str) -> Iterator[None]:
    """Turn a refusal of the file system into an error for people.

    Raises
    ------
    OutputError
        The file system refuses: why, and the advice.
    """
    try:
        yield
    except OSError as error:
        raise OutputError([Fault(f"cannot be written ({error.strerror or error})", advice)], place) from None
