"""Convert text to phonemes with espeak-ng, through phonemizer."""

import difflib
import functools
import importlib.metadata
import logging
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from installation import how_to_install
from phonetics.text_to_phonemes.base import GraphemeToPhoneme, joined_words

_PHONEME_SEPARATOR, _WORD_SEPARATOR = "\x1f", " "
_FORMAT = 2  # version of the code between texts, phonemizer and phonemes
_MAX_NEAR = 4
_LONGEST_CODE = 3  # letters; longer words are names of languages
# The usual choice where a language has several varieties.
_USUAL = ("en-us", "en-gb", "fr-fr", "pt-br")
OTHER_CODES = {"zh": "cmn", "zh-hk": "yue", "no": "nb", "iw": "he"}  # → espeak-ng's

# espeak ends a text at a NUL, and reads text in double brackets as codes of phonemes.
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f]|\[\[|\]\]")
_SPACES = re.compile(r"\s{17,}")  # of which espeak takes time in proportion to the square of their number


class EspeakPhonemes(GraphemeToPhoneme):
    """espeak-ng through phonemizer, with the library that the ``espeakng-loader`` wheel carries.

    Args:
        language: the name in espeak-ng, such as ru or en-us; null takes the language of the data set.

    >>> EspeakPhonemes("ru")("да нет")
    ('d', 'ˈɑ', '|', 'nʲ', 'ˈe', 't')
    """

    def __init__(self, language: str | None = None) -> None:
        self.language = language

    def __call__(self, text: str) -> tuple[str, ...]:
        """Convert a text to phonemes with the stress marks of espeak."""
        return self.batch([text])[0]

    def batch(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """Convert texts in one call of phonemizer: its start takes as long as a sentence."""
        # Composed, because espeak takes the e of é in two characters for a plain one.
        plain = [
            _SPACES.sub(" " * 16, _NO_TEXT.sub(" ", unicodedata.normalize("NFC", text))) for text in texts
        ]
        backend = _backend(self._language())  # reports a missing phonemizer
        from phonemizer.separator import Separator

        separator = Separator(phone=_PHONEME_SEPARATOR, word=_WORD_SEPARATOR, syllable="")
        lines = backend.phonemize(plain, separator=separator, strip=True)
        return [_tokens(line) for line in lines]

    def fingerprint(self) -> str:
        """Name the language and the versions of espeak-ng, of phonemizer and of the code here."""
        version = ".".join(map(str, _backend(self._language()).version()))
        phonemizer = importlib.metadata.version("phonemizer")
        return f"espeak-ng {version} phonemizer {phonemizer} format {_FORMAT} {self.language}"

    def needs_language(self) -> bool:
        """Whether no language is set."""
        return self.language is None

    def check(self, texts: Iterable[str] = ()) -> None:
        """Raise ``ValueError`` where espeak-ng does not have the language."""
        _backend(self._language())

    def _language(self) -> str:
        if self.language is None:
            raise ValueError("espeak: language must be given, such as ru or en-us")
        return self.language


def nearest_languages(language: str, spoken: Mapping[str, str]) -> list[str]:
    """Suggest languages for a wrong name: varieties of it, similar codes, or the code of a name.

    >>> nearest_languages("en", {"en-gb": "English (Britain)", "en-us": "English (America)", "de": "German"})
    ['en-us', 'en-gb']
    >>> nearest_languages("german", {"en-us": "English (America)", "de": "German"})
    ['de']
    >>> nearest_languages("english-us", {"en-029": "English (Caribbean)", "en-us": "English (America)"})
    ['en-us', 'en-029']
    """
    wanted = language.lower().replace("_", "-")
    by_lower = {code.lower(): code for code in spoken}
    same = [code for low, code in by_lower.items() if low.split("-")[0] == wanted.split("-")[0]]
    first = wanted.split("-")[0]
    start = first if len(first) > _LONGEST_CODE else wanted
    named = [code for code, name in spoken.items() if name.lower().startswith(start)]
    alike = [by_lower[low] for low in difflib.get_close_matches(wanted, by_lower, n=_MAX_NEAR, cutoff=0.7)]
    known = [code for alias, code in OTHER_CODES.items() if alias == wanted.split("-")[0] and code in spoken]
    rank = {code: place for place, code in enumerate(_USUAL)}
    usual = sorted(
        same, key=lambda code: (code.lower() != wanted, rank.get(code, len(rank)), len(code), code)
    )
    named.sort(key=lambda code: rank.get(code, len(rank)))
    return list(dict.fromkeys([*known, *usual, *named, *alike]))[:_MAX_NEAR]


def _tokens(line: str) -> tuple[str, ...]:
    # The separator is named: without a name, split() cuts at the phoneme separator as well.
    words = line.split(_WORD_SEPARATOR)
    return joined_words([part for part in word.split(_PHONEME_SEPARATOR) if part] for word in words)


@functools.cache
def espeak_languages() -> Mapping[str, str]:
    """Return the names of the languages of espeak-ng, by code."""
    return dict(_espeak_class().supported_languages())


@functools.cache
def espeak_voices() -> Mapping[str, str]:
    """Return the voice file of each language, by code: ``roa/fr`` is the voice of ``fr-fr``."""
    _espeak_class()  # sets the library up
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    voices = [voice for voice in EspeakWrapper().available_voices() if not voice.identifier.startswith("mb/")]
    return {voice.language: voice.identifier for voice in reversed(voices)}  # the first of a language counts


@functools.cache
def _backend(language: str) -> Any:  # noqa: ANN401 - phonemizer is optional and untyped
    """Share one backend object per language: phonemizer keeps each one forever."""
    if language not in espeak_languages():
        near = nearest_languages(language, espeak_languages())
        raise ValueError(
            f"espeak: language must be one of espeak-ng's, such as ru or en-us, got {language!r}"
            + (f"; nearest: {', '.join(near)}" if near else "")
        )
    silent = logging.getLogger("phonemizer.silent")
    silent.setLevel(logging.ERROR)  # it warns of every batch that holds a foreign word
    return _espeak_class()(
        language, with_stress=True, language_switch="remove-flags", words_mismatch="ignore", logger=silent
    )


@functools.cache
def _espeak_class() -> Any:  # noqa: ANN401 - phonemizer is optional and untyped
    try:
        import espeakng_loader
        from phonemizer.backend import EspeakBackend
        from phonemizer.backend.espeak.wrapper import EspeakWrapper
    except ImportError as error:
        raise ValueError(
            "espeak: phonemizer and espeakng-loader must be installed to convert text to phonemes; "
            f"{how_to_install('espeak')}"
        ) from error
    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    return EspeakBackend
