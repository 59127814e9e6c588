"""Which parameters of a test run always, and which only with the thorough tests (`pytest -m thorough`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def mostly_thorough(values: Iterable[Any], quick: int = 1) -> list[Any]:
    """The parameters of a test: the first `quick` always run, the others are marked thorough."""
    listed = list(values)
    return [*listed[:quick], *(pytest.param(value, marks=pytest.mark.thorough) for value in listed[quick:])]
