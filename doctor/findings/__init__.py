"""Findings: what the survey shows to be wrong or unusual."""
