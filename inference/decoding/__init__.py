"""Log-probabilities to phonemes."""
