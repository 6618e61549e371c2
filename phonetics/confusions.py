"""Count correct phonemes and confusions over aligned utterances."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from phonetics.alignment import Pair

PhonemePair = tuple[str | None, str | None]  # reference and hypothesis; None for an insertion or a deletion


class PhonemeScore(NamedTuple):
    """How well one phoneme is recognised."""

    phoneme: str
    spoken: int  # times in references
    recognised: int  # times in hypotheses
    correct: int

    @property
    def recall(self) -> float | None:
        """Return the share of its occurrences in references that is correct; None where there are none."""
        return self.correct / self.spoken if self.spoken else None

    @property
    def precision(self) -> float | None:
        """Return the share of its occurrences in hypotheses that is correct; None where there are none."""
        return self.correct / self.recognised if self.recognised else None


class Confusion(NamedTuple):
    """One kind of error and its number."""

    reference: str | None
    hypothesis: str | None
    times: int
    out_of: int  # times the reference was spoken; insertions: all phonemes

    def in_words(self) -> str:
        """Describe the error and its rate.

        >>> Confusion("t", "d", 14, 120).in_words()
        'recognised [t] as [d]: 14 of 120'
        >>> Confusion("t", None, 3, 120).in_words(), Confusion(None, "t", 2, 900).in_words()
        ('deleted [t]: 3 of 120', 'inserted [t]: 2 in 900 phonemes')
        """
        if self.reference is None:
            return f"inserted [{self.hypothesis}]: {self.times:,} in {self.out_of:,} phonemes"
        if self.hypothesis is None:
            return f"deleted [{self.reference}]: {self.times:,} of {self.out_of:,}"
        return f"recognised [{self.reference}] as [{self.hypothesis}]: {self.times:,} of {self.out_of:,}"


def phoneme_pairs(
    reference: Sequence[str], hypothesis: Sequence[str], pairs: Iterable[Pair]
) -> list[PhonemePair]:
    """Look up the phonemes of an alignment's pairs.

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
    """Count each phoneme in references, in hypotheses, and in both."""
    spoken: Counter[str] = Counter()
    recognised: Counter[str] = Counter()
    for (reference, hypothesis), count in counts.items():
        if reference is not None:
            spoken[reference] += count
        if hypothesis is not None:
            recognised[hypothesis] += count
    names = dict.fromkeys([*spoken, *recognised])
    return {name: PhonemeScore(name, spoken[name], recognised[name], counts[name, name]) for name in names}


def most_frequent(counts: Counter[PhonemePair], limit: int | None = None) -> list[Confusion]:
    """List the errors, the most frequent first."""
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
