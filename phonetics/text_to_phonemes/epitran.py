"""Text → phonemes by epitran's rules, for languages that are written as they are spoken."""

import codecs
import csv
import functools
import importlib.metadata
import importlib.util
import logging
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import IO, Any

from phonetics.text_to_phonemes.base import GraphemeToPhoneme
from phonetics.vocabulary import WORD_DELIMITER

# Epitran's names of languages that go by a short code elsewhere.
CODES: Mapping[str, str] = {
    **{"az": "aze-Latn", "bn": "ben-Beng", "ca": "cat-Latn", "cs": "ces-Latn", "de": "deu-Latn"},
    **{"es": "spa-Latn", "fa": "fas-Arab", "fr": "fra-Latn", "ha": "hau-Latn", "hi": "hin-Deva"},
    **{"hr": "hrv-Latn", "hu": "hun-Latn", "id": "ind-Latn", "it": "ita-Latn", "kk": "kaz-Cyrl"},
    **{"ky": "kir-Cyrl", "mr": "mar-Deva", "ms": "msa-Latn", "mt": "mlt-Latn", "nl": "nld-Latn"},
    **{"pl": "pol-Latn", "pt": "por-Latn", "ro": "ron-Latn", "ru": "rus-Cyrl", "sv": "swe-Latn"},
    **{"sw": "swa-Latn", "ta": "tam-Taml", "te": "tel-Telu", "th": "tha-Thai", "tr": "tur-Latn"},
    **{"uk": "ukr-Cyrl", "uz": "uzb-Latn", "vi": "vie-Latn", "yo": "yor-Latn", "zu": "zul-Latn"},
}
_FORMAT = 1  # of what is given to epitran and made of its letters; raised where that changes
_REMEMBERED_WORDS = 100_000


class EpitranPhonemes(GraphemeToPhoneme):
    """Word by word through epitran, cut into segments by panphon.

    Letters that a language's rules do not know, digits among them, are left out. English is not
    offered: epitran hands it to flite, a program of its own.

    Args:
        language: a short code such as de, or epitran's own such as deu-Latn; null takes the data set's.
    """

    def __init__(self, language: str | None = None) -> None:
        self.language = language

    def __call__(self, text: str) -> tuple[str, ...]:
        """Phonemes as epitran writes them."""
        code = self._code()
        words = (_word_phonemes(code, word) for word in unicodedata.normalize("NFC", text).split())
        joined = [phoneme for word in words if word for phoneme in (*word, WORD_DELIMITER)]
        return tuple(joined[:-1])

    def fingerprint(self) -> str:
        """Versions of epitran and panphon, what is made of their segments here, and the language."""
        code = self._code()
        _rules(code)
        versions = (f"{name} {importlib.metadata.version(name)}" for name in ("epitran", "panphon"))
        return f"{' '.join(versions)} format {_FORMAT} {code}"

    def needs_language(self) -> bool:
        """It speaks nothing in particular before it is told what."""
        return self.language is None

    def check(self, texts: Iterable[str] = ()) -> None:
        """The language must be one that it has rules for."""
        _rules(self._code())

    def _code(self) -> str:
        if self.language is None:
            raise ValueError("epitran: language must be given, such as de or deu-Latn")
        return CODES.get(self.language.split("-")[0], self.language)


@functools.lru_cache(maxsize=_REMEMBERED_WORDS)
def _word_phonemes(code: str, word: str) -> tuple[str, ...]:
    """A word's phonemes do not depend on its neighbours here, so that they can be kept."""
    rules, segments = _rules(code)
    return tuple(segments.ipa_segs(rules.transliterate(word)))


@functools.cache
def _rules(code: str) -> tuple[Any, Any]:
    """Epitran's rules and panphon's table; both are optional and untyped."""
    try:
        _stand_in_for_unicodecsv()
        import epitran
        import panphon
    except ImportError as error:
        raise ValueError(
            "epitran: the packages epitran and panphon must be installed; "
            "pip install 'phoneme-recognition[epitran]'"
        ) from error
    if code.startswith("eng") or code.split("-")[0] == "en":
        raise ValueError(
            "epitran: language must be one it has rules for; English it leaves to the program flite, "
            "use text_to_phonemes: espeak, or a lexicon"
        )
    logging.getLogger("epitran").setLevel(logging.ERROR)  # it warns that flite is not there
    try:
        return epitran.Epitran(code), panphon.FeatureTable()
    except (epitran.exceptions.DatafileError, epitran.exceptions.MappingError, OSError, KeyError) as error:
        known = ", ".join(sorted(CODES))
        raise ValueError(
            f"epitran: language must be one it has rules for, got {code!r}; known short codes: {known}; "
            f"others by epitran's own name, such as amh-Ethi"
        ) from error


def _stand_in_for_unicodecsv() -> None:
    """Let panphon read its table for X-SAMPA: it imports unicodecsv, which exists as source code only."""
    if "unicodecsv" in sys.modules or importlib.util.find_spec("unicodecsv"):
        return

    def reader(stream: IO[bytes], encoding: str = "utf-8") -> Iterator[list[str]]:
        return csv.reader(codecs.getreader(encoding)(stream))

    module = ModuleType("unicodecsv")
    module.reader = reader  # type: ignore[attr-defined]
    sys.modules["unicodecsv"] = module
