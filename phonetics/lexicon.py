"""Text → phonemes by a pronouncing dictionary, with another backend for the words that it lacks."""

import functools
import hashlib
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from phonetics.backends import TextToPhonemes, named_backend
from phonetics.grapheme_to_phoneme import WORD_BOUNDARY, GraphemeToPhoneme, UnpronounceableError

log = logging.getLogger(__name__)

_VARIANT = re.compile(r"\(\d+\)$")  # CMUdict's second and further pronunciations: READ(2)
_COMMENT = "#"
_COMMENT_LINES = (";;;", _COMMENT)
_JOINERS = re.compile(r"[-‐–—/]+")  # noqa: RUF001 - these are meant
_EXAMPLES = 10


class LexiconPhonemes(GraphemeToPhoneme):
    """Words looked up in a file: ``word``, white space, phonemes separated by spaces; one entry a line.

    Of several entries for a word the first counts; case does not matter. Lines that start with
    ``;;;`` or ``#``, and what follows `` # ``, are comments. A compound that is not in the file is
    looked up by the parts between its hyphens.

    Args:
        path: the dictionary, in UTF-8; CMUdict and the dictionaries of aligners are of this form.
        fallback: the backend for words that it lacks; with ``none``, texts that hold one are left out.
        language: of the fallback; null takes the data set's.
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
        joined = [phoneme for word in pronounced if word for phoneme in (*word, WORD_BOUNDARY)]
        return tuple(joined[:-1])

    def fingerprint(self) -> str:
        """The dictionary's content, and the fallback."""
        content = hashlib.sha256(self.path.read_bytes()).hexdigest()
        fallback = self._fallback()
        return f"lexicon {content} {fallback.fingerprint() if fallback else 'none'}"

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
        return tuple(phoneme for phoneme in fallback(word) if phoneme != WORD_BOUNDARY)

    def _fallback(self) -> GraphemeToPhoneme | None:
        return self.fallback.spoken_in(self.language) if self.fallback else None

    def _words(self, text: str) -> Iterator[str]:
        entries = self._entries()
        for chunk in text.split():
            written = spelled(chunk)
            bare = _without_punctuation(written)
            if written in entries or bare in entries:
                yield written if written in entries else bare
            else:
                yield from filter(None, map(_without_punctuation, _JOINERS.split(bare)))

    def _entries(self) -> Mapping[str, tuple[str, ...]]:
        """Read once per process and never pickled: a big dictionary would travel with every task."""
        try:
            return read_lexicon(self.path, self.path.stat().st_mtime_ns)
        except OSError as error:
            raise ValueError(
                f"lexicon: path must be a pronouncing dictionary, {self.path} cannot be read: "
                f"{error.strerror}"
            ) from error


def spelled(word: str) -> str:
    """One way of writing a word: composed, in small letters, with a plain apostrophe.

    >>> spelled("Don’t")
    "don't"
    """
    return unicodedata.normalize("NFC", word).casefold().replace("\u2019", "'")


def _without_punctuation(word: str) -> str:
    kinds = [unicodedata.category(letter)[0] in "PSZ" for letter in word]
    if all(kinds):
        return ""
    return word[kinds.index(False) : len(word) - kinds[::-1].index(False)]


@functools.lru_cache(maxsize=4)
def read_lexicon(path: Path, stamp: int = 0) -> Mapping[str, tuple[str, ...]]:  # noqa: ARG001 - a changed file is read anew
    """The first pronunciation of each word of a dictionary file."""
    entries: dict[str, tuple[str, ...]] = {}
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                entry = _entry(line, f"{path}: line {number}")
                if entry:
                    entries.setdefault(*entry)
    except UnicodeDecodeError as error:
        raise ValueError(f"lexicon: {path} must be a text in UTF-8: {error}") from error
    if not entries:
        raise ValueError(f"lexicon: {path} must hold entries such as 'tea t iː', it holds none")
    return entries


def _entry(line: str, place: str) -> tuple[str, tuple[str, ...]] | None:
    if not line.strip() or line.startswith(_COMMENT_LINES):
        return None
    word, *phonemes = line.split()
    if _COMMENT in phonemes:
        phonemes = phonemes[: phonemes.index(_COMMENT)]
    if not phonemes:
        raise ValueError(f"lexicon: {place} must be a word and its phonemes, got {line.strip()[:40]!r}")
    return spelled(_VARIANT.sub("", word)), tuple(phonemes)
