"""Market data: frames in, checked on entry, and views that cannot see later rows."""
