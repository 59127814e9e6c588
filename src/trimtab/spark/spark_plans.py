"""A Spark frame of candidates with shares, and one of cash, to orders: whole accounts, in groups, through the block function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trimtab.blocks.arrow_columns import COLUMNS, check_columns
from trimtab.candidates.exposures import Exposures
from trimtab.decimals import decimal_of
from trimtab.errors import Fault, InputError, nearest
from trimtab.kernel.compilation import STAMP
from trimtab.limits.order_settings import OrderSettings, given_settings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.account_table import ORDER_COLUMNS
from trimtab.orders.cash_table import COLUMNS as CASH_COLUMNS, SOURCE, cash_of_arrow
from trimtab.orders.decide_orders import OrderRules, check_order_columns
from trimtab.orders.many import shared_settings, without_candidates
from trimtab.orders.order_tables import MONEY, SHARES
from trimtab.orders.planned_block import plan_accounts
from trimtab.spark.session import check_rules
from trimtab.spark.spark_frame import by_id, check_frame, check_limits, counted, exposures_in, group_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_PARTS = {
    "order": {
        **dict.fromkeys(("asset", "side"), pa.string()),
        "shares": SHARES,
        **dict.fromkeys(("price", "amount", "fee"), MONEY),
        "closes": pa.bool_(),
        "reason": pa.string(),
        "cash_after": MONEY,
        "phase": pa.int64(),
        "client_order_id": pa.string(),
        "place": pa.int64(),
    },
    "outcome": {
        "status": pa.string(),
        "is_settled": pa.bool_(),
        **dict.fromkeys(("value_before", "cash_before", "value", "cash", "fees"), MONEY),
        "orders": pa.int64(),
        "failure": pa.string(),
    },
    "target": {
        "asset": pa.string(),
        **dict.fromkeys(("target_weight", "proposed_weight"), pa.float64()),
        **dict.fromkeys(("action", "reason", "size_reason"), pa.string()),
        "target_shares": SHARES,
        "order_reason": pa.string(),
    },
}


@dataclass(frozen=True)
class SparkPlans:
    """The plans of all accounts: three views of one frame, `rows`. Cache that frame if you use more than one of them."""

    rows: DataFrame  # `account`, and one of `order`, `outcome` and `target`

    @property
    def orders(self) -> DataFrame:
        """A row for each order, as in `plan_many(...).orders`; `place` counts those of an account in their order, from 0."""
        return self._part("order")

    @property
    def accounts(self) -> DataFrame:
        """A row for each account: its outcome; or the status `failed` with `failure`, the reason."""
        return self._part("outcome")

    @property
    def targets(self) -> DataFrame:
        """A row for each candidate of a good account, as in `plan_many(...).targets`."""
        return self._part("target")

    def _part(self, name: str) -> DataFrame:
        return self.rows.where(f"{name} is not null").select("account", f"{name}.*")


def plan(
    frame: DataFrame,
    limits: RebalancingLimits | Mapping[str, RebalancingLimits] | None = None,
    *,
    accounts: DataFrame,
    fx: Mapping[str, Any] | None = None,
    settings: Any = None,
    exposures: Any = None,
    **changes: Any,
) -> SparkPlans:
    """Decide the orders of all accounts of a Spark frame: the same, to the last unit, as `plan_many`.

    Parameters
    ----------
    frame, limits
        As `rebalance` takes them, with `shares` and `price` instead of `current_weight`, and the other columns of
        `trimtab.plan`.
    accounts
        A Spark frame with `account`, `cash`, and optionally `cash_flow`, `mode` and `currency`.
    fx, settings, changes
        As `plan_many` takes them.
    exposures
        As `rebalance` takes them.

    Raises
    ------
    SetupError
        pyspark or pandas is missing, or a frame is not a Spark frame.
    InputError
        A missing or misspelled column, a column of the wrong type, rows without account, no rows. A value of `accounts` that
        cannot be used ends Spark's job with the same error.
    LimitsError
        As `plan_many`.

    Examples
    --------
    >>> from trimtab import RebalancingLimits
    >>> def night(spark):  # a session of pyspark
    ...     plans = plan(
    ...         spark.read.parquet("holdings"), RebalancingLimits(), accounts=spark.read.parquet("accounts")
    ...     )
    ...     plans.rows.cache()
    ...     plans.orders.write.parquet("orders")
    ...     plans.accounts.where("failure is not null").show()
    """
    check_frame(frame)
    check_frame(accounts)
    chosen = by_id(limits)
    schema, money = _schema_of(frame), _cash_columns(accounts)
    check_limits(chosen, schema)
    made = given_settings(shared_settings(chosen.values()), settings, changes)
    rates = None if fx is None else {str(name): decimal_of(rate) for name, rate in fx.items()}
    votes, rows = counted(frame, schema)
    table = exposures_in(exposures)
    OrderRules.of(chosen, votes, made, rates, table)  # what does not fit raises before anything is decided
    group = group_of(rows)
    planning = Planning(chosen, votes, made, rates, STAMP, _output(schema), table)
    return SparkPlans(
        frame.select(*schema.names)
        .groupBy(group)
        .cogroup(accounts.select(*money).groupBy(group))
        .applyInArrow(_planner(planning), _spark_schema(frame, planning.schema))
    )


@dataclass(frozen=True)
class Planning:
    """Everything a worker needs to plan a group."""

    limits: Mapping[str | None, RebalancingLimits]
    votes: Mapping[str, float]
    settings: OrderSettings
    fx: Mapping[str, Decimal] | None
    stamp: str
    schema: pa.Schema
    exposures: Exposures | None = None

    @cached_property
    def rules(self) -> OrderRules:
        """The rules, checked against the driver's."""
        check_rules(self.stamp)
        return OrderRules.of(self.limits, self.votes, self.settings, self.fx, self.exposures)

    def planned(self, table: pa.Table, cash: pa.Table) -> pa.Table:
        """The plans of whole accounts in any order."""
        money = cash_of_arrow(cash)
        here, parts = set(table.column("account").unique().to_pylist()), []
        failed = {name: without_candidates(name) for name in money.names if name not in here}
        if table.num_rows:
            block = plan_accounts(table.sort_by([("account", "ascending"), ("asset", "ascending")]), money, self.rules)
            parts = [self._part("order", _numbered(block.orders)), self._part("outcome", block.accounts)]
            parts.append(self._part("target", block.targets))
            failed |= zip(*(block.failed.column(name).to_pylist() for name in ("account", "reason")), strict=True)
        lost = {"account": list(failed), "failure": list(failed.values()), "status": ["failed"] * len(failed)}
        parts.append(self._part("outcome", pa.table(lost, pa.schema([(name, pa.string()) for name in lost]))))
        return pa.concat_tables(parts)

    def _part(self, name: str, rows: pa.Table) -> pa.Table:
        """Rows as one of the three structs, the others null."""
        columns = [rows.column("account").cast(self.schema.field("account").type)]
        for part, kinds in _PARTS.items():
            kind = self.schema.field(part).type
            if part != name:
                columns.append(pa.chunked_array([pa.nulls(rows.num_rows, kind)]))
                continue
            values = [
                (rows.column(field) if field in rows.column_names else pa.nulls(rows.num_rows, own)).cast(own)
                for field, own in kinds.items()
            ]
            whole = pa.table(values, names=list(kinds)).combine_chunks()
            columns.append(pa.chunked_array([whole.to_struct_array().combine_chunks()], kind))
        return pa.table(columns, schema=self.schema)


