"""Searches over configurations, above the command line: a trial is one training run with its own file."""
