"""Candidates of accounts, made by hand."""

from __future__ import annotations

from typing import Any

from cases import Row


def asset(name: str, score: float | None, current: float = 0.0, bucket: str | None = None, **more: Any) -> Row:
    empty = {"restriction": "", "max_weight": None, "desired_weight": None, "volatility": None}
    return {"asset": name, "score": score, "current_weight": current, "bucket": bucket, **empty, **more}
