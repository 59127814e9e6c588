"""Broker files in: exact positions, reconciled with the file's own totals, or a refusal that says why."""

from trimtab.brokers.doors import LAYOUTS, read
from trimtab.brokers.positions import Account, Position, Positions, TaxLot, Total

__all__ = ["LAYOUTS", "Account", "Position", "Positions", "TaxLot", "Total", "read"]
