"""The projection of an account: its rows from the bucket tree and the exposures, solved (rules, section 5a)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.exposures import Lines, sum_weights
from trimtab.kernel.projection import ASSET, PINNED, ROW_SUM, Problem, problem_of, project, sum_up
from trimtab.kernel.records import ROOT, Exposed, Floats, Ints, Records
from trimtab.kernel.sizing import level_at

# A row with less room than this above the lower bounds pins its assets to them.
_NO_ROOM = 1e-15
# A total this near to the bounds alone leaves no level to look for.
_PLAY = 1e-13


class Sized(NamedTuple):
    """The sizes of section 5: the selected assets, the spans of nodes, the members by name, and the aim of the total."""

    members: Records
    spans: Records
    place_of: Ints
    aim: float


class Terms(NamedTuple):
    """W and Q of the rules: the highest level, and the price of what a minimum lacks."""

    level: float
    price: float


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
        largest = 1.0 if largest <= 0.0 else largest  # no large issuer
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
    line_of, next_entry = np.zeros(exposed.rows.size, np.int64), np.zeros(lines.lines.size, np.int64)
    for index in range(lines.lines.size):
        line_of[lines.lines[index].row] = index
        next_entry[index] = lines.lines[index].begin  # by name, as the assets are
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
            line = line_of[exposed.parts[part].row]
            row_of[count] = sums.size - lines.lines.size + line
            fraction[count] = lines.entries[next_entry[line]].fraction / scale[row_of[count]]
            next_entry[line] += 1
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
            if row.maximum - row.total <= _NO_ROOM and problem.fraction[part] > 0.0:
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
def _value(sized: Sized, problem: Problem, terms: Terms, lows: Floats) -> float:
    """The minimum of the projection; `lows` are the lower bounds of section 5. Shape (members,)."""
    value = 0.0
    for index in range(sized.place_of.size):
        member = sized.members[sized.place_of[index]]
        if not member.fixed or lows[sized.place_of[index]] < member.max_weight:
            gap = member.weight - terms.level * member.desired
            value += gap * gap / (2.0 * member.desired)
    for index in range(problem.rows.size):
        row = problem.rows[index]
        if row.minimum > row.total:
            value -= row.deepest * (row.minimum - row.total)
    return value


@allocating
def solve(
    rows: Records, tree: Records, sized: Sized, lines: Lines, exposed: Exposed, terms: Terms, lows: Floats
) -> float:
    """Give the members the weights of the projection, and the lines theirs; returns what it minimises."""
    problem = _problem(rows, tree, sized, lines, exposed, terms.price)
    _pin(problem)
    project(problem, _first_level(sized, problem), terms.level, 0)
    for index in range(sized.place_of.size):
        sized.members[sized.place_of[index]].weight = problem.assets[index].weight
    for index in range(lines.lines.size):
        lines.lines[index].weight = sum_weights(lines, lines.lines[index], sized.members)
    return _value(sized, problem, terms, lows)
