"""The cash that stays, against the aim, and its causes: each was tried by running the rules without it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trimtab.explanations.changes import Change
from trimtab.explanations.relaxations import needed
from trimtab.explanations.reruns import Reruns
from trimtab.facts.cash_obstacles import Obstacle, other_limits, reasons_for_less, reasons_for_more
from trimtab.text import figure, percent
from trimtab.tolerances import LIMIT_TOLERANCE

_BRAKE = Obstacle(
    "the brake keeps every weight unchanged",
    (Change("brake_sold_weight", "", None), Change("brake_closed_positions", "", None)),
)


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
    brake = (_BRAKE,) if braked else ()
    return _tried(reruns, brake, reasons_for_less(reruns), -1.0) if more < 0 else held_in_cash(reruns, brake)


def held_in_cash(reruns: Reruns, brake: tuple[Obstacle, ...] = ()) -> tuple[str, ...]:
    """Why no more is invested."""
    return _tried(reruns, brake, reasons_for_more(reruns), 1.0)


def cash_left_sentence(reruns: Reruns, unwanted: float) -> str:
    """The unwanted cash of an account, and its causes."""
    reasons = "; ".join(held_in_cash(reruns))
    return f"{percent(unwanted)} stays in cash that target_invested {figure(reruns.limits.target_invested)} would invest: {reasons}"


def _tried(reruns: Reruns, brake: tuple[Obstacle, ...], others: Iterable[Obstacle], sign: float) -> tuple[str, ...]:
    """The obstacles whose removal alone brings the total nearer to its aim; if none does, an irreducible set that does
    so together, if need be with limits that do not show to be in the way. Without any limit the aim is reached.
    """
    total = _total(reruns, ())

    def works(removed: Sequence[Obstacle]) -> bool:
        changes = [change for obstacle in removed for change in obstacle.lifted]
        return sign * (_total(reruns, changes) - total) > LIMIT_TOLERANCE

    if brake and works(brake):
        return (_BRAKE.text,)
    obstacles = [*brake, *others]
    alone = tuple(obstacle.text for obstacle in obstacles if works([obstacle]))
    if alone:
        return alone
    joint = needed(obstacles if works(obstacles) else [*other_limits(reruns), *obstacles], works)
    return tuple(f"{'together with the others, ' if len(joint) > 1 else ''}{obstacle.text}" for obstacle in joint)


def _total(reruns: Reruns, changes: Sequence[Change]) -> float:
    answer = reruns.run(*{change[:2]: change for change in changes}.values()) if changes else reruns.answer
    return float(answer["target"].sum())
