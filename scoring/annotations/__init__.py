"""Recordings whose phonemes were annotated as right or wrong, and corpora of them."""
