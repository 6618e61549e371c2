"""Convert text to phonemes with a pronouncing dictionary, and words that it lacks with another backend."""

import functools
import hashlib
import itertools
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from phonetics.text_to_phonemes.backends import TextToPhonemes, named_backend
from phonetics.text_to_phonemes.base import GraphemeToPhoneme, UnpronounceableError, joined_words
from phonetics.vocabulary import WORD_DELIMITER
from untrusted.files import FileError, read_bytes, read_lines

log = logging.getLogger(__name__)

_VARIANT = re.compile(r"\(\d+\)$")  # CMUdict's second and further pronunciations: READ(2)
_COMMENT = "#"
_COMMENT_LINES = (";;;", _COMMENT)
_JOINERS = re.compile(r"[-‐–—/]+")  # noqa: RUF001 - these are meant
# A probability has a point or an exponent; plain digits are phonemes of X-SAMPA.
_PROBABILITY = re.compile(r"\d*\.\d+|\d+\.|\d+(\.\d+)?[eE]-\d+")
_FORMAT = 2  # version of the code between texts and phonemes
_SPOKEN_PUNCTUATION = "%‰&@"
_DOTLESS = ("tr", "tur", "az", "aze")  # languages with ı and İ
_EXAMPLES = 10
_MOST_LINE_BYTES, _MOST_BYTES = 2**20, 2**30


class LexiconPhonemes(GraphemeToPhoneme):
    """Looks words up in a file: ``word``, white space, phonemes separated by spaces; one entry a line.

    Of several entries for a word the first counts; case does not matter. Lines that start with
    ``;;;`` or ``#``, and what follows `` # ``, are comments; probabilities (``0.99``) between a word and
    its phonemes are skipped. A compound that is not in the file is looked up by the parts between
    its hyphens; words with symbols that are pronounced (5%, €20, a+b) go to the fallback whole.

    Args:
        path: the dictionary, in UTF-8; CMUdict and the dictionaries of aligners have this form.
        fallback: the backend for words that it lacks; with ``none``, texts with such words are skipped.
        language: the language of words and fallback; null takes the language of the data set.
    """

    def __init__(
        self, path: str | Path, fallback: TextToPhonemes = "espeak", language: str | None = None
    ) -> None:
        self.path = Path(path).expanduser()
        self.fallback = named_backend(fallback)
        self.language = language
        self._entries()  # an invalid file raises at once

    def __call__(self, text: str) -> tuple[str, ...]:
        """Convert a text to the phonemes of the dictionary."""
        return joined_words([self._pronounced(word) for word in self._words(text)])

    def fingerprint(self) -> str:
        """Identify the content of the dictionary, the look-up and the fallback."""
        content = hashlib.sha256(read_bytes(self.path, most_bytes=_MOST_BYTES)).hexdigest()
        fallback = self._fallback()
        case = "ı" if self._dotless() else "i"
        return f"lexicon {_FORMAT} {case} {content} {fallback.fingerprint() if fallback else 'none'}"

    def needs_language(self) -> bool:
        """Whether the fallback needs a language and none is set."""
        return self.language is None and self.fallback is not None and self.fallback.needs_language()

    def check(self, texts: Iterable[str] = ()) -> None:
        """Check the fallback; count and log the words that the dictionary lacks."""
        if fallback := self._fallback():
            fallback.check()
        entries, total, lacking = self._entries(), 0, Counter[str]()
        for text in texts:
            words = list(self._words(text))
            total += len(words)
            lacking.update(word for word in words if word not in entries)
        if lacking:
            listed = ", ".join(f"{word} ({count}×)" for word, count in lacking.most_common(_EXAMPLES))
            log.warning(
                "lexicon: %d of %d words (%d different ones) are not in %s: %s; %s",
                *(lacking.total(), total, len(lacking), self.path, listed),
                "the fallback pronounces them" if fallback else "texts with them are left out",
            )

    def _pronounced(self, word: str) -> tuple[str, ...]:
        known = self._entries().get(word)
        if known is not None:
            return known
        fallback = self._fallback()
        if fallback is None:
            raise UnpronounceableError(
                f"{word!r} is not in the lexicon {self.path}, and there is no fallback"
            )
        return tuple(phoneme for phoneme in fallback(word) if phoneme != WORD_DELIMITER)

    def _fallback(self) -> GraphemeToPhoneme | None:
        return self.fallback.for_language(self.language) if self.fallback else None

    def _dotless(self) -> bool:
        """Whether the language, or that of the fallback, distinguishes ı from i."""
        language = self.language or (self.fallback.language if self.fallback else None) or ""
        return language.lower().replace("_", "-").split("-")[0] in _DOTLESS

    def _words(self, text: str) -> Iterator[str]:
        entries, dotless = self._entries(), self._dotless()
        for chunk in text.split():
            written = spelled(chunk, dotless=dotless)
            bare = _without_punctuation(written)
            if written in entries or bare in entries:
                yield written if written in entries else bare
            elif any(map(_is_spoken_symbol, bare)):
                yield bare
            else:
                yield from filter(None, map(_without_punctuation, _JOINERS.split(bare)))

    def _entries(self) -> Mapping[str, tuple[str, ...]]:
        """Read the file once per process; a big dictionary is not pickled into every task."""
        try:
            return read_lexicon(self.path, self.path.stat().st_mtime_ns, dotless=self._dotless())
        except OSError as error:
            raise ValueError(
                f"lexicon: path must be a pronouncing dictionary, {self.path} cannot be read: "
                f"{error.strerror}"
            ) from error


