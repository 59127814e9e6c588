"""Backtests: the rules walked over the sessions of real prices, for one policy or for many."""
