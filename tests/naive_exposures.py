"""The slow, obvious twin of the rules of exposures: one account, plain Python, written from the rules' text alone.

Selection, the tree and the band are those of `naive.py`. The projection is solved by `naive_projection.py`, which uses
another method than the kernel. Marks such as E4 are those of the rules of exposures.

Inputs: the candidates as rows; the exposures as rows (`asset`, `scheme`, `bucket`, `fraction`); the limits of exposures
as plain dicts: scheme -> {"max_exposure", "unknown", "ignore_below", "buckets": {path: {"max_exposure", "min_exposure"}}};
and a concentration: {"scheme", "small", "largest", "together"}.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from naive import (
    EPS,
    FIXED,
    HOLDING,
    ROOT,
    TINY,
    AlsoLimits,
    Asset,
    Filled,
    NaiveResult,
    NaiveRow,
    Node,
    Tree,
    action,
    brakes,
    fill,
    fixed_weight,
    hold_in_band,
    no_buy,
    read_account,
    select,
    under,
)
from naive_projection import Projection, Row, project

from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.limits.rebalancing_limits import RebalancingLimits

Rows = list[dict[str, Any]]
Limits = Mapping[str, Mapping[str, Any]]
LAST_BITS = 1e-14
LACK = 1e-9  # what the fractions of an asset may lack to 1


@dataclass
class Exposure:
    """E2: a row: a path of a scheme with its limits, and the fraction of each asset in it."""

    scheme: str
    path: Node
    shares: dict[str, float]  # only fractions above 0
    maximum: float
    minimum: float
    fixed: float = 0.0  # F
    highest: float = math.inf  # M

    def of(self, weights: Mapping[str, float]) -> float:
        """f·w, by name."""
        total = 0.0
        for name in sorted(weights):
            total += self.shares.get(name, 0.0) * weights[name]
        return total

    def measure_fixed(self, assets: Iterable[Asset]) -> None:
        """F, and M as it is at first."""
        self.fixed = self.of({asset.name: asset.current for asset in assets if asset.kind == FIXED})
        self.highest = max(self.maximum, self.fixed)


@dataclass
class Sized:
    """E4: the weights, and what led to them; `decided`: by the projection of E4.4, not by §5 alone."""

    weights: dict[str, float]
    rows: list[Exposure]
    lows: dict[str, float]
    decided: bool
    level: float = 0.0  # W
    price: float = 0.0  # Q
    value: float = 0.0  # the objective of E4.4
    tree_rows: list[tuple[Node, float, float]] = field(default_factory=list)  # node, cap, r


def naive_exposed(
    rows: Rows,
    limits: RebalancingLimits,
    exposures: Rows,
    exposure_limits: Limits,
    concentration: Mapping[str, Any] | None = None,
) -> NaiveResult:
    """Select, size, hold what is in the band, brake; `limits` are those without exposures."""
    tree, assets = read_account(rows, limits)
    names = sorted(asset.name for asset in assets)
    selected = select_with_caps(tree, assets, limits, table_rows(names, exposures, exposure_limits, limits))
    own = table_rows([asset.name for asset in selected], exposures, exposure_limits, limits)
    for row in own:
        row.measure_fixed(selected)
    filled = fill(tree, selected, limits)
    bounds = {asset.name: (asset.low, asset.high) for asset in selected}
    issuers = issuers_of(selected, exposures, concentration)
    if concentration:
        sized = size_concentrated(tree, selected, limits, own, filled, issuers, concentration)
    else:
        sized = size_exposed(tree, selected, limits, own, filled)
    reasons = size_reasons(selected, sized, filled) if sized.decided else dict(filled.reasons)
    for asset in selected:
        asset.low, asset.high = sized.lows[asset.name], bounds[asset.name][1]
    also = band_limits(selected, sized, own, limits, issuers, concentration)
    targets = hold_in_band(tree, selected, sized.weights, reasons, limits, also)
    braked = brakes(assets, targets, limits)
    return finished(rows, assets, targets, braked, sized.weights, reasons)


def finished(
    rows: Rows,
    assets: list[Asset],
    targets: dict[str, float],
    braked: bool,
    sizes: dict[str, float],
    reasons: dict[str, str],
) -> NaiveResult:
    """The rows as they were given, decided."""
    by_name = {asset.name: asset for asset in assets}
    result = []
    for row in rows:
        asset, name = by_name[row["asset"]], row["asset"]
        proposed, chosen = targets.get(name, 0.0), name in targets
        target = asset.current if braked else proposed
        why = "braked" if braked and (chosen or asset.current > 0) else reasons.get(name, "")
        what, size = action(asset.current, target), sizes.get(name, 0.0)
        result.append(NaiveRow(name, target, proposed, size, chosen, what, asset.reason, why))
    return NaiveResult(result, braked)


# ---- E1 and E2: the table and its rows


def fractions_of(name: str, scheme: str, exposures: Rows, own: Mapping[str, Any], separator: str) -> dict[Node, float]:
    """E1: the fraction of one asset at each of its paths of one scheme, `Unknown` included."""
    parts: dict[Node, float] = {}
    unknown = 0.0
    for row in exposures:
        if row["asset"] == name and row["scheme"] == scheme:
            fraction = row.get("fraction", 1.0)
            if fraction < own.get("ignore_below", 0.0):
                continue  # lacks
            parts[split_path(row["bucket"], separator)] = fraction
    lack = 1.0
    for path in sorted(parts):
        lack -= parts[path]
    if lack > LACK:
        unknown = lack
        parts[(UNKNOWN,)] = parts.get((UNKNOWN,), 0.0) + unknown
    fractions: dict[Node, float] = {}
    for path in sorted(parts):
        for depth in range(1, len(path) + 1):
            fractions[path[:depth]] = fractions.get(path[:depth], 0.0) + parts[path]
    return fractions


def table_rows(names: list[str], exposures: Rows, exposure_limits: Limits, limits: RebalancingLimits) -> list[Exposure]:
    """E2: the rows in order: the paths with a limit in force and an asset in them."""
    separator = limits.bucket_separator
    rows = []
    for scheme in sorted(exposure_limits):
        own = exposure_limits[scheme]
        fractions = {name: fractions_of(name, scheme, exposures, own, separator) for name in names}
        buckets = {split_path(bucket, separator): limit for bucket, limit in own.get("buckets", {}).items()}
        for path in sorted({path for paths in fractions.values() for path in paths}):
            maximum, minimum = limits_at(path, own, buckets)
            if maximum < math.inf or minimum > 0:
                shares = {name: paths[path] for name, paths in fractions.items() if path in paths}
                rows.append(Exposure(scheme, path, shares, maximum, minimum))
    return rows


def limits_at(path: Node, own: Mapping[str, Any], buckets: Mapping[Node, Mapping[str, Any]]) -> tuple[float, float]:
    """E2: the maximum and the minimum in force at a path; infinity and 0 without one."""
    if path[0] == UNKNOWN and own.get("unknown", "limit") == "free":
        return math.inf, 0.0
    own_limit = buckets.get(path, {})
    maximum = own.get("max_exposure") if len(path) == 1 else None
    if own_limit.get("max_exposure") is not None:
        maximum = own_limit["max_exposure"]
    return math.inf if maximum is None else maximum, own_limit.get("min_exposure") or 0.0


# ---- E3: selection


def select_with_caps(tree: Tree, assets: list[Asset], limits: RebalancingLimits, rows: list[Exposure]) -> list[Asset]:
    """E3: the selection of §4; what exposures leave an asset enters its cap there, and nowhere else."""
    for row in rows:
        row.measure_fixed(assets)
    caps = {asset.name: asset.cap for asset in assets}
    for asset in assets:
        room = room_for(asset, rows)
        if asset.kind != FIXED and room < asset.cap and not (room > 0 and room >= limits.min_position_weight - EPS):
            asset.cap = 0.0  # never taken
    selected = select(tree, assets, limits)
    for asset in assets:
        asset.cap = caps[asset.name]
    return selected


def room_for(asset: Asset, rows: list[Exposure]) -> float:
    """E3: e, the most of one asset that its rows leave room for."""
    room = math.inf
    for row in rows:
        share = row.shares.get(asset.name, 0.0)
        if share > 0 and row.maximum < math.inf:
            left = row.maximum - row.fixed
            room = min(room, (left if left > EPS else 0.0) / share)
    return room


# ---- E4: sizing


def size_exposed(
    tree: Tree, selected: list[Asset], limits: RebalancingLimits, rows: list[Exposure], filled: Filled
) -> Sized:
    """E4: the weights; the assets have the bounds that §5 left them."""
    lows = {asset.name: asset.low for asset in selected}
    if fits_already(selected, rows, filled.sizes):
        sized = project_exposed(tree, selected, limits, rows, lows, filled, only_terms=True)
        return replace(sized, weights=dict(filled.sizes), decided=False)
    return project_exposed(tree, selected, limits, rows, waive_lower_bounds(selected, rows, lows), filled)


def fits_already(selected: list[Asset], rows: list[Exposure], weights: Mapping[str, float]) -> bool:
    """E4.1: are all limits of exposures kept without doing anything?"""
    open_ = {asset.name for asset in selected if asset.low < asset.high}
    return all(
        row.of(weights) <= row.highest + TINY and (row.of(weights) >= row.minimum - TINY or not open_ & set(row.shares))
        for row in rows
    )


def waive_lower_bounds(selected: list[Asset], rows: list[Exposure], lows: dict[str, float]) -> dict[str, float]:
    """E4.2: lower bounds that fit everywhere; raises M to what is left of them."""
    lows = dict(lows)
    while True:
        excesses = [row.of(lows) - row.highest for row in rows]
        if not excesses or max(excesses) <= EPS:
            break
        worst = [row for row, excess in zip(rows, excesses, strict=True) if excess >= max(excesses) - EPS]
        for asset in selected:
            if asset.kind != FIXED and any(asset.name in row.shares for row in worst):
                lows[asset.name] = 0.0
    for row in rows:
        row.highest = max(row.highest, row.of(lows))
    return lows


def project_exposed(
    tree: Tree,
    selected: list[Asset],
    limits: RebalancingLimits,
    rows: list[Exposure],
    lows: dict[str, float],
    filled: Filled,
    *,
    only_terms: bool = False,
    terms: tuple[float, float] | None = None,
) -> Sized:
    """E4.3 and E4.4. `only_terms`: W and Q, without solving; `terms`: those W and Q instead of its own."""
    names = [asset.name for asset in selected]
    place = {name: index for index, name in enumerate(names)}
    low, high = (np.array([value[name] for name in names]) for value in (lows, {a.name: a.high for a in selected}))
    d = np.array([asset.d for asset in selected])
    whole = max(filled.aim, math.fsum(low))
    program, tree_rows = [Row(np.ones(len(names)), whole)], [(ROOT, whole, 0.0)]
    for node in tree.paths:
        members = under(selected, node)
        if not members:
            continue
        cap = max(filled.caps.get(node, math.inf), math.fsum(lows[asset.name] for asset in members))
        shares = np.zeros(len(names))
        shares[[place[asset.name] for asset in members]] = 1.0
        program.append(Row(shares, cap, filled.minima.get(node, 0.0)))
        tree_rows.append((node, cap, filled.minima.get(node, 0.0)))
    for row in rows:
        shares = np.array([row.shares.get(name, 0.0) for name in names])
        program.append(Row(shares, row.highest, row.minimum))
    level, price = terms or level_and_price(selected, limits, low, high, d, filled)
    problem = Projection(d, low, high, program, level, price)
    weights = low if only_terms else project(problem)
    weights = np.where(weights <= low + LAST_BITS, low, weights)  # no trade for the last bits of a program
    moving = np.array([asset.kind != FIXED or asset.low < asset.high for asset in selected], bool)
    gaps = (weights - level * d) ** 2 / (2 * d)
    value = math.fsum(gaps[moving]) + price * math.fsum(problem.lacks(weights))
    sizes = {name: float(weights[index]) for name, index in place.items()}
    return Sized(sizes, rows, lows, True, level, price, value, tree_rows)


def level_and_price(
    selected: list[Asset], limits: RebalancingLimits, low: Any, high: Any, d: Any, filled: Filled
) -> tuple[float, float]:
    """E4.4: W and Q."""
    free = low < high
    highest = 0.0
    if free.any():
        highest = min(3 * float((high / d)[free].max()), 1e6 * filled.aim / math.fsum(d[free]))
    level = highest
    unfixed = math.fsum(asset.d for asset in selected if asset.kind != FIXED)
    ceilings = []
    if limits.sizing_mode == "desired":
        ceilings.append(1.0)
    if limits.residual_strategy == "cash" and unfixed > 0:
        ceilings.append((filled.aim - fixed_weight(selected, ROOT)) / unfixed)
    if ceilings:
        level = min(ceilings)
    return level, 10 * max(highest, level)


# ---- E5: the band


def band_limits(
    selected: list[Asset],
    sized: Sized,
    rows: list[Exposure],
    limits: RebalancingLimits,
    issuers: dict[str, list[Asset]],
    concentration: Mapping[str, Any] | None,
) -> AlsoLimits:
    """E5, and the band of E8: what step 1 of §6 checks after the minima of nodes."""

    def also(held: list[Asset], targets: dict[str, float], release: Any) -> None:
        def gaps(row: Exposure, sign: int) -> list[tuple[float, Asset]]:
            return [
                (row.shares[asset.name] * sign * (asset.current - sized.weights[asset.name]), asset)
                for asset in held
                if asset.name in row.shares
            ]

        for row in rows:
            highest = max(row.maximum * (1 + limits.drift_tolerance), row.fixed)
            while row.of(targets) > highest + EPS and release(gaps(row, 1)):
                pass
        for row in rows:
            if row.of(sized.weights) >= row.minimum - EPS:
                while row.of(targets) < row.minimum - EPS and release(gaps(row, -1)):
                    pass
        while concentration and breaks_concentration(targets, issuers, concentration):
            above = [
                asset
                for members in issuers.values()
                if issuer_weight(targets, members) > concentration["small"] + EPS
                for asset in held
                if asset in members
            ]
            above.sort(key=lambda asset: asset.name)
            assert release([(asset.current - sized.weights[asset.name], asset) for asset in above])

    return also


# ---- E6: reasons


def size_reasons(selected: list[Asset], sized: Sized, filled: Filled) -> dict[str, str]:
    """E6: why each size is what it is, by weights alone."""
    weights = sized.weights
    full = [row for row in sized.rows if row.of(weights) >= row.highest - EPS]
    low = [row for row in sized.rows if row not in full and row.minimum > 0 and row.of(weights) <= row.minimum + EPS]
    nodes = [
        (node, cap, lowest, math.fsum(weights[asset.name] for asset in under(selected, node)))
        for node, cap, lowest in sized.tree_rows
        if node != ROOT
    ]
    return {asset.name: size_reason(asset, sized, filled, full, low, nodes) for asset in selected}


def size_reason(
    asset: Asset, sized: Sized, filled: Filled, full: list[Exposure], at_minimum: list[Exposure], nodes: list[Any]
) -> str:
    """E6 for one asset."""
    name = asset.name
    weight, before, low = sized.weights[name], filled.sizes[name], sized.lows[name]
    if asset.kind == FIXED and (low == asset.high or weight <= low + EPS):
        return "restricted"
    if no_buy(asset) and asset.high == asset.current and weight >= asset.high - EPS:
        return "restricted"
    if weight < before - EPS:
        return "capped_exposure" if any(name in row.shares for row in full) else "made_room"
    if weight > before + EPS and any(name in row.shares for row in at_minimum):
        return "lifted_for_exposure"
    if weight >= asset.high - EPS:
        return "capped_position"
    if weight <= low + EPS and low > 0:
        return "lifted_to_minimum"
    own = [(cap, lowest, total) for node, cap, lowest, total in nodes if node in asset.path]
    if any(lowest > 0 and total < cap - EPS and total <= lowest + EPS for cap, lowest, total in own):
        return "lifted_for_bucket_minimum"
    return "capped_bucket" if any(total >= cap - EPS for cap, _, total in own) else "at_wish"


# ---- E8: concentration


def issuers_of(
    selected: list[Asset], exposures: Rows, concentration: Mapping[str, Any] | None
) -> dict[str, list[Asset]]:
    """E8: the assets of each issuer, by name; `Unknown` is none."""
    issuers: dict[str, list[Asset]] = {}
    if concentration:
        for asset in selected:
            for row in exposures:
                if row["asset"] == asset.name and row["scheme"] == concentration["scheme"] and row["bucket"] != UNKNOWN:
                    issuers.setdefault(row["bucket"], []).append(asset)
    return issuers


def issuer_weight(weights: Mapping[str, float], members: list[Asset]) -> float:
    """What an issuer weighs."""
    return math.fsum(weights[asset.name] for asset in members)


def fixed_of(members: list[Asset]) -> float:
    """F of an issuer."""
    return math.fsum(asset.current for asset in members if asset.kind == FIXED)


def breaks_concentration(
    weights: Mapping[str, float], issuers: dict[str, list[Asset]], concentration: Mapping[str, Any]
) -> bool:
    """E8: is an issuer too large, or those above `small` together?"""
    small, largest, together = (concentration[name] for name in ("small", "largest", "together"))
    big = [members for members in issuers.values() if issuer_weight(weights, members) > small + EPS]
    total = math.fsum(issuer_weight(weights, members) for members in big)
    if any(issuer_weight(weights, members) > max(largest, fixed_of(members)) + EPS for members in issuers.values()):
        return True
    return total > max(together, math.fsum(fixed_of(members) for members in big)) + EPS


def size_concentrated(
    tree: Tree,
    selected: list[Asset],
    limits: RebalancingLimits,
    rows: list[Exposure],
    filled: Filled,
    issuers: dict[str, list[Asset]],
    concentration: Mapping[str, Any],
) -> Sized:
    """E8: the weights under a limit of issuers and of the large ones together."""
    small, largest, together = (concentration[name] for name in ("small", "largest", "together"))

    def limit(name: str, members: list[Asset], highest: float) -> Exposure:
        row = Exposure(concentration["scheme"], (name,), {asset.name: 1.0 for asset in members}, highest, 0.0)
        row.measure_fixed(selected)
        return row

    def fresh() -> list[Exposure]:
        return [replace(row, highest=max(row.maximum, row.fixed)) for row in rows]

    lone = [limit(name, members, largest) for name, members in sorted(issuers.items())]
    first = size_exposed(tree, selected, limits, fresh() + lone, filled)
    if not breaks_concentration(first.weights, issuers, {**concentration, "largest": math.inf}):
        return first
    tried: dict[frozenset[str], Sized] = {}

    def with_big(big: list[str]) -> Sized:
        key = frozenset(big)
        if key not in tried:
            own = [
                limit(name, members, largest if name in key else min(small, largest))
                for name, members in sorted(issuers.items())
            ]
            own.append(limit("big", [asset for name in sorted(key) for asset in issuers[name]], together))
            lows = waive_lower_bounds(selected, (every := fresh() + own), {a.name: a.low for a in selected})
            terms = (first.level, first.price)
            tried[key] = project_exposed(tree, selected, limits, every, lows, filled, terms=terms)
        return tried[key]

    order = issuer_order(issuers, first.weights, small)
    forced = [name for name in order if fixed_of(issuers[name]) > small]
    largest_count = math.floor(together / small + LACK) if small > 0 else len(order)
    counts = range(len(forced), max(min(largest_count, len(order)), len(forced)) + 1)
    sets = [order[:count] for count in counts]
    big = first_least(sets, with_big)
    for _ in range(20):
        now = with_big(big)
        able = [
            name
            for name in order
            if name not in big
            and max(issuer_weight(first.weights, issuers[name]), issuer_weight(now.weights, issuers[name]))
            >= small - EPS
        ]
        free = [name for name in order if name in big and name not in forced]
        others = [[new if name == out else name for name in big] for out in free for new in able]
        if len(big) < largest_count:
            others += [[*big, new] for new in able]
        others += [[name for name in big if name != out] for out in free]
        best = first_least(others, with_big) if others else big
        if with_big(best).value >= now.value - 1e-11 * abs(now.value):
            break
        big = best
    return with_big(big)


def first_least(sets: list[list[str]], with_big: Any) -> list[str]:
    """The first set of the least value, to 1e-12 of it."""
    values = [with_big(big).value for big in sets]
    lowest = min(values)
    return next(big for big, value in zip(sets, values, strict=True) if value <= lowest + 1e-12 * abs(lowest))


def issuer_order(issuers: dict[str, list[Asset]], weights: Mapping[str, float], small: float) -> list[str]:
    """E8: the order in which issuers may become big."""

    def first_asset(members: list[Asset]) -> tuple[Any, ...]:
        return min((a.kind != HOLDING, -(a.score or 0.0), -a.current, a.name) for a in members)

    def key(name: str) -> tuple[Any, ...]:
        members = issuers[name]
        return (
            not fixed_of(members) > small,
            -round(issuer_weight(weights, members) / 1e-12),
            -math.fsum(asset.d for asset in members),
            first_asset(members),
        )

    return sorted(issuers, key=key)
