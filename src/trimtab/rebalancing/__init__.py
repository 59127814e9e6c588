"""The doors of a rebalance, and what they return."""
