"""The command line: parse, call, print. An error becomes an exit code only here."""
