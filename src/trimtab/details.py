"""Sentences, made on demand."""
