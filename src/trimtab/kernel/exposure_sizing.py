"""The sizes where exposures bind: the bounds fitted, and the wish projected on every limit (rules, section 5a)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.concentration import Account, fit_concentration
from trimtab.kernel.exposure_program import Sized, Terms, solve
from trimtab.kernel.exposure_reasons import set_reasons
from trimtab.kernel.exposures import Lines, are_together_too_large, fit_bounds, sum_weights
from trimtab.kernel.records import ROOT, Exposed, Records, SizingMode

# A sum within this of a limit of exposures is inside it: the sizes of section 5 are kept.
_PLAY = 1e-13
_STEEP, _STEEPEST, _LACK = 3.0, 1e6, 10.0


@compiled
def _binds(lines: Lines, members: Records) -> bool:
    """Whether any limit of exposures is broken at the sizes of section 5, and can be helped."""
    for index in range(lines.lines.size):
        line = lines.lines[index]
        weight = sum_weights(lines, line, members)
        if weight > line.cap + _PLAY:
            return True
        if weight < line.min_exposure - _PLAY:
            for entry in range(line.begin, line.end):
                member = members[lines.entries[entry].member]
                if member.min_weight < member.max_weight:
                    return True
    return False


@allocating
def _terms(settings: Any, sized: Sized, fixed: float) -> Terms:
    """W and Q of the rules: the level where nothing limits the sizes, and what a minimum may cost."""
    steepest, desired, unfixed = 0.0, 0.0, 0.0
    for index in range(sized.place_of.size):
        member = sized.members[sized.place_of[index]]
        if not member.fixed:
            unfixed += member.desired
        if member.min_weight < member.max_weight:
            steepest = max(steepest, member.max_weight / member.desired)
            desired += member.desired
    steep = _STEEP * steepest
    if desired > 0.0:
        steep = min(steep, _STEEPEST * sized.aim / desired)
    highest = math.inf
    if settings.sizing_mode == SizingMode.DESIRED:
        highest = 1.0
    if settings.residual_to_cash and unfixed > 0.0:
        highest = min(highest, (sized.aim - fixed) / unfixed)
    highest = steep if highest == math.inf else highest
    return Terms(highest, _LACK * max(steep, highest))


@allocating
def fit_exposures(rows: Records, tree: Records, settings: Any, sized: Sized, lines: Lines, exposed: Exposed) -> None:
    """Where the sizes of section 5 break a limit of exposures or of concentration, replace them, with their reasons."""
    members, has_issuers = sized.members, lines.issuers < lines.lines.size
    for index in range(lines.issuers, lines.lines.size - 1):
        lines.lines[index].cap = max(lines.concentration[0].largest, lines.lines[index].fixed_weight)
    binds = _binds(lines, members)
    if not binds and not has_issuers:
        return
    before, lows = np.empty(members.size), np.empty(members.size)
    for index in range(members.size):
        before[index], lows[index] = members[index].weight, members[index].min_weight
    if binds:
        fit_bounds(lines, members)
    terms = _terms(settings, sized, sized.spans[ROOT].fixed_weight)
    if binds:
        solve(rows, tree, sized, lines, exposed, terms, lows)
    else:
        for index in range(lines.lines.size):
            lines.lines[index].weight = sum_weights(lines, lines.lines[index], members)
    if are_together_too_large(lines):
        fit_concentration(settings, Account(rows, tree, sized, lines, exposed, terms, lows))
    elif not binds:
        return
    set_reasons(rows, tree, members, sized.spans, lines, before)
