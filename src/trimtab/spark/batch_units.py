"""The units of a batch on Spark's workers, which read, decide and write parts as threads of one machine do.

Planning, counting, gates and publishing stay in `batch/run.py`. Workers reach the input and the
folder of the batch by the same paths as the driver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.batch.run import Execute, in_turn
from trimtab.batch.unit_work import PartRecord, Work
from trimtab.batch.units import Unit
from trimtab.errors import SetupError
from trimtab.kernel.compilation import STAMP
from trimtab.spark.session import check_rules, reason_in, session

if TYPE_CHECKING:
    from pyspark import Broadcast, SparkContext
    from pyspark.sql import SparkSession

UNITS_OF_A_TASK = 4  # neighbours, so one reader never reads a row group twice
_JOBS = 2  # at a time, so no worker waits for the last task of a job
_ADVICE = "workers need trimtab in the driver's version, and the driver's paths to input and output"


def on_spark(spark: SparkSession) -> Execute:
    """Work on units with the workers of a Spark session; Spark's scheduler decides where, and retries what was lost.

    A task that is retried writes the same bytes under the same names.

    Raises
    ------
    SetupError
        While records are read, once a task has failed as often as Spark retries: what a worker reported.
    """
    context = spark.sparkContext

    def execute(work: Work, units: Sequence[Unit]) -> Iterator[PartRecord]:
        with _one_sentence():
            shared = context.broadcast(_with_absolute_paths(work))
            tasks = context.defaultParallelism
        per_job = tasks * UNITS_OF_A_TASK
        jobs = (units[first : first + per_job] for first in range(0, len(units), per_job))
        for records in in_turn(_JOBS, (partial(_worked_on, context, shared, job, tasks) for job in jobs)):
            yield from records

    return execute


@contextmanager
def on_master(master: str) -> Iterator[Execute]:
    """Work on units in a new session on a Spark master.

    Raises
    ------
    SetupError
        As `session` and `on_spark`.
    """
    with session(master) as spark:
        yield on_spark(spark)


def finished(work: Work, stamp: str, units: Iterable[Unit]) -> Iterator[PartRecord]:
    """Work through the units of a task, on a worker.

    Raises
    ------
    SetupError
        The rules here are not those with this stamp.
    InputError
        A file cannot be read or written here.
    """
    check_rules(stamp)
    rows = work.rows()
    for unit in units:
        yield work.finish(unit, rows.of(unit))


def _worked_on(context: SparkContext, shared: Broadcast[Work], units: Sequence[Unit], tasks: int) -> list[PartRecord]:
    stamp = STAMP
    with _one_sentence():
        parts = context.parallelize(units, tasks)
        records: list[PartRecord] = parts.mapPartitions(lambda mine: finished(shared.value, stamp, mine)).collect()
        return records


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Reduce Spark's pages of errors to one sentence.

    Raises
    ------
    SetupError
        Spark has failed, or a worker as often as Spark retries.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        raise SetupError(f"Spark gave up ({reason_in(str(error))})", _ADVICE) from None


def _with_absolute_paths(work: Work) -> Work:
    """The same with absolute paths, which mean the same in every process."""
    files = tuple(
        file if "://" in file.path else replace(file, path=str(Path(file.path).absolute()))
        for file in work.sources.files
    )
    return replace(work, sources=replace(work.sources, files=files), folder=work.folder.absolute())
