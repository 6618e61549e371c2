"""The candidates of a place: which phonemes may have been said instead of an expected one."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from phonetics import Vocabulary, VocabularyError
from phonetics.articulation import PhonemeInventory

# ``same-class`` are the phonemes of the same manner of articulation; a table lists those of each phoneme.
CandidateChoice = Literal["all", "same-class"] | Mapping[str, str]


def candidate_table(vocabulary: Vocabulary, choice: CandidateChoice = "all") -> Tensor:
    """Return the candidates, a column each, of every expected token, a row each, (V, V).

    Every phoneme is a candidate of itself. A phoneme that a table does not list is its only one.

    >>> vocabulary = Vocabulary(("[PAD]", "p", "t", "a"))
    >>> candidate_table(vocabulary, "same-class").int().tolist()
    [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
    >>> candidate_table(vocabulary, {"a": "t"})[3].int().tolist()
    [0, 0, 1, 1]
    """
    if isinstance(choice, Mapping):
        return _listed(vocabulary, choice)
    ids = torch.tensor([vocabulary.ids[phoneme] for phoneme in vocabulary.phonemes])
    inventory = PhonemeInventory(vocabulary.phonemes)
    classes = [inventory.manner_of(name) if choice == "same-class" else "" for name in vocabulary.phonemes]
    same = torch.tensor([[one == other for other in classes] for one in classes])
    table = torch.zeros(len(vocabulary), len(vocabulary), dtype=torch.bool)
    table[ids[:, None], ids] = same
    return table


def _listed(vocabulary: Vocabulary, listed: Mapping[str, str]) -> Tensor:
    pairs = [(expected, other) for expected, others in listed.items() for other in others.split()]
    ids = {phoneme: vocabulary.id_of(phoneme) for pair in pairs for phoneme in pair}
    if unknown := sorted(phoneme for phoneme, place in ids.items() if place is None):
        raise VocabularyError(
            f"candidates: phonemes must be in the vocabulary, these are not: {' '.join(unknown)}"
        )
    table = torch.eye(len(vocabulary), dtype=torch.bool)
    for expected, other in pairs:
        table[ids[expected], ids[other]] = True
    return table
