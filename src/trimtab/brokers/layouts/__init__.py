"""How each source writes its file: one small module each."""
