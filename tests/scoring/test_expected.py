"""Expected phonemes become tokens; what the vocabulary lacks is named."""

import re

import pytest

from phonetics import Vocabulary, VocabularyError
from scoring.expected import expected_sequence

VOCABULARY = Vocabulary(("[PAD]", "|", "l", "lː", "a", "s", "ɡ"))


def test_boundaries_are_tokens_and_belong_to_no_word():
    expected = expected_sequence(["a", "|", "s", "a"], VOCABULARY)
    assert VOCABULARY.decode(expected.labels) == ["a", "|", "s", "a"]
    assert expected.words == [0, None, 1, 1]


def test_boundaries_at_the_ends_and_repeated_ones_are_no_tokens():
    expected = expected_sequence(["|", "a", "|", "|", "s", "|"], VOCABULARY)
    assert VOCABULARY.decode(expected.labels) == ["a", "|", "s"]


def test_long_consonants_are_spelled_as_the_vocabulary_has_them_but_not_across_words():
    assert VOCABULARY.decode(expected_sequence(["l", "l"], VOCABULARY).labels) == ["lː"]
    apart = expected_sequence(["l", "|", "l"], Vocabulary(("[PAD]", "l", "lː")))
    assert (apart.labels, apart.words) == ([1, 1], [0, 1])


def test_any_spelling_is_found():
    assert expected_sequence(["g"], VOCABULARY).labels == [VOCABULARY.ids["ɡ"]]


def test_phonemes_outside_the_vocabulary_are_named_with_the_nearest():
    with pytest.raises(VocabularyError, match=r"z \(nearest: s\), 7$"):
        expected_sequence(["a", "z", "7"], VOCABULARY)


@pytest.mark.parametrize("special", ["[UNK]", "[PAD]", "<s>"])
def test_tokens_that_are_no_phonemes_are_refused(special):
    with pytest.raises(VocabularyError, match=re.escape(special)):
        expected_sequence(["a", special], Vocabulary(("[PAD]", "[UNK]", "a")))


def test_a_vocabulary_in_arpabet_is_used_by_its_own_symbols():
    arpabet = Vocabulary(("[PAD]", "HH", "EH1", "L", "OW", "DH", "SH"))
    expected = expected_sequence(["h", "ɛ", "l", "oʊ"], arpabet)
    assert arpabet.decode(expected.labels) == ["HH", "EH1", "L", "OW"]
    with pytest.raises(VocabularyError, match="ʒ"):
        expected_sequence(["h", "ʒ"], arpabet)


def test_nothing_expected_is_an_empty_sequence():
    assert expected_sequence(["|"], VOCABULARY).labels == []
