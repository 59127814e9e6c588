"""Why an asset is in or out, what its own merit is and what the others cost it, and the least change that flips it.

Every counterfactual is true: the rules were run again with that one change (`reruns.py`), and with one step less they
decide as before. Where nothing helps, there is none.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

import numpy as np

from trimtab.errors import listed
from trimtab.explanations.changes import Change
from trimtab.explanations.counterfactuals import SearchedRange, least_score, nearest_flip
from trimtab.explanations.reruns import Reruns
from trimtab.explanations.sentences import SentenceMaker
from trimtab.explanations.steps import Step, steps_of
from trimtab.explanations.weight_held_by import HeldBy, held_by
from trimtab.kernel.records import NO_LIMIT, NO_NODE, ROOT
from trimtab.reasons import ENTERED_REASONS, FIXED_REASONS, Action, Reason, Restriction, SizeReason

# Reasons that an asset has by itself, whatever the others do.
_OWN = frozenset(
    map(
        int, (Reason.NOT_SCORED, Reason.RESTRICTED_OUT, Reason.UNCLASSIFIED, Reason.NOT_SIZABLE, Reason.BELOW_THRESHOLD)
    )
)
_BELOW = int(Reason.BELOW_THRESHOLD)
_NAMED = 8
EXPLANATIONS_VERSION = 2


@dataclass(frozen=True)
class Counterfactual:
    """One change that flips the decision, and none that is smaller does.

    `change` is "score", "restriction", "max_weight" (of the asset), or a field of the limits, which is that of the
    bucket `node` where one is named. `value` is what it would have to be: exactly this value for a limit (None: without
    it), at least or at most this value for a score.
    """

    change: str
    node: str
    value: Any
    effect: str


@dataclass(frozen=True)
class Crowding:
    """What keeps an asset out that is good enough: a limit, the bucket `node` where it is reached, and who has the places."""

    limit: str
    node: str
    value: float
    by: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """One asset's way through the rules. Weights are fractions of the account's value.

    `decision` is "selected" or "not selected"; `merit` says whether the asset is good enough by itself, whatever the
    others are; `crowded_out` what took its place where that is all that it lacks; `held_by` what holds its weight
    where it is. `without_effect` are the limits of which no value flips the decision, with how far was looked.
    """

    asset: str
    bucket: str
    score: float | None
    current_weight: float
    target_weight: float
    decision: str
    action: str
    reason: str
    size_reason: str
    sentence: str
    merit: bool
    crowded_out: Crowding | None
    held_by: HeldBy | None
    steps: tuple[Step, ...]
    counterfactuals: tuple[Counterfactual, ...]
    without_effect: tuple[SearchedRange, ...]

    @property
    def in_vain(self) -> tuple[SearchedRange, ...]:
        """The former name of `without_effect`."""
        warnings.warn("in_vain is now called without_effect", DeprecationWarning, stacklevel=2)
        return self.without_effect

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain values, as in `schemas/explanations.json`."""
        return asdict(self, dict_factory=_plain)

    @property
    def about_changes(self) -> tuple[str, ...]:
        """What would change it, in words; or that nothing does, and how far was looked where that was not to the end."""
        tried = listed(dict.fromkeys(one.change for one in self.without_effect), len(self.without_effect))
        nothing = f"no change of one thing alone; tried were its score{f', {tried}' if tried else ''}"
        found = tuple(one.effect for one in self.counterfactuals) or (nothing,)
        return (*found, *(one.text for one in self.without_effect if not one.exhaustive))

    @property
    def about_merit(self) -> str:
        """Its merit in words, with who crowds it out."""
        if self.crowded_out is None:
            return "good enough by itself" if self.merit else "not good enough by itself, whatever the others are"
        found = self.crowded_out
        node = f" of {found.node}" if found.node else ""
        those = f": {listed(found.by, _NAMED)}" if found.by else ""
        return f"good enough by itself, but crowded out by {found.limit} {found.value:g}{node}{those}"


