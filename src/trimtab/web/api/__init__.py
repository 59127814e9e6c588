"""The REST service: the same decisions as the library, over JSON and Arrow; nothing is decided here."""
