"""Clips to batches: examples, order, limits, collation."""
