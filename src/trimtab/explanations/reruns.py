"""One account in the kernel's records, decided again with one thing changed. Nothing here decides: a rerun copies the
records, changes one field, and runs the rules. The values to try come from `counterfactuals.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from trimtab.bucket_path import UNKNOWN
from trimtab.candidates.candidates import Candidates, settings_of
from trimtab.explanations.changes import (
    CONCENTRATION,
    EXPOSURE_FIELDS,
    GENERAL,
    LEADING,
    LIFTED,
    NODE_FIELDS,
    ROW_FIELDS,
    SCORE_FIELDS,
    Change,
    changed_limits,
    setting_of,
)
from trimtab.explanations.exposed_rows import ExposedRows
from trimtab.explanations.places_taken import PlacesTaken, summed_under
from trimtab.kernel.account import rebalance_account, select_account
from trimtab.kernel.records import (
    NO_LIMIT,
    NO_NODE,
    NO_PARTNERS,
    ROOT,
    Exposed,
    Flags,
    Floats,
    Ints,
    Records,
    empty_answer,
)
from trimtab.limits.derived_fields import following
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import ENTERED_REASONS, FIXED_REASONS, Reason, Restriction

_HAS_ENTERED, _IS_FIXED = (np.isin(np.arange(len(Reason)), reasons) for reasons in (ENTERED_REASONS, FIXED_REASONS))


@dataclass(frozen=True, eq=False)
class Selection:
    """A selection: the selected rows, and the places they take.

    `selected` has shape (candidates,); `used`, the positions under each node, `walked`, those that are not fixed, and
    `fixed_weight`, the weight of the fixed, have shape (nodes,). `entered` counts new assets, `represented` the buckets
    that count as represented.
    """

    selected: Flags
    used: list[int]
    walked: list[int]
    fixed_weight: list[float]
    entered: int
    represented: int


@dataclass(frozen=True, eq=False)
class Reruns:
    """The records of one good account, and what the rules decide when one thing changes.

    `answer` is the decision. Shapes: `rows` and `answer` (candidates,) in canonical order, by asset name.

    Examples
    --------
    >>> from trimtab.candidates.read import read
    >>> limits = RebalancingLimits(max_new_positions=1)
    >>> reruns = Reruns.of(read([{"asset": "A", "score": 0.9}, {"asset": "B", "score": 0.8}], limits, many=False), limits)
    >>> reruns.answer["selected"].tolist()
    [True, False]
    >>> reruns.decided_with(Change("max_new_positions", "", 2))["selected"].tolist()
    [True, True]
    """

    candidates: Candidates
    limits: RebalancingLimits
    rows: Records
    settings: Records  # (1,)
    partners: Ints  # as `kernel.records.NO_PARTNERS` says
    exposed: Exposed | None
    answer: Records
    scans: dict[tuple[str, str], Any] = field(default_factory=dict)  # the scans of `counterfactuals.py`, by limit
    _kept: dict[Change, Records] = field(default_factory=dict)
    _known: dict[str, Floats] = field(default_factory=dict)
    _selections: dict[Change, Selection] = field(default_factory=dict)
    _kept_limits: dict[Change, RebalancingLimits | None] = field(default_factory=dict)

    @classmethod
    def of(cls, candidates: Candidates, limits: RebalancingLimits, decided: Records | None = None) -> Reruns:
        """The reruns of one account; `decided` is the answer in the order of the table's rows, where it is known.

        Where a regime is in force, its limits are changed.
        """
        limits = limits.in_force
        rows, settings = candidates.rows(limits), settings_of(limits)
        partners, _ = candidates.partners(limits.max_correlation)
        exposed = candidates.exposed(limits)
        if decided is None:
            answer = decide(rows, candidates.tree.nodes, settings, partners, exposed)
        else:
            answer = decided[candidates.order]
        return cls(candidates, limits, rows, settings, partners, exposed, answer)

    @property
    def nodes(self) -> Records:
        """The bucket tree. Shape (nodes,)."""
        return self.candidates.tree.nodes

    @cached_property
    def names(self) -> list[str]:
        """The assets, in the order of the rows."""
        asset = self.candidates.asset
        return [asset.names[code] for code in asset.codes[self.candidates.order].tolist()]

    @cached_property
    def reasons(self) -> list[int]:
        """The reason of each row."""
        return list(self.answer["reason"].tolist())

    @cached_property
    def scores(self) -> list[float]:
        """The score of each row, NaN without one."""
        return list(self.rows["score"].tolist())

    @cached_property
    def currents(self) -> list[float]:
        """The weight held now of each row."""
        return list(self.rows["current"].tolist())

    @cached_property
    def is_selected(self) -> list[bool]:
        """Whether each row is selected."""
        return list(self.answer["selected"].tolist())

    @cached_property
    def place_of(self) -> dict[str, int]:
        """The row of each asset."""
        return {name: row for row, name in enumerate(self.names)}

    def path(self, place: int) -> list[int]:
        """The nodes of a row from the top to its leaf, without the portfolio."""
        node, nodes = int(self.rows["leaf"][place]), []
        while node != ROOT:
            nodes.append(node)
            node = int(self.nodes["parent"][node])
        return nodes[::-1]

    def node_name(self, node: int) -> str:
        """The path of a node, empty for the portfolio."""
        return self.candidates.tree.paths[node]

    def limit_of(self, node: int, field: str) -> tuple[str, str]:
        """The field that sets a node's `max_positions`, `max_allocation` or `min_allocation`, and the bucket it is of."""
        path = self.node_name(node)
        name, _ = self.limits.limit_at(path, field)
        return name, "" if name in GENERAL else path

    def present(self, name: str, node: str) -> Any:
        """The present value of a limit; as the tree has it for one of a bucket."""
        if name in EXPOSURE_FIELDS:
            return self.exposures.present(name, node)
        if name == CONCENTRATION:
            return self.limits.concentration[node].text
        if name not in NODE_FIELDS:
            return getattr(self.limits, name)
        return self.nodes[name][self.nodes_under(name, node)[0]].item()

    def nodes_under(self, name: str, node: str) -> list[int]:
        """The nodes whose limit a field sets: all without an own one, or the one named."""
        if name in GENERAL:
            return self._general[GENERAL[name]]
        return [self.candidates.tree.paths.index(node)]

    @cached_property
    def _general(self) -> dict[str, list[int]]:
        """For `max_positions` and `max_allocation`, the nodes where the general limit is in force."""
        level = [node for node in range(1, len(self.nodes)) if self.nodes["parent"][node] == ROOT]
        free = [node for node in level if not self.nodes["closed"][node]]
        return {field: [node for node in free if self.limit_of(node, field)[0] in GENERAL] for field in NODE_FIELDS[:2]}

    @cached_property
    def is_slot(self) -> Flags:
        """The selected rows that count as positions: all but dust that is only left alone."""
        counts = np.isin(self.answer["reason"], ENTERED_REASONS) | (self.rows["current"] >= self.limits.dust_weight)
        return np.asarray(self.answer["selected"] & counts, np.bool_)

    @cached_property
    def is_holding(self) -> Flags:
        """The rows that are held, dust aside."""
        return np.asarray((self.rows["current"] >= self.limits.dust_weight) & (self.rows["current"] > 0), np.bool_)

    def under(self, values: Any) -> Floats:
        """The sum of row values under each node. Shape (nodes,)."""
        return summed_under(self.nodes, self.rows["leaf"], values)

    @cached_property
    def weight(self) -> Floats:
        """The weight that the rules propose under each node."""
        return self.under(self.answer["proposed"])

    @cached_property
    def sizes(self) -> Floats:
        """The size of each row before the band, within its tolerance."""
        settings = self.settings.copy()
        settings["no_trade_band"] = settings["min_trade"] = 0.0
        return np.asarray(decide(self.rows, self.nodes, settings, self.partners, self.exposed)["proposed"], np.float64)

    def decided_with(self, change: Change) -> Records:
        """The answer with one thing changed; kept, since many assets ask for the same change."""
        if change not in self._kept:
            self._kept[change] = self.run(change)
        return self._kept[change]

    def run(self, *changes: Change) -> Records:
        """The answer with some things changed at once."""
        return decide(*self.changed(*changes))

    def changed(self, *changes: Change) -> tuple[Records, Records, Records, Ints, Exposed | None]:
        """Rows, tree, settings, partners and exposures with some things changed."""
        of_rows = any(change.name in ROW_FIELDS for change in changes)
        rows = self.rows.copy() if of_rows else self.rows  # the only one that may be large
        tree, settings, partners = self.nodes.copy(), self.settings.copy(), self.partners
        opened: list[int] = []
        for change in changes:
            if change.name == "unknown_bucket":
                opened = self._hold_unknown(tree) if change.value == "hold" else self._open(tree)
        leading: dict[str, float | None] = {}
        for change in changes:
            value: Any = LIFTED.get(GENERAL.get(change.name, change.name)) if change.value is None else change.value
            if change.name in ROW_FIELDS:
                code = Restriction[value.upper() or "EMPTY"] if change.name == "restriction" else value
                rows[change.name][self.place_of[change.node] if change.node else slice(None)] = code
            elif change.name == "max_correlation":
                partners, _ = self.candidates.partners(value)
            elif change.name in LEADING:
                leading[change.name] = value
            elif change.name in GENERAL or change.name in NODE_FIELDS:
                nodes = self.nodes_under(change.name, change.node) + (opened if change.name in GENERAL else [])
                tree[GENERAL.get(change.name, change.name)][nodes] = value
            elif change.name not in ("unknown_bucket", CONCENTRATION, *EXPOSURE_FIELDS):
                name, code = setting_of(change.name, value)
                settings[name] = code
        for name, number in (self._with_followers(leading) if leading else {}).items():
            settings[name] = number
        return rows, tree, settings, partners, self.exposures.changed(changes)

    @cached_property
    def exposures(self) -> ExposedRows:
        """The exposures of the rows."""
        return ExposedRows(self.rows, self.answer, self.exposed, self.candidates.exposure_rows(self.limits))

    @cached_property
    def in_unknown(self) -> Flags:
        """The rows without a bucket."""
        return np.isin(self.rows["leaf"], self._unknown)

    @cached_property
    def _unknown(self) -> list[int]:
        """The nodes of `Unknown` and below."""
        paths = self.candidates.tree.paths
        if UNKNOWN not in paths:
            return []
        top = paths.index(UNKNOWN)
        return list(range(top, int(self.nodes["stop"][top])))

    def _hold_unknown(self, tree: Records) -> list[int]:
        """Make `Unknown` a bucket without limits, in which nothing is bought."""
        tree["closed"][self._unknown] = True
        tree["max_positions"][self._unknown] = NO_LIMIT
        tree["max_allocation"][self._unknown] = np.inf
        return []

    def _open(self, tree: Records) -> list[int]:
        """Make `Unknown` a limited bucket like any other; returns its node."""
        level = tree["closed"] & (tree["parent"] == ROOT)
        tree["closed"] = False
        if self.limits.enforce_position_limits:
            tree["max_positions"][level] = self.limits.max_positions_per_bucket
        if self.limits.enforce_allocation_limits:
            tree["max_allocation"][level] = self.limits.max_allocation_per_bucket
        return [int(node) for node in np.flatnonzero(level)]

    def _with_followers(self, leading: dict[str, float | None]) -> dict[str, float]:
        """Fields with their followers. A lifted field (None) goes as low as the fields below it allow."""
        limits, fields = self.limits, {name: value for name, value in leading.items() if value is not None}
        below = 0.0
        for name in SCORE_FIELDS:
            if name in leading and name not in fields:
                fields[name] = below
            below = fields.get(name, getattr(limits, name))
        if "min_position_weight" in leading and "min_position_weight" not in fields:
            fields["min_position_weight"] = 0.0 if "dust_weight" in limits.derived else limits.dust_weight
        return following(limits, fields, limits.derived - fields.keys()) | fields

    def selected(self, change: Change) -> Flags:
        """Who is selected with one thing changed."""
        return self.selection_with(change).selected

    def selection_with(self, change: Change) -> Selection:
        """The selection with one thing changed; kept, since many assets ask for the same change."""
        if change not in self._selections:
            self._selections[change] = self.selection_of(change)
        return self._selections[change]

    def selection_of(self, *changes: Change) -> Selection:
        """The selection with some things changed at once."""
        rows, tree, settings, partners, exposed = self.changed(*changes)
        answer = empty_answer(len(rows))
        select_account(rows, tree, settings[0], partners, exposed, answer)
        return self._selection(rows, tree, answer, float(settings["dust_weight"][0]))

    @cached_property
    def as_it_is(self) -> Selection:
        """The selection with nothing changed."""
        return self._selection(self.rows, self.nodes, self.answer, self.limits.dust_weight)

    def _selection(self, rows: Records, tree: Records, answer: Records, dust: float) -> Selection:
        chosen = np.flatnonzero(answer["selected"])  # few, also where there are many rows
        reason, current, leaf = answer["reason"][chosen], rows["current"][chosen], rows["leaf"][chosen]
        added = _HAS_ENTERED[reason]
        slot = added | (current >= dust)
        entered = added & ~((current >= dust) & (current > 0))  # a holding may be kept for representation
        fixed = _IS_FIXED[reason] | ((reason == Reason.KEPT) & (current < dust))
        buckets = tree["represents"][leaf[slot]]
        return Selection(
            selected=answer["selected"].copy(),
            used=self._counted(leaf[slot]),
            walked=self._counted(leaf[slot & ~fixed]),
            fixed_weight=self._weighed(leaf[fixed], current[fixed]),
            entered=int(np.count_nonzero(entered)),
            represented=len({node for node in buckets.tolist() if node != NO_NODE}),
        )

    def _counted(self, leaf: Ints) -> list[int]:
        """How many of some leaves lie under each node. Shape (nodes,)."""
        return [int(count) for count in summed_under(self.nodes, leaf).tolist()]

    def _weighed(self, leaf: Ints, weight: Floats) -> list[float]:
        """The weight of some leaves under each node. Shape (nodes,)."""
        sums = [0.0] * len(self.nodes)
        for node, own in zip(leaf.tolist(), weight.tolist(), strict=True):
            while node != NO_NODE:
                sums[node] += own
                node = int(self.nodes["parent"][node])  # noqa: PLW2901 - up to the root
        return sums

    def with_score(self, place: int) -> Callable[[float], bool]:
        """Whether a row is selected, for any score that it may have."""
        rows, settings, answer = self.rows.copy(), self.settings[0], empty_answer(len(self.rows))

        def is_selected(score: float) -> bool:
            rows["score"][place] = score
            select_account(rows, self.nodes, settings, self.partners, self.exposed, answer)
            return bool(answer["selected"][place])

        return is_selected

    def known(self, column: str) -> Floats:
        """The distinct values of a column of the rows, missing ones aside, sorted."""
        if column not in self._known:
            values = self.rows[column]
            self._known[column] = np.unique(values[(values > 0) | ((values == 0) & (column != "current"))])
        return self._known[column]

    @cached_property
    def score_edges(self) -> Floats:
        """The scores at which a row's place can change: limits, others' scores, and the floats next to them. Sorted."""
        own = [getattr(self.limits, name) for name in SCORE_FIELDS]
        edges = np.concatenate((self.known("score"), own, [0.0, 1.0]))
        edges = np.concatenate((edges, np.nextafter(edges, -1.0), np.nextafter(edges, 2.0)))
        return np.unique(edges[(edges >= 0) & (edges <= 1)])

    def limits_with(self, change: Change) -> RebalancingLimits | None:
        """The limits with a change; None if they contradict each other. Changes of rows leave them unchanged."""
        if change not in self._kept_limits:
            self._kept_limits[change] = changed_limits(self.limits, change)
        return self._kept_limits[change]

    def standing(self, place: int) -> tuple[Reason, int]:
        """The obstacle to an unselected row, with its node; for dust, what keeps it from returning."""
        reason, node = Reason(self.answer["reason"][place]), int(self.answer["reason_node"][place])
        if reason != Reason.DUST:
            return reason, node
        if self.scores[place] < self.limits.min_score_new_position:
            return Reason.BELOW_THRESHOLD, NO_NODE
        return next(self.places.in_the_way(int(self.candidates.order[place])))

    def partners_of(self, place: int) -> Ints:
        """The rows that a new asset is too correlated with, selected or not."""
        partners: Ints = self.partners[self.partners[place] : self.partners[place + 1]]
        return partners

    @cached_property
    def _pairs(self) -> tuple[Ints, Floats]:
        """For each pair of a bucket with a known correlation the first row, and the correlation."""
        candidates, count = self.candidates, len(self.rows)
        if candidates.correlations is None:
            return np.zeros(0, np.int64), np.zeros(0)
        everyone, _ = candidates.partners(-2.0)  # below every correlation: all pairs of a bucket
        first = np.repeat(np.arange(count), np.diff(everyone[: count + 1]))
        place = candidates.correlations.places(self.names)
        values = candidates.correlations.between(place[first], place[everyone[count + 1 :]])
        known = ~np.isnan(values)
        return first[known], values[known]

    @cached_property
    def correlations(self) -> Floats:
        """The different known correlations of two candidates of one bucket, sorted."""
        return np.unique(self._pairs[1])

    def correlations_about(self, place: int) -> Floats:
        """The different known correlations of a row with others of its bucket, sorted."""
        first, values = self._pairs
        return np.unique(values[first == place])

    @cached_property
    def places(self) -> PlacesTaken:
        """The places taken; rows in the order of the table."""
        return PlacesTaken(self.candidates, self.limits, self.in_table_order)

    @cached_property
    def in_table_order(self) -> Records:
        """The answer in the order of the table's rows."""
        return self.candidates.in_table_order(self.answer)

    def alone(self, place: int) -> Any:
        """The decision about a row that is the only candidate."""
        exposed = None if self.exposed is None else self.exposed.of(slice(place, place + 1))
        return decide(self.rows[place : place + 1], self.nodes, self.settings, NO_PARTNERS, exposed)[0]


def decide(rows: Records, tree: Records, settings: Records, partners: Ints, exposed: Exposed | None) -> Records:
    """The decision of the rules about one account's records. Shape (rows,)."""
    answer = empty_answer(len(rows))
    rebalance_account(rows, tree, settings[0], partners, exposed, answer)
    return answer
