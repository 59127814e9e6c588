"""Many accounts in one Arrow table: decided and checked."""
