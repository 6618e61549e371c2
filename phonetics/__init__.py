"""What a phoneme is: vocabularies, normalisation, text to phonemes, distances. Nothing here needs torch."""

from phonetics.backends import TextToPhonemes, backend_for
from phonetics.distances import EditCounts, edit_counts, split_words
from phonetics.epitran import EpitranPhonemes
from phonetics.espeak import EspeakPhonemes, espeak_languages, espeak_voices, nearest_languages
from phonetics.grapheme_to_phoneme import GraphemeToPhoneme, UnpronounceableError, in_batches
from phonetics.lexicon import LexiconPhonemes
from phonetics.normalisation import IpaNormaliser, strip_language_switches
from phonetics.phoneme_store import StoredPhonemes
from phonetics.vocabulary import Vocabulary, VocabularyError

__all__ = [
    "EditCounts",
    "EpitranPhonemes",
    "EspeakPhonemes",
    "GraphemeToPhoneme",
    "IpaNormaliser",
    "LexiconPhonemes",
    "StoredPhonemes",
    "TextToPhonemes",
    "UnpronounceableError",
    "Vocabulary",
    "VocabularyError",
    "backend_for",
    "edit_counts",
    "espeak_languages",
    "espeak_voices",
    "in_batches",
    "nearest_languages",
    "split_words",
    "strip_language_switches",
]
