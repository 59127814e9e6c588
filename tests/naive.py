"""The slow, obvious twin of the rules: one account, plain Python, written from the rules' text alone.

It is the oracle that the kernel is compared with, so it shares nothing with it but the limits object.
Sections (§) are those of the rules. Sums are exact (`math.fsum`); where the rules give no tolerance, a sum that
reaches a bound to `TINY` has reached it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.limits.rebalancing_limits import RebalancingLimits

Node = tuple[str, ...]
Row = dict[str, Any]
Correlations = dict[tuple[str, str], float | None]  # both ways round; absent or None: not known
ROOT: Node = ()
EPS = 1e-12  # the rules' tolerance for weights
TINY = 1e-13  # below it, a difference of sums is float noise
COUNT_EPS = 1e-9  # the rules' tolerance of a derived number of positions
FIXED, HOLDING, STRONG, WEAK, OUT = "fixed", "holding", "strong", "weak", "out"


@dataclass(frozen=True)
class NaiveRow:
    """What the rules decide for one input row."""

    asset: str
    target_weight: float
    proposed_weight: float  # the would-be target: equal to the target unless braked
    size: float  # w* of §5, 0 where not selected
    selected: bool
    action: str
    reason: str
    size_reason: str


@dataclass(frozen=True)
class NaiveResult:
    """The decided rows, in the order given, and whether the brakes kept everything as it was."""

    rows: list[NaiveRow]
    braked: bool


@dataclass(frozen=True)
class NaiveSelection:
    """The outcome of §3 and §4: the selected assets, each asset's class, and each asset's reason."""

    selected: frozenset[str]
    kinds: dict[str, str]
    reasons: dict[str, str]


@dataclass
class Asset:
    """One candidate with what §3 and §5 say about it."""

    name: str
    current: float
    score: float | None
    restriction: str
    path: tuple[Node, ...]  # its nodes from the level node to the leaf; empty where buckets are off
    closed: bool  # in a bucket where nothing is bought
    cap: float  # min(max_position_weight, max_weight)
    desired: float | None  # d of §5, None where the mode's input is missing
    dust: bool
    kind: str = OUT
    reason: str = ""
    low: float = 0.0
    high: float = 0.0

    @property
    def new(self) -> bool:
        return self.kind in (STRONG, WEAK)

    @property
    def uses_slot(self) -> bool:
        return not (self.kind == FIXED and self.dust)

    @property
    def d(self) -> float:
        """The desired size; it may be missing, or 0, only where the weight is frozen, and does not matter there."""
        return self.desired or 1.0

    @property
    def frozen(self) -> bool:
        """Fixed at its current weight: may not be traded at all."""
        return self.kind == FIXED and self.low == self.high


@dataclass
class Tree:
    """§2: the nodes (deepest first, then by path), each with the nodes down to it, and the limits in force."""

    paths: dict[Node, tuple[Node, ...]]
    max_positions: dict[Node, int]
    max_allocation: dict[Node, float]
    min_allocation: dict[Node, float]


def naive_rebalance(
    rows: list[Row], limits: RebalancingLimits, correlations: Correlations | None = None
) -> NaiveResult:
    """Select, size, hold what is in the band, brake."""
    tree, assets = read_account(rows, limits)
    selected = select(tree, assets, limits, correlations)
    sizes, size_reasons = size(tree, selected, limits)
    targets = hold_in_band(tree, selected, sizes, size_reasons, limits)
    braked = brakes(assets, targets, limits)
    by_name = {asset.name: asset for asset in assets}
    result = []
    for row in rows:
        asset, name = by_name[row["asset"]], row["asset"]
        proposed, chosen = targets.get(name, 0.0), name in targets
        target = asset.current if braked else proposed
        size_reason = "braked" if braked and (chosen or asset.current > 0) else size_reasons.get(name, "")
        what = action(asset.current, target)
        weight = sizes.get(name, 0.0)
        result.append(NaiveRow(name, target, proposed, weight, chosen, what, asset.reason, size_reason))
    return NaiveResult(result, braked)


def naive_select(
    rows: list[Row],
    limits: RebalancingLimits,
    *,
    represent: bool = True,
    correlations: Correlations | None = None,
) -> NaiveSelection:
    """The selection alone; without `represent` the walk of §4 skips its steps 1 and 3."""
    tree, assets = read_account(rows, limits)
    selected = frozenset(asset.name for asset in select(tree, assets, limits, correlations, represent=represent))
    kinds = {asset.name: asset.kind for asset in assets}
    return NaiveSelection(selected, kinds, {asset.name: asset.reason for asset in assets})


def read_account(rows: list[Row], limits: RebalancingLimits) -> tuple[Tree, list[Asset]]:
    """§1: the tree and the classified assets, sorted by name."""
    assets = [read_asset(row, limits) for row in sorted(rows, key=lambda row: row["asset"])]
    for asset in assets:
        asset.kind, asset.reason = classify_held(asset, limits) if asset.current > 0 else classify_new(asset, limits)
    return make_tree(assets, limits), assets


def read_asset(row: Row, limits: RebalancingLimits) -> Asset:
    """One row with the defaults of §1."""
    current = number(row, "current_weight") or 0.0
    score, max_weight = number(row, "score"), number(row, "max_weight")
    path = node_path(row.get("bucket"), limits)
    if limits.sizing_mode in ("desired", "given") and number(row, "desired_weight") == 0:
        max_weight = 0.0
    return Asset(
        name=row["asset"],
        current=current,
        score=score,
        restriction=row.get("restriction") or "",
        path=path,
        closed=bool(path) and path[0] == (UNKNOWN,) and limits.unknown_bucket == "hold",
        cap=limits.max_position_weight if max_weight is None else min(limits.max_position_weight, max_weight),
        desired=desired_of(score, row, limits.sizing_mode),
        dust=0 < current < limits.dust_weight,
    )


def number(row: Row, key: str) -> float | None:
    """A number of a row; missing, None and NaN are all None."""
    value = row.get(key)
    return None if value is None or math.isnan(value) else float(value)


def desired_of(score: float | None, row: Row, mode: str) -> float | None:
    """§5: the desired size d; None where the mode's input is missing."""
    if mode == "equal_weight":
        return 1.0
    if mode in ("desired", "given"):
        return number(row, "desired_weight")
    if mode == "inverse_volatility":
        volatility = number(row, "volatility")
        return None if volatility is None else 1.0 / volatility
    if score is None:
        return None
    if mode == "score_weighted":
        return max(score, 0.001)
    steps = ((0.9, 1.5), (0.8, 1.2), (0.7, 1.0), (0.6, 0.8), (0.0, 0.5))
    return next(step for lowest, step in steps if score >= lowest)


