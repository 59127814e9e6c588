"""Assets that all accounts share, joined to the holdings of each account: the candidates of a block."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.batch.parquet_sources import Sources, find_sources
from trimtab.batch.purchase_candidates import NOTHING_HELD, RankedAssets, list_purchase_candidates
from trimtab.blocks.arrow_columns import LIMITS_ID, check_columns, number_column, text_codes
from trimtab.blocks.precheck import starts_of
from trimtab.blocks.prepared_limits import votes_of
from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.candidates.columns import NUMBERS, TEXTS
from trimtab.candidates.exposure_rows import exposure_rows
from trimtab.candidates.exposures import Exposures
from trimtab.candidates.read import read
from trimtab.errors import Fault, InputError, listed
from trimtab.kernel.records import Flags, Floats, Ints
from trimtab.limits.exposure_limits import limits_exposures
from trimtab.limits.rebalancing_limits import RebalancingLimits

COLUMNS = tuple(name for name in (*TEXTS, *NUMBERS) if name != "current_weight")
MAX_MISSING = 0.001


class SharedAssets:
    """The assets of a batch, each once, with the columns that are the same for all accounts; and who could buy which.

    What exposures with a maximum leave an asset depends on what else an account holds: every such asset is a candidate.

    Raises
    ------
    InputError
        Assets that could not be candidates: a column, or all their faults.
    """

    def __init__(
        self, sources: Sources, limits: Mapping[str | None, RebalancingLimits], exposures: Exposures | None = None
    ) -> None:
        self.files, self.source_path = sources.files, sources.files[0].path
        self.table = sources.table()
        chosen = list(limits.values())
        for each in chosen:
            try:
                read(self.table, each.replace(enforce_exposure_limits=False), many=False)
            except InputError as error:
                raise InputError(error.faults, self.source_path) from None
        self.names = self.table.column("asset").cast(pa.string()).combine_chunks()
        self.votes = votes_of(self.table, many=False)
        self.ids = {name: number for number, name in enumerate(limits)}
        bucket = np.array([self._buckets(each) for each in chosen], np.int64)
        self._assets = RankedAssets(
            ranked=np.array([self._ranking(of_each) for of_each in bucket], np.int64),
            bucket=bucket,
            plain=np.array([self._are_plain(each) & ~self._are_exposed(each, exposures) for each in chosen], np.bool_),
            wanted=np.array([min(each.max_new_positions, each.max_total_positions) for each in chosen], np.int64),
        )

    def _column(self, name: str) -> list[str | None]:
        is_there = name in self.table.column_names
        return self.table.column(name).to_pylist() if is_there else [None] * self.table.num_rows

    def _buckets(self, limits: RebalancingLimits) -> Sequence[int]:
        """The bucket of each asset as a number; one for all where bucket limits are off."""
        if not limits.enable_bucket_diversification:
            return [0] * self.table.num_rows
        number: dict[str, int] = {}
        return [number.setdefault(name or "", len(number)) for name in self._column("bucket")]

    def _are_plain(self, limits: RebalancingLimits) -> Flags:
        """Whether only score and bucket decide if an asset may be bought."""
        holds = limits.unknown_bucket == "hold"
        restricted = [bool(text) for text in self._column("restriction")]
        unknown = [holds and _is_unknown(name, limits) for name in self._column("bucket")]
        capped = [value is not None for value in self._column("max_weight")]
        sized_by = limits.sizing_column
        unsizable = [sized_by is not None and value is None for value in self._column(sized_by or "")]
        lists = zip(restricted, unknown, capped, unsizable, strict=True)
        return np.array([not any(reasons) for reasons in lists], np.bool_)

    def _are_exposed(self, limits: RebalancingLimits, exposures: Exposures | None) -> Flags:
        """Whether a maximum of exposures may keep an asset out."""
        none = np.zeros(self.table.num_rows, np.bool_)
        if exposures is None or not limits_exposures(limits):
            return none
        if exposures.accounts:
            return ~none
        rows, names = exposure_rows(exposures, limits), self.names.to_pylist()
        limited = rows.rows["max_exposure"][rows.parts["row"]] < np.inf
        before = np.concatenate([[0], np.cumsum(limited)])[rows.first]
        profile = exposures.profiles(np.zeros(0, np.int64), np.arange(len(names)), names)
        return np.asarray(np.diff(before)[profile] > 0, np.bool_)

    def _ranking(self, bucket: Ints) -> Ints:
        """Assets with a score by bucket, then by score, then by name; ended by -1."""
        names = np.array(self.names.to_pylist(), object)
        scores: Floats = self.table.column("score").cast(pa.float64()).to_numpy()
        order = np.lexsort((np.argsort(np.argsort(names)), -scores, bucket))
        order = order[~np.isnan(scores[order])]
        return np.concatenate([order, np.full(len(names) + 1 - len(order), -1)])

    def joined(self, holdings: pa.Table) -> pa.Table:
        """The candidates of whole accounts that come one after another: their holdings, then what they could buy."""
        codes, accounts = text_codes(holdings, "account")
        start = starts_of(codes)
        asset_codes, assets = text_codes(holdings, "asset")
        known = pc.fill_null(pc.index_in(assets.dictionary.cast(pa.string()), self.names), -1)
        held = np.append(known.to_numpy(zero_copy_only=False), -1)[asset_codes].astype(np.int64)
        held[(held < 0) & (number_column(holdings, "current_weight", math.nan) == 0.0)] = NOTHING_HELD
        row, asset, size = self._candidates(start, held, self._limits_of(holdings, start))
        names = pa.concat_arrays([self.names, assets.dictionary.cast(pa.string())])
        own = len(self.names) + asset_codes[row]
        column = np.where(asset >= 0, asset, own)
        is_named = (asset >= 0) | (asset_codes[row] >= 0)
        first = np.repeat(start[:-1], size)
        taken = {
            "account": pa.DictionaryArray.from_arrays(pa.array(codes[first]), accounts.dictionary),
            "asset": pa.DictionaryArray.from_arrays(pa.array(column.astype(np.int32), mask=~is_named), names),
        }
        rows, is_new = pa.array(row, mask=row < 0), pa.array(row < 0)
        for name in holdings.column_names:
            if name == LIMITS_ID:
                mixed = np.where(row < 0, first, row)
                taken[name] = holdings.column(name).take(pa.array(mixed))
            elif name not in taken:
                values = holdings.column(name).take(rows)
                is_weight = name == "current_weight"
                taken[name] = pc.if_else(is_new, 0.0, values.cast(pa.float64())) if is_weight else values
        for name in self.table.column_names:
            if name not in taken:
                taken[name] = self.table.column(name).take(pa.array(asset, mask=asset < 0))
        return pa.table(taken)

    def _limits_of(self, holdings: pa.Table, start: Ints) -> Ints:
        """The limits of each account; those without are refused later, by name."""
        if LIMITS_ID not in holdings.column_names or tuple(self.ids) == (None,):
            return np.zeros(len(start) - 1, np.int64)
        codes, column = text_codes(holdings, LIMITS_ID)
        number = np.array([*(self.ids.get(name, 0) for name in column.dictionary.to_pylist()), 0], np.int64)
        return number[codes[start[:-1]]]

    def _candidates(self, start: Ints, held: Ints, limits_of: Ints) -> tuple[Ints, Ints, Ints]:
        size, none = np.zeros(len(start) - 1, np.int64), np.zeros(0, np.int64)
        count = list_purchase_candidates(start, held, limits_of, self._assets, none, none, size)
        row, asset = np.zeros(count, np.int64), np.zeros(count, np.int64)
        list_purchase_candidates(start, held, limits_of, self._assets, row, asset, size)
        return row, asset, size

    def missing(self, names: Mapping[str, float]) -> int:
        """How many holdings are of an asset that is not here, given how many name each.

        Raises
        ------
        InputError
            More than `MAX_MISSING` of them.
        """
        known = set(self.names.to_pylist())
        lacking = {name: count for name, count in names.items() if name not in known}
        missing, rows = int(sum(lacking.values())), int(sum(names.values()))
        if missing > MAX_MISSING * rows:
            by_count = sorted(lacking, key=lambda name: (-lacking[name], name))
            problem = f"{missing:,} of {rows:,} holdings are of assets that are not here ({listed(by_count)})"
            raise InputError([Fault(problem, "add them, with an empty score if they have no score")], self.source_path)
        return missing


def _is_unknown(name: str | None, limits: RebalancingLimits) -> bool:
    return not (name or "").strip() or split_path(name or "", limits.bucket_separator)[0] == UNKNOWN


def read_shared_assets(
    place: str, limits: Mapping[str | None, RebalancingLimits], exposures: Exposures | None = None
) -> SharedAssets:
    """The assets in a Parquet file: `asset`, `score`, and other columns that are the same for all accounts.

    Raises
    ------
    InputError
        A file that cannot be read, or assets that cannot be candidates.
    """
    return SharedAssets(find_sources([place], COLUMNS), limits, exposures)


def check_holdings(holdings: Sources, shared_assets: SharedAssets) -> None:
    """Refuse holdings that lack a column, or share one with the assets.

    Raises
    ------
    InputError
        Which column, in which of the files.
    """
    place = holdings.files[0].path
    for name in ("account", "asset", "current_weight"):
        if name not in holdings.columns:
            raise InputError([Fault("the column is missing", "add it", column=name)], place)
    for name in shared_assets.table.column_names:
        if name != "asset" and name in holdings.columns:
            problem = f"is here and in {shared_assets.source_path}"
            raise InputError([Fault(problem, "drop it in one of the two", column=name)], place)
    added = [shared_assets.table.schema.field(name) for name in shared_assets.table.column_names if name != "asset"]
    try:
        check_columns(pa.schema([*holdings.schema, *added]))
    except InputError as error:
        raise InputError(error.faults, place) from None
