"""How far apart computed numbers may be and still count as equal. The kernel and the certificate keep their own."""

from __future__ import annotations

WEIGHT_TOLERANCE = 1e-12  # rounding in a sum of weights
LIMIT_TOLERANCE = 1e-9  # a weight this near to a limit is at the limit, on screens and in advance checks