def node_path(bucket: str | None, limits: RebalancingLimits) -> tuple[Node, ...]:
    """§2 `bucket_level`: the nodes of a bucket from its level node down; short and missing paths are Unknown."""
    if not limits.enable_bucket_diversification:
        return ()
    parts = split_path(bucket, limits.bucket_separator) if isinstance(bucket, str) and bucket else (UNKNOWN,)
    first = 1 if parts[0] == UNKNOWN else limits.bucket_level
    if len(parts) < first:
        return ((UNKNOWN,),)
    return tuple(parts[:depth] for depth in range(first, len(parts) + 1))


def make_tree(assets: list[Asset], limits: RebalancingLimits) -> Tree:
    """§2: every node that an asset or a limit names, with the limits in force there."""
    leaves = [asset.path for asset in assets] + [node_path(bucket, limits) for bucket in limits.buckets]
    paths = {path[depth]: path[: depth + 1] for path in leaves for depth in range(len(path))}
    tree = Tree({node: paths[node] for node in sorted(paths, key=lambda node: (-len(paths[node]), node))}, {}, {}, {})
    options = {split_path(bucket, limits.bucket_separator): own for bucket, own in limits.buckets.items()}
    for node, path in paths.items():
        if node[0] == UNKNOWN and limits.unknown_bucket == "hold":
            continue
        if len(path) == 1:
            tree.max_positions[node] = limits.max_positions_per_bucket
            tree.max_allocation[node] = limits.max_allocation_per_bucket
        own = options.get(node)
        if own and own.max_positions is not None:
            tree.max_positions[node] = own.max_positions
        if own and own.max_allocation is not None:
            tree.max_allocation[node] = own.max_allocation
        if own and own.min_allocation is not None:
            tree.min_allocation[node] = own.min_allocation
    if not limits.enforce_position_limits:
        tree.max_positions = {}
    if not limits.enforce_allocation_limits:
        tree.max_allocation, tree.min_allocation = {}, {}
    return tree


