"""What the sentences about orders name, carried out: in the weights of the plan, and in plans made again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import trimtab
from trimtab.errors import InputError, LimitsError
from trimtab.orders.plan import Plan

_CENT = Decimal("0.01")
_LIFTED: dict[str, Any] = {
    "mode": "full",
    "min_trade_amount": 0,
    "cash_buffer": 0.0,
    "max_turnover": None,
    "max_realized_gain": None,
    "max_fee_share": 1.0,
    "fees": {},
}
# Reasons that name a setting, and the setting without it.
_SETTINGS = {
    "fee_too_high": {"fees": {}},
    "max_turnover": {"max_turnover": None},
    "max_realized_gain": {"max_realized_gain": None},
}


def faults_of_plan(
    rows: list[dict[str, Any]], limits: Any, inputs: dict[str, Any], counts: Counter[str], explained: int = 2
) -> Iterator[str]:
    """Sentences of a plan that do not hold; `explained` of its assets with the changes that their explanations name."""
    made = trimtab.plan(rows, limits, **inputs)
    texts, row_of = made.details(), {row["asset"]: row for row in rows}
    for asset, reason in made.reasons.items():
        counts[reason] += reason in _CHECKS or reason in _SETTINGS
        checks = _CHECKS.get(reason, ())
        if not all(check(made, row_of[asset], texts[asset]) for check in checks):
            yield f"{asset}: {texts[asset]}"
        if reason in _SETTINGS:
            again = _again(rows, limits, inputs, _SETTINGS[reason])
            if again is not None and again.reasons[asset] == reason:
                yield f"{asset}: {texts[asset]}, but it is the same without"
    for asset in sorted(texts)[:explained]:
        yield from _changes(made, asset, rows, limits, inputs, counts)


def _again(rows: list[dict[str, Any]], limits: Any, inputs: dict[str, Any], settings: dict[str, Any]) -> Plan | None:
    try:
        return trimtab.plan(rows, limits, **{**inputs, "settings": inputs["settings"].replace(**settings)})
    except (InputError, LimitsError):
        return None


def _changes(
    made: Plan, asset: str, rows: list[dict[str, Any]], limits: Any, inputs: dict[str, Any], counts: Counter[str]
) -> Iterator[str]:
    """Each change of an explanation leads to the shares that it names, each setting without effect to the same."""
    explanation = made.explain(asset)
    named = [(change.setting, change.value, change.shares_after, change.effect) for change in explanation.changes]
    idle = [(name, None, explanation.shares_after, f"{name} is without effect") for name in explanation.without_effect]
    for setting, value, shares, text in [*named, *idle]:
        if setting in _LIFTED:
            again = _again(rows, limits, inputs, {setting: _LIFTED[setting]})
        elif setting == "cash" and value is not None:
            more = Decimal(value.replace(",", ""))
            again = trimtab.plan(rows, limits, **{**inputs, "cash": inputs["cash"] + more})
        elif setting == "lot" and value is not None:
            finer = [{**row, "lot": Decimal(value)} if row["asset"] == asset else row for row in rows]
            again = trimtab.plan(finer, limits, **inputs)
        else:
            continue
        counts["changes of an order"] += 1
        if again is not None and _shares(again, asset) != shares:
            yield f"{asset}: {text}, but it ends with {_shares(again, asset)}"


def _shares(made: Plan, asset: str) -> Decimal:
    order = next((order for order in made.orders if order.asset == asset), None)
    signed = Decimal(0) if order is None else order.shares * (1 if order.side == "buy" else -1)
    return made.shares_before(asset) + signed


def _cash_is_short(made: Plan, row: dict[str, Any], text: str) -> bool:
    """The cash after the orders, less what is said not to be covered, falls below the buffer."""
    if "the cash does not cover" not in text:
        return True
    buffer = Decimal(str(made.settings.cash_buffer)) * made.value
    return made.cash - _more(made, row, text) < buffer + _CENT


def _aim_is_reached(made: Plan, row: dict[str, Any], text: str) -> bool:
    match = re.search(r"would be invested, above ([\d.]+)%", text)
    if match is None:
        return True
    invested = made.value - made.cash + _more(made, row, text)
    return invested / made.value > Decimal(match[1]) / 100 - Decimal("0.0001")


def _more(made: Plan, row: dict[str, Any], text: str) -> Decimal:
    """The value that a sentence says has no room."""
    match = re.search(r"lot of [\d,.]+ \(([\d,.]+)\)", text)
    if match:
        return Decimal(row["lot"]) * row["price"]
    wanted = re.search(r"all ([\d,.]*\d)", text)
    assert wanted is not None, text
    return (Decimal(wanted[1].replace(",", "")) + made.shares_before(row["asset"]) - _shares(made, row["asset"])) * row[
        "price"
    ]


def _bucket_is_full(made: Plan, row: dict[str, Any], text: str) -> bool:
    """The bucket that is named has too little room for what is said not to fit."""
    match = re.search(r": (\S+) \(max_allocation(?: with drift_tolerance)? ([\d.]+)%\) has no room", text)
    if match is None or match[1] == "Unknown":  # which holds all whose path is too short
        return any(words in text for words in ("other orders", "max_exposure", "Unknown"))
    inside = [
        own["asset"] for own in made.result.targets if f"{own['bucket'] or 'Unknown'}/".startswith(f"{match[1]}/")
    ]
    load = sum((made.worth_of(asset) for asset in inside), _more(made, row, text))
    return row["asset"] in inside and load / made.value > Decimal(match[2]) / 100 - Decimal("0.0001")


def _sale_breaks_a_minimum(made: Plan, row: dict[str, Any], text: str) -> bool:
    """The bucket would fall below the minimum that is named if nothing of the asset were left."""
    match = re.search(r"waits: (\S+) would fall below min_allocation ([\d.]+)%", text)
    if match is None or match[1] == "Unknown":
        return any(words in text for words in ("min_exposure", "min_buckets_represented", "a minimum", "Unknown"))
    inside = [
        own["asset"] for own in made.result.targets if f"{own['bucket'] or 'Unknown'}/".startswith(f"{match[1]}/")
    ]
    load = sum((made.worth_of(asset) for asset in inside if asset != row["asset"]), Decimal(0))
    return row["asset"] in inside and load / made.value < Decimal(match[2]) / 100


def _would_exceed(made: Plan, row: dict[str, Any], text: str) -> bool:
    """Without the small order a limit is exceeded: its weight is above what is said."""
    match = re.search(r"would be at ([\d.]+)%, above ([\d.]+)%", text)
    return match is not None and Decimal(match[1]) > Decimal(match[2])


def _lot_is_large(made: Plan, row: dict[str, Any], text: str) -> bool:
    """One lot is above the asset's own largest weight, or the aim, or else a bucket's or an exposure's."""
    limits = made.result.limits
    caps = [limits.max_position_weight, limits.target_invested, 1.0 if row["max_weight"] is None else row["max_weight"]]
    weight = Decimal(row["lot"]) * row["price"] / made.value_before
    return limits.enable_bucket_diversification or bool(limits.exposures) or float(weight) > min(caps) - 1e-9


def _below(name: str) -> Any:
    """The order to the target is below what is said."""

    def holds(made: Plan, row: dict[str, Any], text: str) -> bool:
        return name in text and _shares(made, row["asset"]) == made.shares_before(row["asset"])

    return holds


_CHECKS: dict[str, tuple[Any, ...]] = {
    "no_cash": (_cash_is_short, _aim_is_reached),
    "no_room": (_bucket_is_full,),
    "waits_for_minimum": (_sale_breaks_a_minimum,),
    "forced_for_limit": (_would_exceed,),
    "lot_too_large": (_lot_is_large,),
    "below_min_notional": (_below("min_notional"),),
    "below_min_trade": (_below("min_trade"),),
}
