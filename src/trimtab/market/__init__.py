"""Market data: frames in, checked at the door, and views that cannot see what came later."""
