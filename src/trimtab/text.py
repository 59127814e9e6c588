"""Numbers, and names from outside, as people read them: on screen, in sentences, on pages; and values as JSON."""

from __future__ import annotations

import hashlib
import json
import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from importlib import resources
from typing import Any

_NOTHING = 1e-12  # rounding error of sums of weights


def percent(weight: float) -> str:
    """A fraction as percent: `12.50%`; tiny values do not become zero.

    >>> percent(0.125), percent(0.0), percent(0.00001)
    ('12.50%', '0%', '<0.01%')
    """
    if abs(weight) <= _NOTHING:
        return "0%"
    text = f"{weight:.2%}"
    return text if text.strip("-0.%") else f"{'-' if weight < 0 else ''}<0.01%"


def figure(value: float, digits: int = 4) -> str:
    """A number with at most four significant digits: `0.6517`, `0.2`, `14`.

    >>> figure(0.6517241379310343), figure(0.2), figure(14.0)
    ('0.6517', '0.2', '14')
    """
    return f"{value:.{digits}g}"


def exactly(value: object) -> str:
    """A value that must not be rounded, in short form: a float next to a short number is just above or below it.

    >>> exactly(0.25), exactly(0.9000000000000001), exactly(0.6499999999999999), exactly(True), exactly(3)
    ('0.25', 'just above 0.9', 'just below 0.65', 'true', '3')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return str(value)
    short = float(f"{value:.6g}")
    if value == short:
        return f"{value:.6g}"
    for sign, side in ((2.0, "above"), (-2.0, "below")):
        if math.nextafter(short, sign) == value:
            return f"just {side} {short:.6g}"
    return repr(value)


def at_least(value: float) -> str:
    """A lower bound with four digits, rounded up where it must be: `at least 0.6518`, `above 0.9`.

    >>> at_least(0.65), at_least(0.9000000000000001), at_least(0.65171234)
    ('at least 0.65', 'above 0.9', 'at least 0.6518')
    """
    return _bounded(value, "at least", "above", 2.0)


def at_most(value: float) -> str:
    """An upper bound with four digits, rounded down where it must be: `at most 0.6517`, `below 0.65`.

    >>> at_most(0.65), at_most(0.6499999999999999), at_most(0.65178234)
    ('at most 0.65', 'below 0.65', 'at most 0.6517')
    """
    return _bounded(value, "at most", "below", -2.0)


def _bounded(value: float, reached: str, passed: str, outward: float) -> str:
    short = float(f"{value:.4g}")
    if short == value:
        return f"{reached} {short:.4g}"
    if math.nextafter(short, outward) == value:
        return f"{passed} {short:.4g}"
    step = 1e-4 if outward > 0 else -1e-4
    if (short - value) * outward < 0:
        short = float(f"{value + step * abs(value):.4g}")
    return f"{reached} {short:.4g}" if 0 <= short <= 1 and (short - value) * outward > 0 else f"{reached} {value!r}"


def told_apart(value: float, other: float) -> tuple[str, str]:
    """Two numbers as figures, with enough digits to tell them apart.

    >>> told_apart(0.6, 0.65), told_apart(0.64999999, 0.65)
    (('0.6', '0.65'), ('0.64999999', '0.65'))
    """
    for digits in range(4, 18):
        shown = figure(value, digits), figure(other, digits)
        if shown[0] != shown[1]:
            break
    return shown if value != other else (figure(value), figure(other))


def counted(count: float, noun: str, plural: str | None = None) -> str:
    """`1 position`, `2 positions`, `1,200 policies`.

    >>> counted(1, "position"), counted(2, "position"), counted(1200, "policy", "policies")
    ('1 position', '2 positions', '1,200 policies')
    """
    return f"{count:,.0f} {noun if count == 1 else plural or f'{noun}s'}"


def rounded(value: float, digits: int, *, up: bool) -> float:
    """A number cut to some significant digits, rounded upward (`up`) or downward.

    >>> rounded(0.98064, 4, up=True), rounded(0.98064, 4, up=False), rounded(0.6, 4, up=False)
    (0.9807, 0.9806, 0.6)
    """
    number = Decimal(repr(value))
    step = Decimal(1).scaleb(number.adjusted() - digits + 1)
    return float(number.quantize(step, ROUND_CEILING if up else ROUND_FLOOR))


def counted_shares(shares: Decimal) -> str:
    """`1 share`, `1,234.5 shares`."""
    return f"{shares:,f} share{'' if shares == 1 else 's'}"


def json_text(values: Any) -> str:
    """Plain values as JSON: sorted keys, decimals as text, the same bytes for the same values."""
    text = json.dumps(values, default=_decimal, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2)
    return f"{text}\n"


def json_digest(values: Any) -> str:
    """The SHA-256 of plain values as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _decimal(value: Decimal) -> str:
    return format(value, "f")


def shipped_schema(name: str) -> dict[str, Any]:
    """A JSON Schema that ships."""
    schema: dict[str, Any] = json.loads((resources.files("trimtab") / "schemas" / f"{name}.json").read_text("utf-8"))
    return schema


def printable(text: str, keep: str = "") -> str:
    """Text from outside, without characters that could steer a screen or reverse the reading direction."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in keep else "?" for sign in text)
