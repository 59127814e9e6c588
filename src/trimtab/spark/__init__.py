"""Many accounts on Apache Spark: the block function of `batch`, with Spark's scheduler, retries and storage."""

from trimtab.spark.spark_frame import rebalance

__all__ = ["rebalance"]
