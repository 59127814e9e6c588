"""What keeps old names working until 1.0."""
