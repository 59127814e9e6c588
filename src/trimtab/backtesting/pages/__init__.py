"""A backtest and a sweep as pages."""
