"""A Spark frame of candidates to a Spark frame of targets: whole accounts, in groups, through the block function.

A group holds the accounts whose names have the same hash. Spark's `groupBy` promises that a group is whole, wherever its
rows were and however Spark cuts batches and partitions, so no account is split.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from trimtab.blocks.arrow_columns import COLUMNS, LIMITS_ID, check_columns
from trimtab.blocks.decide_block import decide_block
from trimtab.blocks.prepared_limits import PreparedLimits
from trimtab.candidates.exposures import Exposures, exposures_of
from trimtab.errors import Fault, InputError, LimitsError, SetupError
from trimtab.kernel.compilation import STAMP
from trimtab.limits.given_limits import given_limits
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.spark.session import check_rules, need_installed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

GROUP_ROWS = 100_000  # enough to be worth a call of the block function, few enough for any worker's memory
_OUTPUTS = {
    "asset": pa.string(),
    "target_weight": pa.float64(),
    "proposed_weight": pa.float64(),
    "action": pa.string(),
    "reason": pa.string(),
    "size_reason": pa.string(),
    "failure": pa.string(),
}


def rebalance(
    frame: DataFrame,
    limits: RebalancingLimits | Mapping[str, RebalancingLimits] | None = None,
    *,
    exposures: Any = None,
) -> DataFrame:
    """Rebalance all accounts of a Spark frame; the column `account` assigns each row to one, in any order.

    `limits`: the same for all accounts, or several by name, one of which each account names in the column `limits_id`.
    `exposures`: a table as `rebalance_many` takes it, or a Spark frame of one, which is collected; it goes to every worker.

    The result has one row for each row of `frame`, with the values that `rebalance_many` gives: `account`, `asset`,
    `target_weight` and `proposed_weight` (fractions of the account's value; the second only in braked accounts), the codes
    `action`, `reason`, `size_reason`, and `failure`. If an account cannot be rebalanced, `failure` says why in each of its
    rows, and the other columns are null; rows are counted in the order of assets.

    Spark decides when and where. Only one pass over `bucket`, and the number of rows, is made at once: of two spellings of a
    bucket the more frequent counts, and limits for a bucket that does not exist are an error now.

    Raises
    ------
    SetupError
        pyspark or pandas is missing, or `frame` is not a Spark frame.
    InputError
        A missing or misspelled column, a column of the wrong type, rows without account, no rows; a wrong row of exposures.
    LimitsError
        Limits for a bucket or a scheme that does not exist, no limits, or something that is not limits; limits of exposures
        without a table of them.

    Examples
    --------
    >>> from trimtab import RebalancingLimits
    >>> def night(spark):  # a session of pyspark
    ...     candidates = spark.read.parquet("candidates")
    ...     targets = rebalance(candidates, RebalancingLimits.preset("conservative")).cache()
    ...     targets.where("failure is null").drop("failure").write.parquet("targets")
    ...     targets.where("failure is not null").select("account", "failure").distinct().show()
    """
    check_frame(frame)
    schema = _schema_of(frame)
    chosen = by_id(limits)
    check_limits(chosen, schema)
    votes, rows = counted(frame, schema)
    table = exposures_in(exposures)
    PreparedLimits(chosen, votes, table)  # limits that do not fit the buckets raise before anything is decided
    decide = _decider(_Deciding(chosen, votes, STAMP, _targets_schema(schema), table))
    return frame.select(*schema.names).groupBy(group_of(rows)).applyInArrow(decide, _spark_schema(frame))


def exposures_in(table: Any) -> Exposures | None:
    """The exposures in a table, or in a Spark frame."""
    if table is None:
        return None
    return exposures_of(table.toArrow() if hasattr(table, "toArrow") else table)  # pyspark may not be installed


def group_of(rows: int) -> Any:
    """The group of an account, one of groups of about `GROUP_ROWS` rows each."""
    from pyspark.sql import functions as f

    return f.pmod(f.xxhash64("account"), f.lit(-(-rows // GROUP_ROWS))).alias("group")


@dataclass(frozen=True)
class _Deciding:
    """Everything a worker needs to decide a group."""

    limits: Mapping[str | None, RebalancingLimits]
    votes: Mapping[str, float]
    stamp: str
    schema: pa.Schema
    exposures: Exposures | None = None

    @cached_property
    def rules(self) -> PreparedLimits:
        check_rules(self.stamp)
        return PreparedLimits(self.limits, self.votes, self.exposures)

    def decided(self, table: pa.Table) -> pa.Table:
        """The targets of whole accounts in any order, and after them the rows of those that failed."""
        ordered = table.sort_by([("account", "ascending"), ("asset", "ascending")])
        block = decide_block(ordered, self.rules)
        targets = block.targets.append_column("failure", pa.nulls(block.targets.num_rows, pa.string()))
        return pa.concat_tables([targets.cast(self.schema), self._failed(ordered, block.failed)])

    def _failed(self, table: pa.Table, failed: pa.Table) -> pa.Table:
        names = failed.column("account").cast(table.schema.field("account").type)
        number = pc.index_in(table.column("account"), value_set=names.combine_chunks())
        rows = table.filter(number.is_valid())
        known = {
            "account": rows.column("account"),
            "asset": rows.column("asset"),
            "failure": failed.column("reason").take(number.drop_null()),
        }
        columns = [known.get(field.name, pa.nulls(rows.num_rows, field.type)) for field in self.schema]
        return pa.table(columns, names=self.schema.names).cast(self.schema)


def _decider(deciding: _Deciding) -> Callable[[pa.Table], pa.Table]:
    """A plain function: Spark counts the parameters of the function."""

    def decide(table: pa.Table) -> pa.Table:
        return deciding.decided(table)

    return decide


def check_frame(frame: object) -> None:
    """Refuse something that is not a Spark frame, or a machine without Spark."""
    need_installed("pyspark", "pandas")  # Spark requires pandas to hand over Arrow tables
    from pyspark.sql import DataFrame

    if not isinstance(frame, DataFrame):
        kind = f"{type(frame).__module__}.{type(frame).__qualname__}"
        raise SetupError(f"frame is not a Spark frame but {kind}", "trimtab.rebalance_many takes other tables")


def _schema_of(frame: DataFrame) -> pa.Schema:
    """The columns that are read, with Arrow's types; all names are checked."""
    from pyspark.sql.pandas.types import to_arrow_type

    kinds = [(field.name, field.dataType) for field in frame.schema.fields]
    check_columns(pa.schema([(name, to_arrow_type(kind) if name in COLUMNS else pa.null()) for name, kind in kinds]))
    return pa.schema([(name, to_arrow_type(kind)) for name, kind in kinds if name in COLUMNS])


def by_id(limits: RebalancingLimits | Mapping[str, RebalancingLimits] | None) -> dict[str | None, RebalancingLimits]:
    """Limits by `limits_id`; under None those of all accounts."""
    if not isinstance(limits, Mapping):
        return {None: given_limits(limits)}
    return {name: given_limits(chosen) for name, chosen in limits.items()}


def check_limits(limits: Mapping[str | None, RebalancingLimits], schema: pa.Schema) -> None:
    """Refuse missing limits, and several without the column that names them."""
    if not limits:
        raise LimitsError(["no limits are given: give one set for each limits_id"])
    if None not in limits and LIMITS_ID not in schema.names:
        advice = "add it, or give one set of limits for all accounts"
        raise InputError([Fault("the column is missing", advice, column=LIMITS_ID)])


def counted(frame: DataFrame, schema: pa.Schema) -> tuple[dict[str, float], int]:
    """How many rows name each bucket, and how many there are."""
    from pyspark.sql import functions as f

    named = f.coalesce(f.col("bucket").cast("string"), f.lit("")) if "bucket" in schema.names else f.lit("")
    counted: list[Any] = frame.groupBy(named).agg(f.count("*"), f.count("account")).collect()
    rows, with_account = sum(row[1] for row in counted), sum(row[2] for row in counted)
    if not rows:
        raise InputError([Fault("there are no candidates", "give a frame with at least one row")])
    if with_account < rows:
        problem = f"the account is missing in {rows - with_account} of {rows} rows"
        raise InputError([Fault(problem, "name the account of every row", column="account")])
    return {row[0]: float(row[1]) for row in counted} if "bucket" in schema.names else {}, rows


def _targets_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([schema.field("account"), *_OUTPUTS.items()])


def _spark_schema(frame: DataFrame) -> Any:
    """The schema for Spark, with the type of `account` unchanged."""
    from pyspark.sql.pandas.types import from_arrow_type
    from pyspark.sql.types import StructType

    schema = StructType().add("account", frame.schema["account"].dataType)
    for name, kind in _OUTPUTS.items():
        schema = schema.add(name, from_arrow_type(kind))
    return schema
