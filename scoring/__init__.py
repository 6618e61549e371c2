"""Scores of pronunciation: how probable each expected phoneme is at its place, all else as expected."""
