"""Possible obstacles to the aim of the total weight: limits, restrictions and missing data, each with its removal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from trimtab.errors import listed
from trimtab.explanations.changes import CONCENTRATION, NODE_FIELDS, SCORE_FIELDS, Change
from trimtab.explanations.reruns import Reruns
from trimtab.kernel.records import NO_NODE, ROOT, Flags
from trimtab.reasons import Reason, Restriction, SizeReason
from trimtab.text import counted, figure, percent, printable
from trimtab.tolerances import LIMIT_TOLERANCE

_NAMED = 6
_SCORES = "min_score_threshold, min_score_new_position"
_BANDS = ("no_trade_band", "min_trade")
_BUYING = (Restriction.NO_BUY, Restriction.NO_TRADE)
_SELLING = (Restriction.NO_SELL, Restriction.NO_TRADE)
# Limits that keep assets out by themselves.
_COUNTED = {
    Reason.TOTAL_POSITION_LIMIT: "max_total_positions",
    Reason.NEW_POSITION_LIMIT: "max_new_positions",
    Reason.DISPLACED_FOR_REPRESENTATION: "min_buckets_represented",
    Reason.TOO_CORRELATED: "max_correlation",
}
_BRAKES = ("brake_sold_weight", "brake_closed_positions")
_OTHERS = (
    *_BRAKES,
    *_COUNTED.values(),
    "min_position_weight",
    "max_position_weight",
    "sizing_mode",
    "unknown_bucket",
    *_BANDS,
)
_VALUES: dict[str, Any] = {"unknown_bucket": "limit", "max_position_weight": 1.0} | dict.fromkeys(_BANDS, 0.0)


class Obstacle(NamedTuple):
    """A possible obstacle to the aim, and the changes that remove it."""

    text: str
    lifted: tuple[Change, ...]


def reasons_for_more(reruns: Reruns) -> Iterator[Obstacle]:
    """The obstacles to more positions, then those to larger ones: why cash is above the aim."""
    limits = reruns.limits
    yield from _kept_out(reruns)
    positions = int(np.count_nonzero(reruns.is_slot & (reruns.answer["proposed"] > 0)))
    if limits.full_investment_positions is not None and positions < limits.full_investment_positions:
        text = f"with {counted(positions, 'position')} the aim is lower (full_investment_positions {limits.full_investment_positions})"
        yield Obstacle(text, (Change("full_investment_positions", "", None),))
    if limits.residual_strategy == "cash":
        text = 'weight trimmed by limits is not spread over the others (residual_strategy "cash")'
        yield Obstacle(text, (Change("residual_strategy", "", None),))
    if limits.sizing_mode == "desired":
        text = 'no position is raised above its desired_weight (sizing_mode "desired")'
        yield Obstacle(text, (Change("sizing_mode", "", None),))
    yield from _capped(reruns)
    yield from _exposed(reruns)
    yield from _restricted(reruns, "buying", _BUYING)
    yield from _unscored(reruns)
    yield from _unsized(reruns, "bought")
    yield from _unclassified(reruns)
    yield from _banded(reruns)


def reasons_for_less(reruns: Reruns) -> Iterator[Obstacle]:
    """The obstacles to smaller positions: why cash is below the aim."""
    yield from _restricted(reruns, "selling", _SELLING)
    held = np.isnan(reruns.rows["score"]) & reruns.answer["selected"]
    if held.any():
        text = f'without a score nothing is sold: {_named(reruns, held)} (unscored_positions "hold")'
        yield Obstacle(text, (Change("unscored_positions", "", None),))
    yield from _unsized(reruns, "sold")
    yield from _banded(reruns)


def other_limits(reruns: Reruns) -> Iterator[Obstacle]:
    """All limits, for a total that no visible obstacle keeps from its aim."""
    fields = dict.fromkeys((name, "") for name in _OTHERS)
    for node in range(1, len(reruns.nodes)):
        fields |= dict.fromkeys(reruns.limit_of(node, field) for field in NODE_FIELDS)
    for name, bucket in fields:
        text = f"{name} of {printable(bucket)}" if bucket else name
        yield Obstacle(text, (Change(name, bucket, _VALUES.get(name)),))
    yield Obstacle(_SCORES, tuple(Change(name, "", None) for name in SCORE_FIELDS))
    exposures = reruns.exposures
    for name in exposures.names[: exposures.first_issuer]:
        yield Obstacle(f"min_exposure of {printable(name)}", (Change("min_exposure", name, 0.0),))
        yield Obstacle(f"max_exposure of {printable(name)}", (Change("max_exposure", name, np.inf),))
    yield Obstacle("max_weight", (Change("max_weight", "", None),))
    yield Obstacle("restriction", (Change("restriction", "", ""),))


def _kept_out(reruns: Reruns) -> Iterator[Obstacle]:
    """Limits and scores that keep assets out, each with the number of assets."""
    limits, numbers = reruns.limits, Counter[Reason]()
    standing = Counter(reruns.standing(row) for row in range(len(reruns.rows)))
    for (reason, _), number in standing.items():
        numbers[reason] += number
    for reason, name in _COUNTED.items():
        yield from _out(numbers[reason], f"{name} {figure(getattr(limits, name) or 0.0)}", [(name, "")])
    crowded = [node for reason, node in standing if reason == Reason.BUCKET_POSITION_LIMIT]
    full = sorted({reruns.limit_of(node, "max_positions") for node in crowded})
    named = listed((f"{name} of {printable(node)}" if node else name for name, node in full), _NAMED)
    yield from _out(numbers[Reason.BUCKET_POSITION_LIMIT], named, full)
    yield from _without_room(
        reruns, {node: standing[Reason.MIN_POSITION_CAPACITY, node] for node in range(len(reruns.nodes))}
    )
    lacking = f"a missing {limits.sizing_column} (sizing_mode {limits.sizing_mode})"
    yield from _out(numbers[Reason.NOT_SIZABLE], lacking, [("sizing_mode", "")])
    low = numbers[Reason.BELOW_THRESHOLD]
    scores = f"{'its score' if low == 1 else 'their scores'} ({_SCORES})"
    yield from _out(low, scores, [(name, "") for name in SCORE_FIELDS])


def _without_room(reruns: Reruns, numbers: dict[int, int]) -> Iterator[Obstacle]:
    """The smallest weight of a position, and the buckets that have no room for another one."""
    minimum = f"min_position_weight {figure(reruns.limits.min_position_weight)}, which no longer fits"
    yield from _out(sum(numbers.values()), minimum, [("min_position_weight", "")])
    for node, number in numbers.items():
        if node != ROOT and number:
            name, bucket = reruns.limit_of(node, "max_allocation")
            text = f"{name} of {printable(reruns.node_name(node))}, which has no room for another position"
            yield from _out(number, text, [(name, bucket)])


def _out(number: int, limit: str, fields: Sequence[tuple[str, str]]) -> Iterator[Obstacle]:
    if number:
        text = f"{counted(number, 'asset')} {'is' if number == 1 else 'are'} kept out by {limit}"
        yield Obstacle(text, tuple(Change(*field, None) for field in fields))


def _capped(reruns: Reruns) -> Iterator[Obstacle]:
    """Assets and buckets at their largest weight."""
    limits = reruns.limits
    own = reruns.rows["max_weight"] < limits.max_position_weight
    caps = np.minimum(reruns.rows["max_weight"], limits.max_position_weight)
    capped = (reruns.sizes > 0) & (reruns.sizes >= caps - LIMIT_TOLERANCE)
    if (capped & ~own).any():
        text = f"at max_position_weight {figure(limits.max_position_weight)}: {_named(reruns, capped & ~own)}"
        yield Obstacle(text, (Change("max_position_weight", "", 1.0),))
    too_small = reruns.answer["reason"] == Reason.MIN_POSITION_CAPACITY
    too_small &= reruns.answer["reason_node"] == NO_NODE
    for rows, text in ((capped & own, "at their max_weight"), (too_small & own, "kept out by their max_weight")):
        yield from _of_rows(reruns, rows, text, ("max_weight", None))
    full: dict[tuple[str, str], list[str]] = {}
    weight = reruns.under(reruns.sizes)
    for node in range(1, len(reruns.nodes)):
        largest = float(reruns.nodes["max_allocation"][node])
        if weight[node] >= largest - LIMIT_TOLERANCE:
            text = f"{printable(reruns.node_name(node))} ({percent(largest)})"
            full.setdefault(reruns.limit_of(node, "max_allocation"), []).append(text)
    for (name, bucket), names in full.items():
        yield Obstacle(f"at {name}: {listed(names, _NAMED)}", (Change(name, bucket, None),))


def _exposed(reruns: Reruns) -> Iterator[Obstacle]:
    """Buckets of exposures with a maximum that is reached, or too small for a position; and concentration."""
    exposures = reruns.exposures
    largest = exposures.limited.rows["max_exposure"]
    room = largest - reruns.sizes @ exposures.fractions if exposures.exposed is not None else np.zeros(0)
    for row in np.flatnonzero(room <= reruns.limits.min_position_weight + LIMIT_TOLERANCE).tolist():
        name = exposures.names[row]
        text = f"at max_exposure: {printable(name)} ({percent(float(largest[row]))})"
        yield Obstacle(text, (Change("max_exposure", name, np.inf),))
    for scheme, own in reruns.limits.concentration.items() if exposures.exposed is not None else ():
        yield Obstacle(f"concentration {own.text} of {printable(scheme)}", (Change(CONCENTRATION, scheme, None),))


def _restricted(reruns: Reruns, trade: str, restrictions: Iterable[Restriction]) -> Iterator[Obstacle]:
    """Assets that a restriction keeps out, or at their weight."""
    kept = (reruns.answer["reason"] == Reason.RESTRICTED_OUT) | (reruns.answer["size_reason"] == SizeReason.RESTRICTED)
    rows = kept & np.isin(reruns.rows["restriction"], [int(each) for each in restrictions])
    yield from _of_rows(reruns, rows, f"a restriction forbids {trade}", ("restriction", ""))


def _unscored(reruns: Reruns) -> Iterator[Obstacle]:
    yield from _of_rows(reruns, np.isnan(reruns.rows["score"]), "without a score nothing is bought", ("score", 1.0))


def _unsized(reruns: Reruns, done: str) -> Iterator[Obstacle]:
    """Holdings without the data for their size."""
    held, limits = reruns.answer["reason"] == Reason.HELD_NOT_SIZABLE, reruns.limits
    if held.any():
        mode = f"(sizing_mode {limits.sizing_mode})"
        text = f"without a {limits.sizing_column} nothing is {done}: {_named(reruns, held)} {mode}"
        yield Obstacle(text, (Change("sizing_mode", "", None),))


def _unclassified(reruns: Reruns) -> Iterator[Obstacle]:
    """Assets in a bucket in which nothing is bought."""
    rows = reruns.nodes["closed"][reruns.rows["leaf"]]
    if rows.any():
        text = f'without a bucket nothing is bought: {_named(reruns, rows)} (unknown_bucket "hold")'
        yield Obstacle(text, (Change("unknown_bucket", "", "limit"),))


def _banded(reruns: Reruns) -> Iterator[Obstacle]:
    """Holdings within their band."""
    held = reruns.answer["size_reason"] == SizeReason.HELD_IN_BAND
    if held.any():
        text = f"near enough to their size to be left alone ({', '.join(_BANDS)}): {_named(reruns, held)}"
        yield Obstacle(text, tuple(Change(name, "", 0.0) for name in _BANDS))


def _of_rows(reruns: Reruns, rows: Flags, text: str, lifted: tuple[str, Any]) -> Iterator[Obstacle]:
    """The obstacle of some assets, which the same value in their rows removes."""
    if rows.any():
        changes = (Change(lifted[0], reruns.names[row], lifted[1]) for row in np.flatnonzero(rows).tolist())
        yield Obstacle(f"{text}: {_named(reruns, rows)}", tuple(changes))


def _named(reruns: Reruns, where: Flags) -> str:
    """Assets by name."""
    return listed(sorted(printable(reruns.names[row]) for row in np.flatnonzero(where).tolist()), _NAMED)
