"""Callbacks of every run, whatever the configuration names."""
