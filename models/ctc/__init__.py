"""CTC: loss, greedy decoding, alignment."""
