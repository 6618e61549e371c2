"""Readers of label files, one for each format."""
