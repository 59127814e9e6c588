"""The sizes where exposures bind: the bounds fitted, and the wish projected on every limit (rules, section 5a)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.exposure_reasons import set_reasons
from trimtab.kernel.exposures import Lines, sum_minima, sum_weights
from trimtab.kernel.projection import ASSET, PINNED, ROW_SUM, Problem, problem_of, project, sum_up
from trimtab.kernel.records import ROOT, WEIGHT_TOLERANCE, Exposed, Floats, Ints, Records, SizingMode
from trimtab.kernel.sizing import level_at

# A sum within this of a limit of exposures is inside it: the sizes of section 5 are kept.
_PLAY = 1e-13
# A row with less room than this above the lower bounds pins its assets to them.
_NO_ROOM = 1e-15
_STEEP, _STEEPEST, _LACK = 3.0, 1e6, 10.0


class Sized(NamedTuple):
    """The sizes of section 5: the selected assets, the spans of nodes, the members by name, and the aim of the total."""

    members: Records
    spans: Records
    place_of: Ints
    aim: float


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


@compiled
def _fit_bounds(lines: Lines, members: Records) -> None:
    """Waive the lower bounds in the rows that they exceed, the furthest over first; then no cap is below the bounds."""
    while True:
        largest = WEIGHT_TOLERANCE
        for index in range(lines.lines.size):
            line = lines.lines[index]
            line.weight = sum_minima(lines, line, members)
            largest = max(largest, line.weight - line.cap)
        if largest <= WEIGHT_TOLERANCE:
            break
        for index in range(lines.lines.size):
            line = lines.lines[index]
            if line.weight - line.cap >= largest - WEIGHT_TOLERANCE:
                for entry in range(line.begin, line.end):
                    member = members[lines.entries[entry].member]
                    if not member.fixed:
                        member.min_weight = 0.0
    for index in range(lines.lines.size):
        line = lines.lines[index]
        line.cap = max(line.cap, line.weight)


@allocating
def _highest_level(settings: Any, sized: Sized, fixed: float) -> tuple[float, float]:
    """W and P of the rules: the level where nothing limits the sizes, and that from which the total is sought."""
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
    return steep if highest == math.inf else highest, steep


@allocating
def _row_numbers(tree: Records, spans: Records) -> Ints:
    """The row of each node in the projection; the total's is 0, and -1 is that of a node without limits or members."""
    number = np.full(tree.size, -1, np.int64)
    count = 1
    number[ROOT] = 0
    for node in range(1, tree.size):
        span = spans[node]
        if span.begin < span.end and (span.cap < math.inf or span.minimum > 0.0):
            number[node] = count
            count += 1
    return number


@allocating
def _limits_of_rows(tree: Records, sized: Sized, lines: Lines, number: Ints, lack: float) -> tuple[Records, Floats]:
    """The rows of the projection: the total, the nodes, the exposures; and by what each is scaled."""
    count = lines.lines.size + 1
    for node in range(1, tree.size):
        if number[node] >= 0:
            count += 1
    sums, scale = np.zeros(count, ROW_SUM), np.ones(count)
    first = count - lines.lines.size
    for node in range(tree.size):
        if number[node] >= 0:
            span = sized.spans[node]
            low = 0.0
            for index in range(span.begin, span.end):
                low += sized.members[index].min_weight
            row = sums[number[node]]
            row.maximum = max(sized.aim if node == ROOT else span.cap, low)
            row.minimum = span.minimum if node != ROOT and span.minimum > 0.0 else -math.inf
            row.deepest = -lack
    for index in range(lines.lines.size):
        line = lines.lines[index]
        largest = 0.0
        for entry in range(line.begin, line.end):
            largest = max(largest, lines.entries[entry].fraction)
        row = sums[first + index]
        row.maximum = line.cap / largest
        row.minimum = line.min_exposure / largest if line.min_exposure > 0.0 else -math.inf
        row.deepest = -lack * largest
        scale[first + index] = largest
    return sums, scale


