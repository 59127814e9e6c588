"""Why an asset is in or out, whether it is good enough by itself, what crowds it out, and the smallest single change
that flips the decision. Every counterfactual was tried: with that one change the rules flip the decision (`reruns.py`),
with one step less they do not.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trimtab.errors import listed
from trimtab.explanations.changes import SCORE_FIELDS, Change
from trimtab.explanations.counterfactuals import SearchedRange, least_score, nearest_flip
from trimtab.explanations.reruns import Reruns
from trimtab.explanations.sentences import SentenceMaker
from trimtab.explanations.steps import Step, steps_of
from trimtab.explanations.values_to_try import shown_value
from trimtab.explanations.weight_held_by import HeldBy, held_by
from trimtab.kernel.records import NO_LIMIT, NO_NODE, ROOT
from trimtab.reasons import ENTERED_REASONS, FIXED_REASONS, Action, Reason, Restriction, SizeReason
from trimtab.text import at_least, at_most, exactly, figure, json_text, shipped_schema

# Reasons that an asset has by itself, whatever the others do.
_OWN = (Reason.NOT_SCORED, Reason.RESTRICTED_OUT, Reason.UNCLASSIFIED, Reason.NOT_SIZABLE, Reason.BELOW_THRESHOLD)
_NAMED = 8
_STEP, _STEPS = 1e-6, 3  # between the values of max_exposure that are tried
EXPLANATIONS_VERSION = 2


@dataclass(frozen=True)
class Counterfactual:
    """The smallest change of one thing that flips the decision.

    `change` is "score", "restriction", "max_weight" (of the asset), or a field of the limits, which is that of the
    bucket `node` where one is named. `value` is the value needed (None: the limit lifted); `bound` is "at least" or "at
    most" for a score, "exactly" for everything else.
    """

    change: str
    node: str
    value: Any
    bound: str
    effect: str


@dataclass(frozen=True)
class Crowding:
    """The obstacle that keeps a good enough asset out: a limit, the bucket `node` where it is reached, and the assets
    in its place.
    """

    limit: str
    node: str
    value: float
    by: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """One asset's way through the rules. Weights are fractions of the account's value.

    `decision` is "selected" or "not selected"; `merit` says whether the asset is good enough by itself, whatever the
    others are; `crowded_out` what took its place, if it lacks nothing else; `held_by` what holds its weight
    where it is. `without_effect` lists limits of which no value flips the decision, with the range tried.
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
        """The changes that would flip it, in words; or that none does, with the values tried if not all."""
        tried = listed(dict.fromkeys(limit.change for limit in self.without_effect), len(self.without_effect))
        nothing = f"no single change does it; tried were its score{f', {tried}' if tried else ''}"
        effects = tuple(flip.effect for flip in self.counterfactuals) or (nothing,)
        return (*effects, *(limit.text for limit in self.without_effect if not limit.exhaustive))

    @property
    def about_merit(self) -> str:
        """Its merit in words, with who crowds it out."""
        if not self.merit:
            if self.score is None:
                return "it has no score, so its merit is unknown"
            if self.decision == "selected":
                return "its score would not keep it: only its restriction does"
            return "not good enough, whatever the others are"
        if self.crowded_out is None:
            return "good enough by itself"
        crowding = self.crowded_out
        node = f" of {crowding.node}" if crowding.node else ""
        those = f": {listed(crowding.by, _NAMED)}" if crowding.by else ""
        return f"good enough by itself, but crowded out by {crowding.limit} {figure(crowding.value)}{node}{those}"


def explanations_document(explanations: Iterable[Explanation], orders: Sequence[Any] = ()) -> dict[str, Any]:
    """Explanations as plain values but for exact decimals; `orders`: as `explanations_json` takes them."""
    document = {"schema_version": EXPLANATIONS_VERSION, "explanations": [each.to_dict() for each in explanations]}
    return {**document, "orders": [each.to_dict() for each in orders]} if orders else document


