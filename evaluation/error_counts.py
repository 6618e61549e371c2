"""Count the errors between a reference and a hypothesis; every error rate is a ratio of these counts."""

from collections.abc import Callable, Iterable, Sequence

from phonetics import WORD_DELIMITER, EditCounts, edit_counts
from phonetics.edits import split_words

CountEdits = Callable[[Sequence[str], Sequence[str]], EditCounts]


def phonemes_in(tokens: Iterable[str]) -> list[str]:
    """Return the tokens without word boundaries.

    >>> phonemes_in(["d", "a", "|", "n"])
    ['d', 'a', 'n']
    """
    return [token for token in tokens if token != WORD_DELIMITER]


def phoneme_edits(reference: Sequence[str], hypothesis: Sequence[str]) -> EditCounts:
    """Count the edits between phonemes; word boundaries do not count.

    >>> phoneme_edits(["d", "a", "|", "n"], ["d", "|", "a"]).errors
    1
    """
    return edit_counts(phonemes_in(reference), phonemes_in(hypothesis))


def character_edits(reference: Sequence[str], hypothesis: Sequence[str]) -> EditCounts:
    """Count the edits between the characters of the phoneme strings; a word boundary is a space.

    >>> character_edits(["tʃ", "a"], ["t", "a"])
    EditCounts(substitutions=0, deletions=1, insertions=0, reference_length=3)
    """
    first, second = ("".join(tokens).replace(WORD_DELIMITER, " ") for tokens in (reference, hypothesis))
    return edit_counts(first, second)


def word_edits(reference: Sequence[str], hypothesis: Sequence[str]) -> EditCounts:
    """Count the edits between words: runs of phonemes between word boundaries."""
    return edit_counts(split_words(reference, WORD_DELIMITER), split_words(hypothesis, WORD_DELIMITER))


def total_edits(counts: Iterable[EditCounts]) -> EditCounts:
    """Add up the counts of several utterances.

    >>> total_edits([EditCounts(1, 0, 2, 9), EditCounts(0, 1, 0, 5)])
    EditCounts(substitutions=1, deletions=1, insertions=2, reference_length=14)
    """
    return EditCounts(*map(sum, zip(EditCounts(0, 0, 0, 0), *counts, strict=True)))


def error_rate(counts: EditCounts) -> float:
    """Divide the errors by the reference's length; NaN where the reference is empty."""
    return counts.errors / counts.reference_length if counts.reference_length else float("nan")
