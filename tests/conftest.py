"""Nothing is skipped silently: tests that need the market data say so."""

from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real market data, where it is present."""
    if not DATA.is_dir():
        pytest.skip("the market data folder ../shared/data is not here")
    return DATA
