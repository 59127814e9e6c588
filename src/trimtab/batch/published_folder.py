"""The folder that a batch is published in: who works on it, what is done, and what is published.

Everything is made in a folder inside it, `.unpublished`: the parts with their records, and the job they belong to. At the end
the parts move up and the manifest is written, last: the folder holds a batch if and only if it holds a manifest.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trimtab.batch.account_sort import SORTED
from trimtab.batch.atomic_storage import Storage
from trimtab.batch.unit_work import PartRecord, part_name, record_name
from trimtab.batch.units import Unit
from trimtab.blocks.counts import Counts
from trimtab.errors import DamagedError, Fault, InputError, LockedError
from trimtab.files.atomic_write import TEMPORARY, write_errors
from trimtab.files.links import followed
from trimtab.text import json_digest

MANIFEST, FAILED, UNPUBLISHED, JOB = "manifest.json", "failed.parquet", ".unpublished", "job.json"
FORMAT = 2
_LOCK = ".lock"
_PART = re.compile(r"(part|orders|accounts)-\d{5,}\.parquet").fullmatch
_NAMES = "|".join(re.escape(name) for name in (JOB, SORTED))
_WORK_FILE = re.compile(
    rf"part-\d{{5,}}\.json|(part|orders|accounts)-\d{{5,}}\.parquet|{_NAMES}|\..*{re.escape(TEMPORARY)}"
).fullmatch


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
            It holds files or links that a batch does not make, which could be lost.
        LockedError
            Another run is working in it.
        """
        with write_errors(str(self.path), "name a folder of your own"):
            followed(self.path)
        self._check_own()
        self.storage.make_folder(self.path)
        with ExitStack() as held:
            self._hold(held, _LOCK, fcntl.LOCK_EX if shard is None else fcntl.LOCK_SH)
            if shard is not None:
                self._hold(held, f".shard-{shard[0]}-of-{shard[1]}{_LOCK}", fcntl.LOCK_EX)
            yield

    def _check_own(self) -> None:
        """Refuse a folder that holds anything a batch did not make but would overwrite, follow or remove."""
        if self.path.is_file():
            raise InputError([Fault("is a file", "name a folder")], str(self.path))
        entries = sorted(self.path.iterdir()) if self.path.is_dir() else []
        if entries and not any(entry.name in (MANIFEST, UNPUBLISHED, _LOCK) for entry in entries):
            problem = "is not empty, and not the folder of a batch"
            raise InputError([Fault(problem, "name another folder", value=entries[0].name)], str(self.path))
        inside = sorted(self.work.iterdir()) if self.work.is_dir() and not self.work.is_symlink() else []
        for entry in [*entries, *inside]:
            if entry.is_symlink():
                raise InputError([Fault("is a link, which no batch makes", "remove it")], str(entry))
        for entry in inside:
            if _WORK_FILE(entry.name) is None:
                fault = Fault("is not a file of a batch, and would be lost", "move it elsewhere")
                raise InputError([fault], str(entry))

    def _check_unpublished(self) -> None:
        """Refuse files whose names publishing would use, unless a killed run left them there."""
        numbers = [file.stem.removeprefix("part-") for file in self.work.glob(record_name("*"))]
        recorded = {f"{kind}-{number}.parquet" for number in numbers for kind in ("part", "orders", "accounts")}
        for entry in sorted(self.path.iterdir()):
            ours = recorded if _PART(entry.name) else {FAILED} if recorded else set()
            if (_PART(entry.name) or entry.name == FAILED) and entry.name not in ours:
                fault = Fault("is not of this batch, and would be overwritten", "move it elsewhere")
                raise InputError([fault], str(entry))

    def _hold(self, held: ExitStack, name: str, kind: int) -> None:
        if not held.enter_context(self.storage.locked(self.path / name, kind)):
            fault = Fault("another run is working in this folder", "wait until it has ended, or name another folder")
            raise LockedError([fault], str(self.path))

    def published(self) -> dict[str, Any] | None:
        """The manifest; None if nothing is published."""
        return read_manifest(self.path)

    def begin(self, job: Mapping[str, Any], *, alone: bool) -> None:
        """Record the job that the work belongs to, or check that it matches the record; `alone`: whether no other shard
        is running.

        Raises
        ------
        InputError
            Unfinished work of another job: what differs.
        """
        self.storage.make_folder(self.work)
        self._check_unpublished()
        if alone:
            self.storage.clear(self.work)
        file = self.work / JOB
        begun = _begun_job(file)
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
        records = {}
        for unit in units:
            record = PartRecord.read(self.work / record_name(unit.number))
            if record is not None and record.unit == unit and self._is_sound(record):
                records[unit.number] = record
        return records

    def _is_sound(self, record: PartRecord) -> bool:
        for name, digest in record.files.items():
            inside = self.work / name  # or moved up, by a run that was killed while it published
            if sha256_of(inside if inside.exists() else self.path / name) != digest:
                return False
        return True

    def publish(self, job: Mapping[str, Any], records: Sequence[PartRecord], accounts: pa.DataType) -> dict[str, Any]:
        """Move all parts up, write the failed accounts (names of type `accounts`), then the manifest; the manifest."""
        failed = failed_table([pair for record in records for pair in record.failed], accounts)
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
        inside = [self.work / name for record in records for name in record.files]
        self.storage.move([file for file in inside if file.exists()], self.path)
        self.storage.write(self.path / FAILED, data, work=self.work)
        manifest["sha256"] = _own_digest(manifest)
        self.storage.write_json(self.path / MANIFEST, manifest, work=self.work)
        self.storage.remove(self.work)
        return manifest


