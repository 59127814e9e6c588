"""Scores, trends, regimes and risk from market data."""
