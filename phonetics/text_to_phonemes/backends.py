"""Backends by name, as the configuration calls them."""

from typing import Literal

from phonetics.text_to_phonemes.base import GraphemeToPhoneme
from phonetics.text_to_phonemes.epitran import EpitranPhonemes
from phonetics.text_to_phonemes.espeak import EspeakPhonemes

# How texts become phonemes: a name, or a backend by class_path; none: they do not.
TextToPhonemes = Literal["espeak", "epitran", "none"] | GraphemeToPhoneme


def named_backend(choice: TextToPhonemes) -> GraphemeToPhoneme | None:
    """The backend that a choice means, without a language yet."""
    if choice == "espeak":
        return EspeakPhonemes()
    if choice == "epitran":
        return EpitranPhonemes()
    return None if isinstance(choice, str) else choice


def backend_for(choice: TextToPhonemes, language: str | None) -> GraphemeToPhoneme | None:
    """The backend of a choice for a language.

    >>> backend_for("espeak", "ru").language
    'ru'
    """
    backend = named_backend(choice)
    return backend.spoken_in(language) if backend else None
