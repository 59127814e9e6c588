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


def figure(value: float, digits: int = 4) -> str:
    """A number with at most four significant digits: `0.6517`, `0.2`, `14`.

    >>> figure(0.6517241379310343), figure(0.2), figure(14.0)
    ('0.6517', '0.2', '14')
    """
    return f"{value:.{digits}g}"


def told_apart(value: float, other: float) -> tuple[str, str]:
    """Two numbers as figures, with as many digits as it takes to tell them apart.

    >>> told_apart(0.6, 0.65), told_apart(0.64999999, 0.65)
    (('0.6', '0.65'), ('0.64999999', '0.65'))
    """
    for digits in range(4, 18):
        shown = figure(value, digits), figure(other, digits)
        if shown[0] != shown[1]:
            break
    return shown if value != other else (figure(value), figure(other))


def counted(count: int, noun: str) -> str:
    """`1 position`, `2 positions`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def printable(text: str, keep: str = "") -> str:
    """Text from outside without characters that could steer a screen or turn the reading direction."""
    return "".join(sign if sign.isprintable() or sign in keep else "?" for sign in text)
