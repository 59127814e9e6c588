"""The folder that a batch is published in: who works on it, what is done, and what is published.

Everything is made in a folder inside it, `.unpublished`: the parts with their records, and the job that they are of. When all
is done, the parts move up and the manifest is written, last: the folder holds a batch if and only if it holds a manifest.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trimtab.batch.atomic_storage import Storage
from trimtab.batch.unit_work import PartRecord, part_name, record_name
from trimtab.batch.units import Unit
from trimtab.blocks.counts import Counts
from trimtab.errors import Fault, InputError

MANIFEST, FAILED, UNPUBLISHED, JOB = "manifest.json", "failed.parquet", ".unpublished", "job.json"
FORMAT = 2
_LOCK = ".lock"


class Folder:
    """The folder of a batch."""

    def __init__(self, path: Path, storage: Storage) -> None:
        self.path, self.storage = path, storage
        self.work = path / UNPUBLISHED

    @contextmanager
    def locked(self, shard: tuple[int, int] | None = None) -> Iterator[None]:
        """Hold the folder, alone or, as one of several shards, beside the others.

        Raises
        ------
        InputError
            Another run holds it; or it holds files that are not of a batch.
        """
        if self.path.is_file():
            raise InputError([Fault("is a file", "name a folder")], str(self.path))
        strange = [] if not self.path.is_dir() or self._is_batch() else [one.name for one in self.path.iterdir()]
        if strange:
            problem = "is not empty, and not the folder of a batch"
            raise InputError([Fault(problem, "name another folder", value=min(strange))], str(self.path))
        self.storage.make_folder(self.path)
        with ExitStack() as held:
            self._hold(held, _LOCK, fcntl.LOCK_EX if shard is None else fcntl.LOCK_SH)
            if shard is not None:
                self._hold(held, f".shard-{shard[0]}-of-{shard[1]}{_LOCK}", fcntl.LOCK_EX)
            yield

    def _is_batch(self) -> bool:
        return any((self.path / name).exists() for name in (MANIFEST, UNPUBLISHED, _LOCK))

    def _hold(self, held: ExitStack, name: str, kind: int) -> None:
        if not held.enter_context(self.storage.locked(self.path / name, kind)):
            fault = Fault("another run works in this folder", "wait until it has ended, or name another folder")
            raise InputError([fault], str(self.path))

    def published(self) -> dict[str, Any] | None:
        """The manifest, None where there is none."""
        return read_manifest(self.path)

    def begin(self, job: Mapping[str, Any], *, alone: bool) -> None:
        """Say which job the work is of, or check that it is the one that was begun; `alone`: no shard works beside this.

        Raises
        ------
        InputError
            Unfinished work of another job: what differs.
        """
        self.storage.make_folder(self.work)
        if alone:
            self.storage.clear(self.work)
        file = self.work / JOB
        begun = json.loads(file.read_bytes()) if file.exists() else None
        if begun == job:
            return
        if begun is not None and (not alone or any(self.work.glob(record_name("*")))):
            problem = f"holds unfinished work of another batch: {difference(begun, job)}"
            raise InputError([Fault(problem, f"remove {self.work}, or name another folder")], str(self.path))
        if begun is not None:  # no part is done yet
            self.storage.remove(self.work)
            self.storage.make_folder(self.work)
        self.storage.write_json(file, job, work=self.work)

    def finished(self, units: Sequence[Unit]) -> dict[int, PartRecord]:
        """The parts that are done and sound, by number."""
        found = {}
        for unit in units:
            file = self.work / record_name(unit.number)
            record = PartRecord.read(file) if file.exists() else None
            if record is not None and record.unit == unit and self._is_sound(record):
                found[unit.number] = record
        return found

    def _is_sound(self, record: PartRecord) -> bool:
        place = self._place(record.number)
        return place.exists() and hashlib.sha256(place.read_bytes()).hexdigest() == record.sha256

    def _place(self, number: int) -> Path:
        """Where a part is: it has moved up if a run was killed while it was publishing."""
        inside = self.work / part_name(number)
        return inside if inside.exists() else self.path / part_name(number)

    def check_whole(self, manifest: Mapping[str, Any]) -> None:
        """Refuse a published batch of which files are gone or cut.

        Raises
        ------
        InputError
            For the first of them.
        """
        for part in manifest["parts"]:
            file = self.path / part["file"]
            if not file.is_file() or file.stat().st_size != part["bytes"]:
                fault = Fault("is gone or cut, though the manifest lists it", "run the batch again in another folder")
                raise InputError([fault], str(file))

    def publish(self, job: Mapping[str, Any], records: Sequence[PartRecord], accounts: pa.DataType) -> dict[str, Any]:
        """Move all parts up, write the failed accounts (names of type `accounts`), then the manifest; the manifest."""
        failed = failed_table([one for record in records for one in record.failed], accounts)
        sink = pa.BufferOutputStream()
        pq.write_table(failed, sink)
        data = memoryview(sink.getvalue())
        manifest = {
            "format": FORMAT,
            **job,
            "parts": [_listed(record) for record in records],
            "failed": {"file": FAILED, "accounts": failed.num_rows, "sha256": hashlib.sha256(data).hexdigest()},
            "counts": Counts.total(record.counts for record in records).to_dict(),
        }
        inside = [self.work / part_name(record.number) for record in records]
        self.storage.move([file for file in inside if file.exists()], self.path)
        self.storage.write(self.path / FAILED, data, work=self.work)
        self.storage.write_json(self.path / MANIFEST, manifest, work=self.work)
        self.storage.remove(self.work)
        return manifest


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a published batch, None where there is none.

    Raises
    ------
    InputError
        It is damaged.
    """
    file = folder / MANIFEST
    try:
        found: dict[str, Any] = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError([Fault(f"is damaged ({error})", "run the batch again in another folder")], str(file)) from None
    return found


def read_records(folder: Path) -> list[PartRecord]:
    """The records of the parts that are done in a folder that is not published yet."""
    return [PartRecord.read(file) for file in sorted((folder / UNPUBLISHED).glob(record_name("*")))]


def _listed(record: PartRecord) -> dict[str, Any]:
    return {
        "file": part_name(record.number),
        "rows": record.targets,
        "accounts": record.counts.decided,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "counts": record.counts.to_dict(),
    }


def failed_table(failed: Sequence[tuple[Any, str]], accounts: pa.DataType) -> pa.Table:
    """Failed accounts with their reasons."""
    names = [account for account, _ in failed]
    return pa.table({"account": pa.array(names, accounts), "reason": pa.array([why for _, why in failed], pa.string())})


def difference(begun: Mapping[str, Any], job: Mapping[str, Any]) -> str:
    """In which of their parts two jobs differ, in words."""
    words = {
        "input": "the input",
        "limits": "the limits",
        "version": "the version of trimtab",
        "assets": "the assets",
        "rules": "the code of the rules",
        "rows_per_unit": "the rows of a part",
    }
    found = [words.get(name, name) for name in {**begun, **job} if begun.get(name) != job.get(name)]
    return f"not the same: {', '.join(found)}"