def explanations_json(explanations: Iterable[Explanation], orders: Sequence[Any] = ()) -> str:
    """Explanations as one JSON object: sorted keys, the same bytes for the same input.

    `orders`: those of the same assets' orders (`Plan.explain`), where shares are known.

    Examples
    --------
    >>> from trimtab import rebalance
    >>> import json
    >>> text = explanations_json([rebalance([{"asset": "A", "score": 0.9}]).explain("A")])
    >>> first = json.loads(text)["explanations"][0]
    >>> first["asset"], first["decision"], first["counterfactuals"][0]["change"], first["counterfactuals"][0]["value"]
    ('A', 'selected', 'score', 0.6499999999999999)
    """
    return json_text(explanations_document(explanations, orders))


def explanations_schema() -> dict[str, Any]:
    """The JSON Schema of `explanations_json`."""
    return shipped_schema("explanations")


def _plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in pairs}


def explain(reruns: Reruns, asset: str) -> Explanation:
    """The explanation of one asset of an account.

    Raises
    ------
    KeyError
        No such asset; the caller names the nearest one.

    Examples
    --------
    >>> from trimtab import RebalancingLimits
    >>> from trimtab.candidates.read import read
    >>> limits = RebalancingLimits(max_new_positions=1)
    >>> rows = [{"asset": "AAA", "score": 0.9}, {"asset": "BBB", "score": 0.8}]
    >>> why = explain(Reruns.of(read(rows, limits, many=False), limits), "BBB")
    >>> why.decision, why.merit, why.crowded_out.limit, why.crowded_out.by
    ('not selected', True, 'max_new_positions', ('AAA',))
    >>> for change in why.counterfactuals:
    ...     print(change.effect)
    would be selected with a score above 0.9
    would be selected with max_new_positions 2
    """
    place = reruns.place_of[asset]
    answer, row = reruns.answer[place], int(reruns.candidates.order[place])
    words = SentenceMaker(reruns.places).detail(row)
    score = reruns.scores[place]
    selected = bool(answer["selected"])
    flips = [nearest_flip(reruns, place, name, node) for name, node in limits_about(reruns, place)]
    return Explanation(
        asset=asset,
        bucket=reruns.candidates.bucket.at(row) or "",
        score=None if math.isnan(score) else score,
        current_weight=reruns.currents[place],
        target_weight=float(answer["target"]),
        decision="selected" if selected else "not selected",
        action=Action(answer["action"]).code,
        reason=Reason(answer["reason"]).code,
        size_reason=SizeReason(answer["size_reason"]).code,
        sentence=words.text,
        merit=_has_merit(reruns, place),
        crowded_out=None if selected else _crowding(reruns, place),
        held_by=held_by(reruns, place) if selected else None,
        steps=steps_of(reruns, place, words),
        counterfactuals=tuple(_counterfactuals(reruns, place, flips)),
        without_effect=tuple(flip for flip in flips if isinstance(flip, SearchedRange)),
    )


def _has_merit(reruns: Reruns, place: int) -> bool:
    """Whether the asset is good enough: alone in the account and without its restriction, it would be selected."""
    if math.isnan(reruns.scores[place]):
        return False
    if reruns.reasons[place] in FIXED_REASONS:
        return reruns.scores[place] >= reruns.limits.min_score_threshold
    if reruns.is_selected[place]:
        return True
    alone = reruns.alone(place)
    weak_dust = alone["reason"] == Reason.DUST and reruns.standing(place)[0] == Reason.BELOW_THRESHOLD
    return bool(alone["selected"] or not (alone["reason"] in _OWN or weak_dust))


