"""The backtest: dates walked with the same rules, what came of it, and whether that is more than luck."""
