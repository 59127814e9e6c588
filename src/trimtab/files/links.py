"""Places through links. A link of another user, on a shared computer, would lead a write to a file of their choice."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_ROOT = 0
_MOST_LINKS = 40  # as the kernel of Linux


def trusted_owners() -> frozenset[int]:
    """The users whose links are followed: you, and the administrator."""
    return frozenset((_ROOT, os.geteuid()))


def followed(path: Path) -> Path:
    """The place that a path leads to. Every part of it is a file or a folder, so a link planted later cannot move it.

    Raises
    ------
    OSError
        A link of another user, or links in a circle.
    """
    trusted, links = trusted_owners(), 0
    absolute = path if path.is_absolute() else Path.cwd() / path
    place, left = Path(absolute.anchor), list(absolute.parts[:0:-1])
    while left:
        name = left.pop()
        if name == "..":
            place = place.parent
            continue
        owner = _owner_of_link(place / name)
        if owner is None:
            place /= name
            continue
        links += 1
        if owner not in trusted:
            raise OSError(errno.EPERM, f"{place / name} is a link that another user made")
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, f"{path} is a circle of links")
        target = (place / name).readlink()
        if target.is_absolute():
            place, target = Path(target.anchor), target.relative_to(target.anchor)
        left += target.parts[::-1]
    return place


def _owner_of_link(path: Path) -> int | None:
    """Who made a link; None for anything else."""
    try:
        facts = path.lstat()
    except OSError:  # absent, or hidden
        return None
    return facts.st_uid if stat.S_ISLNK(facts.st_mode) else None


def append_bytes(file: Path, data: bytes) -> None:
    """Add bytes at the end of a file in one write, and wait until they are on the disk. Only you may read a new one.

    Raises
    ------
    OSError
        The file system refuses, or the place is a link of another user, a pipe or a device.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK  # opening a pipe must not wait
    descriptor = os.open(followed(file), flags, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a file")
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
