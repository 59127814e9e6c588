"""A disk of which one call fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trimtab.batch.atomic_storage import Storage
from trimtab.files.atomic_write import Disk

CALLS = tuple(name for name in vars(Disk) if not name.startswith("_"))


class Counted:
    """A storage of which every call of the operating system is counted, and the call number `number` meets with `fault`."""

    def __init__(self, number: int, fault: Callable[[], None]) -> None:
        self.count, self.at, self.fault = 0, number, fault
        disk = Disk()
        self.storage = Storage(disk)
        for name in CALLS:
            setattr(disk, name, self._wrapped(name, getattr(disk, name)))

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self.count += 1
            if self.count == self.at:
                if name == "put":  # a disk is full in the middle of a file
                    opened, data = arguments
                    call(opened, bytes(data)[: len(data) // 2])
                    opened.flush()
                self.fault()
            return call(*arguments)

        return counted
