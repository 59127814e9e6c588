"""Sentences: one for each row, from the kernel's integers. Made on demand, never in the pass."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from trimtab.candidates.candidates import Candidates
from trimtab.errors import listed
from trimtab.kernel.records import NO_NODE, ROOT, Ints, Records
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import ENTERED_REASONS, Reason, Restriction, SizeReason
from trimtab.text import percent

# What makes the sentence of each reason; the others are limits.
_MAKERS = {
    Reason.KEPT: "_kept",
    Reason.ADDED: "_added",
    Reason.ADDED_FOR_REPRESENTATION: "_representing",
    Reason.OVERFLOW_PROTECTED: "_protected",
    Reason.RESTRICTED: "_restricted",
    Reason.HELD_UNSCORED: "_held_unscored",
    Reason.HELD_NOT_SIZABLE: "_held_not_sizable",
    Reason.NOT_SCORED: "_not_scored",
    Reason.RESTRICTED_OUT: "_restricted_out",
    Reason.UNCLASSIFIED: "_unclassified",
    Reason.NOT_SIZABLE: "_not_sizable",
    Reason.BELOW_THRESHOLD: "_below_threshold",
    Reason.DUST: "_dust",
    Reason.TOO_CORRELATED: "_correlated",
    Reason.DISPLACED_FOR_REPRESENTATION: "_displaced",
}


class Detail(NamedTuple):
    """Why a row is in or out, and why it has its size (empty where nothing was sized): a sentence each."""

    reason: str
    size: str

    @property
    def text(self) -> str:
        """Both sentences."""
        return f"{self.reason} {self.size}" if self.size else self.reason


def detail(candidates: Candidates, limits: RebalancingLimits, decided: Records, row: int) -> Detail:
    """The sentences of a row: the limit, its value, the bucket, and who took the place."""
    words = _Words(candidates, limits, decided, row)
    return Detail(words.reason(), words.size())


def standing(candidates: Candidates, limits: RebalancingLimits, decided: Records, row: int) -> tuple[Reason, int]:
    """The first limit that stands against a row that competes as a new asset, and its node (rules, section 8)."""
    return _Words(candidates, limits, decided, row).standing()


class _Words:
    def __init__(self, candidates: Candidates, limits: RebalancingLimits, decided: Records, row: int) -> None:
        self.candidates, self.limits, self.decided, self.row = candidates, limits, decided, row
        self.answer = decided[row]
        self.score = float(candidates.score[row])
        self.current = float(candidates.current_weight[row])

    def reason(self) -> str:
        """The deciding reason."""
        found = Reason(self.answer["reason"])
        maker = _MAKERS.get(found)
        made = getattr(self, maker)() if maker else self._limited(found, int(self.answer["reason_node"]))
        if self.answer["size_reason"] == SizeReason.BRAKED:
            return f"Without the brake: {made[0].lower()}{made[1:]}"
        return made

    def _kept(self) -> str:
        return f"Kept: its score {self.score:g} is at least min_score_threshold {self.limits.min_score_threshold:g}."

    def _added(self) -> str:
        least = self.limits.min_score_new_position
        return f"Added: its score {self.score:g} is at least min_score_new_position {least:g}."

    def _representing(self) -> str:
        verb = "Kept" if self._is_holding() else "Added"
        return (
            f"{verb} to represent {self._level_bucket()}: min_buckets_represented is "
            f"{self.limits.min_buckets_represented}, and without that it would not be selected (score {self.score:g})."
        )

    def _protected(self) -> str:
        node = self._full_node()
        name, most = self._limit(node, "max_positions")
        return (
            f"Kept in overflow: {name} {most} of {self._path(node)} is reached, and allow_bucket_overflow protects it."
        )

    def _restricted(self) -> str:
        code = Restriction(int(self.candidates.restriction[self.row])).code
        return f"Held: its restriction {code} forbids selling."

    def _held_unscored(self) -> str:
        return 'Held: it has no score, and unscored_positions is "hold"; missing data never sells.'

    def _held_not_sizable(self) -> str:
        return f"Held: it has no {self.limits.sizing_column}, which {self.limits.sizing_mode} needs; missing data never sells."

    def _not_scored(self) -> str:
        if self.current > 0:
            return 'Closed: it has no score, and unscored_positions is "close".'
        return "Not selected: it has no score."

    def _restricted_out(self) -> str:
        code = Restriction(int(self.candidates.restriction[self.row])).code
        return (
            f"{self._verb_out()}: its restriction {code} forbids buying{' (it is dust)' if self.current > 0 else ''}."
        )

    def _unclassified(self) -> str:
        return 'Not selected: it has no bucket, and unknown_bucket is "hold", so nothing is bought there.'

    def _not_sizable(self) -> str:
        return f"Not selected: it has no {self.limits.sizing_column}, which {self.limits.sizing_mode} needs."

    def _below_threshold(self) -> str:
        if self.current > 0:
            return f"Closed: its score {self.score:g} is below min_score_threshold {self.limits.min_score_threshold:g}."
        representing = self.limits.enable_bucket_diversification and self.limits.enforce_min_buckets
        if representing and self.score >= self.limits.min_score_diversification:
            return (
                f"Not selected: its score {self.score:g} is below min_score_new_position "
                f"{self.limits.min_score_new_position:g}, and no missing bucket needs it."
            )
        return f"Not selected: its score {self.score:g} is below min_score_new_position {self.limits.min_score_new_position:g}."

    def _dust(self) -> str:
        least = self.limits.min_score_new_position
        opening = f"Closed: at {self.current:.4%} it is dust (below dust_weight {self.limits.dust_weight:g}) and competes as new"
        if self.score < least:
            return f"{opening}, for which its score {self.score:g} is below min_score_new_position {least:g}."
        reason, node = self.standing()
        return f"{opening}: {self._limited(reason, node).removeprefix('Closed: ')}"

    def _limited(self, reason: Reason, node: int) -> str:
        """The sentence of an asset that a limit keeps out."""
        if reason == Reason.TOO_CORRELATED:
            return self._correlated()
        if reason == Reason.TOTAL_POSITION_LIMIT:
            return self._total_limit()
        if reason == Reason.NEW_POSITION_LIMIT:
            return self._new_limit()
        if reason == Reason.BUCKET_POSITION_LIMIT:
            return self._bucket_limit(node)
        return self._no_weight(node)

    def standing(self) -> tuple[Reason, int]:
        """The first limit that stands against a new asset here, as the kernel finds it for assets that are no dust."""
        nodes, leaf = self.candidates.tree.nodes, int(self.candidates.leaf[self.row])
        if self._too_correlated_with():
            return Reason.TOO_CORRELATED, self._level_node()
        if self._places(ROOT) >= self.limits.max_total_positions:
            return Reason.TOTAL_POSITION_LIMIT, ROOT
        inside = self._inside(ROOT)
        if np.isin(self.decided["reason"][inside], ENTERED_REASONS).sum() >= self.limits.max_new_positions:
            return Reason.NEW_POSITION_LIMIT, ROOT
        path = [node for node in range(1, leaf + 1) if node <= leaf < nodes[node]["stop"]]
        full = [node for node in path if self._places(node) >= nodes[node]["max_positions"]]
        if full:
            return Reason.BUCKET_POSITION_LIMIT, full[0]
        limited = [node for node in path if not math.isinf(nodes[node]["max_allocation"])]
        own = min(self.limits.max_position_weight, float(self.candidates.max_weight[self.row]))
        cannot = own < self.limits.min_position_weight or own <= 0
        return Reason.MIN_POSITION_CAPACITY, NO_NODE if cannot else (limited or [ROOT])[0]

    def _too_correlated_with(self) -> list[tuple[str, float | None]]:
        """The selected assets with which this one, being new, is too correlated: highest first, then by name, unknown last."""
        known, limit = self.candidates.correlations, self.limits.max_correlation
        if known is None or limit is None:
            return []
        mine = self.candidates.asset.at(self.row) or ""
        others = [self.candidates.asset.at(int(row)) or "" for row in self._inside(self._level_node())]
        values = [(other, known.of(mine, other)) for other in others if other != mine]
        above = [(other, value) for other, value in values if value is None or value > limit]
        return sorted(above, key=lambda one: (one[1] is None, -(one[1] or 0.0), one[0]))

    def _correlated(self) -> str:
        limit = float(self.limits.max_correlation or 0.0)
        other, value = self._too_correlated_with()[0]
        where = f"with {other} in {self._path(self._level_node())}"
        if value is None:
            return f"{self._verb_out()}: its correlation {where} is not known, and so not within max_correlation {limit:g}."
        shown = f"{value:g}" if f"{value:g}" != f"{limit:g}" else repr(value)
        return f"{self._verb_out()}: its correlation {shown} {where} is above max_correlation {limit:g}."

    def _level_node(self) -> int:
        return int(self.candidates.tree.level_node_of[self.candidates.leaf[self.row]])

    def _places(self, node: int) -> int:
        """How many places are taken under a node."""
        return int(np.count_nonzero(self._uses_slot(self._inside(node))))

    def _displaced(self) -> str:
        favoured = self._selected(np.asarray(self.decided["reason"] == Reason.ADDED_FOR_REPRESENTATION))
        return (
            f"{self._verb_out()}: its place went to {self._listed(favoured)}, needed for min_buckets_represented "
            f"{self.limits.min_buckets_represented}."
        )

    def _total_limit(self) -> str:
        return self._crowded_out(
            f"max_total_positions {self.limits.max_total_positions} is reached", ROOT, new_only=False
        )

    def _new_limit(self) -> str:
        return self._crowded_out(f"max_new_positions {self.limits.max_new_positions} is reached", ROOT, new_only=True)

    def _bucket_limit(self, node: int) -> str:
        name, most = self._limit(node, "max_positions")
        return self._crowded_out(f"{name} {most} of {self._path(node)} is reached", node, new_only=False)

    def _no_weight(self, node: int) -> str:
        least = self.limits.min_position_weight
        if node == NO_NODE:
            cap = min(self.limits.max_position_weight, float(self.candidates.max_weight[self.row]))
            return f"{self._verb_out()}: its largest weight {cap:g} is below min_position_weight {least:g}, or 0."
        if node == ROOT:
            limit = f"target_invested {self.limits.target_invested:g}"
        else:
            name, most = self._limit(node, "max_allocation")
            limit = f"{name} {most:g} of {self._path(node)}"
        return self._crowded_out(
            f"no further position of min_position_weight {least:g} fits in {limit}", node, new_only=False
        )

    def size(self) -> str:
        """Why the weight is what it is; empty where nothing was sized."""
        found = SizeReason(self.answer["size_reason"])
        target, node = float(self.answer["target"]), int(self.answer["size_node"])
        if found == SizeReason.EMPTY:
            return ""
        if found == SizeReason.BRAKED:
            return (
                f"The brake keeps it at {percent(target)}; the rules propose {percent(float(self.answer['proposed']))}."
            )
        cap = min(self.limits.max_position_weight, float(self.candidates.max_weight[self.row]))
        if target <= 0:
            return "Weight 0.00%: the limits leave no weight for it."
        total = f"target_invested {self.limits.target_invested:g} and cash_band {self.limits.cash_band:g}"
        where = self._path(node) if node > ROOT else total if node == ROOT else "its own limits"
        words = {
            SizeReason.RESTRICTED: "its restriction or missing data keeps it there",
            SizeReason.HELD_IN_BAND: "near enough to its size to be left alone",
            SizeReason.RELEASED_FOR_LIMIT: f"inside its band, but traded for {where}",
            SizeReason.RELEASED_FOR_CASH: f"inside its band, but traded so that no more than cash_band "
            f"{self.limits.cash_band:g} stays uninvested",
            SizeReason.CAPPED_POSITION: f"held down by its largest weight {cap:g}",
            SizeReason.LIFTED_TO_MINIMUM: f"lifted to min_position_weight {self.limits.min_position_weight:g}",
            SizeReason.LIFTED_FOR_BUCKET_MINIMUM: f"lifted for the minimum of {where}",
            SizeReason.CAPPED_BUCKET: f"held down by the largest allocation of {where}",
            SizeReason.AT_WISH: f"as {self.limits.sizing_mode} wishes",
        }
        return f"Weight {percent(target)}: {words[found]}."

    def _verb_out(self) -> str:
        return "Closed" if self.current > 0 else "Not selected"

    def _is_holding(self) -> bool:
        return self.current >= self.limits.dust_weight and self.current > 0

    def _path(self, node: int) -> str:
        return self.candidates.tree.paths[node]

    def _level_bucket(self) -> str:
        tree = self.candidates.tree
        return tree.paths[int(tree.nodes[self.candidates.leaf[self.row]]["represents"])]

    def _limit(self, node: int, field: str) -> tuple[str, Any]:
        """The field that sets a node's limit, and its value."""
        return self.limits.limit_at(self._path(node), field)

    def _full_node(self) -> int:
        """The first node from the root where this holding found no free position."""
        nodes, node, found = self.candidates.tree.nodes, int(self.candidates.leaf[self.row]), ROOT
        while node != ROOT:
            if self._places(node) > nodes[node]["max_positions"]:
                found = node
            node = int(nodes[node]["parent"])
        return found

    def _uses_slot(self, rows: Ints) -> Any:
        """Which of the selected rows count as positions: all but dust that is only left alone."""
        entered = np.isin(self.decided["reason"][rows], ENTERED_REASONS)
        return entered | (self.candidates.current_weight[rows] >= self.limits.dust_weight)

    def _inside(self, node: int) -> Ints:
        """The selected rows of this account under a node."""
        leaf, stop = self.candidates.leaf, int(self.candidates.tree.nodes[node]["stop"])
        return self._selected((leaf >= node) & (leaf < stop))

    def _selected(self, where: Any) -> Ints:
        mine = self.candidates.account_of == self.candidates.account_of[self.row]
        return np.flatnonzero(mine & self.decided["selected"] & where)

    def _crowded_out(self, limit: str, node: int, *, new_only: bool) -> str:
        """The sentence of an asset that found no room: by which limit, and the last one that got in."""
        verb = self._verb_out()
        inside = self._inside(node)
        fixed = np.isin(
            self.decided["reason"][inside], (Reason.RESTRICTED, Reason.HELD_UNSCORED, Reason.HELD_NOT_SIZABLE)
        )
        current = self.candidates.current_weight[inside]
        held = (current >= self.limits.dust_weight) & (current > 0)  # one of these may be kept for representation
        entered = np.isin(self.decided["reason"][inside], ENTERED_REASONS) & ~held
        walked = inside[entered] if new_only else inside[~fixed]
        if not walked.size and (new_only or not inside.size):
            return f"{verb}: {limit}."
        if not walked.size:
            return f"{verb}: {limit}; held there by restriction or missing data: {self._listed(inside)}."
        return f"{verb}: {limit}; the last to get a place was {self._last(walked)}."

    def _last(self, rows: Ints) -> str:
        current = self.candidates.current_weight[rows]
        holding = (current >= self.limits.dust_weight) & (current > 0)
        score = np.nan_to_num(self.candidates.score[rows], nan=-math.inf)
        names = [self.candidates.asset.at(int(row)) or "" for row in rows]
        at = max(range(len(rows)), key=lambda one: (not holding[one], -score[one], -current[one], names[one]))
        return f"{names[at]} ({'held, ' if holding[at] else ''}score {score[at]:g})"

    def _listed(self, rows: Ints) -> str:
        return listed(sorted(self.candidates.asset.at(int(row)) or "" for row in rows))