def _crowding(reruns: Reruns, place: int) -> Crowding | None:
    """The obstacle that took the place of an asset that alone would have one."""
    reason, node = reruns.standing(place)
    limits, selected, reasons = reruns.limits, reruns.answer["selected"], reruns.answer["reason"]
    if reason == Reason.TOO_CORRELATED:
        here = np.isin(np.arange(len(selected)), reruns.partners_of(place))
        bucket, max_correlation = reruns.node_name(node), float(limits.max_correlation or 0.0)
        return _crowded(reruns, "max_correlation", bucket, max_correlation, here & selected)
    general = {
        Reason.DISPLACED_FOR_REPRESENTATION: ("min_buckets_represented", reasons == Reason.ADDED_FOR_REPRESENTATION),
        Reason.TOTAL_POSITION_LIMIT: ("max_total_positions", reruns.is_slot),
        Reason.NEW_POSITION_LIMIT: (
            "max_new_positions",
            selected & np.isin(reasons, ENTERED_REASONS) & ~reruns.is_holding,
        ),
    }
    if reason in general:
        name, here = general[reason]
        return _crowded(reruns, name, "", getattr(limits, name), here)
    if reason == Reason.MIN_POSITION_CAPACITY and node == ROOT:
        return _crowded(reruns, "target_invested", "", limits.target_invested, selected)
    if reason == Reason.MIN_POSITION_CAPACITY and node >= len(reruns.nodes):
        name = reruns.exposures.names[reruns.places.exposure_row(node)]
        inside = reruns.exposures.fractions[:, reruns.places.exposure_row(node)] > 0
        return _crowded(reruns, "max_exposure", name, reruns.present("max_exposure", name), selected & inside)
    fields = {Reason.BUCKET_POSITION_LIMIT: "max_positions", Reason.MIN_POSITION_CAPACITY: "max_allocation"}
    if reason not in fields or node == NO_NODE:
        return None
    field, leaf = fields[reason], reruns.rows["leaf"]
    inside = (leaf >= node) & (leaf < reruns.nodes["stop"][node])
    here = inside & (reruns.is_slot if field == "max_positions" else selected)
    value = reruns.nodes[field][node].item()
    return _crowded(reruns, reruns.limit_of(node, field)[0], reruns.node_name(node), value, here)


def _crowded(reruns: Reruns, limit: str, node: str, value: float, here: Any) -> Crowding:
    """The assets in its place, in the order of the walk: holdings, then scores, then weights, then names."""
    scores = np.nan_to_num(reruns.rows["score"], nan=-1.0).tolist()

    def order(place: int) -> tuple[bool, float, float, int]:
        return not reruns.is_holding[place], -scores[place], -reruns.currents[place], place

    names = tuple(reruns.names[place] for place in sorted(np.flatnonzero(here).tolist(), key=order))
    return Crowding(limit, node, value, names)


def _counterfactuals(reruns: Reruns, place: int, limits: Iterable[Change | SearchedRange]) -> Iterator[Counterfactual]:
    selected = reruns.is_selected[place]
    would = "would not be selected" if selected else "would be selected"
    score = least_score(reruns, place)
    if score is not None:
        shown, bound = (at_most(score), "at most") if selected else (at_least(score), "at least")
        joint = "of " if shown.startswith("at ") else ""
        yield Counterfactual("score", "", score, bound, f"{would} with a score {joint}{shown}")
    for change in _row_changes(reruns, place):
        if bool(reruns.selected(change)[place]) != selected:
            lifts = change.name == "restriction"
            shown = "without its restriction" if lifts else f"with max_weight {exactly(change.value)}"
            yield Counterfactual(change.name, "", change.value, "exactly", f"{would} {shown}")
    for limit in limits:
        if isinstance(limit, Change):
            lifts, named = limit.value is None, f" for {limit.node}" if limit.node else ""
            shown = f"without {limit.name}" if lifts else f"with {limit.name} {shown_value(reruns, limit)}"
            yield Counterfactual(*limit, "exactly", f"{would} {shown}{named}")
    exposure = None if selected else _smallest_exposure(reruns, place)
    if exposure is not None:
        shown = f"with max_exposure {exactly(exposure.value)} for {exposure.node}"
        yield Counterfactual(*exposure, "exactly", f"{would} {shown}")
    for name, value in _switches(reruns):
        change = Change(name, "", value)
        if bool(reruns.selected(change)[place]) != selected and reruns.limits_with(change) is not None:
            yield Counterfactual(name, "", value, "exactly", f"{would} with {name} {exactly(value)}")


