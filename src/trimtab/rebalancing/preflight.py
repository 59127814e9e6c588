"""The pre-flight: what will not work, or will leave cash, said before anything is decided (rules, section 10)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.bucket_path import UNKNOWN
from trimtab.candidates.candidates import Candidates
from trimtab.candidates.read import read
from trimtab.candidates.unused_inputs import unused_inputs
from trimtab.certificate.certificate import Mask, Vector
from trimtab.certificate.measurements import EPSILON, Measurements
from trimtab.errors import Fault, InputError, LimitsError, listed
from trimtab.explanations.conflicts import Conflict, conflicts_of
from trimtab.explanations.reruns import Reruns
from trimtab.limits.rebalancing_limits import RebalancingLimits, given_limits

_TOLERANCE = 1e-9
_UNUSED = {"buckets_off", "correlations_off", "no_sizing_input", "no_effect", "near_bucket"}  # warnings, not just notes


@dataclass(frozen=True)
class Finding:
    """One thing found: `level` is `error` (nothing can be decided) or `warning`."""

    level: str
    code: str
    text: str
    account: Any = None
    fault: Fault | None = None  # where the text is that of a fault in the table


@dataclass(frozen=True)
class Preflight:
    """All findings, errors first; and with `explain`, which limits conflict in which account."""

    findings: tuple[Finding, ...]
    conflicts: tuple[tuple[Any, Conflict], ...] = ()  # each with its account

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What prevents a rebalance."""
        return tuple(finding for finding in self.findings if finding.level == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What will be reported as unmet, stay in cash, or surprise."""
        return tuple(finding for finding in self.findings if finding.level == "warning")

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.errors


def check(
    candidates: Any, limits: RebalancingLimits | None = None, *, correlations: Any = None, explain: bool = False
) -> Preflight:
    """What is wrong with these candidates and limits, or will disappoint; decides and changes nothing.

    Takes what `rebalance` and `rebalance_many` take (an `account` column makes it many), and `correlations` as they do.
    `explain` also finds, for each
    limit that will be unmet and for cash that will be forced, the limits that conflict and what would help.

    Examples
    --------
    >>> import trimtab
    >>> limits = trimtab.RebalancingLimits(enable_bucket_diversification=True, min_buckets_represented=2)
    >>> found = trimtab.check([{"asset": "AAA", "score": 0.9, "bucket": "Tech"}], limits)
    >>> [finding.code for finding in found.warnings]
    ['cash_forced', 'representation']
    """
    limits = given_limits(limits)
    try:
        found = read(candidates, limits, many=False, any_accounts=True, correlations=correlations)
    except InputError as error:
        return Preflight(
            tuple(Finding("error", "input", fault.sentence(), fault.account, fault) for fault in error.faults)
        )
    except LimitsError as error:
        return Preflight(tuple(Finding("error", "limits", fault) for fault in error.faults))
    errors = [
        Finding("error", "input", fault.sentence(), found.accounts[account], fault)
        for account, faults in found.faults.items()
        for fault in faults
    ]
    warnings = list(_general(found, limits))
    conflicts: list[tuple[Any, Conflict]] = []
    for account, name in enumerate(found.accounts):
        if account not in found.faults:
            alone, _ = found.only(account)
            measures = Measurements(alone, limits, alone.current_weight, alone.current_weight > 0)
            warnings += [Finding("warning", code, text, name) for code, text in _of_account(measures, limits)]
            conflicts += [(name, one) for one in (conflicts_of(Reruns.of(alone, limits)) if explain else ())]
    return Preflight((*errors, *warnings), tuple(conflicts))


def _general(found: Candidates, limits: RebalancingLimits) -> Iterable[Finding]:
    yield from (Finding("warning", code, text) for code, text in unused_inputs(found, limits) if code in _UNUSED)
    if limits.enable_bucket_diversification and limits.min_buckets_represented > limits.max_total_positions:
        yield Finding(
            "warning",
            "representation",
            f"min_buckets_represented {limits.min_buckets_represented} needs more positions than max_total_positions "
            f"{limits.max_total_positions} allows",
        )
    if found.correlations is not None and limits.max_correlation is not None:
        unknown = sorted({name for name in found.asset.names if name not in found.correlations.place_of})
        if unknown:
            yield Finding(
                "warning",
                "correlations_missing",
                f"the correlations lack {len(unknown)} candidate(s), and what is unknown counts as above max_correlation "
                f"{limits.max_correlation:g}: a new one is bought only where nothing else of its bucket is: {listed(unknown)}",
            )
    names = {name for name in found.bucket.names if name != UNKNOWN}
    if limits.enable_bucket_diversification and not names:
        yield Finding(
            "warning",
            "all_unknown",
            f"no candidate has a bucket: everything counts as {UNKNOWN}, which is limited as one bucket and represents nothing",
        )


def _of_account(measures: Measurements, limits: RebalancingLimits) -> Iterable[tuple[str, str]]:
    mine = measures.account == 0
    usable = mine & (measures.eligible | measures.fixed)
    most = _most_weight(measures, limits, usable)
    most[0] = min(most[0], _most_entering(measures, limits, usable))
    if most[0] < limits.target_invested - _TOLERANCE:
        short = limits.target_invested - most[0]
        yield (
            "cash_forced",
            f"at most {most[0]:.1%} can be invested, {limits.target_invested:.1%} is aimed at: at least {1 - most[0]:.1%} stays "
            f"in cash, {short * 100:.1f} points more than wished ({_narrowest(measures, limits, most)})",
        )
    kept = _kept(measures, limits)
    represented = sum(kept[at] > 0 for at, node in enumerate(measures.nodes) if node.counts)
    settled = not measures.represents or represented >= limits.min_buckets_represented
    if kept[0] >= limits.max_total_positions and settled:
        yield (
            "slots_taken",
            f"all {limits.max_total_positions} places (max_total_positions) are taken by {kept[0]} holdings that qualify: "
            "nothing new can be bought",
        )
    if measures.represents:
        yield from _representation(measures, limits, mine)
    for at, node in enumerate(measures.nodes):
        if most[at] < node.min_allocation - _TOLERANCE:
            yield (
                "minimum_unreachable",
                f"{node.path}: its candidates can hold at most {most[at]:.1%}, min_allocation is {node.min_allocation:.1%}",
            )


def _kept(measures: Measurements, limits: RebalancingLimits) -> list[int]:
    """How many holdings that qualify find a place under each node, those under the root whatever its own limits."""
    qualify = (measures.holding & measures.eligible) | (measures.fixed & ~measures.dust)
    kept: list[int] = np.bincount(measures.leaf[qualify], minlength=len(measures.nodes)).tolist()
    room = measures.free_positions()[0]
    for at in range(len(measures.nodes) - 1, 0, -1):  # every node stands behind its parent
        node, fixed = measures.nodes[at], measures.fixed_weight[0, at]
        if not limits.allow_bucket_overflow:
            kept[at] = int(min(kept[at], max(room[at], measures.fixed_count[0, at])))
        elif node.max_allocation - fixed <= EPSILON:
            kept[at] = int(measures.fixed_count[0, at])
        kept[node.parent] += kept[at]
    return kept


def _representation(measures: Measurements, limits: RebalancingLimits, mine: Mask) -> Iterable[tuple[str, str]]:
    def buckets_of(rows: Mask) -> set[int]:
        level = [at for at, node in enumerate(measures.nodes) if node.counts]
        return {at for at in level if (rows & measures.under(at)).any()}

    wanted = limits.min_buckets_represented
    possible = buckets_of(mine & (measures.eligible | (measures.fixed & ~measures.dust)))
    held = buckets_of(mine & (measures.holding | (measures.fixed & ~measures.dust)))
    if len(possible) < wanted:
        yield (
            "representation",
            f"min_buckets_represented is {wanted}, but only {len(possible)} bucket(s) have a candidate that is good enough",
        )
    elif len(held) + limits.max_new_positions < wanted:
        yield (
            "representation",
            f"min_buckets_represented is {wanted}: {len(held)} bucket(s) are held, and max_new_positions "
            f"{limits.max_new_positions} cannot add the rest",
        )


def _most_weight(measures: Measurements, limits: RebalancingLimits, usable: Mask) -> list[float]:
    """An upper bound of the weight of each node: its own limit, its best positions, and what is under it."""
    nodes = measures.nodes
    most_of = _most_of(measures)
    found = [0.0] * len(nodes)

    def best(at: int) -> tuple[list[float], float]:
        """The best positions that fit under a node by number, and what its fixed rows hold; sets the node's bound."""
        own = np.flatnonzero(usable & (measures.leaf == at))
        free = most_of[own[~measures.fixed[own]]].tolist()
        held = math.fsum(most_of[own[measures.fixed[own]]])
        inside = math.fsum(free) + held
        for child, node in enumerate(nodes):
            if child and node.parent == at:
                positions, child_held = best(child)
                free += positions
                held += child_held
                inside += found[child]
        places = limits.max_total_positions if at == 0 else nodes[at].max_positions
        if at == 0 or not limits.allow_bucket_overflow:
            free = sorted(free, reverse=True)[: int(min(places, len(free)))]
        limit = limits.target_invested
        if at:
            held_here = usable & ~measures.fixed & measures.under(at) & (measures.current > 0)
            drift = limits.drift_tolerance if held_here.any() else 0.0  # what is held may stay above the limit
            limit = nodes[at].max_allocation * (1 + drift)
        fixed = math.fsum(measures.current[usable & measures.fixed & measures.under(at)])
        found[at] = min(max(limit, fixed), held + math.fsum(free), inside)
        return free, held

    best(0)
    return found


def _most_of(measures: Measurements) -> Vector:
    """The most weight of each row."""
    grown = np.where(measures.may_grow, np.maximum(measures.cap, measures.current), measures.current)
    free = np.where(measures.no_buy, np.minimum(measures.cap, measures.current), measures.cap)
    drifted = np.minimum(measures.current, measures.cap * (1 + measures.limits.drift_tolerance))
    return np.where(measures.fixed, grown, np.maximum(free, drifted))


def _most_entering(measures: Measurements, limits: RebalancingLimits, usable: Mask) -> float:
    """The most weight that what is held and `max_new_positions` new assets can hold, and that so few aim at."""
    most_of = _most_of(measures)
    new = usable & ~measures.fixed & ((measures.current <= 0) | measures.dust)
    best_new = np.sort(most_of[new])[::-1][: limits.max_new_positions]
    held = usable & ~new
    total = math.fsum(most_of[held]) + math.fsum(best_new)
    if limits.full_investment_positions is None:
        return total
    fixed = math.fsum(measures.current[usable & measures.fixed])
    settled = int((held & measures.fixed & ~measures.dust).sum())
    positions = max(settled, min(int((held & ~measures.dust).sum()) + len(best_new), limits.max_total_positions))
    share = min(1.0, positions / limits.full_investment_positions)
    minima = math.fsum(node.min_allocation for node in measures.nodes) + positions * limits.min_position_weight
    aim = max((limits.target_invested - fixed) * share, minima, 0.0)
    traded = int((held & ~measures.fixed).sum())
    band = aim * limits.no_trade_band + traded * limits.min_trade if traded else 0.0  # held although fewer aim at less
    return min(total, fixed + aim + band)


def _narrowest(measures: Measurements, limits: RebalancingLimits, most: list[float]) -> str:
    """What holds the total down, in words."""
    full = [
        f"{node.path} at most {most[at]:.0%}"
        for at, node in enumerate(measures.nodes)
        if at and node.depth == 1 and most[at] > 0
    ]
    listed = ", ".join(full[:6]) + (", …" if len(full) > 6 else "")
    positions = f"max_total_positions {limits.max_total_positions}, max_position_weight {limits.max_position_weight:g}"
    return f"{listed}; {positions}" if listed else positions
