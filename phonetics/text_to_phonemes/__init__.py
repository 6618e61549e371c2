"""Text to phonemes: espeak-ng, Epitran, lexicons."""
