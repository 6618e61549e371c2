"""Loggers by name, and what they receive."""
