"""What a phoneme is: vocabularies, normalisation, distances. Nothing here needs torch."""

from phonetics.distances import EditCounts, edit_counts, split_words
from phonetics.grapheme_to_phoneme import EspeakPhonemes, GraphemeToPhoneme
from phonetics.normalisation import IpaNormaliser, strip_language_switches
from phonetics.vocabulary import Vocabulary, VocabularyError

__all__ = [
    "EditCounts",
    "EspeakPhonemes",
    "GraphemeToPhoneme",
    "IpaNormaliser",
    "Vocabulary",
    "VocabularyError",
    "edit_counts",
    "split_words",
    "strip_language_switches",
]
