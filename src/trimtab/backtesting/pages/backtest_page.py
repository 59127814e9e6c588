"""The charts of a backtest: equity and drawdown, buckets and their limits, heat map, trading, intervals."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from itertools import groupby

from trimtab.backtesting.pages.backtest_facts import BacktestFacts, BucketHistory, VersusFact
from trimtab.report.charts import NARROW, WIDTH, chart
from trimtab.report.page import rendered
from trimtab.report.shapes import COLOURS, Chart, Shape, circle, coloured, fitting, label, line, path, rect
from trimtab.tolerances import LIMIT_TOLERANCE

_LEFT = 46.0  # space for the numbers of an axis
_NAMES = 132.0  # space for the names of buckets; on a phone they go above
_VALUES = 60.0
_STACKED = 7  # buckets in the stacked chart; with more, each is drawn alone
_LANE = 34.0
STYLES = 5  # of lines of policies
LEVELS = 10  # of a heat map


def backtest_page(facts: BacktestFacts) -> str:
    """The whole page: one HTML document without scripts or external requests."""
    makers = (equity_chart, stack_chart, heat_chart, trade_chart, versus_chart)
    return rendered("backtest.html", facts, [maker(facts, width) for maker in makers for width in (WIDTH, NARROW)])


def equity_chart(facts: BacktestFacts, width: float = WIDTH) -> Chart:
    """Equity on a logarithmic scale; below it, the drawdowns."""
    values = [value for curve in facts.curves for value in curve.equity]
    low, high = math.log(min(values)), math.log(max(values))
    high = high if high > low else low + 0.01
    deepest = min(*(min(curve.drawdown) for curve in facts.curves), -0.01)
    scale = DayAxis(facts.days, _LEFT, width - 4)
    shapes = [*_years(scale, 8.0, 312.0)]
    for value in _marks(math.exp(low), math.exp(high)):
        y = 200 - 190 * (math.log(value) - low) / (high - low)
        shapes += [line(_LEFT, y, width - 4, y, "grid"), label(_LEFT - 4, y + 4, f"{value:g}", "small dim", "end")]
    for share in (0.0, deepest):
        y = 222 + 84 * share / deepest
        shapes += [line(_LEFT, y, width - 4, y, "grid"), label(_LEFT - 4, y + 4, f"{share:.0%}", "small dim", "end")]
    for index, curve in enumerate(facts.curves):
        places = [(scale.x(day), 200 - 190 * (math.log(value) - low) / (high - low)) for day, value in zip(facts.days, curve.equity, strict=True)]  # fmt: skip
        under = [(scale.x(day), 222 + 84 * value / deepest) for day, value in zip(facts.days, curve.drawdown, strict=True)]  # fmt: skip
        css = f"policy k{index % STYLES}"
        shapes += [
            path(_joined(places), css, curve.name),
            path(_joined(under), f"{css} thin", f"{curve.name}: drawdown"),
        ]
    shapes += _key([curve.name for curve in facts.curves], 344.0, width)
    height = 336.0 + 18 * len(facts.curves)
    ends = "; ".join(f"{curve.name} ends at {curve.equity[-1]:.3f} of 1" for curve in facts.curves)
    return chart("equity", "Equity and drawdown", ends, (width, height), shapes)


def stack_chart(facts: BacktestFacts, width: float = WIDTH) -> Chart:
    """Few buckets, stacked, after each decision, cash on top; below, each bucket against its limit."""
    start, above = (_NAMES, 0.0) if width == WIDTH else (_LEFT, 16.0)
    steps = DecisionAxis(facts.trade_days, start, width - _VALUES)
    stacked = len(facts.buckets) <= _STACKED
    top, lane = (196.0 if stacked else 22.0), _LANE + above
    shapes = _stack(facts, steps, start, width) if stacked else [*_years(steps.scale, 4.0, 4.0)]
    for number_of_lane, bucket in enumerate(facts.buckets):
        shapes += _lane(steps, bucket, top + lane * number_of_lane, start, width, above)
    height = top - 4 + lane * len(facts.buckets)
    summary = "; ".join(
        f"{bucket.path}: mean {bucket.mean_text}, highest {bucket.highest_text}, at most {bucket.max_text}"
        for bucket in facts.buckets
    )
    return chart("stack", "Buckets over time", summary, (width, height), shapes)


def _stack(facts: BacktestFacts, steps: DecisionAxis, start: float, width: float) -> list[Shape]:
    """All buckets, stacked."""
    shapes = [*_years(steps.scale, 4.0, 170.0)]
    base = [0.0] * len(facts.trade_days)
    for bucket in facts.buckets:
        top = [below + weight for below, weight in zip(base, bucket.weights, strict=True)]
        shapes += _area(steps, base, top, 160.0, 150.0, bucket)
        base = top
    for share in (0.0, 0.5, 1.0):
        y = 160 - 150 * share
        shapes += [
            line(start, y, width - _VALUES, y, "grid"),
            label(start - 4, y + 4, f"{share:.0%}", "small dim", "end"),
        ]
    return shapes


def _lane(
    steps: DecisionAxis, bucket: BucketHistory, y: float, start: float, width: float, above: float
) -> Iterator[Shape]:
    """One bucket on its own scale: its area, and a line at its limit; the name beside it, or above it on a phone."""
    full = max([*bucket.weights, bucket.max_weight or 0.0, 0.01])
    yield from coloured(0, y + (0 if above else 10), 10, 10, bucket.colour)
    yield label(15, y + (9 if above else 19), fitting(bucket.path, (width if above else start) - 20))
    y += above
    yield from _area(steps, [0.0] * len(bucket.weights), list(bucket.weights), y + 28, 26 / full, bucket)
    yield line(start, y + 28, width - _VALUES, y + 28, "grid")
    if bucket.max_weight is None:
        yield label(width, y + 24, bucket.last_text, "small dim", "end")
    else:
        limit = y + 28 - 26 * bucket.max_weight / full
        yield line(start, limit, width - _VALUES, limit, "limit", f"{bucket.path}, at most: {bucket.max_text}")
        yield label(width, limit + 9, bucket.max_text, "small", "end")


def _area(
    steps: DecisionAxis,
    base: Sequence[float],
    top: Sequence[float],
    y: float,
    height: float,
    bucket: BucketHistory,
) -> Iterator[Shape]:
    """The area between two rows of weights, each held until the next decision."""
    upper = [point for index, value in enumerate(top) for point in steps.flat(index, y - height * value)]
    lower = [point for index, value in enumerate(base) for point in steps.flat(index, y - height * value)]
    points = _joined(upper) + _joined(lower)[::-1]
    yield path(points, f"area c{bucket.colour % COLOURS}", bucket.path, closed=True)
    pattern = ("", "stripes", "dots", "lines")[bucket.colour // COLOURS % 4]
    if pattern:
        yield path(points, f"p-{pattern}", closed=True)


def heat_chart(facts: BacktestFacts, width: float = WIDTH) -> Chart:
    """One row per bucket, one column per decision: darker means more weight, a bar on top means at the limit."""
    start = _NAMES if width == WIDTH else 0.7 * _NAMES
    steps = DecisionAxis(facts.trade_days, start, width - 4)
    full = max([weight for bucket in facts.buckets for weight in bucket.weights], default=0.0) or 1.0
    shapes = [*_years(steps.scale, 0.0, 20.0 * len(facts.buckets) + 6)]
    for row, bucket in enumerate(facts.buckets):
        y = 20.0 * row
        shapes.append(label(0, y + 14, fitting(bucket.path, start - 6)))
        shapes.append(rect(start, y + 1, width - 4 - start, 18, "heat h0"))
        for start, stop, level, at_limit, tip in _cells(facts, bucket, full):
            x, end = steps.left(start), steps.right(stop)
            shapes.append(rect(x, y + 1, end - x, 18, f"heat h{level}", tip))
            if at_limit:
                shapes.append(rect(x, y + 1, end - x, 3, "reached"))
    summary = "; ".join(
        f"{bucket.path}: mean {bucket.mean_text}, at its limit {bucket.at_limit}" for bucket in facts.buckets
    )
    size = (width, 20.0 * len(facts.buckets) + 22)
    return chart("heat", "Weight of each bucket by date", summary, size, shapes)


def _cells(facts: BacktestFacts, bucket: BucketHistory, full: float) -> Iterator[tuple[int, int, int, bool, str]]:
    """Runs of decisions that look alike: first and last place, level, whether at the limit, and the tooltip."""
    limit = math.inf if bucket.max_weight is None else bucket.max_weight - LIMIT_TOLERANCE
    levels = [min(math.ceil(LEVELS * weight / full - LIMIT_TOLERANCE), LEVELS) for weight in bucket.weights]
    looks = [(level, weight >= limit) for level, weight in zip(levels, bucket.weights, strict=True)]
    for (level, is_full), places in groupby(range(len(looks)), key=looks.__getitem__):
        alike = list(places)
        if level:
            start, stop = alike[0], alike[-1]
            dates = " to ".join(dict.fromkeys((facts.trade_dates[start], facts.trade_dates[stop])))
            weights = ", ".join(dict.fromkeys((bucket.weight_texts[start], bucket.weight_texts[stop])))
            yield start, stop, level, is_full, f"{bucket.path}, {dates}: {weights}"


def trade_chart(facts: BacktestFacts, width: float = WIDTH) -> Chart:
    """Turnover after each decision; below it, its cost."""
    steps = DecisionAxis(facts.trade_days, _LEFT + 8, width - 4)
    shapes = [*_years(steps.scale, 4.0, 206.0)]
    parts = (
        ("turnover", [trade.turnover for trade in facts.trades], 110.0, "bar", "{:.0%}"),
        ("cost", [trade.cost for trade in facts.trades], 200.0, "bar paid", "{:.2%}"),
    )
    for name, values, y, css, form in parts:
        full = max(values, default=0.0)
        height = 96.0 if name == "turnover" else 70.0
        shapes += [line(_LEFT + 8, y, width - 4, y, "grid"), label(_LEFT + 4, y + 4, "0", "small dim", "end")]
        if full > 0:
            shapes.append(label(_LEFT + 4, y - height + 8, form.format(full), "small dim", "end"))
        for index, (value, trade) in enumerate(zip(values, facts.trades, strict=True)):
            tall = height * value / full if full > 0 else 0.0
            text = trade.turnover_text if name == "turnover" else trade.cost_text
            if tall > 0:
                x, wide = steps.left(index), steps.right(index) - steps.left(index)
                shapes.append(rect(x, y - tall, wide, tall, css, f"{trade.date}, {name}: {text}"))
    summary = "; ".join(f"{year.year}: turnover {year.turnover}, cost {year.cost}" for year in facts.years)
    return chart("trading", "Turnover and cost", summary, (width, 222.0), shapes)


def versus_chart(facts: BacktestFacts, width: float = WIDTH) -> Chart:
    """Each difference as a dot with its interval; the line means no difference."""
    shapes: list[Shape] = []
    for is_mean in (True, False):
        some = [comparison for comparison in facts.comparisons if comparison.is_mean is is_mean]
        full = max([max(abs(comparison.low), abs(comparison.high)) for comparison in some], default=0.0) or 1.0
        for comparison in some:
            shapes += _interval(comparison, 56.0 * (len(shapes) // 5), full, width)
    summary = "; ".join(comparison.sentence for comparison in facts.comparisons)
    size = (width, 56.0 * len(facts.comparisons))
    return chart("versus", "Differences and their intervals", summary, size, shapes)


def _interval(comparison: VersusFact, y: float, full: float, width: float) -> Iterator[Shape]:
    scale, middle = (width / 2 - 20) / full, width / 2
    css = "reach sure" if comparison.low > 0 or comparison.high < 0 else "reach"
    yield label(0, y + 14, fitting(comparison.name, width - 4))
    yield line(middle, y + 20, middle, y + 40, "limit")
    low, high = middle + comparison.low * scale, middle + comparison.high * scale
    yield line(low, y + 30, high, y + 30, css, comparison.sentence)
    yield circle(middle + comparison.estimate * scale, y + 30, 4.5, "point", comparison.sentence)
    yield label(
        width,
        y + 50,
        f"{comparison.estimate_text} ({comparison.low_text} to {comparison.high_text})",
        "small dim",
        "end",
    )


class DayAxis:
    """Days to places between two ends."""

    def __init__(self, days: Sequence[int], start: float, stop: float) -> None:
        self.days, self.start, self.stop = days, start, stop
        self.per_day = (stop - start) / max(days[-1] - days[0], 1)

    def x(self, day: int) -> float:
        """The place of a day."""
        return self.start + (day - self.days[0]) * self.per_day


class DecisionAxis:
    """The horizontal spans of decisions: each reaches to the next one's day; the last is as wide as the one before
    it.
    """

    def __init__(self, days: Sequence[int], start: float, stop: float) -> None:
        last = days[-1] - days[-2] if len(days) > 1 else 1
        self.ends = [*days, days[-1] + last]
        self.scale = DayAxis(self.ends, start, stop)

    def left(self, decision: int) -> float:
        """Where a decision begins."""
        return self.scale.x(self.ends[decision])

    def right(self, decision: int) -> float:
        """Where it ends."""
        return self.scale.x(self.ends[decision + 1])

    def flat(self, decision: int, y: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """Its two ends at a height."""
        return (self.left(decision), y), (self.right(decision), y)


def _joined(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points without those on a flat stretch between two others."""
    return [
        point
        for index, point in enumerate(points)
        if not 0 < index < len(points) - 1
        or not abs(points[index - 1][1] - point[1]) + abs(points[index + 1][1] - point[1]) < 1e-9
    ]


