"""The screens of the command line."""
