"""The limits of a rebalance."""
