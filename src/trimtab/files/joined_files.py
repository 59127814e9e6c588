"""Scores, holdings and buckets from separate files, joined by asset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import pyarrow as pa

from trimtab.candidates.columns import OUTPUTS
from trimtab.errors import Fault, InputError, nearest
from trimtab.files.candidate_file import ACCOUNT, CandidateFile, check_single, read_candidate_file
from trimtab.files.table_files import StrPath
from trimtab.symbols.aliases import Aliases, shipped_aliases


@dataclass(frozen=True)
class _Part:
    """One file of a join: its columns other than `asset`, and the row of each asset."""

    file: CandidateFile
    columns: dict[str, pa.ChunkedArray]
    rows: dict[str, int]

    def column(self, name: str, assets: Sequence[str]) -> pa.ChunkedArray:
        """A column in the order of these assets, null for an asset that the file lacks."""
        return self.columns[name].take(pa.array([self.rows.get(asset) for asset in assets], pa.int64()))


@dataclass(frozen=True)
class Joined:
    """Candidates from several files, and the gaps between the files.

    `unscored` are the holdings that the scores lack (kept, without a score), `unclassified` the assets that the buckets
    lack (kept, bucket `Unknown`; holdings first), `unused` the assets that only the buckets have (left out). `notes`
    are sentences on names joined by alias, and on columns left out.
    """

    table: pa.Table
    unscored: tuple[str, ...]
    unclassified: tuple[str, ...]
    unused: tuple[str, ...]
    part_of: Mapping[str, _Part]  # column -> the file that it came from
    notes: tuple[str, ...]

    def located(self, fault: Fault) -> Fault:
        """A fault of the joined table, placed in the file and the row where it can be fixed."""
        part = self.part_of.get(fault.column or "")
        if part is None or fault.source is not None:
            return fault
        row = None if fault.row is None else part.rows.get(self.table["asset"][fault.row - 1].as_py())
        return part.file.located(replace(fault, row=None if row is None else row + 1))


def join_tables(
    scores: StrPath | CandidateFile,
    holdings: StrPath | CandidateFile,
    buckets: StrPath | CandidateFile | None = None,
    *,
    account: str | None = None,
    aliases: Aliases | None = None,
) -> Joined:
    """One account's candidates from two or three files, joined on `asset`; by alias where the names differ.

    The scores have `asset` and `score`, the holdings `asset` and `current_weight` (or `shares`), the buckets `asset` and
    `bucket`; each may have more columns. Of a file with the column `account`, the rows of `account` count. Rows are the
    scores' in their order, then the holdings that the scores lack in theirs. An asset that is not held has the
    `current_weight` or `shares` 0. An asset has the name that the scores give it, or else the holdings.

    Raises
    ------
    InputError
        What `read_table` refuses; a missing column, a column in two files, an asset without a name or twice in a file,
        under one name or two; a name that may mean several assets.
    """
    files = _files_of_account([scores, holdings, *([] if buckets is None else [buckets])], account)
    files, renamed = _same_names(files, aliases or shipped_aliases())
    scored = _part(files[0], "score")
    amounts = "shares" if "shares" in files[1].table.column_names else "current_weight"
    held, left_out = _without_result(_part(files[1], amounts), scored, amounts)
    _check_amounts(held, amounts)
    classified = None if buckets is None else _part(files[2], "bucket")
    parts = [scored, held] if classified is None else [scored, held, classified]
    part_of = _parts_of_columns(parts)
    without_score = [asset for asset in held.rows if asset not in scored.rows]
    assets = [*scored.rows, *without_score]
    columns = {name: part.column(name, assets) for part in parts for name in part.columns}
    is_text = amounts == "shares"
    columns[amounts] = (
        columns[amounts].fill_null("0") if is_text else columns[amounts].cast(pa.float64()).fill_null(0.0)
    )
    known = assets if classified is None else classified.rows
    return Joined(
        table=pa.table({"asset": pa.array(assets, pa.string()), **columns}),
        unscored=tuple(asset for asset in without_score if _is_held(held.columns[amounts][held.rows[asset]].as_py())),
        unclassified=tuple(asset for asset in dict.fromkeys([*held.rows, *assets]) if asset not in known),
        unused=tuple(asset for asset in known if asset not in scored.rows and asset not in held.rows),
        part_of=MappingProxyType({**part_of, "asset": scored}),
        notes=(*renamed, *left_out),
    )


def _same_names(files: Sequence[CandidateFile], aliases: Aliases) -> tuple[list[CandidateFile], tuple[str, ...]]:
    """The files with one name for each asset, that of the first which has it; and sentences on those that changed."""
    first_file: dict[str, str] = {}
    renamed: list[CandidateFile] = []
    notes = []
    for file in files:
        same, changes = file.in_spelling(aliases, first_file)
        renamed.append(same)
        pairs = [f"{old} in {file.source} is {new} in {first_file[new]}" for old, new in changes.items()]
        notes += [f"joined by alias: {pair}" for pair in pairs]
        first_file |= {name: file.source for name in same.names() if name and name not in first_file}
    return renamed, tuple(notes)


def _without_result(held: _Part, scored: _Part, amounts: str) -> tuple[_Part, tuple[str, ...]]:
    """Holdings that are an earlier result, without what it decided and what the scores have; with a note that says so."""
    if not set(OUTPUTS) & held.columns.keys():
        return held, ()
    dropped = [name for name in held.columns if name in OUTPUTS or (name in scored.columns and name != amounts)]
    columns = {name: column for name, column in held.columns.items() if name not in dropped}
    note = f"{held.file.source} is an earlier result: held is its {amounts}; left out: {', '.join(dropped)}"
    return replace(held, columns=columns), (note,)


def _is_held(amount: object) -> bool:
    """Whether a weight, or a number of shares as text, is not 0."""
    try:
        return float(str(amount)) != 0
    except ValueError:
        return True  # the reader of the column names the fault


def _files_of_account(paths: Sequence[StrPath | CandidateFile], account: str | None) -> list[CandidateFile]:
    """The files, each with the rows of one account where it has an account for each row. Some may be read already.

    The second, of holdings, may have no rows: an account that holds only cash.
    """
    files = [
        path if isinstance(path, CandidateFile) else read_candidate_file(path, may_be_empty=index == 1)
        for index, path in enumerate(paths)
    ]
    if account is None:
        for file in files:
            check_single(file.table, file.source)
        return files
    if not any(ACCOUNT in file.table.column_names for file in files):
        raise InputError([Fault("no file has the column", "leave out --account", column=ACCOUNT)])
    return [file.of_account(account) if ACCOUNT in file.table.column_names else file for file in files]


def _part(file: CandidateFile, required: str) -> _Part:
    names = file.table.column_names
    faults = [
        Fault("the column is missing", nearest(name, names), column=name)
        for name in ("asset", required)
        if name not in names
    ]
    if faults:
        raise InputError(faults, file.source)
    columns = {name: file.table[name] for name in names if name != ACCOUNT}
    rows = _rows(columns.pop("asset").to_pylist(), file)
    return _Part(file, columns, rows)


def _rows(assets: Iterable[object], file: CandidateFile) -> dict[str, int]:
    """The row of each asset, every one with a name and only once."""
    rows: dict[str, int] = {}
    faults = []
    for row, asset in enumerate(assets):
        if asset is None or not str(asset).strip():
            faults.append(Fault("the asset has no name", "name every asset", column="asset", row=row + 1, value=asset))
        elif not isinstance(asset, str):
            faults.append(Fault("is not text", "convert the column to text", column="asset", row=row + 1, value=asset))
        elif asset in rows:
            first = file.located(Fault("", "", row=rows[asset] + 1)).row
            problem = f"the asset is in row {first} already"
            advice = "give each asset once in a file; sum or drop the rows yourself"
            faults.append(Fault(problem, advice, column="asset", row=row + 1, value=asset))
        else:
            rows[asset] = row
    if faults:
        raise InputError([file.located(fault) for fault in faults])
    return rows


def _check_amounts(held: _Part, name: str) -> None:
    """Refuse a holding without an amount here, before it can pass for an asset that is not held."""
    amounts = held.columns[name]
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    if name == "shares":
        held.columns[name] = amounts.cast(pa.string())  # as in a CSV file; valuation reads the numbers
    elif not any(is_kind(amounts.type) for is_kind in kinds):
        fault = Fault(f"is not a number but {amounts.type}", "convert the column to numbers", column=name)
        raise InputError([fault], held.file.source)
    faults = [
        Fault("is missing", "write 0 if it is not held", column=name, row=row + 1)
        for row, empty in enumerate(amounts.is_null().to_pylist())
        if empty
    ]
    if faults:
        raise InputError([held.file.located(fault) for fault in faults])


def _parts_of_columns(parts: Sequence[_Part]) -> dict[str, _Part]:
    """The file that each column comes from, none from two."""
    part_of: dict[str, _Part] = {}
    faults = []
    for part in parts:
        for name in part.columns:
            if name in part_of:
                problem = f"the column is in {part_of[name].file.source} too"
                faults.append(Fault(problem, "drop it from one of the two", column=name, source=part.file.source))
            part_of.setdefault(name, part)
    if faults:
        raise InputError(faults)
    return part_of
