"""Phonemes → ids: what lies outside the vocabulary is counted, then refused, mapped or dropped by choice."""

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Literal

from phonetics import Vocabulary, VocabularyError

log = logging.getLogger(__name__)

UnknownPhonemePolicy = Literal["refuse", "map_to_unknown", "drop"]
WORD_BOUNDARY = "|"
_EXAMPLES = 10


def encode_labels(
    phoneme_lists: Iterable[list[str]], vocabulary: Vocabulary, policy: UnknownPhonemePolicy
) -> list[list[int]]:
    """Encode the labels of a split; word boundaries stay only where the vocabulary has a token for them."""
    lists = [_without_boundaries(phonemes, vocabulary) for phonemes in phoneme_lists]
    unknown = Counter(phoneme for phonemes in lists for phoneme in phonemes if phoneme not in vocabulary.ids)
    if unknown:
        _judge(unknown, policy)
    return [_encode(phonemes, vocabulary, policy) for phonemes in lists]


def _without_boundaries(phonemes: list[str], vocabulary: Vocabulary) -> list[str]:
    if vocabulary.word_delimiter:
        return phonemes
    return [phoneme for phoneme in phonemes if phoneme != WORD_BOUNDARY]


def _judge(unknown: Counter[str], policy: UnknownPhonemePolicy) -> None:
    listed = ", ".join(f"{phoneme} ({count}×)" for phoneme, count in unknown.most_common(_EXAMPLES))
    message = (
        f"data: {sum(unknown.values())} phonemes of {len(unknown)} kinds are not in the vocabulary: {listed}"
    )
    if policy == "refuse":
        raise VocabularyError(
            f"{message}; add them to model.vocab_file, or set data.unknown_phonemes to map_to_unknown or drop"
        )
    log.warning("%s; %s", message, "mapped to the unknown token" if policy == "map_to_unknown" else "dropped")


def _encode(phonemes: list[str], vocabulary: Vocabulary, policy: UnknownPhonemePolicy) -> list[int]:
    ids = vocabulary.ids
    if policy != "map_to_unknown":
        return [ids[phoneme] for phoneme in phonemes if phoneme in ids]
    if vocabulary.unknown_id is None:
        raise VocabularyError(
            "data.unknown_phonemes is map_to_unknown, but the vocabulary has no [UNK] token"
        )
    return [ids.get(phoneme, vocabulary.unknown_id) for phoneme in phonemes]
