"""What the report says, in one frozen object: every number that it shows, and the text in which it is shown.

Charts and templates only place what is here; they compute nothing. Names come in as they are and leave without
characters that could steer a screen; escaping is the template's.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.certificate import Certificate
from trimtab.conflicts import Conflict
from trimtab.explanation import Explanation, explain
from trimtab.limits import RebalancingLimits, limit_fields
from trimtab.paths import UNKNOWN, split_path
from trimtab.reasons import SELECTED_REASONS, Action, Reason, SizeReason
from trimtab.rule_sheet import Section, rule_sheet
from trimtab.summaries import BucketSummary, Note
from trimtab.trials import Trials

MISSES_EXPLAINED = 50
_COUNTS = (
    "max_total_positions",
    "max_new_positions",
    "max_positions",
    "restrictions_violated",
    "min_buckets_represented",
)
_PLAIN = ("min_score_threshold", "min_score_diversification", "min_score_new_position", "max_correlation")
# The waterfall: what takes candidates out, in the order of the reasons.
_LOSSES = (
    ("without a score", (Reason.NOT_SCORED,)),
    ("restricted", (Reason.RESTRICTED_OUT,)),
    ("without a bucket or a wish", (Reason.UNCLASSIFIED, Reason.NOT_SIZABLE)),
    ("score too low", (Reason.BELOW_THRESHOLD,)),
    ("dust", (Reason.DUST,)),
    ("too correlated", (Reason.TOO_CORRELATED,)),
    ("place went to a missing bucket", (Reason.DISPLACED_FOR_REPRESENTATION,)),
    ("max_total_positions", (Reason.TOTAL_POSITION_LIMIT,)),
    ("max_new_positions", (Reason.NEW_POSITION_LIMIT,)),
    ("max_positions of a bucket", (Reason.BUCKET_POSITION_LIMIT,)),
    ("no room for the least weight", (Reason.MIN_POSITION_CAPACITY,)),
)


@dataclass(frozen=True)
class Totals:
    """The outcome of one account as a whole. Weights are fractions of its value."""

    account: Any
    status: str
    positions: int
    cash: float
    turnover: float
    bought: float
    sold: float


@dataclass(frozen=True)
class Figure:
    """A number with its name."""

    name: str
    text: str


@dataclass(frozen=True)
class BucketFact:
    """A bucket: its colour (a number), weights as fractions, and how they are written. None: no such limit.

    `short` is its path, or the last part of it where that says enough; `below`: it lies in another one of the list.
    """

    path: str
    short: str
    below: bool
    colour: int
    positions: str
    before: float
    after: float
    most: float | None
    least: float | None
    before_text: str
    after_text: str
    most_text: str
    least_text: str


@dataclass(frozen=True)
class AssetFact:
    """A candidate: the bucket whose colour it has, weights as fractions, and how all of it is written."""

    asset: str
    bucket: str
    top: str
    colour: int
    score: float
    before: float
    after: float
    score_text: str
    before_text: str
    after_text: str
    action: str
    reason: str
    size_reason: str
    sentence: str


@dataclass(frozen=True)
class Loss:
    """A step of the selection: how many candidates go, and how many are left."""

    name: str
    lost: int
    left: int


@dataclass(frozen=True)
class Line:
    """A line of the certificate as it is written."""

    name: str
    node: str
    measured: str
    limit: str
    status: str
    note: str


@dataclass(frozen=True)
class Facts:
    """Everything that the report shows."""

    title: str
    status: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]
    buckets: tuple[BucketFact, ...]
    assets: tuple[AssetFact, ...]
    cash: float
    cash_text: str
    candidates: int
    losses: tuple[Loss, ...]
    explanations: tuple[Explanation, ...]
    lines: tuple[Line, ...]
    conflicts: tuple[Conflict, ...]
    rules: tuple[Section, ...]
    limits: tuple[Figure, ...]
    fingerprint: str


def facts_of(
    trials: Trials,
    totals: Totals,
    *,
    buckets: Iterable[BucketSummary],
    certificate: Certificate,
    notes: Iterable[Note],
    conflicts: tuple[Conflict, ...],
    sentences: list[str],
    title: str,
) -> Facts:
    """The facts of one account; `sentences` are those of its rows, in the order of the table."""
    limits = trials.limits
    colour_of = _colours(trials)
    assets = tuple(_assets(trials, colour_of, sentences))
    account = "" if totals.account is None else f", account {totals.account}"
    figures = (
        Figure("status", totals.status),
        Figure("positions", str(totals.positions)),
        Figure("candidates", str(len(assets))),
        Figure("cash", percent(totals.cash)),
        Figure("bought", percent(totals.bought)),
        Figure("sold", percent(totals.sold)),
        Figure("turnover", percent(totals.turnover)),
    )
    return Facts(
        title=clean(f"{title}{account}"),
        status=totals.status,
        figures=figures,
        notes=tuple(clean(note.text) for note in notes),
        buckets=tuple(_buckets(buckets, limits, colour_of)),
        assets=assets,
        cash=max(totals.cash, 0.0),
        cash_text=percent(totals.cash),
        candidates=len(assets),
        losses=tuple(_losses(trials)),
        explanations=tuple(_cleaned(explain(trials, name)) for name in _explained(trials)),
        lines=tuple(_lines(certificate)),
        conflicts=conflicts,
        rules=tuple(Section(one.title, tuple(map(clean, one.sentences))) for one in rule_sheet(limits)),
        limits=tuple(Figure(known.name, clean(_shown(getattr(limits, known.name)))) for known in limit_fields()),
        fingerprint=fingerprint(trials),
    )


def percent(weight: float) -> str:
    """A fraction as percent: `12.50%`."""
    return f"{weight:.2%}"


def clean(text: str) -> str:
    """Text from outside without characters that could steer a screen or turn the reading direction."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def fingerprint(trials: Trials) -> str:
    """A hash of the inputs and the limits: the same for the same rows in any order.

    It is the SHA-256 of JSON with sorted keys: the limits complete, the rows by asset with their numbers in full, and
    where there are correlations the SHA-256 of these.
    """
    candidates = trials.candidates
    rows = []
    for at, row in enumerate(candidates.order.tolist()):
        numbers = [
            float(column[row]) for column in (candidates.score, candidates.current_weight, candidates.max_weight)
        ]
        numbers += [float(column[row]) for column in (candidates.desired_weight, candidates.volatility)]
        known = [repr(number) if math.isfinite(number) else None for number in numbers]
        rows.append([trials.names[at], candidates.bucket.at(row), int(candidates.restriction[row]), *known])
    given: dict[str, Any] = {"limits": trials.limits.to_dict(complete=True), "rows": rows}
    if candidates.correlations is not None:
        given["correlations"] = candidates.correlations.digest
    text = json.dumps(given, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _top(bucket: str, limits: RebalancingLimits) -> str:
    """The bucket at `bucket_level` in which a bucket lies: what has a colour."""
    parts = _parts(bucket, limits)
    level = limits.bucket_level if limits.enable_bucket_diversification else 1
    if parts[0] == UNKNOWN or len(parts) < level:
        return UNKNOWN
    return limits.bucket_separator.join(parts[:level])


def _parts(path: str, limits: RebalancingLimits) -> tuple[str, ...]:
    return split_path(path, limits.bucket_separator)


def _colours(trials: Trials) -> dict[str, int]:
    """A number for each bucket at `bucket_level`: first those in which something is or will be held, then by path."""
    named = [str(trials.candidates.bucket.at(row)) for row in trials.candidates.order.tolist()]
    used = (trials.rows["current"] > 0) | (trials.answer["target"] > 0)
    held = {_top(name, trials.limits) for name, here in zip(named, used.tolist(), strict=True) if here}
    tops = {_top(name, trials.limits) for name in (*named, *trials.limits.buckets, *trials.limits.known_buckets)}
    return {top: at for at, top in enumerate(sorted(tops, key=lambda top: (top not in held, top)))}


def _buckets(
    found: Iterable[BucketSummary], limits: RebalancingLimits, colour_of: dict[str, int]
) -> Iterator[BucketFact]:
    shown = [
        one for one in found if one.positions or one.current_weight > 0 or one.target_weight > 0 or one.min_allocation
    ]
    last = [_parts(one.path, limits)[-1] for one in shown]
    for one, short in zip(shown, last, strict=True):
        places = f"{one.positions}" if one.max_positions is None else f"{one.positions} of {one.max_positions}"
        top = _top(one.path, limits)
        yield BucketFact(
            clean(one.path),
            clean(short if last.count(short) == 1 else one.path),
            one.path != top,
            colour_of[top],
            places,
            one.current_weight,
            one.target_weight,
            one.max_allocation,
            one.min_allocation,
            percent(one.current_weight),
            percent(one.target_weight),
            "" if one.max_allocation is None else percent(one.max_allocation),
            "" if one.min_allocation is None else percent(one.min_allocation),
        )


def _assets(trials: Trials, colour_of: dict[str, int], sentences: list[str]) -> Iterator[AssetFact]:
    """Every candidate: targets first, the largest first; then by score."""
    order = trials.candidates.order.tolist()
    target = trials.answer["target"].tolist()

    def rank(at: int) -> tuple[float, float, float, int]:
        score = trials.scores[at]
        return -target[at], -trials.currents[at], math.inf if math.isnan(score) else -score, at

    for at in sorted(range(len(order)), key=rank):
        answer, score = trials.answer[at], trials.scores[at]
        bucket = str(trials.candidates.bucket.at(order[at]))
        top = _top(bucket, trials.limits)
        yield AssetFact(
            clean(trials.names[at]),
            clean(bucket),
            clean(top),
            colour_of[top],
            0.0 if math.isnan(score) else score,
            trials.currents[at],
            target[at],
            "none" if math.isnan(score) else f"{score:g}",
            percent(trials.currents[at]),
            percent(target[at]),
            Action(answer["action"]).code,
            Reason(answer["reason"]).code,
            SizeReason(answer["size_reason"]).code,
            clean(sentences[order[at]]),
        )


def _losses(trials: Trials) -> Iterator[Loss]:
    left = len(trials.rows)
    for name, reasons in _LOSSES:
        lost = sum(reason in reasons for reason in trials.reasons)
        left -= lost
        if lost:
            yield Loss(name, lost, left)


def _explained(trials: Trials) -> list[str]:
    """The selected, then the nearest misses by score."""
    ranked = sorted(range(len(trials.rows)), key=lambda at: (-float(np.nan_to_num(trials.scores[at], nan=-1.0)), at))
    inside = [at for at in ranked if trials.reasons[at] in SELECTED_REASONS]
    outside = [at for at in ranked if trials.reasons[at] not in SELECTED_REASONS]
    return [trials.names[at] for at in (*inside, *outside[:MISSES_EXPLAINED])]


def _cleaned(one: Explanation) -> Explanation:
    changes = tuple(dataclasses.replace(change, effect=clean(change.effect)) for change in one.counterfactuals)
    sentence, held = clean(one.sentence), one.held_by
    held = None if held is None else dataclasses.replace(held, effect=clean(held.effect))
    return dataclasses.replace(one, asset=clean(one.asset), sentence=sentence, counterfactuals=changes, held_by=held)


def _lines(certificate: Certificate) -> Iterator[Line]:
    for one in certificate:
        shown = _number_of(one.name)
        yield Line(one.name, clean(one.node), shown(one.measured), shown(one.limit), one.status, clean(one.note))


def _number_of(name: str) -> Any:
    if name in _COUNTS:
        return lambda value: f"{value:.0f}"
    return (lambda value: f"{value:g}") if name in _PLAIN else percent


def _shown(value: Any) -> str:
    """A field's value as TOML would have it, but for what is none."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value) or "none"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return "; ".join(f"{path}: {_given(own)}" for path, own in value.items()) or "none"


def _given(own: Any) -> str:
    values = {known.name: getattr(own, known.name) for known in dataclasses.fields(own)}
    return ", ".join(f"{name} {value}" for name, value in values.items() if value is not None) or "nothing"
