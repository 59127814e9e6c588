"""How numbers, and names from outside, are written for people: on screen, in sentences, on pages."""

from __future__ import annotations

_NOTHING = 1e-12  # what the sums of weights are out by


def percent(weight: float) -> str:
    """A fraction as percent: `12.50%`; what is too small to show is not shown as nothing.

    >>> percent(0.125), percent(0.0), percent(0.00001)
    ('12.50%', '0%', '<0.01%')
    """
    if abs(weight) <= _NOTHING:
        return "0%"
    text = f"{weight:.2%}"
    return text if text.strip("-0.%") else f"{'-' if weight < 0 else ''}<0.01%"


def counted(count: int, noun: str) -> str:
    """`1 position`, `2 positions`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def printable(text: str, keep: str = "") -> str:
    """Text from outside without characters that could steer a screen or turn the reading direction."""
    return "".join(sign if sign.isprintable() or sign in keep else "?" for sign in text)
