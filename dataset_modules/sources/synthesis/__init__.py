"""Speech from text with espeak-ng."""