def _smallest_exposure(reruns: Reruns, place: int) -> Change | None:
    """The smallest `max_exposure` that selects a row shut out by one bucket of a scheme; None if that alone is not
    enough. Values are tried from the fixed weight there and the part of a smallest position upward.
    """
    reason, node = reruns.standing(place)
    if reason != Reason.MIN_POSITION_CAPACITY or node < len(reruns.nodes):
        return None
    row = reruns.places.exposure_row(node)
    name = reruns.exposures.names[row]
    lowest = float(
        reruns.exposures.fixed_weight[row] + reruns.exposures.fractions[place, row] * reruns.limits.min_position_weight
    )
    for value in (*(min(1.0, lowest + step * _STEP) for step in range(_STEPS)), 1.0):
        change = Change("max_exposure", name, value)
        if reruns.selected(change)[place]:
            return change
    return None


def _row_changes(reruns: Reruns, place: int) -> Iterable[Change]:
    """Lifting the restriction, and the smallest cap of the asset that admits a position."""
    if reruns.rows["restriction"][place] != Restriction.EMPTY:
        yield Change("restriction", reruns.names[place], "")
    min_weight = reruns.limits.min_position_weight
    if not reruns.is_selected[place] and reruns.rows["max_weight"][place] < min_weight:
        yield Change("max_weight", reruns.names[place], min_weight)


def limits_about(reruns: Reruns, place: int) -> Iterable[tuple[str, str]]:
    """Every limit in force that can decide about a row, each with its bucket: scores, places, weights."""
    limits, rows = reruns.limits, reruns.rows
    if not math.isnan(reruns.scores[place]):
        yield from ((name, "") for name in SCORE_FIELDS if name != "min_score_diversification" or limits.represents)
        if ((rows["current"] > 0) & (rows["current"] <= limits.min_position_weight)).any():
            yield "dust_weight", ""
    if _is_out(reruns, place) or reruns.reasons[place] in FIXED_REASONS:
        return
    yield from (("max_total_positions", ""), ("max_new_positions", ""))
    if limits.represents:
        yield "min_buckets_represented", ""
    seen = set()
    for node in (*reruns.path(place), *range(1, len(reruns.nodes))):
        for field, none in (("max_positions", NO_LIMIT), ("max_allocation", math.inf)):
            limit = reruns.limit_of(node, field)
            if reruns.nodes[field][node] < none and limit not in seen:
                seen.add(limit)
                yield limit
    yield from (("min_position_weight", ""), ("target_invested", ""))
    if limits.max_correlation is not None:
        yield "max_correlation", ""


def _is_out(reruns: Reruns, place: int) -> bool:
    """Whether a row is out by itself: not even good enough to represent a bucket."""
    reason, score = reruns.reasons[place], reruns.scores[place]
    weak = reason == Reason.BELOW_THRESHOLD and score >= reruns.limits.min_score_diversification
    return reason in _OWN and not weak


def _switches(reruns: Reruns) -> Iterable[tuple[str, Any]]:
    """Limits that are not numbers, each with another value, where some row depends on them."""
    limits, rows = reruns.limits, reruns.rows
    if limits.enable_bucket_diversification:
        yield "allow_bucket_overflow", not limits.allow_bucket_overflow
    if (np.isnan(rows["score"]) & (rows["current"] > 0)).any():
        yield "unscored_positions", "close" if limits.unscored_positions == "hold" else "hold"
    if limits.enable_bucket_diversification and reruns.in_unknown.any():
        yield "unknown_bucket", "limit" if limits.unknown_bucket == "hold" else "hold"
    if limits.sizing_column is not None and np.isnan(rows["sizing_input"]).any():
        yield "sizing_mode", "equal_weight"
