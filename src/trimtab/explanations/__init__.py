"""Why a row ended as it did, and what would change it."""
