"""What is wanted: the limits of a rebalance."""
