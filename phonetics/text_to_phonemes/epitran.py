"""Convert text to phonemes by the rules of epitran, for languages with regular spelling."""

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

from installation import how_to_install
from phonetics.text_to_phonemes.base import GraphemeToPhoneme, joined_words

# The names in epitran of languages that have a short code elsewhere.
CODES: Mapping[str, str] = {
    **{"az": "aze-Latn", "bn": "ben-Beng", "ca": "cat-Latn", "cs": "ces-Latn", "de": "deu-Latn"},
    **{"es": "spa-Latn", "fa": "fas-Arab", "fr": "fra-Latn", "ha": "hau-Latn", "hi": "hin-Deva"},
    **{"hr": "hrv-Latn", "hu": "hun-Latn", "id": "ind-Latn", "it": "ita-Latn", "kk": "kaz-Cyrl"},
    **{"ky": "kir-Cyrl", "mr": "mar-Deva", "ms": "msa-Latn", "mt": "mlt-Latn", "nl": "nld-Latn"},
    **{"pl": "pol-Latn", "pt": "por-Latn", "ro": "ron-Latn", "ru": "rus-Cyrl", "sv": "swe-Latn"},
    **{"sw": "swa-Latn", "ta": "tam-Taml", "te": "tel-Telu", "th": "tha-Thai", "tr": "tur-Latn"},
    **{"uk": "ukr-Cyrl", "uz": "uzb-Latn", "vi": "vie-Latn", "yo": "yor-Latn", "zu": "zul-Latn"},
}
_FORMAT = 1  # version of the code between texts, epitran and phonemes
_MAX_CACHED_WORDS = 100_000


class EpitranPhonemes(GraphemeToPhoneme):
    """Converts word by word with epitran; panphon cuts the words into segments.

    Letters that the rules of a language lack are left out, digits among them. English is not
    offered: epitran needs the program flite for it.

    Args:
        language: a short code such as de, or a name of epitran such as deu-Latn; null takes the language
            of the data set.
    """

    def __init__(self, language: str | None = None) -> None:
        self.language = language

    def __call__(self, text: str) -> tuple[str, ...]:
        """Convert a text to the phonemes of epitran."""
        code = self._code()
        return joined_words(_word_phonemes(code, word) for word in unicodedata.normalize("NFC", text).split())

    def fingerprint(self) -> str:
        """Name the language and the versions of epitran, of panphon and of the code here."""
        code = self._code()
        _rules(code)
        versions = (f"{name} {importlib.metadata.version(name)}" for name in ("epitran", "panphon"))
        return f"{' '.join(versions)} format {_FORMAT} {code}"

    def needs_language(self) -> bool:
        """Whether no language is set."""
        return self.language is None

    def check(self, texts: Iterable[str] = ()) -> None:
        """Raise ``ValueError`` where epitran has no rules for the language."""
        _rules(self._code())

    def _code(self) -> str:
        if self.language is None:
            raise ValueError("epitran: language must be given, such as de or deu-Latn")
        return CODES.get(self.language.split("-")[0], self.language)


@functools.lru_cache(maxsize=_MAX_CACHED_WORDS)
def _word_phonemes(code: str, word: str) -> tuple[str, ...]:
    """Convert a word; its phonemes do not depend on its neighbours, so they can be cached."""
    rules, segments = _rules(code)
    return tuple(segments.ipa_segs(rules.transliterate(word)))


@functools.cache
def _rules(code: str) -> tuple[Any, Any]:
    """Load the rules of epitran and the table of panphon; both are optional and untyped."""
    try:
        _stand_in_for_unicodecsv()
        import epitran
        import panphon
    except ImportError as error:
        raise ValueError(
            f"epitran: the packages epitran and panphon must be installed; {how_to_install('epitran')}"
        ) from error
    if code.startswith("eng") or code.split("-")[0] == "en":
        raise ValueError(
            "epitran: language must be one that epitran has rules for; it needs the program flite "
            "for English, use text_to_phonemes: espeak, or a lexicon"
        )
    logging.getLogger("epitran").setLevel(logging.ERROR)  # it warns that flite is not there
    try:
        return epitran.Epitran(code), panphon.FeatureTable()
    except (epitran.exceptions.DatafileError, epitran.exceptions.MappingError, OSError, KeyError) as error:
        known = ", ".join(sorted(CODES))
        raise ValueError(
            f"epitran: language must be one that epitran has rules for, got {code!r}; known "
            f"short codes: {known}; others by their names in epitran, such as amh-Ethi"
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
