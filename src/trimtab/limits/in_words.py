"""The limits in plain language: sentences made from the fields, each field in one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from trimtab.limits.rebalancing_limits import BucketLimit, RebalancingLimits

Limits = RebalancingLimits


@dataclass(frozen=True)
class Section:
    """Some sentences under a title."""

    title: str
    sentences: tuple[str, ...]


def rule_sheet(limits: RebalancingLimits) -> tuple[Section, ...]:
    """What the limits say, section by section; what they switch off is said and not listed.

    Examples
    --------
    >>> for section in rule_sheet(RebalancingLimits(max_total_positions=8))[:1]:
    ...     print(section.title)
    ...     print(section.sentences[0])
    Positions
    Hold at most 8 positions.
    """
    found = [Section(title, tuple(_said(limits, makers))) for title, makers in _SECTIONS]
    return tuple(section for section in found if section.sentences)


def rule_sheet_text(limits: RebalancingLimits) -> str:
    """The rule sheet as text."""
    parts = (
        "\n".join([section.title, *(f"  - {sentence}" for sentence in section.sentences)])
        for section in rule_sheet(limits)
    )
    return "\n\n".join(parts) + "\n"


def described_fields() -> set[str]:
    """The fields that have a sentence."""
    return {name for _, makers in _SECTIONS for names, _ in makers for name in names}


def _said(limits: Limits, makers: Iterable[tuple[tuple[str, ...], Callable[[Limits], Any]]]) -> Iterator[str]:
    for _, maker in makers:
        said = maker(limits)
        yield from [said] if isinstance(said, str) else said


def _percent(weight: float) -> str:
    """A fraction as percent, with as many digits as it has."""
    return f"{round(100 * weight, 10):.12g}%"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _few(limits: Limits) -> list[str]:
    if limits.full_investment_positions is None:
        return []
    return [
        f"With fewer than {_count(limits.full_investment_positions, 'position')}, invest less: each missing one takes an "
        "equal part of the part that is not fixed."
    ]


def _bucket_switch(limits: Limits) -> str:
    if not limits.enable_bucket_diversification:
        return "Buckets do not matter: enable_bucket_diversification is off."
    level = f"the first {limits.bucket_level} parts" if limits.bucket_level > 1 else "the first part"
    apart = f', parts separated by "{limits.bucket_separator}"' if limits.bucket_separator else ", which is one part"
    return f"A bucket is {level} of its path{apart}."


def _in_buckets(maker: Callable[[Limits], Any]) -> Callable[[Limits], Any]:
    """A sentence that is said only where buckets matter."""
    return lambda limits: maker(limits) if limits.enable_bucket_diversification else []


def _places(limits: Limits) -> str:
    if not limits.enforce_position_limits:
        return "No bucket has a limit of positions: enforce_position_limits is off."
    return f"Hold at most {_count(limits.max_positions_per_bucket, 'position')} in a bucket."


def _allocation(limits: Limits) -> str:
    if not limits.enforce_allocation_limits:
        return "No bucket has a limit of weight: enforce_allocation_limits is off."
    return f"Hold at most {_percent(limits.max_allocation_per_bucket)} in a bucket."


def _representation(limits: Limits) -> str:
    if not limits.enforce_min_buckets:
        return "No bucket has to be represented: enforce_min_buckets is off."
    return f"Hold positions in at least {_count(limits.min_buckets_represented, 'bucket')}, if the candidates allow it."


def _overflow(limits: Limits) -> str:
    if limits.allow_bucket_overflow:
        return "Keep holdings that are good enough even where their bucket has no free position."
    return "Close the lowest holdings of a bucket with more positions than it may have."


def _correlation(limits: Limits) -> list[str]:
    if limits.max_correlation is None:
        return []
    return [
        f"Buy nothing whose correlation with another position of its bucket is above {limits.max_correlation:g}, or not known; "
        "what is held stays."
    ]


def _known(limits: Limits) -> list[str]:
    if not limits.known_buckets:
        return []
    return [f"These buckets exist, whether a candidate is in them or not: {', '.join(limits.known_buckets)}."]


def _single(limits: Limits) -> list[str]:
    return [f"{path}: {_own(own)}." for path, own in limits.buckets.items()]


def _own(own: BucketLimit) -> str:
    parts = []
    if own.max_positions is not None:
        parts.append(f"at most {_count(own.max_positions, 'position')}")
    if own.max_allocation is not None:
        parts.append(f"at most {_percent(own.max_allocation)}")
    if own.min_allocation is not None:
        parts.append(f"at least {_percent(own.min_allocation)}, if its candidates can hold that")
    return ", ".join(parts) or "as the general limits say"


_MODES = {
    "equal_weight": "Wish the same weight for every position.",
    "score_weighted": "Wish weights in proportion to the scores.",
    "adaptive": "Wish weights in steps of the score: 1.5, 1.2, 1, 0.8 and 0.5 from 0.9, 0.8, 0.7, 0.6 and below.",
    "inverse_volatility": "Wish weights in inverse proportion to volatility.",
    "desired": "Wish the desired_weight of each position, and never more in all.",
}
_UNSCORED = {
    "hold": "Keep a holding without a score as it is.",
    "close": "Close a holding without a score.",
    "error": "Refuse an account with a holding that has no score.",
}


def _rest(limits: Limits) -> str:
    if limits.residual_strategy == "cash":
        return "What limits cut off a position stays in cash."
    return "What limits cut off a position goes to the others."


def _band(limits: Limits) -> str:
    return (
        f"Leave a holding alone while it is within {_percent(limits.no_trade_band)} of its size, or within "
        f"{_percent(limits.min_trade)} of the account, and no limit and no more than {_percent(limits.cash_band)} of "
        "cash stands against that."
    )


def _drift(limits: Limits) -> str:
    if limits.drift_tolerance <= 0:
        return "No holding and no bucket may drift above a limit."
    return f"A holding or a bucket may drift above a limit by up to {_percent(limits.drift_tolerance)} of the limit."


def _dust(limits: Limits) -> str:
    return f"A holding below {_percent(limits.dust_weight)} is dust: it competes as a new asset and is closed if not selected."


def _unknown(limits: Limits) -> str:
    if limits.unknown_bucket == "hold":
        return "Keep what has no bucket, under no bucket limit, and buy nothing there."
    return "All that has no bucket is one limited bucket, which represents nothing."


def _brakes(limits: Limits) -> list[str]:
    found = []
    if limits.brake_sold_weight is not None:
        found.append(f"Trade nothing at all if more than {_percent(limits.brake_sold_weight)} would be sold.")
    if limits.brake_closed_positions is not None:
        found.append(
            f"Trade nothing at all if more than {_count(limits.brake_closed_positions, 'holding')} would be closed."
        )
    return found or ["No brake is set: all that the rules decide is traded."]


def _unmet(limits: Limits) -> str:
    if limits.on_unmet == "raise":
        return "A limit that cannot be met is an error."
    return "A limit that cannot be met is reported."


def _regime(limits: Limits) -> list[str]:
    if limits.regime is None:
        return []
    return [f"The limits above are those in force in the regime {limits.regime!r}."]


def _regimes(limits: Limits) -> Iterator[str]:
    for name in limits.regimes:
        changes = limits.in_regime(name).changed
        said = "; ".join(
            f"{change.name} {_plain(change.in_force)} instead of {_plain(change.general)}" for change in changes
        )
        yield f"In the regime {name!r}: {said or 'nothing changes'}."


def _plain(value: Any) -> str:
    return "none" if value is None else f"{value}"


_SECTIONS: tuple[tuple[str, tuple[tuple[tuple[str, ...], Callable[[Limits], Any]], ...]], ...] = (
    (
        "Positions",
        (
            (("max_total_positions",), lambda it: f"Hold at most {_count(it.max_total_positions, 'position')}."),
            (
                ("max_new_positions",),
                lambda it: (
                    f"Buy at most {_count(it.max_new_positions, 'asset')} that {'is' if it.max_new_positions == 1 else 'are'} not held before."
                ),
            ),
            (
                ("min_score_threshold",),
                lambda it: f"Keep a holding with a score of at least {it.min_score_threshold:g}.",
            ),
            (
                ("min_score_new_position",),
                lambda it: f"Buy an asset with a score of at least {it.min_score_new_position:g}.",
            ),
            (
                ("min_score_diversification",),
                _in_buckets(
                    lambda it: (
                        f"Buy one that represents a missing bucket with a score of at least {it.min_score_diversification:g}."
                    )
                ),
            ),
            (("unscored_positions",), lambda it: _UNSCORED[it.unscored_positions]),
            (("dust_weight",), _dust),
        ),
    ),
    (
        "Buckets",
        (
            (("enable_bucket_diversification", "bucket_level", "bucket_separator"), _bucket_switch),
            (("max_positions_per_bucket", "enforce_position_limits"), _in_buckets(_places)),
            (("max_allocation_per_bucket", "enforce_allocation_limits"), _in_buckets(_allocation)),
            (("min_buckets_represented", "enforce_min_buckets"), _in_buckets(_representation)),
            (("allow_bucket_overflow",), _in_buckets(_overflow)),
            (("max_correlation",), _correlation),
            (("unknown_bucket",), _in_buckets(_unknown)),
            (("known_buckets",), _in_buckets(_known)),
            (("buckets",), _in_buckets(_single)),
        ),
    ),
    (
        "Weights",
        (
            (
                ("target_invested",),
                lambda it: f"Invest {_percent(it.target_invested)} of the account; the rest is cash.",
            ),
            (("full_investment_positions",), _few),
            (("max_position_weight",), lambda it: f"Hold at most {_percent(it.max_position_weight)} in one asset."),
            (
                ("min_position_weight",),
                lambda it: f"Hold at least {_percent(it.min_position_weight)} in an asset that is held.",
            ),
            (("sizing_mode",), lambda it: _MODES[it.sizing_mode]),
            (("residual_strategy",), _rest),
        ),
    ),
    (
        "Trades",
        (
            (("no_trade_band", "min_trade", "cash_band"), _band),
            (("drift_tolerance",), _drift),
            (("brake_sold_weight", "brake_closed_positions"), _brakes),
            (("on_unmet",), _unmet),
        ),
    ),
    ("Regimes", ((("regime",), _regime), (("regimes",), _regimes))),
)
