"""Runs that last: plans and batches with their inputs, their results and a chain of hashes over all of them."""