def _years(scale: DayAxis, top: float, bottom: float) -> Iterator[Shape]:
    """A line at the first day of each year, and the year below it where there is room."""
    first, last = (dt.date.fromordinal(day).year for day in (scale.days[0], scale.days[-1]))
    every = max(1, math.ceil((last - first) / 7))
    for year in range(first + 1, last + 1, every):
        x = scale.x(dt.date(year, 1, 1).toordinal())
        yield line(x, top, x, bottom, "grid")
        yield label(x, bottom + 13, str(year), "small dim", "middle")


def _marks(low: float, high: float) -> list[float]:
    """Round values between two, few."""
    step = 10.0 ** math.floor(math.log10(max(high - low, 1e-6)))
    size = next(size for size in (step / 5, step / 2, step, 2 * step, 5 * step) if (high - low) / size <= 5)
    return [round(size * index, 10) for index in range(math.ceil(low / size), math.floor(high / size) + 1) if index > 0]


def _key(names: Sequence[str], y: float, width: float) -> Iterator[Shape]:
    for index, name in enumerate(names):
        yield line(_LEFT, y + 18 * index - 4, _LEFT + 34, y + 18 * index - 4, f"policy k{index % STYLES}")
        yield label(_LEFT + 42, y + 18 * index, fitting(name, width - _LEFT - 50))
