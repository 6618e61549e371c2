"""The expected phonemes of a recording as a model's tokens, and the words that they belong to."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from phonetics import WORD_DELIMITER, Vocabulary, VocabularyError
from phonetics.edits import split_words
from phonetics.notation.symbol_mapping import SymbolMap
from phonetics.text_to_phonemes.base import joined_words
from phonetics.vocabulary import SPECIALS


class ExpectedSequence(NamedTuple):
    """Ids of expected tokens, (L,), with word boundaries where the vocabulary has them."""

    labels: list[int]
    words: list[int | None]  # the number of each label's word; None for a boundary


def expected_sequence(phonemes: Sequence[str], vocabulary: Vocabulary) -> ExpectedSequence:
    """Find the tokens of phonemes and word boundaries; those outside the vocabulary are refused by name.

    A vocabulary in another notation, such as ARPABET, is used by its own symbols.

    >>> expected_sequence(["a", "|", "b", "a"], Vocabulary(("[PAD]", "a", "b")))
    ExpectedSequence(labels=[1, 2, 1], words=[0, 1, 1])
    >>> expected_sequence(["θ"], Vocabulary(("[PAD]", "AA1", "SH", "TH"))).labels
    [3]
    """
    tokens = vocabulary.spelled(joined_words(split_words(phonemes, WORD_DELIMITER)))
    ids = {token: vocabulary.id_of(token) for token in tokens if token != WORD_DELIMITER}
    if specials := sorted(SPECIALS & ids.keys()):
        raise VocabularyError(f"score: phonemes must be expected, these are none: {', '.join(specials)}")
    ids |= _in_other_notation([token for token, place in ids.items() if place is None], vocabulary)
    boundary = vocabulary.ids.get(WORD_DELIMITER)
    labels: list[int] = []
    words: list[int | None] = []
    word = 0
    for token in tokens:
        if token == WORD_DELIMITER:
            word += 1
        place, owner = (boundary, None) if token == WORD_DELIMITER else (ids[token], word)
        if place is not None:
            labels.append(place)
            words.append(owner)
    return ExpectedSequence(labels, words)


def _in_other_notation(unknown: Iterable[str], vocabulary: Vocabulary) -> dict[str, int]:
    """Find the symbols that mean the same phonemes; refuse phonemes without one, and name the nearest."""
    wanted = list(dict.fromkeys(unknown))
    if not wanted:
        return {}
    symbols = SymbolMap(vocabulary.phonemes, Vocabulary(("[PAD]", *wanted), tolerant=True))
    found = {phoneme: symbols.symbol_of(phoneme) for phoneme in wanted}
    same = {
        phoneme: vocabulary.ids[symbol]
        for phoneme, symbol in found.items()
        if symbol and symbols.matches[symbol][1:3] == ((phoneme,), "identical")
    }
    if lacking := [phoneme for phoneme in wanted if phoneme not in same]:
        nearest = {phoneme: found[phoneme] for phoneme in lacking}
        listed = ", ".join(f"{one} (nearest: {near})" if near else one for one, near in nearest.items())
        raise VocabularyError(f"score: phonemes must be in the model's vocabulary, these are not: {listed}")
    return same
