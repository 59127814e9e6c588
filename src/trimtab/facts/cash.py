"""The cash that stays, against the aim, and what keeps it there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trimtab.certificate.certificate import Certificate, Constraint
from trimtab.errors import listed
from trimtab.facts.assets import AssetFact
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.text import counted, percent, printable

_TOLERANCE = 1e-9
_NAMED = 6
_BRAKED = "the brake keeps every weight unchanged"


@dataclass(frozen=True)
class CashInputs:
    """The material of the sentences about cash: the account after the rebalance."""

    limits: RebalancingLimits
    assets: Sequence[AssetFact]
    certificate: Certificate
    positions: int
    cash: float
    braked: bool


def cash_sentence(found: CashInputs) -> str:
    """The cash that stays, against the aim."""
    aimed = 1.0 - found.limits.target_invested
    more = found.cash - aimed
    if abs(more) <= _TOLERANCE:
        return f"{percent(found.cash)}, as aimed for (target_invested {found.limits.target_invested:g})"
    aim = f"{percent(aimed)} aimed for (target_invested {found.limits.target_invested:g})"
    return f"{percent(found.cash)}, {100 * abs(more):.2f} points {'less' if more < 0 else 'more'} than the {aim}"


def cash_reasons(found: CashInputs) -> Iterable[str]:
    """The facts that keep it there; none if the aim is reached."""
    more = found.cash - (1.0 - found.limits.target_invested)
    if abs(more) <= _TOLERANCE:
        return ()
    if found.braked:
        return (_BRAKED,)
    return _less_cash(found) if more < 0 else _more_cash(found)


def _less_cash(found: CashInputs) -> Iterable[str]:
    kept = _named(found, "restricted")
    if kept:
        yield f"kept by restriction or missing data: {kept}"
    band = _named(found, "held_in_band")
    if band:
        yield f"left alone inside no_trade_band, cash_band {found.limits.cash_band:g} allows it: {band}"


def _more_cash(found: CashInputs) -> Iterable[str]:
    """Why no more is invested: what prevents more positions, then what holds each position down."""
    limits = found.limits
    yield from _no_more_positions(found)
    if limits.full_investment_positions is not None and found.positions < limits.full_investment_positions:
        yield (
            f"{counted(found.positions, 'position')}, and full_investment_positions is "
            f"{limits.full_investment_positions}: fewer aim at less"
        )
    if limits.residual_strategy == "cash":
        yield 'residual_strategy is "cash": weight trimmed by limits is not spread over the others'
    if limits.sizing_mode == "desired":
        yield 'sizing_mode is "desired": no position is lifted above its desired_weight to use up cash'
    capped = _named(found, "capped_position")
    if capped:
        yield f"at their largest weight (max_position_weight {limits.max_position_weight:g}, or their own): {capped}"
    full = [_short(one) for one in found.certificate if one.name == "max_allocation" and _is_full(one)]
    if full:
        yield f"buckets with nothing left under max_allocation: {listed(full, _NAMED)}"
    kept = _named(found, "restricted")
    if kept:
        yield f"kept by restriction or missing data: {kept}"
    band = _named(found, "held_in_band")
    if band:
        bands = f"no_trade_band {limits.no_trade_band:g}, cash_band {limits.cash_band:g}"
        yield f"left alone, near enough to their size ({bands}): {band}"


def _no_more_positions(found: CashInputs) -> Iterable[str]:
    if not found.positions:
        yield "no candidate was selected"
        return
    waiting: dict[str, int] = {}
    for one in found.assets:
        if one.after <= 0:
            waiting[one.reason] = waiting.get(one.reason, 0) + 1
    limits = found.limits
    words = {
        "min_position_capacity": f"min_position_weight {limits.min_position_weight:g}, which no longer fits",
        "total_position_limit": f"max_total_positions {limits.max_total_positions}",
        "new_position_limit": f"max_new_positions {limits.max_new_positions}",
        "bucket_position_limit": "the max_positions of their buckets",
        "too_correlated": f"max_correlation {limits.max_correlation}",
    }
    kept_out = [f"{waiting[reason]} by {word}" for reason, word in words.items() if reason in waiting]
    if kept_out:
        yield f"good enough, but kept out: {', '.join(kept_out)}"


def _is_full(one: Constraint) -> bool:
    return one.measured > 0 and one.slack <= _TOLERANCE


def _short(one: Constraint) -> str:
    return f"{printable(one.node)} ({percent(one.limit)})"


def _named(found: CashInputs, size_reason: str) -> str:
    """Positions by name: the order of the rows must not matter."""
    names = sorted(one.asset for one in found.assets if one.after > 0 and one.size_reason == size_reason)
    return listed(names, _NAMED)
