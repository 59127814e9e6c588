"""The records that the rules work on: one account's rows, the bucket tree, the settings, the answer.

Weights are fractions of the account's total value. Rows are in canonical order (by asset name), so that a tie is
always broken by name and a sum always runs in the same order, whatever order the user's rows have.

One record holds everything about a row (or a node), and one array of records is one argument: compiled code passes one
pointer instead of counting references to a dozen columns. Most of the speed comes from that.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Records = NDArray[Any]

ROOT = 0
NO_NODE = -1
NO_LIMIT = 2**62

# Weights that differ by less are the same weight (limits, bands, brakes).
WEIGHT_TOLERANCE = 1e-12
# A count may exceed an exact quotient by this part of a position (the floor of the derived number).
COUNT_TOLERANCE = 1e-9


class SizingMode(IntEnum):
    """The relative sizes to aim for, named as in `limits.SIZING_MODES`."""

    EQUAL_WEIGHT = 0
    SCORE_WEIGHTED = 1
    ADAPTIVE = 2
    INVERSE_VOLATILITY = 3
    DESIRED = 4
    GIVEN = 5


class Unscored(IntEnum):
    """The treatment of a holding without a score."""

    HOLD = 0
    CLOSE = 1


def record(*fields: tuple[str, str]) -> np.dtype[Any]:
    """An aligned record type whose items have their fields as attributes, compiled or not."""
    return np.dtype((np.record, np.dtype(list(fields), align=True)))


# A candidate. Shape (rows,).
ROW = record(
    ("score", "f8"),  # [0, 1], NaN = could not be scored
    ("current", "f8"),  # weight held now
    ("max_weight", "f8"),  # inf = none
    ("sizing_input", "f8"),  # desired weight or volatility, NaN = none; unused in the other modes
    ("leaf", "i4"),  # node of the tree
    ("restriction", "i1"),  # `Restriction`
)

# A node of the bucket tree, numbered in preorder (paths sorted); node 0 is the whole portfolio. Shape (nodes,).
NODE = record(
    ("parent", "i4"),  # NO_NODE for the root
    ("stop", "i4"),  # the subtree of a node is [node, stop)
    ("bottom_up", "i4"),  # not of this node: the nodes in the order deepest first, then by path; the root is last
    ("represents", "i4"),  # the node at bucket_level that an asset here represents, NO_NODE for Unknown
    ("max_positions", "i8"),  # NO_LIMIT = none
    ("max_allocation", "f8"),  # inf = none
    ("min_allocation", "f8"),  # 0 = none
    ("closed", "?"),  # nothing in it is bought (`unknown_bucket = "hold"`)
)

# The limits that are numbers, under their names in `RebalancingLimits`. One record.
SETTINGS = record(
    ("max_total_positions", "i8"),
    ("max_new_positions", "i8"),
    ("min_score_threshold", "f8"),
    ("min_score_diversification", "f8"),
    ("min_score_new_position", "f8"),
    ("target_invested", "f8"),
    ("full_investment_positions", "i8"),  # 0 = none
    ("max_position_weight", "f8"),
    ("min_position_weight", "f8"),
    ("buckets_to_represent", "i8"),  # 0 = no representation
    ("overflow", "?"),
    ("sizing_mode", "i8"),  # `SizingMode`
    ("residual_to_cash", "?"),
    ("no_trade_band", "f8"),
    ("min_trade", "f8"),
    ("cash_band", "f8"),
    ("drift_tolerance", "f8"),
    ("dust_weight", "f8"),
    ("unscored", "i8"),  # `Unscored`
    ("brake_sold_weight", "f8"),  # inf = none
    ("brake_closed_positions", "i8"),  # NO_LIMIT = none
)

# Under `max_correlation`, the *partners* of each row: rows of its bucket at `bucket_level` whose correlation with it is
# above the limit or unknown. One array holds them all, so that an account's is one slice: the partners of row i
# are partners[partners[i] : partners[i + 1]]. An empty array means no limit.
NO_PARTNERS: Ints = np.zeros(0, np.int64)

# A limit of exposures: a path of a scheme. Shape (exposure rows,). As a node of the answer, row i is tree.size + i.
EXPOSURE_ROW = record(
    ("max_exposure", "f8"),  # inf = none
    ("min_exposure", "f8"),  # 0 = none
)

# The fraction of an asset that counts in one of these rows. Shape (parts,).
EXPOSURE_PART = record(
    ("row", "i8"),
    ("fraction", "f8"),
)

# How concentrated issuers may be. Each issuer is a row of exposures without limits of its own; they follow the others,
# and after them comes a last row of all issuers together. Shape (1,).
CONCENTRATION = record(
    ("small", "f8"),
    ("largest", "f8"),
    ("together", "f8"),
    ("first", "i8"),  # the row of the first issuer; the number of rows without the rule
)

# The decision about a row. Shape (rows,).
ANSWER = record(
    ("target", "f8"),
    ("proposed", "f8"),  # the would-be target; differs from `target` only where braked
    ("reason_node", "i4"),  # the node whose limit stops the asset, ROOT for the portfolio, else NO_NODE
    ("size_node", "i4"),  # the node that caps, lifts or releases, else NO_NODE
    ("selected", "?"),
    ("action", "i1"),  # `Action`
    ("reason", "i1"),  # `Reason`
    ("size_reason", "i1"),  # `SizeReason`
)

# The state of a row in the walk. Shape (rows,).
CHOICE = record(
    ("kind", "i1"),  # OUT, FIXED, HOLDING, STRONG, WEAK
    ("holdable", "?"),  # its own limit leaves room for the minimum weight of a position
    ("taken", "?"),
    ("protected", "?"),  # taken although `max_positions` had no room
    ("taken_before", "?"),  # taken by the first walk, without representation
)

# The rows of one class of the walk: members[begin:end], of which [sorted, end) are in order, the first of all last,
# and [begin, sorted) is a heap of the rest. One record a class.
QUEUE = record(
    ("begin", "i8"),
    ("sorted", "i8"),
    ("end", "i8"),
)

# Per node: what fixed positions use, how many positions fit, and how many the walk has taken. Shape (nodes,).
CAPACITY = record(
    ("fixed_positions", "i8"),
    ("fixed_weight", "f8"),
    ("max_by_weight", "i8"),  # the derived number: positions that fit by weight, fixed included; NO_LIMIT = no limit
    ("max_positions", "i8"),  # that, or the node's own limit if lower: binds new assets and unprotected holdings
    ("max_protected", "i8"),  # binds holdings in overflow: full only where no weight is left
    ("used", "i8"),
    ("represented", "?"),
)

# A selected asset; those under a node are consecutive, by name inside a leaf. Shape (selected,).
MEMBER = record(
    ("row", "i8"),
    ("desired", "f8"),  # relative to the others; a weight in the mode `desired`
    ("min_weight", "f8"),
    ("max_weight", "f8"),
    ("window_min", "f8"),  # these bounds, narrowed by the windows of the nodes
    ("window_max", "f8"),
    ("weight", "f8"),  # the size of section 5
    ("target", "f8"),  # after the band
    ("node", "i4"),
    ("reason", "i1"),
    ("fixed", "?"),
    ("held", "?"),
)

# The levels of a node. Shape (nodes,).
SPAN = record(
    ("begin", "i8"),  # the members under the node are [begin, end), those directly in it [begin, own_end)
    ("own_end", "i8"),
    ("end", "i8"),
    ("fixed_weight", "f8"),
    ("cap", "f8"),  # limit, or the fixed weight where that alone exceeds it
    ("minimum", "f8"),  # the reachable part of the bucket minimum, scaled down where it does not fit
    ("need", "f8"),
    ("slope", "f8"),
    ("min_level", "f8"),  # the window of levels
    ("max_level", "f8"),
    ("level", "f8"),
    ("lowered_by", "i4"),  # the last node from the top that lowered the level, and that raised it
    ("raised_by", "i4"),
)


class Exposed(NamedTuple):
    """The limits of exposures, and the parts of each candidate in them. Without such limits, the kernel is given
    None instead, and compiled code has nothing about exposures in it.

    Candidate i has the profile p = profile[i], whose parts are parts[first[p] : first[p + 1]], in the order of the rows.
    """

    rows: Records  # `EXPOSURE_ROW`
    parts: Records  # `EXPOSURE_PART`
    first: Ints
    profile: Ints
    concentration: Records  # `CONCENTRATION`

    def of(self, candidates: slice) -> Exposed:
        """The same for some of the candidates."""
        return self._replace(profile=self.profile[candidates])


def empty_answer(rows: int) -> Records:
    """An answer to be filled, for this number of rows."""
    answer = np.zeros(rows, ANSWER)
    answer["reason_node"] = NO_NODE
    answer["size_node"] = NO_NODE
    return answer


def build_tree(
    parent: Any, *, represents: Any, closed: Any, max_positions: Any, max_allocation: Any, min_allocation: Any
) -> Records:
    """A tree from nodes in preorder; `parent[0]` is NO_NODE."""
    nodes = len(parent)
    tree = np.zeros(nodes, NODE)
    depth = np.zeros(nodes, np.int64)
    stop = np.arange(1, nodes + 1)
    for node in range(1, nodes):
        depth[node] = depth[parent[node]] + 1
    for node in range(nodes - 1, 0, -1):
        stop[parent[node]] = max(stop[parent[node]], stop[node])
    tree["parent"] = parent
    tree["stop"] = stop
    tree["bottom_up"] = np.argsort(-depth, kind="stable")
    tree["represents"] = represents
    tree["closed"] = closed
    tree["max_positions"] = max_positions
    tree["max_allocation"] = max_allocation
    tree["min_allocation"] = min_allocation
    return tree
