"""The drawer of one asset: why it is traded so, why not otherwise, and what would change it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from trimtab.explanations.explanation import Counterfactual, Explanation
from trimtab.orders.order_explanation import OrderExplanation
from trimtab.text import counted_shares, printable
from trimtab.web.exposure_form import BUCKET_EXPOSURES
from trimtab.web.form_values import is_percent, shown_value
from trimtab.web.limit_form import BUCKET_FIELDS, described_limit, named_fields
from trimtab.web.plan_view import PlanView
from trimtab.web.rendering import THIN
from trimtab.web.what_if import label_of

_BAR = 300.0


@dataclass(frozen=True)
class Flip:
    """A change that flips a decision; `try_it` is the query of the page that tries it, empty if no limit does it."""

    text: str
    try_it: str = ""


@dataclass(frozen=True)
class Drawer:
    """Why one asset is decided so, and what would change it. Weights are those of its shares; bars have the widths of a drawing."""

    title: str
    colour: int
    before: float
    after: float
    before_bar: float
    after_bar: float
    why: Explanation
    order: OrderExplanation
    changes: tuple[Flip, ...]


def drawer_of(view: PlanView, asset: str) -> Drawer:
    """The drawer of an asset.

    Raises
    ------
    InputError
        It is not among the candidates.
    """
    order = view.plan.explain(asset)
    why = view.plan.result.explain(asset)
    fact = next(fact for fact in view.facts.assets if fact.asset == printable(asset))
    scale = _BAR / max(fact.before, fact.after, 1e-9)
    row = next((row for row in view.trades if row.order.asset == asset), None)
    title = f"Why not {asset}?" if why.target_weight == 0 else f"Why keep {asset}?"
    if row is not None:
        title = f"Why {row.verb.casefold()} {counted_shares(row.order.shares)} of {asset}?"
    return Drawer(
        title=printable(title),
        colour=fact.colour,
        before=fact.before,
        after=fact.after,
        before_bar=fact.before * scale,
        after_bar=fact.after * scale,
        why=why,
        order=order,
        changes=tuple(_flips(why, order)),
    )


def _flips(why: Explanation, order: OrderExplanation) -> Iterator[Flip]:
    flips = [_flip(change, why.decision) for change in why.counterfactuals]
    yield from flips
    for text in (*why.about_changes[len(flips) :], *order.about_changes):
        yield Flip(_as_sentence(text))


def _flip(change: Counterfactual, decision: str) -> Flip:
    """A change in the words of the page where it is one of a limit, with the query that tries it."""
    query = _try_it(change)
    if not query:
        return Flip(_as_sentence(change.effect))
    known = described_limit(change.change, change.node)
    unit = f"{THIN}%" if is_percent(known) else ""
    value = f"{float(shown_value(known, change.value)):.6g}"
    flipped = "left out" if decision == "selected" else "selected"
    return Flip(f"{label_of(change.change, change.node)} {value}{unit}: {flipped}", query)


def _as_sentence(text: str) -> str:
    return printable(text[:1].upper() + text[1:])


def _try_it(change: Counterfactual) -> str:
    """The query that tries a change of a limit; empty for another one, or for a limit lifted."""
    fields: Any = (*BUCKET_FIELDS, *BUCKET_EXPOSURES) if change.node else named_fields()
    if change.value is None or isinstance(change.value, bool | str) or change.change not in fields:
        return ""
    known = described_limit(change.change, change.node)
    return urlencode({"limit": f"{change.change}|{change.node}", "value": shown_value(known, change.value)})
