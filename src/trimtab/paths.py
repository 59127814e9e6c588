"""Bucket paths: `"Equity/Tech/Semis"` <-> its parts."""

from __future__ import annotations

UNKNOWN = "Unknown"


def split_path(path: str, separator: str) -> tuple[str, ...]:
    """The parts of a bucket's path, as written; an empty part stays in, for the caller to refuse."""
    return tuple(path.split(separator)) if separator else (path,)
