"""Many accounts through the orders stage in one call of compiled code, on the calling thread; one account is a block of one.

It moves values into records and decides nothing: every account goes through `plan_account`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from trimtab.kernel.block import sum_up
from trimtab.kernel.compilation import allocating, compiled, entry
from trimtab.kernel.order_exposures import Loads, exposure_loads, set_parts
from trimtab.kernel.order_records import KEY, ORDER_NODE, TRADED
from trimtab.kernel.orders import PassInputs, plan_account
from trimtab.kernel.records import ANSWER, NO_LIMIT, NO_NODE, ROOT, ROW, SETTINGS, Exposed, Flags, Ints, Records


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
    """Working memory for the largest account of a block, and the nodes of the limits before."""

    assets: Records  # TRADED
    keys: Records  # KEY
    rows: Records
    answers: Records
    nodes: Records
    node_of: Ints  # for each node of the tree, that of `nodes` which an asset in it belongs to
    settings: Records  # of the first pass, and of the later ones


@compiled
def _matters(tree: Records, number: int) -> bool:
    """Whether a node has a limit of its own, or is one to be represented."""
    node = tree[number]
    if number == ROOT or node.represents != tree[node.parent].represents:
        return True
    return bool(node.max_allocation <= 1.0 or node.min_allocation > 0.0 or node.max_positions < NO_LIMIT)


@compiled
def _fill_nodes(nodes: Records, node_of: Ints, tree: Records) -> int:
    """Fill the nodes that matter; returns how many."""
    count = 0
    for number in range(tree.size):
        source = tree[number]
        if not _matters(tree, number):
            node_of[number] = node_of[source.parent]
            continue
        node = nodes[count]
        node_of[number] = count
        node.parent = NO_NODE if number == ROOT else node_of[source.parent]
        node.represents = NO_NODE if source.represents == NO_NODE else node_of[source.represents]
        node.max_positions, node.max_allocation = source.max_positions, source.max_allocation
        node.min_allocation = source.min_allocation
        count += 1
        node.stop = count
    for number in range(count - 1, 0, -1):
        above = nodes[nodes[number].parent]
        above.stop = max(above.stop, nodes[number].stop)
    place = 0
    for order in range(tree.size):
        number = tree[order].bottom_up
        if _matters(tree, number):
            nodes[place].bottom_up = node_of[number]
            place += 1
    return count


@compiled
def _fill_limits(account: Any, nodes: Records, settings: Any, both: Records) -> None:
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
    nodes[ROOT].largest_weight = min(settings.max_position_weight, account.target_invested)
    for number in range(1, nodes.size):
        node = nodes[number]
        node.largest_weight = min(nodes[node.parent].largest_weight, node.max_allocation)
    both[0] = both[1] = settings
    both[0].target_invested = both[1].target_invested = account.target_invested
    both[1].brake_sold_weight = np.inf
    both[1].brake_closed_positions = NO_LIMIT


@compiled
def _take_up(assets: Records, memory: _Memory, rows: Records) -> None:
    """Load the account into the working memory."""
    for index in range(assets.size):
        asset, source = memory.assets[index], assets[index]
        asset.price, asset.quantity, asset.lot = source.price, source.quantity, source.lot
        asset.min_notional, asset.lots_begin, asset.lots_end = source.min_notional, source.lots_begin, source.lots_end
        asset.score, asset.max_weight = source.score, source.max_weight
        asset.restriction, asset.tradable = source.restriction, source.tradable
        asset.leaf = memory.node_of[source.leaf]
        asset.base_quantity = 0
        memory.rows[index] = rows[index]


@compiled
def _put_down(assets: Records, memory: _Memory) -> None:
    """Decisions back into the records of the account."""
    for index in range(assets.size):
        asset, source = assets[index], memory.assets[index]
        asset.now, asset.base_quantity, asset.reason = source.now, source.base_quantity, source.reason
        asset.amount, asset.fee, asset.place = source.amount, source.fee, source.place


@allocating
def _exposed_of(exposed: Exposed | None, begin: int, end: int) -> Exposed | None:
    """The exposures of the candidates [begin, end)."""
    if exposed is None:
        return None
    return Exposed(exposed.rows, exposed.parts, exposed.first, exposed.profile[begin:end], exposed.concentration)


@entry
def plan_block(
    accounts: OrderAccounts, limits: OrderLimits, partners: Ints, exposed: Exposed | None, records: OrderRecords
) -> None:
    """Decide the orders of every account of a block that is not left out.

    `exposed`: the exposures of all rows under the limits of all accounts; None if exposures are not limited.
    """
    start, most_rows, most_nodes = accounts.start, 0, 0
    for number in range(start.size - 1):
        most_rows = max(most_rows, start[number + 1] - start[number])
    for number in range(limits.tree_start.size - 1):
        most_nodes = max(most_nodes, limits.tree_start[number + 1] - limits.tree_start[number])
    memory = _Memory(
        np.zeros(most_rows, TRADED),
        np.zeros(most_rows, KEY),
        np.zeros(most_rows, ROW),
        np.zeros(most_rows, ANSWER),
        np.zeros(most_nodes, ORDER_NODE),
        np.zeros(most_nodes, np.int64),
        np.zeros(2, SETTINGS),
    )
    nodes_of, count = -1, 0
    exposure_rows, parts = exposure_loads(exposed)
    for number in range(start.size - 1):
        if accounts.left_out[number]:
            continue
        begin, end, chosen = start[number], start[number + 1], accounts.limits[number]
        tree = limits.trees[limits.tree_start[chosen] : limits.tree_start[chosen + 1]]
        if chosen != nodes_of:
            nodes_of, count = chosen, _fill_nodes(memory.nodes, memory.node_of, tree)
        size, nodes = end - begin, memory.nodes[:count]
        rows, answers, account = records.rows[begin:end], records.answers[begin:end], records.accounts[number]
        _fill_limits(account, nodes, limits.settings[chosen], memory.settings)
        _take_up(records.assets[begin:end], memory, rows)
        alike = partners[accounts.partners_start[number] : accounts.partners_start[number + 1]]
        own = _exposed_of(exposed, begin, end)
        set_parts(memory.assets[:size], exposed, begin)
        passes = PassInputs(rows, memory.rows[:size], tree, memory.settings, alike, own, answers, memory.answers[:size])
        lots = records.lots[accounts.lots_start[number] : accounts.lots_start[number + 1]]
        outcome = records.outcome[number]
        loads = Loads(nodes, exposure_rows, parts)
        outcome.braked = plan_account(memory.assets[:size], loads, memory.keys, lots, account, passes)
        _put_down(records.assets[begin:end], memory)
        account.brake_sold_weight = memory.settings[0].brake_sold_weight
        for index in range(size):
            sum_up(outcome, rows[index].current, answers[index].target, account.dust_weight)
