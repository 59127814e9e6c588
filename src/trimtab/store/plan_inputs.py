"""The inputs of a plan, as a store keeps them: enough to decide it again, to the last byte."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa

from trimtab.decimals import decimal_of
from trimtab.limits.exposure_limits import limits_exposures
from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.doors import plan
from trimtab.orders.identity import canonical_json
from trimtab.orders.plan import Plan
from trimtab.orders.tax_records import TaxRecords
from trimtab.store.record import digest_of
from trimtab.store.tables import parquet_of, table_of

CANDIDATES, LIMITS, SETTINGS = "candidates", "limits.toml", "settings.json"
TABLES = ("positions", "prices", "fx", "tax_lots", "recent", "correlations", "exposures")


@dataclass(frozen=True)
class PlanInputs:
    """Every input of a plan; `tables` are the arguments of `trimtab.plan` that are tables, and `recent` (trades)."""

    candidates: pa.Table
    limits: RebalancingLimits
    settings: OrderSettings
    cash: Decimal
    cash_flow: Decimal = Decimal(0)
    today: dt.date | None = None
    tables: Mapping[str, pa.Table] = field(default_factory=dict)

    def decide(self) -> Plan:
        """Decide the plan.

        Raises
        ------
        TrimtabError
            Inputs that cannot be used.
        """
        tables = dict(self.tables)
        taxes = TaxRecords(tables.pop("tax_lots", None), tables.pop("recent", None))
        return plan(
            self.candidates,
            self.limits,
            cash=self.cash,
            cash_flow=self.cash_flow,
            tax_lots=taxes,
            today=self.today,
            settings=self.settings,
            **tables,
        )

    @property
    def is_exposed(self) -> bool:
        """Whether limits of exposures are in force."""
        return "exposures" in self.tables and limits_exposures(self.limits)

    @property
    def limits_hash(self) -> str:
        """The identity of the limits and of the settings of the orders: what an approval approves."""
        return limits_hash(self.limits, self.settings)

    @property
    def inputs_hash(self) -> str:
        """The identity of all inputs, limits included."""
        return digest_of(
            canonical_json({name: digest_of(content) for name, content in self.contents().items()}).encode()
        )

    def contents(self) -> dict[str, bytes]:
        """The inputs as files by name."""
        settings = {**self.settings.to_dict(), "cash": self.cash, "cash_flow": self.cash_flow, "today": self.today}
        tables = {CANDIDATES: self.candidates, **self.tables}
        return {
            LIMITS: self.limits.to_toml().encode(),
            SETTINGS: json.dumps(settings, default=str, indent=1).encode(),
            **{f"{name}.parquet": parquet_of(table) for name, table in tables.items()},
        }

    @classmethod
    def of_contents(cls, names: Mapping[str, Any], read: Callable[[str], bytes]) -> PlanInputs:
        """The inputs from the contents that a store has under these names."""
        settings = json.loads(read(SETTINGS))
        cash, cash_flow, today = (settings.pop(name) for name in ("cash", "cash_flow", "today"))
        tables = {name: table_of(read(f"{name}.parquet")) for name in TABLES if f"{name}.parquet" in names}
        return cls(
            table_of(read(f"{CANDIDATES}.parquet")),
            RebalancingLimits.from_toml_text(read(LIMITS).decode()),
            OrderSettings(**settings),
            decimal_of(cash),
            decimal_of(cash_flow),
            None if today is None else dt.date.fromisoformat(today),
            tables,
        )


def limits_hash(limits: RebalancingLimits, settings: OrderSettings) -> str:
    """The identity of limits and of the settings of the orders."""
    values = {"limits": limits.to_dict(complete=True), "orders": settings.to_dict()}
    return digest_of(canonical_json(values).encode())
