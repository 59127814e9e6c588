"""Scores, trends and regimes from market data."""
