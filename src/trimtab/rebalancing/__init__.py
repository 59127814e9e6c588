"""`rebalance`, `rebalance_many` and `check`, and their results."""
