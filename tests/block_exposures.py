"""Random accounts with exposures, of all accounts or of each, and limits on them; for tests of blocks and batches."""

from __future__ import annotations

import random

from cases import Row, random_limits, random_rows
from exposure_cases import random_exposure_limits, random_exposures

from trimtab.errors import LimitsError
from trimtab.limits.rebalancing_limits import RebalancingLimits

Exposed = tuple[list[Row], list[Row], RebalancingLimits]
CALM = RebalancingLimits(max_total_positions=30, max_new_positions=20, max_position_weight=0.2)


def random_exposed(seed: int, accounts: int, *, calm: bool = False) -> Exposed:
    """The rows of accounts, their exposures, and limits; with an odd seed each account has its own table, or none.

    `calm`: of the account itself nothing is limited that could not be met.
    """
    rng = random.Random(seed)
    names = [f"P{index:03d}" for index in range(accounts)]
    while True:
        rows = [{**row, "account": name} for name in names for row in random_rows(rng)]
        if seed % 2:
            own = [name for name in names if rng.random() < 0.8]
            table = [
                {**row, "account": name}
                for name in own
                for row in random_exposures(rng, [row for row in rows if row["account"] == name])
            ]
        else:
            table = random_exposures(rng, list({row["asset"]: row for row in rows}.values()))
        try:
            base = CALM if calm else random_limits(rng)
            limits = base.replace(exposures=random_exposure_limits(rng, table, tight=not calm))
        except LimitsError:
            continue
        if table:
            return rows, table, limits
