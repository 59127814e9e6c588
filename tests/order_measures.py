"""Everything that can be wrong with the orders of many accounts, measured from what the accounts brought and what was made.

Compiled for speed, and written from sections 12 to 19 of the rules: it imports nothing that decides or checks orders. Amounts
are in micro-units, shares in nano-shares. It holds for accounts worth up to 4 million, and prices of a share up to 9,000.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, NamedTuple

import numba
import numpy as np

from trimtab.certificate.bucket_nodes import checked_nodes
from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import OrderReason

compiled = numba.njit(cache=True)
FAULTS = (
    "money",
    "cash below 0",
    "oversold",
    "order of execution",
    "part of a lot",
    "forbidden",
    "too small",
    "cap of an asset",
    "cap of a bucket",
    "buffer or aim",
    "positions",
    "turnover",
    "gains",
    "tax lots",
    "excess of an asset kept",
    "excess of a bucket kept",
    "reason",
)
(
    MONEY,
    SHORT,
    OVERSOLD,
    SEQUENCE,
    PART_OF_LOT,
    FORBIDDEN,
    SMALL,
    CAP,
    BUCKET,
    BUFFER,
    POSITIONS,
    TURNOVER,
    GAINS,
    TAX_LOTS,
    EXCESS,
    BUCKET_EXCESS,
    REASON,
) = range(len(FAULTS))
OF_ORDERS = {"to_target", "rounded_up", "forced_for_limit", "no_cash", "no_room", "max_turnover"}
ONLY_OF_ORDERS = {"to_target", "rounded_up", "forced_for_limit"}
# Why a sell may be left out; the last two come before any other reason of an asset without an order.
TOO_SMALL = {"within_one_lot", "below_min_notional", "below_min_trade", "fee_too_high", "lot_too_large", "no_lot_fits"}
LEFT_OVER = TOO_SMALL | {"max_turnover", "max_realized_gain", "waits_for_minimum"}
KINDS = np.array(
    [
        [member.code in kind for kind in (OF_ORDERS, ONLY_OF_ORDERS, TOO_SMALL, LEFT_OVER)]
        + [member.code == "on_target", member.code == "not_wanted", member.code == "forced_for_limit"]
        for member in OrderReason
    ]
)
PLAY, WHOLE, NANO = 2, 10**12, 10**9


class Brought(NamedTuple):
    """What accounts bring; the candidates of account i are start[i] to start[i + 1], its tax lots follow from `lots`."""

    start: Any
    price: Any
    shares: Any
    lot: Any
    min_notional: Any
    may_buy: Any
    may_sell: Any
    is_fixed: Any  # held without a score or a size, which sells nothing
    max_weight: Any
    leaf: Any
    lots_start: Any  # (candidates + 1,)
    lot_shares: Any
    lot_cost: Any
    lot_day: Any
    lot_is_long: Any
    cash: Any  # (accounts,), with the cash flow


class Made(NamedTuple):
    """What was decided, in the same order."""

    now: Any
    amount: Any
    fee: Any
    place: Any
    reason: Any
    taken: Any  # of each tax lot
    gain: Any
    cash_after: Any  # (accounts,)
    value_after: Any
    status: Any  # 0 ok, 1 limited, 2 cash short, 3 braked
    is_settled: Any
    left_out: Any


class Rules(NamedTuple):
    """Limits and settings as numbers; -1 and inf where there is none."""

    parent: Any  # (nodes,)
    max_allocation: Any
    max_positions: Any
    max_position_weight: float
    aim: float
    drift: float
    cash_band: float
    min_trade: float
    dust_weight: float
    cash_buffer: float
    min_trade_amount: int
    max_fee_share: float
    per_order: int
    per_share: int
    rate: float
    minimum: int
    max_turnover: float
    max_realized_gain: int
    relief: int
    rate_short: float
    rate_long: float


def rules_of(
    limits: RebalancingLimits, settings: OrderSettings, buckets: tuple[str, ...]
) -> tuple[Rules, dict[str, int]]:
    """The rules of a block, and the node of each bucket."""
    known, fees = checked_nodes(buckets, limits), settings.fees
    nodes = known.nodes
    positions = [limits.max_total_positions, *(node.max_positions for node in nodes[1:])]

    def micro(amount: Any) -> int:
        return -1 if amount is None else int(amount * 10**6)

    rules = Rules(
        known.parents,
        np.array([node.max_allocation for node in nodes]),
        np.array([min(float(limit), 1e9) for limit in positions]),
        limits.max_position_weight,
        min(limits.target_invested, 1.0 - settings.cash_buffer),
        1.0 + limits.drift_tolerance,
        limits.cash_band,
        limits.min_trade,
        limits.dust_weight,
        settings.cash_buffer,
        micro(settings.min_trade_amount),
        settings.max_fee_share,
        micro(fees.per_order),
        micro(fees.per_share),
        float(fees.rate),
        micro(fees.minimum),
        math.inf if settings.max_turnover is None else settings.max_turnover,
        micro(settings.max_realized_gain),
        ("fifo", "lifo", "hifo", "lofo", "min_tax").index(settings.relief),
        settings.rate_short,
        settings.rate_long,
    )
    return rules, known.leaf_of


@compiled
def part(fraction: float, amount: int) -> int:
    """floor(F(fraction) * amount / 10^12)."""
    parts = int(np.rint(1e12 * fraction))
    high, low, above, below = parts // 10**6, parts % 10**6, amount // 10**6, amount % 10**6
    return high * above + ((high * below + low * above) * 10**6 + low * below) // WHOLE


@compiled
def worth(shares: int, price: int) -> int:
    return shares // NANO * price + shares % NANO * price // NANO


@compiled
def cost(shares: int, price: int) -> int:
    return shares // NANO * price + (shares % NANO * price + NANO - 1) // NANO


@compiled
def ratio(first: int, second: int, divisor: int) -> int:
    """floor(first * second / divisor): near in doubles, then exact, as the rest fits into 64 bits."""
    near = int(float(first) * float(second) / float(divisor))
    return near + (first * second - near * divisor) // divisor


@compiled
def fee(shares: int, amount: int, rules: Rules) -> int:
    share = part(rules.rate, amount)
    share += int(int(np.rint(1e12 * rules.rate)) * amount != share * WHOLE)
    return max(rules.minimum, rules.per_order + cost(shares, rules.per_share) + share)


@compiled
def measure_money(number: int, account: Brought, made: Made, rules: Rules, faults: Any) -> None:
    """Amounts, fees and the cash after every order; and that sells come first."""
    begin, end, cash, orders = account.start[number], account.start[number + 1], account.cash[number], 0
    rows = np.full(end - begin, -1)
    for row in range(begin, end):
        place = made.place[row]
        if (place >= 0) != (made.now[row] != account.shares[row]) or place >= end - begin:
            faults[SEQUENCE] = True
            return
        if place >= 0:
            orders += 1
            rows[place] = row
    lowest, is_buying = min(cash, 0), False
    for place in range(orders):
        row = rows[place]
        if row < 0:
            faults[SEQUENCE] = True
            return
        change, price = made.now[row] - account.shares[row], account.price[row]
        amount = cost(change, price) if change > 0 else worth(-change, price)
        if made.amount[row] != amount or made.fee[row] != fee(abs(change), amount, rules):
            faults[MONEY] = True
        if is_buying and change < 0:
            faults[SEQUENCE] = True
        is_buying = change > 0
        cash += (-amount if is_buying else amount) - made.fee[row]
        if cash < (0 if is_buying else lowest):
            faults[SHORT] = True
    value = cash
    for row in range(begin, end):
        value += worth(made.now[row], account.price[row])
    if cash != made.cash_after[number] or value != made.value_after[number]:
        faults[MONEY] = True
    if orders > 0 and made.status[number] == 3:
        faults[FORBIDDEN] = True


@compiled
def measure_orders(number: int, account: Brought, made: Made, rules: Rules, faults: Any) -> None:
    """Holdings, lots, restrictions, minimums and reasons, order by order."""
    value, is_whole = made.value_after[number], made.status[number] == 0 and made.is_settled[number]
    smallest = rules.min_trade_amount
    if smallest < 0:
        smallest = part(rules.min_trade * (1.0 if is_whole else 0.99), value)
    for row in range(account.start[number], account.start[number + 1]):
        held, now, kind = account.shares[row], made.now[row], KINDS[made.reason[row]]
        change = now - held
        if now < 0:
            faults[OVERSOLD] = True
        if kind[1 if change == 0 else 0] == (change == 0) or (kind[4] and held == 0) or (kind[5] and held > 0):
            faults[REASON] = True
        if change == 0:
            continue
        amount, closes = made.amount[row], now == 0
        if change % account.lot[row] != 0 and not closes:
            faults[PART_OF_LOT] = True
        if not (account.may_buy[row] if change > 0 else account.may_sell[row]):
            faults[FORBIDDEN] = True
        if not closes and amount + PLAY < account.min_notional[row]:
            faults[SMALL] = True
        if kind[6]:
            if made.fee[row] >= amount:
                faults[SMALL] = True
        elif (not closes and amount + PLAY < smallest) or made.fee[row] > part(rules.max_fee_share, amount) + PLAY:
            faults[SMALL] = True


@compiled
def limit_of(node: int, value: int, rules: Rules) -> int:
    if node == 0:
        return min(part(1.0 - rules.cash_buffer, value), part(min(1.0, rules.aim + rules.cash_band), value))
    return value * 2 if rules.max_allocation[node] > 1.0 else part(rules.max_allocation[node] * rules.drift, value)


@compiled
def measure_caps(number: int, account: Brought, made: Made, rules: Rules, faults: Any) -> None:
    """What is bought is within every limit; what is above one and can be sold is sold."""
    value, nodes = made.value_after[number], rules.parent.size
    load, count, limit = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    bought, opened, sellable = np.zeros(nodes, np.bool_), np.zeros(nodes, np.bool_), np.zeros(nodes, np.bool_)
    excess = max(rules.min_trade_amount if rules.min_trade_amount >= 0 else part(rules.min_trade, value), 1)
    dust, is_whole = max(1, part(rules.dust_weight, value)), made.status[number] == 0 and made.is_settled[number]
    for row in range(account.start[number], account.start[number + 1]):
        held, now, kind = account.shares[row], made.now[row], KINDS[made.reason[row]]
        after, cap = worth(now, account.price[row]), min(rules.max_position_weight, account.max_weight[row])
        if now > held and after > part(cap, value):
            faults[CAP] = True
        is_free = account.may_sell[row] and now > 0 and not account.is_fixed[row]
        is_free = is_free and (not kind[2] or fee(now, after, rules) < after)  # too small alone, but not as a close
        if is_whole and is_free and after - part(cap * rules.drift, value) >= excess:
            faults[EXCESS] = True
        node = account.leaf[row]
        while node >= 0:
            load[node] += after
            count[node] += int(after >= dust and not (kind[3] and now <= held))
            bought[node] |= now > held
            opened[node] |= held == 0 and now > 0
            sellable[node] |= is_free
            node = rules.parent[node]
    for node in range(nodes):
        limit[node] = limit_of(node, value, rules)
        if bought[node] and load[node] > limit[node]:
            faults[BUFFER if node == 0 else BUCKET] = True
        if opened[node] and count[node] > rules.max_positions[node]:
            faults[POSITIONS] = True
        if is_whole and node > 0 and sellable[node] and load[node] - limit[node] >= excess:
            faults[BUCKET_EXCESS] = True


@compiled
def is_nothing_exceeded(number: int, account: Brought, value: int, rules: Rules) -> bool:
    """Whether every limit is clearly kept at the beginning."""
    nodes, below = rules.parent.size, value - value // 50
    load, count = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    for row in range(account.start[number], account.start[number + 1]):
        held = worth(account.shares[row], account.price[row])
        if held > part(min(rules.max_position_weight, account.max_weight[row]) * rules.drift, below):
            return False
        node = account.leaf[row]
        while node >= 0:
            load[node] += held
            count[node] += int(held > 0)
            node = rules.parent[node]
    for node in range(nodes):
        if load[node] > limit_of(node, below, rules) or count[node] > rules.max_positions[node]:
            return False
    return True


@compiled
def key_of(lot: int, price: int, account: Brought, rules: Rules) -> float:
    unit = float(account.lot_cost[lot]) * 1e9 / float(account.lot_shares[lot])
    if rules.relief == 0:
        return float(account.lot_day[lot])
    if rules.relief == 1:
        return -float(account.lot_day[lot])
    if rules.relief == 2:
        return -unit
    if rules.relief == 3:
        return unit
    return (float(price) - unit) * (rules.rate_long if account.lot_is_long[lot] else rules.rate_short)


@compiled
def measure_part(number: int, account: Brought, made: Made, rules: Rules, faults: Any) -> None:
    """Turnover, tax lots and gains."""
    value, sold, bought, gains = account.cash[number], 0, 0, 0
    for row in range(account.start[number], account.start[number + 1]):
        price, change = account.price[row], made.now[row] - account.shares[row]
        value += worth(account.shares[row], price)
        sold += made.amount[row] if change < 0 else 0
        bought += made.amount[row] if change > 0 else 0
        begin, end = account.lots_start[row], account.lots_start[row + 1]
        taken, total, last = 0, 0, -np.inf
        for lot in range(begin, end):
            taken += made.taken[lot]
            total += made.gain[lot]
            if not 0 <= made.taken[lot] <= account.lot_shares[lot]:
                faults[TAX_LOTS] = True
            if made.taken[lot] > 0:
                total += ratio(account.lot_cost[lot], made.taken[lot], account.lot_shares[lot])
                gains += made.gain[lot]
                last = max(last, key_of(lot, price, account, rules))
        for lot in range(begin, end):
            if key_of(lot, price, account, rules) < last and made.taken[lot] < account.lot_shares[lot]:
                faults[TAX_LOTS] = True
        if end > begin and (taken != max(0, -change) or (change < 0 and total != made.amount[row] - made.fee[row])):
            faults[TAX_LOTS] = True
    if rules.max_turnover < np.inf:
        budget = part(rules.max_turnover, value)
        idle = max(0, account.cash[number] - part(1.0 - rules.aim, value))
        if sold > budget + PLAY or bought > budget + idle + PLAY:
            faults[TURNOVER] = True
    if 0 <= rules.max_realized_gain < gains and is_nothing_exceeded(number, account, made.value_after[number], rules):
        faults[GAINS] = True


@compiled
def measure_all(account: Brought, made: Made, rules: Rules, faults: Any) -> None:
    """Fill `faults` (accounts, kinds)."""
    for number in range(account.start.size - 1):
        if not made.left_out[number]:
            measure_money(number, account, made, rules, faults[number])
            measure_orders(number, account, made, rules, faults[number])
            measure_caps(number, account, made, rules, faults[number])
            measure_part(number, account, made, rules, faults[number])


def measured(account: Brought, made: Made, rules: Rules) -> Counter[str]:
    """Accounts, orders, accounts with each fault, and accounts in which each reason occurs."""
    faults = np.zeros((len(account.cash), len(FAULTS)), np.bool_)
    measure_all(account, made, rules, faults)
    good, starts = ~made.left_out, account.start[:-1]
    counts = Counter({"accounts": int(good.sum()), "failed": int((~good).sum())})
    for number, name in enumerate(FAULTS):
        counts[f"wrong: {name}"] = int(faults[:, number].sum())
    counts["orders"] = int(((made.place >= 0) & np.repeat(good, np.diff(account.start))).sum())
    for code, member in enumerate(OrderReason):
        if code:
            counts[f"reason: {member.code}"] = int((np.logical_or.reduceat(made.reason == code, starts) & good).sum())
    for code, name in enumerate(("ok", "limited", "cash short", "braked")):
        counts[f"status: {name}"] = int(((made.status == code) & good).sum())
    counts["not settled"] = int((~made.is_settled & good).sum())
    return counts
