"""Many accounts on Apache Spark: the block function of `batch`, with Spark's scheduler, retries and storage."""

from trimtab.spark.spark_frame import rebalance
from trimtab.spark.spark_plans import SparkPlans, plan

__all__ = ["SparkPlans", "plan", "rebalance"]