def under(assets: Iterable[Asset], node: Node) -> list[Asset]:
    """The assets in a node or below it."""
    return [asset for asset in assets if node == ROOT or node in asset.path]


def fixed_weight(assets: Iterable[Asset], node: Node) -> float:
    """The current weight of what is fixed under a node; added up by name, since its last bit may decide (§4)."""
    total = 0.0
    for asset in sorted(under(assets, node), key=lambda asset: asset.name):
        total += asset.current if asset.kind == FIXED else 0.0
    return total


def classify_held(asset: Asset, limits: RebalancingLimits) -> tuple[str, str]:
    """§3: the class of a holding and, where already certain, its reason."""
    if asset.restriction in ("no_trade", "no_sell"):
        return FIXED, "restricted"
    if asset.score is None:
        if limits.unscored_positions == "error":
            raise ValueError(f"the holding {asset.name!r} has no score")
        return (FIXED, "held_unscored") if limits.unscored_positions == "hold" else (OUT, "not_scored")
    if asset.score < limits.min_score_threshold and (not asset.dust or asset.closed):
        return OUT, "below_threshold"
    if asset.score >= limits.min_score_threshold and asset.desired is None:
        return FIXED, "held_not_sizable"
    if not asset.dust:
        return HOLDING, ""
    if asset.closed:
        return FIXED, "kept"
    if asset.restriction == "no_buy":
        return OUT, "restricted"
    return classify_entry(asset.score, limits, "dust")


def classify_new(asset: Asset, limits: RebalancingLimits) -> tuple[str, str]:
    """§3: the class of an asset that is not held and, where already certain, its reason."""
    if asset.score is None:
        return OUT, "not_scored"
    if asset.restriction in ("no_buy", "no_trade"):
        return OUT, "restricted"
    if asset.closed:
        return OUT, "unclassified"
    if asset.desired is None:
        return OUT, "not_sizable"
    return classify_entry(asset.score, limits, "below_threshold")


def classify_entry(score: float, limits: RebalancingLimits, too_weak: str) -> tuple[str, str]:
    """§3: strong, weak or neither, for what competes as new."""
    if score >= limits.min_score_new_position:
        return STRONG, ""
    if score >= limits.min_score_diversification:
        return WEAK, ""
    return OUT, too_weak if score >= limits.min_score_threshold else "below_threshold"


