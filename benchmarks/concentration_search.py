"""Branch and bound over the sets of large issuers: the proof that the search of section 5a found the best one, or not."""

from __future__ import annotations

import random
from typing import Any

import numba
import numpy as np

from trimtab import RebalancingLimits
from trimtab.candidates.candidates import settings_of
from trimtab.candidates.read import read
from trimtab.kernel.concentration import Account, fit_concentration
from trimtab.kernel.exposure_program import Sized, solve
from trimtab.kernel.exposure_sizing import _binds, _terms
from trimtab.kernel.exposures import are_together_too_large, fit_bounds, lines_of, sum_fixed, sum_weights
from trimtab.kernel.records import NO_PARTNERS, ROOT, empty_answer
from trimtab.kernel.selection import select
from trimtab.kernel.sizing import size

RULES = ((0.05, 0.10, 0.40), (0.05, 0.25, 0.50))
OPEN, SMALL, LARGE = -1, 0, 1


def concentrated_values(rng: random.Random) -> tuple[float, float, int]:
    """A fund of 12 to 40 positions, sized by market value, whose issuers are too large together: the value of the set that the
    kernel finds, the smallest value over all sets, and the number of programs solved for it. Accounts without such a conflict
    are drawn again.
    """
    while True:
        found, smallest, nodes = _values(*_random_fund(rng))
        if nodes:
            return found, smallest, nodes


def _random_fund(rng: random.Random) -> tuple[Any, ...]:
    """The records of an account."""
    count = rng.randint(12, 40)
    names = [f"A{number:02d}" for number in range(count)]
    rows: list[dict[str, Any]] = [
        {"asset": name, "score": 0.7 + 0.3 * rng.random(), "desired_weight": rng.lognormvariate(0, 0.9)}
        for name in names
    ]
    if rng.random() < 0.3:
        rows[0] |= {"current_weight": rng.choice([0.04, 0.07, 0.12]), "restriction": "no_trade"}
    issuers = rng.randint(count * 2 // 3, count)
    table = [{"asset": name, "scheme": "issuer", "bucket": f"I{rng.randrange(issuers):02d}"} for name in names]
    exposures = {}
    if rng.random() < 0.5:
        table += [
            {"asset": name, "scheme": "country", "bucket": rng.choice(["US", "US", "JP", "DE", "FR"])} for name in names
        ]
        exposures = {"country": {"max_exposure": rng.choice([0.4, 0.5, 0.6])}}
    limits = RebalancingLimits(
        max_total_positions=count,
        max_new_positions=count,
        max_position_weight=rng.choice([0.1, 0.15, 0.25]),
        min_position_weight=rng.choice([0.0, 0.002]),
        dust_weight=0.0,
        sizing_mode="given",
        exposures=exposures,
        concentration={"issuer": dict(zip(("small", "largest", "together"), rng.choice(RULES), strict=True))},
    )
    candidates = read(rows, limits, many=False, exposures=table)
    settings, exposed = settings_of(limits)[0], candidates.exposed(limits)
    return candidates.rows(limits), candidates.tree.nodes, settings, exposed, NO_PARTNERS, empty_answer(count)


@numba.njit
def _values(rows: Any, tree: Any, settings: Any, exposed: Any, partners: Any, answer: Any) -> tuple[float, float, int]:
    """The value of the set that the kernel finds, the smallest one, and the programs solved; 0 of them without a conflict."""
    choices, capacity = select(rows, tree, settings, partners, exposed, answer)
    members, spans, place_of, aim = size(rows, tree, settings, choices, capacity)
    lines, sized = lines_of(rows, members, place_of, exposed), Sized(members, spans, place_of, aim)
    lows = np.empty(members.size)
    for index in range(members.size):
        lows[index] = members[index].min_weight
    for index in range(lines.issuers, lines.lines.size - 1):
        lines.lines[index].cap = max(lines.concentration[0].largest, lines.lines[index].fixed_weight)
    binds = _binds(lines, members)
    if binds:
        fit_bounds(lines, members)
    terms = _terms(settings, sized, spans[ROOT].fixed_weight)
    if binds:
        solve(rows, tree, sized, lines, exposed, terms, lows)
    for index in range(lines.lines.size):
        lines.lines[index].weight = sum_weights(lines, lines.lines[index], members)
    if not are_together_too_large(lines):
        return 0.0, 0.0, 0
    account = Account(rows, tree, sized, lines, exposed, terms, lows)
    fit_concentration(settings, account)
    found = 0.0  # these accounts have no minima
    for index in range(place_of.size):
        member = members[place_of[index]]
        if not member.fixed or lows[place_of[index]] < member.max_weight:
            gap = member.weight - terms.level * member.desired
            found += gap * gap / (2.0 * member.desired)
    smallest, nodes = _smallest(account, found)
    return found, smallest, nodes


@numba.njit
def _bound(account: Any, state: Any) -> float:
    """A value that no completion of the state is below: an open issuer may weigh `largest`, and only those decided to be large
    count together. It is exact where no open issuer weighs above `small`.
    """
    lines, members, rule = account.lines, account.sized.members, account.lines.concentration[0]
    for index in range(members.size):
        members[index].min_weight = account.lows[index]
    for index in range(lines.issuers):
        lines.lines[index].cap = max(lines.lines[index].max_exposure, lines.lines[index].fixed_weight)
    counts = np.zeros(members.size)
    for number in range(state.size):
        line = lines.lines[lines.issuers + number]
        line.cap = max(rule.small if state[number] == SMALL else rule.largest, line.fixed_weight)
        for place in range(line.begin, line.end):
            counts[lines.entries[place].member] = 1.0 if state[number] == LARGE else 0.0
    together = lines.lines[lines.lines.size - 1]
    for place in range(together.begin, together.end):
        lines.entries[place].fraction = counts[lines.entries[place].member]
    together.fixed_weight = sum_fixed(account.rows, lines, together, members)
    together.cap = max(rule.together, together.fixed_weight)
    fit_bounds(lines, members)
    return solve(account.rows, account.tree, account.sized, lines, account.exposed, account.terms, account.lows)


@numba.njit
def _smallest(account: Any, known: float) -> tuple[float, int]:
    """The smallest value over all sets of large issuers, at most a value that is reached; and the programs solved.

    Depth first: the open issuer that weighs most is decided, first to be large, then to be small; a state whose bound is no
    better than the best value known has no better completion.
    """
    lines, count = account.lines, account.lines.lines.size - 1 - account.lines.issuers
    small = lines.concentration[0].small
    states, best, nodes = np.full((2 * count + 2, count), OPEN), known, 0
    for number in range(count):
        if lines.lines[lines.issuers + number].fixed_weight > small:
            states[0, number] = LARGE
    left = 1
    while left > 0 and nodes < 2_000_000:
        left -= 1
        state = states[left].copy()
        nodes += 1
        value = _bound(account, state)
        if value >= best - 1e-12 * abs(best):
            continue
        largest, place = small + 1e-12, -1
        for number in range(count):
            weight = lines.lines[lines.issuers + number].weight
            if state[number] == OPEN and weight > largest:
                largest, place = weight, number
        if place < 0:
            best = value
            continue
        for decided in (SMALL, LARGE):
            states[left] = state
            states[left, place] = decided
            left += 1
    return best, nodes if left == 0 else -1
