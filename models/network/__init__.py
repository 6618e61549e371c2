"""The network: from waveforms to log-probabilities."""