class Walk:
    """§4: the walk over one account and what it has taken so far."""

    def __init__(
        self,
        tree: Tree,
        assets: list[Asset],
        limits: RebalancingLimits,
        correlations: Correlations | None,
        represent: bool,
    ) -> None:
        self.tree, self.limits, self.correlations = tree, limits, correlations or {}
        self.overflow = limits.enable_bucket_diversification and limits.allow_bucket_overflow
        self.wanted = limits.min_buckets_represented if represent and limits.enforce_min_buckets else 0
        self.taken: dict[str, Asset] = {}
        self.overflowed: set[str] = set()
        self.left: dict[Node, float] = {}  # the allocation that the fixed leave
        self.derived: dict[Node, float] = {}  # the most positions for an allocation
        for node, limit in [*tree.max_allocation.items(), (ROOT, limits.target_invested)]:
            slots = sum(asset.kind == FIXED and asset.uses_slot for asset in under(assets, node))
            self.left[node] = limit - fixed_weight(assets, node)
            self.derived[node] = slots + self.room(self.left[node])
        self.run(assets)

    def room(self, left: float) -> float:
        """How many positions of the least size fit."""
        if left <= EPS:
            return 0
        min_weight = self.limits.min_position_weight
        return math.inf if min_weight == 0 or left / min_weight >= 1e15 else math.floor(left / min_weight + COUNT_EPS)

    def run(self, assets: list[Asset]) -> None:
        """The steps 0 to 4; in overflow step 2 comes before step 1."""
        order = sorted(assets, key=lambda a: (a.kind != HOLDING, -(a.score or 0.0), -a.current, a.name))
        kinds = (FIXED, HOLDING, STRONG, WEAK)
        fixed, holdings, strong, weak = ([a for a in order if a.kind == kind] for kind in kinds)
        self.taken = {asset.name: asset for asset in fixed}
        if self.overflow:
            self.take_all(holdings)
        self.take_missing([*holdings, *strong])
        self.take_all(holdings)
        self.take_missing(weak)
        self.take_all(strong)

    def take_all(self, assets: list[Asset]) -> None:
        """Take every takeable one."""
        for asset in assets:
            if asset.name not in self.taken and not self.is_too_correlated(asset) and not self.obstacle(asset):
                if any(self.count(node) >= self.tree.max_positions.get(node, math.inf) for node in asset.path):
                    self.overflowed.add(asset.name)
                self.taken[asset.name] = asset

    def take_missing(self, assets: list[Asset]) -> None:
        """Take the first takeable one of each level node that is missing, while too few are represented."""
        for asset in assets:
            if self.is_needed(asset):
                self.take_all([asset])

    def is_needed(self, asset: Asset) -> bool:
        """Does it represent a level node that is missing, while too few are represented?"""
        represented = {other.path[0] for other in self.taken.values() if other.path and other.uses_slot}
        represented.discard((UNKNOWN,))
        if len(represented) >= self.wanted or not asset.path or asset.path[0] == (UNKNOWN,):
            return False
        return asset.path[0] not in represented

    def is_too_correlated(self, asset: Asset) -> bool:
        """Is it new, and too correlated with something taken of its bucket at `bucket_level`?"""
        limit = self.limits.max_correlation
        if limit is None or not asset.new:
            return False
        for other in self.taken.values():
            if other.path[0] == asset.path[0]:
                correlation = self.correlations.get((asset.name, other.name))
                if correlation is None or correlation > limit:
                    return True
        return False

    def count(self, node: Node) -> int:
        """The positions taken under a node."""
        return sum(asset.uses_slot for asset in under(self.taken.values(), node))

    def obstacle(self, asset: Asset) -> str:
        """The first limit, in the order of §8, that stands against taking it now; empty if there is none."""
        limits, exempt = self.limits, self.overflow and asset.kind == HOLDING
        if self.count(ROOT) >= limits.max_total_positions:
            return "total_position_limit"
        if asset.new and sum(other.new for other in self.taken.values()) >= limits.max_new_positions:
            return "new_position_limit"
        if not exempt and any(self.count(node) >= self.tree.max_positions.get(node, math.inf) for node in asset.path):
            return "bucket_position_limit"
        if self.count(ROOT) >= self.derived[ROOT]:
            return "min_position_capacity"
        for node in asset.path:
            if self.left.get(node, math.inf) <= EPS:
                return "min_position_capacity"
            if not exempt and self.count(node) >= self.derived.get(node, math.inf):
                return "min_position_capacity"
        return "min_position_capacity" if asset.cap < limits.min_position_weight or asset.cap <= 0 else ""


def select(
    tree: Tree,
    assets: list[Asset],
    limits: RebalancingLimits,
    correlations: Correlations | None = None,
    *,
    represent: bool = True,
) -> list[Asset]:
    """§4: the selected assets, by name; gives every asset its reason."""
    walk = Walk(tree, assets, limits, correlations, represent)
    plain = Walk(tree, assets, limits, correlations, represent=False)
    for asset in assets:
        asset.reason = asset.reason or reason_of(asset, walk, plain)
    return [asset for asset in assets if asset.name in walk.taken]


def reason_of(asset: Asset, walk: Walk, plain: Walk) -> str:
    """§8: the reason of an asset that competed, by comparison with the walk without representation."""
    if asset.name in walk.taken:
        if asset.name not in plain.taken:
            return "added_for_representation"
        return "added" if asset.new else "overflow_protected" if asset.name in walk.overflowed else "kept"
    if asset.dust:
        return "dust"
    if asset.kind == WEAK and not walk.is_needed(asset):
        return "below_threshold"
    if walk.is_too_correlated(asset):
        return "too_correlated"
    return "displaced_for_representation" if asset.name in plain.taken else walk.obstacle(asset)


def clip(value: float, low: float, high: float) -> float:
    """The value, moved into the bounds."""
    return min(max(value, low), high)


@dataclass(frozen=True)
class Filled:
    """§5: the sizes w* and their reasons; and the caps of nodes, their minima r and the aim, which led to them."""

    sizes: dict[str, float]
    reasons: dict[str, str]
    caps: dict[Node, float]
    minima: dict[Node, float]
    aim: float


def size(tree: Tree, selected: list[Asset], limits: RebalancingLimits) -> tuple[dict[str, float], dict[str, str]]:
    """§5: the sizes w* and their reasons; sets the bounds of every asset."""
    filled = fill(tree, selected, limits)
    return filled.sizes, filled.reasons


