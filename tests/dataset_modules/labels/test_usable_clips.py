from pathlib import Path

import numpy as np
import pytest

from dataset_modules.cache.clip_store import ClipSelection, ClipStore, ClipWriter, PreparedClip
from dataset_modules.labels.encoder import LabelEncoder, UnknownPhonemePolicy
from dataset_modules.labels.usable_clips import EncodedLabels, usable_clips
from phonetics import Vocabulary

VOCABULARY = Vocabulary(("[PAD]", "[UNK]", "a", "b"))
LABELS = ("ab", "axb", "aab", "aaa", "", "qx")


@pytest.fixture
def store(tmp_path: Path) -> ClipStore:
    """A clip of 100 samples for each label, and as many more as its number."""
    with ClipWriter(tmp_path / "clips.arrow") as writer:
        for number, label in enumerate(LABELS):
            samples = np.zeros(100 + number, dtype=np.int16)
            writer.write(PreparedClip(label, None, None, None, tuple(label), None, samples, f"{label}.wav"))
    return ClipStore([tmp_path / "clips.arrow"])


def _names(store: ClipStore, policy: UnknownPhonemePolicy, samples_per_frame: int) -> list[str]:
    usable = usable_clips(
        store, LabelEncoder(VOCABULARY, policy), lambda samples: samples // samples_per_frame
    )
    return [store[int(index)].id for index in usable.indices]


def test_recordings_with_unknown_phonemes_are_left_out_named_and_counted(store: ClipStore) -> None:
    usable = usable_clips(store, LabelEncoder(VOCABULARY, "skip"), None)
    assert usable.indices.tolist() == [0, 2, 3, 4]
    assert [(fault.id, fault.path) for fault in usable.faults] == [("axb", "axb.wav"), ("qx", "qx.wav")]
    assert usable.faults[1].reason == "phonemes must be in the vocabulary, these are not: q, x"
    assert usable.unknown == {"x": 2, "q": 1}


def test_labels_that_frames_cannot_hold_are_left_out_and_named(store: ClipStore) -> None:
    usable = usable_clips(store, LabelEncoder(VOCABULARY, "map_to_unknown"), lambda samples: samples // 26)
    assert [fault.id for fault in usable.faults] == ["aab", "aaa"]  # three frames; four and five are needed
    assert "its 3 labels need 5 frames, the model makes 3 of this audio" in usable.faults[1].reason


@pytest.mark.parametrize(
    ("policy", "samples_per_frame", "kept"),
    [
        ("skip", 20, ["ab", "aab", "aaa", ""]),  # five frames
        ("skip", 25, ["ab", "aab", ""]),  # four
        ("drop", 50, ["ab", "axb", "", "qx"]),  # two, and less to spell
        ("map_to_unknown", 50, ["ab", ""]),  # of qx the same token twice
        ("drop", 200, []),  # none
    ],
)
def test_what_is_spelled_decides_how_many_frames_are_needed(
    store: ClipStore, policy: UnknownPhonemePolicy, samples_per_frame: int, kept: list[str]
) -> None:
    assert _names(store, policy, samples_per_frame) == kept


def test_labels_and_clips_keep_together(store: ClipStore) -> None:
    encode = LabelEncoder(VOCABULARY, "drop")
    counters = (lambda samples: samples // 25, lambda samples: samples // 200, lambda samples: samples // 35)
    parts = [usable_clips(store, encode, num_frames) for num_frames in counters]
    clips = ClipSelection([store] * 3, [part.indices for part in parts])
    names = [clip.id for clip in clips]
    labels = EncodedLabels.joined([part.labels for part in parts])
    assert names == ["ab", "axb", "aab", "", "qx", "ab", "axb", "", "qx"]
    assert list(labels) == [encode(name) for name in names]
    assert labels[2] == [2, 2, 3]
    assert clips.num_samples()[5:].tolist() == [100, 101, 104, 105]
    with pytest.raises(IndexError):
        labels[len(names)]


def test_labels_are_the_same_in_a_large_vocabulary(store: ClipStore) -> None:
    tokens = ("[PAD]", *(chr(0x4E00 + number) for number in range(300)), "a", "b", "x", "q")
    encode = LabelEncoder(Vocabulary(tokens), "skip")
    labels = usable_clips(store, encode, None).labels
    assert list(labels) == [encode(label) for label in LABELS]
    assert labels[0] == [301, 302]


def test_no_stores_have_no_labels() -> None:
    assert list(EncodedLabels.joined([])) == []
