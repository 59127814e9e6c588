"""Why a row is in or out, in words: one clause for each reason, from the kernel's integers. Made on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from trimtab.candidates.candidates import Candidates
from trimtab.errors import listed
from trimtab.explanations.places_taken import PlacesTaken
from trimtab.explanations.size_sentences import size_clause
from trimtab.kernel.records import NO_NODE, ROOT, Ints, Records
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Reason, Restriction, SizeReason
from trimtab.text import figure, percent, told_apart


class Detail(NamedTuple):
    """Why a row is in or out, and why it has its size, in parts that fit a sentence or a column. `verb` says what was
    done, `clause` why; `weight` is its weight in writing, `size_clause` the reason for it; both are empty if nothing
    was sized.
    """

    verb: str
    clause: str
    weight: str
    size_clause: str

    @property
    def reason(self) -> str:
        """Why it is in or out, as a sentence."""
        return f"{self.verb}: {self.clause}."

    @property
    def size(self) -> str:
        """Why it has its weight, as a sentence; empty where nothing was sized."""
        return f"Weight {self.weight}: {self.size_clause}." if self.size_clause else ""

    @property
    def text(self) -> str:
        """Both sentences."""
        return f"{self.reason} {self.size}".rstrip()


@dataclass(frozen=True, eq=False)
class SentenceMaker:
    """Makes the sentences of one account; `decided` has shape (rows,), in the order of the table."""

    places: PlacesTaken

    @classmethod
    def of(cls, candidates: Candidates, limits: RebalancingLimits, decided: Records) -> SentenceMaker:
        """The maker for what was decided about an account's candidates."""
        return cls(PlacesTaken(candidates, limits, decided))

    def detail(self, row: int) -> Detail:
        """The words for a row: the limit, its value, the bucket, and the asset that took the place."""
        places = self.places
        answer, current = places.decided[row], float(places.candidates.current_weight[row])
        about = _Row(
            places,
            places.candidates,
            places.limits,
            row,
            score=float(places.candidates.score[row]),
            current=current,
            reason=Reason(answer["reason"]),
            node=int(answer["reason_node"]),
        )
        verb = _verb(about)
        if answer["size_reason"] == SizeReason.BRAKED:
            would = "still not be selected" if verb == "Not selected" else f"be {verb.lower()}"
            verb = f"Without the brake it would {would}"
        size = size_clause(places, row)
        return Detail(verb, _CLAUSES[about.reason](about), percent(float(answer["target"])) if size else "", size)


class _Row(NamedTuple):
    places: PlacesTaken
    candidates: Candidates
    limits: RebalancingLimits
    row: int
    score: float
    current: float
    reason: Reason
    node: int

    def path(self, node: int) -> str:
        return self.candidates.tree.paths[node]

    def limit(self, node: int, field: str) -> tuple[str, Any]:
        """The field that sets a node's limit, and its value."""
        return self.limits.limit_at(self.path(node), field)

    @property
    def restriction(self) -> str:
        return Restriction(int(self.candidates.restriction[self.row])).code

    def named(self, rows: Ints) -> str:
        return listed(sorted(self.places.name(row) for row in rows.tolist()))


def _verb(about: _Row) -> str:
    if about.reason in (Reason.RESTRICTED, Reason.HELD_UNSCORED, Reason.HELD_NOT_SIZABLE):
        return "Held"
    if not about.places.decided["selected"][about.row]:
        return "Closed" if about.current > 0 else "Not selected"
    return "Added" if about.places.is_new(about.row) and about.reason != Reason.KEPT else "Kept"


# ---- selected


_HOLDING, _NEW = "a holding needs (min_score_threshold)", "a new position needs (min_score_new_position)"


def _against(about: _Row, verb: str, threshold: float, purpose: str) -> str:
    score, needed = told_apart(about.score, threshold)
    return f"its score of {score} {verb} the {needed} that {purpose}"


def _representing(about: _Row) -> str:
    tree = about.candidates.tree
    bucket = tree.paths[int(tree.nodes[about.candidates.leaf[about.row]]["represents"])]
    return (
        f"needed to represent {bucket} (min_buckets_represented {about.limits.min_buckets_represented}); "
        f"with its score of {figure(about.score)} it would not be in otherwise"
    )


def _protected(about: _Row) -> str:
    node = about.places.first_over(about.row)
    name, count = about.limit(node, "max_positions")
    full = f"{_positions_of(about.path(node), count)} taken ({name})"
    return f"{full}, but allow_bucket_overflow protects holdings"


