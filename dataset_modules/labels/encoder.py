"""Phonemes → ids: what lies outside the vocabulary is counted; what becomes of it is the user's choice."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from phonetics import Vocabulary, VocabularyError

log = logging.getLogger(__name__)

UnknownPhonemePolicy = Literal["skip", "refuse", "map_to_unknown", "drop"]
WORD_BOUNDARY = "|"
_EXAMPLES = 10
WAY_OUT = "add them to model.vocab_file, or set data.unknown_phonemes to map_to_unknown or drop"


class LabelEncoder:
    """Encodes phonemes; word boundaries stay only where the vocabulary has a token for them.

    >>> encode = LabelEncoder(Vocabulary(("[PAD]", "a", "b")), "drop")
    >>> encode(["a", "|", "x", "b"]), encode.unknown_in(["a", "|", "x", "b"])
    ([1, 2], ['x'])
    """

    def __init__(self, vocabulary: Vocabulary, policy: UnknownPhonemePolicy) -> None:
        if policy == "map_to_unknown" and vocabulary.unknown_id is None:
            raise VocabularyError(
                "data.unknown_phonemes is map_to_unknown, but the vocabulary has no [UNK] token"
            )
        self.vocabulary = vocabulary
        self.policy = policy

    def __call__(self, phonemes: Iterable[str]) -> list[int]:
        """The ids of a label; what is outside the vocabulary becomes the unknown token, or nothing."""
        ids = map(self.vocabulary.id_of, self._without_boundaries(phonemes))
        instead = self.vocabulary.unknown_id if self.policy == "map_to_unknown" else None
        known = (instead if place is None else place for place in ids)
        return [place for place in known if place is not None]

    def unknown_in(self, phonemes: Iterable[str]) -> list[str]:
        """Those of a label that are outside the vocabulary."""
        id_of = self.vocabulary.id_of
        return [phoneme for phoneme in self._without_boundaries(phonemes) if id_of(phoneme) is None]

    def _without_boundaries(self, phonemes: Iterable[str]) -> Iterable[str]:
        if self.vocabulary.word_delimiter:
            return phonemes
        return (phoneme for phoneme in phonemes if phoneme != WORD_BOUNDARY)

    def judge(self, unknown: Counter[str]) -> None:
        """Refuse, or say, what a split holds outside the vocabulary; what is skipped is said elsewhere."""
        if not unknown or self.policy == "skip":
            return
        if self.policy == "refuse":
            raise VocabularyError(f"data: {described(unknown)}; {WAY_OUT}")
        fate = "mapped to the unknown token" if self.policy == "map_to_unknown" else "dropped"
        log.warning("data: %s; %s", described(unknown), fate)


def described(unknown: Counter[str]) -> str:
    """What is outside the vocabulary, the most frequent first.

    >>> described(Counter("xxq"))
    '3 phonemes of 2 kinds are not in the vocabulary: x (2×), q (1×)'
    """
    listed = ", ".join(f"{phoneme} ({count}×)" for phoneme, count in unknown.most_common(_EXAMPLES))
    return f"{unknown.total()} phonemes of {len(unknown)} kinds are not in the vocabulary: {listed}"


def frames_needed(ids: Sequence[int]) -> int:
    """The fewest frames that CTC can spell a label in: equal neighbours need a blank between them.

    >>> frames_needed([3, 3, 4])
    4
    """
    return len(ids) + sum(first == second for first, second in zip(ids, ids[1:], strict=False))
