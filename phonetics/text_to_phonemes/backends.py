"""Backends by their names in the configuration."""

from typing import Literal

from phonetics.text_to_phonemes.base import GraphemeToPhoneme
from phonetics.text_to_phonemes.epitran import EpitranPhonemes
from phonetics.text_to_phonemes.espeak import EspeakPhonemes

# A name, or a backend by class_path; none: texts are not converted.
TextToPhonemes = Literal["espeak", "epitran", "none"] | GraphemeToPhoneme


def named_backend(choice: TextToPhonemes) -> GraphemeToPhoneme | None:
    """Return the backend of a choice, without a language."""
    if choice == "espeak":
        return EspeakPhonemes()
    if choice == "epitran":
        return EpitranPhonemes()
    return None if isinstance(choice, str) else choice


def backend_for(choice: TextToPhonemes, language: str | None) -> GraphemeToPhoneme | None:
    """Return the backend of a choice for a language.

    >>> backend_for("espeak", "ru").language
    'ru'
    """
    backend = named_backend(choice)
    return backend.for_language(language) if backend else None
