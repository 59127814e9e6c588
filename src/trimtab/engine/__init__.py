"""The engine: from a date and positions to targets, with the objects of the brief."""
