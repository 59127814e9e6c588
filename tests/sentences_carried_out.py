"""What the sentences about one account say, carried out; for a test and a benchmark."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from cash_sentences import faults_of_cash

import trimtab
from trimtab.explanations.changes import ROW_FIELDS, Change, changed_limits
from trimtab.explanations.places_taken import PlacesTaken
from trimtab.kernel.records import ROOT
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Reason

Row = dict[str, Any]
_TOLERANCE = 1e-9
_EXPLAINED = 3  # assets of an account whose counterfactuals are carried out


def faults_of_account(rows: list[Row], limits: RebalancingLimits, counts: Counter[str]) -> Iterator[str]:
    """Sentences that do not hold; `counts` says how many of each kind were carried out."""
    result = trimtab.rebalance(rows, limits)
    yield from _limits_in_the_way(rows, result, counts)
    yield from _displaced(rows, limits, result, counts)
    yield from _merit(rows, limits, result, counts)
    yield from _shares(rows, limits, result, counts)
    yield from _preflight(rows, limits, result, counts)
    yield from _values_as_written(rows, result, counts)
    yield from faults_of_cash(rows, limits, counts)


def _selected(rows: list[Row], limits: RebalancingLimits) -> set[str]:
    result = trimtab.rebalance(rows, limits)
    chosen = result._pass.decided["selected"]
    return {row["asset"] for row, is_chosen in zip(result.targets, chosen, strict=True) if is_chosen}


def _limits_in_the_way(rows: list[Row], result: Any, counts: Counter[str]) -> Iterator[str]:
    """The limits that a sentence names are exactly those that one more position would break."""
    places = PlacesTaken(result._pass.candidates, result.limits.in_force, result._pass.decided)
    limits = places.limits
    crowded = (Reason.TOTAL_POSITION_LIMIT, Reason.NEW_POSITION_LIMIT, Reason.BUCKET_POSITION_LIMIT)
    for row, words in enumerate(result.words()):
        reason = Reason(result._pass.decided["reason"][row])
        if reason not in crowded:
            continue
        named = list(places.in_the_way(row))
        counts["limits in the way"] += len(named)
        if not named or named[0] != (reason, int(result._pass.decided["reason_node"][row])):
            yield f"{rows[row]['asset']}: {words.reason} but first in the way is {named[:1]}"
        if ("also in the way" in words.reason) is not (len(named) > 1):
            yield f"{rows[row]['asset']}: {words.reason} but in the way are {named}"
        wider = _wider(limits, places, named)
        if wider is None or any(kind == Reason.MIN_POSITION_CAPACITY for kind, _ in named):
            continue
        kept = {rows[int(index)]["asset"] for index in places.rows.tolist()} | {rows[row]["asset"]}
        counts["limits widened together"] += 1
        if rows[row]["asset"] not in _selected([each for each in rows if each["asset"] in kept], wider):
            yield f"{rows[row]['asset']}: {words.reason} but widening all of that does not let it in"


def _wider(limits: RebalancingLimits, places: PlacesTaken, named: list[tuple[Reason, int]]) -> RebalancingLimits | None:
    """The limits with each that is named one position wider than what is used; None where they contradict each other."""
    values: dict[str, Any] = {}
    buckets: dict[str, Any] = {path: dict(own) for path, own in limits.to_dict().get("buckets", {}).items()}
    for reason, node in named:
        if reason == Reason.TOTAL_POSITION_LIMIT:
            values["max_total_positions"] = places.positions[ROOT] + 1
        elif reason == Reason.NEW_POSITION_LIMIT:
            values["max_new_positions"] = 1000
        elif reason == Reason.BUCKET_POSITION_LIMIT:
            path = places.candidates.tree.paths[node]
            buckets[path] = {**buckets.get(path, {}), "max_positions": places.positions[node] + 1}
    known = sorted({*limits.known_buckets, *places.candidates.bucket.names} - {"Unknown"})
    if buckets:
        values |= {"buckets": buckets, "known_buckets": tuple(known)}
    try:
        return limits.replace(**values)
    except trimtab.LimitsError:
        return None


def _displaced(rows: list[Row], limits: RebalancingLimits, result: Any, counts: Counter[str]) -> Iterator[str]:
    out = [row["asset"] for row in result.targets if row["reason"] == "displaced_for_representation"]
    if out:
        counts["displaced"] += len(out)
        freed = _selected(rows, limits.replace(min_buckets_represented=0))
        yield from (
            f"{asset}: displaced, but not selected without representation" for asset in out if asset not in freed
        )


def _merit(rows: list[Row], limits: RebalancingLimits, result: Any, counts: Counter[str]) -> Iterator[str]:
    """A locked or unscored holding has merit only if its score would keep it."""
    for row, target in zip(rows, result.targets, strict=True):
        if (
            target["reason"] in ("restricted", "held_unscored")
            and (row["current_weight"] or 0) >= limits.dust_weight > 0
        ):
            counts["merit of what is fixed"] += 1
            explanation = result.explain(row["asset"])
            score = row["score"]
            enough = score is not None and not np.isnan(score) and score >= limits.min_score_threshold
            if explanation.merit is not bool(enough):
                yield f"{row['asset']}: merit {explanation.merit} with score {score}"


def _values_as_written(rows: list[Row], result: Any, counts: Counter[str]) -> Iterator[str]:
    """The value of a limit that flips a decision does so as it is written, with the digits that a reader sees."""
    limits = result.limits.in_force
    for row in rows[:_EXPLAINED]:
        explained = result.explain(row["asset"])
        for change in explained.counterfactuals:
            written = re.search(rf" with {change.change} (\d[\d.e-]*)(?: for .*)?$", change.effect)
            value = None if written is None else type(change.value)(written[1])
            changed = None if value is None else changed_limits(limits, Change(change.change, change.node, value))
            if changed is not None and change.change not in ROW_FIELDS:
                counts["values as written"] += 1
                if trimtab.rebalance(rows, changed).explain(row["asset"]).decision == explained.decision:
                    yield f"{row['asset']}: {change.effect}, but it does not flip"


def _shares(rows: list[Row], limits: RebalancingLimits, result: Any, counts: Counter[str]) -> Iterator[str]:
    """Equal shares are equal; a desired weight is reached or said not to be."""
    shares = [
        (row, target, words)
        for row, target, words in zip(rows, result.targets, result.words(), strict=True)
        if target["size_reason"] == "at_wish"
    ]
    counts["shares"] += len(shares)
    if limits.sizing_mode == "equal_weight" and shares:
        weights = [target["target_weight"] for _, target, words in shares if "largest weight" not in words.size]
        if weights and max(weights) - min(weights) > _TOLERANCE:
            yield f"equal shares differ: {weights}"
    for row, target, words in shares if limits.sizing_mode == "desired" else ():
        reached = abs(row["desired_weight"] - target["target_weight"]) <= _TOLERANCE
        if (words.size_clause == "its desired_weight") is not reached and abs(
            row["desired_weight"] - target["target_weight"]
        ) > 1e-12:
            yield f"{row['asset']}: {words.size} with desired_weight {row['desired_weight']}"


def _preflight(rows: list[Row], limits: RebalancingLimits, result: Any, counts: Counter[str]) -> Iterator[str]:
    findings = trimtab.check(rows, limits).findings
    codes = {finding.code for finding in findings}
    unmet = {limit.name for limit in result.certificate.unmet}
    counts["warnings"] += len(codes)
    for code, is_true in (
        ("representation", "min_buckets_represented" in unmet),
        ("minimum_unreachable", "min_allocation" in unmet),
        ("cash_forced", result.cash_left > 0),
        ("braked", result.braked),
    ):
        if (code in codes) is not is_true:
            yield f"the pre-flight's {code} is {code in codes}, the result's {is_true}"
    for percents in re.findall(r"at most ([\d.]+)% can be invested", " ".join(finding.text for finding in findings)):
        counts["at most that can be invested"] += 1
        if sum(row["proposed_weight"] for row in result.targets) > float(percents) / 100 + _TOLERANCE:
            yield f"more than the {percents}% that can be invested is"
