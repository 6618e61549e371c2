"""What was heard for what, counted over aligned utterances."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from phonetics.alignment import Pair

PhonemePair = tuple[str | None, str | None]  # reference, hypothesis; None where there is nothing


class PhonemeScore(NamedTuple):
    """How well one phoneme is heard."""

    phoneme: str
    spoken: int  # times in references
    heard: int  # times in hypotheses
    correct: int

    @property
    def recall(self) -> float | None:
        """Of the times it was spoken, the share that was heard as it; None where it was never spoken."""
        return self.correct / self.spoken if self.spoken else None

    @property
    def precision(self) -> float | None:
        """Of the times it was heard, the share that was spoken; None where it was never heard."""
        return self.correct / self.heard if self.heard else None


class Confusion(NamedTuple):
    """One kind of error, and how often it happened."""

    reference: str | None
    hypothesis: str | None
    times: int
    out_of: int  # times the reference was spoken; insertions: all phonemes

    def in_words(self) -> str:
        """A sentence for people.

        >>> Confusion("t", "d", 14, 120).in_words()
        'heard [d] for [t]: 14 of 120'
        >>> Confusion("t", None, 3, 120).in_words(), Confusion(None, "t", 2, 900).in_words()
        ('missed [t]: 3 of 120', 'heard [t] where nothing was: 2 in 900 phonemes')
        """
        if self.reference is None:
            return f"heard [{self.hypothesis}] where nothing was: {self.times} in {self.out_of} phonemes"
        if self.hypothesis is None:
            return f"missed [{self.reference}]: {self.times} of {self.out_of}"
        return f"heard [{self.hypothesis}] for [{self.reference}]: {self.times} of {self.out_of}"


def phoneme_pairs(
    reference: Sequence[str], hypothesis: Sequence[str], pairs: Iterable[Pair]
) -> list[PhonemePair]:
    """The phonemes of an alignment's pairs.

    >>> phoneme_pairs(["t"], ["d", "a"], [Pair(0, 0), Pair(None, 1)])
    [('t', 'd'), (None, 'a')]
    """
    return [
        (
            None if pair.reference is None else reference[pair.reference],
            None if pair.hypothesis is None else hypothesis[pair.hypothesis],
        )
        for pair in pairs
    ]


def phoneme_scores(counts: Counter[PhonemePair]) -> dict[str, PhonemeScore]:
    """Each phoneme's precision and recall, by phoneme."""
    spoken: Counter[str] = Counter()
    heard: Counter[str] = Counter()
    for (reference, hypothesis), count in counts.items():
        if reference is not None:
            spoken[reference] += count
        if hypothesis is not None:
            heard[hypothesis] += count
    names = dict.fromkeys([*spoken, *heard])
    return {name: PhonemeScore(name, spoken[name], heard[name], counts[name, name]) for name in names}


def most_frequent(counts: Counter[PhonemePair], limit: int | None = None) -> list[Confusion]:
    """Errors, the frequent ones first."""
    spoken: Counter[str | None] = Counter()
    for (reference, _), count in counts.items():
        spoken[reference] += count
    total = spoken.total() - spoken[None]
    errors = [
        Confusion(reference, hypothesis, count, total if reference is None else spoken[reference])
        for (reference, hypothesis), count in counts.items()
        if reference != hypothesis and count
    ]
    errors.sort(key=lambda error: (-error.times, str(error.reference), str(error.hypothesis)))
    return errors[:limit]
