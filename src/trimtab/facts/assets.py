"""The candidates with weights, reasons and texts, in the orders shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.explanations.reruns import Reruns
from trimtab.explanations.sentences import Detail
from trimtab.facts.buckets import short_names, top_of
from trimtab.reasons import Action, Reason, SizeReason
from trimtab.text import percent, printable

TRADES = {
    "close": "\u2212 Sell all",
    "decrease": "\u2212 Sell",
    "open": "+ Buy new",
    "increase": "+ Buy",
    "hold": "Keep",
    "none": "Left out",
}


@dataclass(frozen=True)
class AssetFact:
    """A candidate: the bucket that gives it its colour, weights as fractions, and its texts. `row` is its place in the
    input table; `short` names its bucket briefly; `about_selection` and `about_size` are its two sentences, `clause`
    the part that fits a column.
    """

    row: int
    asset: str
    bucket: str
    short: str
    top: str
    colour: int
    score: float | None
    before: float
    after: float
    score_text: str
    before_text: str
    after_text: str
    action: str
    reason: str
    size_reason: str
    about_selection: str
    about_size: str
    clause: str

    @property
    def trade(self) -> str:
        """The action, as a short label."""
        return TRADES[self.action]

    @property
    def sentence(self) -> str:
        """Why it is in or out, and the reason for its weight."""
        return f"{self.about_selection} {self.about_size}".strip()


@dataclass(frozen=True)
class Groups:
    """The candidates in three groups: held afterwards, bucket by bucket; closed; neither, by score."""

    held: tuple[AssetFact, ...]
    closed: tuple[AssetFact, ...]
    missed: tuple[AssetFact, ...]


@dataclass(frozen=True)
class Part:
    """A part of the portfolio: a bucket at `bucket_level` with its assets, the largest first; or cash, without assets."""

    name: str
    weight: float
    assets: tuple[AssetFact, ...]


def assets_of(reruns: Reruns, colour_of: dict[str, int], words: Sequence[Detail]) -> Iterator[AssetFact]:
    """Every candidate: targets by size, largest first; then the others by score. `words` are in the order of the
    table.
    """
    order, target = reruns.candidates.order.tolist(), reruns.answer["target"].tolist()
    buckets = [str(reruns.candidates.bucket.at(row)) for row in order]
    shorts = short_names(buckets, reruns.limits)

    def rank(place: int) -> tuple[float, float, float, int]:
        score = reruns.scores[place]
        return -target[place], -reruns.currents[place], math.inf if math.isnan(score) else -score, place

    for place in sorted(range(len(order)), key=rank):
        answer, score, bucket = reruns.answer[place], reruns.scores[place], buckets[place]
        top, said = top_of(bucket, reruns.limits), words[order[place]]
        yield AssetFact(
            order[place],
            printable(reruns.names[place]),
            printable(bucket),
            printable(shorts[bucket]),
            printable(top),
            colour_of[top],
            None if math.isnan(score) else score,
            reruns.currents[place],
            target[place],
            "none" if math.isnan(score) else f"{score:.3f}",
            percent(reruns.currents[place]),
            percent(target[place]),
            Action(answer["action"]).code,
            Reason(answer["reason"]).code,
            SizeReason(answer["size_reason"]).code,
            printable(said.reason),
            printable(said.size),
            printable(_clause(said, answer)),
        )


def _clause(words: Detail, answer: Any) -> str:
    """The deciding clause: about the weight for a holding kept anyway, else about the selection."""
    about_size = words.size_clause and (answer["size_reason"] == SizeReason.BRAKED or answer["reason"] == Reason.KEPT)
    return words.size_clause if about_size else words.clause


def groups_of(assets: Sequence[AssetFact]) -> Groups:
    """Held assets by bucket (largest first) and weight, closed ones by weight, the others by score."""
    in_bucket: dict[str, float] = {}
    for asset in assets:
        in_bucket[asset.bucket] = in_bucket.get(asset.bucket, 0.0) + asset.after

    def among_held(asset: AssetFact) -> tuple[float, str, float, float, str]:
        return -in_bucket[asset.bucket], asset.bucket, -asset.after, -(asset.score or 0.0), asset.asset

    gone = [asset for asset in assets if asset.after <= 0]
    closed = sorted(gone, key=lambda asset: (-asset.before, asset.asset))
    missed = sorted(gone, key=lambda asset: (asset.score is None, -(asset.score or 0.0), asset.asset))
    return Groups(
        tuple(sorted((asset for asset in assets if asset.after > 0), key=among_held)),
        tuple(asset for asset in closed if asset.before > 0),
        tuple(asset for asset in missed if asset.before <= 0),
    )


def parts_of(assets: Sequence[AssetFact], cash: float) -> tuple[Part, ...]:
    """The portfolio afterwards, the largest part first."""
    tops: dict[str, list[AssetFact]] = {}
    for asset in assets:
        if asset.after > 0:
            tops.setdefault(asset.top, []).append(asset)
    parts = [Part(top, math.fsum(asset.after for asset in inside), tuple(inside)) for top, inside in tops.items()]
    if cash > 0:
        parts.append(Part("cash", cash, ()))
    return tuple(sorted(parts, key=lambda part: (-part.weight, part.name)))
