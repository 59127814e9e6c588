"""The projection that section 5 describes, as plain arrays, built by the twin's code for bounds and waivers."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from cases import random_limits, random_rows
from kernel_runs import run
from naive import ROOT, aimed_total, bounds, fit_lower_bounds, fixed_weight, read_account, select, under
from oracles import Group, reachable

from trimtab.limits.rebalancing_limits import RebalancingLimits


@dataclass(frozen=True)
class SizingProblem:
    """Find the weights nearest to `desired`; `total` is reached exactly, or with `at_most` a ceiling."""

    assets: list[str]
    desired: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    groups: list[Group]
    total: float
    at_most: bool
    weights: np.ndarray  # the kernel's


def sizing_problem(rows: list[dict[str, Any]], limits: RebalancingLimits) -> SizingProblem | None:
    """The problem of one account, with the kernel's weights; None where nothing is selected."""
    tree, assets = read_account(rows, limits)
    selected = select(tree, assets, limits)
    if not selected:
        return None
    for asset in selected:
        asset.low, asset.high = bounds(asset, limits)
    caps = {node: max(limit, fixed_weight(selected, node)) for node, limit in tree.max_allocation.items()}
    caps[ROOT] = max(limits.target_invested, fixed_weight(selected, ROOT))
    minima = fit_lower_bounds(tree, selected, caps, limits)
    place = {asset.name: index for index, asset in enumerate(selected)}
    groups: list[Group] = []
    for node in tree.paths:
        members = [place[asset.name] for asset in under(selected, node)]
        if members:
            groups.append((members, minima.get(node, 0.0), caps.get(node, math.inf)))
    low = np.array([asset.low for asset in selected])
    high = np.array([asset.high for asset in selected])
    desired = np.array([asset.d if asset.low < asset.high else 1.0 for asset in selected])
    groups, total = reachable(low, high, groups, aimed_total(selected, 0.0, limits))
    ceiling = math.inf
    if limits.sizing_mode == "desired":
        ceiling = 1.0
    if limits.residual_strategy == "cash":
        desired_total = math.fsum(asset.d for asset in selected if asset.kind != "fixed")
        aim = max(aimed_total(selected, 0.0, limits), total)
        ceiling = min(ceiling, (aim - fixed_weight(selected, ROOT)) / desired_total) if desired_total else ceiling
    at_most = 0.0 < ceiling < math.inf
    if ceiling == 0.0:
        return None
    decided = run(rows, limits).by_asset()
    weights = np.array([decided[asset.name]["proposed"] for asset in selected])
    names = [asset.name for asset in selected]
    return SizingProblem(names, desired * ceiling if at_most else desired, low, high, groups, total, at_most, weights)


def random_problem(seed: int) -> SizingProblem | None:
    """A random account without band and brakes, so that targets are sizes."""
    rng = random.Random(seed)
    limits = random_limits(
        rng, no_trade_band=0.0, min_trade=0.0, brake_sold_weight=None, brake_closed_positions=None, cash_band=0.1
    )
    return sizing_problem(random_rows(rng), limits)