def fill(tree: Tree, selected: list[Asset], limits: RebalancingLimits) -> Filled:
    """§5: nested water-filling; sets the bounds of every asset."""
    for asset in selected:
        asset.low, asset.high = bounds(asset, limits)
    caps = {node: max(limit, fixed_weight(selected, node)) for node, limit in tree.max_allocation.items()}
    caps[ROOT] = max(limits.target_invested, fixed_weight(selected, ROOT))
    minima = fit_lower_bounds(tree, selected, caps, limits)
    shrunk = {asset.name: (asset.d, asset.low, asset.high) for asset in selected}
    windows = {}
    for node in tree.paths:
        names = [asset.name for asset in under(selected, node)]
        bottom, top = window([shrunk[name] for name in names], minima.get(node, 0.0), caps.get(node, math.inf))
        windows[node] = (bottom, top)
        for name in names:
            d, low, high = shrunk[name]
            shrunk[name] = (d, clip(bottom * d, low, high), clip(top * d, low, high))
    aim = aimed_total(selected, math.fsum(low for _, low, _ in shrunk.values()), limits)
    level = portfolio_level(selected, list(shrunk.values()), aim, limits)
    sizes, reasons = {}, {}
    for asset in selected:
        own_level = level
        for node in asset.path:
            own_level = clip(own_level, *windows[node])
        sizes[asset.name] = clip(own_level * asset.d, asset.low, asset.high)
        reasons[asset.name] = size_reason(asset, sizes[asset.name], own_level, level)
    return Filled(sizes, reasons, caps, minima, aim)


def bounds(asset: Asset, limits: RebalancingLimits) -> tuple[float, float]:
    """§5: the bounds of a selected asset before anything is waived."""
    current, min_weight = asset.current, limits.min_position_weight
    if asset.kind == FIXED:
        may_grow = asset.restriction == "no_sell" and not asset.dust and not asset.closed and asset.desired is not None
        good = asset.score is not None and asset.score >= limits.min_score_threshold
        return current, max(asset.cap, current) if may_grow and good else current
    high = min(asset.cap, current) if no_buy(asset) else asset.cap
    return min(min_weight, high), high


def no_buy(asset: Asset) -> bool:
    """May it not be increased, by restriction or because its bucket is closed? Out: of a selection that orders keep."""
    return asset.kind in (HOLDING, OUT) and (asset.restriction == "no_buy" or asset.closed)


def lower_sum(tree: Tree, assets: list[Asset], minima: dict[Node, float], node: Node) -> float:
    """§5: the lower bounds under a node, each child counted with its `min_allocation` or the sum below it."""
    own = [asset.low for asset in assets if (ROOT, *asset.path)[-1] == node]
    children = [child for child, path in tree.paths.items() if (ROOT, *path)[-2] == node]
    return math.fsum(own + [max(minima.get(child, 0.0), lower_sum(tree, assets, minima, child)) for child in children])


def capacity_under(tree: Tree, assets: list[Asset], caps: dict[Node, float], node: Node) -> float:
    """The most weight that the positions under a node can hold, every limit below it and its own respected."""
    own = [asset.high for asset in assets if (ROOT, *asset.path)[-1] == node]
    children = [child for child, path in tree.paths.items() if (ROOT, *path)[-2] == node]
    total = math.fsum(own + [capacity_under(tree, assets, caps, child) for child in children])
    return min(total, caps.get(node, math.inf))


def fit_lower_bounds(
    tree: Tree, assets: list[Asset], caps: dict[Node, float], limits: RebalancingLimits
) -> dict[Node, float]:
    """§5: waive minima of positions, then scale minima of buckets, where they do not fit; returns the latter."""
    minima = {
        node: min(minimum, capacity_under(tree, assets, caps, node)) for node, minimum in tree.min_allocation.items()
    }
    for node in [*(node for node in tree.paths if node in caps), ROOT]:
        cap, unfixed = caps[node], [asset for asset in under(assets, node) if asset.kind != FIXED]
        excess = lower_sum(tree, assets, minima, node) - cap
        if unfixed and TINY < excess <= COUNT_EPS * limits.min_position_weight:
            room, wanted = cap - fixed_weight(assets, node), math.fsum(asset.low for asset in unfixed)
            for asset in unfixed:
                asset.low *= min(1.0, room / wanted) if wanted > 0 else 1.0
        if lower_sum(tree, assets, minima, node) > cap + EPS:
            for asset in unfixed:
                asset.low = 0.0
        if lower_sum(tree, assets, minima, node) > cap + EPS:
            minima = scale_minima(tree, assets, minima, node, cap)
    return minima


