"""How phonemes are written: long consonants, and the symbols of other models."""
