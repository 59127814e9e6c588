"""Data that ships: the sample, and the default map of buckets."""
