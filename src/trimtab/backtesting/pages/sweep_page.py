"""The charts of a sweep: the surface over two fields, and how the best of one half of history fares in the other."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.backtesting.pages.backtest_page import LEVELS
from trimtab.backtesting.pages.sweep_facts import CellFact, SweepFacts
from trimtab.report.charts import NARROW, WIDTH, chart
from trimtab.report.page import rendered
from trimtab.report.shapes import Chart, Shape, fitting, label, line, rect

_NAMES = 104.0
_TOP = 50.0


def sweep_page(facts: SweepFacts) -> str:
    """The whole page of a sweep, with a warning where its best policy is likely luck."""
    makers = (surface_chart, logit_chart)
    return rendered("sweep.html", facts, [maker(facts, width) for maker in makers for width in (WIDTH, NARROW)])


def surface_chart(facts: SweepFacts, width: float = WIDTH) -> Chart:
    """The median Sharpe ratio of the policies with each pair of values: the stronger the colour, the higher."""
    known = [cell.sharpe for cell in facts.cells if cell.sharpe is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    wide = (width - _NAMES) / len(facts.column_values)
    shapes = [
        label(0, 12, fitting(f"across: {facts.column_field}", width), "small dim"),
        label(0, 26, fitting(f"down: {facts.row_field}", width), "small dim"),
    ]
    for index, name in enumerate(facts.column_values):
        shapes.append(label(_NAMES + wide * (index + 0.5), _TOP - 6, fitting(name, wide - 2, 11), "small", "middle"))
    for index, name in enumerate(facts.row_values):
        shapes.append(label(0, _TOP + 26 * index + 18, fitting(name, _NAMES - 6)))
    for cell in facts.cells:
        shapes += _cell(facts, cell, wide, low, high)
    height = _TOP + 4 + 26 * len(facts.row_values)
    rows, columns = facts.row_values, facts.column_values
    summary = "; ".join(f"{rows[cell.row]}, {columns[cell.column]}: {cell.text}" for cell in facts.cells)
    return chart("surface", "Sharpe ratio over two fields", summary, (width, height), shapes)


def _cell(facts: SweepFacts, cell: CellFact, wide: float, low: float, high: float) -> Iterator[Shape]:
    x, y = _NAMES + wide * cell.column, _TOP + 26.0 * cell.row
    tip = f"{facts.row_values[cell.row]}, {facts.column_values[cell.column]}: {cell.text} of {cell.policies} policies"
    if cell.sharpe is None:
        yield rect(x + 1, y + 1, wide - 2, 24, "heat h0", tip)
        return
    level = 1 + round((LEVELS - 1) * (cell.sharpe - low) / (high - low)) if high > low else 5
    yield rect(x + 1, y + 1, wide - 2, 24, f"heat h{level}", tip)
    if wide >= 30:
        yield label(x + wide / 2, y + 17, cell.text, f"small{' over' if level > LEVELS // 2 else ''}", "middle")


def logit_chart(facts: SweepFacts, width: float = WIDTH) -> Chart:
    """Where the best of one half of history ranks in the other half: left of the line, below the middle."""
    full = max((bar.share for bar in facts.bars), default=0.0) or 1.0
    wide = (width - 8) / max(len(facts.bars), 1)
    shapes = [line(4, 140, width - 4, 140, "grid"), label(4, 158, "below the middle", "small dim")]
    shapes.append(label(width - 4, 158, "above the middle", "small dim", "end"))
    for index, bar in enumerate(facts.bars):
        tall = 128 * bar.share / full
        css = "bar paid" if bar.low + bar.high < -1e-9 else "bar"
        shapes.append(rect(5 + wide * index, 140 - tall, wide - 2, tall, css, f"{bar.label}: {bar.text}"))
    shapes.append(line(width / 2, 4, width / 2, 146, "limit"))
    summary = "; ".join(f"{bar.label}: {bar.text}" for bar in facts.bars)
    return chart("logits", "The best of one half in the other half", summary, (width, 164.0), shapes)
