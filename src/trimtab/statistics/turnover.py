"""Turnover: the larger of buys and sells (half the sum of absolute changes, cash counted as an asset)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def turnover(bought: ArrayLike, sold: ArrayLike) -> NDArray[np.float64]:
    """The turnover of what was bought and sold, element by element; in the unit of both.

    Examples
    --------
    >>> float(turnover(0.1, 0.3))
    0.3
    """
    return np.maximum(np.asarray(bought, np.float64), np.asarray(sold, np.float64))
