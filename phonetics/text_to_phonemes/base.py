"""Text → phonemes: what every backend can do."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

TEXTS_PER_BATCH = 256

Backend = TypeVar("Backend", bound="GraphemeToPhoneme")


class UnpronounceableError(ValueError):
    """A text holds something that the backend has no phonemes for; the message says what."""


class GraphemeToPhoneme(ABC):
    """Turns text into phonemes, with ``|`` between words; normalisation is the caller's.

    A backend without a language is a choice that ``spoken_in`` completes. Subclasses implement
    ``__call__`` and ``fingerprint``; name yours by ``class_path`` in ``text_to_phonemes``.
    """

    language: str | None = None

    @abstractmethod
    def __call__(self, text: str) -> tuple[str, ...]:
        """The phonemes of a text; ``UnpronounceableError`` where there are none for it."""

    @abstractmethod
    def fingerprint(self) -> str:
        """What it is and in which version, so that caches know when it changes."""

    def batch(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """The phonemes of several texts, as one call for each would give them."""
        return [self(text) for text in texts]

    def needs_language(self) -> bool:
        """Whether it can do nothing before it is told a language."""
        return False

    def spoken_in(self: Backend, language: str | None) -> Backend:
        """This backend for a language; a language of its own goes first."""
        if self.language is not None or language is None:
            return self
        bound = copy.copy(self)
        bound.language = language
        return bound

    def check(self, texts: Iterable[str] = ()) -> None:  # noqa: B027 - optional
        """Refuse (``ValueError``) what can never work, report what it will not find; before data are read.

        A backend that always works needs no check of its own.
        """
        return


def in_batches(texts: Iterable[str], size: int = TEXTS_PER_BATCH) -> Iterator[list[str]]:
    """Cut texts into lists, holding one at a time in memory.

    >>> list(in_batches(["a", "b", "c"], size=2))
    [['a', 'b'], ['c']]
    """
    remaining = iter(texts)
    while batch := list(islice(remaining, size)):
        yield batch
