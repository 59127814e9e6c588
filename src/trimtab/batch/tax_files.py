"""The files of tax lots and recent trades of a batch with orders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trimtab.batch.parquet_sources import Sources, find_sources
from trimtab.orders.cash_table import plain_text
from trimtab.orders.tax_lots import COLUMNS
from trimtab.orders.tax_records import TaxRecords
from trimtab.orders.tax_tables import TaxTables

_COLUMNS = {"tax_lots": ("account", *COLUMNS), "recent": ("account", "group", "date", "kind")}


class TaxFiles(NamedTuple):
    """Files by what they hold, `tax_lots` or `recent`, and the day from which terms are counted."""

    files: Mapping[str, Sources]
    today: dt.date

    @property
    def described(self) -> dict[str, Any]:
        """Their part in the identity of a batch."""
        listed = {name: [file.described for file in files.files] for name, files in self.files.items()}
        return {**listed, "today": self.today.isoformat()}

    def tables(self, accounts: Collection[Any], *, needed: bool) -> TaxTables:
        """Their rows.

        Raises
        ------
        InputError
            As `TaxTables.of`.
        """
        tables = {name: plain_text(files.table()) for name, files in self.files.items()}
        taxes = TaxRecords(tables.get("tax_lots"), tables.get("recent"))
        return TaxTables.of(taxes, self.today, accounts, needed=needed)


class TaxPlaces(NamedTuple):
    """Where these files are."""

    today: dt.date
    tax_lots: str | None = None
    recent: str | None = None

    @property
    def places(self) -> dict[str, str]:
        """The places by what they hold."""
        named = {"tax_lots": self.tax_lots, "recent": self.recent}
        return {name: place for name, place in named.items() if place is not None}

    def files(self) -> TaxFiles:
        """The files at these places.

        Raises
        ------
        InputError
            Nothing there, or not Parquet.
        """
        return TaxFiles(
            {name: find_sources([place], _COLUMNS[name]) for name, place in self.places.items()}, self.today
        )


def tax_arguments(
    orders: Mapping[str, Any], account: str, files_of: Callable[[Sequence[Mapping[str, Any]]], Sequence[Path]]
) -> dict[str, Any]:
    """The tax lots, trades and day of one account of a published batch, as `plan` takes them; `orders` is that part of
    the manifest.
    """
    if "today" not in orders:
        return {}
    own = pc.field("account").cast(pa.string()) == account
    tables: dict[str, pa.Table] = {}
    for name in _COLUMNS:
        if name in orders:
            parts = [pq.read_table(path) for path in files_of(orders[name])]
            table = pa.concat_tables(parts)
            known = table.column_names
            rows = table.filter(own | pc.field("account").is_null()) if "account" in known else table
            tables[name] = rows.drop_columns([column for column in known if column not in _COLUMNS[name][1:]])
    lots = tables.get("tax_lots")
    records = TaxRecords(lots if lots is not None and lots.num_rows else None, tables.get("recent"))
    return {"tax_lots": records, "today": dt.date.fromisoformat(orders["today"])}
