"""One account of a published batch: its rows, read from the input of the batch, and its limits, from the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from trimtab.batch.exposure_source import ExposureFile
from trimtab.batch.parquet_sources import reading
from trimtab.batch.published_folder import manifest_of
from trimtab.batch.shared_assets import read_shared_assets
from trimtab.batch.tax_files import tax_arguments
from trimtab.blocks.arrow_columns import LIMITS_ID
from trimtab.candidates.exposures import Exposures
from trimtab.errors import Fault, InputError
from trimtab.files.account_rows import read_account_rows
from trimtab.files.candidate_file import CandidateFile, read_candidate_file
from trimtab.kernel.compilation import STAMP
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.cash_table import cash_of_arrow
from trimtab.orders.many import AccountMoney


@dataclass(frozen=True)
class PublishedAccount:
    """The candidates of an account, its limits, and what differs from the night of the batch."""

    file: CandidateFile
    limits: RebalancingLimits
    notes: tuple[str, ...]
    exposures: Exposures | None = None
    money: AccountMoney | None = None  # of a batch with orders


def input_files(folder: Path, listed: Sequence[Mapping[str, Any]], known: Sequence[str]) -> list[Path]:
    """The files of a batch's input: where the store knows them to be, else beside the folder.

    Raises
    ------
    InputError
        One of them is gone, or has another number of rows.
    """
    places = [path for place in known for path in (Path(place), *sorted(Path(place).glob("**/*.parquet")))]
    files = []
    for each in listed:
        path = _file_of(folder, each["name"], places)
        with reading(str(path)):
            rows = pq.read_metadata(path).num_rows
        if rows != each["rows"]:
            problem = f"has {rows} rows; the batch read {each['rows']}"
            raise InputError([Fault(problem, "restore the file of that night")], str(path))
        files.append(path)
    return files


def _file_of(folder: Path, name: str, places: Sequence[Path]) -> Path:
    """The file of this name at one of these places, or beside the folder of the batch."""
    candidates = [path for path in (*places, folder.parent / name) if path.name == name]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        advice = f"put it beside {folder}, or name the store that recorded the batch (--store)"
        raise InputError([Fault(f"its input {name} was not found", advice)], str(folder))
    return path


def _exposures(folder: Path, manifest: Mapping[str, Any], known: Sequence[str]) -> Exposures | None:
    """The exposures of that night; None if the batch used no table of them."""
    if "exposures" not in manifest:
        return None
    (listed,) = manifest["exposures"]
    file = ExposureFile.read(str(_file_of(folder, listed["name"], [Path(place) for place in known])))
    if file.sha256 != listed["sha256"]:
        raise InputError([Fault("is not the file that the batch read", "restore that of the night")], str(file.path))
    return file.table


def _money(
    folder: Path, manifest: Mapping[str, Any], account: str, limits: RebalancingLimits, known: Sequence[str]
) -> AccountMoney | None:
    """The cash of an account on that night, with settings and rates; None if the batch decided no orders."""
    if "orders" not in manifest:
        return None
    table = cash_of_arrow(_rows_of(input_files(folder, manifest["orders"]["accounts"], known), account).table)
    rates = {name: Decimal(rate) for name, rate in manifest["orders"]["fx"].items()}
    own = AccountMoney.of(table, 0, limits.orders, rates or None)
    return own._replace(**tax_arguments(manifest["orders"], account, lambda listed: input_files(folder, listed, known)))


def published_account(folder: Path, account: str, known: Sequence[str] = ()) -> PublishedAccount:
    """One account of a published batch; `known` are places where its input may be.

    Raises
    ------
    InputError
        No such account, or the input is gone.
    """
    manifest = manifest_of(folder)
    file = _rows_of(input_files(folder, manifest["input"], known), account)
    ids = set(file.table[LIMITS_ID].to_pylist()) if LIMITS_ID in file.table.column_names else {None}
    limits_id = ids.pop() or ""
    if limits_id not in manifest["limits"]:  # one set for all
        limits_id = ""
    limits = RebalancingLimits.from_dict(manifest["limits"][limits_id], f"{folder}, limits {limits_id!r}")
    exposures = _exposures(folder, manifest, known)
    if "assets" in manifest:
        assets = input_files(folder, manifest["assets"], known)
        shared = read_shared_assets(str(assets[0]), {None: limits}, exposures)
        holdings = file.table.drop_columns([name for name in (LIMITS_ID,) if name in file.table.column_names])
        file = CandidateFile(file.source, shared.joined(holdings))
    elif LIMITS_ID in file.table.column_names:
        file = CandidateFile(file.source, file.table.drop_columns([LIMITS_ID]), file.asset_name, file.rows)
    notes = () if manifest["rules"] == STAMP else ("the rules changed since this batch: this is how they decide today",)
    return PublishedAccount(file, limits, notes, exposures, _money(folder, manifest, account, limits, known))


def _rows_of(files: Sequence[Path], account: str) -> CandidateFile:
    """The rows of an account, which are all in one of the files."""
    refusals = []
    for path in files:
        try:
            return read_account_rows(path, account) or read_candidate_file(path).of_account(account)
        except InputError as error:
            refusals.append(error)
    raise refusals[-1]
