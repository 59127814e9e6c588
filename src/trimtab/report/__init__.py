"""The report: facts -> shapes -> one page. Pure functions; nothing is decided and no file is written here."""
