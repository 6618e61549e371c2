"""Count the edits between sequences of phonemes, the numerators of error rates."""

from collections.abc import Hashable, Sequence
from itertools import groupby
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein


class EditCounts(NamedTuple):
    """Edits that turn a reference into a hypothesis, and the reference's length."""

    substitutions: int
    deletions: int
    insertions: int
    reference_length: int

    @property
    def errors(self) -> int:
        """Sum the three kinds of errors."""
        return self.substitutions + self.deletions + self.insertions


def edit_counts(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> EditCounts:
    """Count the edits of one minimal alignment; every edit costs one.

    An empty reference is legal: each hypothesis element is then an insertion.

    >>> edit_counts(["t", "ʃ", "a"], ["tʃ", "a", "a"])
    EditCounts(substitutions=2, deletions=0, insertions=0, reference_length=3)
    >>> edit_counts([], ["a"])
    EditCounts(substitutions=0, deletions=0, insertions=1, reference_length=0)
    """
    tags = [operation.tag for operation in Levenshtein.editops(reference, hypothesis)]
    return EditCounts(tags.count("replace"), tags.count("delete"), tags.count("insert"), len(reference))


def split_words(tokens: Sequence[str], delimiter: str | None) -> list[tuple[str, ...]]:
    """Split a token sequence into words; without a delimiter the whole sequence is one word.

    >>> split_words(["d", "a", "|", "n", "e"], "|")
    [('d', 'a'), ('n', 'e')]
    >>> split_words(["d", "a"], None)
    [('d', 'a')]
    """
    groups = groupby(tokens, key=lambda token: token == delimiter)
    return [tuple(group) for is_delimiter, group in groups if not is_delimiter]
