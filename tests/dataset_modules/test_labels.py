import logging

import pytest

from dataset_modules.labels import UnknownPhonemePolicy, encode_labels
from phonetics import Vocabulary, VocabularyError

WITH_ALL = Vocabulary(("[PAD]", "[UNK]", "|", "a", "b"))
BARE = Vocabulary(("[PAD]", "a", "b"))


@pytest.mark.parametrize("policy", ["refuse", "map_to_unknown", "drop"])
def test_known_phonemes_are_encoded_under_every_policy(policy: UnknownPhonemePolicy) -> None:
    assert encode_labels([["a", "|", "b"], []], WITH_ALL, policy) == [[3, 2, 4], []]


def test_word_boundaries_stay_only_where_the_vocabulary_has_them() -> None:
    assert encode_labels([["a", "|", "b"]], BARE, "refuse") == [[1, 2]]


def test_unknown_phonemes_are_refused_counted_and_named() -> None:
    with pytest.raises(VocabularyError, match=r"3 phonemes of 2 kinds .*: x \(2×\), q \(1×\); add them"):
        encode_labels([["x", "a"], ["q", "x"]], WITH_ALL, "refuse")


def test_unknown_phonemes_are_mapped(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert encode_labels([["x", "a"]], WITH_ALL, "map_to_unknown") == [[1, 3]]
    assert "mapped to the unknown token" in caplog.text


def test_unknown_phonemes_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert encode_labels([["x", "a"]], BARE, "drop") == [[1]]
    assert "x (1×); dropped" in caplog.text


def test_mapping_needs_an_unknown_token() -> None:
    with pytest.raises(VocabularyError, match=r"no \[UNK\] token"):
        encode_labels([["x"]], BARE, "map_to_unknown")
