"""The signs of the screen, and their styles: legible on dark and on light backgrounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
    "decrease": "magenta",
    "hold": "",
    "none": "dim",
}
STATUS_STYLES = {"met": "", "full": "bold", "drifted": "magenta", "waived": "magenta", "unmet": "bold red"}
