"""Labels: read, encoded, and checked against the vocabulary and the audio."""
