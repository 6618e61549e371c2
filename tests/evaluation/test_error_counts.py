"""Edits of phonemes, characters and words, counted by hand."""

import math

from evaluation.error_counts import character_edits, error_rate, phoneme_edits, total_edits, word_edits
from phonetics import EditCounts


def test_word_boundaries_count_as_words_and_spaces_but_not_as_phonemes():
    reference, hypothesis = ["d", "a", "|", "n", "e"], ["d", "a", "n", "e"]
    assert phoneme_edits(reference, hypothesis).errors == 0
    assert character_edits(reference, hypothesis).errors == 1
    assert word_edits(reference, hypothesis).errors == 2


def test_a_phoneme_of_two_characters_is_one_phoneme():
    assert phoneme_edits(["tʃ"], ["t"]).errors == 1
    assert character_edits(["tʃ"], ["t"]).reference_length == 2


def test_a_sequence_without_boundaries_is_one_word():
    assert word_edits(["d", "a"], ["d", "e"]) == EditCounts(1, 0, 0, 1)
    assert word_edits([], ["d"]) == EditCounts(0, 0, 1, 0)


def test_totals_and_rates_of_nothing_are_defined():
    assert total_edits([]) == EditCounts(0, 0, 0, 0)
    assert math.isnan(error_rate(total_edits([])))
    assert error_rate(EditCounts(1, 1, 1, 4)) == 0.75
