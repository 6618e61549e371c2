"""Texts with one letter replaced, such that exactly one phoneme of their pronunciation differs."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

_AT_ONCE = 64  # texts converted in one call

Phonemes = Sequence[str]


class SpokenError(NamedTuple):
    """A text with one letter replaced, and the place among its phonemes that this changes."""

    text: str
    place: int
    said: str


def substitution(first: Phonemes, second: Phonemes) -> int | None:
    """Find the one place at which two sequences differ; None where they differ otherwise.

    >>> substitution("tʌk", "tyk"), substitution("tʌk", "tʌ"), substitution("tʌk", "kʌt")
    (1, None, None)
    """
    if len(first) != len(second):
        return None
    places = [place for place, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1]]
    return places[0] if len(places) == 1 else None


def respelled(text: str, letters: Sequence[str]) -> list[str]:
    """List all texts that have one letter replaced.

    >>> respelled("a b", "abc")
    ['b b', 'c b', 'a a', 'a c']
    """
    return [
        text[:place] + letter + text[place + 1 :]
        for place, own in enumerate(text)
        if own.isalpha()
        for letter in letters
        if letter != own.lower()
    ]


def spoken_errors(
    text: str,
    letters: Sequence[str],
    convert: Callable[[Sequence[str]], Sequence[Phonemes]],
    normalise: Callable[[Phonemes], Phonemes],
    admits: Callable[[str, str], bool],
    draw: random.Random,
) -> Iterator[SpokenError]:
    """Yield respelled texts in a random order, with another wrong place each."""
    (marked,) = convert([text])
    expected, known = normalise(marked), set[int]()
    candidates = respelled(text, letters)
    draw.shuffle(candidates)
    for start in range(0, len(candidates), _AT_ONCE):
        texts = candidates[start : start + _AT_ONCE]
        for candidate, said in zip(texts, convert(texts), strict=True):
            phonemes = normalise(said)
            place = substitution(expected, phonemes)
            if place is None or place in known or substitution(marked, said) is None:
                continue
            if admits(expected[place], phonemes[place]):
                known.add(place)
                yield SpokenError(candidate, place, phonemes[place])
