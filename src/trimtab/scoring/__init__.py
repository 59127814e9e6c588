"""Scores of assets: the service that combines them."""
