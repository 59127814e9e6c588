"""Order files: the orders of a plan as a broker takes them, and back."""
