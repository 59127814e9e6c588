"""Old names, kept working until 1.0."""