# ---- not selected


def _not_scored(about: _Row) -> str:
    closed = ', and holdings without one are closed (unscored_positions "close")'
    return f"it has no score{closed if about.current > 0 else ''}"


def _restricted_out(about: _Row) -> str:
    clause = f"its restriction {about.restriction} forbids buying"
    if about.current <= 0:
        return clause
    return f"{clause}, and at {_tiny(about.current)} it is only dust (dust_weight {figure(about.limits.dust_weight)})"


def _lacks(about: _Row) -> str:
    return f"it has no {about.limits.sizing_column}, which sizing_mode {about.limits.sizing_mode} needs"


def _below_threshold(about: _Row) -> str:
    limits = about.limits
    if about.current > 0:
        return _against(about, "is below", limits.min_score_threshold, _HOLDING)
    low = _against(about, "is below", limits.min_score_new_position, _NEW)
    represents = limits.represents and about.score >= limits.min_score_diversification
    return f"{low}, and it is not needed to represent its bucket" if represents else low


def _dust(about: _Row) -> str:
    limits = about.limits
    opening = f"at {_tiny(about.current)} it is dust (dust_weight {figure(limits.dust_weight)}) and competes as a new position"
    if about.score < limits.min_score_new_position:
        score, needed = told_apart(about.score, limits.min_score_new_position)
        return f"{opening}, which needs a score of {needed} (min_score_new_position); it has {score}"
    reason, node = next(about.places.in_the_way(about.row))
    return f"{opening}; {_CLAUSES[reason](about._replace(reason=reason, node=node))}"


def _tiny(weight: float) -> str:
    return f"{100 * weight:.3g}%"


def _displaced(about: _Row) -> str:
    favoured = np.flatnonzero(about.places.decided["reason"] == Reason.ADDED_FOR_REPRESENTATION)
    return (
        f"its place went to {about.named(favoured)}, needed to represent missing buckets "
        f"(min_buckets_represented {about.limits.min_buckets_represented})"
    )


def _correlated(about: _Row) -> str:
    limit = float(about.limits.max_correlation or 0.0)
    other, value = about.places.too_correlated_with(about.row)[0]
    where = f"with {other} in {about.path(about.places.level_node(about.row))}"
    if value is None:
        clause = f"its correlation {where} is unknown, which counts as above max_correlation {figure(limit)}"
    else:
        shown, largest = told_apart(value, limit)
        clause = f"its correlation of {shown} {where} is above max_correlation {largest}"
    return clause + _also(about)


def _total_limit(about: _Row) -> str:
    count = about.limits.max_total_positions
    return _crowded_out(about, f"{_positions_of('the account', count)} taken (max_total_positions)", _by(count), ROOT)


def _new_limit(about: _Row) -> str:
    count = about.limits.max_new_positions
    if count == 0:
        return f"no new positions are allowed (max_new_positions 0){_also(about)}"
    taken = "the one new position is" if count == 1 else f"all {count} new positions are"
    return _crowded_out(about, f"{taken} taken (max_new_positions)", _by(count), ROOT, new_only=True)


def _bucket_limit(about: _Row) -> str:
    name, count = about.limit(about.node, "max_positions")
    if count == 0:
        return f"{about.path(about.node)} may hold no position ({name} 0){_also(about)}"
    taken = f"{_positions_of(about.path(about.node), count)} taken ({name})"
    return _crowded_out(about, taken, _by(count), about.node)


def _by(count: int) -> str:
    return " by" if count == 1 else ", the last by"


def _positions_of(place: str, count: int) -> str:
    return f"the one position of {place} is" if count == 1 else f"all {count} positions of {place} are"


def _no_weight(about: _Row) -> str:
    limits, node = about.limits, about.node
    if about.places.exposure_row(node) >= 0:
        return f"{_exposure_room(about, node)}{_also(about)}"
    if node == NO_NODE:
        cap = about.places.cap(about.row)
        if about.places.is_unwanted(about.row):
            return f'its desired_weight is 0 (sizing_mode "{limits.sizing_mode}"){_also(about)}'
        if cap <= 0:
            return f"its largest weight is 0{_also(about)}"
        largest, min_weight = told_apart(cap, limits.min_position_weight)
        return f"its largest weight of {largest} is below min_position_weight {min_weight}{_also(about)}"
    within = f"{_least(limits)} fits {_weight_limit(about, node)}"
    return _crowded_out(about, f"no other position{within}", "; the last to fit was", node)