def scale_minima(
    tree: Tree, assets: list[Asset], minima: dict[Node, float], node: Node, cap: float
) -> dict[Node, float]:
    """§5: the minima strictly under a node times the largest factor that fits, found by halving."""
    inside = {other for other in minima if node in (ROOT, *tree.paths[other][:-1])}
    fits, too_much = 0.0, 1.0
    for _ in range(80):
        factor = (fits + too_much) / 2
        scaled = {other: value * factor if other in inside else value for other, value in minima.items()}
        if lower_sum(tree, assets, scaled, node) <= cap + TINY / 100:
            fits = factor
        else:
            too_much = factor
    return {other: value * fits if other in inside else value for other, value in minima.items()}


def smallest_level(positions: list[tuple[float, float, float]], target: float) -> float:
    """The smallest level at which the sum of clip(level * d, low, high) reaches a target; (d, low, high) each."""

    def total(level: float) -> float:
        return math.fsum(clip(level * d, low, high) for d, low, high in positions)

    if total(0.0) >= target - TINY:
        return 0.0
    before = 0.0
    for level in sorted({bound / d for d, low, high in positions for bound in (low, high)}):
        if total(level) >= target - TINY:
            rising = [(d, low, high) for d, low, high in positions if low / d < level and high / d > before]
            still = math.fsum(
                clip(level * position[0], position[1], position[2]) for position in positions if position not in rising
            )
            return clip((target - still) / math.fsum(d for d, _, _ in rising), before, level) if rising else level
        before = level
    return math.inf


def window(positions: list[tuple[float, float, float]], minimum: float, maximum: float) -> tuple[float, float]:
    """§5: the levels at which a node reaches its `min_allocation` and its `max_allocation`."""
    bottom, top = 0.0, math.inf
    if math.fsum(low for _, low, _ in positions) < minimum - TINY:
        reachable = math.fsum(high for _, _, high in positions) > minimum + TINY
        bottom = smallest_level(positions, minimum) if reachable else math.inf
    if math.fsum(high for _, _, high in positions) > maximum + TINY:
        top = smallest_level(positions, maximum)
    return bottom, top


def aimed_total(selected: list[Asset], lower: float, limits: RebalancingLimits) -> float:
    """§2 `full_investment_positions`: the total that is aimed at, never below the lower bounds."""
    fixed, full = fixed_weight(selected, ROOT), limits.full_investment_positions
    share = 1.0 if full is None else min(1.0, sum(asset.uses_slot for asset in selected) / full)
    return max(fixed + max(limits.target_invested - fixed, 0.0) * share, lower)


def portfolio_level(
    selected: list[Asset], positions: list[tuple[float, float, float]], aim: float, limits: RebalancingLimits
) -> float:
    """§5: the level at which the total reaches the aim, or what the mode and the residual strategy allow."""
    _, level = window(positions, 0.0, aim)
    if limits.sizing_mode == "desired":
        level = min(level, 1.0)
    unfixed = math.fsum(asset.d for asset in selected if asset.kind != FIXED)
    if limits.residual_strategy == "cash" and unfixed > 0:
        level = min(level, (aim - fixed_weight(selected, ROOT)) / unfixed)
    return level


def size_reason(asset: Asset, weight: float, own_level: float, level: float) -> str:
    """§8: why a size is what it is; the band's reasons come later."""
    wanted, at_current = own_level * asset.d, weight == asset.current
    too_much, too_little = wanted > asset.high + EPS, wanted < asset.low - EPS
    if asset.frozen or (asset.kind == FIXED and at_current and too_little):
        return "restricted"
    if no_buy(asset) and at_current and asset.current <= asset.cap and too_much:
        return "restricted"
    if too_much or too_little:
        return "capped_position" if too_much else "lifted_to_minimum"
    free = clip(level * asset.d, asset.low, asset.high)
    if weight > free + EPS:
        return "lifted_for_bucket_minimum"
    return "capped_bucket" if weight < free - EPS else "at_wish"


