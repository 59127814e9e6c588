"""The facts of an outcome: every number that is shown, and the text in which it is shown, in one frozen object.

Screens, charts and templates only place what is here; they compute nothing. Names come in unchanged and leave without
characters that could steer a screen; escaping is the template's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.bucket_path import UNKNOWN
from trimtab.certificate.certificate import Certificate
from trimtab.explanations.reruns import Reruns
from trimtab.explanations.sentences import Detail
from trimtab.facts.assets import AssetFact, Groups, Part, assets_of, groups_of, parts_of
from trimtab.facts.bucket_summaries import BucketSummary, Note
from trimtab.facts.buckets import BucketFact, buckets_of, colours_of, is_used, scale_of
from trimtab.facts.cash import CashInputs, cash_reasons, cash_sentence
from trimtab.facts.certificate_lines import CertificateLine, StatusCount, counts_of, lines_of
from trimtab.reasons import Reason
from trimtab.text import counted, percent, printable

_ACTIONS = {"open": "opened", "close": "closed", "increase": "increased", "decrease": "decreased", "hold": "held"}
_GREEDY = "max_correlation is set: the selection is greedy and need not be the optimum of the rules"
# The waterfall: what takes candidates out, in the order of the reasons.
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


@dataclass(frozen=True)
class Figure:
    """A number with its name."""

    name: str
    text: str


@dataclass(frozen=True)
class Loss:
    """A step of the selection: how many candidates go, and how many are left."""

    name: str
    lost: int
    left: int


@dataclass(frozen=True)
class Facts:
    """All facts of an outcome, for every screen.

    `assets` are in the order of the tables, `groups` in that of a screen with little room; `bucket_scale` and
    `asset_scale` are the weights at the ends of the charts' axes. `brake` is empty where no brake holds, `greedy` where the
    selection is the optimum of the rules.
    """

    title: str
    headline: str
    status: str
    brake: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]
    has_buckets: bool
    buckets: tuple[BucketFact, ...]
    empty_buckets: str
    bucket_scale: float
    assets: tuple[AssetFact, ...]
    groups: Groups
    asset_scale: float
    parts: tuple[Part, ...]
    cash_text: str
    cash_sentence: str
    cash_reasons: tuple[str, ...]
    trades: str
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
    used = [one for one in every if is_used(one)]
    shown = tuple(buckets_of(used, limits, colour_of, certificate))
    losses = tuple(_losses(reruns))
    named = printable(title + ("" if totals.account is None else f", account {totals.account}"))
    outcome = CashInputs(limits, assets, certificate, totals.positions, totals.cash, totals.status == "braked")
    return Facts(
        title=named,
        headline=f"{named}: {counted(totals.positions, 'position')} from {counted(len(assets), 'candidate')}, "
        f"{percent(totals.cash)} in cash, turnover {percent(totals.turnover)}",
        status=totals.status,
        brake=_brake(reruns) if outcome.braked else "",
        figures=tuple(_figures(totals, len(assets))),
        notes=tuple(printable(note.text) for note in notes),
        has_buckets=limits.enable_bucket_diversification or any(one.bucket != UNKNOWN for one in assets),
        buckets=shown,
        empty_buckets=counted(len(every) - len(used), "empty bucket") if len(every) > len(used) else "",
        bucket_scale=scale_of(shown),
        assets=assets,
        groups=groups_of(assets),
        asset_scale=max([one.before for one in assets] + [one.after for one in assets], default=0.0),
        parts=parts_of(assets, totals.cash),
        cash_text=percent(totals.cash),
        cash_sentence=cash_sentence(outcome),
        cash_reasons=tuple(cash_reasons(outcome)),
        trades=_trades(totals, assets),
        candidates=len(assets),
        selected=losses[-1].left if losses else len(assets),
        losses=losses,
        lines=tuple(lines_of(certificate)),
        counts=tuple(counts_of(certificate)),
        greedy="" if certificate.is_exact else _GREEDY,
    )


def _figures(totals: Totals, candidates: int) -> Iterator[Figure]:
    yield Figure("status", totals.status)
    yield Figure("positions", str(totals.positions))
    yield Figure("candidates", str(candidates))
    for name in ("cash", "bought", "sold", "turnover"):
        yield Figure(name, percent(getattr(totals, name)))


def _trades(totals: Totals, assets: Sequence[AssetFact]) -> str:
    """The trades, in one sentence."""
    counts = [(sum(one.action == action for one in assets), word) for action, word in _ACTIONS.items()]
    done = ", ".join(f"{count} {word}" for count, word in counts if count)
    sides = f"buys {percent(totals.bought)}, sells {percent(totals.sold)}"
    return f"turnover {percent(totals.turnover)}: {sides}{f' ({done})' if done else ''}"


def _brake(reruns: Reruns) -> str:
    """Which brake holds, with the numbers that set it off."""
    limits, current, proposed = reruns.limits, reruns.rows["current"], reruns.answer["proposed"]
    sold = float(np.maximum(current - proposed, 0.0).sum())
    closed = int(((proposed <= 0) & (current >= limits.dust_weight) & (current > 0)).sum())
    found = []
    if limits.brake_sold_weight is not None:
        found.append(f"sell {percent(sold)} (brake_sold_weight {percent(limits.brake_sold_weight)})")
    if limits.brake_closed_positions is not None:
        found.append(f"close {counted(closed, 'position')} (brake_closed_positions {limits.brake_closed_positions})")
    return f"BRAKED: every weight stays unchanged. The rules would {' and '.join(found)}."


def _losses(reruns: Reruns) -> Iterator[Loss]:
    left = len(reruns.rows)
    for name, reasons in _LOSSES:
        lost = sum(reason in reasons for reason in reruns.reasons)
        left -= lost
        if lost:
            yield Loss(name, lost, left)
