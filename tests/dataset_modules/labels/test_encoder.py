import logging
from collections import Counter

import pytest

from dataset_modules.labels.encoder import LabelEncoder, UnknownPhonemePolicy, frames_needed
from phonetics import Vocabulary, VocabularyError

WITH_ALL = Vocabulary(("[PAD]", "[UNK]", "|", "a", "b"))
BARE = Vocabulary(("[PAD]", "a", "b"))


@pytest.mark.parametrize("policy", ["skip", "refuse", "map_to_unknown", "drop"])
def test_known_phonemes_are_encoded_under_every_policy(policy: UnknownPhonemePolicy) -> None:
    encode = LabelEncoder(WITH_ALL, policy)
    assert [encode(label) for label in (["a", "|", "b"], [])] == [[3, 2, 4], []]
    assert encode.with_unknown(["a", "|", "b"])[1] == []


def test_word_boundaries_stay_only_where_the_vocabulary_has_them() -> None:
    assert LabelEncoder(BARE, "refuse")(["a", "|", "b"]) == [1, 2]
    assert LabelEncoder(BARE, "refuse").with_unknown(["a", "|", "x"])[1] == ["x"]


@pytest.mark.parametrize("policy", ["skip", "refuse", "map_to_unknown", "drop"])
def test_vocabularies_spelled_otherwise_than_labels_are_understood(policy: UnknownPhonemePolicy) -> None:
    encode = LabelEncoder(Vocabulary(("[PAD]", "[UNK]", "g", "\u00e7")), policy)
    assert encode.with_unknown(["c\u0327", "ɡ"])[1] == []
    assert encode(["c\u0327", "ɡ"]) == [3, 2]


def test_unknown_phonemes_are_refused_counted_and_named() -> None:
    with pytest.raises(VocabularyError, match=r"3 phonemes of 2 kinds .*: x \(2×\), q \(1×\); add them"):
        LabelEncoder(WITH_ALL, "refuse").check(Counter(["x", "q", "x"]))


@pytest.mark.parametrize(
    ("policy", "ids", "outcome"),
    [("map_to_unknown", [1, 3], "mapped to the unknown token"), ("drop", [3], "dropped")],
)
def test_unknown_phonemes_are_mapped_or_dropped(
    policy: UnknownPhonemePolicy, ids: list[int], outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    encode = LabelEncoder(WITH_ALL, policy)
    assert encode(["x", "a"]) == ids
    with caplog.at_level(logging.WARNING):
        encode.check(Counter(encode.with_unknown(["x", "a"])[1]))
    assert f"x (1×); {outcome}" in caplog.text


def test_mapping_needs_an_unknown_token() -> None:
    with pytest.raises(VocabularyError, match=r"no \[UNK\] token"):
        LabelEncoder(BARE, "map_to_unknown")


@pytest.mark.parametrize(("ids", "frames"), [([], 0), ([1], 1), ([1, 2, 1], 3), ([1, 1, 1, 2, 2], 8)])
def test_equal_neighbours_need_a_frame_between_them(ids: list[int], frames: int) -> None:
    assert frames_needed(ids) == frames
