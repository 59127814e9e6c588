"""A whole batch: from its files to a published folder, by units that may be worked on anywhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from trimtab.batch.account_sort import sort_rows
from trimtab.batch.atomic_storage import Storage
from trimtab.batch.parquet_sources import Source, Sources, find_sources
from trimtab.batch.publish_brake import Brake
from trimtab.batch.published_folder import Folder, difference
from trimtab.batch.shared_assets import SharedAssets, check_holdings, read_shared_assets
from trimtab.batch.unit_work import PartRecord, Work
from trimtab.batch.units import BLOCK_ROWS, Survey, Unit, survey, units_of
from trimtab.blocks.arrow_columns import LIMITS_ID, check_columns, value_type
from trimtab.blocks.counts import Counts
from trimtab.errors import Fault, InputError
from trimtab.kernel.compilation import STAMP
from trimtab.limits.rebalancing_limits import RebalancingLimits

Event = Mapping[str, Any]
Say = Callable[[Event], None]
Execute = Callable[[Work, Sequence[Unit]], Iterator[PartRecord]]
MAX_FAILED = 0.001
Result = TypeVar("Result")


@dataclass(frozen=True)
class Job:
    """What is to be decided: candidates at these places under these limits, by `limits_id` or (None) the same for all.

    With `assets`, the place of the assets that all accounts share, the other places have holdings.
    """

    places: tuple[str, ...]
    limits: Mapping[str | None, RebalancingLimits]
    version: str  # of trimtab
    assets: str | None = None
    block_rows: int = BLOCK_ROWS


@dataclass(frozen=True)
class PublishConditions:
    """When a batch is not published, and which share of it this process works on: shard i of n, counted from 1."""

    max_failed: float = MAX_FAILED
    brake: Brake = field(default_factory=Brake)
    shard: tuple[int, int] | None = None


@dataclass(frozen=True)
class BatchOutcome:
    """How a run ended, what was counted, and the parts: how many there are, and how many an earlier run had finished.

    `status`: `published`; `unchanged`, it was published before; `shard`, this share is done; `braked` or `failed`, nothing is
    published, and `why` says so.
    """

    status: str
    counts: Counts
    parts: int
    kept: int
    why: tuple[str, ...] = ()


def on_threads(workers: int) -> Execute:
    """Work on units with so many threads; at most one block more than threads is in memory."""

    def execute(work: Work, units: Sequence[Unit]) -> Iterator[PartRecord]:
        rows = work.rows()
        return in_turn(workers, (partial(work.finish, unit, rows.of(unit)) for unit in units))

    return execute


def in_turn(workers: int, calls: Iterable[Callable[[], Result]]) -> Iterator[Result]:
    """The results of calls on so many threads, in order; at most one call more than threads has begun."""
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
    terms: PublishConditions,
    *,
    execute: Execute,
    workers: int,
    storage: Storage,
    say: Say,
) -> BatchOutcome:
    """Rebalance all accounts of a job into a folder, going on where an earlier run ended.

    `execute` works on units, in any order, anywhere: it yields the record of each. `say` hears what happens.

    Raises
    ------
    InputError
        Candidates that cannot be read; a folder of another batch, or one that another run works in; a full disk.
    LimitsError
        Limits for a bucket that does not exist.
    """
    sources, shared_assets = _found(job)
    folder = Folder(out, storage)
    with folder.locked(terms.shard):
        described = _described(job, sources, shared_assets)
        published = folder.published()
        if published is not None:
            return _unchanged(folder, published, described)
        folder.begin(described, alone=terms.shard is None)
        plan = _planned(job, sources, shared_assets, folder, workers, say)
        mine = _share(plan.units, terms.shard)
        records = folder.finished(mine)
        kept, accounts = len(records), sum(unit.accounts for unit in mine)
        done = sum(record.accounts for record in records.values())
        told = {"accounts": accounts, "parts": len(mine), "kept": kept, "done": done, **plan.lacking}
        say({"event": "planned", "rows": sources.rows, **told})
        failed = _work_on(execute, plan.work, mine, records, terms.max_failed * accounts, say)
        counts = Counts.total(record.counts for record in records.values())
        status, why = "shard", _faults(terms, counts, failed, accounts)
        if why:
            status = "failed" if failed > terms.max_failed * accounts else "braked"
        elif terms.shard is None:
            status = "published"
            sources.check_unchanged()
            account = value_type(sources.schema.field("account").type)
            folder.publish({**described, **plan.lacking}, [records[unit.number] for unit in plan.units], account)
        return BatchOutcome(status, counts, len(mine), kept, tuple(why))


def _faults(terms: PublishConditions, counts: Counts, failed: int, accounts: int) -> list[str]:
    """Why nothing may be published; a shard knows only of the failed."""
    if failed > terms.max_failed * accounts:
        return [f"{failed} of {accounts} accounts failed, more than --max-failed {terms.max_failed:g} allows"]
    return terms.brake.faults(counts) if terms.shard is None else []


@dataclass(frozen=True)
class _Plan:
    """The units of a batch, what works on them, and what of the holdings is not among the assets."""

    work: Work
    units: list[Unit]
    lacking: dict[str, int]


def _found(job: Job) -> tuple[Sources, SharedAssets | None]:
    """The files of a job, checked at the door."""
    sources = find_sources(job.places)
    if None not in job.limits and LIMITS_ID not in sources.columns:
        fault = Fault("the column is missing", "add it, or give one set of limits for all accounts", column=LIMITS_ID)
        raise InputError([fault], sources.files[0].path)
    if job.assets is None:
        try:
            check_columns(sources.schema)
        except InputError as error:
            raise InputError(error.faults, sources.files[0].path) from None
        return sources, None
    shared_assets = read_shared_assets(job.assets, job.limits)
    check_holdings(sources, shared_assets)
    return sources, shared_assets


def _planned(
    job: Job, sources: Sources, shared_assets: SharedAssets | None, folder: Folder, workers: int, say: Say
) -> _Plan:
    """What has to be done; limits that do not fit the buckets are said before anything is."""
    ordered, found = _in_order(sources, "bucket" if shared_assets is None else "asset", folder, workers, say)
    missing = 0 if shared_assets is None else shared_assets.missing(found.names)
    votes = found.names if shared_assets is None else shared_assets.votes
    work = Work(ordered, job.limits, votes, folder.work, folder.storage, shared_assets)
    _ = work.rules
    return _Plan(work, units_of(found, ordered.rows, job.block_rows), {"missing": missing} if missing else {})


def _file(source: Source) -> dict[str, Any]:
    return {"name": source.name, "rows": source.rows, "sha256": source.digest()}


def _described(job: Job, sources: Sources, shared_assets: SharedAssets | None) -> dict[str, Any]:
    """What makes two batches the same, as plain values."""
    return {
        "version": job.version,
        "rules": STAMP,
        "input": [_file(file) for file in sources.files],
        **({} if shared_assets is None else {"assets": [_file(file) for file in shared_assets.files]}),
        "limits": {name or "": limits.to_dict() for name, limits in job.limits.items()},
        "rows_per_unit": job.block_rows,
    }


def _unchanged(folder: Folder, published: Mapping[str, Any], described: Mapping[str, Any]) -> BatchOutcome:
    """The outcome of a batch that is there already.

    Raises
    ------
    InputError
        It is another one; or parts of it are gone.
    """
    begun = {name: published.get(name) for name in described}
    if begun != described:
        problem = f"holds the published batch of another input: {difference(begun, described)}"
        raise InputError([Fault(problem, "name another folder")], str(folder.path))
    folder.check_whole(published)
    folder.storage.remove(folder.work)
    return BatchOutcome(
        "unchanged", Counts.from_dict(published["counts"]), len(published["parts"]), len(published["parts"])
    )


def _in_order(sources: Sources, column: str, folder: Folder, workers: int, say: Say) -> tuple[Sources, Survey]:
    """The rows with each account in one place, sorted where they were not, and where the accounts are; a column counted."""
    say({"event": "surveying", "files": len(sources.files), "rows": sources.rows, "unused": list(sources.unused)})
    found = survey(sources, column, workers)
    if not found.apart:
        return sources, found
    say({"event": "sorting", "rows": sources.rows})
    ordered = sort_rows(sources, folder.work, folder.storage, workers)
    return ordered, survey(ordered, column, workers)


def _share(units: Sequence[Unit], shard: tuple[int, int] | None) -> list[Unit]:
    """The units of a shard: neighbours, so that it reads no row twice."""
    if shard is None:
        return list(units)
    number, count = shard
    return list(units[(number - 1) * len(units) // count : number * len(units) // count])


def _work_on(
    execute: Execute, work: Work, units: Sequence[Unit], records: dict[int, PartRecord], allowed: float, say: Say
) -> int:
    """Add the records of the units that are not done yet, until more accounts failed than may; how many did."""
    failed = sum(record.counts.failed for record in records.values())
    done = sum(record.accounts for record in records.values())
    missing = [unit for unit in units if unit.number not in records]
    finished = execute(work, missing) if failed <= allowed else iter(())
    for record in finished:
        records[record.number] = record
        failed, done = failed + record.counts.failed, done + record.accounts
        told = {"part": record.number, "accounts": record.accounts, "failed": record.counts.failed}
        say({"event": "part", **told, "done": done})
        if failed > allowed:
            break
    return failed
