"""Statistics of plain arrays."""
