"""The cash that stays, against the aim, and its causes: each was tried by running the rules without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from trimtab.errors import listed
from trimtab.explanations.changes import CONCENTRATION, SCORE_FIELDS, Change
from trimtab.explanations.reruns import Reruns
from trimtab.kernel.records import Flags
from trimtab.reasons import Reason, SizeReason
from trimtab.text import counted, figure, percent, printable
from trimtab.tolerances import LIMIT_TOLERANCE

_NAMED = 6
_BRAKED = "the brake keeps every weight unchanged"


class _Holder(NamedTuple):
    """A possible obstacle to the aim, and the changes that remove it."""

    text: str
    lifted: tuple[Change, ...]


def cash_sentence(reruns: Reruns, cash: float) -> str:
    """The cash that stays, against the aim."""
    aim = 1.0 - reruns.limits.target_invested
    more = cash - aim
    target = f"target_invested {figure(reruns.limits.target_invested)}"
    if abs(more) <= LIMIT_TOLERANCE:
        return f"{percent(cash)} in cash, as {target} asks for"
    return f"{percent(cash)} in cash, {percent(abs(more))} {'less' if more < 0 else 'more'} than {target} leaves"


def cash_reasons(reruns: Reruns, cash: float, *, braked: bool) -> tuple[str, ...]:
    """The causes, each alone or all together; empty if the aim is reached."""
    more = cash - (1.0 - reruns.limits.target_invested)
    if abs(more) <= LIMIT_TOLERANCE:
        return ()
    if braked:
        return (_BRAKED,)
    return _tried(reruns, [*_restricted(reruns), *_banded(reruns)], -1.0) if more < 0 else held_in_cash(reruns)


def held_in_cash(reruns: Reruns) -> tuple[str, ...]:
    """Why no more is invested."""
    return _tried(reruns, list(_more_cash(reruns)), 1.0)


def cash_left_sentence(reruns: Reruns, unwanted: float) -> str:
    """The unwanted cash of an account, and its causes."""
    reasons = "; ".join(held_in_cash(reruns))
    return f"{percent(unwanted)} stays in cash that target_invested {figure(reruns.limits.target_invested)} would invest: {reasons}"


def _tried(reruns: Reruns, holders: Sequence[_Holder], sign: float) -> tuple[str, ...]:
    """The obstacles whose removal brings the total nearer to its aim; if no single one suffices, a set that does."""
    total = _total(reruns, ())
    alone = tuple(holder.text for holder in holders if sign * (_total(reruns, holder.lifted) - total) > LIMIT_TOLERANCE)
    if alone:
        return alone
    everything = tuple(change for holder in holders for change in holder.lifted)
    if sign * (_total(reruns, everything) - total) > LIMIT_TOLERANCE:
        joint = "together with the others, " if len(holders) > 1 else ""
        return tuple(f"{joint}{holder.text}" for holder in holders)
    return ("these candidates cannot change it, whatever the limits are",)


def _total(reruns: Reruns, changes: Sequence[Change]) -> float:
    answer = reruns.run(*{change[:2]: change for change in changes}.values()) if changes else reruns.answer
    return float(answer["proposed"].sum())


def _more_cash(reruns: Reruns) -> Iterator[_Holder]:
    """The obstacles to more positions, then those to larger ones."""
    limits = reruns.limits
    yield from _kept_out(reruns)
    positions = int(np.count_nonzero(reruns.is_slot & (reruns.answer["proposed"] > 0)))
    if limits.full_investment_positions is not None and positions < limits.full_investment_positions:
        text = f"with {counted(positions, 'position')} less is aimed at (full_investment_positions {limits.full_investment_positions})"
        yield _Holder(text, (Change("full_investment_positions", "", None),))
    if limits.residual_strategy == "cash":
        text = 'weight trimmed by limits is not spread over the others (residual_strategy "cash")'
        yield _Holder(text, (Change("residual_strategy", "", None),))
    if limits.sizing_mode == "desired":
        text = 'no position is raised above its desired_weight (sizing_mode "desired")'
        yield _Holder(text, (Change("sizing_mode", "", None),))
    yield from _capped(reruns)
    yield from _exposed(reruns)
    yield from _restricted(reruns)
    yield from _banded(reruns)


def _kept_out(reruns: Reruns) -> Iterator[_Holder]:
    """Limits and scores that keep assets out."""
    limits, reasons = reruns.limits, reruns.reasons
    waiting = {reason: reasons.count(reason) for reason in set(reasons)}

    def holder(reason: Reason, text: str, limits: Iterable[tuple[str, str]]) -> Iterator[_Holder]:
        if reason in waiting:
            number = waiting[reason]
            kept_out = f"{counted(number, 'asset')} {'is' if number == 1 else 'are'} kept out by {text}"
            yield _Holder(kept_out, tuple(Change(*limit, None) for limit in limits))

    for reason, name in (
        (Reason.TOTAL_POSITION_LIMIT, "max_total_positions"),
        (Reason.NEW_POSITION_LIMIT, "max_new_positions"),
    ):
        yield from holder(reason, f"{name} {getattr(limits, name)}", [(name, "")])
    rows = [row for row, reason in enumerate(reasons) if reason == Reason.BUCKET_POSITION_LIMIT]
    full = sorted({reruns.limit_of(int(reruns.answer["reason_node"][row]), "max_positions") for row in rows})
    names = listed(dict.fromkeys(f"{name}{f' of {node}' if node else ''}" for name, node in full), _NAMED)
    yield from holder(Reason.BUCKET_POSITION_LIMIT, names, full)
    minimum = f"min_position_weight {figure(limits.min_position_weight)}, which no longer fits"
    yield from holder(Reason.MIN_POSITION_CAPACITY, minimum, [("min_position_weight", "")])
    correlation = f"max_correlation {figure(limits.max_correlation or 0.0)}"
    yield from holder(Reason.TOO_CORRELATED, correlation, [("max_correlation", "")])
    lacking = f"a missing {limits.sizing_column} (sizing_mode {limits.sizing_mode})"
    yield from holder(Reason.NOT_SIZABLE, lacking, [("sizing_mode", "")])
    whose = "its score" if waiting.get(Reason.BELOW_THRESHOLD) == 1 else "their scores"
    scores = f"{whose} (min_score_threshold, min_score_new_position)"
    yield from holder(Reason.BELOW_THRESHOLD, scores, [(name, "") for name in SCORE_FIELDS])


def _capped(reruns: Reruns) -> Iterator[_Holder]:
    """Positions and buckets at their largest weight."""
    limits = reruns.limits
    own = reruns.rows["max_weight"] < limits.max_position_weight
    caps = np.minimum(reruns.rows["max_weight"], limits.max_position_weight)
    capped = (reruns.sizes > 0) & (reruns.sizes >= caps - LIMIT_TOLERANCE)
    if (capped & ~own).any():
        text = f"at max_position_weight {figure(limits.max_position_weight)}: {_named(reruns, capped & ~own)}"
        yield _Holder(text, (Change("max_position_weight", "", 1.0),))
    if (capped & own).any():
        yield _Holder(f"at their max_weight: {_named(reruns, capped & own)}", (Change("max_weight", "", None),))
    full: dict[tuple[str, str], list[str]] = {}
    weight = reruns.under(reruns.sizes)
    for node in range(1, len(reruns.nodes)):
        largest = float(reruns.nodes["max_allocation"][node])
        if weight[node] > 0 and weight[node] >= largest - LIMIT_TOLERANCE:
            text = f"{printable(reruns.node_name(node))} ({percent(largest)})"
            full.setdefault(reruns.limit_of(node, "max_allocation"), []).append(text)
    for (name, bucket), names in full.items():
        yield _Holder(f"at {name}: {listed(names, _NAMED)}", (Change(name, bucket, None),))


def _exposed(reruns: Reruns) -> Iterator[_Holder]:
    """Buckets of exposures with a maximum that is reached, or too small for a position."""
    exposures = reruns.exposures
    largest = exposures.limited.rows["max_exposure"]
    room = largest - reruns.sizes @ exposures.fractions if exposures.exposed is not None else np.zeros(0)
    for row in np.flatnonzero(room <= reruns.limits.min_position_weight + LIMIT_TOLERANCE).tolist():
        name = exposures.names[row]
        text = f"at max_exposure: {printable(name)} ({percent(float(largest[row]))})"
        yield _Holder(text, (Change("max_exposure", name, None),))
    scheme = exposures.large_issuers(reruns.sizes)
    if scheme is not None:
        text = f"at {CONCENTRATION} {reruns.present(CONCENTRATION, scheme)} of {printable(scheme)}"
        yield _Holder(text, (Change(CONCENTRATION, scheme, None),))


def _restricted(reruns: Reruns) -> Iterator[_Holder]:
    held = reruns.answer["size_reason"] == SizeReason.RESTRICTED
    if held.any():
        text = f"kept by a restriction or missing data: {_named(reruns, held)}"
        unscored = (Change("unscored_positions", "", "close"),) if np.isnan(reruns.rows["score"][held]).any() else ()
        yield _Holder(text, (Change("restriction", "", ""), *unscored))


def _banded(reruns: Reruns) -> Iterator[_Holder]:
    held = reruns.answer["size_reason"] == SizeReason.HELD_IN_BAND
    if held.any():
        text = f"near enough to their size to be left alone (no_trade_band, cash_band): {_named(reruns, held)}"
        yield _Holder(text, (Change("no_trade_band", "", 0.0), Change("min_trade", "", 0.0)))


def _named(reruns: Reruns, where: Flags) -> str:
    """Assets by name."""
    return listed(sorted(printable(reruns.names[row]) for row in np.flatnonzero(where).tolist()), _NAMED)
