"""The page to work in: from a broker's file to a list of trades in a browser; nothing is decided here."""
