"""Another value of one limit: the plan decided again, and its difference to the plan of the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from trimtab.errors import LimitsError, TrimtabError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.plan import Plan
from trimtab.store.run_difference import trade_changes
from trimtab.text import printable
from trimtab.web.exposure_form import BUCKET_EXPOSURES
from trimtab.web.form_values import highest, is_percent, typed_value
from trimtab.web.headline import headline_of
from trimtab.web.limit_form import BUCKET_FIELDS, changed, described_limit, field_of, named_fields, value_of
from trimtab.web.limit_labels import LABELS
from trimtab.web.rendering import percent_text
from trimtab.web.sessions import Session

_STEPS = 100  # of a range without natural steps
_CURVE_POINTS = 25
_CURVE_ASSETS = 100  # with more candidates, the curve would make the page wait
_BUCKET_LABELS = {
    "max_positions": "positions at most",
    "max_allocation": "at most",
    "min_allocation": "at least",
    "max_exposure": "at most",
    "min_exposure": "at least",
}
_SHOWN = 6


@dataclass(frozen=True)
class Dial:
    """A limit with a range: `now` is its value as people type it, `step` that of the slider."""

    name: str
    node: str
    label: str
    unit: str
    low: float
    high: float
    step: float
    now: str

    @property
    def key(self) -> str:
        """The dial in an address."""
        return f"{self.name}|{self.node}"

    @property
    def exposure(self) -> tuple[str, str] | None:
        """The scheme and the bucket of a limit of exposures; the bucket is empty for all of the scheme."""
        scheme, _, path = self.node.partition(":")
        return (scheme, path) if self.name in BUCKET_EXPOSURES else None

    def value_of(self, text: str) -> Any:
        """The value of the limit for a typed text.

        Raises
        ------
        ValueError
            It is not a number.
        """
        return typed_value(described_limit(self.name, self.node), text)


@dataclass(frozen=True)
class Line:
    """A figure of the plan beside that of the other plan."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class WhatIf:
    """A dial at another value: what differs; `fault` where that value cannot be planned with."""

    dial: Dial
    value: str
    lines: tuple[Line, ...] = ()
    headline: str = ""
    trades: tuple[str, ...] = ()
    others: int = 0
    fault: str = ""


def dials_of(limits: RebalancingLimits, plan: Plan) -> tuple[Dial, ...]:
    """Every limit that is a number: the general ones, and those of the buckets of the plan."""
    general = limits.general or limits
    candidates = len(plan.reasons)
    dials = [_dial(name, "", value_of(general, name), candidates) for name in named_fields() if _is_ranged(name)]
    for bucket in plan.result.buckets if general.enable_bucket_diversification else ():
        dials += [_dial(name, bucket.path, getattr(bucket, name), candidates) for name in BUCKET_FIELDS]
    if general.enforce_exposure_limits:
        dials += _exposure_dials(general, plan)
    return tuple(dials)


def _exposure_dials(limits: RebalancingLimits, plan: Plan) -> Iterator[Dial]:
    """The general maximum of each scheme, and both limits of its buckets."""
    for scheme in plan.result.facts().schemes:
        own = limits.exposures.get(scheme.name)
        yield _dial("max_exposure", f"{scheme.name}:", None if own is None else own.max_exposure, 0)
        for bucket in scheme.buckets:
            for name, value in zip(BUCKET_EXPOSURES, (bucket.max_weight, bucket.min_weight), strict=True):
                yield _dial(name, f"{scheme.name}:{bucket.path}", value, 0)


def _is_ranged(name: str) -> bool:
    """Whether a field is a number with a range that a slider covers."""
    meta = field_of(name).metadata
    is_count = meta["kind"] is int and name.partition(".")[0] != "gates"
    return is_count or (meta["kind"] is float and math.isfinite(highest(field_of(name))))


def _dial(name: str, node: str, value: Any, candidates: int) -> Dial:
    known = described_limit(name, node)
    scale = 100 if is_percent(known) else 1
    low, high = known.metadata["low"] * scale, min(highest(known), 1.0) * scale
    if known.metadata["kind"] is int:
        step, high = 1.0, float(max(candidates, low + 1))
    else:
        step = (high - low) / _STEPS
        high -= step if known.metadata["below"] is not None else 0.0
    present = "" if value is None or not math.isfinite(value) else f"{value * scale:.6g}"
    return Dial(name, node, label_of(name, node), "%" if scale > 1 else "", low, high, step, present)


