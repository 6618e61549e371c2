"""Phonemes: vocabularies, normalisation, text to phonemes, alignment. Nothing here needs torch."""

from phonetics.edits import EditCounts, edit_counts
from phonetics.normalisation import IpaNormaliser
from phonetics.text_to_phonemes.backends import TextToPhonemes, backend_for
from phonetics.text_to_phonemes.base import GraphemeToPhoneme, UnpronounceableError
from phonetics.text_to_phonemes.epitran import EpitranPhonemes
from phonetics.text_to_phonemes.espeak import EspeakPhonemes
from phonetics.text_to_phonemes.lexicon import LexiconPhonemes
from phonetics.text_to_phonemes.phoneme_store import StoredPhonemes
from phonetics.vocabulary import WORD_DELIMITER, Vocabulary, VocabularyError

__all__ = [
    "WORD_DELIMITER",
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
]
