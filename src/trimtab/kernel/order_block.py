"""Many accounts through the orders stage in one call of compiled code, on the calling thread; one account is a block of one.

It moves values into records and decides nothing: every account goes through `plan_account`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from trimtab.kernel.block import sum_up
from trimtab.kernel.compilation import compiled, entry
from trimtab.kernel.order_records import ORDER_NODE
from trimtab.kernel.orders import PassInputs, plan_account
from trimtab.kernel.records import ANSWER, NO_LIMIT, ROW, SETTINGS, Flags, Ints, Records


class OrderAccounts(NamedTuple):
    """The accounts of a block. Account i has the rows start[i] to start[i + 1], by asset name, and limits number limits[i]."""

    start: Ints  # shape (accounts + 1,)
    lots_start: Ints  # (accounts + 1,): its tax lots
    partners_start: Ints  # (accounts + 1,): its partners, in the form that `NO_PARTNERS` says
    limits: Ints  # (accounts,)
    left_out: Flags  # (accounts,)


class OrderLimits(NamedTuple):
    """Limits, as in `Prepared`: those with number l have the nodes trees[tree_start[l] : tree_start[l + 1]]."""

    settings: Records
    trees: Records
    tree_start: Ints


class OrderRecords(NamedTuple):
    """The records of a block. Rows need score, sizing input and leaf; the rest of them, and the answers, are filled.

    Afterwards `rows` are the input of the pass behind the plan, and `answers` its answer.
    """

    assets: Records  # ASSET, shape (rows,)
    lots: Records  # TAX_LOT
    accounts: Records  # ORDER_ACCOUNT, shape (accounts,)
    rows: Records  # ROW, shape (rows,)
    answers: Records  # ANSWER, shape (rows,)
    outcome: Records  # OUTCOME of the pass, shape (accounts,)


class _Memory(NamedTuple):
    """Working memory for the largest account of a block."""

    rows: Records
    answers: Records
    nodes: Records
    settings: Records  # of the first pass, and of the later ones


@compiled
def _fill_nodes(nodes: Records, tree: Records) -> None:
    for index in range(tree.size):
        node, source = nodes[index], tree[index]
        node.parent, node.stop, node.bottom_up = source.parent, source.stop, source.bottom_up
        node.represents = source.represents
        node.max_positions, node.max_allocation = source.max_positions, source.max_allocation
        node.min_allocation = source.min_allocation


@compiled
def _fill_limits(account: Any, settings: Any, both: Records) -> None:
    """The limits that the stage needs, and those of the first pass and of the later ones, which have no brakes."""
    account.target_invested = min(settings.target_invested, 1.0 - account.cash_buffer)
    account.max_position_weight, account.min_position_weight = (
        settings.max_position_weight,
        settings.min_position_weight,
    )
    account.cash_band, account.drift_tolerance = settings.cash_band, settings.drift_tolerance
    account.min_trade, account.dust_weight = settings.min_trade, settings.dust_weight
    account.max_total_positions = settings.max_total_positions
    account.buckets_to_represent = settings.buckets_to_represent
    both[0] = both[1] = settings
    both[0].target_invested = both[1].target_invested = account.target_invested
    both[1].brake_sold_weight = np.inf
    both[1].brake_closed_positions = NO_LIMIT


@entry
def plan_block(accounts: OrderAccounts, limits: OrderLimits, partners: Ints, records: OrderRecords) -> None:
    """Decide the orders of every account of a block that is not left out."""
    start, most_rows, most_nodes = accounts.start, 0, 0
    for number in range(start.size - 1):
        most_rows = max(most_rows, start[number + 1] - start[number])
    for number in range(limits.tree_start.size - 1):
        most_nodes = max(most_nodes, limits.tree_start[number + 1] - limits.tree_start[number])
    memory = _Memory(
        np.zeros(most_rows, ROW), np.zeros(most_rows, ANSWER), np.zeros(most_nodes, ORDER_NODE), np.zeros(2, SETTINGS)
    )
    for number in range(start.size - 1):
        if accounts.left_out[number]:
            continue
        begin, end, chosen = start[number], start[number + 1], accounts.limits[number]
        tree = limits.trees[limits.tree_start[chosen] : limits.tree_start[chosen + 1]]
        rows, answers, next_rows = records.rows[begin:end], records.answers[begin:end], memory.rows[: end - begin]
        for index in range(end - begin):
            next_rows[index] = rows[index]
        nodes = memory.nodes[: tree.size]
        _fill_nodes(nodes, tree)
        account = records.accounts[number]
        _fill_limits(account, limits.settings[chosen], memory.settings)
        alike = partners[accounts.partners_start[number] : accounts.partners_start[number + 1]]
        passes = PassInputs(rows, next_rows, tree, memory.settings, alike, answers, memory.answers[: end - begin])
        lots = records.lots[accounts.lots_start[number] : accounts.lots_start[number + 1]]
        records.outcome[number].braked = plan_account(records.assets[begin:end], nodes, lots, account, passes)
        account.brake_sold_weight = memory.settings[0].brake_sold_weight
        for index in range(end - begin):
            sum_up(records.outcome[number], rows[index].current, answers[index].target, account.dust_weight)
