"""Names that are not those of assets."""

from __future__ import annotations

import pytest

from trimtab import InputError, check, rebalance
from trimtab.candidates.asset_names import name_fault

CASH = [
    *("Cash", "cash", "Cash & Cash Investments", "CASH AND CASH EQUIVALENTS", "Cash  Balance", "Money Market Fund"),
    *("Settled cash", "Uninvested Cash", "Pending Activity", "Cash Sweep"),
]
TOTALS = ["Account Total", "Grand total", "Total portfolio", "Total value (USD)"]
ERRORS = ["#REF!", "#Name?", "#DIV/0!"]
ASSETS = ["CASH", "Cash Converters", "TOT", "Total Energies", "BRK.B", "#1", "US Treasury 4.25% 2034", "Core", "\u00c4"]


@pytest.mark.parametrize("name", [*CASH, *TOTALS, *ERRORS])
def test_what_is_no_asset_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        rebalance([{"asset": "A", "score": 0.9}, {"asset": name, "score": 0.9}])
    (fault,) = caught.value.faults
    assert (fault.column, fault.row, fault.value) == ("asset", 2, name)
    assert ("is cash" in fault.problem, "a total" in fault.problem) == (name in CASH, name in TOTALS)


@pytest.mark.parametrize("name", ASSETS)
def test_names_of_assets(name: str) -> None:
    assert name_fault(name) is None
    assert not check([{"asset": name, "score": 0.9}]).errors