@allocating
def _problem(rows: Records, tree: Records, sized: Sized, lines: Lines, exposed: Exposed, lack: float) -> Problem:
    """The projection: assets by name, each with its parts in the rows."""
    number = _row_numbers(tree, sized.spans)
    sums, scale = _limits_of_rows(tree, sized, lines, number, lack)
    line_of = np.zeros(exposed.rows.size, np.int64)
    for index in range(lines.lines.size):
        line_of[lines.lines[index].row] = sums.size - lines.lines.size + index
    size = lines.entries.size
    for index in range(sized.members.size):
        node = rows[sized.members[index].row].leaf
        while node != -1:
            size += 1 if number[node] >= 0 else 0
            node = tree[node].parent
    assets, row_of, fraction = np.zeros(sized.place_of.size, ASSET), np.zeros(size, np.int64), np.zeros(size)
    count = 0
    for index in range(assets.size):
        asset, member = assets[index], sized.members[sized.place_of[index]]
        asset.desired, asset.lower, asset.upper = member.desired, member.min_weight, member.max_weight
        asset.begin = count
        node = rows[member.row].leaf
        while node != -1:
            if number[node] >= 0:
                row_of[count], fraction[count] = number[node], 1.0
                count += 1
            node = tree[node].parent
        profile = exposed.profile[member.row]
        for part in range(exposed.first[profile], exposed.first[profile + 1]):
            row_of[count] = line_of[exposed.parts[part].row]
            fraction[count] = exposed.parts[part].fraction / scale[row_of[count]]
            count += 1
        asset.end = count
    return problem_of(assets, sums, row_of, fraction)


@compiled
def _pin(problem: Problem) -> None:
    """Pin the assets without freedom to their lower bounds: those of equal bounds, and those in a row that these fill."""
    assets, rows = problem.assets, problem.rows
    for index in range(assets.size):
        assets[index].weight = assets[index].lower
    sum_up(problem)
    for index in range(assets.size):
        asset = assets[index]
        for part in range(asset.begin, asset.end):
            row = rows[problem.row_of[part]]
            if row.maximum - row.total <= _NO_ROOM:
                asset.upper = asset.lower
        if asset.lower >= asset.upper:
            asset.upper = asset.lower
            asset.place = PINNED


@allocating
def _first_level(sized: Sized, problem: Problem) -> float:
    """The level at which the bounds of the assets alone meet the total; infinite if they cannot."""
    members = np.empty(sized.place_of.size, sized.members.dtype)
    lowest, highest = 0.0, 0.0
    for index in range(members.size):
        members[index] = sized.members[sized.place_of[index]]
        member, asset = members[index], problem.assets[index]
        member.window_min, member.window_max = asset.lower, asset.upper
        lowest += member.window_min
        highest += member.window_max
    aim = problem.rows[0].maximum
    if highest <= aim + _PLAY or lowest >= aim - _PLAY:
        return math.inf
    return level_at(members, 0, members.size, aim)


@allocating
def fit_exposures(rows: Records, tree: Records, settings: Any, sized: Sized, lines: Lines, exposed: Exposed) -> None:
    """Where the sizes of section 5 break a limit of exposures, replace them by their projection, with its reasons."""
    members, place_of = sized.members, sized.place_of
    if not _binds(lines, members):
        return
    before = np.empty(members.size)
    for index in range(members.size):
        before[index] = members[index].weight
    _fit_bounds(lines, members)
    highest, steep = _highest_level(settings, sized, sized.spans[ROOT].fixed_weight)
    problem = _problem(rows, tree, sized, lines, exposed, _LACK * max(steep, highest))
    _pin(problem)
    project(problem, _first_level(sized, problem), highest, 0)
    for index in range(place_of.size):
        members[place_of[index]].weight = problem.assets[index].weight
    for index in range(lines.lines.size):
        lines.lines[index].weight = sum_weights(lines, lines.lines[index], members)
    set_reasons(rows, tree, members, sized.spans, lines, exposed, before)
