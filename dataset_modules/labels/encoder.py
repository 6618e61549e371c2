"""Phonemes → ids; the configuration decides about phonemes outside the vocabulary."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

from phonetics import WORD_DELIMITER, Vocabulary, VocabularyError

log = logging.getLogger(__name__)

UnknownPhonemePolicy = Literal["skip", "refuse", "map_to_unknown", "drop"]
UNKNOWN_ADVICE = "add them to model.vocab_file, or set data.unknown_phonemes to map_to_unknown or drop"
_EXAMPLES = 10


class LabelEncoder:
    """Encodes phonemes; word boundaries stay only if the vocabulary has a token for them.

    >>> encode = LabelEncoder(Vocabulary(("[PAD]", "a", "b")), "drop")
    >>> encode.with_unknown(["a", "|", "x", "b"])
    ([1, 2], ['x'])
    """

    def __init__(self, vocabulary: Vocabulary, policy: UnknownPhonemePolicy) -> None:
        if policy == "map_to_unknown" and vocabulary.unknown_id is None:
            raise VocabularyError(
                "data.unknown_phonemes is map_to_unknown, but the vocabulary has no [UNK] token"
            )
        self.vocabulary = vocabulary
        self.policy = policy
        self._unknown_id = vocabulary.unknown_id if policy == "map_to_unknown" else None

    def __call__(self, phonemes: Iterable[str]) -> list[int]:
        """Return the ids of a label; unknown phonemes become the unknown token, or are dropped."""
        return self.with_unknown(phonemes)[0]

    def with_unknown(self, phonemes: Iterable[str]) -> tuple[list[int], list[str]]:
        """Return the ids of a label and its phonemes outside the vocabulary."""
        id_of, ids, unknown = self.vocabulary.id_of, [], []
        for phoneme in self.vocabulary.spelled(phonemes):
            place = id_of(phoneme)
            if place is None and phoneme != WORD_DELIMITER:
                unknown.append(phoneme)
                place = self._unknown_id
            if place is not None:
                ids.append(place)
        return ids, unknown

    def check(self, unknown: Counter[str]) -> None:
        """Refuse or log the unknown phonemes of a split; skipped recordings are logged elsewhere."""
        if not unknown or self.policy == "skip":
            return
        if self.policy == "refuse":
            raise VocabularyError(f"data: {describe_unknown(unknown)}; {UNKNOWN_ADVICE}")
        outcome = "mapped to the unknown token" if self.policy == "map_to_unknown" else "dropped"
        log.warning("data: %s; %s", describe_unknown(unknown), outcome)


def describe_unknown(unknown: Counter[str]) -> str:
    """Name the phonemes outside the vocabulary, the most frequent first.

    >>> describe_unknown(Counter("xxq"))
    '3 phonemes of 2 kinds are not in the vocabulary: x (2×), q (1×)'
    """
    listed = ", ".join(f"{phoneme} ({count}×)" for phoneme, count in unknown.most_common(_EXAMPLES))
    return f"{unknown.total()} phonemes of {len(unknown)} kinds are not in the vocabulary: {listed}"


def frames_needed(ids: Sequence[int]) -> int:
    """Return the fewest frames that CTC needs for a label: equal neighbours need a blank between them.

    >>> frames_needed([3, 3, 4])
    4
    """
    return len(ids) + sum(first == second for first, second in pairwise(ids))
