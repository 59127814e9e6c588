"""The answer of a plan in a sentence, above every screen that shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trimtab.orders.plan import Plan
from trimtab.orders.plan_facts import answer_of


def headline_of(plan: Plan, lines: Iterable[Any]) -> str:
    """The answer in a sentence; `lines` are those of the certificate.

    Examples
    --------
    >>> import trimtab
    >>> plan = trimtab.plan([{"asset": "AAA", "score": 0.9, "shares": 30, "price": 100}], cash=7000)
    >>> headline_of(plan, plan.result.facts().lines)
    'Sell 1. After that, every limit holds.'
    """
    if plan.status in ("braked", "limited"):
        return answer_of(plan)
    unmet = sum(line.status == "unmet" for line in lines)
    state = f"{unmet} limit{'' if unmet == 1 else 's'} cannot be met" if unmet else "every limit holds"
    return f"{answer_of(plan)} After that, {state}." if plan.orders else f"Nothing to trade: {state}."