# What else keeps a held position from staying: called at the end of each round of step 1 of §6 with the held assets, the
# targets, and a function that releases the asset with the largest gap (named in pairs), if any is above 0.
Pairs = list[tuple[float, Asset]]
AlsoLimits = Callable[[list[Asset], dict[str, float], Callable[[Pairs], bool]], None]


def hold_in_band(
    tree: Tree,
    selected: list[Asset],
    sizes: dict[str, float],
    reasons: dict[str, str],
    limits: RebalancingLimits,
    also: AlsoLimits = lambda held, targets, release: None,
) -> dict[str, float]:
    """§6: the targets: what drifted little is held, and released to its size where that breaks something.

    A size reason becomes that of the band, except `restricted`, which stands before it.
    """
    held = [asset for asset in selected if in_band(asset, sizes[asset.name], limits)]
    targets = sizes | {asset.name: asset.current for asset in held}
    why = {asset.name: "held_in_band" for asset in held}

    def weight(of: dict[str, float], node: Node) -> float:
        return math.fsum(of[asset.name] for asset in under(selected, node))

    def release(asset: Asset, code: str) -> None:
        held.remove(asset)
        targets[asset.name], why[asset.name] = sizes[asset.name], code

    def release_first(gaps: Pairs, code: str) -> bool:
        """Release the asset with the largest gap above 0, if there is one."""
        gaps = [(gap, asset) for gap, asset in gaps if gap > 0]
        if gaps:
            largest = max(gap for gap, _ in gaps)
            release(next(asset for gap, asset in gaps if gap >= largest - EPS), code)  # held is sorted by name
        return bool(gaps)

    def release_largest(node: Node, sign: int, code: str) -> bool:
        """Release the held asset under a node that is farthest above (sign 1) or below (-1) its size, if there is one."""
        return release_first([(sign * (asset.current - sizes[asset.name]), asset) for asset in under(held, node)], code)

    def step_1() -> None:
        """Limits of assets, of nodes and of the total, and minima of nodes, until nothing is released."""
        grace, code, before = 1 + limits.drift_tolerance, "released_for_limit", -1
        maxima = {node: max(limit * grace, fixed_weight(selected, node)) for node, limit in tree.max_allocation.items()}
        maxima[ROOT] = max(min(1.0, limits.target_invested + limits.cash_band), fixed_weight(selected, ROOT))
        while len(held) != before:
            before = len(held)
            for asset in list(held):
                if asset.current > asset.high * grace + EPS or asset.current < asset.low - EPS:
                    release(asset, code)
            for node in [*tree.paths, ROOT]:
                while weight(targets, node) > maxima.get(node, math.inf) + EPS and release_largest(node, 1, code):
                    pass
            for node in tree.paths:
                minimum = tree.min_allocation.get(node, 0.0)
                while weight(targets, node) < minimum - EPS <= weight(sizes, node):
                    if not release_largest(node, -1, code):
                        break
            also(held, targets, lambda gaps: release_first(gaps, code))

    step_1()
    while weight(sizes, ROOT) - weight(targets, ROOT) > limits.cash_band + EPS:
        if not release_largest(ROOT, -1, "released_for_cash"):
            break
        step_1()
    reasons |= {name: code for name, code in why.items() if reasons[name] != "restricted"}
    return targets


def in_band(asset: Asset, size: float, limits: RebalancingLimits) -> bool:
    """§6: is it a holding that may be traded and drifted little?"""
    band = max(limits.no_trade_band * size, limits.min_trade)
    return asset.current > 0 and not asset.frozen and abs(size - asset.current) <= band + EPS


def action(current: float, target: float) -> str:
    """§6: what happens to a row."""
    if current == target:
        return "hold" if current > 0 else "none"
    if current == 0 or target == 0:
        return "open" if current == 0 else "close"
    return "increase" if target > current else "decrease"


def brakes(assets: list[Asset], targets: dict[str, float], limits: RebalancingLimits) -> bool:
    """§7: would too much be sold, or too many holdings closed?"""
    sold = math.fsum(max(asset.current - targets.get(asset.name, 0.0), 0.0) for asset in assets)
    closed = [asset for asset in assets if asset.current > 0 and not asset.dust and targets.get(asset.name, 0.0) == 0]
    if limits.brake_sold_weight is not None and sold > limits.brake_sold_weight + EPS:
        return True
    return limits.brake_closed_positions is not None and len(closed) > limits.brake_closed_positions
