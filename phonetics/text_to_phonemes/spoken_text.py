"""A text as the phonemes of a language, in the spelling of the vocabularies."""

from phonetics.languages import usual_variety
from phonetics.normalisation import IpaNormaliser
from phonetics.text_to_phonemes.backends import TextToPhonemes, backend_for
from phonetics.text_to_phonemes.lexicon import LexiconPhonemes


class LanguageNeededError(ValueError):
    """A text cannot be converted, since its language is not known."""


class SpokenText:
    """Converts texts to normalised phonemes.

    Args:
        choice: espeak, epitran, the file of a dictionary, or a backend.
        language: a code such as ru or en-us; a backend may have its own.

    >>> SpokenText("espeak", "ru")("да нет")
    ('d', 'ɑ', '|', 'nʲ', 'e', 't')
    """

    def __init__(self, choice: TextToPhonemes | str, language: str | None) -> None:
        if language and choice == "espeak":
            language = usual_variety(language)
        named = isinstance(choice, str) and choice not in ("espeak", "epitran", "none")
        self._backend = backend_for(LexiconPhonemes(choice) if named else choice, language)  # type: ignore[arg-type]
        self._normalise = IpaNormaliser()

    def check(self) -> None:
        """Raise ``ValueError`` for a language or a backend that cannot work."""
        if self._backend is not None and not self._backend.needs_language():
            self._backend.check()

    def __call__(self, text: str) -> tuple[str, ...]:
        """Convert a text; raise ``UnpronounceableError`` where the backend cannot say it."""
        if self._backend is None or self._backend.needs_language():
            raise LanguageNeededError("a text needs a language, such as ru or en-us")
        return self._normalise(self._backend(text))
