"""Text → phonemes by a pronouncing dictionary, with another backend for the words that it lacks."""

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
from phonetics.text_to_phonemes.base import GraphemeToPhoneme, UnpronounceableError
from phonetics.vocabulary import WORD_DELIMITER

log = logging.getLogger(__name__)

_VARIANT = re.compile(r"\(\d+\)$")  # CMUdict's second and further pronunciations: READ(2)
_COMMENT = "#"
_COMMENT_LINES = (";;;", _COMMENT)
_JOINERS = re.compile(r"[-‐–—/]+")  # noqa: RUF001 - these are meant
# A probability has a point or an exponent; plain digits are phonemes of X-SAMPA.
_PROBABILITY = re.compile(r"\d*\.\d+|\d+\.|\d+(\.\d+)?[eE]-\d+")
_FORMAT = 2  # of what is made of a text; raised where that changes
_SPOKEN_PUNCTUATION = "%‰&@"
_DOTLESS = ("tr", "tur", "az", "aze")  # languages with ı and İ
_EXAMPLES = 10


class LexiconPhonemes(GraphemeToPhoneme):
    """Words looked up in a file: ``word``, white space, phonemes separated by spaces; one entry a line.

    Of several entries for a word the first counts; case does not matter. Lines that start with
    ``;;;`` or ``#``, and what follows `` # ``, are comments; probabilities (``0.99``) between a word and
    its phonemes are passed over. A compound that is not in the file is looked up by the parts
    between its hyphens; what is spoken though it is no letter (5%, €20, a+b) goes to the fallback whole.

    Args:
        path: the dictionary, in UTF-8; CMUdict and the dictionaries of aligners are of this form.
        fallback: the backend for words that it lacks; with ``none``, texts that hold one are left out.
        language: of the words and the fallback; null takes the data set's.
    """

    def __init__(
        self,
        path: str | Path,
        fallback: TextToPhonemes = "espeak",
        language: str | None = None,
    ) -> None:
        self.path = Path(path).expanduser()
        self.fallback = named_backend(fallback)
        self.language = language
        self._entries()  # a faulty file is told at once

    def __call__(self, text: str) -> tuple[str, ...]:
        """Phonemes as the dictionary writes them."""
        pronounced = [self._pronounced(word) for word in self._words(text)]
        joined = [phoneme for word in pronounced if word for phoneme in (*word, WORD_DELIMITER)]
        return tuple(joined[:-1])

    def fingerprint(self) -> str:
        """The dictionary's content, how words are looked up in it, and the fallback."""
        content = hashlib.sha256(self.path.read_bytes()).hexdigest()
        fallback = self._fallback()
        case = "ı" if self._dotless() else "i"
        return f"lexicon {_FORMAT} {case} {content} {fallback.fingerprint() if fallback else 'none'}"

    def needs_language(self) -> bool:
        """Only where the fallback does."""
        return self.language is None and self.fallback is not None and self.fallback.needs_language()

    def check(self, texts: Iterable[str] = ()) -> None:
        """The fallback must work; words that the dictionary lacks are counted and named."""
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
        return self.fallback.spoken_in(self.language) if self.fallback else None

    def _dotless(self) -> bool:
        """Whether the language tells ı from i; the fallback's own counts where none is given."""
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
        """Read once per process and never pickled: a big dictionary would travel with every task."""
        try:
            return read_lexicon(self.path, self.path.stat().st_mtime_ns, dotless=self._dotless())
        except OSError as error:
            raise ValueError(
                f"lexicon: path must be a pronouncing dictionary, {self.path} cannot be read: "
                f"{error.strerror}"
            ) from error


def spelled(word: str, *, dotless: bool = False) -> str:
    """One way of writing a word: composed, in small letters, with a plain apostrophe.

    Args:
        word: as it is written.
        dotless: whether the small I is ı, as in Turkish.

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
    """Currencies, signs of arithmetic, and what has a name though it is punctuation to Unicode."""
    return letter in _SPOKEN_PUNCTUATION or unicodedata.category(letter) in ("Sc", "Sm")


def _without_punctuation(word: str) -> str:
    silent = [unicodedata.category(letter)[0] in "PSZ" and not _is_spoken_symbol(letter) for letter in word]
    if all(silent):
        return ""
    return word[silent.index(False) : len(word) - silent[::-1].index(False)]


@functools.lru_cache(maxsize=4)
def read_lexicon(
    path: Path,
    stamp: int = 0,  # noqa: ARG001 - a changed file is read anew
    *,
    dotless: bool = False,
) -> Mapping[str, tuple[str, ...]]:
    """The first pronunciation of each word of a dictionary file."""
    entries: dict[str, tuple[str, ...]] = {}
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                entry = _entry(line, f"{path}: line {number}", dotless=dotless)
                if entry:
                    entries.setdefault(*entry)
    except UnicodeDecodeError as error:
        raise ValueError(f"lexicon: {path} must be a text in UTF-8: {error}") from error
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
    """How many probabilities stand before the phonemes.

    >>> _num_probabilities(["0.99", "0.14", "1.0", "1.0", "t", "iː"]), _num_probabilities(["2", "l"])
    (4, 0)
    """
    return len(list(itertools.takewhile(_PROBABILITY.fullmatch, fields)))
