"""The limits in plain language. Most sentences come from the fields themselves; the others depend on several fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from trimtab.bucket_path import UNKNOWN
from trimtab.limits.bucket_limit import BucketLimit
from trimtab.limits.exposure_limits import known_in_tree
from trimtab.limits.exposures_in_words import exposure_sentences
from trimtab.limits.field_sentences import own_sentence, percent_text
from trimtab.limits.plan_in_words import gate_sentences, order_sentences
from trimtab.limits.rebalancing_limits import RebalancingLimits, limit_fields
from trimtab.text import counted

Limits = RebalancingLimits
Sentences = Callable[[Limits], list[str]]
_FIELDS = {known.name: known for known in limit_fields()}


@dataclass(frozen=True)
class RuleSection:
    """Some sentences under a title."""

    title: str
    sentences: tuple[str, ...]


def rule_sheet(limits: RebalancingLimits, *, plan: bool = False) -> tuple[RuleSection, ...]:
    """The limits in words, section by section; limits without effect are omitted or marked as off.

    `plan`: with the settings of orders and gates, which have an effect on a plan only.

    Examples
    --------
    >>> for section in rule_sheet(RebalancingLimits(max_total_positions=8))[:1]:
    ...     print(section.title)
    ...     print(section.sentences[0])
    Positions
    Hold at most 8 positions.
    """
    sections = [
        RuleSection(title, tuple(sentence for _, sentences in parts for sentence in sentences(limits)))
        for title, parts in _SECTIONS.items()
    ]
    if plan:
        sections.append(RuleSection("Orders", order_sentences(limits.orders)))
        sections.append(RuleSection("Gates", gate_sentences(limits.gates)))
    return tuple(section for section in sections if section.sentences)


def rule_sheet_text(limits: RebalancingLimits, *, plan: bool = False) -> str:
    """The rule sheet as text."""
    parts = (
        "\n".join([section.title, *(f"  - {sentence}" for sentence in section.sentences)])
        for section in rule_sheet(limits, plan=plan)
    )
    return "\n\n".join(parts) + "\n"


def described_fields() -> set[str]:
    """The fields that the rule sheet covers."""
    return {name for names in fields_by_section().values() for name in names}


def fields_by_section() -> dict[str, tuple[str, ...]]:
    """The fields that the rule sheet covers, by the title of their section."""
    return {title: tuple(name for names, _ in parts for name in names) for title, parts in _SECTIONS.items()}


def _own_sentence(limits: Limits, name: str) -> list[str]:
    """The sentence of a field; empty if it has no value."""
    return own_sentence(limits, _FIELDS[name])


def _field(name: str, only_if: Callable[[Limits], bool] = lambda _: True) -> tuple[tuple[str], Sentences]:
    """The sentence of a field, if the field has an effect."""
    return (name,), lambda limits: _own_sentence(limits, name) if only_if(limits) else []


def _in_buckets(sentences: Sentences) -> Sentences:
    """Sentences that appear only if buckets matter."""
    return lambda limits: sentences(limits) if limits.enable_bucket_diversification else []


def _switchable(name: str, switch: str, off: str) -> tuple[tuple[str, str], Sentences]:
    """The sentence of a field about buckets, or a note that a switch turns it off."""
    return (name, switch), _in_buckets(
        lambda limits: _own_sentence(limits, name) if getattr(limits, switch) else [f"{off} ({switch} is off)."]
    )


def _bucket_switch(limits: Limits) -> list[str]:
    if not limits.enable_bucket_diversification:
        return ["Buckets do not matter (enable_bucket_diversification is off)."]
    if not limits.bucket_separator:
        return ["A bucket is its whole name."]
    level = f"the first {limits.bucket_level} parts" if limits.bucket_level > 1 else "the first part"
    return [f'A bucket is {level} of its path; parts are separated by "{limits.bucket_separator}".']


def _representation(limits: Limits) -> list[str]:
    if limits.represents:
        return _own_sentence(limits, "min_buckets_represented")
    switch = "enforce_min_buckets is off" if not limits.enforce_min_buckets else "min_buckets_represented is 0"
    return [f"No bucket has to be represented ({switch})."]


def _has_bucket_limits(limits: Limits) -> bool:
    on = limits.enforce_position_limits or limits.enforce_allocation_limits
    return limits.enable_bucket_diversification and on


def _unknown(limits: Limits) -> list[str]:
    if limits.unknown_bucket == "hold":
        return ["Keep holdings without a bucket, free of bucket limits, and buy no asset without one."]
    counts = ", which does not count toward the minimum" if limits.represents else ""
    return [f"Assets without a bucket share one, {UNKNOWN}{counts}."]


def _known(limits: Limits) -> list[str]:
    known = known_in_tree(limits)
    return [f"These buckets exist even without a candidate: {', '.join(known)}."] if known else []


def _single(limits: Limits) -> list[str]:
    return [f"{path}: {_own_limits(own, limits)}." for path, own in limits.buckets.items()]


def _own_limits(own: BucketLimit, limits: Limits) -> str:
    parts = []
    if own.max_positions is not None and limits.enforce_position_limits:
        parts.append(f"at most {counted(own.max_positions, 'position')}")
    if own.max_allocation is not None and limits.enforce_allocation_limits:
        parts.append(f"at most {percent_text(own.max_allocation)}")
    if own.min_allocation is not None and limits.enforce_allocation_limits:
        parts.append(f"at least {percent_text(own.min_allocation)}, if its candidates can hold it")
    return ", ".join(parts) or "no limit of its own"


def _residual(limits: Limits) -> list[str]:
    if limits.sizing_mode == "desired":
        return [_FIELDS["residual_strategy"].metadata["sentence"]["cash"]]
    return _own_sentence(limits, "residual_strategy")


def _band(limits: Limits) -> list[str]:
    if limits.no_trade_band == 0 and limits.min_trade == 0:
        return ["Trade every holding to its target weight, however small the trade."]
    return [
        f"Leave a holding alone while it is within {percent_text(limits.no_trade_band)} of its target weight, or within "
        f"{percent_text(limits.min_trade)} of the account, unless that breaks a limit or leaves more than "
        f"{percent_text(limits.cash_band)} of unwanted cash."
    ]


def _drift(limits: Limits) -> list[str]:
    if limits.drift_tolerance <= 0:
        return ["Holdings and buckets may not drift above a limit."]
    return _own_sentence(limits, "drift_tolerance")


def _brakes(limits: Limits) -> list[str]:
    brakes = [*_own_sentence(limits, "brake_sold_weight"), *_own_sentence(limits, "brake_closed_positions")]
    return brakes or ["No brake stops large sales (brake_sold_weight, brake_closed_positions)."]


def _regime(limits: Limits) -> list[str]:
    if limits.regime is None:
        return []
    return [f"The limits above are those of the regime {limits.regime!r}."]


def _regimes(limits: Limits) -> list[str]:
    return [f"In the regime {name!r}: {_changes(limits.in_regime(name))}." for name in limits.regimes]


def _changes(limits: Limits) -> str:
    changes: Iterator[str] = (
        f"{change.name} is {_plain(change.in_force)} instead of {_plain(change.general)}" for change in limits.changed
    )
    return "; ".join(changes) or "nothing changes"


def _plain(value: Any) -> str:
    return "not set" if value is None else f"{value}"


_SECTIONS: dict[str, tuple[tuple[tuple[str, ...], Sentences], ...]] = {
    "Positions": (
        _field("max_total_positions"),
        _field("max_new_positions"),
        _field("min_score_threshold"),
        _field("min_score_new_position"),
        _field("min_score_diversification", lambda limits: limits.represents),
        _field("unscored_positions"),
        _field("dust_weight", lambda limits: limits.dust_weight > 0),
    ),
    "Buckets": (
        (("enable_bucket_diversification", "bucket_level", "bucket_separator"), _bucket_switch),
        _switchable("max_positions_per_bucket", "enforce_position_limits", "Buckets may hold any number of positions"),
        _switchable("max_allocation_per_bucket", "enforce_allocation_limits", "Buckets may have any weight"),
        (("min_buckets_represented", "enforce_min_buckets"), _in_buckets(_representation)),
        _field("allow_bucket_overflow", _has_bucket_limits),
        _field("max_correlation"),
        (("unknown_bucket",), _in_buckets(_unknown)),
        (("known_buckets",), _in_buckets(_known)),
        (("buckets",), _in_buckets(_single)),
    ),
    "Exposures": ((("exposures", "enforce_exposure_limits", "concentration"), exposure_sentences),),
    "Weights": (
        _field("target_invested"),
        _field("full_investment_positions"),
        _field("max_position_weight"),
        _field("min_position_weight", lambda limits: limits.min_position_weight > 0),
        _field("sizing_mode"),
        (("residual_strategy",), _residual),
    ),
    "Trades": (
        (("no_trade_band", "min_trade", "cash_band"), _band),
        (("drift_tolerance",), _drift),
        (("brake_sold_weight", "brake_closed_positions"), _brakes),
        _field("on_unmet"),
    ),
    "Regimes": ((("regime",), _regime), (("regimes",), _regimes)),
}
