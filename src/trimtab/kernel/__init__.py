"""The rules, once: one account, arrays in, arrays out, no objects, no I/O."""
