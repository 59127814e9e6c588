"""Symbols: the spellings of one asset, and the check digits of identifiers."""
