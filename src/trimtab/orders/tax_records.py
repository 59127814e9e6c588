"""Tax lots and recent trades: the tax history of one account, or of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trimtab.candidates.equality import compared_by_value


@compared_by_value
@dataclass(frozen=True, eq=False)
class TaxRecords:
    """The purchases that holdings are made up of, and recent trades: `tax_lots=TaxRecords(lots, recent=trades)`.

    Parameters
    ----------
    lots
        A table with `asset`, `lot_id`, `shares`, `cost` (in all, in the base currency) and `acquired`.
    recent
        A table of trades in any account: `group`, `date` and `kind` (`buy` or `loss_sale`). They warn of wash sales.
    """

    lots: Any = None
    recent: Any = None

    @classmethod
    def of(cls, tax_lots: Any) -> TaxRecords:
        """The records from the argument `tax_lots`: these records, a table of lots alone, or nothing."""
        return tax_lots if isinstance(tax_lots, TaxRecords) else cls(tax_lots)

    def __bool__(self) -> bool:
        return self.lots is not None or self.recent is not None
