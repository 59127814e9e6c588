"""A user's table, read and checked, as the records the kernel works on."""
