"""The facts below the table: what stays in cash and why, what is traded, which limits hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from trimtab.cli.exits import printable
from trimtab.cli.rows import Row
from trimtab.cli.symbols import counted, percent
from trimtab.errors import listed

if TYPE_CHECKING:
    from trimtab.certificate import Constraint
    from trimtab.result import RebalanceResult

_TOLERANCE = 1e-9
_NAMED = 6
_ACTIONS = {"open": "opened", "close": "closed", "increase": "increased", "decrease": "decreased", "hold": "held"}
_STATUSES = (("met", ""), ("drifted", "yellow"), ("waived", "yellow"), ("unmet", "bold red"))
_COUNTS = (
    "max_total_positions",
    "max_new_positions",
    "restrictions_violated",
    "max_positions",
    "min_buckets_represented",
)
_PLAIN = ("min_score_threshold", "min_score_diversification", "min_score_new_position", "max_correlation")


def headline(result: RebalanceResult, name: str, rows: Sequence[Row]) -> str:
    """The outcome in one line."""
    account = "" if result.account is None else f", account {result.account}"
    return (
        f"{printable(name + account, keep='')}: {counted(result.positions, 'position')} from "
        f"{counted(len(rows), 'candidate')}, {percent(result.cash_weight)} in cash, turnover {percent(result.turnover)}"
    )


def brake_sentence(result: RebalanceResult, rows: Sequence[Row]) -> str:
    """Which brake holds, with the numbers that set it off."""
    limits = result.limits
    sold = sum(max(row.current - row.proposed, 0.0) for row in rows)
    closed = sum(row.proposed <= 0 and row.current >= limits.dust_weight and row.current > 0 for row in rows)
    facts = []
    if limits.brake_turnover is not None:
        facts.append(f"sell {percent(sold)} (brake_turnover {percent(limits.brake_turnover)})")
    if limits.brake_closed_positions is not None:
        facts.append(f"close {counted(closed, 'position')} (brake_closed_positions {limits.brake_closed_positions})")
    return f"BRAKED: every weight stays as it is. The rules would {' and '.join(facts)}."


def trades(result: RebalanceResult, rows: Sequence[Row]) -> str:
    """What is traded, in one sentence."""
    counts = [(sum(row.action == action for row in rows), word) for action, word in _ACTIONS.items()]
    listed = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"turnover {percent(result.turnover)}: buys {percent(result.bought)}, sells {percent(result.sold)}" + (
        f" ({listed})" if listed else ""
    )


def cash_facts(result: RebalanceResult, rows: Sequence[Row]) -> list[str]:
    """What stays in cash, against what is wished; then the facts that keep it there."""
    limits, cash = result.limits, result.cash_weight
    wished = 1.0 - limits.target_invested
    more = cash - wished
    aim = f"{percent(wished)} wished (target_invested {limits.target_invested:g})"
    if abs(more) <= _TOLERANCE:
        return [f"{percent(cash)}, as wished (target_invested {limits.target_invested:g})"]
    if more < 0:
        return [f"{percent(cash)}, {-100 * more:.2f} points less than the {aim}", *_less_cash(result, rows)]
    return [f"{percent(cash)}, {100 * more:.2f} points more than the {aim}", *_more_cash(result, rows)]


def _less_cash(result: RebalanceResult, rows: Sequence[Row]) -> Iterable[str]:
    if result.braked:
        yield "the brake keeps every weight as it is"
        return
    kept = _named(rows, "restricted")
    if kept:
        yield f"kept by restriction or missing data: {kept}"
    band = _named(rows, "held_in_band")
    if band:
        yield f"left alone inside no_trade_band, cash_band {result.limits.cash_band:g} allows it: {band}"


def _more_cash(result: RebalanceResult, rows: Sequence[Row]) -> Iterable[str]:
    """Why no more is invested: what stands against more positions, then what holds each of the positions."""
    limits = result.limits
    if result.braked:
        yield "the brake keeps every weight as it is"
        return
    yield from _no_more_positions(result, rows)
    if limits.full_investment_positions is not None and result.positions < limits.full_investment_positions:
        yield (
            f"{counted(result.positions, 'position')}, and full_investment_positions is "
            f"{limits.full_investment_positions}: fewer aim at less"
        )
    if limits.residual_strategy == "cash":
        yield 'residual_strategy is "cash": what limits leave over is not spread over the others'
    if limits.sizing_mode == "desired":
        yield 'sizing_mode is "desired": no position is lifted above its desired_weight to use up cash'
    capped = _named(rows, "capped_position")
    if capped:
        yield f"at their largest weight (max_position_weight {limits.max_position_weight:g}, or their own): {capped}"
    full = [_short(one) for one in result.certificate if one.name == "max_allocation" and _is_full(one)]
    if full:
        yield f"buckets with nothing left under max_allocation: {listed(full, _NAMED)}"
    kept = _named(rows, "restricted")
    if kept:
        yield f"kept by restriction or missing data: {kept}"
    band = _named(rows, "held_in_band")
    if band:
        bands = f"no_trade_band {limits.no_trade_band:g}, cash_band {limits.cash_band:g}"
        yield f"left alone, near enough to their size ({bands}): {band}"


def _no_more_positions(result: RebalanceResult, rows: Sequence[Row]) -> Iterable[str]:
    if not result.positions:
        yield "no candidate was selected"
        return
    waiting: dict[str, int] = {}
    for row in rows:
        if row.target <= 0:
            waiting[row.reason] = waiting.get(row.reason, 0) + 1
    words = {
        "min_position_capacity": f"min_position_weight {result.limits.min_position_weight:g}, which no longer fits",
        "total_position_limit": f"max_total_positions {result.limits.max_total_positions}",
        "new_position_limit": f"max_new_positions {result.limits.max_new_positions}",
        "bucket_position_limit": "the max_positions of their buckets",
        "too_correlated": f"max_correlation {result.limits.max_correlation}",
    }
    listed = [f"{waiting[reason]} by {word}" for reason, word in words.items() if reason in waiting]
    if listed:
        yield f"good enough, but kept out: {', '.join(listed)}"


def limit_lines(result: RebalanceResult) -> list[Text]:
    """How many limits hold, and every one that does not simply hold."""
    groups = [
        (status, style, [one for one in result.certificate if one.status == status]) for status, style in _STATUSES
    ]
    met, *others = [(f"{len(found)} {status}", style) for status, style, found in groups if found or status == "met"]
    lines = [Text(", ").join([Text(met[0].replace(" ", " limits ")), *(Text(*other) for other in others)])]
    for status, style, found in groups[1:]:
        lines += [Text.assemble((status, style), " ", printable(_measured(one), keep="")) for one in found]
    if not result.certificate.is_exact:
        lines.append(Text("max_correlation is set: the selection is greedy and need not be the optimum of the rules"))
    return lines


def _measured(one: Constraint) -> str:
    def number(value: float) -> str:
        return f"{value:.0f}" if one.name in _COUNTS else f"{value:g}" if one.name in _PLAIN else percent(value)

    node = f" of {one.node}" if one.node else ""
    note = f": {one.note}" if one.note else ""
    wanted = "at least" if one.name.startswith("min_") else "at most"
    return f"{one.name}{node} is {number(one.measured)}, wanted {wanted} {number(one.limit)}{note}"


def _is_full(one: Constraint) -> bool:
    return one.measured > 0 and one.slack <= _TOLERANCE


def _short(one: Constraint) -> str:
    return f"{printable(one.node, keep='')} ({percent(one.limit)})"


def _named(rows: Sequence[Row], size_reason: str) -> str:
    return listed((row.asset for row in rows if row.target > 0 and row.size_reason == size_reason), _NAMED)