def spelled(word: str, *, dotless: bool = False) -> str:
    """Normalise the spelling of a word: composed, lower case, with a plain apostrophe.

    Where ``dotless``, the lower case of I is ı, as in Turkish.

    >>> spelled("Don’t"), spelled("Maße"), spelled("Masse")
    ("don't", 'maße', 'masse')
    >>> spelled("IŞIK", dotless=True), spelled("İyi", dotless=True)
    ('ışık', 'iyi')
    """
    composed = unicodedata.normalize("NFC", word)
    if dotless:
        composed = composed.replace("İ", "i").replace("I", "ı")
    return composed.lower().replace("\u2019", "'")


def _is_spoken_symbol(letter: str) -> bool:
    """Whether a symbol is pronounced: currencies, mathematical signs, and some punctuation of Unicode."""
    return letter in _SPOKEN_PUNCTUATION or unicodedata.category(letter) in ("Sc", "Sm")


def _without_punctuation(word: str) -> str:
    silent = [unicodedata.category(letter)[0] in "PSZ" and not _is_spoken_symbol(letter) for letter in word]
    if all(silent):
        return ""
    return word[silent.index(False) : len(word) - silent[::-1].index(False)]


@functools.lru_cache(maxsize=4)
def read_lexicon(
    path: Path,
    stamp: int = 0,  # noqa: ARG001 - a changed file is read again
    *,
    dotless: bool = False,
) -> Mapping[str, tuple[str, ...]]:
    """Read the first pronunciation of each word of a dictionary file."""
    entries: dict[str, tuple[str, ...]] = {}
    try:
        for number, line in enumerate(read_lines(path, most_bytes=_MOST_LINE_BYTES), start=1):
            entry = _entry(line, f"{path}: line {number}", dotless=dotless)
            if entry:
                entries.setdefault(*entry)
    except FileError as error:
        raise ValueError(f"lexicon: {error}") from error
    if not entries:
        raise ValueError(f"lexicon: {path} must hold entries such as 'tea t iː', it holds none")
    return entries


def _entry(line: str, place: str, *, dotless: bool) -> tuple[str, tuple[str, ...]] | None:
    if not line.strip() or line.startswith(_COMMENT_LINES):
        return None
    word, *phonemes = line.split()
    if _COMMENT in phonemes:
        phonemes = phonemes[: phonemes.index(_COMMENT)]
    phonemes = phonemes[_num_probabilities(phonemes) :]
    if not phonemes:
        raise ValueError(f"lexicon: {place} must be a word and its phonemes, got {line.strip()[:40]!r}")
    return spelled(_VARIANT.sub("", word), dotless=dotless), tuple(phonemes)


def _num_probabilities(fields: Sequence[str]) -> int:
    """Count the probabilities before the phonemes.

    >>> _num_probabilities(["0.99", "0.14", "1.0", "1.0", "t", "iː"]), _num_probabilities(["2", "l"])
    (4, 0)
    """
    return len(list(itertools.takewhile(_PROBABILITY.fullmatch, fields)))
