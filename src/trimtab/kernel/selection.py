"""Who is held: classes, the order, the walk, the reasons (rules, sections 3, 4 and 8).

The walk is greedy and exact: bucket trees and the total are a laminar family of capacities, so taking in order is
optimal (a matroid), and taking the first of each missing bucket first costs no more than representation must.
With partners (`max_correlation`) it is greedy and not always the optimum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trimtab.kernel.compilation import allocating
from trimtab.kernel.eligibility import FIXED, class_of, classify
from trimtab.kernel.exposures import shut_out
from trimtab.kernel.records import CHOICE, ROOT, Exposed, Ints, Records
from trimtab.kernel.selection_queue import queue_up
from trimtab.kernel.selection_reasons import explain_selection
from trimtab.kernel.selection_walk import BUCKETS, Account, Walk, measure_capacity, walk_assets


@allocating
def select(
    rows: Records, tree: Records, settings: Any, partners: Ints, exposed: Exposed | None, answer: Records
) -> tuple[Records, Records]:
    """Fill `selected`, `reason` and `reason_node` of the answer; returns the choices and the capacity."""
    choices = np.zeros(rows.size, CHOICE)
    classify(rows, tree, settings, choices, answer)
    account = Account(rows, tree, settings, partners, shut_out(rows, settings, choices, exposed))
    walk = Walk(choices, measure_capacity(rows, tree, settings, choices), np.zeros(2, np.int64))
    queues = queue_up(rows, choices)
    walk_assets(account, walk, queues, False)
    # A walk that represents enough buckets by itself is also the best with representation.
    representing = walk.counts[BUCKETS] < settings.buckets_to_represent
    if representing:
        walk_assets(account, walk, queues, True)
    explain_selection(account, walk, representing, answer)
    return choices, walk.capacity


@allocating
def selected_before(rows: Records, tree: Records, settings: Any, answer: Records) -> tuple[Records, Records]:
    """The choices and the capacity that the later stages need, given `selected` in the answer."""
    choices = np.zeros(rows.size, CHOICE)
    for row in range(rows.size):
        kind, _ = class_of(rows[row], tree[rows[row].leaf].closed, settings)
        choices[row].kind = kind
        choices[row].taken = answer[row].selected
    capacity = measure_capacity(rows, tree, settings, choices)
    capacity[ROOT].used = capacity[ROOT].fixed_positions
    for row in range(rows.size):
        if choices[row].taken and choices[row].kind != FIXED:
            capacity[ROOT].used += 1
    return choices, capacity
