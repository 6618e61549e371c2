"""Text → phonemes, by a backend per language behind one small protocol."""

import functools
from typing import Any, Protocol

_PHONEME_SEPARATOR, _WORD_SEPARATOR = "\x1f", " "
WORD_BOUNDARY = "|"


class GraphemeToPhoneme(Protocol):
    """Anything that turns text into phonemes, with ``|`` between words."""

    def __call__(self, text: str) -> tuple[str, ...]:
        """The phonemes of a text."""
        ...

    def fingerprint(self) -> str:
        """What it is and in which version, so that caches know when it changes."""
        ...


class EspeakPhonemes:
    """espeak-ng through phonemizer, with the library that the ``espeakng-loader`` wheel carries.

    >>> EspeakPhonemes("ru")("да нет")
    ('d', 'ˈɑ', '|', 'nʲ', 'ˈe', 't')
    """

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, text: str) -> tuple[str, ...]:
        """Phonemes with stress marks as espeak writes them; normalisation is the caller's."""
        spoken = _espeak_backend(self.language).phonemize([text], separator=_separator(), strip=True)[0]
        # The separator is named: without a name, split() cuts at the phoneme separator as well.
        words = spoken.split(_WORD_SEPARATOR)
        spelled = [[part for part in word.split(_PHONEME_SEPARATOR) if part] for word in words]
        joined = [phoneme for word in spelled if word for phoneme in (*word, WORD_BOUNDARY)]
        return tuple(joined[:-1])

    def fingerprint(self) -> str:
        """Language and version of espeak-ng."""
        version = ".".join(map(str, _espeak_backend(self.language).version()))
        return f"espeak-ng {version} {self.language}"


def _separator() -> Any:  # noqa: ANN401 - phonemizer is optional and untyped
    from phonemizer.separator import Separator

    return Separator(phone=_PHONEME_SEPARATOR, word=_WORD_SEPARATOR, syllable="")


@functools.cache
def _espeak_backend(language: str) -> Any:  # noqa: ANN401 - phonemizer is optional and untyped
    """One backend object per language: each one that phonemizer makes is kept forever."""
    try:
        import espeakng_loader
        from phonemizer.backend import EspeakBackend
        from phonemizer.backend.espeak.wrapper import EspeakWrapper
    except ImportError as error:
        raise ValueError(
            "espeak: phonemizer and espeakng-loader must be installed to turn text into phonemes; "
            "pip install 'phoneme-recognition[espeak]'"
        ) from error
    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    if language not in EspeakBackend.supported_languages():
        raise ValueError(
            f"espeak: language must be one that espeak-ng speaks, such as ru or en-us, got {language!r}"
        )
    return EspeakBackend(language, with_stress=True, language_switch="remove-flags", words_mismatch="ignore")