def explanations_json(explanations: Iterable[Explanation]) -> str:
    """Explanations as one JSON object: sorted keys, the same bytes for the same input.

    Examples
    --------
    >>> from trimtab import rebalance
    >>> text = explanations_json([rebalance([{"asset": "A", "score": 0.9}]).explain("A")])
    >>> first = json.loads(text)["explanations"][0]
    >>> first["asset"], first["decision"], first["counterfactuals"][0]["change"], first["counterfactuals"][0]["value"]
    ('A', 'selected', 'score', 0.6499999999999999)
    """
    document = {"schema_version": EXPLANATIONS_VERSION, "explanations": [each.to_dict() for each in explanations]}
    return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def explanations_schema() -> dict[str, Any]:
    """The JSON Schema of `explanations_json`."""
    text = (resources.files("trimtab") / "schemas" / "explanations.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in pairs}


def explain(reruns: Reruns, asset: str) -> Explanation:
    """The explanation of one asset of an account.

    Raises
    ------
    KeyError
        No such asset; who asks the user names the nearest one.

    Examples
    --------
    >>> from trimtab import RebalancingLimits
    >>> from trimtab.candidates.read import read
    >>> limits = RebalancingLimits(max_new_positions=1)
    >>> rows = [{"asset": "AAA", "score": 0.9}, {"asset": "BBB", "score": 0.8}]
    >>> found = explain(Reruns.of(read(rows, limits, many=False), limits), "BBB")
    >>> found.decision, found.merit, found.crowded_out.limit, found.crowded_out.by
    ('not selected', True, 'max_new_positions', ('AAA',))
    >>> for one in found.counterfactuals:
    ...     print(one.effect)
    would be selected with a score of at least 0.9000000000000001
    would be selected with max_new_positions = 2
    """
    at = reruns.place_of[asset]
    answer, row = reruns.answer[at], int(reruns.candidates.order[at])
    words = SentenceMaker(reruns.places).detail(row)
    score = reruns.scores[at]
    selected = bool(answer["selected"])
    found = [nearest_flip(reruns, at, name, node) for name, node in limits_about(reruns, at)]
    return Explanation(
        asset=asset,
        bucket=reruns.candidates.bucket.at(row) or "",
        score=None if math.isnan(score) else score,
        current_weight=reruns.currents[at],
        target_weight=float(answer["target"]),
        decision="selected" if selected else "not selected",
        action=Action(answer["action"]).code,
        reason=Reason(answer["reason"]).code,
        size_reason=SizeReason(answer["size_reason"]).code,
        sentence=words.text,
        merit=_has_merit(reruns, at),
        crowded_out=None if selected else _crowding(reruns, at),
        held_by=held_by(reruns, at) if selected else None,
        steps=steps_of(reruns, at, words),
        counterfactuals=tuple(_counterfactuals(reruns, at, found)),
        without_effect=tuple(one for one in found if isinstance(one, SearchedRange)),
    )


def _has_merit(reruns: Reruns, at: int) -> bool:
    if reruns.is_selected[at]:
        return True
    alone = reruns.alone(at)
    weak_dust = alone["reason"] == Reason.DUST and reruns.standing(at)[0] == Reason.BELOW_THRESHOLD
    return bool(alone["selected"] or not (int(alone["reason"]) in _OWN or weak_dust))


def _crowding(reruns: Reruns, at: int) -> Crowding | None:
    """What took the place of an asset that alone would have one."""
    reason, node = reruns.standing(at)
    limits = reruns.limits
    selected = reruns.answer["selected"]
    if reason == Reason.TOO_CORRELATED:
        here = np.zeros(len(selected), np.bool_)
        here[reruns.partners_of(at)] = True
        return _crowded(
            reruns, "max_correlation", reruns.node_name(node), float(limits.max_correlation or 0.0), here & selected
        )
    if reason == Reason.DISPLACED_FOR_REPRESENTATION:
        here = reruns.answer["reason"] == Reason.ADDED_FOR_REPRESENTATION
        return _crowded(reruns, "min_buckets_represented", "", limits.min_buckets_represented, here)
    if reason == Reason.TOTAL_POSITION_LIMIT:
        return _crowded(reruns, "max_total_positions", "", limits.max_total_positions, reruns.is_slot)
    if reason == Reason.NEW_POSITION_LIMIT:
        here = selected & np.isin(reruns.answer["reason"], ENTERED_REASONS) & ~reruns.is_holding
        return _crowded(reruns, "max_new_positions", "", limits.max_new_positions, here)
    if reason == Reason.BUCKET_POSITION_LIMIT:
        name, path = reruns.limit_of(node, "max_positions")[0], reruns.node_name(node)
        return _crowded(
            reruns, name, path, int(reruns.nodes["max_positions"][node]), reruns.is_slot & _inside(reruns, node)
        )
    if reason == Reason.MIN_POSITION_CAPACITY and node == ROOT:
        return _crowded(reruns, "target_invested", "", limits.target_invested, selected)
    if reason == Reason.MIN_POSITION_CAPACITY and node != NO_NODE:
        name, path = reruns.limit_of(node, "max_allocation")[0], reruns.node_name(node)
        most = float(reruns.nodes["max_allocation"][node])
        return _crowded(reruns, name, path, most, selected & _inside(reruns, node))
    return None


def _inside(reruns: Reruns, node: int) -> Any:
    return (reruns.rows["leaf"] >= node) & (reruns.rows["leaf"] < reruns.nodes["stop"][node])


def _crowded(reruns: Reruns, limit: str, node: str, value: float, here: Any) -> Crowding:
    """Those that have the places, in the order of the walk: holdings, then scores, then weights, then names."""
    rows = reruns.rows

    def order(one: int) -> tuple[bool, float, float, int]:
        return (
            not reruns.is_holding[one],
            -float(np.nan_to_num(rows["score"][one], nan=-1.0)),
            -float(rows["current"][one]),
            one,
        )

    return Crowding(
        limit, node, value, tuple(reruns.names[one] for one in sorted(np.flatnonzero(here).tolist(), key=order))
    )


def _counterfactuals(reruns: Reruns, at: int, found: Iterable[Change | SearchedRange]) -> Iterator[Counterfactual]:
    selected = reruns.is_selected[at]
    would = "would not be selected" if selected else "would be selected"
    score = least_score(reruns, at)
    if score is not None:
        bound = "at most" if selected else "at least"
        yield Counterfactual("score", "", score, f"{would} with a score of {bound} {score!r}")
    for change in _row_changes(reruns, at):
        if bool(reruns.selected(change)[at]) != selected:
            shown = "without its restriction" if change.name == "restriction" else f"with max_weight = {change.value!r}"
            yield Counterfactual(change.name, "", change.value, f"{would} {shown}")
    for one in found:
        if isinstance(one, Change):
            shown = f"without {one.name}" if one.value is None else f"with {one.name} = {one.value!r}"
            yield Counterfactual(*one, f"{would} {shown}{f' for {one.node}' if one.node else ''}")
    for name, value in _switches(reruns, at):
        change = Change(name, "", value)
        if bool(reruns.selected(change)[at]) != selected and reruns.limits_with(change) is not None:
            yield Counterfactual(
                name, "", value, f"{would} with {name} = {str(value).lower() if isinstance(value, bool) else value}"
            )


def _row_changes(reruns: Reruns, at: int) -> Iterable[Change]:
    """Lifting the restriction, and a cap of the asset's own that lets the least position in."""
    if reruns.rows["restriction"][at] != Restriction.EMPTY:
        yield Change("restriction", reruns.names[at], "")
    least = reruns.limits.min_position_weight
    if not reruns.is_selected[at] and reruns.rows["max_weight"][at] < least:
        yield Change("max_weight", reruns.names[at], least)


def limits_about(reruns: Reruns, at: int) -> Iterable[tuple[str, str]]:
    """The limits that decide about a row, each with the bucket that it is of: those of its class, then those of places."""
    limits, reason = reruns.limits, reruns.reasons[at]
    current, score = reruns.currents[at], reruns.scores[at]
    representing = limits.enable_bucket_diversification and limits.enforce_min_buckets
    if not math.isnan(score):
        if current > 0:
            yield "min_score_threshold", ""
        if current < limits.dust_weight or current <= 0:
            yield "min_score_new_position", ""
            if representing:
                yield "min_score_diversification", ""
        if 0 < current <= limits.min_position_weight:
            yield "dust_weight", ""
    if _is_out(reruns, at) or reason in FIXED_REASONS:
        return
    yield from (("max_total_positions", ""), ("max_new_positions", ""))
    if representing:
        yield "min_buckets_represented", ""
    seen = set()
    for node in reruns.path(at):
        for field, none in (("max_positions", NO_LIMIT), ("max_allocation", math.inf)):
            found = reruns.limit_of(node, field)
            if reruns.nodes[field][node] < none and found not in seen:
                seen.add(found)
                yield found
    yield from (("min_position_weight", ""), ("target_invested", ""))
    if limits.max_correlation is not None:
        yield "max_correlation", ""


def _is_out(reruns: Reruns, at: int) -> bool:
    """Whether a row is out by itself: not even good enough to represent a bucket."""
    reason, score = reruns.reasons[at], reruns.scores[at]
    weak = reason == _BELOW and score >= reruns.limits.min_score_diversification
    return reason in _OWN and not weak


def _switches(reruns: Reruns, at: int) -> Iterable[tuple[str, Any]]:
    """Limits that are not numbers, where they decide about a row."""
    limits, reason = reruns.limits, reruns.reasons[at]
    holding = reruns.currents[at] > 0
    if limits.enable_bucket_diversification and holding and not _is_out(reruns, at) and reason not in FIXED_REASONS:
        yield "allow_bucket_overflow", not limits.allow_bucket_overflow
    if math.isnan(reruns.scores[at]) and reruns.currents[at] > 0:
        yield "unscored_positions", "close" if limits.unscored_positions == "hold" else "hold"
    if reruns.nodes["closed"][reruns.rows["leaf"][at]]:
        yield "unknown_bucket", "limit"
    if reason in (Reason.NOT_SIZABLE, Reason.HELD_NOT_SIZABLE):
        yield "sizing_mode", "equal_weight"
