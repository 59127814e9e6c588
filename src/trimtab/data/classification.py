"""Buckets for assets that lack one: from the user's own file, then from the default map; the rest is listed to fill in."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from trimtab.bucket_path import UNKNOWN, bucket_name
from trimtab.data.default_buckets import default_bucket
from trimtab.errors import Fault, InputError, listed
from trimtab.files.atomic_write import write_errors, write_file
from trimtab.files.candidate_file import CandidateFile, read_candidate_file
from trimtab.files.cells import csv_line, neutralised, restored
from trimtab.files.links import followed
from trimtab.symbols.aliases import Aliases, shipped_aliases
from trimtab.text import counted

_HEADER = ("asset", "bucket")


@dataclasses.dataclass(frozen=True)
class Classified:
    """A table with a bucket in every row where one is known, and where each came from."""

    table: pa.Table
    from_file: tuple[str, ...]
    from_map: tuple[str, ...]
    unknown: tuple[str, ...]
    file: Path | None = None

    @property
    def note(self) -> str:
        """The sources of the buckets, as a sentence."""
        many = counted(len(self.from_map), "bucket")
        own = f", {len(self.from_file)} from {self.file}" if self.from_file else ""
        return f"{many} from the default map{own}"

    @property
    def warning(self) -> str | None:
        """The assets without a bucket, and where to fill them in; None if every asset has one."""
        if not self.unknown:
            return None
        assets = "1 asset has" if len(self.unknown) == 1 else f"{len(self.unknown)} assets have"
        return (
            f"{assets} no bucket, counted as {UNKNOWN}: {listed(self.unknown)}. Fill in the column bucket of {self.file} "
            "and run the command again"
        )


def classify(table: pa.Table, file: Path, aliases: Aliases | None = None) -> Classified:
    """A table of assets with the missing buckets filled in; assets without one are added to `file`, to be filled in.

    `file` is a CSV file with `asset` and `bucket`, which need not exist yet. What it says comes before the default map. Rows
    in it are never changed or removed. Nothing is written if every asset has a bucket.

    Raises
    ------
    InputError
        A file that cannot be read, or has no such columns.
    OutputError
        It cannot be written.
    """
    if file.suffix.casefold() != ".csv":
        raise InputError([Fault("is not called like a CSV file", "let its name end in .csv")], str(file))
    named = [asset for asset in table["asset"].to_pylist() if asset]
    own = _own_buckets(file, named, aliases or shipped_aliases())
    done = filled(table, own)
    _add(file, [asset for asset in done.unknown if asset not in own])
    return dataclasses.replace(done, file=file)


def filled(table: pa.Table, own: Mapping[str, str | None]) -> Classified:
    """A table of assets with the missing buckets filled in: from `own` first, then from the default map."""
    assets: list[str | None] = table["asset"].to_pylist()
    buckets_given = table["bucket"].to_pylist() if "bucket" in table.column_names else [None] * len(assets)
    buckets: list[str | None] = []
    from_file: list[str] = []
    from_map: list[str] = []
    unknown: list[str] = []
    for asset, bucket in zip(assets, buckets_given, strict=True):
        if not asset or (bucket is not None and bucket_name(bucket) != UNKNOWN):
            buckets.append(bucket)
        elif own.get(asset):
            buckets.append(own[asset])
            from_file.append(asset)
        else:
            buckets.append(default_bucket(asset))
            (unknown if buckets[-1] is None else from_map).append(asset)
    column = pa.array(buckets, pa.string())
    if "bucket" in table.column_names:
        whole = table.set_column(table.column_names.index("bucket"), "bucket", column)
    else:
        whole = table.append_column("bucket", column)
    return Classified(whole, tuple(from_file), tuple(from_map), tuple(dict.fromkeys(unknown)))


def _own_buckets(file: Path, assets: list[str], aliases: Aliases) -> Mapping[str, str | None]:
    """The rows of the user's file by asset, in the spelling of the table; None where the bucket is not filled in."""
    if not file.exists():
        return {}
    own_file = read_candidate_file(file, may_be_empty=True)
    _check_columns(own_file)
    plain = [None if name is None else restored(name) for name in own_file.names()]
    column = own_file.table.column_names.index("asset")
    table = own_file.table.set_column(column, "asset", pa.array(plain, pa.string()))
    own_file, _ = dataclasses.replace(own_file, table=table).in_spelling(aliases, assets)
    own: dict[str, str | None] = {}
    faults = []
    for row, (asset, bucket) in enumerate(zip(own_file.names(), own_file.table["bucket"].to_pylist(), strict=True), 1):
        filled = bucket.strip() if bucket and bucket.strip() else None
        if asset in own and own[asset] != filled:
            faults.append(Fault("the asset has two rows", "keep one", column="asset", row=row, value=asset))
        own[str(asset)] = filled
    if faults:
        raise InputError([own_file.located(fault) for fault in faults])
    return own


def _check_columns(file: CandidateFile) -> None:
    missing = [name for name in _HEADER if name not in file.table.column_names]
    if missing:
        advice = "name a new file, or one with the columns asset and bucket"
        raise InputError([Fault("the column is missing", advice, column=name) for name in missing], file.source)


def _add(file: Path, assets: list[str]) -> None:
    """Rows to be filled in, at the end of the file; its own rows stay unchanged."""
    if not assets:
        return
    with write_errors(str(file), "name a file of your own"):
        followed(file)  # a copy of what it leads to would be made
    header, before = list(_HEADER), csv_line(list(_HEADER)).encode()
    if file.exists():
        before = file.read_bytes()
        before += b"" if before.endswith(b"\n") else b"\n"
        addition = read_candidate_file(file, may_be_empty=True)
        header = addition.table.column_names
    lines = [csv_line([neutralised(asset) if name == "asset" else "" for name in header]) for asset in assets]
    with write_errors(str(file), "name a place where you may write"):
        write_file(file, before + "".join(lines).encode())
