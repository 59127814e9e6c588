"""The audit log: a line of JSON for every write, with the name behind it. The store of runs has the contents."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trimtab.errors import Fault, OutputError
from trimtab.files.links import append_bytes

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class AuditLog:
    """Lines at the end of a file, whole and on the disk before the answer leaves; without a file only in Python's logging."""

    path: Path | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def note(self, operation: str, by: str, client: str, **facts: Any) -> None:
        """Add a line.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        now = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
        line = json.dumps({"time": now, "operation": operation, "by": by, "client": client, **facts})
        _LOG.info("write %s", line)
        if self.path is None:
            return
        try:
            with self._lock:
                append_bytes(self.path, f"{line}\n".encode())
        except OSError as error:
            fault = Fault(f"cannot be written ({error.strerror})", "check its place and the free space")
            raise OutputError([fault], "the audit log") from None
