"""How far computed numbers may be apart and still be the same. The kernel and the certificate keep their own."""

from __future__ import annotations

WEIGHT_TOLERANCE = 1e-12  # rounding in a sum of weights
LIMIT_TOLERANCE = 1e-9  # a weight this near to a limit is at the limit, for screens and for checks made beforehand
