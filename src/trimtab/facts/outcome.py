"""The facts of an outcome: every number shown, with its text, in one frozen object. Screens, charts and templates only
place them; they compute nothing. Names lose characters that could steer a screen; escaping is up to the template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trimtab.bucket_path import UNKNOWN
from trimtab.certificate.certificate import Certificate
from trimtab.explanations.reruns import Reruns
from trimtab.explanations.sentences import Detail
from trimtab.facts.assets import AssetFact, Groups, Part, assets_of, groups_of, parts_of
from trimtab.facts.bucket_summaries import BucketSummary, Note, bucket_summaries
from trimtab.facts.buckets import BucketFact, buckets_of, colours_of, is_used, scale_of
from trimtab.facts.cash import cash_reasons, cash_sentence
from trimtab.facts.certificate_lines import CertificateLine, StatusCount, counts_of, lines_of
from trimtab.facts.exposures import SchemeFact, schemes_of
from trimtab.facts.headline import answer_of, problems_of, trades_in_order
from trimtab.kernel.records import Floats
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Reason
from trimtab.text import counted, percent, printable

_ACTIONS = {"open": "opened", "close": "closed", "increase": "increased", "decrease": "decreased", "hold": "held"}
_GREEDY = "max_correlation is set: the selection is greedy and need not be the optimum of the rules"
# The waterfall: what removes candidates, in the order of the reasons.
_LOSSES = (
    ("without a score", (Reason.NOT_SCORED,)),
    ("restricted", (Reason.RESTRICTED_OUT,)),
    ("without a bucket or a wish", (Reason.UNCLASSIFIED, Reason.NOT_SIZABLE)),
    ("score too low", (Reason.BELOW_THRESHOLD,)),
    ("dust", (Reason.DUST,)),
    ("too correlated", (Reason.TOO_CORRELATED,)),
    ("place went to a missing bucket", (Reason.DISPLACED_FOR_REPRESENTATION,)),
    ("max_total_positions", (Reason.TOTAL_POSITION_LIMIT,)),
    ("max_new_positions", (Reason.NEW_POSITION_LIMIT,)),
    ("max_positions of a bucket", (Reason.BUCKET_POSITION_LIMIT,)),
    ("no room for the minimum weight", (Reason.MIN_POSITION_CAPACITY,)),
)


@dataclass(frozen=True)
class Totals:
    """The outcome of one account as a whole. Weights are fractions of its value."""

    account: Any
    status: str
    positions: int
    cash: float
    turnover: float
    bought: float
    sold: float
    cash_left: float = 0.0


@dataclass(frozen=True)
class Figure:
    """A number with its name, and a figure to compare it with."""

    name: str
    text: str
    beside: str = ""


@dataclass(frozen=True)
class Loss:
    """A step of the selection: how many candidates leave, and how many remain."""

    name: str
    lost: int
    left: int


@dataclass(frozen=True)
class Facts:
    """All facts of an outcome, for every screen.

    `assets` are in the order of the tables, `groups` in that of a screen with little room; `bucket_scale` and
    `asset_scale` are the weights at the ends of the charts' axes. `brake` is empty without a brake, `greedy` if the
    selection is the optimum of the rules.
    """

    title: str
    headline: str
    answer: str
    problems: tuple[str, ...]
    status: str
    brake: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]
    has_buckets: bool
    buckets: tuple[BucketFact, ...]
    empty_buckets: str
    bucket_scale: float
    schemes: tuple[SchemeFact, ...]
    assets: tuple[AssetFact, ...]
    groups: Groups
    asset_scale: float
    parts: tuple[Part, ...]
    cash_text: str
    has_unwanted_cash: bool
    cash_sentence: str
    cash_reasons: tuple[str, ...]
    trades: str
    trades_in_order: tuple[AssetFact, ...]
    candidates: int
    selected: int
    losses: tuple[Loss, ...]
    lines: tuple[CertificateLine, ...]
    counts: tuple[StatusCount, ...]
    greedy: str


def facts_of(
    reruns: Reruns,
    totals: Totals,
    *,
    buckets: Iterable[BucketSummary],
    certificate: Certificate,
    notes: Iterable[Note],
    words: Sequence[Detail],
    title: str,
) -> Facts:
    """The facts of one account; `words` are those of its rows, in the order of the table."""
    limits, every = reruns.limits, tuple(buckets)
    colour_of = colours_of(reruns)
    assets = tuple(assets_of(reruns, colour_of, words))
    used = [asset for asset in every if is_used(asset)]
    shown = tuple(buckets_of(used, limits, colour_of, certificate))
    losses = tuple(_losses(reruns))
    named = printable(title + ("" if totals.account is None else f", account {totals.account}"))
    braked = totals.status == "braked"
    lines, brake = tuple(lines_of(certificate)), _brake(reruns) if braked else ""
    return Facts(
        title=named,
        headline=f"{named}: {counted(totals.positions, 'position')} from {counted(len(assets), 'candidate')}, "
        f"{percent(totals.cash)} in cash, turnover {percent(totals.turnover)}",
        answer=answer_of(assets, lines, totals.cash_left, braked=braked),
        problems=tuple(problems_of(lines, brake)),
        status=totals.status,
        brake=brake,
        figures=tuple(_figures(totals, len(assets), lines, limits)),
        notes=tuple(printable(note.text) for note in notes if note.code != "cash_left"),
        has_buckets=limits.enable_bucket_diversification or any(asset.bucket != UNKNOWN for asset in assets),
        buckets=shown,
        empty_buckets=counted(len(every) - len(used), "empty bucket") if len(every) > len(used) else "",
        bucket_scale=scale_of(shown),
        schemes=tuple(schemes_of(reruns, colour_of, certificate)),
        assets=assets,
        groups=groups_of(assets),
        asset_scale=max([asset.before for asset in assets] + [asset.after for asset in assets], default=0.0),
        parts=parts_of(assets, totals.cash),
        cash_text=percent(totals.cash),
        has_unwanted_cash=totals.cash_left > 0,
        cash_sentence=cash_sentence(reruns, totals.cash),
        cash_reasons=cash_reasons(reruns, totals.cash, braked=braked),
        trades=_trades(totals, assets),
        trades_in_order=trades_in_order(assets),
        candidates=len(assets),
        selected=losses[-1].left if losses else len(assets),
        losses=losses,
        lines=lines,
        counts=tuple(counts_of(certificate)),
        greedy="" if certificate.is_exact else _GREEDY,
    )


def with_weights(facts: Facts, reruns: Reruns, weights: Floats, certificate: Certificate) -> Facts:
    """The facts with other weights afterwards than the targets, such as those of whole lots: of assets, buckets and schemes.

    `weights` has shape (rows,), in the order of the table.
    """
    limits, colour_of = reruns.limits, colours_of(reruns)
    answer = reruns.answer.copy()
    answer["target"] = weights[reruns.candidates.order]
    every = bucket_summaries(reruns.candidates, limits, weights, weights > 0)
    buckets = tuple(buckets_of([each for each in every if is_used(each)], limits, colour_of, certificate))
    after = {fact.row: float(weights[fact.row]) for fact in facts.assets}
    return replace(
        facts,
        assets=tuple(
            replace(fact, after=after[fact.row], after_text=percent(after[fact.row])) for fact in facts.assets
        ),
        buckets=buckets,
        bucket_scale=scale_of(buckets),
        schemes=tuple(schemes_of(replace(reruns, answer=answer), colour_of, certificate)),
    )


def _figures(
    totals: Totals, candidates: int, lines: Sequence[CertificateLine], limits: RebalancingLimits
) -> Iterator[Figure]:
    unmet = sum(line.status == "unmet" for line in lines)
    yield Figure("limits held", f"{len(lines) - unmet} of {len(lines)}", f"{unmet} unmet" if unmet else "")
    yield Figure("positions", str(totals.positions), f"from {counted(candidates, 'candidate')}")
    yield Figure("cash", percent(totals.cash), f"aim {percent(1.0 - limits.target_invested)}")
    yield Figure("bought", percent(totals.bought))
    yield Figure("sold", percent(totals.sold))
    yield Figure("turnover", percent(totals.turnover), "the larger of buys and sells")


def _trades(totals: Totals, assets: Sequence[AssetFact]) -> str:
    """The trades, in one sentence."""
    counts = [(sum(asset.action == action for asset in assets), word) for action, word in _ACTIONS.items()]
    done = ", ".join(f"{count} {word}" for count, word in counts if count)
    sides = f"buys {percent(totals.bought)}, sells {percent(totals.sold)}"
    return f"turnover {percent(totals.turnover)}: {sides}{f' ({done})' if done else ''}"


def _brake(reruns: Reruns) -> str:
    """The brakes in force, with the numbers that triggered them."""
    limits, current, proposed = reruns.limits, reruns.rows["current"], reruns.answer["proposed"]
    sold = float(np.maximum(current - proposed, 0.0).sum())
    closed = int(((proposed <= 0) & (current >= limits.dust_weight) & (current > 0)).sum())
    reasons = []
    if limits.brake_sold_weight is not None:
        reasons.append(f"sell {percent(sold)} (brake_sold_weight {percent(limits.brake_sold_weight)})")
    if limits.brake_closed_positions is not None:
        reasons.append(f"close {counted(closed, 'position')} (brake_closed_positions {limits.brake_closed_positions})")
    return f"BRAKED: every weight stays unchanged. The rules would {' and '.join(reasons)}."


def _losses(reruns: Reruns) -> Iterator[Loss]:
    left = len(reruns.rows)
    for name, reasons in _LOSSES:
        lost = sum(reason in reasons for reason in reruns.reasons)
        left -= lost
        if lost:
            yield Loss(name, lost, left)