def _numbered(orders: pa.Table) -> pa.Table:
    """Orders with their place in their account: Spark keeps no order of rows."""
    account = orders.column("account").to_pylist()
    starts = {name: row for row, name in reversed(list(enumerate(account)))}
    return orders.append_column("place", pa.array([row - starts[name] for row, name in enumerate(account)], pa.int64()))


def _planner(planning: Planning) -> Callable[[pa.Table, pa.Table], pa.Table]:
    """A plain function: Spark counts the parameters of the function."""

    def decide(table: pa.Table, cash: pa.Table) -> pa.Table:
        return planning.planned(table, cash)

    return decide


def _schema_of(frame: DataFrame) -> pa.Schema:
    """The columns that are read, with Arrow's types; all names are checked."""
    from pyspark.sql.pandas.types import to_arrow_type

    check_order_columns(frame.columns)
    kinds = {field.name: field.dataType for field in frame.schema.fields if field.name not in ORDER_COLUMNS}
    arrow = [(name, to_arrow_type(kind) if name in COLUMNS else pa.null()) for name, kind in kinds.items()]
    check_columns(pa.schema([*arrow, ("current_weight", pa.float64())]))
    known = (*COLUMNS, *ORDER_COLUMNS)
    return pa.schema([(each.name, to_arrow_type(each.dataType)) for each in frame.schema.fields if each.name in known])


def _cash_columns(accounts: DataFrame) -> list[str]:
    for name in ("account", "cash"):
        if name not in accounts.columns:
            raise InputError([Fault("the column is missing", nearest(name, accounts.columns), column=name)], SOURCE)
    return [name for name in accounts.columns if name in CASH_COLUMNS]


def _output(schema: pa.Schema) -> pa.Schema:
    parts = [pa.field(name, pa.struct(list(kinds.items()))) for name, kinds in _PARTS.items()]
    return pa.schema([schema.field("account"), *parts])


def _spark_schema(frame: DataFrame, schema: pa.Schema) -> Any:
    """The schema for Spark, with the type of `account` unchanged."""
    from pyspark.sql.pandas.types import from_arrow_type
    from pyspark.sql.types import StructType

    spark = StructType().add("account", frame.schema["account"].dataType)
    for field in list(schema)[1:]:
        spark = spark.add(field.name, from_arrow_type(field.type))
    return spark