def label_of(name: str, node: str) -> str:
    """The words for a limit: of a bucket, or general."""
    if not node:
        return LABELS[name]
    words = node
    if name in BUCKET_EXPOSURES:
        scheme, _, path = node.partition(":")
        words = f"{scheme}, {path or 'each bucket'}"
    return f"{printable(words)}, {_BUCKET_LABELS[name]}"


def what_if(session: Session, plan: Plan, dial: Dial, value: str) -> WhatIf:
    """The plan with one limit at another value, against the plan of the session."""
    try:
        other = plan if value == dial.now else _decided(session, dial, value)
    except (TrimtabError, ValueError) as error:
        return WhatIf(dial, value, fault=_words(error, value))
    trades = [change.sentence for change in trade_changes(plan, other)]
    return WhatIf(
        dial,
        value,
        lines=tuple(_lines(plan, other, dial)),
        headline=headline_of(other, other.result.facts().lines),
        trades=tuple(trades[:_SHOWN]),
        others=max(len(trades) - _SHOWN, 0),
    )


def _words(error: Exception, value: str) -> str:
    return "; ".join(error.faults) if isinstance(error, LimitsError) else f"{value[:40]!r}: {error}"


def limits_with(limits: RebalancingLimits, dial: Dial, value: str) -> RebalancingLimits:
    """The limits with a dial at a typed value.

    Raises
    ------
    LimitsError, ValueError
        The value does not fit, or is not a number.
    """
    return changed(limits, dial.name, dial.node, dial.value_of(value))


def _decided(session: Session, dial: Dial, value: str) -> Plan:
    return session.decide(limits_with(session.work.limits, dial, value))


def _lines(plan: Plan, other: Plan, dial: Dial) -> Iterator[Line]:
    for name, side in (("Sells", "sell"), ("Buys", "buy")):
        yield Line(name, *(str(sum(order.side == side for order in each.orders)) for each in (plan, other)))
    yield Line("Traded", *(percent_text(_traded(each)) for each in (plan, other)))
    yield Line("Cash", *(percent_text(float(each.cash / each.value) if each.value else 0.0) for each in (plan, other)))
    yield Line("Positions", str(plan.holdings), str(other.holdings))
    if dial.node and dial.exposure is None:
        yield Line(printable(dial.node), *(percent_text(_weight(each, dial.node)) for each in (plan, other)))
    if dial.exposure is not None and dial.exposure[1]:
        name = printable(", ".join(dial.exposure))
        yield Line(name, *(percent_text(_exposure(each, *dial.exposure)) for each in (plan, other)))


def _traded(plan: Plan) -> float:
    return float(max(plan.sold, plan.bought) / plan.value_before) if plan.value_before else 0.0


def _weight(plan: Plan, node: str) -> float:
    return next((bucket.after for bucket in plan.traded_facts.buckets if bucket.path == printable(node)), 0.0)


def _exposure(plan: Plan, scheme: str, path: str) -> float:
    buckets = [each for known in plan.traded_facts.schemes if known.name == scheme for each in known.buckets]
    return next((bucket.after for bucket in buckets if bucket.path == path), 0.0)


def curve_of(session: Session, plan: Plan, dial: Dial) -> tuple[tuple[float, float], ...]:
    """How much would be traded at values across the range; empty for large accounts."""
    if len(plan.reasons) > _CURVE_ASSETS:
        return ()
    points = []
    for value in _across(dial):
        try:
            points.append((value, _traded(_decided(session, dial, f"{value:.6g}"))))
        except TrimtabError:
            continue
    return tuple(points)


def _across(dial: Dial) -> Iterable[float]:
    width = dial.high - dial.low
    steps = {round(width * place / (_CURVE_POINTS - 1) / dial.step) * dial.step for place in range(_CURVE_POINTS)}
    return sorted(dial.low + step for step in steps)
