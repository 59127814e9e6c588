"""A whole batch: from its files to a published folder, unit by unit, wherever the units are decided."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from trimtab.batch.account_sort import sort_rows
from trimtab.batch.atomic_storage import Storage
from trimtab.batch.exposure_source import ExposureFile
from trimtab.batch.parquet_sources import Sources, find_sources
from trimtab.batch.publish_gates import ClosedGate, PublishGates, closed_order_gates
from trimtab.batch.published_folder import Folder, check_published, difference
from trimtab.batch.shared_assets import SharedAssets, check_holdings, read_shared_assets
from trimtab.batch.tax_files import TaxFiles, TaxPlaces
from trimtab.batch.unit_work import PartRecord, Planning, Work
from trimtab.batch.units import BLOCK_ROWS, Survey, Unit, survey, units_of
from trimtab.blocks.arrow_columns import COLUMNS, LIMITS_ID, check_columns, value_type
from trimtab.blocks.counts import Counts
from trimtab.candidates.exposures import Exposures
from trimtab.errors import Fault, InputError, LimitsError
from trimtab.kernel.compilation import STAMP
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.account_table import ORDER_COLUMNS
from trimtab.orders.cash_table import COLUMNS as CASH_COLUMNS, cash_of_arrow
from trimtab.orders.decide_orders import Rates, check_order_columns
from trimtab.orders.many import shared_settings

Event = Mapping[str, Any]
Say = Callable[[Event], None]
Execute = Callable[[Work, Sequence[Unit]], Iterator[PartRecord]]
_ERRORS_PER_PART = 5
PLAN_COLUMNS = (*COLUMNS, *ORDER_COLUMNS)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Job:
    """Candidates at these places, and their limits by `limits_id`; None is the same for all accounts.

    With `assets`, the place of the assets that all accounts share, the other places hold holdings. With `accounts`, the
    place of their cash, orders are decided, too; `fx` is then the worth of one unit of each currency, and `taxes` the places of
    tax lots and recent trades. `exposures` is the file of exposures, for all accounts or for each.
    """

    places: tuple[str, ...]
    limits: Mapping[str | None, RebalancingLimits]
    version: str  # of trimtab
    assets: str | None = None
    block_rows: int = BLOCK_ROWS
    accounts: str | None = None
    fx: Rates | None = None
    exposures: str | None = None
    taxes: TaxPlaces | None = None


@dataclass(frozen=True)
class PublishConditions:
    """When a batch is held back, and which share of it this process works on: shard i of n, counted from 1."""

    gates: PublishGates = field(default_factory=PublishGates)
    shard: tuple[int, int] | None = None


@dataclass(frozen=True)
class BatchOutcome:
    """How a run ended, what was counted, and the parts: how many there are, and how many of them an earlier run
    finished.

    `status`: `published`; `unchanged`, it was published before; `shard`, this share is done; or nothing is published,
    `failed` because of too many failed accounts, `held_back` by other gates.
    """

    status: str
    counts: Counts
    parts: int
    kept: int
    closed_gates: tuple[ClosedGate, ...] = ()


def on_threads(workers: int) -> Execute:
    """Work on units with this many threads; at most one block more than threads is in memory."""

    def execute(work: Work, units: Sequence[Unit]) -> Iterator[PartRecord]:
        rows = work.rows()
        return in_turn(workers, (partial(work.finish, unit, rows.of(unit)) for unit in units))

    return execute


def in_turn(workers: int, calls: Iterable[Callable[[], Result]]) -> Iterator[Result]:
    """The results of calls on this many threads, in order; at most one call more than threads has begun."""
    with ThreadPoolExecutor(workers) as pool:
        begun: deque[Future[Result]] = deque()
        try:
            for call in calls:
                begun.append(pool.submit(call))
                if len(begun) > workers:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()


def run_batch(
    job: Job,
    out: Path,
    conditions: PublishConditions,
    *,
    execute: Execute,
    workers: int,
    storage: Storage,
    say: Say,
) -> BatchOutcome:
    """Rebalance all accounts of a job into a folder, resuming an earlier run.

    `execute` works on units, in any order, anywhere, and yields the record of each. `say` receives events.

    Raises
    ------
    InputError
        Candidates that cannot be read; a folder of another batch.
    LockedError
        Another run is working in the folder.
    OutputError
        The disk is full, or the file system refuses.
    DamagedError
        The batch is published already, and damaged.
    LimitsError
        Limits for a bucket that does not exist.
    """
    exposures = None if job.exposures is None else ExposureFile.read(job.exposures)
    sources, shared_assets = _sources_of(job, None if exposures is None else exposures.table)
    folder = Folder(out, storage)
    with folder.locked(conditions.shard):
        accounts_files = None if job.accounts is None else find_sources([job.accounts], CASH_COLUMNS)
        taxes = None if job.taxes is None else job.taxes.files()
        described = _described(job, sources, shared_assets, accounts_files, exposures)
        if taxes is not None:
            described["orders"] |= taxes.described
        published = folder.published()
        if published is not None:
            return _unchanged(folder, published, described)
        folder.begin(described, alone=conditions.shard is None)
        planning = None if accounts_files is None else _planning(job, accounts_files, taxes)
        plan = _planned(job, sources, _Beside(shared_assets, planning, exposures), folder, workers, say)
        mine = _share(plan.units, conditions.shard)
        records = folder.finished(mine)
        kept, accounts = len(records), sum(unit.accounts for unit in mine)
        done = sum(record.accounts for record in records.values())
        event = {"event": "planned", "rows": sources.rows, "accounts": accounts, "parts": len(mine)}
        say({**event, "kept": kept, "done": done, **plan.lacking})
        _work_on(execute, plan.work, mine, records, conditions.gates, say)
        counts = Counts.total(record.counts for record in records.values())
        whole = conditions.shard is None
        closed = conditions.gates.closed(counts, accounts, whole=whole)
        if whole and planning is not None:
            closed += closed_order_gates(counts, next(iter(job.limits.values())).gates)
        if closed:
            status = "failed" if closed[0].gate == "max_failed" else "held_back"
        else:
            status = "published" if whole else "shard"
        if status == "published":
            sources.check_unchanged()
            if exposures is not None:
                exposures.check_unchanged()
            account = value_type(sources.schema.field("account").type)
            folder.publish({**described, **plan.lacking}, [records[unit.number] for unit in plan.units], account)
        return BatchOutcome(status, counts, len(mine), kept, tuple(closed))


@dataclass(frozen=True)
class _Beside:
    """The inputs of a batch beside its rows."""

    shared_assets: SharedAssets | None
    planning: Planning | None
    exposures: ExposureFile | None


@dataclass(frozen=True)
class _Plan:
    """The units of a batch, the worker for them, and the holdings that are missing from the assets."""

    work: Work
    units: list[Unit]
    lacking: dict[str, int]


def _sources_of(job: Job, exposures: Exposures | None) -> tuple[Sources, SharedAssets | None]:
    """The files of a job, checked before anything is read."""
    sources = find_sources(job.places, COLUMNS if job.accounts is None else PLAN_COLUMNS)
    if None not in job.limits and LIMITS_ID not in sources.columns:
        fault = Fault("the column is missing", "add it, or give one set of limits for all accounts", column=LIMITS_ID)
        raise InputError([fault], sources.files[0].path)
    if job.assets is None:
        try:
            _check_schema(sources.schema, plans=job.accounts is not None)
        except InputError as error:
            raise InputError(error.faults, sources.files[0].path) from None
        return sources, None
    shared_assets = read_shared_assets(job.assets, job.limits, exposures)
    check_holdings(sources, shared_assets)
    return sources, shared_assets


def _check_schema(schema: pa.Schema, *, plans: bool) -> None:
    """Refuse columns in which no account can be read; `plans`: with shares and prices instead of weights."""
    if plans:
        check_order_columns(schema.names)
        fields = [field for field in schema if field.name not in ORDER_COLUMNS]
        schema = pa.schema([*fields, pa.field("current_weight", pa.float64())])
    check_columns(schema)


def _planning(job: Job, files: Sources, taxes: TaxFiles | None) -> Planning:
    """The cash of accounts, their tax lots and trades, and the settings of orders that all limits share.

    Raises
    ------
    InputError
        A value that cannot be used.
    LimitsError
        Limits with different settings of orders or gates.
    """
    settings = shared_settings(job.limits.values())
    if len({each.gates for each in job.limits.values()}) > 1:
        raise LimitsError(["the limits differ in their gates, but one run has one set of gates"])
    cash = cash_of_arrow(files.table())
    needed = settings.max_realized_gain is not None
    return Planning(cash, settings, job.fx, None if taxes is None else taxes.tables(set(cash.names), needed=needed))


def _planned(job: Job, sources: Sources, beside: _Beside, folder: Folder, workers: int, say: Say) -> _Plan:
    """The units of a batch; limits that do not fit the buckets are refused before anything is decided."""
    shared_assets = beside.shared_assets
    ordered, surveyed = _in_order(sources, folder, workers, say, holdings=shared_assets is not None)
    missing = 0 if shared_assets is None else shared_assets.missing(surveyed.names)
    votes = surveyed.names if shared_assets is None else shared_assets.votes
    exposures = None if beside.exposures is None else beside.exposures.table
    work = Work(ordered, job.limits, votes, folder.work, folder.storage, shared_assets, beside.planning, exposures)
    work.check()
    return _Plan(work, units_of(surveyed, ordered.rows, job.block_rows), {"missing": missing} if missing else {})


def _described(
    job: Job,
    sources: Sources,
    shared_assets: SharedAssets | None,
    accounts: Sources | None,
    exposures: ExposureFile | None,
) -> dict[str, Any]:
    """The identity of a batch, as plain values."""
    orders: dict[str, Any] = {}
    if accounts is not None:
        rates = {name: format(rate, "f") for name, rate in (job.fx or {}).items()}
        orders = {"orders": {"accounts": [file.described for file in accounts.files], "fx": rates}}
    return {
        "version": job.version,
        "rules": STAMP,
        "input": [file.described for file in sources.files],
        **({} if shared_assets is None else {"assets": [file.described for file in shared_assets.files]}),
        **({} if exposures is None else {"exposures": exposures.described}),
        "limits": {name or "": limits.to_dict() for name, limits in job.limits.items()},
        "rows_per_unit": job.block_rows,
        **orders,
    }


def _unchanged(folder: Folder, published: Mapping[str, Any], described: Mapping[str, Any]) -> BatchOutcome:
    """The outcome of a batch that is already published.

    Raises
    ------
    InputError
        It is another one.
    DamagedError
        Files of it are missing or damaged.
    """
    begun = {name: published.get(name) for name in described}
    if begun != described:
        problem = f"holds another published batch: {difference(begun, described)}"
        raise InputError([Fault(problem, "name another folder")], str(folder.path))
    check_published(folder.path, published)
    folder.storage.remove(folder.work)
    parts = len(published["parts"])
    return BatchOutcome("unchanged", Counts.from_dict(published["counts"]), parts, kept=parts)


def _in_order(sources: Sources, folder: Folder, workers: int, say: Say, *, holdings: bool) -> tuple[Sources, Survey]:
    """The rows with each account in one place, sorted if need be, and where the accounts are.

    Counted are the rows of each bucket; of `holdings`, those of each asset.
    """
    say({"event": "surveying", "files": len(sources.files), "rows": sources.rows, "unused": list(sources.unused)})
    surveyed = survey(sources, workers, holdings=holdings)
    if not surveyed.apart:
        return sources, surveyed
    say({"event": "sorting", "rows": sources.rows})
    ordered = sort_rows(sources, folder.work, folder.storage, workers)
    return ordered, survey(ordered, workers, holdings=holdings)


def _share(units: Sequence[Unit], shard: tuple[int, int] | None) -> list[Unit]:
    """The units of a shard: neighbours, so that no row is read twice."""
    number, count = shard or (1, 1)
    return list(units[(number - 1) * len(units) // count : number * len(units) // count])


def _work_on(
    execute: Execute,
    work: Work,
    units: Sequence[Unit],
    records: dict[int, PartRecord],
    gates: PublishGates,
    say: Say,
) -> None:
    """Add the records of the remaining units, unless too many accounts fail."""
    accounts = sum(unit.accounts for unit in units)
    failed = sum(record.counts.failed for record in records.values())
    done = sum(record.accounts for record in records.values())
    missing = [unit for unit in units if unit.number not in records]
    for record in execute(work, missing) if gates.allows_failed(failed, accounts) else ():
        records[record.number] = record
        failed, done = failed + record.counts.failed, done + record.accounts
        errors = [{"account": account, "reason": reason} for account, reason in record.failed[:_ERRORS_PER_PART]]
        details = {"accounts": record.accounts, "failed": record.counts.failed, "errors": errors, "done": done}
        say({"event": "part", "part": record.number, **details})
        if not gates.allows_failed(failed, accounts):
            break
