"""Prepared clips and encoder features on disk."""
