"""The signs of the screen, and how numbers and names are written with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trimtab.cli.exits import printable


@dataclass(frozen=True)
class Symbols:
    """One set of signs; `blocks` are the parts of a bar's last cell, from nearly empty to full."""

    arrow: str
    blocks: str
    sold: str
    limit: str
    ellipsis: str
    actions: Mapping[str, str]


UNICODE = Symbols(
    arrow="→",
    blocks="▏▎▍▌▋▊▉█",
    sold="░",
    limit="┃",
    ellipsis="…",
    actions={"open": "+", "close": "×", "increase": "▲", "decrease": "▼", "hold": "=", "none": "·"},  # noqa: RUF001 - signs, not letters
)
ASCII = Symbols(
    arrow="->",
    blocks="#",
    sold=".",
    limit="|",
    ellipsis="...",
    actions={"open": "+", "close": "x", "increase": "^", "decrease": "v", "hold": "=", "none": "-"},
)
ACTION_STYLES = {
    "open": "bold green",
    "close": "bold red",
    "increase": "green",
    "decrease": "yellow",
    "hold": "",
    "none": "dim",
}


def percent(weight: float) -> str:
    """A fraction as percent: `12.50%`; what is too small to show is not shown as nothing."""
    if weight == 0:
        return "0%"
    text = f"{weight:.2%}"
    return text if text.strip("-0.%") else f"{'-' if weight < 0 else ''}<0.01%"


def counted(count: int, noun: str) -> str:
    """`1 position`, `2 positions`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def short_names(paths: Iterable[str], separator: str) -> dict[str, str]:
    """The last part of each bucket's path where it says enough, else the path."""
    unique = sorted(set(paths))
    last = {path: path.rsplit(separator, 1)[-1] if separator else path for path in unique}
    parts = list(last.values())
    return {path: printable(last[path] if parts.count(last[path]) == 1 else path, keep="") for path in unique}
