"""Scores, trends and regimes from market data, and the service that combines scores."""
