"""Convert text to phonemes with espeak-ng, Epitran or a pronouncing dictionary."""
