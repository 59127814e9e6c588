"""An asset's path through the stages, in words: score, threshold, restrictions, bucket, totals, size, band, brake."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from trimtab.explanations.reruns import Reruns
from trimtab.explanations.sentences import Detail
from trimtab.kernel.records import NO_LIMIT, NO_NODE, ROOT
from trimtab.reasons import Reason, Restriction, SizeReason
from trimtab.text import counted, percent

STAGES = ("score", "threshold", "restrictions", "bucket", "totals", "size", "band", "brake")
# The stage in which each reason falls; those that depend on the node are in `_deciding`.
_STAGE_OF = {
    Reason.KEPT: "threshold",
    Reason.ADDED: "threshold",
    Reason.ADDED_FOR_REPRESENTATION: "bucket",
    Reason.OVERFLOW_PROTECTED: "bucket",
    Reason.RESTRICTED: "restrictions",
    Reason.HELD_UNSCORED: "score",
    Reason.HELD_NOT_SIZABLE: "size",
    Reason.NOT_SCORED: "score",
    Reason.RESTRICTED_OUT: "restrictions",
    Reason.UNCLASSIFIED: "bucket",
    Reason.NOT_SIZABLE: "size",
    Reason.BELOW_THRESHOLD: "threshold",
    Reason.TOO_CORRELATED: "bucket",
    Reason.DISPLACED_FOR_REPRESENTATION: "bucket",
    Reason.TOTAL_POSITION_LIMIT: "totals",
    Reason.NEW_POSITION_LIMIT: "totals",
    Reason.BUCKET_POSITION_LIMIT: "bucket",
}
_BANDS = (SizeReason.HELD_IN_BAND, SizeReason.RELEASED_FOR_LIMIT, SizeReason.RELEASED_FOR_CASH)


@dataclass(frozen=True)
class Step:
    """One stage. `outcome` is "passed", "stopped" or "not reached"; `decides` marks the one with the deciding reason."""

    stage: str
    outcome: str
    text: str
    decides: bool = False


def steps_of(reruns: Reruns, place: int, words: Detail) -> tuple[Step, ...]:
    """The eight steps of a row, of which exactly one decides; `words` are the row's sentences.

    Examples
    --------
    >>> from trimtab import RebalancingLimits
    >>> from trimtab.candidates.read import read
    >>> limits = RebalancingLimits()
    >>> reruns = Reruns.of(read([{"asset": "A", "score": 0.4}], limits, many=False), limits)
    >>> for step in steps_of(reruns, 0, Detail("Not selected", "its score is low", "", ""))[:3]:
    ...     print(step.stage, "-", step.outcome, "-", step.text)
    score - passed - 0.4
    threshold - stopped - Not selected: its score is low.
    restrictions - passed - none
    """
    selected = reruns.is_selected[place]
    deciding = _deciding(reruns, place)
    made = {stage: maker(reruns, place) for stage, maker in _MAKERS.items()}
    made |= (
        _sized(reruns, place, words) if selected else {stage: Step(stage, "not reached", "") for stage in STAGES[5:]}
    )
    decided = made[deciding]
    outcome = "passed" if selected else "stopped"
    size = f" {decided.text}" if selected and deciding == "size" else ""
    made[deciding] = replace(decided, outcome=outcome, text=words.reason + size, decides=True)
    return tuple(made[stage] for stage in STAGES)


def _deciding(reruns: Reruns, place: int) -> str:
    reason, node = reruns.standing(place)
    if reason == Reason.MIN_POSITION_CAPACITY:
        by_size = node == NO_NODE or node >= len(reruns.nodes)  # its own cap, or a limit of exposures
        return "size" if by_size else "totals" if node == ROOT else "bucket"
    return _STAGE_OF[reason]


def _score(reruns: Reruns, place: int) -> Step:
    score = reruns.scores[place]
    if not math.isnan(score):
        return Step("score", "passed", f"{score:g}")
    return Step("score", "stopped" if not reruns.is_selected[place] else "passed", "none: it could not be scored")


def _threshold(reruns: Reruns, place: int) -> Step:
    """Against the score limits that apply: to keep, to enter, to represent."""
    limits, score, current = reruns.limits, reruns.scores[place], reruns.currents[place]
    if math.isnan(score):
        return Step("threshold", "not reached", "")
    if current >= limits.dust_weight and current > 0:
        return _compared("min_score_threshold", score, limits.min_score_threshold, "to keep a holding")
    representing = limits.enable_bucket_diversification and limits.enforce_min_buckets
    if representing and limits.min_score_diversification <= score < limits.min_score_new_position:
        text = (
            f"below min_score_new_position {limits.min_score_new_position:g}, at least min_score_diversification "
            f"{limits.min_score_diversification:g}: good enough only to represent a missing bucket"
        )
        return Step("threshold", "passed", text)
    return _compared("min_score_new_position", score, limits.min_score_new_position, "to enter")


def _compared(name: str, score: float, threshold: float, purpose: str) -> Step:
    if score >= threshold:
        return Step("threshold", "passed", f"at least {name} {threshold:g}, {purpose}")
    return Step("threshold", "stopped", f"below {name} {threshold:g}, {purpose}")


def _restrictions(reruns: Reruns, place: int) -> Step:
    code = Restriction(int(reruns.rows["restriction"][place])).code
    return Step("restrictions", "passed", code or "none")


def _bucket(reruns: Reruns, place: int) -> Step:
    """The places and the weight taken after the walk, at each limited node of the path."""
    nodes, path = reruns.nodes, reruns.path(place)
    facts, full = [], False
    for node in path:
        used, max_positions = reruns.as_it_is.used[node], int(nodes["max_positions"][node])
        places = counted(used, "position")
        if max_positions < NO_LIMIT:
            places = f"{used} of {reruns.limit_of(node, 'max_positions')[0]} {max_positions}"
            full = full or used >= max_positions
        weight = percent(float(reruns.weight[node]))
        if nodes["max_allocation"][node] < math.inf:
            max_weight = float(nodes["max_allocation"][node])
            weight = f"{weight} of {reruns.limit_of(node, 'max_allocation')[0]} {percent(max_weight)}"
        facts.append(f"{reruns.node_name(node)}: {places}, {weight}")
    stopped = full and not reruns.is_selected[place]
    return Step("bucket", "stopped" if stopped else "passed", "; ".join(facts) or "bucket limits are off")


def _totals(reruns: Reruns, place: int) -> Step:
    limits, new = reruns.limits, reruns.currents[place] < max(reruns.limits.dust_weight, 1e-300)
    used = int(reruns.as_it_is.used[ROOT])
    text = f"{used} of max_total_positions {limits.max_total_positions}"
    if new:
        text += f", {reruns.as_it_is.entered} of max_new_positions {limits.max_new_positions}"
    full = used >= limits.max_total_positions or (new and reruns.as_it_is.entered >= limits.max_new_positions)
    return Step("totals", "stopped" if full and not reruns.is_selected[place] else "passed", text)


def _sized(reruns: Reruns, place: int, words: Detail) -> dict[str, Step]:
    """Size, band and brake of a selected row; the sentence about its size is at the stage that set it."""
    reason = SizeReason(reruns.answer["size_reason"][place])
    size = float(reruns.sizes[place])
    current, proposed = reruns.currents[place], float(reruns.answer["proposed"][place])
    if current <= 0:
        band = "new: it takes its size"
    elif reason in _BANDS:
        band = words.size
    elif proposed == current:
        band = f"stays at {percent(current)}"
    else:
        band = f"held at {percent(current)}, traded to {percent(proposed)}"
    braked = reason == SizeReason.BRAKED
    brake = Step("brake", "stopped", words.size) if braked else Step("brake", "passed", "no brake holds")
    sized = percent(size) if reason in _BANDS or braked else f"{percent(size)}. {words.size}"
    return {"size": Step("size", "passed", sized), "band": Step("band", "passed", band), "brake": brake}


_MAKERS: dict[str, Any] = {
    "score": _score,
    "threshold": _threshold,
    "restrictions": _restrictions,
    "bucket": _bucket,
    "totals": _totals,
}
