"""Text → phonemes: the interface of all backends."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from phonetics.vocabulary import WORD_DELIMITER

TEXTS_PER_BATCH = 256

Backend = TypeVar("Backend", bound="GraphemeToPhoneme")
Text = TypeVar("Text")


class UnpronounceableError(ValueError):
    """A backend has no phonemes for a part of a text; the message names that part."""


class GraphemeToPhoneme(ABC):
    """Converts text to phonemes, with ``|`` between words; normalisation is up to the caller.

    ``for_language`` sets the language of a backend that has none. Subclasses implement
    ``__call__`` and ``fingerprint``; name yours by ``class_path`` in ``text_to_phonemes``.
    """

    language: str | None = None

    @abstractmethod
    def __call__(self, text: str) -> tuple[str, ...]:
        """Convert a text; raise ``UnpronounceableError`` where that is not possible."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Identify the backend and its version; caches are valid as long as this stays the same."""

    def batch(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """Convert several texts; the results equal those of one call for each."""
        return [self(text) for text in texts]

    def needs_language(self) -> bool:
        """Whether the backend cannot work until a language is set."""
        return False

    def for_language(self: Backend, language: str | None) -> Backend:
        """Return this backend for a language; a language that it already has stays."""
        if self.language is not None or language is None:
            return self
        bound = copy.copy(self)
        bound.language = language
        return bound

    def check(self, texts: Iterable[str] = ()) -> None:  # noqa: B027 - optional
        """Raise ``ValueError`` for a configuration that cannot work, and log what texts lack in it."""


def joined_words(words: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Join the phonemes of words, with the delimiter between words that have some.

    >>> joined_words([["a"], [], ["b", "c"]])
    ('a', '|', 'b', 'c')
    """
    phonemes = [phoneme for word in words if word for phoneme in (*word, WORD_DELIMITER)]
    return tuple(phonemes[:-1])


def in_batches(texts: Iterable[Text], size: int = TEXTS_PER_BATCH) -> Iterator[list[Text]]:
    """Cut texts into lists, with one at a time in memory.

    >>> list(in_batches(["a", "b", "c"], size=2))
    [['a', 'b'], ['c']]
    """
    remaining = iter(texts)
    while batch := list(islice(remaining, size)):
        yield batch
