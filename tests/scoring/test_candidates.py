"""Candidates by class or by a table."""

import pytest

from phonetics import Vocabulary, VocabularyError
from scoring.candidates import candidate_table

VOCABULARY = Vocabulary(("[PAD]", "[UNK]", "|", "s", "θ", "t", "a", "ɡ"))


def _names(row):
    return {name for name, is_one in zip(VOCABULARY.tokens, row.tolist(), strict=True) if is_one}


def test_all_phonemes_are_candidates_and_nothing_else():
    table = candidate_table(VOCABULARY)
    assert _names(table[VOCABULARY.ids["s"]]) == {"s", "θ", "t", "a", "ɡ"}


def test_candidates_of_the_same_class_share_the_manner_of_articulation():
    table = candidate_table(VOCABULARY, "same-class")
    assert _names(table[VOCABULARY.ids["s"]]) == {"s", "θ"}
    assert _names(table[VOCABULARY.ids["a"]]) == {"a"}


def test_a_table_lists_candidates_in_any_spelling_and_the_phoneme_itself_is_always_one():
    table = candidate_table(VOCABULARY, {"s": "θ g"})
    assert _names(table[VOCABULARY.ids["s"]]) == {"s", "θ", "ɡ"}
    assert _names(table[VOCABULARY.ids["θ"]]) == {"θ"}


def test_a_table_of_other_phonemes_is_refused_by_name():
    with pytest.raises(VocabularyError, match="x y"):
        candidate_table(VOCABULARY, {"s": "y", "x": "s"})
