"""The screen of exposures after orders never proves an account that the checker would refuse."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from exposure_runs import random_case

from trimtab import exposures_of
from trimtab.certificate.order_exposures import HeldAfter, maximum_exposures, within_maxima
from trimtab.certificate.scheme_parts import unit_of
from trimtab.certificate.screen_exposures import screen_exposures


def _checked(maximum: float, value: int) -> Fraction:
    """What the checker lets a bucket be worth."""
    return round(maximum * 10**12) * value // 10**12 + 2 + Fraction(value, 10**12)


def verdicts(seed: int) -> set[tuple[bool, bool]]:
    """What the screen and exact fractions say about an account, for values at which one of its maxima is just reached."""
    case, rng = random_case(seed), random.Random(seed)
    if case is None:
        return set()
    rows, limits, listed, own = case
    limits = limits.replace(exposures=own)
    table, assets = exposures_of(listed), [row["asset"] for row in rows]
    names = np.arange(len(assets))
    worth = {asset: rng.randint(0, 10**13) for asset in assets}
    bought = {asset: rng.random() < 0.7 for asset in assets}
    unit = unit_of(table, [None], np.zeros(len(assets), np.int64), names, assets)
    held = HeldAfter(unit, np.zeros(len(assets), np.int64), np.array([*worth.values()]), np.array([*bought.values()]))
    maxima = list(maximum_exposures(limits, [row[1:] for row in table.rows], assets))
    outcome = set()
    for limited in maxima:
        for part in (0.99, 1 - 1e-12, 1 - 1e-14, 1, 1 + 1e-14):
            value = int(limited.load(worth) / Fraction(limited.maximum) * Fraction(part)) if limited.maximum else 10**13
            screened = within_maxima(screen_exposures(table, [limits]), 0, held, np.array([float(value)]))[0]
            exact = all(
                each.load(worth) <= _checked(each.maximum, value)
                for each in maxima
                if any(bought[asset] for asset in each.fractions)
            )
            outcome.add((bool(screened), exact))
    return outcome


@pytest.mark.parametrize("first", [0, pytest.param(40, marks=pytest.mark.thorough)])
def test_the_screen_is_sound(first: int) -> None:
    seen = {verdict for seed in range(first, 25 * first + 12) for verdict in verdicts(seed)}
    assert (True, False) not in seen
    assert {(True, True), (False, False)} <= seen
