"""Which assets are held: classes, the order, the walk, the reasons (rules, sections 3, 4 and 8).

The walk is greedy and exact: bucket trees and the total are a laminar family of capacities, so taking in order is
optimal (a matroid), and taking the first of each missing bucket first does not cost more than representation must.
Where partners are given (`max_correlation`) it is greedy and no longer an optimum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trimtab.kernel.compilation import allocating
from trimtab.kernel.eligibility import FIXED, class_of, classify
from trimtab.kernel.records import CHOICE, ROOT, Ints, Records
from trimtab.kernel.selection_queue import queue_up
from trimtab.kernel.selection_reasons import explain_selection
from trimtab.kernel.selection_walk import BUCKETS, measure_capacity, walk_assets


@allocating
def select(rows: Records, tree: Records, settings: Any, partners: Ints, answer: Records) -> tuple[Records, Records]:
    """Fill `selected`, `reason` and `reason_node` of the answer; returns the choices and the capacity."""
    choices = np.zeros(rows.size, CHOICE)
    classify(rows, tree, settings, choices, answer)
    capacity = measure_capacity(rows, tree, settings, choices)
    members, scores, queues = queue_up(rows, choices)
    counts = walk_assets(rows, tree, settings, partners, capacity, choices, scores, members, queues, False)
    # A walk that represents enough buckets by itself is the best with representation, too.
    representing = counts[BUCKETS] < settings.buckets_to_represent
    if representing:
        counts = walk_assets(rows, tree, settings, partners, capacity, choices, scores, members, queues, True)
    explain_selection(rows, tree, settings, partners, capacity, counts, choices, representing, answer)
    return choices, capacity


@allocating
def selected_before(rows: Records, tree: Records, settings: Any, answer: Records) -> tuple[Records, Records]:
    """The choices and the capacity that the later stages need, where `selected` of the answer says who is held."""
    choices = np.zeros(rows.size, CHOICE)
    for at in range(rows.size):
        row = rows[at]
        kind, _ = class_of(row, tree[row.leaf].closed, settings)
        choices[at].kind = kind
        choices[at].taken = answer[at].selected
    capacity = measure_capacity(rows, tree, settings, choices)
    capacity[ROOT].used = capacity[ROOT].fixed_positions
    for at in range(rows.size):
        if choices[at].taken and choices[at].kind != FIXED:
            capacity[ROOT].used += 1
    return choices, capacity