def _exposure_room(about: _Row, node: int) -> str:
    """How little a limit of exposures leaves an asset."""
    rows, row = about.places.exposure_rows, about.places.exposure_row(node)
    limit = f"max_exposure {figure(float(rows.rows[row]['max_exposure']))} of {rows.named(row)}"
    room, _ = about.places.exposure_room(about.row)
    if room <= 0:
        return f"{limit} is full"
    left, needed = told_apart(room, about.limits.min_position_weight)
    return f"{limit} leaves it only {left}, below min_position_weight {needed}"


def _least(limits: RebalancingLimits) -> str:
    if limits.min_position_weight <= 0:
        return ""
    return f" of {percent(limits.min_position_weight)} (min_position_weight)"


def _weight_limit(about: _Row, node: int) -> str:
    if node == ROOT:
        return f"within target_invested {figure(about.limits.target_invested)}"
    name, weight = about.limit(node, "max_allocation")
    return f"within {name} {figure(weight)} of {about.path(node)}"


def _crowded_out(about: _Row, limit: str, joint: str, node: int, *, new_only: bool = False) -> str:
    """An asset without room: the limit in its way, and the last asset that got in."""
    places = about.places
    row = places.last_chosen(node, new_only=new_only)
    if row is not None:
        limit += f"{joint} {_ranked(about, row)}"
    elif not new_only and (inside := places.under(node)).size:
        limit += f"; a restriction or missing data keeps {about.named(inside)} there"
    return limit + _also(about)


def _ranked(about: _Row, row: int) -> str:
    held = "" if about.places.is_new(row) else "held, "
    return f"{about.places.name(row)} ({held}score {figure(float(about.candidates.score[row]))})"


def _also(about: _Row) -> str:
    """The other limits that would keep the asset out even without this one; max_correlation comes first, so it is never
    among them.
    """
    obstacles = about.places.in_the_way(about.row)
    others = [_short(about, *obstacle) for obstacle in obstacles if obstacle != (about.reason, about.node)]
    return f"; also in the way: {', '.join(others)}" if others else ""


def _short(about: _Row, reason: Reason, node: int) -> str:
    limits = about.limits
    if reason == Reason.TOTAL_POSITION_LIMIT:
        return f"max_total_positions {limits.max_total_positions}"
    if reason == Reason.NEW_POSITION_LIMIT:
        return f"max_new_positions {limits.max_new_positions}"
    if reason == Reason.BUCKET_POSITION_LIMIT:
        name, count = about.limit(node, "max_positions")
        return f"{name} {count} of {about.path(node)}"
    if about.places.exposure_row(node) >= 0:
        return _exposure_room(about, node)
    if node == NO_NODE and about.places.is_unwanted(about.row):
        return "its desired_weight of 0"
    if node == NO_NODE:
        return f"its largest weight of {figure(about.places.cap(about.row))}"
    return f"no room for another position{_least(limits)} {_weight_limit(about, node)}"


_CLAUSES: dict[Reason, Callable[[_Row], str]] = {
    Reason.KEPT: lambda about: _against(about, "meets", about.limits.min_score_threshold, _HOLDING),
    Reason.ADDED: lambda about: _against(about, "meets", about.limits.min_score_new_position, _NEW),
    Reason.ADDED_FOR_REPRESENTATION: _representing,
    Reason.OVERFLOW_PROTECTED: _protected,
    Reason.RESTRICTED: lambda about: f"its restriction {about.restriction} forbids selling",
    Reason.HELD_UNSCORED: lambda _: (
        'it has no score, and holdings without one are left alone (unscored_positions "hold")'
    ),
    Reason.HELD_NOT_SIZABLE: lambda about: f"{_lacks(about)}; a holding is never sold for missing data",
    Reason.NOT_SCORED: _not_scored,
    Reason.RESTRICTED_OUT: _restricted_out,
    Reason.UNCLASSIFIED: lambda _: 'it has no bucket, and nothing without one is bought (unknown_bucket "hold")',
    Reason.NOT_SIZABLE: _lacks,
    Reason.BELOW_THRESHOLD: _below_threshold,
    Reason.DUST: _dust,
    Reason.TOO_CORRELATED: _correlated,
    Reason.DISPLACED_FOR_REPRESENTATION: _displaced,
    Reason.TOTAL_POSITION_LIMIT: _total_limit,
    Reason.NEW_POSITION_LIMIT: _new_limit,
    Reason.BUCKET_POSITION_LIMIT: _bucket_limit,
    Reason.MIN_POSITION_CAPACITY: _no_weight,
}
