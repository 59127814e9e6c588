"""One account from rows to targets: the stages in order. The only place that knows the order.

The whole pass is `rebalance_account`; each of its halves can be called alone.
"""

from __future__ import annotations

from typing import Any

from trimtab.kernel.brakes import must_brake
from trimtab.kernel.compilation import allocating, compiled, entry
from trimtab.kernel.exposure_program import Sized
from trimtab.kernel.exposure_sizing import fit_exposures
from trimtab.kernel.exposures import lines_of
from trimtab.kernel.holding_band import hold
from trimtab.kernel.records import NO_NODE, Exposed, Ints, Records
from trimtab.kernel.selection import select, selected_before
from trimtab.kernel.sizing import size
from trimtab.reasons import Action, SizeReason


@compiled
def _action(current: float, target: float) -> Action:
    if target == current:
        return Action.HOLD if current > 0.0 else Action.NONE
    if current <= 0.0:
        return Action.OPEN
    if target <= 0.0:
        return Action.CLOSE
    return Action.INCREASE if target > current else Action.DECREASE


@allocating
def _complete(
    rows: Records,
    tree: Records,
    settings: Any,
    choices: Records,
    capacity: Records,
    exposed: Exposed | None,
    answer: Records,
) -> bool:
    """The stages after selection: sizing, holding band, brakes; returns whether the account is braked."""
    members, spans, place_of, aim = size(rows, tree, settings, choices, capacity)
    if exposed is None:
        hold(rows, tree, settings, members, spans, None)
    else:
        lines = lines_of(rows, members, place_of, exposed)
        fit_exposures(rows, tree, settings, Sized(members, spans, place_of, aim), lines, exposed)
        hold(rows, tree, settings, members, spans, lines)
    for index in range(members.size):
        member = members[index]
        answer[member.row].proposed = member.target
        answer[member.row].size_reason = member.reason
        answer[member.row].size_node = member.node
    braked = must_brake(rows, settings, answer)
    for row in range(rows.size):
        current, decided = rows[row].current, answer[row]
        decided.target = current if braked else decided.proposed
        decided.action = _action(current, decided.target)
        if braked and (decided.selected or current > 0.0):
            decided.size_reason = SizeReason.BRAKED
            decided.size_node = NO_NODE
    return braked


@entry
def rebalance_account(
    rows: Records, tree: Records, settings: Any, partners: Ints, exposed: Exposed | None, answer: Records
) -> bool:
    """Fill the (empty) answer for one account's rows; returns whether the account is braked.

    `partners`: in the form of `NO_PARTNERS`, which also serves if correlations are not limited; `exposed`: None
    if exposures are not.
    """
    choices, capacity = select(rows, tree, settings, partners, exposed, answer)
    return _complete(rows, tree, settings, choices, capacity, exposed, answer)


@entry
def select_account(
    rows: Records, tree: Records, settings: Any, partners: Ints, exposed: Exposed | None, answer: Records
) -> None:
    """Only the selection: fills `selected`, `reason` and `reason_node` of the (empty) answer."""
    select(rows, tree, settings, partners, exposed, answer)


@entry
def size_account(rows: Records, tree: Records, settings: Any, exposed: Exposed | None, answer: Records) -> bool:
    """The rest of the pass, for a selection made before: the answer has its `selected` and `reason`."""
    choices, capacity = selected_before(rows, tree, settings, answer)
    return _complete(rows, tree, settings, choices, capacity, exposed, answer)
