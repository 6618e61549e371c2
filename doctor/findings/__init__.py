"""Findings: problems and unusual properties of the data."""
