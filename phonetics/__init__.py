"""Phonemes: vocabularies, normalisation, text to phonemes, alignment. Nothing here needs torch."""

from phonetics.alignment import Aligned, Pair, align
from phonetics.articulation import MANNERS, PhonemeInventory
from phonetics.confusions import (
    Confusion,
    PhonemePair,
    PhonemeScore,
    most_frequent,
    phoneme_pairs,
    phoneme_scores,
)
from phonetics.edits import EditCounts, edit_counts, split_words
from phonetics.normalisation import IpaNormaliser, strip_language_switches
from phonetics.text_to_phonemes.backends import TextToPhonemes, backend_for
from phonetics.text_to_phonemes.base import GraphemeToPhoneme, UnpronounceableError, in_batches
from phonetics.text_to_phonemes.epitran import EpitranPhonemes
from phonetics.text_to_phonemes.espeak import (
    EspeakPhonemes,
    espeak_languages,
    espeak_voices,
    nearest_languages,
)
from phonetics.text_to_phonemes.lexicon import LexiconPhonemes
from phonetics.text_to_phonemes.phoneme_store import StoredPhonemes
from phonetics.vocabulary import WORD_DELIMITER, Vocabulary, VocabularyError

__all__ = [
    "MANNERS",
    "WORD_DELIMITER",
    "Aligned",
    "Confusion",
    "EditCounts",
    "EpitranPhonemes",
    "EspeakPhonemes",
    "GraphemeToPhoneme",
    "PhonemePair",
    "PhonemeInventory",
    "IpaNormaliser",
    "LexiconPhonemes",
    "Pair",
    "PhonemeScore",
    "StoredPhonemes",
    "TextToPhonemes",
    "UnpronounceableError",
    "Vocabulary",
    "VocabularyError",
    "align",
    "backend_for",
    "edit_counts",
    "espeak_languages",
    "espeak_voices",
    "phoneme_pairs",
    "in_batches",
    "most_frequent",
    "nearest_languages",
    "phoneme_scores",
    "split_words",
    "strip_language_switches",
]