def _begun_job(file: Path) -> dict[str, Any] | None:
    """The job whose unfinished work a folder holds; None without one."""
    try:
        job = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        job = None
    if not isinstance(job, dict):
        raise DamagedError([Fault("is damaged", f"remove {file.parent}, and run the batch again")], str(file))
    return job


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a published batch; None without one.

    Raises
    ------
    DamagedError
        It is damaged.
    """
    file = folder / MANIFEST
    advice = "run the batch again in another folder"
    try:
        manifest: dict[str, Any] = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise DamagedError([Fault(f"is damaged ({error})", advice)], str(file)) from None
    if not _is_manifest(manifest):
        raise DamagedError([Fault("is damaged: it is not the manifest of a batch", advice)], str(file))
    if manifest.get("sha256", _own_digest(manifest)) != _own_digest(manifest):  # format 1 had no checksum of itself
        raise DamagedError([Fault("is damaged: its checksum differs", advice)], str(file))
    return manifest


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of a published batch.

    Raises
    ------
    InputError
        The folder holds none.
    DamagedError
        It is damaged.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError([Fault("holds no published batch", "name a folder with a manifest.json")], str(folder))
    return manifest


def _is_manifest(value: Any) -> bool:
    """Whether a JSON value has what every manifest has, of the types it has there."""
    if not isinstance(value, dict) or not isinstance(value.get("counts"), dict):
        return False
    try:
        Counts.from_dict(value["counts"])
    except TypeError:
        return False
    parts = value.get("parts")
    files = [*parts, value.get("failed")] if isinstance(parts, list) else [None]
    return all(
        isinstance(file, dict) and isinstance(file.get("file"), str) and isinstance(file.get("sha256"), str)
        for file in files
    )


def check_published(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Refuse a published batch with missing or damaged files.

    Raises
    ------
    DamagedError
        All such files.
    """
    advice = "run the batch again in another folder, or restore the file"
    faults = []
    beside = [each for part in manifest["parts"] for each in part.get("beside", ())]
    for listed in [*manifest["parts"], *beside, manifest["failed"]]:
        digest = sha256_of(folder / listed["file"])
        if digest != listed["sha256"]:
            problem = "is gone" if digest is None else "is damaged: its checksum is not that of the manifest"
            faults.append(Fault(problem, advice, source=str(folder / listed["file"])))
    if faults:
        raise DamagedError(faults)


def sha256_of(file: Path) -> str | None:
    """The SHA-256 of a file; None if it is gone or cannot be read."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return None


def _own_digest(manifest: Mapping[str, Any]) -> str:
    """The SHA-256 of a manifest without its own."""
    return json_digest({name: value for name, value in manifest.items() if name != "sha256"})


def read_records(folder: Path) -> list[PartRecord]:
    """The records of the parts that are done in a folder that is not published yet."""
    records = [PartRecord.read(file) for file in sorted((folder / UNPUBLISHED).glob(record_name("*")))]
    return [record for record in records if record is not None]


def _listed(record: PartRecord) -> dict[str, Any]:
    return {
        "file": part_name(record.number),
        "rows": record.targets,
        "accounts": record.counts.decided,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "counts": record.counts.to_dict(),
        **({"beside": [asdict(each) for each in record.beside]} if record.beside else {}),
    }


def failed_table(failed: Sequence[tuple[Any, str]], accounts: pa.DataType) -> pa.Table:
    """Failed accounts with their reasons."""
    names, reasons = [account for account, _ in failed], [reason for _, reason in failed]
    return pa.table({"account": pa.array(names, accounts), "reason": pa.array(reasons, pa.string())})


def difference(begun: Mapping[str, Any], job: Mapping[str, Any]) -> str:
    """The differences between two jobs, in words."""
    words = {
        "input": "the input",
        "limits": "the limits",
        "version": "the version of trimtab",
        "assets": "the assets",
        "exposures": "the exposures",
        "rules": "the code of the rules",
        "orders": "the accounts' cash, the rates, or the tax lots",
        "rows_per_unit": "the rows of a part",
    }
    differing = [words.get(name, name) for name in {**begun, **job} if begun.get(name) != job.get(name)]
    return f"not the same: {', '.join(differing)}"
